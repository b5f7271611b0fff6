"""Sound that is gone for a moment: silence, one channel lost, or one packet over and over."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from proving.video.damaging import TRIES, Survey, check_range, draw_duration_s
from proving.video.errors import NoPlace
from proving.video.findings import Truth
from proving.video.frames import Frame, Planes, Sound

Kind = Literal["silence", "channel", "repeat"]
RAMP_S = 0.005


@dataclass(frozen=True, kw_only=True)
class AudioDropout:
    """A gap in the sound.

    Attributes:
        duration_s: Shortest and longest gap.
        kind: All channels silent, one channel silent, or a packet repeated; None draws one. A clip with one
            channel cannot lose one of several.
        packet_s: Shortest and longest packet that is repeated.
        margin_s: How much of the clip's ends stays as it is.
        least_dbfs: How loud it must be at the edges and over most of the gap: silence in silence is no defect.
    """

    duration_s: tuple[float, float] = (0.04, 3.0)
    kind: Kind | None = None
    packet_s: tuple[float, float] = (0.02, 0.06)
    margin_s: float = 0.4
    least_dbfs: float = -42.0

    def __post_init__(self) -> None:
        check_range("duration_s", self.duration_s)
        check_range("packet_s", self.packet_s)

    def plan(self, survey: Survey, generator: np.random.Generator) -> "DropoutDamage":
        """Choose where; see `Defect`."""
        if not survey.channel_count:
            raise NoPlace("there is no sound to lose")
        kinds: tuple[Kind, ...] = (
            ("silence", "channel", "repeat") if survey.channel_count > 1 else ("silence", "repeat")
        )
        kind = self.kind or kinds[int(generator.integers(len(kinds)))]
        if kind == "channel" and survey.channel_count == 1:
            raise NoPlace("the sound has one channel only, so it cannot lose one of several")
        room_s = survey.sound_end_s - 2 * self.margin_s
        packet_s = float(generator.uniform(*self.packet_s))
        # A repeated packet is told from a steady sound only when it comes more than once.
        bounds_s = (max(self.duration_s[0], 2 * packet_s), 0.5) if kind == "repeat" else self.duration_s
        duration_s = draw_duration_s(generator, bounds_s, room_s, "a dropout")
        channels = tuple(range(survey.channel_count))
        ramp_s = RAMP_S if generator.uniform() < 0.5 else 0.0
        for _ in range(TRIES):
            lost = (int(generator.integers(survey.channel_count)),) if kind == "channel" else channels
            start_s = float(generator.uniform(self.margin_s, survey.sound_end_s - self.margin_s - duration_s))
            if self._is_audible(survey, start_s, start_s + duration_s, lost):
                return DropoutDamage(
                    start_s, start_s + duration_s, kind, lost, packet_s if kind == "repeat" else ramp_s
                )
        raise NoPlace("there is no stretch that is loud enough for a gap to be a defect")

    def _is_audible(self, survey: Survey, start_s: float, end_s: float, channels: tuple[int, ...]) -> bool:
        levels = [
            survey.levels_between(start_s - 0.03, start_s),
            survey.levels_between(end_s, end_s + 0.03),
            survey.levels_between(start_s, end_s),
        ]
        return all(len(level) > 0 and np.median(level[:, channels].max(axis=1)) >= self.least_dbfs for level in levels)


class DropoutDamage:
    """Silences or repeats a stretch of some channels."""

    def __init__(self, start_s: float, end_s: float, kind: Kind, channels: tuple[int, ...], length_s: float) -> None:
        self._start_s, self._end_s, self._kind = start_s, end_s, kind
        self._channels, self._length_s = list(channels), length_s
        self._history: NDArray[np.float32] | None = None

    @property
    def truths(self) -> tuple[Truth, ...]:
        """Return the gap."""
        names = ", ".join(str(channel) for channel in self._channels)
        how = (
            f"packet of {self._length_s * 1000:.0f} ms"
            if self._kind == "repeat"
            else f"ramp {self._length_s * 1000:.0f} ms"
        )
        return (Truth("audio_dropout", self._start_s, self._end_s, detail=f"{self._kind}, channels {names}, {how}"),)

    def pictures(self, frame: Frame) -> Iterable[tuple[Planes, float]]:
        """Return the picture itself."""
        return [(frame.picture, frame.pts_seconds)]

    def sound(self, sound: Sound) -> NDArray[np.float32]:
        """Return the block with the gap in it."""
        if self._kind == "repeat":
            return self._repeated(sound)
        time_s = sound.pts_seconds + np.arange(len(sound.samples)) / sound.sample_rate
        inside_s = np.minimum(time_s - self._start_s, self._end_s - time_s)
        gain = np.clip(1 - inside_s / self._length_s, 0, 1) if self._length_s else (inside_s < 0).astype(np.float64)
        samples = sound.samples.copy()
        samples[:, self._channels] *= gain[:, None].astype(np.float32)
        return samples

    def _repeated(self, sound: Sound) -> NDArray[np.float32]:
        """Replace the gap by copies of the packet right before it."""
        length = round(self._length_s * sound.sample_rate)
        start = round((self._start_s - sound.pts_seconds) * sound.sample_rate)
        end = round((self._end_s - sound.pts_seconds) * sound.sample_rate)
        if self._history is None:
            self._history = np.zeros((length, sound.samples.shape[1]), np.float32)
        known = np.concatenate([self._history, sound.samples])
        for index in range(max(start, 0), min(end, len(sound.samples))):
            known[length + index] = known[index]
        # What is kept is what was sent, so a gap that goes on in the next block repeats the same packet.
        self._history = known[-length:].copy()
        return known[length:]
