"""The fastest known way by the travel times at the moment when one departs."""

import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp

from proving.traffic.errors import BadSettings
from proving.traffic.network.chosen import FEW_PIECES, chosen, spread, worked
from proving.traffic.network.demand import Demand
from proving.traffic.network.plans import Planner
from proving.traffic.network.state import Array, State, World, clock, pick_all
from proving.traffic.routing.choices import Choices, Memory, choices_by, goals
from proving.traffic.routing.travel_times import explored, fastest, speeds_after, times_to_goal


@dataclass(frozen=True, kw_only=True)
class AtDeparture:
    """Who departs takes the known way that is the fastest at that moment, and keeps it.

    So does SUMO with a `trip`, which names only where from and where to: it routes it when it departs, by the mean
    speeds of edges over the last three minutes. Ours are running means of the same mean age; known are the ways that
    `Rerouting` knows.

    Attributes:
        memory_s: time constant of the mean speeds.
        every_s: time after which travel times are worked out anew.
        way_count: ways that are looked for between two edges.
    """

    memory_s: float = 90.0
    every_s: float = 10.0
    way_count: int = 4

    def __post_init__(self) -> None:
        for name in ("memory_s", "every_s"):
            if not 0 < getattr(self, name) < math.inf:
                raise BadSettings(f"{name} must be above 0 and finite, not {getattr(self, name)}")
        if not 1 <= self.way_count <= 16:
            raise BadSettings(f"way_count must be 1 to 16, not {self.way_count}")

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
        """Return the speeds of free edges, and no times: they are worked out in the first step."""
        return jnp.asarray(choices.limit_mps), jnp.zeros(choices.edge.shape[0])

    def routed(self, choices: Choices, world: World, state: State, memory: Memory) -> tuple[Array, Memory]:
        """Return the plans of those who have just departed changed to the fastest."""
        vehicles = state.vehicles
        speed_mps = speeds_after(choices, world, vehicles, (memory[0], self.memory_s))
        every = jnp.maximum(jnp.round(self.every_s / world.dt_s).astype(jnp.int32), 1)

        def anew(_: Array) -> Array:
            return times_to_goal(choices, world, speed_mps)

        def as_before(rest_s: Array) -> Array:
            return rest_s

        rest_s = jax.lax.cond(jnp.any(state.step % every == 0), anew, as_before, memory[1])
        at_step = clock(world, state.step, vehicles.trip)
        has_departed = (vehicles.driven_m <= 0) & (vehicles.departed_s > (at_step - 1.5) * world.dt_s)

        some = chosen(has_departed, FEW_PIECES)
        node = worked(some, lambda place: fastest(choices, world, pick_all(vehicles, place), (rest_s, 0.0)))
        return spread(some, has_departed, node, vehicles.node), (speed_mps, rest_s)
