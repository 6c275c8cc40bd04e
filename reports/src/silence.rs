//! A cluster that did not answer, as a picture and a table.
//!
//! ```text
//!   last ok |      calm |   asked |///////// nothing was answered ////////////|
//!                                                           | allowed until here
//! ```

use crate::text;
use checkers::verdict::{EvidenceOp, SilenceEvidence};

/// More operations than this are no longer looked at one by one.
const OPS_MAX: usize = 24;

/// Different errors that are listed.
const ERRORS_MAX: usize = 12;

/// A moment with a name, in percent from the left edge.
#[derive(Clone, Debug)]
pub(crate) struct Moment {
    pub(crate) at: String,
    pub(crate) anchor: &'static str,
    pub(crate) label: String,
    pub(crate) row: u32,
}

/// An operation that stands at an end of the silence.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) index: usize,
    pub(crate) who: String,
    pub(crate) node: String,
    pub(crate) text: String,
    pub(crate) outcome: String,
    pub(crate) error: String,
    pub(crate) when: String,
    pub(crate) took: String,
}

/// The silence, ready to be drawn.
#[derive(Clone, Debug)]
pub(crate) struct SilenceView {
    pub(crate) key: Option<String>,
    pub(crate) sentence: String,
    pub(crate) lasted: String,
    pub(crate) allowed: String,
    pub(crate) attempts: String,
    pub(crate) left: String,
    pub(crate) width: String,
    pub(crate) moments: Vec<Moment>,
    pub(crate) ops: Vec<Asked>,
    pub(crate) errors: Vec<(String, String)>,
    pub(crate) leader: String,
    pub(crate) start_ns: u64,
    pub(crate) end_ns: u64,
}

impl SilenceView {
    pub(crate) fn of(evidence: &SilenceEvidence) -> Self {
        let (from_ns, until_ns) = (evidence.from_ns, evidence.until_ns.max(evidence.from_ns));
        let allowed_ns = evidence.bound_ms.saturating_mul(1_000_000);
        let acknowledged = evidence.ops.iter().filter(|op| op.outcome == "ok");
        let last_ok_ns = acknowledged.filter_map(|op| op.complete_ns).find(|ns| *ns <= from_ns);
        let start_ns = last_ok_ns.unwrap_or(from_ns).min(evidence.healed_ns).min(from_ns);
        let span = (until_ns - start_ns).max(1) as f64;
        let percent = |ns: u64| ns.saturating_sub(start_ns) as f64 * 100.0 / span;
        let moment = |ns: u64, row, what: &str| {
            let at = percent(ns).min(100.0);
            Moment {
                at: format!("{at:.3}%"),
                anchor: if at > 60.0 { "end" } else { "start" },
                label: format!("{what} {}", text::moment(ns)),
                row,
            }
        };
        let mut moments = vec![
            moment(evidence.healed_ns, 1, "no fault in force from"),
            moment(from_ns, 2, "first asked at"),
            moment(from_ns.saturating_add(allowed_ns), 0, "an answer was due by"),
        ];
        moments.extend(last_ok_ns.map(|ns| moment(ns, 0, "last acknowledged at")));
        Self {
            key: evidence.key.as_deref().map(text::plain),
            sentence: text::plain_long(&evidence.sentence),
            lasted: text::duration(until_ns - from_ns),
            allowed: text::duration(allowed_ns),
            attempts: text::count(evidence.attempts),
            left: format!("{:.3}%", percent(from_ns)),
            width: format!("{:.3}%", percent(until_ns) - percent(from_ns)),
            moments,
            ops: evidence.ops.iter().take(OPS_MAX).map(asked).collect(),
            errors: evidence
                .errors
                .iter()
                .take(ERRORS_MAX)
                .map(|(error, count)| (text::plain(error), text::count(*count)))
                .collect(),
            leader: leader(evidence),
            start_ns: from_ns,
            end_ns: until_ns,
        }
    }
}

fn asked(op: &EvidenceOp) -> Asked {
    Asked {
        index: op.invoke_index,
        who: text::bounded(&op.process, 40),
        node: op.node.as_deref().map(|node| text::bounded(node, 40)).unwrap_or_default(),
        text: text::operation(&op.text),
        outcome: text::bounded(&op.outcome, 12),
        error: op.note.as_deref().map(text::plain).unwrap_or_default(),
        when: text::moment(op.invoke_ns),
        took: op.complete_ns.map_or_else(
            || "open".to_owned(),
            |end_ns| text::duration(end_ns.saturating_sub(op.invoke_ns)),
        ),
    }
}

fn leader(evidence: &SilenceEvidence) -> String {
    match &evidence.leaders.last {
        None => "nobody ever said so".to_owned(),
        Some((node, term, ns)) => format!(
            "{} in term {term} at {}; {} said so since the heal",
            text::bounded(node, 40),
            text::moment(*ns),
            text::count(evidence.leaders.since_heal)
        ),
    }
}
