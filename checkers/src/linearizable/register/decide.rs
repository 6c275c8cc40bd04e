//! Who decides a key: the engines' turns.
//!
//! ```text
//!   zones -> search, about as long as a legal history takes -> sight
//!                     ^                                          |
//!                     '--- twice as long <--- refute around <----'
//!                                             where it is stuck
//! ```
//!
//! Whoever has a turn may spend as much as the other had before. Work is counted in configurations,
//! so the same engine decides on every machine.

use super::super::engine::{Engine, Found, Limits, Outcome};
use super::op::Problem;
use super::refute::{self, Tried};
use super::search::Search;
use super::sight;
use super::view::Window;
use super::zones;

/// A legal history takes about one configuration an operation; the search's first turn has this
/// much on top.
const FIRST_TURN_CONFIGURATIONS: u64 = 20_000;

/// Decides whether there is an order.
pub(super) fn decide(problem: &Problem<'_>, limits: &Limits<'_>) -> Found {
    let at_sight =
        |outcome| Found { outcome, engine: Engine::Zones, configurations: 0, order: None };
    match zones::decide(problem) {
        Some(true) if !limits.order => at_sight(Outcome::Legal),
        Some(false) => at_sight(Outcome::Illegal),
        _ => turns(problem, limits).0,
    }
}

/// A few events that contradict each other, of a history that is illegal; nothing if they are not
/// found within the limits.
pub(super) fn contradiction(problem: &Problem<'_>, limits: &Limits<'_>) -> Option<Window> {
    turns(problem, limits).1
}

/// Search and refutation in turns, and the events that refute it.
fn turns(problem: &Problem<'_>, limits: &Limits<'_>) -> (Found, Option<Window>) {
    let mut search = Search::new(problem);
    let mut refuting = 0;
    let mut turn = problem.ops.len() as u64 * 2 + FIRST_TURN_CONFIGURATIONS;
    let found =
        |outcome, engine, configurations| Found { outcome, engine, configurations, order: None };
    loop {
        let left = limits.configurations_max.saturating_sub(refuting);
        let until = left.min(search.configurations.saturating_add(turn));
        let outcome = search.run(&Limits { configurations_max: until, ..*limits });
        let spent = search.configurations + refuting;
        if outcome == Outcome::Legal {
            let order = limits.order.then(|| search.order());
            return (Found { order, ..found(outcome, Engine::Search, spent) }, None);
        }
        if outcome == Outcome::Illegal {
            return (found(outcome, Engine::Search, spent), None);
        }
        if refuting == 0
            && let Some(window) = sight::refuted(problem)
        {
            return (found(Outcome::Illegal, Engine::Zones, spent), Some(window));
        }
        // Interrupted for another reason than its turn's end.
        if search.configurations < until || spent >= limits.configurations_max {
            return (found(outcome, Engine::Search, spent), None);
        }
        let configurations_max = turn.min(limits.configurations_max - spent);
        let Tried { refuted, configurations } =
            refute::around(problem, search.stuck_at, &Limits { configurations_max, ..*limits });
        refuting += configurations;
        if refuted.is_some() {
            let spent = spent + configurations;
            return (found(Outcome::Illegal, Engine::Frontier, spent), refuted);
        }
        turn *= 2;
    }
}
