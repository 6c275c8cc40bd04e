//! Transactions from a file to their verdict.
//!
//! Our own lines go straight into the table of transactions and are never held as a history; other
//! formats are read into one first.

use super::{Answer, drawings};
use crate::cli_check::CheckArgs;
use crate::exit::Failure;
use crate::history_file::{self, Loaded, ReadAs};
use crate::judge::{Spend, TxnQuestion, judge_transactions};
use checkers::history::import::Format;
use checkers::transactions::collect;
use checkers::transactions::{self, Kind, ReadError, Table};
use std::path::Path;

/// Judges one input.
pub(super) fn check_one(
    args: &CheckArgs,
    question: &TxnQuestion,
    input: &str,
    file: &Path,
    read_as: ReadAs,
) -> Result<Answer, Failure> {
    let Read { table, notes, format } = read(file, read_as, question.kind)?;
    let at_once = args.inputs.len().min(rayon::current_num_threads()).max(1) as u64;
    let spend = Spend { time: args.budget, bytes_max: args.mem / at_once };
    let sentence = judge_transactions(input, &table, question, spend);
    let mut answer = Answer::new(input, Some(format), notes, sentence);
    if let Some(folder) = &args.elle.directory {
        let place = args.inputs.iter().position(|other| other == input).unwrap_or_default() + 1;
        let own = (args.inputs.len() > 1).then(|| format!("{place}-{input}"));
        // A verdict is worth more than its drawings: what could not be written is noted.
        match drawings::write(args, folder, own.as_deref(), &answer) {
            Ok(notes) => answer.notes.extend(notes),
            Err(failure) => answer.notes.push(failure.to_string()),
        }
    }
    Ok(answer)
}

/// What helps whoever named the wrong model.
const OTHER_MODEL: &str = "\nis it of another model? see: tribunal list models";

/// Transactions from a file.
struct Read {
    table: Table,
    notes: Vec<String>,
    format: Format,
}

fn read(file: &Path, read_as: ReadAs, kind: Kind) -> Result<Read, Failure> {
    let (reader, format) = history_file::open(file, read_as.format)?;
    if format == Format::Jsonl {
        let name = file.display().to_string();
        let reading = transactions::read(reader, &name, kind).map_err(|error| {
            let hint = match error {
                ReadError::Misfit { .. } => OTHER_MODEL,
                ReadError::File(_) => "",
            };
            Failure::Usage(format!("{error}{hint}"))
        })?;
        let notes = reading.torn.map(|torn| format!("{name}: {torn}")).into_iter().collect();
        return Ok(Read { table: reading.table, notes, format });
    }
    let loaded = history_file::load_opened(reader, format, file, read_as.options)?;
    let Loaded { reading, notes, format } = loaded;
    match collect::table(&reading.history, kind) {
        Ok(table) => Ok(Read { table, notes, format }),
        Err(misfit) => {
            let line = reading.line(misfit.index);
            Err(Failure::Usage(format!(
                "{}:{line}: {}{OTHER_MODEL}",
                file.display(),
                misfit.problem
            )))
        }
    }
}
