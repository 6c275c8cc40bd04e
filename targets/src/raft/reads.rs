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
//!   half is in [`super::election`]). The lease is shorter than the timeout by a quarter, so that
//!   clocks may differ in rate by a third before it is wrong.

use super::leader::{Peer, PendingRead};
use super::message::Stamp;
use super::step::Step;
use super::{Bug, LEASE_PERCENT, LONG_LEASE_PERCENT, MS, Raft, Reads, Role};
use crate::kv::KvResponse;
use crate::protocol::RequestId;

impl Raft {
    pub(super) fn on_read(&mut self, step: &mut Step<'_>, id: RequestId, key: i64) {
        if self.config.bug == Some(Bug::StaleRead) {
            step.reply(id, KvResponse::Value(self.machine.get(key)));
            return;
        }
        let lease = self.config.reads == Reads::Lease && self.holds_lease(step.now_ns);
        let knows = self.knows_commits();
        let Some(leadership) = self.leadership() else {
            step.reply(id, KvResponse::NotLeader { hint: self.leader });
            return;
        };
        if lease && knows {
            step.reached("lease-read");
            step.reply(id, KvResponse::Value(self.machine.get(key)));
            return;
        }
        leadership.reads_waiting.push(PendingRead { id, key });
        self.confirm_reads(step);
    }

    /// Answers the reads of a round that a majority has confirmed, and begins the next round.
    pub(super) fn confirm_reads(&mut self, step: &mut Step<'_>) {
        let knows = self.knows_commits();
        loop {
            let Role::Leader(leadership) = &mut self.role else { return };
            let answered = |peer: &Peer| peer.answered.map_or(0, |stamp| stamp.sequence);
            let confirmed = leadership.majority(self.log.voters(), self.me, u64::MAX, answered);
            if let Some((after, reads)) = leadership.reads_confirming.take() {
                if !knows || confirmed <= after {
                    leadership.reads_confirming = Some((after, reads));
                    return;
                }
                step.reached("read-index-read");
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

    fn holds_lease(&self, now_ns: u64) -> bool {
        let Role::Leader(leadership) = &self.role else { return false };
        let own = Some(now_ns);
        let sent = |stamp: Stamp| stamp.sent_ns;
        let since =
            leadership.majority(self.log.voters(), self.me, own, |peer| peer.answered.map(sent));
        since.is_some_and(|since| now_ns < since + self.lease_ns())
    }

    pub(super) fn lease_ns(&self) -> u64 {
        let percent = match self.config.bug {
            Some(Bug::LongLease) => LONG_LEASE_PERCENT,
            _ => LEASE_PERCENT,
        };
        self.config.election_timeout_ms * MS / 100 * percent
    }
}
