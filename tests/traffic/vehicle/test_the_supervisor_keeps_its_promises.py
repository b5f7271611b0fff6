"""The driver always wins, bad values end in a fallback and then a stop, bounds hold, and no batch changes a bit."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proving.traffic.errors import BadSettings
from proving.traffic.vehicle import Command, Measurement, OnnxPolicy, State, Supervisor, decide, first_state
from proving.traffic.vehicle.decide import DRIVER, FALLBACK, POLICY, STOP

SUPERVISOR = Supervisor()
NUMBERS = st.one_of(st.floats(-5, 60), st.sampled_from([math.nan, math.inf, -math.inf, 1e300, -0.0]))


def measured(speed: float, gap: float, leader: float, *, acts: bool = False, engages: bool = False) -> Measurement:
    return Measurement(*(np.array([value]) for value in (speed, gap, leader, acts, engages)))


def following(policy: OnnxPolicy, seconds: float = 3.0) -> State:
    """The state after some seconds of good driving at 4 m/s."""
    state = first_state()
    for step in range(round(seconds * 10)):
        _, state = decide(policy.card, policy.act, SUPERVISOR, state, good(step), step * 0.1)
    return state


def good(step: int) -> Measurement:
    return measured(4.0, 10.0 + 0.01 * (step % 3), 4.0, engages=step == 0)


def modes(policy: OnnxPolicy, state: State, values: list[Measurement]) -> list[int]:
    found = []
    for value in values:
        command, state = decide(policy.card, policy.act, SUPERVISOR, state, value, state.clock_s + 0.1)
        found.append(int(command.mode[0]))
    return found


def test_nobody_is_engaged_before_asking(policy: OnnxPolicy) -> None:
    command, state = decide(policy.card, policy.act, SUPERVISOR, first_state(), measured(4, 10, 4), 0.0)
    assert int(command.mode[0]) == DRIVER
    assert np.isnan(command.accel_mps2[0])
    blind = measured(4, math.nan, 4, engages=True)
    assert modes(policy, state, [blind, measured(4, 10, 4, engages=True)]) == [DRIVER, POLICY]


def test_the_driver_takes_over_at_once_and_keeps_it(policy: OnnxPolicy) -> None:
    state = following(policy)
    assert int(state.mode[0]) == POLICY
    hands_on = measured(math.nan, math.nan, math.nan, acts=True, engages=True)
    assert modes(policy, state, [hands_on, good(1), good(2), good(0)]) == [DRIVER, DRIVER, DRIVER, POLICY]


def test_silence_ends_in_the_fallback_then_in_a_stop_that_stays(policy: OnnxPolicy) -> None:
    nothing = measured(4.0, math.nan, math.nan)
    found = modes(policy, following(policy), [nothing] * 70 + [good(1)] * 3 + [good(0)])
    assert found[:3] == [POLICY] * 3
    assert found[3:9] == [FALLBACK] * 6
    assert set(found[10:73]) == {STOP}
    assert found[73] in (POLICY, FALLBACK), "asked again, it drives again"


def test_a_short_silence_is_forgiven_after_a_while(policy: OnnxPolicy) -> None:
    found = modes(policy, following(policy), [measured(4.0, math.nan, math.nan)] * 6 + [good(i) for i in range(1, 30)])
    assert FALLBACK in found[6:15]
    assert found[-1] == POLICY


def test_nobody_speeds_up_towards_a_leader_that_is_not_seen(policy: OnnxPolicy) -> None:
    # 60 m free at 4 m/s: whoever saw that would speed up, and so would the fallback's law alone.
    _, state = decide(policy.card, policy.act, SUPERVISOR, first_state(), measured(4.0, 60.0, 4.0, engages=True), 0.0)
    speed, gap, found = 4.0, 60.0, []
    for step in range(1, 80):
        is_seen = not 30 <= step < 38
        seen = measured(speed, gap if is_seen else math.nan, 4.0 if is_seen else math.nan)
        command, state = decide(policy.card, policy.act, SUPERVISOR, state, seen, step * 0.1)
        accel = float(command.accel_mps2[0])
        gap += 0.1 * (4.0 - speed)
        speed = max(speed + 0.1 * accel, 0.0)
        found.append((int(command.mode[0]), accel))
    # What it was doing ends within the bound on jerk; trust is back a second after the leader is.
    fallback = [accel for mode, accel in found[29:] if mode == FALLBACK]
    assert len(fallback) >= 12
    assert max(fallback[4:14]) <= 0
    assert max(accel for mode, accel in found[:29] if mode == POLICY) > 0


@pytest.mark.parametrize(
    "absurd",
    [
        measured(4, -1, 4),
        measured(4, math.nan, 4),
        measured(4, 10, math.inf),
        measured(4, 10, -20),
        measured(4, 1e9, 4),
        measured(4, 10, 40),
        measured(4, 90, 4),
        measured(-7, 10, 4),
    ],
    ids=lambda each: f"{each.speed_mps[0]:g},{each.gap_m[0]:g},{each.leader_speed_mps[0]:g}",
)
def test_an_absurd_value_is_not_believed(policy: OnnxPolicy, absurd: Measurement) -> None:
    state = following(policy)
    command, after = decide(policy.card, policy.act, SUPERVISOR, state, absurd, state.clock_s + 0.1)
    assert abs(after.beliefs.gap_m[0] - 10) < 0.5
    assert abs(after.beliefs.leader_mps[0] - 4) < 0.1
    assert after.beliefs.leader_age_s[0] > 0
    assert abs(command.accel_mps2[0]) < 2
    assert modes(policy, state, [absurd] * 4)[-1] in (FALLBACK, STOP)


def test_somebody_who_cuts_in_is_believed_at_once(policy: OnnxPolicy) -> None:
    state = following(policy)
    _, after = decide(policy.card, policy.act, SUPERVISOR, state, measured(4, 4, 3), state.clock_s + 0.1)
    assert after.beliefs.gap_m[0] == pytest.approx(4)


def test_frozen_values_are_not_believed_for_long(policy: OnnxPolicy) -> None:
    assert modes(policy, following(policy), [measured(4.0, 10.0, 2.0)] * 30)[-1] == STOP


@given(st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS, st.booleans(), st.booleans()), min_size=1, max_size=25))
def test_whatever_comes_commands_stay_in_their_bounds(policy: OnnxPolicy, values: list[tuple]) -> None:
    state = following(policy)
    for step, (speed, gap, leader, acts, engages) in enumerate(values):
        before = state
        value = measured(speed, gap, leader, acts=acts and step % 5 == 0, engages=engages)
        command, state = decide(policy.card, policy.act, SUPERVISOR, before, value, before.clock_s + 0.1)
        accel = float(command.accel_mps2[0])
        if int(command.mode[0]) == DRIVER:
            assert math.isnan(accel)
            continue
        assert -9 <= accel <= SUPERVISOR.accel_mps2
        assert command.speed_mps[0] >= 0
        assert accel <= before.accel_mps2[0] + 2 * SUPERVISOR.jerk_mps3 * 0.1 + 1e-9
        if accel < before.accel_mps2[0] - SUPERVISOR.jerk_mps3 * 0.1 - 1e-9:
            assert int(command.reason[0]) in (7, 8) or int(command.mode[0]) == STOP


def test_a_batch_decides_what_each_would_alone_bit_for_bit(policy: OnnxPolicy) -> None:
    count, random = 9, np.random.default_rng(4)
    batch, alone = first_state(count), [first_state() for _ in range(count)]
    speed, gap, leader = np.full(count, 4.0), np.linspace(5, 40, count), np.linspace(1, 8, count)
    for step in range(150):
        leader = np.maximum(leader + random.normal(0, 0.3, count), 0)
        noisy = np.where(random.uniform(size=count) < 0.3, np.nan, np.maximum(gap + random.normal(0, 0.5, count), 0))
        acts, engages = random.uniform(size=count) < 0.01, random.uniform(size=count) < 0.2
        value = Measurement(speed, noisy, leader, acts, engages)
        command, batch = decide(policy.card, policy.act, SUPERVISOR, batch, value, step * 0.1)
        for index in range(count):
            one = Measurement(*(part[index : index + 1] for part in value))
            single, alone[index] = decide(policy.card, policy.act, SUPERVISOR, alone[index], one, step * 0.1)
            assert same(single, Command(*(part[index : index + 1] for part in command))), (step, index)
        speed = np.maximum(speed + np.nan_to_num(command.accel_mps2) * 0.1, 0)
        gap = np.maximum(gap + (leader - speed) * 0.1, 0)


def same(one: Command, other: Command) -> bool:
    return all(a.tobytes() == b.tobytes() for a, b in zip(one, other, strict=True))


def test_a_supervisor_without_brakes_is_refused() -> None:
    with pytest.raises(BadSettings, match="hardest_mps2 must be above 0"):
        dataclasses.replace(SUPERVISOR, hardest_mps2=0)
