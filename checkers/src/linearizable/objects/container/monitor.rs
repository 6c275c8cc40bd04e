//! The monitor of the containers: exact where every value is put once.
//!
//! ```text
//!   lives      what each value went through: put once, taken at most once
//!     |-- at sight   taken from nowhere, twice, before it was put
//!     |-- sweep      a take that found nothing; queues, priority queues     O(n), O(n log n)
//!     '-- stack      nesting                                                O(n log n)
//! ```
//!
//! Takes of unknown result can only have taken a value that stays: one that certainly was put and
//! that nobody is known to have taken. (Another one that it took can be taken out of the order with
//! it.) Without such values they say nothing. With them:
//!
//! * Queues: of two values that stay, the one whose put returned first has to go first: whatever
//!   was put after the other one was put after this one, and where the other one must not be inside
//!   any more, this one must not either. And the take that began first can do all that a later one
//!   can. So the first take gets the first value, and so on, and that is exact.
//! * Stacks and priority queues: legal if it is legal without them or with one of two assignments;
//!   illegal if it is illegal without the values that stay. Else the monitor is unfit.

use super::lives::{self, Fit, Life, Lives, Other, Wrong};
use super::sweep::{self, Clash};
use super::{ContainerOp, Discipline, sentence, stack, tangle};
use crate::history::Datum;
use crate::linearizable::model::{Monitored, Part};
use crate::linearizable::objects::datum_order;

/// Whether there is an order, if every value is put once.
pub(super) fn decide(discipline: Discipline, part: &Part<ContainerOp>) -> Monitored {
    let mut all = match lives::read(part) {
        Fit::Not(why) => return Monitored::Unfit(why),
        Fit::Wrong(wrong) => return at_sight(discipline, part, wrong),
        Fit::Lives(all) => all,
    };
    let mut stay: Vec<usize> = (0..all.lives.len()).filter(|&at| all.lives[at].stays()).collect();
    let judge = Judge { discipline, part };
    if stay.is_empty() || all.unknown.is_empty() {
        return judge.verdict(&all, judge.clash(&all), &[]);
    }
    if matches!(discipline, Discipline::Fifo | Discipline::Unordered) {
        stay.sort_unstable_by_key(|&life| all.lives[life].put_by);
        for (&life, other) in stay.iter().zip(&all.unknown) {
            take(&mut all.lives[life], other);
        }
        return judge.verdict(&all, judge.clash(&all), &stay);
    }
    judge.with_some_assignment(&all, &stay)
}

fn at_sight(discipline: Discipline, part: &Part<ContainerOp>, wrong: Wrong) -> Monitored {
    let mut culprits = match wrong {
        Wrong::FromNowhere(take) => vec![take],
        Wrong::TakenTwice(ops) => ops.to_vec(),
        Wrong::TakenBefore(ops) => ops.to_vec(),
    };
    culprits.sort_unstable();
    Monitored::Illegal { culprits, sentence: sentence::at_sight(discipline, part, wrong) }
}

/// Lets a take of unknown result have taken this value.
fn take(life: &mut Life, other: &Other) {
    life.take = other.position;
    life.take_from = other.from.max(life.put_from);
    life.take_by = other.by;
}

struct Judge<'a> {
    discipline: Discipline,
    part: &'a Part<ContainerOp>,
}

impl Judge<'_> {
    /// Why these lives cannot be.
    fn clash(&self, all: &Lives) -> Option<Clash> {
        sweep::not_empty(all).or_else(|| match self.discipline {
            Discipline::Unordered => None,
            Discipline::Fifo => sweep::overtaken(all),
            Discipline::LeastFirst | Discipline::GreatestFirst => {
                sweep::passed(all, &self.by_priority(all))
            }
            Discipline::Lifo => {
                let stuck = stack::stuck(&all.lives, all.ranks);
                let tangle = || tangle::tangle(&all.lives, all.ranks, &stuck);
                (!stuck.is_empty()).then(|| Clash::Tangled(tangle()))
            }
        })
    }

    /// The numbers of the lives, what is polled first first.
    fn by_priority(&self, all: &Lives) -> Vec<u32> {
        let value = |number: &u32| self.value(&all.lives[*number as usize]);
        let mut order: Vec<u32> = (0..all.lives.len() as u32).collect();
        order.sort_unstable_by(|a, b| {
            let least_first = datum_order::compare(value(a), value(b)).then(a.cmp(b));
            match self.discipline {
                Discipline::GreatestFirst => least_first.reverse(),
                _ => least_first,
            }
        });
        order
    }

    fn value(&self, life: &Life) -> &Datum {
        match &self.part.ops[life.put as usize].op {
            ContainerOp::Put(value) => value,
            _ => unreachable!("a life begins with a put"),
        }
    }

    /// `stay`: the values that takes of unknown result may have taken, in the order in which they
    /// are assigned; empty if there are no such takes, or they do not matter.
    fn verdict(&self, all: &Lives, clash: Option<Clash>, stay: &[usize]) -> Monitored {
        let Some(clash) = clash else { return Monitored::Legal };
        let (mut culprits, bound) = self.culprits(all, &clash);
        let lives = clash.lives();
        // If a value that could have been taken is part of it, then too few takes began in time for
        // this value and those that had to go before it.
        let last = stay.iter().rposition(|life| lives.contains(life));
        if let Some(last) = last {
            culprits.extend(stay[..=last].iter().map(|&life| all.lives[life].put));
            let in_time = all.unknown.iter().filter(|other| other.from < bound);
            culprits.extend(in_time.map(|other| other.position));
        }
        culprits.sort_unstable();
        culprits.dedup();
        let sentence = sentence::clash(self.discipline, self.part, all, &clash, last.is_some());
        Monitored::Illegal { culprits, sentence }
    }

    /// The operations of a clash, and the rank until which it matters what was taken.
    fn culprits(&self, all: &Lives, clash: &Clash) -> (Vec<u32>, u32) {
        let mut culprits = Vec::new();
        for life in clash.lives().iter().map(|&life| &all.lives[life]) {
            culprits.push(life.put);
            let known =
                |&take: &u32| take != lives::NOBODY && !self.part.ops[take as usize].is_optional();
            culprits.extend(Some(life.take).filter(known));
        }
        let bound = match clash {
            Clash::Overtaken { second, .. } => all.lives[*second].take_by,
            Clash::Passed { taken, .. } => all.lives[*taken].take_by,
            Clash::NotEmpty { nothing, .. } => {
                culprits.push(all.nothings[*nothing].position);
                all.nothings[*nothing].by
            }
            Clash::Tangled(_) => all.ranks,
        };
        (culprits, bound)
    }

    /// Stacks and priority queues, with values that stay and takes of unknown result.
    fn with_some_assignment(&self, all: &Lives, stay: &[usize]) -> Monitored {
        if self.clash(all).is_none() {
            return Monitored::Legal;
        }
        let mut certain = all.clone();
        certain.lives.retain(|life| !life.stays());
        if let Some(clash) = self.clash(&certain) {
            return self.verdict(&certain, Some(clash), &[]);
        }
        let assigned = [self.as_the_object_would(all, stay), in_order(all, stay)];
        if assigned.iter().any(|all| self.clash(all).is_none()) {
            return Monitored::Legal;
        }
        Monitored::Unfit("a take of unknown result may have taken one of several values".to_owned())
    }

    /// Each take of unknown result takes what the object would have given it, had it happened when
    /// it began and had only those values been there that stay.
    fn as_the_object_would(&self, all: &Lives, stay: &[usize]) -> Lives {
        let mut assigned = all.clone();
        let order = self.by_priority(all);
        let mut place = vec![0; all.lives.len()];
        for (at, number) in (0..).zip(order) {
            place[number as usize] = at;
        }
        for other in &all.unknown {
            let there = stay.iter().copied().filter(|&life| {
                assigned.lives[life].stays() && assigned.lives[life].put_by < other.from
            });
            let next = match self.discipline {
                Discipline::Lifo => there.max_by_key(|&life| all.lives[life].put_by),
                _ => there.min_by_key(|&life| place[life]),
            };
            if let Some(life) = next {
                take(&mut assigned.lives[life], other);
            }
        }
        assigned
    }
}

/// The first take takes the first value.
fn in_order(all: &Lives, stay: &[usize]) -> Lives {
    let mut assigned = all.clone();
    let mut stay = stay.to_vec();
    stay.sort_unstable_by_key(|&life| all.lives[life].put_by);
    for (&life, other) in stay.iter().zip(&all.unknown) {
        take(&mut assigned.lives[life], other);
    }
    assigned
}
