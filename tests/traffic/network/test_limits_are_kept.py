"""Who comes to a slower way slows down in time for it, in whole steps as well."""

import dataclasses

import pytest

from proving.traffic.drivers import Krauss
from proving.traffic.network import Demand, Trip, VehicleType
from proving.traffic.network.simulate import Run, recorded

from .small_networks import crossing

LIMIT_MPS, MAJOR_ACROSS = 6.0, 4


@pytest.mark.parametrize("start_m", [5.0, 8.1, 11.3, 14.9])
def test_nobody_is_faster_on_a_slow_way_than_it_allows(start_m):
    slow = crossing()
    major, minor = slow.connections
    slow = dataclasses.replace(slow, connections=(dataclasses.replace(major, limit_mps=LIMIT_MPS), minor))
    people = VehicleType(driver=Krauss(sigma=0.0), speed_spread=0.0)
    trip = Trip(name="one", depart_s=0, route=("in_major", "out_major"), depart_m=start_m)
    run = Run(duration_s=60, dt_s=1.0, capacity=4, at_new_speed=True)
    outcome, record = recorded(slow, Demand(types=(people,), trips=(trip,)), run)
    assert outcome.is_finished.all()
    assert record.speed_mps[record.lane == MAJOR_ACROSS].max() <= LIMIT_MPS + 1e-3
