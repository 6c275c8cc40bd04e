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
pub mod lattice;
pub mod live;
pub mod options;
pub mod order;
pub mod predicate;
pub mod prove;
pub mod register;
pub mod report;
pub mod table;
pub mod timestamps;
pub mod weak;

pub use collect::{Kind, Misfit};
pub use options::{Options, Sources};
pub use table::Table;

use crate::budget::Budget;
use crate::history::History;
use crate::verdict::{Evidence, Judgement, Verdict};
use cycles::Search;
use finding::{Inferred, Reasons};
use graph::Dep;
use lattice::{Anomalies, Boundary};
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
    match kind {
        Kind::ListAppend => {
            let (inferred, reasons) = append::infer(table);
            judge(claim, table, inferred, &reasons, options, budget)
        }
        Kind::RwRegister => {
            let (inferred, reasons) = register::infer(table, options.sources);
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
    let analysis = analyse(table, inferred, reasons.precedence(), options, budget);
    let Analysis { outcome, reported, boundary, findings, cycles, mut figures, .. } = analysis;
    let verdict = match outcome {
        Outcome::Proved => {
            figures.push(("decided by".to_owned(), "proof".to_owned()));
            Verdict::Valid
        }
        Outcome::NothingFound(why) => {
            figures.push(("no anomaly found, not proved".to_owned(), why));
            Verdict::Valid
        }
        Outcome::Unknown(why) => Verdict::Unknown { why },
        Outcome::Broken => {
            let types = reported.iter().map(|anomaly| anomaly.name().to_owned()).collect();
            let evidence = explain::evidence(table, reasons, &findings, &cycles, types, &boundary);
            Verdict::Invalid { evidence: Box::new(Evidence::Anomalies(evidence)) }
        }
    };
    judgement(claim, verdict, figures)
}

/// Looks for everything that the promise prohibits.
pub fn analyse(
    table: &Table,
    inferred: Inferred,
    precedence: &[Dep],
    options: &Options,
    budget: &Budget<'_>,
) -> Analysis {
    let Inferred { mut edges, findings, gaps: _, unjudged: _ } = inferred;
    match options.extra_order() {
        Some(Dep::Realtime) => order::realtime(table, &mut edges),
        Some(_) => order::process(table, &mut edges),
        None => {}
    }
    let graph = edges.into_graph();
    let search = Search {
        prohibited: options.prohibited(),
        found: findings.iter().map(|finding| finding.anomaly).collect(),
        precedence,
        steps_per_component_max: options.steps_per_component_max,
        all_cycles: options.all_cycles,
    };
    let found = cycles::search(&graph, &search, budget).unwrap_or_else(|found| found);
    let _ = prove::replay(table, &graph);
    Analysis {
        outcome: Outcome::NothingFound("the analysis is not finished".to_owned()),
        anomalies: Anomalies::default(),
        reported: Anomalies::default(),
        boundary: Boundary::default(),
        findings,
        cycles: found.cycles,
        figures: Vec::new(),
    }
}

fn judgement(claim: &str, verdict: Verdict, figures: Vec<(String, String)>) -> Judgement {
    Judgement { checker: CHECKER.to_owned(), claim: claim.to_owned(), verdict, figures }
}
