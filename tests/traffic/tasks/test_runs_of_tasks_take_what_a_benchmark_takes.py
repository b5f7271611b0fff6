"""The scenario `traffic.task` takes controllers, laws, sensors and densities as `proving traffic benchmark` does."""

import pytest

from proving.traffic.errors import BadSettings
from proving.traffic.scenarios import TaskRun, run_task

RING = "wave_attenuation_by_set_speed"


def test_a_controller_drives_through_the_sensors_that_were_asked_for() -> None:
    people, controlled, blind = (
        run_task(TaskRun(task=RING, controller=controller, sensing=sensing), 1)
        for controller, sensing in (("", ""), ("follower_stopper", ""), ("follower_stopper", "worst"))
    )
    fuel = "fuel_l_per_100km"
    assert controlled[fuel] != blind[fuel], "what is sensed matters"
    assert max(controlled[fuel], blind[fuel]) < people[fuel]


@pytest.mark.parametrize(
    ("config", "says"),
    [
        (TaskRun(task=RING, controller="magic"), "controller must be one of"),
        (TaskRun(task=RING, sensing="foggy"), "sensing must be one of"),
        (TaskRun(task=RING, density=1.2), "one on a lane, whose density is not varied"),
        (TaskRun(task=RING, policy="wave_attenuation_for_anybody", controller="acc"), "either the policy"),
        (TaskRun(controller="acc"), "takes no controllers"),
        (TaskRun(density=9.0), "density must be"),
        (TaskRun(sensing="foggy"), "sensing must be one of"),
        (TaskRun(law="newton"), "law must be one of"),
    ],
)
def test_what_cannot_be_is_named(config: TaskRun, says: str) -> None:
    with pytest.raises(BadSettings, match=says):
        run_task(config, 1)
