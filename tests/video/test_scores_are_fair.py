"""Scores count events one to one and behave at the edges."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proving.video.findings import Finding, Truth
from proving.video.scoring import score, score_clips

spans = st.lists(st.tuples(st.sampled_from(["black", "freeze"]), st.floats(0, 50), st.floats(0, 5)), max_size=8)


def findings_of(rows: list[tuple[str, float, float]]) -> list[Finding]:
    return [Finding(name, start, start + length, 0.9, "term") for name, start, length in rows]


def truths_of(rows: list[tuple[str, float, float]]) -> list[Truth]:
    return [Truth(name, start, start + length) for name, start, length in rows]


@given(spans)
def test_findings_that_are_the_truth_score_one(rows):
    scores = score(findings_of(rows), truths_of(rows))
    assert scores.precision == scores.recall == 1.0
    assert scores.f1 == 1.0


@given(spans, spans)
def test_scores_are_shares_and_hits_are_one_to_one(found, true):
    scores = score(findings_of(found), truths_of(true))
    assert 0 <= scores.precision <= 1
    assert 0 <= scores.recall <= 1
    assert scores.hit_count <= min(scores.finding_count, scores.truth_count)
    assert min(scores.precision, scores.recall) <= scores.f1 + 1e-12
    assert scores.f1 <= max(scores.precision, scores.recall) + 1e-12


@given(spans, spans, st.randoms(use_true_random=False))
def test_the_order_of_findings_does_not_matter(found, true, random):
    shuffled = list(found)
    random.shuffle(shuffled)
    first, second = score(findings_of(found), truths_of(true)), score(findings_of(shuffled), truths_of(true))
    assert first.hit_count == second.hit_count


@given(spans, spans)
def test_clips_do_not_borrow_from_one_another(found, true):
    assert score_clips([(findings_of(found), []), ([], truths_of(true))]).hit_count == 0


def test_a_truth_found_twice_is_one_hit_and_one_false_alarm():
    scores = score(findings_of([("black", 1.0, 0.5), ("black", 1.6, 0.4)]), truths_of([("black", 1.0, 1.0)]))
    assert (scores.hit_count, scores.precision, scores.recall) == (1, 0.5, 1.0)


def test_a_finding_of_another_detector_or_far_away_is_no_hit():
    true = truths_of([("black", 1.0, 1.0)])
    assert score(findings_of([("freeze", 1.0, 1.0)]), true).hit_count == 0
    assert score(findings_of([("black", 2.6, 1.0)]), true).hit_count == 0
    assert score(findings_of([("black", 2.4, 1.0)]), true).hit_count == 1


def test_what_is_found_in_a_look_alike_is_false():
    scores = score(findings_of([("black", 1.0, 1.0)]), [Truth("black", 1.0, 2.0, is_defect=False)])
    assert (scores.truth_count, scores.precision, scores.recall) == (0, 0.0, 1.0)


def test_errors_of_start_and_end_are_told_apart():
    scores = score(findings_of([("black", 1.1, 1.2)]), truths_of([("black", 1.0, 1.0)]))
    assert scores.onset_error_s == pytest.approx(0.1)
    assert scores.end_error_s == pytest.approx(0.3)
    assert scores.localisation_error_s == pytest.approx(0.2)


def test_a_finding_that_ends_before_it_begins_is_refused():
    with pytest.raises(ValueError, match="ends after it begins"):
        Finding("black", 2.0, 1.0, 0.9, "term")
