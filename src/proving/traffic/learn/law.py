"""A learned policy as a driver of the engine, so that it drives wherever other controllers do."""

import dataclasses
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

import jax
from jaxtyping import Float

from proving.traffic.learn.errors import BadPolicy
from proving.traffic.learn.evaluate import check_fits
from proving.traffic.learn.policy import Policy, load
from proving.traffic.state import Array, Memory, View
from proving.traffic.tasks import LANE_TASKS
from proving.traffic.tasks.commanded import Commanded, Means
from proving.traffic.tasks.task import Local, Sight, Task

SHIPPED = "wave_attenuation_for_anybody"
# What a vehicle drives by on motorways.
FOR_MOTORWAYS = "motorway_smoothing"


@dataclass(frozen=True, kw_only=True)
class Learned:
    """A policy's weights and how its task sees and acts; decides every `steps_per_decision` steps, as it learned to.

    Attributes:
        layers: one (weight, bias) per layer.
        mean: what is taken off each observed number.
        spread: what it is then divided by.
        sight: what is observed.
        actions: smallest and largest action.
        is_set_speed: what an action means.
        steps_per_decision: engine steps for which an action holds.
        margin_m: so much of every gap its vehicle leaves free besides what stopping takes.
        margin_s: and so much time.
    """

    layers: Any
    mean: Any
    spread: Any
    sight: Sight = dataclasses.field(metadata={"static": True})
    actions: tuple[float, float] = dataclasses.field(metadata={"static": True})
    is_set_speed: bool = dataclasses.field(metadata={"static": True})
    steps_per_decision: int = dataclasses.field(metadata={"static": True})
    margin_m: Any = 0.0
    margin_s: Any = 0.0

    @property
    def noise_intensity(self) -> float:
        """Return 0: the machine drives exactly."""
        return 0.0

    def first_memory(self, speed_mps: Float[Array, "..."]) -> Memory:
        """Return the running means, the action that holds, and how many steps ago it was decided."""
        xp = speed_mps.__array_namespace__()
        means = Commanded(command=0.0).first_memory(speed_mps)
        return (means, 0 * speed_mps, xp.zeros(speed_mps.shape, dtype=xp.int32))

    def drive(self, view: View, memory: Memory) -> tuple[Float[Array, "slot lane"], Memory]:
        """Return the acceleration that the policy's command and safety allow, in m/s2, and what is remembered."""
        xp = view.speed_mps.__array_namespace__()
        means, action, age = Means(*memory[0]), memory[1], memory[2]
        local = Local(view.speed_mps, view.gap_m, view.leader_speed_mps, action, means)
        action = xp.where(age == 0, self._decided(self.sight.seen(local)), action)
        age = xp.where(age + 1 >= self.steps_per_decision, 0, age + 1)
        command = Commanded(
            command=action, is_set_speed=self.is_set_speed, margin_m=self.margin_m, margin_s=self.margin_s
        )
        accel_mps2, means = command.drive(view, means)
        return accel_mps2, (means, action, age)

    def _decided(self, seen: Float[Array, "feature slot lane"]) -> Float[Array, "slot lane"]:
        xp = seen.__array_namespace__()
        values = xp.reshape(seen, (seen.shape[0], -1))
        values = xp.clip((values - self.mean[:, None]) / self.spread[:, None], -10, 10)
        for weight, bias in self.layers[:-1]:
            values = xp.tanh(weight @ values + bias)
        weight, bias = self.layers[-1]
        low, high = self.actions
        choice = xp.reshape(weight @ values + bias, seen.shape[1:])
        return xp.clip(0.5 * (low + high) + 0.5 * (high - low) * choice, low, high)


jax.tree_util.register_dataclass(Learned)


def as_driver(policy: Policy, task: Task) -> Learned:
    """Return the policy as a driver.

    Raises:
        BadPolicy: it was trained for something else than the task, or needs what no vehicle knows by itself.
    """
    check_fits(task, policy)
    if task.sight.needs != "own_sensors":
        raise BadPolicy(f"a policy for {task.name!r} needs {task.sight.needs}: it drives in its task only")
    statistics = policy.statistics
    return Learned(
        layers=policy.layers,
        mean=statistics.mean,
        spread=(statistics.variance + 1e-8) ** 0.5,
        sight=task.sight,
        actions=(task.action_low, task.action_high),
        is_set_speed=task.is_set_speed,
        steps_per_decision=task.steps_per_decision,
    )


def shipped_names() -> tuple[str, ...]:
    """Return the names of the policies that come with the package: those of the tasks that they were trained for."""
    return tuple(sorted(file.name.removesuffix(".npz") for file in _shelf().iterdir() if file.name.endswith(".npz")))


def shipped_policy(name: str = SHIPPED) -> Policy:
    """Return a policy that comes with the package, with its card; without a name that for rings.

    Raises:
        BadPolicy: there is none of this name; the text says which there are.
    """
    if name not in shipped_names():
        raise BadPolicy(f"no policy {name!r} comes with the package; there are: {', '.join(shipped_names())}")
    with resources.as_file(_shelf() / f"{name}.npz") as path:
        return load(path)


def _shelf() -> Traversable:
    return resources.files("proving.traffic.learn") / "policies"


def shipped_controller() -> Learned:
    """Return the policy for rings that comes with the package as a driver."""
    return as_driver(shipped_policy(), LANE_TASKS[SHIPPED])
