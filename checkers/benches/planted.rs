//! Anomalies planted among 100 000 transactions of 20 clients: found, and named right? And nobody
//! accused without a plant?
//!
//! ```text
//!   cargo bench -p checkers --bench planted                    100 seeds, some hours
//!   cargo bench -p checkers --bench planted -- 3               3 seeds
//!   cargo bench -p checkers --bench planted -- 100 10000 G0    10 000 transactions, only G0*
//! ```
//!
//! The seeds go in turn through several key counts and lengths of transactions.

use checkers::budget::Budget;
use checkers::transactions::collect::Kind;
use checkers::transactions::{Options, check_table};
use checkers::verdict::Verdict;

#[path = "../tests/support/transactions.rs"]
mod transactions;
use transactions::{LISTS, Plant, REGISTERS, Shape, judge, simulate, table};

/// Keys in use at a time, and the most micro-operations of a transaction.
const SIZES: [(usize, usize); 4] = [(3, 4), (10, 2), (100, 8), (1000, 4)];

/// What of one plant was found over all seeds.
#[derive(Default)]
struct Score {
    named: usize,
    wrong: Vec<String>,
}

fn main() {
    let words: Vec<String> =
        std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let mut numbers = words.iter().filter_map(|word| word.parse::<usize>().ok());
    let (seeds, transactions) = (numbers.next().unwrap_or(100), numbers.next().unwrap_or(100_000));
    let wanted = words.iter().find(|word| word.parse::<usize>().is_err());
    println!("{transactions} transactions, 20 clients, {seeds} seeds\n");
    println!("| kind | planted | named right | otherwise |");
    println!("|---|---|---|---|");
    for (kind, plants) in [(Kind::ListAppend, LISTS), (Kind::RwRegister, REGISTERS)] {
        let is_wanted =
            |plant: &&Plant| wanted.is_none_or(|name| plant.anomaly.name().contains(name));
        let plants: Vec<&Plant> = plants.iter().filter(is_wanted).collect();
        let mut scores: Vec<Score> = plants.iter().map(|_| Score::default()).collect();
        let mut clean = Score::default();
        for seed in 0..seeds as u64 {
            let (keys, length_max) = SIZES[seed as usize % SIZES.len()];
            let shape = Shape {
                kind,
                transactions,
                clients: 20,
                keys,
                writes_per_key: 64,
                length_max,
                fail_per_mille: 10,
                info_per_mille: 1,
            };
            let rows = simulate(&shape, seed);
            let options = Options::default();
            let judged = check_table(
                "",
                &table(kind, &rows, None, seed),
                kind,
                &options,
                &Budget::default(),
            );
            match judged.verdict {
                Verdict::Valid => clean.named += 1,
                other => clean.wrong.push(other.word().to_owned()),
            }
            for (plant, score) in plants.iter().zip(&mut scores) {
                match judge(&table(kind, &rows, Some(plant), seed), plant) {
                    Ok(()) => score.named += 1,
                    Err(found) => score.wrong.push(found),
                }
            }
        }
        row(kind, "nothing", &clean, seeds);
        for (plant, score) in plants.iter().zip(&scores) {
            row(kind, plant.anomaly.name(), score, seeds);
        }
    }
}

fn row(kind: Kind, name: &str, score: &Score, seeds: usize) {
    let wrong: String = score.wrong.join("; ").chars().take(200).collect();
    println!("| {kind:?} | {name} | {} of {seeds} | {wrong} |", score.named);
}
