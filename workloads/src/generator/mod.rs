//! Generators: pure machines that say what clients do next.
//!
//! A generator is asked with [`Generator::next`] whenever a thread is free, and told of every
//! invocation and completion with [`Generator::update`]. It holds its own named stream of the seed,
//! so the same questions give the same answers. It never looks at a clock: the time is in the
//! context.
//!
//! `next` commits only when it answers [`Next::Op`]; any other answer leaves the generator as it
//! was, so a combinator may ask several and take the first that has something to do now. What a
//! generator may keep from a question that it did not answer with an operation is what it learned
//! for good: that a child is done, when it was first asked.
//!
//! ```text
//!   leaves    ops  once  repeat  from_fn  sleep                      where operations come from
//!   one child limit  time_limit  stagger  delay  until_ok  filter    methods of GeneratorExt
//!             map  cycle  on_threads  synchronize  then
//!   many      mix  mix_weighted  any                                 which child is next
//!             concat  phases                                         one after the other
//!             reserve  each_thread                                   side by side, on own threads
//!
//!   phases([mix(reads, writes).stagger(10 ms).time_limit(60 s), final_reads])
//!
//!            phases                  asked from the top for every free thread, and told from the
//!           /      \                 top of everything; a combinator that restricts threads shows
//!   time_limit   final_reads         its child only those, and tells it only of those
//!       |
//!    stagger
//!       |
//!      mix
//!     /   \
//!  reads  writes
//! ```
//!
//! With no free thread in its context a generator still answers: `Done` if it is, otherwise
//! `WaitUntil` or `Pending`.

mod chain;
mod choose;
mod leaf;
mod limits;
mod order;
mod pacing;
mod split;
mod threads;

pub use chain::{BoxGenerator, GeneratorExt};
pub use choose::{Any, Mix, any, mix, mix_weighted};
pub use leaf::{FromFn, Ops, from_fn, once, ops, repeat};
pub use limits::{Cycle, Filter, Limit, Map, UntilOk};
pub use order::{Concat, Synchronize, concat, phases};
pub(crate) use pacing::nanoseconds;
pub use pacing::{Paced, Sleep, TimeLimit, sleep};
pub use split::{EachThread, OnThreads, Reserve, each_thread, reserve};
pub use threads::{Rotation, Threads};

use checkers::history::{Op, Outcome};

/// A worker that runs one operation at a time. Threads are numbered from zero; the process number
/// that a thread acts under changes when it loses track of an operation.
pub type ThreadId = u32;

/// What a generator may know.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Nanoseconds since the run began.
    pub now_ns: u64,
    /// The threads that are free and that this generator may use, ascending.
    pub free: &'a [ThreadId],
    /// All threads that this generator may use, ascending.
    pub threads: &'a [ThreadId],
}

/// What a generator wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// This thread, which is free, does this now.
    Op {
        /// Who.
        thread: ThreadId,
        /// What.
        op: Op,
    },
    /// Nothing before this time; ask again then, or when something completes.
    WaitUntil {
        /// Nanoseconds since the run began.
        at_ns: u64,
    },
    /// Nothing until something completes.
    Pending,
    /// Nothing ever again.
    Done,
}

impl Next {
    /// Of two answers that are no operation, the one that asks to be called back sooner. `Done`
    /// only if both are.
    #[must_use]
    pub fn sooner(self, other: Self) -> Self {
        match (self, other) {
            (Self::WaitUntil { at_ns: one }, Self::WaitUntil { at_ns: other }) => {
                Self::WaitUntil { at_ns: one.min(other) }
            }
            (Self::WaitUntil { at_ns }, _) | (_, Self::WaitUntil { at_ns }) => {
                Self::WaitUntil { at_ns }
            }
            (Self::Done, Self::Done) => Self::Done,
            (Self::Pending | Self::Done, Self::Pending | Self::Done) => Self::Pending,
            (Self::Op { .. }, _) | (_, Self::Op { .. }) => {
                unreachable!("an operation is given at once: asking on would lose it")
            }
        }
    }
}

/// What a generator is told.
#[derive(Clone, Copy, Debug)]
pub enum Update<'a> {
    /// A thread has begun an operation, ours or a neighbour's.
    Invoked {
        /// Who.
        thread: ThreadId,
        /// What.
        op: &'a Op,
    },
    /// A thread has completed an operation.
    Completed {
        /// Who.
        thread: ThreadId,
        /// What it was.
        op: &'a Op,
        /// How it went.
        outcome: &'a Outcome,
    },
}

impl Update<'_> {
    /// The thread that began or completed something.
    pub fn thread(&self) -> ThreadId {
        match self {
            Self::Invoked { thread, .. } | Self::Completed { thread, .. } => *thread,
        }
    }
}

/// A pure machine that says what clients do next.
pub trait Generator: Send {
    /// What to do now.
    fn next(&mut self, context: &Context<'_>) -> Next;

    /// Something was invoked or completed. Most generators do not care.
    fn update(&mut self, _context: &Context<'_>, _update: &Update<'_>) {}
}

impl<G: Generator + ?Sized> Generator for Box<G> {
    fn next(&mut self, context: &Context<'_>) -> Next {
        (**self).next(context)
    }

    fn update(&mut self, context: &Context<'_>, update: &Update<'_>) {
        (**self).update(context, update);
    }
}

impl std::fmt::Debug for dyn Generator + '_ {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("dyn Generator")
    }
}
