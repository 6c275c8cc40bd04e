//! A trial: from a checked request to a verdict, a report and an exit code.
//!
//! ```text
//!   cluster up --> run recorded --> cluster down --> judged --> reported
//!      10              11               12            0 1 2
//! ```
//!
//! Whatever goes wrong after the first event was recorded, what was recorded is judged: a heal that
//! failed or a disk that filled up is said beside the verdict and never instead of it.

use crate::cluster::{self, Cluster};
use crate::exit::{Ending, Failure};
use crate::judge::{self, Sentence};
use crate::progress::Progress;
use crate::request::{Request, quoted};
use crate::runner::interrupt::Interrupts;
use crate::runner::nemesis_thread::NemesisThread;
use crate::runner::recorder::Recorder;
use crate::runner::scheduler::Scheduler;
use crate::runner::{Conductor, Recorded};
use crate::screen::{self, say};
use crate::store::{FORMAT, RunDir, RunRecord};
use checkers::verdict::Judgement;
use nemesis::catalogue::Entry;
use nemesis::engine::{Engine, EngineOptions};
use nemesis::fault::Need;
use nemesis::ledger::Ledger;
use nemesis::plan::PlannedFault;
use reports::RunFacts;
use std::fs::File;
use targets::environment::Environment;
use targets::kv_client::{KvClient, KvClientOptions};
use targets::local::Fabric;
use targets::raft::RaftRequest;

/// Where a trial takes place.
#[derive(Debug)]
pub struct Place {
    /// How nodes are connected.
    pub fabric: Fabric,
    /// `local (network namespaces, ordinary user)`.
    pub name: String,
    /// What the reader must know about it.
    pub warning: Option<String>,
    /// What marks its processes as ours.
    pub tag: String,
}

/// Carries out a trial in this process.
pub fn hold(request: &Request, run: &RunDir, place: &Place) -> Result<Ending, Failure> {
    let interrupts = Interrupts::listen()
        .map_err(|error| Failure::SetUp(format!("signals cannot be handled: {error}")))?;
    let (offered, plan, warning) = plan(request, place)?;
    let mut record = RunRecord {
        format: FORMAT,
        facts: facts(request, run, place, &offered, warning),
        claim: request.claim.to_owned(),
        plan,
        final_reads: false,
        verdict: None,
        exit_code: None,
    };
    run.write_record(&record)?;
    say(&screen::opening(&record.facts, &run.path().display().to_string(), request.claim));

    let recorded = take_place(request, run, place, &record.plan, &interrupts)?;
    record.final_reads = recorded.final_reads;
    record.facts.interrupted = recorded.interrupted;
    record.facts.history_damage =
        recorded.file.as_ref().err().map(|error| format!("history.jsonl is incomplete: {error}"));
    if interrupts.impatient() {
        run.write_record(&record)?;
        say(&format!("saved; check it with: {}", record.facts.check_command));
        return Ok(Ending::Interrupted);
    }
    let cancelled = || interrupts.impatient();
    let sentence =
        judge::judge_run(&record, &recorded.history, request.args.check_budget, cancelled)?;
    let ending = conclude(run, &mut record, &recorded, &sentence)?;
    Ok(ending)
}

/// The faults that this place offers, their windows, and a warning about those that it does not.
#[expect(clippy::type_complexity, reason = "three things that are found together")]
fn plan(
    request: &Request,
    place: &Place,
) -> Result<(Vec<&'static Entry>, Vec<PlannedFault>, Option<String>), Failure> {
    let links = matches!(place.fabric, Fabric::Namespaces(_));
    let offers = |entry: &&'static Entry| links || !entry.needs.contains(&Need::Links);
    let (offered, missing): (Vec<&Entry>, Vec<&Entry>) =
        request.faults.iter().copied().partition(offers);
    if offered.is_empty() && !missing.is_empty() {
        return Err(Failure::Nothing(format!(
            "none of the faults asked for can be had here: {}\nsee: tribunal doctor",
            place.warning.as_deref().unwrap_or("links cannot be broken")
        )));
    }
    let warning = place.warning.as_ref().map(|warning| {
        let names: Vec<&str> = missing.iter().map(|entry| entry.name).collect();
        if names.is_empty() {
            return warning.clone();
        }
        format!("{warning}\nnot injected for that reason: {}", names.join(", "))
    });
    let plan = request.plan(&offered)?;
    Ok((offered, plan, warning))
}

fn facts(
    request: &Request,
    run: &RunDir,
    place: &Place,
    offered: &[&'static Entry],
    warning: Option<String>,
) -> RunFacts {
    let args = &request.args;
    let own = [
        ("rate", format!("{} operations/s", args.rate)),
        ("node choice", args.ask.clone()),
        ("operation time-out", format!("{} ms", args.op_timeout.as_millis())),
    ];
    let options = request.options.iter().cloned().chain(own);
    RunFacts {
        run: run.name(),
        target: request.target.name.to_owned(),
        bug: request.bug.map(|bug| bug.name.to_owned()),
        workload: request.workload.name.to_owned(),
        faults: offered.iter().map(|entry| entry.name.to_owned()).collect(),
        environment: place.name.clone(),
        environment_warning: warning,
        seed: request.seed.0,
        nodes: args.nodes,
        clients: args.clients,
        main_phase_ms: args.time.as_millis() as u64,
        started_at: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        interrupted: false,
        history_damage: None,
        repeat_command: request.repeat_command(),
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

/// Brings the cluster up, carries the run out, and takes the cluster down again.
fn take_place(
    request: &Request,
    run: &RunDir,
    place: &Place,
    plan: &[PlannedFault],
    interrupts: &Interrupts,
) -> Result<Recorded, Failure> {
    let history = File::create(run.file("history.jsonl")).map_err(|error| {
        Failure::SetUp(format!("{} cannot be made: {error}", run.file("history.jsonl").display()))
    })?;
    let ledger = Ledger::open(&run.file("faults.jsonl"))
        .map_err(|error| Failure::SetUp(error.to_string()))?;
    let Cluster { environment, addresses, network, news } =
        cluster::start(request, run, place.fabric, &place.tag)?;
    let stream = request.seed.stream("nemesis engine");
    let options = EngineOptions::default();
    let mut engine = Engine::new(Box::new(environment), plan.to_vec(), ledger, stream, options)
        .map_err(|error| Failure::SetUp(error.to_string()))?;
    engine.hear(news);

    let (sender, reports) = tokio::sync::mpsc::unbounded_channel();
    let nemesis = NemesisThread::spawn(engine, sender)
        .map_err(|error| Failure::SetUp(format!("the nemesis thread cannot start: {error}")))?;
    let options = KvClientOptions { op_timeout: request.args.op_timeout, ..Default::default() };
    let clients = (0..request.args.clients)
        .map(|_| KvClient::new(addresses.clone(), options, RaftRequest::Kv))
        .collect();
    let conductor = Conductor {
        request,
        scheduler: Scheduler::new(request.phases()?, request.choice()?, request.args.clients),
        clients,
        recorder: Recorder::new(history, request.args.nodes),
        reports,
        nemesis: &nemesis,
        interrupts,
        progress: Progress::new(request.args.progress),
    };
    // The driver has a thread of its own because it lives in the clients' network namespace.
    let recorded = std::thread::scope(|scope| {
        let driver = std::thread::Builder::new().name("driver".into()).spawn_scoped(scope, || {
            network.enter().map_err(|error| Failure::SetUp(error.to_string()))?;
            conductor.conduct()
        });
        let driver =
            driver.map_err(|error| Failure::SetUp(format!("no driver thread: {error}")))?;
        driver.join().unwrap_or_else(|_| Err(Failure::Internal("the driver panicked".into())))
    })?;
    let environment: Option<Box<dyn Environment>> = nemesis.join();
    drop(environment);
    cluster::remove_data(request, run);
    Ok(recorded)
}

/// Stores and prints what was found. What cannot be stored is said beside the verdict: a violation
/// must not be lost because a disk is full.
fn conclude(
    run: &RunDir,
    record: &mut RunRecord,
    recorded: &Recorded,
    sentence: &Sentence,
) -> Result<Ending, Failure> {
    let Sentence { verdict, judgements, stats } = sentence;
    let mut ending = Ending::of(verdict);
    if recorded.interrupted {
        ending = ending.merge(Ending::Interrupted);
    }
    if !recorded.healed {
        ending = ending.merge(Ending::FaultsRemain);
    }
    record.verdict = Some(verdict.word().to_owned());
    record.exit_code = Some(ending.code());
    let mut failures = Vec::new();
    failures.extend(record.facts.history_damage.clone().map(Failure::ControlLost));
    failures.extend(run.write_judgements(verdict, judgements).err());
    let report = match write_report(run, record, recorded, judgements) {
        Ok(path) => path,
        Err(why) => format!("not made: {why}"),
    };
    failures.extend(run.write_record(record).err());
    let mut next = vec![("report", report), ("check", record.facts.check_command.clone())];
    next.extend(failures.iter().map(|failure| ("damage", failure.to_string())));
    if !recorded.healed {
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
) -> Result<String, String> {
    let limits = reports::Limits::default();
    let page = reports::html(&record.facts, &recorded.history, judgements, &limits)
        .map_err(|error| error.to_string())?;
    run.write("report.html", page.as_bytes()).map_err(|error| error.to_string())?;
    Ok(run.file("report.html").display().to_string())
}
