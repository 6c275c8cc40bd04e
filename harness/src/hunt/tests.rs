//! Tests of the hunt's order, with cases that come to what the test says.

use super::attempt::{Outcome, Tried, Violation};
use super::swarm::{Pinned, case_seed};
use super::{Ended, HuntSpec, News, Reach, Shard, Why, hunt};
use crate::panics::Panicked;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use targets::catalogue::target;

const BASE: u64 = 11;

fn spec(threads: usize, cases: u64) -> HuntSpec {
    HuntSpec {
        target: target("raft").expect("it is bundled"),
        bug: None,
        base_seed: BASE,
        shard: Shard::ALL,
        pinned: Pinned::default(),
        cases_max: Some(cases),
        wall: None,
        threads,
        keep_going: false,
    }
}

/// The numbers of cases by their seeds, for the first so many.
fn numbers(cases: u64) -> BTreeMap<u64, u64> {
    (0..cases).map(|index| (case_seed(BASE, index), index)).collect()
}

fn seed_of(words: &[String]) -> u64 {
    let at = words.iter().position(|word| word == "--seed").expect("every case has a seed");
    words[at + 1].parse().expect("a number")
}

fn violation() -> Outcome {
    Outcome::Violation(Violation {
        checker: "linearizable".to_owned(),
        claim: "it is linearizable".to_owned(),
        sentence: "no order works".to_owned(),
        evidence_ops: 2,
    })
}

/// Hunts where the case with this number comes to this, after so many microseconds.
fn hunted(spec: &HuntSpec, from: Reach, of: impl Fn(u64) -> (Outcome, u64) + Sync) -> Ended {
    let numbers = numbers(spec.cases_max.expect("a number of cases"));
    let attempt = |words: &[String], stop: &dyn Fn() -> bool| {
        let (outcome, us) = of(numbers[&seed_of(words)]);
        std::thread::sleep(Duration::from_micros(us));
        let tried = Tried { outcome, simulated_ns: 10, acknowledged: 3, ..Tried::default() };
        Ok((!stop()).then_some(tried))
    };
    let mut observe = |_: News<'_>| Ok(());
    hunt(spec, from, &attempt, &mut observe, &|| false).expect("nothing fails")
}

#[test]
fn the_first_finding_is_the_one_with_the_lowest_number_on_any_number_of_threads() {
    // The later the case, the sooner it is back.
    let of = |index| {
        let outcome = if [40, 41, 55].contains(&index) { violation() } else { Outcome::Valid };
        (outcome, if index == 40 { 4000 } else { 100 })
    };
    let one = hunted(&spec(1, 100), Reach::default(), of);
    assert_eq!((one.why, one.findings.len(), one.findings[0].index), (Why::Found, 1, 40));
    assert_eq!((one.reach.position, one.reach.tally.cases), (41, 41));
    for threads in [2, 5] {
        let many = hunted(&spec(threads, 100), Reach::default(), of);
        assert_eq!(many.reach, one.reach);
        assert_eq!(many.findings, one.findings);
    }
}

#[test]
fn a_hunt_that_keeps_going_finds_everything_and_shards_share_it_out() {
    let of = |index| {
        let found = index % 7 == 3;
        (if found { violation() } else { Outcome::Valid }, 0)
    };
    let whole = HuntSpec { keep_going: true, ..spec(2, 200) };
    let all = hunted(&whole, Reach::default(), of);
    assert_eq!((all.why, all.reach.tally.cases, all.findings.len()), (Why::Cases, 200, 29));
    let mut together: Vec<u64> = Vec::new();
    for part in 0..3 {
        let shard = Shard { part, of: 3 };
        let ended = hunted(&HuntSpec { shard, ..whole.clone() }, Reach::default(), of);
        together.extend(ended.findings.iter().map(|finding| finding.index));
    }
    together.sort_unstable();
    let numbers: Vec<u64> = all.findings.iter().map(|finding| finding.index).collect();
    assert_eq!(together, numbers);
}

#[test]
fn a_hunt_in_two_parts_counts_as_one_in_one() {
    let of = |index| {
        let vacuous = Outcome::Vacuous("vacuous: no read was acknowledged".to_owned());
        (if index % 5 == 0 { vacuous } else { Outcome::Valid }, 0)
    };
    let whole = hunted(&spec(2, 60), Reach::default(), of);
    let first = hunted(&spec(2, 25), Reach::default(), of);
    let second = hunted(&spec(3, 60), first.reach, of);
    assert_eq!(second.reach, whole.reach);
    assert_eq!((whole.reach.tally.vacuous, whole.reach.tally.valid), (12, 48));
}

#[test]
fn a_panic_is_a_finding_of_its_own_kind() {
    let of = |place: &'static str| {
        move |index| {
            let panicked = Panicked { message: "index 7".to_owned(), place: place.to_owned() };
            (if index == 2 { Outcome::Panicked(panicked) } else { Outcome::Valid }, 0)
        }
    };
    for (place, harness) in [("targets/src/raft/log.rs:9", false), ("harness/src/x.rs:1", true)] {
        let ended = hunted(&spec(1, 10), Reach::default(), of(place));
        let finding = &ended.findings[0];
        assert_eq!((finding.checker.as_str(), finding.harness_panicked), ("panic", harness));
        assert!(finding.sentence.contains(place), "{}", finding.sentence);
    }
}

#[test]
fn what_is_found_behind_a_stopped_case_is_not_lost() {
    // The user stops when the case behind the first one has come back; the first one never does.
    let numbers = numbers(10);
    let back = AtomicU64::new(0);
    let cancelled = || back.load(Ordering::Relaxed) > 0;
    let attempt = |words: &[String], stop: &dyn Fn() -> bool| {
        if numbers[&seed_of(words)] == 0 {
            while !stop() {
                std::thread::sleep(Duration::from_micros(50));
            }
            return Ok(None);
        }
        back.fetch_add(1, Ordering::Relaxed);
        Ok(Some(Tried { outcome: violation(), ..Tried::default() }))
    };
    let spec = HuntSpec { keep_going: true, ..spec(2, 10) };
    let mut observe = |_: News<'_>| Ok(());
    let ended = hunt(&spec, Reach::default(), &attempt, &mut observe, &cancelled);
    let ended = ended.expect("nothing fails");
    assert_eq!((ended.why, ended.reach.position), (Why::Cancelled, 0));
    assert!(!ended.findings.is_empty());
}

#[test]
fn shards_are_read_as_people_write_them() {
    assert_eq!("3/8".parse(), Ok(Shard { part: 2, of: 8 }));
    assert_eq!("1/1".parse(), Ok(Shard::ALL));
    for bad in ["0/8", "9/8", "3", "3/0", "a/b", "-1/2", "3/8/1", "1/99999"] {
        let error = bad.parse::<Shard>().expect_err(bad);
        assert!(error.contains("such as 3/8"), "{error}");
    }
    let shares: Vec<u64> = (0..3).map(|part| Shard { part, of: 3 }.share(10)).collect();
    assert_eq!(shares, [4, 3, 3]);
}
