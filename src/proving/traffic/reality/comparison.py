"""How well does a fitted law drive where it was not fitted: against a per-pair IDM, on the same split."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from proving.traffic.errors import BadSettings
from proving.traffic.reality.calibrate import ALONE, TOGETHER, Fits, Search, fit
from proving.traffic.reality.laws import CONSTANT_TIME_GAP, IDM, FollowingLaw
from proving.traffic.reality.pairs import Pair
from proving.traffic.reality.replay import Counted, errors, side_by_side

Split = Literal["time", "runs"]


@dataclass(frozen=True, kw_only=True)
class Tested:
    """A law on steps that it was not fitted to.

    Attributes:
        fits: what was fitted.
        pairs: names of the pairs that were tested.
        gap_rmse_m: root mean square error of the gap, per tested pair.
        speed_rmse_mps: the same of the speed.
        relative_error: gap error over the mean measured gap of the tested steps.
    """

    fits: Fits
    pairs: tuple[str, ...]
    gap_rmse_m: Float[np.ndarray, " test"]
    speed_rmse_mps: Float[np.ndarray, " test"]
    relative_error: Float[np.ndarray, " test"]

    @property
    def median_error(self) -> float:
        """Return the median relative gap error: robust against runs in which a car lost its target."""
        return float(np.median(self.relative_error))


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A law and the per-pair IDM on the same split; `ratio` is that of their median relative gap errors."""

    split: Split
    ours: Tested
    alone: Tested

    @property
    def ratio(self) -> float:
        """Return our median error over that of the IDM fitted to each pair alone: below 1 is better."""
        return self.ours.median_error / self.alone.median_error


def compare(
    pairs: Sequence[Pair],
    split: Split = "runs",
    law: FollowingLaw = CONSTANT_TIME_GAP,
    seed: int = 0,
    search: Search = TOGETHER,
    alone: Search = ALONE,
) -> Comparison:
    """Fit the law and an IDM to the same part of these pairs, and test both on the rest.

    Raises:
        BadSettings: as `held_out`.
    """
    return Comparison(
        split=split,
        ours=held_out(law, pairs, split, seed, search),
        alone=held_out(IDM, pairs, split, seed, alone),
    )


def held_out(
    law: FollowingLaw, pairs: Sequence[Pair], split: Split, seed: int = 0, search: Search = TOGETHER
) -> Tested:
    """Fit the law to a part of the pairs and test it on the rest.

    "time": each pair's first 60 % are fitted and its last 40 % tested, started afresh between them. "runs": a pair is
    fitted to the whole of one run and tested on another run of the same kind and distance setting in which the same
    car follows; priors come from the fitted run alone.

    Raises:
        BadSettings: nothing is left to test.
    """
    if split == "time":
        return _over_time(law, pairs, seed, search)
    return _over_runs(law, pairs, seed, search)


def choose(
    candidates: Sequence[tuple[FollowingLaw, Search]],
    others: Sequence[Sequence[Pair]],
    split: Split = "runs",
    seed: int = 0,
) -> tuple[FollowingLaw, Search]:
    """Return the candidate that is best on these sets of pairs: use it on pairs that are in none of them.

    So a law and a strength of pull are chosen without a look at what they will be tested on. Best is the smallest
    geometric mean over the sets of the median relative gap error; every set counts the same however hard it is.

    Raises:
        BadSettings: no candidates or no sets; otherwise as `held_out`.
    """
    if not candidates or not others:
        raise BadSettings("there must be at least one candidate and one set of pairs to choose on")

    def badness(candidate: tuple[FollowingLaw, Search]) -> float:
        law, search = candidate
        return sum(math.log(held_out(law, pairs, split, seed, search).median_error) for pairs in others)

    return min(candidates, key=badness)


def matches(pairs: Sequence[Pair]) -> list[tuple[int, int]]:
    """Return (fitted, tested) indices: the same car, kind and distance setting in two runs."""
    label = [(pair.kind, pair.distance_setting, pair.follower_name) for pair in pairs]
    return [
        (fitted, tested)
        for fitted in range(len(pairs))
        for tested in range(len(pairs))
        if pairs[fitted].run != pairs[tested].run and label[fitted] == label[tested]
    ]


def _over_time(law: FollowingLaw, pairs: Sequence[Pair], seed: int, search: Search, share: float = 0.6) -> Tested:
    recordings, dt_s = side_by_side(pairs)
    cut = np.array([int(share * len(pair.gap_m)) for pair in pairs])
    is_early: Counted = np.arange(recordings.gap_m.shape[0])[:, None] < cut
    fits = fit(law, pairs, seed, search, fitted=is_early)
    is_late = recordings.is_measured & ~is_early
    first_late = is_late & (np.cumsum(is_late, axis=0) == 1)
    found = errors(law, fits.values[:, None], recordings.starting_also_at(first_late), is_late, dt_s)
    return _tested(fits, tuple(pair.name for pair in pairs), found.gap_m, found.speed_mps, found.mean_gap_m)


def _over_runs(law: FollowingLaw, pairs: Sequence[Pair], seed: int, search: Search) -> Tested:
    matched = matches(pairs)
    if not matched:
        raise BadSettings("no car follows in two runs of the same kind and distance setting; split by time instead")
    # The other pairs of a fitted run are fitted too: they share its prior.
    useful_runs = {pairs[fitted].run for fitted, _ in matched}
    kept = [index for index, pair in enumerate(pairs) if pair.run in useful_runs]
    fits = fit(law, [pairs[index] for index in kept], seed, search)
    values = fits.values[:, [kept.index(fitted) for fitted, _ in matched]]
    tested = [pairs[index] for _, index in matched]
    recordings, dt_s = side_by_side(tested)
    found = errors(law, values[:, None], recordings, recordings.is_measured, dt_s)
    return _tested(fits, tuple(pair.name for pair in tested), found.gap_m, found.speed_mps, found.mean_gap_m)


def _tested(
    fits: Fits,
    names: tuple[str, ...],
    gap_m: Float[np.ndarray, "try test"],
    speed_mps: Float[np.ndarray, "try test"],
    mean_gap_m: Float[np.ndarray, " test"],
) -> Tested:
    gap_rmse_m = np.asarray(gap_m)[0]
    return Tested(
        fits=fits,
        pairs=names,
        gap_rmse_m=gap_rmse_m,
        speed_rmse_mps=np.asarray(speed_mps)[0],
        relative_error=gap_rmse_m / np.asarray(mean_gap_m),
    )
