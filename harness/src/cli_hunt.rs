//! The command line of `tribunal hunt` and `tribunal matrix`.

use crate::cli::{On, Progress, StoreArgs, duration};
use crate::hunt::Shard;
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

/// `tribunal hunt`.
#[derive(Clone, Debug, Args)]
pub struct HuntArgs {
    /// The system on trial (tribunal list targets)
    pub target: String,
    /// Plant this mistake in the target (tribunal show TARGET)
    #[arg(long)]
    pub bug: Option<String>,
    /// The seed that every case is drawn from; random if not given
    #[arg(long)]
    pub seed: Option<u64>,
    /// Stop after so many cases
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    pub seeds: Option<u64>,
    /// Stop after so much time on the wall [default: 60s, if --seeds is not given]
    #[arg(long, value_parser = duration, value_name = "DURATION")]
    pub time: Option<Duration>,
    /// Cases tried at once; one a core if not given
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Only this part of the cases, such as 3/8: the third of eight machines
    #[arg(long, default_value = "1/1", value_name = "PART/PARTS")]
    pub shard: Shard,
    /// Go on after the first finding
    #[arg(long)]
    pub keep_going: bool,
    /// Go on with the latest hunt of this target, bug and shard
    #[arg(long, conflicts_with_all = ["fresh", "seed"])]
    pub resume: bool,
    /// Forget what an earlier hunt of this seed has done; its stored runs stay
    #[arg(long)]
    pub fresh: bool,
    /// One JSON document on standard output instead of text
    #[arg(long)]
    pub json: bool,
    /// Progress on standard error
    #[arg(long, value_enum, default_value_t = Progress::Auto)]
    pub progress: Progress,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap shows PinArgs")]
    pub pins: PinArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap shows StoreArgs")]
    pub store: StoreArgs,
}

/// What is the same in every case of a hunt, instead of being drawn.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "The same in every case")]
pub struct PinArgs {
    /// Nodes of the cluster
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=9))]
    pub nodes: Option<u8>,
    /// Concurrent clients
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub clients: Option<u32>,
    /// Operations a second that are attempted over all clients
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub rate: Option<u32>,
    /// Faults or groups of faults, with commas; "none" for none (tribunal list faults)
    #[arg(short, long, value_delimiter = ',')]
    pub faults: Option<Vec<String>>,
    /// How the target serves reads: short for --set reads=...
    #[arg(long, value_name = "index|lease")]
    pub reads: Option<String>,
    /// Set an option of the target; may be repeated (tribunal show TARGET)
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub options: Vec<String>,
    /// How long clients and faults go on in each case, in simulated time
    #[arg(long, value_parser = duration, value_name = "DURATION")]
    pub run_time: Option<Duration>,
}

/// `tribunal matrix`.
#[derive(Clone, Debug, Args)]
pub struct MatrixArgs {
    /// The system on trial; all of them if not given
    pub target: Option<String>,
    /// Where: hunts in the simulated world, or the runs that expose each bug on real processes
    #[arg(long, value_enum, default_value_t = On::Sim)]
    pub on: On,
    /// Only these planted bugs; all of them if not given
    #[arg(long, value_delimiter = ',')]
    pub bug: Vec<String>,
    /// Hunts for each bug, each from another seed; on real processes, runs for each bug
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub hunts: u32,
    /// In the simulated world: how long each hunt may take [default: 60s]
    #[arg(long, value_parser = duration, value_name = "DURATION")]
    pub time: Option<Duration>,
    /// Cases of the target without a bug, of which none may be accused; 0 for none [default: 10000,
    /// on real processes as many as --hunts]
    #[arg(long, value_name = "CASES")]
    pub correct: Option<u64>,
    /// In the simulated world: findings of each bug that are shrunk [default: 1]
    #[arg(long, value_name = "FINDINGS")]
    pub shrink: Option<u32>,
    /// In the simulated world: how long shrinking one finding may take [default: 30s]
    #[arg(long, value_parser = duration, value_name = "DURATION")]
    pub shrink_budget: Option<Duration>,
    /// In the simulated world: the seed that the hunts' seeds are drawn from [default: 1]
    #[arg(long)]
    pub seed: Option<u64>,
    /// In the simulated world: cases tried at once; one a core if not given
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Write the tables into this Markdown page, and the figures beside it as JSON
    #[arg(long, value_name = "FILE")]
    pub write: Option<PathBuf>,
    /// One JSON document on standard output instead of tables
    #[arg(long)]
    pub json: bool,
    /// Progress on standard error
    #[arg(long, value_enum, default_value_t = Progress::Auto)]
    pub progress: Progress,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap shows StoreArgs")]
    pub store: StoreArgs,
}
