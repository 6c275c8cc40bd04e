//! The passes of a shrink, each of which takes one kind of thing away.
//!
//! ```text
//!   while a generator draws the operations     shorten, faults, options, nodes, load
//!   once they are written down                 operations, faults, nodes, clients, windows, gaps,
//!                                              calm, again and again until nothing changes
//!   in the end                                 plain values, round times, no pointless flags
//! ```
//!
//! A generator comes first because it adapts: with another seed another node leads, and it asks
//! that one. A script asks whom it asks. So the run is made short and quiet while operations are
//! still drawn, and only what is left is written down and taken apart.

use super::ddmin::{Removals, minimize};
use super::edit::{self, MS};
use super::search::{Found, Search, evidence_ends_ns};
use crate::case::{Case, Part, ScriptedOp};
use nemesis::plan::PlannedFault;
use std::time::Duration;
use targets::links::NodeId;

/// Undisturbed time that is left before the first fault, in milliseconds, the least first.
const LEADS_MS: [u64; 3] = [100, 500, 1000];

/// Idle time below this is not worth a run, in milliseconds.
const GAP_MS: u64 = 20;

/// A window below this is short enough, in milliseconds.
const WINDOW_MS: u64 = 100;

/// Rates, numbers of clients and counts that are tried, the least first.
const RATES_PER_S: [u32; 6] = [2, 5, 10, 20, 40, 80];
const CLIENTS: [u32; 5] = [1, 2, 3, 5, 8];
const COUNTS: [u32; 6] = [2, 3, 5, 8, 12, 20];

/// The option of targets that counts operations until something happens: the fewer it takes, the
/// fewer a run needs.
const COUNTING_OPTION: &str = "snapshot-every";

/// Options that fit each other: without one of them a correct target may have reason to fail, as
/// when heartbeats come less often than elections time out.
const TIMING_OPTIONS: [&str; 2] = ["election-timeout", "heartbeat"];

/// Settling times that are tried, in milliseconds, the least first.
const SETTLES_MS: [u64; 3] = [0, 200, 1000];

/// Rounds over all passes, at most.
const ROUNDS_MAX: u64 = 12;

/// What everything together should come down to: more than this a person does not want to read.
pub(super) const OPERATIONS_GOAL: usize = 10;
/// Faults likewise.
pub(super) const FAULTS_GOAL: usize = 3;

/// How hard candidates are tried in the end, compared to the beginning.
const EFFORT_MAX: u64 = 16;

impl Search<'_> {
    /// All passes. Gives what was taken away, in words.
    pub(super) fn run(&mut self) -> Vec<String> {
        let mut steps = Vec::new();
        if self.best.case.operations.is_none() {
            self.drawn(&mut steps);
        }
        self.pass(&mut steps, Self::script);
        for _ in 0..ROUNDS_MAX {
            let before = steps.len();
            self.pass(&mut steps, Self::operations);
            self.pass(&mut steps, Self::faults);
            self.pass(&mut steps, Self::nodes);
            if self.best.done.len() > OPERATIONS_GOAL {
                self.pass(&mut steps, Self::count_less);
            }
            self.pass(&mut steps, Self::simpler_faults);
            self.pass(&mut steps, Self::windows);
            self.pass(&mut steps, Self::gaps);
            self.pass(&mut steps, Self::calm);
            self.pass(&mut steps, Self::clients);
            if self.is_over() {
                break;
            }
            if steps.len() > before {
                continue;
            }
            let readable =
                self.best.done.len() <= OPERATIONS_GOAL && self.best.case.plan.len() <= FAULTS_GOAL;
            if self.effort >= if readable { 2 } else { EFFORT_MAX } {
                break;
            }
            self.effort *= 2;
        }
        self.finish();
        self.pass(&mut steps, Self::plain);
        steps
    }

    /// What is done while a generator draws the operations.
    fn drawn(&mut self, steps: &mut Vec<String>) {
        for _ in 0..2 {
            let before = steps.len();
            self.pass(steps, Self::shorten);
            self.pass(steps, Self::faults);
            self.pass(steps, Self::options);
            self.pass(steps, Self::nodes);
            self.pass(steps, Self::load);
            if steps.len() == before || self.is_over() {
                return;
            }
        }
    }

    /// One pass; says what it has changed.
    fn pass(&mut self, steps: &mut Vec<String>, pass: fn(&mut Self)) {
        if self.is_over() {
            return;
        }
        let before = Size::of(&self.best);
        pass(self);
        let after = Size::of(&self.best);
        if let Some(step) = before.compared_with(&after) {
            steps.push(step);
        }
    }

    /// A shorter main phase, and one that begins later.
    fn shorten(&mut self) {
        while let Some(end_ns) = evidence_ends_ns(&self.best) {
            let end_ms = end_ns.div_ceil(MS) + 1;
            if end_ms >= time_ms(&self.best.case) {
                break;
            }
            let case = edit::ends_at(&self.best.case, end_ms);
            if self.first_of(&[case]).is_none() {
                break;
            }
        }
        loop {
            let case = &self.best.case;
            let first_ms = case.plan.iter().map(|planned| planned.start_ms).min().unwrap_or(0);
            let leads = LEADS_MS.iter().filter(|lead| **lead < first_ms);
            let mut cases: Vec<Case> =
                leads.map(|lead| edit::earlier(case, 0, first_ms - lead)).collect();
            let time_ms = time_ms(case);
            let parts = [time_ms / 4, time_ms / 2, time_ms * 3 / 4];
            let parts = parts.into_iter().filter(|part| *part > 1000);
            for part_ms in parts {
                cases.push(edit::ends_at(case, part_ms));
                cases.push(edit::earlier(case, 0, time_ms - part_ms));
            }
            if cases.is_empty() || self.first_of(&cases).is_none() {
                return;
            }
        }
    }

    /// Fewer faults.
    fn faults(&mut self) {
        let plan = self.best.case.plan.clone();
        minimize(&plan, |removals: &Removals<'_, PlannedFault>| {
            self.first(removals.count(), |best, number| {
                Some(edit::with_plan(&best.case, removals.without(number)))
            })
        });
    }

    /// No options but those that are needed, and those that count as low as possible.
    fn options(&mut self) {
        let names: Vec<&str> =
            self.best.case.request.target.options.iter().map(|o| o.name).collect();
        let alone = names.iter().filter(|name| !TIMING_OPTIONS.contains(name));
        let groups = std::iter::once(TIMING_OPTIONS.to_vec()).chain(alone.map(|name| vec![*name]));
        for group in groups {
            let of_group = |option: &String| group.iter().any(|name| sets(option, name));
            if self.best.case.request.args.options.iter().any(of_group) {
                let case = edit::with_args(&self.best.case, |args| {
                    args.options.retain(|option| !of_group(option));
                });
                case.and_then(|case| self.first_of(&[case]));
            }
        }
        let counts = |option: &String| sets(option, COUNTING_OPTION);
        if self.best.case.request.args.options.iter().any(counts) {
            self.count_less();
        }
    }

    /// Lower counts until something happens.
    fn count_less(&mut self) {
        let set = self.best.case.request.options.iter().rev();
        let now = set.clone().find(|(name, _)| *name == COUNTING_OPTION);
        let now = now.and_then(|(_, value)| value.parse().ok()).unwrap_or(u32::MAX);
        let counts = COUNTS.into_iter().filter(|count| *count < now);
        let cases: Vec<Case> = counts
            .filter_map(|count| {
                edit::with_args(&self.best.case, |args| {
                    args.options.retain(|option| !sets(option, COUNTING_OPTION));
                    args.options.push(format!("{COUNTING_OPTION}={count}"));
                })
            })
            .collect();
        if !cases.is_empty() {
            self.first_of(&cases);
        }
    }

    /// Fewer nodes, of which any may stay.
    fn nodes(&mut self) {
        for fewer in 1..self.best.case.request.args.nodes {
            let subsets = subsets(self.best.case.request.args.nodes, fewer);
            let tried = self
                .first(subsets.len(), |best, number| edit::on_nodes(&best.case, &subsets[number]));
            if tried.is_some() {
                return;
            }
        }
    }

    /// Fewer operations a second, on fewer keys, by fewer clients.
    fn load(&mut self) {
        let rate = self.best.case.request.rate_per_s();
        let rates = RATES_PER_S.into_iter().filter(|lower| *lower < rate || rate == 0);
        self.with_each(rates, |args, rate| args.rate = Some(rate));
        if self.best.case.request.args.keys != Some(1) {
            self.with_each([1], |args, keys| args.keys = Some(keys));
        }
        let clients = self.best.case.request.args.clients;
        let fewer = CLIENTS.into_iter().filter(|fewer| *fewer < clients);
        self.with_each(fewer, |args, clients| args.clients = clients);
    }

    fn with_each(
        &mut self,
        values: impl IntoIterator<Item = u32>,
        set: impl Fn(&mut crate::cli::RunArgs, u32),
    ) {
        let with = |value| edit::with_args(&self.best.case, |args| set(args, value));
        let cases: Vec<Case> = values.into_iter().filter_map(with).collect();
        if !cases.is_empty() {
            self.first_of(&cases);
        }
    }

    /// What was drawn is written down.
    fn script(&mut self) {
        let case = edit::with_operations(&self.best.case, self.best.operations());
        self.first_of(&[case]);
    }

    /// Fewer operations: those of the evidence alone, or of its keys; then one after the other,
    /// those of the evidence last.
    fn operations(&mut self) {
        if self.best.case.operations.is_none() {
            return;
        }
        let done = &self.best.done;
        let keys: Vec<Option<i64>> =
            done.iter().filter(|done| done.evidence).map(|done| done.op.key).collect();
        let evidence = |part: Option<Part>| -> Vec<ScriptedOp> {
            let wanted = done.iter().filter(|done| {
                done.evidence || (part != Some(done.op.part) && keys.contains(&done.op.key))
            });
            wanted.map(|done| done.op.clone()).collect()
        };
        let alone: Vec<ScriptedOp> =
            done.iter().filter(|done| done.evidence).map(|done| done.op.clone()).collect();
        let fewer =
            [alone, evidence(Some(Part::FinalReads)), evidence(Some(Part::Main)), evidence(None)];
        let cases: Vec<Case> = fewer
            .into_iter()
            .filter(|operations| operations.len() < done.len())
            .map(|operations| edit::with_operations(&self.best.case, operations))
            .collect();
        if !cases.is_empty() {
            self.first_of(&cases);
        }
        // An operation is told by its place in the script as it is now.
        let mut places: Vec<usize> = (0..self.best.done.len()).collect();
        let mut now = places.clone();
        places.sort_by_key(|place| self.best.done[*place].evidence);
        minimize(&places, |removals: &Removals<'_, usize>| {
            let number = self.first(removals.count(), |best, number| {
                let kept = removals.without(number);
                let left = best.done.iter().zip(&now).filter(|(_, place)| kept.contains(place));
                let left = left.map(|(done, _)| done.op.clone()).collect();
                Some(edit::with_operations(&best.case, left))
            })?;
            let kept = removals.without(number);
            now.retain(|place| kept.contains(place));
            assert_eq!(now.len(), self.best.done.len(), "all of a script is done");
            Some(number)
        });
    }

    /// As few clients as can do what is left.
    fn clients(&mut self) {
        if self.best.case.operations.is_none() {
            return;
        }
        let clients = self.best.case.request.args.clients;
        let fewer = edit::on_few_clients(&self.best.case, &self.best.done);
        if let Some(fewer) = fewer.filter(|case| case.request.args.clients < clients) {
            self.first_of(&[fewer]);
        }
    }

    /// Faults that do less.
    fn simpler_faults(&mut self) {
        let mut place = 0;
        while place < self.best.case.plan.len() {
            let case = &self.best.case;
            let simpler = case.plan[place].does.simpler().into_iter().map(|does| {
                let mut plan = case.plan.clone();
                plan[place].does = does;
                edit::with_plan(case, plan)
            });
            let simpler: Vec<Case> = simpler.collect();
            if simpler.is_empty() || self.first_of(&simpler).is_none() {
                place += 1;
            }
        }
    }

    /// Faults that begin later or end earlier.
    fn windows(&mut self) {
        let mut place = 0;
        while place < self.best.case.plan.len() {
            let case = &self.best.case;
            let PlannedFault { start_ms, stop_ms, .. } = case.plan[place];
            let length_ms = stop_ms - start_ms;
            let narrower = [
                (start_ms, start_ms + length_ms / 4),
                (start_ms, start_ms + length_ms / 2),
                (start_ms + length_ms / 2, stop_ms),
                (start_ms, start_ms + length_ms * 3 / 4),
            ];
            let narrower = narrower.map(|(start_ms, stop_ms)| {
                let mut plan = case.plan.clone();
                plan[place] = PlannedFault { start_ms, stop_ms, ..plan[place].clone() };
                edit::with_plan(case, plan)
            });
            if length_ms < WINDOW_MS || self.first_of(&narrower).is_none() {
                place += 1;
            }
        }
    }

    /// Less time in which nothing begins or ends.
    fn gaps(&mut self) {
        let mut place = 0;
        let mut moments = moments(&self.best.case);
        while let Some(pair) = moments.get(place..place + 2) {
            let (from_ms, gap_ms) = (pair[0], pair[1] - pair[0]);
            let shorter = [gap_ms, gap_ms * 3 / 4, gap_ms / 2, gap_ms / 4]
                .map(|by_ms| edit::earlier(&self.best.case, from_ms, by_ms));
            if gap_ms < GAP_MS || self.first_of(&shorter).is_none() {
                place += 1;
                continue;
            }
            let now = self::moments(&self.best.case);
            // An operation whose thread is not free any earlier stays where it is.
            if now.last() >= moments.last() {
                place += 1;
            }
            moments = now;
        }
    }

    /// No waiting before the final reads, and links and disks that always take as long.
    fn calm(&mut self) {
        let settle = self.best.case.request.args.settle;
        let settles = SETTLES_MS.map(Duration::from_millis).into_iter();
        let shorter = settles.filter(|shorter| *shorter < settle);
        let with = |settle| edit::with_args(&self.best.case, |args| args.settle = settle);
        let shorter: Vec<Case> = shorter.filter_map(with).collect();
        if !shorter.is_empty() {
            self.first_of(&shorter);
        }
        let constant = |(low, high): (u32, u32)| {
            let middle = low + (high - low) / 2;
            (middle, middle)
        };
        let args = &self.best.case.request.args;
        let (link, sync) = (args.link_delay, args.sync_delay);
        let choices =
            [(constant(link), constant(sync)), (constant(link), sync), (link, constant(sync))];
        let choices = choices.into_iter().filter(|choice| *choice != (link, sync));
        let with = |(link, sync)| {
            edit::with_args(&self.best.case, |args| {
                args.link_delay = link;
                args.sync_delay = sync;
            })
        };
        let calmer: Vec<Case> = choices.filter_map(with).collect();
        if !calmer.is_empty() {
            self.first_of(&calmer);
        }
    }

    /// Numbers that are easy to read.
    fn plain(&mut self) {
        for step_ms in [100, 50, 10, 1] {
            let case = edit::with_round_times(&self.best.case, step_ms);
            if self.first_of(&[case]).is_some() {
                break;
            }
        }
        if let Some(case) = edit::with_plain_values(&self.best.case) {
            self.first_of(&[case]);
        }
        if let Some(case) = edit::without_pointless_flags(&self.best.case) {
            self.first_of(&[case]);
        }
    }
}

fn time_ms(case: &Case) -> u64 {
    case.request.args.time.as_millis() as u64
}

/// When something begins or ends in the main phase, in milliseconds, in order; first, its own
/// beginning.
fn moments(case: &Case) -> Vec<u64> {
    let main = case.operations.iter().flatten().filter(|op| op.part == Part::Main);
    let mut moments: Vec<u64> = main.map(|op| op.at_ns / MS).collect();
    moments.extend(case.plan.iter().flat_map(|one| [one.start_ms, one.stop_ms]));
    moments.push(0);
    moments.sort_unstable();
    moments
}

/// Whether a `NAME=VALUE` sets the option of this name.
fn sets(option: &str, name: &str) -> bool {
    option.split_once('=').is_some_and(|(set, _)| set == name)
}

/// Every choice of so many of the nodes, in order.
fn subsets(nodes: u8, size: u8) -> Vec<Vec<NodeId>> {
    let masks = (0..1_u32 << nodes).filter(|mask| mask.count_ones() == u32::from(size));
    let members = |mask: u32| (0..nodes).filter(move |node| mask & (1 << node) != 0).map(NodeId);
    masks.map(|mask| members(mask).collect()).collect()
}

/// What a person sees of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Size {
    operations: usize,
    faults: usize,
    nodes: u8,
    clients: u32,
    main_ms: u64,
}

impl Size {
    fn of(found: &Found) -> Self {
        let args = &found.case.request.args;
        Self {
            operations: found.done.len(),
            faults: found.case.plan.len(),
            nodes: args.nodes,
            clients: args.clients,
            main_ms: time_ms(&found.case),
        }
    }

    /// What has become less, in words.
    fn compared_with(&self, after: &Self) -> Option<String> {
        let changes = [
            ("operations", self.operations as u64, after.operations as u64),
            ("faults", self.faults as u64, after.faults as u64),
            ("nodes", self.nodes.into(), after.nodes.into()),
            ("clients", self.clients.into(), after.clients.into()),
            ("main phase in ms", self.main_ms, after.main_ms),
        ];
        let changed = changes.into_iter().filter(|(_, before, after)| before != after);
        let words: Vec<String> =
            changed.map(|(what, before, after)| format!("{what} {before} -> {after}")).collect();
        (!words.is_empty()).then(|| words.join(", "))
    }
}
