//! Transactions straight from a file of our JSON lines, without a history in memory.
//!
//! ```text
//!   reader --> lines, checked --> batches of events, values as text --> Collector --> Table
//!              this thread        at most BATCHES_MAX under way         another thread
//! ```
//!
//! The rules for lines, and for what a kill tore off at the end, are those of
//! [`crate::history::jsonl`]; only the values are never stored as they are. Checking lines and
//! taking values apart cost about the same, so each has a thread. The batches keep the order of
//! the file, and the first thing that is wrong in the file is what is reported: whatever the
//! collector refuses comes before the line at which the reader stopped.

use super::collect::{Collector, Kind, Misfit};
use super::table::Table;
use crate::history::Event;
use crate::history::jsonl::{self, Events, Torn};
use std::io::BufRead;
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::{panic, thread};

/// So many events make a batch: enough to forget what handing it over costs, and small enough to
/// be still in the cache when it is taken.
const BATCH_EVENTS: usize = 1024;

/// So many bytes of values close a batch, too.
const BATCH_BYTES: usize = 1 << 20;

/// So many batches may wait.
const BATCHES_MAX: usize = 8;

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
    let (full, taken) = mpsc::sync_channel(BATCHES_MAX);
    let (back, empty) = mpsc::channel();
    let (read, collected) = thread::scope(|scope| {
        let collector = scope.spawn(move || collect(kind, &taken, &back));
        let read = hand_over(&mut source, &full, &empty);
        drop(full);
        (read, collector.join().unwrap_or_else(|payload| panic::resume_unwind(payload)))
    });
    let table = collected.map_err(|(column, misfit)| ReadError::Misfit {
        file: name.to_owned(),
        // A line is an event.
        line: misfit.index + 1,
        column,
        misfit,
    })?;
    Ok(Reading { table, events: read?, torn: source.torn() })
}

/// Events on their way to the collector.
#[derive(Debug, Default)]
struct Batch {
    rows: Vec<Row>,
    /// The values one after another.
    text: String,
}

#[derive(Debug)]
struct Row {
    index: usize,
    event: Event,
    /// Where its value ends in the text of the batch; it begins where the one before ends.
    end: usize,
    column: usize,
    /// One of those that may matter, or empty.
    f: &'static str,
}

/// Reads to the end, or until the collector wants no more. Gives how many events there were.
fn hand_over(
    source: &mut Events<impl BufRead>,
    full: &SyncSender<Batch>,
    empty: &Receiver<Batch>,
) -> Result<usize, jsonl::ReadError> {
    let mut events = 0;
    loop {
        let mut batch = empty.try_recv().unwrap_or_default();
        batch.rows.clear();
        batch.text.clear();
        let more = fill(source, &mut batch);
        events = batch.rows.last().map_or(events, |row| row.index + 1);
        // What stands before a bad line is judged all the same: it may be wrong, too.
        let sent = full.send(batch);
        if !more? || sent.is_err() {
            return Ok(events);
        }
    }
}

/// Whether there may be more.
fn fill(source: &mut Events<impl BufRead>, batch: &mut Batch) -> Result<bool, jsonl::ReadError> {
    while batch.rows.len() < BATCH_EVENTS && batch.text.len() < BATCH_BYTES {
        let Some(raw) = source.next_raw()? else { return Ok(false) };
        batch.text.push_str(raw.value);
        let (index, event, column) = (raw.index, raw.event, raw.column);
        let f = Collector::FUNCTIONS.into_iter().find(|f| *f == raw.f).unwrap_or("");
        batch.rows.push(Row { index, event, end: batch.text.len(), column, f });
    }
    Ok(true)
}

/// The table of all batches, or the first misfit with the column of its value.
fn collect(
    kind: Kind,
    taken: &Receiver<Batch>,
    back: &Sender<Batch>,
) -> Result<Table, (usize, Misfit)> {
    let mut collector = Collector::new(kind);
    for batch in taken {
        let mut start = 0;
        for row in &batch.rows {
            let value = &batch.text[start..row.end];
            start = row.end;
            let event = collector.event(row.index, &row.event, row.f, value);
            event.map_err(|misfit| (row.column, misfit))?;
        }
        // Nobody may be there to take it any more.
        let _ = back.send(batch);
    }
    collector.finish().map_err(|misfit| (1, misfit))
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
        // Both: the first one counts.
        let both = bad.replace("[[\"append\",1,7]]", "[[\"append\",1]]");
        assert!(problem(&both).starts_with("h.jsonl:2:"), "{both}");
    }
}
