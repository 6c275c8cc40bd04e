//! The system calls behind undo: who a process is, and a signal that cannot hit another one.
//!
//! A process id alone names nobody: once its process is gone the kernel gives it to the next one.
//! A process is therefore named by its id *and* its start time, and a signal goes through a pidfd
//! that was opened before the start time was compared. From then on the pidfd stays with that
//! process, so even a process that dies in between cannot redirect the signal.

use nix::sys::signal::{SigSet, Signal};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::Path;

/// What became of a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signalled {
    /// It was delivered.
    Sent,
    /// There is no such process any more: none, or one that started at another time.
    Gone,
}

/// What `/proc/PID/stat` says of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ProcessStat {
    /// `R`, `S`, `T`, `Z`, ...
    pub(crate) state: char,
    /// When it started, in clock ticks since boot.
    pub(crate) start_ticks: u64,
}

/// What the kernel says of a process; nothing if there is none. A zombie counts as gone.
pub(crate) fn process(pid: i32) -> Option<ProcessStat> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    parse_stat(&text).filter(|stat| !matches!(stat.state, 'Z' | 'X'))
}

/// Fields are counted behind the last `)`: the name before it may hold spaces and parentheses.
fn parse_stat(text: &str) -> Option<ProcessStat> {
    let (_, rest) = text.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?.chars().next()?;
    let start_ticks = fields.nth(18)?.parse().ok()?;
    Some(ProcessStat { state, start_ticks })
}

/// Sends a signal to the process that has this id and started at this time, and to no other.
pub(crate) fn signal(pid: i32, start_ticks: u64, signal: Signal) -> std::io::Result<Signalled> {
    let Some(pidfd) = open_pidfd(pid)? else {
        return Ok(Signalled::Gone);
    };
    if process(pid).is_none_or(|stat| stat.start_ticks != start_ticks) {
        return Ok(Signalled::Gone);
    }
    // SAFETY: the descriptor is open and ours for the whole call; a null `info` is allowed and
    // makes the kernel fill it in as `kill` would; no memory of ours is touched.
    let sent = unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            pidfd.as_raw_fd(),
            signal as libc::c_int,
            std::ptr::null::<libc::siginfo_t>(),
            0,
        )
    };
    if sent == 0 {
        return Ok(Signalled::Sent);
    }
    gone_or(std::io::Error::last_os_error()).map(|()| Signalled::Gone)
}

fn open_pidfd(pid: i32) -> std::io::Result<Option<OwnedFd>> {
    // SAFETY: the call takes two integers and touches no memory of ours.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    if fd < 0 {
        return gone_or(std::io::Error::last_os_error()).map(|()| None);
    }
    // SAFETY: the kernel has just given us this descriptor, and nobody else knows it.
    Ok(Some(unsafe { OwnedFd::from_raw_fd(fd as libc::c_int) }))
}

/// `Ok` if the error only says that the process is gone. An id that no process can have (zero,
/// negative) is refused by the kernel as invalid, and stands for nobody.
fn gone_or(error: std::io::Error) -> std::io::Result<()> {
    match error.raw_os_error() {
        Some(libc::ESRCH | libc::EINVAL) => Ok(()),
        _ => Err(error),
    }
}

/// Keeps the signals of a terminal from this thread and those that it starts later.
///
/// # Errors
///
/// What the kernel says.
pub(crate) fn ignore_terminal_signals() -> std::io::Result<()> {
    let mut set = SigSet::empty();
    for signal in [Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT] {
        set.add(signal);
    }
    set.thread_block().map_err(Into::into)
}

/// The ids of all processes that `proc` shows, in order.
pub(crate) fn process_ids(proc: &Path) -> std::io::Result<Vec<i32>> {
    let entries = std::fs::read_dir(proc)?;
    let mut pids: Vec<i32> =
        entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    pids.sort_unstable();
    Ok(pids)
}

#[cfg(test)]
mod tests {
    use super::{Signalled, parse_stat, process, signal};
    use nix::sys::signal::Signal;

    #[test]
    fn a_name_with_parentheses_and_spaces_does_not_shift_the_fields() {
        let line = "7 (a) b) c) T 1 7 7 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 4242 1 1";
        let stat = parse_stat(line).unwrap();
        assert_eq!((stat.state, stat.start_ticks), ('T', 4242));
        assert_eq!(parse_stat("7 (cut of"), None);
        assert_eq!(parse_stat("7 (a) T 1 7"), None);
    }

    #[test]
    fn a_signal_for_a_process_that_started_at_another_time_reaches_nobody() {
        let me = std::process::id() as i32;
        let started = process(me).unwrap().start_ticks;
        // It would kill this test.
        assert_eq!(signal(me, started + 1, Signal::SIGKILL).unwrap(), Signalled::Gone);
        assert_eq!(signal(0, started, Signal::SIGKILL).unwrap(), Signalled::Gone);
        assert_eq!(signal(-1, started, Signal::SIGKILL).unwrap(), Signalled::Gone);
    }
}
