"""What is measured on a network: speed, fuel, braking, flows and emissions, over everybody and every step."""

import dataclasses
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from proving.traffic.energy import Energy, energy_on_network
from proving.traffic.errors import BadSettings
from proving.traffic.metrics import SMOOTHING_S, Totals, totals
from proving.traffic.network import Demand, RoadMap
from proving.traffic.network.simulate import Outcome, Run
from proving.traffic.network.state import Record
from proving.traffic.network_runs.settings import Measuring
from proving.traffic.sumo import check_emission_class, emitted, grams_per_veh_km


@dataclass(frozen=True, kw_only=True)
class NetworkMeasures:
    """What is said about a run on a network, from `Measuring.filling_s` on.

    What `metrics.Measures` has too is the same here; flows are those of the whole network.

    Attributes:
        mean_speed_mps: distance of all vehicles over their time.
        speed_std_mps: standard deviation of speed over all vehicles and steps.
        fuel_l_per_100km: fuel of all vehicles over the distance of all vehicles.
        braking_per_veh_km: how often a vehicle's acceleration, smoothed over 0.5 s, falls through -1.0 m/s2.
        mild_braking_per_veh_km: the same through -0.7 m/s2.
        hard_braking_per_veh_km: the same through -1.5 m/s2.
        throughput_veh_per_h: per lane, after Edie: distance of all vehicles over the area of road and time, where the
            road is all lanes and all ways across junctions.
        inflow_veh_per_h: vehicles that got onto the road.
        outflow_veh_per_h: vehicles that arrived.
        vehicle_km: distance of all vehicles.
        emitted_kg: what they gave off and burnt by SUMO's emission class; empty unless asked for.
    """

    mean_speed_mps: float
    speed_std_mps: float
    fuel_l_per_100km: float
    braking_per_veh_km: float
    mild_braking_per_veh_km: float
    hard_braking_per_veh_km: float
    throughput_veh_per_h: float
    inflow_veh_per_h: float
    outflow_veh_per_h: float
    vehicle_km: float
    emitted_kg: dict[str, float] = dataclasses.field(default_factory=dict)

    def row(self) -> dict[str, float]:
        """Return the measures as a flat row."""
        row = dataclasses.asdict(self)
        return row | grams_per_veh_km(row.pop("emitted_kg"), self.vehicle_km)


class Tally:
    """Sums up the records of a run as `simulate_in_stretches` tells them.

    A step counts once the next one is known, whose speeds say what became of an acceleration; and braking needs what
    was before it. So each stretch takes over the last steps of the one before, counted already but for the last.
    """

    def __init__(self, demand: Demand, run: Run, measuring: Measuring) -> None:
        """Begin with nothing heard; `begin` tells whose records they are.

        Raises:
            BadSettings: there is no such fuel law, or nothing of the run is left to be measured.
        """
        if measuring.filling_s > run.duration_s - run.dt_s:
            raise BadSettings(
                f"filling_s must leave a step of {run.duration_s} s to be measured, not be {measuring.filling_s}"
            )
        self._run, self._measuring = run, measuring
        self._laws = [energy_on_network(kind.vehicle_class, measuring.vehicle_class) for kind in demand.types]
        self._width = max(1, round(SMOOTHING_S / run.dt_s))
        self.begin(np.zeros(0, dtype=np.int32))

    def begin(self, kinds: Int[np.ndarray, " trip"]) -> None:
        """Forget what was heard; of each trip, which of the demand's types it is of."""
        # Types that burn by one law are summed up together.
        self._law = np.array([self._laws.index(law) for law in self._laws])[kinds]
        self._left_out = round(self._measuring.filling_s / self._run.dt_s)
        self._rows: list[np.ndarray] = []
        self._counted, self._entered = 0, 0
        self._sums = Totals()
        self._emitted_kg: dict[str, float] = {}

    def hear(self, record: Record) -> None:
        """Take the next steps."""
        first = min(self._left_out, len(record.trip))
        self._left_out -= first
        rows = [np.asarray(part)[first:] for part in (record.trip, record.speed_mps, record.accel_mps2)]
        self._rows = [np.concatenate(both) for both in zip(self._rows, rows, strict=True)] if self._rows else rows
        length = len(self._rows[0])
        if length < 2:
            return
        self._count(length - 1)
        kept = max(0, length - 1 - self._width)
        self._rows = [part[kept:] for part in self._rows]
        self._counted = length - 1 - kept

    def measures(self, road_map: RoadMap, outcome: Outcome) -> NetworkMeasures:
        """Return the measures of all that was heard; nothing may be heard after that."""
        if self._rows:
            self._count(len(self._rows[0]))
        run, sums = self._run, self._sums
        filled_s = round(self._measuring.filling_s / run.dt_s) * run.dt_s
        hours = (run.step_count * run.dt_s - filled_s) / 3600
        lane_m = sum(lane.length_m for edge in road_map.edges for lane in edge.lanes)
        lane_m += sum(way.length_m for way in road_map.connections)
        usual, mild, hard = sums.braking
        return NetworkMeasures(
            mean_speed_mps=sums.mean_speed_mps,
            speed_std_mps=sums.speed_std_mps,
            fuel_l_per_100km=100 * sums.per_km(sums.fuel_l),
            braking_per_veh_km=sums.per_km(usual),
            mild_braking_per_veh_km=sums.per_km(mild),
            hard_braking_per_veh_km=sums.per_km(hard),
            throughput_veh_per_h=sums.driven_m / lane_m / hours,
            inflow_veh_per_h=self._entered / hours,
            outflow_veh_per_h=int((outcome.finished.arrived_s > filled_s + run.dt_s / 2).sum()) / hours,
            vehicle_km=sums.vehicle_km,
            emitted_kg=self._emitted_kg,
        )

    def _count(self, end: int) -> None:
        """Add the steps before `end` that have not been counted."""
        trip, speed, accel = self._rows
        drives = _by_trip(trip, speed, accel, self._run.dt_s)
        before, now = slice(0, self._counted), slice(self._counted, end)
        law = self._law[drives.trip]
        for index in np.unique(law):
            of_law = law == index
            self._sums += self._totals(drives, slice(0, end), of_law, self._laws[index])
            self._sums -= self._totals(drives, before, of_law, self._laws[index])
        is_present = drives.is_present
        started = max(1, self._counted)
        self._entered += int((is_present[started:end] & ~is_present[started - 1 : end - 1]).sum())
        if self._measuring.emission_class:
            driven_mps = np.where(is_present, drives.speed_mps, np.nan)[now]
            told = emitted(driven_mps, drives.accel_mps2[now], self._run.dt_s, self._measuring.emission_class)
            self._emitted_kg = {name: self._emitted_kg.get(name, 0.0) + kg for name, kg in told.items()}

    def _totals(self, drives: "_Drives", steps: slice, vehicles: np.ndarray, law: Energy) -> Totals:
        speed, accel, is_present = (part[steps, vehicles] for part in drives[1:])
        return totals(speed, accel, is_present, self._run.dt_s, law, at_new_speed=self._run.at_new_speed is True)


class _Drives(NamedTuple):
    """Some steps by vehicle: which trips, speeds at the starts of steps, changes of speed over them, who was there."""

    trip: Int[np.ndarray, " vehicle"]
    speed_mps: Float[np.ndarray, "step vehicle"]
    accel_mps2: Float[np.ndarray, "step vehicle"]
    is_present: Bool[np.ndarray, "step vehicle"]


def _by_trip(
    trip: Int[np.ndarray, "step place"],
    speed_mps: Float[np.ndarray, "step place"],
    accel_mps2: Float[np.ndarray, "step place"],
    dt_s: float,
) -> _Drives:
    """Return records by place as columns by vehicle."""
    step, place = np.nonzero(trip >= 0)
    names, vehicle = np.unique(trip[step, place], return_inverse=True)
    shape = (len(trip), len(names))
    speed, wanted, is_present = np.zeros(shape), np.zeros(shape), np.zeros(shape, dtype=bool)
    speed[step, vehicle] = speed_mps[step, place]
    wanted[step, vehicle] = accel_mps2[step, place]
    is_present[step, vehicle] = True
    # What a driver wants is not what becomes of it: nobody rolls backward, and who is held at a line stands at once.
    accel = np.maximum(wanted, -speed / dt_s)
    goes_on = is_present[:-1] & is_present[1:]
    accel[:-1][goes_on] = ((speed[1:] - speed[:-1]) / dt_s)[goes_on]
    return _Drives(names, speed, accel, is_present)


def check(measuring: Measuring) -> None:
    """Raise BadSettings where something cannot be measured: before a run, not after it.

    There is no such fuel law; SUMO is not installed, or does not know the emission class.
    """
    energy_on_network("passenger", measuring.vehicle_class)
    if measuring.emission_class:
        check_emission_class(measuring.emission_class)
