//! Histories of a simulated register: the correct one is never accused, the one with a planted
//! stale read always, by evidence that a person can check.

mod support;

use checkers::budget::Budget;
use checkers::linearizable::{self, Object, Semantics};
use checkers::verdict::Verdict;
use support::{Shape, simulate};

const SHAPES: [Shape; 5] = {
    let shape = Shape {
        operations: 600,
        keys: 3,
        clients: 5,
        values: 5,
        infos: 3,
        cas: true,
        stale_from: None,
        busy: false,
    };
    [
        shape,
        Shape { values: 0, ..shape },
        Shape { values: 0, clients: 20, cas: false, ..shape },
        Shape { infos: 20, cas: false, ..shape },
        Shape { clients: 10, infos: 0, ..shape },
    ]
};

fn verdict(shape: &Shape, seed: u64) -> Verdict {
    let history = simulate(shape, seed);
    linearizable::check("", &history, Object::CasRegister, &Semantics::STRICT, &Budget::default())
        .verdict
}

#[test]
fn a_correct_register_is_never_accused() {
    for shape in SHAPES {
        for seed in 0..10 {
            assert_eq!(verdict(&shape, seed), Verdict::Valid, "{shape:?}, seed {seed}");
        }
    }
}

#[test]
fn a_stale_read_is_found_and_shown_by_at_most_twelve_operations() {
    let mut accused = 0;
    for shape in SHAPES {
        for seed in 0..10 {
            let shape = Shape { stale_from: Some(50), ..shape };
            if let Verdict::Invalid { evidence } = verdict(&shape, seed) {
                accused += 1;
                assert!(evidence.len() <= 12, "{shape:?}, seed {seed}: {} ops", evidence.len());
            }
        }
    }
    // Of five values, what was there a while ago may by chance be there again, but rarely.
    assert!(accused >= 40, "{accused} of 50");
}

#[test]
fn a_spent_budget_is_unknown_and_says_how_far_it_got() {
    let budget = Budget { configurations_max: 3_000, ..Budget::default() };
    let history = simulate(&Shape { keys: 1, operations: 5_000, ..SHAPES[0] }, 1);
    let judgement =
        linearizable::check("", &history, Object::CasRegister, &Semantics::STRICT, &budget);
    let Verdict::Unknown { why } = &judgement.verdict else { panic!("{judgement:?}") };
    assert!(why.starts_with("the budget was spent: 0 of 1 keys are linearizable"), "{why}");
    let again = linearizable::check("", &history, Object::CasRegister, &Semantics::STRICT, &budget);
    assert_eq!(judgement, again);
}

#[test]
fn a_raised_flag_is_unknown() {
    let stop = std::sync::atomic::AtomicBool::new(true);
    let budget = Budget { stop: Some(&stop), ..Budget::default() };
    let history = simulate(&SHAPES[0], 1);
    let judgement =
        linearizable::check("", &history, Object::CasRegister, &Semantics::STRICT, &budget);
    let Verdict::Unknown { why } = judgement.verdict else { panic!("{judgement:?}") };
    assert!(why.starts_with("time was up"), "{why}");
}
