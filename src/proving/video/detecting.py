"""The contract of a detector: it sees and hears a clip once, in order, and then says what it found."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from proving.video.findings import Finding
from proving.video.frames import Frame, Sound


class Detector(Protocol):
    """One pass over one clip; memory does not grow with the clip, save for what was found."""

    def see(self, frame: Frame) -> None:
        """Take the next picture; pictures come in order of time."""

    def hear(self, sound: Sound) -> None:
        """Take the next block of sound; sound and pictures come interleaved, roughly in step."""

    def finish(self) -> list[Finding]:
        """Return what was found, in order of time; nothing is seen or heard afterwards."""


@dataclass(frozen=True)
class DetectorKind:
    """A member of the family: how to start one, and what it is for.

    Attributes:
        start: Gives a fresh detector with its default settings.
        needs: What a clip must have for it to apply.
        term: The MovieLabs concept of its findings.
        about: What one event is.
    """

    start: Callable[[], Detector]
    needs: Literal["picture", "sound"]
    term: str
    about: str
