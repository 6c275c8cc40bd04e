//! A protocol of one's own on trial: `cargo run --release -p targets --example own_protocol`.
//!
//! `register.rs` is the protocol: a pure state machine ([`targets::protocol::Protocol`]) that says
//! how clients use it ([`targets::service::Service`]). `hunt.rs` puts it into the simulated world.
//! This plays one seed after another, first correct and then with each of its bugs, and prints the
//! first history that proves the claim broken.

mod hunt;
mod register;

use checkers::verdict::Verdict;
use register::Bug;
use targets::environment::EnvironmentError;
use targets::seed::Seed;

const SEEDS: u64 = 200;

fn main() -> Result<(), EnvironmentError> {
    let bugs = [Bug::AcknowledgesBeforeReplication, Bug::ReadsWithoutWritingBack];
    for bug in std::iter::once(None).chain(bugs.map(Some)) {
        let name = bug.map_or("correct".to_owned(), |bug| format!("{bug:?}"));
        let mut found = None;
        for seed in (0..SEEDS).map(Seed) {
            if let Verdict::Invalid { evidence } = hunt::judge(&hunt::play(seed, bug)?) {
                found = Some((seed, evidence));
                break;
            }
        }
        match found {
            Some((Seed(seed), evidence)) => {
                println!("{name}: seed {seed}: {}", evidence.sentence());
            }
            None => println!("{name}: {SEEDS} seeds, nothing found"),
        }
    }
    Ok(())
}
