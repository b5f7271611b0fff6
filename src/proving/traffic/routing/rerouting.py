"""The fastest known way by present travel times, asked anew while one drives."""

import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp

from proving.traffic.errors import BadSettings
from proving.traffic.formats.routing import Router as FastestWays
from proving.traffic.network.demand import Demand
from proving.traffic.network.plans import Planner
from proving.traffic.network.state import Array, State, Vehicles, World, chance, clock, pick
from proving.traffic.routing.choices import Choices, Memory, choices_by, goals, offset_at, turned_onto

# Of one interval so many parts, in each of which another part of the vehicles asks.
TURNS = 8
# Nobody takes an edge for slower than this: who stands now will not stand for ever.
SLOWEST_MPS = 0.5


@dataclass(frozen=True, kw_only=True)
class Rerouting:
    """Everybody asks every `interval_s` which known way to its goal is the fastest now, and takes it.

    As SUMO's rerouting devices do: speeds of edges are running means over `memory_s`, an empty edge counts as free.
    Known are, for every first and last edge of the demand, the fastest way on free roads and those found when the
    edges of earlier ones count as slower; also what these make by crossing one another. Who has stops keeps its route.

    Attributes:
        interval_s: time between two questions of one vehicle.
        memory_s: time constant of the mean speeds.
        way_count: ways that are looked for between two edges.
        gain_share: a way must be faster by this share of the time that is left.
    """

    interval_s: float = 60.0
    memory_s: float = 180.0
    way_count: int = 4
    gain_share: float = 0.1

    def __post_init__(self) -> None:
        for name in ("interval_s", "memory_s"):
            if not 0 < getattr(self, name) < math.inf:
                raise BadSettings(f"{name} must be above 0 and finite, not {getattr(self, name)}")
        if not 1 <= self.way_count <= 16:
            raise BadSettings(f"way_count must be 1 to 16, not {self.way_count}")
        if not 0 <= self.gain_share < 1:
            raise BadSettings(f"gain_share must be 0 or more and below 1, not {self.gain_share}")

    def explore(self, planner: Planner, demand: Demand) -> None:
        """Add the ways between the ends of every route of the demand.

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
            for way in known[vehicle_class].alternatives(start, goal, self.way_count):
                planner.node(way, vehicle_class)

    def choices(self, planner: Planner) -> Choices:
        """Return every known way from the same edge to the same goal."""
        return choices_by(planner, goals(planner))

    def first_memory(self, choices: Choices) -> Memory:
        """Return the speeds of free edges."""
        return (jnp.asarray(choices.limit_mps),)

    def routed(self, choices: Choices, world: World, state: State, memory: Memory) -> tuple[Array, Memory]:
        """Return the plans of those whose turn it is changed to the fastest, where their lane still allows it."""
        speed_mps = self._speeds(choices, world, state.vehicles, memory[0])
        every = jnp.maximum(jnp.round(self.interval_s / TURNS / world.dt_s).astype(jnp.int32), 1)

        def asked(node: Array) -> Array:
            number = chance(world, state.vehicles.trip)[1]
            at_step = clock(world, state.step, state.vehicles.trip)
            is_turn = (at_step % every == 0) & ((at_step // every + number) % TURNS == 0)
            return jnp.where(is_turn, self._fastest(choices, world, state.vehicles, speed_mps), node)

        def kept(node: Array) -> Array:
            return node

        return jax.lax.cond(jnp.any(state.step % every == 0), asked, kept, state.vehicles.node), (speed_mps,)

    def _speeds(self, choices: Choices, world: World, vehicles: Vehicles, old_mps: Array) -> Array:
        """Return the mean speeds of edges one step later."""
        edges = choices.length_m.shape[0]
        edge = pick(choices.edge_of_lane, vehicles.lane)
        count = jnp.zeros(edges).at[edge].add(1.0, mode="drop")
        total_mps = jnp.zeros(edges).at[edge].add(vehicles.speed_mps, mode="drop")
        now_mps = jnp.where(count > 0, total_mps / jnp.maximum(count, 1), choices.limit_mps)
        return old_mps + (now_mps - old_mps) * jnp.minimum(world.dt_s / self.memory_s, 1.0)

    def _fastest(self, choices: Choices, world: World, vehicles: Vehicles, speed_mps: Array) -> Array:
        """Return the fastest plan of each vehicle from where it is; its own where none is so much faster."""
        own_s = choices.length_m / jnp.maximum(speed_mps, SLOWEST_MPS)
        edge, after = choices.edge, world.network.plans.after
        node_s = own_s[edge] + choices.way_m / jnp.maximum(choices.limit_mps[edge], 1.0)
        node_s = node_s.at[-1].set(0)

        def one_more(_: Array, rest_s: Array) -> Array:
            return node_s + rest_s[after]

        total_s = jax.lax.fori_loop(0, choices.depth, one_more, jnp.zeros_like(node_s))
        road, rest_m, _ = turned_onto(world, vehicles)
        node = vehicles.node
        option, is_one = pick(choices.option, node), pick(choices.is_one, node)
        missing = jnp.abs(offset_at(world, option, road[:, None]))
        lane_m = jnp.maximum(vehicles.speed_mps * world.rules.plan_s, world.rules.plan_m)[:, None]
        may = is_one & (missing * lane_m <= rest_m[:, None])
        option_s = jnp.where(may, total_s[option], jnp.inf)
        best = jnp.argmin(option_s, axis=1)[:, None]
        best_s = jnp.take_along_axis(option_s, best, axis=1)[:, 0]
        goes = best_s < (1 - self.gain_share) * total_s[node]
        if world.trips.halts is not None:
            goes = goes & (pick(world.trips.halts.count, vehicles.trip) == 0)
        return jnp.where(goes, jnp.take_along_axis(option, best, axis=1)[:, 0], node)
