//! The scheduler: which thread does what, under which process number, on which node. Pure.
//!
//! ```text
//!                    +-----------+   Step::Invoke{thread, process, node, op}
//!   generator  <-->  | Scheduler |-----------------------------------------> driver
//!   node choice      +-----------+ <----------------------------------------
//!                                     complete(thread, outcome)
//! ```
//!
//! It holds no clock and does no I/O: a driver tells it the time and carries its steps out. The
//! driver of this crate is [`super::driver`]; a simulator steps the same scheduler in virtual time.
//!
//! A thread runs one operation at a time. When nobody knows what became of an operation (`info`),
//! its process never acts again: the thread goes on as process + number of threads, as in Jepsen.

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

/// Threads, the processes that they act under, and the generator that says what they do.
#[derive(Debug)]
pub struct Scheduler {
    phases: Phases,
    choice: NodeChoice,
    threads: Vec<ThreadId>,
    free: Vec<ThreadId>,
    /// By thread: the number of the process that it acts under.
    processes: Vec<u32>,
    stopped: bool,
}

impl Scheduler {
    /// Every thread idle, at the start of the main phase.
    pub fn new(phases: Phases, choice: NodeChoice, threads: u32) -> Self {
        let threads: Vec<ThreadId> = (0..threads).collect();
        let processes = threads.clone();
        Self { phases, choice, free: threads.clone(), threads, processes, stopped: false }
    }

    /// The main phase is over: go on with the final reads.
    pub fn begin_final_reads(&mut self) {
        assert!(self.idle(), "a phase ends with every thread idle");
        self.phases.begin_final_reads();
    }

    /// What to do at this time.
    pub fn next(&mut self, now_ns: u64) -> Step {
        if self.stopped {
            return if self.idle() { Step::Done } else { Step::Wait { until_ns: None } };
        }
        let context = Context { now_ns, free: &self.free, threads: &self.threads };
        match self.phases.next(&context) {
            Next::Op { thread, op } => self.invoke(now_ns, thread, op),
            Next::WaitUntil { at_ns } => Step::Wait { until_ns: Some(at_ns) },
            Next::Pending => {
                assert!(!self.idle(), "a generator that waits for nothing would wait for ever");
                Step::Wait { until_ns: None }
            }
            Next::Done if self.idle() => Step::Done,
            Next::Done => Step::Wait { until_ns: None },
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
        let context = Context { now_ns, free: &self.free, threads: &self.threads };
        self.phases.update(&context, &Update::Completed { thread, op, outcome });
        process
    }

    /// Begin nothing more; what is under way may complete.
    pub fn stop(&mut self) {
        self.stopped = true;
    }

    /// Tells the node choice who is believed to lead.
    pub fn set_leader(&mut self, leader: Option<NodeId>) {
        self.choice.set_leader(leader);
    }

    /// Whether no operation is under way.
    pub fn idle(&self) -> bool {
        self.free.len() == self.threads.len()
    }

    fn invoke(&mut self, now_ns: u64, thread: ThreadId, op: Op) -> Step {
        let Ok(place) = self.free.binary_search(&thread) else {
            panic!("the generator chose thread {thread}, which is not free")
        };
        self.free.remove(place);
        let context = Context { now_ns, free: &self.free, threads: &self.threads };
        self.phases.update(&context, &Update::Invoked { thread, op: &op });
        let node = self.choice.choose(thread, self.processes[thread as usize]);
        Step::Invoke { thread, process: self.process(thread), node, op }
    }

    fn process(&self, thread: ThreadId) -> Process {
        Process::client(self.processes[thread as usize])
    }
}
