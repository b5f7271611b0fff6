"""Imperfect sensors and late people: nothing set changes nothing, each setting does what it says, batches hold."""

import dataclasses
import math

import numpy as np
import pytest

from proving.traffic import Ring, Sensing, measure, ring, rings
from proving.traffic.drivers import Idm, Lacc
from proving.traffic.errors import BadSettings
from proving.traffic.estimating import behind_sensors
from proving.traffic.sensing import Delayed, Imperfect
from proving.traffic.state import Driver, Memory, View
from proving.traffic.streams import STREAM_DROPOUT, STREAM_SENSED_GAP, STREAM_SENSED_SPEED
from proving.traffic.tasks.commanded import Commanded
from proving.traffic.tasks.on_networks.told import Told
from proving.traffic.trajectories import Trajectories
from proving.traffic.worlds import Controller, LawName

AUTOMATED = Ring(duration_s=30, controller="follower_stopper", control_start_s=5, automated_share=0.2)
ALL_WRONG = Sensing(
    gap_noise_m=0.5,
    speed_noise_mps=0.3,
    gap_bias_m=1.0,
    speed_bias_mps=-0.2,
    dropout_share=0.3,
    latency_s=0.4,
    actuation_lag_s=0.3,
)


class Drawn:
    """Says what is drawn, by stream."""

    def __init__(self, numbers: dict[int, float]) -> None:
        self.numbers = numbers

    def normal(self, stream: int) -> np.ndarray:
        return np.array([[self.numbers.get(stream, 0.0)]])

    uniform = normal


class Repeating:
    """A controller that answers with the gap and remembers nothing: what it sees can be read off."""

    noise_intensity = 0.0

    def first_memory(self, speed_mps: np.ndarray) -> Memory:
        return ()

    def drive(self, view: View, memory: Memory) -> tuple[np.ndarray, Memory]:
        return view.gap_m + 1000 * view.leader_speed_mps, memory


def answers(sensing: Sensing, gaps: list[float], draws: list[dict[int, float]], late: int = 0) -> list[float]:
    law = Imperfect(law=Repeating(), sensing=sensing, latency_step_count=late)
    memory, found = law.first_memory(np.array([[0.0]])), []
    for gap, drawn in zip(gaps, draws, strict=True):
        numbers = (np.array([[number]]) for number in (0.0, gap, 3.0, math.inf))
        accel, memory = law.drive(View(*numbers, 0.1, chance=Drawn(drawn)), memory)
        found.append(float(accel[0, 0]) - 3000)
    return found


def assert_same(one: Trajectories, other: Trajectories) -> None:
    for field in dataclasses.fields(Trajectories):
        np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name), err_msg=field.name)


def test_zero_settings_change_nothing_bit_for_bit():
    zero = dataclasses.replace(AUTOMATED, sensing=Sensing(gap_noise_m=0.0, latency_s=0.0), reaction_s=0.0)
    assert_same(ring(AUTOMATED, 3), ring(zero, 3))
    assert Sensing(dropout_share=0.0).is_perfect
    # And the machinery itself, were it run with nothing wrong, would pass everything through.
    gaps = [5.0, 6.25, 7.5]
    assert answers(Sensing(), gaps, [{STREAM_SENSED_GAP: 2.0, STREAM_SENSED_SPEED: -1.0}] * 3) == gaps


def test_the_way_to_a_line_is_known_exactly_and_a_machine_leaves_no_room_before_it():
    numbers = [np.array([[number]]) for number in (8.0, 20.0, 3.0, 30.0)]
    chance = Drawn({STREAM_SENSED_GAP: 2.0, STREAM_SENSED_SPEED: 1.0, STREAM_DROPOUT: 1.0})
    machine = Told(law=Idm(), manner="set_speed", margin_m=3.0, margin_s=0.5)

    def wish(law: Driver, *, is_line: bool) -> float:
        view = View(*numbers, 0.1, chance=chance, is_line=np.array([[is_line]]))
        return float(law.drive(view, law.first_memory(numbers[0]))[0][0, 0])

    sensors = behind_sensors(machine, dataclasses.replace(ALL_WRONG, latency_s=0.0, actuation_lag_s=0.0), 0)
    exactly = float(Idm().drive(View(*numbers, 0.1), ())[0][0, 0])
    assert wish(sensors, is_line=True) == wish(machine, is_line=True) == exactly
    assert wish(machine, is_line=False) < exactly != wish(sensors, is_line=False)


def test_lateness_may_take_of_the_laws_own_room_before_it_takes_more():
    def wish(
        speed_mps: float, *, margin_m: float, margin_s: float = 0.0, spare_s: float = 0.0, spare_m: float = 0.0
    ) -> float:
        numbers = [np.array([[number]]) for number in (speed_mps, 20.0, 3.0, 30.0)]
        rooms = {"margin_m": margin_m, "margin_s": margin_s, "spare_s": spare_s, "spare_m": spare_m}
        law = Told(law=Idm(), manner="set_speed", **rooms)
        return float(law.drive(View(*numbers, 0.1), law.first_memory(numbers[0]))[0][0, 0])

    assert wish(8.0, margin_m=1.0, margin_s=0.5, spare_m=1.5) == wish(8.0, margin_m=3.5)
    assert wish(2.0, margin_m=1.0, margin_s=0.5, spare_m=1.5) == wish(2.0, margin_m=1.0), "and no less than nothing"
    assert wish(8.0, margin_m=1.0, margin_s=0.5, spare_s=0.375) == wish(8.0, margin_m=2.0), (
        "the law's time is room, too"
    )
    assert wish(8.0, margin_m=1.0, margin_s=0.1, spare_s=0.375) == wish(8.0, margin_m=1.0)


def test_noise_and_bias_are_added():
    sensing = Sensing(gap_noise_m=0.5, gap_bias_m=1.0, speed_noise_mps=0.1, speed_bias_mps=0.2)
    drawn = {STREAM_SENSED_GAP: 2.0, STREAM_SENSED_SPEED: -1.0}
    assert answers(sensing, [5.0], [drawn]) == pytest.approx([5.0 + 1.0 + 1.0 + 1000 * (0.2 - 0.1)])


def test_a_lost_measurement_holds_the_last_one():
    lost, fine = {STREAM_DROPOUT: 0.1}, {STREAM_DROPOUT: 0.9}
    found = answers(Sensing(dropout_share=0.5), [5.0, 6.0, 7.0, 8.0], [lost, fine, lost, lost])
    assert found == [5.0, 6.0, 6.0, 6.0], "the very first measurement cannot be lost"


def test_a_longer_step_gets_the_mean_of_its_measurements_and_none_if_all_were_lost():
    sensing = Sensing(gap_noise_m=0.5, speed_noise_mps=0.3, gap_bias_m=1.0, dropout_share=0.2, latency_s=0.3)
    often = dataclasses.replace(sensing, rate_hz=10.0)
    assert sensing.in_steps_of(0.5, np) == sensing, "one a step, however long it is"
    one, five = often.in_steps_of(0.1, np), often.in_steps_of(0.5, np)
    for field in dataclasses.fields(Sensing):
        assert float(getattr(one, field.name)) == pytest.approx(getattr(often, field.name)), f"no other: {field.name}"
    # Every measurement by itself, many times over.
    chance = np.random.default_rng(5)
    noise_m, came = 0.5 * chance.standard_normal((200_000, 5)), chance.uniform(size=(200_000, 5)) >= 0.2
    is_lost = ~came.any(axis=1)
    means_m = (noise_m * came).sum(axis=1)[~is_lost] / came.sum(axis=1)[~is_lost]
    assert float(five.dropout_share) == pytest.approx(is_lost.mean(), abs=2e-4)
    # As many as come on average, not the average over how many come: a little less noise.
    assert float(five.gap_noise_m) == pytest.approx(means_m.std(), rel=0.06)
    assert float(five.speed_noise_mps) == pytest.approx(0.6 * float(five.gap_noise_m))
    assert (five.gap_bias_m, five.latency_s) == (1.0, 0.3), "which no mean mends"
    assert Sensing(rate_hz=10.0).is_perfect
    assert not often.is_perfect
    assert often.times(np.float64(0.5)).rate_hz == 10.0


def test_a_step_is_lost_with_all_of_its_measurements():
    # Steps of 0.1 s: two measurements each.
    lost, fine = {STREAM_DROPOUT: 0.24}, {STREAM_DROPOUT: 0.26}
    found = answers(Sensing(dropout_share=0.5, rate_hz=20.0), [5.0, 6.0, 7.0, 8.0], [lost, fine, lost, fine])
    assert found == [5.0, 6.0, 6.0, 8.0]


def test_latency_shows_the_past_and_at_first_the_first():
    assert answers(Sensing(latency_s=0.2), [5.0, 6.0, 7.0, 8.0], [{}] * 4, late=2) == [5.0, 5.0, 5.0, 6.0]


def test_the_actuation_lag_is_exponential():
    found = [3000 + number for number in answers(Sensing(actuation_lag_s=0.5), [5.0] * 20, [{}] * 20)]
    expected = [3005 * (1 - math.exp(-0.1 * (step + 1) / 0.5)) for step in range(20)]
    assert found == pytest.approx(expected)


def test_late_people_do_now_what_they_would_have_done_then():
    law, late = Lacc(lag_s=0.1), Delayed(law=Lacc(lag_s=0.1), step_count=3)
    memories = law.first_memory(np.array([[8.0]])), late.first_memory(np.array([[8.0]]))
    prompt, delayed = [], []
    for step in range(12):
        seen = View(*(np.array([[number]]) for number in (8.0, 12.0 + step, 9.0 - step / 5, math.inf)), 0.1)
        one, first = law.drive(seen, memories[0])
        other, second = late.drive(seen, memories[1])
        memories = first, second
        prompt.append(float(one[0, 0]))
        delayed.append(float(other[0, 0]))
    # At first everybody has always seen the present, so the memories differ a little until the lag has passed.
    assert delayed[-1] == pytest.approx(prompt[-4], abs=0.02)
    assert abs(delayed[-1] - prompt[-1]) > 0.1


@pytest.mark.parametrize(("law", "controller"), [("krauss", "follower_stopper"), ("cacc", "cacc")])
def test_a_batch_equals_single_runs_bit_for_bit(law: LawName, controller: Controller):
    seeds = [4, 9, 1]
    settings = dataclasses.replace(
        AUTOMATED, sensing=ALL_WRONG, reaction_s=0.3, spread_share=0.1, law=law, controller=controller
    )
    for seed, run in zip(seeds, rings(settings, seeds), strict=True):
        assert_same(run, ring(settings, seed))


def test_reaction_time_makes_waves_worse_and_imperfect_sensors_do_not_make_the_controller_useless():
    calm, late = (
        measure(
            ring(Ring(duration_s=300, driver=Idm(headway_s=1.5, accel_mps2=1.4), reaction_s=reaction_s), 1), start_s=200
        )
        for reaction_s in (0.0, 0.9)
    )
    assert late.speed_std_mps > 2 * calm.speed_std_mps
    base = Ring(duration_s=700, control_start_s=200)
    human = measure(ring(base, 1), start_s=500)
    blurred = dataclasses.replace(base, controller="follower_stopper", sensing=ALL_WRONG)
    steered = measure(ring(blurred, 1), start_s=500)
    assert steered.fuel_l_per_100km < 0.9 * human.fuel_l_per_100km
    assert steered.collision_count == 0


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"gap_noise_m": -1.0}, "gap_noise_m must be 0 or more"),
        ({"gap_bias_m": math.inf}, "gap_bias_m must be finite"),
        ({"dropout_share": 1.0}, "dropout_share must be below 1"),
        ({"latency_s": math.nan}, "latency_s must be 0 or more"),
    ],
)
def test_impossible_sensors_are_refused(setting: dict[str, float], words: str):
    with pytest.raises(BadSettings, match=words):
        Sensing(**setting)


def test_delays_longer_than_a_run_can_carry_are_refused():
    with pytest.raises(BadSettings, match="reaction_s must be from 0 to 100 steps"):
        Ring(reaction_s=30.0)
    with pytest.raises(BadSettings, match="latency_s must be from 0 to 100 steps"):
        Ring(sensing=Sensing(latency_s=30.0))


class Dice:
    """Chance for 64 vehicles at once."""

    def __init__(self) -> None:
        self.random = np.random.default_rng(0)

    def normal(self, stream: int) -> np.ndarray:
        return self.random.normal(size=64)

    def uniform(self, stream: int) -> np.ndarray:
        return self.random.uniform(size=64)


def smallest_gap_m(driver: Imperfect) -> float:
    """The nearest that 64 such vehicles with everything wrong come to leaders who stop and go; they want to hurry."""
    dice = Dice()
    gap_m, speed_mps, least_m = np.full(64, 6.0), np.zeros(64), 6.0
    memory = driver.first_memory(speed_mps)
    for step in range(1200):
        leader_mps = np.full(64, max(0.0, 5 * math.sin(step / 40)))
        view = View(speed_mps, gap_m, leader_mps, np.full(64, 30.0), 0.1, chance=dice)
        accel_mps2, memory = driver.drive(view, memory)
        faster_mps = np.maximum(speed_mps + 0.1 * accel_mps2, 0)
        gap_m = gap_m + 0.1 * (leader_mps - (speed_mps + faster_mps) / 2)
        speed_mps, least_m = faster_mps, min(least_m, float(gap_m.min()))
    return least_m


def test_who_knows_what_is_wrong_leaves_room_for_it_and_hits_nobody():
    law = Commanded(command=1.5)
    assert smallest_gap_m(Imperfect(law=law, sensing=ALL_WRONG, latency_step_count=4)) < 0, "or this test shows nothing"
    assert smallest_gap_m(behind_sensors(law, ALL_WRONG, 4)) > 0
