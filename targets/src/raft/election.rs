//! Elections: pre-vote, votes, and the promise not to vote while a leader is heard.
//!
//! ```text
//!              timer                majority would vote            majority voted
//!   follower ---------> pre-candidate -----------> candidate ------------> leader
//!      ^  term unchanged, nothing promised   term + 1, vote on disk           |
//!      +---- a leader or a later term is heard; a majority is silent ---------+
//! ```
//!
//! A node that was cut off cannot disturb anybody when it comes back: without a majority that would
//! vote for it, its term does not rise (thesis, 9.6).
//!
//! **The promise.** A node that heard of a leader within the minimum election timeout ignores votes
//! and pre-votes (thesis, 4.2.3); leases rest on it (6.4.1). The promise must outlive the process:
//! a node that answered a heartbeat, was killed and came back could otherwise vote at once, and a
//! new leader would write while the old one still holds a lease. When it last heard is not on disk,
//! so a restarted node assumes that it was just before. A node without records never heard anybody.

use super::leader::Leadership;
use super::message::{Body, Position, Term};
use super::places::Place;
use super::step::Step;
use super::{Bug, FRESH_TIMEOUT_MS_MAX, FRESH_TIMEOUT_MS_MIN, MS, Raft, RaftTimer, Role};
use crate::links::NodeId;
use crate::protocol::Note;
use std::collections::BTreeSet;

/// Who answered a candidate, the candidate itself included.
#[derive(Clone, Debug)]
pub(super) struct Poll {
    granted: BTreeSet<NodeId>,
    refused: BTreeSet<NodeId>,
}

impl Poll {
    fn of(me: NodeId) -> Self {
        Self { granted: BTreeSet::from([me]), refused: BTreeSet::new() }
    }

    fn count(&mut self, from: NodeId, granted: bool) {
        if granted {
            self.granted.insert(from);
        } else if !self.granted.contains(&from) {
            self.refused.insert(from);
        }
    }

    fn won(&self, voters: &[NodeId]) -> bool {
        voters.iter().filter(|voter| self.granted.contains(voter)).count() > voters.len() / 2
    }

    fn silent(&self, node: NodeId) -> bool {
        !self.granted.contains(&node) && !self.refused.contains(&node)
    }
}

impl Raft {
    /// Draws a new election timeout and sets the timer.
    pub(super) fn arm_election(&mut self, step: &mut Step<'_>) {
        self.postpone_election(step);
        step.set_timer(RaftTimer::Election, self.election_deadline_ns - step.now_ns);
    }

    /// Draws a new election timeout but leaves the timer alone: when it goes off too early, it is
    /// set again. A timer that moves with every append would be most of what a follower does.
    pub(super) fn postpone_election(&mut self, step: &Step<'_>) {
        let minimum_ms = self.config.election_timeout_ms;
        // Before the first election nobody can have promised anything, so nobody needs to wait.
        let (low_ms, high_ms) = if self.hard.term == 0 {
            (FRESH_TIMEOUT_MS_MIN.min(minimum_ms), FRESH_TIMEOUT_MS_MAX.min(2 * minimum_ms))
        } else {
            (minimum_ms, 2 * minimum_ms)
        };
        self.election_deadline_ns = step.now_ns + step.between(low_ms * MS, high_ms * MS);
    }

    pub(super) fn on_election_timer(&mut self, step: &mut Step<'_>) {
        if self.is_leader() {
            return;
        }
        if step.now_ns < self.election_deadline_ns {
            step.set_timer(RaftTimer::Election, self.election_deadline_ns - step.now_ns);
            return;
        }
        if matches!(self.role, Role::Candidate(_)) {
            step.reached(Place::ElectionLost);
        }
        self.leader = None;
        self.arm_election(step);
        if self.may_be_needed() {
            self.role = Role::PreCandidate(Poll::of(self.me));
            self.advance_poll(step);
            self.solicit(step);
            step.set_timer(RaftTimer::Heartbeat, self.config.heartbeat_ms * MS);
        }
    }

    /// Whether this node may have to lead: it votes, or the configuration that removes it is not
    /// known to be committed. Counterexample to the first alone: of two voters the leader removes
    /// itself, and the entry is on its own disk only. The other one needs its vote, which goes to
    /// no shorter log: if it does not campaign either, nobody ever leads again (thesis, 4.2.2).
    fn may_be_needed(&self) -> bool {
        self.log.voters().contains(&self.me) || self.log.config_index() > self.commit
    }

    /// Asks those again who did not answer: the question or the answer may be lost.
    pub(super) fn solicit(&mut self, step: &mut Step<'_>) {
        let (poll, body) = match &self.role {
            Role::PreCandidate(poll) => {
                let proposed = self.hard.term + 1;
                (poll, Body::PreVote { proposed, last: self.log.last() })
            }
            Role::Candidate(poll) => (poll, Body::Vote { last: self.log.last() }),
            Role::Follower | Role::Leader(_) => return,
        };
        for voter in self.log.voters() {
            if poll.silent(*voter) {
                step.send(*voter, self.hard.term, body.clone());
            }
        }
    }

    fn campaign(&mut self, step: &mut Step<'_>) {
        self.hard.term += 1;
        self.hard.vote = Some(self.me);
        self.save_vote(step);
        self.role = Role::Candidate(Poll::of(self.me));
        self.arm_election(step);
        self.advance_poll(step);
        self.solicit(step);
    }

    /// Goes on if the poll is won; a node that votes alone wins at once.
    fn advance_poll(&mut self, step: &mut Step<'_>) {
        match &self.role {
            Role::PreCandidate(poll) if poll.won(self.log.voters()) => self.campaign(step),
            Role::Candidate(poll) if poll.won(self.log.voters()) => self.lead(step),
            Role::PreCandidate(_) | Role::Candidate(_) | Role::Follower | Role::Leader(_) => {}
        }
    }

    fn lead(&mut self, step: &mut Step<'_>) {
        step.flush();
        let last = self.log.last();
        let skip_noop = self.has(Bug::CommitOldTerm);
        let term_start = if skip_noop { last.index } else { last.index + 1 };
        self.role = Role::Leader(Box::new(Leadership::new(term_start)));
        self.leader = Some(self.me);
        step.reached(Place::ElectionWon);
        step.note(Note::Leading { term: self.hard.term });
        self.add_missing_peers(step.now_ns, last.index + 1);
        step.set_timer(RaftTimer::Heartbeat, self.config.heartbeat_ms * MS);
        if self.has(Bug::SnapshotOverwritesNewer) {
            // Whoever knew that more was committed than this node is sent an older state.
            for voter in self.log.voters().to_vec() {
                self.send_snapshot(step, voter);
            }
        }
        if skip_noop {
            self.heartbeat(step);
        } else {
            self.append_as_leader(step, super::message::Command::Noop);
        }
    }

    /// Whether a promise to a leader holds back this node's vote.
    fn is_loyal(&self, now_ns: u64) -> bool {
        if self.has(Bug::LongLease) {
            return false;
        }
        let promise_ns = self.config.election_timeout_ms * MS;
        self.is_leader() || self.heard_ns.is_some_and(|heard| now_ns < heard + promise_ns)
    }

    /// Whether a candidate's log holds everything that may be committed (paper, 5.4.1).
    fn may_lead(&self, candidate: Position) -> bool {
        if self.has(Bug::VoteWithoutLogCheck) {
            return true;
        }
        let mine = self.log.last();
        (candidate.term, candidate.index) >= (mine.term, mine.index)
    }

    pub(super) fn on_pre_vote(
        &mut self,
        step: &mut Step<'_>,
        from: NodeId,
        proposed: Term,
        last: Position,
    ) {
        let late = proposed <= self.hard.term;
        if !late && self.is_loyal(step.now_ns) {
            step.reached(Place::PreVoteHeldBack);
            return;
        }
        let may_lead = self.may_lead(last);
        if !late && !may_lead {
            step.reached(Place::PreVoteRefusedOldLog);
        }
        let granted = !late && may_lead;
        step.send(from, self.hard.term, Body::PreVoteReply { proposed, granted });
    }

    pub(super) fn on_pre_vote_reply(
        &mut self,
        step: &mut Step<'_>,
        from: NodeId,
        proposed: Term,
        granted: bool,
    ) {
        if proposed != self.hard.term + 1 {
            return;
        }
        if let Role::PreCandidate(poll) = &mut self.role {
            poll.count(from, granted);
            self.advance_poll(step);
        }
    }

    pub(super) fn on_vote(
        &mut self,
        step: &mut Step<'_>,
        from: NodeId,
        term: Term,
        last: Position,
    ) {
        let before = self.hard;
        if term > self.hard.term {
            // Not even the later term is taken over: it would depose a leader that is well.
            if self.is_loyal(step.now_ns) {
                step.reached(Place::VoteHeldBack);
                return;
            }
            self.enter_term(step, term, None);
        }
        // Also within the term: it may have been learnt from a reply since a leader was promised
        // loyalty, and that leader's lease rests on the promise.
        let free = match self.hard.vote {
            Some(vote) if !self.has(Bug::VoteTwice) => vote == from,
            _ => !self.is_loyal(step.now_ns),
        };
        let (current, may_lead) = (term == self.hard.term, self.may_lead(last));
        let granted = current && free && may_lead;
        if current && free && !may_lead {
            step.reached(Place::VoteRefusedOldLog);
        }
        if granted && self.hard.vote.is_none() {
            self.hard.vote = Some(from);
            self.postpone_election(step);
        }
        if self.hard != before {
            self.save_vote(step);
        }
        if current && !free && matches!(self.role, Role::Candidate(_)) {
            step.reached(Place::SplitVote);
        }
        step.send(from, self.hard.term, Body::VoteReply { granted });
    }

    pub(super) fn on_vote_reply(
        &mut self,
        step: &mut Step<'_>,
        from: NodeId,
        term: Term,
        granted: bool,
    ) {
        if term != self.hard.term {
            return;
        }
        if let Role::Candidate(poll) = &mut self.role {
            poll.count(from, granted);
            self.advance_poll(step);
        }
    }

    /// Writes the vote and its term before anybody learns of it.
    fn save_vote(&mut self, step: &mut Step<'_>) {
        if !self.has(Bug::ForgetVote) {
            self.save_hard_state(step);
        }
    }
}
