//! Deposed leaders: Figure 8 of the Raft paper, played until somebody commits an old term by
//! counting.
//!
//! ```text
//!   1  the leader S keeps a few friends, too few for a majority; clients still reach it: entries x
//!   2  of the others, in a star of slow links, D is elected, and cut off at once, before it has
//!      replicated; clients still reach it: entries y, of a later term than x, on D alone
//!   3  S comes back in the middle of a star of slow links, is elected again, and replicates x
//!   4  after some round trips, when x is on a majority: cut S off. To commit x now, by counting,
//!      is the mistake
//!   5  D comes back: y is of a later term than x, so D is elected, and y overwrites x
//!   6  heal, and let S lead once more: if it took x for committed, it says so
//! ```
//!
//! Step 4 is a matter of milliseconds: too early, and x is not on a majority; too late, and an
//! entry of S's new term is, which makes x safe. The links are slow (10..20 ms each way), so that a
//! round trip is long against the time that it takes to react, and the number of round trips is
//! drawn anew.

use super::{Action, View, delay, isolated, join};
use targets::links::{Link, NodeId};
use targets::seed::{Seed, Stream};

/// How long the next leader may take to be elected.
const ELECTION_MS: u64 = 1500;
/// How long one that comes back may take: it has a term to catch up with, and connections to
/// restore.
const RETURN_MS: u64 = 2500;

/// One round's cast.
#[derive(Clone, Debug)]
struct Cast {
    /// The leader of the old term.
    first: NodeId,
    /// Those who hear it in its minority.
    friends: Vec<NodeId>,
    /// The leader of the later term.
    second: NodeId,
    /// Who elects both.
    voters: Vec<NodeId>,
    /// The latest term that was seen.
    term: u64,
    /// One way, on the slow links.
    delay_ms: u64,
}

#[derive(Clone, Debug)]
enum Stage {
    Rest { until_ms: u64 },
    Depose { cast: Cast, until_ms: u64 },
    Accumulate { cast: Cast, until_ms: u64 },
    Return { cast: Cast, until_ms: u64 },
    Replicate { cast: Cast, until_ms: u64 },
    Overwrite { cast: Cast, until_ms: u64 },
    Reign { until_ms: u64 },
    Reveal { first: NodeId, term: u64, until_ms: u64 },
}

/// The script's state.
#[derive(Debug)]
pub(crate) struct Deposed {
    stage: Stage,
    stream: Stream,
    /// Who may believe that its old entries were committed, and has not led since.
    witness: Option<NodeId>,
    rounds: u32,
    deposed: u32,
    overwritten: u32,
}

impl Deposed {
    pub(crate) fn new(seed: u64) -> Self {
        let stream = Seed(seed).stream("deposed-leaders");
        let stage = Stage::Rest { until_ms: 0 };
        Self { stage, stream, witness: None, rounds: 0, deposed: 0, overwritten: 0 }
    }

    pub(crate) fn wake_ms(&self) -> u64 {
        match &self.stage {
            Stage::Rest { until_ms }
            | Stage::Depose { until_ms, .. }
            | Stage::Accumulate { until_ms, .. }
            | Stage::Return { until_ms, .. }
            | Stage::Replicate { until_ms, .. }
            | Stage::Overwrite { until_ms, .. }
            | Stage::Reign { until_ms }
            | Stage::Reveal { until_ms, .. } => *until_ms,
        }
    }

    pub(crate) fn summary(&self) -> Option<String> {
        (self.rounds > 0).then(|| {
            format!(
                "{} rounds, {} leaders deposed, {} rounds in which both came back",
                self.rounds, self.deposed, self.overwritten
            )
        })
    }

    pub(crate) fn step(&mut self, view: &View<'_>) -> Vec<Action> {
        let now_ms = view.now_ms;
        match self.stage.clone() {
            Stage::Rest { until_ms } if now_ms >= until_ms => self.open(view),
            Stage::Depose { cast, until_ms } => match view.elected_after(cast.term) {
                Some((node, term)) if node == cast.second => self.deposed(cast, term, view),
                elected => self.unless_late(elected.is_some(), now_ms, until_ms),
            },
            Stage::Accumulate { cast, until_ms } if now_ms >= until_ms => {
                let mut layer = isolated(view.nodes());
                join(&mut layer, cast.first, &cast.friends, Link::default());
                join(&mut layer, cast.first, &cast.voters, delay(cast.delay_ms));
                self.stage = Stage::Return { cast, until_ms: now_ms + RETURN_MS };
                vec![Action::Links(Some(layer))]
            }
            Stage::Return { cast, until_ms } => match view.elected_after(cast.term) {
                Some((node, term)) if node == cast.first => {
                    let wait_ms = self.stream.between(5 * cast.delay_ms, 12 * cast.delay_ms);
                    let cast = Cast { term, ..cast };
                    self.stage = Stage::Replicate { cast, until_ms: now_ms + wait_ms };
                    Vec::new()
                }
                elected => self.unless_late(elected.is_some(), now_ms, until_ms),
            },
            Stage::Replicate { cast, until_ms } if now_ms >= until_ms => {
                let mut layer = isolated(view.nodes());
                join(&mut layer, cast.second, &cast.voters, Link::default());
                join(&mut layer, cast.second, &cast.friends, Link::default());
                self.stage = Stage::Overwrite { cast, until_ms: now_ms + RETURN_MS };
                self.deposed += 1;
                vec![Action::Links(Some(layer))]
            }
            Stage::Overwrite { cast, until_ms } => match view.elected_after(cast.term) {
                Some((node, _)) if node == cast.second => {
                    self.overwritten += 1;
                    self.witness = Some(cast.first);
                    let until_ms = now_ms + self.stream.between(150, 400);
                    self.stage = Stage::Reign { until_ms };
                    Vec::new()
                }
                elected => self.unless_late(elected.is_some(), now_ms, until_ms),
            },
            Stage::Reign { until_ms } if now_ms >= until_ms => self.rest(now_ms, 150, 400),
            Stage::Reveal { first, term, until_ms } => match view.elected_after(term) {
                Some((node, _)) if node == first => self.rest(now_ms, 500, 900),
                elected => self.unless_late(elected.is_some(), now_ms, until_ms),
            },
            Stage::Rest { .. }
            | Stage::Accumulate { .. }
            | Stage::Replicate { .. }
            | Stage::Reign { .. } => Vec::new(),
        }
    }

    /// Gives the round up when somebody else won, or nobody in time.
    fn unless_late(&mut self, lost: bool, now_ms: u64, until_ms: u64) -> Vec<Action> {
        if lost || now_ms >= until_ms { self.rest(now_ms, 100, 300) } else { Vec::new() }
    }

    /// Clears the links and lets the cluster be for a while.
    fn rest(&mut self, now_ms: u64, low: u64, high: u64) -> Vec<Action> {
        self.stage = Stage::Rest { until_ms: now_ms + self.stream.between(low, high) };
        vec![Action::Links(None)]
    }

    fn open(&mut self, view: &View<'_>) -> Vec<Action> {
        let Some((first, term)) = view.leader.filter(|(leader, _)| view.is_up(*leader)) else {
            return Vec::new();
        };
        let mut others = view.others(first);
        if others.len() < view.quorum() {
            return Vec::new();
        }
        let until_ms = view.now_ms + ELECTION_MS;
        let mut layer = isolated(view.nodes());
        let witness = self.witness.take().filter(|node| others.contains(node));
        if let Some(witness) = witness {
            others.retain(|node| *node != witness);
            join(&mut layer, witness, &others, Link::default());
            self.stage = Stage::Reveal { first: witness, term, until_ms };
            return vec![Action::Links(Some(layer))];
        }
        self.stream.shuffle(&mut others);
        // Just as many as can elect a leader without the friends.
        let electorate = others.split_off(others.len() - view.quorum());
        let (second, voters) = (electorate[0], electorate[1..].to_vec());
        let delay_ms = self.stream.between(10, 20);
        join(&mut layer, first, &others, Link::default());
        join(&mut layer, second, &voters, delay(delay_ms));
        let cast = Cast { first, friends: others, second, voters, term, delay_ms };
        self.stage = Stage::Depose { cast, until_ms };
        self.rounds += 1;
        vec![Action::Links(Some(layer))]
    }

    fn deposed(&mut self, cast: Cast, term: u64, view: &View<'_>) -> Vec<Action> {
        let mut layer = isolated(view.nodes());
        join(&mut layer, cast.first, &cast.friends, Link::default());
        let until_ms = view.now_ms + self.stream.between(100, 250);
        self.stage = Stage::Accumulate { cast: Cast { term, ..cast }, until_ms };
        self.deposed += 1;
        vec![Action::Links(Some(layer))]
    }
}
