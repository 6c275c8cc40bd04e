//! No vacuous pass: a run that tested nothing is `unknown`.
//!
//! ```text
//!   main phase     something acknowledged, and each function of the workload at least once
//!   faults         every fault that was asked for was seen to take effect
//!   final reads    there are some, and at least one was answered
//!   the end        the run got there
//! ```
//!
//! Every reason is listed, not the first only: whoever repairs the run wants all of them at once.

use crate::history::notes::{FaultNote, FaultStep, Note, Phase};
use crate::history::{EventType, History, Symbol};
use crate::stats::{self, Counts, Stats};
use crate::verdict::{Judgement, Verdict};
use crate::words;
use std::collections::BTreeMap;

/// So many faults are named; the others are counted.
const FAULTS_NAMED_MAX: usize = 10;

/// The most that is quoted of a fault's text, in characters.
const TEXT_CHARS_MAX: usize = 80;

/// What a run set out to do.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The functions of the workload, each of which has to be acknowledged in the main phase.
    pub functions: &'a [&'a str],
    /// Whether the workload ends with final reads of every key.
    pub final_reads: bool,
    /// How many faults were planned.
    pub faults_planned: usize,
}

/// Judges whether the run tested what it set out to test.
pub fn check(history: &History, expected: &Expected<'_>) -> Judgement {
    let stats = stats::stats(history);
    let faults = faults(history);
    let mut reasons = Vec::new();
    reasons.extend(stats::interrupted(history));
    main_phase(&stats, expected, &mut reasons);
    if expected.final_reads {
        reasons.extend(final_reads(&stats));
        reasons.extend(keys_not_read(history));
    }
    if faults.len() < expected.faults_planned {
        reasons.push(format!(
            "{} of {} planned faults were never asked for",
            expected.faults_planned - faults.len(),
            expected.faults_planned
        ));
    }
    unseen_faults(&faults, &mut reasons);
    let seen = faults.values().filter(|fault| fault.installed).count();
    let figures = [
        ("acknowledged in the main phase", sum_ok(stats.phase(Phase::Main))),
        ("acknowledged final reads", sum_ok(stats.phase(Phase::FinalReads))),
        ("faults asked for", faults.len() as u64),
        ("faults observed", seen as u64),
    ];
    let verdict = if reasons.is_empty() {
        Verdict::Valid
    } else {
        Verdict::Unknown { why: format!("vacuous: {}", reasons.join("; ")) }
    };
    Judgement {
        checker: "vacuity".to_owned(),
        claim: "the run tested what it set out to test".to_owned(),
        verdict,
        figures: figures.map(|(name, figure)| (name.to_owned(), figure.to_string())).to_vec(),
    }
}

fn sum_ok(functions: &[Counts]) -> u64 {
    functions.iter().map(|counts| counts.ok).sum()
}

fn main_phase(stats: &Stats, expected: &Expected<'_>, reasons: &mut Vec<String>) {
    let main = stats.phase(Phase::Main);
    if sum_ok(main) == 0 {
        reasons.push("nothing was acknowledged during the main phase".to_owned());
        return;
    }
    for f in expected.functions {
        let counts = main.iter().find(|counts| counts.f == *f).cloned().unwrap_or_default();
        let Counts { ok: 0, fail, info, .. } = counts else { continue };
        reasons.push(format!(
            "no {f} was acknowledged during the main phase ({fail} failed, {info} indeterminate)"
        ));
    }
}

fn final_reads(stats: &Stats) -> Option<String> {
    let reads = stats.phase(Phase::FinalReads);
    if reads.is_empty() {
        return Some("the final reads are missing".to_owned());
    }
    let asked: u64 = reads.iter().map(|counts| counts.ok + counts.fail + counts.info).sum();
    (sum_ok(reads) == 0).then(|| format!("none of {asked} final reads was answered"))
}

/// A write that was acknowledged and then lost shows to nobody on a key that is not read again.
fn keys_not_read(history: &History) -> Option<String> {
    let mut final_reads = false;
    let mut unread: BTreeMap<Symbol, bool> = BTreeMap::new();
    for event in history.events() {
        if let Some(Note::Phase(phase)) = Note::from_event(history, event) {
            final_reads = phase == Phase::FinalReads;
        }
        let Some(key) = event.key else { continue };
        let is_read = history.text(event.f) == "read";
        match event.kind {
            EventType::Ok | EventType::Info if !is_read => _ = unread.insert(key, true),
            EventType::Ok if final_reads => _ = unread.insert(key, false),
            _ => {}
        }
    }
    let left = unread.values().filter(|unread| **unread).count();
    (left > 0).then(|| format!("{left} of {} keys were not read once more", unread.len()))
}

struct Fault {
    installed: bool,
    skipped: bool,
    /// The latest step, for its words.
    note: FaultNote,
}

/// The faults of the run by their number.
fn faults(history: &History) -> BTreeMap<u32, Fault> {
    let mut faults: BTreeMap<u32, Fault> = BTreeMap::new();
    for event in history.events() {
        let Some(Note::Fault(note)) = Note::from_event(history, event) else { continue };
        let first = || Fault { installed: false, skipped: false, note: note.clone() };
        let fault = faults.entry(note.id).or_insert_with(first);
        fault.installed |= note.step == FaultStep::Installed;
        fault.skipped |= note.step == FaultStep::Skipped;
        if matches!(note.step, FaultStep::Skipped | FaultStep::Indeterminate) {
            fault.note = note;
        }
    }
    faults
}

fn unseen_faults(faults: &BTreeMap<u32, Fault>, reasons: &mut Vec<String>) {
    let unseen: Vec<&Fault> = faults.values().filter(|f| f.skipped || !f.installed).collect();
    for fault in unseen.iter().take(FAULTS_NAMED_MAX) {
        let FaultNote { id, fault: name, text, .. } = &fault.note;
        let text = words::quoted(text, TEXT_CHARS_MAX);
        let what = if fault.skipped { "was skipped" } else { "was never seen to take effect" };
        reasons.push(format!("fault {id} ({name}) {what}: {text}"));
    }
    if let Some(more) = unseen.len().checked_sub(FAULTS_NAMED_MAX).filter(|more| *more > 0) {
        reasons.push(format!("and {more} more faults that were skipped or never seen"));
    }
}
