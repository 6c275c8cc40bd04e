//! The versions of every register: who wrote them, who read them, and what each transaction shows
//! of them to the outside.
//!
//! ```text
//!   version   0 .. keys      nil of each key: what it holds before anybody wrote
//!             keys ..        (key, value), in order of first mention
//!
//!   T1  r x 1   w x 2   r x 2   w x 3        touch of x: read 1 (the first, before any own write)
//!       ^external               ^external                write 3 (the last)
//!               ^intermediate
//! ```

use super::super::atom::Atom;
use super::super::table::{KeyId, Mop, Table, TxnId};
use rustc_hash::FxHashMap;

/// A value of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Version(pub(super) u32);

impl Version {
    pub(super) fn index(self) -> usize {
        self.0 as usize
    }
}

/// No version, or no transaction.
const NONE: u32 = u32::MAX;

/// Some transaction that may have happened wrote it.
const POSSIBLE: u8 = 1;
/// Some failed transaction wrote it.
const FAILED: u8 = 2;
/// Its writer overwrote it.
const INTERMEDIATE: u8 = 4;
/// It was written more than once, so that nobody can say who wrote what was read.
const AMBIGUOUS: u8 = 8;

/// What one transaction shows of one key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Touch {
    pub(super) txn: TxnId,
    pub(super) key: KeyId,
    read: u32,
    write: u32,
}

impl Touch {
    /// What it read before it wrote.
    pub(super) fn read(&self) -> Option<Version> {
        (self.read != NONE).then_some(Version(self.read))
    }

    /// What it wrote last.
    pub(super) fn write(&self) -> Option<Version> {
        (self.write != NONE).then_some(Version(self.write))
    }
}

/// Who wrote a version, as far as can be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// Nobody: the initial state.
    Initial,
    /// Nobody, and it is not the initial state.
    Nowhere,
    /// This one, and it stood when that committed.
    Final(TxnId),
    /// This one, which overwrote it.
    Intermediate(TxnId),
    /// Only this one, which failed.
    Failed(TxnId),
    /// It was written more than once.
    Ambiguous,
}

/// The versions of a history.
#[derive(Debug)]
pub(super) struct Versions {
    nils: u32,
    names: Vec<(KeyId, Atom)>,
    writers: Vec<u32>,
    flags: Vec<u8>,
    of_mop: Vec<u32>,
    touches: Vec<Touch>,
    touches_end: Vec<u32>,
    counted: Vec<bool>,
}

impl Versions {
    pub(super) fn of(table: &Table) -> Self {
        let mut building = Building::new(table);
        for (id, txn) in table.txns() {
            building.transaction(table, id, txn.is_ok(), txn.is_possible());
        }
        let mut versions = building.versions;
        versions.counted = table.txns().map(|(_, txn)| txn.is_ok()).collect();
        for touch in &versions.touches {
            if let Some(Origin::Final(writer)) = touch.read().map(|read| versions.origin(read)) {
                versions.counted[writer.index()] = true;
            }
        }
        versions
    }

    /// How many there are; the first [`Versions::nils`] of them are the initial states.
    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether it is the initial state of its key.
    pub(super) fn is_nil(&self, version: Version) -> bool {
        version.0 < self.nils
    }

    /// The initial state of a key.
    pub(super) fn nil(&self, key: KeyId) -> Version {
        Version(key.0)
    }

    pub(super) fn key(&self, version: Version) -> KeyId {
        self.names[version.index()].0
    }

    pub(super) fn value(&self, version: Version) -> Atom {
        self.names[version.index()].1
    }

    /// The version that a micro-operation read or wrote, by the place of the micro-operation in
    /// the table; nothing for what nobody knows.
    pub(super) fn of_mop(&self, place: usize) -> Option<Version> {
        (self.of_mop[place] != NONE).then_some(Version(self.of_mop[place]))
    }

    pub(super) fn origin(&self, version: Version) -> Origin {
        let flags = self.flags[version.index()];
        let writer = TxnId(self.writers[version.index()]);
        match flags {
            _ if flags & AMBIGUOUS != 0 => Origin::Ambiguous,
            _ if self.is_nil(version) => Origin::Initial,
            _ if flags & POSSIBLE != 0 && flags & INTERMEDIATE != 0 => Origin::Intermediate(writer),
            _ if flags & POSSIBLE != 0 => Origin::Final(writer),
            _ if flags & FAILED != 0 => Origin::Failed(writer),
            _ => Origin::Nowhere,
        }
    }

    /// Whether the transaction that wrote it, wrote another value over it.
    pub(super) fn is_overwritten(&self, version: Version) -> bool {
        self.flags[version.index()] & INTERMEDIATE != 0
    }

    /// Who installed it: a transaction that committed, or one of which somebody saw a write, and
    /// which therefore committed. One that nobody saw may as well never have happened.
    pub(super) fn installer(&self, version: Version) -> Option<TxnId> {
        match self.origin(version) {
            Origin::Final(writer) if self.counted[writer.index()] => Some(writer),
            _ => None,
        }
    }

    /// What every transaction that may have happened shows, in order of completion.
    pub(super) fn touches(&self) -> &[Touch] {
        &self.touches
    }

    /// What one transaction shows, by key.
    pub(super) fn touches_of(&self, txn: TxnId) -> &[Touch] {
        let start = if txn.0 == 0 { 0 } else { self.touches_end[txn.index() - 1] };
        &self.touches[start as usize..self.touches_end[txn.index()] as usize]
    }

    /// What one transaction shows of one key.
    pub(super) fn touch(&self, txn: TxnId, key: KeyId) -> Option<&Touch> {
        let touches = self.touches_of(txn);
        touches.binary_search_by_key(&key, |touch| touch.key).ok().map(|at| &touches[at])
    }
}

/// The versions while they are counted.
struct Building {
    versions: Versions,
    ids: FxHashMap<(KeyId, Atom), u32>,
    /// Per key, where the touch of the transaction at hand stands, if it has one.
    slots: Vec<u32>,
}

impl Building {
    fn new(table: &Table) -> Self {
        let keys = u32::try_from(table.key_count()).expect("keys were counted in 32 bits");
        let names: Vec<_> = (0..keys).map(|key| (KeyId(key), Atom::NIL)).collect();
        let versions = Versions {
            nils: keys,
            writers: vec![NONE; names.len()],
            flags: vec![0; names.len()],
            names,
            of_mop: Vec::with_capacity(table.mops.len()),
            touches: Vec::with_capacity(table.mops.len()),
            touches_end: Vec::with_capacity(table.len()),
            counted: Vec::new(),
        };
        Self { versions, ids: FxHashMap::default(), slots: vec![NONE; table.key_count()] }
    }

    fn transaction(&mut self, table: &Table, txn: TxnId, ok: bool, possible: bool) {
        let start = self.versions.touches.len();
        for &mop in table.mops(txn) {
            let version = match mop {
                Mop::Write(key, value) => self.write(start, txn, key, value, possible),
                Mop::Read(key, value) if ok => {
                    let version = self.version(key, value);
                    let touch = self.touch(start, txn, key);
                    if touch.read == NONE && touch.write == NONE {
                        touch.read = version;
                    }
                    version
                }
                _ => NONE,
            };
            self.versions.of_mop.push(version);
        }
        let Versions { touches, touches_end, .. } = &mut self.versions;
        if !possible {
            touches.truncate(start);
        }
        touches[start..].sort_unstable_by_key(|touch| touch.key);
        touches_end.push(u32::try_from(touches.len()).expect("counted in 32 bits, as the mops"));
    }

    fn write(&mut self, start: usize, txn: TxnId, key: KeyId, value: Atom, possible: bool) -> u32 {
        let version = self.version(key, value);
        let touch = self.touch(start, txn, key);
        let before = std::mem::replace(&mut touch.write, version);
        let Versions { nils, writers, flags, .. } = &mut self.versions;
        if before != NONE && writers[before as usize] == txn.0 {
            flags[before as usize] |= INTERMEDIATE;
        }
        let at = version as usize;
        let seen = flags[at];
        if possible {
            if seen & POSSIBLE != 0 || version < *nils {
                flags[at] |= AMBIGUOUS;
            } else {
                // A failed attempt that was made again is no reader's concern: what failed never
                // was, so that the one that did not is the writer.
                flags[at] &= !INTERMEDIATE;
                writers[at] = txn.0;
            }
            flags[at] |= POSSIBLE;
        } else {
            if seen == 0 {
                writers[at] = txn.0;
            }
            flags[at] |= FAILED;
        }
        version
    }

    fn version(&mut self, key: KeyId, value: Atom) -> u32 {
        if value == Atom::NIL {
            return key.0;
        }
        let Versions { names, writers, flags, .. } = &mut self.versions;
        *self.ids.entry((key, value)).or_insert_with(|| {
            names.push((key, value));
            writers.push(NONE);
            flags.push(0);
            u32::try_from(names.len() - 1).expect("there are fewer versions than 2^32")
        })
    }

    fn touch(&mut self, start: usize, txn: TxnId, key: KeyId) -> &mut Touch {
        let touches = &mut self.versions.touches;
        let slot = &mut self.slots[key.index()];
        let at = *slot as usize;
        // A slot is of this transaction only if it points to a touch of this transaction: slots
        // are not cleared, because a transaction of two keys must not cost as much as all keys.
        if at >= start && at < touches.len() && touches[at].key == key {
            return &mut touches[at];
        }
        *slot = u32::try_from(touches.len()).expect("counted in 32 bits, as the mops");
        touches.push(Touch { txn, key, read: NONE, write: NONE });
        touches.last_mut().expect("one was just pushed")
    }
}
