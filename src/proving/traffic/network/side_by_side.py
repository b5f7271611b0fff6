"""Many worlds of one network side by side in one array: many seeds at once, each as if it ran alone.

Copies of the network that nothing joins are a network, so the engine need not know; only chance goes by each world's
own seed and its own number of a trip. Unlike a batch axis this leaves no places empty, and one sort serves all.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from proving.traffic.errors import BadSettings
from proving.traffic.network.advice import Advice, packed, unpacked
from proving.traffic.network.halting import Halts, joined
from proving.traffic.network.state import Array, Finished, Lights, State, Vehicles, World
from proving.traffic.network.step import in_order
from proving.traffic.network.tables import Connections, Lanes, Network, Signals
from proving.traffic.network.trips import Trips

# Sort keys are 32 bits wide.
LARGEST_KEY = 2**31 - 1


class Numbers:
    """How the worlds' lanes, connections, nodes and trips are numbered together.

    Lanes of edges come first, world by world, then the lanes inside junctions, then nowhere. `world` may be an array
    that says of each number whose it is.
    """

    def __init__(self, worlds: Sequence[World]) -> None:
        network = worlds[0].network
        self.worlds = len(worlds)
        self.connections = len(network.connections.to_lane) - 1
        self.edge_lanes = len(network.lanes.length_m) - 1 - self.connections
        self.nodes = network.plans.nobody
        self.signals = len(network.signals.kind) - 1
        self.phases = len(network.signals.duration_s) - 1
        trips = [len(world.trips.depart_s) - 1 for world in worlds]
        self.first_trip = np.cumsum([0, *trips])
        sources = [len(world.trips.source_first) for world in worlds]
        self.first_source = np.cumsum([0, *sources])

    @property
    def nowhere(self) -> int:
        """Return how many lanes a world has: the number of its nowhere."""
        return self.edge_lanes + self.connections

    def lane(self, numbers: Array, world: int | Array) -> Array:
        """Return the lanes of a world by their numbers among all."""
        xp = numbers.__array_namespace__()
        on_edge, inside = self._lanes_before(world)
        shifted = numbers + xp.where(numbers < self.edge_lanes, on_edge, inside)
        return xp.where(numbers >= self.nowhere, self.worlds * self.nowhere, shifted).astype(np.int32)

    def own_lane(self, lane: Array, world: int | Array) -> Array:
        """Return the lanes of a world by their own numbers, given those among all."""
        xp = lane.__array_namespace__()
        on_edge, inside = self._lanes_before(world)
        own = lane - xp.where(lane < self.worlds * self.edge_lanes, on_edge, inside)
        return xp.where(lane >= self.worlds * self.nowhere, self.nowhere, own).astype(np.int32)

    def shifted(self, numbers: Array, world: int | Array, count: int) -> Array:
        """Return numbers of which each world has so many; the last one, nobody, is everybody's."""
        xp = numbers.__array_namespace__()
        return xp.where(numbers >= count, self.worlds * count, numbers + world * count).astype(np.int32)

    def own(self, numbers: Array, world: int | Array, count: int) -> Array:
        """Return numbers of which each world has so many as its own, given those among all."""
        xp = numbers.__array_namespace__()
        return xp.where(numbers >= self.worlds * count, count, numbers - world * count).astype(np.int32)

    def _lanes_before(self, world: int | Array) -> tuple[int | Array, int | Array]:
        """Return by how much a world's lanes of edges, and those inside junctions, have other numbers among all."""
        return world * self.edge_lanes, (self.worlds - 1) * self.edge_lanes + world * self.connections

    def trip(self, numbers: Array, world: int) -> Array:
        """Return the trips of a world by their numbers among all."""
        count = self.first_trip[world + 1] - self.first_trip[world]
        shifted = np.where(numbers >= count, self.first_trip[-1], numbers + self.first_trip[world])
        return shifted.astype(np.int32)

    def lane_rows(self, parts: Sequence[Array]) -> Array:
        """Return rows by lane, one part per world and in its order, in the order of all."""
        first = [part[: self.edge_lanes] for part in parts]
        return np.concatenate([*first, *(part[self.edge_lanes : -1] for part in parts), parts[0][-1:]])


def side_by_side(worlds: Sequence[World], states: Sequence[State]) -> tuple[World, State]:
    """Return worlds of one network as one world.

    Args:
        worlds: of the same road map and plans; their trips and seeds may differ.
        states: where everybody is in each.
    """
    numbers = Numbers(worlds)
    together = world_of(worlds, numbers)
    state = states[0]._replace(
        vehicles=_vehicles([state.vehicles for state in states], numbers),
        lights=Lights(*(_ended(parts) for parts in zip(*(state.lights for state in states), strict=True))),
        next_trip=np.concatenate([state.next_trip + numbers.first_trip[i] for i, state in enumerate(states)]).astype(
            np.int32
        ),
        finished=Finished(*(_ended(parts) for parts in zip(*(state.finished for state in states), strict=True))),
        collisions=np.array([state.collisions for state in states], dtype=np.int32),
        emergencies=np.array([state.emergencies for state in states], dtype=np.int32),
    )
    ready = jax.tree.map(jnp.asarray, together)
    return together, jax.device_get(in_order(ready, jax.tree.map(jnp.asarray, state)))


def world_of(worlds: Sequence[World], numbers: Numbers) -> World:
    """Return what stays the same in worlds of one network, numbered together like this."""
    return worlds[0]._replace(
        network=_network(worlds[0].network, numbers),
        trips=_trips([world.trips for world in worlds], numbers),
        seed=np.array([world.seed for world in worlds], dtype=np.uint32),
    )


def alone(worlds: Sequence[World], final: State) -> tuple[State, ...]:
    """Return what a joined state says of each world: its trips, counters, and who is on the road."""
    numbers = Numbers(worlds)
    trip, lane = np.asarray(final.vehicles.trip), np.asarray(final.vehicles.lane)
    nowhere = numbers.nowhere
    states = []
    for i in range(len(worlds)):
        first, end = numbers.first_trip[i], numbers.first_trip[i + 1]
        is_mine = (lane < numbers.worlds * nowhere) & (trip >= first) & (trip < end)
        sources = slice(numbers.first_source[i], numbers.first_source[i + 1])
        states.append(
            final._replace(
                vehicles=final.vehicles._replace(
                    lane=np.where(is_mine, 0, nowhere), trip=np.where(is_mine, trip - first, end - first)
                ),
                next_trip=np.asarray(final.next_trip)[sources] - first,
                finished=Finished(*(np.append(np.asarray(part)[first:end], np.nan) for part in final.finished)),
                collisions=final.collisions[i],
                emergencies=final.emergencies[i],
            )
        )
    return tuple(states)


def _ended(parts: Sequence[Array]) -> Array:
    """Return arrays after one another, of whose last entries, nobody's, one is kept."""
    return np.concatenate([*(np.asarray(part)[:-1] for part in parts), np.asarray(parts[0])[-1:]])


def _network(network: Network, numbers: Numbers) -> Network:
    lanes, connections, signals, plans = network
    advice = unpacked(plans)
    every = range(numbers.worlds)

    def same(part: Array) -> Array:
        return _ended([part] * numbers.worlds)

    def lane_rows(part: Array) -> Array:
        return numbers.lane_rows([part] * numbers.worlds)

    def lane_numbers(part: Array) -> Array:
        return numbers.lane_rows([numbers.lane(part, i) for i in every])

    def counted(part: Array, count: int) -> Array:
        return _ended([numbers.shifted(part, i, count) for i in every])

    return Network(
        lanes=Lanes(
            length_m=lane_rows(lanes.length_m),
            limit_mps=lane_rows(lanes.limit_mps),
            left=lane_numbers(lanes.left),
            right=lane_numbers(lanes.right),
            first_of_edge=lane_numbers(lanes.first_of_edge),
            key=_keys(lanes.key, numbers),
        ),
        connections=Connections(*map(same, connections))._replace(
            from_lane=_ended([numbers.lane(connections.from_lane, i) for i in every]),
            to_lane=_ended([numbers.lane(connections.to_lane, i) for i in every]),
            signal=counted(connections.signal, numbers.signals),
            foe=counted(connections.foe, numbers.connections),
            beside=counted(connections.beside, numbers.connections),
        ),
        signals=Signals(
            kind=same(signals.kind),
            first_phase=counted(signals.first_phase, numbers.phases),
            phase_count=same(signals.phase_count),
            largest_gap_s=same(signals.largest_gap_s),
            detector_m=same(signals.detector_m),
            colour=same(signals.colour),
            duration_s=same(signals.duration_s),
            shortest_s=same(signals.shortest_s),
            longest_s=same(signals.longest_s),
        ),
        plans=packed(
            Advice(
                after=counted(advice.after, numbers.nodes),
                first_lane=_ended([numbers.lane(advice.first_lane, i) for i in every]),
                connection=counted(advice.connection, numbers.connections),
                offset=same(advice.offset),
                reach_m=same(advice.reach_m),
            )
        ),
    )


def _keys(key: Array, numbers: Numbers) -> Array:
    """Return each lane's first sort key: world after world, so that everybody of one world lies together."""
    span = int(key[-1])
    if numbers.worlds * span >= LARGEST_KEY:
        raise BadSettings(
            f"{numbers.worlds} worlds side by side have longer lanes together than places can be told apart on: run at "
            f"most {(LARGEST_KEY - 1) // span} at once"
        )
    keys = numbers.lane_rows([key + i * span for i in range(numbers.worlds)])
    keys[-1] = numbers.worlds * span
    return keys.astype(np.int32)


def _trips(parts: Sequence[Trips], numbers: Numbers) -> Trips:
    counts = [len(part.depart_s) - 1 for part in parts]

    def one(name: str) -> Array:
        return _ended([getattr(part, name) for part in parts])

    def sources(name: str) -> Array:
        shifted = [getattr(part, name) + numbers.first_trip[i] for i, part in enumerate(parts)]
        return np.concatenate(shifted).astype(np.int32)

    return Trips(
        depart_s=one("depart_s"),
        node=_ended([numbers.shifted(part.node, i, numbers.nodes) for i, part in enumerate(parts)]),
        kind=one("kind"),
        depart_lane=one("depart_lane"),
        depart_mps=one("depart_mps"),
        depart_m=one("depart_m"),
        arrive_m=one("arrive_m"),
        source_first=sources("source_first"),
        source_end=sources("source_end"),
        halts=joined([_halts(part.halts, numbers, i) for i, part in enumerate(parts)]),
        world=np.array([*np.repeat(np.arange(len(parts)), counts), 0], dtype=np.int32),
        number=np.concatenate([*(np.arange(count) for count in counts), [0]]).astype(np.int32),
    )


def _halts(halts: Halts | None, numbers: Numbers, world: int) -> Halts | None:
    """Return a world's stops on its own lanes."""
    return None if halts is None else halts._replace(edge_lane=numbers.lane(halts.edge_lane, world))


def _vehicles(parts: Sequence[Vehicles], numbers: Numbers) -> Vehicles:
    own = [
        part._replace(
            lane=numbers.lane(part.lane, i),
            node=numbers.shifted(part.node, i, numbers.nodes),
            trip=numbers.trip(part.trip, i),
        )
        for i, part in enumerate(parts)
    ]

    def one_column(*columns: Array) -> Array:
        return np.concatenate(columns)

    return jax.tree.map(one_column, *own)
