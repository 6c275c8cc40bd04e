//! Transactions straight from a file of our JSON lines, without a history in memory.
//!
//! ```text
//!   reader --> lines, checked --> events, with the value as text --> Collector --> Table
//! ```
//!
//! The rules for lines, and for what a kill tore off at the end, are those of
//! [`crate::history::jsonl`]; only the values are never stored as they are.

use super::collect::{Collector, Kind, Misfit};
use super::table::Table;
use crate::history::jsonl::{self, Events, Torn};
use std::io::BufRead;

/// Transactions that were read.
#[derive(Debug)]
pub struct Reading {
    /// The transactions up to the torn end.
    pub table: Table,
    /// What was dropped at the end.
    pub torn: Option<Torn>,
    /// How many events there were, those that are no transactions included.
    pub events: usize,
}

/// Why transactions could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file is no history. Look at the place that is named.
    #[error(transparent)]
    File(#[from] jsonl::ReadError),
    /// It is a history, but not of transactions of this kind: it cannot be judged as such.
    #[error("{file}:{line}:{column}: {misfit}")]
    Misfit {
        /// The name that the caller gave.
        file: String,
        /// Counted from one.
        line: usize,
        /// Where the value begins, in bytes, counted from one.
        column: usize,
        /// What was expected, and what was found.
        misfit: Misfit,
    },
}

/// Reads the transactions of a history; `name` is the file's name for errors.
///
/// # Errors
/// When the reader fails, at the first line that is no event or cannot follow the ones before, and
/// at the first value that is no transaction of this kind.
pub fn read(reader: impl BufRead, name: &str, kind: Kind) -> Result<Reading, ReadError> {
    let mut source = Events::new(reader, name);
    let mut collector = Collector::new(kind);
    let mut events = 0;
    let misfit = |column, misfit: Misfit| ReadError::Misfit {
        file: name.to_owned(),
        // A line is an event.
        line: misfit.index + 1,
        column,
        misfit,
    };
    while let Some(raw) = source.next_raw()? {
        let taken = collector.event(raw.index, &raw.event, raw.f, raw.value);
        taken.map_err(|found| misfit(raw.column, found))?;
        events += 1;
    }
    let table = collector.finish().map_err(|found| misfit(1, found))?;
    Ok(Reading { table, torn: source.torn(), events })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transactions::table::{KeyId, TxnId};

    const LINES: &str = concat!(
        r#"{"index":0,"time":5,"process":0,"type":"invoke","f":"txn","value":[["append",1,7]]}"#,
        "\n",
        r#"{"index":1,"time":6,"process":0,"type":"ok","f":"txn","value":[["append",1,7]]}"#,
        "\n",
        r#"{"index":2,"time":7,"process":"nemesis","type":"info","f":"start","value":"x"}"#,
        "\n",
        r#"{"index":3,"time":8,"process":0,"type":"invoke","f":"txn","value":[["r",1,null]]}"#,
        "\n",
        r#"{"value":{"txn":[["r",1,[7]]],"start_ts":3},"index":4,"time":9,"process":0,"#,
        r#""type":"ok","f":"txn"}"#,
        "\n",
    );

    fn problem(lines: &str) -> String {
        read(lines.as_bytes(), "h.jsonl", Kind::ListAppend).expect_err(lines).to_string()
    }

    #[test]
    fn transactions_come_straight_from_the_file() {
        let reading = read(LINES.as_bytes(), "h.jsonl", Kind::ListAppend).expect("transactions");
        let table = reading.table;
        assert_eq!((reading.events, table.len(), reading.torn), (5, 2, None));
        let second = table.txn(TxnId(1));
        let indices = (second.invoke_index(), second.complete_index());
        assert_eq!(indices, (Some(3), Some(4)));
        assert_eq!((second.invoke_ns, second.complete_ns), (8, 9));
        assert_eq!(table.spine(KeyId(0)).len(), 1);
        assert_eq!(table.timestamps(TxnId(1)).start, Some(3));
    }

    #[test]
    fn other_spellings_of_a_line_give_the_same_transactions() {
        let value = r#"{"commit_ts":7,"start_ts":3,"txn":[["append","k",-7],["r","k",[]]]}"#;
        let line = |index: u32, kind: &str| {
            format!(
                "{{\"index\":{index},\"time\":5,\"process\":0,\"type\":\"{kind}\",\"f\":\"txn\",\
                 \"value\":{value}}}\n"
            )
        };
        let lines = line(0, "invoke") + &line(1, "ok");
        let plain = read(lines.as_bytes(), "h.jsonl", Kind::ListAppend).expect("transactions");
        let spaced = lines.replace(",\"", " , \"").replace('[', "[ ");
        let spaced = read(spaced.as_bytes(), "h.jsonl", Kind::ListAppend).expect("transactions");
        assert_eq!(format!("{:?}", plain.table), format!("{:?}", spaced.table));
        assert_eq!(plain.table.timestamps(TxnId(0)).commit, Some(7));
    }

    #[test]
    fn a_torn_end_is_dropped_and_its_transaction_is_open() {
        let torn = &LINES[..LINES.len() - 9];
        let reading = read(torn.as_bytes(), "h.jsonl", Kind::ListAppend).expect("transactions");
        assert_eq!(reading.torn.map(|torn| torn.line), Some(5));
        assert_eq!(reading.table.txn(TxnId(1)).complete_index(), None);
    }

    #[test]
    fn what_is_no_transaction_is_named_with_its_place() {
        let bad = LINES.replace(r#"[["r",1,[7]]]"#, r#"[["r",1,7]]"#);
        assert_eq!(
            problem(&bad),
            "h.jsonl:5:10: event 4: expected a list where a list was read, found [\"r\",1,7]"
        );
        let bad = LINES.replace(
            "\"ok\",\"f\":\"txn\",\"value\":[[\"append\"",
            "\"ok\",\"f\":\"txn\",\"value\":[[\"cas\"",
        );
        assert!(problem(&bad).starts_with("h.jsonl:2:63: event 1: expected a micro"), "{bad}");
        let bad = LINES.replace("\"index\":3", "\"index\":4");
        assert_eq!(problem(&bad), "h.jsonl:4:10: expected index 3, found 4");
    }
}
