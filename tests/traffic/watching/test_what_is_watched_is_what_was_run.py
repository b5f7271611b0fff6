"""A watched network run is the run that was asked for: its people, its places, its settings."""

import numpy as np
import pytest

from proving.traffic.errors import BadSettings
from proving.traffic.network.simulate import Run
from proving.traffic.roads import NETWORKS
from proving.traffic.watching import network_show
from proving.traffic.watching.moments import NOBODY, joined
from proving.traffic.watching.settings import Watched
from proving.traffic.watching.sources import run_of, scenario_of, show_of


def test_moments_begin_as_the_demand_says_and_go_on_as_people_drive():
    network = NETWORKS["figure_eight"]()
    road_map, demand = network.road_map(), network.demand()
    run = Run(duration_s=21, dt_s=0.5, capacity=16)
    show, every_other = (network_show(road_map, demand, run, 3, moment_s) for moment_s in (0.5, 1.0))
    moments, fewer = joined(list(show.moments())), joined(list(every_other.moments()))
    assert (len(moments), len(fewer)) == (show.moment_count, every_other.moment_count) == (42, 21)
    for name in ("trip", "lane", "position_m", "speed_mps"):
        np.testing.assert_array_equal(getattr(moments, name)[::2], getattr(fewer, name))
    # Everybody stands at first where the demand puts them.
    trips = {trip.name: trip for trip in demand.trips}
    first = {show.travellers.names[who]: place for place, who in enumerate(moments.trip[0]) if who != NOBODY}
    assert first.keys() == trips.keys()
    for name, place in first.items():
        assert show.scene.edge_names[show.scene.edge[moments.lane[0, place]]] == trips[name].route[0]
        assert moments.position_m[0, place] == pytest.approx(trips[name].depart_m, abs=1e-3)
        number = list(show.travellers.names).index(name)
        assert [show.scene.edge_names[edge] for edge in show.travellers.route(number)] == list(trips[name].route)
    # On one lane somebody gets as far as the mean of two speeds says.
    for who in range(len(trips)):
        rows = np.argwhere(moments.trip == who)
        at = tuple(rows.T)
        # Who comes to a halt does so before the step is over.
        stays = (np.diff(moments.lane[at]) == 0) & (moments.speed_mps[at][1:] > 0)
        mean_mps = (moments.speed_mps[at][1:] + moments.speed_mps[at][:-1]) / 2
        np.testing.assert_allclose(np.diff(moments.position_m[at])[stays], 0.5 * mean_mps[stays], atol=2e-3)
    assert moments.speed_mps.max() > 3


def test_settings_reach_the_run():
    watched = Watched(duration_s=30, dt_s=0.25, start_s=60, controller="pi_saturation")
    run = run_of(scenario_of("merge", watched), watched)
    assert (run.duration_s, run.dt_s, run.start_s) == (30, 0.25, 60)
    assert type(run.controller).__name__ == "PiSaturation"
    crowd = scenario_of("city", Watched(vehicles=500))
    assert len(crowd.demand.trips) == 500


@pytest.mark.parametrize(
    ("what", "watched", "words"),
    [
        ("merge", {"vehicles": 5}, "only the network 'city' takes vehicles"),
        ("ring", {"moment_s": 0.3}, "moment_s must be a multiple of dt_s"),
        ("nowhere", {}, "neither a file nor a network"),
    ],
)
def test_what_cannot_be_watched_is_one_clear_line(what: str, watched: dict[str, float], words: str):
    with pytest.raises(BadSettings, match=words):
        show_of(what, Watched(**watched))


def test_unknown_controllers_are_refused():
    with pytest.raises(BadSettings, match="there is no controller 'hal'"):
        Watched(controller="hal")
