"""The records that a step reads and writes, and what a driver may see and keep.

Arrays are NumPy or JAX: slots (places for vehicles, front of the lane first) on the first axis, lanes of all
worlds on the last. A world is one simulation with one seed; lane `w * lane_count + l` is lane l of world w.
"""

from typing import Any, NamedTuple, Protocol, TypeAlias, runtime_checkable

from jaxtyping import Bool, Float, Int, UInt32

# Whatever has `__array_namespace__`: this module and the drivers stay importable without JAX.
Array: TypeAlias = Any
Memory: TypeAlias = tuple[Any, ...]

# Nobody ahead: far enough that every law drives freely, small enough that its square stays finite in float32.
FREE_GAP_M = 1e5


class Chance(Protocol):
    """Where a law draws from: one number per vehicle, the same for the same seed, vehicle, step and stream."""

    def normal(self, stream: int) -> Float[Array, "slot lane"]:
        """Return numbers of mean 0 and variance 1."""
        ...

    def uniform(self, stream: int) -> Float[Array, "slot lane"]:
        """Return numbers in [0, 1)."""
        ...


class View(NamedTuple):
    """What one driver sees at the start of a step; every array is [slot lane].

    The part with defaults is what few laws look at: who is behind (None: nobody anywhere, `FREE_GAP_M`: nobody behind
    this one), how fast the lane drives on average (None: unknown), a source of chance (None: nothing happens by
    chance), whether what is ahead is a line to stop at, which is on every map (None: nowhere), not a vehicle, and
    whether gap and leader were measured at this step (1) or are the last ones that were (0; None: always).
    """

    speed_mps: Float[Array, "slot lane"]
    gap_m: Float[Array, "slot lane"]
    leader_speed_mps: Float[Array, "slot lane"]
    limit_mps: Float[Array, "slot lane"]
    dt_s: float
    follower_gap_m: Float[Array, "slot lane"] | None = None
    follower_speed_mps: Float[Array, "slot lane"] | None = None
    mean_speed_mps: Float[Array, "slot lane"] | None = None
    chance: Chance | None = None
    is_line: Bool[Array, "slot lane"] | None = None
    is_measured: Float[Array, "slot lane"] | None = None


class Driver(Protocol):
    """A law that says how to accelerate; members of `DRIVERS` are frozen dataclasses of its parameters.

    `noise_intensity` is the sigma of white acceleration noise, in m/s^1.5: a step adds sigma / sqrt(dt) times a
    standard normal number, so the effect does not depend on the step (FLOW adds sigma * sqrt(dt), which
    vanishes with it). 0.063 is what N(0, 0.2 m/s2) every 0.1 s amounts to.
    """

    @property
    def noise_intensity(self) -> float:
        """Return the sigma of this law's white acceleration noise, in m/s^1.5."""
        ...

    def first_memory(self, speed_mps: Float[Array, "..."]) -> Memory:
        """Return what the law remembers of vehicles that have just appeared at these speeds."""
        ...

    def drive(self, view: View, memory: Memory) -> tuple[Float[Array, "slot lane"], Memory]:
        """Return the wanted acceleration in m/s2 and the new memory."""
        ...


@runtime_checkable
class SeesAnew(Protocol):
    """A driver that remembers things of its leader which say nothing of another one."""

    def seeing_anew(self, memory: Memory, is_new: Bool[Array, "..."]) -> Memory:
        """Return the memory of vehicles of which some have another leader from now on, and know that they do."""
        ...


class HumanDriver(Driver, Protocol):
    """A law for people: it knows its own equilibrium, and people differ."""

    @property
    def desired_speed_mps(self) -> float:
        """Return the speed on a free road."""
        ...

    def equilibrium_gap_m(self, speed_mps: float) -> float:
        """Return the net gap at which a driver of this law keeps this speed."""
        ...

    def varied(self, traits: "Traits") -> "HumanDriver":
        """Return the law with each vehicle's own factors on it."""
        ...


class Traits(NamedTuple):
    """How far each driver is from the mean driver: factors around 1."""

    speed_factor: Float[Array, "slot lane"]
    headway_factor: Float[Array, "slot lane"]


class Cars(NamedTuple):
    """The vehicles in their slots; slots at and above the lane's count hold nobody."""

    position_m: Float[Array, "slot lane"]
    speed_mps: Float[Array, "slot lane"]
    vehicle: Int[Array, "slot lane"]
    is_automated: Bool[Array, "slot lane"]
    traits: Traits | None
    memory: tuple[Memory, Memory]


class State(NamedTuple):
    """Everything that changes from step to step."""

    cars: Cars
    count: Int[Array, " lane"]
    waiting: Int[Array, " lane"]
    entered: Int[Array, " lane"]
    left: Int[Array, " lane"]
    step: Int[Array, ""]


class World(NamedTuple):
    """Everything that stays the same during a run; numbers are traced, so changing one compiles nothing anew."""

    human: HumanDriver
    automated: Driver | None
    seed: UInt32[Array, " lane"]
    lane: Int[Array, " lane"]
    lane_count: int
    length_m: float
    vehicle_length_m: float
    dt_s: float
    limit_mps: float
    slow_zone_start_m: float
    slow_zone_limit_mps: float
    arrivals_per_step: float
    automated_share: float
    spread_share: float
    entry_gap_m: float
    entry_headway_s: float
    control_start_step: int


class Head(NamedTuple):
    """The replayed leader during one step: its speed at the start, and how far it then moves."""

    speed_mps: Float[Array, " lane"]
    moved_m: Float[Array, " lane"]


class Record(NamedTuple):
    """What a step leaves behind: the state at its start and the acceleration that came of it."""

    position_m: Float[Array, "slot lane"]
    speed_mps: Float[Array, "slot lane"]
    accel_mps2: Float[Array, "slot lane"]
    gap_m: Float[Array, "slot lane"]
    vehicle: Int[Array, "slot lane"] | None
    is_automated: Bool[Array, "slot lane"] | None
