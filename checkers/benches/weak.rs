//! Weak isolation of registers: what each level costs, in seconds of processor time and in bytes.
//!
//! ```text
//!   cargo bench -p checkers --bench weak                       a million transactions, 50 sessions
//!   cargo bench -p checkers --bench weak -- 100000 10          fewer
//! ```
//!
//! Each session sees a prefix of one log, and its own writes beyond. A session of the first store
//! is up to date: its histories are serializable. One of the second lags by up to a thousand
//! transactions: what it reads is causal and no more. The third is the second with one read of a
//! value that the reader had seen overwritten.

use checkers::budget::Budget;
use checkers::history::{Event, EventType, History, Process, Value};
use checkers::transactions::Table;
use checkers::transactions::collect::{Collector, Kind};
use checkers::transactions::weak::{self, Level};
use std::fmt::Write as _;

const KEYS: usize = 100;
const LENGTH_MAX: usize = 8;

#[path = "../tests/support/random.rs"]
mod random;
use random::Random;

struct Shape {
    name: &'static str,
    /// A session's view is up to so many transactions behind.
    lag: usize,
    stale: bool,
}

const SHAPES: [Shape; 3] = [
    Shape { name: "up to date", lag: 0, stale: false },
    Shape { name: "lagging", lag: 1000, stale: false },
    Shape { name: "lagging, one stale read", lag: 1000, stale: true },
];

fn main() {
    let mut given = std::env::args().skip(1).filter_map(|word| word.parse::<usize>().ok());
    let transactions = given.next().unwrap_or(1_000_000);
    let sessions = given.next().unwrap_or(50);
    println!(
        "{transactions} transactions of up to {LENGTH_MAX} steps, {sessions} sessions, {KEYS} keys"
    );
    println!("\n| store | level | seconds | peak MB over the table | verdict | implied orders |");
    println!("|---|---|---|---|---|---|");
    for shape in SHAPES {
        let table = table(&shape, transactions, sessions);
        for level in Level::ALL {
            let (before, start) = (resident_bytes("VmRSS"), cpu_seconds());
            // The kernel forgets the peak until now.
            let reset = std::fs::write("/proc/self/clear_refs", "5").is_ok();
            let judged = weak::check("", &table, level, &Budget::default());
            let seconds = cpu_seconds() - start;
            let peak = resident_bytes("VmHWM").saturating_sub(before) / 1_000_000;
            let peak = if reset { peak.to_string() } else { "?".to_owned() };
            let implied = judged.figures.iter().find(|(name, _)| name.starts_with("implied"));
            let implied = implied.map_or("-", |(_, count)| count);
            let (level, word) = (level.model().name(), judged.verdict.word());
            println!("| {} | {level} | {seconds:.2} | {peak} | {word} | {implied} |", shape.name);
        }
    }
}

/// The transactions of a store whose sessions see a prefix of one log.
fn table(shape: &Shape, transactions: usize, sessions: usize) -> Table {
    let mut random = Random(7);
    // By key, when it was written in the log, by which session, and the value.
    let mut log: Vec<Vec<(usize, usize, usize)>> = vec![Vec::new(); KEYS];
    let mut views = vec![0; sessions];
    let mut collector = Collector::new(Kind::RwRegister);
    let f = History::new().symbols.intern("txn");
    let (mut text, mut index, mut planted) = (String::new(), 0, false);
    for now in 1..=transactions {
        let session = random.below(sessions);
        views[session] = now.saturating_sub(random.below(shape.lag + 1)).max(views[session]);
        text.clear();
        text.push('[');
        let mut touched = [false; KEYS];
        for step in 0..1 + random.below(LENGTH_MAX) {
            let key = random.below(KEYS);
            if std::mem::replace(&mut touched[key], true) {
                continue;
            }
            text.push_str(if text.len() > 1 { "," } else { "" });
            if random.below(2) == 0 {
                let value = now * LENGTH_MAX + step;
                write!(text, r#"["w",{key},{value}]"#).expect("a string takes everything");
                log[key].push((now, session, value));
                continue;
            }
            let seen =
                |(at, by, _): &&(usize, usize, usize)| *at < views[session] || *by == session;
            let mut seen = log[key].iter().rev().filter(|entry| entry.0 < now).filter(seen);
            // What lies a thousand versions back was overwritten in the session's past.
            let is_stale = shape.stale && now >= transactions / 2 && !planted;
            planted |= is_stale;
            let found = if is_stale { seen.nth(1000.min(now / KEYS / 4)) } else { seen.next() };
            match found {
                Some((.., value)) => write!(text, r#"["r",{key},{value}]"#),
                None => write!(text, r#"["r",{key},null]"#),
            }
            .expect("a string takes everything");
        }
        text.push(']');
        for kind in [EventType::Invoke, EventType::Ok] {
            let event = Event {
                time_ns: index as u64,
                value: Value::Nil,
                process: Process::client(u32::try_from(session).expect("few sessions")),
                f,
                key: None,
                node: None,
                error: None,
                kind,
            };
            collector.event(index, &event, "txn", &text).expect("a transaction");
            index += 1;
        }
    }
    collector.finish().expect("transactions")
}

/// Processor time of this process, in ticks of a hundredth of a second.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let ticks = fields.split_whitespace().skip(11).take(2).filter_map(|t| t.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}

fn resident_bytes(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap_or_default();
    let kilobytes = line.split_whitespace().nth(1).and_then(|word| word.parse::<u64>().ok());
    kilobytes.unwrap_or_default() * 1024
}
