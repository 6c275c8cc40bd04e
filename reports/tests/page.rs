//! The page as a whole: its policy, its size, and what hostile texts can do to it.

mod synthetic;
#[path = "synthetic/trace.rs"]
mod trace;
mod transactions;

use base64::Engine as _;
use checkers::history::notes::{FaultNote, FaultStep, Note};
use checkers::history::trace::{Trace, TraceEvent, Traced};
use checkers::history::{Datum, Event, EventType, History, Process};
use checkers::verdict::{
    AnomalyEvidence, Evidence, EvidenceEdge, EvidenceMop, FoundAnomaly, Judgement, LeadersSeen,
    SilenceEvidence, Verdict,
};
use reports::{Limits, ReportError, RunFacts, html};
use sha2::{Digest as _, Sha256};

fn specimen(operations: usize, limits: &Limits) -> String {
    let history = synthetic::history(operations);
    let judgements = synthetic::judgements(&history, true);
    let trace = trace::trace();
    html(&synthetic::facts(operations), &history, &judgements, Some(&trace), limits)
        .expect("a page")
}

fn between<'a>(page: &'a str, open: &str, close: &str) -> &'a str {
    let rest = &page[page.find(open).expect(open) + open.len()..];
    &rest[..rest.find(close).expect(close)]
}

fn policy_hash(source: &str) -> String {
    let hash = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(source));
    format!("'sha256-{hash}'")
}

#[test]
fn the_policy_names_exactly_the_script_and_the_style_of_the_page() {
    let page = specimen(200, &Limits::default());
    let policy = between(&page, "Content-Security-Policy\" content=\"", "\"");
    let policy = policy.replace("&#39;", "'").replace("&#43;", "+");
    assert!(policy.starts_with("default-src 'none';"), "{policy}");
    assert!(policy.contains(&policy_hash(between(&page, "<script>", "</script>"))), "{policy}");
    assert!(policy.contains(&policy_hash(between(&page, "<style>", "</style>"))), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!((page.matches("<script").count(), page.matches("<style").count()), (1, 1));
    // The policy would silently drop these, so a page that has them is broken.
    for forbidden in [" style=\"", " onclick=", " onload=", "javascript:"] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
}

#[test]
fn the_page_loads_nothing() {
    let page = specimen(200, &Limits::default());
    for resource in ["http:", "https:", "src=\"", "@import", "url(http", "fetch(", "XMLHttp"] {
        assert!(!page.contains(resource), "{resource}");
    }
    let links = page.matches("<link").count();
    assert_eq!(links, page.matches("<link rel=\"icon\" href=\"data:,\">").count());
}

#[test]
fn all_of_a_hundred_thousand_operations_fit() {
    let page = specimen(100_000, &Limits::default());
    assert!(page.len() <= 8 << 20, "{} bytes", page.len());
    assert!(!page.contains("Not every operation is in the timeline"));
}

#[test]
fn a_million_operations_fit_or_are_cut_to_the_limit_and_the_page_says_so() {
    let history = synthetic::history(1_000_000);
    assert!(history.len() > 1_800_000, "{} events", history.len());
    let (facts, judgements) = (synthetic::facts(1_000_000), synthetic::judgements(&history, true));
    for (bytes_max, is_cut) in [(8 << 20, false), (3 << 20, true)] {
        let page = html(&facts, &history, &judgements, None, &Limits { bytes_max }).unwrap();
        assert!(page.len() <= bytes_max, "{} bytes", page.len());
        assert!(page.len() > 5 << 19, "{} bytes: the room is used", page.len());
        assert_eq!(page.contains("Not every operation is in the timeline"), is_cut);
    }
}

#[test]
fn a_limit_below_the_facts_is_an_error_and_one_just_above_them_is_a_page() {
    let history = synthetic::history(2_000);
    let (facts, judgements) = (synthetic::facts(2_000), synthetic::judgements(&history, true));
    let Err(ReportError::TooLarge { bytes, .. }) =
        html(&facts, &history, &judgements, None, &Limits { bytes_max: 1_000 })
    else {
        panic!("a page of 1000 bytes");
    };
    let limits = Limits { bytes_max: bytes + 4_000 };
    let page = html(&facts, &history, &judgements, None, &limits).unwrap();
    assert!(page.len() <= limits.bytes_max);
    assert!(page.contains("Not every operation is in the timeline"));
}

/// What a hostile system, operator or checker could write; each has a part that must not survive.
const HOSTILE: [&str; 6] = [
    "<script>alert(1)</script>",
    "</template><img src=x onerror=alert(1)>",
    "\"><svg onload=alert(1)>",
    "'><b id='x",
    "\u{202e}txt.exe\u{0}\u{8}",
    "<!--",
];

fn hostile_history(text: &str) -> History {
    let mut history = History::new();
    let json = Datum::Json(Box::new(serde_json::Value::String(text.to_owned())));
    for (time_ns, process) in [(1_000, 0), (900_000_000, 1)] {
        for (kind, after_ns) in [(EventType::Invoke, 0), (EventType::Info, 2_000)] {
            let value = history.compact(&json);
            let mut symbol = || Some(history.symbols.intern(text));
            let (key, node, error) = (symbol(), symbol(), symbol());
            let f = history.symbols.intern(text);
            history.push(Event {
                time_ns: time_ns + after_ns,
                value,
                process: Process::client(process),
                f,
                key,
                node,
                error: error.filter(|_| kind == EventType::Info),
                kind,
            });
        }
    }
    let text = || text.to_owned();
    let fault = |step| {
        Note::Fault(FaultNote { id: 1, fault: text(), step, text: text(), seen: text().into() })
    };
    let notes = [
        Note::Leader { node: text(), term: 1 },
        Note::Died { node: text(), how: text() },
        fault(FaultStep::Asked),
        fault(FaultStep::Installed),
        fault(FaultStep::HealFailed),
    ];
    for note in notes {
        let event = note.to_event(500_000_000, &mut history.symbols);
        history.push(event);
    }
    history
}

fn hostile_facts(text: &str) -> RunFacts {
    let text = || text.to_owned();
    RunFacts {
        run: text(),
        target: text(),
        bug: Some(text()),
        workload: text(),
        faults: vec![text()],
        environment: text(),
        environment_warning: Some(text()),
        history_damage: Some(text()),
        started_at: text(),
        version: text(),
        repeat_command: text(),
        simulated: true,
        check_command: text(),
        options: vec![(text(), text())],
        ..synthetic::facts(1)
    }
}

fn hostile_judgements(text: &str, history: &History) -> Vec<Judgement> {
    let source = synthetic::history(200);
    let mut judgements = synthetic::judgements(&source, true);
    for judgement in &mut judgements {
        judgement.checker = text.to_owned();
        judgement.claim = text.to_owned();
        judgement.figures = vec![(text.to_owned(), text.to_owned())];
        if let Verdict::Invalid { evidence } = &mut judgement.verdict {
            let Evidence::Order(order) = evidence.as_mut() else { panic!("it is about an order") };
            order.sentence = text.to_owned();
            order.key = Some(text.to_owned());
            order.states_before = vec![text.to_owned()];
            for op in &mut order.ops {
                op.invoke_index += history.len() * 7;
                op.complete_index = None;
                for field in [&mut op.process, &mut op.f, &mut op.text, &mut op.outcome] {
                    text.clone_into(field);
                }
                op.node = Some(text.to_owned());
                op.note = Some(text.to_owned());
            }
            for step in order.steps.iter_mut().chain(order.other_orders.iter_mut().flatten()) {
                step.op *= 3;
                text.clone_into(&mut step.before);
                step.why_not = Some(text.to_owned());
                step.after = step.after.as_ref().map(|_| text.to_owned());
            }
        }
    }
    judgements[1].verdict = Verdict::Unknown { why: text.to_owned() };
    judgements.push(hostile_silence(text, &judgements[0]));
    judgements.push(hostile_anomalies(text, &judgements[0]));
    judgements
}

/// Anomalies between the operations of another judgement, with positions that are not there.
fn hostile_anomalies(text: &str, other: &Judgement) -> Judgement {
    let Verdict::Invalid { evidence } = &other.verdict else { panic!("it is invalid") };
    let words = || text.to_owned();
    let edge = |from, to| EvidenceEdge {
        from,
        to,
        kind: words(),
        key: Some(words()),
        from_mop: Some(0),
        to_mop: Some(u32::MAX),
        reason: words(),
    };
    let found = FoundAnomaly {
        name: words(),
        key: Some(words()),
        ops: vec![0, 1, 0, usize::MAX],
        edges: vec![edge(0, 1), edge(1, 0), edge(1, 1), edge(0, usize::MAX)],
        count: Some(u64::MAX),
        sentence: words(),
    };
    let evidence = Evidence::Anomalies(AnomalyEvidence {
        found: vec![found; 100],
        types: vec![words(); 1000],
        not: vec![words()],
        also_not: vec![words()],
        may_hold: vec![words()],
        ops: evidence.ops().to_vec(),
        mops: vec![vec![EvidenceMop { place: 7, text: words() }; 3]],
        sentence: words(),
    });
    Judgement { verdict: Verdict::Invalid { evidence: Box::new(evidence) }, ..other.clone() }
}

/// A silence around the operations of another judgement.
fn hostile_silence(text: &str, other: &Judgement) -> Judgement {
    let Verdict::Invalid { evidence } = &other.verdict else { panic!("it is invalid") };
    let evidence = Evidence::Silence(SilenceEvidence {
        key: Some(text.to_owned()),
        ops: evidence.ops().to_vec(),
        healed_ns: 7,
        from_ns: 9,
        until_ns: 8,
        bound_ms: u64::MAX,
        attempts: 1,
        errors: vec![(text.to_owned(), 1)],
        leaders: LeadersSeen { last: Some((text.to_owned(), 1, 1)), since_heal: 1 },
        sentence: text.to_owned(),
    });
    Judgement { verdict: Verdict::Invalid { evidence: Box::new(evidence) }, ..other.clone() }
}

fn hostile_trace(text: &str) -> Trace {
    let words = || text.to_owned();
    let events = [
        Traced::Sent { id: 1, from: words(), to: "n1".to_owned(), text: words() },
        Traced::Lost { id: 1, why: words() },
        Traced::Sent { id: 2, from: "client 0".to_owned(), to: words(), text: words() },
        Traced::Delivered { id: 2 },
        Traced::State { node: words(), text: words() },
        Traced::Node { node: words(), text: words() },
    ];
    let events = events.into_iter().zip(1..);
    let events = events.map(|(what, ms)| TraceEvent { time_ns: ms * 1_000_000, what });
    Trace { window_ns: (0, 1_000_000_000), events: events.collect(), left_out: 3 }
}

#[test]
fn no_text_of_a_system_under_test_becomes_markup() {
    let calm = page_of("calm");
    for hostile in HOSTILE {
        let page = page_of(hostile);
        assert!(!page.contains(hostile), "{hostile:?} stands in the page as it came");
        for tag in ["<script", "<img", "<svg", "<template", "<b", "</template", "<!--"] {
            assert_eq!(page.matches(tag).count(), calm.matches(tag).count(), "{hostile:?}: {tag}");
        }
        for hidden in ['\u{202e}', '\u{0}', '\u{8}'] {
            assert!(!page.contains(hidden), "{hidden:?}");
        }
    }
}

fn page_of(text: &str) -> String {
    let history = hostile_history(text);
    let judgements = hostile_judgements(text, &history);
    let trace = hostile_trace(text);
    html(&hostile_facts(text), &history, &judgements, Some(&trace), &Limits::default())
        .expect("a page")
}

#[test]
fn a_valid_history_has_no_counterexample_and_nothing_to_go_to() {
    let history = synthetic::history(500);
    let judgements = synthetic::judgements(&history, false);
    let page = html(&synthetic::facts(500), &history, &judgements, None, &Limits::default());
    let page = page.expect("a page");
    assert!(page.contains("This history keeps that claim."));
    assert!(!page.contains("id=\"counterexample\"") && !page.contains("data-do=\"evidence\""));
}

#[test]
fn anomalies_are_told_with_models_ladders_and_the_reason_of_every_edge() {
    let (history, judgement) = transactions::write_skew(30);
    let page = html(&synthetic::facts(0), &history, &[judgement], None, &Limits::default());
    let page = page.expect("a page");
    let told = between(&page, "id=\"counterexample\"", "</section>");
    for said in [
        "<code class=\"state\">G2-item</code>",
        "Weakest models broken</dt><dd><code class=\"state\">repeatable-read</code>",
        "Strongest that may still hold",
        "In general: a cycle with at least one anti-dependency",
        "append x 1",
        "T2 read key x as empty",
        "<a class=\"op-link\" href=\"#op=0\">",
    ] {
        assert!(told.contains(said), "{said}");
    }
    assert_eq!(told.matches("<svg class=\"ladder\"").count(), 6, "the first few are drawn");
    assert_eq!(told.matches("<li>").count(), 20, "some more are told");
    assert!(told.contains("4 further anomalies are left out here"), "and the others counted");
    let mut ids: Vec<&str> = told.split(" id=\"").skip(1).collect();
    ids.iter_mut().for_each(|id| *id = &id[..id.find('"').expect("it ends")]);
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all, "no two drawings share an id");
}

#[test]
fn a_simulated_run_says_so_at_the_top_with_its_seed_and_the_command_that_replays_it() {
    let history = synthetic::history(100);
    let real = synthetic::facts(100);
    let simulated = RunFacts {
        simulated: true,
        seed: 4_711,
        repeat_command: "tribunal replay x".to_owned(),
        ..real.clone()
    };
    let page = |facts| html(facts, &history, &[], None, &Limits::default()).expect("a page");
    let said = between(&page(&simulated), "<main", "id=\"story\"").to_owned();
    for what in
        ["Simulated world", "every time on this page is virtual", "4711", "tribunal replay x"]
    {
        assert!(said.contains(what), "{what}");
    }
    assert!(!page(&real).contains("Simulated world"));
    assert!(!page(&real).contains("id=\"inside\""), "without a trace nothing is said of it");
}

#[test]
fn a_trace_is_drawn_around_the_evidence_and_told_as_a_table() {
    let page = specimen(200, &Limits::default());
    let inside = between(&page, "id=\"inside\"", "</section>");
    assert!(inside.contains("id=\"violation\""), "the evidence is in the picture");
    assert!(inside.matches("class=\"arrow").count() >= 40);
    for said in ["leader, term 4, log 16@3", "client 6 → n4", "lost: cut", "gone: killed"] {
        assert!(inside.contains(said), "{said}");
    }
}

#[test]
fn an_empty_history_without_judgements_is_still_a_page() {
    let page = html(&synthetic::facts(0), &History::new(), &[], None, &Limits::default()).unwrap();
    assert!(page.contains("No checker looked at this history"));
}
