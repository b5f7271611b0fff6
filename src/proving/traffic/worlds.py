"""What can be simulated: a ring, an open road, a platoon behind a measured drive. Settings only, no engine."""

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias, get_args

import numpy as np
from cyclopts import Parameter

from proving.traffic.drivers import LAWS, Idm
from proving.traffic.energy import energy_named
from proving.traffic.errors import BadDrive, BadSettings
from proving.traffic.failsafes import Failsafe, check_failsafes
from proving.traffic.sensing import Sensing, delay_steps
from proving.traffic.state import HumanDriver

SpeedUnit = Literal["m/s", "km/h", "mph"]
Controller = Literal[
    "none",
    "follower_stopper",
    "follower_stopper_at_rest",
    "non_local_follower_stopper",
    "pi_saturation",
    "time_headway",
    "acc",
    "cacc",
    "learned",
]
CONTROLLER_NAMES: tuple[str, ...] = get_args(Controller)
LawName = Literal[
    "idm",
    "krauss",
    "krauss_original",
    "gipps",
    "ovm",
    "linear_ovm",
    "bando_ftl",
    "cfm",
    "bcm",
    "lacc",
    "acc",
    "cacc",
]

# Not a flag of its own: a law given in part would silently take the rest from `Idm` and not from the settings'
# default, so `commands` asks for changes to that default instead. In Python any human law will do; settings files and
# records, which must read it back, know the parameters of `Idm` and every other law by its name (`law`).
if TYPE_CHECKING:
    HumanLaw: TypeAlias = HumanDriver
else:
    HumanLaw = Annotated[Idm, Parameter(parse=False)]

# The human law of CIRCLES' training runs on I-24: v0 45, T 1, a 1.3, b 2; their noise of 0.3 * sqrt(dt) at dt 0.1 s.
HIGHWAY_IDM = Idm(desired_speed_mps=45.0, headway_s=1.0, accel_mps2=1.3, comfortable_mps2=2.0, noise_intensity=0.03)


@dataclass(frozen=True, kw_only=True)
class Ring:
    """A single-lane ring: `vehicle_count` vehicles, evenly spaced and at rest at time 0.

    Attributes:
        length_m: length of the ring.
        vehicle_count: how many vehicles.
        automated_share: share of them that is automated, rounded to whole vehicles (at least one if above 0).
        controller: what steers the automated vehicles.
        control_start_s: until then the automated vehicles are driven by people.
        duration_s: simulated time.
        driver: the human law: any of `LAWS` with parameters of one's own; in a settings file an `Idm`, and one given in
            part takes the rest from the defaults.
        law: another human law by its name, with its default parameters; "idm" is whatever `driver` is.
        reaction_s: how late people act on what they see.
        sensing: how imperfect the automated vehicles' data and pedals are.
        failsafes: which of FLOW's failsafes cut down what people and controllers want; none by default.
        vehicle_length_m: length of every vehicle.
        spread_share: how much drivers differ: standard deviation of their factors on desired speed and headway.
        dt_s: step.
    """

    length_m: float = 260.0
    vehicle_count: int = 22
    automated_share: float = 0.05
    controller: Controller = "none"
    control_start_s: float = 300.0
    duration_s: float = 600.0
    driver: HumanLaw = field(default_factory=Idm)
    law: LawName = "idm"
    reaction_s: float = 0.0
    sensing: Sensing = field(default_factory=Sensing)
    failsafes: tuple[Failsafe, ...] = ()
    vehicle_length_m: float = 5.0
    spread_share: float = 0.0
    dt_s: float = 0.1

    def __post_init__(self) -> None:
        _check(self)
        if self.vehicle_count < 1:
            raise BadSettings(f"vehicle_count must be at least 1, not {self.vehicle_count}")
        if self.vehicle_count * (self.vehicle_length_m + 0.1) > self.length_m:
            raise BadSettings(
                f"{self.vehicle_count} vehicles of {self.vehicle_length_m} m do not fit on a ring of {self.length_m} m"
            )

    @property
    def people(self) -> HumanDriver:
        """Return the human law that is meant."""
        return human_law(self.driver, self.law)


@dataclass(frozen=True, kw_only=True)
class OpenRoad:
    """A straight road that fills from its entrance; arrivals that find no room wait in a queue per lane.

    Attributes:
        length_m: length.
        lane_count: lanes, 1 to 8.
        inflow_veh_per_h: arrivals per lane and hour, at random times.
        limit_mps: speed limit.
        slow_zone_m: the last metres of the road, with a speed limit of their own.
        slow_zone_limit_mps: that limit.
        automated_share: probability that an arriving vehicle is automated.
        controller: what steers the automated vehicles.
        duration_s: simulated time.
        driver: the human law: any of `LAWS` with parameters of one's own; in a settings file an `Idm`, and one given in
            part takes the rest from the defaults.
        law: another human law by its name, with its default parameters; "idm" is whatever `driver` is.
        reaction_s: how late people act on what they see.
        sensing: how imperfect the automated vehicles' data and pedals are.
        failsafes: which of FLOW's failsafes cut down what people and controllers want; none by default.
        vehicle_length_m: length of every vehicle.
        spread_share: how much drivers differ: standard deviation of their factors on desired speed and headway.
        dt_s: step.
    """

    length_m: float = 2000.0
    lane_count: int = 4
    inflow_veh_per_h: float = 1500.0
    limit_mps: float = 30.0
    slow_zone_m: float = 300.0
    slow_zone_limit_mps: float = 8.0
    automated_share: float = 0.05
    controller: Controller = "none"
    duration_s: float = 600.0
    driver: HumanLaw = field(default_factory=lambda: HIGHWAY_IDM)
    law: LawName = "idm"
    reaction_s: float = 0.0
    sensing: Sensing = field(default_factory=Sensing)
    failsafes: tuple[Failsafe, ...] = ()
    vehicle_length_m: float = 5.0
    spread_share: float = 0.1
    dt_s: float = 0.1

    def __post_init__(self) -> None:
        _check(self)
        if not 1 <= self.lane_count <= 8:
            raise BadSettings(f"lane_count must be 1 to 8, not {self.lane_count}")
        if not 0 <= self.inflow_veh_per_h * self.dt_s <= 3600:
            raise BadSettings(f"inflow_veh_per_h must be from 0 to one vehicle per step, not {self.inflow_veh_per_h}")
        if not (
            self.length_m >= 50
            and 0 <= self.slow_zone_m <= self.length_m
            and min(self.slow_zone_limit_mps, self.limit_mps) > 0
        ):
            raise BadSettings("length_m must be at least 50, slow_zone_m within it, speed limits above 0")

    @property
    def people(self) -> HumanDriver:
        """Return the human law that is meant."""
        return human_law(self.driver, self.law)


@dataclass(frozen=True, kw_only=True)
class Platoon:
    """Followers in one lane behind a replayed leader, at the leader's first speed and in equilibrium at time 0.

    Attributes:
        vehicle_count: followers, the leader not counted.
        automated_share: share of the followers that is automated, rounded to whole vehicles (at least one if above
            0); they stand at even distances, the first right behind the leader.
        controller: what steers the automated vehicles.
        driver: the human law: any of `LAWS` with parameters of one's own; in a settings file an `Idm`, and one given in
            part takes the rest from the defaults.
        law: another human law by its name, with its default parameters; "idm" is whatever `driver` is.
        reaction_s: how late people act on what they see.
        sensing: how imperfect the automated vehicles' data and pedals are.
        failsafes: which of FLOW's failsafes cut down what people and controllers want; none by default.
        vehicle_class: whose fuel law measures use by default, a key of `ENERGY`.
        vehicle_length_m: length of every vehicle.
        spread_share: how much drivers differ: standard deviation of their factors on desired speed and headway.
        dt_s: step; the drive is interpolated to it.
    """

    vehicle_count: int = 20
    automated_share: float = 0.05
    controller: Controller = "none"
    driver: HumanLaw = field(default_factory=lambda: HIGHWAY_IDM)
    law: LawName = "idm"
    reaction_s: float = 0.0
    sensing: Sensing = field(default_factory=Sensing)
    failsafes: tuple[Failsafe, ...] = ()
    vehicle_class: str = "midBase"
    vehicle_length_m: float = 5.0
    spread_share: float = 0.0
    dt_s: float = 0.1

    def __post_init__(self) -> None:
        _check(self)
        energy_named(self.vehicle_class)
        if self.vehicle_count < 1:
            raise BadSettings(f"vehicle_count must be at least 1, not {self.vehicle_count}")

    @property
    def people(self) -> HumanDriver:
        """Return the human law that is meant."""
        return human_law(self.driver, self.law)


@dataclass(frozen=True)
class LeaderDrive:
    """A measured speed profile.

    Attributes:
        time_s: strictly increasing times.
        speed_mps: speed at those times, 0 or more.
        name: what to call it in tables and reports.

    Raises:
        BadDrive: fewer than two samples, different lengths, a value that is not finite, time that does not
            grow, or a speed below 0.
    """

    time_s: np.ndarray
    speed_mps: np.ndarray
    name: str

    def __post_init__(self) -> None:
        time, speed = np.asarray(self.time_s, float), np.asarray(self.speed_mps, float)
        object.__setattr__(self, "time_s", time)
        object.__setattr__(self, "speed_mps", speed)
        if time.ndim != 1 or time.shape != speed.shape or len(time) < 2:
            raise BadDrive(f"drive {self.name}: time and speed must be two equally long lists of at least 2 numbers")
        for what, bad in (
            ("time is not finite", ~np.isfinite(time)),
            ("speed is not finite", ~np.isfinite(speed)),
            ("time does not grow", np.concatenate([[False], np.diff(time) <= 0])),
            ("speed is below 0", speed < 0),
        ):
            if bad.any():
                raise BadDrive(f"drive {self.name}: {what} at sample {int(np.argmax(bad))}")

    @property
    def duration_s(self) -> float:
        """Return the time from the first sample to the last."""
        return float(self.time_s[-1] - self.time_s[0])


def human_law(driver: HumanDriver, law: str) -> HumanDriver:
    """Return `driver`, or the law of this name with its defaults where it is not "idm"."""
    return driver if law == "idm" else LAWS[law]()


def automated_indices(vehicle_count: int, automated_share: float) -> tuple[int, ...]:
    """Return which of the vehicles in a row are automated: evenly spread, the front one among them."""
    if automated_share <= 0:
        return ()
    count = min(max(1, round(automated_share * vehicle_count)), vehicle_count)
    return tuple(index * vehicle_count // count for index in range(count))


def _check(settings: Ring | OpenRoad | Platoon) -> None:
    if settings.controller not in CONTROLLER_NAMES:
        raise BadSettings(f"controller must be one of {', '.join(CONTROLLER_NAMES)}, not {settings.controller!r}")
    if settings.law not in LAWS:
        raise BadSettings(f"law must be one of {', '.join(LAWS)}, not {settings.law!r}")
    if not 0 <= settings.automated_share <= 1:
        raise BadSettings(f"automated_share must be 0 to 1, not {settings.automated_share}")
    if not 0 <= settings.spread_share <= 0.5:
        raise BadSettings(f"spread_share must be 0 to 0.5, not {settings.spread_share}")
    if not 0 < settings.dt_s <= 1:
        raise BadSettings(f"dt_s must be above 0 and at most 1, not {settings.dt_s}")
    delay_steps(settings.reaction_s, settings.dt_s, "reaction_s")
    delay_steps(settings.sensing.latency_s, settings.dt_s, "latency_s")
    check_failsafes(settings.failsafes)
    if not 0 < settings.vehicle_length_m < math.inf:
        raise BadSettings(f"vehicle_length_m must be above 0 and finite, not {settings.vehicle_length_m}")
    if not isinstance(settings, Platoon) and not 0 < settings.length_m < math.inf:
        raise BadSettings(f"length_m must be above 0 and finite, not {settings.length_m}")
    if not isinstance(settings, Platoon) and not settings.dt_s <= settings.duration_s < math.inf:
        raise BadSettings(f"duration_s must be at least one step and finite, not {settings.duration_s}")
