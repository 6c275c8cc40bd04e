//! A small sound check of registers whose written values are all different.
//!
//! A value that is written once is held without a break, so whoever saw it bounds when it was held.
//! Let a value's *zone* span from the first return to the last invocation of the operations that
//! saw or wrote it. If the return comes first the value was held all through its zone, and no other
//! value's zone may touch that (Gibbons and Korach, *Testing Shared Memories*, 1997).

use std::collections::BTreeMap;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Read,
    Write(i64),
    Cas(i64, i64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Nobody knows.
    Open,
    /// It did not happen.
    Failed,
    /// It happened; what a read saw.
    Done(Option<i64>),
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    pub(crate) key: i64,
    pub(crate) op: Op,
    pub(crate) invoked_ns: u64,
    pub(crate) returned_ns: u64,
    pub(crate) outcome: Outcome,
}

#[derive(Clone, Copy, Debug)]
struct Zone {
    first_return: u64,
    last_invoke: u64,
}

/// Says what contradicts linearizability, if anything does.
pub(crate) fn anomaly(calls: &[Call]) -> Option<String> {
    let mut keys: BTreeMap<i64, Vec<&Call>> = BTreeMap::new();
    for call in calls {
        keys.entry(call.key).or_default().push(call);
    }
    keys.values().find_map(|calls| anomaly_of_key(calls))
}

fn anomaly_of_key(calls: &[&Call]) -> Option<String> {
    // An absent value counts as written before everything.
    let mut zones = BTreeMap::from([(None, Zone { first_return: 0, last_invoke: 0 })]);
    let mut writers: BTreeMap<i64, &Call> = BTreeMap::new();
    let mut taken: BTreeMap<i64, &Call> = BTreeMap::new();
    for call in calls {
        if let Op::Write(value) | Op::Cas(_, value) = call.op {
            writers.insert(value, call);
        }
    }
    for call in calls {
        let Outcome::Done(seen) = call.outcome else { continue };
        let touched = match call.op {
            Op::Read => vec![seen],
            Op::Write(value) => vec![Some(value)],
            Op::Cas(from, to) => {
                if let Some(other) = taken.insert(from, call) {
                    return Some(format!("both succeeded: {other:?} and {call:?}"));
                }
                vec![Some(from), Some(to)]
            }
        };
        for value in touched {
            if let Some(value) = value {
                let writer = writers.get(&value);
                let possible = |writer: &&&Call| {
                    writer.outcome != Outcome::Failed && writer.invoked_ns < call.returned_ns
                };
                if writer.filter(possible).is_none() {
                    return Some(format!("{call:?} saw what nobody wrote: {writer:?}"));
                }
            }
            let invoked = value.and_then(|v| writers.get(&v)).map_or(0, |w| w.invoked_ns);
            let zone =
                zones.entry(value).or_insert(Zone { first_return: u64::MAX, last_invoke: invoked });
            zone.first_return = zone.first_return.min(call.returned_ns);
            zone.last_invoke = zone.last_invoke.max(call.invoked_ns);
        }
    }
    clash(&zones)
}

fn clash(zones: &BTreeMap<Option<i64>, Zone>) -> Option<String> {
    for (value, held) in zones.iter().filter(|(_, zone)| zone.first_return < zone.last_invoke) {
        for (other, zone) in zones.iter().filter(|(other, _)| *other != value) {
            // Another value was held at some time between these two, ends included.
            let (low, high) =
                (zone.first_return.min(zone.last_invoke), zone.first_return.max(zone.last_invoke));
            let overlap = if zone.first_return < zone.last_invoke {
                low < held.last_invoke && held.first_return < high
            } else {
                held.first_return < low && high < held.last_invoke
            };
            if overlap {
                return Some(format!("{value:?} held in {held:?}, but {other:?} in {zone:?}"));
            }
        }
    }
    None
}

fn call(op: Op, times: (u64, u64), outcome: Outcome) -> Call {
    Call { key: 1, op, invoked_ns: times.0, returned_ns: times.1, outcome }
}

#[test]
fn a_value_that_comes_back_is_an_anomaly() {
    let mut calls = vec![
        call(Op::Write(1), (1, 2), Outcome::Done(None)),
        call(Op::Write(2), (3, 4), Outcome::Done(None)),
    ];
    calls.push(call(Op::Read, (5, 6), Outcome::Done(Some(2))));
    assert_eq!(anomaly(&calls), None);
    calls.push(call(Op::Read, (7, 8), Outcome::Done(Some(1))));
    assert!(anomaly(&calls).is_some());
}

#[test]
fn an_open_write_may_happen_late_but_only_once() {
    let mut calls = vec![
        call(Op::Write(1), (1, u64::MAX), Outcome::Open),
        call(Op::Write(2), (3, 4), Outcome::Done(None)),
        call(Op::Read, (5, 6), Outcome::Done(Some(2))),
        call(Op::Read, (7, 8), Outcome::Done(Some(1))),
    ];
    assert_eq!(anomaly(&calls), None);
    calls.push(call(Op::Read, (9, 10), Outcome::Done(Some(2))));
    assert!(anomaly(&calls).is_some());
}

#[test]
fn a_failed_write_is_never_seen_and_a_value_is_swapped_once() {
    let seen = [
        call(Op::Write(1), (1, 2), Outcome::Failed),
        call(Op::Read, (3, 4), Outcome::Done(Some(1))),
    ];
    assert!(anomaly(&seen).is_some());
    let swapped = [
        call(Op::Write(1), (1, 2), Outcome::Done(None)),
        call(Op::Cas(1, 2), (3, 6), Outcome::Done(None)),
        call(Op::Cas(1, 3), (4, 5), Outcome::Done(None)),
    ];
    assert!(anomaly(&swapped).is_some());
}
