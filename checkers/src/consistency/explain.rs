//! Why so few operations contradict each other, in one sentence: a cycle, with the reason of every
//! step. The definitions of `view`, `causal` and `sequential` once more, as slow as they are plain.

use super::Question;
use super::graph::{Graph, NONE, Rule, read_node, write_node};
use super::ops::{Problem, Source};
use super::words::Words;
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
    let explanation = match question {
        _ if problem.ops.len() > OPS_MAX => None,
        Question::View(rule, session) => view(words, &Graph::new(problem, rule), session),
        Question::Causal => causal(words, problem),
        Question::Order | Question::AnyOrder => order(words, problem),
    };
    let because = |headline: &str, reasons| format!("{headline}: {reasons}");
    match (explanation, question) {
        (Some(Explanation::Whole(sentence)), _) => sentence,
        (Some(Explanation::Circle(reasons)), Question::Order | Question::AnyOrder) => {
            because("no order of these operations keeps each session's own", reasons)
        }
        (Some(Explanation::Circle(reasons)), _) => {
            because("what has to come before what goes round in a circle", reasons)
        }
        (None, Question::AnyOrder) => {
            "no order of these operations explains every read; all were tried".to_owned()
        }
        (None, _) => format!(
            "these {} operations contradict each other; fewer could not be singled out",
            problem.ops.len()
        ),
    }
}

enum Explanation {
    Whole(String),
    /// The steps of a cycle.
    Circle(String),
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

fn view(words: &Words<'_>, graph: &Graph<'_>, session: u32) -> Option<Explanation> {
    let problem = graph.problem;
    let own = |at: &usize| problem.ops[*at].session == session && problem.ops[*at].finds.is_some();
    let mut edges = base(graph, session);
    loop {
        let sees = sees(graph, session, &edges);
        let mut new: Vec<Edge> = Vec::new();
        for at in (0..problem.ops.len()).filter(own) {
            for write in 0..problem.ops.len() {
                let Some(seen) = way_to_read(graph, &sees, write, at) else { continue };
                let Some(source) = problem.ops[at].source() else {
                    return Some(unseen(words, problem, at, write, &seen));
                };
                let edge = (write_node(write as u32), write_node(source), Why::Seen(at as u32));
                let known = |known: &Edge| (known.0, known.1) == (edge.0, edge.1);
                if source as usize != write && !edges.iter().chain(&new).any(known) {
                    new.push(edge);
                }
            }
        }
        let done = new.is_empty() || !graph.rule.is_prefix();
        edges.append(&mut new);
        if done {
            return cycle(&edges).map(|cycle| circle(words, graph, &sees, cycle));
        }
    }
}

/// The edges by which writes are seen.
fn sees(graph: &Graph<'_>, session: u32, edges: &[Edge]) -> Vec<Edge> {
    let seen = |&&(before, after, why): &&Edge| {
        graph.seen_with(session, after).contains(&before) || matches!(why, Why::Seen(_))
    };
    edges.iter().filter(seen).copied().collect()
}

/// How a read has to see a write of its key, if it has to.
fn way_to_read(graph: &Graph<'_>, sees: &[Edge], write: usize, read: usize) -> Option<Vec<Edge>> {
    let [other, op] = [write, read].map(|at| &graph.problem.ops[at]);
    let [node, to] = [write_node(write as u32), read_node(read as u32)];
    if !other.sets || other.key != op.key {
        return None;
    }
    if graph.rule == Rule::ReadYourWrites {
        let mine = other.session == op.session && write < read;
        return mine.then(|| vec![(node, to, Why::Session)]);
    }
    path(sees, node, to)
}

/// A read that found the initial value when there was a write to see.
fn unseen(
    words: &Words<'_>,
    problem: &Problem,
    read: usize,
    write: usize,
    seen: &[Edge],
) -> Explanation {
    let [op, write] = [read, write].map(|at| &problem.ops[at]);
    Explanation::Whole(format!(
        "{} found the initial value of {} although it had to see {}: {}",
        words.process(op),
        words.key_text(op),
        words.value(write),
        reasons(words, problem, seen)
    ))
}

/// A cycle, told from the last read that takes part in it.
fn circle(
    words: &Words<'_>,
    graph: &Graph<'_>,
    sees: &[Edge],
    mut cycle: Vec<Edge>,
) -> Explanation {
    let problem = graph.problem;
    let reader = |edge: &Edge| match edge.2 {
        Why::Seen(read) => Some(read),
        _ => None,
    };
    let last = (0..cycle.len()).filter(|&at| reader(&cycle[at]).is_some());
    let Some(last) = last.max_by_key(|&at| reader(&cycle[at])) else {
        return Explanation::Circle(reasons(words, problem, &cycle));
    };
    cycle.rotate_left(last + 1);
    let (Some((write, source, Why::Seen(read))), older) = (cycle.last().copied(), &cycle) else {
        return Explanation::Circle(reasons(words, problem, &cycle));
    };
    let op = |node: u32| &problem.ops[node as usize / 2];
    let older = reasons(words, problem, &older[..older.len() - 1]);
    let seen = way_to_read(graph, sees, write as usize / 2, read as usize).unwrap_or_default();
    Explanation::Whole(format!(
        "{} found {} although it had to see {}, which is newer: {}; it had to see that: {}",
        words.process(op(read_node(read))),
        words.value(op(source)),
        words.value(op(write)),
        older,
        reasons(words, problem, &seen)
    ))
}

fn causal(words: &Words<'_>, problem: &Problem) -> Option<Explanation> {
    let graph = Graph::new(problem, Rule::Causal);
    let base = base(&graph, 0);
    if let Some(cycle) = cycle(&base) {
        return Some(Explanation::Circle(reasons(words, problem, &cycle)));
    }
    // Each read for itself: what two reads say together is none of this promise.
    for read in (0..problem.ops.len()).filter(|&at| problem.ops[at].finds.is_some()) {
        for write in 0..problem.ops.len() {
            let Some(seen) = way_to_read(&graph, &base, write, read) else { continue };
            let Some(source) = problem.ops[read].source() else {
                return Some(unseen(words, problem, read, write, &seen));
            };
            let node = write_node(write as u32);
            let Some(mut way) = path(&base, write_node(source), node) else { continue };
            way.push((node, write_node(source), Why::Seen(read as u32)));
            return Some(circle(words, &graph, &base, way));
        }
    }
    None
}

/// What must come before what in one order of all.
fn order(words: &Words<'_>, problem: &Problem) -> Option<Explanation> {
    // A cas is one operation here, so that it has one node.
    let one = |node: u32| node / 2 * 2;
    let graph = Graph::new(problem, Rule::Causal);
    let mut edges: Vec<Edge> = base(&graph, 0);
    edges.iter_mut().for_each(|edge| (edge.0, edge.1) = (one(edge.0), one(edge.1)));
    edges.retain(|edge| edge.0 != edge.1);
    loop {
        if let Some(cycle) = cycle(&edges) {
            return Some(Explanation::Circle(reasons(words, problem, &cycle)));
        }
        let mut new: Vec<Edge> = Vec::new();
        for read in 0..problem.ops.len() {
            for write in (0..problem.ops.len()).filter(|&write| write != read) {
                let edge = forced(problem, &edges, read, write);
                new.extend(edge.filter(|edge| !edges.contains(edge)));
            }
        }
        if new.is_empty() {
            return None;
        }
        edges.append(&mut new);
    }
}

/// What follows for a read and another write of its key.
fn forced(problem: &Problem, edges: &[Edge], at: usize, other: usize) -> Option<Edge> {
    let (op, write) = (&problem.ops[at], &problem.ops[other]);
    if !write.sets || write.key != op.key {
        return None;
    }
    let (read, write) = (read_node(at as u32), read_node(other as u32));
    let before = |from, to| path(edges, from, to).is_some();
    match op.finds? {
        Source::Initial => Some((read, write, Why::Overwritten)),
        Source::Op(source) if source as usize == other => None,
        Source::Op(source) if before(write, read) => {
            Some((write, read_node(source), Why::Seen(at as u32)))
        }
        Source::Op(source) => {
            before(read_node(source), write).then_some((read, write, Why::Overwritten))
        }
    }
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
            Why::Found => {
                format!("`{}` found `{}`", words.by(after), words.by(before))
            }
            Why::Seen(read) => {
                let (old, new) = (words.value(before), words.value(after));
                let reader = words.process(&problem.ops[read as usize]);
                format!(
                    "{old} is older than {new}, since {reader} found {new} when it had to see {old}"
                )
            }
            Why::Overwritten => format!(
                "`{}` is before `{}`, which overwrote what it found",
                words.by(before),
                words.by(after)
            ),
        }
    });
    steps.collect::<Vec<_>>().join("; ")
}
