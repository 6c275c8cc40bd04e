//! Scenarios as scripts: what is done to a cluster, and everything that it does in return.
//!
//! One script is one scenario, named as a sentence, in `tests/raft/scripts`. After each command the
//! replies and notes that came since the last one are printed. The expected output is written by
//! `UPDATE_GOLDENFILES=1 cargo test -p targets --test raft`, and read by whoever changes it.

use crate::support::{Cluster, MS, World};
use goldenscript::Context;
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use targets::kv::{KvRequest, KvResponse};
use targets::links::NodeId;
use targets::protocol::{Note, RequestId};
use targets::raft::{Bug, Raft, RaftConfig, RaftRequest, RaftTimer, Reads};

/// What a script may do. A node is written `n1`, a group of nodes `n1_n2`.
#[derive(goldenscript::Command)]
enum Command {
    /// Begins: so many hosts, the first `voters` of which vote.
    Cluster {
        hosts: u8,
        #[arg(key)]
        voters: Option<u8>,
        #[arg(key)]
        bug: Option<String>,
        #[arg(key, optional)]
        lease: bool,
        #[arg(key)]
        snapshot: Option<u64>,
    },
    /// Lets time pass, in milliseconds.
    Run(u64),
    /// Lets a node campaign as if it had heard nobody for long, until it leads or 18 ms are over.
    Elect(String),
    /// Lets a node's clock run ahead, so that it campaigns; the others' clocks do not.
    Hasten(String),
    /// Cuts every link between these groups.
    Partition(Vec<String>),
    /// Mends every link.
    Heal,
    /// Cuts the links out of a node; those into it stay.
    Mute(String),
    /// Kills nodes.
    Kill(String),
    /// Starts nodes.
    Start(String),
    Read {
        node: String,
        key: i64,
    },
    Write {
        node: String,
        key: i64,
        value: i64,
    },
    Cas {
        node: String,
        key: i64,
        from: i64,
        to: i64,
    },
    Add {
        node: String,
        added: String,
    },
    Remove {
        node: String,
        removed: String,
    },
    /// So many writes, one after another, to key 9.
    Fill {
        node: String,
        count: i64,
    },
    /// What every node knows.
    Status,
}

#[derive(Default)]
struct Scenario {
    cluster: Option<Cluster>,
    asked: BTreeMap<RequestId, String>,
    replies_read: usize,
    notes_read: usize,
}

impl goldenscript::Runner for Scenario {
    type Command = Command;

    fn run(&mut self, command: &Command, _: &Context) -> Result<String, Box<dyn Error>> {
        if let Command::Cluster { hosts, voters, bug, lease, snapshot } = command {
            let mut config = RaftConfig::of((0..voters.unwrap_or(*hosts)).map(NodeId).collect());
            let named = |name: &String| Bug::named(name).ok_or(format!("no bug {name}"));
            config.bug = bug.as_ref().map(named).transpose()?;
            config.reads = if *lease { Reads::Lease } else { Reads::Index };
            config.snapshot_every_entries = snapshot.unwrap_or(config.snapshot_every_entries);
            self.cluster = Some(Cluster::new(*hosts, config, World::CALM, 1));
            return Ok(String::new());
        }
        self.act(command)?;
        let mut output = self.news();
        if let Command::Status = command {
            output += &self.status();
        }
        Ok(output)
    }
}

impl Scenario {
    fn act(&mut self, command: &Command) -> Result<(), Box<dyn Error>> {
        let cluster = self.cluster.as_mut().ok_or("a script begins with a cluster")?;
        match command {
            Command::Cluster { .. } | Command::Status => {}
            Command::Run(ms) => cluster.run_for(ms * MS),
            Command::Elect(name) => elect(cluster, node(name)?),
            Command::Hasten(name) => hasten(cluster, node(name)?),
            Command::Partition(groups) => {
                let groups: Result<Vec<_>, _> = groups.iter().map(|g| nodes(g)).collect();
                cluster.partition(&groups?);
            }
            Command::Heal => cluster.cut.clear(),
            Command::Mute(name) => {
                let from = node(name)?;
                cluster.cut.extend(cluster.nodes().map(|to| (from, to)));
            }
            Command::Kill(names) => nodes(names)?.into_iter().for_each(|n| cluster.kill(n)),
            Command::Start(names) => nodes(names)?.into_iter().for_each(|n| cluster.start(n)),
            Command::Read { node, key } => {
                self.ask(node, RaftRequest::Kv(KvRequest::Read { key: *key }))?;
            }
            Command::Write { node, key, value } => {
                let request = KvRequest::Write { key: *key, value: *value };
                self.ask(node, RaftRequest::Kv(request))?;
            }
            Command::Cas { node, key, from, to } => {
                let request = KvRequest::Cas { key: *key, from: *from, to: *to };
                self.ask(node, RaftRequest::Kv(request))?;
            }
            Command::Add { node: to, added } => {
                self.ask(to, RaftRequest::AddServer(node(added)?))?;
            }
            Command::Remove { node: to, removed } => {
                self.ask(to, RaftRequest::RemoveServer(node(removed)?))?;
            }
            Command::Fill { node: to, count } => {
                let to = node(to)?;
                for value in 0..*count {
                    cluster.request(to, RaftRequest::Kv(KvRequest::Write { key: 9, value }));
                }
            }
        }
        Ok(())
    }

    fn ask(&mut self, to: &str, request: RaftRequest) -> Result<(), Box<dyn Error>> {
        let cluster = self.cluster.as_mut().ok_or("a script begins with a cluster")?;
        let id = cluster.request(node(to)?, request).ok_or(format!("{to} is down"))?;
        let what = match request {
            RaftRequest::Kv(KvRequest::Read { key }) => format!("{to}: read {key}"),
            RaftRequest::Kv(KvRequest::Write { key, value }) => {
                format!("{to}: write {key}={value}")
            }
            RaftRequest::Kv(KvRequest::Cas { key, from, to: value }) => {
                format!("{to}: cas {key} {from}->{value}")
            }
            RaftRequest::AddServer(added) => format!("{to}: add {added}"),
            RaftRequest::RemoveServer(removed) => format!("{to}: remove {removed}"),
        };
        self.asked.insert(id, what);
        Ok(())
    }

    fn news(&mut self) -> String {
        let mut output = String::new();
        let Some(cluster) = &self.cluster else { return output };
        for (node, note) in &cluster.notes[self.notes_read..] {
            let line = match note {
                Note::Leading { term } => writeln!(output, "{node} leads term {term}"),
                Note::Following { term } => writeln!(output, "{node} steps down in term {term}"),
                Note::Sometimes { place } => writeln!(output, "{node} {place}"),
            };
            line.expect("a string can be written to");
        }
        for (id, response) in &cluster.replies[self.replies_read..] {
            let Some(asked) = self.asked.get(id) else { continue };
            let answer = match response {
                KvResponse::Value(Some(value)) => value.to_string(),
                KvResponse::Value(None) => "nothing".to_owned(),
                KvResponse::NotLeader { hint: Some(hint) } => format!("not leader, ask {hint}"),
                KvResponse::NotLeader { hint: None } => "not leader".to_owned(),
                other => format!("{other:?}").to_lowercase(),
            };
            writeln!(output, "{asked} -> {answer}").expect("a string can be written to");
        }
        self.notes_read = cluster.notes.len();
        self.replies_read = cluster.replies.len();
        output
    }

    fn status(&self) -> String {
        let Some(cluster) = &self.cluster else { return String::new() };
        let line = |node: NodeId| match cluster.raft(node) {
            Some(raft) => format!("{node} {}\n", describe(raft)),
            None => format!("{node} is down\n"),
        };
        cluster.nodes().map(line).collect()
    }
}

fn describe(raft: &Raft) -> String {
    let role = if raft.is_leader() { "leads" } else { "follows" };
    let last = raft.last().index;
    let terms: Vec<String> = (last.saturating_sub(7)..=last)
        .filter_map(|index| raft.entry(index).map(|entry| entry.term.to_string()))
        .collect();
    let voters: Vec<String> = raft.voters().iter().map(ToString::to_string).collect();
    let (term, commit) = (raft.term(), raft.commit());
    let (terms, voters) = (terms.join(" "), voters.join(","));
    format!("{role} term={term} commit={commit} last={last} terms=[{terms}] voters={voters}")
}

/// Nobody heard a leader for longer than the promise to it lasts; this node noticed first. Its
/// first attempt may only teach it a later term.
fn elect(cluster: &mut Cluster, node: NodeId) {
    for _ in 0..3 {
        for any in cluster.nodes() {
            cluster.jump_clock(any, 260 * MS);
        }
        hasten(cluster, node);
        for _ in 0..60 {
            if cluster.raft(node).is_some_and(Raft::is_leader) {
                return;
            }
            cluster.run_for(MS / 10);
        }
    }
}

/// Lets a node's clock run ahead past any election timeout.
fn hasten(cluster: &mut Cluster, node: NodeId) {
    cluster.jump_clock(node, 600 * MS);
    cluster.fire(node, RaftTimer::Election);
}

fn node(name: &str) -> Result<NodeId, Box<dyn Error>> {
    let number: u8 = name.strip_prefix('n').ok_or(format!("{name} is no node"))?.parse()?;
    Ok(NodeId(number - 1))
}

fn nodes(names: &str) -> Result<Vec<NodeId>, Box<dyn Error>> {
    names.split('_').map(node).collect()
}

#[test]
fn every_scenario_goes_as_written() -> std::io::Result<()> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/raft/scripts");
    let mut scripts: Vec<_> = std::fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<std::io::Result<_>>()?;
    scripts.sort();
    assert!(!scripts.is_empty(), "{folder} holds the scenarios");
    for script in scripts {
        println!("{}", script.display());
        goldenscript::run(&mut Scenario::default(), script)?;
    }
    Ok(())
}
