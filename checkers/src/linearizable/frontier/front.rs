//! The frontier: every way in which the events so far can be explained, no more than is needed to
//! go on.
//!
//! ```text
//!   invoke     an operation takes a slot; nothing else happens
//!   complete   a row that has not placed it is extended by every sequence of open operations
//!              that ends in it: just in time (Lowe 2017), and no sooner
//!   abandon    its result will never be known: whether it was placed becomes a count of its class
//!   dead       no row is left: no order explains these events
//! ```
//!
//! Memory follows the number of open operations and of rows, not the length of the history: a slot
//! is used again after its completion, and the tables are cleared of states that no row is in.
//!
//! What keeps the set small, beside [`super::set`]'s dominance:
//! * **Observations at once**: an operation that changes nothing is placed wherever it fits. It can
//!   be taken out of every order, so having it behind oneself never hurts.
//! * **Twins**: of open operations that are equal, the one that returns first goes first; in any
//!   order their names can be exchanged. Where a return is not known yet, each goes on its own.
//! * **Indeterminate operations** are counted by class, the ones invoked first are meant, and rows
//!   that spend fewer come first. One that leaves the state as it is need not happen.

use super::super::engine::{Limits, NEVER};
use super::super::model::Model;
use super::intern::make_room;
use super::set::{self, Set};
use super::table::{ClassId, StateId, Table, Targets};
use rustc_hash::FxHashMap;

/// Tables smaller than this are not worth clearing.
const TABLE_BYTES_MIN: u64 = 1 << 20;

/// No operation stands before this one.
const ROOT: u32 = u32::MAX;

/// The limits did not suffice; the frontier is of no use any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Exhausted;

/// An open operation that will complete.
#[derive(Clone, Copy, Debug)]
struct Open {
    class: ClassId,
    /// Or [`NEVER`], if that is not known yet.
    ret: u32,
    name: u32,
    slot: u32,
}

/// Operations of one class that may have happened or not.
#[derive(Clone, Debug)]
struct Optional {
    class: ClassId,
    count: u32,
    /// In order of invocation; kept only if an order is asked for.
    names: Vec<u32>,
}

/// Where a row's order is written down, last operation first.
#[derive(Clone, Copy, Debug)]
struct Node {
    before: u32,
    name: u32,
}

/// The frontier.
#[derive(Debug)]
pub(in super::super) struct Frontier<M: Model> {
    table: Table<M>,
    /// By slot.
    open: Vec<Option<Open>>,
    free: Vec<u32>,
    optional: Vec<Optional>,
    rows: Set,
    nodes: Option<Vec<Node>>,
    configurations: u64,
    table_bytes_cleared: u64,
}

/// What a completion is worked off with.
struct Closure {
    slot: u32,
    /// Open operations that only observe.
    observers: Vec<Open>,
    /// The others, but for the one that completes, twins side by side.
    changers: Vec<Open>,
    /// The one that completes, if it changes something.
    goal: Option<Open>,
    /// Rows that have not placed the operation, and those still to be extended by how many
    /// indeterminate operations they spent.
    work: Set,
    waiting: Vec<Vec<u32>>,
    /// Rows that have.
    done: Set,
}

impl<M: Model> Frontier<M> {
    /// Before the first event, in one of these states. With `order`, [`Frontier::order`] can tell
    /// one at the end, at the cost of memory that grows with the history.
    pub(in super::super) fn new(model: &M, initial: &[M::State], order: bool) -> Self {
        let mut table = Table::new();
        let mut rows = Set::new(vec![0]);
        for state in initial {
            let state = table.state(model, state);
            rows.insert(&table, &[u64::from(state), 0], ROOT);
        }
        Self {
            table,
            open: Vec::new(),
            free: Vec::new(),
            optional: Vec::new(),
            rows,
            nodes: order.then(Vec::new),
            configurations: 0,
            table_bytes_cleared: 0,
        }
    }

    /// An operation begins that certainly happens. `ret` is the index of its completion if that is
    /// known already, else [`NEVER`]; `name` stands for it in [`Frontier::order`]. Gives its slot.
    pub(in super::super) fn invoke(&mut self, model: &M, op: &M::Op, ret: u32, name: u32) -> u32 {
        let class = self.table.class(model, op);
        let slot = self.free.pop().unwrap_or(self.open.len() as u32);
        if slot as usize == self.open.len() {
            self.open.push(None);
        }
        self.open[slot as usize] = Some(Open { class, ret, name, slot });
        slot
    }

    /// An operation begins of which nobody will know whether it happened.
    pub(in super::super) fn optional(&mut self, model: &M, op: &M::Op, name: u32) {
        let class = self.table.class(model, op);
        self.offer(class, name);
    }

    fn offer(&mut self, class: ClassId, name: u32) {
        if self.table.observes_only(class) {
            return;
        }
        let at = self.optional.iter().position(|optional| optional.class == class);
        let at = at.unwrap_or_else(|| {
            self.optional.push(Optional { class, count: 0, names: Vec::new() });
            self.optional.len() - 1
        });
        self.optional[at].count += 1;
        if self.nodes.is_some() {
            self.optional[at].names.push(name);
        }
    }

    /// The operation in this slot ended without a known result.
    ///
    /// # Panics
    /// When an order is asked for: whoever has the whole history knows which operations are
    /// indeterminate when they begin.
    #[cfg_attr(not(test), allow(dead_code, reason = "for whoever judges a stream"))]
    pub(in super::super) fn abandon(&mut self, slot: u32) {
        assert!(self.nodes.is_none(), "what is written down cannot become a count");
        let open = self.close(slot);
        self.offer(open.class, open.name);
        let rows = std::mem::replace(&mut self.rows, Set::new(Vec::new()));
        let mut after = Set::new(self.changing(&self.table));
        let mut row = Vec::new();
        for (known, node) in rows.iter() {
            self.widen(known, &mut row);
            if set::has(&row, slot) {
                set::clear(&mut row, slot);
                if !self.table.observes_only(open.class) {
                    let used = self.table.spend(set::row_used(&row), open.class);
                    set::set_used(&mut row, used);
                }
            }
            after.insert(&self.table, &row, node);
        }
        self.rows = after;
    }

    /// The operation in this slot completes.
    ///
    /// # Errors
    /// When the limits do not suffice.
    pub(in super::super) fn complete(
        &mut self,
        model: &M,
        slot: u32,
        limits: &Limits<'_>,
    ) -> Result<(), Exhausted> {
        let mut closure = self.closure(slot);
        let rows = std::mem::replace(&mut self.rows, Set::new(Vec::new()));
        let mut row = Vec::new();
        let held = rows.bytes();
        for (known, node) in rows.iter() {
            self.widen(known, &mut row);
            self.look(&closure, held, limits)?;
            self.route(model, &mut closure, &mut row, node);
        }
        let mut spent = 0;
        while spent < closure.waiting.len() {
            let Some(at) = closure.waiting[spent].pop() else {
                spent += 1;
                continue;
            };
            let Some((known, node)) = closure.work.get(at) else { continue };
            row.clear();
            row.extend_from_slice(known);
            self.look(&closure, held, limits)?;
            self.extend(model, &mut closure, &row, node);
        }
        self.rows = closure.done;
        self.close(slot);
        if self.table.bytes() > TABLE_BYTES_MIN.max(4 * self.table_bytes_cleared) {
            self.clear_tables(model);
        }
        Ok(())
    }

    /// Counts one more configuration. `held`: bytes of the rows that the closure began with.
    fn look(&mut self, closure: &Closure, held: u64, limits: &Limits<'_>) -> Result<(), Exhausted> {
        let bytes = self.bytes() + held + closure.work.bytes() + closure.done.bytes();
        let over = self.configurations >= limits.configurations_max || bytes > limits.bytes_max;
        if over || limits.stopped() {
            return Err(Exhausted);
        }
        self.configurations += 1;
        Ok(())
    }

    fn closure(&self, slot: u32) -> Closure {
        let open = || self.open.iter().flatten().copied();
        let observes = |open: &Open| self.table.observes_only(open.class);
        let mut changers: Vec<Open> =
            open().filter(|open| open.slot != slot && !observes(open)).collect();
        changers.sort_unstable_by_key(|open| (open.class, open.ret, open.slot));
        Closure {
            slot,
            observers: open().filter(observes).collect(),
            changers,
            goal: open().find(|open| open.slot == slot && !observes(open)),
            work: Set::new(self.changing(&self.table)),
            waiting: Vec::new(),
            done: Set::new(self.changing(&self.table)),
        }
    }

    /// Every row that one more operation behind this one gives.
    fn extend(&mut self, model: &M, closure: &mut Closure, row: &[u64], node: u32) {
        let state = set::row_state(row);
        let mut child = Vec::with_capacity(row.len());
        if let Some(goal) = closure.goal {
            let targets = self.table.step(model, state, goal.class);
            self.follow(model, closure, row, node, targets, &mut child, goal);
        }
        let mut twin: Option<ClassId> = None;
        for at in 0..closure.changers.len() {
            let open = closure.changers[at];
            if set::has(row, open.slot) || twin == Some(open.class) {
                continue;
            }
            twin = (open.ret != NEVER).then_some(open.class);
            let targets = self.table.step(model, state, open.class);
            self.follow(model, closure, row, node, targets, &mut child, open);
        }
        let used = set::row_used(row);
        for at in 0..self.optional.len() {
            let Optional { class, count, .. } = self.optional[at];
            let spent = self.table.spent(used, class);
            if spent >= count {
                continue;
            }
            for target in self.table.step(model, state, class).range() {
                let after = self.table.target(target);
                if after == state {
                    continue;
                }
                child.clear();
                child.extend_from_slice(row);
                let used = self.table.spend(used, class);
                set::set_used(&mut child, used);
                set::set_state(&mut child, after);
                let node = match self.nodes.is_some() {
                    true => self.node(node, self.optional[at].names[spent as usize]),
                    false => ROOT,
                };
                self.route(model, closure, &mut child, node);
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the two buffers are the caller's")]
    fn follow(
        &mut self,
        model: &M,
        closure: &mut Closure,
        row: &[u64],
        node: u32,
        targets: Targets,
        child: &mut Vec<u64>,
        open: Open,
    ) {
        for target in targets.range() {
            child.clear();
            child.extend_from_slice(row);
            let after: StateId = self.table.target(target);
            set::set_state(child, after);
            set::place(child, open.slot);
            let node = self.node(node, open.name);
            self.route(model, closure, child, node);
        }
    }

    /// Places the observations that fit, and puts the row where it belongs.
    fn route(&mut self, model: &M, closure: &mut Closure, row: &mut [u64], mut node: u32) {
        let state = set::row_state(row);
        for observer in &closure.observers {
            if !set::has(row, observer.slot) && self.table.fits(model, state, observer.class) {
                set::place(row, observer.slot);
                node = self.node(node, observer.name);
            }
        }
        if set::has(row, closure.slot) {
            set::clear(row, closure.slot);
            closure.done.insert(&self.table, row, node);
        } else if let Some(at) = closure.work.insert(&self.table, row, node) {
            let spent = self.table.spent_in_all(set::row_used(row)) as usize;
            if closure.waiting.len() <= spent {
                closure.waiting.resize(spent + 1, Vec::new());
            }
            closure.waiting[spent].push(at);
        }
    }

    fn node(&mut self, before: u32, name: u32) -> u32 {
        let Some(nodes) = &mut self.nodes else { return ROOT };
        make_room(nodes, 1);
        nodes.push(Node { before, name });
        u32::try_from(nodes.len() - 1).expect("memory ends before 2^32 steps")
    }

    fn close(&mut self, slot: u32) -> Open {
        self.free.push(slot);
        self.open[slot as usize].take().expect("only what is open can end")
    }

    /// A bit for each slot whose operation changes something, at least one word.
    fn changing(&self, table: &Table<M>) -> Vec<u64> {
        let mut words = vec![0; self.open.len().div_ceil(64).max(1)];
        for open in self.open.iter().flatten() {
            if !table.observes_only(open.class) {
                words[open.slot as usize / 64] |= 1 << (open.slot % 64);
            }
        }
        words
    }

    /// The row with a bit for every slot that there is by now.
    fn widen(&self, known: &[u64], row: &mut Vec<u64>) {
        row.clear();
        row.extend_from_slice(known);
        row.resize(1 + self.open.len().div_ceil(64).max(1), 0);
    }

    /// Forgets the states that no row is in and the operations that nobody can place any more.
    fn clear_tables(&mut self, model: &M) {
        let mut table = Table::new();
        let mut class_of = FxHashMap::default();
        let open = self.open.iter_mut().flatten().map(|open| &mut open.class);
        for class in open.chain(self.optional.iter_mut().map(|optional| &mut optional.class)) {
            let kept = table.class(model, self.table.op_of(*class));
            class_of.insert(*class, kept);
            *class = kept;
        }
        let mut rows = Set::new(self.changing(&table));
        let mut row = Vec::new();
        for (known, node) in self.rows.iter() {
            self.widen(known, &mut row);
            let state = table.state(model, self.table.state_of(set::row_state(known)));
            set::set_state(&mut row, state);
            let used = table.carry_used(&self.table, set::row_used(known), &class_of);
            set::set_used(&mut row, used);
            rows.insert(&table, &row, node);
        }
        self.rows = rows;
        self.table = table;
        self.table_bytes_cleared = self.table.bytes();
    }

    /// Whether no order explains the events.
    pub(in super::super) fn is_dead(&self) -> bool {
        self.rows.is_empty()
    }

    /// Configurations looked at so far.
    pub(in super::super) fn configurations(&self) -> u64 {
        self.configurations
    }

    /// The memory in use, in bytes, as far as it is counted.
    pub(in super::super) fn bytes(&self) -> u64 {
        let nodes = self.nodes.as_ref().map_or(0, |nodes| nodes.capacity() * size_of::<Node>());
        let open = self.open.capacity() * size_of::<Option<Open>>();
        let names: usize = self.optional.iter().map(|optional| optional.names.capacity()).sum();
        let optional = self.optional.capacity() * size_of::<Optional>() + names * size_of::<u32>();
        self.table.bytes() + self.rows.bytes() + (nodes + open + optional) as u64
    }

    /// One order that explains the events, as the names of operations; nothing if there is none or
    /// nobody asked for it in the beginning.
    pub(in super::super) fn order(&self) -> Option<Vec<u32>> {
        let nodes = self.nodes.as_ref()?;
        let (_, mut at) = self.rows.iter().next()?;
        let mut names = Vec::new();
        while at != ROOT {
            names.push(nodes[at as usize].name);
            at = nodes[at as usize].before;
        }
        names.reverse();
        Some(names)
    }
}
