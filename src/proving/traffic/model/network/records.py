"""What a run of the model is told, and what it tells."""

from dataclasses import dataclass, field

from proving.traffic.errors import BadSettings
from proving.traffic.network.state import Rules


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How to run.

    Attributes:
        step_count: how many steps.
        dt_s: how long each is.
        start_s: time of day at which trips and signals start.
        rules: how lanes are changed.
        at_new_speed: one moves a step at the speed that one has after it, not at the mean of both; None: those do
            whose law counts on it.
        controller: what steers automated types, by its name among `CONTROLLERS`; "none": their law.
    """

    step_count: int
    dt_s: float = 0.5
    start_s: float = 0.0
    rules: Rules = field(default_factory=Rules)
    at_new_speed: bool | None = False
    controller: str = "none"

    def __post_init__(self) -> None:
        if self.step_count < 1 or not 0 < self.dt_s <= 2:
            raise BadSettings(f"expected a step or more of at most 2 s, not {self.step_count} of {self.dt_s} s")


@dataclass(frozen=True)
class Moment:
    """One vehicle at the start of one step, with the acceleration that it then wanted."""

    step: int
    trip: int
    lane: int
    position_m: float
    speed_mps: float
    accel_mps2: float


@dataclass(frozen=True)
class Arrival:
    """What became of a trip."""

    departed_s: float
    arrived_s: float
    lost_s: float
    waited_s: float
    driven_m: float


@dataclass
class History:
    """A run.

    Attributes:
        moments: everybody at every step.
        names: of the trips, by number.
        arrivals: what became of those that arrived, by number.
        waiting: numbers of the trips that still wait to get onto the road.
        active_count: how many are on the road at the end.
        overlap_count: overlaps, each counted at every step that it lasted.
        emergency_count: brakings harder than 6 m/s2.
    """

    moments: list[Moment] = field(default_factory=list)
    names: tuple[str, ...] = ()
    arrivals: dict[int, Arrival] = field(default_factory=dict)
    waiting: tuple[int, ...] = ()
    active_count: int = 0
    overlap_count: int = 0
    emergency_count: int = 0
