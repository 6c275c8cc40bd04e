//! Which transfers explain a wrong total, if only one half of each was seen.
//!
//! ```text
//!   right read |---|             candidates: what may have taken effect between the two reads
//!   transfer 1    |--ok--|         debit alone  -5     credit alone  +5
//!   transfer 2      |------------  debit alone  -3     credit alone  +3
//!   wrong read             |---|   97 instead of 100: the debit of transfer 2 alone
//! ```
//!
//! One to three halves whose sum is the difference are looked for, as few as possible; among as
//! many, those that the balances agree with (the account whose half was seen moved that way, the
//! other one did not), then the latest. The search is bounded: the latest [`CANDIDATES_MAX`]
//! transfers, and not more than three at once. It explains, it decides nothing.

use super::super::shape::Item;
use super::super::subject::{NONE, Seen, show};
use crate::history::pairing::Operation;
use crate::history::{EventType, History};
use rustc_hash::FxHashMap;

const CANDIDATES_MAX: usize = 48;

/// So many transfers are looked at for candidates, from the wrong read backwards.
const LOOKED_AT_MAX: usize = 10_000;

/// A transfer that was tried.
#[derive(Clone, Copy, Debug)]
pub(super) struct Transfer<'a> {
    pub(super) op: Operation,
    pub(super) from: Item<'a>,
    pub(super) to: Item<'a>,
    pub(super) amount: i64,
    pub(super) outcome: EventType,
    invoke: u32,
    complete: u32,
}

/// One half of a transfer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Half<'a> {
    pub(super) transfer: Transfer<'a>,
    is_debit: bool,
}

impl<'a> Transfer<'a> {
    /// The transfer of this argument.
    pub(super) fn of(seen: &Seen<'a>, value: Item<'a>) -> Option<Self> {
        let (mut from, mut to, mut amount) = (None, None, None);
        for (name, item) in value.fields()? {
            match name {
                "from" => from = Some(account(item)),
                "to" => to = Some(account(item)),
                "amount" => amount = item.int(),
                _ => {}
            }
        }
        Some(Self {
            op: seen.op,
            from: from?,
            to: to?,
            amount: amount?,
            outcome: seen.outcome,
            invoke: seen.invoke,
            complete: seen.complete,
        })
    }
}

/// An account as the names of a map spell it: there, `0` and `"0"` are the same.
fn account(item: Item<'_>) -> Item<'_> {
    let Item::Text(text) = item else { return item };
    let inside = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    inside.map_or(item, Item::of_text)
}

impl<'a> Half<'a> {
    /// By how much it changes the total.
    fn change(&self) -> i128 {
        let amount = i128::from(self.transfer.amount);
        if self.is_debit { -amount } else { amount }
    }

    /// How well the balances agree with it.
    fn score(&self, moved: &FxHashMap<Item<'a>, i128>) -> u32 {
        let Transfer { from, to, .. } = self.transfer;
        let (seen, unseen) = if self.is_debit { (from, to) } else { (to, from) };
        let of = |account| moved.get(&account).copied().unwrap_or(0);
        let is_that_way = of(seen).signum() == self.change().signum();
        u32::from(is_that_way) * 2
            + u32::from(of(seen) == self.change())
            + u32::from(of(unseen) == 0)
    }
}

/// The halves that explain this difference of the total; none if no few do.
pub(super) fn explain<'a>(
    history: &'a History,
    transfers: &[Transfer<'a>],
    wrong: &Seen<'a>,
    right: Option<Seen<'a>>,
    difference: i128,
) -> Vec<Half<'a>> {
    let since = right.map_or(0, |right| right.invoke);
    let end = transfers.partition_point(|transfer| transfer.invoke < wrong.complete);
    let halves: Vec<Half<'a>> = transfers[..end]
        .iter()
        .rev()
        .take(LOOKED_AT_MAX)
        .filter(|transfer| transfer.complete == NONE || transfer.complete > since)
        .take(CANDIDATES_MAX)
        .flat_map(|&transfer| [true, false].map(|is_debit| Half { transfer, is_debit }))
        .collect();
    let moved = right.map_or_else(FxHashMap::default, |right| moved(history, &right, wrong));
    let scored: Vec<(Half<'a>, u32)> =
        halves.into_iter().map(|half| (half, half.score(&moved))).collect();
    (1..=3).find_map(|count| best(&scored, difference, count)).unwrap_or_default()
}

/// By how much each balance changed from one read to the other.
fn moved<'a>(
    history: &'a History,
    right: &Seen<'a>,
    wrong: &Seen<'a>,
) -> FxHashMap<Item<'a>, i128> {
    let mut moved = FxHashMap::default();
    for (read, sign) in [(right, -1), (wrong, 1)] {
        for (name, balance) in read.result(history).fields().into_iter().flatten() {
            let balance = i128::from(balance.int().unwrap_or(0));
            *moved.entry(Item::of_text(name)).or_insert(0) += sign * balance;
        }
    }
    moved
}

/// Of all so many halves of different transfers with this sum the best.
fn best<'a>(scored: &[(Half<'a>, u32)], sum: i128, count: usize) -> Option<Vec<Half<'a>>> {
    let mut best: Option<(u32, Vec<usize>)> = None;
    let mut chosen = Vec::with_capacity(count);
    choose(scored, sum, count, 0, &mut chosen, &mut best);
    best.map(|(_, chosen)| chosen.into_iter().map(|at| scored[at].0).collect())
}

/// At most three deep: `count` is how many are still to be chosen, from this place on.
fn choose(
    scored: &[(Half<'_>, u32)],
    sum: i128,
    count: usize,
    from: usize,
    chosen: &mut Vec<usize>,
    best: &mut Option<(u32, Vec<usize>)>,
) {
    if count == 0 {
        let score = chosen.iter().map(|&at| scored[at].1).sum();
        if sum == 0 && best.as_ref().is_none_or(|(most, _)| *most < score) {
            *best = Some((score, chosen.clone()));
        }
        return;
    }
    for at in from..scored.len() {
        let half = scored[at].0;
        if half.change() == 0 || (count == 1 && half.change() != sum) {
            continue;
        }
        chosen.push(at);
        // The two halves of a transfer stand next to each other, and are no half together.
        let next = (at / 2 + 1) * 2;
        choose(scored, sum - half.change(), count - 1, next, chosen, best);
        chosen.pop();
    }
}

/// `: as if of the transfer of 5 from 0 to 1 only the debit was seen`.
pub(super) fn words(halves: &[Half<'_>]) -> String {
    let mut text = String::new();
    for half in halves {
        let Transfer { from, to, amount, outcome, .. } = half.transfer;
        let begin = if text.is_empty() { ": as if" } else { ", and" };
        let which = if half.is_debit { "debit" } else { "credit" };
        let refused = if outcome == EventType::Fail { ", which failed," } else { "" };
        let (from, to) = (show(from), show(to));
        text.push_str(&format!(
            "{begin} of the transfer of {amount} from {from} to {to}{refused} only the {which} \
             was seen"
        ));
    }
    text
}
