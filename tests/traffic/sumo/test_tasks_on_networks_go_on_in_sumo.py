"""A task on a network in SUMO: what is decided is carried out there, and what is there is what the task sees."""

import dataclasses
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from proving.cli import run
from proving.traffic.drivers import Gipps
from proving.traffic.errors import BadNetwork, BadSettings, Overflow
from proving.traffic.sensing import Sensing
from proving.traffic.sumo.session import Orders, Scene, started
from proving.traffic.tasks import NETWORK_TASKS
from proving.traffic.trials.in_sumo import has_others, judge_in_sumo, judge_kinds_in_sumo
from proving.traffic.trials.on_networks import by_people, compared_on_network

EIGHT = dataclasses.replace(NETWORK_TASKS["figureeight1_by_vehicle"], horizon=25)
MERGE = dataclasses.replace(NETWORK_TASKS["merge0_by_vehicle"], horizon=20)
GRID = dataclasses.replace(NETWORK_TASKS["grid0_by_signal"], horizon=75)


@dataclass(frozen=True)
class Always:
    """Says the same number for ever."""

    value: float

    def first_memory(self) -> tuple[()]:
        return ()

    def decided(self, now: Any, memory: Any) -> tuple[Any, Any]:
        # Who sees a vehicle on an edge that its plan does not begin with sees nonsense from then on.
        vehicles, world = now.traffic.vehicles, now.built.world
        inside = now.built.edge[-1]
        edge = jnp.asarray(now.built.edge)[vehicles.lane]
        first = jnp.asarray(world.network.lanes.first_of_edge)
        is_off = now.is_there & (edge < inside) & (first[vehicles.lane] != first[_first_lane(world, vehicles.node)])
        return jnp.where(is_off.any(), jnp.nan, self.value) + jnp.zeros_like(now.action), memory


def _first_lane(world: Any, node: Any) -> Any:
    return jax.tree.map(jnp.asarray, world.network.plans).first_lane(node)


def test_nobody_who_was_told_a_speed_is_faster_than_that() -> None:
    slow, fast = (judge_in_sumo(EIGHT, Always(mps), [1]) for mps in (5.0, 20.0))
    assert slow.collided_share == fast.collided_share == 0
    assert 1 < slow.mean_speed_mps <= 5.0
    assert fast.mean_speed_mps > slow.mean_speed_mps + 0.2


def test_who_has_red_for_ever_stands() -> None:
    stays, people = judge_in_sumo(GRID, Always(-1.0), [1]), judge_in_sumo(by_people(GRID), None, [1])
    assert people.arrived_count > stays.arrived_count > 0, "who has green drives on"
    assert stays.mean_speed_mps < people.mean_speed_mps


def test_people_come_first_and_both_are_judged_in_sumo() -> None:
    people = judge_in_sumo(by_people(EIGHT), None, [1])
    (row,) = compared_on_network(EIGHT, None, seeds=[1], judged=judge_kinds_in_sumo)
    assert (row.who, row.score, row.times_people) == ("people", people.mean_speed_mps, 1.0)


def test_the_bottleneck_is_driven_without_its_meters_and_by_a_law_that_sumo_has() -> None:
    cells = dataclasses.replace(NETWORK_TASKS["bottleneck0_by_cell"], horizon=8)
    assert isinstance(cells.law, Gipps)
    assert not has_others(cells)
    assert has_others(EIGHT)
    assert judge_in_sumo(cells, None, [1]).mean_speed_mps > 5
    rows = list(compared_on_network(cells, None, seeds=[1], judged=judge_kinds_in_sumo, others=has_others(cells)))
    assert [row.who for row in rows] == ["people"]


def test_a_vehicle_that_was_told_an_acceleration_has_it() -> None:
    task = dataclasses.replace(NETWORK_TASKS["figureeight0"], horizon=20)
    people, pushed = judge_in_sumo(task, None, [0]), judge_in_sumo(task, Always(3.0), [0])
    held = judge_in_sumo(task, Always(-3.0), [0])
    # Two seconds from standing: all but one by their law.
    assert pushed.mean_speed_mps > people.mean_speed_mps > held.mean_speed_mps > 0
    most_mps = np.mean([3.0 * 0.1 * step for step in range(1, 21)])
    assert 0.9 < (pushed.mean_speed_mps - held.mean_speed_mps) * 14 / most_mps < 1.05


def test_what_is_not_to_be_had_is_refused() -> None:
    with pytest.raises(BadSettings, match=r"figureeight1_by_vehicle.*sensors with flaws"):
        judge_in_sumo(dataclasses.replace(EIGHT, sensing=Sensing(gap_noise_m=1.0)), None, [0])
    with pytest.raises(BadSettings, match="at least one seed"):
        judge_in_sumo(EIGHT, None, [])
    full = dataclasses.replace(MERGE, traffic=dataclasses.replace(MERGE.traffic, capacity=1))
    with pytest.raises(Overflow, match=r"merge0_by_vehicle.*holds 1 vehicles"):
        judge_in_sumo(full, None, [0])


def test_what_sumo_says_when_it_gives_up_is_told() -> None:
    scene = Scene(
        options=("-n", "nowhere.net.xml"),
        lanes=[],
        ways=[],
        stays=[],
        told=[],
        manner="accel",
        fastest_mps2=1,
        braking_mps2=1,
    )
    with pytest.raises(BadNetwork, match=r"SUMO gave up: .*nowhere\.net\.xml"), started(scene) as (sumo, _):
        sumo.stepped(Orders())


def test_a_task_on_a_lane_is_pointed_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["traffic", "benchmark", "wave_attenuation", "--in-sumo"]) == 2
    assert "simulate ring --in-sumo" in capsys.readouterr().err
