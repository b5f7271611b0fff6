"""Present travel times, and the fastest of the known ways by them: what routers share that look at the traffic."""

import jax
import jax.numpy as jnp

from proving.traffic.errors import BadSettings
from proving.traffic.formats.routing import Router as FastestWays
from proving.traffic.network.demand import Demand
from proving.traffic.network.plans import Planner
from proving.traffic.network.state import Array, Vehicles, World, pick
from proving.traffic.routing.choices import Choices, offset_at, turned_onto

# Nobody takes an edge for slower than this: who stands now will not stand for ever.
SLOWEST_MPS = 0.5


def explored(planner: Planner, demand: Demand, way_count: int) -> None:
    """Add so many ways between the ends of every route of the demand.

    Raises:
        BadSettings: the demand loops, so nobody has a goal.
    """
    if demand.loops:
        raise BadSettings("rerouting needs goals, but the demand loops")
    kinds = {kind.name: kind for kind in demand.types}
    asked = dict.fromkeys(
        (kinds[one.type].vehicle_class, one.route[0], one.route[-1]) for one in (*demand.trips, *demand.flows)
    )
    known = {name: FastestWays(planner.road_map, name) for name in {name for name, *_ in asked}}
    for vehicle_class, start, goal in asked:
        for way in known[vehicle_class].alternatives(start, goal, way_count):
            planner.node(way, vehicle_class)


def speeds_after(choices: Choices, world: World, vehicles: Vehicles, before: tuple[Array, float]) -> Array:
    """Return the mean speeds of edges one step later; `before`: these, and the time constant of the mean."""
    old_mps, memory_s = before
    edges = choices.length_m.shape[0]
    edge = pick(choices.edge_of_lane, vehicles.lane)
    count = jnp.zeros(edges).at[edge].add(1.0, mode="drop")
    total_mps = jnp.zeros(edges).at[edge].add(vehicles.speed_mps, mode="drop")
    now_mps = jnp.where(count > 0, total_mps / jnp.maximum(count, 1), choices.limit_mps)
    return old_mps + (now_mps - old_mps) * jnp.minimum(world.dt_s / memory_s, 1.0)


def times_to_goal(choices: Choices, world: World, speed_mps: Array) -> Array:
    """Return per plan node how long its route takes from the start of its edge to the end, at these speeds of edges."""
    node_s = choices.length_m / jnp.maximum(speed_mps, SLOWEST_MPS)
    node_s = (node_s[choices.edge] + choices.way_s).at[-1].set(0)

    # Each round knows twice as many edges of every route.
    def farther(_: Array, known: tuple[Array, Array]) -> tuple[Array, Array]:
        rest_s, after = known
        return rest_s + rest_s[after], after[after]

    nodes = jnp.arange(node_s.shape[0], dtype=jnp.int32)
    rounds = max(choices.depth - 1, 1).bit_length()
    rest_s, _ = jax.lax.fori_loop(0, rounds, farther, (node_s, world.network.plans.after(nodes)))
    return rest_s


def fastest(choices: Choices, world: World, vehicles: Vehicles, by: tuple[Array, float]) -> Array:
    """Return the fastest plan of each vehicle from where it is; its own where none is so much faster.

    Args:
        choices: what there is to choose from.
        world: what stays the same.
        vehicles: everybody.
        by: `times_to_goal`, and the share of them by which another way must be faster.
    """
    total_s, gain_share = by
    road, rest_m, _ = turned_onto(world, vehicles)
    node = vehicles.node
    option, is_one = pick(choices.option, node), pick(choices.is_one, node)
    missing = jnp.abs(offset_at(world, option, road[:, None]))
    lane_m = jnp.maximum(vehicles.speed_mps * world.rules.plan_s, world.rules.plan_m)[:, None]
    may = is_one & (missing * lane_m <= rest_m[:, None])
    option_s = jnp.where(may, total_s[option], jnp.inf)
    best = jnp.argmin(option_s, axis=1)[:, None]
    best_s = jnp.take_along_axis(option_s, best, axis=1)[:, 0]
    goes = best_s < (1 - gain_share) * total_s[node]
    if world.trips.halts is not None:
        goes = goes & (pick(world.trips.halts.count, vehicles.trip) == 0)
    return jnp.where(goes, jnp.take_along_axis(option, best, axis=1)[:, 0], node)
