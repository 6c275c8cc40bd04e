//! What reading costs: the median of a few rounds in MB/s, for files of 100 MB and more.
//!
//! `cargo bench -p checkers --bench readers -- [WORD]` reads only what has this word in its name.

#[path = "../tests/support/mod.rs"]
mod support;

use checkers::history::import::{self, Format, ImportOptions};
use checkers::history::jsonl::Writer;
use checkers::history::{Event, History};
use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, Instant};
use support::{Shape, simulate};

const ROUNDS: usize = 3;

/// What this thread has used of a core, where the system says it: where others use the machine,
/// too, the only figure that means something.
fn cpu() -> Option<Duration> {
    let figures = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    figures.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

fn main() {
    let history = simulate(
        &Shape {
            operations: 1_000_000,
            keys: 1_000,
            clients: 5,
            values: 5,
            infos: 0,
            cas: true,
            stale_from: None,
            busy: true,
        },
        1,
    );
    let lines = jsonl(&history);
    report("jsonl, as it is written", &lines, Format::Jsonl);
    report("json, one map after another", &lines, Format::Json);
    let spaced = String::from_utf8(lines).expect("text").replace('{', "{ ");
    report("jsonl, written otherwise", spaced.as_bytes(), Format::Jsonl);
    drop(spaced);
    let register = |out: &mut String, event: &Event| {
        let value = history.datum(event.value);
        write!(out, ":value {value}").expect("a string takes everything");
    };
    report("edn, cas-register", edn(&history, register).as_bytes(), Format::Edn);
    let tuple = |out: &mut String, event: &Event| {
        let key = history.text(event.key.expect("every event has a key"));
        let value = history.datum(event.value);
        write!(out, ":value [{key} {value}]").expect("a string takes everything");
    };
    report("edn, pairs", edn(&history, tuple).as_bytes(), Format::Edn);
    let append = |out: &mut String, event: &Event| {
        let at = event.time_ns;
        write!(out, ":value [[:append {} {at}] [:r {} [1 2 3]]]", at % 97, at % 89)
            .expect("a string takes everything");
    };
    report("edn, transactions", edn(&history, append).as_bytes(), Format::Edn);
}

/// The history as Jepsen stores it, with values as this function writes them.
fn edn(history: &History, value: impl Fn(&mut String, &Event)) -> String {
    let mut out = String::new();
    for (index, event) in history.events().iter().enumerate() {
        let (f, kind, time_ns) = (history.text(event.f), event.kind.as_str(), event.time_ns);
        write!(out, "{{:type :{kind}, :f :{f}, ").expect("a string takes everything");
        value(&mut out, event);
        writeln!(out, ", :process {}, :time {time_ns}, :index {index}}}", event.process)
            .expect("a string takes everything");
    }
    out
}

fn report(name: &str, text: &[u8], format: Format) {
    if std::env::args().skip(1).any(|word| !word.starts_with('-') && !name.contains(&word)) {
        return;
    }
    let mut events = 0;
    let (mut times, mut on_a_core) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (start, used) = (Instant::now(), cpu());
        let reading = import::read(text, "bench", format, ImportOptions::default());
        events = black_box(reading.expect("a history").history.len());
        times.push(start.elapsed());
        on_a_core.push(cpu().zip(used).map_or(start.elapsed(), |(now, before)| now - before));
    }
    let megabytes = text.len() as f64 / 1e6;
    let speed = |mut times: Vec<Duration>| {
        times.sort();
        megabytes / times[ROUNDS / 2].as_secs_f64()
    };
    println!(
        "{name}: {:.0} MB/s of wall time, {:.0} MB/s of CPU time \
         ({megabytes:.0} MB, {events} events)",
        speed(times),
        speed(on_a_core),
    );
}

fn jsonl(history: &History) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new());
    for (index, event) in history.events().iter().enumerate() {
        writer.event(index, event, &history.symbols).expect("a vector takes everything");
    }
    writer.into_inner()
}
