//! After every event of small histories: what zones know says the same as all that has been,
//! whatever comes then. By brute force, and with everything forgotten that can be.

use super::super::model::{Access, Register};
use super::{Handle, NEVER, Zones};
use crate::history::Datum;
use crate::linearizable::model::Timed;
use crate::linearizable::oracle::some_order;
use crate::linearizable::{engine, semantics::Semantics};
use proptest::prelude::*;

const OPERATIONS: usize = 8;

/// An operation with the times of its events; it may never return.
#[derive(Clone, Debug)]
struct Op {
    access: Access,
    invoke: u64,
    ret: u64,
    /// When its client lost track of it.
    lost: u64,
}

fn value(number: usize) -> Datum {
    if number == 0 { Datum::Nil } else { Datum::Int(number as i64) }
}

/// Each operation sets the value of its own number, but for some that set one of the others, too.
/// The events stand where they would if one operation came after the other, but for swaps.
fn histories() -> impl Strategy<Value = Vec<Op>> {
    let op = (0..6_u8, 0..4_usize, prop::bool::weighted(0.2));
    let ops = prop::collection::vec(op, 2..=OPERATIONS);
    let swaps = prop::collection::vec((0..2 * OPERATIONS, 1..9_usize), 0..30);
    (ops, swaps, 0..=2 * OPERATIONS).prop_map(|(ops, swaps, twice_from)| {
        let accesses = ops.iter().enumerate().map(|(at, &(kind, back, _))| {
            // Mostly what the operation before left, if it set something.
            let found = value((at + 1).saturating_sub(back.max(1)));
            match (kind, back) {
                (0..=2, _) => Access::Read(found),
                (3, 3) if at >= twice_from => Access::Write(found),
                (3 | 4, _) => Access::Write(value(at + 1)),
                _ => Access::Cas(found, value(at + 1)),
            }
        });
        let mut events: Vec<usize> = (0..ops.len()).flat_map(|at| [at, at]).collect();
        for (at, distance) in swaps {
            let at = at % events.len();
            let other = (at + distance) % events.len();
            events.swap(at, other);
        }
        let mut timed: Vec<Op> =
            accesses.map(|access| Op { access, invoke: NEVER, ret: NEVER, lost: NEVER }).collect();
        for (time, at) in (1..).zip(events) {
            let op = &mut timed[at];
            match (op.invoke, ops[at].2) {
                (NEVER, _) => op.invoke = time,
                (_, false) => op.ret = time,
                (_, true) => op.lost = time,
            }
        }
        timed
    })
}

/// For the oracle. What never returns and only observes says nothing.
fn timed(access: &Access, invoke: u64, ret: u64) -> Option<Timed<Access>> {
    let ret = if ret == NEVER { engine::NEVER } else { ret as u32 };
    let says = ret != engine::NEVER || !matches!(access, Access::Read(_));
    let (op, invoke, info) = (access.clone(), invoke as u32, engine::NEVER);
    says.then_some(Timed { op, invoke, ret, info })
}

fn legal(ops: &[Timed<Access>], initial: Option<Datum>) -> bool {
    let mut ops = ops.to_vec();
    ops.sort_by_key(|op| op.invoke);
    let model = Register { semantics: Semantics::STRICT, with_cas: true };
    some_order(&model, &ops, &[initial])
}

/// What has been by then, with all that is open as it may end.
fn so_far(ops: &[Op], now: u64) -> Vec<Timed<Access>> {
    let begun = ops.iter().filter(|op| op.invoke <= now);
    begun
        .filter_map(|op| timed(&op.access, op.invoke, if op.ret <= now { op.ret } else { NEVER }))
        .collect()
}

/// What zones carry over, and what is open or comes later.
fn carried(zones: &Zones, ops: &[Op], handles: &[Option<Handle>], now: u64) -> bool {
    let (initial, carried) = zones.carry(now);
    let carried = carried.iter().filter_map(|c| timed(&c.op, c.invoke, c.ret.unwrap_or(NEVER)));
    let gone = |at: usize| handles[at].is_some_and(|handle| zones.is_forgotten(handle));
    let later = ops
        .iter()
        .enumerate()
        .filter(|(at, op)| op.invoke > now || op.ret.min(op.lost) > now && !gone(*at));
    let later = later.filter_map(|(_, op)| timed(&op.access, op.invoke, op.ret));
    legal(&carried.chain(later).collect::<Vec<_>>(), initial)
}

/// Nothing if the values have become ambiguous.
fn step(
    zones: &mut Zones,
    op: &Op,
    handle: &mut Option<Handle>,
    now: u64,
) -> Option<Result<(), String>> {
    if now == op.invoke {
        *handle = match &op.access {
            Access::Write(to) => Some(zones.begin_write(to.clone(), now).ok()?),
            Access::Cas(from, to) => Some(zones.begin_cas(from.clone(), to.clone(), now).ok()?),
            Access::Read(_) | Access::Miss(_) => {
                zones.begin_read(now);
                None
            }
        };
        return Some(Ok(()));
    }
    let judged = match (&op.access, *handle, op.ret) {
        (_, Some(handle), NEVER) => {
            zones.lost(handle);
            Ok(())
        }
        (_, Some(handle), _) => zones.happened(handle, now),
        (Access::Read(found), None, ret) if ret != NEVER => zones.found(found, op.invoke, now),
        _ => Ok(()),
    };
    if judged.is_ok() {
        if !matches!(op.access, Access::Write(_)) {
            zones.close(op.invoke);
        }
        zones.tidy();
    }
    Some(judged)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8000, ..ProptestConfig::default() })]

    #[test]
    fn what_is_kept_says_the_same_as_all_that_has_been(ops in histories()) {
        let whole = legal(&so_far(&ops, NEVER - 1), Some(Datum::Nil));
        let mut zones = Zones::new(Datum::Nil);
        let mut handles = vec![None; ops.len()];
        for now in 1..=2 * ops.len() as u64 {
            let at = ops.iter().position(|op| [op.invoke, op.ret, op.lost].contains(&now));
            let at = at.expect("every time has its event");
            let Some(judged) = step(&mut zones, &ops[at], &mut handles[at], now) else { break };
            let before = legal(&so_far(&ops, now), Some(Datum::Nil));
            prop_assert_eq!(judged.is_ok(), before, "{:?} at {}", judged, now);
            if judged.is_err() {
                break;
            }
            prop_assert_eq!(carried(&zones, &ops, &handles, now), whole, "at {}", now);
        }
    }
}
