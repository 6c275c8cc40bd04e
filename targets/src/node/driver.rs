//! The loop that owns the protocol.
//!
//! ```text
//!    inbox of peers ---+            +-> at once: send, reply, note
//!    inbox of clients -+-> steps ---+-> batch: one write + fdatasync (on another thread)
//!    timers -----------+            +-> then: send, reply, note
//!         ^                                |
//!         +--------------------------------+
//! ```
//!
//! While a batch is written the protocol is not stepped, but sockets are served: what comes
//! meanwhile waits in the inboxes and makes up the next batch. The slower the disk, the larger the
//! batch (group commit). Peers go before clients, so that a flood of requests does not delay a
//! heartbeat; messages before timers, so that a node that was paused hears its leader before it
//! stands for election.

use super::incoming::{self, Callers, Inboxes};
use super::peers::Peers;
use super::sockets;
use super::status::Reporter;
use super::timers::Timers;
use super::turn::{Output, OutputOf, TimerChange, Turn};
use super::wal::{Recovery, Wal};
use super::{NodeConfig, NodeError, Wiring};
use crate::links::NodeId;
use crate::protocol::{Context, Effect, Input, Protocol, RequestId};
use crate::seed::Stream;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::LocalSet;
use tokio::time::Instant;

/// Messages, and requests, that wait for the protocol; more stay in the sockets.
const INBOX_MAX: usize = 4096;
/// Messages, and requests, that one turn takes.
const TURN_INPUTS_MAX: usize = 512;
/// Timers that one turn fires.
const TURN_TIMERS_MAX: usize = 64;
/// The size of a batch that ends a turn early.
const TURN_BATCH_BYTES: usize = 4 << 20;

/// Runs a node until it is told to stop (`Ok`) or cannot go on. To drop the future is to kill the
/// node: what was not written is lost.
///
/// Must run on a tokio runtime with I/O and time, whose thread is in the node's network namespace.
pub async fn drive<P: Protocol>(
    config: NodeConfig,
    protocol_config: P::Config,
    wiring: Wiring,
) -> Result<(), NodeError> {
    // Tasks of the set end with it: a killed node leaves no connection and no listener behind.
    LocalSet::new().run_until(serve::<P>(config, protocol_config, wiring)).await
}

async fn serve<P: Protocol>(
    config: NodeConfig,
    protocol_config: P::Config,
    wiring: Wiring,
) -> Result<(), NodeError> {
    let NodeConfig { me, nodes, data_dir, seed, .. } = config;
    let (wal, recovery) = Wal::open::<P::Record>(&data_dir, wiring.disk_probe)?;
    let Recovery { records, next_sequence, boot, torn_bytes } = recovery;
    if torn_bytes > 0 {
        eprintln!(
            "{me}: cut a torn tail of {torn_bytes} bytes off the log in {}",
            data_dir.display()
        );
    }
    let address = nodes[usize::from(me.0)];
    let listener =
        sockets::listen(address).map_err(|source| NodeError::Listen { address, source })?;
    let callers = Callers::new(me, nodes.len());
    let (message_inbox, messages) = mpsc::channel(INBOX_MAX);
    let (request_inbox, requests) = mpsc::channel(INBOX_MAX);
    let inboxes = Rc::new(Inboxes { messages: message_inbox, requests: request_inbox });
    tokio::task::spawn_local(incoming::accept(listener, Rc::clone(&callers), inboxes));
    let mut reporter = Reporter::new(wiring.status);
    reporter.serving(boot);
    let driver = Driver::<P> {
        protocol: P::recover(me, protocol_config, records),
        origin: Instant::now(),
        entropy: seed.stream(&format!("node {me} boot {boot}")),
        timers: Timers::default(),
        turn: Turn::new(next_sequence),
        effects: Vec::new(),
        wal: Some(wal),
        peers: Peers::connect(me, &nodes),
        callers,
        reporter,
    };
    driver.run(messages, requests, wiring.stop).await
}

struct Driver<P: Protocol> {
    protocol: P,
    /// `now_ns` counts from here. The clock is CLOCK_MONOTONIC, which tokio's `Instant` reads.
    origin: Instant,
    entropy: Stream,
    timers: Timers<P::Timer>,
    turn: Turn<P>,
    effects: Vec<Effect<P>>,
    /// Away while a batch is being written.
    wal: Option<Wal>,
    peers: Peers,
    callers: Rc<Callers>,
    reporter: Reporter,
}

impl<P: Protocol> Driver<P> {
    async fn run(
        mut self,
        mut messages: mpsc::Receiver<(NodeId, P::Message)>,
        mut requests: mpsc::Receiver<(RequestId, P::Request)>,
        mut stop: oneshot::Receiver<()>,
    ) -> Result<(), NodeError> {
        let mut next = Some(Input::Start);
        loop {
            if let Some(input) = next {
                self.step(input)?;
            }
            self.take_ready(&mut messages, |(from, message)| Input::Message { from, message })?;
            self.take_ready(&mut requests, |(id, request)| Input::Request { id, request })?;
            self.fire_timers()?;
            self.finish_turn(self.now_ns()).await?;
            next = tokio::select! {
                biased;
                _ = &mut stop => {
                    // Orderly: what is held in memory is written whatever its age.
                    return self.finish_turn(u64::MAX).await;
                }
                Some((from, message)) = messages.recv() => Some(Input::Message { from, message }),
                Some((id, request)) = requests.recv() => Some(Input::Request { id, request }),
                () = sleep_until(self.origin, self.wake_ns()) => None,
            };
        }
    }

    fn now_ns(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_nanos())
            .expect("a node runs for less than 500 years")
    }

    /// When something is due although nobody calls.
    fn wake_ns(&self) -> Option<u64> {
        let due = [self.timers.next_deadline_ns(), self.turn.held_deadline_ns()];
        due.into_iter().flatten().min()
    }

    fn step(&mut self, input: Input<P>) -> Result<(), NodeError> {
        let context = Context { now_ns: self.now_ns(), entropy: self.entropy.draw() };
        self.protocol.step(context, input, &mut self.effects);
        let timers = &mut self.timers;
        self.turn.join(context.now_ns, self.effects.drain(..), |change| match change {
            TimerChange::Set { timer, deadline_ns } => timers.set(timer, deadline_ns),
            TimerChange::Cancel(timer) => timers.cancel(timer),
        })?;
        Ok(())
    }

    fn take_ready<T>(
        &mut self,
        inbox: &mut mpsc::Receiver<T>,
        input: impl Fn(T) -> Input<P>,
    ) -> Result<(), NodeError> {
        for _ in 0..TURN_INPUTS_MAX {
            if self.turn.batch.bytes() >= TURN_BATCH_BYTES {
                break;
            }
            let Ok(received) = inbox.try_recv() else { break };
            self.step(input(received))?;
        }
        Ok(())
    }

    fn fire_timers(&mut self) -> Result<(), NodeError> {
        let now_ns = self.now_ns();
        for _ in 0..TURN_TIMERS_MAX {
            let Some(timer) = self.timers.take_due(now_ns) else { break };
            self.step(Input::Timer(timer))?;
        }
        Ok(())
    }

    /// Lets out what may leave, makes the batch durable, lets out the rest. Records that nobody
    /// waits for go along if they are due at `now_ns`.
    async fn finish_turn(&mut self, now_ns: u64) -> Result<(), NodeError> {
        let mut at_once = std::mem::take(&mut self.turn.at_once);
        self.let_out(at_once.drain(..));
        self.turn.at_once = at_once;
        self.turn.include_held(now_ns);
        if !self.turn.batch.is_empty() {
            self.commit().await?;
        }
        let mut then = std::mem::take(&mut self.turn.then);
        self.let_out(then.drain(..));
        self.turn.then = then;
        self.turn.clear();
        Ok(())
    }

    async fn commit(&mut self) -> Result<(), NodeError> {
        let mut wal = self.wal.take().expect("the log is here between two batches");
        let batch = std::mem::take(&mut self.turn.batch);
        let written = tokio::task::spawn_blocking(move || {
            let result = wal.commit(&batch);
            (wal, result)
        });
        let (wal, result) = written.await.expect("writing a batch neither panics nor is cancelled");
        self.wal = Some(wal);
        Ok(result?)
    }

    fn let_out(&mut self, outputs: impl Iterator<Item = OutputOf<P>>) {
        for output in outputs {
            match output {
                Output::Send { to, message } => self.peers.send(to, &message),
                Output::Reply { id, response } => self.callers.reply(id, &response),
                Output::Note(note) => self.reporter.note(note, self.now_ns()),
            }
        }
    }
}

async fn sleep_until(origin: Instant, deadline_ns: Option<u64>) {
    match deadline_ns {
        Some(deadline_ns) => {
            tokio::time::sleep_until(origin + Duration::from_nanos(deadline_ns)).await;
        }
        None => std::future::pending().await,
    }
}
