//! A case: everything that decides a simulated run. Two runs of equal cases are equal, byte for
//! byte.
//!
//! ```text
//!   words of a command line --> Request --+
//!   plan of faults, drawn or given -------+--> Case --play--> history
//!   operations, generated or given -------+
//! ```
//!
//! A case is stored as the run's record, so a run can be replayed; hunting draws cases from seeds,
//! and shrinking takes things out of them.

use crate::cli::{Cli, Command};
use crate::exit::Failure;
use crate::request::Request;
use crate::runner::scheduler::Scheduler;
use crate::store::RunRecord;
use checkers::history::Datum;
use clap::Parser;
use nemesis::plan::PlannedFault;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use targets::links::NodeId;
use workloads::generator::ThreadId;

/// What a cluster is given to recover between two rounds of a repeated schedule.
const ROUND_REST_MS: u64 = 1_000;

/// How far the keys of two rounds are apart: more than a workload ever uses.
const ROUND_KEYS: i64 = 1_000_000;

/// Everything that decides a simulated run.
#[derive(Clone, Debug)]
pub struct Case {
    /// What was asked.
    pub request: Request,
    /// The faults.
    pub plan: Vec<PlannedFault>,
    /// What clients do, if that is given; otherwise the workload's generator says it.
    pub operations: Option<Vec<ScriptedOp>>,
}

/// Which part of a run an operation belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// While faults come and go.
    Main,
    /// After the cluster has settled.
    FinalReads,
}

/// An operation that does not depend on what came before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScriptedOp {
    /// When, within a run.
    pub part: Part,
    /// When it is invoked: nanoseconds since that part began, or as soon as its thread is free.
    pub at_ns: u64,
    /// Who does it.
    pub thread: ThreadId,
    /// The node that is asked.
    pub node: NodeId,
    /// `read`, `write`, `cas`.
    pub f: String,
    /// The key.
    pub key: Option<i64>,
    /// The argument.
    pub value: serde_json::Value,
}

impl ScriptedOp {
    /// The argument.
    pub fn datum(&self) -> Datum {
        Datum::from_json(self.value.clone())
    }
}

impl Case {
    /// The case that a request describes: its faults are drawn from its seed.
    pub fn of(request: Request) -> Result<Self, Failure> {
        let plan = request.plan(&request.faults)?;
        Ok(Self { request, plan, operations: None })
    }

    /// Who does what next.
    pub fn scheduler(&self) -> Result<Scheduler, Failure> {
        Scheduler::of(&self.request, self.operations.as_deref())
    }

    /// The same schedule so many times in one run, one after the other: on real processes, where
    /// chance has a say, once may not be enough. Every round has keys of its own, so that what one
    /// round wrote means nothing to another.
    pub fn repeated(&self, rounds: u32) -> Self {
        let mut case = self.clone();
        let last_stop_ms = self.plan.iter().map(|planned| planned.stop_ms).max().unwrap_or(0);
        let main_ms = self.request.args.time.as_millis() as u64;
        let round_ms = main_ms.max(last_stop_ms) + ROUND_REST_MS;
        for round in 1..u64::from(rounds) {
            let later_ms = round * round_ms;
            let shifted = self.plan.iter().map(|planned| PlannedFault {
                start_ms: planned.start_ms + later_ms,
                stop_ms: planned.stop_ms + later_ms,
                ..planned.clone()
            });
            case.plan.extend(shifted);
            let Some(script) = &mut case.operations else { continue };
            script.extend(self.operations.iter().flatten().map(|op| ScriptedOp {
                at_ns: match op.part {
                    Part::Main => op.at_ns + later_ms * 1_000_000,
                    Part::FinalReads => op.at_ns,
                },
                key: op.key.map(|key| key + round as i64 * ROUND_KEYS),
                ..op.clone()
            }));
        }
        for (planned, id) in case.plan.iter_mut().zip(1..) {
            planned.id = id;
        }
        case.request.args.time = Duration::from_millis(round_ms * u64::from(rounds.max(1)));
        if let Some(script) = &mut case.operations {
            script.sort_by_key(|op| (op.part, op.at_ns));
        }
        case
    }

    /// When a scripted run's main phase is over: its operations may end before its faults do.
    /// Nothing for a run whose generator decides.
    pub fn script_ends_ms(&self) -> Option<u64> {
        self.operations.as_ref()?;
        let last_ms = self.plan.iter().map(|planned| planned.stop_ms).max().unwrap_or(0);
        Some(last_ms.min(self.request.args.time.as_millis() as u64))
    }

    /// The case of a stored run.
    pub fn stored(record: &RunRecord) -> Result<Self, Failure> {
        let request = from_words(&record.arguments)?;
        Ok(Self { request, plan: record.plan.clone(), operations: record.operations.clone() })
    }
}

/// Reads `tribunal run ...` as its words.
pub fn from_words(words: &[String]) -> Result<Request, Failure> {
    let cli = Cli::try_parse_from(words).map_err(|error| Failure::Usage(error.to_string()))?;
    match cli.command {
        Command::Run(args) => Request::new(*args),
        _ => Err(Failure::Usage(format!("not a run: {}", words.join(" ")))),
    }
}
