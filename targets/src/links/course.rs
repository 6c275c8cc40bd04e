//! What one directed link decides about one packet, in the switch and in the simulated world.
//! Pure: time comes in, draws come from its stream.
//!
//! ```text
//!   packet -> lost? -> waits for the rate -> + delay + jitter (or neither) -> x1 or x2, flipped?
//! ```
//!
//! The rate is a virtual queue: a packet leaves when those before it have been sent at that rate,
//! and is lost when it would have to wait longer than [`QUEUE_NS_MAX`]. Packets keep their order
//! unless they are drawn to overtake. A packet that overtakes skips delay and jitter: on a link
//! without any there is nothing to skip.
//!
//! Shortcut: the kernel hands over up to 64 KiB of one connection in one piece (segmentation
//! offload), and that piece is one packet here: it is lost, doubled or delayed as a whole.

use super::Link;
use crate::seed::Stream;

/// The longest that a packet waits for its turn on a slow link. A packet that finds the link idle
/// is always taken, however long it is.
pub(crate) const QUEUE_NS_MAX: u64 = 1_000_000_000;

/// One delivery of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Delivery {
    /// When it leaves the link.
    pub(crate) at_ns: u64,
    /// Which payload bit to flip, as entropy.
    pub(crate) flip: Option<u64>,
}

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is not delivered.
    Lost,
    /// It is delivered, once or twice.
    Goes {
        /// The packet.
        first: Delivery,
        /// Its double.
        second: Option<Delivery>,
        /// It overtakes those before it.
        overtakes: bool,
    },
}

/// The state of a directed link: its stream, and how far its packets have come.
#[derive(Debug)]
pub(crate) struct Course {
    stream: Stream,
    /// When the last packet that keeps its place leaves.
    last_at_ns: u64,
    /// When the rate allows the next packet to start.
    idle_at_ns: u64,
}

impl Course {
    /// A course that draws from this stream.
    pub(crate) fn new(stream: Stream) -> Self {
        Self { stream, last_at_ns: 0, idle_at_ns: 0 }
    }

    /// Decides about a packet of so many bytes that enters at `now_ns`.
    pub(crate) fn admit(&mut self, link: &Link, now_ns: u64, length_bytes: usize) -> Fate {
        if link.drop || self.draws(link.loss_ppm) {
            return Fate::Lost;
        }
        let Some(sent_ns) = self.send_at_rate(link, now_ns, length_bytes) else {
            return Fate::Lost;
        };
        let overtakes = self.draws(link.reorder_ppm);
        let at_ns = if overtakes {
            sent_ns
        } else {
            let jitter_us = match link.jitter_us {
                0 => 0,
                most => self.stream.between(0, u64::from(most)),
            };
            let wanted = sent_ns + (u64::from(link.delay_us) + jitter_us) * 1000;
            self.last_at_ns = self.last_at_ns.max(wanted);
            self.last_at_ns
        };
        let flip = |course: &mut Self| course.draws(link.corrupt_ppm).then(|| course.stream.draw());
        let first = Delivery { at_ns, flip: flip(self) };
        let second = self.draws(link.duplicate_ppm).then(|| Delivery { at_ns, flip: flip(self) });
        Fate::Goes { first, second, overtakes }
    }

    /// The link is set anew: nobody waits for longer than it now makes a packet wait.
    pub(crate) fn shorten(&mut self, latest_ns: u64, now_ns: u64) {
        self.last_at_ns = self.last_at_ns.min(latest_ns);
        self.idle_at_ns = self.idle_at_ns.min(now_ns);
    }

    fn send_at_rate(&mut self, link: &Link, now_ns: u64, length_bytes: usize) -> Option<u64> {
        let Some(rate) = link.rate_bytes_per_s else { return Some(now_ns) };
        let start_ns = self.idle_at_ns.max(now_ns);
        if start_ns - now_ns > QUEUE_NS_MAX {
            return None;
        }
        // A rate of nothing would be a cut; a byte a second is as slow as it gets.
        let takes_ns = length_bytes as u64 * 1_000_000_000 / u64::from(rate.max(1));
        self.idle_at_ns = start_ns + takes_ns;
        Some(self.idle_at_ns)
    }

    /// Draws only for what is asked: a clear link costs no draw, and a link that only loses draws
    /// once a packet.
    fn draws(&mut self, ppm: u32) -> bool {
        ppm > 0 && self.stream.chance_ppm(ppm)
    }
}

#[cfg(test)]
mod tests {
    use super::{Course, Fate, QUEUE_NS_MAX};
    use crate::links::Link;
    use crate::seed::Seed;
    use proptest::prelude::*;

    fn course(seed: u64) -> Course {
        Course::new(Seed(seed).stream("link n1>n2"))
    }

    fn times(link: &Link, seed: u64, arrivals_ns: &[u64]) -> Vec<Option<u64>> {
        let mut course = course(seed);
        let at = |fate| match fate {
            Fate::Lost => None,
            Fate::Goes { first, .. } => Some(first.at_ns),
        };
        arrivals_ns.iter().map(|now| at(course.admit(link, *now, 100))).collect()
    }

    #[test]
    fn the_same_seed_loses_the_same_packets_and_another_seed_others() {
        let link = Link { loss_ppm: 300_000, ..Link::default() };
        let arrivals: Vec<u64> = (0..200).collect();
        assert_eq!(times(&link, 7, &arrivals), times(&link, 7, &arrivals));
        assert_ne!(times(&link, 7, &arrivals), times(&link, 8, &arrivals));
        let lost = times(&link, 7, &arrivals).iter().filter(|at| at.is_none()).count();
        assert_eq!(lost, 65, "30 % of 200, as this seed draws them on every machine");
    }

    #[test]
    fn a_rate_spaces_packets_and_its_queue_is_bounded() {
        let link = Link { rate_bytes_per_s: Some(1000), ..Link::default() };
        let taken = times(&link, 1, &[0; 40]);
        let ms = |index: usize| taken[index].map(|ns| ns / 1_000_000);
        assert_eq!((ms(0), ms(1), ms(9)), (Some(100), Some(200), Some(1000)));
        let wait = QUEUE_NS_MAX / 100_000_000;
        assert_eq!(
            taken.iter().flatten().count() as u64,
            wait + 1,
            "the rest found the queue full"
        );
    }

    proptest! {
        #[test]
        fn jitter_keeps_order_and_stays_in_its_bounds(
            delay_us in 0_u32..50_000, jitter_us in 0_u32..50_000, seed: u64,
            gaps in prop::collection::vec(0_u64..20_000_000, 1..60),
        ) {
            let link = Link { delay_us, jitter_us, ..Link::default() };
            let arrivals: Vec<u64> =
                gaps.iter().scan(0, |now, gap| { *now += gap; Some(*now) }).collect();
            let left = times(&link, seed, &arrivals);
            let mut last = 0;
            for (came, at) in arrivals.iter().zip(left) {
                let at = at.expect("nothing is lost");
                let most = came + u64::from(delay_us + jitter_us) * 1000;
                prop_assert!(at >= came + u64::from(delay_us) * 1000 && at >= last);
                // Order may hold a packet back to its predecessor's time, which obeys its own
                // bound.
                prop_assert!(at <= most.max(last));
                last = at;
            }
        }

        #[test]
        fn only_a_packet_drawn_to_overtake_does(seed: u64, count in 1_usize..100) {
            let link = Link { delay_us: 9, reorder_ppm: 400_000, ..Link::default() };
            let mut course = course(seed);
            for now in 0..count as u64 {
                let Fate::Goes { first, overtakes, .. } = course.admit(&link, now, 1) else {
                    panic!("nothing is lost");
                };
                prop_assert_eq!(first.at_ns, if overtakes { now } else { now + 9000 });
            }
        }
    }
}
