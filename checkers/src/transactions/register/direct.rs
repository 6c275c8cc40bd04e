//! What is wrong without any version order: values that no committed transaction left behind, and
//! transactions that contradict themselves or each other.
//!
//! ```text
//!   internal       T reads something else than what it last read or wrote
//!   future-read    T reads what it writes only later
//!   garbage-read   nobody wrote it
//!   G1a            only a failed transaction wrote it
//!   G1b            its writer overwrote it before it committed
//!   lost-update    two read the same version of a key, and both wrote that key
//! ```

use super::super::explain::name;
use super::super::lattice::Anomaly;
use super::super::table::{Mop, Table, TxnId};
use super::tally::Tally;
use super::versions::{Origin, Version, Versions};

/// Every read of every committed transaction.
pub(super) fn reads(table: &Table, versions: &Versions, tally: &mut Tally) {
    // What the transaction last saw of each key; of a key that it did not mention, something that
    // another transaction saw, and therefore with the transaction that saw it.
    let mut last: Vec<Option<(TxnId, Version)>> = vec![None; table.key_count()];
    for (txn, row) in table.txns() {
        if !row.is_ok() {
            continue;
        }
        let mut accused = false;
        for place in table.mop_range(txn) {
            let Some(version) = versions.of_mop(place) else { continue };
            let mop = table.mops[place];
            let slot = &mut last[mop.key().index()];
            let before = slot.filter(|(seer, _)| *seer == txn).map(|(_, version)| version);
            *slot = Some((txn, version));
            if !matches!(mop, Mop::Read(..)) {
                continue;
            }
            let read = Read { table, versions, txn, version };
            if let Some(expected) = before.filter(|before| *before != version && !accused) {
                // One contradiction is enough: what follows it may follow from it.
                accused = true;
                read.internal(expected, tally);
            }
            read.judge(before.is_none(), tally);
        }
    }
}

/// A read of a committed transaction.
struct Read<'a> {
    table: &'a Table,
    versions: &'a Versions,
    txn: TxnId,
    version: Version,
}

impl Read<'_> {
    fn internal(&self, expected: Version, tally: &mut Tally) {
        let key = self.versions.key(self.version);
        tally.add(self.table, Anomaly::Internal, Some(key), &[self.txn], || {
            format!(
                "{} read {} although {} is what it last saw itself.",
                name(self.table, self.txn),
                self.text(),
                self.table.text(self.versions.value(expected)),
            )
        });
    }

    /// Holds the version against who wrote it; `first` if the transaction did not mention the key
    /// before.
    fn judge(&self, first: bool, tally: &mut Tally) {
        match self.versions.origin(self.version) {
            Origin::Nowhere => self.accuse(Anomaly::GarbageRead, None, "", "nobody wrote", tally),
            Origin::Failed(writer) => {
                let how = "wrote, and that failed";
                self.accuse(Anomaly::G1a, Some(writer), "only ", how, tally);
                if self.versions.is_overwritten(self.version) {
                    let how = "overwrote before it failed";
                    self.accuse(Anomaly::G1b, Some(writer), "", how, tally);
                }
            }
            Origin::Intermediate(writer) if writer != self.txn => {
                let how = "overwrote before it committed";
                self.accuse(Anomaly::G1b, Some(writer), "", how, tally);
            }
            Origin::Final(writer) | Origin::Intermediate(writer) if writer == self.txn && first => {
                self.accuse(Anomaly::FutureRead, None, "", "it wrote only later", tally);
            }
            _ => {}
        }
    }

    /// "T3 read x = 1, which <before><writer> <how>."
    fn accuse(
        &self,
        anomaly: Anomaly,
        writer: Option<TxnId>,
        before: &str,
        how: &str,
        tally: &mut Tally,
    ) {
        let key = self.versions.key(self.version);
        let txns: Vec<_> = std::iter::once(self.txn).chain(writer).collect();
        tally.add(self.table, anomaly, Some(key), &txns, || {
            let reader = name(self.table, self.txn);
            let writer = writer.map(|writer| format!("{} ", name(self.table, writer)));
            let writer = writer.unwrap_or_default();
            format!("{reader} read {}, which {before}{writer}{how}.", self.text())
        });
    }

    fn text(&self) -> String {
        let key = self.table.key_text(self.versions.key(self.version));
        format!("{key} = {}", self.table.text(self.versions.value(self.version)))
    }
}

/// Committed transactions that read the same version of a key and then each wrote that key: the
/// update of all but one was made on a state that was no longer there.
pub(super) fn lost_updates(table: &Table, versions: &Versions, tally: &mut Tally) {
    let updates =
        |touch: &&super::versions::Touch| table.txn(touch.txn).is_ok() && touch.write().is_some();
    let mut groups: Vec<(Version, TxnId)> = versions
        .touches()
        .iter()
        .filter(updates)
        .filter_map(|touch| touch.read().map(|read| (read, touch.txn)))
        .collect();
    groups.sort_unstable();
    for group in groups.chunk_by(|one, other| one.0 == other.0) {
        let &[(version, first), (_, second), ..] = group else { continue };
        let key = versions.key(version);
        tally.add(table, Anomaly::LostUpdate, Some(key), &[first, second], || {
            let more = match group.len() - 2 {
                0 => String::new(),
                more => format!(", as did {more} more"),
            };
            format!(
                "{} and {} both read {} = {} and then both wrote {}{more}.",
                name(table, first),
                name(table, second),
                table.key_text(key),
                table.text(versions.value(version)),
                table.key_text(key),
            )
        });
    }
}

/// Why the reads cannot be told apart, if so: a value that was written twice and read.
pub(super) fn ambiguous(table: &Table, versions: &Versions) -> Option<String> {
    let read = versions.touches().iter().find_map(|touch| {
        let read = touch.read()?;
        (versions.origin(read) == Origin::Ambiguous).then_some((touch.txn, read))
    });
    let (reader, version) = read?;
    let key = versions.key(version);
    let value = table.text(versions.value(version));
    let (key, reader) = (table.key_text(key), name(table, reader));
    let mut writers = table.txns().filter(|(_, txn)| txn.is_possible()).flat_map(|(txn, _)| {
        let range = table.mop_range(txn);
        let wrote = move |place: &usize| {
            matches!(table.mops[*place], Mop::Write(..)) && versions.of_mop(*place) == Some(version)
        };
        range.filter(wrote).map(move |_| name(table, txn))
    });
    let first = writers.next()?;
    Some(match writers.next() {
        Some(second) => format!(
            "key {key}: {value} was written by {first} and again by {second}, so that nobody can \
             say whose write {reader} read; every write of a key has to have its own value"
        ),
        None => format!(
            "key {key}: {first} wrote {value}, which is the initial state, too, so that nobody \
             can say what {reader} read"
        ),
    })
}
