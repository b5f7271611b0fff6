"""Simulated trouble is expected: the store's warnings about it reach nobody, and its log is as it was afterwards."""

import logging

import pytest

from proving.store.scenarios import SameAsModel, same_as_model


def test_planned_faults_are_not_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    level = logging.getLogger("proving.store").level
    row = same_as_model(SameAsModel(scenario_count=30), seed=0)
    assert row["failure_count"] == 0
    assert caplog.records == []
    assert logging.getLogger("proving.store").level == level


def test_whoever_asks_for_the_log_gets_it(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        same_as_model(SameAsModel(scenario_count=30), seed=0)
    assert any(record.name.startswith("proving.store") for record in caplog.records)
