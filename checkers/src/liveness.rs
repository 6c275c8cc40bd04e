//! Liveness: once nothing hinders it any more, a system answers within a bound.
//!
//! Safety alone is cheap: a cluster that never answers never answers wrongly. After every fault is
//! undone, a majority that lives and is connected must elect a leader and serve; the final reads
//! ask it to.
//!
//! ```text
//!   main phase, faults | heal | settle | final reads                              | done
//!                              x        r---x r---x r---x r---x r---x r---x r---x
//!                              ^ healed ^ from       the longest stretch    until ^
//! ```
//!
//! What is measured is a *stretch*: time in which at every moment an attempt was open, or one had
//! failed within [`ASKED_AGAIN_WITHIN_MS`]. Somebody who asks once at the beginning and once at
//! the end has not asked for long. Two findings are violations: the first answer to anybody took
//! longer than the bound, and a key that nobody ever got an answer for was asked for longer than
//! the bound.
//!
//! Nobody is accused who may have an excuse: an interrupted run, a fault that was not seen to be
//! undone, a majority that died by itself, attempts that were given up early. Those are `unknown`.

use crate::history::notes::{FaultNote, FaultStep, Note, Phase};
use crate::history::pairing::{self, Operation};
use crate::history::{Event, EventType, History, Symbol};
use crate::stats;
use crate::verdict::{Evidence, EvidenceOp, Judgement, LeadersSeen, SilenceEvidence, Verdict};
use crate::words::{quoted, seconds};
use std::collections::{BTreeMap, BTreeSet};

/// How long a cluster may take to answer once nothing hinders it, for runs whose final reads try
/// for ten seconds.
///
/// It could hardly be shorter: elections time out after some 150 to 300 ms, so that even twenty
/// split votes in a row fit in, and the cluster had the time to heal and settle besides. It could
/// hardly be longer: the last attempts of the final reads begin before ten seconds are over, by at
/// most one time-out of an operation and one pause. The 2 s between are room for those, so that a
/// cluster that never answers is always asked for longer than the bound.
pub const LIVENESS_BOUND_MS: u64 = 8_000;

/// Attempts that are farther apart than this do not belong to one stretch.
pub const ASKED_AGAIN_WITHIN_MS: u64 = 2_000;

/// Attempts that are shown from the beginning of the silence, and as many from its end.
const ATTEMPTS_SHOWN_PER_END: usize = 3;

/// Different errors that are listed; the sentence names the first two.
const ERRORS_MAX: usize = 8;

/// The most that is quoted of a text, in characters.
const TEXT_CHARS_MAX: usize = 60;

const NS_PER_MS: u64 = 1_000_000;

/// Judges whether the target answered within `bound_ms` after every fault was undone.
///
/// # Panics
/// As [`pairing::operations`] does.
pub fn check(target: &str, history: &History, bound_ms: u64) -> Judgement {
    let scene = Scene::of(history);
    let operations = pairing::operations(history);
    let attempts = attempts(history, &operations, &scene);
    let answered = attempts.iter().filter(|attempt| attempt.ok).count();
    let wait_ns = stretch(&attempts);
    let verdict = verdict(history, &scene, &operations, &attempts, bound_ms);
    let figures = [
        ("attempts after the heal", attempts.len().to_string()),
        ("answered", answered.to_string()),
        ("ms until the first answer, or of silence", milliseconds(wait_ns).to_string()),
        ("ms allowed", bound_ms.to_string()),
    ];
    Judgement {
        checker: "liveness".to_owned(),
        claim: format!("{target} answers within {bound_ms} ms once no fault is in force"),
        verdict,
        figures: figures.map(|(name, figure)| (name.to_owned(), figure)).to_vec(),
    }
}

fn milliseconds((from_ns, until_ns): (u64, u64)) -> u64 {
    (until_ns - from_ns) / NS_PER_MS
}

/// What the notes of a history say about whether the system can be asked to answer.
#[derive(Debug, Default)]
struct Scene {
    /// The index of the note after which nothing hinders it, once there is one.
    calm_index: Option<usize>,
    healed_ns: u64,
    /// Faults that were begun and not seen to be undone.
    in_force: BTreeMap<u32, String>,
    nodes: BTreeSet<Symbol>,
    /// Nodes that died by themselves and have shown no life since.
    dead: BTreeSet<Symbol>,
    leaders: Vec<Leader>,
}

#[derive(Debug)]
struct Leader {
    node: String,
    term: u64,
    time_ns: u64,
}

impl Scene {
    fn of(history: &History) -> Self {
        let mut scene = Self::default();
        for (index, event) in history.events().iter().enumerate() {
            scene.nodes.extend(event.node);
            match Note::from_event(history, event) {
                Some(Note::Phase(Phase::Heal)) => {
                    scene.healed_ns = event.time_ns;
                    // The heal starts whoever is dead, and says once more who cannot be started.
                    scene.dead.clear();
                }
                Some(Note::Phase(Phase::FinalReads)) => scene.calm_index = Some(index),
                Some(Note::Phase(_)) => {}
                Some(Note::Fault(note)) => match note.step {
                    FaultStep::HealFailed if !hinders(&note) => {
                        scene.in_force.remove(&note.id);
                    }
                    FaultStep::Skipped | FaultStep::Healed => {
                        scene.in_force.remove(&note.id);
                        scene.healed_ns = scene.healed_ns.max(event.time_ns);
                        scene.calm_index = scene.calm_index.map(|_| index);
                    }
                    _ => _ = scene.in_force.insert(note.id, note.fault),
                },
                Some(Note::Died { .. }) => scene.dead.extend(event.node),
                Some(Note::Leader { node, term }) => {
                    scene.lives(event);
                    scene.leaders.push(Leader { node, term, time_ns: event.time_ns });
                }
                Some(Note::Reached { .. }) => scene.lives(event),
                // Whoever acknowledges lives. A failure may come from the client itself.
                None if event.kind == EventType::Ok => scene.lives(event),
                None => {}
            }
        }
        scene
    }

    fn lives(&mut self, event: &Event) {
        if let Some(node) = event.node {
            self.dead.remove(&node);
        }
    }

    /// Why nothing can be asked of the system, or too little was asked.
    fn excuse(&self, history: &History) -> Option<String> {
        if self.calm_index.is_none() {
            return Some("nothing was asked after the faults: the final reads are missing".into());
        }
        if let Some(interrupted) = stats::interrupted(history) {
            return Some(interrupted);
        }
        if let Some((id, fault)) = self.in_force.first_key_value() {
            let fault = quoted(fault, TEXT_CHARS_MAX);
            return Some(format!(
                "fault {id} ({fault}) was not seen to be undone, and it may be what hinders the \
                 system"
            ));
        }
        let (nodes, dead) = (self.nodes.len(), self.dead.len());
        (dead > 0 && (nodes - dead) * 2 <= nodes)
            .then(|| format!("{dead} of {nodes} nodes died by themselves: no majority is left"))
    }
}

/// Whether a fault that is not undone can be what hinders the system. A change of members is undone
/// by asking the system itself: that it does not answer is no excuse for not answering.
fn hinders(note: &FaultNote) -> bool {
    note.seen["hinders"] != serde_json::Value::Bool(false)
}

/// An operation that the calm system was asked for.
#[derive(Clone, Copy, Debug)]
struct Attempt {
    /// Its position among the operations.
    at: usize,
    key: Option<Symbol>,
    invoke_ns: u64,
    /// When it completed; one that never did was waited for until the end.
    end_ns: u64,
    ok: bool,
}

fn attempts(history: &History, operations: &[Operation], scene: &Scene) -> Vec<Attempt> {
    let events = history.events();
    let end_ns = events.last().map_or(0, |event| event.time_ns);
    let Some(calm_index) = scene.calm_index else { return Vec::new() };
    let calm = operations.partition_point(|operation| operation.invoke_index() < calm_index);
    let attempts = operations[calm..].iter().enumerate().map(|(offset, operation)| {
        let invoke = &events[operation.invoke_index()];
        let complete = operation.complete_index().map(|index| &events[index]);
        Attempt {
            at: calm + offset,
            key: invoke.key,
            invoke_ns: invoke.time_ns,
            end_ns: complete.map_or(end_ns, |event| event.time_ns),
            ok: operation.outcome(history) == EventType::Ok,
        }
    });
    attempts.collect()
}

/// The longest stretch of asking before the first answer; see the module's page.
fn stretch<'a>(attempts: impl IntoIterator<Item = &'a Attempt> + Clone) -> (u64, u64) {
    let answered = attempts.clone().into_iter().filter(|attempt| attempt.ok);
    let answer_ns = answered.map(|attempt| attempt.end_ns).min().unwrap_or(u64::MAX);
    let mut longest = (0, 0);
    let mut current: Option<(u64, u64)> = None;
    for attempt in attempts {
        if attempt.invoke_ns >= answer_ns {
            break;
        }
        let end_ns = attempt.end_ns.min(answer_ns);
        let (from_ns, until_ns) = current
            .filter(|(_, until_ns)| {
                attempt.invoke_ns <= until_ns + ASKED_AGAIN_WITHIN_MS * NS_PER_MS
            })
            .unwrap_or((attempt.invoke_ns, attempt.invoke_ns));
        let stretch = (from_ns, until_ns.max(end_ns));
        current = Some(stretch);
        if stretch.1 - stretch.0 > longest.1 - longest.0 {
            longest = stretch;
        }
    }
    longest
}

fn verdict(
    history: &History,
    scene: &Scene,
    operations: &[Operation],
    attempts: &[Attempt],
    bound_ms: u64,
) -> Verdict {
    if let Some(why) = scene.excuse(history) {
        return Verdict::Unknown { why };
    }
    if attempts.is_empty() {
        return Verdict::Unknown { why: "nothing was asked after every fault was undone".into() };
    }
    let silence = Silence { history, scene, operations, bound_ms };
    let whole = stretch(attempts);
    if milliseconds(whole) >= bound_ms {
        return silence.verdict(None, attempts, whole);
    }
    let mut keys: BTreeMap<Option<Symbol>, Vec<Attempt>> = BTreeMap::new();
    for attempt in attempts {
        keys.entry(attempt.key).or_default().push(*attempt);
    }
    keys.retain(|_, attempts| attempts.iter().all(|attempt| !attempt.ok));
    let longest = keys.into_iter().max_by_key(|(key, attempts)| {
        // Of equally long ones the first, in the order in which keys were met.
        (milliseconds(stretch(attempts)), std::cmp::Reverse(*key))
    });
    let Some((key, attempts)) = longest else { return Verdict::Valid };
    let span = stretch(&attempts);
    if milliseconds(span) >= bound_ms {
        return silence.verdict(key, &attempts, span);
    }
    let key = key.map_or(String::new(), |key| {
        format!(" for key {}", quoted(history.text(key), TEXT_CHARS_MAX))
    });
    Verdict::Unknown {
        why: format!(
            "there was no answer{key}, but it was asked for {} ms only, and {bound_ms} ms are \
             allowed",
            milliseconds(span)
        ),
    }
}

/// What it takes to tell of a silence.
struct Silence<'a> {
    history: &'a History,
    scene: &'a Scene,
    operations: &'a [Operation],
    bound_ms: u64,
}

impl Silence<'_> {
    fn verdict(&self, key: Option<Symbol>, attempts: &[Attempt], span: (u64, u64)) -> Verdict {
        let (from_ns, until_ns) = span;
        let within: Vec<Attempt> = attempts
            .iter()
            .filter(|attempt| !attempt.ok && (from_ns..=until_ns).contains(&attempt.invoke_ns))
            .copied()
            .collect();
        let last_ok = self.last_ok(key, from_ns);
        let ends = within.len().min(ATTEMPTS_SHOWN_PER_END);
        let tail = within.len().saturating_sub(ATTEMPTS_SHOWN_PER_END).max(ends);
        let shown = within[..ends].iter().chain(&within[tail..]).map(|attempt| attempt.at);
        let mut evidence = SilenceEvidence {
            key: key.map(|key| self.history.text(key).to_owned()),
            ops: last_ok.into_iter().chain(shown).map(|at| self.op(at)).collect(),
            healed_ns: self.scene.healed_ns,
            from_ns,
            until_ns,
            bound_ms: self.bound_ms,
            attempts: within.len() as u64,
            errors: self.errors(&within),
            leaders: self.leaders(until_ns),
            sentence: String::new(),
        };
        evidence.sentence = sentence(&evidence, last_ok.map(|at| self.op(at)).as_ref());
        Verdict::Invalid { evidence: Box::new(Evidence::Silence(evidence)) }
    }

    /// The operation (on this key) whose acknowledgement came last before the silence.
    fn last_ok(&self, key: Option<Symbol>, from_ns: u64) -> Option<usize> {
        let events = self.history.events();
        let acknowledged = self.operations.iter().enumerate().filter_map(|(at, operation)| {
            let complete = operation.complete_index()?;
            let event = &events[complete];
            let fits = key.is_none() || events[operation.invoke_index()].key == key;
            (fits && event.kind == EventType::Ok && event.time_ns <= from_ns)
                .then_some((complete, at))
        });
        acknowledged.max().map(|(_, at)| at)
    }

    fn errors(&self, attempts: &[Attempt]) -> Vec<(String, u64)> {
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for attempt in attempts {
            *counts.entry(self.error(attempt.at).unwrap_or("no answer")).or_default() += 1;
        }
        let mut errors: Vec<(&str, u64)> = counts.into_iter().collect();
        errors.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        errors.truncate(ERRORS_MAX);
        errors.into_iter().map(|(e, count)| (quoted(e, TEXT_CHARS_MAX), count)).collect()
    }

    fn error(&self, at: usize) -> Option<&str> {
        let complete = self.operations[at].complete_index()?;
        self.history.events()[complete].error.map(|error| self.history.text(error))
    }

    fn leaders(&self, until_ns: u64) -> LeadersSeen {
        let before = || self.scene.leaders.iter().filter(|leader| leader.time_ns <= until_ns);
        let since = before().filter(|leader| leader.time_ns >= self.scene.healed_ns);
        LeadersSeen {
            last: before()
                .next_back()
                .map(|leader| (quoted(&leader.node, TEXT_CHARS_MAX), leader.term, leader.time_ns)),
            since_heal: since.count() as u64,
        }
    }

    fn op(&self, at: usize) -> EvidenceOp {
        let (operation, events) = (self.operations[at], self.history.events());
        let invoke = &events[operation.invoke_index()];
        let complete = operation.complete_index();
        let outcome = operation.outcome(self.history);
        let argument = self.history.datum(invoke.value).to_string();
        let f = self.history.text(invoke.f);
        let mut text = if argument == "nil" { f.to_owned() } else { format!("{f} {argument}") };
        if let (EventType::Ok, Some(complete)) = (outcome, complete) {
            let result = self.history.datum(events[complete].value).to_string();
            if result != argument || argument == "nil" {
                text = format!("{text} -> {result}");
            }
        }
        EvidenceOp {
            invoke_index: operation.invoke_index(),
            complete_index: complete,
            process: invoke.process.to_string(),
            node: invoke.node.map(|node| self.history.text(node).to_owned()),
            f: f.to_owned(),
            text: quoted(&text, TEXT_CHARS_MAX),
            outcome: outcome.as_str().to_owned(),
            invoke_ns: invoke.time_ns,
            complete_ns: complete.map(|index| events[index].time_ns),
            note: self.error(at).map(|error| quoted(error, TEXT_CHARS_MAX)),
        }
    }
}

/// What matters first: a terminal cuts it.
fn sentence(evidence: &SilenceEvidence, last_ok: Option<&EvidenceOp>) -> String {
    let what = evidence.key.as_ref().map_or_else(
        || "nothing was answered".to_owned(),
        |key| format!("key {} was not answered, though others were,", quoted(key, TEXT_CHARS_MAX)),
    );
    let silent_ms = milliseconds((evidence.from_ns, evidence.until_ns));
    let errors: Vec<String> = evidence
        .errors
        .iter()
        .take(2)
        .map(|(error, count)| format!("{count} with \"{error}\""))
        .collect();
    let last_ok = last_ok.map_or_else(
        || "nothing had ever been acknowledged before".to_owned(),
        |op| {
            let node = op.node.as_ref().map_or(String::new(), |node| format!(" on {node}"));
            let when = seconds(op.complete_ns.unwrap_or(op.invoke_ns));
            format!("the last one before, {}{node}, was acknowledged at {when}", op.text)
        },
    );
    let leaders = match (&evidence.leaders.last, evidence.leaders.since_heal) {
        (None, _) => "no node ever said that it leads".to_owned(),
        (Some((node, term, ns)), 0) => format!(
            "no node has said that it leads since the heal, the last to do so was {node} in term \
             {term} at {}",
            seconds(*ns)
        ),
        (Some((node, term, ns)), since) => format!(
            "{since} times a node said that it leads since the heal, the last time {node} in term \
             {term} at {}",
            seconds(*ns)
        ),
    };
    format!(
        "No fault was in force from {} on, and yet {what} from {} to {}: {silent_ms} ms, and {} ms \
         are allowed. Attempts that failed: {} ({}); {last_ok}; {leaders}.",
        seconds(evidence.healed_ns),
        seconds(evidence.from_ns),
        seconds(evidence.until_ns),
        evidence.bound_ms,
        evidence.attempts,
        errors.join(", "),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// By definition: of all first and last attempts the two that are farthest apart with nobody
    /// silent for too long between, looked for at every millisecond.
    fn brute_force(attempts: &[Attempt]) -> u64 {
        let answers = attempts.iter().filter(|attempt| attempt.ok);
        let answer_ns = answers.map(|attempt| attempt.end_ns).min().unwrap_or(u64::MAX);
        let before = |attempt: &&Attempt| attempt.invoke_ns < answer_ns;
        let ends = |attempt: &Attempt| attempt.end_ns.min(answer_ns);
        let asked = |ms: u64| {
            let after = |attempt: &Attempt| ends(attempt) / NS_PER_MS + ASKED_AGAIN_WITHIN_MS;
            let begun = |attempt: &&Attempt| attempt.invoke_ns / NS_PER_MS <= ms;
            attempts.iter().filter(before).filter(begun).any(|attempt| ms <= after(attempt))
        };
        let mut longest = 0;
        for first in attempts.iter().filter(before) {
            for last in attempts.iter().filter(before) {
                let (from, until) = (first.invoke_ns / NS_PER_MS, ends(last) / NS_PER_MS);
                if from < until && until - from > longest && (from..=until).all(asked) {
                    longest = until - from;
                }
            }
        }
        longest
    }

    proptest! {
        #[test]
        fn the_longest_stretch_is_what_its_definition_says(
            spans in prop::collection::vec((0_u64..1_500, 0_u64..750, 0_u32..12), 1..9)
        ) {
            // Only even milliseconds: then every gap has an odd one in it that belongs to nobody.
            let mut invoke_ns = 0;
            let attempts: Vec<Attempt> = spans.iter().map(|(gap_ms, length_ms, fate)| {
                invoke_ns += 2 * gap_ms * NS_PER_MS;
                let end_ns = invoke_ns + 2 * length_ms * NS_PER_MS;
                Attempt { at: 0, key: None, invoke_ns, end_ns, ok: *fate == 0 }
            }).collect();
            prop_assert_eq!(milliseconds(stretch(&attempts)), brute_force(&attempts));
        }
    }
}
