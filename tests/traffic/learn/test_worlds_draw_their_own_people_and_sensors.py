"""Domain randomisation: every world keeps its own people and sensors, whatever else is in the batch."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array

from proving.traffic.drivers import Idm
from proving.traffic.energy import ENERGY
from proving.traffic.errors import BadSettings
from proving.traffic.tasks import TASKS
from proving.traffic.tasks.environment import handed_to_people, moment, observe, reset, step
from proving.traffic.tasks.messages import Messages, delivered, first_mail
from proving.traffic.tasks.people import People, equilibrium_mps
from proving.traffic.tasks.rewards import (
    average_velocity,
    desired_velocity,
    miles_per_gallon,
    miles_per_megajoule,
    penalize_standstill,
)
from proving.traffic.tasks.task import Moment

SEEDS = jnp.arange(300, dtype=jnp.uint32)
ANYBODY = TASKS["wave_attenuation_for_anybody"]


def test_laws_and_reaction_times_come_as_often_as_asked_for() -> None:
    late = People().drawn(SEEDS)
    shares = [float(jnp.mean(late.law.law == law)) for law in range(3)]
    np.testing.assert_allclose(shares, [0.6, 0.2, 0.2], atol=0.08)
    assert float(jnp.mean(late.late_steps > 0)) == pytest.approx(0.3, abs=0.08)
    longest = [int(jnp.max(jnp.where(late.law.law == law, late.late_steps, 0))) for law in range(3)]
    assert longest == [6, 1, 1]
    assert np.ptp(np.asarray(late.law.idm.headway_s)) > 0.7


def test_a_world_draws_the_same_alone_and_in_a_batch() -> None:
    both, alone = People().drawn(SEEDS[:2]), People().drawn(SEEDS[1:2])
    assert float(both.law.idm.headway_s[1]) == float(alone.law.idm.headway_s[0])
    assert int(both.late_steps[1]) == int(alone.late_steps[0])


def test_the_equilibrium_by_bisection_is_the_laws_own() -> None:
    law = Idm()
    gaps_m = jnp.array([law.equilibrium_gap_m(speed) for speed in (2.0, 5.0, 12.0)])
    np.testing.assert_allclose(equilibrium_mps(law, gaps_m, 30.0), [2.0, 5.0, 12.0], atol=1e-3)


def test_people_alone_do_not_collide_however_late_they_were_drawn() -> None:
    late = People().drawn(SEEDS)
    # Who is late, of those laws that bear little of it first.
    seeds = SEEDS[np.lexsort((late.law.law == 0, late.late_steps == 0))[:64]]
    task = dataclasses.replace(ANYBODY, warm_up_step_count=0)
    episode, _ = reset(task, seeds)
    episode, nobody_acts = handed_to_people(episode), jnp.zeros((1, len(seeds)))
    for _ in range(120):
        outcome = step(task, episode, nobody_acts)
        assert not outcome.terminated.any()
        episode = outcome.episode
    assert_seen_through_drawn_sensors(moment(task, episode), observe(task, episode))


def assert_seen_through_drawn_sensors(now: Moment, seen: Array) -> None:
    """What is seen is finite, one's own speed is right, and the gap is not the one that is there."""
    assert bool(jnp.isfinite(seen).all())
    np.testing.assert_allclose(seen[0, 0], now.speed_mps[0] / 10, rtol=1e-5)
    assert float(jnp.abs(seen[2, 0] * 50 - now.gap_m[0]).max()) > 0.05


def test_messages_are_held_when_lost_late_when_delayed_and_silent_out_of_range() -> None:
    said = jnp.arange(6, dtype=jnp.float32).reshape(3, 2, 1)
    place = (jnp.array([[150.0], [50.0]]), jnp.array([400.0]))
    when = (jnp.array([1], dtype=jnp.uint32), jnp.array([0], dtype=jnp.int32))
    heard = delivered(Messages(range_m=120.0), first_mail(Messages(), 2, 1), said, place, when).heard
    # The one at 50 m hears the one at 150 m ahead; 300 m ahead of that nobody is heard.
    np.testing.assert_allclose(heard[:5, 1, 0], [1, 1.0, 0, 2, 4])
    np.testing.assert_allclose(heard[:5, 0, 0], 0)
    late = Messages(range_m=120.0, delay_decisions=1)
    mail = delivered(late, first_mail(late, 2, 1), said, place, when)
    assert not mail.heard.any()
    assert delivered(late, mail, said, place, when).heard.any()
    lossy = Messages(range_m=120.0, loss_share=0.999999)
    assert not delivered(lossy, first_mail(lossy, 2, 1), said, place, when).heard.any()
    with pytest.raises(BadSettings, match="loss_share"):
        Messages(loss_share=1.0)


@pytest.mark.parametrize(("loss_share", "held"), [(0.0, 0), (0.1, 2), (0.5, 6), (0.999999, 20)])
def test_who_is_out_of_range_is_heard_no_longer_than_losses_may_explain(loss_share: float, held: int) -> None:
    """With hardly anything coming through, the last message was held forever."""
    messages = Messages(range_m=120.0, loss_share=loss_share, delay_decisions=2)
    assert messages.held_decisions == held
    said, ring_m = jnp.arange(1, 7, dtype=jnp.float32).reshape(3, 2, 1), jnp.array([400.0])
    near, far = (jnp.array([[150.0], [50.0]]), ring_m), (jnp.array([[250.0], [50.0]]), ring_m)
    lossless = Messages(range_m=120.0, delay_decisions=2)
    mail, when = first_mail(messages, 2, 1), (jnp.array([1], dtype=jnp.uint32), jnp.array([0], dtype=jnp.int32))
    for _ in range(3):
        mail = delivered(lossless, mail, said, near, when)
    last = np.asarray(mail.heard)
    assert last[0, 1, 0] == 1
    # Both that are under way may come, and be the last of which the count begins.
    heard = []
    for decision in range(1, 30):
        at = jnp.array([decision], dtype=jnp.int32)
        mail = delivered(messages, mail, said, far, (when[0], at))
        heard.append(np.asarray(mail.heard))
    counts = sum(bool(one.any()) for one in heard)
    assert held <= counts <= held + 2, "as late as messages are, and as long as losses may explain it"
    assert all(np.array_equal(one, last) for one in heard[:counts])
    assert not any(one.any() for one in heard[counts:])


def test_rewards_are_flows_formulas() -> None:
    episode, _ = reset(TASKS["wave_attenuation_po"], SEEDS[:1])
    now = moment(TASKS["wave_attenuation_po"], episode)._replace(speed_mps=jnp.array([[0.0], [10.0]]))
    # |20 20| is 28.28, |20 10| is 22.36.
    np.testing.assert_allclose(desired_velocity(20.0)(now), (28.2843 - 22.3607) / 28.2843, rtol=1e-4)
    np.testing.assert_allclose(average_velocity(now), 5.0)
    np.testing.assert_allclose(penalize_standstill(now), -1.0)
    cruising = now._replace(accel_mps2=jnp.array([[0.0], [0.5]]))
    power_w = 1200 * 10 * 0.5 + 1200 * 9.81 * 0.005 * 10 + 0.5 * 1.225 * 2.6 * 0.3 * 10**3
    np.testing.assert_allclose(miles_per_megajoule(cruising), 10 / 1609.344 / (power_w / 1e6), rtol=1e-5)
    grams_per_s = ENERGY["flow_sedan"].fuel_gps(np.array(10.0), np.array(0.5))
    gallons_per_s = grams_per_s / ENERGY["flow_sedan"].fuel_g_per_l / 3.785411784
    np.testing.assert_allclose(miles_per_gallon()(cruising), 10 / 1609.344 / gallons_per_s, rtol=1e-5)
