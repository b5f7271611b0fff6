"""Put a defect into a clip: survey it, plan, and write it anew with exact truth."""

from pathlib import Path

import numpy as np

from proving.video.damaging import SILENT_DBFS, SOUND_STEP_S, Damage, Defect, Survey
from proving.video.decode import ClipReader
from proving.video.encode import ClipWriter
from proving.video.errors import NoPlace, UnreadableClip
from proving.video.findings import Truth
from proving.video.frames import Frame, Planes, Sound

CRF_RANGE = (18, 30)


def make_defect(source: Path, target: Path, defect: Defect, seed: int, crf: int | None = None) -> tuple[Truth, ...]:
    """Write a copy of a clip with a defect in part of it, and return what was done and where.

    The copy is encoded anew (H.264 and AAC), so a held picture is never the same to the bit. Everything that is
    not fixed is drawn from the seed: the same source, defect and seed give the same clip.

    Args:
        source: The clip to damage; read twice.
        target: Where the copy goes.
        defect: Settings, one of `DEFECTS` or `LOOK_ALIKES`.
        seed: Where, how long, how.
        crf: x264's rate factor; None draws 18-30.

    Raises:
        NoPlace: the clip has no place for it.
        UnreadableClip, NoSuchClip: the source cannot be read.
    """
    if source.resolve() == target.resolve():
        raise ValueError(f"{target}: source and target are the same file")
    generator = np.random.default_rng(seed)
    drawn_crf = int(generator.integers(CRF_RANGE[0], CRF_RANGE[1] + 1))
    try:
        damage = defect.plan(survey_clip(source), generator)
    except NoPlace as error:
        raise NoPlace(f"{source}: {error}") from None
    _rewrite(source, target, damage, drawn_crf if crf is None else crf)
    return damage.truths


def survey_clip(path: Path) -> Survey:
    """Return where a clip moves, how bright and how loud it is.

    Raises:
        UnreadableClip: neither picture nor sound can be decoded.
        NoSuchClip: the file is not there.
    """
    pts_s: list[float] = []
    motion: list[float] = []
    brightness: list[float] = []
    levels, end_s, last = _Levels(), 0.0, None
    with ClipReader(path) as reader:
        for item in reader:
            if isinstance(item, Sound):
                levels.add(item)
                continue
            coarse = _coarse(item.small)
            pts_s.append(item.pts_seconds)
            brightness.append(float(coarse.mean()))
            motion.append(0.0 if last is None else _top_difference(coarse, last))
            end_s, last = item.end_seconds, coarse
    if not pts_s and not levels.channel_count:
        raise UnreadableClip(f"{path}: not one picture or sound in it can be decoded")
    return Survey(np.array(pts_s), end_s, np.array(motion), np.array(brightness), levels.dbfs())


def _coarse(picture: Planes) -> np.ndarray:
    rows, columns = picture.luma.shape
    luma = picture.luma[: rows // 4 * 4, : columns // 4 * 4].astype(np.float32)
    return luma.reshape(rows // 4, 4, columns // 4, 4).mean(axis=(1, 3))


def _top_difference(first: np.ndarray, second: np.ndarray) -> float:
    difference = np.abs(first - second).ravel()
    count = max(1, len(difference) // 50)
    return float(np.partition(difference, -count)[-count:].mean())


class _Levels:
    """Adds up the energy of sound by steps of `SOUND_STEP_S`."""

    def __init__(self) -> None:
        self._energy: list[np.ndarray] = []
        self._count: list[int] = []

    def add(self, sound: Sound) -> None:
        time_s = sound.pts_seconds + np.arange(len(sound.samples)) / sound.sample_rate
        steps = (np.maximum(time_s, 0) / SOUND_STEP_S).astype(int)
        bounds = np.concatenate([[0], np.flatnonzero(np.diff(steps)) + 1])
        sums = np.add.reduceat(np.square(sound.samples, dtype=np.float64), bounds, axis=0)
        sizes = np.diff(np.concatenate([bounds, [len(steps)]]))
        for step, energy, size in zip(steps[bounds], sums, sizes, strict=True):
            while len(self._energy) <= step:
                self._energy.append(np.zeros(sound.samples.shape[1]))
                self._count.append(0)
            self._energy[step] += energy
            self._count[step] += int(size)

    @property
    def channel_count(self) -> int:
        return len(self._energy[0]) if self._energy else 0

    def dbfs(self) -> np.ndarray:
        if not self._energy:
            return np.zeros((0, 0))
        mean = np.array(self._energy) / np.maximum(np.array(self._count), 1)[:, None]
        return np.maximum(10 * np.log10(np.maximum(mean, 1e-12)), SILENT_DBFS)


def _rewrite(source: Path, target: Path, damage: Damage, crf: int) -> None:
    with ClipReader(source) as reader:
        size = (reader.size[0] // 2 * 2, reader.size[1] // 2 * 2) if reader.has_video else None
        rate, channels = reader.sample_rate, reader.channel_count
        with ClipWriter(target, size, reader.header_frame_rate, rate, channels, crf) as writer:
            sound_end = 0
            for item in reader:
                if isinstance(item, Frame):
                    assert size is not None, "a picture comes from a stream of pictures"
                    for planes, pts_s in damage.pictures(item):
                        writer.picture(_cropped(planes, size), pts_s)
                    continue
                # Sound is written without gaps, so silence stands where the source has none.
                start = round(item.pts_seconds * rate)
                if start - sound_end > rate // 100:
                    writer.sound(np.zeros((start - sound_end, channels), np.float32))
                    sound_end = start
                writer.sound(damage.sound(item))
                sound_end += len(item.samples)


def _cropped(planes: Planes, size: tuple[int, int]) -> Planes:
    width, height = size
    if (planes.width, planes.height) == size:
        return planes
    half = (slice(height // 2), slice(width // 2))
    return Planes(planes.luma[:height, :width], planes.blue[half], planes.red[half])
