//! `tribunal check`: the verdict on a stored run, or on a bare history file.
//!
//! A stored run is judged as when it was made: against its target's claim, and with the vacuity
//! gate. A bare file is judged as a register per key; nothing is known of what it was meant to
//! test.

use super::print_json;
use crate::cli::CheckArgs;
use crate::exit::{Ending, Failure};
use crate::judge::{Charge, Sentence, judge, judge_run};
use crate::request;
use crate::screen;
use crate::store::{RunDir, RunRecord};
use checkers::history::{History, jsonl};
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

/// Judges everything that was named, even when some of it cannot be read.
pub(super) fn check(args: &CheckArgs) -> Result<Ending, Failure> {
    let mut ending = Ending::Valid;
    let mut failed: Option<Failure> = None;
    let mut documents = Vec::new();
    for input in &args.inputs {
        match check_one(args, input) {
            Ok((sentence, damage)) => {
                ending = ending.merge(Ending::of(&sentence.verdict));
                if args.json {
                    documents.push(serde_json::json!({
                        "input": input, "verdict": sentence.verdict.word(),
                        "damage": damage, "judgements": sentence.judgements,
                    }));
                } else {
                    print_sentence(input, &sentence, damage.as_deref());
                }
            }
            // The last one is printed as the command's own end.
            Err(failure) => {
                if let Some(before) = failed.replace(failure) {
                    anstream::eprintln!("tribunal: {before}");
                }
            }
        }
    }
    if args.json {
        print_json(&documents.into())?;
    }
    match failed {
        // A violation dominates a file that could not be read.
        Some(failure) if ending == Ending::Invalid => {
            anstream::eprintln!("tribunal: {failure}");
            Ok(ending)
        }
        Some(failure) => Err(failure),
        None => Ok(ending),
    }
}

fn check_one(args: &CheckArgs, input: &str) -> Result<(Sentence, Option<String>), Failure> {
    if Path::new(input).is_file() {
        let (history, damage) = load_history(Path::new(input))?;
        let charge = Charge {
            target: input,
            claim: "linearizable",
            workload: request::workload("register")?,
            final_reads: false,
            faults_planned: 0,
            whole_run: false,
            answers_within_ms: None,
        };
        return Ok((judge(&history, &charge, args.check_budget, || false), damage));
    }
    let run = RunDir::find(&args.store.store, input)?;
    let Stored { record, history, damage } = load_run(&run)?;
    Ok((judge_run(&record, &history, args.check_budget, || false)?, damage))
}

fn print_sentence(input: &str, sentence: &Sentence, damage: Option<&str>) {
    let note = damage.map_or(String::new(), |damage| format!("\nNOTE: {damage}\n"));
    let Sentence { verdict, judgements, stats } = sentence;
    let closing = screen::closing(verdict, judgements, stats, None, &[]);
    screen::say(&format!("{input}\n{note}\n{closing}"));
}

/// A stored run with its history.
#[derive(Debug)]
pub(super) struct Stored {
    /// What was asked and found.
    pub(super) record: RunRecord,
    /// Everything that happened.
    pub(super) history: History,
    /// What the history's file lacks.
    pub(super) damage: Option<String>,
}

/// Reads a stored run.
pub(super) fn load_run(run: &RunDir) -> Result<Stored, Failure> {
    let record = run.record()?;
    let (history, damage) = load_history(&run.file("history.jsonl"))?;
    Ok(Stored { record, history, damage })
}

/// Reads a history; a torn end is dropped and said.
pub(super) fn load_history(path: &Path) -> Result<(History, Option<String>), Failure> {
    let name = path.display().to_string();
    let file = File::open(path)
        .map_err(|error| Failure::Usage(format!("{name} cannot be opened: {error}")))?;
    let reading = jsonl::read(BufReader::with_capacity(1 << 20, file), &name)
        .map_err(|error| Failure::Usage(error.to_string()))?;
    let damage = reading.torn.map(|torn| format!("{name}: {torn}"));
    Ok((reading.history, damage))
}
