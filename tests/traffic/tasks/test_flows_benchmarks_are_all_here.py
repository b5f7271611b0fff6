"""FLOW's eleven benchmarks and its multi-agent tasks: names, sizes, demand and rewards as FLOW has them."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from proving.traffic.drivers import Idm
from proving.traffic.errors import BadSettings
from proving.traffic.tasks import NETWORK_TASKS, NetworkTask
from proving.traffic.tasks.environment import observe
from proving.traffic.tasks.on_networks.actors import AutomatedVehicles, slots_after
from proving.traffic.tasks.on_networks.environment import NetworkEpisode
from proving.traffic.tasks.on_networks.grid_by_neighbours import edges_of, neighbours_of
from proving.traffic.tasks.on_networks.traffic import built

# Sizes of observation and action, decisions per episode (facts of FLOW's code).
BENCHMARKS = {
    "figureeight0": (28, 1, 1500),
    "figureeight1": (28, 7, 1500),
    "figureeight2": (28, 14, 1500),
    "merge0": (25, 5, 750),
    "merge1": (65, 13, 750),
    "merge2": (85, 17, 750),
    "bottleneck0": (141, 20, 1500),
    "bottleneck1": (141, 20, 1500),
    "bottleneck2": (281, 40, 1500),
    "grid0": (339, 9, 400),
    "grid1": (915, 25, 400),
}


def first_episode(task: NetworkTask) -> NetworkEpisode:
    """One world before its first step."""
    state = jax.tree.map(lambda values: jnp.asarray(values)[..., None], task.built.state)
    return NetworkEpisode(
        traffic=state,
        seed=jnp.zeros(1, dtype=jnp.uint32),
        decision=jnp.zeros(1, dtype=jnp.int32),
        action=jnp.zeros((task.action_count, 1)),
        slots=jnp.full((task.actors.slot_count, 1), -1, dtype=jnp.int32),
        recent=jnp.zeros((10, 1), dtype=jnp.int32),
    )


@pytest.mark.parametrize("name", BENCHMARKS)
def test_a_benchmark_has_flows_sizes(name: str) -> None:
    task = NETWORK_TASKS[name]
    features, actions, horizon = BENCHMARKS[name]
    seen = jax.eval_shape(lambda episode: observe(task, episode), first_episode(task))
    assert seen.shape == (features, 1, 1)
    assert (len(task.sight.names), task.action_count, task.agent_count, task.horizon) == (features, actions, 1, horizon)


@pytest.mark.parametrize(
    "name",
    [
        *("multiagent_figure_eight", "multiagent_highway", "figureeight1_by_vehicle", "traffic_light_grid"),
        *("merge0_by_vehicle", "bottleneck0_by_cell", "grid0_by_signal", "multiagent_grid0", "i210_multi_every_lane"),
    ],
)
def test_other_tasks_show_what_they_name(name: str) -> None:
    task = NETWORK_TASKS[name]
    seen = jax.eval_shape(lambda episode: observe(task, episode), first_episode(task))
    assert seen.shape == (len(task.sight.names), task.agent_count, 1)


def test_the_humans_of_a_benchmark_are_flows() -> None:
    per_hour = {
        name: {flow.name: flow.veh_per_h for flow in NETWORK_TASKS[name].traffic.demand.flows}
        for name in ("merge0", "bottleneck1", "grid1")
    }
    assert per_hour["merge0"] == pytest.approx({"highway_human": 1800, "highway_automated": 200, "ramp_human": 100})
    assert per_hour["bottleneck1"] == pytest.approx({"inflow_human": 1875, "inflow_automated": 625})
    assert len(per_hour["grid1"]) == 20
    assert set(per_hour["grid1"].values()) == {300}
    assert not any(kind.changes_lanes for kind in NETWORK_TASKS["bottleneck0"].traffic.demand.types)
    traffic = NETWORK_TASKS["bottleneck1"].traffic
    assert all(kind.changes_lanes != kind.is_automated for kind in traffic.demand.types)
    assert all(kind.changes_lanes for kind in traffic.of_people.demand.types)
    by_law = dataclasses.replace(traffic, laws=(Idm(),)).demand_by_law
    assert [kind.changes_lanes for kind in by_law.types] == [True, False, True, True]


def test_the_i210_has_as_many_people_as_the_automated_leave() -> None:
    """FLOW's example multiplies the inflow of people by the share of the automated."""
    flows = {flow.name: flow.veh_per_h for flow in NETWORK_TASKS["i210_multi"].traffic.demand.flows}
    for lane in range(5):
        assert flows[f"lane_{lane}_human"] == pytest.approx(0.9 * 2050)
        assert flows[f"lane_{lane}_automated"] == pytest.approx(0.1 * 2050)


def test_slots_are_filled_by_who_came_first_and_kept_until_one_leaves() -> None:
    built = NETWORK_TASKS["merge0"].built
    mine = np.flatnonzero(built.is_automated)[:6]
    person = int(np.flatnonzero(~built.is_automated)[0])
    nobody = len(built.is_automated) - 1

    def slots(old: list[int], there: list[int], keeps: bool) -> list[int]:
        vehicles = built.state.vehicles._replace(trip=jnp.asarray([*there, person, nobody], dtype=jnp.int32))
        return slots_after(built, jnp.asarray(old), vehicles, keeps=keeps).tolist()

    a, b, c, d = (int(trip) for trip in mine[:4])
    assert slots([-1, -1, -1], [b, a], keeps=True) == [a, b, -1]
    assert slots([a, b, c], [c, b, d], keeps=True) == [d, b, c]
    assert slots([a, b, c], [c, b, d], keeps=False) == [b, c, d]


def test_settings_that_make_no_sense_are_named() -> None:
    task = NETWORK_TASKS["merge0"]
    with pytest.raises(BadSettings, match="lasts 1500"):
        dataclasses.replace(task, horizon=1500)
    with pytest.raises(BadSettings, match="slot_count"):
        AutomatedVehicles(slot_count=0)
    with pytest.raises(BadSettings, match=r"no connection joins edge 'left' to 'bottom'"):
        built(dataclasses.replace(task.traffic, main_road=("left", "bottom")), None)


def test_signals_know_their_neighbours_and_their_edges() -> None:
    road_map = NETWORK_TASKS["multiagent_grid0"].built.road_map
    assert [signal.name for signal in road_map.signals] == [f"center{i}" for i in range(9)]
    around = neighbours_of(road_map)
    assert around[4].tolist() == [4, 7, 1, 3, 5], "itself, above, below, left, right"
    assert around[0].tolist() == [0, 3, 9, 9, 1], "9: there is none"
    edges = [{road_map.edges[edge].name for edge in row} for row in edges_of(road_map)]
    assert edges[4] == {"bot1_1", "top1_2", "right1_1", "left2_1"}
    assert len(NETWORK_TASKS["multiagent_grid0"].sight.names) == 3 * 4 * 2 + 2 * 4 + 2 * 5
    assert len(NETWORK_TASKS["i210_multi_every_lane"].sight.names) == 38


def test_everybody_on_the_grid_is_seen() -> None:
    task = NETWORK_TASKS["traffic_light_grid"]
    episode, road_map = first_episode(task), task.built.road_map
    vehicles = episode.traffic.vehicles
    lane, edge = 7, road_map.edges[int(task.built.edge[7])]
    there = vehicles._replace(
        lane=vehicles.lane.at[0, 0].set(lane),
        position_m=vehicles.position_m.at[0, 0].set(edge.length_m - 60),
        speed_mps=vehicles.speed_mps.at[0, 0].set(7.0),
    )
    seen = observe(task, episode._replace(traffic=episode.traffic._replace(vehicles=there)))[:, 0, 0]
    told = dict(zip(task.sight.names, np.asarray(seen).tolist(), strict=True))
    assert told["speed_0"] == pytest.approx(7 / 35)
    assert told["distance_0"] == pytest.approx(60 / 300)
    assert told["edge_0"] == pytest.approx(road_map.edge_index[edge.name] / len(road_map.edges))
    assert (told["speed_1"], told["distance_1"], told["edge_1"]) == (0, 1, 0), "nobody else is there"
