"""The policies that come with the package for a vehicle, on rings and on motorways, each exported once."""

from pathlib import Path

import pytest

from proving.traffic.learn import Policy, shipped_policy
from proving.traffic.learn.export import export
from proving.traffic.learn.law import FOR_MOTORWAYS, SHIPPED
from proving.traffic.tasks import TASKS
from proving.traffic.vehicle import OnnxPolicy


@pytest.fixture(scope="session", params=[SHIPPED, FOR_MOTORWAYS])
def learned(request: pytest.FixtureRequest) -> Policy:
    return shipped_policy(request.param)


@pytest.fixture(scope="session")
def onnx_file(learned: Policy, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("onnx") / "policy.onnx"
    export(learned, TASKS[learned.card.task], path)
    return path


@pytest.fixture(scope="session")
def policy(onnx_file: Path) -> OnnxPolicy:
    return OnnxPolicy(onnx_file)
