//! Why an edge is there, found again from the versions.

use super::super::explain::name;
use super::super::finding::{Reason, Reasons};
use super::super::graph::Dep;
use super::super::table::{KeyId, Mop, TxnId};
use super::Predicates;
use super::reads::{PredicateRead, predicate_reads, splits, version_set};
use super::universe::State;

impl Reasons for Predicates<'_> {
    fn precedence(&self) -> &'static [Dep] {
        &[Dep::Ww, Dep::Wwp, Dep::Wr, Dep::Wrp, Dep::Rw, Dep::Rwp, Dep::Process, Dep::Realtime]
    }

    fn reason(&self, from: TxnId, to: TxnId, dep: Dep) -> Option<Reason> {
        if from == to {
            return None;
        }
        match dep {
            Dep::Ww => self.overwrote(from, to),
            Dep::Wr => self.items(to).find_map(|(place, key, state)| {
                let wrote = self.universe.installer(key, state) == Some(from);
                let text = || format!("{}, and {} read it", self.left(key, state), self.name(to));
                wrote.then(|| self.reason_of(key, self.write(from, key), Some(place), text()))
            }),
            Dep::Rw => {
                let items = self.items(from).map(|(place, key, state)| (Some(place), key, state));
                let returned = self.met(from).filter(|(read, _, state)| {
                    !read.predicate.count && state.matches(self.table, read.predicate.test)
                });
                let returned = returned.map(|(read, key, state)| (place(&read), key, state));
                items.chain(returned).find_map(|(place, key, state)| {
                    let (later, _) = self.universe.after(key, state).find(|(_, by)| *by == to)?;
                    let (met, to_name) = (self.text(state), self.name(to));
                    let key_text = self.table.key_text(key);
                    let text =
                        format!("read {key_text} = {met}, and {to_name} {}", self.left(key, later));
                    Some(self.reason_of(key, place, self.write(to, key), text))
                })
            }
            Dep::Wrp => self.met(to).find_map(|(read, key, state)| {
                let wrote = self.universe.installer(key, state) == Some(from);
                wrote.then(|| {
                    let text = format!(
                        "{}, which is what {} met when it read {}",
                        self.left(key, state),
                        self.name(to),
                        self.read_text(&read),
                    );
                    self.reason_of(key, self.write(from, key), place(&read), text)
                })
            }),
            Dep::Rwp => {
                self.met(from).find_map(|(read, key, state)| self.changed(&read, key, state, to))
            }
            _ => None,
        }
    }
}

fn place(read: &PredicateRead) -> Option<u32> {
    u32::try_from(read.place).ok()
}

impl Predicates<'_> {
    fn overwrote(&self, from: TxnId, to: TxnId) -> Option<Reason> {
        self.table.mops(to).iter().find_map(|mop| {
            let Mop::Write(key, _) = *mop else { return None };
            let row = self.universe.key(key);
            let (change, _) = row.changes.iter().find(|(_, by)| *by == to)?;
            (row.init == Some(from)).then(|| {
                let text = format!(
                    "{} at first, and {} {}",
                    self.left(key, row.first),
                    self.name(to),
                    self.left(key, *change),
                );
                self.reason_of(key, self.write(from, key), self.write(to, key), text)
            })
        })
    }

    /// A later state that matches where the one that was met does not, or the other way round.
    fn changed(&self, read: &PredicateRead, key: KeyId, met: State, to: TxnId) -> Option<Reason> {
        let test = read.predicate.test;
        let matched = met.matches(self.table, test);
        let (later, _) = self
            .universe
            .after(key, met)
            .find(|(later, by)| *by == to && later.matches(self.table, test) != matched)?;
        let text = format!(
            "read {} and met {} = {}, and {} {}, which changes what matches",
            self.read_text(read),
            self.table.key_text(key),
            self.text(met),
            self.name(to),
            self.left(key, later),
        );
        Some(self.reason_of(key, place(read), self.write(to, key), text))
    }

    /// What a transaction read of single keys, before it wrote them.
    fn items(&self, txn: TxnId) -> impl Iterator<Item = (u32, KeyId, State)> {
        let mops = self.table.mops(txn);
        (0..).zip(mops).filter(move |_| self.table.txn(txn).is_ok()).filter_map(
            move |(place, mop)| {
                let Mop::Read(key, value) = *mop else { return None };
                let first = mops[..place as usize].iter().all(|before| before.key() != key);
                let item = !self.table.closed.predicates.contains_key(&key);
                let state = self.universe.met(key, value)?;
                (first && item).then_some((place, key, state))
            },
        )
    }

    /// What its predicate reads met.
    fn met(&self, txn: TxnId) -> impl Iterator<Item = (PredicateRead, KeyId, State)> {
        predicate_reads(self.table, txn).flat_map(|(_, read)| {
            let splits = splits(self.table, &self.universe, read.predicate);
            let set = version_set(self.table, &splits, &read);
            set.met.into_iter().map(move |(key, state)| (read, key, state))
        })
    }

    fn reason_of(
        &self,
        key: KeyId,
        from_mop: Option<u32>,
        to_mop: Option<u32>,
        text: String,
    ) -> Reason {
        Reason { key: Some(key), from_mop, to_mop, text }
    }

    /// Where a transaction last wrote a key.
    fn write(&self, txn: TxnId, key: KeyId) -> Option<u32> {
        let writes = (0..).zip(self.table.mops(txn));
        let writes = writes.filter(|(_, mop)| matches!(mop, Mop::Write(other, _) if *other == key));
        writes.last().map(|(place, _)| place)
    }

    /// "wrote x = 1", "deleted x".
    fn left(&self, key: KeyId, state: State) -> String {
        let key = self.table.key_text(key);
        match state {
            State::Value(value) => format!("wrote {key} = {}", self.table.text(value)),
            State::Dead | State::Unborn => format!("deleted {key}"),
        }
    }

    fn text(&self, state: State) -> String {
        match state {
            State::Value(value) => self.table.text(value),
            State::Dead => "null, deleted".to_owned(),
            State::Unborn => "null, not there yet".to_owned(),
        }
    }

    fn read_text(&self, read: &PredicateRead) -> String {
        let key = self.table.mops(read.txn)[read.place].key();
        self.table.key_text(key)
    }

    fn name(&self, txn: TxnId) -> String {
        name(self.table, txn)
    }
}
