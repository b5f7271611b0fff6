"""What is measured on a network is what is measured on a lane, in however many stretches a run is told."""

import math

import numpy as np
import pytest

from proving.traffic.errors import BadSettings
from proving.traffic.metrics import measure
from proving.traffic.network import Demand, VehicleType
from proving.traffic.network.simulate import Outcome, Run
from proving.traffic.network.state import Finished, Record
from proving.traffic.network_runs import Measuring, NetworkMeasures
from proving.traffic.network_runs.measures import Tally
from proving.traffic.network_runs.stretches import stretches
from proving.traffic.roads import Ring
from proving.traffic.trajectories import Trajectories

STEPS, TRIPS, DT_S = 400, 30, 0.1
RUN = Run(duration_s=STEPS * DT_S, dt_s=DT_S)
CARS = Demand(types=(VehicleType(),))
ROAD = Ring().road_map()
LANE_M = sum(edge.length_m * len(edge.lanes) for edge in ROAD.edges) + sum(way.length_m for way in ROAD.connections)


def driven() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return speed and acceleration over steps, [step, trip], and who was there: each trip for a time, most braking."""
    chance = np.random.default_rng(7)
    accel = np.repeat(chance.normal(0, 1.2, (STEPS // 10, TRIPS)), 10, axis=0)
    speed = np.zeros((STEPS + 1, TRIPS))
    speed[0] = 9.0
    for step in range(STEPS):
        speed[step + 1] = np.maximum(speed[step] + accel[step] * DT_S, 0)
    begin = chance.integers(0, STEPS // 2, TRIPS)
    begin[:5] = 0
    end = begin + chance.integers(1, STEPS // 2, TRIPS)
    step = np.arange(STEPS)[:, None]
    # Wanted is more than becomes of it: who stands goes on wanting to brake.
    return speed[:-1], accel, (step >= begin) & (step < end)


def record_of(speed: np.ndarray, accel: np.ndarray, is_present: np.ndarray) -> Record:
    """Return the same by place, in another order at every step, as the engine has it."""
    order = np.argsort(np.random.default_rng(3).random(speed.shape), axis=1)
    who = np.take_along_axis(np.where(is_present, np.arange(TRIPS), -1), order, axis=1)
    by_place = [np.take_along_axis(part, order, axis=1) for part in (speed, accel)]
    return Record(who, np.zeros_like(who), np.zeros_like(by_place[0]), *by_place)


def told(record: Record, measuring: Measuring, pieces: list[int], demand: Demand = CARS) -> NetworkMeasures:
    tally = Tally(demand, RUN, measuring)
    tally.begin(np.arange(TRIPS) % len(demand.types))
    at = 0
    for size in pieces:
        tally.hear(Record(*(part[at : at + size] if len(part) else () for part in record)))
        at += size
    arrived_s = np.where(np.arange(TRIPS) < 12, 20.0, np.nan)
    finished = Finished(*(arrived_s for _ in Finished._fields))
    left = np.zeros(TRIPS, dtype=bool)
    outcome = Outcome(tuple(map(str, range(TRIPS))), np.zeros(TRIPS), finished, 0, 0, 0, 0, left)
    return tally.measures(ROAD, outcome)


def test_a_network_is_measured_as_a_lane_is() -> None:
    speed, wanted, is_present = driven()
    accel = np.maximum(wanted, -speed / DT_S)
    lane = Trajectories(
        time_s=np.arange(STEPS) * DT_S,
        position_m=np.zeros_like(speed),
        speed_mps=speed,
        accel_mps2=accel,
        gap_m=np.full_like(speed, np.inf),
        lane=np.zeros(speed.shape, dtype=int),
        is_present=is_present,
        is_automated=np.zeros(TRIPS, dtype=bool),
        is_replayed=np.zeros(TRIPS, dtype=bool),
        vehicle_length_m=5.0,
        road_length_m=LANE_M,
        lane_count=1,
        dt_s=DT_S,
    )
    for filling_s in (0.0, 12.3):
        wanted_row = measure(lane, start_s=filling_s).row()
        row = told(record_of(speed, wanted, is_present), Measuring(filling_s=filling_s), [STEPS]).row()
        assert wanted_row["braking_per_veh_km"] > 0
        for name in sorted(set(row) & set(wanted_row)):
            assert row[name] == pytest.approx(wanted_row[name], rel=1e-9), name
        begins = (is_present[1:] & ~is_present[:-1])[max(0, round(filling_s / DT_S) - 0) :]
        assert row["inflow_veh_per_h"] == pytest.approx(begins.sum() * 3600 / (STEPS * DT_S - filling_s))
        assert row["outflow_veh_per_h"] == pytest.approx(12 * 3600 / (STEPS * DT_S - filling_s))


def test_stretches_change_nothing() -> None:
    record = record_of(*driven())
    whole = told(record, Measuring(filling_s=5.0), [STEPS]).row()
    for pieces in ([1] * STEPS, [49, 1, 2, 3, 345], [200, 200]):
        assert told(record, Measuring(filling_s=5.0), pieces).row() == pytest.approx(whole, rel=1e-9)
    assert list(stretches(1200, 4000)) == [1200]
    assert list(stretches(1200, 500)) == [400, 400, 400]
    assert list(stretches(1201, 500)) == [500, 500, 201]


def test_each_type_burns_by_its_own_law() -> None:
    record = record_of(*driven())
    fuel = {
        kind: told(record, Measuring(), [STEPS], Demand(types=(VehicleType(vehicle_class=kind),))).fuel_l_per_100km
        for kind in ("passenger", "evehicle", "bus", "trailer")
    }
    assert 0 == fuel["evehicle"] < fuel["passenger"] < fuel["bus"] < fuel["trailer"]
    both = Demand(types=(VehicleType(), VehicleType(name="lorry", vehicle_class="trailer")))
    mixed = told(record, Measuring(), [100, 300], both)
    assert fuel["passenger"] < mixed.fuel_l_per_100km < fuel["trailer"]
    assert mixed.braking_per_veh_km == pytest.approx(told(record, Measuring(), [STEPS]).braking_per_veh_km)
    pickups = told(record, Measuring(vehicle_class="Pickup"), [STEPS]).fuel_l_per_100km
    assert pickups > fuel["passenger"]


def test_emissions_are_sumos_over_the_same_kilometres() -> None:
    from proving.traffic.sumo import emitted

    speed, wanted, is_present = driven()
    measures = told(record_of(speed, wanted, is_present), Measuring(emission_class="HBEFA3/PC_G_EU4"), [150, 250])
    accel = np.maximum(wanted, -speed / DT_S)
    kg = emitted(np.where(is_present, speed, np.nan), accel, DT_S, "HBEFA3/PC_G_EU4")
    assert measures.row()["co2_g_per_veh_km"] == pytest.approx(1000 * kg["co2"] / measures.vehicle_km, rel=1e-4)


@pytest.mark.parametrize("filling_s", [-1.0, math.nan, STEPS * DT_S])
def test_a_time_that_leaves_nothing_is_refused(filling_s: float) -> None:
    with pytest.raises(BadSettings, match="filling_s"):
        Tally(CARS, RUN, Measuring(filling_s=filling_s))
