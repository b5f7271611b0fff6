"""How automated vehicles on a network know of one another: by own sensors, by messages, or as one that sees all.

Any task whose agents are vehicles can be had in all three ways; `communicating` makes one of another.
"""

import dataclasses
from dataclasses import dataclass
from typing import Literal

import jax.numpy as jnp
from jaxtyping import Array, Float, Int, UInt32

from proving.traffic.errors import BadSettings
from proving.traffic.tasks.messages import Mail, Messages, passed_on
from proving.traffic.tasks.on_networks.actors import AutomatedVehicles
from proving.traffic.tasks.on_networks.moment import NetworkMoment
from proving.traffic.tasks.on_networks.task import NetworkTask
from proving.traffic.tasks.task import Sight

How = Literal["own_sensors", "messages", "central"]
FIELDS = ("is_heard", "distance", "speed", "gap", "leader_speed")
NAMES = tuple(f"{side}_{name}" for side in ("ahead", "behind") for name in FIELDS)
LOWS, HIGHS = (0.0,) * len(NAMES), (1.0, 10.0, 3.0, 2.0, 3.0) * 2
# Distances and gaps are said over this, and speeds over that.
DISTANCE_SCALE_M, SPEED_SCALE_MPS = 100.0, 20.0


def communicating(task: NetworkTask, how: How, messages: Messages | None = None) -> NetworkTask:
    """Return the task with its vehicles knowing of one another in this way.

    Args:
        task: each of its agents is a vehicle that sees by itself.
        how: by own sensors alone; by messages of the next automated vehicles ahead and behind as well; or one agent
            that sees what all of them see and decides for all.
        messages: who hears whom, how much is lost and how late it is; without it 300 m, nothing and at once.

    Raises:
        BadSettings: the task has one agent for all already, its agents are no vehicles, or messages are not heard.
    """
    if task.is_central or not isinstance(task.actors, AutomatedVehicles):
        raise BadSettings(f"task {task.name!r} has no agents that are vehicles and could talk to one another")
    if how != "messages" and messages is not None:
        raise BadSettings(f"with {how!r} nobody hears messages")
    if how == "own_sensors":
        return task
    if how == "central":
        return dataclasses.replace(task, is_central=True, sight=_in_a_row(task.sight, task.actors.slot_count))
    company = dataclasses.replace(task.company, messages=messages or Messages())
    return dataclasses.replace(task, sight=_with_heard(task.sight), company=company)


def posted(
    messages: Messages, mail: Mail, now: NetworkMoment, is_same: Array, when: tuple[UInt32[Array, ""], Int[Array, ""]]
) -> Mail:
    """Return the mail after one more decision; whoever is new in a slot has heard nothing.

    Args:
        messages: how they hear one another.
        mail: the mail so far, [field agent].
        now: the world at the end of the decision.
        is_same: per agent whether it is the vehicle of before.
        when: the world's seed and decision.
    """

    def own(values: Array) -> Array:
        return jnp.where(is_same, values, 0)

    kept = Mail(own(mail.heard), tuple(own(part) for part in mail.under_way), own(mail.missed))
    return passed_on(messages, kept, sent(messages, now), when)


def sent(messages: Messages, now: NetworkMoment) -> Float[Array, "field agent"]:
    """Return what the next automated vehicle ahead and behind along the main road says; 0 where none is in range."""
    mine_m = now.along_m[now.agent_place]
    away_m = mine_m[None, :] - mine_m[:, None]
    count = mine_m.shape[0]
    counts = now.is_present[None, :] & now.is_present[:, None] & ~jnp.eye(count, dtype=bool)
    own = [now.of_agents(now.speed_mps) / SPEED_SCALE_MPS, now.of_agents(now.said.gap_m) / DISTANCE_SCALE_M]
    own.append(now.of_agents(now.said.leader_speed_mps) / SPEED_SCALE_MPS)
    rows: list[Array] = []
    for side in (1, -1):
        distance_m = side * away_m
        if now.built.is_lap:
            distance_m = jnp.mod(distance_m, now.built.length_m)
        is_heard = counts & (distance_m >= 0) & (distance_m <= messages.range_m)
        held_m = jnp.where(is_heard, distance_m, jnp.inf)
        who = jnp.argmin(held_m, axis=1)
        is_one = is_heard.any(axis=1)
        nearest_m = jnp.where(is_one, jnp.min(held_m, axis=1), 0)
        parts = [jnp.ones(count), nearest_m / DISTANCE_SCALE_M, *(part[who] for part in own)]
        rows += [jnp.where(is_one, part, 0) for part in parts]
    return jnp.stack(rows)


@dataclass(frozen=True)
class _AndHeard:
    """What a sight reads with what was heard after it; a value, so that tasks made twice are the same."""

    sight: Sight

    def __call__(self, now: NetworkMoment) -> Float[Array, "feature agent"]:
        assert now.heard is not None, "somebody sends messages"
        return jnp.concatenate([self.sight.read(now), now.heard])


@dataclass(frozen=True)
class _InARow:
    """What a sight reads of all vehicles, one after the other in the order of slots."""

    sight: Sight

    def __call__(self, now: NetworkMoment) -> Float[Array, "feature one"]:
        return self.sight.read(now).T.reshape(-1, 1)


def _with_heard(sight: Sight) -> Sight:
    """Return the sight with what was heard after it."""
    return Sight(
        names=(*sight.names, *NAMES),
        low=(*sight.low, *LOWS),
        high=(*sight.high, *HIGHS),
        read=_AndHeard(sight),
        needs="everything" if sight.needs == "everything" else "messages",
    )


def _in_a_row(sight: Sight, count: int) -> Sight:
    """Return the sight of all vehicles, one after the other in the order of slots."""
    return Sight(
        names=tuple(f"{name}_{slot}" for slot in range(count) for name in sight.names),
        low=sight.low * count,
        high=sight.high * count,
        read=_InARow(sight),
        needs="everything",
    )
