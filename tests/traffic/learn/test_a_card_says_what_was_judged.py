"""A policy's card says under what it was judged, harm included, and the command line prints it."""

import pytest

from proving.cli import run
from proving.traffic.trials.commands_card import beside_people
from proving.traffic.trials.on_networks import Standing


def standing(who: str, verdict: str, score: float, collided_share: float) -> Standing:
    return Standing(
        law="gipps",
        sensing="worst",
        density=0.8,
        who=who,
        verdict=verdict,
        score=score,
        times_people=score / 10,
        times_low=0.5,
        times_high=0.9,
        mean_speed_mps=score,
        arrived_count=200.0,
        collided_share=collided_share,
    )


def test_what_is_judged_stands_beside_people_under_the_same_condition() -> None:
    (one,) = beside_people(
        [
            standing("people", "", 10.0, 0.5),
            standing("ramp meter", "helps", 12.0, 0.0),
            standing("policy", "harms", 8.0, 0.0),
        ],
        "5000-5009",
    )
    assert (one.law, one.sensing, one.density, one.seeds, one.verdict) == ("gipps", "worst", 0.8, "5000-5009", "harms")
    assert (one.measures["times_people"], one.measures["score"], one.measures["people_score"]) == (0.8, 8.0, 10.0)
    assert (one.measures["collided_share"], one.measures["people_collided_share"]) == (0.0, 0.5)


def test_a_shipped_policy_s_card_is_printed_and_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["traffic", "card", "merge0_by_vehicle"]) == 0
    assert "learned by: proving traffic search merge0_by_vehicle" in capsys.readouterr().out
    assert run(["traffic", "card", "merge0_by_vehicle", "--judge"]) != 0
    assert "is no file" in capsys.readouterr().err
