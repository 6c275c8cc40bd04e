//! From a contradiction to what a person reads.

use super::super::engine::NEVER;
use super::super::model::Model;
use super::orders::{self, OPS_MAX, Order, Slot};
use super::reduce::{Case, Piece, Reducer};
use crate::history::History;
use crate::verdict::{EvidenceOp, EvidenceStep, OrderEvidence};
use crate::words::quoted;

/// More operations than this are not shown.
pub(in super::super) const OPS_SHOWN_MAX: usize = 200;

/// The longest text of an operation or a state, in characters.
const CHARS_MAX: usize = 160;

/// States that are named.
const STATES_SHOWN_MAX: usize = 12;

/// What is said of an operation that was open where a window begins.
pub(in super::super) const NOTE_OVERLAPS: &str =
    "began before the states above; it may be part of them already";

/// Why an operation that may have happened or not is left.
pub(in super::super) const WHY_NOT_OPTIONAL: &str =
    "it may have happened or not, and does not help";

struct Words<'a, M: Model> {
    history: &'a History,
    reducer: &'a Reducer<'a, M>,
    case: &'a Case<M::State>,
    slots: Vec<Slot>,
}

/// Puts the evidence into words.
pub(super) fn explain<M: Model>(
    history: &History,
    reducer: &Reducer<'_, M>,
    case: &Case<M::State>,
) -> OrderEvidence {
    let words = Words { history, reducer, case, slots: reducer.slots(&case.pieces) };
    let orders = orders::dead_ends(&words.slots, &case.initials, |op, state, after| {
        reducer.model.step(state, &reducer.part.ops[case.pieces[op].at].op, after);
    });
    let (order, others) = orders.found.split_first().expect("there always is one");
    let steps = words.steps(order, false);
    let total = case.pieces.len();
    let mut sentence = case.sentence.clone().unwrap_or_else(|| words.sentence(order, &steps));
    if total > OPS_SHOWN_MAX {
        sentence.push_str(&format!(" (the last {OPS_SHOWN_MAX} of {total} operations are shown)"));
    }
    let shown = &case.pieces[total.saturating_sub(OPS_SHOWN_MAX)..];
    let states = case.initials.iter().take(STATES_SHOWN_MAX);
    let mut states_before: Vec<String> = states.map(|state| words.state(state)).collect();
    let unnamed = case.initials.len() - states_before.len();
    states_before.extend((unnamed > 0).then(|| format!("one of {unnamed} others")));
    OrderEvidence {
        key: reducer.part.name.clone(),
        ops: shown.iter().map(|piece| words.evidence_op(piece)).collect(),
        states_before,
        steps,
        other_orders: others.iter().map(|order| words.steps(order, true)).collect(),
        more_orders: orders.more,
        sentence,
    }
}

impl<M: Model> Words<'_, M> {
    fn state(&self, state: &M::State) -> String {
        quoted(&self.reducer.model.state_text(state), CHARS_MAX)
    }

    fn text(&self, piece: &Piece) -> String {
        quoted(&self.reducer.model.op_text(&self.reducer.part.ops[piece.at].op), CHARS_MAX)
    }

    fn evidence_op(&self, piece: &Piece) -> EvidenceOp {
        let events = self.history.events();
        let op = &self.reducer.part.ops[piece.at];
        let invoke = &events[op.invoke as usize];
        let end = if op.ret == NEVER { op.info } else { op.ret };
        let complete = (end != NEVER).then(|| &events[end as usize]);
        let node = invoke.node.or_else(|| complete.and_then(|event| event.node));
        let overlaps = self.case.since.is_some_and(|since| op.invoke <= since);
        EvidenceOp {
            invoke_index: op.invoke as usize,
            complete_index: complete.map(|_| end as usize),
            process: invoke.process.to_string(),
            node: node.map(|node| self.history.text(node).to_owned()),
            f: self.history.text(invoke.f).to_owned(),
            text: self.text(piece),
            outcome: complete.map_or("info", |event| event.kind.as_str()).to_owned(),
            invoke_ns: invoke.time_ns,
            complete_ns: complete.map(|event| event.time_ns),
            note: overlaps.then(|| NOTE_OVERLAPS.to_owned()),
        }
    }

    /// The order step by step, and then why others cannot follow: all that are left, or those that
    /// would have to come next.
    fn steps(&self, order: &Order<M::State>, only_next: bool) -> Vec<EvidenceStep> {
        if self.slots.len() > OPS_MAX {
            return Vec::new();
        }
        let mut steps = Vec::new();
        let mut before = self.state(&order.initial);
        for (op, state) in &order.placed {
            let after = self.state(state);
            let step = EvidenceStep { op: *op, before, after: Some(after.clone()), why_not: None };
            steps.push(step);
            before = after;
        }
        for op in order.left(&self.slots, only_next) {
            let why_not = Some(self.why_not(order, op, &before));
            steps.push(EvidenceStep { op, before: before.clone(), after: None, why_not });
        }
        steps
    }

    fn why_not(&self, order: &Order<M::State>, op: usize, state: &str) -> String {
        if self.slots[op].ret == NEVER {
            return WHY_NOT_OPTIONAL.to_owned();
        }
        match order.waits_for(&self.slots, op) {
            Some(first) => why_not_yet(&self.text(&self.case.pieces[first])),
            None => format!("it is impossible in the state {state}"),
        }
    }

    fn sentence(&self, order: &Order<M::State>, steps: &[EvidenceStep]) -> String {
        let text = |op: usize| self.text(&self.case.pieces[op]);
        let placed: Vec<String> = order.placed.iter().map(|(op, _)| text(*op)).collect();
        let stuck = steps[order.placed.len().min(steps.len())..]
            .iter()
            .find(|step| self.slots[step.op].ret != NEVER);
        let stuck = stuck.and_then(|step| Some((text(step.op), step.why_not.as_deref()?)));
        general(self.slots.len(), &placed, stuck)
    }
}

/// Why an operation cannot come next that has to wait for one that cannot, either.
pub(in super::super) fn why_not_yet(first: &str) -> String {
    format!("it began after `{first}` had completed, which cannot be placed")
}

/// The sentence for whatever has no better one: the longest order, and what cannot follow it.
pub(in super::super) fn general(
    count: usize,
    placed: &[String],
    stuck: Option<(String, &str)>,
) -> String {
    let no_order = format!("no order of these {count} operations explains their results");
    match stuck {
        None => no_order,
        Some((op, why)) if placed.is_empty() => {
            format!("{no_order}: {op} cannot come first, since {why}")
        }
        Some((op, why)) => {
            let placed = placed.join(", ");
            format!("{no_order}: after {placed} nothing fits; {op} cannot follow, since {why}")
        }
    }
}
