//! A cluster in memory that does what it is told, or lies about it.
//!
//! Links pass probes by arithmetic instead of by chance: a link that loses a tenth loses every
//! tenth probe. Each [`Lie`] is a way in which a real environment could fail to do what it says.

#![allow(clippy::unwrap_used, reason = "support of tests, which may panic")]

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use targets::environment::{
    Capabilities, Clock, Disk, Environment, EnvironmentError, LinkCounters, LinkSeen, MemberChange,
    NodeEvent, NodeNews, ProcessSeen,
};
use targets::links::{Endpoint, Link, LinkMatrix, NodeId};

/// What the cluster does other than it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lie {
    /// Cut and jammed links deliver.
    CutPasses,
    /// Untouched links between nodes are silent.
    ClearIsSilent,
    /// Lossy links lose nothing.
    NothingLost,
    /// Slow links are quick.
    NoDelay,
    /// Links mangle nothing.
    NothingMangled,
    /// Narrow links are wide.
    NothingWaits,
    /// Links stay as they are.
    LinksStay,
    /// Setting the links fails.
    LinksFail,
    /// Probes fail.
    ProbesFail,
    /// A killed node lives.
    KillLives,
    /// A paused node runs.
    PauseRuns,
    /// A resumed node stands still.
    ResumeStands,
    /// A node cannot be started.
    StartFails,
    /// A started node never says that it serves.
    StartSilent,
    /// Clocks stay as they are.
    ClocksStay,
    /// Nobody sees what clocks show.
    ClocksHidden,
    /// Setting a clock fails.
    ClocksFail,
    /// Setting a disk fails.
    DisksFail,
    /// Slowing a node down fails.
    PaceFails,
    /// Changes of members are never answered.
    MembersSilent,
    /// Changes of members are refused.
    MembersRefused,
}

impl Lie {
    pub(crate) const ALL: [(&'static str, Self); 21] = [
        ("cut-passes", Self::CutPasses),
        ("clear-is-silent", Self::ClearIsSilent),
        ("nothing-lost", Self::NothingLost),
        ("no-delay", Self::NoDelay),
        ("nothing-mangled", Self::NothingMangled),
        ("nothing-waits", Self::NothingWaits),
        ("links-stay", Self::LinksStay),
        ("links-fail", Self::LinksFail),
        ("probes-fail", Self::ProbesFail),
        ("kill-lives", Self::KillLives),
        ("pause-runs", Self::PauseRuns),
        ("resume-stands", Self::ResumeStands),
        ("start-fails", Self::StartFails),
        ("start-silent", Self::StartSilent),
        ("clocks-stay", Self::ClocksStay),
        ("clocks-hidden", Self::ClocksHidden),
        ("clocks-fail", Self::ClocksFail),
        ("disks-fail", Self::DisksFail),
        ("pace-fails", Self::PaceFails),
        ("members-silent", Self::MembersSilent),
        ("members-refused", Self::MembersRefused),
    ];
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Process {
    Running,
    Stopped,
    Dead,
}

/// A node's clock: what it has gained so far, and how it goes since when.
#[derive(Clone, Copy, Default)]
struct Running {
    gained_ns: i64,
    since_ns: u64,
    clock: Clock,
}

impl Running {
    fn gained_ns(&self, now_ns: u64) -> i64 {
        let rate = i128::from(self.clock.rate_ppm) * i128::from(now_ns - self.since_ns);
        self.gained_ns + (rate / 1_000_000) as i64
    }

    fn ahead_ns(&self, now_ns: u64) -> i64 {
        let strobe_ms = self.clock.strobe.map_or(0, |strobe| {
            let ahead =
                now_ns / 1_000_000 % u64::from(strobe.period_ms) < u64::from(strobe.period_ms) / 2;
            if ahead { i64::from(strobe.ahead_ms) } else { 0 }
        });
        self.gained_ns(now_ns) + (self.clock.offset_ms + strobe_ms) * 1_000_000
    }
}

pub(crate) struct State {
    pub(crate) now_ns: u64,
    clocks: Vec<Running>,
    pub(crate) disks: Vec<Disk>,
    pub(crate) steps_us: Vec<u32>,
    pub(crate) voters: Vec<bool>,
    pub(crate) processes: Vec<Process>,
    pub(crate) links: LinkMatrix,
    pub(crate) lies: BTreeSet<Lie>,
    pub(crate) news: Vec<NodeNews>,
    /// Every primitive that was called, oldest first.
    pub(crate) calls: Vec<String>,
    /// Why there are no links here.
    pub(crate) without_links: Option<String>,
    /// For each node, a process that would outlive the run.
    pub(crate) orphans: Vec<Option<i32>>,
    boots: i32,
    counters: Vec<LinkCounters>,
}

/// The cluster; clones share it.
#[derive(Clone)]
pub(crate) struct Cluster(Arc<Mutex<State>>);

impl Cluster {
    pub(crate) fn new(nodes: u8) -> Self {
        let side = usize::from(nodes) + 1;
        let all = usize::from(nodes);
        Self(Arc::new(Mutex::new(State {
            now_ns: 0,
            clocks: vec![Running::default(); all],
            disks: vec![Disk::default(); all],
            steps_us: vec![0; all],
            voters: vec![true; all],
            processes: vec![Process::Running; usize::from(nodes)],
            links: LinkMatrix::clear(nodes),
            lies: BTreeSet::new(),
            news: Vec::new(),
            calls: Vec::new(),
            without_links: None,
            orphans: vec![None; usize::from(nodes)],
            boots: 100,
            counters: vec![LinkCounters::default(); side * side],
        })))
    }

    pub(crate) fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.lock().unwrap())
    }

    pub(crate) fn say(&self, node: NodeId, what: NodeEvent) {
        self.with(|state| state.news.push(NodeNews { node, what }));
    }

    /// A node dies by itself.
    pub(crate) fn die(&self, node: NodeId, how: &str) {
        self.with(|state| state.processes[usize::from(node.0)] = Process::Dead);
        self.say(node, NodeEvent::Died { how: how.to_owned() });
    }

    /// Links that are not clear, in words.
    pub(crate) fn links(&self) -> Vec<String> {
        self.with(|state| describe(&state.links))
    }

    pub(crate) fn is_whole(&self) -> bool {
        self.with(|state| {
            state.links.touched().next().is_none()
                && state.clocks.iter().all(|running| running.clock == Clock::default())
                && state.disks.iter().all(|disk| *disk == Disk::default())
                && state.steps_us.iter().all(|step_us| *step_us == 0)
                && state.voters.iter().all(|votes| *votes)
                && state.processes.iter().all(|process| *process == Process::Running)
        })
    }
}

fn describe(links: &LinkMatrix) -> Vec<String> {
    let word = |link: &Link| match link {
        Link { drop: true, .. } => "cut".to_owned(),
        Link { hold: true, .. } => "held".to_owned(),
        Link { loss_ppm: 1.., .. } => "lossy".to_owned(),
        Link { delay_us: us @ 1.., .. } => format!("{} ms", us / 1000),
        _ => "touched".to_owned(),
    };
    let ends: Vec<Endpoint> = links.endpoints().collect();
    let mut words = Vec::new();
    for (place, a) in ends.iter().enumerate() {
        for b in &ends[place + 1..] {
            let (there, back) = (links.link(*a, *b), links.link(*b, *a));
            match (there.is_clear(), back.is_clear()) {
                (true, true) => {}
                _ if there == back => words.push(format!("{a}-{b} {}", word(there))),
                (false, _) if back.is_clear() => words.push(format!("{a}->{b} {}", word(there))),
                (true, false) => words.push(format!("{b}->{a} {}", word(back))),
                _ => words.push(format!("{a}-{b} {} and {}", word(there), word(back))),
            }
        }
    }
    words
}

impl State {
    fn lies(&self, lie: Lie) -> bool {
        self.lies.contains(&lie)
    }

    fn fails(&self, lie: Lie, what: &str) -> Result<(), EnvironmentError> {
        let (what, reason) = (what.to_owned(), "not now".to_owned());
        if self.lies(lie) { Err(EnvironmentError::Failed { what, reason }) } else { Ok(()) }
    }

    fn pid(&self, node: NodeId) -> i32 {
        i32::from(node.0) + 1
    }

    fn probe(&mut self, from: Endpoint, to: Endpoint, count: u32) -> LinkSeen {
        let link = *self.links.link(from, to);
        let place = self.links.position(from) * (usize::from(self.links.nodes()) + 1)
            + self.links.position(to);
        let share = |ppm: u32| (u64::from(count) * u64::from(ppm)).div_ceil(1_000_000);
        let clients = [from, to].contains(&Endpoint::Clients);
        let silent = (link.drop || link.hold) && !self.lies(Lie::CutPasses)
            || link.is_clear() && !clients && self.lies(Lie::ClearIsSilent);
        let lost = if self.lies(Lie::NothingLost) { 0 } else { share(link.loss_ppm) as u32 };
        let mangled = share(link.duplicate_ppm) + share(link.reorder_ppm) + share(link.corrupt_ppm);
        let counters = &mut self.counters[place];
        counters.passed += u64::from(count - lost);
        counters.dropped += u64::from(lost);
        if !self.lies.contains(&Lie::NothingMangled) {
            counters.mangled += mangled;
        }
        if link.rate_bytes_per_s.is_some() && !self.lies.contains(&Lie::NothingWaits) {
            counters.delayed += u64::from(count) - 1;
        }
        let arrived = if silent { 0 } else { count - lost };
        let delay_us = if self.lies(Lie::NoDelay) { 0 } else { link.delay_us } + 30;
        let delay_us = (arrived > 0).then_some(delay_us);
        LinkSeen { from, to, sent: count, arrived, delay_us }
    }
}

impl Environment for Cluster {
    fn nodes(&self) -> u8 {
        self.with(|state| state.links.nodes())
    }

    fn capabilities(&self) -> Capabilities {
        let links = self.with(|state| state.without_links.clone()).map_or(Ok(()), Err);
        Capabilities { links, ..Capabilities::ALL }
    }

    fn start(&mut self, node: NodeId) -> Result<ProcessSeen, EnvironmentError> {
        let seen = self.with(|state| {
            state.calls.push(format!("start {node}"));
            let failed = |reason: &str| {
                let (what, reason) = (format!("start of {node}"), reason.to_owned());
                Err(EnvironmentError::Failed { what, reason })
            };
            if state.lies(Lie::StartFails) {
                return failed("no more processes");
            }
            if state.processes[usize::from(node.0)] != Process::Dead {
                return failed("it runs");
            }
            state.processes[usize::from(node.0)] = Process::Running;
            state.boots += 1;
            Ok(ProcessSeen::Started { pid: state.boots })
        })?;
        if self.with(|state| state.disks[usize::from(node.0)].corrupt_ppm > 0) {
            self.die(node, "exit code 3: record 7 is unreadable");
        } else if !self.with(|state| state.lies(Lie::StartSilent)) {
            self.say(node, NodeEvent::Serving);
        }
        Ok(seen)
    }

    fn kill(&mut self, node: NodeId) -> Result<ProcessSeen, EnvironmentError> {
        self.with(|state| {
            state.calls.push(format!("kill {node}"));
            if state.lies(Lie::KillLives) {
                return Ok(ProcessSeen::Serving { pid: state.pid(node) });
            }
            assert_ne!(state.processes[usize::from(node.0)], Process::Dead, "killed twice");
            state.processes[usize::from(node.0)] = Process::Dead;
            Ok(ProcessSeen::Gone { how: "signal 9".to_owned() })
        })
    }

    fn pause(&mut self, node: NodeId) -> Result<ProcessSeen, EnvironmentError> {
        self.with(|state| {
            state.calls.push(format!("pause {node}"));
            if state.lies(Lie::PauseRuns) {
                return Ok(ProcessSeen::Serving { pid: state.pid(node) });
            }
            state.processes[usize::from(node.0)] = Process::Stopped;
            Ok(ProcessSeen::Stopped { pid: state.pid(node) })
        })
    }

    fn resume(&mut self, node: NodeId) -> Result<ProcessSeen, EnvironmentError> {
        self.with(|state| {
            state.calls.push(format!("resume {node}"));
            if state.lies(Lie::ResumeStands) {
                return Ok(ProcessSeen::Stopped { pid: state.pid(node) });
            }
            assert_ne!(state.processes[usize::from(node.0)], Process::Dead, "resumed a dead node");
            state.processes[usize::from(node.0)] = Process::Running;
            Ok(ProcessSeen::Serving { pid: state.pid(node) })
        })
    }

    fn set_links(&mut self, matrix: &LinkMatrix) -> Result<(), EnvironmentError> {
        self.with(|state| {
            let words = describe(matrix);
            let words = if words.is_empty() { "clear".to_owned() } else { words.join(", ") };
            state.calls.push(format!("links {words}"));
            if state.lies(Lie::LinksFail) {
                let (what, reason) = ("set the links".to_owned(), "no buffer space".to_owned());
                return Err(EnvironmentError::Failed { what, reason });
            }
            if !state.lies(Lie::LinksStay) {
                state.links = matrix.clone();
            }
            Ok(())
        })
    }

    fn set_clock(&mut self, node: NodeId, clock: &Clock) -> Result<(), EnvironmentError> {
        self.with(|state| {
            state.calls.push(format!("clock {node} {clock:?}"));
            state.fails(Lie::ClocksFail, "set the clock")?;
            if !state.lies(Lie::ClocksStay) {
                let now_ns = state.now_ns;
                let running = &mut state.clocks[usize::from(node.0)];
                let gained_ns = running.gained_ns(now_ns);
                *running = Running { gained_ns, since_ns: now_ns, clock: *clock };
            }
            Ok(())
        })
    }

    fn clock_ahead_ns(&self, node: NodeId) -> Option<i64> {
        self.with(|state| {
            let ahead_ns = state.clocks[usize::from(node.0)].ahead_ns(state.now_ns);
            (!state.lies(Lie::ClocksHidden)).then_some(ahead_ns)
        })
    }

    fn set_disk(&mut self, node: NodeId, disk: &Disk) -> Result<(), EnvironmentError> {
        self.with(|state| {
            state.calls.push(format!("disk {node} {disk:?}"));
            state.fails(Lie::DisksFail, "set the disk")?;
            state.disks[usize::from(node.0)] = *disk;
            Ok(())
        })
    }

    fn set_pace(&mut self, node: NodeId, step_us: u32) -> Result<(), EnvironmentError> {
        self.with(|state| {
            state.calls.push(format!("pace {node} {step_us} us"));
            state.fails(Lie::PaceFails, "set the pace")?;
            state.steps_us[usize::from(node.0)] = step_us;
            Ok(())
        })
    }

    fn change_members(
        &mut self,
        via: NodeId,
        change: MemberChange,
    ) -> Result<(), EnvironmentError> {
        let (silent, refused) = self.with(|state| {
            state.calls.push(format!("ask {via} to {change}"));
            (state.lies(Lie::MembersSilent), state.lies(Lie::MembersRefused))
        });
        let (MemberChange::Add(node) | MemberChange::Remove(node)) = change;
        let result = if refused { Err("refused".to_owned()) } else { Ok(()) };
        if result.is_ok() {
            let votes = matches!(change, MemberChange::Add(_));
            // An answer can get lost although the change was made.
            self.with(|state| state.voters[usize::from(node.0)] = votes);
        }
        if !silent {
            self.say(node, NodeEvent::Members { change, result });
        }
        Ok(())
    }

    fn probe_links(
        &mut self,
        count: u32,
        _wait: Duration,
    ) -> Result<Vec<LinkSeen>, EnvironmentError> {
        self.with(|state| {
            if state.lies(Lie::ProbesFail) {
                let (what, reason) = ("probe".to_owned(), "network is down".to_owned());
                return Err(EnvironmentError::Failed { what, reason });
            }
            let ends: Vec<Endpoint> = state.links.endpoints().collect();
            let pairs = ends.iter().flat_map(|from| ends.iter().map(move |to| (*from, *to)));
            let pairs: Vec<_> = pairs.filter(|(from, to)| from != to).collect();
            Ok(pairs.into_iter().map(|(from, to)| state.probe(from, to, count)).collect())
        })
    }

    fn link_counters(&self, from: Endpoint, to: Endpoint) -> LinkCounters {
        self.with(|state| {
            let side = usize::from(state.links.nodes()) + 1;
            state.counters[state.links.position(from) * side + state.links.position(to)]
        })
    }

    fn news(&mut self) -> Vec<NodeNews> {
        self.with(|state| std::mem::take(&mut state.news))
    }

    fn orphan_pid(&self, node: NodeId) -> Option<i32> {
        self.with(|state| state.orphans[usize::from(node.0)])
    }
}
