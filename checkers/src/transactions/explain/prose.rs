//! A cycle as a sentence: each step with its reason, and why that cannot be.
//!
//! ```text
//!   T3 read [] of key x, to which T5 appended 1 (rw); but T5 completed before T3 began
//!   (realtime): each of them has to come before the other, which no order allows
//! ```
//!
//! The sentence ends with the step that people expect least to be a matter of opinion: an order of
//! real time or of a process, if the cycle has one. Of a long cycle both ends are told.

use super::super::finding::Reason;
use super::super::graph::Dep;
use super::super::table::{Table, TxnId};
use super::{name, plain};
use crate::words::{quoted, seconds};

/// Steps that are told from each end of a long cycle.
const TOLD_END: usize = 4;

/// A longer reason is cut, in characters.
const REASON_CHARS_MAX: usize = 300;

/// Times closer than this read the same.
const RESOLUTION_NS: u64 = 1_000_000;

/// A step of a cycle with its reason.
#[derive(Clone, Debug)]
pub(super) struct Hop {
    pub(super) from: TxnId,
    pub(super) to: TxnId,
    pub(super) dep: Dep,
    pub(super) reason: Reason,
}

/// Why one transaction comes before another in the order of its process or of real time.
pub(super) fn ordered(table: &Table, from: TxnId, to: TxnId, dep: Dep) -> Option<Reason> {
    let (first, second) = (table.txn(from), table.txn(to));
    let then = name(table, to);
    let text = match dep {
        Dep::Process => format!("was done by process {} before {then}", first.process()),
        Dep::Realtime if second.invoke_ns / RESOLUTION_NS > first.complete_ns / RESOLUTION_NS => {
            let (end, begin) = (seconds(first.complete_ns), seconds(second.invoke_ns));
            format!("completed at {end}, before {then} began at {begin}")
        }
        Dep::Realtime => format!("completed before {then} began"),
        _ => return None,
    };
    Some(Reason { key: None, from_mop: None, to_mop: None, text })
}

/// The whole sentence of a step.
pub(super) fn step(table: &Table, hop: &Hop) -> String {
    let mut text = plain_names(&quoted(&hop.reason.text, REASON_CHARS_MAX));
    if hop.reason.text.chars().nth(REASON_CHARS_MAX).is_some() {
        text.push_str("...");
    }
    format!("{} {text}", name(table, hop.from))
}

/// A sentence whose keys and values are named as they are in transactions: `"x"` is `x`, if that
/// can be taken for nothing else.
pub(super) fn plain_names(sentence: &str) -> String {
    let mut out = String::with_capacity(sentence.len());
    let mut rest = sentence;
    while let Some(open) = rest.find('"') {
        out.push_str(&rest[..open]);
        let name = rest[open + 1..].find('"').map(|length| &rest[open..length + open + 2]);
        let name = name.filter(|name| plain(name) == name[1..name.len() - 1]);
        let Some(name) = name.filter(|_| !out.ends_with('\\')) else {
            out.push('"');
            rest = &rest[open + 1..];
            continue;
        };
        out.push_str(&name[1..name.len() - 1]);
        rest = &rest[open + name.len()..];
    }
    out + rest
}

/// The sentence of a cycle of so many steps, of which these are known.
pub(super) fn cycle(table: &Table, hops: &[Hop], steps: usize) -> String {
    let told = |hop: &Hop| format!("{} ({})", step(table, hop), hop.dep.name());
    let left_out = steps.saturating_sub(2 * TOLD_END);
    let mut sentences: Vec<String> = if left_out <= 1 {
        hops.iter().map(told).collect()
    } else {
        let first = hops[..TOLD_END].iter().map(told);
        let last = hops[hops.len() - TOLD_END..].iter().map(told);
        let gap = format!("... {left_out} further steps ...");
        first.chain([gap]).chain(last).collect()
    };
    let last = sentences.pop().unwrap_or_default();
    let why = match steps {
        2 => "each of them has to come before the other",
        _ => "each of them has to come before the next, and the last before the first",
    };
    format!("{}; but {last}: {why}, which no order allows", sentences.join("; "))
}
