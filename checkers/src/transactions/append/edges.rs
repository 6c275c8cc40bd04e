//! The dependencies: who appended before whom, who saw it, who did not see it yet.
//!
//! ```text
//!   version order of key 1:   5 (T3)   7 (T4)        9 (T8) was seen by nobody
//!
//!   ww   T3 -> T4 -> T8           each to the next; what nobody saw comes after the last
//!   wr   T4 -> T6                 T6 read [5 7]: the last element says it all
//!   rw   T5 -> T4                 T5 read [5]; T6, at the tail, comes before T8
//! ```
//!
//! Every reader of the tail comes before every append that nobody saw. These may be many on both
//! sides, so they meet in a chain of auxiliary vertices, `before[i]` leading to the first `i` of
//! the appenders, `after[i]` to the others. A transaction that read the tail and then appended is
//! on both sides, and must not come before itself: the `i`th appender hangs on `before[i - 1]` and
//! on `after[i + 1]`, which are the others.

use super::orders::{Orders, Seen};
use crate::transactions::graph::{Dep, Edges};
use crate::transactions::table::{KeyId, Mop, Table, TxnId};

/// The edges of a table, with what is left to be known.
#[derive(Debug)]
pub(super) struct Dependencies<'a> {
    table: &'a Table,
    orders: &'a Orders,
    edges: Edges,
    /// Readers of the last version of a key.
    tail: Vec<(KeyId, u32)>,
    /// Transactions with appends that nobody saw.
    unseen: Vec<(KeyId, u32)>,
}

impl<'a> Dependencies<'a> {
    pub(super) fn new(table: &'a Table, orders: &'a Orders) -> Self {
        let edges = Edges::new(table.len());
        Self { table, orders, edges, tail: Vec::new(), unseen: Vec::new() }
    }

    /// What a transaction read and appended.
    pub(super) fn txn(&mut self, id: TxnId, mops: &[Mop]) {
        let possible = self.table.txn(id).is_possible();
        for mop in mops {
            match *mop {
                Mop::List(key, list) => {
                    let seen = self.orders.seen(self.table, key, list);
                    self.read(id.0, key, seen);
                }
                Mop::Append(key, element) if possible => {
                    let slot = self.orders.slot(key, element);
                    if slot.is_some_and(|slot| slot.position == super::orders::NONE) {
                        self.unseen.push((key, id.0));
                    }
                }
                _ => {}
            }
        }
    }

    fn read(&mut self, reader: u32, key: KeyId, seen: Seen) {
        if let Some(writer) = self.orders.last_writer(key, seen).possible() {
            self.edges.add(writer, reader, Dep::Wr);
        }
        let next = match seen {
            Seen::Initial => 0,
            Seen::At(at) => at + 1,
            Seen::Off(_) => return,
        };
        match self.orders.writers(key).get(next as usize) {
            Some(writer) => {
                if let Some(writer) = writer.possible() {
                    self.edges.add(reader, writer, Dep::Rw);
                }
            }
            None => self.tail.push((key, reader)),
        }
    }

    /// The version orders, and what follows their ends. Gives the edges and the gaps.
    pub(super) fn finish(mut self) -> (Edges, Vec<String>) {
        for key in (0..).map(KeyId).take(self.table.key_count()) {
            for pair in self.orders.writers(key).windows(2) {
                if let (Some(from), Some(to)) = (pair[0].possible(), pair[1].possible()) {
                    self.edges.add(from, to, Dep::Ww);
                }
            }
        }
        self.tail.sort_unstable();
        self.tail.dedup();
        self.unseen.sort_unstable();
        self.unseen.dedup();
        let (tail, unseen) = (std::mem::take(&mut self.tail), std::mem::take(&mut self.unseen));
        let mut readers = &tail[..];
        let mut unordered = Unordered::default();
        for appenders in unseen.chunk_by(|a, b| a.0 == b.0) {
            let key = appenders[0].0;
            readers = &readers[readers.partition_point(|reader| reader.0 < key)..];
            let here = readers.partition_point(|reader| reader.0 == key);
            let last = self.orders.writers(key).last().and_then(|writer| writer.possible());
            for appender in appenders {
                if let Some(last) = last {
                    self.edges.add(last, appender.1, Dep::Ww);
                }
            }
            before_all(&mut self.edges, &readers[..here], appenders);
            unordered.add(key, appenders.len());
        }
        (self.edges, unordered.gap(self.table))
    }
}

/// Puts each of the readers before each of the appenders, except itself. Both are sorted.
fn before_all(edges: &mut Edges, readers: &[(KeyId, u32)], appenders: &[(KeyId, u32)]) {
    if readers.len().saturating_mul(appenders.len()) <= 2 * (readers.len() + appenders.len()) {
        for reader in readers {
            for appender in appenders {
                edges.add(reader.1, appender.1, Dep::Rw);
            }
        }
        return;
    }
    let place = |reader: &(KeyId, u32)| appenders.binary_search(reader);
    let mut before = Vec::with_capacity(appenders.len());
    for (at, appender) in appenders.iter().enumerate() {
        let vertex = edges.auxiliary();
        edges.carry(vertex, appender.1);
        if at > 0 {
            edges.carry(vertex, before[at - 1]);
        }
        before.push(vertex);
    }
    let mut after = vec![None; appenders.len() + 1];
    if readers.iter().any(|reader| place(reader).is_ok()) {
        for (at, appender) in appenders.iter().enumerate().rev() {
            let vertex = edges.auxiliary();
            edges.carry(vertex, appender.1);
            if let Some(next) = after[at + 1] {
                edges.carry(vertex, next);
            }
            after[at] = Some(vertex);
        }
    }
    for reader in readers {
        let (first, second) = match place(reader) {
            Ok(at) => (at.checked_sub(1).map(|at| before[at]), after[at + 1]),
            Err(_) => (before.last().copied(), None),
        };
        for vertex in [first, second].into_iter().flatten() {
            edges.add(reader.1, vertex, Dep::Rw);
        }
    }
}

/// Keys of which several appends were seen by nobody.
#[derive(Debug, Default)]
struct Unordered {
    keys: usize,
    /// The first of those with the most appends.
    most: Option<(usize, KeyId)>,
}

impl Unordered {
    fn add(&mut self, key: KeyId, appenders: usize) {
        if appenders < 2 {
            return;
        }
        self.keys += 1;
        if self.most.is_none_or(|(most, _)| appenders > most) {
            self.most = Some((appenders, key));
        }
    }

    fn gap(&self, table: &Table) -> Vec<String> {
        let Some((appenders, key)) = self.most else { return Vec::new() };
        let key = super::tally::Words(table).key(key);
        let more = match self.keys - 1 {
            0 => String::new(),
            1 => ", nor that of one more key's".to_owned(),
            more => format!(", nor that of {more} more keys'"),
        };
        vec![format!(
            "the order of {appenders} transactions' appends to key {key} is unknown, since nobody \
             read them{more}"
        )]
    }
}
