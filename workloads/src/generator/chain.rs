//! The combinators with one child, as methods: `reads.stagger(mean, stream).limit(100)`.

use super::{
    Concat, Cycle, Filter, Generator, Limit, Map, OnThreads, Paced, Synchronize, ThreadId,
    TimeLimit, UntilOk, concat,
};
use checkers::history::Op;
use std::ops::Range;
use std::time::Duration;
use targets::seed::Stream;

/// Any generator, where a list holds several kinds.
pub type BoxGenerator = Box<dyn Generator>;

/// Methods of every generator.
pub trait GeneratorExt: Generator + Sized {
    /// At most `count` operations, then done.
    fn limit(self, count: u64) -> Limit<Self> {
        Limit::new(self, count)
    }

    /// Done this long after it was first asked. What runs then runs on.
    fn time_limit(self, length: Duration) -> TimeLimit<Self> {
        TimeLimit::new(self, length)
    }

    /// Operations a random time apart: uniform in 0..=2*mean, over all threads together.
    fn stagger(self, mean: Duration, stream: Stream) -> Paced<Self> {
        Paced::stagger(self, mean, stream)
    }

    /// Operations at least this long apart, over all threads together.
    fn delay(self, gap: Duration) -> Paced<Self> {
        Paced::delay(self, gap)
    }

    /// The child's operations until one of them is `ok`, then done. What runs then runs on.
    fn until_ok(self) -> UntilOk<Self> {
        UntilOk::new(self)
    }

    /// Only the operations that `keep` accepts.
    fn filter<F: FnMut(&Op) -> bool + Send>(self, keep: F) -> Filter<Self, F> {
        Filter::new(self, keep)
    }

    /// Every operation changed by `change`. The child is told of the changed operations.
    fn map<F: FnMut(Op) -> Op + Send>(self, change: F) -> Map<Self, F> {
        Map::new(self, change)
    }

    /// When done, from the beginning again. A child that has nothing to do at all is done.
    fn cycle(self) -> Cycle<Self>
    where
        Self: Clone,
    {
        Cycle::new(self)
    }

    /// Only on the threads of this range of numbers.
    fn on_threads(self, range: Range<ThreadId>) -> OnThreads<Self> {
        OnThreads::new(self, range)
    }

    /// Begins when no thread works, and from then on is as if this were not here.
    fn synchronize(self) -> Synchronize<Self> {
        Synchronize::new(self)
    }

    /// This one; when it is done and no thread works, the other.
    fn then(self, other: impl Generator + 'static) -> Concat
    where
        Self: 'static,
    {
        concat(vec![self.boxed(), other.synchronize().boxed()])
    }

    /// For lists of several kinds.
    fn boxed(self) -> BoxGenerator
    where
        Self: 'static,
    {
        Box::new(self)
    }
}

impl<G: Generator> GeneratorExt for G {}
