//! What each read depends on, and what is wrong with it by itself.
//!
//! ```text
//!   all of a key's states match, and it was not returned     predicate-read-miss
//!   one of them does not match                               that is what was seen
//!   several do not                                           one of them was
//! ```

use super::super::atom::Atom;
use super::super::explain::name;
use super::super::graph::{Dep, Edges};
use super::super::lattice::Anomaly;
use super::super::register::tally::Tally;
use super::super::table::{KeyId, Mop, Table, TxnId};
use super::universe::{State, Universe, Writer};
use super::{Predicate, own_writes};
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;

/// So many pairs of a predicate read and a key are looked at: some seconds at most.
const PAIRS_MAX: u64 = 20_000_000;

/// What one predicate says of each key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Split {
    key: KeyId,
    matching: usize,
    other: usize,
    /// The state that matches, if only one does.
    only_matching: Option<State>,
    /// The one that does not, if only one does not.
    only_other: Option<State>,
}

/// What one predicate read saw of the universe.
#[derive(Debug, Default)]
pub(super) struct VersionSet {
    /// The keys whose state is known, with the state.
    pub(super) met: Vec<(KeyId, State)>,
    /// How many keys were met in one of several states.
    pub(super) unclear: u64,
    /// What cannot be: the anomaly, the key and why, as the end of a sentence.
    pub(super) wrong: Vec<(Anomaly, Option<KeyId>, String)>,
}

/// A predicate read.
#[derive(Clone, Copy, Debug)]
pub(super) struct PredicateRead {
    pub(super) predicate: Predicate,
    pub(super) txn: TxnId,
    /// Its place in the transaction.
    pub(super) place: usize,
    pub(super) value: Atom,
}

/// The predicate reads of a committed transaction.
pub(super) fn predicate_reads(
    table: &Table,
    txn: TxnId,
) -> impl Iterator<Item = (KeyId, PredicateRead)> + '_ {
    let mops = table.mops(txn).iter().enumerate().filter(move |_| table.txn(txn).is_ok());
    mops.filter_map(move |(place, mop)| {
        let Mop::Read(key, value) = *mop else { return None };
        let predicate = *table.closed.predicates.get(&key)?;
        Some((key, PredicateRead { predicate, txn, place, value }))
    })
}

/// What a predicate says of every key.
pub(super) fn splits(table: &Table, universe: &Universe, predicate: Predicate) -> Vec<Split> {
    let split = |key: KeyId| {
        let states = &universe.key(key).states;
        let (matching, other): (Vec<State>, Vec<State>) =
            states.iter().partition(|state| state.matches(table, predicate.test));
        let only = |of: &[State]| if let [only] = of { Some(*only) } else { None };
        Split {
            key,
            matching: matching.len(),
            other: other.len(),
            only_matching: only(&matching),
            only_other: only(&other),
        }
    };
    universe.ids().map(split).collect()
}

/// What a predicate read saw.
pub(super) fn version_set(table: &Table, splits: &[Split], read: &PredicateRead) -> VersionSet {
    let own = own_writes(table, read.txn, read.place);
    if read.predicate.count {
        return counted(table, splits, read, &own);
    }
    let matched = table.closed.matched.get(&read.value).map_or(&[][..], |matched| matched);
    let mut set = VersionSet::default();
    for (key, value) in matched {
        if !read.predicate.test.matches(table, *value) {
            let why = format!("returned {}, which does not match", shown(table, *key, *value));
            set.wrong.push((Anomaly::PredicateReadMiss, Some(*key), why));
        }
    }
    for split in splits {
        let found = matched.binary_search_by_key(&split.key, |(key, _)| *key).ok();
        let found = found.map(|at| matched[at].1);
        match (own.get(&split.key), found) {
            (Some(own), found) => {
                let own = State::written(*own);
                let expected = own.matches(table, read.predicate.test);
                let agrees = found.map_or(!expected, |value| own.shows(value));
                if !agrees {
                    let why = format!("did not see its own write of {}", table.key_text(split.key));
                    set.wrong.push((Anomaly::Internal, Some(split.key), why));
                }
            }
            (None, Some(value)) => set.met.push((split.key, State::Value(value))),
            (None, None) if split.other == 0 => {
                let key = table.key_text(split.key);
                let why = format!("did not return {key}, all of whose versions match");
                set.wrong.push((Anomaly::PredicateReadMiss, Some(split.key), why));
            }
            (None, None) => match split.only_other {
                Some(state) => set.met.push((split.key, state)),
                None => set.unclear += 1,
            },
        }
    }
    set
}

fn shown(table: &Table, key: KeyId, value: Atom) -> String {
    format!("{} = {}", table.key_text(key), table.text(value))
}

/// What a count says: how many may match, and whether all of those did, or none.
fn counted(
    table: &Table,
    splits: &[Split],
    read: &PredicateRead,
    own: &FxHashMap<KeyId, Atom>,
) -> VersionSet {
    let own_matches = |key| {
        let state = State::written(*own.get(&key)?);
        Some(state.matches(table, read.predicate.test))
    };
    let sure = |split: &&Split| own_matches(split.key).unwrap_or(split.other == 0);
    let open =
        |split: &&Split| !own.contains_key(&split.key) && split.matching > 0 && split.other > 0;
    let least = splits.iter().filter(sure).count() as u64;
    let most = least + splits.iter().filter(open).count() as u64;
    let mut set = VersionSet::default();
    let count = table.text(read.value).parse::<u64>().unwrap_or(u64::MAX);
    if count < least || count > most {
        let why = format!("counted {count}, where only {least} to {most} keys can match");
        set.wrong.push((Anomaly::PredicateReadMiss, None, why));
        return set;
    }
    for split in splits.iter().filter(|split| !own.contains_key(&split.key)) {
        let state = match (split.matching, split.other) {
            (0, _) => split.only_other,
            (_, 0) => split.only_matching,
            _ if count == least => split.only_other,
            _ if count == most => split.only_matching,
            _ => None,
        };
        match state {
            Some(state) => set.met.push((split.key, state)),
            None => set.unclear += 1,
        }
    }
    set
}

/// All reads, while their dependencies are collected.
pub(super) struct Reads<'a> {
    table: &'a Table,
    universe: &'a Universe,
    edges: &'a mut Edges,
    tally: &'a mut Tally,
    /// Who read each key in its first state: whoever changed it comes after.
    pub(super) of_first: BTreeMap<KeyId, Vec<TxnId>>,
    pub(super) unclear: u64,
    pub(super) unjudged: Option<String>,
    /// Predicate reads that were not looked at.
    pub(super) skipped: u64,
}

impl<'a> Reads<'a> {
    pub(super) fn new(
        table: &'a Table,
        universe: &'a Universe,
        edges: &'a mut Edges,
        tally: &'a mut Tally,
    ) -> Self {
        let of_first = BTreeMap::new();
        Self { table, universe, edges, tally, of_first, unclear: 0, unjudged: None, skipped: 0 }
    }

    /// Every read of a single key.
    pub(super) fn items(&mut self) {
        let table = self.table;
        for (txn, _) in table.txns().filter(|(_, row)| row.is_ok()) {
            let mut known: FxHashMap<KeyId, Atom> = FxHashMap::default();
            for mop in table.mops(txn) {
                let (Mop::Write(key, value) | Mop::Read(key, value)) = *mop else { continue };
                if table.closed.predicates.contains_key(&key) {
                    continue;
                }
                let before = known.insert(key, value);
                if matches!(mop, Mop::Write(..)) {
                    continue;
                }
                match before {
                    Some(before) if before != value => {
                        let own = table.text(before);
                        self.accuse(Anomaly::Internal, Some(key), &[txn], || {
                            let read = shown(table, key, value);
                            format!("read {read} although {own} is what it last saw itself")
                        });
                    }
                    Some(_) => {}
                    None => self.item(txn, key, value),
                }
            }
        }
    }

    fn item(&mut self, txn: TxnId, key: KeyId, value: Atom) {
        let Some(state) = self.universe.met(key, value) else {
            self.unclear += 1;
            return;
        };
        self.left_behind(txn, key, state, Dep::Wr);
        if state == self.universe.key(key).first {
            self.of_first.entry(key).or_default().push(txn);
            return;
        }
        for (_, writer) in self.universe.after(key, state) {
            self.edges.add(txn.0, writer.0, Dep::Rw);
        }
    }

    /// Holds a state that was met against who wrote it, and depends on that one.
    fn left_behind(&mut self, txn: TxnId, key: KeyId, state: State, dep: Dep) {
        let table = self.table;
        let writer = self.universe.writer(key, state);
        let value = match state {
            State::Value(value) => value,
            _ => Atom::NIL,
        };
        let read = || shown(table, key, value);
        match writer {
            Some(Writer::One(writer) | Writer::Overwrote(writer)) if writer == txn => {
                let why = || format!("read {}, which it wrote only later", read());
                self.accuse(Anomaly::FutureRead, Some(key), &[txn], why);
            }
            Some(Writer::One(writer)) => self.edges.add(writer.0, txn.0, dep),
            None | Some(Writer::Many) if value == Atom::NIL => {}
            None => {
                let why = || format!("read {}, which nobody wrote", read());
                self.accuse(Anomaly::GarbageRead, Some(key), &[txn], why);
            }
            Some(Writer::Failed(by)) => {
                let why = || {
                    format!(
                        "read {}, which only {} wrote, and that failed",
                        read(),
                        name(table, by)
                    )
                };
                self.accuse(Anomaly::G1a, Some(key), &[txn, by], why);
            }
            Some(Writer::Overwrote(by)) => {
                let why = || {
                    let by = name(table, by);
                    format!("read {}, which {by} overwrote before it committed", read())
                };
                self.accuse(Anomaly::G1b, Some(key), &[txn, by], why);
            }
            Some(Writer::Many) => {
                let reader = name(table, txn);
                self.unjudged.get_or_insert_with(|| {
                    format!(
                        "{reader} read {}, which was written more than once, so that nobody can \
                         say whose write it read",
                        read()
                    )
                });
            }
        }
    }

    /// Every predicate read, those of one predicate together.
    pub(super) fn predicates(&mut self) {
        let table = self.table;
        let mut reads: Vec<(KeyId, PredicateRead)> =
            table.txns().flat_map(|(txn, _)| predicate_reads(table, txn)).collect();
        reads.sort_by_key(|(predicate, _)| *predicate);
        let mut left = PAIRS_MAX;
        for group in reads.chunk_by(|one, other| one.0 == other.0) {
            let keys = table.key_count() as u64;
            let able = (left / keys.max(1)).saturating_sub(1).min(group.len() as u64);
            left -= able * keys;
            self.skipped += group.len() as u64 - able;
            if able == 0 {
                continue;
            }
            let splits = splits(table, self.universe, group[0].1.predicate);
            for (_, read) in group.iter().take(usize::try_from(able).unwrap_or(usize::MAX)) {
                self.predicate(&splits, read);
            }
        }
    }

    fn predicate(&mut self, splits: &[Split], read: &PredicateRead) {
        let set = version_set(self.table, splits, read);
        self.unclear += set.unclear;
        for (anomaly, key, why) in set.wrong {
            self.accuse(anomaly, key, &[read.txn], || why);
        }
        for (key, state) in set.met {
            self.left_behind(read.txn, key, state, Dep::Wrp);
            let test = read.predicate.test;
            let matched = state.matches(self.table, test);
            for (later, writer) in self.universe.after(key, state) {
                if later.matches(self.table, test) != matched {
                    self.edges.add(read.txn.0, writer.0, Dep::Rwp);
                } else if matched && !read.predicate.count {
                    // What matches as before is not what was returned: a value was read, too.
                    self.edges.add(read.txn.0, writer.0, Dep::Rw);
                }
            }
        }
    }

    /// "T3 <why>."
    fn accuse(
        &mut self,
        anomaly: Anomaly,
        key: Option<KeyId>,
        txns: &[TxnId],
        why: impl FnOnce() -> String,
    ) {
        let table = self.table;
        let sentence = || format!("{} {}.", name(table, txns[0]), why());
        self.tally.add(table, anomaly, key, txns, sentence);
    }
}
