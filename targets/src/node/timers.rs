//! The timers of one node, on its own clock. Pure.
//!
//! A timer has at most one deadline; to set it again moves it. Those that are due come in the order
//! of their deadlines, then of their names, so that the same past gives the same future.

use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug)]
pub(super) struct Timers<T> {
    queue: BTreeSet<(u64, T)>,
    deadlines_ns: BTreeMap<T, u64>,
}

impl<T> Default for Timers<T> {
    fn default() -> Self {
        Self { queue: BTreeSet::new(), deadlines_ns: BTreeMap::new() }
    }
}

impl<T: Copy + Ord> Timers<T> {
    pub(super) fn set(&mut self, timer: T, deadline_ns: u64) {
        self.cancel(timer);
        self.deadlines_ns.insert(timer, deadline_ns);
        self.queue.insert((deadline_ns, timer));
    }

    pub(super) fn cancel(&mut self, timer: T) {
        if let Some(deadline_ns) = self.deadlines_ns.remove(&timer) {
            self.queue.remove(&(deadline_ns, timer));
        }
    }

    pub(super) fn next_deadline_ns(&self) -> Option<u64> {
        self.queue.first().map(|(deadline_ns, _)| *deadline_ns)
    }

    pub(super) fn take_due(&mut self, now_ns: u64) -> Option<T> {
        let (deadline_ns, timer) = *self.queue.first()?;
        if deadline_ns > now_ns {
            return None;
        }
        self.cancel(timer);
        Some(timer)
    }
}

#[cfg(test)]
mod tests {
    use super::Timers;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        /// Against the obvious: a map of deadlines, searched whole each time.
        #[test]
        fn timers_fire_as_a_plain_map_would(
            steps in prop::collection::vec((0_u8..3, 0_u8..4, 0_u64..20), 0..60),
        ) {
            let (mut timers, mut map) = (Timers::default(), BTreeMap::new());
            for (what, timer, time_ns) in steps {
                match what {
                    0 => {
                        timers.set(timer, time_ns);
                        map.insert(timer, time_ns);
                    }
                    1 => {
                        timers.cancel(timer);
                        map.remove(&timer);
                    }
                    _ => {
                        let due = map.iter().map(|(timer, at)| (*at, *timer)).min();
                        let due = due.filter(|(at, _)| *at <= time_ns).map(|(_, timer)| timer);
                        prop_assert_eq!(timers.take_due(time_ns), due);
                        due.and_then(|timer| map.remove(&timer));
                    }
                }
                prop_assert_eq!(timers.next_deadline_ns(), map.values().min().copied());
            }
        }
    }
}
