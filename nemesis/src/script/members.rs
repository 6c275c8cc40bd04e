//! Changing who votes, while other things go wrong.
//!
//! ```text
//!   calm      remove a, remove b, add b, add a: each when the one before is answered
//!   churn     remove a, add b, remove b, add a: all at the same moment, in any order
//!   minority  1  cut the leader off, alone or with friends, too few for a majority
//!             2  at once ask it to remove all those whom it does not hear. A correct leader
//!                appends the first removal, cannot commit it, and refuses the others. One that
//!                does not wait for the change before makes itself a majority, and there are two
//!             3  after a while: heal, and add everybody again
//! ```
//!
//! Half of the minority's rounds are quicker: the old leader gets *one* change, and whoever is
//! elected on the other side is asked to remove the old leader as soon as it leads. If it does so
//! before it has committed anything of its own term, its configuration and the old leader's differ
//! by two nodes, and their majorities need not meet (raft-dev, July 2015).
//!
//! A correct cluster refuses a lot of this. That is what is tested, so a refusal is a fine answer.

use super::{Action, View, join};
use crate::fault::MemberPlay;
use std::collections::VecDeque;
use targets::environment::MemberChange::{self, Add, Remove};
use targets::links::{Link, LinkMatrix, NodeId};
use targets::seed::{Seed, Stream};

/// How long an answer may take before the next change is asked for.
const ANSWER_MS: u64 = 2500;

/// How long a change waits for a leader to be known; then anybody is asked, by lot.
const LEADER_MS: u64 = 1000;

/// How often a change that was refused is asked for in all.
const TRIES: u32 = 8;

#[derive(Clone, Debug)]
enum Stage {
    Rest {
        until_ms: u64,
    },
    /// A change of `todo` is to be asked for.
    Ask {
        until_ms: u64,
    },
    /// The first of `todo` has been asked for.
    Wait {
        until_ms: u64,
    },
    /// The leader of this term is cut off.
    Split {
        old: NodeId,
        term: u64,
        until_ms: u64,
    },
}

/// The script's state.
#[derive(Debug)]
pub(crate) struct Members {
    play: MemberPlay,
    stage: Stage,
    stream: Stream,
    /// Changes to be made one after the other, and how often the first was asked for.
    todo: VecDeque<MemberChange>,
    tries: u32,
    /// Whether a change is due, and nobody is known who leads.
    leaderless: bool,
    /// Whether the new leader of this split is to be asked for a change.
    ask_the_next: bool,
    rounds: u32,
    asked: u32,
    made: u32,
}

impl Members {
    pub(crate) fn new(play: MemberPlay, seed: u64) -> Self {
        let stream = Seed(seed).stream("members");
        let (stage, todo) = (Stage::Rest { until_ms: 0 }, VecDeque::new());
        let (tries, rounds, asked, made) = (0, 0, 0, 0);
        let (leaderless, ask_the_next) = (false, false);
        Self { play, stage, stream, todo, tries, leaderless, ask_the_next, rounds, asked, made }
    }

    pub(crate) fn summary(&self) -> Option<String> {
        let Self { rounds, asked, made, .. } = self;
        (*asked > 0).then(|| format!("{rounds} rounds, {asked} changes asked for, {made} made"))
    }

    pub(crate) fn wake_ms(&self) -> u64 {
        match self.stage {
            Stage::Rest { until_ms } | Stage::Ask { until_ms } if self.leaderless => {
                until_ms + LEADER_MS
            }
            Stage::Rest { until_ms }
            | Stage::Ask { until_ms }
            | Stage::Wait { until_ms }
            | Stage::Split { until_ms, .. } => until_ms,
        }
    }

    pub(crate) fn step(&mut self, view: &View<'_>) -> Vec<Action> {
        self.made += view.answers.iter().filter(|(_, made)| *made).count() as u32;
        let now_ms = view.now_ms;
        if let Stage::Rest { until_ms: until_ms @ 0 } = &mut self.stage {
            // It is patient from its first step on.
            *until_ms = now_ms;
        }
        match self.stage {
            Stage::Rest { until_ms } if now_ms >= until_ms => match self.whom(view, until_ms) {
                Some((leader, term)) => self.open(leader, term, view),
                None => Vec::new(),
            },
            Stage::Ask { until_ms } if now_ms >= until_ms => match self.whom(view, until_ms) {
                Some((leader, _)) => self.ask(leader, view),
                None => Vec::new(),
            },
            Stage::Wait { until_ms } => self.wait(view, until_ms),
            Stage::Split { old, term, until_ms } => {
                if now_ms >= until_ms {
                    self.stage = Stage::Ask { until_ms: now_ms + self.stream.between(100, 500) };
                    return vec![Action::Links(None)];
                }
                match view.elected_after(term) {
                    Some((next, _)) if self.ask_the_next && next != old => {
                        self.ask_the_next = false;
                        self.todo.push_back(Add(old));
                        self.ask_now(next, Remove(old))
                    }
                    _ => Vec::new(),
                }
            }
            Stage::Rest { .. } | Stage::Ask { .. } => Vec::new(),
        }
    }

    fn ask_now(&mut self, via: NodeId, change: MemberChange) -> Vec<Action> {
        self.asked += 1;
        vec![Action::Ask(via, change)]
    }

    /// The leader and its term. If nobody is known to lead for a while, anybody who runs: a cluster
    /// that has no leader must answer too.
    fn whom(&mut self, view: &View<'_>, due_ms: u64) -> Option<(NodeId, u64)> {
        self.leaderless = false;
        if let Some((leader, term)) = view.leader.filter(|(leader, _)| view.is_up(*leader)) {
            return Some((leader, term));
        }
        let up: Vec<NodeId> =
            (0..view.nodes()).map(NodeId).filter(|node| view.is_up(*node)).collect();
        self.leaderless = !up.is_empty();
        if view.now_ms < due_ms + LEADER_MS {
            return None;
        }
        self.stream.pick(&up).map(|node| (*node, 0))
    }

    /// Begins a round.
    fn open(&mut self, leader: NodeId, term: u64, view: &View<'_>) -> Vec<Action> {
        let mut nodes: Vec<NodeId> = (0..view.nodes()).map(NodeId).collect();
        self.stream.shuffle(&mut nodes);
        self.rounds += 1;
        match self.play {
            MemberPlay::Calm => {
                let most = (nodes.len() - view.quorum()).clamp(1, 2) as u64;
                nodes.truncate(self.stream.between(1, most) as usize);
                self.todo = nodes.iter().copied().map(Remove).collect();
                self.stream.shuffle(&mut nodes);
                self.todo.extend(nodes.into_iter().map(Add));
                self.ask(leader, view)
            }
            MemberPlay::Churn => {
                nodes.truncate((nodes.len() - view.quorum()).max(2));
                let both = nodes.iter().flat_map(|node| [Remove(*node), Add(*node)]);
                let mut changes: Vec<MemberChange> = both.collect();
                self.stream.shuffle(&mut changes);
                changes.truncate(self.stream.between(2, changes.len() as u64) as usize);
                self.stage = Stage::Rest { until_ms: view.now_ms + self.stream.between(40, 400) };
                changes.into_iter().flat_map(|change| self.ask_now(leader, change)).collect()
            }
            MemberPlay::Minority => self.split(leader, term, nodes, view),
        }
    }

    /// Cuts the leader off and asks it to remove the others.
    fn split(
        &mut self,
        leader: NodeId,
        term: u64,
        mut others: Vec<NodeId>,
        view: &View<'_>,
    ) -> Vec<Action> {
        others.retain(|node| *node != leader);
        let friends = self.stream.below(view.quorum() as u64 - 1) as usize;
        let far = others.split_off(friends);
        let friends = others;
        let mut layer = LinkMatrix::clear(view.nodes());
        for node in friends.iter().chain([&leader]) {
            join(&mut layer, *node, &far, Link::CUT);
        }
        self.ask_the_next = self.stream.below(2) == 0;
        let mut changes: Vec<MemberChange> = far.iter().copied().map(Remove).collect();
        if self.ask_the_next {
            changes.truncate(1);
        }
        self.todo = changes.iter().map(|change| Add(node_of(*change))).collect();
        self.stage = Stage::Split {
            old: leader,
            term,
            until_ms: view.now_ms + self.stream.between(700, 2000),
        };
        let asks: Vec<Action> =
            changes.into_iter().flat_map(|change| self.ask_now(leader, change)).collect();
        [Action::Links(Some(layer))].into_iter().chain(asks).collect()
    }

    /// Asks the leader for the first change that is left.
    fn ask(&mut self, leader: NodeId, view: &View<'_>) -> Vec<Action> {
        let Some(change) = self.todo.front().copied() else {
            self.stage = Stage::Rest { until_ms: view.now_ms + self.stream.between(300, 1000) };
            return Vec::new();
        };
        self.tries += 1;
        self.stage = Stage::Wait { until_ms: view.now_ms + ANSWER_MS };
        self.ask_now(leader, change)
    }

    fn wait(&mut self, view: &View<'_>, until_ms: u64) -> Vec<Action> {
        let first = self.todo.front().copied();
        let answer = view.answers.iter().find(|(change, _)| Some(*change) == first);
        let pause_ms = match answer {
            // Quickly again: a change that may follow at once should.
            Some((_, true)) => self.stream.between(1, 300),
            Some((_, false)) => self.stream.between(50, 200),
            None if view.now_ms >= until_ms => 1,
            None => return Vec::new(),
        };
        if answer.is_some_and(|(_, made)| *made) || self.tries >= TRIES {
            self.todo.pop_front();
            self.tries = 0;
        }
        self.stage = Stage::Ask { until_ms: view.now_ms + pause_ms };
        Vec::new()
    }
}

fn node_of(change: MemberChange) -> NodeId {
    match change {
        Add(node) | Remove(node) => node,
    }
}
