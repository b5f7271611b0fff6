// Reads packed tracks: the other end of timespace.py, which says how they are laid out.

// Resolves to {time, position, speed}: Uint16Array, Uint16Array and Uint8Array with `count` whole numbers each.
export async function unpackPoints(base64, count) {
  const packed = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const planes = new Uint8Array(await new Response(stream).arrayBuffer());
  if (planes.length !== 5 * count) throw new Error(`tracks have ${planes.length} bytes for ${count} points of 5 bytes`);
  const points = { time: new Uint16Array(count), position: new Uint16Array(count), speed: new Uint8Array(count) };
  let [time, position, speed] = [0, 0, 0];
  for (let i = 0; i < count; i++) {
    // Typed arrays store modulo their width, and so undo what the packing did.
    points.time[i] = time += planes[i] | (planes[count + i] << 8);
    points.position[i] = position += planes[2 * count + i] | (planes[3 * count + i] << 8);
    points.speed[i] = speed += planes[4 * count + i];
  }
  return points;
}

// The lines of one panel: whose, where its points begin and end, drawn on top if automated.
export function linesOf(panel) {
  const automated = new Set(panel.automated);
  let start = 0;
  return panel.lineSizes.map((size, index) => {
    const vehicle = panel.lineVehicles[index];
    const line = { vehicle, isAutomated: automated.has(vehicle), start, end: start + size };
    start += size;
    return line;
  });
}
