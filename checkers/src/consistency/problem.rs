//! What sessions did, as small integers: who found whose value.

/// Whose value was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// Nobody's: the key held what it held at first.
    Initial,
    /// The value of the operation at this position.
    Op(u32),
}

/// An operation that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Op {
    pub(super) session: u32,
    pub(super) key: u32,
    /// What it found: a read, or the first half of a cas.
    pub(super) finds: Option<Source>,
    /// Whether it set a value.
    pub(super) sets: bool,
    /// The index of the invocation in the history.
    pub(super) invoke: u32,
    /// The index of the `ok`, or `NEVER` for an indeterminate operation.
    pub(super) ret: u32,
    /// The index of an `info`, for the reader of the evidence; else `NEVER`.
    pub(super) info: u32,
}

impl Op {
    /// The write whose value it found.
    pub(super) fn source(&self) -> Option<u32> {
        match self.finds {
            Some(Source::Op(at)) => Some(at),
            _ => None,
        }
    }
}

/// Operations in order of invocation, which is the order of each session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) ops: Vec<Op>,
    /// Sessions are numbered below this.
    pub(super) sessions: usize,
    /// Keys are numbered below this.
    pub(super) keys: usize,
}

impl Problem {
    /// The same with these operations only, positions in order. Who found the value of one that is
    /// gone is gone as well; a cas is only a write then. What is left breaks nothing that the whole
    /// keeps.
    pub(super) fn restrict(&self, keep: &[u32]) -> Self {
        const GONE: u32 = u32::MAX;
        let mut kept = vec![false; self.ops.len()];
        for &at in keep {
            kept[at as usize] = true;
        }
        let lost = |op: &Op| op.source().is_some_and(|source| !kept[source as usize]);
        let stays = |at: usize| kept[at] && (self.ops[at].sets || !lost(&self.ops[at]));
        let mut place = vec![GONE; self.ops.len()];
        let stay = keep.iter().filter(|&&at| stays(at as usize));
        for (next, &at) in stay.enumerate() {
            place[at as usize] = next as u32;
        }
        let ops = keep.iter().filter(|&&at| stays(at as usize)).map(|&at| {
            let op = self.ops[at as usize];
            let finds = match op.finds {
                Some(Source::Op(source)) if kept[source as usize] => {
                    Some(Source::Op(place[source as usize]))
                }
                Some(Source::Op(_)) => None,
                other => other,
            };
            Op { finds, ..op }
        });
        Self { ops: ops.collect(), ..*self }
    }
}
