//! A set of operations that contradict each other, and what may be done to it.
//!
//! Every step has to be *sound*: what is left must contradict itself whatever the rest did. So a
//! step may only ask for less, such that an order of the whole would give an order of what is left:
//! * **Prefix**: an order up to an event is the start of an order of the whole. What is open there
//!   may have happened or not.
//! * **A read** changes nothing, so it can be taken out of any order. So can a *loose* one, which
//!   sets a value that nobody left finds: whoever finds another value has another setter behind it.
//!   Only who found *another value than w* may have found that one. It does no harm if something
//!   that is left stands in between for certain, and says or sets what the register holds there.
//! * **A cas as a write**: `cas a -> b` where it stands sets b, as `write b` would.
//! * **A cluster**: all operations that write, find or compare with a value, and the clusters that
//!   a cas from it leads to. Take an order, and somebody left in it who finds u. Whoever set u for
//!   him is left, too: it is no operation of a dropped value, and no cas from one, for then u would
//!   have been dropped along. What stood between them left the state at u. Who found another value
//!   than w goes as well: what is left may hold w there.
//! * **A window** that begins behind an event e: let P be the point of the order right after the
//!   last operation that returned by e. What comes before P was invoked by e. The state at P is one
//!   that a read right behind e could have found; asking for each value whether it could gives the
//!   states possible there. What is open at e stands before P (then it is in that state already) or
//!   after it: its reads are dropped, its writes may happen or not. Without looking: any state may
//!   be possible there, which asks for less still.
//!
//! * **Merged values**: to whoever is not told them apart, values are one *other* value. An order
//!   stays one under this map. A cas from the other value to itself only observes.
//!
//! What would be wrong: to drop a write whose value is still read. `write 1, read 1` without
//! the write is a contradiction, and accuses a correct system.

use super::op::{Effect, KeyOp, NEVER, ValueId};

/// An operation of the evidence: what is left of it, and what it was.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    /// As it counts here.
    pub(super) op: KeyOp,
    /// As it was recorded.
    pub(super) whole: KeyOp,
}

/// A set of operations and the states from which no order of them exists.
#[derive(Clone, Debug)]
pub(super) struct Case {
    /// In order of invocation.
    pub(super) pieces: Vec<Piece>,
    /// The states that the register may hold at first.
    pub(super) initials: Vec<ValueId>,
    /// The event behind which it begins; nothing for the start of the history.
    pub(super) since: Option<u32>,
    /// Whether these states stand for any: all that the operations name, and one that they do not.
    pub(super) any: bool,
}

/// The values that were certainly found, the latest first; at most so many.
pub(super) fn last_found(pieces: &[Piece], max: usize) -> Vec<ValueId> {
    let certain = |piece: &&Piece| piece.op.ret != NEVER;
    let mut found: Vec<(u32, ValueId)> = pieces
        .iter()
        .filter(certain)
        .filter_map(|piece| Some((piece.op.ret, piece.op.effect.observes()?)))
        .collect();
    found.sort_unstable_by(|a, b| b.cmp(a));
    let mut values: Vec<ValueId> = Vec::new();
    for (_, value) in found {
        if !values.contains(&value) && values.len() < max {
            values.push(value);
        }
    }
    values
}

/// Operations as they were recorded.
pub(super) fn whole(ops: &[KeyOp]) -> Vec<Piece> {
    ops.iter().map(|&op| Piece { op, whole: op }).collect()
}

/// The operations up to this event; those open there may have happened or not.
pub(super) fn prefix(pieces: &[Piece], end: u32) -> Vec<Piece> {
    let begun = pieces.iter().filter(|piece| piece.op.invoke <= end);
    let pieces = begun.map(|&Piece { op, whole }| {
        let ret = if op.ret <= end { op.ret } else { NEVER };
        Piece { op: KeyOp { ret, ..op }, whole }
    });
    pieces.filter(matters).collect()
}

/// The operations that did not return by this event; those open there may stand before it.
pub(super) fn behind(pieces: &[Piece], cut: u32) -> Vec<Piece> {
    let left = pieces.iter().filter(|piece| piece.op.ret > cut);
    let pieces = left.map(|&Piece { op, whole }| {
        let ret = if op.invoke > cut { op.ret } else { NEVER };
        Piece { op: KeyOp { ret, ..op }, whole }
    });
    pieces.filter(matters).collect()
}

/// What only observes and may not have happened says nothing.
fn matters(piece: &Piece) -> bool {
    piece.op.ret != NEVER || piece.op.effect.produces().is_some()
}

/// What the operations behind this event are, whatever state they begin in.
pub(super) fn from_any_state(pieces: &[Piece], cut: u32, values: usize) -> Case {
    let pieces = behind(pieces, cut);
    let mut initials = named(&pieces);
    let unnamed = (0..values as ValueId).find(|value| initials.binary_search(value).is_err());
    initials.extend(unnamed);
    Case { pieces, initials, since: Some(cut), any: true }
}

/// The same operations when all values but these (ascending) are one, whose number is `values`.
pub(super) fn merged(case: &Case, kept: &[ValueId], values: usize) -> Case {
    let other = values as ValueId;
    let seen_as = |value: ValueId| if kept.binary_search(&value).is_ok() { value } else { other };
    let pieces = case.pieces.iter().filter_map(|&Piece { op, whole }| {
        let effect = match op.effect {
            Effect::Read(value) => Effect::Read(seen_as(value)),
            Effect::Write(value) => Effect::Write(seen_as(value)),
            Effect::Cas(from, to) => match (seen_as(from), seen_as(to)) {
                (from, to) if from == to => Effect::Read(from),
                (from, to) => Effect::Cas(from, to),
            },
            // Whether it was this one of the others or that one: nobody knows any more.
            Effect::Miss(value) if seen_as(value) == other => return None,
            Effect::Miss(value) => Effect::Miss(value),
        };
        Some(Piece { op: KeyOp { effect, ..op }, whole })
    });
    let pieces = pieces.filter(matters).collect();
    let mut initials: Vec<ValueId> = case.initials.iter().map(|&value| seen_as(value)).collect();
    initials.sort_unstable();
    initials.dedup();
    Case { pieces, initials, ..*case }
}

/// The values that the operations name, also those that one did not find; ascending.
fn named(pieces: &[Piece]) -> Vec<ValueId> {
    let missed = pieces.iter().filter_map(|piece| match piece.op.effect {
        Effect::Miss(value) => Some(value),
        _ => None,
    });
    let mut named: Vec<ValueId> = missed.chain(values(pieces)).collect();
    named.sort_unstable();
    named.dedup();
    named
}

/// How many operations are asked for less than they did.
pub(super) fn weakened(case: &Case) -> usize {
    case.pieces.iter().filter(|piece| piece.op.effect != piece.whole.effect).count()
}

/// The values that the operations name, ascending.
pub(super) fn values(pieces: &[Piece]) -> Vec<ValueId> {
    let named = |piece: &Piece| [piece.op.effect.observes(), piece.op.effect.produces()];
    let mut values: Vec<ValueId> = pieces.iter().flat_map(named).flatten().collect();
    values.sort_unstable();
    values.dedup();
    values
}

/// The positions of the operations that only observe: each of them can go.
pub(super) fn observers(pieces: &[Piece]) -> Vec<usize> {
    let observes = |at: &usize| pieces[*at].op.effect.produces().is_none();
    (0..pieces.len()).filter(observes).collect()
}

/// With more operations than this, what is loose is not looked for beside one that found another
/// value than one.
const SHIELDED_OPS_MAX: usize = 2_000;

/// The positions of operations that can go, all or some of them: they set a value that nobody left
/// finds.
pub(super) fn loose(pieces: &[Piece], values: usize) -> Vec<usize> {
    let mut found = vec![false; values];
    for value in pieces.iter().filter_map(|piece| piece.op.effect.observes()) {
        found[value as usize] = true;
    }
    let unfound =
        |at: &usize| pieces[*at].op.effect.produces().is_some_and(|value| !found[value as usize]);
    let candidates: Vec<usize> = (0..pieces.len()).filter(unfound).collect();
    let missed = |piece: &Piece| matches!(piece.op.effect, Effect::Miss(_));
    if !pieces.iter().any(missed) {
        return candidates;
    }
    if pieces.len() > SHIELDED_OPS_MAX {
        return Vec::new();
    }
    shielded(pieces, &candidates)
}

/// Those of the candidates that nobody who found *another* value can have found: before each of
/// these stands an operation that stays, wholly between the two.
fn shielded(pieces: &[Piece], candidates: &[usize]) -> Vec<usize> {
    let mut gone: Vec<usize> = Vec::new();
    let mut stays = vec![false; pieces.len()];
    for &at in candidates {
        let op = pieces[at].op;
        let mut shields = Vec::new();
        let safe = pieces.iter().all(|miss| {
            let Effect::Miss(value) = miss.op.effect else { return true };
            if op.effect.produces() == Some(value) || miss.op.ret < op.invoke {
                return true;
            }
            let between = |&other: &usize| {
                let Piece { op: shield, .. } = pieces[other];
                let speaks = !matches!(shield.effect, Effect::Miss(_));
                speaks && op.ret < shield.invoke && shield.ret < miss.op.invoke
            };
            let shield = (0..pieces.len()).filter(between).find(|other| !gone.contains(other));
            shields.extend(shield);
            shield.is_some()
        });
        if safe && !stays[at] {
            gone.push(at);
            shields.into_iter().for_each(|shield| stays[shield] = true);
        }
    }
    gone
}

/// What is left without the clusters of these values.
pub(super) fn without(pieces: &[Piece], chosen: &[ValueId], values: usize) -> Vec<Piece> {
    let dropped = cluster(pieces, chosen, values);
    let kept = |piece: &&Piece| match piece.op.effect {
        Effect::Miss(_) => chosen.is_empty(),
        effect => !touches(effect, &dropped),
    };
    pieces.iter().filter(kept).copied().collect()
}

/// The values that have to go along when these go, as flags.
fn cluster(pieces: &[Piece], chosen: &[ValueId], values: usize) -> Vec<bool> {
    let mut dropped = vec![false; values];
    let mut cas_from: Vec<Vec<ValueId>> = vec![Vec::new(); values];
    for piece in pieces {
        if let Effect::Cas(from, to) = piece.op.effect {
            cas_from[from as usize].push(to);
        }
    }
    let mut found = chosen.to_vec();
    while let Some(value) = found.pop() {
        if !std::mem::replace(&mut dropped[value as usize], true) {
            found.append(&mut cas_from[value as usize]);
        }
    }
    dropped
}

fn touches(effect: Effect, dropped: &[bool]) -> bool {
    [effect.observes(), effect.produces()]
        .into_iter()
        .flatten()
        .any(|value| dropped[value as usize])
}
