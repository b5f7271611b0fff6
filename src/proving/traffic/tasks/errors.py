"""What can go wrong between a task and who acts in it.

proving.traffic.errors.TrafficError
└── BadAction (ValueError)    an action has the wrong shape, is not a number, or lies outside the action space
"""

from proving.traffic.errors import TrafficError


class BadAction(TrafficError, ValueError):
    """An action has the wrong shape, is not a number, or lies outside the action space."""
