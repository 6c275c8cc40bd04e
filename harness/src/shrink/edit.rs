//! What can be changed about a case. Pure: each takes a case and gives a smaller or simpler one.
//!
//! A scripted case's `time` is no choice: its main phase lasts until its last operation and its
//! last fault are over, and [`fit`] writes that down after every change.

use super::search::Done;
use crate::case::{Case, Part, ScriptedOp, from_words};
use crate::cli::RunArgs;
use crate::request::Request;
use nemesis::plan::PlannedFault;
use std::collections::BTreeMap;
use std::time::Duration;
use targets::links::NodeId;
use targets::seed::Seed;

/// A millisecond in nanoseconds.
pub(super) const MS: u64 = 1_000_000;

/// The same case with another seed.
pub(super) fn set_seed(case: &mut Case, seed: Seed) {
    case.request.seed = seed;
    case.request.args.seed = Some(seed.0);
}

/// Makes the main phase of a scripted case as long as it needs to be.
pub(super) fn fit(case: &mut Case) {
    let Some(operations) = &case.operations else { return };
    let main = operations.iter().filter(|op| op.part == Part::Main);
    let last_op_ms = main.map(|op| op.at_ns.div_ceil(MS)).max().unwrap_or(0);
    let last_fault_ms = case.plan.iter().map(|planned| planned.stop_ms).max().unwrap_or(0);
    case.request.args.time = Duration::from_millis(last_op_ms.max(last_fault_ms).max(1));
}

/// The case with another command line; nothing if there is no such run.
pub(super) fn with_args(case: &Case, change: impl FnOnce(&mut RunArgs)) -> Option<Case> {
    let mut args = case.request.args.clone();
    args.seed = Some(case.request.seed.0);
    change(&mut args);
    let request = Request::new(args).ok()?;
    Some(Case { request, plan: case.plan.clone(), operations: case.operations.clone() })
}

/// The case with these faults, numbered anew.
pub(super) fn with_plan(case: &Case, mut plan: Vec<PlannedFault>) -> Case {
    plan.sort_by_key(|planned| (planned.start_ms, planned.id));
    for (planned, id) in plan.iter_mut().zip(1..) {
        planned.id = id;
    }
    let mut case = Case { plan, ..case.clone() };
    fit(&mut case);
    case
}

/// The case with this script.
pub(super) fn with_operations(case: &Case, operations: Vec<ScriptedOp>) -> Case {
    let mut case = Case { operations: Some(operations), ..case.clone() };
    fit(&mut case);
    case
}

/// The case without what begins after this moment of the main phase.
pub(super) fn ends_at(case: &Case, end_ms: u64) -> Case {
    let mut case = case.clone();
    case.request.args.time = Duration::from_millis(end_ms.max(1));
    if let Some(operations) = &mut case.operations {
        operations.retain(|op| op.part == Part::FinalReads || op.at_ns <= end_ms * MS);
    }
    let plan = case.plan.iter().filter(|planned| planned.start_ms < end_ms);
    let plan = plan
        .map(|planned| PlannedFault { stop_ms: planned.stop_ms.min(end_ms), ..planned.clone() });
    with_plan(&case, plan.collect())
}

/// The case in which whatever happens in the main phase after `from_ms` happens so much earlier,
/// but not before it.
pub(super) fn earlier(case: &Case, from_ms: u64, by_ms: u64) -> Case {
    let moved = |at: u64, unit: u64| {
        if at <= from_ms * unit {
            at
        } else {
            (at - from_ms * unit).saturating_sub(by_ms * unit) + from_ms * unit
        }
    };
    let mut case = case.clone();
    for op in case.operations.iter_mut().flatten().filter(|op| op.part == Part::Main) {
        op.at_ns = moved(op.at_ns, MS);
    }
    for planned in &mut case.plan {
        planned.start_ms = moved(planned.start_ms, 1);
        planned.stop_ms = moved(planned.stop_ms, 1);
    }
    case.plan.retain(|planned| planned.start_ms < planned.stop_ms);
    let time_ms = case.request.args.time.as_millis() as u64;
    case.request.args.time = Duration::from_millis(moved(time_ms, 1).max(1));
    let plan = std::mem::take(&mut case.plan);
    with_plan(&case, plan)
}

/// The same with only these nodes, in ascending order, which are numbered anew; what the others
/// were asked, they are asked. Nothing if there is no such run.
pub(super) fn on_nodes(case: &Case, kept: &[NodeId]) -> Option<Case> {
    let among = |planned: &PlannedFault| {
        let does = planned.does.among(kept)?;
        Some(PlannedFault { does, ..planned.clone() })
    };
    let plan = case.plan.iter().filter_map(among).collect();
    let renumbered = |node: NodeId| {
        let place = kept.iter().position(|kept| *kept == node);
        NodeId(place.map_or(node.0 % kept.len() as u8, |place| place as u8))
    };
    let mut case = with_plan(case, plan);
    for op in case.operations.iter_mut().flatten() {
        op.node = renumbered(op.node);
    }
    let names = planned_names(&case.plan);
    with_args(&case, |args| {
        args.nodes = kept.len() as u8;
        args.faults = names;
        args.ask = if args.ask.starts_with("weighted") { "mixed".into() } else { args.ask.clone() };
    })
}

/// The same operations on as few clients as can do them at their times.
pub(super) fn on_few_clients(case: &Case, done: &[Done]) -> Option<Case> {
    let mut free_from: Vec<(Part, u64)> = Vec::new();
    let mut operations = case.operations.clone()?;
    let begins = |place: usize| (done[place].op.part, done[place].op.at_ns);
    let mut places: Vec<usize> = (0..done.len()).collect();
    places.sort_by_key(|place| begins(*place));
    for place in places {
        let free = free_from.iter().position(|free| *free < begins(place));
        let thread = free.unwrap_or(free_from.len());
        free_from.resize(free_from.len().max(thread + 1), (Part::Main, 0));
        free_from[thread] = (done[place].op.part, done[place].end_ns.unwrap_or(u64::MAX));
        operations[place].thread = thread as u32;
    }
    let case = with_operations(case, operations);
    with_args(&case, |args| args.clients = free_from.len().max(1) as u32)
}

/// The same operations with keys that count from zero and values that count from one on each key,
/// in order of their first use.
pub(super) fn with_plain_values(case: &Case) -> Option<Case> {
    let mut keys: BTreeMap<i64, i64> = BTreeMap::new();
    let mut values: BTreeMap<(i64, i64), i64> = BTreeMap::new();
    let mut last: BTreeMap<i64, i64> = BTreeMap::new();
    let mut operations = case.operations.clone()?;
    for op in &mut operations {
        let Some(key) = op.key else { continue };
        let next = keys.len() as i64;
        op.key = Some(*keys.entry(key).or_insert(next));
        let mut plain = |value: &serde_json::Value| {
            let Some(value) = value.as_i64() else { return value.clone() };
            let last = last.entry(key).or_insert(0);
            let plain = values.entry((key, value)).or_insert_with(|| {
                *last += 1;
                *last
            });
            (*plain).into()
        };
        op.value = match &op.value {
            serde_json::Value::Array(values) => values.iter().map(plain).collect(),
            other => plain(other),
        };
    }
    Some(with_operations(case, operations))
}

/// The same with times that are whole multiples of so many milliseconds.
pub(super) fn with_round_times(case: &Case, step_ms: u64) -> Case {
    let mut case = case.clone();
    let round = |at: u64, step: u64| (at + step / 2) / step * step;
    for op in case.operations.iter_mut().flatten() {
        op.at_ns = round(op.at_ns, step_ms * MS);
    }
    for planned in &mut case.plan {
        planned.start_ms = round(planned.start_ms, step_ms);
        planned.stop_ms = round(planned.stop_ms, step_ms).max(planned.start_ms + 1);
    }
    let plan = std::mem::take(&mut case.plan);
    with_plan(&case, plan)
}

/// The same without what a script makes pointless: how a generator would draw operations and a plan
/// its faults.
pub(super) fn without_pointless_flags(case: &Case) -> Option<Case> {
    case.operations.as_ref()?;
    let names = planned_names(&case.plan);
    let bare = ["tribunal", "run", case.request.target.name].map(str::to_owned);
    let default = from_words(&bare).ok()?.args;
    with_args(case, |args| {
        args.faults = names;
        args.rate = default.rate;
        args.keys = default.keys;
        args.ops_per_key = default.ops_per_key;
        args.mix = default.mix;
        args.ask = default.ask;
        args.fault_interval = default.fault_interval;
        args.fault_length = default.fault_length;
    })
}

/// The names of a plan's faults, each once; `none` if there are none.
fn planned_names(plan: &[PlannedFault]) -> Vec<String> {
    let mut names: Vec<String> = plan.iter().map(|planned| planned.fault.clone()).collect();
    names.sort_unstable();
    names.dedup();
    if names.is_empty() { vec!["none".to_owned()] } else { names }
}
