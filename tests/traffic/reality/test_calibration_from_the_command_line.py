"""`calibrate` prints fitted parameters as text or JSON, and refuses an unknown law in one line."""

import json
from pathlib import Path

import pytest

from proving.traffic.errors import BadSettings
from proving.traffic.reality.commands_calibrate import app


@pytest.fixture
def run_file(tmp_path: Path, make_pair) -> Path:
    """An OpenACC file of one pair."""
    from proving.traffic.reality.laws import IDM

    pair = make_pair(IDM, [24.0, 1.4, 1.1, 1.8, 2.6], steps=400)
    header = "Date,9,10,2019\nVehicle_order,HEAD,TWO,\nNumber_of_vehicles,2\nACC,0\nDistance_setting,\n"
    columns = zip(pair.time_s, pair.leader_speed_mps, pair.speed_mps, pair.gap_m, strict=True)
    rows = [",".join(f"{value:.4f}" for value in row) for row in columns]
    path = tmp_path / "no_ACC_handling_part1.csv"
    path.write_text(header + "Time,Speed1,Speed2,IVS1\n" + "\n".join(rows) + "\n")
    return path


def test_parameters_are_printed(run_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert app([str(run_file), "--law", "idm", "--json"], result_action="return_value") == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["pair"] == "no_ACC_handling_part1 1-2 TWO"
    assert 0.3 <= row["headway_s"] <= 3.0
    assert app([str(run_file), "--law", "idm"], result_action="return_value") == 0
    assert f"headway_s {row['headway_s']:.2f}" in capsys.readouterr().out


def test_an_unknown_law_is_refused(run_file: Path) -> None:
    with pytest.raises(BadSettings, match=r"law must be one of idm, .*, not 'magic'"):
        app([str(run_file), "--law", "magic"], result_action="return_value")
