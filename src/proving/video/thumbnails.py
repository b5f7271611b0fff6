"""A small picture of a moment of a clip."""

from pathlib import Path

from proving.video.decode import picture_at
from proving.video.encode import jpeg_of


def thumbnail(path: Path, time_s: float, width_px: int = 320) -> bytes:
    """Return the picture that is shown at a time, as a JPEG.

    A time before the start gives the first picture, one after the end the last.

    Raises:
        NoSuchClip: the file is not there.
        UnreadableClip: the file cannot be read.
        NoPicture: no picture can be decoded.
    """
    if width_px < 16:
        raise ValueError(f"width_px must be 16 or more, got {width_px}")
    return jpeg_of(picture_at(path, time_s), width_px)
