// Reads reels of moments: the other end of reels.py, which says how they are laid out.

const HEAD_COUNT = 5;

export async function inflated(packed) {
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// Resolves to the spans of a reel and, point after point, lanes, positions and speeds in whole steps. `breathe` is
// awaited between columns, so that a picture can be drawn meanwhile.
export async function readReel(packed, breathe = () => {}) {
  const plain = await inflated(packed);
  const [first, momentCount, spanCount, pointCount, signalCount] = new Uint32Array(plain.buffer, 0, HEAD_COUNT);
  let at = 4 * HEAD_COUNT;
  const expected = at + 12 * spanCount + momentCount * signalCount + 8 * pointCount;
  if (plain.length !== expected) throw new Error(`a reel has ${plain.length} bytes instead of ${expected}`);
  const numbers = () => {
    const column = new Uint32Array(plain.buffer, at, spanCount);
    at += 4 * spanCount;
    return column;
  };
  const reel = { first, momentCount, spanCount, signalCount, trip: numbers(), begin: numbers(), size: numbers() };
  reel.start = new Uint32Array(spanCount);
  for (let span = 1; span < spanCount; span++) reel.start[span] = reel.start[span - 1] + reel.size[span - 1];
  reel.phase = plain.subarray(at, at + momentCount * signalCount);
  at += momentCount * signalCount;
  reel.lane = summed(plain, at, reel, new Uint32Array(pointCount), 3);
  await breathe();
  reel.position = summedTwice(plain, at + 3 * pointCount, reel, new Uint32Array(pointCount));
  await breathe();
  reel.speed = summed(plain, at + 6 * pointCount, reel, new Uint16Array(pointCount), 2);
  return reel;
}

function summed(plain, at, { start, size }, column, width) {
  const count = column.length;
  const mask = 2 ** (8 * width) - 1;
  const high = width > 2 ? at + 2 * count : -1;
  for (let span = 0; span < start.length; span++) {
    let sum = 0;
    for (let i = start[span], end = i + size[span]; i < end; i++) {
      sum = (sum + (plain[at + i] | (plain[at + count + i] << 8) | (high < 0 ? 0 : plain[high + i] << 16))) & mask;
      column[i] = sum;
    }
  }
  return column;
}

function summedTwice(plain, at, { start, size }, column) {
  const count = column.length;
  const value = (i) => plain[at + i] | (plain[at + count + i] << 8) | (plain[at + 2 * count + i] << 16);
  for (let span = 0; span < start.length; span++) {
    const begin = start[span];
    let sum = (column[begin] = value(begin));
    let moved = 0;
    for (let i = begin + 1, end = begin + size[span]; i < end; i++) {
      moved = (moved + value(i)) & 0xffffff;
      column[i] = sum = (sum + moved) & 0xffffff;
    }
  }
  return column;
}
