//! The history as a file: one event per line, as JSON.
//!
//! ```text
//!   {"index":12,"time":123456,"process":3,"type":"invoke","f":"write","key":7,"value":1}
//! ```
//!
//! `index` is the position, `time` is in nanoseconds since the run began, `process` is a number or
//! `"nemesis"`. What does not apply is left out, a nil `value` too. The order of the fields is free
//! when reading, and unknown fields are ignored.
//!
//! A run that is killed leaves a file that can still be read: what the kill tore off at the end is
//! dropped and reported as [`Torn`], and an operation without completion is open.

mod fast;
mod read;
mod write;

pub use read::{Events, LINE_BYTES_MAX, ReadError, Reading, Torn, read};
pub(crate) use read::{parse_i64, parse_pair};
pub use write::Writer;
