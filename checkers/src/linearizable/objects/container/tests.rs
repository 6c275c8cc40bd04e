//! The containers' monitor against brute force.

use super::{Container, ContainerOp, Discipline};
use crate::history::{Datum, Process};
use crate::linearizable::engine::NEVER;
use crate::linearizable::model::{Answer, Call, Misfit, Model, Monitored, Part, Timed};
use crate::linearizable::oracle::{every_history, some_order};
use crate::linearizable::semantics::Semantics;
use ContainerOp::{Put, Take, TakeNothing, TakeUnknown};
use proptest::prelude::*;

const DISCIPLINES: [Discipline; 5] = [
    Discipline::Fifo,
    Discipline::Unordered,
    Discipline::Lifo,
    Discipline::LeastFirst,
    Discipline::GreatestFirst,
];

fn container(discipline: Discipline) -> Container {
    Container::new(discipline, &Semantics::JEPSEN)
}

fn put(value: i64) -> ContainerOp {
    Put(Datum::Int(value))
}

fn take(value: i64) -> ContainerOp {
    Take(Datum::Int(value))
}

/// The monitor says what brute force says, and its culprits alone are a contradiction.
fn agrees(model: &Container, part: &Part<ContainerOp>) -> Monitored {
    let legal = |ops: &[Timed<ContainerOp>]| some_order(model, ops, &[model.initial()]);
    let said = model.monitor(part);
    match &said {
        Monitored::Unfit(_) => {}
        Monitored::Legal => assert!(legal(&part.ops), "{model:?} {part:#?}"),
        Monitored::Illegal { culprits, sentence } => {
            assert!(!legal(&part.ops), "{model:?} {part:#?} {sentence}");
            let alone: Vec<_> = culprits.iter().map(|&at| part.ops[at as usize].clone()).collect();
            assert!(!legal(&alone), "{model:?} {part:#?} {sentence} {culprits:?}");
            assert!(culprits.is_sorted() && !sentence.is_empty());
        }
    }
    said
}

/// Whether the monitor has to decide: every value is put once.
fn fits(part: &Part<ContainerOp>) -> bool {
    let ops = || part.ops.iter().map(|timed| &timed.op);
    let puts = |op: &ContainerOp| ops().filter(|other| *other == op).count();
    ops().all(|op| !matches!(op, Put(_)) || puts(op) == 1)
}

/// How a history is recorded: only what somebody saw the end of has a result.
fn recorded(part: &Part<ContainerOp>) -> bool {
    part.ops.iter().all(|timed| match timed.op {
        Put(_) => true,
        Take(_) | TakeNothing => !timed.is_optional(),
        TakeUnknown => timed.is_optional(),
    })
}

#[test]
fn every_small_history() {
    let kinds = [put(1), put(2), take(1), take(2), TakeNothing, TakeUnknown];
    for discipline in DISCIPLINES {
        let model = container(discipline);
        let mut tally = [0; 2];
        for operations in 1..=4 {
            every_history(operations, &kinds, &mut |part| {
                if !recorded(part) {
                    return;
                }
                match agrees(&model, part) {
                    Monitored::Unfit(why) => assert!(!fits(part), "{why} {part:?}"),
                    Monitored::Legal => tally[0] += 1,
                    Monitored::Illegal { .. } => tally[1] += 1,
                }
            });
        }
        assert!(tally.iter().all(|&times| times > 10_000), "{discipline:?} {tally:?}");
    }
}

/// Shows every interleaving of the invocations and completions of these operations, those with
/// `true` without completion.
fn every_interleaving(ops: &[(ContainerOp, bool)], visit: &mut dyn FnMut(&Part<ContainerOp>)) {
    let mut part = Part { name: None, ops: Vec::new() };
    interleave(&mut ops.to_vec(), &mut part, 0, visit);
}

fn interleave(
    left: &mut Vec<(ContainerOp, bool)>,
    part: &mut Part<ContainerOp>,
    event: u32,
    visit: &mut dyn FnMut(&Part<ContainerOp>),
) {
    // While it is open, an operation that completes says so with this.
    const OPEN: u32 = NEVER - 1;
    for at in 0..left.len() {
        // Of two that are the same, the first is the first.
        if left[..at].contains(&left[at]) {
            continue;
        }
        let (op, optional) = left.remove(at);
        let ret = if optional { NEVER } else { OPEN };
        part.ops.push(Timed { op: op.clone(), invoke: event, ret, info: NEVER });
        interleave(left, part, event + 1, visit);
        part.ops.pop();
        left.insert(at, (op, optional));
    }
    for at in 0..part.ops.len() {
        if part.ops[at].ret == OPEN {
            part.ops[at].ret = event;
            interleave(left, part, event + 1, visit);
            part.ops[at].ret = OPEN;
        }
    }
    if left.is_empty() && part.ops.iter().all(|timed| timed.ret != OPEN) {
        visit(part);
    }
}

#[test]
fn every_interleaving_of_two_values_and_an_empty_take() {
    let ops = [put(1), put(2), take(1), take(2), TakeNothing].map(|op| (op, false));
    for discipline in DISCIPLINES {
        let model = container(discipline);
        every_interleaving(&ops, &mut |part| {
            assert!(!matches!(agrees(&model, part), Monitored::Unfit(_)));
        });
    }
}

/// What would happen to a monitor that is wrong: one of another discipline is caught.
#[test]
fn a_monitor_of_another_discipline_is_caught() {
    let ops = [put(1), put(2), take(1), take(2)].map(|op| (op, false));
    for discipline in DISCIPLINES {
        for other in DISCIPLINES.into_iter().filter(|other| *other != discipline) {
            let (model, other) = (container(discipline), container(other));
            let mut caught = 0;
            every_interleaving(&ops, &mut |part| {
                let legal = some_order(&model, &part.ops, &[model.initial()]);
                caught += u32::from((other.monitor(part) == Monitored::Legal) != legal);
            });
            assert!(caught > 0, "{model:?} {other:?}");
        }
    }
}

#[test]
fn every_interleaving_with_takes_of_unknown_result() {
    let ops = [put(1), put(2), put(3), take(3)].map(|op| (op, false));
    let unknown = (TakeUnknown, true);
    let empty = (TakeNothing, false);
    for discipline in DISCIPLINES {
        let model = container(discipline);
        let two = [ops.as_slice(), &[unknown.clone(), unknown.clone()]].concat();
        let nothing = [&ops[1..], &[unknown.clone(), empty.clone()]].concat();
        for ops in [two, nothing] {
            every_interleaving(&ops, &mut |part| {
                assert!(!matches!(agrees(&model, part), Monitored::Unfit(_)));
            });
        }
    }
}

/// Up to nine operations on up to four values. Events are shuffled within a window, so that some
/// histories are nearly sequential and some quite concurrent.
fn history() -> impl Strategy<Value = Part<ContainerOp>> {
    let value = (any::<bool>(), 0..8_u8, any::<[u8; 4]>());
    let others = proptest::collection::vec((0..3_u8, any::<[u8; 2]>()), 0..3);
    (proptest::collection::vec(value, 1..=4), others, 2..80_u32).prop_map(
        |(values, others, wide)| {
            // When an event happens, and of which operation it is.
            let mut events: Vec<(u32, usize)> = Vec::new();
            let mut ops: Vec<(ContainerOp, bool)> = Vec::new();
            let mut add = |op, optional, at: u32, jitter: [u8; 2]| {
                let width = |byte: u8| u32::from(byte) % wide;
                let from = at + width(jitter[0]);
                events.extend([(from, ops.len()), (from + 1 + width(jitter[1]), ops.len())]);
                ops.push((op, optional));
            };
            for (value, (taken, put_optional, at)) in (1..).zip(values) {
                let from = u32::from(at[0] % 64);
                add(put(value), put_optional == 0, from, [at[1], at[2]]);
                if taken {
                    add(take(value), false, from + u32::from(at[3] % 64), [at[2], at[1]]);
                }
            }
            for (kind, at) in others {
                let op = if kind == 0 { TakeUnknown } else { TakeNothing };
                add(op, kind == 0, u32::from(at[0] % 128), [at[1], at[0]]);
            }
            events.sort_unstable();
            part(&ops, events.into_iter().map(|(_, op)| op))
        },
    )
}

/// The first mention of an operation invokes it, the second one completes it.
fn part(ops: &[(ContainerOp, bool)], events: impl Iterator<Item = usize>) -> Part<ContainerOp> {
    let mut timed: Vec<(usize, Timed<ContainerOp>)> = Vec::new();
    for (event, number) in (0..).zip(events) {
        let (op, optional) = &ops[number];
        match timed.iter_mut().find(|(other, _)| *other == number) {
            Some((_, timed)) if !optional => timed.ret = event,
            Some(_) => {}
            None => {
                let op = op.clone();
                timed.push((number, Timed { op, invoke: event, ret: NEVER, info: NEVER }));
            }
        }
    }
    Part { name: None, ops: timed.into_iter().map(|(_, timed)| timed).collect() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, ..ProptestConfig::default() })]

    #[test]
    fn every_history_of_several_values(part in history(), discipline in 0..5_usize) {
        let discipline = DISCIPLINES[discipline];
        let said = agrees(&container(discipline), &part);
        prop_assert!(!matches!(said, Monitored::Unfit(_)) || !fits(&part));
    }
}

/// Operations with their invocations and completions.
fn ops(ops: &[(ContainerOp, u32, u32)]) -> Part<ContainerOp> {
    let timed = |(op, invoke, ret): &(ContainerOp, u32, u32)| Timed {
        op: op.clone(),
        invoke: *invoke,
        ret: *ret,
        info: NEVER,
    };
    Part { name: None, ops: ops.iter().map(timed).collect() }
}

type Case<'a> = (Discipline, &'a [(ContainerOp, u32, u32)], &'a [u32], &'a str);

#[test]
fn sentences_name_the_few_operations_that_contradict_each_other() {
    let three = [(put(3), 0, 1), (put(4), 2, 3)];
    let with = |others: &[(ContainerOp, u32, u32)]| [&three[..], others].concat();
    let cases: &[Case<'_>] = &[
        (Discipline::Fifo, &[(take(3), 0, 1)], &[0], "3 was dequeued, but nobody enqueued it"),
        (
            Discipline::Unordered,
            &with(&[(take(3), 4, 5), (take(3), 6, 7)]),
            &[0, 2, 3],
            "3 was dequeued twice, but was enqueued once",
        ),
        (
            Discipline::Lifo,
            &[(take(3), 0, 1), (put(3), 2, 3)],
            &[0, 1],
            "the pop of 3 had ended before the push of 3 began",
        ),
        (
            Discipline::Fifo,
            &with(&[(take(4), 4, 5), (take(3), 6, 7)]),
            &[0, 1, 2, 3],
            "4 was enqueued after 3 had been, but was dequeued before the dequeue of 3 began",
        ),
        (
            Discipline::Fifo,
            &with(&[(take(4), 4, 5)]),
            &[0, 1, 2],
            "4 was enqueued after 3 had been, and was dequeued, but 3 had not been dequeued before",
        ),
        (
            Discipline::Fifo,
            &with(&[(take(4), 4, 5), (TakeUnknown, 6, NEVER)]),
            &[0, 1, 2],
            "4 was enqueued after 3 had been, and was dequeued, but 3 had not been dequeued \
             before; the dequeues of unknown result do not suffice for what had to be gone by then",
        ),
        (
            Discipline::Unordered,
            &with(&[(TakeNothing, 4, 5)]),
            &[0, 2],
            "dequeue found the queue empty, while 3 was inside all the time",
        ),
        (
            Discipline::Lifo,
            &[(put(3), 0, 1), (TakeNothing, 2, 7), (put(4), 3, 4), (take(3), 5, 6)],
            &[0, 1, 2, 3],
            "pop found the stack empty, while at every moment one of 3 and 4 was inside",
        ),
        (
            Discipline::Lifo,
            &with(&[(take(3), 4, 5), (take(4), 6, 7)]),
            &[0, 1, 2, 3],
            "4 was pushed while 3 was inside, and 3 popped while 4 was inside",
        ),
        (
            Discipline::LeastFirst,
            &with(&[(take(4), 4, 5)]),
            &[0, 1, 2],
            "4 was polled, while 3 was inside all the time, which comes first",
        ),
        (
            Discipline::GreatestFirst,
            &with(&[(take(3), 4, 5)]),
            &[0, 1, 2],
            "3 was polled, while 4 was inside all the time, which comes first",
        ),
    ];
    for (discipline, history, culprits, sentence) in cases {
        let said = agrees(&container(*discipline), &ops(history));
        let (culprits, sentence) = (culprits.to_vec(), (*sentence).to_owned());
        assert_eq!(said, Monitored::Illegal { culprits, sentence });
    }
}

fn reading(
    discipline: Discipline,
    f: &str,
    argument: &str,
    answer: Answer<'_>,
) -> Result<Option<ContainerOp>, Misfit> {
    let (process, argument) = (Process::client(0), Datum::from_json_text(argument));
    container(discipline).read(&Call { process, f, key: None, argument, answer })
}

#[test]
fn answers_are_read_as_jepsen_means_them() {
    let read = |f, argument, answer| reading(Discipline::Fifo, f, argument, answer);
    let ok = |text| Answer::Ok(Datum::from_json_text(text));
    assert_eq!(read("enqueue", "3", ok("null")), Ok(Some(put(3))));
    assert_eq!(read("enqueue", "3", ok("3")), Ok(Some(put(3))));
    assert_eq!(read("enqueue", "3", Answer::Unknown), Ok(Some(put(3))));
    assert_eq!(read("enqueue", "3", Answer::Fail(None)), Ok(None));
    assert_eq!(read("dequeue", "null", ok("3")), Ok(Some(take(3))));
    assert_eq!(read("dequeue", "null", ok("null")), Ok(Some(TakeNothing)));
    assert_eq!(read("dequeue", "null", Answer::Unknown), Ok(Some(TakeUnknown)));
    assert_eq!(read("dequeue", "null", Answer::Fail(Some("empty"))), Ok(None));
}

#[test]
fn other_shapes_are_refused() {
    let ok = |text| Answer::Ok(Datum::from_json_text(text));
    for (discipline, [put, take]) in [
        (Discipline::Fifo, ["enqueue", "dequeue"]),
        (Discipline::Unordered, ["enqueue", "dequeue"]),
        (Discipline::Lifo, ["push", "pop"]),
        (Discipline::LeastFirst, ["insert", "poll"]),
        (Discipline::GreatestFirst, ["insert", "poll"]),
    ] {
        let read = |f, argument, answer| reading(discipline, f, argument, answer);
        assert!(read(take, "null", ok("[1, 2]")).is_ok());
        assert!(matches!(read(put, "null", ok("null")), Err(Misfit::Shape(_))));
        assert!(matches!(read(put, "3", ok("4")), Err(Misfit::Shape(_))));
        assert!(matches!(read("read", "null", ok("4")), Err(Misfit::Function(_))));
    }
}

#[test]
fn texts_are_bounded_and_escaped() {
    let queue = container(Discipline::Fifo);
    let long = Datum::from_json(serde_json::Value::String("x\u{1b}".repeat(1_000)));
    let text = queue.op_text(&Put(long.clone()));
    assert!(text.len() < 400 && !text.contains('\u{1b}'), "{text}");
    let text = queue.state_text(&vec![long; 1_000]);
    assert!(text.len() < 10_000 && text.contains("and 980 more"), "{text}");
}

/// A stack of 300 values that are pushed and popped one inside the other, and in the middle two
/// that are popped in the wrong order: those two are named.
#[test]
fn a_tangle_deep_in_a_stack_is_two_values() {
    let mut part = Part { name: None, ops: Vec::new() };
    let mut event = 0;
    let order = (0..300).map(put).chain([take(298), take(299)]).chain((0..298).rev().map(take));
    for op in order {
        part.ops.push(Timed { op, invoke: event, ret: event + 1, info: NEVER });
        event += 2;
    }
    match container(Discipline::Lifo).monitor(&part) {
        Monitored::Illegal { culprits, .. } => assert_eq!(culprits, [298, 299, 300, 301]),
        other => panic!("{other:?}"),
    }
}
