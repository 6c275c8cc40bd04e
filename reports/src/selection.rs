//! Which operations the timeline keeps when not all fit into the page.
//!
//! ```text
//!   0  the counterexample, and what began within a quarter second around it
//!   1  failed, open
//!   2  around the beginning and the end of a fault
//!   3  the rest
//! ```
//!
//! Lower classes are kept whole before a higher one gets a place; the class that no longer fits is
//! thinned evenly, so that its rhythm stays visible. Nothing is drawn by chance.

use crate::happenings::Happenings;
use crate::operations::{Operations, Outcome, Row};

/// Around the counterexample.
const EVIDENCE_MARGIN_NS: u64 = 250_000_000;

/// Around the edges of a fault.
const EDGE_MARGIN_NS: u64 = 200_000_000;

const CLASSES: usize = 4;

/// The operations by class, made once and asked for ever fewer of them.
#[derive(Debug)]
pub(crate) struct Selection {
    classes: [Vec<usize>; CLASSES],
}

impl Selection {
    /// Sorts the operations; `evidence` names rows, `windows` spans of time of counterexamples.
    pub(crate) fn of(
        operations: &Operations<'_>,
        happenings: &Happenings,
        evidence: &[usize],
        windows: &[(u64, u64)],
    ) -> Self {
        let around = |&(start_ns, end_ns): &(u64, u64)| {
            (start_ns.saturating_sub(EVIDENCE_MARGIN_NS), end_ns.saturating_add(EVIDENCE_MARGIN_NS))
        };
        let windows = merged(windows.iter().map(around).collect());
        let edges = happenings.faults.iter().filter_map(|fault| fault.window(operations.end_ns));
        let edges = edges
            .flat_map(|(start_ns, end_ns)| [start_ns, end_ns])
            .map(|ns| (ns.saturating_sub(EDGE_MARGIN_NS), ns.saturating_add(EDGE_MARGIN_NS)));
        let edges = merged(edges.collect());
        let mut classes = [const { Vec::new() }; CLASSES];
        for (position, row) in operations.rows.iter().enumerate() {
            let class = if evidence.contains(&position) || within(&windows, row) {
                0
            } else if row.outcome != Outcome::Ok {
                1
            } else if within(&edges, row) {
                2
            } else {
                3
            };
            classes[class].push(position);
        }
        Self { classes }
    }

    /// At most `count` operations, the most telling ones, in order of invocation.
    pub(crate) fn keep(&self, count: usize) -> Vec<usize> {
        let mut kept = Vec::with_capacity(count);
        for class in &self.classes {
            let places = count - kept.len();
            kept.extend(thinned(class, places));
        }
        kept.sort_unstable();
        kept
    }
}

/// An even choice of at most so many.
fn thinned(positions: &[usize], places: usize) -> impl Iterator<Item = usize> {
    let (all, places) = (positions.len() as u64, positions.len().min(places) as u64);
    let chosen = move |at: &(usize, &usize)| {
        let at = at.0 as u64;
        (at + 1) * places / all != at * places / all
    };
    positions.iter().enumerate().filter(chosen).map(|(_, &position)| position)
}

/// The windows in order, overlapping ones joined.
fn merged(mut windows: Vec<(u64, u64)>) -> Vec<(u64, u64)> {
    windows.sort_unstable();
    let mut out: Vec<(u64, u64)> = Vec::new();
    for (start_ns, end_ns) in windows {
        match out.last_mut() {
            Some(last) if start_ns <= last.1 => last.1 = last.1.max(end_ns),
            _ => out.push((start_ns, end_ns)),
        }
    }
    out
}

fn within(windows: &[(u64, u64)], row: &Row) -> bool {
    let next = windows.partition_point(|(start_ns, _)| *start_ns <= row.invoke_ns);
    next > 0 && row.invoke_ns <= windows[next - 1].1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_thinned_evenly_and_the_telling_stays_whole() {
        let classes = [vec![50, 51], vec![7], Vec::new(), (0..50).filter(|n| *n != 7).collect()];
        let selection = Selection { classes };
        assert_eq!(selection.keep(8), [7, 10, 20, 30, 40, 49, 50, 51]);
        assert_eq!(selection.keep(2), [50, 51]);
        assert_eq!(selection.keep(0), [0_usize; 0]);
        assert_eq!(selection.keep(1_000).len(), 52);
    }

    #[test]
    fn windows_that_overlap_become_one() {
        assert_eq!(merged(vec![(5, 9), (1, 3), (8, 12), (20, 21)]), [(1, 3), (5, 12), (20, 21)]);
    }
}
