"""The tester is tested: planted bugs are found, made small and repeated elsewhere; the clean toy raises no alarm."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from proving.check.replay import make_token
from proving.check.same_as_model import Check, same_as_model
from proving.check.scenarios import CHECKS, SCENARIOS, ToySearch, search_toy
from proving.check.search import Budget, search, smallest_failure
from proving.check.shrink import shrink

HERE = Path(__file__).parent
BUGS = (
    "PointerBeforeData",
    "IndexBeforeData",
    "MissingSync",
    "LostTombstone",
    "StaleCache",
    "OffByOneAtPageEnd",
    "WrongRange",
    "RemovedTooEarly",
    "RaisesOnEmpty",
)


def check_with(bug: str, monkeypatch: pytest.MonkeyPatch) -> Check[Any, Any, Any]:
    monkeypatch.syspath_prepend(str(HERE))
    import toy_bugs  # lies beside this file

    assert set(toy_bugs.BUGS) == set(BUGS)
    return toy_bugs.BUGS[bug]


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_found_and_made_small(bug: str, monkeypatch: pytest.MonkeyPatch):
    check = check_with(bug, monkeypatch)
    searched = search(check, Budget(seeds=range(60)))
    assert searched.failure is not None, f"{bug} was not found in 60 scenarios"
    small = smallest_failure(check, searched.failure)
    assert len(small.failure.steps) <= 6
    assert shrink(check, searched.failure).replay_count <= 200
    assert shrink(check, searched.failure).failure.property == searched.failure.property


@pytest.mark.parametrize("bug", BUGS)
def test_a_token_repeats_the_failure_in_a_fresh_process(bug: str, monkeypatch: pytest.MonkeyPatch):
    check = check_with(bug, monkeypatch)
    failure = search(check, Budget(seeds=range(60))).failure
    assert failure is not None
    small = smallest_failure(check, failure).failure
    token = make_token(check, small)
    assert len(token) <= 250
    environment = os.environ | {"PYTHONPATH": str(HERE), "PYTHONHASHSEED": "4711"}
    command = [sys.executable, "-m", "proving", "check", "replay", token, "--json"]
    ran = subprocess.run(command, capture_output=True, text=True, env=environment, cwd="/", check=False)
    assert ran.returncode == 1, ran.stderr
    again = json.loads(ran.stdout)
    assert again["is_same_alphabet"]
    assert again["failure"]["operations"] == [repr(step.operation) for step in small.steps]
    assert (again["failure"]["property"], again["failure"]["got"]) == (small.property, small.got)


def test_the_clean_toy_raises_no_false_alarm():
    searched = search(CHECKS["check.toy"], Budget(seeds=range(3000)))
    assert searched.failure is None
    assert searched.scenario_count == 3000


def test_a_lying_disk_is_caught():
    row = search_toy(ToySearch(disk_lies=True), 0)
    assert row["found"]
    assert row["replays_the_same"]
    assert row["operations_after_shrinking"] <= 4
    assert SCENARIOS["check.toy"].run is search_toy
    assert not search_toy(ToySearch(scenario_count=50), 3)["found"]


def test_the_same_seed_finds_the_same_failure():
    check = CHECKS["check.toy_on_lying_disk"]
    failures = [same_as_model(check, seed) for seed in range(20)]
    assert failures == [same_as_model(check, seed) for seed in range(20)]
    assert sum(failure is not None for failure in failures) >= 10
