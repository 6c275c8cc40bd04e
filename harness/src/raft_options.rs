//! Raft as the command line asks for it: the options that its catalogue entry lists.

use crate::exit::Failure;
use crate::suggest;
use targets::catalogue::PlantedBug;
use targets::links::NodeId;
use targets::raft::{Bug, RaftConfig, Reads};

/// The configuration of every node of a cluster.
pub fn raft_config(
    nodes: u8,
    bug: Option<&PlantedBug>,
    options: &[(&'static str, String)],
) -> Result<RaftConfig, Failure> {
    let bug = match bug {
        None => None,
        Some(bug) => Some(Bug::named(bug.name).ok_or_else(|| {
            Failure::Internal(format!("bug {} is listed but cannot be planted", bug.name))
        })?),
    };
    let voters = (0..nodes).map(NodeId).collect();
    let mut config = RaftConfig { bug, ..RaftConfig::of(voters) };
    for (name, value) in options {
        set(&mut config, name, value)?;
    }
    Ok(config)
}

/// Sets one of Raft's options, see [`targets::catalogue`].
fn set(config: &mut RaftConfig, name: &str, value: &str) -> Result<(), Failure> {
    let number = || {
        let number = value.parse().ok().filter(|number| (1..=1_000_000).contains(number));
        number.ok_or_else(|| {
            let hint = "expected a number from 1 to 1000000";
            Failure::Usage(format!("--set {name}={value}: {hint}\nsee: tribunal show raft"))
        })
    };
    match name {
        "reads" => {
            config.reads = match value {
                "index" => Reads::Index,
                "lease" => Reads::Lease,
                _ => {
                    let list = "tribunal show raft";
                    let known = ["index", "lease"];
                    let text = suggest::unknown("way to read", value, known, list);
                    return Err(Failure::Usage(text));
                }
            }
        }
        "election-timeout" => config.election_timeout_ms = number()?,
        "heartbeat" => config.heartbeat_ms = number()?,
        "snapshot-every" => config.snapshot_every_entries = number()?,
        other => {
            return Err(Failure::Internal(format!("option {other} is listed but cannot be set")));
        }
    }
    Ok(())
}
