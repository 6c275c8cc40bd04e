//! How a fault was felt: rates before, during and after its window, and how long service took to
//! come back.
//!
//! ```text
//!   ok/s   ____before____                     ____________
//!                        \___during___    ___/ half of before
//!                        |            |  |  |
//!                     installed     healed  back
//!                                     |--| first ok
//! ```
//!
//! "Back" is the first moment from which, over half a second, at least half of the rate before is
//! acknowledged. Windows of other faults are not taken out: what a reader sees is what clients saw.

use crate::operations::{Operations, Outcome, Tally};

/// The stretch before a fault that counts as "before", at most.
const BEFORE_NS: u64 = 5_000_000_000;

/// The stretch over which the rate must hold to be back.
const BACK_NS: u64 = 500_000_000;

/// What one window did to the service.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Impact {
    /// Acknowledged a second before the fault; nothing if it was there from the start.
    pub(crate) before_per_second: Option<f64>,
    pub(crate) during_per_second: Option<f64>,
    /// Operations that began while it was in force.
    pub(crate) during: Tally,
    /// From the heal to the first acknowledgement.
    pub(crate) first_ok_ns: Option<u64>,
    /// From the heal until half of the rate before was back.
    pub(crate) back_ns: Option<u64>,
}

/// Times in order, made once for all faults of a run.
#[derive(Debug)]
pub(crate) struct Clockwork {
    ok_completions_ns: Vec<u64>,
    invocations: Vec<(u64, Outcome)>,
    /// Outcomes of the first n invocations.
    sums: Vec<Tally>,
}

impl Clockwork {
    pub(crate) fn of(operations: &Operations<'_>) -> Self {
        let ok = operations.rows.iter().filter(|row| row.outcome == Outcome::Ok);
        let mut ok_completions_ns: Vec<u64> = ok.map(|row| row.complete_ns).collect();
        ok_completions_ns.sort_unstable();
        let mut invocations: Vec<(u64, Outcome)> =
            operations.rows.iter().map(|row| (row.invoke_ns, row.outcome)).collect();
        invocations.sort_unstable();
        let mut sums = Vec::with_capacity(invocations.len() + 1);
        let mut sum = Tally::default();
        sums.push(sum);
        for (_, outcome) in &invocations {
            sum.add(*outcome);
            sums.push(sum);
        }
        Self { ok_completions_ns, invocations, sums }
    }

    /// What happened around the window of a fault; `healed` tells whether its end is a heal.
    pub(crate) fn impact(&self, start_ns: u64, end_ns: u64, healed: bool) -> Impact {
        let before_start_ns = start_ns.saturating_sub(BEFORE_NS);
        let before_per_second = self.ok_per_second(before_start_ns, start_ns);
        let mut impact = Impact {
            before_per_second,
            during_per_second: self.ok_per_second(start_ns, end_ns),
            during: self.begun(start_ns, end_ns),
            first_ok_ns: None,
            back_ns: None,
        };
        if healed {
            let after = &self.ok_completions_ns[self.ok_before(end_ns)..];
            impact.first_ok_ns = after.first().map(|time_ns| time_ns - end_ns);
            impact.back_ns = before_per_second.and_then(|before| back(after, before, end_ns));
        }
        impact
    }

    /// Operations that began in the window.
    pub(crate) fn begun(&self, start_ns: u64, end_ns: u64) -> Tally {
        let position = |ns: u64| self.invocations.partition_point(|(time_ns, _)| *time_ns < ns);
        let (from, to) = (self.sums[position(start_ns)], self.sums[position(end_ns)]);
        Tally { ok: to.ok - from.ok, fail: to.fail - from.fail, info: to.info - from.info }
    }

    fn ok_before(&self, time_ns: u64) -> usize {
        self.ok_completions_ns.partition_point(|completion_ns| *completion_ns < time_ns)
    }

    /// Nothing for a window too short to have a rate.
    fn ok_per_second(&self, start_ns: u64, end_ns: u64) -> Option<f64> {
        let seconds = end_ns.saturating_sub(start_ns) as f64 / 1e9;
        let ok = self.ok_before(end_ns).saturating_sub(self.ok_before(start_ns));
        (seconds >= 0.05).then(|| ok as f64 / seconds)
    }
}

/// From the heal to the first acknowledgement that opens a window with half of the rate before.
fn back(after: &[u64], before_per_second: f64, end_ns: u64) -> Option<u64> {
    let needed = (before_per_second / 2.0 * BACK_NS as f64 / 1e9).ceil() as usize;
    if needed == 0 {
        return None;
    }
    after
        .iter()
        .zip(after.iter().skip(needed - 1))
        .find(|(first, last)| *last - *first < BACK_NS)
        .map(|(first, _)| first - end_ns)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn clockwork(ok_ms: impl Iterator<Item = u64>) -> Clockwork {
        let ok_completions_ns: Vec<u64> = ok_ms.map(|ms| ms * MS).collect();
        Clockwork { ok_completions_ns, invocations: Vec::new(), sums: vec![Tally::default()] }
    }

    #[test]
    fn service_is_back_when_half_of_the_rate_before_holds() {
        // 100 a second before 1 s; nothing until 2.3 s; one straggler; 50 a second from 2.6 s.
        let before = (0..1_000).step_by(10);
        let after = (2_600..4_000).step_by(20);
        let clockwork = clockwork(before.chain([2_300]).chain(after));
        let impact = clockwork.impact(1_000 * MS, 2_000 * MS, true);
        assert_eq!(impact.before_per_second, Some(100.0));
        assert_eq!(impact.during_per_second, Some(0.0));
        assert_eq!(impact.first_ok_ns, Some(300 * MS));
        assert_eq!(impact.back_ns, Some(600 * MS), "the straggler at 2.3 s is not service");
    }

    #[test]
    fn service_that_stays_slow_is_never_back() {
        let before = (0..1_000).step_by(10);
        let clockwork = clockwork(before.chain((2_000..9_000).step_by(50)));
        let impact = clockwork.impact(1_000 * MS, 2_000 * MS, true);
        assert_eq!((impact.first_ok_ns, impact.back_ns), (Some(0), None));
    }

    #[test]
    fn a_fault_that_was_never_healed_has_no_recovery() {
        let clockwork = clockwork((0..1_000).step_by(10));
        let impact = clockwork.impact(500 * MS, 1_000 * MS, false);
        assert_eq!((impact.first_ok_ns, impact.back_ns), (None, None));
        assert_eq!(impact.during_per_second, Some(100.0));
    }
}
