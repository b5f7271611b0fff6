"""`proving traffic train`, `evaluate`, `benchmark`, `replay`: they do what they say, and mistakes get one line."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from proving.cli import run
from proving.traffic.learn import load
from proving.traffic.learn.law import shipped_names
from proving.traffic.tasks import LANE_TASKS, TASKS, Task

QUICK = ["--worlds", "32", "--rollout", "8", "--minibatches", "4", "--iterations", "4", "--width", "16"]


@pytest.fixture(autouse=True)
def _known(guessing: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    """A task so small that compiling it is all the work, under its name beside the others."""
    monkeypatch.setitem(TASKS, "guessing", guessing)
    monkeypatch.setitem(LANE_TASKS, "guessing", guessing)


@pytest.fixture(scope="module")
def trained(guessing: Task, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a training of two seeds."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(TASKS, "guessing", guessing)
        assert run(["traffic", "train", "guessing", *QUICK, "--seeds", "0-1", "--out", str(folder)]) == 0
    return folder


def test_a_training_leaves_policies_curves_and_a_page(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = pq.read_table(trained / "curve.parquet").to_pylist()
    assert [(row["seed"], row["iteration"]) for row in rows] == [(seed, i) for seed in (0, 1) for i in (1, 2, 3, 4)]
    assert rows[-1]["decisions"] == 4 * 32 * 8
    assert (trained / "report.html").read_text(encoding="utf-8").count("<svg") >= 4
    card = load(trained / "seed_1" / "policy.npz").card
    assert card.command.startswith(
        "proving traffic train guessing --algorithm ppo --seeds 1 --iterations 4 --worlds 32"
    )
    # The same command again has nothing left to do, and says the same.
    before = (trained / "seed_0" / "policy.npz").read_bytes()
    capsys.readouterr()
    assert run(["traffic", "train", "guessing", *QUICK, "--seeds", "0-1", "--out", str(trained), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert Path(answer["policy"]).is_file()
    assert answer["rows"] == 8
    assert (trained / "seed_0" / "policy.npz").read_bytes() == before


def test_a_policy_is_judged_on_each_length_of_ring(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    policy = str(trained / "seed_0" / "policy.npz")
    assert (
        run(["traffic", "evaluate", policy, "--lengths-m", "70", "--lengths-m", "80", "--seeds", "0,1", "--json"]) == 0
    )
    rows = json.loads(capsys.readouterr().out)
    assert [(row["who"], row["length_m"]) for row in rows] == [
        ("people", 70), ("policy", 70), ("people", 80), ("policy", 80),
    ]  # fmt: skip
    assert all(row["collided_share"] == row["collided_where_people_do_not_share"] == 0 for row in rows)


def test_a_benchmark_has_people_controllers_and_the_policy(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    policy = str(trained / "seed_0" / "policy.npz")
    command = ["traffic", "benchmark", "guessing", "--policy", policy, "--laws", "idm", "--seeds", "0"]
    assert run([*command, "--controllers", "follower_stopper", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["law"], row["who"]) for row in rows] == [
        ("idm", "people"), ("idm", "follower_stopper"), ("idm", "policy"),
    ]  # fmt: skip
    assert rows[0]["fuel_saved_share"] == 0
    assert rows[0]["verdict"] in ("waves", "no waves")
    assert run([*command, "--controllers", "follower_stopper"]) == 0
    assert "fuel_saved_share" in capsys.readouterr().out.splitlines()[0]


def test_a_replay_is_a_table_or_a_page(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    policy = str(trained / "seed_0" / "policy.npz")
    for name in ("run.parquet", "run.html"):
        out = tmp_path / name
        assert run(["traffic", "replay", policy, "--length-m", "75", "--out", str(out)]) == 0
        assert "fuel_l_per_100km" in capsys.readouterr().out
    table = pq.read_table(tmp_path / "run.parquet")
    # Eight decisions of one step each, three vehicles, one of them automated.
    assert table.num_rows == 8 * 3
    assert sum(table["is_automated"].to_pylist()) == 8
    assert "policy" in (tmp_path / "run.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["train", "gessing"], "did you mean 'guessing'"),
        (["train", "zzzzzz"], "`proving traffic tasks` lists the tasks"),
        (["train", "guessing", "--algorithm", "sac"], "algorithm must be one of ppo, es"),
        (["train", "guessing", "--algorithm", "es", "--epochs", "2"], "es has no epoch_count"),
        (["train", "guessing", "--rollout", "3"], "rollout must divide"),
        (["train", "guessing", "--minibatches", "7"], "minibatch_count must divide"),
        (["train", "guessing", "--iterations", "0"], "iteration_count must be at least 1"),
        (["train", "guessing", "--rate", "nan"], "rate must be above 0"),
        (["train", "guessing", "--seeds", "a"], "no list of seeds"),
        (["train", "guessing", "--out", "{file}"], "is a file"),
        (["train", "guessing", "--drives", "{file}"], "has no leader"),
        (["train", "guessing", *QUICK, "--rate", "0.5", "--out", "{trained}"], "not 0.5"),
        (["evaluate", "nowhere.npz"], "nowhere.npz is not there"),
        (["evaluate", "{file}"], "is no policy"),
        (["evaluate", "{trained}"], "is a folder"),
        (["evaluate", "{policy}", "wave_attenuation_po"], "trained for 'guessing'"),
        (["evaluate", "{policy}", "--lengths-m", "3"], "do not fit"),
        (["benchmark", "guessing", "--laws", "newton"], "law must be one of"),
        (["benchmark", "guessing", "--controllers", "magic"], "controller must be one of"),
        (["benchmark", "figureeight0", "--controllers", "acc"], "road network, which takes no controllers"),
        (["benchmark", "figureeight0", "--laws", "newton"], "law must be one of"),
        (["benchmark", "merge0", "--sensing", "foggy"], "sensing must be one of perfect, drawn, worst"),
        (["benchmark", "merge0", "--densities", "9"], "density must be 0.2 to 2.0 times the task's"),
        (["benchmark", "multi_wave_attenuation_po", "--densities", "1.2"], "density of task 'multi_wave"),
        (["benchmark", "guessing", "--densities", "1.2"], "whose density is not varied"),
        (["evaluate", "{policy}", "--laws", "idm"], "`benchmark` asks for it behind other laws"),
        (["evaluate", "{policy}", "--sensing", "foggy"], "sensing must be one of perfect"),
        (["evaluate", "merge0_by_vehicle", "--laws", "newton"], "law must be one of"),
        (["search", "merge0_by_vehicle", "--sensing", "foggy"], "sensing must be one of perfect"),
        (["replay", "{policy}", "figureeight0", "--out", "run.html"], "one on a road network"),
        (["benchmark", "guessing", "--policy", "{checkpoint}"], "is no policy"),
        (["replay", "{policy}", "--out", "run.txt"], "must end in"),
        (["replay", "{policy}", "--out", "{file}/run.html"], "no folder"),
        (["export", "out.onnx", "--policy", "{file}"], "is no policy"),
    ],
)
def test_a_mistake_gets_one_line(
    words: list[str], says: str, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("no policy", encoding="utf-8")
    places = {
        "file": tmp_path / "file",
        "trained": trained,
        "policy": trained / "seed_0" / "policy.npz",
        "checkpoint": trained / "seed_0" / "checkpoint.npz",
    }
    words = [word.format(**places) for word in words]
    if words[0] == "train" and "--out" not in words:
        words += ["--out", str(tmp_path / "out")]
    capsys.readouterr()
    assert run(["traffic", *words]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert says in told.err
    assert len(told.err.strip().splitlines()) == 1


def test_what_can_be_learned_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["traffic", "tasks", "--json"]) == 0
    rows = {row["task"]: row for row in json.loads(capsys.readouterr().out)}
    assert list(rows) == list(TASKS)
    assert rows["merge0"]["sees"] == 25
    assert {name for name, row in rows.items() if row["scores"] is not None} == set(shipped_names())
    assert run(["traffic", "tasks"]) == 0
    told = capsys.readouterr().out
    assert all(task.about in told for task in TASKS.values())
    assert told.count("A policy for it comes along") == len(shipped_names())
