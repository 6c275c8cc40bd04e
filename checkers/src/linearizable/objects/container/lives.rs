//! From the operations of a part to the lives of its values, where every value is put once.
//!
//! Time is counted in *ranks*: the events of the part in their order, 0, 1, 2, ... A *gap* is what
//! lies between a rank and the next one, and has the number of the rank before it. Operations take
//! effect in gaps.
//!
//! ```text
//!   put  3 |--------|                    put_from .. put_by
//!                          take 3 |----| take_from .. take_by
//!                   [ inside      )      the gaps in which 3 is certainly inside
//! ```

use super::ContainerOp;
use crate::history::Datum;
use crate::linearizable::model::Part;
use rustc_hash::FxHashMap;
use std::ops::Range;

/// No operation has this position.
pub(super) const NOBODY: u32 = u32::MAX;

/// An operation's number and one bit fit into 32.
const OPS_MAX: usize = 1 << 31;

/// When a value was put and when it was taken, by ranks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Life {
    /// The position of the put.
    pub(super) put: u32,
    /// The position of the take, or [`NOBODY`].
    pub(super) take: u32,
    pub(super) put_from: u32,
    /// A value that was taken was put before its take returned, even if nobody saw the put return.
    pub(super) put_by: u32,
    /// After `put_from`. All ranks are below it if nobody took the value.
    pub(super) take_from: u32,
    pub(super) take_by: u32,
}

impl Life {
    /// The gaps in which the value is certainly inside; perhaps none.
    pub(super) fn inside(&self) -> Range<u32> {
        self.put_by..self.take_from.max(self.put_by)
    }

    /// Whether nobody took it.
    pub(super) fn stays(&self) -> bool {
        self.take == NOBODY
    }
}

/// A take that is no part of a value's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Other {
    pub(super) position: u32,
    pub(super) from: u32,
    /// All ranks are below it if nobody saw the take return.
    pub(super) by: u32,
}

/// The lives of a part's values.
#[derive(Clone, Debug, Default)]
pub(super) struct Lives {
    /// How many ranks there are, and gaps: the last one is after the last event.
    pub(super) ranks: u32,
    /// In order of `put_from`. A value whose put is indeterminate and which nobody took is not
    /// among them: it can be taken out of every legal order.
    pub(super) lives: Vec<Life>,
    /// Takes that found the container empty.
    pub(super) nothings: Vec<Other>,
    /// Takes of unknown result, in order of `from`.
    pub(super) unknown: Vec<Other>,
}

/// What the operations are to the monitor.
#[derive(Clone, Debug)]
pub(super) enum Fit {
    /// Every value has one life.
    Lives(Lives),
    /// They are not what the monitor needs, and why.
    Not(String),
    /// They contradict each other at sight.
    Wrong(Wrong),
}

/// A contradiction at sight: positions of operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// A take of a value that nobody put.
    FromNowhere(u32),
    /// A put, and two takes of its value.
    TakenTwice([u32; 3]),
    /// A put, and a take that returned before the put began.
    TakenBefore([u32; 2]),
}

/// Reads the lives out of a part.
pub(super) fn read(part: &Part<ContainerOp>) -> Fit {
    if part.ops.len() > OPS_MAX {
        return Fit::Not("there are too many operations for it".to_owned());
    }
    let (ranks, spans) = spans(part);
    let (mut lives, numbers) = match puts(part, &spans, ranks) {
        Ok(puts) => puts,
        Err(why) => return Fit::Not(why),
    };
    let mut all = Lives { ranks, ..Lives::default() };
    for (position, (timed, span)) in (0..).zip(part.ops.iter().zip(&spans)) {
        let other = Other { position, from: span.start, by: span.end };
        match (&timed.op, timed.is_optional()) {
            (ContainerOp::Put(_), _) | (ContainerOp::TakeNothing, true) => {}
            (ContainerOp::TakeNothing, false) => all.nothings.push(other),
            (ContainerOp::TakeUnknown, true) => all.unknown.push(other),
            (ContainerOp::TakeUnknown, false) => {
                return Fit::Not("something was taken, and it is not known what".to_owned());
            }
            (ContainerOp::Take(value), true) => {
                let value = super::value_text(value);
                return Fit::Not(format!("it is not known whether {value} was taken"));
            }
            (ContainerOp::Take(value), false) => {
                let Some(&number) = numbers.get(value) else {
                    return Fit::Wrong(Wrong::FromNowhere(position));
                };
                if let Err(wrong) = lives[number as usize].taken(position, span) {
                    return Fit::Wrong(wrong);
                }
            }
        }
    }
    drop(numbers);
    lives.retain(|life| !(life.stays() && part.ops[life.put as usize].is_optional()));
    all.lives = lives;
    Fit::Lives(all)
}

/// The lives as far as the puts tell, and their numbers by value.
fn puts<'a>(
    part: &'a Part<ContainerOp>,
    spans: &[Range<u32>],
    ranks: u32,
) -> Result<(Vec<Life>, FxHashMap<&'a Datum, u32>), String> {
    let count = part.ops.iter().filter(|timed| matches!(timed.op, ContainerOp::Put(_))).count();
    let mut lives = Vec::with_capacity(count);
    let mut numbers = FxHashMap::with_capacity_and_hasher(count, Default::default());
    for (position, (timed, span)) in (0..).zip(part.ops.iter().zip(spans)) {
        let ContainerOp::Put(value) = &timed.op else { continue };
        if numbers.insert(value, lives.len() as u32).is_some() {
            return Err(format!("{} was put more than once", super::value_text(value)));
        }
        let Range { start: put_from, end: put_by } = *span;
        let (take_from, take_by) = (ranks, ranks);
        lives.push(Life { put: position, take: NOBODY, put_from, put_by, take_from, take_by });
    }
    Ok((lives, numbers))
}

impl Life {
    fn taken(&mut self, position: u32, span: &Range<u32>) -> Result<(), Wrong> {
        if !self.stays() {
            return Err(Wrong::TakenTwice([self.put, self.take, position]));
        }
        if span.end < self.put_from {
            return Err(Wrong::TakenBefore([self.put, position]));
        }
        self.take = position;
        self.take_from = span.start.max(self.put_from);
        self.take_by = span.end;
        self.put_by = self.put_by.min(span.end);
        Ok(())
    }
}

/// How many ranks there are, and of each operation the ranks of its invocation and its completion;
/// that of one that never completes is the number of ranks.
fn spans(part: &Part<ContainerOp>) -> (u32, Vec<Range<u32>>) {
    let mut events = Vec::with_capacity(part.ops.len() * 2);
    for (position, timed) in (0_u64..).zip(&part.ops) {
        events.push(u64::from(timed.invoke) << 32 | position << 1);
        if !timed.is_optional() {
            events.push(u64::from(timed.ret) << 32 | position << 1 | 1);
        }
    }
    events.sort_unstable();
    let ranks = events.len() as u32;
    let mut spans = vec![0..ranks; part.ops.len()];
    for (rank, event) in (0..).zip(&events) {
        let span = &mut spans[(*event as u32 >> 1) as usize];
        *(if event & 1 == 0 { &mut span.start } else { &mut span.end }) = rank;
    }
    (ranks, spans)
}
