//! Nodes as the engine knows them: who runs, and which fault a dead or paused one belongs to.

use super::Engine;
use crate::ledger::{LedgerError, Undo};
use targets::environment::{Environment, ProcessSeen};
use targets::links::NodeId;

/// What a node is doing, as far as the engine knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NodeState {
    Up,
    Paused {
        by: u32,
    },
    /// Killed by a fault, or dead by itself.
    Dead {
        by: Option<u32>,
    },
    /// Started for a fault, or for the heal; has not said yet that it serves.
    Starting {
        by: Option<u32>,
    },
}

impl NodeState {
    pub(super) fn is_dead(self) -> bool {
        matches!(self, Self::Dead { .. })
    }

    /// The fault that it belongs to.
    pub(super) fn owner(self) -> Option<u32> {
        match self {
            Self::Up => None,
            Self::Paused { by } => Some(by),
            Self::Dead { by } | Self::Starting { by } => by,
        }
    }
}

/// What became of a node that a fault wanted.
#[derive(Debug)]
pub(super) enum Taken {
    /// The kernel confirms it.
    Confirmed(ProcessSeen),
    /// It was tried, and is not confirmed.
    Unconfirmed(String, Option<ProcessSeen>),
    /// It was not tried.
    Skipped(String),
}

impl<E: Environment> Engine<E> {
    pub(super) fn state(&self, node: NodeId) -> NodeState {
        self.nodes[usize::from(node.0)]
    }

    pub(super) fn set_state(&mut self, node: NodeId, state: NodeState) {
        self.stirred = true;
        self.nodes[usize::from(node.0)] = state;
    }

    pub(super) fn owned_by(&self, id: u32) -> Vec<NodeId> {
        self.all_nodes().filter(|node| self.state(*node).owner() == Some(id)).collect()
    }

    pub(super) fn died(&mut self, node: NodeId, before: NodeState) {
        let by = self.deadly_disk(node).or(match before {
            // A node that its fault brings back is tried again by that fault.
            NodeState::Dead { by } | NodeState::Starting { by } => by,
            NodeState::Up | NodeState::Paused { .. } => None,
        });
        self.gone(node, by);
    }

    fn gone(&mut self, node: NodeId, by: Option<u32>) {
        self.set_state(node, NodeState::Dead { by });
        if self.leader.is_some_and(|(leader, _)| leader == node) {
            self.leader = None;
        }
        if let Some(entry) = self.orphans[usize::from(node.0)].take() {
            // Not written, the ledger names a process that is gone, and a replay finds nobody.
            let _ = self.ledger.undone(entry);
        }
    }

    pub(super) fn take_by_kill(&mut self, id: u32, node: NodeId) -> Taken {
        match self.state(node) {
            NodeState::Dead { .. } => Taken::Skipped(format!("{node} is dead already")),
            NodeState::Starting { .. } => Taken::Skipped(format!("{node} is still starting")),
            NodeState::Up | NodeState::Paused { .. } => match self.environment.kill(node) {
                Ok(seen @ ProcessSeen::Gone { .. }) => {
                    self.gone(node, Some(id));
                    Taken::Confirmed(seen)
                }
                Ok(seen) => Taken::Unconfirmed(format!("{node} was killed and lives"), Some(seen)),
                Err(error) => Taken::Unconfirmed(error.to_string(), None),
            },
        }
    }

    pub(super) fn take_by_pause(&mut self, id: u32, node: NodeId) -> Taken {
        match self.state(node) {
            NodeState::Dead { .. } => Taken::Skipped(format!("{node} is dead")),
            NodeState::Starting { .. } => Taken::Skipped(format!("{node} is still starting")),
            NodeState::Paused { .. } => Taken::Skipped(format!("{node} is paused already")),
            NodeState::Up => {
                // Whatever comes back: half a pause must be undone too, and to resume does no harm.
                self.set_state(node, NodeState::Paused { by: id });
                match self.environment.pause(node) {
                    Ok(seen @ ProcessSeen::Stopped { .. }) => Taken::Confirmed(seen),
                    Ok(seen) => {
                        Taken::Unconfirmed(format!("{node} was paused and runs"), Some(seen))
                    }
                    Err(error) => Taken::Unconfirmed(error.to_string(), None),
                }
            }
        }
    }

    /// Lets a paused node go on, and says what went wrong.
    pub(super) fn resume(&mut self, node: NodeId) -> Result<(), String> {
        match self.environment.resume(node) {
            Ok(ProcessSeen::Serving { .. } | ProcessSeen::Started { .. }) => {
                self.set_state(node, NodeState::Up);
                Ok(())
            }
            Ok(ProcessSeen::Gone { how }) => {
                let by = self.state(node).owner();
                self.gone(node, by);
                Err(format!("{node} is gone: {how}"))
            }
            Ok(ProcessSeen::Stopped { .. }) => Err(format!("{node} was resumed and stands still")),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Starts a dead node, and says what went wrong. It serves when its news say so.
    pub(super) fn start(&mut self, node: NodeId) -> Result<(), String> {
        self.stirred = true;
        // News of the process before must not be taken for news of this one.
        self.collect_news();
        let by = self.state(node).owner();
        let state = match self.environment.start(node) {
            Ok(ProcessSeen::Serving { .. }) => NodeState::Up,
            Ok(ProcessSeen::Started { .. }) => NodeState::Starting { by },
            Ok(ProcessSeen::Stopped { .. }) => return Err(format!("{node} was started and stops")),
            Ok(ProcessSeen::Gone { how }) => return Err(format!("{node} died at once: {how}")),
            Err(error) => return Err(error.to_string()),
        };
        self.set_state(node, state);
        self.remember_orphan(node).map_err(|error| error.to_string())
    }

    /// Writes down a process that would outlive the run, if it would.
    pub(super) fn remember_orphan(&mut self, node: NodeId) -> Result<(), LedgerError> {
        if let Some(pid) = self.environment.orphan_pid(node) {
            let entry = self.ledger.before(0, &format!("start {node}"), Undo::kill(pid))?;
            self.orphans[usize::from(node.0)] = Some(entry);
        }
        Ok(())
    }
}
