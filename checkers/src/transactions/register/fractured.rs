//! Fractured reads: one write of a transaction is seen, and another one is not.
//!
//! ```text
//!   T1   w x 1   w y 1
//!   T2   r x 1   r y nil        y's nil is older than T1's write of y
//! ```
//!
//! Cerone, Bernardi and Gotsman (CONCUR 2015) forbid it from read atomic on. It is a cycle of two
//! (wr by x, rw by y), or longer if versions lie between; the search for cycles finds it, too, but
//! does not give it its name.

use super::super::explain::name;
use super::super::lattice::Anomaly;
use super::super::table::{Table, TxnId};
use super::order::Order;
use super::tally::Tally;
use super::versions::{Touch, Version, Versions};

/// Finds them, one per reader at most.
pub(super) fn find(table: &Table, versions: &Versions, order: &Order, tally: &mut Tally) {
    for (reader, txn) in table.txns() {
        let touches = versions.touches_of(reader);
        if !txn.is_ok() || touches.len() < 2 {
            continue;
        }
        let fractured = touches.iter().find_map(|seen| {
            let writer = versions.installer(seen.read()?).filter(|writer| *writer != reader)?;
            let (missed, wrote) = missed(versions, order, reader, writer)?;
            Some((seen, writer, missed, wrote))
        });
        if let Some((seen, writer, missed, wrote)) = fractured {
            tally.add(table, Anomaly::FracturedRead, Some(missed.key), &[reader, writer], || {
                let text = |version: Version| table.text(versions.value(version));
                let old = missed.read().expect("what is missed is a read");
                format!(
                    "{} read {} = {} as {} left it, but {} = {}, which is older than the {} that \
                     {} wrote with it.",
                    name(table, reader),
                    table.key_text(seen.key),
                    seen.read().map(text).unwrap_or_default(),
                    name(table, writer),
                    table.key_text(missed.key),
                    text(old),
                    text(wrote),
                    name(table, writer),
                )
            });
        }
    }
}

/// A read of something older than what the writer wrote, with what it wrote.
fn missed(
    versions: &Versions,
    order: &Order,
    reader: TxnId,
    writer: TxnId,
) -> Option<(Touch, Version)> {
    let (read, written) = (versions.touches_of(reader), versions.touches_of(writer));
    let older = |read: &Touch, written: &Touch| {
        let (old, wrote) = (read.read()?, written.write()?);
        order.leads(versions, old, wrote).then_some((*read, wrote))
    };
    // The smaller of the two is gone through, so that a transaction of a thousand keys that a
    // thousand others read does not cost a million.
    if read.len() <= written.len() {
        read.iter().find_map(|read| older(read, versions.touch(writer, read.key)?))
    } else {
        written.iter().find_map(|written| older(versions.touch(reader, written.key)?, written))
    }
}
