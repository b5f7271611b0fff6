"""Two vehicles whose ways cross are never both in the crossing, red holds, and nobody waits for ever."""

import dataclasses

import numpy as np
import pytest

from proving.traffic.network import Demand, Flow
from proving.traffic.network.simulate import Run, recorded

from .small_networks import crossing, two_phases

DEMAND = Demand(
    flows=(
        Flow(name="major", route=("in_major", "out_major"), veh_per_h=500, is_random=True),
        Flow(name="minor", route=("in_minor", "out_minor"), veh_per_h=200, is_random=True),
    )
)
RUN = Run(duration_s=900, dt_s=0.5, capacity=96)
# Lanes of the network: four edges, then the ways across the junction.
MAJOR_ACROSS, MINOR_ACROSS = 4, 5


@pytest.mark.parametrize("signal", [None, two_phases(), two_phases("actuated")], ids=["priority", "fixed", "actuated"])
def test_the_crossing_is_never_used_by_both(signal):
    outcome, record = recorded(crossing(signal), DEMAND, RUN, 1)
    # The ways cross in the middle, at 6 of 12 m; vehicles are 5 m long and somewhat wide.
    is_middle = record.position_m > 4.5
    on_major, on_minor = (((record.lane == lane) & is_middle).any(axis=1) for lane in (MAJOR_ACROSS, MINOR_ACROSS))
    assert on_major.any()
    assert on_minor.any()
    assert not (on_major & on_minor).any()
    assert outcome.collisions == 0
    # These phases have no all-red time, so once in a while somebody brakes hard for who is still clearing the middle.
    assert outcome.emergencies <= 0.04 * len(outcome.names)
    assert outcome.is_finished.mean() > 0.85


def test_the_minor_road_waits_and_the_major_one_does_not():
    outcome, _ = recorded(crossing(), DEMAND, RUN, 1)
    is_minor = np.array([name.startswith("minor") for name in outcome.names])
    done = outcome.is_finished
    assert outcome.finished.lost_s[done & ~is_minor].mean() < 3
    assert outcome.finished.lost_s[done & is_minor].mean() > 2 * outcome.finished.lost_s[done & ~is_minor].mean()


def test_nobody_enters_at_red():
    signal = two_phases()
    _, record = recorded(crossing(signal), DEMAND, RUN, 1)
    cycle_s = sum(phase.duration_s for phase in signal.phases)
    at_s = (np.arange(len(record.lane)) * RUN.dt_s) % cycle_s
    entered = (record.lane == MINOR_ACROSS).any(axis=1)
    first = entered & ~np.roll(entered, 1)
    assert first.sum() > 10
    # Green from 23 to 43 s; who could not stop at yellow may still come until 46 s.
    assert ((at_s[first] > 23 - 1e-6) & (at_s[first] < 46 + RUN.dt_s)).all()


def test_an_actuated_signal_gives_an_empty_road_no_time():
    only_major = Demand(flows=(Flow(name="major", route=("in_major", "out_major"), veh_per_h=700),))
    fixed, _ = recorded(crossing(two_phases()), only_major, RUN, 1)
    actuated, _ = recorded(crossing(two_phases("actuated")), only_major, RUN, 1)
    assert actuated.means()["lost_s"] < 0.8 * fixed.means()["lost_s"]


def test_it_is_enough_to_say_once_that_two_ways_cross():
    whole = crossing()
    major, minor = whole.connections
    assert major.crosses == (1,)
    half = dataclasses.replace(whole, connections=(dataclasses.replace(major, crosses=()), minor))
    assert half == whole
