//! Values that only grow are never seen to shrink.
//!
//! ```text
//!   read -> 5 |--|                          shrank: a read that began later answers less
//!   read        |--| -> 3   (concurrent: no complaint)
//!   read              |--| -> 4             4 after 5
//! ```
//!
//! Per key. `read` answers a number, or the list of what was inserted so far, whose greatest counts
//! and whose numbers must rise; nil is before everything. `insert` (or `add`, `inc`, `increment`,
//! `append`, `write`) adds a number: the one it answers, or else the one it was asked to add.
//!
//! * `shrank`: a read answers less than one that was complete before it began, or less than an
//!   insert of the same process before it. If one process saw both it is `process-shrank`.
//! * `not-growing`: an insert adds no more than one that was complete before it began.
//! * `out-of-order`: a list does not rise; `duplicated`: it holds a number twice.
//!
//! Jepsen's `monotonic` workload looks at the list of one final read and relies on timestamps of
//! the database. Here it is real time, and every read counts.

use super::shape::Item;
use super::subject::{Found, Part, Seen, figure, parts};
use crate::history::pairing::Operation;
use crate::history::{EventType, History, Process};
use crate::verdict::Judgement;
use rustc_hash::FxHashMap;

/// A number that somebody saw or inserted.
#[derive(Clone, Copy)]
struct Mark {
    value: i64,
    op: Operation,
}

/// An operation with what was known when it began.
struct Step<'a> {
    seen: Seen<'a>,
    value: i64,
    is_read: bool,
}

pub(super) fn check(claim: &str, history: &History, _: &super::Options) -> Judgement {
    let mut found = Found::new(history);
    let [mut reads, mut inserts] = [0; 2];
    let parts = parts(history);
    for part in &parts {
        let steps = steps(history, part, &mut found);
        let answered = steps.iter().filter(|step| step.is_read).count();
        reads += answered;
        inserts += steps.len() - answered;
        sweep(history, part, &steps, &mut found);
    }
    let vacuous = (reads == 0 && inserts < 2).then_some("nothing was read");
    let figures =
        vec![figure("keys", parts.len()), figure("reads", reads), figure("inserts", inserts)];
    found.complaints.judgement("monotonic", claim, figures, found.misfits.verdict(vacuous))
}

fn steps<'a>(history: &'a History, part: &Part, found: &mut Found<'a>) -> Vec<Step<'a>> {
    let mut steps = Vec::with_capacity(part.ops.len());
    for &op in &part.ops {
        let seen = Seen::of(history, op);
        if seen.outcome != EventType::Ok {
            continue;
        }
        let is_read = seen.f == "read";
        let is_insert =
            matches!(seen.f, "insert" | "add" | "inc" | "increment" | "append" | "write");
        let result = seen.result(history);
        let value = match result {
            Item::Int(number) => Some(number),
            Item::Nil if is_read => continue,
            Item::Nil => seen.argument(history).int(),
            list if is_read => match greatest(history, part, &seen, list, found) {
                Some(Some(number)) => Some(number),
                Some(None) => continue,
                None => None,
            },
            _ => None,
        };
        match value {
            Some(value) if is_read || is_insert => steps.push(Step { seen, value, is_read }),
            None if is_read => {
                let expected = "a whole number, or a list of them";
                found.misfits.value(seen.complete as usize, expected, result);
            }
            None if is_insert => {
                found.misfits.value(seen.complete as usize, "a whole number", result);
            }
            _ => {}
        }
    }
    steps
}

/// The greatest number of a list, after a look at its order: nothing at all if it is no list of
/// numbers.
fn greatest<'a>(
    history: &'a History,
    part: &Part,
    read: &Seen<'a>,
    list: Item<'a>,
    found: &mut Found<'a>,
) -> Option<Option<i64>> {
    let mut greatest: Option<i64> = None;
    let mut complaint = None;
    for item in list.items()? {
        let number = item.int()?;
        if let Some(before) = greatest.filter(|&before| before >= number) {
            complaint.get_or_insert((before, number));
        }
        greatest = Some(greatest.map_or(number, |most| most.max(number)));
    }
    if let Some((before, number)) = complaint {
        let kind = if before == number { "duplicated" } else { "out-of-order" };
        let sentence = || format!("the list has {number} after {before}");
        found.complaints.add(kind, part.key_text(history), vec![read.op], sentence);
    }
    Some(greatest)
}

/// In order of time: what an operation completes with raises what later ones owe.
fn sweep<'a>(history: &'a History, part: &Part, steps: &[Step<'a>], found: &mut Found<'a>) {
    // In each moment, completions are looked at when they happen, invocations remember the floor.
    let mut moments: Vec<(u32, u32, bool)> = Vec::with_capacity(steps.len() * 2);
    for (number, step) in (0..).zip(steps) {
        moments.push((step.seen.invoke, number, true));
        moments.push((step.seen.complete, number, false));
    }
    moments.sort_unstable();
    let mut floors: Vec<Option<Mark>> = vec![None; steps.len()];
    let [mut read, mut inserted]: [Option<Mark>; 2] = [None; 2];
    let mut own: FxHashMap<Process, Mark> = FxHashMap::default();
    for (_, number, begins) in moments {
        let step = &steps[number as usize];
        if begins {
            floors[number as usize] = if step.is_read { read } else { inserted };
            continue;
        }
        let process = history.events()[step.seen.invoke as usize].process;
        let mark = Mark { value: step.value, op: step.seen.op };
        let seen = own.entry(process).or_insert(mark);
        if let Some((kind, before)) = complaint(step, floors[number as usize], *seen) {
            let (f, value) = (step.seen.f, step.value);
            let sentence = || match kind {
                "not-growing" => {
                    format!("{f} of {value} began after that of {} was complete", before.value)
                }
                "process-shrank" => format!("one process saw {} and then {value}", before.value),
                _ => format!("{value} is read after {} was", before.value),
            };
            let ops = vec![before.op, step.seen.op];
            found.complaints.add(kind, part.key_text(history), ops, sentence);
        }
        raise(seen, mark);
        let highest = if step.is_read { &mut read } else { &mut inserted };
        raise(highest.get_or_insert(mark), mark);
    }
}

fn complaint(step: &Step<'_>, floor: Option<Mark>, own: Mark) -> Option<(&'static str, Mark)> {
    if !step.is_read {
        let before = floor.filter(|floor| floor.value >= step.value)?;
        return Some(("not-growing", before));
    }
    if own.value > step.value {
        return Some(("process-shrank", own));
    }
    floor.filter(|floor| floor.value > step.value).map(|before| ("shrank", before))
}

fn raise(highest: &mut Mark, mark: Mark) {
    if highest.value < mark.value {
        *highest = mark;
    }
}
