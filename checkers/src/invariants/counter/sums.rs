//! Every sum that can be reached: something that is sure, and any of these that may be added.
//!
//! ```text
//!   sure 10, may be +5, -1, -1       [10]  ->  [10] [15]  ->  [8..10] [13..15]
//! ```
//!
//! Sums are kept as runs of neighbouring numbers. Equal numbers are taken together: of a thousand
//! times 1 there are a thousand sums, not 2^1000. The bound is on the number of runs.

use std::collections::BTreeMap;

/// More runs than this are not kept.
const RUNS_MAX: usize = 1 << 16;

/// Runs of sums, both ends included, in order and apart.
#[derive(Debug)]
pub(super) struct Sums(Vec<(i128, i128)>);

impl Sums {
    /// The sums of `sure` and any of `maybe`, which says how often a number may be added; nothing
    /// if they are too many to be kept.
    pub(super) fn of(sure: i128, maybe: &BTreeMap<i64, u64>) -> Option<Self> {
        let mut sums = Self(vec![(sure, sure)]);
        for (&number, &count) in maybe.iter().filter(|&(&number, _)| number != 0) {
            // Any number of times up to `count`: each bit of it is taken or not.
            let (mut left, mut times) = (count, 1);
            while left > 0 {
                let taken = times.min(left);
                sums.may_add(i128::from(number) * i128::from(taken));
                if sums.0.len() > RUNS_MAX {
                    return None;
                }
                left -= taken;
                times *= 2;
            }
        }
        Some(sums)
    }

    /// Whether it can be reached.
    pub(super) fn contains(&self, sum: i128) -> bool {
        let at = self.0.partition_point(|&(_, last)| last < sum);
        self.0.get(at).is_some_and(|&(first, _)| first <= sum)
    }

    fn may_add(&mut self, number: i128) {
        let moved = self.0.iter().map(|&(first, last)| (first + number, last + number));
        let mut runs: Vec<(i128, i128)> = moved.chain(self.0.iter().copied()).collect();
        runs.sort_unstable();
        self.0.clear();
        for (first, last) in runs {
            match self.0.last_mut() {
                Some((_, end)) if first <= *end + 1 => *end = last.max(*end),
                _ => self.0.push((first, last)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn the_sums_are_those_of_all_subsets(
            sure in -20i64..20,
            maybe in prop::collection::vec(-9i64..10, 0..9),
        ) {
            let mut all = BTreeSet::from([i128::from(sure)]);
            let mut counts = BTreeMap::new();
            for &number in &maybe {
                let more: Vec<i128> = all.iter().map(|sum| sum + i128::from(number)).collect();
                all.extend(more);
                *counts.entry(number).or_insert(0) += 1;
            }
            let sums = Sums::of(sure.into(), &counts).unwrap();
            for sum in -120..120 {
                prop_assert_eq!(sums.contains(sum), all.contains(&sum), "{}", sum);
            }
        }
    }

    #[test]
    fn too_many_sums_are_not_kept() {
        let powers: BTreeMap<i64, u64> = (0..39).map(|power| (3i64.pow(power), 1)).collect();
        assert!(Sums::of(0, &powers).is_none());
        let many = BTreeMap::from([(1, 1_000_000), (-1, 1_000_000)]);
        assert!(Sums::of(0, &many).is_some_and(|sums| sums.contains(-999_999)));
    }
}
