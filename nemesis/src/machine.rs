//! What a fault asks of one node's own clock, disk and pace.
//!
//! As with links, each active fault has its own wishes, and what a node gets is all of them
//! together: two faults that meet on a node are both felt, and either can end first.

use serde::{Deserialize, Serialize};
use targets::environment::{Clock, Disk, Strobe};

/// A node beside its process and its links. The default is one that nothing is wrong with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Machine {
    /// How its clock goes.
    pub clock: Clock,
    /// What its disk does.
    pub disk: Disk,
    /// How long it takes for every input.
    pub step_us: u32,
}

impl Machine {
    /// Both at once: what is added adds up, chances combine, and one strobe hides the other.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let either = |a: u32, b: u32| {
            let (a, b) = (u64::from(a), u64::from(b));
            (a + b - a * b / 1_000_000).min(1_000_000) as u32
        };
        let (disk, more) = (&self.disk, &other.disk);
        Self {
            clock: Clock {
                offset_ms: self.clock.offset_ms.saturating_add(other.clock.offset_ms),
                rate_ppm: self.clock.rate_ppm.saturating_add(other.clock.rate_ppm).max(-999_999),
                strobe: self.clock.strobe.or(other.clock.strobe),
            },
            disk: Disk {
                sync_delay_us: disk.sync_delay_us.saturating_add(more.sync_delay_us),
                write_error_ppm: either(disk.write_error_ppm, more.write_error_ppm),
                corrupt_ppm: either(disk.corrupt_ppm, more.corrupt_ppm),
                lies: disk.lies || more.lies,
                spares_no_majority: disk.spares_no_majority || more.spares_no_majority,
            },
            step_us: self.step_us.saturating_add(other.step_us),
        }
    }
}

/// Whether a node whose disk does this may die of it.
pub(crate) fn is_deadly(disk: &Disk) -> bool {
    disk.write_error_ppm > 0 || disk.corrupt_ppm > 0
}

/// A clock in words: `runs 12.5 % fast`.
pub(crate) fn describe_clock(clock: &Clock) -> String {
    let mut words = Vec::new();
    let percent = f64::from(clock.rate_ppm.unsigned_abs()) / 10_000.0;
    match clock.rate_ppm {
        0 => {}
        1.. => words.push(format!("runs {percent} % fast")),
        _ => words.push(format!("runs {percent} % slow")),
    }
    match clock.offset_ms {
        0 => {}
        1.. => words.push(format!("is {} ms ahead", clock.offset_ms)),
        behind => words.push(format!("is {} ms behind", behind.unsigned_abs())),
    }
    if let Some(Strobe { period_ms, ahead_ms }) = clock.strobe {
        words.push(format!("jumps {ahead_ms} ms ahead and back every {period_ms} ms"));
    }
    if words.is_empty() { "goes right".to_owned() } else { words.join(", ") }
}

/// A disk in words: `sync + 20 ms, 5 % of writes fail`.
pub(crate) fn describe_disk(disk: &Disk) -> String {
    let mut words = Vec::new();
    let percent = |ppm: u32| f64::from(ppm) / 10_000.0;
    if disk.sync_delay_us > 0 {
        words.push(format!("sync + {} ms", f64::from(disk.sync_delay_us) / 1000.0));
    }
    if disk.write_error_ppm > 0 {
        words.push(format!("{} % of writes fail", percent(disk.write_error_ppm)));
    }
    if disk.corrupt_ppm > 0 {
        words.push(format!("{} % of records are unreadable", percent(disk.corrupt_ppm)));
    }
    if disk.lies {
        words.push("syncs are lies".to_owned());
    }
    if words.is_empty() { "works".to_owned() } else { words.join(", ") }
}
