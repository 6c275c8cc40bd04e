//! History files: found, decompressed, recognised, read.
//!
//! ```text
//!   path --> a file, or the history of a store's folder --> zst? --> format? --> History
//! ```

use crate::exit::Failure;
use checkers::history::import::{self, Format, ImportOptions};
use checkers::history::jsonl::Reading;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// The name that stands for standard input.
pub const STANDARD_INPUT: &str = "-";

/// What a zstd frame begins with (RFC 8878, section 3.1.1).
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

const BUFFER_BYTES: usize = 1 << 20;

/// What the histories in a store's folder are called: this program's, Jepsen's and Maelstrom's.
const NAMES: [&str; 5] =
    ["history.jsonl", "history.jsonl.zst", "history.edn", "latest/history.edn", "history.json"];

/// How a file is to be read.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReadAs {
    /// Its format; recognised if not given.
    pub format: Option<Format>,
    /// What differs between files of one format.
    pub options: ImportOptions,
}

/// A history from a file.
#[derive(Debug)]
pub struct Loaded {
    /// What was read.
    pub reading: Reading,
    /// What the file lacks, and how what it left open was understood.
    pub notes: Vec<String>,
    /// How it was written.
    pub format: Format,
}

/// The history file that a path names: itself, or the one in a store's folder.
pub fn locate(path: &Path) -> Result<PathBuf, Failure> {
    if !path.is_dir() {
        return Ok(path.to_owned());
    }
    let found = NAMES.iter().map(|name| path.join(name)).find(|file| file.is_file());
    found.ok_or_else(|| {
        Failure::Usage(format!(
            "{} holds no history: expected one of {} in it",
            path.display(),
            NAMES.join(", ")
        ))
    })
}

/// Reads a history; a torn end is dropped and said.
pub fn load(path: &Path, read_as: ReadAs) -> Result<Loaded, Failure> {
    let (reader, format) = open(path, read_as.format)?;
    load_opened(reader, format, path, read_as.options)
}

/// Reads a history that was opened already.
pub fn load_opened(
    reader: impl BufRead,
    format: Format,
    path: &Path,
    options: ImportOptions,
) -> Result<Loaded, Failure> {
    let name = path.display().to_string();
    let reading = import::read(reader, &name, format, options)
        .map_err(|error| Failure::Usage(error.to_string()))?;
    let torn = reading.torn.map(|torn| format!("{name}: {torn}"));
    let remarks = reading.remarks.iter().map(|remark| format!("{name}: {remark}"));
    let notes = torn.into_iter().chain(remarks).collect();
    Ok(Loaded { reading, notes, format })
}

/// Opens a history file, decompressed, and says how it is written.
pub fn open(
    path: &Path,
    format: Option<Format>,
) -> Result<(Box<dyn BufRead + Send>, Format), Failure> {
    let name = path.display().to_string();
    let unreadable = |error| Failure::Usage(format!("{name} cannot be read: {error}"));
    let raw: Box<dyn Read + Send> = if name == STANDARD_INPUT {
        Box::new(std::io::stdin())
    } else {
        let opened = File::open(path);
        Box::new(opened.map_err(|e| Failure::Usage(format!("{name} cannot be opened: {e}")))?)
    };
    let mut reader: Box<dyn BufRead + Send> = Box::new(BufReader::with_capacity(BUFFER_BYTES, raw));
    if reader.fill_buf().map_err(unreadable)?.starts_with(&ZSTD_MAGIC) {
        let decoder = zstd::stream::read::Decoder::with_buffer(reader).map_err(unreadable)?;
        reader = Box::new(BufReader::with_capacity(BUFFER_BYTES, decoder));
    }
    let beginning = reader.fill_buf().map_err(unreadable)?;
    let format = format.or_else(|| import::detect(beginning)).ok_or_else(|| {
        let what = if beginning.is_empty() { "is empty" } else { "is no history that is known" };
        Failure::Usage(format!(
            "{name} {what}: expected JSON lines, EDN, elle-cli's JSON or a Jepsen log\n\
             if it is one of these, say which: --format"
        ))
    })?;
    Ok((reader, format))
}
