//! What the `register` workload promises: unique values, bounded keys, compare-and-sets from values
//! that were seen, and final reads of every key. The checks are functions of a schedule, and each
//! has a twin that it catches.

mod common;

use checkers::history::{Datum, Op, Outcome};
use common::{Registers, invocations};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use targets::seed::{Seed, Stream};
use workloads::catalogue::{Phases, Settings, SettingsError, WORKLOADS, workload};
use workloads::generator::{Generator, GeneratorExt};
use workloads::register::{FinalReads, FinalReadsOptions, Register, RegisterOptions, Weights};
use workloads::simulate::{End, Schedule, World, simulate};

const OPTIONS: RegisterOptions = RegisterOptions {
    keys_active: 3,
    ops_per_key_min: 20,
    ops_per_key_max: 40,
    weights: Weights { read: 2, write: 1, cas: 1 },
};

fn register(options: RegisterOptions, seed: u64) -> Register {
    Register::new(options, Seed(seed).stream("register"))
}

/// Registers that take a random time of up to 10 ms, and lose track of some operations.
fn world(threads: u32, ops_max: usize, lost_ppm: u32, seed: u64) -> World<'static> {
    let mut registers = Registers::default();
    let mut stream: Stream = Seed(seed).stream("world");
    let answer = move |_, op: &Op| {
        let latency = Duration::from_nanos(stream.between(1, 10_000_000));
        let outcome = registers.apply(op);
        let lost = stream.chance_ppm(lost_ppm);
        (latency, if lost { Outcome::Info("lost".into()) } else { outcome })
    };
    World { threads, ops_max, time_max: Duration::from_secs(3600), answer: Box::new(answer) }
}

fn key(op: &Op) -> i64 {
    op.key.expect("an operation on a register has a key")
}

fn written(op: &Op) -> Option<i64> {
    match op.value {
        Datum::Int(value) | Datum::Pair(_, value) => Some(value),
        _ => None,
    }
}

fn values_are_unique_per_key(schedule: &Schedule) -> bool {
    let mut seen = BTreeSet::new();
    invocations(schedule)
        .filter_map(|step| written(&step.op).map(|value| (key(&step.op), value)))
        .all(|write| seen.insert(write))
}

fn ops_per_key(schedule: &Schedule) -> BTreeMap<i64, u32> {
    let mut counts = BTreeMap::new();
    for step in invocations(schedule) {
        *counts.entry(key(&step.op)).or_default() += 1;
    }
    counts
}

/// The most keys in use at once: between their first invocation and their last.
fn keys_active_max(schedule: &Schedule) -> usize {
    let keys: Vec<i64> = invocations(schedule).map(|step| key(&step.op)).collect();
    let mut left = ops_per_key(schedule);
    let mut active = BTreeSet::new();
    let mut most = 0;
    for key in keys {
        active.insert(key);
        most = most.max(active.len());
        let left = left.get_mut(&key).expect("the key was counted");
        *left -= 1;
        if *left == 0 {
            active.remove(&key);
        }
    }
    most
}

/// Whether every compare-and-set begins from a value that was acknowledged or read on its key
/// before.
fn cas_begins_from_seen_values(schedule: &Schedule) -> bool {
    let mut seen = BTreeSet::new();
    for step in &schedule.steps {
        match (&step.outcome, &step.op.value) {
            (None, Datum::Pair(from, _)) if !seen.contains(&(key(&step.op), *from)) => {
                return false;
            }
            (Some(Outcome::Ok(Datum::Int(value))), _) => {
                seen.insert((key(&step.op), *value));
            }
            (Some(Outcome::Ok(_)), _) => {
                seen.extend(written(&step.op).map(|value| (key(&step.op), value)));
            }
            _ => {}
        }
    }
    true
}

/// Main phase, then final reads, the second in a world of its own.
fn both(phases: &mut Phases, threads: u32, seed: u64, lost_ppm: u32) -> (Schedule, Schedule) {
    let main = simulate(phases, world(threads, usize::MAX, 100_000, seed));
    phases.begin_final_reads();
    (main, simulate(phases, world(threads, usize::MAX, lost_ppm, seed + 1)))
}

fn covers(main: &Schedule, reads: &Schedule) -> bool {
    let read: BTreeSet<i64> = reads
        .steps
        .iter()
        .filter(|step| matches!(step.outcome, Some(Outcome::Ok(_))))
        .map(|step| key(&step.op))
        .collect();
    ops_per_key(main).keys().all(|key| read.contains(key))
}

fn phases(seed: u64, ops: u64) -> Phases {
    let final_reads = FinalReads::new(FinalReadsOptions::default());
    Phases::new(register(OPTIONS, seed).limit(ops), final_reads)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_register_keeps_its_promises(
        keys_active in 1..8_u32, min in 1..30_u32, more in 0..30_u32,
        threads in 1..12_u32, lost_ppm in 0..400_000_u32, seed in 0..1000_u64,
    ) {
        let max = min + more;
        let options = RegisterOptions {
            keys_active, ops_per_key_min: min, ops_per_key_max: max, ..OPTIONS
        };
        let run = || simulate(&mut register(options, seed), world(threads, 1500, lost_ppm, seed));
        let schedule = run();
        prop_assert_eq!(&schedule, &run());
        prop_assert!(values_are_unique_per_key(&schedule));
        prop_assert!(cas_begins_from_seen_values(&schedule));
        prop_assert!(keys_active_max(&schedule) <= keys_active as usize);
        let counts = ops_per_key(&schedule);
        prop_assert!(counts.values().all(|count| *count <= max));
        // All but the keys in use at the end were used up.
        let few = counts.values().filter(|count| **count < min).count();
        prop_assert!(few <= keys_active as usize);
    }

    #[test]
    fn final_reads_cover_every_key_newest_first_and_once(
        threads in 1..12_u32, ops in 1..2000_u64, seed in 0..1000_u64
    ) {
        let (main, reads) = both(&mut phases(seed, ops), threads, seed, 0);
        prop_assert_eq!(reads.end, End::Done);
        prop_assert!(covers(&main, &reads));
        prop_assert!(invocations(&reads).all(|step| step.op.f == "read"));
        let keys: Vec<i64> = invocations(&reads).map(|step| key(&step.op)).collect();
        prop_assert!(keys.is_sorted_by(|one, next| one > next), "{keys:?}");
    }

    #[test]
    fn final_reads_try_a_bounded_number_of_times(
        threads in 1..12_u32, lost_ppm in 300_000..=1_000_000_u32, seed in 0..1000_u64
    ) {
        let (_, reads) = both(&mut phases(seed, 300), threads, seed, lost_ppm);
        prop_assert_eq!(reads.end, End::Done);
        let mut failed: BTreeMap<i64, u32> = BTreeMap::new();
        let mut succeeded = BTreeSet::new();
        for step in reads.steps.iter().filter(|step| step.outcome.is_some()) {
            prop_assert!(!succeeded.contains(&key(&step.op)), "read again after it succeeded");
            match step.outcome {
                Some(Outcome::Ok(_)) => {
                    succeeded.insert(key(&step.op));
                }
                _ => *failed.entry(key(&step.op)).or_default() += 1,
            }
        }
        // A key was read, or given up after exactly so many tries.
        let tries = FinalReadsOptions::default().tries_per_key_max;
        for (key, count) in failed {
            let expected = if succeeded.contains(&key) { count < tries } else { count == tries };
            prop_assert!(expected, "key {key} failed {count} times");
        }
    }
}

fn of_twin(mut twin: impl Generator) -> Schedule {
    simulate(&mut twin, world(5, 1000, 0, 1))
}

#[test]
fn a_twin_that_repeats_values_is_caught() {
    let twin = register(OPTIONS, 1).map(|mut op| {
        if let Datum::Int(value) = &mut op.value {
            *value %= 16;
        }
        op
    });
    assert!(!values_are_unique_per_key(&of_twin(twin)));
}

#[test]
fn a_twin_that_guesses_what_a_key_holds_is_caught() {
    let twin = register(OPTIONS, 1).map(|mut op| {
        if let Datum::Pair(from, _) = &mut op.value {
            *from += 1;
        }
        op
    });
    assert!(!cas_begins_from_seen_values(&of_twin(twin)));
}

#[test]
fn a_twin_with_a_key_too_many_or_too_long_is_caught() {
    let too_many = RegisterOptions { keys_active: 4, ..OPTIONS };
    assert!(keys_active_max(&of_twin(register(too_many, 1))) > 3);
    let too_long = RegisterOptions { ops_per_key_min: 41, ops_per_key_max: 41, ..OPTIONS };
    assert!(ops_per_key(&of_twin(register(too_long, 1))).values().any(|count| *count > 40));
}

/// A generator that is never told anything.
struct Deaf<G>(G);

impl<G: Generator> Generator for Deaf<G> {
    fn next(&mut self, context: &workloads::generator::Context<'_>) -> workloads::generator::Next {
        self.0.next(context)
    }
}

#[test]
fn final_reads_that_are_not_told_of_the_main_phase_are_caught() {
    let deaf = Deaf(FinalReads::new(FinalReadsOptions::default()));
    let mut twin = Phases::new(register(OPTIONS, 1).limit(100), deaf);
    let (main, reads) = both(&mut twin, 3, 1, 0);
    assert!(!covers(&main, &reads));
}

#[test]
fn many_compare_and_sets_succeed_and_some_do_not() {
    let settings = Settings { main_phase_ms: 60_000, ..Settings::default() };
    let build = workload("register").expect("the workload").build;
    let mut phases = build(&settings, Seed(1)).expect("sound settings");
    let (main, _) = both(&mut phases, settings.threads, 1, 0);
    let cas = |test: fn(&Outcome) -> bool| {
        let completed = main.steps.iter().filter(|step| step.op.f == "cas");
        completed.filter_map(|step| step.outcome.as_ref()).filter(|outcome| test(outcome)).count()
    };
    let ok = cas(|outcome| matches!(outcome, Outcome::Ok(_)));
    let fail = cas(|outcome| matches!(outcome, Outcome::Fail(_)));
    // Five threads on each key: others write between what was seen and what is done.
    assert!(ok * 3 > fail, "{ok} succeeded, {fail} failed");
    assert!(fail * 10 > ok, "{ok} succeeded, {fail} failed");
}

#[test]
fn the_main_phase_and_the_final_reads_limit_their_own_time() {
    let settings = Settings {
        main_phase_ms: 500,
        final_reads_max_ms: 100,
        rate_per_s: Some(400),
        ..Settings::default()
    };
    let build = workload("register").expect("the workload").build;
    let mut phases = build(&settings, Seed(1)).expect("sound settings");
    let (main, reads) = both(&mut phases, 10, 1, 1_000_000);
    assert_eq!((main.end, reads.end), (End::Done, End::Done));
    assert!(invocations(&main).all(|step| step.time_ns < 500_000_000));
    assert!(invocations(&reads).all(|step| step.time_ns < 100_000_000));
    let count = invocations(&main).count();
    assert!((150..250).contains(&count), "{count} operations, 200 were asked for");
}

#[test]
fn settings_that_cannot_be_followed_are_refused() {
    let build = workload("register").expect("the workload").build;
    let refused = |settings: Settings| build(&settings, Seed(1)).expect_err("bad settings");
    let sound = Settings::default;
    assert_eq!(
        refused(Settings { threads: 0, ..sound() }).to_string(),
        "the number of threads is zero: give at least 1"
    );
    assert_eq!(
        refused(Settings { rate_per_s: Some(0), ..sound() }).to_string(),
        "the rate per second is zero: give at least 1"
    );
    assert_eq!(
        refused(Settings { ops_per_key_min: 9, ops_per_key_max: 3, ..sound() }),
        SettingsError::Range { min: 9, max: 3 }
    );
    let weights = Weights { cas: 0, ..Weights::default() };
    assert_eq!(refused(Settings { weights, ..sound() }), SettingsError::Weight { f: "cas" });
}

#[test]
fn every_workload_is_found_by_its_name_and_judged_by_somebody() {
    for listed in WORKLOADS {
        assert_eq!(workload(listed.name).map(|found| found.name), Some(listed.name));
        assert!(!listed.checkers.is_empty() && !listed.functions.is_empty());
    }
    assert!(workload("registers").is_none());
}
