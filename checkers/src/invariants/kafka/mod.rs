//! Records of a partition keep offset and order, and none is lost.
//!
//! | operation | argument | answer |
//! |---|---|---|
//! | `send` `poll` `txn` | micro-operations | the same with what came of them |
//! | `send` in it | `["send", key, message]` | `["send", key, [offset, message]]` |
//! | `poll` in it | `["poll"]` | `["poll", {key: [[offset, message], ...]}]`; `[]`: no more there |
//! | `assign` `subscribe` | the list of keys | not looked at |
//! | `crash` | not looked at: the process ends | |
//!
//! The vocabulary is that of Jepsen's `tests/kafka`; a key is a partition of a topic. Messages are
//! unique in their key. A message that is itself a list of two, a whole number first, has to be
//! answered with its offset.
//!
//! | complaint | what is wrong |
//! |---|---|
//! | `duplicate` | one message at two offsets |
//! | `inconsistent-offsets` | two messages at one offset |
//! | `lost-write` | sent, and never polled, although what stands behind it was, or all |
//! | `G1a` | polled, but its send failed |
//! | `phantom` | polled, and never sent, or not yet |
//! | `precommitted-read` | polled by the transaction that sends it |
//! | `poll-skip`, `nonmonotonic-poll` | from one operation of a consumer to the next |
//! | `int-poll-skip`, `int-nonmonotonic-poll` | within one |
//! | `nonmonotonic-send`, `int-nonmonotonic-send` | the same of a producer's sends |
//! | `G1c` | transactions polled each other's messages, round in a circle |
//!
//! Consumers read committed messages only, and begin with the oldest. What was acknowledged and
//! never polled is *unseen*: lost if the polls went on to the end (a poll said so with an empty
//! list after the last send, or the options do); else it leaves the history `unknown`.
//!
//! **Beyond Jepsen**: a message that nobody sent is a complaint and no exception (its checker
//! throws); offsets may be as great as they want (its logs are vectors, as long as the greatest);
//! whether a rebalance excuses a gap is asked of each consumer and not of the whole test; a missing
//! end of the polls is `unknown` and not a loss; gaps between a transaction's sends and G0 are
//! figures, as its tests allow them anyhow. Left out: its log of rebalances, which the histories
//! here do not carry, and lag as a time (it is counted in messages).

mod cycles;
mod logs;
mod positions;
mod read;
#[cfg(test)]
mod tests;

use super::Complaints;
use super::reading::{Doubts, quantiles};
use super::subject::{figure, show};
use crate::history::pairing::Operation;
use crate::history::{EventType, History};
use crate::verdict::Judgement;
use logs::Logs;
use read::Records;

/// Complaints about keys.
#[derive(Debug)]
struct Found<'h> {
    complaints: Complaints<'h>,
    /// The name of each key.
    keys: Vec<String>,
}

impl Found<'_> {
    fn add(
        &mut self,
        kind: &'static str,
        key: u32,
        ops: Vec<Operation>,
        sentence: impl FnOnce() -> String,
    ) {
        self.complaints.add(kind, Some(self.keys[key as usize].clone()), ops, sentence);
    }

    fn add_to_all(
        &mut self,
        kind: &'static str,
        ops: Vec<Operation>,
        sentence: impl FnOnce() -> String,
    ) {
        self.complaints.add(kind, None, ops, sentence);
    }
}

pub(super) fn check(claim: &str, history: &History, options: &super::Options) -> Judgement {
    let mut doubts = Doubts::default();
    let records = Records::read(history, &mut doubts);
    let keys = (0..records.keys.len()).map(|key| show(records.keys.thing(key))).collect();
    let mut found = Found { complaints: Complaints::new(history), keys };
    let logs = Logs::read(&records, &mut found, &mut doubts);
    let unseen = logs.unseen(&records, options.final_polls, &mut found);
    logs.reads(&records, &mut found);
    let remarks = positions::check(&records, &logs, &mut found);
    let crosswise = cycles::check(&records, &logs, &mut found);
    let acknowledged = |of: &dyn Fn(usize) -> usize| -> usize {
        let txns = records.txns().filter(|(_, step)| step.outcome == EventType::Ok);
        txns.map(|(number, _)| of(number)).sum()
    };
    let sent = acknowledged(&|step| records.sends(step).len());
    let polled = acknowledged(&|step| records.polls(step).len());
    if sent + polled == 0 {
        doubts.vacuous("nothing was sent and nothing polled");
    }
    if unseen > 0 {
        doubts.add(format!(
            "{unseen} acknowledged messages were never polled, and nothing shows that the polls at \
             the end went on until nothing more was there"
        ));
    }
    let mut figures = vec![
        figure("keys", records.keys.len()),
        figure("sent", sent),
        figure("polled", polled),
        figure("unseen", unseen),
        figure("crosswise sends (G0)", crosswise),
    ];
    figures.extend(remarks.figures());
    let behind = quantiles(&mut positions::behind(&records, &logs), |count| count.to_string());
    figures.extend(behind.map(|text| figure("messages behind", text)));
    found.complaints.judgement("kafka", claim, figures, doubts.verdict())
}
