//! Generators: pure machines that say what clients do next.
//!
//! A generator is asked with [`Generator::next`] whenever a thread is free, and told of every
//! invocation and completion with [`Generator::update`]. It holds its own named stream of the seed, so
//! the same questions give the same answers. It never looks at a clock: the time is in the context.
//!
//! `next` commits only when it answers [`Next::Op`]; any other answer leaves the generator as it was,
//! so a combinator may ask several and take the first that has something to do now.

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

/// A pure machine that says what clients do next.
pub trait Generator: Send {
    /// What to do now.
    fn next(&mut self, context: &Context<'_>) -> Next;

    /// Something was invoked or completed. Most generators do not care.
    fn update(&mut self, _context: &Context<'_>, _update: &Update<'_>) {}
}
