// The gap of one vehicle: to the rear of the next one on its lane or on those that its route takes. Pure functions.

const FARTHEST_M = 500;

// Ways that leave each lane: Map from lane to [way's own lane, lane after it].
export function waysFrom(lanes) {
  const firstWay = lanes.count - lanes.ways.length / 2;
  const from = new Map();
  for (let i = 0; i < lanes.ways.length / 2; i++) {
    const before = lanes.ways[2 * i];
    if (!from.has(before)) from.set(before, []);
    from.get(before).push([firstWay + i, lanes.ways[2 * i + 1]]);
  }
  return { from, firstWay };
}

// Metres to the rear of the vehicle ahead, or null where there is none within `FARTHEST_M`.
export function gapAhead(people, self, route, lanes, ways) {
  let nearest = Infinity;
  let offset = -self.position;
  let lane = self.lane;
  let place = route.indexOf(edgeOf(lane, lanes, ways));
  for (let hop = 0; hop < 20 && offset < FARTHEST_M; hop++) {
    for (const other of people.get(lane) ?? []) {
      const far = offset + other.position - other.length;
      if (other.span !== self.span && offset + other.position > 0 && far < nearest) nearest = far;
    }
    if (nearest < Infinity) return nearest;
    offset += lanes.length[lane];
    const next = nextLane(lane, lanes, ways, route[(place + 1) % route.length]);
    if (next === undefined) return null;
    if (lanes.edge[next] >= 0) place++;
    lane = next;
  }
  return null;
}

function nextLane(lane, lanes, { from, firstWay }, edge) {
  if (lane >= firstWay) return lanes.ways[2 * (lane - firstWay) + 1];
  const out = from.get(lane) ?? [];
  const wanted = out.find(([, after]) => lanes.edge[after] === edge) ?? (edge === undefined ? undefined : out[0]);
  return wanted?.[0];
}

// The edge that a lane belongs to; of a way across a junction the one before it.
export const edgeOf = (lane, lanes, { firstWay }) => lanes.edge[lane >= firstWay ? lanes.ways[2 * (lane - firstWay)] : lane];
