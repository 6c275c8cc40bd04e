//! The enclosure: a process namespace around the controller and all its nodes.
//!
//! ```text
//!   tribunal run                     what the user started; becomes the guardian
//!     |  fork          fork
//!     +-------> opener -----+        makes the namespaces, reports and exits
//!     |                     v
//!     +-- guardian    controller     process 1 of the namespace
//!         waits, forwards |- n1      when process 1 dies, the kernel kills everything inside
//!                         |- n2
//! ```
//!
//! `kill -9` of the controller ends the namespace and with it every node; `kill -9` of the guardian
//! reaches the controller through `PR_SET_PDEATHSIG`. The network namespaces go with the last
//! process. There are two forks because a process that made a process namespace can start neither
//! processes nor threads outside of it: the guardian stays whole and can clean up after the
//! controller.
//!
//! An ordinary user gets the rights for all this from a user namespace that maps him to himself. No
//! mount namespace and no new `/proc` are needed: the `/proc` of the outer namespace shows the
//! controller to itself (under its outer process id).
//!
//! Process 1 ignores signals that it has no handler for, except from outside SIGKILL and SIGSTOP:
//! until the controller installs its handlers, Ctrl-C does nothing.

use super::refusal::{Facts, Piece, Refused};
use super::sys;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, kill, sigprocmask};
use nix::sys::signalfd::SignalFd;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;

/// Which of the two processes the caller finds itself in.
#[derive(Debug)]
pub enum Entered {
    /// The controller: process 1 of the enclosure.
    Controller(Enclosed),
    /// The guardian, after the controller and everything in the enclosure has ended.
    Guardian(Ended),
}

/// Proof that this process is process 1 of an enclosure, and may make network namespaces.
#[derive(Clone, Copy, Debug)]
pub struct Enclosed(());

/// How the controller ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// With an exit code.
    Exited(i32),
    /// By a signal, with its number.
    Killed(i32),
}

/// What the opener tells the guardian: how far it came.
#[derive(Clone, Copy, Debug)]
struct Report {
    /// The step that failed, or none.
    failed: Option<(Piece, Errno)>,
    /// The controller's process id, as the guardian sees it.
    controller: Pid,
}

/// Encloses this process. To be called first of all, while there is one thread.
///
/// The calling process becomes the guardian. It hands SIGTERM and SIGHUP on, and a SIGINT that was
/// sent with kill(2); a terminal's SIGINT reaches the controller by itself, being sent to the whole
/// foreground group. (Who signals the whole group with kill(2) is therefore heard twice.) Ctrl-Z is
/// ignored: the cluster's timers would not stop with it.
///
/// # Errors
/// What the system does not grant and how to get it. Nothing has changed then: the caller goes on
/// as the process that it was.
///
/// # Panics
/// If the process has a second thread.
pub fn enter() -> Result<Entered, Refused> {
    let facts = Facts::read();
    let refused = |piece, errno| Refused::explain(piece, "", errno, &facts);
    if facts.capabilities.is_none() {
        return Err(refused(Piece::Proc, Errno::ENOENT));
    }
    let process = |errno| refused(Piece::ProcessNamespace, errno);
    let (mut report_reader, mut report_writer) = pipe().map_err(process)?;
    let (mut go_reader, mut go_writer) = pipe().map_err(process)?;
    let watched = watched_signals();
    let mut mask_before = SigSet::empty();
    sigprocmask(SigmaskHow::SIG_BLOCK, Some(&watched), Some(&mut mask_before)).map_err(process)?;
    // The controller's parent, the opener, exits at once: this makes us its parent.
    prctl::set_child_subreaper(true).map_err(process)?;

    match sys::fork().map_err(process)? {
        ForkResult::Child => {
            drop(go_writer);
            drop(report_reader);
            let report = open_and_fork(&facts);
            if report.failed.is_none() && report.controller.as_raw() == 0 {
                drop(report_writer);
                become_controller(&mut go_reader, &mask_before);
                return Ok(Entered::Controller(Enclosed(())));
            }
            // A guardian that is gone needs no report.
            let _ = report_writer.write_all(&encode(report));
            sys::exit_now(0);
        }
        ForkResult::Parent { child: opener } => {
            drop(report_writer);
            drop(go_reader);
            let mut bytes = [0; 12];
            let read = report_reader.read_exact(&mut bytes);
            let _ = waitpid(opener, None);
            let _ = prctl::set_child_subreaper(false);
            let outcome = match read.map(|()| decode(bytes)) {
                Ok(Report { failed: None, controller }) => {
                    // The controller waits for this byte, and later watches the pipe's other end.
                    let _ = go_writer.write_all(&[1]);
                    Ok(Entered::Guardian(guard(controller, &watched)))
                }
                Ok(Report { failed: Some((piece, errno)), .. }) => Err(refused(piece, errno)),
                Err(_) => Err(process(Errno::ECHILD)),
            };
            let _ = sigprocmask(SigmaskHow::SIG_SETMASK, Some(&mask_before), None);
            outcome
        }
    }
}

/// Makes the namespaces and forks. Returns twice: in the new process the report's controller is 0.
fn open_and_fork(facts: &Facts) -> Report {
    let opened = open(facts, Piece::ProcessNamespace)
        .and_then(|()| sys::fork().map_err(|errno| (Piece::ProcessNamespace, errno)));
    match opened {
        Ok(ForkResult::Child) => Report { failed: None, controller: Pid::from_raw(0) },
        Ok(ForkResult::Parent { child }) => Report { failed: None, controller: child },
        Err(failed) => Report { failed: Some(failed), controller: Pid::from_raw(0) },
    }
}

/// Moves this process into new namespaces, as far as `last` (at most the network namespace).
pub(super) fn open(facts: &Facts, last: Piece) -> Result<(), (Piece, Errno)> {
    let (uid, gid) = (nix::unistd::geteuid(), nix::unistd::getegid());
    if !facts.is_privileged() {
        unshare(CloneFlags::CLONE_NEWUSER).map_err(|errno| (Piece::UserNamespace, errno))?;
        let write = |path: &str, text: String| {
            std::fs::write(path, text).map_err(|error| {
                let errno = error.raw_os_error().map_or(Errno::EIO, Errno::from_raw);
                (Piece::IdentityMap, errno)
            })
        };
        // An ordinary user may map his group only if nobody inside can ever drop a group.
        write("/proc/self/setgroups", "deny".to_owned())?;
        write("/proc/self/uid_map", format!("{uid} {uid} 1"))?;
        write("/proc/self/gid_map", format!("{gid} {gid} 1"))?;
    }
    let rest = [
        (Piece::ProcessNamespace, CloneFlags::CLONE_NEWPID),
        (Piece::NetworkNamespace, CloneFlags::CLONE_NEWNET),
    ];
    for (piece, flag) in rest.into_iter().filter(|(piece, _)| *piece <= last) {
        unshare(flag).map_err(|errno| (piece, errno))?;
    }
    Ok(())
}

/// Ties this process's life to the guardian's.
fn become_controller(go: &mut File, mask: &SigSet) {
    let mut byte = [0];
    let told = go.read_exact(&mut byte).is_ok();
    let tied = prctl::set_pdeathsig(Signal::SIGKILL).is_ok();
    // A guardian that died between its byte and our prctl leaves the pipe without a writer.
    let mut fds = [PollFd::new(go.as_fd(), PollFlags::POLLIN)];
    let hung_up = poll(&mut fds, PollTimeout::ZERO) != Ok(0);
    if !told || !tied || hung_up {
        sys::exit_now(1);
    }
    let _ = sigprocmask(SigmaskHow::SIG_SETMASK, Some(mask), None);
}

/// Waits for the controller's end and meanwhile hands signals on.
fn guard(controller: Pid, watched: &SigSet) -> Ended {
    let signals = SignalFd::new(watched).ok();
    loop {
        let flags = signals.as_ref().map(|_| WaitPidFlag::WNOHANG);
        match waitpid(controller, flags) {
            Ok(WaitStatus::Exited(_, code)) => return Ended::Exited(code),
            Ok(WaitStatus::Signaled(_, signal, _)) => return Ended::Killed(signal as i32),
            Ok(_) | Err(Errno::EINTR) => {}
            // Somebody else has waited for it: it is gone, its end is not known.
            Err(_) => return Ended::Killed(Signal::SIGKILL as i32),
        }
        let Some(Ok(Some(info))) = signals.as_ref().map(SignalFd::read_signal) else { continue };
        let by_kill = info.ssi_code == libc::SI_USER || info.ssi_code == libc::SI_TKILL;
        match Signal::try_from(info.ssi_signo as i32) {
            Ok(signal @ (Signal::SIGTERM | Signal::SIGHUP)) => drop(kill(controller, signal)),
            Ok(signal @ Signal::SIGINT) if by_kill => drop(kill(controller, signal)),
            _ => {}
        }
    }
}

fn watched_signals() -> SigSet {
    let watched =
        [Signal::SIGCHLD, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGINT, Signal::SIGTSTP];
    watched.into_iter().collect()
}

fn pipe() -> Result<(File, File), Errno> {
    let (reader, writer) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC)?;
    Ok((File::from(reader), File::from(writer)))
}

fn encode(report: Report) -> [u8; 12] {
    let (piece, errno) = report.failed.map_or((-1, 0), |(piece, e)| (piece as i32, e as i32));
    let mut bytes = [0; 12];
    bytes[..4].copy_from_slice(&piece.to_ne_bytes());
    bytes[4..8].copy_from_slice(&errno.to_ne_bytes());
    bytes[8..].copy_from_slice(&report.controller.as_raw().to_ne_bytes());
    bytes
}

fn decode(bytes: [u8; 12]) -> Report {
    let number = |at: usize| i32::from_ne_bytes([0, 1, 2, 3].map(|offset| bytes[at + offset]));
    let piece = usize::try_from(number(0)).ok().and_then(|index| Piece::ALL.get(index).copied());
    Report {
        failed: piece.map(|piece| (piece, Errno::from_raw(number(4)))),
        controller: Pid::from_raw(number(8)),
    }
}

/// Tries something in a child process that is thrown away, and says what became of it.
///
/// # Errors
/// The piece that was refused, and what the system said.
pub(super) fn try_in_child(
    attempt: impl FnOnce() -> Result<(), (Piece, Errno)>,
) -> Result<(), (Piece, Errno)> {
    let failed = |errno| (Piece::Proc, errno);
    let (mut reader, mut writer) = pipe().map_err(failed)?;
    match sys::fork().map_err(failed)? {
        ForkResult::Child => {
            let report = Report { failed: attempt().err(), controller: Pid::from_raw(0) };
            let _ = writer.write_all(&encode(report));
            sys::exit_now(0);
        }
        ForkResult::Parent { child } => {
            drop(writer);
            let mut bytes = [0; 12];
            let read = reader.read_exact(&mut bytes);
            let _ = waitpid(child, None);
            read.map_err(|_| failed(Errno::ECHILD))?;
            decode(bytes).failed.map_or(Ok(()), Err)
        }
    }
}
