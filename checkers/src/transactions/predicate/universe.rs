//! Every version that a key ever had, as far as the history tells.

use super::super::atom::Atom;
use super::super::table::{KeyId, Mop, Table, TxnId};
use super::Test;
use rustc_hash::FxHashMap;

/// What a key may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum State {
    /// Not inserted yet.
    Unborn,
    /// Deleted.
    Dead,
    /// There, with this value.
    Value(Atom),
}

impl State {
    /// What a write leaves behind.
    pub(super) fn written(value: Atom) -> Self {
        if value == Atom::NIL { Self::Dead } else { Self::Value(value) }
    }

    /// Whether a read that found this, or nothing for null, may have met it.
    pub(super) fn shows(self, value: Atom) -> bool {
        match self {
            Self::Unborn | Self::Dead => value == Atom::NIL,
            Self::Value(own) => own == value,
        }
    }

    /// What is not there matches nothing.
    pub(super) fn matches(self, table: &Table, test: Test) -> bool {
        matches!(self, Self::Value(value) if test.matches(table, value))
    }
}

/// A key, and what happened to it.
#[derive(Clone, Debug)]
pub(super) struct Key {
    /// What it was at first.
    pub(super) first: State,
    /// Who said so.
    pub(super) init: Option<TxnId>,
    /// What transactions that may have happened left behind, in order of completion.
    pub(super) changes: Vec<(State, TxnId)>,
    /// All states it ever had, ascending: those that its writer overwrote, too.
    pub(super) states: Vec<State>,
}

/// Who wrote a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Writer {
    /// This one.
    One(TxnId),
    /// This one, which overwrote it.
    Overwrote(TxnId),
    /// Only this one, which failed.
    Failed(TxnId),
    /// Several.
    Many,
}

/// All keys.
#[derive(Debug)]
pub(super) struct Universe {
    /// Per key of the table; those of predicates stay empty.
    keys: Vec<Key>,
    writers: FxHashMap<(KeyId, State), Writer>,
    is_predicate: Vec<bool>,
}

impl Universe {
    pub(super) fn of(table: &Table) -> Self {
        let empty =
            Key { first: State::Unborn, init: None, changes: Vec::new(), states: Vec::new() };
        let mut is_predicate = vec![false; table.key_count()];
        for key in table.closed.predicates.keys() {
            is_predicate[key.index()] = true;
        }
        let keys = vec![empty; table.key_count()];
        let mut universe = Self { keys, writers: FxHashMap::default(), is_predicate };
        for (txn, row) in table.txns() {
            universe.transaction(table, txn, row.is_possible());
        }
        for key in &mut universe.keys {
            key.states.push(key.first);
            key.states.sort_unstable();
            key.states.dedup();
        }
        universe
    }

    fn transaction(&mut self, table: &Table, txn: TxnId, possible: bool) {
        let init = table.closed.init.binary_search(&txn).is_ok();
        let mops = table.mops(txn);
        let mut last: FxHashMap<KeyId, usize> = FxHashMap::default();
        for (place, mop) in mops.iter().enumerate() {
            if let Mop::Write(key, _) = *mop {
                last.insert(key, place);
            }
        }
        for (place, mop) in mops.iter().enumerate() {
            let Mop::Write(key, value) = *mop else { continue };
            let state = State::written(value);
            let writer = match (possible, last[&key] == place) {
                (false, _) => Writer::Failed(txn),
                (true, false) => Writer::Overwrote(txn),
                (true, true) => Writer::One(txn),
            };
            self.wrote(key, state, writer);
            if !possible {
                continue;
            }
            let row = &mut self.keys[key.index()];
            if init && row.init.is_none() {
                (row.first, row.init) = (state, Some(txn));
            } else if last[&key] == place {
                row.changes.push((state, txn));
            }
            row.states.push(state);
        }
    }

    fn wrote(&mut self, key: KeyId, state: State, writer: Writer) {
        let known = self.writers.entry((key, state)).or_insert(writer);
        match (*known, writer) {
            (_, Writer::Failed(_)) => {}
            (Writer::Failed(_), _) => *known = writer,
            // Deleted twice by one transaction: its last word is the same as the one before.
            (Writer::Overwrote(before), Writer::One(now)) if before == now => *known = writer,
            (before, _) if before != writer => *known = Writer::Many,
            _ => {}
        }
    }

    pub(super) fn key(&self, key: KeyId) -> &Key {
        &self.keys[key.index()]
    }

    /// The keys that are none of predicates.
    pub(super) fn ids(&self) -> impl Iterator<Item = KeyId> + '_ {
        (0..).map(KeyId).take(self.keys.len()).filter(|key| !self.is_predicate[key.index()])
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &Key> {
        self.ids().map(|key| self.key(key))
    }

    /// Who left a state behind; nothing for what was so at first without anybody saying so.
    pub(super) fn writer(&self, key: KeyId, state: State) -> Option<Writer> {
        self.writers.get(&(key, state)).copied()
    }

    /// The transaction that left a state behind, if it is known.
    pub(super) fn installer(&self, key: KeyId, state: State) -> Option<TxnId> {
        match self.writer(key, state) {
            Some(Writer::One(txn)) => Some(txn),
            _ => None,
        }
    }

    /// Which state a read of a single key met, as far as that can be told: null is both what is not
    /// there yet and what is there no more.
    pub(super) fn met(&self, key: KeyId, value: Atom) -> Option<State> {
        if value != Atom::NIL {
            return Some(State::Value(value));
        }
        let row = self.key(key);
        let born = row.first != State::Unborn;
        match (born, row.states.contains(&State::Dead)) {
            (false, true) => None,
            (true, true) => Some(State::Dead),
            // Only a failed transaction deleted it.
            (true, false) if self.writer(key, State::Dead).is_some() => Some(State::Dead),
            // Where something was from the start and never deleted, it was read before the start.
            (_, false) => Some(State::Unborn),
        }
    }

    /// Who changed a key after a read met it in a state: all who changed it, if that was the first
    /// state; who said what was there at first, if it was met before that. Of other states, nothing
    /// is known that comes after.
    pub(super) fn after(&self, key: KeyId, state: State) -> impl Iterator<Item = (State, TxnId)> {
        let row = self.key(key);
        let before_first = state == State::Unborn && row.first != State::Unborn;
        let first = row.init.filter(|_| before_first).map(|init| (row.first, init));
        let changes = if state == row.first { &row.changes[..] } else { &[] };
        first.into_iter().chain(changes.iter().copied())
    }
}
