//! What comes before what, promise by promise, and whether it goes round in circles.
//!
//! An operation has two nodes: what it found, and behind it what it set. Nothing is stored but who
//! was the session's last operation, read and write before each: the promises' edges follow.

use super::ops::Problem;

/// No operation, no node, no number.
pub(super) const NONE: u32 = u32::MAX;

/// The node of what an operation found.
pub(super) fn read_node(op: u32) -> u32 {
    2 * op
}

/// The node of what it set.
pub(super) fn write_node(op: u32) -> u32 {
    2 * op + 1
}

/// What of the sessions' own order counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    ReadYourWrites,
    MonotonicReads,
    MonotonicWrites,
    WritesFollowReads,
    Pram,
    Causal,
}

impl Rule {
    /// Whether what a session sees is a prefix of its order of writes.
    pub(super) fn is_prefix(self) -> bool {
        matches!(self, Self::Pram | Self::Causal)
    }
}

/// The operations of sessions, linked.
#[derive(Debug)]
pub(super) struct Graph<'a> {
    pub(super) problem: &'a Problem,
    pub(super) rule: Rule,
    /// Positions of each session's operations.
    pub(super) of_session: Vec<Vec<u32>>,
    last_op: Vec<u32>,
    last_read: Vec<u32>,
    last_write: Vec<u32>,
}

impl<'a> Graph<'a> {
    pub(super) fn new(problem: &'a Problem, rule: Rule) -> Self {
        let count = problem.ops.len();
        let [last_op, last_read, last_write] = [(); 3].map(|()| vec![NONE; count]);
        let of_session = of_session(problem);
        let mut graph = Self { problem, rule, of_session, last_op, last_read, last_write };
        for own in &graph.of_session {
            let [mut op, mut read, mut write] = [NONE; 3];
            for &at in own {
                graph.last_op[at as usize] = op;
                graph.last_read[at as usize] = read;
                graph.last_write[at as usize] = write;
                op = at;
                let own = &problem.ops[at as usize];
                read = if own.finds.is_some() { at } else { read };
                write = if own.sets { at } else { write };
            }
        }
        graph
    }

    /// The nodes right before a node, in the view of a session; [`NONE`] fills the room.
    pub(super) fn before(&self, session: u32, node: u32) -> [u32; 2] {
        let Some(op) = self.problem.ops.get(node as usize / 2) else { return [NONE; 2] };
        let (at, own) = (node / 2, op.session == session);
        let source = op.source().map_or(NONE, write_node);
        let read = |op: u32| if op == NONE { NONE } else { read_node(op) };
        let write = |op: u32| if op == NONE { NONE } else { write_node(op) };
        let last_read = read(self.last_read[at as usize]);
        let last_write = write(self.last_write[at as usize]);
        let last = self.last(at);
        if node == read_node(at) {
            return match self.rule {
                Rule::ReadYourWrites => [NONE, source],
                Rule::Pram | Rule::Causal => [last, source],
                _ => [last_read, source],
            };
        }
        let found = op.finds.is_some();
        let last = if found { read_node(at) } else { last };
        match self.rule {
            Rule::MonotonicReads => [NONE, source],
            Rule::ReadYourWrites => [if own { last_write } else { NONE }, source],
            Rule::MonotonicWrites => [last_write, source],
            Rule::WritesFollowReads => [if found { read_node(at) } else { last_read }, NONE],
            Rule::Pram if !own => [last_write, source],
            Rule::Pram | Rule::Causal => [last, NONE],
        }
    }

    /// The nodes that are seen by whoever sees a node.
    pub(super) fn seen_with(&self, session: u32, node: u32) -> [u32; 2] {
        let [last, source] = self.before(session, node);
        let is_write = node % 2 == 1;
        // That a cas found a value orders the two; it is no promise that both are seen.
        match self.rule {
            Rule::MonotonicReads | Rule::MonotonicWrites if is_write => [last, NONE],
            _ => [last, source],
        }
    }

    /// The last node of the session before an operation.
    fn last(&self, at: u32) -> u32 {
        match self.last_op[at as usize] {
            NONE => NONE,
            last if self.problem.ops[last as usize].sets => write_node(last),
            last => read_node(last),
        }
    }
}

/// Positions of each session's operations.
pub(super) fn of_session(problem: &Problem) -> Vec<Vec<u32>> {
    let mut of_session = vec![Vec::new(); problem.sessions];
    for (at, op) in problem.ops.iter().enumerate() {
        of_session[op.session as usize].push(at as u32);
    }
    of_session
}

/// Whether a cycle can be reached backwards from these nodes. `edges` are sorted pairs: a node, and
/// one before it.
pub(super) fn cyclic(
    starts: impl Iterator<Item = u32>,
    nodes: usize,
    before: impl Fn(u32) -> [u32; 2],
    edges: &[(u32, u32)],
) -> bool {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        Open,
        Done,
    }
    // Where a node's edges begin: a search per step would cost more than the whole walk.
    let mut begin = vec![NONE; nodes];
    for (at, &(node, _)) in edges.iter().enumerate().rev() {
        begin[node as usize] = at as u32;
    }
    let next = |node: u32, step: usize| -> Option<u32> {
        if step < 2 {
            return Some(before(node)[step]);
        }
        let first = begin[node as usize];
        let at = if first == NONE { return None } else { first as usize + step - 2 };
        edges.get(at).filter(|(of, _)| *of == node).map(|(_, before)| *before)
    };
    let mut marks = vec![Mark::New; nodes];
    let mut path: Vec<(u32, usize)> = Vec::new();
    for start in starts {
        if marks[start as usize] == Mark::New {
            marks[start as usize] = Mark::Open;
            path.push((start, 0));
        }
        while let Some((node, step)) = path.last_mut() {
            let Some(before) = next(*node, *step) else {
                marks[*node as usize] = Mark::Done;
                path.pop();
                continue;
            };
            *step += 1;
            if before == NONE {
                continue;
            }
            match marks[before as usize] {
                Mark::Open => return true,
                Mark::Done => {}
                Mark::New => {
                    marks[before as usize] = Mark::Open;
                    path.push((before, 0));
                }
            }
        }
    }
    false
}
