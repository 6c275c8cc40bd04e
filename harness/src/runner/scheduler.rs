//! The scheduler: which thread does what, under which process number, on which node. Pure.
//!
//! ```text
//!   generator          +-----------+   Step::Invoke{thread, process, node, op}
//!   and node choice -->| Scheduler |-----------------------------------------> driver
//!   or a script        +-----------+ <----------------------------------------
//!                                       complete(thread, outcome)
//! ```
//!
//! What is done comes from the workload's generator, or is written down in a script: the driver
//! cannot tell. A script is not limited in time by itself; its main part is done when all of it was
//! done.
//!
//! It holds no clock and does no I/O: a driver tells it the time and carries its steps out. The
//! driver of this crate is [`super::driver`]; a simulator steps the same scheduler in virtual time.
//!
//! A thread runs one operation at a time. When nobody knows what became of an operation (`info`),
//! its process never acts again: the thread goes on as process + number of threads, as in Jepsen.

use super::script::{Cue, Script};
use crate::case::ScriptedOp;
use crate::exit::Failure;
use crate::request::Request;
use checkers::history::{Op, Outcome, Process};
use targets::links::NodeId;
use workloads::catalogue::Phases;
use workloads::choice::NodeChoice;
use workloads::generator::{Context, Generator, Next, ThreadId, Update};

/// What the driver has to do next.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Let this thread do this now.
    Invoke {
        /// Which thread.
        thread: ThreadId,
        /// The process number that it acts under.
        process: Process,
        /// The node to ask.
        node: NodeId,
        /// What to do.
        op: Op,
    },
    /// Nothing now: come back when something completes, or at this time if one is given.
    Wait {
        /// Nanoseconds since the run began.
        until_ns: Option<u64>,
    },
    /// The generator is exhausted and every thread is idle.
    Done,
}

/// What says what is done.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a run has one")]
enum Source {
    Generated { phases: Phases, choice: NodeChoice },
    Scripted(Script),
}

/// Threads, the processes that they act under, and what says what they do.
#[derive(Debug)]
pub struct Scheduler {
    source: Source,
    threads: Vec<ThreadId>,
    free: Vec<ThreadId>,
    /// By thread: the number of the process that it acts under.
    processes: Vec<u32>,
    stopped: bool,
}

impl Scheduler {
    /// Every thread idle, at the start of the main phase of a workload.
    pub fn new(phases: Phases, choice: NodeChoice, threads: u32) -> Self {
        Self::with(Source::Generated { phases, choice }, threads)
    }

    /// Every thread idle, at the start of a script.
    pub fn scripted(script: Script, threads: u32) -> Self {
        Self::with(Source::Scripted(script), threads)
    }

    /// What was asked: the script if there is one, else the workload's generator.
    pub fn of(request: &Request, operations: Option<&[ScriptedOp]>) -> Result<Self, Failure> {
        let args = &request.args;
        let Some(operations) = operations else {
            return Ok(Self::new(request.phases()?, request.choice()?, args.clients));
        };
        let functions = request.workload.functions;
        let script = Script::new(operations, functions, args.clients, args.nodes);
        let script = script.map_err(|error| Failure::Usage(error.to_string()))?;
        Ok(Self::scripted(script, args.clients))
    }

    fn with(source: Source, threads: u32) -> Self {
        let threads: Vec<ThreadId> = (0..threads).collect();
        let processes = threads.clone();
        Self { source, free: threads.clone(), threads, processes, stopped: false }
    }

    /// The main phase is over: go on with the final reads.
    pub fn begin_final_reads(&mut self) {
        assert!(self.idle(), "a phase ends with every thread idle");
        match &mut self.source {
            Source::Generated { phases, .. } => phases.begin_final_reads(),
            Source::Scripted(script) => script.begin_final_reads(),
        }
    }

    /// What to do at this time.
    pub fn next(&mut self, now_ns: u64) -> Step {
        if self.stopped {
            return self.done();
        }
        match &mut self.source {
            Source::Generated { phases, .. } => {
                let context = Context { now_ns, free: &self.free, threads: &self.threads };
                match phases.next(&context) {
                    Next::Op { thread, op } => self.generated(now_ns, thread, op),
                    Next::WaitUntil { at_ns } => Step::Wait { until_ns: Some(at_ns) },
                    Next::Pending => self.pending(),
                    Next::Done => self.done(),
                }
            }
            Source::Scripted(script) => match script.next(now_ns, &self.free) {
                Cue::Op(thread, node, op) => self.invoke(thread, node, op),
                Cue::WaitUntil(at_ns) => Step::Wait { until_ns: Some(at_ns) },
                Cue::Pending => self.pending(),
                Cue::Done => self.done(),
            },
        }
    }

    /// A thread is back: gives the process under which it acted.
    pub fn complete(
        &mut self,
        now_ns: u64,
        thread: ThreadId,
        op: &Op,
        outcome: &Outcome,
    ) -> Process {
        let process = self.process(thread);
        let Err(place) = self.free.binary_search(&thread) else {
            panic!("thread {thread} completed an operation that it had not begun")
        };
        self.free.insert(place, thread);
        if matches!(outcome, Outcome::Info(_)) {
            self.processes[thread as usize] += self.threads.len() as u32;
        }
        if let Source::Generated { phases, .. } = &mut self.source {
            let context = Context { now_ns, free: &self.free, threads: &self.threads };
            phases.update(&context, &Update::Completed { thread, op, outcome });
        }
        process
    }

    /// Begin nothing more; what is under way may complete.
    pub fn stop(&mut self) {
        self.stopped = true;
    }

    /// Tells the node choice who is believed to lead. A script has made its choice.
    pub fn set_leader(&mut self, leader: Option<NodeId>) {
        if let Source::Generated { choice, .. } = &mut self.source {
            choice.set_leader(leader);
        }
    }

    /// Whether no operation is under way.
    pub fn idle(&self) -> bool {
        self.free.len() == self.threads.len()
    }

    fn pending(&self) -> Step {
        assert!(!self.idle(), "a generator that waits for nothing would wait for ever");
        Step::Wait { until_ns: None }
    }

    fn done(&self) -> Step {
        if self.idle() { Step::Done } else { Step::Wait { until_ns: None } }
    }

    fn generated(&mut self, now_ns: u64, thread: ThreadId, op: Op) -> Step {
        self.take(thread);
        let Source::Generated { phases, choice } = &mut self.source else {
            unreachable!("a generator has chosen this operation")
        };
        let context = Context { now_ns, free: &self.free, threads: &self.threads };
        phases.update(&context, &Update::Invoked { thread, op: &op });
        let node = choice.choose(thread, self.processes[thread as usize]);
        Step::Invoke { thread, process: self.process(thread), node, op }
    }

    fn invoke(&mut self, thread: ThreadId, node: NodeId, op: Op) -> Step {
        self.take(thread);
        Step::Invoke { thread, process: self.process(thread), node, op }
    }

    fn take(&mut self, thread: ThreadId) {
        let Ok(place) = self.free.binary_search(&thread) else {
            panic!("thread {thread} was chosen, which is not free")
        };
        self.free.remove(place);
    }

    fn process(&self, thread: ThreadId) -> Process {
        Process::client(self.processes[thread as usize])
    }
}
