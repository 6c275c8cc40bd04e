//! Recorded histories with known verdicts, from beside the repository or from the folder that
//! `TRIBUNAL_CORPUS` names; `skipped` where they are not.
//!
//! Every verdict is held against ours in the semantics in which it was given, and every evidence
//! against a brute force of its own.

#[path = "support/oracle.rs"]
mod oracle;

use checkers::budget::Budget;
use checkers::history::import::{self, Format, ImportOptions};
use checkers::history::{Datum, Event, EventType, History, Process};
use checkers::linearizable::semantics::NilRead;
use checkers::linearizable::{self, Object, Semantics};
use checkers::verdict::{Evidence, Verdict};
use std::path::{Path, PathBuf};

/// Evidence longer than this does not convince a person.
const EVIDENCE_OPS_MAX: usize = 12;

fn corpus(name: &str) -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus");
    let folder = std::env::var_os("TRIBUNAL_CORPUS").map_or_else(beside, PathBuf::from).join(name);
    if !folder.exists() {
        println!("skipped: {} is not there", folder.display());
        return None;
    }
    Some(folder)
}

/// The path, the model and the verdict of every line.
fn verdicts(folder: &Path) -> Vec<(PathBuf, String, String)> {
    let text = std::fs::read_to_string(folder.join("verdicts.tsv")).expect("the verdicts");
    let rows = text.lines().skip(1).map(|line| {
        let mut cells = line.split('\t');
        let mut cell = || cells.next().unwrap_or_default().to_owned();
        (folder.join(cell()), cell(), cell())
    });
    rows.collect()
}

fn load(path: &Path, format: Format) -> History {
    let bytes = std::fs::read(path).expect("a file of the corpus");
    assert_eq!(import::detect(&bytes[..bytes.len().min(4096)]), Some(format), "{path:?}");
    let options = ImportOptions::default();
    match import::read(&*bytes, &path.display().to_string(), format, options) {
        Ok(reading) => reading.history,
        Err(error) => panic!("{error}"),
    }
}

/// Judges, and has the evidence confirmed.
fn agrees(name: &str, history: &History, object: Object, semantics: &Semantics, expected: &str) {
    let budget = Budget::default();
    let judgement = linearizable::check("", history, object, semantics, &budget);
    assert_eq!(judgement.verdict.word(), expected, "{name}: {:?}", judgement.verdict);
    if let Verdict::Invalid { evidence } = &judgement.verdict {
        let Evidence::Order(evidence) = &**evidence else { panic!("evidence is operations") };
        println!("{name}: {} operations: {}", evidence.ops.len(), evidence.sentence);
        assert!((1..=EVIDENCE_OPS_MAX).contains(&evidence.ops.len()), "{name}: {evidence:?}");
        assert!(oracle::confirms(history, object, evidence), "{name}: {evidence:#?}");
    }
}

#[test]
fn knossos_files_are_judged_as_knossos_judges_them() {
    let Some(folder) = corpus("knossos") else { return };
    let mut judged = 0;
    for (path, model, expected) in verdicts(&folder).into_iter().filter(|(path, ..)| path.exists())
    {
        let object = match model.split(['(', ' ']).next() {
            Some("cas-register") => Object::CasRegister,
            Some("mutex") => Object::Mutex,
            _ => panic!("{}: the model {model} is not known", path.display()),
        };
        let semantics = Semantics { initial: Datum::Int(0), ..Semantics::JEPSEN };
        let history = load(&path, Format::Edn);
        agrees(&path.display().to_string(), &history, object, &semantics, &expected);
        judged += 1;
    }
    assert!(judged > 60, "{judged} histories");
}

#[test]
fn porcupine_logs_are_judged_as_porcupine_judges_them() {
    let Some(folder) = corpus("porcupine") else { return };
    let mut judged = 0;
    for (path, model, expected) in verdicts(&folder) {
        let empty = Datum::Json(Box::new("".into()));
        let (format, object, semantics) = match model.starts_with("kv") {
            true => {
                let semantics = Semantics { initial: empty, ..Semantics::PORCUPINE };
                (Format::Edn, Object::Kv, semantics)
            }
            false => (Format::JepsenLog, Object::CasRegister, Semantics::PORCUPINE),
        };
        let history = load(&path, format);
        agrees(&path.display().to_string(), &history, object, &semantics, &expected);
        judged += 1;
    }
    assert!(judged > 55, "{judged} histories");
}

#[test]
fn elle_cli_files_of_registers_locks_and_sets_are_judged_as_elle_cli_judges_them() {
    let Some(folder) = corpus("elle-cli") else { return };
    let mut judged = 0;
    for (path, model, expected) in verdicts(&folder).into_iter().filter(|(path, ..)| path.exists())
    {
        let object = match model.as_str() {
            "cas-register" => Object::CasRegister,
            "mutex" => Object::Mutex,
            "set" | "set-full" => Object::Set,
            "counter" => Object::Counter,
            // Transactions and workloads of their own.
            _ => continue,
        };
        let json = path.extension().is_some_and(|extension| extension == "json");
        let history = load(&path, if json { Format::Json } else { Format::Edn });
        let name = path.display().to_string();
        agrees(&name, &history, object, &Semantics::JEPSEN, &expected);
        judged += 1;
    }
    assert!(judged >= 14, "{judged} histories");
}

/// Histories of unit tests: completions that nobody invoked, and processes that go on after an
/// `info`. Both are mended here as their authors meant them, since a history file may have neither.
fn unit_test_history(events: &[serde_json::Value]) -> History {
    let mut history = History::new();
    let mut numbers: std::collections::BTreeMap<i64, u32> = Default::default();
    let mut open = std::collections::BTreeSet::new();
    let mut fresh = 1_000;
    let mut push = |process, kind, f: &str, value: &serde_json::Value| {
        let datum = Datum::from_json(value.clone());
        let event = Event {
            time_ns: history.len() as u64,
            value: history.compact(&datum),
            process: Process::client(process),
            f: history.symbols.intern(f),
            key: None,
            node: None,
            error: None,
            kind,
        };
        history.push(event);
    };
    for event in events {
        let number = event["process"].as_i64().expect("a number");
        let process = *numbers.entry(number).or_insert(number as u32);
        let (f, value) = (event["f"].as_str().expect("a function"), &event["value"]);
        let kind = serde_json::from_value(event["type"].clone()).expect("a type");
        if kind == EventType::Invoke {
            open.insert(process);
        } else if !open.remove(&process) {
            push(process, EventType::Invoke, f, value);
        }
        push(process, kind, f, value);
        if kind == EventType::Info {
            fresh += 1;
            numbers.insert(number, fresh);
        }
    }
    history
}

#[test]
fn jepsen_unit_tests_of_objects_are_judged_as_jepsen_judges_them() {
    let Some(folder) = corpus("jepsen") else { return };
    let text = std::fs::read_to_string(folder.join("jepsen-checkers.jsonl")).expect("the cases");
    let mut judged = 0;
    for line in text.lines() {
        let case: serde_json::Value = serde_json::from_str(line).expect("a case");
        let name = case["id"].as_str().expect("a name");
        let (object, semantics) = match case["checker"].as_str().expect("a checker") {
            "linearizable" => {
                let initial = Datum::from_json(case["opts"]["init"].clone());
                (Object::Register, Semantics { initial, ..Semantics::JEPSEN })
            }
            "queue" => (Object::UnorderedQueue, Semantics::JEPSEN),
            "counter" => (Object::Counter, Semantics::JEPSEN),
            "set" | "set-full" => (Object::Set, Semantics::JEPSEN),
            _ => continue,
        };
        let Some(valid) = case["expect"]["valid"].as_bool() else {
            println!("{name}: that an element was never confirmed is no matter of linearizability");
            continue;
        };
        let events = case["history"].as_array().expect("events");
        if events.is_empty() {
            continue;
        }
        let history = unit_test_history(events);
        let expected = if valid { "valid" } else { "invalid" };
        agrees(name, &history, object, &semantics, expected);
        judged += 1;
    }
    assert!(judged >= 20, "{judged} histories");
}

/// The semantics that the two tools differ in do make a difference on these very files.
#[test]
fn a_strict_nil_makes_histories_illegal_that_knossos_takes() {
    let Some(folder) = corpus("knossos") else { return };
    let strict =
        Semantics { initial: Datum::Int(0), nil_read: NilRead::Found, ..Semantics::JEPSEN };
    let illegal = verdicts(&folder)
        .into_iter()
        .filter(|(_, model, expected)| model.starts_with("cas-register") && expected == "valid")
        .filter(|(path, ..)| {
            let history = load(path, Format::Edn);
            let budget = Budget::default();
            let judgement =
                linearizable::check("", &history, Object::CasRegister, &strict, &budget);
            judgement.verdict.word() == "invalid"
        })
        .count();
    assert!(illegal > 30, "{illegal} of them are illegal when a nil read found nil");
}
