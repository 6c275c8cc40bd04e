//! Each added element is seen by all reads from some time on.
//!
//! ```text
//!   add 7  |---ok|                                known = acknowledged, or seen first
//!   reads      |-|  |-|  |7|  |-|  |7|  |7|       stable: the last reads see it
//!               .    ^ known        ^ the last read that misses it: visible after that
//!   reads      |-|  |-|  |7|  |-|  |-|            lost: the last reads miss it
//! ```
//!
//! "Last" is by invocation, as in Jepsen's `set-full`. A stable element that a read missed which
//! began after it was known is stale: a violation only for a linearizable set. The latency of
//! visibility is the time from the moment at which an element was known to the beginning of the
//! last read that missed it. A history without any stable element is `unknown`.
//!
//! Jepsen's `set-full` never sees an element listed twice (it counts those listed less than once),
//! ignores elements that nobody added, takes a refused element for a known one as soon as it is
//! read, and overlooks staleness of less than a millisecond; it looks at every element for every
//! read. Here all of these are complained of, and the time is that of the text.

use super::members::{self, Member, Members};
use super::subject::{Found, NONE, Part, figure, parts, show};
use crate::history::History;
use crate::history::pairing::Operation;
use crate::verdict::Judgement;

#[derive(Default)]
struct Totals {
    attempted: usize,
    acknowledged: usize,
    reads: usize,
    stable: usize,
    stale: usize,
    never_read: usize,
    /// Of the stable elements.
    visible_ns: Vec<u64>,
    /// Of the lost ones: from when they were known to the last read that still listed them.
    lost_ns: Vec<u64>,
}

pub(super) fn check(claim: &str, history: &History, options: &super::Options) -> Judgement {
    let mut found = Found::new(history);
    let mut totals = Totals::default();
    for part in &parts(history) {
        let members = members::collect(history, part, &mut found, |_| true);
        judge(history, part, &members, options, &mut found, &mut totals);
    }
    let vacuous = match totals {
        Totals { reads: 0, .. } => Some("the set was never read"),
        Totals { stable: 0, .. } => Some("no element was seen by the last reads"),
        _ => None,
    };
    let mut figures = vec![
        figure("attempted", totals.attempted),
        figure("acknowledged", totals.acknowledged),
        figure("reads", totals.reads),
        figure("stable", totals.stable),
        figure("stale", totals.stale),
        figure("never read", totals.never_read),
    ];
    figures.extend(quantiles("visible after", totals.visible_ns));
    figures.extend(quantiles("lost after", totals.lost_ns));
    found.complaints.judgement("set-full", claim, figures, found.misfits.verdict(vacuous))
}

fn judge<'a>(
    history: &'a History,
    part: &Part,
    members: &Members<'a>,
    options: &super::Options,
    found: &mut Found<'a>,
    totals: &mut Totals,
) {
    let (attempted, acknowledged) = members.figures();
    totals.attempted += attempted;
    totals.acknowledged += acknowledged;
    totals.reads += members.counted.len();
    let time_ns = |index: u32| history.events()[index as usize].time_ns;
    for member in &members.members {
        let known = member.acked.min(member.seen);
        let present = members.read_at(member.last_present);
        let absent = members.read_at(member.last_absent).filter(|read| read.invoke > known);
        let is_stable = present.is_some() && !member.is_absent_last();
        match absent {
            None if is_stable => {
                totals.stable += 1;
                totals.visible_ns.push(0);
            }
            None => totals.never_read += 1,
            Some(read) if is_stable => {
                totals.stable += 1;
                totals.stale += 1;
                totals.visible_ns.push((time_ns(read.invoke) + 1).saturating_sub(time_ns(known)));
                if options.linearizable {
                    let ops = vec![member.known_by(members), read.op];
                    let sentence = || {
                        let item = show(member.item);
                        format!(
                            "{item} was {} before this read began, and is not in it",
                            member.how()
                        )
                    };
                    found.complaints.add("stale-read", part.key_text(history), ops, sentence);
                }
            }
            Some(read) => {
                let from_ns = present.map_or(0, |read| time_ns(read.invoke) + 1);
                totals.lost_ns.push(from_ns.saturating_sub(time_ns(known)));
                let mut ops = vec![member.known_by(members), read.op];
                ops.extend(present.map(|read| read.op));
                let sentence = || lost(member, present.is_some());
                found.complaints.add("lost", part.key_text(history), ops, sentence);
            }
        }
    }
}

impl Member<'_> {
    /// Whether a read that misses it is later than every read that lists it.
    fn is_absent_last(&self) -> bool {
        self.last_absent != NONE
            && (self.last_present == NONE || self.last_present < self.last_absent)
    }

    /// The operation from whose completion on it was known: its `add`, or the first read of it.
    fn known_by(&self, members: &Members<'_>) -> Operation {
        if self.acked < self.seen {
            return self.add;
        }
        members.read_at(self.seen_by).map_or(self.add, |read| read.op)
    }

    fn how(&self) -> &'static str {
        if self.acked < self.seen { "acknowledged" } else { "read" }
    }
}

fn lost(member: &Member<'_>, was_seen: bool) -> String {
    let (item, how) = (show(member.item), member.how());
    let seen = if was_seen { "; the last read that lists it began earlier" } else { "" };
    format!("{item} was {how} before the last of these reads began, and is not in it{seen}")
}

/// `0.000 / 0.000 / 1.500 / 7.000 ms`.
fn quantiles(name: &str, mut ns: Vec<u64>) -> Option<(String, String)> {
    ns.sort_unstable();
    let last = ns.len().checked_sub(1)?;
    let at = |percent: usize| ns[last * percent / 100] as f64 / 1e6;
    let text = format!("{:.3} / {:.3} / {:.3} / {:.3} ms", at(50), at(95), at(99), at(100));
    Some((format!("{name}, p50 p95 p99 max"), text))
}
