//! The command line of `tribunal check`.

use crate::cli::{StoreArgs, duration};
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

/// `tribunal check`.
#[derive(Clone, Debug, Args)]
pub struct CheckArgs {
    /// History files (JSON lines, EDN, JSON, logs; .zst too), folders of a Jepsen or Maelstrom
    /// store, stored runs (a name, a path, "latest"); - for standard input
    #[arg(required = true)]
    pub inputs: Vec<String>,
    /// The object that the history is of (tribunal list models) [default: what a stored run was
    /// made with; cas-register for files]
    #[arg(short, long)]
    pub model: Option<String>,
    /// What it promises. An object: linearizable, sequential, causal, pram, read-your-writes,
    /// monotonic-reads, monotonic-writes, writes-follow-reads, convergence, invariant [default:
    /// linearizable]. Transactions: one or more, separated by commas, of the models of `tribunal
    /// list consistency` [default: strict-serializable]
    #[arg(
        short,
        long,
        visible_alias = "consistency-models",
        value_name = "PROMISE",
        value_delimiter = ','
    )]
    pub consistency: Vec<String>,
    /// What results mean, all at once [default: jepsen; stored runs are judged strictly]
    #[arg(long, value_enum, value_name = "WHOSE")]
    pub semantics: Option<SemanticsName>,
    /// What a register or a counter holds at first, as JSON
    #[arg(long, value_name = "JSON")]
    pub initial: Option<String>,
    /// What a read answered with nil says
    #[arg(long, value_enum, value_name = "SAYS")]
    pub nil_read: Option<NilReadName>,
    /// What a failed cas says
    #[arg(long, value_enum, value_name = "SAYS")]
    pub failed_cas: Option<FailedCasName>,
    /// What became of operations without completion
    #[arg(long, value_enum, value_name = "BECAME")]
    pub open: Option<OpenName>,
    /// Permits of a semaphore
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub permits: Option<u32>,
    /// How the files are written; found out from each file if not given
    #[arg(short, long, value_enum)]
    pub format: Option<FormatName>,
    /// A value is a pair of a key and the value proper (Jepsen's `independent`)
    #[arg(long)]
    pub independent: bool,
    /// How long the checkers may take for each input
    #[arg(long, alias = "check-budget", default_value = "5m", value_parser = duration, value_name = "DURATION")]
    pub budget: Duration,
    /// How much memory this program may take, such as 512MiB or 4GiB
    #[arg(long, default_value = "4GiB", value_parser = bytes, value_name = "SIZE")]
    pub mem: u64,
    /// All of the evidence: states, the longest order, what cannot follow
    #[arg(long)]
    pub explain: bool,
    /// For a valid history, an order of its operations that explains every result
    #[arg(long)]
    pub linearization: bool,
    /// Judge while reading, in memory that does not grow with the history; say a violation at once
    #[arg(long, conflicts_with_all = ["linearization", "explain"])]
    pub stream: bool,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap shows ElleArgs")]
    pub elle: ElleArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap shows StoreArgs")]
    pub store: StoreArgs,
    /// One JSON document on standard output instead of tables
    #[arg(long)]
    pub json: bool,
}

/// What is asked of transactions and of the invariants of workloads, under elle-cli's names.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Transactions and workloads (elle-cli's names)")]
pub struct ElleArgs {
    /// Anomalies to look for beside those that the consistency models prohibit, separated by commas
    #[arg(short = 'a', long, value_delimiter = ',', value_name = "NAME")]
    pub anomalies: Vec<String>,
    /// How far the search for cycles goes in one component, in what Elle does in so many
    /// milliseconds; counted in steps, so that every machine decides alike
    #[arg(short = 's', long, value_name = "MS", value_parser = clap::value_parser!(u64).range(1..))]
    pub cycle_search_timeout: Option<u64>,
    /// Every cycle, not only the smallest of each anomaly and component
    #[arg(long)]
    pub all_cycles: bool,
    /// Where to write each anomaly as a text, and as a drawing if it is a cycle (with --plot-format
    /// dot all of them in anomalies.dot); a folder for each input if there are several
    #[arg(short = 'd', long, value_name = "DIR")]
    pub directory: Option<PathBuf>,
    /// How anomalies are drawn in --directory
    #[arg(short = 'p', long, value_enum, requires = "directory")]
    pub plot_format: Option<PlotFormat>,
    /// No drawing larger than this, in bytes
    #[arg(short = 'b', long, value_name = "BYTES", default_value_t = 65_536)]
    pub max_plot_bytes: u64,
    /// Without effect: no drawing takes long enough
    #[arg(short = 't', long, value_name = "MS", hide = true)]
    pub plot_timeout: Option<u64>,
    /// In a transaction that reads a register and writes it, what it wrote follows what it read
    #[arg(long)]
    pub wfr_keys: bool,
    /// Each register is sequentially consistent by itself
    #[arg(long)]
    pub sequential_keys: bool,
    /// Each register is linearizable by itself
    #[arg(long)]
    pub linearizable_keys: bool,
    /// long-fork: how many keys a group has [default: as many as the first read]
    #[arg(short = 'g', long, value_name = "KEYS", value_parser = clap::value_parser!(u32).range(1..))]
    pub group_size: Option<u32>,
    /// bank: a balance may be negative
    #[arg(short = 'n', long)]
    pub allow_negative_balances: bool,
    /// bank: what all balances come to [default: what the first read comes to]
    #[arg(short = 'o', long, value_name = "AMOUNT", allow_negative_numbers = true)]
    pub total_amount: Option<i64>,
    /// set-full: every read that begins after an `add` was acknowledged has to see it
    #[arg(long)]
    pub linearizable: bool,
    /// counter: only final reads are judged, against every sum that can be (a pn-counter)
    #[arg(long)]
    pub final_reads_only: bool,
    /// kafka: at the end every log was read to its end
    #[arg(long)]
    pub final_polls: bool,
    /// atomic-commit: how many take part in each transaction
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    pub participants: Option<u32>,
    /// atomic-commit: nobody may be left without a decision
    #[arg(long)]
    pub nonblocking: bool,
}

/// How an anomaly is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PlotFormat {
    /// A drawing for a browser
    Svg,
    /// A graph for Graphviz
    Dot,
}

/// Whose semantics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SemanticsName {
    /// A nil read says nothing, a failed cas did not happen
    Jepsen,
    /// A nil read found nil, a failed cas found another value
    Porcupine,
    /// A nil read found nil, a failed cas did not happen
    Strict,
}

/// What a read answered with nil says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum NilReadName {
    /// That nil was there
    Found,
    /// Nothing
    Unconstrained,
}

/// What a failed cas says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FailedCasName {
    /// That it did not happen
    DidNotHappen,
    /// That another value was there
    FoundAnother,
}

/// What became of operations without completion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OpenName {
    /// They took effect at some time, or never
    MayHaveHappened,
    /// They never took effect
    NeverHappened,
}

/// How a history file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FormatName {
    /// This program's own: an event a line
    Jsonl,
    /// Jepsen's and Knossos' history.edn, Porcupine's key-value logs
    Edn,
    /// elle-cli's
    Json,
    /// What a Jepsen test logs, as in Porcupine's etcd logs
    JepsenLog,
}

/// Reads a size in bytes with a unit.
fn bytes(text: &str) -> Result<u64, String> {
    let hint = "expected a size such as 512MiB, 4GiB or 2GB";
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..digits].parse().map_err(|_| hint.to_owned())?;
    let unit: u64 = match text[digits..].trim() {
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "kB" | "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        _ => return Err(hint.to_owned()),
    };
    let bytes = number.checked_mul(unit).ok_or("that is more than there can be")?;
    if bytes < 16 << 20 { Err("the least is 16MiB".to_owned()) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn sizes_have_units() {
        assert_eq!(bytes("1GiB"), Ok(1 << 30));
        assert_eq!(bytes("512MiB"), Ok(512 << 20));
        assert_eq!(bytes("2GB"), Ok(2_000_000_000));
        for wrong in ["", "5", "GiB", "1 parsec", "99999999999GiB", "1KiB"] {
            assert!(bytes(wrong).is_err(), "{wrong:?}");
        }
    }
}
