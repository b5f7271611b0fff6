"""Calibration finds the parameters that a simulated follower drove by, the same ones for the same seed."""

import dataclasses

import numpy as np
import pytest

from proving.traffic.errors import BadSettings
from proving.traffic.reality.calibrate import Search, fit
from proving.traffic.reality.comparison import choose, compare, held_out, matches
from proving.traffic.reality.laws import CONSTANT_TIME_GAP, DELAYED, IDM, LAWS, OPTIMAL_VELOCITY
from proving.traffic.reality.replay import errors, side_by_side

PLANTED = [24.0, 1.4, 1.1, 1.8, 2.6]
ALONE = Search(population=32, generations=80, pull=0.0, rounds=1, soft_share=0.0)
QUICK = Search(population=12, generations=12)
DRIVERS = {
    "idm": PLANTED,
    "constant_time_gap": [1.4, 3.0, 0.12, 0.6, 1.5, 3.0, 30.0],
    "delayed": [1.4, 3.0, 3.0, 2.0, 1.5, 3.0],
    "optimal_velocity": [1.4, 3.0, 0.3, 8.0, 1.5, 3.0, 28.0],
}


def test_planted_idm_parameters_are_recovered(make_pair) -> None:
    other = [28.0, 1.0, 0.8, 1.2, 3.5]
    found = fit(IDM, [make_pair(IDM, PLANTED, seed=1), make_pair(IDM, other, seed=2)], search=ALONE)
    np.testing.assert_allclose(found.values[:, 0], PLANTED, rtol=0.05)
    np.testing.assert_allclose(found.values[:, 1], other, rtol=0.05)
    assert (found.relative_error < 0.01).all()
    assert found.at_bounds() == ((), ())


@pytest.mark.parametrize("name", LAWS)
def test_every_law_follows_its_own_driver(name: str, make_pair) -> None:
    law = LAWS[name]
    pair = make_pair(law, DRIVERS[name], seed=3, steps=900)
    found = fit(law, [pair], search=dataclasses.replace(ALONE, generations=30))
    assert found.relative_error[0] < 0.03


@pytest.mark.parametrize("name", LAWS)
def test_the_true_parameters_have_no_error(name: str, make_pair) -> None:
    pair = make_pair(LAWS[name], DRIVERS[name])
    recordings, dt_s = side_by_side([pair])
    values = np.array(DRIVERS[name], dtype=np.float32)[:, None, None]
    found = errors(LAWS[name], values, recordings, recordings.is_measured, dt_s)
    assert float(found.gap_m[0, 0]) < 1e-3
    assert float(found.speed_mps[0, 0]) < 1e-3


def test_the_same_seed_gives_the_same_parameters_and_another_one_does_not(make_pair) -> None:
    pairs = [make_pair(IDM, PLANTED, seed=4)]
    first, again, other = (fit(IDM, pairs, seed, QUICK).values for seed in (5, 5, 6))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_a_pair_is_fitted_the_same_beside_another_run(make_pair) -> None:
    one, two = make_pair(IDM, PLANTED, run="a"), make_pair(IDM, DRIVERS["idm"], run="b", seed=9)
    recordings, dt_s = side_by_side([one, two])
    both = errors(IDM, np.full((5, 3, 2), 2.0, np.float32), recordings, recordings.is_measured, dt_s)
    single, dt_s = side_by_side([two])
    alone = errors(IDM, np.full((5, 3, 1), 2.0, np.float32), single, single.is_measured, dt_s)
    np.testing.assert_allclose(both.gap_m[:, 1:], alone.gap_m, rtol=1e-6)


def test_a_hole_starts_the_follower_afresh_and_does_not_count(make_pair) -> None:
    pair = make_pair(IDM, PLANTED)
    hole = slice(600, 700)
    is_measured, gap_m, is_start = pair.is_measured.copy(), pair.gap_m.copy(), pair.is_start.copy()
    is_measured[hole], gap_m[hole], is_start[700] = False, 500.0, True
    broken = dataclasses.replace(pair, is_measured=is_measured, gap_m=gap_m, is_start=is_start)
    recordings, dt_s = side_by_side([broken])
    values = np.array(PLANTED, dtype=np.float32)[:, None, None]
    assert float(errors(IDM, values, recordings, recordings.is_measured, dt_s).gap_m[0, 0]) < 1e-3


def test_a_strong_pull_gives_the_usual_values_and_bounds_are_reported(make_pair) -> None:
    pairs = [make_pair(DELAYED, DRIVERS["delayed"])]
    pulled = fit(DELAYED, pairs, search=Search(population=12, generations=30, pull=1e4, rounds=1))
    np.testing.assert_allclose(pulled.values[:, 0], [each.usual for each in DELAYED.parameters], rtol=0.02)
    at_edge = dataclasses.replace(pulled, values=np.array([[each.high] for each in DELAYED.parameters]))
    assert at_edge.at_bounds() == (tuple(each.name for each in DELAYED.parameters),)
    assert at_edge.rows()[0]["at_bounds"] == " ".join(each.name for each in DELAYED.parameters)


def test_runs_are_tested_on_the_same_car_in_another_run(make_pair) -> None:
    pairs = [make_pair(IDM, PLANTED, run=run, seed=seed) for run in ("a", "b") for seed in (1, 2)]
    assert matches(pairs) == [(0, 2), (1, 3), (2, 0), (3, 1)]
    tested = held_out(IDM, pairs, "runs", search=dataclasses.replace(ALONE, generations=30))
    assert tested.pairs == tuple(pairs[index].name for index in (2, 3, 0, 1))
    assert tested.median_error < 0.05
    with pytest.raises(BadSettings, match="split by time"):
        held_out(IDM, pairs[:1], "runs")


def test_the_right_law_beats_an_idm_on_the_time_that_was_held_back(make_pair) -> None:
    pairs = [make_pair(OPTIMAL_VELOCITY, DRIVERS["optimal_velocity"], seed=seed) for seed in (1, 2)]
    search = dataclasses.replace(ALONE, generations=40)
    assert compare(pairs, "time", OPTIMAL_VELOCITY, search=search, alone=search).ratio < 0.8


def test_the_law_that_drove_is_chosen(make_pair) -> None:
    pairs = [make_pair(DELAYED, DRIVERS["delayed"], run=run, seed=1) for run in ("a", "b")]
    search = dataclasses.replace(ALONE, generations=20)
    assert choose([(IDM, search), (DELAYED, search)], [pairs]) == (DELAYED, search)
    with pytest.raises(BadSettings, match="at least one"):
        choose([], [pairs])


def test_what_cannot_be_fitted_is_refused(make_pair) -> None:
    pair = make_pair(CONSTANT_TIME_GAP, DRIVERS["constant_time_gap"])
    with pytest.raises(BadSettings, match="one step"):
        fit(IDM, [pair, dataclasses.replace(pair, dt_s=0.2)])
    with pytest.raises(BadSettings, match="no pair at all"):
        fit(IDM, [])
    with pytest.raises(BadSettings, match="no measured step"):
        fit(IDM, [dataclasses.replace(pair, is_measured=np.zeros_like(pair.is_measured))])
    with pytest.raises(BadSettings, match="population"):
        Search(population=2)
    with pytest.raises(BadSettings, match="pull"):
        Search(pull=-1.0)
