//! What can be proved, and that nothing is proved that has no order.

use super::*;
use crate::history::{Event, EventType, Process, Symbols, Value};
use crate::transactions::collect::{Collector, Kind};
use crate::transactions::graph::{Dep, Edges};
use crate::transactions::lattice::Anomaly;
use crate::transactions::options::Sources;
use crate::transactions::register::fixture::table;
use crate::transactions::register::infer;
use proptest::collection::vec;
use proptest::prelude::*;

fn sources(asked: &str) -> Sources {
    Sources {
        writes_follow_reads: asked.contains('w'),
        sequential_keys: asked.contains('s'),
        linearizable_keys: asked.contains('l'),
    }
}

fn proved(lines: &[&str], asked: &str) -> Result<(), String> {
    let table = table(lines);
    replay(&table, &infer(&table, sources(asked)).0.edges.into_graph())
}

#[test]
fn an_order_that_explains_every_read_is_a_proof() {
    assert_eq!(proved(&["0 ok x=1", "1 ok x?1 y=1", "2 ok y? x?1"], ""), Ok(()));
}

#[test]
fn readers_come_before_who_overwrites_what_they_read() {
    // The last one completed last and read what the second one overwrote, or may have: nothing
    // orders the two writes.
    assert_eq!(proved(&["0 ok x=1", "1 ok x=2", "2 ok x?1"], ""), Ok(()));
    // Each of the first two is in the way of the other's readers, so that one has to be first.
    let crossed = ["0 ok x=1 y=1", "1 ok x=2 y=2", "2 ok x?1 y?1", "3 ok x?2 y?2"];
    assert_eq!(proved(&crossed, ""), Ok(()));
}

#[test]
fn the_reader_that_overwrites_what_it_read_does_not_wait_for_itself() {
    let lines = ["0 ok x=1", "1 ok x=3", "2 ok x?1 x=2", "3 ok x?1"];
    assert_eq!(proved(&lines, ""), Ok(()));
}

#[test]
fn a_read_that_no_order_explains_is_named() {
    let why = proved(&["0 ok x=1", "1 ok x?1 x=2", "2 ok x?1 x=3"], "").expect_err("lost update");
    assert!(why.contains("overwrites a value of key \"x\" that others read later"), "{why}");
    let why = proved(&["0 ok x=1", "1 ok x?7"], "").expect_err("garbage");
    assert_eq!(why, r#"T3 read "x" = 7 where the order that was tried holds 1"#);
    let why = proved(&["0 ok x=1", "1 ok x?1 x?"], "").expect_err("internal");
    assert_eq!(why, r#"T3 read "x" = null where the order that was tried holds 1"#);
    let why = proved(&["0 ok x=1 y?1", "1 ok y=1 x?1"], "").expect_err("a cycle");
    assert_eq!(why, CYCLE);
}

#[test]
fn what_nobody_saw_need_not_have_happened_and_what_was_seen_must_have() {
    assert_eq!(proved(&["0 ok x=1", "1 info x=2", "2 ok x?1"], ""), Ok(()));
    assert_eq!(proved(&["0 info x=1 y=1", "1 ok x?1 y?1"], ""), Ok(()));
    assert!(proved(&["0 info x=1 y=1", "1 ok x?1 y?"], "").is_err());
    assert!(proved(&["0 fail x=1", "1 ok x?1"], "").is_err());
}

/// List-append from JSON values of committed transactions, in order.
fn lists_proved(values: &[&str], edges: &[(u32, u32)]) -> Result<(), String> {
    let mut collector = Collector::new(Kind::ListAppend);
    let f = Symbols::default().intern("txn");
    for (index, value) in values.iter().enumerate() {
        let event = Event {
            time_ns: 0,
            value: Value::Nil,
            process: Process::client(0),
            f,
            key: None,
            node: None,
            error: None,
            kind: EventType::Ok,
        };
        collector.event(index, &event, "txn", value).expect("a transaction");
    }
    let table = collector.finish().expect("transactions");
    let mut graph = Edges::new(table.len());
    edges.iter().for_each(|(from, to)| graph.add(*from, *to, Dep::Wr));
    replay(&table, &graph.into_graph())
}

#[test]
fn list_reads_are_compared_by_length_and_by_elements() {
    let appends = [r#"[["append",1,1]]"#, r#"[["append",1,2]]"#];
    let with = |read: &'static str| [appends[0], appends[1], read];
    assert_eq!(lists_proved(&with(r#"[["r",1,[1,2]]]"#), &[]), Ok(()));
    assert_eq!(
        lists_proved(&with(r#"[["r",1,[1]]]"#), &[]),
        Err("T2 read 1 elements of key 1, and the order that was tried has 2 there".to_owned())
    );
    // The reader before the second append: the order is the graph's, not that of completion.
    assert_eq!(lists_proved(&with(r#"[["r",1,[1]]]"#), &[(2, 1)]), Ok(()));
    assert_eq!(
        lists_proved(&with(r#"[["r",1,[2,1]]]"#), &[]),
        Err("T2 read 2 elements of key 1, and the order that was tried has 2 others there"
            .to_owned())
    );
    assert_eq!(lists_proved(&with(r#"[["r",1,[2,1]]]"#), &[(1, 0)]), Ok(()));
    assert_eq!(
        lists_proved(&with(r#"[["r",1,[]],["append",1,3],["r",1,[3]]]"#), &[(2, 0), (2, 1)]),
        Ok(())
    );
    let cycle = lists_proved(&appends, &[(0, 1), (1, 0)]);
    assert_eq!(cycle, Err(CYCLE.to_owned()));
}

#[test]
fn a_chain_of_a_million_transactions_needs_no_recursion() {
    const TXNS: usize = 1_000_000;
    // Backwards: the search begins at the last, which leads to all others.
    let mut edges = Edges::new(TXNS);
    for txn in 1..TXNS as u32 {
        edges.add(txn, txn - 1, Dep::Wr);
    }
    let order = topological(&edges.into_graph()).expect("no cycle");
    assert!(order.iter().rev().copied().eq(0..TXNS as u32));
}

/// Choices from bytes, so that a failing history shrinks.
struct Tape<'a>(&'a [u8]);

impl Tape<'_> {
    fn below(&mut self, bound: usize) -> usize {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        usize::from(*first) % bound
    }
}

/// A small history: transactions run one after another on two registers, and now and then a read is
/// given something else; then they are dealt to processes and overlap.
fn history(tape: &[u8]) -> Vec<String> {
    let mut tape = Tape(tape);
    let txns = 2 + tape.below(4);
    let processes = 1 + tape.below(3);
    let mut held = [String::new(), String::new()];
    let mut values: [Vec<String>; 2] = Default::default();
    let mut queues = vec![Vec::new(); processes];
    let mut next = 0;
    for _ in 0..txns {
        let outcome = ["ok", "ok", "ok", "ok", "ok", "info", "fail"][tape.below(7)];
        let before = held.clone();
        let mops: Vec<_> = (0..=tape.below(3))
            .map(|_| {
                let key = tape.below(2);
                let name = ["x", "y"][key];
                if tape.below(2) == 0 {
                    next += 1;
                    held[key] = next.to_string();
                    values[key].push(held[key].clone());
                    return format!("{name}={next}");
                }
                let odd = tape.below(5) == 0;
                let other = tape.below(values[key].len() + 1);
                let seen = if odd { values[key].get(other) } else { Some(&held[key]) };
                format!("{name}?{}", seen.cloned().unwrap_or_default())
            })
            .collect();
        if outcome != "ok" && tape.below(2) == 0 {
            held = before;
        }
        queues[tape.below(processes)].push((outcome, mops.join(" ")));
    }
    let mut lines = Vec::new();
    let mut open = vec![false; processes];
    while queues.iter().any(|queue| !queue.is_empty()) {
        let able: Vec<_> = (0..processes).filter(|at| !queues[*at].is_empty()).collect();
        let process = able[tape.below(able.len())];
        if std::mem::replace(&mut open[process], true) {
            let (outcome, mops) = queues[process].remove(0);
            lines.push(format!("{process} {outcome} {mops}"));
            open[process] = false;
        } else {
            let (_, mops) = &queues[process][0];
            lines.push(format!("{process} invoke {mops}"));
        }
    }
    lines
}

/// What an order has to respect beside the reads.
#[derive(Clone, Copy)]
enum Respect {
    Nothing,
    Processes,
    RealTime,
}

/// Whether some order of the committed transactions, and of any of the undecided ones, explains
/// every read: all are tried.
fn serializable(table: &Table, respect: Respect) -> bool {
    let must: Vec<_> = table.txns().filter(|(_, txn)| txn.is_ok()).map(|(id, _)| id).collect();
    let may = table.txns().filter(|(_, txn)| txn.is_possible() && !txn.is_ok());
    let may: Vec<_> = may.map(|(id, _)| id).collect();
    (0..1_u32 << may.len()).any(|chosen| {
        let some = may.iter().enumerate().filter(|(at, _)| chosen & 1 << at != 0);
        let mut left: Vec<_> = must.iter().copied().chain(some.map(|(_, id)| *id)).collect();
        place(table, respect, &mut left, &vec![Atom::NIL; table.key_count()])
    })
}

fn place(table: &Table, respect: Respect, left: &mut Vec<TxnId>, held: &[Atom]) -> bool {
    if left.is_empty() {
        return true;
    }
    let before = |one: TxnId, other: TxnId| {
        let (one, other) = (table.txn(one), table.txn(other));
        match respect {
            Respect::Nothing => false,
            _ if !one.is_ok() => false,
            Respect::Processes => {
                other.is_ok()
                    && one.process() == other.process()
                    && one.complete_index() < other.complete_index()
            }
            Respect::RealTime => one.complete_index() < other.invoke_index(),
        }
    };
    (0..left.len()).any(|at| {
        let id = left[at];
        if left.iter().any(|other| before(*other, id)) {
            return false;
        }
        let mut after = held.to_vec();
        let agrees = table.mops(id).iter().all(|mop| match *mop {
            Mop::Write(key, value) => {
                after[key.index()] = value;
                true
            }
            Mop::Read(key, value) => !table.txn(id).is_ok() || after[key.index()] == value,
            _ => true,
        });
        if !agrees {
            return false;
        }
        left.remove(at);
        let works = place(table, respect, left, &after);
        left.insert(at, id);
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
        // Each assumption follows from the promise that it is tried with.
        let promises = [
            ("", Respect::Nothing),
            ("w", Respect::Nothing),
            ("ws", Respect::Processes),
            ("s", Respect::Processes),
            ("wl", Respect::RealTime),
            ("l", Respect::RealTime),
            ("wsl", Respect::RealTime),
        ];
        for (asked, respect) in promises {
            let (inferred, _) = infer(&table, sources(asked));
            let graph = inferred.edges.into_graph();
            let accused: Vec<_> =
                inferred.findings.iter().map(|finding| finding.anomaly.name()).collect();
            if !accused.is_empty() || topological(&graph).is_err() {
                prop_assert!(!serializable(&table, respect), "{asked}: {accused:?}");
            }
            if replay(&table, &graph).is_ok() {
                prop_assert!(serializable(&table, Respect::Nothing), "{asked}: proved");
                let circle = Anomaly::CyclicVersions.name();
                prop_assert!(accused.iter().all(|name| *name == circle), "{accused:?}");
            }
        }
    }
}
