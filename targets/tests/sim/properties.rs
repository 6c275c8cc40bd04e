//! What holds of every world, whatever is done to it.

use crate::toy::Toy;
use checkers::history::trace::Trace;
use checkers::history::{Datum, Op, Outcome};
use proptest::prelude::*;
use std::time::Duration;
use targets::environment::{Clock, Disk, Environment};
use targets::links::{Endpoint, Link, LinkMatrix, NodeId};
use targets::raft::{Raft, RaftConfig};
use targets::seed::Seed;
use targets::sim::{Advanced, Calm, Completion, World, WorldSpec};

const MS: u64 = 1_000_000;
const NODES: u8 = 3;
const CLIENTS: u32 = 3;

/// Something that is done to a world.
#[derive(Clone, Debug)]
enum Step {
    Pass(u16),
    Ask(u32, u8, &'static str, i64),
    Kill(u8),
    Start(u8),
    Pause(u8),
    Resume(u8),
    Links(u8, u8, Link),
    Clear,
    Disk(u8, Disk),
    Clock(u8, Clock),
    Pace(u8, u16),
}

fn step() -> impl Strategy<Value = Step> {
    let node = || 0..NODES;
    let verb = prop::sample::select(vec!["read", "write", "hold", "say", "say-around", "timer"]);
    let end = || 0..=NODES;
    prop_oneof![
        4 => (1..60_u16).prop_map(Step::Pass),
        6 => (0..CLIENTS, node(), verb, 0..40_i64).prop_map(|(c, n, f, v)| Step::Ask(c, n, f, v)),
        1 => node().prop_map(Step::Kill),
        2 => node().prop_map(Step::Start),
        1 => node().prop_map(Step::Pause),
        2 => node().prop_map(Step::Resume),
        3 => (end(), end(), link()).prop_map(|(from, to, link)| Step::Links(from, to, link)),
        1 => Just(Step::Clear),
        1 => (node(), 0..20_000_u32, 0..300_000_u32).prop_map(|(node, delay, errors)| {
            let disk = Disk { sync_delay_us: delay, write_error_ppm: errors, ..Disk::default() };
            Step::Disk(node, disk)
        }),
        1 => (node(), -50..50_i64, -900_000..2_000_000_i32).prop_map(|(node, offset_ms, rate_ppm)| {
            Step::Clock(node, Clock { offset_ms, rate_ppm, strobe: None })
        }),
        1 => (node(), 0..3000_u16).prop_map(|(node, us)| Step::Pace(node, us)),
    ]
}

fn link() -> impl Strategy<Value = Link> {
    let chance = || prop_oneof![2 => Just(0_u32), 1 => 0..1_000_000_u32];
    let slow = (0..30_000_u32, 0..20_000_u32);
    let usual = (slow, chance(), chance(), chance(), chance()).prop_map(usual_link);
    prop_oneof![
        1 => Just(Link::CUT),
        1 => Just(Link { hold: true, ..Link::default() }),
        4 => usual,
    ]
}

fn usual_link(parts: ((u32, u32), u32, u32, u32, u32)) -> Link {
    let ((delay_us, jitter_us), loss_ppm, duplicate_ppm, reorder_ppm, corrupt_ppm) = parts;
    Link {
        delay_us,
        jitter_us,
        loss_ppm,
        duplicate_ppm,
        reorder_ppm,
        corrupt_ppm,
        ..Link::default()
    }
}

/// What came of a run.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    completed: Vec<(u64, Completion)>,
    invoked: Vec<(u32, Op)>,
    trace: Trace,
    places: Vec<(String, u64)>,
    states: Vec<String>,
}

fn play(seed: u64, steps: &[Step]) -> Seen {
    let mut world = World::<Toy>::new(WorldSpec {
        nodes: NODES,
        clients: CLIENTS,
        config: NODES,
        seed: Seed(seed),
        calm: Calm::default(),
        op_timeout: Duration::from_millis(100),
    });
    world.keep_trace((0, u64::MAX));
    let mut seen = Seen::default();
    let mut busy = [false; CLIENTS as usize];
    let mut matrix = LinkMatrix::clear(NODES);
    let ends: Vec<Endpoint> = matrix.endpoints().collect();
    (0..NODES).for_each(|node| drop(world.start(NodeId(node))));
    pass(&mut world, 30, &mut busy, &mut seen);
    for step in steps {
        // A primitive that has nothing to do says so.
        match step {
            Step::Pass(ms) => pass(&mut world, u64::from(*ms), &mut busy, &mut seen),
            Step::Ask(client, node, f, value) => {
                if !std::mem::replace(&mut busy[*client as usize], true) {
                    let op = Op { f, key: None, value: Datum::Int(*value) };
                    world.invoke(*client, NodeId(*node), &op);
                    seen.invoked.push((*client, op));
                }
            }
            Step::Kill(node) => drop(world.kill(NodeId(*node))),
            Step::Start(node) => drop(world.start(NodeId(*node))),
            Step::Pause(node) => drop(world.pause(NodeId(*node))),
            Step::Resume(node) => drop(world.resume(NodeId(*node))),
            Step::Links(from, to, link) => {
                *matrix.link_mut(ends[usize::from(*from)], ends[usize::from(*to)]) = *link;
                world.set_links(&matrix).unwrap();
            }
            Step::Clear => {
                matrix = LinkMatrix::clear(NODES);
                world.set_links(&matrix).unwrap();
            }
            Step::Disk(node, disk) => world.set_disk(NodeId(*node), disk).unwrap(),
            Step::Clock(node, clock) => world.set_clock(NodeId(*node), clock).unwrap(),
            Step::Pace(node, us) => world.set_pace(NodeId(*node), u32::from(*us)).unwrap(),
        }
    }
    pass(&mut world, 300, &mut busy, &mut seen);
    seen.trace = world.take_trace().unwrap();
    seen.places = world.places();
    let state = |node| world.protocol(NodeId(node)).map_or(String::new(), |toy| format!("{toy:?}"));
    seen.states = (0..NODES).map(state).collect();
    seen
}

fn pass(world: &mut World<Toy>, ms: u64, busy: &mut [bool], seen: &mut Seen) {
    let until_ns = world.now_ns() + ms * MS;
    loop {
        match world.advance(until_ns) {
            Advanced::Time => return,
            Advanced::News => drop(world.news()),
            Advanced::Completed(completion) => {
                busy[completion.client as usize] = false;
                seen.completed.push((world.now_ns(), completion));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Also: every operation comes back, in time and once, and a write that is acknowledged was
    /// carried out once however often a link doubles what it carries.
    #[test]
    fn the_same_seed_is_the_same_world_and_every_operation_comes_back(
        seed: u64, steps in prop::collection::vec(step(), 1..60),
    ) {
        let seen = play(seed, &steps);
        prop_assert_eq!(&seen, &play(seed, &steps));
        prop_assert_eq!(seen.completed.len(), seen.invoked.len());
    }

    /// Each write has a number of its own, so a number that a node wrote twice was executed twice.
    #[test]
    fn no_request_is_executed_twice(seed: u64, steps in prop::collection::vec(step(), 1..60)) {
        let mut number = 1000;
        let numbered: Vec<Step> = steps.into_iter().map(|step| match step {
            Step::Ask(client, node, "write" | "hold", _) => {
                number += 1;
                Step::Ask(client, node, "write", number)
            }
            other => other,
        }).collect();
        for state in play(seed, &numbered).states {
            let written = state.split("written: [").nth(1).and_then(|rest| rest.split(']').next());
            let mut written: Vec<&str> = written.unwrap_or_default().split(", ").collect();
            let all = written.len();
            written.sort_unstable();
            written.dedup();
            prop_assert_eq!(written.len(), all, "{}", state);
        }
    }

    /// A write that was acknowledged is found after the node has died, unless its disk lies.
    #[test]
    fn what_was_acknowledged_is_durable(seed: u64, writes in 1..30_i64, last_us in 0..4000_u64) {
        let mut world = World::<Toy>::new(WorldSpec {
            nodes: 1, clients: 2, config: 1, seed: Seed(seed), calm: Calm::default(),
            op_timeout: Duration::from_millis(100),
        });
        world.start(NodeId(0)).unwrap();
        world.advance(30 * MS);
        let mut acknowledged = Vec::new();
        for value in 0..writes {
            let op = Op { f: "write", key: None, value: Datum::Int(value) };
            world.invoke(0, NodeId(0), &op);
            // The last one may not be answered before the node dies.
            let patience_us = if value + 1 < writes { 90_000 } else { last_us };
            let until_ns = world.now_ns() + patience_us * 1000;
            loop {
                match world.advance(until_ns) {
                    Advanced::Completed(Completion { outcome: Outcome::Ok(value), .. }) => {
                        acknowledged.push(value);
                        break;
                    }
                    Advanced::Time => break,
                    _ => {}
                }
            }
        }
        world.kill(NodeId(0)).unwrap();
        world.start(NodeId(0)).unwrap();
        while world.advance(world.now_ns() + 30 * MS) != Advanced::Time {}
        let written: Vec<Datum> =
            world.protocol(NodeId(0)).unwrap().written.iter().map(|n| Datum::Int(*n)).collect();
        prop_assert!(written.starts_with(&acknowledged), "{written:?} {acknowledged:?}");
        prop_assert!(written.len() as i64 <= writes);
    }
}

#[test]
fn another_seed_is_another_world() {
    let steps = [Step::Ask(0, 0, "say-around", 1), Step::Pass(20)];
    assert_ne!(play(1, &steps).trace, play(2, &steps).trace);
}

#[test]
fn a_trace_changes_nothing_and_is_bounded() {
    let run = |trace_ns| {
        let mut world = World::<Raft>::new(WorldSpec {
            nodes: 5,
            clients: 0,
            config: RaftConfig::of((0..5).map(NodeId).collect()),
            seed: Seed(3),
            calm: Calm::default(),
            op_timeout: Duration::from_secs(1),
        });
        if let Some(window_ns) = trace_ns {
            world.keep_trace(window_ns);
        }
        (0..5).for_each(|node| drop(world.start(NodeId(node))));
        while world.advance(120_000 * MS) != Advanced::Time {}
        let states: Vec<String> =
            (0..5).map(|node| format!("{:?}", world.protocol(NodeId(node)))).collect();
        (states, world.take_trace())
    };
    let (without, none) = run(None);
    let (with, trace) = run(Some((10_000 * MS, 110_000 * MS)));
    assert_eq!((without, none), (with, None));
    let trace = trace.unwrap();
    assert_eq!(trace.events.len(), 20_000);
    assert!(trace.left_out > 0);
}

/// A follower whose clock runs twice as fast thinks that its leader is silent; with the rate of the
/// others nobody does.
#[test]
fn a_fast_clock_makes_a_follower_campaign() {
    let states = |rate_ppm| {
        let mut config = RaftConfig::of((0..3).map(NodeId).collect());
        config.heartbeat_ms = 200;
        let mut world = World::<Raft>::new(WorldSpec {
            nodes: 3,
            clients: 0,
            config,
            seed: Seed(5),
            calm: Calm::default(),
            op_timeout: Duration::from_secs(1),
        });
        world.keep_trace((2_000 * MS, 4_000 * MS));
        (0..3).for_each(|node| drop(world.start(NodeId(node))));
        while world.advance(2_000 * MS) != Advanced::Time {}
        let clock = Clock { rate_ppm, ..Clock::default() };
        let follows = |node: &NodeId| !world.protocol(*node).unwrap().is_leader();
        let follower = (0..3).map(NodeId).find(follows).unwrap();
        world.set_clock(follower, &clock).unwrap();
        while world.advance(4_000 * MS) != Advanced::Time {}
        format!("{:?}", world.take_trace().unwrap().events)
    };
    assert!(!states(0).contains("candidate"));
    assert!(states(2_000_000).contains("candidate"));
}
