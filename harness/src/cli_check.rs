//! The command line of `tribunal check`.

use crate::cli::{StoreArgs, duration};
use clap::{Args, ValueEnum};
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
    /// What it promises: linearizable, sequential, causal, pram, read-your-writes, monotonic-reads,
    /// monotonic-writes, writes-follow-reads, convergence [default: linearizable]
    #[arg(long, value_name = "PROMISE")]
    pub consistency: Option<String>,
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
    #[arg(long, value_enum)]
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
    #[expect(missing_docs, reason = "clap shows StoreArgs")]
    pub store: StoreArgs,
    /// One JSON document on standard output instead of tables
    #[arg(long)]
    pub json: bool,
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
