"""A search for a few numbers finds them, the same ones for the same seed, and its policy does their sum."""

from collections.abc import Sequence
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from proving.cli import run
from proving.traffic.errors import BadSettings
from proving.traffic.learn.few_numbers import (
    AT_MERGES,
    FEW_NUMBERS,
    Number,
    Search,
    kept_of,
    search,
    searched,
    weighted,
)
from proving.traffic.learn.policy import load
from proving.traffic.learn.shipped import shipped_on_network
from proving.traffic.tasks import NETWORK_TASKS

NUMBERS = (Number("", 0.0, 3.0), Number("speed", 5.0, 3.0))


def earned(values: np.ndarray, seeds: Sequence[int]) -> np.ndarray:
    (one, two), (seed, _) = values.T, seeds
    return -((one - 2) ** 2) - (two + 1) ** 2 + seed / 2**32


def test_the_best_numbers_are_found() -> None:
    found = list(search(NUMBERS, Search(generation_count=30), 0, earned))
    assert found[-1].numbers == pytest.approx((2, -1), abs=0.3)
    assert found == list(search(NUMBERS, Search(generation_count=30), 0, earned))
    assert found[:3] == list(search(NUMBERS, Search(generation_count=3), 0, earned))


def test_a_policy_says_the_sum_inside_the_bounds() -> None:
    task = NETWORK_TASKS["merge0_by_vehicle"]
    policy = weighted(task, (Number("", 0, 1), Number("count_0", 0, 1, also=("count_1",))), (20.0, -30.0))
    count = jnp.asarray([0.0, 0.5, 1.0])
    for name in ("count_0", "count_1"):
        seen = jnp.zeros((len(task.sight.names), 3, 1)).at[task.sight.names.index(name)].set(count[:, None])
        assert np.ravel(policy.act(seen)) == pytest.approx([20.0, 5.0, task.action_low], abs=1e-4)


def test_a_collision_never_pays_whether_rewards_are_won_or_lost() -> None:
    total = jnp.asarray([5.0, 5.0, -5.0, -5.0])
    assert kept_of(total, jnp.asarray([False, True, False, True])).tolist() == [5.0, 0.0, -5.0, -10.0]


def test_every_number_is_of_something_that_is_seen() -> None:
    for name, numbers in FEW_NUMBERS.items():
        assert {name for number in numbers for name in number.features} <= {*NETWORK_TASKS[name].sight.names}
    with pytest.raises(BadSettings, match="task 'grid0_by_signal' does not see 'slow_0'"):
        next(searched(NETWORK_TASKS["grid0_by_signal"], AT_MERGES, Search(), 0))


def test_searches_that_cannot_be_are_refused_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(BadSettings, match="best_count from 1 to below policy_count"):
        Search(best_count=24)
    assert run(["traffic", "search", "grid0"]) != 0
    assert "few numbers are searched for figureeight0_by_vehicle" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["bottleneck0_by_cell", "figureeight0_by_vehicle", "grid0_by_signal"])
def test_the_numbers_by_hand_that_are_shipped_are_those_that_a_search_starts_from(name: str, tmp_path: Path) -> None:
    shipped, path = shipped_on_network(name), tmp_path / "start.npz"
    said = shipped.card.command.split()[1:]
    assert run([*said, "--out", str(path)]) == 0
    for (weight, bias), (same_weight, same_bias) in zip(shipped.layers, load(path).layers, strict=True):
        assert (weight == same_weight).all()
        assert (bias == same_bias).all()
