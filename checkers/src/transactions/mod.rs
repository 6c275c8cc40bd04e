//! Transactions: which isolation anomalies a history has, and which consistency models that breaks.
//!
//! ```text
//!   events --> collect --> Table --> append | register | predicate --> findings + Edges
//!                            \--> order (process, real time) ----------------/
//!                                                  Graph --> cycles --> lattice --> verdict
//!                                                      \--> prove (replay)
//! ```
//!
//! The method is Elle's (Kingsbury and Alvaro, VLDB 2020): dependencies are inferred from values
//! that say who wrote them, and anomalies are cycles whose edges say what they are (Adya 1999).
//! Beyond it: reads of values that nobody wrote are an anomaly of their own, undecided writes
//! count, and a promise that is kept is proved where it can be, by replaying an order.

pub mod append;
pub mod atom;
pub mod collect;
pub mod cycles;
pub mod explain;
pub mod finding;
pub mod graph;
mod kinds;
pub mod lattice;
pub mod live;
pub mod options;
pub mod order;
pub mod predicate;
pub mod prove;
pub mod read;
pub mod register;
pub mod report;
pub mod table;
pub mod timestamps;
pub mod weak;

pub use collect::{Kind, Misfit};
pub use options::{Options, Sources};
pub use read::{ReadError, Reading, read};
pub use table::Table;

use crate::budget::Budget;
use crate::history::History;
use crate::verdict::{Evidence, Judgement, Verdict};
use cycles::{Cycle, Found, Search};
use finding::{Finding, Inferred, Reasons};
use graph::{Dep, Edges, Graph};
use lattice::{Anomalies, Anomaly};
use report::{Analysis, Outcome};

/// The checker's name.
pub const CHECKER: &str = "transactions";

/// Judges a history in memory.
pub fn check(
    claim: &str,
    history: &History,
    kind: Kind,
    options: &Options,
    budget: &Budget<'_>,
) -> Judgement {
    match collect::table(history, kind) {
        Ok(table) => check_table(claim, &table, kind, options, budget),
        Err(misfit) => judgement(claim, Verdict::Unknown { why: misfit.to_string() }, Vec::new()),
    }
}

/// Judges transactions that were collected already.
pub fn check_table(
    claim: &str,
    table: &Table,
    kind: Kind,
    options: &Options,
    budget: &Budget<'_>,
) -> Judgement {
    let stamped = timestamps::asked(table, kind, options)
        .map(|isolation| timestamps::check(claim, table, isolation, budget));
    match stamped {
        None => by_values(claim, table, kind, options, budget),
        Some(proved) if proved.verdict == Verdict::Valid => proved,
        Some(Judgement { verdict: by_time, .. }) => {
            let by_values = by_values(claim, table, kind, options, budget);
            Judgement { verdict: by_values.verdict.merge(by_time), ..by_values }
        }
    }
}

/// Judges transactions by what they read and wrote.
fn by_values(
    claim: &str,
    table: &Table,
    kind: Kind,
    options: &Options,
    budget: &Budget<'_>,
) -> Judgement {
    match kind {
        Kind::RwRegister if let Some(level) = weak::asked(options) => {
            weak::check(claim, table, level, budget)
        }
        Kind::ListAppend => {
            let (inferred, reasons) = append::infer(table);
            judge(claim, table, inferred, &reasons, options, budget)
        }
        Kind::RwRegister => {
            let (inferred, reasons) = register::infer(table, options.sources);
            judge(claim, table, inferred, &reasons, options, budget)
        }
        Kind::ClosedPredicate => {
            let (inferred, reasons) = predicate::infer(table);
            judge(claim, table, inferred, &reasons, options, budget)
        }
    }
}

fn judge(
    claim: &str,
    table: &Table,
    inferred: Inferred,
    reasons: &dyn Reasons,
    options: &Options,
    budget: &Budget<'_>,
) -> Judgement {
    let analysis = analyse(table, inferred, reasons, options, budget);
    let Analysis { outcome, reported, boundary, findings, cycles, mut figures, .. } = analysis;
    let mut figure = |name: &str, text: String| figures.push((name.to_owned(), text));
    let verdict = match outcome {
        Outcome::Proved(how) => {
            figure("proved", how);
            Verdict::Valid
        }
        Outcome::NothingFound(why) => {
            figure("no anomaly found, not proved", why);
            Verdict::Valid
        }
        Outcome::Unknown(why) => Verdict::Unknown { why },
        Outcome::Broken => {
            let types = reported.iter().map(|anomaly| anomaly.name().to_owned()).collect();
            let findings: Vec<Finding> =
                findings.into_iter().filter(|found| reported.has(found.anomaly)).collect();
            let cycles: Vec<Cycle> =
                cycles.into_iter().filter(|cycle| speaks_of(cycle, reasons, reported)).collect();
            let evidence = explain::evidence(table, reasons, &findings, &cycles, types, &boundary);
            Verdict::Invalid { evidence: Box::new(Evidence::Anomalies(evidence)) }
        }
    };
    judgement(claim, verdict, figures)
}

/// Whether a cycle shows one of these anomalies.
fn speaks_of(cycle: &Cycle, reasons: &dyn Reasons, reported: Anomalies) -> bool {
    reported.has(cycle.anomaly) || kinds::of(cycle, reasons).iter().any(|kind| reported.has(*kind))
}

/// Looks for everything that the promise prohibits.
pub fn analyse(
    table: &Table,
    inferred: Inferred,
    reasons: &dyn Reasons,
    options: &Options,
    budget: &Budget<'_>,
) -> Analysis {
    let Inferred { mut edges, findings, mut gaps, unjudged } = inferred;
    match options.extra_order() {
        Some(Dep::Realtime) => order::realtime(table, &mut edges),
        Some(_) => order::process(table, &mut edges),
        None => {}
    }
    let with_last_tries = with_last_tries(table, &edges, options);
    if with_last_tries.is_some() {
        gaps.push("what a process tried last may have been seen before it tried".to_owned());
    }
    let graph = edges.into_graph();
    let prohibited = options.prohibited();
    let search = Search {
        prohibited: prohibited.union(kinds::looked_for_as(prohibited)),
        found: findings
            .iter()
            .map(|finding| finding.anomaly)
            .filter(|anomaly| !kinds::KINDS.contains(anomaly))
            .collect(),
        precedence: reasons.precedence(),
        steps_per_component_max: options.steps_per_component_max,
        all_cycles: options.all_cycles,
    };
    let (found, stopped) = match cycles::search(&graph, &search, budget) {
        Ok(found) => (found, false),
        Err(found) => (found, true),
    };
    let anomalies = everything(&findings, &found, reasons);
    let reported = report::reported(anomalies, prohibited);
    let in_turn = options.extra_order() == Some(Dep::Realtime) && report::in_turn(table);
    let empty = !in_turn && !report::connected(&graph);
    let outcome = if !reported.is_empty() {
        Outcome::Broken
    } else if let Some(why) = unjudged {
        Outcome::Unknown(why)
    } else if empty {
        Outcome::Unknown("no transaction depends on another, so there is nothing to judge".into())
    } else if stopped {
        Outcome::Unknown("time was up before the search for cycles was done".into())
    } else if let Some(size) = found.unfinished.iter().max() {
        Outcome::Unknown(format!(
            "the search for cycles spent its steps in {} components, the greatest of {size} \
             transactions",
            found.unfinished.len()
        ))
    } else {
        let replay = prove::replay(table, with_last_tries.as_ref().unwrap_or(&graph));
        report::Silence { options, gaps: &gaps, replay }.outcome()
    };
    Analysis {
        outcome,
        anomalies,
        reported,
        boundary: lattice::boundary(anomalies),
        empty,
        figures: figures(table, &graph, &found),
        findings,
        cycles: found.cycles,
    }
}

/// The graph that a proof about sessions needs, where it is more than the one that accuses.
fn with_last_tries(table: &Table, edges: &Edges, options: &Options) -> Option<Graph> {
    if options.extra_order() != Some(Dep::Process) {
        return None;
    }
    let mut edges = edges.clone();
    order::last_tries(table, &mut edges).then(|| edges.into_graph())
}

/// Every anomaly that was found, and what more can be said of the cycles.
fn everything(findings: &[Finding], found: &Found, reasons: &dyn Reasons) -> Anomalies {
    let findings = findings.iter().map(|finding| finding.anomaly);
    let cycles = found.cycles.iter().map(|cycle| cycle.anomaly);
    let exists = found.exists.iter().map(|(anomaly, _)| *anomaly);
    let kinds = found.cycles.iter().flat_map(|cycle| kinds::of(cycle, reasons));
    let all: Anomalies = findings.chain(cycles).chain(exists).chain(kinds).collect();
    if all.has(Anomaly::LostUpdate) { all.with(Anomaly::GCursor) } else { all }
}

fn figures(table: &Table, graph: &Graph, found: &Found) -> Vec<(String, String)> {
    let (components, greatest) = found.components;
    let mops = table.txns().last().map_or(0, |(id, _)| table.mop_range(id).end);
    let mut figures: Vec<(String, String)> = [
        ("transactions", table.len()),
        ("micro-operations", mops),
        ("keys", table.key_count()),
        ("dependencies", graph.edges()),
        ("components with cycles", components),
    ]
    .map(|(name, count)| (name.to_owned(), count.to_string()))
    .into();
    if components > 0 {
        figures.push(("transactions in the greatest".to_owned(), greatest.to_string()));
    }
    figures
}

fn judgement(claim: &str, verdict: Verdict, figures: Vec<(String, String)>) -> Judgement {
    Judgement { checker: CHECKER.to_owned(), claim: claim.to_owned(), verdict, figures }
}
