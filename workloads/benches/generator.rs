//! How fast operations are generated: medians of several rounds, printed.
//!
//! ```text
//!   ask    next, and update(Invoked), update(Completed), every thread staying free
//!   step   the same with the threads taken and released, half of them busy: what a runner pays
//! ```

use checkers::history::{Datum, Op, Outcome};
use std::time::Instant;
use targets::seed::Seed;
use workloads::catalogue::{Settings, workload};
use workloads::generator::{
    Generator, GeneratorExt, Next, Threads, Update, each_thread, from_fn, mix, reserve,
};
use workloads::register::{Register, RegisterOptions, Weights};

const OPS: usize = 1_000_000;
const ROUNDS: usize = 5;

fn main() {
    for threads in [1, 10, 100, 1000] {
        row("mix of 3 registers", threads, || Box::new(mixed(threads)));
        row("register as the catalogue builds it", threads, || Box::new(catalogue(threads)));
        row("reserve of 3", threads, || Box::new(reserved(threads)));
        row("each thread its own", threads, || Box::new(each_thread(|_| reads("own"))));
    }
}

fn row(name: &str, threads: u32, build: impl Fn() -> Box<dyn Generator>) {
    let ask = median(|| ask(&mut build(), threads));
    let step = median(|| step(&mut build(), threads));
    println!("{threads:>5} threads  {name:<36} ask {ask:>6.0} ns/op  step {step:>6.0} ns/op");
}

fn median(mut round: impl FnMut() -> f64) -> f64 {
    let mut rounds: Vec<f64> = (0..ROUNDS).map(|_| round()).collect();
    rounds.sort_by(f64::total_cmp);
    rounds[ROUNDS / 2]
}

/// Nanoseconds per operation when every thread is always free.
fn ask(generator: &mut impl Generator, threads: u32) -> f64 {
    let pool = Threads::new(threads);
    let begun = Instant::now();
    for now_ns in 0..OPS as u64 {
        let context = pool.context(now_ns);
        let Next::Op { thread, op } = generator.next(&context) else {
            panic!("the generator has something to do");
        };
        generator.update(&context, &Update::Invoked { thread, op: &op });
        let outcome = outcome(&op);
        generator.update(&context, &Update::Completed { thread, op: &op, outcome: &outcome });
    }
    begun.elapsed().as_nanos() as f64 / OPS as f64
}

/// Nanoseconds per operation when half of the threads are busy, the longest running completing
/// first.
fn step(generator: &mut impl Generator, threads: u32) -> f64 {
    let mut pool = Threads::new(threads);
    let mut running = std::collections::VecDeque::new();
    let begun = Instant::now();
    for now_ns in 0..OPS as u64 {
        if running.len() > threads as usize / 2 {
            let (thread, op) = running.pop_front().expect("some are running");
            pool.release(thread);
            let outcome = outcome(&op);
            let update = Update::Completed { thread, op: &op, outcome: &outcome };
            generator.update(&pool.context(now_ns), &update);
        }
        if pool.free().is_empty() {
            continue;
        }
        let Next::Op { thread, op } = generator.next(&pool.context(now_ns)) else {
            panic!("the generator has something to do");
        };
        pool.take(thread);
        generator.update(&pool.context(now_ns), &Update::Invoked { thread, op: &op });
        running.push_back((thread, op));
    }
    begun.elapsed().as_nanos() as f64 / OPS as f64
}

fn outcome(op: &Op) -> Outcome {
    Outcome::Ok(if op.f == "read" { Datum::Int(1) } else { Datum::Nil })
}

fn register(name: &str, threads: u32) -> Register {
    let options = RegisterOptions {
        keys_active: (threads / 5).max(2),
        ops_per_key_min: 150,
        ops_per_key_max: 250,
        weights: Weights::default(),
    };
    Register::new(options, Seed(1).stream(name))
}

fn mixed(threads: u32) -> impl Generator {
    let children = ["one", "two", "three"].map(|name| register(name, threads).boxed());
    mix(children.into(), Seed(1).stream("mix"))
}

fn catalogue(threads: u32) -> impl Generator {
    let settings = Settings { threads, ..Settings::default() };
    let workload = workload("register").expect("the workload exists");
    (workload.build)(&settings, Seed(1)).expect("the settings are sound")
}

fn reads(name: &str) -> impl Generator + use<> {
    let op = Op { f: "read", key: Some(1), value: Datum::Nil };
    from_fn(Seed(1).stream(name), move |_| Some(op.clone()))
}

fn reserved(threads: u32) -> impl Generator {
    let third = threads / 3;
    reserve(vec![(third, reads("a").boxed()), (third, reads("b").boxed())], reads("c").boxed())
}
