//! Two reads see two writes in the same order.
//!
//! ```text
//!   write x   write y          read A -> x, no y       read B -> y, no x
//!   mask of a read             A = 01                  B = 10          neither within the other
//! ```
//!
//! Keys come in groups; each key is written once, and a read asks for the keys of one group. What
//! reads of a group saw must grow: sorted by how many keys were there, each mask contains the one
//! before it. That is one sort of the different masks, where Jepsen's `long-fork` compares all
//! pairs of reads. Its evidence is the two reads; here also the two writes. Jepsen refuses a
//! history with a key written twice; here that group alone is not judged. A read of a value that
//! nobody wrote is complained of.

use super::members::Numbers;
use super::shape::Item;
use super::subject::{Found, NONE, Part, Seen, figure, parts, show};
use crate::history::pairing::Operation;
use crate::history::{EventType, History};
use crate::verdict::Judgement;

/// A group has so many keys at most: a mask is one word.
const GROUP_MAX: usize = 64;

/// A key of one part.
struct Key<'a> {
    item: Item<'a>,
    /// The write that did not fail, or else the one that did.
    write: Option<Write<'a>>,
    is_ambiguous: bool,
    /// Its group, and its place there.
    group: u32,
    bit: u32,
}

#[derive(Clone, Copy)]
struct Write<'a> {
    op: Operation,
    value: Item<'a>,
    invoke: u32,
    failed: bool,
}

/// What was read of a group: masks and who saw them.
#[derive(Default)]
struct Group {
    size: usize,
    keys: Vec<u32>,
    reads: Vec<(u64, Operation)>,
}

#[derive(Default)]
struct Keys<'a> {
    keys: Vec<Key<'a>>,
    numbers: Numbers<'a>,
    groups: Vec<Group>,
    size: Option<usize>,
}

/// A micro-operation: `["w", 3, 1]`, `["r", 3, null]`.
#[derive(Clone, Copy)]
struct Micro<'a> {
    is_write: bool,
    key: Item<'a>,
    value: Item<'a>,
}

pub(super) fn check(claim: &str, history: &History, options: &super::Options) -> Judgement {
    let mut found = Found::new(history);
    let [mut reads, mut writes, mut groups] = [0; 3];
    for part in &parts(history) {
        let size = options.group_size.map(|size| size as usize);
        let mut keys = Keys { size, ..Keys::default() };
        for &op in &part.ops {
            writes += usize::from(keys.write(history, &Seen::of(history, op), &mut found));
        }
        for &op in &part.ops {
            reads += usize::from(keys.read(history, part, &Seen::of(history, op), &mut found));
        }
        groups += keys.groups.len();
        keys.judge(history, part, &mut found);
    }
    let vacuous = (reads == 0).then_some("no read of a group was answered");
    let figures = vec![figure("reads", reads), figure("writes", writes), figure("groups", groups)];
    found.complaints.judgement("long-fork", claim, figures, found.misfits.verdict(vacuous))
}

impl<'a> Keys<'a> {
    fn key(&mut self, item: Item<'a>) -> u32 {
        let next = u32::try_from(self.keys.len()).expect("fewer keys than events");
        let number = self.numbers.get_or(item, next);
        if number == next {
            let (group, bit) = (NONE, 0);
            self.keys.push(Key { item, write: None, is_ambiguous: false, group, bit });
        }
        number
    }

    /// Takes the writes of this transaction; says whether it is one of writes.
    fn write(&mut self, history: &'a History, seen: &Seen<'a>, found: &mut Found<'a>) -> bool {
        let value = seen.argument(history);
        let mut is_write = false;
        for micro in value.items().into_iter().flatten().filter_map(Micro::of) {
            if !micro.is_write {
                continue;
            }
            is_write = true;
            let number = self.key(micro.key);
            let key = &mut self.keys[number as usize];
            let failed = seen.outcome == EventType::Fail;
            let write = Write { op: seen.op, value: micro.value, invoke: seen.invoke, failed };
            match key.write {
                Some(before) if !before.failed && !failed => {
                    key.is_ambiguous = true;
                    found.misfits.because(|| {
                        let (key, index) = (show(micro.key), seen.invoke);
                        format!("event {index}: expected one write of key {key}, found another")
                    });
                }
                Some(before) if !before.failed => {}
                _ => key.write = Some(write),
            }
        }
        is_write
    }

    /// Takes this transaction if it is an answered read of a group.
    fn read(
        &mut self,
        history: &'a History,
        part: &Part,
        seen: &Seen<'a>,
        found: &mut Found<'a>,
    ) -> bool {
        if seen.outcome != EventType::Ok {
            return false;
        }
        let value = seen.result(history);
        let mut micros = Vec::new();
        for item in value.items().into_iter().flatten() {
            match Micro::of(item) {
                Some(micro) if micro.is_write => return false,
                Some(micro) => micros.push(micro),
                None => {
                    micros.clear();
                    break;
                }
            }
        }
        if micros.is_empty() {
            if matches!(seen.f, "read" | "write" | "txn") {
                let expected = "one write or the reads of a group";
                found.misfits.value(seen.complete as usize, expected, value);
            }
            return false;
        }
        let size = *self.size.get_or_insert(micros.len());
        let Some(group) = self.group(&micros).filter(|_| micros.len() == size) else {
            let expected = format!("reads of the {size} keys of one group");
            found.misfits.value(seen.complete as usize, &expected, value);
            return false;
        };
        let mut mask = 0;
        for micro in micros {
            let number = self.key(micro.key);
            let key = &self.keys[number as usize];
            if micro.value != Item::Nil {
                mask |= 1 << key.bit;
                key.question(history, part, seen, micro.value, found);
            }
        }
        self.groups[group as usize].reads.push((mask, seen.op));
        true
    }

    /// The group of these keys, made on first sight; nothing if they are not those of one group.
    fn group(&mut self, micros: &[Micro<'a>]) -> Option<u32> {
        if micros.len() > GROUP_MAX {
            return None;
        }
        let numbers: Vec<u32> = micros.iter().map(|micro| self.key(micro.key)).collect();
        let group = self.keys[numbers[0] as usize].group;
        let mut different = numbers.clone();
        different.sort_unstable();
        different.dedup();
        if different.len() != micros.len() {
            return None;
        }
        let is_one = numbers.iter().all(|&number| self.keys[number as usize].group == group);
        if group != NONE {
            let size = self.groups[group as usize].size;
            return (is_one && size == micros.len()).then_some(group);
        }
        if !is_one {
            return None;
        }
        let group = u32::try_from(self.groups.len()).expect("fewer groups than events");
        for (bit, &number) in (0..).zip(&numbers) {
            let key = &mut self.keys[number as usize];
            (key.group, key.bit) = (group, bit);
        }
        self.groups.push(Group { size: numbers.len(), keys: numbers, reads: Vec::new() });
        Some(group)
    }

    fn judge(&mut self, history: &'a History, part: &Part, found: &mut Found<'a>) {
        for group in &mut self.groups {
            if group.keys.iter().any(|&key| self.keys[key as usize].is_ambiguous) {
                continue;
            }
            let order =
                |&(mask, op): &(u64, Operation)| (mask.count_ones(), mask, op.invoke_index());
            group.reads.sort_unstable_by_key(order);
            group.reads.dedup_by_key(|(mask, _)| *mask);
            for pair in group.reads.windows(2) {
                let [(a, read_a), (b, read_b)] = [pair[0], pair[1]];
                if a & b == a {
                    continue;
                }
                let only = |mask: u64| group.keys[mask.trailing_zeros() as usize];
                let keys = [only(a & !b), only(b & !a)].map(|key| &self.keys[key as usize]);
                let writes = keys.iter().filter_map(|key| key.write).map(|write| write.op);
                let ops = writes.chain([read_a, read_b]).collect();
                let [x, y] = keys.map(|key| key.item);
                let sentence = || {
                    let (x, y) = (show(x), show(y));
                    format!(
                        "one read sees key {x} written and key {y} not, another one {y} and not {x}"
                    )
                };
                found.complaints.add("forked", part.key_text(history), ops, sentence);
            }
        }
    }
}

impl<'a> Key<'a> {
    /// Complains of a value that this key cannot have.
    fn question(
        &self,
        history: &'a History,
        part: &Part,
        read: &Seen<'a>,
        value: Item<'a>,
        found: &mut Found<'a>,
    ) {
        if self.is_ambiguous {
            return;
        }
        let (kind, why) = match self.write {
            Some(write) if write.value != value => ("unexpected", "and nobody wrote that"),
            Some(write) if write.failed => ("failed-seen", "although its write failed"),
            Some(write) if read.complete < write.invoke => ("seen-early", "before its write began"),
            Some(_) => return,
            None => ("unexpected", "and nobody wrote that"),
        };
        let ops = self.write.iter().map(|write| write.op).chain([read.op]).collect();
        let sentence = || format!("key {} is read as {}, {why}", show(self.item), show(value));
        found.complaints.add(kind, part.key_text(history), ops, sentence);
    }
}

impl<'a> Micro<'a> {
    fn of(item: Item<'a>) -> Option<Self> {
        let mut items = item.items()?;
        let is_write = match items.next()? {
            Item::Text("\"w\"") => true,
            Item::Text("\"r\"") => false,
            _ => return None,
        };
        let micro = Self { is_write, key: items.next()?, value: items.next()? };
        items.next().is_none().then_some(micro)
    }
}
