//! A synthetic run: nothing of it ever happened. A seeded stream of latencies, faults, leaders and
//! lost operations, shaped like a real one, for specimens and for tests of size.

use checkers::history::notes::{FaultNote, FaultStep, Note, Phase};
use checkers::history::{Datum, Event, EventType, History, Process};
use checkers::verdict::{Evidence, EvidenceOp, EvidenceStep, Judgement, OrderEvidence, Verdict};
use reports::RunFacts;
use std::collections::BTreeMap;

pub(crate) const MS: u64 = 1_000_000;
/// Nobody begins anything after this.
const RUN_NS: u64 = 29_600 * MS;
const CLIENTS: u32 = 10;
const KEYS: u64 = 24;
/// The clients that act the planted contradiction, and when.
const ACTORS: [u32; 4] = [2, 3, 6, 8];
pub(crate) const SCENE_NS: u64 = 17_900 * MS;
const SCENE_LENGTH_NS: u64 = 60 * MS;

/// A small portable generator (splitmix64): the same run on every machine.
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// Mostly near the middle, now and then far above it.
    fn latency(&mut self, middle_ns: u64) -> u64 {
        let uniform = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        let spread = (-(1.0 - uniform).ln()).powf(1.4);
        (middle_ns as f64 * (0.45 + 0.55 * spread)) as u64
    }
}

/// A fault of the specimen: times in ms, name, words.
struct Planned(u64, u64, &'static str, &'static str, &'static str);

const FAULTS: [Planned; 6] = [
    Planned(3_000, 6_400, "partition-halves", "cut n1 n2 | n3 n4 n5", "18 probes lost of 18"),
    Planned(8_100, 9_900, "kill-leader", "kill n3, restart after 1.8 s", "process gone, exit 137"),
    Planned(12_000, 15_300, "slow-links", "delay 40 ms ± 15 ms, loss 3 %", "median probe 83 ms"),
    Planned(13_600, 16_200, "pause-random", "pause n5", "no answer for 2.6 s"),
    Planned(17_700, 20_900, "partition-leader", "cut n4 | n1 n2 n3 n5", "12 probes lost of 12"),
    Planned(
        23_000,
        25_000,
        "bridge",
        "n1 n2 | n3 | n4 n5, n3 sees both",
        "not every probe decided",
    ),
];

const LEADERS: [(u64, &str); 6] =
    [(400, "n1"), (3_350, "n3"), (8_420, "n2"), (13_950, "n4"), (18_130, "n2"), (23_600, "n3")];

/// How the service feels at a time: the middle latency, and how many of 1000 are lost or refused.
fn weather(now_ns: u64) -> (u64, u64, u64) {
    let ms = now_ns / MS;
    let electing = [(3_000, 3_350), (8_100, 8_420), (13_600, 13_950), (17_700, 18_130)];
    if electing.iter().any(|(from, to)| (*from..*to).contains(&ms)) {
        return (60 * MS, 60, 220);
    }
    match FAULTS.iter().position(|fault| (fault.0..fault.1).contains(&ms)) {
        Some(2) => (62 * MS, 6, 2),
        Some(_) => (4 * MS, 5, 25),
        None => (2 * MS, 0, 1),
    }
}

/// Events with times, made history in the order of time.
#[derive(Default)]
struct Script {
    lines: Vec<Line>,
}

/// One event; `extra` is the node of an invocation, or the error of a completion.
#[derive(Clone)]
struct Line {
    time_ns: u64,
    process: u32,
    kind: EventType,
    f: &'static str,
    key: u64,
    datum: Datum,
    extra: String,
}

impl Script {
    fn add(&mut self, line: Line) {
        self.lines.push(line);
    }
}

/// A run of about so many operations in 30 seconds.
pub(crate) fn history(operations: usize) -> History {
    let mut draw = Draw(7);
    let mut script = Script::default();
    let each = operations / CLIENTS as usize;
    for client in 0..CLIENTS {
        act(&mut script, &mut draw, client, each);
    }
    scene(&mut script);
    script.lines.sort_by_key(|line| line.time_ns);
    let mut history = History::new();
    let mut notes = notes();
    notes.sort_by_key(|(time_ns, _)| *time_ns);
    let mut notes = notes.into_iter().peekable();
    for line in script.lines {
        let Line { time_ns, process, kind, f, key, datum, extra } = line;
        while let Some((note_ns, note)) = notes.next_if(|(note_ns, _)| *note_ns <= time_ns) {
            let event = note.to_event(note_ns, &mut history.symbols);
            history.push(event);
        }
        let is_invoke = kind == EventType::Invoke;
        let value = history.compact(&datum);
        let mut intern = |text: &str| (!text.is_empty()).then(|| history.symbols.intern(text));
        let event = Event {
            time_ns,
            value,
            process: Process::client(process),
            node: intern(if is_invoke { &extra } else { "" }),
            error: intern(if is_invoke { "" } else { &extra }),
            key: intern(&key.to_string()),
            f: history.symbols.intern(f),
            kind,
        };
        history.push(event);
    }
    for (note_ns, note) in notes {
        let event = note.to_event(note_ns, &mut history.symbols);
        history.push(event);
    }
    history
}

/// One client's operations: think, ask, wait, and now and then lose one.
fn act(script: &mut Script, draw: &mut Draw, client: u32, count: usize) {
    let pace_ns = 27_000 * MS / count as u64;
    let (mut now_ns, mut process) = (500 * MS + draw.below(pace_ns), client);
    for turn in 0..count {
        if now_ns > RUN_NS {
            break;
        }
        let (middle_ns, lost, refused) = weather(now_ns);
        let due_ns = 500 * MS + turn as u64 * pace_ns + draw.below(pace_ns / 2 + 1);
        now_ns = now_ns.max(due_ns);
        let scene_end_ns = SCENE_NS + SCENE_LENGTH_NS;
        if ACTORS.contains(&client) && now_ns + 200 * MS > SCENE_NS && now_ns < scene_end_ns {
            now_ns = scene_end_ns + draw.below(MS);
        }
        let key = draw.below(KEYS);
        let (f, argument) = match draw.below(10) {
            0..5 => ("read", Datum::Nil),
            5..8 => ("write", Datum::Int(draw.below(5) as i64)),
            _ => ("cas", Datum::Pair(draw.below(5) as i64, draw.below(5) as i64)),
        };
        let node = format!("n{}", 1 + draw.below(5));
        let line = |time_ns, kind, datum, extra: &str| Line {
            time_ns,
            process,
            kind,
            f,
            key,
            datum,
            extra: extra.to_owned(),
        };
        script.add(line(now_ns, EventType::Invoke, argument.clone(), &node));
        let fate = draw.below(1_000);
        // A slower pace in proportion when operations are many: latencies must fit.
        let latency_ns = draw.latency(middle_ns).min(150 * MS) * pace_ns.min(5 * MS) / (5 * MS);
        let latency_ns = latency_ns + 1_000;
        if fate < lost && f != "read" {
            now_ns += 150 * MS * pace_ns.min(5 * MS) / (5 * MS);
            let said = "timed out";
            script.add(line(now_ns, EventType::Info, argument, said));
            process += CLIENTS;
        } else if fate < lost + refused {
            now_ns += latency_ns / 2;
            let said = "not the leader, and no leader known";
            script.add(line(now_ns, EventType::Fail, argument, said));
        } else {
            now_ns += latency_ns;
            let result = if f == "read" { Datum::Int(draw.below(5) as i64) } else { argument };
            script.add(line(now_ns, EventType::Ok, result, ""));
        }
    }
}

/// The key of the planted contradiction, which nobody else touches.
const SCENE_KEY: u64 = 99;

/// Client, beginning, end, function, argument, result, node.
type SceneOp = (u32, u64, u64, &'static str, Datum, Datum, &'static str);

/// What the actors do, in microseconds from the scene's start.
const SCENE: [SceneOp; 5] = [
    (2, 1_000, 3_100, "write", Datum::Int(3), Datum::Int(3), "n4"),
    (3, 4_000, 21_800, "write", Datum::Int(4), Datum::Int(4), "n2"),
    (6, 9_500, 17_400, "read", Datum::Nil, Datum::Int(3), "n5"),
    (8, 24_300, 26_050, "read", Datum::Nil, Datum::Int(4), "n2"),
    (6, 31_200, 32_900, "read", Datum::Nil, Datum::Int(3), "n4"),
];

fn scene(script: &mut Script) {
    // The actors' process numbers lie far above those that lost operations leave behind.
    for (client, from_us, to_us, f, argument, result, node) in &SCENE {
        let process = client + CLIENTS * 5_000;
        let (start_ns, end_ns) = (SCENE_NS + from_us * 1_000, SCENE_NS + to_us * 1_000);
        let line = |time_ns, kind, datum: &Datum, extra: &str| Line {
            time_ns,
            process,
            kind,
            f,
            key: SCENE_KEY,
            datum: datum.clone(),
            extra: extra.to_owned(),
        };
        script.add(line(start_ns, EventType::Invoke, argument, node));
        script.add(line(end_ns, EventType::Ok, result, ""));
    }
}

fn notes() -> Vec<(u64, Note)> {
    let phases = [
        (0, Phase::Main),
        (26_000, Phase::Heal),
        (26_300, Phase::Settle),
        (28_000, Phase::FinalReads),
        (29_900, Phase::Done),
    ];
    let mut notes: Vec<(u64, Note)> =
        phases.into_iter().map(|(ms, phase)| (ms * MS, Note::Phase(phase))).collect();
    for (term, (ms, node)) in (1..).zip(LEADERS) {
        notes.push((ms * MS, Note::Leader { node: node.to_owned(), term }));
    }
    for (id, Planned(start_ms, stop_ms, fault, asked, seen)) in (1..).zip(FAULTS) {
        let note = |step, text: &str, seen: serde_json::Value| {
            Note::Fault(FaultNote {
                id,
                fault: fault.to_owned(),
                step,
                text: text.to_owned(),
                seen,
            })
        };
        let installed =
            if fault == "bridge" { FaultStep::Indeterminate } else { FaultStep::Installed };
        let evidence = serde_json::json!({ "probes": seen });
        notes.push((start_ms * MS - 40 * MS, note(FaultStep::Asked, asked, ().into())));
        notes.push((start_ms * MS, note(installed, seen, evidence)));
        let healed = "every probe passes again";
        notes.push((stop_ms * MS, note(FaultStep::Healed, healed, ().into())));
    }
    let skipped = FaultNote {
        id: 7,
        fault: "clock-skew".to_owned(),
        step: FaultStep::Skipped,
        text: "clocks cannot be set here: no permission".to_owned(),
        seen: ().into(),
    };
    notes.push((25_500 * MS, Note::Fault(skipped)));
    notes
}

pub(crate) fn facts(operations: usize) -> RunFacts {
    RunFacts {
        run: "synthetic-specimen/not-a-real-run".to_owned(),
        target: "raft (synthetic specimen)".to_owned(),
        bug: None,
        workload: "register".to_owned(),
        faults: FAULTS.iter().map(|fault| fault.2.to_owned()).collect(),
        environment: "none: a generated history".to_owned(),
        environment_warning: Some(
            "This is a synthetic specimen: no system was on trial, every operation is generated."
                .to_owned(),
        ),
        simulated: false,
        seed: 7,
        nodes: 5,
        clients: CLIENTS,
        main_phase_ms: 26_000,
        started_at: "2026-01-01T00:00:00Z".to_owned(),
        version: "0.1.0".to_owned(),
        interrupted: false,
        history_damage: None,
        repeat_command: format!("cargo run -p reports --example specimen -- {operations}"),
        check_command: "tribunal check store/latest/history.jsonl".to_owned(),
        options: vec![("reads".to_owned(), "lease".to_owned())],
    }
}

const CLAIM: &str = "raft claims a linearizable kv";

fn figures(history: &History) -> Vec<(String, String)> {
    [
        ("keys checked", (KEYS + 1).to_string()),
        ("events", history.len().to_string()),
        ("configurations explored", "1 204 377".to_owned()),
        ("share of the budget", "0.6 %".to_owned()),
    ]
    .map(|(label, figure)| (label.to_owned(), figure))
    .into()
}

fn judgement(checker: &str, claim: &str, verdict: Verdict, history: &History) -> Judgement {
    let (checker, claim) = (checker.to_owned(), claim.to_owned());
    Judgement { checker, claim, verdict, figures: figures(history) }
}

/// What checkers would have said, with the planted contradiction found or overlooked.
pub(crate) fn judgements(history: &History, is_found: bool) -> Vec<Judgement> {
    let evidence = Box::new(Evidence::Order(evidence(history)));
    let verdict = if is_found { Verdict::Invalid { evidence } } else { Verdict::Valid };
    vec![
        judgement("linearizable", CLAIM, verdict, history),
        judgement("vacuity", "the run could have found something", Verdict::Valid, history),
    ]
}

/// The scene as evidence, found again in the history.
fn evidence(history: &History) -> OrderEvidence {
    let key = history.symbols.get(&SCENE_KEY.to_string());
    let mut open: BTreeMap<Process, usize> = BTreeMap::new();
    let mut ops: Vec<EvidenceOp> = Vec::new();
    for (index, event) in history.events().iter().enumerate() {
        if event.key != key || key.is_none() {
            continue;
        }
        let f = history.text(event.f);
        if event.kind == EventType::Invoke {
            open.insert(event.process, ops.len());
            ops.push(EvidenceOp {
                invoke_index: index,
                complete_index: None,
                process: event.process.to_string(),
                node: event.node.map(|node| history.text(node).to_owned()),
                f: f.to_owned(),
                text: f.to_owned(),
                outcome: "ok".to_owned(),
                invoke_ns: event.time_ns,
                complete_ns: None,
                note: None,
            });
        } else {
            let op = &mut ops[open[&event.process]];
            op.complete_index = Some(index);
            op.complete_ns = Some(event.time_ns);
            let arrow = if f == "read" { "->" } else { "" };
            let words = format!("{f} {arrow} {}", history.datum(event.value));
            op.text = words.replace("  ", " ");
        }
    }
    let step = |op, before: &str, after: Option<&str>, why_not: Option<&str>| EvidenceStep {
        op,
        before: before.to_owned(),
        after: after.map(str::to_owned),
        why_not: why_not.map(str::to_owned),
    };
    OrderEvidence {
        key: Some(SCENE_KEY.to_string()),
        ops,
        states_before: vec!["nil".to_owned()],
        steps: vec![
            step(0, "nil", Some("3"), None),
            step(2, "3", Some("3"), None),
            step(1, "3", Some("4"), None),
            step(3, "4", Some("4"), None),
            step(4, "4", None, Some("reads 3, but the register holds 4")),
        ],
        other_orders: vec![vec![
            step(0, "nil", Some("3"), None),
            step(1, "3", Some("4"), None),
            step(3, "4", Some("4"), None),
            step(2, "4", None, Some("reads 3, but the register holds 4")),
        ]],
        more_orders: 2,
        sentence: "The last read returned 3 from n4 although write 4 had completed and a read had \
                   already returned 4: no order of these five operations explains it."
            .to_owned(),
    }
}
