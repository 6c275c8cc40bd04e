//! The command line: flags and their meaning. What they ask for is validated by the commands.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

/// Puts distributed systems on trial: runs them, breaks what is around them, records what clients
/// saw, and decides whether they kept their promise.
#[derive(Debug, Parser)]
#[command(name = "tribunal", version, max_term_width = 100, arg_required_else_help = true)]
#[command(after_help = "Exit codes: 0 valid, 1 violation, 2 unknown, 3 nothing to do, 10 set-up \
failed, 11 control lost, 12 faults may remain, 13 interrupted, 64 usage, 70 internal error.")]
pub struct Cli {
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// What `tribunal` can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a target under faults, record what clients see, and judge it
    Run(Box<RunArgs>),
    /// Judge a stored run or a history file again
    Check(CheckArgs),
    /// Write a stored run's report again
    Report(ReportArgs),
    /// List what there is
    List(ListArgs),
    /// Explain one thing: a fault, a target, a workload, or a stored run
    Show(ShowArgs),
    /// Say what this machine can do, and how to get what it cannot
    Doctor,
    /// Undo what a crashed run may have left behind
    Heal(HealArgs),
    /// Print a completion script for a shell
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Run one node of a bundled target (started by the controller)
    #[command(hide = true)]
    Node {
        /// The node's configuration.
        file: PathBuf,
    },
    /// Watch over a fault ledger and undo it when the controller is gone
    Agent(AgentArgs),
}

/// Where stored runs are.
#[derive(Clone, Debug, Args)]
pub struct StoreArgs {
    /// The folder that holds stored runs
    #[arg(long, default_value = "store", env = "TRIBUNAL_STORE", value_name = "DIR")]
    pub store: PathBuf,
}

/// `tribunal run`.
#[derive(Clone, Debug, Args)]
pub struct RunArgs {
    /// The system on trial (tribunal list targets)
    pub target: String,
    /// What clients do (tribunal list workloads)
    #[arg(short, long, default_value = "register")]
    pub workload: String,
    /// Faults or groups of faults, with commas; "none" for none (tribunal list faults)
    #[arg(short, long, default_value = "mixed", value_delimiter = ',')]
    pub faults: Vec<String>,
    /// The seed of everything that is drawn; random if not given
    #[arg(long)]
    pub seed: Option<u64>,
    /// How long clients and faults go on
    #[arg(long, default_value = "30s", value_parser = duration, value_name = "DURATION")]
    pub time: Duration,
    /// Nodes of the cluster
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u8).range(1..=9))]
    pub nodes: u8,
    /// Concurrent clients
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub clients: u32,
    /// Operations a second that are attempted over all clients; 0 for as many as possible
    #[arg(long, default_value_t = 3000)]
    pub rate: u32,
    /// Plant this mistake in the target (tribunal show TARGET)
    #[arg(long)]
    pub bug: Option<String>,
    /// How the target serves reads: short for --set reads=...
    #[arg(long, value_name = "index|lease")]
    pub reads: Option<String>,
    /// Set an option of the target; may be repeated (tribunal show TARGET)
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub options: Vec<String>,
    /// Which node a client asks
    #[arg(
        long,
        default_value = "mixed",
        value_name = "CHOICE",
        help = "Which node a client asks: mixed, fixed, round-robin, random, leader, or weighted:3,1,1,..."
    )]
    pub ask: String,
    /// How long a client waits for an answer
    #[arg(long, default_value = "1s", value_parser = duration, value_name = "DURATION")]
    pub op_timeout: Duration,
    /// Mean pause between faults of one class; each class has its own if not given
    #[arg(long, value_parser = duration, value_name = "DURATION")]
    pub fault_interval: Option<Duration>,
    /// Mean length of a fault; each class has its own if not given
    #[arg(long, value_parser = duration, value_name = "DURATION")]
    pub fault_length: Option<Duration>,
    /// How long the cluster may recover between the last fault and the final reads
    #[arg(long, default_value = "2s", value_parser = duration, value_name = "DURATION")]
    pub settle: Duration,
    /// How nodes are connected
    #[arg(long, value_enum, default_value_t = Fabric::Auto)]
    pub fabric: Fabric,
    /// How long the checkers may take
    #[arg(long, default_value = "5m", value_parser = duration, value_name = "DURATION")]
    pub check_budget: Duration,
    /// Keep the nodes' data directories in the run's folder
    #[arg(long)]
    pub keep_data: bool,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap shows StoreArgs")]
    pub store: StoreArgs,
    /// Progress on standard error
    #[arg(long, value_enum, default_value_t = Progress::Auto)]
    pub progress: Progress,
}

/// How nodes are connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Fabric {
    /// Namespaces where the machine allows them, else loopback
    Auto,
    /// Each node in its own network namespace, joined by a packet switch
    Namespaces,
    /// Plain processes on loopback: kill and pause faults only
    Loopback,
}

impl Fabric {
    /// The word on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Namespaces => "namespaces",
            Self::Loopback => "loopback",
        }
    }
}

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Progress {
    /// A live line on a terminal, nothing when piped
    Auto,
    /// A line a phase and every ten seconds
    Plain,
    /// Nothing
    None,
}

/// `tribunal check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Stored runs (a name, a path, "latest") or history files
    #[arg(required = true)]
    pub inputs: Vec<String>,
    /// How long the checkers may take
    #[arg(long, default_value = "5m", value_parser = duration, value_name = "DURATION")]
    pub check_budget: Duration,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap shows StoreArgs")]
    pub store: StoreArgs,
    /// One JSON document on standard output instead of tables
    #[arg(long)]
    pub json: bool,
}

/// `tribunal report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// A stored run: a name, a path, or "latest"
    #[arg(default_value = "latest")]
    pub run: String,
    /// Where to write it; in the run's folder if not given
    #[arg(short, long)]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap shows StoreArgs")]
    pub store: StoreArgs,
}

/// What can be listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Listing {
    /// Systems that can be put on trial
    Targets,
    /// What clients can do
    Workloads,
    /// What can go wrong
    Faults,
    /// Who decides
    Checkers,
    /// Stored runs
    Runs,
}

/// `tribunal list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// What to list
    #[arg(value_enum)]
    pub what: Listing,
    /// JSON instead of a table
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap shows StoreArgs")]
    pub store: StoreArgs,
}

/// `tribunal show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The name of a fault, target, workload or checker, or a stored run
    pub name: String,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap shows StoreArgs")]
    pub store: StoreArgs,
}

/// `tribunal heal`.
#[derive(Debug, Args)]
pub struct HealArgs {
    /// A stored run; all of them if not given
    pub run: Option<String>,
    /// Only say what is left over
    #[arg(long)]
    pub check: bool,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap shows StoreArgs")]
    pub store: StoreArgs,
}

/// `tribunal agent`.
#[derive(Debug, Args)]
pub struct AgentArgs {
    /// The ledger to replay when the controller is gone
    #[arg(long)]
    pub ledger: PathBuf,
    /// How long the controller may be silent
    #[arg(long, default_value = "3s", value_parser = duration, value_name = "DURATION")]
    pub lease: Duration,
}

/// The history of a run is kept in memory, and its faults are planned before it begins.
const DURATION_MAX: Duration = Duration::from_secs(24 * 3600);

/// Reads a duration with a unit: `500ms`, `30s`, `2m`, `1h30m`.
fn duration(text: &str) -> Result<Duration, String> {
    let hint = "expected a duration in h, m, s or ms, such as 500ms, 30s, 2m or 1h30m";
    let duration: jiff::SignedDuration = text.parse().map_err(|_| hint.to_owned())?;
    let duration = Duration::try_from(duration).map_err(|_| "a duration cannot be negative")?;
    if duration > DURATION_MAX {
        return Err("the longest duration is 24h".to_owned());
    }
    if !duration.is_zero() && duration < Duration::from_millis(1) {
        return Err("the shortest duration is 1ms".to_owned());
    }
    Ok(duration)
}

#[cfg(test)]
mod tests {
    use super::{Cli, duration};
    use clap::CommandFactory;
    use std::time::Duration;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn durations_carry_units() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("1m30s"), Ok(Duration::from_secs(90)));
        assert!(duration("30").is_err() && duration("-1s").is_err() && duration("soon").is_err());
    }
}
