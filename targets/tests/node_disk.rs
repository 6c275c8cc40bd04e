//! The node driver and its disk: what is promised, what survives, what stops the node.

#![allow(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

mod node_support;

use node_support::toy::Mode;
use node_support::{Cluster, PATIENCE, Raw, ask, block_on, connect, read, request, write};
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};
use targets::kv::{KvRequest, KvResponse};
use targets::node::call::CallError;
use targets::node::wire::Caller;
use targets::node::{DiskProbe, DiskStep, NodeError, Status, WalError};

const WRITE: KvRequest = KvRequest::Write { key: 1, value: 2 };

/// Stops every sync until the test says how it ends.
struct Gate {
    probe: DiskProbe,
    reached: mpsc::Receiver<()>,
    verdicts: mpsc::Sender<io::Result<()>>,
}

fn gate() -> Gate {
    let (reach, reached) = mpsc::channel();
    let (verdicts, verdict) = mpsc::channel();
    let ends = Mutex::new((reach, verdict));
    let probe = move |step| {
        if step != DiskStep::Sync {
            return Ok(());
        }
        let (reach, verdict) = &*ends.lock().unwrap();
        let _test_ended = reach.send(());
        verdict.recv().unwrap_or(Ok(()))
    };
    Gate { probe: Arc::new(probe), reached, verdicts }
}

/// Counts the batches and their records.
fn counter() -> (DiskProbe, Arc<[AtomicUsize; 2]>) {
    let counts = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
    let counting = Arc::clone(&counts);
    let probe = move |step| {
        if let DiskStep::Write { records } = step {
            counting[0].fetch_add(1, Ordering::SeqCst);
            counting[1].fetch_add(records as usize, Ordering::SeqCst);
        }
        Ok(())
    };
    (Arc::new(probe), counts)
}

fn disk_full() -> io::Result<()> {
    Err(io::ErrorKind::StorageFull.into())
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    for mode in [Mode::Correct, Mode::Checkpoints] {
        let cluster = Cluster::new(1, mode);
        for boot in 1..=3 {
            let node = cluster.start(0);
            block_on(async {
                let mut connection = connect(cluster.addresses[0]).await;
                for key in 0..boot * 20 {
                    let expected = (key < (boot - 1) * 20).then_some(key);
                    assert_eq!(read(&mut connection, key).await, expected, "{mode:?}");
                }
                for key in 0..boot * 20 {
                    write(&mut connection, key, key).await;
                }
            });
            node.kill().unwrap();
        }
    }
}

#[test]
fn an_answer_does_not_leave_before_its_record_is_durable() {
    let cluster = Cluster::new(1, Mode::Correct);
    let Gate { probe, reached, verdicts } = gate();
    let node = cluster.start_probed(0, Some(probe));
    let address = cluster.addresses[0];
    let client = std::thread::spawn(move || {
        block_on(async {
            let mut connection = connect(address).await;
            (ask(&mut connection, WRITE).await, ask(&mut connection, WRITE).await)
        })
    });
    reached.recv_timeout(PATIENCE).unwrap();
    verdicts.send(Ok(())).unwrap();
    reached.recv_timeout(PATIENCE).unwrap();
    verdicts.send(disk_full()).unwrap();
    let broken = Err(CallError::Open("connection broken"));
    assert_eq!(client.join().unwrap(), (Ok(KvResponse::Done), broken));
    let error = node.wait().unwrap_err();
    assert!(matches!(error, NodeError::Disk(WalError::Disk { action: "sync", .. })), "{error}");
}

#[test]
fn a_protocol_that_answers_first_is_let_through_before_the_sync() {
    let cluster = Cluster::new(1, Mode::AnswersFirst);
    let Gate { probe, reached, verdicts } = gate();
    let node = cluster.start_probed(0, Some(probe));
    block_on(async {
        let mut connection = connect(cluster.addresses[0]).await;
        assert_eq!(ask(&mut connection, WRITE).await, Ok(KvResponse::Done));
    });
    // Answered, while the sync is still to come.
    reached.recv_timeout(PATIENCE).unwrap();
    verdicts.send(disk_full()).unwrap();
    assert!(node.wait().is_err());
}

#[test]
fn what_comes_during_a_sync_shares_the_next_one() {
    const REQUESTS: u32 = 100;
    let cluster = Cluster::new(1, Mode::Correct);
    let Gate { probe: gate, reached, verdicts } = gate();
    let (counting, counts) = counter();
    let probe = move |step| counting(step).and_then(|()| gate(step));
    let node = cluster.start_probed(0, Some(Arc::new(probe)));
    block_on(async {
        let mut raw = Raw::call_as(cluster.addresses[0], Caller::Client).await;
        raw.send(&request(0, WRITE)).await;
        reached.recv_timeout(PATIENCE).unwrap();
        let rest: Vec<_> = (1..=REQUESTS).flat_map(|number| request(number, WRITE)).collect();
        raw.send(&rest).await;
        drop(verdicts);
        for number in 0..=REQUESTS {
            assert_eq!(raw.answer().await, Some((number, KvResponse::Done)));
        }
        assert_eq!(counts[1].load(Ordering::SeqCst), REQUESTS as usize + 1);
        assert!(counts[0].load(Ordering::SeqCst) <= 10, "{counts:?} batches and records");
        // The twin: whoever waits for each answer pays a sync for each.
        let before = counts[0].load(Ordering::SeqCst);
        for number in REQUESTS + 1..=2 * REQUESTS {
            raw.send(&request(number, WRITE)).await;
            raw.answer().await.unwrap();
        }
        assert_eq!(counts[0].load(Ordering::SeqCst), before + REQUESTS as usize);
    });
    node.kill().unwrap();
}

#[test]
fn records_that_are_not_durable_die_with_a_kill_and_survive_a_stop() {
    for (killed, survives) in [(true, None), (false, Some(2))] {
        let cluster = Cluster::new(1, Mode::Unsynced);
        // On a machine so slow that the records became old, the attempt says nothing.
        loop {
            let (node, began) = (cluster.start(0), Instant::now());
            block_on(async { write(&mut connect(cluster.addresses[0]).await, 1, 2).await });
            let ended = if killed { node.kill() } else { node.stop() };
            ended.unwrap();
            if began.elapsed() < Duration::from_millis(900) {
                break;
            }
            std::fs::remove_dir_all(cluster.config(0).data_dir).unwrap();
        }
        let _node = cluster.start(0);
        block_on(async {
            let found = read(&mut connect(cluster.addresses[0]).await, 1).await;
            assert_eq!(found, survives);
        });
    }
}

#[test]
fn records_that_are_not_durable_are_written_when_they_are_old() {
    let cluster = Cluster::new(1, Mode::Unsynced);
    let Gate { probe, reached, verdicts } = gate();
    let node = cluster.start_probed(0, Some(probe));
    block_on(async { write(&mut connect(cluster.addresses[0]).await, 1, 2).await });
    reached.recv_timeout(PATIENCE).unwrap();
    verdicts.send(Ok(())).unwrap();
    node.kill().unwrap();
    let _node = cluster.start(0);
    block_on(async {
        assert_eq!(read(&mut connect(cluster.addresses[0]).await, 1).await, Some(2));
    });
}

/// A cluster of one whose node was killed after two writes to a key, 2 and then 3.
fn killed_after_two_writes() -> Cluster {
    let cluster = Cluster::new(1, Mode::Correct);
    let node = cluster.start(0);
    block_on(async {
        let mut connection = connect(cluster.addresses[0]).await;
        write(&mut connection, 1, 2).await;
        write(&mut connection, 1, 3).await;
    });
    node.kill().unwrap();
    cluster
}

#[test]
fn a_torn_tail_costs_the_last_batch_and_nothing_else() {
    let cluster = killed_after_two_writes();
    let log = std::fs::read(cluster.log(0)).unwrap();
    std::fs::write(cluster.log(0), &log[..log.len() - 1]).unwrap();
    let _node = cluster.start(0);
    block_on(async {
        assert_eq!(read(&mut connect(cluster.addresses[0]).await, 1).await, Some(2));
    });
}

#[test]
fn a_damaged_log_stops_the_node() {
    let cluster = killed_after_two_writes();
    let mut log = std::fs::read(cluster.log(0)).unwrap();
    log[20] ^= 1;
    std::fs::write(cluster.log(0), &log).unwrap();
    let error = cluster.ends_with(0).to_string();
    assert!(error.contains("log is damaged at byte 8"), "{error}");
}

#[test]
fn a_directory_serves_one_node_at_a_time() {
    let cluster = Cluster::new(1, Mode::Correct);
    let node = cluster.start(0);
    let error = cluster.ends_with(0);
    assert!(matches!(error, NodeError::Disk(WalError::InUse { .. })), "{error}");
    node.kill().unwrap();
    cluster.start(0).kill().unwrap();
}

#[test]
fn a_restart_does_not_repeat_its_draws_and_the_same_seed_does() {
    let draw = |cluster: &Cluster| {
        let node = cluster.start(0);
        let drew = node.told.recv_timeout(PATIENCE).unwrap();
        assert!(matches!(drew, Status::Note(_)), "{drew:?}");
        drew
    };
    let (one, two) = (Cluster::new(1, Mode::Correct), Cluster::new(1, Mode::Correct));
    let draws = [draw(&one), draw(&one)];
    assert_ne!(draws[0], draws[1]);
    assert_eq!(draws, [draw(&two), draw(&two)]);
}
