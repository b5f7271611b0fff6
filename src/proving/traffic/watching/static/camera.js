// Which part of the plane is shown: the place in the middle and how many pixels a metre takes. Pure functions.

export const fitted = ([west, south, east, north], [width, height], margin) => {
  const scale = Math.min((width - 2 * margin) / Math.max(east - west, 1), (height - 2 * margin) / Math.max(north - south, 1));
  return { x: (west + east) / 2, y: (south + north) / 2, scale: Math.min(scale, 40) };
};

export const onScreen = (camera, [width, height], x, y) => [
  width / 2 + (x - camera.x) * camera.scale,
  height / 2 - (y - camera.y) * camera.scale,
];

export const onGround = (camera, [width, height], px, py) => [
  camera.x + (px - width / 2) / camera.scale,
  camera.y - (py - height / 2) / camera.scale,
];

// What lies under a pixel stays there.
export function zoomedAt(camera, size, factor, px, py, [smallest, largest]) {
  const scale = Math.min(largest, Math.max(smallest, camera.scale * factor));
  const [x, y] = onGround(camera, size, px, py);
  return { x: x - (px - size[0] / 2) / scale, y: y + (py - size[1] / 2) / scale, scale };
}

// Some of the map stays in the picture, however far one pans or zooms into the ground beside it.
export function keptNear(camera, [west, south, east, north], [width, height]) {
  const [across, along] = [width, height].map((px) => (0.4 * px) / camera.scale);
  const within = (value, least, most) => Math.min(most, Math.max(least, value));
  return { ...camera, x: within(camera.x, west - across, east + across), y: within(camera.y, south - along, north + along) };
}

export const pannedBy = (camera, px, py) => ({ ...camera, x: camera.x - px / camera.scale, y: camera.y + py / camera.scale });

// A round number of metres that takes at most so many pixels.
export function scaleBar(scale, mostPx) {
  const metres = mostPx / scale;
  const power = 10 ** Math.floor(Math.log10(metres));
  const length = [5, 2, 1].map((factor) => factor * power).find((one) => one <= metres);
  return { px: length * scale, text: length >= 1000 ? `${length / 1000} km` : `${length} m` };
}
