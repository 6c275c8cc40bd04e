//! The objects' sequential specifications, each with the procedure that decides it fast where its
//! values allow that.

pub mod container;
mod datum_order;
pub mod kv;
pub mod set;
