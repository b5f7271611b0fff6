"""Material for reports: a small ring road that forms waves and a whole sample report."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageDraw

from proving.report import (
    Code,
    KeyFigure,
    KeyFigures,
    Report,
    Section,
    Table,
    Text,
    Thumbnail,
    Thumbnails,
    TimeSpace,
    Tracks,
    bar_figure,
    figure,
    speed_figure,
    spread_figure,
    tracks_from_grid,
)

STEP_S = 0.1


@pytest.fixture(scope="session")
def ring_tracks() -> Callable[..., Tracks]:
    """Make `point_count` points (or a few less) of vehicles on a ring, one in twenty automated if wanted."""

    def make(point_count: int, vehicle_count: int = 100, has_automation: bool = False, seed: int = 1) -> Tracks:
        position_m, speed_mps, is_automated = _drive(point_count // vehicle_count, vehicle_count, has_automation, seed)
        label = "with automated vehicles" if has_automation else "without automated vehicles"
        return tracks_from_grid(label, np.arange(len(position_m)) * STEP_S, position_m, speed_mps, is_automated)

    return make


@pytest.fixture(scope="session")
def sample_report(ring_tracks: Callable[..., Tracks]) -> Callable[[int], Report]:
    """Make a report with every kind of block; its diagram has about `point_count` points in two panels."""

    def make(point_count: int) -> Report:
        panels = (ring_tracks(point_count // 2), ring_tracks(point_count // 2, has_automation=True))
        return Report(
            title="What a few automated vehicles change on one road",
            summary="A hundred vehicles drive on a closed road.\n\nThis page holds the results of one study.",
            sections=(
                Section("In brief", (KeyFigures((KeyFigure("fuel saved", "18.4 %", "median of 10 seeds"),)),)),
                Section("Time and space", (Text("Each line is a vehicle."), TimeSpace("All vehicles.", panels))),
                Section("Fuel and speed", (*_figures(panels), _table())),
                Section("Inputs", (Thumbnails(tuple(_thumbnail(number) for number in range(3))),)),
                Section("How to repeat it", (Code("proving corridor run study.toml"),)),
            ),
            footer="Made by proving.report.",
        )

    return make


def _drive(
    step_count: int, vehicle_count: int, has_automation: bool, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    road_m = 11.8 * vehicle_count
    position_m = np.arange(vehicle_count) * 11.8 + generator.uniform(-1, 1, vehicle_count)
    speed_mps = np.full(vehicle_count, 3.0)
    is_automated = np.arange(vehicle_count) % 20 == (0 if has_automation else 20)
    positions, speeds = np.zeros((2, step_count, vehicle_count))
    for step in range(step_count):
        positions[step], speeds[step] = position_m % road_m, speed_mps
        gap_m = np.maximum((np.roll(position_m, -1) - position_m) % road_m - 5, 0.1)
        closing_mps = speed_mps - np.roll(speed_mps, -1)
        wanted_gap_m = 2 + np.maximum(0, speed_mps + speed_mps * closing_mps / (2 * np.sqrt(1.4)))
        human = 0.7 * (1 - (speed_mps / 30) ** 4 - (wanted_gap_m / gap_m) ** 2)
        human += generator.normal(0, 0.3, vehicle_count)
        steady = np.where(gap_m > 6, np.clip(4.4 - speed_mps, -3, 1), human)
        speed_mps = np.maximum(0, speed_mps + np.where(is_automated, steady, human) * STEP_S)
        position_m = position_m + speed_mps * STEP_S
    return positions, speeds, is_automated


def _figures(panels: tuple[Tracks, ...]):
    generator = np.random.default_rng(3)
    rows = [
        {"share": f"{share} %", "controller": name, "fuel": 30 - share / 6 + float(generator.normal(0, 0.6))}
        for share in (0, 5, 20)
        for name in ("follower stopper", "learned")
        for _ in range(10)
    ]
    moments = [
        {
            "time_s": float(time_s),
            "mean_speed_mps": float(tracks.speed_mps[tracks.time_s == time_s].mean()),
            "case": tracks.label,
        }
        for tracks in panels
        for time_s in np.unique(tracks.time_s)[::10]
    ]
    fuel = {"group": "share", "value": "fuel", "series": "controller", "value_label": "fuel, l/100 km"}
    return (
        figure(spread_figure(rows, **fuel), "Fuel by seed."),
        figure(bar_figure(rows, **fuel), "Fuel, medians."),
        figure(speed_figure(moments, series="case"), "Mean speed."),
    )


def _table() -> Table:
    rows = (("human drivers", 31.24, 118204), ("one automated", 25.49, 22), ("not run", None, None))
    return Table(("scenario", "fuel, l/100 km", "vehicles"), rows, "All scenarios.")


def _thumbnail(number: int) -> Thumbnail:
    picture = Image.new("RGB", (320, 180), (70 + 30 * number, 90, 110))
    ImageDraw.Draw(picture).polygon([(0, 180), (130, 70), (190, 70), (320, 180)], fill=(60, 60, 64))
    file = io.BytesIO()
    picture.save(file, "PNG" if number == 0 else "JPEG")
    return Thumbnail(file.getvalue(), f"camera {number}", "picture freezes for 2.4 s")
