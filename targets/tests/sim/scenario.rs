//! Scenarios as scripts: what is done to a world of the toy protocol, and its trace in return.
//!
//! One script is one scenario, named as a sentence, in `tests/sim/scripts`. Nothing is left to
//! chance there: a link takes 1 ms, a sync 5 ms, a boot 10 ms. What the world drew nothing for is
//! the same for every seed. `UPDATE_GOLDENFILES=1 cargo test -p targets --test sim` writes what is
//! expected.

use crate::toy::Toy;
use checkers::history::trace::{TraceEvent, Traced};
use checkers::history::{Datum, Op, Outcome};
use goldenscript::Context;
use std::error::Error;
use std::fmt::Write as _;
use std::time::Duration;
use targets::environment::{Clock, Disk, Environment, MemberChange, NodeEvent, ProcessSeen};
use targets::links::{Endpoint, Link, LinkMatrix, NodeId};
use targets::protocol::Note;
use targets::seed::Seed;
use targets::sim::{Advanced, Calm, World, WorldSpec};

const MS: u64 = 1_000_000;
const VERBS: [&str; 10] = [
    "read",
    "write",
    "hold",
    "checkpoint",
    "say",
    "say-around",
    "elsewhere",
    "ignore",
    "timer",
    "dance",
];

/// What a script may do. Times are in milliseconds.
#[derive(goldenscript::Command)]
enum Command {
    /// Begins: so many nodes, all of which serve.
    World(u8),
    /// Lets time pass, and shows what happened.
    Run(u64),
    /// A client asks a node.
    Ask {
        client: u32,
        node: String,
        f: String,
        value: Option<i64>,
    },
    Start(String),
    Kill(String),
    Pause(String),
    Resume(String),
    /// Sets one link as this says, besides those that are set already; `clear` mends all.
    Link {
        from: String,
        to: String,
        #[arg(key, optional)]
        cut: bool,
        #[arg(key, optional)]
        hold: bool,
        #[arg(key)]
        delay: Option<u32>,
        #[arg(key)]
        duplicate: Option<u32>,
        #[arg(key)]
        corrupt: Option<u32>,
        #[arg(key)]
        reorder: Option<u32>,
    },
    Clear,
    Clock {
        node: String,
        #[arg(key)]
        offset: Option<i64>,
        #[arg(key)]
        rate: Option<i32>,
    },
    Disk {
        node: String,
        #[arg(key)]
        delay: Option<u32>,
        #[arg(key)]
        errors: Option<u32>,
        #[arg(key)]
        corrupt: Option<u32>,
    },
    /// A node takes so many microseconds for every input.
    Pace {
        node: String,
        us: u32,
    },
    Add {
        via: String,
        node: String,
    },
    /// What each node knows, and which places were reached.
    Status,
    /// Three probes over every link of these two, both ways.
    Probe {
        one: String,
        other: String,
    },
}

#[derive(Default)]
struct Scenario {
    world: Option<World<Toy>>,
    matrix: Option<LinkMatrix>,
}

impl goldenscript::Runner for Scenario {
    type Command = Command;

    fn run(&mut self, command: &Command, _: &Context) -> Result<String, Box<dyn Error>> {
        if let Command::World(nodes) = command {
            self.matrix = Some(LinkMatrix::clear(*nodes));
            self.world = Some(begin(*nodes)?);
            return Ok(String::new());
        }
        let world = self.world.as_mut().ok_or("a script begins with a world")?;
        let matrix = self.matrix.as_mut().ok_or("a script begins with a world")?;
        match command {
            Command::World(_) => {}
            Command::Run(ms) => return Ok(pass(world, world.now_ns() + ms * MS)),
            Command::Ask { client, node: name, f, value } => {
                let f = VERBS.iter().find(|verb| *verb == f).ok_or("no such verb")?;
                let value = value.map_or(Datum::Nil, Datum::Int);
                world.invoke(*client, node(name)?, &Op { f, key: None, value });
            }
            Command::Start(name) => return Ok(seen(&world.start(node(name)?)?)),
            Command::Kill(name) => return Ok(seen(&world.kill(node(name)?)?)),
            Command::Pause(name) => return Ok(seen(&world.pause(node(name)?)?)),
            Command::Resume(name) => return Ok(seen(&world.resume(node(name)?)?)),
            Command::Link { from, to, cut, hold, delay, duplicate, corrupt, reorder } => {
                let link = matrix.link_mut(endpoint(from)?, endpoint(to)?);
                *link = Link {
                    drop: *cut,
                    hold: *hold,
                    delay_us: delay.unwrap_or_default() * 1000,
                    duplicate_ppm: duplicate.unwrap_or_default(),
                    corrupt_ppm: corrupt.unwrap_or_default(),
                    reorder_ppm: reorder.unwrap_or_default(),
                    ..Link::default()
                };
                world.set_links(matrix)?;
            }
            Command::Clear => {
                *matrix = LinkMatrix::clear(matrix.nodes());
                world.set_links(matrix)?;
            }
            Command::Clock { node: name, offset, rate } => {
                let (offset_ms, rate_ppm) = (offset.unwrap_or_default(), rate.unwrap_or_default());
                world.set_clock(node(name)?, &Clock { offset_ms, rate_ppm, strobe: None })?;
            }
            Command::Disk { node: name, delay, errors, corrupt } => {
                let disk = Disk {
                    sync_delay_us: delay.unwrap_or_default() * 1000,
                    write_error_ppm: errors.unwrap_or_default(),
                    corrupt_ppm: corrupt.unwrap_or_default(),
                    ..Disk::default()
                };
                world.set_disk(node(name)?, &disk)?;
            }
            Command::Pace { node: name, us } => world.set_pace(node(name)?, *us)?,
            Command::Add { via, node: added } => {
                world.change_members(node(via)?, MemberChange::Add(node(added)?))?;
            }
            Command::Status => return Ok(status(world)),
            Command::Probe { one, other } => return probe(world, one, other),
        }
        Ok(String::new())
    }
}

fn begin(nodes: u8) -> Result<World<Toy>, Box<dyn Error>> {
    let mut world = World::<Toy>::new(WorldSpec {
        nodes,
        clients: 4,
        config: nodes,
        seed: Seed(1),
        calm: Calm { link_delay_us: (1000, 1000), sync_us: (5000, 5000), boot_ms: (10, 10) },
        op_timeout: Duration::from_millis(100),
    });
    world.keep_trace((20 * MS, u64::MAX));
    for node in (0..nodes).map(NodeId) {
        world.start(node)?;
    }
    pass(&mut world, 20 * MS);
    Ok(world)
}

/// Lets time pass; what happened, one line each.
fn pass(world: &mut World<Toy>, until_ns: u64) -> String {
    let mut output = String::new();
    loop {
        let advanced = world.advance(until_ns);
        for TraceEvent { time_ns, what } in world.take_trace().unwrap_or_default().events {
            line(&mut output, time_ns, &traced(&what));
        }
        let now_ns = world.now_ns();
        match advanced {
            Advanced::Time => return output,
            Advanced::News => {
                for news in world.news() {
                    let text = match news.what {
                        NodeEvent::Serving => "serving".to_owned(),
                        NodeEvent::Died { how } => format!("died: {how}"),
                        NodeEvent::Note(Note::Sometimes { place }) => format!("reached {place}"),
                        NodeEvent::Note(note) => format!("{note:?}"),
                        NodeEvent::Members { change, result } => format!("{change}: {result:?}"),
                    };
                    line(&mut output, now_ns, &format!("news of {}: {text}", news.node));
                }
            }
            Advanced::Completed(completion) => {
                let outcome = match completion.outcome {
                    Outcome::Ok(value) => format!("ok {value}"),
                    Outcome::Fail(why) => format!("fail: {why}"),
                    Outcome::Info(why) => format!("info: {why}"),
                };
                line(&mut output, now_ns, &format!("client {}: {outcome}", completion.client));
            }
        }
    }
}

fn line(output: &mut String, time_ns: u64, text: &str) {
    let (ms, us) = (time_ns / MS, time_ns / 1000 % 1000);
    writeln!(output, "{ms:>4}.{us:03} {text}").expect("a string can be written to");
}

fn traced(what: &Traced) -> String {
    match what {
        Traced::Sent { id, from, to, text } => format!("#{id} {from} -> {to}: {text}"),
        Traced::Delivered { id } => format!("#{id} is taken in"),
        Traced::Lost { id, why } => format!("#{id} is lost: {why}"),
        Traced::State { node, text } => format!("{node} is: {text}"),
        Traced::Node { node, text } => format!("{node} {text}"),
    }
}

fn status(world: &World<Toy>) -> String {
    let mut output = String::new();
    for node in (0..world.nodes()).map(NodeId) {
        let text = world.protocol(node).map_or_else(|| "down".to_owned(), state);
        let ahead_ms = world.clock_ahead_ns(node).unwrap_or_default() / MS as i64;
        writeln!(output, "{node} {text}; clock {ahead_ms:+} ms")
            .expect("a string can be written to");
    }
    for (place, count) in world.places() {
        writeln!(output, "{place}: {count}").expect("a string can be written to");
    }
    output
}

fn state(toy: &Toy) -> String {
    use targets::service::Service;
    let rung: Vec<u64> = toy.rung_own_ns.iter().map(|ns| ns / MS).collect();
    format!("{}, timer rang at {rung:?} ms of its own", toy.describe())
}

fn probe(world: &mut World<Toy>, one: &str, other: &str) -> Result<String, Box<dyn Error>> {
    let (one, other) = (endpoint(one)?, endpoint(other)?);
    let mut output = String::new();
    for seen in world.probe_links(3, Duration::from_millis(50))? {
        if (seen.from, seen.to) != (one, other) && (seen.to, seen.from) != (one, other) {
            continue;
        }
        let counted = world.link_counters(seen.from, seen.to);
        let (from, to, arrived, sent) = (seen.from, seen.to, seen.arrived, seen.sent);
        writeln!(
            output,
            "{from} -> {to}: {arrived} of {sent}, {:?} us, {counted:?}",
            seen.delay_us
        )?;
    }
    Ok(output)
}

fn seen(process: &ProcessSeen) -> String {
    format!("{process:?}\n")
}

fn node(name: &str) -> Result<NodeId, Box<dyn Error>> {
    let number: u8 = name.strip_prefix('n').ok_or(format!("{name} is no node"))?.parse()?;
    Ok(NodeId(number - 1))
}

fn endpoint(name: &str) -> Result<Endpoint, Box<dyn Error>> {
    if name == "clients" { Ok(Endpoint::Clients) } else { Ok(Endpoint::Node(node(name)?)) }
}

#[test]
fn every_scenario_goes_as_written() -> std::io::Result<()> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sim/scripts");
    let mut scripts: Vec<_> = std::fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<std::io::Result<_>>()?;
    scripts.sort();
    assert!(!scripts.is_empty(), "{folder} holds the scenarios");
    for script in scripts {
        println!("{}", script.display());
        goldenscript::run(&mut Scenario::default(), script)?;
    }
    Ok(())
}
