//! `tribunal show`: one thing explained. A name is looked for among faults, targets, workloads and
//! checkers, and then among stored runs.

use super::check::{self, Stored};
use crate::cli::ShowArgs;
use crate::exit::{Ending, Failure};
use crate::judge::{CHECKERS, Spend, judge_run};
use crate::screen::{self, say};
use crate::store::RunDir;
use crate::suggest;
use std::fmt::Write;
use std::time::Duration;
use targets::catalogue::{TARGETS, Target};
use workloads::catalogue::{WORKLOADS, Workload};

/// A stored run is judged again to be shown; more than this is a matter for `tribunal check`.
const CHECK_BUDGET: Duration = Duration::from_secs(60);

/// Explains.
pub(super) fn show(args: &ShowArgs) -> Result<Ending, Failure> {
    let name = args.name.as_str();
    if let Some(target) = TARGETS.iter().find(|target| target.name == name) {
        say(&target_text(target));
    } else if let Some(workload) = WORKLOADS.iter().find(|workload| workload.name == name) {
        say(&workload_text(workload));
    } else if let Some(text) = fault_text(name) {
        say(&text);
    } else if let Some(checker) = CHECKERS.iter().find(|checker| checker.name == name) {
        say(&format!("checker {}: decides whether {}", checker.name, checker.about));
    } else {
        return show_run(args);
    }
    Ok(Ending::Valid)
}

fn show_run(args: &ShowArgs) -> Result<Ending, Failure> {
    let run = match RunDir::find(&args.store.store, &args.name) {
        Ok(run) => run,
        Err(failure) if failure.to_string().starts_with("no stored run") => {
            let known = TARGETS
                .iter()
                .map(|target| target.name)
                .chain(WORKLOADS.iter().map(|workload| workload.name))
                .chain(nemesis::catalogue::FAULTS.iter().map(|fault| fault.name))
                .chain(CHECKERS.iter().map(|checker| checker.name));
            let list = "tribunal list targets|workloads|faults|checkers|runs";
            return Err(Failure::Usage(suggest::unknown("name", &args.name, known, list)));
        }
        Err(failure) => return Err(failure),
    };
    let Stored { record, history, damage } = check::load_run(&run)?;
    let sentence = judge_run(&record, &history, Spend::time(CHECK_BUDGET), || false)?;
    let mut text = screen::opening(&record.facts, &run.path().display().to_string(), &record.claim);
    if let Some(damage) = damage {
        let _ = writeln!(text, "\nNOTE: {damage}");
    }
    let faults = screen::fault_counts(&history);
    let next = [("report", run.file("report.html").display().to_string())];
    let closing = screen::closing(
        &sentence.verdict,
        &sentence.judgements,
        &sentence.stats,
        Some(faults),
        &next,
    );
    say(&format!("{text}\n{closing}"));
    Ok(Ending::Valid)
}

fn target_text(target: &Target) -> String {
    let mut text = format!("target {}: {}\n", target.name, target.about);
    for (interface, model) in target.claims {
        let _ = writeln!(text, "\nclaims a {model} {}", interface.name());
    }
    text.push_str("\noptions (--set NAME=VALUE):\n");
    for option in target.options {
        let _ = write!(
            text,
            "\n  {} = {} (default {})\n      {}\n",
            option.name, option.takes, option.default, option.about
        );
    }
    text.push_str("\nplanted bugs (--bug NAME):\n");
    for bug in target.bugs {
        let _ = write!(
            text,
            "\n  {}\n      {}\n      exposed by: tribunal run {} --bug {} {}\n      seen in: {}\n",
            bug.name, bug.about, target.name, bug.name, bug.exposed_by, bug.seen_in
        );
    }
    text
}

fn workload_text(workload: &Workload) -> String {
    format!(
        "workload {}: {}\n\nneeds the interface {}\noperations: {}\njudged by: {}",
        workload.name,
        workload.about,
        workload.interface.name(),
        workload.functions.join(", "),
        workload.checkers.join(", ")
    )
}

fn fault_text(name: &str) -> Option<String> {
    if let Some(fault) = nemesis::catalogue::fault(name) {
        let needs: Vec<&str> = fault.needs.iter().map(|need| need.name()).collect();
        return Some(format!(
            "fault {}: {}\n\nneeds: {} (at least {} nodes)\nobserved by: {}\nundone by: {}",
            fault.name,
            fault.about,
            needs.join(", "),
            fault.min_nodes,
            fault.class.observed(),
            fault.class.undo()
        ));
    }
    let group = nemesis::catalogue::GROUPS.iter().find(|group| group.name == name)?;
    let members: Vec<&str> =
        nemesis::catalogue::members(name).into_iter().map(|fault| fault.name).collect();
    Some(format!("faults {}: {}\n\n{}", group.name, group.about, members.join("\n")))
}
