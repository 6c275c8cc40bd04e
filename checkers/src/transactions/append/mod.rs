//! List-append: version orders from the lists that were read, and what follows from them.

use super::finding::{Inferred, Reason, Reasons};
use super::graph::{Dep, Edges};
use super::table::{Table, TxnId};

/// The version orders of a history, for whoever asks why an edge is there.
#[derive(Debug)]
pub struct Append<'a> {
    table: &'a Table,
}

/// Infers the dependencies, and finds what is wrong without a cycle.
pub fn infer(table: &Table) -> (Inferred, Append<'_>) {
    let inferred = Inferred {
        edges: Edges::new(table.len()),
        findings: Vec::new(),
        gaps: Vec::new(),
        unjudged: None,
    };
    (inferred, Append { table })
}

impl Reasons for Append<'_> {
    fn precedence(&self) -> &'static [Dep] {
        &[Dep::Ww, Dep::Wr, Dep::Rw, Dep::Process, Dep::Realtime]
    }

    fn reason(&self, from: TxnId, to: TxnId, dep: Dep) -> Option<Reason> {
        let _ = (self.table, from, to, dep);
        None
    }
}
