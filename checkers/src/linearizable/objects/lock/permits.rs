//! Acquires and releases in turn: can permits be handed out and back within these intervals?
//!
//! Exact, O(n log n). Walk along time and do an operation as late as possible, at its completion.
//! If it is impossible then, an open operation of the other kind has to come before it: the one
//! that completes first (what may have happened completes last of all, so it serves only when
//! nothing else does). If there is none, no order exists.
//!
//! ```text
//!   one permit        A1 |--|                    A1 done at its end
//!                     A2  |-------|              at its end a permit is needed: R does it
//!                     R      |-------?
//!                     A3        |---|            no release left: illegal
//! ```
//!
//! Why as late as possible: whatever another order did before, it did one acquire and one release
//! more for each pair that this one has saved, and saved operations can do all that was done.
//! Why the one that completes first: in an order that takes another one, the two can be swapped.

use super::super::super::engine::NEVER;
use super::super::sweep::{Moment, moments};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// An acquire or a release.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) invoke: u32,
    /// [`NEVER`] if it may have happened or not.
    pub(super) ret: u32,
    pub(super) is_release: bool,
}

/// Why there is no order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stuck {
    /// The operation that had to be done and could not.
    pub(super) at: usize,
    /// The acquires that are not released yet when it is an acquire that is stuck.
    pub(super) holders: Vec<usize>,
    /// The last hold that ended, its acquire and its release, when it is a release that is stuck.
    pub(super) ended: Option<[usize; 2]>,
}

/// Hands out and back.
struct Hands {
    open: [BinaryHeap<Reverse<(u32, usize)>>; 2],
    is_done: Vec<bool>,
    holders: VecDeque<usize>,
    ended: Option<[usize; 2]>,
}

impl Hands {
    /// Does the open operation of this kind that completes first.
    fn step(&mut self, is_release: bool) -> bool {
        let Some(Reverse((_, at))) = self.open[usize::from(is_release)].pop() else { return false };
        self.is_done[at] = true;
        if is_release {
            let acquire = self.holders.pop_front().expect("a release is done while one holds");
            self.ended = Some([acquire, at]);
        } else {
            self.holders.push_back(at);
        }
        true
    }
}

/// Looks for an order in which between none and `permits` acquires are ahead of the releases.
pub(super) fn order(spans: &[Span], permits: u32) -> Result<(), Stuck> {
    let mut hands = Hands {
        open: Default::default(),
        is_done: vec![false; spans.len()],
        holders: VecDeque::new(),
        ended: None,
    };
    for moment in moments(spans.iter().map(|span| (span.invoke, span.ret))) {
        let at = match moment {
            Moment::Begin(at) => {
                let Span { ret, is_release, .. } = spans[at];
                hands.open[usize::from(is_release)].push(Reverse((ret, at)));
                continue;
            }
            Moment::End(at) => at,
        };
        if hands.is_done[at] {
            continue;
        }
        let Span { is_release, ret, .. } = spans[at];
        assert_ne!(ret, NEVER, "what ends has an end");
        let held = hands.holders.len();
        let possible = if is_release { held > 0 } else { held < permits as usize };
        // With no permits at all nothing helps an acquire.
        let helped = possible || (permits > 0 && hands.step(!is_release));
        if !helped {
            let Hands { holders, ended, .. } = hands;
            return Err(Stuck { at, holders: holders.into(), ended });
        }
        assert!(hands.step(is_release) && hands.is_done[at], "nothing open completes before it");
    }
    Ok(())
}
