//! A sequential specification: what an object does when one operation comes after the other.
//!
//! ```text
//!   Call      an operation as it was recorded         f, key, argument, answer
//!     | read
//!   Op        what it asks of the object, result included
//!     | step
//!   State --> State, State, ...                       none: the operation is impossible here
//! ```
//!
//! Whoever has an object of his own implements [`Model`] and gets the search, the evidence and the
//! linearization; everything beyond `read`, `initial` and `step` only makes them faster or clearer.
//! Herlihy & Wing 1990 call this the sequential specification.

use super::engine::NEVER;
use crate::history::{Datum, Process};
use std::fmt::Debug;
use std::hash::Hash;

/// A recorded operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call<'a> {
    /// Who acted.
    pub process: Process,
    /// The function.
    pub f: &'a str,
    /// The key, for objects that have one.
    pub key: Option<&'a Datum>,
    /// What was asked.
    pub argument: Datum,
    /// What came back.
    pub answer: Answer<'a>,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer<'a> {
    /// It happened, with this result.
    Ok(Datum),
    /// It says that it did not happen, with this error.
    Fail(Option<&'a str>),
    /// Nobody knows.
    Unknown,
}

/// Why an operation is none of this object: what was expected. It makes the history one that
/// cannot be judged, with the place of the operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// No such function; what there is.
    Function(&'static str),
    /// The argument or the result has another shape than expected.
    Shape(&'static str),
}

/// An operation of one part of a history, with its interval on event indices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timed<Op> {
    /// What it asks of the object.
    pub op: Op,
    /// The index of the invocation in the history.
    pub invoke: u32,
    /// The index of the completion, or [`NEVER`] for an operation that may have happened or not.
    pub ret: u32,
    /// The index of an `info`, for the reader of the evidence; else [`NEVER`].
    pub info: u32,
}

impl<Op> Timed<Op> {
    /// Whether it may have happened or not.
    pub fn is_optional(&self) -> bool {
        self.ret == NEVER
    }
}

/// A part of a history that can be judged alone (P-compositionality, Horn & Kroening 2015).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part<Op> {
    /// The key as JSON text, when there is one.
    pub name: Option<String>,
    /// In order of invocation.
    pub ops: Vec<Timed<Op>>,
}

/// What a model's own procedure says of a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Monitored {
    /// The precondition does not hold, and which: somebody else has to decide.
    Unfit(String),
    /// There is an order.
    Legal,
    /// There is none.
    Illegal {
        /// Positions of operations that contradict each other whatever the others did; as few as
        /// the procedure can tell.
        culprits: Vec<u32>,
        /// One sentence saying why, about these operations.
        sentence: String,
    },
}

/// A sequential specification.
pub trait Model: Sync {
    /// An operation with its result.
    type Op: Clone + Eq + Hash + Debug + Send + Sync;
    /// What the object holds.
    type State: Clone + Eq + Hash + Debug + Send + Sync;

    /// What a recorded operation asks of the object, with its result. Nothing if it constrains
    /// nothing: what failed did not happen, and a read that nobody saw the result of says nothing.
    ///
    /// # Errors
    /// When it is no operation of this object.
    fn read(&self, call: &Call<'_>) -> Result<Option<Self::Op>, Misfit>;

    /// What the object holds at first.
    fn initial(&self) -> Self::State;

    /// Adds every state in which the operation can leave the object; none if it is impossible
    /// in this state. An operation of unknown result may leave several.
    fn step(&self, state: &Self::State, op: &Self::Op, next: &mut Vec<Self::State>);

    /// The part that an operation belongs to. Sound only if a history of the object is legal
    /// exactly when those of its parts are.
    fn part(&self, call: &Call<'_>, op: &Self::Op) -> Option<Datum> {
        let _ = op;
        call.key.cloned()
    }

    /// Whether an operation never changes any state. It can then be taken out of every legal order.
    fn observes_only(&self, op: &Self::Op) -> bool {
        let _ = op;
        false
    }

    /// Operations of one group can be taken out of every legal order together, and what is left is
    /// legal: all that concerns one element of a queue. Nothing if that is not known.
    fn group(&self, op: &Self::Op) -> Option<Datum> {
        let _ = op;
        None
    }

    /// The model's own procedure, exact where its precondition holds, which it proves on the part.
    fn monitor(&self, part: &Part<Self::Op>) -> Monitored {
        let _ = part;
        Monitored::Unfit("the model has no procedure of its own".to_owned())
    }

    /// The bytes that a state holds beside its own size: what it has on the heap. A search
    /// counts them against its limit.
    fn state_heap_bytes(&self, state: &Self::State) -> u64 {
        let _ = state;
        0
    }

    /// An operation in words: `enqueue 3`, `dequeue -> 3`.
    fn op_text(&self, op: &Self::Op) -> String {
        format!("{op:?}")
    }

    /// A state in words.
    fn state_text(&self, state: &Self::State) -> String {
        format!("{state:?}")
    }
}
