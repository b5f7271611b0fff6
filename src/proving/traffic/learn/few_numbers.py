"""Cross-entropy search for a few numbers that decide: how much each of some things that are seen counts.

Where an episode's fate hangs on minutes and a handful of what is seen, whole episodes of a few dozen policies tell more
than gradients do: the bottleneck and the merge were learned so.

Source: Rubinstein (1999), Methodology and Computing in Applied Probability 1, 127, for continuous numbers as in Mannor,
Rubinstein, Gat (2003): draw, keep the best, draw around those. The mean is smoothed, and the spread keeps a tenth of
what it was at first.
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, UInt32

from proving.traffic.errors import BadSettings
from proving.traffic.learn.networks import Statistics
from proving.traffic.learn.policy import Card, Policy, card_of
from proving.traffic.tasks import NetworkTask
from proving.traffic.tasks.conditions import Conditions
from proving.traffic.tasks.on_networks.environment import NetworkEpisode, WorldKinds, reset, step

# So much of the new mean and spread is of those that were kept, and so much of the first spread always stays.
KEPT_SHARE, LEAST_SHARE = 0.7, 0.1
LEAST_REWARD = 1e-6
# Behind one of several laws, what is lost counts so many times more than what is won.
HARM_WEIGHT = 2.0
AS_IN_THE_TASK = Conditions()


Now: TypeAlias = tuple[NetworkEpisode, Array, Array, Array]


class Number(NamedTuple):
    """What is searched: of which thing seen ("": of nothing, the action itself), from where, and how far around.

    What is in `also` counts as much.
    """

    of: str
    start: float
    spread: float
    also: tuple[str, ...] = ()

    @property
    def features(self) -> tuple[str, ...]:
        """Return all that it is of; none: the action itself."""
        return (self.of, *self.also) if self.of else ()


@dataclass(frozen=True, kw_only=True)
class Search:
    """How to search.

    Attributes:
        generation_count: generations; without any the numbers stay where they start.
        policy_count: policies in each.
        best_count: of those, how many the next is drawn around.
        world_count: episodes that each policy of a generation drives, the same for all.
    """

    generation_count: int = 8
    policy_count: int = 24
    best_count: int = 6
    world_count: int = 2

    def __post_init__(self) -> None:
        if self.generation_count < 0 or self.world_count < 1 or not 1 <= self.best_count < self.policy_count:
            raise BadSettings(
                f"generation_count must be at least 0, world_count 1, best_count from 1 to below policy_count, "
                f"not {self.generation_count}, {self.world_count}, {self.best_count} of {self.policy_count}"
            )


class Generation(NamedTuple):
    """What a generation found: the policy of its mean, and the reward per decision of the mean before and the best."""

    numbers: tuple[float, ...]
    reward: float
    best_reward: float


def search(
    numbers: Sequence[Number],
    how: Search,
    seed: int,
    earned: Callable[[Float[np.ndarray, "policy number"], Sequence[int]], Float[np.ndarray, " policy"]],
) -> Iterator[Generation]:
    """Yield generation after generation.

    Args:
        numbers: what is searched.
        how: how.
        seed: of all chance, that of the episodes included.
        earned: reward of each of these policies' numbers on episodes of these seeds.
    """
    chance = np.random.default_rng(seed)
    first = np.array([number.spread for number in numbers])
    mean, spread = np.array([number.start for number in numbers]), first
    for _ in range(how.generation_count):
        seeds = [int(one) for one in chance.integers(0, 2**32, how.world_count)]
        drawn = [mean, *(mean + spread * chance.standard_normal(len(mean)) for _ in range(how.policy_count - 1))]
        rewards = earned(np.array(drawn), seeds)
        best = np.array([drawn[i] for i in np.argsort(-rewards, kind="stable")[: how.best_count]])
        mean = (1 - KEPT_SHARE) * mean + KEPT_SHARE * best.mean(axis=0)
        spread = (1 - KEPT_SHARE) * spread + KEPT_SHARE * np.maximum(best.std(axis=0), LEAST_SHARE * first)
        yield Generation(tuple(mean.tolist()), float(rewards[0]), float(rewards.max()))


def searched(
    task: NetworkTask, numbers: Sequence[Number], how: Search, seed: int, under: Conditions = AS_IN_THE_TASK
) -> Iterator[tuple[Generation, Card]]:
    """Yield each generation of a search on a task, and the card of its policy.

    Where the task is driven under several conditions, each policy drives under all of them, and each counts as much: a
    reward counts by the median of its generation's under the same condition.

    Raises:
        BadSettings: a number is of something that the task does not see, or a condition cannot be.
    """
    unknown = [name for number in numbers for name in number.features if name not in task.sight.names]
    if unknown:
        raise BadSettings(f"task {task.name!r} does not see {unknown[0]!r}; it sees {', '.join(task.sight.names)}")
    variants = under.in_turn(task)

    def earned(drawn: Float[np.ndarray, "policy number"], seeds: Sequence[int]) -> Float[np.ndarray, " policy"]:
        weight = np.zeros((len(drawn), len(task.sight.names)), dtype=np.float32)
        bias = np.zeros(len(drawn), dtype=np.float32)
        for number, values in zip(numbers, drawn.T, strict=True):
            for name in number.features:
                weight[:, task.sight.names.index(name)] += values
            if not number.of:
                bias += values
        seed = jnp.asarray(seeds, dtype=jnp.uint32)
        rewards = [np.asarray(_earned(one, (jnp.asarray(weight), jnp.asarray(bias)), seed)) for one in variants]
        if len(rewards) == 1:
            return rewards[0]
        return np.mean([one / max(abs(float(np.median(one))), LEAST_REWARD) for one in rewards], axis=0)

    each = how.policy_count * how.world_count * task.horizon * task.agent_count * len(variants)
    command = f"proving traffic search {task.name} --generations {{}} --policies {how.policy_count} "
    command += f"--worlds {how.world_count} --seed {seed}{_said(under)}"
    for done, generation in enumerate(search(numbers, how, seed, earned), start=1):
        yield generation, card_of(task, seed, command.format(done), done * each)


@functools.partial(jax.jit, static_argnames="task")
def _earned(
    task: NetworkTask,
    policies: tuple[Float[Array, "policy feature"], Float[Array, " policy"]],
    seed: UInt32[Array, " world"],
) -> Float[Array, " policy"]:
    """Return the reward per decision of weighted sums, all of them driving side by side; collisions take their share.

    Where people may be of several laws, every policy drives behind all of them, in as many worlds each, and what
    counts is how much more it earns than a vehicle or cell that never slows anybody down, or than signals that always
    go on; less counts more.
    """
    weight, bias = policies
    weight = jnp.concatenate([weight, jnp.zeros_like(weight[:1])])
    bias = jnp.append(bias, task.action_high)
    count, laws = weight.shape[0], max(len(task.traffic.laws), 1)
    law = jnp.tile(jnp.repeat(jnp.arange(laws), seed.shape[0]), count)
    worlds = laws * seed.shape[0]
    kinds = WorldKinds(law, jnp.zeros_like(law, dtype=bool), jnp.ones(law.shape))
    episode, seen = reset(task, jnp.tile(seed, count * laws), kinds if task.traffic.laws else None)

    def one(now: Now, _: None) -> tuple[Now, None]:
        episode, seen, total, collided = now
        each = seen.reshape(*seen.shape[:2], count, worlds)
        action = jnp.einsum("pf,fapw->apw", weight, each) + bias[:, None]
        outcome = step(task, episode, action.reshape(-1, count * worlds))
        return (outcome.episode, outcome.observation, total + outcome.reward, collided | outcome.terminated), None

    zero = jnp.zeros(count * worlds)
    (_, _, total, collided), _ = jax.lax.scan(one, (episode, seen, zero, zero > 0), length=task.horizon)
    total, collided = (part.reshape(count, laws, -1) for part in (total, collided))
    if laws == 1:
        return (kept_of(total, collided).mean(axis=2) / task.horizon)[:-1, 0]
    # Where people collide by themselves that is no fault of a policy.
    kept = kept_of(total, collided & ~collided[-1:]).mean(axis=2)
    better = (kept[:-1] - kept[-1]) / jnp.maximum(jnp.abs(kept[-1]), LEAST_REWARD)
    return 1 + jnp.mean(better + HARM_WEIGHT * jnp.minimum(better, 0), axis=1)


def kept_of(total: Float[Array, "*episode"], collided: Bool[Array, "*episode"]) -> Float[Array, "*episode"]:
    """Return what counts of what episodes earned: with a collision nothing, or twice a loss."""
    return total - collided * jnp.abs(total)


def _said(under: Conditions) -> str:
    """Return the conditions as the command line says them."""
    said = (("laws", under.laws), ("sensing", under.sensing), ("densities", under.densities))
    return "".join(f" --{option} {' '.join(map(str, values))}" for option, values in said if values)


def weighted(task: NetworkTask, numbers: Sequence[Number], values: Sequence[float], card: Card | None = None) -> Policy:
    """Return the policy that does the sum of what it sees, times these values."""
    count = len(task.sight.names)
    middle, half = 0.5 * (task.action_high + task.action_low), 0.5 * (task.action_high - task.action_low)
    weight, bias = np.zeros((1, count), dtype=np.float32), -middle / half
    for number, value in zip(numbers, values, strict=True):
        for name in number.features:
            weight[0, task.sight.names.index(name)] += value / half
        if not number.of:
            bias += value / half
    layers = ((jnp.asarray(weight), jnp.full((1, 1), bias, dtype=jnp.float32)),)
    plain = Statistics(jnp.zeros(count), jnp.ones(count), jnp.float32(1))
    return Policy(layers, plain, card or card_of(task, 0, "none", 0))


# Of a figure eight: all drive as fast as they may but the head of the platoon that they come together in. On its way to
# where it goes first at the crossing it waits, the slower the slower all are and the less room it has, until its tail,
# which lets others go first, is over. Where it lets others go first itself it loses nothing by coming early.
AT_FIGURE_EIGHTS = (
    Number("", 21.0, 1.0),
    Number("head_goes_first", -20.0, 1.0),
    Number("beyond_half", 5.0, 1.0),
    Number("tail_is_over", 14.0, 2.0),
    Number("mean_speed", 6.0, 1.0),
)
# Of one automated vehicle among people, who all come together behind it: on its way to where it goes first it drives so
# that it is 15 m before the line when the last of them is over where they let others go first, one every 1.7 s. Nearer
# than that they wait for it, and with it for all behind it.
AT_FIGURE_EIGHT_ALONE = (
    Number("", 20.0, 1.0),
    Number("waits", -20.0, 1.0),
    Number("way_per_one_before", 60.0, 10.0),
    Number("one_per_one_before", -9.0, 2.0),
)
# Of a merge: as fast as allowed where the road ahead is free, however full; less the more vehicles ahead are slow, so
# that nobody comes to a jam before it has gone.
AT_MERGES = (
    Number("", 38.0, 6.0),
    *(Number(f"slow_{cell}", -70.0, 20.0) for cell in range(4)),
    *(Number(f"count_{cell}", 0.0, 6.0) for cell in range(4)),
    Number("way_of_nearest_on_ramp", 0.0, 6.0),
    Number("way_to_merge", 0.0, 6.0),
    Number("mean_speed", 0.0, 8.0),
)
# Of a bottleneck, where a cell says the logarithm of a speed: as fast as allowed until it gets crowded between the
# narrow places, or people come out behind them as from a jam; the more, the slower.
AT_BOTTLENECKS = (
    Number("", 3.43, 0.2),
    Number("crowd_edge_4", -15.0, 4.0),
    Number("lag_edge_5", -21.0, 5.0),
)
# Of a grid's signal, which goes on where the sum is above 0: for those who wait at red or come to it, against those who
# come at green, within 100 m more than beyond; and the more the longer ago it switched.
AT_SIGNALS = (
    *(
        Number(f"{what}_{colour}_0", start, 0.3, also=(f"{what}_{colour}_1",))
        for colour, starts in (("green", (-1.0, -0.8, 0.0)), ("red", (0.7, 0.2, 0.8)))
        for what, start in zip(("near", "far", "queue"), starts, strict=True)
    ),
    Number("since", 0.5, 0.3),
    Number("", 0.0, 0.1),
)
FEW_NUMBERS = {
    "figureeight0_by_vehicle": AT_FIGURE_EIGHT_ALONE,
    **{f"figureeight{size}_by_vehicle": AT_FIGURE_EIGHTS for size in (1, 2)},
    **{f"merge{size}_by_vehicle": AT_MERGES for size in range(3)},
    **{f"bottleneck{size}_by_cell": AT_BOTTLENECKS for size in range(3)},
    **{f"grid{size}_by_signal": AT_SIGNALS for size in range(2)},
}
