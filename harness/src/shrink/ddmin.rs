//! Delta debugging: takes things away until nothing can be taken away any more. Pure.
//!
//! ```text
//!   1 2 3 4 5 6 7 8          chunk 8: nothing at all?               no
//!   _ _ _ _ 5 6 7 8          chunk 4: without the first half?       yes
//!           _ _ 7 8          chunk 2: without the next two?         no
//!           5 6 _ _                   without those behind?         yes
//!           _ 6              chunk 1: one at a time, from the first to the last, until a whole
//!           5 _                       round takes nothing away
//! ```
//!
//! The result is 1-minimal: without any one of its items it does not fail. This is `ddmin` of
//! Zeller and Hildebrandt (Simplifying and Isolating Failure-Inducing Input, IEEE TSE 28(2), 2002)
//! without its tests of subsets, which seldom fail: what is left of a run is rarely one piece.
//!
//! Items are taken away from the front first; what should go last stands last.

/// What may be taken away next: chunk after chunk of what is left.
#[derive(Clone, Copy, Debug)]
pub(super) struct Removals<'a, T> {
    kept: &'a [T],
    from: usize,
    chunk: usize,
}

impl<T: Clone> Removals<'_, T> {
    /// How many there are; at least one.
    pub(super) fn count(&self) -> usize {
        (self.kept.len() - self.from).div_ceil(self.chunk)
    }

    /// What is left after the removal of this number.
    pub(super) fn without(&self, number: usize) -> Vec<T> {
        let start = self.from + number * self.chunk;
        let stop = (start + self.chunk).min(self.kept.len());
        [&self.kept[..start], &self.kept[stop..]].concat()
    }
}

/// Takes items away as long as what is left fails. `first_failing` gives the number of a removal
/// after which it still does, preferably the first; nothing if there is none. All items together
/// are known to fail.
pub(super) fn minimize<T: Clone>(
    items: &[T],
    mut first_failing: impl FnMut(&Removals<'_, T>) -> Option<usize>,
) -> Vec<T> {
    let mut kept = items.to_vec();
    let mut chunk = kept.len();
    while chunk > 0 && !kept.is_empty() {
        let mut from = 0;
        let mut removed = false;
        while from < kept.len() {
            let removals = Removals { kept: &kept, from, chunk };
            let Some(number) = first_failing(&removals) else { break };
            assert!(number < removals.count(), "a removal that was offered");
            let left = removals.without(number);
            from += number * chunk;
            kept = left;
            removed = true;
        }
        chunk = match chunk {
            1 if removed => 1,
            1 => 0,
            more => more.div_ceil(2).min(kept.len()),
        };
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::minimize;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    /// A failure that may need several things at once, and may vanish when the wrong ones are gone.
    fn fails(kept: &[u8], needed: &[BTreeSet<u8>], unless: &[(u8, u8)]) -> bool {
        let kept: BTreeSet<u8> = kept.iter().copied().collect();
        let spoilt = |(with, without): &(u8, u8)| kept.contains(with) && !kept.contains(without);
        needed.iter().any(|set| set.is_subset(&kept)) && !unless.iter().any(spoilt)
    }

    fn one_minimal(kept: &[u8], fails: impl Fn(&[u8]) -> bool) -> bool {
        let without = |index| [&kept[..index], &kept[index + 1..]].concat();
        fails(kept) && (0..kept.len()).all(|index| !fails(&without(index)))
    }

    fn shrunk(items: &[u8], fails: impl Fn(&[u8]) -> bool) -> Vec<u8> {
        minimize(items, |removals| (0..removals.count()).find(|n| fails(&removals.without(*n))))
    }

    /// What one round over single items gives.
    fn one_round(items: &[u8], fails: impl Fn(&[u8]) -> bool) -> Vec<u8> {
        let mut kept = items.to_vec();
        for item in items {
            let without: Vec<u8> = kept.iter().copied().filter(|other| other != item).collect();
            if fails(&without) {
                kept = without;
            }
        }
        kept
    }

    #[test]
    fn one_round_over_single_items_is_not_enough() {
        // 1 may only go once 5 is gone.
        let fails = |kept: &[u8]| fails(kept, &[BTreeSet::from([3])], &[(5, 1)]);
        let items = [1, 3, 5];
        assert!(!one_minimal(&one_round(&items, fails), fails), "the twin must be caught");
        assert_eq!(shrunk(&items, fails), [3]);
    }

    proptest! {
        #[test]
        fn nothing_can_be_taken_from_the_result(
            count in 1_u8..60,
            needed in prop::collection::vec(prop::collection::btree_set(0_u8..60, 0..5), 1..4),
            unless in prop::collection::vec((0_u8..60, 0_u8..60), 0..6),
        ) {
            let items: Vec<u8> = (0..count).collect();
            let fails = |kept: &[u8]| fails(kept, &needed, &unless);
            prop_assume!(fails(&items));
            let kept = shrunk(&items, fails);
            prop_assert!(one_minimal(&kept, fails), "{kept:?}");
            prop_assert!(kept.is_sorted());
        }

        #[test]
        fn a_few_items_among_many_are_found_without_trying_all_subsets(
            needed in prop::collection::btree_set(0_u16..500, 1..5),
        ) {
            let items: Vec<u16> = (0..500).collect();
            let mut asked = 0_usize;
            let kept = minimize(&items, |removals| {
                (0..removals.count()).find(|number| {
                    asked += 1;
                    needed.is_subset(&removals.without(*number).into_iter().collect())
                })
            });
            prop_assert_eq!(kept.into_iter().collect::<BTreeSet<_>>(), needed);
            prop_assert!(asked < 300, "{} questions", asked);
        }
    }
}
