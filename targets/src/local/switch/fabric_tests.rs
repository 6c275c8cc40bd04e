//! Scenarios of the fabric as scripts, and its memory bound.
//!
//! ```text
//!   set [clear] [n1-n2="delay 20ms, hold"]     sets all links (those not named are clear)
//!   send n1 n2 a b c [at=5ms]                  offers packets whose payload is one letter
//!   run [until=30ms]                           takes out what is due
//!   count n1 n2                                the link's counters
//! ```

use super::{FABRIC_BYTES_MAX, Fabric, LINK_BYTES_MAX, Offered, PACKET_OVERHEAD_BYTES};
use crate::links::{Endpoint, Link, LinkMatrix, NodeId};
use crate::seed::Seed;
use goldenscript::{Command, Context, Runner};
use std::error::Error;
use std::fmt::Write as _;

const NODES: u8 = 3;
/// Up to the payload: virtio_net_hdr, Ethernet, IPv4, UDP.
const HEADERS_BYTES: usize = 10 + 14 + 20 + 8;

fn packet(payload: &str) -> Vec<u8> {
    let mut bytes = vec![0; HEADERS_BYTES];
    bytes[24] = 0x45;
    bytes[33] = 17;
    bytes.extend(payload.as_bytes());
    bytes
}

struct Script {
    fabric: Fabric,
    now_ns: u64,
}

impl Script {
    fn new() -> Self {
        Self { fabric: Fabric::new(NODES, Seed(7)), now_ns: 0 }
    }

    fn at(&mut self, time: Option<&str>) -> Result<(), Box<dyn Error>> {
        if let Some(time) = time {
            let ms: u64 = time.strip_suffix("ms").ok_or("times are in ms")?.parse()?;
            self.now_ns = self.now_ns.max(ms * 1_000_000);
        }
        Ok(())
    }

    fn run(&mut self) -> String {
        let end_ns = self.now_ns;
        let mut output = String::new();
        while let Some(due_ns) = self.fabric.next_due_ns().filter(|due_ns| *due_ns <= end_ns) {
            while let Some((to, packet)) = self.fabric.take_due(due_ns) {
                let payload = String::from_utf8_lossy(&packet[HEADERS_BYTES..]).into_owned();
                let ms = due_ns / 1_000_000;
                writeln!(output, "{ms} ms: {payload} to {}", name(to)).expect("memory");
            }
        }
        if output.is_empty() { "nothing".to_owned() } else { output }
    }
}

fn name(position: usize) -> String {
    let endpoint = LinkMatrix::clear(NODES).endpoints().nth(position);
    endpoint.map_or_else(String::new, |endpoint| endpoint.to_string())
}

fn endpoint(text: &str) -> Result<Endpoint, Box<dyn Error>> {
    if text == "clients" {
        return Ok(Endpoint::Clients);
    }
    let number: u8 = text.strip_prefix('n').ok_or("n1, n2, ... or clients")?.parse()?;
    Ok(Endpoint::Node(NodeId(number - 1)))
}

fn link(text: &str) -> Result<Link, Box<dyn Error>> {
    let mut link = Link::default();
    for part in text.split(',').map(str::trim) {
        let (what, value) = part.split_once(' ').unwrap_or((part, ""));
        let number = || -> Result<u32, Box<dyn Error>> {
            let digits = value.trim_end_matches(|c: char| !c.is_ascii_digit());
            let unit = &value[digits.len()..];
            let scale = match unit {
                "ms" => 1000,
                "%" => 10_000,
                "B/s" => 1,
                _ => return Err(format!("unknown unit {unit:?}").into()),
            };
            Ok(digits.parse::<u32>()? * scale)
        };
        match what {
            "cut" => link.drop = true,
            "hold" => link.hold = true,
            "delay" => link.delay_us = number()?,
            "jitter" => link.jitter_us = number()?,
            "loss" => link.loss_ppm = number()?,
            "duplicate" => link.duplicate_ppm = number()?,
            "reorder" => link.reorder_ppm = number()?,
            "corrupt" => link.corrupt_ppm = number()?,
            "rate" => link.rate_bytes_per_s = Some(number()?),
            _ => return Err(format!("unknown property {what:?}").into()),
        }
    }
    Ok(link)
}

impl Runner for Script {
    type Command = Command;

    fn run(&mut self, command: &Command, _: &Context) -> Result<String, Box<dyn Error>> {
        let mut args = command.consume_args();
        let output = match command.name.as_str() {
            "set" => {
                self.at(args.take_key("at"))?;
                let mut matrix = LinkMatrix::clear(NODES);
                while let Some((pair, properties)) = args.next_key() {
                    let (from, to) = pair.split_once('-').ok_or("FROM-TO")?;
                    *matrix.link_mut(endpoint(from)?, endpoint(to)?) = link(properties)?;
                }
                self.fabric.set(&matrix, self.now_ns);
                String::new()
            }
            "send" => {
                self.at(args.take_key("at"))?;
                let mut end = || endpoint(args.next_pos().ok_or("send FROM TO PACKETS")?);
                let matrix = LinkMatrix::clear(NODES);
                let (from, to) = (matrix.position(end()?), matrix.position(end()?));
                let mut output = String::new();
                while let Some(payload) = args.next_pos() {
                    if self.fabric.offer(from, to, self.now_ns, &packet(payload)) == Offered::AtOnce
                    {
                        writeln!(output, "at once: {payload} to {}", name(to))?;
                    }
                }
                output
            }
            "run" => {
                self.at(args.take_key("until"))?;
                self.run()
            }
            "count" => {
                let mut end = || endpoint(args.next_pos().ok_or("count FROM TO")?);
                let matrix = LinkMatrix::clear(NODES);
                let (from, to) = (matrix.position(end()?), matrix.position(end()?));
                let seen = self.fabric.counters[from * self.fabric.ports + to].read();
                format!(
                    "passed {}, dropped {}, delayed {}, mangled {}",
                    seen.passed, seen.dropped, seen.delayed, seen.mangled
                )
            }
            other => return Err(format!("unknown command {other:?}").into()),
        };
        args.reject_next()?;
        Ok(output)
    }
}

#[test]
fn scenarios() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scripts/switch");
    let mut paths: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() >= 8, "the scripts of {folder} have gone");
    for path in paths {
        goldenscript::run(&mut Script::new(), &path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}

#[test]
fn a_held_link_keeps_no_more_than_its_share_and_counts_what_it_drops() {
    let mut fabric = Fabric::new(NODES, Seed(1));
    let mut matrix = LinkMatrix::clear(NODES);
    for from in matrix.clone().endpoints() {
        for to in matrix.clone().endpoints() {
            matrix.link_mut(from, to).hold = true;
        }
    }
    fabric.set(&matrix, 0);
    let large = vec![0; 64 << 10];
    let of_one_link = LINK_BYTES_MAX / (large.len() + PACKET_OVERHEAD_BYTES);
    for number in 0..of_one_link + 10 {
        fabric.offer(0, 1, number as u64, &large);
        assert_eq!(fabric.take_due(number as u64), None);
    }
    assert_eq!(fabric.counters[1].read().dropped, 10);
    for link in 0..fabric.lines.len() {
        for _ in 0..of_one_link {
            fabric.offer(link / fabric.ports, link % fabric.ports, 0, &large);
        }
    }
    assert!(fabric.waiting_bytes <= FABRIC_BYTES_MAX);
    let all = fabric.waiting_bytes / (large.len() + PACKET_OVERHEAD_BYTES);
    fabric.set(&LinkMatrix::clear(NODES), 9);
    let out = std::iter::from_fn(|| fabric.take_due(9)).count();
    assert_eq!((out, fabric.waiting_bytes), (all, 0), "all that was kept comes out");
    assert_eq!(fabric.offer(0, 1, 9, &large), Offered::AtOnce);
}
