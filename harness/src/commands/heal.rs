//! `tribunal heal` and `tribunal agent`: undoing what a run that is gone may have left behind.
//!
//! `heal` replays the ledgers of stored runs and then looks for left-over processes by their tag,
//! which finds them even when the ledger is lost. `agent` is the watchdog that does the same for
//! one ledger as soon as its controller is silent.

use crate::cli::{AgentArgs, HealArgs};
use crate::exit::{Ending, Failure};
use crate::screen::{harmless, listing, say};
use crate::store::RunDir;
use nemesis::agent::{self, Ended};
use nemesis::ledger::{self, Mode, Outcome, Replay};
use nemesis::sweep::{self, Owner, Swept};

/// Undoes, or only says, what is left over.
pub(super) fn heal(args: &HealArgs) -> Result<Ending, Failure> {
    let mode = if args.check { Mode::Check } else { Mode::Undo };
    let runs = match &args.run {
        Some(name) => vec![RunDir::find(&args.store.store, name)?],
        None => RunDir::all(&args.store.store),
    };
    let mut rows = Vec::new();
    let mut remaining = false;
    for run in runs {
        let path = run.file("faults.jsonl");
        if !path.exists() {
            continue;
        }
        match ledger::replay(&path, mode) {
            Ok(replay) => {
                remaining |= replay.leaves_faults();
                rows.extend(rows_of(&run.name(), &replay));
            }
            Err(error) => {
                remaining = true;
                rows.push([run.name(), "the ledger".into(), harmless(&error.to_string())]);
            }
        }
    }
    let tagged = sweep::sweep(mode)
        .map_err(|error| Failure::SetUp(format!("processes cannot be listed: {error}")))?;
    for process in tagged {
        let fate = match (&process.swept, process.owner) {
            (Swept::LeftAlone, Owner::Alive) => "its run is going on: left alone".to_owned(),
            (Swept::LeftAlone, _) => "nobody knows whose it is: left alone".to_owned(),
            (Swept::LeftOver, _) => {
                remaining = true;
                "left over".to_owned()
            }
            (Swept::Killed, _) => "killed".to_owned(),
            (Swept::Gone, _) => "gone".to_owned(),
            (Swept::Failed(why), _) => {
                remaining = true;
                format!("cannot be killed: {why}")
            }
        };
        rows.push([harmless(&process.tag), format!("process {}", process.pid), fate]);
    }
    if rows.is_empty() {
        say("nothing is left over");
    } else {
        say(&listing(["run", "what", "state"], &rows));
    }
    Ok(if remaining { Ending::FaultsRemain } else { Ending::Valid })
}

fn rows_of(run: &str, replay: &Replay) -> Vec<[String; 3]> {
    let state = |outcome: &Outcome| match outcome {
        Outcome::Undone => "undone".to_owned(),
        Outcome::Needed => "still in effect".to_owned(),
        Outcome::NotNeeded => "not in effect any more".to_owned(),
        Outcome::Gone => "its process is gone".to_owned(),
        Outcome::Vanished => "gone with its run".to_owned(),
        Outcome::Failed(why) => format!("cannot be undone: {}", harmless(why)),
    };
    let mut rows: Vec<_> = replay
        .replayed
        .iter()
        .map(|one| [run.to_owned(), harmless(&one.text), state(&one.outcome)])
        .collect();
    for line in &replay.unreadable_lines {
        let what = format!("line {line} of the ledger");
        rows.push([run.to_owned(), what, "torn or not ours: ignored".into()]);
    }
    rows
}

/// Watches over a ledger until its controller is gone or hangs.
pub(super) fn agent(args: &AgentArgs) -> Result<Ending, Failure> {
    let mut input = std::io::stdin().lock();
    let (ended, replay) = agent::run(&args.ledger, args.lease, &mut input)
        .map_err(|error| Failure::Usage(error.to_string()))?;
    let why = match ended {
        Ended::InputClosed => "the controller closed its end",
        Ended::LeaseMissed => "the controller was silent for longer than its lease",
    };
    eprintln!("tribunal agent: {why}; {} faults looked at", replay.replayed.len());
    Ok(if replay.leaves_faults() { Ending::FaultsRemain } else { Ending::Valid })
}
