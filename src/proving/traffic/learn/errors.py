"""What can go wrong with learned policies.

proving.traffic.errors.TrafficError
└── BadPolicy (ValueError)    a file is no policy, is of another format, or was trained for another task
"""

from proving.traffic.errors import TrafficError


class BadPolicy(TrafficError, ValueError):
    """A file is no policy, is of another format, or was trained for another task."""
