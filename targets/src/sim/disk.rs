//! The disks of a simulated world: what a node still knows after it died. Pure.
//!
//! ```text
//!                    complete                      a record is one sector
//!   begin  --> under way --> durable  0 1 2 4 5 3     number, given when it was written or held
//!   hold   --> held ---------------------------^      written back when 1 s old
//!                    flush_held
//!
//!   crash, four records under way     comes back
//!     nothing        . . . .          -
//!     all            6 7 8 9          6 7 8 9
//!     torn           6 7 . .          6 7
//!     reordered      6 . 8 9          6           8 and 9 stand behind a gap: nobody reads them
//! ```
//!
//! **One log a node.** Records get numbers that are never used twice, in the order in which the
//! protocol made them, and recovery gives them back in that order. One write is under way at a
//! time. A checkpoint is a whole new file that takes the old one's place by a rename: a crash
//! leaves the old one or the new one, never a mixture. A write that fails leaves what a crash
//! leaves.
//!
//! **Held records** are the planted bug of a system that forgets to fsync, with the meaning that
//! [`crate::node`] gives them: a file of their own that no later durable write rescues.
//!
//! **A lying disk** says that a sync is done, and keeps the records in a cache that a crash of the
//! node empties. When the disk stops lying, the cache is written.
//!
//! **Unreadable records** are drawn once per record as long as the fault lasts, however often the
//! node tries; a record that a node has read once stays readable. Other nodes, other draws.
//!
//! # The atlas
//!
//! A protocol that keeps a promise on a majority can lose it when the same record is destroyed on
//! a majority, and is innocent. The disks cannot know which record of one node is the same as
//! which of another: nodes write terms and votes of their own between them, and checkpoints at
//! times of their own. Counting by number would be unsound: entry 7 of a replicated log may be
//! record 10 here and 12 there. So the atlas counts *nodes*, which is right whatever "the same"
//! means: unless a disk says that it spares no majority,
//!
//! > at no time are more than a minority of the nodes damaged, where a node is damaged while it has
//! > an unreadable record, and for ever once a crash took something that its disk had lied about.
//!
//! For ever, since nobody here sees when the others have given it back. As a node with an
//! unreadable record does not start, a majority can always start too. Damage that would break this
//! does not happen: the record reads, the cache was written in time.
//!
//! The atlas does not make a lie harmless: a protocol that trusts its disk (Raft, Paxos, primary
//! and backup) may break a promise when *one* node of the quorum that made it forgets.
//!
//! Shortcuts: a record is one sector, whatever its size. A batch is not one checksummed frame, as
//! in `node::wal`, so that a part of it can come back: less than a real node is given, and all that
//! the protocol's door promises. The file of held records and the log are each read in full.

use crate::environment::Disk;
use crate::links::NodeId;
use crate::node::HELD_FLUSH_AFTER_NS;
use crate::seed::{Seed, Stream};

/// A write under way was not there at all after a crash.
const LOST: &str = "world-lost-write";
/// All of a write under way was there after a crash, although nobody had been told.
const KEPT: &str = "world-unconfirmed-write-survived";
/// A part of a write under way was there after a crash.
const TORN: &str = "world-torn-write";
/// Later sectors of a write under way had reached the disk before earlier ones.
const REORDERED: &str = "world-reordered-write";
/// A crash left the log that a checkpoint was about to replace.
const OLD_CHECKPOINT: &str = "world-lost-checkpoint";
/// A crash left a checkpoint that nobody had been told of.
const NEW_CHECKPOINT: &str = "world-unconfirmed-checkpoint-survived";
/// A crash took records that nobody had waited for.
const LOST_HELD: &str = "world-lost-held-records";
/// A crash took records that the disk had said to be durable.
const LOST_TO_LIE: &str = "world-lost-records-to-a-lie";

/// What is written.
#[derive(Clone, Debug)]
pub(crate) enum Write<R> {
    /// Behind what is there.
    Append(Vec<R>),
    /// In the place of everything.
    Replace(Vec<R>),
}

/// What begins with a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Begun {
    /// It takes so long to become durable; [`Disks::complete`] says that it has.
    Takes { ns: u64 },
    /// It fails, and the node has to end itself; [`Disks::crash`] decides what is left of it.
    Fails { why: &'static str },
}

/// A record with its number.
type Numbered<R> = (u64, R);

/// A lie that is going on: what a crash leaves.
#[derive(Debug)]
enum Lie<R> {
    /// The first so many records of the log.
    Leaves(usize),
    /// Another log, which has been replaced meanwhile.
    LeavesOld(Vec<Numbered<R>>),
}

#[derive(Debug)]
struct OneDisk<R> {
    stream: Stream,
    fault: Disk,
    next_number: u64,
    /// What is in the file, in the order in which it got there.
    durable: Vec<Numbered<R>>,
    under_way: Option<Write<R>>,
    /// The number of the first record that is under way.
    first_under_way: u64,
    held: Vec<Numbered<R>>,
    held_since_ns: u64,
    lie: Option<Lie<R>>,
    /// What the fault of unreadable records draws from; the same as long as it lasts.
    garbage_salt: u64,
    /// Records below this number are known to be readable or not, as long as the fault lasts.
    decided_below: u64,
    /// The number of the first record that reads as garbage.
    unreadable: Option<u64>,
    /// A crash took something that the disk had lied about.
    has_lost: bool,
}

/// Every node's disk, and the atlas over all of them.
#[derive(Debug)]
pub(crate) struct Disks<R> {
    disks: Vec<OneDisk<R>>,
    sync_ns: (u64, u64),
}

impl<R: Clone> Disks<R> {
    /// An empty disk for each node, whose syncs take between these two times.
    pub(crate) fn new(nodes: u8, sync_us: (u32, u32), seed: Seed) -> Self {
        let disk = |node| OneDisk::new(seed.stream(&format!("disk {}", NodeId(node))));
        let sync_ns = (u64::from(sync_us.0) * 1000, u64::from(sync_us.1) * 1000);
        Self { disks: (0..nodes).map(disk).collect(), sync_ns }
    }

    /// Lets a node's disk work, or fail, in this way from now on.
    pub(crate) fn set(&mut self, node: NodeId, fault: &Disk) {
        let disk = self.disk(node);
        match (disk.lie.is_some(), fault.lies) {
            (false, true) => disk.lie = Some(Lie::Leaves(disk.durable.len())),
            (true, false) => disk.lie = None,
            (true, true) | (false, false) => {}
        }
        match (disk.fault.corrupt_ppm > 0, fault.corrupt_ppm > 0) {
            (false, true) => disk.garbage_salt = disk.stream.draw(),
            (true, false) => (disk.decided_below, disk.unreadable) = (0, None),
            (true, true) | (false, false) => {}
        }
        disk.fault = *fault;
    }

    /// Keeps records that nobody waits for.
    ///
    /// They stand behind everything that was begun before and in front of what is begun next. So a
    /// turn that holds records behind durable ones of the same turn calls this after `begin`, and
    /// one that holds them in front, before. (A checkpoint drops what is held when it begins: it
    /// contains it.)
    pub(crate) fn hold(&mut self, node: NodeId, records: Vec<R>, now_ns: u64) {
        let disk = self.disk(node);
        if disk.held.is_empty() {
            disk.held_since_ns = now_ns;
        }
        let numbers = disk.next_number..;
        disk.next_number += records.len() as u64;
        disk.held.extend(numbers.zip(records));
    }

    /// When records that nobody waits for are old enough to be written; nothing if there are none.
    pub(crate) fn held_due_ns(&self, node: NodeId) -> Option<u64> {
        let disk = &self.disks[usize::from(node.0)];
        let due_ns = disk.held_since_ns.saturating_add(HELD_FLUSH_AFTER_NS);
        (!disk.held.is_empty()).then_some(due_ns)
    }

    /// Writes records that nobody waits for if they are old enough. Not while a write is under way.
    pub(crate) fn flush_held(&mut self, node: NodeId, now_ns: u64) {
        let is_due = self.held_due_ns(node).is_some_and(|due_ns| due_ns <= now_ns);
        let disk = self.disk(node);
        assert!(disk.under_way.is_none(), "{node} writes one thing at a time");
        if is_due {
            disk.durable.append(&mut disk.held);
        }
    }

    /// Begins to make records durable. One write at a time.
    pub(crate) fn begin(&mut self, node: NodeId, write: Write<R>) -> Begun {
        let (least_ns, most_ns) = self.sync_ns;
        let disk = self.disk(node);
        assert!(disk.under_way.is_none(), "{node} is not stepped while it writes");
        let records = match &write {
            Write::Append(records) => records,
            Write::Replace(records) => {
                disk.held.clear();
                records
            }
        };
        disk.first_under_way = disk.next_number;
        disk.next_number += records.len() as u64;
        disk.under_way = Some(write);
        let fails_ppm = disk.fault.write_error_ppm;
        if fails_ppm > 0 && disk.stream.chance_ppm(fails_ppm) {
            return Begun::Fails { why: "a write to the disk failed" };
        }
        let sync_ns = disk.stream.between(least_ns, most_ns);
        Begun::Takes { ns: sync_ns + u64::from(disk.fault.sync_delay_us) * 1000 }
    }

    /// The write under way is durable, or the disk says so.
    pub(crate) fn complete(&mut self, node: NodeId) {
        self.disk(node).finish(usize::MAX);
    }

    /// The node died: decides what is left, and names the places that this reached.
    pub(crate) fn crash(&mut self, node: NodeId) -> Vec<&'static str> {
        let may_lose = self.may_damage(node);
        let disk = self.disk(node);
        let mut places = Vec::new();
        if !disk.held.is_empty() {
            disk.held.clear();
            places.push(LOST_HELD);
        }
        if disk.lie_hides_something() && may_lose {
            disk.lose_what_was_lied_about();
            places.push(LOST_TO_LIE);
        } else {
            places.extend(disk.decide_write_under_way());
        }
        if disk.lie.is_some() {
            disk.lie = Some(Lie::Leaves(disk.durable.len()));
        }
        places
    }

    /// What a node that starts finds on its disk, oldest first.
    ///
    /// # Errors
    /// Which record does not have its checksum: the node must not start.
    pub(crate) fn recover(&mut self, node: NodeId) -> Result<Vec<R>, String> {
        let may_damage = self.may_damage(node);
        let disk = self.disk(node);
        let died = disk.under_way.is_none() && disk.held.is_empty();
        assert!(died, "{node} crashes before it recovers");
        if disk.fault.corrupt_ppm > 0 {
            disk.decide_unreadable(may_damage);
        }
        if let Some(number) = disk.unreadable {
            return Err(format!("record {number} of its log does not have its checksum"));
        }
        // Held records came late. The order of numbers is the order in which they were made.
        if !disk.durable.is_sorted_by_key(|(number, _)| *number) {
            disk.durable.sort_by_key(|(number, _)| *number);
        }
        Ok(disk.durable.iter().map(|(_, record)| record.clone()).collect())
    }

    /// Whether the atlas allows this node to be damaged.
    fn may_damage(&self, node: NodeId) -> bool {
        let this = &self.disks[usize::from(node.0)];
        let damaged = self.disks.iter().filter(|disk| disk.is_damaged()).count();
        let minority = (self.disks.len() - 1) / 2;
        this.fault.spares_no_majority || this.is_damaged() || damaged < minority
    }

    fn disk(&mut self, node: NodeId) -> &mut OneDisk<R> {
        &mut self.disks[usize::from(node.0)]
    }
}

impl<R> OneDisk<R> {
    fn new(stream: Stream) -> Self {
        Self {
            stream,
            fault: Disk::default(),
            next_number: 0,
            durable: Vec::new(),
            under_way: None,
            first_under_way: 0,
            held: Vec::new(),
            held_since_ns: 0,
            lie: None,
            garbage_salt: 0,
            decided_below: 0,
            unreadable: None,
            has_lost: false,
        }
    }

    fn is_damaged(&self) -> bool {
        self.has_lost || self.unreadable.is_some()
    }

    /// Ends the write under way; so many of its records are on disk. Of a checkpoint, all are or it
    /// does not count.
    fn finish(&mut self, survivors: usize) {
        let numbers = self.first_under_way..;
        match self.under_way.take() {
            Some(Write::Append(records)) => {
                self.durable.extend(numbers.zip(records).take(survivors));
            }
            Some(Write::Replace(records)) if survivors >= records.len() => {
                let mut old = std::mem::take(&mut self.durable);
                self.durable.extend(numbers.zip(records));
                if let Some(Lie::Leaves(length)) = self.lie {
                    old.truncate(length);
                    self.lie = Some(Lie::LeavesOld(old));
                }
            }
            Some(Write::Replace(_)) | None => {}
        }
    }

    /// Ends a write that was under way in a crash, and says what became of it.
    fn decide_write_under_way(&mut self) -> Option<&'static str> {
        let (survivors, place) = match self.under_way.as_ref()? {
            Write::Append(records) => surviving_prefix(&mut self.stream, records.len())?,
            Write::Replace(_) if self.stream.chance_ppm(500_000) => (usize::MAX, NEW_CHECKPOINT),
            // Fewer than none: a checkpoint may hold no record.
            Write::Replace(_) => {
                self.under_way = None;
                return Some(OLD_CHECKPOINT);
            }
        };
        self.finish(survivors);
        Some(place)
    }

    fn lie_hides_something(&self) -> bool {
        match &self.lie {
            Some(Lie::Leaves(length)) => self.durable.len() > *length,
            Some(Lie::LeavesOld(_)) => true,
            None => false,
        }
    }

    /// With it goes the write under way: it was behind what is lost.
    fn lose_what_was_lied_about(&mut self) {
        self.under_way = None;
        match self.lie.take() {
            Some(Lie::Leaves(length)) => self.durable.truncate(length),
            Some(Lie::LeavesOld(old)) => self.durable = old,
            None => {}
        }
        self.lie = Some(Lie::Leaves(self.durable.len()));
        self.has_lost = true;
    }

    /// Draws which of the records that are new since the last time read as garbage.
    fn decide_unreadable(&mut self, may_damage: bool) {
        let garbage = |number: u64| {
            let draw = mix(self.garbage_salt ^ number);
            (u128::from(draw) * 1_000_000) >> 64 < u128::from(self.fault.corrupt_ppm)
        };
        if may_damage && self.unreadable.is_none() {
            let undecided = self.durable.iter().map(|(number, _)| *number);
            let undecided = undecided.filter(|number| *number >= self.decided_below);
            self.unreadable = undecided.filter(|number| garbage(*number)).min();
        }
        self.decided_below = self.next_number;
    }
}

/// How many records of an append survive a crash, in front of the first that does not; and what
/// that is called. Nothing if there are none.
fn surviving_prefix(stream: &mut Stream, records: usize) -> Option<(usize, &'static str)> {
    if records == 0 {
        return None;
    }
    let (prefix, behind_the_gap) = match stream.below(4) {
        0 => (0, false),
        1 => (records, false),
        2 => (stream.below(records as u64) as usize, false),
        _ => {
            let mut prefix = 0;
            let (mut gap, mut behind) = (false, false);
            for _ in 0..records {
                match (stream.chance_ppm(500_000), gap) {
                    (true, false) => prefix += 1,
                    (true, true) => behind = true,
                    (false, _) => gap = true,
                }
            }
            (prefix, behind)
        }
    };
    let place = match prefix {
        _ if behind_the_gap => REORDERED,
        0 => LOST,
        all if all == records => KEPT,
        _ => TORN,
    };
    Some((prefix, place))
}

/// A number that has nothing to do with its neighbours' (the finalizer of SplitMix64; Steele, Lea,
/// Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014).
fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests;
