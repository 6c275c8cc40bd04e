//! The search: plays candidates until one of them still breaks the claim, within a budget.
//!
//! ```text
//!   candidates   c0 c1 c2 ...              what is left of the case after a removal
//!   attempts     0: as it is               1, 2, ...: with another seed, and every other time with
//!                                          the operations a little earlier or later
//!   order        c0/0 c1/0 c2/0 ... c0/1 c1/1 c2/1 ...      the first one that breaks the claim wins
//! ```
//!
//! **Why other seeds.** A removal shifts what is drawn afterwards: another node leads, a message is
//! late. That a candidate comes out valid once says little; that it does so again and again says
//! that something is missing. Small candidates cost less, so they are tried more often.
//!
//! **Deterministic.** Candidates are played on all cores, but which one wins depends on the order
//! alone, and what is drawn for an attempt on the case's seed and its number. Only a budget of wall
//! time makes results differ.

use super::edit;
use super::{ShrinkBudget, Standing};
use crate::case::{Case, Part, ScriptedOp};
use crate::exit::Failure;
use crate::panics;
use crate::runner::script::script_of;
use crate::trial::simulated::try_out;
use checkers::history::pairing::operations;
use checkers::history::{EventType, History};
use checkers::verdict::{Judgement, Verdict};
use rayon::prelude::*;
use std::time::{Duration, Instant};
use targets::seed::{Seed, Stream};

/// So much virtual time is spent on the attempts at one candidate, in nanoseconds.
const ATTEMPTS_NS: u64 = 200_000_000_000;
/// But so many attempts at least,
const ATTEMPTS_MIN: u64 = 6;
/// and at most.
const ATTEMPTS_MAX: u64 = 40;

/// Runs that are played at once before anybody looks at what came out.
const WAVE: u64 = 16;

/// What is kept of the budget for the last pass, which makes the result easy to read.
const RESERVE_PERCENT: u64 = 5;

/// Operations are moved by at most one of these, in milliseconds.
const JITTERS_MS: [u64; 4] = [2, 10, 50, 200];

/// Seeds are drawn below this: short ones are easier to say.
const SEEDS: u64 = 1_000_000_000;

/// A case that breaks the claim.
#[derive(Debug)]
pub(super) struct Found {
    /// The case. If its operations are scripted, they are what clients did.
    pub(super) case: Case,
    /// How the claim is broken.
    pub(super) judgement: Judgement,
    /// What clients did, with how it went.
    pub(super) done: Vec<Done>,
    /// How much virtual time went by.
    pub(super) simulated_ns: u64,
}

/// An operation that was done.
#[derive(Clone, Debug)]
pub(super) struct Done {
    /// The operation.
    pub(super) op: ScriptedOp,
    /// When it was over, in nanoseconds since its part began; nothing if it never was.
    pub(super) end_ns: Option<u64>,
    /// Whether it was acknowledged.
    pub(super) ok: bool,
    /// Whether the evidence names it.
    pub(super) evidence: bool,
}

impl Found {
    /// What clients did.
    pub(super) fn operations(&self) -> Vec<ScriptedOp> {
        self.done.iter().map(|done| done.op.clone()).collect()
    }
}

/// What every attempt needs to know.
#[derive(Clone, Copy)]
struct Rules<'a> {
    judgement: &'a str,
    budget: &'a ShrinkBudget,
    cancelled: &'a (dyn Fn() -> bool + Sync),
    began: Instant,
    /// What attempts draw from.
    seed: Seed,
    /// Whether the last pass is under way.
    finishing: bool,
}

/// Candidates, and the best of those that were tried.
pub(super) struct Search<'a> {
    rules: Rules<'a>,
    observe: &'a mut dyn FnMut(&Standing),
    /// How often candidates were offered: names the streams.
    rounds: u64,
    /// How much harder than at first candidates are tried.
    pub(super) effort: u64,
    /// Runs that were played.
    pub(super) runs: u64,
    /// The smallest case so far that breaks the claim.
    pub(super) best: Found,
}

impl std::fmt::Debug for Search<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Search").field("runs", &self.runs).field("best", &self.best).finish()
    }
}

impl Rules<'_> {
    fn out_of_time(&self) -> bool {
        let kept = if self.finishing { 0 } else { RESERVE_PERCENT as u32 };
        let over = |time: Duration| self.began.elapsed() >= time * (100 - kept) / 100;
        (self.cancelled)() || self.budget.time.is_some_and(over)
    }

    /// Runs that are kept for the last pass.
    fn reserve(&self) -> u64 {
        if self.finishing { 0 } else { self.budget.runs_max / 100 * RESERVE_PERCENT }
    }

    /// The candidate as it is played in this attempt.
    fn attempt(&self, mut case: Case, round: u64, number: usize, attempt: u64) -> Case {
        if attempt == 0 {
            return case;
        }
        let mut stream = self.seed.stream(&format!("attempt {round} {number} {attempt}"));
        edit::set_seed(&mut case, Seed(stream.below(SEEDS)));
        if attempt.is_multiple_of(2) {
            jitter(&mut case, &mut stream);
        }
        case
    }
}

impl<'a> Search<'a> {
    /// A search that begins with this case; nothing if it does not break the claim.
    pub(super) fn begin(
        case: &Case,
        judgement: &'a str,
        budget: &'a ShrinkBudget,
        cancelled: &'a (dyn Fn() -> bool + Sync),
        observe: &'a mut dyn FnMut(&Standing),
    ) -> Result<Option<Self>, Failure> {
        let Some(best) = tried(case.clone(), judgement, cancelled)? else { return Ok(None) };
        let seed = Seed(case.request.seed.stream("shrink").draw());
        let rules =
            Rules { judgement, budget, cancelled, began: Instant::now(), seed, finishing: false };
        let mut search = Self { rules, observe, rounds: 0, effort: 1, runs: 1, best };
        search.show();
        Ok(Some(search))
    }

    /// Whether nothing more may be taken away: what is left of the budget is for the last pass.
    pub(super) fn is_over(&self) -> bool {
        self.runs >= self.rules.budget.runs_max - self.rules.reserve() || self.rules.out_of_time()
    }

    /// All of the budget may be used.
    pub(super) fn finish(&mut self) {
        self.rules.finishing = true;
    }

    /// Attempts at a candidate of today's size.
    fn attempts(&self) -> u64 {
        let affordable = ATTEMPTS_NS / self.best.simulated_ns.max(1);
        affordable.clamp(ATTEMPTS_MIN, ATTEMPTS_MAX) * self.effort
    }

    /// Tries candidates, several times each; the first that breaks the claim becomes the best, and
    /// its number is given. `candidate` gives nothing if there is no such case.
    pub(super) fn first(
        &mut self,
        count: usize,
        candidate: impl Fn(&Found, usize) -> Option<Case> + Sync,
    ) -> Option<usize> {
        self.rounds += 1;
        let (rules, round, best, candidates) = (self.rules, self.rounds, &self.best, count as u64);
        let runs_max = rules.budget.runs_max - rules.reserve();
        let left = runs_max.saturating_sub(self.runs);
        let total = (candidates * self.attempts()).min(left);
        let mut from = 0;
        let mut found = None;
        while from < total && found.is_none() && !rules.out_of_time() {
            let wave = from..(from + WAVE).min(total);
            from = wave.end;
            found = wave.into_par_iter().find_map_first(|index| {
                let (number, attempt) = ((index % candidates) as usize, index / candidates);
                let case = rules.attempt(candidate(best, number)?, round, number, attempt);
                // What cannot be played is no smaller run.
                let found = tried(case, rules.judgement, &|| rules.out_of_time()).ok()??;
                Some((index, number, found))
            });
        }
        self.runs += found.as_ref().map_or(from, |(index, ..)| index + 1);
        let number = found.map(|(_, number, found)| {
            self.best = found;
            number
        });
        self.show();
        number
    }

    /// Tries candidates that are given as a list.
    pub(super) fn first_of(&mut self, candidates: &[Case]) -> Option<usize> {
        self.first(candidates.len(), |_, number| Some(candidates[number].clone()))
    }

    fn show(&mut self) {
        let args = &self.best.case.request.args;
        let standing = Standing {
            runs: self.runs,
            operations: self.best.done.len(),
            faults: self.best.case.plan.len(),
            nodes: args.nodes,
            clients: args.clients,
            simulated_ns: self.best.simulated_ns,
        };
        (self.observe)(&standing);
    }
}

/// Moves scripted operations a little.
fn jitter(case: &mut Case, stream: &mut Stream) {
    let Some(operations) = &mut case.operations else { return };
    let ms = stream.pick(&JITTERS_MS).copied().expect("there are some");
    for op in operations.iter_mut() {
        let moved = stream.below(2 * ms * edit::MS + 1);
        op.at_ns = (op.at_ns + moved).saturating_sub(ms * edit::MS);
    }
    edit::fit(case);
}

/// Plays a case; gives what was found if it breaks the claim. A panic of what is on trial is
/// another failure than the one that is looked for.
fn tried(
    case: Case,
    judgement: &str,
    cancelled: &dyn Fn() -> bool,
) -> Result<Option<Found>, Failure> {
    let Ok(tried) = panics::caught(|| try_out(&case, cancelled)) else { return Ok(None) };
    let Some((simulated, sentence)) = tried? else { return Ok(None) };
    let history = &simulated.recorded.history;
    let broken = sentence.judgements.into_iter().find(|judged| judged.checker == judgement);
    let Some(judgement) = broken else { return Ok(None) };
    let Verdict::Invalid { evidence } = &judgement.verdict else { return Ok(None) };
    let named: Vec<usize> = evidence.ops().iter().map(|op| op.invoke_index).collect();
    let mut done = done(history, case.request.args.clients, &named);
    let mut case = case;
    if let Some(script) = &mut case.operations {
        assert_eq!(done.len(), script.len(), "a part lasts until all of its script is done");
        done = in_order_of(script, done);
        *script = done.iter().map(|done| done.op.clone()).collect();
        edit::fit(&mut case);
    }
    Ok(Some(Found { case, judgement, done, simulated_ns: simulated.simulated_ns }))
}

/// What clients did, in order of invocation; the evidence names the operations with these
/// invocations.
fn done(history: &History, clients: u32, named: &[usize]) -> Vec<Done> {
    let script = script_of(history, clients);
    let operations = operations(history);
    assert_eq!(script.len(), operations.len(), "a run that was played here is a script");
    let events = history.events();
    let done = script.into_iter().zip(operations).map(|(op, operation)| {
        let invoked_ns = events[operation.invoke_index()].time_ns;
        let completed = operation.complete_index().map(|index| events[index].time_ns);
        Done {
            end_ns: completed.map(|time_ns| time_ns - invoked_ns + op.at_ns),
            ok: operation.outcome(history) == EventType::Ok,
            evidence: named.contains(&operation.invoke_index()),
            op,
        }
    });
    done.collect()
}

/// What was done, in the order of the script: a script keeps its order when its times change, so
/// that its operations can be told by their places. Each thread did its own by their times.
fn in_order_of(script: &[ScriptedOp], done: Vec<Done>) -> Vec<Done> {
    let mut places: Vec<usize> = (0..script.len()).collect();
    let key = |op: &ScriptedOp| (op.part, op.thread);
    places.sort_by_key(|place| (key(&script[*place]), script[*place].at_ns, *place));
    let mut placed: Vec<Option<Done>> = script.iter().map(|_| None).collect();
    for done in done {
        let next = places.iter().position(|place| key(&script[*place]) == key(&done.op));
        let place = places.remove(next.expect("only what the script says is done"));
        placed[place] = Some(done);
    }
    placed.into_iter().flatten().collect()
}

/// When the evidence is complete, in nanoseconds since the main phase began; nothing if some of it
/// lies in the final reads.
pub(super) fn evidence_ends_ns(found: &Found) -> Option<u64> {
    let evidence = || found.done.iter().filter(|done| done.evidence);
    if evidence().any(|done| done.op.part == Part::FinalReads) {
        return None;
    }
    // Of what nobody knows, only the effect matters, and that somebody else has seen.
    let end_ns = |done: &Done| done.end_ns.filter(|_| done.ok).unwrap_or(done.op.at_ns);
    evidence().map(end_ns).max()
}
