//! Evidence from hand-made tables: positions, bounds, and words.

use super::super::atom::{Atom, Atoms};
use super::super::cycles::{Cycle, Step};
use super::super::finding::{Finding, Reason, Reasons};
use super::super::graph::Dep;
use super::super::lattice::{Anomaly, Boundary};
use super::super::table::{KeyId, List, Mop, Table, Txn, TxnId};
use super::*;
use crate::history::{EventType, Process};

/// Transactions one after another; transaction `n` begins at index `n` and completes at
/// `count + n`, so that all of them overlap.
fn table(mops: &[Vec<Mop>]) -> Table {
    let mut atoms = Atoms::default();
    let keys = vec![atoms.json("\"x\""), atoms.json("2"), atoms.json("\"\\u0007 \\\"quoted\"")];
    let mut table = Table { keys, atoms, ..Table::default() };
    let count = u32::try_from(mops.len()).unwrap();
    for (number, mops) in (0..).zip(mops) {
        table.mops.extend(mops);
        table.txns.push(Txn {
            invoke: number,
            complete: count + number,
            process: Process::client(number),
            outcome: EventType::Ok,
            mops_end: u32::try_from(table.mops.len()).unwrap(),
            invoke_ns: u64::from(number) * 1_000_000,
            complete_ns: u64::from(count + number) * 1_000_000,
        });
    }
    table
}

fn element(number: i64) -> Atom {
    Atoms::default().int(number)
}

/// Reasons that anybody could give.
struct Given;

impl Reasons for Given {
    fn precedence(&self) -> &'static [Dep] {
        &[Dep::Ww, Dep::Wr, Dep::Rw, Dep::Process, Dep::Realtime]
    }

    fn reason(&self, _: TxnId, to: TxnId, _: Dep) -> Option<Reason> {
        Some(Reason {
            key: Some(KeyId(0)),
            from_mop: Some(0),
            to_mop: Some(0),
            text: format!("wrote what the transaction of row {} read", to.0),
        })
    }
}

fn cycle(anomaly: Anomaly, deps: &[Dep]) -> Cycle {
    let steps = (0..).zip(deps).map(|(from, dep)| Step { from: TxnId(from), dep: *dep });
    Cycle { anomaly, steps: steps.collect() }
}

fn reported(table: &Table, findings: &[Finding], cycles: &[Cycle]) -> AnomalyEvidence {
    let found = findings.iter().map(|finding| finding.anomaly);
    let mut types: Vec<String> = found
        .chain(cycles.iter().map(|cycle| cycle.anomaly))
        .map(|a| a.name().to_owned())
        .collect();
    types.sort();
    types.dedup();
    evidence(table, &Given, findings, cycles, types, &Boundary::default())
}

fn finding(anomaly: Anomaly, txns: &[u32]) -> Finding {
    let txns = txns.iter().copied().map(TxnId).collect();
    Finding { anomaly, key: None, txns, sentence: "it is wrong".to_owned(), count: 3 }
}

fn append(key: u32, number: i64) -> Vec<Mop> {
    vec![Mop::Append(KeyId(key), element(number))]
}

#[test]
fn a_cycle_ends_with_real_time_and_its_edges_lead_around() {
    let table = table(&[append(0, 1), append(0, 2), append(1, 3)]);
    let told = cycle(Anomaly::GSingleItemRealtime, &[Dep::Rw, Dep::Realtime, Dep::Wr]);
    let evidence = reported(&table, &[], &[told]);
    let [found] = &evidence.found[..] else { panic!("{evidence:?}") };
    assert_eq!(found.ops, [2, 0, 1], "it begins after the edge of real time");
    for (at, edge) in found.edges.iter().enumerate() {
        assert_eq!((edge.from, edge.to), (found.ops[at], found.ops[(at + 1) % 3]));
    }
    assert_eq!(found.key.as_deref(), Some("\"x\""));
    assert_eq!(evidence.ops[2].text, "[append 2 3]");
    assert!(evidence.ops.is_sorted_by_key(|op| op.invoke_index));
    assert!(found.sentence.ends_with(
        "but T4 completed before T5 began (realtime): each of them has to come before the next, \
         and the last before the first, which no order allows"
    ));
}

#[test]
fn the_smallest_comes_first_and_a_cycle_is_called_what_it_is_reported_for() {
    let table = table(&[append(0, 1), append(0, 2), append(1, 3)]);
    let findings = [finding(Anomaly::G1b, &[0, 1, 2]), finding(Anomaly::G1a, &[2, 0])];
    let evidence = reported(&table, &findings, &[cycle(Anomaly::G0, &[Dep::Ww, Dep::Ww, Dep::Ww])]);
    let names: Vec<&str> = evidence.found.iter().map(|found| found.name.as_str()).collect();
    assert_eq!(names, ["G1a", "G1b", "G0"]);
    assert_eq!(evidence.found[0].ops, [2, 0], "the accused first");
    assert_eq!(evidence.found[0].count, Some(3));
    assert_eq!(evidence.sentence, "G1a: it is wrong (also G0, G1b)");
    let exists = vec!["PL-2-cycle-exists".to_owned()];
    let evidence = super::evidence(&table, &Given, &[], &[], exists, &Boundary::default());
    assert!(evidence.found.is_empty() && evidence.ops.is_empty());
    assert!(evidence.sentence.contains("read-committed forbids"), "{}", evidence.sentence);
    let fractured = cycle(Anomaly::GSingleItem, &[Dep::Wr, Dep::Rw]);
    let only = vec!["fractured-read".to_owned()];
    let evidence = super::evidence(&table, &Given, &[], &[fractured], only, &Boundary::default());
    assert_eq!(evidence.found[0].name, "fractured-read");
}

#[test]
fn a_cycle_of_a_thousand_transactions_is_told_from_both_ends() {
    let mops: Vec<Vec<Mop>> = (0..1000).map(|number| append(0, number)).collect();
    let table = table(&mops);
    let evidence = reported(&table, &[], &[cycle(Anomaly::G0, &[Dep::Ww; 1000])]);
    let found = &evidence.found[0];
    assert_eq!((found.ops.len(), found.edges.len(), evidence.ops.len()), (40, 39, 40));
    assert!(found.sentence.contains("a cycle of 1000 transactions, 960 are left out"));
    assert!(found.sentence.contains("... 992 further steps ..."), "{}", found.sentence);
    assert!(found.sentence.len() < 1500, "{}", found.sentence.len());
    for edge in &found.edges {
        assert!(edge.to == edge.from + 1 || (edge.from, edge.to) == (39, 0), "{edge:?}");
    }
}

#[test]
fn of_very_many_anomalies_each_kind_is_kept() {
    let table = table(&[append(0, 1), append(0, 2), append(1, 3)]);
    let mut findings = vec![finding(Anomaly::G1a, &[0]); 500];
    findings.push(finding(Anomaly::Internal, &[0, 1, 2]));
    let evidence = reported(&table, &findings, &[]);
    assert_eq!(evidence.found.len(), 60);
    assert_eq!(evidence.found[59].name, "internal");
    assert!(evidence.sentence.ends_with("(441 further anomalies are not kept)"));
}

#[test]
fn long_lists_are_cut_in_the_middle_and_long_transactions_keep_what_matters() {
    let mut mops = append(0, 1);
    mops.push(Mop::List(KeyId(0), List::prefix(12)));
    mops.extend((0..30).map(|number| Mop::Read(KeyId(1), element(number))));
    mops.push(Mop::Unknown(KeyId(1)));
    let mut table = table(&[mops]);
    table.spines = vec![(1..=12).map(element).collect(), Vec::new(), Vec::new()];
    let shown = words::mops(&table, TxnId(0), &[32, 1, 1, 99]);
    assert_eq!(shown.len(), 12);
    assert_eq!(shown[1].text, "r x [1 2 3 4 .. 4 more .. 9 10 11 12]");
    assert_eq!((shown[11].place, shown[11].text.as_str()), (32, "r 2 ?"));
    assert!(words::line(&shown, 33).ends_with("[r 2 ?] (and 21 more)"));
}

#[test]
fn only_unmistakable_strings_lose_their_quotation_marks() {
    let shown = ["\"x\"", "\"1\"", "\"nil\"", "\"a b\"", "7", "null", "\"\u{7}\""].map(plain);
    assert_eq!(shown, ["x", "\"1\"", "\"nil\"", "\"a b\"", "7", "null", "\"\\u{7}\""]);
    assert!(plain(&"x".repeat(1000)).len() < 50);
}

#[test]
fn names_in_sentences_are_those_of_the_transactions() {
    let sentence = r#"read "x" = "1", not "a \"b\"" or "nil" of "key-2" and ""#;
    let plain = r#"read x = "1", not "a \"b\"" or "nil" of key-2 and ""#;
    assert_eq!(prose::plain_names(sentence), plain);
}

#[test]
fn dot_escapes_labels_and_has_each_edge_once() {
    let table = table(&[append(2, 1), append(0, 2)]);
    let told = cycle(Anomaly::G0, &[Dep::Ww, Dep::Rw]);
    let evidence = reported(&table, &[], &[told.clone(), told]);
    let drawn = dot(&evidence);
    assert_eq!(drawn.matches("->").count(), 2, "{drawn}");
    assert!(drawn.contains(r#"label = "rw x", style = dashed"#), "{drawn}");
    assert!(drawn.contains(r#"append \"\\u0007 \\\"quoted\" 1"#), "{drawn}");
    assert!(!drawn.contains('\u{7}'));
}
