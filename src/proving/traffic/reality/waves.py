"""How fast stop-and-go waves travel, from fields of density or speed over time and place."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

from proving.traffic.errors import BadSettings
from proving.traffic.reality.diagram import Cells


@dataclass(frozen=True, kw_only=True)
class WaveSettings:
    """How the estimator looks for waves; the defaults are for I-24 MOTION's fields (10 s, 64 m).

    Attributes:
        window_s: a running mean of this length is taken off every place, so that only what passes is left.
        smooth_cells: how many cells along the road the mean is smoothed over before it is judged.
        dense_veh_per_km: a density field is congested where that mean is above this, per lane.
        slow_mps: a speed field is congested where it is below this.
        nearest_cells: the smallest distance between two places that are compared.
        farthest_cells: the largest.
        slowest_kmh: the slowest wave looked for, against the driving direction.
        fastest_kmh: the fastest.
    """

    window_s: float = 360.0
    smooth_cells: int = 5
    dense_veh_per_km: float = 45.0
    slow_mps: float = 15.0
    nearest_cells: int = 4
    farthest_cells: int = 30
    slowest_kmh: float = 8.0
    fastest_kmh: float = 40.0

    def __post_init__(self) -> None:
        if not (self.window_s > 0 and self.smooth_cells >= 1):
            raise BadSettings("window_s must be above 0 and smooth_cells at least 1")
        if not 1 <= self.nearest_cells < self.farthest_cells:
            raise BadSettings("cells must be 1 <= nearest_cells < farthest_cells")
        if not 0 < self.slowest_kmh < self.fastest_kmh:
            raise BadSettings("speeds must be 0 < slowest_kmh < fastest_kmh")


@dataclass(frozen=True, kw_only=True)
class Waves:
    """What the estimator found.

    Attributes:
        speed_kmh: speed of the waves along the road, negative against the driving direction; NaN where nothing is
            congested.
        congested_share: share of the field that is congested.
        spread_kmh: standard deviation of the speeds from each distance alone. Far above 1 km/h the distances tell
            different stories (a field too short for `farthest_cells`, a queue that only grows): believe none.
    """

    speed_kmh: float
    congested_share: float
    spread_kmh: float


DEFAULTS = WaveSettings()


def find_waves(
    field: Float[np.ndarray, "time place"],
    dt_s: float,
    dx_m: float,
    quantity: Literal["density", "speed"] = "density",
    settings: WaveSettings = DEFAULTS,
) -> Waves:
    """Return the speed of waves in a field of density (veh/km/lane) or speed (m/s); places in driving direction.

    What is left of the field without its running mean is compared, where congested, between all places that are D
    cells apart; the lag of the best correlation, refined by a parabola through the peak, is when the wave arrives.
    Distance is then regressed on lag through the origin. Rounding lags to steps would cost half a km/h, and linear
    interpolation of the correlation pulls every field towards one speed.

    Raises:
        BadSettings: the field is too small, or not finite.
    """
    field = np.asarray(field, dtype=np.float64)
    _check(field, dt_s, dx_m, settings)
    mean = _running_mean(field, _odd(settings.window_s / dt_s))
    level = _running_mean(mean.T, _odd(settings.smooth_cells)).T
    is_congested = level > settings.dense_veh_per_km if quantity == "density" else level < settings.slow_mps
    if not is_congested.any():
        return Waves(speed_kmh=math.nan, congested_share=0.0, spread_kmh=math.nan)
    distance_m, lag_s = _lags((field - mean) * is_congested, dt_s, dx_m, settings)
    speed_kmh = -3.6 * float((distance_m * lag_s).sum() / (lag_s * lag_s).sum())
    return Waves(
        speed_kmh=speed_kmh,
        congested_share=float(is_congested.mean()),
        spread_kmh=float((3.6 * distance_m / lag_s).std()),
    )


def find_waves_in_cells(cells: Cells, settings: WaveSettings = DEFAULTS) -> Waves:
    """Return the speed of waves in measured or simulated tracks, from Edie's speed in each cell.

    A cell where nobody was takes the last speed before it at that place, or the place's first one.
    """
    return find_waves(_without_holes(cells.speed_mps), cells.cell_s, cells.cell_m, "speed", settings)


def _check(field: np.ndarray, dt_s: float, dx_m: float, settings: WaveSettings) -> None:
    if not (dt_s > 0 and dx_m > 0):
        raise BadSettings(f"cells must have a length and a duration above 0, not {dx_m} m and {dt_s} s")
    if field.ndim != 2 or field.shape[1] <= settings.farthest_cells:
        raise BadSettings(
            f"a field must be [time place] with more than {settings.farthest_cells} places, not {field.shape}; "
            "take shorter cells or lower farthest_cells"
        )
    longest_s = settings.farthest_cells * dx_m / (settings.slowest_kmh / 3.6)
    if field.shape[0] * dt_s < longest_s + settings.window_s:
        raise BadSettings(f"a field must last at least {longest_s + settings.window_s:.0f} s for these settings")
    if not np.isfinite(field).all():
        step, place = np.argwhere(~np.isfinite(field))[0]
        raise BadSettings(f"the field is not finite at time {step}, place {place}")


def _lags(
    rest: Float[np.ndarray, "time place"], dt_s: float, dx_m: float, settings: WaveSettings
) -> tuple[Float[np.ndarray, " distance"], Float[np.ndarray, " distance"]]:
    """Return distances and the time that waves take for each, from the peak of the correlation over all places."""
    step_count, place_count = rest.shape
    # Twice the length: a lag must not wrap around.
    spectrum = np.fft.rfft(rest, 2 * step_count, axis=0)
    distances_m: list[float] = []
    lags_s: list[float] = []
    for cells in range(settings.nearest_cells, settings.farthest_cells + 1):
        downstream, upstream = spectrum[:, cells:], spectrum[:, : place_count - cells]
        correlation = np.fft.irfft((np.conj(downstream) * upstream).sum(axis=1), 2 * step_count)
        distance_m = cells * dx_m
        first = max(1, math.floor(distance_m / (settings.fastest_kmh / 3.6) / dt_s))
        last = max(first, math.ceil(distance_m / (settings.slowest_kmh / 3.6) / dt_s))
        peak = first + int(np.argmax(correlation[first : last + 1]))
        before, top, after = correlation[peak - 1 : peak + 2]
        bend = before - 2 * top + after
        distances_m.append(distance_m)
        lags_s.append((peak + (0.5 * (before - after) / bend if bend < 0 else 0.0)) * dt_s)
    return np.array(distances_m), np.array(lags_s)


def _running_mean(values: Float[np.ndarray, "time place"], width: int) -> Float[np.ndarray, "time place"]:
    """Return the centred running mean along the first axis; beyond the ends the end values go on."""
    half = width // 2
    padded = np.concatenate([np.repeat(values[:1], half + 1, axis=0), values, np.repeat(values[-1:], half, axis=0)])
    summed = np.cumsum(padded, axis=0)
    return (summed[width:] - summed[:-width]) / width


def _odd(width: float) -> int:
    count = max(1, round(width))
    return count + 1 - count % 2


def _without_holes(values: Float[np.ndarray, "time place"]) -> Float[np.ndarray, "time place"]:
    is_known: Bool[np.ndarray, "time place"] = np.isfinite(values)
    if not is_known.any():
        raise BadSettings("nobody was on the road: no cell has a speed")
    step = np.arange(len(values))[:, None]
    last = np.maximum.accumulate(np.where(is_known, step, -1), axis=0)
    first = np.argmax(is_known, axis=0)
    filled = np.take_along_axis(values, np.where(last < 0, first, last), axis=0)
    # A place where nobody ever was shows nothing that passes.
    return np.where(np.isfinite(filled), filled, np.nanmax(values))
