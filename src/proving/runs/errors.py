"""What can be wrong with scenarios, records and pools.

proving.Error
├── WrongConfig (TypeError)             a job's config is not of its scenario's kind, or cannot be recorded
├── UnknownScenario (LookupError)       no scenario of that name, or its package is not installed
├── NoSuchRecord (FileNotFoundError)    neither the record nor its journal is there
├── NotARecord (ValueError)             a file that is no record of jobs
├── NoSuchRow (LookupError)             the record has no row of that key
├── RecordInUse (BlockingIOError)       another run writes the same record
└── PoolUnavailable (RuntimeError)      a pool cannot start: Ray is missing, or the workers die at once
"""

from proving.errors import Error


class WrongConfig(Error, TypeError):
    """A job's config is not of its scenario's kind, or holds what cannot be written as JSON."""


class UnknownScenario(Error, LookupError):
    """There is no scenario of that name, or its package is not installed."""


class NoSuchRecord(Error, FileNotFoundError):
    """Neither the record nor its journal is there."""


class NotARecord(Error, ValueError):
    """The file is no Parquet file, or none that `run_jobs` wrote."""


class NoSuchRow(Error, LookupError):
    """The record has no row of that key."""


class RecordInUse(Error, BlockingIOError):
    """Another run writes the same record now."""


class PoolUnavailable(Error, RuntimeError):
    """A pool cannot start its workers."""
