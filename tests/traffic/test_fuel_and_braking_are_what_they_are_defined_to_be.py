"""Fuel, braking and throughput are what they are defined to be."""

import numpy as np
import pytest

from proving.traffic import ENERGY, Ring, measure, simulate
from proving.traffic.energy import CirclesLaw
from proving.traffic.errors import BadSettings
from proving.traffic.metrics import braking_events

POINTS = [
    (0, 0, 0),
    (5, 0, 0),
    (10, 1, 0),
    (20, 0, 0),
    (20, -1, 0),
    (30, 0, 0),
    (30, 0.5, 0),
    (15, 0, 0.03),
    (14.7, 4, 0),
]
# g/s, computed from the published formula apart from this code.
EXPECTED = {
    "Compact": [0.0972, 0.23048, 1.43683, 0.68355, 0, 1.42407, 2.89652, 0.83698, 6.34801],
    "midBase": [0.1271, 0.30738, 1.54039, 0.84314, 0, 1.58258, 3.45058, 1.06936, 11.86384],
    "midSUV": [0.1637, 0.33615, 1.95566, 0.95205, 0, 1.88040, 3.92411, 1.16436, 11.11875],
    "Pickup": [0.1999, 0.38724, 2.24817, 1.17348, 0, 2.45673, 4.91261, 1.38610, 10.93240],
    "Class4PND": [0.1923, 0.45765, 5.85282, 2.50456, 0.63438, 6.44083, 7.13141, 3.20763, 7.79135],
    "Class8Tractor": [0.2384, 1.04162, 14.18077, 4.42890, 0.99413, 10.43781, 12.85154, 9.08758, 14.59449],
}


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_circles_laws_give_the_known_values(name: str):
    found = [float(ENERGY[name].fuel_gps(np.array(float(v)), np.array(float(a)), g)) for v, a, g in POINTS]
    np.testing.assert_allclose(found, EXPECTED[name], atol=6e-6)


@pytest.mark.parametrize(("speed_mps", "litres"), [(5, 9.0), (10, 6.4), (15, 6.0), (20, 6.4), (25, 7.2), (30, 8.4)])
def test_cruising_in_a_midsize_suv_burns_the_known_litres(speed_mps: float, litres: float):
    rate = float(ENERGY["midSUV"].fuel_gps(np.array(float(speed_mps)), np.array(0.0)))
    assert 1e5 * rate / 749 / speed_mps == pytest.approx(litres, abs=0.06)


@pytest.mark.parametrize("name", sorted(ENERGY))
def test_no_law_gives_fuel_back(name: str):
    speed, accel = np.meshgrid(np.linspace(0, 40, 81), np.linspace(-8, 4, 61))
    rate = ENERGY[name].fuel_gps(speed, accel)
    assert np.isfinite(rate).all()
    assert (rate >= 0).all()
    if isinstance(ENERGY[name], CirclesLaw):
        assert float(ENERGY[name].fuel_gps(np.array(0.0), np.array(0.0))) > 0, "an engine at rest idles"


def test_flow_power_is_signed_and_has_two_classes():
    sedan, pickup = ENERGY["flow_sedan"], ENERGY["flow_pickup"]
    cruise = float(sedan.power_w(np.array(20.0), np.array(0.0)))
    assert cruise == pytest.approx(1200 * 9.81 * 0.005 * 20 + 0.5 * 1.225 * 2.6 * 0.3 * 20**3)
    assert float(sedan.power_w(np.array(20.0), np.array(-2.0))) == 0
    assert float(sedan.power_w(np.array(20.0), np.array(1.0))) == pytest.approx(cruise + 1200 * 20)
    assert float(pickup.fuel_gps(np.array(20.0), np.array(1.0))) > float(sedan.fuel_gps(np.array(20.0), np.array(1.0)))


def count(accel: np.ndarray, dt_s: float = 0.1, level: float = -1.0) -> int:
    values = accel[:, None].astype(float)
    return braking_events(values, np.ones_like(values, dtype=bool), dt_s, level)


def test_a_braking_event_is_a_smoothed_crossing_downward():
    quiet = np.zeros(20)
    assert count(np.concatenate([quiet, np.full(10, -2.0), quiet])) == 1
    assert count(np.concatenate([quiet, np.full(10, -2.0), quiet, np.full(10, -2.0), quiet])) == 2
    assert count(np.concatenate([quiet, np.full(10, -0.9), quiet])) == 0
    # Two steps of -2 in 0.5 s average to -0.8: too short to be an event; three steps average to -1.2.
    assert count(np.concatenate([quiet, np.full(2, -2.0), quiet])) == 0
    assert count(np.concatenate([quiet, np.full(3, -2.0), quiet])) == 1
    assert count(np.full(50, -2.0)) == 0, "nobody saw it begin"
    steady = np.concatenate([quiet, np.full(500, -1.0)])
    assert count(steady) == 1


def test_a_braking_event_does_not_depend_on_the_step():
    for dt_s in (0.05, 0.1, 0.25):
        time = np.arange(0, 120, dt_s)
        assert count(1.5 * np.sin(2 * np.pi * time / 20), dt_s) == 6
        assert count(0.9 * np.sin(2 * np.pi * time / 20), dt_s) == 0


def test_absent_vehicles_brake_nothing():
    accel = np.tile(np.concatenate([np.zeros(20), np.full(10, -2.0), np.zeros(20)])[:, None], (1, 3))
    present = np.ones_like(accel, dtype=bool)
    present[:, 1] = False
    present[25:, 2] = False
    accel[~present] = np.nan
    assert braking_events(accel, present, 0.1) == 2


def test_measures_agree_with_one_another():
    run = simulate.ring(Ring(duration_s=200), 1)
    measures = measure(run, start_s=100)
    density = 22 / 260.0
    assert measures.throughput_veh_per_h == pytest.approx(3600 * density * measures.mean_speed_mps)
    assert measures.vehicle_km == pytest.approx(22 * 100 * measures.mean_speed_mps / 1000)
    halves = [measure(run, start_s=start, end_s=start + 50) for start in (100, 150)]
    assert sum(half.vehicle_km for half in halves) == pytest.approx(measures.vehicle_km)
    litres = [half.fuel_l_per_100km * half.vehicle_km for half in halves]
    assert sum(litres) == pytest.approx(measures.fuel_l_per_100km * measures.vehicle_km)


def test_wrong_names_and_empty_times_are_refused():
    run = simulate.ring(Ring(duration_s=1), 1)
    with pytest.raises(BadSettings, match="did you mean 'midBase'"):
        measure(run, "midbase")
    with pytest.raises(BadSettings, match="nobody is on the road"):
        measure(run, start_s=50)
