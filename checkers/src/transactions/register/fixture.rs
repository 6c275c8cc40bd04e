//! Histories of registers for tests, in few words.
//!
//! ```text
//!   0 ok x=1 y?2 z?     process 0 wrote x 1, read y 2 and z nil, and was acknowledged here
//!   1 invoke x=3        process 1 begins; without such a line, right before it ends
//! ```

use super::super::collect::{Collector, Kind};
use super::super::table::Table;
use crate::history::{Event, EventType, Process, Symbols, Value};
use std::fmt::Write as _;

/// The micro-operations as JSON.
fn json(mops: &str) -> String {
    let mops = mops.split_whitespace().map(|mop| match mop.split_once('=') {
        Some((key, value)) => format!(r#"["w","{key}",{value}]"#),
        None => {
            let (key, value) = mop.split_once('?').expect("a write has =, a read has ?");
            let value = if value.is_empty() { "null" } else { value };
            format!(r#"["r","{key}",{value}]"#)
        }
    });
    format!("[{}]", mops.collect::<Vec<_>>().join(","))
}

/// The table of a history, and where its lines stand in it.
pub(in crate::transactions) fn table<S: AsRef<str>>(lines: &[S]) -> Table {
    let mut collector = Collector::new(Kind::RwRegister);
    let f = Symbols::default().intern("txn");
    let mut open = Vec::new();
    let mut index = 0;
    for line in lines {
        let (process, rest) = line.as_ref().split_once(' ').expect("a process");
        let (word, mops) = rest.split_once(' ').unwrap_or((rest, ""));
        let (mops, timestamps) = mops.split_once('@').unwrap_or((mops, ""));
        let mut value = json(mops);
        if !timestamps.is_empty() {
            value = format!(r#"{{"txn":{value},"commit_ts":{timestamps}}}"#);
        }
        let kinds = [EventType::Invoke, EventType::Ok, EventType::Fail, EventType::Info];
        let kind = kinds.into_iter().find(|kind| kind.as_str() == word).expect("a type");
        let mut add = |kind| {
            let process = Process::client(process.parse().expect("a number"));
            let event = Event {
                time_ns: index as u64 * 1000,
                value: Value::Nil,
                process,
                f,
                key: None,
                node: None,
                error: None,
                kind,
            };
            collector.event(index, &event, "txn", &value).expect("a transaction");
            index += 1;
        };
        if kind == EventType::Invoke {
            open.push(process.to_owned());
        } else if let Some(at) = open.iter().position(|other| other == process) {
            open.remove(at);
        } else {
            add(EventType::Invoke);
        }
        add(kind);
    }
    collector.finish().expect("transactions")
}

/// The edges between transactions, through auxiliary vertices, as `0 ww 1`, by place in the table.
pub(in crate::transactions) fn hops(edges: super::super::graph::Edges) -> Vec<String> {
    let graph = edges.into_graph();
    let mut hops = Vec::new();
    for txn in 0..graph.txns() {
        let mut stack: Vec<_> = graph.out(txn).collect();
        while let Some((vertex, deps)) = stack.pop() {
            if vertex >= graph.txns() {
                stack.extend(graph.targets(vertex).iter().map(|target| (*target, deps)));
                continue;
            }
            for dep in super::super::graph::Dep::ALL.into_iter().filter(|dep| deps.has(*dep)) {
                let mut hop = format!("{txn} {} ", dep.name());
                let _ = write!(hop, "{vertex}");
                hops.push((txn, vertex, hop));
            }
        }
    }
    hops.sort();
    hops.dedup();
    hops.into_iter().map(|(_, _, hop)| hop).collect()
}
