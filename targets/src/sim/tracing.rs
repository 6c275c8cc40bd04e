//! The trace of a window of a run, for people who look at it. Nothing of this is done, and no text
//! is made, unless a trace was asked for and the window is open.

use crate::links::NodeId;
use checkers::history::trace::{Trace, TraceEvent, Traced};
use std::fmt::{self, Write};

/// The most events of a trace.
const EVENTS_MAX: usize = 20_000;
/// The longest text, in characters.
const TEXT_CHARS_MAX: usize = 400;

/// Keeps the trace of a world.
#[derive(Debug)]
pub(super) struct Tracer {
    trace: Trace,
    /// The state of each node as it was last written down.
    states: Vec<String>,
    /// Messages with lower numbers were sent before the window.
    first_id: Option<u64>,
}

impl Tracer {
    /// A tracer of this window.
    pub(super) fn new(window_ns: (u64, u64), nodes: u8) -> Self {
        let trace = Trace { window_ns, ..Trace::default() };
        Self { trace, states: vec![String::new(); usize::from(nodes)], first_id: None }
    }

    /// Whether something that happens now is written down.
    pub(super) fn is_open(&self, now_ns: u64) -> bool {
        (self.trace.window_ns.0..=self.trace.window_ns.1).contains(&now_ns)
    }

    /// The trace so far; a new one begins.
    pub(super) fn take(&mut self) -> Trace {
        let window_ns = self.trace.window_ns;
        std::mem::replace(&mut self.trace, Trace { window_ns, ..Trace::default() })
    }

    /// A message leaves.
    pub(super) fn sent(
        &mut self,
        now_ns: u64,
        id: u64,
        (from, to): (String, String),
        text: &dyn fmt::Debug,
    ) {
        self.first_id.get_or_insert(id);
        let text = bounded(format_args!("{text:?}"));
        self.add(now_ns, || Traced::Sent { id, from, to, text });
    }

    /// A message was taken in.
    pub(super) fn delivered(&mut self, now_ns: u64, id: u64) {
        if self.knows(id) {
            self.add(now_ns, || Traced::Delivered { id });
        }
    }

    /// A message will not arrive.
    pub(super) fn lost(&mut self, now_ns: u64, id: u64, why: fmt::Arguments<'_>) {
        if self.knows(id) {
            self.add(now_ns, || Traced::Lost { id, why: bounded(why) });
        }
    }

    /// A node is in this state.
    pub(super) fn state(&mut self, now_ns: u64, node: NodeId, state: &str) {
        let last = &mut self.states[usize::from(node.0)];
        if last == state {
            return;
        }
        last.clear();
        last.push_str(state);
        let text = bounded(format_args!("{state}"));
        self.add(now_ns, || Traced::State { node: node.to_string(), text });
    }

    /// A node is gone: whatever state it has next is worth to be written down.
    pub(super) fn gone(&mut self, now_ns: u64, node: NodeId, how: &str) {
        self.states[usize::from(node.0)].clear();
        self.node(now_ns, node, format_args!("gone: {how}"));
    }

    /// A node does or suffers something.
    pub(super) fn node(&mut self, now_ns: u64, node: NodeId, text: fmt::Arguments<'_>) {
        self.add(now_ns, || Traced::Node { node: node.to_string(), text: bounded(text) });
    }

    fn knows(&self, id: u64) -> bool {
        self.first_id.is_some_and(|first| id >= first)
    }

    fn add(&mut self, now_ns: u64, what: impl FnOnce() -> Traced) {
        if !self.is_open(now_ns) {
            return;
        }
        if self.trace.events.len() == EVENTS_MAX {
            self.trace.left_out += 1;
            return;
        }
        self.trace.events.push(TraceEvent { time_ns: now_ns, what: what() });
    }
}

/// A text that ends, visibly, where it becomes too long. A long `Debug` is not even written out.
fn bounded(text: fmt::Arguments<'_>) -> String {
    struct Bounded {
        text: String,
        left: usize,
    }
    impl Write for Bounded {
        fn write_str(&mut self, piece: &str) -> fmt::Result {
            let end = piece.char_indices().nth(self.left).map_or(piece.len(), |(at, _)| at);
            self.text.push_str(&piece[..end]);
            if end < piece.len() {
                return Err(fmt::Error);
            }
            self.left -= piece.chars().count();
            Ok(())
        }
    }
    let mut bounded = Bounded { text: String::new(), left: TEXT_CHARS_MAX - 1 };
    if bounded.write_fmt(text).is_err() {
        bounded.text.push('…');
    }
    bounded.text
}

#[cfg(test)]
mod tests {
    use super::{TEXT_CHARS_MAX, bounded};

    #[test]
    fn a_long_text_is_cut_off_visibly_and_between_characters() {
        assert_eq!(bounded(format_args!("ä{}", 1)), "ä1");
        let long = bounded(format_args!("{}", "ä".repeat(1000)));
        assert_eq!(long.chars().count(), TEXT_CHARS_MAX);
        assert!(long.ends_with("ä…"));
    }
}
