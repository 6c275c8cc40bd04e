//! The containers' monitor against brute force.

use super::{Container, ContainerOp, Discipline};
use crate::history::{Datum, Process};
use crate::linearizable::engine::NEVER;
use crate::linearizable::model::{Answer, Call, Misfit, Model, Monitored, Part, Timed};
use crate::linearizable::oracle::{every_history, some_order};
use crate::linearizable::semantics::Semantics;
use proptest::prelude::*;
use ContainerOp::{Put, Take, TakeNothing, TakeUnknown};

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

/// How often it was unfit, and said legal and illegal.
fn tally(model: &Container, operations: usize, kinds: &[ContainerOp]) -> [usize; 3] {
    let mut tally = [0; 3];
    every_history(operations, kinds, &mut |part| {
        let taken = |timed: &Timed<_>| matches!(timed.op, Take(_) | TakeNothing);
        if part.ops.iter().any(|timed| timed.is_optional() && taken(timed)) {
            return;
        }
        tally[match agrees(model, part) {
            Monitored::Unfit(_) => 0,
            Monitored::Legal => 1,
            Monitored::Illegal { .. } => 2,
        }] += 1;
    });
    tally
}

#[test]
fn every_small_history() {
    for discipline in DISCIPLINES {
        let model = container(discipline);
        for operations in 1..=4 {
            let kinds = [put(1), put(2), take(1), take(2), TakeNothing];
            println!("{discipline:?} {operations} {:?}", tally(&model, operations, &kinds));
        }
    }
}
