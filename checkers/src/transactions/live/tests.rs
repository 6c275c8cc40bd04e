//! The watch against the whole analysis of every prefix.

use super::*;
use crate::history::{Symbol, Symbols, Value};
use crate::transactions::graph::components;
use crate::transactions::{append, order};
use proptest::prelude::*;

/// A transaction of the test: what it appends, and how many elements it reads of which key.
#[derive(Clone, Debug)]
struct Plan {
    outcome: EventType,
    appends: Vec<u32>,
    reads: Vec<(u32, usize)>,
}

const KEYS: u32 = 2;

/// The events of transactions whose invocations and completions are shuffled. Every key's list is
/// given beforehand: reads see any prefix of it. If asked, only of what was appended by then.
fn events(plans: &[Plan], order: &[usize], processes: u32, completed: bool) -> Vec<Row> {
    let mut lists = vec![Vec::new(); KEYS as usize];
    for (at, plan) in plans.iter().enumerate() {
        for key in plan.appends.iter().filter(|_| plan.outcome != EventType::Fail) {
            lists[*key as usize].push(at);
        }
    }
    let mut state = vec![0; plans.len()];
    let mut open = vec![None; processes as usize];
    let mut rows = Vec::new();
    for at in order {
        let process = at % processes as usize;
        let plan = &plans[*at];
        if state[*at] == 0 && open[process].is_none() {
            open[process] = Some(*at);
            state[*at] = 1;
            rows.push((process, EventType::Invoke, value(plan, *at, |_, _| None)));
        } else if open[process] == Some(*at) {
            open[process] = None;
            state[*at] = 2;
            let read = |key: u32, length: usize| {
                let list = &lists[key as usize];
                let seen = list[..length.min(list.len())].iter();
                let there = |by: &&usize| !completed || state[**by] == 2;
                Some(seen.take_while(there).map(|by| element(*by, key)).collect())
            };
            rows.push((process, plan.outcome, value(plan, *at, read)));
        }
    }
    rows
}

/// Process, type, value.
type Row = (usize, EventType, String);

fn element(by: usize, key: u32) -> u32 {
    u32::try_from(by).expect("it is small") * KEYS + key
}

fn value(plan: &Plan, at: usize, read: impl Fn(u32, usize) -> Option<Vec<u32>>) -> String {
    let reads = plan.reads.iter().map(|(key, length)| {
        let list =
            read(*key, *length).map_or_else(|| "null".to_owned(), |list| format!("{list:?}"));
        format!("[\"r\",{key},{list}]")
    });
    let appends =
        plan.appends.iter().map(|key| format!("[\"append\",{key},{}]", element(at, *key)));
    let mops: Vec<String> = reads.chain(appends).collect();
    format!("[{}]", mops.join(",").replace(' ', ""))
}

fn event(row: &Row, index: usize, f: Symbol) -> Event {
    Event {
        time_ns: index as u64,
        value: Value::Nil,
        process: Process::client(u32::try_from(row.0).expect("it is small")),
        f,
        key: None,
        node: None,
        error: None,
        kind: row.1,
    }
}

/// The place of the first event after which the whole analysis has a cycle.
fn first_cyclic(rows: &[Row], dep: Option<Dep>) -> Option<usize> {
    let f = Symbols::default().intern("txn");
    let mut collector = Collector::new(Kind::ListAppend);
    for (index, row) in rows.iter().enumerate() {
        collector.event(index, &event(row, index, f), "txn", &row.2).expect("it is well formed");
        let table = collector.so_far();
        let (inferred, _) = append::infer(table);
        assert_eq!(inferred.unjudged, None);
        let mut edges = inferred.edges;
        match dep {
            Some(Dep::Realtime) => order::realtime(table, &mut edges),
            Some(_) => order::process(table, &mut edges),
            None => {}
        }
        if !components(&edges.into_graph()).list.is_empty() {
            return Some(index);
        }
    }
    None
}

fn first_reported(rows: &[Row], dep: Option<Dep>) -> Option<(usize, Vec<Cycle>)> {
    let f = Symbols::default().intern("txn");
    let mut live = Live::new(dep);
    for (index, row) in rows.iter().enumerate() {
        let cycles = live.event(index, &event(row, index, f), "txn", &row.2);
        let cycles = cycles.expect("it is well formed");
        if !cycles.is_empty() {
            return Some((index, cycles));
        }
    }
    None
}

fn plans() -> impl Strategy<Value = (Vec<Plan>, Vec<usize>)> {
    let outcome = prop::sample::select(vec![
        EventType::Ok,
        EventType::Ok,
        EventType::Ok,
        EventType::Info,
        EventType::Fail,
    ]);
    let append = prop::sample::select(vec![vec![], vec![0], vec![1], vec![0, 1]]);
    let reads = prop::collection::vec((0..KEYS, 0_usize..9), 0..3);
    let plan = (outcome, append, reads).prop_map(|(outcome, appends, reads)| Plan {
        outcome,
        appends,
        reads,
    });
    prop::collection::vec(plan, 2..12).prop_flat_map(|plans| {
        let order: Vec<usize> = (0..plans.len()).chain(0..plans.len()).collect();
        // Neighbours trade places, so that transactions overlap and completions follow soon.
        (Just(plans), Just(order).prop_shuffle())
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_cycle_is_reported_at_the_event_that_closes_it((plans, order) in plans()) {
        for dep in [None, Some(Dep::Process), Some(Dep::Realtime)] {
            let rows = events(&plans, &order, 4, true);
            let reported = first_reported(&rows, dep).map(|(index, _)| index);
            prop_assert_eq!(reported, first_cyclic(&rows, dep), "{:?} {:#?}", dep, rows);
        }
    }

    /// Where reads saw what was not completed yet, the watch may know more than the prefix tells:
    /// who was at the end of a list when something unseen was appended.
    #[test]
    fn a_cycle_of_what_was_not_completed_yet_is_reported_no_later((plans, order) in plans()) {
        for dep in [None, Some(Dep::Process), Some(Dep::Realtime)] {
            let rows = events(&plans, &order, 4, false);
            let reported = first_reported(&rows, dep).map_or(usize::MAX, |(index, _)| index);
            let cyclic = first_cyclic(&rows, dep).unwrap_or(usize::MAX);
            prop_assert!(reported <= cyclic, "{:?} {} {} {:#?}", dep, reported, cyclic, rows);
        }
    }
}

fn rows(text: &[(usize, EventType, &str)]) -> Vec<Row> {
    text.iter().map(|(process, kind, value)| (*process, *kind, (*value).to_owned())).collect()
}

#[test]
fn a_read_of_the_past_is_reported_at_once_if_real_time_counts() {
    use EventType::{Invoke, Ok};
    let rows = rows(&[
        (0, Invoke, r#"[["append",1,1]]"#),
        (0, Ok, r#"[["append",1,1]]"#),
        (1, Invoke, r#"[["r",1,null]]"#),
        (1, Ok, r#"[["r",1,[]]]"#),
    ]);
    assert_eq!(first_reported(&rows, None), None);
    let (at, cycles) = first_reported(&rows, Some(Dep::Realtime)).expect("it is stale");
    assert_eq!((at, cycles[0].anomaly.name()), (3, "G-single-item-realtime"));
    assert_eq!(cycles[0].steps.iter().map(|step| step.from.0).collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn an_element_that_is_appended_twice_is_named() {
    use EventType::{Invoke, Ok};
    let rows = rows(&[
        (0, Invoke, r#"[["append",1,7]]"#),
        (0, Ok, r#"[["append",1,7]]"#),
        (0, Invoke, r#"[["append",1,7]]"#),
        (0, Ok, r#"[["append",1,7]]"#),
    ]);
    let f = Symbols::default().intern("txn");
    let mut live = Live::new(None);
    for (index, row) in rows.iter().enumerate() {
        live.event(index, &event(row, index, f), "txn", &row.2).expect("it is well formed");
    }
    assert!(live.unjudged().expect("it is no list of unique elements").contains("7 was appended"));
}
