//! The lattice against Elle's own closures, and against what it has to be anyway.

use super::*;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What ours has and Elle has not: left out where the two are compared.
const OURS: [Anomaly; 3] = [Anomaly::GarbageRead, Anomaly::FracturedRead, Anomaly::LongFork];

fn elles() -> Option<Value> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus");
    let folder = std::env::var_os("TRIBUNAL_CORPUS").map_or_else(beside, PathBuf::from);
    let path = folder.join("elle/lattice.json");
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("skipped: {} is not there", path.display());
        return None;
    };
    Some(serde_json::from_str(&text).expect("the lattice is JSON"))
}

fn strings(value: &Value) -> BTreeSet<&str> {
    value.as_array().expect("a list").iter().map(|name| name.as_str().expect("a name")).collect()
}

fn anomaly(name: &str) -> Anomaly {
    Anomaly::from_name(name).unwrap_or_else(|| panic!("{name} is an anomaly"))
}

fn model(name: &str) -> Model {
    Model::from_name(name).unwrap_or_else(|| panic!("{name} is a model"))
}

fn friendly(models: Models) -> BTreeSet<&'static str> {
    models.iter().map(Model::name).collect()
}

#[test]
fn every_model_prohibits_what_elle_says_it_prohibits() {
    let Some(lattice) = elles() else { return };
    let table = lattice["model-prohibits-closure"].as_object().expect("a table");
    assert_eq!(table.len(), Model::ALL.len());
    let ours: Anomalies = OURS.into_iter().collect();
    for (name, expected) in table {
        let found = prohibited(one(model(name))).without(ours);
        let found: BTreeSet<&str> = found.iter().map(Anomaly::name).collect();
        assert_eq!(found, strings(expected), "{name}");
        assert_eq!(model(name).canonical(), name);
    }
}

#[test]
fn every_anomaly_breaks_the_models_that_elle_says_it_breaks() {
    let Some(lattice) = elles() else { return };
    let table = lattice["anomaly-boundary"].as_object().expect("a table");
    assert_eq!(table.len() + OURS.len(), Anomaly::ALL.len());
    for (name, expected) in table {
        let found = boundary(Anomalies::default().with(anomaly(name)));
        assert_eq!(friendly(found.not), strings(&expected["not"]), "{name}");
        assert_eq!(friendly(found.also_not), strings(&expected["also-not"]), "{name}");
    }
    for (name, expected) in lattice["anomaly-implies"].as_object().expect("a table") {
        let found = relations::implies(anomaly(name)).iter().map(|other| other.name());
        assert_eq!(found.collect::<BTreeSet<_>>(), strings(expected), "{name}");
    }
}

#[test]
fn elles_other_names_of_models_are_known() {
    let Some(lattice) = elles() else { return };
    for (name, canonical) in lattice["canonical-names"].as_object().expect("a table") {
        assert_eq!(model(name).canonical(), canonical.as_str().expect("a name"), "{name}");
    }
    for (canonical, name) in lattice["friendly-names"].as_object().expect("a table") {
        assert_eq!(model(canonical).name(), name.as_str().expect("a name"), "{canonical}");
    }
}

#[test]
fn no_anomaly_implies_itself_and_no_model_contains_itself() {
    for anomaly in Anomaly::ALL {
        let next = relations::implies(*anomaly).iter().copied().collect();
        assert!(!implied(next).has(*anomaly), "{}", anomaly.name());
    }
    for model in Model::ALL {
        let next = relations::contains(*model).iter().copied().collect();
        assert!(!contained(next).has(*model), "{}", model.name());
    }
}

#[test]
fn names_lead_back_to_what_they_name() {
    for known in Anomaly::ALL {
        assert_eq!(Anomaly::from_name(known.name()), Some(*known));
    }
    for known in Model::ALL {
        assert_eq!(Model::from_name(known.name()), Some(*known));
        assert_eq!(Model::from_name(known.canonical()), Some(*known));
    }
    assert_eq!(Model::from_name("strict-serializable"), Some(Model::StrictSerializable));
    assert_eq!(Anomaly::from_name("g0"), None);
}

#[test]
fn the_three_parts_of_a_boundary_fit_together() {
    for found in Anomaly::ALL {
        let Boundary { not, also_not, may_hold } = boundary(Anomalies::default().with(*found));
        let broken = not.union(also_not);
        assert!(not.and(also_not).is_empty() && broken.and(may_hold).is_empty());
        for held in may_hold.iter() {
            assert!(contained(one(held)).and(broken).is_empty(), "{}", found.name());
        }
    }
    let nothing = boundary(Anomalies::default());
    assert_eq!(
        (nothing.not, nothing.may_hold),
        (Models::default(), one(Model::StrictSerializable))
    );
}

#[test]
fn a_g_single_leaves_read_committed_and_what_stands_beside_it() {
    let found = boundary(Anomalies::default().with(Anomaly::GSingleItem));
    let may_hold =
        ["strong-read-committed", "monotonic-view", "monotonic-snapshot-read", "cursor-stability"];
    let weaker = ["update-atomic", "prefix"];
    assert_eq!(friendly(found.may_hold), may_hold.into_iter().chain(weaker).collect());
    let nothing = boundary(Anomalies::default().with(Anomaly::GarbageRead));
    assert_eq!(friendly(nothing.not), ["read-uncommitted"].into());
    assert!(nothing.may_hold.is_empty(), "{:?}", friendly(nothing.may_hold));
}

#[test]
fn what_ours_adds_breaks_the_models_it_is_about_and_nothing_that_allows_it() {
    let may_hold = |found| friendly(boundary(Anomalies::default().with(found)).may_hold);
    let not = |found| friendly(boundary(Anomalies::default().with(found)).not);
    assert!(not(Anomaly::FracturedRead).contains("read-atomic"));
    assert!(may_hold(Anomaly::FracturedRead).contains("monotonic-view"));
    assert!(not(Anomaly::LongFork).contains("prefix"));
    assert!(may_hold(Anomaly::LongFork).contains("parallel-snapshot-isolation"));
}
