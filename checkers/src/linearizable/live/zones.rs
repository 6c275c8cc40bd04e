//! Zones of one register while events come: the batch procedure (`register/zones.rs` has the
//! theory), one event at a time, on the values that somebody may still find.
//!
//! ```text
//!   block    f ... s      chains of cas are one block; f is fixed by the first return,
//!                         s grows with each invocation that turns out to belong to it
//!   checked  when s grows: no other block u has f(u) < s and f < s(u),
//!                          and along a chain nobody behind has returned before s
//!   horizon  the earliest invocation of an open read or cas
//! ```
//!
//! **Forgetting.** Block b stands before w if f(b) < s(w). If, moreover, f(w) is before the
//! horizon, then whatever is still to come on b was invoked after f(w), and contradicts w: nobody
//! can find b any more. Then the same holds for every block before b: with u before b, either u
//! stands before w, too, or f(b) itself is before the horizon. So no block is kept that must stand
//! before a forgotten one, and a forgotten one contradicts nobody any more. The clusters of a chain
//! are forgotten in the same way once a later one has returned before the horizon.
//!
//! What is kept: values that are open to somebody who is acting now, and those of indeterminate
//! operations that nobody has found yet, since they may take effect at any time. A value that is
//! written again after it was forgotten is a new cluster; while it is there, it is *ambiguous*, and
//! somebody else has to judge.
//!
//! Times are event indices plus one; at zero the register holds its initial value.

#[cfg(test)]
mod tests;

use super::model::Access;
use crate::history::Datum;
use rustc_hash::FxHashMap;
use std::collections::BTreeSet;

/// After every time.
const NEVER: u64 = u64::MAX;

/// No cluster, no block.
const NONE: u32 = u32::MAX;

/// The block of a cluster that is on its way into one.
const PENDING: u32 = u32::MAX - 1;

/// So many clusters are kept without looking whether they can be forgotten.
const CLUSTERS_MIN: usize = 64;

/// Two producers of one value are there at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ambiguous;

/// An operation that stands for what is known. It may have happened or not if it never returns.
#[derive(Clone, Debug)]
pub(super) struct Carried {
    pub(super) op: Access,
    pub(super) invoke: u64,
    pub(super) ret: Option<u64>,
}

/// What is wrong with a value that nobody could find.
const ABSENT: &str = "at no time since the invocation could it be there: nobody had set it, or it had \
    certainly been overwritten";

/// What is wrong with a producer that failed.
const TOO_LATE: &str = "was found, but what set it says that it did not happen";

/// The cluster that an operation produces. It may have been forgotten.
#[derive(Clone, Copy, Debug)]
pub(super) struct Handle {
    at: u32,
    invoke: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Producer {
    Initial,
    Write,
    /// From this value.
    Cas(Datum),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Open,
    Lost,
    Done {
        ret: u64,
    },
    /// The place is free.
    Forgotten,
}

#[derive(Clone, Debug)]
struct Cluster {
    value: Datum,
    producer: Producer,
    fate: Fate,
    /// When the producer was invoked.
    invoke: u64,
    first: u64,
    last: u64,
    /// [`NONE`] as long as nobody knows that the producer happened.
    block: u32,
    /// The neighbours in the chain.
    before: u32,
    behind: u32,
    /// Whether the one before was forgotten.
    headless: bool,
}

#[derive(Clone, Copy, Debug)]
struct Block {
    first: u64,
    last: u64,
    /// One of its clusters, for words.
    name: u32,
    clusters: u32,
}

/// The zones of one register.
#[derive(Debug)]
pub(super) struct Zones {
    clusters: Vec<Cluster>,
    free: Vec<u32>,
    by_value: FxHashMap<Datum, u32>,
    blocks: Vec<Block>,
    free_blocks: Vec<u32>,
    /// The blocks that somebody has returned from, by first return.
    returned: Vec<u32>,
    /// When the open reads and cas were invoked.
    open: BTreeSet<u64>,
    /// Clusters that were left when it was last tried to forget some.
    kept: usize,
}

impl Zones {
    /// Before the first event.
    pub(super) fn new(initial: Datum) -> Self {
        let mut zones = Self {
            clusters: Vec::new(),
            free: Vec::new(),
            by_value: FxHashMap::default(),
            blocks: Vec::new(),
            free_blocks: Vec::new(),
            returned: Vec::new(),
            open: BTreeSet::new(),
            kept: 0,
        };
        let Handle { at, .. } =
            zones.begin(initial, Producer::Initial, 0).expect("it is the only one");
        zones.clusters[at as usize].fate = Fate::Done { ret: 0 };
        zones.join(at, NONE).expect("it is the only one");
        zones.touch(at, 0, 0).expect("it is the only one");
        zones
    }

    /// A read is invoked.
    pub(super) fn begin_read(&mut self, now: u64) {
        self.open.insert(now);
    }

    /// A write is invoked.
    pub(super) fn begin_write(&mut self, to: Datum, now: u64) -> Result<Handle, Ambiguous> {
        self.begin(to, Producer::Write, now)
    }

    /// A cas is invoked.
    pub(super) fn begin_cas(
        &mut self,
        from: Datum,
        to: Datum,
        now: u64,
    ) -> Result<Handle, Ambiguous> {
        if from == to {
            return Err(Ambiguous);
        }
        let handle = self.begin(to, Producer::Cas(from), now)?;
        self.open.insert(now);
        Ok(handle)
    }

    fn begin(&mut self, value: Datum, producer: Producer, now: u64) -> Result<Handle, Ambiguous> {
        if self.by_value.contains_key(&value) {
            return Err(Ambiguous);
        }
        let cluster = Cluster {
            value: value.clone(),
            producer,
            fate: Fate::Open,
            invoke: now,
            first: NEVER,
            last: now,
            block: NONE,
            before: NONE,
            behind: NONE,
            headless: false,
        };
        let at = place(&mut self.clusters, &mut self.free, cluster);
        self.by_value.insert(value, at);
        Ok(Handle { at, invoke: now })
    }

    /// A read that was invoked then found this value. An error says what it contradicts.
    pub(super) fn found(&mut self, value: &Datum, invoke: u64, now: u64) -> Result<(), String> {
        let Some(&at) = self.by_value.get(value) else {
            return Err(format!("{value} was found, but {ABSENT}"));
        };
        self.include(at)?;
        self.touch(at, invoke, now)
    }

    /// A write or a cas happened.
    pub(super) fn happened(&mut self, handle: Handle, now: u64) -> Result<(), String> {
        let Some(at) = self.cluster(handle) else { return Ok(()) };
        self.clusters[at as usize].fate = Fate::Done { ret: now };
        self.include(at)?;
        let before = self.clusters[at as usize].before;
        if before != NONE {
            self.touch(before, handle.invoke, now)?;
        }
        self.touch(at, handle.invoke, now)
    }

    /// A write or a cas did not happen.
    pub(super) fn failed(&mut self, handle: Handle) -> Result<(), String> {
        match self.cluster(handle) {
            Some(at) if self.clusters[at as usize].block == NONE => {
                self.remove(at);
                Ok(())
            }
            Some(at) => Err(format!("{} {TOO_LATE}", self.clusters[at as usize].value)),
            None => Err(format!("a value {TOO_LATE}")),
        }
    }

    /// Nobody will ever know whether a write or a cas happened.
    pub(super) fn lost(&mut self, handle: Handle) {
        if let Some(at) = self.cluster(handle) {
            self.clusters[at as usize].fate = Fate::Lost;
        }
    }

    /// The read or cas that was invoked then is not open any more.
    pub(super) fn close(&mut self, invoke: u64) {
        self.open.remove(&invoke);
    }

    /// Forgets from time to time.
    pub(super) fn tidy(&mut self) {
        // Tests forget whenever they can, so that small histories show what that does.
        if cfg!(test) || self.by_value.len() > CLUSTERS_MIN.max(2 * self.kept) {
            self.forget();
            self.kept = self.by_value.len();
        }
    }

    /// Whether the cluster that an operation produces was forgotten.
    pub(super) fn is_forgotten(&self, handle: Handle) -> bool {
        self.cluster(handle).is_none()
    }

    fn cluster(&self, handle: Handle) -> Option<u32> {
        let cluster = &self.clusters[handle.at as usize];
        let same = cluster.invoke == handle.invoke && cluster.fate != Fate::Forgotten;
        same.then_some(handle.at)
    }

    /// The producer certainly happened, and if it is a cas, that of the value before as well.
    fn include(&mut self, at: u32) -> Result<(), String> {
        if self.clusters[at as usize].block != NONE {
            return Ok(());
        }
        let mut top = at;
        let mut behind = Vec::new();
        let before = loop {
            let cluster = &mut self.clusters[top as usize];
            cluster.block = PENDING;
            let Producer::Cas(from) = &cluster.producer else { break NONE };
            let Some(&before) = self.by_value.get(from) else {
                return Err(format!("a cas found {from}, but {ABSENT}"));
            };
            match self.clusters[before as usize].block {
                PENDING => return Err("a chain of cas leads back to where it began".to_owned()),
                NONE => behind.push(std::mem::replace(&mut top, before)),
                _ => break before,
            }
        };
        self.join(top, before)?;
        while let Some(next) = behind.pop() {
            self.join(next, top)?;
            top = next;
        }
        Ok(())
    }

    /// Puts a cluster that nobody returned from yet behind another one, or into a block of its own.
    fn join(&mut self, at: u32, before: u32) -> Result<(), String> {
        let invoke = self.clusters[at as usize].invoke;
        let fresh = Block { first: NEVER, last: invoke, name: at, clusters: 1 };
        if before == NONE {
            self.clusters[at as usize].block =
                place(&mut self.blocks, &mut self.free_blocks, fresh);
            return Ok(());
        }
        let cluster = &mut self.clusters[before as usize];
        if std::mem::replace(&mut cluster.behind, at) != NONE {
            return Err(format!("two cas found {}", cluster.value));
        }
        let block = cluster.block;
        self.clusters[at as usize].block = block;
        self.clusters[at as usize].before = before;
        self.blocks[block as usize].clusters += 1;
        self.grow(block, invoke)
    }

    /// An operation of this cluster returns that was invoked then.
    fn touch(&mut self, at: u32, invoke: u64, now: u64) -> Result<(), String> {
        let cluster = &mut self.clusters[at as usize];
        cluster.first = cluster.first.min(now);
        let block = cluster.block;
        if self.blocks[block as usize].first == NEVER {
            self.blocks[block as usize].first = now;
            self.returned.push(block);
        }
        if invoke > cluster.last {
            cluster.last = invoke;
            self.look_behind(at)?;
        }
        self.grow(block, invoke)
    }

    /// Whether somebody of a later cluster of the chain had returned before this one's last
    /// invocation.
    fn look_behind(&self, at: u32) -> Result<(), String> {
        let cluster = &self.clusters[at as usize];
        let mut behind = cluster.behind;
        while behind != NONE {
            let later = &self.clusters[behind as usize];
            if later.first < cluster.last {
                return Err(format!(
                    "{} was found by an operation invoked at event {}, but cas had led from it to \
                     {}, where an operation had returned at event {}",
                    cluster.value,
                    cluster.last - 1,
                    later.value,
                    later.first - 1
                ));
            }
            behind = later.behind;
        }
        Ok(())
    }

    /// The block's last invocation is not before this one.
    fn grow(&mut self, block: u32, invoke: u64) -> Result<(), String> {
        let grown = &mut self.blocks[block as usize];
        if invoke <= grown.last {
            return Ok(());
        }
        grown.last = invoke;
        let grown = *grown;
        let Some(other) = self.contradicts(block) else { return Ok(()) };
        let [value, another] =
            [grown, other].map(|block| &self.clusters[block.name as usize].value);
        let returned = |block: Block| match block.first {
            0 => "was there before everything".to_owned(),
            first => format!("was current before event {}, where an operation returned", first - 1),
        };
        Err(format!(
            "{another} {}, and {value} was current after event {}, where one was invoked; {value} \
             {}, and {another} was current after event {}, where one was invoked: neither of them \
             can have come first",
            returned(other),
            grown.last - 1,
            returned(grown),
            other.last - 1,
        ))
    }

    /// Another block that must stand both before and behind this one.
    fn contradicts(&self, block: u32) -> Option<Block> {
        let Block { first, last, .. } = self.blocks[block as usize];
        let before = self.returned.partition_point(|at| self.blocks[*at as usize].first < last);
        for &at in self.returned[..before].iter().rev().filter(|at| **at != block) {
            let other = self.blocks[at as usize];
            if other.last > first {
                return Some(other);
            }
            // Forward zones do not overlap so far: of those that begin before this block, the
            // latest ends last, and a backward one there ends before this block begins.
            if other.first < first.min(last) && other.first < other.last {
                return None;
            }
        }
        None
    }

    /// Forgets what nobody can find any more.
    fn forget(&mut self) {
        let horizon = self.open.first().copied().unwrap_or(NEVER);
        // The two latest invocations of blocks that returned before the horizon.
        let (mut latest, mut second) = ((0, NONE), 0);
        for &at in &self.returned {
            let block = self.blocks[at as usize];
            if block.first >= horizon {
                break;
            }
            if block.last >= latest.0 {
                second = latest.0;
                latest = (block.last, at);
            } else {
                second = second.max(block.last);
            }
        }
        for at in 0..self.clusters.len() as u32 {
            let cluster = &self.clusters[at as usize];
            if cluster.fate == Fate::Forgotten || cluster.block == NONE {
                continue;
            }
            let witness = if latest.1 == cluster.block { second } else { latest.0 };
            let overwritten = self.blocks[cluster.block as usize].first < witness;
            // Nobody who is open led there: an open cas holds the horizon back.
            let left =
                cluster.behind != NONE && self.clusters[cluster.behind as usize].first < horizon;
            if overwritten || left {
                self.forget_chain(at);
            }
        }
        let blocks = &self.blocks;
        self.returned.retain(|at| blocks[*at as usize].clusters > 0);
    }

    /// Forgets a cluster and those before it.
    fn forget_chain(&mut self, mut at: u32) {
        let Cluster { behind, block, .. } = self.clusters[at as usize];
        if behind != NONE {
            let next = &mut self.clusters[behind as usize];
            next.before = NONE;
            next.headless = true;
            self.blocks[block as usize].name = behind;
        }
        while at != NONE {
            let before = self.clusters[at as usize].before;
            self.remove(at);
            at = before;
            self.blocks[block as usize].clusters -= 1;
        }
        if self.blocks[block as usize].clusters == 0 {
            self.free_blocks.push(block);
        }
    }

    fn remove(&mut self, at: u32) {
        let cluster = &mut self.clusters[at as usize];
        cluster.fate = Fate::Forgotten;
        self.by_value.remove(&cluster.value);
        self.free.push(at);
    }

    /// Operations that say the same as all that are known here, but for those whose producer is
    /// open; and what the register holds before them, if anybody may still find that.
    ///
    /// Of a cluster only its producer, its first return and its last invocation ever matter. What
    /// was forgotten stands before all others, and of a chain that lost its beginning it only
    /// matters when somebody of it first returned.
    pub(super) fn carry(&self, now: u64) -> (Option<Datum>, Vec<Carried>) {
        let mut initial = None;
        let mut carried = Vec::new();
        for cluster in self.clusters.iter().filter(|c| c.fate != Fate::Forgotten) {
            let value = || cluster.value.clone();
            let write = Access::Write(value());
            let mut certain =
                |op, invoke, ret| carried.push(Carried { op, invoke, ret: Some(ret) });
            match (&cluster.producer, cluster.fate) {
                (Producer::Initial, _) => initial = Some(value()),
                _ if cluster.headless => {
                    certain(write, 0, self.blocks[cluster.block as usize].first);
                }
                (_, Fate::Open | Fate::Forgotten) => {}
                (producer, fate) => {
                    let op = match producer {
                        Producer::Cas(from) => Access::Cas(from.clone(), value()),
                        Producer::Initial | Producer::Write => write,
                    };
                    match fate {
                        Fate::Done { ret } => certain(op, cluster.invoke, ret),
                        _ => carried.push(Carried { op, invoke: cluster.invoke, ret: None }),
                    }
                }
            }
            let mut found = |invoke, ret| {
                let ret = Some(ret);
                carried.push(Carried { op: Access::Read(value()), invoke, ret });
            };
            if cluster.block != NONE && ![0, NEVER].contains(&cluster.first) {
                found(cluster.invoke, cluster.first);
            }
            if cluster.block != NONE && cluster.last > cluster.invoke {
                found(cluster.last, now);
            }
        }
        (initial, carried)
    }

    /// The bytes that are held.
    pub(super) fn bytes(&self) -> u64 {
        let clusters = self.clusters.capacity() * (size_of::<Cluster>() + size_of::<u32>());
        let blocks = self.blocks.capacity() * (size_of::<Block>() + 2 * size_of::<u32>());
        let values = self.by_value.capacity() * (size_of::<(Datum, u32)>() + 1);
        (clusters + blocks + values + self.open.len() * 2 * size_of::<u64>()) as u64
    }
}

/// Puts something at a free place.
fn place<T>(places: &mut Vec<T>, free: &mut Vec<u32>, what: T) -> u32 {
    if let Some(at) = free.pop() {
        places[at as usize] = what;
        return at;
    }
    places.push(what);
    (places.len() - 1) as u32
}
