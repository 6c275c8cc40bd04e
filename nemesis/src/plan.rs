//! Which faults, and when: drawn from the seed before the run begins.
//!
//! Every class of faults alternates pause and window on its own, so classes overlap each other and
//! never themselves. Inside a class the names that were asked for are dealt like cards: each once,
//! in random order, before any comes again, and one that goes for the leader among the first two.
//!
//! ```text
//!   0 ms   warm-up                                              tail   end
//!   |------|----------------------------------------------------|------|
//!   partition   [halves]        [leader]          [ring]
//!   kill          [leader]            [one]             [minority]
//! ```
//!
//! A class draws from a stream of its own, so that asking for one more does not change the others.

use crate::catalogue::{self, Class, Entry};
use crate::fault::Fault;
use serde::{Deserialize, Serialize};
use targets::environment::Capabilities;
use targets::seed::{Seed, Stream};

/// A fault with its window. Times count from the start of the main phase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedFault {
    /// Numbers the faults of a run, from one.
    pub id: u32,
    /// When it is installed.
    pub start_ms: u64,
    /// When it is undone.
    pub stop_ms: u64,
    /// The fault, by the name that `tribunal list faults` shows.
    pub fault: String,
    /// What exactly it does, with everything that was drawn.
    pub does: Fault,
}

impl std::fmt::Display for PlannedFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let seconds = |ms: u64| format!("{}.{:03}", ms / 1000, ms % 1000);
        let (from, to) = (seconds(self.start_ms), seconds(self.stop_ms));
        write!(f, "#{} {from}..{to} s {}: {}", self.id, self.fault, self.does)
    }
}

/// How often and how long; what is not said is the class's own rhythm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlanOptions {
    /// Mean pause between two windows of a class.
    pub interval_ms: Option<u64>,
    /// Mean length of a window.
    pub length_ms: Option<u64>,
}

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Neither a fault nor a group has this name.
    #[error("there is no fault `{name}`; `tribunal list faults` shows them all")]
    Unknown {
        /// What was asked for.
        name: String,
    },
    /// The fault makes no sense with so few nodes.
    #[error("the fault `{name}` needs at least {needs} nodes, there are {nodes}; take more nodes")]
    TooFewNodes {
        /// What was asked for.
        name: String,
        /// How many it needs.
        needs: u8,
        /// How many there are.
        nodes: u8,
    },
    /// The environment does not offer it.
    #[error("the fault `{name}` cannot be had here: {reason}")]
    Missing {
        /// What was asked for.
        name: String,
        /// What is missing, and where it can be had.
        reason: String,
    },
    /// No fault fits into the main phase.
    #[error(
        "a main phase of {main_phase_ms} ms has no room for faults; {needs_ms} ms is the least"
    )]
    TooShort {
        /// What was asked for.
        main_phase_ms: u64,
        /// The shortest possible.
        needs_ms: u64,
    },
}

/// The shortest main phase into which a window of every class fits.
pub const MIN_MAIN_PHASE_MS: u64 = 1000;

/// Clients work undisturbed for so long at first.
pub const WARM_UP_MS: u64 = 1000;

/// Every window ends so long before the main phase does, so that its undo falls into it.
const TAIL_MS: u64 = 500;

/// The shortest mean of a window or a pause: shorter ones would only be noise, and many.
const SHORTEST_MS: u64 = 100;

/// The names, groups resolved, in the catalogue's order and each once; groups with everything that
/// the simulated world offers, which is everything.
///
/// # Errors
///
/// As of [`expand_in`].
pub fn expand(names: &[String], nodes: u8) -> Result<Vec<&'static Entry>, PlanError> {
    expand_in(names, nodes, &Capabilities::ALL)
}

/// The names, groups resolved, in the catalogue's order and each once.
///
/// # Errors
///
/// A name that is unknown, or that asks for more nodes than there are, or for what cannot be done
/// here. Groups leave such faults out, unless nothing would be left of them.
pub fn expand_in(
    names: &[String],
    nodes: u8,
    capabilities: &Capabilities,
) -> Result<Vec<&'static Entry>, PlanError> {
    let mut wanted = [false; catalogue::FAULTS.len()];
    for name in names {
        let group = catalogue::GROUPS.iter().any(|group| group.name == name);
        let (mut known, mut fits, mut why) = (group, 0, None);
        for (wanted, entry) in wanted.iter_mut().zip(catalogue::FAULTS) {
            if !(entry.name == name || group && catalogue::is_member(entry, name)) {
                continue;
            }
            known = true;
            if nodes < entry.min_nodes {
                let (name, needs) = (name.clone(), entry.min_nodes);
                why.get_or_insert(PlanError::TooFewNodes { name, needs, nodes });
            } else if let Some(reason) = entry.missing(capabilities) {
                why.get_or_insert(PlanError::Missing { name: name.clone(), reason });
            } else {
                *wanted = true;
                fits += 1;
            }
        }
        match why {
            _ if !known => return Err(PlanError::Unknown { name: name.clone() }),
            Some(why @ PlanError::Missing { .. }) if fits == 0 => return Err(why),
            Some(why) if fits == 0 && !group => return Err(why),
            _ => {}
        }
    }
    let wanted = catalogue::FAULTS.iter().zip(wanted).filter(|(_, wanted)| *wanted);
    Ok(wanted.map(|(entry, _)| entry).collect())
}

/// Draws the windows of a main phase. The result is ordered by start and numbered from one.
///
/// # Errors
///
/// An unknown name, too few nodes, or a main phase shorter than [`MIN_MAIN_PHASE_MS`].
pub fn plan(
    names: &[String],
    nodes: u8,
    main_phase_ms: u64,
    options: PlanOptions,
    stream: &mut Stream,
) -> Result<Vec<PlannedFault>, PlanError> {
    let entries = expand(names, nodes)?;
    if entries.is_empty() {
        return Ok(Vec::new());
    }
    if main_phase_ms < MIN_MAIN_PHASE_MS {
        return Err(PlanError::TooShort { main_phase_ms, needs_ms: MIN_MAIN_PHASE_MS });
    }
    let base = Seed(stream.draw());
    let mut classes: Vec<Class> = entries.iter().map(|entry| entry.class).collect();
    classes.dedup();
    let mut planned: Vec<(u64, Class, PlannedFault)> = Vec::new();
    for class in classes {
        let of_class: Vec<_> = entries.iter().copied().filter(|e| e.class == class).collect();
        let mut stream = base.stream(class.name());
        let windows = windows(class, main_phase_ms, options, &mut stream);
        let names = deal(&of_class, windows.len(), &mut stream);
        for ((start_ms, stop_ms), entry) in windows.into_iter().zip(names) {
            let (does, fault) = (entry.draw(nodes, &mut stream), entry.name.to_owned());
            planned.push((start_ms, class, PlannedFault { id: 0, start_ms, stop_ms, fault, does }));
        }
    }
    planned.sort_by_key(|(start_ms, class, _)| (*start_ms, *class));
    let numbered = planned.into_iter().zip(1..);
    Ok(numbered.map(|((_, _, fault), id)| PlannedFault { id, ..fault }).collect())
}

/// The windows of one class: at least one, none touching another.
fn windows(
    class: Class,
    main_phase_ms: u64,
    options: PlanOptions,
    stream: &mut Stream,
) -> Vec<(u64, u64)> {
    let (interval, length) = class.rhythm_ms();
    let earliest = WARM_UP_MS.min(main_phase_ms / 4);
    let latest = main_phase_ms - TAIL_MS.min(main_phase_ms / 8);
    let room = latest - earliest;
    // A short run still has room for a pause, a window and their spread.
    let interval = options.interval_ms.unwrap_or(interval).max(SHORTEST_MS).min(room / 3);
    let length = options.length_ms.unwrap_or(length).max(SHORTEST_MS).min(room * 5 / 8);
    // Classes of the same rhythm begin anywhere in it, or they would all act at the same moments.
    let first = stream.between(0, ((interval + length) * 4 / 5).min(room / 3));
    let mut around = |mean: u64| stream.between(mean * 7 / 10, mean * 13 / 10);
    let mut windows: Vec<(u64, u64)> = Vec::new();
    let mut start = earliest + first;
    loop {
        let stop = start + around(length);
        // What does not fit is cut short, unless too little would be left of it to matter.
        let fits = stop.min(latest);
        if fits < start + length / 2 {
            break;
        }
        windows.push((start, fits));
        start = fits + around(interval);
    }
    assert!(
        !windows.is_empty(),
        "the first window fits: pause and half a window are below the room"
    );
    windows
}

/// Deals names: each once before any comes again, one that goes for the leader among the first two.
fn deal(entries: &[&'static Entry], count: usize, stream: &mut Stream) -> Vec<&'static Entry> {
    let mut dealt = Vec::new();
    while dealt.len() < count {
        let mut hand = entries.to_vec();
        stream.shuffle(&mut hand);
        let place = stream.below(2) as usize;
        let leader = hand.iter().position(|entry| entry.aims_at_leader());
        if let Some(leader) = leader.filter(|leader| *leader > 1) {
            hand.swap(place, leader);
        }
        dealt.extend(hand);
    }
    dealt.truncate(count);
    dealt
}
