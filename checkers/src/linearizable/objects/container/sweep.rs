//! What contradicts the lives of queues and priority queues, by sweeping over ranks.
//!
//! * **Empty** (every discipline): a take that found nothing needs a gap in which no value is
//!   certainly inside. Such a gap cuts the history in two that do not concern each other: what was
//!   put before it can be taken before it, and the rest put after it. So each of these takes can be
//!   judged alone.
//! * **First in, first out**: a was put wholly before b, and b taken wholly before a. Without such
//!   a pair, and with every empty take in its gap, there is an order (Henzinger, Sezgin &
//!   Vafeiadis 2013).
//! * **Priorities**: a poll of v needs a gap in which nothing that comes before v is certainly
//!   inside; a poll that found nothing is one of what comes last of all. Values are taken out from
//!   the last to the first: the one that comes last is in nobody's way, and its poll fits into its
//!   gap (decrease and conquer, Abdulla et al. 2025; Lee & Mathur 2025).
//!
//! All are linear but for the sorting of priorities.

use super::lives::{Life, Lives};
use std::ops::Range;

/// Why the lives of a container's values cannot be; numbers of lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Clash {
    /// First in, first out: `first` was put before `second`, and taken after it or never.
    Overtaken { first: usize, second: usize },
    /// This value was taken, while in every gap one of those was inside that come before it.
    Passed { taken: usize, over: Vec<usize> },
    /// This take found nothing (the number among such takes), while in every gap one of those was
    /// inside.
    NotEmpty { nothing: usize, inside: Vec<usize> },
    /// No order of these takes the youngest every time.
    Tangled(Vec<usize>),
}

impl Clash {
    /// The numbers of the lives that it is about.
    pub(super) fn lives(&self) -> Vec<usize> {
        match self {
            Self::Overtaken { first, second } => vec![*first, *second],
            Self::Passed { taken, over } => [&[*taken], over.as_slice()].concat(),
            Self::NotEmpty { inside, .. } => inside.clone(),
            Self::Tangled(lives) => lives.clone(),
        }
    }
}

/// The gaps that are not covered yet, each of them found in nearly constant time (union-find with
/// path halving).
#[derive(Debug)]
struct Gaps {
    next: Vec<u32>,
}

impl Gaps {
    fn new(ranks: u32) -> Self {
        Self { next: (0..=ranks).collect() }
    }

    /// The first free gap from this one on, or the number of gaps.
    fn free(&mut self, mut gap: u32) -> u32 {
        while self.next[gap as usize] != gap {
            let next = self.next[gap as usize];
            self.next[gap as usize] = self.next[next as usize];
            gap = self.next[gap as usize];
        }
        gap
    }

    fn cover(&mut self, gaps: Range<u32>) {
        let mut gap = self.free(gaps.start);
        while gap < gaps.end {
            self.next[gap as usize] = gap + 1;
            gap = self.free(gap + 1);
        }
    }
}

/// A take that found nothing while something was inside.
pub(super) fn not_empty(all: &Lives) -> Option<Clash> {
    if all.nothings.is_empty() {
        return None;
    }
    let mut gaps = Gaps::new(all.ranks);
    for life in &all.lives {
        gaps.cover(life.inside());
    }
    let wrong = |other: &super::lives::Other| gaps.free(other.from) >= other.by;
    let nothing = all.nothings.iter().position(wrong)?;
    let other = &all.nothings[nothing];
    let inside = cover(other.from..other.by, all.lives.iter().enumerate());
    Some(Clash::NotEmpty { nothing, inside })
}

/// Two values of which the one that was put later was taken sooner.
pub(super) fn overtaken(all: &Lives) -> Option<Clash> {
    // By the rank of the put's completion; no two lives share one.
    let mut put_by = vec![u32::MAX; all.ranks as usize + 1];
    for (number, life) in (0..).zip(&all.lives) {
        put_by[life.put_by as usize] = number;
    }
    let mut latest: Option<usize> = None;
    let mut rank = 0;
    for (second, life) in all.lives.iter().enumerate() {
        for &first in &put_by[rank..life.put_from as usize] {
            let later =
                |latest: usize| all.lives[first as usize].take_from > all.lives[latest].take_from;
            if first != u32::MAX && latest.is_none_or(later) {
                latest = Some(first as usize);
            }
        }
        rank = rank.max(life.put_from as usize);
        if let Some(first) = latest.filter(|&first| life.take_by < all.lives[first].take_from) {
            return Some(Clash::Overtaken { first, second });
        }
    }
    None
}

/// A value that was taken while others were inside that come before it. `order`: the lives'
/// numbers, what comes first first.
pub(super) fn passed(all: &Lives, order: &[u32]) -> Option<Clash> {
    let mut gaps = Gaps::new(all.ranks);
    for (rank, &number) in order.iter().enumerate() {
        let life = &all.lives[number as usize];
        if !life.stays() && gaps.free(life.take_from) >= life.take_by {
            let before = order[..rank].iter().map(|&number| number as usize);
            let before = before.map(|number| (number, &all.lives[number]));
            let over = cover(life.take_from..life.take_by, before);
            return Some(Clash::Passed { taken: number as usize, over });
        }
        gaps.cover(life.inside());
    }
    None
}

/// The fewest of these lives that leave none of the gaps free.
///
/// # Panics
/// When all of them together leave one free.
fn cover<'a>(gaps: Range<u32>, lives: impl Iterator<Item = (usize, &'a Life)>) -> Vec<usize> {
    let mut lives: Vec<(Range<u32>, usize)> = lives
        .map(|(number, life)| (life.inside(), number))
        .filter(|(inside, _)| inside.start < gaps.end && inside.end > gaps.start)
        .collect();
    lives.sort_unstable_by_key(|(inside, number)| (inside.start, *number));
    let mut chosen = Vec::new();
    let mut gap = gaps.start;
    let mut lives = lives.into_iter().peekable();
    let mut furthest = (gap, 0);
    while gap < gaps.end {
        while let Some((inside, number)) = lives.next_if(|(inside, _)| inside.start <= gap) {
            if inside.end > furthest.0 {
                furthest = (inside.end, number);
            }
        }
        assert!(furthest.0 > gap, "gap {gap} is covered");
        chosen.push(furthest.1);
        gap = furthest.0;
    }
    chosen
}
