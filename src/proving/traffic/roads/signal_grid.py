"""A grid of streets with a signal at every crossing."""

from dataclasses import dataclass

from proving.traffic.errors import BadSettings
from proving.traffic.network.demand import Demand
from proving.traffic.network.road_map import Phase, Point, RoadMap, Signal, SignalKind
from proving.traffic.roads.plan import Place, Street, Way, laid_out, positive
from proving.traffic.roads.starting import Depart, arriving, two_types
from proving.traffic.state import HumanDriver

# FLOW's example: 31 s of green, 8 to 45 when actuated; 6 s of yellow, 3 at least. Commanded signals switch in 3 s.
_GREEN_S, _SHORTEST_S, _LONGEST_S, _YELLOW_S, _SHORT_YELLOW_S = 31.0, 8.0, 45.0, 6.0, 3.0


@dataclass(frozen=True, kw_only=True)
class SignalGrid:
    """FLOW's traffic-light grid; everybody drives straight on.

    Edges: bot{row}_{i} drives right and top{row}_{i} left along row `row`, right{i}_{column} up and
    left{i}_{column} down along a column; i counts the pieces from the left or from below.

    Attributes:
        row_count: streets from left to right.
        column_count: streets from below to above.
        inner_m: edges between crossings.
        short_m: edges on which vehicles enter.
        long_m: edges on which they leave.
        lane_count: lanes of every edge.
        limit_mps: speed limit.
        signals: how the signals change; "commanded" ones wait to be told.
    """

    row_count: int = 3
    column_count: int = 3
    inner_m: float = 300.0
    short_m: float = 300.0
    long_m: float = 100.0
    lane_count: int = 1
    limit_mps: float = 35.0
    signals: SignalKind = "fixed"

    def __post_init__(self) -> None:
        positive(self, "inner_m", "short_m", "long_m", "limit_mps")
        if min(self.row_count, self.column_count, self.lane_count) < 1:
            raise BadSettings(
                "a grid needs at least 1 row, column and lane, "
                f"not {self.row_count}, {self.column_count} and {self.lane_count}"
            )
        if self.signals not in ("fixed", "actuated", "commanded"):
            raise BadSettings(f"signals must be fixed, actuated or commanded, not {self.signals!r}")

    @property
    def routes(self) -> dict[str, tuple[str, ...]]:
        """Return the one route from every entrance, by the name of its first edge."""
        routes = []
        for row in range(self.row_count):
            pieces = range(self.column_count + 1)
            routes.append([f"bot{row}_{i}" for i in pieces])
            routes.append([f"top{row}_{i}" for i in reversed(pieces)])
        for column in range(self.column_count):
            pieces = range(self.row_count + 1)
            routes.append([f"right{i}_{column}" for i in pieces])
            routes.append([f"left{i}_{column}" for i in reversed(pieces)])
        return {route[0]: tuple(route) for route in routes}

    def road_map(self) -> RoadMap:
        """Return the grid; crossing center{row * columns + column} has a signal of the same name."""
        radius = 2.9 + 3.3 * self.lane_count
        pitch = self.inner_m + 2 * radius
        places = [
            Place(
                name=f"center{row * self.column_count + column}",
                at=(column * pitch, row * pitch),
                kind="signal",
                radius_m=radius,
            )
            for row in range(self.row_count)
            for column in range(self.column_count)
        ]
        streets: list[Street] = []
        at: dict[int, list[Way]] = {i: [] for i in range(len(places))}
        for route in self.routes.values():
            centers = self._centers(route[0])
            # A vertical street goes first in the list of its crossing, so that its colours come first.
            for before, center, after in zip(route, centers, route[1:], strict=False):
                at[center].append(Way(before=before, after=after, signal=f"center{center}"))
            places += self._ends(route, [places[i] for i in centers], radius)
            names = [f"start_{route[0]}", *(f"center{i}" for i in centers), f"end_{route[-1]}"]
            streets += [
                Street(
                    name=name,
                    start=names[i],
                    end=names[i + 1],
                    limit_mps=self.limit_mps,
                    lane_count=self.lane_count,
                    is_centred=False,
                )
                for i, name in enumerate(route)
            ]
        ways = [way for ways in at.values() for way in sorted(ways, key=lambda way: way.before[0] in "bt")]
        signals = [Signal(name=f"center{i}", phases=self._phases(), kind=self.signals) for i in at]
        return laid_out("grid", places, streets, ways, signals)

    def demand(
        self, veh_per_h: float = 300.0, automated_share: float = 0.0, driver: HumanDriver | None = None
    ) -> Demand:
        """Return the benchmark's inflow at every entrance, at 30 m/s."""
        flows = [
            flow
            for name, route in self.routes.items()
            for flow in arriving(name, route, veh_per_h, automated_share, Depart(speed=min(30.0, self.limit_mps)))
        ]
        return Demand(types=two_types(driver), flows=tuple(flows))

    def _centers(self, first: str) -> list[int]:
        """Return the numbers of the crossings along the route that starts with this edge."""
        columns, rows = self.column_count, self.row_count
        name, _, column = first.rpartition("_")
        if name.startswith(("bot", "top")):
            row = int(name[3:])
            centers = [row * columns + i for i in range(columns)]
            return centers if name.startswith("bot") else centers[::-1]
        centers = [i * columns + int(column) for i in range(rows)]
        return centers if name.startswith("right") else centers[::-1]

    def _ends(self, route: tuple[str, ...], crossings: list[Place], radius: float) -> list[Place]:
        """Return where a route enters and leaves."""
        way = {"b": (1, 0), "t": (-1, 0), "r": (0, 1), "l": (0, -1)}[route[0][0]]

        def end(crossing: Place, along_m: float) -> Point:
            return (crossing.at[0] + way[0] * along_m, crossing.at[1] + way[1] * along_m)

        return [
            Place(name=f"start_{route[0]}", at=end(crossings[0], -self.short_m - radius), kind="dead_end"),
            Place(name=f"end_{route[-1]}", at=end(crossings[-1], self.long_m + radius), kind="dead_end"),
        ]

    def _phases(self) -> tuple[Phase, ...]:
        """Return up and down green, yellow, left and right green, yellow."""
        each = 2 * self.lane_count
        yellow = _YELLOW_S if self.signals == "fixed" else _SHORT_YELLOW_S
        phases = []
        for colours in ("G" * each + "r" * each, "r" * each + "G" * each):
            phases.append(Phase(colours=colours, duration_s=_GREEN_S, shortest_s=_SHORTEST_S, longest_s=_LONGEST_S))
            phases.append(Phase(colours=colours.replace("G", "y"), duration_s=yellow))
        return tuple(phases)
