"""A small city: two roundabouts, T-junctions and bends."""

import math
from collections import deque
from dataclasses import dataclass

import numpy as np

from proving.traffic.errors import BadSettings
from proving.traffic.network.demand import Demand, Trip
from proving.traffic.network.road_map import Point, RoadMap
from proving.traffic.roads.lines import arc, shape
from proving.traffic.roads.plan import Place, Street, Way, laid_out, positive
from proving.traffic.roads.starting import AUTOMATED, HUMAN, two_types
from proving.traffic.state import HumanDriver

_ROWS, _COLUMNS = 3, 4
_ROUND = ((1, 1), (1, 2))
_ROUND_M, _CORNER_M, _RING_PLACE_M = 16.0, 8.0, 4.0
# East, north, west, south.
_WAYS = ((0, 1), (1, 0), (0, -1), (-1, 0))


@dataclass(frozen=True, kw_only=True)
class MiniCity:
    """In the manner of FLOW's toy city: 230 m wide, two-way streets, everybody turns at random.

    Three rows of four junctions; the two in the middle are roundabouts (who is inside goes first), at the others
    whoever comes from the right goes first.
    """

    block_m: float = 76.0
    limit_mps: float = 30.0

    def __post_init__(self) -> None:
        positive(self, "block_m", "limit_mps")
        if self.block_m < 50:
            raise BadSettings(f"block_m must be at least 50, not {self.block_m}")

    def road_map(self) -> RoadMap:
        """Return the city."""
        places: list[Place] = []
        streets: list[Street] = []
        ways: list[Way] = []
        for row in range(_ROWS):
            for column in range(_COLUMNS):
                at = (column * self.block_m, row * self.block_m)
                if (row, column) in _ROUND:
                    self._roundabout(f"{row}{column}", at, places, streets, ways)
                else:
                    places.append(Place(name=f"{row}{column}", at=at, kind="right_before_left", radius_m=_CORNER_M))
        for row, column, way in _arms():
            other = (row + _WAYS[way][0], column + _WAYS[way][1])
            streets.append(
                Street(
                    name=_name((row, column), other),
                    start=_place((row, column), way),
                    end=_place(other, (way + 2) % 4),
                    limit_mps=self.limit_mps,
                    is_centred=False,
                )
            )
        ways += [
            Way(before=one.name, after=after.name)
            for one in streets
            for after in streets
            if one.end == after.start and len(one.end) == 2 and one.start != after.end and not _is_back(one, after)
        ]
        return laid_out("minicity", places, streets, ways)

    def demand(
        self,
        vehicle_count: int = 90,
        automated_count: int = 10,
        seed: int = 0,
        driver: HumanDriver | None = None,
    ) -> Demand:
        """Return vehicles on tours of random turns that end where they began, driven again and again.

        Args:
            vehicle_count: how many, automated ones among them.
            automated_count: how many of them are automated.
            seed: of the tours.
            driver: the law of all.
        """
        road_map = self.road_map()
        after: dict[str, list[str]] = {edge.name: [] for edge in road_map.edges}
        for one in road_map.connections:
            after[one.from_edge].append(one.to_edge)
        # Nobody starts inside a roundabout; 10 m apart on the streets.
        spots = [
            (edge.name, 8.0 + 10.0 * k)
            for edge in road_map.edges
            if not edge.name.startswith("ring")
            for k in range(int((edge.length_m - 10.0) // 10.0) + 1)
        ]
        if not 0 <= automated_count <= vehicle_count <= len(spots):
            raise BadSettings(
                f"there is room for {len(spots)} vehicles, not {vehicle_count} with {automated_count} automated"
            )
        chance = np.random.default_rng(seed)
        trips = []
        for number, spot in enumerate(chance.permutation(len(spots))[:vehicle_count]):
            edge, at = spots[spot]
            kind = HUMAN if number < vehicle_count - automated_count else AUTOMATED
            trips.append(
                Trip(
                    name=f"{kind}_{number}",
                    depart_s=0.0,
                    route=_tour(after, edge, chance),
                    type=kind,
                    depart_lane=0,
                    depart_speed=0.0,
                    depart_m=at,
                )
            )
        # Front first: whoever starts on an edge starts behind those who are there.
        trips.sort(key=lambda trip: -trip.depart_m)
        return Demand(types=two_types(driver, changes_lanes=False), trips=tuple(trips), loops=True)

    def _roundabout(self, name: str, at: Point, places: list[Place], streets: list[Street], ways: list[Way]) -> None:
        """Add a ring of four places and four quarters, driven counter-clockwise."""
        for way in range(4):
            angle = way * math.pi / 2
            spot = (at[0] + _ROUND_M * math.cos(angle), at[1] + _ROUND_M * math.sin(angle))
            places.append(Place(name=f"{name}_{way}", at=spot, radius_m=_RING_PLACE_M))
            streets.append(
                Street(
                    name=f"ring_{name}_{way}",
                    start=f"{name}_{way}",
                    end=f"{name}_{(way + 1) % 4}",
                    limit_mps=min(self.limit_mps, math.sqrt(5.5 * _ROUND_M)),
                    priority=2,
                    line=shape(arc(at, _ROUND_M, angle, angle + math.pi / 2)),
                )
            )
            here = (int(name[0]), int(name[1]))
            other = (here[0] + _WAYS[way][0], here[1] + _WAYS[way][1])
            before, after = f"ring_{name}_{(way - 1) % 4}", f"ring_{name}_{way}"
            ways.append(Way(before=before, after=after))
            ways.append(Way(before=_name(other, here), after=after))
            ways.append(Way(before=before, after=_name(here, other)))


def _arms() -> list[tuple[int, int, int]]:
    """Return each junction with each direction in which another one lies."""
    return [
        (row, column, way)
        for row in range(_ROWS)
        for column in range(_COLUMNS)
        for way, (up, right) in enumerate(_WAYS)
        if 0 <= row + up < _ROWS and 0 <= column + right < _COLUMNS
    ]


def _name(start: tuple[int, int], end: tuple[int, int]) -> str:
    return f"{start[0]}{start[1]}to{end[0]}{end[1]}"


def _place(junction: tuple[int, int], way: int) -> str:
    """Return where an arm begins: a place of the roundabout, or the junction itself."""
    name = f"{junction[0]}{junction[1]}"
    return f"{name}_{way}" if junction in _ROUND else name


def _is_back(one: Street, after: Street) -> bool:
    """Return whether the second street only leads back along the first."""
    return one.name.split("to") == after.name.split("to")[::-1]


def _tour(
    after: dict[str, list[str]], start: str, chance: np.random.Generator, turn_count: int = 30
) -> tuple[str, ...]:
    """Return a walk of random turns, and the shortest way back to before its start."""
    walk = [start]
    for _ in range(turn_count):
        choices = after[walk[-1]]
        walk.append(choices[int(chance.integers(len(choices)))])
    came: dict[str, str] = {}
    queue = deque([walk[-1]])
    while queue:
        edge = queue.popleft()
        if start in after[edge]:
            back = [edge]
            while back[-1] != walk[-1]:
                back.append(came[back[-1]])
            return (*walk, *back[-2::-1])
        for one in after[edge]:
            if one not in came and one != walk[-1]:
                came[one] = edge
                queue.append(one)
    raise AssertionError("every street of the city can be reached from every other")
