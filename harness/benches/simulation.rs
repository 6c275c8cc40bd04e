//! What the simulated world costs: simulated seconds per CPU second of one core for a Raft of five
//! nodes with ten clients under mixed faults, recording included and checking apart; where the time
//! of a hunt's case goes; and how many cases a second one thread and two of them try. Run with
//! `cargo bench -p harness --bench simulation`.
//!
//! CPU time is what the kernel has accounted to the thread, so that a busy machine does not make
//! the world look slower than it is.

use harness::case::{Case, from_words};
use harness::cli::Progress as Asked;
use harness::hunt::attempt::attempt;
use harness::hunt::swarm::{Pinned, case_seed, words};
use harness::hunt::{HuntSpec, News, Reach, Shard, hunt};
use harness::judge::judge_case;
use harness::progress::Progress;
use harness::runner::recorder::Recorder;
use harness::runner::simulated::play;
use std::fs::File;
use std::time::Duration;
use targets::catalogue::target;

const RUNS: usize = 5;
/// Cases of a hunt that are taken apart.
const CASES: u64 = 100;
const HUNTED: u64 = 300;

/// CPU time of the calling thread so far.
fn cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux has /proc");
    let ns = text.split(' ').next().expect("a first field").parse().expect("a number");
    Duration::from_nanos(ns)
}

/// CPU seconds of the whole process so far.
fn cpu_of_all_s() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").expect("Linux has /proc");
    let after_name = text.rsplit(')').next().expect("a name in brackets");
    let ticks = after_name.split_whitespace().skip(11).take(2);
    // The kernel tells user and system time in hundredths of a second.
    ticks.map(|ticks| ticks.parse::<f64>().expect("a number")).sum::<f64>() / 100.0
}

/// CPU time that the work takes on this thread.
fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let before = cpu();
    let result = work();
    (result, (cpu() - before).as_secs_f64())
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// Simulated seconds per CPU second, playing and judging.
fn speed(seed: usize, file: bool) -> (f64, f64) {
    let line = format!("tribunal run raft --on sim --seed {seed} --time 10m --faults mixed");
    let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
    let case = Case::of(from_words(&words).expect("good words")).expect("a plan");
    let nodes = case.request.args.nodes;
    let path = std::env::temp_dir().join(format!("simulation-{}.jsonl", std::process::id()));
    let recorder = if file {
        Recorder::new(File::create(&path).expect("a file"), nodes)
    } else {
        Recorder::in_memory(nodes)
    };
    let mut silent = Progress::new(Asked::None);
    let (simulated, playing) = timed(|| play(&case, recorder, None, &|| false, &mut silent));
    let simulated = simulated.expect("it plays");
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("one thread");
    let judged = || timed(|| judge_case(&case, &simulated.recorded.history)).1;
    let judging = pool.install(judged);
    let _ = std::fs::remove_file(&path);
    let simulated_s = simulated.simulated_ns as f64 / 1e9;
    (simulated_s / playing, simulated_s / judging)
}

/// Milliseconds of CPU time of a hunt's case: its words and plan, playing, judging.
fn parts() -> [f64; 3] {
    let raft = target("raft").expect("it is bundled");
    let mut parts = [0.0; 3];
    for index in 0..CASES {
        let (case, making) = timed(|| {
            let words = words(raft, None, &Pinned::default(), case_seed(1, index));
            Case::of(from_words(&words).expect("good words")).expect("a plan")
        });
        let recorder = Recorder::in_memory(case.request.args.nodes);
        let mut silent = Progress::new(Asked::None);
        let (simulated, playing) = timed(|| play(&case, recorder, None, &|| false, &mut silent));
        let history = simulated.expect("it plays").recorded.history;
        let judging = timed(|| judge_case(&case, &history)).1;
        for (part, seconds) in parts.iter_mut().zip([making, playing, judging]) {
            *part += seconds * 1e3 / CASES as f64;
        }
    }
    parts
}

/// What [`hunted`] measures.
type Hunted = (f64, f64);

/// Cases a second of wall time, and milliseconds of CPU time per case. On a machine that has other
/// work the second says more: threads that hinder one another, by locks or the allocator, make it
/// grow with their number.
fn hunted(threads: usize) -> Hunted {
    let spec = HuntSpec {
        target: target("raft").expect("it is bundled"),
        bug: None,
        base_seed: 1,
        shard: Shard::ALL,
        pinned: Pinned::default(),
        cases_max: Some(HUNTED),
        wall: None,
        threads,
        keep_going: true,
    };
    let mut observe = |_: News<'_>| Ok(());
    let before_s = cpu_of_all_s();
    let ended = hunt(&spec, Reach::default(), &attempt, &mut observe, &|| false);
    let cpu_ms = (cpu_of_all_s() - before_s) * 1e3;
    let cases = HUNTED as f64;
    (cases / ended.expect("it hunts").wall.as_secs_f64(), cpu_ms / cases)
}

fn main() {
    println!("5 nodes, 10 clients, 100 operations/s, mixed faults, 10 min; medians of {RUNS}");
    for (name, file) in [("in memory", false), ("history on disk", true)] {
        let speeds: Vec<(f64, f64)> = (0..RUNS).map(|seed| speed(seed, file)).collect();
        let (play, judge): (Vec<f64>, Vec<f64>) = speeds.into_iter().unzip();
        println!(
            "{name:>16}: {:.0} simulated seconds per CPU second, judging {:.0}",
            median(play),
            median(judge)
        );
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("one thread");
    let [making, playing, judging] = pool.install(parts);
    println!("a hunt's case: {making:.2} ms made, {playing:.2} ms played, {judging:.2} ms judged");
    let rounds: Vec<_> = (0..RUNS).map(|_| (hunted(1), hunted(2))).collect();
    let of = |part: fn(&(Hunted, Hunted)) -> f64| median(rounds.iter().map(part).collect());
    println!(
        "hunting: {:.1} cases/s on one thread, {:.1} on two, {:.2} times as many; CPU time of a \
         case {:.2} ms and {:.2} ms",
        of(|(one, _)| one.0),
        of(|(_, two)| two.0),
        of(|(one, two)| two.0 / one.0),
        of(|(one, _)| one.1),
        of(|(_, two)| two.1),
    );
}
