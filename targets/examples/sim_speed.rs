//! How fast the simulated world is: simulated seconds per second of CPU, of a five-node Raft and
//! ten clients that do a hundred operations a second together.
//!
//! ```text
//! cargo run --release -p targets --example sim_speed [SIMULATED_SECONDS] [idle|calm|rough]
//! ```
//!
//! `idle` has no operations and no faults, `calm` no faults; `rough` has one at a time, for two
//! seconds of every four: a partition, a killed leader, loss and delay, a slow disk, a clock that
//! goes wrong.

use checkers::history::{Datum, Op, Outcome};
use std::time::Duration;
use targets::environment::{Clock, Disk, Environment};
use targets::links::{Endpoint, Link, LinkMatrix, NodeId};
use targets::raft::{Raft, RaftConfig};
use targets::seed::{Seed, Stream};
use targets::sim::{Advanced, Calm, World, WorldSpec};

const NODES: u8 = 5;
const CLIENTS: u32 = 10;
const GAP_NS: u64 = 10_000_000;
const FAULT_NS: u64 = 2_000_000_000;

fn main() {
    let mut words = std::env::args().skip(1);
    let seconds: u64 = words.next().map_or(600, |word| word.parse().expect("a number of seconds"));
    let mode = words.next().unwrap_or_else(|| "rough".to_owned());
    let spec = WorldSpec::<Raft> {
        nodes: NODES,
        clients: CLIENTS,
        config: RaftConfig::of((0..NODES).map(NodeId).collect()),
        seed: Seed(7),
        calm: Calm::default(),
        op_timeout: Duration::from_secs(1),
    };
    let before_ns = cpu_ns();
    let mut world = World::new(spec);
    let (ok, others) = drive(&mut world, seconds * 1_000_000_000, &mode);
    let took = (cpu_ns() - before_ns) as f64 / 1e9;
    let speed = seconds as f64 / took;
    println!("{seconds} s simulated in {took:.3} s of CPU: {speed:.0} times real time");
    println!("{:.0} us a simulated second; {ok} ok, {others} other", 1e6 / speed);
    for (place, count) in world.places() {
        println!("{count:>9}  {place}");
    }
}

/// What this process has used of a core; a busy machine does not count.
fn cpu_ns() -> u64 {
    let text = std::fs::read_to_string("/proc/self/schedstat").expect("Linux says what it gave");
    let first = text.split(' ').next().and_then(|word| word.parse().ok());
    first.expect("the first figure is the time on a core in nanoseconds")
}

/// Clients that are idle take turns; each asks whom it believes to lead, as clients do.
fn drive(world: &mut World<Raft>, until_ns: u64, mode: &str) -> (u64, u64) {
    let mut stream = Seed(7).stream("clients");
    let mut idle: Vec<u32> = (0..CLIENTS).collect();
    let (mut ok, mut others, mut value) = (0, 0, 0);
    let (mut next_op_ns, mut next_fault_ns) = (GAP_NS, FAULT_NS);
    (0..NODES).for_each(|node| drop(world.start(NodeId(node)).expect("a fresh node starts")));
    while world.now_ns() < until_ns {
        match world.advance(next_op_ns.min(next_fault_ns).min(until_ns)) {
            Advanced::Completed(completion) => {
                idle.push(completion.client);
                match completion.outcome {
                    Outcome::Ok(_) => ok += 1,
                    _ => others += 1,
                }
            }
            Advanced::News => drop(world.news()),
            Advanced::Time => {}
        }
        if world.now_ns() >= next_op_ns {
            next_op_ns += GAP_NS;
            if mode != "idle"
                && let Some(client) = idle.pop()
            {
                value += 1;
                let node = NodeId(stream.below(u64::from(NODES)) as u8);
                world.invoke(client, node, &operation(&mut stream, value));
            }
        }
        if world.now_ns() >= next_fault_ns {
            next_fault_ns += FAULT_NS;
            if mode == "rough" {
                disturb(world, next_fault_ns / FAULT_NS, &mut stream);
            }
        }
    }
    (ok, others)
}

fn operation(stream: &mut Stream, value: i64) -> Op {
    let key = Some(stream.below(5) as i64);
    match stream.below(2) {
        0 => Op { f: "read", key, value: Datum::Nil },
        _ => Op { f: "write", key, value: Datum::Int(value) },
    }
}

/// Undoes the last fault, or begins the next.
fn disturb(world: &mut World<Raft>, turn: u64, stream: &mut Stream) {
    let node = NodeId(stream.below(u64::from(NODES)) as u8);
    let mut matrix = LinkMatrix::clear(NODES);
    let (mut disk, mut clock) = (Disk::default(), Clock::default());
    if turn.is_multiple_of(2) {
        match turn / 2 % 4 {
            0 => {
                for other in (0..NODES).map(NodeId).filter(|other| *other != node) {
                    *matrix.link_mut(Endpoint::Node(node), Endpoint::Node(other)) = Link::CUT;
                    *matrix.link_mut(Endpoint::Node(other), Endpoint::Node(node)) = Link::CUT;
                }
            }
            1 => drop(world.kill(node).expect("a node that ran can be killed")),
            2 => {
                let link =
                    Link { delay_us: 5000, jitter_us: 5000, loss_ppm: 50_000, ..Link::default() };
                let pairs: Vec<_> = matrix
                    .endpoints()
                    .flat_map(|a| matrix.endpoints().map(move |b| (a, b)))
                    .collect();
                pairs.into_iter().for_each(|(a, b)| *matrix.link_mut(a, b) = link);
            }
            _ => {
                disk.sync_delay_us = 20_000;
                clock.rate_ppm = 300_000;
            }
        }
    }
    world.set_links(&matrix).expect("links can be set");
    for node in (0..NODES).map(NodeId) {
        if turn % 2 == 1 {
            // A node that runs already says so.
            let _ = world.start(node);
        }
        world.set_disk(node, &Disk::default()).expect("disks can be set");
        world.set_clock(node, &Clock::default()).expect("clocks can be set");
    }
    world.set_disk(node, &disk).expect("disks can be set");
    world.set_clock(node, &clock).expect("clocks can be set");
}
