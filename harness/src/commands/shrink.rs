//! `tribunal shrink`: from a failing run to one that a person can read, stored as a run of its own.
//!
//! Only simulated runs can be shrunk. A run on real processes is never the same twice, so that
//! nothing follows from a smaller one that comes out valid.

use super::replay;
use crate::case::Case;
use crate::cli::ShrinkArgs;
use crate::exit::{Ending, Failure};
use crate::progress::Progress;
use crate::request::quoted;
use crate::runner::interrupt::Interrupts;
use crate::screen::{self, say};
use crate::shrink::{ShrinkBudget, Shrunk, Standing, shrink_observed};
use crate::store::{RunDir, RunRecord};
use crate::trial::simulated::{Kept, keep, try_out};
use checkers::verdict::Verdict;
use nemesis::catalogue;
use nemesis::fault::Need;
use nemesis::plan::PlannedFault;
use std::time::Instant;

/// Shrinks.
pub(super) fn shrink(args: &ShrinkArgs) -> Result<Ending, Failure> {
    if args.budget.is_zero() {
        return Err(Failure::Usage("--budget 0s leaves no time: give at least 1s".into()));
    }
    let run = RunDir::find(&args.store.store, &args.run)?;
    worth_it(&run, &run.record()?)?;
    let (record, mut case) = replay::stored(&run)?;
    case.request.args.store = args.store.clone();
    let interrupts = Interrupts::listen()
        .map_err(|error| Failure::SetUp(format!("signals cannot be handled: {error}")))?;
    let cancelled = || interrupts.interrupted();
    RunDir::can_be_made(&args.store.store, &case.request.name())?;
    let checker = match broken(&run, &record, &case, &cancelled) {
        Err(_) if interrupts.interrupted() => return Ok(Ending::Interrupted),
        other => other?,
    };
    let budget = match args.runs {
        Some(runs) => ShrinkBudget::runs(runs),
        None => ShrinkBudget::within(args.budget),
    };
    say(&format!("shrinking {}: {checker} is invalid\n", run.name()));
    let (mut progress, began) = (Progress::new(args.progress), Instant::now());
    let shrunk = shrink_observed(&case, &checker, &budget, &cancelled, &mut |standing| {
        progress.line(began.elapsed().as_nanos() as u64, || live(standing));
    });
    progress.finish();
    let shrunk = match shrunk {
        Err(Failure::Nothing(_)) if interrupts.interrupted() => return Ok(Ending::Interrupted),
        other => other?,
    };
    // The result is small, and worth a moment more of whoever has asked to stop.
    let origin = format!("shrunk from {}", run.name());
    let kept = keep(&shrunk.case, &args.store.store, &origin, true, None)?;
    say(&closing(&shrunk, &kept));
    Ok(kept.ending)
}

/// Refuses a run of which there is nothing to shrink.
fn worth_it(run: &RunDir, record: &RunRecord) -> Result<(), Failure> {
    let name = run.name();
    match record.verdict.as_deref() {
        // A run that was never judged is judged by playing it.
        Some("invalid") | None => {}
        Some(verdict) => {
            return Err(Failure::Nothing(format!(
                "nothing to shrink: the verdict on {name} was {verdict}, and only a run that broke \
                 a claim can be shrunk"
            )));
        }
    }
    if !record.facts.simulated {
        return Err(Failure::Usage(format!(
            "{name} took place on real processes, and only simulated runs can be shrunk: they are \
             the same whenever they are played\nif its schedule fails in the simulated world, too, \
             that run can be: tribunal replay {name} --on sim"
        )));
    }
    Ok(())
}

/// The checker whose claim the run breaks when it is played again.
fn broken(
    run: &RunDir,
    record: &RunRecord,
    case: &Case,
    cancelled: &dyn Fn() -> bool,
) -> Result<String, Failure> {
    let Some((_, sentence)) = try_out(case, cancelled)? else {
        return Err(Failure::Nothing("stopped before it was known what to shrink".to_owned()));
    };
    let invalid = |verdict: &Verdict| matches!(verdict, Verdict::Invalid { .. });
    let broken = sentence.judgements.into_iter().find(|judged| invalid(&judged.verdict));
    if let Some(judgement) = broken {
        return Ok(judgement.checker);
    }
    let (name, made) = (run.name(), &record.facts.version);
    let version = env!("CARGO_PKG_VERSION");
    if record.verdict.is_none() {
        return Err(Failure::Nothing(format!(
            "nothing to shrink: {name} was never judged, and played again it breaks no claim"
        )));
    }
    if made == version {
        return Err(Failure::Internal(format!("{name} was invalid, and played again it is not")));
    }
    Err(Failure::Nothing(format!(
        "nothing to shrink: {name} was invalid when version {made} recorded it, and played again by \
         version {version} it breaks no claim\nshrink it with the version that recorded it"
    )))
}

/// What was before and what is left, and where to go from here.
fn closing(shrunk: &Shrunk, kept: &Kept) -> String {
    let Kept { run, record, simulated, sentence, report, failures, .. } = kept;
    let args = &shrunk.case.request.args;
    let before = &shrunk.before;
    let row = |what: &str, before: String, after: String| [what.to_owned(), before, after];
    let seconds = |ns: u64| format!("{:.1} s", ns as f64 / 1e9);
    let rows = [
        row("operations", before.operations.to_string(), shrunk.operations.to_string()),
        row("faults", before.faults.to_string(), shrunk.faults.to_string()),
        row("nodes", before.nodes.to_string(), args.nodes.to_string()),
        row("clients", before.clients.to_string(), args.clients.to_string()),
        row("simulated time", seconds(before.simulated_ns), seconds(shrunk.simulated_ns)),
    ];
    let table = screen::listing(["", "before", "after"], &rows);
    let name = run.name();
    let store = &args.store.store;
    let place = if store.as_os_str() == "store" {
        String::new()
    } else {
        format!(" --store {}", quoted(&store.display().to_string()))
    };
    let mut next = vec![
        ("report", report.clone()),
        ("replay", format!("tribunal replay {name} --trace{place}")),
        ("check", record.facts.check_command.clone()),
    ];
    if exists_for_real(&shrunk.case.plan) {
        let command = format!("tribunal replay {name} --on local --rounds 20{place}");
        next.insert(2, ("for real", command));
    }
    next.extend(failures.iter().map(|failure| ("damage", failure.to_string())));
    let faults = screen::fault_counts(&simulated.recorded.history);
    let plan: Vec<String> = shrunk.case.plan.iter().map(ToString::to_string).collect();
    let plan = if plan.is_empty() { "no faults".to_owned() } else { plan.join("\n") };
    format!(
        "{table}\n\n{} runs were played; what is left:\n{plan}\n\n{}",
        shrunk.runs,
        screen::closing(
            &sentence.verdict,
            &sentence.judgements,
            &sentence.stats,
            Some(faults),
            &next
        )
    )
}

/// Whether every fault of a plan is there for real processes, too.
fn exists_for_real(plan: &[PlannedFault]) -> bool {
    let real = |need: &Need| matches!(need, Need::Process | Need::Pause | Need::Links);
    let entries = plan.iter().map(|planned| catalogue::fault(&planned.fault));
    entries.into_iter().all(|entry| entry.is_some_and(|entry| entry.needs.iter().all(real)))
}

/// The line that says how far a shrink is.
fn live(standing: &Standing) -> String {
    let Standing { runs, operations, faults, nodes, simulated_ns, .. } = standing;
    let seconds = *simulated_ns as f64 / 1e9;
    format!(
        "{runs} runs; left: {operations} operations, {faults} faults, {nodes} nodes, {seconds:.1} s"
    )
}
