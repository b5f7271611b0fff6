"""Files of other simulators: read them as a road map and its demand, and write them for SUMO."""

from collections.abc import Sequence
from pathlib import Path

from proving.traffic.errors import BadSettings
from proving.traffic.formats.cityflow import read_cityflow
from proving.traffic.formats.netconvert import OPTIONS, netconvert_path, read_by_netconvert
from proving.traffic.formats.routing import Router
from proving.traffic.formats.sumo_config import Imported, read_sumo, with_demand
from proving.traffic.formats.sumo_demand import read_sumo_demand
from proving.traffic.formats.sumo_export import write_sumo
from proving.traffic.formats.sumo_net import SumoNetwork, read_sumo_net

__all__ = [
    "Imported",
    "Router",
    "SumoNetwork",
    "netconvert_path",
    "read",
    "read_by_netconvert",
    "read_cityflow",
    "read_sumo",
    "read_sumo_demand",
    "read_sumo_net",
    "write_sumo",
]


def read(file: Path, demand: Sequence[Path] = (), *, seed: int = 0) -> Imported:
    """Return what a file of a kind that we know says; the kind is told by its name.

    Raises:
        BadSettings: the name tells no kind that we know.
        BadNetwork: the file contradicts itself; one line names the element.
    """
    name = file.name.removesuffix(".gz")
    if name.endswith(".json"):
        if len(demand) > 1:
            raise BadSettings(f"{file}: a CityFlow network takes one flow file, not {len(demand)}")
        return read_cityflow(file, *demand)
    if name.endswith((".net.xml", ".sumocfg", ".cfg")):
        return read_sumo(file, demand, seed=seed)
    if name.removesuffix(".xml").endswith(tuple(OPTIONS)):
        network = read_by_netconvert(file)
        return with_demand(network, demand, seed=seed)
    raise BadSettings(
        f"{file}: expected a .sumocfg, a SUMO .net.xml, a CityFlow .json, "
        f"or what netconvert reads: {', '.join(OPTIONS)}"
    )
