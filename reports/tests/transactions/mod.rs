//! Histories of transactions, judged: what the page says of anomalies.

use checkers::budget::Budget;
use checkers::history::{Datum, Event, EventType, History, Process};
use checkers::transactions::{Kind, Options, check};
use checkers::verdict::Judgement;

/// So many pairs of transactions of which each appends where the other one has read, with what the
/// checker says of them.
pub(crate) fn write_skew(pairs: u32) -> (History, Judgement) {
    let mut history = History::new();
    for pair in 0..pairs {
        let keys = if pair == 0 {
            ["x".to_owned(), "y".to_owned()]
        } else {
            [format!("x{pair}"), format!("y{pair}")]
        };
        let skewed = [(0, &keys[0], &keys[1]), (1, &keys[1], &keys[0])];
        for kind in [EventType::Invoke, EventType::Ok] {
            for (process, read, appended) in skewed {
                let seen = if kind == EventType::Ok { "[]" } else { "null" };
                let text = format!(r#"[["r","{read}",{seen}],["append","{appended}",1]]"#);
                let value = history.compact(&Datum::from_json_text(&text));
                let f = history.symbols.intern("txn");
                let time_ns = 1_000_000 * history.len() as u64;
                let process = Process::client(process);
                let (key, node, error) = (None, None, None);
                history.push(Event { time_ns, value, process, f, key, node, error, kind });
            }
        }
    }
    let claim = "kv claims serializable transactions";
    let judgement =
        check(claim, &history, Kind::ListAppend, &Options::default(), &Budget::default());
    (history, judgement)
}
