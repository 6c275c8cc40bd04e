//! The second driver: the same scheduler, the same faults and the same recorder, stepped in virtual
//! time.
//!
//! ```text
//!   scheduler --Invoke--> World --Completed--> scheduler, recorder
//!   plan -----> Engine ---primitives--> World --News--> Engine --Happened--> recorder
//! ```
//!
//! The phases are those of [`super`], in the same order. Nothing waits for anything real: time
//! jumps to whatever happens next. Run time is zero when the main phase begins, and the world has
//! lived for a moment by then: its nodes had to start and elect a leader.

use super::Recorded;
use super::driver::Report;
use super::nemesis_thread::translate;
use super::recorder::Recorder;
use super::scheduler::{Scheduler, Step};
use crate::case::Case;
use crate::exit::Failure;
use crate::judge;
use crate::progress::Progress;
use checkers::history::Op;
use checkers::history::notes::{FaultStep, Note, Phase};
use checkers::history::trace::Trace;
use nemesis::engine::{Engine, EngineOptions};
use nemesis::ledger::Ledger;
use std::time::Duration;
use targets::environment::{Environment, NodeEvent, NodeNews};
use targets::links::NodeId;
use targets::protocol;
use targets::raft::Raft;
use targets::service::Service;
use targets::sim::{Advanced, Calm, Completion, World, WorldSpec};

const MS: u64 = 1_000_000;

/// How long the nodes may take to serve and to elect somebody before the run begins regardless.
const LEADER_WITHIN_NS: u64 = 10_000 * MS;

/// What a simulated run leaves.
#[derive(Debug)]
pub struct Simulated {
    /// What every run leaves.
    pub recorded: Recorded,
    /// What went on inside, if that was asked for.
    pub trace: Option<Trace>,
    /// How often each place of the protocol was reached, in order of names.
    pub places: Vec<(String, u64)>,
    /// How much virtual time went by.
    pub simulated_ns: u64,
}

/// Plays a case on the calling thread. `stop` is asked now and then and ends the run early;
/// `trace_ns` is the window that a trace is kept of.
pub fn play(
    case: &Case,
    recorder: Recorder,
    trace_ns: Option<(u64, u64)>,
    stop: &dyn Fn() -> bool,
    progress: &mut Progress,
) -> Result<Simulated, Failure> {
    match case.request.target.name {
        "raft" => {
            let config = case.request.raft.clone();
            play_protocol::<Raft>(case, config, recorder, trace_ns, stop, progress)
        }
        other => Err(Failure::Nothing(format!("{other} cannot be simulated yet"))),
    }
}

fn play_protocol<P: Service + Send>(
    case: &Case,
    config: P::Config,
    recorder: Recorder,
    trace_ns: Option<(u64, u64)>,
    stop: &dyn Fn() -> bool,
    progress: &mut Progress,
) -> Result<Simulated, Failure> {
    let (request, args) = (&case.request, &case.request.args);
    let calm = Calm { link_delay_us: args.link_delay, sync_us: args.sync_delay, ..Calm::default() };
    let mut world = World::<P>::new(WorldSpec {
        nodes: args.nodes,
        clients: args.clients,
        config,
        seed: request.seed,
        calm,
        op_timeout: args.op_timeout,
    });
    let news = bring_up(&mut world)?;
    let start_ns = world.now_ns();
    if let Some((from_ns, to_ns)) = trace_ns {
        world.keep_trace((start_ns + from_ns, start_ns.saturating_add(to_ns)));
    }
    let stream = request.seed.stream("nemesis engine");
    let ledger = Ledger::in_memory();
    let calm_delay = Duration::from_micros(args.link_delay.1.into());
    let options = EngineOptions { calm_delay, ..EngineOptions::default() };
    let mut engine = Engine::new(world, case.plan.clone(), ledger, stream, options)
        .map_err(|error| Failure::Internal(error.to_string()))?;
    engine.hear(news);
    let mut stage = Stage {
        engine,
        scheduler: case.scheduler()?,
        recorder: recorder.watched(judge::watch(request)),
        start_ns,
        running: vec![None; args.clients as usize],
        healed: true,
        stop,
        progress,
    };
    let final_reads = stage.phases(case);
    Ok(stage.finish(final_reads))
}

/// Starts every node and waits until all serve and one leads, as real clusters are waited for. A
/// cluster with a planted bug may never get there; that is for the run to show.
fn bring_up<P: Service + Send>(world: &mut World<P>) -> Result<Vec<NodeNews>, Failure> {
    for node in (0..world.nodes()).map(NodeId) {
        world.start(node).map_err(|error| Failure::Internal(error.to_string()))?;
    }
    let mut serving = vec![false; usize::from(world.nodes())];
    let (mut leading, mut heard) = (false, Vec::new());
    while !(leading && serving.iter().all(|serves| *serves)) {
        if world.advance(LEADER_WITHIN_NS) == Advanced::Time {
            break;
        }
        for news in world.news() {
            match &news.what {
                NodeEvent::Serving => serving[usize::from(news.node.0)] = true,
                NodeEvent::Note(protocol::Note::Leading { .. }) => leading = true,
                _ => {}
            }
            heard.push(news);
        }
    }
    Ok(heard)
}

/// A run in progress.
struct Stage<'a, P: Service> {
    engine: Engine<World<P>>,
    scheduler: Scheduler,
    recorder: Recorder,
    /// The world's time when the main phase began.
    start_ns: u64,
    /// By thread: what it is doing, and whom it asked first.
    running: Vec<Option<(Op, NodeId)>>,
    healed: bool,
    stop: &'a dyn Fn() -> bool,
    progress: &'a mut Progress,
}

impl<P: Service + Send> Stage<'_, P> {
    /// The whole run; says whether it got to its end.
    fn phases(&mut self, case: &Case) -> bool {
        let args = &case.request.args;
        let length = args.time;
        self.phase(Phase::Main, "main");
        self.poll();
        self.operate(Some(length));
        if let Some(end_ms) = case.script_ends_ms().filter(|_| !self.recorder.is_over()) {
            self.wait_until(end_ms * MS);
        }
        if (self.stop)() {
            self.heal();
            return false;
        }
        self.phase(Phase::Heal, "heal");
        self.heal();
        // After a violation nothing that comes would change the verdict.
        if self.recorder.is_over() {
            return false;
        }
        self.phase(Phase::Settle, "settle");
        self.wait_until(self.now_ns() + args.settle.as_nanos() as u64);
        if (self.stop)() {
            return false;
        }
        self.phase(Phase::FinalReads, "final reads");
        self.scheduler.begin_final_reads();
        self.operate(None);
        if (self.stop)() {
            return false;
        }
        self.note(&Note::Phase(Phase::Done));
        true
    }

    /// Lets clients work until the scheduler has nothing more for them.
    fn operate(&mut self, length: Option<Duration>) {
        for turn in 0_u32.. {
            // The user and the progress line are looked at now and then: a turn takes microseconds.
            if turn.is_multiple_of(1024) {
                if (self.stop)() {
                    self.scheduler.stop();
                }
                self.progress.tick(self.now_ns(), length, self.recorder.counts());
            }
            if self.recorder.is_over() {
                self.scheduler.stop();
            }
            let now_ns = self.now_ns();
            match self.scheduler.next(now_ns) {
                Step::Done => return,
                Step::Invoke { thread, process, node, op } => {
                    self.recorder.invoke(now_ns, process, node, &op);
                    self.engine.environment_mut().invoke(thread, node, &op);
                    self.running[thread as usize] = Some((op, node));
                }
                Step::Wait { until_ns } => self.advance(until_ns.unwrap_or(u64::MAX)),
            }
        }
    }

    /// Lets time pass until something happens, at most until then.
    fn advance(&mut self, until_ns: u64) {
        let wake_ns = self.engine.wake_ms().map_or(u64::MAX, |ms| ms * MS);
        let until_ns = until_ns.min(wake_ns);
        let world_ns = self.start_ns.saturating_add(until_ns);
        match self.engine.environment_mut().advance(world_ns) {
            Advanced::Completed(completion) => self.complete(&completion),
            Advanced::News => self.poll(),
            Advanced::Time if until_ns == wake_ns => self.poll(),
            Advanced::Time => {}
        }
    }

    fn wait_until(&mut self, until_ns: u64) {
        while self.now_ns() < until_ns && !(self.stop)() {
            self.advance(until_ns);
        }
    }

    fn heal(&mut self) {
        // A fault that could not be undone at its end has one more chance now.
        self.healed = true;
        self.engine.begin_heal();
        self.poll();
        while !self.engine.is_healed() {
            self.advance(u64::MAX);
        }
    }

    fn complete(&mut self, completion: &Completion) {
        let Completion { client, outcome } = completion;
        let running = self.running[*client as usize].take();
        let (op, node) = running.expect("what completes was invoked");
        let now_ns = self.now_ns();
        let process = self.scheduler.complete(now_ns, *client, &op, outcome);
        self.recorder.complete(now_ns, process, node, &op, outcome);
    }

    /// Lets the faults act on what has happened.
    fn poll(&mut self) {
        let now_ns = self.now_ns();
        for happened in self.engine.poll(Duration::from_nanos(now_ns)) {
            let Report { note, leader } = translate(happened);
            if let Note::Fault(fault) = &note {
                self.healed &= fault.step != FaultStep::HealFailed;
            }
            self.recorder.note(now_ns, &note);
            if leader.is_some() {
                self.scheduler.set_leader(leader);
            }
        }
    }

    fn phase(&mut self, phase: Phase, name: &'static str) {
        self.note(&Note::Phase(phase));
        self.progress.phase(name, self.now_ns());
    }

    fn note(&mut self, note: &Note) {
        let now_ns = self.now_ns();
        self.recorder.note(now_ns, note);
    }

    fn now_ns(&self) -> u64 {
        self.engine.environment().now_ns() - self.start_ns
    }

    fn finish(mut self, final_reads: bool) -> Simulated {
        self.progress.finish();
        let simulated_ns = self.engine.environment().now_ns();
        let mut world = self.engine.into_environment();
        let violation = self.recorder.take_violation();
        let (history, file) = self.recorder.finish();
        let interrupted = !final_reads && violation.is_none();
        let healed = self.healed;
        let recorded = Recorded { history, file, final_reads, interrupted, healed, violation };
        let start_ns = self.start_ns;
        let trace = world.take_trace().map(|trace| since_start(trace, start_ns));
        Simulated { recorded, trace, places: world.places(), simulated_ns }
    }
}

/// A trace in the run's own time.
fn since_start(mut trace: Trace, start_ns: u64) -> Trace {
    let shift = |ns: u64| ns.saturating_sub(start_ns);
    trace.window_ns = (shift(trace.window_ns.0), shift(trace.window_ns.1));
    for event in &mut trace.events {
        event.time_ns = shift(event.time_ns);
    }
    trace
}
