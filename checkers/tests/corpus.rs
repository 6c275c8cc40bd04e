//! Recorded histories with known verdicts, from beside the repository or from the folder that
//! `TRIBUNAL_CORPUS` names; `skipped` where they are not.
//!
//! Their semantics differ from ours, so they are carried over here: Knossos' registers begin at 0,
//! and a nil read constrains nothing there; Porcupine's etcd logs let a failed cas observe another
//! value, which is dropped, so that only its valid logs bind us.

use checkers::budget::Budget;
use checkers::history::{Datum, Event, EventType, History, Process};
use checkers::linearizable::{self, Object, Semantics};
use checkers::verdict::Verdict;
use std::path::{Path, PathBuf};

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

#[derive(Default)]
struct Recorder {
    history: History,
}

impl Recorder {
    fn push(&mut self, process: u32, kind: &str, f: &str, value: &str) {
        let kind = match kind {
            "invoke" => EventType::Invoke,
            "ok" => EventType::Ok,
            "fail" => EventType::Fail,
            _ => EventType::Info,
        };
        let json = value.replace("nil", "null").replace(' ', ",");
        let datum = Datum::from_json_text(&json);
        let event = Event {
            time_ns: self.history.len() as u64,
            value: self.history.compact(&datum),
            process: Process::client(process),
            f: self.history.symbols.intern(f),
            key: None,
            node: None,
            error: None,
            kind,
        };
        self.history.push(event);
    }

    fn word(&self) -> &'static str {
        let budget = Budget::default();
        let judgement = linearizable::check(
            "",
            &self.history,
            Object::CasRegister,
            &Semantics::STRICT,
            &budget,
        );
        if let Verdict::Invalid { evidence } = &judgement.verdict {
            println!("  {} operations: {}", evidence.len(), evidence.sentence());
            assert!(evidence.len() <= 12);
        }
        judgement.verdict.word()
    }
}

/// The value of a field of an EDN map on one line: a word, or a vector.
fn field<'a>(map: &'a str, name: &str) -> &'a str {
    let Some((_, rest)) = map.split_once(name) else { return "nil" };
    let rest = rest.trim_start();
    let end = if rest.starts_with('[') {
        rest.find(']').map_or(rest.len(), |at| at + 1)
    } else {
        rest.find([',', '}', ' ', '\n']).unwrap_or(rest.len())
    };
    rest[..end].trim_start_matches(':')
}

fn knossos(text: &str) -> Recorder {
    let mut recorder = Recorder::default();
    recorder.push(1_000_000, "invoke", "write", "0");
    recorder.push(1_000_000, "ok", "write", "0");
    for map in text.split('{').skip(1) {
        let [process, kind, f] = [":process ", ":type ", ":f "].map(|name| field(map, name));
        let value = field(map, ":value ");
        let Ok(process) = process.parse() else { continue };
        let free = kind == "ok" && f == "read" && value == "nil";
        recorder.push(process, if free { "fail" } else { kind }, f, value);
    }
    recorder
}

fn porcupine(text: &str) -> Recorder {
    let mut recorder = Recorder::default();
    for line in text.lines() {
        let Some((_, line)) = line.split_once(" - ") else { continue };
        let mut words = line.split_whitespace().map(|word| word.trim_start_matches(':'));
        let mut word = || words.next().unwrap_or_default();
        let (process, kind, f, from, to) = (word(), word(), word(), word(), word());
        let value = if from == "timed-out" { "nil".to_owned() } else { format!("{from} {to}") };
        let known = matches!(kind, "invoke" | "ok" | "fail" | "info");
        if let (Ok(process), true) = (process.parse(), known) {
            recorder.push(process, kind, f, value.trim_end());
        }
    }
    recorder
}

#[test]
fn knossos_cas_registers_are_judged_as_knossos_judges_them() {
    let Some(folder) = corpus("knossos") else { return };
    let mut judged = 0;
    for (path, model, expected) in verdicts(&folder) {
        if model.starts_with("cas-register") {
            println!("{}", path.display());
            let recorder = knossos(&std::fs::read_to_string(&path).unwrap());
            assert_eq!(recorder.word(), expected, "{}", path.display());
            judged += 1;
        }
    }
    assert!(judged > 50, "{judged} histories");
}

#[test]
fn porcupine_etcd_logs_that_are_valid_are_valid_here() {
    let Some(folder) = corpus("porcupine") else { return };
    let (mut valid, mut refuted) = (0, 0);
    for (path, model, expected) in verdicts(&folder) {
        if !model.starts_with("register+cas") {
            continue;
        }
        let word = porcupine(&std::fs::read_to_string(&path).unwrap()).word();
        match expected.as_str() {
            "valid" => {
                assert_eq!(word, "valid", "{}", path.display());
                valid += 1;
            }
            _ => refuted += usize::from(word == "invalid"),
        }
    }
    println!("{valid} valid, {refuted} refuted without the failed cas");
    assert!(valid > 10 && refuted > 10, "{valid} valid, {refuted} refuted");
}
