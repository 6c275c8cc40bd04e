//! Shrinking: from a failing run to one that a person can read.
//!
//! ```text
//!   case that breaks a claim --> take something away --> play --> does it break the same claim?
//!            ^                                                        |            |
//!            '------------------------- yes: go on with this one -----'            no: try another
//! ```
//!
//! A simulated run is decided by its case alone: faults with their windows, operations, number of
//! nodes and clients, delays, seed. Shrinking takes these choices apart ([`ddmin`]) as long as the
//! judgement of the same name stays `invalid`. It does not ask for the same evidence: the smallest
//! run that breaks the claim is worth more than the same way of breaking it.

mod ddmin;
mod edit;
mod passes;
mod search;

use crate::case::Case;
use crate::exit::Failure;
use checkers::verdict::Judgement;
use search::Search;
use std::time::Duration;

/// How much may be tried.
#[derive(Clone, Copy, Debug)]
pub struct ShrinkBudget {
    /// Runs.
    pub runs_max: u64,
    /// Wall time; nothing for a result that is the same on every machine.
    pub time: Option<Duration>,
}

impl ShrinkBudget {
    /// As many runs as fit into this time.
    pub fn within(time: Duration) -> Self {
        Self { runs_max: u64::MAX, time: Some(time) }
    }

    /// So many runs, however long they take.
    pub fn runs(runs_max: u64) -> Self {
        Self { runs_max, time: None }
    }
}

/// How far a shrink is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Runs that were played.
    pub runs: u64,
    /// Operations of the smallest case so far.
    pub operations: usize,
    /// Its faults.
    pub faults: usize,
    /// Its nodes.
    pub nodes: u8,
    /// Its clients.
    pub clients: u32,
    /// How long it takes, in nanoseconds of virtual time.
    pub simulated_ns: u64,
}

/// The smallest case that was found.
#[derive(Debug)]
pub struct Shrunk {
    /// The case.
    pub case: Case,
    /// How it breaks the claim.
    pub judgement: Judgement,
    /// Its operations, final reads included.
    pub operations: usize,
    /// Its faults.
    pub faults: usize,
    /// Runs that were played.
    pub runs: u64,
    /// How long it takes, in nanoseconds of virtual time.
    pub simulated_ns: u64,
    /// The case that it was shrunk from.
    pub before: Standing,
    /// What was taken away, in words, in order.
    pub steps: Vec<String>,
}

/// Shrinks a case that breaks the claim which the checker of this name judges.
///
/// # Errors
/// [`Failure::Nothing`] if the case does not break it.
pub fn shrink(
    case: &Case,
    judgement: &str,
    budget: &ShrinkBudget,
    cancelled: &(dyn Fn() -> bool + Sync),
) -> Result<Shrunk, Failure> {
    shrink_observed(case, judgement, budget, cancelled, &mut |_| {})
}

/// As [`shrink`]; `observe` is told now and then how far it is.
pub fn shrink_observed(
    case: &Case,
    judgement: &str,
    budget: &ShrinkBudget,
    cancelled: &(dyn Fn() -> bool + Sync),
    observe: &mut dyn FnMut(&Standing),
) -> Result<Shrunk, Failure> {
    let mut first: Option<Standing> = None;
    let mut noting = |standing: &Standing| {
        first.get_or_insert(*standing);
        observe(standing);
    };
    let search = Search::begin(case, judgement, budget, cancelled, &mut noting)?;
    let Some(mut search) = search else {
        return Err(Failure::Nothing(format!(
            "nothing to shrink: played again, the run is not {judgement}: invalid"
        )));
    };
    let steps = search.run();
    let (best, runs) = (search.best, search.runs);
    Ok(Shrunk {
        operations: best.done.len(),
        faults: best.case.plan.len(),
        simulated_ns: best.simulated_ns,
        case: best.case,
        judgement: best.judgement,
        runs,
        before: first.expect("a search begins by showing what it begins with"),
        steps,
    })
}
