//! The search against a naive one: every simple cycle of a small graph, one by one.

use super::spec::{FORBIDS, SPECS, classify};
use super::*;
use crate::transactions::graph::{Deps, Edges};
use crate::transactions::lattice;
use proptest::prelude::*;
use std::collections::BTreeSet;

const APPEND: [Dep; 5] = [Dep::Ww, Dep::Wr, Dep::Rw, Dep::Process, Dep::Realtime];
const REGISTER: [Dep; 5] = [Dep::Wr, Dep::Ww, Dep::Rw, Dep::Process, Dep::Realtime];

/// Edges between transactions; and per auxiliary vertex, who leads in, why, and who follows.
#[derive(Clone, Debug)]
struct Small {
    txns: u32,
    direct: Vec<(u32, u32, Dep)>,
    auxiliary: Vec<(Vec<u32>, Dep, Vec<u32>)>,
}

impl Small {
    fn graph(&self) -> Graph {
        let mut edges = Edges::new(self.txns as usize);
        for (from, to, dep) in &self.direct {
            edges.add(*from, *to, *dep);
        }
        let mut chain: Option<u32> = None;
        for (before, dep, after) in &self.auxiliary {
            let vertex = edges.auxiliary();
            before.iter().for_each(|from| edges.add(*from, vertex, *dep));
            after.iter().for_each(|to| edges.carry(vertex, *to));
            let previous = if *dep == Dep::Realtime { chain.replace(vertex) } else { None };
            if let Some(previous) = previous {
                edges.carry(previous, vertex);
            }
        }
        edges.into_graph()
    }

    /// All reasons of each pair.
    fn pairs(&self) -> Vec<Vec<Deps>> {
        let mut pairs = vec![vec![Deps::default(); self.txns as usize]; self.txns as usize];
        let mut add = |from: u32, to: u32, dep| {
            let pair: &mut Deps = &mut pairs[from as usize][to as usize];
            *pair = if from == to { *pair } else { pair.with(dep) };
        };
        self.direct.iter().for_each(|(from, to, dep)| add(*from, *to, *dep));
        for (at, (before, dep, after)) in self.auxiliary.iter().enumerate() {
            let later = self.auxiliary[at + 1..].iter();
            let later = later.filter(|(_, other, _)| *dep == Dep::Realtime && other == dep);
            for to in after.iter().chain(later.flat_map(|(.., after)| after)) {
                before.iter().for_each(|from| add(*from, *to, *dep));
            }
        }
        pairs
    }
}

/// Every simple cycle as its transactions, beginning with its first one.
fn simple_cycles(pairs: &[Vec<Deps>]) -> Vec<Vec<usize>> {
    fn extend(way: &mut Vec<usize>, pairs: &[Vec<Deps>], cycles: &mut Vec<Vec<usize>>) {
        let last = way[way.len() - 1];
        if way.len() >= 2 && !pairs[last][way[0]].is_empty() {
            cycles.push(way.clone());
        }
        for next in way[0] + 1..pairs.len() {
            if !pairs[last][next].is_empty() && !way.contains(&next) {
                way.push(next);
                extend(way, pairs, cycles);
                way.pop();
            }
        }
    }
    let mut cycles = Vec::new();
    (0..pairs.len()).for_each(|first| extend(&mut vec![first], pairs, &mut cycles));
    cycles
}

/// The class of a cycle when each pair is called by its first reason.
fn class(cycle: &[usize], pairs: &[Vec<Deps>], precedence: &[Dep]) -> Option<Anomaly> {
    let all = || precedence.iter().chain(&Dep::ALL);
    let next = cycle.iter().cycle().skip(1);
    let name = |(from, to): (&usize, &usize)| {
        *all().find(|dep| pairs[*from][*to].has(**dep)).expect("a pair has a reason")
    };
    classify(&cycle.iter().zip(next).map(name).collect::<Vec<_>>())
}

/// Whether there is a closed walk of these reasons, or of these and of `apart` without two of the
/// latter side by side: by composing edges, as Elle does it.
fn closes(pairs: &[Vec<Deps>], deps: Deps, apart: Deps) -> bool {
    let count = pairs.len();
    let has = |from: usize, to: usize, deps| !pairs[from][to].and(deps).is_empty();
    let composed = |from, to| (0..count).any(|via| has(from, via, deps) && has(via, to, apart));
    let edge = |from, to| has(from, to, deps) || composed(from, to);
    let mut reaches: Vec<Vec<bool>> =
        (0..count).map(|from| (0..count).map(|to| edge(from, to)).collect()).collect();
    for via in 0..count {
        for from in 0..count {
            for to in 0..count {
                reaches[from][to] |= reaches[from][via] && reaches[via][to];
            }
        }
    }
    (0..count).any(|vertex| reaches[vertex][vertex])
}

fn small() -> impl Strategy<Value = Small> {
    let dep = prop::sample::select(vec![
        Dep::Ww,
        Dep::Ww,
        Dep::Wr,
        Dep::Wr,
        Dep::Rw,
        Dep::Rw,
        Dep::Rw,
        Dep::Wwp,
        Dep::Wrp,
        Dep::Rwp,
        Dep::Process,
    ]);
    (2_u32..7).prop_flat_map(move |txns| {
        let list = || prop::collection::vec(0..txns, 0..4);
        let by_value = (list(), prop::sample::select(vec![Dep::Rw, Dep::Rwp]), list());
        (
            prop::collection::vec((0..txns, 0..txns, dep.clone()), 1..11),
            prop::collection::vec(by_value, 0..2),
            prop::collection::vec((0..=txns, list(), list()), 0..3),
        )
            .prop_map(move |(direct, by_value, mut by_time)| {
                by_time.sort();
                // Real time never leads a transaction to one of before.
                let by_time = by_time.into_iter().map(|(now, mut before, mut after)| {
                    before.retain(|txn| *txn < now);
                    after.retain(|txn| *txn >= now);
                    (before, Dep::Realtime, after)
                });
                Small { txns, direct, auxiliary: by_value.into_iter().chain(by_time).collect() }
            })
    })
}

fn asked(precedence: &[Dep], all_cycles: bool) -> Search<'_> {
    Search {
        prohibited: Anomaly::ALL.iter().copied().collect(),
        found: Anomalies::default(),
        precedence,
        steps_per_component_max: 10_000_000,
        all_cycles,
    }
}

/// What the search has to say of a graph that is one component: kinds, with their lengths.
fn expected(pairs: &[Vec<Deps>], precedence: &[Dep]) -> BTreeMap<Anomaly, usize> {
    let mut shortest: BTreeMap<Anomaly, usize> = BTreeMap::new();
    for cycle in simple_cycles(pairs) {
        if let Some(anomaly) = class(&cycle, pairs, precedence) {
            let least = shortest.entry(anomaly).or_insert(cycle.len());
            *least = (*least).min(cycle.len());
        }
    }
    shortest
}

/// Of all that is there, what is told: not what follows from something told before it.
fn told(there: &BTreeMap<Anomaly, usize>) -> BTreeMap<Anomaly, usize> {
    let mut redundant = Anomalies::default();
    let mut told = BTreeMap::new();
    for spec in &SPECS {
        let anomaly = spec.anomaly;
        if redundant.has(anomaly) {
            continue;
        }
        let size = there.get(&anomaly);
        told.extend(size.map(|size| (anomaly, *size)));
        if size.is_some() {
            redundant = redundant.union(lattice::implied(Anomalies::default().with(anomaly)));
        }
    }
    told
}

fn check(small: &Small, precedence: &[Dep], dissolve: usize) -> Result<(), TestCaseError> {
    let pairs = small.pairs();
    let graph = small.graph();
    let list = components(&graph).list;
    let found = search_with(&graph, &asked(precedence, false), dissolve, &Budget::default());
    let found = found.expect("nobody stops it");
    prop_assert!(found.unfinished.is_empty());
    // Elle's rules hold within a component, so the naive search looks at each by itself.
    let mut kinds = BTreeSet::new();
    let mut every = BTreeSet::new();
    for members in &list {
        let inside = |txn: usize| members.contains(&u32::try_from(txn).expect("it is small"));
        let mut part = pairs.clone();
        for (from, row) in part.iter_mut().enumerate() {
            for (to, deps) in row.iter_mut().enumerate() {
                *deps = if inside(from) && inside(to) { *deps } else { Deps::default() };
            }
        }
        let there = expected(&part, precedence);
        kinds.extend(told(&there));
        every.extend(there.into_keys());
    }
    let got = |found: &Found| -> BTreeSet<(Anomaly, usize)> {
        found.cycles.iter().map(|cycle| (cycle.anomaly, cycle.steps.len())).collect()
    };
    prop_assert_eq!(got(&found), kinds);
    for cycle in &found.cycles {
        let way: Vec<usize> = cycle.steps.iter().map(|step| step.from.index()).collect();
        prop_assert_eq!(class(&way, &pairs, precedence), Some(cycle.anomaly));
        prop_assert_eq!(way.iter().collect::<BTreeSet<_>>().len(), way.len());
    }
    let all = search_with(&graph, &asked(precedence, true), dissolve, &Budget::default());
    let all: BTreeSet<Anomaly> =
        got(&all.expect("nobody stops it")).into_iter().map(|(a, _)| a).collect();
    prop_assert_eq!(all, every);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]


    #[test]
    fn the_search_tells_what_a_naive_one_tells(small in small()) {
        check(&small, &APPEND, DISSOLVE_ALL_TXNS_MAX)?;
        check(&small, &REGISTER, DISSOLVE_ALL_TXNS_MAX)?;
    }

    #[test]
    fn auxiliary_vertices_make_no_difference(small in small()) {
        check(&small, &APPEND, 0)?;
    }

    #[test]
    fn what_exists_is_what_composition_says(small in small()) {
        let found = search(&small.graph(), &asked(&APPEND, false), &Budget::default());
        let exists = found.expect("nobody stops it").exists;
        let told: Anomalies = exists.iter().map(|(anomaly, _)| *anomaly).collect();
        let pairs = small.pairs();
        for forbids in &FORBIDS {
            let rw = if forbids.apart { Deps::of(&[Dep::Rw, Dep::Rwp]) } else { Deps::default() };
            let there = closes(&pairs, Deps::of(forbids.deps), rw);
            // A model that is broken by a weaker one's cycle is not told again.
            let implied = lattice::impossible(told);
            let name = forbids.anomaly.name().trim_end_matches("-cycle-exists");
            let model = lattice::Model::from_name(name).expect("it is a model's name");
            prop_assert!(!there || implied.has(model), "{}", forbids.anomaly.name());
            prop_assert!(there || !told.has(forbids.anomaly), "{}", forbids.anomaly.name());
        }
    }
}

fn found_in(edges: Edges) -> Vec<(&'static str, Vec<u32>)> {
    let found = search(&edges.into_graph(), &asked(&APPEND, false), &Budget::default());
    let cycles = found.expect("nobody stops it").cycles;
    let way = |cycle: &Cycle| cycle.steps.iter().map(|step| step.from.0).collect();
    cycles.iter().map(|cycle| (cycle.anomaly.name(), way(cycle))).collect()
}

#[test]
fn of_two_cycles_the_smaller_one_is_shown() {
    let mut edges = Edges::new(5);
    for (from, to, dep) in [
        (0, 1, Dep::Ww),
        (1, 2, Dep::Ww),
        (2, 3, Dep::Wr),
        (3, 0, Dep::Rw),
        (3, 4, Dep::Wr),
        (4, 2, Dep::Rw),
    ] {
        edges.add(from, to, dep);
    }
    assert_eq!(found_in(edges), [("G-single-item", vec![2, 3, 4])]);
}

#[test]
fn a_transaction_that_appends_behind_its_own_read_is_no_cycle() {
    // Both read the tail of a list and append to it, and nobody reads what they appended.
    let mut edges = Edges::new(2);
    let tail = edges.auxiliary();
    for txn in 0..2 {
        edges.add(txn, tail, Dep::Rw);
        edges.carry(tail, txn);
    }
    assert_eq!(found_in(edges), [("G2-item", vec![0, 1])]);
}

#[test]
fn a_pair_with_several_reasons_is_called_by_the_first() {
    let mut edges = Edges::new(2);
    edges.add(0, 1, Dep::Rw);
    edges.add(0, 1, Dep::Ww);
    edges.add(1, 0, Dep::Wr);
    assert_eq!(found_in(edges), [("G1c", vec![0, 1])]);
}

#[test]
fn a_spent_budget_still_says_what_the_edges_prove() {
    let mut edges = Edges::new(3);
    edges.add(0, 1, Dep::Wr);
    edges.add(1, 2, Dep::Wr);
    edges.add(2, 0, Dep::Rw);
    let search_for = Search { steps_per_component_max: 3, ..asked(&APPEND, false) };
    let found = search(&edges.into_graph(), &search_for, &Budget::default());
    let found = found.expect("nobody stops it");
    assert_eq!(found.unfinished, [3]);
    assert_eq!(found.exists, [(Anomaly::PLSICycleExists, 3), (Anomaly::PL299CycleExists, 3)]);
}

#[test]
fn a_raised_flag_ends_the_search() {
    let stop = std::sync::atomic::AtomicBool::new(true);
    let budget = Budget { stop: Some(&stop), ..Budget::default() };
    let mut edges = Edges::new(2);
    edges.add(0, 1, Dep::Rw);
    edges.add(1, 0, Dep::Rw);
    let found = search(&edges.into_graph(), &asked(&APPEND, false), &budget);
    assert_eq!(found.expect_err("it was stopped").components, (1, 2));
}
