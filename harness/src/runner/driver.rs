//! The real driver: carries the scheduler's steps out with tokio, on the real clock.
//!
//! One thread does everything that is about operations: it asks the scheduler, invokes clients, and
//! records. Operations in flight are futures of one set, so an operation costs no task, no channel
//! and no wake-up of another thread.
//!
//! ```text
//!   scheduler --Invoke--> client.invoke(node, op) ----.
//!       ^                                             v
//!       '----complete---- recorder <---- in flight (FuturesUnordered)
//!                            ^
//!                            '---- reports of the nemesis thread
//! ```

use super::recorder::Recorder;
use super::scheduler::{Scheduler, Step};
use checkers::history::notes::Note;
use checkers::history::{Op, Outcome};
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::{Duration, Instant};
use targets::client::Client;
use targets::links::NodeId;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;
use workloads::generator::ThreadId;

/// Something that the driver records although it did not do it.
#[derive(Debug)]
pub struct Report {
    /// What happened.
    pub note: Note,
    /// Who is believed to lead from now on, if that is what it says.
    pub leader: Option<NodeId>,
}

/// The clock of a run: nanoseconds since it began.
#[derive(Clone, Copy, Debug)]
pub struct RunClock(Instant);

impl RunClock {
    /// A run begins now.
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Nanoseconds since the run began.
    pub fn now_ns(self) -> u64 {
        u64::try_from(self.0.elapsed().as_nanos()).expect("a run ends within 584 years")
    }

    fn at(self, ns: u64) -> tokio::time::Instant {
        tokio::time::Instant::from_std(self.0 + Duration::from_nanos(ns))
    }
}

/// What every part of a run shares.
#[derive(Debug)]
pub struct Driver<C> {
    clock: RunClock,
    clients: Vec<Option<C>>,
    recorder: Recorder,
    reports: UnboundedReceiver<Report>,
    stop: watch::Receiver<bool>,
}

/// An operation that is back, with the client that did it.
struct Completion<C> {
    thread: ThreadId,
    client: C,
    node: NodeId,
    op: Op,
    outcome: Outcome,
}

async fn run_operation<C: Client>(
    mut client: C,
    thread: ThreadId,
    node: NodeId,
    op: Op,
) -> Completion<C> {
    let outcome = client.invoke(node, &op).await;
    Completion { thread, client, node, op, outcome }
}

/// Why the driver woke up.
enum Wake<C> {
    Completion(Completion<C>),
    Report(Report),
    Stop,
    Time,
}

impl<C: Client> Driver<C> {
    /// A driver with one client a thread. `stop` turns true when the user wants the run to end.
    pub fn new(
        clock: RunClock,
        clients: Vec<C>,
        recorder: Recorder,
        reports: UnboundedReceiver<Report>,
        stop: watch::Receiver<bool>,
    ) -> Self {
        let clients = clients.into_iter().map(Some).collect();
        Self { clock, clients, recorder, reports, stop }
    }

    /// Carries out one phase of a run until its generator is exhausted and every thread is idle, or
    /// the user wants it to end. `observe` sees the recorder now and then, for the progress line.
    pub async fn run(
        &mut self,
        scheduler: &mut Scheduler,
        mut observe: impl FnMut(&Recorder, u64),
    ) {
        let mut in_flight = FuturesUnordered::new();
        let mut stopping = *self.stop.borrow();
        if stopping {
            scheduler.stop();
        }
        loop {
            let now_ns = self.clock.now_ns();
            if !stopping && self.stop.has_changed().unwrap_or(false) {
                stopping = *self.stop.borrow_and_update();
                if stopping {
                    scheduler.stop();
                }
            }
            if self.recorder.is_over() {
                scheduler.stop();
            }
            let until_ns = match scheduler.next(now_ns) {
                Step::Done => return,
                Step::Invoke { thread, process, node, op } => {
                    self.recorder.invoke(now_ns, process, node, &op);
                    let client = self.clients[thread as usize].take();
                    let client = client.expect("a free thread has its client");
                    in_flight.push(run_operation(client, thread, node, op));
                    match poll_once(&mut in_flight).await {
                        Some(completion) => {
                            self.complete(scheduler, completion);
                            observe(&self.recorder, now_ns);
                        }
                        None => self.drain_reports(scheduler),
                    }
                    continue;
                }
                Step::Wait { until_ns } => until_ns,
            };
            observe(&self.recorder, now_ns);
            self.recorder.idle(now_ns);
            match self.wake(&mut in_flight, until_ns, stopping).await {
                Wake::Completion(completion) => self.complete(scheduler, completion),
                Wake::Report(report) => self.report(scheduler, &report),
                Wake::Stop => {
                    stopping = true;
                    scheduler.stop();
                }
                Wake::Time => {}
            }
        }
    }

    /// Waits, and records what the nemesis reports meanwhile, until this future is ready.
    pub async fn wait_for<T>(&mut self, future: impl Future<Output = T>) -> T {
        let mut future = std::pin::pin!(future);
        loop {
            tokio::select! {
                biased;
                Some(report) = self.reports.recv() => {
                    self.recorder.note(self.clock.now_ns(), &report.note);
                }
                value = &mut future => return value,
            }
        }
    }

    /// Whether what was recorded ends the run, however it would go on.
    pub fn is_over(&self) -> bool {
        self.recorder.is_over()
    }

    /// Records a note of the driver's own.
    pub fn note(&mut self, note: &Note) {
        self.recorder.note(self.clock.now_ns(), note);
    }

    /// Ends the run: what was reported meanwhile is recorded too.
    pub fn finish(mut self) -> Recorder {
        while let Ok(report) = self.reports.try_recv() {
            self.recorder.note(self.clock.now_ns(), &report.note);
        }
        self.recorder
    }

    fn complete(&mut self, scheduler: &mut Scheduler, completion: Completion<C>) {
        let Completion { thread, client, node, op, outcome } = completion;
        let now_ns = self.clock.now_ns();
        self.clients[thread as usize] = Some(client);
        let process = scheduler.complete(now_ns, thread, &op, &outcome);
        self.recorder.complete(now_ns, process, node, &op, &outcome);
    }

    fn report(&mut self, scheduler: &mut Scheduler, report: &Report) {
        self.recorder.note(self.clock.now_ns(), &report.note);
        if report.leader.is_some() {
            scheduler.set_leader(report.leader);
        }
    }

    /// While every thread is quickly free again the driver may never sleep; reports still have to
    /// get into the history.
    fn drain_reports(&mut self, scheduler: &mut Scheduler) {
        while let Ok(report) = self.reports.try_recv() {
            self.report(scheduler, &report);
        }
    }

    async fn wake<F: Future<Output = Completion<C>>>(
        &mut self,
        in_flight: &mut FuturesUnordered<F>,
        until_ns: Option<u64>,
        stopping: bool,
    ) -> Wake<C> {
        // Without a time of its own the driver still wakes up to flush what was recorded.
        let idle_ns = self.clock.now_ns() + super::recorder::FLUSH_AFTER_NS;
        let until = self.clock.at(until_ns.map_or(idle_ns, |until| until.min(idle_ns)));
        let stop = &mut self.stop;
        tokio::select! {
            biased;
            Some(report) = self.reports.recv() => Wake::Report(report),
            Some(completion) = in_flight.next() => Wake::Completion(completion),
            () = wait_for_stop(stop), if !stopping => Wake::Stop,
            () = tokio::time::sleep_until(until) => Wake::Time,
        }
    }
}

/// Ready when the user wants the run to end; never, if nobody can say so any more.
async fn wait_for_stop(stop: &mut watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Looks once at the operations in flight, without waiting.
async fn poll_once<F: Future>(in_flight: &mut FuturesUnordered<F>) -> Option<F::Output> {
    poll_fn(|context| match Pin::new(&mut *in_flight).poll_next_unpin(context) {
        Poll::Ready(completion) => Poll::Ready(completion),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}
