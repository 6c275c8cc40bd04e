//! What it costs to find cycles in a graph of transactions that is there already: seconds of wall
//! clock, the median of three.
//!
//! ```text
//!   cargo bench -p checkers --bench cycles             all of it, a minute
//!   cargo bench -p checkers --bench cycles -- planted  the rows that say so
//! ```
//!
//! The transactions are numbered by completion; each depends on three of the fifty before it, and
//! the order of real time runs beside them. Planted is one read that missed a write.

use checkers::budget::Budget;
use checkers::transactions::cycles::{self, Found, Search};
use checkers::transactions::graph::{Dep, Edges, Graph, components};
use checkers::transactions::lattice::{self, Anomalies, Model, Models};
use std::time::Instant;

const ROUNDS: usize = 3;
const CLIENTS: u32 = 20;

fn main() {
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    println!("| graph | vertices | edges | components, s | search, s | found |");
    println!("|---|---|---|---|---|---|");
    for (name, graph) in rows() {
        if wanted.iter().all(|word| name.contains(word.as_str())) {
            row(name, &graph());
        }
    }
}

type Row = (&'static str, fn() -> Graph);

fn rows() -> Vec<Row> {
    vec![
        ("1 M, valid", || history(1_000_000, true).into_graph()),
        ("1 M, one short cycle planted", || planted(1_000_000, 40, true)),
        ("1 M, one short cycle planted, no real time", || planted(1_000_000, 40, false)),
        ("1 M, a read as stale as half the history, planted", || planted(1_000_000, 500_000, true)),
        ("10 M, valid, no real time", || history(10_000_000, false).into_graph()),
        ("10 M, a chain", || chain(10_000_000).into_graph()),
        ("a component of 20 k: all kinds", || component(20_000, &[Dep::Ww, Dep::Wr, Dep::Rw])),
        ("a component of 20 k: only two rw lead back", || lanes(20_000)),
    ]
}

fn row(name: &str, graph: &Graph) {
    let scc = median(|| drop(components(graph)));
    let models = Models::default().with(Model::StrictSerializable);
    let search = Search {
        prohibited: lattice::prohibited(models),
        found: Anomalies::default(),
        precedence: &[Dep::Ww, Dep::Wr, Dep::Rw, Dep::Process, Dep::Realtime],
        steps_per_component_max: 50_000_000,
        all_cycles: false,
    };
    let mut found = Found::default();
    let seconds = median(|| {
        found = cycles::search(graph, &search, &Budget::default()).expect("nobody stops it");
    });
    let kinds: Vec<String> = found
        .cycles
        .iter()
        .map(|cycle| format!("{} of {}", cycle.anomaly.name(), cycle.steps.len()))
        .collect();
    let (vertices, edges) = (graph.vertices(), graph.edges());
    let (greatest, unfinished) = (found.components.1, found.unfinished.len());
    println!(
        "| {name} | {vertices} | {edges} | {scc:.2} | {seconds:.2} | greatest {greatest}; {}; \
         unfinished {unfinished} |",
        kinds.join(", ")
    );
}

fn median(mut work: impl FnMut()) -> f64 {
    let mut seconds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64()
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    seconds[ROUNDS / 2]
}

/// A sequence of numbers that is the same everywhere (Steele et al., SplitMix64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut number = self.0;
        number = (number ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        number = (number ^ number >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        u32::try_from((number ^ number >> 31) % u64::from(bound)).expect("it is below the bound")
    }
}

fn history(txns: u32, realtime: bool) -> Edges {
    let mut numbers = Numbers(7);
    let mut edges = Edges::new(txns as usize);
    for txn in 50..txns {
        for dep in [Dep::Ww, Dep::Wr, Dep::Rw] {
            edges.add(txn - 1 - numbers.below(50), txn, dep);
        }
    }
    if realtime {
        let chain: Vec<u32> = (0..txns).map(|_| edges.auxiliary()).collect();
        for (txn, completed) in (0..txns).zip(&chain) {
            edges.add(txn, *completed, Dep::Realtime);
            if let Some(next) = chain.get(txn as usize + 1) {
                edges.carry(*completed, *next);
            }
            if txn + CLIENTS < txns {
                edges.carry(*completed, txn + CLIENTS);
            }
        }
    }
    edges
}

/// A read that missed what was written so many transactions before.
fn planted(txns: u32, before: u32, realtime: bool) -> Graph {
    let mut edges = history(txns, realtime);
    let reader = txns / 4 * 3;
    edges.add(reader - before, reader, Dep::Wr);
    edges.add(reader, reader - before, Dep::Rw);
    edges.into_graph()
}

fn chain(txns: u32) -> Edges {
    let mut edges = Edges::new(txns as usize);
    for txn in 1..txns {
        edges.add(txn - 1, txn, Dep::Ww);
    }
    edges
}

fn component(txns: u32, deps: &[Dep]) -> Graph {
    let mut numbers = Numbers(11);
    let mut edges = Edges::new(txns as usize);
    for txn in 0..txns {
        edges.add(txn, (txn + 1) % txns, deps[0]);
        for dep in deps {
            edges.add(txn, numbers.below(txns), *dep);
        }
    }
    edges.into_graph()
}

/// Two lanes that dependencies lead along and reads of the past lead between: every cycle has two
/// rw, and that there is none with one has to be shown for each transaction.
fn lanes(txns: u32) -> Graph {
    let mut numbers = Numbers(13);
    let mut edges = Edges::new(txns as usize);
    for txn in 200..txns {
        for dep in [Dep::Wr, Dep::Ww] {
            edges.add(txn - 2 - 2 * numbers.below(25), txn, dep);
        }
        edges.add(txn, txn - 101 - 2 * numbers.below(40), Dep::Rw);
    }
    edges.into_graph()
}
