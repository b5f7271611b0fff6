"""What is wrong in FLOW's drivers, noise and energy, found by reading its code: each error is a test here.

Those of its environments are tests beside ours: actions that are never applied
(`test_a_command_moves_the_vehicle_in_the_slot`), a plain 0 as everybody's reward
(`test_after_a_collision_each_agent_is_told_what_it_earned`), I-210's inflow times the automated share
(`test_the_i210_has_as_many_people_as_the_automated_leave`), one flag for end and time limit
(`test_a_collision_terminates_one_world_only_and_earns_nothing`, `test_time_runs_out_by_truncation`).
"""

import math

import numpy as np
import pytest

from proving.traffic import Idm, Ring, rings
from proving.traffic.drivers import BandoFtl, Cfm, FollowerStopper, Gipps, Lacc
from proving.traffic.drivers.speed_regions import boundaries_m, commanded_speed_mps
from proving.traffic.energy import ENERGY
from proving.traffic.errors import BadSettings
from proving.traffic.state import View


def view(speed: float, gap: float, leader: float, dt_s: float = 0.1) -> View:
    return View(*(np.array([[number]]) for number in (speed, gap, leader, math.inf)), dt_s)


def test_follower_stoppers_third_region_rises_from_the_leaders_speed_and_does_not_jump():
    """FLOW has U - v_own in the third region; the paper has U - min(max(v_leader, 0), U)."""
    speed, leader, set_speed = 2.0, 5.0, 8.0
    _, second, third = boundaries_m(np.array(speed), np.array(0.0), keeps_headway=False)
    commands = [
        float(commanded_speed_mps(view(speed, gap, leader), np.array([[set_speed]]), keeps_headway=False)[0, 0])
        for gap in (second - 1e-9, second, (second + third) / 2, third, third + 1e-9)
    ]
    assert commands == pytest.approx([leader, leader, (leader + set_speed) / 2, set_speed, set_speed])
    # FLOW's third region ends at leader + (set speed - own speed): 11 m/s, above the set speed of 8.
    assert max(commands) <= set_speed
    assert FollowerStopper().noise_intensity == 0


def test_noise_does_not_vanish_with_the_step():
    """FLOW adds sqrt(dt) N(0, sigma) to the acceleration, so a tenth of the step leaves a tenth of the noise."""
    spreads = []
    for dt_s in (0.2, 0.02):
        settings = Ring(length_m=2000, duration_s=40, dt_s=dt_s, driver=Idm(noise_intensity=0.2))
        spreads.append(np.mean([run.speed_mps[round(20 / dt_s) :].std() for run in rings(settings, [0, 1, 2, 3])]))
    assert spreads[1] / spreads[0] == pytest.approx(1, abs=0.15)


def test_lac_gains_are_string_stable():
    """FLOW's k1 0.3, k2 0.4, h 1 s give k1 h^2 + 2 k2 h = 1.1; a ring or road needs 2."""

    def stability(law: Lacc) -> float:
        return law.gap_gain * law.headway_s**2 + 2 * law.speed_gain * law.headway_s

    assert stability(Lacc(gap_gain=0.3, speed_gain=0.4, headway_s=1.0)) == pytest.approx(1.1)
    assert stability(Lacc()) > 2


def test_lac_takes_a_net_gap_as_it_is():
    """FLOW subtracts the vehicle's length from a gap that is net already, so it keeps 5 m more than it says."""
    speed, law = 10.0, Lacc()
    gap = law.min_gap_m + law.headway_s * speed
    accel, _ = law.drive(view(speed, gap, speed), law.first_memory(np.array([[speed]])))
    assert float(accel[0, 0]) == pytest.approx(0, abs=1e-9)


def test_braking_costs_no_energy():
    """FLOW's power has |a|, so that braking costs as much as accelerating."""
    for name, law in ENERGY.items():
        speed = np.array([20.0, 20.0, 20.0])
        speeding_up, cruising, braking = law.fuel_gps(speed, np.array([1.0, 0.0, -1.0]))
        assert braking < cruising < speeding_up, name


def capacity_veh_per_h(law: BandoFtl) -> float:
    speeds = np.linspace(0.5, law.desired_speed_mps, 200)
    return max(3600 * speed / (law.equilibrium_gap_m(speed) + 5) for speed in speeds)


def test_bando_ftl_carries_what_a_lane_can_carry():
    """FLOW's h 2 m and v_max 32 m/s carry over 9,000 vehicles an hour and lane; people manage 1,800 to 2,400."""
    flows = BandoFtl(desired_speed_mps=32.0, width_m=2.0, is_guarded=False)
    assert capacity_veh_per_h(flows) > 9000
    assert flows.equilibrium_gap_m(30.0) == pytest.approx(6.8, abs=0.1)
    assert 1800 < capacity_veh_per_h(BandoFtl()) < 2800
    # The fit of Cui et al. on the rings of the experiments: 22 vehicles of 5 m.
    for length_m, speed_mps in ((220, 6.0), (230, 6.9), (260, 8.7), (270, 9.0)):
        assert BandoFtl().equilibrium_gap_m(speed_mps) == pytest.approx(length_m / 22 - 5, abs=0.15)


def test_cfm_stands_behind_its_leader():
    """FLOW's gains of 1, 1 m and 8 m/s are at rest 7 m inside the leader; they are refused."""
    with pytest.raises(BadSettings, match="-7 m"):
        Cfm(gap_gain=1.0, speed_gain=1.0, cruise_gain=1.0, desired_gap_m=1.0, desired_speed_mps=8.0)
    assert Cfm().equilibrium_gap_m(0.0) == pytest.approx(2.0)


def test_gipps_reaches_its_speed_in_a_reaction_time_whatever_the_step_is():
    """FLOW divides by the simulation step, so its drivers get ten times as brisk at a tenth of a second."""
    coarse, fine = (float(Gipps().drive(view(10.0, 12.0, 8.0, dt_s), ())[0][0, 0]) for dt_s in (1.0, 0.1))
    assert coarse == fine
