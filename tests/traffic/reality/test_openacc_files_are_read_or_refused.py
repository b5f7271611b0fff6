"""Pairs come out of OpenACC files as they were measured; a broken file is refused in one line that says where."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from proving.traffic.errors import BadRow, BadTable, NoSuchColumn, NoSuchFile
from proving.traffic.reality.pairs import read_folder, read_pairs

HEADER = ["Date,9,10,2019", "Vehicle_order,HEAD,TWO,THREE,FOUR,", "Number_of_vehicles,4", "ACC,0", "Distance_setting,"]
COLUMNS = "Time,Speed1,E1,Speed2,Speed3,IVS1,IVS2"


def table(count: int = 100, columns: str = COLUMNS) -> list[str]:
    """Rows of cars at 10, 10 and 11 m/s: the second gap shrinks by 0.1 m a row."""
    rows = [f"{50 + 0.1 * row:.1f},10,3.5,10,11,20,{40 - 0.1 * row:.3f}" for row in range(count)]
    return [*HEADER, columns, *rows]


def written(folder: Path, lines: list[str], name: str = "no_ACC_handling_part1.csv.gz") -> Path:
    path = folder / name
    text = ("\n".join(lines) + "\n").encode()
    path.write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    return path


@pytest.mark.parametrize("name", ["no_ACC_handling_part1.csv.gz", "no_ACC_handling_part1.csv"])
def test_pairs_are_read_as_they_were_measured(tmp_path: Path, name: str) -> None:
    pairs = read_pairs(written(tmp_path, table(), name))
    assert [(pair.leader, pair.leader_name, pair.follower_name) for pair in pairs] == [
        (1, "HEAD", "TWO"),
        (2, "TWO", "THREE"),
    ]
    second = pairs[1]
    assert (second.run, second.kind, second.dt_s, second.is_dynamic) == ("no_ACC_handling_part1", "human", 0.1, False)
    np.testing.assert_allclose(second.gap_m, 40 - 0.1 * np.arange(100))
    np.testing.assert_allclose(second.speed_mps, 11)
    np.testing.assert_allclose(second.time_s, 50 + 0.1 * np.arange(100))
    assert second.is_measured.all()
    assert np.flatnonzero(second.is_start).tolist() == [0]


def test_the_kind_is_that_of_the_file(tmp_path: Path) -> None:
    lines = table()
    lines[3:5] = ["ACC,1", "Distance_setting,L"]
    assert read_pairs(written(tmp_path, lines, "long_setting_dynamic_part1.csv"))[0].kind == "acc"
    mixed = read_pairs(written(tmp_path, lines, "mixed_dynamic_part1.csv"))[0]
    assert (mixed.kind, mixed.distance_setting, mixed.is_dynamic) == ("mixed", "L", True)


def test_holes_and_jumps_start_afresh_and_scraps_between_them_are_dropped(tmp_path: Path) -> None:
    lines = table(200)
    lines[6 + 50] = "55.0,10,3.5,10,,20,"
    del lines[6 + 60]
    parts = [line.split(",") for line in lines[6:]]
    for part in parts[119:]:
        part[-1] = f"{float(part[-1]) + 5:.3f}"
    lines[6:] = [",".join(part) for part in parts]
    first, second = read_pairs(written(tmp_path, lines))
    assert np.flatnonzero(first.is_start).tolist() == [0, 61]
    # Row 50 is a hole, row 60 is missing, and the nine rows between them are too few.
    assert np.flatnonzero(~second.is_measured).tolist() == list(range(50, 61))
    assert np.flatnonzero(second.is_start).tolist() == [0, 61, 120]
    assert np.isfinite(second.gap_m).all()


def test_small_negative_speeds_are_standstill(tmp_path: Path) -> None:
    lines = table()
    lines[6] = lines[6].replace(",11,", ",-0.03,")
    assert read_pairs(written(tmp_path, lines))[1].speed_mps[0] == 0


@pytest.mark.parametrize(
    ("place", "line", "error", "words"),
    [
        (0, "Day,9", BadTable, ["header line 1", "'Date'", "'Day'"]),
        (3, "ACC,maybe", BadTable, ["'ACC'", "a number"]),
        (5, COLUMNS.replace("Time", "Clock"), NoSuchColumn, ["'Time'", "Speed1"]),
        (8, "50.2,10,3.5,fast,11,20,39", BadTable, ["'Speed2'", "row 3", "'fast'"]),
        (8, "50.2,10,3.5,-4,11,20,39", BadRow, ["'Speed2'", "row 3", "-4.00"]),
        (8, "50.1,10,3.5,10,11,20,39", BadRow, ["'Time'", "row 3", "does not grow"]),
        (8, ",10,3.5,10,11,20,39", BadRow, ["'Time'", "row 3"]),
        (8, "50.2,10,3.5", BadTable, ["cannot be read as CSV"]),
    ],
)
def test_what_is_wrong_is_named(
    tmp_path: Path, place: int, line: str, error: type[Exception], words: list[str]
) -> None:
    lines = table()
    lines[place] = line
    path = written(tmp_path, lines)
    with pytest.raises(error) as caught:
        read_pairs(path)
    text = str(caught.value)
    assert "\n" not in text
    for word in [str(path), *words]:
        assert word in text


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NoSuchFile, match="no such file"):
        read_pairs(tmp_path / "nowhere.csv")
    with pytest.raises(NoSuchFile, match=r"no \.csv"):
        read_folder(tmp_path)
    cut = written(tmp_path, table())
    cut.write_bytes(cut.read_bytes()[:200])
    with pytest.raises(BadTable, match="cannot be unpacked"):
        read_pairs(cut)
    with pytest.raises(BadTable, match="header lines"):
        read_pairs(written(tmp_path, HEADER[:3], "short.csv"))
    with pytest.raises(BadTable, match="at least 2 rows"):
        read_pairs(written(tmp_path, table(1), "one.csv"))
    with pytest.raises(BadTable, match="no two cars in a row"):
        read_pairs(written(tmp_path, table(columns=COLUMNS.replace("IVS", "Gap")), "gaps.csv"))


@pytest.mark.media
def test_the_real_files_hold_as_many_pairs_as_were_counted_by_hand(shared_data: Path) -> None:
    pairs = read_folder(shared_data / "traffic" / "openacc_zalazone")
    kinds = [pair.kind for pair in pairs]
    assert [kinds.count(kind) for kind in ("human", "acc", "mixed")] == [14, 29, 21]
    assert all(pair.is_measured.mean() > 0.8 and pair.dt_s == 0.1 for pair in pairs)
    assert max(pair.is_start.sum() for pair in pairs) < 12
