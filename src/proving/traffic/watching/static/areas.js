// Cuts outlines into triangles, ear by ear. Pure functions.

const turn = (ax, ay, bx, by, cx, cy) => (bx - ax) * (cy - ay) - (by - ay) * (cx - ax);

// Corners of the triangles of an outline x, y, x, y, ... as indices of its points; either way round.
export function trianglesOf(outline) {
  const at = (i) => [outline[2 * i], outline[2 * i + 1]];
  let left = Array.from({ length: outline.length / 2 }, (_, i) => i);
  const area = left.reduce((sum, i) => {
    const [[ax, ay], [bx, by]] = [at(i), at((i + 1) % left.length)];
    return sum + ax * by - bx * ay;
  }, 0);
  if (area < 0) left.reverse();
  const triangles = [];
  while (left.length > 3) {
    const ear = left.findIndex((_, i) => isEar(left, i, at));
    // An outline that crosses itself has no ear at some point: what is cut by then is most of it.
    if (ear < 0) break;
    triangles.push(...[-1, 0, 1].map((by) => left[(ear + by + left.length) % left.length]));
    left = left.filter((_, i) => i !== ear);
  }
  if (left.length === 3) triangles.push(...left);
  return triangles;
}

function isEar(left, i, at) {
  const [a, b, c] = [-1, 0, 1].map((by) => left[(i + by + left.length) % left.length]);
  if (turn(...at(a), ...at(b), ...at(c)) <= 0) return false;
  return left.every((other) => {
    if (other === a || other === b || other === c) return true;
    const inside = [[a, b], [b, c], [c, a]].every(([from, to]) => turn(...at(from), ...at(to), ...at(other)) >= 0);
    return !inside;
  });
}
