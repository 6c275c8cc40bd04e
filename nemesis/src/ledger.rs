//! The ledger: how to undo what was done, written down before it is done.
//!
//! Whoever finds a ledger whose controller is gone can undo its faults: the watchdog
//! ([`crate::agent`]), the next run, or a person. It is a file of JSON lines:
//!
//! ```text
//!   {"do":1,"fault":3,"text":"pause n2","undo":{"class":"resume","pid":412,"start_ticks":90211}}
//!   {"do":2,"fault":4,"text":"cut n1 | n2 n3","undo":{"class":"vanishes","with":"the controller"}}
//!   {"undone":2}
//! ```
//!
//! A `do` line is on disk before its fault is applied, `undone` follows the undo. A crash between
//! the two replays an undo whose fault never happened, or that was undone already; so every undo is
//! idempotent, and names its process by id *and* start time. Replay goes newest first and never
//! stops at a failure.
//!
//! A crash can tear the last line. A torn `do` line is of a fault that was not applied yet; a torn
//! `undone` only makes an undo happen twice. Both are skipped; the next writer starts a new line.

use crate::sys::{self, Signalled};
use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// A ledger longer than this is not one of ours.
const MAX_LEDGER_BYTES: u64 = 64 << 20;

/// How a fault is undone when nobody is left who remembers it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "class", rename_all = "kebab-case")]
pub enum Undo {
    /// By itself: the kernel owns it, and it ends with what it belongs to.
    Vanishes {
        /// What it ends with.
        with: String,
    },
    /// The process is continued.
    Resume {
        /// The process.
        pid: i32,
        /// Its start time, in clock ticks since boot.
        start_ticks: u64,
    },
    /// The process is killed: it would outlive the run.
    Kill {
        /// The process.
        pid: i32,
        /// Its start time, in clock ticks since boot.
        start_ticks: u64,
    },
}

impl Undo {
    /// Continues a process that is about to be paused; what vanishes if it runs no more.
    pub fn resume(pid: i32) -> Self {
        match sys::process(pid) {
            Some(stat) => Self::Resume { pid, start_ticks: stat.start_ticks },
            None => Self::gone(pid),
        }
    }

    /// Kills a process that would outlive the run.
    pub fn kill(pid: i32) -> Self {
        match sys::process(pid) {
            Some(stat) => Self::Kill { pid, start_ticks: stat.start_ticks },
            None => Self::gone(pid),
        }
    }

    fn gone(pid: i32) -> Self {
        Self::Vanishes { with: format!("process {pid}, which is gone already") }
    }

    /// Does it, or only says what would be done.
    fn perform(&self, mode: Mode) -> Outcome {
        let (pid, start_ticks, signal, state) = match *self {
            Self::Vanishes { .. } => return Outcome::Vanished,
            Self::Resume { pid, start_ticks } => (pid, start_ticks, Signal::SIGCONT, Some('T')),
            Self::Kill { pid, start_ticks } => (pid, start_ticks, Signal::SIGKILL, None),
        };
        let Some(stat) = sys::process(pid).filter(|stat| stat.start_ticks == start_ticks) else {
            return Outcome::Gone;
        };
        if state.is_some_and(|state| stat.state != state) {
            return Outcome::NotNeeded;
        }
        if mode == Mode::Check {
            return Outcome::Needed;
        }
        match sys::signal(pid, start_ticks, signal) {
            Ok(Signalled::Sent) => Outcome::Undone,
            Ok(Signalled::Gone) => Outcome::Gone,
            Err(error) => Outcome::Failed(error.to_string()),
        }
    }
}

/// A line of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum Line {
    Do {
        #[serde(rename = "do")]
        entry: u32,
        fault: u32,
        text: String,
        undo: Undo,
    },
    Undone {
        undone: u32,
    },
}

/// Why the ledger cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// It cannot be read or written.
    #[error("the ledger {path} cannot be {what}: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// `read`, `written`.
        what: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is far too long to be one.
    #[error("the ledger {path} has {bytes} bytes; more than {MAX_LEDGER_BYTES} are not believed")]
    TooLong {
        /// Which file.
        path: PathBuf,
        /// Its length.
        bytes: u64,
    },
}

/// Names a line of a ledger, so that it can be marked as undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EntryId(u32);

/// A ledger that is being written.
#[derive(Debug)]
pub struct Ledger {
    /// Nothing if there is nobody to write for.
    file: Option<(File, PathBuf)>,
    next: u32,
}

impl Ledger {
    /// Opens a ledger, or creates it. What stands in it stays.
    ///
    /// # Errors
    ///
    /// The file cannot be opened, read or written, or is far too long.
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        let failed = io_error(path, "written");
        let options = File::options().read(true).append(true).create(true).clone();
        let mut file = options.open(path).map_err(&failed)?;
        let text = read_bounded(&mut file, path)?;
        if !text.is_empty() && !text.ends_with('\n') {
            // The torn line stays as it is; it must not swallow the next one.
            file.write_all(b"\n").map_err(&failed)?;
        }
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            // The file's name must survive too, or its records would be lost with it.
            File::open(folder).and_then(|folder| folder.sync_all()).map_err(&failed)?;
        }
        let entries = parse(&text).entries;
        let next = entries.iter().map(|entry| entry.entry).max().unwrap_or(0) + 1;
        Ok(Self { file: Some((file, path.to_owned())), next })
    }

    /// A ledger that keeps nothing, for worlds that vanish with the process.
    pub fn in_memory() -> Self {
        Self { file: None, next: 1 }
    }

    /// Writes down how a fault is undone, and returns when that is on disk.
    ///
    /// # Errors
    ///
    /// It could not be written: the fault must not be applied.
    pub fn before(&mut self, fault: u32, text: &str, undo: Undo) -> Result<EntryId, LedgerError> {
        let entry = self.next;
        if self.file.is_some() {
            self.write(&Line::Do { entry, fault, text: text.to_owned(), undo })?;
        }
        self.next += 1;
        Ok(EntryId(entry))
    }

    /// Writes down that a fault is undone.
    ///
    /// # Errors
    ///
    /// It could not be written: a replay will undo it once more, which does no harm.
    pub fn undone(&mut self, entry: EntryId) -> Result<(), LedgerError> {
        self.write(&Line::Undone { undone: entry.0 })
    }

    fn write(&mut self, line: &Line) -> Result<(), LedgerError> {
        let Some((file, path)) = &mut self.file else {
            return Ok(());
        };
        let failed = io_error(path, "written");
        let mut bytes = serde_json::to_vec(line).map_err(|error| failed(error.into()))?;
        bytes.push(b'\n');
        file.write_all(&bytes).and_then(|()| file.sync_data()).map_err(failed)
    }
}

fn io_error(path: &Path, what: &'static str) -> impl Fn(std::io::Error) -> LedgerError {
    let path = path.to_owned();
    move |source| LedgerError::Io { path: path.clone(), what, source }
}

fn read_bounded(file: &mut File, path: &Path) -> Result<String, LedgerError> {
    let failed = io_error(path, "read");
    let bytes = file.metadata().map_err(&failed)?.len();
    if bytes > MAX_LEDGER_BYTES {
        return Err(LedgerError::TooLong { path: path.to_owned(), bytes });
    }
    let mut text = Vec::new();
    file.take(bytes).read_to_end(&mut text).map_err(&failed)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// An entry of a ledger that was read.
#[derive(Debug)]
struct Entry {
    entry: u32,
    fault: u32,
    text: String,
    undo: Undo,
}

#[derive(Debug, Default)]
struct Parsed {
    entries: Vec<Entry>,
    undone: BTreeSet<u32>,
    unreadable: Vec<usize>,
}

fn parse(text: &str) -> Parsed {
    let mut parsed = Parsed::default();
    // A line that lacks nothing but its end counts: the next writer will end it.
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.is_empty()) {
        match serde_json::from_str(line) {
            Ok(Line::Do { entry, fault, text, undo }) => {
                parsed.entries.push(Entry { entry, fault, text, undo });
            }
            Ok(Line::Undone { undone }) => {
                parsed.undone.insert(undone);
            }
            // Torn, or somebody else wrote into it.
            Err(_) => parsed.unreadable.push(number),
        }
    }
    parsed
}

/// Whether a replay acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It undoes what is not undone yet.
    Undo,
    /// It only says what it would do.
    Check,
}

/// What became of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was undone now.
    Undone,
    /// It is still in effect (only with [`Mode::Check`]).
    Needed,
    /// The process is there, and not in the state that would need an undo.
    NotNeeded,
    /// The process is gone.
    Gone,
    /// It went by itself.
    Vanished,
    /// The undo failed, for this reason.
    Failed(String),
}

/// One entry that was replayed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replayed {
    /// The fault that it belongs to; zero for the run itself.
    pub fault: u32,
    /// What was done.
    pub text: String,
    /// How it is undone.
    pub undo: Undo,
    /// What became of it.
    pub outcome: Outcome,
}

/// What a replay did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replay {
    /// The entries that were not undone yet, newest first.
    pub replayed: Vec<Replayed>,
    /// The numbers of lines that could not be read: torn, or not ours.
    pub unreadable_lines: Vec<usize>,
}

impl Replay {
    /// Whether something is still in effect.
    pub fn leaves_faults(&self) -> bool {
        let open = |outcome: &Outcome| matches!(outcome, Outcome::Needed | Outcome::Failed(_));
        self.replayed.iter().any(|replayed| open(&replayed.outcome))
    }
}

/// Undoes, newest first, whatever the ledger does not say is undone.
///
/// # Errors
///
/// The ledger cannot be read. A ledger that cannot be *written* is replayed all the same.
pub fn replay(path: &Path, mode: Mode) -> Result<Replay, LedgerError> {
    let mut file = File::open(path).map_err(io_error(path, "read"))?;
    let parsed = parse(&read_bounded(&mut file, path)?);
    let mut ledger = if mode == Mode::Undo { Ledger::open(path).ok() } else { None };
    let mut replay = Replay { replayed: Vec::new(), unreadable_lines: parsed.unreadable };
    for Entry { entry, fault, text, undo } in parsed.entries.into_iter().rev() {
        if parsed.undone.contains(&entry) {
            continue;
        }
        let outcome = undo.perform(mode);
        if let (Some(ledger), false) = (&mut ledger, matches!(outcome, Outcome::Failed(_))) {
            // Not written, it is only undone once more the next time.
            let _ = ledger.undone(EntryId(entry));
        }
        replay.replayed.push(Replayed { fault, text, undo, outcome });
    }
    Ok(replay)
}
