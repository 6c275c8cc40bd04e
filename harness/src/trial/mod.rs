//! A trial: from a case to a verdict, a report and an exit code.
//!
//! ```text
//!   cluster up --> run recorded --> cluster down --> judged --> reported
//!      10              11               12            0 1 2
//! ```
//!
//! Where it takes place makes no difference to how it is recorded, judged and stored: `local` lets
//! real processes run, `simulated` steps a world in virtual time.
//!
//! Whatever goes wrong after the first event was recorded, what was recorded is judged: a heal that
//! failed or a disk that filled up is said beside the verdict and never instead of it.

mod local;
pub mod simulated;

use crate::case::Case;
use crate::exit::{Ending, Failure};
use crate::judge::{self, Sentence, Spend};
use crate::progress::Progress;
use crate::request::{Request, quoted};
use crate::runner::Recorded;
use crate::runner::interrupt::Interrupts;
use crate::screen::{self, say};
use crate::store::{FORMAT, RunDir, RunRecord};
use checkers::history::trace::Trace;
use checkers::linearizable::Violation;
use checkers::verdict::Judgement;
use nemesis::catalogue::Entry;
use nemesis::fault::Need;
use reports::RunFacts;
use std::fs::File;
use targets::local::Fabric;

/// Where a trial takes place.
#[derive(Debug)]
pub struct Place {
    /// `local (network namespaces, ordinary user)`.
    pub name: String,
    /// What the reader must know about it.
    pub warning: Option<String>,
    /// What it takes to be there.
    pub kind: Kind,
}

/// What it takes to be at a place.
#[derive(Debug)]
pub enum Kind {
    /// Processes of this machine.
    Local {
        /// How nodes are connected.
        fabric: Fabric,
        /// What marks its processes as ours.
        tag: String,
    },
    /// A world in this process.
    Simulated,
}

impl Place {
    /// The simulated world.
    pub fn simulated() -> Self {
        Self {
            name: "sim (a simulated world in virtual time)".to_owned(),
            warning: None,
            kind: Kind::Simulated,
        }
    }

    fn offers(&self, entry: &Entry) -> bool {
        let has = |need: &Need| match (&self.kind, need) {
            (Kind::Simulated, _) => true,
            (Kind::Local { .. }, Need::Process | Need::Pause) => true,
            (Kind::Local { fabric, .. }, Need::Links) => matches!(fabric, Fabric::Namespaces(_)),
            (Kind::Local { .. }, _) => false,
        };
        entry.needs.iter().all(has)
    }
}

/// Holds a trial of what was asked, in this process.
pub fn hold(request: Request, run: &RunDir, place: Place) -> Result<Ending, Failure> {
    let (offered, missing): (Vec<&'static Entry>, Vec<&'static Entry>) =
        request.faults.iter().copied().partition(|entry| place.offers(entry));
    let names = |entries: &[&Entry]| -> Vec<String> {
        entries.iter().map(|entry| entry.name.to_owned()).collect()
    };
    let why = place.warning.as_deref().unwrap_or("only the simulated world has them: --on sim");
    if offered.is_empty() && !missing.is_empty() {
        return Err(Failure::Nothing(format!(
            "none of the faults asked for can be had here: {why}\nsee: tribunal doctor"
        )));
    }
    let warning = match (&place.warning, missing.is_empty()) {
        (warning, true) => warning.clone(),
        (_, false) => {
            let names = names(&missing).join(", ");
            Some(format!("{why}\nnot injected for that reason: {names}"))
        }
    };
    let plan = request.plan(&offered)?;
    let case = Case { request, plan, operations: None };
    let place = Place { warning, ..place };
    let trial = Trial { case: &case, run, place: &place, faults: names(&offered), origin: None };
    trial.hold()
}

/// Holds the trial of a case that comes from elsewhere, which `origin` says in words.
pub fn hold_again(
    case: &Case,
    origin: &str,
    run: &RunDir,
    place: &Place,
) -> Result<Ending, Failure> {
    let trial = Trial { case, run, place, faults: planned_names(case), origin: Some(origin) };
    trial.hold()
}

/// The names of the faults of a plan, each once.
fn planned_names(case: &Case) -> Vec<String> {
    let mut names: Vec<String> = case.plan.iter().map(|planned| planned.fault.clone()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// A trial that is being held.
struct Trial<'a> {
    case: &'a Case,
    run: &'a RunDir,
    place: &'a Place,
    /// The names of the faults that are offered.
    faults: Vec<String>,
    /// Where the case comes from, in words, if not from a command line.
    origin: Option<&'a str>,
}

impl Trial<'_> {
    fn hold(&self) -> Result<Ending, Failure> {
        let (run, request) = (self.run, &self.case.request);
        let interrupts = Interrupts::listen()
            .map_err(|error| Failure::SetUp(format!("signals cannot be handled: {error}")))?;
        let mut record = self.record();
        run.write_record(&record)?;
        say(&screen::opening(&record.facts, &run.path().display().to_string(), &record.claim));
        let recorded = match &self.place.kind {
            Kind::Local { fabric, tag } => {
                local::take_place(self.case, run, *fabric, tag, &interrupts)?
            }
            Kind::Simulated => {
                let history = create_history(run)?;
                let stop = || interrupts.interrupted();
                let mut progress = Progress::new(request.args.progress);
                simulated::take_place(self.case, history, &stop, &mut progress)?
            }
        };
        note_what_was_recorded(&mut record, &recorded);
        if interrupts.impatient() {
            run.write_record(&record)?;
            say(&format!("saved; check it with: {}", record.facts.check_command));
            return Ok(Ending::Interrupted);
        }
        let cancelled = || interrupts.impatient();
        let sentence = judge::judge_run(
            &record,
            &recorded.history,
            Spend::time(request.args.check_budget),
            cancelled,
        )?;
        conclude(run, &mut record, &recorded, &sentence)
    }

    fn record(&self) -> RunRecord {
        let facts = facts(self.case, self.run, self.place, self.faults.clone(), self.origin);
        RunRecord {
            format: FORMAT,
            facts,
            claim: self.case.request.claim.to_owned(),
            plan: self.case.plan.clone(),
            arguments: self.case.request.words(),
            operations: self.case.operations.clone(),
            origin: self.origin.map(str::to_owned),
            final_reads: false,
            verdict: None,
            exit_code: None,
        }
    }
}

fn note_what_was_recorded(record: &mut RunRecord, recorded: &Recorded) {
    record.final_reads = recorded.final_reads;
    record.facts.interrupted = recorded.interrupted;
    record.facts.history_damage =
        recorded.file.as_ref().err().map(|error| format!("history.jsonl is incomplete: {error}"));
}

fn create_history(run: &RunDir) -> Result<File, Failure> {
    let path = run.file("history.jsonl");
    File::create(&path)
        .map_err(|error| Failure::SetUp(format!("{} cannot be made: {error}", path.display())))
}

/// The command that repeats a run. What was taken out of a case stands in its record only.
fn repeat_command(case: &Case, run: &RunDir, origin: Option<&str>) -> String {
    match origin {
        Some(_) => format!("tribunal replay {}", path_word(run)),
        None => case.request.repeat_command(),
    }
}

fn facts(
    case: &Case,
    run: &RunDir,
    place: &Place,
    faults: Vec<String>,
    origin: Option<&str>,
) -> RunFacts {
    let request = &case.request;
    let args = &request.args;
    let own = [
        ("rate", format!("{} operations/s", request.rate_per_s())),
        ("node choice", args.ask.clone()),
        ("operation time-out", format!("{} ms", args.op_timeout.as_millis())),
    ];
    let options = request.options.iter().cloned().chain(own);
    RunFacts {
        run: run.name(),
        target: request.target.name.to_owned(),
        bug: request.bug.map(|bug| bug.name.to_owned()),
        workload: request.workload.name.to_owned(),
        faults,
        environment: place.name.clone(),
        environment_warning: place.warning.clone(),
        simulated: matches!(place.kind, Kind::Simulated),
        seed: request.seed.0,
        nodes: args.nodes,
        clients: args.clients,
        main_phase_ms: args.time.as_millis() as u64,
        started_at: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        interrupted: false,
        history_damage: None,
        repeat_command: repeat_command(case, run, origin),
        check_command: format!("tribunal check {}", path_word(run)),
        options: options.map(|(name, value)| (name.to_owned(), value)).collect(),
    }
}

/// The run's folder as a word for a shell.
fn path_word(run: &RunDir) -> String {
    let path = run.path().display().to_string();
    let path = if path.starts_with('-') { format!("./{path}") } else { path };
    quoted(&path)
}

/// Whether a fault may be left behind. Of a simulated world nothing is.
fn remains(record: &RunRecord, recorded: &Recorded) -> bool {
    !recorded.healed && !record.facts.simulated
}

/// What was stored of a verdict.
struct Stored {
    ending: Ending,
    report: String,
    failures: Vec<Failure>,
}

/// Stores what was found.
fn store(
    run: &RunDir,
    record: &mut RunRecord,
    recorded: &Recorded,
    sentence: &Sentence,
    trace: Option<&Trace>,
) -> Stored {
    let Sentence { verdict, judgements, .. } = sentence;
    let mut ending = Ending::of(verdict);
    if recorded.interrupted {
        ending = ending.merge(Ending::Interrupted);
    }
    if remains(record, recorded) {
        ending = ending.merge(Ending::FaultsRemain);
    }
    record.verdict = Some(verdict.word().to_owned());
    record.exit_code = Some(ending.code());
    let mut failures = Vec::new();
    failures.extend(record.facts.history_damage.clone().map(Failure::ControlLost));
    failures.extend(run.write_judgements(verdict, judgements).err());
    let report = match write_report(run, record, recorded, judgements, trace) {
        Ok(path) => path,
        Err(why) => format!("not made: {why}"),
    };
    failures.extend(run.write_record(record).err());
    Stored { ending, report, failures }
}

/// Stores and prints what was found. What cannot be stored is said beside the verdict: a violation
/// must not be lost because a disk is full.
fn conclude(
    run: &RunDir,
    record: &mut RunRecord,
    recorded: &Recorded,
    sentence: &Sentence,
) -> Result<Ending, Failure> {
    let Stored { ending, report, failures } = store(run, record, recorded, sentence, None);
    let Sentence { verdict, judgements, stats } = sentence;
    let mut next = vec![("report", report), ("check", record.facts.check_command.clone())];
    if let Some(Violation { index, sentence, .. }) = &recorded.violation {
        let sentence = screen::harmless(sentence);
        next.push(("stopped", format!("early, when event {index} made it certain: {sentence}")));
    }
    next.extend(failures.iter().map(|failure| ("damage", failure.to_string())));
    if remains(record, recorded) {
        next.push(("heal", format!("faults may remain; run: tribunal heal {}", run.name())));
    }
    next.push(("repeat", record.facts.repeat_command.clone()));
    let faults = screen::fault_counts(&recorded.history);
    say(&screen::closing(verdict, judgements, stats, Some(faults), &next));
    match failures.into_iter().next() {
        Some(failure) if ending != Ending::Invalid => Err(failure),
        _ => Ok(ending),
    }
}

/// Writes the page; one that cannot be made changes no verdict.
fn write_report(
    run: &RunDir,
    record: &RunRecord,
    recorded: &Recorded,
    judgements: &[Judgement],
    trace: Option<&Trace>,
) -> Result<String, String> {
    let limits = reports::Limits::default();
    let page = reports::html(&record.facts, &recorded.history, judgements, trace, &limits)
        .map_err(|error| error.to_string())?;
    run.write("report.html", page.as_bytes()).map_err(|error| error.to_string())?;
    Ok(run.file("report.html").display().to_string())
}
