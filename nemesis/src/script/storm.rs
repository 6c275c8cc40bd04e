//! The election storm: two leaders of one term, if voters forget whom they voted for.
//!
//! ```text
//!   1  kill the leader L of term t, start it again with its packets held back: it stays in term t
//!   2  an heir H, in the middle of a star of slow links, wins term t+1 with the votes of v1, v2
//!   3  at once: cut H off, kill v1 and v2 while H's first entries are still on the slow links,
//!      and start them again; they must remember that term t+1 has their vote
//!   4  let L and v1, v2 hear each other, v1 and v2 not: only L can win. It knows nothing of t+1
//!      and asks for votes in t+1. Correct voters refuse; forgetful ones elect a second leader
//!   5  heal. If there were two, let H lead next, undisturbed: it takes other things for committed
//! ```
//!
//! Why so: L lost no entry to H's term, so its log is good enough for v1 and v2, unless H's first
//! entries reached them; hence the slow links and the haste of step 3. L must not hear of term t+1
//! before its candidacy, or it asks for t+2; hence held packets (a cut would leave its connections
//! waiting for seconds), and in half of the rounds a wait until the voters, who may refuse any vote
//! for a minimum election timeout after a restart, are willing. Those waits are for election
//! timeouts of 250..500 ms.

use super::{Action, View, delay, isolated, join};
use targets::links::{Link, NodeId};
use targets::seed::{Seed, Stream};

/// How long the heir may take to be elected.
const ELECTION_MS: u64 = 1500;
/// How long restarted voters may take to serve.
const RESTART_MS: u64 = 400;
/// How long the second candidate may take.
const SECOND_ELECTION_MS: u64 = 1000;

/// One round's cast.
#[derive(Clone, Debug)]
struct Cast {
    /// The leader that is killed.
    old: NodeId,
    /// Its term.
    term: u64,
    /// Who is to win next.
    heir: NodeId,
    /// Who is to vote twice: as many as `old` needs for a majority.
    voters: Vec<NodeId>,
}

#[derive(Clone, Debug)]
enum Stage {
    Rest { until_ms: u64 },
    Electing { cast: Cast, until_ms: u64 },
    Restarting { cast: Cast, until_ms: u64 },
    Holding { cast: Cast, until_ms: u64 },
    Second { cast: Cast, until_ms: u64 },
    Reign { until_ms: u64 },
}

/// The script's state.
#[derive(Debug)]
pub(crate) struct Storm {
    stage: Stage,
    stream: Stream,
    /// Who led in a term that somebody else led too, and has not led since.
    witness: Option<NodeId>,
    leaders_killed: u32,
    voters_restarted: u32,
    twice: u32,
}

impl Storm {
    pub(crate) fn new(seed: u64) -> Self {
        let stream = Seed(seed).stream("election-storm");
        let stage = Stage::Rest { until_ms: 0 };
        let (leaders_killed, voters_restarted, twice) = (0, 0, 0);
        Self { stage, stream, witness: None, leaders_killed, voters_restarted, twice }
    }

    pub(crate) fn wake_ms(&self) -> u64 {
        match &self.stage {
            Stage::Rest { until_ms }
            | Stage::Electing { until_ms, .. }
            | Stage::Restarting { until_ms, .. }
            | Stage::Holding { until_ms, .. }
            | Stage::Second { until_ms, .. }
            | Stage::Reign { until_ms } => *until_ms,
        }
    }

    pub(crate) fn summary(&self) -> Option<String> {
        (self.leaders_killed > 0).then(|| {
            format!(
                "{} leaders killed, {} voters restarted, {} terms with a second leader",
                self.leaders_killed, self.voters_restarted, self.twice
            )
        })
    }

    pub(crate) fn step(&mut self, view: &View<'_>) -> Vec<Action> {
        let now_ms = view.now_ms;
        match self.stage.clone() {
            Stage::Rest { until_ms } if now_ms >= until_ms => self.open(view),
            Stage::Electing { cast, until_ms } => match view.elected_after(cast.term) {
                Some((node, term)) if node == cast.heir => self.elected(cast, term, view),
                Some(_) => self.rest(now_ms, 50, 200),
                None if now_ms >= until_ms => self.rest(now_ms, 50, 200),
                None => Vec::new(),
            },
            Stage::Restarting { cast, until_ms } => {
                let up = cast.voters.iter().all(|voter| view.is_up(*voter));
                if up || now_ms >= until_ms {
                    let patient = self.stream.below(2) == 1;
                    let (low, high) = if patient { (250, 290) } else { (0, 40) };
                    let until_ms = now_ms + self.stream.between(low, high);
                    self.stage = Stage::Holding { cast, until_ms };
                }
                Vec::new()
            }
            Stage::Holding { cast, until_ms } if now_ms >= until_ms => {
                let mut layer = isolated(view.nodes());
                join(&mut layer, cast.old, &cast.voters, Link::default());
                self.stage = Stage::Second { cast, until_ms: now_ms + SECOND_ELECTION_MS };
                vec![Action::Links(Some(layer))]
            }
            Stage::Second { cast, until_ms } => {
                // Here `cast.term` is the heir's: the term that must have one leader only.
                match view.elected_after(cast.term - 1) {
                    Some((node, term)) if node == cast.old => self.second(&cast, term, now_ms),
                    Some(_) => self.rest(now_ms, 100, 300),
                    None if now_ms >= until_ms => self.rest(now_ms, 100, 300),
                    None => Vec::new(),
                }
            }
            Stage::Reign { until_ms } if now_ms >= until_ms => self.rest(now_ms, 150, 400),
            Stage::Rest { .. } | Stage::Holding { .. } | Stage::Reign { .. } => Vec::new(),
        }
    }

    /// Clears the links and lets the cluster be for a while.
    fn rest(&mut self, now_ms: u64, low: u64, high: u64) -> Vec<Action> {
        self.stage = Stage::Rest { until_ms: now_ms + self.stream.between(low, high) };
        vec![Action::Links(None)]
    }

    fn open(&mut self, view: &View<'_>) -> Vec<Action> {
        let ready = view.leader.filter(|(old, _)| view.is_up(*old));
        let Some((old, term)) = ready else {
            return Vec::new();
        };
        let mut others = view.others(old);
        if others.len() < view.quorum() {
            // Without `old`, nobody could be elected.
            return Vec::new();
        }
        self.stream.shuffle(&mut others);
        if let Some(place) = others.iter().position(|node| Some(*node) == self.witness) {
            others.swap(0, place);
        } else {
            self.witness = None;
        }
        let (heir, others) = (others[0], others[1..].to_vec());
        let mut layer = isolated(view.nodes());
        join(&mut layer, heir, &others, delay(self.stream.between(10, 20)));
        let everybody: Vec<NodeId> = (0..view.nodes()).map(NodeId).filter(|n| *n != old).collect();
        join(&mut layer, old, &everybody, Link { hold: true, ..Link::default() });
        let voters = others[..view.quorum() - 1].to_vec();
        let cast = Cast { old, term, heir, voters };
        self.stage = Stage::Electing { cast, until_ms: view.now_ms + ELECTION_MS };
        self.leaders_killed += 1;
        vec![Action::Kill(old), Action::Links(Some(layer)), Action::Start(old)]
    }

    fn elected(&mut self, cast: Cast, term: u64, view: &View<'_>) -> Vec<Action> {
        if self.witness.take() == Some(cast.heir) {
            return self.rest(view.now_ms, 500, 900);
        }
        let mut layer = isolated(view.nodes());
        join(&mut layer, cast.old, &cast.voters, Link { hold: true, ..Link::default() });
        let mut actions = vec![Action::Links(Some(layer))];
        actions.extend(cast.voters.iter().copied().map(Action::Kill));
        actions.extend(cast.voters.iter().copied().map(Action::Start));
        self.voters_restarted += cast.voters.len() as u32;
        let until_ms = view.now_ms + RESTART_MS;
        self.stage = Stage::Restarting { cast: Cast { term, ..cast }, until_ms };
        actions
    }

    fn second(&mut self, cast: &Cast, term: u64, now_ms: u64) -> Vec<Action> {
        if term == cast.term {
            self.twice += 1;
            self.witness = Some(cast.heir);
        }
        self.stage = Stage::Reign { until_ms: now_ms + self.stream.between(100, 250) };
        Vec::new()
    }
}
