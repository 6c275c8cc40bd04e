//! List-append: every anomaly with its near miss, and random histories against the naive rules.

use super::naive::{self, Naive, NaiveTxn};
use super::*;
use crate::history::{Event, EventType, Process, Symbols, Value};
use crate::transactions::collect::{Collector, Kind};
use crate::transactions::finding::Reasons;
use crate::transactions::graph::Dep;
use crate::transactions::lattice::Anomaly;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// Completions as `type value`; each by a process of its own, with its invocation just before.
fn table(lines: &[String]) -> Table {
    let f = Symbols::default().intern("txn");
    let mut collector = Collector::new(Kind::ListAppend);
    for (place, line) in lines.iter().enumerate() {
        let (word, value) = line.split_once(' ').expect("a type and a value");
        let kinds = [EventType::Ok, EventType::Fail, EventType::Info];
        let kind = kinds.into_iter().find(|kind| kind.as_str() == word).expect("a type");
        let process = Process::client(u32::try_from(place).expect("few"));
        for (index, kind) in [(2 * place, EventType::Invoke), (2 * place + 1, kind)] {
            let event = Event {
                time_ns: index as u64,
                value: Value::Nil,
                process,
                f,
                key: None,
                node: None,
                error: None,
                kind,
            };
            collector.event(index, &event, "txn", value).expect("transactions");
        }
    }
    collector.finish().expect("transactions")
}

fn lines(lines: &[&str]) -> Table {
    table(&lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>())
}

/// What is wrong, as `name: sentence`.
fn found(history: &[&str]) -> Vec<String> {
    let table = lines(history);
    let (inferred, _) = infer(&table);
    assert_eq!(inferred.unjudged, None);
    let say = |finding: &crate::transactions::finding::Finding| {
        format!("{}: {}", finding.anomaly.name(), finding.sentence)
    };
    inferred.findings.iter().map(say).collect()
}

/// The edges from transaction to transaction, through auxiliary vertices.
fn edges(table: &Table) -> BTreeSet<(usize, usize, Dep)> {
    let (inferred, _) = infer(table);
    let graph = inferred.edges.into_graph();
    let mut edges = BTreeSet::new();
    for from in 0..graph.txns() {
        let mut todo: Vec<(u32, _)> = graph.out(from).collect();
        while let Some((to, deps)) = todo.pop() {
            if to < graph.txns() {
                for dep in Dep::ALL.into_iter().filter(|dep| deps.has(*dep)) {
                    edges.insert((from as usize, to as usize, dep));
                }
            } else {
                todo.extend(graph.targets(to).iter().map(|next| (*next, deps)));
            }
        }
    }
    edges
}

#[test]
fn internal() {
    let broken = found(&["ok [[\"append\",1,5],[\"r\",1,[5,6]]]", "ok [[\"append\",1,6]]"]);
    assert_eq!(
        broken,
        ["internal: T1 read key 1 as [5 6], unlike what it read or appended before"]
    );
    assert_eq!(found(&["ok [[\"append\",1,5],[\"r\",1,[6,5]]]", "ok [[\"append\",1,6]]"]).len(), 0);
    assert_eq!(found(&["ok [[\"r\",1,null],[\"r\",1,[2]]]", "ok [[\"append\",1,2]]"]).len(), 1);
    assert_eq!(found(&["info [[\"r\",1,null],[\"r\",1,[2]]]", "ok [[\"append\",1,2]]"]).len(), 0);
}

#[test]
fn g1a_a_read_of_what_failed() {
    let broken = found(&["fail [[\"append\",1,5]]", "ok [[\"r\",1,[5]]]"]);
    assert_eq!(broken, ["G1a: T3 read 5 in key 1, which the aborted T1 had appended"]);
    assert_eq!(found(&["info [[\"append\",1,5]]", "ok [[\"r\",1,[5]]]"]).len(), 0);
    assert_eq!(found(&["fail [[\"append\",1,5]]", "info [[\"r\",1,[5]]]"]).len(), 0);
}

#[test]
fn g1b_a_read_of_what_was_not_the_last_append() {
    let broken = found(&["ok [[\"append\",1,5],[\"append\",1,6]]", "ok [[\"r\",1,[5]]]"]);
    assert_eq!(broken, ["G1b: T3 read key 1 as [5], in the midst of T1's appends to it"]);
    let whole = found(&["ok [[\"append\",1,5],[\"append\",1,6]]", "ok [[\"r\",1,[5,6]]]"]);
    assert_eq!(whole.len(), 0);
    let own = found(&["ok [[\"append\",1,5],[\"r\",1,[5]],[\"append\",1,6]]"]);
    assert_eq!(own.len(), 0);
}

#[test]
fn future_read() {
    let broken = found(&["ok [[\"r\",1,[5]],[\"append\",1,5]]"]);
    assert_eq!(broken, ["future-read: T1 read 5 in key 1 before it appended it itself"]);
    assert_eq!(found(&["ok [[\"append\",1,5],[\"r\",1,[5]]]"]).len(), 0);
    // The read is of another key, where somebody else appended the same number.
    let other = ["ok [[\"r\",2,[5]],[\"append\",1,5]]", "ok [[\"append\",2,5]]"];
    assert_eq!(found(&other).len(), 0);
}

#[test]
fn dirty_update() {
    let broken =
        found(&["fail [[\"append\",1,5]]", "ok [[\"append\",1,6]]", "info [[\"r\",1,[5,6]]]"]);
    assert_eq!(
        broken,
        ["dirty-update: T3 appended to key 1 on top of what the aborted T1 had appended"]
    );
    // An undecided one between them does not clean it; nothing committed on it does.
    let through_info = [
        "fail [[\"append\",1,5]]",
        "info [[\"append\",1,7]]",
        "ok [[\"append\",1,6]]",
        "info [[\"r\",1,[5,7,6]]]",
    ];
    assert_eq!(found(&through_info).len(), 1);
    let last = ["ok [[\"append\",1,6]]", "fail [[\"append\",1,5]]", "info [[\"r\",1,[6,5]]]"];
    assert_eq!(found(&last).len(), 0);
}

#[test]
fn lost_update() {
    let broken = found(&[
        "ok [[\"r\",1,[]],[\"append\",1,5]]",
        "ok [[\"r\",1,null],[\"append\",1,6]]",
        "ok [[\"r\",1,null],[\"append\",1,7]]",
    ]);
    assert_eq!(
        broken,
        ["lost-update: T1 and T3 both read key 1 as [] and appended to it; neither saw the \
         other's append"]
    );
    let saw = ["ok [[\"r\",1,[]],[\"append\",1,5]]", "ok [[\"r\",1,[5]],[\"append\",1,6]]"];
    assert_eq!(found(&saw).len(), 0);
    let blind = ["ok [[\"r\",1,[]],[\"append\",1,5]]", "ok [[\"append\",1,6],[\"r\",1,[6]]]"];
    assert_eq!(found(&blind).len(), 0);
    let undecided = ["ok [[\"r\",1,[]],[\"append\",1,5]]", "info [[\"r\",1,[]],[\"append\",1,6]]"];
    assert_eq!(found(&undecided).len(), 0);
}

#[test]
fn duplicate_elements() {
    let broken = found(&["ok [[\"append\",1,5]]", "info [[\"r\",1,[5,5]]]"]);
    assert_eq!(broken, ["duplicate-elements: T3 read key 1 as [5 5], with 5 twice"]);
    assert_eq!(found(&["ok [[\"append\",1,5]]", "info [[\"r\",1,[5]]]"]).len(), 0);
}

#[test]
fn incompatible_order() {
    let broken = found(&[
        "ok [[\"append\",1,5]]",
        "ok [[\"append\",1,6]]",
        "ok [[\"append\",1,7]]",
        "ok [[\"r\",1,[5,6]]]",
        "ok [[\"r\",1,[6,5,7]]]",
    ]);
    assert_eq!(
        broken,
        ["incompatible-order: T7 read key 1 as [5 6] and T9 as [6 5 7]: neither is how the other \
         began"]
    );
    let grown = [
        "ok [[\"append\",1,5]]",
        "ok [[\"append\",1,6]]",
        "ok [[\"r\",1,[5]]]",
        "ok [[\"r\",1,[5,6]]]",
    ];
    assert_eq!(found(&grown).len(), 0);
}

#[test]
fn the_longest_list_is_the_version_order_even_if_another_was_read_first() {
    let table = lines(&[
        "ok [[\"append\",1,5]]",
        "ok [[\"append\",1,6]]",
        "ok [[\"append\",1,7]]",
        "ok [[\"r\",1,[6]]]",
        "ok [[\"r\",1,[5,6,7]]]",
    ]);
    let ww: Vec<_> = edges(&table).into_iter().filter(|edge| edge.2 == Dep::Ww).collect();
    assert_eq!(ww, [(0, 1, Dep::Ww), (1, 2, Dep::Ww)]);
}

#[test]
fn garbage_read() {
    let broken = found(&["ok [[\"append\",1,5]]", "ok [[\"r\",1,[5,7,8]]]"]);
    assert_eq!(broken, ["garbage-read: T3 read 7 in key 1, which nobody appended"]);
    let appended = ["ok [[\"append\",1,5]]", "ok [[\"append\",1,7]]", "ok [[\"r\",1,[5,7]]]"];
    assert_eq!(found(&appended).len(), 0);
    let strings = found(&["ok [[\"append\",\"x\",\"a\"]]", "ok [[\"r\",\"x\",[\"b\"]]]"]);
    assert_eq!(strings, ["garbage-read: T3 read \"b\" in key \"x\", which nobody appended"]);
}

#[test]
fn fractured_read() {
    let broken =
        found(&["ok [[\"append\",1,5],[\"append\",2,6]]", "ok [[\"r\",1,[5]],[\"r\",2,[]]]"]);
    assert_eq!(
        broken,
        ["fractured-read: T3 saw what T1 appended to key 1, but not the 6 that T1 appended to \
         key 2"]
    );
    let all = ["ok [[\"append\",1,5],[\"append\",2,6]]", "ok [[\"r\",1,[5]],[\"r\",2,[6]]]"];
    assert_eq!(found(&all).len(), 0);
    // What was seen is the version of somebody else, who need not have seen the rest.
    let through_another = [
        "ok [[\"append\",1,5],[\"append\",2,6]]",
        "ok [[\"append\",1,7]]",
        "ok [[\"r\",1,[5,7]],[\"r\",2,[]]]",
    ];
    assert_eq!(found(&through_another).len(), 0);
}

#[test]
fn a_fracture_is_found_in_a_long_transaction_too() {
    let long = |missing: u32| {
        let appends: Vec<String> = (0..100).map(|key| format!("[\"append\",{key},1]")).collect();
        let read = |key: u32| format!("[\"r\",{key},[{}]]", if key == missing { "" } else { "1" });
        let reads = format!("ok [{},{}]", read(17), read(99));
        table(&[format!("ok [{}]", appends.join(",")), reads])
    };
    let count = |missing| infer(&long(missing)).0.findings.len();
    assert_eq!((count(99), count(17), count(5)), (1, 1, 0));
}

#[test]
fn elements_appended_twice_cannot_be_judged() {
    let why = |history: &[&str]| infer(&lines(history)).0.unjudged;
    assert_eq!(
        why(&["ok [[\"append\",1,5]]", "fail [[\"append\",1,5]]"]).as_deref(),
        Some("key 1: 5 was appended by T1 and by T3; elements have to be unique for each key")
    );
    assert_eq!(
        why(&["ok [[\"append\",\"k\",\"e\"],[\"append\",\"k\",\"e\"]]"]).as_deref(),
        Some("key \"k\": \"e\" was appended twice by T1; elements have to be unique for each key")
    );
    assert_eq!(why(&["ok [[\"append\",1,5]]", "ok [[\"append\",2,5]]"]), None);
}

#[test]
fn what_nobody_read_comes_after_the_rest_in_no_order() {
    let history = [
        "ok [[\"append\",1,5]]",
        "ok [[\"r\",1,[5]],[\"append\",1,6]]",
        "ok [[\"append\",1,7]]",
        "ok [[\"r\",1,[5]]]",
    ];
    let table = lines(&history);
    let expected = [
        (0, 1, Dep::Ww),
        (0, 1, Dep::Wr),
        (0, 2, Dep::Ww),
        (0, 3, Dep::Wr),
        (1, 2, Dep::Rw),
        (3, 1, Dep::Rw),
        (3, 2, Dep::Rw),
    ];
    assert_eq!(edges(&table), BTreeSet::from(expected));
    assert_eq!(
        infer(&table).0.gaps,
        ["the order of 2 transactions' appends to key 1 is unknown, since nobody read them"]
    );
    assert!(infer(&lines(&history[..2])).0.gaps.is_empty());
}

#[test]
fn many_readers_and_appenders_meet_in_linearly_many_edges() {
    let mut history: Vec<String> = Vec::new();
    for at in 0..200 {
        let read = "[\"r\",1,[]]";
        history.push(match at % 3 {
            0 => format!("info [{read}]"),
            1 => format!("info [[\"append\",1,{at}]]"),
            _ => format!("info [{read},[\"append\",1,{at}]]"),
        });
    }
    let table = table(&history);
    let count = infer(&table).0.edges.list().len();
    assert!(count < 200 * 6, "{count} edges");
    let by_hand = (0..200).flat_map(|from| (0..200).map(move |to| (from, to)));
    let by_hand = by_hand.filter(|(from, to)| from != to && from % 3 != 1 && to % 3 != 0);
    let by_hand: BTreeSet<_> = by_hand.map(|(from, to)| (from, to, Dep::Rw)).collect();
    assert_eq!(edges(&table), by_hand);
}

#[test]
fn reasons_are_found_again() {
    let table = lines(&[
        "ok [[\"append\",2,1],[\"append\",1,5]]",
        "ok [[\"r\",1,[5]],[\"append\",1,6]]",
        "ok [[\"r\",1,null]]",
        "info [[\"append\",1,7]]",
        "ok [[\"r\",1,[5,6]]]",
    ]);
    let (_, append) = infer(&table);
    let why = |from, to, dep| {
        let reason = append.reason(TxnId(from), TxnId(to), dep)?;
        Some((reason.from_mop?, reason.to_mop?, reason.text))
    };
    let text = |from, to, text: &str| Some((from, to, text.to_owned()));
    assert_eq!(why(0, 1, Dep::Ww), text(1, 1, "appended 5 to key 1, and T3 appended 6 after it"));
    assert_eq!(why(0, 1, Dep::Wr), text(1, 0, "appended 5 to key 1, and T3 read it"));
    let empty = "read key 1 as empty, and T1 appended 5 after that";
    assert_eq!(why(2, 0, Dep::Rw), text(0, 1, empty));
    assert_eq!(why(1, 3, Dep::Ww), text(1, 0, "appended 6 to key 1, and T7 appended 7 after it"));
    assert_eq!(why(4, 3, Dep::Rw), text(0, 0, "read key 1 up to 6, and T7 appended 7 after that"));
    assert_eq!(why(0, 3, Dep::Ww), None);
    assert_eq!(why(1, 1, Dep::Rw), None);
}

/// A portable source of numbers (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % bound as u64) as usize
    }
}

/// One transaction after the other, some failed, some undecided; then told in another order.
fn serial(random: &mut Random) -> Vec<NaiveTxn> {
    let (count, keys) = (1 + random.below(14), 1 + random.below(3));
    let spread = if random.below(4) == 0 { 1_000_000 } else { 1 };
    let mut store: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    let mut txns = Vec::new();
    let mut next = 0;
    for _ in 0..count {
        let outcomes = [EventType::Ok, EventType::Ok, EventType::Fail, EventType::Info];
        let outcome = outcomes[random.below(4)];
        let before = store.clone();
        let mops = (0..1 + random.below(4)).map(|_| {
            let key = u32::try_from(random.below(keys)).expect("few");
            let list = store.entry(key).or_default();
            if random.below(2) == 0 {
                next += 1;
                list.push(next * spread);
                Naive::Append(key, next * spread)
            } else {
                let known = outcome == EventType::Ok || outcome == EventType::Info && next % 2 == 0;
                Naive::Read(key, known.then(|| list.clone()))
            }
        });
        let mops: Vec<Naive> = mops.collect();
        if outcome == EventType::Fail || outcome == EventType::Info && random.below(2) == 0 {
            // An undecided transaction that did not happen saw nothing, either.
            store = before;
            let forget = |mop| match mop {
                Naive::Read(key, _) => Naive::Read(key, None),
                append => append,
            };
            txns.push(NaiveTxn { outcome, mops: mops.into_iter().map(forget).collect() });
        } else {
            txns.push(NaiveTxn { outcome, mops });
        }
    }
    for at in (1..txns.len()).rev() {
        txns.swap(at, random.below(at + 1));
    }
    txns
}

/// Breaks one thing.
fn corrupt(txns: &mut [NaiveTxn], random: &mut Random) {
    let at = random.below(txns.len());
    if random.below(5) == 0 {
        let outcomes = [EventType::Ok, EventType::Fail, EventType::Info];
        txns[at].outcome = outcomes[random.below(3)];
        for mop in &mut txns[at].mops {
            match mop {
                Naive::Read(_, list) if txns[at].outcome == EventType::Fail => *list = None,
                Naive::Read(_, list @ None) if txns[at].outcome == EventType::Ok => {
                    *list = Some(Vec::new());
                }
                _ => {}
            }
        }
        return;
    }
    let place = random.below(txns[at].mops.len());
    let other = random.below(txns[at].mops.len());
    match random.below(8) {
        0 => txns[at].mops.swap(place, other),
        change => {
            let Naive::Read(_, Some(list)) = &mut txns[at].mops[place] else { return };
            let element = random.below(list.len().max(1));
            let number = u32::try_from(random.below(12)).expect("few");
            match change {
                1 => list.push(number),
                2 if !list.is_empty() => list[element] = number,
                3 if !list.is_empty() => list.swap(0, element),
                4 => list.insert(element, number),
                5 if !list.is_empty() => drop(list.remove(element)),
                _ => list.truncate(element),
            }
        }
    }
}

fn written(txns: &[NaiveTxn]) -> Table {
    let line = |txn: &NaiveTxn| {
        let mops = txn.mops.iter().map(|mop| match mop {
            Naive::Append(key, element) => format!("[\"append\",{key},{element}]"),
            Naive::Read(key, None) => format!("[\"r\",{key},null]"),
            Naive::Read(key, Some(list)) => format!("[\"r\",{key},{list:?}]"),
        });
        format!("{} [{}]", txn.outcome.as_str(), mops.collect::<Vec<_>>().join(","))
    };
    table(&txns.iter().map(line).collect::<Vec<_>>())
}

/// Whether every vertex can be taken away, the ones without edges into them first.
fn is_acyclic(edges: &BTreeSet<(usize, usize, Dep)>) -> bool {
    let mut edges: Vec<_> = edges.iter().collect();
    loop {
        let targets: BTreeSet<usize> = edges.iter().map(|edge| edge.1).collect();
        let before = edges.len();
        edges.retain(|edge| targets.contains(&edge.0));
        if edges.is_empty() || edges.len() == before {
            return edges.is_empty();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn a_serial_history_has_nothing_wrong_and_no_cycle(seed in any::<u64>()) {
        let txns = serial(&mut Random(seed));
        let table = written(&txns);
        let (inferred, _) = infer(&table);
        prop_assert_eq!(inferred.unjudged, None);
        prop_assert_eq!(inferred.findings, vec![]);
        let edges = edges(&table);
        prop_assert!(is_acyclic(&edges), "{:?}", edges);
        prop_assert_eq!(edges, naive::edges(&txns));
    }

    #[test]
    fn a_corrupted_history_is_judged_as_the_naive_rules_judge_it(seed in any::<u64>()) {
        let mut random = Random(seed);
        let mut txns = serial(&mut random);
        for _ in 0..1 + random.below(4) {
            corrupt(&mut txns, &mut random);
        }
        let table = written(&txns);
        let (inferred, append) = infer(&table);
        let mut counts: BTreeMap<Anomaly, u64> = BTreeMap::new();
        counts.extend(inferred.findings.iter().map(|finding| (finding.anomaly, finding.count)));
        let mut expected = naive::anomalies(&txns);
        if !naive::has_clear_orders(&txns) {
            // Which of two longest lists is the version order is anybody's choice.
            counts.remove(&Anomaly::DirtyUpdate);
            expected.remove(&Anomaly::DirtyUpdate);
            for found in [&mut counts, &mut expected] {
                // How many appends it has in another order than they were made differs as well;
                // that it is incompatible with the other one does not.
                found.entry(Anomaly::IncompatibleOrder).and_modify(|count| *count = 1);
            }
        } else {
            prop_assert_eq!(edges(&table), naive::edges(&txns));
        }
        prop_assert_eq!(counts, expected);
        for (from, to, dep) in edges(&table) {
            let id = |place: usize| TxnId(u32::try_from(place).expect("few"));
            prop_assert!(append.reason(id(from), id(to), dep).is_some(), "{from} {to} {dep:?}");
        }
    }
}
