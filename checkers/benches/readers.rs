//! What reading costs: the median of a few rounds in MB/s, for files of 100 MB and more.
//!
//! `cargo bench -p checkers --bench readers`

#[path = "../tests/support/mod.rs"]
mod support;

use checkers::history::History;
use checkers::history::jsonl::{self, Writer};
use std::hint::black_box;
use std::time::{Duration, Instant};
use support::{Shape, simulate};

const ROUNDS: usize = 3;

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
    report("jsonl, as it is written", &lines, || {
        jsonl::read(lines.as_slice(), "bench").expect("a history").history.len()
    });
    let spaced = String::from_utf8(lines.clone()).expect("text").replace('{', "{ ").into_bytes();
    report("jsonl, written otherwise", &spaced, || {
        jsonl::read(spaced.as_slice(), "bench").expect("a history").history.len()
    });
}

fn report(name: &str, text: &[u8], mut read: impl FnMut() -> usize) {
    let mut events = 0;
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            events = black_box(read());
            start.elapsed()
        })
        .collect();
    times.sort();
    let seconds = times[ROUNDS / 2].as_secs_f64();
    let megabytes = text.len() as f64 / 1e6;
    println!(
        "{name}: {:.0} MB/s, {:.1} million events/s ({megabytes:.0} MB, {events} events)",
        megabytes / seconds,
        events as f64 / 1e6 / seconds,
    );
}

fn jsonl(history: &History) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new());
    for (index, event) in history.events().iter().enumerate() {
        writer.event(index, event, &history.symbols).expect("a vector takes everything");
    }
    writer.into_inner()
}
