//! The evidence as a graph in the DOT language, for whoever has graphviz.

use super::{op_name, plain};
use crate::verdict::AnomalyEvidence;
use petgraph::dot::{Config, Dot};
use petgraph::graph::DiGraph;

/// A longer label is cut, in characters.
const LABEL_CHARS_MAX: usize = 200;

/// The transactions of the evidence and the edges of its cycles, each edge once.
pub fn dot(evidence: &AnomalyEvidence) -> String {
    let mut graph = DiGraph::<String, String>::new();
    let label = |at: usize| {
        let op = &evidence.ops[at];
        let open = if op.outcome == "ok" { "" } else { op.outcome.as_str() };
        let lines = evidence.mops.get(at).into_iter().flatten().map(|mop| mop.text.clone());
        let first = format!("{} process {} {open}", op_name(op), op.process);
        [first.trim_end().to_owned()].into_iter().chain(lines).collect::<Vec<_>>().join("\n")
    };
    let nodes: Vec<_> = (0..evidence.ops.len()).map(|at| graph.add_node(label(at))).collect();
    let mut edges = Vec::new();
    for edge in evidence.found.iter().flat_map(|found| &found.edges) {
        let key = edge.key.as_deref().map_or(String::new(), |key| format!(" {}", plain(key)));
        let edge = (edge.from, edge.to, format!("{}{key}", edge.kind));
        // A hostile report may name transactions that are not there.
        if edge.0 < nodes.len() && edge.1 < nodes.len() && !edges.contains(&edge) {
            edges.push(edge);
        }
    }
    for (from, to, text) in edges {
        graph.add_edge(nodes[from], nodes[to], text);
    }
    let attributes = |text: &str| format!("label = \"{}\"", escaped(text));
    let config = [Config::EdgeNoLabel, Config::NodeNoLabel];
    format!(
        "{:?}",
        Dot::with_attr_getters(
            &graph,
            &config,
            &|_, edge| format!("{}, style = {}", attributes(edge.weight()), style(edge.weight())),
            &|_, (_, text)| format!("{}, shape = box, fontname = monospace", attributes(text)),
        )
    )
}

/// Lines that are told apart without colour.
fn style(label: &str) -> &'static str {
    match label.split(' ').next() {
        Some("ww" | "wwp") => "bold",
        Some("rw" | "rwp") => "dashed",
        Some("process" | "realtime") => "dotted",
        _ => "solid",
    }
}

/// Inside a quoted label only the quotation mark and the backslash mean something.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for character in text.chars().take(LABEL_CHARS_MAX) {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            '\n' => out.push_str("\\n"),
            control if control.is_control() => out.extend(control.escape_unicode().skip(1)),
            plain => out.push(plain),
        }
    }
    out
}
