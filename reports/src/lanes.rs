//! The minimal counterexample as a picture: one lane a process, one bar an operation.
//!
//! ```text
//!   process 0   [ 1 write 3 ]                   .  legal order: 1, 2, then nothing fits
//!   process 1          [ 2 write 4 ]
//!   process 2                         [ x read -> 3 ]
//! ```
//!
//! Beginnings and ends stand in the order of the history, exactly; distances are *not* to scale (a
//! millisecond beside a second would be invisible), and the page says so. Columns are as wide as
//! the labels need: the ends are placed from left to right, each at least a gap after the one
//! before and at least a label's width after its own beginning. The marks along the bars follow
//! the legal order as far as it goes.

use crate::text;
use checkers::verdict::{EvidenceOp, EvidenceStep, OrderEvidence};
use std::fmt::Write as _;

/// More operations than this are no longer looked at one by one.
const OPS_MAX: usize = 60;

/// More steps than this, too.
const STEPS_MAX: usize = 120;

/// Beside the longest order so many others are shown.
const OTHER_ORDERS_MAX: usize = 8;

const GAP: f64 = 22.0;
const LANE_HEIGHT: f64 = 54.0;
const BAR_HEIGHT: f64 = 30.0;
const LEFT: f64 = 10.0;
/// Room at the right for operations that never completed.
const OPEN_TAIL: f64 = 56.0;
/// The width of the page's column: a picture that is narrower is stretched.
const WIDTH_MIN: f64 = 958.0;
/// A character of the bars' typeface.
const CHARACTER: f64 = 7.3;
/// Padding, and the mark with the step's number.
const LABEL_PADDING: f64 = 46.0;

/// One operation of the picture.
#[derive(Clone, Debug)]
pub(crate) struct Bar {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
    pub(crate) label: String,
    /// Its place in the legal order, or a cross.
    pub(crate) mark: String,
    pub(crate) illegal: bool,
    pub(crate) open: bool,
    pub(crate) title: String,
}

impl Bar {
    pub(crate) fn mark_x(&self) -> f64 {
        self.x + 16.0
    }

    pub(crate) fn middle(&self) -> f64 {
        self.y + self.height / 2.0
    }

    pub(crate) fn label_x(&self) -> f64 {
        self.x + 32.0
    }
}

/// A process of the picture.
#[derive(Clone, Debug)]
pub(crate) struct Lane {
    /// The process's number or name.
    pub(crate) label: String,
    pub(crate) middle: f64,
}

/// A row of the table of steps.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) mark: String,
    pub(crate) process: String,
    pub(crate) node: String,
    pub(crate) text: String,
    pub(crate) outcome: String,
    pub(crate) index: usize,
    pub(crate) when: String,
    pub(crate) before: String,
    /// The state after it; nothing if it cannot follow.
    pub(crate) after: Option<String>,
    pub(crate) why_not: String,
    pub(crate) note: String,
}

/// Another order that nothing can follow, in few words.
#[derive(Clone, Debug)]
pub(crate) struct OtherOrder {
    /// Its operations, one behind the other.
    pub(crate) placed: Vec<String>,
    /// What cannot follow, and why.
    pub(crate) stuck: Vec<(String, String)>,
}

/// The counterexample, ready to be drawn.
#[derive(Clone, Debug)]
pub(crate) struct Counterexample {
    pub(crate) key: Option<String>,
    pub(crate) sentence: String,
    pub(crate) states_before: Vec<String>,
    pub(crate) lanes: Vec<Lane>,
    pub(crate) bars: Vec<Bar>,
    pub(crate) width: f64,
    pub(crate) height: f64,
    pub(crate) steps: Vec<Step>,
    pub(crate) other_orders: Vec<OtherOrder>,
    /// Other orders that are not shown.
    pub(crate) more_orders: usize,
    pub(crate) window: String,
    pub(crate) summary: String,
    pub(crate) op_count: usize,
    /// Operations and steps that were left out.
    pub(crate) omitted: usize,
    pub(crate) start_ns: u64,
    pub(crate) end_ns: u64,
}

impl Counterexample {
    pub(crate) fn of(evidence: &OrderEvidence) -> Self {
        let ops = &evidence.ops[..evidence.ops.len().min(OPS_MAX)];
        let marks = marks(evidence, ops.len());
        let (lanes, lane_of) = lanes(ops);
        let (ends, width) = columns(ops);
        let bars = ops.iter().enumerate().map(|(position, op)| {
            let (start, end) = ends[position];
            let mark = marks[position].clone();
            Bar {
                x: start,
                y: lane_of[position] as f64 * LANE_HEIGHT + (LANE_HEIGHT - BAR_HEIGHT) / 2.0,
                width: end - start,
                height: BAR_HEIGHT,
                label: text::bounded(&text::operation(&op.text), LABEL_CHARS_MAX),
                illegal: mark == CROSS,
                mark,
                open: is_open(op),
                title: title(op),
            }
        });
        let start_ns = ops.iter().map(|op| op.invoke_ns).min().unwrap_or(0);
        let seen = ops.iter().map(|op| op.complete_ns.unwrap_or(op.invoke_ns));
        let end_ns = seen.max().unwrap_or(start_ns).max(start_ns);
        let steps: Vec<Step> = evidence
            .steps
            .iter()
            .take(STEPS_MAX)
            .filter_map(|step| Some((step, ops.get(step.op)?, marks.get(step.op)?)))
            .map(|(step, op, mark)| Step {
                mark: mark.clone(),
                process: text::bounded(&op.process, 40),
                node: op.node.as_deref().map(|node| text::bounded(node, 40)).unwrap_or_default(),
                text: text::operation(&op.text),
                outcome: text::bounded(&op.outcome, 12),
                index: op.invoke_index,
                when: when(op),
                before: text::plain(&step.before),
                after: step.after.as_deref().map(text::plain),
                why_not: step.why_not.as_deref().map(text::plain).unwrap_or_default(),
                note: op.note.as_deref().map(text::plain).unwrap_or_default(),
            })
            .collect();
        Self {
            key: evidence.key.as_deref().map(text::plain),
            sentence: text::plain_long(&evidence.sentence),
            states_before: evidence.states_before.iter().take(12).map(|s| text::plain(s)).collect(),
            height: lanes.len() as f64 * LANE_HEIGHT,
            summary: summary(ops, &lanes, &marks),
            lanes,
            bars: bars.collect(),
            width,
            window: format!("{} to {}", text::moment(start_ns), text::moment(end_ns)),
            op_count: evidence.ops.len(),
            omitted: evidence.ops.len() - ops.len() + evidence.steps.len() - steps.len(),
            steps,
            other_orders: evidence
                .other_orders
                .iter()
                .take(OTHER_ORDERS_MAX)
                .map(|steps| OtherOrder::of(steps, ops))
                .collect(),
            more_orders: evidence.more_orders
                + evidence.other_orders.len().saturating_sub(OTHER_ORDERS_MAX),
            start_ns,
            end_ns,
        }
    }
}

impl OtherOrder {
    fn of(steps: &[EvidenceStep], ops: &[EvidenceOp]) -> Self {
        let steps = steps.iter().take(OPS_MAX);
        let known = steps.filter_map(|step| Some((step, text::operation(&ops.get(step.op)?.text))));
        let mut order = Self { placed: Vec::new(), stuck: Vec::new() };
        for (step, op) in known {
            match &step.why_not {
                None => order.placed.push(op),
                Some(why) => order.stuck.push((op, text::plain(why))),
            }
        }
        order
    }
}

/// A label longer than this is cut in the picture; the table has it in full.
const LABEL_CHARS_MAX: usize = 32;

/// The mark of an operation that cannot follow.
const CROSS: &str = "✕";

/// Nobody knows whether an `info` happened, so it is open however early its client gave up.
fn is_open(op: &EvidenceOp) -> bool {
    op.complete_ns.is_none() || op.outcome == "info"
}

/// Each operation's place in the legal order; a cross for what cannot follow, nothing for the rest.
fn marks(evidence: &OrderEvidence, ops: usize) -> Vec<String> {
    let mut marks = vec![String::new(); ops];
    let mut place = 0;
    for step in &evidence.steps {
        let Some(mark) = marks.get_mut(step.op) else { continue };
        if step.after.is_some() {
            place += 1;
            *mark = place.to_string();
        } else {
            *mark = CROSS.to_owned();
        }
    }
    marks
}

/// A lane for each process, in order of its first operation, and the lane of each operation.
fn lanes(ops: &[EvidenceOp]) -> (Vec<Lane>, Vec<usize>) {
    let mut names: Vec<&str> = Vec::new();
    let mut lane_of = Vec::with_capacity(ops.len());
    for op in ops {
        let lane = names.iter().position(|name| *name == op.process).unwrap_or_else(|| {
            names.push(&op.process);
            names.len() - 1
        });
        lane_of.push(lane);
    }
    let lanes = names.iter().enumerate().map(|(lane, name)| Lane {
        label: text::bounded(name, 12),
        middle: (lane as f64 + 0.5) * LANE_HEIGHT,
    });
    (lanes.collect(), lane_of)
}

/// Where each operation begins and ends, and how wide the picture is.
fn columns(ops: &[EvidenceOp]) -> (Vec<(f64, f64)>, f64) {
    let mut edges: Vec<(usize, usize, bool)> = Vec::with_capacity(ops.len() * 2);
    for (position, op) in ops.iter().enumerate() {
        edges.push((op.invoke_index, position, false));
        if let Some(index) = op.complete_index.filter(|_| !is_open(op)) {
            edges.push((index.max(op.invoke_index + 1), position, true));
        }
    }
    edges.sort_unstable();
    let mut ends = vec![(0.0, f64::NAN); ops.len()];
    let mut x = LEFT;
    for (_, position, is_end) in edges {
        if is_end {
            x = f64::max(x, ends[position].0 + label_width(&ops[position]));
            ends[position].1 = x;
        } else {
            ends[position].0 = x;
        }
        x += GAP;
    }
    let open = ops.iter().zip(&ends).filter(|(op, _)| is_open(op));
    let tails = open.map(|(op, (start, _))| start + label_width(op) + OPEN_TAIL);
    let right = tails.fold(x, f64::max);
    for (_, end) in &mut ends {
        *end = if end.is_nan() { right } else { *end };
    }
    stretch(ends, right)
}

fn label_width(op: &EvidenceOp) -> f64 {
    let characters = text::operation(&op.text).chars().count().min(LABEL_CHARS_MAX + 1);
    characters as f64 * CHARACTER + LABEL_PADDING
}

/// Fills the page's column when there is room to spare.
fn stretch(mut ends: Vec<(f64, f64)>, right: f64) -> (Vec<(f64, f64)>, f64) {
    let factor = ((WIDTH_MIN - LEFT) / (right - LEFT)).max(1.0);
    for (start, end) in &mut ends {
        *start = LEFT + (*start - LEFT) * factor;
        *end = LEFT + (*end - LEFT) * factor;
    }
    (ends, LEFT + (right - LEFT) * factor)
}

fn when(op: &EvidenceOp) -> String {
    match op.complete_ns.filter(|_| !is_open(op)) {
        Some(end_ns) => {
            let took = text::duration(end_ns.saturating_sub(op.invoke_ns));
            format!("{} + {took}", text::fine_moment(op.invoke_ns))
        }
        None => format!("{}, open", text::fine_moment(op.invoke_ns)),
    }
}

fn title(op: &EvidenceOp) -> String {
    let node = op.node.as_deref().map(|node| format!(" on {}", text::bounded(node, 40)));
    format!(
        "#{} process {}{}: {} ({}), {}",
        op.invoke_index,
        text::bounded(&op.process, 40),
        node.unwrap_or_default(),
        text::operation(&op.text),
        text::bounded(&op.outcome, 12),
        when(op)
    )
}

/// The picture in words, for those who cannot see it.
fn summary(ops: &[EvidenceOp], lanes: &[Lane], marks: &[String]) -> String {
    let mut out = format!("{} operations by {} processes. ", ops.len(), lanes.len());
    for (op, mark) in ops.iter().zip(marks) {
        let place = match mark.as_str() {
            "" => "not in the legal order".to_owned(),
            CROSS => "cannot follow".to_owned(),
            place => format!("step {place}"),
        };
        write!(out, "{}: {place}. ", title(op)).expect("a string takes everything");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn op(invoke_index: usize, complete_index: Option<usize>, words: &str) -> EvidenceOp {
        EvidenceOp {
            invoke_index,
            complete_index,
            process: (invoke_index % 3).to_string(),
            node: None,
            f: "read".to_owned(),
            text: words.to_owned(),
            outcome: if complete_index.is_some() { "ok" } else { "info" }.to_owned(),
            invoke_ns: invoke_index as u64,
            complete_ns: complete_index.map(|index| index as u64),
            note: None,
        }
    }

    proptest! {
        /// The picture's one promise: left of means before, in the order of the history.
        #[test]
        fn beginnings_and_ends_keep_the_order_of_the_history(
            spans in prop::collection::vec(
                (1_usize..40, prop::option::of(1_usize..20), 0_usize..60), 1..20)
        ) {
            let mut index = 0;
            let ops: Vec<EvidenceOp> = spans.iter().map(|(gap, length, chars)| {
                index += gap;
                let complete = length.map(|length| (index + length) * 50 + gap);
                op(index * 50, complete, &"x".repeat(*chars))
            }).collect();
            let (ends, width) = columns(&ops);
            for (a, (_, a_end)) in ops.iter().zip(&ends) {
                prop_assert!(*a_end <= width + 1e-9);
                for (b, (b_start, _)) in ops.iter().zip(&ends) {
                    let before = a.complete_index.is_some_and(|end| end < b.invoke_index);
                    prop_assert_eq!(before, a_end < b_start, "{:?} {:?}", a, b);
                }
            }
            for (op, (start, end)) in ops.iter().zip(&ends) {
                prop_assert!(end - start >= label_width(op) - 1e-9, "its label fits");
            }
        }
    }
}
