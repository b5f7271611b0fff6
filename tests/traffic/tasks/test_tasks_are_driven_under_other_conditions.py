"""People of another law really drive otherwise, bad sensors change what is seen and nothing of people alone."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from proving.traffic.drivers import Idm, Krauss
from proving.traffic.errors import BadSettings
from proving.traffic.learn.judging import Kind, judge_kinds
from proving.traffic.learn.shipped import shipped_on_network
from proving.traffic.roads import FigureEight, Merge
from proving.traffic.sensing import Sensing
from proving.traffic.tasks import NETWORK_TASKS, NetworkTask
from proving.traffic.tasks.conditions import (
    Condition,
    Conditions,
    at_density,
    behind_laws,
    is_sparse_worse,
    with_sensing,
)
from proving.traffic.tasks.on_networks.as_sensed import as_sensed
from proving.traffic.tasks.on_networks.moment import NetworkMoment, moment_of
from proving.traffic.tasks.on_networks.told import Said
from proving.traffic.tasks.on_networks.traffic import NetworkTraffic
from proving.traffic.trials.on_networks import at_once, by_people, standing

MERGE, EIGHT = NETWORK_TASKS["merge0_by_vehicle"], NETWORK_TASKS["figureeight2_by_vehicle"]


def short_merge() -> NetworkTask:
    """A merge where a third is automated, 30 decisions long, of few vehicles."""
    road = Merge(merge_m=50.0, before_m=50.0, after_m=50.0)
    traffic = NetworkTraffic(
        network=road,
        demand=road.demand(1200.0, 300.0, 0.3),
        main_road=("inflow_highway", "left", "center"),
        dt_s=0.5,
        capacity=24,
        duration_s=40.0,
    )
    return dataclasses.replace(MERGE, name="short_merge", traffic=traffic, horizon=30, warm_up_step_count=10)


def test_laws_and_sensors_are_those_of_each_world() -> None:
    task = with_sensing(behind_laws(short_merge(), ("idm", "krauss")), "worst")
    kinds = (
        Kind(0, is_people=True, flaw_share=0.0),
        Kind(0, is_people=True, flaw_share=1.0),
        Kind(1, is_people=True, flaw_share=0.0),
        Kind(0, is_people=False, flaw_share=0.0),
        Kind(0, is_people=False, flaw_share=1.0),
    )
    people, blind, krauss, clear, noisy = judge_kinds(task, shipped_on_network("merge0_by_vehicle"), [1], kinds)
    assert blind.mean_speed_mps == people.mean_speed_mps, "people need no sensors"
    assert abs(krauss.mean_speed_mps - people.mean_speed_mps) > 0.1
    assert abs(clear.mean_speed_mps - people.mean_speed_mps) > 0.01, "a policy drives otherwise than people"
    assert noisy.mean_speed_mps != clear.mean_speed_mps
    row = standing(task, Condition(law="krauss"), "policy", (krauss, people))
    assert row.times_low == row.times_high == row.times_people > 1
    assert row.verdict.startswith("helps")


def test_what_is_asked_at_once_is_what_each_is_alone() -> None:
    task, policy = short_merge(), shipped_on_network("merge0_by_vehicle")
    under = Conditions(laws=("idm", "krauss"), sensing=("sparse",), densities=(1.2,))
    assert is_sparse_worse(task.traffic.dt_s)
    assert not is_sparse_worse(EIGHT.traffic.dt_s), "a step of 0.1 s has one measurement"
    together = list(at_once(task, policy, under, [1, 2]))
    through = with_sensing(behind_laws(at_density(task, 1.2), under.laws), "sparse")
    kinds = [
        Kind(law, is_people=is_people, flaw_share=1.0 - is_people) for is_people in (True, False) for law in (0, 1)
    ]
    verdicts = judge_kinds(through, policy, [1, 2], kinds)
    for number, (people, driven) in enumerate(together):
        assert (people.who, driven.who, driven.law) == ("people", "policy", under.laws[number])
        assert (driven.sensing, driven.density) == ("sparse", 1.2)
        assert people.mean_speed_mps == verdicts[number].mean_speed_mps
        assert driven.mean_speed_mps == verdicts[2 + number].mean_speed_mps
    assert len({one.mean_speed_mps for both in together for one in both}) == 4
    with pytest.raises(BadSettings, match="through sensing perfect, worst, sparse, not behind"):
        list(at_once(task, policy, Conditions(laws=("idm",), sensing=("drawn",)), [1]))


def test_every_type_comes_once_with_people_at_every_wheel_for_each_law() -> None:
    types = behind_laws(MERGE, ("krauss", "idm")).traffic.demand_by_law.types
    assert [type(kind.driver) for kind in types] == [Krauss, Idm, Krauss, Krauss, Idm, Idm, Idm, Idm]
    assert [kind.is_automated for kind in types] == [False, True, False, False] * 2
    assert MERGE.traffic.demand_by_law == MERGE.traffic.demand


def moment_at(speed_mps: float) -> NetworkMoment:
    """The figure eight at its start, everybody this fast."""
    state = jax.tree.map(jnp.asarray, EIGHT.built.state)
    vehicles = state.vehicles._replace(speed_mps=jnp.full_like(state.vehicles.speed_mps, speed_mps))
    nothing = jnp.full_like(vehicles.speed_mps, jnp.nan)
    slots = jnp.arange(14, dtype=jnp.int32)
    last = (jnp.zeros(14), jnp.zeros(10, dtype=jnp.int32), jnp.int32(0), 1.0)
    return moment_of(EIGHT.built, state._replace(vehicles=vehicles), Said(nothing, nothing, nothing), slots, last)


def test_others_are_seen_late_wrong_and_lost_and_oneself_as_one_is() -> None:
    now, seed = moment_at(10.0), jnp.uint32(3)
    late = as_sensed(now, Sensing(latency_s=0.3, gap_bias_m=1.0, speed_bias_mps=0.2), seed)
    assert np.allclose(late.along_m - now.along_m, 1.0 - 3.0, atol=1e-4), "0.3 s ago it was 3 m behind"
    assert np.allclose(late.speed_mps, 10.2)
    assert np.array_equal(late.own_mps, now.own_mps)
    assert np.array_equal(late.own_along_m, now.own_along_m)
    lost = as_sensed(now, Sensing(dropout_share=0.5), seed)
    steps = np.asarray(now.along_m - lost.along_m) / (10.0 * EIGHT.traffic.dt_s)
    assert np.allclose(steps, np.round(steps), atol=1e-3), "what is lost is held: so many whole steps old"
    assert 0 < steps.mean() < 3
    often = as_sensed(now, Sensing(dropout_share=0.5, rate_hz=40.0), seed)
    aged, ages = np.asarray(now.along_m - often.along_m), np.asarray(now.along_m - lost.along_m)
    assert np.allclose(aged, ages / 4, atol=1e-4), "four measurements a step: each lost one makes it a quarter older"
    noisy = as_sensed(now, Sensing(gap_noise_m=2.0), seed)
    assert 0.5 < float(jnp.std(noisy.along_m - now.along_m)) < 4
    same = as_sensed(now, Sensing(), seed)
    assert np.array_equal(same.along_m, now.along_m)
    seen, mistaken = EIGHT.sight.seen(now), EIGHT.sight.seen(late)
    assert np.array_equal(seen[0], mistaken[0]), "the own speed"
    assert not np.array_equal(seen, mistaken)


def test_denser_is_more_inflow_or_a_shorter_lap() -> None:
    fuller = at_density(MERGE, 1.2)
    rates = [
        (a.veh_per_h, b.veh_per_h) for a, b in zip(fuller.traffic.demand.flows, MERGE.traffic.demand.flows, strict=True)
    ]
    assert all(more == pytest.approx(1.2 * less) for more, less in rates)
    assert fuller.traffic.capacity >= 1.2 * MERGE.traffic.capacity
    tighter = at_density(EIGHT, 1.2)
    assert isinstance(tighter.traffic.network, FigureEight)
    assert tighter.built.length_m == pytest.approx(EIGHT.built.length_m / 1.2, rel=0.02)
    assert tighter.built.is_automated.sum() == 14
    assert at_density(MERGE, 1.0) == MERGE


def test_a_search_drives_behind_all_laws_and_takes_the_rest_in_turn() -> None:
    under = Conditions(laws=("idm", "gipps"), sensing=("perfect", "drawn"), densities=(1.0, 0.8, 1.2))
    tasks = under.in_turn(MERGE)
    assert [len(task.traffic.laws) for task in tasks] == [2, 2, 2]
    assert [task.is_sensing_drawn for task in tasks] == [False, True, False]
    assert [task.traffic.demand.flows[0].veh_per_h for task in tasks] == pytest.approx([1800.0, 1440.0, 2160.0])
    assert Conditions().in_turn(MERGE) == (MERGE,)


def test_people_have_no_sensors_and_what_cannot_be_is_named() -> None:
    assert by_people(with_sensing(MERGE, "worst")) == by_people(MERGE)
    with pytest.raises(BadSettings, match="sensing must be one of perfect, drawn, worst, sparse, not 'foggy'"):
        Condition(sensing="foggy").of(MERGE)
    with pytest.raises(BadSettings, match=r"density must be 0\.2 to 2\.0 times the task's, not 0"):
        Condition(density=0).of(MERGE)
    with pytest.raises(BadSettings, match="law must be one of"):
        Condition(law="newton").of(MERGE)
