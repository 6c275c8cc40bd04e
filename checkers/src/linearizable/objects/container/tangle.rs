//! From all values that a stack cannot let go to a few that contradict each other.
//!
//! Each stuck value has a push or a pop without a place: in every gap of it another stuck value is
//! certainly inside. Those others are stuck for the same reason, and so on: what is closed under
//! this contradicts itself. The closure is begun at several values, the smallest is taken, and from
//! it is dropped what is not needed.

use super::lives::Life;
use super::stack::stuck;
use std::ops::Range;

/// Closures begin at so many values, evenly spread.
const STARTS_MAX: usize = 256;

/// A closure that grows beyond this is given up.
const VALUES_MAX: usize = 64;

/// What dropping values may cost, in values that are looked at again.
const WORK_MAX: usize = 1_000_000;

/// Numbers of lives that cannot be nested, as few as it can tell, in order.
///
/// # Panics
/// When these lives are not stuck.
pub(super) fn tangle(lives: &[Life], ranks: u32, stuck: &[usize]) -> Vec<usize> {
    let tangle = Tangle::new(lives, ranks, stuck);
    let step = stuck.len().div_ceil(STARTS_MAX);
    let mut best = stuck.to_vec();
    for &start in stuck.iter().step_by(step) {
        let values_max = best.len().min(VALUES_MAX);
        if let Some(closed) = tangle.closure(start, values_max).filter(|c| c.len() < best.len()) {
            best = closed;
        }
    }
    best.sort_unstable();
    needed(lives, ranks, best)
}

struct Tangle<'a> {
    lives: &'a [Life],
    ranks: u32,
    /// Of the stuck values in order of the gap since which they are inside: that gap, and which of
    /// those up to here is inside longest, and until when.
    longest: Vec<(u32, u32, usize)>,
}

impl<'a> Tangle<'a> {
    fn new(lives: &'a [Life], ranks: u32, stuck: &[usize]) -> Self {
        let mut longest: Vec<(u32, u32, usize)> = stuck
            .iter()
            .map(|&life| (lives[life].inside(), life))
            .map(|(inside, life)| (inside.start, inside.end, life))
            .collect();
        longest.sort_unstable();
        for at in 1..longest.len() {
            let (before, this) = (longest[at - 1], &mut longest[at]);
            if before.1 > this.1 {
                (this.1, this.2) = (before.1, before.2);
            }
        }
        Self { lives, ranks, longest }
    }

    /// Values that contradict each other, this one among them; nothing if there are more.
    fn closure(&self, start: usize, values_max: usize) -> Option<Vec<usize>> {
        let mut closed = vec![start];
        let mut at = 0;
        while let Some(&life) = closed.get(at) {
            let life = &self.lives[life];
            let push = self.more(life.put_from..life.put_by, &closed, values_max);
            let pop = (life.take_by < self.ranks)
                .then(|| self.more(life.take_from..life.take_by, &closed, values_max))
                .flatten();
            let more = push.into_iter().chain(pop).min_by_key(Vec::len);
            closed.extend(more.expect("the push or the pop of a stuck value has no place"));
            if closed.len() > values_max {
                return None;
            }
            at += 1;
        }
        Some(closed)
    }

    /// Which values leave none of these gaps free, beside those that are there; nothing if all of
    /// them do. If they are more than `values_max`, only some of them.
    fn more(&self, gaps: Range<u32>, there: &[usize], values_max: usize) -> Option<Vec<usize>> {
        let mut more = Vec::new();
        let mut gap = gaps.start;
        while gap < gaps.end && more.len() <= values_max {
            let inside = there.iter().map(|&life| self.lives[life].inside());
            let until = inside.filter(|inside| inside.contains(&gap)).map(|inside| inside.end);
            if let Some(until) = until.max() {
                gap = until;
                continue;
            }
            let begun = self.longest.partition_point(|&(since, ..)| since <= gap);
            let &(_, until, life) = self.longest[..begun].last()?;
            if until <= gap {
                return None;
            }
            more.push(life);
            gap = until;
        }
        Some(more)
    }
}

/// What is left when values are dropped without which the others are still stuck: first many at
/// once, at last one by one. What was needed once is needed by every part of what is left, since
/// what lets go of the whole lets go of a part; so there is no second look.
fn needed(lives: &[Life], ranks: u32, mut values: Vec<usize>) -> Vec<usize> {
    let mut work_left = WORK_MAX;
    let mut chunk = values.len().div_ceil(2);
    loop {
        let mut at = 0;
        while at < values.len() && values.len() <= work_left {
            work_left -= values.len();
            let end = values.len().min(at + chunk);
            let fewer = [&values[..at], &values[end..]].concat();
            let left = stuck_alone(lives, ranks, &fewer);
            if left.is_empty() {
                at = end;
            } else {
                values = left.into_iter().map(|number| fewer[number]).collect();
            }
        }
        if chunk == 1 {
            return values;
        }
        chunk /= 2;
    }
}

/// Which of these are stuck without all others, with ranks of their own.
fn stuck_alone(lives: &[Life], ranks: u32, values: &[usize]) -> Vec<usize> {
    let chosen: Vec<Life> = values.iter().map(|&value| lives[value]).collect();
    let times = |life: &Life| [life.put_from, life.put_by, life.take_from, life.take_by];
    let mut known: Vec<u32> = chosen.iter().flat_map(times).filter(|&at| at < ranks).collect();
    known.sort_unstable();
    known.dedup();
    let rank = |at: u32| known.partition_point(|&other| other < at) as u32;
    let chosen: Vec<Life> = chosen
        .iter()
        .map(|life| Life {
            put_from: rank(life.put_from),
            put_by: rank(life.put_by),
            take_from: rank(life.take_from),
            take_by: rank(life.take_by),
            ..*life
        })
        .collect();
    stuck(&chosen, known.len() as u32)
}
