"""What can go wrong with learned policies.

proving.traffic.errors.TrafficError
├── BadPolicy (ValueError)        a file is no policy, is of another format, or was trained for another task
├── BadCheckpoint (ValueError)    a checkpoint is damaged, of another training, or of another version of the task
└── NotSaved (OSError)            a file could not be written: no space, no permission; what was there before is whole
"""

from proving.traffic.errors import TrafficError


class BadPolicy(TrafficError, ValueError):
    """A file is no policy, is of another format, or was trained for another task."""


class BadCheckpoint(TrafficError, ValueError):
    """A checkpoint is damaged, or belongs to another training or another version of the task."""


class NotSaved(TrafficError, OSError):
    """A file could not be written; what was there before is whole."""
