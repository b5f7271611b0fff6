"""What this room can run by itself: the checker on its toy log, on an honest disk or on one that lies."""

from dataclasses import dataclass
from typing import Any

from proving.check.replay import make_token, read_token, replay
from proving.check.same_as_model import Check
from proving.check.search import Budget, search, smallest_failure
from proving.check.toy_check import toy_check
from proving.runs import Row, Scalar, Scenario

CHECKS: dict[str, Check[Any, Any, Any]] = {
    check.name: check
    for check in (
        toy_check("check.toy", "A toy key-value log is the same as a dictionary, through crashes."),
        toy_check(
            "check.toy_on_lying_disk",
            "The toy log on a disk that ignores sync: fails, as it must.",
            ignores_sync=True,
        ),
    )
}


@dataclass(frozen=True, kw_only=True)
class ToySearch:
    """How long to look.

    Attributes:
        disk_lies: Whether the disk ignores sync; then a failure must be found.
        scenario_count: How many scenarios at most.
    """

    disk_lies: bool = False
    scenario_count: int = 200

    def __post_init__(self) -> None:
        """Refuse an empty search."""
        if self.scenario_count < 1:
            raise ValueError(f"scenario_count must be at least 1, got {self.scenario_count}")


def search_toy(config: ToySearch, seed: int) -> Row:
    """Search the toy log for failures; return what was found, how small it became and whether its token repeats it."""
    check = CHECKS["check.toy_on_lying_disk" if config.disk_lies else "check.toy"]
    first = seed * config.scenario_count
    searched = search(check, Budget(seeds=range(first, first + config.scenario_count)))
    row: dict[str, Scalar] = {
        "found": searched.failure is not None,
        "scenario_count": searched.scenario_count,
        "operation_count": searched.operation_count,
        "operations_after_shrinking": None,
        "replay_count": None,
        "replays_the_same": None,
    }
    if searched.failure is not None:
        small = smallest_failure(check, searched.failure)
        again = replay(check, read_token(make_token(check, small.failure)))
        row["operations_after_shrinking"] = len(small.failure.steps)
        row["replay_count"] = small.replay_count
        row["replays_the_same"] = again.failure == small.failure
    return row


SCENARIOS: dict[str, Scenario[Any]] = {
    scenario.name: scenario
    for scenario in (
        Scenario(
            name="check.toy",
            about="Search a toy key-value log for failures, on an honest disk or on one that lies.",
            config=ToySearch(),
            run=search_toy,
        ),
    )
}
