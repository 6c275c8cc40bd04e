//! Threads: which are free, and whose turn it is.
//!
//! A runner keeps [`Threads`]; a leaf keeps a [`Rotation`]. Both keep threads sorted, so that a
//! range of threads is a slice of the free ones and no combinator ever copies a list.

use super::{Context, ThreadId};

/// All threads of a run, and which of them are free: what a runner makes contexts from.
#[derive(Clone, Debug)]
pub struct Threads {
    all: Vec<ThreadId>,
    free: Vec<ThreadId>,
}

impl Threads {
    /// Threads zero to `count`, all free.
    pub fn new(count: u32) -> Self {
        let all: Vec<ThreadId> = (0..count).collect();
        Self { free: all.clone(), all }
    }

    /// What a generator may know at this time.
    pub fn context(&self, now_ns: u64) -> Context<'_> {
        Context { now_ns, free: &self.free, threads: &self.all }
    }

    /// The free threads, ascending.
    pub fn free(&self) -> &[ThreadId] {
        &self.free
    }

    /// Whether no thread works.
    pub fn all_free(&self) -> bool {
        self.free.len() == self.all.len()
    }

    /// A thread begins to work.
    ///
    /// # Panics
    /// When it was not free: the generator broke its contract.
    pub fn take(&mut self, thread: ThreadId) {
        let Ok(index) = self.free.binary_search(&thread) else {
            panic!("a generator may only use a free thread, and thread {thread} is not");
        };
        self.free.remove(index);
    }

    /// A thread has finished its work.
    ///
    /// # Panics
    /// When it was free already, or is none of ours: the runner lost count.
    pub fn release(&mut self, thread: ThreadId) {
        assert!((thread as usize) < self.all.len(), "thread {thread} does not exist");
        let Err(index) = self.free.binary_search(&thread) else {
            panic!("only a busy thread is released, and thread {thread} is free");
        };
        self.free.insert(index, thread);
    }
}

/// Takes turns among the free threads: after thread 3 comes the next free one above 3.
///
/// The lowest free thread would do at full load. At a low rate it would do everything: thread 0
/// would be free again before each operation, and only its node would ever be asked.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rotation {
    next: ThreadId,
}

impl Rotation {
    /// Where the turn stands among the free threads: an index, if there are any.
    pub fn position(self, free: &[ThreadId]) -> Option<usize> {
        if free.is_empty() {
            return None;
        }
        let index = free.partition_point(|&thread| thread < self.next);
        Some(if index == free.len() { 0 } else { index })
    }

    /// The thread whose turn it is. The turn passes on only if there is one.
    pub fn take(&mut self, free: &[ThreadId]) -> Option<ThreadId> {
        let thread = free[self.position(free)?];
        self.pass(thread);
        Some(thread)
    }

    /// The turn passes on behind this thread.
    pub fn pass(&mut self, thread: ThreadId) {
        self.next = thread.saturating_add(1);
    }
}
