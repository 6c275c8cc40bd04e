//! What writing, reading and checking cost: medians of a few rounds, printed.
//!
//! `cargo bench -p checkers`

#[path = "../tests/support/mod.rs"]
mod support;

use checkers::budget::Budget;
use checkers::history::jsonl::{self, Writer};
use checkers::history::{Event, History};
use checkers::linearizable::{self, Object, Semantics};
use std::hint::black_box;
use std::time::{Duration, Instant};
use support::{Shape, simulate};

const ROUNDS: usize = 5;

fn median(mut work: impl FnMut()) -> Duration {
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed()
        })
        .collect();
    times.sort();
    times[ROUNDS / 2]
}

fn main() {
    let shape = Shape {
        operations: 1_000_000,
        keys: 1_000,
        clients: 5,
        values: 5,
        infos: 0,
        cas: true,
        stale_from: None,
        busy: false,
    };
    let large = simulate(&shape, 1);
    file(&large);
    check("1 000 000 operations, 1 000 keys, 5 values, cas", &shape);
    check("1 000 000 operations, 1 000 keys, unique values", &Shape { values: 0, ..shape });
    let indeterminate = Shape { operations: 20_000, keys: 100, infos: 10, ..shape };
    check("20 000 operations, 100 keys, 5 values, cas, 10 info each", &indeterminate);
    let unique = Shape { values: 0, ..indeterminate };
    check("20 000 operations, 100 keys, unique values, cas, 10 info each", &unique);
    let stale = Shape { stale_from: Some(100), ..indeterminate };
    check("the same with 5 values and a stale read", &stale);
    let one = Shape { operations: 20_000, keys: 1, infos: 10, ..shape };
    check("20 000 operations, 1 key, 5 values, cas, 10 info", &one);
    let one = Shape { values: 0, cas: false, clients: 20, ..one };
    check("20 000 operations, 1 key, unique values, 20 clients, 10 info", &one);
    check("the same with a stale read", &Shape { stale_from: Some(15_000), ..one });
}

fn file(history: &History) {
    let events = history.len();
    let mut sink = Vec::new();
    let time = median(|| {
        sink.clear();
        let mut writer = Writer::new(&mut sink);
        for (index, event) in history.events().iter().enumerate() {
            writer.event(index, event, &history.symbols).expect("a vector takes everything");
        }
    });
    let per_event_ns = time.as_nanos() / events as u128;
    println!("write: {per_event_ns} ns an event, {} bytes a line", sink.len() / events);
    let time = median(|| {
        black_box(jsonl::read(sink.as_slice(), "bench").expect("it was just written"));
    });
    println!("read: {:.0} events a second", events as f64 / time.as_secs_f64());
    println!("memory: {} bytes an event", size_of::<Event>());
}

fn check(name: &str, shape: &Shape) {
    let history = simulate(shape, 1);
    let mut word = "";
    let mut configurations = String::new();
    let time = median(|| {
        let judgement = linearizable::check(
            "",
            &history,
            Object::CasRegister,
            &Semantics::STRICT,
            &Budget::default(),
        );
        word = judgement.verdict.word();
        configurations = judgement.figures.last().map_or_else(String::new, |f| f.1.clone());
    });
    println!("check: {:.3} s, {word}, {configurations} configurations: {name}", time.as_secs_f64());
}
