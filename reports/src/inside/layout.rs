//! Where things stand in the diagram: lanes side by side, time downwards.
//!
//! Order is exact, distances are not to scale: a message takes a fraction of a millisecond, and
//! then nothing happens for fifty. Every item is a step further down, labelled ones far enough for
//! their label; a longer pause is marked and says how long it is.

use super::selection::{Item, Selection};
use crate::text;
use checkers::history::trace::Trace;

/// Room for times, and for the numbers of faults.
const TIMES_WIDTH: f64 = 92.0;
pub(super) const CLIENT_GAP: f64 = 112.0;
const NODE_GAP: f64 = 168.0;
/// The width of the page's column.
const WIDTH: f64 = 1_066.0;
/// Lanes move together and apart to fit it, within reason.
const STRETCH: (f64, f64) = (0.74, 1.6);
const LEFT: f64 = 14.0;
/// A character of a label.
const CHARACTER: f64 = 6.4;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 26.0;

/// A label takes this much, one above its arrow a little more; without one, things stand closer.
const STEP: f64 = 15.0;
const SENT_STEP: f64 = 17.0;
const SMALL_STEP: f64 = 6.0;

/// A pause that is marked.
const PAUSE_NS: u64 = 5_000_000;
const PAUSE_HEIGHT: f64 = 26.0;

/// Labels of time are at least so far apart.
const TIME_GAP: f64 = 24.0;

/// A pause, or messages that found no room.
#[derive(Clone, Debug)]
pub(crate) struct Break {
    pub(crate) y: f64,
    pub(crate) label: String,
}

/// A moment with its time.
#[derive(Clone, Debug)]
pub(crate) struct TimeLabel {
    pub(crate) y: f64,
    pub(crate) label: String,
}

/// Where every item stands.
#[derive(Debug)]
pub(super) struct Layout {
    /// By item.
    pub(super) y: Vec<f64>,
    pub(super) breaks: Vec<Break>,
    pub(super) times: Vec<TimeLabel>,
    pub(super) height: f64,
    /// The times of the items, for what has none of its own.
    times_ns: Vec<u64>,
}

impl Layout {
    pub(super) fn of(trace: &Trace, selection: &Selection) -> Self {
        let (mut y, mut breaks, mut times) = (TOP, Vec::new(), Vec::<TimeLabel>::new());
        let mut ys = Vec::with_capacity(selection.items.len());
        let mut before_ns = selection.items.first().map_or(0, |(ns, _)| *ns);
        for (time_ns, item) in &selection.items {
            let pause_ns = time_ns - before_ns;
            let left_out = left_out(trace, selection, (before_ns, *time_ns));
            if pause_ns >= PAUSE_NS || left_out > 0 {
                y += PAUSE_HEIGHT;
                let messages = if left_out == 1 { "message" } else { "messages" };
                let label = match left_out {
                    0 => format!("{} later", text::duration(pause_ns)),
                    _ => format!(
                        "{} later; {} {messages} not drawn",
                        text::duration(pause_ns),
                        text::count(left_out as u64)
                    ),
                };
                breaks.push(Break { y: y - PAUSE_HEIGHT / 2.0 + 8.0, label });
            }
            y += match item {
                Item::Sent(_) => SENT_STEP,
                Item::State(_) | Item::Event(_, true) => STEP,
                Item::Begins(_) | Item::Ends(_) => STEP,
                Item::Arrived(..) | Item::Lost(_) | Item::Event(_, false) => SMALL_STEP,
            };
            let label = text::fine_moment(*time_ns);
            if times.last().is_none_or(|last| y - last.y >= TIME_GAP && last.label != label) {
                times.push(TimeLabel { y, label });
            }
            ys.push(y);
            before_ns = *time_ns;
        }
        let times_ns = selection.items.iter().map(|(ns, _)| *ns).collect();
        Self { y: ys, breaks, times, height: y + BOTTOM, times_ns }
    }

    /// Where a time lies that is no item's: at the last item before it.
    pub(super) fn at(&self, ns: u64) -> f64 {
        let next = self.times_ns.partition_point(|time_ns| *time_ns <= ns);
        next.checked_sub(1).map_or(0.0, |before| self.y[before])
    }

    /// When the first and the last item happen.
    pub(super) fn span_ns(&self) -> Option<(u64, u64)> {
        Some((*self.times_ns.first()?, *self.times_ns.last()?))
    }
}

/// Messages that were sent between these times and are not drawn for want of room.
fn left_out(trace: &Trace, selection: &Selection, (from_ns, to_ns): (u64, u64)) -> usize {
    let up_to = |ns: u64| selection.far.partition_point(|at| trace.events[*at].time_ns < ns);
    up_to(to_ns).saturating_sub(up_to(from_ns))
}

/// Where the lanes stand.
#[derive(Debug)]
pub(super) struct Columns {
    /// By number: clients first.
    pub(super) x: Vec<f64>,
    pub(super) width: f64,
}

impl Columns {
    pub(super) fn of(clients: usize, nodes: usize) -> Self {
        let natural = clients as f64 * CLIENT_GAP + nodes as f64 * NODE_GAP;
        let stretch = (WIDTH - TIMES_WIDTH - LEFT) / natural.max(1.0);
        let stretch = stretch.clamp(STRETCH.0, STRETCH.1);
        let mut x = TIMES_WIDTH + LEFT;
        let mut columns = Vec::with_capacity(clients + nodes);
        for lane in 0..clients + nodes {
            columns.push(x);
            x += stretch * if lane < clients { CLIENT_GAP } else { NODE_GAP };
        }
        Self { x: columns, width: x }
    }

    /// Characters of a label that fit into so much room; at least a few.
    pub(super) fn chars(&self, room: f64) -> usize {
        (room / CHARACTER).max(6.0) as usize - 2
    }

    /// Characters of a label that stands alone at its height, beside the lane at `x`.
    pub(super) fn chars_beside(&self, x: f64) -> usize {
        self.chars((self.width - x - 12.0).min(2.0 * NODE_GAP))
    }
}
