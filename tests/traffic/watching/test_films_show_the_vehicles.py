"""Films, decoded again: as long as the run, and every vehicle is found where it was."""

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from proving.traffic.errors import BadSettings
from proving.traffic.watching import Film, Show, places_of, write_film
from proving.traffic.watching.moments import NOBODY, joined
from proving.traffic.watching.picture import between, frame_for


def decoded(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24").astype(int) for frame in container.decode(video=0)]


@pytest.mark.parametrize("is_dark", [False, True])
def test_every_vehicle_is_found_where_it_was(town: Callable[..., Show], tmp_path: Path, is_dark: bool):
    show = town(moment_count=30)
    film = Film(speed=5.0, rate=10, width_px=640, is_dark=is_dark)
    path = tmp_path / "town.mp4"
    count = write_film(show, path, film, "town")
    frames = decoded(path)
    # Twenty-nine half seconds, at five times their speed.
    assert count == len(frames) == 29
    moments, frame = joined(list(show.moments())), frame_for(show.scene, film.width_px)
    assert frames[0].shape == (frame.height_px, frame.width_px, 3)
    places = places_of(show.scene)
    # Nobody has come at the start, save those of the first moment.
    empty = frames[0]
    found = 0
    for picture in (12, 25):
        vehicles = between(moments.part(picture, picture + 2), places, 0.0, show.moment_s)
        corners = vehicles.boxes(show.travellers.kinds, show.travellers.kind, frame.scale)
        middles = np.rint(frame.pixels(corners.mean(axis=1))).astype(int)
        for column, row in middles:
            difference = np.abs(frames[picture][row, column] - empty[row, column]).max()
            found += int(difference > 25)
        assert len(middles) > 20
        assert found > 0.95 * len(middles), "some vehicles are not in the picture"
        found = 0


def test_between_moments_they_are_drawn_between(town: Callable[..., Show]):
    show = town()
    moments = joined(list(show.moments())).part(40, 42)
    places = places_of(show.scene)
    start, middle, end = (between(moments, places, share, show.moment_s) for share in (0.0, 0.5, 1.0))
    shared = set(moments.trip[0]) & set(moments.trip[1]) - {NOBODY}
    assert set(start.trip) == set(middle.trip) == shared
    apart = np.linalg.norm(end.front - start.front, axis=1)
    assert (apart > 0.5).all()
    for one in (start, end):
        assert (np.linalg.norm(middle.front - one.front, axis=1) < 0.6 * apart + 0.05).all()
    np.testing.assert_allclose(np.linalg.norm(middle.ahead, axis=1), 1)


def test_wrong_wishes_are_one_line(town: Callable[..., Show], tmp_path: Path):
    with pytest.raises(BadSettings, match=r"ends in \.mp4"):
        write_film(town(), tmp_path / "town.avi")
    with pytest.raises(BadSettings, match="speed must be above 0"):
        Film(speed=0)
    assert list(tmp_path.iterdir()) == []
