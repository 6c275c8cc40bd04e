// Which operations lie where. Pure: columns in, indexes and pixels out.

/** How loud an outcome is: in a pixel that many share, the loudest is seen. */
const SEVERITY = [1, 2, 3]; // ok, fail, info

/** The operations of each lane, in order of their beginning. */
function indexLanes(ops) {
  const from = new Uint32Array(ops.lanes + 1);
  for (let i = 0; i < ops.count; i++) from[(ops.process[i] % ops.lanes) + 1]++;
  for (let lane = 0; lane < ops.lanes; lane++) from[lane + 1] += from[lane];
  const next = from.slice();
  const order = new Uint32Array(ops.count);
  for (let i = 0; i < ops.count; i++) order[next[ops.process[i] % ops.lanes]++] = i;
  return { from, order, reach: laneReaches(ops, from, order) };
}

/** The latest end so far, along each lane. A client does one thing at a time, so it usually is
 *  the end of the operation itself; a damaged history may differ, and is searched rightly. */
function laneReaches(ops, from, order) {
  const reach = new Float64Array(order.length);
  for (let lane = 0; lane < ops.lanes; lane++) {
    let latest = 0;
    for (let at = from[lane]; at < from[lane + 1]; at++) {
      latest = Math.max(latest, barEnd(ops, order[at]));
      reach[at] = latest;
    }
  }
  return reach;
}

/** When an operation's bar ends: an open one lasts until the end of the run. */
function barEnd(ops, i) {
  return ops.completion[i] === 0 ? ops.endUs : ops.begin[i] + ops.length[i];
}

/** The part [first, last) of a lane's order that holds all that can be seen. */
function visibleRange(ops, lanes, lane, view) {
  let low = lanes.from[lane], high = lanes.from[lane + 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (lanes.reach[middle] < view.start) low = middle + 1; else high = middle;
  }
  const first = low;
  high = lanes.from[lane + 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ops.begin[lanes.order[middle]] <= view.end) low = middle + 1; else high = middle;
  }
  return [first, low];
}

/** The number of visible operations, over all lanes. */
function countVisible(ops, lanes, view) {
  let count = 0;
  for (let lane = 0; lane < ops.lanes; lane++) {
    const [first, last] = visibleRange(ops, lanes, lane, view);
    count += last - first;
  }
  return count;
}

/** The loudest outcome of every pixel; rows may be fewer than lanes, then lanes share them. */
function severities(ops, lanes, view, width, rows) {
  const pixels = new Uint8Array(width * rows);
  const scale = width / (view.end - view.start);
  for (let lane = 0; lane < ops.lanes; lane++) {
    const row = Math.floor((lane * rows) / ops.lanes) * width;
    const [first, last] = visibleRange(ops, lanes, lane, view);
    for (let at = first; at < last; at++) {
      const i = lanes.order[at];
      const severity = SEVERITY[ops.outcome[i]];
      const left = Math.max(0, Math.floor((ops.begin[i] - view.start) * scale));
      const end = ops.completion[i] === 0 ? ops.begin[i] : ops.begin[i] + ops.length[i];
      const right = Math.min(width - 1, Math.floor((end - view.start) * scale));
      for (let x = left; x <= right; x++) {
        if (pixels[row + x] < severity) pixels[row + x] = severity;
      }
    }
  }
  return pixels;
}

/** The operation at a time on a lane, or the nearest within a distance; -1 for none. */
function operationNear(ops, lanes, lane, us, withinUs) {
  const view = { start: us - withinUs, end: us + withinUs };
  const [first, last] = visibleRange(ops, lanes, lane, view);
  let best = -1, bestDistance = Infinity;
  for (let at = first; at < last; at++) {
    const i = lanes.order[at];
    const distance = Math.max(ops.begin[i] - us, us - barEnd(ops, i), 0);
    if (distance < bestDistance || (distance === 0 && bestDistance === 0)) {
      best = i;
      bestDistance = distance;
    }
  }
  return best;
}
