//! The simulated world: what its links, disks, clocks, nodes and clients do, as scripts and as
//! properties; and Raft on trial in it.

#![allow(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

mod properties;
mod raft;
mod scenario;
mod toy;
