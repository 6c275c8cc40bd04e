//! What a person reads of a hunt: the live line, findings as they come, the closing screen.

use super::journal::Kept;
use super::tally::Tally;
use super::{Ended, Finding, HuntSpec, Reach, Why};
use crate::cli;
use crate::request::quoted;
use crate::screen::{harmless, listing};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use nemesis::catalogue::{self, Class};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::io::IsTerminal;
use std::path::Path;
use std::time::{Duration, Instant};
use targets::catalogue::Target;
use targets::raft;

/// The live line changes at most this often.
const LIVE_EVERY: Duration = Duration::from_millis(100);
/// A plain line comes this often.
const PLAIN_EVERY: Duration = Duration::from_secs(5);
/// So many findings are on the closing screen.
const FINDINGS_SHOWN_MAX: usize = 20;

/// The line that says how a hunt is getting on.
#[derive(Debug)]
pub struct Live {
    bar: Option<ProgressBar>,
    every: Option<Duration>,
    begin: Instant,
    shown: Option<Instant>,
    /// Cases that an earlier hunt had tried.
    before: u64,
    simulated_before_ns: u64,
}

impl Live {
    /// A line of the kind that was asked for, from here on.
    pub fn new(asked: cli::Progress, from: &Reach) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let bar = (asked == cli::Progress::Auto && terminal).then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template("{spinner} {msg}");
            bar.set_style(style.expect("the template is well-formed"));
            bar
        });
        let every = match asked {
            cli::Progress::Plain => Some(PLAIN_EVERY),
            _ => bar.as_ref().map(|_| LIVE_EVERY),
        };
        Self {
            bar,
            every,
            begin: Instant::now(),
            shown: None,
            before: from.tally.cases,
            simulated_before_ns: from.tally.simulated_ns,
        }
    }

    /// More cases are counted.
    pub fn advance(&mut self, prefix: &str, tally: &Tally, places: &[&str]) {
        let Some(every) = self.every else { return };
        if self.shown.is_some_and(|shown| shown.elapsed() < every) {
            return;
        }
        self.shown = Some(Instant::now());
        let wall = self.begin.elapsed().as_secs_f64().max(1e-3);
        let cases = (tally.cases - self.before) as f64;
        let simulated_s = (tally.simulated_ns - self.simulated_before_ns) as f64 / 1e9;
        let line = format!(
            "{prefix}{} runs, {:.0}/s  simulated {} ({:.0} x)  ok {}  places {}  unknown {}  \
             findings {}",
            tally.cases,
            cases / wall,
            span(tally.simulated_ns),
            simulated_s / wall,
            tally.acknowledged,
            places_hit(tally, places),
            tally.vacuous + tally.unknown,
            tally.findings,
        );
        match &self.bar {
            Some(bar) => {
                bar.set_message(line);
                bar.tick();
            }
            None => eprintln!("{:7.1} s  {line}", self.begin.elapsed().as_secs_f64()),
        }
    }

    /// Prints something without the line in between.
    pub fn aside(&self, print: impl FnOnce()) {
        match &self.bar {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }

    /// The hunt is over; the line goes away.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// `31 of 36`.
fn places_hit(tally: &Tally, places: &[&str]) -> String {
    let hit = places.iter().filter(|place| tally.places.contains_key(**place)).count();
    if places.is_empty() {
        tally.places.len().to_string()
    } else {
        format!("{hit} of {}", places.len())
    }
}

/// `2 d 3 h`, `4 h 12 min`, `3 min 20 s`, `7.5 s`.
pub fn span(ns: u64) -> String {
    let s = ns / 1_000_000_000;
    match s {
        0..60 => format!("{:.1} s", ns as f64 / 1e9),
        60..3600 => format!("{} min {} s", s / 60, s % 60),
        3600..86_400 => format!("{} h {} min", s / 3600, s % 3600 / 60),
        _ => format!("{} d {} h", s / 86_400, s % 86_400 / 3600),
    }
}

/// The first screen.
pub fn opening(spec: &HuntSpec, folder: &Path, from: &Reach) -> String {
    let bug = spec.bug.map_or(String::new(), |bug| format!(", planted bug {}", bug.name));
    let cases = spec.cases_max.map(|cases| format!("{} cases", spec.shard.share(cases)));
    let wall = spec.wall.map(|wall| span(wall.as_nanos() as u64));
    let bounds: Vec<String> = [cases, wall].into_iter().flatten().collect();
    let pinned = spec.pinned.words().join(" ");
    let rows = [
        ("seed", spec.base_seed.to_string()),
        ("target", format!("{}{bug}", spec.target.name)),
        ("cases", format!("random, in the simulated world, {} at once", spec.threads)),
        ("pinned", if pinned.is_empty() { "nothing".to_owned() } else { pinned }),
        ("for", bounds.join(" or ")),
        ("shard", spec.shard.to_string()),
        ("hunt", folder.display().to_string()),
    ];
    let mut text = String::new();
    for (name, value) in rows {
        let _ = writeln!(text, "{name:>9}  {value}");
    }
    if from.position > 0 {
        let _ = writeln!(text, "\ngoes on after {} cases", from.tally.cases);
    }
    text
}

/// The commands that look at a finding again, as (name, command).
pub fn commands(kept: &Kept, store: &Path) -> Vec<(&'static str, String)> {
    let place = if store == Path::new("store") {
        String::new()
    } else {
        format!(" --store {}", quoted(&store.display().to_string()))
    };
    match &kept.run {
        Some(run) => vec![
            ("run", store.join(run).display().to_string()),
            ("replay", format!("tribunal replay {run}{place}")),
            ("shrink", format!("tribunal shrink {run}{place}")),
        ],
        None => {
            let words: Vec<String> = kept.finding.words.iter().map(|word| quoted(word)).collect();
            vec![("repeat", words.join(" "))]
        }
    }
}

/// A finding as it is announced.
pub fn announcement(kept: &Kept, store: &Path) -> String {
    let Finding { index, seed, claim, sentence, .. } = &kept.finding;
    let mut text = format!("FOUND in case {index}, seed {seed}: against \"{claim}\"\n");
    let _ = writeln!(text, "{:>9}  {}", "why", harmless(sentence));
    for damage in &kept.damage {
        let _ = writeln!(text, "{:>9}  {}", "damage", harmless(damage));
    }
    for (name, value) in commands(kept, store) {
        let _ = writeln!(text, "{name:>9}  {value}");
    }
    text
}

/// The closing screen.
pub fn closing(spec: &HuntSpec, ended: &Ended, findings: &[&Kept], wall: Duration) -> String {
    let tally = &ended.reach.tally;
    let places = places_of(spec.target);
    let mut text = format!("{}\n\n", listing(["hunt", ""], &figures(tally, wall)));
    if !places.is_empty() || !tally.places.is_empty() {
        let _ =
            writeln!(text, "{}\n", listing(["place", "times", "runs"], &coverage(tally, &places)));
    }
    let _ = writeln!(text, "{}\n", listing(["fault class", "seen", "faults"], &classes(tally)));
    if !tally.reasons.is_empty() {
        let mut reasons: Vec<_> = tally.reasons.iter().collect();
        reasons.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let rows: Vec<[String; 2]> = reasons
            .into_iter()
            .take(10)
            .map(|(reason, count)| [harmless(reason), count.to_string()])
            .collect();
        let _ =
            writeln!(text, "{}\n", listing(["not tested or not decided, because", "runs"], &rows));
    }
    for kept in findings.iter().take(FINDINGS_SHOWN_MAX) {
        let Finding { index, seed, checker, sentence, .. } = &kept.finding;
        let run = kept.run.as_deref().unwrap_or("not stored");
        let sentence = harmless(sentence);
        let _ =
            writeln!(text, "FOUND case {index} seed {seed} ({checker}) {run}\n      {sentence}");
        for damage in &kept.damage {
            let _ = writeln!(text, "      damage: {}", harmless(damage));
        }
    }
    if findings.len() > FINDINGS_SHOWN_MAX {
        let more = findings.len() - FINDINGS_SHOWN_MAX;
        let _ = writeln!(text, "... and {more} more in the hunt's folder");
    }
    let _ = write!(text, "{}", headline(spec, ended, findings));
    text
}

/// Says so if not one case was tried that an earlier hunt had not tried.
pub fn nothing_new(ended: &Ended, from: &Reach, findings: usize) -> Option<String> {
    if ended.reach.position > from.position || !ended.findings.is_empty() {
        return None;
    }
    let cases = from.tally.cases;
    let (what, on) = match ended.why {
        Why::Cases => (format!("all {cases} cases had been tried"), "--seeds MORE"),
        Why::Found => (format!("the hunt ended with what it found ({findings})"), "--keep-going"),
        Why::Time | Why::Cancelled | Why::Broken => return None,
    };
    Some(format!("nothing new was tried: {what}; --fresh begins anew, {on} goes on"))
}

/// The end in a line.
fn headline(spec: &HuntSpec, ended: &Ended, findings: &[&Kept]) -> String {
    let tally = &ended.reach.tally;
    let name = spec.target.name;
    let (cases, simulated) = (tally.cases, span(tally.simulated_ns));
    let end = match ended.why {
        Why::Found | Why::Cases => "",
        Why::Broken => "; it could not go on",
        Why::Time => "; time was up",
        Why::Cancelled => "; you ended it",
    };
    match findings.len() {
        0 if cases == 0 => format!("UNKNOWN: no run came to its end{end}"),
        0 if tally.valid == 0 => {
            format!("UNKNOWN: not one of {cases} runs tested what it set out to")
        }
        0 => format!("NOTHING FOUND against {name} in {cases} runs, {simulated} simulated{end}"),
        1 => format!("FOUND 1 case against {name} in {cases} runs, {simulated} simulated{end}"),
        n => format!("FOUND {n} cases against {name} in {cases} runs, {simulated} simulated{end}"),
    }
}

fn figures(tally: &Tally, wall: Duration) -> Vec<[String; 2]> {
    let wall_s = wall.as_secs_f64().max(1e-3);
    let ratio = tally.simulated_ns as f64 / 1e9 / wall_s;
    let rows = [
        ("runs", format!("{} ({:.1} a second)", tally.cases, tally.cases as f64 / wall_s)),
        ("valid", tally.valid.to_string()),
        ("vacuous", tally.vacuous.to_string()),
        ("undecided", tally.unknown.to_string()),
        ("with findings", tally.findings.to_string()),
        ("wall time", span(wall.as_nanos() as u64)),
        ("simulated time", format!("{} ({ratio:.0} times real time)", span(tally.simulated_ns))),
        ("acknowledged operations", tally.acknowledged.to_string()),
        ("recorded events", tally.events.to_string()),
        ("leader changes", tally.leader_changes.to_string()),
        ("nodes that died by themselves", tally.deaths.to_string()),
    ];
    rows.map(|(name, value)| [name.to_owned(), value]).to_vec()
}

/// Every place with how often it was reached, "never" for those that were not.
fn coverage(tally: &Tally, places: &[&str]) -> Vec<[String; 3]> {
    let known: BTreeSet<&str> =
        places.iter().copied().chain(tally.places.keys().map(String::as_str)).collect();
    let row = |place: &str| match tally.places.get(place) {
        Some(reached) => [harmless(place), reached.times.to_string(), reached.cases.to_string()],
        None => [place.to_owned(), "never".to_owned(), "0".to_owned()],
    };
    known.into_iter().map(row).collect()
}

/// Fault classes, how many of their faults were seen to take effect, and which.
fn classes(tally: &Tally) -> Vec<[String; 3]> {
    let mut classes: BTreeMap<Class, (u64, Vec<String>)> = BTreeMap::new();
    for entry in catalogue::FAULTS {
        let class = classes.entry(entry.class).or_default();
        if let Some(count) = tally.faults.get(entry.name) {
            class.0 += count;
            class.1.push(format!("{} {count}", entry.name));
        }
    }
    let row = |(class, (count, names)): (Class, (u64, Vec<String>))| {
        let seen = if count == 0 { "never".to_owned() } else { count.to_string() };
        [class.name().to_owned(), seen, names.join(", ")]
    };
    classes.into_iter().map(row).collect()
}

/// The places that a good hunt of this target reaches.
pub fn places_of(target: &Target) -> Vec<&'static str> {
    match target.name {
        "raft" => raft::PLACES.to_vec(),
        _ => Vec::new(),
    }
}

/// Everything as one document.
pub fn document(spec: &HuntSpec, ended: &Ended, findings: &[&Kept], wall: Duration) -> Value {
    let tally = &ended.reach.tally;
    let places = places_of(spec.target);
    let never: Vec<&&str> =
        places.iter().filter(|place| !tally.places.contains_key(**place)).collect();
    json!({
        "target": spec.target.name,
        "bug": spec.bug.map(|bug| bug.name),
        "seed": spec.base_seed,
        "shard": spec.shard.to_string(),
        "pinned": spec.pinned.words(),
        "threads": spec.threads,
        "ended": ended.why,
        "wall_ms": wall.as_millis() as u64,
        "next_position": ended.reach.position,
        "tally": tally,
        "places_never_reached": never,
        "findings": findings,
    })
}

#[cfg(test)]
mod tests {
    use super::{coverage, span};
    use crate::hunt::tally::{Reached, Tally};

    #[test]
    fn a_place_that_was_never_reached_is_said() {
        let mut tally = Tally::default();
        tally.places.insert("snapshot-taken".to_owned(), Reached { times: 7, cases: 2 });
        let rows = coverage(&tally, &["log-truncated", "snapshot-taken"]);
        let rows: Vec<String> = rows.iter().map(|row| row.join(" ")).collect();
        assert_eq!(rows, ["log-truncated never 0", "snapshot-taken 7 2"]);
    }

    #[test]
    fn spans_are_said_in_the_units_that_fit() {
        let s = |s: u64| span(s * 1_000_000_000);
        assert_eq!(
            [s(7), s(200), s(15_120), s(183_600)],
            ["7.0 s", "3 min 20 s", "4 h 12 min", "2 d 3 h"]
        );
    }
}
