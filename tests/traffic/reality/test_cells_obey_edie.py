"""Flow is density times speed in every cell, nothing is lost between cells, and even traffic lies on the triangle."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proving.traffic import Idm, OpenRoad, Ring, open_road, ring
from proving.traffic.drives import Tracks
from proving.traffic.errors import BadSettings
from proving.traffic.reality.diagram import cells_of, cells_of_tracks, triangular_flow_veh_per_h
from proving.traffic.trajectories import Trajectories


@pytest.fixture(scope="module")
def ring_run() -> Trajectories:
    return ring(Ring(duration_s=200.0), seed=3)


@pytest.fixture(scope="module")
def road_run() -> Trajectories:
    return open_road(OpenRoad(length_m=1000.0, lane_count=2, duration_s=200.0), seed=3)


def even_tracks(speed_mps: float, spacing_m: float, count: int, duration_s: float = 120.0) -> Tracks:
    """Vehicles at one speed and one spacing, one row per second."""
    time_s = np.arange(0, duration_s + 1)
    vehicle, step = np.divmod(np.arange(count * len(time_s)), len(time_s))
    return Tracks(
        vehicle=vehicle,
        time_s=time_s[step],
        position_m=speed_mps * time_s[step] - spacing_m * vehicle,
        speed_mps=np.full(len(step), speed_mps),
        lane=np.zeros(len(step), dtype=np.int64),
        names=tuple(map(str, range(count))),
        clipped_count=0,
    )


@pytest.mark.parametrize("is_ring", [True, False])
def test_flow_is_density_times_speed_and_nothing_is_lost(
    is_ring: bool, ring_run: Trajectories, road_run: Trajectories
) -> None:
    run = ring_run if is_ring else road_run
    cells = cells_of(run, 10.0, 40.0, is_ring=is_ring)
    occupied = cells.occupied_s > 0
    product = 3.6 * cells.density_veh_per_km * cells.speed_mps
    np.testing.assert_allclose(cells.flow_veh_per_h[occupied], product[occupied], rtol=1e-9)
    speed = np.nan_to_num(run.speed_mps + 0.5 * run.accel_mps2 * run.dt_s)
    time_s, distance_m = run.is_present.sum() * run.dt_s, speed[run.is_present].sum() * run.dt_s
    # What passes the end of an open road within its last step lies beyond the cells.
    slack = 1e-6 if is_ring else 2e-3
    assert cells.occupied_s.sum() == pytest.approx(time_s, rel=slack)
    assert cells.distance_m.sum() == pytest.approx(distance_m, rel=slack)


def test_density_of_a_ring_is_its_vehicles_over_its_length(ring_run: Trajectories) -> None:
    cells = cells_of(ring_run, 5.0, 26.0, is_ring=True)
    np.testing.assert_allclose(cells.density_veh_per_km.mean(axis=1), 22 / 0.26, rtol=1e-6)


def test_cells_change_no_total(ring_run: Trajectories) -> None:
    coarse, fine = (cells_of(ring_run, *size, is_ring=True) for size in ((20.0, 260.0), (4.0, 10.0)))
    np.testing.assert_allclose(fine.distance_m.reshape(10, 5, -1).sum(axis=(1, 2)), coarse.distance_m[:, 0], rtol=1e-9)


@given(
    speed_mps=st.floats(0.5, 29.0),
    headway_s=st.floats(0.8, 2.5),
    jam_spacing_m=st.floats(5.0, 9.0),
)
def test_even_traffic_lies_on_the_congested_branch_of_the_triangle(
    speed_mps: float, headway_s: float, jam_spacing_m: float
) -> None:
    spacing_m = jam_spacing_m + headway_s * speed_mps
    count = int(3000 / spacing_m) + int(120 * speed_mps / spacing_m)
    cells = cells_of_tracks(even_tracks(speed_mps, spacing_m, count), 30.0, 30.0)
    # A window of time and place that tracks fill all the time, of many spacings so that whole vehicles matter little.
    first = round((-0.9 * spacing_m * count + 120 * speed_mps - cells.start_m) / 30) + 1
    last = round((0 - cells.start_m) / 30) - 1
    area_m_s = 120.0 * 30.0 * (last - first)
    density = 1000 * cells.occupied_s[:4, first:last].sum() / area_m_s
    flow = 3600 * cells.distance_m[:4, first:last].sum() / area_m_s
    wanted = triangular_flow_veh_per_h(np.array(density), 30.0, headway_s, jam_spacing_m)
    assert flow == pytest.approx(float(wanted), rel=0.03, abs=15)


def test_the_triangle_has_the_corners_of_the_theory() -> None:
    free_mps, headway_s, jam_m = 30.0, 1.5, 7.0
    corner = 1000 / (free_mps * headway_s + jam_m)
    flow = triangular_flow_veh_per_h(np.array([0.0, corner, 1000 / jam_m, 200.0]), free_mps, headway_s, jam_m)
    np.testing.assert_allclose(flow, [0, 3.6 * free_mps * corner, 0, 0], atol=1e-9)
    slope = np.diff(triangular_flow_veh_per_h(np.array([60.0, 61.0]), free_mps, headway_s, jam_m))[0]
    assert slope == pytest.approx(-3.6 * jam_m / headway_s)


def test_a_quiet_ring_of_idm_drivers_lies_on_its_equilibrium() -> None:
    law = Idm(noise_intensity=0.0, accel_mps2=3.0, headway_s=1.5)
    run = ring(Ring(length_m=2000.0, vehicle_count=80, driver=law, duration_s=400.0), seed=0)
    cells = cells_of(run.between(300, 400), 20.0, 500.0, is_ring=True)
    # 80 vehicles on 2 km: 25 m each, 20 m of it gap.
    speed_mps = float(cells.distance_m.sum() / cells.occupied_s.sum())
    assert law.equilibrium_gap_m(speed_mps) == pytest.approx(20.0, rel=0.01)
    assert float(cells.flow_veh_per_h.mean()) == pytest.approx(40 * 3.6 * speed_mps, rel=1e-6)


def test_cells_shorter_than_a_step_are_refused(road_run: Trajectories) -> None:
    with pytest.raises(BadSettings, match="shorter than a step"):
        cells_of(road_run, 0.01, 50.0)
    with pytest.raises(BadSettings, match="shorter than a step"):
        cells_of_tracks(even_tracks(20.0, 40.0, 3), 10.0, 5.0)
    with pytest.raises(BadSettings, match=r"within 0\.5 s"):
        cells_of_tracks(even_tracks(20.0, 40.0, 3), largest_break_s=0.5)
    nobody = dataclasses.replace(road_run, is_present=np.zeros_like(road_run.is_present))
    with pytest.raises(BadSettings, match="nobody"):
        cells_of(nobody)
