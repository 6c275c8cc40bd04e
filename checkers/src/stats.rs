//! Counts of outcomes: per function, and per function in each phase of the run.
//!
//! An operation belongs to the phase in which it was invoked. Without any phase in the history (it
//! was imported, say), everything belongs to the main phase.

use crate::history::notes::{Note, Phase};
use crate::history::{EventType, History, Symbol, pairing};
use serde::{Deserialize, Serialize};

/// How the operations of one function ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// The function: `read`, `write`, `cas`, ...
    pub f: String,
    /// Acknowledged: certainly happened.
    pub ok: u64,
    /// Certainly did not happen.
    pub fail: u64,
    /// Nobody knows. Operations without completion are counted here.
    pub info: u64,
}

/// The counts of one phase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhaseCounts {
    /// The phase.
    pub phase: Phase,
    /// In order of the function's first invocation in this phase.
    pub functions: Vec<Counts>,
}

/// The counts of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stats {
    /// In order of the function's first invocation.
    pub functions: Vec<Counts>,
    /// The phases in which something was invoked, in order.
    pub phases: Vec<PhaseCounts>,
}

impl Stats {
    /// Acknowledged operations.
    pub fn ok(&self) -> u64 {
        self.functions.iter().map(|counts| counts.ok).sum()
    }

    /// The counts of a phase; nothing if nothing was invoked in it.
    pub fn phase(&self, phase: Phase) -> &[Counts] {
        let found = self.phases.iter().find(|counts| counts.phase == phase);
        found.map_or(&[], |counts| &counts.functions)
    }
}

/// Counts a history.
///
/// # Panics
/// As [`pairing::operations`] does.
pub fn stats(history: &History) -> Stats {
    let mut changes = phases(history).into_iter().peekable();
    let mut phase = Phase::Main;
    let mut all: Vec<(Symbol, Counts)> = Vec::new();
    let mut by_phase: Vec<(Phase, Vec<(Symbol, Counts)>)> = Vec::new();
    for op in pairing::operations(history) {
        while let Some((_, next)) = changes.next_if(|(index, _)| *index < op.invoke_index()) {
            phase = next;
        }
        let at = by_phase.iter().position(|(other, _)| *other == phase).unwrap_or_else(|| {
            by_phase.push((phase, Vec::new()));
            by_phase.len() - 1
        });
        let f = history.events()[op.invoke_index()].f;
        let outcome = op.outcome(history);
        count(&mut all, history, f, outcome);
        count(&mut by_phase[at].1, history, f, outcome);
    }
    let plain = |counts: Vec<(Symbol, Counts)>| counts.into_iter().map(|(_, c)| c).collect();
    by_phase.sort_by_key(|(phase, _)| *phase);
    let phases = by_phase.into_iter();
    let phases = phases.map(|(phase, counts)| PhaseCounts { phase, functions: plain(counts) });
    Stats { phases: phases.collect(), functions: plain(all) }
}

fn count(counts: &mut Vec<(Symbol, Counts)>, history: &History, f: Symbol, outcome: EventType) {
    let at = counts.iter().position(|(other, _)| *other == f).unwrap_or_else(|| {
        counts.push((f, Counts { f: history.text(f).to_owned(), ..Counts::default() }));
        counts.len() - 1
    });
    let counts = &mut counts[at].1;
    match outcome {
        EventType::Ok => counts.ok += 1,
        EventType::Fail => counts.fail += 1,
        EventType::Info => counts.info += 1,
        EventType::Invoke => unreachable!("an invocation is no outcome"),
    }
}

/// Where phases begin, in order: the index of the note, and the phase.
pub(crate) fn phases(history: &History) -> Vec<(usize, Phase)> {
    let events = history.events().iter().enumerate();
    let phases = events.filter_map(|(index, event)| match Note::from_event(history, event) {
        Some(Note::Phase(phase)) => Some((index, phase)),
        _ => None,
    });
    phases.collect()
}

/// Why a run is not whole: one that writes phases ends with the last of them.
pub(crate) fn interrupted(history: &History) -> Option<String> {
    let phases = phases(history);
    let (_, last) = *phases.last()?;
    let during = match last {
        Phase::Main => "the main phase",
        Phase::Heal => "healing",
        Phase::Settle => "settling",
        Phase::FinalReads => "the final reads",
        Phase::Done => return None,
    };
    Some(format!("the run was interrupted during {during}"))
}
