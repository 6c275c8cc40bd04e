//! The transactions of a history as columns: what every inference reads, and nothing else.
//!
//! ```text
//!   Txn   one per transaction, in the order of completion; those without one at the end
//!   Mop   micro-operations, those of one transaction side by side
//!   Lists what list reads saw: lengths of one list per key, and the few that are not its prefix
//! ```
//!
//! A transaction's number is its place here and its vertex in every graph. Completion order keeps
//! the edges of a healthy history short, and a search through short edges stays in the cache.

use super::atom::{Atom, Atoms};
use crate::history::{EventType, Process};
use std::ops::Range;

/// A transaction: its place in the [`Table`], and its vertex.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TxnId(pub u32);

impl TxnId {
    /// As an index.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A key: its place in [`Table::keys`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub u32);

impl KeyId {
    /// As an index.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// No event.
pub(super) const NONE: u32 = u32::MAX;

/// What there is to know of a transaction beside its micro-operations.
#[derive(Clone, Copy, Debug)]
pub struct Txn {
    pub(super) invoke: u32,
    pub(super) complete: u32,
    pub(super) process: Process,
    /// `ok`, `fail`, or `info` (without completion, too).
    pub outcome: EventType,
    /// Where its micro-operations end; they begin where those of the one before end.
    pub(super) mops_end: u32,
    /// When it began, in nanoseconds since the run began.
    pub invoke_ns: u64,
    /// When it completed; of a transaction without completion, nothing worth reading.
    pub complete_ns: u64,
}

impl Txn {
    /// The index of its invocation; nothing if the history lacks it, and then it may have begun
    /// at any time.
    pub fn invoke_index(&self) -> Option<usize> {
        (self.invoke != NONE).then_some(self.invoke as usize)
    }

    /// The index of its completion.
    pub fn complete_index(&self) -> Option<usize> {
        (self.complete != NONE).then_some(self.complete as usize)
    }

    /// Who acted.
    pub fn process(&self) -> Process {
        self.process
    }

    /// Whether it took effect.
    pub fn is_ok(&self) -> bool {
        self.outcome == EventType::Ok
    }

    /// Whether it took effect, or nobody knows.
    pub fn is_possible(&self) -> bool {
        self.outcome != EventType::Fail
    }
}

/// One step of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mop {
    /// `["append", key, element]`.
    Append(KeyId, Atom),
    /// `["r", key, [...]]`: the whole list.
    List(KeyId, List),
    /// `["w", key, value]`.
    Write(KeyId, Atom),
    /// `["r", key, value]`; [`Atom::NIL`] for a key that was never written.
    Read(KeyId, Atom),
    /// A read whose result nobody knows, as in an `info`.
    Unknown(KeyId),
}

const _: () = assert!(size_of::<Mop>() <= 12, "ten million transactions fit into 4 GB");

impl Mop {
    /// Its key.
    pub fn key(self) -> KeyId {
        match self {
            Self::Append(key, _)
            | Self::List(key, _)
            | Self::Write(key, _)
            | Self::Read(key, _)
            | Self::Unknown(key) => key,
        }
    }
}

/// What a list read saw; [`Table::elements`] gives it in full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct List(u32);

/// Lists from here on are odd.
const ODD: u32 = 1 << 31;

/// A list as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// So many elements of the key's spine.
    Prefix(usize),
    /// No prefix of the spine: a list of its own, by its number.
    Odd(usize),
}

impl List {
    pub(super) fn prefix(length: usize) -> Self {
        let length = u32::try_from(length).ok().filter(|length| *length < ODD);
        Self(length.expect("a list has fewer than 2^31 elements"))
    }

    pub(super) fn odd(number: usize) -> Self {
        let number = u32::try_from(number).ok().filter(|number| *number < ODD);
        Self(ODD | number.expect("there are fewer than 2^31 odd lists"))
    }

    /// How it is stored.
    pub fn stored(self) -> Stored {
        match self.0 {
            odd if odd >= ODD => Stored::Odd((odd - ODD) as usize),
            length => Stored::Prefix(length as usize),
        }
    }
}

/// When a transaction began and committed by the clock of the system under test, where the
/// history says it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timestamps {
    /// What it saw: everything that committed up to here.
    pub start: Option<u64>,
    /// From when on others see it.
    pub commit: Option<u64>,
}

/// The transactions of a history.
#[derive(Clone, Debug, Default)]
pub struct Table {
    pub(super) txns: Vec<Txn>,
    /// As many as transactions, up to the last one that has any: most histories have none.
    pub(super) timestamps: Vec<Timestamps>,
    pub(super) mops: Vec<Mop>,
    /// The name of each key.
    pub(super) keys: Vec<Atom>,
    /// Per key, the first list read that no later one contradicted, as long as it grew.
    pub(super) spines: Vec<Vec<Atom>>,
    /// List reads that are no prefix of their key's spine.
    pub(super) odd: Vec<Box<[Atom]>>,
    pub(super) atoms: Atoms,
    /// The predicates, where there are some.
    pub(super) closed: super::predicate::Closed,
}

impl Table {
    /// How many transactions there are.
    pub fn len(&self) -> usize {
        self.txns.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.txns.is_empty()
    }

    /// How many keys there are.
    pub fn key_count(&self) -> usize {
        self.keys.len()
    }

    /// All transactions, with their numbers.
    pub fn txns(&self) -> impl Iterator<Item = (TxnId, &Txn)> {
        (0..).map(TxnId).zip(&self.txns)
    }

    /// A transaction.
    pub fn txn(&self, id: TxnId) -> &Txn {
        &self.txns[id.index()]
    }

    /// When a transaction ran by the clock of the system under test.
    pub fn timestamps(&self, id: TxnId) -> Timestamps {
        self.timestamps.get(id.index()).copied().unwrap_or_default()
    }

    /// Where a transaction's micro-operations stand.
    pub fn mop_range(&self, id: TxnId) -> Range<usize> {
        let start = if id.0 == 0 { 0 } else { self.txns[id.index() - 1].mops_end };
        start as usize..self.txns[id.index()].mops_end as usize
    }

    /// A transaction's micro-operations.
    pub fn mops(&self, id: TxnId) -> &[Mop] {
        &self.mops[self.mop_range(id)]
    }

    /// The list that was first read of a key and that later reads only made longer.
    pub fn spine(&self, key: KeyId) -> &[Atom] {
        &self.spines[key.index()]
    }

    /// What a list read of this key saw.
    pub fn elements(&self, key: KeyId, list: List) -> &[Atom] {
        match list.stored() {
            Stored::Prefix(length) => &self.spines[key.index()][..length],
            Stored::Odd(number) => &self.odd[number],
        }
    }

    /// The key's name as JSON text.
    pub fn key_text(&self, key: KeyId) -> String {
        self.atoms.show(self.keys[key.index()]).into_owned()
    }

    /// The value as JSON text.
    pub fn text(&self, atom: Atom) -> String {
        self.atoms.show(atom).into_owned()
    }
}
