//! `tribunal run`: checks what was asked, encloses the process, and holds the trial.
//!
//! The enclosure splits the process in two before any thread exists: the controller, which holds
//! the trial, and the guardian, which waits for it. What must be wrong with the command line is
//! therefore found first.

use crate::cli::{Fabric, On, RunArgs};
use crate::exit::{Ending, Failure, conclude};
use crate::request::Request;
use crate::store::RunDir;
use crate::trial::{self, Kind, Place};
use nemesis::ledger::{self, Mode};
use nemesis::sweep;
use std::process::ExitCode;
use targets::local::enclosure::{self, Ended, Entered};
use targets::local::{self, refusal::Refused};

/// Holds a trial, in the controller; in the guardian, says how it ended.
pub(super) fn run(args: RunArgs) -> ExitCode {
    let (request, run) = match prepare(args) {
        Ok(prepared) => prepared,
        Err(failure) => return conclude(Err(failure)),
    };
    hold_at(request.args.on, request.args.fabric, &run, |place| trial::hold(request, &run, place))
}

/// Goes where the trial is to take place and lets it be held there: in the controller; in the
/// guardian, says how that ended.
pub(super) fn hold_at(
    on: On,
    fabric: Fabric,
    run: &RunDir,
    hold: impl FnOnce(Place) -> Result<Ending, Failure>,
) -> ExitCode {
    // The tag names the process that everybody sees: the one that becomes the guardian.
    let tag = sweep::tag(&run.name());
    let entered = match (on, fabric) {
        (On::Sim, _) | (On::Local, Fabric::Loopback) => None,
        (On::Local, Fabric::Auto | Fabric::Namespaces) => Some(enclosure::enter()),
    };
    let place = match entered {
        Some(Ok(Entered::Guardian(ended))) => return guardian(run, ended),
        Some(Ok(Entered::Controller(enclosed))) => Ok(namespaces(enclosed, tag)),
        Some(Err(refused)) if fabric == Fabric::Namespaces => {
            Err(Failure::SetUp(refused.to_string()))
        }
        Some(Err(refused)) => Ok(loopback(Some(&refused), tag)),
        None if on == On::Sim => Ok(Place::simulated()),
        None => Ok(loopback(None, tag)),
    };
    let ending = place.and_then(hold);
    if ending.is_err() {
        run.remove_if_unused();
    }
    conclude(ending)
}

fn prepare(args: RunArgs) -> Result<(Request, RunDir), Failure> {
    let request = Request::new(args)?;
    let run = RunDir::create(&request.args.store.store, &request.name())?;
    Ok((request, run))
}

fn namespaces(enclosed: enclosure::Enclosed, tag: String) -> Place {
    let user = if nix::unistd::geteuid().is_root() { "root" } else { "ordinary user" };
    Place {
        name: format!("local (network namespaces, {user})"),
        warning: None,
        kind: Kind::Local { fabric: local::Fabric::Namespaces(enclosed), tag },
    }
}

fn loopback(refused: Option<&Refused>, tag: String) -> Place {
    let why = match refused {
        Some(refused) => format!("network namespaces are refused: {refused}"),
        None => "plain loopback was asked for".to_owned(),
    };
    Place {
        name: "local (plain processes on loopback)".to_owned(),
        warning: Some(format!("only kill and pause faults are real in this run: {why}")),
        kind: Kind::Local { fabric: local::Fabric::Loopback, tag },
    }
}

/// The controller is gone, and every node with it. If it did not end by itself, say what is left.
fn guardian(run: &RunDir, ended: Ended) -> ExitCode {
    match ended {
        Ended::Exited(code) => ExitCode::from(u8::try_from(code).unwrap_or(70)),
        Ended::Killed(signal) if !run.file("run.json").exists() => {
            run.remove_if_unused();
            conclude(Err(Failure::SetUp(format!(
                "the controller was ended by signal {signal} before the run began"
            ))))
        }
        Ended::Killed(signal) => {
            let folder = run.path().display();
            anstream::eprintln!(
                "tribunal: the controller was ended by signal {signal}; its nodes, namespaces and \
                 faults are gone with it\nwhat it had recorded can be checked: tribunal check {folder}"
            );
            let left = ledger::replay(&run.file("faults.jsonl"), Mode::Undo);
            let clean = left.is_ok_and(|replay| !replay.leaves_faults());
            let ending = if clean { Ending::Interrupted } else { Ending::FaultsRemain };
            ExitCode::from(ending.code())
        }
    }
}
