"""A study is read strictly: unknown keys, wrong kinds and impossible values get one line that names them."""

from pathlib import Path

import pytest

from proving.corridor.errors import StudyError
from proving.corridor.study import clip_files, read_study
from proving.errors import SettingsError

GOOD = """
name = "A road"
[road]
name = "A road"
length_m = 1000
[[trajectories]]
kind = "leader"
paths = ["drive.csv"]
columns = { time = "t", speed = "v" }
units = { speed = "km/h" }
[clips]
paths = ["clips"]
"""


def read(folder: Path, text: str):
    file = folder / "study.toml"
    file.write_text(text)
    return read_study(file)


def test_a_good_study_is_what_it_says(tmp_path: Path) -> None:
    study = read(tmp_path, GOOD)
    assert study.slug == "a-road"
    assert study.trajectories[0].columns.speed == "v"
    assert study.trajectories[0].units.speed == "km/h"
    assert study.bad_input == "stop"
    assert study.folder == tmp_path


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("length_m", "lenght_m", "unknown key 'lenght_m' in [road]; did you mean 'length_m'?"),
        ('name = "A road"\n[road]', 'nmae = "A road"\n[road]', "unknown key 'nmae'; did you mean 'name'?"),
        ("[road]", "lane_count = 3\n[road]", "unknown key 'lane_count'; did you mean 'road.lane_count'?"),
        ('speed = "v"', 'sped = "v"', "unknown key 'sped' in [trajectories.columns]; did you mean 'speed'?"),
        ("length_m = 1000", 'length_m = "long"', "road.length_m: expected float, got str"),
        ("length_m = 1000", "length_m = -1", "must be above zero"),
        ('kind = "leader"', 'kind = "follower"', "trajectories[0].kind: invalid enum value 'follower'"),
        ('paths = ["drive.csv"]', "paths = []", "paths must name at least one"),
        ('kind = "leader"', 'kind = "vehicles"', "must declare columns.vehicle and columns.position"),
        ("[clips]", "[clips", "not valid TOML"),
        ("[road]", '[store]\nendpoint = "ftp://x"\n[road]', "must look like http://HOST:PORT"),
        ("[road]", '[store]\nbucket = "Bad_Bucket"\n[road]', "bucket must be 3 to 63"),
        ("[road]", "[simulate]\nautomated_shares = [1.5]\n[road]", "automated_shares lie above 0 and up to 1"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, old: str, new: str, words: str) -> None:
    assert old in GOOD
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, GOOD.replace(old, new, 1))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_no_text_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"\xfc\x00\xff")
    for path, words in ((tmp_path, "is a folder"), (tmp_path / "clip.mp4", "is not text")):
        with pytest.raises(SettingsError, match=words):
            read_study(path)


def test_clips_are_files_folders_and_patterns(tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    for name in ("b.mp4", "a.mkv", "notes.txt"):
        (tmp_path / "clips" / name).write_bytes(b"x")
    assert [path.name for path in clip_files(read(tmp_path, GOOD))] == ["a.mkv", "b.mp4"]
    named = GOOD.replace('paths = ["clips"]', 'paths = ["clips/*.mp4", "clips/b.mp4", "clips/notes.txt"]')
    assert [path.name for path in clip_files(read(tmp_path, named))] == ["b.mp4", "notes.txt"]


def test_a_path_that_leads_nowhere_is_named(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"clips: no such file"):
        clip_files(read(tmp_path, GOOD))
