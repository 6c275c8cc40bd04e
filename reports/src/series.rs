//! Latencies and rates over time, in a bounded number of buckets.
//!
//! ```text
//!   operations --> buckets of one width --> per bucket: p50 p95 p99 of what was acknowledged
//!                                                       ok, fail, info completed per second
//!              --> a sample of single operations by outcome: the raw picture behind the lines
//! ```
//!
//! Latencies stand where their operation began (a slow operation is charged to the moment that made
//! it slow), rates where operations completed. Everything is linear in the number of operations.

use crate::operations::{Operations, Outcome};

/// More buckets than this cannot be told apart on a screen.
const BUCKETS_MAX: u64 = 240;

/// Single operations drawn per outcome.
const SAMPLE_MAX: usize = 1_200;

/// Widths a reader can do arithmetic with.
const WIDTHS_MS: [u64; 14] =
    [10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 300_000, 3_600_000];

/// Quantiles of the acknowledged operations that began in one bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quantiles {
    pub(crate) p50_ns: u64,
    pub(crate) p95_ns: u64,
    pub(crate) p99_ns: u64,
}

impl Quantiles {
    /// The quantiles of these latencies, nearest rank; nothing of nothing.
    pub(crate) fn of(latencies_ns: &mut [u64]) -> Option<Self> {
        if latencies_ns.is_empty() {
            return None;
        }
        latencies_ns.sort_unstable();
        let at = |percent: usize| latencies_ns[(latencies_ns.len() * percent).div_ceil(100) - 1];
        Some(Self { p50_ns: at(50), p95_ns: at(95), p99_ns: at(99) })
    }
}

/// A single operation of the sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dot {
    pub(crate) time_ns: u64,
    pub(crate) latency_ns: u64,
}

/// The series of a run.
#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) bucket_ns: u64,
    pub(crate) latency: Vec<Option<Quantiles>>,
    /// Completed per second, by outcome in the order of [`Outcome::ALL`].
    pub(crate) per_second: [Vec<f64>; 3],
    pub(crate) sample: [Vec<Dot>; 3],
    pub(crate) overall: Option<Quantiles>,
}

impl Series {
    pub(crate) fn of(operations: &Operations<'_>) -> Self {
        let bucket_ns = bucket_ns(operations.end_ns);
        let buckets = usize::try_from(operations.end_ns / bucket_ns + 1)
            .expect("there are at most BUCKETS_MAX buckets");
        let mut latencies: Vec<Vec<u64>> = vec![Vec::new(); buckets];
        let mut completed = [const { Vec::new() }; 3].map(|_: Vec<u64>| vec![0_u64; buckets]);
        for row in &operations.rows {
            let Some(latency_ns) = row.latency_ns() else { continue };
            if row.outcome == Outcome::Ok {
                latencies[(row.invoke_ns / bucket_ns) as usize].push(latency_ns);
            }
            completed[row.outcome as usize][(row.complete_ns / bucket_ns) as usize] += 1;
        }
        let mut all: Vec<u64> = latencies.iter().flatten().copied().collect();
        let seconds = bucket_seconds(bucket_ns, buckets, operations.end_ns);
        Self {
            bucket_ns,
            latency: latencies.iter_mut().map(|bucket| Quantiles::of(bucket)).collect(),
            per_second: completed
                .map(|counts| counts.iter().zip(&seconds).map(|(&n, s)| n as f64 / s).collect()),
            sample: Outcome::ALL.map(|outcome| sample(operations, outcome)),
            overall: Quantiles::of(&mut all),
        }
    }
}

/// The smallest width that leaves few enough buckets.
fn bucket_ns(end_ns: u64) -> u64 {
    WIDTHS_MS
        .iter()
        .map(|ms| ms * 1_000_000)
        .find(|width| end_ns / width < BUCKETS_MAX)
        .unwrap_or(end_ns / BUCKETS_MAX + 1)
}

/// How long each bucket really is: the last one ends with the run. A sliver of a bucket would turn
/// one operation into a tower of them, so it counts for half a width at least.
fn bucket_seconds(bucket_ns: u64, buckets: usize, end_ns: u64) -> Vec<f64> {
    let mut seconds = vec![bucket_ns as f64 / 1e9; buckets];
    if let Some(last) = seconds.last_mut() {
        *last = (end_ns % bucket_ns).max(bucket_ns / 2) as f64 / 1e9;
    }
    seconds
}

/// Every n-th operation of an outcome, and nothing drawn by chance.
fn sample(operations: &Operations<'_>, outcome: Outcome) -> Vec<Dot> {
    let count = operations.rows.iter().filter(|row| row.outcome == outcome).count();
    let stride = count.div_ceil(SAMPLE_MAX).max(1);
    let rows = operations.rows.iter().filter(|row| row.outcome == outcome);
    rows.step_by(stride)
        .filter_map(|row| Some(Dot { time_ns: row.invoke_ns, latency_ns: row.latency_ns()? }))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_the_nearest_rank() {
        let mut latencies: Vec<u64> = (1..=200).rev().collect();
        let expected = Quantiles { p50_ns: 100, p95_ns: 190, p99_ns: 198 };
        assert_eq!(Quantiles::of(&mut latencies), Some(expected));
        assert_eq!(Quantiles::of(&mut [7]), Some(Quantiles { p50_ns: 7, p95_ns: 7, p99_ns: 7 }));
        assert_eq!(Quantiles::of(&mut []), None);
    }

    #[test]
    fn buckets_stay_few_whatever_the_length_of_the_run() {
        for end_ns in [0, 1, 30_000_000_000, 3_600_000_000_000, u64::MAX] {
            let width = bucket_ns(end_ns);
            assert!(end_ns / width <= BUCKETS_MAX, "{end_ns} ns in buckets of {width} ns");
        }
    }

    #[test]
    fn the_last_bucket_of_a_rate_is_as_long_as_the_run_left_it() {
        assert_eq!(bucket_seconds(100_000_000, 3, 280_000_000), [0.1, 0.1, 0.08]);
        assert_eq!(bucket_seconds(100_000_000, 3, 201_000_000), [0.1, 0.1, 0.05]);
    }
}
