//! What an invariant complains of: counted by kind, the first few of each with their operations.
//!
//! ```text
//!   lost        3   #12 add 7, #40 read -> [..]   "7 was acknowledged and is not in the last read"
//!   duplicated  1   ...
//! ```

use crate::history::pairing::Operation;
use crate::history::{History, Value};
use crate::verdict::{Evidence, EvidenceOp, Judgement, OrderEvidence, Verdict};
use crate::words::quoted;

/// So many complaints of a kind are kept with their operations.
const SAMPLES_MAX: usize = 3;

/// A longer value is cut, in characters.
const CHARS_MAX: usize = 160;

/// Complaints while they are collected.
#[derive(Debug)]
pub(crate) struct Complaints<'a> {
    history: &'a History,
    kinds: Vec<Kind>,
}

#[derive(Debug)]
struct Kind {
    name: &'static str,
    count: u64,
    samples: Vec<Sample>,
}

#[derive(Debug)]
struct Sample {
    key: Option<String>,
    ops: Vec<Operation>,
    sentence: String,
}

impl<'a> Complaints<'a> {
    /// No complaints about this history.
    pub(crate) fn new(history: &'a History) -> Self {
        Self { history, kinds: Vec::new() }
    }

    /// One more of this kind (`lost`, `duplicated`, ...). `sentence` is asked for only while there
    /// are few, for it may be dear.
    pub(crate) fn add(
        &mut self,
        kind: &'static str,
        key: Option<String>,
        ops: Vec<Operation>,
        sentence: impl FnOnce() -> String,
    ) {
        let at = self.kinds.iter().position(|known| known.name == kind).unwrap_or_else(|| {
            self.kinds.push(Kind { name: kind, count: 0, samples: Vec::new() });
            self.kinds.len() - 1
        });
        let kind = &mut self.kinds[at];
        kind.count += 1;
        if kind.samples.len() < SAMPLES_MAX {
            kind.samples.push(Sample { key, ops, sentence: sentence() });
        }
    }

    /// The judgement: invalid with the complaint of fewest operations, or what `otherwise` says.
    pub(crate) fn judgement(
        self,
        checker: &str,
        claim: &str,
        mut figures: Vec<(String, String)>,
        otherwise: Verdict,
    ) -> Judgement {
        figures
            .extend(self.kinds.iter().map(|kind| (kind.name.to_owned(), kind.count.to_string())));
        let verdict = match self.evidence() {
            Some(evidence) => Verdict::Invalid { evidence: Box::new(Evidence::Order(evidence)) },
            None => otherwise,
        };
        Judgement { checker: checker.to_owned(), claim: claim.to_owned(), verdict, figures }
    }

    fn evidence(&self) -> Option<OrderEvidence> {
        let samples = self.kinds.iter().flat_map(|kind| &kind.samples);
        let sample = samples.min_by_key(|sample| sample.ops.len())?;
        let mut sentence = sample.sentence.clone();
        let total: u64 = self.kinds.iter().map(|kind| kind.count).sum();
        if total > 1 {
            let kinds = self.kinds.iter().map(|kind| format!("{} {}", kind.count, kind.name));
            sentence.push_str(&format!(" ({} in all)", kinds.collect::<Vec<_>>().join(", ")));
        }
        let mut ops = sample.ops.clone();
        ops.sort_by_key(|op| op.invoke_index());
        ops.dedup();
        let ops = ops.into_iter().map(|op| evidence_op(self.history, op)).collect();
        Some(OrderEvidence::of(sample.key.clone(), ops, sentence))
    }
}

/// An operation as a person reads it.
fn evidence_op(history: &History, op: Operation) -> EvidenceOp {
    let invoke = &history.events()[op.invoke_index()];
    let complete = op.complete_index().map(|index| &history.events()[index]);
    let node = invoke.node.or_else(|| complete.and_then(|event| event.node));
    let error = complete.and_then(|event| event.error);
    EvidenceOp {
        invoke_index: op.invoke_index(),
        complete_index: op.complete_index(),
        process: invoke.process.to_string(),
        node: node.map(|node| history.text(node).to_owned()),
        f: history.text(invoke.f).to_owned(),
        text: text(history, op),
        outcome: complete.map_or("info", |event| event.kind.as_str()).to_owned(),
        invoke_ns: invoke.time_ns,
        complete_ns: complete.map(|event| event.time_ns),
        note: error.map(|error| quoted(history.text(error), CHARS_MAX)),
    }
}

/// `read -> [1, 2]`, `add 3`.
fn text(history: &History, op: Operation) -> String {
    let invoke = &history.events()[op.invoke_index()];
    let show = |value| match value {
        Value::Nil => String::new(),
        value => format!(" {}", quoted(&history.datum(value).to_string(), CHARS_MAX)),
    };
    let result = op.complete_index().map_or(Value::Nil, |index| history.events()[index].value);
    let mut text = format!("{}{}", quoted(history.text(invoke.f), CHARS_MAX), show(invoke.value));
    if result != Value::Nil && result != invoke.value {
        text.push_str(&format!(" ->{}", show(result)));
    }
    text
}
