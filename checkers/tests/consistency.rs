//! Promises weaker than linearizability on long histories.

mod support;

use checkers::budget::Budget;
use checkers::consistency::{self, Consistency};
use checkers::linearizable::Semantics;
use checkers::verdict::Verdict;
use support::{Shape, simulate};

const SHAPE: Shape = Shape {
    operations: 2_000,
    keys: 4,
    clients: 5,
    values: 0,
    infos: 3,
    cas: true,
    stale_from: None,
    busy: false,
};

fn judged(shape: &Shape, seed: u64, promise: Consistency) -> Verdict {
    let history = simulate(shape, seed);
    let budget = Budget::default();
    consistency::check("kv keeps it", &history, promise, &Semantics::STRICT, &budget).verdict
}

fn promises() -> impl Iterator<Item = Consistency> {
    let all = Consistency::ALL.iter().map(|(_, promise)| *promise);
    all.filter(|promise| *promise != Consistency::Convergence)
}

#[test]
fn a_linearizable_history_keeps_every_promise() {
    for seed in 0..4 {
        for promise in promises() {
            assert_eq!(judged(&SHAPE, seed, promise), Verdict::Valid, "{} {seed}", promise.name());
        }
    }
}

#[test]
fn a_store_that_answers_from_the_past_breaks_every_promise_with_few_operations() {
    let stale = Shape { stale_from: Some(300), ..SHAPE };
    for seed in 0..4 {
        for promise in promises() {
            let Verdict::Invalid { evidence } = judged(&stale, seed, promise) else {
                panic!("{} is not broken by {seed}", promise.name());
            };
            assert!((1..=12).contains(&evidence.len()), "{} {seed}", promise.name());
        }
    }
}
