//! What an analysis found, before it is put into words.

use super::cycles::Cycle;
use super::finding::Finding;
use super::lattice::{Anomalies, Boundary};

/// Whether the promise was kept, and how sure that is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// An order that explains everything was found and replayed, or the version orders are known
    /// and no cycle is there.
    Proved,
    /// Nothing speaks against it; why that is no proof.
    NothingFound(String),
    /// It cannot be judged, and why.
    Unknown(String),
    /// It was broken.
    Broken,
}

/// What an analysis found.
#[derive(Clone, Debug)]
pub struct Analysis {
    /// The promise.
    pub outcome: Outcome,
    /// Every anomaly that was found, prohibited or not.
    pub anomalies: Anomalies,
    /// Those that are reported: prohibited ones, without what others already say.
    pub reported: Anomalies,
    /// What they say of the models.
    pub boundary: Boundary,
    /// What is wrong without a cycle.
    pub findings: Vec<Finding>,
    /// Cycles, the smallest first.
    pub cycles: Vec<Cycle>,
    /// Figures for the reader.
    pub figures: Vec<(String, String)>,
}
