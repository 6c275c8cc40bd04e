//! Final reads: every key that was used is read until that succeeds once.
//!
//! A write that was acknowledged and then lost shows only if somebody reads the key afterwards; the
//! losses of the last seconds would show to nobody. The newest keys come first: they were in use
//! when the last fault struck, and the time may not last for all.
//!
//! ```text
//!   keys     9 8 7 6 5 4 3 2 1 0        from the newest down
//!   threads  take turns; a read that does not succeed is tried again after a pause, by whoever is free
//!            then, which is usually somebody who asks another node
//! ```
//!
//! The generator learns which keys there are from the invocations of the main phase, so it must be
//! told of them. Keys count up from zero: the highest says it all. A key below it that was just
//! about to be used is read as well, and must hold nothing.

use super::READ;
use crate::generator::{Context, Generator, Next, Rotation, ThreadId, Update, nanoseconds};
use checkers::history::{Datum, Op, Outcome};
use std::collections::VecDeque;
use std::time::Duration;

/// How hard the final reads try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FinalReadsOptions {
    /// How often a key is read before it is given up; at least one.
    pub tries_per_key_max: u32,
    /// The pause before a key is tried again.
    pub retry_pause: Duration,
}

impl Default for FinalReadsOptions {
    /// Forty tries a quarter of a second apart are ten seconds even if each of them fails at once:
    /// as long as final reads last at most. Whoever gives up earlier cannot tell a cluster that
    /// never answers from one that was not asked for long.
    fn default() -> Self {
        Self { tries_per_key_max: 40, retry_pause: Duration::from_millis(250) }
    }
}

/// The generator of the final reads. `Pending` while reads run that may have to be tried again,
/// `WaitUntil` a pause is over, `Done` when every key was read or given up.
#[derive(Clone, Debug)]
pub struct FinalReads {
    options: FinalReadsOptions,
    /// Keys below this were used and not yet asked for.
    unasked: i64,
    /// No key below is added any more: reading has begun.
    begun: bool,
    /// Reads that did not succeed, by the time before which they are not tried again. All pauses
    /// are equal, so the queue is in order.
    retries: VecDeque<(u64, Attempt)>,
    /// By thread: what it reads.
    running: Vec<Option<Attempt>>,
    running_count: usize,
    turn: Rotation,
}

#[derive(Clone, Copy, Debug)]
struct Attempt {
    key: i64,
    tries_left: u32,
}

impl FinalReads {
    /// Final reads of keys that it is yet to learn of.
    ///
    /// # Panics
    /// When a key may not even be tried once.
    pub fn new(options: FinalReadsOptions) -> Self {
        assert!(options.tries_per_key_max > 0, "a key is tried at least once");
        Self {
            options,
            unasked: 0,
            begun: false,
            retries: VecDeque::new(),
            running: Vec::new(),
            running_count: 0,
            turn: Rotation::default(),
        }
    }

    /// The next attempt, if one may begin now. Fresh keys first: a key that fails must not hold up
    /// those that can be read.
    fn attempt(&mut self, now_ns: u64) -> Option<Attempt> {
        if self.unasked > 0 {
            self.unasked -= 1;
            return Some(Attempt { key: self.unasked, tries_left: self.options.tries_per_key_max });
        }
        let (due_ns, attempt) = *self.retries.front()?;
        if due_ns > now_ns {
            return None;
        }
        self.retries.pop_front();
        Some(attempt)
    }

    fn begin(&mut self, thread: ThreadId, attempt: Attempt) -> Next {
        let index = thread as usize;
        if self.running.len() <= index {
            self.running.resize(index + 1, None);
        }
        assert!(self.running[index].is_none(), "a free thread reads nothing");
        self.running[index] = Some(attempt);
        self.running_count += 1;
        Next::Op { thread, op: Op { f: READ, key: Some(attempt.key), value: Datum::Nil } }
    }

    fn complete(&mut self, now_ns: u64, thread: ThreadId, outcome: &Outcome) {
        let Some(attempt) = self.running.get_mut(thread as usize).and_then(Option::take) else {
            return;
        };
        self.running_count -= 1;
        let tries_left = attempt.tries_left - 1;
        if !matches!(outcome, Outcome::Ok(_)) && tries_left > 0 {
            let due_ns = now_ns.saturating_add(nanoseconds(self.options.retry_pause));
            self.retries.push_back((due_ns, Attempt { tries_left, ..attempt }));
        }
    }
}

impl Generator for FinalReads {
    fn next(&mut self, context: &Context<'_>) -> Next {
        self.begun = true;
        if self.unasked == 0 && self.retries.is_empty() {
            return if self.running_count == 0 { Next::Done } else { Next::Pending };
        }
        if context.free.is_empty() {
            return Next::Pending;
        }
        match self.attempt(context.now_ns) {
            Some(attempt) => {
                let thread = self.turn.take(context.free).expect("a thread is free");
                self.begin(thread, attempt)
            }
            None => Next::WaitUntil { at_ns: self.retries[0].0 },
        }
    }

    fn update(&mut self, context: &Context<'_>, update: &Update<'_>) {
        match update {
            Update::Invoked { op, .. } if !self.begun => {
                let used = op.key.map_or(0, |key| key.saturating_add(1));
                self.unasked = self.unasked.max(used);
            }
            Update::Invoked { .. } => {}
            Update::Completed { thread, outcome, .. } => {
                self.complete(context.now_ns, *thread, outcome);
            }
        }
    }
}
