//! What a run was asked to be, checked against what there is.
//!
//! The command line is text; a [`Request`] names things that exist. Nothing is started before every
//! name and number is known to be good.

use crate::cli::{Fabric, RunArgs};
use crate::exit::Failure;
use crate::raft_options::raft_config;
use crate::suggest;
use nemesis::catalogue::Entry;
use nemesis::plan::{PlanError, PlanOptions, PlannedFault, expand, plan};
use std::path::Path;
use std::time::Duration;
use targets::catalogue::{self, PlantedBug, Target};
use targets::raft::RaftConfig;
use targets::seed::Seed;
use workloads::catalogue::{self as work, Phases, Settings, Workload};
use workloads::choice::{NodeChoice, Policy};

/// A run that can be tried.
#[derive(Clone, Debug)]
pub struct Request {
    /// The command line.
    pub args: RunArgs,
    /// The seed, drawn if none was given.
    pub seed: Seed,
    /// The target.
    pub target: &'static Target,
    /// The consistency model that it claims for the workload's interface.
    pub claim: &'static str,
    /// The planted bug.
    pub bug: Option<&'static PlantedBug>,
    /// The target's options that were set, as (name, value).
    pub options: Vec<(&'static str, String)>,
    /// How the nodes are set up.
    pub raft: RaftConfig,
    /// The workload.
    pub workload: &'static Workload,
    /// The faults, groups resolved.
    pub faults: Vec<&'static Entry>,
    /// Which node a client asks.
    pub policy: Policy,
}

impl Request {
    /// Checks what was asked.
    pub fn new(args: RunArgs) -> Result<Self, Failure> {
        let target = target(&args.target)?;
        let workload = workload(&args.workload)?;
        let claim = target.claims.iter().find(|(interface, _)| *interface == workload.interface);
        let Some((_, claim)) = claim else {
            return Err(Failure::Usage(format!(
                "workload {} needs the interface {}, which {} does not serve\n\
                 see: tribunal show {}",
                workload.name,
                workload.interface.name(),
                target.name,
                target.name
            )));
        };
        let bug = args.bug.as_deref().map(|name| bug(target, name)).transpose()?;
        let options = options(target, &args)?;
        let raft = raft_config(args.nodes, bug, &options)?;
        let faults = faults(&args.faults, args.nodes)?;
        let policy = policy(&args.ask)?;
        if args.time.is_zero() {
            return Err(Failure::Usage("--time 0s leaves no time for a test".into()));
        }
        if args.op_timeout.is_zero() {
            return Err(Failure::Usage("--op-timeout 0s leaves no time for an answer".into()));
        }
        if args.store.store.to_str().is_none() {
            let store = args.store.store.display();
            return Err(Failure::Usage(format!("--store {store}: the path is not UTF-8")));
        }
        let seed = Seed(args.seed.unwrap_or_else(random_seed));
        let request =
            Self { args, seed, target, claim, bug, options, raft, workload, faults, policy };
        // Whatever these refuse must be refused before anything is started.
        request.choice()?;
        request.phases()?;
        Ok(request)
    }

    /// The workload's generators.
    pub fn phases(&self) -> Result<Phases, Failure> {
        let settings = Settings {
            threads: self.args.clients,
            rate_per_s: (self.args.rate > 0).then_some(self.args.rate),
            main_phase_ms: self.args.time.as_millis() as u64,
            ..Settings::default()
        };
        (self.workload.build)(&settings, self.seed).map_err(|e| Failure::Usage(e.to_string()))
    }

    /// The faults of the run, as drawn from the seed, among those that the environment offers.
    pub fn plan(&self, offered: &[&'static Entry]) -> Result<Vec<PlannedFault>, Failure> {
        let names: Vec<String> = offered.iter().map(|entry| entry.name.to_owned()).collect();
        let ms = |duration: Duration| duration.as_millis() as u64;
        let options = PlanOptions {
            interval_ms: self.args.fault_interval.map(ms),
            length_ms: self.args.fault_length.map(ms),
        };
        let main_phase_ms = self.args.time.as_millis() as u64;
        let mut stream = self.seed.stream("fault plan");
        plan(&names, self.args.nodes, main_phase_ms, options, &mut stream)
            .map_err(|error| Failure::Usage(format!("--time and --faults: {error}")))
    }

    /// Who asks which node.
    pub fn choice(&self) -> Result<NodeChoice, Failure> {
        let stream = self.seed.stream("node choice");
        NodeChoice::new(self.policy.clone(), self.args.nodes, stream)
            .map_err(|error| Failure::Usage(format!("--ask {}: {error}", self.args.ask)))
    }

    /// `raft-register`.
    pub fn name(&self) -> String {
        format!("{}-{}", self.target.name, self.workload.name)
    }

    /// The command that repeats the run.
    pub fn repeat_command(&self) -> String {
        let args = &self.args;
        let millis = |duration: Duration| format!("{}ms", duration.as_millis());
        let mut words = vec!["tribunal".to_owned(), "run".to_owned(), self.target.name.to_owned()];
        let mut flag = |name: &str, value: String| words.extend([format!("--{name}"), value]);
        flag("workload", self.workload.name.to_owned());
        flag("faults", args.faults.join(","));
        flag("seed", self.seed.0.to_string());
        flag("time", millis(args.time));
        flag("nodes", args.nodes.to_string());
        flag("clients", args.clients.to_string());
        flag("rate", args.rate.to_string());
        if let Some(bug) = self.bug {
            flag("bug", bug.name.to_owned());
        }
        for (name, value) in &self.options {
            flag("set", quoted(&format!("{name}={value}")));
        }
        flag("ask", args.ask.clone());
        flag("op-timeout", millis(args.op_timeout));
        if let Some(interval) = args.fault_interval {
            flag("fault-interval", millis(interval));
        }
        if let Some(length) = args.fault_length {
            flag("fault-length", millis(length));
        }
        flag("settle", millis(args.settle));
        if args.fabric != Fabric::Auto {
            flag("fabric", args.fabric.as_str().to_owned());
        }
        if args.store.store != Path::new("store") {
            flag("store", quoted(&args.store.store.display().to_string()));
        }
        words.join(" ")
    }
}

/// The faults of these names, groups resolved; `none` is no fault at all.
fn faults(names: &[String], nodes: u8) -> Result<Vec<&'static Entry>, Failure> {
    if names.len() > 1 && names.iter().any(|name| name == "none" || name.is_empty()) {
        let text = names.join(",");
        let what = "\"none\" and an empty name go with no other fault";
        return Err(Failure::Usage(format!("--faults {text}: {what}")));
    }
    let names: Vec<String> = names.iter().filter(|name| *name != "none").cloned().collect();
    expand(&names, nodes).map_err(|error| match error {
        PlanError::Unknown { name } => {
            let faults = nemesis::catalogue::FAULTS.iter().map(|fault| fault.name);
            let groups = nemesis::catalogue::GROUPS.iter().map(|group| group.name);
            let known = faults.chain(groups).chain(["none"]);
            Failure::Usage(suggest::unknown("fault", &name, known, "tribunal list faults"))
        }
        other => Failure::Usage(format!("--faults {}: {other}", names.join(","))),
    })
}

/// The target of this name.
pub fn target(name: &str) -> Result<&'static Target, Failure> {
    catalogue::target(name).ok_or_else(|| {
        let known = catalogue::TARGETS.iter().map(|target| target.name);
        Failure::Usage(suggest::unknown("target", name, known, "tribunal list targets"))
    })
}

/// The workload of this name.
pub fn workload(name: &str) -> Result<&'static Workload, Failure> {
    work::workload(name).ok_or_else(|| {
        let known = work::WORKLOADS.iter().map(|workload| workload.name);
        Failure::Usage(suggest::unknown("workload", name, known, "tribunal list workloads"))
    })
}

fn bug(target: &'static Target, name: &str) -> Result<&'static PlantedBug, Failure> {
    target.bugs.iter().find(|bug| bug.name == name).ok_or_else(|| {
        let known = target.bugs.iter().map(|bug| bug.name);
        let list = format!("tribunal show {}", target.name);
        Failure::Usage(suggest::unknown("planted bug", name, known, &list))
    })
}

/// The options of the target that were set: names that it knows, with values that it may refuse.
fn options(
    target: &'static Target,
    args: &RunArgs,
) -> Result<Vec<(&'static str, String)>, Failure> {
    let reads = args.reads.iter().map(|reads| format!("reads={reads}"));
    let list = format!("tribunal show {}", target.name);
    let mut options = Vec::new();
    for setting in reads.chain(args.options.iter().cloned()) {
        let Some((name, value)) = setting.split_once('=') else {
            let hint = "expected NAME=VALUE, such as reads=lease";
            return Err(Failure::Usage(format!("--set {setting}: {hint}\nsee: {list}")));
        };
        let known = target.options.iter().map(|option| option.name);
        let option = target.options.iter().find(|option| option.name == name).ok_or_else(|| {
            Failure::Usage(suggest::unknown("option of the target", name, known, &list))
        })?;
        options.push((option.name, value.to_owned()));
    }
    Ok(options)
}

/// Which node a client asks.
fn policy(text: &str) -> Result<Policy, Failure> {
    text.parse().map_err(|error| {
        let known = ["mixed", "fixed", "round-robin", "random", "leader", "weighted:"];
        let list = format!("tribunal run --help ({error})");
        Failure::Usage(suggest::unknown("way to choose a node", text, known, &list))
    })
}

/// A word for a shell: unchanged if it is harmless, else in quotes.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-,:=+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// Any seed will do, but a short one is easier to say.
fn random_seed() -> u64 {
    let nanos = jiff::Timestamp::now().as_nanosecond();
    let mixed = (nanos as u64) ^ (u64::from(std::process::id()) << 32);
    Seed(mixed).stream("a seed that nobody gave").below(1_000_000_000)
}
