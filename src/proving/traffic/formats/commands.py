"""`proving traffic import`: read other simulators' files, say what is in them, write them for SUMO."""

import json as json_format
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

app = App(name="import", help="Read road networks of other simulators and maps; write them for SUMO.")


@app.default
def import_files(
    file: Path,
    /,
    *,
    demand: tuple[Path, ...] = (),
    seed: int = 0,
    out: Path | None = None,
    json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """Read a road network and its demand; print what is there and what was left out.

    Args:
        file: A .sumocfg, a SUMO .net.xml, a CityFlow roadnet .json; .gz too. With SUMO's netconvert also .osm,
            .xodr (OpenDRIVE), .net (VISUM), .inpx (VISSIM).
        demand: Files of demand that belong to it (.rou.xml, .add.xml; a CityFlow flow .json).
        seed: Chooses the types of vehicles that name a distribution.
        out: Write it for SUMO into this folder: plain files, and the network that netconvert makes of them.
        json: Print one JSON document.
    """
    from proving.traffic.formats import read, write_sumo

    read_in = read(file, demand, seed=seed)
    lanes = [lane for edge in read_in.road_map.edges for lane in edge.lanes]
    row = {
        "name": read_in.road_map.name,
        "edges": len(read_in.road_map.edges),
        "lanes": len(lanes),
        "lane_km": round(sum(lane.length_m for lane in lanes) / 1000, 3),
        "connections": len(read_in.road_map.connections),
        "junctions": len(read_in.road_map.junctions),
        "signals": len(read_in.road_map.signals),
        "vehicle_types": len(read_in.demand.types),
        "trips": len(read_in.demand.trips),
        "flows": len(read_in.demand.flows),
        "begin_s": read_in.begin_s,
    }
    if out is not None:
        write_sumo(read_in.road_map, read_in.demand, out)
    if json:
        left_out = dict(read_in.left_out)
        print(json_format.dumps(row | {"left_out": left_out, "left_out_lane_km": read_in.left_out_lane_m / 1000}))
        return 0
    width = max(len(name) for name in row)
    for name, value in row.items():
        print(f"{name:<{width}}  {value}")
    for name, count in read_in.left_out.items():
        print(f"left out: {count} x {name}")
    return 0
