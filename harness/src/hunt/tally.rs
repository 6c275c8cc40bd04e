//! What a hunt keeps of its cases: counters. Nothing here grows with the number of cases.

use super::attempt::{Outcome, Tried};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// So many different reasons are kept apart; the others are counted together.
const REASONS_MAX: usize = 40;
/// The most that is kept of a reason, in characters.
const REASON_CHARS_MAX: usize = 100;
/// So many different places are kept apart. Protocols have some dozens.
const PLACES_MAX: usize = 1000;

/// How often a place was reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reached {
    /// In all.
    pub times: u64,
    /// In how many cases at least once.
    pub cases: u64,
}

/// Counters over cases. Two hunts over the same cases have equal ones.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Cases tried.
    pub cases: u64,
    /// Nothing to say against.
    pub valid: u64,
    /// Tested less than they set out to: most often a fault that found no victim.
    pub vacuous: u64,
    /// Undecided for another reason: a checker's budget.
    pub unknown: u64,
    /// Broke the claim, or panicked.
    pub findings: u64,
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
    /// Places of the protocol and of the world, by name.
    pub places: BTreeMap<String, Reached>,
    /// Faults that were seen to take effect, by name.
    pub faults: BTreeMap<String, u64>,
    /// Why cases were vacuous or undecided, numbers left out.
    pub reasons: BTreeMap<String, u64>,
}

impl Tally {
    /// Counts a case.
    pub fn add(&mut self, tried: &Tried) {
        self.cases += 1;
        self.simulated_ns += tried.simulated_ns;
        self.acknowledged += tried.acknowledged;
        self.events += tried.events;
        self.leader_changes += tried.leader_changes;
        self.deaths += tried.deaths;
        for (place, times) in tried.places.iter().filter(|(_, times)| *times > 0) {
            if let Some(reached) = self.places.get_mut(place) {
                reached.times += times;
                reached.cases += 1;
            } else if self.places.len() < PLACES_MAX {
                self.places.insert(place.clone(), Reached { times: *times, cases: 1 });
            }
        }
        for (fault, times) in &tried.faults {
            match self.faults.get_mut(fault) {
                Some(count) => *count += times,
                None => _ = self.faults.insert(fault.clone(), *times),
            }
        }
        match &tried.outcome {
            Outcome::Valid => self.valid += 1,
            Outcome::Vacuous(why) => {
                self.vacuous += 1;
                self.reason(why);
            }
            Outcome::Unknown(why) => {
                self.unknown += 1;
                self.reason(why);
            }
            Outcome::Violation(_) | Outcome::Panicked(_) => self.findings += 1,
        }
    }

    /// Counts a reason under its kind.
    fn reason(&mut self, why: &str) {
        let kind = kind(why);
        let known = self.reasons.contains_key(&kind) || self.reasons.len() < REASONS_MAX;
        let kind = if known { kind } else { "other reasons".to_owned() };
        *self.reasons.entry(kind).or_default() += 1;
    }
}

/// The first reason without its numbers: `fault # (kill-leader) was skipped: ...`.
fn kind(why: &str) -> String {
    let why = why.strip_prefix("vacuous: ").unwrap_or(why);
    let why = why.split(';').next().unwrap_or_default();
    let mut kind = String::new();
    let mut digits = false;
    for c in why.chars().take(REASON_CHARS_MAX).filter(|c| !c.is_control()) {
        if !(digits && c.is_ascii_digit()) {
            kind.push(if c.is_ascii_digit() { '#' } else { c });
        }
        digits = c.is_ascii_digit();
    }
    kind
}

#[cfg(test)]
mod tests {
    use super::{REASONS_MAX, Tally, kind};
    use crate::hunt::attempt::{Outcome, Tried};

    #[test]
    fn reasons_are_counted_by_kind_and_never_grow_without_bound() {
        assert_eq!(kind("vacuous: fault 12 (jam-node) was skipped: n3; x"), {
            "fault # (jam-node) was skipped: n#"
        });
        let mut tally = Tally::default();
        for case in 0..2000_u32 {
            let letters: String =
                case.to_string().chars().map(|c| (c as u8 + 49) as char).collect();
            let outcome = Outcome::Unknown(format!("reason {letters}"));
            tally.add(&Tried { outcome, ..Tried::default() });
        }
        assert_eq!(tally.reasons.values().sum::<u64>(), 2000);
        assert!(tally.reasons.len() <= REASONS_MAX + 1);
    }
}
