"""How a study's names, changes and answers are said, on the page and on the terminal."""

import json
import re

from proving.corridor.effects import Effect
from proving.corridor.simulate import PEOPLE_ONLY

# Papers' own names; a controller that is not here is called as the study calls it.
NAMES = {
    "follower_stopper": "FollowerStopper",
    "follower_stopper_at_rest": "FollowerStopper (gaps at rest)",
    "non_local_follower_stopper": "non-local FollowerStopper",
    "pi_saturation": "PI with saturation",
    "time_headway": "constant time headway",
    "acc": "ACC",
    "cacc": "CACC",
    "learned": "a learned policy",
}
UNITS = {"mps": "m/s", "mps2": "m/s²", "m": "m", "s": "s", "km": "km"}
CONDITION = re.compile(r"\bWHERE\b(.*?)(?:\bGROUP BY\b|\bORDER BY\b|\bHAVING\b|\bLIMIT\b|$)", re.IGNORECASE | re.DOTALL)
NO_BREAK = "\N{NO-BREAK SPACE}"


def change_in_words(effect: Effect) -> str:
    """Return the change as a person would say it, such as "−12 %"."""
    return _signed(effect.change, effect.measure.is_relative)


def range_in_words(effect: Effect) -> str:
    """Return the smallest and the largest change, such as "−20 % to −3 %"."""
    low, high = (_signed(value, effect.measure.is_relative) for value in (effect.lowest_change, effect.highest_change))
    return f"{low} to {high}"


def effect_in_words(effect: Effect) -> str:
    """Return the change and its range, such as "−12 % (−20 % to −3 %)"."""
    return f"{change_in_words(effect)} ({range_in_words(effect)})"


def case_name(controller: str, share: float) -> str:
    """Return who drives, in words."""
    if controller == PEOPLE_ONLY:
        return "people only"
    return f"{share * 100:g}{NO_BREAK}% {NAMES.get(controller, controller.replace('_', ' '))}"


def count(number: int, thing: str) -> str:
    """Return "1 clip", "2 clips"."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def answer_in_words(answer: str, most_rows: int = 3) -> str:
    """Return the rows of an answer (a JSON list) as text; units come from the ends of the columns' names."""
    rows = json.loads(answer)
    lines = [", ".join(_value_in_words(name, value) for name, value in row.items()) for row in rows]
    more = f"; and {len(lines) - most_rows} more rows" if len(lines) > most_rows else ""
    return "; ".join(lines[:most_rows]) + more if lines else "nothing: no row fits"


def condition_of(sql: str) -> str:
    """Return what a query asks its rows for, the text after its first WHERE; the whole query where there is none."""
    found = CONDITION.search(sql)
    return " ".join((found[1] if found else sql).split())


def _signed(value: float, is_relative: bool) -> str:
    text = f"{value * 100:+.0f}{NO_BREAK}%" if is_relative else f"{value:+.2f}"
    is_nothing = float(text.removesuffix(f"{NO_BREAK}%")) == 0
    return (text[1:] if is_nothing else text).replace("-", "−")


def _value_in_words(column: str, value: object) -> str:
    name, _, unit = column.rpartition("_")
    if not name or unit not in UNITS:
        return f"{column.replace('_', ' ')} {_rounded(value)}"
    return f"{name.replace('_', ' ')} {_rounded(value)}{NO_BREAK}{UNITS[unit]}"


def _rounded(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)
