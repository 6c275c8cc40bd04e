//! What follows from the causal past: whatever is in it is seen.
//!
//! ```text
//!              s1  s2  s3 ...
//!   clock(T9)   7   0   2      of session s1, the first 7 transactions are in T9's causal past
//!
//!   T9 reads x from T1: of each session, the last one in T9's past that wrote x comes before T1,
//!   unless it is in T1's past, and then that is known already
//! ```
//!
//! The last one of each session is enough, since a session is ordered (AWDIT, section 5): n reads
//! and k sessions cost n times k. The columns of the clocks do not know of each other; so only
//! [`COLUMNS`] of them are there at a time, and memory does not grow with the number of sessions,
//! of which there are as many as crashed clients.

use super::facts::Facts;
use super::order::{Base, NONE};
use super::{Later, Spent};
use crate::budget::Budget;
use crate::transactions::lattice::Model;
use crate::transactions::table::KeyId;
use std::ops::Range;

/// How many sessions are looked at together: a clock is four cache lines.
const COLUMNS: usize = 64;

/// Where a session writes a key.
#[derive(Clone, Copy, Debug)]
struct Row {
    session: u32,
    /// Where its places begin; they end where those of the next row begin.
    start: u32,
}

/// By key and session, the places of its writers.
#[derive(Debug)]
struct Writers {
    rows: Vec<Row>,
    /// By key, where its rows end.
    ends: Vec<u32>,
    /// Ascending in each row.
    places: Vec<u32>,
}

impl Writers {
    fn new(facts: &Facts<'_>, base: &Base) -> Self {
        let keys = facts.table.key_count();
        let mut by_key: Vec<Vec<(u32, u32)>> = vec![Vec::new(); keys];
        for (session, list) in (0_u32..).zip(&base.sessions) {
            for &txn in list {
                for key in facts.writes(txn) {
                    by_key[key.index()].push((session, base.place[txn as usize]));
                }
            }
        }
        let (mut rows, mut ends, mut places): (Vec<Row>, _, _) =
            (Vec::new(), Vec::with_capacity(keys), Vec::new());
        for list in by_key {
            let first = rows.len();
            for (session, place) in list {
                if rows[first..].last().is_none_or(|row| row.session != session) {
                    rows.push(Row { session, start: length(places.len()) });
                }
                places.push(place);
            }
            ends.push(length(rows.len()));
        }
        rows.push(Row { session: NONE, start: length(places.len()) });
        Self { rows, ends, places }
    }

    /// The rows of a key with sessions in this range.
    fn rows(&self, key: KeyId, sessions: &Range<u32>) -> Range<usize> {
        let start = if key.0 == 0 { 0 } else { self.ends[key.index() - 1] } as usize;
        let rows = &self.rows[start..self.ends[key.index()] as usize];
        let from = start + rows.partition_point(|row| row.session < sessions.start);
        let to = start + rows.partition_point(|row| row.session < sessions.end);
        from..to
    }

    /// The last place of a row that is at most the limit. `hint` is where the last search of this
    /// row ended; limits only grow.
    fn last(&self, row: usize, limit: u32, hint: &mut u32) -> Option<u32> {
        let places = &self.places[self.rows[row].start as usize..self.rows[row + 1].start as usize];
        let mut known = *hint as usize;
        let mut step = 1;
        while places.get(known + step - 1).is_some_and(|place| *place <= limit) {
            known += step;
            step *= 2;
        }
        let unknown = &places[known..places.len().min(known + step)];
        known += unknown.partition_point(|place| *place <= limit);
        *hint = length(known);
        known.checked_sub(1).map(|last| places[last])
    }
}

/// The orders that a causal history forces; `rank` is an order of reads and sessions.
pub(super) fn infer(
    facts: &Facts<'_>,
    base: &Base,
    rank: &[u32],
    budget: &Budget<'_>,
) -> Result<Vec<Later>, Spent> {
    let mut order = vec![0_u32; rank.len()];
    for (vertex, place) in (0_u32..).zip(rank) {
        order[*place as usize] = vertex;
    }
    let writers = Writers::new(facts, base);
    let name = Model::Causal.name();
    let columns = base.sessions.len().min(COLUMNS);
    let bytes = (facts.table.len() as u64) * (columns as u64) * size_of::<u32>() as u64;
    let left = budget.bytes_max.saturating_sub(bytes) / size_of::<Later>() as u64;
    if left == 0 {
        return Err(Spent::Bytes(name, budget.bytes_max));
    }
    let mut clocks = Clocks { columns, values: vec![0; facts.table.len() * columns] };
    let mut hints = vec![(NONE, 0_u32); writers.rows.len()];
    let mut later = Vec::new();
    for first in (0..base.sessions.len()).step_by(columns.max(1)) {
        let last = (first + columns).min(base.sessions.len());
        let block = length(first)..length(last);
        clocks.run(facts, base, &order, &block);
        hints.fill((NONE, 0));
        for (session, list) in (0_u32..).zip(&base.sessions) {
            if budget.stopped() {
                return Err(Spent::Stopped(name));
            }
            for &reader in list {
                let scan =
                    Scan { facts, base, writers: &writers, clocks: &clocks, session, reader };
                scan.reads(&block, &mut hints, &mut later);
            }
            if later.len() as u64 > left {
                return Err(Spent::Bytes(name, budget.bytes_max));
            }
        }
    }
    Ok(later)
}

/// Some columns of the clocks of all transactions. A transaction is in its own past here.
struct Clocks {
    columns: usize,
    values: Vec<u32>,
}

impl Clocks {
    fn of(&self, txn: u32) -> &[u32] {
        &self.values[txn as usize * self.columns..][..self.columns]
    }

    /// The columns of these sessions.
    fn run(&mut self, facts: &Facts<'_>, base: &Base, order: &[u32], block: &Range<u32>) {
        let initial = facts.initial();
        let mut clock = [0_u32; COLUMNS];
        let clock = &mut clock[..self.columns];
        for &txn in order.iter().filter(|txn| **txn != initial) {
            clock.fill(0);
            let sources = facts.reads(txn).iter().map(|seen| seen.source);
            let sources = sources.filter(|source| *source != initial);
            for source in sources.chain(base.previous(txn)) {
                for (mine, theirs) in clock.iter_mut().zip(self.of(source)) {
                    *mine = (*mine).max(*theirs);
                }
            }
            let session = base.session[txn as usize];
            if block.contains(&session) {
                clock[(session - block.start) as usize] = base.place[txn as usize];
            }
            self.values[txn as usize * self.columns..][..self.columns].copy_from_slice(clock);
        }
    }
}

/// A reader, and what it takes to look at its reads.
struct Scan<'a> {
    facts: &'a Facts<'a>,
    base: &'a Base,
    writers: &'a Writers,
    clocks: &'a Clocks,
    session: u32,
    reader: u32,
}

impl Scan<'_> {
    fn reads(&self, block: &Range<u32>, hints: &mut [(u32, u32)], later: &mut Vec<Later>) {
        let &Self { facts, reader, .. } = self;
        let seen = self.clocks.of(reader);
        for read in facts.reads(reader) {
            let known = (read.source != facts.initial()).then(|| self.clocks.of(read.source));
            for row in self.writers.rows(read.key, block) {
                let session = self.writers.rows[row].session;
                let column = (session - block.start) as usize;
                let own = u32::from(session == self.session);
                let (limit, floor) = (seen[column] - own, known.map_or(0, |known| known[column]));
                if limit <= floor {
                    continue;
                }
                let (stamp, hint) = &mut hints[row];
                if *stamp != self.session {
                    (*stamp, *hint) = (self.session, 0);
                }
                let place = self.writers.last(row, limit, hint);
                if let Some(place) = place.filter(|place| *place > floor) {
                    let before = self.base.sessions[session as usize][place as usize - 1];
                    later.push(Later { before, after: read.source, reader, key: read.key });
                }
            }
        }
    }
}

fn length(length: usize) -> u32 {
    u32::try_from(length).expect("a history has fewer than 2^32 micro-operations")
}
