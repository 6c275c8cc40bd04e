//! `tribunal matrix`: every planted bug hunted, and the target without one.
//!
//! In the simulated world each bug is hunted several times, from other seeds. On real processes the
//! run that exposes it is made several times, each as a `tribunal run` of its own, because an
//! enclosure belongs to a process.

use super::print_json;
use crate::case::{Case, from_words};
use crate::cli::{On, Progress};
use crate::cli_hunt::MatrixArgs;
use crate::exit::{Ending, Failure};
use crate::hunt::attempt::attempt;
use crate::hunt::matrix::{self, Caught, Hunted, Row, Smaller};
use crate::hunt::screen::{Live, places_of};
use crate::hunt::swarm::Pinned;
use crate::hunt::{Finding, HuntSpec, News, Reach, Shard, Why, hunt};
use crate::request;
use crate::runner::interrupt::Interrupts;
use crate::screen::say;
use crate::shrink::{ShrinkBudget, shrink};
use crate::store::{RunDir, write_whole};
use checkers::verdict::{Judgement, Verdict};
use serde_json::json;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use targets::catalogue::{PlantedBug, TARGETS, Target};
use targets::seed::Seed;

/// Makes the matrix.
pub(super) fn matrix(args: &MatrixArgs) -> Result<Ending, Failure> {
    let subjects = subjects(args)?;
    args.write.as_deref().map(read_page).transpose()?;
    let interrupts = Interrupts::listen()
        .map_err(|error| Failure::SetUp(format!("signals cannot be handled: {error}")))?;
    let cancelled = || interrupts.interrupted();
    let maker = Maker { args, cancelled: &cancelled };
    let wanted = subjects.iter().map(|(_, bug)| maker.wanted(*bug)).sum();
    let mut rows = Vec::new();
    let made = maker.rows(&subjects, &mut rows);
    let closing = matrix::closing(&rows, wanted, cancelled());
    let whole = made.is_ok() && !closing.interrupted;
    match &args.write {
        Some(path) if whole => write(args, path, &rows)?,
        Some(path) => eprintln!("{} is left as it was", path.display()),
        None => {}
    }
    if args.json {
        let mut document = document(args, &rows);
        document["whole"] = whole.into();
        print_json(&document)?;
    } else {
        say(&matrix::table(&rows));
        if made.is_ok() {
            say(&closing.text);
        }
    }
    made?;
    Ok(closing.ending())
}

/// What the hunts' seeds are drawn from, if nothing is said.
const SEED_DEFAULT: u64 = 1;

/// How long a hunt may take, if nothing is said.
const TIME_DEFAULT: Duration = Duration::from_secs(60);

/// How long shrinking may take, if nothing is said.
const SHRINK_BUDGET_DEFAULT: Duration = Duration::from_secs(30);

/// Flags that mean nothing on real processes are refused: they would be ignored.
fn elsewhere(args: &MatrixArgs) -> Result<(), Failure> {
    let given = [
        ("time", args.time.is_some()),
        ("seed", args.seed.is_some()),
        ("shrink", args.shrink.is_some()),
        ("shrink-budget", args.shrink_budget.is_some()),
        ("threads", args.threads.is_some()),
    ];
    match given.iter().find(|(_, given)| *given && args.on == On::Local) {
        None => Ok(()),
        Some((flag, _)) => Err(Failure::Usage(format!(
            "--{flag} means something only with --on sim: real runs are what `exposed_by` of each \
             bug says (tribunal show TARGET)"
        ))),
    }
}

/// A target, and the bug that is planted in it.
type Subject = (&'static Target, Option<&'static PlantedBug>);

/// Who is tried: every target with every planted bug, then without one.
fn subjects(args: &MatrixArgs) -> Result<Vec<Subject>, Failure> {
    elsewhere(args)?;
    if args.time.is_some_and(|time| time.is_zero()) {
        return Err(Failure::Usage("--time 0s leaves no time for a hunt: give at least 1s".into()));
    }
    if args.shrink != Some(0) && args.shrink_budget.is_some_and(|time| time.is_zero()) {
        let text = "--shrink-budget 0s leaves no time: give at least 1s, or --shrink 0";
        return Err(Failure::Usage(text.into()));
    }
    let targets: Vec<&'static Target> = match &args.target {
        Some(name) => vec![request::target(name)?],
        None if !args.bug.is_empty() => {
            let text = "--bug belongs to a target: name it, as in tribunal matrix raft --bug NAME";
            return Err(Failure::Usage(text.into()));
        }
        None => TARGETS.iter().collect(),
    };
    let mut subjects = Vec::new();
    for target in targets {
        if args.bug.is_empty() {
            subjects.extend(target.bugs.iter().map(|bug| (target, Some(bug))));
        }
        for name in &args.bug {
            subjects.push((target, Some(request::bug(target, name)?)));
        }
        if args.bug.is_empty() && args.correct != Some(0) {
            subjects.push((target, None));
        }
    }
    Ok(subjects)
}

/// The command that makes the same matrix.
fn command(args: &MatrixArgs) -> String {
    let target = args.target.as_ref().map_or(String::new(), |target| format!(" {target}"));
    let bugs = args.bug.iter().map(|bug| format!(" --bug {bug}")).collect::<String>();
    let (on, hunts) = (args.on.as_str(), args.hunts);
    let time = args.time.unwrap_or(TIME_DEFAULT).as_secs_f64();
    match args.on {
        On::Sim => format!(
            "tribunal matrix{target}{bugs} --on {on} --hunts {hunts} --time {time}s --seed {}",
            args.seed.unwrap_or(SEED_DEFAULT)
        ),
        On::Local => format!("tribunal matrix{target}{bugs} --on {on} --hunts {hunts}"),
    }
}

fn document(args: &MatrixArgs, rows: &[Row]) -> serde_json::Value {
    json!({ "on": args.on.as_str(), "command": command(args), "rows": rows })
}

/// What stands on the page. Read before anything is tried too: a page that cannot be had is
/// refused then and not after hours.
fn read_page(path: &Path) -> Result<String, Failure> {
    let refused = |error: &dyn std::fmt::Display| {
        Failure::Usage(format!("--write {}: {error}", path.display()))
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if folder.is_some_and(|folder| !folder.is_dir()) {
        return Err(refused(&"there is no such folder"));
    }
    match std::fs::read_to_string(path) {
        Ok(page) => Ok(page),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(refused(&error)),
    }
}

/// Writes the whole matrix onto the page, and beside it. One that is not whole would stand there
/// as if it were.
fn write(args: &MatrixArgs, path: &Path, rows: &[Row]) -> Result<(), Failure> {
    let on = args.on.as_str();
    let text = matrix::markdown(rows, on, &command(args));
    write_whole(path, matrix::on_page(&read_page(path)?, on, &text).as_bytes())?;
    let json = serde_json::to_vec_pretty(&document(args, rows))
        .map_err(|error| Failure::Internal(error.to_string()))?;
    write_whole(&path.with_extension(format!("{on}.json")), &json)
}

struct Maker<'a> {
    args: &'a MatrixArgs,
    cancelled: &'a (dyn Fn() -> bool + Sync),
}

impl Maker<'_> {
    /// Makes one row after the other, as far as it comes.
    fn rows(&self, subjects: &[Subject], rows: &mut Vec<Row>) -> Result<(), Failure> {
        for (target, bug) in subjects {
            if (self.cancelled)() {
                break;
            }
            let row = match self.args.on {
                On::Sim => self.simulated(target, *bug)?,
                On::Local => self.local(target, *bug)?,
            };
            if self.args.progress != Progress::None {
                let found = row.caught().count();
                let name = bug.map_or("(none)", |bug| bug.name);
                eprintln!("{} {name}: found {found} of {}", target.name, row.hunts.len());
            }
            rows.push(row);
        }
        Ok(())
    }

    /// How many hunts, or runs on real processes, there are to be for this bug.
    fn wanted(&self, bug: Option<&PlantedBug>) -> u64 {
        let hunts = self.args.hunts.into();
        match (self.args.on, bug) {
            (On::Sim, Some(_)) => hunts,
            (On::Sim, None) => 1,
            (On::Local, Some(bug)) if simulated_only(bug.exposed_by) => 0,
            (On::Local, Some(_)) => hunts,
            (On::Local, None) => self.args.correct.unwrap_or(hunts),
        }
    }

    /// Hunts in the simulated world.
    fn simulated(
        &self,
        target: &'static Target,
        bug: Option<&'static PlantedBug>,
    ) -> Result<Row, Failure> {
        let mut hunts: Vec<Hunted> = Vec::new();
        for number in 0..self.wanted(bug) {
            if (self.cancelled)() {
                break;
            }
            let Some((mut hunted, finding)) = self.hunt(target, bug, number)? else { break };
            let shrunk = hunts.iter().filter_map(|hunt| hunt.caught.as_ref()?.shrunk.as_ref());
            let shrink = self.args.shrink.unwrap_or(1) as usize;
            let wanted = shrunk.count() < shrink && bug.is_some();
            if let (Some(caught), Some(finding)) = (&mut hunted.caught, finding)
                && wanted
            {
                caught.shrunk = self.shrink(&finding)?;
            }
            hunts.push(hunted);
        }
        Ok(row(target, bug, None, hunts))
    }

    /// One hunt, and what it found. Nothing if the user ended it before it came to anything: it
    /// has missed nothing.
    fn hunt(
        &self,
        target: &'static Target,
        bug: Option<&'static PlantedBug>,
        number: u64,
    ) -> Result<Option<(Hunted, Option<Finding>)>, Failure> {
        let name = bug.map_or("(none)", |bug| bug.name);
        let seed = self.args.seed.unwrap_or(SEED_DEFAULT);
        let seed = Seed(seed).stream(&format!("hunt {number} {name}")).draw() >> 11;
        let spec = HuntSpec {
            target,
            bug,
            base_seed: seed,
            shard: Shard::ALL,
            pinned: Pinned::default(),
            cases_max: bug.is_none().then(|| self.args.correct.unwrap_or(CORRECT_CASES)),
            wall: bug.map(|_| self.args.time.unwrap_or(TIME_DEFAULT)),
            threads: self.args.threads.map_or_else(super::hunt::cores, usize::from),
            keep_going: bug.is_none(),
        };
        let mut live = Live::new(self.args.progress, &Reach::default());
        let places = places_of(target);
        let prefix = format!("{name} #{number}  ");
        let mut observe = |news: News<'_>| {
            if let News::Advanced(reach) = news {
                live.advance(&prefix, &reach.tally, &places);
            }
            Ok(())
        };
        let ended = hunt(&spec, Reach::default(), &attempt, &mut observe, self.cancelled)?;
        live.finish();
        if let Some(finding) = ended.findings.iter().find(|finding| finding.harness_panicked) {
            return Err(super::hunt::panicked(finding));
        }
        let finding = ended.findings.first().cloned();
        if finding.is_none() && ended.why == Why::Cancelled {
            return Ok(None);
        }
        let caught = finding.as_ref().map(|finding| Caught {
            checker: finding.checker.clone(),
            evidence_ops: finding.evidence_ops,
            words: finding.words.clone(),
            shrunk: None,
        });
        let hunted = Hunted {
            seed,
            runs: ended.reach.tally.cases,
            simulated_ns: Some(ended.reach.tally.simulated_ns),
            wall_ms: ended.wall.as_millis() as u64,
            caught,
        };
        Ok(Some((hunted, finding)))
    }

    /// Makes a finding small; one that panicked stays as it is.
    fn shrink(&self, finding: &Finding) -> Result<Option<Smaller>, Failure> {
        if finding.checker == "panic" {
            return Ok(None);
        }
        let case = Case::of(from_words(&finding.words)?)?;
        let time = self.args.shrink_budget.unwrap_or(SHRINK_BUDGET_DEFAULT);
        let shrunk = shrink(&case, &finding.checker, &ShrinkBudget::within(time), self.cancelled);
        if (self.cancelled)() {
            // Not as small as it gets, whatever came of it.
            return Ok(None);
        }
        let shrunk = shrunk?;
        let evidence_ops = match &shrunk.judgement.verdict {
            Verdict::Invalid { evidence } => evidence.len(),
            _ => return Err(Failure::Internal("what was shrunk is no violation".to_owned())),
        };
        let (operations, faults, runs) = (shrunk.operations, shrunk.faults, shrunk.runs);
        Ok(Some(Smaller { operations, faults, evidence_ops, runs }))
    }

    /// Makes the run that exposes the bug, as often as asked for, on real processes.
    fn local(
        &self,
        target: &'static Target,
        bug: Option<&'static PlantedBug>,
    ) -> Result<Row, Failure> {
        let given = bug.map_or(CORRECT_LOCAL, |bug| bug.exposed_by);
        if simulated_only(given) {
            let skipped = Some("only in the simulated world".to_owned());
            return Ok(Row { skipped, ..row(target, bug, Some(given), Vec::new()) });
        }
        let mut hunts = Vec::new();
        for seed in 1..=self.wanted(bug) {
            if (self.cancelled)() {
                break;
            }
            let mut words = vec!["run".to_owned(), target.name.to_owned()];
            words.extend(bug.iter().flat_map(|bug| ["--bug".to_owned(), bug.name.to_owned()]));
            words.extend(given.split_whitespace().map(str::to_owned));
            words.extend(["--seed".to_owned(), seed.to_string()]);
            match self.run_alone(seed, &words)? {
                Some(hunted) => hunts.push(hunted),
                None => break,
            }
        }
        Ok(row(target, bug, Some(given), hunts))
    }

    /// One run as a process of its own. Nothing if the user ended it.
    fn run_alone(&self, seed: u64, words: &[String]) -> Result<Option<Hunted>, Failure> {
        let failed = |error: std::io::Error| {
            Failure::SetUp(format!("tribunal {} cannot be started: {error}", words.join(" ")))
        };
        let program = std::env::current_exe().map_err(failed)?;
        // A store of its own says which run was this one.
        let store = self.args.store.store.join("matrix").join(seed.to_string());
        let begin = Instant::now();
        let status = Command::new(program)
            .args(words)
            .arg("--store")
            .arg(&store)
            .args(["--progress", "none"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .map_err(failed)?;
        let wall_ms = begin.elapsed().as_millis() as u64;
        let caught = match status.code() {
            Some(1) => Some(verdict(&RunDir::find(&store, "latest")?, words)?),
            Some(0 | 2) => None,
            Some(INTERRUPTED) => return Ok(None),
            _ if (self.cancelled)() => return Ok(None),
            code => {
                let code = code.map_or("a signal".to_owned(), |code| code.to_string());
                let text = format!("tribunal {} ended with {code}", words.join(" "));
                return Err(Failure::ControlLost(text));
            }
        };
        Ok(Some(Hunted { seed, runs: 1, simulated_ns: None, wall_ms, caught }))
    }
}

/// The exit code of a run that was ended by the user, see [`Ending::Interrupted`].
const INTERRUPTED: i32 = 13;

/// Whether the run that exposes a bug is one of the simulated world.
fn simulated_only(exposed_by: &str) -> bool {
    exposed_by.contains("--on sim")
}

/// Cases of the correct target, if nothing else is asked for.
const CORRECT_CASES: u64 = 10_000;

/// What a correct target has to bear on real processes.
const CORRECT_LOCAL: &str = "--faults all --time 60s";

fn row(
    target: &Target,
    bug: Option<&PlantedBug>,
    arguments: Option<&str>,
    hunts: Vec<Hunted>,
) -> Row {
    Row {
        target: target.name.to_owned(),
        bug: bug.map(|bug| bug.name.to_owned()),
        arguments: arguments.map(str::to_owned),
        skipped: None,
        hunts,
    }
}

/// Who found what, as the run's verdict says.
fn verdict(run: &RunDir, words: &[String]) -> Result<Caught, Failure> {
    let path = run.file("verdict.json");
    let lost = |why: String| Failure::ControlLost(format!("{}: {why}", path.display()));
    let text = std::fs::read(&path).map_err(|error| lost(error.to_string()))?;
    let document: serde_json::Value =
        serde_json::from_slice(&text).map_err(|error| lost(error.to_string()))?;
    let judgements: Vec<Judgement> = serde_json::from_value(document["judgements"].clone())
        .map_err(|error| lost(error.to_string()))?;
    let found = judgements.into_iter().find_map(|judgement| match judgement.verdict {
        Verdict::Invalid { evidence } => Some((judgement.checker, evidence.len())),
        _ => None,
    });
    let (checker, evidence_ops) = found
        .ok_or_else(|| lost("no judgement is invalid, but the run's exit code is 1".into()))?;
    Ok(Caught { checker, evidence_ops, words: words.to_vec(), shrunk: None })
}
