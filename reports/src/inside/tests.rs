//! No trace is too strange, and everything that is not drawn is counted.

use super::selection::{Item, Selection};
use super::sequence::Sequence;
use super::{Messages, nodes, text::trace_text};
use crate::happenings::Happenings;
use crate::operations::Operations;
use checkers::history::trace::{Trace, TraceEvent, Traced};
use checkers::history::{Event, EventType, History, Process, Value};
use proptest::prelude::*;

fn name() -> impl Strategy<Value = String> {
    let names =
        ["n1", "n2", "n10", "client 0", "client 1", "client 9", "operator", "", "nx\u{202e}"];
    prop::sample::select(names.map(str::to_owned).to_vec())
}

fn words() -> impl Strategy<Value = String> {
    let words =
        ["Append { entries: [] }", "gone: killed", "started", "paused", "timer T", "\n</svg>"];
    prop::sample::select(words.map(str::to_owned).to_vec())
}

fn what() -> impl Strategy<Value = Traced> {
    let id = 0_u64..40;
    prop_oneof![
        4 => (id.clone(), name(), name(), words())
            .prop_map(|(id, from, to, text)| Traced::Sent { id, from, to, text }),
        4 => id.clone().prop_map(|id| Traced::Delivered { id }),
        1 => (id, words()).prop_map(|(id, why)| Traced::Lost { id, why }),
        1 => (name(), words()).prop_map(|(node, text)| Traced::State { node, text }),
        1 => (name(), words()).prop_map(|(node, text)| Traced::Node { node, text }),
    ]
}

fn trace() -> impl Strategy<Value = Trace> {
    let events = prop::collection::vec((0_u64..20_000_000, what()), 0..1_200);
    (events, any::<bool>(), (0_u64..9_000_000, 0_u64..20_000_000)).prop_map(
        |(mut events, sorted, window_ns)| {
            if sorted {
                events.sort_by_key(|(ns, _)| *ns);
            }
            let event = |(time_ns, what)| TraceEvent { time_ns, what };
            Trace { window_ns, events: events.into_iter().map(event).collect(), left_out: 0 }
        },
    )
}

/// Operations of three clients, one after the other; the last stays open.
fn history() -> History {
    let mut history = History::new();
    let f = history.symbols.intern("read");
    for (time_ns, process, kind) in [
        (1_000_000, 0, EventType::Invoke),
        (4_000_000, 0, EventType::Ok),
        (5_000_000, 1, EventType::Invoke),
        (6_000_000, 1, EventType::Fail),
        (9_000_000, 2, EventType::Invoke),
    ] {
        let (value, process) = (Value::Nil, Process::client(process));
        history.push(Event {
            time_ns,
            value,
            process,
            f,
            key: None,
            node: None,
            error: None,
            kind,
        });
    }
    history
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_message_is_drawn_or_counted_and_time_runs_down(trace in trace(), with_evidence: bool) {
        let history = history();
        let operations = Operations::of(&history, 3);
        let evidence: &[usize] = if with_evidence { &[0, 2] } else { &[] };
        let messages = Messages::of(&trace);
        let names = nodes(&trace);
        let selection = Selection::of(&trace, &messages, &names, &operations, evidence);
        let sent = selection.items.iter().filter(|(_, item)| matches!(item, Item::Sent(_))).count();
        prop_assert!(sent <= 300, "{sent} arrows");
        let counted = selection.routine + selection.without_lane + selection.far.len();
        prop_assert_eq!(sent + counted, messages.all.len());
        prop_assert!(selection.items.is_sorted_by_key(|(ns, _)| *ns));
        let sequence = Sequence::of(&trace, &operations, &Happenings::of(&history), evidence);
        let first_arrows = sequence.arrows.iter().filter(|arrow| arrow.class != "again").count();
        prop_assert_eq!(first_arrows, sent, "what is selected is drawn");
        for arrow in &sequence.arrows {
            prop_assert!(arrow.y1 <= sequence.height && arrow.y2 <= sequence.height);
        }
        for span in sequence.spans.iter().chain(&sequence.bands) {
            prop_assert!(span.height >= 0.0 && span.y + span.height <= sequence.height + 1e-9);
        }
    }

    #[test]
    fn the_text_has_a_line_for_every_event_and_none_is_long(trace in trace()) {
        let text = trace_text(&trace);
        prop_assert_eq!(text.lines().count(), trace.events.len() + 4);
        prop_assert!(text.lines().all(|line| line.chars().count() <= 160));
        prop_assert!(!text.contains('\u{202e}'), "a mark of direction");
    }
}
