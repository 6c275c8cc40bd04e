//! Linearizable reads that write nothing to the log.
//!
//! A leader may answer a read from its own state if two things hold when it does: it knows all that
//! was committed before, and it still led after the read arrived.
//!
//! * **It knows**: an entry of its own term is committed, and with it everything of earlier leaders
//!   (thesis, 6.4 step 1). Until then reads wait.
//! * **It still led**, by ReadIndex: a majority answers a message that was sent after the read came
//!   (6.4 steps 2 and 3). Reads that come while such a round is under way share the next one.
//! * **It still led**, by lease: a majority answered a message that was sent less than a lease ago,
//!   and whoever answered votes for nobody for an election timeout *after that* (6.4.1; the other
//!   half is in [`super::election`]). The lease is shorter than the timeout, so that it holds while
//!   clocks run faster or slower than the world by up to a quarter. A clock that jumps breaks it.

use super::leader::{Peer, PendingRead};
use super::places::Place;
use super::step::Step;
use super::{Bug, LEASE_PERCENT, LONG_LEASE_PERCENT, LONGEST_WAIT_PERCENT, MS, Raft, Reads, Role};
use crate::kv::KvResponse;
use crate::protocol::RequestId;

impl Raft {
    pub(super) fn on_read(&mut self, step: &mut Step<'_>, id: RequestId, key: i64) {
        if self.has(Bug::StaleRead) {
            step.reply(id, KvResponse::Value(self.machine.get(key)));
            return;
        }
        if !self.is_leader() {
            step.reply(id, KvResponse::NotLeader { hint: self.leader });
            return;
        }
        let knows = self.may_read();
        if !knows {
            step.reached(Place::ReadBeforeFirstCommit);
        }
        if self.config.reads == Reads::Lease {
            let holds = self.holds_lease(step.now_ns);
            if holds && knows {
                step.reached(Place::LeaseRead);
                step.reply(id, KvResponse::Value(self.machine.get(key)));
                return;
            }
            if !holds {
                step.reached(Place::LeaseExpired);
            }
        }
        let Some(leadership) = self.leadership() else { return };
        leadership.reads_waiting.push(PendingRead { id, key });
        self.confirm_reads(step);
    }

    /// Answers the reads of a round that a majority has confirmed, and begins the next round.
    pub(super) fn confirm_reads(&mut self, step: &mut Step<'_>) {
        let knows = self.may_read();
        loop {
            let Role::Leader(leadership) = &mut self.role else { return };
            let answered = |peer: &Peer| peer.answered.map_or(0, |stamp| stamp.sequence);
            let confirmed = leadership.majority(self.log.voters(), self.me, u64::MAX, answered);
            if let Some((after, reads)) = leadership.reads_confirming.take() {
                if !knows || confirmed <= after {
                    leadership.reads_confirming = Some((after, reads));
                    return;
                }
                step.reached(Place::ReadIndexRead);
                for PendingRead { id, key } in reads {
                    step.reply(id, KvResponse::Value(self.machine.get(key)));
                }
            }
            if leadership.reads_waiting.is_empty() {
                return;
            }
            let reads = std::mem::take(&mut leadership.reads_waiting);
            leadership.reads_confirming = Some((leadership.sequence, reads));
            self.heartbeat(step);
        }
    }

    /// Whether everything that earlier leaders committed is known to be committed.
    pub(super) fn knows_commits(&self) -> bool {
        matches!(&self.role, Role::Leader(leadership) if self.commit >= leadership.term_start)
    }

    /// Whether the state holds everything that was committed when a read came.
    fn may_read(&self) -> bool {
        self.knows_commits() || self.has(Bug::ReadIndexEarly)
    }

    fn holds_lease(&self, now_ns: u64) -> bool {
        let Role::Leader(leadership) = &self.role else { return false };
        let own = Some(now_ns);
        let from_answer = self.has(Bug::LeaseIgnoresClockRate);
        let sent = |peer: &Peer| {
            let stamp = peer.answered?;
            Some(if from_answer { peer.heard_ns } else { stamp.sent_ns })
        };
        let since = leadership.majority(self.log.voters(), self.me, own, sent);
        since.is_some_and(|since| now_ns < since + self.lease_ns())
    }

    pub(super) fn lease_ns(&self) -> u64 {
        let percent = match self.config.bug {
            Some(Bug::LongLease) => LONG_LEASE_PERCENT,
            Some(Bug::LeaseIgnoresClockRate) => LONGEST_WAIT_PERCENT,
            _ => LEASE_PERCENT,
        };
        self.config.election_timeout_ms * MS / 100 * percent
    }
}
