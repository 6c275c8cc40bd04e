//! One node of a world: the protocol, what waits for it, and what it is busy with. Plain data; the
//! rules are in `turn` and `life`.
//!
//! ```text
//!                start            booted             written, thought
//!   Never, Gone ------> Booting -----------> Idle <-------------------+
//!        ^                                    | a turn                |
//!        |                                    +--> Writing, Thinking -+
//!        +---- kill, failed write, unreadable record (from anywhere)
//! ```

use super::clock::NodeClock;
use super::queue::Ticket;
use super::timers::Timers;
use crate::links::NodeId;
use crate::protocol::{Effect, RequestId};
use crate::seed::Stream;
use crate::service::Service;
use std::collections::VecDeque;

/// What a node is doing, so that it takes in nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Activity {
    /// It was never started, or is dead.
    Gone,
    /// Its process exists and does not serve yet.
    Booting,
    /// Nothing: it takes what comes.
    Idle,
    /// It is slow, and takes its time for so many inputs.
    Thinking {
        /// How many it will take in then.
        inputs: usize,
    },
    /// It waits for its disk.
    Writing,
}

/// When a node's timers are looked at next.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wake {
    /// What the node's own clock shows then.
    pub(super) own_ns: u64,
    /// The plan.
    pub(super) ticket: Ticket,
}

/// One node.
pub(super) struct Node<P: Service> {
    pub(super) id: NodeId,
    /// Nothing unless it serves.
    pub(super) protocol: Option<P>,
    pub(super) activity: Activity,
    /// The plan for the end of its activity.
    pub(super) done: Ticket,
    pub(super) is_paused: bool,
    /// Its activity ended while it was paused.
    pub(super) is_overdue: bool,
    /// Messages with their numbers and senders.
    pub(super) messages: VecDeque<(u64, NodeId, P::Message)>,
    pub(super) requests: VecDeque<(u64, RequestId, P::Request)>,
    pub(super) timers: Timers<P::Timer>,
    pub(super) wake: Option<Wake>,
    /// When records that nobody waits for are looked at.
    pub(super) held: Option<Ticket>,
    /// What this turn makes durable.
    pub(super) batch: Vec<P::Record>,
    /// The batch takes the place of the whole log.
    pub(super) replaces: bool,
    /// Records that nobody waits for, and that stand behind the batch.
    pub(super) held_behind: Vec<P::Record>,
    /// What this turn lets out now waits for the batch.
    pub(super) waits: bool,
    /// What leaves when the batch is durable.
    pub(super) then: Vec<Effect<P>>,
    pub(super) entropy: Stream,
    pub(super) clock: NodeClock,
    /// How long it takes for every input.
    pub(super) step_us: u32,
    pub(super) starts: i32,
    /// How it died.
    pub(super) how_gone: String,
}

impl<P: Service> Node<P> {
    /// A node that was never started. It draws nothing from the stream before.
    pub(super) fn new(id: NodeId, entropy: Stream) -> Self {
        Self {
            id,
            protocol: None,
            activity: Activity::Gone,
            done: 0,
            is_paused: false,
            is_overdue: false,
            messages: VecDeque::new(),
            requests: VecDeque::new(),
            timers: Timers::default(),
            wake: None,
            held: None,
            batch: Vec::new(),
            replaces: false,
            held_behind: Vec::new(),
            waits: false,
            then: Vec::new(),
            entropy,
            clock: NodeClock::new(),
            step_us: 0,
            starts: 0,
            how_gone: String::new(),
        }
    }

    /// Whether it takes in what comes.
    pub(super) fn is_free(&self) -> bool {
        self.activity == Activity::Idle && !self.is_paused
    }

    /// How many inputs wait, timers included.
    pub(super) fn waiting(&self, now_ns: u64) -> usize {
        let own_ns = self.clock.read(now_ns);
        self.messages.len() + self.requests.len() + self.timers.due(own_ns)
    }

    /// Its process is gone, and everything that was only in its memory.
    pub(super) fn forget(&mut self) {
        self.activity = Activity::Gone;
        (self.protocol, self.wake, self.held) = (None, None, None);
        (self.done, self.is_paused, self.is_overdue) = (0, false, false);
        (self.replaces, self.waits) = (false, false);
        self.messages.clear();
        self.requests.clear();
        self.timers.clear();
        self.batch.clear();
        self.held_behind.clear();
        self.then.clear();
    }
}
