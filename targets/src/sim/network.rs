//! Every directed link of a world, and what is under way on them. Pure.
//!
//! ```text
//!             send                         arrive
//!   cargo ----------> Course -> under way --------> cut? lost. held? kept. ----> delivered
//!              |                    ^                              |
//!              '--> lost            '-------- the hold ends -------'
//! ```
//!
//! A cut acts at both ends of a link, a hold at its exit, and when a link is set anew nothing stays
//! under way for longer than the new setting would make it: all as the packet switch of the
//! environment `local` does it.
//!
//! What a calm link adds is no part of what a fault asks for: the least delay of the calm world is
//! added behind the link's own decisions, so that what overtakes is still not faster than light.

use super::queue::{Queue, Ticket, What};
use crate::environment::{LinkCounters, LinkSeen};
use crate::links::course::{Course, Fate};
use crate::links::{Endpoint, Link, LinkMatrix, NodeId};
use crate::seed::Seed;
use std::collections::VecDeque;

/// What every transmission counts on a link with a rate: protocols are not asked to encode.
const MESSAGE_BYTES: usize = 200;
/// The most transmissions under way or held on one link; more are lost.
pub(super) const LINE_FLIGHTS_MAX: u32 = 4096;
/// More probes a link than this would be a run of its own.
pub(super) const PROBES_MAX: u32 = 1_000;
/// The line of what no link fault touches.
const NO_LINE: u16 = u16::MAX;

/// How something travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    /// It may be lost, doubled and overtaken.
    Datagram,
    /// A piece of a connection: it may be lost, with which the connection stalls. A double is
    /// thrown away by whoever receives it.
    Stream,
}

/// Why something does not arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loss {
    /// The link was cut, when it entered or when it came out.
    Cut,
    /// By chance, or because the link was full.
    Chance,
    /// A bit was flipped, and the checksum told.
    Corrupted,
}

impl Loss {
    /// In a word, for a trace.
    pub(super) fn why(self) -> &'static str {
        match self {
            Self::Cut => "cut",
            Self::Chance => "lost",
            Self::Corrupted => "corrupted",
        }
    }
}

/// What came of an arrival.
#[derive(Debug)]
pub(super) enum Arrival<C> {
    /// Nothing: it is held, or was planned anew.
    Nothing,
    /// It is lost, at the last moment.
    Lost {
        /// Its number.
        id: u64,
        /// Why.
        loss: Loss,
    },
    /// It is here.
    Here {
        /// Its number.
        id: u64,
        /// Where it came from, as a position in the link matrix.
        from: usize,
        /// Where it is.
        to: usize,
        /// What it carries.
        cargo: C,
    },
}

#[derive(Debug)]
struct Line {
    /// What faults ask of it.
    link: Link,
    /// With what is usual.
    effective: Link,
    course: Course,
    probes: Course,
    under_way: u32,
    held: VecDeque<u32>,
    counters: LinkCounters,
}

impl Line {
    fn set(&mut self, link: Link, jitter_us: u32) {
        self.link = link;
        self.effective = link.and(&Link { jitter_us, ..Link::default() });
    }

    /// Whether a fault makes things slow here.
    fn slows(&self) -> bool {
        let link = &self.link;
        link.delay_us > 0 || link.jitter_us > 0 || link.rate_bytes_per_s.is_some()
    }
}

#[derive(Debug)]
struct Flight<C> {
    at_ns: u64,
    ticket: Ticket,
    id: u64,
    line: u16,
    from: u8,
    to: u8,
    cargo: Option<C>,
}

/// The links, and what is under way.
#[derive(Debug)]
pub(super) struct Network<C> {
    ports: usize,
    lines: Vec<Line>,
    flights: Vec<Flight<C>>,
    free: Vec<u32>,
    calm_us: (u32, u32),
    last_id: u64,
}

impl<C: Clone> Network<C> {
    /// Calm links, each with its own streams.
    pub(super) fn new(nodes: u8, calm_us: (u32, u32), seed: Seed) -> Self {
        let matrix = LinkMatrix::clear(nodes);
        let pairs =
            matrix.endpoints().flat_map(|from| matrix.endpoints().map(move |to| (from, to)));
        let line = |(from, to)| {
            let mut line = Line {
                link: Link::default(),
                effective: Link::default(),
                course: Course::new(seed.stream(&format!("link {from}>{to}"))),
                probes: Course::new(seed.stream(&format!("probes {from}>{to}"))),
                under_way: 0,
                held: VecDeque::new(),
                counters: LinkCounters::default(),
            };
            line.set(Link::default(), calm_us.1.saturating_sub(calm_us.0));
            line
        };
        Self {
            ports: usize::from(nodes) + 1,
            lines: pairs.map(line).collect(),
            flights: Vec::new(),
            free: Vec::new(),
            calm_us: (calm_us.0.max(1), calm_us.1.max(1)),
            last_id: 0,
        }
    }

    fn least_ns(&self) -> u64 {
        u64::from(self.calm_us.0) * 1000
    }

    /// Numbers what is about to be sent.
    pub(super) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// Sends something over a link.
    pub(super) fn send(
        &mut self,
        queue: &mut Queue,
        now_ns: u64,
        (from, to): (usize, usize),
        (id, transport, cargo): (u64, Transport, C),
    ) -> Result<(), Loss> {
        let index = from * self.ports + to;
        let least_ns = self.least_ns();
        let line = &mut self.lines[index];
        let fate = line.course.admit(&line.effective, now_ns, MESSAGE_BYTES);
        let Fate::Goes { first, second, overtakes } = fate else {
            line.counters.dropped += 1;
            return Err(if line.link.drop { Loss::Cut } else { Loss::Chance });
        };
        if overtakes && line.under_way > 0 {
            line.counters.mangled += 1;
        }
        if line.link.hold || (line.slows() && first.at_ns > now_ns) {
            line.counters.delayed += 1;
        }
        if second.is_some() {
            line.counters.mangled += 1;
        }
        let double = second.filter(|double| double.flip.is_none());
        let double = double.filter(|_| transport == Transport::Datagram);
        if let Some(double) = double {
            let cargo = cargo.clone();
            // A double that finds the link full is simply missing.
            let _ = self.depart(queue, index, double.at_ns + least_ns, (id, cargo));
        }
        if first.flip.is_some() {
            let counters = &mut self.lines[index].counters;
            (counters.passed, counters.mangled) = (counters.passed + 1, counters.mangled + 1);
            return if double.is_some() { Ok(()) } else { Err(Loss::Corrupted) };
        }
        self.depart(queue, index, first.at_ns + least_ns, (id, cargo))
    }

    /// Sends something that no link fault touches.
    pub(super) fn send_beside(
        &mut self,
        queue: &mut Queue,
        now_ns: u64,
        (from, to): (usize, usize),
        (id, cargo): (u64, C),
    ) {
        let at_ns = now_ns + self.least_ns();
        self.board(queue, at_ns, (NO_LINE, from as u8, to as u8), (id, cargo));
    }

    fn depart(
        &mut self,
        queue: &mut Queue,
        index: usize,
        at_ns: u64,
        (id, cargo): (u64, C),
    ) -> Result<(), Loss> {
        let line = &mut self.lines[index];
        if line.under_way + line.held.len() as u32 >= LINE_FLIGHTS_MAX {
            line.counters.dropped += 1;
            return Err(Loss::Chance);
        }
        line.under_way += 1;
        let (from, to) = (index / self.ports, index % self.ports);
        self.board(queue, at_ns, (index as u16, from as u8, to as u8), (id, cargo));
        Ok(())
    }

    fn board(
        &mut self,
        queue: &mut Queue,
        at_ns: u64,
        (line, from, to): (u16, u8, u8),
        (id, cargo): (u64, C),
    ) {
        let cargo = Some(cargo);
        let number = self.free.pop().unwrap_or(self.flights.len() as u32);
        let ticket = queue.plan(at_ns, What::Arrival { flight: number });
        let flight = Flight { at_ns, ticket, id, line, from, to, cargo };
        match self.flights.get_mut(number as usize) {
            Some(place) => *place = flight,
            None => self.flights.push(flight),
        }
    }

    /// Something comes out of its link.
    pub(super) fn arrive(&mut self, number: u32, ticket: Ticket) -> Arrival<C> {
        let flight = &mut self.flights[number as usize];
        if flight.ticket != ticket {
            return Arrival::Nothing;
        }
        let mut cut = false;
        if let Some(line) = self.lines.get_mut(usize::from(flight.line)) {
            line.under_way -= 1;
            if line.link.hold && !line.link.drop {
                flight.ticket = 0;
                line.held.push_back(number);
                return Arrival::Nothing;
            }
            cut = line.link.drop;
            if cut {
                line.counters.dropped += 1;
            } else {
                line.counters.passed += 1;
            }
        }
        let cargo = flight.cargo.take().expect("a place that is taken carries something");
        let (id, from, to) = (flight.id, usize::from(flight.from), usize::from(flight.to));
        flight.ticket = 0;
        self.free.push(number);
        if cut {
            Arrival::Lost { id, loss: Loss::Cut }
        } else {
            Arrival::Here { id, from, to, cargo }
        }
    }

    /// Sets all links at once.
    pub(super) fn set(&mut self, queue: &mut Queue, matrix: &LinkMatrix, now_ns: u64) {
        let least_ns = self.least_ns();
        let jitter_us = self.calm_us.1.saturating_sub(self.calm_us.0);
        let mut latest_ns = vec![u64::MAX; self.lines.len()];
        let mut planned_anew: Vec<(u64, Ticket, u32)> = Vec::new();
        let ports = self.ports;
        for (from, a) in matrix.endpoints().enumerate() {
            for (to, b) in matrix.endpoints().enumerate() {
                let (index, link) = (from * ports + to, *matrix.link(a, b));
                let line = &mut self.lines[index];
                if line.link == link {
                    continue;
                }
                line.set(link, jitter_us);
                let effective = &line.effective;
                let longest_us = u64::from(effective.delay_us) + u64::from(effective.jitter_us);
                line.course.shorten(now_ns + longest_us * 1000, now_ns);
                latest_ns[index] = now_ns + longest_us * 1000 + least_ns;
                if !link.hold {
                    line.under_way += line.held.len() as u32;
                    // What was held comes out before whatever is still under way.
                    planned_anew.extend((0..).zip(line.held.drain(..)).map(|(n, f)| (0, n, f)));
                }
            }
        }
        for (number, flight) in (0..).zip(&self.flights) {
            let latest_ns = latest_ns.get(usize::from(flight.line)).copied();
            if flight.ticket != 0 && latest_ns.is_some_and(|latest_ns| flight.at_ns > latest_ns) {
                planned_anew.push((flight.at_ns, flight.ticket, number));
            }
        }
        planned_anew.sort_unstable();
        for (was_ns, _, number) in planned_anew {
            let flight = &mut self.flights[number as usize];
            let released = was_ns == 0;
            flight.at_ns = if released { now_ns } else { latest_ns[usize::from(flight.line)] };
            flight.ticket = queue.plan(flight.at_ns, What::Arrival { flight: number });
        }
    }

    /// What a link has handled.
    pub(super) fn counters(&self, from: usize, to: usize) -> LinkCounters {
        self.lines[from * self.ports + to].counters
    }

    /// Asks every link what it would do to so many probes, of which those count that take no longer
    /// than `wait_ns`. No time passes.
    pub(super) fn probe(&mut self, count: u32, wait_ns: u64, now_ns: u64) -> Vec<LinkSeen> {
        let count = count.min(PROBES_MAX);
        let least_ns = self.least_ns();
        let clients = self.ports - 1;
        let endpoint = |position| match position {
            _ if position == clients => Endpoint::Clients,
            node => Endpoint::Node(NodeId(node as u8)),
        };
        let pairs = (0..self.lines.len()).map(|index| (index / self.ports, index % self.ports));
        let mut all = Vec::with_capacity(self.lines.len());
        for ((from, to), line) in pairs.zip(&mut self.lines) {
            if from == to {
                continue;
            }
            let mut delays_ns = line.probe(count, now_ns);
            delays_ns.retain_mut(|delay_ns| {
                *delay_ns += least_ns;
                *delay_ns <= wait_ns
            });
            delays_ns.sort_unstable();
            let median_ns = delays_ns.get(delays_ns.len() / 2);
            all.push(LinkSeen {
                from: endpoint(from),
                to: endpoint(to),
                sent: count,
                arrived: delays_ns.len() as u32,
                delay_us: median_ns.map(|ns| u32::try_from(ns / 1000).unwrap_or(u32::MAX)),
            });
        }
        all
    }
}

impl Line {
    /// The delays of the probes that come out of it.
    fn probe(&mut self, count: u32, now_ns: u64) -> Vec<u64> {
        // A round finds the link as idle as the setting allows.
        self.probes.shorten(now_ns, now_ns);
        let mut delays_ns = Vec::with_capacity(count as usize);
        for number in 0..count {
            let fate = self.probes.admit(&self.effective, now_ns, MESSAGE_BYTES);
            let Fate::Goes { first, second, overtakes } = fate else {
                self.counters.dropped += 1;
                continue;
            };
            let mangled = [overtakes && number > 0, second.is_some(), first.flip.is_some()];
            self.counters.mangled += mangled.iter().filter(|mangled| **mangled).count() as u64;
            if self.link.hold || (self.slows() && first.at_ns > now_ns) {
                self.counters.delayed += 1;
            }
            if self.link.hold {
                continue;
            }
            self.counters.passed += 1;
            if first.flip.is_none() || second.is_some_and(|second| second.flip.is_none()) {
                delays_ns.push(first.at_ns - now_ns);
            }
        }
        delays_ns
    }
}
