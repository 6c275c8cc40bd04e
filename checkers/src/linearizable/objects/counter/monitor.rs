//! Counters decided in O(n log n).
//!
//! Two procedures, one behind the other:
//!
//! 1. **Bounds**, for any steps. A read finds the adds that completed before it began, and some of
//!    those that overlap it: its sum lies between what the negative and what the positive ones of
//!    these make of it. Necessary; sufficient only if nothing is ever added.
//! 2. **Greedy**, if all steps are equal (adds of 0 aside). Only the number of adds done counts.
//!    Walk along time and do an add as late as possible: at its completion, or when a read
//!    completes that has not yet seen its number. Then the number is the least possible at each
//!    moment, and it rises one by one, so that an open read never misses its number. Of the open
//!    adds the one that completes first is done first; whoever took another one could swap the two.
//!    What may have happened completes last of all.
//!
//! ```text
//!    add 1  |-----|          read -> 0 |--|        0 would have to come behind the second add:
//!    add 1    |-----------?                        the greedy has done 1 when it begins: illegal
//! ```
//!
//! The number is too great when a read begins only if there is an earlier read that found k', and
//! adds behind it that completed before, more of them than the read allows: the evidence.
//!
//! Unequal steps make it a subset sum: left to the search.

use super::super::super::model::{Monitored, Part, Timed};
use super::super::sweep::{Moment, moments_of};
use super::{CounterOp, text};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A contradiction of more operations than this is told in numbers, and only its reads are named.
const CULPRITS_MAX: usize = 10;

pub(super) fn decide(initial: i64, part: &Part<CounterOp>) -> Monitored {
    if let Some(illegal) = out_of_bounds(initial, part) {
        return illegal;
    }
    match equal_step(part) {
        Ok(None) => Monitored::Legal,
        Ok(Some(step)) => greedy(initial, step, part),
        Err([one, other]) => Monitored::Unfit(format!(
            "adds of {one} and of {other}: only a search knows which of them a read has seen"
        )),
    }
}

/// Sums over adds: of all, of the negative ones, of the positive ones.
#[derive(Clone, Copy, Default)]
struct Sums {
    negative: i128,
    positive: i128,
}

impl Sums {
    fn add(&mut self, delta: i64) {
        let side = if delta < 0 { &mut self.negative } else { &mut self.positive };
        *side += i128::from(delta);
    }
}

fn out_of_bounds(initial: i64, part: &Part<CounterOp>) -> Option<Monitored> {
    let mut begun = Sums::default();
    let mut completed = Sums::default();
    // What had completed when each read began.
    let mut before = vec![Sums::default(); part.ops.len()];
    for moment in moments_of(part) {
        match moment {
            Moment::Begin(at) => match part.ops[at].op {
                CounterOp::Add(delta) => begun.add(delta),
                CounterOp::Read(_) => before[at] = completed,
            },
            Moment::End(at) => match part.ops[at].op {
                CounterOp::Add(delta) => completed.add(delta),
                CounterOp::Read(sum) => {
                    let least = i128::from(initial) + before[at].positive + begun.negative;
                    let most = i128::from(initial) + begun.positive + before[at].negative;
                    if !(least..=most).contains(&i128::from(sum)) {
                        return Some(bounds_evidence(part, at, least, most));
                    }
                }
            },
        }
    }
    None
}

/// The read, and the adds that count on the side that it missed, unless they are too many.
fn bounds_evidence(part: &Part<CounterOp>, read: usize, least: i128, most: i128) -> Monitored {
    let Timed { op, invoke, ret, .. } = part.ops[read];
    let low = matches!(op, CounterOp::Read(sum) if i128::from(sum) < least);
    let counts = |timed: &Timed<CounterOp>| match timed.op {
        CounterOp::Add(delta) if (delta > 0) == low => timed.ret < invoke,
        CounterOp::Add(delta) => delta != 0 && timed.invoke < ret,
        CounterOp::Read(_) => false,
    };
    let adds: Vec<u32> =
        (0..part.ops.len()).filter(|&at| counts(&part.ops[at])).map(|at| at as u32).collect();
    let (bound, side) = if low { (least, "more") } else { (most, "less") };
    let sentence = format!(
        "{} is impossible: the adds that completed before it began, and those that overlap it, \
         make {bound} or {side}",
        text(op),
    );
    illegal(adds, &[read], sentence)
}

fn illegal(adds: Vec<u32>, reads: &[usize], sentence: String) -> Monitored {
    let mut culprits: Vec<u32> = reads.iter().map(|&at| at as u32).collect();
    if adds.len() + reads.len() <= CULPRITS_MAX {
        culprits.extend(adds);
    }
    culprits.sort_unstable();
    Monitored::Illegal { culprits, sentence }
}

/// The step of all adds that change anything, or two that differ.
fn equal_step(part: &Part<CounterOp>) -> Result<Option<i64>, [i64; 2]> {
    let mut step = None;
    for timed in &part.ops {
        match (timed.op, step) {
            (CounterOp::Read(_) | CounterOp::Add(0), _) => {}
            (CounterOp::Add(delta), None) => step = Some(delta),
            (CounterOp::Add(delta), Some(step)) if delta == step => {}
            (CounterOp::Add(delta), Some(step)) => return Err([step, delta]),
        }
    }
    Ok(step)
}

/// The number of adds that a read has seen; nothing if no number of them makes its sum.
fn number(initial: i64, step: i64, sum: i64) -> Option<i128> {
    let distance = i128::from(sum) - i128::from(initial);
    (distance % i128::from(step) == 0).then(|| distance / i128::from(step))
}

fn greedy(initial: i64, step: i64, part: &Part<CounterOp>) -> Monitored {
    let mut done = 0_i128;
    let mut open: BinaryHeap<Reverse<(u32, usize)>> = BinaryHeap::new();
    let mut is_done = vec![false; part.ops.len()];
    for moment in moments_of(part) {
        let (Moment::Begin(at) | Moment::End(at)) = moment;
        let wanted = match part.ops[at].op {
            CounterOp::Add(0) => continue,
            CounterOp::Add(_) => match moment {
                Moment::Begin(_) => {
                    open.push(Reverse((part.ops[at].ret, at)));
                    continue;
                }
                Moment::End(_) => done + i128::from(!is_done[at]),
            },
            CounterOp::Read(_) if part.ops[at].is_optional() => continue,
            CounterOp::Read(sum) => {
                let Some(seen) = number(initial, step, sum) else {
                    return between_steps(part, at, step);
                };
                match moment {
                    Moment::Begin(_) if seen < done => {
                        return fell_behind(initial, step, part, at);
                    }
                    Moment::Begin(_) => continue,
                    Moment::End(_) => seen,
                }
            }
        };
        while done < wanted {
            let Reverse((_, first)) = open.pop().expect("a read within its bounds has its adds");
            is_done[first] = true;
            done += 1;
        }
    }
    Monitored::Legal
}

fn between_steps(part: &Part<CounterOp>, read: usize, step: i64) -> Monitored {
    let read_text = text(part.ops[read].op);
    let sentence = format!("{read_text} is impossible: every add is an add of {step}");
    Monitored::Illegal { culprits: vec![read as u32], sentence }
}

/// The read that found more than this one allows together with the adds behind it.
fn fell_behind(initial: i64, step: i64, part: &Part<CounterOp>, read: usize) -> Monitored {
    let Timed { op, invoke, .. } = part.ops[read];
    let seen = |op: CounterOp| match op {
        CounterOp::Read(sum) => number(initial, step, sum),
        CounterOp::Add(_) => None,
    };
    let allowed = seen(op).expect("the greedy found its number");
    let completed = || part.ops.iter().enumerate().filter(|(_, timed)| timed.ret < invoke);
    // In order of invocation, as the part is.
    let adds: Vec<usize> = completed()
        .filter(|(_, timed)| matches!(timed.op, CounterOp::Add(delta) if delta != 0))
        .map(|(at, _)| at)
        .collect();
    let behind = |ret: u32| adds.partition_point(|&at| part.ops[at].invoke < ret);
    let earlier = completed()
        .filter_map(|(at, timed)| Some((at, seen(timed.op)?, behind(timed.ret))))
        .filter(|(_, seen, behind)| seen + (adds.len() - behind) as i128 > allowed)
        .max_by_key(|&(_, seen, _)| seen);
    let (earlier, found, behind) = earlier.expect("an earlier read explains what was done");
    let needed = usize::try_from(allowed + 1 - found).unwrap_or(0);
    let adds: Vec<u32> = adds[behind..].iter().take(needed).map(|&at| at as u32).collect();
    let never = if step > 0 { "falls" } else { "rises" };
    let and = match needed {
        0 => String::new(),
        1 => format!(", and one more add {step} behind it,"),
        _ => format!(", and {needed} more adds of {step} behind it,"),
    };
    let sentence = format!(
        "{} completed{and} before {} began, and the counter never {never}",
        text(part.ops[earlier].op),
        text(op),
    );
    illegal(adds, &[earlier, read], sentence)
}
