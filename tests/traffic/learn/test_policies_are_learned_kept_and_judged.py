"""Learning improves, repeats and resumes; policies survive a file; verdicts tell waves from even traffic."""

import dataclasses
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from proving.traffic.drivers import Ovm
from proving.traffic.errors import BadSettings, NoSuchFile
from proving.traffic.learn.errors import BadPolicy
from proving.traffic.learn.evaluate import Verdict, evaluate
from proving.traffic.learn.law import (
    FOR_MOTORWAYS,
    SHIPPED,
    as_driver,
    shipped_controller,
    shipped_names,
    shipped_policy,
)
from proving.traffic.learn.networks import first_networks, first_statistics, normalised, updated
from proving.traffic.learn.policy import Judged, Policy, card_of, load, policy_of, save
from proving.traffic.learn.ppo import Curve, Learner, Ppo, first_learner, learn
from proving.traffic.sensing import Delayed
from proving.traffic.simulate import scan
from proving.traffic.tasks import LANE_TASKS, TASKS, Task
from proving.traffic.tasks.environment import reset, step
from proving.traffic.tasks.worlds import world_at


@pytest.fixture(scope="session")
def policy(guessing: Task, taught: tuple[Learner, Curve]) -> Policy:
    """What was learned about guessing."""
    return policy_of(taught[0], card_of(guessing, 3, "this test", 20 * 32 * 8))


def same(one: object, two: object) -> bool:
    """Whether two records hold exactly the same numbers."""
    leaves, others = jax.tree.leaves(one), jax.tree.leaves(two)
    return all(np.array_equal(a, b) for a, b in zip(leaves, others, strict=True))


def test_a_trivial_task_is_learned_quickly(taught: tuple[Learner, Curve], policy: Policy) -> None:
    curve = taught[1]
    assert float(curve.reward[0]) < -0.4
    assert float(curve.reward[-1]) > float(curve.reward[0]) + 0.2
    # It has mostly seen what it does: numbers around 0.5.
    acted = np.asarray(policy.act(np.linspace(0.2, 0.8, 9, dtype=np.float32)[None, None]))
    np.testing.assert_allclose(acted, 0.5, atol=0.15)


def test_learning_repeats_and_resumes_exactly(guessing: Task, quick: Ppo, taught: tuple[Learner, Curve]) -> None:
    start = first_learner(guessing, quick, 3)
    again, _ = learn(guessing, quick, start, 20)
    assert same(again.networks, taught[0].networks)
    half, _ = learn(guessing, quick, start, 10)
    rest, curve = learn(guessing, quick, half, 10)
    assert same(rest.networks, taught[0].networks)
    assert int(rest.iteration) == 20
    assert np.array_equal(curve.reward, taught[1].reward[10:])


def test_learning_settings_that_do_not_fit_the_task_are_refused(guessing: Task, quick: Ppo) -> None:
    with pytest.raises(BadSettings, match="rollout must divide"):
        dataclasses.replace(quick, rollout=3).check_for(guessing)
    with pytest.raises(BadSettings, match="minibatch_count must divide"):
        dataclasses.replace(quick, minibatch_count=7).check_for(guessing)
    with pytest.raises(BadSettings, match="rate"):
        Ppo(rate=float("nan"))
    with pytest.raises(BadSettings, match="discount"):
        Ppo(discount=1.0)


def test_statistics_by_parts_are_those_of_the_whole() -> None:
    random = np.random.default_rng(0)
    values = random.normal([[3.0], [-50.0]], [[0.1], [20.0]], (2, 900)).astype(np.float32)
    statistics = first_statistics(2)
    for part in np.split(values, [100, 350], axis=1):
        statistics = updated(statistics, jnp.asarray(part))
    np.testing.assert_allclose(statistics.mean, values.mean(axis=1), rtol=1e-3)
    np.testing.assert_allclose(statistics.variance, values.var(axis=1), rtol=1e-2)
    even = np.asarray(normalised(statistics, jnp.asarray(values)))
    np.testing.assert_allclose(even.mean(axis=1), 0, atol=1e-2)
    np.testing.assert_allclose(even.std(axis=1), 1, atol=1e-2)


def test_a_policy_is_the_same_after_a_file(policy: Policy, tmp_path: Path) -> None:
    behind = Judged(
        law="idm", sensing="worst", density=1.2, seeds="1-2", verdict="harms", measures={"times_people": 0.9}
    )
    card = dataclasses.replace(policy.card, scores={"is_solved": True, "x": 0.1}, judged=(behind,))
    scored = dataclasses.replace(policy, card=card)
    save(scored, tmp_path / "policy.npz")
    back = load(tmp_path / "policy.npz")
    assert back.card == scored.card
    assert same((back.layers, back.statistics), (scored.layers, scored.statistics))
    seen = np.random.default_rng(2).uniform(-1, 1, (1, 1, 50)).astype(np.float32)
    assert np.array_equal(back.act(seen), scored.act(seen))
    assert [path.name for path in tmp_path.iterdir()] == ["policy.npz"]


def test_what_is_no_policy_is_refused_in_one_line(policy: Policy, tmp_path: Path) -> None:
    with pytest.raises(NoSuchFile, match="is not there"):
        load(tmp_path / "nothing.npz")
    save(policy, tmp_path / "whole.npz")
    whole = (tmp_path / "whole.npz").read_bytes()
    np.savez(tmp_path / "other.npz", x=np.zeros(3))
    for name, content in (("text.npz", b"weights"), ("empty.npz", b""), ("cut.npz", whole[: len(whole) // 2])):
        (tmp_path / name).write_bytes(content)
    for name in ("text.npz", "empty.npz", "cut.npz", "other.npz"):
        with pytest.raises(BadPolicy, match="no policy") as raised:
            load(tmp_path / name)
        assert "\n" not in str(raised.value)


def test_a_policy_for_another_task_is_refused(policy: Policy, short_ring: Task) -> None:
    with pytest.raises(BadPolicy, match="guessing"):
        evaluate(short_ring, policy, (90,), (1,))
    with pytest.raises(BadSettings, match="do not fit"):
        evaluate(short_ring, None, (30,), (1,))
    with pytest.raises(BadSettings, match="at least one"):
        evaluate(short_ring, None, (), (1,))


def test_a_verdict_says_solved_only_when_it_is() -> None:
    good = Verdict(
        length_m=250,
        return_per_decision=0.8,
        mean_speed_mps=4.3,
        deviation_mps=0.1,
        worst_deviation_mps=0.12,
        equilibrium_mps=4.36,
        collided_share=0.0,
        solved_share=1.0,
        collided=(False,),
    )
    assert good.is_solved
    for change in (
        {"mean_speed_mps": 4.0},
        {"worst_deviation_mps": 0.3},
        {"collided_share": 0.1},
    ):
        assert not dataclasses.replace(good, **change).is_solved
    assert good.row()["speed_share"] == pytest.approx(4.3 / 4.36)


def test_people_alone_make_waves_and_their_equilibrium_is_the_papers(short_ring: Task) -> None:
    flow = dataclasses.replace(
        short_ring,
        road=dataclasses.replace(short_ring.road, vehicle_count=22, shortest_m=220, longest_m=270),
        horizon=60,
    )
    assert [round(flow.road.equilibrium_mps(length_m), 2) for length_m in (220, 230, 250, 260, 270)] == [
        3.00, 3.45, 4.36, 4.82, 5.27,
    ]  # fmt: skip
    waves = evaluate(dataclasses.replace(flow, warm_up_step_count=4000), None, (260,), (1, 2))[0]
    assert waves.deviation_mps > 1.5
    assert not waves.is_solved
    assert (waves.collided_share, waves.solved_share) == (0, 0)
    assert waves.equilibrium_mps == pytest.approx(flow.road.equilibrium_mps(260), abs=0.01)


def test_people_who_collide_by_themselves_are_told_from_the_policys_collisions(short_ring: Task) -> None:
    """On the way from a standstill, before a policy decides anything."""
    late = Delayed(law=Ovm(noise_intensity=0.1), step_count=6)
    road = dataclasses.replace(short_ring.road, driver=late)
    (alone,) = evaluate(dataclasses.replace(short_ring, road=road, warm_up_step_count=600), None, (150,), (1, 2))
    assert alone.collided == (True, True)


def test_a_policy_drives_in_the_engine_as_it_did_in_its_task(short_ring: Task) -> None:
    task = dataclasses.replace(short_ring, warm_up_step_count=0, horizon=5)
    networks = first_networks(jax.random.key(1), 8, 8, 16, jnp.zeros(1))
    statistics = updated(first_statistics(8), jax.random.uniform(jax.random.key(2), (8, 50)))
    # A large last layer, so that the actions differ from moment to moment.
    layers = (*networks.actor[:-1], (networks.actor[-1][0] * 40, networks.actor[-1][1]))
    policy = Policy(layers, statistics, card_of(task, 1, "this test", 0))
    seed = jnp.array([1, 2], dtype=jnp.uint32)
    episode, seen = reset(task, seed)
    law = as_driver(policy, task)
    world = world_at(task, seed, episode.place, jnp.zeros((1, 2)))._replace(automated=law)
    cars = episode.traffic.cars
    traffic = episode.traffic._replace(cars=cars._replace(memory=(cars.memory[0], law.first_memory(cars.speed_mps))))
    actions = []
    for _ in range(5):
        action = policy.act(seen)
        actions.append(np.asarray(action))
        episode, seen, *_ = step(task, episode, action)
    traffic, _ = scan(world, traffic, None, "ring", 50, is_recorded=False)
    assert np.ptp(np.stack(actions)) > 0.1
    np.testing.assert_allclose(traffic.cars.position_m, episode.traffic.cars.position_m, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(traffic.cars.speed_mps, episode.traffic.cars.speed_mps, atol=1e-3)


@pytest.mark.parametrize("name", [SHIPPED, FOR_MOTORWAYS])
def test_a_shipped_policy_fits_its_task_and_says_where_it_comes_from(name: str) -> None:
    policy = shipped_policy(name)
    assert policy.card.task == name
    assert policy.card.command.startswith("benchmarks/")
    assert policy.card.decision_count > 100_000
    assert as_driver(policy, LANE_TASKS[name]).steps_per_decision == LANE_TASKS[name].steps_per_decision
    assert policy.card.scores


def test_a_policy_that_does_not_ship_is_named() -> None:
    assert {SHIPPED, FOR_MOTORWAYS} <= set(shipped_names())
    with pytest.raises(BadPolicy, match=f"no policy 'parking' .* {FOR_MOTORWAYS}"):
        shipped_policy("parking")
    assert shipped_controller().steps_per_decision == 10


@pytest.mark.slow
def test_the_shipped_policy_drives_the_waves_off_rings_it_never_saw() -> None:
    verdicts = evaluate(TASKS["wave_attenuation_by_set_speed"], shipped_policy(), (225, 245, 265, 280), (11, 12, 13))
    assert all(verdict.is_solved for verdict in verdicts)
