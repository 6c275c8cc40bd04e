//! The store: one folder a run, and the record of what was asked and found.
//!
//! ```text
//!   store/latest                      -> raft-register/20261121T043000.123Z
//!   store/raft-register/latest        -> 20261121T043000.123Z
//!   store/raft-register/20261121T043000.123Z/
//!     run.json        what was asked and found; written at the start, again at the end
//!     history.jsonl   every event, written while the run goes on
//!     verdict.json    every judgement
//!     report.html     the page for people
//!     faults.jsonl    the ledger of faults and their undoing
//!     nodes/n1/       a node's configuration and log
//! ```
//!
//! A run is named by its path below the store, by a unique prefix of its time, by any path that
//! leads to its folder, or as `latest`.

use crate::case::ScriptedOp;
use crate::exit::Failure;
use checkers::verdict::{Judgement, Verdict};
use nemesis::plan::PlannedFault;
use reports::RunFacts;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The version of `run.json`. A reader refuses what it does not know.
pub const FORMAT: u32 = 1;

/// What was asked and found. Everything a later command needs to judge and report the run again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RunRecord {
    /// The version of this file's format.
    pub format: u32,
    /// What the report says of the run.
    pub facts: RunFacts,
    /// The consistency model that was claimed.
    pub claim: String,
    /// The faults with their windows and parameters, as drawn from the seed.
    pub plan: Vec<PlannedFault>,
    /// The command that asked for it, word by word; nothing if an earlier version made it.
    #[serde(default)]
    pub arguments: Vec<String>,
    /// What clients did, if they followed a script.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operations: Option<Vec<ScriptedOp>>,
    /// Where its case comes from, if not from a command line: `replayed from ...`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// Whether the run got as far as its final reads.
    pub final_reads: bool,
    /// The verdict in a word, once there is one.
    pub verdict: Option<String>,
    /// The exit code, once the run has ended.
    pub exit_code: Option<u8>,
}

/// A run's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunDir(PathBuf);

impl RunDir {
    /// Makes the folder of a new run, and points `latest` at it.
    pub fn create(store: &Path, name: &str) -> Result<Self, Failure> {
        let parent = store.join(name);
        let (time, path) = Self::folder(&parent)?;
        let nodes = path.join("nodes");
        fs::create_dir(&nodes).map_err(|error| refused(&nodes, &error))?;
        // A run without its `latest` is still a run: a file system without links is no reason to
        // stop.
        let _ = point(&parent.join("latest"), Path::new(&time));
        let _ = point(&store.join("latest"), &Path::new(name).join(&time));
        Ok(Self(path))
    }

    /// Makes a new folder there, named after the time.
    fn folder(parent: &Path) -> Result<(String, PathBuf), Failure> {
        fs::create_dir_all(parent).map_err(|error| refused(parent, &error))?;
        loop {
            let time = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%S%.3fZ").to_string();
            let path = parent.join(&time);
            match fs::create_dir(&path) {
                Ok(()) => return Ok((time, path)),
                // Another run began in the same millisecond: the folder is its own.
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                    std::thread::sleep(std::time::Duration::from_millis(1));
                }
                Err(error) => return Err(refused(&path, &error)),
            }
        }
    }

    /// Whether a run's folder could be made there, before hours are spent on what it is to hold.
    pub fn can_be_made(store: &Path, name: &str) -> Result<(), Failure> {
        let trial = Self::folder(&store.join(name))?.1;
        let _ = fs::remove_dir(trial);
        Ok(())
    }

    /// Takes the folder away again if the run never came to record anything.
    pub fn remove_if_unused(&self) {
        if !self.file("run.json").exists() {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    /// The folder of a run by name; see the module's head.
    pub fn find(store: &Path, name: &str) -> Result<Self, Failure> {
        let direct = Path::new(name);
        let candidates = [direct.to_owned(), store.join(name)];
        for candidate in &candidates {
            if candidate.join("run.json").is_file() {
                let path = fs::canonicalize(candidate).unwrap_or_else(|_| candidate.clone());
                return Ok(Self(path));
            }
        }
        if direct.join("history.jsonl").is_file() {
            return Err(Failure::Usage(format!(
                "{name} has no run.json\nits history can be checked by itself: \
                 tribunal check {name}/history.jsonl"
            )));
        }
        let matches: Vec<Self> = Self::all(store)
            .into_iter()
            .filter(|run| run.time().starts_with(name) || run.name().starts_with(name))
            .collect();
        match <[Self; 1]>::try_from(matches) {
            Ok([run]) => Ok(run),
            Err(matches) if matches.is_empty() => Err(Failure::Usage(format!(
                "no stored run {name:?} in {}\nsee: tribunal list runs",
                store.display()
            ))),
            Err(matches) => Err(Failure::Usage(format!(
                "{name:?} could be any of {} runs, such as {} and {}\nsee: tribunal list runs",
                matches.len(),
                matches[0].name(),
                matches[1].name()
            ))),
        }
    }

    /// Every run in the store, oldest first.
    pub fn all(store: &Path) -> Vec<Self> {
        let mut runs: Vec<Self> = subfolders(store)
            .into_iter()
            .flat_map(|test| subfolders(&test))
            .filter(|path| path.join("run.json").is_file())
            .map(Self)
            .collect();
        runs.sort_by_key(Self::time);
        runs
    }

    /// A file of the run.
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// `raft-register/20261121T043000.123Z`.
    pub fn name(&self) -> String {
        let test = self.0.parent().and_then(Path::file_name).unwrap_or_default();
        format!("{}/{}", test.to_string_lossy(), self.time())
    }

    /// `20261121T043000.123Z`.
    pub fn time(&self) -> String {
        self.0.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// What was asked and found.
    pub fn record(&self) -> Result<RunRecord, Failure> {
        let path = self.file("run.json");
        let text = fs::read_to_string(&path).map_err(|error| {
            Failure::Usage(format!("{} cannot be read: {error}", path.display()))
        })?;
        let bad = |error: serde_json::Error| {
            Failure::Usage(format!("{} is not a run's record: {error}", path.display()))
        };
        // The format is looked at alone first: a newer record may have any shape.
        let format =
            serde_json::from_str::<serde_json::Value>(&text).map_err(bad)?["format"].as_u64();
        if format != Some(FORMAT.into()) {
            return Err(Failure::Usage(format!(
                "{} has format {}, and this version of tribunal reads format {FORMAT}\n\
                 use the version that made the run",
                path.display(),
                format.map_or("none".to_owned(), |format| format.to_string()),
            )));
        }
        serde_json::from_str(&text).map_err(bad)
    }

    /// Writes what was asked and found: completely, or not at all.
    pub fn write_record(&self, record: &RunRecord) -> Result<(), Failure> {
        self.write_json("run.json", record)
    }

    /// Writes every judgement.
    pub fn write_judgements(
        &self,
        verdict: &Verdict,
        judgements: &[Judgement],
    ) -> Result<(), Failure> {
        let document = serde_json::json!({
            "format": FORMAT, "verdict": verdict.word(), "judgements": judgements,
        });
        self.write_json("verdict.json", &document)
    }

    /// Writes a file of the run through a neighbour, so that a crash leaves the old one or the new
    /// one.
    pub fn write(&self, name: &str, contents: &[u8]) -> Result<(), Failure> {
        write_whole(&self.file(name), contents)
    }

    fn write_json(&self, name: &str, value: &impl Serialize) -> Result<(), Failure> {
        let mut text = serde_json::to_vec_pretty(value)
            .map_err(|error| Failure::Internal(format!("{name}: {error}")))?;
        text.push(b'\n');
        self.write(name, &text)
    }
}

fn refused(path: &Path, error: &std::io::Error) -> Failure {
    Failure::SetUp(format!(
        "the run's folder {} cannot be made: {error}\n\
         choose a place that can be written with --store DIR",
        path.display()
    ))
}

/// Writes a file through a neighbour, so that a crash leaves the old one or the new one.
pub fn write_whole(path: &Path, contents: &[u8]) -> Result<(), Failure> {
    let mut neighbour = path.as_os_str().to_owned();
    neighbour.push(".new");
    let write = || -> std::io::Result<()> {
        let mut file = fs::File::create(&neighbour)?;
        file.write_all(contents)?;
        file.sync_all()?;
        fs::rename(&neighbour, path)
    };
    write().map_err(|error| {
        let _ = fs::remove_file(&neighbour);
        Failure::ControlLost(format!("{} cannot be written: {error}", path.display()))
    })
}

fn subfolders(path: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(path) else { return Vec::new() };
    let mut folders: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .collect();
    folders.sort();
    folders
}

fn point(link: &Path, target: &Path) -> std::io::Result<()> {
    let mut neighbour = link.as_os_str().to_owned();
    let run = target.file_name().unwrap_or_default();
    neighbour.push(".");
    neighbour.push(run);
    std::os::unix::fs::symlink(target, &neighbour)?;
    fs::rename(&neighbour, link).inspect_err(|_| {
        let _ = fs::remove_file(&neighbour);
    })
}
