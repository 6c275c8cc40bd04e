//! One case of a hunt: from its words to what came of it.
//!
//! ```text
//!   words --> Request --> Case --play--> history --judge--> outcome, counters
//! ```
//!
//! Everything is in memory and dropped again. Budgets are counted, not timed: what a case comes to
//! depends on the case alone.

use crate::case::{Case, from_words};
use crate::exit::Failure;
use crate::panics::{self, Panicked};
use crate::runner::simulated::Simulated;
use crate::trial::simulated::try_out;
use checkers::history::notes::{FaultStep, Note};
use checkers::history::{EventType, Process};
use checkers::verdict::{Judgement, Verdict};
use std::collections::BTreeMap;

/// What came of a case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing to say against it.
    #[default]
    Valid,
    /// It tested less than it set out to, and why.
    Vacuous(String),
    /// A checker could not decide, and why.
    Unknown(String),
    /// A claim is broken.
    Violation(Violation),
    /// The protocol or the harness panicked.
    Panicked(Panicked),
}

/// A broken claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Who says so.
    pub checker: String,
    /// What was claimed.
    pub claim: String,
    /// One sentence of the evidence.
    pub sentence: String,
    /// How many operations the evidence has.
    pub evidence_ops: usize,
}

/// A case that was tried, with what is counted of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tried {
    /// What came of it.
    pub outcome: Outcome,
    /// Virtual time that went by, in nanoseconds.
    pub simulated_ns: u64,
    /// Operations that were acknowledged.
    pub acknowledged: u64,
    /// Events that were recorded.
    pub events: u64,
    /// Leaders that took over from another.
    pub leader_changes: u64,
    /// Nodes that died although no fault killed them.
    pub deaths: u64,
    /// Places that were reached, and how often.
    pub places: Vec<(String, u64)>,
    /// Faults that were seen to take effect, and how often.
    pub faults: BTreeMap<String, u64>,
}

/// Tries a case. Nothing comes back if `stop` ended it early.
pub fn attempt(words: &[String], stop: &dyn Fn() -> bool) -> Result<Option<Tried>, Failure> {
    let case = Case::of(from_words(words)?)?;
    match panics::caught(|| try_out(&case, stop)) {
        Ok(played) => {
            Ok(played?
                .map(|(simulated, sentence)| tried(outcome(&sentence.judgements), &simulated)))
        }
        Err(panicked) => {
            Ok(Some(Tried { outcome: Outcome::Panicked(panicked), ..Tried::default() }))
        }
    }
}

/// The greatest judgement decides, as everywhere.
fn outcome(judgements: &[Judgement]) -> Outcome {
    let mut outcome = Outcome::Valid;
    for judgement in judgements {
        match &judgement.verdict {
            Verdict::Invalid { evidence } => {
                return Outcome::Violation(Violation {
                    checker: judgement.checker.clone(),
                    claim: judgement.claim.clone(),
                    sentence: evidence.sentence().to_owned(),
                    evidence_ops: evidence.len(),
                });
            }
            // What could not be decided weighs more than what was not tested.
            Verdict::Unknown { why } if judgement.checker != "vacuity" => {
                outcome = Outcome::Unknown(why.clone());
            }
            Verdict::Unknown { why } if outcome == Outcome::Valid => {
                outcome = Outcome::Vacuous(why.clone());
            }
            _ => {}
        }
    }
    outcome
}

/// Counts what is kept of a case.
fn tried(outcome: Outcome, simulated: &Simulated) -> Tried {
    let history = &simulated.recorded.history;
    let mut tried = Tried {
        outcome,
        simulated_ns: simulated.simulated_ns,
        events: history.len() as u64,
        places: simulated.places.clone(),
        ..Tried::default()
    };
    let mut leaders = 0_u64;
    for event in history.events() {
        if event.process != Process::NEMESIS {
            tried.acknowledged += u64::from(event.kind == EventType::Ok);
            continue;
        }
        match Note::from_event(history, event) {
            Some(Note::Fault(note)) if note.step == FaultStep::Installed => {
                *tried.faults.entry(note.fault).or_default() += 1;
            }
            Some(Note::Leader { .. }) => leaders += 1,
            Some(Note::Died { .. }) => tried.deaths += 1,
            _ => {}
        }
    }
    tried.leader_changes = leaders.saturating_sub(1);
    tried
}

#[cfg(test)]
mod tests {
    use super::{Outcome, outcome};
    use checkers::verdict::{Evidence, Judgement, OrderEvidence, Verdict};

    fn judgement(checker: &str, verdict: Verdict) -> Judgement {
        let (checker, claim) = (checker.to_owned(), "it keeps its promise".to_owned());
        Judgement { checker, claim, verdict, figures: Vec::new() }
    }

    #[test]
    fn a_violation_in_a_vacuous_run_is_a_violation() {
        let evidence = Evidence::Order(OrderEvidence {
            key: None,
            ops: Vec::new(),
            states_before: Vec::new(),
            steps: Vec::new(),
            other_orders: Vec::new(),
            more_orders: 0,
            sentence: "no order works".to_owned(),
        });
        let unknown = |why: &str| Verdict::Unknown { why: why.to_owned() };
        let invalid = Verdict::Invalid { evidence: Box::new(evidence) };
        let vacuous = judgement("vacuity", unknown("vacuous: fault 1 was skipped"));
        let found = outcome(&[vacuous.clone(), judgement("linearizable", invalid)]);
        assert!(matches!(found, Outcome::Violation(v) if v.sentence == "no order works"));
        let spent = judgement("linearizable", unknown("the budget was spent"));
        let both = outcome(&[spent, vacuous.clone()]);
        assert_eq!(both, Outcome::Unknown("the budget was spent".to_owned()));
        let valid = judgement("linearizable", Verdict::Valid);
        assert!(matches!(outcome(&[valid.clone(), vacuous]), Outcome::Vacuous(_)));
        assert_eq!(outcome(&[valid]), Outcome::Valid);
    }
}
