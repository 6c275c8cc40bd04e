//! Golden tests of the view: a small history by hand, and what the page says of it.
//!
//! Scripts are `tests/scripts/*`; `UPDATE_GOLDENFILES=1` rewrites their outputs. Commands:
//!
//! ```text
//!   op TIME_MS PROCESS TYPE F [VALUE] [key=K] [node=N] [error=E]    one event; prints its index
//!   fault TIME_MS ID NAME STEP TEXT                                 a step of a fault
//!   leader TIME_MS NODE TERM | died TIME_MS NODE HOW | phase TIME_MS PHASE
//!   violation OPS STATES STEPS SENTENCE      evidence: 0,2,4  nil  0:nil:3;2:3:!why  "..."
//!   silence BOUND_MS                         what the liveness checker says of this history
//!   unknown WHY | valid                      other verdicts
//!   sent TIME_US ID FROM TO TEXT | delivered TIME_US ID | lost TIME_US ID WHY        a trace
//!   state TIME_US NODE TEXT | node TIME_US NODE TEXT | window FROM_US TO_US
//!   header | counterexample | silences | story | coverage | timeline | inside | trace-text
//! ```

use crate::happenings::Happenings;
use crate::operations::Operations;
use crate::view::View;
use crate::{RunFacts, page};
use checkers::history::notes::{FaultNote, FaultStep, Note, Phase};
use checkers::history::trace::{Trace, TraceEvent, Traced};
use checkers::history::{Datum, Event, EventType, History, Process};
use checkers::liveness;
use checkers::verdict::{Evidence, EvidenceOp, EvidenceStep, Judgement, OrderEvidence, Verdict};
use goldenscript::{Command, Context};
use std::error::Error;
use std::fmt::Write as _;

const MS: u64 = 1_000_000;

struct Trial {
    history: History,
    judgements: Vec<Judgement>,
    trace: Trace,
}

fn facts() -> RunFacts {
    let text = str::to_owned;
    RunFacts {
        run: text("raft-register/1"),
        target: text("raft"),
        bug: Some(text("stale-reads")),
        workload: text("register"),
        faults: vec![text("partition-leader")],
        environment: text("local"),
        environment_warning: None,
        simulated: false,
        seed: 42,
        nodes: 3,
        clients: 3,
        main_phase_ms: 2_000,
        started_at: text("2026-01-01T00:00:00Z"),
        version: text("0.1.0"),
        interrupted: true,
        history_damage: Some(text("line 9 ends early")),
        repeat_command: text("tribunal run raft --seed 42"),
        check_command: text("tribunal check history.jsonl"),
        options: vec![(text("reads"), text("lease"))],
    }
}

impl Trial {
    fn op(&mut self, time_ms: u64, words: &[&str], keys: &[(&str, &str)]) -> String {
        let kinds = [EventType::Invoke, EventType::Ok, EventType::Fail, EventType::Info];
        let kind = kinds.into_iter().find(|kind| kind.as_str() == words[1]).expect(words[1]);
        let mut named = |name: &str| {
            let found = keys.iter().find(|(key, _)| *key == name);
            found.map(|(_, text)| self.history.symbols.intern(text))
        };
        let (key, node, error) = (named("key"), named("node"), named("error"));
        let datum = words.get(3).map_or(Datum::Nil, |text| Datum::from_json_text(text));
        let event = Event {
            time_ns: time_ms * MS,
            value: self.history.compact(&datum),
            process: Process::client(words[0].parse().expect(words[0])),
            f: self.history.symbols.intern(words[2]),
            key,
            node,
            error,
            kind,
        };
        format!("#{}", self.history.push(event))
    }

    fn note(&mut self, time_ms: u64, note: &Note) -> String {
        let event = note.to_event(time_ms * MS, &mut self.history.symbols);
        format!("#{}", self.history.push(event))
    }

    fn judge(&mut self, checker: &str, verdict: Verdict) {
        self.judgements.push(Judgement {
            checker: checker.to_owned(),
            claim: "raft claims a linearizable kv".to_owned(),
            verdict,
            figures: vec![("keys checked".to_owned(), "1".to_owned())],
        });
    }

    /// Evidence from positions among the operations.
    fn violation(&self, ops: &str, states: &str, steps: &str, sentence: &str) -> Verdict {
        let joined = Operations::of(&self.history, 3);
        let ops = ops.split(',').map(|position| {
            let row = joined.rows[position.parse::<usize>().expect(position)];
            let invocation = joined.invocation(&row);
            EvidenceOp {
                invoke_index: row.invoke as usize,
                complete_index: row.complete.map(|index| index as usize),
                process: row.process.to_string(),
                node: invocation.node.map(|node| self.history.text(node).to_owned()),
                f: self.history.text(invocation.f).to_owned(),
                text: joined.words(&row),
                outcome: row.outcome.word().to_owned(),
                invoke_ns: row.invoke_ns,
                complete_ns: row.complete.map(|_| row.complete_ns),
                note: None,
            }
        });
        let steps = steps.split(';').map(|step| {
            let [op, before, after] = step.splitn(3, ':').collect::<Vec<_>>()[..] else {
                panic!("a step is op:before:after, not {step}");
            };
            EvidenceStep {
                op: op.parse().expect(op),
                before: before.to_owned(),
                after: (!after.starts_with('!')).then(|| after.to_owned()),
                why_not: after.strip_prefix('!').map(str::to_owned),
            }
        });
        Verdict::Invalid {
            evidence: Box::new(Evidence::Order(OrderEvidence {
                key: Some("7".to_owned()),
                ops: ops.collect(),
                states_before: vec![states.to_owned()],
                steps: steps.collect(),
                other_orders: Vec::new(),
                more_orders: 0,
                sentence: sentence.to_owned(),
            })),
        }
    }

    fn print(&self, part: &str) -> String {
        let facts = facts();
        let operations = Operations::of(&self.history, facts.clients);
        let happenings = Happenings::of(&self.history);
        let view = View::of(&facts, &operations, &happenings, &self.judgements, Some(&self.trace));
        match part {
            "header" => header(&view),
            "counterexample" => counterexample(&view),
            "story" => story(&view),
            "coverage" => coverage(&view),
            "timeline" => timeline(&view),
            "silences" => silences(&view),
            "inside" => inside(&view),
            "trace-text" => crate::trace_text(&self.trace),
            other => panic!("no part of the view: {other}"),
        }
    }
}

fn header(view: &View) -> String {
    let header = &view.header;
    let mut out = format!("{} | {} | {}\n", view.title, header.claim, header.finding);
    let _ = writeln!(out, "why: {:?}", header.why);
    for banner in &header.banners {
        let _ = writeln!(out, "banner: {}. {}", banner.title, banner.text);
    }
    for fact in &header.facts {
        let _ = writeln!(out, "{}: {}", fact.label, fact.text);
    }
    out
}

fn counterexample(view: &View) -> String {
    let mut out = String::new();
    for example in &view.counterexamples {
        let _ = writeln!(out, "key {:?}, {}", example.key, example.window);
        let _ = writeln!(out, "before: {:?}", example.states_before);
        for bar in &example.bars {
            let (start, end) = (bar.x, bar.x + bar.width);
            let _ = write!(out, "[{:>2}] {start:>4.0} to {end:>4.0} {}", bar.mark, bar.label);
            let _ = write!(out, "{}", if bar.open { ", open" } else { "" });
            let _ = writeln!(out, "{}", if bar.illegal { ", illegal" } else { "" });
        }
        for step in &example.steps {
            let after = step.after.clone().unwrap_or_else(|| format!("cannot: {}", step.why_not));
            let _ = writeln!(out, "{} #{} {} | {}", step.mark, step.index, step.text, step.when);
            let _ = writeln!(out, "    {} -> {after}", step.before);
        }
    }
    out
}

fn story(view: &View) -> String {
    let mut out = String::new();
    for row in &view.story.rows {
        for segment in &row.segments {
            let (x, width, label) = (&segment.x, &segment.width, &segment.label);
            let _ = writeln!(out, "{}: {x} + {width} {label} ({})", row.label, segment.class);
        }
    }
    for fault in &view.story.faults {
        let (first_ok, back) = (&fault.first_ok, &fault.back);
        let _ = writeln!(out, "{} {}: {}", fault.number, fault.name, fault.window);
        let _ = writeln!(out, "    asked {:?}, {} {:?}", fault.asked, fault.effect, fault.observed);
        let _ = writeln!(out, "    undone: {} | during: {}", fault.healed, fault.during);
        let _ = writeln!(out, "    rates {} | first ok {first_ok} | back {back}", fault.rates);
    }
    for death in &view.story.deaths {
        let _ = writeln!(out, "died: {death}");
    }
    out
}

fn coverage(view: &View) -> String {
    let mut out = String::new();
    for said in &view.coverage.reservations {
        let _ = writeln!(out, "reservation: {said}");
    }
    for fact in view.coverage.facts.iter().chain(&view.coverage.errors.rows) {
        let _ = writeln!(out, "{}: {}", fact.label, fact.text);
    }
    for row in view.coverage.functions.rows.iter().chain(&view.coverage.nodes.rows) {
        let (ok, fail, info) = (&row.ok, &row.fail, &row.info);
        let _ = writeln!(out, "{}: {ok} ok, {fail} fail, {info} info, {}", row.name, row.latency);
    }
    out
}

fn timeline(view: &View) -> String {
    let mut out = format!("{}\nevidence rows {:?}\n", view.timeline_summary, view.evidence_rows);
    for row in &view.first_operations {
        let (index, process, text) = (row.index, row.process, &row.text);
        let _ = write!(out, "#{index} {} + {} process {process}: {text}", row.when, row.took);
        let place = format!(" ({}) {} {}", row.outcome, row.node, row.key);
        let _ = writeln!(out, "{}", place.trim_end());
    }
    out
}

impl Trial {
    fn traced(&mut self, what: &str, args: &[&str]) -> Result<(), Box<dyn Error>> {
        let text = |at: usize| args[at].to_owned();
        let id = || args[1].parse::<u64>();
        let what = match what {
            "sent" => Traced::Sent { id: id()?, from: text(2), to: text(3), text: text(4) },
            "delivered" => Traced::Delivered { id: id()? },
            "lost" => Traced::Lost { id: id()?, why: text(2) },
            "state" => Traced::State { node: text(1), text: text(2) },
            _ => Traced::Node { node: text(1), text: text(2) },
        };
        self.trace.events.push(TraceEvent { time_ns: 1_000 * args[0].parse::<u64>()?, what });
        Ok(())
    }
}

fn silences(view: &View) -> String {
    let mut out = String::new();
    for silence in &view.silences {
        let _ = writeln!(out, "{}", silence.sentence);
        let (lasted, allowed, attempts) = (&silence.lasted, &silence.allowed, &silence.attempts);
        let _ = writeln!(out, "{attempts} attempts in {lasted}, {allowed} allowed");
        let _ = writeln!(out, "silent {} + {}", silence.left, silence.width);
        for moment in &silence.moments {
            let _ = writeln!(out, "{} {}", moment.at, moment.label);
        }
        for op in &silence.ops {
            let (who, node, when, took) = (&op.who, &op.node, &op.when, &op.took);
            let _ = write!(out, "#{} process {who} {node} {when} + {took}: ", op.index);
            let _ = writeln!(out, "{} {} {}", op.text, op.outcome, op.error);
        }
        let _ = writeln!(out, "{:?}, last leader: {}", silence.errors, silence.leader);
    }
    out
}

fn inside(view: &View) -> String {
    let mut out = String::new();
    let Some(inside) = &view.sequence else { return out };
    let lanes: Vec<String> =
        inside.lanes.iter().map(|lane| format!("{} at {:.0}", lane.label, lane.x)).collect();
    let _ = writeln!(out, "lanes: {}", lanes.join(", "));
    for arrow in &inside.arrows {
        let (x1, y1, x2, y2) = (arrow.x1, arrow.y1, arrow.x2, arrow.y2);
        let _ = write!(out, "{} {x1:.0},{y1:.0} to {x2:.0},{y2:.0} ", arrow.class);
        let _ = writeln!(out, "{:?} ({})", arrow.label, arrow.title);
    }
    for span in inside.bands.iter().chain(&inside.spans) {
        let (class, x, y, label) = (span.class, span.x, span.y, &span.label);
        let _ = writeln!(out, "{class} {x:.0},{y:.0} + {:.0} {label:?}", span.height);
    }
    for mark in &inside.marks {
        let _ = writeln!(out, "{} {:.0},{:.0} {:?}", mark.class, mark.x, mark.y, mark.label);
    }
    for gap in &inside.breaks {
        let _ = writeln!(out, "at {:.0}: {}", gap.y, gap.label);
    }
    let _ = writeln!(out, "not drawn: {:?}", inside.left_out);
    for row in &inside.rows {
        let _ = writeln!(out, "{} {}: {} | {}", row.when, row.who, row.what, row.fate);
    }
    out
}

impl goldenscript::Runner for Trial {
    type Command = Command;

    fn run(&mut self, command: &Command, _: &Context) -> Result<String, Box<dyn Error>> {
        let mut arguments = command.consume_args();
        let keys: Vec<_> = std::iter::from_fn(|| arguments.next_key()).collect();
        let args: Vec<_> = std::iter::from_fn(|| arguments.next_pos()).collect();
        let time_ms = || args[0].parse::<u64>();
        let text = |at: usize| args[at].to_owned();
        let word = |at: usize| serde_json::Value::String(args[at].to_owned());
        Ok(match command.name.as_str() {
            "op" => self.op(time_ms()?, &args[1..], &keys),
            "leader" => {
                let note = Note::Leader { node: text(1), term: args[2].parse()? };
                self.note(time_ms()?, &note)
            }
            "died" => self.note(time_ms()?, &Note::Died { node: text(1), how: text(2) }),
            "phase" => {
                let phase: Phase = serde_json::from_value(word(1))?;
                self.note(time_ms()?, &Note::Phase(phase))
            }
            "fault" => {
                let step: FaultStep = serde_json::from_value(word(3))?;
                let seen = serde_json::Value::Null;
                let (id, fault) = (args[1].parse()?, text(2));
                let note = FaultNote { id, fault, step, text: text(4), seen };
                self.note(time_ms()?, &Note::Fault(note))
            }
            "violation" => {
                let verdict = self.violation(args[0], args[1], args[2], args[3]);
                self.judge("linearizable", verdict);
                String::new()
            }
            "silence" => {
                let bound_ms = args[0].parse()?;
                self.judgements.push(liveness::check("raft", &self.history, bound_ms));
                String::new()
            }
            "window" => {
                self.trace.window_ns =
                    (1_000 * args[0].parse::<u64>()?, 1_000 * args[1].parse::<u64>()?);
                String::new()
            }
            "sent" | "delivered" | "lost" | "state" | "node" => {
                self.traced(command.name.as_str(), &args)?;
                String::new()
            }
            "unknown" => {
                self.judge("vacuity", Verdict::Unknown { why: text(0) });
                String::new()
            }
            "valid" => {
                self.judge("stats", Verdict::Valid);
                String::new()
            }
            part => self.print(part),
        })
    }
}

fn script(name: &str) {
    let path = format!("{}/tests/scripts/{name}", env!("CARGO_MANIFEST_DIR"));
    let mut trial =
        Trial { history: History::new(), judgements: Vec::new(), trace: Trace::default() };
    goldenscript::run(&mut trial, path).unwrap();
}

#[test]
fn a_stale_read_under_a_partition_is_told_from_claim_to_cure() {
    script("a_stale_read_under_a_partition");
}

#[test]
fn a_damaged_history_without_a_decision_is_still_told() {
    script("a_damaged_history_without_a_decision");
}

#[test]
fn a_cluster_that_never_answers_is_told_in_words_and_attempts() {
    script("a_cluster_that_never_answers");
}

#[test]
fn a_trace_becomes_a_diagram_and_lines_of_text() {
    script("a_trace_of_a_lost_vote");
}

#[test]
fn scripts_and_styles_cannot_end_their_own_element() {
    assert!(!page::SCRIPT.contains("</script") && !page::SCRIPT.contains("<!--"));
    assert!(!page::STYLE.contains("</style"));
}
