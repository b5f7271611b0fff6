"""A policy of any task leaves as ONNX: the same actions for every agent, its inputs named, and no vehicle takes it."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from proving.traffic.learn import Policy, shipped_policy
from proving.traffic.learn.errors import BadPolicy
from proving.traffic.learn.export import export_any
from proving.traffic.learn.law import shipped_names
from proving.traffic.learn.networks import Statistics
from proving.traffic.tasks import NETWORK_TASKS, TASKS
from proving.traffic.vehicle import OnnxNetwork, OnnxPolicy, TaskCard
from proving.traffic.vehicle.errors import BadNetwork

ON_NETWORKS = sorted(set(shipped_names()) & set(NETWORK_TASKS))


def same_actions(policy: Policy, network: OnnxNetwork, agents: int) -> None:
    seen = np.random.default_rng(3).normal(size=(agents, len(policy.card.features))).astype(np.float32)
    expected = np.asarray(policy.act(seen.T[:, :, None]))[:, 0]
    np.testing.assert_allclose(network.act(seen).reshape(-1), expected, atol=1e-5)


@pytest.mark.parametrize("name", ON_NETWORKS)
def test_shipped_policies_act_the_same(name: str, tmp_path: Path) -> None:
    policy, path = shipped_policy(name), tmp_path / "policy.onnx"
    card = export_any(policy, TASKS[name], path)
    network = OnnxNetwork(path)
    assert network.card == card
    assert isinstance(card, TaskCard)
    assert card.features == TASKS[name].sight.names
    assert len(card.lows) == len(card.highs) == len(card.features)
    same_actions(policy, network, agents=5)
    with pytest.raises(BadNetwork, match=f"was trained for '{name}': it sees .* no vehicle knows that by itself"):
        OnnxPolicy(path)


def test_one_agent_may_decide_on_many_numbers(tmp_path: Path) -> None:
    task, random = TASKS["merge0"], np.random.default_rng(4)
    count, outputs = len(task.sight.names), 5
    layers = ((random.normal(size=(8, count)), random.normal(size=(8, 1))),)
    layers = (*layers, (random.normal(size=(outputs, 8)), random.normal(size=(outputs, 1))))
    like = shipped_policy(ON_NETWORKS[0])
    card = dataclasses.replace(
        like.card, task=task.name, features=task.sight.names, actions=(task.action_low, task.action_high)
    )
    policy = Policy(layers, Statistics(random.normal(size=count), random.uniform(1, 2, count), np.float64(9)), card)
    written = export_any(policy, task, tmp_path / "policy.onnx")
    assert (written.output_count, written.decision_s) == (outputs, 1.0)
    same_actions(policy, OnnxNetwork(tmp_path / "policy.onnx"), agents=1)
    with pytest.raises(BadPolicy, match="was trained for 'merge0'"):
        export_any(policy, TASKS["grid0"], tmp_path / "other.onnx")
    assert not (tmp_path / "other.onnx").exists()
