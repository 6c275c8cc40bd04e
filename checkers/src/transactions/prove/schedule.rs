//! An order of register transactions, chosen on the way.
//!
//! ```text
//!   the graph's edges are done  -->  candidates, in turns
//!                                       |  reads something else than what is there?
//!                                       |      parked until that value is written
//!                                       |  overwrites what others are still to read?
//!                                       |      parked until they have
//!                                       v
//!                                     runs: its writes stand, who waited is a candidate again
//! ```
//!
//! To run a transaction whose reads match can only be wrong if it writes: what it overwrites is
//! gone for good, for values are unique. So a writer waits for the readers of what it overwrites,
//! and the only guess is which of several writers comes first. Deciding it in general is
//! NP-complete (Papadimitriou 1979), so that a wrong guess ends the attempt; there are three, each
//! with other turns: by the soonest completion of all that depend on a transaction, by its
//! invocation, by its completion.

use super::super::atom::Atom;
use super::super::explain::name;
use super::super::graph::Graph;
use super::super::table::{KeyId, Mop, Table, TxnId};
use super::CYCLE;
use rustc_hash::FxHashMap;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// So often a transaction may be looked at, on average, before the attempt is given up.
const LOOKS_PER_TXN_MAX: u64 = 64;

/// Finds an order that explains every read, or says what the first attempt could not explain.
///
/// # Errors
/// When there is a cycle, or no attempt came to an end.
pub(super) fn registers(table: &Table, graph: &Graph, happened: &[bool]) -> Result<(), String> {
    let first = attempt(table, graph, happened, &by_deadline(table, graph)?);
    first.or_else(|why| {
        let others = [by_invocation(table), (0..graph.txns()).collect()];
        others.iter().find_map(|turns| attempt(table, graph, happened, turns).ok()).ok_or(why)
    })
}

/// Turns by how soon a transaction has to have happened: before it completed, and before everything
/// that depends on it did. Whose value was read early goes before who merely answered early.
fn by_deadline(table: &Table, graph: &Graph) -> Result<Vec<u32>, String> {
    let mut deadline: Vec<u32> = (0..graph.vertices()).collect();
    deadline[table.len()..].fill(u32::MAX);
    super::backwards(graph, |vertex| {
        let soonest = graph.targets(vertex).iter().map(|target| deadline[*target as usize]).min();
        let own = &mut deadline[vertex as usize];
        *own = soonest.unwrap_or(u32::MAX).min(*own);
    })?;
    let mut order: Vec<u32> = (0..graph.txns()).collect();
    order.sort_by_key(|txn| deadline[*txn as usize]);
    Ok(places(&order))
}

fn by_invocation(table: &Table) -> Vec<u32> {
    let mut order: Vec<u32> = (0..).take(table.len()).collect();
    order.sort_by_key(|txn| table.txn(TxnId(*txn)).invoke_index());
    places(&order)
}

/// Where each stands in an order.
fn places(order: &[u32]) -> Vec<u32> {
    let mut places = vec![0; order.len()];
    for (place, txn) in (0..).zip(order) {
        places[*txn as usize] = place;
    }
    places
}

fn attempt(table: &Table, graph: &Graph, happened: &[bool], turns: &[u32]) -> Result<(), String> {
    let mut schedule = Schedule::new(table, graph, happened, turns);
    let mut left = (LOOKS_PER_TXN_MAX * table.len() as u64).max(1);
    while let Some(Reverse((_, txn))) = schedule.candidates.pop() {
        let id = TxnId(txn);
        left = left.checked_sub(1).ok_or_else(|| {
            "the search for an order was given up: too many transactions wait for each other"
                .to_owned()
        })?;
        match schedule.hindrance(id) {
            None => schedule.run(id)?,
            Some(hindrance) => schedule.park(id, hindrance),
        }
    }
    schedule.finished()
}

/// Why a transaction cannot run now.
#[derive(Clone, Copy, Debug)]
enum Hindrance {
    /// It read this value of this key, which is not there.
    Value(KeyId, Atom),
    /// It overwrites a value of this key that others still have to read; whether it read it itself.
    Readers(KeyId, bool),
}

struct Schedule<'a> {
    table: &'a Table,
    graph: &'a Graph,
    happened: &'a [bool],
    /// Whose turn it is before whose, where both could run.
    turns: &'a [u32],
    /// Per vertex, how many edges into it are not done.
    before: Vec<u32>,
    /// What each key holds.
    held: Vec<Atom>,
    /// How many transactions are still to read each value from outside.
    readers: FxHashMap<(KeyId, Atom), u32>,
    candidates: BinaryHeap<Reverse<(u32, u32)>>,
    for_value: FxHashMap<(KeyId, Atom), Vec<u32>>,
    /// Per key, those that wait for readers; first who read the value itself, for it may be the
    /// reader that the others wait for.
    for_readers: Vec<BinaryHeap<Reverse<(bool, u32, u32)>>>,
    /// Per key, the transaction that was last seen to mention it.
    mentioned: Vec<Option<TxnId>>,
    /// Per key, whether that transaction began with a read.
    read_first: Vec<bool>,
    ran: usize,
}

impl<'a> Schedule<'a> {
    fn new(table: &'a Table, graph: &'a Graph, happened: &'a [bool], turns: &'a [u32]) -> Self {
        let mut before = vec![0_u32; graph.vertices() as usize];
        for vertex in 0..graph.vertices() {
            for target in graph.targets(vertex) {
                before[*target as usize] += 1;
            }
        }
        let keys = table.key_count();
        let mut schedule = Self {
            table,
            graph,
            happened,
            turns,
            held: vec![Atom::NIL; keys],
            readers: FxHashMap::default(),
            candidates: BinaryHeap::new(),
            for_value: FxHashMap::default(),
            for_readers: vec![BinaryHeap::new(); keys],
            mentioned: vec![None; keys],
            read_first: vec![false; keys],
            before,
            ran: 0,
        };
        for (id, _) in table.txns().filter(|(_, txn)| txn.is_ok()) {
            for &mop in table.mops(id) {
                if schedule.is_first(id, mop)
                    && let Mop::Read(key, value) = mop
                {
                    *schedule.readers.entry((key, value)).or_default() += 1;
                }
            }
        }
        schedule.mentioned.fill(None);
        let ready = (0..graph.vertices()).filter(|at| schedule.before[*at as usize] == 0).collect();
        schedule.done(ready);
        schedule
    }

    /// Whether a transaction mentions the key for the first time; to be asked in order.
    fn is_first(&mut self, id: TxnId, mop: Mop) -> bool {
        let before = self.mentioned[mop.key().index()].replace(id);
        let first = before != Some(id);
        if first {
            self.read_first[mop.key().index()] = matches!(mop, Mop::Read(..));
        }
        first
    }

    /// Vertices that nothing hinders any more: transactions to run, others to go through.
    fn done(&mut self, mut ready: Vec<u32>) {
        while let Some(vertex) = ready.pop() {
            let runs = vertex < self.graph.txns() && self.happened[vertex as usize];
            if runs {
                self.candidates.push(Reverse((self.turns[vertex as usize], vertex)));
            } else {
                self.release(vertex, &mut ready);
            }
        }
    }

    fn release(&mut self, vertex: u32, ready: &mut Vec<u32>) {
        for target in self.graph.targets(vertex) {
            let before = &mut self.before[*target as usize];
            *before -= 1;
            if *before == 0 {
                ready.push(*target);
            }
        }
    }

    fn waiting(&self, key: KeyId) -> u32 {
        self.readers.get(&(key, self.held[key.index()])).copied().unwrap_or(0)
    }

    fn hindrance(&mut self, id: TxnId) -> Option<Hindrance> {
        let table = self.table;
        let ok = table.txn(id).is_ok();
        let mut hindrance = None;
        self.forget(id);
        for &mop in table.mops(id) {
            let first = self.is_first(id, mop);
            match mop {
                Mop::Read(key, value) if ok && first && self.held[key.index()] != value => {
                    return Some(Hindrance::Value(key, value));
                }
                Mop::Write(key, _) if hindrance.is_none() => {
                    let own = ok && self.read_first[key.index()];
                    if self.waiting(key) > u32::from(own) {
                        hindrance = Some(Hindrance::Readers(key, own));
                    }
                }
                _ => {}
            }
        }
        hindrance
    }

    /// A transaction is looked at again: it did not mention anything yet.
    fn forget(&mut self, id: TxnId) {
        for mop in self.table.mops(id) {
            self.mentioned[mop.key().index()] = None;
        }
    }

    fn park(&mut self, id: TxnId, hindrance: Hindrance) {
        let kept = match hindrance {
            Hindrance::Value(key, value) => {
                self.for_value.entry((key, value)).or_default().push(id.0);
                None
            }
            Hindrance::Readers(key, own) => {
                let turn = self.turns[id.index()];
                self.for_readers[key.index()].push(Reverse((!own, turn, id.0)));
                Some(key)
            }
        };
        // It may have been the one that was chosen among those that wait for another of its keys.
        for mop in self.table.mops(id) {
            if let Mop::Write(key, _) = *mop
                && Some(key) != kept
            {
                self.wake(key);
            }
        }
    }

    /// One of those that wait for the readers of a key is a candidate again, if it can be.
    fn wake(&mut self, key: KeyId) {
        let waiting = self.waiting(key);
        let able = |own: bool| waiting <= u32::from(own);
        let heap = &mut self.for_readers[key.index()];
        if heap.peek().is_some_and(|Reverse((other, ..))| able(!other)) {
            let Reverse((_, turn, txn)) = heap.pop().expect("one was just seen");
            self.candidates.push(Reverse((turn, txn)));
        }
    }

    fn run(&mut self, id: TxnId) -> Result<(), String> {
        let table = self.table;
        let ok = table.txn(id).is_ok();
        self.forget(id);
        for &mop in table.mops(id) {
            let first = self.is_first(id, mop);
            match mop {
                Mop::Read(key, value) if ok => {
                    if self.held[key.index()] != value {
                        return Err(self.contradiction(id, key, value));
                    }
                    if first && let Some(readers) = self.readers.get_mut(&(key, value)) {
                        *readers -= 1;
                    }
                }
                Mop::Write(key, value) => {
                    self.held[key.index()] = value;
                    let waited = self.for_value.remove(&(key, value)).unwrap_or_default();
                    let turns = self.turns;
                    let again = waited.into_iter().map(|txn| Reverse((turns[txn as usize], txn)));
                    self.candidates.extend(again);
                }
                _ => {}
            }
        }
        for mop in table.mops(id) {
            self.wake(mop.key());
        }
        self.ran += 1;
        let mut ready = Vec::new();
        self.release(id.0, &mut ready);
        self.done(ready);
        Ok(())
    }

    fn contradiction(&self, id: TxnId, key: KeyId, value: Atom) -> String {
        format!(
            "{} read {} = {} where the order that was tried holds {}",
            name(self.table, id),
            self.table.key_text(key),
            self.table.text(value),
            self.table.text(self.held[key.index()]),
        )
    }

    fn finished(&self) -> Result<(), String> {
        let all = self.happened.iter().filter(|happened| **happened).count();
        if self.ran == all {
            return Ok(());
        }
        let for_value = self
            .for_value
            .iter()
            .flat_map(|((key, value), txns)| txns.iter().map(|txn| (*txn, *key, *value)));
        if let Some((txn, key, value)) = for_value.min() {
            return Err(self.contradiction(TxnId(txn), key, value));
        }
        let for_readers = (0..).map(KeyId).zip(&self.for_readers);
        let parked = for_readers
            .flat_map(|(key, heap)| heap.iter().map(move |Reverse((.., txn))| (*txn, key)))
            .min();
        Err(match parked {
            Some((txn, key)) => format!(
                "{} overwrites a value of key {} that others read later in every order that was \
                 tried",
                name(self.table, TxnId(txn)),
                self.table.key_text(key),
            ),
            None => CYCLE.to_owned(),
        })
    }
}
