//! Linearizations of random legal histories verify, and spoilt ones do not.

use super::super::evidence::tests::{Counter, Plan, Queue, counter_op, plans, queue_op};
use super::super::model::Model;
use super::super::oracle::some_order;
use super::super::{Object, Semantics, calls, check};
use super::{linearize, linearize_model, verify};
use crate::budget::Budget;
use crate::verdict::Verdict;
use proptest::prelude::*;

/// Whatever has an order is given one, and nothing else is.
fn judge<M: Model>(model: &M, plan: &Plan, spoil: usize) -> Result<(), TestCaseError> {
    let (history, semantics) = (plan.history(), Semantics::STRICT);
    let Ok(calls) = calls::read(&history, model, &semantics) else { return Ok(()) };
    let part = &calls.parts[0];
    let legal = some_order(model, &part.ops, &[model.initial()]);
    let found = linearize_model("a claim", &history, model, &semantics, &Budget::default());
    prop_assert_eq!(found.is_ok(), legal, "{:?}", found);
    let Ok(found) = found else { return Ok(()) };
    let position = |invoke: &usize| {
        let at = part.ops.iter().position(|timed| timed.invoke as usize == *invoke);
        at.expect("it is an invocation of the history") as u32
    };
    let order: Vec<u32> = found.parts[0].invokes.iter().map(position).collect();
    prop_assert_eq!(verify(model, part, &order), Ok(()));
    if order.is_empty() {
        return Ok(());
    }
    let spoil = spoil % order.len();
    let mut twice = order.clone();
    twice.push(order[spoil]);
    prop_assert!(verify(model, part, &twice).is_err(), "one operation twice");
    let mut fewer = order.clone();
    let gone = &part.ops[fewer.remove(spoil) as usize];
    prop_assert!(gone.is_optional() || verify(model, part, &fewer).is_err(), "one is missing");
    for at in 0..spoil {
        let (early, late) = (order[at] as usize, order[spoil] as usize);
        if part.ops[early].ret < part.ops[late].invoke {
            let mut swapped = order.clone();
            swapped.swap(at, spoil);
            prop_assert!(verify(model, part, &swapped).is_err(), "against real time");
        }
    }
    Ok(())
}

fn register_op() -> impl Strategy<Value = (&'static str, Option<i64>)> + Clone {
    prop_oneof![
        3 => (0..3_i64).prop_map(|value| ("write", Some(value))),
        3 => (0..3_i64).prop_map(|value| ("read", Some(value))),
        1 => Just(("read", None)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn a_queue_that_is_linearizable_has_a_linearization(
        plan in plans(queue_op(), 8),
        spoil in any::<usize>(),
    ) {
        judge(&Queue, &plan, spoil)?;
    }

    #[test]
    fn a_counter_that_is_linearizable_has_a_linearization(
        plan in plans(counter_op(), 8),
        spoil in any::<usize>(),
    ) {
        judge(&Counter, &plan, spoil)?;
    }

    #[test]
    fn a_register_that_is_linearizable_has_a_linearization(plan in plans(register_op(), 8)) {
        let (history, semantics, budget) = (plan.history(), Semantics::STRICT, Budget::default());
        let object = Object::Register;
        let judgement = check("a claim", &history, object, &semantics, &budget);
        let found = linearize("a claim", &history, object, &semantics, &budget);
        match judgement.verdict {
            // What is given is verified already, with another model than the engines'.
            Verdict::Valid => prop_assert!(found.is_ok(), "{:?}", found),
            _ => prop_assert_eq!(found, Err(Box::new(judgement))),
        }
    }
}
