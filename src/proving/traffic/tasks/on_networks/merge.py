"""A highway that a ramp joins: 10, 25 or 33 % of the highway's vehicles are automated (FLOW's merge0 to 2)."""

import dataclasses

import jax.numpy as jnp
from jaxtyping import Array, Float

from proving.traffic.network.road_map import RoadMap
from proving.traffic.roads import Merge
from proving.traffic.tasks.messages import Messages
from proving.traffic.tasks.on_networks.actors import QUICK, AutomatedVehicles
from proving.traffic.tasks.on_networks.hearing import communicating
from proving.traffic.tasks.on_networks.moment import NetworkMoment, follower
from proving.traffic.tasks.on_networks.rewards import desired_velocity_and_headway, speed_and_arrivals
from proving.traffic.tasks.on_networks.task import NetworkTask
from proving.traffic.tasks.on_networks.traffic import NetworkTraffic
from proving.traffic.tasks.task import Sight
from proving.traffic.tasks.wave_attenuation import WORST_SENSING

ROAD = Merge(before_m=500.0)
MAIN_ROAD, RAMP = ("inflow_highway", "left", "center"), ("inflow_merge", "bottom")
SHARES, SLOT_COUNTS = (0.1, 0.25, 0.333), (5, 13, 17)
HIGHWAY_VEH_PER_H, RAMP_VEH_PER_H, TARGET_MPS = 2000.0, 100.0, 20.0
# The least that a vehicle of merge*_by_vehicle may ask of itself.
SLOWEST_MPS = 2.0
# One cell of what is seen of the road ahead, and how many there are.
CELL_M, CELL_COUNT = 100.0, 4
NAMES = ("speed", "leader_minus_own_speed", "gap", "own_minus_follower_speed", "follower_gap")


def leader_and_follower(now: NetworkMoment) -> Float[Array, "feature agent"]:
    """Return FLOW's five per vehicle; where there is no vehicle all is 0, where there is no leader the gap is 1."""
    limit, length_m = ROAD.limit_mps, now.built.length_m
    speed, behind = now.own_mps, follower(now, length_m)
    leader_mps, gap_m = now.of_agents(now.said.leader_speed_mps), now.of_agents(now.said.gap_m)
    seen = jnp.stack(
        [
            speed / limit,
            (leader_mps - speed) / limit,
            gap_m / length_m,
            (speed - behind.speed_mps) / limit,
            behind.gap_m / length_m,
        ]
    )
    return jnp.where(now.is_present, seen, 0)


def in_a_row(now: NetworkMoment) -> Float[Array, "feature one"]:
    """Return what every vehicle sees, one after the other in the order in which they came."""
    return leader_and_follower(now).T.reshape(-1, 1)


def the_merge_ahead(now: NetworkMoment) -> Float[Array, "feature agent"]:
    """Return FLOW's five, the way to the merge, the road ahead in cells of 100 m, and who comes up the ramp.

    Of a cell: how many there are, how fast, and how slow altogether: a jam is where many are slow. Where nobody is, and
    where any number drives at the limit, that is 0.
    """
    mine_m = now.own_along_m
    merge_m = start_of(now.built.road_map, "center")
    ahead_m = now.along_m[None, :] - mine_m[:, None]
    cells: list[Array] = []
    for cell in range(CELL_COUNT):
        is_in = (ahead_m > cell * CELL_M) & (ahead_m <= (cell + 1) * CELL_M)
        count = jnp.sum(is_in, axis=1)
        speed_mps = jnp.sum(jnp.where(is_in, now.speed_mps, 0), axis=1)
        slow = jnp.clip(count - speed_mps / ROAD.limit_mps, 0, None)
        cells += [count / 10, speed_mps / jnp.maximum(count, 1) / 20, slow / 10]
    edges = [now.built.road_map.edge_index[name] for name in RAMP]
    edge = jnp.asarray(now.built.edge)[now.traffic.vehicles.lane]
    on_ramp = jnp.where(now.is_there & ((edge == edges[0]) | (edge == edges[1])), 1.0, 0.0)
    to_go_m = jnp.where(edge == edges[1], ROAD.merge_m, ROAD.merge_m + 100) - now.traffic.vehicles.position_m
    nearest_m = jnp.min(jnp.where(on_ramp > 0, to_go_m, 200.0))
    everybody = jnp.stack([nearest_m / 200, jnp.sum(on_ramp) / 5, now.mean_speed_mps / 20])
    own = [
        now.is_present.astype(jnp.float32),
        (merge_m - mine_m) / 500,
        now.action / ROAD.limit_mps,
        *cells,
        *jnp.broadcast_to(everybody[:, None], (3, mine_m.shape[0])),
    ]
    return jnp.concatenate([leader_and_follower(now), jnp.where(now.is_present, jnp.stack(own), 0)])


def start_of(road_map: RoadMap, name: str) -> float:
    """Return where an edge starts along the main road, joints left out."""
    before = MAIN_ROAD[: MAIN_ROAD.index(name)]
    return sum(road_map.edge(one).length_m for one in before)


def _row(count: int) -> Sight:
    return Sight(
        names=tuple(f"{name}_{slot}" for slot in range(count) for name in NAMES),
        low=(0.0, -2.0, 0.0, -2.0, 0.0) * count,
        high=(2.0, 2.0, 1.0, 2.0, 1.0) * count,
        read=in_a_row,
        needs="everything",
    )


EACH = Sight(
    names=NAMES,
    low=(0.0, -2.0, 0.0, -2.0, 0.0),
    high=(2.0, 2.0, 1.0, 2.0, 1.0),
    read=leader_and_follower,
    needs="everything",
)
AHEAD = Sight(
    names=(
        *NAMES,
        *("is_present", "way_to_merge", "action"),
        *(f"{what}_{cell}" for cell in range(CELL_COUNT) for what in ("count", "mean_speed", "slow")),
        *("way_of_nearest_on_ramp", "count_on_ramp", "mean_speed"),
    ),
    low=(*EACH.low, 0.0, -2.0, 0.0, *(0.0, 0.0, 0.0) * CELL_COUNT, 0.0, 0.0, 0.0),
    high=(*EACH.high, 1.0, 2.0, 1.0, *(3.0, 2.0, 3.0) * CELL_COUNT, 1.0, 5.0, 2.0),
    read=the_merge_ahead,
    needs="everything",
)


def _flows(size: int) -> NetworkTask:
    count, share = SLOT_COUNTS[size], SHARES[size]
    return NetworkTask(
        name=f"merge{size}",
        about=f"FLOW's merge{size}: {share:.0%} of a highway's vehicles accelerate by at most 1.5 m/s2",
        traffic=NetworkTraffic(
            network=ROAD,
            demand=ROAD.demand(HIGHWAY_VEH_PER_H, RAMP_VEH_PER_H, share),
            main_road=MAIN_ROAD,
            dt_s=0.5,
            capacity=144,
            duration_s=750.0,
        ),
        actors=AutomatedVehicles(slot_count=count, keeps_slots=False),
        sight=_row(count),
        is_central=True,
        reward=desired_velocity_and_headway(TARGET_MPS),
        action_low=-1.5,
        action_high=1.5,
        horizon=750,
        steps_per_decision=2,
    )


MERGES = tuple(_flows(size) for size in range(3))
MERGES_BY_VEHICLE = tuple(
    dataclasses.replace(
        task,
        name=f"merge{size}_by_vehicle",
        about=f"merge{size}; each automated vehicle says how fast it drives at most, and knows what is ahead",
        traffic=task.traffic.automated_by(QUICK),
        actors=AutomatedVehicles(slot_count=SLOT_COUNTS[size], manner="set_speed"),
        sight=AHEAD,
        is_central=False,
        reward=speed_and_arrivals(TARGET_MPS, HIGHWAY_VEH_PER_H + RAMP_VEH_PER_H),
        action_low=SLOWEST_MPS,
        action_high=ROAD.limit_mps,
        law=QUICK,
    )
    for size, task in enumerate(MERGES)
)
MULTIAGENT_MERGE = dataclasses.replace(
    MERGES[0],
    name="multiagent_merge",
    about="FLOW's MultiAgentMergePOEnv: vehicles come and go, each sees itself, its leader and its follower",
    actors=AutomatedVehicles(slot_count=SLOT_COUNTS[0]),
    sight=EACH,
    is_central=False,
)
# The same vehicles, knowing more of one another, or with sensors and pedals as good or bad as chance.
MERGE_PORTFOLIO = (
    dataclasses.replace(
        communicating(MULTIAGENT_MERGE, "messages", Messages(loss_share=0.1, delay_decisions=1)),
        name="multiagent_merge_connected",
        about="multiagent_merge with messages of the next automated vehicles within 300 m: a second late, a tenth lost",
    ),
    dataclasses.replace(
        communicating(MULTIAGENT_MERGE, "central"),
        name="multiagent_merge_centralised",
        about="multiagent_merge with one agent that sees what all of its vehicles see and decides for all",
    ),
    dataclasses.replace(
        MULTIAGENT_MERGE,
        name="multiagent_merge_any_sensors",
        about="multiagent_merge with sensors and pedals as good or bad as chance",
        sensing=WORST_SENSING,
        is_sensing_drawn=True,
    ),
)
