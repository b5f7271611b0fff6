"""Measures of a run: fuel, braking, throughput, speed, safety."""

import dataclasses
import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from proving.traffic.energy import Energy, energy_named
from proving.traffic.errors import BadSettings
from proving.traffic.trajectories import Trajectories

# Acceleration is smoothed over this long before braking events are counted, and these are the levels: the one that the
# word "braking" means here, a milder and a harder one.
SMOOTHING_S = 0.5
BRAKING_MPS2, MILD_BRAKING_MPS2, HARD_BRAKING_MPS2 = -1.0, -0.7, -1.5


@dataclass(frozen=True, kw_only=True)
class Measures:
    """What is said about a run; replayed vehicles are left out of everything.

    Attributes:
        fuel_l_per_100km: fuel of all vehicles over the distance of all vehicles.
        braking_per_veh_km: how often a vehicle's acceleration, smoothed over 0.5 s, falls through -1.0 m/s2.
        mild_braking_per_veh_km: the same through -0.7 m/s2.
        hard_braking_per_veh_km: the same through -1.5 m/s2.
        throughput_veh_per_h: per lane, after Edie: distance of all vehicles over the area of road and time. Behind a
            leader the area is that between the leader and the last vehicle's rear.
        mean_speed_mps: distance of all vehicles over their time.
        speed_std_mps: standard deviation of speed over all vehicles and steps.
        vehicle_km: distance of all vehicles.
        vehicle_count: vehicles that were there at some time.
        minimum_gap_m: smallest net gap; infinite where nobody follows anybody.
        collision_count: how often a gap closed; vehicles go on overlapping, nobody is moved away.
    """

    fuel_l_per_100km: float
    braking_per_veh_km: float
    mild_braking_per_veh_km: float
    hard_braking_per_veh_km: float
    throughput_veh_per_h: float
    mean_speed_mps: float
    speed_std_mps: float
    vehicle_km: float
    vehicle_count: int
    minimum_gap_m: float
    collision_count: int

    def row(self) -> dict[str, float | int]:
        """Return the measures as a flat row; an infinite gap stays out of JSON as NaN does, so it becomes -1."""
        row = dataclasses.asdict(self)
        if math.isinf(self.minimum_gap_m):
            row["minimum_gap_m"] = -1.0
        return row


@dataclass(frozen=True, kw_only=True)
class Totals:
    """Sums over vehicles and steps; those of other vehicles, or of the steps after, add up.

    Attributes:
        driven_m: distance of all vehicles.
        driven_s: their time.
        speeds_m: speed times time, speeds as they were at the starts of steps.
        squares_m2ps: the same of its square.
        fuel_l: fuel.
        braking: how often a smoothed acceleration fell through -1.0, through -0.7 and through -1.5 m/s2.
    """

    driven_m: float = 0.0
    driven_s: float = 0.0
    speeds_m: float = 0.0
    squares_m2ps: float = 0.0
    fuel_l: float = 0.0
    braking: tuple[int, int, int] = (0, 0, 0)

    def __add__(self, other: "Totals") -> "Totals":
        """Return the sums over both."""
        return self._with(other, 1)

    def __sub__(self, other: "Totals") -> "Totals":
        """Return the sums without those of a part."""
        return self._with(other, -1)

    def _with(self, other: "Totals", sign: int) -> "Totals":
        usual, mild, hard = (mine + sign * its for mine, its in zip(self.braking, other.braking, strict=True))
        return Totals(
            driven_m=self.driven_m + sign * other.driven_m,
            driven_s=self.driven_s + sign * other.driven_s,
            speeds_m=self.speeds_m + sign * other.speeds_m,
            squares_m2ps=self.squares_m2ps + sign * other.squares_m2ps,
            fuel_l=self.fuel_l + sign * other.fuel_l,
            braking=(usual, mild, hard),
        )

    @property
    def vehicle_km(self) -> float:
        """Return the distance of all vehicles."""
        return self.driven_m / 1000

    @property
    def mean_speed_mps(self) -> float:
        """Return the distance of all vehicles over their time."""
        return self.driven_m / self.driven_s if self.driven_s > 0 else 0.0

    @property
    def speed_std_mps(self) -> float:
        """Return the standard deviation of speed over all vehicles and steps."""
        if self.driven_s <= 0:
            return 0.0
        return math.sqrt(max(self.squares_m2ps / self.driven_s - (self.speeds_m / self.driven_s) ** 2, 0.0))

    def per_km(self, amount: float) -> float:
        """Return an amount per vehicle-kilometre; 0 where nobody moved."""
        return amount / self.vehicle_km if self.vehicle_km > 0 else 0.0


def totals(
    speed_mps: Float[np.ndarray, "step vehicle"],
    accel_mps2: Float[np.ndarray, "step vehicle"],
    counted: Bool[np.ndarray, "step vehicle"],
    dt_s: float,
    law: Energy,
    *,
    at_new_speed: bool = False,
) -> Totals:
    """Return the sums over all that is counted.

    Constant acceleration within a step; a vehicle that stops within it moves a little less than half a step's worth.

    Args:
        speed_mps: at the start of the step.
        accel_mps2: change of speed over the step, divided by it.
        counted: which vehicle counts in which step.
        dt_s: step.
        law: what they burn.
        at_new_speed: one moves a step at the speed that one has after it.
    """
    speed, accel = speed_mps[counted], accel_mps2[counted]
    moved_m = (speed + (1.0 if at_new_speed else 0.5) * accel * dt_s) * dt_s
    usual, mild, hard = (
        braking_events(accel_mps2, counted, dt_s, level)
        for level in (BRAKING_MPS2, MILD_BRAKING_MPS2, HARD_BRAKING_MPS2)
    )
    return Totals(
        driven_m=float(moved_m.sum()),
        driven_s=len(speed) * dt_s,
        speeds_m=float(speed.sum()) * dt_s,
        squares_m2ps=float((speed**2).sum()) * dt_s,
        fuel_l=float(law.fuel_gps(speed, accel).sum()) * dt_s / law.fuel_g_per_l,
        braking=(usual, mild, hard),
    )


def measure(
    trajectories: Trajectories, energy: str = "midBase", start_s: float = 0.0, end_s: float = math.inf
) -> Measures:
    """Return the measures of the steps that start in [start_s, end_s), with a fuel law of `ENERGY`.

    Where nobody moved, rates per distance are 0.

    Raises:
        BadSettings: the fuel law is unknown, or there is no step or no vehicle in that time.
    """
    law = energy_named(energy)
    part = trajectories.between(start_s, end_s)
    counted = part.is_present & ~part.is_replayed
    if not counted.any():
        raise BadSettings(f"nobody is on the road from {start_s} s to {end_s} s")
    speed, accel = part.speed_mps.astype(np.float64), part.accel_mps2.astype(np.float64)
    sums = totals(speed, accel, counted, part.dt_s, law)
    usual, mild, hard = sums.braking
    area_m_s = _area_m_s(part)
    gap = np.where(counted, part.gap_m, np.inf)
    return Measures(
        fuel_l_per_100km=100 * sums.per_km(sums.fuel_l),
        braking_per_veh_km=sums.per_km(usual),
        mild_braking_per_veh_km=sums.per_km(mild),
        hard_braking_per_veh_km=sums.per_km(hard),
        throughput_veh_per_h=3600 * sums.driven_m / area_m_s if area_m_s > 0 else 0.0,
        mean_speed_mps=sums.mean_speed_mps,
        speed_std_mps=sums.speed_std_mps,
        vehicle_km=sums.vehicle_km,
        vehicle_count=int(counted.any(axis=0).sum()),
        minimum_gap_m=float(gap.min()),
        collision_count=_collision_count(gap),
    )


def braking_events(
    accel_mps2: Float[np.ndarray, "step vehicle"],
    is_present: Bool[np.ndarray, "step vehicle"],
    dt_s: float,
    level_mps2: float = BRAKING_MPS2,
) -> int:
    """Return how often the smoothed acceleration of a vehicle falls from above the level to it or below.

    Smoothed: the mean of the last 0.5 s in which the vehicle was there (fewer samples at its start).
    """
    width = max(1, round(SMOOTHING_S / dt_s))
    present = is_present.astype(np.float64)
    summed = np.cumsum(np.where(is_present, accel_mps2, 0.0), axis=0)
    counted = np.cumsum(present, axis=0)
    summed[width:], counted[width:] = summed[width:] - summed[:-width], counted[width:] - counted[:-width]
    smoothed = np.where(is_present, summed / np.maximum(counted, 1), np.inf)
    # Rounding of the running sums must not turn a steady -1 into a string of events.
    is_below = smoothed <= level_mps2 + 1e-9
    return int((is_below[1:] & ~is_below[:-1] & is_present[:-1]).sum())


def _area_m_s(part: Trajectories) -> float:
    """Return the space-time area per lane on which vehicles were counted."""
    if math.isfinite(part.road_length_m):
        return part.road_length_m * part.lane_count * len(part.time_s) * part.dt_s
    front_m = np.where(part.is_present, part.position_m, -np.inf).max(axis=1)
    rear_m = np.where(part.is_present, part.position_m, np.inf).min(axis=1) - part.vehicle_length_m
    if part.is_replayed.any():
        # The leader itself is not counted, so neither is its own length.
        front_m = front_m - part.vehicle_length_m
    return float((front_m - rear_m).sum()) * part.dt_s


def _collision_count(gap_m: Float[np.ndarray, "step vehicle"]) -> int:
    is_closed = gap_m <= 0
    return int(is_closed[0].sum() + (is_closed[1:] & ~is_closed[:-1]).sum())
