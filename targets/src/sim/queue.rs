//! What will happen, and when: a heap of small keys. What happens at the same time happens in the
//! order in which it was planned.
//!
//! Nothing is ever taken out of the middle. Whoever plans something keeps the ticket, and what
//! comes up under another ticket than the last one is stale; that is cheaper than to search.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Names a plan. Never zero, so that zero can stand for none.
pub(super) type Ticket = u64;

/// What will happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// A transmission comes out of its link.
    Arrival {
        /// Its place among those under way.
        flight: u32,
    },
    /// What a node is busy with is over: it has booted, thought or written.
    Done {
        /// Which node.
        node: u8,
    },
    /// A node's earliest timer may be due.
    Timers {
        /// Which node.
        node: u8,
    },
    /// Records that nobody waits for are due to be written back.
    Held {
        /// Which node.
        node: u8,
    },
    /// A caller's patience may be over.
    Patience {
        /// Which caller.
        caller: u32,
    },
}

/// Something that comes up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Due {
    /// When: nanoseconds of virtual time.
    pub(super) at_ns: u64,
    /// Under which plan.
    pub(super) ticket: Ticket,
    /// What.
    pub(super) what: What,
}

impl Due {
    fn key(&self) -> u128 {
        u128::from(self.at_ns) << 64 | u128::from(self.ticket)
    }
}

/// The earliest is the greatest, as the heap wants it.
impl Ord for Due {
    fn cmp(&self, other: &Self) -> Ordering {
        other.key().cmp(&self.key())
    }
}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Due {}

/// Everything that is planned.
#[derive(Debug, Default)]
pub(super) struct Queue {
    heap: BinaryHeap<Due>,
    last: Ticket,
}

impl Queue {
    /// Plans something.
    pub(super) fn plan(&mut self, at_ns: u64, what: What) -> Ticket {
        self.last += 1;
        self.heap.push(Due { at_ns, ticket: self.last, what });
        self.last
    }

    /// Takes out the next thing that happens at `until_ns` or before.
    pub(super) fn next(&mut self, until_ns: u64) -> Option<Due> {
        if self.heap.peek()?.at_ns > until_ns {
            return None;
        }
        self.heap.pop()
    }
}

#[cfg(test)]
mod tests {
    use super::{Queue, What};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn things_come_up_by_time_and_then_as_planned(
            times in prop::collection::vec(0_u64..9, 0..80),
        ) {
            let mut queue = Queue::default();
            let mut planned: Vec<(u64, u32)> = Vec::new();
            for (caller, at_ns) in (0..).zip(times) {
                queue.plan(at_ns, What::Patience { caller });
                planned.push((at_ns, caller));
            }
            planned.sort_unstable();
            for (at_ns, caller) in planned {
                let due = queue.next(9).expect("as much comes up as was planned");
                prop_assert_eq!((due.at_ns, due.what), (at_ns, What::Patience { caller }));
            }
            prop_assert!(queue.next(u64::MAX).is_none());
        }
    }
}
