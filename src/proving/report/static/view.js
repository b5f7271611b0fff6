// Which part of time and position a diagram shows, as ranges of packed whole numbers. Pure functions.

const SMALLEST_SHARE = 1 / 2000;

export function zoomed(range, full, factor, anchor) {
  const fullSize = full[1] - full[0];
  const size = Math.min(fullSize, Math.max(fullSize * SMALLEST_SHARE, (range[1] - range[0]) * factor));
  const share = (anchor - range[0]) / (range[1] - range[0]);
  return inside([anchor - share * size, anchor + (1 - share) * size], full);
}

export function panned(range, full, distance) {
  return inside([range[0] + distance, range[1] + distance], full);
}

function inside([low, high], full) {
  const shift = Math.max(0, full[0] - low) - Math.max(0, high - full[1]);
  return [low + shift, high + shift];
}

// The points of `line` from one before the shown time to one after it, as [first, end).
export function shownPoints(time, line, [low, high]) {
  const first = firstFrom(time, line.start, line.end, low);
  const end = firstFrom(time, first, line.end, high);
  return [Math.max(line.start, first - 1), Math.min(line.end, end + 1)];
}

export function firstFrom(time, start, end, wanted) {
  while (start < end) {
    const middle = (start + end) >> 1;
    if (time[middle] < wanted) start = middle + 1;
    else end = middle;
  }
  return start;
}
