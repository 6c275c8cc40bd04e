//! What is on trial and where it runs.
//!
//! ```text
//!   protocol     a bundled server as a pure state machine: inputs in, effects out
//!     raft         the first of them
//!   kv           an interface: what clients may ask, what they are answered
//!   node         the driver that steps a protocol on a real machine (tokio, TCP, write-ahead log)
//!   service      what a protocol says of itself to be tested in the simulated world
//!   client       one method that matters: invoke(op) -> outcome
//!   environment  the primitives that a fault is built from: start, kill, pause, links
//!     local        processes in network namespaces, joined by a packet switch of our own
//!     sim          state machines in this process, in virtual time
//!   catalogue    which targets there are, what they claim, which bugs can be planted
//!   seed         one seed a run, one named stream a component
//! ```

pub mod catalogue;
pub mod client;
pub mod environment;
pub mod kv;
pub mod kv_client;
pub mod links;
pub mod local;
pub mod node;
pub mod protocol;
pub mod raft;
pub mod seed;
pub mod service;
pub mod sim;
