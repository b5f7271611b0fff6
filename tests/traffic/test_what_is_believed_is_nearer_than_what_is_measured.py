"""The estimate behind imperfect sensors: nearer than a measurement, honest about it, and never behind the times."""

import dataclasses

import numpy as np
import pytest

from proving.traffic.drivers import Idm
from proving.traffic.estimating import (
    BRAKING_MPS2,
    FORGETS_S,
    HOLD_S,
    LIKELY_MPS2,
    RESTLESS_M2PS3,
    RESTLESS_M2PS5,
    Estimating,
    after_measurement,
    nothing_believed,
)
from proving.traffic.sensing import Imperfect, Sensing
from proving.traffic.state import View
from proving.traffic.tasks.on_networks.told import Told

NOISY = Sensing(gap_noise_m=1.0, speed_noise_mps=0.5, dropout_share=0.2)
COUNT, FREE_MPS = 64, 30.0


class Dice:
    """Chance for all vehicles at once."""

    def __init__(self) -> None:
        self.random = np.random.default_rng(0)

    def normal(self, stream: int) -> np.ndarray:
        return self.random.normal(size=COUNT)

    def uniform(self, stream: int) -> np.ndarray:
        return self.random.uniform(size=COUNT)


def errors_m(sensing: Sensing, dt_s: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How far off measured and believed gaps are behind leaders that wander, and by how much they are said to be."""
    late = round(sensing.latency_s / dt_s)
    sensor, dice, random = Imperfect(law=Standing(), sensing=sensing, latency_step_count=late), Dice(), Dice()
    speed_mps, gap_m, leader_mps = np.full(COUNT, 10.0), np.full(COUNT, 25.0), np.full(COUNT, 10.0)
    leader_mps2 = np.zeros(COUNT)
    memory, belief, found = sensor.first_memory(speed_mps), nothing_believed(speed_mps), []
    for step in range(int(60 / dt_s)):
        view = View(speed_mps, gap_m, leader_mps, np.full(COUNT, FREE_MPS), dt_s, chance=dice)
        measured, held, past = sensor.sensed(view, memory)
        memory = (*memory[:1], 0 * memory[1], held, past, memory[4])
        belief = after_measurement(sensing, late * dt_s, measured, belief)
        if step * dt_s > 10:
            found.append((measured.gap_m - gap_m, belief.gap_m - gap_m, belief.spread.gap**0.5))
        # It keeps its leader some 25 m ahead; leaders wander as is reckoned, and are drawn to 10 m/s.
        wander = np.sqrt(RESTLESS_M2PS3 * dt_s) * random.normal(0) + leader_mps2 * dt_s
        leader_mps2 = leader_mps2 * np.exp(-dt_s / FORGETS_S) + np.sqrt(RESTLESS_M2PS5 * dt_s) * random.normal(0)
        faster = np.maximum(leader_mps + wander + 0.1 * (10 - leader_mps) * dt_s, 0)
        own = np.maximum(speed_mps + (0.5 * (leader_mps - speed_mps) + 0.1 * (gap_m - 25)) * dt_s, 0)
        gap_m = gap_m + 0.5 * (leader_mps + faster - speed_mps - own) * dt_s
        speed_mps, leader_mps = own, faster
    measured, believed, said = np.array(found).swapaxes(0, 1)
    return measured, believed, said


class Standing:
    """A law that does nothing."""

    noise_intensity = 0.0

    def first_memory(self, speed_mps: np.ndarray) -> tuple[()]:
        return ()

    def drive(self, view: View, memory: tuple[()]) -> tuple[np.ndarray, tuple[()]]:
        return 0 * view.speed_mps, memory


@pytest.mark.parametrize(("late_s", "dt_s", "share"), [(0.0, 0.1, 0.5), (0.3, 0.1, 0.6), (0.5, 0.5, 0.9)])
def test_it_is_nearer_and_as_far_off_as_it_says(late_s: float, dt_s: float, share: float):
    measured, believed, said = errors_m(dataclasses.replace(NOISY, latency_s=late_s), dt_s)
    assert believed.std() < share * measured.std()
    assert 0.8 < (believed / said).std() < 1.25
    assert abs(believed.mean()) < 0.1 * believed.std() + 0.02


def test_it_is_the_filter_of_the_textbook():
    """Three by three matrices, one measurement of gap and speed at once, nothing late: the simplest correct version."""
    random, sensing, dt_s = np.random.default_rng(3), Sensing(gap_noise_m=0.7, speed_noise_mps=0.4), 0.2
    noise, seen_of = np.diag([0.7**2 + 0.02**2, 0.4**2 + 0.02**2]), np.eye(2, 3)
    kept, times = np.exp(-dt_s / FORGETS_S), dt_s ** np.arange(6)
    gained = FORGETS_S * (1 - kept)
    moved = np.array([[1, dt_s, FORGETS_S * (dt_s - gained)], [0, 1, gained], [0, 0, kept]])
    wander = np.zeros((3, 3))
    wander[:2, :2] = RESTLESS_M2PS3 * np.array([[times[3] / 3, times[2] / 2], [times[2] / 2, dt_s]])
    power, share = np.array([[5, 4, 3], [4, 3, 2], [3, 2, 1]]), np.array([[20, 8, 6], [8, 3, 2], [6, 2, 1]])
    wander += RESTLESS_M2PS5 * times[power] / share
    one = np.ones(1)
    belief, mean, spread = nothing_believed(8 * one), None, np.diag([*np.diag(noise), LIKELY_MPS2**2])
    for _ in range(30):
        seen = np.array([20.0, 8.0]) + random.uniform(-1, 1, 2) * [0.7, 0.4]
        belief = after_measurement(sensing, 0.0, View(8 * one, seen[0] * one, seen[1] * one, 30 * one, dt_s), belief)
        if mean is None:
            mean = np.array([*seen, 0.0])
            continue
        mean, spread = moved @ mean - [8 * dt_s, 0, 0], moved @ spread @ moved.T + wander
        gain = spread @ seen_of.T @ np.linalg.inv(seen_of @ spread @ seen_of.T + noise)
        mean, spread = mean + gain @ (seen - seen_of @ mean), spread - gain @ seen_of @ spread
    assert np.concatenate(belief[:3]) == pytest.approx(mean)
    assert np.concatenate(belief.spread) == pytest.approx(spread[np.triu_indices(3)])


def test_what_is_lost_is_reckoned_on_and_grows_uncertain():
    one = np.ones(1)
    belief = nothing_believed(10 * one)
    view = View(10 * one, 20 * one, 6 * one, 30 * one, 0.1, is_measured=one)
    for _ in range(20):
        belief = after_measurement(NOISY, 0.0, view, belief)
    sure = belief
    for _ in range(5):
        belief = after_measurement(NOISY, 0.0, view._replace(is_measured=0 * one), belief)
    # What little acceleration it was taken to have goes on as well.
    assert belief.gap_m == pytest.approx(sure.gap_m + 0.5 * (sure.leader_speed_mps - 10), abs=0.05)
    assert belief.spread.gap > sure.spread.gap


def test_who_brakes_is_taken_to_brake_on_and_to_stand_at_last():
    """It brakes with 3 m/s2; after two seconds nothing is measured any more."""
    one, dt_s, late_s = np.ones(1), 0.1, 0.3
    sensing, belief, off_m = Sensing(gap_noise_m=0.1, speed_noise_mps=0.1), nothing_believed(0 * one), []
    for step in range(100):
        then_s, now_s = (max(step * dt_s - ago_s, 0) for ago_s in (late_s, 0.0))
        seen_m, true_m = (30 + 10 * braked_s - 1.5 * braked_s**2 for braked_s in (then_s, now_s))
        measured = one if step <= 20 else 0 * one
        view = View(0 * one, seen_m * one, (10 - 3 * then_s) * one, 30 * one, dt_s, is_measured=measured)
        belief = after_measurement(sensing, late_s, view, belief)
        off_m.append(belief.gap_m[0] - true_m)
    assert np.abs(off_m[15:21]).max() < 0.3
    # Had it been taken to drive on, it would be 1.5 m off a second later; what is forgotten in time is half of that.
    assert abs(off_m[30]) < 0.8
    assert belief.leader_speed_mps == 0


def followed(lag_s: float, gap_m: float, speed_mps: float, seen_s: float, steady_s: float) -> tuple[float, float]:
    """Return one's speed in the end and the least gap behind a leader that is seen for so long and steady for so long.

    Both begin equally fast, drive for 30 s in steps of 0.1 s, and the leader brakes as hard as is reckoned with.
    """
    one, dt_s = np.ones(1), 0.1
    law = Told(law=Idm(headway_s=0.5, accel_mps2=3.0, comfortable_mps2=3.0), manner="set_speed")
    driver = Estimating(law=law, sensing=Sensing(actuation_lag_s=lag_s))
    gap_m, ahead_mps, own_mps = gap_m * one, speed_mps * one, speed_mps * one
    memory, least_m = driver.first_memory(own_mps), np.inf
    for step in range(300):
        seen = 1.0 * one if step < round(seen_s / dt_s) else 0.0 * one
        accel, memory = driver.drive(View(own_mps, gap_m, ahead_mps, 30 * one, dt_s, is_measured=seen), memory)
        slower = BRAKING_MPS2 * dt_s if step >= round(steady_s / dt_s) else 0.0
        ahead, own = np.maximum(ahead_mps - slower, 0), np.maximum(own_mps + accel * dt_s, 0)
        gap_m = gap_m + 0.5 * (ahead_mps + ahead - own_mps - own) * dt_s
        ahead_mps, own_mps, least_m = ahead, own, min(least_m, gap_m[0])
    return float(own_mps[0]), float(least_m)


@pytest.mark.parametrize("leader_mps", [2.0, 6.0, 12.0, 20.0])
def test_who_is_not_seen_any_more_may_brake_and_is_not_hit(leader_mps: float):
    """It keeps its distance for ten seconds; then nothing is measured any more, and soon the leader brakes."""
    own_mps, least_m = followed(0.0, 2 + 2 * leader_mps, leader_mps, seen_s=10.0, steady_s=10.0 + HOLD_S)
    assert own_mps < 1e-6
    assert least_m > 0


@pytest.mark.parametrize("speed_mps", [6.0, 12.0, 20.0])
def test_who_was_seen_but_once_may_brake_at_once_and_is_not_hit(speed_mps: float):
    """Such a leader brakes from the moment on at which it was seen, and is not measured any more."""
    own_mps, least_m = followed(0.4, 1 + 0.7 * speed_mps, speed_mps, seen_s=0.1, steady_s=0.0)
    assert own_mps < 1e-6
    assert least_m > 0


@pytest.mark.parametrize("late", [1, 3])
def test_what_is_seen_anew_is_of_now_and_counts_once(late: int):
    """It is seen at once; what comes late after it is the same measurement again, and makes nobody surer."""
    one, dt_s, sensing = np.ones(COUNT), 0.1, dataclasses.replace(NOISY, latency_s=0.1 * late, dropout_share=0.0)
    driver = Estimating(law=Told(law=Idm(), manner="set_speed"), sensing=sensing, late_steps=late)
    sensor = Imperfect(law=driver, sensing=sensing, latency_step_count=late)
    memory, dice, counted, off_m, sigma_m = sensor.first_memory(10 * one), Dice(), [], [], []
    for step in range(2 * late + 2):
        gap_m = (30 - 0.8 * step) * one
        view = View(10 * one, gap_m, 2 * one, 30 * one, dt_s, chance=dice)
        measured, _, _ = sensor.sensed(view, memory)
        assert measured.is_measured is not None
        _, belief = driver.believed(measured, memory[0])
        _, memory = sensor.drive(view, memory)
        counted.append(measured.is_measured[0])
        off_m.append((belief.gap_m - gap_m).mean())
        sigma_m.append(belief.spread.gap[0] ** 0.5)
    assert counted == [1.0] + [0.0] * late + [1.0] * (late + 1)
    assert sigma_m[: late + 1] == sorted(sigma_m[: late + 1])
    # Taken for late as well, the first would be off by the way that comes nearer meanwhile, 0.8 m a step.
    assert abs(off_m[0]) < 0.4


def test_a_line_says_nothing_of_a_leader():
    """A line far ahead was the way to a leader at the next step, when it came late, and hid who braked there."""
    one, dt_s, late = np.ones(COUNT), 0.5, 1
    sensor, dice = Imperfect(law=Standing(), sensing=Sensing(latency_s=0.5), latency_step_count=late), Dice()
    driver, view = Estimating(law=Standing(), sensing=Sensing(latency_s=0.5), late_steps=late), None
    memory, belief = sensor.first_memory(10 * one), driver.first_memory(10 * one)[1]
    for step in range(12):
        is_line = (step == 8) & (one > 0)
        true = View(10 * one, 30 * one, 10 * one, 30 * one, dt_s, chance=dice)
        line = true._replace(gap_m=90 * one, leader_speed_mps=0 * one)
        now = (line if step == 8 else true)._replace(is_line=is_line)
        measured, _, _ = sensor.sensed(now, memory)
        _, memory = sensor.drive(now, memory)
        view, belief = driver.believed(measured, ((), belief))
        assert view.gap_m == pytest.approx(90 * one if step == 8 else 30 * one)
    assert view is not None


def test_who_knows_that_its_leader_is_another_sees_it_at_once():
    """Half of them get one 12 m ahead after a lane change; the others would lose it, or see it a step late."""
    one, dt_s, sensing = np.ones(COUNT), 0.5, Sensing(latency_s=0.5, dropout_share=0.9)
    estimating = Estimating(law=Told(law=Idm(), manner="set_speed"), sensing=sensing, late_steps=1)
    driver = Imperfect(law=estimating, sensing=sensing, latency_step_count=1)
    memory, is_new, view = driver.first_memory(10 * one), np.arange(COUNT) % 2 == 0, None
    for step in range(12):
        if step == 11:
            memory = driver.seeing_anew(memory, is_new)
        gap_m = 30 * one if step < 11 else 12 * one
        view = View(10 * one, gap_m, 10 * one, 30 * one, dt_s, chance=Dice())
        measured, _, _ = driver.sensed(view, memory)
        believed, _ = estimating.believed(measured, memory[0])
        _, memory = driver.drive(view, memory)
        assert believed.gap_m[is_new] == pytest.approx(gap_m[is_new])
    assert believed.gap_m[~is_new] == pytest.approx(30 * one[~is_new])


@pytest.mark.parametrize(("gap_m", "leader_mps"), [(8.0, 10.0), (60.0, 10.0), (20.0, 2.0), (1e5, 10.0)])
def test_another_leader_is_believed_at_once(gap_m: float, leader_mps: float):
    one = np.ones(1)
    belief = nothing_believed(10 * one)
    for _ in range(20):
        belief = after_measurement(NOISY, 0.0, View(10 * one, 20 * one, 10 * one, 30 * one, 0.1), belief)
    belief = after_measurement(NOISY, 0.0, View(10 * one, gap_m * one, leader_mps * one, 30 * one, 0.1), belief)
    assert (belief.gap_m, belief.leader_speed_mps) == (gap_m, leader_mps)
