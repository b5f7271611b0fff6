"""A policy as an ONNX file with its normalisation and its card inside: the only module that knows onnx."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from jaxtyping import Float

from proving.traffic.learn.errors import BadPolicy
from proving.traffic.learn.evaluate import check_fits
from proving.traffic.learn.policy import Policy
from proving.traffic.tasks import AnyTask, NetworkTask
from proving.traffic.tasks.commanded import FARTHEST_M, MEMORY_S, RESPONSE_S, Means
from proving.traffic.tasks.task import Local, Task
from proving.traffic.vehicle.card import QUANTITIES, Reading, TaskCard, VehicleCard

if TYPE_CHECKING:
    import onnx

# Old enough for the runtimes of vehicles, new enough for everything here.
OPSET, IR_VERSION = 17, 8
CUT = 10.0


def export(policy: Policy, task: Task, path: Path) -> VehicleCard:
    """Write a policy for vehicles as ONNX, `observation` [agent feature] to `action` [agent 1]; return its card.

    The file appears whole or not at all.

    Raises:
        BadPolicy: it was trained for something else than the task, or sees what no vehicle can know.
    """
    check_fits(task, policy)
    readings = readings_of(task, policy)
    network = _network(policy)
    card = VehicleCard(
        task=task.name,
        readings=readings,
        actions=policy.card.actions,
        is_set_speed=task.is_set_speed,
        decision_s=task.steps_per_decision * task.road.dt_s,
        response_s=RESPONSE_S,
        memory_s=MEMORY_S,
        farthest_m=FARTHEST_M,
        graph_sha256=_graph_sha256(network),
        command=policy.card.command,
        seed=policy.card.seed,
        decision_count=policy.card.decision_count,
    )
    _write(network, "proving.card", card, path)
    return card


def export_any(policy: Policy, task: AnyTask, path: Path) -> TaskCard:
    """Write the policy of any task as ONNX, `observation` [agent feature] to `action` [agent output]; return its card.

    Whoever acts by it makes the observation from what it knows: the card names each number and its bounds.
    The file appears whole or not at all.

    Raises:
        BadPolicy: it was trained for something else than the task.
    """
    check_fits(task, policy)
    network = _network(policy)
    step_s = task.traffic.dt_s if isinstance(task, NetworkTask) else task.road.dt_s
    card = TaskCard(
        task=task.name,
        features=task.sight.names,
        lows=task.sight.low,
        highs=task.sight.high,
        actions=policy.card.actions,
        output_count=_output_count(policy),
        decision_s=task.steps_per_decision * step_s,
        graph_sha256=_graph_sha256(network),
        command=policy.card.command,
        seed=policy.card.seed,
        decision_count=policy.card.decision_count,
    )
    _write(network, "proving.task_card", card, path)
    return card


def _graph_sha256(network: "onnx.ModelProto") -> str:
    return hashlib.sha256(network.graph.SerializeToString()).hexdigest()


def _write(network: "onnx.ModelProto", key: str, card: VehicleCard | TaskCard, path: Path) -> None:
    import onnx

    onnx.helper.set_model_props(network, {key: msgspec.json.encode(card).decode()})
    half = path.with_name(path.name + ".part")
    half.write_bytes(network.SerializeToString())
    half.replace(path)


def _output_count(policy: Policy) -> int:
    return len(np.asarray(policy.layers[-1][1]))


def readings_of(task: Task, policy: Policy) -> tuple[Reading, ...]:
    """Return which quantity each observed number is, and its scale, found by showing the task random situations.

    Raises:
        BadPolicy: a number is not one quantity moved and scaled.
    """
    situations, quantities = _situations()
    seen = np.asarray(task.sight.read(situations), dtype=np.float64)
    mean = np.asarray(policy.statistics.mean, dtype=np.float64)
    spread = np.sqrt(np.asarray(policy.statistics.variance, dtype=np.float64) + 1e-8)
    found: list[Reading] = []
    for index, name in enumerate(task.sight.names):
        quantity, offset, per = _explained(seen[index], quantities) or ("", 0.0, 0.0)
        if not quantity:
            raise BadPolicy(f"task {task.name!r} shows {name!r}, which is nothing that a vehicle knows by itself")
        found.append(
            Reading(
                name=name,
                quantity=quantity,
                unit=QUANTITIES[quantity],
                offset=round(offset, 9),
                per=round(per, 9),
                low=task.sight.low[index],
                high=task.sight.high[index],
                trained_mean=float(mean[index]),
                trained_spread=float(spread[index]),
            )
        )
    return tuple(found)


def _explained(
    seen: Float[np.ndarray, " case"], quantities: Mapping[str, Float[np.ndarray, " case"]]
) -> tuple[str, float, float] | None:
    """Return the quantity, and the offset and divisor that make the seen numbers of it; None where there is none."""
    for quantity, values in quantities.items():
        slope, shift = np.polyfit(values, seen, 1)
        if abs(slope) > 1e-9 and np.allclose(slope * values + shift, seen, atol=1e-6):
            return quantity, float(shift / slope), float(1 / slope)
    return None


def _situations() -> tuple[Local, dict[str, Float[np.ndarray, " case"]]]:
    random = np.random.default_rng(0)
    speed, leader, mean, mean_leader = random.uniform(0, 30, (4, 40))
    gap, mean_gap = random.uniform(1, 90, (2, 40))
    action, unrest = random.uniform(-1, 1, 40), random.uniform(0, 4, 40)
    means = Means(mean, mean_leader, mean_leader**2 + unrest**2, mean_gap)
    quantities = {
        "speed": speed,
        "leader_speed": leader,
        "leader_minus_own_speed": leader - speed,
        "gap": gap,
        "action": action,
        "mean_speed": mean,
        "mean_leader_speed": mean_leader,
        "leader_speed_deviation": unrest,
        "mean_gap": mean_gap,
    }
    return Local(speed, gap, leader, action, means), quantities


def _network(policy: Policy) -> "onnx.ModelProto":
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    values: dict[str, np.ndarray] = {
        "mean": np.asarray(policy.statistics.mean, dtype=np.float32),
        "spread": np.sqrt(np.asarray(policy.statistics.variance, dtype=np.float32) + np.float32(1e-8)),
        "cut_low": np.asarray(-CUT, dtype=np.float32),
        "cut_high": np.asarray(CUT, dtype=np.float32),
    }
    nodes = [
        helper.make_node("Sub", ["observation", "mean"], ["centred"]),
        helper.make_node("Div", ["centred", "spread"], ["scaled"]),
        helper.make_node("Clip", ["scaled", "cut_low", "cut_high"], ["hidden_0"]),
    ]
    last = len(policy.layers) - 1
    for index, (weight, bias) in enumerate(policy.layers):
        values[f"weight_{index}"] = np.asarray(weight, dtype=np.float32)
        values[f"bias_{index}"] = np.asarray(bias, dtype=np.float32)[:, 0]
        inputs = [f"hidden_{index}", f"weight_{index}", f"bias_{index}"]
        nodes.append(helper.make_node("Gemm", inputs, [f"sum_{index}"], transB=1))
        if index < last:
            nodes.append(helper.make_node("Tanh", [f"sum_{index}"], [f"hidden_{index + 1}"]))
    low, high = policy.card.actions
    scalars = {"half": 0.5 * (high - low), "middle": 0.5 * (low + high), "low": low, "high": high}
    values |= {name: np.asarray(value, dtype=np.float32) for name, value in scalars.items()}
    nodes += [
        helper.make_node("Mul", [f"sum_{last}", "half"], ["stretched"]),
        helper.make_node("Add", ["stretched", "middle"], ["choice"]),
        helper.make_node("Clip", ["choice", "low", "high"], ["action"]),
    ]
    graph = helper.make_graph(
        nodes,
        policy.card.task,
        [helper.make_tensor_value_info("observation", TensorProto.FLOAT, ["agent", len(policy.card.features)])],
        [helper.make_tensor_value_info("action", TensorProto.FLOAT, ["agent", _output_count(policy)])],
        [numpy_helper.from_array(array, name) for name, array in values.items()],
    )
    network = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="proving"
    )
    onnx.checker.check_model(network, full_check=True)
    return network
