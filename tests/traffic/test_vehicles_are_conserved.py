"""Vehicles are conserved, never overlap and never roll back."""

import dataclasses
import math

import numpy as np
import pytest

from proving.traffic import CONTROLLERS, LeaderDrive, OpenRoad, Platoon, Ring, measure, simulate

BUSY = OpenRoad(
    duration_s=120, length_m=500, slow_zone_m=150, slow_zone_limit_mps=5, inflow_veh_per_h=2000, lane_count=4
)


@pytest.mark.parametrize("controller", ["none", "follower_stopper", "cacc"])
@pytest.mark.parametrize("inflow_veh_per_h", [0.0, 600.0, 2400.0])
def test_who_came_waits_or_is_inside_or_has_left(controller: str, inflow_veh_per_h: float):
    settings = dataclasses.replace(BUSY, controller=controller, inflow_veh_per_h=inflow_veh_per_h, automated_share=0.3)
    run = simulate.open_road(settings, 1)
    assert run.arrived_count == run.waiting_count + run.inside_count + run.left_count
    entered = run.inside_count + run.left_count
    # Who enters in the last step is inside but in no record of a step's start.
    assert entered - settings.lane_count <= run.vehicle_count <= entered


def test_a_vehicle_is_there_once_and_without_breaks():
    run = simulate.open_road(BUSY, 2)
    changes = np.diff(run.is_present.astype(int), axis=0, prepend=0)
    assert ((changes == 1).sum(axis=0) == 1).all()
    assert ((changes == -1).sum(axis=0) <= 1).all()
    first = np.argmax(run.is_present, axis=0)
    assert (run.position_m[first, np.arange(run.vehicle_count)] == 0).all()
    assert np.nanmax(run.position_m) < BUSY.length_m
    assert np.nanmax(run.lane.max(axis=0) - np.where(run.lane < 0, 99, run.lane).min(axis=0)) == 0


def test_inflow_is_what_was_asked_for():
    settings = dataclasses.replace(BUSY, length_m=200, slow_zone_m=0, inflow_veh_per_h=1200, duration_s=300)
    arrived = np.array([run.arrived_count for run in simulate.open_roads(settings, [1, 2, 3])])
    expected = 1200 / 3600 * 300 * 4
    assert abs(arrived - expected).max() < 4 * math.sqrt(expected)


@pytest.mark.parametrize("controller", sorted(CONTROLLERS))
def test_nobody_overlaps_or_rolls_back(controller: str, drive: LeaderDrive):
    runs = [
        simulate.ring(Ring(controller=controller, control_start_s=60, duration_s=240), 1),
        simulate.open_road(dataclasses.replace(BUSY, controller=controller, automated_share=0.3), 1),
        simulate.follow_leader(drive, Platoon(controller=controller, automated_share=0.3), 1),
    ]
    for run in runs:
        assert run.speed_mps[run.is_present].min() >= 0
        measures = measure(run)
        assert measures.minimum_gap_m > 0
        assert measures.collision_count == 0


def test_speeds_add_up_to_positions():
    run = simulate.ring(Ring(duration_s=120), 1)
    moved = np.diff(run.position_m, axis=0) % 260.0
    by_speed = 0.1 * (run.speed_mps[:-1] + 0.5 * 0.1 * run.accel_mps2[:-1])
    stops = run.speed_mps[1:] == 0
    np.testing.assert_allclose(moved[~stops], by_speed[~stops], atol=1e-3)


def test_a_collision_is_counted_and_nobody_is_moved_away():
    # The leader's speed falls from 25 m/s to 0 at once: no law can stop in the gap that it had.
    wall = LeaderDrive(np.array([0.0, 20.0, 20.1, 40.0]), np.array([25.0, 25.0, 0.0, 0.0]), "wall")
    run = simulate.follow_leader(wall, Platoon(vehicle_count=5), 0)
    measures = measure(run)
    assert measures.collision_count >= 1
    assert measures.minimum_gap_m < 0
    assert np.abs(np.diff(run.position_m, axis=0)).max() < 0.1 * 30


@pytest.mark.parametrize(("controller", "share"), [("none", 0.5), ("follower_stopper", 0.0)])
def test_nobody_is_automated_without_a_controller_or_a_share(controller: str, share: float, drive: LeaderDrive):
    chosen = {"controller": controller, "automated_share": share}
    for run in (
        simulate.ring(Ring(duration_s=5, **chosen), 1),
        simulate.open_road(dataclasses.replace(BUSY, duration_s=20, **chosen), 1),
        simulate.follow_leader(drive, Platoon(vehicle_count=4, **chosen), 1),
    ):
        assert not run.is_automated.any()
