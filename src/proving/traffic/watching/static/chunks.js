// Reads chunks of moments: the other end of chunks.py, which says how they are laid out.

const HEAD_COUNT = 5;

export async function inflated(packed) {
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// Resolves to the spans of a chunk and, point after point, lanes, positions and speeds in whole steps. `breathe` is
// awaited between columns, so that a picture can be drawn meanwhile.
export async function readChunk(packed, breathe = () => {}) {
  const plain = await inflated(packed);
  const [first, momentCount, spanCount, pointCount, signalCount] = new Uint32Array(plain.buffer, 0, HEAD_COUNT);
  let at = 4 * HEAD_COUNT;
  const expected = at + 12 * spanCount + momentCount * signalCount + 8 * pointCount;
  if (plain.length !== expected) throw new Error(`a chunk has ${plain.length} bytes instead of ${expected}`);
  const numbers = () => {
    const column = new Uint32Array(plain.buffer, at, spanCount);
    at += 4 * spanCount;
    return column;
  };
  const chunk = { first, momentCount, spanCount, signalCount, trip: numbers(), begin: numbers(), size: numbers() };
  chunk.start = new Uint32Array(spanCount);
  for (let span = 1; span < spanCount; span++) chunk.start[span] = chunk.start[span - 1] + chunk.size[span - 1];
  chunk.phase = plain.subarray(at, at + momentCount * signalCount);
  at += momentCount * signalCount;
  chunk.lane = summed(plain, at, chunk, new Uint32Array(pointCount), 3);
  await breathe();
  chunk.position = summedTwice(plain, at + 3 * pointCount, chunk, new Uint32Array(pointCount));
  await breathe();
  chunk.speed = summed(plain, at + 6 * pointCount, chunk, new Uint16Array(pointCount), 2);
  return chunk;
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
