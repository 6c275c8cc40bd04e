//! What of a trace is drawn: a window holds thousands of messages, a person looks at some hundreds.
//!
//! ```text
//!   1  routine goes      a message between nodes that says what the one before it on this link said,
//!                        and came to the same end, while neither side changed: heartbeats, answers
//!   2  clients           those of the evidence; without evidence the first few
//!   3  the nearest stay  by their distance from the operations of the evidence, up to the limits
//! ```
//!
//! Whatever goes is counted.

use super::{Fate, Life, Messages, client_number, is_node};
use crate::operations::Operations;
use checkers::history::trace::{Trace, Traced};
use std::collections::{BTreeMap, BTreeSet};

/// Arrows of a diagram.
const MESSAGES_MAX: usize = 300;

/// Changes of state, and other things that nodes do.
const STATES_MAX: usize = 300;
const EVENTS_MAX: usize = 200;

/// Clients with a lane.
const CLIENTS_MAX: usize = 8;

/// Clients with a lane where no evidence says who matters.
const CLIENTS_WITHOUT_EVIDENCE_MAX: usize = 3;

/// Something of this kind that happens more often has no label.
const LABELLED_MAX: usize = 12;

/// Something that happens, in the diagram's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// A message leaves.
    Sent(usize),
    /// A message arrives; a copy of it if it had arrived before.
    Arrived(usize, bool),
    /// A message is lost.
    Lost(usize),
    /// A node's state changes: the position of the event.
    State(usize),
    /// A node does or suffers something, and whether that is worth a label.
    Event(usize, bool),
    /// An operation (a row) begins, or ends.
    Begins(usize),
    Ends(usize),
}

/// What is drawn, and how much is not.
#[derive(Debug)]
pub(super) struct Selection {
    /// In order: the time, and what.
    pub(super) items: Vec<(u64, Item)>,
    /// The numbers of the clients that have a lane.
    pub(super) clients: Vec<u32>,
    /// Operations of the evidence.
    pub(super) evidence: BTreeSet<usize>,
    pub(super) routine: usize,
    pub(super) without_lane: usize,
    /// Messages, by the position of their event, that found no room.
    pub(super) far: Vec<usize>,
    pub(super) events_left_out: usize,
}

impl Selection {
    /// Selects from a trace; `names` are the nodes that have a lane, `evidence` names operations.
    pub(super) fn of(
        trace: &Trace,
        messages: &Messages<'_>,
        names: &[&str],
        operations: &Operations<'_>,
        evidence: &[usize],
    ) -> Self {
        let (from_ns, to_ns) = trace.window_ns;
        let rows = &operations.rows;
        let lane = |row: usize| rows[row].process % operations.lanes;
        let within =
            |row: &usize| rows[*row].invoke_ns <= to_ns && rows[*row].complete_ns >= from_ns;
        let evidence: BTreeSet<usize> = evidence.iter().copied().filter(within).collect();
        let clients = clients(messages, evidence.iter().map(|row| lane(*row)));
        let mut selection = Self {
            items: Vec::new(),
            clients,
            evidence,
            routine: 0,
            without_lane: 0,
            far: Vec::new(),
            events_left_out: 0,
        };
        let focus = Focus::of(trace, selection.evidence.iter().map(|row| &rows[*row]));
        let (mut items, reach_ns) = selection.messages(trace, messages, names, &focus);
        items.extend(selection.nodes(trace, &focus, reach_ns));
        items.sort_unstable_by_key(|(at, _)| *at);
        let mut items: Vec<(u64, Item)> =
            items.into_iter().map(|(at, item)| (trace.events[at].time_ns, item)).collect();
        let (first_ns, last_ns) = items
            .first()
            .zip(items.last())
            .map_or(trace.window_ns, |(first, last)| (first.0, last.0));
        for (row, operation) in rows.iter().enumerate() {
            let (begin_ns, end_ns) = (operation.invoke_ns, operation.complete_ns);
            let near = focus.distance(begin_ns).min(focus.distance(end_ns)) <= reach_ns;
            let is_drawn = near && begin_ns <= last_ns && end_ns >= first_ns
                || selection.evidence.contains(&row);
            if is_drawn && selection.clients.contains(&lane(row)) {
                items.push((operation.invoke_ns.max(from_ns), Item::Begins(row)));
                items.extend(operation.complete.map(|_| (operation.complete_ns, Item::Ends(row))));
            }
        }
        // What a client does frames what it sends and gets within the same nanosecond.
        items.sort_by_key(|(ns, item)| match item {
            Item::Begins(_) => (*ns, 0),
            Item::Ends(_) => (*ns, 2),
            _ => (*ns, 1),
        });
        selection.items = items;
        selection
    }

    /// The messages that stay, each with its arrivals or its loss, by position of their events; and
    /// how far they reach.
    fn messages(
        &mut self,
        trace: &Trace,
        messages: &Messages<'_>,
        names: &[&str],
        focus: &Focus,
    ) -> (Vec<(usize, Item)>, u64) {
        let routine = routine(trace, messages);
        let mut candidates: Vec<(u64, usize)> = Vec::new();
        for (number, message) in messages.all.iter().enumerate() {
            if ![message.from, message.to].iter().all(|name| self.has_lane(name, names)) {
                self.without_lane += 1;
            } else if routine[number] {
                self.routine += 1;
            } else {
                candidates.push((focus.distance(trace.events[message.sent].time_ns), number));
            }
        }
        candidates.sort_unstable();
        // What is not all there ends somewhere, and nothing else is drawn beyond.
        let is_whole = candidates.len() <= MESSAGES_MAX;
        let rest = candidates.split_off(candidates.len().min(MESSAGES_MAX));
        self.far = rest.into_iter().map(|(_, number)| messages.all[number].sent).collect();
        self.far.sort_unstable();
        let reach_ns = candidates.last().filter(|_| !is_whole).map_or(u64::MAX, |last| last.0);
        let mut items = Vec::new();
        for (_, number) in candidates {
            let message = &messages.all[number];
            items.push((message.sent, Item::Sent(number)));
            match message.fate {
                Fate::Arrived { at } => items.push((at, Item::Arrived(number, false))),
                Fate::Lost { at, .. } => items.push((at, Item::Lost(number))),
                Fate::OnItsWay => {}
            }
            let again = message.again.iter().take(2);
            items.extend(again.map(|at| (*at, Item::Arrived(number, true))));
        }
        (items, reach_ns)
    }

    fn has_lane(&self, name: &str, names: &[&str]) -> bool {
        match client_number(name) {
            Some(client) => self.clients.contains(&client),
            None => names.contains(&name),
        }
    }

    /// What nodes become, do and suffer.
    fn nodes(&mut self, trace: &Trace, focus: &Focus, reach_ns: u64) -> Vec<(usize, Item)> {
        let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
        for event in &trace.events {
            if let Traced::Node { text, .. } = &event.what {
                *kinds.entry(without_digits(text)).or_default() += 1;
            }
        }
        let (mut states, mut events) = (Vec::new(), Vec::new());
        for (at, event) in trace.events.iter().enumerate() {
            let distance = focus.distance(event.time_ns);
            match &event.what {
                Traced::State { .. } => states.push((distance, at, Item::State(at))),
                Traced::Node { text, .. } => {
                    let rare = kinds[&without_digits(text)] <= LABELLED_MAX;
                    let is_life = Life::of(text).is_some();
                    // Deaths and returns are drawn however far they are.
                    let distance = if is_life { 0 } else { distance };
                    events.push((distance, at, Item::Event(at, rare || is_life)));
                }
                _ => {}
            }
        }
        let mut near = |all: &mut Vec<(u64, usize, Item)>, count_max: usize| {
            let count = all.len();
            all.retain(|(distance, ..)| *distance <= reach_ns);
            all.sort_unstable_by_key(|(distance, at, _)| (*distance, *at));
            all.truncate(count_max);
            self.events_left_out += count - all.len();
        };
        near(&mut states, STATES_MAX);
        near(&mut events, EVENTS_MAX);
        states.into_iter().chain(events).map(|(_, at, item)| (at, item)).collect()
    }
}

/// The moments that one wants to see.
struct Focus {
    moments_ns: Vec<u64>,
}

impl Focus {
    /// The ends of the evidence's operations; without evidence, the end of the window.
    fn of<'a>(trace: &Trace, rows: impl Iterator<Item = &'a crate::operations::Row>) -> Self {
        let mut moments_ns: Vec<u64> =
            rows.flat_map(|row| [row.invoke_ns, row.complete_ns]).collect();
        moments_ns.sort_unstable();
        if moments_ns.is_empty() {
            moments_ns.push(trace.events.last().map_or(trace.window_ns.1, |event| event.time_ns));
        }
        Self { moments_ns }
    }

    fn distance(&self, ns: u64) -> u64 {
        let next = self.moments_ns.partition_point(|moment| *moment < ns);
        let after = self.moments_ns.get(next).map(|moment| moment - ns);
        let before = next.checked_sub(1).map(|before| ns - self.moments_ns[before]);
        after.into_iter().chain(before).min().expect("there is at least one moment")
    }
}

fn clients(messages: &Messages<'_>, evidence: impl Iterator<Item = u32>) -> Vec<u32> {
    let mut clients: BTreeSet<u32> = evidence.take(CLIENTS_MAX).collect();
    if clients.is_empty() {
        let named = messages.all.iter().filter_map(|message| client_number(message.from));
        for client in named {
            if clients.len() < CLIENTS_WITHOUT_EVIDENCE_MAX {
                clients.insert(client);
            }
        }
    }
    clients.into_iter().collect()
}

/// By message: whether it only repeats the one before it on its link.
fn routine(trace: &Trace, messages: &Messages<'_>) -> Vec<bool> {
    let mut routine = vec![false; messages.all.len()];
    let mut changed_at: BTreeMap<&str, usize> = BTreeMap::new();
    let mut last: BTreeMap<(&str, &str), (usize, String)> = BTreeMap::new();
    for (at, event) in trace.events.iter().enumerate() {
        match &event.what {
            Traced::State { node, .. } => _ = changed_at.insert(node, at),
            Traced::Node { node, text } if Life::of(text).is_some() => {
                changed_at.insert(node, at);
            }
            // Judged at its end: the receiver may have changed in between.
            Traced::Delivered { .. } | Traced::Lost { .. } => {
                let Some(number) = messages.of_event[at] else { continue };
                let message = &messages.all[number];
                if !is_node(message.from) || !is_node(message.to) || !message.again.is_empty() {
                    continue;
                }
                let shape = match message.fate {
                    Fate::Lost { why, .. } => format!("{why}: {}", without_digits(message.text)),
                    _ => without_digits(message.text),
                };
                let link = (message.from, message.to);
                let before = last.insert(link, (message.sent, shape));
                let Some((before_at, before_shape)) = before else { continue };
                let ends = [message.from, message.to];
                let changed = ends.iter().filter_map(|end| changed_at.get(end)).max();
                let is_same = last[&link].1 == before_shape;
                routine[number] = is_same && changed.is_none_or(|at| *at < before_at);
            }
            Traced::Sent { .. } | Traced::Node { .. } => {}
        }
    }
    routine
}

fn without_digits(text: &str) -> String {
    text.chars().filter(|character| !character.is_ascii_digit()).collect()
}
