"""Write FLOW's grid with its signals for SUMO, read it back, and see that right of way survived."""

from pathlib import Path

from proving.traffic.formats import read_sumo, write_sumo
from proving.traffic.roads import SignalGrid

grid = SignalGrid()
road_map = grid.road_map()
*_, demand_file, net_file = write_sumo(road_map, grid.demand(), Path("grid"))
back = read_sumo(net_file, [demand_file]).road_map
before, after = (
    {way.name: {one.connections[i].name for i in way.yields_to} for way in one.connections} for one in (road_map, back)
)
assert before == after
print(f"wrote {net_file} and {demand_file}: {len(back.edges)} edges, {len(back.connections)} connections")
print("for SUMO: sumo -n grid/grid.net.xml -r grid/grid.rou.xml")
