"""Flow, density and speed in cells of time and place by Edie's definitions: the fundamental diagram."""

import itertools
import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from proving.traffic.drives import Tracks
from proving.traffic.errors import BadSettings
from proving.traffic.trajectories import Trajectories


@dataclass(frozen=True, kw_only=True)
class Cells:
    """Rectangles of time and place, and what vehicles did in each.

    Source: Edie (1963): over an area A of time and place, flow is distance / A, density is time / A, speed is
    distance / time; so flow = density * speed holds in every cell and every union of cells.

    Attributes:
        start_s: when the first cells begin.
        start_m: where the first cells begin.
        cell_s: duration of a cell.
        cell_m: length of a cell.
        lane_count: lanes that the vehicles were spread over; flow and density are per lane.
        distance_m: distance driven by all vehicles in each cell.
        occupied_s: time spent by all vehicles in each cell.
    """

    start_s: float
    start_m: float
    cell_s: float
    cell_m: float
    lane_count: int
    distance_m: Float[np.ndarray, "time place"]
    occupied_s: Float[np.ndarray, "time place"]

    @property
    def flow_veh_per_h(self) -> Float[np.ndarray, "time place"]:
        """Return the flow per lane."""
        return 3600 * self.distance_m / (self.cell_s * self.cell_m * self.lane_count)

    @property
    def density_veh_per_km(self) -> Float[np.ndarray, "time place"]:
        """Return the density per lane."""
        return 1000 * self.occupied_s / (self.cell_s * self.cell_m * self.lane_count)

    @property
    def speed_mps(self) -> Float[np.ndarray, "time place"]:
        """Return the mean speed over space; NaN where nobody was."""
        return np.divide(
            self.distance_m, self.occupied_s, out=np.full(self.distance_m.shape, np.nan), where=self.occupied_s > 0
        )


def cells_of(trajectories: Trajectories, cell_s: float = 10.0, cell_m: float = 50.0, *, is_ring: bool = False) -> Cells:
    """Return a simulated run in cells; replayed leaders count as vehicles.

    A road of known length is cut into cells from 0 to its end, each at most `cell_m` long; behind a leader the cells
    cover wherever vehicles were. On a ring what passes the end goes on at the start.

    Raises:
        BadSettings: cells are shorter than a step, or than the way of a vehicle in one; nobody is on the road.
    """
    run = trajectories
    if not run.is_present.any():
        raise BadSettings("nobody is on the road")
    step, vehicle = np.nonzero(run.is_present)
    begin_m = run.position_m[step, vehicle].astype(np.float64)
    speed, accel = (values[step, vehicle].astype(np.float64) for values in (run.speed_mps, run.accel_mps2))
    end_m = begin_m + (speed + 0.5 * accel * run.dt_s) * run.dt_s
    begin_s = run.time_s[step].astype(np.float64)
    if math.isfinite(run.road_length_m):
        place_count = math.ceil(run.road_length_m / cell_m - 1e-9)
        grid = _Grid(float(run.time_s[0]), 0.0, cell_s, run.road_length_m / place_count, place_count)
    else:
        place_count = math.floor((end_m.max() - begin_m.min()) / cell_m) + 1
        grid = _Grid(float(run.time_s[0]), float(begin_m.min()), cell_s, cell_m, place_count)
    return _fill(grid, (begin_s, begin_s + run.dt_s, begin_m, end_m), run.lane_count, is_ring=is_ring)


def cells_of_tracks(
    tracks: Tracks, cell_s: float = 10.0, cell_m: float = 50.0, *, largest_break_s: float = 2.0
) -> Cells:
    """Return measured vehicles in cells; between two of its rows a vehicle drives evenly.

    Rows of one vehicle that are more than `largest_break_s` apart are not joined. Lanes are those in the file.

    Raises:
        BadSettings: no two rows are joined, or cells are shorter than what lies between two rows.
    """
    joined = (np.diff(tracks.vehicle) == 0) & (np.diff(tracks.time_s) <= largest_break_s)
    if not joined.any():
        raise BadSettings(f"no vehicle has two rows within {largest_break_s} s of each other")
    begin_s, end_s = tracks.time_s[:-1][joined], tracks.time_s[1:][joined]
    begin_m, end_m = tracks.position_m[:-1][joined], tracks.position_m[1:][joined]
    lowest_m, highest_m = min(begin_m.min(), end_m.min()), max(begin_m.max(), end_m.max())
    place_count = math.floor((highest_m - lowest_m) / cell_m) + 1
    grid = _Grid(float(begin_s.min()), float(lowest_m), cell_s, cell_m, place_count)
    return _fill(grid, (begin_s, end_s, begin_m, end_m), len(np.unique(tracks.lane)), is_ring=False)


def triangular_flow_veh_per_h(
    density_veh_per_km: Float[np.ndarray, "..."], free_speed_mps: float, headway_s: float, jam_spacing_m: float
) -> Float[np.ndarray, "..."]:
    """Return q = min(v0 k, (1 - k (l + s0)) / T): what drivers with a constant time gap can do, per lane.

    Above the jam density the flow is 0. `jam_spacing_m` is length plus gap of a standing vehicle.
    """
    density_per_m = np.asarray(density_veh_per_km, dtype=np.float64) / 1000
    congested = (1 - density_per_m * jam_spacing_m) / headway_s
    return 3600 * np.maximum(np.minimum(free_speed_mps * density_per_m, congested), 0.0)


@dataclass(frozen=True)
class _Grid:
    start_s: float
    start_m: float
    cell_s: float
    cell_m: float
    place_count: int

    def __post_init__(self) -> None:
        if not (self.cell_s > 0 and self.cell_m > 0):
            raise BadSettings(f"cells must have a length and a duration above 0, not {self.cell_m} m, {self.cell_s} s")


def _fill(
    grid: _Grid, ways: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray], lane_count: int, *, is_ring: bool
) -> Cells:
    """Cut straight ways (from, to in time; from, to in place) at the cells' edges and sum up the pieces."""
    begin_s, end_s, begin_m, end_m = ways
    longest_s, farthest_m = float((end_s - begin_s).max()), float(np.abs(end_m - begin_m).max())
    if longest_s > grid.cell_s * (1 + 1e-9) or farthest_m > grid.cell_m * (1 + 1e-9):
        raise BadSettings(
            f"cells of {grid.cell_s:g} s and {grid.cell_m:g} m are shorter than a step of the data "
            f"({longest_s:g} s, {farthest_m:.3g} m); take larger ones"
        )
    time_count = max(1, math.ceil((float(end_s.max()) - grid.start_s) / grid.cell_s - 1e-6))
    # In units of cells; a way then crosses at most one edge of each kind.
    begin, end = (begin_s - grid.start_s) / grid.cell_s, (end_s - grid.start_s) / grid.cell_s
    low, high = (begin_m - grid.start_m) / grid.cell_m, (end_m - grid.start_m) / grid.cell_m
    cuts = np.sort(np.stack([np.zeros(len(begin)), _cut(begin, end), _cut(low, high), np.ones(len(begin))]), axis=0)
    shape = (time_count, grid.place_count)
    distance_m, occupied_s = np.zeros(shape), np.zeros(shape)
    for first, second in itertools.pairwise(cuts):
        share, middle = second - first, 0.5 * (first + second)
        time = np.clip(np.floor(begin + middle * (end - begin)).astype(np.int64), 0, time_count - 1)
        place = np.floor(low + middle * (high - low)).astype(np.int64)
        if is_ring:
            place %= grid.place_count
        inside = (place >= 0) & (place < grid.place_count)
        where = (time[inside], place[inside])
        np.add.at(distance_m, where, (share * (end_m - begin_m))[inside])
        np.add.at(occupied_s, where, (share * (end_s - begin_s))[inside])
    return Cells(
        start_s=grid.start_s,
        start_m=grid.start_m,
        cell_s=grid.cell_s,
        cell_m=grid.cell_m,
        lane_count=lane_count,
        distance_m=distance_m,
        occupied_s=occupied_s,
    )


def _cut(begin: Float[np.ndarray, " way"], end: Float[np.ndarray, " way"]) -> Float[np.ndarray, " way"]:
    """Return at which share of each way the next whole number is crossed, 0 where none is."""
    edge = np.where(end >= begin, np.floor(begin) + 1, np.ceil(begin) - 1)
    is_crossed = np.where(end >= begin, end > edge, end < edge)
    return np.divide(edge - begin, end - begin, out=np.zeros(len(begin)), where=is_crossed)
