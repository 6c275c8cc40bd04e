//! Cycles and findings as evidence: in words, in prose, and as DOT.
//!
//! ```text
//!   findings, cycles --> what is reported, the smallest first, at least one of each anomaly
//!                            \--> transactions in words, in order of invocation
//!                            \--> a sentence each; of a cycle with the reason of every edge
//! ```
//!
//! Everything is bounded: a cycle of a thousand transactions is told from both ends. What was left
//! out is said in the sentences. Pictures are drawn elsewhere, from the evidence alone.

mod definition;
mod dot;
mod prose;
#[cfg(test)]
mod tests;
mod words;

pub use definition::{Definition, definition};
pub use dot::dot;
pub use words::{key, plain};

use super::cycles::Cycle;
use super::finding::{Finding, Reason, Reasons};
use super::graph::Dep;
use super::lattice::{Anomaly, Boundary};
use super::table::{KeyId, Table, TxnId};
use crate::verdict::{AnomalyEvidence, EvidenceEdge, EvidenceOp, FoundAnomaly};
use crate::words::quoted;
use prose::Hop;
use std::collections::BTreeMap;

/// Anomalies that are kept.
const FOUND_MAX: usize = 60;

/// Transactions of one anomaly that are kept from each of its ends.
const TXNS_END: usize = 20;

/// A longer sentence of a finding is cut, in characters.
const SENTENCE_CHARS_MAX: usize = 600;

/// A transaction's name in sentences: `T12`, after the index of its completion (of its invocation
/// where it has none).
pub fn name(table: &Table, id: TxnId) -> String {
    let txn = table.txn(id);
    let index = txn.complete_index().or(txn.invoke_index());
    index.map_or_else(|| "T?".to_owned(), |index| format!("T{index}"))
}

/// The same name, of a transaction of the evidence.
pub fn op_name(op: &EvidenceOp) -> String {
    format!("T{}", op.complete_index.unwrap_or(op.invoke_index))
}

/// An anomaly on its way to the evidence.
#[derive(Clone, Debug)]
struct Draft {
    anomaly: Anomaly,
    key: Option<KeyId>,
    txns: Vec<TxnId>,
    hops: Vec<Hop>,
    count: Option<u64>,
    sentence: String,
}

/// The evidence: what was found, the smallest first, with the transactions and the reason of every
/// edge. `types` names what is reported; of a cycle that is reported for what it is as well, such
/// as a fractured read, that name is given.
pub fn evidence(
    table: &Table,
    reasons: &dyn Reasons,
    findings: &[Finding],
    cycles: &[Cycle],
    types: Vec<String>,
    boundary: &Boundary,
) -> AnomalyEvidence {
    let is_reported = |anomaly: &Anomaly| types.iter().any(|name| name == anomaly.name());
    let named = |cycle: &Cycle| {
        let kinds = || super::kinds::of(cycle, reasons).into_iter();
        let name = [cycle.anomaly].into_iter().chain(kinds()).find(is_reported);
        name.unwrap_or(cycle.anomaly)
    };
    let cycles = cycles.iter().map(|cycle| Source::Cycle(named(cycle), cycle));
    let mut order: Vec<Source<'_>> = findings.iter().map(Source::Finding).chain(cycles).collect();
    order.sort_by_cached_key(|source| source.size(table));
    let left_out = choose(&mut order);
    let drafts: Vec<Draft> = order.iter().map(|source| source.draft(table, reasons)).collect();

    let mut wanted: BTreeMap<(usize, TxnId), Vec<u32>> = BTreeMap::new();
    for draft in &drafts {
        for id in &draft.txns {
            wanted.entry(place(table, *id)).or_default();
        }
        for hop in &draft.hops {
            wanted.entry(place(table, hop.from)).or_default().extend(hop.reason.from_mop);
            wanted.entry(place(table, hop.to)).or_default().extend(hop.reason.to_mop);
        }
    }
    let position: BTreeMap<TxnId, usize> =
        wanted.keys().enumerate().map(|(position, (_, id))| (*id, position)).collect();
    let shown = wanted.iter().map(|((_, id), wanted)| (*id, words::mops(table, *id, wanted)));
    let (ops, mops) = shown
        .map(|(id, mops)| (op(table, id, words::line(&mops, table.mops(id).len())), mops))
        .unzip();
    let sentence = headline(&drafts, &types, left_out);
    let names = |models: super::lattice::Models| {
        models.iter().map(|model| model.name().to_owned()).collect()
    };
    AnomalyEvidence {
        found: drafts.into_iter().map(|draft| draft.found(table, &position)).collect(),
        types,
        not: names(boundary.not),
        also_not: names(boundary.also_not),
        may_hold: names(boundary.may_hold),
        ops,
        mops,
        sentence,
    }
}

/// Where an anomaly comes from.
#[derive(Clone, Copy, Debug)]
enum Source<'a> {
    Finding(&'a Finding),
    Cycle(Anomaly, &'a Cycle),
}

impl Source<'_> {
    fn anomaly(self) -> Anomaly {
        match self {
            Self::Finding(finding) => finding.anomaly,
            Self::Cycle(named, _) => named,
        }
    }

    /// How much there is to read: transactions, then micro-operations.
    fn size(self, table: &Table) -> (usize, usize, Anomaly) {
        let txns: Vec<TxnId> = match self {
            Self::Finding(finding) => finding.txns.clone(),
            Self::Cycle(_, cycle) => cycle.steps.iter().map(|step| step.from).collect(),
        };
        let mops = txns.iter().map(|id| table.mops(*id).len()).sum();
        (txns.len(), mops, self.anomaly())
    }

    fn draft(self, table: &Table, reasons: &dyn Reasons) -> Draft {
        match self {
            Self::Finding(finding) => of_finding(finding),
            Self::Cycle(named, cycle) => of_cycle(table, reasons, named, cycle),
        }
    }
}

/// Keeps the first of each anomaly and as many others as there is room for; says how many went.
fn choose(order: &mut Vec<Source<'_>>) -> usize {
    let mut seen = super::lattice::Anomalies::default();
    let mut room = FOUND_MAX;
    let mut is_first = Vec::with_capacity(order.len());
    for source in order.iter() {
        is_first.push(!seen.has(source.anomaly()));
        room = room.saturating_sub(usize::from(!seen.has(source.anomaly())));
        seen = seen.with(source.anomaly());
    }
    let before = order.len();
    let mut is_first = is_first.into_iter();
    order.retain(|_| {
        let first = is_first.next().expect("one entry each");
        let kept = first || room > 0;
        room -= usize::from(kept && !first);
        kept
    });
    before - order.len()
}

fn of_finding(finding: &Finding) -> Draft {
    let said = finding.sentence.trim_end_matches('.');
    let mut sentence = prose::plain_names(&quoted(said, SENTENCE_CHARS_MAX));
    if said.chars().nth(SENTENCE_CHARS_MAX).is_some() {
        sentence.push_str("...");
    }
    let left_out = finding.txns.len().saturating_sub(2 * TXNS_END);
    if left_out > 0 {
        sentence.push_str(&format!(" ({left_out} of {} transactions", finding.txns.len()));
        sentence.push_str(" are left out)");
    }
    let kept = finding.txns.iter().take(2 * TXNS_END).copied();
    Draft {
        anomaly: finding.anomaly,
        key: finding.key,
        txns: kept.collect(),
        hops: Vec::new(),
        count: Some(finding.count),
        sentence,
    }
}

fn of_cycle(table: &Table, reasons: &dyn Reasons, anomaly: Anomaly, cycle: &Cycle) -> Draft {
    let steps = &cycle.steps;
    let first = beginning(cycle);
    let at = |place: usize| steps[(first + place) % steps.len()];
    let kept: Vec<usize> = if steps.len() <= 2 * TXNS_END {
        (0..steps.len()).collect()
    } else {
        (0..TXNS_END).chain(steps.len() - TXNS_END..steps.len()).collect()
    };
    // The step into the gap is kept neither as an edge nor by its target.
    let is_told = |place: &usize| kept.len() == steps.len() || *place != TXNS_END - 1;
    let hops: Vec<Hop> = kept
        .iter()
        .filter(|place| is_told(place))
        .map(|place| hop(table, reasons, at(*place).from, at(*place + 1).from, at(*place).dep))
        .collect();
    let mut sentence = prose::cycle(table, &hops, steps.len());
    let left_out = steps.len() - kept.len();
    if left_out > 0 {
        let all = steps.len();
        sentence.push_str(&format!(" (a cycle of {all} transactions, {left_out} are left out)"));
    }
    let keys: Vec<KeyId> = hops.iter().filter_map(|hop| hop.reason.key).collect();
    let key = keys.first().copied().filter(|first| keys.iter().all(|key| key == first));
    let txns = kept.iter().map(|place| at(*place).from).collect();
    Draft { anomaly, key, txns, hops, count: None, sentence }
}

/// Which step the telling begins with: the one after the last that needs no reading of values.
fn beginning(cycle: &Cycle) -> usize {
    let is_order = |dep: Dep| matches!(dep, Dep::Process | Dep::Realtime);
    let last = cycle.steps.iter().rposition(|step| is_order(step.dep));
    // Without one, the cycle's only rw comes last: it is what makes a read stale.
    let last = last.or_else(|| cycle.steps.iter().rposition(|step| step.dep == Dep::Rw));
    last.map_or(0, |last| (last + 1) % cycle.steps.len())
}

fn hop(table: &Table, reasons: &dyn Reasons, from: TxnId, to: TxnId, dep: Dep) -> Hop {
    let reason = prose::ordered(table, from, to, dep);
    let reason = reason.or_else(|| reasons.reason(from, to, dep)).unwrap_or_else(|| Reason {
        key: None,
        from_mop: None,
        to_mop: None,
        text: format!("has to come before {}", name(table, to)),
    });
    Hop { from, to, dep, reason }
}

/// Where a transaction stands among those of the evidence: by invocation.
fn place(table: &Table, id: TxnId) -> (usize, TxnId) {
    let txn = table.txn(id);
    (txn.invoke_index().or(txn.complete_index()).unwrap_or(usize::MAX), id)
}

fn op(table: &Table, id: TxnId, text: String) -> EvidenceOp {
    let txn = table.txn(id);
    let complete_ns = txn.complete_index().map(|_| txn.complete_ns);
    let invoke_ns = txn.invoke_index().map(|_| txn.invoke_ns);
    EvidenceOp {
        invoke_index: txn.invoke_index().or(txn.complete_index()).unwrap_or_default(),
        complete_index: txn.complete_index(),
        process: txn.process().to_string(),
        node: None,
        f: "txn".to_owned(),
        text,
        outcome: txn.outcome.as_str().to_owned(),
        invoke_ns: invoke_ns.or(complete_ns).unwrap_or_default(),
        complete_ns,
        note: None,
    }
}

impl Draft {
    fn found(self, table: &Table, position: &BTreeMap<TxnId, usize>) -> FoundAnomaly {
        let edges = self.hops.iter().map(|hop| EvidenceEdge {
            from: position[&hop.from],
            to: position[&hop.to],
            kind: hop.dep.name().to_owned(),
            key: hop.reason.key.map(|key| table.key_text(key)),
            from_mop: hop.reason.from_mop,
            to_mop: hop.reason.to_mop,
            reason: prose::step(table, hop),
        });
        FoundAnomaly {
            name: self.anomaly.name().to_owned(),
            key: self.key.map(|key| table.key_text(key)),
            ops: self.txns.iter().map(|id| position[id]).collect(),
            edges: edges.collect(),
            count: self.count,
            sentence: self.sentence,
        }
    }
}

/// What the first anomaly is, and that there are others.
fn headline(drafts: &[Draft], types: &[String], left_out: usize) -> String {
    let Some(first) = drafts.first() else {
        // Only `PL-2-cycle-exists` and its like: the search ended before a cycle was drawn out.
        let said = types.first().and_then(|name| definition(name));
        let said = said.map_or_else(|| "an anomaly was found".to_owned(), |said| said.sentence);
        return format!("{}: {said}", types.join(", "));
    };
    let about = first.anomaly.name();
    let mut sentence = format!("{about}: {}", first.sentence);
    let others: Vec<&str> =
        types.iter().map(String::as_str).filter(|name| *name != about).collect();
    if !others.is_empty() {
        sentence.push_str(&format!(" (also {})", others.join(", ")));
    }
    if left_out > 0 {
        sentence.push_str(&format!(" ({left_out} further anomalies are not kept)"));
    }
    sentence
}
