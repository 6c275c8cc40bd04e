//! What exactly a fault of the catalogue does: nodes, intensities, seeds of scripts, drawn from a
//! stream (pure).
//!
//! Intensities are chosen so that a fault is felt and survived: around election timeouts of some
//! hundred milliseconds.

use crate::catalogue::{Entry, Kind, Trouble, Who, Whose};
use crate::fault::{Crash, Fault, NodeClock, Scope, Victims};
use crate::shape::{Direction, Shape};
use targets::environment::{Clock, Disk, Strobe};
use targets::links::{Link, NodeId};
use targets::seed::Stream;

impl Entry {
    /// Draws the fault's parameters.
    pub(crate) fn draw(&self, nodes: u8, stream: &mut Stream) -> Fault {
        let mut order: Vec<NodeId> = (0..nodes).map(NodeId).collect();
        stream.shuffle(&mut order);
        let direction = if stream.below(2) == 0 { Direction::Deaf } else { Direction::Mute };
        match self.kind {
            Kind::Halves => Fault::Partition(split(&order, usize::from(nodes) / 2)),
            Kind::OneNode => Fault::Partition(split(&order, 1)),
            Kind::Third => Fault::Partition(split(&order, third(nodes))),
            Kind::Ring => Fault::Partition(Shape::Ring { order }),
            Kind::Bridge => {
                let (one, rest) = order.split_at((order.len() - 1) / 2);
                let (one, other) = (sorted(one), sorted(&rest[1..]));
                Fault::Partition(Shape::Bridge { one, bridge: rest[0], other })
            }
            Kind::Leader => Fault::Partition(Shape::Leader),
            Kind::LeaderOneWay => Fault::Partition(Shape::LeaderOneWay { direction }),
            Kind::OneWay => Fault::Partition(Shape::OneWay { node: order[0], direction }),
            Kind::ClientsCut => Fault::ClientsCut { node: order[0] },
            Kind::Kill(who) => Fault::Kill { on: victims(who, &order) },
            Kind::Pause(who) => Fault::Pause { on: victims(who, &order) },
            Kind::Links(trouble, whose) => {
                let on = match whose {
                    Whose::Node => Scope::Node(order[0]),
                    Whose::Leader => Scope::Leader,
                    Whose::All => Scope::Everywhere,
                };
                Fault::Links { on, link: trouble.draw(whose, stream) }
            }
            Kind::Storm => Fault::ElectionStorm { seed: stream.draw() },
            Kind::Deposed => Fault::DeposedLeaders { seed: stream.draw() },
            Kind::ClockRate(_) | Kind::ClockOffset | Kind::ClockStrobe => {
                self.kind.draw_clocks(&order, stream)
            }
            Kind::DiskSlow(_) | Kind::DiskErrors | Kind::DiskCorrupt | Kind::DiskLies => {
                self.kind.draw_disks(&order, stream)
            }
            Kind::Sluggish(whose) => {
                let on = match whose {
                    Whose::Leader => Victims::Leader,
                    Whose::Node | Whose::All => Victims::Nodes(vec![order[0]]),
                };
                Fault::Pace { on, step_us: stream.between(2, 20) as u32 * 1000 }
            }
            Kind::Members(play) => Fault::Members { play, seed: stream.draw() },
        }
    }
}

impl Kind {
    fn draw_clocks(self, order: &[NodeId], stream: &mut Stream) -> Fault {
        let nodes = match self {
            Self::ClockRate(Whose::All) => sorted(order),
            _ => vec![order[0]],
        };
        let clocks =
            nodes.into_iter().map(|node| NodeClock { node, clock: self.draw_clock(stream) });
        Fault::Clocks { clocks: clocks.collect() }
    }

    fn draw_clock(self, stream: &mut Stream) -> Clock {
        let right = Clock::default();
        match self {
            Self::ClockOffset => {
                // Around an election timeout half of the time, far beyond it otherwise.
                let (low, high) = if stream.below(2) == 0 { (50, 500) } else { (500, 5000) };
                Clock { offset_ms: stream.between(low, high) as i64, ..right }
            }
            Self::ClockStrobe => {
                // A multiple of four: it is looked at four times in a period.
                let period_ms = stream.between(5, 100) as u32 * 4;
                let ahead_ms = stream.between(10, 400) as u32;
                Clock { strobe: Some(Strobe { period_ms, ahead_ms }), ..right }
            }
            _ => {
                let rate_ppm = stream.between(20, 200) as i32 * 1000;
                Clock { rate_ppm: if stream.below(2) == 0 { rate_ppm } else { -rate_ppm }, ..right }
            }
        }
    }

    fn draw_disks(self, order: &[NodeId], stream: &mut Stream) -> Fault {
        let minority = || sorted(&order[..(order.len() - 1) / 2]);
        let works = Disk::default();
        let (on, disk, crash) = match self {
            Self::DiskCorrupt => {
                let corrupt_ppm = stream.between(10, 500) as u32 * 1000;
                (minority(), Disk { corrupt_ppm, ..works }, Crash::First)
            }
            Self::DiskLies => (minority(), Disk { lies: true, ..works }, Crash::Last),
            Self::DiskErrors => {
                let write_error_ppm = stream.between(10, 100) as u32 * 1000;
                (vec![order[0]], Disk { write_error_ppm, ..works }, Crash::Never)
            }
            whose => {
                let all = matches!(whose, Self::DiskSlow(Whose::All));
                let on = if all { sorted(order) } else { vec![order[0]] };
                let sync_delay_us = stream.between(5, 50) as u32 * 1000;
                (on, Disk { sync_delay_us, ..works }, Crash::Never)
            }
        };
        Fault::Disks { on, disk, crash }
    }
}

/// A third of the nodes, at least one, less than half.
fn third(nodes: u8) -> usize {
    usize::from(nodes).div_ceil(3).min((usize::from(nodes) - 1) / 2).max(1)
}

fn sorted(nodes: &[NodeId]) -> Vec<NodeId> {
    let mut nodes = nodes.to_vec();
    nodes.sort_unstable();
    nodes
}

fn split(order: &[NodeId], at: usize) -> Shape {
    let (one, other) = order.split_at(at);
    Shape::Split { one: sorted(one), other: sorted(other) }
}

fn victims(who: Who, order: &[NodeId]) -> Victims {
    let majority = order.len() / 2 + 1;
    let count = match who {
        Who::One => 1,
        Who::Minority => order.len() - majority,
        Who::Majority => majority,
        Who::All => order.len(),
        Who::Leader => return Victims::Leader,
    };
    Victims::Nodes(sorted(&order[..count.max(1)]))
}

impl Trouble {
    /// Draws how bad it is. One node may suffer more than all links together: what is on every
    /// link delays or loses a quorum, not only a member of it.
    fn draw(self, whose: Whose, stream: &mut Stream) -> Link {
        let mut between = |low: u32, high: u32| stream.between(low.into(), high.into()) as u32;
        let clear = Link::default();
        match self {
            Self::Slow => {
                let (low, high) = if whose == Whose::All { (5, 20) } else { (15, 60) };
                let delay_us = between(low, high) * 1000;
                Link { delay_us, jitter_us: between(0, delay_us / 2000) * 1000, ..clear }
            }
            // Overtaking skips the delay, so there must be some.
            Self::Lossy => Link {
                loss_ppm: if whose == Whose::Node {
                    between(100, 250) * 1000
                } else {
                    between(20, 60) * 1000
                },
                duplicate_ppm: between(10, 50) * 1000,
                reorder_ppm: between(20, 100) * 1000,
                delay_us: between(1, 4) * 1000,
                ..clear
            },
            Self::Jam => Link { hold: true, ..clear },
            Self::Corrupt => {
                let (low, high) = if whose == Whose::All { (2, 10) } else { (10, 50) };
                Link { corrupt_ppm: between(low, high) * 1000, ..clear }
            }
            Self::Narrow => Link { rate_bytes_per_s: Some(between(8, 64) * 1024), ..clear },
        }
    }
}
