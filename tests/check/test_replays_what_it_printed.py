"""A token brings the same failure back, or says clearly why it cannot."""

import dataclasses
import json
import random
from collections.abc import Callable

import pytest

from proving.check.errors import BadToken, NoSuchCheck, WrongOption
from proving.check.replay import fingerprint, make_token, read_token, replay
from proving.check.same_as_model import Check, Failure, Kind, Step, draw_steps, same_as_model
from proving.check.scenarios import CHECKS
from proving.check.search import Budget, search
from proving.check.shrink import shrink
from proving.cli import run

LYING = CHECKS["check.toy_on_lying_disk"]


@pytest.fixture(scope="module")
def failure() -> Failure:
    found = search(LYING, Budget(seeds=range(20))).failure
    assert found is not None
    return found


@pytest.fixture(scope="module")
def token(failure: Failure) -> str:
    return make_token(LYING, shrink(LYING, failure).failure)


def test_a_token_of_operations_as_drawn_holds_only_their_ids(failure: Failure):
    token = make_token(LYING, failure)
    assert all(changed is None for _, changed in read_token(token).steps)
    assert len(token) < 250
    assert replay(LYING, read_token(token)).failure == failure


def test_a_token_may_be_copied_in_small_letters_and_over_lines(token: str):
    assert read_token(f" {token[:20].lower()}\n{token[20:]} ") == read_token(token)


def test_any_damage_is_noticed(token: str):
    rng = random.Random(5)
    for _ in range(300):
        at = rng.randrange(len(token))
        damaged = rng.choice(
            [token[:at], token[:at] + rng.choice("ABCDEFGHIJ234567") + token[at + 1 :], token + "7AAAAAAA"]
        )
        if damaged != token:
            with pytest.raises(BadToken, match="copy it whole"):
                read_token(damaged)


def test_any_values_survive_a_token():
    @dataclasses.dataclass(frozen=True)
    class Anything:
        value: object

    values = (0, 127, 128, -1, 2**70, -(2**70), True, False, None, 1.5, "ä\n", b"\0\xff", (), (1, ("x", (b"",))))
    rng = random.Random(0)
    check = Check(
        name="check.values",
        about="",
        setup=lambda rng: None,
        start=lambda setup, seed: (None, None),
        kinds=(
            Kind(
                operation=Anything,
                weight=1,
                draw=lambda rng, setup: Anything(0),
                thing=lambda thing, operation: None,
                model=lambda model, operation: None,
            ),
        ),
    )
    steps = tuple(Step(rng.randrange(10**6), Anything(value)) for value in values)
    failure = Failure("check.values", 2**40, "p", 0, "", "", steps)
    read = read_token(make_token(check, failure))
    again = replay(check, read)
    assert again.steps == steps
    assert [type(step.operation.value) for step in again.steps] == [type(value) for value in values]
    assert (read.seed, read.property, read.check) == (2**40, "p", "check.values")


def test_another_alphabet_is_told_and_tried(token: str):
    kinds = (dataclasses.replace(LYING.kinds[0], weight=9.0), *LYING.kinds[1:])
    changed = dataclasses.replace(LYING, kinds=kinds)
    assert fingerprint(changed) != fingerprint(LYING)
    again = replay(changed, read_token(token))
    assert not again.is_same_alphabet
    assert again.failure is not None


def test_an_operation_that_is_gone_is_named(token: str):
    without = dataclasses.replace(LYING, kinds=tuple(kind for kind in LYING.kinds if kind.name != "Put"))
    with pytest.raises(BadToken, match="Put"):
        replay(without, read_token(token))


def test_taking_operations_away_leaves_the_others_as_they_were():
    whole = draw_steps(LYING, 7, range(40))
    assert draw_steps(LYING, 7, [3, 17, 39]) == (whole[3], whole[17], whole[39])
    assert draw_steps(LYING, 8, range(40)) != whole


def test_shrinking_keeps_the_property_and_ends_within_its_budget(failure: Failure):
    for budget in (0, 1, 5, 200):
        small = shrink(LYING, failure, replay_budget=budget)
        assert small.replay_count <= budget
        assert small.failure.property == failure.property
        assert len(small.failure.steps) <= failure.index + 1


def test_undeclared_errors_of_the_thing_are_failures():
    check = dataclasses.replace(
        LYING, kinds=(dataclasses.replace(LYING.kinds[0], thing=lambda world, operation: 1 // 0),)
    )
    found = same_as_model(check, 0)
    assert found is not None
    assert found.property == "raises only declared errors"
    assert "ZeroDivisionError" in found.got


@pytest.mark.parametrize("shard_count", [1, 3])
def test_shards_share_the_seeds_without_overlap(shard_count: int):
    counts = [
        search(CHECKS["check.toy"], Budget(seeds=range(30), shard_index=index, shard_count=shard_count)).scenario_count
        for index in range(shard_count)
    ]
    assert sum(counts) == 30


def test_a_budget_ends_the_search():
    ticks = iter(range(1000))
    searched = search(CHECKS["check.toy"], Budget(seeds=range(999), seconds=5), monotonic_s=lambda: float(next(ticks)))
    assert searched.scenario_count == 4


def test_the_commands_list_run_and_replay(capsys: pytest.CaptureFixture[str]):
    assert run(["check", "list"]) == 0
    assert "check.toy " in capsys.readouterr().out
    assert run(["check", "run", "check.toy", "--seeds", "0-20"]) == 0
    assert "no failure in 21 scenarios" in capsys.readouterr().out
    assert run(["check", "run", "check.toy_on_lying_disk"]) == 1
    printed = capsys.readouterr().out
    assert "<- here" in printed
    command = printed[printed.index("proving check replay") :].split()
    assert run(command[1:]) == 1
    assert "fails, seed" in capsys.readouterr().out
    assert run(["check", "run", "check.toy_on_lying_disk", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["failure"]["operations"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run", "check.tyo"], "did you mean 'check.toy'"),
        (["run", "no.module:CHECK"], "cannot import 'no.module'"),
        (["run", "proving.check.scenarios:NOTHING"], "no Check called 'NOTHING'"),
        (["run", "check.toy", "--seeds", "9-3"], "--seeds wants"),
        (["run", "check.toy", "--budget", "soon"], "--budget wants"),
        (["run", "check.toy", "--shard", "3/3"], "--shard wants"),
        (["run", "check.toy", "--operations", "0"], "--operations wants"),
        (["replay", "NOTATOKEN"], "copy it whole"),
        (["replay", "1189"], "copy it whole"),
    ],
)
def test_wrong_use_is_one_clear_line(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]):
    assert run(["check", *arguments]) == 2
    complaint = capsys.readouterr().err
    assert says in complaint
    assert complaint.count("\n") == 1


def test_errors_are_builtin_errors_too():
    assert issubclass(BadToken, ValueError)
    assert issubclass(NoSuchCheck, LookupError)
    assert issubclass(WrongOption, ValueError)


def test_a_check_refuses_an_alphabet_that_cannot_be_drawn_from():
    refuse: list[Callable[[], object]] = [
        lambda: dataclasses.replace(LYING, kinds=()),
        lambda: dataclasses.replace(LYING, kinds=(LYING.kinds[0], LYING.kinds[0])),
        lambda: dataclasses.replace(LYING, operation_count=0),
        lambda: dataclasses.replace(LYING, kinds=(dataclasses.replace(LYING.kinds[0], weight=0),)),
    ]
    for make in refuse:
        with pytest.raises(ValueError, match=r"check\.toy_on_lying_disk"):
            make()
