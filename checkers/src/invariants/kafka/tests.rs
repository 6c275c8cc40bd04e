//! Logs in Kafka's manner: a history for every complaint, and one that just does not deserve it.

use super::super::reading::tests::{history, said};
use super::super::{Invariant, Options, check as judge};
use crate::verdict::Judgement;
use proptest::prelude::*;

const KINDS: [&str; 13] = [
    "duplicate",
    "inconsistent-offsets",
    "lost-write",
    "G1a",
    "phantom",
    "precommitted-read",
    "poll-skip",
    "nonmonotonic-poll",
    "int-poll-skip",
    "int-nonmonotonic-poll",
    "nonmonotonic-send",
    "int-nonmonotonic-send",
    "G1c",
];

fn judged(text: &str) -> Judgement {
    judge("test", &history(text), Invariant::Kafka, &Options::default())
}

fn verdict(text: &str) -> String {
    said(&judged(text), &KINDS)
}

fn figure(text: &str, name: &str) -> Option<String> {
    let judgement = judged(text);
    judgement.figures.iter().find(|(known, _)| known == name).map(|(_, text)| text.clone())
}

/// An operation with its result; `mops` as a list without its brackets.
fn done(process: u8, f: &str, outcome: &str, mops: &str) -> String {
    format!("{process} invoke {f} []\n{process} {outcome} {f} [{mops}]\n")
}

fn send(process: u8, offset: u64, message: u64) -> String {
    done(process, "send", "ok", &format!("[\"send\",7,[{offset},{message}]]"))
}

fn poll(process: u8, pairs: &str) -> String {
    done(process, "poll", "ok", &format!("[\"poll\",{{\"7\":[{pairs}]}}]"))
}

fn asks(process: u8, f: &str, keys: &str) -> String {
    format!("{process} invoke {f} {keys}\n{process} ok {f} {keys}\n")
}

/// Messages 10, 11, ... at offsets 0, 1, ...
fn log(length: u64) -> String {
    (0..length).map(|offset| send(1, offset, 10 + offset)).collect()
}

#[test]
fn what_is_sent_and_polled_in_order_is_right() {
    let text = log(2) + &poll(2, "[0,10]") + &poll(2, "[1,11]");
    assert_eq!(verdict(&text), "valid");
    assert_eq!(figure(&text, "messages behind").unwrap(), "0.5: 0, 0.95: 1, 0.99: 1, most: 1");
    // Transactions take offsets that nobody sees.
    let gaps =
        send(1, 3, 10) + &send(1, 900_000_000_000, 11) + &poll(2, "[3,10],[900000000000,11]");
    assert_eq!(verdict(&gaps), "valid");
}

#[test]
fn a_message_has_one_offset_and_an_offset_one_message() {
    assert_eq!(verdict(&(log(1) + &poll(2, "[0,10],[1,10]"))), "duplicate 1");
    assert_eq!(verdict(&(log(2) + &poll(2, "[0,10],[1,11]"))), "valid");
    let other = log(1) + &send(1, 0, 11) + &poll(2, "[0,10]") + &poll(3, "[0,11]");
    assert_eq!(verdict(&other), "inconsistent-offsets 1, nonmonotonic-send 1");
}

#[test]
fn what_stands_before_what_was_polled_was_polled_or_is_lost() {
    let asked = asks(2, "subscribe", "[7]");
    let lost = asked.clone() + &log(3) + &poll(2, "[0,10]") + &poll(2, "[2,12]");
    assert_eq!(verdict(&lost), "lost-write 1");
    assert_eq!(verdict(&(lost + &poll(3, "[1,11]"))), "valid");
    let unknown = send(1, 0, 10)
        + &done(5, "send", "info", "[\"send\",7,[1,11]]")
        + &asked
        + &send(1, 2, 12)
        + &poll(2, "[0,10],[2,12]");
    assert_eq!(verdict(&unknown), "valid");
}

#[test]
fn what_was_never_polled_is_lost_if_the_polls_went_on_to_the_end() {
    let text = log(2) + &poll(2, "[0,10]");
    assert!(verdict(&text).starts_with("unknown: 1 acknowledged messages were never polled"));
    assert_eq!(verdict(&(text.clone() + &poll(2, ""))), "lost-write 1");
    let early = log(1) + &poll(2, "[0,10]") + &poll(2, "") + &send(1, 1, 11);
    assert!(verdict(&early).starts_with("unknown"));
    let options = Options { final_polls: true, ..Options::default() };
    let judgement = judge("test", &history(&text), Invariant::Kafka, &options);
    assert_eq!(said(&judgement, &KINDS), "lost-write 1");
    // A transaction that nobody knows the end of may hide what stands behind it.
    let hidden = done(4, "txn", "info", "[\"send\",7,9]") + &text + &poll(2, "");
    assert!(verdict(&hidden).starts_with("unknown"));
}

#[test]
fn what_failed_or_was_never_sent_must_not_be_polled() {
    let failed = done(1, "send", "fail", "[\"send\",7,10]");
    assert_eq!(verdict(&(failed + &poll(2, "[0,10]"))), "G1a 1");
    let unknown = done(1, "send", "info", "[\"send\",7,10]");
    assert_eq!(verdict(&(unknown + &poll(2, "[0,10]"))), "valid");
    assert_eq!(verdict(&poll(2, "[0,10]")), "phantom 1");
    assert_eq!(verdict(&(poll(2, "[0,10]") + &log(1))), "phantom 1");
}

#[test]
fn a_transaction_does_not_see_what_it_sends() {
    let own = done(1, "txn", "ok", "[\"send\",7,[0,10]],[\"poll\",{\"7\":[[0,10]]}]");
    assert_eq!(verdict(&own), "precommitted-read 1");
    let other = log(1) + &done(2, "txn", "ok", "[\"send\",8,[0,10]],[\"poll\",{\"7\":[[0,10]]}]");
    assert_eq!(verdict(&(other + &done(3, "poll", "ok", "[\"poll\",{\"8\":[[0,10]]}]"))), "valid");
}

#[test]
fn a_consumer_goes_on_where_it_stopped() {
    let all = log(3) + &poll(3, "[0,10],[1,11],[2,12]");
    assert_eq!(verdict(&(all.clone() + &poll(2, "[0,10]") + &poll(2, "[1,11]"))), "valid");
    assert_eq!(verdict(&(all.clone() + &poll(2, "[0,10]") + &poll(2, "[2,12]"))), "poll-skip 1");
    let back = all.clone() + &poll(2, "[0,10]") + &poll(2, "[0,10]");
    assert_eq!(verdict(&back), "nonmonotonic-poll 1");
    // What a poll that did not happen saw moves nobody on.
    let failed = done(2, "poll", "fail", "[\"poll\",{\"7\":[[0,10]]}]");
    assert_eq!(verdict(&(all + &failed + &poll(2, "[0,10]"))), "valid");
}

#[test]
fn a_new_assignment_forgets_the_keys_that_go() {
    let all = log(2) + &poll(3, "[0,10],[1,11]") + &asks(2, "assign", "[7]") + &poll(2, "[1,11]");
    let again = poll(2, "[0,10],[1,11]");
    let stays = all.clone() + &asks(2, "assign", "[7,8]") + &again;
    assert_eq!(verdict(&stays), "nonmonotonic-poll 1");
    let goes = all.clone() + &asks(2, "assign", "[8]") + &asks(2, "assign", "[\"7\"]") + &again;
    assert_eq!(verdict(&goes), "valid");
    let subscribed = all + &asks(2, "subscribe", "[7]") + &again;
    assert_eq!(verdict(&subscribed), "valid");
    assert_eq!(figure(&subscribed, "gaps and steps back while subscribed").unwrap(), "1");
}

#[test]
fn one_operation_polls_without_gaps_and_steps_back() {
    let all = log(3) + &poll(3, "[0,10],[1,11],[2,12]");
    assert_eq!(verdict(&(all.clone() + &poll(2, "[0,10],[2,12]"))), "int-poll-skip 1");
    assert_eq!(verdict(&(all.clone() + &poll(2, "[1,11],[0,10]"))), "int-nonmonotonic-poll 1");
    let two = "[\"poll\",{\"7\":[[0,10]]}],[\"poll\",{\"7\":[[2,12]]}]";
    let two = done(2, "txn", "ok", two);
    assert_eq!(verdict(&(all.clone() + &two)), "int-poll-skip 1");
    assert_eq!(verdict(&(all + &asks(2, "subscribe", "[7]") + &two)), "valid");
}

#[test]
fn a_producer_sends_in_order() {
    let seen = |first: u8, second: u8| {
        let mut pairs = [(first, 10), (second, 11)];
        pairs.sort_unstable();
        poll(3, &pairs.map(|(offset, message)| format!("[{offset},{message}]")).join(","))
    };
    assert_eq!(verdict(&(send(1, 1, 10) + &send(1, 0, 11) + &seen(1, 0))), "nonmonotonic-send 1");
    assert_eq!(verdict(&(send(1, 1, 10) + &send(2, 0, 11) + &seen(1, 0))), "valid");
    let one = |first: u8, second: u8| {
        let mops = format!("[\"send\",7,[{first},10]],[\"send\",7,[{second},11]]");
        done(1, "txn", "ok", &mops) + &seen(first, second)
    };
    assert_eq!(verdict(&one(5, 4)), "int-nonmonotonic-send 1");
    assert_eq!(verdict(&one(4, 5)), "valid");
    let between = send(2, 1, 12) + &done(1, "txn", "ok", "[\"send\",7,[0,10]],[\"send\",7,[2,11]]");
    let text = between + &poll(3, "[0,10],[1,12],[2,11]");
    assert_eq!(verdict(&text), "valid");
    assert_eq!(figure(&text, "sends of a transaction apart (int-send-skip)").unwrap(), "1");
}

#[test]
fn transactions_do_not_poll_each_other_round_in_a_circle() {
    let txns = |polled: &str| {
        format!(
            "1 invoke txn []\n2 invoke txn []\n\
             1 ok txn [[\"send\",1,[0,5]],[\"poll\",{{\"2\":[{polled}]}}]]\n\
             2 ok txn [[\"send\",2,[0,6]],[\"poll\",{{\"1\":[[0,5]]}}]]\n"
        )
    };
    let rest = done(3, "poll", "ok", "[\"poll\",{\"2\":[[0,6]]}]");
    assert_eq!(verdict(&(txns("[0,6]") + &rest)), "G1c 1");
    assert_eq!(verdict(&(txns("") + &rest)), "valid");
}

#[test]
fn crosswise_sends_are_a_figure() {
    let text = done(1, "txn", "ok", "[\"send\",1,[0,5]],[\"send\",2,[1,6]]")
        + &done(2, "txn", "ok", "[\"send\",1,[1,7]],[\"send\",2,[0,8]]")
        + &done(3, "poll", "ok", "[\"poll\",{\"1\":[[0,5],[1,7]],\"2\":[[0,8],[1,6]]}]");
    assert_eq!(verdict(&text), "valid");
    assert_eq!(figure(&text, "crosswise sends (G0)").unwrap(), "1");
}

#[test]
fn garbage_is_named_and_costs_nothing() {
    let said =
        verdict(&(done(1, "send", "ok", "[\"send\",7]") + &done(2, "poll", "ok", "[\"poll\"]")));
    assert!(said.contains("event 1 (send): expected a list of"), "{said}");
    assert!(said.contains("event 3 (poll): expected a list of"), "{said}");
    for mops in ["[\"pull\",1]", "7", "[\"send\",1,[-3,5]]", "[\"poll\",{\"1\":[[\"x\",5]]}]"] {
        let said = verdict(&done(1, "txn", "ok", mops));
        assert!(said.contains("event 1 (txn): expected a list of"), "{said}");
    }
    let last = i64::MAX;
    assert_eq!(verdict(&(send(1, last as u64, 10) + &poll(2, &format!("[{last},10]")))), "valid");
    let twice = send(1, 0, 10) + &send(1, 1, 10) + &poll(2, "[0,10],[1,10]");
    assert!(verdict(&twice).starts_with("unknown: 1 messages were sent more than once"));
    assert_eq!(verdict(""), "unknown: vacuous: nothing was sent and nothing polled");
}

proptest! {
    /// One log of six messages and two consumers that poll at random, against offsets.
    #[test]
    fn gaps_and_steps_back_are_those_of_the_offsets(
        polls in prop::collection::vec((0_usize..2, prop::collection::vec(0_i64..6, 1..4)), 0..6),
    ) {
        let mut text = log(6);
        let mut expected = [0_usize; 4];
        let mut last: [Option<i64>; 2] = [None; 2];
        let mut seen = [false; 6];
        for (consumer, offsets) in &polls {
            let pairs = offsets.iter().map(|offset| format!("[{offset},{}]", offset + 10));
            text += &poll(2 + *consumer as u8, &pairs.collect::<Vec<_>>().join(","));
            for (place, offset) in offsets.iter().enumerate() {
                if let Some(before) = last[*consumer].replace(*offset) {
                    let within = if place > 0 { 2 } else { 0 };
                    expected[within] += usize::from(*offset > before + 1);
                    expected[within + 1] += usize::from(*offset <= before);
                }
                seen[*offset as usize] = true;
            }
        }
        let reached = seen.iter().rposition(|seen| *seen).unwrap_or(0);
        let lost = seen[..reached].iter().filter(|seen| !**seen).count();
        let unseen = seen[reached..].iter().filter(|seen| !**seen).count();
        let judgement = judged(&text);
        let figure = |name: &str| {
            let figure = judgement.figures.iter().find(|(known, _)| known == name);
            figure.map_or(0_usize, |(_, count)| count.parse().unwrap())
        };
        let found = ["poll-skip", "nonmonotonic-poll", "int-poll-skip", "int-nonmonotonic-poll"];
        prop_assert_eq!(found.map(figure), expected);
        prop_assert_eq!(figure("lost-write"), lost);
        prop_assert_eq!(figure("unseen"), unseen);
    }

    /// Whatever the micro-operations are, there is a verdict.
    #[test]
    fn garbage_never_panics(mops in "[\\[\\]{}\",0-9a-z:]{0,30}") {
        if let Ok(json) = serde_json::from_str::<serde_json::Value>(&mops) {
            let _ = verdict(&done(1, "txn", "ok", &json.to_string()));
            let _ = verdict(&format!("1 invoke assign {json}\n1 ok assign {json}"));
        }
    }
}
