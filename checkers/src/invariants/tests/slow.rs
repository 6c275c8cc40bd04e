//! The definitions, without any short cut: every operation is compared with every other one.

use super::{NEVER, Op};
use crate::history::EventType::{Fail, Info, Ok};
use std::collections::BTreeSet;

/// Names of figures and what they are.
pub(super) type Figures = Vec<(&'static str, usize)>;

fn of<'a>(ops: &'a [Op], f: &'static str) -> impl Iterator<Item = &'a Op> + Clone {
    ops.iter().filter(move |op| op.f == f)
}

fn reads(ops: &[Op]) -> Vec<&Op> {
    of(ops, "read").filter(|op| op.kind == Ok).collect()
}

fn elements(ops: &[Op], f: &'static str) -> BTreeSet<i64> {
    of(ops, f).filter_map(|op| op.argument.as_i64()).collect()
}

fn first_ack(ops: &[Op], element: i64) -> usize {
    let adds = of(ops, "add").filter(|op| op.kind == Ok && op.argument == element);
    adds.map(|op| op.complete).min().unwrap_or(NEVER)
}

/// The first invocation that may have happened.
fn first_try(ops: &[Op], f: &'static str, element: i64) -> usize {
    let adds = of(ops, f).filter(|op| op.kind != Fail && op.argument == element);
    adds.map(|op| op.invoke).min().unwrap_or(NEVER)
}

/// What no read may list.
fn impossible(ops: &[Op], f: &'static str) -> Figures {
    let [mut unexpected, mut duplicated, mut failed, mut early] = [0; 4];
    for read in reads(ops) {
        let mut listed = BTreeSet::new();
        for element in read.list() {
            let tried = first_try(ops, f, element);
            if !elements(ops, f).contains(&element) {
                unexpected += 1;
            } else if !listed.insert(element) {
                duplicated += 1;
            } else if tried == NEVER {
                failed += 1;
            } else if read.complete < tried {
                early += 1;
            }
        }
    }
    vec![
        ("unexpected", unexpected),
        ("duplicated", duplicated),
        ("failed-seen", failed),
        ("seen-early", early),
    ]
}

pub(super) fn set(ops: &[Op]) -> Figures {
    let last_ack = of(ops, "add").filter(|op| op.kind == Ok).map(|op| op.complete).max();
    let late: Vec<&Op> = reads(ops)
        .into_iter()
        .filter(|op| op.invoke > last_ack.unwrap_or(0) || last_ack.is_none())
        .collect();
    let last: Vec<&Op> = reads(ops).into_iter().max_by_key(|op| op.invoke).into_iter().collect();
    let last_is_late = late.is_empty();
    let finals = if last_is_late { last } else { late };
    let is_lost = |element: &i64| {
        let owes = |read: &&&Op| read.invoke > first_ack(ops, *element);
        finals.iter().filter(owes).any(|read| !read.list().contains(element))
    };
    let lost = elements(ops, "add").iter().filter(|element| is_lost(element)).count();
    let mut figures = impossible(ops, "add");
    figures.extend([("lost", lost), ("final reads", finals.len())]);
    figures
}

/// As Jepsen's `set-full` goes through the history for every element.
pub(super) fn set_full(ops: &[Op]) -> Figures {
    let [mut stable, mut lost, mut never, mut stale] = [0; 4];
    for element in elements(ops, "add") {
        let tried = first_try(ops, "add", element);
        let mut known = first_ack(ops, element);
        let [mut last_present, mut last_absent]: [Option<usize>; 2] = [None; 2];
        for read in reads(ops).into_iter().filter(|read| read.complete > tried) {
            if read.list().contains(&element) {
                known = known.min(read.complete);
                last_present = last_present.max(Some(read.invoke));
            } else if read.invoke > tried {
                last_absent = last_absent.max(Some(read.invoke));
            }
        }
        let missed = last_absent.is_some_and(|absent| known < absent);
        if last_present > last_absent {
            stable += 1;
            stale += usize::from(missed);
        } else if missed {
            lost += 1;
        } else {
            never += 1;
        }
    }
    let mut figures = impossible(ops, "add");
    figures.extend([("stable", stable), ("lost", lost), ("never read", never), ("stale", stale)]);
    figures
}

pub(super) fn causal_reverse(ops: &[Op]) -> Figures {
    let is_reversed = |read: &&Op| {
        let listed = read.list();
        let possible = |value: &&i64| first_try(ops, "write", **value) < read.complete;
        listed.iter().filter(possible).any(|value| {
            let begun = first_try(ops, "write", *value);
            let before = of(ops, "write").filter(|op| op.kind == Ok && op.complete < begun);
            before.filter_map(|op| op.argument.as_i64()).any(|needed| !listed.contains(&needed))
        })
    };
    let mut figures = impossible(ops, "write");
    figures.push(("reversed", reads(ops).iter().filter(|read| is_reversed(read)).count()));
    figures
}

pub(super) fn counter(ops: &[Op]) -> Figures {
    let [mut out, mut unreachable] = [0; 2];
    let all = ops.iter().filter(|op| op.kind == Ok && op.f.starts_with("read"));
    for read in all {
        let mut sums = BTreeSet::from([0]);
        for add in of(ops, "add").filter(|op| op.kind != Fail && op.invoke < read.complete) {
            let delta = add.argument.as_i64().unwrap();
            let with: Vec<i64> = sums.iter().map(|sum| sum + delta).collect();
            if add.kind == Ok && add.complete < read.invoke {
                sums.clear();
            }
            sums.extend(with);
        }
        let value = read.result.as_i64().unwrap();
        if value < *sums.first().unwrap() || *sums.last().unwrap() < value {
            out += 1;
        } else if read.f == "read-final" && !sums.contains(&value) {
            unreachable += 1;
        }
    }
    vec![("out-of-bounds", out), ("unreachable", unreachable)]
}

pub(super) fn monotonic(ops: &[Op]) -> Figures {
    let [mut shrank, mut process_shrank, mut not_growing] = [0; 3];
    let value = |op: &Op| op.result.as_i64().unwrap();
    for op in ops.iter().filter(|op| op.kind == Ok) {
        let before = |f: &'static str| {
            of(ops, f).filter(move |other| other.kind == Ok && other.complete < op.invoke)
        };
        if op.f == "insert" {
            not_growing += usize::from(before("insert").any(|other| value(other) >= value(op)));
            continue;
        }
        let own = before("read").chain(before("insert"));
        if own.filter(|other| other.process == op.process).any(|other| value(other) > value(op)) {
            process_shrank += 1;
        } else {
            shrank += usize::from(before("read").any(|other| value(other) > value(op)));
        }
    }
    vec![("shrank", shrank), ("process-shrank", process_shrank), ("not-growing", not_growing)]
}

pub(super) fn has_long_fork(ops: &[Op]) -> bool {
    let key = |op: &Op, mop: usize| op.argument[mop][1].as_u64().unwrap();
    let writes = |first: u64| {
        let of_group = move |op: &&Op| op.kind != Fail && key(op, 0) / 2 == first / 2;
        let keys: Vec<u64> = of(ops, "write").filter(of_group).map(|op| key(op, 0)).collect();
        keys.len() > keys.iter().collect::<BTreeSet<_>>().len()
    };
    let seen = |op: &Op, mop: usize| !op.result[mop][2].is_null();
    let all = reads(ops);
    all.iter().any(|a| {
        all.iter().any(|b| {
            key(a, 0) == key(b, 0)
                && !writes(key(a, 0))
                && seen(a, 0)
                && !seen(a, 1)
                && seen(b, 1)
                && !seen(b, 0)
        })
    })
}

pub(super) fn bank(ops: &[Op]) -> Figures {
    let [mut unexpected, mut nil, mut wrong, mut negative] = [0; 4];
    let mut all = reads(ops);
    all.sort_by_key(|op| op.complete);
    let balances = |op: &Op| op.result.as_object().unwrap().clone();
    let sum = |op: &Op| balances(op).values().filter_map(serde_json::Value::as_i64).sum::<i64>();
    let first = all.iter().position(|op| balances(op).values().all(|balance| !balance.is_null()));
    let expected = first.map(|first| sum(all[first]));
    let until = &all[..first.map_or(all.len(), |first| first + 1)];
    for (at, read) in all.iter().enumerate() {
        // Before the first read without nil, accounts are learned as they come.
        let known: BTreeSet<String> =
            until
                .iter()
                .take(at + 1)
                .flat_map(|op| balances(op).keys().cloned().collect::<Vec<_>>())
                .chain(of(ops, "transfer").flat_map(|op| {
                    [op.argument["from"].to_string(), op.argument["to"].to_string()]
                }))
                .collect();
        let is_before = first.is_none_or(|first| at < first);
        if balances(read).keys().any(|key| !known.contains(key)) {
            unexpected += 1;
        } else if balances(read).values().any(serde_json::Value::is_null) {
            nil += 1;
        } else if !is_before && Some(sum(read)) != expected {
            wrong += 1;
        } else if balances(read).values().any(|balance| balance.as_i64() < Some(0)) {
            negative += 1;
        }
    }
    vec![
        ("unexpected-key", unexpected),
        ("nil-balance", nil),
        ("wrong-total", wrong),
        ("negative-value", negative),
    ]
}

/// Answers whose id an earlier answer already gave.
pub(super) fn given_again(ops: &[Op]) -> usize {
    let answers: Vec<&Op> = of(ops, "generate").filter(|op| op.kind == Ok).collect();
    let is_again = |at: usize| answers[..at].iter().any(|other| other.result == answers[at].result);
    assert!(answers.iter().all(|op| op.kind != Info));
    (0..answers.len()).filter(|&at| is_again(at)).count()
}
