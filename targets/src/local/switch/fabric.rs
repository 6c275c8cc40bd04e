//! All directed links of a cluster and the packets that are under way on them. Pure: no socket, no
//! clock; the rim tells the time, offers packets and takes out those that are due.
//!
//! ```text
//!             offer                       take_due
//!   packet ---------> Course ----> under way (heap by time) ----> exit: cut? held? ----> out
//!      \                                                           |  ^
//!       +--> AtOnce: link clear and empty, nothing is copied       v  | hold ends
//!                                                             held, in order
//! ```
//!
//! A cut acts at both ends of a link: what enters is dropped, and what is under way is dropped when
//! it comes out, so that after a cut nothing arrives. A hold acts at the exit, so that packets that
//! were delayed before it and packets that come after it stay in order. When a link is set anew,
//! no packet stays under way for longer than the new setting would make it: healing is immediate.
//!
//! Memory is bounded by [`LINK_BYTES_MAX`] and [`FABRIC_BYTES_MAX`]; beyond, packets are dropped
//! and counted.

use super::packet::{VNET_HEADER_BYTES, flip_payload_bit};
use crate::environment::LinkCounters;
use crate::links::course::{Course, Delivery, Fate};
use crate::links::{Link, LinkMatrix};
use crate::seed::Seed;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The most bytes that wait on one link.
pub(super) const LINK_BYTES_MAX: usize = 16 << 20;
/// The most bytes that wait on all links together.
pub(super) const FABRIC_BYTES_MAX: usize = 96 << 20;
/// What a waiting packet costs beyond its bytes: its place in the heap and the allocator's
/// overhead.
const PACKET_OVERHEAD_BYTES: usize = 96;

/// What to do with a packet that was offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offered {
    /// Send it on as it is.
    AtOnce,
    /// Forget it: it was dropped, or copied for later.
    Settled,
}

/// A packet under way. Ordered by time, then by arrival.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Flight {
    at_ns: u64,
    arrival: u64,
    line: usize,
    packet: Box<[u8]>,
}

#[derive(Debug)]
struct Line {
    link: Link,
    course: Course,
    under_way: usize,
    waiting_bytes: usize,
    held: VecDeque<Flight>,
}

impl Line {
    fn is_empty(&self) -> bool {
        self.under_way == 0 && self.held.is_empty()
    }
}

/// The counters of one link, read by the controller while the switch counts.
#[derive(Debug, Default)]
pub(super) struct Counters {
    passed: AtomicU64,
    dropped: AtomicU64,
    delayed: AtomicU64,
    mangled: AtomicU64,
}

impl Counters {
    /// What they show now.
    pub(super) fn read(&self) -> LinkCounters {
        LinkCounters {
            passed: self.passed.load(Ordering::Relaxed),
            dropped: self.dropped.load(Ordering::Relaxed),
            delayed: self.delayed.load(Ordering::Relaxed),
            mangled: self.mangled.load(Ordering::Relaxed),
        }
    }
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// The links and what is under way on them.
#[derive(Debug)]
pub(super) struct Fabric {
    ports: usize,
    lines: Vec<Line>,
    under_way: BinaryHeap<Reverse<Flight>>,
    waiting_bytes: usize,
    arrivals: u64,
    counters: Arc<[Counters]>,
}

impl Fabric {
    /// Clear links. Every link draws from its own stream, named `link FROM>TO`.
    pub(super) fn new(nodes: u8, seed: Seed) -> Self {
        let matrix = LinkMatrix::clear(nodes);
        let pairs =
            matrix.endpoints().flat_map(|from| matrix.endpoints().map(move |to| (from, to)));
        let lines: Vec<Line> = pairs
            .map(|(from, to)| Line {
                link: Link::default(),
                course: Course::new(seed.stream(&format!("link {from}>{to}"))),
                under_way: 0,
                waiting_bytes: 0,
                held: VecDeque::new(),
            })
            .collect();
        Self {
            ports: usize::from(nodes) + 1,
            counters: lines.iter().map(|_| Counters::default()).collect(),
            lines,
            under_way: BinaryHeap::new(),
            waiting_bytes: 0,
            arrivals: 0,
        }
    }

    /// The number of ports.
    pub(super) fn ports(&self) -> usize {
        self.ports
    }

    /// The counters, by `from * ports + to`.
    pub(super) fn counters(&self) -> Arc<[Counters]> {
        Arc::clone(&self.counters)
    }

    /// A packet enters the link between two positions.
    pub(super) fn offer(&mut self, from: usize, to: usize, now_ns: u64, packet: &[u8]) -> Offered {
        let index = from * self.ports + to;
        let line = &mut self.lines[index];
        let counters = &self.counters[index];
        if line.link.is_clear() && line.is_empty() {
            count(&counters.passed);
            return Offered::AtOnce;
        }
        let length = packet.len().saturating_sub(VNET_HEADER_BYTES);
        let Fate::Goes { first, second, overtakes } = line.course.admit(&line.link, now_ns, length)
        else {
            count(&counters.dropped);
            return Offered::Settled;
        };
        if overtakes && line.under_way > 0 {
            count(&counters.mangled);
        }
        let plain = first.flip.is_none() && second.is_none();
        if plain && !line.link.hold && line.is_empty() && first.at_ns <= now_ns {
            count(&counters.passed);
            return Offered::AtOnce;
        }
        if first.at_ns > now_ns || line.link.hold {
            count(&counters.delayed);
        }
        self.keep(index, first, packet);
        if let Some(double) = second {
            count(&self.counters[index].mangled);
            self.keep(index, double, packet);
        }
        Offered::Settled
    }

    /// When the next packet is due.
    pub(super) fn next_due_ns(&self) -> Option<u64> {
        self.under_way.peek().map(|Reverse(flight)| flight.at_ns)
    }

    /// Takes out the next packet that is due, with the position that it goes to.
    pub(super) fn take_due(&mut self, now_ns: u64) -> Option<(usize, Box<[u8]>)> {
        while self.next_due_ns().is_some_and(|at_ns| at_ns <= now_ns) {
            let Reverse(flight) = self.under_way.pop()?;
            let line = &mut self.lines[flight.line];
            line.under_way -= 1;
            if line.link.hold && !line.link.drop {
                line.held.push_back(flight);
                continue;
            }
            let cost = flight.packet.len() + PACKET_OVERHEAD_BYTES;
            line.waiting_bytes -= cost;
            self.waiting_bytes -= cost;
            let counters = &self.counters[flight.line];
            if line.link.drop {
                count(&counters.dropped);
                continue;
            }
            count(&counters.passed);
            return Some((flight.line % self.ports, flight.packet));
        }
        None
    }

    /// Sets all links at once.
    pub(super) fn set(&mut self, matrix: &LinkMatrix, now_ns: u64) {
        let mut flights = std::mem::take(&mut self.under_way).into_vec();
        let mut latest_ns = vec![u64::MAX; self.lines.len()];
        for (from, a) in matrix.endpoints().enumerate() {
            for (to, b) in matrix.endpoints().enumerate() {
                let index = from * self.ports + to;
                let line = &mut self.lines[index];
                let link = *matrix.link(a, b);
                if line.link == link {
                    continue;
                }
                line.link = link;
                let longest_ns = (u64::from(link.delay_us) + u64::from(link.jitter_us)) * 1000;
                latest_ns[index] = now_ns + longest_ns;
                line.course.shorten(latest_ns[index], now_ns);
                if !link.hold {
                    line.under_way += line.held.len();
                    let released = line.held.drain(..).map(|f| Flight { at_ns: now_ns, ..f });
                    flights.extend(released.map(Reverse));
                }
            }
        }
        for Reverse(flight) in &mut flights {
            flight.at_ns = flight.at_ns.min(latest_ns[flight.line]);
        }
        self.under_way = flights.into();
    }

    fn keep(&mut self, index: usize, delivery: Delivery, packet: &[u8]) {
        let line = &mut self.lines[index];
        let cost = packet.len() + PACKET_OVERHEAD_BYTES;
        let full = line.waiting_bytes + cost > LINK_BYTES_MAX
            || self.waiting_bytes + cost > FABRIC_BYTES_MAX;
        if full {
            count(&self.counters[index].dropped);
            return;
        }
        let mut packet: Box<[u8]> = packet.into();
        if delivery.flip.is_some_and(|entropy| flip_payload_bit(&mut packet, entropy)) {
            count(&self.counters[index].mangled);
        }
        line.waiting_bytes += cost;
        self.waiting_bytes += cost;
        line.under_way += 1;
        self.arrivals += 1;
        let (at_ns, arrival) = (delivery.at_ns, self.arrivals);
        self.under_way.push(Reverse(Flight { at_ns, arrival, line: index, packet }));
    }
}

#[cfg(test)]
#[path = "fabric_tests.rs"]
mod tests;
