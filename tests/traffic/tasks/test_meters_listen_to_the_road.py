"""A ramp meter measures how much of the time a detector is covered, and lets in what that asks for."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from proving.traffic.drivers import Krauss
from proving.traffic.errors import BadSettings
from proving.traffic.learn.judging import judge_on_network
from proving.traffic.ramp_metering import Alinea
from proving.traffic.roads import Bottleneck
from proving.traffic.tasks import NETWORK_TASKS
from proving.traffic.tasks.conditions import with_law
from proving.traffic.tasks.on_networks.metering import Metered, Metering, occupancy_share, under_meters
from proving.traffic.tasks.on_networks.moment import NetworkMoment, moment_of
from proving.traffic.tasks.on_networks.told import Said
from proving.traffic.trials.on_networks import sides_of

TASK = under_meters(NETWORK_TASKS["bottleneck0_by_cell"])
STEP_S = TASK.traffic.dt_s
NOBODY = jnp.zeros(0, dtype=jnp.int32)


def at(positions_m: list[float], speed_mps: float) -> NetworkMoment:
    """Vehicles on the right lane of edge 4."""
    built = TASK.built
    lane = sum(len(edge.lanes) for edge in built.road_map.edges[: built.road_map.edge_index["4"]])
    vehicles, count = built.state.vehicles, len(positions_m)
    where = vehicles.position_m.copy(), vehicles.speed_mps.copy(), vehicles.lane.copy()
    where[0][:count], where[1][:count], where[2][:count] = positions_m, speed_mps, lane
    vehicles = vehicles._replace(**dict(zip(("position_m", "speed_mps", "lane"), map(jnp.asarray, where), strict=True)))
    nothing = jnp.full_like(vehicles.speed_mps, jnp.nan)
    last = (jnp.zeros(TASK.action_count), jnp.zeros(10, dtype=jnp.int32), jnp.int32(0), STEP_S)
    traffic = jax.tree.map(jnp.asarray, built.state)._replace(vehicles=jax.tree.map(jnp.asarray, vehicles))
    return moment_of(built, traffic, Said(nothing, nothing, nothing), NOBODY, last)


@pytest.mark.parametrize("speed_mps", [2.0, 9.0, 23.0])
def test_who_passes_covers_the_detector_for_its_length_over_its_speed(speed_mps: float) -> None:
    times = range(int(40 / speed_mps / STEP_S) + 1)
    shares = [occupancy_share(at([185.0 + speed_mps * STEP_S * i], speed_mps), "4", 200.0) for i in times]
    assert float(sum(shares)) * STEP_S * 2 == pytest.approx(5.0 / speed_mps, rel=1e-3), "mean over two lanes"


def test_who_stands_on_it_covers_it_and_who_stands_beside_it_does_not() -> None:
    assert float(occupancy_share(at([202.0], 0.0), "4", 200.0)) == pytest.approx(0.5)
    assert float(occupancy_share(at([199.0, 206.0], 0.0), "4", 200.0)) == 0.0


def ruled(metering: Metering, now: NetworkMoment, step_count: int) -> tuple[np.ndarray, np.ndarray]:
    """Which meters were green, and the rate, step by step, while the road stays as it is."""

    def one(carry: tuple[jax.Array, Metered], _: None) -> tuple[tuple[jax.Array, Metered], tuple[jax.Array, jax.Array]]:
        phase, memory = carry
        lights = now.traffic.lights._replace(phase=phase)
        there = now._replace(traffic=now.traffic._replace(lights=lights))
        action, memory = metering.decided(there, memory)
        phase = jnp.where(jnp.append(action, -1.0) > 0, 1 - phase, phase)
        return (phase, memory), (phase[:-1] == 0, memory.rate_veh_per_h)

    _, (green, rate) = jax.lax.scan(one, (now.traffic.lights.phase, metering.first_memory()), None, length=step_count)
    return np.asarray(green), np.asarray(rate)


def test_alinea_closes_where_the_detector_is_full_and_opens_where_it_is_empty() -> None:
    law = Alinea(target_share=0.15, least_veh_per_h=400.0, most_veh_per_h=2400.0)
    for now, end in ((at([202.0], 0.0), 400.0), (at([], 0.0), 2400.0)):
        _, rate = ruled(Metering(law=law), now, round(3600 / STEP_S))
        changes = np.flatnonzero(np.diff(rate)) * STEP_S
        assert rate[-1] == end
        assert (np.abs(np.diff(changes) % law.interval_s) < 1e-3).all(), "the rate changes between intervals only"
    _, rate = ruled(Metering(law=None), at([10.0 * i for i in range(1, 21)], 0.0), round(120 / STEP_S))
    assert rate[0] == 1200.0
    assert rate[-1] == 1100.0, "FLOW's least is 275 per lane; 20 vehicles are 12 too many"


def test_as_many_are_let_in_as_the_rate_says() -> None:
    law = Alinea(least_veh_per_h=1199.0, most_veh_per_h=1200.0)
    green, _ = ruled(Metering(law=law, first_veh_per_h=1200.0), at([], 0.0), round(3600 / STEP_S))
    starts = (green[1:] & ~green[:-1]).sum(axis=0)
    assert green.shape[1] == 4
    assert np.abs(starts * 2 * 4 - 1200).max() <= 10, "two vehicles for each green of 4 s, on four lanes"
    assert green.mean() == pytest.approx(4.0 / 24.0, abs=0.02)


def test_beside_people_and_a_policy_stand_meters_and_signals_of_their_own() -> None:
    task = NETWORK_TASKS["bottleneck0_by_cell"]
    assert list(sides_of(task)) == ["people", "ramp meter", "alinea", "flow's alinea"]
    assert list(sides_of(NETWORK_TASKS["grid0_by_signal"])) == ["people", "fixed signals"]
    assert list(sides_of(NETWORK_TASKS["merge0_by_vehicle"])) == ["people"]
    for side in sides_of(task).values():
        assert not side.task.built.is_automated.any(), "what stands beside a policy are people"
    of_krauss = with_law(task, "krauss").traffic.demand_by_law.types
    assert {type(kind.driver) for kind in of_krauss if not kind.is_automated} == {Krauss}


def test_a_meter_rules_whole_episodes() -> None:
    demand = Bottleneck().demand(3000.0)
    short = dataclasses.replace(
        TASK, traffic=dataclasses.replace(TASK.traffic, demand=demand, capacity=160), horizon=280
    )
    closed = Metering(law=Alinea(least_veh_per_h=0.1, most_veh_per_h=1.0), first_veh_per_h=1.0)
    verdict = judge_on_network(short, closed, (1,))
    assert 0 < verdict.arrived_count <= 12, "of a hundred only those pass who found the first green"


def test_what_has_no_meters_is_named() -> None:
    with pytest.raises(BadSettings, match="drives on no bottleneck"):
        under_meters(NETWORK_TASKS["grid0"])
    with pytest.raises(BadSettings, match="must be above 0"):
        Metering(detector_m=0.0)
