"""Diagrams along a route: positions count on over edges and junctions, and the page holds all three."""

from collections.abc import Callable

import numpy as np
import pytest

from proving.report import render
from proving.traffic.errors import BadSettings
from proving.traffic.watching import Show
from proving.traffic.watching.diagrams import diagram_report, route_tracks, usual_route


def test_a_passage_goes_forward_at_its_speed_over_all_three_lanes(town: Callable[..., Show]):
    show = town(moment_count=260)
    route = usual_route(show)
    tracks = route_tracks(show, route)
    same = np.diff(tracks.vehicle) == 0
    moved_m = np.diff(tracks.position_m)[same]
    np.testing.assert_allclose(moved_m, tracks.speed_mps[1:][same] * show.moment_s, atol=0.6)
    trip = next(i for i in range(60) if [show.scene.edge_names[e] for e in show.travellers.route(i)] == route)
    mine = tracks.vehicle == tracks.names.index(show.travellers.names[trip])
    lengths = [show.scene.length_m[show.scene.edge == show.scene.edge_names.index(edge)][0] for edge in route]
    # It is seen on the first edge and on the last, and the way between the two counts.
    assert tracks.position_m[mine].min() < lengths[0] / 2
    assert 0.9 * sum(lengths) < tracks.position_m[mine].max() < sum(lengths) + 40


def test_the_page_holds_the_diagrams(town: Callable[..., Show]):
    text = render(diagram_report(town(), title="a town"))
    assert "<title>a town: traffic along one route</title>" in text
    for words in ("speed field", "Fundamental diagram", "density, veh/km per lane", "mean speed, m/s"):
        assert words.lower() in text.lower()


def test_routes_that_do_not_hold_together_are_refused(town: Callable[..., Show]):
    show = town()
    with pytest.raises(BadSettings, match="there is no edge 'nowhere' in city"):
        route_tracks(show, ["nowhere"])
    first, last = show.scene.edge_names[0], show.scene.edge_names[-1]
    with pytest.raises(BadSettings, match=f"no way leads from edge '{first}' to edge '{last}'"):
        route_tracks(show, [first, last])
