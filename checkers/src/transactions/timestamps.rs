//! When the system tells its timestamps, one pass in their order decides.
//!
//! ```text
//!   snapshot isolation   at start:  every read finds what was committed last
//!                        at commit: nobody else committed a write of the same key since the start
//!   serializable         at commit: every read finds what was committed last; then the writes
//!   strong, strict       and whoever began after another completed has the greater timestamp
//! ```
//!
//! Chronos (ICDE 2025): n transactions with m steps cost n log n + m. What is judged is whether the
//! system keeps its promise *by its own timestamps*: a read that another order would explain is
//! still wrong here.
//!
//! What ended as `info` may have committed at any time: a read of a key that such a transaction
//! wrote is no accusation.

use super::atom::Atom;
use super::collect::Kind;
use super::explain::{self, name};
use super::finding::{Finding, Reason, Reasons};
use super::graph::Dep;
use super::lattice::{self, Anomalies, Anomaly, Model, Models};
use super::options::Options;
use super::table::{KeyId, Mop, Stored, Table, Timestamps, TxnId};
use crate::budget::Budget;
use crate::verdict::{AnomalyEvidence, Evidence, Judgement, Verdict};
use rustc_hash::FxHashMap;

/// What the timestamps are held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// Snapshot isolation.
    Snapshot,
    /// The same, with snapshots that are no older than the beginning of the transaction.
    StrongSnapshot,
    /// Serializable in the order of commits.
    Serializable,
    /// The same, in an order that agrees with real time.
    StrictSerializable,
}

impl Isolation {
    /// The isolation of this model, if timestamps can decide it.
    pub fn of(model: Model) -> Option<Self> {
        [Self::Snapshot, Self::StrongSnapshot, Self::Serializable, Self::StrictSerializable]
            .into_iter()
            .find(|isolation| isolation.model() == model)
    }

    /// Its name in the lattice.
    pub fn model(self) -> Model {
        match self {
            Self::Snapshot => Model::SnapshotIsolation,
            Self::StrongSnapshot => Model::StrongSnapshotIsolation,
            Self::Serializable => Model::Serializable,
            Self::StrictSerializable => Model::StrictSerializable,
        }
    }

    fn has_snapshots(self) -> bool {
        matches!(self, Self::Snapshot | Self::StrongSnapshot)
    }

    fn is_real_time(self) -> bool {
        matches!(self, Self::StrongSnapshot | Self::StrictSerializable)
    }
}

/// What the timestamps of this history can tell of what is asked: one model, no predicates, and
/// all transactions that took effect have timestamps.
pub fn asked(table: &Table, kind: Kind, options: &Options) -> Option<Isolation> {
    if kind == Kind::ClosedPredicate {
        return None;
    }
    let isolation = options.only_model().and_then(Isolation::of)?;
    let mut ok = table.txns().filter(|(_, txn)| txn.is_ok()).peekable();
    let is_there = ok.peek().is_some();
    (is_there && ok.all(|(id, _)| table.timestamps(id) != Timestamps::default()))
        .then_some(isolation)
}

/// Whether the transactions keep this promise by their timestamps.
pub fn check(claim: &str, table: &Table, isolation: Isolation, budget: &Budget<'_>) -> Judgement {
    let mut figures = vec![("transactions".to_owned(), table.len().to_string())];
    let verdict = match Replay::new(table, isolation).run(budget) {
        Err(why) => Verdict::Unknown { why },
        Ok(replay) if !replay.findings.is_empty() => {
            let evidence = Evidence::Anomalies(evidence(table, &replay.findings, isolation));
            Verdict::Invalid { evidence: Box::new(evidence) }
        }
        Ok(Replay { undecided: Some(why), .. }) => Verdict::Unknown { why },
        Ok(_) => {
            let how = "in the order of the timestamps, everything is read as it was written";
            figures.push(("proved".to_owned(), how.to_owned()));
            Verdict::Valid
        }
    };
    Judgement { checker: super::CHECKER.to_owned(), claim: claim.to_owned(), verdict, figures }
}

/// What happens at a time. At one and the same, commits come first: a snapshot includes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Happens {
    Commit,
    Start,
}

/// What was committed last of a key.
#[derive(Clone, Debug, Default)]
struct Committed {
    by: Option<u32>,
    at: u64,
    /// Of a register.
    value: Option<Atom>,
    /// Of a list; and how much of it begins like the list that is stored for the key.
    list: Vec<Atom>,
    like_spine: usize,
    /// Whether somebody wrote it of whom nobody knows whether, or when, he committed.
    open: bool,
}

struct Replay<'a> {
    table: &'a Table,
    isolation: Isolation,
    keys: Vec<Committed>,
    findings: Vec<Finding>,
    undecided: Option<String>,
    /// Who wrote a value; made only when a read has to be explained.
    writers: Option<FxHashMap<(KeyId, Atom), u32>>,
}

impl<'a> Replay<'a> {
    fn new(table: &'a Table, isolation: Isolation) -> Self {
        let mut keys = vec![Committed::default(); table.key_count()];
        for (id, _) in table.txns().filter(|(_, txn)| !txn.is_ok() && txn.is_possible()) {
            for mop in table.mops(id).iter().filter(|mop| written(**mop).is_some()) {
                keys[mop.key().index()].open = true;
            }
        }
        Self { table, isolation, keys, findings: Vec::new(), undecided: None, writers: None }
    }

    /// Goes through the timestamps in their order.
    fn run(mut self, budget: &Budget<'_>) -> Result<Self, String> {
        let schedule = self.schedule()?;
        for (count, &(at, happens, txn)) in schedule.iter().enumerate() {
            if count % 65_536 == 0 && budget.stopped() {
                return Err(format!("time was up after {count} of {} timestamps", schedule.len()));
            }
            let reads_now = (happens == Happens::Start) == self.isolation.has_snapshots();
            if reads_now {
                self.read(TxnId(txn), at);
            }
            if happens == Happens::Commit {
                self.commit(TxnId(txn), at);
            }
        }
        if self.isolation.is_real_time() {
            self.real_time();
        }
        Ok(self)
    }

    /// Everything that happens, in order.
    fn schedule(&self) -> Result<Vec<(u64, Happens, u32)>, String> {
        let mut schedule = Vec::new();
        for (id, _) in self.table.txns().filter(|(_, txn)| txn.is_ok()) {
            let Timestamps { start, commit } = self.table.timestamps(id);
            let who = || name(self.table, id);
            let writes = self.table.mops(id).iter().any(|mop| written(*mop).is_some());
            let commit = commit.or(start.filter(|_| !writes));
            let commit = commit.ok_or_else(|| format!("{} has no commit timestamp", who()))?;
            if let Some(start) = start.filter(|start| *start > commit) {
                return Err(format!(
                    "{} commits at {commit} and starts after that, at {start}",
                    who()
                ));
            }
            if self.isolation.has_snapshots() {
                let start = start.ok_or_else(|| format!("{} has no start timestamp", who()))?;
                if writes && start == commit {
                    return Err(format!("{} writes, but starts and commits at {start}", who()));
                }
                schedule.push((start, Happens::Start, id.0));
            }
            if writes || !self.isolation.has_snapshots() {
                schedule.push((commit, Happens::Commit, id.0));
            }
        }
        schedule.sort_unstable();
        let twice = schedule.windows(2).find(|pair| {
            let writes =
                |txn| self.table.mops(TxnId(txn)).iter().any(|mop| written(*mop).is_some());
            pair[0].0 == pair[1].0
                && pair[0].1 == Happens::Commit
                && pair[1].1 == Happens::Commit
                && writes(pair[0].2)
                && writes(pair[1].2)
        });
        match twice {
            Some(pair) => {
                let [one, two] = [pair[0].2, pair[1].2].map(|txn| name(self.table, TxnId(txn)));
                Err(format!(
                    "{one} and {two} both commit at {}: their order is not known",
                    pair[0].0
                ))
            }
            None => Ok(schedule),
        }
    }

    /// Compares the reads of a transaction with what is committed now.
    fn read(&mut self, id: TxnId, at: u64) {
        let mops = self.table.mops(id);
        for (place, mop) in mops.iter().enumerate() {
            let agrees = match *mop {
                Mop::Read(key, value) => self.expected(key, &mops[..place]) == value,
                Mop::List(key, _) => self.agrees(key, *mop, &mops[..place]),
                Mop::Append(..) | Mop::Write(..) | Mop::Unknown(_) => true,
            };
            if !agrees {
                self.accuse(id, *mop, &mops[..place], at);
            }
        }
    }

    /// What a register has to hold after these steps.
    fn expected(&self, key: KeyId, before: &[Mop]) -> Atom {
        let own = before.iter().rev().find_map(|mop| match *mop {
            Mop::Write(other, value) if other == key => Some(value),
            _ => None,
        });
        own.or(self.keys[key.index()].value).unwrap_or(Atom::NIL)
    }

    /// Whether a list is what is committed and what these steps appended.
    fn agrees(&self, key: KeyId, mop: Mop, before: &[Mop]) -> bool {
        let Mop::List(_, list) = mop else { return true };
        let Committed { list: committed, like_spine, .. } = &self.keys[key.index()];
        let seen = self.table.elements(key, list);
        let is_like = match list.stored() {
            Stored::Prefix(_) => *like_spine == committed.len(),
            Stored::Odd(_) => seen.starts_with(committed),
        };
        let own = before.iter().filter_map(|mop| match *mop {
            Mop::Append(other, element) if other == key => Some(element),
            _ => None,
        });
        seen.len() >= committed.len() && is_like && seen[committed.len()..].iter().copied().eq(own)
    }

    /// Makes a transaction's writes what is committed.
    fn commit(&mut self, id: TxnId, at: u64) {
        let start = self.table.timestamps(id).start.unwrap_or(at);
        for mop in self.table.mops(id) {
            let Some((key, value)) = written(*mop) else { continue };
            let Committed { by, at: last, .. } = self.keys[key.index()];
            if let Some(other) = by.filter(|by| *by != id.0)
                && self.isolation.has_snapshots()
                && last > start
            {
                let (who, other_name) = (name(self.table, id), name(self.table, TxnId(other)));
                let key_text = explain::key(self.table, key);
                let sentence = format!(
                    "{who} and {other_name} both wrote key {key_text}, but {other_name} committed \
                     at {last}, between the start of {who} at {start} and its commit at {at}"
                );
                self.found(Anomaly::GSIa, key, vec![id, TxnId(other)], sentence);
            }
            let spine = self.table.spine(key);
            let committed = &mut self.keys[key.index()];
            (committed.by, committed.at) = (Some(id.0), at);
            match mop {
                Mop::Append(..) => {
                    let length = committed.list.len();
                    if committed.like_spine == length && spine.get(length) == Some(&value) {
                        committed.like_spine += 1;
                    }
                    committed.list.push(value);
                }
                _ => committed.value = Some(value),
            }
        }
    }

    /// A read that finds something else than it should.
    fn accuse(&mut self, id: TxnId, mop: Mop, before: &[Mop], at: u64) {
        let (table, key) = (self.table, mop.key());
        let Committed { by, open, .. } = self.keys[key.index()];
        let (who, key_text) = (name(table, id), explain::key(table, key));
        if open {
            let why = format!(
                "{who} read key {key_text}, which somebody wrote who may have committed at any time"
            );
            self.undecided.get_or_insert(why);
            return;
        }
        let (saw, should, newest) = match mop {
            Mop::List(_, list) => {
                let seen = table.elements(key, list);
                let committed = &self.keys[key.index()].list;
                let should =
                    format!("{} elements ending in {}", committed.len(), last(table, committed));
                (
                    format!("{} elements ending in {}", seen.len(), last(table, seen)),
                    should,
                    seen.last().copied(),
                )
            }
            Mop::Read(_, value) => {
                let should = table.text(self.expected(key, before));
                (table.text(value), should, Some(value).filter(|value| *value != Atom::NIL))
            }
            Mop::Append(..) | Mop::Write(..) | Mop::Unknown(_) => return,
        };
        let own = before.iter().any(|mop| written(*mop).is_some_and(|(other, _)| other == key));
        let writer = newest.and_then(|value| self.writer(key, value));
        let point = if self.isolation.has_snapshots() { "start" } else { "commit" };
        let committed = by.map_or("nobody had committed to it".to_owned(), |by| {
            let since = self.keys[key.index()].at;
            format!("{} had committed to it at {since}", name(table, TxnId(by)))
        });
        let mut sentence = format!(
            "{who}, by its {point} at {at}, should have read {should} of key {key_text}, since \
             {committed}; it read {saw}"
        );
        if own {
            sentence = format!("{who} read {saw} of key {key_text} after it wrote to it itself");
        }
        let mut txns = vec![id];
        txns.extend(by.into_iter().chain(writer).map(TxnId).filter(|other| *other != id));
        txns.dedup();
        self.found(self.named(id, newest.is_some(), writer, own, at), key, txns, sentence);
    }

    fn named(&self, id: TxnId, is_value: bool, writer: Option<u32>, own: bool, at: u64) -> Anomaly {
        let later = |writer: u32| {
            self.table.timestamps(TxnId(writer)).commit.is_some_and(|commit| commit > at)
        };
        let snapshots = self.isolation.has_snapshots();
        match writer {
            None if is_value => Anomaly::GarbageRead,
            Some(writer) if !self.table.txn(TxnId(writer)).is_possible() => Anomaly::G1a,
            Some(writer) if writer == id.0 && !own => Anomaly::FutureRead,
            _ if own => Anomaly::Internal,
            Some(writer) if later(writer) && snapshots => Anomaly::GSIa,
            Some(writer) if later(writer) => Anomaly::G1cRealtime,
            _ if snapshots => Anomaly::GSIb,
            _ => Anomaly::GSingleItemRealtime,
        }
    }

    fn writer(&mut self, key: KeyId, value: Atom) -> Option<u32> {
        let table = self.table;
        let writers = self.writers.get_or_insert_with(|| {
            let all =
                table.txns().flat_map(|(id, _)| table.mops(id).iter().map(move |mop| (id, mop)));
            all.filter_map(|(id, mop)| Some((written(*mop)?, id.0))).collect()
        });
        writers.get(&(key, value)).copied()
    }

    /// Whoever began after another completed has to have the greater timestamp.
    fn real_time(&mut self) {
        let mut events: Vec<(usize, bool, TxnId)> = Vec::new();
        for (id, txn) in self.table.txns().filter(|(_, txn)| txn.is_ok()) {
            if let (Some(invoke), Some(complete)) = (txn.invoke_index(), txn.complete_index()) {
                events.extend([(invoke, false, id), (complete, true, id)]);
            }
        }
        events.sort_unstable();
        let mut greatest: Option<(u64, TxnId)> = None;
        for (_, completes, id) in events {
            let Timestamps { start, commit } = self.table.timestamps(id);
            let point = if self.isolation.has_snapshots() { start } else { commit.or(start) };
            if completes {
                greatest = greatest.max(commit.map(|commit| (commit, id)));
                continue;
            }
            let (Some(point), Some((commit, before))) = (point, greatest) else { continue };
            if point < commit {
                let [who, first] = [id, before].map(|id| name(self.table, id));
                let sentence = format!(
                    "{who} began after {first} had completed, but its timestamp {point} is less \
                     than {commit}, at which {first} committed"
                );
                let anomaly = match self.isolation {
                    Isolation::StrongSnapshot => Anomaly::StrongSnapshotIsolationCycleExists,
                    _ => Anomaly::PLSSCycleExists,
                };
                self.count(Finding {
                    anomaly,
                    key: None,
                    txns: vec![id, before],
                    sentence,
                    count: 1,
                });
            }
        }
    }

    fn found(&mut self, anomaly: Anomaly, key: KeyId, txns: Vec<TxnId>, sentence: String) {
        self.count(Finding { anomaly, key: Some(key), txns, sentence, count: 1 });
    }

    /// Of each anomaly the first is kept.
    fn count(&mut self, new: Finding) {
        match self.findings.iter_mut().find(|finding| finding.anomaly == new.anomaly) {
            Some(finding) => finding.count += 1,
            None => self.findings.push(new),
        }
    }
}

/// The key and the value that a step writes.
fn written(mop: Mop) -> Option<(KeyId, Atom)> {
    match mop {
        Mop::Append(key, value) | Mop::Write(key, value) => Some((key, value)),
        Mop::List(..) | Mop::Read(..) | Mop::Unknown(_) => None,
    }
}

fn last(table: &Table, list: &[Atom]) -> String {
    list.last().map_or("nothing".to_owned(), |last| table.text(*last))
}

/// Findings stand alone: there is no cycle whose edges have reasons.
struct NoReasons;

impl Reasons for NoReasons {
    fn precedence(&self) -> &'static [Dep] {
        &Dep::ALL
    }

    fn reason(&self, _: TxnId, _: TxnId, _: Dep) -> Option<Reason> {
        None
    }
}

fn evidence(table: &Table, findings: &[Finding], isolation: Isolation) -> AnomalyEvidence {
    let anomalies: Anomalies = findings.iter().map(|finding| finding.anomaly).collect();
    let types = anomalies.iter().map(|anomaly| anomaly.name().to_owned()).collect();
    let broken = Models::default().with(isolation.model());
    let boundary = lattice::boundary_with(anomalies, broken);
    explain::evidence(table, &NoReasons, findings, &[], types, &boundary)
}

#[cfg(test)]
mod tests {
    use super::{Isolation, check};
    use crate::budget::Budget;
    use crate::transactions::table::Timestamps;
    use crate::transactions::weak::fixture;
    use crate::verdict::{Evidence, Verdict};

    /// What is said of these transactions: `valid`, `unknown: ...` or `type: sentence`.
    fn said(text: &str, stamps: &[(u64, u64)], isolation: Isolation) -> String {
        let mut table = fixture::table(text);
        let stamps = stamps.iter().map(|&(start, commit)| (Some(start), Some(commit)));
        table.timestamps = stamps.map(|(start, commit)| Timestamps { start, commit }).collect();
        match check("", &table, isolation, &Budget::default()).verdict {
            Verdict::Valid => "valid".to_owned(),
            Verdict::Unknown { why } => format!("unknown: {why}"),
            Verdict::Invalid { evidence } => match *evidence {
                Evidence::Anomalies(evidence) => {
                    assert!(!evidence.not.is_empty() && !evidence.ops.is_empty());
                    evidence.sentence
                }
                other => panic!("{other:?}"),
            },
        }
    }

    const SKEW: &str = "p0 ok: r x nil, w y 1 \n p1 ok: r y nil, w x 2";

    #[test]
    fn a_write_skew_is_a_snapshot_and_no_serialization() {
        let stamps = [(1, 3), (2, 4)];
        assert_eq!(said(SKEW, &stamps, Isolation::Snapshot), "valid");
        assert_eq!(
            said(SKEW, &stamps, Isolation::Serializable),
            "G-single-item-realtime: T3, by its commit at 4, should have read 1 of key y, \
             since T1 had committed to it at 3; it read null"
        );
        let twin = "p0 ok: r x nil, w y 1 \n p1 ok: r y 1, w x 2";
        assert_eq!(said(twin, &stamps, Isolation::Serializable), "valid");
    }

    #[test]
    fn a_snapshot_has_what_was_committed_before_it_and_nothing_else() {
        let stale = "p0 ok: w x 1 \n p1 ok: w x 2 \n p2 ok: r x 1";
        let stamps = [(1, 2), (3, 4), (5, 5)];
        assert_eq!(
            said(stale, &stamps, Isolation::Snapshot),
            "GSIb: T5, by its start at 5, should have read 2 of key x, since T3 had committed \
             to it at 4; it read 1"
        );
        assert_eq!(said(stale, &[(1, 2), (3, 6), (5, 5)], Isolation::Snapshot), "valid");
        let early = "p0 ok: w x 1 \n p1 ok: r x 1";
        assert_eq!(
            said(early, &[(1, 4), (3, 3)], Isolation::Snapshot),
            "GSIa: T3, by its start at 3, should have read null of key x, since nobody had \
             committed to it; it read 1"
        );
        assert_eq!(said(early, &[(1, 3), (3, 3)], Isolation::Snapshot), "valid");
    }

    #[test]
    fn two_snapshots_that_overlap_do_not_write_the_same_key() {
        let both = "p0 ok: w x 1 \n p1 ok: w x 2";
        assert_eq!(
            said(both, &[(1, 3), (2, 4)], Isolation::Snapshot),
            "GSIa: T3 and T1 both wrote key x, but T1 committed at 3, between the start of T3 \
             at 2 and its commit at 4"
        );
        assert_eq!(said(both, &[(1, 2), (3, 4)], Isolation::Snapshot), "valid");
        assert_eq!(said(both, &[(1, 3), (2, 4)], Isolation::Serializable), "valid");
    }

    #[test]
    fn strict_timestamps_grow_with_real_time() {
        let apart = "p0 ok: w x 1 \n p1 ok: w y 2";
        let stamps = [(5, 6), (1, 2)];
        assert_eq!(said(apart, &stamps, Isolation::Serializable), "valid");
        let found = said(apart, &stamps, Isolation::StrictSerializable);
        assert_eq!(
            found,
            "PL-SS-cycle-exists: T3 began after T1 had completed, but its timestamp 2 is less than \
             6, at which T1 committed"
        );
        assert_eq!(said(apart, &[(1, 2), (5, 6)], Isolation::StrictSerializable), "valid");
        let snapshots = [(1, 6), (5, 7)];
        assert_eq!(said(apart, &snapshots, Isolation::Snapshot), "valid");
        assert!(said(apart, &snapshots, Isolation::StrongSnapshot).contains("began after T1"));
    }

    #[test]
    fn lists_are_compared_with_what_was_appended() {
        let text = "p0 ok: a x 1 \n p1 ok: a x 2, l x 1.2 \n p2 ok: l x 1.2";
        let stamps = [(1, 2), (3, 4), (5, 6)];
        assert_eq!(said(text, &stamps, Isolation::Serializable), "valid");
        assert_eq!(said(text, &stamps, Isolation::Snapshot), "valid");
        let lost = "p0 ok: a x 1 \n p1 ok: a x 2, l x 1.2 \n p2 ok: l x 2";
        assert_eq!(
            said(lost, &stamps, Isolation::Serializable),
            "G-single-item-realtime: T5, by its commit at 6, should have read 2 elements ending in \
             2 of key x, since T3 had committed to it at 4; it read 1 elements ending in 2"
        );
        let own = "p0 ok: a x 1 \n p1 ok: a x 2, l x 1 \n p2 ok: l x 1.2";
        assert!(said(own, &stamps, Isolation::Snapshot).starts_with("internal: T3 read"));
    }

    #[test]
    fn what_may_have_committed_at_any_time_is_no_accusation() {
        let text = "p0 info: w x 1 \n p1 ok: r x 1";
        let why = "unknown: T3 read key x, which somebody wrote who may have committed at any time";
        assert_eq!(said(text, &[(1, 2), (3, 3)], Isolation::Serializable), why);
        let other = "p0 info: w x 1 \n p1 ok: r x nil";
        assert_eq!(said(other, &[(1, 2), (3, 3)], Isolation::Serializable), "valid");
        let failed = "p0 fail: w x 1 \n p1 ok: r x 1";
        assert!(said(failed, &[(1, 2), (3, 3)], Isolation::Serializable).starts_with("G1a: T3"));
        let nobody = "p1 ok: r x 1";
        assert!(said(nobody, &[(3, 3)], Isolation::Snapshot).starts_with("garbage-read: T1"));
    }

    #[test]
    fn timestamps_that_say_nothing_are_named() {
        let both = "p0 ok: w x 1 \n p1 ok: w x 2";
        assert_eq!(
            said(both, &[(1, 3), (2, 3)], Isolation::Serializable),
            "unknown: T1 and T3 both commit at 3: their order is not known"
        );
        assert_eq!(
            said(both, &[(4, 3), (5, 6)], Isolation::Serializable),
            "unknown: T1 commits at 3 and starts after that, at 4"
        );
    }
}
