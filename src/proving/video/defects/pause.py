"""A look-alike of a dropout: the sound dies away into the room's own noise and comes back, as between sentences."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proving.video.damaging import Survey, check_range
from proving.video.errors import NoPlace
from proving.video.findings import Truth
from proving.video.frames import Frame, Planes, Sound


@dataclass(frozen=True, kw_only=True)
class Pause:
    """A decay, quiet, and a soft return.

    Attributes:
        duration_s: Shortest and longest quiet stretch.
        decay_60db_s: Time in which the sound falls by 60 dB, shortest and longest.
        rise_s: Time in which it comes back.
        room_dbfs: Level of the room's noise, quietest and loudest.
    """

    duration_s: tuple[float, float] = (0.2, 1.5)
    decay_60db_s: tuple[float, float] = (0.25, 0.6)
    rise_s: tuple[float, float] = (0.03, 0.1)
    room_dbfs: tuple[float, float] = (-68.0, -52.0)

    def __post_init__(self) -> None:
        for name in ("duration_s", "decay_60db_s", "rise_s"):
            check_range(name, getattr(self, name))

    def plan(self, survey: Survey, generator: np.random.Generator) -> "PauseDamage":
        """Choose where; see `Defect`."""
        duration_s, decay_s = float(generator.uniform(*self.duration_s)), float(generator.uniform(*self.decay_60db_s))
        rise_s, room_dbfs = float(generator.uniform(*self.rise_s)), float(generator.uniform(*self.room_dbfs))
        room_s = survey.sound_end_s - duration_s - decay_s - rise_s - 0.4
        if room_s <= 0 or not survey.channel_count:
            raise NoPlace(
                f"a pause of {duration_s + decay_s:.1f} s does not fit into {survey.sound_end_s:.1f} s of sound"
            )
        start_s = 0.2 + float(generator.uniform(0, room_s))
        shape = (start_s, decay_s, start_s + decay_s + duration_s, rise_s)
        return PauseDamage(shape, room_dbfs, int(generator.integers(2**32)))


class PauseDamage:
    """Multiplies the sound by a decay and a rise, and adds the room."""

    def __init__(self, shape: tuple[float, float, float, float], room_dbfs: float, seed: int) -> None:
        self._start_s, self._decay_s, self._back_s, self._rise_s = shape
        self._room = 10 ** (room_dbfs / 20)
        self._generator = np.random.default_rng(seed)

    @property
    def truths(self) -> tuple[Truth, ...]:
        """Return the stretch; it is no defect."""
        return (Truth("pause", self._start_s, self._back_s + self._rise_s, False, f"decays in {self._decay_s:.2f} s"),)

    def pictures(self, frame: Frame) -> Iterable[tuple[Planes, float]]:
        """Return the picture itself."""
        return [(frame.picture, frame.pts_seconds)]

    def sound(self, sound: Sound) -> NDArray[np.float32]:
        """Return the block with the pause in it; the room's noise is there throughout."""
        time_s = sound.pts_seconds + np.arange(len(sound.samples)) / sound.sample_rate
        decay = 10 ** (-3 * np.maximum(time_s - self._start_s, 0) / self._decay_s)
        rise = np.clip((time_s - self._back_s) / self._rise_s, 0, 1) ** 2
        gain = np.maximum(decay, rise).astype(np.float32)
        noise = self._generator.standard_normal(sound.samples.shape, dtype=np.float32)
        return (sound.samples * gain[:, None] + noise * self._room).astype(np.float32)
