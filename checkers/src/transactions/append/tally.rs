//! What was found without a cycle: of each anomaly the smallest example, and how many there are.

use crate::transactions::atom::Atom;
use crate::transactions::explain;
use crate::transactions::finding::Finding;
use crate::transactions::lattice::Anomaly;
use crate::transactions::table::{KeyId, Table, TxnId};
use crate::words::quoted;

/// So much of a key, an element or a list is quoted.
const QUOTED_CHARS_MAX: usize = 60;

#[derive(Debug)]
pub(super) struct Tally<'a> {
    table: &'a Table,
    /// With how many micro-operations a person has to read.
    findings: Vec<(usize, Finding)>,
}

impl<'a> Tally<'a> {
    pub(super) fn new(table: &'a Table) -> Self {
        Self { table, findings: Vec::new() }
    }

    /// Counts an anomaly; it is put into words if it is the smallest so far.
    pub(super) fn add(
        &mut self,
        anomaly: Anomaly,
        key: KeyId,
        txns: &[TxnId],
        sentence: impl FnOnce(&Words<'_>) -> String,
    ) {
        let size = txns.iter().map(|id| self.table.mops(*id).len()).sum();
        let known = self.findings.iter().position(|(_, finding)| finding.anomaly == anomaly);
        let count = known.map_or(0, |at| self.findings[at].1.count) + 1;
        if let Some(at) = known
            && self.findings[at].0 <= size
        {
            self.findings[at].1.count = count;
            return;
        }
        let finding = Finding {
            anomaly,
            key: Some(key),
            txns: txns.to_vec(),
            sentence: sentence(&Words(self.table)),
            count,
        };
        match known {
            Some(at) => self.findings[at] = (size, finding),
            None => self.findings.push((size, finding)),
        }
    }

    /// The findings, by anomaly.
    pub(super) fn finish(self) -> Vec<Finding> {
        let mut findings: Vec<_> = self.findings.into_iter().map(|(_, finding)| finding).collect();
        findings.sort_by_key(|finding| finding.anomaly);
        findings
    }
}

/// Names and values in sentences, bounded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Words<'a>(pub(super) &'a Table);

impl Words<'_> {
    pub(super) fn txn(self, id: TxnId) -> String {
        explain::name(self.0, id)
    }

    pub(super) fn key(self, key: KeyId) -> String {
        quoted(&self.0.key_text(key), QUOTED_CHARS_MAX)
    }

    pub(super) fn element(self, element: Atom) -> String {
        quoted(&self.0.text(element), QUOTED_CHARS_MAX)
    }

    /// A list; of a long one the end, which is what a reader compares.
    pub(super) fn list(self, elements: &[Atom]) -> String {
        const SHOWN_MAX: usize = 12;
        let rest = &elements[elements.len().saturating_sub(SHOWN_MAX)..];
        let texts: Vec<String> = rest.iter().map(|element| self.element(*element)).collect();
        let cut = if rest.len() < elements.len() { "... " } else { "" };
        format!("[{cut}{}]", texts.join(" "))
    }
}
