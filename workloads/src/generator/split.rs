//! Side by side: every child has threads of its own.
//!
//! ```text
//!   threads      0 1 2 3 4 5 6 7 8 9
//!   reserve      [a a a][b b][rest..]        by rank among the threads that it may use itself
//!   on_threads       [g g g]                 by number
//!   each_thread  a b c d e f g h i j         one child per thread, made when it is first needed
//! ```
//!
//! | combinator | `WaitUntil`, `Pending` | `Done` |
//! |---|---|---|
//! | on_threads | passed on | passed on; also if it has no threads |
//! | reserve, each_thread | the next child is asked; if none acts, the soonest | when all are |
//!
//! Ranges of threads are slices of the context's sorted lists: nothing is copied, and a question
//! costs O(log threads). `each_thread` asks one child per free thread until one acts.

use super::{BoxGenerator, Context, Generator, Next, Rotation, ThreadId, Update};
use std::collections::BTreeMap;
use std::ops::Range;

impl<'a> Context<'a> {
    /// What a generator may know that may use only the threads of this range of numbers.
    #[must_use]
    pub fn restrict(&self, range: &Range<ThreadId>) -> Self {
        let slice = |threads: &'a [ThreadId]| {
            let start = threads.partition_point(|&thread| thread < range.start);
            let end = threads.partition_point(|&thread| thread < range.end);
            &threads[start..end.max(start)]
        };
        Self { now_ns: self.now_ns, free: slice(self.free), threads: slice(self.threads) }
    }
}

/// The child's answer. A child that has no thread at all never acts: it is done, or whatever stands
/// above it would wait for it for ever.
///
/// # Panics
/// When it uses a thread that is not its own.
fn ask(child: &mut impl Generator, context: &Context<'_>) -> Next {
    if context.threads.is_empty() {
        return Next::Done;
    }
    let next = child.next(context);
    if let Next::Op { thread, .. } = next {
        assert!(
            context.free.binary_search(&thread).is_ok(),
            "a generator may only use the threads that it is offered, and {thread} is not one"
        );
    }
    next
}

/// See [`super::GeneratorExt::on_threads`].
#[derive(Clone, Debug)]
pub struct OnThreads<G> {
    child: G,
    range: Range<ThreadId>,
}

impl<G> OnThreads<G> {
    pub(super) fn new(child: G, range: Range<ThreadId>) -> Self {
        Self { child, range }
    }
}

impl<G: Generator> Generator for OnThreads<G> {
    fn next(&mut self, context: &Context<'_>) -> Next {
        ask(&mut self.child, &context.restrict(&self.range))
    }

    fn update(&mut self, context: &Context<'_>, update: &Update<'_>) {
        if self.range.contains(&update.thread()) {
            self.child.update(&context.restrict(&self.range), update);
        }
    }
}

/// See [`reserve`].
#[derive(Debug)]
pub struct Reserve {
    /// The last child has all threads that the others leave.
    children: Vec<(u32, BoxGenerator)>,
    /// The child to be asked first: the one behind the last that acted, so that none starves when
    /// threads are always free.
    turn: usize,
}

/// The first threads for the first child, as many as it says, and so on; the threads that are left
/// for
/// `rest`. Where there are too few threads the last children get none, and count as done.
pub fn reserve(children: Vec<(u32, BoxGenerator)>, rest: BoxGenerator) -> Reserve {
    let children = children.into_iter().chain([(u32::MAX, rest)]).collect();
    Reserve { children, turn: 0 }
}

impl Reserve {
    /// The numbers of the threads that this child has.
    fn range(&self, index: usize, threads: &[ThreadId]) -> Range<ThreadId> {
        let before: usize = self.children[..index].iter().map(|(count, _)| *count as usize).sum();
        let edge = |rank: usize| threads.get(rank).copied().unwrap_or(ThreadId::MAX);
        edge(before)..edge(before.saturating_add(self.children[index].0 as usize))
    }
}

impl Generator for Reserve {
    fn next(&mut self, context: &Context<'_>) -> Next {
        let mut soonest = Next::Done;
        for step in 0..self.children.len() {
            let index = (self.turn + step) % self.children.len();
            let own = context.restrict(&self.range(index, context.threads));
            let next = ask(&mut self.children[index].1, &own);
            if matches!(next, Next::Op { .. }) {
                self.turn = (index + 1) % self.children.len();
                return next;
            }
            soonest = soonest.sooner(next);
        }
        soonest
    }

    fn update(&mut self, context: &Context<'_>, update: &Update<'_>) {
        for index in 0..self.children.len() {
            let range = self.range(index, context.threads);
            if range.contains(&update.thread()) {
                self.children[index].1.update(&context.restrict(&range), update);
            }
        }
    }
}

/// See [`each_thread`].
#[derive(Debug)]
pub struct EachThread<G, F> {
    make: F,
    /// Nothing in place of a child that is done.
    children: BTreeMap<ThreadId, Option<G>>,
    done: usize,
    turn: Rotation,
}

/// A child for every thread, made when the thread is first free.
pub fn each_thread<G, F>(make: F) -> EachThread<G, F>
where
    G: Generator,
    F: FnMut(ThreadId) -> G + Send,
{
    EachThread { make, children: BTreeMap::new(), done: 0, turn: Rotation::default() }
}

impl<G, F> EachThread<G, F>
where
    G: Generator,
    F: FnMut(ThreadId) -> G + Send,
{
    /// The answer of one thread's child.
    fn ask_thread(&mut self, thread: ThreadId, now_ns: u64) -> Next {
        let child = self.children.entry(thread).or_insert_with(|| Some((self.make)(thread)));
        let Some(generator) = child else {
            return Next::Done;
        };
        let own = [thread];
        let next = ask(generator, &Context { now_ns, free: &own, threads: &own });
        if matches!(next, Next::Done) {
            *child = None;
            self.done += 1;
        }
        next
    }
}

impl<G, F> Generator for EachThread<G, F>
where
    G: Generator,
    F: FnMut(ThreadId) -> G + Send,
{
    fn next(&mut self, context: &Context<'_>) -> Next {
        let mut soonest = Next::Done;
        let (before, from) = context.free.split_at(self.turn.position(context.free).unwrap_or(0));
        for &thread in from.iter().chain(before) {
            let next = self.ask_thread(thread, context.now_ns);
            if matches!(next, Next::Op { .. }) {
                self.turn.pass(thread);
                return next;
            }
            soonest = soonest.sooner(next);
        }
        if self.done < context.threads.len() { soonest.sooner(Next::Pending) } else { Next::Done }
    }

    fn update(&mut self, context: &Context<'_>, update: &Update<'_>) {
        let thread = update.thread();
        if let Some(Some(child)) = self.children.get_mut(&thread) {
            let own = [thread];
            let free: &[ThreadId] =
                if context.free.binary_search(&thread).is_ok() { &own } else { &[] };
            child.update(&Context { now_ns: context.now_ns, free, threads: &own }, update);
        }
    }
}
