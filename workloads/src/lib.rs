//! What clients do, and which checkers judge them. Pure.
//!
//! ```text
//!   generator   next(context) -> op | wait until | pending | done, update(event)
//!     combinators  mix, stagger, limit, phases, reserve, until ok, ...
//!   simulate    steps a generator in virtual time, for tests
//!   register    many keys, each read, written and compared-and-set for a while
//!   choice      which node is asked: round robin, random, weights, leader
//!   catalogue   which workloads there are
//! ```

pub mod catalogue;
pub mod choice;
pub mod generator;
pub mod register;
pub mod simulate;
