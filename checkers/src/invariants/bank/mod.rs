//! Transfers keep the total, and no balance is negative unless allowed.
//!
//! ```text
//!   read      -> {"0": 70, "1": 30}          total 100
//!   transfer     {"from": 0, "to": 1, "amount": 5}
//!   read      -> {"0": 65, "1": 30}          total  95: the debit without the credit
//! ```
//!
//! A read is one object, account -> balance. Of each read the first of these is complained of, in
//! Jepsen's order: `unexpected-key`, `nil-balance`, `wrong-total`, `negative-value`. The total is
//! the option's, or else that of the first read without an error, by completion; the accounts are
//! those of that read and those that transfers name.
//!
//! Jepsen's `bank` gives the reads with a wrong total and leaves the rest to the reader. Here the
//! evidence is also the last right read before it, and the transfers that explain the difference if
//! their debit alone or their credit alone was seen (`explain`); a history that reads no balance is
//! `unknown` instead of valid; a balance that is no number is named.

mod explain;

use super::shape::Item;
use super::subject::{Found, Part, Seen, figure, parts, show};
use crate::history::pairing::Operation;
use crate::history::{EventType, History};
use crate::verdict::Judgement;
use explain::Transfer;
use rustc_hash::FxHashSet;

/// Reads with a wrong total that are explained; the others are counted.
const EXPLAINED_MAX: usize = 3;

#[derive(Default)]
struct Totals {
    reads: usize,
    transfers: usize,
    expected: Option<i128>,
    lowest: Option<i128>,
    highest: Option<i128>,
    /// Indices of reads with an error; and of the worst of them how far its total was off.
    first: Option<u32>,
    last: Option<u32>,
    worst: Option<(u128, u32)>,
}

/// What one read says.
#[derive(Clone, Copy)]
struct Sum<'a> {
    total: i128,
    unexpected: Option<&'a str>,
    nil: Option<&'a str>,
    negative: Option<(&'a str, i64)>,
}

pub(super) fn check(claim: &str, history: &History, options: &super::Options) -> Judgement {
    let mut found = Found::new(history);
    let mut totals = Totals::default();
    let parts = parts(history);
    for part in &parts {
        let bank = Bank::of(history, part, &mut found);
        totals.transfers += bank.transfers.iter().filter(|t| t.outcome == EventType::Ok).count();
        bank.judge(options, &mut found, &mut totals);
    }
    let vacuous = (totals.reads == 0).then_some("no read was answered");
    let mut figures = vec![figure("reads", totals.reads), figure("transfers", totals.transfers)];
    let totals_read = [
        ("total", totals.expected),
        ("lowest total", totals.lowest),
        ("highest total", totals.highest),
    ];
    figures.extend(totals_read.iter().filter_map(|&(name, total)| Some(figure(name, total?))));
    let errors = [
        ("first error", totals.first),
        ("worst error", totals.worst.map(|(_, index)| index)),
        ("last error", totals.last),
    ];
    let at = |index: u32| format!("event {index}");
    figures.extend(errors.iter().filter_map(|&(name, index)| Some(figure(name, at(index?)))));
    found.complaints.judgement("bank", claim, figures, found.misfits.verdict(vacuous))
}

/// The accounts of one key.
struct Bank<'a> {
    history: &'a History,
    part: &'a Part,
    /// `ok` reads in order of completion.
    reads: Vec<Seen<'a>>,
    /// In order of invocation.
    transfers: Vec<Transfer<'a>>,
}

impl<'a> Bank<'a> {
    fn of(history: &'a History, part: &'a Part, found: &mut Found<'a>) -> Self {
        let mut reads = Vec::new();
        let mut transfers = Vec::new();
        for &op in &part.ops {
            let seen = Seen::of(history, op);
            match (seen.f, seen.outcome) {
                ("read", EventType::Ok) => reads.push(seen),
                ("transfer", _) => {
                    let value = seen.argument(history);
                    match Transfer::of(&seen, value) {
                        Some(transfer) => transfers.push(transfer),
                        None => {
                            let expected = "a transfer with from, to and amount";
                            found.misfits.value(seen.invoke as usize, expected, value);
                        }
                    }
                }
                _ => {}
            }
        }
        reads.sort_unstable_by_key(|read| read.complete);
        Self { history, part, reads, transfers }
    }

    fn judge(&self, options: &super::Options, found: &mut Found<'a>, totals: &mut Totals) {
        let mut accounts = Accounts::default();
        let mut expected = options.total.map(i128::from);
        let mut right: Option<Seen<'a>> = None;
        let mut explained = 0;
        for transfer in &self.transfers {
            accounts.known.extend([transfer.from, transfer.to]);
        }
        for read in &self.reads {
            let value = read.result(self.history);
            let Some(fields) = value.fields() else {
                let expected = "a map from accounts to balances";
                found.misfits.value(read.complete as usize, expected, value);
                continue;
            };
            if !accounts.are_complete {
                accounts.learn(fields);
            }
            let Some(sum) = accounts.sum(fields) else {
                let expected = "balances that are whole numbers or nil";
                found.misfits.value(read.complete as usize, expected, value);
                continue;
            };
            totals.reads += 1;
            if sum.nil.is_none() {
                accounts.are_complete = true;
                expected.get_or_insert(sum.total);
            }
            totals.expected = totals.expected.or(expected);
            totals.lowest = Some(totals.lowest.map_or(sum.total, |least| least.min(sum.total)));
            totals.highest = Some(totals.highest.map_or(sum.total, |most| most.max(sum.total)));
            let difference = sum.total - expected.unwrap_or(sum.total);
            match sum.error(difference, options.negative_balances) {
                Some("wrong-total") => {
                    explained += 1;
                    let is_explained = explained <= EXPLAINED_MAX;
                    self.wrong_total(read, right, &sum, difference, is_explained, found);
                }
                Some(kind) => {
                    let key = self.part.key_text(self.history);
                    found.complaints.add(kind, key, vec![read.op], || sum.sentence());
                }
                None => {
                    right = Some(*read);
                    continue;
                }
            }
            totals.error(read.complete, difference.unsigned_abs());
        }
    }

    fn wrong_total(
        &self,
        read: &Seen<'a>,
        right: Option<Seen<'a>>,
        sum: &Sum<'a>,
        difference: i128,
        is_explained: bool,
        found: &mut Found<'a>,
    ) {
        let mut ops: Vec<Operation> = right.iter().map(|right| right.op).collect();
        let mut halves = Vec::new();
        if is_explained {
            halves = explain::explain(self.history, &self.transfers, read, right, difference);
        }
        ops.extend(halves.iter().map(|half| half.transfer.op));
        ops.push(read.op);
        let sentence = || {
            let (total, expected) = (sum.total, sum.total - difference);
            let why = explain::words(&halves);
            format!("the balances sum to {total} instead of {expected}{why}")
        };
        let key = self.part.key_text(self.history);
        found.complaints.add("wrong-total", key, ops, sentence);
    }
}

impl Totals {
    fn error(&mut self, index: u32, off: u128) {
        self.first.get_or_insert(index);
        self.last = Some(index);
        if self.worst.is_none_or(|(most, _)| most < off) {
            self.worst = Some((off, index));
        }
    }
}

impl Sum<'_> {
    fn error(&self, difference: i128, negative_balances: bool) -> Option<&'static str> {
        if self.unexpected.is_some() {
            Some("unexpected-key")
        } else if self.nil.is_some() {
            Some("nil-balance")
        } else if difference != 0 {
            Some("wrong-total")
        } else {
            (self.negative.is_some() && !negative_balances).then_some("negative-value")
        }
    }

    /// What is wrong beside the total.
    fn sentence(&self) -> String {
        let account = |name| show(Item::of_text(name));
        if let Some(name) = self.unexpected {
            return format!("account {} is none of the bank's", account(name));
        }
        match (self.nil, self.negative) {
            (Some(name), _) => format!("account {} has no balance", account(name)),
            (None, Some((name, balance))) => {
                format!("account {} has the negative balance {balance}", account(name))
            }
            (None, None) => String::new(),
        }
    }
}

/// Which accounts there are.
#[derive(Default)]
struct Accounts<'a> {
    known: FxHashSet<Item<'a>>,
    are_complete: bool,
    /// The known names in the order of the last read, which is nearly always that of the next.
    order: Vec<&'a str>,
}

impl<'a> Accounts<'a> {
    fn learn(&mut self, fields: super::shape::Fields<'a>) {
        self.known.extend(fields.map(|(name, _)| Item::of_text(name)));
    }

    /// Nothing if a balance is neither a number nor nil.
    fn sum(&mut self, fields: super::shape::Fields<'a>) -> Option<Sum<'a>> {
        let mut sum = Sum { total: 0, unexpected: None, nil: None, negative: None };
        for (place, (name, balance)) in fields.enumerate() {
            if self.order.get(place) != Some(&name) {
                if self.known.contains(&Item::of_text(name)) {
                    self.order.truncate(place);
                    self.order.push(name);
                } else {
                    self.order.truncate(place);
                    sum.unexpected = sum.unexpected.or(Some(name));
                }
            }
            match balance {
                Item::Nil => sum.nil = sum.nil.or(Some(name)),
                Item::Int(balance) => {
                    sum.total += i128::from(balance);
                    if balance < 0 && sum.negative.is_none() {
                        sum.negative = Some((name, balance));
                    }
                }
                Item::Pair(..) | Item::Text(_) => return None,
            }
        }
        Some(sum)
    }
}
