//! From a history to a verdict: which checkers are asked, and how long they may take.

use crate::case::{self, Case};
use crate::exit::Failure;
use crate::request;
use crate::store::RunRecord;
use checkers::budget::Budget;
use checkers::history::History;
use checkers::linearizable::{self, Object, Semantics};
use checkers::liveness;
use checkers::stats::{self, Stats};
use checkers::vacuity::{self, Expected};
use checkers::verdict::{Judgement, Verdict};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use workloads::catalogue::Workload;

/// A checker, for `tribunal list checkers`.
#[derive(Clone, Copy, Debug)]
pub struct CheckerInfo {
    /// Its name.
    pub name: &'static str,
    /// What it decides.
    pub about: &'static str,
}

/// Every checker that there is.
pub const CHECKERS: &[CheckerInfo] = &[
    CheckerInfo {
        name: "linearizable",
        about: "one order of the operations on each key explains everything that clients saw and \
                agrees with real time (Herlihy and Wing 1990)",
    },
    CheckerInfo {
        name: "liveness",
        about: "a healed cluster elects a leader and answers within a bound of virtual time (only \
                in the simulated world, where no slow machine can be the reason)",
    },
    CheckerInfo {
        name: "vacuity",
        about: "the run tested something: operations were acknowledged, faults took effect, final \
                reads are there; otherwise the verdict is unknown",
    },
];

/// What the checkers have to know besides the history.
#[derive(Clone, Debug)]
pub struct Charge<'a> {
    /// The target's name.
    pub target: &'a str,
    /// The consistency model that it claims.
    pub claim: &'a str,
    /// The workload.
    pub workload: &'static Workload,
    /// Whether the run was to end with final reads.
    pub final_reads: bool,
    /// How many faults were planned.
    pub faults_planned: usize,
    /// Whether there must be nothing vacuous about it; a bare history file need not have phases.
    pub whole_run: bool,
    /// Within what time a healed cluster must answer, in milliseconds of the history's time;
    /// nothing where a slow machine could be the reason that it does not.
    pub answers_within_ms: Option<u64>,
}

/// The verdict on a history.
#[derive(Clone, Debug)]
pub struct Sentence {
    /// The greatest of the judgements.
    pub verdict: Verdict,
    /// What every checker said.
    pub judgements: Vec<Judgement>,
    /// Counts of outcomes.
    pub stats: Stats,
}

/// Judges a history. Each checker may take so long; `cancelled` ends the checking early, as an
/// `unknown`.
pub fn judge(
    history: &History,
    charge: &Charge<'_>,
    time: Duration,
    cancelled: impl Fn() -> bool + Sync,
) -> Sentence {
    judge_with(history, charge, |check| within(time, &cancelled, check))
}

fn judge_with(
    history: &History,
    charge: &Charge<'_>,
    give_budget: impl Fn(&dyn Fn(&Budget<'_>) -> Judgement) -> Judgement,
) -> Sentence {
    let stats = stats::stats(history);
    let claim =
        format!("{} claims a {} {}", charge.target, charge.claim, charge.workload.interface.name());
    let mut judgements = vec![give_budget(&|budget| {
        linearizable::check(&claim, history, Object::CasRegister, &Semantics::STRICT, budget)
    })];
    if let Some(bound_ms) = charge.answers_within_ms {
        judgements.push(liveness::check(charge.target, history, bound_ms));
    }
    if charge.whole_run {
        let expected = Expected {
            functions: charge.workload.functions,
            final_reads: charge.final_reads,
            faults_planned: charge.faults_planned,
        };
        judgements.push(vacuity::check(history, &expected));
    }
    let verdict = judgements
        .iter()
        .map(|judgement| judgement.verdict.clone())
        .reduce(Verdict::merge)
        .expect("there is at least one judgement");
    Sentence { verdict, judgements, stats }
}

/// Judges a run against what its record says of it: when it is made, and whenever it is checked.
pub fn judge_run(
    record: &RunRecord,
    history: &History,
    budget: Duration,
    cancelled: impl Fn() -> bool + Sync,
) -> Result<Sentence, Failure> {
    let answers_within_ms = match record.facts.simulated {
        true => case::from_words(&record.arguments)?.answers_within_ms(),
        false => None,
    };
    let charge = Charge {
        target: &record.facts.target,
        claim: &record.claim,
        workload: request::workload(&record.facts.workload)?,
        final_reads: true,
        faults_planned: record.plan.len(),
        whole_run: true,
        answers_within_ms,
    };
    Ok(judge(history, &charge, budget, cancelled))
}

/// Judges a simulated run that was not stored, within a budget that is counted and not timed: the
/// same on every machine, and without a thread that watches the clock.
pub fn judge_case(case: &Case, history: &History) -> Sentence {
    let request = &case.request;
    let charge = Charge {
        target: request.target.name,
        claim: request.claim,
        workload: request.workload,
        final_reads: true,
        faults_planned: case.plan.len(),
        whole_run: true,
        answers_within_ms: request.answers_within_ms(),
    };
    judge_with(history, &charge, |check| check(&Budget::default()))
}

/// Runs a checker whose budget is raised as a flag when time is up: checkers have no clock.
fn within<T>(
    time: Duration,
    cancelled: &(impl Fn() -> bool + Sync),
    work: impl FnOnce(&Budget<'_>) -> T,
) -> T {
    let stop = Arc::new(AtomicBool::new(false));
    let done = AtomicBool::new(false);
    let deadline = Instant::now() + time;
    std::thread::scope(|scope| {
        let (flag, over) = (Arc::clone(&stop), &done);
        let clock = scope.spawn(move || {
            while !over.load(Ordering::Relaxed) {
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() || cancelled() {
                    flag.store(true, Ordering::Relaxed);
                    return;
                }
                std::thread::park_timeout(left.min(Duration::from_millis(20)));
            }
        });
        let result = work(&Budget { stop: Some(&stop), ..Budget::default() });
        done.store(true, Ordering::Relaxed);
        clock.thread().unpark();
        result
    })
}
