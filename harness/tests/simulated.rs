//! Whole runs of the simulated world, from the command line: the same again from the seed, told
//! apart from real ones, replayed, and refused when they are not there.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use support::tribunal;

/// The folder of the latest run.
fn latest(folder: &Path) -> PathBuf {
    fs::canonicalize(folder.join("store/latest")).expect("a run was stored")
}

fn history(run: &Path) -> Vec<u8> {
    fs::read(run.join("history.jsonl")).expect("a history")
}

#[test]
fn the_same_seed_gives_the_same_history_and_another_seed_another() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = |seed: &str| {
        let arguments = ["run", "raft", "--on", "sim", "--time", "20s", "--seed", seed];
        let (code, text) = tribunal(folder.path(), &arguments);
        assert_eq!(code, 0, "{text}");
        history(&latest(folder.path()))
    };
    let first = run("7");
    assert!(first.len() > 100_000, "{} bytes", first.len());
    assert!(first == run("7"), "the same seed, another history");
    assert!(first != run("8"), "another seed, the same history");
}

#[test]
fn a_run_says_that_it_was_simulated_and_checks_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let arguments = ["run", "raft", "--on", "sim", "--time", "5s", "--seed", "3"];
    let (_, text) = tribunal(folder.path(), &arguments);
    assert!(text.contains("sim (a simulated world in virtual time)"), "{text}");
    let page = fs::read_to_string(latest(folder.path()).join("report.html")).expect("a page");
    assert!(page.contains("imulated"));
    let (code, text) = tribunal(folder.path(), &["check", "latest"]);
    assert_eq!(code, 0, "{text}");
}

#[test]
fn a_violation_replays_byte_for_byte_and_shows_what_went_on_inside() {
    let folder = tempfile::tempdir().expect("a folder");
    let bug = ["--bug", "stale-read", "--faults", "none", "--seed", "1", "--time", "10s"];
    let arguments = [&["run", "raft", "--on", "sim"], &bug[..]].concat();
    let (code, text) = tribunal(folder.path(), &arguments);
    assert_eq!(code, 1, "{text}");
    let first = latest(folder.path());
    let (code, text) = tribunal(folder.path(), &["replay", "latest", "--trace"]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("is identical to that of"), "{text}");
    let second = latest(folder.path());
    assert_ne!(first, second);
    assert!(history(&first) == history(&second));
    let trace = fs::read_to_string(second.join("trace.txt")).expect("a trace");
    assert!(trace.contains("leader"), "{trace}");
    // By its seed, too.
    let (code, text) = tribunal(folder.path(), &["replay", "1"]);
    assert_eq!((code, text.contains("is identical")), (1, true), "{text}");
}

#[test]
fn what_is_not_there_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    for (arguments, says) in [
        (&["replay", "nothing"][..], "nothing"),
        (&["replay", "12345"], "--target raft"),
        (&["replay", "1", "--target", "rift"], "raft"),
        (&["run", "raft", "--on", "moon"], "moon"),
        (&["run", "raft", "--link-delay", "4ms..1ms"], "upwards"),
        (&["run", "raft", "--mix", "1,2"], "three weights"),
    ] {
        let (code, text) = tribunal(folder.path(), arguments);
        assert_eq!(code, 64, "{arguments:?}: {text}");
        assert!(text.contains(says), "{arguments:?}: {text}");
    }
}

#[test]
fn a_run_of_another_version_is_replayed_with_a_warning_and_one_without_words_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let arguments = ["run", "raft", "--on", "sim", "--time", "5s", "--seed", "3"];
    assert_eq!(tribunal(folder.path(), &arguments).0, 0);
    let path = latest(folder.path()).join("run.json");
    let record = fs::read_to_string(&path).expect("a record");
    let version = format!("\"version\": \"{}\"", env!("CARGO_PKG_VERSION"));
    assert!(record.contains(&version), "{record}");
    fs::write(&path, record.replace(&version, "\"version\": \"0.0.7\"")).expect("written");
    let name = latest(folder.path()).display().to_string();
    let (_, text) = tribunal(folder.path(), &["replay", &name]);
    assert!(text.contains("0.0.7") && text.contains("may differ"), "{text}");
    let mut json: serde_json::Value = serde_json::from_str(&record).expect("JSON");
    json["arguments"] = serde_json::json!([]);
    fs::write(&path, json.to_string()).expect("written");
    let (code, text) = tribunal(folder.path(), &["replay", &name]);
    assert_eq!((code, text.contains("earlier version")), (64, true), "{text}");
}

#[test]
fn a_run_that_stops_on_a_violation_is_shorter_and_the_same_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let words = "run raft --on sim --seed 11 --time 60s --bug early-ack --faults partition-leader \
                 --progress none";
    let run = |more: &[&str]| {
        let arguments: Vec<&str> = words.split_whitespace().chain(more.iter().copied()).collect();
        let (code, text) = tribunal(folder.path(), &arguments);
        let history = folder.path().join("store/latest/history.jsonl");
        (code, text, fs::read(history).expect("the history"))
    };
    let (code, text, whole) = run(&[]);
    assert_eq!(code, 1, "{text}");
    let (code, text, stopped) = run(&["--stop-on", "violation"]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("stopped") && text.contains("made it certain"), "{text}");
    assert!(stopped.len() < whole.len() / 2, "{} of {} bytes", stopped.len(), whole.len());
    let (_, _, again) = run(&["--stop-on", "violation"]);
    assert!(stopped == again, "it stops at the same event");
}

#[test]
fn a_run_that_keeps_its_promise_is_not_stopped() {
    let folder = tempfile::tempdir().expect("a folder");
    let words = "run raft --on sim --seed 11 --time 20s --stop-on violation --progress none";
    let arguments: Vec<&str> = words.split_whitespace().collect();
    let (code, text) = tribunal(folder.path(), &arguments);
    assert_eq!(code, 0, "{text}");
    assert!(!text.contains("stopped"), "{text}");
}
