//! What stands in the history besides operations: phases, faults, leaders, deaths.
//!
//! They are `info` events of the nemesis process. The recorder writes them through [`Note`], and
//! the vacuity gate and the report read them through it, so that the shape of each is said once.
//!
//! ```text
//!   f = "phase"    value = "main"
//!   f = "fault"    value = {"id":3,"fault":"partition","step":"asked","text":"cut n1","seen":null}
//!   f = "leader"   value = 7 (the term)              node = "n3"
//!   f = "died"     value = "exit code 1"             node = "n3"
//!   f = "reached"  value = "snapshot-taken"          node = "n3"
//! ```

use super::{Datum, Event, EventType, History, Process, Symbols};
use serde::{Deserialize, Serialize};

/// The parts of a run, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Clients and faults.
    Main,
    /// Every fault is undone.
    Heal,
    /// The cluster is left to recover.
    Settle,
    /// Every key is read once more.
    FinalReads,
    /// Nothing happens any more.
    Done,
}

/// How far a fault is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultStep {
    /// It was asked for.
    Asked,
    /// It took effect, and was seen to.
    Installed,
    /// It was not tried, for the reason in the text.
    Skipped,
    /// It was tried, and nobody saw whether it took effect.
    Indeterminate,
    /// It is undone, and was seen to be.
    Healed,
    /// It could not be undone.
    HealFailed,
}

/// One step of one fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultNote {
    /// Numbers the faults of a run.
    pub id: u32,
    /// The fault's name: `partition-halves`.
    pub fault: String,
    /// How far it is.
    pub step: FaultStep,
    /// What was asked or seen, in words: `cut n1 | n2 n3`.
    pub text: String,
    /// The evidence.
    pub seen: serde_json::Value,
}

/// An event that is no operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// A part of the run begins.
    Phase(Phase),
    /// A fault moves on.
    Fault(FaultNote),
    /// A node says that it leads.
    Leader {
        /// `n3`.
        node: String,
        /// The term or ballot.
        term: u64,
    },
    /// A node died although nobody killed it.
    Died {
        /// `n3`.
        node: String,
        /// `exit code 1`.
        how: String,
    },
    /// A node reached a place in its protocol that a good test reaches at least once.
    Reached {
        /// `n3`.
        node: String,
        /// The place's name: `snapshot-installed`.
        place: String,
    },
}

impl Note {
    /// The event that records this note.
    pub fn to_event(&self, time_ns: u64, symbols: &mut Symbols) -> Event {
        let json = |value: Result<serde_json::Value, _>| {
            Datum::from_json(value.expect("notes hold nothing that JSON cannot say"))
        };
        let (f, datum, node) = match self {
            Self::Phase(phase) => ("phase", json(serde_json::to_value(phase)), None),
            Self::Fault(note) => ("fault", json(serde_json::to_value(note)), None),
            Self::Leader { node, term } => ("leader", Datum::Int(*term as i64), Some(node)),
            Self::Died { node, how } => {
                ("died", Datum::Json(Box::new(how.clone().into())), Some(node))
            }
            Self::Reached { node, place } => {
                ("reached", Datum::Json(Box::new(place.clone().into())), Some(node))
            }
        };
        Event {
            time_ns,
            value: symbols.compact(&datum),
            process: Process::NEMESIS,
            f: symbols.intern(f),
            key: None,
            node: node.map(|node| symbols.intern(node)),
            error: None,
            kind: EventType::Info,
        }
    }

    /// The note that this event records; nothing for operations and for what others wrote.
    pub fn from_event(history: &History, event: &Event) -> Option<Self> {
        if event.process != Process::NEMESIS {
            return None;
        }
        let datum = || history.datum(event.value);
        let node = || event.node.map(|node| history.text(node).to_owned());
        match history.text(event.f) {
            "phase" => serde_json::from_value(datum().to_json()).ok().map(Self::Phase),
            "fault" => serde_json::from_value(datum().to_json()).ok().map(Self::Fault),
            "leader" => match datum() {
                Datum::Int(term) => Some(Self::Leader { node: node()?, term: term as u64 }),
                _ => None,
            },
            "died" => match datum().to_json() {
                serde_json::Value::String(how) => Some(Self::Died { node: node()?, how }),
                _ => None,
            },
            "reached" => match datum().to_json() {
                serde_json::Value::String(place) => Some(Self::Reached { node: node()?, place }),
                _ => None,
            },
            _ => None,
        }
    }
}
