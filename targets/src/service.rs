//! What a protocol has to say to be put on trial in the simulated world: how a client's operation
//! is asked of it, and what its answers mean.
//!
//! ```text
//!   Op --request--> P::Request ..... P::Response --answer--> Settled(outcome) | Elsewhere(node)
//!    '---------------- nothing comes back -------- lost ---> fail or info
//! ```
//!
//! [`Protocol`] is all that it takes to run; this is all that it takes to be tested.

use crate::environment::MemberChange;
use crate::links::NodeId;
use crate::protocol::Protocol;
use checkers::history::{Op, Outcome};

/// What an answer means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The operation is over.
    Settled(Outcome),
    /// Nothing was done; that node should be asked.
    Elsewhere(NodeId),
}

/// A protocol that clients can use.
pub trait Service: Protocol {
    /// The operation in the protocol's own words; nothing if it has none for it.
    fn request(op: &Op) -> Option<Self::Request>;

    /// What an answer to the operation means.
    fn answer(op: &Op, response: Self::Response) -> Answer;

    /// What it means that no answer came although the request was sent: `Fail` only if the
    /// operation changes nothing.
    fn lost(op: &Op, why: &'static str) -> Outcome;

    /// How another set of members is asked for; nothing if the protocol's members never change.
    fn member_request(change: MemberChange) -> Option<Self::Request> {
        let _ = change;
        None
    }

    /// What the answer to [`Service::member_request`] means: `Ok` if the change has been made.
    fn member_answer(response: Self::Response) -> Answer {
        let _ = response;
        Answer::Settled(Outcome::Info("the members of this protocol do not change".into()))
    }

    /// The node's state in a few words, for a trace: `leader, term 3, log 17@2, committed 16`.
    fn describe(&self) -> String {
        String::new()
    }
}
