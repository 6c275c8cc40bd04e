//! Which of several children is next.
//!
//! | combinator | `WaitUntil`, `Pending` | `Done` |
//! |---|---|---|
//! | mix | of the drawn child, passed on: it stays drawn | that child is dropped, another drawn |
//! | any | the next child is asked; if none acts, the soonest | that child is dropped |
//!
//! Both are done when all children are.

use super::{BoxGenerator, Context, Generator, Next, Update};
use targets::seed::Stream;

/// See [`mix`] and [`mix_weighted`].
#[derive(Debug)]
pub struct Mix {
    children: Vec<(u32, BoxGenerator)>,
    stream: Stream,
    weight_total: u64,
    /// The child that gives the next operation. Drawn ahead: a draw at every question would let the
    /// number of questions change the run.
    drawn: usize,
}

/// Every operation from a child drawn at random, all alike.
pub fn mix(children: Vec<BoxGenerator>, stream: Stream) -> Mix {
    mix_weighted(children.into_iter().map(|child| (1, child)).collect(), stream)
}

/// Every operation from a child drawn at random by weight. A child of weight zero is never drawn.
pub fn mix_weighted(mut children: Vec<(u32, BoxGenerator)>, stream: Stream) -> Mix {
    children.retain(|(weight, _)| *weight > 0);
    let weight_total = children.iter().map(|(weight, _)| u64::from(*weight)).sum();
    let mut mix = Mix { children, stream, weight_total, drawn: 0 };
    mix.draw();
    mix
}

impl Mix {
    fn draw(&mut self) {
        if self.children.is_empty() {
            return;
        }
        let mut point = self.stream.below(self.weight_total);
        for (index, (weight, _)) in self.children.iter().enumerate() {
            let weight = u64::from(*weight);
            if point < weight {
                self.drawn = index;
                return;
            }
            point -= weight;
        }
        unreachable!("the point lies below the sum of the weights");
    }
}

impl Generator for Mix {
    fn next(&mut self, context: &Context<'_>) -> Next {
        while !self.children.is_empty() {
            match self.children[self.drawn].1.next(context) {
                Next::Done => {
                    let (weight, _) = self.children.remove(self.drawn);
                    self.weight_total -= u64::from(weight);
                    self.draw();
                }
                next @ Next::Op { .. } => {
                    self.draw();
                    return next;
                }
                idle => return idle,
            }
        }
        Next::Done
    }

    fn update(&mut self, context: &Context<'_>, update: &Update<'_>) {
        for (_, child) in &mut self.children {
            child.update(context, update);
        }
    }
}

/// See [`any`].
#[derive(Debug)]
pub struct Any {
    children: Vec<BoxGenerator>,
}

/// The first child, in this order, that has something to do now. An earlier child that always has
/// something to do starves the later ones: pace it.
pub fn any(children: Vec<BoxGenerator>) -> Any {
    Any { children }
}

impl Generator for Any {
    fn next(&mut self, context: &Context<'_>) -> Next {
        let mut soonest = Next::Done;
        let mut index = 0;
        while index < self.children.len() {
            match self.children[index].next(context) {
                Next::Done => {
                    self.children.remove(index);
                }
                next @ Next::Op { .. } => return next,
                idle => {
                    soonest = soonest.sooner(idle);
                    index += 1;
                }
            }
        }
        soonest
    }

    fn update(&mut self, context: &Context<'_>, update: &Update<'_>) {
        for child in &mut self.children {
            child.update(context, update);
        }
    }
}
