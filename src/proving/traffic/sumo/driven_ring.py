"""One ring in SUMO, driven by our laws: `python -m proving.traffic.sumo.driven_ring ASKED ANSWER`.

As FLOW did it: before every step each vehicle gets the speed that its law wants, with SUMO's own safety checks off.
"""

import pickle
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from proving.traffic.noise import Draws
from proving.traffic.simulate import standing_rings
from proving.traffic.state import FREE_GAP_M, Memory, State, View, World
from proving.traffic.step import decide
from proving.traffic.sumo.ring import Asked

# SUMO drives at the speed that it is told: none of its checks.
UNCHECKED = 0
QUARTERS = ("bottom", "right", "top", "left")


class Seen(NamedTuple):
    """What SUMO says of everybody at one moment, [vehicle]: place on the lap, speed, net gap, the leader's speed."""

    position_m: Float[np.ndarray, " vehicle"]
    speed_mps: Float[np.ndarray, " vehicle"]
    gap_m: Float[np.ndarray, " vehicle"]
    leader_mps: Float[np.ndarray, " vehicle"]


def main(arguments: Sequence[str]) -> int:
    """Run what is asked for, and write what SUMO said at every step."""
    import libsumo

    asked_file, answer = (Path(argument) for argument in arguments)
    asked: Asked = pickle.loads(asked_file.read_bytes())  # noqa: S301
    with jax.enable_x64(True):
        world, state = standing_rings(asked.settings, [asked.seed], "float64", asked.automated)
        is_automated, seen = _driven(libsumo, asked, world, state)
    columns = {name: np.stack([getattr(one, name) for one in seen]) for name in Seen._fields}
    np.savez(answer, allow_pickle=False, is_automated=is_automated, **columns)
    return 0


def _driven(sumo: ModuleType, asked: Asked, world: World, state: State) -> tuple[np.ndarray, list[Seen]]:
    """Return who is automated, and what SUMO said before each step and after the last."""
    settings = asked.settings
    names = [f"v{number}" for number in range(settings.vehicle_count)]
    _start(sumo, asked, names, np.asarray(state.cars.position_m)[:, 0])
    first_m = _lane_starts_m(sumo)
    step_count = round(settings.duration_s / settings.dt_s)
    seen = [_seen(sumo, names, first_m)]
    for number in range(step_count):
        now = seen[-1]
        state = state._replace(
            cars=state.cars._replace(position_m=now.position_m[:, None], speed_mps=now.speed_mps[:, None]),
            step=np.int32(number),
        )
        wish_mps2, memory = _decided(world, state, now)
        state = state._replace(cars=state.cars._replace(memory=memory))
        after_mps = np.maximum(now.speed_mps + np.asarray(wish_mps2)[:, 0] * settings.dt_s, 0)
        for name, speed_mps in zip(names, after_mps, strict=True):
            sumo.vehicle.setSpeed(name, float(speed_mps))
        sumo.simulationStep()
        if sumo.simulation.getCollidingVehiclesNumber():
            raise SystemExit(f"vehicles collided at {number * settings.dt_s:.1f} s")
        seen.append(_seen(sumo, names, first_m))
    sumo.close()
    is_automated = np.asarray(state.cars.is_automated)[:, 0] & (world.automated is not None)
    return is_automated, seen


def _start(sumo: ModuleType, asked: Asked, names: Sequence[str], position_m: Float[np.ndarray, " vehicle"]) -> None:
    """Put everybody where our own engine does, at rest."""
    settings = asked.settings
    options = ["-n", str(asked.net), "--step-length", str(settings.dt_s), "--step-method.ballistic", "true"]
    options += ["--no-step-log", "true", "--no-warnings", "true", "--time-to-teleport", "-1"]
    options += ["--collision.action", "warn", "--collision.mingap-factor", "0"]
    sumo.start(["sumo", *options])
    sumo.vehicletype.copy("DEFAULT_VEHTYPE", "ours")
    sumo.vehicletype.setLength("ours", settings.vehicle_length_m)
    sumo.vehicletype.setMinGap("ours", 0.0)
    sumo.vehicletype.setMaxSpeed("ours", 200.0)
    laps = 2 + int(settings.duration_s * 30 / settings.length_m)
    starts_m = _lane_starts_m(sumo)
    for name, along_m in zip(names, position_m, strict=True):
        quarter = max((one for one in QUARTERS if starts_m[f"{one}_0"] <= along_m + 1e-9), key=QUARTERS.index)
        first = QUARTERS.index(quarter)
        sumo.route.add(name, [*QUARTERS[first:], *(QUARTERS * laps)])
        place_m = min(along_m - starts_m[f"{quarter}_0"], sumo.lane.getLength(f"{quarter}_0"))
        sumo.vehicle.add(name, name, typeID="ours", depart="now", departPos=str(place_m), departSpeed="0")
        sumo.vehicle.setParameter(name, "insertionChecks", "none")
        sumo.vehicle.setSpeedMode(name, UNCHECKED)
    sumo.simulationStep()
    if sumo.vehicle.getIDCount() != len(names):
        raise SystemExit(f"SUMO put {sumo.vehicle.getIDCount()} of {len(names)} vehicles onto the ring")


def _lane_starts_m(sumo: ModuleType) -> dict[str, float]:
    """Return where on the lap each lane begins, those between quarters too."""
    starts_m: dict[str, float] = {}
    along_m = 0.0
    for quarter in QUARTERS:
        starts_m[f"{quarter}_0"] = along_m
        along_m += sumo.lane.getLength(f"{quarter}_0")
        (link,) = sumo.lane.getLinks(f"{quarter}_0")
        between = link[4]
        starts_m[between] = along_m
        along_m += sumo.lane.getLength(between)
    return starts_m | {"": along_m}


def _seen(sumo: ModuleType, names: Sequence[str], first_m: dict[str, float]) -> Seen:
    speed_mps = np.array([sumo.vehicle.getSpeed(name) for name in names])
    along_m = [first_m[sumo.vehicle.getLaneID(name)] + sumo.vehicle.getLanePosition(name) for name in names]
    number = {name: index for index, name in enumerate(names)}
    ahead = [sumo.vehicle.getLeader(name, first_m[""]) for name in names]
    return Seen(
        position_m=np.array(along_m),
        speed_mps=speed_mps,
        gap_m=np.array([one[1] if one and one[0] else FREE_GAP_M for one in ahead]),
        leader_mps=np.array([
            speed_mps[number[one[0]] if one and one[0] else own] for own, one in enumerate(ahead)
        ]),
    )  # fmt: skip


@jax.jit
def _decided(world: World, state: State, now: Seen) -> tuple[Array, tuple[Memory, Memory]]:
    """Return how everybody wants to accelerate, and what they then remember; slot k follows slot k - 1."""
    speed_mps, gap_m = now.speed_mps[:, None], now.gap_m[:, None]
    view = View(
        speed_mps,
        gap_m,
        now.leader_mps[:, None],
        jnp.full_like(speed_mps, world.limit_mps),
        world.dt_s,
        jnp.roll(gap_m, -1, axis=0),
        jnp.roll(speed_mps, -1, axis=0),
        jnp.full_like(speed_mps, jnp.mean(speed_mps)),
        Draws(world.seed, state.cars.vehicle, state.step),
    )
    return decide(world, state, view, is_noisy=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
