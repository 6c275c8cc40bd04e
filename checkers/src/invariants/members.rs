//! What became of each element of a growing set: when it was added, and which reads list it.
//!
//! ```text
//!   add 7      |--ok--|
//!   reads            |0: 7|   |1: -|    |2: 7|   |3: -|   |4: -|        in order of invocation
//!                                                  ^ last_present = 2, last_absent = 4
//! ```
//!
//! An element is absent from a read that does not list it, and nothing in the history's text says
//! so. But between two reads that list it, the one before the later of them does not, if there is
//! any: so the *last* read that misses an element is found while the listed elements are gone
//! through, in time of the text and with one row an element.
//!
//! A read that lists what nobody added, what was refused, what is added only later, or one element
//! twice is complained of here, whatever the invariant makes of the rest.

use super::shape::Item;
use super::subject::{Found, NONE, Part, Seen, show};
use crate::history::pairing::Operation;
use crate::history::{EventType, History};
use rustc_hash::FxHashMap;

/// An element that somebody tried to add.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member<'a> {
    pub(super) item: Item<'a>,
    /// The `add` that was acknowledged first; without one the first that may have happened; without
    /// one the first.
    pub(super) add: Operation,
    /// The invocation of the first `add` that did not fail.
    pub(super) invoke: u32,
    /// The first acknowledgement.
    pub(super) acked: u32,
    /// The completion of the counted read that was the first to list it, and the read's number.
    pub(super) seen: u32,
    pub(super) seen_by: u32,
    /// The number of the last counted read that lists it.
    pub(super) last_present: u32,
    /// The number of the last counted read that misses it, among those that began after `invoke`.
    pub(super) last_absent: u32,
    /// The last read that lists it, counted or not.
    listed: u32,
}

/// A read whose list could be read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Read {
    pub(super) op: Operation,
    pub(super) invoke: u32,
}

/// What the reads say of the elements.
#[derive(Debug)]
pub(super) struct Members<'a> {
    pub(super) members: Vec<Member<'a>>,
    /// The reads that count, in order of invocation; the others are only looked through for what
    /// cannot be.
    pub(super) counted: Vec<Read>,
    numbers: Numbers<'a>,
}

/// Elements by value. Small numbers that lie close, which nearly all do, have a table.
#[derive(Debug, Default)]
pub(super) struct Numbers<'a> {
    small: Vec<u32>,
    others: FxHashMap<Item<'a>, u32>,
}

/// The table has so many places for each element, and some for a start: a history is free to call
/// its elements what it wants, and must not make us allocate for that.
const PLACES_PER_ELEMENT: usize = 4;
const PLACES_MIN: usize = 64;

impl<'a> Numbers<'a> {
    /// The element's number, if it has one.
    #[inline]
    pub(super) fn get(&self, item: Item<'a>) -> Option<u32> {
        let in_table = place(item).and_then(|place| self.small.get(place));
        match in_table.copied() {
            Some(number) if number != NONE => Some(number),
            _ => self.others.get(&item).copied(),
        }
    }

    /// The element's number; this one if it had none. Numbers count from zero.
    pub(super) fn get_or(&mut self, item: Item<'a>, next: u32) -> u32 {
        if let Some(number) = self.get(item) {
            return number;
        }
        let places = PLACES_MIN + PLACES_PER_ELEMENT * next as usize;
        let Some(place) = place(item).filter(|&place| place < places) else {
            self.others.insert(item, next);
            return next;
        };
        if place >= self.small.len() {
            self.small.resize((place + 1).next_power_of_two(), NONE);
        }
        self.small[place] = next;
        next
    }
}

fn place(item: Item<'_>) -> Option<usize> {
    usize::try_from(item.int()?).ok()
}

/// Goes through the `add`s and the reads of one key. `counts` says which reads count.
pub(super) fn collect<'a>(
    history: &'a History,
    part: &Part,
    found: &mut Found<'a>,
    counts: impl Fn(&Seen<'a>) -> bool,
) -> Members<'a> {
    let mut members =
        Members { members: Vec::new(), counted: Vec::new(), numbers: Numbers::default() };
    for &op in &part.ops {
        let seen = Seen::of(history, op);
        if seen.f == "add" {
            members.add(&seen, seen.argument(history), found);
        }
    }
    let mut number = 0;
    for &op in &part.ops {
        let seen = Seen::of(history, op);
        if seen.f != "read" || seen.outcome != EventType::Ok {
            continue;
        }
        let result = seen.result(history);
        if result.items().is_none() {
            let index = seen.complete as usize;
            found.misfits.value(index, "a list of elements", result);
            continue;
        }
        members.read(history, part, &seen, counts(&seen), number, found);
        number += 1;
    }
    members.finish();
    members
}

impl<'a> Members<'a> {
    fn add(&mut self, add: &Seen<'a>, item: Item<'a>, found: &mut Found<'a>) {
        if item == Item::Nil {
            found.misfits.value(add.invoke as usize, "an element to add", item);
            return;
        }
        let next = u32::try_from(self.members.len()).expect("fewer elements than events");
        let number = self.numbers.get_or(item, next);
        let failed = add.outcome == EventType::Fail;
        let acked = if add.outcome == EventType::Ok { add.complete } else { NONE };
        if number == next {
            self.members.push(Member {
                item,
                add: add.op,
                invoke: if failed { NONE } else { add.invoke },
                acked,
                seen: NONE,
                seen_by: NONE,
                last_present: NONE,
                last_absent: NONE,
                listed: NONE,
            });
            return;
        }
        let member = &mut self.members[number as usize];
        if !failed && member.invoke == NONE {
            (member.invoke, member.add) = (add.invoke, add.op);
        }
        if acked < member.acked {
            (member.acked, member.add) = (acked, add.op);
        }
    }

    fn read(
        &mut self,
        history: &'a History,
        part: &Part,
        read: &Seen<'a>,
        is_counted: bool,
        number: u32,
        found: &mut Found<'a>,
    ) {
        let place = u32::try_from(self.counted.len()).expect("fewer reads than events");
        let op = read.op;
        for item in read.result(history).items().into_iter().flatten() {
            let Some(at) = self.numbers.get(item) else {
                let sentence = || format!("{} is read, and nobody added it", show(item));
                found.complaints.add("unexpected", part.key_text(history), vec![op], sentence);
                continue;
            };
            let member = &mut self.members[at as usize];
            if member.listed == number {
                let sentence = || format!("{} is listed more than once", show(item));
                found.complaints.add("duplicated", part.key_text(history), vec![op], sentence);
                continue;
            }
            member.listed = number;
            if member.invoke == NONE || read.complete < member.invoke {
                let (kind, why) = early(member);
                let ops = vec![member.add, op];
                let sentence = || format!("{} is read, {why}", show(item));
                found.complaints.add(kind, part.key_text(history), ops, sentence);
                continue;
            }
            if is_counted {
                if read.complete < member.seen {
                    (member.seen, member.seen_by) = (read.complete, place);
                }
                let before = place.wrapping_sub(1);
                if before != NONE && member.last_present != before {
                    member.miss(before, &self.counted);
                }
                member.last_present = place;
            }
        }
        if is_counted {
            self.counted.push(Read { op, invoke: read.invoke });
        }
    }

    /// What the last reads miss.
    fn finish(&mut self) {
        let Some(last) = self.counted.len().checked_sub(1) else { return };
        let last = u32::try_from(last).expect("fewer reads than events");
        for member in self.members.iter_mut().filter(|member| member.last_present != last) {
            member.miss(last, &self.counted);
        }
    }

    /// The counted read of this number.
    pub(super) fn read_at(&self, number: u32) -> Option<&Read> {
        self.counted.get(number as usize)
    }

    /// Elements that were tried and elements that were acknowledged.
    pub(super) fn figures(&self) -> (usize, usize) {
        let acked = self.members.iter().filter(|member| member.acked != NONE).count();
        (self.members.len(), acked)
    }
}

impl Member<'_> {
    /// This read does not list it. Of reads that began before the `add` did nobody asked that.
    fn miss(&mut self, read: u32, counted: &[Read]) {
        if self.invoke != NONE && counted[read as usize].invoke > self.invoke {
            self.last_absent = read;
        }
    }
}

fn early(member: &Member<'_>) -> (&'static str, &'static str) {
    if member.invoke == NONE {
        ("failed-seen", "although its add failed")
    } else {
        ("seen-early", "before its add began")
    }
}
