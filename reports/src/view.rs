//! Everything the page says, as texts and shapes. Pure: (facts, history, judgements) in, view out.
//!
//! ```text
//!   RunFacts ----\
//!   History  -----+--> View { header, counterexamples, story, coverage, ... } --> templates
//!   Judgements --/
//! ```
//!
//! The view is what tests look at; templates only place it. Every list here is bounded, and
//! whatever is left out is counted.

use crate::RunFacts;
use crate::anomalies::AnomaliesView;
use crate::coverage::Coverage;
use crate::happenings::Happenings;
use crate::inside::sequence::Sequence;
use crate::lanes::Counterexample;
use crate::operations::Operations;
use crate::payload::Band;
use crate::recovery::Clockwork;
use crate::series::Series;
use crate::silence::SilenceView;
use crate::story::Story;
use crate::text;
use checkers::history::trace::Trace;
use checkers::verdict::{
    AnomalyEvidence, Evidence, Judgement, OrderEvidence, SilenceEvidence, Verdict,
};

/// Counterexamples that are drawn; the table of judgements has all of them.
const COUNTEREXAMPLES_MAX: usize = 4;

/// Judgements that are listed.
const JUDGEMENTS_MAX: usize = 100;

/// Figures of one judgement, options of a run, operations of the first table.
const FIGURES_MAX: usize = 60;
const FIRST_OPERATIONS: usize = 60;

const REPEATS_ALL: &str = "In the simulated world the seed repeats everything: the same version \
    gives the same history, byte for byte, on every machine.";
const REPEATS_SCHEDULE: &str = "The seed repeats the schedule of operations and faults. On real \
    processes it does not repeat how they interleave.";

/// A label and what it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fact {
    pub(crate) label: String,
    pub(crate) text: String,
}

impl Fact {
    pub(crate) fn new(label: &str, text: impl Into<String>) -> Self {
        Self { label: label.to_owned(), text: text.into() }
    }
}

/// What the reader must know before anything else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Banner {
    pub(crate) title: String,
    pub(crate) text: String,
}

/// The verdict, and on what.
#[derive(Clone, Debug)]
pub(crate) struct Header {
    /// `valid`, `unknown` or `invalid`.
    pub(crate) word: &'static str,
    pub(crate) claim: String,
    pub(crate) finding: String,
    pub(crate) why: Option<String>,
    pub(crate) facts: Vec<Fact>,
    pub(crate) banners: Vec<Banner>,
}

/// One checker's decision.
#[derive(Clone, Debug)]
pub(crate) struct Judged {
    pub(crate) checker: String,
    pub(crate) claim: String,
    pub(crate) word: &'static str,
    pub(crate) why: String,
    pub(crate) figures: Vec<Fact>,
}

/// An operation as a row of a table.
#[derive(Clone, Debug)]
pub(crate) struct OperationRow {
    pub(crate) index: u32,
    pub(crate) when: String,
    pub(crate) process: u32,
    pub(crate) node: String,
    pub(crate) key: String,
    pub(crate) text: String,
    pub(crate) outcome: &'static str,
    pub(crate) took: String,
}

/// Everything the page says, except the packed operations.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) title: String,
    pub(crate) run: String,
    pub(crate) header: Header,
    pub(crate) counterexamples: Vec<Counterexample>,
    pub(crate) counterexamples_omitted: usize,
    pub(crate) silences: Vec<SilenceView>,
    pub(crate) anomalies: Vec<AnomaliesView>,
    pub(crate) anomalies_omitted: usize,
    pub(crate) sequence: Option<Sequence>,
    pub(crate) story: Story,
    pub(crate) timeline_summary: String,
    pub(crate) first_operations: Vec<OperationRow>,
    pub(crate) coverage: Coverage,
    pub(crate) commands: Vec<Fact>,
    /// What the command that repeats the run repeats.
    pub(crate) repeats: &'static str,
    pub(crate) settings: Vec<Fact>,
    pub(crate) judgements: Vec<Judged>,
    pub(crate) judgements_omitted: usize,
    pub(crate) version: String,
    pub(crate) started_at: String,
    /// What the timeline draws besides operations, and the rows of the evidence.
    pub(crate) bands: Vec<Band>,
    pub(crate) evidence_rows: Vec<usize>,
}

impl View {
    pub(crate) fn of(
        facts: &RunFacts,
        operations: &Operations<'_>,
        happenings: &Happenings,
        judgements: &[Judgement],
        trace: Option<&Trace>,
    ) -> Self {
        let evidence_rows = evidence_rows(operations, judgements);
        let sequence =
            trace.map(|trace| Sequence::of(trace, operations, happenings, &evidence_rows));
        let series = Series::of(operations);
        let clockwork = Clockwork::of(operations);
        let orders = || evidences(judgements).filter_map(order);
        let silences = evidences(judgements).filter_map(silence);
        let anomalies = || evidences(judgements).filter_map(anomalies);
        let header = header(facts, operations, judgements);
        Self {
            title: text::plain(&format!("{}: {} {}", header.word, facts.target, facts.workload)),
            run: text::plain(&facts.run),
            counterexamples: orders().take(COUNTEREXAMPLES_MAX).map(Counterexample::of).collect(),
            counterexamples_omitted: orders().count().saturating_sub(COUNTEREXAMPLES_MAX),
            silences: silences.take(COUNTEREXAMPLES_MAX).map(SilenceView::of).collect(),
            anomalies: anomalies()
                .take(COUNTEREXAMPLES_MAX)
                .enumerate()
                .map(|(number, evidence)| AnomaliesView::of(evidence, number))
                .collect(),
            anomalies_omitted: anomalies().count().saturating_sub(COUNTEREXAMPLES_MAX),
            story: Story::of(operations, happenings, &series, &clockwork),
            timeline_summary: timeline_summary(operations, happenings),
            first_operations: first_operations(operations),
            coverage: Coverage::of(operations, happenings, &clockwork, judgements),
            commands: vec![
                Fact::new("Repeat the run", text::bounded(&facts.repeat_command, 2_000)),
                Fact::new("Check the history again", text::bounded(&facts.check_command, 2_000)),
            ],
            repeats: if facts.simulated { REPEATS_ALL } else { REPEATS_SCHEDULE },
            settings: settings(facts),
            judgements: judgements.iter().take(JUDGEMENTS_MAX).map(judged).collect(),
            judgements_omitted: judgements.len().saturating_sub(JUDGEMENTS_MAX),
            version: text::plain(&facts.version),
            started_at: text::plain(&facts.started_at),
            bands: bands(operations, happenings),
            evidence_rows,
            sequence,
            header,
        }
    }

    /// The spans of time of the counterexamples.
    pub(crate) fn evidence_windows(&self) -> Vec<(u64, u64)> {
        let examples = self.counterexamples.iter().map(|one| (one.start_ns, one.end_ns));
        let silences = self.silences.iter().map(|one| (one.start_ns, one.end_ns));
        let anomalies = self.anomalies.iter().map(|one| (one.start_ns, one.end_ns));
        examples.chain(silences).chain(anomalies).collect()
    }
}

fn evidences(judgements: &[Judgement]) -> impl Iterator<Item = &Evidence> {
    judgements.iter().filter_map(|judgement| match &judgement.verdict {
        Verdict::Invalid { evidence } => Some(evidence.as_ref()),
        Verdict::Valid | Verdict::Unknown { .. } => None,
    })
}

fn order(evidence: &Evidence) -> Option<&OrderEvidence> {
    match evidence {
        Evidence::Order(order) => Some(order),
        Evidence::Silence(_) | Evidence::Anomalies(_) => None,
    }
}

fn silence(evidence: &Evidence) -> Option<&SilenceEvidence> {
    match evidence {
        Evidence::Silence(silence) => Some(silence),
        Evidence::Order(_) | Evidence::Anomalies(_) => None,
    }
}

fn anomalies(evidence: &Evidence) -> Option<&AnomalyEvidence> {
    match evidence {
        Evidence::Anomalies(anomalies) => Some(anomalies),
        Evidence::Order(_) | Evidence::Silence(_) => None,
    }
}

/// The judgement that decides: of the greatest verdict, the first.
fn decisive(judgements: &[Judgement]) -> Option<&Judgement> {
    let rank = |judgement: &&Judgement| match judgement.verdict {
        Verdict::Invalid { .. } => 0,
        Verdict::Unknown { .. } => 1,
        Verdict::Valid => 2,
    };
    judgements.iter().min_by_key(rank)
}

fn header(facts: &RunFacts, operations: &Operations<'_>, judgements: &[Judgement]) -> Header {
    let decisive = decisive(judgements);
    let (word, finding, why) = match decisive.map(|judgement| &judgement.verdict) {
        Some(Verdict::Valid) => ("valid", "This history keeps that claim.", None),
        Some(Verdict::Unknown { why }) => {
            ("unknown", "This history could not be judged.", Some(text::plain(why)))
        }
        Some(Verdict::Invalid { evidence }) => {
            let sentence = Some(text::plain_long(evidence.sentence()));
            ("invalid", "This history breaks that claim.", sentence)
        }
        None => ("unknown", "No checker looked at this history.", None),
    };
    Header {
        word,
        claim: decisive.map(|judgement| text::plain(&judgement.claim)).unwrap_or_default(),
        finding: finding.to_owned(),
        why,
        facts: header_facts(facts, operations),
        banners: banners(facts, operations),
    }
}

fn header_facts(facts: &RunFacts, operations: &Operations<'_>) -> Vec<Fact> {
    let target = match &facts.bug {
        Some(bug) => format!("{} with planted bug {}", facts.target, bug),
        None => facts.target.clone(),
    };
    let faults = match facts.faults.len() {
        0 => "none".to_owned(),
        _ => facts.faults.join(", "),
    };
    let tally = operations.tally;
    vec![
        Fact::new("Target", text::plain(&target)),
        Fact::new("Workload", text::plain(&facts.workload)),
        Fact::new("Faults", text::plain(&faults)),
        Fact::new("Seed", facts.seed.to_string()),
        Fact::new("Nodes", facts.nodes.to_string()),
        Fact::new("Clients", text::count(facts.clients.into())),
        Fact::new("Duration", text::duration(operations.end_ns)),
        Fact::new("Operations", text::count(tally.total())),
        Fact::new("ok", text::count(tally.ok)),
        Fact::new("fail", text::count(tally.fail)),
        Fact::new("info", text::count(tally.info)),
    ]
}

fn banners(facts: &RunFacts, operations: &Operations<'_>) -> Vec<Banner> {
    let banner = |title: &str, text: String| Banner { title: title.to_owned(), text };
    let mut banners = Vec::new();
    if facts.simulated {
        let said = format!(
            "Nodes, network, disks and time were simulated: every time on this page is virtual. With \
             seed {} the run replays byte for byte: {}",
            facts.seed,
            text::bounded(&facts.repeat_command, 600)
        );
        banners.push(banner("Simulated world", said));
    }
    if let Some(warning) = &facts.environment_warning {
        banners.push(banner("The environment was limited", text::plain(warning)));
    }
    if facts.interrupted {
        let said = "It was stopped before its end. What was recorded until then is judged below.";
        banners.push(banner("The run was interrupted", said.to_owned()));
    }
    if let Some(damage) = &facts.history_damage {
        banners.push(banner("The history is damaged", text::plain(damage)));
    }
    if operations.orphans > 0 {
        let orphans = text::count(operations.orphans);
        let said = format!("{orphans} completions belong to no invocation and are left out here.");
        banners.push(banner("The history has gaps", said));
    }
    banners
}

fn judged(judgement: &Judgement) -> Judged {
    let why = match &judgement.verdict {
        Verdict::Valid => String::new(),
        Verdict::Unknown { why } => text::plain(why),
        Verdict::Invalid { evidence } => text::plain_long(evidence.sentence()),
    };
    let figures = judgement.figures.iter().take(FIGURES_MAX);
    Judged {
        checker: text::plain(&judgement.checker),
        claim: text::plain(&judgement.claim),
        word: judgement.verdict.word(),
        why,
        figures: figures
            .map(|(label, figure)| Fact::new(&text::plain(label), text::plain(figure)))
            .collect(),
    }
}

fn settings(facts: &RunFacts) -> Vec<Fact> {
    let mut settings = vec![
        Fact::new("Seed", facts.seed.to_string()),
        Fact::new("Environment", text::plain(&facts.environment)),
        Fact::new("Main phase", text::duration(facts.main_phase_ms.saturating_mul(1_000_000))),
        Fact::new("Started", text::plain(&facts.started_at)),
        Fact::new("Tribunal", text::plain(&facts.version)),
    ];
    let options = facts.options.iter().take(FIGURES_MAX);
    settings
        .extend(options.map(|(name, option)| Fact::new(&text::plain(name), text::plain(option))));
    settings
}

fn timeline_summary(operations: &Operations<'_>, happenings: &Happenings) -> String {
    let tally = operations.tally;
    format!(
        "{} operations of {} clients over {}: {} ok, {} fail, {} info; {} faults behind them.",
        text::count(tally.total()),
        operations.lanes,
        text::duration(operations.end_ns),
        text::count(tally.ok),
        text::count(tally.fail),
        text::count(tally.info),
        happenings.faults.len(),
    )
}

fn first_operations(operations: &Operations<'_>) -> Vec<OperationRow> {
    let history = operations.history;
    let name = |symbol| text::bounded(history.text(symbol), 60);
    let rows = operations.rows.iter().take(FIRST_OPERATIONS).map(|row| {
        let invocation = operations.invocation(row);
        OperationRow {
            index: row.invoke,
            when: text::fine_moment(row.invoke_ns),
            process: row.process,
            node: invocation.node.map(name).unwrap_or_default(),
            key: invocation.key.map(name).unwrap_or_default(),
            text: text::bounded(&operations.words(row), 120),
            outcome: row.outcome.word(),
            took: row.latency_ns().map_or_else(|| "open".to_owned(), text::duration),
        }
    });
    rows.collect()
}

fn bands(operations: &Operations<'_>, happenings: &Happenings) -> Vec<Band> {
    let bands = happenings.faults.iter().filter_map(|fault| {
        let (start_ns, end_ns) = fault.window(operations.end_ns)?;
        Some(Band {
            start_ns,
            end_ns,
            number: fault.id,
            name: fault.name.clone(),
            uncertain: fault.effect == crate::happenings::Effect::Indeterminate,
        })
    });
    bands.take(crate::story::FAULTS_MAX).collect()
}

/// The evidence's operations among the rows; those that are not in this history are left out.
fn evidence_rows(operations: &Operations<'_>, judgements: &[Judgement]) -> Vec<usize> {
    let evidences = evidences(judgements).take(2 * COUNTEREXAMPLES_MAX);
    let ops = evidences.flat_map(|evidence| evidence.ops().iter().take(FIGURES_MAX));
    let mut rows: Vec<usize> = ops.filter_map(|op| operations.at_event(op.invoke_index)).collect();
    rows.sort_unstable();
    rows.dedup();
    rows
}
