//! A protocol of one's own, hunted in the simulated world. The protocol and the hunt are the
//! example `own_protocol`, to be read from the top:
//!
//! 1. `targets/examples/own_protocol/register.rs`: implement `Protocol` and `Service`;
//! 2. `targets/examples/own_protocol/hunt.rs`: put it into a `World`, let clients and a nemesis at
//!    it, record what the clients saw;
//! 3. here: play seeds until a checker says `invalid`, and keep the seed.

#[path = "../examples/own_protocol/hunt.rs"]
mod hunt;
#[path = "../examples/own_protocol/register.rs"]
mod register;

use checkers::history::{EventType, History};
use checkers::verdict::Verdict;
use register::Bug;
use targets::seed::Seed;

const SEEDS: u64 = 40;

fn play(seed: u64, bug: Option<Bug>) -> History {
    hunt::play(Seed(seed), bug).expect("the world does what it is asked")
}

#[test]
fn every_bug_is_found() {
    for bug in [Bug::AcknowledgesBeforeReplication, Bug::ReadsWithoutWritingBack] {
        let proves = |seed| matches!(hunt::judge(&play(seed, Some(bug))), Verdict::Invalid { .. });
        assert!((0..SEEDS).any(proves), "{bug:?} was not found in {SEEDS} seeds");
    }
}

#[test]
fn the_correct_protocol_is_never_accused() {
    for seed in 0..SEEDS {
        let history = play(seed, None);
        let completed = |kind| history.events().iter().filter(|e| e.kind == kind).count();
        assert!(completed(EventType::Ok) > 500, "seed {seed} tests next to nothing");
        assert!(completed(EventType::Info) > 0, "nothing went wrong with seed {seed}");
        assert_eq!(hunt::judge(&history), Verdict::Valid, "seed {seed}");
    }
}

#[test]
fn a_seed_plays_the_same_history_again() {
    assert_eq!(play(7, None).events(), play(7, None).events());
    assert_ne!(play(7, None).events(), play(8, None).events());
}
