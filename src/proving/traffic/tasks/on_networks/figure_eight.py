"""Two loops that cross: 1, 7 or 14 of 14 vehicles are automated (FLOW's figureeight0 to 2)."""

import dataclasses
import math

import jax.numpy as jnp
from jaxtyping import Array, Float

from proving.traffic.roads import FigureEight
from proving.traffic.tasks.on_networks.actors import QUICK, AutomatedVehicles
from proving.traffic.tasks.on_networks.moment import NetworkMoment, follower
from proving.traffic.tasks.on_networks.rewards import desired_velocity
from proving.traffic.tasks.on_networks.task import NetworkTask
from proving.traffic.tasks.on_networks.traffic import NetworkTraffic
from proving.traffic.tasks.task import Company, Sight

ROAD = FigureEight()
LAP = ("bottom", "top", "upper_ring", "right", "left", "lower_ring")
VEHICLE_COUNT, AUTOMATED_COUNTS, TARGET_MPS = 14, (1, 7, 14), 20.0
# At 25 m/s nobody can stop on the 30 m before the crossing, and vehicles drive through one another.
SET_SPEEDS_MPS = (0.0, 20.0)
# Of the 2 m that `QUICK` leaves free behind whoever stands. One alone among people loses nothing by more room.
SPARE_M = 1.25
# Whoever is so far past the line where it lets others go first is over.
OVER_M = 2.0


def everybody(now: NetworkMoment) -> Float[Array, "feature one"]:
    """Return everybody's speed / limit, then everybody's place / lap, in the order of trips (FLOW's `AccelEnv`)."""
    order = jnp.argsort(now.traffic.vehicles.trip)
    speed = now.speed_mps[order] / ROAD.limit_mps
    return jnp.concatenate([speed, now.along_m[order] / now.built.length_m])[:, None]


def own_place_and_neighbours(now: NetworkMoment) -> Float[Array, "feature agent"]:
    """Return FLOW's six of `MultiAgentAccelPOEnv`: own speed and place, leader's and follower's speed and gap."""
    behind, lap_m, limit = follower(now, now.built.length_m), now.built.length_m, ROAD.limit_mps
    return jnp.stack(
        [
            now.own_mps / limit,
            now.own_along_m / lap_m,
            (now.of_agents(now.said.leader_speed_mps) - now.own_mps) / limit,
            now.of_agents(now.said.gap_m) / lap_m,
            (now.own_mps - behind.speed_mps) / limit,
            behind.gap_m / lap_m,
        ]
    )


def from_behind_the_wheel(now: NetworkMoment) -> Float[Array, "feature agent"]:
    """Return how an agent stands to the crossing, its leader, its last action, and everybody else from its own place.

    Everybody comes in the order in which one would meet them along the lap: how far ahead, and how much faster. What
    comes last tells the head of a platoon, who has half the lap free: `head` by how much of that half. It meets the
    tail at the crossing, and where it goes first itself it would cut the tail off (`head_goes_first`; 0 on the way to
    where it lets others go first). How much room there is besides, it tells in metres (`beyond_half`, `lap`).

    An agent that leads knows more of that meeting, from the start on (`before_the_tail`).
    """
    lap_m = now.built.length_m
    mine_m, speed = now.own_along_m, now.own_mps
    turn = 2 * math.pi * mine_m / lap_m
    ahead_m = jnp.mod(now.along_m[None, :] - mine_m[:, None], lap_m)
    # However wrong others seem, one meets oneself first.
    is_self = jnp.arange(ahead_m.shape[1])[None, :] == now.agent_place[:, None]
    order = jnp.argsort(jnp.where(is_self, -1, ahead_m), axis=1)[:, 1:]
    ahead = jnp.take_along_axis(ahead_m, order, axis=1) / lap_m
    head = jnp.minimum(2 * ahead[:, 0], 1)
    line_m = now.built.road_map.edge("bottom").length_m
    to_first_m = jnp.mod(line_m - mine_m, lap_m)
    goes_first = to_first_m < lap_m / 2
    beyond_m = ahead[:, 0] * lap_m - lap_m / 2
    tail_past_m = beyond_m - to_first_m
    others = now.speed_mps[order] - speed[:, None]
    own = jnp.stack(
        [
            speed / 15,
            jnp.sin(turn),
            jnp.cos(turn),
            jnp.sin(2 * turn),
            jnp.cos(2 * turn),
            now.of_agents(now.said.gap_m) / 50,
            (now.of_agents(now.said.leader_speed_mps) - now.own_mps) / 10,
            now.action / TARGET_MPS,
            jnp.full_like(speed, now.mean_speed_mps / 15),
        ]
    )
    platoon = jnp.stack(
        [
            head,
            jnp.where(goes_first, head, 0),
            jnp.where(goes_first, jnp.clip(tail_past_m / 4 + 0.5, 0, 1), 0),
            jnp.maximum(beyond_m, 0) / 100,
            jnp.full_like(speed, lap_m / 500),
        ]
    )
    tail = before_the_tail(ahead * lap_m, to_first_m, lap_m)
    return jnp.concatenate([own, ahead.T, others.T / 10, platoon, tail])


def before_the_tail(
    ahead_m: Float[Array, "agent other"], to_first_m: Float[Array, " agent"], lap_m: float
) -> Float[Array, "three agent"]:
    """Return whether one waits for the tail, and then the way per vehicle that is to go before, and 1 / their number.

    The agent that has the longest free way leads the platoon that all come together in: its leader is the tail. On
    its way to where it goes first it waits as long as the tail is not over where it lets others go first; vehicles
    that have not been there either are to go before it. It counts itself, too.

    Args:
        ahead_m: how far ahead each other vehicle is, nearest first.
        to_first_m: way to the line where one goes first.
        lap_m: length of the lap; the lines are half of it apart.
    """
    leads = ahead_m[:, 0] >= jnp.max(ahead_m[:, 0])
    count = jnp.sum(ahead_m < (to_first_m + lap_m / 2 + OVER_M)[:, None], axis=1)
    waits = leads & (to_first_m < lap_m / 2) & (count > 0)
    each = jnp.stack([jnp.ones_like(to_first_m), to_first_m / (count + 1) / 100, 1 / (count + 1)])
    return jnp.where(waits, each, 0)


EVERYBODY = Sight(
    names=tuple(f"{what}_{number}" for what in ("speed", "place") for number in range(VEHICLE_COUNT)),
    low=(0.0,) * (2 * VEHICLE_COUNT),
    high=(1.5,) * VEHICLE_COUNT + (1.0,) * VEHICLE_COUNT,
    read=everybody,
    needs="everything",
)
NEIGHBOURS = Sight(
    names=("speed", "place", "leader_minus_own_speed", "gap", "own_minus_follower_speed", "follower_gap"),
    low=(0.0, 0.0, -1.5, 0.0, -1.5, 0.0),
    high=(1.5, 1.0, 1.5, 1.0, 1.5, 1.0),
    read=own_place_and_neighbours,
    needs="everything",
)
WHEEL = Sight(
    names=(
        *("speed", "sin_place", "cos_place", "sin_half", "cos_half", "gap", "leader_minus_own_speed", "action"),
        "mean_speed",
        *(f"distance_{number}" for number in range(1, VEHICLE_COUNT)),
        *(f"faster_{number}" for number in range(1, VEHICLE_COUNT)),
        *("head", "head_goes_first", "tail_is_over", "beyond_half", "lap"),
        *("waits", "way_per_one_before", "one_per_one_before"),
    ),
    low=(0.0, -1.0, -1.0, -1.0, -1.0, 0.0, -3.0, -1.0, 0.0, *(0.0,) * 13, *(-3.0,) * 13, *(0.0,) * 8),
    high=(
        *(3.0, 1.0, 1.0, 1.0, 1.0, 2.0, 3.0, 1.0, 3.0, *(1.0,) * 13, *(3.0,) * 13),
        *(1.0, 1.0, 1.0, 10.0, 5.0),
        *(1.0, 10.0, 1.0),
    ),
    read=from_behind_the_wheel,
    needs="everything",
)


def traffic_with(automated_count: int) -> NetworkTraffic:
    """Return the figure eight with so many automated vehicles of 14."""
    return NetworkTraffic(
        network=ROAD,
        demand=ROAD.demand(VEHICLE_COUNT, automated_count),
        main_road=LAP,
        dt_s=0.1,
        capacity=VEHICLE_COUNT,
        duration_s=150.0,
    )


def _flows(size: int) -> NetworkTask:
    count = AUTOMATED_COUNTS[size]
    return NetworkTask(
        name=f"figureeight{size}",
        about=f"FLOW's figureeight{size}: {count} of 14 vehicles accelerate by at most 3 m/s2, everybody is seen",
        traffic=traffic_with(count),
        actors=AutomatedVehicles(slot_count=count, keeps_slots=False),
        sight=EVERYBODY,
        is_central=True,
        reward=desired_velocity(TARGET_MPS),
        action_low=-3.0,
        action_high=3.0,
    )


def _one_by_one(size: int) -> NetworkTask:
    return dataclasses.replace(
        _flows(size),
        name=f"figureeight{size}_by_vehicle",
        about=f"figureeight{size}; once a second each automated vehicle says how fast it wants to be",
        actors=AutomatedVehicles(slot_count=AUTOMATED_COUNTS[size], manner="set_speed"),
        sight=WHEEL,
        is_central=False,
        action_low=SET_SPEEDS_MPS[0],
        action_high=SET_SPEEDS_MPS[1],
        horizon=150,
        steps_per_decision=10,
        law=QUICK,
        spare_m=SPARE_M if size else 0.0,
    )


FIGURE_EIGHTS = tuple(_flows(size) for size in range(3))
FIGURE_EIGHTS_BY_VEHICLE = tuple(_one_by_one(size) for size in range(3))
MULTIAGENT_FIGURE_EIGHT = dataclasses.replace(
    FIGURE_EIGHTS[1],
    name="multiagent_figure_eight",
    about="FLOW's MultiAgentAccelPOEnv: 7 of 14 vehicles, each sees itself, its leader and its follower",
    actors=AutomatedVehicles(slot_count=AUTOMATED_COUNTS[1]),
    sight=NEIGHBOURS,
    is_central=False,
)
ADVERSARIAL_FIGURE_EIGHT = dataclasses.replace(
    FIGURE_EIGHTS[0],
    name="adversarial_figure_eight",
    about="FLOW's AdversarialAccelEnv: an opponent adds a tenth of its own action and earns what the vehicle loses",
    company=Company(opponent_share=0.1),
)
