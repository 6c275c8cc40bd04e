//! The environment `local` against the real kernel: every primitive and every property of a link is
//! observed with real packets and processes, and so is its absence when nobody asked for it.
//!
//! ```text
//!   local            runs every case in a child, as this user, and for root as another too
//!     --case C DIR   one case: enters the enclosure, builds a cluster in DIR
//!       --node FILE  the cluster's nodes: this program again, an echo server
//!   local measure    what the switch costs (only when named)
//! ```
//!
//! There is no test harness around it because namespaces belong to a whole process and must be
//! entered while it has one thread. Where the machine refuses them, a case is skipped and says why.

// All of this is a test; clippy only knows those of the standard harness.
#![allow(clippy::unwrap_used)]

mod cluster;
mod links;
mod node;
mod processes;
mod survivors;

use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;
use targets::local::enclosure::{Enclosed, Ended, Entered, enter};

/// The exit code of a case that this machine cannot run.
const SKIPPED: u8 = 77;
/// An ordinary user with no rights and no files.
const NOBODY: u32 = 65534;
const CASE_WAIT: Duration = Duration::from_secs(120);

/// A case that runs inside the enclosure.
type Case = fn(Enclosed, &Path);

const CASES: &[(&str, Case)] = &[
    ("clear_links_pass_everything", links::clear_links_pass_everything),
    ("a_cut_is_seen_both_ways_and_one_way", links::a_cut_is_seen_both_ways_and_one_way),
    ("a_delay_is_added_to_one_direction", links::a_delay_is_added_to_one_direction),
    ("loss_is_near_what_was_asked", links::loss_is_near_what_was_asked),
    ("duplicates_arrive_twice", links::duplicates_arrive_twice),
    ("reordering_overtakes_and_jitter_does_not", links::reordering_overtakes_and_jitter_does_not),
    ("corruption_passes_the_checksums", links::corruption_passes_the_checksums),
    ("a_rate_slows_a_burst", links::a_rate_slows_a_burst),
    ("a_hold_delivers_later_and_in_order", links::a_hold_delivers_later_and_in_order),
    ("nodes_start_die_and_start_again", processes::nodes_start_die_and_start_again),
    ("a_paused_node_answers_when_resumed", processes::a_paused_node_answers_when_resumed),
    ("an_unordered_death_is_news", processes::an_unordered_death_is_news),
    ("orphans_of_nodes_are_buried", processes::orphans_of_nodes_are_buried),
    ("nodes_have_no_rights_and_no_terminal", processes::nodes_have_no_rights_and_no_terminal),
    ("nodes_outlive_the_thread_that_asked", processes::nodes_outlive_the_thread_that_asked),
    ("a_refused_namespace_is_explained", processes::a_refused_namespace_is_explained),
];

/// A case that stands outside of the enclosure.
type OutsideCase = fn(&Path);

const OUTSIDE: &[(&str, OutsideCase)] = &[
    ("loopback_runs_without_namespaces", processes::loopback_runs_without_namespaces),
    ("impossible_clusters_are_explained", processes::impossible_clusters_are_explained),
    ("the_doctor_finds_what_the_enclosure_uses", processes::the_doctor_agrees),
    ("the_guardian_tells_how_the_controller_ended", survivors::the_guardian_tells_the_end),
    ("nothing_survives_a_killed_controller", survivors::nothing_survives_a_killed_controller),
    ("nothing_survives_a_killed_guardian", survivors::nothing_survives_a_killed_guardian),
    ("no_node_survives_without_namespaces", survivors::no_node_survives_without_namespaces),
    ("signals_are_handed_on", survivors::signals_are_handed_on),
];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["--node", file] => node::serve(Path::new(file)),
        ["--case", name, folder] => run_case(name, Path::new(folder)),
        ["--list", ..] => ExitCode::SUCCESS,
        rest => run_all(rest.iter().find(|arg| !arg.starts_with('-')).copied()),
    }
}

/// Runs every case whose name holds `filter`, each in a process of its own.
fn run_all(filter: Option<&str>) -> ExitCode {
    let is_root = nix::unistd::geteuid().is_root();
    let users: &[Option<u32>] = if is_root { &[None, Some(NOBODY)] } else { &[None] };
    let names = CASES.iter().map(|(name, _)| *name).chain(OUTSIDE.iter().map(|(name, _)| *name));
    let mut names: Vec<&str> =
        names.filter(|name| filter.is_none_or(|f| name.contains(f))).collect();
    if filter == Some("measure") {
        names.push("measure");
    }
    let mut failures = 0;
    for user in users {
        for name in &names {
            let title =
                user.map_or_else(|| (*name).to_owned(), |uid| format!("{name} (uid {uid})"));
            match run_in_child(name, *user) {
                Ok(said) => println!("test {title} ... {said}"),
                Err(said) => {
                    failures += 1;
                    println!("test {title} ... FAILED\n{said}");
                }
            }
        }
    }
    println!("\n{} cases, {failures} failed", names.len() * users.len());
    if failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run_in_child(name: &str, user: Option<u32>) -> Result<String, String> {
    let folder = tempfile::Builder::new().prefix("tribunal-local-").tempdir().unwrap();
    let mut command = case_command(name, folder.path());
    if let Some(uid) = user {
        if let Err(error) = std::os::unix::fs::chown(folder.path(), Some(uid), Some(uid)) {
            return Ok(format!("skipped: a folder cannot be given to this user: {error}"));
        }
        command.uid(uid).gid(uid);
        let no_new_privileges = || Ok(nix::sys::prctl::set_no_new_privs()?);
        // SAFETY: one system call.
        unsafe { command.pre_exec(no_new_privileges) };
    }
    let child = match command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn() {
        Ok(child) => child,
        Err(error) => return Ok(format!("skipped: this user cannot run the test: {error}")),
    };
    let pid = child.id();
    let (done, is_done) = std::sync::mpsc::channel::<()>();
    let watchdog = std::thread::spawn(move || {
        if is_done.recv_timeout(CASE_WAIT) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            let pid = nix::unistd::Pid::from_raw(pid.cast_signed());
            let _ = nix::sys::signal::kill(pid, nix::sys::signal::SIGKILL);
        }
    });
    let output = child.wait_with_output().unwrap();
    drop(done);
    watchdog.join().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let last = stdout.lines().last().unwrap_or("").to_owned();
    match output.status.code() {
        Some(0) if name == "measure" => Ok(format!("ok\n{stdout}")),
        Some(0) => Ok(format!("ok {last}").trim_end().to_owned()),
        Some(code) if code == i32::from(SKIPPED) => Ok(last),
        _ => Err(format!("{}\n{stdout}{}", output.status, String::from_utf8_lossy(&output.stderr))),
    }
}

/// This program, to run one case.
fn case_command(name: &str, folder: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([OsStr::new("--case"), OsStr::new(name), folder.as_os_str()]);
    command
}

fn run_case(name: &str, folder: &Path) -> ExitCode {
    if name == "linger_by_loopback" {
        survivors::linger_by_loopback(folder);
    }
    if let Some((_, case)) = OUTSIDE.iter().find(|(known, _)| *known == name) {
        case(folder);
        return ExitCode::SUCCESS;
    }
    let case = match name {
        "measure" => links::measure,
        "linger" => survivors::linger,
        "exit" => survivors::exit_with_seven,
        "await_signal" => survivors::await_signal,
        _ => CASES.iter().find(|(known, _)| *known == name).unwrap().1,
    };
    match enter() {
        Ok(Entered::Controller(enclosed)) => {
            case(enclosed, folder);
            ExitCode::SUCCESS
        }
        Ok(Entered::Guardian(Ended::Exited(code))) => ExitCode::from(code as u8),
        Ok(Entered::Guardian(Ended::Killed(signal))) => ExitCode::from(128 + signal as u8),
        Err(refused) => {
            println!("skipped: {refused}");
            ExitCode::from(SKIPPED)
        }
    }
}
