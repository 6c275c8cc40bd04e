//! What an analysis found, and what follows from it, before it is put into words.
//!
//! ```text
//!   something prohibited is there                    broken
//!   an order of all transactions explains each read  proved, and every weaker promise with it
//!   version orders known, no prohibited cycle        proved, where the cycles are all there is
//!   otherwise                                        nothing found, and why that is no proof
//!   nothing to judge, or the search was cut short    unknown
//! ```

use super::cycles::Cycle;
use super::finding::Finding;
use super::graph::{Dep, Graph};
use super::lattice::{self, Anomalies, Boundary, Model, Models};
use super::options::Options;
use super::table::Table;

/// So many reasons are told; the others are counted.
const REASONS_MAX: usize = 3;

/// Whether the promise was kept, and how sure that is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was kept, and how that is known: an order that explains everything was found and
    /// replayed, or the version orders are known and no prohibited cycle is there.
    Proved(String),
    /// Nothing speaks against it; why that is no proof.
    NothingFound(String),
    /// It cannot be judged, and why.
    Unknown(String),
    /// It was broken.
    Broken,
}

/// What an analysis found.
#[derive(Clone, Debug)]
pub struct Analysis {
    /// The promise.
    pub outcome: Outcome,
    /// Every anomaly that was found, prohibited or not.
    pub anomalies: Anomalies,
    /// Those that are reported: prohibited ones, without what others already say.
    pub reported: Anomalies,
    /// What all anomalies together say of the models.
    pub boundary: Boundary,
    /// Whether no transaction depends on another one (Elle's `empty-transaction-graph`): then
    /// there is nothing to judge.
    pub empty: bool,
    /// What is wrong without a cycle.
    pub findings: Vec<Finding>,
    /// Cycles, the smallest first.
    pub cycles: Vec<Cycle>,
    /// Figures for the reader.
    pub figures: Vec<(String, String)>,
}

/// Of what was found, what is reported: what is prohibited, without "such a cycle exists" where
/// another anomaly already breaks that model.
pub(super) fn reported(found: Anomalies, prohibited: Anomalies) -> Anomalies {
    let found = found.and(prohibited);
    let named: Anomalies = found.iter().filter(|anomaly| !anomaly.says_cycle_exists()).collect();
    let broken = lattice::impossible(named);
    let news = found.without(named).iter().filter(|exists| {
        !lattice::impossible(Anomalies::default().with(*exists)).without(broken).is_empty()
    });
    named.union(news.collect())
}

/// What is known when nothing prohibited was found.
#[derive(Debug)]
pub(super) struct Silence<'a> {
    pub(super) options: &'a Options,
    /// Why the version orders are not all known.
    pub(super) gaps: &'a [String],
    /// Whether an order of all transactions explains every read; if not, why.
    pub(super) replay: Result<(), String>,
}

impl Silence<'_> {
    /// How much the silence proves.
    pub(super) fn outcome(self) -> Outcome {
        let Self { options, gaps, replay } = self;
        let asked = options.models;
        if replay.is_ok() && asked.without(serial_proves(options.extra_order())).is_empty() {
            return Outcome::Proved(format!(
                "one after another in an order that respects {}, the transactions read what they \
                 read",
                match options.extra_order() {
                    Some(Dep::Realtime) => "real time",
                    Some(_) => "the order of each process",
                    None => "every dependency",
                }
            ));
        }
        if let Some(model) = asked.iter().find(|model| !lattice::is_judged(*model)) {
            return Outcome::Unknown(format!(
                "no anomaly that is looked for tells whether {} holds, and no order that proves \
                 it was found",
                model.name()
            ));
        }
        if gaps.is_empty() && !asked.is_empty() && asked.iter().all(cycles_are_all) {
            return Outcome::Proved(
                "the order of all versions is known, and nothing that is prohibited is there"
                    .to_owned(),
            );
        }
        Outcome::NothingFound(match (gaps.is_empty(), replay) {
            (false, _) => several(gaps),
            (true, Err(why)) if asked.iter().any(serial) => why,
            _ => "the anomalies that are looked for are not all that could break it".to_owned(),
        })
    }
}

/// A few reasons, and how many more there are.
fn several(reasons: &[String]) -> String {
    let told = reasons.iter().take(REASONS_MAX).cloned().collect::<Vec<_>>().join("; ");
    match reasons.len().saturating_sub(REASONS_MAX) {
        0 => told,
        more => format!("{told}; and {more} more"),
    }
}

/// What is proved by an order of all transactions that explains every read, if it respects this
/// order beside the dependencies: its own model and all weaker ones. An order that respects real
/// time is a serial execution in which each transaction takes effect between its invocation and
/// its completion, and no model asks for more.
fn serial_proves(respects: Option<Dep>) -> Models {
    let strongest: &[Model] = match respects {
        Some(Dep::Realtime) => Model::ALL,
        Some(_) => {
            &[Model::StrongSessionSerializable, Model::SessionSerializable, Model::Sequential]
        }
        None => &[Model::Serializable, Model::OneCopySerializable],
    };
    lattice::contained(strongest.iter().copied().collect())
}

/// Whether this model promises an order of all transactions.
fn serial(model: Model) -> bool {
    lattice::contained(Models::default().with(model)).has(Model::Serializable)
}

/// Whether a known order of versions without the prohibited anomalies *is* this model. Adya (1999)
/// defines PL-1, PL-2, PL-2.99 and PL-2+ so; that snapshot isolation is the absence of cycles
/// without two adjacent anti-dependencies is shown by Cerone and Gotsman (JACM 2018), and the
/// order of sessions or of real time may join the dependencies in it.
///
/// The serializable ones are left to the replay, which needs no theorem. Of the others the
/// anomalies are only some of what they forbid: cursor stability forbids more lost updates than
/// those of transactions that both read first.
fn cycles_are_all(model: Model) -> bool {
    matches!(
        model,
        Model::ReadUncommitted
            | Model::ReadCommitted
            | Model::RepeatableRead
            | Model::ConsistentView
            | Model::SnapshotIsolation
            | Model::StrongSessionReadUncommitted
            | Model::StrongSessionReadCommitted
            | Model::StrongReadUncommitted
            | Model::StrongReadCommitted
            | Model::StrongSessionSnapshotIsolation
            | Model::StrongSnapshotIsolation
    )
}

/// Whether a transaction was begun after another one was acknowledged, be it one that failed.
pub(super) fn in_turn(table: &Table) -> bool {
    let acknowledged = table.txns().filter(|(_, txn)| txn.is_ok());
    let first = acknowledged.filter_map(|(_, txn)| txn.complete_index()).min();
    let begun = table.txns().filter(|(_, txn)| txn.complete_index().is_some());
    let last = begun.filter_map(|(_, txn)| txn.invoke_index()).max();
    first.zip(last).is_some_and(|(first, last)| first < last)
}

/// Whether some transaction depends on another one, directly or over auxiliary vertices.
///
/// A walk out of a transaction ends at the first other one; in a history with dependencies that is
/// after a step or two. What a walk passed that came to no transaction at all is not walked again.
pub(super) fn connected(graph: &Graph) -> bool {
    let auxiliary = (graph.vertices() - graph.txns()) as usize;
    let mut passed_by = vec![u32::MAX; auxiliary];
    let mut dead = vec![false; auxiliary];
    let (mut open, mut walked) = (Vec::new(), Vec::new());
    for txn in 0..graph.txns() {
        open.extend_from_slice(graph.targets(txn));
        walked.clear();
        let mut returned = false;
        while let Some(vertex) = open.pop() {
            if vertex == txn {
                returned = true;
            } else if vertex < graph.txns() {
                return true;
            } else {
                let at = (vertex - graph.txns()) as usize;
                if passed_by[at] != txn && !dead[at] {
                    passed_by[at] = txn;
                    walked.push(at);
                    open.extend_from_slice(graph.targets(vertex));
                }
            }
        }
        if !returned {
            walked.iter().for_each(|at| dead[*at] = true);
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transactions::graph::Edges;
    use crate::transactions::lattice::Anomaly;

    fn set(anomalies: &[Anomaly]) -> Anomalies {
        anomalies.iter().copied().collect()
    }

    fn silence(model: Model, gaps: &[String], replay: Result<(), String>) -> Outcome {
        let models = [model].into_iter().collect();
        let options = Options { models, ..Options::default() };
        Silence { options: &options, gaps, replay }.outcome()
    }

    #[test]
    fn that_a_cycle_exists_is_told_only_if_no_cycle_says_it_by_name() {
        let prohibited = Options::default().prohibited();
        let exists = Anomaly::StrongPL2CycleExists;
        let told = |found: &[Anomaly]| reported(set(found), prohibited);
        assert_eq!(told(&[Anomaly::GSingleItemRealtime, exists]).iter().count(), 2);
        assert_eq!(told(&[Anomaly::G1cRealtime, exists]), set(&[Anomaly::G1cRealtime]));
        let weak =
            Options { models: [Model::ReadCommitted].into_iter().collect(), ..Default::default() };
        assert!(reported(set(&[Anomaly::GSingleItem, exists]), weak.prohibited()).is_empty());
    }

    #[test]
    fn an_order_proves_what_it_respects_and_no_more() {
        for model in Model::ALL {
            let outcome = silence(*model, &["a gap".to_owned()], Ok(()));
            assert!(matches!(outcome, Outcome::Proved(_)), "{}: {outcome:?}", model.name());
        }
        assert!(!serial_proves(None).has(Model::StrongSessionReadUncommitted));
        assert!(!serial_proves(Some(Dep::Process)).has(Model::Linearizable));
    }

    #[test]
    fn without_an_order_known_versions_prove_the_models_that_cycles_define() {
        let no_order = || Err("T3 read 5".to_owned());
        assert!(matches!(silence(Model::SnapshotIsolation, &[], no_order()), Outcome::Proved(_)));
        let why = Outcome::NothingFound("T3 read 5".to_owned());
        assert_eq!(silence(Model::Serializable, &[], no_order()), why);
        let gap = [String::from("a gap")];
        let why = Outcome::NothingFound("a gap".to_owned());
        assert_eq!(silence(Model::SnapshotIsolation, &gap, no_order()), why);
        let partly = silence(Model::CursorStability, &[], no_order());
        assert!(matches!(partly, Outcome::NothingFound(_)), "{partly:?}");
    }

    #[test]
    fn a_model_that_no_anomaly_speaks_of_is_never_called_valid_without_proof() {
        for model in [Model::Causal, Model::Linearizable, Model::MonotonicReads] {
            let outcome = silence(model, &[], Err("T3 read 5".to_owned()));
            assert!(matches!(outcome, Outcome::Unknown(_)), "{}: {outcome:?}", model.name());
        }
    }

    #[test]
    fn a_walk_back_to_oneself_connects_nobody() {
        let mut edges = Edges::new(3);
        let (back, dead) = (edges.auxiliary(), edges.auxiliary());
        edges.add(0, back, Dep::Rw);
        edges.carry(back, 0);
        edges.add(1, dead, Dep::Rw);
        assert!(!connected(&edges.clone().into_graph()));
        edges.add(2, dead, Dep::Rw);
        edges.carry(dead, back);
        assert!(connected(&edges.into_graph()));
    }

    /// The verdict on list-append transactions that are given line by line.
    fn judged(lines: &[(&str, u32, &str)], model: Model) -> crate::verdict::Judgement {
        let text: String = (0..)
            .zip(lines)
            .map(|(index, (kind, process, value))| {
                format!(
                    "{{\"index\":{index},\"time\":{index},\"process\":{process},\
                     \"type\":\"{kind}\",\"f\":\"txn\",\"value\":{value}}}\n"
                )
            })
            .collect();
        let kind = crate::transactions::Kind::ListAppend;
        let reading = crate::transactions::read(text.as_bytes(), "lines", kind).expect("lines");
        let options = Options { models: [model].into_iter().collect(), ..Options::default() };
        crate::transactions::check_table("", &reading.table, kind, &options, &Default::default())
    }

    fn is_proved(judgement: &crate::verdict::Judgement) -> bool {
        judgement.figures.iter().any(|(name, _)| name == "proved")
    }

    #[test]
    fn appends_that_were_seen_in_another_order_than_they_were_made_prove_nothing() {
        let appends = r#"[["append",1,1],["append",1,2]]"#;
        let seen = |list: &str| {
            let read = format!(r#"[["r",1,{list}]]"#);
            let lines = [
                ("invoke", 0, appends),
                ("ok", 0, appends),
                ("invoke", 1, r#"[["r",1,null]]"#),
                ("ok", 1, read.as_str()),
            ];
            [Model::ReadUncommitted, Model::SnapshotIsolation]
                .map(|model| judged(&lines, model))
                .map(|judgement| (judgement.verdict.word(), is_proved(&judgement)))
        };
        assert_eq!(seen("[1,2]"), [("valid", true), ("valid", true)]);
        assert_eq!(seen("[2,1]"), [("valid", false), ("invalid", false)]);
        assert_eq!(seen("[2]"), [("valid", false), ("invalid", false)]);
    }

    #[test]
    fn no_session_is_proved_that_saw_what_it_only_tried_later() {
        let tried = |process: u32| {
            let lines = [
                ("invoke", 0, r#"[["r",1,null]]"#),
                ("ok", 0, r#"[["r",1,[1]]]"#),
                ("invoke", process, r#"[["append",1,1]]"#),
            ];
            [Model::StrongSessionSerializable, Model::StrongSessionReadCommitted]
                .map(|model| is_proved(&judged(&lines, model)))
        };
        assert_eq!(tried(0), [false; 2]);
        assert_eq!(tried(1), [true; 2]);
    }
}
