//! One step of a node: what it was given, and the effects in the order that makes them safe.
//!
//! Records gather until something must not happen before they are durable: a promise to another
//! node, an answer to a client. A leader's appends may go first, because a leader that dies before
//! its own copy is durable was only one of those who might have held the entry (thesis, 10.2.1).

use super::message::{Body, RaftMessage, RaftRecord, Term};
use super::places::Place;
use super::{Bug, Raft, RaftTimer};
use crate::kv::KvResponse;
use crate::links::NodeId;
use crate::protocol::{Context, Effect, Note, RequestId};

/// The surroundings of one step.
pub(super) struct Step<'a> {
    /// The node's own clock.
    pub(super) now_ns: u64,
    entropy: u64,
    effects: &'a mut Vec<Effect<Raft>>,
    unsaved: Vec<RaftRecord>,
    bug: Option<Bug>,
}

impl<'a> Step<'a> {
    pub(super) fn new(
        context: Context,
        bug: Option<Bug>,
        effects: &'a mut Vec<Effect<Raft>>,
    ) -> Self {
        let Context { now_ns, entropy } = context;
        Self { now_ns, entropy, effects, unsaved: Vec::new(), bug }
    }

    /// A number of `low..high`; one draw a step is enough, since one timer is drawn a step.
    pub(super) fn between(&self, low: u64, high: u64) -> u64 {
        low + ((u128::from(self.entropy) * u128::from(high - low)) >> 64) as u64
    }

    /// Writes a record before the next promise.
    pub(super) fn save(&mut self, record: RaftRecord) {
        self.unsaved.push(record);
    }

    /// What follows waits until everything saved so far is durable.
    pub(super) fn flush(&mut self) {
        if self.unsaved.is_empty() {
            return;
        }
        let records = std::mem::take(&mut self.unsaved);
        if self.bug != Some(Bug::NoFsync) {
            self.effects.push(Effect::Persist { records, durable: true });
            return;
        }
        // Entries stay together, durable or not: one on disk behind one that is lost would leave a
        // log with a gap, and a node that cannot start shows no wrong history.
        let is_entry = |record: &RaftRecord| matches!(record, RaftRecord::Entry(_));
        let (entries, promises): (Vec<_>, Vec<_>) = records.into_iter().partition(is_entry);
        for (records, durable) in [(promises, true), (entries, false)] {
            if !records.is_empty() {
                self.effects.push(Effect::Persist { records, durable });
            }
        }
    }

    /// Replaces the log on disk. The records hold everything, also what was not yet saved.
    pub(super) fn checkpoint(&mut self, records: Vec<RaftRecord>) {
        self.unsaved.clear();
        self.effects.push(Effect::Checkpoint(records));
    }

    /// Sends a message that may be a promise.
    pub(super) fn send(&mut self, to: NodeId, term: Term, body: Body) {
        self.flush();
        self.send_early(to, term, body);
    }

    /// Sends a message that promises nothing about what this step saved.
    pub(super) fn send_early(&mut self, to: NodeId, term: Term, body: Body) {
        self.effects.push(Effect::Send { to, message: RaftMessage { term, body } });
    }

    pub(super) fn reply(&mut self, id: RequestId, response: KvResponse) {
        self.flush();
        self.effects.push(Effect::Reply { id, response });
    }

    pub(super) fn set_timer(&mut self, timer: RaftTimer, after_ns: u64) {
        self.effects.push(Effect::SetTimer { timer, after_ns });
    }

    pub(super) fn cancel_timer(&mut self, timer: RaftTimer) {
        self.effects.push(Effect::CancelTimer(timer));
    }

    pub(super) fn note(&mut self, note: Note) {
        self.effects.push(Effect::Note(note));
    }

    /// Notes an interesting place.
    pub(super) fn reached(&mut self, place: Place) {
        self.note(Note::Sometimes { place: place.name().into() });
    }
}
