//! What happened when: phases, faults, leaders and deaths over the run's time, above the plots.
//!
//! ```text
//!   phases    | main                                   | heal | settle | final reads
//!   faults    |    [1 partition ]      [3 kill ]       |
//!             |            [2 pause ]                  |      a second track for what overlaps
//!   leader    |n1        |n3      |n2                  |
//!   deaths    |                    x                   |
//! ```

use crate::chart::{self, Plot, Tick, TimeAxis};
use crate::happenings::{Effect, Fault, Happenings, Undo, phase_word};
use crate::operations::Operations;
use crate::recovery::{Clockwork, Impact};
use crate::series::Series;
use crate::text;

/// More windows than this are a wall.
pub(crate) const FAULTS_MAX: usize = 200;

/// Segments of leadership, and deaths, that are drawn.
const MARKS_MAX: usize = 400;

/// Tracks of overlapping faults; what needs more shares the last one.
const TRACKS_MAX: usize = 6;

const TRACK_HEIGHT: u32 = 24;

/// A stretch of time with a label.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) x: String,
    pub(crate) width: String,
    pub(crate) y: u32,
    pub(crate) class: &'static str,
    pub(crate) label: String,
    pub(crate) title: String,
}

/// A row of the strip.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) label: &'static str,
    pub(crate) height: u32,
    pub(crate) segments: Vec<Segment>,
}

/// A fault with what was asked, what was seen, and what it did to the service.
#[derive(Clone, Debug)]
pub(crate) struct FaultRow {
    pub(crate) number: u32,
    pub(crate) name: String,
    pub(crate) asked: String,
    pub(crate) observed: String,
    pub(crate) seen: String,
    pub(crate) effect: &'static str,
    /// The class of the effect: `sure`, `unsure` or `none`.
    pub(crate) class: &'static str,
    pub(crate) window: String,
    pub(crate) healed: String,
    pub(crate) heal_failed: bool,
    pub(crate) during: String,
    pub(crate) rates: String,
    pub(crate) first_ok: String,
    pub(crate) back: String,
    pub(crate) had_effect: bool,
}

/// The strip, the plots and the table of recoveries.
#[derive(Debug)]
pub(crate) struct Story {
    pub(crate) ticks: Vec<Tick>,
    pub(crate) rows: Vec<Row>,
    /// Windows behind every plot.
    pub(crate) bands: Vec<Segment>,
    pub(crate) latency: Plot,
    pub(crate) acknowledged: Plot,
    pub(crate) lost: Plot,
    pub(crate) bucket: String,
    pub(crate) overall: String,
    pub(crate) faults: Vec<FaultRow>,
    pub(crate) omitted: usize,
    pub(crate) deaths: Vec<String>,
}

impl Story {
    pub(crate) fn of(
        operations: &Operations<'_>,
        happenings: &Happenings,
        series: &Series,
        clockwork: &Clockwork,
    ) -> Self {
        let time = TimeAxis { end_ns: operations.end_ns };
        let faults = &happenings.faults[..happenings.faults.len().min(FAULTS_MAX)];
        let tracks = fault_row(faults, time);
        let bands = tracks.segments.iter().cloned().map(|mut band| {
            band.label = band.label.split(' ').next().unwrap_or_default().to_owned();
            band
        });
        let bands = bands.collect();
        let mut rows = vec![phase_row(happenings, time), tracks, leader_row(happenings, time)];
        rows.push(death_row(happenings, time));
        rows.retain(|row| !row.segments.is_empty());
        let overall = series.overall.map_or_else(String::new, |overall| {
            format!(
                "acknowledged in: p50 {}, p95 {}, p99 {}",
                text::duration(overall.p50_ns),
                text::duration(overall.p95_ns),
                text::duration(overall.p99_ns)
            )
        });
        let deaths = happenings.deaths.iter().take(12);
        Self {
            ticks: time.ticks(),
            rows,
            bands,
            latency: chart::latency(series, time, 220),
            acknowledged: chart::acknowledged(series, time, 120),
            lost: chart::lost(series, time, 64),
            bucket: text::duration(series.bucket_ns),
            overall,
            faults: faults.iter().map(|fault| table_row(fault, operations, clockwork)).collect(),
            omitted: happenings.faults.len() - faults.len(),
            deaths: deaths
                .map(|death| {
                    format!("{} {}: {}", text::moment(death.time_ns), death.node, death.how)
                })
                .collect(),
        }
    }
}

fn segment(time: TimeAxis, start_ns: u64, end_ns: u64, class: &'static str) -> Segment {
    Segment {
        x: time.percent(start_ns),
        width: time.percent_between(start_ns, end_ns),
        y: 0,
        class,
        label: String::new(),
        title: String::new(),
    }
}

fn phase_row(happenings: &Happenings, time: TimeAxis) -> Row {
    let ends = happenings.phases.iter().skip(1).map(|(ns, _)| *ns).chain([time.end_ns]);
    let phases = happenings.phases.iter().zip(ends).take(MARKS_MAX);
    let segments = phases
        .filter(|((start_ns, _), end_ns)| start_ns < end_ns)
        .map(|((start_ns, phase), end_ns)| {
            let label = phase_word(*phase);
            let took = text::duration(end_ns - start_ns);
            Segment {
                label: label.to_owned(),
                title: format!("{label}: from {}, {took}", text::moment(*start_ns)),
                ..segment(time, *start_ns, end_ns, "phase")
            }
        })
        .collect();
    Row { label: "phase", height: TRACK_HEIGHT, segments }
}

/// Each window on the first track that is free at its start.
fn fault_row(faults: &[Fault], time: TimeAxis) -> Row {
    let mut tracks: Vec<u64> = Vec::new();
    let mut segments = Vec::new();
    for fault in faults {
        let Some((start_ns, end_ns)) = fault.window(time.end_ns) else { continue };
        let free = tracks.iter().position(|busy_until_ns| *busy_until_ns <= start_ns);
        let track = free.unwrap_or_else(|| tracks.len().min(TRACKS_MAX - 1));
        tracks.resize(tracks.len().max(track + 1), 0);
        tracks[track] = tracks[track].max(end_ns);
        let class = match (fault.effect, &fault.undo) {
            (_, Undo::Failed(_)) => "fault stuck",
            (Effect::Indeterminate, _) => "fault unsure",
            _ => "fault",
        };
        segments.push(Segment {
            y: track as u32 * TRACK_HEIGHT,
            label: format!("{} {}", fault.id, fault.name),
            title: format!(
                "fault {} {}, {}: {} ({})",
                fault.id,
                fault.name,
                window_words(fault, time.end_ns),
                fault.asked,
                fault.effect.word()
            ),
            ..segment(time, start_ns, end_ns, class)
        });
    }
    Row { label: "faults", height: TRACK_HEIGHT * tracks.len() as u32, segments }
}

/// Who said last that it leads, until somebody else does.
fn leader_row(happenings: &Happenings, time: TimeAxis) -> Row {
    let ends = happenings.leaders.iter().skip(1).map(|leader| leader.time_ns);
    let leaders = happenings.leaders.iter().zip(ends.chain([time.end_ns])).take(MARKS_MAX);
    let segments = leaders
        .map(|(leader, end_ns)| Segment {
            label: leader.node.clone(),
            title: format!(
                "{} leads in term {} from {}",
                leader.node,
                leader.term,
                text::moment(leader.time_ns)
            ),
            ..segment(time, leader.time_ns, end_ns, "leader")
        })
        .collect();
    Row { label: "leader", height: TRACK_HEIGHT, segments }
}

fn death_row(happenings: &Happenings, time: TimeAxis) -> Row {
    let segments = happenings
        .deaths
        .iter()
        .take(MARKS_MAX)
        .map(|death| Segment {
            label: format!("✕ {}", death.node),
            title: format!("{} {} died: {}", text::moment(death.time_ns), death.node, death.how),
            width: "8%".to_owned(),
            ..segment(time, death.time_ns, death.time_ns, "death")
        })
        .collect();
    Row { label: "deaths", height: TRACK_HEIGHT, segments }
}

fn window_words(fault: &Fault, run_end_ns: u64) -> String {
    match fault.window(run_end_ns) {
        Some((start_ns, end_ns)) => {
            format!("{} + {}", text::moment(start_ns), text::duration(end_ns - start_ns))
        }
        None => format!("asked at {}", text::moment(fault.start_ns)),
    }
}

fn table_row(fault: &Fault, operations: &Operations<'_>, clockwork: &Clockwork) -> FaultRow {
    let healed = matches!(fault.undo, Undo::Healed(_));
    let window = fault.window(operations.end_ns);
    let impact = window
        .map(|(start_ns, end_ns)| clockwork.impact(start_ns, end_ns, healed))
        .unwrap_or_default();
    let (undo, heal_failed) = match &fault.undo {
        Undo::Healed(how) if how.is_empty() => ("healed".to_owned(), false),
        Undo::Healed(how) => (how.clone(), false),
        Undo::Failed(how) => (how.clone(), true),
        Undo::Never if window.is_some() => ("not healed before the end".to_owned(), true),
        Undo::Never => ("nothing to heal".to_owned(), false),
    };
    FaultRow {
        number: fault.id,
        name: fault.name.clone(),
        asked: fault.asked.clone(),
        observed: fault.observed.clone(),
        seen: fault.seen.clone(),
        effect: fault.effect.word(),
        class: match fault.effect {
            Effect::Installed => "sure",
            Effect::Indeterminate => "unsure",
            Effect::Skipped | Effect::Unanswered => "none",
        },
        window: window_words(fault, operations.end_ns),
        healed: undo,
        heal_failed,
        during: during(&impact),
        rates: rates(&impact),
        first_ok: after(impact.first_ok_ns, healed),
        back: after(impact.back_ns, healed && impact.before_per_second.is_some()),
        had_effect: window.is_some(),
    }
}

fn during(impact: &Impact) -> String {
    let tally = impact.during;
    format!(
        "{} ok, {} fail, {} info",
        text::count(tally.ok),
        text::count(tally.fail),
        text::count(tally.info)
    )
}

fn rates(impact: &Impact) -> String {
    let rate = |rate: Option<f64>| rate.map_or_else(|| "–".to_owned(), text::rate);
    format!("{} → {}", rate(impact.before_per_second), rate(impact.during_per_second))
}

fn after(delay_ns: Option<u64>, expected: bool) -> String {
    match delay_ns {
        Some(ns) => text::duration(ns),
        None if expected => "never".to_owned(),
        None => "–".to_owned(),
    }
}
