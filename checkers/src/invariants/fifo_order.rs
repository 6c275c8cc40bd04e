//! What was enqueued first is dequeued first, once.
//!
//! ```text
//!   enqueue 1 |----|                    dequeue -> 2 |----|
//!                    enqueue 2 |----|                      dequeue -> 1 |----|
//!   out-of-order: 2 came after 1 and was gone before anybody took 1
//! ```
//!
//! * `out-of-order`: `a` was in before `b` was asked to be, but `b` was out before anybody asked
//!   for what turned out to be `a`; or one drain took `b` before `a`.
//! * `lost`: `a` was in before `b`, and `b` came out, but `a` never did. The order says so by
//!   itself; no drain is needed.
//! * `unexpected`, `duplicated`: as of `total-queue`.
//!
//! Operations: see `queue.rs`. Order is real time, so each producer's and each consumer's own order
//! is part of it; how many are out of order even for one producer and one consumer is a figure, for
//! queues that promise no more. A value that somebody took was in by then, whatever became of its
//! enqueue. Values that were enqueued twice have no order and are left out, which leaves the
//! history `unknown` if nothing else is wrong.
//!
//! **Beyond Jepsen**, whose `queue` knows no order and believes that every enqueue succeeded.
//!
//! **Procedure**, O(n log n): values in the order in which their enqueues began; among those that
//! were in before that, the one that was asked for last is compared.

use super::Complaints;
use super::queue::{Life, Put, Queues, Take, ended, key};
use super::reading::{Doubts, spread};
use crate::history::pairing::Operation;
use crate::history::{EventType, History, Process, Symbol};
use crate::verdict::Judgement;
use rustc_hash::FxHashMap;

/// A value that was enqueued once: when it came in and went out, by indices of events.
#[derive(Clone, Copy, Debug)]
struct Passage<'a> {
    life: Life<'a>,
    put: Put,
    /// The take that ended first; nothing if nobody took it.
    take: Option<Take>,
    /// It was in by then.
    in_by: usize,
    /// Nobody had asked for it before.
    out_from: usize,
    /// It was out by then.
    out_by: usize,
}

pub(super) fn check(claim: &str, history: &History, options: &super::Options) -> Judgement {
    let _ = options;
    let mut complaints = Complaints::new(history);
    let mut doubts = Doubts::default();
    let queues = Queues::read(history, &mut doubts);
    queues.complain(history, &mut complaints);
    let (mut passages, twice) = passages(&queues);
    if twice > 0 {
        doubts.add(format!("{twice} values were enqueued twice, so that their order is not known"));
    }
    let mut waits: Vec<u64> =
        passages.iter().filter_map(|passage| waited_ns(history, passage)).collect();
    // One queue after another; in each, in the order in which the enqueues began.
    passages.sort_unstable_by_key(|passage| (passage.life.queue, passage.put.op.invoke_index()));
    let mut order = Order { history, queues: &queues, complaints, doubts };
    for queue in passages.chunk_by(|one, other| one.life.queue == other.life.queue) {
        order.overtaken(queue);
        order.lost(queue);
    }
    order.drains(&passages);
    let Order { complaints, mut doubts, .. } = order;
    let (enqueued, dequeued) = queues.counts();
    if enqueued + dequeued == 0 {
        doubts.vacuous("nothing was enqueued or dequeued");
    }
    let own = of_one_pair(history, &passages);
    let mut figures = vec![
        ("enqueued".to_owned(), enqueued.to_string()),
        ("dequeued".to_owned(), dequeued.to_string()),
        ("recovered".to_owned(), queues.recovered().to_string()),
        ("out of order for one producer and one consumer".to_owned(), own.to_string()),
    ];
    figures.extend(spread(&mut waits).map(|text| ("time in the queue".to_owned(), text)));
    complaints.judgement("fifo-order", claim, figures, doubts.verdict())
}

/// The values that were enqueued once, and how many were enqueued more often.
fn passages<'a>(queues: &'a Queues<'_>) -> (Vec<Passage<'a>>, u64) {
    let mut twice = 0;
    let mut all = Vec::new();
    for life in queues.lives() {
        let mut puts = life.puts.iter().filter(|put| put.outcome != EventType::Fail);
        let Some(put) = puts.next().copied() else { continue };
        if puts.next().is_some() {
            twice += 1;
            continue;
        }
        let take = life.takes.iter().min_by_key(|take| ended(take.op)).copied();
        let out_by = take.map_or(usize::MAX, |take| ended(take.op));
        let out_from = life.takes.iter().map(|take| take.op.invoke_index()).min();
        let acknowledged = put.outcome == EventType::Ok;
        let in_by = if acknowledged { ended(put.op).min(out_by) } else { out_by };
        let out_from = out_from.unwrap_or(usize::MAX);
        all.push(Passage { life, put, take, in_by, out_from, out_by });
    }
    (all, twice)
}

/// How long a value was inside, from the end of its enqueue to the end of its dequeue.
fn waited_ns(history: &History, passage: &Passage<'_>) -> Option<u64> {
    let time_ns = |op: Operation| op.complete_index().map(|at| history.events()[at].time_ns);
    let (put, take) = (time_ns(passage.put.op)?, time_ns(passage.take?.op)?);
    (passage.put.outcome == EventType::Ok).then(|| take.saturating_sub(put))
}

struct Order<'a> {
    history: &'a History,
    queues: &'a Queues<'a>,
    complaints: Complaints<'a>,
    doubts: Doubts,
}

impl Order<'_> {
    /// Goes over the values in the order in which their enqueues began, and calls `each` with the
    /// one that was in before that and of which `rank` is greatest.
    fn sweep<'p>(
        &mut self,
        passages: &[Passage<'p>],
        rank: impl Fn(&Passage<'p>) -> Option<usize>,
        mut each: impl FnMut(&mut Self, &Passage<'p>, &Passage<'p>),
    ) {
        let mut ins: Vec<&Passage<'p>> =
            passages.iter().filter(|passage| rank(passage).is_some()).collect();
        ins.sort_unstable_by_key(|passage| passage.in_by);
        let mut ins = ins.into_iter().peekable();
        let mut greatest: Option<&Passage<'p>> = None;
        for later in passages {
            let began = later.put.op.invoke_index();
            while let Some(earlier) = ins.next_if(|passage| passage.in_by < began) {
                if greatest.is_none_or(|known| rank(known) < rank(earlier)) {
                    greatest = Some(earlier);
                }
            }
            if let Some(earlier) = greatest {
                each(self, earlier, later);
            }
        }
    }

    fn overtaken(&mut self, passages: &[Passage<'_>]) {
        let rank = |passage: &Passage<'_>| passage.take.map(|_| passage.out_from);
        self.sweep(passages, rank, |this, earlier, later| {
            if later.out_by < earlier.out_from {
                let ops = [Some(earlier.put), Some(later.put)];
                let takes = [later.take, earlier.take].map(|take| take.map(|take| take.op));
                let ops = ops.map(|put| put.map(|put| put.op));
                this.out_of_order(earlier, later, ops.into_iter().chain(takes).flatten().collect());
            }
        });
    }

    fn out_of_order(&mut self, earlier: &Passage<'_>, later: &Passage<'_>, ops: Vec<Operation>) {
        let queues = self.queues;
        let key = key(self.history, earlier.life.queue);
        self.complaints.add("out-of-order", key, ops, || {
            let [earlier, later] = [earlier, later].map(|passage| queues.show(&passage.life));
            format!("{earlier} was enqueued before {later}, but {later} was dequeued before it")
        });
    }

    /// Values that never came out although one behind them did.
    fn lost(&mut self, passages: &[Passage<'_>]) {
        let Some(first) = passages.first() else { return };
        let taken = |passage: &&Passage<'_>| passage.take.is_some();
        // Of those that came out, the one that came in last overtook all that were in before.
        let last = passages.iter().rev().find(taken);
        let Some(last) = last else { return };
        let began = last.put.op.invoke_index();
        let stays = |passage: &&Passage<'_>| passage.take.is_none() && passage.in_by < began;
        let lost: Vec<&Passage<'_>> = passages.iter().filter(stays).collect();
        let state = self.queues.queues.get(&first.life.queue).copied().unwrap_or_default();
        let excused = if state.unknown_drains > 0 { u64::MAX } else { state.unknown_takes };
        let excused = excused.min(lost.len() as u64) as usize;
        if excused > 0 {
            self.doubts.add(format!(
                "{excused} values that were overtaken may have been taken by {} dequeues and {} \
                 drains of unknown result",
                state.unknown_takes, state.unknown_drains
            ));
        }
        let queues = self.queues;
        for earlier in &lost[excused..] {
            let ops = [Some(earlier.put.op), Some(last.put.op), last.take.map(|take| take.op)];
            let key = key(self.history, earlier.life.queue);
            self.complaints.add("lost", key, ops.into_iter().flatten().collect(), || {
                let [earlier, later] = [earlier, last].map(|passage| queues.show(&passage.life));
                format!("{earlier} was enqueued before {later}; {later} came out, it never did")
            });
        }
    }

    /// One drain takes values one after the other.
    fn drains(&mut self, passages: &[Passage<'_>]) {
        let mut taken: Vec<(&Passage<'_>, Take)> =
            passages.iter().filter_map(|passage| Some((passage, passage.take?))).collect();
        let place = |(passage, take): &(&Passage<'_>, Take)| {
            (passage.life.queue, take.op.invoke_index(), take.place)
        };
        taken.sort_unstable_by_key(place);
        for drain in taken.chunk_by(|one, other| {
            let [one, other] = [one, other].map(place);
            (one.0, one.1) == (other.0, other.1)
        }) {
            let mut last: Option<&Passage<'_>> = None;
            for (passage, take) in drain {
                let began = |passage: &Passage<'_>| passage.put.op.invoke_index();
                if let Some(before) = last.filter(|before| passage.in_by < began(before)) {
                    let ops = vec![passage.put.op, before.put.op, take.op];
                    self.out_of_order(passage, before, ops);
                }
                if last.is_none_or(|before| began(before) < began(passage)) {
                    last = Some(passage);
                }
            }
        }
    }
}

/// How often a consumer took from one producer what that one had enqueued before what it took last.
fn of_one_pair(history: &History, passages: &[Passage<'_>]) -> u64 {
    let mut taken: Vec<(Take, &Passage<'_>)> =
        passages.iter().filter_map(|passage| Some((passage.take?, passage))).collect();
    taken.sort_unstable_by_key(|(take, _)| (take.op.invoke_index(), take.place));
    let mut last: FxHashMap<(Option<Symbol>, Process, Process), usize> = FxHashMap::default();
    let process = |op: Operation| history.events()[op.invoke_index()].process;
    let mut count = 0;
    for (take, passage) in taken {
        let put = passage.put.op;
        let pair = (passage.life.queue, process(put), process(take.op));
        let last = last.entry(pair).or_default();
        count += u64::from(put.invoke_index() < *last);
        *last = put.invoke_index().max(*last);
    }
    count
}

#[cfg(test)]
mod tests {
    use super::super::reading::tests::{history, said};
    use super::super::{Invariant, Options, check as judge};
    use proptest::prelude::*;
    use std::fmt::Write as _;

    const KINDS: [&str; 4] = ["lost", "unexpected", "duplicated", "out-of-order"];

    fn verdict(text: &str) -> String {
        let judgement = judge("test", &history(text), Invariant::FifoOrder, &Options::default());
        said(&judgement, &KINDS)
    }

    fn puts(values: &[u8]) -> String {
        values.iter().map(|v| format!("1 invoke enqueue {v}\n1 ok enqueue {v}\n")).collect()
    }

    fn takes(values: &[u8]) -> String {
        values.iter().map(|v| format!("2 invoke dequeue\n2 ok dequeue {v}\n")).collect()
    }

    #[test]
    fn what_came_first_goes_first() {
        assert_eq!(verdict(&(puts(&[1, 2]) + &takes(&[1, 2]))), "valid");
        assert_eq!(verdict(&(puts(&[1, 2]) + &takes(&[2, 1]))), "out-of-order 1");
    }

    #[test]
    fn concurrent_operations_have_no_order() {
        let both = "1 invoke enqueue 1\n2 invoke enqueue 2\n1 ok enqueue 1\n2 ok enqueue 2\n";
        assert_eq!(verdict(&format!("{both}{}", takes(&[2, 1]))), "valid");
        let concurrent = "2 invoke dequeue\n3 invoke dequeue\n2 ok dequeue 2\n3 ok dequeue 1";
        assert_eq!(verdict(&(puts(&[1, 2]) + concurrent)), "valid");
    }

    #[test]
    fn a_drain_takes_in_order() {
        assert_eq!(verdict(&(puts(&[1, 2, 3]) + "2 invoke drain\n2 ok drain [1,2,3]")), "valid");
        let wrong = puts(&[1, 2, 3]) + "2 invoke drain\n2 ok drain [1,3,2]";
        assert_eq!(verdict(&wrong), "out-of-order 1");
    }

    #[test]
    fn what_was_overtaken_and_never_came_out_is_lost() {
        assert_eq!(verdict(&(puts(&[1, 2]) + &takes(&[2]))), "lost 1");
        assert_eq!(verdict(&(puts(&[1, 2]) + &takes(&[1]))), "valid");
        let excused = puts(&[1, 2]) + "3 invoke dequeue\n3 info dequeue\n" + &takes(&[2]);
        assert!(verdict(&excused).starts_with("unknown: 1 values that were overtaken"));
    }

    #[test]
    fn an_enqueue_of_unknown_result_was_in_when_somebody_had_taken_its_value() {
        let text = "1 invoke enqueue 1\n1 info enqueue 1\n2 invoke enqueue 2\n2 ok enqueue 2\n";
        assert_eq!(verdict(&format!("{text}{}", takes(&[2, 1]))), "valid");
        let twice = "2 invoke enqueue 1\n2 ok enqueue 1\n2 invoke enqueue 1\n2 ok enqueue 1\n";
        assert!(verdict(twice).starts_with("unknown: 1 values were enqueued twice"));
    }

    #[test]
    fn each_key_is_a_queue() {
        let text = "1 invoke enqueue:1 1\n1 ok enqueue:1 1\n1 invoke enqueue:2 2\n\
                    1 ok enqueue:2 2\n2 invoke dequeue:2\n2 ok dequeue:2 2\n2 invoke dequeue:1\n\
                    2 ok dequeue:1 1";
        assert_eq!(verdict(text), "valid");
    }

    proptest! {
        /// Intervals at random against all pairs.
        #[test]
        fn a_value_is_out_of_order_if_and_only_if_a_pair_says_so(
            order in prop::collection::vec(0_usize..6, 0..60),
        ) {
            // Each of six values goes through: enqueue begins, ends, dequeue begins, ends.
            let (mut at, mut step) = ([[usize::MAX; 4]; 6], [0; 6]);
            let mut text = String::new();
            for value in order {
                let line = text.lines().count();
                if step[value] == 4 {
                    continue;
                }
                at[value][step[value]] = line;
                let (process, kind, f, shown) = [
                    (value, "invoke", "enqueue", value.to_string()),
                    (value, "ok", "enqueue", value.to_string()),
                    (10 + value, "invoke", "dequeue", "null".to_owned()),
                    (10 + value, "ok", "dequeue", value.to_string()),
                ][step[value]].clone();
                writeln!(text, "{process} {kind} {f} {shown}").unwrap();
                step[value] += 1;
            }
            let later = |b: usize| (0..6).any(|a| {
                step[a] == 4 && step[b] == 4 && at[a][1] < at[b][0] && at[b][3] < at[a][2]
            });
            let overtaken = |a: usize| (0..6).any(|b| {
                [2, 3].contains(&step[a]) && step[b] == 4 && at[a][1] < at[b][0]
            });
            let open = step.iter().filter(|step| **step == 3).count();
            let count = |of: &dyn Fn(usize) -> bool| (0..6).filter(|value| of(*value)).count();
            let judgement =
                judge("test", &history(&text), Invariant::FifoOrder, &Options::default());
            let figure = |name: &str| {
                let figure = judgement.figures.iter().find(|(known, _)| known == name);
                figure.map_or(0, |(_, count)| count.parse().unwrap())
            };
            prop_assert_eq!(figure("out-of-order"), count(&later));
            prop_assert_eq!(figure("lost"), count(&overtaken).saturating_sub(open));
        }
    }
}
