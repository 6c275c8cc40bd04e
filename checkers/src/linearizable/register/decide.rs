//! Who decides a key: the engines' turns.
//!
//! ```text
//!   zones --> search, while it advances   --> sight --> [ the leader    a turn            ]*
//!             as on a legal history without             [ the other     an eighth of it   ]
//!             many choices                              [ refute        an eighth of it   ]
//! ```
//!
//! The depth-first search is lucky with many indeterminate operations, the breadth-first frontier
//! is steady with many clients, and only the frontier refutes well. So they race: whoever passed
//! more events per configuration in its last turn leads the next one, which is twice as long. Work
//! is counted in configurations, so the same engine decides on every machine.

use super::super::engine::{Engine, Found, Limits, Outcome};
use super::frontier::{End, Frontier};
use super::op::Problem;
use super::refute::{self, Tried};
use super::search::Search;
use super::view::{self, Window};
use super::{sight, zones};

/// The length of a turn at first.
const TURN_CONFIGURATIONS: u64 = 20_000;

/// Who does not lead gets a turn that is so many times shorter.
const SHORTER: u64 = 8;

/// A configuration of the frontier takes about half the time of one of the search.
const FRONTIER_ADVANTAGE: u128 = 2;

/// A few events that refute a history are worth this much to the reader of the evidence.
const NARROWING_CONFIGURATIONS_MAX: u64 = 2_000_000;

/// A shorter history than this is its own window: nobody has to search for long in it.
const NARROWED_OPS_MIN: usize = 256;

/// Decides whether there is an order.
pub(super) fn decide(problem: &Problem<'_>, limits: &Limits<'_>) -> Found {
    at_sight(problem, limits)
        .unwrap_or_else(|| Race::new(problem, *limits, TURN_CONFIGURATIONS).run())
}

/// Decides the same; with a few events that contradict each other already, if they were found.
pub(super) fn refutable(problem: &Problem<'_>, limits: &Limits<'_>) -> (Found, Option<Window>) {
    let Some(found) = at_sight(problem, limits) else {
        return race(problem, limits, TURN_CONFIGURATIONS);
    };
    let long = problem.ops.len() > NARROWED_OPS_MIN && found.outcome == Outcome::Illegal;
    let refuted = long.then(|| sight::refuted(problem)).flatten();
    let window = refuted.map(|window| narrowed(problem, limits, window));
    (found, window)
}

/// What every engine together says when turns have this length at first.
pub(super) fn race(
    problem: &Problem<'_>,
    limits: &Limits<'_>,
    turn: u64,
) -> (Found, Option<Window>) {
    let mut race = Race::new(problem, *limits, turn);
    let found = race.run();
    if found.outcome != Outcome::Illegal || problem.ops.len() <= NARROWED_OPS_MIN {
        return (found, race.refuted);
    }
    let window = match race.refuted {
        Some(window) => Some(narrowed(problem, limits, window)),
        // Whoever exhausted all orders got no farther than this.
        None => narrowed_around(problem, limits, race.stuck_at),
    };
    (found, window)
}

/// A shorter window, where this one begins with the history.
fn narrowed(problem: &Problem<'_>, limits: &Limits<'_>, window: Window) -> Window {
    if window.since.is_some() {
        return window;
    }
    narrowed_around(problem, limits, window.until).unwrap_or(window)
}

fn narrowed_around(problem: &Problem<'_>, limits: &Limits<'_>, event: u32) -> Option<Window> {
    let limits = Limits { configurations_max: NARROWING_CONFIGURATIONS_MAX, ..*limits };
    refute::around(problem, event, &limits).refuted
}

fn at_sight(problem: &Problem<'_>, limits: &Limits<'_>) -> Option<Found> {
    let legal = zones::decide(problem)?;
    let order = (legal && limits.order).then(|| zones::order(problem)).flatten();
    let outcome = if legal { Outcome::Legal } else { Outcome::Illegal };
    Some(Found { order, ..found(outcome, Engine::Zones, 0) })
}

fn found(outcome: Outcome, engine: Engine, configurations: u64) -> Found {
    Found { outcome, engine, configurations, order: None }
}

/// What an engine achieved in its last turn.
#[derive(Clone, Copy, Debug)]
struct Pace {
    events: u64,
    configurations: u64,
}

impl Pace {
    /// Both numbers grew by this much.
    fn between(before: (u64, u64), after: (u64, u64)) -> Self {
        Self { events: after.0 - before.0, configurations: (after.1 - before.1).max(1) }
    }

    /// To be compared with `other.times(self)`.
    fn times(self, other: Self) -> u128 {
        u128::from(self.events) * u128::from(other.configurations)
    }
}

/// Which of the two engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Racer {
    Search,
    Frontier,
}

struct Race<'a> {
    problem: &'a Problem<'a>,
    limits: Limits<'a>,
    /// How long the next turn is.
    turn: u64,
    /// Nothing when it ran out of memory.
    search: Option<Search>,
    search_pace: Pace,
    /// Nothing before it is needed, and when it ran out of memory or too much is open at once.
    frontier: Option<Frontier>,
    frontier_pace: Pace,
    /// What was spent by refuting, and by engines that gave up.
    others: u64,
    placed_max: usize,
    stuck_at: u32,
    /// The frontier says that it is legal, but only the search knows an order.
    legal: bool,
    /// What refuted it, where that is less than everything.
    refuted: Option<Window>,
}

impl<'a> Race<'a> {
    fn new(problem: &'a Problem<'a>, limits: Limits<'a>, turn: u64) -> Self {
        let pace = Pace { events: 0, configurations: 1 };
        Self {
            problem,
            limits,
            turn,
            search: Some(Search::new(problem)),
            search_pace: pace,
            frontier: None,
            frontier_pace: pace,
            others: 0,
            placed_max: 0,
            stuck_at: 0,
            legal: false,
            refuted: None,
        }
    }

    fn run(&mut self) -> Found {
        // On its own as long as two configurations are enough for an operation.
        while self.search.is_some() {
            if let Some(found) = self.search(self.turn) {
                return found;
            }
            if self.search_pace.events < self.search_pace.configurations {
                break;
            }
        }
        self.refuted = sight::refuted(self.problem);
        if self.refuted.is_some() {
            return self.found(Outcome::Illegal, Engine::Zones);
        }
        self.frontier = Some(Frontier::new(view::whole(self.problem)));
        let mut leader = Racer::Frontier;
        loop {
            let (long, short) = (self.turn, self.turn / SHORTER);
            let [search, frontier] =
                if leader == Racer::Search { [long, short] } else { [short, long] };
            let decided = self
                .frontier(frontier)
                .or_else(|| self.search(search))
                .or_else(|| self.refute(short));
            if let Some(found) = decided {
                return found;
            }
            leader = self.leader();
            self.turn *= 2;
        }
    }

    fn leader(&self) -> Racer {
        let [search, frontier] = [self.search_pace, self.frontier_pace];
        let ahead = frontier.times(search) * FRONTIER_ADVANTAGE >= search.times(frontier);
        if self.search.is_none() || self.frontier.is_some() && ahead {
            Racer::Frontier
        } else {
            Racer::Search
        }
    }

    fn found(&self, outcome: Outcome, engine: Engine) -> Found {
        found(outcome, engine, self.spent())
    }

    fn spent(&self) -> u64 {
        let frontier = self.frontier.as_ref().map_or(0, |frontier| frontier.configurations);
        let search = self.search.as_ref().map_or(0, |search| search.configurations);
        self.others + search + frontier
    }

    fn left(&self) -> u64 {
        self.limits.configurations_max.saturating_sub(self.spent())
    }

    /// Nobody can go on.
    fn given_up(&self) -> Option<Found> {
        let idle = self.search.is_none() && self.frontier.is_none();
        let over = idle || self.left() == 0 || self.limits.stopped();
        over.then(|| {
            if self.legal {
                self.found(Outcome::Legal, Engine::Frontier)
            } else {
                self.found(Outcome::Spent { placed: self.placed_max }, Engine::Search)
            }
        })
    }

    fn search(&mut self, turn: u64) -> Option<Found> {
        let left = self.left();
        let search = self.search.as_mut()?;
        let before = (search.placed_max() as u64 * 2, search.configurations);
        let configurations_max = search.configurations + turn.min(left);
        // The frontier holds little.
        let bytes_max = self.limits.bytes_max / 4 * 3;
        let limits = Limits { configurations_max, bytes_max, ..self.limits };
        let outcome = search.run(&limits);
        let after = (search.placed_max() as u64 * 2, search.configurations);
        self.search_pace = Pace::between(before, after);
        self.placed_max = search.placed_max();
        self.stuck_at = search.stuck_at();
        let order = (outcome == Outcome::Legal && self.limits.order).then(|| search.order());
        let exhausted = search.configurations < configurations_max && !self.limits.stopped();
        match outcome {
            Outcome::Spent { .. } => {
                if exhausted {
                    self.others += after.1;
                    self.search = None;
                }
                self.given_up()
            }
            decided => Some(Found { order, ..self.found(decided, Engine::Search) }),
        }
    }

    fn frontier(&mut self, turn: u64) -> Option<Found> {
        let left = self.left();
        let frontier = self.frontier.as_mut()?;
        let before = (frontier.passed() as u64, frontier.configurations);
        let configurations_max = frontier.configurations + turn.min(left);
        let bytes_max = self.limits.bytes_max / 4;
        let end = frontier.run(&Limits { configurations_max, bytes_max, ..self.limits });
        let after = (frontier.passed() as u64, frontier.configurations);
        self.frontier_pace = Pace::between(before, after);
        let exhausted = frontier.configurations < configurations_max && !self.limits.stopped();
        match end {
            End::Dead { event } => {
                self.refuted = Some(Window { since: None, until: event });
                return Some(self.found(Outcome::Illegal, Engine::Frontier));
            }
            End::Alive if !self.limits.order => {
                return Some(self.found(Outcome::Legal, Engine::Frontier));
            }
            End::Alive => self.legal = true,
            End::Spent | End::Wide => {}
        }
        if end != End::Spent || exhausted {
            self.others += after.1;
            self.frontier = None;
        }
        self.given_up()
    }

    fn refute(&mut self, turn: u64) -> Option<Found> {
        let limits = Limits { configurations_max: turn.min(self.left()), ..self.limits };
        let Tried { refuted, configurations } =
            refute::around(self.problem, self.stuck_at, &limits);
        self.others += configurations;
        if refuted.is_some() {
            self.refuted = refuted;
            return Some(self.found(Outcome::Illegal, Engine::Frontier));
        }
        self.given_up()
    }
}
