//! The node driver and the network: peers, clients, strangers, and the process around it.

#![allow(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

mod node_support;

use node_support::toy::{Message, Mode, Toy, ToyConfig};
use node_support::{Cluster, PATIENCE, Raw, block_on, connect, read, request, write};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use targets::environment::NodeEvent;
use targets::kv::{KvRequest, KvResponse};
use targets::links::NodeId;
use targets::node::call::Connection;
use targets::node::wire::{CLIENT_FRAME_BYTES_MAX, Caller, Hello, frame};
use targets::node::{NodeConfig, NodeError, parse_status};

const READ: KvRequest = KvRequest::Read { key: 1 };
const NODE_FILE: &str = "TRIBUNAL_TEST_NODE_FILE";

fn peer(from: u8, to: u8) -> Caller {
    Caller::Peer { from: NodeId(from), to: NodeId(to) }
}

fn flipped(mut bytes: Vec<u8>) -> Vec<u8> {
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    bytes
}

#[test]
fn a_write_reaches_every_node_and_waits_for_one_that_is_down() {
    let cluster = Cluster::new(3, Mode::Correct);
    let _primary = cluster.start(0);
    let backup = cluster.start(1);
    let writing = {
        let address = cluster.addresses[0];
        std::thread::spawn(move || {
            block_on(async {
                let mut connection = connect(address).await;
                for value in 0..20 {
                    write(&mut connection, 1, value).await;
                }
            });
        })
    };
    // The third node is late, and the second dies meanwhile: the connections come back by
    // themselves.
    let _late = cluster.start(2);
    backup.kill().unwrap();
    let _restarted = cluster.start(1);
    writing.join().unwrap();
    block_on(async {
        for address in &cluster.addresses {
            assert_eq!(read(&mut connect(*address).await, 1).await, Some(19));
        }
    });
}

#[test]
fn a_bad_caller_is_closed_and_nobody_else_notices() {
    let cluster = Cluster::new(2, Mode::Correct);
    let _node = cluster.start(0);
    let address = cluster.addresses[0];
    block_on(async {
        let mut bystander = Raw::call_as(address, Caller::Client).await;
        let hello = |caller| frame(&Hello::new(caller)).unwrap();
        let client = |then: Vec<u8>| [hello(Caller::Client), then].concat();
        let mut long = vec![0; 12];
        long[..4].copy_from_slice(&(CLIENT_FRAME_BYTES_MAX as u32 + 1).to_le_bytes());
        long[4..8].copy_from_slice(&(!(CLIENT_FRAME_BYTES_MAX as u32 + 1)).to_le_bytes());
        let bad = [
            ("garbage", b"GET / HTTP/1.1\r\n\r\n".to_vec()),
            ("no hello", request(0, READ)),
            ("a hello of another version", frame(b"TRB9 and more").unwrap()),
            ("a damaged hello", flipped(hello(Caller::Client))),
            ("a damaged request", client(flipped(request(0, READ)))),
            ("an oversized request", client(long)),
            ("a request of no shape", client(frame(&(0_u32, 99_u8)).unwrap())),
            ("a number twice", client([request(5, READ), request(5, READ)].concat())),
            ("a falling number", client([request(5, READ), request(4, READ)].concat())),
            ("a peer that is this node", hello(peer(0, 0))),
            ("a peer that does not exist", hello(peer(2, 0))),
            ("a peer that wants somebody else", hello(peer(1, 1))),
            ("a damaged message", [hello(peer(1, 0)), flipped(frame(&7_u64).unwrap())].concat()),
            ("a message of no shape", [hello(peer(1, 0)), frame(&99_u8).unwrap()].concat()),
        ];
        for (number, (what, bytes)) in (0..).zip(bad) {
            let mut caller = Raw::open(address).await;
            caller.send(&bytes).await;
            while let Some(answer) = caller.answer().await {
                assert_eq!(answer, (5, KvResponse::Value(None)), "{what}");
            }
            bystander.send(&request(number, READ)).await;
            let expected = Some((number, KvResponse::Value(None)));
            assert_eq!(bystander.answer().await, expected, "after {what}");
        }
    });
}

#[test]
fn a_newer_connection_of_a_peer_replaces_the_older() {
    let cluster = Cluster::new(3, Mode::Correct);
    let _node = cluster.start(0);
    block_on(async {
        let address = cluster.addresses[0];
        let mut client = connect(address).await;
        let mut older = Raw::call_as(address, peer(1, 0)).await;
        assert_heard(&mut older, &mut client, 1).await;
        let mut other = Raw::call_as(address, peer(2, 0)).await;
        assert_heard(&mut other, &mut client, 2).await;
        let mut newer = Raw::call_as(address, peer(1, 0)).await;
        assert_eq!(older.answer().await, None);
        assert_heard(&mut newer, &mut client, 3).await;
        assert_heard(&mut other, &mut client, 4).await;
    });
}

/// Sends a message as a peer and waits until the node has taken it.
async fn assert_heard(peer: &mut Raw, client: &mut Connection, number: i64) {
    peer.send(&frame(&Message::Copy((number as u64, 1, number))).unwrap()).await;
    let deadline = Instant::now() + PATIENCE;
    while read(client, 1).await != Some(number) {
        assert!(Instant::now() < deadline, "message {number} was not heard");
    }
}

#[test]
fn an_address_in_use_stops_the_node() {
    let cluster = Cluster::new(1, Mode::Correct);
    let taken = std::net::TcpListener::bind(cluster.addresses[0]).unwrap();
    let error = cluster.ends_with(0);
    assert!(matches!(error, NodeError::Listen { .. }), "{error}");
    assert!(error.to_string().contains(&cluster.addresses[0].to_string()), "{error}");
    drop(taken);
    cluster.start(0).kill().unwrap();
}

/// Not a test: the node process that the tests below start.
#[test]
#[ignore = "run by other tests, as a process of its own"]
fn node_process() {
    let Some(file) = std::env::var_os(NODE_FILE) else { return };
    let config = NodeConfig::read(file.as_ref()).unwrap();
    let toy = ToyConfig { nodes: config.nodes.len() as u8, mode: Mode::Correct };
    panic!("{}", targets::node::run::<Toy>(config, toy).unwrap_err());
}

/// Starts a node process and waits until it says that it serves.
fn spawn(cluster: &Cluster) -> (Child, impl BufRead + use<>) {
    let file = cluster.file("n1.json");
    std::fs::write(&file, serde_json::to_vec(&cluster.config(0)).unwrap()).unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "node_process", "--ignored", "--nocapture"]).env(NODE_FILE, file);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while parse_status(line.trim()) != Some(NodeEvent::Serving) {
        line.clear();
        assert!(lines.read_line(&mut line).unwrap() > 0, "the node ended before it served");
    }
    (child, lines)
}

#[test]
fn a_killed_process_is_back_on_its_address_at_once_with_all_it_promised() {
    let cluster = Cluster::new(1, Mode::Correct);
    let mut expected = None;
    for value in 0..3 {
        let (mut child, _lines) = spawn(&cluster);
        block_on(async {
            let mut connection = connect(cluster.addresses[0]).await;
            assert_eq!(read(&mut connection, 1).await, expected);
            write(&mut connection, 1, value).await;
            expected = Some(value);
            // While a connection is open: its remains must not keep the address busy.
            child.kill().unwrap();
        });
        child.wait().unwrap();
    }
}

#[test]
fn a_node_whose_controller_is_gone_exits() {
    let cluster = Cluster::new(1, Mode::Correct);
    let (mut child, lines) = spawn(&cluster);
    drop(lines);
    let began = Instant::now();
    let exit = loop {
        if let Some(exit) = child.try_wait().unwrap() {
            break exit;
        }
        if began.elapsed() > PATIENCE {
            child.kill().unwrap();
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    assert_eq!(exit.code(), Some(11));
}
