//! One element that is added and removed at most once, or added as often as you like and never
//! removed: linear.
//!
//! Let it be there from p on, and no more from q on.
//!
//! * **Never removed**: whichever add is the first decides; the others can follow, whenever they
//!   ended. p is after the earliest invocation of an add and the latest one of a look that did not
//!   find it, and before the earliest completion of either an add or a look that found it. Those
//!   two bounds are all there is.
//! * **Removed in vain**: the remove came before p. One more bound from below.
//! * **Added, then removed**: every look that found it pulls p down and q up: p before P, q after
//!   Q. If Q < P, both can be at one moment between them, and there is room for all looks. Else p
//!   is
//!   best just before P and q just after Q, and no look that did not find it lies within [P, Q].
//!
//! ```text
//!   add |------------|      remove |-----------|
//!         found |-----|   found |-------|
//!                    P          Q                 P: the first of these ends; Q: the last begins
//! ```

use super::bounds::{Ask, Bound, What, earliest_by, earliest_from, latest_from};
use crate::linearizable::engine::NEVER;

/// What can be said of one element at sight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Judged {
    Legal,
    /// These contradict each other, whatever the others did.
    Illegal(Vec<Ask>),
    /// It is added or removed too often.
    Unfit,
}

/// When an element that is never removed came to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Presence {
    /// Not before this.
    pub(super) from: Bound,
    /// Not after this.
    pub(super) by: Bound,
}

fn all(asks: &[Ask], what: fn(What) -> bool) -> impl Iterator<Item = &Ask> + Clone {
    asks.iter().filter(move |ask| what(ask.what))
}

fn adds(asks: &[Ask]) -> impl Iterator<Item = &Ask> + Clone {
    all(asks, |what| what == What::Add)
}

fn removes(asks: &[Ask]) -> impl Iterator<Item = &Ask> + Clone {
    all(asks, |what| what == What::Remove)
}

fn found(asks: &[Ask]) -> impl Iterator<Item = &Ask> + Clone {
    all(asks, |what| matches!(what, What::There(_)))
}

fn missed(asks: &[Ask]) -> impl Iterator<Item = &Ask> + Clone {
    all(asks, |what| what == What::Absent)
}

/// Whether there is an order of these operations on one element.
pub(super) fn decide(asks: &[Ask], multiset: bool) -> Judged {
    let (adds_count, removes_count) = (adds(asks).count(), removes(asks).count());
    let once = adds_count <= 1 && removes_count <= 1;
    if !once && (multiset || removes_count > 0) {
        return Judged::Unfit;
    }
    if let Some(many) = all(asks, |what| matches!(what, What::There(Some(2..)))).next() {
        return Judged::Illegal([many].into_iter().chain(adds(asks).take(1)).copied().collect());
    }
    if legal(asks) {
        return Judged::Legal;
    }
    Judged::Illegal(few(asks))
}

/// Precondition: no remove, or at most one remove and one add.
fn legal(asks: &[Ask]) -> bool {
    if found(asks).next().is_none() && adds(asks).all(|add| add.by == NEVER) {
        return true;
    }
    // From here on the element was there at some time.
    let Some(low) = low(asks) else { return false };
    let high = high(asks);
    let Some(remove) = removes(asks).next() else { return low < high };
    let in_vain = if remove.by == NEVER { 0 } else { remove.from };
    low.max(in_vain) < high || removed(asks, remove)
}

/// Added, and then removed.
fn removed(asks: &[Ask], remove: &Ask) -> bool {
    let Some(add) = adds(asks).next() else { return false };
    let high = high(asks);
    let last = latest_from(found(asks)).map_or(0, |bound| bound.at).max(remove.from);
    let room = last < high || !missed(asks).any(|look| high < look.from && look.by < last);
    add.from < high && last < remove.by && add.from < remove.by && room
}

/// What the element was not there before, if somebody added it.
fn low(asks: &[Ask]) -> Option<u32> {
    let added = earliest_from(adds(asks))?;
    Some(latest_from(missed(asks)).map_or(added.at, |missed| missed.at.max(added.at)))
}

/// By when it was there.
fn high(asks: &[Ask]) -> u32 {
    earliest_by(adds(asks).chain(found(asks))).map_or(NEVER, |bound| bound.at)
}

/// When an element that is never removed came; nothing if it need not have come at all.
/// Precondition: [`decide`] found it legal.
pub(super) fn presence(asks: &[Ask]) -> Option<Presence> {
    let needed = found(asks).next().is_some() || adds(asks).any(|add| add.by != NEVER);
    needed.then(|| presence_if_listed(asks)).flatten()
}

/// The same for one that is known to have come; nothing if nobody added it.
pub(super) fn presence_if_listed(asks: &[Ask]) -> Option<Presence> {
    let added = earliest_from(adds(asks))?;
    let from = latest_from(missed(asks)).map_or(added, |missed| missed.max(added));
    let by = earliest_by(adds(asks).chain(found(asks)))?;
    Some(Presence { from, by })
}

/// A few operations of an illegal element that are illegal, whatever its others did.
fn few(asks: &[Ask]) -> Vec<Ask> {
    let (high, remove) = (high(asks), removes(asks).next());
    let last = latest_from(found(asks)).map_or(0, |bound| bound.at);
    let last = last.max(remove.map_or(0, |remove| remove.from));
    let between = missed(asks).find(|look| high < look.from && look.by < last);
    let looks = [latest_from(missed(asks)), latest_from(found(asks)), earliest_by(found(asks))];
    let adds = [earliest_from(adds(asks)), earliest_by(adds(asks))];
    let chosen = |ask: &&Ask| {
        let bounds = looks.iter().chain(&adds).flatten();
        bounds.clone().any(|bound| bound.op == ask.op) || between == Some(*ask)
    };
    let mut few: Vec<Ask> =
        asks.iter().filter(|ask| chosen(ask) || remove == Some(*ask)).copied().collect();
    // Looks change nothing: what is illegal without one needs it not. Adds and removes do, so they
    // are only left out if they began after all the others; and one add has to stay, or it would
    // seem that there was none.
    let mut at = 0;
    while at < few.len() {
        let mut fewer = few.clone();
        let ask = fewer.remove(at);
        let change = matches!(ask.what, What::Add | What::Remove);
        let afterwards = fewer.iter().all(|other| other.by < ask.from)
            && (ask.what == What::Remove || self::adds(&fewer).next().is_some());
        if (!change || afterwards) && !legal(&fewer) {
            few = fewer;
        } else {
            at += 1;
        }
    }
    few
}
