//! The nemesis thread: follows the plan on the real clock, and reports to the driver.
//!
//! Primitives of an environment block for a few milliseconds (a probe round, a wait for a death),
//! which must not delay clients: so they run here. Orders come in through a channel, reports go out
//! through another; the history stays the driver's.

use super::driver::Report;
use checkers::history::notes::{FaultNote, FaultStep, Note};
use nemesis::engine::{self, Engine, Happened};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use targets::environment::Environment;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

/// The plan and the nodes are looked at this often.
const POLL: Duration = Duration::from_millis(3);

/// What the driver wants.
enum Order {
    /// The main phase begins.
    Start(Instant),
    /// Undo everything and say whether that worked.
    Heal(oneshot::Sender<bool>),
}

/// The driver's end of the nemesis thread.
#[derive(Debug)]
pub struct NemesisThread {
    orders: mpsc::Sender<Order>,
    thread: JoinHandle<Box<dyn Environment>>,
}

impl NemesisThread {
    /// Starts the thread. Nothing goes wrong before [`NemesisThread::start`].
    pub fn spawn<E: Environment + 'static>(
        engine: Engine<E>,
        reports: UnboundedSender<Report>,
    ) -> std::io::Result<Self> {
        let (orders, inbox) = mpsc::channel();
        let thread = std::thread::Builder::new().name("nemesis".into()).spawn(
            move || -> Box<dyn Environment> { Box::new(follow(engine, &inbox, &reports)) },
        )?;
        Ok(Self { orders, thread })
    }

    /// The main phase begins now.
    pub fn start(&self) {
        // A thread that is gone has panicked; joining it says so.
        let _ = self.orders.send(Order::Start(Instant::now()));
    }

    /// Undoes every fault; true if all of them were seen to be undone.
    pub async fn heal(&self) -> bool {
        let (answer, healed) = oneshot::channel();
        let _ = self.orders.send(Order::Heal(answer));
        healed.await.unwrap_or(false)
    }

    /// Ends the thread and gives the environment back, or nothing if the thread panicked.
    pub fn join(self) -> Option<Box<dyn Environment>> {
        drop(self.orders);
        self.thread.join().ok()
    }
}

/// A heal that is going on.
struct Heal {
    answer: oneshot::Sender<bool>,
    failed: bool,
}

fn follow<E: Environment>(
    mut engine: Engine<E>,
    orders: &mpsc::Receiver<Order>,
    reports: &UnboundedSender<Report>,
) -> E {
    let mut main_start: Option<Instant> = None;
    let mut heal: Option<Heal> = None;
    loop {
        match orders.recv_timeout(POLL) {
            Ok(Order::Start(at)) => main_start = Some(at),
            Ok(Order::Heal(answer)) => {
                main_start.get_or_insert_with(Instant::now);
                engine.begin_heal();
                heal = Some(Heal { answer, failed: false });
            }
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => return engine.into_environment(),
        }
        // After the main phase too: nodes go on having news.
        let Some(start) = main_start else {
            continue;
        };
        for happened in engine.poll(start.elapsed()) {
            if let Some(heal) = &mut heal {
                heal.failed |= is_heal_failed(&happened);
            }
            // Without a driver there is nobody to tell, and the thread is about to end.
            let _ = reports.send(translate(happened));
        }
        if engine.is_healed()
            && let Some(Heal { answer, failed }) = heal.take()
        {
            let _ = answer.send(!failed);
        }
    }
}

fn is_heal_failed(what: &Happened) -> bool {
    matches!(what, Happened::Fault { step: engine::Step::HealFailed, .. })
}

/// What the nemesis saw, as the history says it.
pub fn translate(happened: Happened) -> Report {
    match happened {
        Happened::Fault { id, name, step, text, seen } => {
            let step = match step {
                engine::Step::Asked => FaultStep::Asked,
                engine::Step::Installed => FaultStep::Installed,
                engine::Step::Skipped => FaultStep::Skipped,
                engine::Step::Indeterminate => FaultStep::Indeterminate,
                engine::Step::Healed => FaultStep::Healed,
                engine::Step::HealFailed => FaultStep::HealFailed,
            };
            let note = Note::Fault(FaultNote { id, fault: name, step, text, seen });
            Report { note, leader: None }
        }
        Happened::Leader { node, term } => {
            Report { note: Note::Leader { node: node.to_string(), term }, leader: Some(node) }
        }
        Happened::Died { node, how } => {
            Report { note: Note::Died { node: node.to_string(), how }, leader: None }
        }
        Happened::Reached { node, place } => {
            Report { note: Note::Reached { node: node.to_string(), place }, leader: None }
        }
    }
}
