// The visible stretch of time, and texts for times. Pure: no page, no canvas.

const SPAN_MIN_US = 200;

/** Moves a stretch into the run, as long as it is, and not shorter than can be seen. */
function clampView(view, endUs) {
  const span = Math.min(Math.max(view.end - view.start, SPAN_MIN_US), Math.max(endUs, SPAN_MIN_US));
  const start = Math.min(Math.max(view.start, 0), Math.max(endUs - span, 0));
  return { start, end: start + span };
}

/** Zooms by a factor around a point that stays where it is; below one is closer. */
function zoomView(view, factor, anchorUs, endUs) {
  const span = Math.min(Math.max((view.end - view.start) * factor, SPAN_MIN_US), endUs);
  const part = (anchorUs - view.start) / (view.end - view.start);
  const start = anchorUs - span * part;
  return clampView({ start, end: start + span }, endUs);
}

function panView(view, byUs, endUs) {
  return clampView({ start: view.start + byUs, end: view.end + byUs }, endUs);
}

/** Round times for an axis, at most about so many. */
function axisTicks(view, most) {
  const rough = (view.end - view.start) / most;
  const decade = 10 ** Math.floor(Math.log10(rough));
  const step = decade * [1, 2, 5, 10].find((nice) => nice * decade >= rough);
  const ticks = [];
  for (let n = Math.ceil(view.start / step); n * step <= view.end; n++) ticks.push(n * step);
  return { ticks, step };
}

/** A point in time with as many decimals as the step needs. */
function tickText(us, step) {
  const decimals = Math.max(0, Math.min(6, 6 - Math.floor(Math.log10(step))));
  return `${(us / 1e6).toFixed(decimals)} s`;
}

function momentText(us) {
  return `${(us / 1e6).toFixed(6)} s`;
}

function durationText(us) {
  if (us < 1e3) return `${us} µs`;
  const [value, unit] = us < 1e6 ? [us / 1e3, "ms"] : [us / 1e6, "s"];
  return `${value >= 100 ? value.toFixed(0) : value.toFixed(1).replace(/\.0$/, "")} ${unit}`;
}

/** What the address asks for: #op=123, #t=1.5..2.5 (seconds), #theme=dark; joined by &. */
function parseHash(hash) {
  const wanted = {};
  for (const part of hash.replace(/^#/, "").split("&")) {
    const [name, value = ""] = part.split("=");
    if (name === "op" && /^\d{1,15}$/.test(value)) wanted.op = Number(value);
    if (name === "theme" && (value === "dark" || value === "light")) wanted.theme = value;
    const span = name === "t" && /^(\d+(?:\.\d+)?)s?\.\.(\d+(?:\.\d+)?)s?$/.exec(value);
    if (span) wanted.view = { start: Number(span[1]) * 1e6, end: Number(span[2]) * 1e6 };
  }
  return wanted;
}
