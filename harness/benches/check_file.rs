//! What `tribunal check` costs from a file on disk to the verdict: wall time and peak memory of the
//! whole process, medians of a few rounds.
//!
//! `cargo bench -p harness --bench check_file`

#[path = "../../checkers/tests/support/mod.rs"]
mod support;

use checkers::history::History;
use checkers::history::jsonl::Writer;
use nix::sys::resource::{UsageWho, getrusage};
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;
use support::{Shape, simulate};

const ROUNDS: usize = 3;

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let shape = Shape { operations: 1_000_000, keys: 1, clients: 50, ..Shape::default() };
    println!("| history | file | wall | peak memory | verdict |\n|---|---:|---:|---:|---|");
    let cells = [
        ("one register, unique values", shape),
        ("the same with cas, 50 indeterminate", Shape { cas: true, infos: 50, ..shape }),
        ("1 000 registers, unique values", Shape { keys: 1_000, clients: 5, ..shape }),
        (
            "1 000 registers, five values, cas",
            Shape { keys: 1_000, clients: 5, values: 5, cas: true, ..shape },
        ),
    ];
    for (number, (name, shape)) in cells.iter().enumerate() {
        let path = folder.path().join(format!("{number}.jsonl"));
        write(&simulate(shape, 1), &path);
        let bytes = std::fs::metadata(&path).expect("a file").len();
        let mut times: Vec<f64> = Vec::new();
        let mut code = None;
        for _ in 0..ROUNDS {
            let start = Instant::now();
            code = Command::new(env!("CARGO_BIN_EXE_tribunal"))
                .args(["check", "--semantics", "strict", "--json"])
                .arg(&path)
                .stdout(Stdio::null())
                .status()
                .expect("the program starts")
                .code();
            times.push(start.elapsed().as_secs_f64());
        }
        times.sort_by(f64::total_cmp);
        // The most that any child so far has taken: the cells go from small to large.
        let peak = getrusage(UsageWho::RUSAGE_CHILDREN).expect("usage").max_rss();
        println!(
            "| {name} | {:.0} MB | {:.2} s | {:.0} MB | exit {code:?} |",
            bytes as f64 / 1e6,
            times[ROUNDS / 2],
            peak as f64 * 1024.0 / 1e6,
        );
    }
}

fn write(history: &History, path: &Path) {
    let file = BufWriter::new(File::create(path).expect("a file"));
    let mut writer = Writer::new(file);
    for (index, event) in history.events().iter().enumerate() {
        writer.event(index, event, &history.symbols).expect("written");
    }
}
