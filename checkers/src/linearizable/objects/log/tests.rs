//! Logs against brute force, random and exhaustive.

use super::super::agreement::{Said, compare, on_all, part, parts};
use super::*;
use crate::history::Process;
use proptest::prelude::*;

const LOG: Log = Log { first: 0, nil_read: NilRead::Found };

fn append(value: i64, offset: Option<i64>) -> LogOp {
    LogOp::Append { value: Datum::Int(value), offset }
}

fn read(values: &[i64]) -> LogOp {
    from(0, values, true)
}

fn from(from: i64, values: &[i64], to_the_end: bool) -> LogOp {
    let entries = (from..).zip(values.iter().copied().map(Datum::Int)).collect();
    LogOp::Read { from, entries, to_the_end }
}

#[test]
fn logs_with_offsets_are_decided_as_brute_force_decides_them() {
    let kinds = [append(7, Some(0)), append(8, Some(1)), append(9, None), from(1, &[], true)];
    let said = on_all(&LOG, 4, &kinds);
    assert!(said.legal > 5_000 && said.illegal > 5_000, "{said:?}");
    let kinds = [append(7, None), append(8, Some(2)), append(9, None), from(1, &[7], false)];
    let said = on_all(&LOG, 4, &kinds);
    assert!(said.legal > 5_000 && said.illegal > 5_000, "{said:?}");
}

#[test]
fn logs_without_offsets_are_decided_as_brute_force_decides_them() {
    let kinds = [append(7, None), append(8, None), read(&[7]), read(&[7, 8])];
    let said = on_all(&LOG, 4, &kinds);
    assert!(said.legal > 1_000 && said.illegal > 5_000, "{said:?}");
    let kinds = [append(7, None), append(8, None), read(&[8]), from(1, &[7], true)];
    let said = on_all(&LOG, 4, &kinds);
    assert!(said.legal > 1_000 && said.illegal > 5_000, "{said:?}");
}

proptest! {
    #[test]
    fn larger_histories_with_offsets(part in parts(vec![
        append(5, Some(0)), append(6, Some(1)), append(7, Some(2)), append(8, Some(3)),
        append(9, None), append(9, None), from(2, &[7], false), from(3, &[], true),
    ], 7)) {
        compare(&LOG, &part, &mut Said::default());
    }

    #[test]
    fn larger_histories_without_offsets(part in distinct(5)) {
        compare(&LOG, &part, &mut Said::default());
    }
}

/// Appends of different values, and reads of what was appended so far in order of invocation, or
/// a little less or more.
fn distinct(values: i64) -> impl Strategy<Value = Part<LogOp>> {
    let reads = prop::collection::vec((0..60_u32, 1..20_u32, 0..values, any::<bool>()), 0..4);
    let appends = prop::collection::vec((0..60_u32, 1..20_u32, 0..8_u8, 0..4_u8), values as usize);
    (appends, reads).prop_map(|(mut appends, reads)| {
        appends.sort_unstable_by_key(|&(begin, ..)| begin);
        let mut ops: Vec<(LogOp, u32, Option<u32>)> = Vec::new();
        for (value, (begin, length, fate, knows)) in (0..).zip(appends) {
            let end = (fate > 0).then_some(begin + length);
            ops.push((append(value, end.filter(|_| knows == 0).and(Some(value))), begin, end));
        }
        for (begin, length, until, whole) in reads {
            let values: Vec<i64> = (0..until).collect();
            let skip = if whole { 0 } else { values.len() / 2 };
            let op = from(skip as i64, &values[skip..], whole);
            ops.push((op, begin, Some(begin + length)));
        }
        part(&ops)
    })
}

fn refuted(ops: &[(LogOp, u32, Option<u32>)]) -> (Vec<u32>, String) {
    match LOG.monitor(&part(ops)) {
        Monitored::Illegal { culprits, sentence } => (culprits, sentence),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_reordered_log_is_told_by_two_appends() {
    let reordered = [(append(7, Some(1)), 0, Some(1)), (append(8, Some(0)), 2, Some(3))];
    let (culprits, sentence) = refuted(&reordered);
    assert_eq!(culprits, [0, 1]);
    assert!(sentence.starts_with("append 7 -> offset 1 completed before append 8"), "{sentence}");
    let by_read =
        [(append(7, None), 0, Some(1)), (append(8, None), 2, Some(3)), (read(&[8, 7]), 4, Some(5))];
    assert_eq!(refuted(&by_read).0, [0, 1, 2]);
}

#[test]
fn a_lost_append_is_told_with_the_read_that_lacks_it() {
    let lost = [(append(7, Some(0)), 0, Some(1)), (read(&[]), 2, Some(3))];
    let (culprits, sentence) = refuted(&lost);
    assert_eq!(culprits, [0, 1]);
    assert!(sentence.ends_with("began, which ends before it"), "{sentence}");
    let seen = [
        (append(7, None), 0, Some(9)),
        (from(0, &[7], false), 1, Some(2)),
        (read(&[]), 3, Some(4)),
    ];
    assert_eq!(refuted(&seen).0, [0, 1, 2]);
}

#[test]
fn what_nobody_appended_and_what_stands_twice_is_told() {
    assert_eq!(refuted(&[(append(7, None), 0, Some(1)), (read(&[8]), 2, Some(3))]).0, [1]);
    let twice = [
        (append(7, None), 0, Some(1)),
        (append(8, None), 0, Some(1)),
        (from(0, &[7, 7], false), 2, Some(3)),
    ];
    assert_eq!(refuted(&twice).0, [0, 2]);
    let shared = [(append(7, Some(0)), 0, Some(1)), (append(7, Some(0)), 2, Some(3))];
    assert!(refuted(&shared).1.ends_with("share an offset"));
    let torn = [
        (append(7, Some(0)), 0, Some(1)),
        (append(8, Some(1)), 0, Some(1)),
        (from(0, &[8], false), 2, Some(3)),
    ];
    assert!(refuted(&torn).1.contains("says 7 at offset 0"));
}

#[test]
fn an_offset_beyond_all_appends_costs_nothing() {
    let far = [(append(7, Some(i64::MAX)), 0, Some(1)), (from(i64::MAX, &[], true), 2, Some(3))];
    assert!(refuted(&far).1.contains("of 1 appends"));
    let far = [(from(i64::MAX, &[], true), 2, Some(3))];
    assert_eq!(LOG.monitor(&part(&far)), Monitored::Legal);
}

fn op(f: &str, argument: &str, answer: &str) -> Result<Option<LogOp>, Misfit> {
    let argument = Datum::from_json_text(argument);
    let answer = Answer::Ok(Datum::from_json_text(answer));
    LOG.read(&Call { process: Process::client(0), f, key: None, argument, answer })
}

#[test]
fn operations_are_read_from_all_their_shapes() {
    assert_eq!(op("append", "7", "3"), Ok(Some(append(7, Some(3)))));
    assert_eq!(op("send", "7", "[3, 7]"), Ok(Some(append(7, Some(3)))));
    assert_eq!(op("append", "7", "null"), Ok(Some(append(7, None))));
    assert_eq!(op("read", "null", "[7, 8, 9]"), Ok(Some(read(&[7, 8, 9]))));
    assert_eq!(op("read", "null", "[7, 8]"), Ok(Some(read(&[7, 8]))));
    assert_eq!(op("read", "2", "[[2, 7], [3, 8]]"), Ok(Some(from(2, &[7, 8], true))));
    assert_eq!(op("poll", "null", "[[2, 7]]"), Ok(Some(from(2, &[7], false))));
    assert_eq!(op("poll", "4", "[]"), Ok(Some(from(4, &[], false))));
    assert_eq!(op("poll", "null", "[]"), Ok(None));
    assert_eq!(op("read", "null", "null"), Ok(Some(read(&[]))));
    let wrong = [
        ("append", "null", "1"),
        ("append", "7", "[3, 8]"),
        ("append", "7", "\"x\""),
        ("read", "\"x\"", "[]"),
        ("read", "null", "7"),
        ("poll", "null", "[7, 8, 9]"),
    ];
    for (f, argument, answer) in wrong {
        assert!(
            matches!(op(f, argument, answer), Err(Misfit::Shape(_))),
            "{f} {argument} {answer}"
        );
    }
    assert!(matches!(op("trim", "1", "null"), Err(Misfit::Function(_))));
    assert!(matches!(op("read", "9223372036854775807", "[1]"), Err(Misfit::Shape(_))));
    let far = op("poll", "null", "[[9223372036854775807, 7], [0, 7]]").unwrap().unwrap();
    assert!(refuted(&[(far, 0, Some(1))]).1.contains("of 0 appends"));
    let skipped = op("read", "2", "[[2, 7], [4, 8]]").unwrap().unwrap();
    assert!(refuted(&[(skipped, 0, Some(1))]).1.contains("of 0 appends"));
}
