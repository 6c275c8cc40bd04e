//! The write-ahead log: what a node still knows after it died.
//!
//! ```text
//!   data directory   lock       held (flock) by the one process that may write here
//!                    boot       how often a node was started here, as text
//!                    log        the records
//!                    log.new    a checkpoint that is being written; worthless until it is renamed
//!
//!   log     | "TRIBWAL1" | frame | frame | ...
//!   frame   | mark u32 | length u32 | crc32 u32 | entry | entry | ...       little-endian
//!   entry   | sequence number, record |                                      postcard
//! ```
//!
//! **One batch is one frame, one write, one fdatasync.** The next frame is begun only when the one
//! before is durable, so a crash can damage the last frame alone, whichever of its pages had
//! reached the disk. Hence the rule of recovery: a bad frame with nothing readable behind it is a
//! *torn tail*, which nobody was promised anything about, and is cut off; a bad frame with a good
//! one behind it is
//! *corruption* of what was promised, and an error. (A rotten last frame cannot be told from a torn
//! one.)
//!
//! **Sequence numbers give the order, not the place in the file.** The planted bug of a log that is
//! not fsynced has records that reach the disk later than records that were made after them (see
//! `turn.rs`); recovery sorts.
//!
//! **A checkpoint** is a whole new file: written, fsynced, renamed over the old one, directory
//! fsynced.
//!
//! **After a failed write or sync the node stops.** It must not try again: Linux may mark the pages
//! clean although they never reached the disk, and the second fsync then reports success for data
//! that is lost (Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC 2020;
//! found by PostgreSQL in 2018).
//!
//! Shortcuts: recovery reads the whole file into memory, and the log grows until the protocol makes
//! a checkpoint.

mod format;

use format::{FILE_HEAD, FrameAt};
use nix::fcntl::{Flock, FlockArg};
use serde::{Serialize, de::DeserializeOwned};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const LOCK: &str = "lock";
const BOOT: &str = "boot";
const LOG: &str = "log";
const NEW: &str = "new";

/// What a log does to the disk, as a [`DiskProbe`] is told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskStep {
    /// It is about to write a batch or a checkpoint.
    Write {
        /// The records in it.
        records: u64,
    },
    /// What was written is about to be synced.
    Sync,
    /// A checkpoint is about to replace the log.
    Rename,
    /// What was written is durable.
    Durable,
}

/// Watches the disk, and may fail a step: the error is treated as the system's own. It runs on the
/// thread that does the step, and may block it.
pub type DiskProbe = Arc<dyn Fn(DiskStep) -> io::Result<()> + Send + Sync>;

/// Why a node cannot use its disk. It stops on all of them.
#[derive(Debug, thiserror::Error)]
pub enum WalError {
    /// Somebody else uses the directory.
    #[error("{directory} is in use by another process: stop that node, or name another directory")]
    InUse {
        /// The data directory.
        directory: PathBuf,
    },
    /// What was durable once cannot be read any more.
    #[error(
        "{path} is damaged at byte {offset}: {what}; delete the data directory to start afresh"
    )]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// Where in the file.
        offset: u64,
        /// What is wrong there.
        what: &'static str,
    },
    /// The system refused.
    #[error("cannot {action} {path}: {source}; the node stops, since the disk cannot be trusted")]
    Disk {
        /// What was tried.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A record is of a shape that cannot be written.
    #[error("a record cannot be encoded: {0}")]
    Encode(#[from] postcard::Error),
}

/// Records on their way to disk, together.
#[derive(Debug, Default)]
pub(super) struct Batch {
    entries: Vec<u8>,
    records: u64,
    replaces: bool,
}

impl Batch {
    pub(super) fn push<R: Serialize>(&mut self, sequence: u64, record: &R) -> Result<(), WalError> {
        super::wire::encode(&(sequence, record), &mut self.entries)?;
        self.records += 1;
        Ok(())
    }

    /// What was pushed so far is forgotten, and what comes replaces the whole log.
    pub(super) fn begin_checkpoint(&mut self) {
        *self = Self { replaces: true, ..Self::default() };
    }

    /// Takes in the records of another batch, and leaves it empty.
    pub(super) fn absorb(&mut self, other: &mut Self) {
        assert!(!other.replaces, "only plain records are put off");
        self.entries.append(&mut other.entries);
        self.records += std::mem::take(&mut other.records);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.records == 0 && !self.replaces
    }

    pub(super) fn bytes(&self) -> usize {
        self.entries.len()
    }

    #[cfg(test)]
    pub(super) fn contents<R: DeserializeOwned>(&self) -> (bool, Vec<(u64, R)>) {
        (self.replaces, format::entries(&self.entries).unwrap())
    }
}

/// What a data directory held.
#[derive(Debug)]
pub(super) struct Recovery<R> {
    /// The records, oldest first.
    pub(super) records: Vec<R>,
    /// The sequence number of the next record.
    pub(super) next_sequence: u64,
    /// How often a node has been started here, this time included.
    pub(super) boot: u64,
    /// The length of the torn tail that was cut off.
    pub(super) torn_bytes: u64,
}

/// An open log, with the lock on its directory.
pub(super) struct Wal {
    directory: PathBuf,
    log: File,
    probe: Option<DiskProbe>,
    _lock: Flock<File>,
}

impl Wal {
    /// Opens the log of a directory, which is created if need be, and reads what it holds.
    pub(super) fn open<R: DeserializeOwned>(
        directory: &Path,
        probe: Option<DiskProbe>,
    ) -> Result<(Self, Recovery<R>), WalError> {
        std::fs::create_dir_all(directory).map_err(disk("create", directory))?;
        let lock = lock(directory)?;
        let boot = count_boot(directory)?;
        let path = directory.join(LOG);
        if !path.try_exists().map_err(disk("look for", &path))? {
            replace(directory, LOG, &[FILE_HEAD], None)?;
        }
        let mut log = open_log(&path)?;
        let bytes = std::fs::read(&path).map_err(disk("read", &path))?;
        let (mut entries, end) = read_log(&path, &bytes)?;
        let torn_bytes = bytes.len() as u64 - end;
        if torn_bytes > 0 {
            log.set_len(end).map_err(disk("cut the torn tail of", &path))?;
            log.sync_all().map_err(disk("sync", &path))?;
            log = open_log(&path)?;
        }
        entries.sort_by_key(|(sequence, _)| *sequence);
        let next_sequence = entries.last().map_or(0, |(sequence, _)| sequence + 1);
        let records = entries.into_iter().map(|(_, record)| record).collect();
        let wal = Self { directory: directory.to_owned(), log, probe, _lock: lock };
        Ok((wal, Recovery { records, next_sequence, boot, torn_bytes }))
    }

    /// Makes a batch durable. After an error the log must not be used any more.
    pub(super) fn commit(&mut self, batch: &Batch) -> Result<(), WalError> {
        let path = self.directory.join(LOG);
        let head = format::frame_head(&batch.entries)
            .ok_or_else(|| disk("write", &path)(io::ErrorKind::FileTooLarge.into()))?;
        let probe = |step| self.probe.as_ref().map_or(Ok(()), |probe| probe(step));
        probe(DiskStep::Write { records: batch.records }).map_err(disk("write", &path))?;
        if batch.replaces {
            let parts: &[&[u8]] = &[FILE_HEAD, &head, &batch.entries];
            replace(&self.directory, LOG, parts, Some(&probe))?;
            self.log = open_log(&path)?;
        } else {
            // One write call for the common, short batch; a long one is not worth copying.
            let frame = [&head[..], &batch.entries].concat();
            self.log.write_all(&frame).map_err(disk("write", &path))?;
            probe(DiskStep::Sync)
                .and_then(|()| self.log.sync_data())
                .map_err(disk("sync", &path))?;
        }
        probe(DiskStep::Durable).map_err(disk("sync", &path))
    }
}

/// Reads the frames of a log: the entries, and where the good part ends.
fn read_log<R: DeserializeOwned>(
    path: &Path,
    bytes: &[u8],
) -> Result<(Vec<(u64, R)>, u64), WalError> {
    let corrupt = |offset: usize, what| {
        let (path, offset) = (path.to_owned(), offset as u64);
        WalError::Corrupt { path, offset, what }
    };
    if !bytes.starts_with(FILE_HEAD) {
        return Err(corrupt(0, "this is no log of this version"));
    }
    let (mut offset, mut entries) = (FILE_HEAD.len(), Vec::new());
    while offset < bytes.len() {
        match format::frame_at(bytes, offset) {
            FrameAt::Good { payload, end } => {
                let read = format::entries(payload);
                let read = read.ok_or_else(|| corrupt(offset, "a record has an unknown shape"))?;
                entries.extend(read);
                offset = end;
            }
            FrameAt::Bad if format::good_frame_follows(bytes, offset + 1) => {
                return Err(corrupt(offset, "a batch is unreadable although a later one is whole"));
            }
            FrameAt::Bad => break,
        }
    }
    Ok((entries, offset as u64))
}

fn open_log(path: &Path) -> Result<File, WalError> {
    OpenOptions::new().append(true).open(path).map_err(disk("open", path))
}

fn lock(directory: &Path) -> Result<Flock<File>, WalError> {
    let path = directory.join(LOCK);
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(disk("open", &path))?;
    Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, errno)| match errno {
        nix::errno::Errno::EWOULDBLOCK => WalError::InUse { directory: directory.to_owned() },
        errno => disk("lock", &path)(errno.into()),
    })
}

fn count_boot(directory: &Path) -> Result<u64, WalError> {
    let path = directory.join(BOOT);
    let before = match std::fs::read_to_string(&path) {
        Ok(text) => text.trim().parse().map_err(|_| WalError::Corrupt {
            path: path.clone(),
            offset: 0,
            what: "this is no number of boots",
        })?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => 0_u64,
        Err(error) => return Err(disk("read", &path)(error)),
    };
    let boot = before.saturating_add(1);
    replace(directory, BOOT, &[format!("{boot}\n").as_bytes()], None)?;
    Ok(boot)
}

/// Tells somebody of a step and hears whether it fails.
type Probe<'a> = &'a dyn Fn(DiskStep) -> io::Result<()>;

/// Replaces a file atomically and durably.
fn replace(
    directory: &Path,
    name: &str,
    parts: &[&[u8]],
    probe: Option<Probe<'_>>,
) -> Result<(), WalError> {
    let probe = |step| probe.map_or(Ok(()), |probe| probe(step));
    let (path, new) = (directory.join(name), directory.join(name).with_extension(NEW));
    let mut file = File::create(&new).map_err(disk("create", &new))?;
    for part in parts {
        file.write_all(part).map_err(disk("write", &new))?;
    }
    probe(DiskStep::Sync).and_then(|()| file.sync_all()).map_err(disk("sync", &new))?;
    probe(DiskStep::Rename)
        .and_then(|()| std::fs::rename(&new, &path))
        .map_err(disk("rename", &new))?;
    let directory_file = File::open(directory).map_err(disk("open", directory))?;
    directory_file.sync_all().map_err(disk("sync", directory))
}

fn disk(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> WalError {
    let path = path.to_owned();
    move |source| WalError::Disk { action, path, source }
}

#[cfg(test)]
mod tests;
