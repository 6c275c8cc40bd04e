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
    let mut all = models;
    let mut open: Vec<Model> = models.iter().collect();
    while let Some(model) = open.pop() {
        let fresh = relations::contains(model).iter().filter(|weaker| !all.has(**weaker));
        let fresh: Models = fresh.copied().collect();
        all = all.union(fresh);
        open.extend(fresh.iter());
    }
    all
}

/// Every anomaly that may not be if these models hold.
pub fn prohibited(models: Models) -> Anomalies {
    let models = contained(models);
    implying(models.iter().flat_map(|model| relations::proscribes(model)).copied().collect())
}

/// These anomalies and all that they imply.
pub fn implied(anomalies: Anomalies) -> Anomalies {
    let mut all = anomalies;
    let mut open: Vec<Anomaly> = anomalies.iter().collect();
    while let Some(anomaly) = open.pop() {
        let fresh = relations::implies(anomaly).iter().filter(|other| !all.has(**other));
        let fresh: Anomalies = fresh.copied().collect();
        all = all.union(fresh);
        open.extend(fresh.iter());
    }
    all
}

/// These anomalies and all that imply one of them.
pub fn implying(anomalies: Anomalies) -> Anomalies {
    let implies =
        |anomaly: &Anomaly| !implied(Anomalies::default().with(*anomaly)).and(anomalies).is_empty();
    Anomaly::ALL.iter().copied().filter(implies).collect()
}

/// Every model that these anomalies break.
pub fn impossible(anomalies: Anomalies) -> Models {
    let present = implied(anomalies);
    let broken =
        |model: Model| relations::proscribes(model).iter().any(|anomaly| present.has(*anomaly));
    let directly: Models = Model::ALL.iter().copied().filter(|model| broken(*model)).collect();
    let contains_one = |model: &Model| !contained(one(*model)).and(directly).is_empty();
    Model::ALL.iter().copied().filter(contains_one).collect()
}

/// What these anomalies say of the models.
pub fn boundary(anomalies: Anomalies) -> Boundary {
    let impossible = impossible(anomalies);
    let weaker = |model: Model| contained(one(model)).without(one(model));
    let weakest = |model: &Model| weaker(*model).and(impossible).is_empty();
    let not: Models = impossible.iter().filter(weakest).collect();
    let judged = |model: &Model| !prohibited(one(*model)).is_empty();
    let possible: Models = Model::ALL.iter().copied().filter(judged).collect();
    let possible = possible.without(impossible);
    let dominated = possible.iter().fold(Models::default(), |set, model| set.union(weaker(model)));
    Boundary { not, also_not: impossible.without(not), may_hold: possible.without(dominated) }
}

fn one(model: Model) -> Models {
    Models::default().with(model)
}

#[cfg(test)]
mod tests;
