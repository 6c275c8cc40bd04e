// Draws the operations: few as bars with labels, many as one pixel per lane and column.

const BARS_MAX = 4000;
const AXIS_HEIGHT = 24;
const LANE_HEIGHT_MAX = 30;
const LANES_HEIGHT_MAX = 600;

/** Colours as the browser resolved them: light, dark or forced. */
function palette() {
  const probe = document.createElement("span");
  document.body.append(probe);
  const colour = (name) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  const names = ["ok", "fail", "info", "ink", "soft", "line", "sunk", "band", "fault", "bad"];
  const colours = Object.fromEntries(names.map((name) => [name, colour(name)]));
  probe.remove();
  colours.outcomes = [colours.ok, colours.fail, colours.info];
  return colours;
}

/** Red, green, blue of a resolved colour, by painting it. */
function rgb(colour) {
  const pen = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  pen.fillStyle = colour;
  pen.fillRect(0, 0, 1, 1);
  return pen.getImageData(0, 0, 1, 1).data;
}

/** The severities as a picture of one pixel a column and a row. */
function rasterImage(pixels, width, rows, colours) {
  const paints = [null, ...colours.outcomes.map(rgb)];
  const image = new ImageData(width, rows);
  for (let i = 0; i < pixels.length; i++) {
    const paint = paints[pixels[i]];
    if (!paint) continue;
    image.data[i * 4] = paint[0];
    image.data[i * 4 + 1] = paint[1];
    image.data[i * 4 + 2] = paint[2];
    image.data[i * 4 + 3] = pixels[i] === 1 ? 190 : 255;
  }
  const canvas = new OffscreenCanvas(width, rows);
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

/** Fits a canvas to its box and gives a pen in CSS pixels. */
function penFor(canvas, cssHeight) {
  const ratio = Math.min(window.devicePixelRatio || 1, 2);
  const cssWidth = canvas.clientWidth;
  canvas.width = Math.max(1, Math.round(cssWidth * ratio));
  canvas.height = Math.max(1, Math.round(cssHeight * ratio));
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  return pen;
}

/** Where things are: the gutter with names at the left, the axis at the bottom. */
function layoutFor(ops, cssWidth) {
  const gutter = cssWidth > 700 ? 104 : 62;
  const laneHeight = Math.min(LANE_HEIGHT_MAX, LANES_HEIGHT_MAX / ops.lanes);
  const height = Math.max(60, Math.round(laneHeight * ops.lanes));
  return { gutter, laneHeight: height / ops.lanes, height, width: Math.max(1, cssWidth - gutter) };
}

function drawBands(pen, ops, view, place, colours, withNames) {
  const x = (us) => place.left + ((us - view.start) / (view.end - view.start)) * place.width;
  pen.save();
  pen.beginPath();
  pen.rect(place.left, 0, place.width, place.height);
  pen.clip();
  pen.font = "600 11px system-ui, sans-serif";
  for (const band of ops.bands) {
    if (band.endUs < view.start || band.startUs > view.end) continue;
    const left = x(band.startUs), right = Math.max(x(band.endUs), left + 1);
    pen.fillStyle = colours.band;
    pen.fillRect(left, 0, right - left, place.height);
    if (!withNames) continue;
    pen.fillStyle = colours.fault;
    pen.fillRect(left, place.height - 2, right - left, 2);
  }
  pen.restore();
}

function drawNames(pen, ops, layout, colours) {
  pen.fillStyle = colours.soft;
  pen.font = "11.5px ui-monospace, monospace";
  pen.textAlign = "right";
  pen.textBaseline = "middle";
  const every = Math.max(1, Math.ceil(14 / layout.laneHeight));
  for (let lane = 0; lane < ops.lanes; lane += every) {
    const name = layout.gutter > 70 ? `client ${lane}` : String(lane);
    pen.fillText(name, layout.gutter - 12, (lane + 0.5) * layout.laneHeight);
  }
}

function drawAxis(pen, view, layout, colours) {
  const { ticks, step } = axisTicks(view, Math.max(2, layout.width / 110));
  pen.font = "11.5px system-ui, sans-serif";
  pen.textAlign = "center";
  pen.textBaseline = "top";
  for (const tick of ticks) {
    const x = layout.gutter + ((tick - view.start) / (view.end - view.start)) * layout.width;
    pen.fillStyle = colours.line;
    pen.fillRect(x, 0, 1, layout.height + 4);
    pen.fillStyle = colours.soft;
    const half = 30;
    if (x > layout.gutter + half && x < layout.gutter + layout.width - half) {
      pen.fillText(tickText(tick, step), x, layout.height + 8);
    }
  }
}

/** One bar. Its label begins with a mark where the outcome is not ok: colour is not enough. */
function drawBar(pen, ops, i, box, colours) {
  const isOpen = ops.completion[i] === 0;
  const paint = colours.outcomes[ops.outcome[i]];
  if (isOpen) {
    const fade = pen.createLinearGradient(box.x, 0, box.x + Math.min(box.width, 160), 0);
    fade.addColorStop(0, paint);
    fade.addColorStop(1, "transparent");
    pen.fillStyle = fade;
  } else {
    pen.fillStyle = paint;
  }
  pen.globalAlpha = ops.outcome[i] === 0 ? 0.72 : 1;
  pen.fillRect(box.x, box.y, Math.max(box.width, 1.5), box.height);
  pen.globalAlpha = 1;
  if (box.width < 44 || box.height < 11) return;
  const op = operationAt(ops, i);
  const mark = op.outcome === "ok" ? "" : op.outcome === "fail" ? "✕ " : "? ";
  const text = mark + (op.key ? `${op.key}: ` : "") + op.text;
  pen.save();
  pen.beginPath();
  pen.rect(box.x, box.y, box.width - 3, box.height);
  pen.clip();
  pen.fillStyle = "#10141a";
  pen.fillText(text.slice(0, 80), Math.max(box.x, box.left) + 5, box.y + box.height / 2 + 0.5);
  pen.restore();
}

function drawBars(pen, ops, lanes, view, layout, colours) {
  const scale = layout.width / (view.end - view.start);
  const pad = layout.laneHeight > 8 ? Math.min(5, layout.laneHeight * 0.16) : 0;
  pen.font = "11px ui-monospace, monospace";
  pen.textAlign = "left";
  pen.textBaseline = "middle";
  for (let lane = 0; lane < ops.lanes; lane++) {
    const [first, last] = visibleRange(ops, lanes, lane, view);
    for (let at = first; at < last; at++) {
      const i = lanes.order[at];
      const left = layout.gutter + Math.max(-20, (ops.begin[i] - view.start) * scale);
      const end = Math.min(layout.width + 20, (barEnd(ops, i) - view.start) * scale);
      const y = lane * layout.laneHeight + pad;
      const width = layout.gutter + end - left;
      const box = { x: left, y, width, height: layout.laneHeight - 2 * pad, left: layout.gutter };
      drawBar(pen, ops, i, box, colours);
    }
  }
}

/** A frame around the operations of the counterexample and the picked one. */
function drawFrames(pen, ops, view, layout, colours, picked) {
  const scale = layout.width / (view.end - view.start);
  const frame = (i, paint, width) => {
    const left = layout.gutter + (ops.begin[i] - view.start) * scale;
    const right = layout.gutter + (barEnd(ops, i) - view.start) * scale;
    if (right < layout.gutter || left > layout.gutter + layout.width) return;
    const y = (ops.process[i] % ops.lanes) * layout.laneHeight;
    pen.strokeStyle = paint;
    pen.lineWidth = width;
    pen.strokeRect(left - 1.5, y + 1.5, Math.max(4, right - left) + 3, layout.laneHeight - 3);
  };
  for (const i of ops.evidence) frame(i, colours.bad, 2);
  if (picked >= 0) frame(picked, colours.ink, 2);
}

/** The whole picture; gives how it was drawn, for whoever wants to know. */
function drawTimeline(canvas, ops, lanes, view, picked, colours) {
  const layout = layoutFor(ops, canvas.clientWidth);
  canvas.style.height = `${layout.height + AXIS_HEIGHT}px`;
  const pen = penFor(canvas, layout.height + AXIS_HEIGHT);
  const place = { left: layout.gutter, width: layout.width, height: layout.height };
  drawBands(pen, ops, view, place, colours, true);
  drawAxis(pen, view, layout, colours);
  const visible = countVisible(ops, lanes, view);
  pen.save();
  pen.beginPath();
  pen.rect(layout.gutter, 0, layout.width, layout.height);
  pen.clip();
  if (visible > BARS_MAX) {
    const width = Math.max(1, Math.round(layout.width));
    const rows = Math.min(ops.lanes, Math.floor(layout.height));
    const image = rasterImage(severities(ops, lanes, view, width, rows), width, rows, colours);
    pen.imageSmoothingEnabled = false;
    pen.drawImage(image, layout.gutter, 0, layout.width, layout.height);
    if (layout.laneHeight > 6) {
      pen.fillStyle = colours.sunk;
      for (let lane = 0; lane <= ops.lanes; lane++) {
        pen.fillRect(layout.gutter, lane * layout.laneHeight - 1.5, layout.width, 3);
      }
    }
  } else {
    drawBars(pen, ops, lanes, view, layout, colours);
  }
  drawFrames(pen, ops, view, layout, colours, picked);
  pen.restore();
  drawNames(pen, ops, layout, colours);
  return { layout, visible };
}

/** The map: the whole run, drawn once, and the visible part in a frame. */
function drawMinimap(canvas, ops, view, colours, image) {
  const pen = penFor(canvas, 44);
  const width = canvas.clientWidth;
  const whole = { start: 0, end: Math.max(ops.endUs, 1) };
  drawBands(pen, ops, whole, { left: 0, width, height: 44 }, colours, false);
  pen.imageSmoothingEnabled = false;
  pen.drawImage(image, 0, 5, width, 34);
  const x = (us) => (us / whole.end) * width;
  pen.fillStyle = colours.bad;
  for (const i of ops.evidence) pen.fillRect(x(ops.begin[i]) - 1, 0, 3, 44);
  pen.fillStyle = colours.sunk;
  pen.globalAlpha = 0.72;
  pen.fillRect(0, 0, x(view.start), 44);
  pen.fillRect(x(view.end), 0, width - x(view.end), 44);
  pen.globalAlpha = 1;
  pen.strokeStyle = colours.ink;
  pen.lineWidth = 1.5;
  const left = x(view.start);
  pen.strokeRect(left + 0.75, 0.75, Math.max(5, x(view.end) - left) - 1.5, 42.5);
}
