//! The driver that steps a protocol on a real machine.
//!
//! ```text
//!               +--------------------------- node ---------------------------+
//!   peers  ---> | incoming -> inboxes -> driver (owns the protocol) -> peers  | ---> peers
//!   clients <-> |                          |        |                         |
//!               |                          |        +-> status -> stdout      | ---> controller
//!               |                          +-> turn -> wal -> fdatasync       |
//!               +-------------------------------------------------------------+
//!
//!   turn, timers, wire, wal/format   pure
//!   driver, incoming, peers, wal     the rim: tokio on one thread, TCP, files
//!   call                             the other end of a client's connection
//!   in_process                       nodes on threads, for tests
//! ```
//!
//! The contract with the protocol is the order of effects (`crate::protocol`); how it is kept is
//! told in `turn`. What survives a crash is told in `wal`, what travels in `wire`.
//!
//! A node stops, and says why in one line, whenever its disk or its address cannot be had. It never
//! goes on after a failed write.

pub mod call;
mod driver;
mod in_process;
mod incoming;
mod peers;
mod sockets;
mod status;
mod timers;
mod turn;
mod wal;
pub mod wire;

pub use driver::drive;
pub use in_process::InProcessNode;
pub use status::{NOTES_PER_SECOND_MAX, Status, StatusSink, parse_status};
pub(crate) use turn::HELD_FLUSH_AFTER_NS;
pub use wal::{DiskProbe, DiskStep, WalError};

use crate::links::NodeId;
use crate::protocol::Protocol;
use crate::seed::Seed;
use serde::{Deserialize, Serialize};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use tokio::sync::oneshot;

/// The most nodes of a cluster.
pub const NODES_MAX: usize = 64;

/// How a node is set up: the file that `tribunal node FILE` reads, as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeConfig {
    /// Which node this is.
    pub me: NodeId,
    /// The address of every node, this one included; peers and clients use the same one.
    pub nodes: Vec<SocketAddr>,
    /// Where the node keeps what must survive it. Created if need be.
    pub data_dir: PathBuf,
    /// The seed of the run.
    pub seed: Seed,
    /// The name of the protocol, for whoever picks its type.
    pub protocol: String,
    /// The configuration of the protocol, in the form that it reads.
    #[serde(default)]
    pub options: serde_json::Value,
}

impl NodeConfig {
    /// Reads a configuration file.
    ///
    /// # Errors
    /// [`NodeError::Config`], which names the file and what is wrong with it.
    pub fn read(path: &Path) -> Result<Self, NodeError> {
        let refuse = |reason: String| NodeError::Config { path: path.to_owned(), reason };
        let bytes = std::fs::read(path).map_err(|error| refuse(error.to_string()))?;
        let config: Self =
            serde_json::from_slice(&bytes).map_err(|error| refuse(error.to_string()))?;
        config.check().map_err(refuse)?;
        Ok(config)
    }

    fn check(&self) -> Result<(), String> {
        let nodes = self.nodes.len();
        if nodes > NODES_MAX {
            return Err(format!("{nodes} nodes, where {NODES_MAX} are the most"));
        }
        if usize::from(self.me.0) >= nodes {
            return Err(format!("node {} is none of the {nodes} nodes", self.me));
        }
        Ok(())
    }
}

/// Why a node ended. The caller prints it and exits with code 1.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The configuration cannot be used.
    #[error("cannot use the configuration {path}: {reason}")]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The address cannot be had.
    #[error("cannot listen on {address}: {source}; stop whoever uses it, or choose another port")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The disk cannot be used, or not any more.
    #[error(transparent)]
    Disk(#[from] WalError),
    /// The system gave no thread or no event queue.
    #[error("cannot run: {0}; raise the limits of threads and open files")]
    Runtime(#[source] io::Error),
}

/// What a node is connected to besides the network.
pub struct Wiring {
    /// Where its status lines go.
    pub status: StatusSink,
    /// Who watches its disk.
    pub disk_probe: Option<DiskProbe>,
    /// A message stops the node in good order; so does the loss of the sender.
    pub stop: oneshot::Receiver<()>,
}

impl std::fmt::Debug for Wiring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let probed = self.disk_probe.is_some();
        f.debug_struct("Wiring").field("disk_probe", &probed).finish_non_exhaustive()
    }
}

/// Runs a node in this process, on the calling thread, with its status on standard output, until it
/// cannot go on. This is what `tribunal node` does once it knows the protocol's type.
///
/// # Errors
/// Whatever ended the node.
pub fn run<P: Protocol>(config: NodeConfig, protocol_config: P::Config) -> Result<(), NodeError> {
    let status = status::standard_output().map_err(NodeError::Runtime)?;
    // Nobody stops a node in good order here: its process is killed.
    let (_never, stop) = oneshot::channel();
    let wiring = Wiring { status, disk_probe: None, stop };
    runtime()?.block_on(drive::<P>(config, protocol_config, wiring))
}

/// One thread for everything, and one more for the disk.
fn runtime() -> Result<tokio::runtime::Runtime, NodeError> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().max_blocking_threads(1).build().map_err(NodeError::Runtime)
}

#[cfg(test)]
mod tests {
    use super::{NodeConfig, NodeError};
    use crate::links::NodeId;
    use crate::seed::Seed;

    fn config() -> NodeConfig {
        NodeConfig {
            me: NodeId(1),
            nodes: vec!["10.0.0.1:70".parse().unwrap(), "10.0.0.2:70".parse().unwrap()],
            data_dir: "data/n2".into(),
            seed: Seed(7),
            protocol: "raft".into(),
            options: serde_json::json!({ "reads": "lease" }),
        }
    }

    fn read(text: &str) -> Result<NodeConfig, NodeError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        NodeConfig::read(file.path())
    }

    #[test]
    fn a_configuration_survives_its_file() {
        let config = config();
        assert_eq!(read(&serde_json::to_string(&config).unwrap()).unwrap(), config);
    }

    #[test]
    fn a_configuration_that_cannot_be_used_says_what_is_wrong() {
        let wrong = |change: fn(&mut NodeConfig)| {
            let mut config = config();
            change(&mut config);
            read(&serde_json::to_string(&config).unwrap()).unwrap_err().to_string()
        };
        assert!(wrong(|config| config.me = NodeId(2)).ends_with("node n3 is none of the 2 nodes"));
        let many = wrong(|config| config.nodes = vec![config.nodes[0]; 65]);
        assert!(many.ends_with("65 nodes, where 64 are the most"));
        assert!(read("{}").unwrap_err().to_string().contains("missing field `me`"));
    }
}
