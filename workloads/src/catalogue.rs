//! Which workloads there are.
//!
//! ```text
//!   Workload.build(settings, seed) -> Phases
//!
//!   main ............ done      begin_final_reads()      final reads ............ done
//!        faults come and go  |  heal, settle: the runner |
//! ```
//!
//! Both phases limit their own time: the runner asks until it is told `Done`, and need not know how
//! long a phase lasts. [`Phases`] is one generator with a switch, because what is read in the end
//! depends on what was done before: both phases are told of every event of the run.

use crate::generator::{BoxGenerator, Context, Generator, GeneratorExt, Next, Update};
use crate::register::{
    CAS, FinalReads, FinalReadsOptions, READ, Register, RegisterOptions, WRITE, Weights,
};
use std::time::Duration;
use targets::catalogue::Interface;
use targets::seed::Seed;

/// Something for clients to do, and who judges it.
#[derive(Clone, Copy, Debug)]
pub struct Workload {
    /// Its name on the command line.
    pub name: &'static str,
    /// One sentence.
    pub about: &'static str,
    /// What the target must serve.
    pub interface: Interface,
    /// The functions of which each must be acknowledged in the main phase: without, the run tested
    /// nothing.
    pub functions: &'static [&'static str],
    /// Who judges the history, by the names that judgements bear.
    pub checkers: &'static [&'static str],
    /// Makes its generators.
    pub build: fn(&Settings, Seed) -> Result<Phases, SettingsError>,
}

/// All workloads, in the order in which they are listed.
pub const WORKLOADS: &[Workload] = &[Workload {
    name: "register",
    about: "reads, writes and compare-and-sets on many keys, each for a while; then every key is read",
    interface: Interface::Kv,
    functions: &[READ, WRITE, CAS],
    checkers: &["linearizable"],
    build: register,
}];

/// The workload of this name.
pub fn workload(name: &str) -> Option<&'static Workload> {
    WORKLOADS.iter().find(|workload| workload.name == name)
}

/// What a run asks of its workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How many threads there are.
    pub threads: u32,
    /// Operations per second over all threads together, on average; as fast as possible if none.
    pub rate_per_s: Option<u32>,
    /// How long the main phase lasts.
    pub main_phase_ms: u64,
    /// How long the final reads last at most.
    pub final_reads_max_ms: u64,
    /// How many keys are in use at once; a fifth of the threads, and at least two, if none.
    pub keys_active: Option<u32>,
    /// The fewest operations on a key.
    pub ops_per_key_min: u32,
    /// The most operations on a key.
    pub ops_per_key_max: u32,
    /// How often each function is drawn.
    pub weights: Weights,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            threads: 10,
            rate_per_s: None,
            main_phase_ms: 30_000,
            final_reads_max_ms: 10_000,
            keys_active: None,
            ops_per_key_min: 150,
            ops_per_key_max: 250,
            weights: Weights::default(),
        }
    }
}

/// Settings that no workload can follow: say it to the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A number that may not be zero.
    #[error("{setting} is zero: give at least 1")]
    Zero {
        /// Which.
        setting: &'static str,
    },
    /// A range that runs downwards.
    #[error("operations per key run from {min} to {max}: give the smaller number first")]
    Range {
        /// The fewest asked for.
        min: u32,
        /// The most asked for.
        max: u32,
    },
    /// A function that would never be drawn although it must be acknowledged.
    #[error(
        "the weight of {f} is zero, so the run could never be more than vacuous: give at least 1"
    )]
    Weight {
        /// Which.
        f: &'static str,
    },
}

impl Settings {
    fn validate(&self) -> Result<(), SettingsError> {
        for (setting, zero) in [
            ("the number of threads", self.threads == 0),
            ("the rate per second", self.rate_per_s == Some(0)),
            ("the length of the main phase", self.main_phase_ms == 0),
            ("the number of active keys", self.keys_active == Some(0)),
            ("the number of operations per key", self.ops_per_key_min == 0),
        ] {
            if zero {
                return Err(SettingsError::Zero { setting });
            }
        }
        let (min, max) = (self.ops_per_key_min, self.ops_per_key_max);
        if min > max {
            return Err(SettingsError::Range { min, max });
        }
        Ok(())
    }
}

/// The phases of a workload as one generator: the main phase until the switch is turned, then the
/// final reads. `Done` at the end of each.
#[derive(Debug)]
pub struct Phases {
    main: BoxGenerator,
    final_reads: BoxGenerator,
    reading: bool,
}

impl Phases {
    /// A main phase and its final reads.
    pub fn new(main: impl Generator + 'static, final_reads: impl Generator + 'static) -> Self {
        Self { main: main.boxed(), final_reads: final_reads.boxed(), reading: false }
    }

    /// Turns the switch: faults are healed, the system has settled, and the main phase is over,
    /// done or not.
    pub fn begin_final_reads(&mut self) {
        self.reading = true;
    }
}

impl Generator for Phases {
    fn next(&mut self, context: &Context<'_>) -> Next {
        if self.reading { self.final_reads.next(context) } else { self.main.next(context) }
    }

    fn update(&mut self, context: &Context<'_>, update: &Update<'_>) {
        self.main.update(context, update);
        self.final_reads.update(context, update);
    }
}

/// Builds the `register` workload.
fn register(settings: &Settings, seed: Seed) -> Result<Phases, SettingsError> {
    settings.validate()?;
    let Weights { read, write, cas } = settings.weights;
    for (f, weight) in [(READ, read), (WRITE, write), (CAS, cas)] {
        if weight == 0 {
            return Err(SettingsError::Weight { f });
        }
    }
    let options = RegisterOptions {
        keys_active: settings.keys_active.unwrap_or((settings.threads / 5).max(2)),
        ops_per_key_min: settings.ops_per_key_min,
        ops_per_key_max: settings.ops_per_key_max,
        weights: settings.weights,
    };
    let operations = Register::new(options, seed.stream("workload register"));
    let main_phase = Duration::from_millis(settings.main_phase_ms);
    let final_reads = FinalReads::new(FinalReadsOptions::default())
        .time_limit(Duration::from_millis(settings.final_reads_max_ms));
    let phases = match settings.rate_per_s {
        Some(rate_per_s) => {
            let mean = Duration::from_secs(1) / rate_per_s;
            let paced = operations.stagger(mean, seed.stream("workload stagger"));
            Phases::new(paced.time_limit(main_phase), final_reads)
        }
        None => Phases::new(operations.time_limit(main_phase), final_reads),
    };
    Ok(phases)
}
