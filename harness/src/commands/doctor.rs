//! `tribunal doctor`: what this machine can do, tried out and not guessed, and how to get the rest.

use crate::exit::{Ending, Failure};
use crate::screen::{listing, say};
use targets::local::doctor::{State, examine};
use targets::local::refusal::Facts;

/// Tries everything. Ends with code 2 when something is missing: runs then fall back.
pub(super) fn doctor() -> Result<Ending, Failure> {
    let facts = Facts::read();
    let mut missing = false;
    let rows: Vec<[String; 3]> = examine(&facts)
        .into_iter()
        .map(|finding| {
            let state = match finding.state {
                State::Works => "works".to_owned(),
                State::NotNeeded => "not needed as root".to_owned(),
                State::Refused(refused) => {
                    missing = true;
                    format!("REFUSED: {refused}")
                }
                State::Behind(piece) => {
                    missing = true;
                    format!("not tried: needs {}", piece.name())
                }
            };
            [finding.piece.name().to_owned(), finding.needed_for.to_owned(), state]
        })
        .collect();
    let kernel = facts.kernel.as_deref().unwrap_or("unknown");
    let user = if facts.uid == 0 { "root".to_owned() } else { format!("user {}", facts.uid) };
    let summary = if missing {
        "`tribunal run` falls back to plain processes on loopback: kill and pause faults only"
    } else {
        "every fault of the environment `local` can be had here"
    };
    say(&format!(
        "kernel {kernel}, {user}\n\n{}\n\n{summary}",
        listing(["capability", "needed for", "state"], &rows)
    ));
    Ok(if missing { Ending::Unknown } else { Ending::Valid })
}
