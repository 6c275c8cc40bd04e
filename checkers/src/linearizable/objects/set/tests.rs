//! The sets' monitor against brute force.

use super::{Set, SetOp, counted};
use crate::history::{Datum, Process};
use crate::linearizable::engine::NEVER;
use crate::linearizable::model::{Answer, Call, Misfit, Model, Monitored, Part, Timed};
use crate::linearizable::oracle::{every_history, some_order};
use crate::linearizable::semantics::Semantics;
use SetOp::{Add, Contains, Count, Remove};
use proptest::prelude::*;

fn add(element: i64) -> SetOp {
    Add(Datum::Int(element))
}

fn remove(element: i64) -> SetOp {
    Remove(Datum::Int(element))
}

fn contains(element: i64, found: bool) -> SetOp {
    Contains(Datum::Int(element), found)
}

fn count(element: i64, found: u64) -> SetOp {
    Count(Datum::Int(element), found)
}

fn read(elements: &[i64]) -> SetOp {
    SetOp::Read(counted(elements.iter().copied().map(Datum::Int).collect()))
}

/// The monitor says what brute force says, and its culprits alone are a contradiction.
fn agrees(model: &Set, part: &Part<SetOp>) -> Monitored {
    let legal = |ops: &[Timed<SetOp>]| some_order(model, ops, &[model.initial()]);
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

fn observes(op: &SetOp) -> bool {
    Set::new(&Semantics::JEPSEN).observes_only(op)
}

/// Every history of up to so many of these: how many are legal, illegal and left to the search.
fn every(model: &Set, operations: usize, kinds: &[SetOp]) -> [usize; 3] {
    let mut tally = [0; 3];
    for operations in 1..=operations {
        every_history(operations, kinds, &mut |part| {
            if part.ops.iter().any(|timed| timed.is_optional() && observes(&timed.op)) {
                return;
            }
            tally[match agrees(model, part) {
                Monitored::Legal => 0,
                Monitored::Illegal { .. } => 1,
                Monitored::Unfit(_) => 2,
            }] += 1;
        });
    }
    tally
}

#[test]
fn every_small_history_of_one_element() {
    let set = Set::new(&Semantics::JEPSEN);
    let kinds = [add(1), remove(1), contains(1, true), contains(1, false)];
    let [legal, illegal, unfit] = every(&set, 4, &kinds);
    assert!(legal > 10_000 && illegal > 10_000 && unfit == 0);
    let multiset = Set::multiset(&Semantics::JEPSEN);
    let kinds = [add(1), remove(1), count(1, 0), count(1, 1), count(1, 2)];
    let [legal, illegal, unfit] = every(&multiset, 4, &kinds);
    assert!(legal > 10_000 && illegal > 10_000 && unfit == 0);
}

#[test]
fn every_small_history_of_a_growing_set() {
    let set = Set::new(&Semantics::JEPSEN);
    let kinds = [add(1), add(2), read(&[]), read(&[1]), read(&[2]), read(&[1, 2])];
    let [legal, illegal, unfit] = every(&set, 4, &kinds);
    assert!(legal > 1_000 && illegal > 10_000 && unfit == 0);
    let kinds = [add(1), contains(1, true), contains(1, false), read(&[]), read(&[1])];
    let [legal, illegal, unfit] = every(&set, 4, &kinds);
    assert!(legal > 1_000 && illegal > 10_000 && unfit == 0);
}

#[test]
fn every_small_history_of_a_growing_multiset() {
    let multiset = Set::multiset(&Semantics::JEPSEN);
    let kinds = [add(1), read(&[1, 1]), read(&[1]), contains(1, true), count(1, 1)];
    let [legal, illegal, unfit] = every(&multiset, 3, &kinds);
    assert!(legal > 100 && illegal > 1_000 && unfit > 0);
}

#[test]
fn reads_and_removes_are_refuted_where_one_element_tells() {
    let set = Set::new(&Semantics::JEPSEN);
    let kinds = [add(1), remove(1), read(&[]), read(&[1])];
    let [legal, illegal, unfit] = every(&set, 4, &kinds);
    // With one element the reads are looks at it, so that every contradiction is found.
    assert!(legal > 100 && illegal > 10_000 && unfit > 10_000);
    let multiset = Set::multiset(&Semantics::JEPSEN);
    every(&multiset, 3, &[add(1), remove(1), add(2), read(&[1, 1]), read(&[1]), read(&[2])]);
}

/// An operation, whether it never returns, and when it begins and ends.
type Drawn = ((SetOp, bool), [u8; 2]);

fn drawn(removes: bool, reads: bool) -> impl Strategy<Value = Vec<Drawn>> {
    let element = || 0..3_i64;
    let op = prop_oneof![
        3 => element().prop_map(add),
        u32::from(removes) * 2 + 1 => element().prop_map(move |element| {
            if removes { remove(element) } else { add(element) }
        }),
        2 => (element(), any::<bool>()).prop_map(|(element, found)| contains(element, found)),
        2 => (proptest::collection::btree_set(element(), 0..=3), element()).prop_map(
            move |(elements, one)| {
                if reads { read(&Vec::from_iter(elements)) } else { contains(one, true) }
            }
        ),
    ];
    let op = (op, proptest::bool::weighted(0.15)).prop_map(|(op, optional)| {
        let changes = !observes(&op);
        (op, optional && changes)
    });
    proptest::collection::vec((op, any::<[u8; 2]>()), 1..=8)
}

/// Operations begin in their order, more or less; the wider, the more concurrent they are.
fn part(drawn: &[Drawn], wide: u8) -> Part<SetOp> {
    let mut events: Vec<(u32, usize)> = Vec::new();
    for (number, (_, jitter)) in drawn.iter().enumerate() {
        let from = number as u32 * 8 + u32::from(jitter[0] % wide);
        events.extend([(from, number), (from + 1 + u32::from(jitter[1] % wide), number)]);
    }
    events.sort_unstable();
    let mut part = Part { name: None, ops: Vec::new() };
    let mut numbers = Vec::new();
    for (event, (_, number)) in (0..).zip(events) {
        let (op, optional) = &drawn[number].0;
        match numbers.iter().position(|other| *other == number) {
            Some(at) if !optional => part.ops[at].ret = event,
            Some(_) => {}
            None => {
                numbers.push(number);
                part.ops.push(Timed { op: op.clone(), invoke: event, ret: NEVER, info: NEVER });
            }
        }
    }
    part
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, ..ProptestConfig::default() })]

    #[test]
    fn every_history_of_several_elements(drawn in drawn(true, false), wide in 1..80_u8) {
        let said = agrees(&Set::new(&Semantics::JEPSEN), &part(&drawn, wide));
        prop_assert!(!matches!(said, Monitored::Unfit(_)));
    }

    #[test]
    fn every_growing_history_of_several_elements(drawn in drawn(false, true), wide in 1..80_u8) {
        let said = agrees(&Set::new(&Semantics::JEPSEN), &part(&drawn, wide));
        prop_assert!(!matches!(said, Monitored::Unfit(_)));
    }

    #[test]
    fn nothing_false_is_said_of_multisets_reads_and_removes(
        drawn in drawn(true, true),
        wide in 1..80_u8,
        multiset in any::<bool>(),
    ) {
        let semantics = &Semantics::JEPSEN;
        let set = if multiset { Set::multiset(semantics) } else { Set::new(semantics) };
        agrees(&set, &part(&drawn, wide));
    }
}

/// Operations with their invocations and completions.
fn ops(ops: &[(SetOp, u32, u32)]) -> Part<SetOp> {
    let timed = |(op, invoke, ret): &(SetOp, u32, u32)| Timed {
        op: op.clone(),
        invoke: *invoke,
        ret: *ret,
        info: NEVER,
    };
    Part { name: None, ops: ops.iter().map(timed).collect() }
}

type Case<'a> = (&'a [(SetOp, u32, u32)], &'a [u32], &'a str);

#[test]
fn sentences_name_the_few_operations_that_contradict_each_other() {
    let cases: &[Case<'_>] = &[
        (
            &[(add(2), 0, 1), (contains(1, true), 2, 3)],
            &[1],
            "`contains 1 -> true`, but nobody added 1",
        ),
        (
            &[(contains(1, true), 0, 1), (add(1), 2, 3)],
            &[0, 1],
            "`contains 1 -> true` had ended before the add of 1 began",
        ),
        (
            &[(add(1), 0, 1), (contains(1, true), 2, 3), (contains(1, false), 4, 5)],
            &[0, 2],
            "`contains 1 -> false` began after the add of 1 had completed, and nobody had removed \
             it",
        ),
        (
            &[
                (add(1), 0, 1),
                (remove(1), 2, 3),
                (contains(2, false), 4, 5),
                (contains(1, true), 6, 7),
            ],
            &[0, 1, 3],
            "no order of what added and removed 1 explains what was found",
        ),
        (
            &[(add(1), 0, 5), (add(2), 1, 6), (read(&[1]), 2, 7), (read(&[2]), 3, 8)],
            &[0, 1, 2, 3],
            "one read lists 1 and not 2, another one 2 and not 1",
        ),
        (
            &[(add(1), 0, 1), (add(2), 2, 3), (read(&[2]), 4, 5)],
            &[0, 2],
            "1 was there before a read began that does not list it",
        ),
        (
            &[(read(&[1]), 0, 1), (add(1), 2, 3)],
            &[0, 1],
            "a read lists 1, but had ended before 1 could be there",
        ),
        (
            &[(add(1), 0, NEVER), (read(&[1]), 1, 2), (read(&[]), 3, 4)],
            &[0, 1, 2],
            "one read lists 1, and a read that began later does not",
        ),
        (
            &[(read(&[2]), 0, 5), (add(1), 1, 2), (add(2), 3, 4)],
            &[0, 1, 2],
            "a read lists 2 and not 1, but 1 was there before 2",
        ),
        (
            &[(add(1), 0, 1), (read(&[1, 1]), 2, 3)],
            &[0, 1],
            "a read lists 1 2 times, which is more than it was there",
        ),
    ];
    for (history, culprits, sentence) in cases {
        let said = agrees(&Set::new(&Semantics::JEPSEN), &ops(history));
        let (culprits, sentence) = (culprits.to_vec(), (*sentence).to_owned());
        assert_eq!(said, Monitored::Illegal { culprits, sentence });
    }
}

fn reading(
    set: &Set,
    f: &str,
    argument: &str,
    answer: Option<&str>,
) -> Result<Option<SetOp>, Misfit> {
    let datum = |text: &str| Datum::from_json_text(text);
    let answer = answer.map_or(Answer::Unknown, |answer| Answer::Ok(datum(answer)));
    let (process, argument) = (Process::client(0), datum(argument));
    set.read(&Call { process, f, key: None, argument, answer })
}

#[test]
fn answers_come_in_several_shapes() {
    let set = Set::new(&Semantics::JEPSEN);
    let multiset = Set::multiset(&Semantics::JEPSEN);
    assert_eq!(reading(&set, "contains", "3", Some("[3, true]")), Ok(Some(contains(3, true))));
    assert_eq!(reading(&set, "contains", "3", Some("false")), Ok(Some(contains(3, false))));
    assert_eq!(reading(&multiset, "count", "3", Some("[3, 2]")), Ok(Some(count(3, 2))));
    assert_eq!(reading(&multiset, "count", "3", Some("0")), Ok(Some(count(3, 0))));
    assert_eq!(reading(&set, "add", "3", Some("3")), Ok(Some(add(3))));
    assert_eq!(reading(&set, "remove", "3", None), Ok(Some(remove(3))));
    assert_eq!(reading(&set, "read", "null", Some("[2, 1]")), Ok(Some(read(&[1, 2]))));
    assert_eq!(reading(&set, "read", "null", Some("[3, 1, 2]")), Ok(Some(read(&[1, 2, 3]))));
    assert_eq!(reading(&set, "read", "null", None), Ok(None));
    // A nil read says nothing, unless it is said to be a result.
    assert_eq!(reading(&set, "read", "null", Some("null")), Ok(None));
    let strict = Set::new(&Semantics::STRICT);
    assert_eq!(reading(&strict, "read", "null", Some("null")), Ok(Some(read(&[]))));
}

#[test]
fn other_shapes_are_refused() {
    let set = Set::new(&Semantics::STRICT);
    let misfits = [
        ("add", "null", None),
        ("add", "3", Some("4")),
        ("add", "3", Some("true")),
        ("contains", "3", Some("7")),
        ("contains", "3", Some("null")),
        ("contains", "3", Some("[4, true]")),
        ("read", "null", Some("7")),
    ];
    for (f, argument, answer) in misfits {
        let said = reading(&set, f, argument, answer);
        assert!(matches!(said, Err(Misfit::Shape(_))), "{f} {argument} {answer:?} {said:?}");
    }
    let functions = Err(Misfit::Function("add, remove, contains and read"));
    assert_eq!(reading(&set, "count", "3", Some("1")), functions);
    let multiset = Set::multiset(&Semantics::STRICT);
    for answer in ["-1", "true", "[4, 1]"] {
        let said = reading(&multiset, "count", "3", Some(answer));
        assert!(matches!(said, Err(Misfit::Shape(_))), "{answer} {said:?}");
    }
}

/// An element that comes and goes a hundred times is searched; a single wrong look is found.
#[test]
fn a_wrong_look_at_an_element_that_comes_and_goes_is_found() {
    let history = |wrong: u32| {
        let op = |at: u32| match at % 4 {
            0 => add(1),
            2 => remove(1),
            look => contains(1, (look == 1) != (at == wrong)),
        };
        ops(&Vec::from_iter((0..400).map(|at| (op(at), at * 2, at * 2 + 1))))
    };
    let set = Set::new(&Semantics::JEPSEN);
    assert_eq!(set.monitor(&history(u32::MAX)), Monitored::Legal);
    for wrong in [1, 203, 399] {
        let said = set.monitor(&history(wrong));
        let Monitored::Illegal { culprits, sentence } = said else { panic!("{said:?}") };
        assert!(culprits.contains(&wrong));
        assert_eq!(sentence, "no order of what added and removed 1 explains what was found");
    }
}
