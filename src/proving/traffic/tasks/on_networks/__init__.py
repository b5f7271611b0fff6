"""Tasks on road networks: FLOW's environments and benchmarks under their own names, and ours on the same roads."""

from proving.traffic.tasks.on_networks.bottleneck import BOTTLENECKS, BOTTLENECKS_BY_CELL
from proving.traffic.tasks.on_networks.figure_eight import (
    ADVERSARIAL_FIGURE_EIGHT,
    FIGURE_EIGHTS,
    FIGURE_EIGHTS_BY_VEHICLE,
    MULTIAGENT_FIGURE_EIGHT,
)
from proving.traffic.tasks.on_networks.grid import GRIDS, GRIDS_BY_SIGNAL
from proving.traffic.tasks.on_networks.grid_by_neighbours import MULTIAGENT_GRIDS
from proving.traffic.tasks.on_networks.grid_seen_whole import TRAFFIC_LIGHT_GRID
from proving.traffic.tasks.on_networks.hearing import communicating
from proving.traffic.tasks.on_networks.highways import I210_MULTI, I210_MULTI_EVERY_LANE, MULTIAGENT_HIGHWAY
from proving.traffic.tasks.on_networks.lane_changing import (
    BOTTLENECK_ACCEL,
    LANE_CHANGE_ACCEL,
    LANE_CHANGE_ACCEL_PO,
)
from proving.traffic.tasks.on_networks.merge import (
    MERGE_PORTFOLIO,
    MERGES,
    MERGES_BY_VEHICLE,
    MULTIAGENT_MERGE,
)
from proving.traffic.tasks.on_networks.rings import MULTI_WAVE_ATTENUATION_PO
from proving.traffic.tasks.on_networks.task import NetworkTask

# FLOW's eleven benchmarks first.
NETWORK_TASKS: dict[str, NetworkTask] = {
    task.name: task
    for task in (
        *FIGURE_EIGHTS,
        *MERGES,
        *BOTTLENECKS,
        *GRIDS,
        MULTIAGENT_FIGURE_EIGHT,
        ADVERSARIAL_FIGURE_EIGHT,
        MULTIAGENT_MERGE,
        MULTIAGENT_HIGHWAY,
        I210_MULTI,
        I210_MULTI_EVERY_LANE,
        *MULTIAGENT_GRIDS,
        TRAFFIC_LIGHT_GRID,
        LANE_CHANGE_ACCEL,
        LANE_CHANGE_ACCEL_PO,
        BOTTLENECK_ACCEL,
        MULTI_WAVE_ATTENUATION_PO,
        *MERGE_PORTFOLIO,
        *FIGURE_EIGHTS_BY_VEHICLE,
        *MERGES_BY_VEHICLE,
        *BOTTLENECKS_BY_CELL,
        *GRIDS_BY_SIGNAL,
    )
}

__all__ = ["NETWORK_TASKS", "NetworkTask", "communicating"]
