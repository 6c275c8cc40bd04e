//! Scenario scripts: a history, one event a line, and what the checkers make of it.
//!
//! ```text
//!   p1 write 3 node=n1 key=7    process 1 invokes; a cas has two values; nothing is nil
//!   p1 ok 3                     its operation completes: ok, fail or info
//!   phase main                  a part of the run begins
//!   fault 3 pause skipped "no such node"
//!   leader n1 7 | died n1 "exit code 1"
//!   wait 2000                   nothing happens for so many milliseconds
//!   check [OBJECT] [semantics=strict|jepsen|porcupine]
//!   promise PROMISE [semantics=...]     a weaker promise: causal, pram, convergence, ...
//!   invariant NAME [total=100] [group_size=2] [linearizable=true] [final_reads_only=true]
//!             [final_polls=true] [participants=3] [nonblocking=true]
//!   stats | vacuity read write final_reads=true | liveness 1000
//! ```
//!
//! Every event is 100 ms later than the one before; `p1 fail error="no leader"` says why.
//! `UPDATE_GOLDENFILES=1` rewrites the expected
//! output.

use checkers::budget::Budget;
use checkers::consistency::{self, Consistency};
use checkers::history::notes::{FaultNote, Note, Phase};
use checkers::history::{Datum, Event, EventType, History, Process, Value};
use checkers::invariants::{self, Invariant};
use checkers::linearizable::{self, Object, Semantics};
use checkers::verdict::{
    Evidence, EvidenceOp, EvidenceStep, Judgement, OrderEvidence, SilenceEvidence, Verdict,
};
use checkers::{liveness, stats, vacuity};
use goldenscript::{Argument, Command, Context};
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write;
use std::path::Path;

/// Appends a line to text.
macro_rules! line {
    ($text:expr, $($format:tt)*) => {
        writeln!($text, $($format)*).expect("text takes everything")
    };
}

/// Evidence longer than this does not convince a person.
const EVIDENCE_OPS_MAX: usize = 12;

const EVENT_NS: u64 = 100_000_000;

#[test]
fn every_script_ends_as_its_name_and_its_text_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts");
    let entries = std::fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = paths.filter(|path| path.is_file()).collect();
    paths.sort();
    assert!(paths.len() >= 20, "the scripts are there");
    for path in paths {
        println!("{}", path.display());
        goldenscript::run(&mut Runner::default(), &path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        // The name says what must come out, so that nobody rewrites the output without noticing.
        let word = match name.split('_').next() {
            Some("ok") => "valid",
            Some("bad") => "invalid",
            _ => "unknown",
        };
        assert!(text.contains(&format!("\n{word}")), "{name} does not end {word}");
    }
}

#[derive(Default)]
struct Runner {
    history: History,
    /// The invocation that each process has open.
    open: BTreeMap<u32, Event>,
    /// Time in which nothing happened.
    waited_ns: u64,
}

impl goldenscript::Runner for Runner {
    type Command = Command;

    fn run(&mut self, command: &Command, _: &Context) -> Result<String, Box<dyn Error>> {
        let words: Vec<&str> = command
            .args
            .iter()
            .filter_map(|argument| match argument {
                Argument::Positional(word) => Some(word.as_str()),
                _ => None,
            })
            .collect();
        match (command.name.as_str(), &words[..]) {
            ("check", words) => {
                let mut arguments = command.consume_args();
                let semantics = arguments.take_key("semantics").unwrap_or("strict");
                self.check(words.first().copied().unwrap_or("cas-register"), semantics)
            }
            ("promise", [promise]) => {
                let mut arguments = command.consume_args();
                let semantics = arguments.take_key("semantics").unwrap_or("strict");
                self.promise(promise, semantics)
            }
            ("invariant", [name]) => self.invariant(name, command),
            ("vacuity", functions) => {
                let mut arguments = command.consume_args();
                let final_reads = arguments.take_key("final_reads") == Some("true");
                let planned = arguments.take_key("planned").map_or(Ok(0), str::parse);
                let faults_planned = planned?;
                let expected = vacuity::Expected { functions, final_reads, faults_planned };
                Ok(judgement(&vacuity::check(&self.history, &expected)))
            }
            ("liveness", [bound_ms]) => {
                Ok(judgement(&liveness::check("kv", &self.history, bound_ms.parse()?)))
            }
            ("wait", [ms]) => {
                self.waited_ns += ms.parse::<u64>()? * 1_000_000;
                Ok(String::new())
            }
            ("leader", [node, term]) => {
                self.note(&Note::Leader { node: (*node).to_owned(), term: term.parse()? });
                Ok(String::new())
            }
            ("died", [node, how]) => {
                self.note(&Note::Died { node: (*node).to_owned(), how: (*how).to_owned() });
                Ok(String::new())
            }
            ("stats", []) => Ok(counts(&stats::stats(&self.history))),
            ("phase", [phase]) => {
                let phase: Phase = serde_json::from_value((*phase).into())?;
                self.note(&Note::Phase(phase));
                Ok(String::new())
            }
            ("fault", [id, fault, step, text]) => {
                self.note(&Note::Fault(FaultNote {
                    id: id.parse()?,
                    fault: (*fault).to_owned(),
                    step: serde_json::from_value((*step).into())?,
                    text: (*text).to_owned(),
                    seen: serde_json::Value::Null,
                }));
                Ok(String::new())
            }
            (process, [f, value @ ..]) => {
                let number = process.strip_prefix('p').ok_or("expected p0, p1, ...")?.parse()?;
                let mut names = command.consume_args();
                let names = ["key", "node", "error"].map(|name| names.take_key(name));
                self.event(number, f, value, names)?;
                Ok(String::new())
            }
            _ => Err("expected an event or a question".into()),
        }
    }
}

fn semantics_of(name: &str) -> Result<Semantics, Box<dyn Error>> {
    match name {
        "strict" => Ok(Semantics::STRICT),
        "jepsen" => Ok(Semantics::JEPSEN),
        "porcupine" => Ok(Semantics::PORCUPINE),
        _ => Err("no such semantics".into()),
    }
}

impl Runner {
    fn invariant(&self, name: &str, command: &Command) -> Result<String, Box<dyn Error>> {
        let mut arguments = command.consume_args();
        let total = arguments.take_key("total").map(str::parse).transpose()?;
        let group_size = arguments.take_key("group_size").map(str::parse).transpose()?;
        let participants = arguments.take_key("participants");
        let participants = participants.map(str::parse).transpose()?;
        let mut flag = |name| arguments.take_key(name) == Some("true");
        let options = invariants::Options {
            total,
            group_size,
            negative_balances: flag("negative_balances"),
            linearizable: flag("linearizable"),
            final_reads_only: flag("final_reads_only"),
            final_polls: flag("final_polls"),
            nonblocking: flag("nonblocking"),
            participants,
        };
        let invariant = Invariant::from_name(name).ok_or("no such invariant")?;
        let claim = "the system keeps it";
        Ok(judgement(&invariants::check(claim, &self.history, invariant, &options)))
    }

    fn promise(&self, promise: &str, semantics: &str) -> Result<String, Box<dyn Error>> {
        let semantics = semantics_of(semantics)?;
        let promise = Consistency::from_name(promise).ok_or("no such promise")?;
        let (claim, budget) = ("kv keeps it", Budget::default());
        let found = consistency::check(claim, &self.history, promise, &semantics, &budget);
        Ok(judgement(&found))
    }

    fn check(&self, object: &str, semantics: &str) -> Result<String, Box<dyn Error>> {
        let object = Object::from_name(object).ok_or("no such object")?;
        let semantics = semantics_of(semantics)?;
        let claim = "kv claims to be linearizable";
        let budget = Budget::default();
        Ok(judgement(&linearizable::check(claim, &self.history, object, &semantics, &budget)))
    }

    fn time_ns(&self) -> u64 {
        self.history.len() as u64 * EVENT_NS + self.waited_ns
    }

    fn note(&mut self, note: &Note) {
        let event = note.to_event(self.time_ns(), &mut self.history.symbols);
        self.history.push(event);
    }

    fn event(
        &mut self,
        number: u32,
        f: &str,
        value: &[&str],
        [key, node, error]: [Option<&str>; 3],
    ) -> Result<(), Box<dyn Error>> {
        let value = match value {
            [] => Value::Nil,
            [one] => self.history.compact(&Datum::from_json_text(one)),
            more => {
                let json = serde_json::from_str(&format!("[{}]", more.join(",")))?;
                self.history.compact(&Datum::from_json(json))
            }
        };
        let time_ns = self.time_ns();
        let kind = match f {
            "ok" => EventType::Ok,
            "fail" => EventType::Fail,
            "info" => EventType::Info,
            _ => EventType::Invoke,
        };
        let event = if kind == EventType::Invoke {
            let symbols = &mut self.history.symbols;
            let f = symbols.intern(f);
            let key = key.map(|key| symbols.intern(key));
            let node = node.map(|node| symbols.intern(node));
            let process = Process::client(number);
            let event = Event { time_ns, value, process, f, key, node, error: None, kind };
            self.open.insert(number, event);
            event
        } else {
            let invoke = self.open.remove(&number).ok_or("nothing is open")?;
            let value =
                if value == Value::Nil && kind != EventType::Ok { invoke.value } else { value };
            let error = error.map(|error| self.history.symbols.intern(error));
            Event { time_ns, kind, value, error, ..invoke }
        };
        self.history.push(event);
        Ok(())
    }
}

fn judgement(judgement: &Judgement) -> String {
    let mut text = String::new();
    match &judgement.verdict {
        Verdict::Valid => text.push_str("valid\n"),
        Verdict::Unknown { why } => line!(text, "unknown: {why}"),
        Verdict::Invalid { evidence } => match &**evidence {
            Evidence::Order(evidence) => order(&mut text, evidence),
            Evidence::Silence(evidence) => silence(&mut text, evidence),
            Evidence::Anomalies(_) => panic!("transactions have scripts of their own"),
        },
    }
    for (name, figure) in judgement.figures.iter().filter(|(_, figure)| figure != "0") {
        line!(text, "  {name}: {figure}");
    }
    text
}

fn order(text: &mut String, evidence: &OrderEvidence) {
    assert!((1..=EVIDENCE_OPS_MAX).contains(&evidence.ops.len()));
    line!(text, "invalid: {}", evidence.sentence);
    let key = evidence.key.as_deref().unwrap_or("-");
    let before = match &evidence.states_before[..] {
        [] => String::new(),
        states => format!(", before: {}", states.join(" or ")),
    };
    line!(text, "  key {key}{before}");
    ops(text, &evidence.ops);
    steps(text, evidence, &evidence.steps);
    for order in &evidence.other_orders {
        line!(text, "  or:");
        steps(text, evidence, order);
    }
    if evidence.more_orders > 0 {
        line!(text, "  or one of {} more", evidence.more_orders);
    }
}

fn steps(text: &mut String, evidence: &OrderEvidence, steps: &[EvidenceStep]) {
    for step in steps {
        let what = &evidence.ops[step.op].text;
        match (&step.after, &step.why_not) {
            (Some(after), _) => line!(text, "  {} | {what} | {after}", step.before),
            (None, Some(why)) => line!(text, "  {} | {what} | no: {why}", step.before),
            (None, None) => panic!("a step that cannot be says why"),
        }
    }
}

fn ops(text: &mut String, ops: &[EvidenceOp]) {
    for (at, op) in ops.iter().enumerate() {
        let node = op.node.as_deref().unwrap_or("-");
        let end = op.complete_ns.map_or("never".to_owned(), |end| (end / 1_000_000).to_string());
        let begin = op.invoke_ns / 1_000_000;
        let note = op.note.as_ref().map_or(String::new(), |note| format!(" ({note})"));
        let (process, words, outcome) = (&op.process, &op.text, &op.outcome);
        line!(text, "  {at}: p{process} {node} {begin}..{end} ms {words} {outcome}{note}");
    }
}

fn silence(text: &mut String, evidence: &SilenceEvidence) {
    assert!((1..=EVIDENCE_OPS_MAX).contains(&evidence.ops.len()));
    line!(text, "invalid: {}", evidence.sentence);
    ops(text, &evidence.ops);
    for (error, count) in &evidence.errors {
        line!(text, "  {count} x {error}");
    }
}

fn counts(stats: &stats::Stats) -> String {
    let mut text = String::new();
    let mut table = |name: &str, functions: &[stats::Counts]| {
        for stats::Counts { f, ok, fail, info } in functions {
            line!(text, "{name} {f}: {ok} ok, {fail} fail, {info} info");
        }
    };
    table("all", &stats.functions);
    for phase in &stats.phases {
        table(&format!("{:?}", phase.phase), &phase.functions);
    }
    text
}
