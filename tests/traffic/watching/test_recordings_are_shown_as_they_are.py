"""Recordings: what was simulated or measured is what is shown, on a ring, on a straight road, from a file."""

from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest

from proving.cli import run
from proving.traffic.errors import BadSettings, NoSuchColumn, NoSuchFile, TrafficError
from proving.traffic.network.simulate import Run
from proving.traffic.network.state import Record
from proving.traffic.network_runs import moments as moments_table
from proving.traffic.roads import NETWORKS
from proving.traffic.trajectories import Trajectories
from proving.traffic.watching import places_of, tracks_show, trajectories_show
from proving.traffic.watching.moments import NOBODY, joined
from proving.traffic.watching.settings import Watched
from proving.traffic.watching.sources import show_of

RING_M = 120.0


@pytest.fixture(scope="module")
def on_ring() -> Trajectories:
    """Six vehicles that go round, one automated, one that comes late."""
    time_s = np.arange(120) * 0.25
    driven = np.arange(6) * 20.0 + time_s[:, None] * (4.0 + np.arange(6) * 0.1)
    present = np.ones((120, 6), dtype=bool)
    present[:40, 5] = False

    def column(values: np.ndarray) -> np.ndarray:
        return np.where(present, values, np.nan).astype(np.float32)

    return Trajectories(
        time_s=time_s,
        position_m=column(driven % RING_M),
        speed_mps=column(np.broadcast_to(4.0 + np.arange(6) * 0.1, driven.shape)),
        accel_mps2=column(np.zeros_like(driven)),
        gap_m=column(np.full_like(driven, 15.0)),
        lane=np.where(present, 0, -1),
        is_present=present,
        is_automated=np.arange(6) == 2,
        is_replayed=np.zeros(6, dtype=bool),
        vehicle_length_m=5.0,
        road_length_m=RING_M,
        lane_count=1,
        dt_s=0.25,
    )


def test_a_simulated_ring_is_a_circle_of_its_length(on_ring: Trajectories):
    show = trajectories_show(on_ring, is_ring=True)
    moments = joined(list(show.moments()))
    assert (len(moments), show.moment_s, show.moment_count) == (60, 0.5, 60)
    assert (moments.trip[:20, 5] == NOBODY).all()
    assert (moments.trip[20:, 5] == 5).all()
    there = moments.trip[30] != NOBODY
    places, heading = places_of(show.scene).at(moments.lane[30, there], moments.position_m[30, there])
    radius_m = RING_M / (2 * np.pi)
    np.testing.assert_allclose(np.linalg.norm(places, axis=1), radius_m, rtol=0.002)
    # Against the clock, from the bottom.
    angle = 2 * np.pi * moments.position_m[30, there] / RING_M - np.pi / 2
    np.testing.assert_allclose(places, radius_m * np.column_stack([np.cos(angle), np.sin(angle)]), atol=0.1)
    np.testing.assert_allclose(np.cos(heading - angle - np.pi / 2), 1, atol=0.01)
    assert [show.travellers.kinds[kind].is_automated for kind in show.travellers.kind] == [i == 2 for i in range(6)]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_file_shows_what_the_run_did(on_ring: Trajectories, tmp_path: Path, suffix: str):
    path = tmp_path / f"run{suffix}"
    on_ring.write(path)
    kept, direct = tracks_show(path, ring_length_m=RING_M), trajectories_show(on_ring, is_ring=True)
    ours, theirs = joined(list(kept.moments())), joined(list(direct.moments()))
    # The last row of a vehicle is at 29.75 s, so the moment at 29.5 s is the last of both.
    np.testing.assert_array_equal(ours.trip, theirs.trip)
    apart = np.abs(ours.position_m - theirs.position_m)
    np.testing.assert_allclose(np.minimum(apart, RING_M - apart), 0, atol=1e-3)
    np.testing.assert_allclose(ours.speed_mps, theirs.speed_mps, atol=1e-4)
    assert kept.travellers.kind.tolist() == direct.travellers.kind.tolist()


def test_measured_rows_at_odd_times_are_joined_evenly(tmp_path: Path):
    path = tmp_path / "tracks.csv"
    path.write_text("time_s,vehicle,position_m,speed_mps\n10.1,a,-3,2\n12.1,a,1,2\n10.0,b,5,0\n13.0,b,5,0\n")
    show = tracks_show(path, moment_s=1.0)
    moments = joined(list(show.moments()))
    assert show.start_s == 10.0
    assert moments.trip.tolist() == [[NOBODY, 1], [0, 1], [0, 1], [NOBODY, 1]]
    np.testing.assert_allclose(moments.position_m[1:3, 0], [-3 + 2 * 0.9 + 3, -3 + 2 * 1.9 + 3])
    assert show.scene.lines[0][-1, 0] >= 8


def test_wrong_files_are_refused_in_one_line(tmp_path: Path):
    with pytest.raises(NoSuchFile, match="no such file"):
        tracks_show(tmp_path / "none.csv")
    path = tmp_path / "odd.csv"
    path.write_text("time_s,who\n1,2\n")
    with pytest.raises(NoSuchColumn, match="no column"):
        tracks_show(path)
    with pytest.raises(BadSettings, match="moment_s must be above 0"):
        tracks_show(path, moment_s=0)


def test_a_recorded_run_on_a_network_is_drawn_on_it(tmp_path: Path):
    road_map, path = NETWORKS["merge"]().road_map(), tmp_path / "merge.parquet"
    lanes = [(edge.name, i) for edge in road_map.edges for i in range(len(edge.lanes))]
    trip = np.array([[1, 0, -1], [1, 0, 2], [2, 1, -1]])
    lane = np.array([[0, len(lanes), -1], [0, 1, 2], [2, 1, -1]])
    record = Record(trip, lane, np.arange(9.0).reshape(3, 3), np.full((3, 3), 7.0), np.zeros((3, 3)))
    names = ("inflow_highway_automated.4", "who", "what")
    pyarrow.parquet.write_table(moments_table(road_map, Run(duration_s=1.5, start_s=60), names, [record]), path)
    show, title = show_of(str(path), Watched(), network="merge")
    moments = joined(list(show.moments()))
    assert (title, show.start_s, show.moment_s, show.moment_count) == ("merge.parquet", 60, 0.5, 3)
    for moment in range(3):
        there, then = moments.trip[moment] != NOBODY, trip[moment] >= 0
        told = {show.travellers.names[who]: i for i, who in enumerate(moments.trip[moment]) if there[i]}
        for name, place in {names[who]: i for i, who in enumerate(trip[moment]) if then[i]}.items():
            assert moments.lane[moment, told[name]] == lane[moment, place]
            assert moments.position_m[moment, told[name]] == record.position_m[moment, place]
    kinds = dict(zip(show.travellers.names, show.travellers.kind, strict=True))
    assert show.travellers.kinds[kinds["inflow_highway_automated.4"]].is_automated
    assert not show.travellers.kinds[kinds["who"]].is_automated
    with pytest.raises(BadSettings, match="name it with --network"):
        show_of(str(path), Watched())
    with pytest.raises(BadSettings, match="is not in network 'ring'"):
        show_of(str(path), Watched(), network="ring")


def test_what_signals_showed_is_kept_and_shown(tmp_path: Path):
    road_map, path = NETWORKS["grid"]().road_map(), tmp_path / "grid.parquet"
    signals, steps = len(road_map.signals), 12
    # Each signal goes on at a step of its own, and once more.
    phase = (np.arange(steps)[:, None] >= np.arange(signals) + 1).astype(int) + (np.arange(steps)[:, None] >= 11)
    here = np.zeros((steps, 1), dtype=int)
    record = Record(here, here, here + 1.0, here + 2.0, here * 1.0, np.pad(phase, ((0, 0), (0, 1))))
    table = moments_table(road_map, Run(duration_s=6, start_s=30), ("who",), [record])
    pyarrow.parquet.write_table(table, path)
    show, _ = show_of(str(path), Watched(), network="grid")
    np.testing.assert_array_equal(joined(list(show.moments())).phase, phase)
    assert len(show.scene.bars.signal) == len([way for way in road_map.connections if way.signal])
    assert len(show.scene.signals) == signals
    # Every second step: what was shown then, not in between.
    slow, _ = show_of(str(path), Watched(moment_s=1.0), network="grid")
    np.testing.assert_array_equal(joined(list(slow.moments())).phase, phase[::2])
    pyarrow.parquet.write_table(table.replace_schema_metadata(None), path)
    assert len(show_of(str(path), Watched(), network="grid")[0].scene.bars.signal) == 0, "an old file has no signals"
    for said, wrong in (
        ("{", "cannot be read"),
        ('{"elsewhere": [[0, 0]]}', "signal 'elsewhere', or one of its phases"),
    ):
        pyarrow.parquet.write_table(table.replace_schema_metadata({"proving.signals": said}), path)
        with pytest.raises(TrafficError, match=wrong):
            show_of(str(path), Watched(), network="grid")


def test_a_folder_that_is_not_there_is_named_before_anything_is_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    place = str(tmp_path / "none" / "page.html")
    for words in (["watch", "ring", "--out"], ["watch", "ring", "--mp4"], ["diagram", "ring", "--out"]):
        assert run(["traffic", *words, place]) == 2
        assert capsys.readouterr().err == f"proving: {place}: there is no folder {tmp_path / 'none'}\n"
