//! What went on inside of a simulated run: messages joined with their fate, and who took part.
//!
//! ```text
//!   trace     sent 7 . . . delivered 7           events, two or more a message
//!   messages  (7, n1 -> n3, sent, arrived)       one a message, in order of sending
//!      |
//!      +--> text       every event as a line, for a terminal
//!      '--> selection --> sequence               the telling part as a diagram, for the page
//! ```
//!
//! Nothing is trusted: a trace may name messages that were never sent, and texts are anything.

mod gist;
mod layout;
mod selection;
pub(crate) mod sequence;
#[cfg(test)]
mod tests;
pub(crate) mod text;

use checkers::history::trace::{Trace, Traced};
use std::collections::BTreeMap;

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate<'a> {
    /// It arrived, by the event of this position.
    Arrived { at: usize },
    /// It will not, and why.
    Lost { at: usize, why: &'a str },
    /// It was on its way when the trace ended.
    OnItsWay,
}

/// A message.
#[derive(Clone, Debug)]
struct Message<'a> {
    from: &'a str,
    to: &'a str,
    text: &'a str,
    /// The position of the event that sent it.
    sent: usize,
    fate: Fate<'a>,
    /// Further arrivals of the same message.
    again: Vec<usize>,
}

/// The messages of a trace, and which of them each event is about.
#[derive(Debug)]
struct Messages<'a> {
    all: Vec<Message<'a>>,
    /// By position of the event.
    of_event: Vec<Option<usize>>,
}

impl<'a> Messages<'a> {
    fn of(trace: &'a Trace) -> Self {
        let mut all: Vec<Message<'a>> = Vec::new();
        let mut of_event = vec![None; trace.events.len()];
        let mut by_id: BTreeMap<u64, usize> = BTreeMap::new();
        for (at, event) in trace.events.iter().enumerate() {
            match &event.what {
                Traced::Sent { id, from, to, text } => {
                    by_id.insert(*id, all.len());
                    of_event[at] = Some(all.len());
                    let (fate, again) = (Fate::OnItsWay, Vec::new());
                    all.push(Message { from, to, text, sent: at, fate, again });
                }
                Traced::Delivered { id } => {
                    of_event[at] = by_id.get(id).copied();
                    let Some(message) = of_event[at].map(|number| &mut all[number]) else {
                        continue;
                    };
                    match message.fate {
                        Fate::Arrived { .. } => message.again.push(at),
                        _ => message.fate = Fate::Arrived { at },
                    }
                }
                Traced::Lost { id, why } => {
                    of_event[at] = by_id.get(id).copied();
                    let Some(message) = of_event[at].map(|number| &mut all[number]) else {
                        continue;
                    };
                    // A copy may be lost of a message that arrived.
                    if message.fate == Fate::OnItsWay {
                        message.fate = Fate::Lost { at, why };
                    }
                }
                Traced::State { .. } | Traced::Node { .. } => {}
            }
        }
        Self { all, of_event }
    }
}

/// The number of a client by its name in a trace: `client 3`.
fn client_number(name: &str) -> Option<u32> {
    name.strip_prefix("client ")?.parse().ok()
}

/// Whether this name is a node's, and not a client's or the operator's.
fn is_node(name: &str) -> bool {
    client_number(name).is_none() && name != "operator"
}

/// The nodes of a trace: `n2` before `n10`.
fn nodes(trace: &Trace) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for event in &trace.events {
        let named = match &event.what {
            Traced::Sent { from, to, .. } => [Some(from), Some(to)],
            Traced::State { node, .. } | Traced::Node { node, .. } => [Some(node), None],
            Traced::Delivered { .. } | Traced::Lost { .. } => [None, None],
        };
        for name in named.into_iter().flatten().filter(|name| is_node(name)) {
            if seen.insert(name.as_str()) {
                names.push(name);
            }
        }
    }
    names.sort_unstable_by_key(|name| (name.len(), *name));
    names
}

/// How a node's life goes on, as far as the words for it are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Down,
    Paused,
    Runs,
}

impl Life {
    fn of(text: &str) -> Option<Self> {
        let begins = |words: &[&str]| words.iter().any(|word| text.starts_with(word));
        if begins(&["gone", "killed", "died", "crashed", "down"]) {
            Some(Self::Down)
        } else if begins(&["paused"]) {
            Some(Self::Paused)
        } else if begins(&["started", "serves", "resumed"]) {
            Some(Self::Runs)
        } else {
            None
        }
    }
}
