"""The command line simulates, and refuses wrong use in one line."""

import json
import subprocess
import sys
from pathlib import Path

import pyarrow.csv
import pyarrow.parquet
import pytest

from proving.cli import run
from proving.traffic.drivers import DRIVERS


@pytest.mark.parametrize(
    "arguments",
    [
        [
            *("ring", "--duration-s", "20", "--vehicle-count", "10", "--driver.headway-s", "1.2"),
            *("--emission-class", "HBEFA3/PC_G_EU4"),
        ],
        [
            "open",
            "--duration-s",
            "30",
            "--lane-count",
            "2",
            "--length-m",
            "300",
            "--slow-zone-m",
            "90",
            "--controller",
            "follower_stopper",
        ],
        ["platoon", "--vehicle-count", "4", "--controller", "pi_saturation", "--vehicle-class", "Pickup"],
    ],
)
def test_measures_are_printed_the_same_twice(arguments: list[str], capsys: pytest.CaptureFixture[str]):
    assert run(["traffic", "simulate", *arguments, "--seed", "3", "--json"]) == 0
    first = json.loads(capsys.readouterr().out)
    assert first["fuel_l_per_100km"] > 0
    assert first["collision_count"] == 0
    assert ("co2_g_per_veh_km" in first) == ("--emission-class" in arguments)
    assert first.get("co2_g_per_veh_km", 100) > 50
    assert run(["traffic", "simulate", *arguments, "--seed", "3"]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    lines = dict(line.split() for line in printed.out.splitlines())
    assert lines.keys() == first.keys()
    assert float(lines["mean_speed_mps"]) == pytest.approx(first["mean_speed_mps"], abs=6e-4)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_trajectories_are_written(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / f"run.{kind}"
    assert run(["traffic", "simulate", "ring", "--duration-s", "2", "--out", str(path)]) == 0
    table = pyarrow.csv.read_csv(path) if kind == "csv" else pyarrow.parquet.read_table(path)
    assert table.num_rows == 22 * 20
    assert table.column_names[:5] == ["time_s", "vehicle", "lane", "position_m", "speed_mps"]


def test_a_platoon_follows_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "drive.csv"
    path.write_text("t,v\n" + "".join(f"{second},{50 + second % 20}\n" for second in range(40)))
    columns = ["--time-column", "t", "--speed-column", "v", "--speed-unit", "km/h"]
    assert run(["traffic", "simulate", "platoon", str(path), *columns, "--json"]) == 0
    assert 10 < json.loads(capsys.readouterr().out)["mean_speed_mps"] < 20


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["ring", "--length-m", "50"], "22 vehicles of 5.0 m do not fit on a ring of 50.0 m"),
        (["ring", "--length-m", "inf"], "length_m must be above 0 and finite"),
        (["ring", "--duration-s", "1e9"], "make it shorter"),
        (["ring", "--driver.headway-s", "-1"], "headway_s must be above 0"),
        (["ring", "--law", "gipps", "--driver.comfortable-mps2", "2"], "law gipps has no comfortable_mps2"),
        (["ring", "--law", "wiedemann"], "krauss"),
        (["ring", "--reaction-s", "99"], "reaction_s must be from 0 to 100 steps"),
        (["ring", "--sensing.dropout-share", "1"], "dropout_share must be below 1"),
        (["ring", "--controller", "none_such"], "follower_stopper"),
        (["ring", "--failsafes", "brake"], "safe_velocity"),
        (["ring", "--vehicle-class", "midbase"], "did you mean 'midBase'?"),
        (["open", "--lane-count", "9"], "lane_count must be 1 to 8"),
        (["open", "--inflow-veh-per-h", "-3"], "inflow_veh_per_h"),
        (["platoon", "no_such.csv"], "no_such.csv: no such file"),
        (["platoon", "--speed-unit", "kmh"], "km/h"),
        (["platoon", "--out", "run.xls"], ".csv or .parquet"),
        (["platoon", "--vehicle-class", "tank"], "known: Compact"),
        (["network", "merge", "--duration-s", "1e9"], "flow 'highway_human' brings 5.56e+08 vehicles"),
    ],
)
def test_wrong_use_is_one_line_and_exit_2(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]):
    assert run(["traffic", "simulate", *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert words in printed.err


def test_a_road_that_more_want_to_enter_than_it_takes_is_told(capsys: pytest.CaptureFixture[str]):
    road = ["open", "--lane-count", "1", "--length-m", "300", "--slow-zone-m", "90", "--duration-s", "120"]
    assert run(["traffic", "simulate", *road, "--inflow-veh-per-h", "6000", "--json"]) == 1
    printed = capsys.readouterr()
    row = json.loads(printed.out)
    told = f"{row['waiting_count']} of {row['arrived_count']} vehicles still waited at its entrance"
    assert told in printed.err


def test_help_and_the_package_load_without_jax_and_arrow():
    script = (
        "import sys, proving.traffic, proving.traffic.commands; print(sorted({'jax', 'pyarrow'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_change_to_the_driver_leaves_the_rest_of_the_law(capsys: pytest.CaptureFixture[str]):
    """The platoon's own noise, said aloud, changes nothing: no other parameter falls back to another default."""
    rows = []
    for change in ([], ["--driver.noise-intensity", "0.03"], ["--driver.noise-intensity", "0"]):
        assert run(["traffic", "simulate", "platoon", *change, "--json"]) == 0
        rows.append(json.loads(capsys.readouterr().out))
    assert rows[0] == rows[1] != rows[2]


def test_drivers_are_listed_with_source_and_gaps(capsys: pytest.CaptureFixture[str]):
    assert run(["traffic", "drivers", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert list(rows) == list(DRIVERS)
    assert all(row["about"].endswith(".") and len(row["source"]) > 8 for row in rows.values())
    assert rows["krauss"]["gaps_m"][:3] == [2.5, 4.5, 7.5]
    assert rows["pi_saturation"]["gaps_m"] == []
    assert run(["traffic", "drivers"]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert all(name in printed.out for name in DRIVERS)


def test_people_may_drive_by_another_law(capsys: pytest.CaptureFixture[str]):
    rows = []
    for change in ([], ["--law", "gipps"], ["--law", "gipps", "--driver.headway-s", "1.5"], ["--reaction-s", "0.4"]):
        assert run(["traffic", "simulate", "ring", "--duration-s", "20", *change, "--json"]) == 0
        rows.append(json.loads(capsys.readouterr().out)["mean_speed_mps"])
    assert len(set(rows)) == 4
