//! Evidence of random illegal histories, of two objects, against brute force.

use super::super::calls;
use super::super::model::{Answer, Call, Misfit, Model, Part, Timed};
use super::super::oracle::some_order;
use super::super::semantics::Semantics;
use super::find;
use super::reduce::{Case, Reducer};
use crate::budget::Budget;
use crate::history::{Datum, Event, EventType, History, Process};
use crate::verdict::OrderEvidence;
use proptest::prelude::*;
use std::collections::VecDeque;

fn number(datum: &Datum) -> Option<i64> {
    datum.to_json().as_i64()
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in super::super) enum QueueOp {
    Enqueue(i64),
    Dequeue(i64),
    Empty,
    Unknown,
}

/// First in, first out.
pub(in super::super) struct Queue;

impl Model for Queue {
    type Op = QueueOp;
    type State = VecDeque<i64>;

    fn read(&self, call: &Call<'_>) -> Result<Option<QueueOp>, Misfit> {
        let argument = || number(&call.argument).ok_or(Misfit::Shape("a number"));
        Ok(Some(match (call.f, &call.answer) {
            (_, Answer::Fail(_)) => return Ok(None),
            ("enqueue", _) => QueueOp::Enqueue(argument()?),
            (_, Answer::Unknown) => QueueOp::Unknown,
            (_, Answer::Ok(datum)) => number(datum).map_or(QueueOp::Empty, QueueOp::Dequeue),
        }))
    }

    fn initial(&self) -> VecDeque<i64> {
        VecDeque::new()
    }

    fn step(&self, state: &VecDeque<i64>, op: &QueueOp, next: &mut Vec<VecDeque<i64>>) {
        let mut after = state.clone();
        let possible = match op {
            QueueOp::Enqueue(value) => {
                after.push_back(*value);
                true
            }
            QueueOp::Dequeue(value) => after.pop_front() == Some(*value),
            QueueOp::Empty => after.is_empty(),
            QueueOp::Unknown => {
                after.pop_front();
                true
            }
        };
        next.extend(possible.then_some(after));
    }

    fn observes_only(&self, op: &QueueOp) -> bool {
        *op == QueueOp::Empty
    }

    fn group(&self, op: &QueueOp) -> Option<Datum> {
        match op {
            QueueOp::Enqueue(value) | QueueOp::Dequeue(value) => {
                Some(Datum::from_json((*value).into()))
            }
            QueueOp::Empty | QueueOp::Unknown => None,
        }
    }
}

/// Counts up to a bound, where it stays; one add adds one or two, nobody knows which.
pub(in super::super) struct Counter;

const BOUND: i64 = 3;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in super::super) enum CounterOp {
    Add,
    Read(i64),
    Reset,
}

impl Model for Counter {
    type Op = CounterOp;
    type State = i64;

    fn read(&self, call: &Call<'_>) -> Result<Option<CounterOp>, Misfit> {
        Ok(match (call.f, &call.answer) {
            (_, Answer::Fail(_)) => None,
            ("add", _) => Some(CounterOp::Add),
            ("reset", _) => Some(CounterOp::Reset),
            (_, Answer::Ok(datum)) => number(datum).map(CounterOp::Read),
            (_, Answer::Unknown) => None,
        })
    }

    fn initial(&self) -> i64 {
        0
    }

    fn step(&self, state: &i64, op: &CounterOp, next: &mut Vec<i64>) {
        match op {
            CounterOp::Add => next.extend([BOUND.min(state + 1), BOUND.min(state + 2)]),
            CounterOp::Read(value) => next.extend((value == state).then_some(*state)),
            CounterOp::Reset => next.push(0),
        }
    }

    fn observes_only(&self, op: &CounterOp) -> bool {
        matches!(op, CounterOp::Read(_))
    }
}

/// Each operation with its process number, and the events in their order: the first mention of an
/// operation invokes it, the second one completes it as it says.
#[derive(Clone, Debug)]
pub(in super::super) struct Plan {
    ops: Vec<(&'static str, Option<i64>, EventType)>,
    order: Vec<usize>,
}

impl Plan {
    pub(in super::super) fn history(&self) -> History {
        let mut history = History::new();
        let mut begun = vec![false; self.ops.len()];
        for &at in &self.order {
            let (f, value, outcome) = self.ops[at];
            let datum = value.map_or(Datum::Nil, |value| Datum::from_json(value.into()));
            let kind =
                if std::mem::replace(&mut begun[at], true) { outcome } else { EventType::Invoke };
            let event = Event {
                time_ns: history.len() as u64 * 1_000_000,
                value: history.compact(&datum),
                process: Process::client(at as u32),
                f: history.symbols.intern(f),
                key: None,
                node: None,
                error: None,
                kind,
            };
            history.push(event);
        }
        history
    }
}

pub(in super::super) fn plans(
    f: impl Strategy<Value = (&'static str, Option<i64>)> + Clone,
    ops_max: usize,
) -> impl Strategy<Value = Plan> {
    let outcome = prop_oneof![6 => Just(EventType::Ok), 1 => Just(EventType::Info)];
    let op = (f, outcome).prop_map(|((f, value), outcome)| (f, value, outcome));
    // A shuffle within short distances: every operation overlaps a few others only.
    let jitter = prop::collection::vec(0..5_usize, 2 * ops_max);
    (prop::collection::vec(op, 1..=ops_max), jitter).prop_map(|(ops, jitter)| {
        let mut events: Vec<(usize, usize)> = Vec::new();
        for (at, later) in (0..ops.len()).zip(jitter) {
            events.push((2 * at, at));
            events.push((2 * at + 1 + later, at));
        }
        events.sort();
        Plan { ops, order: events.into_iter().map(|(_, at)| at).collect() }
    })
}

pub(in super::super) fn queue_op() -> impl Strategy<Value = (&'static str, Option<i64>)> + Clone {
    prop_oneof![
        3 => (0..4_i64).prop_map(|value| ("enqueue", Some(value))),
        3 => (0..4_i64).prop_map(|value| ("dequeue", Some(value))),
        1 => Just(("dequeue", None)),
    ]
}

pub(in super::super) fn counter_op() -> impl Strategy<Value = (&'static str, Option<i64>)> + Clone {
    prop_oneof![
        3 => Just(("add", None)),
        3 => (0..=BOUND).prop_map(|value| ("read", Some(value))),
        1 => Just(("reset", None)),
    ]
}

fn reducer<'a, M: Model>(model: &'a M, part: &'a Part<M::Op>) -> Reducer<'a, M> {
    Reducer { model, part, configurations_left: 1 << 30, bytes_max: 1 << 30 }
}

fn legal<M: Model>(model: &M, part: &Part<M::Op>, case: &Case<M::State>, from: &M::State) -> bool {
    let ops: Vec<Timed<M::Op>> = case
        .pieces
        .iter()
        .map(|piece| Timed { ret: piece.ret, ..part.ops[piece.at].clone() })
        .collect();
    some_order(model, &ops, std::slice::from_ref(from))
}

/// What a check of this history's evidence has to find, whatever the object is.
fn judge<M: Model>(model: &M, plan: &Plan) -> Result<(), TestCaseError> {
    let history = plan.history();
    let Ok(calls) = calls::read(&history, model, &Semantics::STRICT) else { return Ok(()) };
    let part = &calls.parts[0];
    if some_order(model, &part.ops, &[model.initial()]) {
        return no_step_accuses(model, part);
    }
    let case = reducer(model, part).smallest();
    prop_assert!(!case.initials.is_empty());
    for state in &case.initials {
        prop_assert!(!legal(model, part, &case, state), "{case:?} from {state:?}");
    }
    let evidence = find(&history, model, &[part], &Budget::default());
    prop_assert_eq!(evidence.ops.len(), case.pieces.len());
    prop_assert!(!evidence.sentence.is_empty() && !evidence.states_before.is_empty());
    steps_are_told(&evidence)
}

/// Every order ends with something that cannot follow, and does not hold it.
fn steps_are_told(evidence: &OrderEvidence) -> Result<(), TestCaseError> {
    for order in std::iter::once(&evidence.steps).chain(&evidence.other_orders) {
        let stuck: Vec<usize> =
            order.iter().filter(|step| step.why_not.is_some()).map(|step| step.op).collect();
        prop_assert!(!stuck.is_empty());
        let placed = order.iter().filter(|step| step.after.is_some());
        prop_assert!(placed.clone().all(|step| !stuck.contains(&step.op)));
        prop_assert!(placed.count() + stuck.len() <= evidence.ops.len());
    }
    Ok(())
}

/// Whatever a reduction makes of a legal history is legal, too.
fn no_step_accuses<M: Model>(model: &M, part: &Part<M::Op>) -> Result<(), TestCaseError> {
    let mut reducer = reducer(model, part);
    let whole = part.ops.iter().enumerate();
    let pieces = whole.map(|(at, op)| super::reduce::Piece { at, ret: op.ret }).collect();
    let initials = vec![model.initial()];
    let whole = Case { pieces, initials, since: None, sentence: None };
    let reduced = reducer.reduce(whole.clone());
    prop_assert!(legal(model, part, &reduced, &model.initial()), "reduced: {reduced:?}");
    for (cut, states) in super::sweep::cuts_of(model, &part.ops) {
        // Too many to be given, and nothing is refuted without one.
        if states.is_empty() {
            continue;
        }
        let window = reducer.behind(&whole, cut, states);
        for window in [window.clone(), reducer.reduce(window)] {
            let possible = window.initials.iter().any(|state| legal(model, part, &window, state));
            prop_assert!(possible, "behind {cut}: {window:?}");
        }
        let prefix = reducer.prefix(&whole, cut);
        prop_assert!(legal(model, part, &prefix, &model.initial()), "a prefix");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn evidence_about_a_queue_is_illegal_by_brute_force(plan in plans(queue_op(), 9)) {
        judge(&Queue, &plan)?;
    }

    #[test]
    fn evidence_about_a_counter_is_illegal_by_brute_force(plan in plans(counter_op(), 9)) {
        judge(&Counter, &plan)?;
    }
}
