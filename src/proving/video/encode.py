"""Write pictures and sound as a clip, H.264 and AAC (owner of PyAV, with decode.py)."""

import io
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from proving.video.decode import planes_of_frame
from proving.video.frames import Planes

CLOCK = Fraction(1, 90_000)
SOUND_BLOCK = 1024
LAYOUTS = {1: "mono", 2: "stereo", 3: "3.0", 4: "4.0", 5: "5.0", 6: "5.1", 8: "7.1"}
LIMITED_RANGE = 1
# x264's result depends on how many threads it has; a fixed number gives the same file on every machine.
ENCODER_THREADS = "2"
# Measured: with look-ahead the same pictures were encoded differently from run to run, even with one thread.
REPEATABLE = "rc-lookahead=0:mbtree=0"


class ClipWriter:
    """Writes one clip; use as a context manager. The file appears, whole, when it is left without an error.

    Args:
        path: `.mkv` gives Matroska, everything else MP4.
        width, height: Even numbers of pixels; None for both gives sound alone.
        frame_rate: The usual one; each picture brings its own time.
        sample_rate, channel_count: Of the sound; 0 channels gives pictures alone.
        crf: x264's constant rate factor: 18 is nearly without loss to the eye, 30 is plainly compressed.
    """

    def __init__(
        self,
        path: Path,
        size: tuple[int, int] | None,
        frame_rate: float = 25.0,
        sample_rate: int = 48_000,
        channel_count: int = 0,
        crf: int = 23,
    ) -> None:
        if size is None and not channel_count:
            raise ValueError("a clip has pictures, sound or both")
        if size is not None and (size[0] % 2 or size[1] % 2 or min(size) < 16):
            raise ValueError(f"H.264 wants even sizes of 16 and more, got {size[0]}x{size[1]}")
        if channel_count not in (0, *LAYOUTS):
            raise ValueError(f"channel_count must be one of {sorted(LAYOUTS)}, got {channel_count}")
        self._path = path
        self._part = path.with_name(f"{path.name}.part")
        self._container = av.open(str(self._part), "w", format="matroska" if path.suffix == ".mkv" else "mp4")
        self._video = self._add_video(size, frame_rate, crf) if size is not None else None
        self._audio = self._add_audio(sample_rate, channel_count) if channel_count else None
        self._samples_written = 0
        self._last_pts = -1

    def _add_video(self, size: tuple[int, int], frame_rate: float, crf: int) -> VideoStream:
        stream = self._container.add_stream("libx264", rate=Fraction(frame_rate).limit_denominator(1001))
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.codec_context.time_base = CLOCK
        stream.codec_context.color_range = LIMITED_RANGE
        stream.codec_context.options = {
            "crf": str(crf),
            "preset": "veryfast",
            "threads": ENCODER_THREADS,
            "x264-params": REPEATABLE,
        }
        return stream

    def _add_audio(self, sample_rate: int, channel_count: int) -> AudioStream:
        stream = self._container.add_stream("aac", rate=sample_rate, layout=LAYOUTS[channel_count])
        stream.codec_context.bit_rate = 64_000 * channel_count
        return stream

    def __enter__(self) -> "ClipWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._container.close()
            self._part.unlink(missing_ok=True)
            return
        for stream in (self._video, self._audio):
            if stream is not None:
                self._container.mux(stream.encode(None))
        self._container.close()
        self._part.replace(self._path)

    def picture(self, planes: Planes, pts_seconds: float) -> None:
        """Write the next picture; a time that is not later than the last is moved to just after it."""
        assert self._video is not None, "this clip has no pictures"
        frame = video_frame(planes)
        self._last_pts = max(round(pts_seconds / CLOCK), self._last_pts + 1)
        frame.pts, frame.time_base = self._last_pts, CLOCK
        self._container.mux(self._video.encode(frame))

    def sound(self, samples: NDArray[np.float32]) -> None:
        """Write the next samples, float32 [sample channel], right after the last."""
        assert self._audio is not None, "this clip has no sound"
        rate = self._audio.codec_context.sample_rate
        layout = self._audio.codec_context.layout.name
        for start in range(0, len(samples), SOUND_BLOCK):
            block = np.ascontiguousarray(samples[start : start + SOUND_BLOCK].T, dtype=np.float32)
            frame = AudioFrame.from_ndarray(block, format="fltp", layout=layout)
            frame.sample_rate, frame.pts, frame.time_base = rate, self._samples_written, Fraction(1, rate)
            self._samples_written += block.shape[1]
            self._container.mux(self._audio.encode(frame))


def write_clip(
    path: Path,
    frames: Iterable[NDArray[np.uint8]],
    frame_rate: float,
    sound: NDArray[np.float32] | None = None,
    sample_rate: int = 48_000,
    crf: int = 23,
) -> int:
    """Write a clip and return how many pictures it has.

    Args:
        path: Where to; `.mkv` gives Matroska, everything else MP4.
        frames: Red, green and blue, uint8 [row column 3], all of one even size; taken one by one.
        frame_rate: Pictures per second.
        sound: float32 [sample channel], full scale 1; None for a clip without sound.
        sample_rate: Samples per second.
        crf: As for `ClipWriter`.

    Raises:
        ValueError: no picture came, or its shape is not one that can be written.
    """
    pictures = iter(frames)
    first = next(pictures, None)
    if first is None:
        raise ValueError(f"{path}: no picture to write")
    if first.ndim != 3 or first.shape[2] != 3 or first.dtype != np.uint8:
        raise ValueError(f"{path}: pictures are uint8 [row column 3], got {first.dtype} {first.shape}")
    channel_count = 0 if sound is None else sound.shape[1]
    count = written = 0
    with ClipWriter(path, (first.shape[1], first.shape[0]), frame_rate, sample_rate, channel_count, crf) as writer:
        for rgb in _chain(first, pictures):
            if rgb.shape != first.shape:
                raise ValueError(f"{path}: picture {count} is {rgb.shape}, the first was {first.shape}")
            writer.picture(planes_of(rgb), count / frame_rate)
            count += 1
            if sound is not None:
                until = round(count / frame_rate * sample_rate)
                writer.sound(sound[written:until])
                written = max(written, min(until, len(sound)))
        if sound is not None:
            writer.sound(sound[written:])
    return count


def planes_of(rgb: NDArray[np.uint8]) -> Planes:
    """Return the planes of a picture of red, green and blue, uint8 [row column 3], of even size."""
    frame = VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
    return planes_of_frame(frame.reformat(format="yuv420p", dst_color_range="MPEG"))


def rgb_of(planes: Planes) -> NDArray[np.uint8]:
    """Return a picture as red, green and blue, uint8 [row column 3]."""
    return np.asarray(video_frame(planes).reformat(format="rgb24").to_ndarray(), dtype=np.uint8)


def jpeg_of(planes: Planes, width_px: int) -> bytes:
    """Return a picture as a JPEG of that width."""
    height_px = max(2, 2 * round(planes.height * width_px / planes.width / 2))
    scaled = video_frame(planes).reformat(
        2 * (width_px // 2), height_px, "yuvj420p", interpolation="AREA", dst_color_range="JPEG"
    )
    scaled.pts = 0
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="image2pipe") as container:
        stream = container.add_stream("mjpeg", rate=1)
        stream.width, stream.height, stream.pix_fmt = scaled.width, scaled.height, "yuvj420p"
        stream.codec_context.options = {"qmin": "2", "qmax": "4"}
        container.mux(stream.encode(scaled))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def video_frame(planes: Planes) -> VideoFrame:
    """Return the planes as a frame of libav; they are copied."""
    frame = VideoFrame(planes.width, planes.height, "yuv420p")
    for target, plane in zip(frame.planes, (planes.luma, planes.blue, planes.red), strict=True):
        rows, columns = plane.shape
        padded = np.zeros((target.buffer_size // target.line_size, target.line_size), np.uint8)
        padded[:rows, :columns] = plane
        target.update(padded.tobytes())
    frame.color_range = LIMITED_RANGE
    return frame


def _chain(first: NDArray[np.uint8], rest: Iterator[NDArray[np.uint8]]) -> Iterator[NDArray[np.uint8]]:
    yield first
    yield from rest
