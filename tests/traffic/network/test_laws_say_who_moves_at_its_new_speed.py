"""Who counts on moving a step at the speed that it has after it does so, beside others who do not."""

import numpy as np

from proving.traffic.drivers import Idm, Krauss
from proving.traffic.network import Demand, Stop, Trip, VehicleType
from proving.traffic.network.simulate import Run, recorded
from proving.traffic.tasks import NETWORK_TASKS
from proving.traffic.tasks.conditions import behind_laws
from proving.traffic.tasks.on_networks.traffic import built

from .small_networks import straight

RUN = Run(duration_s=60, dt_s=1.0, capacity=4, at_new_speed=None)
HALT = Stop(edge="ab", lane=0, at_m=280.0, duration_s=60.0)
TYPES = (VehicleType(driver=Krauss()), VehicleType(name="idm", driver=Idm()))


def test_whoever_brakes_for_one_who_stands_comes_to_stand_behind_it_by_either_law():
    trips = (
        Trip(name="first", depart_s=0, route=("ab",), depart_m=270.0, stops=(HALT,)),
        Trip(name="krauss", depart_s=0, route=("ab",), depart_m=100.0, depart_speed=10.0),
        Trip(name="idm", type="idm", depart_s=0, route=("ab",), depart_m=10.0, depart_speed=10.0),
    )
    _, record = recorded(straight(1), Demand(types=TYPES, trips=trips), RUN, 3)
    all_there = (record.trip >= 0).sum(axis=1) == 3
    by_trip = np.argsort(record.trip[all_there], axis=1)[:, -3:]
    position_m, speed_mps = (
        np.take_along_axis(part[all_there], by_trip, axis=1) for part in (record.position_m, record.speed_mps)
    )
    assert (position_m[:, :-1] - position_m[:, 1:] > 5.0).all(), "nobody runs into the one before"
    assert (speed_mps[-1] < 0.1).all()
    moved_m = np.diff(position_m, axis=0)
    brakes = np.diff(speed_mps, axis=0) < -0.5
    at_new_m, at_mean_m = speed_mps[1:], (speed_mps[1:] + speed_mps[:-1]) / 2
    assert brakes[:, 1].any()
    assert np.allclose(moved_m[:, 1], at_new_m[:, 1], atol=1e-3)
    assert brakes[:, 2].any()
    moving = speed_mps[1:, 2] > 0
    assert np.allclose(moved_m[moving, 2], at_mean_m[moving, 2], atol=1e-3)


def test_at_the_grids_each_world_moves_as_its_people_count_on():
    traffic = behind_laws(NETWORK_TASKS["grid0_by_signal"], ("idm", "krauss")).traffic
    by_krauss = [isinstance(kind.driver, Krauss) for kind in traffic.demand_by_law.types]
    assert any(by_krauss)
    assert built(traffic, None).world.at_new_speed.tolist() == by_krauss
    alone = NETWORK_TASKS["grid0_by_signal"].traffic
    assert built(alone, None).world.at_new_speed is False
