//! Registers: every anomaly with its near miss, and all orders of small histories.

use super::super::finding::Reasons;
use super::super::graph::Dep;
use super::super::options::Sources;
use super::fixture::{hops, table};
use super::*;
use crate::transactions::finding::Finding;
use crate::transactions::table::TxnId;

const NONE: Sources =
    Sources { writes_follow_reads: false, sequential_keys: false, linearizable_keys: false };
const WFR: Sources = Sources { writes_follow_reads: true, ..NONE };
const SEQUENTIAL: Sources = Sources { sequential_keys: true, ..NONE };
const LINEARIZABLE: Sources = Sources { linearizable_keys: true, ..NONE };

/// What is wrong without a cycle, as the anomaly's name and the sentence.
fn wrong(lines: &[&str], sources: Sources) -> Vec<String> {
    let table = table(lines);
    let (inferred, _) = infer(&table, sources);
    let text = |finding: &Finding| format!("{}: {}", finding.anomaly.name(), finding.sentence);
    inferred.findings.iter().map(text).collect()
}

fn edges(lines: &[&str], sources: Sources) -> Vec<String> {
    hops(infer(&table(lines), sources).0.edges)
}

fn reason(lines: &[&str], sources: Sources, from: u32, dep: Dep, to: u32) -> String {
    let table = table(lines);
    let (_, register) = infer(&table, sources);
    register.reason(TxnId(from), TxnId(to), dep).map_or("none".to_owned(), |reason| reason.text)
}

#[test]
fn a_read_of_something_else_than_the_last_own_write_is_internal() {
    assert_eq!(
        wrong(&["0 ok x=1", "1 ok x=2 x?1"], NONE),
        [r#"internal: T3 read "x" = 1 although 2 is what it last saw itself."#]
    );
    assert_eq!(
        wrong(&["0 ok x=1", "1 ok x? x?1"], NONE),
        [r#"internal: T3 read "x" = 1 although null is what it last saw itself."#]
    );
    assert!(wrong(&["0 ok x=1", "1 ok x?1 x=2 x?2 x=3 x?3"], NONE).is_empty());
}

#[test]
fn a_read_of_what_is_written_later_is_a_future_read() {
    assert_eq!(
        wrong(&["0 ok x?1 x=1"], NONE),
        [r#"future-read: T1 read "x" = 1, which it wrote only later."#]
    );
    assert!(wrong(&["0 ok x=1 x?1"], NONE).is_empty());
}

#[test]
fn a_read_of_what_only_a_failed_transaction_wrote_is_g1a() {
    assert_eq!(
        wrong(&["0 fail x=1", "1 ok x?1"], NONE),
        [r#"G1a: T3 read "x" = 1, which only T1 wrote, and that failed."#]
    );
    assert!(wrong(&["0 info x=1", "1 ok x?1"], NONE).is_empty());
    assert!(wrong(&["0 fail x=1", "0 ok x=1", "1 ok x?1"], NONE).is_empty());
    assert!(wrong(&["0 ok x=1", "0 fail x=1 x=2", "1 ok x?1"], NONE).is_empty());
}

#[test]
fn a_read_of_what_its_writer_overwrote_is_g1b() {
    assert_eq!(
        wrong(&["0 ok x=1 x=2", "1 ok x?1"], NONE),
        [r#"G1b: T3 read "x" = 1, which T1 overwrote before it committed."#]
    );
    let both = wrong(&["0 fail x=1 x=2", "1 ok x?1"], NONE);
    assert!(both[0].starts_with("G1a") && both[1].starts_with("G1b"), "{both:?}");
    assert!(wrong(&["0 ok x=1 x=2", "1 ok x?2"], NONE).is_empty());
}

#[test]
fn a_read_of_what_nobody_wrote_is_garbage() {
    assert_eq!(
        wrong(&["0 ok x?7"], NONE),
        [r#"garbage-read: T1 read "x" = 7, which nobody wrote."#]
    );
    // An invocation that never completed may have written it.
    assert!(wrong(&["0 invoke x=7", "1 ok x?7"], NONE).is_empty());
}

#[test]
fn two_updates_of_the_same_version_are_a_lost_update() {
    assert_eq!(
        wrong(&["0 ok x=1", "1 ok x?1 x=2", "2 ok x?1 x=3"], NONE),
        [r#"lost-update: T3 and T5 both read "x" = 1 and then both wrote "x"."#]
    );
    assert!(wrong(&["0 ok x=1", "1 ok x?1 x=2", "2 info x?1 x=3"], NONE).is_empty());
    assert!(wrong(&["0 ok x=1", "1 ok x?1 x=2", "2 ok x=3 x?3"], NONE).is_empty());
}

#[test]
fn one_write_seen_and_another_missed_is_a_fractured_read() {
    assert_eq!(
        wrong(&["0 ok x=1 y=1", "1 ok x?1 y?"], NONE),
        [concat!(
            r#"fractured-read: T3 read "x" = 1 as T1 left it, but "y" = null, which is "#,
            "older than the 1 that T1 wrote with it."
        )]
    );
    assert!(wrong(&["0 ok x=1 y=1", "1 ok x?1 y?1"], NONE).is_empty());
    assert!(wrong(&["0 ok x=1", "0 ok y=1", "1 ok x?1 y?"], NONE).is_empty());
    // Through another version: 1 -> 2 -> 3, by read and write.
    let far = ["0 ok y=1", "0 ok y?1 y=2", "0 ok y?2 y=3 x=1", "1 ok x?1 y?1"];
    assert!(wrong(&far, NONE).is_empty());
    assert!(wrong(&far, WFR)[0].starts_with("fractured-read"));
}

#[test]
fn a_source_that_closes_a_circle_is_reported_and_left_out_for_all_keys() {
    let lines = ["0 ok x=1", "0 ok x=2", "0 ok x?1", "0 ok y=1", "0 ok y=2"];
    assert_eq!(
        wrong(&lines, SEQUENTIAL),
        [concat!(
            r#"cyclic-versions: The versions of key "x" go round in a circle if each key is "#,
            "taken to be sequentially consistent: 1 before 2 (process 0 wrote 1 in T1 and next ",
            "wrote 2 in T3), 2 before 1 (process 0 wrote 2 in T3 and next read 1 in T5)."
        )]
    );
    assert_eq!(edges(&lines, SEQUENTIAL), ["0 wr 2"]);
    let kept = ["0 ok x=1", "0 ok x=2", "0 ok x?2", "0 ok y=1", "0 ok y=2"];
    assert!(wrong(&kept, SEQUENTIAL).is_empty());
    assert_eq!(edges(&kept, SEQUENTIAL), ["0 ww 1", "1 wr 2", "3 ww 4"]);
}

#[test]
fn what_precedes_the_initial_state_closes_a_circle() {
    let lines = ["0 ok x=1", "0 ok x?"];
    let found = wrong(&lines, SEQUENTIAL);
    assert!(
        found[0].contains("null before 1 (everything follows the initial state), 1 before null"),
        "{found:?}"
    );
}

#[test]
fn writes_follow_reads_within_a_transaction() {
    let lines = ["0 ok x=1", "1 ok x?1 x=2", "2 ok x?1"];
    assert_eq!(edges(&lines, NONE), ["0 wr 1", "0 wr 2"]);
    assert_eq!(edges(&lines, WFR), ["0 wr 1", "0 ww 1", "0 wr 2", "2 rw 1"]);
}

#[test]
fn the_initial_state_precedes_every_version() {
    let lines = ["0 ok x?", "1 ok x=1", "2 ok x? x=2"];
    assert_eq!(edges(&lines, NONE), ["0 rw 1", "0 rw 2", "2 rw 1"]);
}

#[test]
fn a_process_shows_versions_in_their_order_if_keys_are_sequential() {
    let lines = ["0 ok x=1", "0 ok y?", "0 ok x=2", "1 ok x?1"];
    assert_eq!(edges(&lines, NONE), ["0 wr 3"]);
    assert_eq!(edges(&lines, SEQUENTIAL), ["0 ww 2", "0 wr 3", "3 rw 2"]);
}

#[test]
fn real_time_orders_versions_if_keys_are_linearizable() {
    let apart = ["0 ok x=1", "1 ok x=2", "2 ok x?1"];
    assert_eq!(edges(&apart, SEQUENTIAL), ["0 wr 2"]);
    // 1 before 2 by real time, and 2 before 1, which T5 still read.
    assert!(wrong(&apart, LINEARIZABLE)[0].starts_with("cyclic-versions"));
    let overlapping = ["0 ok x=1", "2 invoke", "1 ok x=2", "2 ok x?1"];
    assert_eq!(edges(&overlapping, LINEARIZABLE), ["0 ww 1", "0 wr 2", "2 rw 1"]);
}

#[test]
fn an_update_in_between_does_not_hide_the_order_around_it() {
    // T3 read 1 and wrote 2 in between; nothing is assumed of reads and writes in a transaction.
    let lines = ["0 ok x=1", "1 ok x?1 x=2", "2 ok x=3"];
    assert_eq!(edges(&lines, LINEARIZABLE), ["0 wr 1", "0 ww 2", "1 rw 2", "1 ww 2"]);
}

#[test]
fn a_transaction_of_unknown_outcome_counts_from_when_it_was_seen() {
    let unseen = ["0 info x=1", "1 ok x?"];
    assert!(edges(&unseen, NONE).is_empty());
    let seen = ["0 info x=1 y=1", "1 ok x?1", "2 ok y?"];
    assert_eq!(edges(&seen, NONE), ["0 wr 1", "2 rw 0"]);
}

#[test]
fn commit_timestamps_order_versions() {
    let lines = ["0 ok x=1@20", "1 ok x=2@10", "2 ok x?2@30"];
    assert_eq!(edges(&lines, NONE), ["1 ww 0", "1 wr 2", "2 rw 0"]);
    assert_eq!(
        reason(&lines, NONE, 1, Dep::Ww, 0),
        concat!(
            r#"wrote "x" = 2, and T1 wrote 1 after it: T3 committed at 10 and T1 at 20, and "#,
            "versions are taken to follow the commit timestamps"
        )
    );
    let tied = ["0 ok x=1@10", "1 ok x=2@10"];
    assert!(edges(&tied, NONE).is_empty());
}

#[test]
fn a_value_written_twice_is_ambiguous_only_if_it_was_read() {
    let lines = ["0 ok x=1", "1 ok x=1"];
    assert_eq!(infer(&table(&lines), NONE).0.unjudged, None);
    let read = table(&["0 ok x=1", "1 ok x=1", "2 ok x?1"]);
    let why = infer(&read, NONE).0.unjudged.expect("1 was written twice");
    assert!(why.contains("1 was written by T1 and again by T3"), "{why}");
}

#[test]
fn reasons_name_the_source_and_what_it_rests_on() {
    let lines = ["3 ok x=1", "3 ok x=2", "1 ok x?1 y?", "2 ok y=7"];
    assert_eq!(
        reason(&lines, SEQUENTIAL, 0, Dep::Ww, 1),
        concat!(
            r#"wrote "x" = 1, and T3 wrote 2 after it: process 3 wrote 1 in T1 and next wrote 2 "#,
            "in T3, and each key is taken to be sequentially consistent"
        )
    );
    assert_eq!(reason(&lines, SEQUENTIAL, 0, Dep::Wr, 2), r#"wrote "x" = 1, and T5 read it"#);
    assert_eq!(
        reason(&lines, SEQUENTIAL, 2, Dep::Rw, 3),
        r#"read "y" = null, and T7 wrote 7 after it: everything follows the initial state"#
    );
    assert_eq!(reason(&lines, NONE, 0, Dep::Ww, 1), "none");
    assert_eq!(
        reason(&lines[..2], LINEARIZABLE, 0, Dep::Ww, 1),
        concat!(
            r#"wrote "x" = 1, and T3 wrote 2 after it: T1 wrote 1 and was over before T3 began, "#,
            "which wrote 2, and each key is taken to be linearizable"
        )
    );
}

#[test]
fn gaps_say_how_many_orders_are_only_partly_known() {
    let gaps = |lines: &[&str], sources| infer(&table(lines), sources).0.gaps;
    let lines = ["0 ok x=1", "0 ok x=2", "0 ok y=1"];
    assert_eq!(gaps(&lines, NONE).len(), 1);
    assert!(gaps(&lines, NONE)[0].contains("for 1 of 2 keys"), "{:?}", gaps(&lines, NONE));
    assert!(gaps(&lines, SEQUENTIAL).is_empty());
}
