"""`proving traffic calibrate`: fit a car-following law to the pairs of OpenACC files."""

import json as json_format
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from proving.traffic.errors import BadSettings

app = App(name="calibrate", help="Fit a car-following law to measured pairs of cars.")


@app.default
def calibrate(
    files: list[Path],
    *,
    law: str = "constant_time_gap",
    pull: float = 0.3,
    seed: int = 0,
    json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """Fit a car-following law to every leader-follower pair of OpenACC files, on the gap.

    Args:
        files: OpenACC files (.csv or .csv.gz).
        law: idm, constant_time_gap, delayed or optimal_velocity.
        pull: How strongly parameters are drawn to those of the other pairs of the same run; 0: each on its own.
        seed: The same seed gives the same parameters.
        json: Print one JSON document.
    """
    from proving.traffic.reality.calibrate import Search, fit
    from proving.traffic.reality.laws import LAWS
    from proving.traffic.reality.pairs import read_pairs

    if law not in LAWS:
        raise BadSettings(f"law must be one of {', '.join(LAWS)}, not {law!r}")
    pairs = [pair for path in files for pair in read_pairs(path)]
    rows = fit(LAWS[law], pairs, seed, Search(pull=pull)).rows()
    if json:
        sys.stdout.write(json_format.dumps(rows) + "\n")
        return 0
    for row in rows:
        at_bounds = str(row["at_bounds"]).split()
        values = "  ".join(
            f"{each.name} {float(row[each.name]):.2f}{'!' if each.name in at_bounds else ''}"
            for each in LAWS[law].parameters
        )
        error = f"gap {float(row['gap_rmse_m']):.2f} m ({float(row['relative_error']):.1%})"
        sys.stdout.write(f"{row['pair']}: {error}  {values}\n")
    sys.stdout.write("! lies on its bound\n")
    return 0
