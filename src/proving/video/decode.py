"""Decode a clip once, from start to end, in constant memory: pictures and sound as they come (owner of PyAV).

The thread type is fixed and doubtful pictures are kept, because both change what damage looks like; a packet that
cannot be decoded is skipped and counted and never ends the pass.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.codec.context import Flags, ThreadType
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from proving.video.errors import NoPicture, NoSuchClip, UnreadableClip
from proving.video.findings import StreamFacts
from proving.video.frames import Frame, Planes, Sound

log = logging.getLogger(__name__)

SMALL_WIDTH = 320
MOST_DEMUX_ERRORS = 100
GAP_STEPS = 2.5
FULL_RANGE = 2  # libav's AVCOL_RANGE_JPEG


@dataclass
class _Counts:
    """What is counted while a clip is decoded; private to one reader."""

    frames: int = 0
    samples: int = 0
    errors: int = 0
    corrupt: int = 0
    gaps: int = 0
    backward: int = 0
    end_s: float = 0.0
    longest_gap_s: float = 0.0
    longest_gap_start_s: float = 0.0
    steps: dict[int, int] = field(default_factory=dict)


class ClipReader:
    """One pass over a clip: iterate to get `Frame`s and `Sound`s, then ask for `facts`.

    Use as a context manager.

    Raises:
        NoSuchClip: the file is not there.
        UnreadableClip: the file is no media file, or holds neither picture nor sound.
    """

    def __init__(self, path: Path) -> None:
        if not path.exists():
            raise NoSuchClip(f"{path}: no such file")
        if path.is_dir():
            raise UnreadableClip(f"{path}: is a folder, not a clip")
        if path.stat().st_size == 0:
            raise UnreadableClip(f"{path}: is empty (0 bytes)")
        self.path = path
        try:
            self._container: InputContainer = av.open(str(path))
        except av.error.FFmpegError as error:
            raise UnreadableClip(f"{path}: is no clip that can be read ({_plain(error)})") from error
        self._video = _first_picture_stream(self._container)
        self._audio = next(iter(self._container.streams.audio), None)
        if self._video is None and self._audio is None:
            self._container.close()
            raise UnreadableClip(f"{path}: holds neither picture nor sound")
        if self._video is not None:
            context = self._video.codec_context
            context.thread_type = ThreadType.FRAME
            context.flags |= Flags.output_corrupt
        self._start_s = (self._container.start_time or 0) / av.time_base
        self._counts = _Counts()
        self._last_pts_s: float | None = None
        self._sound_end_s = 0.0

    def __enter__(self) -> "ClipReader":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._container.close()

    @property
    def has_video(self) -> bool:
        """Return whether there is a stream of pictures; whether any can be decoded shows only later."""
        return self._video is not None

    @property
    def has_audio(self) -> bool:
        """Return whether there is a stream of sound."""
        return self._audio is not None

    @property
    def size(self) -> tuple[int, int]:
        """Return width and height, zeros without pictures."""
        return (self._video.codec_context.width, self._video.codec_context.height) if self._video else (0, 0)

    @property
    def sample_rate(self) -> int:
        """Return samples per second, 0 without sound."""
        return self._audio.codec_context.sample_rate if self._audio else 0

    @property
    def channel_count(self) -> int:
        """Return the number of sound channels, 0 without sound."""
        return self._audio.codec_context.channels if self._audio else 0

    @property
    def header_duration_s(self) -> float:
        """Return what the container says, 0 where it says nothing."""
        return max(0.0, (self._container.duration or 0) / av.time_base)

    @property
    def header_frame_rate(self) -> float:
        """Return what the container says, 25 where it says nothing."""
        rate = self._video.average_rate if self._video is not None else None
        return float(rate) if rate else 25.0

    def start_near(self, time_s: float) -> None:
        """Begin at the last place before a time where decoding can begin, where the container knows one."""
        if self._video is None or time_s <= 0:
            return
        try:
            self._container.seek(int((time_s + self._start_s) * av.time_base))
        except av.error.FFmpegError as error:
            log.info("%s: cannot be entered in the middle: %s", self.path.name, _plain(error))

    def __iter__(self) -> Iterator[Frame | Sound]:
        for packet in self._packets():
            try:
                decoded = packet.decode()
            except av.error.FFmpegError as error:
                self._counts.errors += 1
                log.info("%s: skipped a packet: %s", self.path.name, _plain(error))
                continue
            for item in decoded:
                if isinstance(item, VideoFrame):
                    yield self._frame(item)
                elif isinstance(item, AudioFrame):
                    yield self._sound(item)

    def _packets(self) -> "Iterator[Packet[Any]]":
        streams = [stream for stream in (self._video, self._audio) if stream is not None]
        for _ in range(MOST_DEMUX_ERRORS):
            try:
                yield from self._container.demux(*streams)
            except av.error.EOFError:
                return
            except av.error.FFmpegError as error:
                self._counts.errors += 1
                log.info("%s: could not read on: %s", self.path.name, _plain(error))
            else:
                return

    def _frame(self, decoded: VideoFrame) -> Frame:
        assert self._video is not None, "a picture comes from a stream of pictures"
        usual_s = 1.0 / self.header_frame_rate
        time_base = decoded.time_base or self._video.time_base
        duration_s = float(decoded.duration * time_base) if decoded.duration and time_base else usual_s
        if decoded.pts is None or time_base is None:
            pts_s = 0.0 if self._last_pts_s is None else self._last_pts_s + usual_s
        else:
            pts_s = float(decoded.pts * time_base) - self._start_s
        self._count_step(pts_s)
        counts = self._counts
        counts.corrupt += decoded.is_corrupt
        counts.end_s = max(counts.end_s, pts_s + duration_s)
        frame = Frame(
            index=counts.frames,
            pts_seconds=pts_s,
            duration_seconds=duration_s,
            picture=_planes(decoded, decoded.width, decoded.height),
            small=_planes(decoded, *_small_size(decoded.width, decoded.height)),
            is_corrupt=decoded.is_corrupt,
        )
        counts.frames += 1
        return frame

    def _count_step(self, pts_s: float) -> None:
        """Count steps by whole milliseconds, so that the median needs no list of them."""
        counts, last_s = self._counts, self._last_pts_s
        self._last_pts_s = pts_s
        if last_s is None:
            return
        step_s = pts_s - last_s
        if step_s <= 0:
            counts.backward += 1
            return
        tick = min(round(step_s * 1000), 60_000)
        counts.steps[tick] = counts.steps.get(tick, 0) + 1
        if step_s > GAP_STEPS * max(_median_step_s(counts.steps), 1.0 / self.header_frame_rate):
            counts.gaps += 1
            if step_s > counts.longest_gap_s:
                counts.longest_gap_s, counts.longest_gap_start_s = step_s, last_s

    def _sound(self, decoded: AudioFrame) -> Sound:
        samples = _float_samples(decoded)
        if decoded.pts is None or decoded.time_base is None:
            pts_s = self._sound_end_s
        else:
            pts_s = float(decoded.pts * decoded.time_base) - self._start_s
        sound = Sound(pts_seconds=pts_s, samples=samples, sample_rate=decoded.sample_rate)
        self._sound_end_s = sound.end_seconds
        self._counts.samples += len(samples)
        self._counts.end_s = max(self._counts.end_s, self._sound_end_s)
        return sound

    def facts(self) -> StreamFacts:
        """Return what was seen so far; complete once the iteration is over."""
        counts = self._counts
        step_s = _median_step_s(counts.steps)
        video = self._video.codec_context if self._video is not None and counts.frames else None
        audio = self._audio.codec_context if self._audio is not None and counts.samples else None
        return StreamFacts(
            duration_s=counts.end_s,
            header_duration_s=self.header_duration_s,
            has_video=video is not None,
            has_audio=audio is not None,
            width=video.width if video is not None else 0,
            height=video.height if video is not None else 0,
            frame_rate=_frame_rate(step_s, self.header_frame_rate),
            frame_count=counts.frames,
            video_codec=video.name if video is not None else "",
            sample_rate=audio.sample_rate if audio is not None else 0,
            channel_count=audio.channels if audio is not None else 0,
            sample_count=counts.samples,
            audio_codec=audio.name if audio is not None else "",
            decode_error_count=counts.errors,
            corrupt_frame_count=counts.corrupt,
            timestamp_gap_count=counts.gaps,
            longest_gap_start_s=counts.longest_gap_start_s,
            longest_gap_s=counts.longest_gap_s,
            timestamp_backward_count=counts.backward,
        )


def picture_at(path: Path, time_s: float) -> Planes:
    """Return the picture that is shown at a time.

    A time before the start gives the first picture, one after the end the last.

    Raises:
        NoSuchClip: the file is not there.
        UnreadableClip: the file cannot be read.
        NoPicture: no picture can be decoded.
    """
    shown: Planes | None = None
    with ClipReader(path) as reader:
        reader.start_near(time_s)
        for item in reader:
            if not isinstance(item, Frame):
                continue
            if shown is not None and item.pts_seconds > time_s:
                break
            shown = item.picture
    if shown is None:
        raise NoPicture(f"{path}: has no picture that can be decoded")
    return shown


def _first_picture_stream(container: InputContainer) -> VideoStream | None:
    """Return the first stream of moving pictures; the cover of a music file is none."""
    for stream in container.streams.video:
        if not stream.disposition & av.stream.Disposition.attached_pic:
            return stream
    return None


def _small_size(width: int, height: int) -> tuple[int, int]:
    if width <= SMALL_WIDTH:
        return width, height
    return SMALL_WIDTH, max(2, 2 * round(height * SMALL_WIDTH / width / 2))


def _planes(frame: VideoFrame, width: int, height: int) -> Planes:
    """Return the planes as views where the frame already has the form, else converted and scaled by averaging."""
    is_right = frame.format.name == "yuv420p" and frame.color_range != FULL_RANGE
    if not is_right or (width, height) != (frame.width, frame.height):
        frame = frame.reformat(width, height, "yuv420p", interpolation="AREA", dst_color_range="MPEG", threads=1)
    return planes_of_frame(frame)


def planes_of_frame(frame: VideoFrame) -> Planes:
    """Return views of a libav frame of format yuv420p."""
    luma, blue, red = (
        np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[: plane.height, : plane.width]
        for plane in frame.planes
    )
    return Planes(luma, blue, red)


def _float_samples(frame: AudioFrame) -> NDArray[np.float32]:
    """Return float32 [sample channel], full scale 1, whatever the sample format is."""
    samples = np.asarray(frame.to_ndarray())
    samples = samples.T if frame.format.is_planar else samples.reshape(-1, frame.layout.nb_channels)
    full_scale = {"uint8": 2.0**7, "int16": 2.0**15, "int32": 2.0**31, "int64": 2.0**63}.get(samples.dtype.name, 1.0)
    middle = 128.0 if samples.dtype == np.uint8 else 0.0
    return ((samples.astype(np.float64) - middle) / full_scale).astype(np.float32)


def _median_step_s(steps: dict[int, int]) -> float:
    """Return the median step, from counts by whole milliseconds."""
    total, below = sum(steps.values()), 0
    for tick in sorted(steps):
        below += steps[tick]
        if 2 * below >= total:
            return tick / 1000
    return 0.0


def _frame_rate(step_s: float, header_frame_rate: float) -> float:
    """Return what the median step says, and the header's finer figure where the two agree."""
    if step_s == 0:
        return 0.0
    return header_frame_rate if abs(step_s * header_frame_rate - 1) < 0.05 else 1 / step_s


def _plain(error: Exception) -> str:
    """Return libav's message without its error number and path."""
    return str(getattr(error, "strerror", None) or error)
