//! A stepper for generators in virtual time: what would be done, when, and by whom.
//!
//! Nothing runs. A [`World`] says how long each operation takes and how it goes, and the schedule
//! that comes out is a function of the generator and the world alone: a generator can be tested, or
//! looked at, without a cluster.
//!
//! ```text
//!            next(context)                 answer(thread, op)
//!   generator ----------> Op { thread, op } ---------------> (latency, outcome)
//!       ^                      |                                   |
//!       |   update(Invoked)    v          update(Completed)        v
//!       +-------------------- now --------------------------- now + latency
//! ```
//!
//! At one instant completions come before questions, and completions in order of their threads.

use crate::generator::{Generator, Next, ThreadId, Threads, Update, nanoseconds};
use checkers::history::{Datum, Op, Outcome};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;
use targets::seed::Stream;

/// How long an operation takes in a [`World`], and how it goes.
pub type Answer<'a> = dyn FnMut(ThreadId, &Op) -> (Duration, Outcome) + 'a;

/// Where the generator is stepped.
pub struct World<'a> {
    /// How many threads there are.
    pub threads: u32,
    /// The simulation stops after so many operations: some generators never end.
    pub ops_max: usize,
    /// Nothing is asked after so much virtual time: a filter that refuses everything waits for
    /// ever.
    pub time_max: Duration,
    /// Asked when an operation is invoked.
    pub answer: Box<Answer<'a>>,
}

impl std::fmt::Debug for World<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World")
            .field("threads", &self.threads)
            .field("ops_max", &self.ops_max)
            .field("time_max", &self.time_max)
            .finish_non_exhaustive()
    }
}

/// Something that happened in a simulation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Virtual nanoseconds since the start.
    pub time_ns: u64,
    /// Who acts.
    pub thread: ThreadId,
    /// The operation.
    pub op: Op,
    /// How it went; nothing if it begins here.
    pub outcome: Option<Outcome>,
}

/// Why a simulation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The generator was done, and so was every operation.
    Done,
    /// The operations allowed were used up.
    OpsMax,
    /// The time allowed was used up.
    TimeMax,
    /// The generator waits for a completion, and nothing runs: a run would hang.
    Stuck,
}

/// What came of a simulation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Everything that happened, in order.
    pub steps: Vec<Step>,
    /// Why nothing happens any more.
    pub end: End,
    /// When it ended, in virtual nanoseconds since the start.
    pub end_ns: u64,
}

/// The virtual time of a world that does not say otherwise.
const TIME_MAX: Duration = Duration::from_secs(60);

/// A world in which everything succeeds after this time. A read finds nothing, as far as anybody
/// knows.
pub fn perfect(threads: u32, ops_max: usize, latency: Duration) -> World<'static> {
    let answer = move |_, _: &Op| (latency, Outcome::Ok(Datum::Nil));
    World { threads, ops_max, time_max: TIME_MAX, answer: Box::new(answer) }
}

/// A world in which operations take a random time up to twice the mean, and one in three each is
/// `ok`,
/// `fail` and `info`.
pub fn imperfect(
    threads: u32,
    ops_max: usize,
    latency_mean: Duration,
    mut stream: Stream,
) -> World<'static> {
    let latency_max_ns = nanoseconds(latency_mean).saturating_mul(2);
    let answer = move |_, _: &Op| {
        let latency = Duration::from_nanos(stream.between(0, latency_max_ns));
        let outcome = match stream.below(3) {
            0 => Outcome::Ok(Datum::Nil),
            1 => Outcome::Fail("simulated".into()),
            _ => Outcome::Info("simulated".into()),
        };
        (latency, outcome)
    };
    World { threads, ops_max, time_max: TIME_MAX, answer: Box::new(answer) }
}

/// Steps a generator through a world.
///
/// # Panics
/// When the generator breaks its contract: it uses a thread that is not free, or waits for a time
/// that is not later than now.
pub fn simulate(generator: &mut impl Generator, world: World<'_>) -> Schedule {
    let mut simulation = Simulation {
        threads: Threads::new(world.threads),
        world,
        running: BinaryHeap::new(),
        ends: Vec::new(),
        steps: Vec::new(),
        now_ns: 0,
    };
    simulation.ends.resize_with(simulation.world.threads as usize, || None);
    let end = simulation.run(generator);
    Schedule { steps: simulation.steps, end, end_ns: simulation.now_ns }
}

struct Simulation<'a> {
    world: World<'a>,
    threads: Threads,
    /// When each running operation completes, and on which thread; the soonest first.
    running: BinaryHeap<Reverse<(u64, ThreadId)>>,
    /// By thread: what it runs, and how that will go.
    ends: Vec<Option<(Op, Outcome)>>,
    steps: Vec<Step>,
    now_ns: u64,
}

impl Simulation<'_> {
    fn run(&mut self, generator: &mut impl Generator) -> End {
        let mut ops_left = self.world.ops_max;
        let time_max_ns = nanoseconds(self.world.time_max);
        loop {
            self.complete_due(generator);
            if ops_left == 0 {
                self.drain(generator);
                return End::OpsMax;
            }
            if self.now_ns >= time_max_ns {
                self.drain(generator);
                return End::TimeMax;
            }
            match generator.next(&self.threads.context(self.now_ns)) {
                Next::Op { thread, op } => {
                    ops_left -= 1;
                    self.invoke(generator, thread, op);
                }
                Next::WaitUntil { at_ns } => {
                    assert!(at_ns > self.now_ns, "a generator must wait for a later time");
                    self.now_ns = self.soonest_ns().map_or(at_ns, |soonest| soonest.min(at_ns));
                }
                Next::Pending => match self.soonest_ns() {
                    Some(soonest) => self.now_ns = soonest,
                    None => return End::Stuck,
                },
                Next::Done => {
                    self.drain(generator);
                    return End::Done;
                }
            }
        }
    }

    fn invoke(&mut self, generator: &mut impl Generator, thread: ThreadId, op: Op) {
        self.threads.take(thread);
        let update = Update::Invoked { thread, op: &op };
        generator.update(&self.threads.context(self.now_ns), &update);
        let (latency, outcome) = (self.world.answer)(thread, &op);
        let end_ns = self.now_ns.saturating_add(nanoseconds(latency));
        self.running.push(Reverse((end_ns, thread)));
        self.steps.push(Step { time_ns: self.now_ns, thread, op: op.clone(), outcome: None });
        self.ends[thread as usize] = Some((op, outcome));
    }

    fn soonest_ns(&self) -> Option<u64> {
        self.running.peek().map(|Reverse((time_ns, _))| *time_ns)
    }

    /// Completes what is due by now.
    fn complete_due(&mut self, generator: &mut impl Generator) {
        while self.soonest_ns().is_some_and(|soonest| soonest <= self.now_ns) {
            let Reverse((_, thread)) = self.running.pop().expect("something is due");
            let (op, outcome) = self.ends[thread as usize].take().expect("the thread is running");
            self.threads.release(thread);
            let update = Update::Completed { thread, op: &op, outcome: &outcome };
            generator.update(&self.threads.context(self.now_ns), &update);
            self.steps.push(Step { time_ns: self.now_ns, thread, op, outcome: Some(outcome) });
        }
    }

    /// Completes everything that still runs.
    fn drain(&mut self, generator: &mut impl Generator) {
        while let Some(soonest) = self.soonest_ns() {
            self.now_ns = soonest;
            self.complete_due(generator);
        }
    }
}
