//! The objects' sequential specifications, each with the procedure that decides it fast where its
//! values allow that.

#[cfg(test)]
mod agreement;
pub mod container;
pub mod counter;
mod datum_order;
pub mod kv;
pub mod leader;
pub mod lock;
pub mod log;
pub mod max_register;
pub mod set;
mod sweep;
