"""The fastest known way by present travel times, asked anew while one drives."""

import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp

from proving.traffic.errors import BadSettings
from proving.traffic.network.demand import Demand
from proving.traffic.network.plans import Planner
from proving.traffic.network.state import Array, State, World, chance, clock
from proving.traffic.routing.choices import Choices, Memory, choices_by, goals
from proving.traffic.routing.travel_times import explored, fastest, speeds_after, times_to_goal

# Of one interval so many parts, in each of which another part of the vehicles asks.
TURNS = 8


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
        explored(planner, demand, self.way_count)

    def choices(self, planner: Planner) -> Choices:
        """Return every known way from the same edge to the same goal."""
        return choices_by(planner, goals(planner))

    def first_memory(self, choices: Choices) -> Memory:
        """Return the speeds of free edges."""
        return (jnp.asarray(choices.limit_mps),)

    def routed(self, choices: Choices, world: World, state: State, memory: Memory) -> tuple[Array, Memory]:
        """Return the plans of those whose turn it is changed to the fastest, where their lane still allows it."""
        speed_mps = speeds_after(choices, world, state.vehicles, (memory[0], self.memory_s))
        every = jnp.maximum(jnp.round(self.interval_s / TURNS / world.dt_s).astype(jnp.int32), 1)

        def asked(node: Array) -> Array:
            number = chance(world, state.vehicles.trip)[1]
            at_step = clock(world, state.step, state.vehicles.trip)
            is_turn = (at_step % every == 0) & ((at_step // every + number) % TURNS == 0)
            rest_s = times_to_goal(choices, world, speed_mps)
            return jnp.where(is_turn, fastest(choices, world, state.vehicles, (rest_s, self.gain_share)), node)

        def kept(node: Array) -> Array:
            return node

        return jax.lax.cond(jnp.any(state.step % every == 0), asked, kept, state.vehicles.node), (speed_mps,)
