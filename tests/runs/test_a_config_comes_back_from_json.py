"""A config written as JSON comes back the same, or is refused before any job is done."""

import json
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proving.runs import Job, Scenario, WrongConfig, config_from_json, config_to_json
from proving.runs.scenario import key_of
from proving.runs.scenarios import SCENARIOS, Coin


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True, kw_only=True)
class Inner:
    gap_m: float = 1.0
    folder: Path | None = None
    name: str = ""


@dataclass(frozen=True, kw_only=True)
class Outer:
    inner: Inner = field(default_factory=Inner)
    many: tuple[Inner, ...] = ()
    pair: tuple[int, str] = (0, "")
    shares: tuple[float, ...] = ()
    colour: Colour = Colour.RED
    kind: Literal["a", "b"] = "a"
    maybe: Inner | None = None
    named: dict[str, int] = field(default_factory=dict)
    is_on: bool = False


numbers = st.floats(allow_nan=False)
inners = st.builds(Inner, gap_m=numbers, folder=st.none() | st.builds(Path, st.text()), name=st.text())
outers = st.builds(
    Outer,
    inner=inners,
    many=st.lists(inners, max_size=3).map(tuple),
    pair=st.tuples(st.integers(), st.text()),
    shares=st.lists(numbers, max_size=4).map(tuple),
    colour=st.sampled_from(Colour),
    kind=st.sampled_from(("a", "b")),
    maybe=st.none() | inners,
    named=st.dictionaries(st.text(), st.integers(0, 9), max_size=3),
    is_on=st.booleans(),
)


@given(outers)
def test_a_config_comes_back_the_same(config: Outer) -> None:
    text = config_to_json(config)
    assert config_from_json(text, Outer) == config
    assert config_to_json(config_from_json(text, Outer)) == text
    assert "\n" not in text
    json.loads(text, parse_constant=pytest.fail)  # no NaN or Infinity, which are no JSON


def test_equal_configs_have_one_key_and_others_have_others() -> None:
    coin = SCENARIOS["runs.coin"]
    assert Job(coin, Coin(heads_share=1), 0).key == Job(coin, Coin(heads_share=1.0), 0).key
    keys = {Job(coin, Coin(tosses=tosses), seed).key for tosses in (1, 2) for seed in (0, 1)}
    assert len(keys) == 4
    job = Job(coin, Coin(), 7)
    assert key_of("runs.coin", job.config_json, 7) == job.key


def test_a_key_stays_what_it_is() -> None:
    # Records of earlier versions are resumed by it.
    assert Job(SCENARIOS["runs.coin"], Coin(), 3).key == "runs.coin:3:e029e1b3c0944709"


@pytest.mark.parametrize(
    ("config", "says"),
    [
        (Inner(), "config must be of class Outer, got Inner"),
        ({"is_on": True}, "config must be of class Outer, got dict"),
        (Outer(shares=(float("nan"),)), "NaN"),
        (Outer(pair=("x", 1)), r"pair\[0\]: expected int, got str"),
        (Outer(inner={"gap_m": 1.0}), "does not come back the same"),
        (Outer(shares=[1.0]), "does not come back the same"),
        (Outer(maybe=object()), "not object"),
    ],
)
def test_a_config_that_cannot_be_recorded_is_refused_at_once(config: object, says: str) -> None:
    scenario = Scenario("trial.outer", "Nothing.", Outer(), run=run_nothing)
    with pytest.raises(WrongConfig, match=says):
        Job(scenario, config, 0)


@pytest.mark.parametrize("seed", [1.0, True, "1", None, 2**63])
def test_a_seed_is_a_whole_number(seed: int) -> None:
    with pytest.raises(WrongConfig, match="seed must be a whole number"):
        Job(SCENARIOS["runs.coin"], Coin(), seed)


@pytest.mark.parametrize("text", ["{", "[]", "3", '{"tosses": "many"}', '{"toses": 1}', '{"tosses": 0}'])
def test_text_that_is_no_such_config_is_refused(text: str) -> None:
    with pytest.raises(WrongConfig):
        config_from_json(text, Coin)


def test_a_scenario_that_workers_cannot_import_is_refused() -> None:
    coin = SCENARIOS["runs.coin"]
    with pytest.raises(ValueError, match="function of a module"):
        replace(coin, run=lambda config, seed: {"sum": config.tosses + seed})
    with pytest.raises(ValueError, match=r"package\.what"):
        replace(coin, name="coin")
    with pytest.raises(TypeError, match="instance of a dataclass"):
        replace(coin, config=Coin)


def run_nothing(config: Outer, seed: int) -> dict[str, int]:
    del config
    return {"x": seed}
