"""How good a policy is: what it earns, how even it makes the traffic, and how fast, for each length of the ring."""

import dataclasses
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from proving.traffic.errors import BadSettings
from proving.traffic.learn.errors import BadPolicy
from proving.traffic.learn.networks import Layers, Statistics
from proving.traffic.learn.policy import Policy, decide
from proving.traffic.tasks.environment import AnyTask, Episode, handed_to_people, reset, step
from proving.traffic.tasks.task import RingRoad, Task

# When a ring counts as solved: waves gone, and nobody slower than need be.
LARGEST_DEVIATION_MPS = 0.2
SMALLEST_SPEED_SHARE = 0.95


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What became of one ring length; means over seeds, of the last third of the episode.

    Attributes:
        length_m: length of the ring.
        return_per_decision: mean reward of a decision, over the whole episode.
        mean_speed_mps: mean speed of all vehicles.
        deviation_mps: standard deviation of speed over all vehicles and moments.
        worst_deviation_mps: the same, of the worst seed.
        equilibrium_mps: speed at which people alone would drive with equal gaps.
        collided_share: share of the episodes with a collision.
        solved_share: share of the seeds whose waves are gone, at no loss of speed, without a collision.
        collided: whether there was a collision, by seed.
    """

    length_m: float
    return_per_decision: float
    mean_speed_mps: float
    deviation_mps: float
    worst_deviation_mps: float
    equilibrium_mps: float
    collided_share: float
    solved_share: float
    collided: tuple[bool, ...]

    @property
    def speed_share(self) -> float:
        """Return mean speed over equilibrium speed."""
        return self.mean_speed_mps / self.equilibrium_mps

    @property
    def is_solved(self) -> bool:
        """Return whether waves are gone for every seed, at no loss of speed, without a collision."""
        is_even = self.worst_deviation_mps < LARGEST_DEVIATION_MPS
        return is_even and self.speed_share >= SMALLEST_SPEED_SHARE and self.collided_share == 0

    def row(self) -> dict[str, bool | float]:
        """Return one flat row."""
        return {
            "length_m": self.length_m,
            "return_per_decision": self.return_per_decision,
            "mean_speed_mps": self.mean_speed_mps,
            "deviation_mps": self.deviation_mps,
            "worst_deviation_mps": self.worst_deviation_mps,
            "equilibrium_mps": self.equilibrium_mps,
            "speed_share": self.speed_share,
            "collided_share": self.collided_share,
            "solved_share": self.solved_share,
            "is_solved": self.is_solved,
        }


def evaluate(
    task: Task, policy: Policy | None, lengths_m: Sequence[float], seeds: Sequence[int]
) -> tuple[Verdict, ...]:
    """Return one verdict per ring length; every seed drives on every length.

    Args:
        task: what to drive.
        policy: who decides; None leaves the automated vehicles to the human law, and collisions of the warm-up count.
        lengths_m: lengths of rings; they need not be in the task's range.
        seeds: seeds of the episodes, at least one.

    Raises:
        BadPolicy: the policy observes or does something else than the task asks for.
        BadSettings: the vehicles do not fit on a ring, or there is no length or seed.
    """
    if not lengths_m or not seeds:
        raise BadSettings("an evaluation needs at least one ring length and one seed")
    road = task.road
    if not isinstance(road, RingRoad):
        raise BadSettings(f"task {task.name!r} has no ring; compare it with people instead (`trials.compared`)")
    for length_m in lengths_m:
        road.check_length(length_m)
    if policy is not None:
        check_fits(task, policy)
    lengths = jnp.repeat(jnp.asarray(lengths_m, dtype=jnp.float32), len(seeds))
    seed = jnp.tile(jnp.asarray([seed % 2**32 for seed in seeds], dtype=jnp.uint32), len(lengths_m))
    layers = None if policy is None else policy.layers
    statistics = None if policy is None else policy.statistics
    driven = jax.device_get(_drive(task, layers, statistics, seed, lengths))
    ended = Ended(*(part.reshape(len(lengths_m), len(seeds)) for part in driven))
    return tuple(
        _verdict(float(length_m), Ended(*(part[index] for part in ended))) for index, length_m in enumerate(lengths_m)
    )


class Ended(NamedTuple):
    """What became of episodes; the first two are of the last third.

    Attributes:
        speed: mean speed.
        square: mean squared speed.
        reward: mean reward of a decision.
        collided: whether there was a collision.
        equilibrium: speed at which the people of this world would drive with equal gaps, m/s.
    """

    speed: Any
    square: Any
    reward: Any
    collided: Any
    equilibrium: Any


def _verdict(length_m: float, ended: Ended) -> Verdict:
    deviation = np.sqrt(np.maximum(ended.square - ended.speed**2, 0))
    is_solved = (deviation < LARGEST_DEVIATION_MPS) & ~ended.collided
    is_solved &= ended.speed >= SMALLEST_SPEED_SHARE * ended.equilibrium
    return Verdict(
        length_m=length_m,
        return_per_decision=float(ended.reward.mean()),
        mean_speed_mps=float(ended.speed.mean()),
        deviation_mps=float(deviation.mean()),
        worst_deviation_mps=float(deviation.max()),
        equilibrium_mps=float(ended.equilibrium.mean()),
        collided_share=float(ended.collided.mean()),
        solved_share=float(is_solved.mean()),
        collided=tuple(map(bool, ended.collided)),
    )


def check_fits(task: AnyTask, policy: Policy) -> None:
    """Raise BadPolicy where the policy observes or does something else than the task asks for."""
    wanted, has = (task.sight.names, (task.action_low, task.action_high)), (policy.card.features, policy.card.actions)
    if wanted != has:
        raise BadPolicy(
            f"the policy was trained for {policy.card.task!r}: it sees {', '.join(has[0])} and does {has[1]}, but task "
            f"{task.name!r} shows {', '.join(wanted[0])} and takes {wanted[1]}"
        )


@functools.partial(jax.jit, static_argnames="task")
def _drive(task: Task, layers: Layers | None, statistics: Statistics | None, seed: Array, length_m: Array) -> Ended:
    """Return what becomes of each world; where people drive, from the moment that they stand."""
    start, before = task.horizon - task.horizon // 3, 0
    if layers is None:
        # Nobody else takes over: the warm-up consists of decisions like all others.
        before, rest = divmod(task.warm_up_step_count, task.steps_per_decision)
        task = dataclasses.replace(task, warm_up_step_count=rest)
    episode, observation = reset(task, seed, length_m)
    episode = handed_to_people(episode) if layers is None else episode

    def one(
        now: tuple[Episode, Float[Array, "feature agent world"], tuple[Array, ...]], decision: Array
    ) -> tuple[tuple[Episode, Float[Array, "feature agent world"], tuple[Array, ...]], None]:
        episode, observation, (speeds, squares, rewards, collided) = now
        if layers is None or statistics is None:
            action = jnp.zeros_like(episode.action)
        else:
            action = decide(layers, statistics, (task.action_low, task.action_high), observation)
        outcome = step(task, episode, action)
        speed = outcome.episode.traffic.cars.speed_mps
        counts = (decision >= start).astype(jnp.float32) / (task.horizon - start)
        sums = (
            speeds + counts * jnp.mean(speed, axis=0),
            squares + counts * jnp.mean(speed**2, axis=0),
            rewards + jnp.where(decision >= 0, outcome.reward, 0) / task.horizon,
            collided | outcome.terminated,
        )
        return (outcome.episode, outcome.observation, sums), None

    zero = jnp.zeros(length_m.shape)
    first = (episode, observation, (zero, zero, zero, zero > 0))
    (_, _, sums), _ = jax.lax.scan(one, first, jnp.arange(-before, task.horizon))
    speeds, squares, rewards, collided = sums
    return Ended(speeds, squares, rewards, collided, episode.place.reference_mps)
