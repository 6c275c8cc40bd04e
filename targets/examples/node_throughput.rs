//! How many requests a second the node driver and the kv client do over loopback.
//!
//! ```text
//!   cargo run --release -p targets --example node_throughput
//! ```
//!
//! One node with the tests' toy protocol, clients that ask one thing at a time, two threads in all.
//! `durable` syncs before it answers; `unsynced` shows what is left without the disk.

#![allow(clippy::unwrap_used, reason = "a measurement ends with the first surprise")]

#[path = "../tests/node_support/mod.rs"]
mod node_support;

use checkers::history::{Datum, Op, Outcome};
use node_support::toy::Mode;
use node_support::{Cluster, block_on};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use targets::client::Client;
use targets::kv_client::{KvClient, KvClientOptions};
use targets::links::NodeId;
use targets::node::{DiskProbe, DiskStep};
use tokio::time::Instant;

const MEASURED: Duration = Duration::from_secs(2);

fn main() {
    println!("{:9} {:5} {:>8} {:>10} {:>10}", "mode", "f", "clients", "ops/s", "syncs/s");
    for (name, mode) in [("durable", Mode::Correct), ("unsynced", Mode::Unsynced)] {
        for (f, clients) in [("write", 1), ("write", 10), ("write", 100), ("read", 10)] {
            let (operations, syncs) = measure(mode, f, clients);
            println!("{name:9} {f:5} {clients:8} {operations:10} {syncs:10}");
        }
    }
}

/// Operations and syncs a second.
fn measure(mode: Mode, f: &'static str, clients: i64) -> (u64, u64) {
    let cluster = Cluster::new(1, mode);
    let syncs = Arc::new(AtomicU64::new(0));
    let counting = Arc::clone(&syncs);
    let probe: DiskProbe = Arc::new(move |step| {
        counting.fetch_add(u64::from(step == DiskStep::Sync), Ordering::Relaxed);
        Ok(())
    });
    let node = cluster.start_probed(0, Some(probe));
    let began = Instant::now();
    let operations = block_on(async {
        let clients: Vec<_> = (0..clients)
            .map(|key| tokio::spawn(client(cluster.addresses.clone().into(), f, key, began)))
            .collect();
        let mut operations = 0;
        for client in clients {
            operations += client.await.unwrap();
        }
        operations
    });
    let per_second = |count: u64| (count as f64 / began.elapsed().as_secs_f64()) as u64;
    let measured = (per_second(operations), per_second(syncs.load(Ordering::Relaxed)));
    node.kill().unwrap();
    measured
}

async fn client(
    addresses: Arc<[std::net::SocketAddr]>,
    f: &'static str,
    key: i64,
    began: Instant,
) -> u64 {
    let mut client = KvClient::new(addresses, KvClientOptions::default(), |request| request);
    let op = Op { f, key: Some(key), value: Datum::Int(1) };
    let mut operations = 0;
    while began.elapsed() < MEASURED {
        let outcome = client.invoke(NodeId(0), &op).await;
        assert!(matches!(outcome, Outcome::Ok(_)), "{outcome:?}");
        operations += 1;
    }
    operations
}
