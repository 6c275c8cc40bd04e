//! Anomalies planted among the transactions of a simulated store: each is found and named right,
//! and without a plant nobody is accused.

#[path = "support/transactions.rs"]
mod transactions;

use checkers::budget::Budget;
use checkers::transactions::collect::Kind;
use checkers::transactions::lattice::Model;
use checkers::transactions::{Options, check_table};
use checkers::verdict::Verdict;
use std::collections::BTreeMap;
use transactions::{LISTS, Plant, REGISTERS, Shape, judge, simulate, table};

const SHAPES: [Shape; 4] = {
    let shape = Shape {
        kind: Kind::ListAppend,
        transactions: 300,
        clients: 5,
        keys: 3,
        writes_per_key: 16,
        length_max: 4,
        fail_per_mille: 50,
        info_per_mille: 20,
    };
    [
        shape,
        Shape { clients: 20, keys: 10, length_max: 2, info_per_mille: 0, ..shape },
        Shape { kind: Kind::RwRegister, ..shape },
        Shape { kind: Kind::RwRegister, clients: 20, keys: 10, length_max: 8, ..shape },
    ]
};

#[test]
fn a_serializable_store_is_never_accused() {
    for shape in SHAPES {
        for seed in 0..10 {
            let clean = table(shape.kind, &simulate(&shape, seed), None, seed);
            for model in [Model::StrictSerializable, Model::StrongSessionSerializable] {
                let options =
                    Options { models: [model].into_iter().collect(), ..Options::default() };
                let judged = check_table("", &clean, shape.kind, &options, &Budget::default());
                assert_eq!(judged.verdict, Verdict::Valid, "{shape:?}, seed {seed}, {model:?}");
            }
        }
    }
}

#[test]
fn a_planted_anomaly_is_found_and_named_right() {
    // By kind, name and what was found instead: how often.
    let mut wrong: BTreeMap<String, usize> = BTreeMap::new();
    for shape in SHAPES {
        let plants: &[Plant] = if shape.kind == Kind::ListAppend { LISTS } else { REGISTERS };
        for seed in 0..5 {
            let rows = simulate(&shape, seed);
            for plant in plants {
                let planted = table(shape.kind, &rows, Some(plant), seed);
                if let Err(found) = judge(&planted, plant) {
                    let line = format!("{:?} {}: {found}", shape.kind, plant.anomaly.name());
                    *wrong.entry(line).or_default() += 1;
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
