//! One file a command.

mod check;
mod doctor;
mod heal;
mod hunt;
mod list;
mod matrix;
mod node;
mod replay;
mod report;
mod run;
mod show;
mod shrink;

use crate::cli::{Cli, Command};
use crate::exit::{Ending, Failure, conclude};
use crate::screen::say;
use clap::CommandFactory;
use std::process::ExitCode;

/// Does what was asked and says how it ended.
pub fn execute(command: Command) -> ExitCode {
    match command {
        Command::Run(args) => run::run(*args),
        Command::Hunt(args) => conclude(hunt::hunt(&args)),
        Command::Matrix(args) => conclude(matrix::matrix(&args)),
        Command::Replay(args) => replay::replay(&args),
        Command::Shrink(args) => conclude(shrink::shrink(&args)),
        Command::Check(args) => conclude(check::check(&args)),
        Command::Report(args) => conclude(report::report(&args)),
        Command::List(args) => conclude(list::list(&args)),
        Command::Show(args) => conclude(show::show(&args)),
        Command::Doctor => conclude(doctor::doctor()),
        Command::Heal(args) => conclude(heal::heal(&args)),
        Command::Completions { shell } => {
            let mut command = Cli::command();
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut command, "tribunal", &mut script);
            say(&String::from_utf8_lossy(&script));
            conclude(Ok(Ending::Valid))
        }
        Command::Node { file } => node::node(&file),
        Command::Agent(args) => conclude(heal::agent(&args)),
    }
}

/// Prints one JSON document.
fn print_json(document: &serde_json::Value) -> Result<Ending, Failure> {
    let text = serde_json::to_string_pretty(document)
        .map_err(|error| Failure::Internal(error.to_string()))?;
    say(&text);
    Ok(Ending::Valid)
}
