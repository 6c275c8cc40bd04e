//! Changing who votes, one node at a time (thesis, chapter 4).
//!
//! Two configurations that differ by one node have no disjoint majorities, so a new one counts from
//! the moment when it is appended. That holds only for neighbours: a change is refused while
//! another is not committed, and until the leader has committed an entry of its own term. Without
//! the second condition two leaders could each add one node to the same configuration, and the
//! results differ by two (bug in the published algorithm, raft-dev mailing list, July 2015).
//!
//! ```text
//!   add     asked -> learner: is sent the log, does not vote -> nearly caught up: voter
//!   remove  asked -> not a voter any more; still sent the log until that is committed
//! ```
//!
//! A leader that removes itself goes on until the change is committed, without counting itself,
//! and then steps down. A node that is not a voter campaigns only while its removal is not known to
//! be committed: until then it may hold what nobody else has, and be needed (thesis, 4.2.2).

use super::leader::{Joining, Peer};
use super::message::{Command, Index};
use super::places::Place;
use super::step::Step;
use super::{Bug, JOIN_LAG_ENTRIES_MAX, JOIN_TIMEOUTS, MS, Raft, Role};
use crate::kv::KvResponse;
use crate::links::NodeId;
use crate::protocol::RequestId;

impl Raft {
    pub(super) fn on_add_server(&mut self, step: &mut Step<'_>, id: RequestId, node: NodeId) {
        if let Some(answer) = self.why_no_change(step, self.log.voters().contains(&node)) {
            step.reply(id, answer);
            return;
        }
        let next = self.log.last().index + 1;
        let Some(leadership) = self.leadership() else { return };
        leadership.joining = Some(Joining { node, id, since_ns: step.now_ns });
        leadership.peers.insert(node, Peer::new(next, step.now_ns));
        step.reached(Place::LearnerAdded);
        if self.config.voters.contains(&node) {
            step.reached(Place::NodeAddedAgain);
        }
        self.replicate(step, node);
    }

    pub(super) fn on_remove_server(&mut self, step: &mut Step<'_>, id: RequestId, node: NodeId) {
        if let Some(answer) = self.why_no_change(step, !self.log.voters().contains(&node)) {
            step.reply(id, answer);
            return;
        }
        let voters: Vec<NodeId> =
            self.log.voters().iter().copied().filter(|voter| *voter != node).collect();
        if voters.is_empty() {
            step.reply(id, KvResponse::Refused);
            return;
        }
        self.propose(step, id, Command::Config(voters));
    }

    /// The answer to a change that does not take place, or nothing if it may.
    fn why_no_change(&self, step: &mut Step<'_>, already_so: bool) -> Option<KvResponse> {
        let Role::Leader(leadership) = &self.role else {
            return Some(KvResponse::NotLeader { hint: self.leader });
        };
        if !self.knows_commits() {
            step.reached(Place::ChangeRefusedEarly);
            return Some(KvResponse::Refused);
        }
        let uncommitted = self.log.config_index() > self.commit;
        if leadership.joining.is_some() || (uncommitted && !self.has(Bug::OverlappingChanges)) {
            step.reached(Place::ChangeRefusedPending);
            return Some(KvResponse::Refused);
        }
        already_so.then_some(KvResponse::Done)
    }

    /// Lets a joining node vote once it lacks only a little: it cannot hold up commits for long.
    pub(super) fn advance_joining(&mut self, step: &mut Step<'_>) {
        let last = self.log.last().index;
        let Some(leadership) = self.leadership() else { return };
        let Some(Joining { node, id, .. }) = leadership.joining else { return };
        let matched = leadership.peers.get(&node).map_or(0, |peer| peer.matched);
        if matched == 0 || matched + JOIN_LAG_ENTRIES_MAX < last {
            return;
        }
        leadership.joining = None;
        let mut voters = self.log.voters().to_vec();
        voters.push(node);
        voters.sort_unstable();
        self.propose(step, id, Command::Config(voters));
    }

    /// Gives up on a joining node that does not catch up.
    pub(super) fn expire_joining(&mut self, step: &mut Step<'_>) {
        let patience_ns = JOIN_TIMEOUTS * self.config.election_timeout_ms * MS;
        let Some(leadership) = self.leadership() else { return };
        let Some(Joining { node, id, since_ns }) = leadership.joining else { return };
        if step.now_ns >= since_ns + patience_ns {
            leadership.joining = None;
            leadership.peers.remove(&node);
            step.reached(Place::LearnerAbandoned);
            step.reply(id, KvResponse::Refused);
        }
    }

    /// Begins to send entries to voters that were not sent any before.
    pub(super) fn add_missing_peers(&mut self, now_ns: u64, next: Index) {
        let Role::Leader(leadership) = &mut self.role else { return };
        for voter in self.log.voters() {
            if *voter != self.me && !leadership.peers.contains_key(voter) {
                leadership.peers.insert(*voter, Peer::new(next, now_ns));
            }
        }
    }

    /// Follows up on a configuration that has just been committed.
    pub(super) fn on_config_committed(&mut self, step: &mut Step<'_>) {
        step.reached(Place::MembershipChanged);
        if !self.is_leader() {
            return;
        }
        // The removed node learns of it, if this message arrives, and stays quiet from then on.
        self.heartbeat(step);
        if !self.log.voters().contains(&self.me) {
            step.reached(Place::RemovedLeaderSteppedDown);
            self.become_follower(step, None);
            return;
        }
        let voters = self.log.voters().to_vec();
        let Some(leadership) = self.leadership() else { return };
        let joining = leadership.joining.map(|joining| joining.node);
        leadership.peers.retain(|node, _| voters.contains(node) || joining == Some(*node));
    }
}
