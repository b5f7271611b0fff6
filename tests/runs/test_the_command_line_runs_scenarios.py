"""`proving runs` lists, runs, shows and replays scenarios; wrong use is told in one line."""

import json
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from trial_scenarios import BAD_ROW, Trial, attempts

from proving.runs import Job, read_rows, run_jobs
from proving.runs.records import write_rows
from proving.runs.scenarios import SCENARIOS, Coin

Proving = Callable[..., Any]
HERE = Path(__file__).resolve().parent
TRIALS = str(HERE / "trial_scenarios.py")


def test_list_names_what_can_be_run(proving: Proving, tmp_path: Path) -> None:
    done = proving("runs", "list")
    assert done.returncode == 0, done.stderr
    assert "runs.coin" in done.stdout
    assert "Toss a coin" in done.stdout
    listed = json.loads(proving("runs", "list", "--json").stdout)
    coin = next(each for each in listed["scenarios"] if each["name"] == "runs.coin")
    assert coin["config"] == {"tosses": 1000, "heads_share": 0.5}


def test_any_module_or_file_may_hold_scenarios(proving_apart: Proving, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from proving.runs.scenarios import *\n"
        "MINE = {'mine.coin': Scenario('mine.coin', 'My own coin.', Coin(tosses=3), toss)}\n"
    )
    for seed, address in enumerate(("mine:MINE", "./mine.py:mine.coin")):
        ran = proving_apart("runs", "run", address, "--seeds", f"{seed}", "--workers", "1")
        assert ran.returncode == 0, ran.stderr
    rows = read_rows(tmp_path / "records" / "mine.coin.parquet")
    assert [row["scenario"] for row in rows] == ["mine.coin"] * 2
    again = proving_apart(*shlex.split(str(rows[0]["repeat"]))[1:])
    assert again.returncode == 0, again.stderr


def test_list_names_the_scenarios_of_one_module(proving: Proving, tmp_path: Path) -> None:
    (tmp_path / "theirs.py").write_text(
        "from proving.runs.scenarios import *\n"
        "THEIRS = {'their.coin': Scenario('their.coin', 'Their own coin.', Coin(tosses=3), toss)}\n"
    )
    for address in ("theirs:THEIRS", "theirs.py:THEIRS", "theirs:their.coin", "./theirs.py:their.coin"):
        done = proving("runs", "list", address)
        assert "their.coin" in done.stdout, done.stderr
        assert "runs.coin" not in done.stdout


def test_a_package_without_its_dependency_is_listed_with_what_it_needs(tmp_path: Path) -> None:
    # Here NumPy is what cannot be imported.
    code = (
        "import sys; sys.modules['numpy'] = None\n"
        "from proving.runs.discovery import rooms\n"
        "print([room.problem for room in rooms() if room.package == 'runs'])\n"
        "from proving.cli import run\n"
        "sys.exit(run(['runs', 'run', 'runs.coin']))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "needs pip install 'proving[all]' ('numpy' is not installed)" in done.stdout, done.stderr
    assert done.returncode == 2
    assert done.stderr == "proving: 'numpy' is not installed; it comes with: pip install 'proving[all]'\n"


def test_run_records_each_seed_once_and_says_what_came_out(proving: Proving, tmp_path: Path) -> None:
    words = ("runs", "run", "runs.coin", "--set", "tosses=50", "heads_share=.25", "--record", "out/r.parquet")
    first = proving(*words, "--seeds", "0-3")
    assert first.returncode == 0, first.stderr
    assert "4 finished, 0 recorded before, 0 failed" in first.stderr
    assert "runs.coin: 4 ok" in first.stdout
    assert "heads_share" in first.stdout
    second = proving(*words, "--seeds", "2-5,9", "--pool", "here", "--json")
    told = json.loads(second.stdout)
    assert (told["finished"], told["skipped"], told["failed"]) == (3, 2, 0)
    rows = read_rows(tmp_path / "out" / "r.parquet")
    assert [row["seed"] for row in rows] == [0, 1, 2, 3, 4, 5, 9]
    assert {row["config"] for row in rows} == {'{"heads_share":0.25,"tosses":50}'}


def test_settings_come_from_the_scenario_then_the_file_then_the_command(proving: Proving, tmp_path: Path) -> None:
    (tmp_path / "coin.toml").write_text("tosses = 20\nheads_share = 0.75\n")
    words = ("runs", "run", "runs.coin", "--config", "coin.toml", "--set", "tosses=30", "--pool", "here")
    assert proving(*words).returncode == 0
    row = read_rows(tmp_path / "records" / "runs.coin.parquet")[0]
    assert row["config"] == '{"heads_share":0.75,"tosses":30}'


def test_show_gives_mean_and_spread_over_the_seeds(proving: Proving, tmp_path: Path) -> None:
    for tosses in ("1", "40"):
        proving(
            "runs",
            "run",
            "runs.coin",
            "--seeds",
            "0-2",
            "--set",
            f"tosses={tosses}",
            "--record",
            "r.parquet",
            "--pool",
            "here",
        )
    text = proving("runs", "show", "r.parquet").stdout
    assert "tosses=1\n" in text
    assert "tosses=40\n" in text
    groups = json.loads(proving("runs", "show", "r.parquet", "--json").stdout)["groups"]
    assert [(group["ok_count"], group["differing"]) for group in groups] == [(3, ["tosses=1"]), (3, ["tosses=40"])]
    shares = [float(row["heads_share"]) for row in read_rows(tmp_path / "r.parquet")[3:]]
    spread = next(each for each in groups[1]["spreads"] if each["column"] == "heads_share")
    mean = sum(shares) / 3
    assert spread["mean"] == pytest.approx(mean)
    assert spread["deviation"] == pytest.approx((sum((share - mean) ** 2 for share in shares) / 2) ** 0.5)
    assert (spread["smallest"], spread["largest"], spread["count"]) == (min(shares), max(shares), 3)


def test_a_failed_job_is_repeated_by_its_own_command(proving: Proving, proving_apart: Proving, tmp_path: Path) -> None:
    folder = tmp_path / "a folder"
    folder.mkdir()
    record = folder / "it's.parquet"
    outcome = run_jobs(attempts(folder, 3, raise_at=(1,)), record=record)
    failed = outcome.rows()[1]
    assert (outcome.finished, outcome.failed) == (2, 1)
    assert "RuntimeError: seed 1 was told to fail" in str(failed["error"])
    assert 'raise RuntimeError(f"seed {seed}' in str(failed["error"])
    program, *words = shlex.split(str(failed["repeat"]))
    assert program == "proving"

    # The module is found from the folder that it lies in.
    again = proving_apart(*words, folder=HERE)
    assert again.returncode == 1
    assert again.stdout.rstrip() == failed["error"]
    shown = proving("runs", "show", str(record))
    assert "2 ok, 1 failed" in shown.stdout
    assert str(failed["repeat"]) in shown.stdout
    fine = proving(*shlex.split(str(outcome.rows()[2]["repeat"]))[1:])
    assert fine.returncode == 0, fine.stderr
    assert "word = n2" in fine.stdout


def test_a_run_with_a_failed_job_leaves_with_one(proving: Proving, tmp_path: Path) -> None:
    words = ("runs", "run", f"{TRIALS}:trial.attempt", "--seeds", "0-2", "--record", "r.parquet")
    done = proving(*words, "--set", "raise_at=[1]", f"folder={tmp_path}")
    assert done.returncode == 1, done.stderr
    assert "2 finished, 0 recorded before, 1 failed" in done.stderr
    assert "seed 1: RuntimeError: seed 1 was told to fail" in done.stdout


def test_replay_tells_when_a_row_is_no_longer_what_it_was(proving: Proving, tmp_path: Path) -> None:
    record = tmp_path / "r.parquet"
    proving("runs", "run", "runs.coin", "--seeds", "0-1", "--record", str(record), "--pool", "here")
    same = proving("runs", "replay", "r.parquet", "1")
    assert same.returncode == 0, same.stderr
    rows = read_rows(record)
    write_rows([rows[0], {**rows[1], "longest_run": -5}], record)
    other = proving("runs", "replay", "r.parquet", "runs.coin:1")
    assert other.returncode == 1
    assert "not the same as recorded: longest_run: recorded -5, now" in other.stderr


def test_a_scenario_that_has_lost_a_setting_says_so(proving: Proving, tmp_path: Path) -> None:
    record = tmp_path / "r.parquet"
    run_jobs([Job(BAD_ROW, Trial(), 0)], record=record)
    row = read_rows(record)[0]
    write_rows([{**row, "config": '{"tosses":1}'}], record)
    done = proving("runs", "replay", "r.parquet", "0", "--module", TRIALS)
    assert done.returncode == 2
    assert "Trial: unknown key 'tosses'" in done.stderr


def test_a_sweep_runs_all_combinations_into_one_record(proving: Proving, tmp_path: Path) -> None:
    sweeps = ("--sweep", "tosses=5,50", "heads_share=0.1,0.5")
    done = proving("runs", "run", "runs.coin", "--seeds", "0-2", *sweeps, "--pool", "here", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["finished"] == 12
    differing = {tuple(group["differing"]) for group in told["groups"]}
    assert differing == {(f"heads_share={h}", f"tosses={t}") for h in (0.1, 0.5) for t in (5, 50)}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("run runs.con", "unknown scenario 'runs.con'; did you mean 'runs.coin'?"),
        ("run runs.coin --seeds 5-2", "--seeds: '5-2' is no list of seeds; write 0-9 or 1,2,5"),
        ("run runs.coin --seeds one", "--seeds: 'one' is no list of seeds"),
        ("run runs.coin --seeds 1,,2", "--seeds: '1,,2' is no list of seeds"),
        ("run runs.coin --seeds 0-99999999", "more than 1,000,000 seeds"),
        ("run runs.coin --set toses=1", "--set: unknown key 'toses'; did you mean 'tosses'?"),
        ("run runs.coin --set tosses", "--set: 'tosses' is not key=value"),
        ("run runs.coin --set tosses=many", "--set: tosses: expected int, got str"),
        ("run runs.coin --set tosses=0", "--set: tosses must be at least 1, got 0"),
        ("run runs.coin --sweep tosses=1,,2", "--sweep: 'tosses=1,,2' is not key=value,value,..."),
        ("run runs.coin --workers 0", "--workers"),
        ("run runs.coin --pool gpu", "--pool"),
        ("run runs.coin --config none.toml", "none.toml: no such file"),
        ("run runs.coin --config bad.toml", "bad.toml: unknown key 'toses'; did you mean 'tosses'?"),
        ("run runs.coin --record bad.toml", "bad.toml: not a Parquet file"),
        ("run no.module:SCENARIOS", "cannot import 'no.module'"),
        ("run none.py:SCENARIOS", "none.py: no such file"),
        ("run json:SCENARIOS", "json has no scenario 'SCENARIOS'"),
        ("show none.parquet", "none.parquet: no such record"),
        ("show .", "Is a directory"),
        ("replay bad.toml 0", "bad.toml: not a Parquet file"),
        ("replay good.parquet runs.coin:0:0", "no row has the key 'runs.coin:0:0'; did you mean 'runs.coin:0:"),
        ("replay good.parquet 7", "there is no row 7; rows are numbered from 0 to 1"),
        ("replay good.parquet runs", "'runs' is the start of 2 keys"),
    ],
)
def test_wrong_use_is_told_in_one_line(words: str, says: str, proving: Proving, tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("toses = 3\n")
    run_jobs([Job(SCENARIOS["runs.coin"], Coin(), seed) for seed in range(2)], record=tmp_path / "good.parquet")
    done = proving("runs", *words.split())
    assert done.returncode == 2
    assert done.stdout == ""
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


def test_without_ray_it_is_told_how_to_get_it(proving: Proving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    done = proving("runs", "run", "runs.coin", "--pool", "ray")
    assert done.returncode == 2
    assert "Ray is not installed; it comes with: pip install 'proving[ray]'" in done.stderr
