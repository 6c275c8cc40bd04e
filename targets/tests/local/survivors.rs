//! What is left after an end of any kind: nothing.
//!
//! Processes are found by the run's folder, which stands in the command line of every one of them.

use crate::cluster::{await_true, running, spec, start_all};
use crate::{SKIPPED, case_command};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::unistd::Pid;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use targets::local::enclosure::Enclosed;
use targets::local::{Fabric, Local};

/// Longer than any test looks; a survivor is gone after it.
const LINGER: Duration = Duration::from_secs(60);

/// A controller that has a running cluster and waits to be killed.
pub(crate) fn linger(enclosed: Enclosed, folder: &Path) {
    let _local = running(3, enclosed, folder);
    std::fs::write(folder.join("ready"), "").unwrap();
    std::thread::sleep(LINGER);
}

/// The same without namespaces, where only the nodes' own tie to their parent holds.
pub(crate) fn linger_by_loopback(folder: &Path) {
    let mut local = Local::build(spec(3, Fabric::Loopback, folder)).unwrap();
    start_all(&mut local);
    std::fs::write(folder.join("ready"), "").unwrap();
    std::thread::sleep(LINGER);
}

pub(crate) fn exit_with_seven(_: Enclosed, _: &Path) {
    std::process::exit(7);
}

/// A controller that waits for a signal and exits with its number.
pub(crate) fn await_signal(_: Enclosed, folder: &Path) {
    let signals: SigSet = [Signal::SIGTERM, Signal::SIGHUP, Signal::SIGINT].into_iter().collect();
    signals.thread_block().unwrap();
    std::fs::write(folder.join("ready"), "").unwrap();
    std::process::exit(signals.wait().unwrap() as i32);
}

pub(crate) fn the_guardian_tells_the_end(folder: &Path) {
    let status = case_command("exit", folder).status().unwrap();
    skip_if_refused(status);
    assert_eq!(status.code(), Some(7));
}

pub(crate) fn signals_are_handed_on(folder: &Path) {
    for signal in [Signal::SIGTERM, Signal::SIGHUP, Signal::SIGINT] {
        let _ = std::fs::remove_file(folder.join("ready"));
        let mut guardian = start("await_signal", folder);
        kill(Pid::from_raw(guardian.id().cast_signed()), signal).unwrap();
        assert_eq!(guardian.wait().unwrap().code(), Some(signal as i32));
    }
}

pub(crate) fn nothing_survives_a_killed_controller(folder: &Path) {
    let mut guardian = start("linger", folder);
    let controller = child_of(guardian.id(), folder);
    kill(controller, Signal::SIGKILL).unwrap();
    let began = Instant::now();
    let status = guardian.wait().unwrap();
    assert_eq!(status.code(), Some(128 + 9), "the guardian lives and tells the end");
    nothing_is_left(folder, began);
}

pub(crate) fn nothing_survives_a_killed_guardian(folder: &Path) {
    let mut guardian = start("linger", folder);
    guardian.kill().unwrap();
    let began = Instant::now();
    guardian.wait().unwrap();
    nothing_is_left(folder, began);
}

pub(crate) fn no_node_survives_without_namespaces(folder: &Path) {
    let mut controller = start("linger_by_loopback", folder);
    assert_eq!(named_after(folder).len(), 5, "three nodes, the controller and this process");
    controller.kill().unwrap();
    let began = Instant::now();
    controller.wait().unwrap();
    nothing_is_left(folder, began);
}

/// Starts a case in a guardian of its own and waits until it is ready.
fn start(case: &str, folder: &Path) -> Child {
    let mut command = case_command(case, folder);
    // A survivor must not hold our own pipes open: the test would hang instead of failing.
    let mut guardian = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    await_true("the controller is ready", || {
        if let Some(status) = guardian.try_wait().unwrap() {
            skip_if_refused(status);
            panic!("the controller ended early: {status}");
        }
        folder.join("ready").exists()
    });
    if case == "linger" {
        // Three nodes, the controller and the guardian, and this process.
        assert_eq!(named_after(folder).len(), 6);
    }
    guardian
}

fn skip_if_refused(status: ExitStatus) {
    if status.code() == Some(i32::from(SKIPPED)) {
        println!("skipped: the enclosure is refused here");
        std::process::exit(i32::from(SKIPPED));
    }
}

fn nothing_is_left(folder: &Path, began: Instant) {
    await_true("only this process is left", || named_after(folder).len() == 1);
    println!("(all gone after {:?})", began.elapsed());
}

/// The processes whose command line holds the folder. A zombie has none.
fn named_after(folder: &Path) -> Vec<i32> {
    let needle = folder.as_os_str().as_bytes();
    let of_process = |entry: std::fs::DirEntry| {
        let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
        let line = std::fs::read(entry.path().join("cmdline")).ok()?;
        line.windows(needle.len()).any(|window| window == needle).then_some(pid)
    };
    std::fs::read_dir("/proc").unwrap().filter_map(|entry| of_process(entry.ok()?)).collect()
}

fn child_of(parent: u32, folder: &Path) -> Pid {
    let is_child = |pid: &i32| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        status.contains(&format!("PPid:\t{parent}\n"))
    };
    Pid::from_raw(named_after(folder).into_iter().find(is_child).unwrap())
}
