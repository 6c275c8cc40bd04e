//! A node's own clock: a pure function of the world's time, and its inverse.
//!
//! ```text
//!   own                      .-'        what it wants to show: offset + rate * time (+ strobe)
//!    ^           ____....--'            what the protocol sees: the highest of that so far
//!    |      _--''  ^
//!    |   .-'   ^   '- caught up
//!    | .'      '- set back: stands still
//!    +------------------------------> world
//! ```
//!
//! What a clock's rate has made of it stays, also when it goes at the world's rate again: a time
//! service slews. If it were put right at once, a clock that was slow would jump over a promise
//! that its node gave, and leases that are right for every rate would be broken by the repair.
//!
//! A strobe's period begins when the clock is set: ahead in the first half, back in the second.

use crate::environment::{Clock, Strobe};

const NS_PER_MS: i64 = 1_000_000;
/// A rate of nothing, in millionths.
const NORMAL_RATE_PPM: u64 = 1_000_000;

/// Maps the world's time to a node's own and back. Times are nanoseconds since the world began.
#[derive(Clone, Debug, Default)]
pub(crate) struct NodeClock {
    clock: Clock,
    /// When it was set.
    set_at_ns: u64,
    /// What it wanted to show at that moment, without the strobe.
    base_ns: i64,
    /// What the protocol may have seen before that moment.
    floor_ns: u64,
}

impl NodeClock {
    /// A clock that goes with the world's.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Lets it go like this from now on.
    pub(crate) fn set(&mut self, clock: &Clock, world_ns: u64) {
        let drift_ns = self.steady_ns(world_ns) - ns(world_ns) - self.clock.offset_ms * NS_PER_MS;
        *self = Self {
            clock: *clock,
            set_at_ns: world_ns,
            base_ns: ns(world_ns) + drift_ns + clock.offset_ms * NS_PER_MS,
            floor_ns: self.read(world_ns),
        };
    }

    /// What the protocol sees.
    pub(crate) fn read(&self, world_ns: u64) -> u64 {
        let mut highest_ns = self.steady_ns(world_ns);
        if let Some(strobe) = &self.clock.strobe {
            let (in_period_ns, half_ns, ahead_ns) = self.phase(strobe, world_ns);
            if in_period_ns < half_ns {
                highest_ns += ahead_ns;
            } else {
                // The last nanosecond of the half before was the highest.
                let peak_at_ns = world_ns - in_period_ns + half_ns - 1;
                highest_ns = highest_ns.max(self.steady_ns(peak_at_ns) + ahead_ns);
            }
        }
        u64::try_from(highest_ns).unwrap_or(0).max(self.floor_ns)
    }

    /// The first moment from `world_ns` on at which the protocol will see `own_ns` or more, if the
    /// clock is not set anew meanwhile.
    pub(crate) fn world_at(&self, own_ns: u64, world_ns: u64) -> u64 {
        if self.read(world_ns) >= own_ns {
            return world_ns;
        }
        let steadily_ns = self.steadily_at(ns(own_ns)).max(world_ns);
        let Some(strobe) = &self.clock.strobe else { return steadily_ns };
        let ahead_ns = i64::from(strobe.ahead_ms) * NS_PER_MS;
        let ahead_at_ns = self.steadily_at(ns(own_ns) - ahead_ns).max(world_ns);
        let (in_period_ns, half_ns, _) = self.phase(strobe, ahead_at_ns);
        if in_period_ns < half_ns {
            return ahead_at_ns;
        }
        let next_period_at_ns = ahead_at_ns.saturating_add(2 * half_ns - in_period_ns);
        steadily_ns.min(next_period_at_ns)
    }

    /// How far it wants to be ahead of the world's. A clock that was set back says so at once,
    /// while the protocol sees it stand still.
    pub(crate) fn ahead_ns(&self, world_ns: u64) -> i64 {
        let strobe_ns = self.clock.strobe.as_ref().map_or(0, |strobe| {
            let (in_period_ns, half_ns, ahead_ns) = self.phase(strobe, world_ns);
            if in_period_ns < half_ns { ahead_ns } else { 0 }
        });
        self.steady_ns(world_ns) + strobe_ns - ns(world_ns)
    }

    /// What it wants to show, without the strobe. Not for times before it was set.
    fn steady_ns(&self, world_ns: u64) -> i64 {
        let since_ns = world_ns - self.set_at_ns;
        let own_ns = match self.rate_ppm() {
            NORMAL_RATE_PPM => since_ns,
            rate_ppm => scaled(since_ns, rate_ppm, NORMAL_RATE_PPM, false),
        };
        self.base_ns.saturating_add(ns(own_ns))
    }

    /// The first moment at which it shows so much, without the strobe.
    fn steadily_at(&self, own_ns: i64) -> u64 {
        let missing_ns = u64::try_from(own_ns.saturating_sub(self.base_ns)).unwrap_or(0);
        let since_ns = match self.rate_ppm() {
            NORMAL_RATE_PPM => missing_ns,
            rate_ppm => scaled(missing_ns, NORMAL_RATE_PPM, rate_ppm, true),
        };
        self.set_at_ns.saturating_add(since_ns)
    }

    fn rate_ppm(&self) -> u64 {
        // A clock that stood still or ran backwards would never let a timer go off.
        NORMAL_RATE_PPM.saturating_add_signed(i64::from(self.clock.rate_ppm)).max(1)
    }

    /// How far the period has come, how long half of it is, and how far the strobe jumps.
    fn phase(&self, strobe: &Strobe, world_ns: u64) -> (u64, u64, i64) {
        let half_ns = u64::from(strobe.period_ms.max(1)) * 500_000;
        let in_period_ns = (world_ns - self.set_at_ns) % (2 * half_ns);
        (in_period_ns, half_ns, i64::from(strobe.ahead_ms) * NS_PER_MS)
    }
}

/// Nanoseconds that can be negative; an `i64` has room for 292 years.
fn ns(ns: u64) -> i64 {
    i64::try_from(ns).unwrap_or(i64::MAX)
}

/// `number * times / by`, rounded up or down.
fn scaled(number: u64, times: u64, by: u64, up: bool) -> u64 {
    let add = if up { by - 1 } else { 0 };
    match number.checked_mul(times).and_then(|product| product.checked_add(add)) {
        Some(product) => product / by,
        None => {
            let product = u128::from(number) * u128::from(times) + u128::from(add);
            u64::try_from(product / u128::from(by)).unwrap_or(u64::MAX)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::NodeClock;
    use crate::environment::{Clock, Strobe};
    use proptest::prelude::*;

    const MS: u64 = 1_000_000;

    fn set(offset_ms: i64, rate_ppm: i32, strobe: Option<Strobe>) -> Clock {
        Clock { offset_ms, rate_ppm, strobe }
    }

    #[test]
    fn a_clock_that_is_set_back_stands_still_until_it_has_caught_up() {
        let mut clock = NodeClock::new();
        clock.set(&set(-300, 0, None), 1000 * MS);
        let seen = [1000, 1200, 1300, 1301, 2000].map(|ms| clock.read(ms * MS) / MS);
        assert_eq!(seen, [1000, 1000, 1000, 1001, 1700]);
        assert_eq!(clock.ahead_ns(1000 * MS), -300 * MS as i64);
        assert_eq!(clock.world_at(1001 * MS, 1000 * MS), 1301 * MS);
    }

    #[test]
    fn what_a_rate_has_made_of_a_clock_stays_and_an_offset_is_taken_back() {
        let mut clock = NodeClock::new();
        clock.set(&set(0, 500_000, None), 0);
        assert_eq!(clock.ahead_ns(1000 * MS), 500 * MS as i64);
        clock.set(&set(20, 0, None), 1000 * MS);
        assert_eq!(clock.ahead_ns(4000 * MS), 520 * MS as i64);
        clock.set(&Clock::default(), 4000 * MS);
        assert_eq!(clock.ahead_ns(4000 * MS), 500 * MS as i64);
        assert_eq!(clock.read(4010 * MS), 4520 * MS, "it still stands");
        assert_eq!(clock.read(4100 * MS), 4600 * MS);
    }

    #[test]
    fn a_strobe_is_ahead_for_half_of_its_period_and_then_stands_still() {
        let mut clock = NodeClock::new();
        clock.set(&set(0, 0, Some(Strobe { period_ms: 100, ahead_ms: 30 })), 1000 * MS);
        let seen = [1000, 1049, 1050, 1079, 1080, 1099, 1100].map(|ms| clock.read(ms * MS) / MS);
        assert_eq!(seen, [1030, 1079, 1079, 1079, 1080, 1099, 1130]);
        assert_eq!(clock.ahead_ns(1049 * MS), 30 * MS as i64);
        assert_eq!(clock.ahead_ns(1050 * MS), 0);
    }

    fn any_clock() -> impl Strategy<Value = Clock> {
        let strobe = (1_u32..50, 0_u32..80);
        let strobe = strobe.prop_map(|(period_ms, ahead_ms)| Strobe { period_ms, ahead_ms });
        let rate_ppm = prop_oneof![Just(0), -999_999..3_000_000, Just(-1_000_000)];
        (-200_i64..200, rate_ppm, prop::option::of(strobe))
            .prop_map(|(offset_ms, rate_ppm, strobe)| set(offset_ms, rate_ppm, strobe))
    }

    /// A clock that was set several times, and when it was set last.
    fn any_history() -> impl Strategy<Value = (NodeClock, u64)> {
        prop::collection::vec((any_clock(), 0..300 * MS), 0..4).prop_map(|sets| {
            let (mut clock, mut now_ns) = (NodeClock::new(), 0);
            for (to, after_ns) in sets {
                now_ns += after_ns;
                clock.set(&to, now_ns);
            }
            (clock, now_ns)
        })
    }

    proptest! {
        #[test]
        fn a_clock_never_goes_back_not_even_when_it_is_set(
            (mut clock, now_ns) in any_history(), next in any_clock(),
            mut steps in prop::collection::vec(0..120 * MS, 1..40),
        ) {
            steps.sort_unstable();
            let mut last_ns = 0;
            for after_ns in &steps {
                let own_ns = clock.read(now_ns + after_ns);
                prop_assert!(own_ns >= last_ns, "{own_ns} after {last_ns}");
                last_ns = own_ns;
            }
            let now_ns = now_ns + steps[steps.len() - 1];
            clock.set(&next, now_ns);
            prop_assert!(clock.read(now_ns) >= last_ns);
        }

        #[test]
        fn a_timer_is_due_at_the_first_moment_at_which_the_own_clock_shows_it(
            (clock, set_at_ns) in any_history(), since_ns in 0..200 * MS, after_ns in 0..200 * MS,
        ) {
            let now_ns = set_at_ns + since_ns;
            let own_ns = clock.read(now_ns) + after_ns;
            let at_ns = clock.world_at(own_ns, now_ns);
            prop_assert!(at_ns >= now_ns);
            prop_assert!(clock.read(at_ns) >= own_ns, "too early");
            prop_assert!(at_ns == now_ns || clock.read(at_ns - 1) < own_ns, "too late");
        }

        #[test]
        fn a_timer_is_never_missed_however_far_it_is(
            (clock, set_at_ns) in any_history(), own_ns: u64,
        ) {
            let at_ns = clock.world_at(own_ns, set_at_ns);
            let centuries_ns = u64::MAX / 4; // far beyond, both saturate
            prop_assert!(at_ns.max(own_ns) >= centuries_ns || clock.read(at_ns) >= own_ns);
        }
    }
}
