//! What judging a million operations by an invariant costs: medians of a few rounds, as a table.
//!
//! Twenty clients always have an operation open; every operation takes effect at one moment between
//! its invocation and its completion, so that every history is right. Sets are read whole a few
//! times, and at the end.
//!
//! `cargo bench -p checkers --bench invariants [NAME]`

#[path = "../tests/support/mod.rs"]
#[allow(dead_code, reason = "registers have a bench of their own")]
mod support;

use checkers::history::{Datum, Event, EventType, History, Process, Value};
use checkers::invariants::{self, Invariant, Options};
use std::fmt::Write as _;
use std::time::Instant;
use support::Random;

const OPERATIONS: usize = 1_000_000;

const CLIENTS: usize = 20;

const ROUNDS: usize = 3;

/// What is asked and answered.
trait Workload {
    /// The next operation of a client: function and argument as JSON text.
    fn ask(&mut self, random: &mut Random, text: &mut String) -> &'static str;

    /// It takes effect: the result as JSON text.
    fn answer(&mut self, f: &'static str, argument: Value, text: &mut String);

    /// Whether everything is read once more at the end.
    fn is_read_at_last(&self) -> bool {
        false
    }
}

/// Elements, values or entries that are listed whole, or as they were lately.
#[derive(Default)]
struct Listed {
    write: &'static str,
    list: Vec<i64>,
    asked: i64,
    /// A read in so many operations.
    read_every: usize,
    /// A read lists so many from the beginning.
    listed_max: usize,
    /// Only so many elements, again and again, if not zero.
    few: i64,
}

impl Workload for Listed {
    fn ask(&mut self, random: &mut Random, text: &mut String) -> &'static str {
        if random.below(self.read_every) == 0 {
            text.push_str("null");
            return "read";
        }
        self.asked += 1;
        put(text, if self.few > 0 { self.asked % self.few } else { self.asked });
        self.write
    }

    fn answer(&mut self, f: &'static str, argument: Value, text: &mut String) {
        if f == "read" {
            let end = self.list.len().min(self.listed_max);
            return list(text, &self.list[..end]);
        }
        if let Value::Int(element) = argument {
            if self.few == 0 || !self.list.contains(&element) {
                self.list.push(element);
            }
            put(text, element);
        }
    }

    fn is_read_at_last(&self) -> bool {
        true
    }
}

/// Ten accounts, half of the operations are reads.
struct Accounts([i64; 10]);

impl Workload for Accounts {
    fn ask(&mut self, random: &mut Random, text: &mut String) -> &'static str {
        if random.below(2) == 0 {
            text.push_str("null");
            return "read";
        }
        let (from, to, amount) = (random.below(10), random.below(10), random.below(5));
        write!(text, "{{\"amount\":{amount},\"from\":{from},\"to\":{to}}}").expect("text");
        "transfer"
    }

    fn answer(&mut self, f: &'static str, _: Value, text: &mut String) {
        if f == "transfer" {
            text.push_str("null");
            return;
        }
        // Any balances with that total: the checker has no state.
        self.0[3] += 1;
        self.0[7] -= 1;
        for (account, balance) in self.0.iter().enumerate() {
            let mark = if account == 0 { '{' } else { ',' };
            write!(text, "{mark}\"{account}\":{balance}").expect("text");
        }
        text.push('}');
    }
}

/// Numbers that are added, inserted or given, and one that is read.
#[derive(Default)]
struct Numbers {
    functions: &'static [&'static str],
    asked: i64,
    sum: i64,
}

impl Workload for Numbers {
    fn ask(&mut self, random: &mut Random, text: &mut String) -> &'static str {
        let f = self.functions[random.below(self.functions.len())];
        self.asked += 1;
        match f {
            "add" => put(text, self.asked % 7 - 3),
            _ => text.push_str("null"),
        }
        f
    }

    fn answer(&mut self, f: &'static str, argument: Value, text: &mut String) {
        match (f, argument) {
            ("add", Value::Int(delta)) => {
                self.sum += delta;
                put(text, delta);
            }
            ("read", _) => put(text, self.sum),
            _ => {
                self.sum += 1;
                put(text, self.sum);
            }
        }
    }
}

/// Groups of three keys: each key is written once, each group is read about as often.
#[derive(Default)]
struct Groups {
    asked: i64,
    written: Vec<bool>,
}

impl Workload for Groups {
    fn ask(&mut self, random: &mut Random, text: &mut String) -> &'static str {
        if random.below(2) == 0 {
            write!(text, "[[\"w\",{},1]]", self.asked).expect("text");
            self.asked += 1;
            return "write";
        }
        let first = (self.asked - 1).max(0) / 3 * 3;
        let [b, c] = [first + 1, first + 2];
        write!(text, "[[\"r\",{first},null],[\"r\",{b},null],[\"r\",{c},null]]").expect("text");
        "read"
    }

    fn answer(&mut self, f: &'static str, argument: Value, text: &mut String) {
        let Value::Pair(first, _) = argument else { return };
        let first = first as usize;
        self.written.resize(self.written.len().max(first + 3), false);
        if f == "write" {
            self.written[first] = true;
            write!(text, "[[\"w\",{first},1]]").expect("text");
            return;
        }
        for key in first..first + 3 {
            let mark = if key == first { '[' } else { ',' };
            let value = if self.written[key] { "1" } else { "null" };
            write!(text, "{mark}[\"r\",{key},{value}]").expect("text");
        }
        text.push(']');
    }
}

fn put(text: &mut String, number: i64) {
    write!(text, "{number}").expect("text takes everything");
}

fn list(text: &mut String, numbers: &[i64]) {
    text.push('[');
    for (at, &number) in numbers.iter().enumerate() {
        if at > 0 {
            text.push(',');
        }
        put(text, number);
    }
    text.push(']');
}

enum Client {
    Idle,
    Invoked(&'static str, Value),
    Applied(&'static str, Value),
}

fn simulate(workload: &mut dyn Workload, operations: usize) -> History {
    let mut random = Random(1);
    let mut history = History::new();
    let mut doing: Vec<Client> = (0..CLIENTS).map(|_| Client::Idle).collect();
    let (mut begun, mut ended) = (0, 0);
    let mut text = String::new();
    while ended < operations {
        let client = random.below(CLIENTS);
        text.clear();
        let (kind, f, value) = match std::mem::replace(&mut doing[client], Client::Idle) {
            Client::Idle if begun >= operations => continue,
            Client::Idle => {
                begun += 1;
                let f = workload.ask(&mut random, &mut text);
                let value = value(&mut history, &text);
                doing[client] = Client::Invoked(f, value);
                (EventType::Invoke, f, value)
            }
            Client::Invoked(f, argument) => {
                workload.answer(f, key_of(&history, argument), &mut text);
                doing[client] = Client::Applied(f, value(&mut history, &text));
                continue;
            }
            Client::Applied(f, result) => {
                ended += 1;
                (EventType::Ok, f, result)
            }
        };
        push(&mut history, client, kind, f, value);
    }
    if workload.is_read_at_last() {
        text.clear();
        workload.answer("read", Value::Nil, &mut text);
        let value = value(&mut history, &text);
        push(&mut history, 0, EventType::Invoke, "read", Value::Nil);
        push(&mut history, 0, EventType::Ok, "read", value);
    }
    history
}

fn push(history: &mut History, client: usize, kind: EventType, f: &str, value: Value) {
    let event = Event {
        time_ns: history.len() as u64 * 1000,
        value,
        process: Process::client(client as u32),
        f: history.symbols.intern(f),
        key: None,
        node: None,
        error: None,
        kind,
    };
    history.push(event);
}

fn value(history: &mut History, text: &str) -> Value {
    if let Ok(number) = text.parse() {
        return Value::Int(number);
    }
    match text {
        "null" | "" => Value::Nil,
        text if text.starts_with("[[") || text.starts_with('{') => {
            Value::Interned(history.symbols.intern(text))
        }
        text if text.len() > 64 => Value::Interned(history.symbols.intern(text)),
        text => history.compact(&Datum::from_json_text(text)),
    }
}

/// Of micro-operations the first key, as a pair; other arguments as they are.
fn key_of(history: &History, argument: Value) -> Value {
    let Value::Interned(symbol) = argument else { return argument };
    let digits = history.text(symbol).split(',').nth(1).unwrap_or_default();
    digits.parse().map_or(argument, |key| Value::Pair(key, 0))
}

/// A row of the table.
fn row(name: &str, invariant: Invariant, workload: &mut dyn Workload, operations: usize) {
    let only = std::env::args().nth(1).filter(|argument| !argument.starts_with('-'));
    if only.is_some_and(|only| !name.starts_with(&only)) {
        return;
    }
    let history = simulate(workload, operations);
    let mut seconds = Vec::new();
    let mut word = String::new();
    let mut figures = String::new();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let judgement = invariants::check("", &history, invariant, &Options::default());
        seconds.push(start.elapsed().as_secs_f64());
        word = judgement.verdict.word().to_owned();
        figures = judgement.figures.iter().map(|(name, is)| format!(" {name} {is},")).collect();
    }
    seconds.sort_by(f64::total_cmp);
    let clock = seconds[ROUNDS / 2];
    println!("{name:<24} {operations:>10} {clock:>8.3} {word:<8}{}", figures.trim_end_matches(','));
}

fn main() {
    println!("{:<24} {:>10} {:>8} verdict", "invariant", "operations", "seconds");
    let set = || Listed {
        write: "add",
        read_every: OPERATIONS / 20,
        listed_max: usize::MAX,
        ..Listed::default()
    };
    let numbers = |functions| Numbers { functions, ..Numbers::default() };
    row("bank", Invariant::Bank, &mut Accounts([OPERATIONS as i64; 10]), OPERATIONS);
    row("long-fork", Invariant::LongFork, &mut Groups::default(), OPERATIONS);
    let mut lately = Listed { write: "write", read_every: 2, listed_max: 20, ..Listed::default() };
    row("causal-reverse", Invariant::CausalReverse, &mut lately, OPERATIONS);
    row("set", Invariant::Set, &mut set(), OPERATIONS);
    row("set-full", Invariant::SetFull, &mut set(), OPERATIONS);
    let mut often =
        Listed { write: "add", read_every: 2, listed_max: 20, few: 20, ..Listed::default() };
    row("set-full, short reads", Invariant::SetFull, &mut often, OPERATIONS);
    row("counter", Invariant::Counter, &mut numbers(&["add", "read"]), OPERATIONS);
    row("unique-ids", Invariant::UniqueIds, &mut numbers(&["generate"]), OPERATIONS);
    row("monotonic", Invariant::Monotonic, &mut numbers(&["inc", "read"]), OPERATIONS);
}
