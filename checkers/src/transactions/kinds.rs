//! What more can be said of a cycle: names of kinds that break models which the bare cycle spares.
//!
//! ```text
//!   T1 -wr-> T2 -rw-> T1                    fractured-read   T2 saw a part of what T1 did
//!   T1 -wr-> T3 -rw-> T2 -wr-> T4 -rw-> T1  long-fork        T3 and T4 saw T1 and T2 in two orders
//!   T1 -rw-> T2 -rw-> T1                    write-skew       each overwrote what the other read
//!   .. --> T1 -rw-> .., T1 met the rest of  G-monotonic      T1 saw what came later, and then
//!   the cycle before that read                               what was before it (Adya 1999)
//! ```
//!
//! Elle has the last two in its lattice and never reports them. A *lost update* is a cursor's lost
//! update, too (`G-cursor`: Adya's cycle on one key with one anti-dependency), and a G-single with
//! all its edges on one key is one. `GSIb` is G-single by another name.

use super::cycles::Cycle;
use super::finding::Reasons;
use super::graph::Dep;
use super::lattice::{Anomalies, Anomaly};
use super::table::TxnId;

/// Names of kinds of cycles: that one was found does not say that its cycle need not be looked for.
pub(super) const KINDS: [Anomaly; 2] = [Anomaly::FracturedRead, Anomaly::LongFork];

/// The cycles that have to be looked for to find prohibited ones of these kinds.
pub(super) fn looked_for_as(prohibited: Anomalies) -> Anomalies {
    let single = [Anomaly::FracturedRead, Anomaly::GMonotonic, Anomaly::GCursor];
    let single = single.iter().any(|kind| prohibited.has(*kind)).then_some(Anomaly::GSingleItem);
    let fork = prohibited.has(Anomaly::LongFork).then_some(Anomaly::GNonadjacentItem);
    single.into_iter().chain(fork).collect()
}

/// What more a cycle is.
pub(super) fn of(cycle: &Cycle, reasons: &dyn Reasons) -> Vec<Anomaly> {
    let mut kinds = Vec::new();
    let deps: Vec<Dep> = cycle.steps.iter().map(|step| step.dep).collect();
    let shape = |of: &[Dep]| (0..of.len()).any(|turn| turned(of, turn).eq(deps.iter().copied()));
    if shape(&[Dep::Wr, Dep::Rw]) {
        kinds.push(Anomaly::FracturedRead);
    }
    if shape(&[Dep::Wr, Dep::Rw, Dep::Wr, Dep::Rw]) {
        kinds.push(Anomaly::LongFork);
    }
    if shape(&[Dep::Rw, Dep::Rw]) {
        kinds.push(Anomaly::WriteSkew);
    }
    if matches!(cycle.anomaly, Anomaly::GSingleItem | Anomaly::GSingle) {
        kinds.push(Anomaly::GSIb);
        kinds.extend(single(cycle, reasons));
    }
    kinds
}

fn turned(deps: &[Dep], turn: usize) -> impl Iterator<Item = Dep> + '_ {
    deps[turn..].iter().chain(&deps[..turn]).copied()
}

/// What more a cycle with one anti-dependency is.
fn single(cycle: &Cycle, reasons: &dyn Reasons) -> Vec<Anomaly> {
    let step = |at: usize| {
        let at = at % cycle.steps.len();
        let next: TxnId = cycle.steps[(at + 1) % cycle.steps.len()].from;
        reasons.reason(cycle.steps[at].from, next, cycle.steps[at].dep)
    };
    let is_anti = |dep| matches!(dep, Dep::Rw | Dep::Rwp);
    let Some(anti) = cycle.steps.iter().position(|step| is_anti(step.dep)) else {
        return Vec::new();
    };
    let mut kinds = Vec::new();
    let (before, out) = (step(anti + cycle.steps.len() - 1), step(anti));
    let entered = before.and_then(|reason| reason.to_mop);
    let left = out.and_then(|reason| reason.from_mop);
    if entered.zip(left).is_some_and(|(entered, left)| entered < left) {
        kinds.push(Anomaly::GMonotonic);
    }
    let keys: Vec<_> = (0..cycle.steps.len()).map(|at| step(at).and_then(|why| why.key)).collect();
    let writes = cycle.steps.iter().all(|step| is_anti(step.dep) || step.dep == Dep::Ww);
    if writes && keys[0].is_some() && keys.iter().all(|key| *key == keys[0]) {
        kinds.push(Anomaly::GCursor);
    }
    kinds
}

#[cfg(test)]
mod tests {
    use super::super::cycles::Step;
    use super::super::finding::Reason;
    use super::super::table::KeyId;
    use super::*;

    /// Every edge is about one key; the cycle comes into transaction 0 at `entered`, and leaves it
    /// at `left`.
    struct Places {
        entered: u32,
        left: u32,
    }

    impl Reasons for Places {
        fn precedence(&self) -> &'static [Dep] {
            &Dep::ALL
        }

        fn reason(&self, _: TxnId, _: TxnId, _: Dep) -> Option<Reason> {
            let (from_mop, to_mop) = (Some(self.left), Some(self.entered));
            Some(Reason { key: Some(KeyId(0)), from_mop, to_mop, text: String::new() })
        }
    }

    fn kinds(anomaly: Anomaly, deps: &[Dep], places: &Places) -> Vec<Anomaly> {
        let step = |(from, dep): (u32, &Dep)| Step { from: TxnId(from), dep: *dep };
        of(&Cycle { anomaly, steps: (0..).zip(deps).map(step).collect() }, places)
    }

    #[test]
    fn a_cycle_is_known_by_its_shape_wherever_it_begins() {
        let places = Places { entered: 1, left: 0 };
        let fork = [Dep::Wr, Dep::Rw, Dep::Wr, Dep::Rw];
        for turn in 0..4 {
            let turned: Vec<Dep> = turned(&fork, turn).collect();
            assert_eq!(kinds(Anomaly::GNonadjacentItem, &turned, &places), [Anomaly::LongFork]);
        }
        let other = [Dep::Wr, Dep::Rw, Dep::Ww, Dep::Rw];
        assert_eq!(kinds(Anomaly::GNonadjacentItem, &other, &places), []);
        assert_eq!(kinds(Anomaly::G2Item, &[Dep::Rw, Dep::Rw], &places), [Anomaly::WriteSkew]);
        assert_eq!(kinds(Anomaly::G2Item, &[Dep::Rw, Dep::Rw, Dep::Wr], &places), []);
    }

    #[test]
    fn a_g_single_goes_back_in_time_if_it_is_entered_before_it_is_left() {
        let has = |entered, left, deps: &[Dep], kind| {
            kinds(Anomaly::GSingleItem, deps, &Places { entered, left }).contains(&kind)
        };
        assert!(has(0, 1, &[Dep::Rw, Dep::Wr], Anomaly::GMonotonic));
        assert!(!has(1, 0, &[Dep::Rw, Dep::Wr], Anomaly::GMonotonic));
        assert!(has(1, 0, &[Dep::Rw, Dep::Wr], Anomaly::FracturedRead));
        assert!(has(1, 0, &[Dep::Rw, Dep::Ww], Anomaly::GCursor));
        assert!(!has(1, 0, &[Dep::Rw, Dep::Wr], Anomaly::GCursor));
    }
}
