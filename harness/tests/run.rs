//! Whole runs of the real thing: five processes, real faults, verdict and report. Where namespaces
//! are refused the runs fall back to loopback, and what needs links says `skipped`.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

fn tribunal(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tribunal"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    command
}

fn text(output: &Output) -> String {
    let (out, error) = (&output.stdout, &output.stderr);
    format!("{}\n{}", String::from_utf8_lossy(out), String::from_utf8_lossy(error))
}

fn run(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let output = tribunal(folder, arguments).output().expect("the program starts");
    (output.status.code().expect("it exits by itself"), text(&output))
}

/// One cluster at a time: runs that starve one another would test the scheduler of the machine.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether this machine grants namespaces.
fn has_links(folder: &Path) -> bool {
    let granted = run(folder, &["doctor"]).0 == 0;
    if !granted {
        eprintln!("skipped: this machine refuses namespaces, see `tribunal doctor`");
    }
    granted
}

/// The folder of the latest run.
fn latest(folder: &Path) -> PathBuf {
    fs::canonicalize(folder.join("store/latest")).expect("a run was stored")
}

fn json(path: &Path) -> serde_json::Value {
    serde_json::from_slice(&fs::read(path).expect("a file")).expect("JSON")
}

/// The processes that carry this run's tag.
fn nodes_alive(tag: &str) -> usize {
    let processes = fs::read_dir("/proc").expect("Linux has /proc").filter_map(Result::ok);
    let tagged = |path: PathBuf| {
        let environment = fs::read(path.join("environ")).unwrap_or_default();
        let needle = format!("TRIBUNAL_RUN={tag}");
        environment.split(|byte| *byte == 0).any(|variable| variable.starts_with(needle.as_bytes()))
    };
    processes.filter(|entry| tagged(entry.path())).count()
}

fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Starts a long run and waits until it records operations.
fn start(folder: &Path, arguments: &[&str]) -> (Child, PathBuf, String) {
    let child = tribunal(folder, arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    wait_until("operations are recorded", || {
        fs::metadata(folder.join("store/latest/history.jsonl"))
            .is_ok_and(|file| file.len() > 100_000)
    });
    let path = latest(folder);
    let time = path.file_name().expect("a name").to_string_lossy().into_owned();
    (child, path, format!("raft-register/{time}"))
}

#[test]
fn a_correct_cluster_is_valid_and_its_history_gives_the_same_verdict_again() {
    let _alone = alone();
    let folder = tempfile::tempdir().expect("a folder");
    let arguments = ["run", "raft", "--seed", "1", "--time", "4s", "--settle", "500ms"];
    let (code, out) = run(folder.path(), &arguments);
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("VALID") && out.contains("--seed 1 "), "{out}");
    let path = latest(folder.path());
    for file in ["run.json", "history.jsonl", "verdict.json", "report.html", "faults.jsonl"] {
        assert!(path.join(file).is_file(), "{file} is missing");
    }
    assert_eq!(json(&path.join("run.json"))["verdict"], "valid");
    let (code, out) = run(folder.path(), &["check", "latest"]);
    assert_eq!(code, 0, "{out}");

    // A file that was cut off in the middle of a line is reported, and checked all the same.
    let history = fs::read(path.join("history.jsonl")).expect("a history");
    fs::write(folder.path().join("torn.jsonl"), &history[..history.len() - 7]).expect("a file");
    let (code, out) = run(folder.path(), &["check", "torn.jsonl"]);
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("NOTE: torn.jsonl"), "{out}");

    fs::remove_file(path.join("report.html")).expect("it is there");
    let (code, out) = run(folder.path(), &["report"]);
    assert_eq!(code, 0, "{out}");
    assert!(path.join("report.html").is_file());
}

#[test]
fn a_planted_bug_is_found_with_few_operations_as_evidence() {
    let _alone = alone();
    let folder = tempfile::tempdir().expect("a folder");
    let bug = ["--bug", "stale-read", "--faults", "none", "--time", "3s", "--settle", "100ms"];
    let (code, out) = run(folder.path(), &[&["run", "raft", "--seed", "5"], &bug[..]].concat());
    assert_eq!(code, 1, "{out}");
    let verdict = json(&latest(folder.path()).join("verdict.json"));
    let evidence = &verdict["judgements"][0]["evidence"];
    let ops = evidence["ops"].as_array().expect("operations");
    assert!((2..=12).contains(&ops.len()), "{evidence}");
    assert!(out.contains("INVALID") && out.contains("fit no order"), "{out}");
}

#[test]
fn kill_nine_of_the_controller_leaves_no_node_and_a_history_that_can_be_checked() {
    let _alone = alone();
    let folder = tempfile::tempdir().expect("a folder");
    let arguments = ["run", "raft", "--time", "60s", "--faults", "mixed"];
    let (mut child, path, tag) = start(folder.path(), &arguments);
    assert!(nodes_alive(&tag) > 0, "nodes carry the run's tag");
    child.kill().expect("it runs");
    let status = child.wait().expect("it ended");
    assert_eq!(status.signal(), Some(9));
    wait_until("every node is gone", || nodes_alive(&tag) == 0);
    let (code, out) = run(folder.path(), &["check", &path.join("history.jsonl").to_string_lossy()]);
    assert_eq!(code, 0, "{out}");
    let (code, out) = run(folder.path(), &["check", "latest"]);
    assert_eq!(code, 2, "a run that was cut off did not test what it set out to: {out}");
    let (code, out) = run(folder.path(), &["heal"]);
    assert_eq!(code, 0, "{out}");
}

#[test]
fn an_interrupt_heals_saves_and_analyses() {
    let _alone = alone();
    let folder = tempfile::tempdir().expect("a folder");
    let arguments = ["run", "raft", "--time", "60s", "--faults", "mixed"];
    let (child, path, tag) = start(folder.path(), &arguments);
    let pid = nix::unistd::Pid::from_raw(child.id() as i32);
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).expect("it runs");
    let output = child.wait_with_output().expect("it ended");
    let said = text(&output);
    assert_eq!(output.status.code(), Some(13), "{said}");
    assert!(said.contains("UNKNOWN") && said.contains("interrupted"), "{said}");
    assert!(path.join("report.html").is_file() && path.join("verdict.json").is_file());
    assert_eq!(nodes_alive(&tag), 0);
}

#[test]
fn every_scheduled_fault_is_observed_and_undone() {
    let _alone = alone();
    let folder = tempfile::tempdir().expect("a folder");
    if !has_links(folder.path()) {
        return;
    }
    let faults = "partition,kill-one,pause-one,slow-node,lossy-node";
    let arguments = ["run", "raft", "--time", "8s", "--faults", faults, "--fault-interval", "1s"];
    let (code, out) = run(folder.path(), &arguments);
    let history = fs::read_to_string(latest(folder.path()).join("history.jsonl")).expect("text");
    let bad = ["heal-failed", "skipped", "indeterminate"];
    let unseen: Vec<&str> =
        history.lines().filter(|line| bad.iter().any(|step| line.contains(step))).collect();
    assert_eq!(code, 0, "{out}\n{unseen:#?}");
    let line = out.lines().find(|line| line.starts_with("faults: ")).expect("a count of faults");
    let counts: Vec<u32> = line.split(' ').filter_map(|word| word.parse().ok()).collect();
    assert!(counts[0] >= 5 && counts[0] == counts[1] && counts[1] == counts[2], "{line}");
}

#[test]
fn without_namespaces_runs_fall_back_to_loopback_and_say_so_loudly() {
    let _alone = alone();
    let folder = tempfile::tempdir().expect("a folder");
    let arguments =
        ["run", "raft", "--fabric", "loopback", "--time", "4s", "--faults", "mixed", "--seed", "3"];
    let (code, out) = run(folder.path(), &arguments);
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("WARNING: only kill and pause faults are real"), "{out}");
    assert!(out.contains("not injected for that reason: partition-halves"), "{out}");
    let (code, out) = run(
        folder.path(),
        &["run", "raft", "--fabric", "loopback", "--time", "4s", "--faults", "partition"],
    );
    assert_eq!(code, 3, "nothing that was asked for can be had: {out}");
}
