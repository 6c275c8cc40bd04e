//! One script per anomaly: a history that has it, and its twin that just does not.
//!
//! ```text
//!   p0: > append x 1, r y [] -> ok @1..3    a transaction of process 0, from second 1 to second 3
//!   p1: > w x 2, r y nil -> info @2..4      also fail; `@2..` never completes
//!   check list-append serializable          or rw-register with wfr, sequential, linearizable
//!   twin                                    the same without the anomaly: a new history
//! ```
//!
//! A file's name begins with the anomaly that its first history has and its second one lacks, and
//! the test holds it to that, so that nobody rewrites the output without noticing. Transactions
//! are called after the event that completes them. `UPDATE_GOLDENFILES=1` rewrites the output.

use checkers::budget::Budget;
use checkers::history::{Datum, Event, EventType, History, Process};
use checkers::transactions::lattice::{Model, Models};
use checkers::transactions::{self, Kind, Options, Sources};
use checkers::verdict::{AnomalyEvidence, Evidence, Verdict};
use goldenscript::{Argument, Command, Context};
use std::error::Error;
use std::fmt::Write;
use std::path::Path;

const SECOND_NS: u64 = 1_000_000_000;

#[test]
fn every_anomaly_is_named_in_its_history_and_not_in_the_twin() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts/transactions");
    let entries = std::fs::read_dir(folder).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() >= 25, "the scripts are there");
    for path in paths {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        println!("{name}");
        let mut scene = Scene::default();
        goldenscript::run(&mut scene, &path).unwrap();
        let anomaly = name.split('_').next().unwrap();
        let [found, twin] = &scene.checked[..] else { panic!("{name}: a history and its twin") };
        assert!(found.iter().any(|found| found == anomaly), "{name}: {found:?}");
        assert!(twin.iter().all(|found| found != anomaly), "{name}: {twin:?}");
    }
}

/// A transaction as a script gives it.
#[derive(Debug)]
struct Line {
    process: u32,
    invoked: serde_json::Value,
    completed: serde_json::Value,
    outcome: EventType,
    from_ns: u64,
    until_ns: Option<u64>,
}

#[derive(Debug, Default)]
struct Scene {
    lines: Vec<Line>,
    /// The anomalies that were named in the first history, and in its twin.
    checked: Vec<Vec<String>>,
}

impl goldenscript::Runner for Scene {
    type Command = Command;

    fn run(&mut self, command: &Command, context: &Context) -> Result<String, Box<dyn Error>> {
        if let Some(process) = &context.prefix {
            let number = process.strip_prefix('p').ok_or("expected p0, p1, ...")?;
            self.lines.push(line(number.parse()?, &command.name)?);
            return Ok(String::new());
        }
        let words: Vec<&str> = command.args.iter().filter_map(word).collect();
        match (command.name.as_str(), &words[..]) {
            ("check", [kind, model, sources @ ..]) => {
                assert!(!self.lines.is_empty(), "a history comes before its check");
                let (text, found) = check(&self.history(), kind, model, sources)?;
                self.checked.push(found);
                Ok(text)
            }
            ("twin", []) => {
                self.lines.clear();
                Ok(String::new())
            }
            _ => Err("expected a transaction, check or twin".into()),
        }
    }
}

fn word(argument: &Argument) -> Option<&str> {
    match argument {
        Argument::Positional(word) => Some(word),
        _ => None,
    }
}

impl Scene {
    /// The events of all transactions, in order of time; at one time, ends before beginnings.
    fn history(&self) -> History {
        let mut events: Vec<(u64, bool, &Line)> = Vec::new();
        for line in &self.lines {
            events.push((line.from_ns, true, line));
            events.extend(line.until_ns.map(|until_ns| (until_ns, false, line)));
        }
        events.sort_by_key(|(time_ns, begins, _)| (*time_ns, *begins));
        let mut history = History::new();
        let f = history.symbols.intern("txn");
        for (time_ns, begins, line) in events {
            let (kind, value) = match begins {
                true => (EventType::Invoke, &line.invoked),
                false => (line.outcome, &line.completed),
            };
            let value = history.compact(&Datum::from_json(value.clone()));
            let process = Process::client(line.process);
            let (key, node, error) = (None, None, None);
            history.push(Event { time_ns, value, process, f, key, node, error, kind });
        }
        history
    }
}

/// `append x 1, r y [] -> ok @1..3`.
fn line(process: u32, text: &str) -> Result<Line, Box<dyn Error>> {
    let (mops, rest) = text.split_once(" -> ").ok_or("expected -> and an outcome")?;
    let (outcome, times) = rest.split_once(" @").ok_or("expected an outcome and @1..3")?;
    let outcome = match outcome.trim() {
        "ok" => EventType::Ok,
        "fail" => EventType::Fail,
        "info" => EventType::Info,
        _ => return Err("expected ok, fail or info".into()),
    };
    let (from, until) = times.split_once("..").ok_or("expected @1..3")?;
    let ns = |text: &str| text.parse::<f64>().map(|seconds| (seconds * SECOND_NS as f64) as u64);
    let until_ns = if until.is_empty() { None } else { Some(ns(until)?) };
    let mops = mops.split(", ").map(mop).collect::<Result<Vec<_>, _>>()?;
    let (invoked, completed): (Vec<_>, Vec<_>) = mops.into_iter().unzip();
    let (invoked, completed) = (invoked.into(), completed.into());
    Ok(Line { process, invoked, completed, outcome, from_ns: ns(from)?, until_ns })
}

/// A micro-operation as it was invoked, and as it completed.
fn mop(text: &str) -> Result<(serde_json::Value, serde_json::Value), Box<dyn Error>> {
    let mut words = text.trim().splitn(3, ' ');
    let (f, key, value) = (words.next(), words.next(), words.next());
    let [f, key, value] = [f, key, value].map(|word| word.ok_or("expected append x 1, r x [1 2]"));
    let (f, key, value) = (f?, key?, value?);
    let key = key.parse::<i64>().map_or_else(|_| key.into(), serde_json::Value::from);
    let value = match value {
        "nil" => serde_json::Value::Null,
        value => serde_json::from_str(&value.replace(' ', ","))?,
    };
    let nothing = serde_json::Value::Null;
    let asked = if f == "r" { nothing } else { value.clone() };
    Ok(((vec![f.into(), key.clone(), asked]).into(), vec![f.into(), key, value].into()))
}

/// What the checker says, and the names of the anomalies.
fn check(
    history: &History,
    kind: &str,
    model: &str,
    sources: &[&str],
) -> Result<(String, Vec<String>), Box<dyn Error>> {
    let kind = match kind {
        "list-append" => Kind::ListAppend,
        "rw-register" => Kind::RwRegister,
        _ => return Err("expected list-append or rw-register".into()),
    };
    let model = Model::from_name(model).ok_or("no such model")?;
    let sources = Sources {
        writes_follow_reads: sources.contains(&"wfr"),
        sequential_keys: sources.contains(&"sequential"),
        linearizable_keys: sources.contains(&"linearizable"),
    };
    let models = Models::default().with(model);
    let options = Options { models, sources, ..Options::default() };
    let judgement = transactions::check("kv keeps it", history, kind, &options, &Budget::default());
    let mut text = format!("{}\n", judgement.verdict.word());
    let types = match &judgement.verdict {
        Verdict::Valid => {
            // Only how it is known: the other figures are the same everywhere.
            for (name, how) in &judgement.figures {
                if name.contains("proved") {
                    writeln!(text, "  {name}: {how}")?;
                }
            }
            Vec::new()
        }
        Verdict::Unknown { why } => {
            writeln!(text, "  {why}")?;
            Vec::new()
        }
        Verdict::Invalid { evidence } => {
            let Evidence::Anomalies(evidence) = evidence.as_ref() else {
                return Err("evidence of another kind".into());
            };
            anomalies(&mut text, evidence)?;
            evidence.types.clone()
        }
    };
    Ok((text, types))
}

fn anomalies(text: &mut String, evidence: &AnomalyEvidence) -> Result<(), Box<dyn Error>> {
    for (what, names) in [
        ("anomalies", &evidence.types),
        ("not", &evidence.not),
        ("also not", &evidence.also_not),
        ("may hold", &evidence.may_hold),
    ] {
        writeln!(text, "  {what}: {}", names.join(", "))?;
    }
    for found in &evidence.found {
        let is_edge = |edge: &checkers::verdict::EvidenceEdge| {
            found.ops.contains(&edge.from) && found.ops.contains(&edge.to)
        };
        assert!(found.edges.iter().all(is_edge), "{found:?}");
        assert!(
            !found.sentence.contains("has to come before T"),
            "an edge has no reason: {found:?}"
        );
        writeln!(text, "  {}: {}", found.name, found.sentence)?;
    }
    Ok(())
}
