//! Depth-first: Wing & Gong's search with Lowe's undo list and a cache, over any model.
//!
//! A configuration is (operations placed, state, indeterminate operations spent). From it, every
//! operation may come next that was invoked before the first return among those not placed yet.
//!
//! ```text
//!   placed   1111111111 0 1 1 0 1 0 0 0     only the window from the first 0 is kept in the cache
//!                       |<--window->|
//!                      low         high
//! ```
//!
//! What keeps the tree small: an observation that fits is placed without alternative (it can be
//! taken out of every order, and be put anywhere where it fits); of equal operations only the one
//! that returns first is tried, and of equal indeterminate ones the first invoked; indeterminate
//! operations are tried last, and only where they change the state.

use super::super::engine::{Engine, Found, Limits, NEVER, Outcome};
use super::super::model::{Model, Part};
use super::intern::Interner;
use super::table::{ClassId, StateId, Table, UsedId};
use rustc_hash::FxHashMap;

/// An operation that certainly happened.
#[derive(Clone, Copy, Debug)]
struct Required {
    class: ClassId,
    invoke: u32,
    ret: u32,
    position: u32,
}

/// Indeterminate operations of one class, in order of invocation.
#[derive(Debug)]
struct Optional {
    class: ClassId,
    invokes: Vec<u32>,
    positions: Vec<u32>,
}

#[derive(Clone, Copy, Debug)]
enum Placed {
    Required(u32),
    /// The next operation of a class.
    Optional(u32),
}

#[derive(Clone, Copy, Debug)]
struct Move {
    placed: Placed,
    state: StateId,
}

/// A configuration on the path, with how to go back from it.
struct Frame {
    /// Its untried moves are those on the stack from here.
    moves_from: usize,
    /// Nothing at the root.
    by: Option<Placed>,
    state_before: StateId,
    used_before: UsedId,
    high_before: usize,
}

/// The search.
pub(super) struct Depth<'a, M: Model> {
    model: &'a M,
    table: Table<M>,
    required: Vec<Required>,
    optional: Vec<Optional>,
    /// The required operations not placed yet, in order of invocation, as a ring through position
    /// `n`.
    next: Vec<u32>,
    prev: Vec<u32>,
    /// A bit per required operation.
    placed: Vec<u64>,
    placed_count: usize,
    /// The first operation not placed.
    low: usize,
    /// No operation from here on is placed.
    high: usize,
    state: StateId,
    used: UsedId,
    seen: Interner<Box<[u64]>>,
    key: Vec<u64>,
    moves: Vec<Move>,
    /// What may come next, the twin of a class that returns first.
    candidates: Vec<u32>,
    /// By class: where it stands among the candidates, valid while its stamp is the current one.
    best: Vec<(u64, u32)>,
    stamp: u64,
}

impl<'a, M: Model> Depth<'a, M> {
    pub(super) fn new(model: &'a M, part: &Part<M::Op>) -> Self {
        let mut table = Table::new();
        let mut required = Vec::new();
        let mut optional: Vec<Optional> = Vec::new();
        let mut optional_of: FxHashMap<ClassId, usize> = FxHashMap::default();
        let mut classes = 0;
        for (position, timed) in (0..).zip(&part.ops) {
            let class = table.class(model, &timed.op);
            classes = classes.max(class as usize + 1);
            if !timed.is_optional() {
                required.push(Required { class, invoke: timed.invoke, ret: timed.ret, position });
            } else if !table.observes_only(class) {
                let at = *optional_of.entry(class).or_insert(optional.len());
                if at == optional.len() {
                    let (invokes, positions) = (Vec::new(), Vec::new());
                    optional.push(Optional { class, invokes, positions });
                }
                optional[at].invokes.push(timed.invoke);
                optional[at].positions.push(position);
            }
        }
        let n = required.len() as u32;
        Self {
            model,
            table,
            optional,
            next: (0..=n).map(|at| if at == n { 0 } else { at + 1 }).collect(),
            prev: (0..=n).map(|at| if at == 0 { n } else { at - 1 }).collect(),
            placed: vec![0; required.len() / 64 + 1],
            required,
            placed_count: 0,
            low: 0,
            high: 0,
            state: 0,
            used: 0,
            seen: Interner::new(),
            key: Vec::new(),
            moves: Vec::new(),
            candidates: Vec::new(),
            best: vec![(0, 0); classes],
            stamp: 0,
        }
    }

    /// Decides whether there is an order that begins in one of these states.
    pub(super) fn search(mut self, initial: &[M::State], limits: &Limits<'_>) -> Found {
        let mut found = Found {
            outcome: Outcome::Illegal,
            engine: Engine::Search,
            configurations: 0,
            order: None,
        };
        for state in initial {
            self.state = self.table.state(self.model, state);
            found.outcome = self.descend(limits, &mut found);
            if found.outcome != Outcome::Illegal {
                break;
            }
        }
        found
    }

    fn descend(&mut self, limits: &Limits<'_>, found: &mut Found) -> Outcome {
        let mut frames: Vec<Frame> = Vec::new();
        let mut placed_max = 0;
        let mut entered = Frame {
            moves_from: 0,
            by: None,
            state_before: self.state,
            used_before: 0,
            high_before: 0,
        };
        loop {
            placed_max = placed_max.max(self.placed_count);
            if self.placed_count == self.required.len() {
                frames.push(entered);
                found.order = limits.order.then(|| self.order(&frames));
                return Outcome::Legal;
            }
            let frames_bytes = frames.capacity() * size_of::<Frame>();
            let over = found.configurations >= limits.configurations_max
                || self.bytes() + frames_bytes as u64 > limits.bytes_max;
            if over || limits.stopped() {
                return Outcome::Spent { placed: placed_max };
            }
            found.configurations += 1;
            entered.moves_from = self.moves.len();
            frames.push(entered);
            self.expand();
            loop {
                let Some(frame) = frames.last() else { return Outcome::Illegal };
                if self.moves.len() > frame.moves_from {
                    break;
                }
                self.undo(frame);
                frames.pop();
            }
            let next = self.moves.pop().expect("the frame has moves left");
            entered = self.play(next);
        }
    }

    /// Puts the moves of a configuration that was never seen on the stack, the most promising one
    /// last.
    fn expand(&mut self) {
        self.stamp += 1;
        self.candidates.clear();
        let n = self.required.len() as u32;
        let mut bound = NEVER;
        let mut at = self.next[n as usize];
        while at != n && self.required[at as usize].invoke < bound {
            let Required { class, ret, .. } = self.required[at as usize];
            bound = bound.min(ret);
            if !self.table.observes_only(class) {
                self.offer(at, class, ret);
            } else if self.table.fits(self.model, self.state, class) {
                // Nothing to remember: the configuration has this one successor only.
                self.moves.push(Move { placed: Placed::Required(at), state: self.state });
                return;
            }
            at = self.next[at as usize];
        }
        if !self.first_visit() {
            return;
        }
        self.offer_optional(bound);
        let required = &self.required;
        self.candidates.sort_unstable_by_key(|at| std::cmp::Reverse(required[*at as usize].ret));
        for &at in &self.candidates {
            let class = required[at as usize].class;
            for target in self.table.step(self.model, self.state, class).range() {
                let state = self.table.target(target);
                self.moves.push(Move { placed: Placed::Required(at), state });
            }
        }
    }

    fn offer(&mut self, at: u32, class: ClassId, ret: u32) {
        let (stamp, slot) = self.best[class as usize];
        if stamp != self.stamp {
            self.best[class as usize] = (self.stamp, self.candidates.len() as u32);
            self.candidates.push(at);
        } else if self.required[self.candidates[slot as usize] as usize].ret > ret {
            self.candidates[slot as usize] = at;
        }
    }

    fn offer_optional(&mut self, bound: u32) {
        for (number, optional) in (0..).zip(&self.optional) {
            let spent = self.table.spent(self.used, optional.class) as usize;
            if optional.invokes.get(spent).is_none_or(|invoke| *invoke > bound) {
                continue;
            }
            for target in self.table.step(self.model, self.state, optional.class).range() {
                let state = self.table.target(target);
                if state != self.state {
                    self.moves.push(Move { placed: Placed::Optional(number), state });
                }
            }
        }
    }

    /// Remembers this configuration; false if it was there before.
    fn first_visit(&mut self) -> bool {
        let base = self.low / 64;
        let mut end = self.high.div_ceil(64).max(base);
        while end > base && self.placed[end - 1] == 0 {
            end -= 1;
        }
        self.key.clear();
        self.key.push(u64::from(self.state) << 32 | u64::from(self.used));
        self.key.push(self.low as u64);
        self.key.extend_from_slice(&self.placed[base..end]);
        self.seen.intern(&*self.key, |key| (key.into(), size_of_val(key) as u64)).1
    }

    /// Places an operation; gives the way back.
    fn play(&mut self, next: Move) -> Frame {
        let frame = Frame {
            moves_from: 0,
            by: Some(next.placed),
            state_before: self.state,
            used_before: self.used,
            high_before: self.high,
        };
        self.state = next.state;
        match next.placed {
            Placed::Optional(number) => {
                let class = self.optional[number as usize].class;
                self.used = self.table.spend(self.used, class);
            }
            Placed::Required(at) => {
                let (prev, after) = (self.prev[at as usize], self.next[at as usize]);
                self.next[prev as usize] = after;
                self.prev[after as usize] = prev;
                let at = at as usize;
                self.placed[at / 64] |= 1 << (at % 64);
                self.placed_count += 1;
                self.high = self.high.max(at + 1);
                self.low = self.next[self.required.len()] as usize;
            }
        }
        frame
    }

    fn undo(&mut self, frame: &Frame) {
        self.state = frame.state_before;
        self.used = frame.used_before;
        self.high = frame.high_before;
        let Some(Placed::Required(at)) = frame.by else { return };
        // The neighbours are as they were when it was taken out: later moves are undone first.
        let (prev, after) = (self.prev[at as usize], self.next[at as usize]);
        self.next[prev as usize] = at;
        self.prev[after as usize] = at;
        let at = at as usize;
        self.placed[at / 64] &= !(1 << (at % 64));
        self.placed_count -= 1;
        self.low = self.next[self.required.len()] as usize;
    }

    fn order(&self, frames: &[Frame]) -> Vec<u32> {
        let mut used = vec![0; self.optional.len()];
        let moves = frames.iter().filter_map(|frame| frame.by);
        moves
            .map(|placed| match placed {
                Placed::Required(at) => self.required[at as usize].position,
                Placed::Optional(number) => {
                    let used = &mut used[number as usize];
                    *used += 1;
                    self.optional[number as usize].positions[*used - 1]
                }
            })
            .collect()
    }

    /// The memory in use, in bytes, as far as it is counted.
    fn bytes(&self) -> u64 {
        let per_op = size_of::<Required>() + 2 * size_of::<u32>();
        let moves = self.moves.capacity() * size_of::<Move>();
        self.table.bytes() + self.seen.bytes() + (self.required.len() * per_op + moves) as u64
    }
}
