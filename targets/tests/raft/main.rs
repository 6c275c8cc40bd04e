//! Raft on trial in virtual time: randomized safety, planted bugs, scenarios.

mod history;
mod invariants;
#[path = "../support/mod.rs"]
mod support;
mod trial;

use support::World;
use targets::links::NodeId;
use targets::raft::{Bug, RaftConfig, Reads};
use trial::{Fault, Trial};

fn all_faults() -> Trial {
    let mut config = RaftConfig::of((0..5).map(NodeId).collect());
    config.snapshot_every_entries = 40;
    Trial {
        hosts: 5,
        config,
        world: World::ROUGH,
        faults: &[
            Fault::Halves,
            Fault::IsolateLeader,
            Fault::KillOne,
            Fault::KillMajority,
            Fault::KillAll,
        ],
        gap_ms: (500, 1500),
        hold_ms: (100, 1200),
        main_ms: 8_000,
    }
}

#[test]
fn explore() {
    for reads in [Reads::Index, Reads::Lease] {
        for seed in 0..5 {
            let mut trial = all_faults();
            trial.config.reads = reads;
            let t = std::time::Instant::now();
            let f = trial.run(seed);
            println!("{reads:?} {seed} {:?} {f:?}", t.elapsed());
        }
    }
}

#[test]
fn explore_bugs() {
    for bug in Bug::ALL {
        let mut found = 0;
        let n = 10;
        let mut ack = 0;
        let t = std::time::Instant::now();
        for seed in 0..n {
            let mut trial = all_faults();
            trial.config.bug = Some(bug);
            if bug == Bug::LongLease {
                trial.config.reads = Reads::Lease;
            }
            let f = trial.run(seed);
            ack += f.acknowledged;
            found += usize::from(f.anomaly.is_some());
        }
        println!("{} {found}/{n} ack {ack} {:?}", bug.name(), t.elapsed());
    }
}
