"""Pictures and sound of a road as a camera on a bridge would see and hear it: given vehicles, drawn from a seed."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proving.video.drawing import FINE, Camera, draw_vehicle, empty_road

SAMPLE_RATE = 48_000
SOUND_GROUPS = 4
TRUCK_SHARE = 0.15
BRAKING_MPS2 = -0.6


@dataclass(frozen=True, kw_only=True)
class View:
    """What the camera sees.

    Attributes:
        width, height: Of the picture, even.
        start_m: Where along the road the picture's lower edge lies.
        lane_count: Lanes, all in the direction away from the camera; lane 0 is the rightmost.
        noise: Standard deviation of the sensor's noise, in levels of 255.
    """

    width: int = 640
    height: int = 360
    start_m: float = 0.0
    lane_count: int = 3
    noise: float = 2.5

    def __post_init__(self) -> None:
        if self.width % 2 or self.height % 2 or min(self.width, self.height) < 64:
            raise ValueError(f"width and height must be even and 64 or more, got {self.width}x{self.height}")
        if self.lane_count < 1 or self.noise < 0:
            raise ValueError(f"lane_count must be 1 or more and noise 0 or more, got {self}")

    @property
    def camera(self) -> Camera:
        """Return the camera that sees it."""
        return Camera(self.width, self.height, self.start_m, self.lane_count)


@dataclass(frozen=True, eq=False)
class Vehicles:
    """Where vehicles are.

    Attributes:
        time_s: Strictly increasing, [step].
        position_m: Front of each vehicle along the road, [step vehicle].
        lane: Lane number from 0 on the right; may be between two lanes, [step vehicle].
        is_present: Whether it is there at all, [step vehicle].
    """

    time_s: NDArray[np.floating]
    position_m: NDArray[np.floating]
    lane: NDArray[np.number]
    is_present: NDArray[np.bool_]

    def __post_init__(self) -> None:
        shape = self.position_m.shape
        if len(shape) != 2 or self.lane.shape != shape or self.is_present.shape != shape:
            raise ValueError(f"position_m, lane and is_present must be [step vehicle], got {shape} and others")
        if len(self.time_s) != shape[0] or shape[0] < 2 or not np.all(np.diff(self.time_s) > 0):
            raise ValueError(f"time_s must be {shape[0]} strictly increasing numbers, two or more")


def road_camera(
    vehicles: Vehicles, view: View = View(), frame_rate: float = 25.0, seed: int = 0
) -> tuple[Iterator[NDArray[np.uint8]], NDArray[np.float32]]:
    """Return pictures, drawn one by one when they are taken, and the sound to go with them.

    The clip runs from the first to the last time of the vehicles; between two steps they move evenly. Colours, the
    verge, noise and which vehicles are trucks come from the seed.

    Returns:
        Pictures as uint8 [row column 3], and stereo sound, float32 [sample channel] at `SAMPLE_RATE`.
    """
    if frame_rate <= 0:
        raise ValueError(f"frame_rate must be positive, got {frame_rate}")
    duration_s = float(vehicles.time_s[-1] - vehicles.time_s[0])
    times_s = vehicles.time_s[0] + np.arange(max(1, round(duration_s * frame_rate))) / frame_rate
    return _pictures(vehicles, view, times_s, seed), _sound(vehicles, view, duration_s, seed)


def free_traffic(seed: int, duration_s: float, view: View = View(), speed_mps: float = 26.0) -> Vehicles:
    """Return vehicles that pass the camera freely, each at its own steady speed.

    In a lane all have the same speed, so none runs into another.
    """
    generator = np.random.default_rng(seed)
    time_s = np.arange(0.0, duration_s + 0.05, 0.1)
    positions: list[NDArray[np.float64]] = []
    lanes: list[int] = []
    for lane in range(view.lane_count):
        lane_speed_mps = speed_mps * (0.85 + 0.15 * lane) * generator.uniform(0.92, 1.08)
        front_m = view.start_m + view.camera.reach_m
        while front_m > view.start_m - lane_speed_mps * duration_s - 20:
            positions.append(front_m + lane_speed_mps * time_s)
            lanes.append(lane)
            front_m -= generator.uniform(0.7, 2.2) * lane_speed_mps + 12
    position_m = np.array(positions).T
    lane_of = np.broadcast_to(np.array(lanes, dtype=np.float64), position_m.shape)
    return Vehicles(time_s, position_m, lane_of, np.ones(position_m.shape, dtype=bool))


def _pictures(vehicles: Vehicles, view: View, times_s: NDArray[np.float64], seed: int) -> Iterator[NDArray[np.uint8]]:
    generator = np.random.default_rng([seed, 1])
    camera = view.camera
    road = empty_road(camera, generator)
    count = vehicles.position_m.shape[1]
    paints = generator.choice(PAINTS, count) + generator.uniform(-12, 12, (count, 1))
    is_truck = generator.uniform(size=count) < TRUCK_SHARE
    grain = generator.normal(0, view.noise, (view.height + 67, view.width + 67)).astype(np.float32)
    for time_s in times_s:
        drawn = road.copy()
        position_m, lane, is_braking, is_present = _at(vehicles, float(time_s))
        seen = is_present & (position_m > view.start_m - 5) & (position_m < view.start_m + camera.reach_m)
        for index in sorted(np.flatnonzero(seen), key=lambda vehicle: -position_m[vehicle]):
            draw_vehicle(
                drawn,
                camera,
                (float(position_m[index]), float(lane[index])),
                paints[index],
                bool(is_truck[index]),
                bool(is_braking[index]),
            )
        row, column = generator.integers(0, 67, 2)
        picture = np.asarray(drawn.reduce(FINE), dtype=np.float32) * np.float32(1 + 0.01 * np.sin(0.4 * time_s))
        picture += grain[row : row + view.height, column : column + view.width, None]
        yield np.clip(picture, 0, 255).astype(np.uint8)


PAINTS = np.array(
    [[225, 226, 228], [40, 42, 46], [130, 134, 140], [168, 32, 34], [34, 62, 122], [92, 96, 88], [196, 188, 168]],
    dtype=np.float64,
)


def _at(
    vehicles: Vehicles, time_s: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Return position, lane, whether it brakes and whether it is there, for each vehicle at one time."""
    after = int(np.clip(np.searchsorted(vehicles.time_s, time_s, side="right"), 1, len(vehicles.time_s) - 1))
    span_s = vehicles.time_s[after] - vehicles.time_s[after - 1]
    share = float(np.clip((time_s - vehicles.time_s[after - 1]) / span_s, 0, 1))
    position_m = vehicles.position_m[after - 1] * (1 - share) + vehicles.position_m[after] * share
    lane = vehicles.lane[after - 1] * (1 - share) + vehicles.lane[after] * share
    earlier = max(after - 2, 0)
    speed_mps = (vehicles.position_m[after] - vehicles.position_m[after - 1]) / span_s
    past_mps = (vehicles.position_m[after - 1] - vehicles.position_m[earlier]) / span_s
    is_braking = (speed_mps - past_mps) / span_s < BRAKING_MPS2 if earlier < after - 1 else np.zeros(len(lane), bool)
    return position_m, lane, is_braking, vehicles.is_present[after - 1] & vehicles.is_present[after]


def _sound(vehicles: Vehicles, view: View, duration_s: float, seed: int) -> NDArray[np.float32]:
    """Return rolling noise and engines that swell as vehicles pass, over a floor of wind."""
    generator = np.random.default_rng([seed, 2])
    count = round(duration_s * SAMPLE_RATE)
    clock_s = np.arange(count) / SAMPLE_RATE
    sound = np.stack([0.012 * _rolling_noise(count, generator) for _ in range(2)], axis=1)
    ahead_m = vehicles.position_m - view.start_m
    loudness = np.where(vehicles.is_present, 1.0 / (1.0 + (ahead_m / 18.0) ** 2), 0.0)
    step_s = vehicles.time_s - vehicles.time_s[0]
    for group in range(SOUND_GROUPS):
        members = loudness[:, group::SOUND_GROUPS]
        if not members.size:
            continue
        swell = np.interp(clock_s, step_s, np.sqrt((members**2).sum(axis=1)))
        pitch_hz = generator.uniform(55, 115) * (1 + 0.03 * np.sin(clock_s * generator.uniform(0.5, 1.5)))
        phase = 2 * np.pi * np.cumsum(pitch_hz) / SAMPLE_RATE
        engine = sum(np.sin(order * phase + order) / order for order in (1, 2, 3, 5))
        voice = swell * (0.12 * _rolling_noise(count, generator) + 0.015 * engine)
        left = generator.uniform(0.35, 0.65)
        sound += voice[:, None] * np.array([left, 1 - left]) * 2
    return np.tanh(sound).astype(np.float32)


def _rolling_noise(count: int, generator: np.random.Generator) -> NDArray[np.float64]:
    """Return noise of unit power that is strongest below 1 kHz, as tyres on a road."""
    size = 1 << max(count - 1, 1).bit_length()
    spectrum = np.fft.rfft(generator.standard_normal(size))
    hertz = np.fft.rfftfreq(size, 1 / SAMPLE_RATE)
    spectrum *= 1.0 / (1.0 + (hertz / 900.0) ** 1.3) * (hertz / (hertz + 40.0))
    noise = np.fft.irfft(spectrum, size)[:count]
    return noise / max(float(noise.std()), 1e-9)
