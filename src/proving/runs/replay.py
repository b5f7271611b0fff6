"""Do one recorded job again, here, and compare what it gives with the record."""

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from proving.runs.discovery import find_scenario
from proving.runs.errors import NoSuchRow
from proving.runs.perform import ENVELOPE, Done, perform
from proving.runs.records import read_rows, row_key
from proving.runs.scenario import Job, Scalar, config_from_json


@dataclass(frozen=True)
class Replay:
    """A job that was done again.

    Attributes:
        job: What was done.
        recorded: Its row in the record.
        done: How it went now.
    """

    job: Job
    recorded: Mapping[str, Scalar]
    done: Done

    @property
    def differences(self) -> tuple[str, ...]:
        """Return the columns that came out otherwise than recorded; none where either of the two failed."""
        if self.done.row is None or self.recorded["status"] != "ok":
            return ()
        names = dict.fromkeys([*self.recorded, *self.done.row])
        pairs = {name: (self.recorded.get(name), self.done.row.get(name)) for name in names if name not in ENVELOPE}
        return tuple(f"{name}: recorded {old}, now {new}" for name, (old, new) in pairs.items() if not _same(old, new))


def replay(record: Path, key: str, module: str = "") -> Replay:
    """Do the job of one row again, in this process.

    Args:
        record: Where the row is.
        key: The row's key, the start of one, or the row's number in the record from 0.
        module: The module or Python file that holds the scenario, where it is none of `proving`'s own.

    Raises:
        NoSuchRecord, NotARecord: as `read_rows`.
        NoSuchRow: no row, or several, has that key.
        UnknownScenario: the scenario is not there.
        WrongConfig: the scenario's settings have changed, so that the recorded config no longer fits.
    """
    row = recorded_row(record, key)
    scenario = find_scenario(str(row["scenario"]), module)
    config = config_from_json(str(row["config"]), type(scenario.config))
    job = Job(scenario, config, int(row["seed"] or 0))
    return Replay(job=job, recorded=row, done=perform(scenario.run, job.config, job.seed))


def recorded_row(record: Path, key: str) -> dict[str, Scalar]:
    """Return the row of a key, of the start of one, or of a row number.

    Raises:
        NoSuchRecord, NotARecord: as `read_rows`.
        NoSuchRow: no row, or several, has that key.
    """
    rows = {row_key(row): row for row in read_rows(record)}
    if key.isascii() and key.isdigit():
        if int(key) < len(rows):
            return list(rows.values())[int(key)]
        raise NoSuchRow(f"{record}: there is no row {key}; rows are numbered from 0 to {len(rows) - 1}")
    matches = [key] if key in rows else [each for each in rows if key and each.startswith(key)]
    if len(matches) == 1:
        return rows[matches[0]]
    if matches:
        raise NoSuchRow(
            f"{record}: '{key}' is the start of {len(matches)} keys, such as '{matches[0]}'; write more of it"
        )
    near = difflib.get_close_matches(key, rows, n=1, cutoff=0.6)
    hint = f"did you mean '{near[0]}'?" if near else f"a number from 0 to {len(rows) - 1} will do too"
    raise NoSuchRow(f"{record}: no row has the key '{key}'; {hint}")


def _same(recorded: Scalar, now: Scalar) -> bool:
    """Compare as recorded: a column may have been widened to float or text, and NaN is the same as NaN."""
    if isinstance(recorded, float) and isinstance(now, float) and math.isnan(recorded):
        return math.isnan(now)
    return recorded == now or (isinstance(recorded, str) and recorded == str(now))
