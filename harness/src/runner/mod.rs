//! A run: from a cluster that serves to a recorded history.
//!
//! ```text
//!   phase        clients                       faults
//!   main         the workload's generator      the plan, as drawn from the seed
//!   heal         idle                          every fault undone, and seen to be
//!   settle       idle                          none
//!   final-reads  every key read once more      none
//!   done
//! ```
//!
//! Two threads share the work: the *driver* asks clients and records, the *nemesis* acts on the
//! environment. They talk through channels, and only the driver writes to the history. When the
//! user ends a run early, or a violation does (`--stop-on violation`), the main phase ends, the
//! faults are undone, and there are no final reads.

pub mod driver;
pub mod interrupt;
pub mod nemesis_thread;
pub mod recorder;
pub mod scheduler;
pub mod script;
pub mod simulated;

use crate::case::Case;
use crate::exit::Failure;
use crate::progress::Progress;
use checkers::history::History;
use checkers::history::notes::{Note, Phase};
use checkers::linearizable::Violation;
use driver::{Driver, RunClock};
use interrupt::Interrupts;
use nemesis_thread::NemesisThread;
use recorder::Recorder;
use scheduler::Scheduler;
use std::io;
use std::time::Duration;
use targets::client::Client;
use tokio::sync::mpsc::UnboundedReceiver;

/// What a run leaves for the checkers.
#[derive(Debug)]
pub struct Recorded {
    /// Everything that happened.
    pub history: History,
    /// Whether the history's file is complete.
    pub file: io::Result<()>,
    /// Whether every key was read once more.
    pub final_reads: bool,
    /// Whether the user ended the run early.
    pub interrupted: bool,
    /// Whether every fault is undone.
    pub healed: bool,
    /// What ended the run early, if that was asked for (`--stop-on violation`).
    pub violation: Option<Violation>,
}

/// What the driver thread needs.
#[derive(Debug)]
pub struct Conductor<'a, C> {
    /// What decides the run.
    pub case: &'a Case,
    /// Who does what next.
    pub scheduler: Scheduler,
    /// One client a thread.
    pub clients: Vec<C>,
    /// Where events go.
    pub recorder: Recorder,
    /// What the nemesis has to say.
    pub reports: UnboundedReceiver<driver::Report>,
    /// Where the nemesis takes its orders.
    pub nemesis: &'a NemesisThread,
    /// What the user wants.
    pub interrupts: &'a Interrupts,
    /// Where the user watches.
    pub progress: Progress,
}

impl<C: Client> Conductor<'_, C> {
    /// Carries out the whole run on the calling thread, whose network the clients use.
    pub fn conduct(self) -> Result<Recorded, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| {
            Failure::SetUp(format!("the driver's event loop cannot be made: {error}"))
        })?;
        Ok(runtime.block_on(self.phases()))
    }

    async fn phases(self) -> Recorded {
        let Self { case, mut scheduler, clients, recorder, reports, nemesis, interrupts, .. } =
            self;
        let mut progress = self.progress;
        let clock = RunClock::start();
        let stop = interrupts.stop();
        let mut driver = Driver::new(clock, clients, recorder, reports, stop);
        let args = &case.request.args;
        let length = Some(args.time);

        driver.note(&Note::Phase(Phase::Main));
        progress.phase("main", clock.now_ns());
        nemesis.start();
        let observe =
            |recorder: &Recorder, now_ns| progress.tick(now_ns, length, recorder.counts());
        driver.run(&mut scheduler, observe).await;

        if let Some(end_ms) = case.script_ends_ms().filter(|_| !driver.is_over()) {
            let left =
                Duration::from_millis(end_ms).saturating_sub(Duration::from_nanos(clock.now_ns()));
            driver.wait_for(rest(left, interrupts)).await;
        }

        // An interrupted run says where it was interrupted by the phase that it did not get to.
        if !interrupts.interrupted() {
            driver.note(&Note::Phase(Phase::Heal));
        }
        progress.phase("heal", clock.now_ns());
        let healed = driver.wait_for(nemesis.heal()).await;

        // After a violation nothing that comes would change the verdict.
        let over = driver.is_over();
        let mut complete = false;
        if !interrupts.interrupted() && !over {
            driver.note(&Note::Phase(Phase::Settle));
            progress.phase("settle", clock.now_ns());
            driver.wait_for(rest(args.settle, interrupts)).await;
        }
        if !interrupts.interrupted() && !over {
            driver.note(&Note::Phase(Phase::FinalReads));
            progress.phase("final reads", clock.now_ns());
            scheduler.begin_final_reads();
            let observe =
                |recorder: &Recorder, now_ns| progress.tick(now_ns, None, recorder.counts());
            driver.run(&mut scheduler, observe).await;
            complete = !interrupts.interrupted();
        }
        // Without this note the history itself says that its run was cut short.
        if complete {
            driver.note(&Note::Phase(Phase::Done));
        }
        progress.finish();
        let mut recorder = driver.finish();
        let violation = recorder.take_violation();
        let (history, file) = recorder.finish();
        let interrupted = interrupts.interrupted();
        Recorded { history, file, final_reads: complete, interrupted, healed, violation }
    }
}

/// Waits, unless the user wants the run to end.
async fn rest(length: Duration, interrupts: &Interrupts) {
    let mut stop = interrupts.stop();
    tokio::select! {
        () = tokio::time::sleep(length) => {}
        _ = stop.wait_for(|stop| *stop) => {}
    }
}
