//! The command line as its users meet it: bad input is named, with what to do and an exit code.

use std::path::Path;
use std::process::{Command, Output};

fn tribunal(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tribunal"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("the program starts")
}

/// The exit code, standard output and standard error.
fn said(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = tribunal(folder, arguments);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let code = output.status.code().expect("it exits by itself");
    (code, text(&output.stdout), text(&output.stderr))
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

#[test]
fn names_that_do_not_exist_are_named_with_the_nearest_one_and_the_list() {
    let folder = folder();
    for (arguments, parts) in [
        (&["run", "rafft"][..], ["\"rafft\"", "\"raft\"", "tribunal list targets"]),
        (
            &["run", "raft", "-f", "partition-leadr"],
            ["\"partition-leadr\"", "\"partition-leader\"", "tribunal list faults"],
        ),
        (
            &["run", "raft", "-w", "registers"],
            ["\"registers\"", "\"register\"", "tribunal list workloads"],
        ),
        (
            &["run", "raft", "--bug", "stale-reads"],
            ["\"stale-reads\"", "\"stale-read\"", "tribunal show raft"],
        ),
        (&["run", "raft", "--set", "red=lease"], ["\"red\"", "\"reads\"", "tribunal show raft"]),
        (&["run", "raft", "--ask", "leadr"], ["\"leadr\"", "\"leader\"", "tribunal run --help"]),
        (&["run", "raft", "--fualts", "kill"], ["--fualts", "--faults", "--help"]),
        (&["show", "rafd"], ["\"rafd\"", "\"raft\"", "tribunal list"]),
        (&["check", "nothing-here"], ["\"nothing-here\"", "store", "tribunal list runs"]),
    ] {
        let (code, _, error) = said(folder.path(), arguments);
        assert_eq!(code, 64, "{arguments:?}: {error}");
        for part in parts {
            assert!(error.contains(part), "{arguments:?} does not say {part}: {error}");
        }
    }
    let left = std::fs::read_dir(folder.path()).expect("it is there").count();
    assert_eq!(left, 0, "a run that was never tried leaves nothing behind");
}

#[test]
fn numbers_and_durations_out_of_range_are_refused() {
    let folder = folder();
    for arguments in [
        &["run", "raft", "--time", "0s"][..],
        &["run", "raft", "--time", "30"],
        &["run", "raft", "--nodes", "0"],
        &["run", "raft", "--clients", "0"],
        &["run", "raft", "--seed", "x"],
        &["run", "raft", "--ask", "weighted:1,2"],
        &["run", "raft", "--set", "heartbeat=soon"],
        &["run", "raft", "--nodes", "2", "--faults", "partition-ring"],
        &["run"],
        &["frobnicate"],
    ] {
        let (code, _, error) = said(folder.path(), arguments);
        assert_eq!(code, 64, "{arguments:?}: {error}");
        assert!(!error.is_empty());
    }
}

#[test]
fn a_file_that_is_no_history_is_refused_with_its_line_and_column() {
    let folder = folder();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path.to_string_lossy().into_owned()
    };
    let first = r#"{"index":0,"time":1,"process":0,"type":"invoke","f":"read","key":1}"#;
    let bad = write("bad.jsonl", &format!("{first}\n{{\"index\":1,\"time\":oops}}\n{first}\n"));
    let (code, _, error) = said(folder.path(), &["check", &bad]);
    assert_eq!(code, 64, "{error}");
    assert!(error.contains("bad.jsonl:2:"), "{error}");

    let empty = write("empty.jsonl", "");
    let (code, _, error) = said(folder.path(), &["check", &empty]);
    assert_eq!(code, 64, "{error}");
    assert!(error.contains("empty.jsonl"), "{error}");
}

#[test]
fn a_bare_history_is_judged_and_a_violation_dominates_a_file_that_cannot_be_read() {
    let folder = folder();
    let lines = [
        r#"{"index":0,"time":1,"process":0,"type":"invoke","f":"write","key":1,"value":1}"#,
        r#"{"index":1,"time":2,"process":0,"type":"ok","f":"write","key":1,"value":1}"#,
        r#"{"index":2,"time":3,"process":1,"type":"invoke","f":"read","key":1}"#,
        r#"{"index":3,"time":4,"process":1,"type":"ok","f":"read","key":1,"value":2}"#,
    ];
    let history = folder.path().join("history.jsonl");
    std::fs::write(&history, lines.join("\n") + "\n").expect("a file");
    let history = history.to_string_lossy().into_owned();
    let (code, out, _) = said(folder.path(), &["check", &history]);
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("INVALID"), "{out}");
    let (code, _, _) = said(folder.path(), &["check", "missing", &history]);
    assert_eq!(code, 1, "the violation dominates");
    let (code, out, _) = said(folder.path(), &["check", "--json", &history]);
    assert_eq!(code, 1);
    let document: serde_json::Value = serde_json::from_str(&out).expect("one JSON document");
    assert_eq!(document[0]["verdict"], "invalid");

    std::fs::write(folder.path().join("good.jsonl"), lines[..3].join("\n")).expect("a file");
    let (code, out, _) = said(folder.path(), &["check", "good.jsonl"]);
    assert_eq!(code, 0, "{out}");
}

#[test]
fn lists_and_explanations_are_there_and_a_closed_pipe_is_no_failure() {
    let folder = folder();
    for what in ["targets", "workloads", "faults", "checkers"] {
        let (code, out, error) = said(folder.path(), &["list", what]);
        assert_eq!((code, error.as_str()), (0, ""), "{what}");
        assert!(out.lines().count() > 3);
        let (code, out, _) = said(folder.path(), &["list", what, "--json"]);
        assert_eq!(code, 0);
        let rows: Vec<serde_json::Value> = serde_json::from_str(&out).expect("a list");
        assert!(!rows.is_empty());
    }
    let (code, _, error) = said(folder.path(), &["list", "runs"]);
    assert_eq!(code, 3, "nothing to list: {error}");
    for name in ["raft", "register", "partition-leader", "mixed", "linearizable"] {
        let (code, out, _) = said(folder.path(), &["show", name]);
        assert_eq!(code, 0);
        assert!(out.contains(name));
    }
    let (code, out, _) = said(folder.path(), &["completions", "bash"]);
    assert!(code == 0 && out.contains("_tribunal"));
    assert_eq!(said(folder.path(), &["--version"]).0, 0);
    assert_eq!(said(folder.path(), &["--help"]).0, 0);
}
