//! A trace as lines for a terminal: a column a node, one line an event.
//!
//! ```text
//!    time ms  clients  n1    n2    n3
//!  17931.204     o----->     |     |    client 2: Write key 3 value 4 (arrives 17931.402)
//!  17931.402     |     *     |     |    from client 2: Write key 3 value 4
//!  17931.402     |     o----->     |    Append term 3 previous 17/2 entries ×1 (lost: cut)
//!  17931.650     |     |     #     |    n2: leader, term 3, log 18@3, committed 17
//!                                  :    a node that is down; = one that is paused
//! ```

use super::gist::gist;
use super::{Fate, Life, Message, Messages, is_node, nodes};
use crate::text::bounded;
use checkers::history::trace::{Trace, TraceEvent, Traced};
use std::fmt::Write as _;

/// No line is longer, in characters.
const LINE_CHARS_MAX: usize = 160;

/// How far apart the columns are.
const GAP: usize = 6;

/// Further nodes have no column.
const COLUMNS_MAX: usize = 12;

/// What goes on in the trace, as text whose lines have at most 160 characters. Everything that the
/// trace holds is said; texts of the system are cut at the end of the line, and no control
/// character of theirs gets through.
pub fn trace_text(trace: &Trace) -> String {
    let messages = Messages::of(trace);
    let mut chart = Chart::new(nodes(trace));
    let mut out = chart.head(trace);
    for (at, event) in trace.events.iter().enumerate() {
        let message = messages.of_event[at].map(|number| &messages.all[number]);
        let (drawn, said) = chart.event(trace, event, message);
        let line = format!("{:>11}  {drawn}  {said}", milliseconds(event.time_ns));
        out.push_str(bounded(&line, LINE_CHARS_MAX - 1).trim_end());
        out.push('\n');
    }
    out
}

fn milliseconds(ns: u64) -> String {
    format!("{}.{:03}", ns / 1_000_000, ns / 1_000 % 1_000)
}

/// The columns: the clients share the first one.
struct Chart<'a> {
    nodes: Vec<&'a str>,
    lives: Vec<Life>,
}

impl<'a> Chart<'a> {
    fn new(mut nodes: Vec<&'a str>) -> Self {
        nodes.truncate(COLUMNS_MAX);
        let lives = vec![Life::Runs; nodes.len()];
        Self { nodes, lives }
    }

    fn head(&self, trace: &Trace) -> String {
        let (from_ns, to_ns) = trace.window_ns;
        let mut out = format!(
            "What went on inside from {} ms to {} ms: {} events",
            milliseconds(from_ns),
            milliseconds(to_ns),
            trace.events.len()
        );
        if trace.left_out > 0 {
            write!(out, "; {} more found no room", trace.left_out).expect("text takes everything");
        }
        out.push_str(
            ".\no--> sent, * taken in, x lost, # state, ! anything else, : down, = paused\n\n",
        );
        let names = self.nodes.iter().map(|name| format!("{:<GAP$}", bounded(name, GAP - 2)));
        let names: String = names.collect();
        let line = format!("    time ms clients {names}");
        out.push_str(line.trim_end());
        out.push('\n');
        out
    }

    fn column(&self, name: &str) -> Option<usize> {
        if is_node(name) {
            self.nodes.iter().position(|node| *node == name).map(|at| at + 1)
        } else {
            Some(0)
        }
    }

    /// The columns with what happens, and the words beside them.
    fn event(
        &mut self,
        trace: &Trace,
        event: &TraceEvent,
        message: Option<&Message<'_>>,
    ) -> (String, String) {
        let mut row = self.row();
        let said = match (&event.what, message) {
            (Traced::Sent { from, to, text, .. }, Some(message)) => {
                let lost = matches!(message.fate, Fate::Lost { .. });
                self.arrow(&mut row, from, to, lost);
                let whom =
                    if is_node(from) && is_node(to) { String::new() } else { parties(from, to) };
                format!("{whom}{} ({})", gist(text), fate(trace, message))
            }
            (Traced::Delivered { .. }, Some(message)) => {
                self.mark(&mut row, message.to, '*');
                format!("from {}: {}", message.from, gist(message.text))
            }
            (Traced::Lost { why, .. }, Some(message)) => {
                self.mark(&mut row, message.to, 'x');
                format!("lost ({why}) from {}: {}", message.from, gist(message.text))
            }
            (Traced::State { node, text }, _) => {
                self.mark(&mut row, node, '#');
                format!("{node}: {text}")
            }
            (Traced::Node { node, text }, _) => {
                let slot = self.column(node).and_then(|column| column.checked_sub(1));
                if let (Some(life), Some(slot)) = (Life::of(text), slot) {
                    self.lives[slot] = life;
                    row = self.row();
                }
                self.mark(&mut row, node, '!');
                format!("{node}: {text}")
            }
            (
                Traced::Sent { id, .. } | Traced::Delivered { id } | Traced::Lost { id, .. },
                None,
            ) => {
                format!("message {id}, which was sent before this trace began")
            }
        };
        (row.into_iter().collect(), said)
    }

    /// Everybody's column as it is while nothing happens.
    fn row(&self) -> Vec<char> {
        let mut row = vec![' '; 3 + GAP * self.nodes.len() + 1];
        row[2] = '|';
        for (at, life) in self.lives.iter().enumerate() {
            row[2 + GAP * (at + 1)] = match life {
                Life::Runs => '|',
                Life::Down => ':',
                Life::Paused => '=',
            };
        }
        row
    }

    fn mark(&self, row: &mut [char], name: &str, mark: char) {
        if let Some(column) = self.column(name) {
            row[2 + GAP * column] = mark;
        }
    }

    fn arrow(&self, row: &mut [char], from: &str, to: &str, lost: bool) {
        let (Some(start), Some(end)) = (self.column(from), self.column(to)) else { return };
        let (start, end) = (2 + GAP * start, 2 + GAP * end);
        row[start.min(end)..=start.max(end)].fill('-');
        row[end] = match (lost, start < end) {
            (true, _) => 'x',
            (false, true) => '>',
            (false, false) => '<',
        };
        row[start] = 'o';
    }
}

fn parties(from: &str, to: &str) -> String {
    if is_node(from) { format!("to {to}: ") } else { format!("{from}: ") }
}

fn fate(trace: &Trace, message: &Message<'_>) -> String {
    let when = |at: usize| milliseconds(trace.events[at].time_ns);
    match message.fate {
        Fate::Arrived { at } if message.again.is_empty() => format!("arrives {}", when(at)),
        Fate::Arrived { at } => format!("arrives {}, then {} more", when(at), message.again.len()),
        Fate::Lost { why, .. } => format!("lost: {why}"),
        Fate::OnItsWay => "on its way when the trace ends".to_owned(),
    }
}
