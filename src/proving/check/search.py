"""Run many scenarios of a check, within a budget, until one fails."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from proving.check.same_as_model import Check, Failure, same_as_model
from proving.check.shrink import Shrunk, shrink


@dataclass(frozen=True, kw_only=True)
class Budget:
    """Which scenarios to run, and for how long at most.

    Attributes:
        seeds: One scenario each.
        seconds: Checked between scenarios; None for no limit.
        shard_index: This worker's share of the seeds, 0 to `shard_count` - 1: every `shard_count`-th.
        operation_count: How long a scenario is; None for the check's own.
    """

    seeds: Sequence[int]
    seconds: float | None = None
    shard_index: int = 0
    shard_count: int = 1
    operation_count: int | None = None

    def __post_init__(self) -> None:
        """Refuse shards that do not exist."""
        if not 0 <= self.shard_index < self.shard_count:
            raise ValueError(f"shard {self.shard_index} of {self.shard_count}: must be 0 to {self.shard_count - 1}")
        if self.operation_count is not None and self.operation_count < 1:
            raise ValueError(f"a scenario has at least one operation, not {self.operation_count}")


@dataclass(frozen=True)
class Searched:
    """What a search did; `failure` is the first one found."""

    scenario_count: int
    operation_count: int
    wall_s: float
    failure: Failure | None


def search(
    check: Check[Any, Any, Any],
    budget: Budget,
    *,
    progress: Callable[[int], None] | None = None,
    monotonic_s: Callable[[], float] = time.monotonic,
) -> Searched:
    """Run the scenarios of a budget until one fails.

    Args:
        check: What to check.
        budget: Which scenarios.
        progress: Told the number of scenarios finished, after each.
        monotonic_s: The clock that the budget is measured with.
    """
    start_s = monotonic_s()
    length = check.operation_count if budget.operation_count is None else budget.operation_count
    done, operations, failure = 0, 0, None
    for seed in budget.seeds[budget.shard_index :: budget.shard_count]:
        if budget.seconds is not None and monotonic_s() - start_s >= budget.seconds:
            break
        failure = same_as_model(check, seed, length)
        done += 1
        operations += length if failure is None else failure.index + 1
        if progress is not None:
            progress(done)
        if failure is not None:
            break
    return Searched(done, operations, monotonic_s() - start_s, failure)


def smallest_failure(
    check: Check[Any, Any, Any], first: Failure, *, small_enough: int = 6, scenario_budget: int = 100
) -> Shrunk:
    """Return a failure made small; where `first` stays big, the smallest of a few others from the seeds behind it.

    Bugs that depend on exact positions can be stuck at a size from one seed and come out small from the next.
    """
    best = shrink(check, first)
    for seed in range(first.seed + 1, first.seed + 1 + scenario_budget):
        if len(best.failure.steps) <= small_enough:
            break
        other = same_as_model(check, seed, len(first.steps))
        if other is not None:
            small = shrink(check, other)
            replay_count = best.replay_count + small.replay_count
            smaller = min(best.failure, small.failure, key=lambda failure: len(failure.steps))
            best = Shrunk(smaller, replay_count)
    return best
