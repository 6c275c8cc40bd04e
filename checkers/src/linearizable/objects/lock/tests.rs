//! Locks against brute force, random and exhaustive.

use super::super::super::model::{Model, Monitored, Part};
use super::super::agreement::{Said, compare, on_all, part, parts};
use super::*;
use proptest::prelude::*;

fn acquire(process: u32) -> LockOp {
    LockOp::Acquire(Process::client(process))
}

fn release(process: u32) -> LockOp {
    LockOp::Release(Process::client(process))
}

fn given(token: i64) -> FencedOp {
    FencedOp { op: acquire(0), token: Some(token) }
}

fn taken(token: i64) -> FencedOp {
    FencedOp { op: release(0), token: Some(token) }
}

fn nameless(op: LockOp) -> FencedOp {
    FencedOp { op, token: None }
}

#[test]
fn permits_are_decided_as_brute_force_decides_them() {
    for (permits, operations) in [(1, 5), (2, 5), (0, 3)] {
        let said = on_all(&Semaphore { permits }, operations, &[acquire(0), release(0)]);
        assert!(said.illegal > 100 && said.legal > 10 && said.unfit == 0, "{said:?}");
    }
}

#[test]
fn fenced_locks_are_decided_as_brute_force_decides_them() {
    let kinds = [given(1), given(2), taken(1), taken(2)];
    let said = on_all(&FencedLock, 4, &kinds);
    assert!(said.legal > 500 && said.illegal > 5_000, "{said:?}");
    let kinds = [given(1), given(2), nameless(acquire(0)), nameless(release(0))];
    let said = on_all(&FencedLock, 4, &kinds);
    assert!(said.legal > 500 && said.illegal > 5_000, "{said:?}");
    let kinds = [given(1), nameless(acquire(0)), taken(1), nameless(release(0))];
    let said = on_all(&FencedLock, 4, &kinds);
    assert!(said.legal > 500 && said.illegal > 1_000 && said.unfit > 1_000, "{said:?}");
}

#[test]
fn reentrant_mutexes_are_decided_as_brute_force_decides_them() {
    let said = on_all(&ReentrantMutex, 4, &[acquire(0), release(0), acquire(1), release(1)]);
    assert!(said.legal > 500 && said.illegal > 1_000, "{said:?}");
}

/// Histories of workers that acquire and release in turn, most of the time; after an operation
/// of unknown result a worker goes on under another number.
fn sane(workers: u32) -> impl Strategy<Value = Part<LockOp>> {
    prop::collection::vec((0..workers, 0..8_u8, 0..10_u8), 1..24).prop_map(move |choices| {
        let mut processes: Vec<u32> = (0..workers).collect();
        let mut open: Vec<Option<(LockOp, u32)>> = vec![None; workers as usize];
        let mut holds = vec![0_u32; workers as usize];
        let mut ops = Vec::new();
        let mut reborn = workers;
        for (index, (worker, kind, fate)) in (0_u32..).zip(choices) {
            let at = worker as usize;
            let Some((op, begin)) = open[at].take() else {
                let is_release = (kind > 1) == (holds[at] > 0) && kind > 0;
                let kind = if is_release { release } else { acquire };
                open[at] = Some((kind(processes[at]), index));
                continue;
            };
            if fate == 0 {
                ops.push((op, begin, None));
                (processes[at], holds[at], reborn) = (reborn, 0, reborn + 1);
            } else {
                ops.push((op, begin, Some(index)));
                let change = if op.is_release() { -1 } else { 1 };
                holds[at] = holds[at].saturating_add_signed(change);
            }
        }
        ops.extend(open.into_iter().flatten().map(|(op, begin)| (op, begin, None)));
        part(&ops)
    })
}

proptest! {
    #[test]
    fn workers_on_a_mutex(part in sane(3)) {
        compare(&Semaphore::MUTEX, &part, &mut Said::default());
    }

    #[test]
    fn workers_on_a_semaphore(part in sane(4)) {
        compare(&Semaphore { permits: 2 }, &part, &mut Said::default());
    }

    #[test]
    fn workers_on_a_reentrant_mutex(part in sane(3)) {
        let mut said = Said::default();
        compare(&ReentrantMutex, &part, &mut said);
        prop_assert_eq!(said.unfit, 0);
    }

    #[test]
    fn larger_histories_of_permits(part in parts(vec![acquire(0), release(0)], 8)) {
        compare(&Semaphore::MUTEX, &part, &mut Said::default());
        compare(&Semaphore { permits: 3 }, &part, &mut Said::default());
    }

    #[test]
    fn larger_histories_with_tokens(
        named in parts(vec![given(1), given(2), given(3), taken(1), taken(2), taken(3)], 7),
        nameless in parts(vec![
            given(1), given(2), given(3), nameless(release(0)), nameless(release(1)),
            nameless(acquire(0)),
        ], 7),
    ) {
        compare(&FencedLock, &named, &mut Said::default());
        compare(&FencedLock, &nameless, &mut Said::default());
    }
}

fn refuted<M: Model>(model: &M, ops: &[(M::Op, u32, Option<u32>)]) -> (Vec<u32>, String) {
    match model.monitor(&part(ops)) {
        Monitored::Illegal { culprits, sentence } => (culprits, sentence),
        other => panic!("{other:?}"),
    }
}

#[test]
fn two_holders_are_named() {
    let ops = [
        (acquire(1), 0, Some(1)),
        (release(1), 2, Some(3)),
        (acquire(2), 4, Some(5)),
        (acquire(3), 6, Some(7)),
        (release(2), 8, Some(9)),
    ];
    let (culprits, sentence) = refuted(&Semaphore::MUTEX, &ops);
    assert_eq!(culprits, [2, 3]);
    assert!(sentence.starts_with("process 2 and process 3 hold the lock at once"), "{sentence}");
    let (culprits, sentence) = refuted(&ReentrantMutex, &ops);
    assert_eq!(culprits, [2, 3, 4]);
    assert!(sentence.starts_with("process 2 and process 3 hold the lock at once"), "{sentence}");
}

#[test]
fn a_release_of_nothing_is_named_with_the_one_before() {
    let ops = [(acquire(1), 0, Some(1)), (release(1), 2, Some(3)), (release(2), 4, Some(5))];
    let (culprits, sentence) = refuted(&Semaphore::MUTEX, &ops);
    assert_eq!(culprits, [0, 1, 2]);
    assert!(sentence.contains("release by process 1 ended the last hold"), "{sentence}");
    let (culprits, sentence) = refuted(&ReentrantMutex, &ops);
    assert_eq!(culprits, [2]);
    assert!(sentence.ends_with("this process had never acquired it"), "{sentence}");
}

#[test]
fn a_permit_too_many_is_named_with_the_others() {
    let ops = [(acquire(1), 0, Some(1)), (acquire(2), 2, Some(3)), (acquire(3), 4, Some(5))];
    let (culprits, sentence) = refuted(&Semaphore { permits: 2 }, &ops);
    assert_eq!(culprits, [0, 1, 2]);
    assert!(sentence.contains("when all permits were out (2)"), "{sentence}");
}

#[test]
fn a_holder_that_was_lost_holds_for_ever_unless_it_was_about_to_release() {
    let lost = [(acquire(1), 0, Some(1)), (acquire(1), 2, None), (acquire(2), 4, Some(5))];
    assert_eq!(refuted(&ReentrantMutex, &lost).0, [0, 2]);
    let letting_go = [(acquire(1), 0, Some(1)), (release(1), 2, None), (acquire(2), 4, Some(5))];
    assert_eq!(ReentrantMutex.monitor(&part(&letting_go)), Monitored::Legal);
}

#[test]
fn stale_tokens_are_named() {
    let stale =
        [(given(7), 0, Some(1)), (nameless(release(0)), 2, Some(3)), (given(5), 4, Some(5))];
    let (culprits, sentence) = refuted(&FencedLock, &stale);
    assert_eq!(culprits, [0, 2]);
    assert_eq!(
        sentence,
        "acquire by process 0 -> token 7 completed before acquire by process 0 -> token 5 began"
    );
    let twice = [(given(7), 0, Some(1)), (taken(7), 2, Some(3)), (given(7), 4, Some(5))];
    assert!(refuted(&FencedLock, &twice).1.ends_with("were both given token 7"));
    let early = [(given(1), 0, Some(1)), (given(2), 2, Some(3)), (taken(1), 4, Some(5))];
    let (culprits, sentence) = refuted(&FencedLock, &early);
    assert_eq!(culprits, [0, 1, 2]);
    assert!(sentence.starts_with("acquire by process 0 -> token 2 completed before"), "{sentence}");
    let never = [(given(1), 0, Some(1)), (given(2), 2, Some(3)), (taken(2), 4, Some(5))];
    assert!(refuted(&FencedLock, &never).1.ends_with("was never released"));
    let foreign = [(given(1), 0, Some(1)), (taken(3), 2, Some(3))];
    assert!(refuted(&FencedLock, &foreign).1.ends_with("nobody was given that token"));
}

fn call<'a>(f: &'a str, argument: &str, answer: Answer<'a>) -> Call<'a> {
    let argument = Datum::from_json_text(argument);
    Call { process: Process::client(4), f, key: None, argument, answer }
}

fn ok(text: &str) -> Answer<'static> {
    Answer::Ok(Datum::from_json_text(text))
}

#[test]
fn operations_are_read_from_all_their_shapes() {
    let read = |call: Call<'_>| Semaphore::MUTEX.read(&call);
    assert_eq!(read(call("lock", "null", ok("null"))), Ok(Some(acquire(4))));
    assert_eq!(read(call("release", "\"n1\"", Answer::Unknown)), Ok(Some(release(4))));
    assert_eq!(read(call("acquire", "null", Answer::Fail(None))), Ok(None));
    assert!(matches!(read(call("acquire", "null", ok("false"))), Err(Misfit::Shape(_))));
    assert!(matches!(read(call("read", "null", ok("1"))), Err(Misfit::Function(_))));
    let token = |call: Call<'_>| FencedLock.read(&call).map(|op| op.and_then(|op| op.token));
    assert_eq!(token(call("acquire", "null", ok("5"))), Ok(Some(5)));
    assert_eq!(token(call("acquire", "null", ok(r#"{"fence": 5}"#))), Ok(Some(5)));
    assert_eq!(token(call("acquire", "5", Answer::Unknown)), Ok(None));
    assert_eq!(token(call("release", r#"{"token": 5}"#, ok("null"))), Ok(Some(5)));
    assert_eq!(token(call("release", "null", ok("5"))), Ok(None));
    assert!(matches!(token(call("acquire", "null", ok("\"x\""))), Err(Misfit::Shape(_))));
}
