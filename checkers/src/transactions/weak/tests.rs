//! Every level against its definition, and each anomaly beside a twin that just does not have it.

use super::fixture::table;
use super::{Level, check, oracle};
use crate::budget::Budget;
use crate::transactions::Table;
use crate::verdict::{AnomalyEvidence, Evidence, Verdict};
use proptest::collection::vec;
use proptest::prelude::{Strategy as _, any};
use proptest::test_runner::Config;
use proptest::{prop_assert_eq, proptest};

fn verdict(table: &Table, level: Level) -> Verdict {
    check("registers", table, level, &Budget::default()).verdict
}

fn evidence(table: &Table, level: Level) -> AnomalyEvidence {
    match verdict(table, level) {
        Verdict::Invalid { evidence } => match *evidence {
            Evidence::Anomalies(evidence) => evidence,
            other => panic!("{other:?}"),
        },
        other => panic!("{level:?}: {other:?}"),
    }
}

/// A transaction of a random history: process, outcome, and steps of kind, key and pick.
type Draft = (u8, u8, Vec<(bool, bool, u8)>);

/// A history in which every write is unique, and a read finds something that was written, or nil,
/// or rarely what nobody wrote.
fn random(drafts: &[Draft]) -> String {
    let mut written: [Vec<String>; 2] = [vec!["nil".to_owned()], vec!["nil".to_owned()]];
    for (txn, (_, _, steps)) in drafts.iter().enumerate() {
        for (at, (_, key, _)) in steps.iter().enumerate().filter(|(_, (is_write, ..))| *is_write) {
            written[usize::from(*key)].push(format!("{}", 10 * txn + at));
        }
    }
    let mut gone = [false; 3];
    let mut text = String::new();
    for (txn, (process, outcome, steps)) in drafts.iter().enumerate() {
        // A process that ended as `info` does nothing more; another one takes its place.
        let process = usize::from(process % 3);
        let number = if gone[process] { 3 + txn } else { process };
        let outcome = match outcome {
            0..=9 => "fail",
            10..=39 => "info",
            _ => "ok",
        };
        gone[process] |= outcome == "info";
        let steps = steps.iter().enumerate().map(|(at, (is_write, key, pick))| {
            let name = if *key { 'x' } else { 'y' };
            let values = &written[usize::from(*key)];
            if *is_write {
                format!("w {name} {}", 10 * txn + at)
            } else if *pick > 250 {
                format!("r {name} 99")
            } else {
                format!("r {name} {}", values[usize::from(*pick) % values.len()])
            }
        });
        let steps: Vec<String> = steps.collect();
        text.push_str(&format!("p{number} {outcome}: {}\n", steps.join(", ")));
    }
    text
}

proptest! {
    #![proptest_config(Config { cases: 3000, failure_persistence: None, ..Config::default() })]

    #[test]
    fn every_level_is_decided_as_it_is_defined(
        drafts in vec((any::<u8>(), any::<u8>(), vec(any::<(bool, bool, u8)>(), 1..4)), 1..6)
            .prop_map(|drafts| drafts as Vec<Draft>)
    ) {
        let text = random(&drafts);
        let table = table(&text);
        for level in Level::ALL {
            let kept = verdict(&table, level) == Verdict::Valid;
            prop_assert_eq!(kept, oracle::holds(&table, level), "{:?} of\n{}", level, text);
        }
    }
}

/// The histories that break a level and keep the one below it, each with a twin that keeps both.
struct Case {
    name: &'static str,
    breaks: Level,
    /// The last level that still holds; nothing if none does.
    keeps: Option<Level>,
    has_it: &'static str,
    twin: &'static str,
    types: &'static str,
    sentence: &'static str,
}

const CASES: &[Case] = &[
    Case {
        name: "a value out of thin air",
        breaks: Level::ReadCommitted,
        keeps: None,
        has_it: "p0 ok: w x 1 \n p1 ok: r x 7",
        twin: "p0 ok: w x 1 \n p1 ok: r x 1",
        types: "garbage-read",
        sentence: "T3 of process 1 read 7 of key x, which nobody wrote",
    },
    Case {
        name: "an aborted read",
        breaks: Level::ReadCommitted,
        keeps: None,
        has_it: "p0 fail: w x 1 \n p1 ok: r x 1",
        twin: "p0 info: w x 1 \n p1 ok: r x 1",
        types: "G1a",
        sentence: "T3 of process 1 read 1 of key x, which was written by T1, which failed",
    },
    Case {
        name: "an intermediate read",
        breaks: Level::ReadCommitted,
        keeps: None,
        has_it: "p0 ok: w x 1, w x 2 \n p1 ok: r x 1",
        twin: "p0 ok: w x 1, w x 2 \n p1 ok: r x 2",
        types: "G1b",
        sentence: "T3 of process 1 read 1 of key x, which T1 wrote and then overwrote itself",
    },
    Case {
        name: "a read of what the transaction writes later",
        breaks: Level::ReadCommitted,
        keeps: None,
        has_it: "p0 ok: r x 1, w x 1",
        twin: "p0 ok: r x nil, w x 1",
        types: "future-read",
        sentence: "T1 of process 0 read 1 of key x before it wrote that itself",
    },
    Case {
        name: "transactions that read from each other",
        breaks: Level::ReadCommitted,
        keeps: None,
        has_it: "p0 ok: w x 1, r y 2 \n p1 ok: w y 2, r x 1",
        twin: "p0 ok: w x 1, r y nil \n p1 ok: w y 2, r x 1",
        types: "G1c",
        sentence: "",
    },
    Case {
        name: "a read of what the process writes in a later transaction",
        breaks: Level::StrongSessionReadCommitted,
        keeps: Some(Level::ReadCommitted),
        has_it: "p0 ok: r x 1 \n p0 ok: w x 1",
        twin: "p0 ok: r x 1 \n p1 ok: w x 1",
        types: "G1c-process",
        sentence: "",
    },
    Case {
        name: "a transaction that vanishes again",
        breaks: Level::MonotonicAtomicView,
        keeps: Some(Level::StrongSessionReadCommitted),
        has_it: "p0 ok: w x 1 \n p1 ok: r x 1, w x 2, w y 2 \n p2 ok: r y 2, r x 1",
        twin: "p0 ok: w x 1 \n p1 ok: r x 1, w x 2, w y 2 \n p2 ok: r y 2, r x 2",
        types: "G-monotonic",
        sentence: "T5 of process 2 read 1 of key x, written by T1, although T3, from which it \
                   read 2 of key y, had overwritten it with 2; T3 had read from T1",
    },
    Case {
        name: "an initial state after something was seen",
        breaks: Level::MonotonicAtomicView,
        keeps: Some(Level::StrongSessionReadCommitted),
        has_it: "p1 ok: w x 2, w y 2 \n p2 ok: r y 2, r x nil",
        twin: "p1 ok: w x 2 \n p1 ok: w y 2 \n p2 ok: r y 2, r z nil",
        types: "G-monotonic",
        sentence: "T3 of process 2 read nil of key x although T1, from which it read 2 of key \
                   y, had written 2",
    },
    Case {
        name: "a fractured read",
        breaks: Level::ReadAtomic,
        keeps: Some(Level::MonotonicAtomicView),
        has_it: "p1 ok: w x 2, w y 2 \n p2 ok: r x nil, r y 2",
        twin: "p1 ok: w x 2, w y 2 \n p2 ok: r x nil, r y nil",
        types: "fractured-read",
        sentence: "T3 of process 2 read nil of key x although T1, from which it read 2 of key \
                   y, had written 2",
    },
    Case {
        name: "a read that does not see the transaction's own write",
        breaks: Level::ReadAtomic,
        keeps: Some(Level::MonotonicAtomicView),
        has_it: "p0 ok: w x 1 \n p1 ok: w x 2, r x 1",
        twin: "p0 ok: w x 1 \n p1 ok: w x 2, r x 2",
        types: "internal",
        sentence: "T3 of process 1 read 1 of key x after it wrote 2 itself",
    },
    Case {
        name: "a read that cannot be repeated",
        breaks: Level::ReadAtomic,
        keeps: Some(Level::MonotonicAtomicView),
        has_it: "p0 ok: w x 1 \n p1 ok: w x 2 \n p2 ok: r x 1, r x 2",
        twin: "p0 ok: w x 1 \n p1 ok: w x 2 \n p2 ok: r x 1, r x 1",
        types: "internal",
        sentence: "T5 of process 2 read 2 of key x, but had read 1 before",
    },
    Case {
        name: "two readers who disagree about the order of two writers",
        breaks: Level::ReadAtomic,
        keeps: Some(Level::MonotonicAtomicView),
        has_it: "p0 ok: w x 1, w y 1 \n p1 ok: w x 2, w y 2 \n p2 ok: r x 1, r y 2",
        twin: "p0 ok: w x 1, w y 1 \n p1 ok: w x 2, w z 2 \n p2 ok: r x 2, r y 1",
        types: "fractured-read",
        sentence: "",
    },
    Case {
        name: "a cause that is not seen with its effect",
        breaks: Level::Causal,
        keeps: Some(Level::ReadAtomic),
        has_it: "p0 ok: w x 1 \n p1 ok: r x 1, w x 2, w y 3 \n p2 ok: r y 3, w z 4 \n \
                 p3 ok: r z 4, r x 1",
        twin: "p0 ok: w x 1 \n p1 ok: r x 1, w x 2, w y 3 \n p2 ok: r y 3, w z 4 \n \
               p3 ok: r z 4, r x 2",
        types: "G-single-item",
        sentence: "T7 of process 3 read 1 of key x, written by T1, although T3, which it \
                   follows by way of T5, had overwritten it with 2; T3 had read from T1",
    },
    Case {
        name: "a process that does not see its own write",
        breaks: Level::Causal,
        keeps: Some(Level::ReadAtomic),
        has_it: "p0 ok: w x 1 \n p0 ok: r x nil",
        twin: "p0 ok: w x 1 \n p1 ok: r x nil",
        types: "G-single-item-process",
        sentence: "T3 of process 0 read nil of key x although T1, which its process had done \
                   before, had written 1",
    },
    Case {
        name: "two processes that see two writes in opposite orders, and say so to each other",
        breaks: Level::Causal,
        keeps: Some(Level::ReadAtomic),
        has_it: "p0 ok: w x 1 \n p1 ok: w x 2 \n p2 ok: r x 1 \n p2 ok: r x 2 \n \
                 p3 ok: r x 2 \n p3 ok: r x 1",
        twin: "p0 ok: w x 1 \n p1 ok: w x 2 \n p2 ok: r x 1 \n p2 ok: r x 2 \n \
               p3 ok: r x 1 \n p3 ok: r x 2",
        types: "G-single-item-process",
        sentence: "",
    },
    Case {
        name: "an effect before its cause",
        breaks: Level::StrongSessionReadCommitted,
        keeps: Some(Level::ReadCommitted),
        has_it: "p0 ok: r y 1 \n p0 ok: w x 1 \n p1 ok: r x 1, w y 1",
        twin: "p0 ok: r y nil \n p0 ok: w x 1 \n p1 ok: r x 1, w y 1",
        types: "G1c-process",
        sentence: "",
    },
];

#[test]
fn each_anomaly_breaks_its_level_and_its_twin_does_not() {
    for case in CASES {
        let (has_it, twin) = (table(case.has_it), table(case.twin));
        let found = evidence(&has_it, case.breaks);
        assert_eq!(found.types.join(" "), case.types, "{}", case.name);
        if !case.sentence.is_empty() {
            let types = case.types;
            assert_eq!(found.sentence, format!("{types}: {}", case.sentence), "{}", case.name);
        }
        let mut broken = found.not.iter().chain(&found.also_not);
        assert!(broken.any(|name| name == case.breaks.model().name()), "{}", case.name);
        if let Some(level) = case.keeps {
            assert_eq!(verdict(&has_it, level), Verdict::Valid, "{}: {level:?}", case.name);
        }
        assert_eq!(verdict(&twin, case.breaks), Verdict::Valid, "the twin of {}", case.name);
    }
}

#[test]
fn the_way_along_a_session_is_one_step_however_long_it_is() {
    let mut text = "p9 ok: w x 1 \n p0 ok: r x 1, w x 2 \n".to_owned();
    for number in 0..300 {
        text.push_str(&format!("p0 ok: w z {}\n", 1000 + number));
    }
    text.push_str("p0 ok: r x 1\n");
    let found = evidence(&table(&text), Level::Causal);
    assert!(found.ops.len() <= 4, "{}", found.sentence);
    assert_eq!(found.found.iter().map(|found| found.edges.len()).max(), Some(2));
}

#[test]
fn more_sessions_than_are_looked_at_together_give_the_same_verdict() {
    let crowd: String = (0..200).map(|n| format!("p{} ok: w z{n} {n}\n", n + 10)).collect();
    let readers: String = (0..200).map(|n| format!("p{} ok: r x 1\n", n + 300)).collect();
    let write = "p0 ok: w x 1 \n p1 ok: r x 1, w x 2, w y 3\n";
    let stale = format!("{crowd}{write}{readers}p2 ok: r y 3 \n p2 ok: r x 1\n");
    let fresh = format!("{crowd}{write}{readers}p2 ok: r y 3 \n p2 ok: r x 2\n");
    assert_eq!(evidence(&table(&stale), Level::Causal).types, ["G-single-item-process"]);
    assert_eq!(verdict(&table(&fresh), Level::Causal), Verdict::Valid);
}

#[test]
fn writes_that_are_not_unique_are_named() {
    let twice = table("p0 ok: w x 1 \n p1 ok: w x 1");
    let Verdict::Unknown { why } = verdict(&twice, Level::ReadCommitted) else { panic!() };
    assert_eq!(why, "T1 and T3 both wrote 1 to key x: writes are not unique");
    let retried = table("p0 fail: w x 1 \n p1 ok: w x 1 \n p2 ok: r x 1");
    assert_eq!(verdict(&retried, Level::Causal), Verdict::Valid, "a retry writes it again");
    let null = table("p0 ok: w x nil");
    let Verdict::Unknown { why } = verdict(&null, Level::ReadCommitted) else { panic!() };
    assert_eq!(why, "T1 wrote null to key x, the initial value");
}

#[test]
fn too_small_a_budget_and_time_that_is_up_are_told() {
    let history = table("p0 ok: w x 1 \n p1 ok: r x 1");
    let unknown = |budget: &Budget<'_>| match check("", &history, Level::Causal, budget).verdict {
        Verdict::Unknown { why } => why,
        other => panic!("{other:?}"),
    };
    let small = Budget { bytes_max: 8, ..Budget::default() };
    assert_eq!(unknown(&small), "the causal level takes more than the budget of 8 bytes");
    let stop = std::sync::atomic::AtomicBool::new(true);
    let stopped = Budget { stop: Some(&stop), ..Budget::default() };
    assert_eq!(unknown(&stopped), "time was up before the causal level was decided");
}
