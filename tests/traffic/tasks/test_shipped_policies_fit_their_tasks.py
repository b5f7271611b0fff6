"""Policies for networks come with the package, with cards that say what they are for."""

import jax.numpy as jnp
import numpy as np
import pytest

from proving.traffic.learn.errors import BadPolicy
from proving.traffic.learn.judging import judge_on_network
from proving.traffic.learn.shipped import SHIPPED_ON_NETWORKS, shipped_on_network
from proving.traffic.tasks import NETWORK_TASKS


@pytest.mark.parametrize("name", SHIPPED_ON_NETWORKS)
def test_a_shipped_policy_sees_and_does_what_its_task_says(name: str) -> None:
    task, policy = NETWORK_TASKS[name], shipped_on_network(name)
    assert policy.card.task == name
    assert policy.card.features == task.sight.names
    assert policy.card.actions == (task.action_low, task.action_high)
    assert policy.card.scores, "a card says what the policy achieved"
    action = np.asarray(policy.act(jnp.zeros((len(task.sight.names), task.agent_count, 1))))
    assert action.shape == (task.agent_count, 1)
    assert (action >= np.float32(task.action_low)).all()
    assert (action <= np.float32(task.action_high)).all()


def test_a_policy_for_something_else_is_refused_by_name() -> None:
    policy = shipped_on_network(SHIPPED_ON_NETWORKS[0])
    with pytest.raises(BadPolicy, match=SHIPPED_ON_NETWORKS[0]):
        judge_on_network(NETWORK_TASKS["merge0_by_vehicle"], policy, [1])
    with pytest.raises(BadPolicy, match="no policy for 'merge0'"):
        shipped_on_network("merge0")
