//! Raft on trial in virtual time: randomized safety, planted bugs, scenarios.

mod commit_rule;
mod history;
mod invariants;
mod scenario;
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
        clients: 6,
        keys: 3,
        think_ms: 20,
    }
}

#[test]
fn explore() {
    for reads in [Reads::Index, Reads::Lease] {
        for seed in 0..400 {
            let mut trial = all_faults();
            trial.config.reads = reads;
            let t = std::time::Instant::now();
            let f = trial.run(seed);
            if f.anomaly.is_some() || f.broken.is_some() || f.acknowledged < 300 {
                println!("{reads:?} {seed} {:?} {f:?}", t.elapsed());
            }
        }
    }
}

#[test]
fn explore_bugs() {
    let run =
        |bug: Bug, faults: &'static [Fault], gap_ms, hold_ms, every, label: &str, clients, keys| {
            let mut found = 0;
            let n = 6;
            let (mut ack, mut el, mut both) = (0, 0, 0);
            for seed in 0..n {
                let mut trial = all_faults();
                trial.main_ms = 60_000;
                trial.world = World {
                    delay_us: (100, 400),
                    loss_ppm: 0,
                    duplicate_ppm: 0,
                    disk_us: (500, 3000),
                };
                trial.gap_ms = gap_ms;
                trial.hold_ms = hold_ms;
                trial.clients = clients;
                trial.keys = keys;
                trial.think_ms = 0;
                trial.faults = faults;
                trial.config.bug = Some(bug);
                trial.config.snapshot_every_entries = every;
                if bug == Bug::LongLease {
                    trial.config.reads = Reads::Lease;
                }
                let f = trial.run(seed);
                ack += f.acknowledged;
                el += f.elections;
                both += f.broken.is_some() as u32;
                found += usize::from(f.anomaly.is_some());
            }
            println!(
                "{} {found}/{n} ack {} elections {} {label} both {both}",
                bug.name(),
                ack / 6,
                el / 6
            );
        };

    let leader: &[Fault] = &[Fault::IsolateLeader];
    let all: &[Fault] = &[Fault::KillAll];
    let most: &[Fault] = &[Fault::KillMajority];
    for (clients, keys) in [(20, 10), (20, 50)] {
        println!("{clients} {keys}");
        let mut run = |a, b, c, d, e, f| run(a, b, c, d, e, f, clients, keys);
        run(Bug::ForgetVote, all, (500, 900), (20, 100), 2000, "all vfast");
        run(Bug::ForgetVote, all, (600, 700), (20, 30), 2000, "all vfast");
        run(Bug::ForgetVote, all, (400, 2000), (20, 30), 2000, "all vfast");
        run(
            Bug::ForgetVote,
            &[Fault::KillAll, Fault::IsolateLeader],
            (400, 1000),
            (20, 900),
            2000,
            "mixed vfast",
        );
    }
}
