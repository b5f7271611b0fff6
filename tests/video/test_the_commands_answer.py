"""`proving video` answers in words and in JSON, by its exit code, and to wrong use in one line."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from proving.cli import run

Answer = tuple[int, str, str]


@pytest.fixture
def video(capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    def call(*arguments: str | Path) -> Answer:
        code = run(["video", *map(str, arguments)])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return call


@pytest.fixture(scope="module")
def black_clip(road_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("damaged") / "black.mp4"
    assert run(["video", "damage", str(road_clip), str(target), "--defect", "black", "--seed", "2"]) == 0
    return target


def test_a_clean_clip_is_exit_0_and_says_what_it_is(video: Callable[..., Answer], road_clip: Path):
    code, out, err = video("scan", road_clip)
    assert (code, err) == (0, "")
    assert "320x180 25/s h264, 48000 Hz x2 aac" in out
    assert "nothing found" in out


def test_damage_scan_and_score_fit_together(video: Callable[..., Answer], black_clip: Path, tmp_path: Path):
    code, out, _ = video("scan", black_clip, "--json")
    assert code == 1
    (document,) = json.loads(out)
    (finding,) = document["findings"]
    beside = black_clip.with_name("black.mp4.truth.json")
    (truth,) = json.loads(beside.read_text())["truths"]
    assert finding["detector"] == truth["defect"] == "black"
    assert finding["start_s"] == pytest.approx(truth["start_s"], abs=0.05)

    findings = tmp_path / "findings.json"
    findings.write_text(out)
    code, out, _ = video("score", findings, beside)
    assert code == 0
    assert "precision 1.000  recall 1.000" in out
    code, out, _ = video("score", findings, beside, "--json")
    assert json.loads(out)["f1"] == 1.0

    findings.write_text(json.dumps([{**document, "findings": []}]))
    assert video("score", findings, beside)[0] == 1


def test_the_truth_is_told_as_json_too(video: Callable[..., Answer], road_clip: Path, tmp_path: Path):
    code, out, _ = video("damage", road_clip, tmp_path / "x.mp4", "--defect", "pause", "--json")
    assert code == 0
    document = json.loads(out)
    assert document == json.loads((tmp_path / "x.mp4.truth.json").read_text())
    assert document["truths"][0]["is_defect"] is False


def test_the_detectors_are_listed(video: Callable[..., Answer]):
    code, out, _ = video("detectors")
    assert code == 0
    names = [line.split()[0] for line in out.splitlines()]
    assert names == [row["name"] for row in json.loads(video("detectors", "--json")[1])]
    assert {"black", "freeze", "audio_dropout"} <= set(names)


def test_one_bad_file_of_many_hides_nothing(video: Callable[..., Answer], black_clip: Path, tmp_path: Path):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"this is no clip")
    code, out, err = video("scan", broken, black_clip)
    assert code == 2
    assert "black  score" in out
    assert err.count("\n") == 1
    assert "broken.mp4" in err


WRONG = [
    (("scan",), "name at least one clip"),
    (("scan", "nowhere.mp4"), "nowhere.mp4: no such file"),
    (("scan", "CLIP", "--detectors", "blak"), "no detector 'blak'; there are black"),
    (("scan", "EMPTY"), "is empty"),
    (("damage", "CLIP", "x.mp4", "--defect", "blak"), "no defect 'blak'; there are black"),
    (("damage", "CLIP", "CLIP", "--defect", "black"), "same file"),
    (("damage", "nowhere.mp4", "x.mp4", "--defect", "black"), "nowhere.mp4: no such file"),
    (("damage", "CLIP", "no/folder/x.mp4", "--defect", "black"), "no such folder"),
    (("score", "EMPTY", "EMPTY"), "is not JSON"),
    (("score", "nowhere.json", "EMPTY"), "No such file"),
    (("score", "FINDINGS", "FINDINGS"), "is no truth"),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG)
def test_wrong_use_is_exit_2_and_one_line(
    arguments: tuple[str, ...],
    message: str,
    video: Callable[..., Answer],
    road_clip: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.chdir(tmp_path)
    Path("empty.mp4").write_bytes(b"")
    Path("findings.json").write_text('[{"findings": []}]')
    names = {"CLIP": str(road_clip), "EMPTY": "empty.mp4", "FINDINGS": "findings.json"}
    code, out, err = video(*(names.get(argument, argument) for argument in arguments))
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty.mp4", "findings.json"]
