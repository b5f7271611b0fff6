"""What can be run of the corridor: its jobs by name, and a whole sample study from a seed."""

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from proving.corridor.effects import effects
from proving.corridor.inspect import LOOK_AT_CLIP
from proving.corridor.simulate import BEHIND_LEADER
from proving.runs import Row, Scenario


@dataclass(frozen=True, kw_only=True)
class WholeStudy:
    """A sample study from end to end.

    Attributes:
        seeds: Random repetitions of each simulated case.
        survive: Crash scenarios of the store.
    """

    seeds: int = 1
    survive: int = 5


def whole_study(config: WholeStudy, seed: int) -> Row:
    """Return what a sample study of this seed found: inputs, those set aside, what was saved."""
    from proving.corridor.run import run_study
    from proving.corridor.sample import write_sample
    from proving.corridor.study import read_study

    with tempfile.TemporaryDirectory() as folder:
        study = read_study(write_sample(Path(folder) / "sample", seed))
        study = replace(study, survive=config.survive, simulate=replace(study.simulate, seeds=config.seeds))
        results = run_study(study, Path(folder) / "out", workers=1)
        found = {effect.measure.column: effect.change for effect in effects(results.simulated_rows)}
        return {
            "input_count": len(results.inputs),
            "damaged_count": len(results.damaged),
            "bad_count": len(results.bad),
            "fuel_change_share": found["fuel_l_per_100km"],
            "braking_change_per_veh_km": found["braking_per_veh_km"],
            "table_state": str(results.answers.adjustment["state"]),
            "failure_count": sum(int(row["failure_count"] or 0) for row in results.survived_rows),
        }


WHOLE_STUDY = Scenario(
    name="corridor.whole_study",
    about="A sample road, generated from the seed and studied from end to end.",
    config=WholeStudy(),
    run=whole_study,
)

SCENARIOS: dict[str, Scenario[Any]] = {
    BEHIND_LEADER.name: BEHIND_LEADER,
    LOOK_AT_CLIP.name: LOOK_AT_CLIP,
    WHOLE_STUDY.name: WHOLE_STUDY,
}
