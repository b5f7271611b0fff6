"""Whoever is held at a line stands there, however softly its law brakes and however short the steps are."""

import dataclasses

import pytest

from proving.traffic.drivers import Idm
from proving.traffic.network import Demand, Flow, VehicleType
from proving.traffic.network.simulate import Run, simulate, simulate_many
from proving.traffic.roads import FigureEight

from .joined_networks import joined, joined_demand
from .small_networks import crossing, two_phases


def test_nobody_creeps_onto_the_crossing_of_the_figure_eight():
    # Seeds and a step with which people crept over the line at less than 1 m/s and into somebody's way.
    road = FigureEight()
    run = Run(duration_s=150, dt_s=0.1, capacity=14)
    outcomes = simulate_many(road.road_map(), road.demand(14, 0), run, (1, 9, 11, 12, 14))
    assert [outcome.collisions for outcome in outcomes] == [0] * 5
    assert [outcome.emergencies for outcome in outcomes] == [0] * 5
    assert all(outcome.active == 14 for outcome in outcomes)


# Half a second of headway: they come close behind one another, and stop at the last moment.
CLOSE = {"soft": Idm(headway_s=0.5), "hard": Idm(headway_s=0.5, comfortable_mps2=4.0)}
BRIEF_S = (0.5, 1.5)


@pytest.mark.parametrize("dt_s", [0.1, 0.5])
def test_nobody_creeps_into_a_crossing_at_red_however_brief_yellow_was(dt_s: float) -> None:
    maps, demands = {}, {}
    for (name, law), yellow_s in ((one, yellow_s) for one in CLOSE.items() for yellow_s in BRIEF_S):
        phases = [
            dataclasses.replace(phase, duration_s=yellow_s if "y" in phase.colours else 10.0)
            for phase in two_phases().phases
        ]
        part = f"{name}_{10 * yellow_s:.0f}"
        maps[part] = crossing(dataclasses.replace(two_phases(), phases=tuple(phases)))
        flows = (("major", 900), ("minor", 700))
        demands[part] = Demand(
            types=(VehicleType(driver=law),),
            flows=tuple(
                Flow(name=name, route=(f"in_{name}", f"out_{name}"), veh_per_h=veh_per_h, is_random=True)
                for name, veh_per_h in flows
            ),
        )
    outcome = simulate(joined(maps), joined_demand(demands), Run(duration_s=400, dt_s=dt_s, capacity=400), 1)
    assert outcome.collisions == 0
    assert outcome.is_finished.sum() > 300
