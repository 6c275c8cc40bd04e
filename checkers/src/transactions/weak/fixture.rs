//! Small tables, written down.
//!
//! ```text
//!   p0 ok: w x 1, r y nil        one transaction a line, in order of completion
//!   p1 info: w y 2               what ended unknown; its reads are, too
//!   p2 fail: w x 3
//!   p3 ok: a z 1, l z 1.2        lists: an append, and a read of 1 and 2
//! ```

use crate::history::{EventType, Process};
use crate::transactions::Table;
use crate::transactions::atom::{Atom, Atoms};
use crate::transactions::table::{KeyId, List, Mop, Txn};
use std::collections::BTreeMap;

/// The table of these lines. Transaction `n` is invoked at index `2 n` and completes at `2 n + 1`,
/// and each index is a second.
pub(in crate::transactions) fn table(text: &str) -> Table {
    let mut table = Table { atoms: Atoms::default(), ..Table::default() };
    let mut keys: BTreeMap<String, KeyId> = BTreeMap::new();
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    for (number, line) in (0_u32..).zip(lines) {
        let (who, what) = line.split_once(": ").expect("a test says it right");
        let (process, outcome) = who.split_once(' ').expect("a test says it right");
        let outcome = match outcome {
            "ok" => EventType::Ok,
            "fail" => EventType::Fail,
            "info" => EventType::Info,
            other => panic!("{other} is no outcome"),
        };
        for mop in what.split(", ") {
            let words: Vec<&str> = mop.split(' ').collect();
            let [f, name, value] = words[..] else { panic!("{mop} has not three words") };
            let next = KeyId(u32::try_from(keys.len()).expect("a test says it right"));
            let key = *keys.entry(name.to_owned()).or_insert(next);
            if key == next {
                table.keys.push(table.atoms.json(&format!("{name:?}")));
                table.spines.push(Vec::new());
            }
            let mut atoms = value.split('.').filter(|value| *value != "nil");
            let mut atom = || {
                atoms
                    .next()
                    .map(|value| table.atoms.int(value.parse().expect("a test says it right")))
            };
            if f == "l" {
                table.odd.push(std::iter::from_fn(atom).collect());
                table.mops.push(Mop::List(key, List::odd(table.odd.len() - 1)));
                continue;
            }
            let atom = atom().unwrap_or(Atom::NIL);
            table.mops.push(match (f, outcome) {
                ("a", _) => Mop::Append(key, atom),
                ("w", _) => Mop::Write(key, atom),
                ("r", EventType::Ok) => Mop::Read(key, atom),
                ("r", _) => Mop::Unknown(key),
                (other, _) => panic!("{other} is no function"),
            });
        }
        table.txns.push(Txn {
            invoke: 2 * number,
            complete: 2 * number + 1,
            process: Process::client(process[1..].parse().expect("a test says it right")),
            outcome,
            mops_end: u32::try_from(table.mops.len()).expect("a test says it right"),
            invoke_ns: u64::from(2 * number) * 1_000_000_000,
            complete_ns: u64::from(2 * number + 1) * 1_000_000_000,
        });
    }
    table
}
