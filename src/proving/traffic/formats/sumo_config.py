"""A whole SUMO scenario: a configuration (.sumocfg), or a network with demand files beside it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from proving.traffic.formats.sumo_demand import ROOTS, read_sumo_demand
from proving.traffic.formats.sumo_net import SumoNetwork, read_sumo_net
from proving.traffic.formats.xml_elements import Element, children_of_root
from proving.traffic.network import Demand, RoadMap


@dataclass(frozen=True, kw_only=True)
class Imported:
    """A road map and who drives on it, as another simulator's files say.

    Attributes:
        road_map: the map.
        demand: who wants to drive where.
        left_out: how many of what was not taken over.
        left_out_lane_m: length of lanes that were left out, because no motor vehicle may use them.
        begin_s: when the simulation starts.
        end_s: when it ends; infinite: when all have arrived.
        step_s: the step that it was made for.
    """

    road_map: RoadMap
    demand: Demand
    left_out: Counter[str]
    left_out_lane_m: float = 0.0
    begin_s: float = 0.0
    end_s: float = float("inf")
    step_s: float = 1.0


def read_sumo(file: Path, demand: Sequence[Path] = (), *, seed: int = 0) -> Imported:
    """Return what a .sumocfg names, or a .net.xml with demand and additional files.

    Args:
        file: the configuration or the network; .gz too.
        demand: files of demand and additional files, beside what a configuration names.
        seed: chooses the types of vehicles that name a distribution.

    Raises:
        BadNetwork: a file contradicts itself or another; one line names element, file and line.
        NoSuchFile: one of them is not there.
    """
    options: dict[str, Element] = {}
    network_file, files = file, list(demand)
    if ".sumocfg" in file.suffixes or file.name.endswith(".cfg"):
        options = _options(file)
        if "net-file" not in options:
            raise Element(tag="configuration", attributes={}, file=file, line=1).bad("names no net-file")
        network_file = file.parent / options["net-file"].text("value")
        named = [*_files(options, "additional-files", file), *_files(options, "route-files", file)]
        files = [*named, *files]
    signals: dict[str, Element] = {}
    for one in files:
        for element in children_of_root(one, ROOTS):
            if element.tag == "tlLogic":
                signals[element.text("id")] = element
    network = read_sumo_net(network_file, signals)
    end_s = options["end"].number("value") if "end" in options else -1.0
    end_s = end_s if end_s >= 0 else float("inf")
    people, left_out = read_sumo_demand(files, network, end_s=end_s, seed=seed)
    return Imported(
        road_map=network.road_map,
        demand=people,
        left_out=network.left_out + left_out,
        left_out_lane_m=network.left_out_lane_m,
        begin_s=options["begin"].number("value") if "begin" in options else 0.0,
        end_s=end_s,
        step_s=options["step-length"].number("value") if "step-length" in options else 1.0,
    )


def with_demand(network: SumoNetwork, files: Sequence[Path], *, seed: int = 0) -> Imported:
    """Return a network that is read already, with demand files for it."""
    people, left_out = read_sumo_demand(files, network, seed=seed)
    return Imported(
        road_map=network.road_map,
        demand=people,
        left_out=network.left_out + left_out,
        left_out_lane_m=network.left_out_lane_m,
    )


def _options(file: Path) -> dict[str, Element]:
    """Return the options of a configuration by name, wherever in it they stand."""
    options: dict[str, Element] = {}
    for section in children_of_root(file, ("configuration", "sumoConfiguration")):
        for option in (section, *section.children):
            if "value" in option.attributes:
                options[option.tag] = option
    return options


def _files(options: dict[str, Element], name: str, file: Path) -> list[Path]:
    if name not in options:
        return []
    return [file.parent / one.strip() for one in options[name].text("value").split(",") if one.strip()]
