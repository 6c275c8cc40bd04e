//! What happened besides operations: phases, faults with their windows, leaders, deaths.
//!
//! A fault's notes are joined by its number:
//!
//! ```text
//!   asked ----> installed | indeterminate ----> healed | heal-failed
//!          \--> skipped
//!               ^ start_ns                      ^ end_ns
//! ```

use crate::text;
use checkers::history::History;
use checkers::history::notes::{FaultNote, FaultStep, Note, Phase};
use std::collections::BTreeMap;

/// Whether a fault took effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Asked for, and nothing more was heard of it.
    Unanswered,
    Installed,
    Skipped,
    Indeterminate,
}

impl Effect {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Unanswered => "no answer",
            Self::Installed => "observed",
            Self::Skipped => "skipped",
            Self::Indeterminate => "not observed",
        }
    }
}

/// Whether a fault was undone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Undo {
    Never,
    Healed(String),
    Failed(String),
}

/// A fault from its request to its undoing.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) id: u32,
    pub(crate) name: String,
    pub(crate) asked: String,
    pub(crate) observed: String,
    pub(crate) seen: String,
    pub(crate) effect: Effect,
    pub(crate) undo: Undo,
    pub(crate) start_ns: u64,
    /// When it was undone; a failed undo leaves it in force.
    pub(crate) end_ns: Option<u64>,
}

impl Fault {
    fn new(note: &FaultNote, time_ns: u64) -> Self {
        Self {
            id: note.id,
            name: text::bounded(&note.fault, 60),
            asked: String::new(),
            observed: String::new(),
            seen: String::new(),
            effect: Effect::Unanswered,
            undo: Undo::Never,
            start_ns: time_ns,
            end_ns: None,
        }
    }

    fn step(&mut self, note: &FaultNote, time_ns: u64) {
        let said = text::plain(&note.text);
        match note.step {
            FaultStep::Asked => self.asked = said,
            FaultStep::Installed | FaultStep::Indeterminate => {
                self.effect = match note.step {
                    FaultStep::Installed => Effect::Installed,
                    _ => Effect::Indeterminate,
                };
                self.start_ns = time_ns;
                self.observed = said;
                self.seen = evidence(&note.seen);
            }
            FaultStep::Skipped => {
                self.effect = Effect::Skipped;
                self.observed = said;
                self.seen = evidence(&note.seen);
                self.end_ns = Some(time_ns);
            }
            FaultStep::Healed => {
                self.undo = Undo::Healed(said);
                self.end_ns = Some(time_ns);
            }
            FaultStep::HealFailed => self.undo = Undo::Failed(said),
        }
    }

    /// The time in which it was (or may have been) in force; nothing if it never was.
    pub(crate) fn window(&self, run_end_ns: u64) -> Option<(u64, u64)> {
        match self.effect {
            Effect::Installed | Effect::Indeterminate => {
                let end_ns = self.end_ns.unwrap_or(run_end_ns).max(self.start_ns);
                Some((self.start_ns, end_ns))
            }
            Effect::Skipped | Effect::Unanswered => None,
        }
    }
}

fn evidence(seen: &serde_json::Value) -> String {
    if seen.is_null() { String::new() } else { text::plain(&seen.to_string()) }
}

/// A node says that it leads.
#[derive(Clone, Debug)]
pub(crate) struct Leader {
    pub(crate) time_ns: u64,
    pub(crate) node: String,
    pub(crate) term: u64,
}

/// A node died although nobody killed it.
#[derive(Clone, Debug)]
pub(crate) struct Death {
    pub(crate) time_ns: u64,
    pub(crate) node: String,
    pub(crate) how: String,
}

/// Everything in the history that is no operation, in order of time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Happenings {
    pub(crate) phases: Vec<(u64, Phase)>,
    pub(crate) faults: Vec<Fault>,
    pub(crate) leaders: Vec<Leader>,
    pub(crate) deaths: Vec<Death>,
}

impl Happenings {
    pub(crate) fn of(history: &History) -> Self {
        let mut all = Self::default();
        let mut faults: BTreeMap<u32, Fault> = BTreeMap::new();
        for event in history.events() {
            let time_ns = event.time_ns;
            match Note::from_event(history, event) {
                Some(Note::Phase(phase)) => all.phases.push((time_ns, phase)),
                Some(Note::Fault(note)) => faults
                    .entry(note.id)
                    .or_insert_with(|| Fault::new(&note, time_ns))
                    .step(&note, time_ns),
                Some(Note::Leader { node, term }) => {
                    all.leaders.push(Leader { time_ns, node: text::bounded(&node, 40), term });
                }
                Some(Note::Died { node, how }) => all.deaths.push(Death {
                    time_ns,
                    node: text::bounded(&node, 40),
                    how: text::plain(&how),
                }),
                // Coverage of the protocol's places is not shown yet.
                Some(Note::Reached { .. }) | None => {}
            }
        }
        all.faults = faults.into_values().collect();
        all.faults.sort_by_key(|fault| (fault.start_ns, fault.id));
        all
    }

    /// How often the leadership moved or was renewed, after the first leader.
    pub(crate) fn leader_changes(&self) -> usize {
        self.leaders.len().saturating_sub(1)
    }
}

/// The word for a phase.
pub(crate) fn phase_word(phase: Phase) -> &'static str {
    match phase {
        Phase::Main => "main",
        Phase::Heal => "heal",
        Phase::Settle => "settle",
        Phase::FinalReads => "final reads",
        Phase::Done => "done",
    }
}
