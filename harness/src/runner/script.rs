//! A script: operations that do not depend on what came before. Pure.
//!
//! ```text
//!   history --script_of--> [ScriptedOp] --Script--> next(now, free threads) -> op | wait | done
//!
//!   thread 0   w1 @ 10 ms     r @ 40 ms                   each thread does its own in order of their
//!   thread 1        r @ 15 ms      w2 @ 50 ms             times: then, or as soon as it is free
//! ```
//!
//! A script that was made of a simulated run and is played with that run's seed gives the same run:
//! what its generator drew is written down, and everybody else draws from streams of their own.
//! With something taken away, that is how shrinking tries smaller runs.

use crate::case::{Part, ScriptedOp};
use checkers::history::notes::{Note, Phase};
use checkers::history::pairing::operations;
use checkers::history::{History, Op};
use std::collections::VecDeque;
use targets::links::NodeId;
use workloads::generator::ThreadId;

/// An operation that nobody can do. Say it to whoever gave the script.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScriptError {
    /// The workload knows no such function.
    #[error("operation {index} is `{f}`, which the workload does not know: give {known}")]
    Function {
        /// Which operation, from zero.
        index: usize,
        /// What it says.
        f: String,
        /// What there is.
        known: String,
    },
    /// There is no such thread.
    #[error("operation {index} is thread {thread}'s, and there are {threads}: give more clients")]
    Thread {
        /// Which operation, from zero.
        index: usize,
        /// What it says.
        thread: ThreadId,
        /// How many there are.
        threads: u32,
    },
    /// There is no such node.
    #[error("operation {index} asks {node}, and there are {nodes} nodes: give more nodes")]
    Node {
        /// Which operation, from zero.
        index: usize,
        /// What it says.
        node: NodeId,
        /// How many there are.
        nodes: u8,
    },
}

/// What a script wants.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Cue {
    /// This thread, which is free, asks this node for this now.
    Op(ThreadId, NodeId, Op),
    /// Nothing before this time, unless a thread becomes free.
    WaitUntil(u64),
    /// Nothing until a thread becomes free.
    Pending,
    /// Nothing more in this part.
    Done,
}

/// Operations yet to be done. See the module's page.
#[derive(Debug)]
pub struct Script {
    part: Part,
    /// When the part began: at the first question.
    began_ns: Option<u64>,
    /// By thread: what it does in this part.
    now: Vec<VecDeque<Line>>,
    /// By thread: what it does in the final reads.
    later: Vec<VecDeque<Line>>,
}

#[derive(Debug)]
struct Line {
    at_ns: u64,
    /// Its place in the script: of two at the same time the first one comes first.
    index: usize,
    node: NodeId,
    op: Op,
}

impl Script {
    /// A script at the start of its main part.
    ///
    /// # Errors
    /// An operation that nobody can do.
    pub fn new(
        operations: &[ScriptedOp],
        functions: &'static [&'static str],
        threads: u32,
        nodes: u8,
    ) -> Result<Self, ScriptError> {
        let lines = || (0..threads).map(|_| VecDeque::new()).collect::<Vec<_>>();
        let (mut main, mut finals) = (lines(), lines());
        for (index, scripted) in operations.iter().enumerate() {
            let ScriptedOp { part, at_ns, thread, node, f, key, .. } = scripted;
            let (thread, node) = (*thread, *node);
            let Some(function) = functions.iter().find(|known| *known == f) else {
                let (f, known) = (f.clone(), functions.join(", "));
                return Err(ScriptError::Function { index, f, known });
            };
            if node.0 >= nodes {
                return Err(ScriptError::Node { index, node, nodes });
            }
            let lines = match part {
                Part::Main => &mut main,
                Part::FinalReads => &mut finals,
            };
            let Some(lines) = lines.get_mut(thread as usize) else {
                return Err(ScriptError::Thread { index, thread, threads });
            };
            let op = Op { f: function, key: *key, value: scripted.datum() };
            lines.push_back(Line { at_ns: *at_ns, index, node, op });
        }
        for lines in main.iter_mut().chain(&mut finals) {
            lines.make_contiguous().sort_by_key(|line| (line.at_ns, line.index));
        }
        Ok(Self { part: Part::Main, began_ns: None, now: main, later: finals })
    }

    /// The main part is over, done or not.
    pub(super) fn begin_final_reads(&mut self) {
        assert_eq!(self.part, Part::Main, "the final reads begin once");
        self.part = Part::FinalReads;
        self.began_ns = None;
        self.now = std::mem::take(&mut self.later);
    }

    /// What to do at this time. The threads that are free are given in ascending order.
    pub(super) fn next(&mut self, now_ns: u64, free: &[ThreadId]) -> Cue {
        let began_ns = *self.began_ns.get_or_insert(now_ns);
        let due = |thread: &ThreadId| {
            let line = self.now[*thread as usize].front()?;
            Some((began_ns.saturating_add(line.at_ns), line.index, *thread))
        };
        match free.iter().filter_map(due).min() {
            Some((due_ns, ..)) if due_ns > now_ns => Cue::WaitUntil(due_ns),
            Some((.., thread)) => {
                let line = self.now[thread as usize].pop_front().expect("it was looked at");
                Cue::Op(thread, line.node, line.op)
            }
            None if self.now.iter().all(VecDeque::is_empty) => Cue::Done,
            None => Cue::Pending,
        }
    }
}

/// The operations of a recorded run as a script, in order of their invocations. Operations without
/// a node that this program knows, and those outside of both parts, are left out; there are none
/// in a run that this program has recorded.
pub fn script_of(history: &History, threads: u32) -> Vec<ScriptedOp> {
    let parts = parts(history);
    let scripted = operations(history).into_iter().filter_map(|operation| {
        let index = operation.invoke_index();
        let event = &history.events()[index];
        let (_, part, began_ns) = *parts.iter().rev().find(|(from, ..)| *from < index)?;
        let number = history.text(event.node?).strip_prefix('n')?.parse::<u8>().ok()?;
        Some(ScriptedOp {
            part: part?,
            at_ns: event.time_ns - began_ns,
            thread: event.process.number()? % threads,
            node: NodeId(number.checked_sub(1)?),
            f: history.text(event.f).to_owned(),
            key: event.key.and_then(|key| history.text(key).parse().ok()),
            value: history.datum(event.value).to_json(),
        })
    });
    scripted.collect()
}

/// Where the phases begin: the index and time of the note, and the part of a script, if it is one.
fn parts(history: &History) -> Vec<(usize, Option<Part>, u64)> {
    let mut parts = Vec::new();
    for (index, event) in history.events().iter().enumerate() {
        if let Some(Note::Phase(phase)) = Note::from_event(history, event) {
            let part = match phase {
                Phase::Main => Some(Part::Main),
                Phase::FinalReads => Some(Part::FinalReads),
                Phase::Heal | Phase::Settle | Phase::Done => None,
            };
            parts.push((index, part, event.time_ns));
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::{Cue, Script, ScriptError, script_of};
    use crate::case::{Part, ScriptedOp};
    use checkers::history::notes::{Note, Phase};
    use checkers::history::{Datum, Op, Outcome, Process};
    use targets::links::NodeId;

    const FUNCTIONS: &[&str] = &["read", "write"];

    fn op(part: Part, at_ns: u64, thread: u32, value: i64) -> ScriptedOp {
        let (f, key) = ("write".to_owned(), Some(7));
        ScriptedOp { part, at_ns, thread, node: NodeId(1), f, key, value: value.into() }
    }

    fn cue(thread: u32, value: i64) -> Cue {
        Cue::Op(thread, NodeId(1), Op { f: "write", key: Some(7), value: Datum::Int(value) })
    }

    #[test]
    fn an_operation_waits_for_its_time_and_for_its_thread() {
        let operations = [
            op(Part::FinalReads, 5, 0, 4),
            op(Part::Main, 30, 1, 3),
            op(Part::Main, 20, 0, 2),
            op(Part::Main, 10, 0, 1),
        ];
        let mut script = Script::new(&operations, FUNCTIONS, 2, 3).unwrap();
        assert_eq!(script.next(1000, &[0, 1]), Cue::WaitUntil(1010));
        assert_eq!(script.next(1010, &[0, 1]), cue(0, 1));
        assert_eq!(script.next(1020, &[1]), Cue::WaitUntil(1030));
        assert_eq!(script.next(1031, &[1]), cue(1, 3));
        assert_eq!(script.next(1032, &[1]), Cue::Pending, "thread 0 is late, and has one more");
        assert_eq!(script.next(1040, &[0]), cue(0, 2));
        assert_eq!(script.next(1040, &[]), Cue::Done);
        script.begin_final_reads();
        assert_eq!(script.next(5000, &[0, 1]), Cue::WaitUntil(5005));
        assert_eq!(script.next(5005, &[0, 1]), cue(0, 4));
        assert_eq!(script.next(5005, &[1]), Cue::Done);
    }

    #[test]
    fn an_operation_that_nobody_can_do_is_refused() {
        let first = |op: ScriptedOp| Script::new(&[op], FUNCTIONS, 2, 3).unwrap_err();
        let unknown = ScriptedOp { f: "cas".into(), ..op(Part::Main, 0, 0, 1) };
        assert!(matches!(first(unknown), ScriptError::Function { index: 0, .. }));
        let nobody = op(Part::Main, 0, 2, 1);
        assert!(matches!(first(nobody), ScriptError::Thread { thread: 2, threads: 2, .. }));
        let nowhere = ScriptedOp { node: NodeId(3), ..op(Part::Main, 0, 0, 1) };
        assert!(matches!(first(nowhere), ScriptError::Node { nodes: 3, .. }));
    }

    #[test]
    fn a_recorded_run_becomes_the_script_that_it_followed() {
        let mut recorder = crate::runner::recorder::Recorder::in_memory(3);
        let write = |value| Op { f: "write", key: Some(7), value: Datum::Int(value) };
        let read = Op { f: "read", key: Some(7), value: Datum::Nil };
        let (first, second) = (Process::client(1), Process::client(3));
        recorder.note(100, &Note::Phase(Phase::Main));
        recorder.invoke(110, first, NodeId(2), &write(5));
        recorder.complete(120, first, NodeId(2), &write(5), &Outcome::Info("lost".into()));
        recorder.invoke(130, second, NodeId(0), &write(6));
        recorder.complete(140, second, NodeId(0), &write(6), &Outcome::Ok(Datum::Int(6)));
        recorder.note(200, &Note::Phase(Phase::Heal));
        recorder.note(300, &Note::Phase(Phase::FinalReads));
        recorder.invoke(310, second, NodeId(1), &read);
        let (history, _) = recorder.finish();
        let script = script_of(&history, 2);
        let main = |at_ns, node, value| ScriptedOp { node, ..op(Part::Main, at_ns, 1, value) };
        let last = op(Part::FinalReads, 10, 1, 0);
        let last = ScriptedOp { f: "read".into(), value: serde_json::Value::Null, ..last };
        assert_eq!(script, [main(10, NodeId(2), 5), main(30, NodeId(0), 6), last]);
    }
}
