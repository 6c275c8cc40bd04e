//! No two hold a lock at once, and its tokens grow.
//!
//! | operation | argument | answer |
//! |---|---|---|
//! | `acquire`, `lock` | not looked at | the token: a number, or `{"token": n}`, `{"fence": n}` |
//! | `release`, `unlock` | the token, in the same shapes, or nil | not looked at |
//! | `write` | `[token, value]`, or a map with the token | not looked at |
//! | `expired` (a note of the nemesis) | the token | |
//!
//! ```text
//!   acquire -> 7 |----|  held for certain  |----| release 7
//!               acquire -> 8 |----|                             two-holders
//! ```
//!
//! * `two-holders`: two hold it for certain, each from the end of its acquire to the beginning of
//!   its release.
//! * `token-reused`: two acquires were answered with one token.
//! * `token-not-growing`: an acquire began after another had completed, and got a lesser token.
//! * `unknown-token`: a release or a write succeeded with a token that nobody was given.
//! * `stale-write`: a write with an older token was accepted after one with a newer one was
//!   (Kleppmann 2016, "How to do distributed locking": what tokens are for).
//!
//! A key names a lock and what it guards. The vocabulary is that of the linearizable `fenced-lock`,
//! which demands more: that every grant and every release have their place in one order.
//!
//! **What it assumes.** A hold ends with the first release that names its token, whoever asked for
//! it and whatever became of it, or with the first release of its holder that names none; a release
//! without token of somebody who holds nothing ends all. A lock whose token was noted as `expired`
//! is held by nobody for certain. A hold that nobody ends lasts: a lease has to be noted, else who
//! gets the lock after it looks like a second holder. An acquire of unknown result may have got
//! the lock, or not: it is no holder, but the tokens that nobody was given may be its.

use super::Complaints;
use super::reading::{Done, Doubts, operations};
use crate::history::pairing::Operation;
use crate::history::{Datum, EventType, History, Process, Symbol, Value};
use crate::verdict::Judgement;
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::BTreeMap;

/// An acquire that was granted.
#[derive(Clone, Copy, Debug)]
struct Grant {
    op: Operation,
    token: Option<i64>,
    process: Process,
    /// The index of the event that ends it at the latest; none if nothing does.
    until: Option<usize>,
    /// Its lease ran out.
    expired: bool,
}

/// A release or a write that names a token.
#[derive(Clone, Copy, Debug)]
struct Use {
    op: Operation,
    token: i64,
    is_write: bool,
}

/// A lock, and what it guards.
#[derive(Debug, Default)]
struct Lock {
    grants: Vec<Grant>,
    /// Grants by token, and the holds of each process, by their place among the grants.
    by_token: FxHashMap<i64, usize>,
    by_process: FxHashMap<Process, usize>,
    uses: Vec<Use>,
    releases: Vec<(Operation, Process, Option<i64>)>,
    expired: FxHashSet<i64>,
    /// Acquires of unknown result or token.
    unknown: u64,
    /// Writes that were turned down.
    rejected: u64,
}

pub(super) fn check(claim: &str, history: &History, options: &super::Options) -> Judgement {
    let _ = options;
    let mut doubts = Doubts::default();
    let mut locks = read(history, &mut doubts);
    let mut complaints = Complaints::new(history);
    for (key, lock) in &mut locks {
        let key = key.map(|key| history.text(key).to_owned());
        lock.end_holds();
        let mut found = Found { key, complaints: &mut complaints };
        lock.two_holders(&mut found);
        lock.tokens(&mut found);
        lock.unknown_tokens(&mut found);
        lock.stale_writes(&mut found);
    }
    let sum = |count: &dyn Fn(&Lock) -> u64| locks.values().map(count).sum::<u64>();
    let granted = sum(&|lock| lock.grants.len() as u64);
    if granted == 0 {
        doubts.vacuous("nobody was granted a lock");
    }
    let expired = sum(&|lock| lock.grants.iter().filter(|grant| grant.expired).count() as u64);
    let figures = [
        ("locks", locks.len() as u64),
        ("granted", granted),
        ("acquires of unknown result or token", sum(&|lock| lock.unknown)),
        ("expired", expired),
        ("writes rejected", sum(&|lock| lock.rejected)),
    ];
    let figures = figures.map(|(name, count)| (name.to_owned(), count.to_string())).to_vec();
    complaints.judgement("fenced-locks", claim, figures, doubts.verdict())
}

fn read(history: &History, doubts: &mut Doubts) -> BTreeMap<Option<Symbol>, Lock> {
    let mut locks: BTreeMap<Option<Symbol>, Lock> = BTreeMap::new();
    let named = |names: &[&str]| names.iter().map(|name| history.symbols.get(name)).collect();
    let functions: [Vec<Option<Symbol>>; 3] =
        [named(&["acquire", "lock"]), named(&["release", "unlock"]), named(&["write"])];
    for done in operations(history) {
        let Some(f) = functions.iter().position(|names| names.contains(&Some(done.invoke.f)))
        else {
            continue;
        };
        let lock = locks.entry(done.key()).or_default();
        match f {
            0 => lock.acquire(history, &done, doubts),
            1 => lock.release(history, &done, doubts),
            _ => lock.write(history, &done, doubts),
        }
    }
    let note = history.symbols.get("expired");
    for (index, event) in history.events().iter().enumerate() {
        if event.process != Process::NEMESIS || Some(event.f) != note {
            continue;
        }
        match token(history, event.value) {
            Some(Some(token)) => {
                locks.entry(event.key).or_default().expired.insert(token);
            }
            _ => doubts.misfit(history, index, "the token that expired"),
        }
    }
    locks
}

/// A token, where it is said; nothing if it has another shape.
fn token(history: &History, value: Value) -> Option<Option<i64>> {
    match value {
        Value::Nil => Some(None),
        Value::Int(token) => Some(Some(token)),
        Value::Pair(..) => None,
        Value::Interned(_) => match history.datum(value) {
            Datum::Json(json) => {
                let token = json.get("token").or_else(|| json.get("fence"));
                token.and_then(serde_json::Value::as_i64).map(Some)
            }
            _ => None,
        },
    }
}

const TOKEN: &str = "a token: a whole number, or a map with one";

impl Lock {
    fn acquire(&mut self, history: &History, done: &Done<'_>, doubts: &mut Doubts) {
        let Some(answer) = done.answer() else {
            self.unknown += u64::from(done.outcome() == EventType::Info);
            return;
        };
        let Some(token) = token(history, answer) else {
            self.unknown += 1;
            return doubts.misfit(history, done.last_index(), TOKEN);
        };
        self.unknown += u64::from(token.is_none());
        let process = done.invoke.process;
        self.grants.push(Grant { op: done.op, token, process, until: None, expired: false });
    }

    fn release(&mut self, history: &History, done: &Done<'_>, doubts: &mut Doubts) {
        let Some(token) = token(history, done.invoke.value) else {
            return doubts.misfit(history, done.op.invoke_index(), TOKEN);
        };
        self.releases.push((done.op, done.invoke.process, token));
        if let Some(token) = token.filter(|_| done.outcome() == EventType::Ok) {
            self.uses.push(Use { op: done.op, token, is_write: false });
        }
    }

    fn write(&mut self, history: &History, done: &Done<'_>, doubts: &mut Doubts) {
        let token = match done.invoke.value {
            Value::Pair(token, _) => Some(Some(token.into())),
            Value::Interned(_) => match history.datum(done.invoke.value) {
                // The number of a pair that is too great for the small form, or before a text.
                Datum::Pair(token, _) => Some(Some(token)),
                Datum::Json(json) if json.as_array().is_some_and(|list| list.len() == 2) => {
                    json.get(0).and_then(serde_json::Value::as_i64).map(Some)
                }
                _ => token(history, done.invoke.value),
            },
            _ => None,
        };
        let Some(Some(token)) = token else {
            let expected = "[token, value], or a map with the token";
            return doubts.misfit(history, done.op.invoke_index(), expected);
        };
        match done.outcome() {
            EventType::Ok => self.uses.push(Use { op: done.op, token, is_write: true }),
            EventType::Fail => self.rejected += 1,
            _ => {}
        }
    }

    /// Gives each hold its end: goes over grants and releases in the order of the events.
    fn end_holds(&mut self) {
        self.grants.sort_unstable_by_key(|grant| grant.op.complete_index());
        let mut granted = 0;
        let mut held: Vec<usize> = Vec::new();
        let end = |grant: &mut Grant, index| grant.until = grant.until.or(Some(index));
        for &(op, process, token) in &self.releases {
            let began = op.invoke_index();
            while let Some(grant) = self.grants.get(granted)
                && grant.op.complete_index() < Some(began)
            {
                if let Some(token) = grant.token {
                    self.by_token.entry(token).or_insert(granted);
                }
                self.by_process.insert(grant.process, granted);
                held.push(granted);
                granted += 1;
            }
            let own = self.by_process.get(&process).copied();
            match (token, own) {
                (Some(token), _) => {
                    if let Some(&at) = self.by_token.get(&token) {
                        end(&mut self.grants[at], began);
                    }
                }
                (None, Some(at)) if self.grants[at].until.is_none() => {
                    end(&mut self.grants[at], began);
                }
                (None, _) => {
                    for at in held.drain(..) {
                        end(&mut self.grants[at], began);
                    }
                }
            }
        }
        for grant in &mut self.grants {
            grant.expired = grant.token.is_some_and(|token| self.expired.contains(&token));
        }
    }

    fn two_holders(&self, found: &mut Found<'_, '_>) {
        let until = |grant: &Grant| grant.until.unwrap_or(usize::MAX);
        let mut last: Option<&Grant> = None;
        for grant in self.grants.iter().filter(|grant| !grant.expired) {
            let from = grant.op.complete_index();
            if let Some(holder) = last.filter(|holder| from < Some(until(holder))) {
                found.add("two-holders", vec![holder.op, grant.op], || {
                    let [one, other] = [holder, grant].map(holder_text);
                    format!("{other} got the lock while {one} held it")
                });
            }
            if last.is_none_or(|holder| until(holder) < until(grant)) {
                last = Some(grant);
            }
        }
    }

    /// In real time tokens grow, and no two are alike.
    fn tokens(&self, found: &mut Found<'_, '_>) {
        let mut began: Vec<(&Grant, i64)> =
            self.grants.iter().filter_map(|grant| Some((grant, grant.token?))).collect();
        let completed = began.clone();
        began.sort_unstable_by_key(|(grant, _)| grant.op.invoke_index());
        let mut completed = completed.into_iter().peekable();
        let mut greatest: Option<(&Grant, i64)> = None;
        let mut given: FxHashMap<i64, &Grant> = FxHashMap::default();
        for (grant, token) in began {
            let invoked = grant.op.invoke_index();
            while let Some(earlier) =
                completed.next_if(|(grant, _)| grant.op.complete_index() < Some(invoked))
            {
                if greatest.is_none_or(|(_, known)| known < earlier.1) {
                    greatest = Some(earlier);
                }
            }
            if let Some((earlier, known)) = greatest.filter(|(_, known)| token < *known) {
                found.add("token-not-growing", vec![earlier.op, grant.op], || {
                    format!("token {token} was given after token {known}")
                });
            }
            if let Some(other) = given.insert(token, grant) {
                found.add("token-reused", vec![other.op, grant.op], || {
                    format!("token {token} was given twice")
                });
            }
        }
    }

    fn unknown_tokens(&self, found: &mut Found<'_, '_>) {
        if self.unknown > 0 {
            return;
        }
        let given: FxHashSet<Option<i64>> = self.grants.iter().map(|grant| grant.token).collect();
        for used in self.uses.iter().filter(|used| !given.contains(&Some(used.token))) {
            found.add("unknown-token", vec![used.op], || {
                let Use { token, .. } = used;
                format!("token {token} was accepted, and nobody was given it")
            });
        }
    }

    fn stale_writes(&self, found: &mut Found<'_, '_>) {
        let writes: Vec<&Use> = self.uses.iter().filter(|used| used.is_write).collect();
        let mut completed = writes.clone();
        completed.sort_unstable_by_key(|write| write.op.complete_index());
        let mut completed = completed.into_iter().peekable();
        let mut newest: Option<&Use> = None;
        for write in writes {
            let invoked = write.op.invoke_index();
            while let Some(earlier) =
                completed.next_if(|earlier| earlier.op.complete_index() < Some(invoked))
            {
                if newest.is_none_or(|known| known.token < earlier.token) {
                    newest = Some(earlier);
                }
            }
            if let Some(newer) = newest.filter(|newer| write.token < newer.token) {
                found.add("stale-write", vec![newer.op, write.op], || {
                    let [old, new] = [write.token, newer.token];
                    format!("a write with token {old} was accepted after one with token {new}")
                });
            }
        }
    }
}

fn holder_text(grant: &Grant) -> String {
    match grant.token {
        Some(token) => format!("process {} (token {token})", grant.process),
        None => format!("process {}", grant.process),
    }
}

/// Complaints about one lock.
struct Found<'a, 'h> {
    key: Option<String>,
    complaints: &'a mut Complaints<'h>,
}

impl Found<'_, '_> {
    fn add(&mut self, kind: &'static str, ops: Vec<Operation>, sentence: impl FnOnce() -> String) {
        self.complaints.add(kind, self.key.clone(), ops, sentence);
    }
}

#[cfg(test)]
mod tests {
    use super::super::reading::tests::{history, said};
    use super::super::{Invariant, Options, check as judge};
    use proptest::prelude::*;
    use std::fmt::Write as _;

    const KINDS: [&str; 5] =
        ["two-holders", "token-reused", "token-not-growing", "unknown-token", "stale-write"];

    fn verdict(text: &str) -> String {
        let judgement = judge("test", &history(text), Invariant::FencedLocks, &Options::default());
        said(&judgement, &KINDS)
    }

    fn acquire(process: u8, token: i64) -> String {
        format!("{process} invoke acquire\n{process} ok acquire {token}\n")
    }

    fn release(process: u8, token: &str) -> String {
        format!("{process} invoke release {token}\n{process} ok release\n")
    }

    fn write(process: u8, token: i64) -> String {
        format!("{process} invoke write [{token},5]\n{process} ok write\n")
    }

    #[test]
    fn one_holder_after_the_other_is_right() {
        let text = acquire(1, 1) + &release(1, "1") + &acquire(2, 2) + &release(2, "null");
        assert_eq!(verdict(&text), "valid");
        assert_eq!(verdict(&(acquire(1, 1) + &acquire(2, 2))), "two-holders 1");
        assert_eq!(
            verdict("1 invoke acquire\n1 fail acquire"),
            "unknown: vacuous: nobody was granted a lock"
        );
    }

    #[test]
    fn a_hold_ends_where_its_release_begins() {
        let overlapping = "2 invoke acquire\n".to_owned()
            + &acquire(1, 1)
            + "1 invoke release 1\n2 ok acquire 2\n1 ok release\n";
        assert_eq!(verdict(&overlapping), "valid");
        let before = "2 invoke acquire\n".to_owned()
            + &acquire(1, 1)
            + "2 ok acquire 2\n1 invoke release 1\n1 ok release\n";
        assert_eq!(verdict(&before), "two-holders 1");
        let other_token = acquire(1, 1) + &release(3, "9") + &acquire(2, 9);
        assert_eq!(verdict(&other_token), "two-holders 1");
    }

    #[test]
    fn an_expired_lease_is_no_hold_if_it_was_noted() {
        let text = acquire(1, 1) + "nemesis info expired 1\n" + &acquire(2, 2);
        assert_eq!(verdict(&text), "valid");
        let of_another = acquire(1, 1) + "nemesis info expired 7\n" + &acquire(2, 2);
        assert_eq!(verdict(&of_another), "two-holders 1");
    }

    #[test]
    fn an_acquire_of_unknown_result_accuses_nobody() {
        let text = "1 invoke acquire\n1 info acquire\n".to_owned() + &acquire(2, 2);
        assert_eq!(verdict(&text), "valid");
        assert_eq!(verdict(&(text + &write(3, 1))), "valid");
    }

    #[test]
    fn tokens_grow_with_real_time() {
        let locked = |one, two| acquire(1, one) + &release(1, "null") + &acquire(2, two);
        assert_eq!(verdict(&locked(5, 4)), "token-not-growing 1");
        assert_eq!(verdict(&locked(5, 5)), "token-reused 1");
        assert_eq!(verdict(&locked(5, 6)), "valid");
        let concurrent = "2 invoke acquire\n".to_owned()
            + &acquire(1, 5)
            + "1 invoke release 5\n1 ok release\n2 ok acquire 4\n";
        assert_eq!(verdict(&concurrent), "valid");
    }

    #[test]
    fn an_old_token_is_worth_nothing_once_a_newer_one_was_used() {
        let two = acquire(1, 1) + &release(1, "1") + &acquire(2, 2);
        assert_eq!(verdict(&(two.clone() + &write(2, 2) + &write(1, 1))), "stale-write 1");
        assert_eq!(verdict(&(two.clone() + &write(1, 1) + &write(2, 2))), "valid");
        let rejected = write(2, 2) + "1 invoke write [1,5]\n1 fail write\n";
        assert_eq!(verdict(&(two.clone() + &rejected)), "valid");
        let map = "1 invoke write {\"token\":1}\n1 ok write\n";
        assert_eq!(verdict(&(two.clone() + &write(2, 2) + map)), "stale-write 1");
        assert_eq!(verdict(&(two + &write(1, 3))), "unknown-token 1");
    }

    #[test]
    fn locks_of_different_keys_have_nothing_to_do_with_each_other() {
        let text = "1 invoke acquire:1\n1 ok acquire:1 1\n2 invoke acquire:2\n2 ok acquire:2 1";
        assert_eq!(verdict(text), "valid");
    }

    #[test]
    fn what_is_no_token_is_named() {
        let said = verdict("1 invoke acquire\n1 ok acquire \"x\"\n2 invoke write 7\n2 ok write 7");
        assert!(said.contains("event 1 (acquire): expected a token"), "{said}");
        assert!(said.contains("event 2 (write): expected [token, value]"), "{said}");
    }

    proptest! {
        /// Acquires and releases by token at random against all pairs of holds.
        #[test]
        fn two_holders_are_found_if_and_only_if_two_holds_overlap(
            order in prop::collection::vec(0_usize..5, 1..40),
        ) {
            let (mut at, mut step) = ([[usize::MAX; 4]; 5], [0; 5]);
            let mut text = String::new();
            for (line, process) in order.into_iter().filter(|process| {
                step[*process] += 1;
                step[*process] <= 4
            }).enumerate() {
                let done = at[process].iter().filter(|at| **at != usize::MAX).count();
                at[process][done] = line;
                let what = ["invoke acquire null", "ok acquire", "invoke release", "ok release"];
                writeln!(text, "{process} {} {process}", what[done].trim_end_matches(" null"))
                    .unwrap();
            }
            let held = |process: usize| at[process][1] != usize::MAX;
            let mut holds: Vec<usize> = (0..5).filter(|process| held(*process)).collect();
            holds.sort_by_key(|process| at[*process][1]);
            let overlapping = holds.iter().enumerate().filter(|(place, later)| {
                holds[..*place].iter().any(|earlier| at[**later][1] < at[*earlier][2])
            }).count();
            let judgement =
                judge("test", &history(&text), Invariant::FencedLocks, &Options::default());
            let figure = judgement.figures.iter().find(|(name, _)| name == "two-holders");
            prop_assert_eq!(figure.map_or(0, |(_, n)| n.parse().unwrap()), overlapping);
        }
    }
}
