//! One register, one thread: what each kind of history costs. Prints a table, medians of three, in
//! seconds of processor time.
//!
//! ```text
//!   cargo bench -p checkers --bench cells            all of it, some minutes
//!   cargo bench -p checkers --bench cells -- stale "50 clients"    the rows that say so
//! ```
//!
//! No client ever pauses: it invokes as soon as it got an answer, so as many operations are open as
//! there are clients. That is the hardest case for a search.
//!
//! A planted read answers what nobody was setting just then, as near to the middle as that is
//! illegal. Most of these are contradictions at sight; the survey behind the table asks for every
//! wrong answer of some reads, and counts who decided, legal or not, and what the slowest took.

use checkers::budget::Budget;
use checkers::history::import::{self, Format, ImportOptions};
use checkers::history::{Event, EventType, History, Process, Value};
use checkers::linearizable::{self, Live, Object, Semantics};
use checkers::verdict::{Judgement, Verdict};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

const ROUNDS: usize = 3;

/// The kernel counts processor time in ticks: what takes less is given in wall-clock time.
const CPU_SECONDS_MIN: f64 = 0.05;

#[path = "cells/simulate.rs"]
mod simulate;
use simulate::{Call, Plant, Shape, simulate};

fn main() {
    // One thread: the figures are per core.
    rayon::ThreadPoolBuilder::new().num_threads(1).build_global().expect("it is the first pool");
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    println!(
        "| history | info | clients | operations | seconds | verdict | engine | configurations |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for (name, shape) in rows() {
        let Shape { clients, infos, operations, .. } = shape;
        let label = format!("{name}; {infos} info, {clients} clients, {operations} operations");
        if wanted.iter().all(|word| label.contains(word.as_str())) {
            row(name, &shape);
        }
    }
    if wanted.iter().all(|word| "survey".contains(word.as_str())) {
        let cas = Shape {
            operations: 10_000,
            clients: 20,
            infos: 0,
            values: 5,
            cas: true,
            plant: Plant::Stale,
        };
        survey(&cas, 50, false);
        survey(&cas, 50, true);
        survey(&Shape { infos: 10, ..cas }, 50, false);
        survey(&Shape { infos: 10, ..cas }, 50, true);
        survey(&Shape { operations: 100_000, ..cas }, 25, true);
        survey(&Shape { clients: 50, ..cas }, 6, true);
    }
    if wanted.iter().all(|word| "porcupine".contains(word.as_str())) {
        porcupine();
    }
    if wanted.iter().all(|word| "stream".contains(word.as_str())) {
        stream(false);
        stream(true);
    }
}

/// A million operations one event at a time; `lies`: from operation 1 000 on some reads find what
/// was overwritten.
fn stream(lies: bool) {
    let shape = Shape {
        operations: 1_000_000,
        clients: 50,
        infos: 0,
        values: 0,
        cas: false,
        plant: Plant::None,
    };
    let mut calls = simulate(&shape, 1);
    let mut stale = Value::Nil;
    for (at, call) in calls.iter_mut().enumerate().filter(|_| lies) {
        if at < 1_000 && call.is_answered_read() {
            stale = call.value;
        } else if at >= 2_000 && at % 50 == 0 && call.is_answered_read() {
            call.value = stale;
        }
    }
    let history = history(&calls);
    let mut live = Live::new(&Object::CasRegister, &Semantics::STRICT, 1 << 30);
    let (mut bytes_max, start) = (0, Instant::now());
    for (index, event) in history.events().iter().enumerate() {
        let violation = live.event(index, event, &history.symbols);
        bytes_max = bytes_max.max(live.bytes());
        if violation.is_some() {
            return println!("stream: stale from event 2 000 on, reported at event {index}");
        }
    }
    let (ending, seconds) = (live.finish(), start.elapsed().as_secs_f64());
    let kilobytes = bytes_max as f64 / 1e3;
    println!("stream: 1 000 000 operations: {seconds:.2} s, {kilobytes:.0} kB, {ending:?}");
}

/// Every wrong answer of some reads around the middle, whether illegal or not: what decides them,
/// and how long the slowest took. `short`: the read is invoked right before its answer.
fn survey(shape: &Shape, reads: usize, short: bool) {
    let calls = simulate(shape, 1);
    let middle = (calls.len() / 2..calls.len()).filter(|&at| calls[at].is_answered_read());
    let mut found: BTreeMap<String, (usize, f64)> = BTreeMap::new();
    for at in middle.take(reads) {
        for value in (0..shape.values as i64).map(Value::Int).filter(|v| *v != calls[at].value) {
            let history = history(&with_answer(&calls, at, value, short));
            let start = Instant::now();
            let judgement = judge(&history, &Semantics::STRICT);
            let seconds = start.elapsed().as_secs_f64();
            let by = judgement.figures.iter().find(|f| f.0 == "decided by");
            let name = format!("{} by {}", judgement.verdict.word(), by.map_or("", |f| &f.1));
            let (count, slowest) = found.entry(name).or_default();
            (*count, *slowest) = (*count + 1, slowest.max(seconds));
        }
    }
    let Shape { clients, infos, operations, .. } = shape;
    println!("survey: {operations} operations, {clients} clients, {infos} info, short {short}");
    for (name, (count, slowest)) in found {
        println!("  {count} {name}, at most {slowest:.3} s");
    }
}

/// The history in which this read answers something else.
fn with_answer(calls: &[Call], at: usize, value: Value, short: bool) -> Vec<Call> {
    let mut calls = calls.to_vec();
    calls[at].value = value;
    if short {
        let invoke = calls[..at].iter().rposition(|call| call.process == calls[at].process);
        calls[invoke.expect("it was invoked")..at].rotate_left(1);
    }
    calls
}

/// The etcd logs of the corpus, where they are: all of them, and the slowest.
fn porcupine() {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus");
    let corpus = std::env::var_os("TRIBUNAL_CORPUS").map_or_else(beside, PathBuf::from);
    let Ok(folder) = std::fs::read_dir(corpus.join("porcupine/jepsen")) else { return };
    let mut logs: Vec<PathBuf> = folder.flatten().map(|entry| entry.path()).collect();
    logs.sort();
    let mut costs: Vec<(f64, PathBuf)> = Vec::new();
    for log in logs {
        let bytes = std::fs::read(&log).expect("a file of the corpus");
        let name = log.display().to_string();
        let options = ImportOptions::default();
        let history = import::read(&*bytes, &name, Format::JepsenLog, options)
            .expect("a history of the corpus")
            .history;
        let (seconds, _) = median(|| judge(&history, &Semantics::PORCUPINE));
        costs.push((seconds, log));
    }
    costs.sort_by(|a, b| b.0.total_cmp(&a.0));
    let sum: f64 = costs.iter().map(|cost| cost.0).sum();
    println!("{} etcd logs: {sum:.3} s in sum; the slowest:", costs.len());
    for (seconds, log) in costs.iter().take(5) {
        println!("{seconds:.3} s {}", log.file_name().unwrap_or_default().display());
    }
    let bad = corpus.join("porcupine/kv/c50-bad.txt");
    let bytes = std::fs::read(&bad).expect("a file of the corpus");
    let name = bad.display().to_string();
    let history = import::read(&*bytes, &name, Format::Edn, ImportOptions::default())
        .expect("a history of the corpus")
        .history;
    let semantics = Semantics::PORCUPINE;
    let (seconds, judgement) =
        median(|| linearizable::check("", &history, Object::Kv, &semantics, &Budget::default()));
    println!("c50-bad: {} in {seconds:.3} s, with evidence", judgement.verdict.word());
}

/// The rows of the table.
fn rows() -> Vec<(&'static str, Shape)> {
    let rw =
        Shape { operations: 0, clients: 0, infos: 0, values: 5, cas: false, plant: Plant::None };
    let cas = Shape { cas: true, ..rw };
    let mut rows = Vec::new();
    let mut add = |name, shape: Shape, infos: &[usize], clients: &[usize], operations: &[usize]| {
        for (&infos, &clients) in infos.iter().flat_map(|i| clients.iter().map(move |c| (i, c))) {
            let of = |&operations: &usize| (name, Shape { infos, clients, operations, ..shape });
            rows.extend(operations.iter().map(of));
        }
    };
    let all = [10_000, 100_000, 1_000_000];
    let unique = Shape { values: 0, ..rw };
    add("unique, r/w", unique, &[0], &[5, 10, 20, 50], &all);
    add("unique, r/w", unique, &[10, 50], &[50], &all);
    add("unique, r/w/cas", Shape { cas: true, ..unique }, &[0, 10], &[20], &all);
    add("unique, r/w", unique, &[0, 10, 50], &[50], &[10_000_000]);
    add("unique, r/w/cas", Shape { cas: true, ..unique }, &[0, 10, 50], &[50], &[10_000_000]);
    add("unique, r/w/cas", Shape { cas: true, ..unique }, &[0, 10, 50], &[50], &[1_000_000]);
    let stale = |shape: Shape| Shape { plant: Plant::Stale, ..shape };
    add("unique, r/w, stale", stale(unique), &[0], &[10], &all[..2]);
    add("5 values, r/w", rw, &[0, 10, 50], &[20], &all);
    add("5 values, r/w/cas", cas, &[0, 10], &[5, 10, 20], &all);
    add("5 values, r/w/cas", cas, &[10, 50], &[5, 10], &all);
    add("5 values, r/w/cas", cas, &[0], &[50], &all[..1]);
    add("5 values, r/w/cas, phantom", Shape { plant: Plant::Phantom, ..cas }, &[10], &[20], &all);
    add("5 values, r/w/cas, stale", stale(cas), &[0, 10], &[5, 20], &all[..2]);
    add("5 values, r/w/cas, stale", stale(cas), &[0], &[50], &all[..1]);
    add("5 values, r/w, stale", stale(rw), &[0, 10], &[20], &all[..2]);
    let many = Shape { plant: Plant::Many, ..cas };
    add("5 values, r/w/cas, many stale", many, &[0, 10], &[20], &all[..2]);
    rows
}

fn row(name: &str, shape: &Shape) {
    let calls = simulate(shape, 1);
    let history = match shape.plant {
        Plant::None | Plant::Many => Some(history(&calls)),
        Plant::Stale | Plant::Phantom => planted(shape, &calls),
    };
    let Some(history) = history else {
        return println!("| {name} | no wrong answer that was tried is illegal |");
    };
    let (seconds, judgement) = median(|| judge(&history, &Semantics::STRICT));
    let figure =
        |name: &str| judgement.figures.iter().find(|f| f.0 == name).map_or("", |f| f.1.as_str());
    println!(
        "| {name} | {} | {} | {} | {:.3} | {} | {} | {} |",
        shape.infos,
        shape.clients,
        shape.operations,
        seconds,
        judgement.verdict.word(),
        figure("decided by"),
        figure("configurations explored"),
    );
}

/// The median cost, and what comes out.
fn median(judge: impl Fn() -> Judgement) -> (f64, Judgement) {
    let mut rounds: Vec<(f64, Judgement)> = (0..ROUNDS)
        .map(|_| {
            let (start, cpu_start) = (Instant::now(), cpu_seconds());
            let judgement = judge();
            let (wall, cpu) = (start.elapsed().as_secs_f64(), cpu_seconds() - cpu_start);
            (if cpu < CPU_SECONDS_MIN { wall } else { cpu }, judgement)
        })
        .collect();
    rounds.sort_by(|a, b| a.0.total_cmp(&b.0));
    rounds.swap_remove(ROUNDS / 2)
}

fn judge(history: &History, semantics: &Semantics) -> Judgement {
    linearizable::check("", history, Object::CasRegister, semantics, &Budget::default())
}

/// The processor time of all threads so far: other programs may be running.
fn cpu_seconds() -> f64 {
    let tasks = std::fs::read_dir("/proc/self/task").expect("this is Linux");
    let of = |task: std::fs::DirEntry| {
        let text = std::fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
        text.split(' ').next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or_default()
    };
    tasks.flatten().map(of).sum::<f64>() / 1e9
}

/// In a history of so many events every read is tried, in one twice as long every second one.
const EVENTS_PER_STEP: usize = 20_000;

/// The history with the first bug that makes it illegal, if one does.
fn planted(shape: &Shape, calls: &[Call]) -> Option<History> {
    let middle = calls.len() / 2;
    let mut reads: Vec<usize> =
        (0..calls.len()).filter(|&at| calls[at].is_answered_read()).collect();
    reads.sort_by_key(|&at| at.abs_diff(middle));
    let mut undecided = 0;
    for at in reads.into_iter().step_by(calls.len().div_ceil(EVENTS_PER_STEP)) {
        for value in simulate::wrong_values(shape, calls, at) {
            // The shorter a read, the fewer excuses it has.
            let history = history(&with_answer(calls, at, value, true));
            match judge(&history, &Semantics::STRICT).verdict {
                Verdict::Invalid { .. } => {
                    if undecided > 0 {
                        println!("{undecided} plantings undecided before this one");
                    }
                    return Some(history);
                }
                Verdict::Unknown { .. } => undecided += 1,
                Verdict::Valid => {}
            }
        }
    }
    None
}

/// The events of these calls.
fn history(calls: &[Call]) -> History {
    let mut history = History::new();
    let functions = ["read", "write", "cas"].map(|f| history.symbols.intern(f));
    for (time, call) in calls.iter().enumerate() {
        history.push(Event {
            time_ns: time as u64,
            value: call.value,
            process: Process::client(call.process),
            f: functions[call.function],
            key: None,
            node: None,
            error: None,
            kind: call.kind,
        });
    }
    history
}
