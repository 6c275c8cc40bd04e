//! Why an edge is there, found again from the version orders.

use super::Append;
use super::orders::{NONE, Seen};
use super::tally::Words;
use crate::transactions::atom::Atom;
use crate::transactions::explain;
use crate::transactions::finding::{Reason, Reasons};
use crate::transactions::graph::Dep;
use crate::transactions::table::{KeyId, List, Mop, TxnId};

impl Reasons for Append<'_> {
    fn precedence(&self) -> &'static [Dep] {
        &[Dep::Ww, Dep::Wr, Dep::Rw, Dep::Process, Dep::Realtime]
    }

    fn reason(&self, from: TxnId, to: TxnId, dep: Dep) -> Option<Reason> {
        let possible = |id: TxnId| self.table.txn(id).is_possible();
        if from == to || !possible(from) || !possible(to) {
            return None;
        }
        let mops = || (0..).zip(self.table.mops(to).iter().copied());
        match dep {
            Dep::Ww => mops().find_map(|(at, mop)| match mop {
                Mop::Append(key, element) => self.ww(from, to, at, (key, element)),
                _ => None,
            }),
            Dep::Wr => mops().find_map(|(at, mop)| match mop {
                Mop::List(key, list) => self.wr(from, to, at, (key, list)),
                _ => None,
            }),
            Dep::Rw => mops().find_map(|(at, mop)| match mop {
                Mop::Append(key, element) => self.rw(from, to, at, (key, element)),
                _ => None,
            }),
            Dep::Wwp | Dep::Wrp | Dep::Rwp | Dep::Process | Dep::Realtime => None,
        }
    }
}

impl Append<'_> {
    /// The version to which an element was appended: the one before it in the version order; the
    /// last one if nobody saw the element.
    fn version_before(&self, key: KeyId, element: Atom) -> Option<Seen> {
        let position = match self.orders.slot(key, element)?.position {
            NONE => self.orders.of(key).length,
            position => position,
        };
        Some(position.checked_sub(1).map_or(Seen::Initial, Seen::At))
    }

    /// Where a transaction appended an element.
    fn place(&self, id: TxnId, key: KeyId, element: Atom) -> Option<u32> {
        let place = |mop: &Mop| *mop == Mop::Append(key, element);
        let place = self.table.mops(id).iter().position(place)?;
        u32::try_from(place).ok()
    }

    fn ww(
        &self,
        from: TxnId,
        to: TxnId,
        to_mop: u32,
        (key, element): (KeyId, Atom),
    ) -> Option<Reason> {
        let Seen::At(at) = self.version_before(key, element)? else { return None };
        if self.orders.writers(key)[at as usize].txn() != Some(from) {
            return None;
        }
        let before = self.orders.element(self.table, key, at);
        let words = Words(self.table);
        let text = format!(
            "appended {} to key {}, and {} appended {} after it",
            words.element(before),
            words.key(key),
            explain::name(self.table, to),
            words.element(element),
        );
        let from_mop = self.place(from, key, before);
        Some(Reason { key: Some(key), from_mop, to_mop: Some(to_mop), text })
    }

    fn wr(
        &self,
        from: TxnId,
        to: TxnId,
        to_mop: u32,
        (key, list): (KeyId, List),
    ) -> Option<Reason> {
        let seen = self.orders.seen(self.table, key, list);
        if self.orders.last_writer(key, seen).txn() != Some(from) {
            return None;
        }
        let element = *self.table.elements(key, list).last()?;
        let words = Words(self.table);
        let text = format!(
            "appended {} to key {}, and {} read it",
            words.element(element),
            words.key(key),
            explain::name(self.table, to),
        );
        let from_mop = self.place(from, key, element);
        Some(Reason { key: Some(key), from_mop, to_mop: Some(to_mop), text })
    }

    fn rw(
        &self,
        from: TxnId,
        to: TxnId,
        to_mop: u32,
        (key, element): (KeyId, Atom),
    ) -> Option<Reason> {
        let before = self.version_before(key, element)?;
        let read = |mop: &Mop| match *mop {
            Mop::List(other, list) => {
                other == key && self.orders.seen(self.table, key, list) == before
            }
            _ => false,
        };
        let from_mop = self.table.mops(from).iter().position(read)?;
        let words = Words(self.table);
        let (key_text, element) = (words.key(key), words.element(element));
        let writer = explain::name(self.table, to);
        let saw = match before {
            Seen::At(at) => {
                let last = words.element(self.orders.element(self.table, key, at));
                format!("read key {key_text} up to {last}")
            }
            Seen::Initial | Seen::Off(_) => format!("read key {key_text} as empty"),
        };
        let text = format!("{saw}, and {writer} appended {element} after that");
        let from_mop = u32::try_from(from_mop).ok();
        Some(Reason { key: Some(key), from_mop, to_mop: Some(to_mop), text })
    }
}
