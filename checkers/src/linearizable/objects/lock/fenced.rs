//! A lock whose every acquire is answered with a token greater than all before (Kleppmann 2016,
//! "How to do distributed locking"; Hazelcast's `FencedLock`).
//!
//! | operation | argument | answer |
//! |---|---|---|
//! | `acquire` | not looked at | the token: a whole number, or `{"token": n}`, `{"fence": n}` |
//! | `release` | the token, in the same shapes, or nil | not looked at |
//!
//! Anybody may release; a release that names a token releases that one or is impossible. An
//! acquire of unknown result has some token, and nobody knows which; so has one that was answered
//! with nil. The state keeps the least that it can be, which forbids the least.
//!
//! **Procedure**, exact where the tokens of all completed acquires are known and either all
//! releases name their token or none does, O(n log n). Tokens give the order of the acquires, so
//! each takes effect after all of lesser tokens began and before any of greater tokens completed.
//!
//! * Releases with tokens then have their places, too: the history has one order, which is checked
//!   against real time.
//! * Releases without tokens are handed round as those of a mutex (`permits.rs`).
//!
//! Acquires of unknown result are left out. They only make room for releases: where a release
//! finds nothing to release and there are such acquires, the search has to decide.

use super::super::super::engine::NEVER;
use super::super::super::model::{Answer, Call, Misfit, Model, Monitored, Part};
use super::LockOp;
use super::permits::{Span, Stuck, order};
use crate::history::Datum;
use rustc_hash::FxHashMap;

/// A lock with fencing tokens.
#[derive(Clone, Copy, Debug)]
pub struct FencedLock;

/// An operation on a fenced lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FencedOp {
    /// Which, and whose.
    pub op: LockOp,
    /// The token that was given, or given back. Nothing if nobody knows it, or it was not said.
    pub token: Option<i64>,
}

/// What a fenced lock holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fence {
    /// The last token given; the least that it can be if it is not known.
    last: Option<i64>,
    hold: Hold,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Hold {
    Free,
    /// By the last token, which is known.
    Known,
    /// By a token that is at least the last one.
    Unknown,
}

impl Model for FencedLock {
    type Op = FencedOp;
    type State = Fence;

    fn read(&self, call: &Call<'_>) -> Result<Option<FencedOp>, Misfit> {
        let Some(op) = LockOp::read(call)? else { return Ok(None) };
        let token = match (op, &call.answer) {
            (LockOp::Release(_), _) => token(&call.argument)?,
            (LockOp::Acquire(_), Answer::Ok(answer)) => token(answer)?,
            (LockOp::Acquire(_), Answer::Fail(_) | Answer::Unknown) => None,
        };
        Ok(Some(FencedOp { op, token }))
    }

    fn initial(&self) -> Fence {
        Fence { last: None, hold: Hold::Free }
    }

    fn step(&self, state: &Fence, op: &FencedOp, next: &mut Vec<Fence>) {
        let Fence { last, hold } = *state;
        match (op.op, op.token, hold) {
            (LockOp::Acquire(_), Some(token), Hold::Free) if Some(token) > last => {
                next.push(Fence { last: Some(token), hold: Hold::Known });
            }
            (LockOp::Acquire(_), None, Hold::Free) => {
                let least = last.map_or(Some(i64::MIN), |last| last.checked_add(1));
                next.extend(least.map(|last| Fence { last: Some(last), hold: Hold::Unknown }));
            }
            (LockOp::Release(_), None, Hold::Known | Hold::Unknown) => {
                next.push(Fence { last, hold: Hold::Free });
            }
            (LockOp::Release(_), token, Hold::Known) if token == last => {
                next.push(Fence { last, hold: Hold::Free });
            }
            (LockOp::Release(_), token, Hold::Unknown) if token >= last => {
                next.push(Fence { last: token, hold: Hold::Free });
            }
            _ => {}
        }
    }

    fn monitor(&self, part: &Part<FencedOp>) -> Monitored {
        let acquires = match by_token(part) {
            Ok(acquires) => acquires,
            Err(monitored) => return monitored,
        };
        let releases = || part.ops.iter().filter(|timed| timed.op.op.is_release());
        let named = releases().filter(|timed| timed.op.token.is_some()).count();
        if named == 0 {
            handed_round(part, &acquires)
        } else if named == releases().count() {
            in_one_order(part, &acquires)
        } else {
            Monitored::Unfit("some releases name their token and others do not".to_owned())
        }
    }

    fn op_text(&self, op: &FencedOp) -> String {
        text(*op)
    }

    fn state_text(&self, state: &Fence) -> String {
        match (state.hold, state.last) {
            (Hold::Known, Some(token)) => format!("held with token {token}"),
            (Hold::Unknown, _) => "held with a token that nobody knows".to_owned(),
            (_, Some(token)) => format!("free after token {token}"),
            (_, None) => "free".to_owned(),
        }
    }
}

fn text(op: FencedOp) -> String {
    match (op.op, op.token) {
        (LockOp::Acquire(_), Some(token)) => format!("{} -> token {token}", op.op.text()),
        (LockOp::Release(_), Some(token)) => format!("{} of token {token}", op.op.text()),
        (_, None) => op.op.text(),
    }
}

fn token(value: &Datum) -> Result<Option<i64>, Misfit> {
    let number = match value {
        Datum::Nil => return Ok(None),
        Datum::Int(token) => return Ok(Some(*token)),
        Datum::Json(json) => json.get("token").or_else(|| json.get("fence")),
        Datum::Pair(..) => None,
    };
    let token = number.and_then(serde_json::Value::as_i64);
    token.map(Some).ok_or(Misfit::Shape("a token: a whole number, or a map with one"))
}

fn illegal(culprits: impl IntoIterator<Item = usize>, sentence: String) -> Monitored {
    let mut culprits: Vec<u32> = culprits.into_iter().map(|at| at as u32).collect();
    culprits.sort_unstable();
    Monitored::Illegal { culprits, sentence }
}

fn unfit_lost() -> Monitored {
    Monitored::Unfit("a release may be that of an acquire of unknown result".to_owned())
}

/// Whether some acquires may have happened or not.
fn loses_acquires(part: &Part<FencedOp>) -> bool {
    part.ops.iter().any(|timed| timed.is_optional() && !timed.op.op.is_release())
}

/// The acquires that certainly happened, in the order of their tokens.
fn by_token(part: &Part<FencedOp>) -> Result<Vec<usize>, Monitored> {
    let mut acquires: Vec<(i64, usize)> = Vec::new();
    for (at, timed) in part.ops.iter().enumerate() {
        match (timed.op.op, timed.op.token, timed.is_optional()) {
            (LockOp::Release(_), ..) | (_, None, true) => {}
            (LockOp::Acquire(_), Some(token), false) => acquires.push((token, at)),
            (LockOp::Acquire(_), None, false) => {
                return Err(Monitored::Unfit("an acquire was answered with no token".to_owned()));
            }
            (LockOp::Acquire(_), Some(_), true) => {
                let why = "an acquire of unknown result has a token all the same";
                return Err(Monitored::Unfit(why.to_owned()));
            }
        }
    }
    acquires.sort_unstable();
    if let Some([(token, one), (_, other)]) = acquires.array_windows().find(|[a, b]| a.0 == b.0) {
        let [one_text, other_text] = [one, other].map(|&at| part.ops[at].op.op.text());
        let sentence = format!("{one_text} and {other_text} were both given token {token}");
        return Err(illegal([*one, *other], sentence));
    }
    let acquires: Vec<usize> = acquires.into_iter().map(|(_, at)| at).collect();
    match overtaken(part, &acquires) {
        Some([before, after]) => {
            let [less, more] = [before, after].map(|at| text(part.ops[at].op));
            Err(illegal([before, after], format!("{more} completed before {less} began")))
        }
        None => Ok(acquires),
    }
}

/// The first two in this order of which the later had completed before the earlier began.
fn overtaken(part: &Part<FencedOp>, order: &[usize]) -> Option<[usize; 2]> {
    let mut latest: Option<usize> = None;
    for &at in order {
        let timed = &part.ops[at];
        if let Some(before) = latest.filter(|&before| timed.ret < part.ops[before].invoke) {
            return Some([before, at]);
        }
        if latest.is_none_or(|before| part.ops[before].invoke < timed.invoke) {
            latest = Some(at);
        }
    }
    None
}

/// Releases without tokens: as those of a mutex, between acquires that follow their tokens.
fn handed_round(part: &Part<FencedOp>, acquires: &[usize]) -> Monitored {
    let mut spans: Vec<Span> = Vec::with_capacity(part.ops.len());
    let mut began = 0;
    for &at in acquires {
        began = part.ops[at].invoke.max(began);
        spans.push(Span { invoke: began, ret: part.ops[at].ret, is_release: false });
    }
    let mut ends = NEVER;
    for span in spans.iter_mut().rev() {
        ends = span.ret.min(ends);
        span.ret = ends;
    }
    let mut positions = acquires.to_vec();
    for (at, timed) in part.ops.iter().enumerate() {
        if timed.op.op.is_release() {
            spans.push(Span { invoke: timed.invoke, ret: timed.ret, is_release: true });
            positions.push(at);
        }
    }
    let Err(Stuck { at, holders, ended }) = order(&spans, 1) else { return Monitored::Legal };
    let at_text = text(part.ops[positions[at]].op);
    if spans[at].is_release {
        if loses_acquires(part) {
            return unfit_lost();
        }
        let ended = ended.into_iter().flatten().map(|at| positions[at]);
        let sentence = format!(
            "{at_text} completed, but there was nothing to release: every acquire that could have \
             come before it was released already"
        );
        return illegal(ended.chain([positions[at]]), sentence);
    }
    let holders: Vec<usize> = holders.into_iter().map(|at| positions[at]).collect();
    let holder = holders.first().map_or_else(String::new, |&at| text(part.ops[at].op));
    let sentence = format!(
        "{holder} and {at_text} hold the lock at once: no release that had begun can come between \
         them"
    );
    illegal(holders.into_iter().chain([positions[at]]), sentence)
}

/// Releases with tokens: each stands behind its acquire.
fn in_one_order(part: &Part<FencedOp>, acquires: &[usize]) -> Monitored {
    let released = match releases(part, acquires) {
        Ok(released) => released,
        Err(monitored) => return monitored,
    };
    let mut order: Vec<usize> = Vec::with_capacity(part.ops.len());
    for (number, &acquire) in acquires.iter().enumerate() {
        let next = acquires.get(number + 1).copied();
        let release = released.get(&acquire).copied();
        if let (None, Some(next)) = (release, next) {
            let [held, late] = [acquire, next].map(|at| text(part.ops[at].op));
            let sentence = format!("{late} was granted, but {held} was never released");
            return illegal([acquire, next], sentence);
        }
        order.push(acquire);
        // The last one need not be released.
        order.extend(release.filter(|&at| next.is_some() || !part.ops[at].is_optional()));
    }
    let Some([before, after]) = overtaken(part, &order) else { return Monitored::Legal };
    let [less, more] = [before, after].map(|at| text(part.ops[at].op));
    let holder = acquires.iter().copied().filter(|&at| {
        let token = part.ops[at].op.token;
        [before, after].contains(&at) || token == part.ops[before].op.token
    });
    let mut culprits: Vec<usize> = holder.chain([before, after]).collect();
    culprits.sort_unstable();
    culprits.dedup();
    let sentence = if part.ops[before].op.token == part.ops[after].op.token {
        format!("{more} completed before {less} began")
    } else {
        format!("{more} completed before {less} began, which has to come first")
    };
    illegal(culprits, sentence)
}

/// The release of each acquire: the one that certainly happened, or the one that could have been
/// first.
fn releases(
    part: &Part<FencedOp>,
    acquires: &[usize],
) -> Result<FxHashMap<usize, usize>, Monitored> {
    let tokens: FxHashMap<Option<i64>, usize> =
        acquires.iter().map(|&at| (part.ops[at].op.token, at)).collect();
    let mut released: FxHashMap<usize, usize> = FxHashMap::default();
    for (at, timed) in part.ops.iter().enumerate().filter(|(_, timed)| timed.op.op.is_release()) {
        let Some(&acquire) = tokens.get(&timed.op.token) else {
            if timed.is_optional() {
                continue;
            }
            if loses_acquires(part) {
                return Err(unfit_lost());
            }
            let sentence = format!("{}: nobody was given that token", text(timed.op));
            return Err(illegal([at], sentence));
        };
        let other = released.get(&acquire).copied();
        match other.map(|other| (other, part.ops[other].is_optional())) {
            Some((other, false)) if !timed.is_optional() => {
                let [one, two] = [other, at].map(|at| text(part.ops[at].op));
                let sentence = format!("{one} and {two} both happened");
                return Err(illegal([acquire, other, at], sentence));
            }
            // Of two that may have happened, the one that began first can do more.
            Some((_, optional)) if !optional || timed.is_optional() => {}
            Some(_) | None => {
                released.insert(acquire, at);
            }
        }
    }
    Ok(released)
}
