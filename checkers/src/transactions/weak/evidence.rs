//! What is wrong, in words: the cycle with its reasons, and the account of who should have seen
//! what.
//!
//! ```text
//!   T1: w x 1      T4: r x 1, w x 2, w y 3      T5: r y 3, w z 4      T9: r z 4, r x 1
//!
//!   cycle     T9 -rw-> T4 -wr-> T5 -wr-> T9
//!   account   T9 of process 2 read 1 of key x, written by T1, although T4, which it follows by
//!             way of T5, had overwritten it with 2; T4 had read it from T1
//! ```
//!
//! The cycle that was found is T4 -> T1 -> T4, where the first edge is what T9 implies. If T4
//! follows T1 by reads and sessions alone, it is told as above, as others know it. If it takes
//! several implied edges, they are told one by one.

use super::cycle::{self, Walk};
use super::facts::Facts;
use super::order::Base;
use super::{Later, Level};
use crate::transactions::atom::Atom;
use crate::transactions::cycles::{Cycle, Step};
use crate::transactions::explain::{self, name};
use crate::transactions::finding::{Finding, Reason, Reasons};
use crate::transactions::graph::{Dep, Graph};
use crate::transactions::lattice::{self, Anomalies, Anomaly, Models};
use crate::transactions::table::{KeyId, Mop, TxnId};
use crate::verdict::AnomalyEvidence;

/// Transactions that are named on the way from one to another.
const NAMED_MAX: usize = 5;

/// Implied orders that are told of one cycle.
const TOLD_MAX: usize = 5;

/// What is wrong without any order.
pub(super) fn at_sight(facts: &Facts<'_>, level: Level) -> AnomalyEvidence {
    Told { facts, level, implied: &[] }.evidence(&facts.findings, &[])
}

/// A cycle of reads, sessions and implied orders.
pub(super) fn cycle(
    facts: &Facts<'_>,
    base: &Base,
    graph: &Graph,
    level: Level,
    steps: Vec<Step>,
    later: &[Later],
) -> AnomalyEvidence {
    let mut walk = Walk { graph, base, within: None, deps: cycle::base_deps(), steps: 0 };
    let mut implied = Vec::new();
    for (at, step) in steps.iter().enumerate() {
        if step.dep == Dep::Ww && step.from.0 != facts.initial() {
            let to = steps[(at + 1) % steps.len()].from.0;
            implied.push(Implied::of(&mut walk, later, (step.from.0, to), at));
        }
    }
    let told = Told { facts, level, implied: &implied };
    match &implied[..] {
        [] => {
            let anomaly = of_process(&steps, Anomaly::G1c, Anomaly::G1cProcess);
            told.evidence(&[], &[Cycle { anomaly, steps }])
        }
        [one] => told.stale(one, &steps),
        several => told.contradiction(several, steps),
    }
}

/// An implied order, with how its reader came to see the first of it.
struct Implied {
    later: Later,
    seen_by: Vec<Step>,
    /// Which step of the cycle it is.
    at: usize,
}

impl Implied {
    /// By the witness of an edge that is nearest to what it saw.
    fn of(walk: &mut Walk<'_>, later: &[Later], (before, after): (u32, u32), at: usize) -> Self {
        let mut best: Option<(Vec<Step>, Later)> = None;
        for witness in later.iter().filter(|l| (l.before, l.after) == (before, after)) {
            let hops_max = best.as_ref().map_or(usize::MAX, |(path, _)| path.len() - 1);
            if hops_max == 0 {
                break;
            }
            if let Some(path) = walk.path(before, witness.reader, hops_max) {
                best = Some((path, *witness));
            }
        }
        let (seen_by, later) = best.expect("an implied order has a reader that saw its first");
        Self { later, seen_by, at }
    }
}

/// Everything there is to tell, and the reasons of its edges.
struct Told<'a> {
    facts: &'a Facts<'a>,
    level: Level,
    implied: &'a [Implied],
}

impl Told<'_> {
    /// A read of what was overwritten in the reader's past.
    fn stale(&self, one: &Implied, steps: &[Step]) -> AnomalyEvidence {
        let facts = self.facts;
        let &Later { before, after, reader, key } = &one.later;
        let is_initial = after == facts.initial();
        let over = steps[one.at + 1..].iter().chain(&steps[..one.at]);
        let over: Vec<Step> = over.filter(|_| !is_initial).copied().collect();
        let (who, key_text) = (self.who(reader), explain::key(facts.table, key));
        let (writer, link) = (self.name(before), self.link(&one.seen_by, reader));
        let new = facts.table.text(self.left(before, key));
        let sentence = if is_initial {
            format!("{who} read nil of key {key_text} although {writer}, {link}, had written {new}")
        } else {
            let (old, order) =
                (facts.table.text(self.left(after, key)), self.follows(&over, before));
            let source = self.name(after);
            format!(
                "{who} read {old} of key {key_text}, written by {source}, although {writer}, \
                 {link}, had overwritten it with {new}; {order}"
            )
        };
        let rw = Step { from: TxnId(reader), dep: Dep::Rw };
        let steps: Vec<Step> = std::iter::once(rw).chain(one.seen_by.iter().copied()).collect();
        let mut txns: Vec<TxnId> = steps.iter().chain(&over).map(|step| step.from).collect();
        txns.extend((!is_initial).then_some(TxnId(after)));
        let all: Vec<Step> = steps.iter().chain(&over).copied().collect();
        self.account(&all, Some(key), txns, steps, sentence)
    }

    /// Several implied orders that no order of commits can satisfy together.
    fn contradiction(&self, several: &[Implied], steps: Vec<Step>) -> AnomalyEvidence {
        let mut told = Vec::new();
        let mut txns: Vec<TxnId> = steps.iter().map(|step| step.from).collect();
        let mut all = steps.clone();
        for Implied { later, seen_by, .. } in several {
            let reason = self.implied(later);
            told.push(format!("{} {}", self.name(later.before), reason.text));
            txns.extend(seen_by.iter().map(|step| step.from).chain([TxnId(later.reader)]));
            all.extend(seen_by);
        }
        let more = told.len().saturating_sub(TOLD_MAX);
        told.truncate(TOLD_MAX);
        let mut sentence = format!("no order of commits explains the reads: {}", told.join("; "));
        if more > 0 {
            sentence.push_str(&format!("; and {more} more of this kind"));
        }
        self.account(&all, None, txns, steps, sentence)
    }

    /// The evidence of an account and of its cycle; `all` are the steps that it rests on.
    fn account(
        &self,
        all: &[Step],
        key: Option<KeyId>,
        mut txns: Vec<TxnId>,
        steps: Vec<Step>,
        sentence: String,
    ) -> AnomalyEvidence {
        let anomaly = match self.level {
            Level::MonotonicAtomicView => Anomaly::GMonotonic,
            Level::ReadAtomic => Anomaly::FracturedRead,
            _ => of_process(all, Anomaly::GSingleItem, Anomaly::GSingleItemProcess),
        };
        let mut seen = rustc_hash::FxHashSet::default();
        txns.retain(|id| seen.insert(*id));
        let finding = Finding { anomaly, key, txns, sentence, count: 1 };
        let headline = format!("{}: {}", anomaly.name(), finding.sentence);
        let mut evidence = self.evidence(&[finding], &[Cycle { anomaly, steps }]);
        evidence.sentence = headline;
        evidence
    }

    fn evidence(&self, findings: &[Finding], cycles: &[Cycle]) -> AnomalyEvidence {
        let anomalies: Anomalies = findings
            .iter()
            .map(|finding| finding.anomaly)
            .chain(cycles.iter().map(|cycle| cycle.anomaly))
            .collect();
        let types = anomalies.iter().map(|anomaly| anomaly.name().to_owned()).collect();
        // The level is broken by what was decided here, whatever the names say of it.
        let broken = Models::default().with(self.level.model());
        let boundary = lattice::boundary_with(anomalies, broken);
        explain::evidence(self.facts.table, self, findings, cycles, types, &boundary)
    }

    fn name(&self, txn: u32) -> String {
        name(self.facts.table, TxnId(txn))
    }

    fn who(&self, txn: u32) -> String {
        let process = self.facts.table.txn(TxnId(txn)).process();
        format!("{} of process {process}", self.name(txn))
    }

    /// How a transaction comes after the first of a path, of which was just spoken.
    fn link(&self, path: &[Step], to: u32) -> String {
        match path {
            [Step { from, dep: Dep::Wr }] => match self.read_from(from.0, to) {
                Some((key, value, _)) => {
                    format!("from which it read {} of key {key}", self.facts.table.text(value))
                }
                None => "from which it read".to_owned(),
            },
            [_] => "which its process had done before".to_owned(),
            _ => format!("which it follows by way of {}", self.via(path)),
        }
    }

    /// The same as a sentence of its own.
    fn follows(&self, path: &[Step], to: u32) -> String {
        let (later, first) = (self.name(to), path.first().map_or(to, |step| step.from.0));
        let first = self.name(first);
        match path {
            [Step { dep: Dep::Wr, .. }] => format!("{later} had read from {first}"),
            [_] => format!("the process of {later} had done {first} before"),
            _ => format!("{later} follows {first} by way of {}", self.via(path)),
        }
    }

    fn via(&self, path: &[Step]) -> String {
        let between = &path[1.min(path.len())..];
        let names: Vec<String> =
            between.iter().take(NAMED_MAX).map(|step| self.name(step.from.0)).collect();
        match between.len().saturating_sub(NAMED_MAX) {
            0 => names.join(", "),
            more => format!("{} and {more} more", names.join(", ")),
        }
    }

    /// What a transaction leaves behind of a key.
    fn left(&self, txn: u32, key: KeyId) -> Atom {
        let mops = self.facts.table.mops(TxnId(txn)).iter().rev();
        let mut writes = mops.filter_map(|mop| match *mop {
            Mop::Write(other, value) if other == key => Some(value),
            _ => None,
        });
        writes.next().expect("it wrote the key")
    }

    /// A key, the value, and its key's number, that the second read from the first.
    fn read_from(&self, from: u32, to: u32) -> Option<(String, Atom, KeyId)> {
        let seen = self.facts.reads(to).iter().find(|seen| seen.source == from)?;
        Some((explain::key(self.facts.table, seen.key), self.left(from, seen.key), seen.key))
    }

    /// Where a transaction wrote or read what another one left behind of a key.
    fn mop(&self, txn: u32, wanted: Mop) -> Option<u32> {
        let at = self.facts.table.mops(TxnId(txn)).iter().rposition(|mop| *mop == wanted)?;
        u32::try_from(at).ok()
    }

    fn implied(&self, later: &Later) -> Reason {
        let &Later { before, after, reader, key } = later;
        let (table, new) = (self.facts.table, self.left(before, key));
        let old = self.left(after, key);
        let (reader, source, key_text) =
            (self.name(reader), self.name(after), explain::key(table, key));
        let text = format!(
            "wrote {} to key {key_text}, and {reader}, which follows it, still read {} of {source}",
            table.text(new),
            table.text(old),
        );
        let from_mop = self.mop(before, Mop::Write(key, new));
        Reason { key: Some(key), from_mop, to_mop: self.mop(after, Mop::Write(key, old)), text }
    }
}

impl Reasons for Told<'_> {
    fn precedence(&self) -> &'static [Dep] {
        &[Dep::Wr, Dep::Ww, Dep::Rw, Dep::Process, Dep::Realtime]
    }

    fn reason(&self, from: TxnId, to: TxnId, dep: Dep) -> Option<Reason> {
        let table = self.facts.table;
        match dep {
            Dep::Wr => {
                let (key_text, value, key) = self.read_from(from.0, to.0)?;
                let (value_text, reader) = (table.text(value), name(table, to));
                let text = format!("wrote {value_text} to key {key_text}, and {reader} read it");
                let from_mop = self.mop(from.0, Mop::Write(key, value));
                let to_mop = self.mop(to.0, Mop::Read(key, value));
                Some(Reason { key: Some(key), from_mop, to_mop, text })
            }
            Dep::Rw => {
                let is_this =
                    |one: &&Implied| (one.later.reader, one.later.before) == (from.0, to.0);
                let &Later { after, key, .. } = &self.implied.iter().find(is_this)?.later;
                let is_initial = after == self.facts.initial();
                let old = if is_initial { Atom::NIL } else { self.left(after, key) };
                let new = self.left(to.0, key);
                let (old_text, new_text) = (table.text(old), table.text(new));
                let (key_text, writer) = (explain::key(table, key), name(table, to));
                let text = format!(
                    "read {old_text} of key {key_text}, which {writer} overwrote with {new_text}"
                );
                let from_mop = self.mop(from.0, Mop::Read(key, old));
                Some(Reason {
                    key: Some(key),
                    from_mop,
                    to_mop: self.mop(to.0, Mop::Write(key, new)),
                    text,
                })
            }
            Dep::Ww => {
                let mut implied = self.implied.iter().map(|one| &one.later);
                let later = implied.find(|l| (l.before, l.after) == (from.0, to.0))?;
                Some(self.implied(later))
            }
            _ => None,
        }
    }
}

/// The anomaly, or its form of sessions if one of the steps is of a session.
fn of_process(steps: &[Step], plain: Anomaly, process: Anomaly) -> Anomaly {
    if steps.iter().any(|step| step.dep == Dep::Process) { process } else { plain }
}
