"""Changes, cases and answers are said as a reader would say them."""

import re

from hypothesis import given
from hypothesis import strategies as st

from proving.corridor.effects import Effect, Measure
from proving.corridor.wording import NAMES, answer_in_words, case_name, condition_of, effect_in_words
from proving.traffic.worlds import CONTROLLER_NAMES

CHANGES = st.floats(-3, 3)


def effect(change: float, low: float, high: float, *, is_relative: bool) -> Effect:
    measure = Measure("m", "measure, m", is_relative=is_relative)
    return Effect(measure, "acc", 0.05, 1.0, 1.0 + change, change, low, high, pair_count=2, worse_count=0)


@given(CHANGES, CHANGES, CHANGES, st.booleans())
def test_every_change_has_a_sign_unless_it_is_nothing(
    change: float, low: float, high: float, is_relative: bool
) -> None:
    said = effect_in_words(effect(change, low, high, is_relative=is_relative))
    number = r"(?:[+−][\d.]*[1-9][\d.]*|0(?:\.00)?)" + ("\N{NO-BREAK SPACE}%" if is_relative else "")
    assert re.fullmatch(rf"{number} \({number} to {number}\)", said), said


def test_controllers_bear_the_names_that_papers_gave_them() -> None:
    assert set(NAMES) <= set(CONTROLLER_NAMES)
    assert case_name("none", 0.0) == "people only"
    assert case_name("follower_stopper", 0.05) == "5\N{NO-BREAK SPACE}% FollowerStopper"
    assert case_name("pi_saturation", 0.1) == "10\N{NO-BREAK SPACE}% PI with saturation"
    assert not any("_" in case_name(name, 0.5) for name in CONTROLLER_NAMES)


def test_answers_have_units_and_end() -> None:
    assert answer_in_words("[]") == "nothing: no row fits"
    said = answer_in_words('[{"mean_speed_mps": 22.0512, "samples": 1514, "lane": null}]')
    assert said == "mean speed 22.05\N{NO-BREAK SPACE}m/s, samples 1,514, lane None"
    assert answer_in_words('[{"n": 1}, {"n": 2}, {"n": 3}, {"n": 4}, {"n": 5}]').endswith("n 3; and 2 more rows")


def test_a_question_is_told_by_its_condition() -> None:
    assert condition_of("SELECT a FROM t WHERE x < 1\n AND y > 2 GROUP BY a") == "x < 1 AND y > 2"
    assert condition_of("SELECT a FROM t") == "SELECT a FROM t"
