//! A trial in the simulated world: no process, no file but the run's own.

use super::{Place, Stored, Trial, create_history, note_what_was_recorded, planned_names, store};
use crate::case::Case;
use crate::cli;
use crate::exit::{Ending, Failure};
use crate::judge::{self, Sentence, Spend};
use crate::panics;
use crate::progress::Progress;
use crate::runner::Recorded;
use crate::runner::interrupt::Interrupts;
use crate::runner::recorder::Recorder;
use crate::runner::simulated::{Simulated, play};
use crate::store::{RunDir, RunRecord};
use checkers::history::History;
use checkers::history::trace::Trace;
use checkers::verdict::Verdict;
use std::fs::File;
use std::path::Path;

/// Plays a case and records it into the file.
pub(super) fn take_place(
    case: &Case,
    history: File,
    stop: &dyn Fn() -> bool,
    progress: &mut Progress,
) -> Result<Recorded, Failure> {
    let recorder = Recorder::new(history, case.request.args.nodes);
    Ok(play_caught(case, recorder, None, stop, progress)?.recorded)
}

/// Plays; a protocol that panics ends the run and not the program. What it recorded is in its file.
fn play_caught(
    case: &Case,
    recorder: Recorder,
    trace_ns: Option<(u64, u64)>,
    stop: &dyn Fn() -> bool,
    progress: &mut Progress,
) -> Result<Simulated, Failure> {
    let target = case.request.target.name;
    panics::caught(|| play(case, recorder, trace_ns, stop, progress)).unwrap_or_else(|panicked| {
        let panics::Panicked { message, place } = &panicked;
        let words = format!("panicked at {place}: {message}");
        if panicked.is_of(target) {
            return Err(Failure::ControlLost(format!(
                "{target} {words}\na promise that its own code checks was broken; what was recorded \
                 until then can be checked: tribunal check latest"
            )));
        }
        Err(Failure::Internal(words))
    })
}

/// Plays a case in memory and judges it within a counted budget: what thousands of cases are tried
/// with. Nothing comes back if `stop` ended it early; a panic is the caller's.
pub fn try_out(
    case: &Case,
    stop: &dyn Fn() -> bool,
) -> Result<Option<(Simulated, Sentence)>, Failure> {
    let recorder = Recorder::in_memory(case.request.args.nodes);
    let mut silent = Progress::new(cli::Progress::None);
    let simulated = play(case, recorder, None, stop, &mut silent)?;
    if simulated.recorded.interrupted {
        return Ok(None);
    }
    let sentence = judge::judge_case(case, &simulated.recorded.history);
    Ok(Some((simulated, sentence)))
}

/// A run that was played, judged and stored.
#[derive(Debug)]
pub struct Kept {
    /// Where it is.
    pub run: RunDir,
    /// What was asked and found.
    pub record: RunRecord,
    /// What was played.
    pub simulated: Simulated,
    /// What was decided.
    pub sentence: Sentence,
    /// What that means for the exit code.
    pub ending: Ending,
    /// Where its page is, or why there is none.
    pub report: String,
    /// What could not be stored.
    pub failures: Vec<Failure>,
}

/// How long before the first operation of the evidence a trace begins, and how long it goes on
/// after the last.
const TRACE_MARGIN_NS: u64 = 100_000_000;

/// The longest window that a trace is kept of; of a longer one, the end.
const TRACE_WINDOW_NS_MAX: u64 = 10_000_000_000;

/// Plays a case, judges it and stores it as a run of its own, without a word on the screen.
/// `origin` says where the case comes from. With a trace it is played twice: where to look is known
/// only when it is judged. Who interrupts it once ends the playing, twice the judging.
pub fn keep(
    case: &Case,
    store_dir: &Path,
    origin: &str,
    traced: bool,
    interrupts: Option<&Interrupts>,
) -> Result<Kept, Failure> {
    let stop = || interrupts.is_some_and(Interrupts::interrupted);
    let impatient = || interrupts.is_some_and(Interrupts::impatient);
    // What cannot be played leaves no folder behind.
    case.scheduler()?;
    let run = RunDir::create(store_dir, &case.request.name())?;
    let (place, faults) = (Place::simulated(), planned_names(case));
    let trial = Trial { case, run: &run, place: &place, faults, origin: Some(origin) };
    let mut record = trial.record();
    run.write_record(&record)?;
    let nodes = case.request.args.nodes;
    let recorder = Recorder::new(create_history(&run)?, nodes);
    let mut progress = Progress::new(cli::Progress::None);
    let mut simulated = play_caught(case, recorder, None, &stop, &mut progress)?;
    note_what_was_recorded(&mut record, &simulated.recorded);
    let spend = Spend::time(case.request.args.check_budget);
    let sentence = judge::judge_run(&record, &simulated.recorded.history, spend, impatient)?;
    if traced {
        let window = window(&sentence, &simulated.recorded.history);
        let again =
            play_caught(case, Recorder::in_memory(nodes), Some(window), &stop, &mut progress)?;
        simulated.trace = again.trace;
    }
    let trace = simulated.trace.as_ref();
    let Stored { report, mut failures, ending } =
        store(&run, &mut record, &simulated.recorded, &sentence, trace);
    failures.extend(trace.and_then(|trace| write_trace(&run, trace).err()));
    Ok(Kept { run, record, simulated, sentence, ending, report, failures })
}

/// The part of a run that is worth a look from inside: around the evidence, or else its end.
fn window(sentence: &Sentence, history: &History) -> (u64, u64) {
    let evidence = sentence.judgements.iter().find_map(|judgement| match &judgement.verdict {
        Verdict::Invalid { evidence } => evidence.span_ns(),
        _ => None,
    });
    let end_ns = history.events().last().map_or(0, |event| event.time_ns);
    let (from_ns, to_ns) = evidence.unwrap_or((end_ns.saturating_sub(TRACE_WINDOW_NS_MAX), end_ns));
    let to_ns = to_ns + TRACE_MARGIN_NS;
    (from_ns.saturating_sub(TRACE_MARGIN_NS).max(to_ns.saturating_sub(TRACE_WINDOW_NS_MAX)), to_ns)
}

/// Writes a trace for people and for programs.
fn write_trace(run: &RunDir, trace: &Trace) -> Result<(), Failure> {
    run.write("trace.txt", reports::trace_text(trace).as_bytes())?;
    let json = serde_json::to_vec(trace)
        .map_err(|error| Failure::Internal(format!("trace.json: {error}")))?;
    run.write("trace.json", &json)
}
