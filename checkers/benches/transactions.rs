//! What judging transactions costs, stage by stage, from a file of our JSON lines.
//!
//! `cargo bench -p checkers --bench transactions -- [TRANSACTIONS]`
//!
//! The history is Elle's usual one: 20 clients, about ten keys at a time of which some are used
//! much more than others, at most 32 appends to a key, one to four micro-operations, one in a
//! hundred `info` and one in a hundred `fail`; strict serializable by construction.

#[path = "../tests/support/mod.rs"]
#[allow(dead_code, reason = "only its numbers are of use here")]
mod support;

use checkers::budget::Budget;
use checkers::transactions::graph::components;
use checkers::transactions::{self, Kind, Options, Reading, append, order};
use checkers::verdict::Verdict;
use std::fmt::Write as _;
use std::fs::File;
use std::hint::black_box;
use std::io::{BufReader, BufWriter, Write as _};
use std::path::Path;
use std::process::Command;
use std::time::Instant;
use support::Random;

const CLIENTS: usize = 20;
const ACTIVE_KEYS: usize = 10;
const APPENDS_PER_KEY_MAX: u32 = 32;
const BUFFER_BYTES: usize = 1 << 20;

#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Ok,
    Fail,
    /// Whether it happened all the same.
    Info(bool),
}

#[derive(Clone, Copy)]
enum Micro {
    Append(usize, u32),
    Read(usize),
}

enum Client {
    Idle,
    Invoked(Fate, Vec<Micro>),
    /// With the value of its completion.
    Applied(Fate, String),
}

/// A store in which a transaction happens all at once, and the history of its clients.
struct Simulation<W> {
    out: W,
    random: Random,
    index: usize,
    /// Per key, the elements in it.
    lists: Vec<Vec<u32>>,
    /// The keys in use, each with how many elements were handed out for it.
    active: Vec<(usize, u32)>,
}

impl<W: std::io::Write> Simulation<W> {
    fn event(&mut self, process: usize, kind: &str, value: &str) {
        let Self { index, out, .. } = self;
        let time_ns = *index * 1000;
        writeln!(
            out,
            "{{\"index\":{index},\"time\":{time_ns},\"process\":{process},\"type\":\"{kind}\",\
             \"f\":\"txn\",\"value\":{value}}}"
        )
        .expect("the file takes it");
        self.index += 1;
    }

    /// Each key is used twice as often as the next one.
    fn micro(&mut self) -> Micro {
        let place = (self.random.below((1 << ACTIVE_KEYS) - 1) + 1).ilog2() as usize;
        let (key, handed_out) = &mut self.active[place];
        if self.random.below(2) == 0 {
            return Micro::Read(*key);
        }
        *handed_out += 1;
        let micro = Micro::Append(*key, *handed_out);
        if *handed_out == APPENDS_PER_KEY_MAX {
            self.active[place] = (self.lists.len(), 0);
            self.lists.push(Vec::new());
        }
        micro
    }

    fn invoke(&mut self, process: usize) -> Client {
        let fate = match self.random.below(100) {
            0 => Fate::Fail,
            1 => Fate::Info(self.random.below(2) == 0),
            _ => Fate::Ok,
        };
        let count = 1 + self.random.below(4);
        let micros: Vec<Micro> = (0..count).map(|_| self.micro()).collect();
        let value = self.value(&micros, false);
        self.event(process, "invoke", &value);
        Client::Invoked(fate, micros)
    }

    fn apply(&mut self, fate: Fate, micros: &[Micro]) -> Client {
        let happens = matches!(fate, Fate::Ok | Fate::Info(true));
        let mut value = String::from("[");
        for (at, micro) in micros.iter().enumerate() {
            if let (true, Micro::Append(key, element)) = (happens, *micro) {
                self.lists[key].push(element);
            }
            let one = self.value(std::slice::from_ref(micro), fate == Fate::Ok);
            value.push_str(if at == 0 { "" } else { "," });
            value.push_str(&one[1..one.len() - 1]);
        }
        value.push(']');
        Client::Applied(fate, value)
    }

    fn value(&self, micros: &[Micro], answered: bool) -> String {
        let mut value = String::from("[");
        for (at, micro) in micros.iter().enumerate() {
            value.push_str(if at == 0 { "" } else { "," });
            match *micro {
                Micro::Append(key, element) => write!(value, "[\"append\",{key},{element}]"),
                Micro::Read(key) if !answered => write!(value, "[\"r\",{key},null]"),
                Micro::Read(key) => {
                    let list = format!("{:?}", self.lists[key]).replace(' ', "");
                    write!(value, "[\"r\",{key},{list}]")
                }
            }
            .expect("a string takes everything");
        }
        value.push(']');
        value
    }
}

/// Writes the history of so many transactions.
fn write_history(path: &Path, transactions: usize) {
    let out = BufWriter::with_capacity(BUFFER_BYTES, File::create(path).expect("a new file"));
    let mut simulation = Simulation {
        out,
        random: Random(1),
        index: 0,
        lists: vec![Vec::new(); ACTIVE_KEYS],
        active: (0..ACTIVE_KEYS).map(|key| (key, 0)).collect(),
    };
    let mut clients: Vec<(usize, Client)> =
        (0..CLIENTS).map(|process| (process, Client::Idle)).collect();
    let mut begun = 0;
    while begun < transactions {
        let at = simulation.random.below(CLIENTS);
        let (process, client) = &mut clients[at];
        *client = match std::mem::replace(client, Client::Idle) {
            Client::Idle => {
                begun += 1;
                simulation.invoke(*process)
            }
            Client::Invoked(fate, micros) => simulation.apply(fate, &micros),
            Client::Applied(fate, value) => {
                let kind = match fate {
                    Fate::Ok => "ok",
                    Fate::Fail => "fail",
                    Fate::Info(_) => "info",
                };
                simulation.event(*process, kind, &value);
                if matches!(fate, Fate::Info(_)) {
                    *process += CLIENTS;
                }
                Client::Idle
            }
        };
    }
    simulation.out.flush().expect("the file takes it");
}

/// The most memory that this process ever had, in bytes.
fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}

/// What this process has used of all cores, in seconds: where others use the machine, too, the
/// figure that means something.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks = fields.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse().unwrap_or(0));
    ticks.sum::<u64>() as f64 / 100.0
}

struct Clock {
    wall: Instant,
    cpu: f64,
}

impl Clock {
    fn start() -> Self {
        Self { wall: Instant::now(), cpu: cpu_seconds() }
    }

    fn stage(&mut self, name: &str) {
        let (wall, cpu) = (self.wall.elapsed().as_secs_f64(), cpu_seconds() - self.cpu);
        let peak = peak_bytes() / 1_000_000;
        println!("  {name:<16} {wall:>7.3} s wall {cpu:>7.2} s cpu   peak {peak} MB");
        *self = Self::start();
    }
}

fn open(path: &Path) -> BufReader<File> {
    BufReader::with_capacity(BUFFER_BYTES, File::open(path).expect("a file"))
}

/// What each stage costs.
fn stages(path: &Path) {
    let mut clock = Clock::start();
    let reading = transactions::read(open(path), "bench", Kind::ListAppend).expect("transactions");
    clock.stage("read and collect");
    let (inferred, reasons) = append::infer(&reading.table);
    assert_eq!((inferred.findings.len(), &inferred.unjudged), (0, &None));
    let mut edges = inferred.edges;
    clock.stage("infer");
    order::realtime(&reading.table, &mut edges);
    let count = edges.list().len();
    let graph = edges.into_graph();
    clock.stage("graph");
    let components = components(&graph);
    assert!(components.list.is_empty(), "the history is strictly serializable");
    clock.stage("components");
    black_box((&graph, &reasons));
    println!("  {count} edges");
}

/// What a verdict costs from end to end, by the door that everybody takes.
fn verdict(path: &Path) {
    let mut clock = Clock::start();
    let Reading { table, .. } =
        transactions::read(open(path), "bench", Kind::ListAppend).expect("transactions");
    let (options, budget) = (Options::default(), Budget::default());
    let judgement = transactions::check_table("bench", &table, Kind::ListAppend, &options, &budget);
    assert!(matches!(judgement.verdict, Verdict::Valid), "{judgement:?}");
    clock.stage("file to verdict");
    println!("  {} bytes per transaction", peak_bytes() / table.len() as u64);
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["write", path, count] => {
            return write_history(Path::new(path), count.parse().expect("a number"));
        }
        ["stages", path] => return stages(Path::new(path)),
        ["verdict", path] => return verdict(Path::new(path)),
        _ => {}
    }
    let transactions = words.first().and_then(|count| count.parse().ok()).unwrap_or(1_000_000);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("history.jsonl");
    // Each by a process of its own, so that nobody's memory is counted for another.
    let run = |words: &[&str]| {
        let this = std::env::current_exe().expect("this program");
        let status = Command::new(this).args(words).status();
        assert!(status.is_ok_and(|status| status.success()), "{words:?}");
    };
    let text = path.to_str().expect("a path in UTF-8");
    run(&["write", text, &transactions.to_string()]);
    let bytes = std::fs::metadata(&path).expect("a file").len();
    println!("{transactions} transactions, {} MB", bytes / 1_000_000);
    run(&["stages", text]);
    run(&["verdict", text]);
}
