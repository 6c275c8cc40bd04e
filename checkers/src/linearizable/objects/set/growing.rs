//! Whole reads of elements that are never removed.
//!
//! A read lists a set. Reads that list the same are one *block*, and the blocks stand in the order
//! of inclusion, if there is one. Before a block come the elements that it lists and the block
//! before it does not; after the last one, what nobody listed. So the order of blocks is forced,
//! and within a block there is no order but real time:
//!
//! ```text
//!   elements of the 1st read | reads | more elements | reads | ... | elements that no read lists
//! ```
//!
//! There is an order exactly if nothing began after something ended that stands in a later block.
//! An element stands for the moment when it came to be there, which has a bound on either side
//! (`element`).

use super::bounds::{Ask, Bound};
use super::element::{self, Presence};
use std::cmp::Reverse;

/// A read of all elements.
#[derive(Clone, Debug)]
pub(super) struct Whole {
    pub(super) op: u32,
    pub(super) from: u32,
    pub(super) by: u32,
    /// What it lists, each once.
    pub(super) elements: Vec<u32>,
}

/// Why these reads cannot be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Clash {
    /// This read lists an element that nobody added.
    FromNowhere { read: u32, element: u32 },
    /// Each of two reads lists an element that the other does not.
    Forked { reads: [u32; 2], elements: [u32; 2] },
    /// The read began after the element was there, but does not list it.
    Lost { read: u32, element: u32 },
    /// The read ended before the element was there, but lists it.
    Early { read: u32, element: u32 },
    /// The first read lists the element, the second one began later and does not.
    Unseen { reads: [u32; 2], element: u32 },
    /// The read lists the first element, which came after the second, but not the second.
    Skipped { read: u32, elements: [u32; 2] },
}

/// What stands in a block.
#[derive(Clone, Copy, Debug)]
enum Who {
    Element(u32),
    /// The number of a read.
    Read(usize),
}

#[derive(Clone, Copy, Debug)]
struct Placed {
    block: u32,
    who: Who,
    from: u32,
    by: u32,
}

/// When each element came, by what is asked of it alone: `asks` by element, each legal alone.
pub(super) struct Growing<'a> {
    pub(super) asks: Vec<&'a [Ask]>,
    pub(super) reads: Vec<Whole>,
}

/// The element is listed in no read.
const UNSEEN: u32 = u32::MAX;

impl Growing<'_> {
    /// Why there is no order, if there is none.
    pub(super) fn clash(&mut self) -> Option<Clash> {
        self.reads.sort_by_key(|read| (read.elements.len(), read.op));
        let (blocks, of_reads) = match self.blocks() {
            Ok(blocks) => blocks,
            Err(clash) => return Some(clash),
        };
        let mut placed = Vec::with_capacity(blocks.len() + self.reads.len());
        for (number, (read, block)) in self.reads.iter().zip(of_reads).enumerate() {
            let who = Who::Read(number);
            placed.push(Placed { block, who, from: read.from, by: read.by });
        }
        for (element, &block) in (0..).zip(&blocks) {
            if let Some(Presence { from, by }) = self.presence(element, block) {
                placed.push(Placed { block, who: Who::Element(element), from: from.at, by: by.at });
            }
        }
        // Reverse, so that what ends first in a block is met before others of it that began later.
        placed.sort_unstable_by_key(|placed| (placed.block, Reverse(placed.by)));
        let [mut latest, mut latest_here]: [Option<Placed>; 2] = [None; 2];
        for this in placed {
            if latest_here.is_some_and(|here| here.block < this.block) {
                latest = later(latest, latest_here.take());
            }
            if let Some(before) = latest.filter(|before| before.from > this.by) {
                return Some(self.explain(before, this));
            }
            latest_here = later(latest_here, Some(this));
        }
        None
    }

    fn presence(&self, element: u32, block: u32) -> Option<Presence> {
        let asks = self.asks[element as usize];
        if block == UNSEEN { element::presence(asks) } else { element::presence_if_listed(asks) }
    }

    /// The blocks of the elements, and of the reads: even numbers for the one, odd for the other.
    fn blocks(&self) -> Result<(Vec<u32>, Vec<u32>), Clash> {
        let mut blocks = vec![UNSEEN; self.asks.len()];
        let mut of_reads = Vec::with_capacity(self.reads.len());
        let (mut seen, mut block) = (0, 0);
        for (number, read) in self.reads.iter().enumerate() {
            let seen_before = seen;
            for &element in &read.elements {
                if blocks[element as usize] == UNSEEN {
                    if self.presence(element, block).is_none() {
                        return Err(Clash::FromNowhere { read: read.op, element });
                    }
                    blocks[element as usize] = block + 2;
                    seen += 1;
                }
            }
            if seen != read.elements.len() {
                return Err(self.forked(number));
            }
            block += if seen > seen_before { 2 } else { 0 };
            of_reads.push(block + 1);
        }
        Ok((blocks, of_reads))
    }

    /// This read misses something that the one before it lists, and lists as many at least.
    fn forked(&self, number: usize) -> Clash {
        let [a, b] = [&self.reads[number - 1], &self.reads[number]];
        let only = |a: &Whole, b: &Whole| {
            let mut there = b.elements.clone();
            there.sort_unstable();
            let missing = |element: &u32| there.binary_search(element).is_err();
            a.elements.iter().copied().find(missing).expect("neither lists all of the other")
        };
        Clash::Forked { reads: [a.op, b.op], elements: [only(a, b), only(b, a)] }
    }

    /// `before` began after `this` had ended, but stands before it.
    fn explain(&self, before: Placed, this: Placed) -> Clash {
        match (before.who, this.who) {
            (Who::Read(read), Who::Element(element)) => {
                Clash::Lost { read: self.reads[read].op, element }
            }
            (Who::Element(element), Who::Read(read)) => {
                Clash::Early { read: self.reads[read].op, element }
            }
            (Who::Read(late), Who::Read(early)) => {
                let [late, early] = [&self.reads[late], &self.reads[early]];
                let element = early.elements.iter().find(|one| !late.elements.contains(one));
                let element = *element.expect("it stands in a later block, so it lists more");
                Clash::Unseen { reads: [early.op, late.op], element }
            }
            (Who::Element(late), Who::Element(early)) => {
                let lists = |read: &&Whole| {
                    read.elements.contains(&late) && !read.elements.contains(&early)
                };
                let read = self.reads.iter().find(lists).expect("a read parts the two blocks");
                Clash::Skipped { read: read.op, elements: [late, early] }
            }
        }
    }

    /// The bounds of an element that a clash is about.
    pub(super) fn bounds(&self, element: u32) -> Option<[Bound; 2]> {
        let presence = element::presence_if_listed(self.asks[element as usize]);
        presence.map(|Presence { from, by }| [from, by])
    }
}

/// Which of the two begins later.
fn later(a: Option<Placed>, b: Option<Placed>) -> Option<Placed> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if b.from > a.from { b } else { a }),
        (a, b) => a.or(b),
    }
}
