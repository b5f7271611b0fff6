"""What a clip is made of in memory: pictures as 8-bit planes, and blocks of sound."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Planes:
    """One picture as 8-bit 4:2:0 planes in limited range: black is luma 16, white 235, grey has chroma 128.

    Attributes:
        luma: uint8 [row column].
        blue: Difference to blue, uint8 [row/2 column/2], rounded up.
        red: Difference to red, the same shape.
    """

    luma: NDArray[np.uint8]
    blue: NDArray[np.uint8]
    red: NDArray[np.uint8]

    def __post_init__(self) -> None:
        rows, columns = self.luma.shape
        wanted = ((rows + 1) // 2, (columns + 1) // 2)
        if self.blue.shape != wanted or self.red.shape != wanted:
            raise ValueError(f"chroma planes must be {wanted}, got {self.blue.shape} and {self.red.shape}")

    @property
    def width(self) -> int:
        """Return the number of columns."""
        return self.luma.shape[1]

    @property
    def height(self) -> int:
        """Return the number of rows."""
        return self.luma.shape[0]


@dataclass(frozen=True, eq=False)
class Frame:
    """One decoded picture.

    Attributes:
        index: Counts decoded pictures from 0.
        pts_seconds: When it is shown, from the start of the clip.
        duration_seconds: How long, as the stream says; the true end is when the next picture comes.
        picture: The picture in its own size; read only.
        small: The same, at most `decode.SMALL_WIDTH` wide, made by averaging: what most detectors look at.
        is_corrupt: The decoder doubts it; a hint, neither proof nor alibi.
    """

    index: int
    pts_seconds: float
    duration_seconds: float
    picture: Planes
    small: Planes
    is_corrupt: bool = False

    @property
    def end_seconds(self) -> float:
        """Return when it goes, if the stream is right about its duration."""
        return self.pts_seconds + self.duration_seconds


@dataclass(frozen=True, eq=False)
class Sound:
    """A block of sound.

    Attributes:
        pts_seconds: When its first sample is heard, from the start of the clip.
        samples: float32 [sample channel], full scale is 1.
        sample_rate: Samples per second.
    """

    pts_seconds: float
    samples: NDArray[np.float32]
    sample_rate: int

    def __post_init__(self) -> None:
        if self.samples.ndim != 2 or self.sample_rate <= 0:
            raise ValueError(f"sound is [sample channel] at a rate, got {self.samples.shape} at {self.sample_rate}")

    @property
    def end_seconds(self) -> float:
        """Return when its last sample has been heard."""
        return self.pts_seconds + len(self.samples) / self.sample_rate
