"""`proving traffic import`: read another simulator's files, say what is in them and what was left out."""

import json as json_format
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

app = App(name="import", help="Read road networks of SUMO and CityFlow.")


@app.default
def import_files(
    file: Path,
    /,
    *,
    demand: tuple[Path, ...] = (),
    seed: int = 0,
    json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """Read a road network and its demand; print what is there and what was left out.

    Args:
        file: A .sumocfg, a SUMO .net.xml, or a CityFlow roadnet .json; .gz too.
        demand: Files of demand that belong to it (.rou.xml, .add.xml; a CityFlow flow .json).
        seed: Chooses the types of vehicles that name a distribution.
        json: Print one JSON document.
    """
    from proving.traffic.formats import read

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
