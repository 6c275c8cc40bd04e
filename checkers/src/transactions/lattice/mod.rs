//! Which anomaly breaks which consistency model.
//!
//! ```text
//!   anomaly --implies--> anomaly          a G0 is a G1c, too
//!      |
//!   proscribed by
//!      v
//!   model   --implies--> model            serializable is at least read-committed
//! ```

mod anomaly;
mod model;

pub use anomaly::{Anomalies, Anomaly};
pub use model::{Model, Models};

/// What anomalies say of the models.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Boundary {
    /// The weakest models that are broken.
    pub not: Models,
    /// The ones that are broken by implication.
    pub also_not: Models,
    /// The strongest that still may hold.
    pub may_hold: Models,
}

/// Every anomaly that may not be if these models hold.
pub fn prohibited(models: Models) -> Anomalies {
    let _ = models;
    Anomalies::default()
}

/// These anomalies and all that they imply.
pub fn implied(anomalies: Anomalies) -> Anomalies {
    anomalies
}

/// These anomalies and all that imply one of them.
pub fn implying(anomalies: Anomalies) -> Anomalies {
    anomalies
}

/// Every model that these anomalies break.
pub fn impossible(anomalies: Anomalies) -> Models {
    let _ = anomalies;
    Models::default()
}

/// What these anomalies say of the models.
pub fn boundary(anomalies: Anomalies) -> Boundary {
    let _ = anomalies;
    Boundary::default()
}
