"""Effects compare the same leader and seed, and say in how many pairs the road was worse off."""

from hypothesis import given
from hypothesis import strategies as st

from proving.corridor.effects import MEASURES, effects

COLUMNS = [measure.column for measure in MEASURES]


def row(leader: str, seed: int, controller: str, share: float, value: float) -> dict:
    return {
        "leader": leader,
        "seed": seed,
        "controller": controller,
        "automated_share": share,
        "status": "ok",
    } | dict.fromkeys(COLUMNS, value)


@given(
    st.dictionaries(st.tuples(st.sampled_from("abc"), st.integers(0, 5)), st.floats(1, 100), min_size=1),
    st.floats(0.5, 2),
)
def test_a_common_factor_is_found_exactly_however_the_rows_are_ordered(runs: dict, factor: float) -> None:
    people = [row(leader, seed, "none", 0.0, value) for (leader, seed), value in runs.items()]
    automated = [row(leader, seed, "smooth", 0.05, value * factor) for (leader, seed), value in runs.items()]
    found = effects(people + automated)
    assert found == effects(automated[::-1] + people[::-1])
    fuel = next(effect for effect in found if effect.measure.column == "fuel_l_per_100km")
    assert fuel.pair_count == len(runs)
    assert abs(fuel.change - (factor - 1)) < 1e-9
    assert fuel.lowest_change - 1e-9 <= fuel.change <= fuel.highest_change + 1e-9
    assert abs(fuel.with_it / fuel.without - 1 - fuel.change) < 1e-9
    assert fuel.worse_count == (len(runs) if factor > 1 else 0) or abs(factor - 1) < 1e-12


def test_a_run_without_its_other_half_does_not_count() -> None:
    rows = [row("a", 0, "none", 0.0, 10.0), row("a", 0, "smooth", 0.1, 8.0), row("a", 1, "smooth", 0.1, 1.0)]
    assert {effect.pair_count for effect in effects(rows)} == {1}
    failed = {**row("a", 0, "none", 0.0, 10.0), "status": "failed"}
    assert effects([failed, row("a", 0, "smooth", 0.1, 8.0)]) == []
