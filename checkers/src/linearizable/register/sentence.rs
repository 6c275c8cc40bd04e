//! One sentence that says why no order works.
//!
//! Values whose write is unique have *clusters*: the write and everything that finds its value, one
//! block in every order. So two values contradict each other as soon as something of the first
//! completed before something of the second began, and the other way round as well (Gibbons &
//! Korach 1997). A stale read, a lost write and two reads that disagree are all of this kind.

use super::super::evidence::orders::Order;
use super::case::{Case, Piece};
use super::op::{Effect, INITIAL, KeyHistory, KeyOp, NEVER, ValueId};
use crate::history::History;
use crate::verdict::EvidenceStep;
use crate::words::seconds;

/// The longest value that a sentence quotes, in characters: values come from the system on trial.
const VALUE_CHARS_MAX: usize = 60;

/// Names things.
pub(super) struct Words<'a> {
    pub(super) history: &'a History,
    pub(super) key: &'a KeyHistory,
}

impl Words<'_> {
    /// A value, bounded and without control characters.
    pub(super) fn value(&self, value: ValueId) -> String {
        // The number behind the last one stands for values that are not told apart.
        let known = self.key.values.get(value as usize);
        let text = known.map_or_else(|| "another value".to_owned(), ToString::to_string);
        let bounded = text.chars().take(VALUE_CHARS_MAX);
        let mut shown: String = bounded.map(|c| if c.is_control() { ' ' } else { c }).collect();
        if text.chars().nth(VALUE_CHARS_MAX).is_some() {
            shown.push_str("...");
        }
        shown
    }

    /// `write 3`, `cas 3 -> 4`, and a read with its arrow: `read -> 5` or `read 5`.
    pub(super) fn text(&self, op: &KeyOp, arrow: &str) -> String {
        match op.effect {
            Effect::Read(value) => format!("read{arrow}{}", self.value(value)),
            Effect::Write(value) => format!("write {}", self.value(value)),
            Effect::Cas(from, to) => format!("cas {} -> {}", self.value(from), self.value(to)),
            Effect::Miss(value) => format!("failed cas from {}", self.value(value)),
        }
    }

    /// The node that was asked.
    pub(super) fn node(&self, op: &KeyOp) -> Option<String> {
        let events = self.history.events();
        let completion = events.get(op.ret.min(op.info) as usize);
        let node = events[op.invoke as usize].node.or_else(|| completion.and_then(|c| c.node));
        node.map(|node| self.history.text(node).to_owned())
    }

    /// `read 1 on n4`.
    fn op(&self, piece: &Piece) -> String {
        let text = self.text(&piece.whole, " ");
        match self.node(&piece.whole) {
            Some(node) => format!("{text} on {node}"),
            None => text,
        }
    }

    /// The time of an event, in seconds.
    fn time(&self, index: u32) -> String {
        seconds(self.history.events()[index as usize].time_ns)
    }
}

/// The sentence.
pub(super) fn sentence(
    words: &Words<'_>,
    case: &Case,
    order: &Order<ValueId>,
    steps: &[EvidenceStep],
) -> String {
    never_written(words, case)
        .or_else(|| overtaken(words, case))
        .or_else(|| twice(words, case))
        .or_else(|| clusters(words, case))
        .unwrap_or_else(|| general(words, case, order, steps))
}

fn producers(case: &Case, value: ValueId) -> impl Iterator<Item = &Piece> {
    case.pieces.iter().filter(move |piece| piece.op.effect.produces() == Some(value))
}

/// Operations that certainly found a value which was not there at first.
fn findings(case: &Case) -> impl Iterator<Item = (&Piece, ValueId)> {
    let required = case.pieces.iter().filter(|piece| piece.op.ret != NEVER);
    let found = required.filter_map(|piece| Some((piece, piece.op.effect.observes()?)));
    found.filter(|(_, value)| !case.initials.contains(value))
}

fn never_written(words: &Words<'_>, case: &Case) -> Option<String> {
    let (piece, id) = findings(case).find(|(_, value)| producers(case, *value).count() == 0)?;
    let (op, value) = (words.op(piece), words.value(id));
    let found = match piece.op.effect {
        Effect::Read(_) => "returned",
        _ => "succeeded, so it found",
    };
    let (began, ended) = (words.time(piece.op.invoke), words.time(piece.op.ret));
    let Some(since) = case.since else {
        let later = first_write_after(words, piece, id);
        let later = later.map_or_else(String::new, |write| format!(" yet: {write}"));
        let never = format!("{op} ({began} to {ended}) {found} {value}, which nobody had written");
        return Some(never + &later);
    };
    let states: Vec<String> = case.initials.iter().map(|&value| words.value(value)).collect();
    Some(format!(
        "{op} ({began} to {ended}) {found} {value}, but at {} the register could only hold {}, and \
         nobody wrote {value} after that",
        words.time(since),
        states.join(" or "),
    ))
}

/// The write that came too late for this operation. It is no part of the contradiction, which
/// stands without it, but it is what a person looks for next.
fn first_write_after(words: &Words<'_>, early: &Piece, value: ValueId) -> Option<String> {
    let mut ops = words.key.ops.iter();
    let write = ops.find(|op| op.effect.produces() == Some(value) && op.invoke > early.op.ret)?;
    let text = words.op(&Piece { op: *write, whole: *write });
    Some(format!("{text} began at {}", words.time(write.invoke)))
}

/// A value whose every write was over before something else was there.
fn overtaken(words: &Words<'_>, case: &Case) -> Option<String> {
    let required = case.pieces.iter().filter(|piece| piece.op.ret != NEVER);
    for late in required.clone() {
        let Some(value) = late.op.effect.observes() else { continue };
        let last_end = producers(case, value).map(|piece| piece.op.ret).max();
        let seen = required.clone().filter(|seen| {
            let other = seen.op.effect.produces().or(seen.op.effect.observes()) != Some(value);
            other && seen.op.ret < late.op.invoke && last_end.is_none_or(|end| end < seen.op.invoke)
        });
        // A write says more than a read of what it wrote.
        let seen = seen.min_by_key(|seen| (seen.op.effect.produces().is_none(), seen.op.ret));
        let Some(seen) = seen else { continue };
        let began = began_after(words, late, seen);
        let found = if let Effect::Read(_) = late.op.effect { "returned" } else { "found" };
        let initial = case.since.is_none() && value == INITIAL && last_end.is_none();
        return Some(if initial {
            format!("{began}, but {found} nil, as if nothing had ever been written")
        } else {
            format!("{began}, but {found} the older value {}", words.value(value))
        });
    }
    None
}

/// Two cas that consumed one and the same value.
fn twice(words: &Words<'_>, case: &Case) -> Option<String> {
    for (at, first) in case.pieces.iter().enumerate() {
        let Effect::Cas(from, to) = first.op.effect else { continue };
        let is_second = |piece: &&Piece| match piece.op.effect {
            Effect::Cas(other, to) => other == from && to != from && piece.op.ret != NEVER,
            _ => false,
        };
        let Some(second) = case.pieces[at + 1..].iter().find(is_second) else { continue };
        let times = producers(case, from).count() + usize::from(case.initials.contains(&from));
        if times == 1 && to != from && first.op.ret != NEVER {
            return Some(format!(
                "{} and {} both succeeded, though the register came to hold {} only once",
                words.op(first),
                words.op(second),
                words.value(from),
            ));
        }
    }
    None
}

/// A value that came to be only once, and what is known of when.
struct Cluster<'a> {
    value: ValueId,
    /// Its write; nothing for the value of the start.
    producer: Option<&'a Piece>,
    /// The operation that completed first; nothing for the value of the start, which was there
    /// before.
    first: Option<&'a Piece>,
    /// The operation that began last.
    last: &'a Piece,
}

impl Cluster<'_> {
    /// Whether it must stand before another one, judging by real time alone.
    fn precedes(&self, other: &Cluster<'_>) -> bool {
        self.first.is_none_or(|first| first.op.ret < other.last.op.invoke)
    }
}

fn cluster(case: &Case, value: ValueId) -> Option<Cluster<'_>> {
    let initial = case.initials.contains(&value);
    let mut writes = producers(case, value);
    let producer = writes.next();
    let once = if initial { producer.is_none() && case.initials.len() == 1 } else { true };
    if !once || writes.next().is_some() {
        return None;
    }
    let certain = |piece: &&Piece| {
        let Piece { op, .. } = piece;
        let own = op.effect.observes() == Some(value) || op.effect.produces() == Some(value);
        own && op.ret != NEVER
    };
    let first = case.pieces.iter().filter(certain).min_by_key(|piece| piece.op.ret)?;
    let last = case.pieces.iter().filter(certain).max_by_key(|piece| piece.op.invoke)?;
    let first = if initial { None } else { Some(first) };
    Some(Cluster { value, producer, first, last })
}

fn clusters(words: &Words<'_>, case: &Case) -> Option<String> {
    let mut values: Vec<ValueId> = case
        .pieces
        .iter()
        .flat_map(|piece| [piece.op.effect.observes(), piece.op.effect.produces()])
        .flatten()
        .collect();
    values.sort_unstable();
    values.dedup();
    let clusters: Vec<_> = values.iter().filter_map(|&value| cluster(case, value)).collect();
    let mut spare = None;
    for old in &clusters {
        for new in clusters.iter().filter(|new| new.value != old.value) {
            let Some(seen) = new.first else { continue };
            if !old.precedes(new) || !new.precedes(old) {
                continue;
            }
            let late_read = matches!(old.last.op.effect, Effect::Read(_));
            let Some(first) = old.first else { continue };
            if late_read {
                return Some(stale(words, old, new, first, seen));
            }
            spare = spare.or_else(|| Some(both(words, old, new, first, seen)));
        }
    }
    spare
}

fn began_after(words: &Words<'_>, late: &Piece, seen: &Piece) -> String {
    let seen_text = words.text(&seen.whole, " ");
    let at = words.node(&seen.whole).map_or_else(String::new, |node| format!(" (on {node})"));
    format!(
        "{} began at {}, after {seen_text} had completed at {}{at}",
        words.op(late),
        words.time(late.op.invoke),
        words.time(seen.op.ret),
    )
}

fn stale(
    words: &Words<'_>,
    old: &Cluster<'_>,
    new: &Cluster<'_>,
    first: &Piece,
    seen: &Piece,
) -> String {
    let began = began_after(words, old.last, seen);
    let mut sentence = format!("{began}, but returned the older value {}", words.value(old.value));
    let is = |piece: &Piece, producer: Option<&Piece>| {
        producer.is_some_and(|producer| producer.op.invoke == piece.op.invoke)
    };
    if !(is(first, old.producer) && is(new.last, new.producer)) {
        sentence.push_str(&format!(
            ": {} had completed at {}, before {} began at {}",
            words.op(first),
            words.time(first.op.ret),
            words.op(new.last),
            words.time(new.last.op.invoke),
        ));
    }
    sentence
}

fn both(
    words: &Words<'_>,
    old: &Cluster<'_>,
    new: &Cluster<'_>,
    first: &Piece,
    seen: &Piece,
) -> String {
    format!(
        "{} had completed at {} before {} began at {}, so {} came before {}; but {} had completed \
         at {} before {} began at {}, so it came after",
        words.op(first),
        words.time(first.op.ret),
        words.op(new.last),
        words.time(new.last.op.invoke),
        words.value(old.value),
        words.value(new.value),
        words.op(seen),
        words.time(seen.op.ret),
        words.op(old.last),
        words.time(old.last.op.invoke),
    )
}

fn general(
    words: &Words<'_>,
    case: &Case,
    order: &Order<ValueId>,
    steps: &[EvidenceStep],
) -> String {
    let stuck = steps
        .iter()
        .skip(order.placed.len())
        .find(|step| case.pieces[step.op].op.ret != NEVER && step.why_not.is_some());
    let stuck =
        stuck.and_then(|step| Some((words.op(&case.pieces[step.op]), step.why_not.as_deref()?)));
    let placed: Vec<String> =
        order.placed.iter().map(|&(at, _)| words.text(&case.pieces[at].whole, " ")).collect();
    super::super::evidence::words::general(case.pieces.len(), &placed, stuck)
}
