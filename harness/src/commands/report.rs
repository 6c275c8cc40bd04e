//! `tribunal report`: a stored run's page, made again from its history.

use super::check::{self, Stored};
use crate::cli::ReportArgs;
use crate::exit::{Ending, Failure};
use crate::judge::{Spend, judge_run};
use crate::screen::say;
use crate::store::{self, RunDir};
use checkers::history::trace::Trace;
use std::time::Duration;

/// Checking again is part of making the page again: the page is a view of the history.
const CHECK_BUDGET: Duration = Duration::from_secs(300);

/// Writes the page and says where it is.
pub(super) fn report(args: &ReportArgs) -> Result<Ending, Failure> {
    let run = RunDir::find(&args.store.store, &args.run)?;
    let Stored { record, history, damage } = check::load_run(&run)?;
    let sentence = judge_run(&record, &history, Spend::time(CHECK_BUDGET), || false)?;
    let mut facts = record.facts;
    facts.history_damage = damage;
    let trace = trace(&run)?;
    let limits = reports::Limits::default();
    let page = reports::html(&facts, &history, &sentence.judgements, trace.as_ref(), &limits)
        .map_err(|error| Failure::Internal(format!("the report cannot be made: {error}")))?;
    let path = args.output.clone().unwrap_or_else(|| run.file("report.html"));
    store::write_whole(&path, page.as_bytes())
        .map_err(|error| Failure::Usage(format!("{error}\nchoose another place with -o FILE")))?;
    say(&path.display().to_string());
    Ok(Ending::Valid)
}

/// What was seen inside, if the run was replayed to be looked at.
fn trace(run: &RunDir) -> Result<Option<Trace>, Failure> {
    let path = run.file("trace.json");
    let wrong = |why: &dyn std::fmt::Display| {
        Failure::Usage(format!("{}: {why}\nremove it to make the page without it", path.display()))
    };
    match std::fs::read(&path) {
        Ok(json) => serde_json::from_slice(&json).map(Some).map_err(|error| wrong(&error)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(wrong(&error)),
    }
}
