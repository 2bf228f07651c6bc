"""Random tables of your own: `foldin describe` proposes what reads them exactly, or says what it is unsure of.

For an hour of new ones: MINUTES=60 pytest -m worlds tests/test_own_worlds.py
"""

import os
import shutil
import time
from contextlib import suppress

import numpy as np
import pandas as pd
import pytest
from fuzzing import one_line
from hypothesis import HealthCheck, Phase, given, settings
from own_shapes import World, worlds, write

from foldin.core import paths
from foldin.core.errors import FoldinError
from foldin.datasets.own import proposal
from foldin.preparation import clean, fetch

SETTINGS = settings(
    deadline=None,
    derandomize=True,
    max_examples=12,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def outcome(world: World, values: dict) -> str:
    """Describe a world, paste the proposal, clean it; return "exact", "unsure" or "refused", or fail."""
    shutil.rmtree(paths.root() / "own", ignore_errors=True)
    path, truth = write(world, paths.root() / "own")
    try:
        found = proposal.examine(path)
        proposal.written(found)
    except FoldinError as error:
        one_line(error)
        return "refused"
    values["sources"] = {"mine": found.declared}
    if found.unsure:
        with suppress(FoldinError):
            fetch.run("mine")
            clean.run("mine")
        return "unsure"
    fetch.run("mine")
    clean.run("mine")
    same = _same(pd.read_parquet(paths.clean("mine") / "ratings.parquet"), truth, found, world)
    assert same, f"{world}\n{proposal.written(found)}"
    return "exact"


def _same(ratings: pd.DataFrame, truth: pd.DataFrame, found: proposal.Proposal, world: World) -> bool:
    """Return whether the ratings are those of the world, no more, no less, and in the right unit."""
    key = ["user_id", "item_id"]
    ratings = ratings.astype(dict.fromkeys(key, "str")).sort_values(key).reset_index(drop=True)
    truth = truth.astype(dict.fromkeys(key, "str")).sort_values(key).reset_index(drop=True)
    implicit = found.declared.get("feedback") == "implicit"
    right = np.log1p(truth["rating"]) if world.scale == "counts" else truth["rating"]
    return (
        len(ratings) == len(truth)
        and bool((ratings[key] == truth[key]).all().all())
        and (world.shape == "events" or implicit == (world.scale == "counts"))
        and (world.shape == "events" or np.allclose(ratings["rating"], right, atol=1e-4))
        and (not world.time or ratings["timestamp"].astype("float").tolist() == truth["timestamp"].tolist())
    )


def test_a_proposal_reads_exactly_what_was_written_or_says_what_it_is_unsure_of(quick):
    counts: dict[str, int] = {}

    @SETTINGS
    @given(world=worlds())
    def run(world):
        result = outcome(world, quick)
        counts[result] = counts.get(result, 0) + 1

    run()
    # An examiner that is never sure says nothing; one that refuses what can be read does not help.
    assert counts.get("exact", 0) >= 0.2 * sum(counts.values())
    assert counts.get("refused", 0) <= 0.1 * sum(counts.values())


@pytest.mark.worlds
@pytest.mark.timeout(0)
def test_proposals_for_as_many_new_tables_as_the_minutes_allow(quick, capsys):
    end = time.monotonic() + 60 * float(os.environ.get("MINUTES") or 10)
    counts: dict[str, int] = {}

    @settings(SETTINGS, derandomize=False, max_examples=200, database=None)
    @given(world=worlds())
    def run(world):
        result = outcome(world, quick)
        counts[result] = counts.get(result, 0) + 1

    while time.monotonic() < end:
        run()
    with capsys.disabled():
        print(f"\n{sum(counts.values()):,} tables: {counts}")
