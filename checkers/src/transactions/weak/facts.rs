//! Who read what from whom, and what is wrong at sight.
//!
//! ```text
//!   reads    T9: (x, T1) (y, T4) (z, initial) ...    of others, in the order of the program
//!   writes   T4: x y                                 keys, ascending
//! ```
//!
//! Reads of a transaction's own writes say nothing of others and are not kept.

use crate::history::EventType;
use crate::transactions::atom::Atom;
use crate::transactions::explain::{self, name};
use crate::transactions::finding::Finding;
use crate::transactions::lattice::Anomaly;
use crate::transactions::table::{KeyId, Mop, Table, TxnId};
use rustc_hash::FxHashMap;

/// A read of what somebody else wrote, or of the initial state.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) key: KeyId,
    pub(super) source: u32,
}

/// The reads and writes of a history.
#[derive(Debug)]
pub(super) struct Facts<'a> {
    pub(super) table: &'a Table,
    reads: Vec<Seen>,
    read_ends: Vec<u32>,
    writes: Vec<KeyId>,
    write_ends: Vec<u32>,
    /// What is wrong without any order, one of each anomaly.
    pub(super) findings: Vec<Finding>,
}

/// Who wrote a value.
#[derive(Clone, Copy)]
struct Writer {
    txn: u32,
    /// Where its first write of this value stands.
    mop: u32,
    /// Whether it is what the transaction left behind.
    last: bool,
}

/// What a transaction knows of a key: of which transaction this was, whether by its own write,
/// and the value.
#[derive(Clone, Copy)]
struct Known {
    txn: u32,
    own: bool,
    value: Atom,
}

const NOBODY: u32 = u32::MAX;

type Writers = FxHashMap<(KeyId, Atom), Writer>;

impl<'a> Facts<'a> {
    /// The facts of a history; `internal` tells whether it is wrong that a transaction disagrees
    /// with itself.
    ///
    /// # Errors
    /// When writes are not unique, or are no writes of registers: then nothing can be said.
    pub(super) fn new(table: &'a Table, internal: bool) -> Result<Self, String> {
        let mut facts = Self {
            table,
            reads: Vec::new(),
            read_ends: Vec::with_capacity(table.len()),
            writes: Vec::new(),
            write_ends: Vec::with_capacity(table.len()),
            findings: Vec::new(),
        };
        let writers = facts.take_writes()?;
        let nothing = Known { txn: NOBODY, own: false, value: Atom::NIL };
        let mut known = vec![nothing; table.key_count()];
        for (id, txn) in table.txns() {
            if txn.is_ok() {
                facts.take_reads(id, &writers, &mut known, internal);
            }
            facts.read_ends.push(end(facts.reads.len()));
        }
        Ok(facts)
    }

    /// The vertex of the initial state: one beyond the last transaction.
    pub(super) fn initial(&self) -> u32 {
        end(self.table.len())
    }

    /// What a transaction read from others, in the order of the program.
    pub(super) fn reads(&self, txn: u32) -> &[Seen] {
        &self.reads[range(&self.read_ends, txn)]
    }

    /// The keys that a transaction wrote, ascending; of one that failed, none.
    pub(super) fn writes(&self, txn: u32) -> &[KeyId] {
        &self.writes[range(&self.write_ends, txn)]
    }

    /// Whether it wrote the key.
    pub(super) fn wrote(&self, txn: u32, key: KeyId) -> bool {
        self.writes(txn).binary_search(&key).is_ok()
    }

    fn take_writes(&mut self) -> Result<Writers, String> {
        let table = self.table;
        let mut writers = Writers::default();
        // By key, the last transaction whose final write of it was met.
        let mut finals = vec![NOBODY; table.key_count()];
        for (id, txn) in table.txns() {
            let start = self.writes.len();
            for (at, mop) in table.mop_range(id).zip(table.mops(id)).rev() {
                let (key, value) = match *mop {
                    Mop::Write(key, value) => (key, value),
                    Mop::Read(..) | Mop::Unknown(_) => continue,
                    Mop::Append(key, _) | Mop::List(key, _) => {
                        let (who, key) = (name(table, id), explain::key(table, key));
                        return Err(format!("{who} treats key {key} as a list, not a register"));
                    }
                };
                if value == Atom::NIL {
                    let (who, key) = (name(table, id), explain::key(table, key));
                    return Err(format!("{who} wrote null to key {key}, the initial value"));
                }
                let last = std::mem::replace(&mut finals[key.index()], id.0) != id.0;
                if last && txn.is_possible() {
                    self.writes.push(key);
                }
                let writer = Writer { txn: id.0, mop: end(at), last };
                enter(table, &mut writers, (key, value), writer)?;
            }
            self.writes[start..].sort_unstable();
            self.write_ends.push(end(self.writes.len()));
        }
        Ok(writers)
    }

    fn take_reads(&mut self, id: TxnId, writers: &Writers, known: &mut [Known], internal: bool) {
        let table = self.table;
        for (at, mop) in table.mop_range(id).zip(table.mops(id)) {
            let (key, value) = match *mop {
                Mop::Write(key, value) => {
                    known[key.index()] = Known { txn: id.0, own: true, value };
                    continue;
                }
                Mop::Read(key, value) => (key, value),
                Mop::Append(..) | Mop::List(..) | Mop::Unknown(_) => continue,
            };
            let before =
                std::mem::replace(&mut known[key.index()], Known { txn: id.0, own: false, value });
            let before = (before.txn == id.0).then_some(before);
            known[key.index()].own = before.is_some_and(|known| known.own && known.value == value);
            let writer = writers.get(&(key, value)).copied();
            if let Some((anomaly, source)) = wrong(table, id, end(at), value, writer, before)
                && (internal || anomaly != Anomaly::Internal)
            {
                self.accuse(anomaly, id, key, value, source, before);
            }
            match writer {
                Some(writer) if writer.txn == id.0 => {}
                Some(Writer { txn: source, .. }) => self.reads.push(Seen { key, source }),
                None if before.is_some_and(|before| before.own) => {}
                None => self.reads.push(Seen { key, source: self.initial() }),
            }
        }
    }

    /// Counts an anomaly; the first of each is put into words.
    fn accuse(
        &mut self,
        anomaly: Anomaly,
        id: TxnId,
        key: KeyId,
        value: Atom,
        source: Option<u32>,
        before: Option<Known>,
    ) {
        if let Some(known) = self.findings.iter_mut().find(|known| known.anomaly == anomaly) {
            known.count += 1;
            return;
        }
        let table = self.table;
        let (key_text, value) = (explain::key(table, key), table.text(value));
        let process = table.txn(id).process();
        let who =
            format!("{} of process {process} read {value} of key {key_text}", name(table, id));
        let other = source.map(|source| name(table, TxnId(source))).unwrap_or_default();
        let sentence = match (anomaly, before) {
            (Anomaly::GarbageRead, _) => format!("{who}, which nobody wrote"),
            (Anomaly::G1a, _) => format!("{who}, which was written by {other}, which failed"),
            (Anomaly::G1b, _) => format!("{who}, which {other} wrote and then overwrote itself"),
            (Anomaly::FutureRead, _) => format!("{who} before it wrote that itself"),
            (_, Some(Known { own: true, value, .. })) => {
                format!("{who} after it wrote {} itself", table.text(value))
            }
            (_, known) => {
                let value = known.map_or(Atom::NIL, |known| known.value);
                format!("{who}, but had read {} before", table.text(value))
            }
        };
        let txns = std::iter::once(id).chain(source.map(TxnId).filter(|other| *other != id));
        let txns = txns.collect();
        self.findings.push(Finding { anomaly, key: Some(key), txns, sentence, count: 1 });
    }
}

/// What is wrong with a read at sight, and the other transaction that this is about.
fn wrong(
    table: &Table,
    id: TxnId,
    at: u32,
    value: Atom,
    writer: Option<Writer>,
    before: Option<Known>,
) -> Option<(Anomaly, Option<u32>)> {
    let disagrees = before.is_some_and(|before| before.value != value);
    let disagrees = disagrees.then_some((Anomaly::Internal, writer.map(|writer| writer.txn)));
    let Some(writer) = writer else {
        return if value == Atom::NIL { disagrees } else { Some((Anomaly::GarbageRead, None)) };
    };
    let source = Some(writer.txn);
    if writer.txn == id.0 {
        return if writer.mop > at { Some((Anomaly::FutureRead, None)) } else { disagrees };
    }
    if !table.txn(TxnId(writer.txn)).is_possible() {
        return Some((Anomaly::G1a, source));
    }
    if writer.last { disagrees } else { Some((Anomaly::G1b, source)) }
}

/// Enters a write; of a value that somebody failed to write, the one who did not fail is the
/// writer.
fn enter(
    table: &Table,
    writers: &mut Writers,
    (key, value): (KeyId, Atom),
    new: Writer,
) -> Result<(), String> {
    let known = match writers.entry((key, value)) {
        std::collections::hash_map::Entry::Vacant(vacant) => {
            vacant.insert(new);
            return Ok(());
        }
        std::collections::hash_map::Entry::Occupied(occupied) => occupied.into_mut(),
    };
    let failed = |writer: &Writer| table.txn(TxnId(writer.txn)).outcome == EventType::Fail;
    if known.txn == new.txn {
        *known = Writer { last: known.last || new.last, ..new };
    } else if failed(known) {
        *known = new;
    } else if !failed(&new) {
        let [one, two] = [known.txn, new.txn].map(|txn| name(table, TxnId(txn)));
        let (key, value) = (explain::key(table, key), table.text(value));
        return Err(format!(
            "{one} and {two} both wrote {value} to key {key}: writes are not unique"
        ));
    }
    Ok(())
}

fn end(length: usize) -> u32 {
    u32::try_from(length).expect("a history has fewer than 2^32 micro-operations")
}

fn range(ends: &[u32], txn: u32) -> std::ops::Range<usize> {
    let start = if txn == 0 { 0 } else { ends[txn as usize - 1] };
    start as usize..ends[txn as usize] as usize
}
