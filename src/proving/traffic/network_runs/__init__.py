"""Runs of whole road networks by name or by file: what to run, who is automated, and what became of it as tables."""

from proving.traffic.network_runs.fitting import fitted
from proving.traffic.network_runs.scenario import NetworkScenario, scenario
from proving.traffic.network_runs.shares import with_automated
from proving.traffic.network_runs.tables import moments, signal_changes, trips

__all__ = ["NetworkScenario", "fitted", "moments", "scenario", "signal_changes", "trips", "with_automated"]
