//! The engine against a cluster in memory, honest or lying: golden scenarios, and what must hold in
//! all of them.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

mod support;

use goldenscript::{Command, Context, Runner};
use nemesis::engine::{Engine, EngineOptions, Happened, Step};
use nemesis::fault::{Crash, Fault, MemberPlay, NodeClock, Scope, Victims};
use nemesis::ledger::{Ledger, Mode, replay};
use nemesis::plan::{PlanOptions, PlannedFault, plan};
use nemesis::shape::{Direction, Shape};
use proptest::prelude::any;
use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;
use support::{Cluster, Lie, Process};
use targets::environment::{Clock, Disk, NodeEvent, Strobe};
use targets::links::{Link, NodeId};
use targets::protocol::Note;
use targets::seed::Seed;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn node(word: &str) -> Outcome<NodeId> {
    let number: u8 = word.strip_prefix('n').ok_or("a node is n1, n2, ...")?.parse()?;
    Ok(NodeId(number - 1))
}

/// Reads a fault of a clock.
fn clock(what: &str, rest: &str) -> Outcome<Fault> {
    let (who, much) = rest.split_once(' ').ok_or("rate n1 100000")?;
    let right = Clock::default();
    let clock = match what {
        "rate" => Clock { rate_ppm: much.parse()?, ..right },
        "offset" => Clock { offset_ms: much.parse()?, ..right },
        _ => {
            let strobe = Strobe { period_ms: 80, ahead_ms: much.parse()? };
            Clock { strobe: Some(strobe), ..right }
        }
    };
    Ok(Fault::Clocks { clocks: vec![NodeClock { node: node(who)?, clock }] })
}

/// Reads a fault of disks.
fn disks(what: &str, on: Vec<NodeId>) -> Outcome<Fault> {
    let works = Disk::default();
    let (disk, crash) = match what {
        "disk-slow" => (Disk { sync_delay_us: 20_000, ..works }, Crash::Never),
        "disk-errors" => (Disk { write_error_ppm: 50_000, ..works }, Crash::Never),
        "disk-corrupt" => (Disk { corrupt_ppm: 100_000, ..works }, Crash::First),
        "disk-lies" => (Disk { lies: true, ..works }, Crash::Last),
        other => return Err(format!("no fault {other}").into()),
    };
    Ok(Fault::Disks { on, disk, crash })
}

/// Reads a fault in words.
fn fault(words: &str) -> Outcome<Fault> {
    let (what, rest) = words.split_once(' ').unwrap_or((words, ""));
    let nodes = |text: &str| text.split_whitespace().map(node).collect::<Outcome<Vec<_>>>();
    let victims = || match rest {
        "leader" => Ok(Victims::Leader),
        _ => nodes(rest).map(Victims::Nodes),
    };
    let links = |link: Link| {
        let on = match rest {
            "all" => Scope::Everywhere,
            "leader" => Scope::Leader,
            one => Scope::Node(node(one)?),
        };
        Ok(Fault::Links { on, link })
    };
    match what {
        "cut" if rest == "leader" => Ok(Fault::Partition(Shape::Leader)),
        "cut" => {
            let (one, other) = rest.split_once('|').ok_or("cut n1 | n2")?;
            Ok(Fault::Partition(Shape::Split { one: nodes(one)?, other: nodes(other)? }))
        }
        "deaf" => {
            let direction = Direction::Deaf;
            Ok(Fault::Partition(Shape::OneWay { node: node(rest)?, direction }))
        }
        "clients-cut" => Ok(Fault::ClientsCut { node: node(rest)? }),
        "kill" => Ok(Fault::Kill { on: victims()? }),
        "pause" => Ok(Fault::Pause { on: victims()? }),
        "slow" => links(Link { delay_us: 40_000, jitter_us: 10_000, ..Link::default() }),
        "lossy" => links(Link {
            delay_us: 2000,
            loss_ppm: 100_000,
            duplicate_ppm: 20_000,
            reorder_ppm: 20_000,
            ..Link::default()
        }),
        "jam" => links(Link { hold: true, ..Link::default() }),
        "corrupt" => links(Link { corrupt_ppm: 20_000, ..Link::default() }),
        "narrow" => links(Link { rate_bytes_per_s: Some(16 * 1024), ..Link::default() }),
        "storm" => Ok(Fault::ElectionStorm { seed: rest.parse()? }),
        "deposed" => Ok(Fault::DeposedLeaders { seed: rest.parse()? }),
        "members" => Ok(Fault::Members { play: MemberPlay::Calm, seed: rest.parse()? }),
        "churn" => Ok(Fault::Members { play: MemberPlay::Churn, seed: rest.parse()? }),
        "minority" => Ok(Fault::Members { play: MemberPlay::Minority, seed: rest.parse()? }),
        "sluggish" => Ok(Fault::Pace { on: victims()?, step_us: 5000 }),
        "rate" | "offset" | "strobe" => clock(what, rest),
        _ if what.starts_with("disk-") => disks(what, nodes(rest)?),
        other => Err(format!("no fault {other}").into()),
    }
}

/// One cluster under one engine.
struct Scene {
    cluster: Cluster,
    plan: Vec<PlannedFault>,
    engine: Option<Engine<Cluster>>,
    folder: tempfile::TempDir,
    now_ms: u64,
    deadline_ms: u64,
    /// Whether the ledger is a file.
    on_disk: bool,
}

impl Scene {
    fn new(nodes: u8) -> Self {
        let (cluster, folder) = (Cluster::new(nodes), tempfile::tempdir().unwrap());
        let (plan, now_ms, deadline_ms) = (Vec::new(), 0, 50);
        Self { cluster, plan, engine: None, folder, now_ms, deadline_ms, on_disk: true }
    }

    fn ledger(&self) -> std::path::PathBuf {
        self.folder.path().join("faults.jsonl")
    }

    fn engine(&mut self) -> &mut Engine<Cluster> {
        if self.engine.is_none() {
            let ledger = match self.on_disk {
                true => Ledger::open(&self.ledger()).unwrap(),
                false => Ledger::in_memory(),
            };
            let deadline = Duration::from_millis(self.deadline_ms);
            let options = EngineOptions {
                calm_delay: Duration::ZERO,
                probe_wait: Duration::ZERO,
                serving_deadline: deadline,
                members_deadline: deadline,
            };
            let environment = self.cluster.clone();
            let stream = Seed(1).stream("nemesis");
            let engine = Engine::new(environment, self.plan.clone(), ledger, stream, options);
            self.engine = Some(engine.unwrap());
        }
        self.engine.as_mut().unwrap()
    }

    fn poll(&mut self) -> Vec<Happened> {
        let now = Duration::from_millis(self.now_ms);
        self.cluster.with(|state| state.now_ns = now.as_nanos() as u64);
        self.engine().poll(now)
    }

    /// Polls every ten milliseconds until this time.
    fn poll_until(&mut self, until_ms: u64, mut each: impl FnMut(u64, &Happened)) {
        while self.now_ms < until_ms {
            self.now_ms = (self.now_ms + 10).min(until_ms);
            for report in self.poll() {
                each(self.now_ms, &report);
            }
        }
    }

    fn heal(&mut self) -> Vec<Happened> {
        self.engine().begin_heal();
        let mut reports = Vec::new();
        while !self.engine().is_healed() {
            self.now_ms += 2;
            reports.extend(self.poll());
        }
        reports
    }
}

fn tell(report: &Happened, with_evidence: bool) -> String {
    match report {
        Happened::Fault { id, name, step, text, seen } => {
            let step = serde_json::to_value(step).unwrap();
            let step = step.as_str().unwrap();
            let seen = if with_evidence { format!("\n    {seen}") } else { String::new() };
            format!("#{id} {name} {step}: {text}{seen}")
        }
        Happened::Leader { node, term } => format!("{node} leads in term {term}"),
        Happened::Died { node, how } => format!("{node} died: {how}"),
        Happened::Reached { node, place } => format!("{node} reached {place}"),
    }
}

struct Scenes(Scene);

impl Scenes {
    fn set_up(&mut self, name: &str, words: &[&str], key: Option<(&str, &str)>) -> Outcome<String> {
        match (name, words) {
            ("cluster", [nodes]) => self.0 = Scene::new(nodes.parse()?),
            ("fault", [id, window, does]) => {
                let (start, stop) = window.split_once("..").ok_or("a window is 100..200")?;
                self.0.plan.push(PlannedFault {
                    id: id.parse()?,
                    start_ms: start.parse()?,
                    stop_ms: stop.parse()?,
                    fault: does.split(' ').next().unwrap_or_default().to_owned(),
                    does: fault(does)?,
                });
            }
            ("deadline", [ms]) => self.0.deadline_ms = ms.parse()?,
            ("lie" | "honest", lies) => {
                for lie in lies {
                    let all = Lie::ALL;
                    let (_, lie) = all.iter().find(|(n, _)| n == lie).ok_or("no such lie")?;
                    self.0.cluster.with(|state| {
                        if name == "lie" { state.lies.insert(*lie) } else { state.lies.remove(lie) }
                    });
                }
            }
            ("without-links", [reason]) => {
                self.0.cluster.with(|state| state.without_links = Some((*reason).to_owned()));
            }
            ("leads", [who]) => {
                let (_, term) = key.ok_or("leads n1 term=2")?;
                let note = Note::Leading { term: term.parse()? };
                self.0.cluster.say(node(who)?, NodeEvent::Note(note));
            }
            ("follows", [who]) => {
                let (_, term) = key.ok_or("follows n1 term=2")?;
                let note = Note::Following { term: term.parse()? };
                self.0.cluster.say(node(who)?, NodeEvent::Note(note));
            }
            ("reaches", [who, place]) => {
                let note = Note::Sometimes { place: (*place).to_owned().into() };
                self.0.cluster.say(node(who)?, NodeEvent::Note(note));
            }
            ("dies", [who, how]) => self.0.cluster.die(node(who)?, how),
            _ => return Err(format!("no command {name} of {} words", words.len()).into()),
        }
        Ok(String::new())
    }
}

impl Runner for Scenes {
    type Command = Command;

    fn run(&mut self, command: &Command, _: &Context) -> Outcome<String> {
        let mut args = command.consume_args();
        let key = args.next_key();
        let mut words = Vec::new();
        while let Some(word) = args.next_pos() {
            words.push(word);
        }
        let scene = &mut self.0;
        match (command.name.as_str(), words.as_slice()) {
            ("until", [until_ms]) => {
                let mut lines = String::new();
                let evidence = key == Some(("evidence", "yes"));
                scene.poll_until(until_ms.parse()?, |now_ms, report| {
                    lines += &format!("{now_ms} ms: {}\n", tell(report, evidence));
                });
                Ok(lines)
            }
            ("heal", []) => {
                let lines: Vec<String> = scene
                    .heal()
                    .iter()
                    .map(|report| format!("{}\n", tell(report, false)))
                    .collect();
                Ok(lines.concat())
            }
            ("links", []) => Ok(scene.cluster.links().iter().map(|l| format!("{l}\n")).collect()),
            ("nodes", []) => {
                let processes = scene.cluster.with(|state| state.processes.clone());
                let lines = (1..).zip(processes).map(|(n, process)| format!("n{n} {process:?}\n"));
                Ok(lines.collect())
            }
            ("calls", []) => {
                let calls = scene.cluster.with(|state| std::mem::take(&mut state.calls));
                Ok(calls.iter().map(|call| format!("{call}\n")).collect())
            }
            ("ledger", []) => Ok(std::fs::read_to_string(scene.ledger())?),
            (name, words) => self.set_up(name, words, key),
        }
    }
}

#[test]
fn scenes() {
    for script in std::fs::read_dir("tests/scripts/engine").unwrap() {
        let mut scenes = Scenes(Scene::new(3));
        goldenscript::run(&mut scenes, script.unwrap().path()).unwrap();
    }
}

/// The steps of each fault, in order.
fn steps(reports: &[Happened]) -> BTreeMap<u32, Vec<Step>> {
    let mut steps: BTreeMap<u32, Vec<Step>> = BTreeMap::new();
    for report in reports {
        if let Happened::Fault { id, step, .. } = report {
            steps.entry(*id).or_default().push(*step);
        }
    }
    steps
}

/// Runs a plan of everything against the cluster, with a leader now and then.
fn run_everything(scene: &mut Scene, seed: u64) -> Vec<Happened> {
    let mut stream = Seed(seed).stream("test");
    scene.deadline_ms = 1000;
    let options = PlanOptions { interval_ms: Some(900), length_ms: Some(700) };
    let names = ["all".to_owned()];
    scene.plan = plan(&names, 5, 9000, options, &mut Seed(seed).stream("nemesis")).unwrap();
    let mut reports = Vec::new();
    for (term, until_ms) in (1..).zip((0..9000).step_by(300)) {
        let who = NodeId(stream.below(5) as u8);
        let runs = |state: &mut support::State| state.processes[usize::from(who.0)];
        if scene.cluster.with(runs) == Process::Running && stream.below(4) > 0 {
            scene.cluster.say(who, NodeEvent::Note(Note::Leading { term }));
        } else if stream.below(8) == 0 && scene.cluster.with(runs) == Process::Running {
            scene.cluster.die(who, "signal 6");
        }
        scene.poll_until(until_ms, |_, report| reports.push(report.clone()));
    }
    scene.poll_until(9100, |_, report| reports.push(report.clone()));
    reports
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 10, ..Default::default() })]

    #[test]
    fn in_an_honest_cluster_every_fault_is_seen_and_nothing_is_left(seed in any::<u64>()) {
        let mut scene = Scene::new(5);
        scene.on_disk = false;
        let mut reports = run_everything(&mut scene, seed);
        // Before the heal: layers of faults that have ended leave nothing behind.
        proptest::prop_assert_eq!(scene.cluster.links(), Vec::<String>::new());
        reports.extend(scene.heal());
        proptest::prop_assert!(scene.cluster.is_whole());
        proptest::prop_assert!(!scene.engine().is_busy());
        let told = steps(&reports);
        proptest::prop_assert_eq!(told.len(), scene.plan.len());
        for (id, steps) in told {
            let fine = [
                vec![Step::Asked, Step::Installed, Step::Healed],
                vec![Step::Asked, Step::Skipped],
            ];
            // What is hidden behind the cuts of other faults cannot be seen.
            let hidden = reports.iter().any(|report| matches!(
                report,
                Happened::Fault { id: other, step: Step::Indeterminate, text, .. }
                    if *other == id && text.contains("hidden behind")
            ));
            proptest::prop_assert!(hidden || fine.contains(&steps), "#{id}: {steps:?}");
        }
    }

    #[test]
    fn the_same_seed_and_the_same_cluster_give_the_same_run(seed in any::<u64>()) {
        let run = || {
            let mut scene = Scene::new(5);
            scene.on_disk = false;
            let reports = run_everything(&mut scene, seed);
            let told: Vec<String> = reports.iter().map(|report| tell(report, true)).collect();
            (told, scene.cluster.with(|state| state.calls.clone()))
        };
        proptest::prop_assert_eq!(run(), run());
    }
}

/// Plays a plan of everything and a heal, millisecond by millisecond. The engine is polled at every
/// one of them, or only when nodes have news or it has asked for it.
fn play(seed: u64, at_every_ms: bool, lies: bool) -> (Vec<String>, Vec<String>, u32) {
    let mut scene = Scene::new(5);
    (scene.deadline_ms, scene.on_disk) = (300, false);
    let options = PlanOptions { interval_ms: Some(900), length_ms: Some(700) };
    let names = ["all".to_owned()];
    scene.plan = plan(&names, 5, 6000, options, &mut Seed(seed).stream("nemesis")).unwrap();
    let mut stream = Seed(seed).stream("test");
    let (mut told, mut polls, mut term) = (Vec::new(), 0, 0);
    for now_ms in 0..6700 {
        let who = NodeId(stream.below(5) as u8);
        let event = stream.below(200);
        let runs = scene.cluster.with(|state| state.processes[usize::from(who.0)]);
        if event == 0 && runs == Process::Running {
            term += 1;
            scene.cluster.say(who, NodeEvent::Note(Note::Leading { term }));
        } else if event == 1 && runs == Process::Running && stream.below(8) == 0 {
            scene.cluster.die(who, "signal 6");
        } else if event == 2 && lies {
            let (_, lie) = Lie::ALL[stream.below(Lie::ALL.len() as u64) as usize];
            scene.cluster.with(|state| {
                if !state.lies.remove(&lie) {
                    state.lies.insert(lie);
                }
            });
        }
        match now_ms {
            // Nodes that died by themselves cannot be brought back at once.
            6200 => {
                scene.cluster.with(|state| state.lies.insert(Lie::StartFails));
                scene.engine().begin_heal();
            }
            6350 => scene.cluster.with(|state| state.lies.clear()),
            _ => {}
        }
        let news = scene.cluster.with(|state| !state.news.is_empty());
        let due = scene.engine().wake_ms().is_some_and(|wake_ms| wake_ms <= now_ms);
        if at_every_ms || news || due {
            polls += 1;
            scene.now_ms = now_ms;
            let happened = scene.poll();
            told.extend(happened.iter().map(|what| format!("{now_ms}: {}", tell(what, true))));
        }
    }
    assert!(scene.engine().is_healed());
    (told, scene.cluster.with(|state| state.calls.clone()), polls)
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 20, ..Default::default() })]

    #[test]
    fn polled_only_when_it_asks_or_nodes_have_news_it_does_the_same(
        seed in any::<u64>(),
        lies in any::<bool>(),
    ) {
        let (told, calls, _) = play(seed, true, lies);
        let (told_rarely, calls_rarely, polls) = play(seed, false, lies);
        proptest::prop_assert_eq!(told, told_rarely);
        proptest::prop_assert_eq!(calls, calls_rarely);
        proptest::prop_assert!(polls < 6700 / 6, "{polls} polls");
    }
}

/// Runs one fault in a lying cluster of three, and gives its steps.
fn under(lie: Lie, does: &str, lie_from_ms: u64) -> Vec<Step> {
    let mut scene = Scene::new(3);
    let does = fault(does).unwrap();
    let name = "fault".to_owned();
    scene.plan = vec![PlannedFault { id: 1, start_ms: 10, stop_ms: 200, fault: name, does }];
    scene.cluster.say(NodeId(0), NodeEvent::Note(Note::Leading { term: 1 }));
    let mut reports = Vec::new();
    let tell_lie = |scene: &Scene| scene.cluster.with(|state| state.lies.insert(lie));
    if lie_from_ms == 0 {
        tell_lie(&scene);
    }
    scene.poll_until(100, |_, report| reports.push(report.clone()));
    tell_lie(&scene);
    scene.poll_until(400, |_, report| reports.push(report.clone()));
    reports.extend(scene.heal());
    steps(&reports).remove(&1).unwrap()
}

#[test]
fn a_lie_is_never_taken_for_an_effect() {
    let lies = [
        (Lie::CutPasses, "cut n1 | n2 n3"),
        (Lie::CutPasses, "cut leader"),
        (Lie::CutPasses, "deaf n2"),
        (Lie::CutPasses, "clients-cut n2"),
        (Lie::CutPasses, "jam n1"),
        (Lie::CutPasses, "storm 1"),
        (Lie::CutPasses, "deposed 1"),
        (Lie::ClearIsSilent, "cut n1 | n2 n3"),
        (Lie::NothingLost, "lossy n1"),
        (Lie::NothingLost, "lossy all"),
        (Lie::NoDelay, "slow n1"),
        (Lie::NoDelay, "slow all"),
        (Lie::NothingMangled, "corrupt n1"),
        (Lie::NothingWaits, "narrow leader"),
        (Lie::LinksStay, "cut n1 | n2 n3"),
        (Lie::LinksStay, "slow leader"),
        (Lie::LinksStay, "lossy n3"),
        (Lie::LinksFail, "cut n1 | n2 n3"),
        (Lie::ProbesFail, "cut n1 | n2 n3"),
        (Lie::KillLives, "kill n1 n2"),
        (Lie::KillLives, "kill leader"),
        (Lie::KillLives, "storm 1"),
        (Lie::PauseRuns, "pause leader"),
        (Lie::ClocksStay, "rate n1 -100000"),
        (Lie::ClocksStay, "offset n1 300"),
        (Lie::ClocksStay, "strobe n1 50"),
        (Lie::ClocksHidden, "rate n1 100000"),
        (Lie::ClocksFail, "offset n1 300"),
        (Lie::DisksFail, "disk-slow n1"),
        (Lie::DisksFail, "disk-lies n1"),
        (Lie::KillLives, "disk-corrupt n1"),
        (Lie::PaceFails, "sluggish leader"),
        (Lie::MembersSilent, "members 1"),
        (Lie::MembersSilent, "churn 1"),
        (Lie::CutPasses, "minority 1"),
    ];
    for (lie, does) in lies {
        let told = under(lie, does, 0);
        assert!(told.contains(&Step::Indeterminate), "{does} under {lie:?}: {told:?}");
        assert!(!told.contains(&Step::Installed), "{does} under {lie:?}: {told:?}");
    }
}

#[test]
fn an_undo_that_does_not_work_is_never_taken_for_healed() {
    let lies = [
        (Lie::LinksStay, "cut n1 | n2 n3"),
        (Lie::LinksStay, "slow n1"),
        (Lie::LinksStay, "lossy n1"),
        (Lie::LinksStay, "jam n1"),
        (Lie::LinksStay, "corrupt n1"),
        (Lie::LinksStay, "narrow n1"),
        (Lie::LinksFail, "cut n1 | n2 n3"),
        (Lie::ProbesFail, "cut n1 | n2 n3"),
        (Lie::ResumeStands, "pause n1"),
        (Lie::StartFails, "kill n1"),
        (Lie::StartSilent, "kill n1"),
        (Lie::ClocksStay, "rate n1 -100000"),
        (Lie::ClocksStay, "offset n1 300"),
        (Lie::ClocksStay, "strobe n1 50"),
        (Lie::ClocksHidden, "offset n1 300"),
        (Lie::ClocksFail, "rate n1 100000"),
        (Lie::DisksFail, "disk-slow n1"),
        (Lie::StartFails, "disk-corrupt n1"),
        (Lie::StartFails, "disk-lies n1"),
        (Lie::PaceFails, "sluggish n1"),
        (Lie::MembersSilent, "members 1"),
        (Lie::MembersRefused, "members 1"),
        (Lie::MembersRefused, "churn 1"),
        (Lie::MembersRefused, "minority 1"),
    ];
    for (lie, does) in lies {
        let told = under(lie, does, 100);
        assert_eq!(told[..2], [Step::Asked, Step::Installed], "{does} under {lie:?}");
        assert_eq!(told.last(), Some(&Step::HealFailed), "{does} under {lie:?}: {told:?}");
        assert!(!told.contains(&Step::Healed), "{does} under {lie:?}: {told:?}");
    }
}

#[test]
fn what_is_undone_is_closed_in_the_ledger() {
    let mut scene = Scene::new(5);
    run_everything(&mut scene, 1);
    scene.heal();
    let left = replay(&scene.ledger(), Mode::Check).unwrap();
    assert!(left.replayed.is_empty(), "{left:?}");
    assert!(std::fs::read_to_string(scene.ledger()).unwrap().lines().count() > 50);
}

#[test]
fn without_a_ledger_nothing_is_broken() {
    let mut scene = Scene::new(3);
    let does = fault("cut n1 | n2 n3").unwrap();
    let name = "fault".to_owned();
    scene.plan = vec![PlannedFault { id: 1, start_ms: 10, stop_ms: 200, fault: name, does }];
    // What is written into a pipe can never be synced to disk.
    let mode = nix::sys::stat::Mode::S_IRUSR | nix::sys::stat::Mode::S_IWUSR;
    nix::unistd::mkfifo(&scene.ledger(), mode).unwrap();
    let ledger = Ledger::open(&scene.ledger()).unwrap();
    let environment = scene.cluster.clone();
    let stream = Seed(1).stream("nemesis");
    let options = EngineOptions::default();
    let engine = Engine::new(environment, scene.plan.clone(), ledger, stream, options);
    scene.engine = Some(engine.unwrap());
    let mut reports = Vec::new();
    scene.poll_until(300, |_, report| reports.push(report.clone()));
    assert_eq!(steps(&reports)[&1], [Step::Asked, Step::Skipped]);
    assert_eq!(scene.cluster.with(|state| state.calls.clone()), Vec::<String>::new());
}

#[test]
fn a_pause_that_would_outlive_the_run_is_in_the_ledger_before_it_happens() {
    let mut scene = Scene::new(3);
    let me = std::process::id() as i32;
    scene.cluster.with(|state| state.orphans[1] = Some(me));
    let does = fault("pause n2").unwrap();
    let name = "pause".to_owned();
    scene.plan = vec![PlannedFault { id: 7, start_ms: 10, stop_ms: 200, fault: name, does }];
    scene.poll_until(100, |_, _| {});
    let open = replay(&scene.ledger(), Mode::Check).unwrap().replayed;
    let texts: Vec<_> = open.iter().map(|entry| (entry.fault, entry.text.as_str())).collect();
    assert_eq!(texts, [(7, "pause n2"), (0, "start n2")]);
    let pids = open.iter().map(|entry| serde_json::to_value(&entry.undo).unwrap()["pid"].clone());
    assert!(pids.into_iter().all(|pid| pid == me));
    scene.poll_until(300, |_, _| {});
    // The pause is undone; the process still is to be killed, should the run end badly.
    let open = replay(&scene.ledger(), Mode::Check).unwrap().replayed;
    assert_eq!(open.len(), 1);
    assert_eq!(open[0].text, "start n2");
}
