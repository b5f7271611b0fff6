"""Where it is too late to change lanes one goes where the lane leads, and on from there (FLOW's bridge and I-210)."""

from dataclasses import dataclass

import jax.numpy as jnp

from proving.traffic.errors import BadSettings
from proving.traffic.network.demand import Demand
from proving.traffic.network.plans import Planner
from proving.traffic.network.state import Array, State, World, pick
from proving.traffic.routing.choices import Choices, Memory, choices_by, offset_at, turned_onto


@dataclass(frozen=True, kw_only=True)
class ByLane:
    """Who is in a lane that does not lead on by its plan takes another known route that this lane leads to.

    FLOW's `BayBridgeRouter` and `I210Router` do so on edges and lanes that they name; here wherever it happens. Those
    whose lane leads on by no known route go on trying to change.

    Attributes:
        late_m: it is too late so near to the end of the edge, for each lane that would have to be crossed.
    """

    late_m: float = 50.0

    def __post_init__(self) -> None:
        if not 0 < self.late_m < float("inf"):
            raise BadSettings(f"late_m must be above 0 and finite, not {self.late_m}")

    def explore(self, planner: Planner, demand: Demand) -> None:
        """Add nothing: the demand's own routes are there to choose from."""

    def choices(self, planner: Planner) -> Choices:
        """Return every route over the same edge, whatever its goal."""
        return choices_by(planner, [0] * len(planner.edge))

    def first_memory(self, choices: Choices) -> Memory:
        """Return nothing."""
        return ()

    def routed(self, choices: Choices, world: World, state: State, memory: Memory) -> tuple[Array, Memory]:
        """Return the plans of those who are late changed to ones that their lanes lead to."""
        vehicles = state.vehicles
        road, rest_m, is_inside = turned_onto(world, vehicles)
        missing = jnp.abs(offset_at(world, vehicles.node, road))
        is_late = (missing > 0) & ~is_inside & (rest_m < missing * self.late_m)
        option, is_one = pick(choices.option, vehicles.node), pick(choices.is_one, vehicles.node)
        leads = is_one & (offset_at(world, option, road[:, None]) == 0)
        first = jnp.argmax(leads, axis=1)
        other = jnp.take_along_axis(option, first[:, None], axis=1)[:, 0]
        return jnp.where(is_late & leads.any(axis=1), other, vehicles.node), memory
