"""One simulation by libsumo that is told step by step what to do: `python -m proving.traffic.sumo.stepped FD`.

A scene and then orders come in over that file descriptor, and a snapshot goes out for each; where nobody asks any more
it ends.
"""

import math
import sys
from collections.abc import Sequence
from multiprocessing.connection import Connection
from types import ModuleType

import numpy as np

from proving.traffic.sumo.session import Orders, Scene, Snapshot

# Farther ahead nobody looks for a leader.
LOOKS_M = 200.0
# SUMO's lane change mode of who only obeys; nobody changes lane on its own account.
STAYS = 512
# Who was told to go to a lane, or to stay in its own, does so for this long.
SIDE_S = 5.0


def main(arguments: Sequence[str]) -> int:
    """Begin the scene that comes first, and carry out orders until there are no more."""
    import libsumo

    link: Connection[Snapshot, Scene | Orders] = Connection(int(arguments[0]))
    scene = link.recv()
    assert isinstance(scene, Scene), "the first that is sent is a scene"
    libsumo.start(["sumo", *scene.options])
    simulation = _Simulation(libsumo, scene)
    link.send(simulation.after(Orders()))
    while True:
        try:
            orders = link.recv()
        except EOFError:
            break
        assert isinstance(orders, Orders), "after the scene only orders are sent"
        link.send(simulation.after(orders))
    libsumo.close()
    return 0


class _Simulation:
    """SUMO, and what its vehicles were told."""

    def __init__(self, sumo: ModuleType, scene: Scene) -> None:
        self._sumo, self._scene = sumo, scene
        self._places = _places(sumo, scene)
        self._told = set[str]()
        self._accel: dict[str, float] = {}

    def after(self, orders: Orders) -> Snapshot:
        """Return where everybody is after these orders and their steps."""
        sumo, arrived, collided = self._sumo, 0, 0
        for signal, colours in orders.colours.items():
            sumo.trafficlight.setRedYellowGreenState(signal, colours)
        for name, wish in orders.wish.items():
            self._tell(name, wish)
        for name, side in orders.side.items():
            sumo.vehicle.changeLaneRelative(name, side, SIDE_S)
        for _ in range(orders.step_count):
            self._accelerate()
            sumo.simulationStep()
            for name in sumo.simulation.getDepartedIDList():
                kind = sumo.vehicle.getTypeID(name)
                if kind in self._scene.told:
                    self._told.add(name)
                if kind in self._scene.stays:
                    sumo.vehicle.setLaneChangeMode(name, STAYS)
            gone = sumo.simulation.getArrivedIDList()
            for name in gone:
                self._told.discard(name)
                self._accel.pop(name, None)
            arrived += len(gone)
            collided += sumo.simulation.getCollidingVehiclesNumber()
        return self._snapshot(arrived, collided)

    def _tell(self, name: str, wish: float | None) -> None:
        vehicle = self._sumo.vehicle
        if self._scene.manner == "set_speed":
            top_mps = self._sumo.vehicletype.getMaxSpeed(vehicle.getTypeID(name).split("@")[0])
            vehicle.setMaxSpeed(name, top_mps if wish is None else min(wish, top_mps))
        elif wish is None:
            self._accel.pop(name, None)
            vehicle.setSpeed(name, -1)
        else:
            if name not in self._accel:
                vehicle.setAccel(name, self._scene.fastest_mps2)
                vehicle.setDecel(name, self._scene.braking_mps2)
            self._accel[name] = wish

    def _accelerate(self) -> None:
        """Tell those who were told an acceleration the speed that follows; SUMO's checks stay on."""
        sumo, step_s = self._sumo, self._sumo.simulation.getDeltaT()
        for name, accel_mps2 in self._accel.items():
            sumo.vehicle.setSpeed(name, max(sumo.vehicle.getSpeed(name) + accel_mps2 * step_s, 0.0))

    def _snapshot(self, arrived: int, collided: int) -> Snapshot:
        vehicle = self._sumo.vehicle
        names = tuple(vehicle.getIDList())
        at = [self._places.get(vehicle.getLaneID(name), (-1, 0.0)) for name in names]
        there = list(zip(names, at, strict=True))
        ahead = [self._ahead(name) for name in names]
        return Snapshot(
            names=names,
            lane=np.array([lane for lane, _ in at], dtype=np.int32),
            position_m=np.array([begin_m + vehicle.getLanePosition(name) for name, (_, begin_m) in there]),
            speed_mps=np.array([vehicle.getSpeed(name) for name in names]),
            waited_s=np.array([vehicle.getWaitingTime(name) for name in names]),
            driven_m=np.array([vehicle.getDistance(name) for name in names]),
            edges_done=np.array([vehicle.getRouteIndex(name) for name in names], dtype=np.int32),
            gap_m=np.array([gap_m for gap_m, _ in ahead]),
            leader_mps=np.array([speed_mps for _, speed_mps in ahead]),
            arrived=arrived,
            collided=collided,
        )

    def _ahead(self, name: str) -> tuple[float, float]:
        vehicle = self._sumo.vehicle
        found = vehicle.getLeader(name, LOOKS_M) if name in self._told else None
        if not found or not found[0]:
            return math.inf, vehicle.getSpeed(name)
        # SUMO's gap leaves out the one that the law keeps when standing.
        return found[1] + vehicle.getMinGap(name), vehicle.getSpeed(found[0])


def _places(sumo: ModuleType, scene: Scene) -> dict[str, tuple[int, float]]:
    """Return per lane of SUMO the engine's number of it, and where on that it begins."""
    places = {lane: (number, 0.0) for number, lane in enumerate(scene.lanes)}
    numbers = {way: len(scene.lanes) + number for number, way in enumerate(scene.ways)}
    for lane in scene.lanes:
        for link in sumo.lane.getLinks(lane):
            begin_m, inside = 0.0, link[4]
            while inside:
                # A way on which one may have to wait comes in two pieces.
                places[inside] = (numbers[lane, link[0]], begin_m)
                begin_m += sumo.lane.getLength(inside)
                inside = next((one[4] for one in sumo.lane.getLinks(inside)), "")
    return places


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
