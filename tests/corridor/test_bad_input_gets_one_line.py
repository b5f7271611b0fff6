"""Bad input: one clear line, exit 2, and nothing that was there is lost."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from proving.runs import read_rows

Corridor = Callable[..., subprocess.CompletedProcess[str]]


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def no_sound(folder: Path) -> None:
    import av

    silent = folder / "silent.mp4"
    with av.open(str(folder / "clip.mp4")) as source, av.open(str(silent), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    silent.replace(folder / "clip.mp4")


def truncate(folder: Path) -> None:
    clip = folder / "clip.mp4"
    clip.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])


def rows(folder: Path, change: Callable[[list[str]], None]) -> None:
    lines = (folder / "drive.csv").read_text().splitlines()
    change(lines)
    (folder / "drive.csv").write_text("\n".join(lines) + "\n")


def change_study(old: str, new: str) -> Callable[[Path], None]:
    return lambda folder: edit(folder / "study.toml", old, new)


def change_rows(change: Callable[[list[str]], None]) -> Callable[[Path], None]:
    return lambda folder: rows(folder, change)


QUESTION = 'times = 2\nquestions = [{ name = "q", sql = "SELECT {colour.value} FROM tracks" }]'
CASES: dict[str, tuple[Callable[[Path], object], str]] = {
    "unknown key": (change_study("vehicle_count", "vehicles_count"), "did you mean 'vehicle_count'"),
    "missing clip": (lambda folder: (folder / "clip.mp4").unlink(), "clip.mp4: no such file"),
    "missing drive": (lambda folder: (folder / "drive.csv").unlink(), "drive.csv: no such file"),
    "missing columns": (change_rows(lambda lines: lines.__setitem__(0, "t,velocity")), "no column 'v'"),
    "NaN": (change_rows(lambda lines: lines.__setitem__(7, "0.6,nan")), "row 7: no number (empty or NaN)"),
    "empty value": (change_rows(lambda lines: lines.__setitem__(7, "0.6,")), "row 7: no number (empty or NaN)"),
    "infinite": (change_rows(lambda lines: lines.__setitem__(7, "0.6,inf")), "row 7: not a finite number"),
    "time goes back": (change_rows(lambda lines: lines.insert(9, "0.1,30")), "an earlier time"),
    "no rows": (change_rows(lambda lines: lines.__delitem__(slice(1, None))), "no rows"),
    "zero-byte clip": (lambda folder: (folder / "clip.mp4").write_bytes(b""), "clip.mp4"),
    "truncated clip": (truncate, "clip.mp4"),
    "text as clip": (lambda folder: (folder / "clip.mp4").write_text("not a film"), "clip.mp4"),
    "clip without sound": (no_sound, "clip.mp4: has no sound"),
    "unknown controller": (
        change_study("[simulate]", '[simulate]\ncontrollers = ["folower_stopper"]'),
        "no controller 'folower_stopper'",
    ),
    "unknown class": (change_study("[simulate]", '[simulate]\nvehicle_class = "tank"'), "no class 'tank'"),
    "drive too short": (change_study("duration_s = 30", "duration_s = 3000"), "no drive lasts 3000 s"),
    "named twice": (
        change_study('["drive.csv"]', '["drive.csv"]\n[[trajectories]]\nkind = "leader"\npaths = ["drive.csv"]'),
        "names this file 2 times",
    ),
    "off the road": (change_study("length_m = 5000", "length_m = 50"), "the road only 50 m"),
    "unknown column asked": (change_study("times = 2", QUESTION), "has no column 'colour'"),
}


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir() if path.is_file()}


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_named_and_costs_nothing(
    case: str, study: Path, tmp_path_factory: pytest.TempPathFactory, corridor: Corridor
) -> None:
    damage, words = CASES[case]
    damage(study.parent)
    before = digests(study.parent)
    out = tmp_path_factory.mktemp("out")
    done = corridor(study, out)
    complaint = done.stderr.strip().splitlines()[-1]
    assert done.returncode == 2, done.stderr
    assert words in complaint
    assert complaint.startswith("proving: ")
    assert "Traceback" not in done.stderr
    assert digests(study.parent) == before


def test_quarantine_goes_on_without_and_names_what_it_left_out(
    study: Path, tmp_path_factory: pytest.TempPathFactory, corridor: Corridor
) -> None:
    shutil.copy(study.parent / "clip.mp4", study.parent / "good.mp4")
    truncate(study.parent)
    shutil.copy(study.parent / "drive.csv", study.parent / "broken.csv")
    (study.parent / "broken.csv").write_text("t,v\n0,nan\n1,2\n")
    edit(study, 'paths = ["drive.csv"]', 'paths = ["drive.csv", "broken.csv"]')
    edit(study, 'paths = ["clip.mp4"]', 'paths = ["clip.mp4", "good.mp4"]')
    edit(study, "survive = 2", 'survive = 2\nbad_input = "quarantine"')
    out = tmp_path_factory.mktemp("out")
    done = corridor(study, out)
    assert done.returncode == 0, done.stderr
    aside = [line for line in done.stdout.splitlines() if line.startswith("set aside")]
    assert [line.split()[2] for line in aside] == ["broken.csv:", "clip.mp4:"]
    page = (out / "report.html").read_text()
    assert "broken.csv" in page
    assert "no number (empty or NaN)" in page


def test_files_of_one_name_in_two_folders_are_two_inputs(
    study: Path, tmp_path_factory: pytest.TempPathFactory, corridor: Corridor
) -> None:
    for day in ("monday", "tuesday"):
        (study.parent / day).mkdir()
        shutil.copy(study.parent / "clip.mp4", study.parent / day)
        lines = (study.parent / "drive.csv").read_text().splitlines()
        del lines[1 : 1 + 50 * (day == "tuesday")]
        (study.parent / day / "drive.csv").write_text("\n".join(lines) + "\n")
    truncate(study.parent / "tuesday")
    edit(study, 'paths = ["drive.csv"]', 'paths = ["monday", "tuesday"]')
    edit(study, 'paths = ["clip.mp4"]', 'paths = ["monday", "tuesday"]')
    edit(study, "survive = 2", 'survive = 0\nbad_input = "quarantine"')
    out = tmp_path_factory.mktemp("out")
    done = corridor(study, out)
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stdout.splitlines() if line.startswith("set aside  tuesday/clip.mp4: ")]
    rows = read_rows(out / "rows" / "simulate.parquet")
    assert {row["leader"] for row in rows} == {"monday/drive.csv", "tuesday/drive.csv"}
    assert {row["name"]: bool(row["problem"]) for row in read_rows(out / "rows" / "inspect.parquet")} == {
        "monday/clip.mp4": False,
        "tuesday/clip.mp4": True,
    }


def test_a_study_without_clips_and_without_automation_ends_in_a_report(
    study: Path, tmp_path_factory: pytest.TempPathFactory, corridor: Corridor
) -> None:
    edit(study, 'paths = ["clip.mp4"]', "paths = []")
    edit(study, "[simulate]", '[simulate]\ncontrollers = ["none"]')
    edit(study, "survive = 2", "survive = 0")
    out = tmp_path_factory.mktemp("out")
    done = corridor(study, out)
    assert done.returncode == 0, done.stderr
    assert "0 camera clips and 1 trajectory file" in (out / "report.html").read_text()


@pytest.fixture
def tiny_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A real file system of 1 MiB; making one needs root, as CI has it."""
    folder = tmp_path_factory.mktemp("tiny")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        message = f"a small file system could not be mounted: {mounted.stderr.strip()}"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_is_named_and_the_study_goes_on_elsewhere(study: Path, tiny_disk: Path, corridor: Corridor) -> None:
    done = corridor(study, tiny_disk / "out")
    assert done.returncode == 2, done.stdout
    assert "Traceback" not in done.stderr
    complaint = done.stderr.strip().splitlines()[-1]
    assert "space" in complaint.lower() or "full" in complaint.lower(), complaint


def test_an_endpoint_where_nothing_answers_is_named(
    study: Path, tmp_path_factory: pytest.TempPathFactory, corridor: Corridor
) -> None:
    edit(study, "[road]", '[store]\nendpoint = "http://127.0.0.1:9"\n[road]')
    keys = {"AWS_ACCESS_KEY_ID": "someone", "AWS_SECRET_ACCESS_KEY": "wrong"}
    done = corridor(study, tmp_path_factory.mktemp("out"), keys)
    assert done.returncode == 2
    assert "nothing answers at http://127.0.0.1:9" in done.stderr.strip().splitlines()[-1]


def test_an_endpoint_without_credentials_says_which_to_set(
    study: Path, tmp_path_factory: pytest.TempPathFactory, corridor: Corridor
) -> None:
    edit(study, "[road]", '[store]\nendpoint = "http://127.0.0.1:9"\n[road]')
    done = corridor(study, tmp_path_factory.mktemp("out"), {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""})
    assert done.returncode == 2
    assert "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" in done.stderr


def test_wrong_credentials_are_refused_in_one_line(
    study: Path, tmp_path_factory: pytest.TempPathFactory, corridor: Corridor
) -> None:
    from proving.store import Store
    from proving.store.s3.credentials import Credentials
    from proving.store.s3.server import serve_in_thread

    with Store.open(tmp_path_factory.mktemp("node")) as store:
        running = serve_in_thread(store, Credentials(access_key="right", secret_key="right-secret-key"), port=0)
        try:
            edit(study, "[road]", f'[store]\nendpoint = "{running.endpoint}"\n[road]')
            keys = {"AWS_ACCESS_KEY_ID": "right", "AWS_SECRET_ACCESS_KEY": "wrong"}
            done = corridor(study, tmp_path_factory.mktemp("out"), keys)
            assert done.returncode == 2
            assert "refuses these credentials" in done.stderr.strip().splitlines()[-1]
            keys["AWS_SECRET_ACCESS_KEY"] = "right-secret-key"
            done = corridor(study, tmp_path_factory.mktemp("out"), keys)
            assert done.returncode == 0, done.stderr
            assert {bucket.name for bucket in store.buckets()} == {"corridor"}
        finally:
            running.close()


def test_python_m_gives_the_same_answer(study: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "proving", "corridor", "run", str(study.parent / "nowhere.toml")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.strip().endswith("nowhere.toml: no such file")
