//! A lock that its holder may acquire again, and releases as often.
//!
//! A process is the holder. **After an `info` the worker goes on under another process number**, so
//! the holder is lost: nobody else may release what it holds. Its last operation decides what that
//! means, and the history alone does not say more:
//!
//! | the process holds | and its last operation, of unknown result, is | then |
//! |---|---|---|
//! | nothing | an acquire | it may hold the lock for ever, or never have had it |
//! | the lock once | a release | it may have let go at any time after that, or never |
//! | the lock | anything else | the lock is held for ever |
//!
//! A service that takes locks away from lost clients (leases, sessions) does something else than
//! this object; such a lock has fencing tokens.
//!
//! **Procedure**, exact if each process does one thing at a time and nothing after what nobody saw
//! the end of (all recorded histories are so), O(n log n). What a process does is then in one
//! order, and gives its holds: from the outermost acquire to the last release. Each of them
//! certainly lasts from the completion of that acquire to the invocation of that release, and need
//! not last longer: illegal if two of these overlap, or if a process releases what it does not
//! hold.

use super::super::super::engine::NEVER;
use super::super::super::model::{Call, Misfit, Model, Monitored, Part};
use super::LockOp;
use crate::history::Process;
use rustc_hash::FxHashMap;

/// A lock that its holder may acquire again.
#[derive(Clone, Copy, Debug)]
pub struct ReentrantMutex;

impl Model for ReentrantMutex {
    type Op = LockOp;
    /// Who holds it, and how often.
    type State = Option<(Process, u32)>;

    fn read(&self, call: &Call<'_>) -> Result<Option<LockOp>, Misfit> {
        LockOp::read(call)
    }

    fn initial(&self) -> Self::State {
        None
    }

    fn step(&self, state: &Self::State, op: &LockOp, next: &mut Vec<Self::State>) {
        match (*op, *state) {
            (LockOp::Acquire(process), None) => next.push(Some((process, 1))),
            (LockOp::Acquire(process), Some((holder, times))) if process == holder => {
                next.push(Some((holder, times + 1)));
            }
            (LockOp::Release(process), Some((holder, times))) if process == holder => {
                next.push((times > 1).then(|| (holder, times - 1)));
            }
            (LockOp::Acquire(_) | LockOp::Release(_), _) => {}
        }
    }

    fn monitor(&self, part: &Part<LockOp>) -> Monitored {
        if let Some(process) = at_two_things(part) {
            let why =
                format!("process {process} does two things at once, or goes on after an info");
            return Monitored::Unfit(why);
        }
        match holds(part) {
            Err(illegal) => illegal,
            Ok(mut holds) => {
                holds.sort_unstable_by_key(|hold| hold.from);
                let overlap = holds.windows(2).find(|two| two[1].from < two[0].until);
                overlap.map_or(Monitored::Legal, |two| both(part, &two[0], &two[1]))
            }
        }
    }

    fn op_text(&self, op: &LockOp) -> String {
        op.text()
    }

    fn state_text(&self, state: &Self::State) -> String {
        match state {
            None => "free".to_owned(),
            Some((holder, 1)) => format!("held by process {holder}"),
            Some((holder, times)) => format!("held {times} times by process {holder}"),
        }
    }
}

/// A process holds the lock.
#[derive(Clone, Copy, Debug)]
struct Hold {
    acquire: usize,
    /// The release that ends it, if one does.
    release: Option<usize>,
    /// It certainly lasts from the index of this completion ...
    from: u32,
    /// ... to that of this invocation.
    until: u32,
}

/// What a process has done so far.
#[derive(Clone, Copy, Debug, Default)]
struct Past {
    times: u32,
    /// Its latest hold, by number.
    hold: Option<usize>,
}

/// A process that begins something before it completed what it did last.
fn at_two_things(part: &Part<LockOp>) -> Option<Process> {
    let mut free_from: FxHashMap<Process, u32> = FxHashMap::default();
    let two = part.ops.iter().find(|timed| {
        let before = free_from.insert(timed.op.process(), timed.ret);
        before.is_some_and(|before| timed.invoke < before)
    });
    two.map(|timed| timed.op.process())
}

/// Who certainly held the lock when, or the release that releases nothing.
fn holds(part: &Part<LockOp>) -> Result<Vec<Hold>, Monitored> {
    let mut holds: Vec<Hold> = Vec::new();
    let mut pasts: FxHashMap<Process, Past> = FxHashMap::default();
    for (at, timed) in part.ops.iter().enumerate() {
        let past = pasts.entry(timed.op.process()).or_default();
        match (timed.op, timed.is_optional()) {
            (LockOp::Acquire(_), true) => {}
            (LockOp::Acquire(_), false) => {
                past.times += 1;
                if past.times == 1 {
                    past.hold = Some(holds.len());
                    let from = timed.ret;
                    holds.push(Hold { acquire: at, release: None, from, until: NEVER });
                }
            }
            (LockOp::Release(_), true) if past.times != 1 => {}
            (LockOp::Release(_), false) if past.times == 0 => {
                let before = past.hold.map(|hold| holds[hold]);
                return Err(not_held(part, at, before));
            }
            (LockOp::Release(_), _) => {
                past.times -= 1;
                if past.times == 0 {
                    let hold = &mut holds[past.hold.expect("who holds it has acquired it")];
                    hold.release = Some(at);
                    hold.until = timed.invoke;
                }
            }
        }
    }
    Ok(holds)
}

fn not_held(part: &Part<LockOp>, at: usize, before: Option<Hold>) -> Monitored {
    let last = before.and_then(|hold| Some([hold.acquire, hold.release?]));
    let why = if last.is_some() { "had released it before" } else { "had never acquired it" };
    let sentence = format!("{} completed, but this process {why}", part.ops[at].op.text());
    let culprits = last.into_iter().flatten().chain([at]).map(|at| at as u32).collect();
    Monitored::Illegal { culprits, sentence }
}

fn both(part: &Part<LockOp>, first: &Hold, second: &Hold) -> Monitored {
    let holds = [first, second];
    let mut culprits: Vec<u32> = holds
        .iter()
        .flat_map(|hold| [Some(hold.acquire), hold.release])
        .flatten()
        .map(|at| at as u32)
        .collect();
    culprits.sort_unstable();
    let [holder, other] = holds.map(|hold| part.ops[hold.acquire].op.process());
    let sentence = format!(
        "process {holder} and process {other} hold the lock at once: when the acquire of process \
         {other} completed, process {holder} held it and had not begun to release it"
    );
    Monitored::Illegal { culprits, sentence }
}
