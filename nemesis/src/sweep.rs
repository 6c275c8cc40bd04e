//! The sweep: finding what a run left behind when not even its ledger is left.
//!
//! Every process of a run carries [`RUN_TAG`] in its environment, with the run's name and the
//! controller that owns it. A tagged process whose controller is gone is a left-over. One whose
//! controller lives belongs to a run that is going on; one whose tag cannot be read may be
//! anybody's. Both are reported, and never touched.
//!
//! ```text
//!   TRIBUNAL_RUN=raft-register/20260102T030405:4711:90211
//!                 run                          pid  start time in ticks
//! ```
//!
//! Shortcut: a controller inside a container is not seen from outside under the id in its tag, so a
//! sweep from outside takes its processes for left-overs. Sweep where the run was started.

use crate::ledger::Mode;
use crate::sys::{self, Signalled};
use nix::sys::signal::Signal;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The environment variable that marks a process as belonging to a run.
pub const RUN_TAG: &str = "TRIBUNAL_RUN";

/// The tag for processes that this process starts.
pub fn tag(run: &str) -> String {
    let pid = std::process::id() as i32;
    let start_ticks = sys::process(pid).map_or(0, |stat| stat.start_ticks);
    format!("{run}:{pid}:{start_ticks}")
}

/// Who owns a tagged process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Its controller is gone.
    Gone,
    /// Its controller lives.
    Alive,
    /// Its tag does not say.
    Unknown,
}

/// What became of a tagged process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Swept {
    /// It was killed.
    Killed,
    /// It is a left-over (only with [`Mode::Check`]).
    LeftOver,
    /// It is not ours to touch.
    LeftAlone,
    /// It ended by itself.
    Gone,
    /// It could not be killed, for this reason.
    Failed(String),
}

/// A process that carries a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tagged {
    /// The process.
    pub pid: i32,
    /// Its tag, at most 200 characters of it.
    pub tag: String,
    /// Whether its controller lives.
    pub owner: Owner,
    /// What became of it.
    pub swept: Swept,
}

/// Finds tagged processes of this user, and kills those whose controller is gone.
///
/// # Errors
///
/// The list of processes cannot be read. A single process that cannot be is none of ours.
pub fn sweep(mode: Mode) -> std::io::Result<Vec<Tagged>> {
    let me = std::process::id() as i32;
    let uid = nix::unistd::Uid::current().as_raw();
    let pids = sys::process_ids(Path::new("/proc"))?;
    let found = pids.into_iter().filter(|pid| *pid != me).filter_map(|pid| look(pid, uid, mode));
    Ok(found.collect())
}

fn look(pid: i32, uid: u32, mode: Mode) -> Option<Tagged> {
    // The start time comes first: should the id change hands now, the signal will find nobody.
    let start_ticks = sys::process(pid)?.start_ticks;
    let folder = format!("/proc/{pid}");
    if std::fs::metadata(&folder).ok()?.uid() != uid {
        return None;
    }
    let environ = std::fs::read(format!("{folder}/environ")).ok()?;
    let tag = find_tag(&environ)?;
    let owner = owner(&tag);
    let swept = match (owner, mode) {
        (Owner::Alive | Owner::Unknown, _) => Swept::LeftAlone,
        (Owner::Gone, Mode::Check) => Swept::LeftOver,
        (Owner::Gone, Mode::Undo) => match sys::signal(pid, start_ticks, Signal::SIGKILL) {
            Ok(Signalled::Sent) => Swept::Killed,
            Ok(Signalled::Gone) => Swept::Gone,
            Err(error) => Swept::Failed(error.to_string()),
        },
    };
    Some(Tagged { pid, tag: tag.chars().take(200).collect(), owner, swept })
}

fn find_tag(environ: &[u8]) -> Option<String> {
    let variables = environ.split(|byte| *byte == 0);
    let value = |variable: &[u8]| {
        let text = String::from_utf8_lossy(variable).into_owned();
        text.strip_prefix(RUN_TAG)?.strip_prefix('=').map(str::to_owned)
    };
    variables.filter(|variable| variable.starts_with(RUN_TAG.as_bytes())).find_map(value)
}

fn owner(tag: &str) -> Owner {
    let controller = || {
        let (rest, start_ticks) = tag.rsplit_once(':')?;
        let (_, pid) = rest.rsplit_once(':')?;
        Some((pid.parse::<i32>().ok()?, start_ticks.parse::<u64>().ok()?))
    };
    let Some((pid, start_ticks)) = controller() else {
        return Owner::Unknown;
    };
    match sys::process(pid) {
        Some(stat) if stat.start_ticks == start_ticks => Owner::Alive,
        _ => Owner::Gone,
    }
}
