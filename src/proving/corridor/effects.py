"""What automation changes: each platoon with automated vehicles against the same platoon without."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import fsum

import numpy as np

from proving.corridor.simulate import PEOPLE_ONLY
from proving.runs import Scalar

Rows = list[dict[str, Scalar]]


@dataclass(frozen=True)
class Measure:
    """A column of the simulated rows that the report speaks of.

    Attributes:
        column: Its name in the rows.
        label: In words, with the unit.
        is_relative: Whether a change is told in percent of the value without automation, or in the unit itself.
        better: "less" or "more", whichever a road wants.
    """

    column: str
    label: str
    is_relative: bool = True
    better: str = "less"


MEASURES = (
    Measure("fuel_l_per_100km", "fuel, l/100 km"),
    Measure("braking_per_veh_km", "braking events per vehicle-km", is_relative=False),
    Measure("speed_std_mps", "spread of speed, m/s"),
    Measure("throughput_veh_per_h", "throughput per lane, vehicles/h", better="more"),
    Measure("mean_speed_mps", "mean speed, m/s", better="more"),
)


@dataclass(frozen=True)
class Effect:
    """How one measure differs with one controller, over all pairs of the same leader and seed.

    Attributes:
        measure: Which one.
        controller, automated_share: Who drove.
        without, with_it: Means over the pairs.
        change: From the one mean to the other: relative (-0.1 is 10 % less) where the measure is relative, else in its
            unit.
        lowest_change, highest_change: Range of the changes within one pair.
        pair_count: How many pairs there are.
        worse_count: In how many of them the road was worse off.
    """

    measure: Measure
    controller: str
    automated_share: float
    without: float
    with_it: float
    change: float
    lowest_change: float
    highest_change: float
    pair_count: int
    worse_count: int


def effects(rows: Rows, measures: Iterable[Measure] = MEASURES) -> list[Effect]:
    """Return every effect that the rows show; failed rows, and rows without their other half, do not count."""
    good = [row for row in rows if row.get("status", "ok") == "ok"]
    baseline = {(row["leader"], row["seed"]): row for row in good if row["controller"] == PEOPLE_ONLY}
    cases = sorted({(str(row["controller"]), _number(row, "automated_share")) for row in good} - {(PEOPLE_ONLY, 0.0)})
    found: list[Effect] = []
    for controller, share in cases:
        pairs = [
            (baseline[row["leader"], row["seed"]], row)
            for row in good
            if (row["controller"], row["automated_share"]) == (controller, share)
            and (row["leader"], row["seed"]) in baseline
        ]
        if pairs:
            found += [_effect(measure, controller, share, pairs) for measure in measures]
    return found


def _effect(
    measure: Measure, controller: str, share: float, pairs: list[tuple[dict[str, Scalar], dict[str, Scalar]]]
) -> Effect:
    without = np.array([_number(pair[0], measure.column) for pair in pairs])
    with_it = np.array([_number(pair[1], measure.column) for pair in pairs])
    # Exact sums, so that the order of the rows does not show.
    mean_without, mean_with_it = fsum(without) / len(pairs), fsum(with_it) / len(pairs)
    change, changes = mean_with_it - mean_without, with_it - without
    if measure.is_relative:
        change = change / mean_without if mean_without else 0.0
        changes = np.divide(changes, without, out=np.zeros_like(changes), where=without != 0)
    return Effect(
        measure=measure,
        controller=controller,
        automated_share=share,
        without=mean_without,
        with_it=mean_with_it,
        change=change,
        lowest_change=float(changes.min()),
        highest_change=float(changes.max()),
        pair_count=len(pairs),
        worse_count=int((changes > 0).sum() if measure.better == "less" else (changes < 0).sum()),
    )


def _number(row: Mapping[str, Scalar], column: str) -> float:
    value = row[column]
    assert isinstance(value, int | float), f"a measure is a number: {column} is {value!r}"
    return float(value)
