//! The monitor of sets and multisets.
//!
//! ```text
//!   no whole reads     each element alone: `element` at sight, else the search, of one element
//!   nothing removed    each element alone, then `growing` for the reads
//!   reads and removes  each element alone with what the reads say of it: it can only refute
//! ```
//!
//! Without whole reads an element is an object of its own, and so it may be judged alone (locality,
//! Herlihy & Wing 1990).

use super::bounds::{Ask, What};
use super::element::{self, Judged};
use super::growing::{Clash, Growing, Whole};
use super::{Set, SetOp};
use crate::history::Datum;
use crate::linearizable::engine::{Limits, Outcome};
use crate::linearizable::frontier;
use crate::linearizable::model::{Model, Monitored, Part, Timed};
use crate::linearizable::objects::container::value_text;
use rustc_hash::FxHashMap;

/// What the search may explore: so much, and so much for each operation; for all elements together,
/// and for one.
const SEARCH_CONFIGURATIONS: u64 = 200_000;
const SEARCH_CONFIGURATIONS_PER_OP: u64 = 20;
const SEARCH_BYTES_MAX: u64 = 256 << 20;

/// With removes, reads are spread over the elements up to so many times.
const SPREAD_MAX: usize = 4_000_000;

/// Up to so many operations of one element, the search is asked which of its looks are needed.
const LOOKS_DROPPED_MAX: usize = 40;

/// Whether there is an order, if that can be said.
pub(super) fn decide(set: &Set, part: &Part<SetOp>) -> Monitored {
    let mut elements = Elements::new(part);
    let removes = elements.asks.iter().any(|ask| ask.what == What::Remove);
    let only_refutes = removes && !elements.reads.is_empty();
    let unfit = || Monitored::Unfit("there are reads of all elements, and removes".to_owned());
    if only_refutes {
        if elements.reads.len().saturating_mul(elements.names.len()) > SPREAD_MAX {
            return unfit();
        }
        elements.spread(part);
    }
    let Elements { names, mut asks, reads } = elements;
    // The sort is stable: an element's operations stay in order of invocation, but for reads.
    asks.sort_by_key(|ask| ask.element);
    let configurations = SEARCH_CONFIGURATIONS + SEARCH_CONFIGURATIONS_PER_OP * asks.len() as u64;
    let mut judge = Judge { set, part, names, configurations };
    match judge.by_element(&asks) {
        Monitored::Legal if only_refutes => unfit(),
        Monitored::Legal if !reads.is_empty() => judge.growing(&asks, reads),
        said => said,
    }
}

/// The elements of a part, numbered in order of first sight, and what is asked of them.
#[derive(Default)]
struct Elements<'a> {
    names: Vec<&'a Datum>,
    /// Of single elements, in order of invocation.
    asks: Vec<Ask>,
    /// Of all elements.
    reads: Vec<Whole>,
}

impl<'a> Elements<'a> {
    fn new(part: &'a Part<SetOp>) -> Self {
        let mut elements = Self { asks: Vec::with_capacity(part.ops.len()), ..Self::default() };
        let mut numbers = FxHashMap::default();
        for (op, timed) in (0..).zip(&part.ops) {
            let (from, by) = (timed.invoke, timed.ret);
            let (element, what) = match &timed.op {
                SetOp::Add(element) => (element, What::Add),
                SetOp::Remove(element) => (element, What::Remove),
                // A look that nobody saw the result of says nothing.
                _ if timed.is_optional() => continue,
                SetOp::Contains(element, true) => (element, What::There(None)),
                SetOp::Contains(element, false) => (element, What::Absent),
                SetOp::Count(element, 0) => (element, What::Absent),
                SetOp::Count(element, count) => (element, What::There(Some(*count))),
                SetOp::Read(listed) => {
                    let number = |(element, _)| elements.number(&mut numbers, element);
                    let listed = listed.iter().map(|(element, count)| (element, count));
                    let elements_listed = listed.map(number).collect();
                    elements.reads.push(Whole { op, from, by, elements: elements_listed });
                    continue;
                }
            };
            let element = elements.number(&mut numbers, element);
            elements.asks.push(Ask { element, op, what, from, by });
        }
        elements
    }

    fn number(&mut self, numbers: &mut FxHashMap<&'a Datum, u32>, element: &'a Datum) -> u32 {
        *numbers.entry(element).or_insert_with(|| {
            self.names.push(element);
            self.names.len() as u32 - 1
        })
    }

    /// The reads as looks at each element.
    fn spread(&mut self, part: &Part<SetOp>) {
        for read in &self.reads {
            let mut counts = vec![0; self.names.len()];
            for ((_, count), &element) in listed(part, read.op).iter().zip(&read.elements) {
                counts[element as usize] = *count;
            }
            self.asks.extend((0..).zip(counts).map(|(element, count)| {
                let what = if count == 0 { What::Absent } else { What::There(Some(count)) };
                Ask { element, op: read.op, what, from: read.from, by: read.by }
            }));
        }
    }
}

/// What a read lists.
fn listed(part: &Part<SetOp>, read: u32) -> &[(Datum, u64)] {
    match &part.ops[read as usize].op {
        SetOp::Read(listed) => listed,
        _ => unreachable!("operation {read} is a read"),
    }
}

struct Judge<'a> {
    set: &'a Set,
    part: &'a Part<SetOp>,
    names: Vec<&'a Datum>,
    /// What is left of what the search may explore.
    configurations: u64,
}

impl Judge<'_> {
    /// Each element alone; `asks` in order of elements.
    fn by_element(&mut self, asks: &[Ask]) -> Monitored {
        let mut unfit = None;
        for asks in asks.chunk_by(|a, b| a.element == b.element) {
            match element::decide(asks, self.set.is_multiset()) {
                Judged::Legal => {}
                Judged::Illegal(few) => return self.illegal(&few),
                Judged::Unfit => match self.search(asks) {
                    Outcome::Legal => {}
                    Outcome::Illegal => return self.illegal(&self.searched(asks)),
                    Outcome::Spent { .. } => unfit = unfit.or(Some(asks[0].element)),
                },
            }
        }
        unfit.map_or(Monitored::Legal, |element| {
            Monitored::Unfit(format!(
                "{} is added or removed too often to be judged at sight",
                self.name(element)
            ))
        })
    }

    fn name(&self, element: u32) -> String {
        value_text(self.names[element as usize])
    }

    /// Whether there is an order of what is asked of one element.
    fn search(&mut self, asks: &[Ask]) -> Outcome {
        let own = SEARCH_CONFIGURATIONS + SEARCH_CONFIGURATIONS_PER_OP * asks.len() as u64;
        let configurations_max = self.configurations.min(own);
        let (outcome, configurations) = self.search_within(asks, configurations_max);
        self.configurations -= configurations.min(self.configurations);
        outcome
    }

    fn search_within(&self, asks: &[Ask], configurations_max: u64) -> (Outcome, u64) {
        let bytes_max = SEARCH_BYTES_MAX;
        let limits = Limits { configurations_max, bytes_max, stop: None, order: false };
        let mut ops: Vec<Timed<SetOp>> = asks.iter().map(|ask| self.alone(ask)).collect();
        ops.sort_by_key(|timed| timed.invoke);
        let part = Part { name: None, ops };
        let found = frontier::search(self.set, &part, &[self.set.initial()], &limits);
        (found.outcome, found.configurations)
    }

    /// The operation as one on its element alone.
    fn alone(&self, ask: &Ask) -> Timed<SetOp> {
        let timed = self.part.ops[ask.op as usize].clone();
        let SetOp::Read(_) = timed.op else { return timed };
        let count = match ask.what {
            What::There(Some(count)) => count,
            _ => 0,
        };
        let element = self.names[ask.element as usize].clone();
        Timed { op: SetOp::Count(element, count), ..timed }
    }

    /// What the search found to be illegal, without looks that are not needed.
    fn searched(&self, asks: &[Ask]) -> Vec<Ask> {
        let mut few = asks.to_vec();
        let mut at = if few.len() > LOOKS_DROPPED_MAX { few.len() } else { 0 };
        while at < few.len() {
            let mut fewer = few.clone();
            let ask = fewer.remove(at);
            let look = !matches!(ask.what, What::Add | What::Remove);
            let (outcome, _) = self.search_within(&fewer, SEARCH_CONFIGURATIONS);
            if look && outcome == Outcome::Illegal {
                few = fewer;
            } else {
                at += 1;
            }
        }
        few
    }

    fn illegal(&self, few: &[Ask]) -> Monitored {
        let mut culprits: Vec<u32> = few.iter().map(|ask| ask.op).collect();
        culprits.sort_unstable();
        Monitored::Illegal { culprits, sentence: self.element_sentence(few) }
    }

    fn text(&self, op: u32) -> String {
        format!("`{}`", self.set.op_text(&self.part.ops[op as usize].op))
    }

    fn element_sentence(&self, few: &[Ask]) -> String {
        let name = self.name(few[0].element);
        let is = |what: fn(What) -> bool| few.iter().filter(move |ask| what(ask.what));
        let found = is(|what| matches!(what, What::There(_))).next().map(|ask| self.text(ask.op));
        let missed = is(|what| what == What::Absent).next().map(|ask| self.text(ask.op));
        let adds = is(|what| what == What::Add).count();
        let twice = is(|what| matches!(what, What::There(Some(2..)))).next().is_some();
        let removed = is(|what| what == What::Remove).next().is_some();
        match (found, missed) {
            (Some(found), _) if adds == 0 => format!("{found}, but nobody added {name}"),
            (Some(found), _) if twice && !removed && adds <= 1 => {
                format!("{found}, but {name} cannot be there twice")
            }
            (Some(found), None) if !removed && adds == 1 => {
                format!("{found} had ended before the add of {name} began")
            }
            (None, Some(missed)) if !removed => format!(
                "{missed} began after the add of {name} had completed, and nobody had removed it"
            ),
            (Some(found), Some(missed)) if !removed => {
                format!("{found} had ended before {missed} began, and nobody had removed {name}")
            }
            _ => format!("no order of what added and removed {name} explains what was found"),
        }
    }

    /// Reads of elements that are never removed, each of which is legal alone.
    fn growing(&self, asks: &[Ask], reads: Vec<Whole>) -> Monitored {
        if let Some(twice) = reads.iter().find(|read| self.lists_twice(read)) {
            return self.listed_twice(asks, twice);
        }
        let mut by_element: Vec<&[Ask]> = vec![&[]; self.names.len()];
        for asks in asks.chunk_by(|a, b| a.element == b.element) {
            by_element[asks[0].element as usize] = asks;
        }
        let several = |asks: &&[Ask]| asks.iter().filter(|ask| ask.what == What::Add).count() > 1;
        if self.set.is_multiset() && by_element.iter().any(several) {
            return Monitored::Unfit("an element was added more than once".to_owned());
        }
        let mut growing = Growing { asks: by_element, reads };
        let Some(clash) = growing.clash() else { return Monitored::Legal };
        self.clash(&growing, &clash)
    }

    fn lists_twice(&self, read: &Whole) -> bool {
        listed(self.part, read.op).iter().any(|(_, count)| *count > 1)
    }

    /// A read lists an element more often than it can be there.
    fn listed_twice(&self, asks: &[Ask], read: &Whole) -> Monitored {
        let mut listed = listed(self.part, read.op).iter().zip(&read.elements);
        let twice = listed.find(|((_, count), _)| *count > 1);
        let ((element, count), number) = twice.expect("it lists one more than once");
        let adds = asks.iter().filter(|ask| ask.element == *number && ask.what == What::Add);
        let mut culprits: Vec<u32> = adds.map(|ask| ask.op).collect();
        if self.set.is_multiset() && culprits.len() as u64 >= *count {
            return Monitored::Unfit("an element was added more than once".to_owned());
        }
        culprits.truncate(if self.set.is_multiset() { culprits.len() } else { 1 });
        culprits.push(read.op);
        culprits.sort_unstable();
        let name = value_text(element);
        let sentence =
            format!("a read lists {name} {count} times, which is more than it was there");
        Monitored::Illegal { culprits, sentence }
    }

    fn clash(&self, growing: &Growing<'_>, clash: &Clash) -> Monitored {
        let (reads, elements, sentence) = match clash {
            Clash::FromNowhere { read, element } => {
                let name = self.name(*element);
                (vec![*read], vec![], format!("a read lists {name}, which nobody added"))
            }
            Clash::Forked { reads, elements } => {
                let [a, b] = elements.map(|element| self.name(element));
                let sentence =
                    format!("one read lists {a} and not {b}, another one {b} and not {a}");
                (reads.to_vec(), elements.to_vec(), sentence)
            }
            Clash::Lost { read, element } => {
                let name = self.name(*element);
                let sentence =
                    format!("{name} was there before a read began that does not list it");
                (vec![*read], vec![*element], sentence)
            }
            Clash::Early { read, element } => {
                let name = self.name(*element);
                let sentence =
                    format!("a read lists {name}, but had ended before {name} could be there");
                (vec![*read], vec![*element], sentence)
            }
            Clash::Unseen { reads, element } => {
                let name = self.name(*element);
                let sentence =
                    format!("one read lists {name}, and a read that began later does not");
                (reads.to_vec(), vec![*element], sentence)
            }
            Clash::Skipped { read, elements } => {
                let [late, early] = elements.map(|element| self.name(element));
                let sentence = format!(
                    "a read lists {late} and not {early}, but {early} was there before {late}"
                );
                (vec![*read], elements.to_vec(), sentence)
            }
        };
        let mut culprits = reads;
        for element in elements {
            let bounds = growing.bounds(element).into_iter().flatten();
            culprits.extend(bounds.map(|bound| bound.op));
            let first_add = growing.asks[element as usize].iter().find(|ask| ask.what == What::Add);
            culprits.extend(first_add.map(|ask| ask.op));
        }
        culprits.sort_unstable();
        culprits.dedup();
        Monitored::Illegal { culprits, sentence }
    }
}
