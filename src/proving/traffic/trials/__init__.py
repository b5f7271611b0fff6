"""Whole episodes of a task, whoever drives: recorded, compared, and to be looked at."""

from proving.traffic.trials.comparing import Saved, compared, laws_for
from proving.traffic.trials.recording import recorded

__all__ = ["Saved", "compared", "laws_for", "recorded"]
