//! One script per anomaly: a history that has it, and its twin that just does not.
//!
//! ```text
//!   p0: > append x 1, r y [] -> ok @1..3    a transaction of process 0, from second 1 to second 3
//!   p1: > w x 2, r y nil -> info @2..4      also fail; `info @2..` never completes
//!   check list-append serializable          or rw-register with wfr, sequential, linearizable
//!   twin                                    the same without the anomaly: a new history
//! ```
//!
//! A file's name begins with the anomaly that its first history has and its second one lacks, and
//! the test holds it to that, so that nobody rewrites the output without noticing. Transactions
//! are called after the event that completes them. The page `docs/anomalies.md` is made of the
//! definitions and the scripts, so that it cannot say anything else than the checker does.
//! `UPDATE_GOLDENFILES=1` rewrites both.

use checkers::budget::Budget;
use checkers::history::{Datum, Event, EventType, History, Process};
use checkers::transactions::lattice::{self, Anomalies, Anomaly, Model, Models};
use checkers::transactions::{self, Kind, Options, Sources, explain};
use checkers::verdict::{AnomalyEvidence, Evidence, Verdict};
use goldenscript::{Argument, Command, Context};
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// As many models are no longer listed.
const MODELS_MAX: usize = 9;

const SECOND_NS: u64 = 1_000_000_000;

/// The scripts by the anomaly that they are about.
fn scripts() -> BTreeMap<Anomaly, (PathBuf, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts/transactions");
    let mut scripts = BTreeMap::new();
    for entry in std::fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("it can be listed").path();
        let file = path.file_name().expect("a file has a name").to_string_lossy().into_owned();
        let (name, what) = file.split_once('_').expect("an anomaly's name and a sentence");
        let anomaly = Anomaly::from_name(name).unwrap_or_else(|| panic!("no anomaly {name}"));
        let what = what.replace('_', " ");
        assert!(scripts.insert(anomaly, (path, what)).is_none(), "{name} has one script");
    }
    assert!(scripts.len() >= 30, "the scripts are there");
    scripts
}

#[test]
fn every_anomaly_is_named_in_its_history_and_not_in_the_twin_and_documented() {
    let mut wrong = Vec::new();
    let mut page = DOCS_BEGIN.to_owned();
    let scripts = scripts();
    for (anomaly, (path, what)) in &scripts {
        println!("{}", path.display());
        let mut scene = Scene::default();
        goldenscript::run(&mut scene, path).unwrap();
        let [found, twin] = &scene.checked[..] else { panic!("a history and its twin") };
        let names = [found, twin].map(|checked| checked.types.clone());
        let has = names.each_ref().map(|names| names.iter().any(|name| name == anomaly.name()));
        if has == [true, false] {
            section(&mut page, *anomaly, what, &std::fs::read_to_string(path).unwrap(), found);
        } else {
            wrong.push(format!("{}: {names:?}", anomaly.name()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    others(&mut page, &scripts);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/anomalies.md");
    if std::env::var_os("UPDATE_GOLDENFILES").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap();
    assert!(written == page, "docs/anomalies.md is outdated: UPDATE_GOLDENFILES=1 makes it anew");
}

const DOCS_BEGIN: &str = "\
# Anomalies

What can go wrong between transactions, by the names that the checkers give it. Each section has the
definition and its source, the smallest history that has the anomaly, the weakest consistency models
that it breaks, and the sentence that explains it. All of it is made from the scripts in
`checkers/tests/scripts/transactions`, where each history stands beside a twin that just does not
have the anomaly.

A line of a history is a transaction: `p0: append x 1, r y [] -> ok @1..3` was done by process 0
from second 1 to second 3. In sentences, a transaction is called after the event that completed it:
`T5` is the one that was completed by event 5 of the history.

Edges between transactions are called `ww` (the first wrote what the second overwrote), `wr` (the
first wrote what the second read), `rw` (the first read what the second overwrote, an
*anti-dependency*), `process` (one process did both in this order) and `realtime` (the first
completed before the second began).

";

const DOCS_OTHERS: &str = "\
## Others

Classes that hold several of the above, forms with predicates, and what is said when a component is
too large for a single cycle to be drawn out of it.

| anomaly | what it is | weakest models broken | source |
|---|---|---|---|
";

/// Anomalies without a script.
fn others(page: &mut String, scripts: &BTreeMap<Anomaly, (PathBuf, String)>) {
    page.push_str(DOCS_OTHERS);
    for anomaly in Anomaly::ALL.iter().filter(|anomaly| !scripts.contains_key(anomaly)) {
        let said = explain::definition(anomaly.name()).expect("every anomaly has a definition");
        let (sentence, models) = (said.sentence, direct(*anomaly));
        writeln!(page, "| {} | {sentence} | {models} | {} |", anomaly.name(), said.source)
            .expect("text takes everything");
    }
}

/// The weakest models that an anomaly breaks.
fn direct(anomaly: Anomaly) -> String {
    let not = lattice::boundary(Anomalies::default().with(anomaly)).not;
    let names: Vec<String> = not.iter().map(|model| format!("`{}`", model.name())).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

fn section(page: &mut String, anomaly: Anomaly, what: &str, script: &str, checked: &Checked) {
    let said = explain::definition(anomaly.name()).expect("every anomaly has a definition");
    let (found, _) = script.split_once("\n---\n").expect("a script has an output");
    let (comments, commands): (Vec<&str>, Vec<&str>) =
        found.lines().partition(|line| line.starts_with('#'));
    let story: Vec<&str> = comments.iter().map(|line| line.trim_start_matches("# ")).collect();
    let history = commands.iter().map(|line| line.replacen("> ", "", 1));
    let history = history.collect::<Vec<_>>().join("\n");
    let sentence = checked.sentences.iter().find(|(name, _)| name == anomaly.name());
    let sentence = sentence.or(checked.sentences.first()).expect("an anomaly has a sentence");
    writeln!(page, "## {}: {what}\n", anomaly.name()).expect("text takes everything");
    let general = format!("*In general: {}* ({}).", said.sentence, said.source);
    writeln!(page, "{}\n", wrapped("", &general)).expect("text takes everything");
    writeln!(page, "{}\n", story.join("\n")).expect("text takes everything");
    writeln!(page, "```text\n{history}\n```\n").expect("text takes everything");
    writeln!(page, "Breaks, by itself: {}. The checker says:\n", direct(anomaly))
        .expect("text takes everything");
    let says = format!("{}: {}", sentence.0, sentence.1);
    writeln!(page, "{}\n", wrapped("> ", &says)).expect("text takes everything");
}

/// Lines of at most a hundred characters.
fn wrapped(prefix: &str, text: &str) -> String {
    let mut lines = vec![prefix.to_owned()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("there is a first line");
        if line.len() > prefix.len() && line.len() + 1 + word.len() > 100 {
            lines.push(format!("{prefix}{word}"));
        } else {
            line.push_str(if line.len() > prefix.len() { " " } else { "" });
            line.push_str(word);
        }
    }
    lines.join("\n")
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

/// What a check said, beside its text.
#[derive(Debug, Default)]
struct Checked {
    types: Vec<String>,
    /// Each anomaly's name and sentence.
    sentences: Vec<(String, String)>,
}

#[derive(Debug, Default)]
struct Scene {
    lines: Vec<Line>,
    /// What was said of the first history, and of its twin.
    checked: Vec<Checked>,
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

/// What the checker says.
fn check(
    history: &History,
    kind: &str,
    model: &str,
    sources: &[&str],
) -> Result<(String, Checked), Box<dyn Error>> {
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
    let mut checked = Checked::default();
    match &judgement.verdict {
        Verdict::Valid => {
            // Only how it is known: the other figures are the same everywhere.
            for (name, how) in &judgement.figures {
                if name.contains("proved") {
                    writeln!(text, "  {name}: {how}")?;
                }
            }
        }
        Verdict::Unknown { why } => writeln!(text, "  {why}")?,
        Verdict::Invalid { evidence } => {
            let Evidence::Anomalies(evidence) = evidence.as_ref() else {
                return Err("evidence of another kind".into());
            };
            anomalies(&mut text, evidence)?;
            checked.types.clone_from(&evidence.types);
            let said = evidence.found.iter().map(|found| (&found.name, &found.sentence));
            checked.sentences = said.map(|(name, said)| (name.clone(), said.clone())).collect();
        }
    }
    Ok((text, checked))
}

fn anomalies(text: &mut String, evidence: &AnomalyEvidence) -> Result<(), Box<dyn Error>> {
    for (what, names) in [
        ("anomalies", &evidence.types),
        ("not", &evidence.not),
        ("also not", &evidence.also_not),
        ("may hold", &evidence.may_hold),
    ] {
        let names = match names.len() {
            0 => "none".to_owned(),
            // The list is the same in many scripts, and the lattice has tests of its own.
            many @ MODELS_MAX.. => format!("the {many} models that imply one of them"),
            _ => names.join(", "),
        };
        writeln!(text, "  {what}: {names}")?;
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
