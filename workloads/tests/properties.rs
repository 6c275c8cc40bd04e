//! What holds for every generator. Expressions are drawn at random; a failing one can be pasted
//! into a script. Every property has a twin that breaks it.

mod common;

use checkers::history::Outcome;
use common::{build, invocations, op};
use proptest::prelude::*;
use std::time::Duration;
use targets::seed::{Seed, Stream};
use workloads::generator::{
    BoxGenerator, Context, Generator, GeneratorExt, Next, ThreadId, Update, concat, ops, phases,
    repeat,
};
use workloads::simulate::{End, Schedule, imperfect, perfect, simulate};

const OPS_MAX: usize = 200;

/// Enough for every expression but a filter that refuses everything.
const TIME_MAX: Duration = Duration::from_millis(100);

/// Any expression: leaves, and combinators around one or several.
fn expressions() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("(ops a b c)".to_owned()),
        Just("(once d)".to_owned()),
        Just("(repeat e)".to_owned()),
        Just("(cycle a f)".to_owned()),
        Just("(draw a b c)".to_owned()),
        Just("(each-thread a b)".to_owned()),
        (0..30_u32).prop_map(|length_ms| format!("(sleep {length_ms})")),
    ];
    leaf.prop_recursive(4, 16, 3, |child| {
        let one =
            (0..9_u32, 1..40_u32, child.clone()).prop_map(|(kind, number, child)| match kind {
                0 => format!("(limit {number} {child})"),
                1 => format!("(time-limit {number} {child})"),
                2 => format!("(stagger {number} {child})"),
                3 => format!("(delay {number} {child})"),
                4 => format!("(until-ok {child})"),
                5 => format!("(filter a {child})"),
                6 => format!("(map a f {child})"),
                7 => format!("(on-threads {} {} {child})", number % 4, number % 4 + number % 3),
                _ => format!("(synchronize {child})"),
            });
        let kinds = prop::sample::select(vec!["mix", "any", "concat", "phases", "reserve"]);
        let many = (kinds, prop::collection::vec(child, 1..4)).prop_map(|(kind, children)| {
            let separator = if kind == "reserve" { " 2 " } else { " " };
            let first = if kind == "reserve" && children.len() > 1 { "1 " } else { "" };
            format!("({kind} {first}{})", reserve_last(&children, separator))
        });
        prop_oneof![one, many]
    })
}

/// The children in a row, with a number of threads between them but none before the last.
fn reserve_last(children: &[String], separator: &str) -> String {
    let (last, first) = children.split_last().expect("at least one child");
    if first.is_empty() {
        return last.clone();
    }
    format!("{} {last}", first.join(separator))
}

fn run(generator: &mut impl Generator, threads: u32, seed: u64) -> Schedule {
    let latency_mean = Duration::from_millis(5);
    let mut world = imperfect(threads, OPS_MAX, latency_mean, Seed(seed).stream("world"));
    world.time_max = TIME_MAX;
    simulate(generator, world)
}

/// Asks twice whenever there is nothing to do.
struct AskTwice<G>(G);

impl<G: Generator> Generator for AskTwice<G> {
    fn next(&mut self, context: &Context<'_>) -> Next {
        match self.0.next(context) {
            Next::Op { thread, op } => Next::Op { thread, op },
            _ => self.0.next(context),
        }
    }

    fn update(&mut self, context: &Context<'_>, update: &Update<'_>) {
        self.0.update(context, update);
    }
}

/// Twin: a pause drawn anew at every question, though only an operation may commit a draw.
struct DrawsWhenAsked {
    stream: Stream,
}

impl Generator for DrawsWhenAsked {
    fn next(&mut self, context: &Context<'_>) -> Next {
        if self.stream.below(2) == 0 {
            return Next::WaitUntil { at_ns: context.now_ns + 1_000_000 };
        }
        repeat(op("a")).next(context)
    }
}

#[test]
fn a_twin_that_draws_at_every_question_is_caught() {
    let twin = || DrawsWhenAsked { stream: Seed(1).stream("twin") };
    assert_ne!(run(&mut twin().limit(50), 1, 1), run(&mut AskTwice(twin().limit(50)), 1, 1));
}

#[test]
#[should_panic(expected = "only use a free thread")]
fn a_twin_that_uses_a_busy_thread_is_caught() {
    struct AlwaysThreadZero;
    impl Generator for AlwaysThreadZero {
        fn next(&mut self, _: &Context<'_>) -> Next {
            Next::Op { thread: 0, op: op("a") }
        }
    }
    run(&mut AlwaysThreadZero, 2, 1);
}

#[test]
#[should_panic(expected = "only use the threads that it is offered")]
fn a_twin_that_leaves_its_range_of_threads_is_caught() {
    struct ThreadZero;
    impl Generator for ThreadZero {
        fn next(&mut self, _: &Context<'_>) -> Next {
            Next::Op { thread: 0, op: op("a") }
        }
    }
    run(&mut ThreadZero.on_threads(1..2), 2, 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// That only free threads are used, and that no wait is for the past, `simulate` asserts.
    #[test]
    fn the_same_seed_gives_the_same_schedule_and_never_hangs(
        expression in expressions(), threads in 1..6_u32, seed in 0..1000_u64
    ) {
        let schedule = run(&mut build(&expression, Seed(seed)), threads, seed);
        prop_assert_eq!(&schedule, &run(&mut build(&expression, Seed(seed)), threads, seed));
        prop_assert_ne!(schedule.end, End::Stuck);
    }

    /// Asking is free. A filter that refuses has taken operations from its child, as it must.
    #[test]
    fn a_question_without_an_operation_changes_nothing(
        expression in expressions(), threads in 1..6_u32, seed in 0..1000_u64
    ) {
        prop_assume!(!expression.contains("filter"));
        let once = run(&mut build(&expression, Seed(seed)), threads, seed);
        let twice = run(&mut AskTwice(build(&expression, Seed(seed))), threads, seed);
        prop_assert_eq!(once, twice);
    }

    #[test]
    fn done_is_for_ever(expression in expressions(), threads in 1..6_u32, seed in 0..1000_u64) {
        let mut generator = build(&expression, Seed(seed));
        let schedule = run(&mut generator, threads, seed);
        prop_assume!(schedule.end == End::Done);
        let world = perfect(threads, OPS_MAX, Duration::ZERO);
        let later = simulate(&mut Later { generator, by_ns: schedule.end_ns }, world);
        prop_assert_eq!(later.steps, vec![]);
        prop_assert_eq!(later.end, End::Done);
    }

    #[test]
    fn a_limit_of_n_yields_n_operations_or_as_many_as_there_are(
        expression in expressions(), count in 0..40_u64, seed in 0..1000_u64
    ) {
        let free = run(&mut build(&expression, Seed(seed)), 3, seed);
        let limited = run(&mut build(&expression, Seed(seed)).limit(count), 3, seed);
        let available = invocations(&free).count();
        prop_assert_eq!(invocations(&limited).count(), available.min(count as usize));
    }

    #[test]
    fn nothing_begins_at_its_time_limit_or_later(
        expression in expressions(), limit_ms in 1..60_u64, seed in 0..1000_u64
    ) {
        let limit = Duration::from_millis(limit_ms);
        let mut limited = build(&expression, Seed(seed)).time_limit(limit);
        prop_assert!(begins_before(&run(&mut limited, 3, seed), limit));
    }

    #[test]
    fn phases_never_overlap(
        first in expressions(), second in expressions(), threads in 1..6_u32, seed in 0..1000_u64
    ) {
        let schedule = run(&mut phases(two_phases(&first, &second, seed)), threads, seed);
        prop_assert!(!overlap(&schedule), "{}", common::show(&schedule));
    }

    #[test]
    fn reserve_keeps_every_child_on_its_threads(
        children in prop::collection::vec((0..4_u32, expressions()), 0..5),
        rest in expressions(), threads in 1..12_u32, seed in 0..1000_u64,
    ) {
        let names = ["a", "b", "c", "d", "e"];
        let mut owners = Vec::new();
        let mut reserved = Vec::new();
        for (index, (count, expression)) in children.iter().enumerate() {
            owners.extend((0..*count).map(|_| names[index]));
            reserved.push((*count, renamed(expression, names[index], seed)));
        }
        let mut generator = workloads::generator::reserve(reserved, renamed(&rest, "f", seed));
        for step in invocations(&run(&mut generator, threads, seed)) {
            let owner = owners.get(step.thread as usize).copied().unwrap_or("f");
            prop_assert_eq!(step.op.f, owner);
        }
    }

    #[test]
    fn gaps_of_a_stagger_are_at_most_twice_the_mean(mean_ms in 1..50_u64, seed in 0..1000_u64) {
        let mean = Duration::from_millis(mean_ms);
        let mut paced = repeat(op("a")).stagger(mean, Seed(seed).stream("gaps"));
        // Enough threads that one is always free: it is the generator that sets the pace.
        let schedule = simulate(&mut paced, perfect(8, OPS_MAX, Duration::ZERO));
        let times: Vec<u64> = invocations(&schedule).map(|step| step.time_ns).collect();
        let gaps: Vec<u64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        prop_assert!(gaps.iter().all(|gap| *gap <= 2 * mean_ms * 1_000_000));
        // 199 gaps: their average is within four standard errors of the mean, 16 % of it.
        let average = gaps.iter().sum::<u64>() as f64 / gaps.len() as f64;
        prop_assert!((average / (mean_ms as f64 * 1e6) - 1.0).abs() < 0.17);
    }
}

/// A generator at a later time.
struct Later {
    generator: BoxGenerator,
    by_ns: u64,
}

impl Generator for Later {
    fn next(&mut self, context: &Context<'_>) -> Next {
        self.generator.next(&Context { now_ns: context.now_ns + self.by_ns, ..*context })
    }
}

/// Every operation of the expression under one name.
fn renamed(expression: &str, name: &'static str, seed: u64) -> BoxGenerator {
    build(expression, Seed(seed)).map(move |_| op(name)).boxed()
}

fn two_phases(first: &str, second: &str, seed: u64) -> Vec<BoxGenerator> {
    vec![renamed(first, "a", seed), renamed(second, "b", seed)]
}

/// Whether an operation of one name runs while one of another does.
fn overlap(schedule: &Schedule) -> bool {
    let mut running: Vec<(ThreadId, &str)> = Vec::new();
    for step in &schedule.steps {
        match step.outcome {
            None => {
                if running.iter().any(|(_, name)| *name != step.op.f) {
                    return true;
                }
                running.push((step.thread, step.op.f));
            }
            Some(_) => running.retain(|(thread, _)| *thread != step.thread),
        }
    }
    false
}

#[test]
fn a_twin_of_phases_that_does_not_wait_is_caught() {
    let children = || two_phases("(ops a a a)", "(ops b b b)", 1);
    assert!(overlap(&run(&mut concat(children()), 2, 1)));
    assert!(!overlap(&run(&mut phases(children()), 2, 1)));
}

fn begins_before(schedule: &Schedule, limit: Duration) -> bool {
    invocations(schedule).all(|step| u128::from(step.time_ns) < limit.as_nanos())
}

#[test]
fn a_twin_that_asks_once_more_at_its_time_limit_is_caught() {
    struct AskedOnceMore<G> {
        child: G,
        limit_ns: u64,
    }
    impl<G: Generator> Generator for AskedOnceMore<G> {
        fn next(&mut self, context: &Context<'_>) -> Next {
            // The mistake: `>` where `>=` belongs.
            if context.now_ns > self.limit_ns { Next::Done } else { self.child.next(context) }
        }
    }
    let limit = Duration::from_millis(20);
    let child = || repeat(op("a")).delay(Duration::from_millis(10));
    let mut twin = AskedOnceMore { child: child(), limit_ns: 20_000_000 };
    let world = || perfect(2, OPS_MAX, Duration::from_millis(1));
    assert!(!begins_before(&simulate(&mut twin, world()), limit));
    assert!(begins_before(&simulate(&mut child().time_limit(limit), world()), limit));
}

#[test]
fn a_mix_keeps_its_weights_whoever_waits() {
    let (a, b) = (repeat(op("a")).boxed(), repeat(op("b")).boxed());
    let stream = Seed(1).stream("mix");
    let mut mix = workloads::generator::mix_weighted(vec![(3, a), (1, b)], stream);
    let schedule = simulate(&mut mix, perfect(4, 4000, Duration::from_millis(1)));
    let first = invocations(&schedule).filter(|step| step.op.f == "a").count();
    assert!((2900..3100).contains(&first), "{first} of 4000 are a, 3000 were expected");
}

#[test]
fn every_thread_gets_its_share_at_a_low_rate() {
    let mut slow = repeat(op("a")).delay(Duration::from_millis(10));
    let schedule = simulate(&mut slow, perfect(5, 100, Duration::from_millis(1)));
    for thread in 0..5 {
        let share = invocations(&schedule).filter(|step| step.thread == thread).count();
        assert_eq!(share, 20, "operations of thread {thread}");
    }
}

#[test]
fn a_simulation_says_when_a_run_would_hang() {
    struct WaitsForNothing;
    impl Generator for WaitsForNothing {
        fn next(&mut self, _: &Context<'_>) -> Next {
            Next::Pending
        }
    }
    assert_eq!(simulate(&mut WaitsForNothing, perfect(1, 1, Duration::ZERO)).end, End::Stuck);
}

#[test]
fn an_imperfect_world_has_every_outcome() {
    let schedule = run(&mut ops(vec![op("a"); 30]), 3, 1);
    let count = |test: fn(&Outcome) -> bool| {
        schedule.steps.iter().filter_map(|step| step.outcome.as_ref()).filter(|o| test(o)).count()
    };
    assert!(count(|outcome| matches!(outcome, Outcome::Ok(_))) > 0);
    assert!(count(|outcome| matches!(outcome, Outcome::Fail(_))) > 0);
    assert!(count(|outcome| matches!(outcome, Outcome::Info(_))) > 0);
}
