"""A city of square blocks, as large as one likes."""

import dataclasses
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from proving.traffic.errors import BadSettings
from proving.traffic.network.demand import Demand, Trip
from proving.traffic.network.right_of_way import with_right_of_way
from proving.traffic.network.road_map import Connection, Edge, Junction, Lane, Phase, RoadMap, Signal
from proving.traffic.roads.plan import LANE_WIDTH_M, positive
from proving.traffic.roads.starting import HUMAN, two_types
from proving.traffic.state import HumanDriver

# East, north, west, south, as steps of (row, column); a turn to the left is one on.
_WAYS = ((0, 1), (1, 0), (0, -1), (-1, 0))
_GREEN_S, _YELLOW_S = 27.0, 3.0


class _Like(NamedTuple):
    """A settled junction of the same kind, whose connections are numbered `shift` less."""

    shift: int
    connections: list[Connection]

    def crosses(self, number: int) -> tuple[int, ...]:
        """Return what connection `number` of this junction crosses."""
        return tuple([self.shift + k for k in self.connections[number].crosses])

    def yields_to(self, number: int) -> tuple[int, ...]:
        """Return to whom connection `number` of this junction yields."""
        return tuple([self.shift + k for k in self.connections[number].yields_to])


@dataclass(frozen=True, kw_only=True)
class City:
    """Two-way streets around `row_count` x `column_count` blocks; edges are called {way}{row}_{column} by their start.

    Ways are e, n, w and s. The rightmost lane turns right, the leftmost one left, all go straight on.

    Attributes:
        row_count: blocks from south to north.
        column_count: blocks from west to east.
        block_m: length of an edge.
        lane_count: lanes of every edge.
        limit_mps: speed limit.
        signals: how the signals change; "none": the streets from west to east go first.
    """

    row_count: int = 10
    column_count: int = 10
    block_m: float = 150.0
    lane_count: int = 1
    limit_mps: float = 13.9
    signals: Literal["fixed", "actuated", "commanded", "none"] = "fixed"

    def __post_init__(self) -> None:
        positive(self, "block_m", "limit_mps")
        if self.row_count < 2 or self.column_count < 2 or self.lane_count < 1:
            raise BadSettings(
                f"a city needs at least 2 x 2 blocks and 1 lane, "
                f"not {self.row_count} x {self.column_count} and {self.lane_count}"
            )
        if self.block_m < 20:
            raise BadSettings(f"block_m must be at least 20, not {self.block_m}")
        if self.signals not in ("fixed", "actuated", "commanded", "none"):
            raise BadSettings(f"signals must be fixed, actuated, commanded or none, not {self.signals!r}")

    def road_map(self) -> RoadMap:
        """Return the city; right of way is worked out once per kind of junction and repeated."""
        patterns: dict[tuple[int, ...], tuple[int, list[Connection]]] = {}
        if (self.row_count, self.column_count) != (2, 2):
            small = dataclasses.replace(self, row_count=2, column_count=2)
            settled = small.road_map()
            for row in range(3):
                for column in range(3):
                    arriving = small._arriving(row, column)
                    numbers = [i for i, one in enumerate(settled.connections) if one.from_edge in arriving]
                    patterns[small._arms(row, column)] = (numbers[0], [settled.connections[i] for i in numbers])
        edges: list[Edge] = []
        junctions: list[Junction] = []
        connections: list[Connection] = []
        signals: list[Signal] = []
        for row in range(self.row_count + 1):
            for column in range(self.column_count + 1):
                arms = self._arms(row, column)
                edges += [self._edge(row, column, way) for way in arms]
                has_signal = self.signals != "none" and len(arms) > 2
                name = f"{row}_{column}"
                kind = "signal" if has_signal else "priority"
                junctions.append(Junction(name=name, kind=kind, at=(column * self._pitch_m, row * self._pitch_m)))
                like = _Like(len(connections) - patterns[arms][0], patterns[arms][1]) if patterns else None
                here = self._connections(row, column, name if has_signal else "", like)
                connections += here
                if has_signal:
                    signals.append(self._signal(name, here, (row + column) % 2))
        road_map = RoadMap(
            name="city",
            edges=tuple(edges),
            connections=tuple(connections),
            junctions=tuple(junctions),
            signals=tuple(signals),
        )
        return road_map if patterns else with_right_of_way(road_map)

    def demand(
        self,
        vehicle_count: int = 300,
        seed: int = 0,
        kind: Literal["turns", "tours"] = "tours",
        until_s: float = 0.0,
        edge_count: int = 40,
        driver: HumanDriver | None = None,
    ) -> Demand:
        """Return vehicles that start somewhere between time 0 and `until_s`.

        Args:
            vehicle_count: how many.
            seed: of everything random.
            kind: "turns": each edge a random turn, `edge_count` edges long, then they leave; "tours": to a random
                destination and back by the other two sides of the rectangle, for ever.
            until_s: departures are spread evenly up to here; 0: all at once, each on its own spot.
            edge_count: length of a walk of random turns.
            driver: the law of all.
        """
        chance = np.random.default_rng(seed)
        names, spots = self._spots()
        if vehicle_count < 1 or (until_s <= 0 and vehicle_count > len(spots)):
            raise BadSettings(f"there is room for {len(spots)} vehicles at once, not {vehicle_count}")
        picked = chance.permutation(len(spots))
        chosen = spots[picked[np.arange(vehicle_count) % len(spots)]]
        # Front first: whoever starts on an edge starts behind those who are there.
        chosen = chosen[np.argsort(-chosen[:, 2], kind="stable")]
        routes = self._turns(chosen[:, 0], edge_count, chance) if kind == "turns" else self._tours(chosen[:, 0], chance)
        trips = tuple(
            Trip(
                name=f"car_{i}",
                depart_s=until_s * i / vehicle_count,
                route=tuple([names[k] for k in route]),
                type=HUMAN,
                depart_lane=lane,
                depart_speed=0.0,
                depart_m=10.0 * (spot + 1),
            )
            for i, (route, lane, spot) in enumerate(
                zip(routes, chosen[:, 1].tolist(), chosen[:, 2].tolist(), strict=True)
            )
        )
        return Demand(types=two_types(driver), trips=trips, loops=kind == "tours")

    @property
    def _half_m(self) -> float:
        """Return half the width of a street, and a little for the corner."""
        return LANE_WIDTH_M * self.lane_count + 4.0

    @property
    def _pitch_m(self) -> float:
        return self.block_m + 2 * self._half_m

    def _arms(self, row: int, column: int) -> tuple[int, ...]:
        """Return the ways in which a junction has a street."""
        return tuple(
            way
            for way, (up, right) in enumerate(_WAYS)
            if 0 <= row + up <= self.row_count and 0 <= column + right <= self.column_count
        )

    def _arriving(self, row: int, column: int) -> set[str]:
        """Return the edges that reach a junction."""
        return {_edge_name(row - _WAYS[way][0], column - _WAYS[way][1], way) for way in self._opposite(row, column)}

    def _opposite(self, row: int, column: int) -> list[int]:
        """Return the ways in which the edges that reach a junction are driven, in order."""
        return sorted((arm + 2) % 4 for arm in self._arms(row, column))

    def _edge(self, row: int, column: int, way: int) -> Edge:
        """Return the edge that leaves a junction in this way."""
        up, right = _WAYS[way]
        x, y = column * self._pitch_m, row * self._pitch_m
        near, far = self._half_m, self._half_m + self.block_m
        lanes = []
        for index in range(self.lane_count):
            aside = LANE_WIDTH_M * (self.lane_count - index - 0.5)
            ends = tuple(
                (round(x + right * along + up * aside, 2), round(y + up * along - right * aside, 2))
                for along in (near, far)
            )
            lanes.append(Lane(length_m=self.block_m, limit_mps=self.limit_mps, shape=ends))
        return Edge(
            name=_edge_name(row, column, way),
            start=f"{row}_{column}",
            end=f"{row + up}_{column + right}",
            lanes=tuple(lanes),
            priority=1 + (way % 2 == 0) if self.signals == "none" else 1,
        )

    def _connections(self, row: int, column: int, signal: str, like: _Like | None) -> list[Connection]:
        """Return the ways across one junction; who meets whom is that of a like junction, or not said yet."""
        found: list[Connection] = []
        arms = self._arms(row, column)
        last = self.lane_count - 1
        for way in self._opposite(row, column):
            before = _edge_name(row - _WAYS[way][0], column - _WAYS[way][1], way)
            for turn, lanes in ((-1, (0,)), (0, range(self.lane_count)), (1, (last,))):
                after = (way + turn) % 4
                if after not in arms:
                    continue
                straight = 2 * self._half_m
                # Quarter circles around the corner, and around the far side of the middle.
                aside = LANE_WIDTH_M * (self.lane_count - 0.5) if turn < 0 else -LANE_WIDTH_M * 0.5
                radius = self._half_m - aside if turn else 0.0
                length = 1.5708 * radius if turn else straight
                limit = min(self.limit_mps, (5.5 * radius) ** 0.5) if turn else self.limit_mps
                for lane in lanes:
                    found.append(
                        Connection(
                            from_edge=before,
                            from_lane=lane,
                            to_edge=_edge_name(row, column, after),
                            to_lane=lane,
                            length_m=length,
                            limit_mps=limit,
                            signal=signal,
                            signal_index=len(found) if signal else 0,
                            crosses=like.crosses(len(found)) if like else (),
                            yields_to=like.yields_to(len(found)) if like else (),
                        )
                    )
        return found

    def _signal(self, name: str, connections: list[Connection], group: int) -> Signal:
        """Return the signal of a junction: two ways green, yellow, the other two; left turns yield."""
        phases = []
        for ways in ("ew", "ns"):
            green = "".join(
                "r" if one.from_edge[0] not in ways else "g" if _is_left(one) else "G" for one in connections
            )
            yellow = green.replace("G", "y").replace("g", "y")
            phases.append(Phase(colours=green, duration_s=_GREEN_S, shortest_s=8.0, longest_s=45.0))
            phases.append(Phase(colours=yellow, duration_s=_YELLOW_S))
        kind = "fixed" if self.signals == "none" else self.signals
        return Signal(name=name, phases=tuple(phases), kind=kind, offset_s=group * (_GREEN_S + _YELLOW_S))

    def _spots(self) -> tuple[list[str], np.ndarray]:
        """Return the names of all edges, and (edge, lane, number along it) of every place 10 m from the next."""
        names = [
            _edge_name(row, column, way)
            for row in range(self.row_count + 1)
            for column in range(self.column_count + 1)
            for way in self._arms(row, column)
        ]
        each = max(1, int(self.block_m // 10) - 1)
        grid = np.indices((len(names), self.lane_count, each)).reshape(3, -1).T
        return names, grid

    def _codes(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the number of each edge by [row, column, way] (-1: none), and [row, column, way] of each edge."""
        codes = np.full((self.row_count + 1, self.column_count + 1, 4), -1, dtype=np.int64)
        rows, columns = np.indices(codes.shape[:2])
        is_there = np.stack([columns < self.column_count, rows < self.row_count, columns > 0, rows > 0], axis=-1)
        codes[is_there] = np.arange(int(is_there.sum()))
        return codes, np.argwhere(is_there)

    def _turns(self, start: np.ndarray, edge_count: int, chance: np.random.Generator) -> list[list[int]]:
        """Return for each vehicle the edges of a walk of random turns."""
        codes, edges = self._codes()
        steps = np.asarray(_WAYS)
        walk = [start]
        for _ in range(edge_count - 1):
            row, column, way = edges[walk[-1]].T
            row, column = row + steps[way, 0], column + steps[way, 1]
            # Right, straight and left in a random order; the first that is there is taken.
            order = np.argsort(chance.random((len(start), 3)), axis=1) - 1
            choices = codes[row[:, None], column[:, None], (way[:, None] + order) % 4]
            first = np.argmax(choices >= 0, axis=1)
            walk.append(choices[np.arange(len(start)), first])
        return np.stack(walk, axis=1).tolist()

    def _tours(self, start: np.ndarray, chance: np.random.Generator) -> list[list[int]]:
        """Return for each vehicle the edges around a random rectangle, from its first edge on."""
        codes, edges = self._codes()
        sizes = (self.row_count, self.column_count)
        tours = []
        draws = chance.random((len(start), 4))
        for (row, column, way), draw in zip(edges[start].tolist(), draws, strict=True):
            here = [row, column]
            axis = 1 - way % 2
            forward = _WAYS[way][axis]
            # The far corner: some blocks on along the first edge, and some to one side.
            room = sizes[axis] - here[axis] if forward > 0 else here[axis]
            on = 1 + int(draw[0] * room)
            side_axis = 1 - axis
            side = 1 if here[side_axis] == 0 or (draw[1] < 0.5 and here[side_axis] < sizes[side_axis]) else -1
            room = sizes[side_axis] - here[side_axis] if side > 0 else here[side_axis]
            aside = 1 + int(draw[2] * room)
            steps = [0, 0]
            steps[side_axis] = side
            across = _WAYS.index((steps[0], steps[1]))
            tour = []
            for heading, count in ((way, on), (across, aside), ((way + 2) % 4, on), ((across + 2) % 4, aside)):
                for _ in range(count):
                    tour.append(int(codes[here[0], here[1], heading]))
                    here = [here[0] + _WAYS[heading][0], here[1] + _WAYS[heading][1]]
            tours.append(tour)
        return tours


def _edge_name(row: int, column: int, way: int) -> str:
    return f"{'enws'[way]}{row}_{column}"


def _is_left(one: Connection) -> bool:
    return ("enws".index(one.to_edge[0]) - "enws".index(one.from_edge[0])) % 4 == 1
