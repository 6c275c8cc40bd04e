//! Snapshots: compacting the log, and catching up nodes that need what was compacted away.
//!
//! Every so many entries a node replaces its log on disk by the state and what follows it. In
//! memory it keeps as many entries again, for followers that are only a little behind; one that is
//! further behind is sent the leader's state as it is now, in one message.
//!
//! Shortcut: one message holds the whole state, so its size must be bounded. A state of more than
//! [`SNAPSHOT_KEYS_MAX`] keys is never compacted: the log grows, and everybody can be caught up
//! from it, at the price of memory and disk.

use super::leader::Flow;
use super::log::Log;
use super::machine::Machine;
use super::message::{AppendOutcome, Body, HardState, Position, RaftRecord, Snapshot, Stamp};
use super::places::Place;
use super::step::Step;
use super::{Bug, MS, Raft, SNAPSHOT_KEYS_MAX, SNAPSHOT_RESEND_TIMEOUTS};
use crate::links::NodeId;

/// What the records of a disk add up to.
pub(super) struct Recovered {
    pub(super) hard: HardState,
    pub(super) log: Log,
    pub(super) machine: Machine,
}

/// Reads the records of a disk, oldest first.
pub(super) fn recover(voters: Vec<NodeId>, records: Vec<RaftRecord>) -> Recovered {
    let mut recovered = Recovered {
        hard: HardState::default(),
        log: Log::new(Position::default(), voters),
        machine: Machine::default(),
    };
    for record in records {
        match record {
            RaftRecord::HardState(hard) => recovered.hard = hard,
            RaftRecord::Snapshot(Snapshot { last, voters, state }) => {
                recovered.log = Log::new(last, voters);
                recovered.machine = Machine::restore(last.index, state);
            }
            RaftRecord::Entry(entry) => {
                if entry.index <= recovered.log.last().index {
                    recovered.log.truncate(entry.index);
                }
                recovered.log.push(entry);
            }
        }
    }
    recovered
}

impl Raft {
    /// Replaces the log on disk by a snapshot when enough entries were applied since the last.
    pub(super) fn compact_if_due(&mut self, step: &mut Step<'_>) {
        let every = self.config.snapshot_every_entries.max(1);
        let applied = self.machine.applied();
        if applied < self.checkpoint + every || self.machine.state().len() > SNAPSHOT_KEYS_MAX {
            return;
        }
        step.reached(Place::SnapshotTaken);
        self.write_checkpoint(step);
        self.log.compact(applied.saturating_sub(every));
    }

    fn write_checkpoint(&mut self, step: &mut Step<'_>) {
        let snapshot = self.snapshot();
        self.checkpoint = snapshot.last.index;
        let behind = self.log.from(self.checkpoint + 1).cloned().map(RaftRecord::Entry);
        let records = [RaftRecord::HardState(self.saved), RaftRecord::Snapshot(snapshot)];
        step.checkpoint(records.into_iter().chain(behind).collect());
    }

    /// The state after the last applied entry.
    fn snapshot(&self) -> Snapshot {
        let index = self.machine.applied();
        let term = self.log.term_at(index).expect("an applied entry's term is kept");
        Snapshot {
            last: Position { index, term },
            voters: self.log.voters_at(index).to_vec(),
            state: self.machine.dump(self.has(Bug::SnapshotForgetsLast)),
        }
    }

    pub(super) fn send_snapshot(&mut self, step: &mut Step<'_>, to: NodeId) {
        if self.machine.state().len() > SNAPSHOT_KEYS_MAX {
            // Only if the state grew past the bound after an earlier compaction.
            return;
        }
        let (term, snapshot) = (self.hard.term, self.snapshot());
        let Some(leadership) = self.leadership() else { return };
        let stamp = leadership.stamp(step.now_ns);
        let Some(peer) = leadership.peers.get_mut(&to) else { return };
        peer.in_flight.clear();
        peer.flow = Flow::Snapshot { last: snapshot.last.index, sent_ns: step.now_ns };
        step.reached(Place::SnapshotSent);
        step.send_early(to, term, Body::Install { stamp, snapshot });
    }

    /// A node that receives a snapshot still wants heartbeats: one that agrees with every log and
    /// commits nothing. The snapshot may be lost too, so it is sent again after a while.
    pub(super) fn heartbeat_beside_snapshot(
        &mut self,
        step: &mut Step<'_>,
        to: NodeId,
        sent_ns: u64,
    ) {
        let patience_ns = SNAPSHOT_RESEND_TIMEOUTS * self.config.election_timeout_ms * MS;
        if step.now_ns >= sent_ns + patience_ns {
            step.reached(Place::SnapshotSentAgain);
            self.send_snapshot(step, to);
            return;
        }
        let term = self.hard.term;
        let Some(leadership) = self.leadership() else { return };
        let stamp = leadership.stamp(step.now_ns);
        let (previous, entries) = (Position::default(), Vec::new());
        step.send_early(to, term, Body::Append { stamp, previous, commit: 0, entries });
    }

    pub(super) fn on_install(
        &mut self,
        step: &mut Step<'_>,
        from: NodeId,
        stamp: Stamp,
        snapshot: Snapshot,
    ) {
        let up_to = snapshot.last.index;
        if up_to > self.commit {
            self.install(step, snapshot);
        } else {
            step.reached(Place::SnapshotOld);
            if self.has(Bug::SnapshotOverwritesNewer) {
                self.machine.overwrite(snapshot.state);
            }
        }
        let outcome = AppendOutcome::Accepted { up_to };
        step.send(from, self.hard.term, Body::AppendReply { stamp, outcome });
    }

    fn install(&mut self, step: &mut Step<'_>, snapshot: Snapshot) {
        step.reached(Place::SnapshotInstalled);
        let Snapshot { last, voters, state } = snapshot;
        let agrees = self.log.term_at(last.index) == Some(last.term);
        if agrees {
            // The log goes on behind the snapshot: a majority may count on those entries.
            self.log.compact(last.index);
        } else {
            self.log = Log::new(last, voters);
        }
        self.machine = Machine::restore(last.index, state);
        self.commit = last.index;
        self.write_checkpoint(step);
    }
}
