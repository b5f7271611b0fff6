"""Which files the leader of a task drives by, as the command line asks for them."""

from dataclasses import dataclass
from pathlib import Path

from proving.traffic.worlds import SpeedUnit


@dataclass(frozen=True, kw_only=True)
class DriveFiles:
    """The leader's measured drives, for a task behind a leader.

    Attributes:
        drives: Files (.csv, .csv.gz, .parquet); without them the leader's drive is made up.
        time_column: Column of the time in seconds.
        speed_column: Column of the speed.
        speed_unit: Unit of the speed.
    """

    drives: tuple[Path, ...] = ()
    time_column: str = "time_s"
    speed_column: str = "speed_mps"
    speed_unit: SpeedUnit = "m/s"


NO_FILES = DriveFiles()
