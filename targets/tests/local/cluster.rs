//! A cluster of echo servers, and a client in the clients' network.

use std::net::UdpSocket;
use std::path::Path;
use std::time::{Duration, Instant};
use targets::environment::{Environment, LinkSeen, NodeEvent, NodeNews};
use targets::links::{Endpoint, Link, LinkMatrix, NodeId};
use targets::local::enclosure::Enclosed;
use targets::local::{Fabric, Local, LocalSpec};
use targets::seed::Seed;

/// Longer than anything takes that happens at all.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) const N1: Endpoint = Endpoint::Node(NodeId(0));
pub(crate) const N2: Endpoint = Endpoint::Node(NodeId(1));

pub(crate) fn spec(nodes: u8, fabric: Fabric, folder: &Path) -> LocalSpec {
    LocalSpec {
        nodes,
        run_dir: folder.to_owned(),
        program: std::env::current_exe().unwrap(),
        args: vec!["--node".into()],
        environment: Vec::new(),
        node_file: Box::new(|node, addresses| {
            addresses[usize::from(node.0)].to_string().into_bytes()
        }),
        parse_status: |line| (line == "serving").then_some(NodeEvent::Serving),
        seed: Seed(7),
        fabric,
    }
}

/// A cluster whose nodes do not run.
pub(crate) fn build(nodes: u8, enclosed: Enclosed, folder: &Path) -> Local {
    match Local::build(spec(nodes, Fabric::Namespaces(enclosed), folder)) {
        Ok(local) => local,
        Err(error) => {
            println!("skipped: {error}");
            std::process::exit(i32::from(crate::SKIPPED));
        }
    }
}

/// A cluster that serves.
pub(crate) fn running(nodes: u8, enclosed: Enclosed, folder: &Path) -> Local {
    let mut local = build(nodes, enclosed, folder);
    start_all(&mut local);
    local
}

pub(crate) fn start_all(local: &mut Local) {
    for node in 0..local.nodes() {
        local.start(NodeId(node)).unwrap();
    }
    let nodes = usize::from(local.nodes());
    let mut serving = 0;
    await_true("all nodes serve", || {
        let news = local.news();
        serving += news.iter().filter(|news| news.what == NodeEvent::Serving).count();
        serving == nodes
    });
}

/// Waits for the first news of a node.
pub(crate) fn await_news(local: &mut Local, node: NodeId) -> NodeNews {
    let mut found = None;
    await_true("there is news", || {
        found = local.news().into_iter().find(|news| news.node == node);
        found.is_some()
    });
    found.unwrap()
}

pub(crate) fn await_true(what: &str, mut is_true: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_true() {
        assert!(Instant::now() < deadline, "in vain: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Sets one link, and all others clear.
pub(crate) fn set_one(local: &mut Local, from: Endpoint, to: Endpoint, link: Link) {
    let mut matrix = LinkMatrix::clear(local.nodes());
    *matrix.link_mut(from, to) = link;
    local.set_links(&matrix).unwrap();
}

pub(crate) fn heal(local: &mut Local) {
    local.set_links(&LinkMatrix::clear(local.nodes())).unwrap();
}

pub(crate) fn seen_of(seen: &[LinkSeen], from: Endpoint, to: Endpoint) -> LinkSeen {
    *seen.iter().find(|link| link.from == from && link.to == to).unwrap()
}

/// A client of n1, in the clients' network.
pub(crate) struct Echo(UdpSocket);

impl Echo {
    pub(crate) fn open(local: &Local) -> Self {
        let (network, server) = (local.clients_network(), local.addresses()[0]);
        let socket = std::thread::spawn(move || {
            network.enter().unwrap();
            let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
            socket.connect(server).unwrap();
            socket
        });
        Self(socket.join().unwrap())
    }

    /// Sends datagrams, never more at a time than the sockets on their way can hold: it waits until
    /// the switch has counted them.
    pub(crate) fn send(&self, local: &Local, datagrams: &[Vec<u8>]) {
        let handled = || {
            let seen = local.link_counters(Endpoint::Clients, N1);
            (seen.passed + seen.dropped).max(seen.delayed)
        };
        let before = handled();
        for (number, datagram) in datagrams.iter().enumerate() {
            self.0.send(datagram).unwrap();
            if number % 16 == 15 || number + 1 == datagrams.len() {
                await_true("the switch has the datagrams", || handled() > before + number as u64);
            }
        }
    }

    /// Sends without looking at the switch.
    pub(crate) fn send_blindly(&self, datagram: &[u8]) {
        self.0.send(datagram).unwrap();
    }

    /// What comes back until `count` datagrams are there.
    pub(crate) fn receive(&self, count: usize) -> Vec<Vec<u8>> {
        self.0.set_read_timeout(Some(PATIENCE)).unwrap();
        (0..count)
            .map(|number| self.next().unwrap_or_else(|| panic!("only {number} came")))
            .collect()
    }

    /// What comes back while nothing is awaited.
    pub(crate) fn receive_for(&self, time: Duration) -> Vec<Vec<u8>> {
        self.0.set_read_timeout(Some(time)).unwrap();
        std::iter::from_fn(|| self.next()).collect()
    }

    fn next(&self) -> Option<Vec<u8>> {
        let mut buffer = [0; 2048];
        let length = self.0.recv(&mut buffer).ok()?;
        Some(buffer[..length].to_vec())
    }
}

/// Datagrams that hold their number, padded to `bytes`.
pub(crate) fn numbered(count: u32, bytes: usize) -> Vec<Vec<u8>> {
    let datagram = |number: u32| {
        let mut datagram = number.to_be_bytes().to_vec();
        datagram.resize(bytes.max(4), 0);
        datagram
    };
    (0..count).map(datagram).collect()
}
