//! Counters against brute force, random and exhaustive.

use super::super::agreement::{Said, compare, on_all, part, parts};
use super::CounterOp::{Add, Read};
use super::*;
use proptest::prelude::*;

const COUNTER: Counter = Counter { initial: 0, nil_read: NilRead::Unconstrained };

#[test]
fn equal_steps_are_decided_as_brute_force_decides_them() {
    let said = on_all(&COUNTER, 4, &[Add(1), Read(0), Read(1), Read(2)]);
    assert!(said.legal > 10_000 && said.illegal > 10_000, "{said:?}");
    assert_eq!(said.unfit, 0);
    let down = Counter { initial: 3, ..COUNTER };
    let said = on_all(&down, 4, &[Add(-2), Read(3), Read(1), Read(-1)]);
    assert!(said.legal > 10_000 && said.illegal > 10_000, "{said:?}");
    assert_eq!(said.unfit, 0);
}

#[test]
fn unequal_steps_are_refuted_or_left_to_the_search() {
    let said = on_all(&COUNTER, 4, &[Add(1), Add(-1), Add(0), Read(0), Read(2)]);
    assert!(said.illegal > 10_000 && said.unfit > 10_000, "{said:?}");
}

proptest! {
    #[test]
    fn larger_histories_too(
        part in parts(vec![Add(1), Add(1), Add(1), Read(1), Read(2), Read(3)], 7)
    ) {
        compare(&COUNTER, &part, &mut Said::default());
    }

    #[test]
    fn larger_histories_of_unequal_steps(
        part in parts(vec![Add(2), Add(-3), Read(0), Read(-1)], 6)
    ) {
        compare(&COUNTER, &part, &mut Said::default());
    }
}

fn verdict(ops: &[(CounterOp, u32, Option<u32>)]) -> String {
    match COUNTER.monitor(&part(ops)) {
        Monitored::Legal => "legal".to_owned(),
        Monitored::Unfit(why) => why,
        Monitored::Illegal { culprits, sentence } => format!("{culprits:?} {sentence}"),
    }
}

#[test]
fn a_lost_increment_is_told_with_the_adds_that_it_lost() {
    let lost = [(Add(1), 0, Some(1)), (Add(1), 2, Some(3)), (Read(1), 4, Some(5))];
    assert_eq!(
        verdict(&lost),
        "[0, 1, 2] read -> 1 is impossible: the adds that completed before it began, and those \
         that overlap it, make 2 or more"
    );
    let fell = [(Add(1), 0, Some(20)), (Read(1), 1, Some(2)), (Read(0), 3, Some(4))];
    assert_eq!(
        verdict(&fell),
        "[1, 2] read -> 1 completed before read -> 0 began, and the counter never falls"
    );
    let behind =
        [(Add(1), 0, Some(20)), (Read(1), 1, Some(2)), (Add(1), 3, Some(4)), (Read(1), 5, Some(6))];
    assert_eq!(
        verdict(&behind),
        "[1, 2, 3] read -> 1 completed, and one more add 1 behind it, before read -> 1 began, and \
         the counter never falls"
    );
}

#[test]
fn sums_beyond_64_bits_are_no_accident() {
    let most = i64::MAX;
    let ops = [(Add(most), 0, Some(1)), (Add(most), 2, Some(3)), (Read(most), 4, Some(5))];
    assert!(verdict(&ops).contains("18446744073709551614 or more"), "{}", verdict(&ops));
}

#[test]
fn operations_are_read_with_their_defaults() {
    let call = |f, argument, answer| Call {
        process: crate::history::Process::client(0),
        f,
        key: None,
        argument,
        answer,
    };
    let ok = || Answer::Ok(Datum::Nil);
    let read = |call: Call<'_>| COUNTER.read(&call);
    assert_eq!(read(call("increment", Datum::Nil, ok())), Ok(Some(Add(1))));
    assert_eq!(read(call("decrement", Datum::Int(4), ok())), Ok(Some(Add(-4))));
    assert_eq!(read(call("add", Datum::Int(-2), Answer::Unknown)), Ok(Some(Add(-2))));
    assert_eq!(read(call("add", Datum::Int(-2), Answer::Fail(None))), Ok(None));
    assert_eq!(read(call("read", Datum::Nil, ok())), Ok(None));
    let strict = Counter { nil_read: NilRead::Found, ..COUNTER };
    assert_eq!(strict.read(&call("read", Datum::Nil, ok())), Ok(Some(Read(0))));
    let pair = Answer::Ok(Datum::Pair(1, 2));
    assert!(matches!(read(call("read", Datum::Nil, pair)), Err(Misfit::Shape(_))));
    assert!(matches!(read(call("cas", Datum::Nil, ok())), Err(Misfit::Function(_))));
    let least = Datum::Int(i64::MIN);
    assert!(matches!(read(call("decrement", least, ok())), Err(Misfit::Shape(_))));
}
