//! From a contradiction to what a person reads: the operations, the longest legal order with what
//! cannot follow it, and one sentence.

use super::evidence::{Case, Piece};
use super::op::{Effect, INITIAL, KeyHistory, KeyOp, NEVER, ValueId};
use super::sentence::{self, Words};
use crate::history::History;
use crate::verdict::{EvidenceOp, EvidenceStep, OrderEvidence};
use rustc_hash::FxHashSet;

/// More operations than this are not shown. Reductions nearly always end far below.
const OPS_SHOWN_MAX: usize = 200;

/// Configurations that are looked at for the longest order.
const CONFIGURATIONS_MAX: usize = 200_000;

/// Up to this many operations the longest order is searched, beyond it is not asked for.
const ORDER_OPS_MAX: usize = 64;

/// Puts the evidence into words.
pub(super) fn explain(history: &History, key: &KeyHistory, case: &Case) -> OrderEvidence {
    let words = Words { history, key };
    let order = longest_order(case);
    let steps = steps(&words, case, &order);
    let mut sentence = sentence::sentence(&words, case, &order, &steps);
    let total = case.pieces.len();
    if total > OPS_SHOWN_MAX {
        sentence.push_str(&format!(" (the last {OPS_SHOWN_MAX} of {total} operations are shown)"));
    }
    let hidden = total.saturating_sub(OPS_SHOWN_MAX);
    let (key, states_before) = (key.name.clone(), states_before(&words, case));
    let ops = case.pieces[hidden..].iter().map(|piece| evidence_op(&words, case, piece)).collect();
    OrderEvidence { key, ops, states_before, steps, sentence }
}

/// What the register could hold before. The nil of the start says nothing once operations were
/// dropped, unless one of those that are left found it.
fn states_before(words: &Words<'_>, case: &Case) -> Vec<String> {
    let finds_initial = |piece: &Piece| piece.op.effect.observes() == Some(INITIAL);
    if case.since.is_none() && !case.pieces.iter().any(finds_initial) {
        return vec!["any".to_owned()];
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
        Some("began before the states above; it may be part of them already")
    } else {
        None
    };
    EvidenceOp {
        invoke_index: whole.invoke as usize,
        complete_index,
        process: invoke.process.to_string(),
        node: words.node(&whole),
        f: words.history.text(invoke.f).to_owned(),
        text: words.text(whole.effect, " -> "),
        outcome: if whole.ret == NEVER { "info" } else { "ok" }.to_owned(),
        invoke_ns: invoke.time_ns,
        complete_ns: complete_index.map(|index| events[index].time_ns),
        note: note.map(str::to_owned),
    }
}

/// The longest legal order.
#[derive(Clone, Debug, Default)]
pub(super) struct Order {
    pub(super) initial: ValueId,
    /// Positions of operations, one behind the other.
    pub(super) placed: Vec<usize>,
}

/// Tries every order, remembering what was tried; a contradiction is small.
fn longest_order(case: &Case) -> Order {
    let ops: Vec<KeyOp> = case.pieces.iter().map(|piece| piece.op).collect();
    let mut best: Option<(usize, Order)> = None;
    for &initial in &case.initials {
        if ops.len() > ORDER_OPS_MAX {
            break;
        }
        let mut seen: FxHashSet<(u64, ValueId)> = FxHashSet::default();
        let mut stack = vec![(0_u64, initial, Vec::new())];
        while let Some((mask, state, placed)) = stack.pop() {
            if seen.len() > CONFIGURATIONS_MAX || !seen.insert((mask, state)) {
                continue;
            }
            let required = placed.iter().filter(|&&at: &&usize| ops[at].ret != NEVER).count();
            if best.as_ref().is_none_or(|(most, _)| required > *most) {
                best = Some((required, Order { initial, placed: placed.clone() }));
            }
            for at in eligible(&ops, mask).rev() {
                if let Some(after) = ops[at].effect.apply(state) {
                    let placed = placed.iter().copied().chain([at]).collect();
                    stack.push((mask | 1 << at, after, placed));
                }
            }
        }
    }
    best.map_or_else(Order::default, |(_, order)| order)
}

/// The operations not placed that began before the first return among them.
fn eligible(ops: &[KeyOp], mask: u64) -> impl DoubleEndedIterator<Item = usize> + '_ {
    let open = move |at: &usize| mask & 1 << at == 0;
    let bound = (0..ops.len()).filter(open).map(|at| ops[at].ret).min().unwrap_or(NEVER);
    (0..ops.len()).filter(move |at| open(at) && ops[*at].invoke < bound)
}

/// The order step by step, and then why each of the others cannot follow.
fn steps(words: &Words<'_>, case: &Case, order: &Order) -> Vec<EvidenceStep> {
    if case.pieces.len() > ORDER_OPS_MAX {
        return Vec::new();
    }
    let mut steps = Vec::new();
    // A state that nothing in the evidence depends on is not claimed.
    let unknown = states_before(words, case) == ["any"];
    let mut known = !unknown;
    let mut state = order.initial;
    let name = |state, known: bool| {
        if known { words.value(state) } else { "any".to_owned() }
    };
    for &op in &order.placed {
        let before = name(state, known);
        let effect = case.pieces[op].op.effect;
        state = effect.apply(state).expect("the order is legal");
        known |= effect.produces().is_some();
        steps.push(EvidenceStep { op, before, after: Some(name(state, known)), why_not: None });
    }
    let left = (0..case.pieces.len()).filter(|op| !order.placed.contains(op));
    for op in left {
        let why_not = Some(why_not(words, case, order, state, known, op));
        steps.push(EvidenceStep { op, before: name(state, known), after: None, why_not });
    }
    steps
}

fn why_not(
    words: &Words<'_>,
    case: &Case,
    order: &Order,
    state: ValueId,
    known: bool,
    op: usize,
) -> String {
    let KeyOp { effect, invoke, ret, .. } = case.pieces[op].op;
    if ret == NEVER {
        return "it may have happened or not, and does not help".to_owned();
    }
    let holds =
        if known { words.value(state) } else { "a value that nobody here wrote".to_owned() };
    let waits_for = case
        .pieces
        .iter()
        .enumerate()
        .filter(|(at, piece)| !order.placed.contains(at) && piece.op.ret < invoke)
        .min_by_key(|(_, piece)| piece.op.ret);
    match (waits_for, effect) {
        (Some((_, first)), _) => {
            let first = words.text(first.whole.effect, " -> ");
            format!("it began after `{first}` had completed, which cannot be placed")
        }
        (None, Effect::Read(value)) => {
            format!("it reads {}, but the register holds {holds}", words.value(value))
        }
        (None, Effect::Cas(from, _)) => {
            format!("it compares with {}, but the register holds {holds}", words.value(from))
        }
        (None, Effect::Miss(value)) => {
            let value = words.value(value);
            format!(
                "it failed because it found another value than {value}, but the register holds it"
            )
        }
        (None, Effect::Write(_)) => "then nothing else could follow".to_owned(),
    }
}
