//! The door between a protocol and whatever steps it.
//!
//! A protocol is a pure state machine. It never reads a clock, opens a socket, touches a disk or
//! draws a random number: it is stepped with an input and leaves effects. Two drivers step the same
//! code: [`crate::node`] on a real machine, and a simulator in virtual time.
//!
//! ```text
//!             recovered records
//!                    |
//!   Input  -->  +----------+  -->  Effects, in order
//!    message    | protocol |        send | reply | persist | checkpoint
//!    request    +----------+        set_timer | cancel_timer | note
//!    timer          ^
//!                   +-- Context: the node's own clock, one draw of entropy
//! ```
//!
//! **The order of effects is the contract.** What stands before a `Persist` or `Checkpoint` may
//! happen at once; what stands behind it happens only when the records are durable, and never if
//! the node dies before. A driver may step several inputs, join their effects, and make all their
//! records durable with one write (group commit): the order of the joined sequence still holds.

use crate::links::NodeId;
use serde::{Serialize, de::DeserializeOwned};

/// A client's request as the driver knows it; the reply goes to whoever asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(pub u64);

/// What the driver gives to every step.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    /// The node's own clock: monotonic, possibly skewed, in nanoseconds of no particular origin.
    pub now_ns: u64,
    /// One fresh random number, from a stream of the run's seed.
    pub entropy: u64,
}

/// What happens to a protocol.
#[derive(Clone, Debug)]
pub enum Input<P: Protocol> {
    /// The first input after creation or recovery.
    Start,
    /// A message of another node. It may come late, twice, or never.
    Message {
        /// Who sent it.
        from: NodeId,
        /// What it says.
        message: P::Message,
    },
    /// A client asks for something.
    Request {
        /// Names the reply's receiver.
        id: RequestId,
        /// What is asked.
        request: P::Request,
    },
    /// A timer that was set went off.
    Timer(P::Timer),
}

/// What a protocol wants to happen, in this order.
#[derive(Clone, Debug)]
pub enum Effect<P: Protocol> {
    /// A message to another node; it may be lost.
    Send {
        /// The receiver.
        to: NodeId,
        /// What it says.
        message: P::Message,
    },
    /// The answer to a client's request.
    Reply {
        /// Which request.
        id: RequestId,
        /// The answer.
        response: P::Response,
    },
    /// Append these records to the log on disk.
    Persist {
        /// What recovery will be given, in order.
        records: Vec<P::Record>,
        /// Whether what follows waits until they are durable. `false` is a planted bug: the records
        /// stay in the process's memory until a later write, and die with it.
        durable: bool,
    },
    /// Replace the whole log on disk by these records, atomically and durably.
    Checkpoint(Vec<P::Record>),
    /// Send `Input::Timer` after this long on the node's own clock; a timer that is set already is
    /// moved.
    SetTimer {
        /// Which timer.
        timer: P::Timer,
        /// How long from now.
        after_ns: u64,
    },
    /// Forget a timer.
    CancelTimer(P::Timer),
    /// Something that an observer wants to know.
    Note(Note),
}

/// What observers are told; it never influences the protocol.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(tag = "note", rename_all = "kebab-case")]
pub enum Note {
    /// This node leads from now on.
    Leading {
        /// The term or ballot.
        term: u64,
    },
    /// This node does not lead any more.
    Following {
        /// The term or ballot.
        term: u64,
    },
    /// A place in the protocol that a good test reaches at least once.
    Sometimes {
        /// Its name: `snapshot-installed`.
        place: std::borrow::Cow<'static, str>,
    },
}

/// A bundled server as a pure state machine.
pub trait Protocol: Sized {
    /// What nodes say to one another.
    type Message: Clone + std::fmt::Debug + Serialize + DeserializeOwned + Send + 'static;
    /// What is written to disk.
    type Record: Clone + std::fmt::Debug + Serialize + DeserializeOwned + Send + 'static;
    /// What clients ask.
    type Request: Clone + std::fmt::Debug + Serialize + DeserializeOwned + Send + 'static;
    /// What clients are answered.
    type Response: Clone + std::fmt::Debug + Serialize + DeserializeOwned + Send + 'static;
    /// The timers that it uses.
    type Timer: Copy + std::fmt::Debug + Eq + Ord + std::hash::Hash + Send + 'static;
    /// How it is set up.
    type Config: Clone + std::fmt::Debug + Send + 'static;

    /// A node with the records that its disk holds, oldest first: none on its very first start.
    fn recover(me: NodeId, config: Self::Config, records: Vec<Self::Record>) -> Self;

    /// Takes one input and appends what it wants to happen.
    fn step(&mut self, context: Context, input: Input<Self>, effects: &mut Vec<Effect<Self>>);
}
