//! What both searches know of a model: its states, operations and steps as numbers.
//!
//! ```text
//!   state  7        step (7, 3) -> 9        class  3        operations that are equal
//!   used   2        = {class 3: once, class 5: twice}       indeterminate operations spent
//! ```
//!
//! A step is asked of the model once per (state, class), and a configuration is a few words.

use super::super::model::Model;
use super::intern::{Interner, make_room};
use rustc_hash::FxHashMap;

pub(super) type StateId = u32;
pub(super) type ClassId = u32;
/// Indeterminate operations spent; zero is none.
pub(super) type UsedId = u32;

/// The states that a step can lead to, as a range of `Table::targets`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Targets {
    from: u32,
    len: u32,
}

impl Targets {
    pub(super) fn is_empty(self) -> bool {
        self.len == 0
    }

    pub(super) fn range(self) -> std::ops::Range<u32> {
        self.from..self.from + self.len
    }
}

/// The tables.
pub(super) struct Table<M: Model> {
    states: Interner<M::State>,
    classes: Interner<M::Op>,
    /// By class: whether it changes no state.
    observers: Vec<bool>,
    steps: FxHashMap<(StateId, ClassId), Targets>,
    targets: Vec<StateId>,
    useds: Interner<Box<[(ClassId, u32)]>>,
    spends: FxHashMap<(UsedId, ClassId), UsedId>,
    scratch: Vec<M::State>,
}

impl<M: Model> Table<M> {
    pub(super) fn new() -> Self {
        let mut useds: Interner<Box<[(ClassId, u32)]>> = Interner::new();
        useds.intern(&[] as &[(ClassId, u32)], |none| (none.into(), 0));
        Self {
            states: Interner::new(),
            classes: Interner::new(),
            observers: Vec::new(),
            steps: FxHashMap::default(),
            targets: Vec::new(),
            useds,
            spends: FxHashMap::default(),
            scratch: Vec::new(),
        }
    }

    pub(super) fn state(&mut self, model: &M, state: &M::State) -> StateId {
        self.states.intern(state, |state| (state.clone(), model.state_heap_bytes(state))).0
    }

    pub(super) fn state_of(&self, id: StateId) -> &M::State {
        self.states.get(id)
    }

    pub(super) fn class(&mut self, model: &M, op: &M::Op) -> ClassId {
        let (id, new) = self.classes.intern(op, |op| (op.clone(), 0));
        if new {
            self.observers.push(model.observes_only(op));
        }
        id
    }

    pub(super) fn op_of(&self, class: ClassId) -> &M::Op {
        self.classes.get(class)
    }

    pub(super) fn observes_only(&self, class: ClassId) -> bool {
        self.observers[class as usize]
    }

    /// Where a step can lead, each state once.
    pub(super) fn step(&mut self, model: &M, state: StateId, class: ClassId) -> Targets {
        if let Some(&known) = self.steps.get(&(state, class)) {
            return known;
        }
        let mut next = std::mem::take(&mut self.scratch);
        model.step(self.states.get(state), self.classes.get(class), &mut next);
        let from = self.targets.len();
        for after in next.drain(..) {
            let id = self.state(model, &after);
            if !self.targets[from..].contains(&id) {
                make_room(&mut self.targets, 1);
                self.targets.push(id);
            }
        }
        self.scratch = next;
        let targets = Targets { from: from as u32, len: (self.targets.len() - from) as u32 };
        self.steps.insert((state, class), targets);
        targets
    }

    pub(super) fn target(&self, at: u32) -> StateId {
        self.targets[at as usize]
    }

    /// Whether an operation that only observes fits a state.
    pub(super) fn fits(&mut self, model: &M, state: StateId, class: ClassId) -> bool {
        let targets = self.step(model, state, class);
        let stays = targets.range().all(|at| self.target(at) == state);
        assert!(stays, "an operation that only observes changed the state");
        !targets.is_empty()
    }

    /// One more indeterminate operation of this class.
    pub(super) fn spend(&mut self, used: UsedId, class: ClassId) -> UsedId {
        if let Some(&known) = self.spends.get(&(used, class)) {
            return known;
        }
        let mut counts = self.useds.get(used).to_vec();
        match counts.binary_search_by_key(&class, |(class, _)| *class) {
            Ok(at) => counts[at].1 += 1,
            Err(at) => counts.insert(at, (class, 1)),
        }
        let id = self.used(&counts);
        self.spends.insert((used, class), id);
        id
    }

    fn used(&mut self, counts: &[(ClassId, u32)]) -> UsedId {
        self.useds.intern(counts, |counts| (counts.into(), size_of_val(counts) as u64)).0
    }

    /// How many of this class are spent.
    pub(super) fn spent(&self, used: UsedId, class: ClassId) -> u32 {
        let counts = self.useds.get(used);
        counts.binary_search_by_key(&class, |(class, _)| *class).map_or(0, |at| counts[at].1)
    }

    pub(super) fn spent_in_all(&self, used: UsedId) -> u32 {
        self.useds.get(used).iter().map(|(_, count)| count).sum()
    }

    /// Whether of no class more is spent than in the other.
    pub(super) fn at_most(&self, used: UsedId, other: UsedId) -> bool {
        used == other
            || used == 0
            || self.useds.get(used).iter().all(|&(class, count)| self.spent(other, class) >= count)
    }

    /// What was spent according to an older table, whose classes have other numbers here.
    pub(super) fn carry_used(
        &mut self,
        old: &Self,
        used: UsedId,
        class_of: &FxHashMap<ClassId, ClassId>,
    ) -> UsedId {
        let old = old.useds.get(used).iter();
        let mut counts: Vec<_> = old.map(|(class, count)| (class_of[class], *count)).collect();
        counts.sort_unstable();
        self.used(&counts)
    }

    /// The memory in use, in bytes.
    pub(super) fn bytes(&self) -> u64 {
        let step = size_of::<((StateId, ClassId), Targets)>() + 1;
        let spend = size_of::<((UsedId, ClassId), UsedId)>() + 1;
        // While a map doubles, it is there three times.
        let maps = 3 * (self.steps.capacity() * step + self.spends.capacity() * spend);
        let lists = self.targets.capacity() * size_of::<StateId>() + self.observers.capacity();
        self.states.bytes() + self.classes.bytes() + self.useds.bytes() + (maps + lists) as u64
    }
}

impl<M: Model> std::fmt::Debug for Table<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut f = f.debug_struct("Table");
        f.field("states", &self.states.len()).field("classes", &self.classes.len());
        f.finish_non_exhaustive()
    }
}
