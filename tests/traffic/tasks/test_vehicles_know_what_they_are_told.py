"""Rings, messages and sensors of chance: each agent earns its own, hears who is near, sees what its sensors give."""

import dataclasses
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from pettingzoo.test import parallel_api_test

from proving.traffic.errors import BadSettings
from proving.traffic.roads import MultiRing
from proving.traffic.routing import RandomTurns
from proving.traffic.sensing import Sensing
from proving.traffic.tasks import NETWORK_TASKS, Company, NetworkTask, communicating
from proving.traffic.tasks.environment import reset, step
from proving.traffic.tasks.messages import Messages, first_mail
from proving.traffic.tasks.on_networks.actors import AutomatedVehicles, RoadCells
from proving.traffic.tasks.on_networks.environment import NetworkEpisode, moment
from proving.traffic.tasks.on_networks.hearing import DISTANCE_SCALE_M, NAMES, SPEED_SCALE_MPS, posted, sent
from proving.traffic.tasks.on_networks.moment import NetworkMoment
from proving.traffic.tasks.on_networks.told import Said
from proving.traffic.tasks.parallel import TaskParallelEnv

RING_M, LAG_S, BIAS_M = 60.0, 0.3, 2.0
HEARD = Messages(range_m=25.0, delay_decisions=1)


@pytest.fixture(scope="module")
def two_rings() -> NetworkTask:
    """FLOW's task of several rings with two of them, two of four vehicles automated; compiled once."""
    roads, task = MultiRing(ring_count=2, length_m=RING_M), NETWORK_TASKS["multi_wave_attenuation_po"]
    small = dataclasses.replace(
        task,
        name="two_rings",
        # On a ring there is one turn to draw.
        traffic=dataclasses.replace(
            task.traffic, network=roads, demand=roads.demand(4, 2), capacity=8, router=RandomTurns()
        ),
        actors=AutomatedVehicles(slot_count=4),
        sensing=Sensing(gap_bias_m=BIAS_M, actuation_lag_s=LAG_S),
        is_sensing_drawn=True,
        horizon=30,
        warm_up_step_count=10,
    )
    return communicating(small, "messages", HEARD)


def first(task: NetworkTask, seed: int) -> NetworkEpisode:
    episode, _ = reset(task, jnp.array([seed], dtype=jnp.uint32))
    assert isinstance(episode, NetworkEpisode)
    return episode


def one_world(task: NetworkTask, episode: NetworkEpisode) -> NetworkMoment:
    return moment(task, jax.tree.map(lambda values: values[..., 0], episode))


def test_pettingzoo_finds_nothing_to_complain_about_and_each_earns_its_own(two_rings: NetworkTask) -> None:
    environment = TaskParallelEnv(two_rings)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        parallel_api_test(environment, num_cycles=40)
    environment.reset(seed=1)
    assert {name[:6] for name in environment.agents} == {"ring_0", "ring_1"}
    push = {name: np.full(1, 1.0 if name.startswith("ring_0") else -1.0, np.float32) for name in environment.agents}
    for _ in range(20):
        _, rewards, *_ = environment.step(push)
    own = {name[:6]: reward for name, reward in rewards.items()}
    assert own["ring_0"] > own["ring_1"] + 0.05, "on the ring whose vehicles brake everybody is slower"
    assert len(set(rewards.values())) == 2, "on one ring all earn the same"
    assert len(environment.agents) == 4, "whoever draws a turn at every quarter stays on its ring"


def test_every_world_has_its_own_sensors_and_keeps_them(two_rings: NetworkTask) -> None:
    biases_m = []
    for seed in (1, 2, 1):
        episode, gap_m = first(two_rings, seed), None
        for _ in range(3):
            gap_m = true_gaps_m(one_world(two_rings, episode))
            # Learners go on with other random numbers.
            episode = episode._replace(seed=episode.seed + 7)
            episode = step(two_rings, episode, jnp.zeros((4, 1))).episode
        now = one_world(two_rings, episode)
        error_m = np.asarray(now.of_agents(now.said.gap_m)) - gap_m
        assert np.ptp(error_m) < 1e-3, "one flaw for all of a world"
        biases_m.append(float(error_m[0]))
    assert biases_m[0] == biases_m[2] != biases_m[1]
    assert all(0.01 < abs(bias_m) <= BIAS_M for bias_m in biases_m)


def true_gaps_m(now: NetworkMoment) -> np.ndarray:
    """The way from each agent to the next vehicle on its ring; places count along each ring's own lap."""
    quarters = {"bottom": 0, "right": 1, "top": 2, "left": 3}
    edges = [(edge.name, 0.0) for edge in now.built.road_map.edges]
    edges += [(way.from_edge, RING_M / 4 - 0.1) for way in now.built.road_map.connections]
    lanes, trips = np.asarray(now.traffic.vehicles.lane), np.asarray(now.traffic.vehicles.trip)
    at = {}
    for lane, position_m, trip in zip(lanes, np.asarray(now.traffic.vehicles.position_m), trips, strict=True):
        name, more_m = edges[lane]
        quarter, ring = name.split("_")
        at[trip] = (ring, quarters[quarter] * RING_M / 4 + more_m + position_m)
    gaps = []
    for place in np.asarray(now.agent_place):
        ring, mine_m = at[trips[place]]
        gaps.append(min((m - mine_m) % RING_M for r, m in at.values() if r == ring and m != mine_m) - 5.0)
    return np.array(gaps)


def test_what_is_heard_is_what_was_said_a_decision_ago_within_range(two_rings: NetworkTask) -> None:
    episode = first(two_rings, 4)
    for _ in range(4):
        before, episode = episode, step(two_rings, episode, jnp.full((4, 1), 0.3)).episode
    said = np.asarray(sent(HEARD, one_world(two_rings, before)))
    heard = np.asarray(one_world(two_rings, episode).heard)
    assert np.array_equal(heard, said)
    row = {name: heard[i] for i, name in enumerate(NAMES)}
    on_first = np.array([two_rings.built.names[int(trip)].startswith("ring_0") for trip in episode.slots[:, 0]])
    assert (row["ahead_is_heard"] + row["behind_is_heard"])[on_first].sum() == 2, "one is ahead and one behind"
    assert not row["ahead_is_heard"][~on_first].any(), "places are measured along the first ring only"
    assert row["ahead_distance"].max() * DISTANCE_SCALE_M <= HEARD.range_m
    assert row["ahead_speed"].max() * SPEED_SCALE_MPS <= 30.0


def test_who_is_new_in_a_slot_has_heard_nothing(two_rings: NetworkTask) -> None:
    now = one_world(two_rings, first(two_rings, 4))
    mail = jax.tree.map(lambda part: part[..., 0] + 2.0, first_mail(HEARD, 4, 1))
    is_same = jnp.array([True, False, True, True])
    heard = np.asarray(posted(HEARD, mail, now, is_same, (jnp.uint32(1), jnp.int32(2))).heard)
    assert not heard[:, 1].any()
    assert (heard[:, [0, 2, 3]] == 2).all()
    lossy = dataclasses.replace(HEARD, loss_share=0.5, delay_decisions=0)
    shares = []
    for decision in range(60):
        got = posted(lossy, mail._replace(under_way=()), now, is_same, (jnp.uint32(1), jnp.int32(decision))).heard
        shares.append(float(got[0, 0] == 2))
    assert 0.3 < np.mean(shares) < 0.7, "what is lost leaves the last message standing"


def test_who_has_left_the_road_is_not_heard_for_long(two_rings: NetworkTask) -> None:
    now, mail = one_world(two_rings, first(two_rings, 4)), first_mail(HEARD, 4, 1)
    mail, is_same = jax.tree.map(lambda part: part[..., 0], mail), jnp.ones(4, dtype=bool)
    tenth = dataclasses.replace(HEARD, loss_share=0.1)
    for decision in range(8):
        mail = posted(tenth, mail, now, is_same, (jnp.uint32(1), jnp.int32(decision)))
    assert mail.heard.any()
    # Who is heard goes; who heard it stays.
    speaker = int(jnp.argmax(mail.heard[NAMES.index("behind_is_heard")]))
    gone = now._replace(is_present=now.is_present & (jnp.arange(4) == speaker))
    heard = []
    for decision in range(8, 14):
        mail = posted(tenth, mail, gone, is_same, (jnp.uint32(1), jnp.int32(decision)))
        heard.append(bool(mail.heard.any()))
    assert heard[0], "what was under way arrives"
    assert not any(heard[1 + tenth.held_decisions :])


def test_a_task_can_be_had_in_three_ways() -> None:
    task = NETWORK_TASKS["multiagent_merge"]
    assert communicating(task, "own_sensors") is task
    central = communicating(task, "central")
    assert central == communicating(task, "central"), "a task is a value"
    assert (central.agent_count, len(central.sight.names)) == (1, 5 * len(task.sight.names))
    assert len(communicating(task, "messages").sight.names) == len(task.sight.names) + len(NAMES)
    for name in ("multiagent_merge_connected", "multiagent_merge_centralised", "multiagent_merge_any_sensors"):
        assert NETWORK_TASKS[name].traffic == task.traffic
    with pytest.raises(BadSettings, match="no agents that are vehicles"):
        communicating(NETWORK_TASKS["merge0"], "messages")
    with pytest.raises(BadSettings, match="nobody hears messages"):
        communicating(task, "central", Messages())
    with pytest.raises(BadSettings, match="no vehicles that decide"):
        dataclasses.replace(NETWORK_TASKS["grid0"], company=Company(messages=Messages()))


def test_the_speed_of_a_cell_holds_inside_it_and_a_change_stays() -> None:
    task = NETWORK_TASKS["bottleneck0_by_cell"]
    built, vehicles = task.built, task.built.state.vehicles
    # One vehicle on edge 2, whose cells decide, one behind them on edge 4; each edge before has four lanes.
    lane = np.full_like(vehicles.lane, built.edge.shape[0] - 1)
    lane[:2] = 4, 12
    traffic = built.state._replace(vehicles=vehicles._replace(lane=lane))
    wish = jnp.full(lane.shape, 2.0)
    slots, ten = jnp.zeros(0, dtype=jnp.int32), jnp.full(task.action_count, np.log(10.0))
    assert isinstance(task.actors, RoadCells)
    for actors, behind_mps in ((task.actors, np.nan), (dataclasses.replace(task.actors, is_change=True), 2.0)):
        orders = actors.orders(built, traffic, Said(wish, wish, wish), slots, ten)
        assert np.asarray(orders.wish)[1] == pytest.approx(behind_mps, nan_ok=True)
    orders = task.actors.orders(built, traffic, Said(wish, wish, wish), slots, ten)
    assert float(orders.wish[0]) == pytest.approx(10.0)
    # On edge 2 nobody is held.
    orders = task.actors.orders(built, traffic, Said(wish, wish, wish), slots, jnp.zeros_like(ten))
    assert float(orders.wish[0]) == pytest.approx(8.0)
    with pytest.raises(BadSettings, match="slowest_mps must be one for each of 2 edges"):
        dataclasses.replace(task.actors, slowest_mps=(1.0,))
    with pytest.raises(BadSettings, match="slowest_mps must be above 0 and at most 23"):
        dataclasses.replace(task.actors, slowest_mps=(0.0, 8.0))
