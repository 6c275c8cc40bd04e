//! The command line: flags and their meaning. What they ask for is validated by the commands.

use crate::cli_check::CheckArgs;
use crate::cli_hunt::{HuntArgs, MatrixArgs};
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
    /// Try many random cases in the simulated world, on all cores, until something is found
    Hunt(Box<HuntArgs>),
    /// Find every planted bug, and say how long that took: the detection matrix
    Matrix(Box<MatrixArgs>),
    /// Play a run again: the same, byte for byte, in the simulated world
    Replay(ReplayArgs),
    /// Find the smallest run that breaks the same claim, and store it as a run of its own
    Shrink(ShrinkArgs),
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
    /// Where the nodes live
    #[arg(long, value_enum, default_value_t = On::Local)]
    pub on: On,
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
    /// [default: 3000, in the simulated world 100]
    #[arg(long)]
    pub rate: Option<u32>,
    /// Keys in use at once; a fifth of the clients, and at least two, if not given
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub keys: Option<u32>,
    /// Operations on a key before the next one takes its place
    #[arg(long, default_value = "150..250", value_parser = count_range, value_name = "MIN..MAX")]
    pub ops_per_key: (u32, u32),
    /// How often reads, writes and compare-and-sets are drawn
    #[arg(long, default_value = "2,1,1", value_parser = mix, value_name = "READ,WRITE,CAS")]
    pub mix: (u32, u32, u32),
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
    /// One way over a link of the simulated world
    #[arg(long, default_value = "100us..400us", value_parser = us_range, value_name = "MIN..MAX")]
    pub link_delay: (u32, u32),
    /// What the simulated world's disks need to make a write durable
    #[arg(long, default_value = "300us..1500us", value_parser = us_range, value_name = "MIN..MAX")]
    pub sync_delay: (u32, u32),
    /// How long the checkers may take
    #[arg(long, default_value = "5m", value_parser = duration, value_name = "DURATION")]
    pub check_budget: Duration,
    /// End the main phase as soon as this is certain; faults are undone, and the whole run is
    /// judged
    #[arg(long, value_enum, value_name = "WHAT")]
    pub stop_on: Option<StopOn>,
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

/// Where nodes live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum On {
    /// Processes of this machine, in network namespaces
    Local,
    /// State machines in this process, in virtual time: quick, and the same again from its seed
    Sim,
}

impl On {
    /// The word on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Sim => "sim",
        }
    }
}

/// What ends a run early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StopOn {
    /// The claim is broken, whatever comes next
    Violation,
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

/// `tribunal replay`.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// A stored run (a name, a path, "latest"), or a seed
    #[arg(value_name = "RUN|SEED")]
    pub run: String,
    /// Where to play it; where it was recorded if not given. On real processes only the schedule of
    /// operations and faults is the same
    #[arg(long, value_enum)]
    pub on: Option<On>,
    /// On real processes, play the schedule so many times in one run
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub rounds: u32,
    /// Keep what nodes said and became around the violation: trace.txt, and a diagram in the report
    #[arg(long)]
    pub trace: bool,
    /// Play what a hunt of this target draws from the seed
    #[arg(long)]
    pub target: Option<String>,
    /// With this mistake planted
    #[arg(long)]
    pub bug: Option<String>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap shows StoreArgs")]
    pub store: StoreArgs,
}

/// `tribunal shrink`.
#[derive(Debug, Args)]
pub struct ShrinkArgs {
    /// A stored run of the simulated world that broke its claim: a name, a path, or "latest"
    #[arg(default_value = "latest")]
    pub run: String,
    /// How long to look for something smaller
    #[arg(long, default_value = "60s", value_parser = duration, value_name = "DURATION")]
    pub budget: Duration,
    /// Look at so many runs, however long that takes: the result is the same on every machine
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..), conflicts_with = "budget")]
    pub runs: Option<u64>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap shows StoreArgs")]
    pub store: StoreArgs,
    /// Progress on standard error
    #[arg(long, value_enum, default_value_t = Progress::Auto)]
    pub progress: Progress,
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
    /// Objects whose histories can be judged (tribunal check --model)
    Models,
    /// What histories can be held against
    Consistency,
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
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
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

/// Reads `MIN..MAX`, or one number for both.
fn range<T: PartialOrd + Clone>(
    text: &str,
    one: impl Fn(&str) -> Result<T, String>,
) -> Result<(T, T), String> {
    let (low, high) = match text.split_once("..") {
        Some((low, high)) => (one(low)?, one(high)?),
        None => {
            let both = one(text)?;
            (both.clone(), both)
        }
    };
    if low > high {
        return Err("a range runs upwards: give the smaller one first".to_owned());
    }
    Ok((low, high))
}

/// Reads `150..250`.
fn count_range(text: &str) -> Result<(u32, u32), String> {
    let hint = "expected numbers from 1 to 1000000, such as 150..250";
    let one = |text: &str| {
        let number = text.parse().ok().filter(|number| (1..=1_000_000).contains(number));
        number.ok_or_else(|| hint.to_owned())
    };
    range(text, one)
}

/// Reads `100us..400us`, in microseconds.
fn us_range(text: &str) -> Result<(u32, u32), String> {
    let hint = "expected durations up to 10s, such as 100us..400us or 2ms";
    let one = |text: &str| {
        let duration: jiff::SignedDuration = text.parse().map_err(|_| hint.to_owned())?;
        let us = u32::try_from(duration.as_micros()).ok().filter(|us| *us <= 10_000_000);
        us.ok_or_else(|| hint.to_owned())
    };
    range(text, one)
}

/// Reads `2,1,1`.
fn mix(text: &str) -> Result<(u32, u32, u32), String> {
    let numbers: Vec<u32> = text.split(',').map_while(|part| part.parse().ok()).collect();
    match numbers[..] {
        [read, write, cas] if numbers.iter().all(|weight| (1..=1000).contains(weight)) => {
            Ok((read, write, cas))
        }
        _ => Err("expected three weights from 1 to 1000, such as 2,1,1".to_owned()),
    }
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
