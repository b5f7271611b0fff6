"""Where two lanes become one as equals, people fall in behind one another: nobody overlaps, and they keep flowing."""

import numpy as np

from proving.traffic.network import Demand, Flow
from proving.traffic.network.simulate import Run, simulate

from .small_networks import zipper

RUN = Run(duration_s=500, dt_s=0.5, capacity=128)


def outcome_at(veh_per_h):
    flows = tuple(
        Flow(name=f"f{lane}", route=("ab", "bc"), veh_per_h=veh_per_h / 2, depart_lane=lane, is_random=True)
        for lane in (0, 1)
    )
    return simulate(zipper(), Demand(flows=flows), RUN, seed=2)


def test_what_one_lane_takes_passes_at_once():
    outcome = outcome_at(1000)
    assert outcome.collisions == 0
    assert outcome.means()["lost_s"] < 12


def test_a_queue_before_it_drains_as_fast_as_flows_people_do():
    outcome = outcome_at(2400)
    assert outcome.collisions == 0
    arrived_s = outcome.finished.arrived_s
    late = np.count_nonzero(arrived_s > RUN.duration_s / 2)
    # FLOW's people pass 1,023 veh/h through its bottleneck when they queue.
    assert late * 3600 / (RUN.duration_s / 2) > 1000
