//! Frontiers, driven by a stream: they want an operation's result when the operation begins, so
//! events wait until all that began before them has ended.
//!
//! ```text
//!   queue   invoke a   invoke b   complete b   invoke c      a is open: nothing moves
//!           complete a: everything up to the invocation of c goes to the frontier of its part
//! ```
//!
//! The queue holds as many events as come while the longest operation is open.

use super::super::engine::Limits;
use super::super::frontier::{Exhausted, Frontier};
use super::super::model::Model;
use std::collections::VecDeque;

/// Configurations that a frontier may look at in any case, and for each operation that has ended:
/// a stream that is judged more slowly than it comes is of no use to a run that is going on.
const CONFIGURATIONS_MIN: u64 = 1_000_000;
const CONFIGURATIONS_PER_OP: u64 = 1_000;

/// An operation in the queue.
#[derive(Debug)]
enum Waiting<Op> {
    /// It has not ended.
    Open,
    /// It has, and this is what is known of it.
    Ended(End<Op>),
    /// The frontier of its part has it, in this slot.
    Placed { op: Op, ret: u32, part: u32, slot: u32 },
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Invoke(u32),
    Complete(u32),
}

/// What is known of an operation when it has ended.
#[derive(Clone, Debug)]
pub(super) enum End<Op> {
    /// It happened in this part, and returned at this event.
    Happened {
        /// With its result.
        op: Op,
        /// The event.
        ret: u32,
        /// The part's number; they count from zero.
        part: u32,
    },
    /// It may have happened in this part.
    Maybe {
        /// What would have happened.
        op: Op,
        /// The part's number.
        part: u32,
    },
    /// It says nothing.
    Void,
}

/// Why no more events are taken.
#[derive(Debug)]
pub(super) enum Stuck<Op> {
    /// No order explains the events of a part up to the return of this operation.
    Dead {
        /// The operation.
        op: Op,
        /// The event of its return.
        ret: u32,
        /// The part.
        part: u32,
    },
    /// The limits did not suffice.
    Exhausted,
}

/// Frontiers behind a queue.
#[derive(Debug)]
pub(super) struct Lag<M: Model> {
    queue: VecDeque<Step>,
    ops: Vec<Waiting<M::Op>>,
    free: Vec<u32>,
    initial: M::State,
    /// By part.
    frontiers: Vec<Frontier<M>>,
    frontier_bytes: u64,
    ended: u64,
}

impl<M: Model> Lag<M> {
    /// Before the first event; each part begins in this state.
    pub(super) fn new(initial: M::State) -> Self {
        Self {
            queue: VecDeque::new(),
            ops: Vec::new(),
            free: Vec::new(),
            initial,
            frontiers: Vec::new(),
            frontier_bytes: 0,
            ended: 0,
        }
    }

    /// An operation begins; gives what it is called here until it ends.
    pub(super) fn invoke(&mut self) -> u32 {
        let tag = self.free.pop().unwrap_or(self.ops.len() as u32);
        if tag as usize == self.ops.len() {
            self.ops.push(Waiting::Open);
        }
        self.ops[tag as usize] = Waiting::Open;
        self.queue.push_back(Step::Invoke(tag));
        tag
    }

    /// An operation ends. Nothing is judged before [`Lag::advance`].
    pub(super) fn end(&mut self, tag: u32, end: End<M::Op>) {
        if let End::Happened { .. } = end {
            self.queue.push_back(Step::Complete(tag));
        }
        self.ops[tag as usize] = Waiting::Ended(end);
        self.ended += 1;
    }

    /// Judges what can be judged, and holds at most so many bytes.
    ///
    /// # Errors
    /// When that is the end.
    pub(super) fn advance(&mut self, model: &M, bytes_max: u64) -> Result<(), Stuck<M::Op>> {
        while let Some(&(Step::Invoke(tag) | Step::Complete(tag))) = self.queue.front() {
            match std::mem::replace(&mut self.ops[tag as usize], Waiting::Open) {
                Waiting::Open => return Ok(()),
                Waiting::Ended(End::Happened { op, ret, part }) => {
                    let slot = self.frontier(model, part).invoke(model, &op, ret, tag);
                    self.ops[tag as usize] = Waiting::Placed { op, ret, part, slot };
                }
                Waiting::Ended(End::Maybe { op, part }) => {
                    self.frontier(model, part).optional(model, &op, tag);
                    self.free.push(tag);
                }
                Waiting::Ended(End::Void) => self.free.push(tag),
                Waiting::Placed { op, ret, part, slot } => {
                    self.free.push(tag);
                    if !self.complete(model, part, slot, bytes_max)? {
                        return Err(Stuck::Dead { op, ret, part });
                    }
                }
            }
            self.queue.pop_front();
        }
        Ok(())
    }

    /// Whether any order is left.
    fn complete(
        &mut self,
        model: &M,
        part: u32,
        slot: u32,
        bytes_max: u64,
    ) -> Result<bool, Stuck<M::Op>> {
        let configurations_max = CONFIGURATIONS_MIN + CONFIGURATIONS_PER_OP * self.ended;
        let frontier_bytes = self.frontier_bytes;
        let frontier = self.frontier(model, part);
        let others = frontier_bytes.saturating_sub(frontier.bytes());
        let bytes_max = bytes_max.saturating_sub(others);
        let limits = Limits { configurations_max, bytes_max, stop: None, order: false };
        frontier.complete(model, slot, &limits).map_err(|Exhausted| Stuck::Exhausted)?;
        let (alive, bytes) = (!frontier.is_dead(), frontier.bytes());
        self.frontier_bytes = others + bytes;
        Ok(alive)
    }

    fn frontier(&mut self, model: &M, part: u32) -> &mut Frontier<M> {
        let part = part as usize;
        while part >= self.frontiers.len() {
            let initial = std::slice::from_ref(&self.initial);
            self.frontiers.push(Frontier::new(model, initial, false));
        }
        &mut self.frontiers[part]
    }

    /// The bytes that are held.
    pub(super) fn bytes(&self) -> u64 {
        let queue = self.queue.capacity() * size_of::<Step>();
        let ops = self.ops.capacity() * (size_of::<Waiting<M::Op>>() + size_of::<u32>());
        self.frontier_bytes + (queue + ops) as u64
    }
}
