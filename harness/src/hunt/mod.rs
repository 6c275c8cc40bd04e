//! Hunting: many random cases on all cores, until something is found or a budget is spent.
//!
//! ```text
//!   base seed, index --case_seed--> words --attempt--> Tried --in order--> Tally, findings
//!                     swarm                 workers              collector
//! ```
//!
//! **The same on any number of threads.** Cases are numbered; a case depends on the base seed and
//! its number alone. Workers take the next number each, and what they bring back is counted in
//! order of numbers: whoever stops at the first finding stops at the one with the lowest number,
//! and counters are those of all cases below it. A shard `i` of `n` takes every `n`-th number.
//!
//! **Flat memory.** Of a case only counters are kept ([`tally`]), findings are bounded, and no
//! worker runs more than [`AHEAD_MAX`] cases ahead of the slowest.

pub mod attempt;
pub mod journal;
pub mod matrix;
pub mod screen;
pub mod swarm;
pub mod tally;

use crate::exit::Failure;
use attempt::{Outcome, Tried};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};
use swarm::Pinned;
use tally::Tally;
use targets::catalogue::{PlantedBug, Target};

/// How far workers may run ahead of the slowest case.
const AHEAD_MAX: u64 = 1024;

/// So many findings are kept; further ones are only counted.
pub const FINDINGS_MAX: usize = 1000;

/// A part of all cases: of `of` parts the one with this number, from zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    /// Which part, from zero.
    pub part: u64,
    /// How many parts there are.
    pub of: u64,
}

impl Shard {
    /// Everything.
    pub const ALL: Self = Self { part: 0, of: 1 };

    /// The number of the case at this position of the shard.
    pub fn index(self, position: u64) -> u64 {
        self.part + position * self.of
    }

    /// How many of the first `cases` cases belong to the shard.
    pub fn share(self, cases: u64) -> u64 {
        cases.saturating_sub(self.part).div_ceil(self.of)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.part + 1, self.of)
    }
}

impl FromStr for Shard {
    type Err = String;

    /// `3/8`: the third of eight.
    fn from_str(text: &str) -> Result<Self, String> {
        let hint = "expected PART/PARTS with 1 <= PART <= PARTS <= 10000, such as 3/8";
        let parts = text.split_once('/').and_then(|(part, of)| {
            let (part, of): (u64, u64) = (part.parse().ok()?, of.parse().ok()?);
            (1 <= part && part <= of && of <= 10_000).then(|| Self { part: part - 1, of })
        });
        parts.ok_or_else(|| hint.to_owned())
    }
}

/// What to hunt for, and for how long.
#[derive(Clone, Debug)]
pub struct HuntSpec {
    /// The target.
    pub target: &'static Target,
    /// The planted bug.
    pub bug: Option<&'static PlantedBug>,
    /// The seed that case seeds are drawn from.
    pub base_seed: u64,
    /// Which part of the cases.
    pub shard: Shard,
    /// What is the same in every case.
    pub pinned: Pinned,
    /// Only cases with a number below this.
    pub cases_max: Option<u64>,
    /// How long on the wall.
    pub wall: Option<Duration>,
    /// Cases tried at once.
    pub threads: usize,
    /// Whether to go on after the first finding.
    pub keep_going: bool,
}

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The number of the case.
    pub index: u64,
    /// Its seed.
    pub seed: u64,
    /// Who says so: a checker, or `panic`.
    pub checker: String,
    /// What was claimed.
    pub claim: String,
    /// One sentence of the evidence, or what the panic said.
    pub sentence: String,
    /// How many operations the evidence has.
    pub evidence_ops: usize,
    /// Whether the harness panicked, and not the target.
    pub harness_panicked: bool,
    /// The command line of the case, word by word.
    pub words: Vec<String>,
}

/// Where a hunt is: what was counted so far, and which position of the shard comes next.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reach {
    /// All cases of the shard below this position are counted.
    pub position: u64,
    /// What they came to.
    pub tally: Tally,
}

/// What a hunt tells while it goes on, in order of case numbers.
#[derive(Debug)]
pub enum News<'a> {
    /// Something was found.
    Found(&'a Finding, &'a Reach),
    /// More cases are counted.
    Advanced(&'a Reach),
}

/// Why a hunt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// Something was found.
    Found,
    /// All cases were tried.
    Cases,
    /// Time was up.
    Time,
    /// The user ended it.
    Cancelled,
    /// It had found something and then could not go on: a full disk, say.
    Broken,
}

/// What a hunt came to.
#[derive(Clone, Debug)]
pub struct Ended {
    /// How far it came.
    pub reach: Reach,
    /// What was found, the first [`FINDINGS_MAX`] of it.
    pub findings: Vec<Finding>,
    /// Why it ended.
    pub why: Why,
    /// How long it took.
    pub wall: Duration,
}

/// How a case is tried: its words, and who says when to stop. Nothing if it was stopped.
pub type Attempt<'a> =
    dyn Fn(&[String], &dyn Fn() -> bool) -> Result<Option<Tried>, Failure> + Sync + 'a;

/// Hunts from where an earlier hunt has come to. `observe` hears on the calling thread.
pub fn hunt(
    spec: &HuntSpec,
    from: Reach,
    attempt: &Attempt<'_>,
    observe: &mut dyn FnMut(News<'_>) -> Result<(), Failure>,
    cancelled: &(dyn Fn() -> bool + Sync),
) -> Result<Ended, Failure> {
    let begin = Instant::now();
    let positions = spec.cases_max.map_or(u64::MAX, |cases| spec.shard.share(cases));
    let shared = Shared {
        spec,
        next: AtomicU64::new(from.position),
        limit: AtomicU64::new(positions),
        floor: AtomicU64::new(from.position),
        halted: AtomicBool::new(false),
        deadline: spec.wall.map(|wall| begin + wall),
        cancelled,
        attempt,
    };
    let (sender, results) = mpsc::channel();
    let shared = &shared;
    let mut collector = Collector::new(shared, from, observe);
    let collected = std::thread::scope(|scope| {
        for _ in 0..spec.threads.max(1) {
            let sender = sender.clone();
            scope.spawn(move || alone(|| shared.work(&sender)));
        }
        drop(sender);
        let collected = collector.collect(&results);
        collector.shared.halted.store(true, Ordering::Relaxed);
        collected
    });
    collected?;
    let Collector { reach, findings, .. } = collector;
    let why = if !findings.is_empty() && !spec.keep_going {
        Why::Found
    } else if reach.position >= positions {
        Why::Cases
    } else if cancelled() {
        Why::Cancelled
    } else {
        Why::Time
    };
    Ok(Ended { reach, findings, why, wall: begin.elapsed() })
}

/// Does the work in a pool that has only this thread: the checkers share work within the pool that
/// they are called in, and a case is too small to be shared. In one pool for all, workers waited
/// for pieces of each other's cases, a quarter of the time.
fn alone(work: impl FnOnce()) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build();
    // Without a pool of its own the work takes longer, and is the same.
    let _pool = pool.ok();
    work();
}

/// A case that was tried, on its way to the collector.
struct Done {
    position: u64,
    seed: u64,
    /// Kept only of what was found.
    words: Vec<String>,
    tried: Tried,
}

/// What workers share.
struct Shared<'a> {
    spec: &'a HuntSpec,
    /// The next position that nobody has taken.
    next: AtomicU64,
    /// Positions from here on are of no interest.
    limit: AtomicU64,
    /// All positions below are counted.
    floor: AtomicU64,
    /// The collector has given up.
    halted: AtomicBool,
    deadline: Option<Instant>,
    cancelled: &'a (dyn Fn() -> bool + Sync),
    attempt: &'a Attempt<'a>,
}

impl Shared<'_> {
    fn over(&self, position: u64) -> bool {
        position >= self.limit.load(Ordering::Relaxed)
            || self.halted.load(Ordering::Relaxed)
            || self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
            || (self.cancelled)()
    }

    /// Tries one case after the other until there is no more to do.
    fn work(&self, results: &Sender<Result<Done, Failure>>) {
        loop {
            let position = self.next.fetch_add(1, Ordering::Relaxed);
            let over = || self.over(position);
            while position >= self.floor.load(Ordering::Relaxed).saturating_add(AHEAD_MAX)
                && !over()
            {
                std::thread::sleep(Duration::from_millis(1));
            }
            if over() {
                return;
            }
            let index = self.spec.shard.index(position);
            let seed = swarm::case_seed(self.spec.base_seed, index);
            let words = swarm::words(self.spec.target, self.spec.bug, &self.spec.pinned, seed);
            let done = match (self.attempt)(&words, &over) {
                Ok(None) => return,
                Ok(Some(tried)) => {
                    let found = is_finding(&tried.outcome);
                    let words = if found { words } else { Vec::new() };
                    Ok(Done { position, seed, words, tried })
                }
                Err(failure) => Err(failure),
            };
            // A collector that has given up wants to hear nothing more.
            if results.send(done).is_err() {
                return;
            }
        }
    }
}

fn is_finding(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Violation(_) | Outcome::Panicked(_))
}

/// Puts what workers bring into order.
struct Collector<'a> {
    shared: &'a Shared<'a>,
    reach: Reach,
    findings: Vec<Finding>,
    /// What has been tried behind a case that has not come back yet.
    waiting: BTreeMap<u64, Done>,
    observe: &'a mut dyn FnMut(News<'_>) -> Result<(), Failure>,
}

impl<'a> Collector<'a> {
    fn new(
        shared: &'a Shared<'a>,
        reach: Reach,
        observe: &'a mut dyn FnMut(News<'_>) -> Result<(), Failure>,
    ) -> Self {
        Self { shared, reach, findings: Vec::new(), waiting: BTreeMap::new(), observe }
    }

    fn collect(&mut self, results: &Receiver<Result<Done, Failure>>) -> Result<(), Failure> {
        for done in results {
            let done = done?;
            if is_finding(&done.tried.outcome) && !self.shared.spec.keep_going {
                self.shared.limit.fetch_min(done.position + 1, Ordering::Relaxed);
            }
            self.waiting.insert(done.position, done);
            self.count()?;
        }
        // Behind a case that was stopped halfway something may have been found all the same.
        let left = std::mem::take(&mut self.waiting);
        for done in left.into_values() {
            if self.findings.is_empty() || self.shared.spec.keep_going {
                self.found(&done)?;
            }
        }
        Ok(())
    }

    /// Counts what is next in order.
    fn count(&mut self) -> Result<(), Failure> {
        while self.reach.position < self.shared.limit.load(Ordering::Relaxed)
            && let Some(done) = self.waiting.remove(&self.reach.position)
        {
            self.reach.position += 1;
            self.reach.tally.add(&done.tried);
            self.found(&done)?;
            self.shared.floor.store(self.reach.position, Ordering::Relaxed);
        }
        (self.observe)(News::Advanced(&self.reach))
    }

    /// Keeps and tells what was found, if this is something.
    fn found(&mut self, done: &Done) -> Result<(), Failure> {
        let Some(finding) = self.finding(done) else { return Ok(()) };
        (self.observe)(News::Found(&finding, &self.reach))?;
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(finding);
        }
        Ok(())
    }

    fn finding(&self, done: &Done) -> Option<Finding> {
        let spec = self.shared.spec;
        let index = spec.shard.index(done.position);
        let (seed, words) = (done.seed, done.words.clone());
        match &done.tried.outcome {
            Outcome::Violation(violation) => Some(Finding {
                index,
                seed,
                checker: violation.checker.clone(),
                claim: violation.claim.clone(),
                sentence: violation.sentence.clone(),
                evidence_ops: violation.evidence_ops,
                harness_panicked: false,
                words,
            }),
            Outcome::Panicked(panicked) => {
                let targets_own = panicked.is_of(spec.target.name);
                let who = if targets_own { spec.target.name } else { "the harness" };
                Some(Finding {
                    index,
                    seed,
                    checker: "panic".to_owned(),
                    claim: format!("{who} does not panic"),
                    sentence: format!("{who} panicked at {}: {}", panicked.place, panicked.message),
                    evidence_ops: 0,
                    harness_panicked: !targets_own,
                    words,
                })
            }
            Outcome::Valid | Outcome::Vacuous(_) | Outcome::Unknown(_) => None,
        }
    }
}

#[cfg(test)]
mod tests;
