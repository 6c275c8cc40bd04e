//! The proof by replay, where predicates are read.

use super::super::atom::Atom;
use super::super::explain::name;
use super::super::table::{Mop, Table, TxnId};
use super::Predicate;

/// So many pairs of a predicate read and a key are looked at.
const PAIRS_MAX: u64 = 20_000_000;

/// Replays transactions in this order, what there is at first before all others.
///
/// # Errors
/// With the first read that the order does not explain.
pub(in crate::transactions) fn replay(
    table: &Table,
    order: &[u32],
    happened: &[bool],
) -> Result<(), String> {
    let mut held = vec![Atom::NIL; table.key_count()];
    let mut left = PAIRS_MAX;
    let init = &table.closed.init;
    let rest = order.iter().map(|txn| TxnId(*txn)).filter(|txn| init.binary_search(txn).is_err());
    for txn in init.iter().copied().chain(rest).filter(|txn| happened[txn.index()]) {
        let ok = table.txn(txn).is_ok();
        for mop in table.mops(txn) {
            let (key, value, explained) = match *mop {
                Mop::Write(key, value) => {
                    held[key.index()] = value;
                    continue;
                }
                Mop::Read(key, value) if ok => match table.closed.predicates.get(&key) {
                    Some(predicate) => {
                        left = left
                            .checked_sub(table.key_count() as u64)
                            .ok_or("there are too many keys and predicate reads to replay them")?;
                        (key, value, agrees(table, &held, *predicate, value))
                    }
                    None => (key, value, held[key.index()] == value),
                },
                _ => continue,
            };
            if !explained {
                return Err(format!(
                    "{} read {} = {}, which the order that was tried does not explain",
                    name(table, txn),
                    table.key_text(key),
                    table.text(value),
                ));
            }
        }
    }
    Ok(())
}

fn agrees(table: &Table, held: &[Atom], predicate: Predicate, value: Atom) -> bool {
    let matching = (0..)
        .map(super::KeyId)
        .zip(held)
        .filter(|(_, held)| **held != Atom::NIL && predicate.test.matches(table, **held));
    if predicate.count {
        return table.text(value) == matching.count().to_string();
    }
    let matched = table.closed.matched.get(&value).map_or(&[][..], |matched| matched);
    matching.map(|(key, held)| (key, *held)).eq(matched.iter().copied())
}
