//! What the controller costs: operations a second that are generated, executed, recorded to disk
//! and indexed against a target inside the process that answers at once, and the memory that a
//! recorded event takes. Run with `cargo bench -p harness`.
//!
//! Prints one row per number of workers: the median of several runs, each in a process of its own,
//! so that memory kept from an earlier one counts for nothing.

use checkers::history::{Datum, Op, Outcome};
use harness::runner::driver::{Driver, RunClock};
use harness::runner::recorder::Recorder;
use harness::runner::scheduler::Scheduler;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Instant;
use targets::client::Client;
use targets::links::NodeId;
use targets::seed::Seed;
use tokio::sync::{mpsc, watch};
use workloads::catalogue::{Phases, Settings, workload};
use workloads::choice::{NodeChoice, Policy};
use workloads::generator::{GeneratorExt, ops};

const OPERATIONS: usize = 1_000_000;
const RUNS: usize = 5;

/// Answers at once: a map in this process.
#[derive(Clone)]
struct Memory(Arc<Mutex<BTreeMap<i64, i64>>>);

impl Client for Memory {
    async fn invoke(&mut self, _: NodeId, op: &Op) -> Outcome {
        let mut map = self.0.lock().expect("no client panics");
        let key = op.key.unwrap_or_default();
        match (op.f, &op.value) {
            ("write", Datum::Int(value)) => {
                map.insert(key, *value);
                Outcome::Ok(Datum::Int(*value))
            }
            ("cas", Datum::Pair(from, to)) if map.get(&key) == Some(from) => {
                map.insert(key, *to);
                Outcome::Ok(op.value.clone())
            }
            ("cas", _) => Outcome::Fail("mismatch".into()),
            _ => Outcome::Ok(map.get(&key).map_or(Datum::Nil, |value| Datum::Int(*value))),
        }
    }
}

/// Bytes of this process that are in memory.
fn resident_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").expect("Linux has /proc");
    let pages: u64 = text.split(' ').nth(1).expect("a second field").parse().expect("a number");
    pages * 4096
}

/// Operations a second, and bytes of memory per recorded event.
fn run(threads: u32, file: &Path) -> (f64, f64) {
    let before = resident_bytes();
    let seed = Seed(7);
    let settings = Settings { threads, main_phase_ms: 3_600_000, ..Settings::default() };
    let register = workload("register").expect("the workload exists");
    let phases = (register.build)(&settings, seed).expect("the settings are good");
    // The register's own main phase ends by time; here it ends by count.
    let phases = Phases::new(phases.limit(OPERATIONS as u64), ops(Vec::new()));
    let choice = NodeChoice::new(Policy::Mixed, 5, seed.stream("node choice")).expect("five nodes");
    let mut scheduler = Scheduler::new(phases, choice, threads);
    let memory = Memory(Arc::default());
    let (_reports, inbox) = mpsc::unbounded_channel();
    let (_stop, stop) = watch::channel(false);
    let recorder = Recorder::new(File::create(file).expect("a file"), 5);
    let clients = (0..threads).map(|_| memory.clone()).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let begin = Instant::now();
    let history = runtime.expect("a runtime").block_on(async {
        let mut driver = Driver::new(RunClock::start(), clients, recorder, inbox, stop);
        driver.run(&mut scheduler, |_, _| {}).await;
        let (history, file) = driver.finish().finish();
        file.expect("the file is complete");
        history
    });
    let elapsed = begin.elapsed();
    assert_eq!(history.len(), 2 * OPERATIONS, "every operation was recorded twice");
    let grown = resident_bytes().saturating_sub(before);
    (OPERATIONS as f64 / elapsed.as_secs_f64(), grown as f64 / history.len() as f64)
}

/// One measurement, for the process that asked for it.
fn measure_one(threads: u32) {
    let file = std::env::temp_dir().join(format!("controller-{}.jsonl", std::process::id()));
    let (rate, size) = run(threads, &file);
    let _ = std::fs::remove_file(&file);
    println!("{rate} {size}");
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, flag, threads] = arguments.as_slice()
        && flag == "--one"
    {
        return measure_one(threads.parse().expect("a number of threads"));
    }
    println!("{OPERATIONS} operations, recorded to disk and synced at the end; medians of {RUNS}");
    println!("{:>8} {:>14} {:>16}", "workers", "operations/s", "bytes per event");
    for threads in ["1", "10", "100", "1000"] {
        let (mut rates, mut sizes) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            let program = std::env::current_exe().expect("this program has a path");
            let output = std::process::Command::new(program).args(["--one", threads]).output();
            let output = output.expect("this program starts").stdout;
            let text = String::from_utf8(output).expect("numbers are text");
            let mut numbers = text.split_whitespace().map(|n| n.parse().expect("a number"));
            rates.push(numbers.next().expect("a rate"));
            sizes.push(numbers.next().expect("a size"));
        }
        println!("{threads:>8} {:>14.0} {:>16.1}", median(rates), median(sizes));
    }
}
