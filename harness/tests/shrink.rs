//! Shrinking: a failing run becomes one that a person can read, still breaks the same claim, and is
//! the same whoever shrinks it.

mod support;

use checkers::verdict::Verdict;
use harness::case::{Case, Part, from_words};
use harness::cli;
use harness::exit::Failure;
use harness::judge::judge_case;
use harness::progress::Progress;
use harness::runner::recorder::Recorder;
use harness::runner::script::script_of;
use harness::runner::simulated::{Simulated, play};
use harness::shrink::{ShrinkBudget, Shrunk, shrink};
use support::tribunal;

fn case(words: &str) -> Case {
    let words = format!("tribunal run raft --on sim --clients 5 {words}");
    let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
    Case::of(from_words(&words).expect("a run")).expect("a case")
}

fn played(case: &Case) -> Simulated {
    let recorder = Recorder::in_memory(case.request.args.nodes);
    let mut silent = Progress::new(cli::Progress::None);
    play(case, recorder, None, &|| false, &mut silent).expect("it can be played")
}

/// The checker whose claim the case breaks.
fn broken(case: &Case) -> Option<String> {
    let judgements = judge_case(case, &played(case).recorded.history).judgements;
    let invalid = |verdict: &Verdict| matches!(verdict, Verdict::Invalid { .. });
    judgements.into_iter().find(|judged| invalid(&judged.verdict)).map(|judged| judged.checker)
}

/// The first case of these words and some seed that breaks a claim, and which checker says so.
fn failing(words: &str) -> (Case, String) {
    let cases = (1..60).map(|seed| case(&format!("{words} --seed {seed}")));
    let mut failing = cases.filter_map(|case| Some((broken(&case)?, case)));
    let (checker, case) = failing.next().expect("one of the seeds shows the bug");
    (case, checker)
}

fn shrunk_within(case: &Case, checker: &str, runs: u64) -> Shrunk {
    shrink(case, checker, &ShrinkBudget::runs(runs), &|| false).expect("it fails")
}

#[test]
fn a_planted_bug_is_shrunk_to_a_few_operations_and_faults() {
    for (words, faults_max) in [
        ("--bug stale-read --faults mixed --time 10s", 0),
        ("--bug no-fsync --faults kill-all,slow-node --time 12s", 3),
        ("--bug snapshot-forgets-last --faults kill --set snapshot-every=5 --time 10s", 3),
    ] {
        let (case, checker) = failing(words);
        let shrunk = shrunk_within(&case, &checker, 1200);
        assert!(shrunk.before.operations > 500, "{words}: {:?}", shrunk.before);
        assert!(shrunk.operations <= 10, "{words}: {shrunk:#?}");
        assert!(shrunk.faults <= faults_max, "{words}: {shrunk:#?}");
        assert!(shrunk.case.request.args.nodes <= 3, "{words}: {shrunk:#?}");
        assert!(shrunk.runs <= 1200, "{words}: {} runs", shrunk.runs);
        // Stored and read again it is the same run.
        let words = shrunk.case.request.words();
        let again = Case { request: from_words(&words).expect("a run"), ..shrunk.case.clone() };
        assert_eq!(broken(&again), Some(checker), "{words:?}");
        assert_eq!(played(&again).simulated_ns, shrunk.simulated_ns);
    }
}

#[test]
fn the_same_budget_of_runs_gives_the_same_result_on_one_core_and_on_two() {
    let (case, checker) = failing("--bug early-ack --faults partition-leader,kill-one --time 10s");
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        let shrunk = pool.install(|| shrunk_within(&case, &checker, 250));
        let Shrunk { case, steps, runs, simulated_ns, .. } = shrunk;
        (case.request.words(), case.plan, case.operations, steps, runs, simulated_ns)
    };
    assert_eq!(on(1), on(2));
}

#[test]
fn a_case_that_keeps_its_promise_cannot_be_shrunk() {
    let case = case("--faults none --time 2s --seed 1");
    let refused = shrink(&case, "linearizable", &ShrinkBudget::runs(100), &|| false);
    assert!(matches!(&refused, Err(Failure::Nothing(why)) if why.contains("nothing to shrink")));
}

#[test]
fn a_run_that_is_written_down_as_a_script_is_the_same_run() {
    let drawn = case("--faults mixed --time 8s --seed 5");
    let recorded = played(&drawn).recorded.history;
    let script = script_of(&recorded, drawn.request.args.clients);
    assert!(script.iter().any(|op| op.part == Part::FinalReads));
    let written = Case { operations: Some(script.clone()), ..drawn };
    let again = played(&written).recorded.history;
    assert_eq!(script_of(&again, written.request.args.clients), script);
    // How the operations went, too, as long as both are in their main phase.
    let main = |history: &checkers::history::History| -> Vec<_> {
        let events = history.events().iter().filter(|event| event.time_ns < 7_900_000_000);
        events.map(|event| (event.time_ns, event.process, event.kind, event.value)).collect()
    };
    let (first, second) = (main(&recorded), main(&again));
    assert!(first.len() > 1000 && first == second);
}

#[test]
fn the_command_stores_what_is_left_as_a_run_of_its_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let bug = ["--bug", "stale-read", "--faults", "none", "--seed", "1", "--time", "10s"];
    let (code, text) =
        tribunal(folder.path(), &[&["run", "raft", "--on", "sim"], &bug[..]].concat());
    assert_eq!(code, 1, "{text}");
    let (code, text) = tribunal(folder.path(), &["shrink", "latest", "--runs", "400"]);
    assert_eq!(code, 1, "{text}");
    for part in ["before", "after", "tribunal replay raft-register/", "--trace", "linearizable"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let record = std::fs::read_to_string(folder.path().join("store/latest/run.json"));
    assert!(record.expect("a record").contains("shrunk from raft-register/"));
    let (code, text) = tribunal(folder.path(), &["replay", "latest"]);
    assert_eq!((code, text.contains("is identical to that of")), (1, true), "{text}");
}

#[test]
fn what_cannot_be_shrunk_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().expect("a folder");
    let words = ["run", "raft", "--on", "sim", "--faults", "none", "--seed", "1", "--time", "3s"];
    assert_eq!(tribunal(folder.path(), &words).0, 0);
    let record = folder.path().join("store/latest/run.json");
    let text = std::fs::read_to_string(&record).expect("a record");
    let edited = |from: &str, to: &str| {
        assert!(text.contains(from), "{text}");
        text.replace(from, to)
    };
    let invalid = "\"verdict\": \"invalid\"";
    let valid = "\"verdict\": \"valid\"";
    let local = edited(valid, invalid).replace("\"simulated\": true", "\"simulated\": false");
    let version = format!("\"version\": \"{}\"", env!("CARGO_PKG_VERSION"));
    let older = edited(valid, invalid).replace(&version, "\"version\": \"0.0.1\"");
    for (record_text, code, parts) in [
        (text.clone(), 3, &["nothing to shrink", "was valid"][..]),
        (edited(valid, "\"verdict\": null"), 3, &["never judged", "breaks no claim"]),
        (local, 64, &["real processes", "--on sim"]),
        (older, 3, &["version 0.0.1", "breaks no claim"]),
    ] {
        std::fs::write(&record, record_text).expect("it can be written");
        let (ended, said) = tribunal(folder.path(), &["shrink", "latest"]);
        assert_eq!(ended, code, "{said}");
        assert!(parts.iter().all(|part| said.contains(part)), "{said}");
    }
    assert_eq!(tribunal(folder.path(), &["shrink", "nowhere"]).0, 64);
    assert_eq!(tribunal(folder.path(), &["shrink", "latest", "--budget", "0s"]).0, 64);
}
