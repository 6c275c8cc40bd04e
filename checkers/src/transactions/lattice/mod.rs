//! Which anomaly breaks which consistency model.
//!
//! ```text
//!   anomaly --implies--> anomaly          a G0 is a G1c, too
//!      |
//!   proscribed by
//!      v
//!   model   --contains--> model           serializable is at least read-committed
//! ```
//!
//! Sixty anomalies and forty models: each question is answered by walking the tables, which is
//! cheaper than keeping closures of them right.

mod anomaly;
mod model;
mod relations;

pub use anomaly::{Anomalies, Anomaly};
pub use model::{Model, Models};

/// What anomalies say of the models.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Boundary {
    /// The weakest models that are broken.
    pub not: Models,
    /// The ones that are broken by implication.
    pub also_not: Models,
    /// The strongest that still may hold, of those that any anomaly speaks of.
    pub may_hold: Models,
}

/// These models and all weaker ones that they contain.
pub fn contained(models: Models) -> Models {
    until_it_stays(models, |all| {
        all.union(all.iter().flat_map(relations::contains).copied().collect())
    })
}

/// Every anomaly that may not be if these models hold.
pub fn prohibited(models: Models) -> Anomalies {
    implying(contained(models).iter().flat_map(relations::proscribes).copied().collect())
}

/// These anomalies and all that they imply.
pub fn implied(anomalies: Anomalies) -> Anomalies {
    until_it_stays(anomalies, |all| {
        all.union(all.iter().flat_map(relations::implies).copied().collect())
    })
}

/// These anomalies and all that imply one of them.
pub fn implying(anomalies: Anomalies) -> Anomalies {
    until_it_stays(anomalies, |all| {
        let implies = |one: &Anomaly| relations::implies(*one).iter().any(|other| all.has(*other));
        all.union(Anomaly::ALL.iter().copied().filter(implies).collect())
    })
}

/// Every model that these anomalies break.
pub fn impossible(anomalies: Anomalies) -> Models {
    let present = implied(anomalies);
    let broken =
        |one: &Model| relations::proscribes(*one).iter().any(|anomaly| present.has(*anomaly));
    until_it_stays(Model::ALL.iter().copied().filter(broken).collect(), |all: Models| {
        let contains = |one: &Model| relations::contains(*one).iter().any(|weak| all.has(*weak));
        all.union(Model::ALL.iter().copied().filter(contains).collect())
    })
}

/// What these anomalies say of the models.
pub fn boundary(anomalies: Anomalies) -> Boundary {
    boundary_with(anomalies, Models::default())
}

/// The same where these models are known to be broken, whatever the anomalies say of them.
pub fn boundary_with(anomalies: Anomalies, broken: Models) -> Boundary {
    let contains = |model: &Model| {
        let contained = contained(Models::default().with(*model));
        broken.iter().any(|broken| contained.has(broken))
    };
    let impossible =
        impossible(anomalies).union(Model::ALL.iter().copied().filter(contains).collect());
    let weaker = |model| contained(relations::contains(model).iter().copied().collect());
    let weakest = |model: &Model| weaker(*model).and(impossible).is_empty();
    let not: Models = impossible.iter().filter(weakest).collect();
    let judged: Models = Model::ALL.iter().copied().filter(|model| is_judged(*model)).collect();
    let possible = judged.without(impossible).without(broken_beyond_elle(anomalies));
    let dominated = possible.iter().fold(Models::default(), |set, model| set.union(weaker(model)));
    Boundary { not, also_not: impossible.without(not), may_hold: possible.without(dominated) }
}

/// What Elle's lattice lets pass: every cycle that parallel snapshot isolation allows has at least
/// two anti-dependencies (Cerone and Gotsman, JACM 2018). So it cannot hold beside a cycle with
/// exactly one; which models are *said* to be broken stays Elle's.
fn broken_beyond_elle(anomalies: Anomalies) -> Models {
    let one_anti_dependency = [Anomaly::GSingleItem, Anomaly::GSingle, Anomaly::GCursor];
    let parallel = Model::ParallelSnapshotIsolation;
    if !one_anti_dependency.iter().any(|anomaly| implied(anomalies).has(*anomaly)) {
        return Models::default();
    }
    let stronger = |model: &Model| contained(one(*model)).has(parallel);
    Model::ALL.iter().copied().filter(stronger).collect()
}

/// Whether any anomaly speaks of this model.
pub fn is_judged(model: Model) -> bool {
    contained(one(model)).iter().any(|weaker| !relations::proscribes(weaker).is_empty())
}

/// What a step makes of a set, again and again, until the set stays as it is.
fn until_it_stays<S: Copy + PartialEq>(set: S, step: impl Fn(S) -> S) -> S {
    let mut set = set;
    loop {
        let grown = step(set);
        if grown == set {
            return set;
        }
        set = grown;
    }
}

fn one(model: Model) -> Models {
    Models::default().with(model)
}

#[cfg(test)]
mod tests;
