"""Every human law keeps its equilibrium, says the same in float32, and is as string-stable as linear theory says.

The law alone is driven here, by NumPy, on a ring of its own: no engine and nothing compiled.
"""

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from proving.traffic.drivers import (
    DRIVERS,
    LAWS,
    Acc,
    BandoFtl,
    Bcm,
    Cacc,
    Cfm,
    Gipps,
    Idm,
    Krauss,
    KraussOriginal,
    Lacc,
    LinearOvm,
    Ovm,
)
from proving.traffic.errors import BadSettings
from proving.traffic.model import laws as scalar
from proving.traffic.state import Traits, View


class Dawdling:
    """Everybody draws the same number."""

    def __init__(self, value: float) -> None:
        self.value = value

    def uniform(self, stream: int) -> float:
        return self.value

    def normal(self, stream: int) -> float:
        return self.value


def view(numbers: tuple[float, ...], dtype: str = "float64", dt_s: float = 0.1) -> View:
    """Speed, gap, leader's speed, limit, follower's gap and speed, everybody's mean, and what is drawn."""
    speed, gap, leader, limit, back_gap, back, mean = (np.array([[number]], dtype=dtype) for number in numbers[:7])
    return View(speed, gap, leader, limit, dt_s, back_gap, back, mean, Dawdling(numbers[7]))


SPEED, GAP, SHARE = st.floats(0, 35), st.floats(0.01, 150), st.floats(0, 0.99)


@pytest.mark.parametrize("name", sorted(DRIVERS))
@given(
    numbers=st.tuples(SPEED, GAP, SPEED, st.floats(5, 40), GAP, SPEED, SPEED, SHARE), dt_s=st.sampled_from([0.1, 0.5])
)
@settings(max_examples=40)
@example(numbers=(0.0, 0.01, 0.0, 30.0, 1.0, 0.0, 0.0, 0.0), dt_s=0.1)
def test_one_decision_is_the_scalar_one(name: str, numbers: tuple[float, ...], dt_s: float):
    law = DRIVERS[name]()
    speed, gap, leader, limit, back_gap, back, mean, draw = numbers
    memory = {"mean": speed, "command": speed, "leader": speed}
    see = scalar.Sight(speed, gap, leader, limit, dt_s, mean, back_gap, back, draw)
    expected = scalar.follow(law, see, memory)
    for dtype, tolerance in (("float64", 1e-9), ("float32", 1e-4)):
        seen = view(numbers, dtype, dt_s)
        found, _ = law.drive(seen, law.first_memory(seen.speed_mps))
        assert found.dtype == dtype, "a law must not change the precision it is given"
        # A step turns an error of acceleration into a tenth or half of it in speed.
        assert float(found[0, 0]) == pytest.approx(expected, rel=tolerance, abs=tolerance)


CHANCE, SIGMA, STEP_S = st.floats(0, 1), st.floats(0, 1), st.sampled_from([0.1, 0.5, 1.0])


def speed_after(law: Any, numbers: tuple[float, float, float], chance: float, dt_s: float) -> float:
    """Return the speed after a step at this speed and gap, behind somebody so fast."""
    seen = view((*numbers, math.inf, 100.0, 0.0, 0.0, chance), dt_s=dt_s)
    return numbers[0] + dt_s * float(law.drive(seen, ())[0][0, 0])


@given(numbers=st.tuples(SPEED, GAP, SPEED), sigma=SIGMA, chance=CHANCE, dt_s=STEP_S)
@example(numbers=(0.0, 2.6, 0.0), sigma=0.5, chance=1.0, dt_s=1.0)
@settings(max_examples=200)
def test_who_could_start_by_krauss_law_starts_however_unlucky(
    numbers: tuple[float, float, float], sigma: float, chance: float, dt_s: float
):
    law = Krauss(sigma=sigma)
    lucky, unlucky = (speed_after(law, numbers, drawn, dt_s) for drawn in (0.0, chance))
    assert lucky * (1 - sigma * dt_s * chance) - 1e-9 <= unlucky <= lucky + 1e-9


@given(speed=st.floats(3.0, 20.0), chance=CHANCE, dt_s=STEP_S)
def test_above_what_a_second_of_acceleration_reaches_both_forms_lose_the_same(speed: float, chance: float, dt_s: float):
    numbers = (speed, 1e4, speed)
    for law in (Krauss(), KraussOriginal()):
        lost_mps = speed_after(law, numbers, 0.0, dt_s) - speed_after(law, numbers, chance, dt_s)
        assert lost_mps == pytest.approx(0.5 * law.accel_mps2 * dt_s * chance, abs=1e-9)


@pytest.mark.parametrize(("law", "left_m"), [(Krauss(), 0.0), (KraussOriginal(), 1.0)], ids=["krauss", "original"])
def test_who_is_unlucky_closes_up_to_the_standing_gap_by_krauss_law_only(law: Any, left_m: float):
    """In its first form whoever may drive at less than what is dawdled stays where it is."""
    gap_m, speed_mps = law.min_gap_m + 1.0, 0.0
    for _ in range(60):
        speed_mps = speed_after(law, (speed_mps, gap_m, 0.0), 0.99, 1.0)
        gap_m -= speed_mps
    assert gap_m - law.min_gap_m == pytest.approx(left_m, abs=1e-3)


@pytest.mark.parametrize("law", [Krauss(sigma=1.0), KraussOriginal(sigma=1.0)], ids=["krauss", "original"])
@given(numbers=st.tuples(SPEED, GAP, SPEED), chance=CHANCE, dt_s=STEP_S)
@settings(max_examples=100)
def test_nobody_brakes_harder_by_chance_than_the_law_counts_on(
    law: Any, numbers: tuple[float, float, float], chance: float, dt_s: float
):
    lucky, unlucky = (speed_after(law, numbers, drawn, dt_s) for drawn in (0.0, chance))
    assert unlucky >= min(lucky, numbers[0] - law.braking_mps2 * dt_s) - 1e-9


@pytest.mark.parametrize("name", sorted(LAWS))
@settings(max_examples=20)
@given(speed=st.floats(0.01, 9))
def test_at_its_equilibrium_gap_every_law_keeps_its_speed(name: str, speed: float):
    law = LAWS[name]()
    gap = law.equilibrium_gap_m(speed)
    assert gap > 0
    seen = view((speed, gap, speed, math.inf, gap, speed, speed, 0.0))
    accel, _ = law.drive(seen, law.first_memory(seen.speed_mps))
    assert float(accel[0, 0]) == pytest.approx(0, abs=1e-9)
    assert gap == pytest.approx(scalar.equilibrium_gap(law, speed), abs=1e-6)


@pytest.mark.parametrize("name", sorted(LAWS))
def test_more_speed_needs_more_gap_and_so_do_drivers_who_like_it(name: str):
    law = LAWS[name]()
    gaps = [law.equilibrium_gap_m(speed) for speed in (0.0, 2.0, 4.0, 6.0, 8.0)]
    assert gaps == sorted(gaps)
    looser = law.varied(Traits(1.0, 1.2))
    assert looser.equilibrium_gap_m(5.0) > gaps[2]
    assert law.varied(Traits(1.1, 1.0)).desired_speed_mps == pytest.approx(1.1 * law.desired_speed_mps)


def speed_at(law: Any, gap_m: float) -> float:
    """Return the speed that is kept at this gap, by bisection."""
    low, high = 0.0, law.desired_speed_mps
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if law.equilibrium_gap_m(middle) > gap_m else (middle, high)
    return low


def growth(law: Any, gap_m: float, vehicle_count: int = 22, dt_s: float = 0.05, duration_s: float = 120.0) -> float:
    """Return the rate, 1/s, at which a small disturbance grows on the ring, late against early."""
    even_mps = speed_at(law, gap_m)
    length = vehicle_count * (gap_m + 5)
    place = -np.arange(vehicle_count)[:, None] * (length / vehicle_count)
    speed = np.full((vehicle_count, 1), even_mps)
    place = place + 1e-4 * np.cos(2 * np.pi * np.arange(vehicle_count) / vehicle_count)[:, None]
    memory, spreads = law.first_memory(speed), []
    for _ in range(round(duration_s / dt_s)):
        gap = np.roll(place, 1, axis=0) - place - 5
        gap[0] += length
        back = np.roll(gap, -1, axis=0), np.roll(speed, -1, axis=0)
        limit = np.full_like(speed, math.inf)
        accel, memory = law.drive(View(speed, gap, np.roll(speed, 1, axis=0), limit, dt_s, *back), memory)
        place, speed = place + speed * dt_s + 0.5 * accel * dt_s**2, speed + accel * dt_s
        spreads.append(speed.std())
    third = len(spreads) // 3
    return (math.log(np.mean(spreads[-third:])) - math.log(np.mean(spreads[third : 2 * third]))) / (third * dt_s)


def slopes(law: Any, gap_m: float, speed_mps: float) -> tuple[float, float, float]:
    """Return how the acceleration changes with gap, own and leader's speed: a_s, a_v, a_l of facts 6.8."""
    found = []
    for changed in range(3):
        ends = []
        for sign in (1, -1):
            at = [speed_mps, gap_m, speed_mps]
            at[(1, 0, 2)[changed]] += sign * 1e-6
            ends.append(float(law.drive(view((*at, math.inf, gap_m, speed_mps, 0.0, 0.0)), ())[0][0, 0]))
        found.append((ends[0] - ends[1]) / 2e-6)
    return found[0], found[1], found[2]


def slowest_decay(a_s: float, a_v: float, a_l: float, vehicle_count: int = 22) -> float:
    """Return the largest growth rate of the modes of a ring: roots of x^2 - (a_v + a_l z) x + a_s (1 - z)."""
    rates = []
    for mode in range(1, vehicle_count):
        z = np.exp(-2j * np.pi * mode / vehicle_count)
        rates += [root.real for root in np.roots([1, -(a_v + a_l * z), a_s * (1 - z)])]
    return max(rates)


MEMORYLESS = [
    (Idm(), 4.0),
    (Idm(headway_s=1.5, accel_mps2=1.4, comfortable_mps2=2.0), 40.0),
    (Ovm(), 15.0),
    (Ovm(speed_gain=2.0), 15.0),
    (Ovm(speed_gain=0.0), 8.0),
    (LinearOvm(), 8.0),
    (LinearOvm(adaptation_s=0.2, headway_s=1.0), 8.0),
    (BandoFtl(), 5.5),
    (BandoFtl(), 9.0),
    (Cfm(), 8.0),
    (Cfm(speed_gain=1.2), 8.0),
    (Acc(), 10.0),
    (Acc(speed_gain=0.9, headway_s=2.0), 10.0),
    (Gipps(), 8.0),
]


@pytest.mark.parametrize(
    ("law", "gap_m"), MEMORYLESS, ids=[f"{type(law).__name__}-{index}" for index, (law, _) in enumerate(MEMORYLESS)]
)
def test_waves_grow_where_linear_theory_says_so(law: Any, gap_m: float):
    a_s, a_v, a_l = slopes(law, gap_m, speed_at(law, gap_m))
    expected = slowest_decay(a_s, a_v, a_l)
    found = growth(law, gap_m)
    assert abs(expected) > 1e-3, "choose a case away from the border"
    assert (found > 0) == (expected > 0)
    # A ring knows fewer waves than an endless road, so it may be calm where the road is not, never the other way.
    if expected > 0:
        assert a_v**2 - a_l**2 < 2 * a_s


def test_a_short_cooperative_headway_is_stable_where_the_measured_cruise_control_is_not():
    assert growth(Acc(headway_s=1.1), 8.0) > 0
    assert growth(Cacc(), 8.0) < 0
    assert growth(Lacc(), 8.0) < 0
    assert growth(Bcm(), 8.0) < 0


def test_without_the_guard_bandos_law_drives_into_a_standing_queue():
    nearest = []
    for law in (Ovm(speed_gain=0.0), Ovm(speed_gain=0.0, is_guarded=False)):
        gap, speed, still = 100.0, 20.0, 0.0
        smallest = gap
        for _ in range(600):
            accel = float(law.drive(view((speed, gap, still, math.inf, 10.0, 0.0, 0.0, 0.0)), ())[0][0, 0])
            after = max(speed + 0.1 * accel, 0.0)
            gap, speed = gap - 0.05 * (speed + after), after
            smallest = min(smallest, gap)
        nearest.append(smallest)
    assert nearest[0] > 0 > nearest[1]


def test_no_law_carries_more_than_a_road_can():
    for name, law in LAWS.items():
        speeds = np.linspace(0.5, law().desired_speed_mps, 200)
        capacity = max(3600 * speed / (law().equilibrium_gap_m(speed) + 5) for speed in speeds)
        # Cooperation is what makes short gaps possible; Nakayama's circuit has no fast traffic.
        assert 900 < capacity < (4100 if name in ("cacc", "linear_ovm") else 3000), name


@pytest.mark.parametrize("name", sorted(LAWS))
def test_impossible_laws_are_refused(name: str):
    for value in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(BadSettings, match="desired_speed_mps"):
            LAWS[name](desired_speed_mps=value)
    names = {field.name for field in dataclasses.fields(LAWS[name])}
    if "noise_intensity" in names:
        with pytest.raises(BadSettings, match="noise_intensity"):
            LAWS[name](noise_intensity=-0.1)
