//! What is asked of the transactions, under the names that Elle gives it.

use super::graph::Dep;
use super::lattice::{self, Anomalies, Anomaly, Model, Models};

/// What a history is held against, and how much is inferred from it.
#[derive(Clone, Debug)]
pub struct Options {
    /// The promise: none of the anomalies that these models prohibit.
    pub models: Models,
    /// Anomalies to look for beside those.
    pub anomalies: Anomalies,
    /// Where the version orders of registers come from.
    pub sources: Sources,
    /// How many steps the search for a cycle may take in one component, before it says what the
    /// component's edges prove and goes on.
    pub steps_per_component_max: u64,
    /// Every cycle that was found, not only the smallest of each anomaly and component.
    pub all_cycles: bool,
}

impl Default for Options {
    /// Strict serializability, and no assumption on registers.
    fn default() -> Self {
        Self {
            models: Models::default().with(Model::StrictSerializable),
            anomalies: Anomalies::default(),
            sources: Sources::default(),
            steps_per_component_max: 50_000_000,
            all_cycles: false,
        }
    }
}

/// Where the version orders of registers come from, beside the initial state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// Within a transaction, the version written follows the version read (`wfr-keys?`).
    pub writes_follow_reads: bool,
    /// Each key is sequentially consistent by itself (`sequential-keys?`).
    pub sequential_keys: bool,
    /// Each key is linearizable by itself (`linearizable-keys?`).
    pub linearizable_keys: bool,
}

impl Options {
    /// The one model that is asked about, if it is one and nothing else is.
    pub fn only_model(&self) -> Option<Model> {
        let mut models = self.models.iter().filter(|_| self.anomalies.is_empty());
        models.next().filter(|_| models.next().is_none())
    }

    /// Every anomaly whose presence breaks the promise. No promise allows a read of what nobody
    /// wrote, so that one is always among them.
    pub fn prohibited(&self) -> Anomalies {
        let asked = lattice::prohibited(self.models).union(lattice::implying(self.anomalies));
        asked.with(Anomaly::GarbageRead)
    }

    /// Which order beside the dependencies can matter: real time, the processes', or none (Elle's
    /// rule: one of them, real time first). The models that no anomaly speaks of need theirs, too,
    /// for the proof.
    pub fn extra_order(&self) -> Option<Dep> {
        let prohibited = self.prohibited();
        let any = |suffix: &str| {
            prohibited.iter().any(|anomaly: Anomaly| anomaly.name().ends_with(suffix))
        };
        let asks = |model: Model| lattice::contained(self.models).has(model);
        let sessions = [
            Model::ReadYourWrites,
            Model::MonotonicReads,
            Model::MonotonicWrites,
            Model::WritesFollowReads,
            Model::SessionSerializable,
        ];
        if any("-realtime") || asks(Model::Linearizable) {
            Some(Dep::Realtime)
        } else if any("-process") || sessions.into_iter().any(asks) {
            Some(Dep::Process)
        } else {
            None
        }
    }
}
