//! What a run was asked to be, checked against what there is.
//!
//! The command line is text; a [`Request`] names things that exist. Nothing is started before every
//! name and number is known to be good.

use crate::cli::{Fabric, On, RunArgs, StopOn};
use crate::exit::Failure;
use crate::raft_options::raft_config;
use crate::suggest;
use checkers::liveness;
use nemesis::catalogue::Entry;
use nemesis::plan::{PlanError, PlanOptions, PlannedFault, expand_in, plan};
use std::path::Path;
use std::time::Duration;
use targets::catalogue::{self, PlantedBug, Target};
use targets::environment::Capabilities;
use targets::raft::RaftConfig;
use targets::seed::Seed;
use targets::sim::Calm;
use workloads::catalogue::{self as work, Phases, Settings, Workload};
use workloads::choice::{NodeChoice, Policy};
use workloads::register::Weights;

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
        let faults = faults(&args.faults, args.nodes, &offered(args.on))?;
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
        elsewhere(&args)?;
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
            rate_per_s: (self.rate_per_s() > 0).then(|| self.rate_per_s()),
            main_phase_ms: self.args.time.as_millis() as u64,
            keys_active: self.args.keys,
            ops_per_key_min: self.args.ops_per_key.0,
            ops_per_key_max: self.args.ops_per_key.1,
            weights: Weights {
                read: self.args.mix.0,
                write: self.args.mix.1,
                cas: self.args.mix.2,
            },
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

    /// Operations a second that are attempted over all clients; zero is as many as possible. The
    /// simulated world has all the time in the world: fewer operations make a minute of it cheaper.
    pub fn rate_per_s(&self) -> u32 {
        self.args.rate.unwrap_or(match self.args.on {
            On::Local => 3000,
            On::Sim => 100,
        })
    }

    /// Within what time a healed cluster of the simulated world must answer, in milliseconds.
    /// Nothing if it was set up so slowly that a few elections, or the messages of one, may take
    /// longer.
    pub fn answers_within_ms(&self) -> Option<u64> {
        let bound_ms = liveness::LIVENESS_BOUND_MS;
        let (link_us, sync_us) = (self.args.link_delay.1, self.args.sync_delay.1);
        let round_ms = (2 * u64::from(link_us) + u64::from(sync_us)) / 1000;
        let election_ms = self.raft.election_timeout_ms;
        let quick = 6 * election_ms <= bound_ms && 4 * round_ms <= election_ms;
        (self.args.on == On::Sim && quick).then_some(bound_ms)
    }

    /// The command that repeats the run.
    pub fn repeat_command(&self) -> String {
        let words: Vec<String> = self.words().iter().map(|word| quoted(word)).collect();
        words.join(" ")
    }

    /// The command that repeats the run, word by word.
    pub fn words(&self) -> Vec<String> {
        let args = &self.args;
        let millis = |duration: Duration| format!("{}ms", duration.as_millis());
        let mut words = vec!["tribunal".to_owned(), "run".to_owned(), self.target.name.to_owned()];
        let mut flag = |name: &str, value: String| words.extend([format!("--{name}"), value]);
        flag("workload", self.workload.name.to_owned());
        flag("on", args.on.as_str().to_owned());
        flag("faults", args.faults.join(","));
        flag("seed", self.seed.0.to_string());
        flag("time", millis(args.time));
        flag("nodes", args.nodes.to_string());
        flag("clients", args.clients.to_string());
        flag("rate", self.rate_per_s().to_string());
        if let Some(keys) = args.keys {
            flag("keys", keys.to_string());
        }
        flag("ops-per-key", format!("{}..{}", args.ops_per_key.0, args.ops_per_key.1));
        flag("mix", format!("{},{},{}", args.mix.0, args.mix.1, args.mix.2));
        if let Some(bug) = self.bug {
            flag("bug", bug.name.to_owned());
        }
        for (name, value) in &self.options {
            flag("set", format!("{name}={value}"));
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
        if args.on == On::Sim {
            let us = |(low, high): (u32, u32)| format!("{low}us..{high}us");
            flag("link-delay", us(args.link_delay));
            flag("sync-delay", us(args.sync_delay));
        }
        if let Some(StopOn::Violation) = args.stop_on {
            flag("stop-on", "violation".to_owned());
        }
        if args.fabric != Fabric::Auto && args.on == On::Local {
            flag("fabric", args.fabric.as_str().to_owned());
        }
        if args.store.store != Path::new("store") {
            flag("store", args.store.store.display().to_string());
        }
        words
    }
}

/// Flags that mean nothing where the run is to take place are refused: they would be ignored.
fn elsewhere(args: &RunArgs) -> Result<(), Failure> {
    let calm = Calm::default();
    let wrong = match args.on {
        On::Local if args.link_delay != calm.link_delay_us => Some(("link-delay", On::Sim)),
        On::Local if args.sync_delay != calm.sync_us => Some(("sync-delay", On::Sim)),
        On::Sim if args.fabric != Fabric::Auto => Some(("fabric", On::Local)),
        On::Sim if args.keep_data => Some(("keep-data", On::Local)),
        _ => None,
    };
    match wrong {
        Some((flag, on)) => {
            let on = on.as_str();
            Err(Failure::Usage(format!("--{flag} means something only with --on {on}")))
        }
        None => Ok(()),
    }
}

/// What faults a run can have: whether links can be broken on this machine is found out later.
fn offered(on: On) -> Capabilities {
    match on {
        On::Sim => Capabilities::ALL,
        On::Local => {
            let (process, pause, links) = (Ok(()), Ok(()), Ok(()));
            let simulated = Capabilities::none("only the simulated world has it (--on sim)");
            Capabilities { process, pause, links, ..simulated }
        }
    }
}

/// The faults of these names, groups resolved; `none` is no fault at all.
fn faults(
    names: &[String],
    nodes: u8,
    offered: &Capabilities,
) -> Result<Vec<&'static Entry>, Failure> {
    if names.len() > 1 && names.iter().any(|name| name == "none" || name.is_empty()) {
        let text = names.join(",");
        let what = "\"none\" and an empty name go with no other fault";
        return Err(Failure::Usage(format!("--faults {text}: {what}")));
    }
    let names: Vec<String> = names.iter().filter(|name| *name != "none").cloned().collect();
    expand_in(&names, nodes, offered).map_err(|error| match error {
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

/// The planted bug of this name.
pub fn bug(target: &'static Target, name: &str) -> Result<&'static PlantedBug, Failure> {
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
pub fn random_seed() -> u64 {
    let nanos = jiff::Timestamp::now().as_nanosecond();
    let mixed = (nanos as u64) ^ (u64::from(std::process::id()) << 32);
    Seed(mixed).stream("a seed that nobody gave").below(1_000_000_000)
}
