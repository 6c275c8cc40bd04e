//! Logs decided in O(n log n), n counting operations and the entries that they were answered with.
//!
//! 1. **Who says what of each place.** Appends that know their offset, and the entries of all
//!    reads, must agree. No place can be as far out as there are appends.
//! 2. **Whose place it is.** A place that was read, and whose append does not know its offset,
//!    belongs to the append of that value. *Precondition*: there is only one without an offset.
//! 3. **Time.** Now all that counts is how many entries stand there. Walk along time and append as
//!    late as possible: at an append's completion, or when a read completes that needs more entries
//!    than there are. Then the log is as short as it can be at each moment, and grows one by one,
//!    so that an open read to the end never misses its length. It is impossible if the append
//!    whose turn it is has not begun, or if the log is too long already when a read begins.
//!
//! ```text
//!    place      0          1          2          3
//!    append     a          ?          b          c
//!                          |
//!                          '-- nobody knows which: of the open appends without a place the one
//!                              that completes first, what may have happened last of all
//! ```
//!
//! An append without a place that completes takes the next such gap, or, behind all known places,
//! the end. Whoever gave the gap to another append could swap the two.

use super::super::super::model::{Monitored, Part};
use super::super::sweep::{Moment, moments_of};
use super::{LogOp, entries_in_turn, quote, text};
use crate::history::Datum;
use rustc_hash::FxHashMap;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

pub(super) fn decide(first: i64, part: &Part<LogOp>) -> Monitored {
    match places(first, part) {
        Ok(places) => {
            let in_time = Walk::new(first, part, &places).run();
            in_time.map_or_else(|illegal| illegal, |()| Monitored::Legal)
        }
        Err(monitored) => monitored,
    }
}

fn illegal<const N: usize>(mut culprits: [usize; N], sentence: String) -> Monitored {
    culprits.sort_unstable();
    let mut culprits: Vec<u32> = culprits.into_iter().map(|at| at as u32).collect();
    culprits.dedup();
    Monitored::Illegal { culprits, sentence }
}

/// What is known of a place.
#[derive(Clone, Copy, Debug, Default)]
struct Place<'a> {
    /// Its value, and an operation that says so.
    value: Option<(&'a Datum, usize)>,
    append: Option<usize>,
}

fn places<'a>(first: i64, part: &'a Part<LogOp>) -> Result<Vec<Place<'a>>, Monitored> {
    let is_append = |op: &LogOp| matches!(op, LogOp::Append { .. });
    let appends = part.ops.iter().filter(|timed| is_append(&timed.op)).count();
    let mut places: Vec<Place<'a>> = Vec::new();
    let mut say = |at: usize, offset: i64, value: &'a Datum| {
        let place = offset.checked_sub(first).and_then(|place| usize::try_from(place).ok());
        let Some(place) = place.filter(|&place| place < appends) else {
            return Err(too_far(part, at, offset, appends));
        };
        places.resize(places.len().max(place + 1), Place::default());
        match places[place].value {
            Some((other, witness)) if other != value => {
                Err(disagree(part, offset, (witness, other), (at, value)))
            }
            Some(_) => Ok(place),
            None => {
                places[place].value = Some((value, at));
                Ok(place)
            }
        }
    };
    let mut owners: Vec<(usize, usize)> = Vec::new();
    for (at, timed) in part.ops.iter().enumerate() {
        match &timed.op {
            LogOp::Append { value, offset: Some(offset) } if !timed.is_optional() => {
                owners.push((say(at, *offset, value)?, at));
            }
            LogOp::Append { offset: Some(_), .. } => {
                let why = "an append of unknown result has an offset all the same";
                return Err(Monitored::Unfit(why.to_owned()));
            }
            LogOp::Read { from, entries, .. } if !timed.is_optional() => {
                for (in_turn, offset, value) in entries_in_turn(*from, entries) {
                    if !in_turn {
                        return Err(out_of_turn(part, at, offset));
                    }
                    say(at, offset, value)?;
                }
            }
            LogOp::Append { offset: None, .. } | LogOp::Read { .. } => {}
        }
    }
    for (place, at) in owners {
        if let Some(other) = places[place].append.replace(at) {
            let [one, two] = [other, at].map(|at| text(&part.ops[at].op));
            return Err(illegal([other, at], format!("{one} and {two} share an offset")));
        }
    }
    by_value(first, part, &mut places)?;
    Ok(places)
}

/// Gives places that were read to the appends of their values.
fn by_value(first: i64, part: &Part<LogOp>, places: &mut [Place<'_>]) -> Result<(), Monitored> {
    // An append without an offset, and whether it is the only one of its value.
    let mut nameless: FxHashMap<&Datum, (usize, bool)> = FxHashMap::default();
    for (at, timed) in part.ops.iter().enumerate() {
        if let LogOp::Append { value, offset: None } = &timed.op {
            nameless.entry(value).and_modify(|(_, alone)| *alone = false).or_insert((at, true));
        }
    }
    let mut taken: FxHashMap<usize, usize> = FxHashMap::default();
    for (number, place) in places.iter_mut().enumerate() {
        let (Some((value, witness)), None) = (place.value, place.append) else { continue };
        let offset = first + number as i64;
        match nameless.get(value) {
            None => {
                let read = text(&part.ops[witness].op);
                let value = quote(value);
                let sentence = format!(
                    "{read} found {value} at offset {offset}, where no append of {value} can stand"
                );
                return Err(illegal([witness], sentence));
            }
            Some((_, false)) => {
                let why = format!("{} was appended several times without an offset", quote(value));
                return Err(Monitored::Unfit(why));
            }
            Some(&(append, true)) => {
                if let Some(other) = taken.insert(append, witness) {
                    let value = quote(value);
                    let sentence = format!(
                        "{value} was read at two offsets, {offset} is one of them, but only one \
                         append of it can stand at either"
                    );
                    return Err(illegal([other, append, witness], sentence));
                }
                place.append = Some(append);
            }
        }
    }
    Ok(())
}

fn too_far(part: &Part<LogOp>, at: usize, offset: i64, appends: usize) -> Monitored {
    let text = text(&part.ops[at].op);
    let sentence =
        format!("{text}: there cannot be an entry at offset {offset}, of {appends} appends");
    illegal([at], sentence)
}

fn out_of_turn(part: &Part<LogOp>, at: usize, offset: i64) -> Monitored {
    let text = text(&part.ops[at].op);
    illegal([at], format!("{text} was answered with offset {offset} where another should stand"))
}

fn disagree(
    part: &Part<LogOp>,
    offset: i64,
    (one, value): (usize, &Datum),
    (two, other): (usize, &Datum),
) -> Monitored {
    let [one_text, two_text] = [one, two].map(|at| text(&part.ops[at].op));
    let [value, other] = [value, other].map(quote);
    let sentence =
        format!("{one_text} says {value} at offset {offset}, and {two_text} says {other}");
    illegal([one, two], sentence)
}

/// The walk along time.
struct Walk<'a> {
    first: i64,
    part: &'a Part<LogOp>,
    places: &'a [Place<'a>],
    begun: Vec<bool>,
    done: Vec<bool>,
    has_place: Vec<bool>,
    /// Open appends without a place.
    open: BinaryHeap<Reverse<(u32, usize)>>,
    /// The appends that stand there, each with the operation that made it necessary.
    log: Vec<(usize, usize)>,
    /// The first place not before the log's end whose append is not known.
    gap: usize,
}

impl<'a> Walk<'a> {
    fn new(first: i64, part: &'a Part<LogOp>, places: &'a [Place<'a>]) -> Self {
        let mut has_place = vec![false; part.ops.len()];
        for append in places.iter().filter_map(|place| place.append) {
            has_place[append] = true;
        }
        Self {
            first,
            part,
            places,
            begun: vec![false; part.ops.len()],
            done: vec![false; part.ops.len()],
            has_place,
            open: BinaryHeap::new(),
            log: Vec::new(),
            gap: 0,
        }
    }

    fn run(mut self) -> Result<(), Monitored> {
        for moment in moments_of(self.part) {
            match moment {
                Moment::Begin(at) => self.begin(at)?,
                Moment::End(at) => self.end(at)?,
            }
        }
        Ok(())
    }

    /// The number of entries before an offset.
    fn before(&self, offset: i64) -> usize {
        offset.checked_sub(self.first).and_then(|place| usize::try_from(place).ok()).unwrap_or(0)
    }

    fn begin(&mut self, at: usize) -> Result<(), Monitored> {
        self.begun[at] = true;
        let timed = &self.part.ops[at];
        match &timed.op {
            LogOp::Append { .. } if !self.has_place[at] => self.open.push(Reverse((timed.ret, at))),
            LogOp::Read { from, entries, to_the_end: true } if !timed.is_optional() => {
                let most = self.before(*from).saturating_add(entries.len());
                if let Some(&(append, cause)) = self.log.get(most) {
                    return Err(self.too_short(at, append, cause));
                }
            }
            LogOp::Append { .. } | LogOp::Read { .. } => {}
        }
        Ok(())
    }

    fn end(&mut self, at: usize) -> Result<(), Monitored> {
        match &self.part.ops[at].op {
            LogOp::Append { .. } if self.done[at] => Ok(()),
            LogOp::Append { .. } if self.has_place[at] => {
                while !self.done[at] {
                    self.append(at)?;
                }
                Ok(())
            }
            LogOp::Append { .. } => {
                self.gap = self.gap.max(self.log.len());
                while self.places.get(self.gap).is_some_and(|place| place.append.is_some()) {
                    self.gap += 1;
                }
                self.append_to(self.gap + 1, at)
            }
            LogOp::Read { entries, .. } => {
                let last = entries.last().map_or(0, |(offset, _)| self.before(*offset) + 1);
                self.append_to(last, at)
            }
        }
    }

    fn append_to(&mut self, length: usize, cause: usize) -> Result<(), Monitored> {
        while self.log.len() < length {
            self.append(cause)?;
        }
        Ok(())
    }

    /// One entry more, because this operation completes.
    fn append(&mut self, cause: usize) -> Result<(), Monitored> {
        let place = self.log.len();
        let append = match self.places.get(place).and_then(|place| place.append) {
            Some(append) if self.begun[append] => append,
            Some(append) => return Err(self.not_begun(cause, append)),
            None => match self.open.pop() {
                Some(Reverse((_, append))) => append,
                None => return Err(self.nobody(cause, place)),
            },
        };
        self.done[append] = true;
        self.log.push((append, cause));
        Ok(())
    }

    fn not_begun(&self, cause: usize, append: usize) -> Monitored {
        let [done, late] = [cause, append].map(|at| text(&self.part.ops[at].op));
        let offset = self.places.iter().position(|place| place.append == Some(append));
        let offset = self.first + offset.expect("it has a place") as i64;
        let witness = self.places[self.before(offset)].value.map_or(append, |(_, witness)| witness);
        let sentence = format!(
            "{done} completed before {late} began, which stands at offset {offset} and so before it"
        );
        illegal([cause, append, witness], sentence)
    }

    fn nobody(&self, cause: usize, place: usize) -> Monitored {
        let offset = self.first + place as i64;
        let sentence = format!(
            "{} needs an entry at offset {offset}, and no append that had begun before it \
             completed can stand there",
            text(&self.part.ops[cause].op),
        );
        illegal([cause], sentence)
    }

    fn too_short(&self, read: usize, append: usize, cause: usize) -> Monitored {
        let [read_text, missing] = [read, append].map(|at| text(&self.part.ops[at].op));
        let sentence = if append == cause {
            format!("{missing} completed before {read_text} began, which ends before it")
        } else {
            let cause = text(&self.part.ops[cause].op);
            format!(
                "{cause} completed before {read_text} began, so {missing} stood there, and what \
                 was read ends before it"
            )
        };
        illegal([read, append, cause], sentence)
    }
}
