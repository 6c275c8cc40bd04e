//! Jepsen's own examples of its workload checkers, and elle-cli's recorded histories, judged by our
//! invariants: the folder beside the repository, or the one that `TRIBUNAL_CORPUS` names; `skipped`
//! where it is not.
//!
//! Where a verdict differs from the expected one it is listed in [`DIFFERENT`] with the reason;
//! `docs/invariants.md` says the same of each invariant.

use checkers::history::History;
use checkers::history::import::{self, Format, ImportOptions};
use checkers::invariants::{self, Invariant, Options};
use checkers::verdict::Judgement;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Case, our verdict, why it is not the expected one.
const DIFFERENT: &[(&str, &str, &str)] = &[
    ("unique-ids-empty", "unknown", "no id was given: nothing was tested"),
    ("counter-empty", "unknown", "no read was answered: nothing was tested"),
    ("pn-counter-empty", "unknown", "no read was answered: nothing was tested"),
    ("total-queue-empty", "unknown", "nothing was enqueued: nothing was tested"),
    ("counter.edn", "unknown", "574 events without a single read"),
    ("counter.json", "unknown", "574 events without a single read"),
    ("comments.edn", "invalid", "430 is read and 425 is not, which was complete before it began"),
];

/// Figures of Jepsen's that ours has under these names: what lies in the list, or its count.
const FIGURES: &[(&str, &str, &str)] = &[
    ("set", "lost", "lost"),
    ("set", "unexpected", "unexpected"),
    ("set", "attempt_count", "attempted"),
    ("set", "acknowledged_count", "acknowledged"),
    ("unique-ids", "attempted", "attempted"),
    ("unique-ids", "acknowledged", "acknowledged"),
    ("set-full", "lost", "lost"),
    ("set-full", "stale", "stale"),
    ("set-full", "never_read", "never read"),
    ("set-full", "stable_count", "stable"),
    ("counter", "errors", "out-of-bounds"),
    ("long-fork", "forks", "forked"),
    ("long-fork", "reads_count", "reads"),
];

fn corpus() -> PathBuf {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus");
    std::env::var_os("TRIBUNAL_CORPUS").map_or_else(beside, PathBuf::from)
}

/// The invariant of a checker's name, and what it wants to know.
fn invariant(checker: &str, group_size: Option<u32>) -> Option<(Invariant, Options)> {
    let options = Options { group_size, ..Options::default() };
    match checker {
        "pn-counter" => Some((Invariant::Counter, Options { final_reads_only: true, ..options })),
        "comments" => Some((Invariant::CausalReverse, options)),
        name => Some((Invariant::from_name(name)?, options)),
    }
}

/// Events of unit tests as a run would have recorded them: a completion without an invocation gets
/// one right before it, and a process that lost track of an operation goes on under a new number.
fn recorded(events: &[Value]) -> Vec<Value> {
    const CLIENTS: u64 = 1000;
    let mut open = BTreeSet::new();
    let mut lost: BTreeMap<u64, u64> = BTreeMap::new();
    let mut recorded = Vec::new();
    for event in events {
        let mut event: Map<String, Value> = event.as_object().expect("a map").clone();
        let client = event["process"].as_u64().expect("a number");
        let times = lost.entry(client).or_default();
        event["process"] = (client + *times * CLIENTS).into();
        event.remove("index");
        if event["type"] == "invoke" {
            open.insert(client);
        } else {
            if !open.remove(&client) {
                let mut invoke = event.clone();
                invoke["type"] = "invoke".into();
                recorded.push(Value::Object(invoke));
            }
            *times += u64::from(event["type"] == "info");
        }
        recorded.push(Value::Object(event));
    }
    recorded
}

fn read(bytes: &[u8], name: &str, format: Format) -> History {
    let reading = import::read(bytes, name, format, ImportOptions::default());
    reading.unwrap_or_else(|error| panic!("{error}")).history
}

/// Whether the verdict is the expected one, or the one that is listed as different.
fn agrees(id: &str, expected: &str, judgement: &Judgement) -> Result<(), String> {
    let word = judgement.verdict.word();
    let listed = DIFFERENT.iter().find(|(known, ..)| *known == id);
    match listed {
        Some((_, ours, _)) if word == *ours && word != expected => Ok(()),
        None if word == expected => Ok(()),
        _ => Err(format!("{id}: expected {expected}, found {judgement:#?}")),
    }
}

#[test]
fn jepsens_own_examples_are_judged_as_jepsen_does_or_better() {
    let path = corpus().join("jepsen/jepsen-checkers.jsonl");
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("skipped: {} is not there", path.display());
        return;
    };
    let mut wrong = Vec::new();
    let mut judged = 0;
    for line in text.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let id = case["id"].as_str().unwrap();
        let checker = case["checker"].as_str().unwrap();
        let group_size = case["opts"]["group_size"].as_u64().map(|size| size as u32);
        let Some((invariant, options)) = invariant(checker, group_size) else {
            println!("{id}: {checker} is no invariant");
            continue;
        };
        let events = recorded(case["history"].as_array().unwrap());
        let history = if events.is_empty() {
            History::new()
        } else {
            read(Value::Array(events).to_string().as_bytes(), id, Format::Json)
        };
        let judgement = invariants::check(checker, &history, invariant, &options);
        judged += 1;
        let expected = match &case["expect"]["valid"] {
            Value::Bool(true) => "valid",
            Value::Bool(false) => "invalid",
            _ => "unknown",
        };
        wrong.extend(agrees(id, expected, &judgement).err());
        wrong.extend(figures(id, checker, &case["expect"], &judgement));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(judged >= 35, "{judged} cases");
}

fn figures(id: &str, checker: &str, expect: &Value, judgement: &Judgement) -> Vec<String> {
    let mut wrong = Vec::new();
    for (_, theirs, ours) in FIGURES.iter().filter(|(of, ..)| *of == checker) {
        let expected = match &expect[*theirs] {
            Value::Null => continue,
            Value::Array(list) => list.len().to_string(),
            number => number.to_string(),
        };
        let found = judgement.figures.iter().find(|(name, _)| name == ours);
        let found = found.map_or("0", |(_, figure)| figure);
        if found != expected {
            wrong.push(format!("{id}: expected {expected} {ours}, found {found}"));
        }
    }
    wrong
}

#[test]
fn elle_clis_recorded_histories_are_judged_as_elle_cli_does_or_better() {
    let folder = corpus().join("elle-cli");
    let Ok(table) = std::fs::read_to_string(folder.join("verdicts.tsv")) else {
        println!("skipped: {} is not there", folder.display());
        return;
    };
    let mut wrong = Vec::new();
    let mut judged = 0;
    for row in table.lines().skip(1) {
        let columns: Vec<&str> = row.split('\t').collect();
        let (path, model, expected) = (folder.join(columns[0]), columns[1], columns[2]);
        let mut words = model.split_whitespace();
        let checker = words.next().unwrap();
        let group_size = words.nth(1).and_then(|size| size.parse().ok());
        let Some((invariant, options)) = invariant(checker, group_size) else { continue };
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let Ok(bytes) = std::fs::read(&path) else {
            println!("{name}: not there");
            continue;
        };
        let format = import::detect(&bytes).unwrap_or_else(|| panic!("{name}: which format?"));
        let history = read(&bytes, &name, format);
        let judgement = invariants::check(model, &history, invariant, &options);
        judged += 1;
        wrong.extend(agrees(&name, expected, &judgement).err());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(judged >= 12, "{judged} histories");
}
