//! What is wrong with the version orders themselves.
//!
//! ```text
//!   dirty update         5 (T3, failed)   7 (T4, ok)        T4 built on what never was
//!   incompatible order   [5 7]   [5 8 7]                     neither is how the other began
//!                        T5: append 1, append 2    [2 1]     nor is this how T5 went on
//! ```

use super::orders::{NONE, Orders};
use super::tally::Tally;
use crate::transactions::atom::Atom;
use crate::transactions::lattice::Anomaly;
use crate::transactions::table::{KeyId, Mop, Stored, Table, TxnId};
use std::collections::BTreeMap;

pub(super) fn check(table: &Table, orders: &Orders, tally: &mut Tally<'_>) {
    for key in (0..).map(KeyId).take(table.key_count()) {
        dirty_updates(table, orders, key, tally);
    }
    incompatible_orders(table, tally);
}

/// Of each transaction, the appends to one key stand in the version order as it made them; what
/// nobody saw counts as behind all that was seen. Elle does not ask for it: no edge leads from a
/// transaction to itself. Gives whether all did.
pub(super) fn check_program_order(table: &Table, orders: &Orders, tally: &mut Tally<'_>) -> bool {
    // Per key, the last append that a transaction made: whose, what, and where it stands.
    let mut last: Vec<Option<(TxnId, Atom, u32)>> = vec![None; table.key_count()];
    let mut kept = true;
    for (id, _) in table.txns().filter(|(_, txn)| txn.is_possible()) {
        for mop in table.mops(id) {
            let Mop::Append(key, element) = *mop else { continue };
            let position = orders.slot(key, element).map_or(NONE, |slot| slot.position);
            let before = last[key.index()].replace((id, element, position));
            let Some((_, earlier, place)) = before.filter(|(writer, ..)| *writer == id) else {
                continue;
            };
            if place <= position {
                continue;
            }
            kept = false;
            tally.add(Anomaly::IncompatibleOrder, key, &[id], |words| {
                let (txn, key) = (words.txn(id), words.key(key));
                let (earlier, element) = (words.element(earlier), words.element(element));
                let but = match place {
                    NONE => format!("{element} was seen and {earlier} was not"),
                    _ => format!("{element} was seen before {earlier}"),
                };
                format!("{txn} appended {earlier} to key {key} and then {element}, but {but}")
            });
        }
    }
    kept
}

/// Of a committed append, the last decided append before it must not have failed. What is
/// undecided, or appended by nobody, decides nothing (Elle's rule: fail, info, ok is one).
fn dirty_updates(table: &Table, orders: &Orders, key: KeyId, tally: &mut Tally<'_>) {
    let order = orders.of(key);
    let mut dirty: Option<TxnId> = None;
    for writer in orders.writers(key).iter().skip(order.first_failed as usize) {
        let Some(id) = writer.txn() else { continue };
        if writer.failed() {
            dirty = Some(id);
        } else if table.txn(id).is_ok()
            && let Some(failed) = dirty.take()
        {
            tally.add(Anomaly::DirtyUpdate, key, &[id, failed], |words| {
                let (ok, failed, key) = (words.txn(id), words.txn(failed), words.key(key));
                format!(
                    "{ok} appended to key {key} on top of what the aborted {failed} had appended"
                )
            });
        }
    }
}

/// Of each key that has any, the shortest two reads of which neither is how the other began.
fn incompatible_orders(table: &Table, tally: &mut Tally<'_>) {
    if table.odd.is_empty() {
        return;
    }
    let mut odd_keys = vec![false; table.key_count()];
    for mop in &table.mops {
        if let Mop::List(key, list) = *mop {
            odd_keys[key.index()] |= matches!(list.stored(), Stored::Odd(_));
        }
    }
    // The first reader of each value of these keys, the shorter values first.
    let mut readers: BTreeMap<(KeyId, usize, &[Atom]), TxnId> = BTreeMap::new();
    for (id, _) in table.txns() {
        for mop in table.mops(id) {
            if let Mop::List(key, list) = *mop
                && odd_keys[key.index()]
            {
                let elements = table.elements(key, list);
                readers.entry((key, elements.len(), elements)).or_insert(id);
            }
        }
    }
    let values: Vec<_> = readers.into_iter().collect();
    let mut reported = None;
    for pair in values.windows(2) {
        let [((key, _, shorter), first), ((other_key, _, longer), second)] = pair else {
            continue;
        };
        if key != other_key || longer.starts_with(shorter) || reported == Some(*key) {
            continue;
        }
        reported = Some(*key);
        tally.add(Anomaly::IncompatibleOrder, *key, &[*first, *second], |words| {
            let (first, second) = (words.txn(*first), words.txn(*second));
            let (shorter, longer) = (words.list(shorter), words.list(longer));
            let key = words.key(*key);
            format!(
                "{first} read key {key} as {shorter} and {second} as {longer}: neither is how \
                 the other began"
            )
        });
    }
}
