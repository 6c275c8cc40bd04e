//! Cycles in the dependency graph, and which anomaly each is.
//!
//! ```text
//!   graph --> components --> none?  the promise holds, as far as the edges say
//!                  \--> does a forbidden cycle exist?   one pass per model, exact
//!                  \--> the smallest such cycle          breadth first, over (vertex, state)
//!                  \--> what it is called                by its edges
//! ```

mod component;
mod local;
mod simple;
mod spec;
#[cfg(test)]
mod tests;
mod witness;

use super::graph::{Dep, Graph, components};
use super::lattice::{Anomalies, Anomaly};
use super::table::TxnId;
use crate::budget::Budget;
pub(super) use spec::classify;

use component::{Component, Rules, Searched};
use rayon::prelude::*;
use std::collections::BTreeMap;

/// In a component of no more transactions, pairs through auxiliary vertices are made edges.
const DISSOLVE_ALL_TXNS_MAX: usize = 48;

/// What to look for.
#[derive(Clone, Copy, Debug)]
pub struct Search<'a> {
    /// Cycles that would break the promise.
    pub prohibited: Anomalies,
    /// Anomalies that were found without cycles: a history that is broken by one of these is
    /// searched for cycles of every kind.
    pub found: Anomalies,
    /// In which order an edge with several reasons is named.
    pub precedence: &'a [Dep],
    /// How many steps may be spent on one component.
    pub steps_per_component_max: u64,
    /// Every cycle, not only the smallest of each anomaly and component.
    pub all_cycles: bool,
}

/// A cycle: every step leads to the next, the last one to the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cycle {
    /// What it is.
    pub anomaly: Anomaly,
    /// Its steps.
    pub steps: Vec<Step>,
}

/// A step of a cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The transaction that it leads out of.
    pub from: TxnId,
    /// Why.
    pub dep: Dep,
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Cycles, the smallest first; of each anomaly at most one per component unless asked.
    pub cycles: Vec<Cycle>,
    /// `PL-2-cycle-exists` and its like: what the edges prove, with the size of the smallest
    /// component that proves it.
    pub exists: Vec<(Anomaly, usize)>,
    /// Components that were not searched to the end for something prohibited: how many
    /// transactions each has.
    pub unfinished: Vec<usize>,
    /// How many components of more than one transaction there are, and the size of the greatest.
    pub components: (usize, usize),
}

/// Looks for cycles.
///
/// What the edges of a component prove is always told. Cycles are looked for only if something
/// prohibited is there or may be there; but then of every kind, since what else is broken is worth
/// knowing of a history that is broken anyway.
///
/// # Errors
/// When the budget was raised from outside: with what was found until then.
pub fn search(graph: &Graph, search: &Search<'_>, budget: &Budget<'_>) -> Result<Found, Found> {
    search_with(graph, search, DISSOLVE_ALL_TXNS_MAX, budget)
}

fn search_with(
    graph: &Graph,
    search: &Search<'_>,
    dissolve_all_txns_max: usize,
    budget: &Budget<'_>,
) -> Result<Found, Found> {
    let list = components(graph).list;
    if list.is_empty() {
        return if budget.stopped() { Err(Found::default()) } else { Ok(Found::default()) };
    }
    let mut place = vec![local::NONE; graph.vertices() as usize];
    for vertices in &list {
        for (at, vertex) in (0..).zip(vertices) {
            place[*vertex as usize] = at;
        }
    }
    let rules = Rules::new();
    let all: Vec<Component> = list
        .par_iter()
        .map(|vertices| {
            let Search { precedence, .. } = search;
            Component::new(graph, vertices, &place, precedence, dissolve_all_txns_max, &rules)
        })
        .collect();
    let mut found = Found {
        components: (all.len(), all.iter().map(Component::txns).max().unwrap_or(0)),
        exists: exists(&all),
        ..Found::default()
    };
    let broken = search.found.union(found.exists.iter().map(|(anomaly, _)| *anomaly).collect());
    let asked = !broken.and(search.prohibited).is_empty()
        || all.iter().any(|component| component.may_have(search.prohibited));
    if asked {
        let searched: Vec<Searched> =
            all.par_iter().map(|component| component.search(search, &rules, budget)).collect();
        for (component, searched) in all.iter().zip(searched) {
            if searched.unfinished {
                found.unfinished.push(component.txns());
            }
            found.cycles.extend(searched.cycles);
        }
    }
    let txns = |cycle: &Cycle| cycle.steps.iter().map(|step| step.from).collect::<Vec<_>>();
    found.cycles.sort_by_cached_key(|cycle| (cycle.steps.len(), cycle.anomaly, txns(cycle)));
    found.cycles.dedup();
    if budget.stopped() { Err(found) } else { Ok(found) }
}

/// What the edges prove of all components, each with the smallest that proves it.
fn exists(all: &[Component]) -> Vec<(Anomaly, usize)> {
    let mut smallest: BTreeMap<Anomaly, usize> = BTreeMap::new();
    for (anomaly, size) in all.iter().flat_map(|component| &component.exists) {
        let least = smallest.entry(*anomaly).or_insert(*size);
        *least = (*least).min(*size);
    }
    smallest.into_iter().collect()
}
