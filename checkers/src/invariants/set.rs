//! What was added stands in every final read, once, and nothing else does.
//!
//! ```text
//!   lost        acknowledged before a final read began, and that read does not list it
//!   unexpected  listed, and nobody added it             failed-seen  listed, and its add failed
//!   duplicated  listed twice by one read                seen-early   listed before its add began
//! ```
//!
//! Final are the reads of the phase of final reads; of a history without phases those that began
//! after the last acknowledged `add` was complete, or, if there is none, the last one.
//!
//! Jepsen's `set` looks at the last read only, takes a refused element that is there after all for
//! "recovered", does not see an element listed twice, and calls an element lost that was
//! acknowledged while the last read was under way, or after it. Here all final reads count, a read
//! owes only what was complete before it began, and what no final read could owe makes the verdict
//! `unknown`.

use super::members::{self, Members};
use super::subject::{FinalReads, Found, NONE, Part, Seen, figure, parts, show};
use crate::history::{EventType, History};
use crate::verdict::Judgement;

#[derive(Default)]
struct Totals {
    attempted: usize,
    acknowledged: usize,
    final_reads: usize,
    present: usize,
    recovered: usize,
    unread: usize,
}

pub(super) fn check(claim: &str, history: &History, _: &super::Options) -> Judgement {
    let mut found = Found::new(history);
    let mut totals = Totals::default();
    let phases = FinalReads::of(history);
    let parts = parts(history);
    for part in &parts {
        let begin = begin(history, part, phases);
        let members = members::collect(history, part, &mut found, |read| read.invoke >= begin);
        judge(history, part, &members, &mut found, &mut totals);
    }
    let vacuous = match phases {
        FinalReads::Never => Some("the run never came to its final reads"),
        _ if totals.final_reads == 0 => Some("the set was never read"),
        _ if totals.acknowledged == 0 => Some("no add was acknowledged"),
        _ => None,
    };
    if totals.unread > 0 {
        let adds = totals.unread;
        found
            .misfits
            .because(|| format!("{adds} adds were acknowledged after the last read began"));
    }
    let figures = vec![
        figure("attempted", totals.attempted),
        figure("acknowledged", totals.acknowledged),
        figure("final reads", totals.final_reads),
        figure("present", totals.present),
        figure("recovered", totals.recovered),
    ];
    found.complaints.judgement("set", claim, figures, found.misfits.verdict(vacuous))
}

/// The event at which the final reads begin.
fn begin(history: &History, part: &Part, phases: FinalReads) -> u32 {
    match phases {
        FinalReads::From(begin) => return begin,
        FinalReads::Never => return NONE,
        FinalReads::Unsaid => {}
    }
    let (mut last_add, mut last_read) = (0, NONE);
    for &op in &part.ops {
        let seen = Seen::of(history, op);
        match (seen.f, seen.outcome) {
            ("add", EventType::Ok) => last_add = last_add.max(seen.complete),
            ("read", EventType::Ok) => last_read = seen.invoke,
            _ => {}
        }
    }
    last_add.min(last_read)
}

fn judge<'a>(
    history: &'a History,
    part: &Part,
    members: &Members<'a>,
    found: &mut Found<'a>,
    totals: &mut Totals,
) {
    let (attempted, acknowledged) = members.figures();
    totals.attempted += attempted;
    totals.acknowledged += acknowledged;
    totals.final_reads += members.counted.len();
    let last_begun = members.counted.last().map_or(0, |read| read.invoke);
    for member in &members.members {
        totals.present += usize::from(member.last_present != NONE);
        if member.acked == NONE {
            totals.recovered += usize::from(member.last_present != NONE);
            continue;
        }
        totals.unread += usize::from(member.last_present == NONE && member.acked > last_begun);
        let absent = members.read_at(member.last_absent);
        if let Some(read) = absent.filter(|read| read.invoke > member.acked) {
            let sentence = || {
                let item = show(member.item);
                format!("{item} was acknowledged before this read began, and is not in it")
            };
            let ops = vec![member.add, read.op];
            found.complaints.add("lost", part.key_text(history), ops, sentence);
        }
    }
}
