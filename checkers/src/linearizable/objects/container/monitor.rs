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
//! * Stacks and priority queues: at first nothing is assigned. As long as there is a contradiction,
//!   one of the values in it that stay must have been taken, or it would be one whatever became of
//!   the others. So each of them is tried with each of the takes, one inside the other. Within the
//!   bounds that is exact; beyond them the monitor is unfit.

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
    Assigning::new(judge, all).decide()
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
}

/// How often a clash may be looked for, and in how many lives altogether.
const CLASHES_MAX: usize = 400;
const CLASH_LIVES_MAX: usize = 20_000_000;

/// Takes of unknown result, and values that stay, in every combination that can matter.
struct Assigning<'a> {
    judge: Judge<'a>,
    all: Lives,
    /// By take of unknown result: it took something.
    used: Vec<bool>,
    /// By life: it is decided that it stays.
    staying: Vec<bool>,
    clashes_left: usize,
    /// Operations of all contradictions that were met.
    culprits: Vec<u32>,
}

impl<'a> Assigning<'a> {
    fn new(judge: Judge<'a>, all: Lives) -> Self {
        let clashes_left = CLASHES_MAX.min(CLASH_LIVES_MAX / all.lives.len() + 1);
        let (used, staying) = (vec![false; all.unknown.len()], vec![false; all.lives.len()]);
        Self { judge, all, used, staying, clashes_left, culprits: Vec::new() }
    }

    fn decide(mut self) -> Monitored {
        let Some(clash) = self.judge.clash(&self.all) else { return Monitored::Legal };
        let lost = clash.lives().iter().any(|&life| self.all.lives[life].stays());
        let Judge { discipline, part } = self.judge;
        let sentence = sentence::clash(discipline, part, &self.all, &clash, lost);
        match self.resolved(&clash) {
            Some(true) => Monitored::Legal,
            None => Monitored::Unfit(
                "takes of unknown result may have taken too many different values".to_owned(),
            ),
            Some(false) => {
                if lost {
                    self.culprits.extend(self.all.unknown.iter().map(|other| other.position));
                }
                self.culprits.sort_unstable();
                self.culprits.dedup();
                Monitored::Illegal { culprits: self.culprits, sentence }
            }
        }
    }

    /// Whether more takes can be assigned so that nothing clashes; nothing if it is too much work.
    /// At most as deep as there are takes.
    fn resolved(&mut self, clash: &Clash) -> Option<bool> {
        let (culprits, bound) = self.judge.culprits(&self.all, clash);
        self.culprits.extend(culprits);
        let can_be_taken = |life: &usize| self.all.lives[*life].stays() && !self.staying[*life];
        let values: Vec<usize> = clash.lives().into_iter().filter(can_be_taken).collect();
        let mut found = Some(false);
        for &value in &values {
            for number in self.takes(value, bound) {
                found = self.resolved_with(value, number);
                if found != Some(false) {
                    return found;
                }
            }
            self.staying[value] = true;
        }
        for value in values {
            self.staying[value] = false;
        }
        found
    }

    fn resolved_with(&mut self, value: usize, number: usize) -> Option<bool> {
        self.clashes_left = self.clashes_left.checked_sub(1)?;
        let before = self.all.lives[value];
        take(&mut self.all.lives[value], &self.all.unknown[number]);
        self.used[number] = true;
        let found = match self.judge.clash(&self.all) {
            None => Some(true),
            Some(clash) => self.resolved(&clash),
        };
        self.used[number] = false;
        self.all.lives[value] = before;
        found
    }

    /// The takes that began in time and took nothing yet; first those that began when the value
    /// was put.
    fn takes(&self, value: usize, bound: u32) -> Vec<usize> {
        let put_by = self.all.lives[value].put_by;
        let from = |number: &usize| self.all.unknown[*number].from;
        let free = |number: &usize| !self.used[*number] && from(number) < bound;
        let mut takes: Vec<usize> = (0..self.used.len()).filter(free).collect();
        takes.sort_by_key(|number| from(number).abs_diff(put_by));
        takes
    }
}
