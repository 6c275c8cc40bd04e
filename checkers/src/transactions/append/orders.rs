//! Who appended what, and in which order the elements of each key stand.
//!
//! ```text
//!   appends    key 1: 5 by T3, 7 by T4, 9 by T8        a slot per number from 5 to 9
//!   reads      key 1: [5 7] ... [5 7 9] ...             the longest one is the version order
//!   writers    T3 T4 T8                                 by position, all keys in one column
//! ```
//!
//! A key is *clean* if every read of it is a prefix of one list whose elements are all different
//! and all appended by somebody. Then a read is a number, and everything about it is found at that
//! position. The few other keys are *tangled*: their reads are looked at element by element.

use crate::transactions::atom::Atom;
use crate::transactions::table::{KeyId, List, Mop, Stored, Table, TxnId};
use rustc_hash::FxHashMap;

/// No position, no transaction.
pub(super) const NONE: u32 = u32::MAX;

const INTERMEDIATE: u32 = 1 << 31;
const FAILED: u32 = 1 << 30;

/// A transaction that appended an element, or nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Writer(u32);

impl Writer {
    pub(super) const NOBODY: Self = Self(NONE);

    /// Whoever it was, if its transaction may have taken effect.
    pub(super) fn possible(self) -> Option<u32> {
        (self.0 & FAILED == 0).then_some(self.0 & !INTERMEDIATE)
    }

    pub(super) fn txn(self) -> Option<TxnId> {
        (self != Self::NOBODY).then_some(TxnId(self.0 & !(INTERMEDIATE | FAILED)))
    }

    /// Whether its transaction certainly did not take effect.
    pub(super) fn failed(self) -> bool {
        self != Self::NOBODY && self.0 & FAILED != 0
    }

    /// Whether its transaction appended to the key again.
    pub(super) fn intermediate(self) -> bool {
        self != Self::NOBODY && self.0 & INTERMEDIATE != 0
    }
}

/// What is known of an element that was appended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub(super) writer: Writer,
    /// In the version order; [`NONE`] if nobody saw it.
    pub(super) position: u32,
}

const EMPTY: Slot = Slot { writer: Writer::NOBODY, position: NONE };

/// The slots of a key: one for each number from `first` on; none if its elements are no numbers,
/// or too far from each other.
#[derive(Clone, Copy, Debug)]
struct Span {
    start: usize,
    first: u32,
    length: u32,
}

/// The version order of a key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Order {
    start: usize,
    pub(super) length: u32,
    /// The first position whose writer failed, or [`NONE`].
    pub(super) first_failed: u32,
    /// Whether reads are just lengths.
    pub(super) clean: bool,
}

/// A version order that was not simply read.
#[derive(Debug, Default)]
struct Tangle {
    elements: Vec<Atom>,
    positions: FxHashMap<Atom, u32>,
}

/// An element that was appended twice.
#[derive(Clone, Copy, Debug)]
pub(super) struct Duplicate {
    pub(super) key: KeyId,
    pub(super) element: Atom,
    pub(super) txns: [TxnId; 2],
}

/// The version a read saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// Nothing was appended yet.
    Initial,
    /// The version that ends at this position.
    At(u32),
    /// It ends in an element that is not in the version order.
    Off(Atom),
}

/// The version orders of a table.
#[derive(Debug)]
pub(super) struct Orders {
    spans: Vec<Span>,
    slots: Vec<Slot>,
    /// Elements without a span.
    others: FxHashMap<(KeyId, Atom), Slot>,
    orders: Vec<Order>,
    /// By position, key after key.
    writers: Vec<Writer>,
    tangles: FxHashMap<KeyId, Tangle>,
    pub(super) duplicate: Option<Duplicate>,
}

impl Orders {
    /// # Panics
    /// When there are 2^30 transactions or more.
    pub(super) fn new(table: &Table) -> Self {
        assert!(table.len() < FAILED as usize, "there are fewer than 2^30 transactions");
        let mut orders = Self {
            spans: spans(table),
            slots: Vec::new(),
            others: FxHashMap::default(),
            orders: Vec::with_capacity(table.key_count()),
            writers: Vec::new(),
            tangles: FxHashMap::default(),
            duplicate: None,
        };
        let slots = orders.spans.last().map_or(0, |span| span.start + span.length as usize);
        orders.slots = vec![EMPTY; slots];
        orders.fill(table);
        let longest_odd = longest_odd(table);
        for key in (0..).map(KeyId).take(table.key_count()) {
            orders.order(table, key, longest_odd.get(&key).copied());
        }
        orders
    }

    /// Notes who appended what.
    fn fill(&mut self, table: &Table) {
        // The transaction that appended to a key last. Each transaction is read backwards, so that
        // its final append is met first.
        let mut appended_by = vec![NONE; table.key_count()];
        for (id, txn) in (0..).map(TxnId).zip(&table.txns) {
            let failed = if txn.is_possible() { 0 } else { FAILED };
            for mop in table.mops(id).iter().rev() {
                let Mop::Append(key, element) = *mop else { continue };
                let by = &mut appended_by[key.index()];
                let intermediate = if *by == id.0 { INTERMEDIATE } else { 0 };
                *by = id.0;
                let span = self.spans[key.index()];
                let slot = match span.place(element) {
                    Some(place) => &mut self.slots[place],
                    None => self.others.entry((key, element)).or_insert(EMPTY),
                };
                match slot.writer.txn() {
                    None => slot.writer = Writer(id.0 | failed | intermediate),
                    Some(other) if self.duplicate.is_none() => {
                        self.duplicate = Some(Duplicate { key, element, txns: [other, id] });
                    }
                    Some(_) => {}
                }
            }
        }
    }

    /// Finds the version order of the next key.
    fn order(&mut self, table: &Table, key: KeyId, longest_odd: Option<usize>) {
        let spine = table.spine(key);
        let odd = longest_odd.map(|number| &*table.odd[number]);
        let longest = odd.filter(|odd| odd.len() > spine.len()).unwrap_or(spine);
        let start = self.writers.len();
        let clean = odd.is_none() && self.clean(key, longest);
        if !clean {
            self.writers.truncate(start);
            self.tangled(key, longest);
        }
        let writers = &self.writers[start..];
        let failed = writers.iter().position(|writer| writer.failed());
        let order = Order {
            start,
            length: position(writers.len()),
            first_failed: failed.map_or(NONE, position),
            clean,
        };
        self.orders.push(order);
    }

    /// Whether all elements are different and were appended; then they have their positions.
    fn clean(&mut self, key: KeyId, longest: &[Atom]) -> bool {
        for (at, element) in longest.iter().enumerate() {
            match self.slot_mut(key, *element) {
                Some(slot) if slot.position == NONE => {
                    slot.position = position(at);
                    let writer = slot.writer;
                    self.writers.push(writer);
                }
                _ => return false,
            }
        }
        true
    }

    /// Of elements that are there several times the first counts (as in Elle).
    fn tangled(&mut self, key: KeyId, longest: &[Atom]) {
        let mut tangle = Tangle::default();
        for element in longest {
            let at = position(tangle.elements.len());
            if tangle.positions.contains_key(element) {
                continue;
            }
            tangle.positions.insert(*element, at);
            tangle.elements.push(*element);
            let slot = self.slot_mut(key, *element);
            let writer = slot.map_or(Writer::NOBODY, |slot| {
                slot.position = at;
                slot.writer
            });
            self.writers.push(writer);
        }
        self.tangles.insert(key, tangle);
    }

    fn slot_mut(&mut self, key: KeyId, element: Atom) -> Option<&mut Slot> {
        let slot = match self.spans[key.index()].place(element) {
            Some(place) => &mut self.slots[place],
            None => self.others.get_mut(&(key, element))?,
        };
        (slot.writer != Writer::NOBODY).then_some(slot)
    }

    /// What is known of an element; nothing if nobody appended it.
    pub(super) fn slot(&self, key: KeyId, element: Atom) -> Option<Slot> {
        let slot = match self.spans[key.index()].place(element) {
            Some(place) => self.slots[place],
            None => *self.others.get(&(key, element))?,
        };
        (slot.writer != Writer::NOBODY).then_some(slot)
    }

    pub(super) fn of(&self, key: KeyId) -> Order {
        self.orders[key.index()]
    }

    /// Who appended the elements of a key, by position.
    pub(super) fn writers(&self, key: KeyId) -> &[Writer] {
        let order = self.orders[key.index()];
        &self.writers[order.start..order.start + order.length as usize]
    }

    /// A number for each version of each clean key, the initial ones included.
    pub(super) fn version(&self, key: KeyId, length: usize) -> usize {
        self.orders[key.index()].start + key.index() + length
    }

    /// How many versions there are.
    pub(super) fn versions(&self) -> usize {
        self.writers.len() + self.orders.len()
    }

    /// The element at a position of the version order.
    pub(super) fn element(&self, table: &Table, key: KeyId, position: u32) -> Atom {
        match self.tangles.get(&key) {
            Some(tangle) => tangle.elements[position as usize],
            None => table.spine(key)[position as usize],
        }
    }

    /// The version that a read saw.
    pub(super) fn seen(&self, table: &Table, key: KeyId, list: List) -> Seen {
        if let (true, Stored::Prefix(length)) = (self.orders[key.index()].clean, list.stored()) {
            return if length == 0 { Seen::Initial } else { Seen::At(position(length - 1)) };
        }
        let Some(last) = table.elements(key, list).last() else { return Seen::Initial };
        let at = self.tangles.get(&key).and_then(|tangle| tangle.positions.get(last));
        at.map_or(Seen::Off(*last), |at| Seen::At(*at))
    }

    /// Who appended the last element that was seen.
    pub(super) fn last_writer(&self, key: KeyId, seen: Seen) -> Writer {
        match seen {
            Seen::Initial => Writer::NOBODY,
            Seen::At(at) => self.writers(key)[at as usize],
            Seen::Off(element) => {
                self.slot(key, element).map_or(Writer::NOBODY, |slot| slot.writer)
            }
        }
    }

    /// Whether a list that was read of this key holds this element.
    pub(super) fn holds(&self, table: &Table, key: KeyId, list: List, element: Atom) -> bool {
        if let (true, Stored::Prefix(length)) = (self.orders[key.index()].clean, list.stored()) {
            let slot = self.slot(key, element);
            return slot.is_some_and(|slot| (slot.position as usize) < length);
        }
        table.elements(key, list).contains(&element)
    }
}

impl Span {
    fn place(self, element: Atom) -> Option<usize> {
        let offset = element.small()?.checked_sub(self.first)?;
        (offset < self.length).then_some(self.start + offset as usize)
    }
}

fn position(at: usize) -> u32 {
    u32::try_from(at).expect("a list has fewer than 2^31 elements")
}

/// Where the slots of each key stand: in a row if the numbers are near each other, so that the
/// slots are never more than four per append and a few per key.
fn spans(table: &Table) -> Vec<Span> {
    #[derive(Clone, Copy)]
    struct Range {
        count: u32,
        least: u32,
        most: u32,
        numbers: bool,
    }
    let none = Range { count: 0, least: u32::MAX, most: 0, numbers: true };
    let mut ranges = vec![none; table.key_count()];
    for mop in &table.mops {
        let Mop::Append(key, element) = *mop else { continue };
        let range = &mut ranges[key.index()];
        match element.small() {
            Some(number) => {
                range.count += 1;
                range.least = range.least.min(number);
                range.most = range.most.max(number);
            }
            None => range.numbers = false,
        }
    }
    let mut start = 0;
    let span = |range: Range| {
        let near_max = 4 * u64::from(range.count) + 16;
        let length = u64::from(range.most.wrapping_sub(range.least)) + 1;
        let in_a_row = range.count > 0 && range.numbers && length <= near_max;
        let length = if in_a_row { range.most - range.least + 1 } else { 0 };
        let span = Span { start, first: range.least, length };
        start += length as usize;
        span
    };
    ranges.into_iter().map(span).collect()
}

/// Of each key that has any, the longest read that is no prefix of its spine, the first of equals.
fn longest_odd(table: &Table) -> FxHashMap<KeyId, usize> {
    let mut longest = FxHashMap::default();
    if table.odd.is_empty() {
        return longest;
    }
    for mop in &table.mops {
        let Mop::List(key, list) = *mop else { continue };
        let Stored::Odd(number) = list.stored() else { continue };
        let best = longest.entry(key).or_insert(number);
        if table.odd[number].len() > table.odd[*best].len() {
            *best = number;
        }
    }
    longest
}
