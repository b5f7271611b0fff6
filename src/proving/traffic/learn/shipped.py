"""The policies for road networks that come with the package, each with its card."""

from importlib import resources

from proving.traffic.learn.errors import BadPolicy
from proving.traffic.learn.policy import Policy, load

# By the task that each was trained on.
SHIPPED_ON_NETWORKS = (
    *("grid0_by_signal", "grid1_by_signal"),
    *("bottleneck0_by_cell", "bottleneck1_by_cell", "bottleneck2_by_cell"),
    *("figureeight0_by_vehicle", "figureeight1_by_vehicle", "figureeight2_by_vehicle"),
    *("merge0_by_vehicle", "merge1_by_vehicle", "merge2_by_vehicle"),
)


def shipped_on_network(task: str) -> Policy:
    """Return the policy for this task.

    Raises:
        BadPolicy: none comes with the package.
    """
    if task not in SHIPPED_ON_NETWORKS:
        raise BadPolicy(f"no policy for {task!r} comes with the package; there are: {', '.join(SHIPPED_ON_NETWORKS)}")
    with resources.as_file(resources.files("proving.traffic.learn") / "policies" / f"{task}.npz") as path:
        return load(path)
