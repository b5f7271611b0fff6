"""How many vehicles can one network hold at five times real time, and how many moves a second does a GPU make?

A city of square blocks with signals, lane changes and right of way, everybody on a tour of its own district for ever,
steps of 0.5 s. On a CPU the seconds are the clock's, with --devices that of several devices, each on its own district;
the machine should have nothing else to do, so the CPU-seconds are told as well. With --gpu a million vehicles on the
first GPU.
"""

import argparse
import json
import platform
import time
from collections.abc import Callable, Sequence

import jax
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

from proving.traffic.drivers import Idm
from proving.traffic.network import Demand, RoadMap, Trip, VehicleType
from proving.traffic.network.districts import shared_out, stepping
from proving.traffic.network.simulate import Run, prepared, scan
from proving.traffic.network.state import DISTRICTS, State, World
from proving.traffic.roads import City

DT_S, TIMES = 0.5, 5.0
LANE_COUNT, BLOCK_M, SPACING_M, BLOCKS_ROUND = 2, 200.0, 20.0, 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="a small city and few steps")
    parser.add_argument("--json", action="store_true", help="print one JSON object on the last line")
    parser.add_argument("--gpu", action="store_true", help="a million vehicles on a GPU")
    parser.add_argument("--vehicles", type=int, nargs="+", help="how many to try, in turn")
    parser.add_argument("--devices", type=int, default=1, help="how many share a CPU's network (a GPU: one)")
    options = parser.parse_args()
    if not options.gpu:
        jax.config.update("jax_num_cpu_devices", options.devices)
    if options.gpu and not any(device.platform == "gpu" for device in jax.devices()):
        print("no GPU here")
        if options.json:
            print(json.dumps({"updates_per_s": None}))
        return
    counts = options.vehicles or ([2_000] if options.smoke else [1_000_000] if options.gpu else [100_000, 300_000])
    step_count = 4 if options.smoke else 20
    answer: dict[str, float | str | None] = {}
    fits = 0
    for count in counts:
        wall_s, cpu_s, collisions = timed(count, step_count, 1 if options.gpu else options.devices)
        times = DT_S / wall_s
        print(f"{count} vehicles: {times:.2f} times real time, {1e9 * cpu_s / count:.0f} CPU-ns per vehicle and step")
        fits = count if times >= TIMES else fits
        answer |= {
            "vehicles": count,
            "devices": 1 if options.gpu else options.devices,
            "real_time_factor": times,
            "updates_per_s": count / wall_s,
            "updates_per_cpu_s": count / cpu_s,
            "collisions": collisions,
        }
    if not options.gpu:
        answer["vehicles_at_5x"] = fits
    answer["machine"] = f"{platform.machine()}, {jax.devices()[0].platform}, jax {jax.__version__}"
    for name, value in answer.items():
        print(f"{name:24s} {value:.4g}" if isinstance(value, float) else f"{name:24s} {value}")
    if options.json:
        print(json.dumps(answer))


def timed(count: int, step_count: int, device_count: int) -> tuple[float, float, int]:
    """Return the seconds by the clock and of the CPU that a step takes, the best of three, and collisions."""
    road_map, demand = district_tours(count)
    run = Run(duration_s=step_count * DT_S, dt_s=DT_S, capacity=count)
    world, state, _ = prepared(road_map, demand, run, 0)
    after, state = steps(world, state, step_count, jax.devices()[:device_count])
    walls: list[float] = []
    cpus: list[float] = []
    # The first run only lets traffic begin to move.
    for _ in range(4):
        wall_s, cpu_s = time.perf_counter(), time.process_time()
        state = jax.block_until_ready(after(state))
        walls.append((time.perf_counter() - wall_s) / step_count)
        cpus.append((time.process_time() - cpu_s) / step_count)
    return min(walls[1:]), min(cpus[1:]), int(jax.device_get(state.collisions).max())


def steps(
    world: World, state: State, step_count: int, devices: Sequence[jax.Device]
) -> tuple[Callable[[State], State], State]:
    """Return what takes a state so many steps on, on these devices, compiled; and the state as it takes it."""
    if len(devices) == 1:
        world, state = jax.device_put((world, state))
        compiled = scan.lower(world, state, step_count, is_recorded=False).compile()
        return lambda state: compiled(world, state)[0], state
    shared = shared_out(devices, world, state)
    everywhere, by_device = (NamedSharding(shared.mesh, spec) for spec in (PartitionSpec(), PartitionSpec(DISTRICTS)))
    world = jax.device_put(shared.world, everywhere)
    district, state = jax.device_put((shared.district, shared.state), by_device)
    compiled = jax.jit(stepping(shared, step_count)).lower(world, district, state).compile()
    return lambda state: compiled(world, district, state)[0], state


def district_tours(count: int) -> tuple[RoadMap, Demand]:
    """Return a city with room for so many, 10 a lane, each going round some blocks of its own district for ever."""
    per_edge = LANE_COUNT * int(BLOCK_M // SPACING_M - 1)
    size = max(BLOCKS_ROUND, int(np.ceil((count / (4 * per_edge)) ** 0.5)))
    city = City(row_count=size, column_count=size, block_m=BLOCK_M, lane_count=LANE_COUNT)
    # Tours start on their four sides; every edge lies on at least one.
    trips = [
        Trip(
            name=f"{number}_{lane}_{spot}",
            depart_s=0.0,
            route=tour,
            depart_lane=lane,
            depart_speed=0.0,
            depart_m=SPACING_M * (spot + 1),
        )
        for number, tour in enumerate(_tours(size))
        for lane in range(LANE_COUNT)
        for spot in range(int(BLOCK_M // SPACING_M) - 1)
    ]
    driver = VehicleType(driver=Idm())
    return city.road_map(), Demand(types=(driver,), trips=tuple(trips[:count]), loops=True)


def _tours(size: int) -> list[tuple[str, ...]]:
    """Return for every edge a tour around a square of blocks that begins with it, to the left where there is room."""
    ways = ((0, 1), (1, 0), (0, -1), (-1, 0))
    tours = []
    for row in range(size + 1):
        for column in range(size + 1):
            for way, (up, right) in enumerate(ways):
                if not (0 <= row + up <= size and 0 <= column + right <= size):
                    continue
                tours.append(_tour(row, column, way, size))
    return tours


def _tour(row: int, column: int, way: int, size: int) -> tuple[str, ...]:
    ways = ((0, 1), (1, 0), (0, -1), (-1, 0))
    for turn in (1, -1):
        headings = [(way + turn * side) % 4 for side in range(4)]
        for sides in (BLOCKS_ROUND, 2, 1):
            here = (row, column)
            edges: list[str] = []
            for heading in headings:
                for _ in range(sides):
                    edges.append(f"{'enws'[heading]}{here[0]}_{here[1]}")
                    here = (here[0] + ways[heading][0], here[1] + ways[heading][1])
                    if not (0 <= here[0] <= size and 0 <= here[1] <= size):
                        edges = []
                        break
                if not edges:
                    break
            if edges:
                return tuple(edges)
    raise AssertionError("a city of at least one block has a tour from every edge")


if __name__ == "__main__":
    main()
