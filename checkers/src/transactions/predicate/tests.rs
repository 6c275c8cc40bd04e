//! Predicates: every anomaly with its near miss, and all orders of small histories.

use super::super::collect::{Collector, Kind, Misfit};
use super::super::finding::Reasons;
use super::super::prove;
use super::super::register::fixture::hops;
use super::*;
use crate::history::{Event, EventType, Process, Symbols, Value};
use proptest::collection::vec;
use proptest::prelude::*;

/// A history of values as JSON: each `ok`, or as the word before it says.
fn collected(values: &[impl AsRef<str>]) -> Result<Table, Misfit> {
    let f = Symbols::default().intern("txn");
    let mut collector = Collector::new(Kind::ClosedPredicate);
    for (index, value) in values.iter().enumerate() {
        let value = value.as_ref();
        let (kind, value) = match value.split_once(' ') {
            Some(("info", value)) => (EventType::Info, value),
            Some(("fail", value)) => (EventType::Fail, value),
            _ => (EventType::Ok, value),
        };
        let event = Event {
            time_ns: 0,
            value: Value::Nil,
            process: Process::client(0),
            f,
            key: None,
            node: None,
            error: None,
            kind,
        };
        let f = if value.starts_with('{') { "init" } else { "txn" };
        collector.event(index, &event, f, value)?;
    }
    collector.finish()
}

fn table(values: &[impl AsRef<str>]) -> Table {
    collected(values).expect("transactions")
}

fn edges(values: &[&str]) -> Vec<String> {
    hops(infer(&table(values)).0.edges)
}

fn wrong(values: &[&str]) -> Vec<String> {
    let table = table(values);
    let findings = infer(&table).0.findings;
    findings.iter().map(|found| format!("{}: {}", found.anomaly.name(), found.sentence)).collect()
}

fn reason(values: &[&str], from: u32, dep: Dep, to: u32) -> String {
    let table = table(values);
    let (_, predicates) = infer(&table);
    let reason = predicates.reason(TxnId(from), TxnId(to), dep);
    reason.map_or("none".to_owned(), |reason| reason.text)
}

const TWO: &str = r#"{"1":0,"2":0}"#;

#[test]
fn what_was_not_returned_was_met_in_the_one_version_that_does_not_match() {
    // Of 1, the version 5 would have matched: the read met 0, and T1 changes what matches.
    let unseen = [TWO, r#"[["w",1,5]]"#, r#"[["rp",["=",5],{}]]"#];
    assert_eq!(edges(&unseen), ["0 ww 1", "0 wrp 2", "2 rwp 1"]);
    // The read met 5: 0 would have matched.
    let seen = [TWO, r#"[["w",1,5]]"#, r#"[["rp",["=",0],{"2":0}]]"#];
    assert_eq!(edges(&seen), ["0 ww 1", "0 wrp 2", "1 wrp 2"]);
    // Neither matches: nobody knows which.
    let either = [r#"{"1":0}"#, r#"[["w",1,5]]"#, r#"[["rp",["=",9],{}]]"#];
    assert_eq!(edges(&either), ["0 ww 1"]);
    assert_eq!(
        infer(&table(&either)).0.gaps,
        ["1 times a read may have seen one of several versions"]
    );
}

#[test]
fn a_deleted_key_and_one_that_is_not_inserted_yet_match_nothing() {
    let deleted = [TWO, r#"[["delete",1]]"#, r#"[["rp","true",{"2":0}]]"#];
    assert_eq!(edges(&deleted), ["0 ww 1", "0 wrp 2", "1 wrp 2"]);
    let unborn = [r#"[["insert",1,5]]"#, r#"[["rp","true",{}]]"#];
    assert_eq!(edges(&unborn), ["1 rwp 0"]);
}

#[test]
fn a_count_of_all_or_of_none_says_what_was_met() {
    let of = |count: u32| {
        let read = format!(r#"[["count",["=",5],{count}]]"#);
        edges(&[TWO, r#"[["w",1,5],["w",2,5]]"#, &read])
    };
    assert_eq!(of(0), ["0 ww 1", "0 wrp 2", "2 rwp 1"]);
    assert_eq!(of(2), ["0 ww 1", "1 wrp 2"]);
    assert_eq!(of(1), ["0 ww 1"]);
    assert_eq!(
        wrong(&[TWO, r#"[["count",["=",0],1]]"#]),
        ["predicate-read-miss: T1 counted 1, where only 2 to 2 keys can match."]
    );
}

#[test]
fn what_every_version_matches_must_be_returned() {
    assert_eq!(
        wrong(&[TWO, r#"[["rp",["mod",2,0],{"2":0}]]"#]),
        ["predicate-read-miss: T1 did not return 1, all of whose versions match."]
    );
    assert!(wrong(&[TWO, r#"[["w",1,5]]"#, r#"[["rp",["mod",2,0],{"2":0}]]"#]).is_empty());
    assert_eq!(
        wrong(&[TWO, r#"[["rp",["mod",2,1],{"2":0}]]"#]),
        ["predicate-read-miss: T1 returned 2 = 0, which does not match."]
    );
}

#[test]
fn own_writes_are_seen() {
    assert_eq!(
        wrong(&[r#"[["insert",1,5],["rp","true",{}]]"#]),
        ["internal: T0 did not see its own write of 1."]
    );
    assert!(wrong(&[r#"[["insert",1,5],["rp","true",{"1":5}],["count","true",1]]"#]).is_empty());
    assert_eq!(
        wrong(&[TWO, r#"[["delete",1],["r",1,0]]"#]),
        ["internal: T1 read 1 = 0 although null is what it last saw itself."]
    );
    assert!(wrong(&[TWO, r#"[["r",1,0],["delete",1],["r",1,null]]"#]).is_empty());
}

#[test]
fn values_of_nobody_of_the_failed_and_of_the_overwritten_are_named() {
    assert_eq!(
        wrong(&[TWO, r#"[["rp",["=",7],{"1":7}]]"#]),
        ["garbage-read: T1 read 1 = 7, which nobody wrote."]
    );
    assert_eq!(
        wrong(&[TWO, r#"fail [["w",1,7]]"#, r#"[["r",1,7]]"#]),
        ["G1a: T2 read 1 = 7, which only T1 wrote, and that failed."]
    );
    assert_eq!(
        wrong(&[TWO, r#"[["w",1,7],["w",1,8]]"#, r#"[["r",1,7]]"#]),
        ["G1b: T2 read 1 = 7, which T1 overwrote before it committed."]
    );
    assert!(wrong(&[TWO, r#"info [["w",1,7]]"#, r#"[["r",1,7]]"#]).is_empty());
}

#[test]
fn null_is_resolved_where_only_one_version_is_nothing() {
    // Not there yet.
    assert_eq!(edges(&[r#"[["insert",1,5]]"#, r#"[["r",1,null]]"#]), ["1 rw 0"]);
    // There no more.
    let deleted = [TWO, r#"[["delete",1]]"#, r#"[["r",1,null]]"#];
    assert_eq!(edges(&deleted), ["0 ww 1", "1 wr 2"]);
    // Before the start, although there was something at the start.
    assert_eq!(edges(&[TWO, r#"[["r",1,null]]"#]), ["1 rw 0"]);
    // Either.
    assert!(edges(&[r#"[["insert",1,5]]"#, r#"[["delete",1]]"#, r#"[["r",1,null]]"#]).is_empty());
}

#[test]
fn a_key_that_is_written_twice_has_no_known_order() {
    let twice = [TWO, r#"[["w",1,5]]"#, r#"[["w",1,6]]"#, r#"[["r",1,5]]"#];
    assert_eq!(edges(&twice), ["0 ww 1", "0 ww 2", "1 wr 3"]);
    let gaps = infer(&table(&twice)).0.gaps;
    assert_eq!(gaps, ["1 keys were written more than once, in an order that nothing tells"]);
    let same = [TWO, r#"[["w",1,5]]"#, r#"[["w",1,5]]"#, r#"[["r",1,5]]"#];
    assert!(infer(&table(&same)).0.unjudged.is_some());
    assert!(infer(&table(&same[..3])).0.unjudged.is_none());
}

#[test]
fn reasons_name_what_was_met() {
    let unseen = [TWO, r#"[["w",1,5],["r",2,0]]"#, r#"[["rp",["=",5],{}]]"#];
    assert_eq!(
        reason(&unseen, 2, Dep::Rwp, 1),
        r#"read "rp [\"=\",5]" and met 1 = 0, and T1 wrote 1 = 5, which changes what matches"#
    );
    assert_eq!(
        reason(&unseen, 0, Dep::Wrp, 2),
        r#"wrote 1 = 0, which is what T2 met when it read "rp [\"=\",5]""#
    );
    assert_eq!(reason(&unseen, 0, Dep::Ww, 1), "wrote 1 = 0 at first, and T1 wrote 1 = 5");
    assert_eq!(reason(&unseen, 0, Dep::Wr, 1), "wrote 2 = 0, and T1 read it");
    assert_eq!(reason(&unseen, 1, Dep::Rwp, 2), "none");
    let item = [TWO, r#"[["r",1,0]]"#, r#"[["delete",1]]"#];
    assert_eq!(reason(&item, 1, Dep::Rw, 2), "read 1 = 0, and T2 deleted 1");
}

#[test]
fn what_is_no_predicate_is_named() {
    let misfit = |value: &str| collected(&[value]).expect_err(value).to_string();
    assert!(misfit(r#"[["rp",["<",3],{}]]"#).contains("expected a predicate"));
    assert!(misfit(r#"[["rp",["mod",0,0],{}]]"#).contains("expected a predicate"));
    assert!(misfit(r#"[["rp","true",null]]"#).contains("expected an object"));
    assert!(misfit(r#"[["count","true",-1]]"#).contains("expected how many there were"));
    assert!(misfit(r#"[["insert",1,null]]"#).contains("expected a value other than null"));
    assert!(misfit(r#"[["append",1,1]]"#).contains("expected a micro-operation"));
}

fn proved(values: &[impl AsRef<str>]) -> Result<(), String> {
    let table = table(values);
    prove::replay(&table, &infer(&table).0.edges.into_graph())
}

#[test]
fn an_order_that_explains_every_predicate_read_is_a_proof() {
    let seen = [TWO, r#"[["w",1,5],["insert",3,5]]"#, r#"[["rp",["=",5],{}],["count","true",2]]"#];
    assert_eq!(proved(&seen), Ok(()));
    let half = [TWO, r#"[["w",1,5],["insert",3,5]]"#, r#"[["count",["=",5],1]]"#];
    assert_eq!(
        proved(&half),
        Err(r#"T2 read "count [\"=\",5]" = 1, which the order that was tried does not explain"#
            .to_owned())
    );
}

/// Choices from bytes, so that a failing history shrinks.
fn below(tape: &mut &[u8], bound: usize) -> usize {
    let Some((first, rest)) = tape.split_first() else { return 0 };
    *tape = rest;
    usize::from(*first) % bound
}

/// A small history on three keys, one of which is there at first; run one after another, and now
/// and then a read sees another state than the last.
fn history(mut tape: &[u8]) -> Vec<String> {
    let mut states = vec![std::collections::BTreeMap::from([(1, 0)])];
    let mut lines = vec![r#"{"1":0}"#.to_owned()];
    for _ in 0..1 + below(&mut tape, 4) {
        let outcome = ["", "", "", "", "info ", "fail "][below(&mut tape, 6)];
        let mut mops = Vec::new();
        let mut state = states.last().expect("there is a first").clone();
        for _ in 0..=below(&mut tape, 3) {
            let key = 1 + below(&mut tape, 3);
            let odd = below(&mut tape, 8) == 0;
            let other = &states[below(&mut tape, states.len())];
            let seen = if odd { other } else { &state };
            let test = below(&mut tape, 3);
            let matching: Vec<_> = seen
                .iter()
                .filter(|(_, value)| [true, **value == 0, **value % 2 == 1][test])
                .map(|(key, value)| format!(r#""{key}":{value}"#))
                .collect();
            let test = [r#""true""#, r#"["=",0]"#, r#"["mod",2,1]"#][test];
            mops.push(match below(&mut tape, 6) {
                0 => {
                    let value = seen.get(&key).map_or("null".to_owned(), i32::to_string);
                    format!(r#"["r",{key},{value}]"#)
                }
                1 => format!(r#"["count",{test},{}]"#, matching.len()),
                2 | 3 => format!(r#"["rp",{test},{{{}}}]"#, matching.join(",")),
                4 => {
                    state.remove(&key);
                    format!(r#"["delete",{key}]"#)
                }
                _ => {
                    let value = (lines.len() * 10 + mops.len()) as i32;
                    state.insert(key, value);
                    format!(r#"["w",{key},{value}]"#)
                }
            });
        }
        if outcome.is_empty() || below(&mut tape, 2) == 0 {
            states.push(state);
        }
        lines.push(format!("{outcome}[{}]", mops.join(",")));
    }
    lines
}

/// Whether some order explains every read: all are tried, with every choice of what is undecided.
fn serializable(table: &Table) -> bool {
    let undecided: Vec<_> = table
        .txns()
        .filter(|(_, txn)| txn.is_possible() && !txn.is_ok())
        .map(|(id, _)| id)
        .collect();
    (0..1_u32 << undecided.len()).any(|chosen| {
        let mut happened: Vec<_> = table.txns().map(|(_, txn)| txn.is_ok()).collect();
        for (at, id) in undecided.iter().enumerate() {
            happened[id.index()] = chosen & 1 << at != 0;
        }
        let all: Vec<_> = (0..table.len() as u32).filter(|txn| happened[*txn as usize]).collect();
        orders(table, &happened, &mut Vec::new(), &all)
    })
}

fn orders(table: &Table, happened: &[bool], placed: &mut Vec<u32>, left: &[u32]) -> bool {
    if left.is_empty() {
        return replay(table, placed, happened).is_ok();
    }
    (0..left.len()).any(|at| {
        let mut rest = left.to_vec();
        placed.push(rest.remove(at));
        let works = orders(table, happened, placed, &rest);
        placed.pop();
        works
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn what_is_called_broken_has_no_order_and_what_is_proved_has_one(
        tape in vec(any::<u8>(), 0..80)
    ) {
        let table = table(&history(&tape));
        let (inferred, _) = infer(&table);
        let accused: Vec<_> = inferred.findings.iter().map(|found| &found.sentence).collect();
        let graph = inferred.edges.into_graph();
        let proof = prove::replay(&table, &graph);
        let cyclic = proof.as_ref().is_err_and(|why| why.contains("have a cycle"));
        if cyclic || !accused.is_empty() {
            prop_assert!(!serializable(&table), "{accused:?} {proof:?}");
        }
        if proof.is_ok() {
            prop_assert!(accused.is_empty() && serializable(&table), "{accused:?} {:?}", history(&tape));
        } else if inferred.gaps.is_empty() && accused.is_empty() && !cyclic {
            // Everything is known, and there is no cycle.
            prop_assert!(serializable(&table), "{proof:?} {:?}", history(&tape));
        }
    }
}
