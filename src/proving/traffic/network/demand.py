"""Who wants to drive where: vehicle types, trips, flows and stops."""

import math
from dataclasses import dataclass, field
from typing import Literal

from proving.traffic.drivers import Idm
from proving.traffic.errors import BadNetwork
from proving.traffic.state import HumanDriver

DepartLane = Literal["first", "best", "free", "random"]
DepartSpeed = Literal["zero", "fastest"]


@dataclass(frozen=True, kw_only=True)
class VehicleType:
    """Vehicles of a kind.

    Attributes:
        name: unique among types.
        driver: the law by which they follow.
        length_m: from bumper to bumper.
        top_mps: fastest that they can go.
        speed_factor: mean of what a driver makes of a speed limit.
        speed_spread: standard deviation of that factor; it is cut off at 0.2 and 2.
        vehicle_class: which lanes are open to them.
        is_automated: a controller or a policy drives, once there is one.
        changes_lanes: whether they change lane at all.
    """

    name: str = "car"
    driver: HumanDriver = field(default_factory=Idm)
    length_m: float = 5.0
    top_mps: float = 55.6
    speed_factor: float = 1.0
    speed_spread: float = 0.0
    vehicle_class: str = "passenger"
    is_automated: bool = False
    changes_lanes: bool = True

    def __post_init__(self) -> None:
        for name in ("length_m", "top_mps", "speed_factor"):
            if not 0 < getattr(self, name) < math.inf:
                raise BadNetwork(f"vehicle type {self.name!r}: {name} must be above 0, not {getattr(self, name)}")
        if not 0 <= self.speed_spread < 1:
            raise BadNetwork(f"vehicle type {self.name!r}: speed_spread must be 0 to 1, not {self.speed_spread}")


@dataclass(frozen=True, kw_only=True)
class Stop:
    """A halt on the way: a bus stop.

    Attributes:
        edge: where.
        lane: in which lane.
        at_m: the front bumper stands here, from the start of the edge.
        duration_s: how long.
        until_s: one leaves not before this.
    """

    edge: str
    lane: int
    at_m: float
    duration_s: float
    until_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Trip:
    """One vehicle's journey.

    Attributes:
        name: its identity.
        depart_s: when it wants to start.
        route: names of edges, each connected to the next; of two edges or a router's choice: see `routing.routed`.
        type: name of its vehicle type.
        depart_lane: a lane index, or how to choose one.
        depart_speed: metres per second, or how to choose it.
        depart_m: where on the first edge its front bumper starts; -1: just inside, at its own length.
        arrive_m: where on the last edge it leaves; -1: at the end.
        stops: halts on the way, in order.
    """

    name: str
    depart_s: float
    route: tuple[str, ...]
    type: str = "car"
    depart_lane: int | DepartLane = "best"
    depart_speed: float | DepartSpeed = "fastest"
    depart_m: float = -1.0
    arrive_m: float = -1.0
    stops: tuple[Stop, ...] = ()

    def __post_init__(self) -> None:
        if not self.route:
            raise BadNetwork(f"trip {self.name!r} has no route")
        if not 0 <= self.depart_s < math.inf:
            raise BadNetwork(f"trip {self.name!r} must depart at a time of 0 or later, not {self.depart_s}")


@dataclass(frozen=True, kw_only=True)
class Flow:
    """Vehicles that keep coming.

    Attributes:
        name: its vehicles are called NAME.0, NAME.1, ...
        route: names of edges.
        veh_per_h: how many.
        type: name of their vehicle type.
        begin_s: the first comes not before this.
        end_s: none comes after this.
        is_random: they come by chance (exponential gaps), else evenly.
        depart_lane: as for a trip.
        depart_speed: as for a trip.
    """

    name: str
    route: tuple[str, ...]
    veh_per_h: float
    type: str = "car"
    begin_s: float = 0.0
    end_s: float = math.inf
    is_random: bool = False
    depart_lane: int | DepartLane = "free"
    depart_speed: float | DepartSpeed = "fastest"

    def __post_init__(self) -> None:
        if not self.route:
            raise BadNetwork(f"flow {self.name!r} has no route")
        if not 0 < self.veh_per_h < math.inf:
            raise BadNetwork(f"flow {self.name!r}: veh_per_h must be above 0, not {self.veh_per_h}")
        if not 0 <= self.begin_s < self.end_s:
            raise BadNetwork(f"flow {self.name!r} must begin before it ends")


@dataclass(frozen=True, kw_only=True)
class Demand:
    """All who want to drive.

    Attributes:
        types: vehicle types by name; "car" is there when nothing else is said.
        trips: single journeys.
        flows: vehicles that keep coming.
        loops: vehicles reaching the end of their route start it anew (rings, figure eights); nobody leaves.
    """

    types: tuple[VehicleType, ...] = (VehicleType(),)
    trips: tuple[Trip, ...] = ()
    flows: tuple[Flow, ...] = ()
    loops: bool = False

    def __post_init__(self) -> None:
        names = [kind.name for kind in self.types]
        if len(set(names)) != len(names):
            raise BadNetwork("two vehicle types have the same name")
        for one in (*self.trips, *self.flows):
            if one.type not in names:
                raise BadNetwork(f"{one.name!r} is of type {one.type!r}; there are {', '.join(sorted(names))}")
