"""Fit a law's parameters to measured pairs: on the gap, over the whole simulated way, all pairs at once."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int, PRNGKeyArray

from proving.traffic.errors import BadSettings
from proving.traffic.reality.laws import FollowingLaw
from proving.traffic.reality.pairs import Pair
from proving.traffic.reality.replay import Counted, Recordings, errors, side_by_side
from proving.traffic.state import Array

# A parameter this close to a bound, as a share of its range, is reported as lying on it.
AT_BOUND_SHARE = 0.01
# What a follower costs whose gap is not finite.
HOPELESS = 1e3


@dataclass(frozen=True, kw_only=True)
class Search:
    """How parameters are looked for.

    Source: Storn, Price (1997), J. Global Optim. 11, 341, differential evolution in its "current to best" form; every
    pair has its own population, and all are moved at once. Parameters are searched on [0, 1] between their bounds.

    Attributes:
        population: tries per pair.
        generations: how often all tries are moved.
        pull: weight of the squared distance from the prior, beside the relative gap error; 0 fits each pair alone.
            Data of one drive say little about some parameters (desired speed behind a slow leader), and without it
            those end up on a bound.
        rounds: in the first round the prior is the law's usual values; in each further one the median of what the
            round before found for the pairs of the same run, so that drivers lend one another what they do not
            show themselves.
        soft_share: beyond this share of the mean gap an error counts in proportion, not squared, so that the rare
            stretch in which a car has lost its target does not decide about all others; 0: always squared.
    """

    population: int = 32
    generations: int = 80
    pull: float = 0.3
    rounds: int = 2
    soft_share: float = 0.1

    def __post_init__(self) -> None:
        if self.population < 5 or self.generations < 1 or self.rounds < 1:
            raise BadSettings("population must be at least 5, generations and rounds at least 1")
        if not (self.pull >= 0 and self.soft_share >= 0):
            raise BadSettings(f"pull and soft_share must be 0 or more, not {self.pull} and {self.soft_share}")


# Each pair on its own, as calibration studies do it: what anything better is measured against.
ALONE = Search(population=40, generations=150, pull=0.0, rounds=1, soft_share=0.0)
TOGETHER = Search()


@dataclass(frozen=True, kw_only=True)
class Fits:
    """What was found, pair by pair.

    Attributes:
        law: the law.
        pairs: names of the pairs.
        values: parameters in the law's order.
        gap_rmse_m: root mean square error of the gap over the steps that were fitted.
        relative_error: the same over the mean measured gap.
    """

    law: FollowingLaw
    pairs: tuple[str, ...]
    values: Float[np.ndarray, "parameter pair"]
    gap_rmse_m: Float[np.ndarray, " pair"]
    relative_error: Float[np.ndarray, " pair"]

    def at_bounds(self) -> tuple[tuple[str, ...], ...]:
        """Return for each pair the parameters that lie on one of their bounds."""
        low, high = (np.array([[getattr(each, end)] for each in self.law.parameters]) for end in ("low", "high"))
        share = (self.values - low) / (high - low)
        is_at = (share < AT_BOUND_SHARE) | (share > 1 - AT_BOUND_SHARE)
        names = [each.name for each in self.law.parameters]
        return tuple(tuple(name for name, flag in zip(names, column, strict=True) if flag) for column in is_at.T)

    def rows(self) -> list[dict[str, str | float]]:
        """Return one flat row per pair."""
        rows: list[dict[str, str | float]] = []
        for index, (name, bounds) in enumerate(zip(self.pairs, self.at_bounds(), strict=True)):
            row: dict[str, str | float] = {"pair": name, "law": self.law.name}
            for each, value in zip(self.law.parameters, self.values[:, index], strict=True):
                row[each.name] = float(value)
            row["gap_rmse_m"] = float(self.gap_rmse_m[index])
            row["relative_error"] = float(self.relative_error[index])
            row["at_bounds"] = " ".join(bounds)
            rows.append(row)
        return rows


def fit(
    law: FollowingLaw, pairs: Sequence[Pair], seed: int = 0, search: Search = TOGETHER, fitted: Counted | None = None
) -> Fits:
    """Return the parameters with which the law follows each pair's leader best.

    The cost of a try is the root mean square error of the gap over the whole simulated way, started afresh after
    every hole in the data, relative to the mean gap (Treiber, Kesting, arXiv 1403.4990), plus the pull to the prior.

    Args:
        law: what to fit.
        pairs: what was measured; those of one run lend one another their prior.
        seed: the same seed gives the same parameters.
        search: how to look.
        fitted: the steps that count, [step pair] as in `side_by_side`; all measured ones by default.

    Raises:
        BadSettings: no pair, pairs of different steps, or a pair without a step that counts.
    """
    recordings, dt_s = side_by_side(pairs)
    counted = recordings.is_measured if fitted is None else fitted & recordings.is_measured
    empty = ~counted.any(axis=0)
    if empty.any():
        raise BadSettings(f"pair {pairs[int(np.argmax(empty))].name} has no measured step to fit")
    _, run = np.unique([pair.run for pair in pairs], return_inverse=True)
    share = best_shares(law, (recordings, counted, dt_s), run, seed, search)
    values = np.asarray(_values(law, share))
    found = errors(law, values[:, None], recordings, counted, dt_s)
    gap_rmse_m = np.asarray(found.gap_m)[0]
    return Fits(
        law=law,
        pairs=tuple(pair.name for pair in pairs),
        values=values,
        gap_rmse_m=gap_rmse_m,
        relative_error=gap_rmse_m / np.asarray(found.mean_gap_m),
    )


def best_shares(
    law: FollowingLaw,
    data: tuple[Recordings, Counted, float],
    group: Int[np.ndarray, " pair"],
    seed: int,
    search: Search,
) -> Float[np.ndarray, "parameter pair"]:
    """Return the best parameters as shares of their ranges; pairs of one group have one prior."""
    recordings, counted, dt_s = data
    # Steps after the last one that counts are not simulated.
    length = -(-(int(np.flatnonzero(counted.any(axis=1))[-1]) + 1) // 512) * 512
    data = (Recordings(*(values[:length] for values in recordings)), counted[:length], dt_s)
    usual = [(each.usual - each.low) / (each.high - each.low) for each in law.parameters]
    prior = np.repeat(np.array(usual, dtype=np.float32)[:, None], len(group), axis=1)
    share = prior
    for number in range(search.rounds):
        key = jax.random.fold_in(jax.random.key(seed), number)
        share = np.asarray(_evolved(law, data, prior, key, search))
        prior = prior.copy()
        for each in np.unique(group):
            prior[:, group == each] = np.median(share[:, group == each], axis=1, keepdims=True)
    return share


def _values(law: FollowingLaw, share: Float[Array, "parameter ..."]) -> Float[Array, "parameter ..."]:
    low, high = (jnp.array([getattr(each, end) for each in law.parameters]) for end in ("low", "high"))
    rest = (1,) * (share.ndim - 1)
    return low.reshape(-1, *rest) + (high - low).reshape(-1, *rest) * share


@functools.partial(jax.jit, static_argnames=("law", "search"))
def _evolved(
    law: FollowingLaw,
    data: tuple[Recordings, Bool[Array, "step pair"], float],
    prior: Float[Array, "parameter pair"],
    key: PRNGKeyArray,
    search: Search,
) -> Float[Array, "parameter pair"]:
    """Return each pair's best try after differential evolution."""
    population, generations = search.population, search.generations
    recordings, counted, dt_s = data

    def cost(share: Float[Array, "parameter try pair"]) -> Float[Array, "try pair"]:
        found = errors(law, _values(law, share), recordings, counted, dt_s, search.soft_share)
        return jnp.where(jnp.isfinite(found.cost), found.cost, HOPELESS) + search.pull * (
            (share - prior[:, None]) ** 2
        ).sum(axis=0)

    def best(share: Array, costs: Array) -> Array:
        return jnp.take_along_axis(share, jnp.argmin(costs, axis=0)[None, None, :], axis=1)

    def generation(number: Int[Array, ""], state: tuple[Array, Array]) -> tuple[Array, Array]:
        share, costs = state
        trial = _moved(share, best(share, costs), jax.random.fold_in(key, number))
        trial_costs = cost(trial)
        is_better = trial_costs < costs
        return jnp.where(is_better, trial, share), jnp.where(is_better, trial_costs, costs)

    first = jax.random.uniform(jax.random.fold_in(key, generations), (prior.shape[0], population, prior.shape[1]))
    first = first.at[:, 0].set(prior)
    share, costs = jax.lax.fori_loop(0, generations, generation, (first, cost(first)))
    return best(share, costs)[:, 0]


def _moved(
    share: Float[Array, "parameter try pair"], best: Float[Array, "parameter 1 pair"], key: PRNGKeyArray
) -> Float[Array, "parameter try pair"]:
    """Return a trial for every try: towards the best, along the difference of two others, reflected at bounds."""
    others, width, mixed = jax.random.split(key, 3)
    _, population, pair_count = share.shape
    one, two = jax.random.randint(others, (2, population), 0, population)
    step = jax.random.uniform(width, (1, population, pair_count), minval=0.4, maxval=0.9)
    trial = share + 0.7 * step * (best - share) + step * (share[:, one] - share[:, two])
    trial = jnp.where(jax.random.uniform(mixed, share.shape) < 0.8, trial, share)
    trial = jnp.where(trial < 0, -trial, trial)
    trial = jnp.where(trial > 1, 2 - trial, trial)
    return jnp.clip(trial, 0, 1)
