"""Who is on the road, and where: the moment that everybody sees when deciding on the next step."""

import math
from dataclasses import dataclass, field

from proving.traffic.drivers import Krauss, KraussOriginal
from proving.traffic.model.laws import Law, Memory, Sight, equilibrium_gap, follow, innermost
from proving.traffic.model.network.plans import Advice, Leg
from proving.traffic.model.network.roads import Strip, Way
from proving.traffic.network.demand import Stop, VehicleType

# Nobody ahead: so far that every law drives freely.
FREE_GAP_M = 1e5
# Who comes to a lane is so many seconds away from it when a change or a start in front of it is all right.
COMING_S = 1.5
# Who is slower than this stands, as far as the room behind a junction goes.
SLOW_MPS = 0.5
# No law is thought to brake softer than this.
SOFTEST_MPS2 = 2.0
# Acceleration of laws that name none.
START_MPS2 = 1.5


@dataclass(frozen=True)
class Kind:
    """A vehicle type with the numbers that others count on.

    Attributes:
        said: the type as the demand has it.
        stand_m: gap that its law keeps when standing.
        start_mps2: acceleration that its law starts with.
        brake_mps2: braking that its law counts on.
        counts_on_new_speed: its law counts on moving a step at the speed after it.
    """

    said: VehicleType
    stand_m: float
    start_mps2: float
    brake_mps2: float
    counts_on_new_speed: bool

    def is_at_new_speed(self, told: bool | None) -> bool:
        """Return whether it moves a step at the speed after it, where all do, nobody does, or (None) its law says."""
        return self.counts_on_new_speed if told is None else told


def kind_of(said: VehicleType) -> Kind:
    """Return a type with its law's numbers."""
    law: Law = innermost(said.driver)
    braking = getattr(law, "braking_mps2", getattr(law, "comfortable_mps2", SOFTEST_MPS2))
    return Kind(
        said=said,
        stand_m=equilibrium_gap(law, 0.0),
        start_mps2=getattr(law, "accel_mps2", START_MPS2),
        brake_mps2=max(braking, SOFTEST_MPS2),
        counts_on_new_speed=isinstance(law, Krauss | KraussOriginal),
    )


@dataclass(eq=False, kw_only=True)
class Vehicle:
    """One vehicle.

    Attributes:
        trip: number of its trip.
        kind: its type.
        leg: the edge of its route that it is on; inside a junction: that it is about to reach.
        stops: the halts on its way.
        arrive_m: where on the last edge it leaves.
        strip: what it drives on.
        position_m: its front bumper, from the strip's start.
        speed_mps: how fast.
        factor: what this driver makes of a speed limit.
        departed_s: when its trip began.
        since_change_s: time since its last lane change.
        waiting_s: standing since so long.
        lost_s: time lost against driving at the speed limit, so far.
        waited_s: time stood, so far.
        driven_m: way driven.
        brakes: it shows brake lights.
        stops_done: how many of its halts are behind it.
        stood_s: how long it has stood at the present one.
        steering: what its controller remembers.
        habits: what its law remembers.
    """

    trip: int
    kind: Kind
    leg: Leg
    stops: tuple[Stop, ...]
    arrive_m: float
    strip: Strip
    position_m: float
    speed_mps: float
    factor: float
    departed_s: float
    since_change_s: float = 1e3
    waiting_s: float = 0.0
    lost_s: float = 0.0
    waited_s: float = 0.0
    driven_m: float = 0.0
    brakes: bool = False
    stops_done: int = 0
    stood_s: float = 0.0
    steering: Memory = field(default_factory=dict)
    habits: Memory = field(default_factory=dict)

    @property
    def length_m(self) -> float:
        """Return its length."""
        return self.kind.said.length_m

    @property
    def rear_m(self) -> float:
        """Return where its rear bumper is."""
        return self.position_m - self.length_m

    @property
    def rest_m(self) -> float:
        """Return the way to the end of the strip."""
        return self.strip.length_m - self.position_m

    @property
    def is_inside(self) -> bool:
        """Return whether it is inside a junction."""
        return self.strip.way is not None

    @property
    def road(self) -> Strip:
        """Return the lane of an edge that it is on or, inside a junction, about to reach."""
        return self.strip if self.strip.way is None else self.strip.way.after

    @property
    def advice(self) -> Advice:
        """Return what its route says about that lane."""
        return self.leg.advice[self.road.index]

    @property
    def stands(self) -> bool:
        """Return whether it stands, as far as the room behind a junction goes."""
        return self.speed_mps < SLOW_MPS

    @property
    def is_on_last(self) -> bool:
        """Return whether its route ends on this edge or, inside a junction, on the next."""
        return self.leg.after is None

    def allowed_mps(self, strip: Strip) -> float:
        """Return how fast it likes to drive there at most."""
        return min(strip.limit_mps * self.factor, self.kind.said.top_mps)

    def wants_mps2(self, sight: Sight) -> float:
        """Return what its law would want of what it had never seen before."""
        return follow(self.kind.said.driver, sight, {})


@dataclass(frozen=True)
class Scene:
    """A moment: everybody by strip, the front first, and one strip after the other.

    Whoever comes first there is said to be *before* the others; ties go by that.
    """

    everybody: list[Vehicle]
    on: dict[Strip, list[Vehicle]]
    place: dict[Vehicle, int]
    mean_mps: float

    def vehicles(self, strip: Strip | None) -> list[Vehicle]:
        """Return who is on this strip, the front first."""
        return [] if strip is None else self.on.get(strip, [])

    def taken_m(self, strip: Strip | None) -> float:
        """Return the room that all on this strip take up when they stand."""
        return sum(one.length_m + one.kind.stand_m for one in self.vehicles(strip))

    def last(self, strip: Strip) -> Vehicle | None:
        """Return the last on this strip."""
        return self.on[strip][-1] if strip in self.on else None

    def first(self, strip: Strip) -> Vehicle | None:
        """Return the first on this strip."""
        return self.on[strip][0] if strip in self.on else None

    def is_front(self, one: Vehicle) -> bool:
        """Return whether nobody is before it on its strip."""
        return self.on[one.strip][0] is one

    def before(self, one: Vehicle) -> Vehicle | None:
        """Return who is before it on its strip."""
        row = self.on[one.strip]
        return None if row[0] is one else row[row.index(one) - 1]

    def behind(self, one: Vehicle) -> Vehicle | None:
        """Return who is behind it on its strip."""
        row = self.on[one.strip]
        return None if row[-1] is one else row[row.index(one) + 1]

    def headroom_m(self, lane: Strip) -> float:
        """Return the way that whoever comes next still has to this lane's start, less what it needs."""
        spare_m = FREE_GAP_M
        for row in self.on.values():
            one, way = row[0], row[0].strip.way or row[0].advice.way
            if way is not None and way.after is lane:
                across_m = 0.0 if one.is_inside else way.strip.length_m
                spare_m = min(spare_m, one.rest_m + across_m - COMING_S * one.speed_mps)
        return spare_m

    def over_m(self, lane: Strip, *, stands: bool = False) -> float:
        """Return where the rear is of whoever has left this lane into a junction, all but its rear; infinite: nobody.

        Args:
            lane: a lane of an edge.
            stands: only who stands counts.
        """
        found_m = math.inf
        for strip, row in self.on.items():
            if strip.way is not None and strip.way.before is lane:
                rears_m = [one.rear_m for one in row if one.stands] if stands else [row[-1].rear_m]
                rear_m = min(rears_m, default=0.0)
                if rear_m < 0:
                    found_m = min(found_m, lane.length_m + rear_m)
        return found_m

    def room_behind_m(self, way: Way) -> float:
        """Return the room behind a junction: up to where the rear of the last there will stand, less what others need.

        Who stands is reached by those behind it, and by all who are still on the way; who brakes will stand, too.
        """
        row = self.vehicles(way.after)
        standing_m = min((one.rear_m for one in row if one.stands), default=math.inf)
        standing_m = min(standing_m, self.over_m(way.after, stands=True))
        room_m = standing_m - sum(one.length_m + one.kind.stand_m for one in row if one.rear_m < standing_m)
        if row and row[-1].brakes:
            last = row[-1]
            room_m = min(room_m, last.rear_m + last.speed_mps**2 / (2 * last.kind.brake_mps2))
        return room_m - sum(one.length_m + one.kind.stand_m for one in self.vehicles(way.strip))


def scene_of(everybody: list[Vehicle]) -> Scene:
    """Return the moment at which they are there, in this order."""
    on: dict[Strip, list[Vehicle]] = {}
    for one in everybody:
        on.setdefault(one.strip, []).append(one)
    mean_mps = sum(one.speed_mps for one in everybody) / max(len(everybody), 1)
    return Scene(everybody, on, {one: place for place, one in enumerate(everybody)}, mean_mps)
