//! Random configurations: from one seed the whole command line of a run.
//!
//! Swarm testing (Groce et al., ISSTA 2012): a run that enables everything finds less than many
//! runs that each enable a random subset, because features hide one another. A cluster whose leader
//! is killed every second never fills a log; one that is never killed never recovers one. So every
//! knob is drawn, each from a stream of its own, and what the user pins stays pinned without
//! changing what the other knobs draw.
//!
//! ```text
//!   case seed --+-- "swarm nodes"  --> 5
//!               +-- "swarm faults" --> how many classes, which, which names of each
//!               +-- ...            --> tribunal run raft --on sim --seed S --nodes 5 ...
//! ```
//!
//! Left out on purpose: faults that no protocol survives (they are in no group), faults for which
//! there are too few nodes, and clocks without bounds where reads rely on clocks.
//!
//! Pure: the same seed and pins give the same words on every machine; no floating point.

use nemesis::catalogue::{Class, Entry, FAULTS};
use nemesis::plan::expand;
use std::time::Duration;
use targets::catalogue::{PlantedBug, Target};
use targets::seed::{Seed, Stream};

/// What the user has decided for every case of a hunt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pinned {
    /// Nodes of the cluster.
    pub nodes: Option<u8>,
    /// Concurrent clients.
    pub clients: Option<u32>,
    /// Operations a second over all clients.
    pub rate: Option<u32>,
    /// Faults or groups of faults.
    pub faults: Option<Vec<String>>,
    /// `NAME=VALUE` options of the target; `reads` is one of them.
    pub options: Vec<String>,
    /// The length of the main phase.
    pub run_time: Option<Duration>,
}

impl Pinned {
    /// The value of a target's option, if it is pinned.
    fn option(&self, name: &str) -> Option<&str> {
        let mut values = self.options.iter().filter_map(|option| option.split_once('='));
        values.rfind(|(option, _)| *option == name).map(|(_, value)| value)
    }

    /// The same as words, for whoever compares or repeats them.
    pub fn words(&self) -> Vec<String> {
        let mut words = Vec::new();
        let mut flag = |name: &str, value: String| words.extend([format!("--{name}"), value]);
        if let Some(nodes) = self.nodes {
            flag("nodes", nodes.to_string());
        }
        if let Some(clients) = self.clients {
            flag("clients", clients.to_string());
        }
        if let Some(rate) = self.rate {
            flag("rate", rate.to_string());
        }
        if let Some(faults) = &self.faults {
            flag("faults", faults.join(","));
        }
        for option in &self.options {
            flag("set", option.clone());
        }
        if let Some(time) = self.run_time {
            flag("run-time", format!("{}ms", time.as_millis()));
        }
        words
    }
}

/// The seed of the case at this index: any shard and any order gives the same cases. It fits into
/// 53 bits, so that every reader of JSON keeps it.
pub fn case_seed(base: u64, index: u64) -> u64 {
    Seed(base).stream(&format!("case {index}")).draw() >> 11
}

/// `tribunal run TARGET --on sim --seed CASE_SEED ...`: everything that decides the case.
pub fn words(
    target: &Target,
    bug: Option<&PlantedBug>,
    pinned: &Pinned,
    case_seed: u64,
) -> Vec<String> {
    let knobs = Knobs { seed: Seed(case_seed), target, pinned };
    let nodes = knobs.nodes();
    let lease = knobs.lease();
    let mut words: Vec<String> =
        ["tribunal", "run", target.name, "--on", "sim"].map(str::to_owned).to_vec();
    let mut flag = |name: &str, value: String| words.extend([format!("--{name}"), value]);
    flag("seed", case_seed.to_string());
    if let Some(bug) = bug {
        flag("bug", bug.name.to_owned());
    }
    flag("nodes", nodes.to_string());
    flag("clients", knobs.clients().to_string());
    flag("rate", knobs.rate().to_string());
    flag("keys", spread(&mut knobs.stream("keys"), 1, 8).to_string());
    flag("ops-per-key", knobs.ops_per_key());
    flag("mix", knobs.mix());
    flag("ask", knobs.ask(nodes));
    flag("time", millis(knobs.time_ms()));
    flag("op-timeout", millis(spread(&mut knobs.stream("op-timeout"), 200, 2000)));
    // Beyond 5 ms a clear link can no longer be told from one that a fault still slows down.
    flag("link-delay", micros(&mut knobs.stream("link-delay"), (50, 1200), 4));
    flag("sync-delay", micros(&mut knobs.stream("sync-delay"), (50, 4000), 8));
    for name in ["reads", "election-timeout", "heartbeat", "snapshot-every"] {
        if let Some(value) = knobs.option(name) {
            flag("set", format!("{name}={value}"));
        }
    }
    for option in &pinned.options {
        flag("set", option.clone());
    }
    flag("faults", knobs.faults(nodes, lease).join(","));
    for name in ["fault-interval", "fault-length"] {
        if let Some(ms) = knobs.rhythm_ms(name) {
            flag(name, millis(ms));
        }
    }
    words
}

fn millis(ms: u64) -> String {
    format!("{ms}ms")
}

/// A range of microseconds whose low end is spread over `low` and whose high end is up to
/// `times` as much.
fn micros(stream: &mut Stream, low: (u64, u64), times: u64) -> String {
    let low = spread(stream, low.0, low.1);
    format!("{low}us..{}us", stream.between(low, low * times))
}

/// A number of `low..=high`, of every order of magnitude alike: first how often `low` is doubled,
/// then a number between that and its double.
fn spread(stream: &mut Stream, low: u64, high: u64) -> u64 {
    assert!(0 < low && low <= high, "orders of magnitude begin above zero");
    let doublings = (high / low).ilog2();
    let from = low << stream.between(0, doublings.into());
    stream.between(from, (2 * from).min(high))
}

/// One of the values, by weight.
fn weighted<T: Copy>(stream: &mut Stream, choices: &[(u64, T)]) -> T {
    let mut point = stream.below(choices.iter().map(|(weight, _)| weight).sum());
    for (weight, value) in choices {
        if point < *weight {
            return *value;
        }
        point -= weight;
    }
    unreachable!("the point lies below the sum of the weights")
}

struct Knobs<'a> {
    seed: Seed,
    target: &'a Target,
    pinned: &'a Pinned,
}

impl Knobs<'_> {
    fn stream(&self, knob: &str) -> Stream {
        self.seed.stream(&format!("swarm {knob}"))
    }

    fn nodes(&self) -> u8 {
        let all = [(30, 3), (50, 5), (10, 7), (5, 4), (3, 2), (2, 1)];
        // Faults that are pinned may ask for more nodes than some clusters have.
        let fits = |nodes: u8| {
            self.pinned.faults.as_ref().is_none_or(|faults| match faults.as_slice() {
                [none] if none == "none" => true,
                faults => expand(faults, nodes).is_ok(),
            })
        };
        let choices: Vec<(u64, u8)> = all.into_iter().filter(|(_, nodes)| fits(*nodes)).collect();
        let drawn = || match choices[..] {
            // Whoever checks the words says what is wrong with the faults.
            [] => 5,
            _ => weighted(&mut self.stream("nodes"), &choices),
        };
        self.pinned.nodes.unwrap_or_else(drawn)
    }

    fn clients(&self) -> u32 {
        let drawn = || spread(&mut self.stream("clients"), 2, 20) as u32;
        self.pinned.clients.unwrap_or_else(drawn)
    }

    fn rate(&self) -> u32 {
        let drawn = || spread(&mut self.stream("rate"), 20, 400) as u32;
        self.pinned.rate.unwrap_or_else(drawn)
    }

    /// Many operations on few keys, or fewer on more; not so few that the final reads, one a key,
    /// take longer than they may.
    fn ops_per_key(&self) -> String {
        let mut stream = self.stream("ops-per-key");
        let low = spread(&mut stream, 30, 250);
        format!("{low}..{}", stream.between(low, low * 2))
    }

    fn mix(&self) -> String {
        let mut stream = self.stream("mix");
        [0; 3].map(|_| spread(&mut stream, 1, 8).to_string()).join(",")
    }

    fn ask(&self, nodes: u8) -> String {
        let mut stream = self.stream("ask");
        let choices = [
            (40, "mixed"),
            (25, "random"),
            (10, "round-robin"),
            (10, "fixed"),
            (10, "leader"),
            (5, "weighted"),
        ];
        match weighted(&mut stream, &choices) {
            "weighted" => {
                // One node at least has a weight.
                let mut weights: Vec<u64> = (1..nodes).map(|_| stream.below(4)).collect();
                weights.push(1);
                let weights: Vec<String> = weights.iter().map(u64::to_string).collect();
                format!("weighted:{}", weights.join(","))
            }
            other => other.to_owned(),
        }
    }

    fn time_ms(&self) -> u64 {
        let drawn = || spread(&mut self.stream("time"), 5_000, 60_000);
        self.pinned.run_time.map_or_else(drawn, |time| time.as_millis() as u64)
    }

    /// Mean pause between faults, or mean length of one: now and then the class's own.
    fn rhythm_ms(&self, name: &str) -> Option<u64> {
        let mut stream = self.stream(name);
        (stream.below(3) > 0).then(|| spread(&mut stream, 150, 6_000))
    }

    /// What is drawn for a target's option; nothing if the target has none of that name, if it is
    /// pinned, or if it keeps its default.
    fn option(&self, name: &'static str) -> Option<String> {
        let exists = self.target.options.iter().any(|option| option.name == name);
        if !exists || self.pinned.option(name).is_some() {
            return None;
        }
        match name {
            "reads" => Some(self.reads().to_owned()),
            "snapshot-every" => {
                let choices = [5, 20, 100, 500, 2000];
                self.stream(name).pick(&choices).map(ToString::to_string)
            }
            // A heartbeat has to come several times in an election timeout.
            "election-timeout" => self.patience_ms().map(|(election, _)| election.to_string()),
            "heartbeat" => self.patience_ms().map(|(_, heartbeat)| heartbeat.to_string()),
            other => unreachable!("no values are known for the option {other}"),
        }
    }

    /// Whether reads rely on clocks.
    fn lease(&self) -> bool {
        let pinned = self.pinned.option("reads").map(str::to_owned);
        pinned.or_else(|| self.option("reads")).is_some_and(|reads| reads == "lease")
    }

    fn patience_ms(&self) -> Option<(u64, u64)> {
        let pinned = |name| self.pinned.option(name).is_some();
        let mut stream = self.stream("patience");
        if pinned("election-timeout") || pinned("heartbeat") || stream.below(3) > 0 {
            return None;
        }
        let election = spread(&mut stream, 100, 1000);
        Some((election, election / stream.between(3, 8)))
    }

    fn reads(&self) -> &'static str {
        let pinned = self.pinned.faults.as_deref().unwrap_or_default();
        let unbounded = pinned.iter().any(|name| {
            let faults = expand(std::slice::from_ref(name), u8::MAX).unwrap_or_default();
            faults.iter().any(|fault| !fault.bounded_clocks())
        });
        let lease = self.stream("reads").below(2) == 0;
        if lease && !unbounded { "lease" } else { "index" }
    }

    /// Which classes, and which names of each. Some come more often than they would by their
    /// number: scripts, which look for one mistake each, and, where reads rely on clocks, what a
    /// lease has to fear: another leader, and clocks at different rates.
    fn faults(&self, nodes: u8, lease: bool) -> Vec<String> {
        if let Some(faults) = &self.pinned.faults {
            return faults.clone();
        }
        let mut stream = self.stream("faults");
        let offered: Vec<&Entry> = offered(nodes, lease);
        let mut classes: Vec<Class> = offered.iter().map(|entry| entry.class).collect();
        classes.sort_unstable();
        classes.dedup();
        let count = match stream.below(100) {
            0..3 => 0,
            3..8 => classes.len(),
            _ => stream.between(1, 6) as usize,
        };
        stream.shuffle(&mut classes);
        let scripted = stream.below(6) == 0;
        let contested = stream.below(2) == 0 && lease;
        let chosen = |class: &Class| match class {
            Class::Script if scripted => true,
            Class::Partition | Class::Clock if contested => true,
            class => classes.iter().take(count).any(|one| one == class),
        };
        let mut names = Vec::new();
        for class in classes.iter().filter(|class| chosen(class)) {
            let of_class = offered.iter().filter(|entry| entry.class == *class);
            let mut of_class: Vec<&str> = of_class.map(|entry| entry.name).collect();
            stream.shuffle(&mut of_class);
            let several = stream.below(2) == 0;
            let count = if several { stream.between(1, of_class.len() as u64) } else { 1 };
            names.extend(of_class.into_iter().take(count as usize));
        }
        let mut names: Vec<String> = FAULTS
            .iter()
            .filter(|entry| names.contains(&entry.name))
            .map(|entry| entry.name.to_owned())
            .collect();
        if names.is_empty() {
            names.push("none".to_owned());
        }
        names
    }
}

/// What a correct protocol has to survive on so many nodes.
fn offered(nodes: u8, lease: bool) -> Vec<&'static Entry> {
    let fits = |entry: &&Entry| {
        !entry.only_by_name && entry.min_nodes <= nodes && (!lease || entry.bounded_clocks())
    };
    FAULTS.iter().filter(fits).collect()
}

#[cfg(test)]
#[path = "swarm_tests.rs"]
mod tests;
