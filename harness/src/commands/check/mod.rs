//! `tribunal check`: the verdict on history files, on a store's folders, and on stored runs.
//!
//! A stored run is judged as when it was made: against its target's claim, and with the vacuity
//! gate. Of a file nothing is known but what the flags say of it. Many inputs are judged at once;
//! one that cannot be read does not keep the others from being judged.

mod drawings;
mod question;
mod stream;
mod transactions;

pub(super) use question::known_models;

use super::print_json;
use crate::cli_check::CheckArgs;
use crate::exit::{Ending, Failure};
use crate::history_file::{self, Loaded, ReadAs, STANDARD_INPUT};
use crate::judge::{
    ObjectQuestion, Question, Sentence, Spend, judge_invariant, judge_object, judge_run, linearize,
};
use crate::screen;
use crate::store::{RunDir, RunRecord};
use checkers::history::import::Format;
use checkers::history::{History, Value, pairing};
use checkers::linearizable::order::Linearization;
use checkers::linearizable::{self, Semantics, Unfit};
use checkers::verdict::Verdict;
use rayon::prelude::*;
use rustc_hash::FxHashMap;
use std::path::Path;

/// Judges everything that was named, even when some of it cannot be read.
pub(super) fn check(args: &CheckArgs) -> Result<Ending, Failure> {
    let question = question::question(args, Semantics::default())?;
    if args.stream {
        return stream::check(args, &question);
    }
    if let Some(folder) = &args.elle.directory {
        drawings::prepare(folder)?;
    }
    let results: Vec<Result<Answer, Failure>> =
        args.inputs.par_iter().map(|input| check_one(args, &question, input)).collect();
    print(args, &results)?;
    let verdicts = results.iter().flatten().map(|answer| Ending::of(&answer.sentence.verdict));
    let ending = verdicts.fold(Ending::Valid, Ending::merge);
    let mut failures: Vec<Failure> = results.into_iter().filter_map(Result::err).collect();
    // The last one is printed as the command's own end, unless a violation dominates it.
    let last = if ending == Ending::Invalid { None } else { failures.pop() };
    for failure in &failures {
        anstream::eprintln!("tribunal: {failure}");
    }
    last.map_or(Ok(ending), Err)
}

/// What is to be said of one input.
struct Answer {
    input: String,
    /// How it was written; nothing for a stored run.
    format: Option<String>,
    /// What the file lacks, and how what it left open was understood.
    notes: Vec<String>,
    sentence: Sentence,
    /// An order that explains everything, in words, if it was asked for.
    linearization: Option<Vec<PartWords>>,
}

impl Answer {
    fn new(input: &str, format: Option<Format>, notes: Vec<String>, sentence: Sentence) -> Self {
        let format = format.map(|format| format!("{format:?}").to_lowercase());
        Self { input: input.to_owned(), format, notes, sentence, linearization: None }
    }
}

/// The order of one key.
#[derive(serde::Serialize)]
struct PartWords {
    key: Option<String>,
    /// Indices of invocations.
    invokes: Vec<usize>,
    #[serde(skip)]
    text: String,
}

fn check_one(args: &CheckArgs, question: &Question, input: &str) -> Result<Answer, Failure> {
    let read_as = question::read_as(args);
    let path = Path::new(input);
    let stored = || {
        RunDir::find(&args.store.store, input).map_err(|failure| match path.exists() {
            true => failure,
            false => Failure::Usage(format!("there is no file or folder {input:?}, and {failure}")),
        })
    };
    let is_run = path.join("run.json").is_file() || !path.exists() && input != STANDARD_INPUT;
    let (file, question) = match is_run {
        true if !question::asks_something(args) => return check_run(args, input, &stored()?),
        true => {
            let question = question::question(args, Semantics::STRICT)?;
            (stored()?.file("history.jsonl"), question)
        }
        false => (history_file::locate(path)?, question.clone()),
    };
    match question {
        Question::Object(question) => check_object(args, &question, input, &file, read_as),
        Question::Transactions(question) => {
            transactions::check_one(args, &question, input, &file, read_as)
        }
        Question::Invariant(invariant, options) => {
            let Loaded { reading, notes, format } = history_file::load(&file, read_as)?;
            let sentence = judge_invariant(input, &reading.history, invariant, &options);
            Ok(Answer::new(input, Some(format), notes, sentence))
        }
    }
}

fn check_object(
    args: &CheckArgs,
    question: &ObjectQuestion,
    input: &str,
    file: &Path,
    read_as: ReadAs,
) -> Result<Answer, Failure> {
    let Loaded { reading, notes, format } = history_file::load(file, read_as)?;
    let history = &reading.history;
    let sentence = judge_object(input, history, question, spend(args, history));
    // Only what could not be judged can have been no history of this object at all.
    if let Verdict::Unknown { .. } = sentence.verdict {
        match linearizable::unfit(history, question.object, &question.semantics) {
            Some(Unfit::Operation { index, problem }) => {
                let line = reading.line(index);
                return Err(Failure::Usage(format!(
                    "{}:{line}: {problem}\nis it of another model? see: tribunal list models",
                    file.display()
                )));
            }
            Some(unfit @ Unfit::Initial(_)) => return Err(Failure::Usage(unfit.to_string())),
            Some(Unfit::Nothing) | None => {}
        }
    }
    let mut answer = Answer::new(input, Some(format), notes, sentence);
    if args.linearization && answer.sentence.verdict == Verdict::Valid {
        match linearize(history, question, spend(args, history)) {
            Ok(found) => answer.linearization = Some(in_words(history, &found)),
            Err(why) => answer.notes.push(format!("no linearization to show: {why}")),
        }
    }
    Ok(answer)
}

fn check_run(args: &CheckArgs, input: &str, run: &RunDir) -> Result<Answer, Failure> {
    let Stored { record, history, damage } = load_run(run)?;
    let sentence = judge_run(&record, &history, spend(args, &history), || false)?;
    Ok(Answer::new(input, None, damage.into_iter().collect(), sentence))
}

/// What the checkers of one input may spend: what the histories take comes off, and what is judged
/// at the same time shares the rest.
fn spend(args: &CheckArgs, history: &History) -> Spend {
    let at_once = args.inputs.len().min(rayon::current_num_threads()).max(1) as u64;
    let history_bytes = (history.len() * size_of::<checkers::history::Event>()) as u64;
    let bytes_max = (args.mem / at_once).saturating_sub(history_bytes).max(1 << 20);
    Spend { time: args.budget, bytes_max }
}

fn print(args: &CheckArgs, results: &[Result<Answer, Failure>]) -> Result<(), Failure> {
    let answers: Vec<&Answer> = results.iter().flatten().collect();
    if args.json {
        let documents: Vec<serde_json::Value> = args
            .inputs
            .iter()
            .zip(results)
            .map(|(input, result)| match result {
                Ok(Answer { input, format, notes, sentence, linearization }) => serde_json::json!({
                    "input": input, "format": format, "verdict": sentence.verdict.word(),
                    "notes": notes, "judgements": sentence.judgements,
                    "linearization": linearization,
                }),
                Err(failure) => serde_json::json!({"input": input, "error": failure.to_string()}),
            })
            .collect();
        return print_json(&documents.into()).map(drop);
    }
    if let [answer] = answers[..]
        && results.len() == 1
    {
        screen::say(&whole(args, answer));
        return Ok(());
    }
    if !answers.is_empty() {
        screen::say(&table(&answers));
    }
    for answer in answers {
        let bad = answer.sentence.verdict != Verdict::Valid;
        if args.explain && bad || answer.linearization.is_some() {
            screen::say(&whole(args, answer));
        }
    }
    Ok(())
}

/// Everything about one input.
fn whole(args: &CheckArgs, answer: &Answer) -> String {
    let Answer { input, notes, sentence, .. } = answer;
    let note: String = notes.iter().map(|note| format!("\nNOTE: {note}\n")).collect();
    let Sentence { verdict, judgements, stats } = sentence;
    let mut text = format!("{input}\n{note}\n");
    text.push_str(&screen::closing(verdict, judgements, stats, None, &[]));
    for part in answer.linearization.iter().flatten() {
        text.push_str(&part.text);
    }
    if let (true, Verdict::Invalid { evidence }) = (args.explain, verdict) {
        text.push('\n');
        text.push_str(&screen::explanation(evidence));
    }
    text
}

/// Orders of operations with their words, one line each.
fn in_words(history: &History, found: &Linearization) -> Vec<PartWords> {
    let completions: FxHashMap<usize, usize> = pairing::operations(history)
        .into_iter()
        .filter_map(|op| Some((op.invoke_index(), op.complete_index()?)))
        .collect();
    let line = |&invoke: &usize| {
        let event = &history.events()[invoke];
        let complete = completions.get(&invoke).map(|&index| &history.events()[index]);
        let (kind, result) = complete.map_or(("open", Value::Nil), |c| (c.kind.as_str(), c.value));
        let show = |value| match value {
            Value::Nil => String::new(),
            value => format!(" {}", screen::harmless(&history.datum(value).to_string())),
        };
        let answer =
            if result == event.value { String::new() } else { format!(" ->{}", show(result)) };
        let f = screen::harmless(history.text(event.f));
        format!("  #{invoke} process {} {f}{}{answer} ({kind})\n", event.process, show(event.value))
    };
    let parts = found.parts.iter().map(|part| {
        let key =
            part.key.as_ref().map_or(String::new(), |k| format!(" of key {}", screen::harmless(k)));
        let lines: String = part.invokes.iter().map(line).collect();
        let text = format!("A linearization{key}, verified:\n{lines}");
        PartWords { key: part.key.clone(), invokes: part.invokes.clone(), text }
    });
    parts.collect()
}

/// A line for each of many inputs.
fn table(answers: &[&Answer]) -> String {
    let rows: Vec<[String; 4]> = answers
        .iter()
        .map(|Answer { input, notes, sentence, .. }| {
            let why = match &sentence.verdict {
                Verdict::Valid => String::new(),
                Verdict::Unknown { why } => screen::harmless(why),
                Verdict::Invalid { evidence } => screen::harmless(evidence.sentence()),
            };
            let note: String = notes.iter().map(|note| format!(" (NOTE: {note})")).collect();
            let operations = sentence.stats.functions.iter().map(|f| f.ok + f.fail + f.info).sum();
            [
                screen::harmless(input),
                sentence.verdict.word().to_owned(),
                u64::to_string(&operations),
                why + &note,
            ]
        })
        .collect();
    screen::listing(["history", "verdict", "operations", "why"], &rows)
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
    let loaded = history_file::load(&run.file("history.jsonl"), ReadAs::default())?;
    let damage = loaded.notes.into_iter().next();
    Ok(Stored { record, history: loaded.reading.history, damage })
}
