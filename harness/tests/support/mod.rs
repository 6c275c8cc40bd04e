//! What tests of the command line share.

use std::path::Path;
use std::process::{Command, Stdio};

/// Runs the program in a folder: its exit code, and what it printed.
pub(crate) fn tribunal(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tribunal"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    let output = command.output().expect("the program starts");
    let (out, error) = (&output.stdout, &output.stderr);
    let text = format!("{}\n{}", String::from_utf8_lossy(out), String::from_utf8_lossy(error));
    (output.status.code().expect("it exits by itself"), text)
}
