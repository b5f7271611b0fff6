"""What can go wrong with the traffic package's inputs.

proving.errors.Error
└── TrafficError
    ├── BadSettings (ValueError)    a setting is out of its range, or names something unknown
    ├── BadTable (ValueError)       a file of measurements is no table, or is not what was said about it
    │   ├── NoSuchColumn            a named column is not there; the text lists what is
    │   └── BadRow                  one row breaks a rule: not finite, time does not grow, speed below zero
    ├── BadDrive (ValueError)       a speed profile in memory breaks the same rules
    ├── BadNetwork (ValueError)     a road network or its demand contradicts itself; the text names the element
    ├── Overflow (RuntimeError)     more vehicles than the arrays hold; the text says what to raise
    └── NoSuchFile (FileNotFoundError)
"""

from proving.errors import Error


class TrafficError(Error):
    """Something about a traffic input that the caller can mend."""


class BadSettings(TrafficError, ValueError):
    """A setting is out of its range, or names something unknown."""


class BadTable(TrafficError, ValueError):
    """A file of measurements is no table, is empty, or is not what was said about it."""


class NoSuchColumn(BadTable):
    """A named column is not in the file."""


class BadRow(BadTable):
    """One row of a file breaks a rule that measurements must keep."""


class BadDrive(TrafficError, ValueError):
    """A speed profile is too short, not finite, not in order of time, or below zero."""


class NoSuchFile(TrafficError, FileNotFoundError):
    """The named file is not there."""


class BadNetwork(TrafficError, ValueError):
    """A road network or its demand contradicts itself; the message names the element."""


class Overflow(TrafficError, RuntimeError):
    """More vehicles than the arrays hold; the message says which setting to raise."""
