//! The journal of a hunt: what makes it go on after `kill -9` where it was.
//!
//! ```text
//!   store/hunts/raft-7-forget-vote/
//!     lock          held by whoever hunts here
//!     hunt.jsonl    {"line":"began", ...}        what is hunted, and by which build
//!                   {"line":"progress", ...}     every two seconds: counters, next position
//!                   {"line":"found", ...}        before it is announced
//!                   {"line":"stored", ...}       where the run of a finding is
//!     before-1.jsonl                             what another build did, set aside
//! ```
//!
//! Every line is on disk before the next thing happens. What was being tried when the process died
//! is tried again, and comes to the same. A torn last line is dropped. A journal that has grown is
//! written anew: its last progress line says what all earlier ones said.
//!
//! A journal speaks for the build that wrote it. What was not found by one build may be found by
//! the next, so another build begins anew and sets the journal aside.

use super::{FINDINGS_MAX, Finding, HuntSpec, Reach};
use crate::exit::Failure;
use crate::store::write_whole;
use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::hash::{DefaultHasher, Hasher};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The version of the journal's lines.
const FORMAT: u32 = 1;
/// A journal that is longer is written anew.
const LENGTH_BYTES_MAX: u64 = 4 << 20;

/// Which build this is: a hash of the running program's bytes.
///
/// The bytes and not the file's date: a copy on another machine goes on with a hunt, and a rebuild
/// that changed nothing does too. It takes some 20 ms in a release build. The hash is that of the
/// standard library, which may change with the compiler; then the bytes change as well.
pub fn build() -> Result<String, Failure> {
    let hashed = || -> std::io::Result<u64> {
        // The path of the program may lead to a newer build by now; this does not.
        let program = File::open("/proc/self/exe");
        let mut program = program.or_else(|_| File::open(std::env::current_exe()?))?;
        let mut hasher = DefaultHasher::new();
        let mut bytes = vec![0; 1 << 16];
        loop {
            match program.read(&mut bytes)? {
                0 => return Ok(hasher.finish()),
                length => hasher.write(&bytes[..length]),
            }
        }
    };
    let refused = |error| Failure::SetUp(format!("the running program cannot be read: {error}"));
    Ok(format!("{:016x}", hashed().map_err(refused)?))
}

/// What is hunted. A journal goes on only with the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Began {
    format: u32,
    version: String,
    /// See [`build`]; nothing in journals from before it was kept.
    #[serde(default)]
    build: String,
    target: String,
    bug: Option<String>,
    seed: u64,
    shard: String,
    pinned: Vec<String>,
}

impl Began {
    /// What this hunt is, by this [`build`].
    pub fn of(spec: &HuntSpec, build: &str) -> Self {
        Self {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            build: build.to_owned(),
            target: spec.target.name.to_owned(),
            bug: spec.bug.map(|bug| bug.name.to_owned()),
            seed: spec.base_seed,
            shard: spec.shard.to_string(),
            pinned: spec.pinned.words(),
        }
    }

    /// `raft-7-forget-vote-shard-3-of-8`.
    pub fn folder(&self) -> String {
        let bug = self.bug.as_ref().map_or(String::new(), |bug| format!("-{bug}"));
        format!("{}-{}{bug}{}", self.target, self.seed, suffix(&self.shard))
    }

    /// Whether both hunt the same, whoever does.
    fn hunts_the_same(&self, other: &Self) -> bool {
        let Self { format, version, build, .. } = self.clone();
        Self { format, version, build, ..other.clone() } == *self
    }

    /// In words, for whoever has to compare two.
    fn words(&self) -> String {
        let bug = self.bug.as_ref().map_or(String::new(), |bug| format!(" --bug {bug}"));
        let pinned: String = self.pinned.iter().map(|word| format!(" {word}")).collect();
        format!(
            "tribunal {} hunt {}{bug} --seed {} --shard {}{pinned}",
            self.version, self.target, self.seed, self.shard
        )
    }
}

fn suffix(shard: &str) -> String {
    if shard == "1/1" { String::new() } else { format!("-shard-{}", shard.replace('/', "-of-")) }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "kebab-case")]
enum Line {
    Began(Began),
    Progress { wall_ms: u64, reach: Reach },
    Found { finding: Finding },
    Stored { index: u64, run: String },
}

/// What was found, and where its run is stored, if it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// What.
    #[serde(flatten)]
    pub finding: Finding,
    /// The stored run's name.
    pub run: Option<String>,
    /// Why it could not be stored, if that was tried; known to the hunt that tried.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub damage: Vec<String>,
}

impl Kept {
    /// A finding without a run.
    pub fn unstored(finding: Finding) -> Self {
        Self { finding, run: None, damage: Vec::new() }
    }
}

/// The journal of a hunt that goes on.
#[derive(Debug)]
pub struct Journal {
    began: Began,
    path: PathBuf,
    file: File,
    length_bytes: u64,
    reach: Reach,
    wall_ms: u64,
    /// By number of the case.
    findings: BTreeMap<u64, Kept>,
    /// Says that the end of the journal was lost or that all of it was set aside, if so.
    pub note: Option<String>,
    _lock: Flock<File>,
}

impl Journal {
    /// Opens the journal of this hunt in the store, or begins one. `fresh` forgets an earlier one.
    pub fn open(store: &Path, began: Began, fresh: bool) -> Result<Self, Failure> {
        let folder = store.join("hunts").join(began.folder());
        let refused = |error: std::io::Error| {
            Failure::SetUp(format!(
                "the hunt's folder {} cannot be used: {error}\n\
                 choose a place that can be written with --store DIR",
                folder.display()
            ))
        };
        fs::create_dir_all(&folder).map_err(refused)?;
        let lock = File::create(folder.join("lock")).map_err(refused)?;
        let lock = Flock::lock(lock, FlockArg::LockExclusiveNonblock).map_err(|_| {
            let folder = folder.display();
            Failure::SetUp(format!("somebody else is hunting in {folder}: take another --seed"))
        })?;
        let path = folder.join("hunt.jsonl");
        if fresh && path.exists() {
            fs::remove_file(&path).map_err(refused)?;
        }
        let note = set_aside(&path, &began)?;
        let file = OpenOptions::new().create(true).append(true).open(&path).map_err(refused)?;
        let mut journal = Self {
            began,
            path,
            file,
            length_bytes: 0,
            reach: Reach::default(),
            wall_ms: 0,
            findings: BTreeMap::new(),
            note,
            _lock: lock,
        };
        journal.read()?;
        if journal.length_bytes == 0 {
            journal.append(&Line::Began(journal.began.clone()))?;
        }
        Ok(journal)
    }

    /// The hunts of a store whose folder could be that of this one with another seed, latest first,
    /// as seeds.
    pub fn seeds(store: &Path, began: &Began) -> Vec<u64> {
        let folder = |seed| Began { seed, ..began.clone() }.folder();
        let mut found = Vec::new();
        let entries = fs::read_dir(store.join("hunts")).into_iter().flatten();
        for entry in entries.filter_map(Result::ok) {
            let name = entry.file_name().to_string_lossy().into_owned();
            let seed = name.split('-').nth(1).and_then(|seed| seed.parse::<u64>().ok());
            let changed = fs::metadata(entry.path().join("hunt.jsonl")).and_then(|m| m.modified());
            if let (Some(seed), Ok(changed)) = (seed, changed)
                && folder(seed) == name
            {
                found.push((changed, seed));
            }
        }
        found.sort_unstable();
        found.into_iter().rev().map(|(_, seed)| seed).collect()
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        self.path.parent().expect("the journal lies in a folder")
    }

    /// Where the hunt was.
    pub fn reach(&self) -> &Reach {
        &self.reach
    }

    /// How long it has taken so far.
    pub fn wall(&self) -> Duration {
        Duration::from_millis(self.wall_ms)
    }

    /// What was found so far, in order of cases.
    pub fn findings(&self) -> impl Iterator<Item = &Kept> {
        self.findings.values()
    }

    /// How far the hunt is, after so much time in all.
    pub fn progress(&mut self, reach: &Reach, wall: Duration) -> Result<(), Failure> {
        self.wall_ms = wall.as_millis() as u64;
        self.reach = reach.clone();
        self.append(&Line::Progress { wall_ms: self.wall_ms, reach: reach.clone() })?;
        if self.length_bytes > LENGTH_BYTES_MAX {
            self.rewrite()?;
        }
        Ok(())
    }

    /// Something was found. False if it had been found before. It is known even if it cannot be
    /// written down.
    pub fn found(&mut self, finding: &Finding) -> Result<bool, Failure> {
        if self.findings.contains_key(&finding.index) {
            return Ok(false);
        }
        if self.findings.len() < FINDINGS_MAX {
            self.findings.insert(finding.index, Kept::unstored(finding.clone()));
        }
        self.append(&Line::Found { finding: finding.clone() })?;
        Ok(true)
    }

    /// A finding has no run of its own, and why. That is not written down: the next hunt tries
    /// again.
    pub fn damaged(&mut self, index: u64, damage: &[String]) {
        if let Some(kept) = self.findings.get_mut(&index) {
            kept.damage = damage.to_vec();
        }
    }

    /// A finding has a run of its own now.
    pub fn stored(&mut self, index: u64, run: &str) -> Result<(), Failure> {
        if let Some(kept) = self.findings.get_mut(&index) {
            kept.run = Some(run.to_owned());
        }
        self.append(&Line::Stored { index, run: run.to_owned() })
    }

    fn read(&mut self) -> Result<(), Failure> {
        let bytes = fs::read(&self.path).map_err(|error| self.lost(&error))?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        if whole < bytes.len() {
            let torn = bytes.len() - whole;
            self.note = Some(format!("the last line was torn: its {torn} bytes are dropped"));
            self.file.set_len(whole as u64).map_err(|error| self.lost(&error))?;
        }
        for (number, line) in bytes[..whole].split(|byte| *byte == b'\n').enumerate() {
            if line.is_empty() {
                continue;
            }
            let line = serde_json::from_slice(line).map_err(|error| {
                let (path, number) = (self.path.display(), number + 1);
                Failure::Usage(format!(
                    "{path}:{number}: not a line of a hunt's journal: {error}\n\
                     begin anew with --fresh"
                ))
            })?;
            self.take(line)?;
        }
        self.length_bytes = whole as u64;
        Ok(())
    }

    fn take(&mut self, line: Line) -> Result<(), Failure> {
        match line {
            Line::Began(began) if began != self.began => {
                return Err(Failure::Usage(format!(
                    "{} holds another hunt:\n  there  {}\n  asked  {}\n\
                     go on with the same flags, begin anew with --fresh, or take another --seed",
                    self.folder().display(),
                    began.words(),
                    self.began.words()
                )));
            }
            Line::Began(_) => {}
            Line::Progress { wall_ms, reach } => {
                (self.wall_ms, self.reach) = (wall_ms, reach);
            }
            Line::Found { finding } => {
                self.findings.insert(finding.index, Kept::unstored(finding));
            }
            Line::Stored { index, run } => {
                if let Some(kept) = self.findings.get_mut(&index) {
                    kept.run = Some(run);
                }
            }
        }
        Ok(())
    }

    fn append(&mut self, line: &Line) -> Result<(), Failure> {
        let bytes = encoded(line)?;
        let written = self.file.write_all(&bytes).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // Half a line at the end of the file would spoil the next one.
            let _ = self.file.set_len(self.length_bytes);
            return Err(self.lost(&error));
        }
        self.length_bytes += bytes.len() as u64;
        Ok(())
    }

    fn rewrite(&mut self) -> Result<(), Failure> {
        let mut bytes = encoded(&Line::Began(self.began.clone()))?;
        for Kept { finding, run, .. } in self.findings.values() {
            bytes.extend(encoded(&Line::Found { finding: finding.clone() })?);
            if let Some(run) = run {
                let line = Line::Stored { index: finding.index, run: run.clone() };
                bytes.extend(encoded(&line)?);
            }
        }
        let progress = Line::Progress { wall_ms: self.wall_ms, reach: self.reach.clone() };
        bytes.extend(encoded(&progress)?);
        write_whole(&self.path, &bytes)?;
        let file = OpenOptions::new().append(true).open(&self.path);
        self.file = file.map_err(|error| self.lost(&error))?;
        self.length_bytes = bytes.len() as u64;
        Ok(())
    }

    fn lost(&self, error: &std::io::Error) -> Failure {
        Failure::ControlLost(format!("{} cannot be kept: {error}", self.path.display()))
    }
}

/// Renames the journal if another build has written it, and says so.
fn set_aside(path: &Path, began: &Began) -> Result<Option<String>, Failure> {
    // The first line only: of the others this build may not know what they mean.
    let text = fs::read(path).unwrap_or_default();
    let first = text.split_inclusive(|byte| *byte == b'\n').next().unwrap_or_default();
    let before = match serde_json::from_slice::<Line>(first) {
        Ok(Line::Began(before)) if before.build != began.build => before,
        _ => return Ok(None),
    };
    if !before.hunts_the_same(began) {
        // Refused in a moment, with both in words.
        return Ok(None);
    }
    let free = (1_u64..).map(|number| path.with_file_name(format!("before-{number}.jsonl")));
    let aside = free.into_iter().find(|aside| !aside.exists()).expect("numbers do not end");
    fs::rename(path, &aside).map_err(|error| {
        Failure::SetUp(format!("{} cannot be renamed: {error}", path.display()))
    })?;
    let aside = aside.file_name().unwrap_or_default().to_string_lossy();
    Ok(Some(format!(
        "another build hunted here: this one begins anew; what that one found stays in {aside}, \
         its runs in the store"
    )))
}

fn encoded(line: &Line) -> Result<Vec<u8>, Failure> {
    let mut bytes = serde_json::to_vec(line)
        .map_err(|error| Failure::Internal(format!("hunt.jsonl: {error}")))?;
    bytes.push(b'\n');
    Ok(bytes)
}

#[cfg(test)]
#[path = "journal_tests.rs"]
mod tests;
