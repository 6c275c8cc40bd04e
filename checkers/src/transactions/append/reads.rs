//! What is wrong with the reads of one transaction after the other.
//!
//! ```text
//!   mops of T    r 1 [5]     append 1 7     r 2 []     r 1 [5 7]
//!   link          -    <------- prev                      |
//!                               prev <--------------------+      head: the first one
//! ```
//!
//! Each micro-operation is linked with the one before it on the same key, so that whatever a read
//! is held against is found without a map, and no transaction, however long, costs more than its
//! length. A read of a clean key is judged by its length alone.

use super::fractured::Fractures;
use super::orders::{NONE, Orders};
use super::tally::Tally;
use crate::transactions::atom::Atom;
use crate::transactions::lattice::Anomaly;
use crate::transactions::table::{KeyId, List, Mop, Stored, Table, Txn, TxnId};
use rustc_hash::{FxHashMap, FxHashSet};

/// What comes before a micro-operation on the same key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    /// The one before, by its place in the transaction, or [`NONE`].
    prev: u32,
    /// The first one, perhaps this one.
    pub(super) head: u32,
    /// The length of the longest list that was read up to here.
    longest: usize,
    /// The first read up to here, by its place in the transaction, or [`NONE`].
    first_read: u32,
    /// Whether there is an append after the first read, up to here.
    updated: bool,
}

/// Who read a version and appended to it.
#[derive(Clone, Copy, Debug)]
struct Claim {
    first: u32,
    lost: bool,
}

#[derive(Debug)]
pub(super) struct Reads<'a> {
    table: &'a Table,
    orders: &'a Orders,
    /// Per key, one more than the place in the table of the last micro-operation on it.
    last: Vec<u32>,
    links: Vec<Link>,
    /// Per version of a clean key.
    claims: Vec<Claim>,
    /// Versions of the other keys.
    tangled_claims: FxHashMap<(KeyId, &'a [Atom]), Claim>,
    /// What the transaction saw of tangled keys.
    saw: FxHashSet<(KeyId, Atom)>,
    fractures: Fractures<'a>,
}

impl<'a> Reads<'a> {
    pub(super) fn new(table: &'a Table, orders: &'a Orders) -> Self {
        Self {
            table,
            orders,
            last: vec![0; table.key_count()],
            links: Vec::new(),
            claims: vec![Claim { first: NONE, lost: false }; orders.versions()],
            tangled_claims: FxHashMap::default(),
            saw: FxHashSet::default(),
            fractures: Fractures::new(table, orders),
        }
    }

    /// Looks at the next transaction.
    pub(super) fn txn(&mut self, id: TxnId, txn: &Txn, mops: &[Mop], tally: &mut Tally<'_>) {
        if !txn.is_possible() {
            return;
        }
        if txn.is_ok() {
            self.link(id, mops);
        }
        self.saw.clear();
        for (at, mop) in mops.iter().enumerate() {
            match *mop {
                Mop::List(key, list) => {
                    if !self.orders.of(key).clean {
                        self.elements(id, key, list, tally);
                    }
                    if txn.is_ok() {
                        self.read(id, mops, at, (key, list), tally);
                    }
                }
                Mop::Append(key, element) if txn.is_ok() => {
                    self.append(id, mops, at, (key, element), tally);
                }
                _ => {}
            }
        }
        if txn.is_ok() {
            let head =
                |key: KeyId| head(&self.last, &self.links, self.table.mop_range(id).start, key);
            self.fractures.txn(id, mops, head, tally);
        }
    }

    /// Links the micro-operations of each key.
    fn link(&mut self, id: TxnId, mops: &[Mop]) {
        let start = self.table.mop_range(id).start;
        self.links.clear();
        for (at, mop) in (0..).zip(mops) {
            let last = &mut self.last[mop.key().index()];
            let prev = (*last as usize).checked_sub(start + 1);
            let before = prev.map(|prev| self.links[prev]);
            let length = match *mop {
                Mop::List(key, list) => self.table.elements(key, list).len(),
                _ => 0,
            };
            self.links.push(Link {
                prev: prev.map_or(NONE, |_| *last - 1 - small(start)),
                head: before.map_or(at, |before| before.head),
                longest: before.map_or(0, |before| before.longest).max(length),
                first_read: match (before.map_or(NONE, |before| before.first_read), mop) {
                    (NONE, Mop::List(..)) => at,
                    (first, _) => first,
                },
                updated: before.is_some_and(|before| {
                    let appends = matches!(mop, Mop::Append(..));
                    before.updated || appends && before.first_read != NONE
                }),
            });
            *last = small(start) + at + 1;
        }
    }

    /// Garbage and duplicates: a clean key has none.
    fn elements(&mut self, id: TxnId, key: KeyId, list: List, tally: &mut Tally<'_>) {
        let elements = self.table.elements(key, list);
        let mut met = FxHashSet::default();
        let twice = elements.iter().find(|element| !met.insert(**element));
        if let Some(twice) = twice {
            tally.add(Anomaly::DuplicateElements, key, &[id], |words| {
                let (txn, key, twice) = (words.txn(id), words.key(key), words.element(*twice));
                format!("{txn} read key {key} as {}, with {twice} twice", words.list(elements))
            });
        }
        let garbage = elements.iter().find(|element| self.orders.slot(key, **element).is_none());
        if let Some(garbage) = garbage {
            tally.add(Anomaly::GarbageRead, key, &[id], |words| {
                let (txn, key, garbage) = (words.txn(id), words.key(key), words.element(*garbage));
                format!("{txn} read {garbage} in key {key}, which nobody appended")
            });
        }
    }

    /// G1a, G1b and internal.
    fn read(
        &mut self,
        id: TxnId,
        mops: &[Mop],
        at: usize,
        (key, list): (KeyId, List),
        tally: &mut Tally<'_>,
    ) {
        if let Some((element, writer)) = self.aborted(key, list) {
            tally.add(Anomaly::G1a, key, &[id, writer], |words| {
                let (reader, writer) = (words.txn(id), words.txn(writer));
                let (key, element) = (words.key(key), words.element(element));
                format!(
                    "{reader} read {element} in key {key}, which the aborted {writer} had appended"
                )
            });
        }
        let seen = self.orders.seen(self.table, key, list);
        let last = self.orders.last_writer(key, seen);
        if last.intermediate()
            && let Some(writer) = last.txn().filter(|writer| *writer != id)
        {
            tally.add(Anomaly::G1b, key, &[id, writer], |words| {
                let elements = self.table.elements(key, list);
                let (reader, writer) = (words.txn(id), words.txn(writer));
                let (key, list) = (words.key(key), words.list(elements));
                format!(
                    "{reader} read key {key} as {list}, in the midst of {writer}'s appends to it"
                )
            });
        }
        if !self.explained(mops, at, key, list) {
            tally.add(Anomaly::Internal, key, &[id], |words| {
                let elements = self.table.elements(key, list);
                let (reader, key) = (words.txn(id), words.key(key));
                let list = words.list(elements);
                format!("{reader} read key {key} as {list}, unlike what it read or appended before")
            });
        }
        if !self.orders.of(key).clean {
            let elements = self.table.elements(key, list);
            self.saw.extend(elements.iter().map(|element| (key, *element)));
        }
    }

    /// The first element of a list that a failed transaction appended.
    fn aborted(&self, key: KeyId, list: List) -> Option<(Atom, TxnId)> {
        let order = self.orders.of(key);
        if let (true, Stored::Prefix(length)) = (order.clean, list.stored()) {
            let at = order.first_failed;
            let writer = ((at as usize) < length).then(|| self.orders.writers(key)[at as usize]);
            return writer.and_then(|writer| {
                Some((self.orders.element(self.table, key, at), writer.txn()?))
            });
        }
        self.table.elements(key, list).iter().find_map(|element| {
            let writer = self.orders.slot(key, *element)?.writer;
            writer.txn().filter(|_| writer.failed()).map(|writer| (*element, writer))
        })
    }

    /// Whether a read agrees with what the transaction itself read and appended before: the last
    /// list that it read, and then its own appends.
    fn explained(&self, mops: &[Mop], at: usize, key: KeyId, list: List) -> bool {
        let elements = self.table.elements(key, list);
        let mut rest = elements.len();
        let mut before = self.links[at].prev;
        while before != NONE {
            match mops[before as usize] {
                Mop::Append(_, element) => {
                    if rest == 0 || elements[rest - 1] != element {
                        return false;
                    }
                    rest -= 1;
                }
                Mop::List(_, other) => {
                    let both = (list.stored(), other.stored());
                    return match both {
                        (Stored::Prefix(_), Stored::Prefix(length)) => length == rest,
                        _ => self.table.elements(key, other) == &elements[..rest],
                    };
                }
                _ => {}
            }
            before = self.links[before as usize].prev;
        }
        true
    }

    /// Future reads and lost updates.
    fn append(
        &mut self,
        id: TxnId,
        mops: &[Mop],
        at: usize,
        (key, element): (KeyId, Atom),
        tally: &mut Tally<'_>,
    ) {
        let Link { prev, longest, .. } = self.links[at];
        if prev == NONE {
            return;
        }
        let slot = self.orders.slot(key, element);
        let future = if self.orders.of(key).clean {
            slot.is_some_and(|slot| (slot.position as usize) < longest)
        } else {
            self.saw.contains(&(key, element))
        };
        if future {
            tally.add(Anomaly::FutureRead, key, &[id], |words| {
                let (txn, key, element) = (words.txn(id), words.key(key), words.element(element));
                format!("{txn} read {element} in key {key} before it appended it itself")
            });
        }
        // It does not matter whose state the first read saw, as long as an update began with it.
        let Link { first_read, updated, .. } = self.links[prev as usize];
        if updated || first_read == NONE {
            return;
        }
        let Mop::List(_, list) = mops[first_read as usize] else { return };
        if let Some(first) = self.claim(id, key, list) {
            tally.add(Anomaly::LostUpdate, key, &[first, id], |words| {
                let elements = self.table.elements(key, list);
                let (first, second) = (words.txn(first), words.txn(id));
                let (key, list) = (words.key(key), words.list(elements));
                format!(
                    "{first} and {second} both read key {key} as {list} and appended to it; \
                     neither saw the other's append"
                )
            });
        }
    }

    /// Notes that a transaction appended to the version that it read; gives the one that had done
    /// so, if there is exactly one.
    fn claim(&mut self, id: TxnId, key: KeyId, list: List) -> Option<TxnId> {
        let none = Claim { first: NONE, lost: false };
        let claim = match (self.orders.of(key).clean, list.stored()) {
            (true, Stored::Prefix(length)) => &mut self.claims[self.orders.version(key, length)],
            _ => {
                let elements = self.table.elements(key, list);
                self.tangled_claims.entry((key, elements)).or_insert(none)
            }
        };
        if claim.first == NONE {
            claim.first = id.0;
            return None;
        }
        let lost = std::mem::replace(&mut claim.lost, true);
        (!lost).then_some(TxnId(claim.first))
    }
}

/// The first micro-operation of a transaction on a key, by its place.
fn head(last: &[u32], links: &[Link], start: usize, key: KeyId) -> Option<usize> {
    let at = (last[key.index()] as usize).checked_sub(start + 1)?;
    Some(links[at].head as usize)
}

fn small(place: usize) -> u32 {
    u32::try_from(place).expect("a history has fewer than 2^32 micro-operations")
}
