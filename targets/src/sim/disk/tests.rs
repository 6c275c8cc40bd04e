//! The disks against a naive model: a list of all that may be left. Every rule has a twin that
//! breaks it and must be caught.

use super::{
    Begun, Disks, KEPT, LOST, LOST_HELD, LOST_TO_LIE, NEW_CHECKPOINT, OLD_CHECKPOINT, REORDERED,
    TORN, Write,
};
use crate::environment::Disk;
use crate::links::NodeId;
use crate::seed::Seed;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use std::collections::BTreeSet;

const N1: NodeId = NodeId(0);
const SYNC_US: (u32, u32) = (300, 1500);

fn disks(nodes: u8, seed: u64) -> Disks<u32> {
    Disks::new(nodes, SYNC_US, Seed(seed))
}

/// What happens to a disk. Records are numbers that the trial counts up.
#[derive(Clone, Copy, Debug)]
enum Act {
    Append(usize),
    Replace(usize),
    /// The write under way is over.
    Complete,
    Hold(usize),
    /// A second passes, and what is held is written.
    Flush,
    Crash,
    Lies(bool),
}

fn any_act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (1_usize..6).prop_map(Act::Append),
        1 => (0_usize..4).prop_map(Act::Replace),
        4 => Just(Act::Complete),
        2 => (1_usize..3).prop_map(Act::Hold),
        1 => Just(Act::Flush),
        3 => Just(Act::Crash),
        1 => any::<bool>().prop_map(Act::Lies),
    ]
}

/// How a disk that must be caught changes what it gives back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Twin {
    Correct,
    KeepsALaterRecordWithoutAnEarlier,
    LosesADurableRecord,
    RescuesHeldRecords,
    MixesTheCheckpointWithTheOldLog,
    GivesThemBackInTheOrderOfTheFile,
    RemembersWhatItLiedAbout,
}

/// One disk and the model of it: plain lists.
struct Trial {
    disks: Disks<u32>,
    twin: Twin,
    now_ns: u64,
    next: u32,
    file: Vec<u32>,
    under_way: Option<(bool, Vec<u32>)>,
    held: Vec<u32>,
    /// What a crash leaves while the disk lies.
    before_the_lie: Option<Vec<u32>>,
}

impl Trial {
    fn new(seed: u64, twin: Twin) -> Self {
        let mut disks = disks(1, seed);
        disks.set(N1, &Disk { spares_no_majority: true, ..Disk::default() });
        let (file, held) = (Vec::new(), Vec::new());
        let (under_way, before_the_lie) = (None, None);
        Self { disks, twin, now_ns: 0, next: 0, file, under_way, held, before_the_lie }
    }

    fn fresh(&mut self, count: usize) -> Vec<u32> {
        let first = self.next;
        self.next += count as u32;
        (first..self.next).collect()
    }

    fn act(&mut self, act: Act) -> Result<(), String> {
        self.now_ns += 1000;
        match act {
            Act::Append(_) | Act::Replace(_) | Act::Flush if self.under_way.is_some() => {}
            Act::Append(count) | Act::Replace(count) => {
                let records = self.fresh(count);
                let replaces = matches!(act, Act::Replace(_));
                let write = if replaces { Write::Replace } else { Write::Append };
                if replaces {
                    self.held.clear();
                }
                self.under_way = Some((replaces, records.clone()));
                let begun = self.disks.begin(N1, write(records));
                assert!(matches!(begun, Begun::Takes { ns: 300_000..=1_500_000 }), "{begun:?}");
            }
            Act::Complete => {
                if let Some((replaces, records)) = self.under_way.take() {
                    self.disks.complete(N1);
                    if replaces {
                        self.file.clear();
                    }
                    self.file.extend(records);
                }
            }
            Act::Hold(count) => {
                let records = self.fresh(count);
                self.held.extend(&records);
                self.disks.hold(N1, records, self.now_ns);
            }
            Act::Flush => {
                self.now_ns += 1_000_000_000;
                self.disks.flush_held(N1, self.now_ns);
                self.file.append(&mut self.held);
            }
            Act::Crash => return self.crash(),
            Act::Lies(lies) => {
                let before = self.before_the_lie.take().unwrap_or_else(|| self.file.clone());
                self.before_the_lie = lies.then_some(before);
                let fault = Disk { lies, spares_no_majority: true, ..Disk::default() };
                self.disks.set(N1, &fault);
            }
        }
        Ok(())
    }

    /// Everything that may be left, in the order in which it was made.
    fn allowed(&self) -> Vec<Vec<u32>> {
        let behind = |more: &[u32]| sorted([&self.file[..], more].concat());
        match (&self.before_the_lie, &self.under_way) {
            (Some(before), _) if *before != self.file => vec![sorted(before.clone())],
            (_, None) => vec![behind(&[])],
            (_, Some((true, records))) => vec![behind(&[]), records.clone()],
            (_, Some((false, records))) => {
                (0..=records.len()).map(|count| behind(&records[..count])).collect()
            }
        }
    }

    fn crash(&mut self) -> Result<(), String> {
        let allowed = self.allowed();
        self.disks.crash(N1);
        let found = self.disks.recover(N1)?;
        let found = self.sabotage(found);
        if !allowed.contains(&found) {
            return Err(format!("{found:?} is none of {allowed:?}"));
        }
        (self.under_way, self.held) = (None, Vec::new());
        self.before_the_lie = self.before_the_lie.is_some().then(|| found.clone());
        self.file = found;
        Ok(())
    }

    fn sabotage(&self, mut found: Vec<u32>) -> Vec<u32> {
        let last = found.len().wrapping_sub(1);
        match self.twin {
            Twin::Correct => {}
            Twin::KeepsALaterRecordWithoutAnEarlier if found.len() > 1 => {
                found.remove(last - 1);
            }
            Twin::LosesADurableRecord => drop(found.pop()),
            Twin::RescuesHeldRecords => found.extend(&self.held),
            Twin::MixesTheCheckpointWithTheOldLog => match &self.under_way {
                Some((true, records)) if found == *records => {
                    found = [&self.file[..], records].concat();
                }
                _ => {}
            },
            Twin::GivesThemBackInTheOrderOfTheFile if found.len() == self.file.len() => {
                found.clone_from(&self.file);
            }
            Twin::RemembersWhatItLiedAbout if self.before_the_lie.is_some() => {
                found = sorted(self.file.clone());
            }
            _ => {}
        }
        found
    }
}

fn sorted(mut records: Vec<u32>) -> Vec<u32> {
    records.sort_unstable();
    records
}

fn check(seed: u64, acts: &[Act], twin: Twin) -> Result<(), TestCaseError> {
    let mut trial = Trial::new(seed, twin);
    acts.iter().try_for_each(|act| trial.act(*act)).map_err(TestCaseError::fail)
}

fn any_run() -> impl Strategy<Value = (u64, Vec<Act>)> {
    (any::<u64>(), prop::collection::vec(any_act(), 1..40))
}

proptest! {
    #[test]
    fn a_crash_leaves_nothing_but_what_may_be_left((seed, acts) in any_run()) {
        check(seed, &acts, Twin::Correct)?;
    }
}

#[test]
fn every_disk_that_breaks_a_rule_is_caught() {
    for twin in [
        Twin::KeepsALaterRecordWithoutAnEarlier,
        Twin::LosesADurableRecord,
        Twin::RescuesHeldRecords,
        Twin::MixesTheCheckpointWithTheOldLog,
        Twin::GivesThemBackInTheOrderOfTheFile,
        Twin::RemembersWhatItLiedAbout,
    ] {
        let caught =
            TestRunner::deterministic().run(&any_run(), |(seed, acts)| check(seed, &acts, twin));
        assert!(caught.is_err(), "{twin:?} goes unnoticed");
    }
}

#[test]
fn every_fate_of_a_write_occurs_and_is_named() {
    let mut places = BTreeSet::new();
    let mut left = BTreeSet::new();
    for seed in 0..200 {
        let mut disks = disks(1, seed);
        disks.begin(N1, Write::Append(vec![0, 1, 2, 3]));
        let place = disks.crash(N1);
        let found = disks.recover(N1).unwrap();
        left.insert(found.len());
        assert_eq!(place == [KEPT], found.len() == 4, "seed {seed}: {place:?} but {found:?}");
        places.extend(place);
        disks.begin(N1, Write::Replace(vec![]));
        places.extend(disks.crash(N1));
        disks.hold(N1, vec![9], 0);
        places.extend(disks.crash(N1));
    }
    assert_eq!(left, BTreeSet::from([0, 1, 2, 3, 4]));
    let all = [LOST, KEPT, TORN, REORDERED, OLD_CHECKPOINT, NEW_CHECKPOINT, LOST_HELD];
    assert_eq!(places, BTreeSet::from(all));
    assert!(disks(1, 1).crash(N1).is_empty(), "an idle disk loses nothing");
}

#[test]
fn held_records_are_due_when_the_oldest_is_a_second_old() {
    let mut disks = disks(1, 1);
    assert_eq!(disks.held_due_ns(N1), None);
    disks.hold(N1, vec![1], 5);
    disks.hold(N1, vec![2], 700);
    assert_eq!(disks.held_due_ns(N1), Some(1_000_000_005));
    disks.flush_held(N1, 1_000_000_004);
    assert!(disks.held_due_ns(N1).is_some());
    disks.flush_held(N1, 1_000_000_005);
    assert_eq!(disks.held_due_ns(N1), None);
    assert!(disks.crash(N1).is_empty());
    assert_eq!(disks.recover(N1), Ok(vec![1, 2]));
}

#[test]
fn a_write_that_fails_leaves_what_a_crash_leaves() {
    let mut left = BTreeSet::new();
    for seed in 0..50 {
        let mut disks = disks(1, seed);
        disks.set(N1, &Disk { write_error_ppm: 1_000_000, ..Disk::default() });
        let begun = disks.begin(N1, Write::Append(vec![7, 8]));
        assert!(matches!(begun, Begun::Fails { .. }));
        disks.crash(N1);
        left.insert(disks.recover(N1).unwrap());
    }
    assert_eq!(left, BTreeSet::from([vec![], vec![7], vec![7, 8]]));
}

#[test]
fn a_slow_disk_takes_longer_and_another_node_draws_as_if_it_were_alone() {
    let sync = |others: u32| {
        let mut disks = disks(2, 3);
        for _ in 0..others {
            disks.begin(N1, Write::Append(vec![1]));
            disks.complete(N1);
        }
        disks.set(NodeId(1), &Disk { sync_delay_us: 40_000, ..Disk::default() });
        disks.begin(NodeId(1), Write::Append(vec![1]))
    };
    assert!(matches!(sync(0), Begun::Takes { ns: 40_300_000..=41_500_000 }));
    assert_eq!(sync(0), sync(5));
}

/// What happens to some node of a cluster.
#[derive(Clone, Copy, Debug)]
enum Blow {
    Writes(usize),
    Lies(bool),
    Rots(u32),
    Restarts,
}

fn any_blow() -> impl Strategy<Value = (u8, Blow)> {
    let blow = prop_oneof![
        4 => (1_usize..4).prop_map(Blow::Writes),
        2 => any::<bool>().prop_map(Blow::Lies),
        2 => prop_oneof![Just(0), Just(300_000), Just(1_000_000)].prop_map(Blow::Rots),
        4 => Just(Blow::Restarts),
    ];
    (0_u8..5, blow)
}

/// Nodes whose disks fail, and what was seen of them.
struct Cluster {
    disks: Disks<u32>,
    faults: Vec<Disk>,
    /// What each was told to be durable.
    told: Vec<Vec<u32>>,
    /// What each found when it started last; nothing if it could not, or has written since.
    found: Vec<Option<Result<Vec<u32>, String>>>,
    cannot_start: Vec<bool>,
    has_lost: Vec<bool>,
    /// It lost something and has not started since.
    unseen_loss: Vec<bool>,
}

impl Cluster {
    fn new(nodes: u8, seed: u64, spares_no_majority: bool) -> Self {
        let mut disks = disks(nodes, seed);
        let fault = Disk { spares_no_majority, ..Disk::default() };
        (0..nodes).for_each(|node| disks.set(NodeId(node), &fault));
        let count = usize::from(nodes);
        let no = vec![false; count];
        Self {
            disks,
            faults: vec![fault; count],
            told: vec![vec![]; count],
            found: vec![None; count],
            cannot_start: no.clone(),
            has_lost: no.clone(),
            unseen_loss: no,
        }
    }

    fn strike(&mut self, node: u8, blow: Blow) -> Result<(), TestCaseError> {
        let (at, node) = (usize::from(node), NodeId(node));
        match blow {
            Blow::Writes(_) if self.cannot_start[at] => {}
            Blow::Writes(count) => {
                let first = self.told[at].last().map_or(0, |last| last + 1);
                let records: Vec<u32> = (first..).take(count).collect();
                self.told[at].extend(&records);
                self.disks.begin(node, Write::Append(records));
                self.disks.complete(node);
                self.found[at] = None;
            }
            Blow::Lies(lies) => {
                self.faults[at].lies = lies;
                self.disks.set(node, &self.faults[at]);
            }
            Blow::Rots(corrupt_ppm) => {
                self.faults[at].corrupt_ppm = corrupt_ppm;
                self.disks.set(node, &self.faults[at]);
                self.found[at] = None;
            }
            Blow::Restarts => self.restart(node)?,
        }
        if self.faults[at].corrupt_ppm == 0 {
            self.cannot_start[at] = false;
        }
        Ok(())
    }

    fn restart(&mut self, node: NodeId) -> Result<(), TestCaseError> {
        let at = usize::from(node.0);
        let places = self.disks.crash(node);
        let found = self.disks.recover(node);
        self.has_lost[at] |= places == [LOST_TO_LIE];
        self.unseen_loss[at] |= places == [LOST_TO_LIE];
        if let Ok(records) = &found {
            let lost = *records != self.told[at];
            prop_assert_eq!(lost, self.unseen_loss[at], "{} has {:?}", node, records);
            self.told[at].clone_from(records);
            self.unseen_loss[at] = false;
        }
        self.cannot_start[at] = found.is_err();
        if let Some(before) = &self.found[at] {
            prop_assert!(*before == found || places == [LOST_TO_LIE], "decided twice: {:?}", found);
        }
        self.found[at] = Some(found);
        Ok(())
    }

    fn damaged(&self) -> usize {
        let damaged = self.cannot_start.iter().zip(&self.has_lost);
        damaged.filter(|(cannot, lost)| **cannot || **lost).count()
    }
}

fn any_blows() -> impl Strategy<Value = (u8, u64, Vec<(u8, Blow)>)> {
    (1_u8..=5, any::<u64>(), prop::collection::vec(any_blow(), 1..80))
}

fn strike_all(
    (nodes, seed, blows): &(u8, u64, Vec<(u8, Blow)>),
    spares_no_majority: bool,
) -> Result<(), TestCaseError> {
    let mut cluster = Cluster::new(*nodes, *seed, spares_no_majority);
    for (node, blow) in blows {
        cluster.strike(node % nodes, *blow)?;
        let minority = (usize::from(*nodes) - 1) / 2;
        prop_assert!(cluster.damaged() <= minority, "{} of {nodes}", cluster.damaged());
    }
    // When the faults are over, everybody reads what is there.
    for node in 0..*nodes {
        cluster.strike(node, Blow::Rots(0))?;
        cluster.strike(node, Blow::Lies(false))?;
        cluster.strike(node, Blow::Restarts)?;
        prop_assert!(!cluster.cannot_start[usize::from(node)]);
    }
    Ok(())
}

proptest! {
    #[test]
    fn no_more_than_a_minority_is_ever_damaged(blows in any_blows()) {
        strike_all(&blows, false)?;
    }
}

#[test]
fn without_the_atlas_a_majority_is_damaged() {
    let caught = TestRunner::deterministic().run(&any_blows(), |blows| strike_all(&blows, true));
    assert!(caught.is_err_and(|error| error.to_string().contains(" of ")));
}

#[test]
fn an_unreadable_record_is_named_and_reads_again_when_the_fault_is_over() {
    let mut disks = disks(3, 1);
    disks.begin(N1, Write::Append(vec![4, 5]));
    disks.complete(N1);
    disks.set(N1, &Disk { corrupt_ppm: 1_000_000, ..Disk::default() });
    let error = disks.recover(N1).unwrap_err();
    assert_eq!(error, "record 0 of its log does not have its checksum");
    disks.set(N1, &Disk::default());
    assert_eq!(disks.recover(N1), Ok(vec![4, 5]));
}

#[test]
fn what_a_fault_spared_stays_readable_until_the_next_fault() {
    let mut disks = disks(3, 1);
    let (rots, works) = (Disk { corrupt_ppm: 1_000_000, ..Disk::default() }, Disk::default());
    for node in [N1, NodeId(1)] {
        disks.begin(node, Write::Append(vec![4]));
        disks.complete(node);
        disks.set(node, &rots);
    }
    assert!(disks.recover(NodeId(1)).is_err());
    assert!(disks.recover(N1).is_ok(), "two of three would be a majority");
    disks.set(NodeId(1), &works);
    assert!(disks.recover(N1).is_ok(), "it has been read");
    disks.set(N1, &works);
    disks.set(N1, &rots);
    assert!(disks.recover(N1).is_err());
}
