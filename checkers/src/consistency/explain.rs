//! Why so few operations contradict each other, in one sentence: a cycle, with the reason of every
//! step. The definitions of `view`, `causal` and `sequential` once more, as slow as they are plain.

use super::Question;
use super::graph::{Graph, NONE, Rule, read_node, write_node};
use super::ops::{Op, Problem, Source};
use super::words::{Words, finds_initial};
use std::collections::VecDeque;

/// Contradictions of more operations than this are shown without a cycle.
const OPS_MAX: usize = 60;

/// Why one node is before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    /// Its session did it before.
    Session,
    /// The second found what the first set.
    Found,
    /// This operation found the second, when the first had to be seen.
    Seen(u32),
    /// The first found what the second overwrote.
    Overwritten,
}

type Edge = (u32, u32, Why);

/// What the operations contradict each other by.
pub(super) fn sentence(words: &Words<'_>, problem: &Problem, question: Question) -> String {
    let headline = headline(words, problem, question);
    if problem.ops.len() > OPS_MAX {
        return headline;
    }
    let explanation = match question {
        Question::View(rule, session) => view(words, &Graph::new(problem, rule), session),
        Question::Causal => causal(words, problem),
        Question::Order | Question::AnyOrder => order(words, problem),
    };
    explanation.map_or(headline.clone(), |reasons| format!("{headline}: {reasons}"))
}

fn headline(words: &Words<'_>, problem: &Problem, question: Question) -> String {
    let (rule, session) = match question {
        Question::View(rule, session) => (rule, session),
        Question::Causal => {
            return "a read found what it follows from that it was overwritten".to_owned();
        }
        Question::Order => return "no order of these operations keeps each session's".to_owned(),
        Question::AnyOrder => {
            return "no order of these operations explains every read; all were tried".to_owned();
        }
    };
    let own = problem.ops.iter().find(|op| op.session == session);
    let process = own.map_or("a session".to_owned(), |op| words.process(op));
    let what = match rule {
        Rule::ReadYourWrites => "did not read what it had written itself",
        Rule::MonotonicReads => "read an older value than before",
        Rule::MonotonicWrites => "saw writes of one session out of their order",
        Rule::WritesFollowReads => "saw a write, but not what its writer had read before it",
        Rule::Pram => {
            "cannot have seen the writes in one order that keeps its own operations and \
                       each other session's writes"
        }
        Rule::Causal => "cannot have seen the writes in one order that keeps causes before effects",
    };
    format!("{process} {what}")
}

/// The edges that a promise itself makes.
fn base(graph: &Graph<'_>, session: u32) -> Vec<Edge> {
    let mut edges = Vec::new();
    for (at, op) in graph.problem.ops.iter().enumerate() {
        let at = at as u32;
        let nodes = [op.finds.map(|_| read_node(at)), op.sets.then_some(write_node(at))];
        for node in nodes.into_iter().flatten() {
            for before in graph.before(session, node).into_iter().filter(|&node| node != NONE) {
                let same = graph.problem.ops[before as usize / 2].session == op.session;
                // In its own session a value is found later than it is set, or the order is broken.
                let found = op.source().map(write_node) == Some(before);
                let why = if found && !(same && before < node) { Why::Found } else { Why::Session };
                edges.push((before, node, why));
            }
        }
    }
    edges
}

/// The shortest way along the edges, of which there is one at least.
fn path(edges: &[Edge], from: u32, to: u32) -> Option<Vec<Edge>> {
    let mut came: Vec<Edge> = Vec::new();
    let mut new = VecDeque::from([from]);
    while let Some(node) = new.pop_front() {
        for &edge in edges.iter().filter(|edge| edge.0 == node) {
            if came.iter().any(|known| known.1 == edge.1) {
                continue;
            }
            came.push(edge);
            new.push_back(edge.1);
            if edge.1 != to {
                continue;
            }
            let mut way = vec![edge];
            while way[way.len() - 1].0 != from {
                let at = way[way.len() - 1].0;
                way.push(*came.iter().find(|known| known.1 == at)?);
            }
            way.reverse();
            return Some(way);
        }
    }
    None
}

/// The shortest cycle; of those, one through the first node.
fn cycle(edges: &[Edge]) -> Option<Vec<Edge>> {
    let mut nodes: Vec<u32> = edges.iter().map(|edge| edge.0).collect();
    nodes.sort_unstable();
    nodes.dedup();
    nodes.into_iter().filter_map(|node| path(edges, node, node)).min_by_key(Vec::len)
}

fn view(words: &Words<'_>, graph: &Graph<'_>, session: u32) -> Option<String> {
    let problem = graph.problem;
    let mut edges = base(graph, session);
    let own = || problem.ops.iter().enumerate().filter(|(_, op)| op.session == session);
    loop {
        let mut sees: Vec<Edge> = edges.clone();
        sees.retain(|&(before, after, why)| {
            graph.seen_with(session, after).contains(&before) || matches!(why, Why::Seen(_))
        });
        let mut new = Vec::new();
        for (at, op) in own().filter(|(_, op)| op.finds.is_some()) {
            let read = read_node(at as u32);
            for (write, other) in problem.ops.iter().enumerate() {
                let node = write_node(write as u32);
                let seen = if graph.rule == Rule::ReadYourWrites {
                    let mine = other.session == session && write < at;
                    mine.then(|| vec![(node, read, Why::Session)])
                } else {
                    path(&sees, node, read)
                };
                let Some(seen) = seen.filter(|_| other.sets && other.key == op.key) else {
                    continue;
                };
                if finds_initial(op) {
                    return Some(initial(words, problem, op, other, &seen));
                }
                let Some(source) = op.source().filter(|&source| source != write as u32) else {
                    continue;
                };
                let why = Why::Seen(at as u32);
                let known = |edge: &Edge| (edge.0, edge.1) == (node, write_node(source));
                if !edges.iter().chain(&new).any(known) {
                    new.push((node, write_node(source), why));
                }
            }
        }
        let done = new.is_empty() || !graph.rule.is_prefix();
        edges.append(&mut new);
        if done {
            return cycle(&edges).map(|cycle| reasons(words, problem, &cycle));
        }
    }
}

fn initial(words: &Words<'_>, problem: &Problem, op: &Op, write: &Op, seen: &[Edge]) -> String {
    format!(
        "`{}` found the initial value, but `{}` had to be seen by then: {}",
        words.by(op),
        words.by(write),
        reasons(words, problem, seen)
    )
}

fn causal(words: &Words<'_>, problem: &Problem) -> Option<String> {
    let graph = Graph::new(problem, Rule::Causal);
    let base = base(&graph, 0);
    if let Some(cycle) = cycle(&base) {
        return Some(reasons(words, problem, &cycle));
    }
    // Each read for itself: what two reads say together is none of this promise.
    for (at, op) in problem.ops.iter().enumerate() {
        for (write, other) in problem.ops.iter().enumerate() {
            let node = write_node(write as u32);
            let Some(finds) = op.finds.filter(|_| other.sets && other.key == op.key) else {
                continue;
            };
            let Some(seen) = path(&base, node, read_node(at as u32)) else { continue };
            let source = match finds {
                Source::Initial => return Some(initial(words, problem, op, other, &seen)),
                Source::Op(source) => write_node(source),
            };
            let Some(mut way) = path(&base, source, node) else { continue };
            way.push((node, source, Why::Seen(at as u32)));
            return Some(format!(
                "{}; and it had to be seen: {}",
                reasons(words, problem, &way),
                reasons(words, problem, &seen)
            ));
        }
    }
    None
}

/// What must come before what in one order of all.
fn order(words: &Words<'_>, problem: &Problem) -> Option<String> {
    // A cas is one operation here, so that it has one node.
    let one = |node: u32| node / 2 * 2;
    let graph = Graph::new(problem, Rule::Causal);
    let mut edges: Vec<Edge> = base(&graph, 0);
    edges.retain(|edge| one(edge.0) != one(edge.1));
    edges.iter_mut().for_each(|edge| (edge.0, edge.1) = (one(edge.0), one(edge.1)));
    for _ in 0..problem.ops.len() * problem.ops.len() {
        if let Some(cycle) = cycle(&edges) {
            return Some(reasons(words, problem, &cycle));
        }
        let mut new: Vec<Edge> = Vec::new();
        for (at, op) in problem.ops.iter().enumerate() {
            let writes = problem
                .ops
                .iter()
                .enumerate()
                .filter(|(other, write)| write.sets && write.key == op.key && *other != at);
            for (other, _) in writes {
                let (read, write) = (read_node(at as u32), read_node(other as u32));
                let before = |from, to| path(&edges, from, to).is_some();
                let edge = match op.finds {
                    Some(Source::Initial) => (read, write, Why::Overwritten),
                    Some(Source::Op(source)) if source as usize != other => {
                        let source = read_node(source);
                        if before(write, read) && !before(write, source) {
                            (write, source, Why::Seen(at as u32))
                        } else if before(source, write) {
                            (read, write, Why::Overwritten)
                        } else {
                            continue;
                        }
                    }
                    _ => continue,
                };
                if !before(edge.0, edge.1) && !new.contains(&edge) {
                    new.push(edge);
                }
            }
        }
        if new.is_empty() {
            return None;
        }
        edges.append(&mut new);
    }
    None
}

/// The steps of a way, each with its reason; what one session does in a row is one step.
fn reasons(words: &Words<'_>, problem: &Problem, way: &[Edge]) -> String {
    let mut steps: Vec<Edge> = Vec::new();
    for &edge in way {
        match steps.last_mut() {
            Some(last) if last.2 == Why::Session && edge.2 == Why::Session => last.1 = edge.1,
            _ => steps.push(edge),
        }
    }
    let op = |node: u32| &problem.ops[node as usize / 2];
    let steps = steps.into_iter().filter(|edge| edge.0 / 2 != edge.1 / 2);
    let steps = steps.map(|(before, after, why)| {
        let (before, after) = (op(before), op(after));
        let process = words.process(before);
        match why {
            Why::Session => {
                format!("{process} did `{}` before `{}`", words.text(before), words.text(after))
            }
            Why::Found => format!("`{}` found that of {process}", words.by(after)),
            Why::Seen(read) => {
                let read = &problem.ops[read as usize];
                format!(
                    "{} is before {}, since `{}` had {0} to see and found the latter",
                    words.value(before),
                    words.value(after),
                    words.by(read),
                )
            }
            Why::Overwritten => {
                format!(
                    "`{}` is before `{}`, which overwrote it",
                    words.by(before),
                    words.by(after)
                )
            }
        }
    });
    steps.collect::<Vec<_>>().join("; ")
}
