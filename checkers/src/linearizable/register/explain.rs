//! From a contradiction to what a person reads: the operations, the longest legal order with what
//! cannot follow it, and one sentence.

use super::super::evidence::orders::{self, OPS_MAX, Order, Slot};
use super::super::evidence::words::{NOTE_OVERLAPS, OPS_SHOWN_MAX, WHY_NOT_OPTIONAL, why_not_yet};
use super::case::{Case, Piece};
use super::op::{Effect, INITIAL, KeyHistory, KeyOp, NEVER, ValueId};
use super::sentence::{self, Words};
use crate::history::History;
use crate::verdict::{EvidenceOp, EvidenceStep, OrderEvidence};

/// Puts the evidence into words.
pub(super) fn explain(history: &History, key: &KeyHistory, case: &Case) -> OrderEvidence {
    let words = Words { history, key };
    let slots: Vec<Slot> = case.pieces.iter().map(slot).collect();
    let orders = orders::dead_ends(&slots, &case.initials, |op, state, after| {
        after.extend(case.pieces[op].op.effect.apply(*state));
    });
    let (order, others) = orders.found.split_first().expect("there always is one");
    let steps = steps(&words, case, order, &slots, false);
    let other_orders =
        others.iter().map(|order| self::steps(&words, case, order, &slots, true)).collect();
    let mut sentence = sentence::sentence(&words, case, order, &steps);
    let total = case.pieces.len();
    if total > OPS_SHOWN_MAX {
        sentence.push_str(&format!(" (the last {OPS_SHOWN_MAX} of {total} operations are shown)"));
    }
    let hidden = total.saturating_sub(OPS_SHOWN_MAX);
    let (key, states_before) = (key.name.clone(), states_before(&words, case));
    let ops = case.pieces[hidden..].iter().map(|piece| evidence_op(&words, case, piece)).collect();
    let more_orders = orders.more;
    OrderEvidence { key, ops, states_before, steps, other_orders, more_orders, sentence }
}

fn slot(piece: &Piece) -> Slot {
    let KeyOp { effect, invoke, ret, .. } = piece.op;
    Slot { invoke, ret, observes_only: effect.produces().is_none() }
}

/// Whatever the register held: the operations contradict each other from there.
const ANY: &str = "any";

/// The value of the start. It is not said, since operations that stood before these were dropped,
/// and what they left there is no value of these either.
const NONE_OF_THESE: &str = "none of these values";

/// What the register could hold before.
fn states_before(words: &Words<'_>, case: &Case) -> Vec<String> {
    let finds_initial = |piece: &Piece| piece.op.effect.observes() == Some(INITIAL);
    if case.any {
        return vec![ANY.to_owned()];
    }
    if case.since.is_none() && !case.pieces.iter().any(finds_initial) {
        return vec![NONE_OF_THESE.to_owned()];
    }
    case.initials.iter().map(|&value| words.value(value)).collect()
}

fn evidence_op(words: &Words<'_>, case: &Case, piece: &Piece) -> EvidenceOp {
    let events = words.history.events();
    let whole = piece.whole;
    let invoke = &events[whole.invoke as usize];
    let end = if whole.ret == NEVER { whole.info } else { whole.ret };
    let complete_index = (end != NEVER).then_some(end as usize);
    let weakened = piece.op.effect != whole.effect;
    let overlaps = case.since.is_some_and(|since| whole.invoke <= since);
    let note = if weakened {
        Some("that it compared does not matter here, only what it set")
    } else if overlaps {
        Some(NOTE_OVERLAPS)
    } else {
        None
    };
    EvidenceOp {
        invoke_index: whole.invoke as usize,
        complete_index,
        process: invoke.process.to_string(),
        node: words.node(&whole),
        f: words.history.text(invoke.f).to_owned(),
        text: words.text(&whole, " -> "),
        outcome: outcome(&whole).to_owned(),
        invoke_ns: invoke.time_ns,
        complete_ns: complete_index.map(|index| events[index].time_ns),
        note: note.map(str::to_owned),
    }
}

fn outcome(op: &KeyOp) -> &'static str {
    match (op.effect, op.ret) {
        (_, NEVER) => "info",
        (Effect::Miss(_), _) => "fail",
        _ => "ok",
    }
}

/// The order step by step, and then why others cannot follow: all that are left, or those that
/// would have to come next.
fn steps(
    words: &Words<'_>,
    case: &Case,
    order: &Order<ValueId>,
    slots: &[Slot],
    only_next: bool,
) -> Vec<EvidenceStep> {
    if case.pieces.len() > OPS_MAX {
        return Vec::new();
    }
    let mut steps = Vec::new();
    // A state that nothing in the evidence depends on is not claimed.
    let before = states_before(words, case);
    let mut known = before != [ANY] && before != [NONE_OF_THESE];
    let mut state = order.initial;
    let name = |state, known: bool| if known { words.value(state) } else { before[0].clone() };
    for &(op, after) in &order.placed {
        let before = name(state, known);
        let effect = case.pieces[op].op.effect;
        state = after;
        known |= effect.produces().or(effect.observes()).is_some();
        steps.push(EvidenceStep { op, before, after: Some(name(state, known)), why_not: None });
    }
    for op in order.left(slots, only_next) {
        let why_not = Some(why_not(words, case, order, slots, known, op));
        steps.push(EvidenceStep { op, before: name(state, known), after: None, why_not });
    }
    steps
}

fn why_not(
    words: &Words<'_>,
    case: &Case,
    order: &Order<ValueId>,
    slots: &[Slot],
    known: bool,
    op: usize,
) -> String {
    let KeyOp { effect, ret, .. } = case.pieces[op].op;
    if ret == NEVER {
        return WHY_NOT_OPTIONAL.to_owned();
    }
    let holds =
        if known { words.value(*order.end()) } else { "a value that nobody here wrote".to_owned() };
    match (order.waits_for(slots, op), effect) {
        (Some(first), _) => why_not_yet(&words.text(&case.pieces[first].whole, " -> ")),
        (None, Effect::Read(value)) => {
            format!("it reads {}, but the register holds {holds}", words.value(value))
        }
        (None, Effect::Cas(from, _)) => {
            format!("it compares with {}, but the register holds {holds}", words.value(from))
        }
        (None, Effect::Miss(value)) => {
            format!("it failed, but the register holds {}", words.value(value))
        }
        (None, Effect::Write(_)) => "then nothing else could follow".to_owned(),
    }
}
