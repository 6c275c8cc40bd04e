//! What a person reads on the terminal: the first screen, the last screen, and lists.
//!
//! Everything is text made from data, so that tests can look at it; the commands print it.

use checkers::history::History;
use checkers::history::notes::{FaultStep, Note};
use checkers::stats::{Counts, Stats};
use checkers::transactions::explain::{definition, op_name, plain};
use checkers::verdict::{
    AnomalyEvidence, Evidence, EvidenceOp, FoundAnomaly, Judgement, OrderEvidence, Verdict,
};
use reports::RunFacts;
use std::fmt::Write;
use tabled::builder::Builder;
use tabled::settings::{Alignment, Modify, Style, object::Columns};

/// Lines of a counterexample on the screen; the report shows all of it.
const COUNTEREXAMPLE_LINES_MAX: usize = 12;

/// Transactions of an anomaly in a counterexample.
const ANOMALY_TXNS_MAX: usize = 6;

/// The sentence of an anomaly: several steps, each with its reason.
const SENTENCE_CHARS_MAX: usize = 900;

/// The longest text from a system under test that is printed in one piece.
const TEXT_CHARS_MAX: usize = 160;

/// Prints a result on standard output. A reader who has seen enough (`| head`) is no failure, and
/// changes nothing about how the command ends.
pub fn say(text: &str) {
    use std::io::Write;
    let mut out = anstream::stdout().lock();
    let printed = writeln!(out, "{text}").and_then(|()| out.flush());
    match printed {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            eprintln!("tribunal: standard output cannot be written: {error}");
        }
        _ => {}
    }
}

/// Text that a system under test had a hand in: bounded, and without what a terminal would obey.
pub fn harmless(text: &str) -> String {
    harmless_up_to(text, TEXT_CHARS_MAX)
}

fn harmless_up_to(text: &str, chars_max: usize) -> String {
    let shown: String =
        text.chars().take(chars_max).map(|c| if obeyed(c) { '\u{fffd}' } else { c }).collect();
    if shown.len() < text.len() { format!("{shown}…") } else { shown }
}

/// What a terminal would obey: controls, and marks that turn the direction of what follows.
fn obeyed(c: char) -> bool {
    let marks = ['\u{61c}', '\u{200e}', '\u{200f}'];
    let turns = marks.contains(&c)
        || ('\u{202a}'..='\u{202e}').contains(&c)
        || ('\u{2066}'..='\u{2069}').contains(&c);
    c.is_control() || turns
}

/// The first screen: seed, target, faults, store path, and the exact command to repeat the run.
pub fn opening(facts: &RunFacts, folder: &str, claim: &str) -> String {
    let mut text = String::new();
    let bug = facts.bug.as_ref().map_or(String::new(), |bug| format!(", planted bug {bug}"));
    let faults = if facts.faults.is_empty() { "none".into() } else { facts.faults.join(", ") };
    let rows = [
        ("seed", facts.seed.to_string()),
        ("target", format!("{}{bug}: claims {claim}", facts.target)),
        ("workload", format!("{}, {} clients", facts.workload, facts.clients)),
        ("faults", faults),
        ("where", format!("{} nodes, {}", facts.nodes, facts.environment)),
        ("for", format!("{} s", facts.main_phase_ms as f64 / 1e3)),
        ("run", folder.to_owned()),
        ("repeat", facts.repeat_command.clone()),
    ];
    for (name, value) in rows {
        let _ = writeln!(text, "{name:>9}  {value}");
    }
    if let Some(warning) = &facts.environment_warning {
        let _ = writeln!(text, "\nWARNING: {warning}");
    }
    text
}

/// What became of the faults that were asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FaultCounts {
    /// Faults that were asked for.
    pub asked: usize,
    /// Those that were seen to take effect.
    pub observed: usize,
    /// Those that were seen to be undone.
    pub healed: usize,
    /// Elections that were won after the first one.
    pub leader_changes: usize,
    /// Nodes that died although no fault killed them.
    pub deaths: usize,
}

/// Counts what became of the faults of a history.
pub fn fault_counts(history: &History) -> FaultCounts {
    let mut counts = FaultCounts::default();
    let mut leaders = 0_usize;
    for event in history.events() {
        match Note::from_event(history, event) {
            Some(Note::Fault(note)) => match note.step {
                FaultStep::Asked => counts.asked += 1,
                FaultStep::Installed => counts.observed += 1,
                FaultStep::Healed => counts.healed += 1,
                FaultStep::Skipped | FaultStep::Indeterminate | FaultStep::HealFailed => {}
            },
            Some(Note::Leader { .. }) => leaders += 1,
            Some(Note::Died { .. }) => counts.deaths += 1,
            _ => {}
        }
    }
    counts.leader_changes = leaders.saturating_sub(1);
    counts
}

/// The last screen: outcomes, judgements, the counterexample, and where to go from here.
pub fn closing(
    verdict: &Verdict,
    judgements: &[Judgement],
    stats: &Stats,
    faults: Option<FaultCounts>,
    next: &[(&str, String)],
) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "{}", outcomes(stats));
    if let Some(faults) = faults {
        let _ = writeln!(
            text,
            "faults: {} asked, {} observed, {} healed; leader changes: {}\n",
            faults.asked, faults.observed, faults.healed, faults.leader_changes
        );
    }
    if let Some(deaths) = faults.map(|faults| faults.deaths).filter(|deaths| *deaths > 0) {
        let _ = writeln!(
            text,
            "WARNING: nodes died {deaths} times although no fault killed them; see the report and \
             nodes/*/stderr.log\n"
        );
    }
    let mut table = Builder::default();
    table.push_record(["checker", "verdict", "why"]);
    for judgement in judgements {
        let why = match &judgement.verdict {
            Verdict::Valid => figures(judgement),
            Verdict::Unknown { why } => harmless(why),
            Verdict::Invalid { evidence } => harmless(evidence.sentence()),
        };
        table.push_record([&judgement.checker, judgement.verdict.word(), &wrap(&why, 72)]);
    }
    let _ = writeln!(text, "{}\n", table.build().with(Style::sharp()));
    if let Verdict::Invalid { evidence } = verdict {
        let _ = writeln!(text, "{}", counterexample(evidence));
    }
    let _ = writeln!(text, "{}\n", headline(verdict, judgements));
    for (name, value) in next {
        let _ = writeln!(text, "{name:>9}  {value}");
    }
    text
}

/// The verdict as a line that can be found from across the room.
pub fn headline(verdict: &Verdict, judgements: &[Judgement]) -> String {
    let claim = judgements
        .iter()
        .find(|judgement| judgement.verdict.word() == verdict.word())
        .map_or("", |judgement| judgement.claim.as_str());
    match verdict {
        Verdict::Valid => format!("VALID: {claim}; this history shows nothing against it"),
        Verdict::Unknown { why } => format!("UNKNOWN: {}", harmless(why)),
        Verdict::Invalid { .. } => format!("INVALID: {claim}; this history breaks it"),
    }
}

/// The counterexample in at most twelve lines.
pub fn counterexample(evidence: &Evidence) -> String {
    let (key, what, stuck) = match evidence {
        // Whoever has no orders to show speaks of an invariant, which no order can save.
        Evidence::Order(order) if order.steps.is_empty() => (&order.key, "show it", None),
        Evidence::Order(order) => (&order.key, "fit no order", stuck(order)),
        Evidence::Silence(silence) => (&silence.key, "stand around the silence", None),
        Evidence::Anomalies(anomalies) => return anomaly_in_short(anomalies),
    };
    let key = key.as_ref().map_or(String::new(), |key| format!(" of key {}", harmless(key)));
    let mut lines = vec![format!("These operations{key} {what}:")];
    let room = COUNTEREXAMPLE_LINES_MAX - 2;
    let ops = evidence.ops();
    for op in ops.iter().take(room) {
        lines.push(operation(op));
    }
    if ops.len() > room {
        lines.pop();
        lines.push(format!("  ... and {} more in the report", ops.len() - room + 1));
    }
    lines.extend(stuck.filter(|_| lines.len() + 2 < COUNTEREXAMPLE_LINES_MAX));
    lines.push(harmless(evidence.sentence()));
    let mut text = lines.join("\n");
    text.push('\n');
    text
}

/// The smallest anomaly in at most twelve lines.
fn anomaly_in_short(evidence: &AnomalyEvidence) -> String {
    let mut lines = Vec::new();
    if let Some(found) = evidence.found.first() {
        let others = match evidence.found.len() {
            1 => String::new(),
            all => format!(", the smallest of {all} anomalies"),
        };
        lines.push(format!("{}{others}:", title(found)));
        let known = found.ops.iter().filter_map(|op| evidence.ops.get(*op));
        lines.extend(known.take(ANOMALY_TXNS_MAX).map(transaction));
        if let Some(more) = found.ops.len().checked_sub(ANOMALY_TXNS_MAX + 1) {
            lines.push(format!("  ... and {} more in the report", more + 1));
        }
        lines.extend(round(evidence, found));
    }
    lines.push(models(evidence));
    lines.push(harmless_up_to(&evidence.sentence, SENTENCE_CHARS_MAX));
    let mut text = lines.join("\n");
    text.push('\n');
    text
}

/// `G-single-item of key x`.
fn title(found: &FoundAnomaly) -> String {
    let key = found.key.as_deref().map(|key| format!(" of key {}", harmless(&plain(key))));
    format!("{}{}", harmless(&found.name), key.unwrap_or_default())
}

/// A cycle in one line: `T4 -rw x-> T9 -realtime-> T4`.
fn round(evidence: &AnomalyEvidence, found: &FoundAnomaly) -> Option<String> {
    let name = |op: usize| evidence.ops.get(op).map_or_else(|| "?".to_owned(), op_name);
    let first = found.edges.first()?;
    let mut line = format!("  {}", name(first.from));
    for edge in found.edges.iter().take(ANOMALY_TXNS_MAX) {
        let key = edge.key.as_deref().map(|key| format!(" {}", plain(key)));
        let why = harmless(&format!("{}{}", edge.kind, key.unwrap_or_default()));
        let _ = write!(line, " -{why}-> {}", name(edge.to));
    }
    if found.edges.len() > ANOMALY_TXNS_MAX {
        line.push_str(" ...");
    }
    Some(line)
}

/// What the anomalies say of the models.
fn models(evidence: &AnomalyEvidence) -> String {
    let list = |names: &[String]| match names {
        [] => "none".to_owned(),
        names => names.iter().map(|name| harmless(name)).collect::<Vec<_>>().join(", "),
    };
    let implied = match evidence.also_not.len() {
        0 => String::new(),
        count => format!(" and {count} stronger ones"),
    };
    let may_hold = list(&evidence.may_hold);
    format!("  broken: {}{implied}; may still hold: {may_hold}", list(&evidence.not))
}

/// Every anomaly of the evidence with its definition, its sentence and its edges.
fn anomalies_in_full(evidence: &AnomalyEvidence) -> String {
    let mut text = String::new();
    for found in &evidence.found {
        let count = found.count.filter(|count| *count > 1);
        let count = count.map_or(String::new(), |count| format!(", one of {count}"));
        let _ = writeln!(text, "{}{count}", title(found));
        if let Some(known) = definition(&found.name) {
            let _ = writeln!(text, "  in general: {} ({})", known.sentence, known.source);
        }
        let _ = writeln!(text, "  {}", harmless_up_to(&found.sentence, SENTENCE_CHARS_MAX));
        for op in found.ops.iter().filter_map(|op| evidence.ops.get(*op)) {
            let _ = writeln!(text, "{}", transaction(op));
        }
        for edge in &found.edges {
            let name = |op: usize| evidence.ops.get(op).map_or_else(|| "?".to_owned(), op_name);
            let (from, to) = (name(edge.from), name(edge.to));
            let (kind, reason) = (harmless(&edge.kind), harmless(&edge.reason));
            let _ = writeln!(text, "  {from:>7} -{kind}-> {to:<7} {reason}");
        }
        text.push('\n');
    }
    let list =
        |names: &[String]| names.iter().map(|name| harmless(name)).collect::<Vec<_>>().join(", ");
    for (what, names) in [
        ("anomalies", &evidence.types),
        ("weakest models broken", &evidence.not),
        ("broken by implication", &evidence.also_not),
        ("strongest that may still hold", &evidence.may_hold),
    ] {
        let _ = writeln!(text, "{what}: {}", list(names));
    }
    text
}

/// A transaction under the name that the sentences give it.
fn transaction(op: &EvidenceOp) -> String {
    let seconds = |ns: u64| ns as f64 / 1e9;
    let end = op.complete_ns.map_or("    ...  ".into(), |ns| format!("{:9.4}", seconds(ns)));
    format!(
        "  {:<8} {:9.4} ..{end} s  process {:<5} {:<4} {}",
        op_name(op),
        seconds(op.invoke_ns),
        harmless(&op.process),
        harmless(&op.outcome),
        harmless(&op.text),
    )
}

/// All of the evidence: what was possible before, the longest legal order, and what cannot follow.
pub fn explanation(evidence: &Evidence) -> String {
    let mut text = String::new();
    if let Evidence::Anomalies(anomalies) = evidence {
        text = anomalies_in_full(anomalies);
        let _ = writeln!(text, "{}", harmless_up_to(&anomalies.sentence, SENTENCE_CHARS_MAX));
        return text;
    }
    for op in evidence.ops() {
        let _ = writeln!(text, "{}", operation(op));
        if let Some(note) = &op.note {
            let _ = writeln!(text, "           ({})", harmless(note));
        }
    }
    if let Evidence::Order(order) = evidence
        && !order.steps.is_empty()
    {
        let states: Vec<String> = order.states_before.iter().map(|s| harmless(s)).collect();
        let _ = writeln!(text, "possible before: {}", states.join(" or "));
        let _ = writeln!(text, "the longest legal order, and what cannot follow:");
        for step in &order.steps {
            let Some(op) = order.ops.get(step.op) else { continue };
            let (before, what) = (harmless(&step.before), harmless(&op.text));
            let then = match (&step.after, &step.why_not) {
                (Some(after), _) => format!("then {}", harmless(after)),
                (None, why) => format!("no: {}", harmless(why.as_deref().unwrap_or_default())),
            };
            let _ = writeln!(text, "  {before:>12} | {what} | {then}");
        }
    }
    let _ = writeln!(text, "{}", harmless(evidence.sentence()));
    text
}

fn operation(op: &EvidenceOp) -> String {
    let seconds = |ns: u64| ns as f64 / 1e9;
    let end = op.complete_ns.map_or("    ...  ".into(), |ns| format!("{:9.4}", seconds(ns)));
    format!(
        "  #{:<7} {:9.4} ..{end} s  {:<3} process {:<5} {:<4} {}",
        op.invoke_index,
        seconds(op.invoke_ns),
        harmless(op.node.as_deref().unwrap_or("-")),
        op.process,
        op.outcome,
        harmless(&op.text),
    )
}

fn stuck(order: &OrderEvidence) -> Option<String> {
    let step = order.steps.iter().find(|step| step.why_not.is_some())?;
    let op = order.ops.get(step.op)?;
    let why = step.why_not.as_deref()?;
    let others = match order.other_orders.len() + order.more_orders {
        0 => String::new(),
        1 => " (and one other order ends as well)".to_owned(),
        others => format!(" (and {others} other orders end as well)"),
    };
    Some(format!(
        "  the longest legal order leaves {} when {} comes: {}{others}",
        harmless(&step.before),
        harmless(&op.text),
        harmless(why)
    ))
}

/// Counts of outcomes by function.
pub fn outcomes(stats: &Stats) -> String {
    let mut table = Builder::default();
    table.push_record(["operation", "ok", "fail", "info"]);
    for counts in &stats.functions {
        table.push_record([
            harmless(&counts.f),
            counts.ok.to_string(),
            counts.fail.to_string(),
            counts.info.to_string(),
        ]);
    }
    let sum = |count: fn(&Counts) -> u64| -> String {
        stats.functions.iter().map(count).sum::<u64>().to_string()
    };
    table.push_record(["all".into(), sum(|c| c.ok), sum(|c| c.fail), sum(|c| c.info)]);
    let mut table = table.build();
    table.with(Style::sharp()).with(Modify::new(Columns::new(1..)).with(Alignment::right()));
    table.to_string()
}

/// Rows under headings.
pub fn listing<const N: usize>(headings: [&str; N], rows: &[[String; N]]) -> String {
    let mut table = Builder::default();
    table.push_record(headings);
    for row in rows {
        table.push_record(row.iter().map(|cell| wrap(cell, 76)));
    }
    table.build().with(Style::sharp()).to_string()
}

/// `12 keys`; but `decided by: zones`.
fn figure(name: &str, value: &str) -> String {
    let count = value.starts_with(|c: char| c.is_ascii_digit());
    if count { format!("{value} {name}") } else { format!("{name}: {value}") }
}

fn figures(judgement: &Judgement) -> String {
    let figures: Vec<String> =
        judgement.figures.iter().map(|(name, value)| figure(name, value)).collect();
    figures.join(", ")
}

/// Breaks a text into lines of at most so many characters, at spaces where there are some.
fn wrap(text: &str, width: usize) -> String {
    let mut wrapped = String::new();
    let mut column = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > width {
            wrapped.push('\n');
            column = 0;
        } else if column > 0 {
            wrapped.push(' ');
            column += 1;
        }
        wrapped.push_str(word);
        column += length;
    }
    wrapped
}

#[cfg(test)]
mod tests {
    use super::{counterexample, explanation, harmless, wrap};
    use checkers::verdict::{
        AnomalyEvidence, Evidence, EvidenceEdge, EvidenceOp, FoundAnomaly, OrderEvidence,
    };

    fn op(index: usize) -> EvidenceOp {
        EvidenceOp {
            invoke_index: index,
            complete_index: Some(index + 1),
            process: "3".into(),
            node: Some("n1".into()),
            f: "write".into(),
            text: format!("write {index}"),
            outcome: "ok".into(),
            invoke_ns: 1_000_000 * index as u64,
            complete_ns: None,
            note: None,
        }
    }

    #[test]
    fn a_counterexample_never_takes_more_than_twelve_lines() {
        for ops in [1, 4, 10, 11, 40] {
            let evidence = Evidence::Order(OrderEvidence {
                key: Some("7".into()),
                ops: (0..ops).map(op).collect(),
                states_before: vec!["nil".into()],
                steps: Vec::new(),
                other_orders: Vec::new(),
                more_orders: 0,
                sentence: "no order works".into(),
            });
            let text = counterexample(&evidence);
            assert!(text.lines().count() <= 12, "{text}");
            assert!(text.ends_with("no order works\n"));
            assert_eq!(text.contains("more in the report"), ops > 10, "{text}");
        }
    }

    fn anomaly(txns: usize, sentence: &str) -> Evidence {
        let edge = |from: usize| EvidenceEdge {
            from,
            to: (from + 1) % txns,
            kind: "rw".into(),
            key: Some("\"x\"".into()),
            from_mop: None,
            to_mop: None,
            reason: "T1 read nothing".into(),
        };
        let found = FoundAnomaly {
            name: "G2-item".into(),
            key: Some("\"x\"".into()),
            ops: (0..txns).collect(),
            edges: (0..txns).map(edge).collect(),
            count: None,
            sentence: sentence.into(),
        };
        Evidence::Anomalies(AnomalyEvidence {
            found: vec![found; 3],
            types: vec!["G2-item".into()],
            not: vec!["repeatable-read".into()],
            also_not: vec!["serializable".into(), "strong-serializable".into()],
            may_hold: vec!["snapshot-isolation".into()],
            ops: (0..txns).map(op).collect(),
            mops: Vec::new(),
            sentence: sentence.into(),
        })
    }

    #[test]
    fn an_anomaly_is_told_in_at_most_twelve_lines_and_in_full_where_asked() {
        for txns in [2, 6, 7, 40] {
            let text = counterexample(&anomaly(txns, "they contradict each other"));
            assert!(text.lines().count() <= 12, "{text}");
            assert_eq!(text.contains("more in the report"), txns > 6, "{text}");
            for said in [
                "G2-item of key x, the smallest of 3 anomalies:\n  T1 ",
                "  T1 -rw x-> T2 -rw x-> ",
                "broken: repeatable-read and 2 stronger ones; may still hold: snapshot-isolation",
            ] {
                assert!(text.contains(said), "{said}: {text}");
            }
        }
        let text = explanation(&anomaly(2, "\u{1b}[2J"));
        assert_eq!(text.matches("in general: a cycle with at least one").count(), 3, "{text}");
        assert!(text.contains("broken by implication: serializable, strong-serializable\n"));
        assert!(!text.contains('\u{1b}'));
    }

    #[test]
    fn a_system_under_test_cannot_write_to_the_terminal() {
        assert_eq!(harmless("\u{1b}[31mred\u{7}"), "\u{fffd}[31mred\u{fffd}");
        assert!(harmless(&"x".repeat(10_000)).chars().count() <= 161);
    }

    #[test]
    fn long_texts_are_broken_at_spaces() {
        assert_eq!(wrap("one two three", 7), "one two\nthree");
        assert_eq!(wrap("unbreakable", 4), "unbreakable");
    }
}
