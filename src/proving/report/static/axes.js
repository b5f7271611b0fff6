// Axes of a diagram: round ticks, units that fit the range, and their drawing.

const TIME_UNITS = [{ name: "s", size: 1, upTo: 600 }, { name: "min", size: 60, upTo: 3 * 3600 }, { name: "h", size: 3600, upTo: Infinity }];
const LENGTH_UNITS = [{ name: "m", size: 1, upTo: 5000 }, { name: "km", size: 1000, upTo: Infinity }];
export const MARGIN = { left: 58, right: 14, top: 10, bottom: 42 };

export const timeUnit = (seconds) => TIME_UNITS.find((unit) => seconds <= unit.upTo);
export const lengthUnit = (metres) => LENGTH_UNITS.find((unit) => metres <= unit.upTo);

// Round numbers from `low` to `high`, about `count` of them, and how many decimals they need.
export function roundTicks(low, high, count) {
  const rough = (high - low) / Math.max(1, count);
  if (!(rough > 0)) return { ticks: [low], decimals: 0 };
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999);
  const ticks = [];
  for (let index = Math.ceil(low / step - 1e-6); index * step <= high + step * 1e-6; index++) ticks.push(index * step);
  return { ticks, decimals: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
}

export const written = (value, decimals) => (value + 0).toFixed(decimals).replace(/^-(0(\.0*)?)$/, "$1").replace("-", "−");

// Draws grid, ticks and names around `box` ({x, y, width, height} in CSS pixels) for the real ranges in `shown`.
export function drawAxes(context, box, shown, look) {
  context.font = `12px ${look.font}`;
  context.lineWidth = 1;
  const time = { ...shown.time, unit: timeUnit(shown.time.high - shown.time.low), name: "time" };
  const position = { ...shown.position, unit: lengthUnit(shown.position.high - shown.position.low), name: "position" };
  for (const [axis, isTime] of [[time, true], [position, false]]) {
    const [low, high] = [axis.low / axis.unit.size, axis.high / axis.unit.size];
    const { ticks, decimals } = roundTicks(low, high, isTime ? box.width / 90 : box.height / 55);
    for (const tick of ticks) {
      const share = (tick - low) / (high - low || 1);
      drawTick(context, box, look, isTime, share, written(tick, decimals));
    }
  }
  context.strokeStyle = look.quiet;
  context.beginPath();
  context.moveTo(box.x - 0.5, box.y);
  context.lineTo(box.x - 0.5, box.y + box.height + 0.5);
  context.lineTo(box.x + box.width, box.y + box.height + 0.5);
  context.stroke();
  nameAxes(context, box, look, `time, ${time.unit.name}`, `position, ${position.unit.name}`);
}

function drawTick(context, box, look, isTime, share, text) {
  const x = isTime ? Math.round(box.x + share * box.width) + 0.5 : box.x;
  const y = isTime ? box.y + box.height : Math.round(box.y + (1 - share) * box.height) + 0.5;
  context.strokeStyle = look.rule;
  context.beginPath();
  context.moveTo(x, y);
  if (isTime) context.lineTo(x, box.y);
  else context.lineTo(box.x + box.width, y);
  context.stroke();
  context.fillStyle = look.quiet;
  context.textAlign = isTime ? "center" : "right";
  context.textBaseline = isTime ? "top" : "middle";
  context.fillText(text, isTime ? x : x - 7, isTime ? y + 7 : y);
}

function nameAxes(context, box, look, timeName, positionName) {
  context.fillStyle = look.ink;
  context.textAlign = "center";
  context.textBaseline = "bottom";
  context.fillText(timeName, box.x + box.width / 2, box.y + box.height + MARGIN.bottom);
  context.save();
  context.translate(13, box.y + box.height / 2);
  context.rotate(-Math.PI / 2);
  context.textBaseline = "middle";
  context.fillText(positionName, 0, 0);
  context.restore();
}
