"""The wave estimator gives back the speed of made-up waves, and of the waves that were measured on I-24."""

from pathlib import Path

import numpy as np
import pytest

from proving.traffic import Idm, Ring, ring
from proving.traffic.drives import Tracks
from proving.traffic.errors import BadSettings
from proving.traffic.reality.diagram import Cells, cells_of, cells_of_tracks
from proving.traffic.reality.waves import WaveSettings, find_waves, find_waves_in_cells

DT_S, DX_M = 10.0, 64.3736
MEASURED_KMH = {
    "11-21-2022": (-18.6, 0.73),
    "11-22-2022": (-19.6, 0.64),
    "11-23-2022": (-17.9, 0.16),
    "11-28-2022": (-19.0, 0.62),
    "11-29-2022": (-20.6, 0.79),
    "12-01-2022": (-19.9, 0.78),
}


def travelling(speed_kmh: float, seed: int = 0, steps: int = 1000, places: int = 90) -> np.ndarray:
    """Waves of many periods that all travel at one speed, around 0 with amplitude near 20."""
    rng = np.random.default_rng(seed)
    arrival_s = DT_S * np.arange(steps)[:, None] - DX_M * np.arange(places) / (speed_kmh / 3.6)
    periods_s, phases = rng.uniform(80, 500, 40), rng.uniform(0, 2 * np.pi, 40)
    amplitudes = rng.uniform(2, 6, 40)
    return sum(
        amplitude * np.sin(2 * np.pi * arrival_s / period_s + phase)
        for amplitude, period_s, phase in zip(amplitudes, periods_s, phases, strict=True)
    )


@pytest.mark.parametrize("speed_kmh", [-15.0, -18.0, -20.0, -22.0])
@pytest.mark.parametrize("seed", [0, 1])
def test_waves_of_known_speed_are_measured_to_a_fiftieth_of_a_kmh(speed_kmh: float, seed: int) -> None:
    found = find_waves(80 + travelling(speed_kmh, seed), DT_S, DX_M)
    assert found.speed_kmh == pytest.approx(speed_kmh, abs=0.02)
    assert found.congested_share == 1.0


def test_speed_fields_give_the_same_as_density_fields() -> None:
    slow = find_waves(8 - 0.1 * travelling(-18.0), DT_S, DX_M, "speed")
    assert slow.speed_kmh == pytest.approx(-18.0, abs=0.02)


def test_noise_and_a_free_half_do_not_move_the_estimate() -> None:
    field = 70 + travelling(-17.0) + np.random.default_rng(1).normal(0, 3, (1000, 90))
    field[500:] = 15.0
    found = find_waves(field, DT_S, DX_M)
    assert found.speed_kmh == pytest.approx(-17.0, abs=0.1)
    assert found.congested_share == pytest.approx(0.5, abs=0.03)


def test_where_nothing_is_congested_there_is_no_wave() -> None:
    found = find_waves(np.full((1000, 90), 12.0), DT_S, DX_M)
    assert np.isnan(found.speed_kmh)
    assert found.congested_share == 0


def test_fields_that_cannot_be_judged_are_refused() -> None:
    for field, word in (
        (np.ones((1000, 20)), "places"),
        (np.ones((50, 90)), "last at least"),
        (np.full((1000, 90), np.nan), "not finite at time 0, place 0"),
    ):
        with pytest.raises(BadSettings, match=word):
            find_waves(field, DT_S, DX_M)
    with pytest.raises(BadSettings, match="nearest_cells"):
        WaveSettings(nearest_cells=30, farthest_cells=4)


@pytest.mark.media
@pytest.mark.parametrize("day", MEASURED_KMH)
def test_i24_waves_are_what_they_were_measured_to_be(shared_data: Path, day: str) -> None:
    with np.load(shared_data / "traffic" / "i24_density_fields" / f"{day}.npz") as file:
        density = file["density_norm"].astype(np.float64) * float(file["kmax_veh_per_km_lane"])
        found = find_waves(density, float(file["dt_s"]), float(file["dx_m"]))
    speed_kmh, share = MEASURED_KMH[day]
    assert found.speed_kmh == pytest.approx(speed_kmh, abs=0.3)
    assert found.congested_share == pytest.approx(share, abs=0.01)


def test_tracks_of_newell_drivers_show_the_wave_that_their_law_has() -> None:
    # Everybody repeats the driver ahead T later and d further back: all waves travel at -d/T.
    headway_s, spacing_m = 1.5, 7.5
    time_s = np.arange(0, 2400.0)
    lead_mps = 6 + 3 * np.sin(2 * np.pi * time_s / 130) + 2 * np.sin(2 * np.pi * time_s / 311)
    lead_m = np.concatenate([[0], np.cumsum(0.5 * (lead_mps[1:] + lead_mps[:-1]))])
    count = 700
    positions = [np.interp(time_s - n * headway_s, time_s, lead_m, left=np.nan) - n * spacing_m for n in range(count)]
    known = np.isfinite(positions)
    vehicle, step = np.nonzero(known)
    tracks = Tracks(
        vehicle=vehicle,
        time_s=time_s[step],
        position_m=np.array(positions)[known],
        speed_mps=np.zeros(len(step)),
        lane=np.zeros(len(step), dtype=np.int64),
        names=tuple(map(str, range(count))),
        clipped_count=0,
    )
    cells = cells_of_tracks(tracks, 10.0, 50.0)
    # Where tracks are all the time: behind the last one's start, before the first one's.
    first = round((0 - cells.start_m) / 50.0)
    dense = Cells(
        start_s=1100.0,
        start_m=0.0,
        cell_s=10.0,
        cell_m=50.0,
        lane_count=1,
        distance_m=cells.distance_m[110:, first : first + 40],
        occupied_s=cells.occupied_s[110:, first : first + 40],
    )
    assert find_waves_in_cells(dense).speed_kmh == pytest.approx(-3.6 * spacing_m / headway_s, abs=0.3)


def test_waves_on_a_long_ring_travel_near_the_jam_speed_of_the_law() -> None:
    law = Idm(headway_s=1.5, accel_mps2=0.8, comfortable_mps2=1.5, noise_intensity=0.1)
    run = ring(Ring(length_m=3000, vehicle_count=160, driver=law, duration_s=1800, dt_s=0.2), seed=1)
    cells = cells_of(run.between(600, 1800), 10.0, 60.0, is_ring=True)
    found = find_waves_in_cells(cells, WaveSettings(farthest_cells=20))
    assert -22 < found.speed_kmh < -13
