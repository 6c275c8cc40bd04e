//! The order of each key's versions, as far as somebody may assume it.
//!
//! ```text
//!   initial state        nil -> every version                    (kept implicit: one per version)
//!   commit order         v -> v'   successive writes, by commit timestamps
//!   writes follow reads  v -> v'   T reads v and then writes v'
//!   sequential keys      v -> v'   a process last shows v, and next, in another transaction, v'
//!   linearizable keys    v -> v'   T last shows v, and ended before T' began, which first shows v'
//! ```
//!
//! The sources are added one after another. One that closes a circle contradicts itself or what is
//! known before it: it is reported (`cyclic-versions`), and left out for all keys (Elle's rule),
//! so that no edge rests on an assumption that this very history refutes.
//!
//! Real time costs one sweep over each key's own transactions: the last versions shown before an
//! invocation, without those that a later one covers. A transaction that shows two versions (it
//! reads one and writes another) covers the earlier ones only where writes follow reads; elsewhere
//! they stay for one more, which bounds the edges by a multiple of the concurrency.

use super::super::options::Sources;
use super::super::table::{KeyId, Table, TxnId};
use super::versions::{Touch, Version, Versions};
use crate::history::Process;
use rustc_hash::FxHashMap;

/// Where an edge between versions comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    WritesFollowReads,
    SequentialKeys,
    LinearizableKeys,
}

impl Source {
    /// The assumption, as the end of a sentence.
    pub(super) fn assumption(self) -> &'static str {
        match self {
            Self::WritesFollowReads => {
                "within a transaction, what is written is taken to follow what was read"
            }
            Self::SequentialKeys => "each key is taken to be sequentially consistent",
            Self::LinearizableKeys => "each key is taken to be linearizable",
        }
    }
}

/// A circle of versions, and the source that closed it.
#[derive(Debug)]
pub(super) struct Circle {
    pub(super) source: Source,
    /// The versions, each before the next and the last before the first.
    pub(super) versions: Vec<Version>,
    /// In how many keys there are circles.
    pub(super) keys: u64,
}

/// The order of the versions, as far as it is known.
#[derive(Debug)]
pub(super) struct Order {
    /// The sources that were used.
    pub(super) sources: Vec<Source>,
    /// Those that were not, and why.
    pub(super) circles: Vec<Circle>,
    rows: Rows,
    /// Where each version stands in one order that agrees with all edges.
    rank: Vec<u32>,
}

impl Order {
    pub(super) fn of(table: &Table, versions: &Versions, sources: Sources) -> Self {
        let asked = [
            (sources.writes_follow_reads, Source::WritesFollowReads),
            (sources.sequential_keys, Source::SequentialKeys),
            (sources.linearizable_keys, Source::LinearizableKeys),
        ];
        let mut order = Self {
            sources: Vec::new(),
            circles: Vec::new(),
            rows: Rows::of(versions.len(), &[]),
            rank: (0..).take(versions.len()).collect(),
        };
        let mut edges = Vec::new();
        for (_, source) in asked.into_iter().filter(|(asked, _)| *asked) {
            let kept = edges.len();
            match source {
                Source::WritesFollowReads => writes_follow_reads(table, versions, &mut edges),
                Source::SequentialKeys => sequential_keys(table, versions, &mut edges),
                Source::LinearizableKeys => {
                    let covers = order.sources.contains(&Source::WritesFollowReads);
                    linearizable_keys(table, versions, covers, &mut edges);
                }
            }
            match order.with(versions, &edges) {
                Ok((rows, rank)) => {
                    (order.rows, order.rank) = (rows, rank);
                    order.sources.push(source);
                }
                Err((circle, keys)) => {
                    order.circles.push(Circle { source, versions: circle, keys });
                    edges.truncate(kept);
                }
            }
        }
        order
    }

    fn with(
        &self,
        versions: &Versions,
        edges: &[(Version, Version)],
    ) -> Result<(Rows, Vec<u32>), (Vec<Version>, u64)> {
        // Everything follows the initial state, so that whatever precedes it closes a circle.
        let into_nil: Vec<_> = edges.iter().filter(|(_, to)| versions.is_nil(*to)).collect();
        if let Some((from, nil)) = into_nil.iter().min_by_key(|(from, to)| (*to, *from)) {
            let mut keys: Vec<_> = into_nil.iter().map(|(_, nil)| nil).collect();
            keys.sort_unstable();
            keys.dedup();
            return Err((vec![*nil, *from], keys.len() as u64));
        }
        let rows = Rows::of(versions.len(), edges);
        let rank = rows.rank().map_err(|left| rows.circle(versions, &left))?;
        Ok((rows, rank))
    }

    /// The versions directly after a version, ascending; of the initial state, all others of its
    /// key are, and not here.
    pub(super) fn after(&self, version: Version) -> impl Iterator<Item = Version> + '_ {
        self.rows.of_version(version).iter().map(|next| Version(*next))
    }

    /// Whether one directly precedes the other.
    pub(super) fn precedes(&self, versions: &Versions, one: Version, other: Version) -> bool {
        if versions.is_nil(one) {
            return one != other && versions.key(one) == versions.key(other);
        }
        self.rows.of_version(one).binary_search(&other.0).is_ok()
    }

    /// Where it stands in one order that agrees with what is known.
    pub(super) fn rank(&self, version: Version) -> u32 {
        self.rank[version.index()]
    }

    /// Whether one precedes the other, directly or through a few others.
    pub(super) fn leads(&self, versions: &Versions, one: Version, other: Version) -> bool {
        /// Enough for the versions that overlapping transactions write of one key; an order that
        /// is missed costs a name, for the cycle is found all the same.
        const VISITED_MAX: usize = 32;
        if self.precedes(versions, one, other) {
            return true;
        }
        let mut visited = vec![one];
        let mut next = 0;
        while next < visited.len() && visited.len() < VISITED_MAX {
            let here = visited[next];
            next += 1;
            for after in self.after(here) {
                if after == other {
                    return true;
                }
                if self.rank(after) < self.rank(other) && !visited.contains(&after) {
                    visited.push(after);
                }
                if visited.len() >= VISITED_MAX {
                    break;
                }
            }
        }
        false
    }
}

/// Edges between versions in compressed sparse rows, each row ascending and without repetition.
#[derive(Debug)]
struct Rows {
    offsets: Vec<u32>,
    targets: Vec<u32>,
}

impl Rows {
    fn of(versions: usize, edges: &[(Version, Version)]) -> Self {
        let mut offsets = vec![0_u32; versions + 2];
        for (from, _) in edges {
            offsets[from.index() + 2] += 1;
        }
        for at in 2..offsets.len() {
            offsets[at] += offsets[at - 1];
        }
        let mut targets = vec![0_u32; edges.len()];
        for (from, to) in edges {
            let at = &mut offsets[from.index() + 1];
            targets[*at as usize] = to.0;
            *at += 1;
        }
        offsets.pop();
        let mut rows = Self { offsets, targets };
        rows.dedup();
        rows
    }

    fn dedup(&mut self) {
        let mut kept = 0;
        let mut start = 0;
        for row in 1..self.offsets.len() {
            let end = self.offsets[row] as usize;
            self.targets[start..end].sort_unstable();
            let first = kept;
            for at in start..end {
                if kept == first || self.targets[kept - 1] != self.targets[at] {
                    self.targets[kept] = self.targets[at];
                    kept += 1;
                }
            }
            start = end;
            self.offsets[row] = u32::try_from(kept).expect("no more than there were");
        }
        self.targets.truncate(kept);
    }

    fn of_version(&self, version: Version) -> &[u32] {
        let at = version.index();
        &self.targets[self.offsets[at] as usize..self.offsets[at + 1] as usize]
    }

    fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// The place of each version in a topological order (Kahn); else, for each version, whether it
    /// stands on a circle or after one.
    fn rank(&self) -> Result<Vec<u32>, Vec<bool>> {
        let mut before = vec![0_u32; self.len()];
        for to in &self.targets {
            before[*to as usize] += 1;
        }
        let mut queue: Vec<u32> =
            (0..).zip(&before).filter(|(_, count)| **count == 0).map(|(at, _)| at).collect();
        let mut next = 0;
        while next < queue.len() {
            for to in self.of_version(Version(queue[next])) {
                before[*to as usize] -= 1;
                if before[*to as usize] == 0 {
                    queue.push(*to);
                }
            }
            next += 1;
        }
        if queue.len() < self.len() {
            return Err(before.into_iter().map(|count| count > 0).collect());
        }
        let mut rank = before;
        for (place, version) in (0..).zip(queue) {
            rank[version as usize] = place;
        }
        Ok(rank)
    }

    /// A circle among the versions that have no rank, and in how many keys there are some.
    fn circle(&self, versions: &Versions, left: &[bool]) -> (Vec<Version>, u64) {
        // Everything that is left has something before it that is left, too; so whoever walks
        // back comes round.
        let mut back = vec![u32::MAX; self.len()];
        let mut keys = Vec::new();
        for from in (0..self.len()).filter(|from| left[*from]) {
            let from = Version(u32::try_from(from).expect("versions were counted in 32 bits"));
            keys.push(versions.key(from));
            for to in self.of_version(from).iter().filter(|to| left[**to as usize]) {
                back[*to as usize] = back[*to as usize].min(from.0);
            }
        }
        keys.sort_unstable();
        keys.dedup();
        let first = left.iter().position(|left| *left).expect("some versions are left");
        let mut walked = vec![u32::try_from(first).expect("counted in 32 bits")];
        let mut place = FxHashMap::from_iter([(walked[0], 0)]);
        loop {
            let here = back[walked[walked.len() - 1] as usize];
            if let Some(start) = place.insert(here, walked.len()) {
                let circle = walked[start..].iter().rev().map(|at| Version(*at)).collect();
                return (circle, keys.len() as u64);
            }
            walked.push(here);
        }
    }
}

/// What a transaction shows first of a key, and what last. A read of nil that a write follows
/// shows the write only: Elle's rule, and nothing is lost, for nil precedes it anyway.
pub(super) fn first(versions: &Versions, touch: &Touch) -> Option<Version> {
    touch.read().filter(|read| !versions.is_nil(*read)).or(touch.write()).or(touch.read())
}

pub(super) fn last(touch: &Touch) -> Option<Version> {
    touch.write().or(touch.read())
}

fn link(edges: &mut Vec<(Version, Version)>, versions: &Versions, from: Version, to: Version) {
    if from != to && !versions.is_nil(from) {
        edges.push((from, to));
    }
}

fn writes_follow_reads(table: &Table, versions: &Versions, edges: &mut Vec<(Version, Version)>) {
    for touch in versions.touches() {
        if let (Some(read), Some(write)) = (touch.read(), touch.write())
            && table.txn(touch.txn).is_ok()
        {
            link(edges, versions, read, write);
        }
    }
}

fn sequential_keys(table: &Table, versions: &Versions, edges: &mut Vec<(Version, Version)>) {
    let mut shown: FxHashMap<(Process, KeyId), Version> = FxHashMap::default();
    for touch in versions.touches() {
        let txn = table.txn(touch.txn);
        let (Some(first), Some(last)) = (first(versions, touch), last(touch)) else { continue };
        if txn.is_ok()
            && let Some(before) = shown.insert((txn.process(), touch.key), last)
        {
            link(edges, versions, before, first);
        }
    }
}

/// The touches of each key, in order of completion.
pub(super) struct ByKey {
    offsets: Vec<u32>,
    list: Vec<Touch>,
}

impl ByKey {
    pub(super) fn of(table: &Table, versions: &Versions) -> Self {
        let mut offsets = vec![0_u32; table.key_count() + 2];
        for touch in versions.touches() {
            offsets[touch.key.index() + 2] += 1;
        }
        for at in 2..offsets.len() {
            offsets[at] += offsets[at - 1];
        }
        let mut list = versions.touches().to_vec();
        for touch in versions.touches() {
            let at = &mut offsets[touch.key.index() + 1];
            list[*at as usize] = *touch;
            *at += 1;
        }
        offsets.pop();
        Self { offsets, list }
    }

    pub(super) fn of_key(&self, key: KeyId) -> &[Touch] {
        let at = key.index();
        &self.list[self.offsets[at] as usize..self.offsets[at + 1] as usize]
    }
}

fn linearizable_keys(
    table: &Table,
    versions: &Versions,
    covers: bool,
    edges: &mut Vec<(Version, Version)>,
) {
    let by_key = ByKey::of(table, versions);
    let mut sweep = Sweep { table, versions, covers, invoked: Vec::new(), recent: Vec::new() };
    for key in (0..).take(table.key_count()).map(KeyId) {
        sweep.key(by_key.of_key(key), edges);
    }
}

/// A sweep over the transactions of one key after another, in time.
struct Sweep<'a> {
    table: &'a Table,
    versions: &'a Versions,
    /// Whether a transaction that shows two versions orders them.
    covers: bool,
    invoked: Vec<(usize, Touch)>,
    recent: Vec<Recent>,
}

/// A completed transaction that no later one covers yet.
struct Recent {
    completed: usize,
    last: Version,
    /// How many later transactions may still fail to cover it.
    spared: u8,
}

impl Sweep<'_> {
    fn key(&mut self, touches: &[Touch], edges: &mut Vec<(Version, Version)>) {
        self.recent.clear();
        self.invoked.clear();
        let began = |touch: &Touch| Some((self.table.txn(touch.txn).invoke_index()?, *touch));
        self.invoked.extend(touches.iter().filter_map(began));
        self.invoked.sort_unstable_by_key(|(index, touch)| (*index, touch.txn));
        let mut completions = touches
            .iter()
            .filter(|touch| self.table.txn(touch.txn).is_ok())
            .filter_map(|touch| Some((self.table.txn(touch.txn).complete_index()?, touch)))
            .peekable();
        for at in 0..self.invoked.len() {
            let (invoked, touch) = self.invoked[at];
            while let Some((completed, done)) = completions.next_if(|next| next.0 < invoked) {
                complete(&mut self.recent, self.table, self.versions, self.covers, completed, done);
            }
            let Some(first) = first(self.versions, &touch) else { continue };
            for recent in &self.recent {
                link(edges, self.versions, recent.last, first);
            }
        }
    }
}

/// Puts a completed transaction among the recent ones, and takes away those that it covers.
fn complete(
    recent: &mut Vec<Recent>,
    table: &Table,
    versions: &Versions,
    covers: bool,
    completed: usize,
    touch: &Touch,
) {
    let (Some(first), Some(last)) = (first(versions, touch), last(touch)) else { return };
    let covers = covers || first == last;
    let began = table.txn(touch.txn).invoke_index().unwrap_or(0);
    recent.retain_mut(|earlier| {
        let before = earlier.completed < began;
        if before && !covers && earlier.spared > 0 {
            earlier.spared -= 1;
            return true;
        }
        !before
    });
    recent.push(Recent { completed, last, spared: 1 });
}
