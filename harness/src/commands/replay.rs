//! `tribunal replay`: the same run again.
//!
//! A simulated run is the same again, byte for byte, and this command checks it. Of a run on real
//! processes only the schedule of operations and faults is the same; how they interleave is up to
//! the machine.

use super::run::hold_at;
use crate::case::Case;
use crate::cli::{On, ReplayArgs};
use crate::exit::{Ending, Failure, conclude};
use crate::hunt::swarm;
use crate::request;
use crate::runner::interrupt::Interrupts;
use crate::screen::{self, say};
use crate::store::{RunDir, RunRecord};
use crate::trial;
use crate::trial::simulated::{Kept, keep};
use std::fs;
use std::io::Read;
use std::process::ExitCode;

/// What is to be played again.
struct Original {
    case: Case,
    /// In words.
    origin: String,
    /// The run that recorded it, if it is stored.
    stored: Option<(RunDir, RunRecord)>,
}

/// Plays a stored run, or the case of a hunt's seed, again.
pub(super) fn replay(args: &ReplayArgs) -> ExitCode {
    let mut original = match find(args) {
        Ok(original) => original,
        Err(failure) => return conclude(Err(failure)),
    };
    original.case.request.args.store = args.store.clone();
    let on = args.on.unwrap_or(original.case.request.args.on);
    if on == On::Sim && args.rounds > 1 {
        let hint = "a simulated run is the same every time: rounds are for --on local";
        return conclude(Err(Failure::Usage(format!("--rounds: {hint}"))));
    }
    if on == On::Sim {
        original.case.request.args.on = On::Sim;
        return conclude(replay_simulated(args, &original));
    }
    if args.trace {
        let hint = "only simulated runs can be looked into: leave --on local or --trace away";
        return conclude(Err(Failure::Usage(format!("--trace: {hint}"))));
    }
    replay_local(args, original)
}

fn replay_local(args: &ReplayArgs, original: Original) -> ExitCode {
    let Original { mut case, origin, .. } = original;
    case.request.args.on = On::Local;
    let case = case.repeated(args.rounds);
    say("real processes: the schedule of operations and faults is played again, and their \
         interleaving is up to the machine\n");
    let run = match RunDir::create(&args.store.store, &case.request.name()) {
        Ok(run) => run,
        Err(failure) => return conclude(Err(failure)),
    };
    let fabric = case.request.args.fabric;
    hold_at(On::Local, fabric, &run, |place| trial::hold_again(&case, &origin, &run, &place))
}

fn replay_simulated(args: &ReplayArgs, original: &Original) -> Result<Ending, Failure> {
    let interrupts = Interrupts::listen()
        .map_err(|error| Failure::SetUp(format!("signals cannot be handled: {error}")))?;
    let (case, store) = (&original.case, &args.store.store);
    let kept = keep(case, store, &original.origin, args.trace, Some(&interrupts))?;
    let Kept { run, record, simulated, sentence, report, failures, ending } = &kept;
    say(&screen::opening(&record.facts, &run.path().display().to_string(), &record.claim));
    let mut next = vec![("report", report.clone())];
    if args.trace {
        next.push(("trace", run.file("trace.txt").display().to_string()));
    }
    next.push(("check", record.facts.check_command.clone()));
    next.extend(failures.iter().map(|failure| ("damage", failure.to_string())));
    let stopped = simulated.recorded.interrupted;
    let same = original.stored.as_ref().map(|(before, old)| same_again(before, old, run, stopped));
    if let Some(same) = &same {
        let words = match same {
            Ok(words) | Err(Failure::Internal(words)) => words.clone(),
            Err(other) => other.to_string(),
        };
        next.push(("replay", words));
    }
    let faults = screen::fault_counts(&simulated.recorded.history);
    let stats = &sentence.stats;
    say(&screen::closing(&sentence.verdict, &sentence.judgements, stats, Some(faults), &next));
    if *ending == Ending::Invalid {
        return Ok(*ending);
    }
    let ending = *ending;
    match (same, kept.failures.into_iter().next()) {
        (Some(Err(failure)), _) | (_, Some(failure)) => Err(failure),
        _ => Ok(ending),
    }
}

/// Whether the replay recorded what the original did; says so in words.
fn same_again(
    before: &RunDir,
    old: &RunRecord,
    run: &RunDir,
    stopped: bool,
) -> Result<String, Failure> {
    let name = before.name();
    if !old.facts.simulated {
        return Ok(format!("{name} was recorded on real processes"));
    }
    if stopped || old.facts.interrupted {
        let which = if stopped { "this run" } else { &name };
        return Ok(format!("not compared with {name}: {which} was stopped early"));
    }
    let (one, other) = (before.file("history.jsonl"), run.file("history.jsonl"));
    let open = |path: &std::path::Path| {
        fs::File::open(path).map(std::io::BufReader::new).map_err(|error| {
            Failure::Usage(format!("{} cannot be opened: {error}", path.display()))
        })
    };
    let (mut line, mut left, mut right) = (1_u64, open(&one)?.bytes(), open(&other)?.bytes());
    loop {
        match (left.next().transpose(), right.next().transpose()) {
            (Ok(None), Ok(None)) => {
                return Ok(format!("history.jsonl is identical to that of {name}"));
            }
            (Ok(None), Ok(Some(_))) => {
                return Ok(format!(
                    "history.jsonl of {name} ends in line {line}, incomplete; up to there it is \
                     identical"
                ));
            }
            (Ok(Some(a)), Ok(Some(b))) if a == b => line += u64::from(a == b'\n'),
            (Err(error), _) | (_, Err(error)) => {
                return Err(Failure::Usage(format!("the histories cannot be compared: {error}")));
            }
            _ => break,
        }
    }
    let differs = format!("history.jsonl differs from that of {name} in line {line}");
    let version = env!("CARGO_PKG_VERSION");
    if old.facts.version != version {
        return Ok(format!("{differs}: it was recorded by version {}", old.facts.version));
    }
    Err(Failure::Internal(format!("{differs}, unless another build of {version} recorded it")))
}

/// The case of a stored run, or of a hunt's seed.
fn find(args: &ReplayArgs) -> Result<Original, Failure> {
    let store = &args.store.store;
    let seed: Option<u64> = args.run.parse().ok();
    let draws = args.target.is_some() || args.bug.is_some();
    let run = match seed {
        Some(seed) if draws => return drawn(args, seed),
        None if draws => {
            return Err(Failure::Usage(format!(
                "--target and --bug go with a seed, and {} is none: a stored run has its own",
                args.run
            )));
        }
        // A number may also begin the time of a run; a seed is what it more likely means.
        Some(seed) => match (with_seed(store, seed), RunDir::find(store, &args.run)) {
            (Some(run), _) | (None, Ok(run)) => run,
            (None, Err(_)) => {
                return Err(Failure::Usage(format!(
                    "no simulated run with seed {seed} in {}\n\
                     to play what a hunt draws from it: tribunal replay {seed} --target raft",
                    store.display()
                )));
            }
        },
        None => RunDir::find(store, &args.run)?,
    };
    let (record, case) = stored(&run)?;
    let origin = format!("replayed from {}", run.name());
    Ok(Original { case, origin, stored: Some((run, record)) })
}

/// The record of a stored run, and its case. Says so if it may differ from what was recorded.
pub(super) fn stored(run: &RunDir) -> Result<(RunRecord, Case), Failure> {
    let record = run.record()?;
    if record.arguments.is_empty() {
        return Err(Failure::Usage(format!(
            "{} was recorded by an earlier version, which did not keep what a replay needs\n\
             repeat it with: {}",
            run.name(),
            record.facts.repeat_command
        )));
    }
    let version = env!("CARGO_PKG_VERSION");
    if record.facts.version != version {
        anstream::eprintln!(
            "tribunal: {} was recorded by version {}, this is version {version}: the replay may \
             differ",
            run.name(),
            record.facts.version
        );
    }
    let case = Case::stored(&record)?;
    Ok((record, case))
}

/// The latest simulated run with this seed.
fn with_seed(store: &std::path::Path, seed: u64) -> Option<RunDir> {
    let has_seed = |run: &RunDir| {
        run.record().is_ok_and(|record| record.facts.simulated && record.facts.seed == seed)
    };
    RunDir::all(store).into_iter().rev().find(has_seed)
}

/// The case that a hunt without pins draws from this seed.
fn drawn(args: &ReplayArgs, seed: u64) -> Result<Original, Failure> {
    let target = request::target(args.target.as_deref().unwrap_or("raft"))?;
    let bug = args.bug.as_deref().map(|name| request::bug(target, name)).transpose()?;
    let words = swarm::words(target, bug, &swarm::Pinned::default(), seed);
    let case = Case::of(crate::case::from_words(&words)?)?;
    Ok(Original { case, origin: format!("drawn from seed {seed}"), stored: None })
}
