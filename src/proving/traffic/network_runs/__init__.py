"""Runs of whole road networks by name or by file: what to run, who is automated, what came of it and was measured."""

from proving.traffic.network_runs.measures import NetworkMeasures
from proving.traffic.network_runs.running import Ran, ran
from proving.traffic.network_runs.scenario import NetworkScenario, scenario
from proving.traffic.network_runs.settings import How, Measuring
from proving.traffic.network_runs.shares import with_automated, with_inflow, with_people
from proving.traffic.network_runs.tables import moments, signal_changes, trips

__all__ = [
    "How",
    "Measuring",
    "NetworkMeasures",
    "NetworkScenario",
    "Ran",
    "moments",
    "ran",
    "scenario",
    "signal_changes",
    "trips",
    "with_automated",
    "with_inflow",
    "with_people",
]
