//! A sequence diagram of the telling part of a trace, as shapes for the page and as a table.
//!
//! ```text
//!              client 2        n1            n2            n3
//!   17.931204  [write 4]--Write-->|           |             |
//!                 |   |           |--Append-->|             |
//!                 |   |           |--Append-----x cut       |
//!   17.931650     |   |           |         * leader, term 3|
//! ```

use super::gist::gist;
use super::layout::{Break, CLIENT_GAP, Columns, Layout, TimeLabel};
use super::selection::{Item, Selection};
use super::{Fate, Life, Message, Messages, client_number, nodes};
use crate::happenings::Happenings;
use crate::operations::{Operations, Outcome};
use crate::text;
use checkers::history::trace::{Trace, Traced};
use std::collections::BTreeMap;

/// Nodes with a lane.
const NODES_MAX: usize = 15;

/// Characters of a title, which shows when one points at something.
const TITLE_CHARS: usize = 240;

/// How far a message goes that does not arrive.
const LOST_PART: f64 = 0.55;

#[derive(Clone, Debug)]
pub(crate) struct Lane {
    pub(crate) x: f64,
    pub(crate) label: String,
    pub(crate) is_client: bool,
}

/// A message.
#[derive(Clone, Debug)]
pub(crate) struct Arrow {
    /// `arrived`, `again`, `lost` or `open`.
    pub(crate) class: &'static str,
    pub(crate) x1: f64,
    pub(crate) y1: f64,
    pub(crate) x2: f64,
    pub(crate) y2: f64,
    pub(crate) label: String,
    pub(crate) title: String,
}

impl Arrow {
    fn is_right(&self) -> bool {
        self.x1 < self.x2
    }

    pub(crate) fn anchor(&self) -> &'static str {
        if self.is_right() { "start" } else { "end" }
    }

    pub(crate) fn label_x(&self) -> f64 {
        self.x1 + if self.is_right() { 7.0 } else { -7.0 }
    }

    /// The head, or the cross of what is lost.
    pub(crate) fn tip(&self) -> String {
        let (x, y) = (self.x2, self.y2);
        let back = if self.is_right() { -7.0 } else { 7.0 };
        match self.class {
            "lost" => format!("M{:.1} {:.1}l8 8m0 -8l-8 8", x - 4.0, y - 4.0),
            "open" => String::new(),
            _ => format!(
                "M{:.1} {:.1}L{x:.1} {y:.1}L{:.1} {:.1}",
                x + back,
                y - 3.5,
                x + back,
                y + 3.5
            ),
        }
    }
}

/// A box on a lane: an operation, or a time in which a node is down or paused.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    pub(crate) class: &'static str,
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) height: f64,
    pub(crate) label: String,
    pub(crate) title: String,
    /// Where a link to the violation leads.
    pub(crate) is_target: bool,
}

/// A state, or something that a node does.
#[derive(Clone, Debug)]
pub(crate) struct Mark {
    pub(crate) class: &'static str,
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) label: String,
    pub(crate) title: String,
}

/// A line of the table.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) when: String,
    pub(crate) who: String,
    pub(crate) what: String,
    pub(crate) fate: String,
    pub(crate) class: &'static str,
}

/// The diagram, ready to be drawn.
#[derive(Debug)]
pub(crate) struct Sequence {
    pub(crate) window: String,
    pub(crate) summary: String,
    /// What is not drawn.
    pub(crate) left_out: Vec<String>,
    pub(crate) width: f64,
    pub(crate) height: f64,
    pub(crate) lanes: Vec<Lane>,
    pub(crate) bands: Vec<Span>,
    pub(crate) spans: Vec<Span>,
    pub(crate) has_target: bool,
    pub(crate) arrows: Vec<Arrow>,
    pub(crate) marks: Vec<Mark>,
    pub(crate) breaks: Vec<Break>,
    pub(crate) times: Vec<TimeLabel>,
    pub(crate) rows: Vec<Row>,
}

impl Sequence {
    /// The diagram of a trace; `evidence` names rows of the operations.
    pub(crate) fn of(
        trace: &Trace,
        operations: &Operations<'_>,
        happenings: &Happenings,
        evidence: &[usize],
    ) -> Self {
        let messages = Messages::of(trace);
        let mut names = nodes(trace);
        names.truncate(NODES_MAX);
        let selection = Selection::of(trace, &messages, &names, operations, evidence);
        let layout = Layout::of(trace, &selection);
        let columns = Columns::of(selection.clients.len(), names.len());
        let stage = Stage { trace, operations, messages, selection, layout, names, columns };
        let (arrows, marks) = stage.arrows_and_marks();
        let mut spans = stage.lives();
        spans.extend(stage.operation_spans());
        let (from_ns, to_ns) = trace.window_ns;
        let window = format!("{} to {}", text::moment(from_ns), text::moment(to_ns));
        Self {
            summary: format!(
                "{} messages between {} nodes and {} clients from {window}; the table below says \
                 the same in words.",
                arrows.len(),
                stage.names.len(),
                stage.selection.clients.len()
            ),
            window,
            left_out: stage.left_out(),
            width: stage.columns.width,
            height: stage.layout.height,
            lanes: stage.lanes(),
            bands: stage.bands(happenings),
            has_target: spans.iter().any(|span| span.is_target),
            spans,
            arrows,
            marks,
            rows: stage.rows(),
            breaks: stage.layout.breaks,
            times: stage.layout.times,
        }
    }
}

/// Everything that shapes are made from.
struct Stage<'a> {
    trace: &'a Trace,
    operations: &'a Operations<'a>,
    messages: Messages<'a>,
    selection: Selection,
    layout: Layout,
    names: Vec<&'a str>,
    columns: Columns,
}

impl Stage<'_> {
    fn lanes(&self) -> Vec<Lane> {
        let clients = self.selection.clients.iter().map(|client| format!("client {client}"));
        let nodes = self.names.iter().map(|name| text::bounded(name, 16));
        let labels = clients.chain(nodes).zip(&self.columns.x).enumerate();
        let client_count = self.selection.clients.len();
        labels
            .map(|(lane, (label, &x))| Lane { x, label, is_client: lane < client_count })
            .collect()
    }

    fn x(&self, name: &str) -> Option<f64> {
        let clients = self.selection.clients.len();
        let lane = match client_number(name) {
            Some(number) => self.selection.clients.iter().position(|client| *client == number),
            None => self.names.iter().position(|node| *node == name).map(|at| clients + at),
        };
        self.columns.x.get(lane?).copied()
    }

    fn arrows_and_marks(&self) -> (Vec<Arrow>, Vec<Mark>) {
        let mut ends: BTreeMap<usize, f64> = BTreeMap::new();
        let (mut arrows, mut marks) = (Vec::new(), Vec::new());
        let mut copies = Vec::new();
        let mut states = self.states_before();
        for ((_, item), &y) in self.selection.items.iter().zip(&self.layout.y) {
            match *item {
                Item::Sent(number) => arrows.push((number, y)),
                Item::Arrived(number, false) | Item::Lost(number) => _ = ends.insert(number, y),
                Item::Arrived(number, true) => copies.push((number, y)),
                Item::State(at) => marks.extend(self.state(at, y, &mut states)),
                Item::Event(at, labelled) => marks.extend(self.mark(at, y, labelled)),
                Item::Begins(_) | Item::Ends(_) => {}
            }
        }
        let starts: BTreeMap<usize, f64> = arrows.iter().copied().collect();
        let firsts = arrows.iter().filter_map(|(number, y)| {
            self.arrow(*number, *y, ends.get(number).copied().unwrap_or(y + 8.0), None)
        });
        let again = copies
            .iter()
            .filter_map(|(number, y)| self.arrow(*number, *starts.get(number)?, *y, Some("again")));
        (firsts.chain(again).collect(), marks)
    }

    fn arrow(&self, number: usize, y1: f64, y2: f64, class: Option<&'static str>) -> Option<Arrow> {
        let message = &self.messages.all[number];
        let (x1, to) = (self.x(message.from)?, self.x(message.to)?);
        let (own, part) = match message.fate {
            Fate::Arrived { .. } => ("arrived", 1.0),
            Fate::Lost { .. } => ("lost", LOST_PART),
            Fate::OnItsWay => ("open", LOST_PART),
        };
        let class = class.unwrap_or(own);
        let mut label = gist(message.text);
        if let Fate::Lost { why, .. } = message.fate {
            label = format!("✕ {why}: {label}");
        }
        // Nothing else is labelled at this height, so the way to the receiver is free.
        let chars = self.columns.chars((to - x1).abs());
        let label = if class == "again" { String::new() } else { text::bounded(&label, chars) };
        let x2 = x1 + (to - x1) * part;
        Some(Arrow { class, x1, y1, x2, y2, label, title: self.message_title(message) })
    }

    fn message_title(&self, message: &Message<'_>) -> String {
        format!(
            "{} {} to {}, {}: {}",
            text::fine_moment(self.trace.events[message.sent].time_ns),
            text::bounded(message.from, 24),
            text::bounded(message.to, 24),
            self.fate(message),
            text::bounded(message.text, TITLE_CHARS)
        )
    }

    fn fate(&self, message: &Message<'_>) -> String {
        let sent_ns = self.trace.events[message.sent].time_ns;
        let after =
            |at: usize| text::duration(self.trace.events[at].time_ns.saturating_sub(sent_ns));
        match message.fate {
            Fate::Arrived { at } if message.again.is_empty() => {
                format!("arrived after {}", after(at))
            }
            Fate::Arrived { at } => format!("arrived after {}, and again", after(at)),
            Fate::Lost { why, .. } => format!("lost: {}", text::bounded(why, 60)),
            Fate::OnItsWay => "on its way when the trace ends".to_owned(),
        }
    }

    /// The state of each node before the first that is drawn.
    fn states_before(&self) -> BTreeMap<&str, &str> {
        let mut states = BTreeMap::new();
        let from_ns = self.layout.span_ns().map_or(0, |(from_ns, _)| from_ns);
        for event in self.trace.events.iter().take_while(|event| event.time_ns < from_ns) {
            if let Traced::State { node, text } = &event.what {
                states.insert(node.as_str(), text.as_str());
            }
        }
        states
    }

    /// A state, by what is new of it.
    fn state<'b>(
        &'b self,
        at: usize,
        y: f64,
        states: &mut BTreeMap<&'b str, &'b str>,
    ) -> Option<Mark> {
        let Traced::State { node, text: state } = &self.trace.events[at].what else { return None };
        let before = states.insert(node, state);
        let (news, x) = (news(before, state), self.x(node)?);
        Some(Mark {
            class: if news.contains("leader") { "state leads" } else { "state" },
            x,
            y,
            label: text::bounded(&news, self.columns.chars_beside(x)),
            title: self.title(at, node, state),
        })
    }

    fn mark(&self, at: usize, y: f64, labelled: bool) -> Option<Mark> {
        let Traced::Node { node, text: said } = &self.trace.events[at].what else { return None };
        let x = self.x(node)?;
        let beside = || text::bounded(said, self.columns.chars_beside(x));
        let label = labelled.then(beside).unwrap_or_default();
        let class = match Life::of(said) {
            Some(Life::Down | Life::Paused) => "event grave",
            _ => "event",
        };
        Some(Mark { class, x, y, label, title: self.title(at, node, said) })
    }

    fn title(&self, at: usize, node: &str, said: &str) -> String {
        format!(
            "{} {}: {}",
            text::fine_moment(self.trace.events[at].time_ns),
            text::bounded(node, 24),
            text::bounded(said, TITLE_CHARS)
        )
    }

    /// The times in which a node was down or paused.
    fn lives(&self) -> Vec<Span> {
        let mut spans = Vec::new();
        for name in &self.names {
            let Some(x) = self.x(name) else { continue };
            let mut life = (Life::Runs, 0);
            let mut is_first = true;
            for event in &self.trace.events {
                let Traced::Node { node, text } = &event.what else { continue };
                let Some(next) = Life::of(text).filter(|_| node == name) else { continue };
                // Who starts within the window was down before it.
                if is_first && text.starts_with("started") {
                    life = (Life::Down, self.trace.window_ns.0);
                }
                is_first = false;
                spans.extend(self.life(x, name, life, event.time_ns));
                life = (next, event.time_ns);
            }
            spans.extend(self.life(x, name, life, u64::MAX));
        }
        spans
    }

    fn life(&self, x: f64, name: &str, (life, from_ns): (Life, u64), to_ns: u64) -> Option<Span> {
        let (class, word) = match life {
            Life::Runs => return None,
            Life::Down => ("down", "is down"),
            Life::Paused => ("paused", "is paused"),
        };
        let (y, end) = (self.layout.at(from_ns), self.end(to_ns));
        let title =
            format!("{} {word} from {}", text::bounded(name, 24), text::fine_moment(from_ns));
        (end > y).then(|| Span {
            class,
            x,
            y,
            height: end - y,
            label: String::new(),
            title,
            is_target: false,
        })
    }

    /// Where a time lies, or the end of the diagram.
    fn end(&self, ns: u64) -> f64 {
        match self.layout.span_ns() {
            Some((_, last_ns)) if ns <= last_ns => self.layout.at(ns),
            _ => self.layout.height,
        }
    }

    fn operation_spans(&self) -> Vec<Span> {
        let mut begun: BTreeMap<usize, f64> = BTreeMap::new();
        let mut ended: BTreeMap<usize, f64> = BTreeMap::new();
        for ((_, item), &y) in self.selection.items.iter().zip(&self.layout.y) {
            match item {
                Item::Begins(row) => _ = begun.insert(*row, y),
                Item::Ends(row) => _ = ended.insert(*row, y),
                _ => {}
            }
        }
        let spans = begun.into_iter().filter_map(|(number, y)| {
            let row = &self.operations.rows[number];
            let client = row.process % self.operations.lanes;
            let end = ended.get(&number).copied().unwrap_or(self.layout.height);
            let words = self.operations.words(row);
            let class = match (self.selection.evidence.contains(&number), row.outcome) {
                (true, Outcome::Info) => "op evidence open",
                (true, _) => "op evidence",
                (false, Outcome::Info) => "op open",
                (false, Outcome::Fail) => "op failed",
                (false, Outcome::Ok) => "op",
            };
            Some(Span {
                class,
                x: self.x(&format!("client {client}"))?,
                y,
                is_target: self.selection.evidence.last() == Some(&number),
                height: (end - y).max(4.0),
                label: text::bounded(&words, self.columns.chars(CLIENT_GAP)),
                title: format!(
                    "#{} process {}: {} ({}), from {}",
                    row.invoke,
                    row.process,
                    text::bounded(&words, 120),
                    row.outcome.word(),
                    text::fine_moment(row.invoke_ns)
                ),
            })
        });
        spans.collect()
    }

    /// The faults that were in force while something is drawn.
    fn bands(&self, happenings: &Happenings) -> Vec<Span> {
        let Some((first_ns, last_ns)) = self.layout.span_ns() else { return Vec::new() };
        let windows = happenings.faults.iter().filter_map(|fault| {
            let (from_ns, to_ns) = fault.window(self.operations.end_ns)?;
            (from_ns <= last_ns && to_ns >= first_ns).then_some((fault, from_ns, to_ns))
        });
        let bands = windows.take(12).map(|(fault, from_ns, to_ns)| {
            let (y, end) = (self.layout.at(from_ns), self.end(to_ns));
            let (from, to) = (text::moment(from_ns), text::moment(to_ns));
            Span {
                class: "band",
                is_target: false,
                x: 0.0,
                y,
                height: (end - y).max(4.0),
                label: format!(
                    "fault {} {}: {}",
                    fault.id,
                    fault.name,
                    text::bounded(&fault.asked, 80)
                ),
                title: format!(
                    "fault {} {} from {from} to {to}: {}",
                    fault.id, fault.name, fault.asked
                ),
            }
        });
        bands.collect()
    }

    fn rows(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        for (ns, item) in &self.selection.items {
            let row = |who: String, what: &str, fate: String, class| {
                let (when, what) = (text::fine_moment(*ns), text::plain(what));
                Row { when, who, what, fate, class }
            };
            rows.push(match *item {
                Item::Sent(number) => {
                    let message = &self.messages.all[number];
                    let [from, to] = [message.from, message.to].map(|name| text::bounded(name, 24));
                    let lost = matches!(message.fate, Fate::Lost { .. });
                    let class = if lost { "lost" } else { "" };
                    row(format!("{from} → {to}"), message.text, self.fate(message), class)
                }
                Item::State(at) | Item::Event(at, _) => match &self.trace.events[at].what {
                    Traced::State { node, text: said } | Traced::Node { node, text: said } => {
                        row(text::bounded(node, 24), said, String::new(), "")
                    }
                    _ => continue,
                },
                Item::Begins(number) => self.operation_row(number, "", &row),
                Item::Ends(number) => {
                    self.operation_row(number, self.operations.rows[number].outcome.word(), &row)
                }
                Item::Arrived(..) | Item::Lost(_) => continue,
            });
        }
        rows
    }

    fn operation_row(
        &self,
        number: usize,
        outcome: &str,
        row: &impl Fn(String, &str, String, &'static str) -> Row,
    ) -> Row {
        let operation = &self.operations.rows[number];
        let who = format!("client {}", operation.process % self.operations.lanes);
        let class = if self.selection.evidence.contains(&number) { "evidence" } else { "" };
        let fate = if outcome.is_empty() { "begins" } else { outcome };
        row(who, &self.operations.words(operation), fate.to_owned(), class)
    }

    fn left_out(&self) -> Vec<String> {
        let selection = &self.selection;
        let said = [
            (
                selection.routine,
                "messages that repeat what was said on their link before, while \
              nobody's state changed (heartbeats, mostly)",
            ),
            (selection.without_lane, "messages of others, clients mostly"),
            (selection.far.len(), "messages far from the operations in question, for want of room"),
            (selection.events_left_out, "changes of state and other events, for want of room"),
            (self.trace.left_out as usize, "events that the trace itself had no room for"),
        ];
        let said = said.into_iter().filter(|(count, _)| *count > 0);
        said.map(|(count, what)| format!("{what}: {}", text::count(count as u64))).collect()
    }
}

/// Of a state in words between commas, those that are new.
fn news(before: Option<&str>, state: &str) -> String {
    let Some(before) = before else { return state.to_owned() };
    let known: Vec<&str> = before.split(", ").collect();
    let news: Vec<&str> = state.split(", ").filter(|part| !known.contains(part)).collect();
    if news.is_empty() { state.to_owned() } else { news.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::news;

    #[test]
    fn of_a_state_only_what_is_new_is_said() {
        let before = "follower, term 2, log 17@2, committed 16";
        assert_eq!(news(Some(before), "leader, term 3, log 17@2, committed 16"), "leader, term 3");
        assert_eq!(news(None, before), before);
        assert_eq!(news(Some(before), before), before);
    }
}
