//! Each read lies between what must and what may have been added.
//!
//! ```text
//!   add 5   |--ok--|                              must: 5
//!   add -2       |----- nobody knows              may: -2
//!   read                |--|                      3 or 5: between 3 and 5
//! ```
//!
//! Of the `add`s that began before a read ended, those acknowledged before it began must be in it,
//! the others may be, and refused ones must not. So a read lies between the sum of the one and the
//! negative others, and the sum of the one and the positive others. A *final* read (`read-final`,
//! or a read of the phase of final reads) is also one of the sums that can be reached: of 10 and an
//! indeterminate 5 it is 10 or 15, not 12.
//!
//! Jepsen's `counter` refuses negative numbers, Maelstrom's looks at final reads only
//! ([`super::Options::final_reads_only`] does that), and both call a history without any read
//! valid; here it is `unknown`. `increment` and `inc` are `add` (of 1 if nothing is said),
//! `decrement` and `dec` take away.

mod sums;

use super::shape::Item;
use super::subject::{FinalReads, Found, NONE, Part, Seen, figure, parts};
use crate::history::pairing::Operation;
use crate::history::{EventType, History};
use crate::verdict::Judgement;
use std::collections::BTreeMap;
use sums::Sums;

/// So many `add`s are shown with a read; of more the sentence says enough.
const SHOWN_MAX: usize = 8;

/// So many `add`s are looked at for final reads; it is one look, if nobody adds any more.
const LOOKED_AT_MAX: usize = 20_000_000;

#[derive(Default)]
struct Totals {
    adds: usize,
    reads: usize,
    final_reads: usize,
    /// The widest interval that a read could lie in.
    widest: u128,
}

/// An `add` that did not fail.
#[derive(Clone, Copy)]
struct Add {
    op: Operation,
    delta: i64,
    begun: u32,
    /// The acknowledgement, or [`NONE`].
    added: u32,
}

struct Read<'a> {
    seen: Seen<'a>,
    value: i64,
    is_final: bool,
}

/// What happened to one counter.
#[derive(Default)]
struct Counter<'a> {
    adds: Vec<Add>,
    reads: Vec<Read<'a>>,
    /// Invocations and completions in order of time.
    moments: Vec<(u32, Moment)>,
}

#[derive(Clone, Copy)]
enum Moment {
    Adds(u32),
    Added(u32),
    Reads(u32),
    Read(u32),
}

/// Sums of the positive and of the negative `add`s so far.
#[derive(Clone, Copy, Default)]
struct Sum {
    positive: i128,
    negative: i128,
    count: u32,
}

/// The sums of the last situation in which a final read was: how many `add`s must be in it, and how
/// many may be.
#[derive(Default)]
struct Finals {
    situation: Option<(u32, u32)>,
    sums: Option<Sums>,
    looked_at: usize,
}

pub(super) fn check(claim: &str, history: &History, options: &super::Options) -> Judgement {
    let mut found = Found::new(history);
    let mut totals = Totals::default();
    let phases = FinalReads::of(history);
    for part in &parts(history) {
        let counter = Counter::of(history, part, phases, &mut found);
        totals.adds += counter.adds.len();
        counter.judge(history, part, options, &mut found, &mut totals);
    }
    let vacuous = match totals {
        Totals { final_reads: 0, .. } if options.final_reads_only => Some("there is no final read"),
        Totals { reads: 0, .. } => Some("no read was answered"),
        _ => None,
    };
    let figures = vec![
        figure("adds", totals.adds),
        figure("reads", totals.reads),
        figure("final reads", totals.final_reads),
        figure("widest interval", totals.widest),
    ];
    found.complaints.judgement("counter", claim, figures, found.misfits.verdict(vacuous))
}

impl<'a> Counter<'a> {
    fn of(history: &'a History, part: &Part, phases: FinalReads, found: &mut Found<'a>) -> Self {
        let mut counter = Self::default();
        for &op in &part.ops {
            let seen = Seen::of(history, op);
            match (seen.f, seen.outcome) {
                ("read" | "read-final", EventType::Ok) => {
                    let result = seen.result(history);
                    let Some(value) = result.int() else {
                        found.misfits.value(seen.complete as usize, "a whole number", result);
                        continue;
                    };
                    let in_phase = matches!(phases, FinalReads::From(at) if seen.invoke > at);
                    let is_final = seen.f == "read-final" || in_phase;
                    counter.read(Read { seen, value, is_final });
                }
                (_, EventType::Fail) => {}
                (f, _) => match delta(f, seen.argument(history)) {
                    None => {}
                    Some(Ok(delta)) => counter.add(&seen, delta),
                    Some(Err(value)) => {
                        found.misfits.value(seen.invoke as usize, "a whole number", value);
                    }
                },
            }
        }
        counter.moments.sort_unstable_by_key(|&(index, _)| index);
        counter
    }

    fn add(&mut self, seen: &Seen<'a>, delta: i64) {
        let number = u32::try_from(self.adds.len()).expect("fewer adds than events");
        let (begun, added) = (seen.invoke, seen.complete);
        self.adds.push(Add { op: seen.op, delta, begun, added });
        self.moments.push((begun, Moment::Adds(number)));
        if added != NONE {
            self.moments.push((added, Moment::Added(number)));
        }
    }

    fn read(&mut self, read: Read<'a>) {
        let number = u32::try_from(self.reads.len()).expect("fewer reads than events");
        self.moments.push((read.seen.invoke, Moment::Reads(number)));
        self.moments.push((read.seen.complete, Moment::Read(number)));
        self.reads.push(read);
    }

    fn judge(
        &self,
        history: &'a History,
        part: &Part,
        options: &super::Options,
        found: &mut Found<'a>,
        totals: &mut Totals,
    ) {
        let [mut begun, mut added] = [Sum::default(); 2];
        let mut must = vec![Sum::default(); self.reads.len()];
        let mut finals = Finals::default();
        for &(_, moment) in &self.moments {
            let number = match moment {
                Moment::Adds(number) => {
                    begun.take(self.adds[number as usize].delta);
                    continue;
                }
                Moment::Added(number) => {
                    added.take(self.adds[number as usize].delta);
                    continue;
                }
                Moment::Reads(number) => {
                    must[number as usize] = added;
                    continue;
                }
                Moment::Read(number) => number as usize,
            };
            let (read, must) = (&self.reads[number], must[number]);
            totals.reads += 1;
            totals.final_reads += usize::from(read.is_final);
            if options.final_reads_only && !read.is_final {
                continue;
            }
            let least = must.positive + begun.negative;
            let most = must.negative + begun.positive;
            totals.widest = totals.widest.max((most - least).unsigned_abs());
            let value = i128::from(read.value);
            if value < least || most < value {
                let sentence = || {
                    let (word, bound) =
                        if value < least { ("least", least) } else { ("most", most) };
                    format!("{value} is read, and it is {bound} at {word}")
                };
                let ops = self.shown(read);
                found.complaints.add("out-of-bounds", part.key_text(history), ops, sentence);
            } else if read.is_final {
                self.reach(history, part, read, (must, begun), &mut finals, found);
            }
        }
    }

    /// Whether a final read within its bounds can be reached.
    fn reach(
        &self,
        history: &'a History,
        part: &Part,
        read: &Read<'a>,
        situation: (Sum, Sum),
        finals: &mut Finals,
        found: &mut Found<'a>,
    ) {
        let (must, begun) = (situation.0.count, situation.1.count);
        if finals.situation != Some((must, begun)) {
            finals.situation = Some((must, begun));
            finals.looked_at += self.adds.len();
            finals.sums = None;
            if finals.looked_at <= LOOKED_AT_MAX {
                let mut maybe = BTreeMap::new();
                for add in self.before(read).iter().filter(|add| add.added > read.seen.invoke) {
                    *maybe.entry(add.delta).or_insert(0) += 1;
                }
                let sure = situation.0.positive + situation.0.negative;
                finals.sums = Sums::of(sure, &maybe);
            }
        }
        let Some(sums) = &finals.sums else {
            found.misfits.because(|| {
                let index = read.seen.complete;
                format!("event {index}: expected fewer adds that may count in a final read")
            });
            return;
        };
        if !sums.contains(read.value.into()) {
            let value = read.value;
            let sentence = || {
                format!("{value} is read at last, and no choice of the open adds makes that sum")
            };
            let ops = self.shown(read);
            found.complaints.add("unreachable", part.key_text(history), ops, sentence);
        }
    }

    /// The `add`s that began before this read ended.
    fn before(&self, read: &Read<'a>) -> &[Add] {
        let end = self.adds.partition_point(|add| add.begun < read.seen.complete);
        &self.adds[..end]
    }

    /// The read, with what was added before it if that is little.
    fn shown(&self, read: &Read<'a>) -> Vec<Operation> {
        let before = Some(self.before(read)).filter(|adds| adds.len() <= SHOWN_MAX);
        let adds = before.into_iter().flatten().map(|add| add.op);
        adds.chain([read.seen.op]).collect()
    }
}

impl Sum {
    fn take(&mut self, delta: i64) {
        let delta = i128::from(delta);
        self.positive += delta.max(0);
        self.negative += delta.min(0);
        self.count += 1;
    }
}

/// What this operation adds: nothing if it adds nothing, the argument if it is no number.
fn delta<'a>(f: &str, argument: Item<'a>) -> Option<Result<i64, Item<'a>>> {
    let (sign, default) = match f {
        "add" => (1, None),
        "increment" | "inc" => (1, Some(1)),
        "decrement" | "dec" => (-1, Some(1)),
        _ => return None,
    };
    let number = if argument == Item::Nil { default } else { argument.int() };
    Some(number.and_then(|number: i64| number.checked_mul(sign)).ok_or(argument))
}
