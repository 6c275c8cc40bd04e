//! Raft on trial in virtual time: randomized safety, planted bugs, scenarios.

mod commit_rule;
mod history;
mod invariants;
mod scenario;
#[path = "../support/mod.rs"]
mod support;
mod trial;

use std::collections::BTreeSet;
use support::World;
use targets::catalogue::{Breaks, target};
use targets::links::NodeId;
use targets::raft::{Bug, RaftConfig, Reads};
use trial::{Fault, Findings, Trial};

/// Everything goes wrong, often; snapshots are frequent, and one host joins and leaves.
fn everything() -> Trial {
    let mut config = RaftConfig::of((0..5).map(NodeId).collect());
    config.snapshot_every_entries = 40;
    Trial {
        hosts: 6,
        config,
        world: World::ROUGH,
        faults: &[
            Fault::Halves,
            Fault::IsolateLeader,
            Fault::KillOne,
            Fault::KillMajority,
            Fault::KillAll,
            Fault::Reconfigure,
        ],
        gap_ms: (500, 1500),
        hold_ms: (100, 1200),
        main_ms: 8_000,
        clients: 6,
        keys: 3,
        think_ms: 20,
    }
}

/// A local network with one kind of fault, for a planted bug that needs it.
fn one_kind(faults: &'static [Fault], gap_ms: (u64, u64), hold_ms: (u64, u64)) -> Trial {
    let mut config = RaftConfig::of((0..5).map(NodeId).collect());
    config.snapshot_every_entries = 2_000;
    let main_ms = 15_000;
    Trial { hosts: 5, config, world: World::LAN, faults, gap_ms, hold_ms, main_ms, ..everything() }
}

/// Many clients that never rest, and many keys, so that what was lost is not soon overwritten.
fn busy(trial: Trial) -> Trial {
    Trial { clients: 20, keys: 300, think_ms: 0, main_ms: 20_000, ..trial }
}

/// The run that a bug needs.
fn exposing(bug: Bug) -> Trial {
    let mut trial = match bug {
        Bug::StaleRead | Bug::CasAtProposal => one_kind(&[], (1000, 2000), (0, 0)),
        Bug::EarlyAck | Bug::LongLease => {
            one_kind(&[Fault::IsolateLeader], (2000, 4000), (1000, 3000))
        }
        Bug::NoFsync => one_kind(&[Fault::KillMajority], (1500, 3000), (100, 500)),
        Bug::ForgetVote => busy(one_kind(&[Fault::KillAll], (500, 900), (20, 100))),
        Bug::SnapshotForgetsLast => {
            let mut trial = one_kind(&[Fault::KillAll], (1000, 2000), (50, 200));
            trial.config.snapshot_every_entries = 5;
            trial
        }
        Bug::VoteWithoutLogCheck => one_kind(&[Fault::Halves], (800, 1500), (1500, 1500)),
        Bug::CommitOldTerm => busy(one_kind(&[Fault::ChaseLeader], (400, 700), (2000, 2000))),
        Bug::ForgetTerm => {
            one_kind(&[Fault::KillAll, Fault::KillMajority, Fault::Halves], (300, 800), (100, 600))
        }
        Bug::VoteTwice => {
            let trial = one_kind(&[Fault::IsolateLeader], (1000, 2000), (500, 1000));
            Trial { world: World::MIXED_UP, ..trial }
        }
        Bug::VoteOutlivesTerm => one_kind(&[Fault::IsolateLeader], (2000, 4000), (1000, 2000)),
        Bug::CommitBeyondMatch | Bug::AppendWithoutPreviousCheck => {
            busy(one_kind(&[Fault::IsolateLeader, Fault::Halves], (700, 1000), (500, 1000)))
        }
        Bug::UnknownSaidFailed => one_kind(&[Fault::IsolateLeader], (1000, 2000), (500, 1000)),
        Bug::TruncateOnStaleAppend => {
            let trial = one_kind(&[Fault::IsolateLeader], (700, 1500), (400, 800));
            Trial { world: World::MIXED_UP, ..trial }
        }
        Bug::ReadIndexEarly => {
            let trial = busy(one_kind(&[Fault::IsolateLeader], (700, 1500), (400, 800)));
            Trial { world: World::ROUGH, keys: 3, ..trial }
        }
        Bug::LeaseIgnoresClockRate => {
            one_kind(&[Fault::IsolateSlowLeader], (1000, 2000), (600, 1000))
        }
        Bug::SnapshotOverwritesNewer => {
            let trial = busy(one_kind(&[Fault::IsolateLeader], (700, 1500), (400, 800)));
            Trial { world: World::MIXED_UP, ..trial }
        }
        Bug::OverlappingChanges => {
            one_kind(&[Fault::RemoveMajority, Fault::Reconfigure], (1000, 2000), (800, 1500))
        }
        Bug::RetryAppliedTwice => {
            Trial { world: World::FAR, clients: 12, ..one_kind(&[], (1000, 2000), (0, 0)) }
        }
    };
    trial.config.bug = Some(bug);
    if matches!(bug, Bug::LongLease | Bug::LeaseIgnoresClockRate) {
        trial.config.reads = Reads::Lease;
    }
    trial
}

/// Whether a run shows the bug to the checker that is to find it.
fn is_exposed(bug: Bug, findings: &Findings) -> bool {
    let listed = target("raft").and_then(|raft| raft.bugs.iter().find(|b| b.name == bug.name()));
    match listed.expect("every bug is in the catalogue").breaks {
        Breaks::Safety => findings.anomaly.is_some(),
        Breaks::Liveness => findings.answered_at_last == 0,
    }
}

#[test]
fn a_correct_cluster_is_never_accused() {
    let mut places = BTreeSet::new();
    for reads in [Reads::Index, Reads::Lease] {
        for seed in 0..40 {
            let mut trial = everything();
            trial.config.reads = reads;
            let findings = trial.run(seed);
            assert_eq!(findings.broken, None, "{reads:?}, seed {seed}");
            assert_eq!(findings.anomaly, None, "{reads:?}, seed {seed}");
            assert!(findings.acknowledged > 200, "{reads:?}, seed {seed}: {findings:?}");
            assert!(findings.answered_at_last > 0, "{reads:?}, seed {seed}: {findings:?}");
            places.extend(findings.places);
        }
    }
    // A trial that never gets to the difficult places shows nothing.
    for place in [
        "append-backed-off",
        "election-lost",
        "lease-read",
        "learner-added",
        "log-truncated",
        "membership-changed",
        "pre-vote-held-back",
        "read-index-read",
        "removed-leader-stepped-down",
        "snapshot-installed",
        "split-vote",
        "step-down-check-quorum",
        "vote-held-back",
    ] {
        assert!(places.contains(place), "no trial reached {place}: {places:?}");
    }
}

#[test]
fn planted_bugs_are_found_and_their_absence_is_not() {
    for bug in Bug::ALL {
        let mut trial = exposing(bug);
        let found = (0..20).find(|seed| is_exposed(bug, &trial.run(*seed)));
        assert!(found.is_some(), "{} is not found", bug.name());
        trial.config.bug = None;
        trial.main_ms = trial.main_ms.min(5_000);
        let findings = trial.run(found.unwrap_or_default());
        assert!(!is_exposed(bug, &findings), "without {}", bug.name());
        assert_eq!((findings.broken, findings.anomaly), (None, None), "without {}", bug.name());
    }
}

/// How often each bug is found. `cargo test --release -p targets --test raft -- --ignored rates`
#[test]
#[ignore = "a measurement, not a check"]
fn rates() {
    let only = std::env::var("BUG").unwrap_or_default();
    for bug in Bug::ALL.into_iter().filter(|bug| bug.name().contains(&only)) {
        let begun = std::time::Instant::now();
        let trial = Trial { main_ms: 20_000, ..exposing(bug) };
        let findings: Vec<_> = (0..10).map(|seed| trial.run(seed)).collect();
        let found = findings.iter().filter(|findings| is_exposed(bug, findings)).count();
        let elections: usize = findings.iter().map(|found| found.elections).sum();
        println!(
            "{:24} {found} of 10, {} elections a run, {:?}",
            bug.name(),
            elections / 10,
            begun.elapsed()
        );
    }
}
