"""Draw a road and boxes with wheels on it, in perspective, with soft edges."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import cos, radians, sin

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

LANE_WIDTH_M = 3.6
SHOULDER_M = 2.4
CAMERA_HEIGHT_M = 9.0
PITCH = radians(12.0)
# Everything is drawn this many times too large, both ways, and then made smaller: soft edges at the price of none.
FINE = 2


@dataclass(frozen=True)
class Camera:
    """A camera on a bridge over the middle of the road, looking along it and down.

    Attributes:
        width, height: Of the picture.
        start_m: Where along the road the picture's lower edge lies.
        lane_count: Lanes of the road.
    """

    width: int
    height: int
    start_m: float
    lane_count: int

    @property
    def focal_px(self) -> float:
        """Return the focal length in pixels."""
        return 0.9 * self.width

    @cached_property
    def behind_m(self) -> float:
        """Return how far the camera stands before `start_m`."""
        return CAMERA_HEIGHT_M / float(np.tan(PITCH + np.arctan(self.height / 2 / self.focal_px)))

    @property
    def reach_m(self) -> float:
        """Return how far vehicles are drawn."""
        return 240.0

    @property
    def road_width_m(self) -> float:
        """Return the width of all lanes."""
        return self.lane_count * LANE_WIDTH_M

    def lateral_m(self, lane: float) -> float:
        """Return how far right of the road's middle a lane's middle is."""
        return self.road_width_m / 2 - (lane + 0.5) * LANE_WIDTH_M

    def project(self, along_m: float, right_m: float, up_m: float) -> tuple[float, float]:
        """Return column and row of a point of the world."""
        ahead_m = max(along_m - self.start_m + self.behind_m, 2.0)
        above_m = up_m - CAMERA_HEIGHT_M
        depth_m = ahead_m * cos(PITCH) - above_m * sin(PITCH)
        row = self.height / 2 - self.focal_px * (ahead_m * sin(PITCH) + above_m * cos(PITCH)) / depth_m
        return self.width / 2 + self.focal_px * right_m / depth_m, row


def empty_road(camera: Camera, generator: np.random.Generator) -> Image.Image:
    """Return the road without vehicles, `FINE` times as wide and high as the camera's picture."""
    rows, columns = np.mgrid[0 : camera.height * FINE, 0 : camera.width * FINE]
    x = (columns + 0.5) / FINE - camera.width / 2
    y = camera.height / 2 - (rows + 0.5) / FINE
    down = camera.focal_px * np.sin(PITCH) - y * np.cos(PITCH)
    scale = CAMERA_HEIGHT_M / np.maximum(down, 1e-3)
    along_m = (camera.focal_px * np.cos(PITCH) + y * np.sin(PITCH)) * scale - camera.behind_m
    right_m = x * scale
    haze = np.clip(along_m / 900, 0, 0.45)[..., None]
    ground = _ground(camera, along_m + camera.start_m, right_m, generator)
    sky_tone = np.array([186.0, 204.0, 222.0])
    ground = ground * (1 - haze) + sky_tone * haze
    horizon = camera.height / 2 - camera.focal_px * np.tan(PITCH)
    above = np.clip((horizon - (rows + 0.5) / FINE) / max(horizon, 1.0), 0, 1)[..., None]
    sky = sky_tone * (1 - above) + np.array([138.0, 172.0, 212.0]) * above
    trees_px = camera.height * (0.03 + 0.03 * _waves(columns[0] / FINE / camera.width * 40, generator))
    is_tree = (rows + 0.5) / FINE > horizon - trees_px[None, :]
    leaves = np.array([74.0, 92.0, 66.0]) * (0.8 + 0.4 * generator.uniform(size=rows.shape))[..., None]
    picture = np.where((down <= 0.5)[..., None], np.where(is_tree[..., None], leaves, sky), ground)
    return Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))


def _ground(
    camera: Camera, along_m: NDArray[np.float64], right_m: NDArray[np.float64], generator: np.random.Generator
) -> NDArray[np.float64]:
    rough = _texture(along_m, right_m, (0.35, 1.7, 9.0), generator)[..., None]
    half_m = camera.road_width_m / 2
    grass = np.array([92.0, 112.0, 62.0]) * (0.85 + 0.35 * rough)
    asphalt = np.array([98.0, 99.0, 102.0]) * (0.86 + 0.22 * rough)
    # Wheels polish two tracks in each lane.
    in_lane = np.mod(right_m + half_m, LANE_WIDTH_M) - LANE_WIDTH_M / 2
    tracks = np.exp(-(((np.abs(in_lane) - 0.85) / 0.3) ** 2))[..., None]
    ground = np.where((np.abs(right_m) < half_m + SHOULDER_M)[..., None], asphalt * (1 - 0.07 * tracks), grass)
    is_edge = np.abs(np.abs(right_m) - half_m) < 0.1
    boundary = np.abs(in_lane) > LANE_WIDTH_M / 2 - 0.08
    is_dash = boundary & (np.abs(right_m) < half_m - 1) & (np.mod(along_m, 9.0) < 3.0)
    paint = np.array([222.0, 222.0, 214.0]) * (0.9 + 0.12 * rough)
    rail = np.abs(np.abs(right_m) - half_m - SHOULDER_M - 0.4) < 0.18
    ground = np.where((is_edge | is_dash)[..., None], paint, ground)
    return np.where(rail[..., None], np.array([150.0, 154.0, 158.0]), ground)


def _texture(
    along_m: NDArray[np.float64],
    right_m: NDArray[np.float64],
    sizes_m: tuple[float, ...],
    generator: np.random.Generator,
) -> NDArray[np.float64]:
    """Return noise of the ground, 0-1: a mean of random lattices of several sizes."""
    total = np.zeros(along_m.shape)
    for size_m in sizes_m:
        lattice = generator.uniform(size=(257, 257))
        row, column = np.mod(along_m / size_m, 256), np.mod(right_m / size_m, 256)
        top, left = row.astype(int), column.astype(int)
        down, across = row - top, column - left
        upper = lattice[top, left] * (1 - across) + lattice[top, left + 1] * across
        lower = lattice[top + 1, left] * (1 - across) + lattice[top + 1, left + 1] * across
        total += upper * (1 - down) + lower * down
    return total / len(sizes_m)


def _waves(place: NDArray[np.float64], generator: np.random.Generator) -> NDArray[np.float64]:
    """Return a wavy line, 0-1."""
    phases = generator.uniform(0, 2 * np.pi, 4)
    waves = sum(np.sin(place * (index + 1) * 0.7 + phase) / (index + 1) for index, phase in enumerate(phases))
    return np.clip(0.5 + 0.25 * np.asarray(waves), 0, 1)


def draw_vehicle(
    picture: Image.Image,
    camera: Camera,
    place: tuple[float, float],
    paint: NDArray[np.float64],
    is_truck: bool,
    is_braking: bool,
) -> None:
    """Draw one vehicle from behind into a picture.

    Args:
        picture: As `empty_road` gives it; changed in place.
        camera: Where it is seen from.
        place: Its front along the road in metres, and its lane.
        paint: Red, green and blue.
        is_truck: Longer, higher, and all box.
        is_braking: Its lights are bright.
    """
    front_m, right_m = place[0], camera.lateral_m(place[1])
    length_m, width_m, height_m = (11.0, 2.5, 3.6) if is_truck else (4.6, 1.8, 0.85)
    rear_m = front_m - length_m
    left, right = right_m - width_m / 2, right_m + width_m / 2
    brush = Brush(picture, camera)
    shadow = [
        (rear_m - 0.3, left - 0.2, 0),
        (front_m, left - 0.2, 0),
        (front_m, right + 0.9, 0),
        (rear_m - 0.3, right + 0.9, 0),
    ]
    brush.fill(shadow, np.array([34.0, 35.0, 38.0]), 0.6)
    brush.box((rear_m, front_m), (left, right), (0.3, height_m), paint)
    if not is_truck:
        glass = np.array([42.0, 50.0, 58.0])
        brush.box((rear_m + 0.5, front_m - 1.5), (left + 0.12, right - 0.12), (0.85, 1.4), glass)
        roof = [
            (rear_m + 0.9, left + 0.22),
            (front_m - 1.9, left + 0.22),
            (front_m - 1.9, right - 0.22),
            (rear_m + 0.9, right - 0.22),
        ]
        brush.fill([(along, across, 1.42) for along, across in roof], paint * 1.06)
    lamp = np.array([255.0, 60.0, 44.0]) if is_braking else np.array([140.0, 26.0, 24.0])
    for inner in (left + 0.08, right - 0.42):
        brush.fill(
            [(rear_m, inner, 0.62), (rear_m, inner + 0.34, 0.62), (rear_m, inner + 0.34, 0.8), (rear_m, inner, 0.8)],
            lamp,
        )
    for inner in (left + 0.1, right - 0.35):
        brush.fill(
            [(rear_m, inner, 0.0), (rear_m, inner + 0.25, 0.0), (rear_m, inner + 0.25, 0.32), (rear_m, inner, 0.32)],
            np.array([22.0, 22.0, 24.0]),
        )


class Brush:
    """Fills polygons of the world in one picture."""

    def __init__(self, picture: Image.Image, camera: Camera) -> None:
        self._draw, self._camera = ImageDraw.Draw(picture, "RGBA"), camera

    def box(
        self,
        along_m: tuple[float, float],
        right_m: tuple[float, float],
        up_m: tuple[float, float],
        paint: NDArray[np.float64],
    ) -> None:
        """Draw the sides of a box that the camera sees: the one towards the middle, the top and the rear."""
        rear, front = along_m
        left, right = right_m
        low, high = up_m
        if left > 0:
            self.fill([(rear, left, low), (front, left, low), (front, left, high), (rear, left, high)], paint * 0.62)
        if right < 0:
            self.fill(
                [(rear, right, low), (front, right, low), (front, right, high), (rear, right, high)], paint * 0.62
            )
        self.fill([(rear, left, high), (front, left, high), (front, right, high), (rear, right, high)], paint)
        self.fill([(rear, left, low), (rear, right, low), (rear, right, high), (rear, left, high)], paint * 0.8)

    def fill(
        self, corners: Sequence[tuple[float, float, float]], tone: NDArray[np.float64], opacity: float = 1.0
    ) -> None:
        """Fill a convex polygon."""
        points = [self._camera.project(*corner) for corner in corners]
        red, green, blue = (min(255, max(0, int(part))) for part in tone)
        paint = (red, green, blue, round(opacity * 255))
        self._draw.polygon([(column * FINE, row * FINE) for column, row in points], fill=paint)
