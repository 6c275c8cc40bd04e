// Wheel, pinch, drag, keys, tooltip, table and links of the timeline.

const TABLE_ROWS = 100;

/** An element with a text; data never becomes markup. */
function element(name, text, className) {
  const node = document.createElement(name);
  if (text !== undefined) node.textContent = text;
  if (className) node.className = className;
  return node;
}

function describe(op, into) {
  const took = op.isOpen ? "never completed" : `took ${durationText(op.lengthUs)}`;
  const lines = [
    `${op.outcome}${op.error ? `: ${op.error}` : ""}`,
    `process ${op.process}${op.node ? ` on ${op.node}` : ""}${op.key ? `, key ${op.key}` : ""}`,
    `event #${op.index} at ${momentText(op.beginUs)}, ${took}`,
  ];
  into.replaceChildren(element("strong", op.text), ...lines.map((line) => element("div", line)));
}

function tableRow(op) {
  const row = element("tr");
  const cells = [
    [`#${op.index}`, "number"], [momentText(op.beginUs), "number"],
    [op.isOpen ? "open" : durationText(op.lengthUs), "number"], [op.process, "number"],
    [op.node], [op.key], [op.text],
  ];
  for (const [text, className] of cells) row.append(element("td", text, className));
  const outcome = element("span", undefined, "outcome");
  outcome.append(element("i", undefined, `mark ${op.outcome}`), op.outcome);
  const cell = element("td");
  cell.append(outcome);
  row.append(cell);
  return row;
}

/** The visible operations as a table, for those who cannot see the canvas. */
function fillTable(ops, view) {
  const isVisible = (i) => ops.begin[i] <= view.end && barEnd(ops, i) >= view.start
    && (ops.completion[i] || ops.begin[i] >= view.start);
  const rows = [];
  for (let i = 0; i < ops.count && rows.length < TABLE_ROWS; i++) {
    if (isVisible(i)) rows.push(tableRow(operationAt(ops, i)));
  }
  document.getElementById("visible").replaceChildren(...rows);
  document.getElementById("table-title").textContent =
    `The first ${rows.length} visible operations as a table`;
}

/** A view of these operations with some room around them. */
function viewAround(ops, positions) {
  const start = Math.min(...positions.map((i) => ops.begin[i]));
  const end = Math.max(...positions.map((i) => ops.begin[i] + ops.length[i]));
  const margin = Math.max((end - start) * 0.35, 1000);
  return { start: start - margin, end: end + margin };
}

/** The box below the map: what is known of one operation, and its link. */
function showPicked(ops, i) {
  const box = document.getElementById("picked");
  box.hidden = i < 0;
  if (i < 0) return;
  const op = operationAt(ops, i);
  describe(op, box);
  const link = element("a", `Link to this operation: #op=${op.index}`);
  link.href = `#op=${op.index}`;
  box.append(link);
}

function windowText(view, visible) {
  const start = momentText(view.start).replace(/\d{3} s$/, " s");
  const count = visible.toLocaleString("en").replaceAll(",", "\u202f");
  return `${start} + ${durationText(Math.round(view.end - view.start))}, ${count} operations`;
}

/** The state of the timeline, and everything that changes it. */
function timeline(ops) {
  const byId = (id) => document.getElementById(id);
  const canvas = byId("lanes"), minimap = byId("minimap"), tooltip = byId("tooltip");
  const lanes = indexLanes(ops);
  const whole = { start: 0, end: Math.max(ops.endUs, SPAN_MIN_US) };
  let view = whole, picked = -1, colours, image, drawn, frame = 0, tableTimer = 0;

  const redraw = () => {
    if (!frame) frame = requestAnimationFrame(() => { frame = 0; draw(); });
  };
  const draw = () => {
    drawn = drawTimeline(canvas, ops, lanes, view, picked, colours);
    drawMinimap(minimap, ops, view, colours, image);
    byId("window").textContent = windowText(view, drawn.visible);
    clearTimeout(tableTimer);
    tableTimer = setTimeout(() => fillTable(ops, view), 150);
  };
  const repaint = () => {
    colours = palette();
    const width = Math.max(1, Math.round(minimap.clientWidth));
    const rows = Math.min(ops.lanes, 34);
    image = rasterImage(severities(ops, lanes, whole, width, rows), width, rows, colours);
    draw();
  };
  const show = (next) => {
    view = clampView(next, whole.end);
    tooltip.hidden = true;
    redraw();
  };
  const toEvidence = () => { if (ops.evidence.length) show(viewAround(ops, ops.evidence)); };
  const pick = (i) => {
    picked = i;
    showPicked(ops, i);
    redraw();
  };
  const toOperation = (event) => {
    const i = operationOfEvent(ops, event);
    if (i < 0) return false;
    pick(i);
    const near = viewAround(ops, [i]);
    const span = Math.max(near.end - near.start, 20 * (ops.length[i] || 1000));
    const middle = ops.begin[i] + ops.length[i] / 2;
    show({ start: middle - span / 2, end: middle + span / 2 });
    return true;
  };
  const usPerPixel = () => (view.end - view.start) / drawn.layout.width;
  const timeAt = (x) => view.start + (x - drawn.layout.gutter) * usPerPixel();
  const operationAtPoint = (x, y) => {
    const lane = Math.floor(y / drawn.layout.laneHeight);
    if (x < drawn.layout.gutter || lane < 0 || lane >= ops.lanes) return -1;
    return operationNear(ops, lanes, lane, timeAt(x), 4 * usPerPixel());
  };
  const actions = {
    in: () => show(zoomView(view, 0.5, (view.start + view.end) / 2, whole.end)),
    out: () => show(zoomView(view, 2, (view.start + view.end) / 2, whole.end)),
    left: () => show(panView(view, (view.start - view.end) * 0.25, whole.end)),
    right: () => show(panView(view, (view.end - view.start) * 0.25, whole.end)),
    all: () => show(whole),
    evidence: toEvidence,
  };
  const api = {
    canvas, minimap, tooltip, actions, show, pick, toOperation, repaint, timeAt, operationAtPoint,
    view: () => view, endUs: whole.end, ops,
  };
  connectPointer(api);
  connectKeys(api);
  connectMinimap(api);
  return api;
}

/** Drag moves, two fingers or a wheel zoom, a click picks, hovering tells. */
function connectPointer(line) {
  const { canvas } = line;
  const pointers = new Map();
  let moved = 0;
  const local = (event) => {
    const box = canvas.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  canvas.addEventListener("wheel", (event) => {
    // An unfocused canvas lets the page scroll; a pinch on a touch pad arrives with ctrlKey.
    if (!event.ctrlKey && document.activeElement !== canvas) return;
    event.preventDefault();
    const span = line.view().end - line.view().start;
    if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      line.show(panView(line.view(), ((event.deltaX || event.deltaY) / 800) * span, line.endUs));
    } else {
      const factor = Math.exp(Math.max(-60, Math.min(60, event.deltaY)) * 0.006);
      line.show(zoomView(line.view(), factor, line.timeAt(local(event).x), line.endUs));
    }
  }, { passive: false });
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, local(event));
    moved = 0;
  });
  canvas.addEventListener("pointermove", (event) => {
    const now = local(event), before = pointers.get(event.pointerId);
    if (!before) return hover(line, now);
    const usPerPixel = line.timeAt(1) - line.timeAt(0);
    if (pointers.size === 1) {
      line.show(panView(line.view(), (before.x - now.x) * usPerPixel, line.endUs));
      canvas.classList.add("dragging");
    } else if (pointers.size === 2) {
      const [other] = [...pointers].filter(([id]) => id !== event.pointerId).map(([, at]) => at);
      const distance = (at) => Math.max(10, Math.abs(at.x - other.x));
      const factor = distance(before) / distance(now);
      line.show(zoomView(line.view(), factor, line.timeAt(other.x), line.endUs));
    }
    moved += Math.abs(now.x - before.x) + Math.abs(now.y - before.y);
    pointers.set(event.pointerId, now);
  });
  const release = (event) => {
    const at = pointers.get(event.pointerId);
    pointers.delete(event.pointerId);
    canvas.classList.remove("dragging");
    if (event.type === "pointerup" && at && moved < 5) {
      const i = line.operationAtPoint(at.x, at.y);
      line.pick(i);
      if (i >= 0) replaceHash(`#op=${line.ops.index[i]}`);
    }
  };
  canvas.addEventListener("pointerup", release);
  canvas.addEventListener("pointercancel", release);
  canvas.addEventListener("pointerleave", () => { line.tooltip.hidden = true; });
}

function hover(line, at) {
  const i = line.operationAtPoint(at.x, at.y);
  line.tooltip.hidden = i < 0;
  if (i < 0) return;
  describe(operationAt(line.ops, i), line.tooltip);
  const width = line.tooltip.offsetWidth;
  const left = Math.min(at.x + 14, line.canvas.clientWidth - width - 4);
  line.tooltip.style.left = `${Math.max(4, left)}px`;
  line.tooltip.style.top = `${at.y + 18}px`;
}

function connectKeys(line) {
  const keys = {
    w: "in", s: "out", a: "left", d: "right", "+": "in", "=": "in", "-": "out", ArrowLeft: "left",
    ArrowRight: "right", 0: "all", Home: "all", c: "evidence",
  };
  line.canvas.addEventListener("keydown", (event) => {
    const action = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    line.actions[action]();
  });
}

function connectMinimap(line) {
  const { minimap } = line;
  const move = (event) => {
    if (event.type === "pointermove" && !event.buttons) return;
    const box = minimap.getBoundingClientRect();
    const us = ((event.clientX - box.left) / box.width) * line.endUs;
    const { start, end } = line.view();
    line.show({ start: us - (end - start) / 2, end: us + (end - start) / 2 });
  };
  minimap.addEventListener("pointerdown", (event) => {
    minimap.setPointerCapture(event.pointerId);
    move(event);
  });
  minimap.addEventListener("pointermove", move);
}

/** The address changes, the history of the tab does not. */
function replaceHash(hash) {
  history.replaceState(null, "", hash);
}
