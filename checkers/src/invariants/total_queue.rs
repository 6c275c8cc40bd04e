//! What was enqueued is dequeued exactly once.
//!
//! ```text
//!   enqueue 1 ok    enqueue 2 info    dequeue -> 2    drain -> []
//!   lost: 1         recovered: 2
//! ```
//!
//! * `lost`: acknowledged, never dequeued, and afterwards the queue was found empty.
//! * `unexpected`: dequeued, but never enqueued, not yet enqueued, or its enqueue failed.
//! * `duplicated`: dequeued more often than it can have been enqueued.
//!
//! A queue was found empty by a drain, by a dequeue that was answered nil, and by one that failed
//! with `empty` or `exhausted`. Operations: see `queue.rs`.
//!
//! **Beyond Jepsen's `total-queue`**: duplicates are a violation and no remark; a failed enqueue
//! that comes out is one, too; a crashed drain is understood. Values that nobody looked for are not
//! `lost` but `unknown`, and so are those that a dequeue of unknown result may have taken: an
//! acknowledged value, one dequeue that timed out and an empty queue are no loss.

use super::queue::{Queue, Queues, ended, key};
use super::reading::Doubts;
use crate::history::{EventType, History, Symbol};
use crate::verdict::Judgement;
use std::collections::BTreeMap;

pub(super) fn check(claim: &str, history: &History, options: &super::Options) -> Judgement {
    let _ = options;
    let mut complaints = super::Complaints::new(history);
    let mut doubts = Doubts::default();
    let queues = Queues::read(history, &mut doubts);
    queues.complain(history, &mut complaints);
    lost(history, &queues, &mut complaints, &mut doubts);
    let (enqueued, dequeued) = queues.counts();
    if enqueued + dequeued == 0 {
        doubts.vacuous("nothing was enqueued or dequeued");
    }
    let figures =
        [("enqueued", enqueued), ("dequeued", dequeued), ("recovered", queues.recovered())];
    let figures = figures.map(|(name, count)| (name.to_owned(), count.to_string())).to_vec();
    complaints.judgement("total-queue", claim, figures, doubts.verdict())
}

/// What a queue does not give back.
#[derive(Debug, Default)]
struct Missing {
    /// Values, by their number, that were inside when the queue was found empty.
    lost: Vec<u32>,
    /// Values that nobody looked for.
    left: u64,
}

fn lost(
    history: &History,
    queues: &Queues<'_>,
    complaints: &mut super::Complaints<'_>,
    doubts: &mut Doubts,
) {
    let mut missing: BTreeMap<Option<Symbol>, Missing> = BTreeMap::new();
    let state = |queue| queues.queues.get(&queue).copied().unwrap_or_default();
    for (number, life) in (0..).zip(queues.lives()) {
        let count = life.missing();
        if count == 0 {
            continue;
        }
        let Queue { emptied, .. } = state(life.queue);
        let acknowledged = life.puts.iter().filter(|put| put.outcome == EventType::Ok);
        let last = acknowledged.map(|put| ended(put.op)).max().unwrap_or(usize::MAX);
        let missing = missing.entry(life.queue).or_default();
        if emptied.is_some_and(|op| last < op.invoke_index()) {
            missing.lost.extend(std::iter::repeat_n(number, count));
        } else {
            missing.left += count as u64;
        }
    }
    let mut wanted: Vec<u32> = Vec::new();
    for (queue, Missing { lost, left }) in &missing {
        let Queue { unknown_takes, unknown_drains, .. } = state(*queue);
        // Whatever a dequeue of unknown result took, it took one.
        let excused = if unknown_drains > 0 { lost.len() as u64 } else { unknown_takes };
        let excused = excused.min(lost.len() as u64) as usize;
        wanted.extend(&lost[excused..]);
        if excused > 0 {
            doubts.add(format!(
                "{excused} acknowledged values that were never seen again may have been taken by \
                 {unknown_takes} dequeues and {unknown_drains} drains of unknown result"
            ));
        }
        if *left > 0 {
            doubts.add(format!(
                "{left} acknowledged values were never dequeued, and nobody found the queue empty \
                 after them; end with drains"
            ));
        }
    }
    wanted.sort_unstable();
    let mut wanted = wanted.into_iter().peekable();
    for (number, life) in (0..).zip(queues.lives()) {
        while wanted.next_if_eq(&number).is_some() {
            let acknowledged = life.puts.iter().filter(|put| put.outcome == EventType::Ok);
            let ops = acknowledged.map(|put| put.op).take(2).chain(state(life.queue).emptied);
            complaints.add("lost", key(history, life.queue), ops.collect(), || {
                format!(
                    "{} was acknowledged and never dequeued, and then the queue was empty",
                    queues.show(&life)
                )
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::reading::tests::{history, said};
    use super::super::{Options, check as judge};
    use crate::invariants::Invariant;
    use proptest::prelude::*;
    use std::fmt::Write as _;

    fn verdict(text: &str) -> String {
        let judgement = judge("test", &history(text), Invariant::TotalQueue, &Options::default());
        said(&judgement, &["lost", "unexpected", "duplicated"])
    }

    #[test]
    fn a_value_that_comes_out_once_is_right() {
        let sane = "1 invoke enqueue 1\n1 info enqueue 1\n2 invoke enqueue 2\n2 ok enqueue 2\n\
                    3 invoke dequeue\n3 ok dequeue 1\n3 invoke drain\n3 ok drain [2]";
        assert_eq!(verdict(sane), "valid");
        assert_eq!(verdict(""), "unknown: vacuous: nothing was enqueued or dequeued");
    }

    #[test]
    fn an_acknowledged_value_that_never_comes_out_is_lost_once_the_queue_was_empty() {
        let put = "1 invoke enqueue 1\n1 ok enqueue 1\n";
        assert_eq!(verdict(&format!("{put}2 invoke dequeue\n2 ok dequeue")), "lost 1");
        assert_eq!(verdict(&format!("{put}2 invoke drain\n2 ok drain []")), "lost 1");
        assert!(verdict(put).starts_with("unknown: 1 acknowledged values were never dequeued"));
        let early = "2 invoke dequeue\n1 invoke enqueue 1\n1 ok enqueue 1\n2 ok dequeue";
        assert!(verdict(early).starts_with("unknown"));
    }

    #[test]
    fn a_dequeue_of_unknown_result_excuses_one_value() {
        let text = "1 invoke enqueue 1\n1 ok enqueue 1\n3 invoke dequeue\n3 info dequeue\n\
                    2 invoke drain\n2 ok drain []\n";
        assert!(verdict(text).contains("may have been taken by 1 dequeues"));
        assert_eq!(verdict(&format!("1 invoke enqueue 5\n1 ok enqueue 5\n{text}")), "lost 1");
    }

    #[test]
    fn a_crashed_drain_took_what_it_says_and_perhaps_more() {
        let text = "1 invoke enqueue 1\n1 ok enqueue 1\n1 invoke enqueue 2\n1 ok enqueue 2\n\
                    3 invoke drain\n3 info drain [1]\n2 invoke drain\n";
        assert_eq!(verdict(&format!("{text}2 ok drain [2]")), "valid");
        assert!(verdict(&format!("{text}2 ok drain []")).contains("1 drains of unknown result"));
        assert_eq!(verdict(&format!("{text}2 ok drain [1,2]")), "duplicated 1");
    }

    #[test]
    fn a_value_of_a_failed_enqueue_must_not_come_out() {
        let take = "2 invoke dequeue\n2 ok dequeue 1";
        assert_eq!(verdict(take), "unexpected 1");
        assert_eq!(
            verdict(&format!("1 invoke enqueue 1\n1 fail enqueue 1\n{take}")),
            "unexpected 1"
        );
        assert_eq!(verdict(&format!("1 invoke enqueue 1\n1 info enqueue 1\n{take}")), "valid");
        assert_eq!(verdict(&format!("{take}\n1 invoke enqueue 1\n1 ok enqueue 1")), "unexpected 1");
    }

    #[test]
    fn a_value_comes_out_as_often_as_it_came_in() {
        let put = "1 invoke enqueue 1\n1 ok enqueue 1\n";
        let take = "2 invoke dequeue\n2 ok dequeue 1\n";
        assert_eq!(verdict(&format!("{put}{take}{take}")), "duplicated 1");
        assert_eq!(verdict(&format!("{put}{put}{take}{take}")), "valid");
        assert_eq!(
            verdict("1 invoke enqueue:7 1\n1 ok enqueue:7 1\n2 invoke drain:8\n2 ok drain:8 [1]"),
            "unexpected 1"
        );
    }

    #[test]
    fn what_is_no_operation_of_a_queue_is_named() {
        let said = verdict(
            "1 invoke enqueue\n1 ok enqueue\n1 invoke peek\n1 ok peek 1\n\
             2 invoke drain\n2 ok drain 7",
        );
        assert!(
            said.contains("event 0 (enqueue): expected a value to enqueue, found nil"),
            "{said}"
        );
        assert!(!said.contains("peek") && said.contains("event 5 (drain)"), "{said}");
    }

    proptest! {
        /// Sequential histories of a few values against counting by hand.
        #[test]
        fn counts_are_those_of_counting_by_hand(
            steps in prop::collection::vec((0_u8..3, 0_usize..3), 0..24),
        ) {
            let (mut text, mut put, mut taken) = (String::new(), [0_usize; 3], [0_usize; 3]);
            let mut early = [false; 3];
            for (what, value) in steps {
                let (f, outcome) = [("enqueue", "ok"), ("enqueue", "fail"), ("dequeue", "ok")]
                    [usize::from(what)];
                write!(text, "1 invoke {f} {value}\n1 {outcome} {f} {value}\n").unwrap();
                match what {
                    0 => put[value] += 1,
                    2 => {
                        early[value] |= put[value] == 0;
                        taken[value] += 1;
                    }
                    _ => {}
                }
            }
            text.push_str("1 invoke drain\n1 ok drain []\n");
            let sum = |count: &dyn Fn(usize) -> usize| (0..3).map(count).sum::<usize>();
            let lost = sum(&|v| put[v].saturating_sub(taken[v]));
            let duplicated = sum(&|v| taken[v].saturating_sub(put[v].max(1)));
            let judgement =
                judge("test", &history(&text), Invariant::TotalQueue, &Options::default());
            let figure = |name: &str| {
                let figure = judgement.figures.iter().find(|(known, _)| known == name);
                figure.map_or(0, |(_, count)| count.parse().unwrap())
            };
            prop_assert_eq!(figure("lost"), lost);
            prop_assert_eq!(figure("duplicated"), duplicated);
            prop_assert!(figure("unexpected") <= early.iter().filter(|early| **early).count());
            let unexpected = (0..3).filter(|&v| early[v] && put[v] == 0).count();
            prop_assert!(figure("unexpected") >= unexpected);
        }
    }
}
