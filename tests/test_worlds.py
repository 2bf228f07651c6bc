"""No readable data stops the pipeline: each small world comes to a report, or to one line before any training.

`make test` tries a few worlds; `make worlds` tries new ones for as long as it is told to, networks among them. A world
that it finds a fault with is printed as `World(…)`, which `@example` below takes as it is.
"""

import copy
import os
import time
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from worlds import World, report_or_refusal, worlds

from foldin import params

FEW = 4
MINUTES = float(os.environ.get("MINUTES") or 10)
MORE_THAN_ENOUGH = 20_000
COMMON: dict[str, Any] = {
    "deadline": None,
    "suppress_health_check": list(HealthCheck),
    # A world takes seconds, and making it smaller takes hundreds of worlds.
    "phases": [Phase.explicit, Phase.generate],
}


def outcome(world: World, quick: dict[str, Any]) -> str:
    with pytest.MonkeyPatch.context() as patch:
        values = copy.deepcopy(quick)
        patch.setattr(params, "read", lambda: values)
        return report_or_refusal(world, values, patch)


@given(worlds(networks=False))
@settings(max_examples=FEW, derandomize=True, **COMMON)
@example(World(users=30, items=9, fullness=0.6, described=True, times="all"))
def test_a_world_comes_to_a_report_or_to_one_line_before_training(quick, world):
    outcome(world, quick)


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
