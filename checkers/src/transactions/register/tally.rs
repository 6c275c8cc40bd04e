//! Findings while they are counted: of each anomaly the smallest few are kept.

use super::super::finding::Finding;
use super::super::lattice::Anomaly;
use super::super::table::{KeyId, Table, TxnId};

/// How many findings of one anomaly are kept: enough to see that it is no accident.
const KEPT_MAX: usize = 4;

/// The findings so far.
#[derive(Debug, Default)]
pub(in crate::transactions) struct Tally {
    /// In order of discovery.
    kinds: Vec<Kind>,
}

/// The findings of one anomaly.
#[derive(Debug)]
struct Kind {
    anomaly: Anomaly,
    count: u64,
    /// The smallest, with how many micro-operations their transactions have.
    kept: Vec<(usize, Finding)>,
}

impl Tally {
    /// Counts one. The sentence is made only if the finding is among the smallest so far, by the
    /// number of micro-operations that a person has to read; of equal ones the first.
    pub(in crate::transactions) fn add(
        &mut self,
        table: &Table,
        anomaly: Anomaly,
        key: Option<KeyId>,
        txns: &[TxnId],
        sentence: impl FnOnce() -> String,
    ) {
        let size: usize = txns.iter().map(|txn| table.mop_range(*txn).len()).sum();
        let at = self.kinds.iter().position(|kind| kind.anomaly == anomaly).unwrap_or_else(|| {
            self.kinds.push(Kind { anomaly, count: 0, kept: Vec::new() });
            self.kinds.len() - 1
        });
        let Kind { count, kept, .. } = &mut self.kinds[at];
        *count += 1;
        let place = kept.partition_point(|(other, _)| *other <= size);
        if place < KEPT_MAX {
            let txns = txns.to_vec();
            kept.insert(
                place,
                (size, Finding { anomaly, key, txns, sentence: sentence(), count: 0 }),
            );
            kept.truncate(KEPT_MAX);
        }
    }

    /// The findings, each with how many there are of its anomaly.
    pub(in crate::transactions) fn finish(self) -> Vec<Finding> {
        let kinds = self.kinds.into_iter();
        kinds
            .flat_map(|Kind { count, kept, .. }| {
                kept.into_iter().map(move |(_, finding)| Finding { count, ..finding })
            })
            .collect()
    }
}
