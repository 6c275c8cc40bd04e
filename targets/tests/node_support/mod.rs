//! What the tests of the node driver share.

#![allow(dead_code, unreachable_pub, reason = "each test program uses its own part of this")]

pub mod toy;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;
use targets::kv::{KvRequest, KvResponse};
use targets::links::NodeId;
use targets::node::call::{CallError, Connection};
use targets::node::wire::{Caller, FrameDecoder, Hello, decode, frame};
use targets::node::{DiskProbe, InProcessNode, NodeConfig, NodeError, Status};
use targets::seed::Seed;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_util::codec::Decoder;
use toy::{Mode, Toy, ToyConfig};

/// Longer than anything here takes; only a hang reaches it.
pub const PATIENCE: Duration = Duration::from_secs(60);

static CLUSTERS: AtomicU8 = AtomicU8::new(0);

/// A cluster of toys on loopback addresses that no other test has: a port could be taken meanwhile.
pub struct Cluster {
    pub addresses: Vec<SocketAddr>,
    pub mode: Mode,
    disks: tempfile::TempDir,
}

impl Cluster {
    pub fn new(nodes: u8, mode: Mode) -> Self {
        let cluster = CLUSTERS.fetch_add(1, Ordering::Relaxed);
        let pid = std::process::id();
        let (high, low) = ((pid >> 8) as u8 & 0x3f, pid as u8);
        let network = Ipv4Addr::new(127, 64 | high, low, cluster);
        let addresses = (0..nodes).map(|node| (network, 7700 + u16::from(node)).into()).collect();
        Self { addresses, mode, disks: tempfile::tempdir().unwrap() }
    }

    pub fn config(&self, node: u8) -> NodeConfig {
        NodeConfig {
            me: NodeId(node),
            nodes: self.addresses.clone(),
            data_dir: self.disks.path().join(NodeId(node).to_string()),
            seed: Seed(7),
            protocol: "toy".into(),
            options: serde_json::Value::Null,
        }
    }

    pub fn file(&self, name: &str) -> std::path::PathBuf {
        self.disks.path().join(name)
    }

    /// Starts a node, and gives it back once it serves.
    pub fn start(&self, node: u8) -> InProcessNode {
        self.start_probed(node, None)
    }

    pub fn start_probed(&self, node: u8, probe: Option<DiskProbe>) -> InProcessNode {
        let started = self.launch(node, probe);
        let first = started.told.recv_timeout(PATIENCE).expect("the node serves");
        assert!(matches!(first, Status::Serving { .. }), "{first:?}");
        started
    }

    /// Starts a node that may end before it serves.
    pub fn launch(&self, node: u8, probe: Option<DiskProbe>) -> InProcessNode {
        let config = ToyConfig { nodes: self.addresses.len() as u8, mode: self.mode };
        InProcessNode::start::<Toy>(self.config(node), config, probe).unwrap()
    }

    pub fn ends_with(&self, node: u8) -> NodeError {
        self.launch(node, None).wait().unwrap_err()
    }

    pub fn log(&self, node: u8) -> std::path::PathBuf {
        Path::new(&self.config(node).data_dir).join("log")
    }
}

/// Runs a test's own network code.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().unwrap().block_on(future)
}

pub async fn connect(address: SocketAddr) -> Connection {
    Connection::open(address, PATIENCE).await.unwrap()
}

pub async fn ask(connection: &mut Connection, request: KvRequest) -> Result<KvResponse, CallError> {
    connection.call(&request, Instant::now() + PATIENCE).await
}

pub async fn write(connection: &mut Connection, key: i64, value: i64) {
    let answer = ask(connection, KvRequest::Write { key, value }).await;
    assert_eq!(answer, Ok(KvResponse::Done));
}

pub async fn read(connection: &mut Connection, key: i64) -> Option<i64> {
    match ask(connection, KvRequest::Read { key }).await {
        Ok(KvResponse::Value(value)) => value,
        other => panic!("a read was answered with {other:?}"),
    }
}

/// A connection whose every byte the test decides.
pub struct Raw {
    pub stream: TcpStream,
    input: bytes::BytesMut,
}

impl Raw {
    pub async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        Self { stream, input: bytes::BytesMut::new() }
    }

    pub async fn call_as(address: SocketAddr, caller: Caller) -> Self {
        let mut raw = Self::open(address).await;
        raw.send(&frame(&Hello::new(caller)).unwrap()).await;
        raw
    }

    pub async fn send(&mut self, bytes: &[u8]) {
        // The node may close the connection meanwhile: what it does then is what is tested.
        let _closed = self.stream.write_all(bytes).await;
    }

    /// The next answer; nothing when the node has closed the connection.
    pub async fn answer(&mut self) -> Option<(u32, KvResponse)> {
        let mut decoder = FrameDecoder { bytes_max: 1000 };
        loop {
            if let Some(payload) = decoder.decode(&mut self.input).unwrap() {
                return Some(decode(&payload).unwrap());
            }
            let read = tokio::time::timeout(PATIENCE, self.stream.read_buf(&mut self.input)).await;
            if matches!(read.expect("an answer, or the end"), Ok(0) | Err(_)) {
                return None;
            }
        }
    }
}

pub fn request(number: u32, request: KvRequest) -> Vec<u8> {
    frame(&(number, request)).unwrap()
}
