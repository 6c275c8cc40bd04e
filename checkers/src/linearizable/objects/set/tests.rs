//! The sets' monitor against brute force.

use super::{Set, SetOp, counted};
use crate::history::Datum;
use crate::linearizable::engine::NEVER;
use crate::linearizable::model::{Model, Monitored, Part, Timed};
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
    println!("{tally:?}");
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
