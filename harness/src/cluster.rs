//! A bundled target's cluster: built, started, and serving.

use crate::exit::Failure;
use crate::request::Request;
use crate::store::RunDir;
use nemesis::sweep;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use targets::environment::{Environment, NodeEvent, NodeNews};
use targets::links::NodeId;
use targets::local::{ClientsNetwork, Fabric, Local, LocalSpec, NodeFile};
use targets::node::{NodeConfig, parse_status};
use targets::protocol::Note;

/// How long the nodes may take until all of them serve.
const SERVING_WITHIN: Duration = Duration::from_secs(10);

/// A cluster that serves and has a leader.
#[derive(Debug)]
pub struct Cluster {
    /// Where its nodes live.
    pub environment: Local,
    /// Where its nodes serve.
    pub addresses: Arc<[SocketAddr]>,
    /// Where its clients live.
    pub network: ClientsNetwork,
    /// What nodes said before the run began.
    pub news: Vec<NodeNews>,
}

/// Builds the cluster, starts every node, and waits until all serve and one leads.
pub fn start(
    request: &Request,
    run: &RunDir,
    fabric: Fabric,
    tag: &str,
) -> Result<Cluster, Failure> {
    let program = std::env::current_exe()
        .map_err(|error| Failure::SetUp(format!("the path of this program is unknown: {error}")))?;
    let spec = LocalSpec {
        nodes: request.args.nodes,
        run_dir: folder(run)?,
        program,
        args: vec!["node".into()],
        environment: vec![(sweep::RUN_TAG.into(), tag.into())],
        node_file: node_file(request, run)?,
        parse_status,
        seed: request.seed,
        fabric,
    };
    let mut environment = Local::build(spec).map_err(|error| Failure::SetUp(error.to_string()))?;
    for node in 0..request.args.nodes {
        environment.start(NodeId(node)).map_err(|error| Failure::SetUp(error.to_string()))?;
    }
    let news = await_leader(&mut environment, run)?;
    let addresses = environment.addresses().into();
    let network = environment.clients_network();
    Ok(Cluster { environment, addresses, network, news })
}

/// Removes what the nodes wrote to their disks, unless it shall be kept.
pub fn remove_data(request: &Request, run: &RunDir) {
    if request.args.keep_data {
        return;
    }
    for node in (0..request.args.nodes).map(NodeId) {
        // A folder that stays is a nuisance, and no reason to lose the verdict.
        let _ = fs::remove_dir_all(run.file("nodes").join(node.to_string()).join("data"));
    }
}

/// The run's folder for nodes, which are started in folders of their own.
fn folder(run: &RunDir) -> Result<PathBuf, Failure> {
    std::path::absolute(run.path())
        .map_err(|error| Failure::SetUp(format!("{}: {error}", run.path().display())))
}

/// Says what stands in a node's file.
fn node_file(request: &Request, run: &RunDir) -> Result<NodeFile, Failure> {
    let internal = |error: serde_json::Error| Failure::Internal(error.to_string());
    let options = serde_json::to_value(&request.raft).map_err(internal)?;
    let (seed, nodes) = (request.seed, folder(run)?.join("nodes"));
    let protocol = request.target.name.to_owned();
    Ok(Box::new(move |me, addresses| {
        let config = NodeConfig {
            me,
            nodes: addresses.to_vec(),
            data_dir: nodes.join(me.to_string()).join("data"),
            seed,
            protocol: protocol.clone(),
            options: options.clone(),
        };
        serde_json::to_vec_pretty(&config).expect("a configuration holds nothing but data")
    }))
}

/// Waits until every node serves and one of them leads, so that a run begins with a cluster that
/// works.
fn await_leader(environment: &mut Local, run: &RunDir) -> Result<Vec<NodeNews>, Failure> {
    let deadline = Instant::now() + SERVING_WITHIN;
    let mut serving = vec![false; usize::from(environment.nodes())];
    let mut heard = Vec::new();
    let mut leading = false;
    while !(leading && serving.iter().all(|serves| *serves)) {
        for news in environment.news() {
            match &news.what {
                NodeEvent::Serving => serving[usize::from(news.node.0)] = true,
                NodeEvent::Note(Note::Leading { .. }) => leading = true,
                NodeEvent::Note(_) | NodeEvent::Members { .. } => {}
                NodeEvent::Died { how } => return Err(did_not_start(run, news.node, how)),
            }
            heard.push(news);
        }
        if Instant::now() > deadline {
            let silent = serving.iter().position(|serves| !serves).unwrap_or_default();
            let how = format!("it does not serve, or nobody leads, after {SERVING_WITHIN:?}");
            return Err(did_not_start(run, NodeId(silent as u8), &how));
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok(heard)
}

fn did_not_start(run: &RunDir, node: NodeId, how: &str) -> Failure {
    let log = run.file("nodes").join(node.to_string()).join("stderr.log");
    Failure::SetUp(format!("node {node} did not start: {how}\n{}", last_lines(&log)))
}

/// The end of a node's log, for an error message.
fn last_lines(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().rev().take(5).collect();
    let lines: Vec<String> = lines.iter().rev().map(|l| crate::screen::harmless(l)).collect();
    format!("its log, {}, ends:\n{}", log.display(), lines.join("\n"))
}
