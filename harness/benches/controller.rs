//! What the controller costs: operations a second that are generated, executed, recorded to disk and
//! indexed against a target inside the process that answers at once, and the memory that a recorded
//! event takes. Run with `cargo bench -p harness`.
//!
//! Prints one row per number of workers: the median of several runs.

use checkers::history::{Datum, Op, Outcome};
use harness::runner::driver::{Driver, RunClock};
use harness::runner::recorder::Recorder;
use harness::runner::scheduler::{Processes, Scheduler};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use targets::client::Client;
use targets::links::NodeId;
use targets::seed::Seed;
use workloads::choice::{Choice, NodeChooser};
use workloads::generator::combinators::limit;

const OPERATIONS: u64 = 2_000_000;
const RUNS: usize = 5;

/// Answers at once: a map in this process.
#[derive(Clone)]
struct Memory(Arc<Mutex<BTreeMap<i64, i64>>>);

impl Client for Memory {
    async fn invoke(&mut self, _: NodeId, op: &Op) -> Outcome {
        let mut map = self.0.lock().unwrap();
        let key = op.key.unwrap_or_default();
        match (op.f, &op.value) {
            ("write", Datum::Int(value)) => {
                map.insert(key, *value);
                Outcome::Ok(Datum::Int(*value))
            }
            ("cas", Datum::Pair(from, to)) if map.get(&key) == Some(from) => {
                map.insert(key, *to);
                Outcome::Ok(op.value.clone())
            }
            ("cas", _) => Outcome::Fail("mismatch".into()),
            _ => Outcome::Ok(map.get(&key).map_or(Datum::Nil, |value| Datum::Int(*value))),
        }
    }
}
