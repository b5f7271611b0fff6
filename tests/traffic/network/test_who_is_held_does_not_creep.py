"""Whoever is held at a line stands there, however softly its law brakes and however short the steps are."""

from proving.traffic.network.simulate import Run, simulate_many
from proving.traffic.roads import FigureEight


def test_nobody_creeps_onto_the_crossing_of_the_figure_eight():
    # Seeds and a step with which people crept over the line at less than 1 m/s and into somebody's way.
    road = FigureEight()
    run = Run(duration_s=150, dt_s=0.1, capacity=14)
    outcomes = simulate_many(road.road_map(), road.demand(14, 0), run, (1, 9, 11, 12, 14))
    assert [outcome.collisions for outcome in outcomes] == [0] * 5
    assert [outcome.emergencies for outcome in outcomes] == [0] * 5
    assert all(outcome.active == 14 for outcome in outcomes)
