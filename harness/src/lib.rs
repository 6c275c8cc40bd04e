//! The controller and the command line.
//!
//! ```text
//!   cli        flags            request   what they ask for, checked
//!   commands   one file each    exit      how they end
//!   trial      from a request to a verdict and a report
//!   cluster    a bundled target, started and serving
//!   runner     a run            judge     from a history to a verdict
//!   store      a run's folder   screen    what a person reads on the terminal
//! ```
//!
//! This is a library only so that benchmarks and tests can reach the runner.

pub mod case;
pub mod cli;
pub mod cli_check;
pub mod cli_hunt;
pub mod cluster;
pub mod commands;

pub mod exit;
pub mod history_file;
pub mod hunt;
pub mod judge;
pub mod panics;
pub mod progress;
pub mod raft_options;
pub mod request;
pub mod runner;
pub mod screen;
pub mod shrink;
pub mod store;
pub mod suggest;
pub mod trial;
