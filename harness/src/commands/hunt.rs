//! `tribunal hunt`: many random cases in the simulated world, until something is found.

use super::print_json;
use crate::case::{Case, from_words};
use crate::cli_hunt::{HuntArgs, PinArgs};
use crate::exit::{Ending, Failure};
use crate::hunt::attempt::attempt;
use crate::hunt::journal::{self, Began, Journal, Kept};
use crate::hunt::screen::{self, Live};
use crate::hunt::swarm::{self, Pinned};
use crate::hunt::{Ended, Finding, HuntSpec, News, Why, hunt as go_hunting};
use crate::request::{self, random_seed};
use crate::runner::interrupt::Interrupts;
use crate::screen::say;
use crate::trial;
use nemesis::plan::MIN_MAIN_PHASE_MS;
use std::path::Path;
use std::time::{Duration, Instant};

/// Without any bound a hunt takes so long.
const TIME_DEFAULT: Duration = Duration::from_secs(60);

/// The journal says how far the hunt is this often.
const PROGRESS_EVERY: Duration = Duration::from_secs(2);

/// So many findings become runs of their own; further ones are only written down.
const RUNS_MAX: usize = 20;

/// So many cases are drawn and looked at before the first one is played.
const CHECKED_FIRST: u64 = 64;

/// Hunts.
pub(super) fn hunt(args: &HuntArgs) -> Result<Ending, Failure> {
    let build = journal::build()?;
    let spec = spec(args, &build)?;
    let store = args.store.store.as_path();
    let mut journal = Journal::open(store, Began::of(&spec, &build), args.fresh)?;
    let say = |text: &str| {
        if !args.json {
            say(text);
        }
    };
    say(&screen::opening(&spec, journal.folder(), journal.reach()));
    if let Some(note) = &journal.note {
        say(&format!("NOTE: {}: {note}", journal.folder().display()));
    }
    let interrupts = Interrupts::listen()
        .map_err(|error| Failure::SetUp(format!("signals cannot be handled: {error}")))?;
    let (from, before) = (journal.reach().clone(), journal.wall());
    let hunter = Hunter {
        live: Live::new(args.progress, journal.reach()),
        store,
        places: screen::places_of(spec.target),
        begin: Instant::now(),
        before,
        noted: Instant::now(),
        quiet: args.json,
        journal: &mut journal,
        cancelled: &|| interrupts.interrupted(),
    };
    let (ended, damage) = hunter.finish(&spec)?;
    let wall = before + ended.wall;
    let findings: Vec<&Kept> = journal.findings().collect();
    let nothing_new = screen::nothing_new(&ended, &from, findings.len());
    if args.json {
        let mut document = screen::document(&spec, &ended, &findings, wall);
        document["notes"] = journal.note.iter().chain(&nothing_new).cloned().collect();
        print_json(&document)?;
    } else {
        say(&screen::closing(&spec, &ended, &findings, wall));
        if let Some(note) = nothing_new {
            say(&format!("NOTE: {note}"));
        }
    }
    if let Some(damage) = damage {
        // Beside what was found and never instead of it.
        anstream::eprintln!("tribunal: {damage}");
    }
    ending(&ended, &findings)
}

/// How the hunt ended, for whoever called it.
fn ending(ended: &Ended, findings: &[&Kept]) -> Result<Ending, Failure> {
    let tally = &ended.reach.tally;
    if findings.iter().any(|kept| !kept.finding.harness_panicked) {
        return Ok(Ending::Invalid);
    }
    if let Some(kept) = findings.first() {
        return Err(panicked(&kept.finding));
    }
    Ok(match ended.why {
        Why::Cancelled => Ending::Interrupted,
        _ if tally.valid == 0 => Ending::Unknown,
        _ => Ending::Valid,
    })
}

/// The harness panicked, which is nobody's finding.
pub(super) fn panicked(finding: &Finding) -> Failure {
    let Finding { seed, sentence, words, .. } = finding;
    Failure::Internal(format!("seed {seed}: {sentence}\nrepeat with: {}", words.join(" ")))
}

/// What was asked, checked: nothing is started before every name and number is known to be good.
fn spec(args: &HuntArgs, build: &str) -> Result<HuntSpec, Failure> {
    let target = request::target(&args.target)?;
    let bug = args.bug.as_deref().map(|name| request::bug(target, name)).transpose()?;
    if args.time.is_some_and(|time| time.is_zero()) {
        return Err(Failure::Usage("--time 0s leaves no time for a hunt: give at least 1s".into()));
    }
    let wall = match (args.time, args.seeds) {
        (None, None) => Some(TIME_DEFAULT),
        (time, _) => time,
    };
    let mut spec = HuntSpec {
        target,
        bug,
        base_seed: args.seed.unwrap_or_else(random_seed),
        shard: args.shard,
        pinned: pinned(&args.pins),
        cases_max: args.seeds,
        wall,
        threads: args.threads.map_or_else(cores, usize::from),
        keep_going: args.keep_going,
    };
    if spec.cases_max.is_some_and(|cases| spec.shard.share(cases) == 0) {
        let text = format!("--seeds has no case for shard {}: give more seeds", spec.shard);
        return Err(Failure::Usage(text));
    }
    check_pins(&spec)?;
    if args.resume {
        let seeds = Journal::seeds(&args.store.store, &Began::of(&spec, build));
        spec.base_seed = *seeds.first().ok_or_else(|| {
            let store = args.store.store.display();
            Failure::Nothing(format!(
                "no hunt of this target, bug and shard to go on with in {store}"
            ))
        })?;
    }
    Ok(spec)
}

/// Refuses pins that some case cannot be made with. One case is not enough: whether there is time
/// for faults is asked only by a case that has some.
fn check_pins(spec: &HuntSpec) -> Result<(), Failure> {
    if let Some(time) = spec.pinned.run_time {
        let calm = spec.pinned.faults.as_ref().is_some_and(|faults| *faults == ["none"]);
        let least_ms = if calm { 1 } else { MIN_MAIN_PHASE_MS };
        if time < Duration::from_millis(least_ms) {
            let or = if calm { "" } else { ", or --faults none" };
            return Err(Failure::Usage(format!(
                "--run-time {time:?} leaves no time for a test: give at least {least_ms}ms{or}"
            )));
        }
    }
    (0..CHECKED_FIRST).try_for_each(|index| {
        let seed = swarm::case_seed(spec.base_seed, index);
        let words = swarm::words(spec.target, spec.bug, &spec.pinned, seed);
        Case::of(from_words(&words)?).map(drop)
    })
}

/// As many cases at once as this machine has cores for.
pub(super) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn pinned(pins: &PinArgs) -> Pinned {
    let reads = pins.reads.iter().map(|reads| format!("reads={reads}"));
    Pinned {
        nodes: pins.nodes,
        clients: pins.clients,
        rate: pins.rate,
        faults: pins.faults.clone(),
        options: pins.options.iter().cloned().chain(reads).collect(),
        run_time: pins.run_time,
    }
}

/// A hunt as it goes on.
struct Hunter<'a> {
    journal: &'a mut Journal,
    live: Live,
    store: &'a Path,
    places: Vec<&'static str>,
    begin: Instant,
    /// How long earlier hunts took.
    before: Duration,
    noted: Instant,
    quiet: bool,
    cancelled: &'a (dyn Fn() -> bool + Sync),
}

impl Hunter<'_> {
    /// Hunts. What breaks the hunt is said beside what was found before; if that is nothing, it is
    /// the failure.
    fn finish(mut self, spec: &HuntSpec) -> Result<(Ended, Option<Failure>), Failure> {
        let stored = self.store_what_was_left();
        let hunted = stored.and_then(|()| self.hunt(spec)).and_then(|ended| {
            self.journal.progress(&ended.reach, self.before + ended.wall)?;
            Ok(ended)
        });
        self.live.finish();
        match hunted {
            Ok(ended) => Ok((ended, None)),
            Err(failure) if self.journal.findings().next().is_none() => Err(failure),
            Err(failure) => {
                let (reach, wall) = (self.journal.reach().clone(), self.begin.elapsed());
                let ended = Ended { reach, findings: Vec::new(), why: Why::Broken, wall };
                Ok((ended, Some(failure)))
            }
        }
    }

    fn hunt(&mut self, spec: &HuntSpec) -> Result<Ended, Failure> {
        let from = self.journal.reach().clone();
        if !spec.keep_going && self.journal.findings().next().is_some() {
            // It had ended with what it found; going on is asked for with --keep-going.
            let (findings, wall) = (Vec::new(), Duration::ZERO);
            return Ok(Ended { reach: from, findings, why: Why::Found, wall });
        }
        let cancelled = self.cancelled;
        let mut observe = |news: News<'_>| self.hear(&news);
        go_hunting(spec, from, &attempt, &mut observe, cancelled)
    }

    fn hear(&mut self, news: &News<'_>) -> Result<(), Failure> {
        match news {
            News::Found(finding, _) => self.found(finding),
            News::Advanced(reach) => {
                self.live.advance("", &reach.tally, &self.places);
                if self.noted.elapsed() < PROGRESS_EVERY {
                    return Ok(());
                }
                self.noted = Instant::now();
                self.journal.progress(reach, self.before + self.begin.elapsed())
            }
        }
    }

    /// Writes a finding down, stores its run, and only then announces it.
    fn found(&mut self, finding: &Finding) -> Result<(), Failure> {
        match self.journal.found(finding) {
            Ok(true) => self.keep(finding),
            Ok(false) => Ok(()),
            Err(failure) => {
                let damage = vec![in_a_line(&failure)];
                self.announce(&Kept { damage, ..Kept::unstored(finding.clone()) });
                Err(failure)
            }
        }
    }

    /// Findings that an earlier hunt had no time to store.
    fn store_what_was_left(&mut self) -> Result<(), Failure> {
        let left: Vec<Finding> = self
            .journal
            .findings()
            .filter(|kept| kept.run.is_none() && kept.finding.checker != "panic")
            .map(|kept| kept.finding.clone())
            .take(RUNS_MAX.saturating_sub(self.stored()))
            .collect();
        left.iter().try_for_each(|finding| self.keep(finding))
    }

    /// How many findings have a run of their own.
    fn stored(&self) -> usize {
        self.journal.findings().filter(|kept| kept.run.is_some()).count()
    }

    /// Stores the run of a finding and announces it. A run that cannot be stored makes it no less
    /// a finding.
    fn keep(&mut self, finding: &Finding) -> Result<(), Failure> {
        let mut kept = Kept::unstored(finding.clone());
        // Whatever panics does so again; its command line is enough.
        if self.stored() < RUNS_MAX && finding.checker != "panic" {
            match self.play_again(finding) {
                Ok(run) => kept.run = Some(run),
                Err(damage) => kept.damage = damage,
            }
        }
        let noted = match &kept.run {
            Some(run) => self.journal.stored(finding.index, run),
            None => Ok(()),
        };
        kept.damage.extend(noted.as_ref().err().map(in_a_line));
        self.journal.damaged(finding.index, &kept.damage);
        self.announce(&kept);
        noted
    }

    fn announce(&self, kept: &Kept) {
        if !self.quiet {
            let text = screen::announcement(kept, self.store);
            self.live.aside(|| say(&text));
        }
    }

    /// Plays the case once more, into the store. The run's name, or why there is no whole run.
    fn play_again(&self, finding: &Finding) -> Result<String, Vec<String>> {
        let kept = self.store_run(finding).map_err(|failure| vec![in_a_line(&failure)])?;
        let name = kept.run.name();
        let mut damage: Vec<String> = kept.failures.iter().map(in_a_line).collect();
        if !kept.run.file("report.html").exists() {
            damage.push(format!("report {}", kept.report));
        }
        if kept.ending != Ending::Invalid {
            let again = "when it was played again, the claim held: this is a bug in tribunal";
            damage.push(again.to_owned());
        }
        match damage.is_empty() {
            true => Ok(name),
            false => Err(damage.iter().map(|what| format!("{name}: {what}")).collect()),
        }
    }

    fn store_run(&self, finding: &Finding) -> Result<trial::simulated::Kept, Failure> {
        let case = Case::of(from_words(&finding.words)?)?;
        let folder = self.journal.folder().file_name().unwrap_or_default().to_string_lossy();
        let origin = format!("hunt {folder}, case {}", finding.index);
        // An impatient user still wants what was found: this takes moments.
        trial::simulated::keep(&case, self.store, &origin, true, None)
    }
}

/// A failure beside others.
fn in_a_line(failure: &Failure) -> String {
    failure.to_string().replace('\n', "; ")
}
