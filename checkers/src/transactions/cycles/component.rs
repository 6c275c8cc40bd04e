//! One component: which models its edges break, and the smallest cycle of each kind.

use super::local::{Local, NONE, Parts};
use super::spec::{FORBIDS, SPECS, Spec};
use super::witness::{Hops, Purse, Walk};
use super::{Cycle, Search, Step, simple};
use crate::budget::Budget;
use crate::transactions::graph::{Dep, Deps, Graph};
use crate::transactions::lattice::{self, Anomalies, Anomaly, Model, Models};
use crate::transactions::table::TxnId;

/// No more cycles of one kind are shown of one component, when all are asked for.
const CYCLES_MAX: usize = 256;

/// What the lattice says of the kinds of cycles, asked once.
#[derive(Debug)]
pub(super) struct Rules {
    /// Per kind, what it implies.
    implied: Vec<Anomalies>,
    /// Per model that edges can break, which of these models break with it: bits.
    broken: Vec<u16>,
    /// Per such model, what cannot be if it holds.
    prohibited: Vec<Anomalies>,
}

impl Rules {
    pub(super) fn new() -> Self {
        let one = |anomaly| Anomalies::default().with(anomaly);
        let models = FORBIDS.map(|forbids| {
            let name = forbids.anomaly.name().strip_suffix("-cycle-exists");
            let model = name.and_then(Model::from_name);
            model.expect("the anomaly is named after its model")
        });
        let broken = |anomaly| {
            let impossible = lattice::impossible(one(anomaly));
            let bits = models.iter().enumerate().filter(|(_, model)| impossible.has(**model));
            bits.fold(0, |set, (at, _)| set | 1 << at)
        };
        let kept = |model| lattice::prohibited(Models::default().with(model));
        Self {
            implied: SPECS.iter().map(|spec| lattice::implied(one(spec.anomaly))).collect(),
            broken: FORBIDS.iter().map(|forbids| broken(forbids.anomaly)).collect(),
            prohibited: models.iter().map(|model| kept(*model)).collect(),
        }
    }
}

/// A component and what its edges prove.
#[derive(Debug)]
pub(super) struct Component {
    local: Local,
    /// What is broken, and by how many transactions.
    pub(super) exists: Vec<(Anomaly, usize)>,
    /// Anomalies that the models which are not broken rule out.
    absent: Anomalies,
}

/// What was found in a component.
#[derive(Debug, Default)]
pub(super) struct Searched {
    pub(super) cycles: Vec<Cycle>,
    /// Whether something prohibited could not be looked for to the end.
    pub(super) unfinished: bool,
}

impl Component {
    /// Looks at the edges of a component; see [`Local::new`].
    pub(super) fn new(
        graph: &Graph,
        vertices: &[u32],
        place: &[u32],
        precedence: &[Dep],
        dissolve_all_txns_max: usize,
        rules: &Rules,
    ) -> Self {
        let local = Local::new(graph, vertices, place, precedence, dissolve_all_txns_max);
        let mut exists = Vec::new();
        let mut broken = 0_u16;
        let mut known: Vec<(Deps, bool, Option<usize>)> = Vec::new();
        for (at, forbids) in FORBIDS.iter().enumerate() {
            if broken & 1 << at != 0 {
                continue;
            }
            let deps = Deps::of(forbids.deps).and(local.present);
            let asked = known.iter().find(|known| (known.0, known.1) == (deps, forbids.apart));
            let size = match asked {
                Some((.., size)) => *size,
                None if forbids.apart => local.smallest_apart(deps, Deps::of(&[Dep::Rw, Dep::Rwp])),
                None => local.parts(deps).sizes.iter().min().copied(),
            };
            known.push((deps, forbids.apart, size));
            if let Some(size) = size {
                exists.push((forbids.anomaly, size));
                broken |= rules.broken[at];
            }
        }
        let kept = (0..FORBIDS.len()).filter(|at| broken & 1 << at == 0);
        let absent = kept.fold(Anomalies::default(), |set, at| set.union(rules.prohibited[at]));
        Self { local, exists, absent }
    }

    /// How many transactions there are.
    pub(super) fn txns(&self) -> usize {
        self.local.txns
    }

    /// Whether there may be a cycle of one of these kinds.
    pub(super) fn may_have(&self, anomalies: Anomalies) -> bool {
        SPECS.iter().any(|spec| anomalies.has(spec.anomaly) && self.may_be(spec))
    }

    fn may_be(&self, spec: &Spec) -> bool {
        let there = |deps: &Deps| !deps.and(self.local.present).is_empty();
        !self.absent.has(spec.anomaly) && spec.required().iter().all(there)
    }

    /// The smallest cycle of each kind that does not follow from another one.
    pub(super) fn search(
        &self,
        search: &Search<'_>,
        rules: &Rules,
        budget: &Budget<'_>,
    ) -> Searched {
        let mut searched = Searched::default();
        let mut redundant = Anomalies::default();
        let mut left = search.steps_per_component_max;
        let mut known: Vec<(Deps, Parts)> = Vec::new();
        let jumps = self.local.jumps();
        for (at, spec) in SPECS.iter().enumerate() {
            if redundant.has(spec.anomaly) || !self.may_be(spec) {
                continue;
            }
            let deps = spec.deps().and(self.local.present);
            let parts = match known.iter().position(|(known, _)| *known == deps) {
                Some(known_at) => &known[known_at].1,
                None => {
                    known.push((deps, self.local.parts(deps)));
                    &known[known.len() - 1].1
                }
            };
            let required = spec.required();
            if !required.iter().all(|deps| self.local.part_has(parts, *deps)) {
                continue;
            }
            let share = left / (SPECS.len() - at) as u64;
            let mut purse = Purse { left: share, spent: false };
            let mut kind = Kind { local: &self.local, spec, parts, jumps: &jumps, search };
            let cycles = kind.find(&mut purse, budget);
            left -= share - purse.left;
            searched.unfinished |=
                cycles.is_empty() && purse.spent && search.prohibited.has(spec.anomaly);
            if !cycles.is_empty() && !search.all_cycles {
                redundant = redundant.union(rules.implied[at]);
            }
            searched.cycles.extend(cycles.iter().map(|hops| self.cycle(spec, hops)));
        }
        searched
    }

    /// The cycle by the names of its transactions, the first of them first.
    fn cycle(&self, spec: &Spec, hops: &[(u32, Dep)]) -> Cycle {
        let name =
            |(from, dep): &(u32, Dep)| Step { from: TxnId(self.local.name(*from)), dep: *dep };
        let mut steps: Vec<Step> = hops.iter().map(name).collect();
        let first = (0..steps.len()).min_by_key(|at| steps[*at].from).unwrap_or(0);
        steps.rotate_left(first);
        Cycle { anomaly: spec.anomaly, steps }
    }
}

/// The search for one kind of cycle in one component.
struct Kind<'a> {
    local: &'a Local,
    spec: &'a Spec,
    parts: &'a Parts,
    jumps: &'a [u32],
    search: &'a Search<'a>,
}

impl Kind<'_> {
    /// The smallest cycle, or the smallest through each transaction.
    fn find(&mut self, purse: &mut Purse, budget: &Budget<'_>) -> Vec<Hops> {
        let Some(mut walk) = Walk::new(self.local, self.spec, self.parts) else {
            purse.spent = true;
            return Vec::new();
        };
        let mut starts = self.starts();
        starts.retain(|start| walk.begins(*start));
        let mut found: Vec<Hops> = Vec::new();
        let mut length_max = self.local.txns.saturating_mul(2);
        for start in &starts {
            if !purse.take(1, budget) {
                break;
            }
            let mut steps = 0;
            if let Some(hops) = walk.from(*start, length_max, &mut steps) {
                if self.search.all_cycles {
                    found.push(hops);
                } else {
                    length_max = hops.len() - 1;
                    found = vec![hops];
                }
            }
            let smallest = length_max < self.spec.length_min() || found.len() >= CYCLES_MAX;
            if !purse.take(steps, budget) || smallest {
                break;
            }
        }
        if found.is_empty() && walk.doubtful && !purse.spent {
            let simple =
                simple::smallest(self.local, self.spec, self.parts, &starts, purse, budget);
            found.extend(simple);
        }
        found
    }

    /// Where a cycle may begin: where it goes back, or with its one rw. The farthest back first.
    fn starts(&self) -> Vec<u32> {
        let txns = (0..).zip(self.jumps);
        let mut starts: Vec<(u32, u32)> = txns
            .filter(|(_, jump)| **jump > 0 || self.spec.is_single())
            .filter(|(vertex, _)| self.parts.of[*vertex as usize] != NONE)
            .map(|(vertex, jump)| (vertex, *jump))
            .collect();
        starts.sort_by_key(|(vertex, jump)| (std::cmp::Reverse(*jump), *vertex));
        starts.into_iter().map(|(vertex, _)| vertex).collect()
    }
}
