"""No readable data stops the pipeline: each small world comes to a report, or to one line before any training.

`make test` tries a few worlds; `make worlds` tries new ones for as long as it is told to, networks among them. A world
that it finds a fault with is printed as `World(…)`, which `@example` below takes as it is.
"""

import copy
import os
import re
import time
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from worlds import NAME, World, report_or_refusal, worlds

from foldin.core import params, paths

FEW = 2
MINUTES = float(os.environ.get("MINUTES") or 10)
MORE_THAN_ENOUGH = 20_000
COMMON: dict[str, Any] = {
    "deadline": None,
    "suppress_health_check": list(HealthCheck),
    # A world takes seconds, and making it smaller takes hundreds of worlds.
    "phases": [Phase.explicit, Phase.generate],
}


def outcome(world: World, quick: dict[str, Any], **which: Any) -> str:
    with pytest.MonkeyPatch.context() as patch:
        values = copy.deepcopy(quick)
        patch.setattr(params, "read", lambda: values)
        return report_or_refusal(world, values, patch, **which)


@given(worlds(networks=False))
@settings(max_examples=FEW, derandomize=True, **COMMON)
@example(World(users=30, items=9, fullness=0.6, described=True, times="all"))
def test_a_world_comes_to_a_report_or_to_one_line_before_training(quick, world):
    outcome(world, quick)


@pytest.mark.parametrize(
    ("world", "said"),
    [
        (
            World(users=24, items=26, fullness=0.2, scale=(0, 10, 1), domains="composed", protocol="predefined_fold"),
            r"global-mean[^|]*\| 0\.\d+ +\| – +\| – ",
        ),
        (
            World(users=35, items=11, fullness=1.0, protocol="predefined_fold"),
            "In each of the 35 test pairs, the user or the item does not occur in training",
        ),
        (World(users=50, items=30, fullness=0.3, feedback="clicks"), "These data have no ratings"),
    ],
    ids=["a-domain-not-held-out", "all-cold-and-nothing-to-recommend", "clicks"],
)
def test_a_page_is_written_where_a_metric_has_nothing_to_show(quick, world, said):
    assert outcome(world, quick, families=["baselines"], guests=[]) == "report"
    assert re.search(said, (paths.reports(NAME) / "README.md").read_text())


def test_traps_that_clicks_cannot_show_say_why(quick):
    world = World(users=50, items=60, fullness=0.3, feedback="clicks")
    assert outcome(world, quick, families=["baselines"], guests=["traps"]) == "report"
    page = (paths.reports(NAME) / "TRAPS.md").read_text()
    lines = [line for line in page.splitlines() if line.startswith("Not shown on these data: ")]
    assert "Not shown on these data: no rating has a time, so no split of them can be temporal." in lines
    assert any("the mean makes no error to compare with" in line for line in lines)
    assert page.count("\n## ") > len(lines) > 4
    assert "nan" not in page


def test_ratings_that_are_all_alike_are_refused_before_training(quick):
    world = World(users=30, items=20, ratings="same")
    assert outcome(world, quick, families=["baselines"], guests=["explore"]) == "user_item"
    assert not paths.models(NAME, "baselines").exists()


@pytest.mark.worlds
@pytest.mark.timeout(0)
def test_new_worlds_come_to_a_report_or_to_one_line_before_training(quick, capsys):
    until, tried = time.monotonic() + 60 * MINUTES, Counter()

    @given(worlds(networks=True))
    @settings(max_examples=MORE_THAN_ENOUGH, database=None, **COMMON)
    def try_one(world):
        if time.monotonic() < until:
            with_networks = ", networks too" if world.networks else ""
            found = outcome(world, quick)
            tried["a report" + with_networks if found == "report" else f"refused by {found}"] += 1

    try:
        try_one()
    finally:
        with capsys.disabled():
            print(f"\n{tried.total()} worlds: {', '.join(f'{count} {what}' for what, count in sorted(tried.items()))}")
