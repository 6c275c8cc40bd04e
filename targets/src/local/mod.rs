//! The environment `local`: every node is a process in a network namespace of its own, and a packet
//! switch of our own joins them. No root is needed, and nothing outlives the controller.
//!
//! ```text
//!   enclosure   process namespace: the controller is process 1, a guardian waits outside
//!   namespace   network namespaces, cables, addresses (netlink, raw)
//!   switch      carries packets between the cables and does to them what the link matrix says
//!   process     nodes: start, kill, pause, resume; output: what they say
//!   probe       real packets over every link, to see what it does
//!   doctor      which of this the machine grants; refusal: why not, and how to get it
//! ```
//!
//! Where namespaces are refused, [`Fabric::Loopback`] runs the same processes on 127.0.0.1: they
//! can be killed and paused, and links cannot be touched, which [`Environment::capabilities`] says.
//!
//! Tear-down is `Drop`: nodes are killed, the switch stops, and the namespaces go with the last
//! descriptor. `kill -9` of the controller does the same by the kernel's hand.

pub mod doctor;
pub mod enclosure;
mod namespace;
mod netlink;
mod output;
mod probe;
mod process;
pub mod refusal;
mod switch;
mod sys;

pub use namespace::NODES_MAX;

use crate::environment::{
    Capabilities, Environment, EnvironmentError, LinkCounters, LinkSeen, NodeEvent, NodeNews,
    ProcessSeen,
};
use crate::links::{Endpoint, LinkMatrix, NodeId};
use crate::seed::Seed;
use enclosure::Enclosed;
use nix::sched::{CloneFlags, setns};
use output::NewsDesk;
use probe::Prober;
use process::{Node, Nursery, Program};
use refusal::Refused;
use socket2::{Domain, Socket, Type};
use std::ffi::OsString;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use switch::Switch;

/// The port on which every node of a namespaced cluster serves.
pub const NODE_PORT: u16 = 7000;

/// How nodes are joined.
#[derive(Clone, Copy, Debug)]
pub enum Fabric {
    /// By the packet switch. Needs the enclosure.
    Namespaces(Enclosed),
    /// By the loopback interface; links cannot be touched.
    Loopback,
}

/// Writes a node's file, given the node and where every node serves.
pub type NodeFile = Box<dyn Fn(NodeId, &[SocketAddr]) -> Vec<u8> + Send>;

/// What a cluster is built from.
pub struct LocalSpec {
    /// The number of nodes, 1 to [`NODES_MAX`].
    pub nodes: u8,
    /// The run's folder; every node gets `nodes/<node>/` in it.
    pub run_dir: PathBuf,
    /// The program of a node. It is started in the node's folder, so the path should be absolute.
    pub program: PathBuf,
    /// Its arguments, before the path of the node's file.
    pub args: Vec<OsString>,
    /// Environment variables that mark its processes as the run's.
    pub environment: Vec<(OsString, OsString)>,
    /// Writes a node's file, given where every node serves.
    pub node_file: NodeFile,
    /// Understands the lines that a node prints on its standard output.
    pub parse_status: fn(&str) -> Option<NodeEvent>,
    /// The run's seed, from which links draw.
    pub seed: Seed,
    /// How nodes are joined.
    pub fabric: Fabric,
}

impl fmt::Debug for LocalSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("LocalSpec");
        debug.field("nodes", &self.nodes).field("run_dir", &self.run_dir);
        debug.field("program", &self.program).field("args", &self.args);
        debug.field("seed", &self.seed).field("fabric", &self.fabric).finish_non_exhaustive()
    }
}

/// Why a cluster could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The machine does not grant it: build with [`Fabric::Loopback`] instead, and say so.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The specification asks for what cannot be.
    #[error("{nodes} nodes: a local cluster has 1 to {NODES_MAX}")]
    Nodes {
        /// What was asked.
        nodes: u8,
    },
    /// A folder or file of the run cannot be made.
    #[error("{}: {error}; choose another store folder", .path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// No port is free on the loopback interface.
    #[error("a port of 127.0.0.1 for {node}: {error}; end programs that hold many ports")]
    Port {
        /// For which node.
        node: NodeId,
        /// Why.
        error: std::io::Error,
    },
    /// A socket for probes cannot be opened.
    #[error("the probe socket of {endpoint}: {error}")]
    ProbeSocket {
        /// Whose.
        endpoint: Endpoint,
        /// Why.
        error: std::io::Error,
    },
    /// The system gives no thread or pipe.
    #[error("a thread of the controller: {0}; raise the limits of processes and open files")]
    Thread(std::io::Error),
}

/// The part that only a namespaced cluster has. The switch comes first, to be dropped first.
#[derive(Debug)]
struct Network {
    switch: Switch,
    prober: Prober,
    clients: Arc<OwnedFd>,
    matrix: LinkMatrix,
}

/// A local cluster.
#[derive(Debug)]
pub struct Local {
    nodes: Vec<Node>,
    nursery: Nursery,
    program: Program,
    desk: Arc<NewsDesk>,
    addresses: Vec<SocketAddr>,
    network: Option<Network>,
    is_enclosed: bool,
    /// Sockets that keep the loopback ports of nodes that do not run from being given to others.
    _reserved: Vec<Socket>,
}

/// The network in which clients live. Threads that enter it open their sockets there.
#[derive(Clone, Debug)]
pub struct ClientsNetwork(Option<Arc<OwnedFd>>);

impl ClientsNetwork {
    /// Moves the calling thread there, for good. Sockets that it opened before stay where they are.
    /// Without namespaces there is nowhere to go, and nothing happens.
    ///
    /// # Errors
    /// What setns(2) says; not if the controller is enclosed.
    pub fn enter(&self) -> std::io::Result<()> {
        match &self.0 {
            Some(namespace) => Ok(setns(namespace, CloneFlags::CLONE_NEWNET)?),
            None => Ok(()),
        }
    }
}

impl Local {
    /// Builds a cluster whose nodes do not run yet.
    ///
    /// # Errors
    /// What is missing and what to do; nothing is left behind but folders.
    pub fn build(spec: LocalSpec) -> Result<Self, BuildError> {
        let LocalSpec { nodes, run_dir, node_file, parse_status, seed, fabric, .. } = spec;
        if nodes == 0 || nodes > NODES_MAX {
            return Err(BuildError::Nodes { nodes });
        }
        let ids = || (0..nodes).map(NodeId);
        let is_enclosed = matches!(fabric, Fabric::Namespaces(_));
        let (network, namespaces, reserved, addresses);
        if is_enclosed {
            let world = namespace::build(nodes)?;
            let at = |id| SocketAddr::from((namespace::address(Endpoint::Node(id)), NODE_PORT));
            addresses = ids().map(at).collect::<Vec<_>>();
            let switch = Switch::start(world.ports, nodes, seed).map_err(BuildError::Thread)?;
            let prober = Prober::new(world.probes, nodes);
            let clients = Arc::clone(&world.endpoints[usize::from(nodes)]);
            network = Some(Network { switch, prober, clients, matrix: LinkMatrix::clear(nodes) });
            namespaces = world.endpoints.into_iter().map(Some).collect::<Vec<_>>();
            reserved = Vec::new();
        } else {
            (reserved, addresses) =
                ids().map(reserve_port).collect::<Result<(Vec<_>, Vec<_>), _>>()?;
            network = None;
            namespaces = vec![None; usize::from(nodes)];
        }
        let nodes_dir = run_dir.join("nodes");
        let places = ids().zip(namespaces).map(|(id, namespace)| {
            let folder = nodes_dir.join(id.to_string());
            write_node_file(&folder, &node_file(id, &addresses))?;
            Ok(Node::new(id, folder, namespace))
        });
        Ok(Self {
            nodes: places.collect::<Result<_, BuildError>>()?,
            nursery: Nursery::open().map_err(BuildError::Thread)?,
            program: Program { path: spec.program, args: spec.args, environment: spec.environment },
            desk: Arc::new(NewsDesk::new(nodes, parse_status)),
            addresses,
            network,
            is_enclosed,
            _reserved: reserved,
        })
    }

    /// Where every node serves its peers and its clients.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The network in which clients have to be, so that their links can be cut too.
    pub fn clients_network(&self) -> ClientsNetwork {
        ClientsNetwork(self.network.as_ref().map(|network| Arc::clone(&network.clients)))
    }

    /// Packets that the switch lost although no fault asked for it, because the machine was too
    /// busy.
    pub fn switch_overflows(&self) -> u64 {
        self.network.as_ref().map_or(0, |network| network.switch.overflows())
    }

    /// News that were thrown away because [`Environment::news`] was not called for too long.
    pub fn news_lost(&self) -> u64 {
        self.desk.lost()
    }

    fn node(&mut self, node: NodeId) -> Result<&mut Node, EnvironmentError> {
        let count = self.nodes.len();
        self.nodes.get_mut(usize::from(node.0)).ok_or_else(|| EnvironmentError::Failed {
            what: format!("finding {node}"),
            reason: format!("the cluster has {count} nodes"),
        })
    }

    fn network(&mut self, what: &'static str) -> Result<&mut Network, EnvironmentError> {
        let reason = NO_LINKS.to_owned();
        self.network.as_mut().ok_or(EnvironmentError::Unsupported { what, reason })
    }

    /// Reports deaths that nobody ordered.
    fn notice_deaths(&mut self) {
        for (number, node) in self.nodes.iter_mut().enumerate() {
            if let Some(death) = node.death() {
                self.desk.add(NodeId(number as u8), node.generation(), death);
            }
        }
        if self.is_enclosed {
            process::bury_orphans(&self.nodes);
        }
    }
}

const NO_LINKS: &str =
    "nodes share the loopback interface; `tribunal doctor` says what network namespaces need";

impl Environment for Local {
    fn nodes(&self) -> u8 {
        self.nodes.len() as u8
    }

    fn capabilities(&self) -> Capabilities {
        let links = if self.network.is_some() { Ok(()) } else { Err(NO_LINKS.to_owned()) };
        let only_simulated = "only the simulated world has it so far (--on sim)";
        Capabilities { process: Ok(()), pause: Ok(()), links, ..Capabilities::none(only_simulated) }
    }

    fn start(&mut self, node: NodeId) -> Result<ProcessSeen, EnvironmentError> {
        // A node that has died by itself may be started again: its death is noticed first.
        self.notice_deaths();
        self.node(node)?;
        self.nodes[usize::from(node.0)].start(&self.program, &self.nursery, &self.desk)
    }

    fn kill(&mut self, node: NodeId) -> Result<ProcessSeen, EnvironmentError> {
        self.notice_deaths();
        self.node(node)?.kill()
    }

    fn pause(&mut self, node: NodeId) -> Result<ProcessSeen, EnvironmentError> {
        self.notice_deaths();
        self.node(node)?.pause()
    }

    fn resume(&mut self, node: NodeId) -> Result<ProcessSeen, EnvironmentError> {
        self.notice_deaths();
        self.node(node)?.resume()
    }

    fn set_links(&mut self, matrix: &LinkMatrix) -> Result<(), EnvironmentError> {
        let network = self.network("setting links")?;
        assert_eq!(matrix.nodes(), network.matrix.nodes(), "the matrix is of this cluster");
        network.switch.set(matrix).map_err(|error| EnvironmentError::Failed {
            what: "setting links".to_owned(),
            reason: error.to_string(),
        })
    }

    fn probe_links(
        &mut self,
        count: u32,
        wait: Duration,
    ) -> Result<Vec<LinkSeen>, EnvironmentError> {
        self.network("probing links")?.prober.round(count, wait)
    }

    fn link_counters(&self, from: Endpoint, to: Endpoint) -> LinkCounters {
        self.network.as_ref().map_or_else(LinkCounters::default, |network| {
            let position = |endpoint| network.matrix.position(endpoint);
            network.switch.counters(position(from), position(to))
        })
    }

    fn news(&mut self) -> Vec<NodeNews> {
        self.notice_deaths();
        self.desk.take()
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        for node in &mut self.nodes {
            // A node that cannot be killed dies with the nursery, or with the process namespace.
            let _ = node.kill();
        }
    }
}

/// A free port of the loopback interface, bound but not listening: the kernel gives it to nobody
/// else, while a node, which sets SO_REUSEADDR as every server does, may listen on it.
fn reserve_port(node: NodeId) -> Result<(Socket, SocketAddr), BuildError> {
    let reserve = || {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
        let address = socket.local_addr()?.as_socket();
        Ok((socket, address.ok_or_else(|| std::io::Error::other("it has no address"))?))
    };
    reserve().map_err(|error| BuildError::Port { node, error })
}

fn write_node_file(folder: &Path, bytes: &[u8]) -> Result<(), BuildError> {
    let at = |path: PathBuf| move |error| BuildError::Folder { path, error };
    std::fs::create_dir_all(folder).map_err(at(folder.to_owned()))?;
    let path = process::node_file(folder);
    std::fs::write(&path, bytes).map_err(at(path.clone()))
}
