//! The rules of list-append said as plainly as possible, to hold the fast ones against: lists of
//! numbers, every pair of transactions, no positions.

use crate::history::EventType;
use crate::transactions::graph::Dep;
use crate::transactions::lattice::Anomaly;
use std::collections::{BTreeMap, BTreeSet};

/// A micro-operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Naive {
    Append(u32, u32),
    /// Nothing if nobody knows what was read.
    Read(u32, Option<Vec<u32>>),
}

#[derive(Clone, Debug)]
pub(super) struct NaiveTxn {
    pub(super) outcome: EventType,
    pub(super) mops: Vec<Naive>,
}

impl NaiveTxn {
    fn is_ok(&self) -> bool {
        self.outcome == EventType::Ok
    }

    fn is_possible(&self) -> bool {
        self.outcome != EventType::Fail
    }

    /// What is known to have been read: place, key, list.
    fn reads(&self) -> impl Iterator<Item = (usize, u32, &Vec<u32>)> {
        self.mops.iter().enumerate().filter_map(|(at, mop)| match mop {
            Naive::Read(key, Some(list)) => Some((at, *key, list)),
            _ => None,
        })
    }

    fn appends(&self) -> impl Iterator<Item = (usize, u32, u32)> {
        self.mops.iter().enumerate().filter_map(|(at, mop)| match mop {
            Naive::Append(key, element) => Some((at, *key, *element)),
            Naive::Read(..) => None,
        })
    }

    fn final_append(&self, key: u32) -> Option<u32> {
        self.appends().filter(|append| append.1 == key).map(|append| append.2).last()
    }

    /// What was read of a key before anything else was done to it.
    fn external_read(&self, key: u32) -> Option<&Vec<u32>> {
        let of_key = |mop: &&Naive| match mop {
            Naive::Append(other, _) | Naive::Read(other, _) => *other == key,
        };
        match self.mops.iter().find(of_key)? {
            Naive::Read(_, list) => list.as_ref(),
            Naive::Append(..) => None,
        }
    }
}

/// The distinct lists that were read of each key, the shorter first.
fn values(txns: &[NaiveTxn]) -> BTreeMap<u32, Vec<Vec<u32>>> {
    let mut values: BTreeMap<u32, Vec<Vec<u32>>> = BTreeMap::new();
    for txn in txns.iter().filter(|txn| txn.is_possible()) {
        for (_, key, list) in txn.reads() {
            let values = values.entry(key).or_default();
            if !list.is_empty() && !values.contains(list) {
                values.push(list.clone());
            }
        }
    }
    for values in values.values_mut() {
        values.sort_by_key(Vec::len);
    }
    values
}

/// The version order of each key: the longest list, without repetitions.
pub(super) fn orders(txns: &[NaiveTxn]) -> BTreeMap<u32, Vec<u32>> {
    let longest = |values: Vec<Vec<u32>>| {
        let longest_length = values.last().map_or(0, Vec::len);
        // Of equally long ones the one that the table has as spine wins; a history with such is
        // not compared by its edges.
        let list = values.into_iter().find(|list| list.len() == longest_length);
        let mut order = Vec::new();
        for element in list.unwrap_or_default() {
            if !order.contains(&element) {
                order.push(element);
            }
        }
        order
    };
    values(txns).into_iter().map(|(key, values)| (key, longest(values))).collect()
}

/// Whether each key has at most one longest list.
pub(super) fn has_clear_orders(txns: &[NaiveTxn]) -> bool {
    values(txns).values().all(|values| {
        let longest = values.last().map_or(0, Vec::len);
        values.iter().filter(|list| list.len() == longest).count() <= 1
    })
}

fn writer(txns: &[NaiveTxn], key: u32, element: u32) -> Option<usize> {
    txns.iter().position(|txn| txn.appends().any(|append| (append.1, append.2) == (key, element)))
}

pub(super) fn edges(txns: &[NaiveTxn]) -> BTreeSet<(usize, usize, Dep)> {
    let orders = orders(txns);
    let none = Vec::new();
    let mut edges = BTreeSet::new();
    let possible = |id: &usize| txns[*id].is_possible();
    for (to, txn) in txns.iter().enumerate().filter(|(_, txn)| txn.is_possible()) {
        for (_, key, element) in txn.appends() {
            let order = orders.get(&key).unwrap_or(&none);
            let before = match order.iter().position(|other| *other == element) {
                Some(0) => None,
                Some(at) => Some(order[at - 1]),
                None => order.last().copied(),
            };
            let from = before.and_then(|before| writer(txns, key, before)).filter(possible);
            edges.extend(from.map(|from| (from, to, Dep::Ww)));
            for (from, reader) in txns.iter().enumerate().filter(|(_, txn)| txn.is_possible()) {
                let saw = |list: &Vec<u32>| list.last().copied() == before;
                if reader.reads().any(|(_, other, list)| other == key && saw(list)) {
                    edges.insert((from, to, Dep::Rw));
                }
            }
        }
        for (_, key, list) in txn.reads() {
            let last = list.last().and_then(|last| writer(txns, key, *last)).filter(possible);
            edges.extend(last.map(|from| (from, to, Dep::Wr)));
        }
    }
    edges.retain(|(from, to, _)| from != to);
    edges
}

/// How many of each anomaly there are.
pub(super) fn anomalies(txns: &[NaiveTxn]) -> BTreeMap<Anomaly, u64> {
    let mut found = BTreeMap::new();
    let mut add = |anomaly| *found.entry(anomaly).or_insert(0) += 1;
    for (id, txn) in txns.iter().enumerate().filter(|(_, txn)| txn.is_possible()) {
        for (_, key, list) in txn.reads() {
            if list.iter().any(|element| writer(txns, key, *element).is_none()) {
                add(Anomaly::GarbageRead);
            }
            if list.iter().collect::<BTreeSet<_>>().len() < list.len() {
                add(Anomaly::DuplicateElements);
            }
        }
        if !txn.is_ok() {
            continue;
        }
        for (at, key, list) in txn.reads() {
            let writer = |element: &u32| writer(txns, key, *element);
            let failed = |element: &u32| writer(element).is_some_and(|by| !txns[by].is_possible());
            if list.iter().any(failed) {
                add(Anomaly::G1a);
            }
            let last = list.last().and_then(|last| Some((*last, writer(last)?)));
            if last.is_some_and(|(last, by)| by != id && txns[by].final_append(key) != Some(last)) {
                add(Anomaly::G1b);
            }
            if !internally_consistent(&txn.mops[..at], key, list) {
                add(Anomaly::Internal);
            }
        }
        for (at, key, element) in txn.appends() {
            let saw =
                |(_, other, list): (_, u32, &Vec<u32>)| other == key && list.contains(&element);
            if txn.reads().take_while(|read| read.0 < at).any(saw) {
                add(Anomaly::FutureRead);
            }
        }
        for by in (0..txns.len()).filter(|by| *by != id && txns[*by].is_possible()) {
            if fractured(txn, &txns[by]) {
                add(Anomaly::FracturedRead);
            }
        }
    }
    for _ in 0..lost_updates(txns) {
        add(Anomaly::LostUpdate);
    }
    for values in values(txns).values() {
        if values.windows(2).any(|pair| !pair[1].starts_with(&pair[0])) {
            add(Anomaly::IncompatibleOrder);
        }
    }
    (0..out_of_program_order(txns)).for_each(|_| add(Anomaly::IncompatibleOrder));
    for (key, order) in orders(txns) {
        let mut dirty = false;
        for by in order.iter().filter_map(|element| writer(txns, key, *element)) {
            match txns[by].outcome {
                EventType::Fail => dirty = true,
                EventType::Ok if std::mem::replace(&mut dirty, false) => add(Anomaly::DirtyUpdate),
                _ => {}
            }
        }
    }
    found
}

/// How many appends stand before the one that their transaction made before them.
fn out_of_program_order(txns: &[NaiveTxn]) -> usize {
    let mut count = 0;
    for txn in txns.iter().filter(|txn| txn.is_possible()) {
        let mut last: BTreeMap<u32, usize> = BTreeMap::new();
        for (_, key, element) in txn.appends() {
            let order = orders(txns).get(&key).cloned().unwrap_or_default();
            let place = order.iter().position(|seen| *seen == element).unwrap_or(usize::MAX);
            count += usize::from(last.insert(key, place).is_some_and(|before| before > place));
        }
    }
    count
}

fn internally_consistent(before: &[Naive], key: u32, list: &[u32]) -> bool {
    let (mut start, mut own) = (None, Vec::new());
    for mop in before {
        match mop {
            Naive::Append(other, element) if *other == key => own.push(*element),
            Naive::Read(other, Some(read)) if *other == key => {
                start = Some(read.clone());
                own.clear();
            }
            _ => {}
        }
    }
    match start {
        Some(start) => [start, own].concat() == list,
        None => list.ends_with(&own),
    }
}

fn fractured(reader: &NaiveTxn, source: &NaiveTxn) -> bool {
    let saw = |key: u32| {
        let last = reader.external_read(key).and_then(|list| list.last());
        last.is_some_and(|last| source.appends().any(|append| (append.1, append.2) == (key, *last)))
    };
    let keys: BTreeSet<u32> = reader.reads().map(|read| read.1).collect();
    let missed = |key: &u32| {
        let last = source.final_append(*key);
        let list = reader.external_read(*key);
        last.is_some_and(|last| list.is_some_and(|list| !list.contains(&last)))
    };
    keys.iter().any(|seen| saw(*seen) && keys.iter().any(|key| key != seen && missed(key)))
}

fn lost_updates(txns: &[NaiveTxn]) -> usize {
    let mut groups: BTreeMap<(u32, Vec<u32>), usize> = BTreeMap::new();
    for txn in txns.iter().filter(|txn| txn.is_ok()) {
        let keys: BTreeSet<u32> = txn.appends().map(|append| append.1).collect();
        for key in keys {
            let Some((first, _, list)) = txn.reads().find(|read| read.1 == key) else { continue };
            if txn.appends().any(|(at, other, _)| other == key && at > first) {
                *groups.entry((key, list.clone())).or_default() += 1;
            }
        }
    }
    groups.values().filter(|count| **count >= 2).count()
}
