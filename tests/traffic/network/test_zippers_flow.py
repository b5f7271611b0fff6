"""Where two lanes become one as equals, people fall in behind one another: nobody overlaps, and they keep flowing."""

import functools
from dataclasses import replace

import numpy as np

from proving.traffic.drivers import Gipps, Idm
from proving.traffic.network import Demand, Flow, VehicleType
from proving.traffic.network.simulate import Run, simulate

from .joined_networks import joined, joined_demand
from .small_networks import zipper

# In 64 bits: in 32 one vehicle more or less in a queue is a matter of rounding.
RUN = Run(duration_s=500, dt_s=0.5, capacity=256, precision="float64")
# Vehicles an hour on both lanes together: as many as one lane takes, and more than it takes; and people who do not fear
# a leader beside them.
STREAMS = {"some": (1000, Idm()), "many": (2400, Idm()), "soft": (1600, Gipps())}


def demand_of(veh_per_h, law):
    flows = tuple(
        Flow(name=f"f{lane}", route=("ab", "bc"), veh_per_h=veh_per_h / 2, depart_lane=lane, is_random=True)
        for lane in (0, 1)
    )
    return Demand(types=(VehicleType(driver=law),), flows=flows)


def quick_zipper():
    """Where people come side by side at 83 km/h, as at FLOW's bottleneck."""
    edges = [replace(one, lanes=tuple(replace(lane, limit_mps=23.0) for lane in one.lanes)) for one in zipper().edges]
    return replace(zipper(), edges=tuple(edges))


@functools.cache
def outcome_of_both():
    demand = joined_demand({name: demand_of(*stream) for name, stream in STREAMS.items()})
    return simulate(joined(dict.fromkeys(STREAMS, zipper()) | {"soft": quick_zipper()}), demand, RUN, seed=2)


def of(outcome, name):
    return outcome.is_finished & np.array([trip.startswith(name) for trip in outcome.names])


def test_what_one_lane_takes_passes_at_once():
    outcome = outcome_of_both()
    assert outcome.collisions == 0
    assert of(outcome, "some").sum() > 100
    assert outcome.finished.lost_s[of(outcome, "some")].mean() < 12


def test_nobody_comes_beside_another_because_its_law_brakes_softly():
    outcome = outcome_of_both()
    assert outcome.collisions == 0
    assert of(outcome, "soft").sum() > 150


def test_a_queue_before_it_drains_as_fast_as_flows_people_do():
    outcome = outcome_of_both()
    assert outcome.collisions == 0
    late = np.count_nonzero(outcome.finished.arrived_s[of(outcome, "many")] > RUN.duration_s / 2)
    # FLOW's people pass 1,023 veh/h through its bottleneck when they queue.
    assert late * 3600 / (RUN.duration_s / 2) > 1000
