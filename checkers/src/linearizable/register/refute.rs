//! Looking for a contradiction where the search got stuck: few events, few values.
//!
//! ```text
//!   stuck at e:   (e - 32, e + 32]   one value | two | all that are found there
//!                 (e - 64, e + 64]   ...                     until it is the whole history
//! ```
//!
//! A depth-first search is lucky with legal histories, and has to exhaust everything in front of a
//! contradiction to refute one. Most contradictions are local and about one or two values: a window
//! from any state refutes them with a handful of configurations an event (see `view` for why that
//! is sound).

use super::super::engine::{Limits, NEVER};
use super::frontier::{End, Frontier};
use super::op::{Problem, ValueId};
use super::view::{self, Window};

/// The first window reaches so many events to either side.
const REACH_MIN: usize = 32;

/// Windows are looked at through two values at a time only if no more than this are found there.
const PAIRED_VALUES_MAX: usize = 8;

/// At most so many values are looked at one by one in a window.
const SINGLE_VALUES_MAX: usize = 32;

/// All values at once, only if no more than this are found there.
const ALL_VALUES_MAX: usize = 256;

/// How hard it was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tried {
    /// A window without order.
    pub(super) refuted: Option<Window>,
    /// What it cost.
    pub(super) configurations: u64,
}

/// Looks for a contradiction around this event.
pub(super) fn around(problem: &Problem<'_>, event: u32, limits: &Limits<'_>) -> Tried {
    let mut events: Vec<u32> = problem.ops.iter().flat_map(|op| [op.invoke, op.ret]).collect();
    events.retain(|event| *event != NEVER);
    events.sort_unstable();
    let middle = events.partition_point(|other| *other < event);
    let mut attempt = Attempt { problem, limits, left: limits.configurations_max };
    let mut reach = REACH_MIN;
    let refuted = loop {
        let since = middle.checked_sub(reach).map(|at| events[at]);
        let until = (middle + reach).min(events.len().saturating_sub(1));
        let window = Window { since, until: events.get(until).copied().unwrap_or(0) };
        let refuted = attempt.window(window, reach);
        let whole = since.is_none() && until + 1 >= events.len();
        if refuted.is_some() || whole || attempt.left == 0 || limits.stopped() {
            break refuted;
        }
        reach *= 2;
    };
    Tried { refuted, configurations: limits.configurations_max - attempt.left }
}

struct Attempt<'a> {
    problem: &'a Problem<'a>,
    limits: &'a Limits<'a>,
    left: u64,
}

impl Attempt<'_> {
    /// Looks at a window through one value, two, and all.
    fn window(&mut self, window: Window, reach: usize) -> Option<Window> {
        let found = view::found(self.problem, window);
        let mut choices: Vec<Vec<ValueId>> =
            found.iter().take(SINGLE_VALUES_MAX).map(|&value| vec![value]).collect();
        if (3..=PAIRED_VALUES_MAX).contains(&found.len()) {
            for (at, &one) in found.iter().enumerate() {
                choices
                    .extend(found[..at].iter().map(|&other| vec![one.min(other), one.max(other)]));
            }
        }
        if (2..=ALL_VALUES_MAX).contains(&found.len()) {
            let mut all = found.clone();
            all.sort_unstable();
            choices.push(all);
        }
        choices.iter().find_map(|chosen| self.look(window, chosen, reach))
    }

    fn look(&mut self, window: Window, chosen: &[ValueId], reach: usize) -> Option<Window> {
        let view = view::view(self.problem, window, chosen);
        // No view may take all: a later one may be easy.
        let configurations_max = self.left.min(reach as u64 * 64);
        let limits = Limits { configurations_max, ..*self.limits };
        let mut frontier = Frontier::new(view);
        let end = frontier.run(&limits);
        self.left -= frontier.configurations.min(self.left);
        match end {
            End::Dead { event } => Some(Window { until: event, ..window }),
            End::Alive | End::Spent | End::Wide => None,
        }
    }
}
