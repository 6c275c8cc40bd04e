//! From a history to a verdict: which checkers are asked, and how long they may take.

use crate::case::{self, Case};
use crate::cli::StopOn;
use crate::exit::Failure;
use crate::request::{self, Request};
use crate::store::RunRecord;
use checkers::budget::Budget;
use checkers::consistency::{self, Consistency};
use checkers::history::{EventType, History};
use checkers::invariants::{self, Invariant};
use checkers::linearizable::order::{self, Linearization};
use checkers::linearizable::{self, Live, Object, Semantics};
use checkers::liveness;
use checkers::stats::{self, Counts, Stats};
use checkers::transactions::{self, Kind, Table};
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
        name: "sequential",
        about: "one order of all operations explains everything, and each client's own order holds \
                in it (Lamport 1979)",
    },
    CheckerInfo {
        name: "causal",
        about: "whoever saw an effect sees its causes (Ahamad et al. 1995; Bouajjani et al. 2017)",
    },
    CheckerInfo {
        name: "pram",
        about: "every client sees the writes of each other one in their order (Lipton and Sandberg \
                1988)",
    },
    CheckerInfo {
        name: "read-your-writes",
        about: "a client sees what it wrote (Terry et al. 1994, as the next three)",
    },
    CheckerInfo { name: "monotonic-reads", about: "a client does not see less than it saw before" },
    CheckerInfo { name: "monotonic-writes", about: "a client's writes are seen in their order" },
    CheckerInfo {
        name: "writes-follow-reads",
        about: "a write is seen after what its client had read before it",
    },
    CheckerInfo {
        name: "convergence",
        about: "after the faults are undone, all last reads of a key agree on an acknowledged write",
    },
    CheckerInfo {
        name: "transactions",
        about: "no anomaly that the promised consistency models prohibit (Adya 1999; Kingsbury and \
                Alvaro 2020)",
    },
    CheckerInfo {
        name: "invariants",
        about: "what a workload promises whatever the order: totals, unique ids, nothing lost \
                (tribunal list models)",
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

/// What the workloads that there are use. Their clients answer nil for a key that is absent and for
/// nothing else, so their runs are judged strictly.
const OBJECT: Object = Object::CasRegister;

/// What looking on may cost.
const WATCH_BYTES_MAX: u64 = 256 << 20;

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

/// Judges a history. Each checker may spend so much; `cancelled` ends the checking early, as an
/// `unknown`.
pub fn judge(
    history: &History,
    charge: &Charge<'_>,
    spend: Spend,
    cancelled: impl Fn() -> bool + Sync,
) -> Sentence {
    judge_with(history, charge, |check| within(spend, &cancelled, check))
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
        linearizable::check(&claim, history, OBJECT, &Semantics::STRICT, budget)
    })];
    if let Some(bound_ms) = charge.answers_within_ms {
        judgements.push(liveness::check(charge.target, history, bound_ms));
    }
    let expected = Expected {
        functions: charge.workload.functions,
        final_reads: charge.final_reads,
        faults_planned: charge.faults_planned,
    };
    judgements.push(vacuity::check(history, &expected));
    sentence(judgements, stats)
}

fn sentence(judgements: Vec<Judgement>, stats: Stats) -> Sentence {
    let verdict = judgements
        .iter()
        .map(|judgement| judgement.verdict.clone())
        .reduce(Verdict::merge)
        .expect("there is at least one judgement");
    Sentence { verdict, judgements, stats }
}

/// What is asked of a history of which nothing else is known.
#[derive(Clone, Debug)]
pub enum Question {
    /// Whether some order of its operations explains them.
    Object(ObjectQuestion),
    /// Which anomalies its transactions have.
    Transactions(TxnQuestion),
    /// Whether something holds whatever the order.
    Invariant(Invariant, invariants::Options),
}

/// What is asked of transactions.
#[derive(Clone, Debug)]
pub struct TxnQuestion {
    /// What they are made of.
    pub kind: Kind,
    /// The promise, in words.
    pub promise: String,
    /// What to look for.
    pub options: transactions::Options,
}

/// What is asked of an object.
#[derive(Clone, Debug)]
pub struct ObjectQuestion {
    /// The object that it is of.
    pub object: Object,
    /// What it promises.
    pub promise: Promise,
    /// What its results mean.
    pub semantics: Semantics,
}

/// What a history is held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// One order that respects real time.
    Linearizable,
    /// Something weaker.
    Weaker(Consistency),
}

impl Promise {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Linearizable => "linearizable",
            Self::Weaker(consistency) => consistency.name(),
        }
    }
}

/// What the checkers may spend on one history.
#[derive(Clone, Copy, Debug)]
pub struct Spend {
    /// Time on the wall.
    pub time: Duration,
    /// Bytes beside the history itself.
    pub bytes_max: u64,
}

impl Spend {
    /// So long, and the usual memory.
    pub fn time(time: Duration) -> Self {
        Self { time, bytes_max: Budget::default().bytes_max }
    }
}

/// Judges a history by itself, against what was asked and nothing else: a file need not have
/// phases, faults or final reads.
pub fn judge_object(
    name: &str,
    history: &History,
    question: &ObjectQuestion,
    spend: Spend,
) -> Sentence {
    let ObjectQuestion { object, promise, semantics } = question;
    let claim = format!("{name} claims a {} {}", promise.name(), object.name());
    let judgement = within(spend, &|| false, |budget| match promise {
        Promise::Linearizable => linearizable::check(&claim, history, *object, semantics, budget),
        Promise::Weaker(weaker) => consistency::check(&claim, history, *weaker, semantics, budget),
    });
    sentence(vec![judgement], stats::stats(history))
}

/// Judges a history by an invariant of its workload.
pub fn judge_invariant(
    name: &str,
    history: &History,
    invariant: Invariant,
    options: &invariants::Options,
) -> Sentence {
    let claim = format!("{name} claims to keep the invariant {}", invariant.name());
    let judgement = invariants::check(&claim, history, invariant, options);
    sentence(vec![judgement], stats::stats(history))
}

/// Judges transactions by what they promise of their isolation.
pub fn judge_transactions(
    name: &str,
    table: &Table,
    question: &TxnQuestion,
    spend: Spend,
) -> Sentence {
    let TxnQuestion { kind, promise, options } = question;
    let claim = format!("{name} claims {promise} transactions");
    let judgement = within(spend, &|| false, |budget| {
        transactions::check_table(&claim, table, *kind, options, budget)
    });
    let mut counts = Counts { f: "txn".to_owned(), ..Counts::default() };
    for (_, txn) in table.txns() {
        match txn.outcome {
            EventType::Ok => counts.ok += 1,
            EventType::Fail => counts.fail += 1,
            EventType::Invoke | EventType::Info => counts.info += 1,
        }
    }
    sentence(vec![judgement], Stats { functions: vec![counts], phases: Vec::new() })
}

/// An order of a history's operations that explains every result, verified; or why there is none to
/// show.
pub fn linearize(
    history: &History,
    question: &ObjectQuestion,
    spend: Spend,
) -> Result<Linearization, String> {
    if question.promise != Promise::Linearizable {
        return Err(format!("{} has no linearization", question.promise.name()));
    }
    let ObjectQuestion { object, semantics, .. } = question;
    let found = within(spend, &|| false, |budget| {
        order::linearize("", history, *object, semantics, budget)
    });
    found.map_err(|judgement| match judgement.verdict {
        Verdict::Unknown { why } => why,
        _ => "it is not linearizable".to_owned(),
    })
}

/// Who looks on while a run is recorded, if it is to end with the first violation.
pub fn watch(request: &Request) -> Option<Live> {
    let StopOn::Violation = request.args.stop_on?;
    Some(Live::new(&OBJECT, &Semantics::STRICT, WATCH_BYTES_MAX))
}

/// Judges a run against what its record says of it: when it is made, and whenever it is checked.
pub fn judge_run(
    record: &RunRecord,
    history: &History,
    spend: Spend,
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
        answers_within_ms,
    };
    Ok(judge(history, &charge, spend, cancelled))
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
        answers_within_ms: request.answers_within_ms(),
    };
    judge_with(history, &charge, |check| check(&Budget::default()))
}

/// Runs a checker whose budget is raised as a flag when time is up: checkers have no clock.
fn within<T>(
    spend: Spend,
    cancelled: &(impl Fn() -> bool + Sync),
    work: impl FnOnce(&Budget<'_>) -> T,
) -> T {
    let stop = Arc::new(AtomicBool::new(false));
    let done = AtomicBool::new(false);
    let deadline = Instant::now() + spend.time;
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
        let budget =
            Budget { configurations_max: u64::MAX, bytes_max: spend.bytes_max, stop: Some(&stop) };
        let result = work(&budget);
        done.store(true, Ordering::Relaxed);
        clock.thread().unpark();
        result
    })
}
