//! `tribunal`: controller, node server and node agent in one static file.

use clap::Parser;
use harness::cli::Cli;
use std::process::ExitCode;

/// What a shell expects of wrong usage; clap's own 2 means "unknown" here.
const USAGE: u8 = 64;

fn main() -> ExitCode {
    match Cli::try_parse() {
        Ok(cli) => harness::commands::execute(cli.command),
        Err(error) => {
            // A closed pipe is the reader's choice, not our failure.
            let _ = error.print();
            ExitCode::from(if error.use_stderr() { USAGE } else { 0 })
        }
    }
}
