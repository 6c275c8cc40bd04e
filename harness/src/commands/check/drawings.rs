//! What `--directory` holds: each anomaly as a text, and as a drawing where it is a cycle.
//!
//! ```text
//!   DIR/[history/]G-single-item-1.txt     in words
//!   DIR/[history/]G-single-item-1.svg     as a ladder; or all of them in anomalies.dot
//! ```

use super::Answer;
use crate::cli_check::{CheckArgs, PlotFormat};
use crate::exit::Failure;
use checkers::transactions::explain;
use checkers::verdict::{AnomalyEvidence, Evidence, Verdict};
use std::path::Path;

/// More anomalies are not written out.
const FILES_MAX: usize = 100;

/// Makes the folder, so that one that cannot be is said before anything is judged.
pub(super) fn prepare(folder: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(folder).map_err(|error| {
        Failure::Usage(format!("--directory {} cannot be made: {error}", folder.display()))
    })
}

/// Writes what was found; gives what has to be said about it. `input` names a folder of its own.
pub(super) fn write(
    args: &CheckArgs,
    folder: &Path,
    input: Option<&str>,
    answer: &Answer,
) -> Result<Vec<String>, Failure> {
    let Verdict::Invalid { evidence } = &answer.sentence.verdict else { return Ok(Vec::new()) };
    let Evidence::Anomalies(evidence) = &**evidence else { return Ok(Vec::new()) };
    let folder = input.map_or_else(|| folder.to_owned(), |input| folder.join(plain(input)));
    std::fs::create_dir_all(&folder).map_err(|error| cannot(&folder, &error))?;
    let mut notes = Vec::new();
    for (at, found) in evidence.found.iter().take(FILES_MAX).enumerate() {
        let name = format!("{}-{}", plain(&found.name), at + 1);
        put(&folder.join(format!("{name}.txt")), &format!("{}\n", found.sentence))?;
        if !found.edges.is_empty() && args.elle.plot_format != Some(PlotFormat::Dot) {
            let drawing = ladder(evidence, at)?;
            notes.extend(put_bounded(args, &folder.join(format!("{name}.svg")), &drawing)?);
        }
    }
    if args.elle.plot_format == Some(PlotFormat::Dot) {
        notes.extend(put_bounded(args, &folder.join("anomalies.dot"), &explain::dot(evidence))?);
    }
    if evidence.found.len() > FILES_MAX {
        let more = evidence.found.len() - FILES_MAX;
        notes.push(format!("{more} more anomalies were not written to {}", folder.display()));
    }
    Ok(notes)
}

fn ladder(evidence: &AnomalyEvidence, at: usize) -> Result<String, Failure> {
    let drawn = reports::ladder(evidence, at);
    let drawn = drawn.map_err(|error| Failure::Internal(format!("no drawing: {error}")))?;
    Ok(drawn.expect("the anomaly is one of the evidence"))
}

/// Writes a drawing, unless it is too large; then it says so.
fn put_bounded(args: &CheckArgs, path: &Path, drawing: &str) -> Result<Option<String>, Failure> {
    let (bytes, bytes_max) = (drawing.len() as u64, args.elle.max_plot_bytes);
    if bytes > bytes_max {
        let path = path.display();
        return Ok(Some(format!("{path} has {bytes} bytes and was not written: --max-plot-bytes")));
    }
    put(path, drawing).map(|()| None)
}

fn put(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text).map_err(|error| cannot(path, &error))
}

fn cannot(path: &Path, error: &std::io::Error) -> Failure {
    Failure::Usage(format!("{} cannot be written: {error}", path.display()))
}

/// A name without anything that a path or a shell could take for something else.
fn plain(name: &str) -> String {
    let harmless = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' };
    let name: String = name.chars().map(harmless).collect();
    name.trim_matches('.').to_owned()
}
