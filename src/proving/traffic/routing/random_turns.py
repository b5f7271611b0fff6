"""At every junction a turn by chance (FLOW's toy city): routes without an end."""

from collections import defaultdict
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np

from proving.traffic.errors import BadNetwork, BadSettings
from proving.traffic.network.demand import Demand
from proving.traffic.network.plans import Planner
from proving.traffic.network.state import Array, State, World, chance, clock, pick
from proving.traffic.noise import uniform
from proving.traffic.routing.choices import Choices, Memory, choices_by

STREAM_TURN = 160


@dataclass(frozen=True, kw_only=True)
class RandomTurns:
    """Everybody turns by chance: whoever comes to an edge draws what comes after it, each way on as likely.

    FLOW's `MinicityRouter`. Where no way leads on one leaves the road. The numbers are keyed by (seed, vehicle, step).
    A junction and the edge behind it must take longer than one step.
    """

    def explore(self, planner: Planner, demand: Demand) -> None:
        """Add, for each class of the demand, every edge with each edge that may come after it.

        Raises:
            BadSettings: a trip has stops, which one might never come to.
        """
        if any(trip.stops for trip in demand.trips):
            raise BadSettings("with random turns no trip may have stops")
        kinds = {kind.name: kind for kind in demand.types}
        used = {kinds[one.type].vehicle_class for one in (*demand.trips, *demand.flows)}
        pairs = dict.fromkeys((way.from_edge, way.to_edge) for way in planner.road_map.connections)
        for vehicle_class in sorted(used):
            for pair in pairs:
                try:
                    planner.node(pair, vehicle_class)
                except BadNetwork:
                    # Closed to this class, so not a turn of theirs.
                    continue

    def choices(self, planner: Planner) -> Choices:
        """Return for a node that is not drawn the drawn ones of its edge; drawn ones, two edges long, stay."""
        is_drawn = [after >= 0 and planner.after[after] < 0 for after in planner.after]
        drawn: dict[tuple[int, str], list[int]] = defaultdict(list)
        keys = [*zip(planner.edge, planner.vehicle_class, strict=True)]
        for node, key in enumerate(keys):
            if is_drawn[node]:
                drawn[key].append(node)
        width = max([1, *(len(nodes) for nodes in drawn.values())])
        option = np.tile(np.arange(len(keys) + 1, dtype=np.int32)[:, None], (1, width))
        is_one = np.zeros(option.shape, dtype=bool)
        for node, key in enumerate(keys):
            nodes = [node] if is_drawn[node] else drawn[key] or [node]
            option[node, : len(nodes)], is_one[node, : len(nodes)] = nodes, True
        return choices_by(planner, range(len(keys)))._replace(option=option, is_one=is_one)

    def first_memory(self, choices: Choices) -> Memory:
        """Return nothing."""
        return ()

    def routed(self, choices: Choices, world: World, state: State, memory: Memory) -> tuple[Array, Memory]:
        """Return a drawn turn for everybody who has come to a new edge."""
        node = state.vehicles.node
        option, is_one = pick(choices.option, node), pick(choices.is_one, node)
        count = jnp.maximum(jnp.sum(is_one, axis=1), 1)
        seed, number = chance(world, state.vehicles.trip)
        lot = (uniform(seed, STREAM_TURN, number, clock(world, state.step, state.vehicles.trip)) * count).astype(
            jnp.int32
        )
        lot = jnp.minimum(lot, count - 1)
        return jnp.take_along_axis(option, lot[:, None], axis=1)[:, 0], memory
