"""A capacity diagram shows every run of a sweep, and wrong sweeps are refused before the first run."""

import json
from pathlib import Path

import numpy as np
import pytest

from proving.cli import run
from proving.report import render
from proving.runs import read_rows
from proving.traffic.watching.capacity import capacity_diagram, capacity_report
from proving.traffic.watching.commands_capacity import Sweep

ROAD = """<net><edge id="ab" from="a" to="b"><lane id="ab_0" index="0" speed="14" length="120" shape="0,0 120,0"/>
</edge>
<junction id="a" type="dead_end" x="0" y="0" incLanes="" intLanes="" shape=""/>
<junction id="b" type="dead_end" x="120" y="0" incLanes="ab_0" intLanes="" shape=""/></net>"""
DEMAND = '<routes><flow id="many" vehsPerHour="600"><route edges="ab"/></flow></routes>'


def rows() -> list[dict[str, float | str]]:
    rest = dict.fromkeys(("inflow_veh_per_h", "mean_speed_mps", "fuel_l_per_100km", "braking_per_veh_km"), 1.0)
    return [
        {"who": who, "asked_veh_per_h": asked, "outflow_veh_per_h": most + seed, "waiting": 2, "collisions": 0} | rest
        for who, share in (("people", 0.8), ("10% follower_stopper", 0.9))
        for asked in (500.0, 1000.0, 1500.0)
        for most in [min(asked, 1200.0 * share)]
        for seed in (0, 10)
    ]


def test_every_run_is_a_point_and_the_mean_is_a_line() -> None:
    (axes,) = capacity_diagram(rows()).axes
    all_through, line, points, *_ = axes.lines
    np.testing.assert_allclose(all_through.get_xydata()[-1], (1500, 1500))
    np.testing.assert_allclose(line.get_xydata(), [(500, 505), (1000, 965), (1500, 965)])
    assert len(points.get_xydata()) == 6
    assert axes.get_xlabel() == "inflow asked for, veh/h"
    page = render(capacity_report(rows(), "a road"))
    for words in ("a road: what comes out over what comes in", "most that comes out, people", "965 veh/h", "7.071"):
        assert words in page, words


def test_a_sweep_is_run_recorded_and_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "road.net.xml").write_text(ROAD)
    (tmp_path / "road.rou.xml").write_text(DEMAND)
    out, record = tmp_path / "capacity.svg", tmp_path / "rows.parquet"
    words = [
        "traffic",
        "diagram",
        "capacity",
        str(tmp_path / "road.net.xml"),
        "--demand",
        str(tmp_path / "road.rou.xml"),
    ]
    words += ["--least-veh-per-h", "600", "--most-veh-per-h", "600", "--duration-s", "60", "--filling-s", "20"]
    words += ["--capacity", "64", "--seeds", "0-1", "--pool", "here", "--record", str(record), "--out", str(out)]
    assert run(words) == 0
    assert "outflow, veh/h" in out.read_text() or "<svg" in out.read_text()
    told = read_rows(record)
    assert [row["seed"] for row in told] == [0, 1]
    assert {json.loads(str(row["config"]))["how"]["inflow_veh_per_h"] for row in told} == {600.0}
    for row in told:
        assert row["asked_veh_per_h"] == 600
        assert row["outflow_veh_per_h"] == pytest.approx(600, abs=100)
    out.unlink()
    # Once recorded it is only drawn.
    begun = [row["started"] for row in told]
    assert run(words) == 0
    assert [row["started"] for row in read_rows(record)] == begun
    assert out.is_file()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["figure_eight"], "inflow_veh_per_h needs flows"),
        (["bottleneck", "--out", "x.gif"], "must end in .html, .png"),
        (["bottleneck", "--every-veh-per-h", "0"], "every_veh_per_h must be above 0"),
        (["bottleneck", "--most-veh-per-h", "1"], "most_veh_per_h must give 1 to 1000 inflows"),
        (["bottleneck", "--controller", "nobody"], "there is no controller 'nobody'"),
    ],
)
def test_wrong_sweeps_are_refused_in_one_line(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["traffic", "diagram", "capacity", *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def test_inflows_go_from_the_least_to_the_most() -> None:
    assert Sweep(least_veh_per_h=400, most_veh_per_h=1000, every_veh_per_h=200).inflows == (400, 600, 800, 1000)
