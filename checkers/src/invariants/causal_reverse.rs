//! Who sees a write sees what was complete before it began.
//!
//! ```text
//!   write 1  |-ok-|                      completed writes, numbered as they complete: 1
//!   write 2         |-ok-|               needs the first 1 of them
//!   read                   |--| -> [2]   needs the first 1, lists none of them
//! ```
//!
//! A write needs every write that was acknowledged before it began: a prefix of the writes in order
//! of completion. So a read needs the longest prefix that one of its elements needs, and it has it
//! if it lists so many elements out of that prefix. That takes as long as the list is; Jepsen's
//! `causal-reverse` keeps a set for every write. It also ignores elements that nobody wrote, that
//! were refused, or that are listed twice; here they are complained of. A value written twice
//! cannot be judged and is said.

use super::members::Numbers;
use super::shape::Item;
use super::subject::{Found, NONE, Part, Seen, figure, parts, show};
use crate::history::pairing::Operation;
use crate::history::{EventType, History};
use crate::verdict::Judgement;

/// A value that somebody tried to write.
struct Write {
    op: Operation,
    invoke: u32,
    failed: bool,
    is_ambiguous: bool,
    /// Its number among the acknowledged ones, in order of completion; [`NONE`] without one.
    place: u32,
    /// How many had been acknowledged before it began.
    needs: u32,
    /// The last read that lists it.
    listed: u32,
}

/// The writes of one key.
#[derive(Default)]
struct Writes<'a> {
    writes: Vec<Write>,
    items: Vec<Item<'a>>,
    numbers: Numbers<'a>,
    /// The acknowledged ones in order of completion.
    completed: Vec<u32>,
}

pub(super) fn check(claim: &str, history: &History, _: &super::Options) -> Judgement {
    let mut found = Found::new(history);
    let [mut reads, mut elements, mut acknowledged] = [0; 3];
    for part in &parts(history) {
        let mut writes = Writes::default();
        let mut answered = Vec::new();
        for &op in &part.ops {
            let seen = Seen::of(history, op);
            match (seen.f, seen.outcome) {
                ("write" | "insert" | "add", _) => writes.add(history, &seen, &mut found),
                ("read", EventType::Ok) => answered.push(seen),
                _ => {}
            }
        }
        writes.number(history);
        acknowledged += writes.completed.len();
        for (number, read) in (0..).zip(&answered) {
            let listed = writes.read(history, part, read, number, &mut found);
            reads += usize::from(listed.is_some());
            elements += listed.unwrap_or(0);
        }
    }
    let vacuous = match (reads, elements) {
        (0, _) => Some("no read was answered"),
        (_, 0) => Some("no read saw a write"),
        _ => None,
    };
    let figures = vec![
        figure("reads", reads),
        figure("acknowledged", acknowledged),
        figure("elements read", elements),
    ];
    found.complaints.judgement("causal-reverse", claim, figures, found.misfits.verdict(vacuous))
}

impl<'a> Writes<'a> {
    fn add(&mut self, history: &'a History, seen: &Seen<'a>, found: &mut Found<'a>) {
        let item = seen.argument(history);
        if item == Item::Nil {
            found.misfits.value(seen.invoke as usize, "a value to write", item);
            return;
        }
        let next = u32::try_from(self.writes.len()).expect("fewer values than events");
        let number = self.numbers.get_or(item, next) as usize;
        let failed = seen.outcome == EventType::Fail;
        let write = Write {
            op: seen.op,
            invoke: seen.invoke,
            failed,
            is_ambiguous: false,
            place: NONE,
            needs: 0,
            listed: NONE,
        };
        match self.writes.get_mut(number) {
            None => {
                self.writes.push(write);
                self.items.push(item);
            }
            Some(before) if before.failed => *before = write,
            Some(before) if !failed => {
                before.is_ambiguous = true;
                found.misfits.because(|| {
                    let (value, index) = (show(item), seen.invoke);
                    format!(
                        "event {index}: expected values that are written once, found {value} again"
                    )
                });
            }
            Some(_) => {}
        }
    }

    /// Numbers the acknowledged ones, and says what each needs.
    fn number(&mut self, history: &'a History) {
        let mut moments = Vec::with_capacity(self.writes.len() * 2);
        for (number, write) in (0..).zip(&self.writes) {
            if write.is_ambiguous || write.failed {
                continue;
            }
            moments.push((write.invoke, number, true));
            let seen = Seen::of(history, write.op);
            if seen.outcome == EventType::Ok {
                moments.push((seen.complete, number, false));
            }
        }
        moments.sort_unstable();
        for (_, number, begins) in moments {
            let completed = u32::try_from(self.completed.len()).expect("fewer writes than events");
            let write = &mut self.writes[number as usize];
            if begins {
                write.needs = completed;
            } else {
                write.place = completed;
                self.completed.push(number);
            }
        }
    }

    /// Judges a read; gives the number of elements that could be looked at.
    fn read(
        &mut self,
        history: &'a History,
        part: &Part,
        read: &Seen<'a>,
        number: u32,
        found: &mut Found<'a>,
    ) -> Option<usize> {
        let value = read.result(history);
        let Some(items) = value.items() else {
            found.misfits.value(read.complete as usize, "a list of values", value);
            return None;
        };
        let mut neediest: Option<(u32, u32)> = None;
        let mut listed = Vec::new();
        for item in items {
            let at = self.numbers.get(item);
            let write = at.map(|at| &mut self.writes[at as usize]);
            let complaint = impossible(write.as_deref(), read, number);
            let write = write.map(|write| {
                write.listed = number;
                &*write
            });
            if let Some((kind, why)) = complaint {
                let ops = write.iter().map(|write| write.op).chain([read.op]).collect();
                let sentence = || format!("{} is read, {why}", show(item));
                found.complaints.add(kind, part.key_text(history), ops, sentence);
            } else if let (Some(at), Some(write)) = (at, write) {
                listed.push(at);
                if neediest.is_none_or(|(needs, _)| needs < write.needs) {
                    neediest = Some((write.needs, at));
                }
            }
        }
        let Some((needs, needy)) = neediest else { return Some(0) };
        let place = |&&at: &&u32| self.writes[at as usize].place < needs;
        let has = listed.iter().filter(place).count();
        if has < needs as usize {
            let is_missing = |&&at: &&u32| self.writes[at as usize].listed != number;
            let missing = self.completed.iter().find(is_missing);
            let missing = *missing.expect("fewer are listed than there are");
            let ops = [missing, needy].map(|at| self.writes[at as usize].op);
            let ops = ops.into_iter().chain([read.op]).collect();
            let sentence = || {
                let [missing, needy] = [missing, needy].map(|at| show(self.items[at as usize]));
                format!(
                    "{needy} is read and {missing} is not, which was complete before {needy} began"
                )
            };
            found.complaints.add("reversed", part.key_text(history), ops, sentence);
        }
        Some(listed.len())
    }
}

/// Why a read cannot list this, whatever else it lists.
fn impossible(
    write: Option<&Write>,
    read: &Seen<'_>,
    number: u32,
) -> Option<(&'static str, &'static str)> {
    match write {
        None => Some(("unexpected", "and nobody wrote it")),
        Some(write) if write.listed == number => Some(("duplicated", "more than once")),
        Some(write) if write.failed => Some(("failed-seen", "although its write failed")),
        Some(write) if read.complete < write.invoke => {
            Some(("seen-early", "before its write began"))
        }
        Some(_) => None,
    }
}
