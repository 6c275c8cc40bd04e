//! Probe rounds: real packets over every directed link, to see what the links do.
//!
//! A probe says which round, link and number it is of and when it was sent, closed by a checksum.
//! What arrives late, twice, corrupted, from somewhere else or from a node that likes to forge is
//! not counted. Sender and receiver are this process, so that one clock gives the one-way delay.

use super::namespace::{PROBE_PORT, address};
use crate::environment::{EnvironmentError, LinkSeen};
use crate::links::{Endpoint, LinkMatrix};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

const PROBE_BYTES: usize = 30;
/// More probes a link than this would measure the sockets' buffers.
const COUNT_MAX: u32 = 10_000;
/// Probes sent before arrivals are read.
const SEND_BURST: usize = 32;

/// The probe sockets of a world, and the number of the last round.
#[derive(Debug)]
pub(super) struct Prober {
    sockets: Vec<UdpSocket>,
    endpoints: Vec<Endpoint>,
    started: Instant,
    round: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Probe {
    round: u64,
    from: u8,
    to: u8,
    number: u32,
    sent_ns: u64,
}

impl Probe {
    fn encode(self) -> [u8; PROBE_BYTES] {
        let mut bytes = [0; PROBE_BYTES];
        bytes[..8].copy_from_slice(&self.round.to_le_bytes());
        bytes[8] = self.from;
        bytes[9] = self.to;
        bytes[10..14].copy_from_slice(&self.number.to_le_bytes());
        bytes[14..22].copy_from_slice(&self.sent_ns.to_le_bytes());
        let sum = crc32fast::hash(&bytes[..26]);
        bytes[26..].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; PROBE_BYTES] = bytes.try_into().ok()?;
        let number =
            |at: usize| u64::from_le_bytes([0, 1, 2, 3, 4, 5, 6, 7].map(|i| bytes[at + i]));
        let probe = Self {
            round: number(0),
            from: bytes[8],
            to: bytes[9],
            number: number(10) as u32,
            sent_ns: number(14),
        };
        (probe.encode() == *bytes).then_some(probe)
    }
}

/// What one round has seen of one link.
#[derive(Debug)]
struct Seen {
    sent: u32,
    arrived: Vec<bool>,
    delays_us: Vec<u32>,
}

impl Prober {
    /// A prober over these sockets, by position in the link matrix.
    pub(super) fn new(sockets: Vec<UdpSocket>, nodes: u8) -> Self {
        let endpoints = LinkMatrix::clear(nodes).endpoints().collect();
        Self { sockets, endpoints, started: Instant::now(), round: 0 }
    }

    /// Sends `count` probes over every link and waits until all have arrived or `wait` is over.
    pub(super) fn round(
        &mut self,
        count: u32,
        wait: Duration,
    ) -> Result<Vec<LinkSeen>, EnvironmentError> {
        let count = count.min(COUNT_MAX);
        self.round += 1;
        let ports = self.endpoints.len();
        let links: Vec<(usize, usize)> = (0..ports)
            .flat_map(|from| (0..ports).map(move |to| (from, to)))
            .filter(|(from, to)| from != to)
            .collect();
        let fresh = || Seen { sent: 0, arrived: vec![false; count as usize], delays_us: vec![] };
        let mut seen: Vec<Seen> = (0..ports * ports).map(|_| fresh()).collect();
        let deadline = Instant::now() + wait;
        // Round robin over the links, so that a slow machine delays all alike.
        for number in 0..count {
            for (turn, (from, to)) in links.iter().enumerate() {
                seen[from * ports + to].sent += self.send(*from, *to, number)?;
                if turn % SEND_BURST == 0 {
                    self.collect(&mut seen);
                }
            }
        }
        let is_open =
            |seen: &[Seen]| seen.iter().any(|link| (link.delays_us.len() as u32) < link.sent);
        while is_open(&seen) && Instant::now() < deadline {
            self.wait_until(deadline);
            self.collect(&mut seen);
        }
        let result = links.iter().map(|(from, to)| {
            let link = &mut seen[from * ports + to];
            link.delays_us.sort_unstable();
            LinkSeen {
                from: self.endpoints[*from],
                to: self.endpoints[*to],
                sent: link.sent,
                arrived: link.delays_us.len() as u32,
                delay_us: link.delays_us.get(link.delays_us.len() / 2).copied(),
            }
        });
        Ok(result.collect())
    }

    /// Sends one probe; says how many were sent (a full socket sends none).
    fn send(&self, from: usize, to: usize, number: u32) -> Result<u32, EnvironmentError> {
        let sent_ns = self.now_ns();
        let probe = Probe { round: self.round, from: from as u8, to: to as u8, number, sent_ns };
        let receiver = SocketAddr::from((address(self.endpoints[to]), PROBE_PORT));
        match self.sockets[from].send_to(&probe.encode(), receiver) {
            Ok(_) => Ok(1),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
            Err(error) => Err(EnvironmentError::Failed {
                what: format!("probe {} to {}", self.endpoints[from], self.endpoints[to]),
                reason: error.to_string(),
            }),
        }
    }

    fn collect(&self, seen: &mut [Seen]) {
        let ports = self.endpoints.len();
        let mut buffer = [0; PROBE_BYTES + 1];
        for (position, socket) in self.sockets.iter().enumerate() {
            while let Ok((length, sender)) = socket.recv_from(&mut buffer) {
                let Some(probe) = Probe::decode(&buffer[..length]) else { continue };
                let from = usize::from(probe.from);
                let is_ours = probe.round == self.round
                    && usize::from(probe.to) == position
                    && from < ports
                    && sender == SocketAddr::from((address(self.endpoints[from]), PROBE_PORT));
                if !is_ours {
                    continue;
                }
                let link = &mut seen[from * ports + position];
                let arrived = link.arrived.get_mut(probe.number as usize);
                if let Some(arrived) = arrived.filter(|arrived| !**arrived) {
                    *arrived = true;
                    let delay_us = self.now_ns().saturating_sub(probe.sent_ns) / 1000;
                    link.delays_us.push(u32::try_from(delay_us).unwrap_or(u32::MAX));
                }
            }
        }
    }

    fn wait_until(&self, deadline: Instant) {
        let mut polled: Vec<PollFd<'_>> =
            self.sockets.iter().map(|one| PollFd::new(one.as_fd(), PollFlags::POLLIN)).collect();
        // One millisecond more than is left, so that the last turn does not spin.
        let left = deadline.saturating_duration_since(Instant::now()) + Duration::from_millis(1);
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        let _ = poll(&mut polled, timeout);
    }

    fn now_ns(&self) -> u64 {
        self.started.elapsed().as_nanos() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::Probe;

    #[test]
    fn a_probe_survives_its_encoding_and_no_flipped_bit_passes() {
        let probe = Probe { round: 7, from: 1, to: 5, number: 9, sent_ns: 1 << 40 };
        let bytes = probe.encode();
        assert_eq!(Probe::decode(&bytes), Some(probe));
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Probe::decode(&flipped), None, "bit {bit}");
        }
        assert_eq!(Probe::decode(&bytes[1..]), None);
    }
}
