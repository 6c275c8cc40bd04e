//! `tribunal node`: one node of a bundled target, as the controller starts it.

use crate::request;
use std::path::Path;
use std::process::ExitCode;
use targets::node::{NodeConfig, NodeError, run};
use targets::raft::{Raft, RaftConfig};

/// Runs a node until it is killed or cannot go on.
pub(super) fn node(file: &Path) -> ExitCode {
    match serve(file) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tribunal node: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(file: &Path) -> Result<(), NodeError> {
    let config = NodeConfig::read(file)?;
    let refuse = |reason: String| NodeError::Config { path: file.to_owned(), reason };
    match config.protocol.as_str() {
        "raft" => {
            let options = config.options.clone();
            let options: RaftConfig =
                serde_json::from_value(options).map_err(|error| refuse(error.to_string()))?;
            run::<Raft>(config, options)
        }
        other => Err(match request::target(other) {
            Err(unknown) => refuse(unknown.to_string()),
            Ok(_) => refuse(format!("{other} is no protocol that a node can run")),
        }),
    }
}
