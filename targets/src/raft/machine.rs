//! The state machine: the `kv` interface over an ordered map, driven by committed entries alone.

use super::message::{Command, Entry, Index};
use crate::kv::{KvRequest, KvResponse};
use std::collections::BTreeMap;

/// Keys and values after some entry of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Machine {
    applied: Index,
    state: BTreeMap<i64, i64>,
    /// The key that the last entry changed and what it held before. Only the planted bug
    /// [`super::Bug::SnapshotForgetsLast`] asks for it.
    last_change: Option<(i64, Option<i64>)>,
}

impl Machine {
    /// The state after `applied` entries.
    pub(super) fn restore(applied: Index, state: Vec<(i64, i64)>) -> Self {
        Self { applied, state: state.into_iter().collect(), last_change: None }
    }

    /// Takes over another state as if it held everything applied so far: the planted bug
    /// [`super::Bug::SnapshotOverwritesNewer`].
    pub(super) fn overwrite(&mut self, state: Vec<(i64, i64)>) {
        self.state = state.into_iter().collect();
        self.last_change = None;
    }

    /// The last entry whose effect the state holds.
    pub fn applied(&self) -> Index {
        self.applied
    }

    /// The keys and values.
    pub fn state(&self) -> &BTreeMap<i64, i64> {
        &self.state
    }

    /// The value of a key.
    pub fn get(&self, key: i64) -> Option<i64> {
        self.state.get(&key).copied()
    }

    /// Applies the next entry and says what its client is answered.
    pub(super) fn apply(&mut self, entry: &Entry) -> KvResponse {
        assert_eq!(entry.index, self.applied + 1, "entries are applied once, in order");
        self.applied = entry.index;
        self.last_change = None;
        match entry.command {
            Command::Noop | Command::Config(_) => KvResponse::Done,
            Command::Kv(KvRequest::Read { key }) => KvResponse::Value(self.get(key)),
            Command::Kv(KvRequest::Write { key, value }) => self.set(key, value),
            Command::Kv(KvRequest::Cas { key, from, to }) if self.get(key) == Some(from) => {
                self.set(key, to)
            }
            Command::Kv(KvRequest::Cas { .. }) => KvResponse::Mismatch,
        }
    }

    /// The state as a snapshot holds it.
    pub(super) fn dump(&self, forget_last: bool) -> Vec<(i64, i64)> {
        let mut state = self.state.clone();
        if forget_last && let Some((key, before)) = self.last_change {
            match before {
                Some(value) => state.insert(key, value),
                None => state.remove(&key),
            };
        }
        state.into_iter().collect()
    }

    fn set(&mut self, key: i64, value: i64) -> KvResponse {
        self.last_change = Some((key, self.state.insert(key, value)));
        KvResponse::Done
    }
}
