//! What is wrong between transactions: models that are broken, and each anomaly in words, as a
//! ladder and as a table of edges.
//!
//! ```text
//!   AnomalyEvidence --> models: broken, broken by implication, may still hold
//!                  \--> drawn: the smallest of each anomaly, then others, few
//!                  \--> told: some more, a sentence each; the rest is counted
//! ```

use crate::ladder::Ladder;
use crate::text;
use checkers::transactions::explain::{definition, op_name, plain};
use checkers::verdict::{AnomalyEvidence, EvidenceEdge, FoundAnomaly};

/// Anomalies of one judgement that are drawn.
const DRAWN_MAX: usize = 6;

/// Anomalies beside those that are told in a sentence.
const TOLD_MAX: usize = 20;

/// Rows of one anomaly's tables.
const ROWS_MAX: usize = 60;

/// Names of models or anomalies in one list.
const NAMES_MAX: usize = 80;

/// An edge as a row.
#[derive(Clone, Debug)]
pub(crate) struct EdgeRow {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) kind: String,
    pub(crate) key: String,
    pub(crate) reason: String,
}

/// A transaction as a row.
#[derive(Clone, Debug)]
pub(crate) struct TxnRow {
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) outcome: String,
    pub(crate) process: String,
    pub(crate) when: String,
    pub(crate) index: usize,
}

/// An anomaly that is drawn.
#[derive(Clone, Debug)]
pub(crate) struct AnomalyView {
    pub(crate) name: String,
    pub(crate) key: Option<String>,
    /// How many there are, if there are more.
    pub(crate) count: Option<String>,
    pub(crate) definition: String,
    pub(crate) source: &'static str,
    pub(crate) sentence: String,
    pub(crate) ladder: Ladder,
    pub(crate) txns: Vec<TxnRow>,
    pub(crate) edges: Vec<EdgeRow>,
    pub(crate) omitted: usize,
}

/// Everything that one judgement says of anomalies.
#[derive(Clone, Debug)]
pub(crate) struct AnomaliesView {
    pub(crate) sentence: String,
    pub(crate) types: Vec<String>,
    pub(crate) not: Vec<String>,
    pub(crate) also_not: Vec<String>,
    pub(crate) may_hold: Vec<String>,
    pub(crate) drawn: Vec<AnomalyView>,
    /// Name and sentence.
    pub(crate) told: Vec<(String, String)>,
    /// Anomalies that are neither drawn nor told.
    pub(crate) omitted: usize,
    pub(crate) start_ns: u64,
    pub(crate) end_ns: u64,
}

impl AnomaliesView {
    /// `number` is its place among those of the page.
    pub(crate) fn of(evidence: &AnomalyEvidence, number: usize) -> Self {
        let drawn = drawn(&evidence.found);
        let others: Vec<&FoundAnomaly> = (evidence.found.iter().enumerate())
            .filter(|(at, _)| !drawn.contains(at))
            .map(|(_, found)| found)
            .collect();
        let told = others.iter().take(TOLD_MAX);
        let names =
            |names: &[String]| names.iter().take(NAMES_MAX).map(|name| text::plain(name)).collect();
        let start_ns = evidence.ops.iter().map(|op| op.invoke_ns).min().unwrap_or(0);
        let ends = evidence.ops.iter().map(|op| op.complete_ns.unwrap_or(op.invoke_ns));
        Self {
            sentence: text::plain_long(&evidence.sentence),
            types: names(&evidence.types),
            not: names(&evidence.not),
            also_not: names(&evidence.also_not),
            may_hold: names(&evidence.may_hold),
            drawn: drawn
                .iter()
                .map(|at| AnomalyView::of(evidence, *at, format!("ladder-{number}-{at}")))
                .collect(),
            told: told
                .map(|found| (text::plain(&found.name), text::plain_long(&found.sentence)))
                .collect(),
            omitted: others.len().saturating_sub(TOLD_MAX),
            end_ns: ends.max().unwrap_or(start_ns).max(start_ns),
            start_ns,
        }
    }
}

/// Which ones are drawn: the first of each name, then the first of the others, in order.
fn drawn(found: &[FoundAnomaly]) -> Vec<usize> {
    let is_first = |at: &usize| found[..*at].iter().all(|earlier| earlier.name != found[*at].name);
    let all = || 0..found.len();
    let mut chosen: Vec<usize> = all().filter(is_first).take(DRAWN_MAX).collect();
    let others = all().filter(|at| !is_first(at)).take(DRAWN_MAX - chosen.len());
    chosen.extend(others.collect::<Vec<_>>());
    chosen.sort_unstable();
    chosen
}

impl AnomalyView {
    fn of(evidence: &AnomalyEvidence, at: usize, id: String) -> Self {
        let found = &evidence.found[at];
        let known = definition(&found.name);
        let (definition, source) =
            known.map_or_else(Default::default, |known| (known.sentence, known.source));
        let edges: Vec<EdgeRow> =
            found.edges.iter().take(ROWS_MAX).filter_map(|edge| row(evidence, edge)).collect();
        let txns: Vec<TxnRow> =
            found.ops.iter().take(ROWS_MAX).filter_map(|op| txn(evidence, *op)).collect();
        Self {
            name: text::plain(&found.name),
            key: found.key.as_deref().map(|key| text::plain(&plain(key))),
            count: found.count.filter(|count| *count > 1).map(text::count),
            definition,
            source,
            sentence: text::plain_long(&found.sentence),
            ladder: Ladder::of(evidence, found, id),
            omitted: found.ops.len() - txns.len() + found.edges.len() - edges.len(),
            txns,
            edges,
        }
    }
}

fn row(evidence: &AnomalyEvidence, edge: &EvidenceEdge) -> Option<EdgeRow> {
    let name = |op: usize| evidence.ops.get(op).map(op_name);
    Some(EdgeRow {
        from: name(edge.from)?,
        to: name(edge.to)?,
        kind: text::bounded(&edge.kind, 16),
        key: edge.key.as_deref().map(|key| text::plain(&plain(key))).unwrap_or_default(),
        reason: text::plain(&edge.reason),
    })
}

fn txn(evidence: &AnomalyEvidence, at: usize) -> Option<TxnRow> {
    let op = evidence.ops.get(at)?;
    let took = op.complete_ns.filter(|_| op.outcome != "info");
    let took = took.map_or_else(
        || "open".to_owned(),
        |end_ns| format!("+ {}", text::duration(end_ns.saturating_sub(op.invoke_ns))),
    );
    Some(TxnRow {
        name: op_name(op),
        text: text::plain_long(&op.text),
        outcome: text::bounded(&op.outcome, 12),
        process: text::bounded(&op.process, 40),
        when: format!("{} {took}", text::fine_moment(op.invoke_ns)),
        index: op.invoke_index,
    })
}
