//! Tests of the swarm: every case can be run, what is pinned stays pinned, everything comes up.

use super::{Pinned, case_seed, spread, words};
use crate::case::{Case, from_words};
use crate::request::Request;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use targets::catalogue::{Target, target};
use targets::seed::Seed;

fn raft() -> &'static Target {
    target("raft").expect("it is bundled")
}

fn request(pinned: &Pinned, seed: u64) -> Request {
    let words = words(raft(), None, pinned, seed);
    from_words(&words).unwrap_or_else(|error| panic!("{}: {error}", words.join(" ")))
}

#[test]
fn every_case_can_be_run_and_every_fault_comes_up() {
    let mut seen = BTreeSet::new();
    let mut nodes = BTreeMap::new();
    let (mut calm, mut time_ms) = (0, 0);
    for index in 0..3000 {
        let seed = case_seed(7, index);
        let request = request(&Pinned::default(), seed);
        assert_eq!(request.seed.0, seed);
        let lease = request.options.contains(&("reads", "lease".to_owned()));
        assert!(!lease || request.faults.iter().all(|fault| fault.bounded_clocks()));
        seen.extend(request.faults.iter().map(|fault| fault.name));
        calm += usize::from(request.faults.is_empty());
        time_ms += request.args.time.as_millis() as u64;
        *nodes.entry(request.args.nodes).or_insert(0) += 1;
        Case::of(request).expect("its faults can be planned");
    }
    let all = super::offered(9, false);
    let all: BTreeSet<&str> = all.iter().map(|entry| entry.name).collect();
    assert!(!all.contains("disk-lies"), "nothing survives it");
    assert_eq!(seen, all);
    assert!((30..300).contains(&calm), "{calm} cases without faults");
    assert_eq!(nodes.keys().copied().collect::<Vec<u8>>(), [1, 2, 3, 4, 5, 7]);
    assert!((15_000..30_000).contains(&(time_ms / 3000)), "the mean length of a run");
}

#[test]
fn what_is_pinned_stays_and_changes_nothing_else() {
    let pinned = Pinned {
        nodes: Some(4),
        clients: Some(3),
        rate: Some(77),
        faults: Some(vec!["kill".to_owned()]),
        options: vec!["reads=lease".to_owned(), "snapshot-every=9".to_owned()],
        run_time: Some(Duration::from_secs(12)),
    };
    for index in 0..200 {
        let seed = case_seed(1, index);
        let (free, held) = (request(&Pinned::default(), seed), request(&pinned, seed));
        assert_eq!((held.args.nodes, held.args.clients, held.args.rate), (4, 3, Some(77)));
        assert!(held.faults.iter().all(|fault| fault.name.starts_with("kill")));
        assert_eq!(held.raft.snapshot_every_entries, 9);
        assert!(held.options.contains(&("reads", "lease".to_owned())));
        assert_eq!(held.args.time, Duration::from_secs(12));
        assert_eq!(held.args.mix, free.args.mix);
        assert_eq!(held.args.op_timeout, free.args.op_timeout);
        assert_eq!(held.args.link_delay, free.args.link_delay);
        assert_eq!(held.raft.election_timeout_ms, free.raft.election_timeout_ms);
    }
}

#[test]
fn faults_that_need_many_nodes_are_pinned_only_to_clusters_that_have_them() {
    let faults = Some(vec!["partition-ring".to_owned()]);
    let pinned = Pinned { faults, ..Pinned::default() };
    for index in 0..500 {
        assert!(request(&pinned, case_seed(2, index)).args.nodes >= 3);
    }
}

#[test]
fn a_case_depends_on_its_seed_alone() {
    let of = |index| words(raft(), None, &Pinned::default(), case_seed(5, index));
    assert_eq!(of(3), of(3));
    assert_ne!(of(3), of(4));
    let seeds: BTreeSet<u64> = (0..20_000).map(|index| case_seed(5, index)).collect();
    assert_eq!(seeds.len(), 20_000);
    assert!(seeds.iter().all(|seed| *seed < 1 << 53));
}

#[test]
fn every_order_of_magnitude_is_as_likely() {
    let mut stream = Seed(1).stream("test");
    let drawn: Vec<u64> = (0..4000).map(|_| spread(&mut stream, 10, 160)).collect();
    assert!(drawn.iter().all(|number| (10..=160).contains(number)));
    let below_20 = drawn.iter().filter(|number| **number < 20).count();
    let above_80 = drawn.iter().filter(|number| **number > 80).count();
    assert!(below_20 > 600 && above_80 > 600, "{below_20} small, {above_80} large");
}
