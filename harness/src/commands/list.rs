//! `tribunal list`: what there is, as a table or as JSON.

use super::print_json;
use crate::cli::{ListArgs, Listing};
use crate::exit::{Ending, Failure};
use crate::judge::CHECKERS;
use crate::screen::{listing, say};
use crate::store::RunDir;
use checkers::consistency::Consistency;
use checkers::transactions::lattice::{self, Model};
use serde_json::json;
use std::path::Path;
use targets::catalogue::TARGETS;
use workloads::catalogue::WORKLOADS;

/// Lists.
pub(super) fn list(args: &ListArgs) -> Result<Ending, Failure> {
    match args.what {
        Listing::Targets => table(args.json, ["target", "claims", "about"], &targets()),
        Listing::Workloads => table(args.json, ["workload", "needs", "about"], &workloads()),
        Listing::Faults => table(args.json, ["fault", "in", "about"], &faults()),
        Listing::Checkers => {
            let rows: Vec<_> =
                CHECKERS.iter().map(|c| [c.name.to_owned(), c.about.to_owned()]).collect();
            table(args.json, ["checker", "decides whether"], &rows)
        }
        Listing::Models => {
            let rows: Vec<[String; 2]> = super::check::known_models()
                .map(|(name, about, how)| [name.to_owned(), format!("{about}{how}")])
                .collect();
            table(args.json, ["model", "about"], &rows)
        }
        Listing::Consistency => table(args.json, ["consistency", "of", "also"], &consistency()),
        Listing::Runs => runs(&args.store.store, args.json),
    }
}

fn consistency() -> Vec<[String; 3]> {
    let objects = [("linearizable", "an object"), ("invariant", "a workload")];
    let objects =
        objects.into_iter().chain(Consistency::ALL.iter().map(|(n, _)| (*n, "registers")));
    let mut rows: Vec<_> = objects.map(|(name, of)| [name, of, ""].map(str::to_owned)).collect();
    // Of the others no anomaly speaks, so nothing can be held against them.
    for model in Model::ALL.iter().filter(|model| lattice::is_judged(**model)) {
        let also = match model {
            Model::StrictSerializable => "strict-serializable, PL-SS",
            model if model.canonical() == model.name() => "",
            model => model.canonical(),
        };
        rows.push([model.name(), "transactions", also].map(str::to_owned));
    }
    rows
}

fn targets() -> Vec<[String; 3]> {
    let claims = |target: &targets::catalogue::Target| {
        let claim = |(interface, model): &(targets::catalogue::Interface, &str)| {
            format!("{model} {}", interface.name())
        };
        target.claims.iter().map(claim).collect::<Vec<_>>().join(", ")
    };
    TARGETS.iter().map(|t| [t.name.to_owned(), claims(t), t.about.to_owned()]).collect()
}

fn faults() -> Vec<[String; 3]> {
    let mut rows: Vec<_> = nemesis::catalogue::FAULTS
        .iter()
        .map(|f| [f.name.to_owned(), f.class.name().to_owned(), f.about.to_owned()])
        .collect();
    for group in nemesis::catalogue::GROUPS {
        rows.push([group.name.to_owned(), "(a group)".to_owned(), group.about.to_owned()]);
    }
    rows
}

fn workloads() -> Vec<[String; 3]> {
    WORKLOADS
        .iter()
        .map(|w| [w.name.to_owned(), w.interface.name().to_owned(), w.about.to_owned()])
        .collect()
}

fn runs(store: &Path, json: bool) -> Result<Ending, Failure> {
    let mut rows = Vec::new();
    for run in RunDir::all(store) {
        // One unreadable record must not hide the others.
        let row = match run.record() {
            Ok(record) => {
                let verdict = record.verdict.unwrap_or_else(|| "unfinished".to_owned());
                let bug = record.facts.bug.map_or(String::new(), |bug| format!(" +{bug}"));
                let what = format!("{}{bug}: {}", record.facts.target, record.facts.workload);
                [run.name(), verdict, what, record.facts.seed.to_string()]
            }
            Err(failure) => [run.name(), "unreadable".into(), failure.to_string(), "-".into()],
        };
        rows.push(row);
    }
    if rows.is_empty() {
        return Err(Failure::Nothing(format!(
            "no stored runs in {}\nmake one: tribunal run raft",
            store.display()
        )));
    }
    table(json, ["run", "verdict", "what", "seed"], &rows)
}

fn table<const N: usize>(
    as_json: bool,
    headings: [&str; N],
    rows: &[[String; N]],
) -> Result<Ending, Failure> {
    if as_json {
        let object = |row: &[String; N]| {
            headings.iter().zip(row).map(|(name, cell)| ((*name).to_owned(), json!(cell))).collect()
        };
        let rows: Vec<serde_json::Map<String, serde_json::Value>> =
            rows.iter().map(object).collect();
        return print_json(&json!(rows));
    }
    say(&listing(headings, rows));
    Ok(Ending::Valid)
}
