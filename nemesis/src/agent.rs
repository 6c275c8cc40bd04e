//! The watchdog: a process that undoes the faults of a controller that cannot do it any more.
//!
//! The controller starts it as `tribunal agent --ledger FILE --lease-ms N` and writes a line to its
//! standard input now and then. The end of that input means that the controller is dead, a missed
//! lease that it hangs; either way the ledger is replayed, and the agent ends. After a clean run
//! every entry is undone already, so the end of input needs no second meaning.
//!
//! ```text
//!   controller --- heartbeat lines ---> stdin   agent   ledger ---> undo, newest first
//! ```
//!
//! The agent keeps the terminal's signals from itself: Ctrl-C reaches the whole process group, and
//! the one process that must outlive the others is this one.

use crate::ledger::{self, LedgerError, Mode, Replay};
use crate::sys;
use nix::poll::{PollFd, PollFlags, PollTimeout};
use std::io::Read;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long the controller may be silent.
#[derive(Clone, Copy, Debug)]
pub struct Lease {
    length: Duration,
    ends: Duration,
}

impl Lease {
    /// A lease that begins now. Times count from any fixed moment.
    pub fn new(length: Duration, now: Duration) -> Self {
        Self { length, ends: now + length }
    }

    /// The controller was heard.
    pub fn renew(&mut self, now: Duration) {
        self.ends = now + self.length;
    }

    /// What is left of it; nothing when it was missed.
    pub fn left(&self, now: Duration) -> Option<Duration> {
        self.ends.checked_sub(now).filter(|left| !left.is_zero())
    }
}

/// Why the agent acted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The controller closed its end: it is dead, or done.
    InputClosed,
    /// The controller did not renew its lease.
    LeaseMissed,
}

/// Waits until the controller is gone or hangs, then replays the ledger.
///
/// # Errors
///
/// The ledger cannot be read. One that was never created holds no faults, and is no error.
pub fn run<I: Read + AsFd>(
    ledger: &Path,
    lease: Duration,
    input: &mut I,
) -> Result<(Ended, Replay), LedgerError> {
    // Not being able to block signals makes the agent weaker, not wrong: it must start all the
    // same.
    let _ = sys::ignore_terminal_signals();
    let ended = watch(lease, input);
    if !ledger.exists() {
        return Ok((ended, Replay::default()));
    }
    ledger::replay(ledger, Mode::Undo).map(|replay| (ended, replay))
}

fn watch<I: Read + AsFd>(length: Duration, input: &mut I) -> Ended {
    let origin = Instant::now();
    let mut lease = Lease::new(length, origin.elapsed());
    let mut heard = [0u8; 256];
    while let Some(left) = lease.left(origin.elapsed()) {
        // Rounded up: a wait of zero would spin through the last millisecond.
        let timeout = left + Duration::from_millis(1);
        let timeout = PollTimeout::try_from(timeout).unwrap_or(PollTimeout::MAX);
        let mut fds = [PollFd::new(input.as_fd(), PollFlags::POLLIN)];
        match nix::poll::poll(&mut fds, timeout) {
            Ok(0) | Err(nix::errno::Errno::EINTR) => continue,
            Ok(_) => {}
            Err(_) => return Ended::InputClosed,
        }
        match input.read(&mut heard) {
            Ok(0) => return Ended::InputClosed,
            // Half a line is a sign of life too.
            Ok(_) => lease.renew(origin.elapsed()),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return Ended::InputClosed,
        }
    }
    Ended::LeaseMissed
}

#[cfg(test)]
mod tests {
    use super::Lease;
    use std::time::Duration;

    #[test]
    fn a_lease_ends_its_length_after_the_last_sign_of_life() {
        let ms = Duration::from_millis;
        let mut lease = Lease::new(ms(100), ms(1000));
        assert_eq!(lease.left(ms(1099)), Some(ms(1)));
        assert_eq!(lease.left(ms(1100)), None);
        lease.renew(ms(1090));
        assert_eq!(lease.left(ms(1100)), Some(ms(90)));
        assert_eq!(lease.left(ms(5000)), None);
    }
}
