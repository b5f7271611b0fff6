"""What can go wrong on the vehicle before it drives.

proving.traffic.errors.TrafficError
├── BadNetwork (ValueError)    a file is no ONNX policy of ours, was changed, or sees what a vehicle does not
├── BadLog (ValueError)        a log of decisions cannot be read, or belongs to another policy
└── NoTransport (OSError)      a port is in use, or ROS 2 is not there
"""

from proving.traffic.errors import TrafficError


class BadNetwork(TrafficError, ValueError):
    """A file is no ONNX policy of ours, was changed, or sees what a vehicle does not."""


class BadLog(TrafficError, ValueError):
    """A log of decisions cannot be read, or belongs to another policy."""


class NoTransport(TrafficError, OSError):
    """A port is in use, or ROS 2 is not there."""
