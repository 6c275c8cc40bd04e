//! What is taken for a transaction, and what is refused and why.

use super::*;
use crate::history::Symbols;
use crate::transactions::table::TxnId;

/// Events as `process type value`, one a line; what is shown is the table.
fn collected(kind: Kind, lines: &[&str]) -> Result<Table, Misfit> {
    let f = Symbols::default().intern("txn");
    let mut collector = Collector::new(kind);
    for (index, line) in lines.iter().enumerate() {
        let (process, rest) = line.split_once(' ').expect("a process");
        let (word, value) = rest.split_once(' ').unwrap_or((rest, ""));
        let kind = [EventType::Invoke, EventType::Ok, EventType::Fail, EventType::Info];
        let event = Event {
            time_ns: index as u64 * 10,
            value: Value::Nil,
            process: Process::client(process.parse().expect("a number")),
            f,
            key: None,
            node: None,
            error: None,
            kind: kind.into_iter().find(|kind| kind.as_str() == word).expect("a type"),
        };
        collector.event(index, &event, "txn", value)?;
    }
    collector.finish()
}

/// A row as `invoke-complete type mops`.
fn shown(table: &Table) -> Vec<String> {
    let index = |index: Option<usize>| index.map_or("?".to_owned(), |index| index.to_string());
    let row = |(id, txn): (TxnId, &Txn)| {
        let mops = table.mops(id).iter().map(|mop| match *mop {
            Mop::Append(key, element) => {
                format!(" +{}:{}", table.key_text(key), table.text(element))
            }
            Mop::Write(key, value) => format!(" {}={}", table.key_text(key), table.text(value)),
            Mop::Read(key, value) => format!(" {}?{}", table.key_text(key), table.text(value)),
            Mop::Unknown(key) => format!(" {}??", table.key_text(key)),
            Mop::List(key, list) => {
                let elements = table.elements(key, list).iter().map(|atom| table.text(*atom));
                format!(" {}[{}]", table.key_text(key), elements.collect::<Vec<_>>().join(" "))
            }
        });
        let (invoke, complete) = (index(txn.invoke_index()), index(txn.complete_index()));
        format!("{invoke}-{complete} {}{}", txn.outcome.as_str(), mops.collect::<String>())
    };
    table.txns().map(row).collect()
}

fn lists(lines: &[&str]) -> Vec<String> {
    shown(&collected(Kind::ListAppend, lines).expect("transactions"))
}

fn misfit(kind: Kind, value: &str) -> String {
    let misfit = collected(kind, &["0 ok [[\"r\",1,null]]", &format!("0 ok {value}")]);
    misfit.expect_err(value).to_string()
}

#[test]
fn the_value_of_the_completion_counts_and_only_an_ok_read_of_null_is_the_empty_list() {
    let rows = lists(&[
        "0 invoke [[\"append\",1,2],[\"r\",1,null]]",
        "1 invoke [[\"r\",1,[7]],[\"append\",3,1]]",
        "0 ok [[\"append\",1,2],[\"r\",1,[2]],[\"r\",2,null],[\"r\",2,[]]]",
        "1 info",
        "2 invoke [[\"append\",1,4]]",
        "2 fail [[\"append\",1,4],[\"r\",1,[2,4]]]",
        "4 info [[\"r\",1,[2]],[\"r\",2,null]]",
        "5 invoke [[\"append\",9,9],[\"r\",9,null]]",
        "6 fail",
    ]);
    assert_eq!(
        rows,
        [
            "0-2 ok +1:2 1[2] 2[] 2[]",
            "1-3 info 1?? +3:1",
            "4-5 fail +1:4 1??",
            "?-6 info 1[2] 2??",
            "?-8 fail",
            "7-? info +9:9 9??",
        ]
    );
}

#[test]
fn a_register_read_of_null_is_the_initial_value_if_it_was_answered() {
    let table = collected(
        Kind::RwRegister,
        &[
            "0 ok [[\"w\",\"x\",3],[\"r\",\"x\",null],[\"r\",\"y\",-1],[\"w\",\"y\",\"a\"]]",
            "1 info [[\"w\",\"x\",4],[\"r\",\"x\",null],[\"r\",\"y\",5]]",
            "2 fail [[\"w\",\"x\",6],[\"r\",\"x\",1.5]]",
        ],
    );
    assert_eq!(
        shown(&table.expect("transactions")),
        [
            "?-0 ok \"x\"=3 \"x\"?null \"y\"?-1 \"y\"=\"a\"",
            "?-1 info \"x\"=4 \"x\"?? \"y\"?5",
            "?-2 fail \"x\"=6 \"x\"??",
        ]
    );
}

#[test]
fn a_list_that_is_no_prefix_is_kept_apart_and_the_others_are_lengths() {
    let table = collected(
        Kind::ListAppend,
        &[
            "0 ok [[\"r\",1,[5,6]]]",
            "0 ok [[\"r\",1,[5]]]",
            "0 ok [[\"r\",1,[6]]]",
            "0 ok [[ \"r\",1,[5,6,\"\\u0061\"]]]",
            "0 ok [[\"r\",1,[5,7,8,9]]]",
        ],
    )
    .expect("transactions");
    let rows = shown(&table);
    assert_eq!(rows[2], "?-2 ok 1[6]");
    assert_eq!(rows[3], "?-3 ok 1[5 6 \"a\"]");
    assert_eq!(rows[4], "?-4 ok 1[5 7 8 9]");
    assert_eq!((table.spine(KeyId(0)).len(), table.odd.len()), (3, 2));
}

#[test]
fn other_spellings_of_one_value_are_one_value() {
    let plain = lists(&["0 ok [[\"append\",\"k\",-12],[\"r\",\"k\",[3,\"é\",-12]]]"]);
    let other =
        lists(&["0 ok [ [\"append\", \"\\u006b\", -12], [\"r\",\"k\", [3, \"\\u00e9\" ,-12]] ]"]);
    assert_eq!(plain, other);
    assert_eq!(plain, ["?-0 ok +\"k\":-12 \"k\"[3 \"é\" -12]"]);
}

#[test]
fn an_object_says_when_the_transaction_ran_by_the_clock_of_the_system() {
    let table = collected(Kind::ListAppend, &[
        "0 ok []",
        "0 ok {\"commit_ts\":9,\"start_ts\":5,\"txn\":[[\"r\",1,[]]]}",
        "0 ok { \"txn\": [[\"r\",1,[]]], \"start_ts\": 18446744073709551615, \"commit_ts\":null}",
        "0 ok []",
    ])
    .expect("transactions");
    let stamps: Vec<_> = table.txns().map(|(id, _)| table.timestamps(id)).collect();
    let of = |start, commit| Timestamps { start, commit };
    let none = Timestamps::default();
    assert_eq!(stamps, [none, of(Some(5), Some(9)), of(Some(u64::MAX), None), none]);
    assert_eq!(shown(&table)[1], "?-1 ok 1[]");
}

#[test]
fn the_nemesis_and_other_functions_are_passed_over() {
    let mut symbols = Symbols::default();
    let mut collector = Collector::new(Kind::ListAppend);
    let event = |process| Event {
        time_ns: 0,
        value: Value::Nil,
        process,
        f: symbols.intern("txn"),
        key: None,
        node: None,
        error: None,
        kind: EventType::Info,
    };
    let mut event = event;
    collector.event(0, &event(Process::NEMESIS), "txn", "7").expect("passed over");
    collector.event(1, &event(Process::client(0)), "read", "7").expect("passed over");
    assert!(collector.finish().expect("nothing").is_empty());
}

#[test]
fn what_is_no_transaction_is_named_with_what_was_expected() {
    let cases = [
        ("7", "expected an array of micro-operations"),
        ("\"[", "expected JSON nested less than 128 levels deep, found \"["),
        (
            "[[\"cas\",1,2]]",
            "expected a micro-operation [\"append\",k,v] or [\"r\",k,[...]], found",
        ),
        ("[[\"w\",1,2]]", "expected a micro-operation"),
        ("[[\"append\",1]]", "expected a value in the write"),
        ("[[\"append\",1,2,3]]", "expected a micro-operation"),
        ("[[\"r\",1]]", "expected what the read of an ok transaction saw, found [\"r\",1]"),
        ("[[\"r\",1,2]]", "expected a list where a list was read, found [\"r\",1,2]"),
        ("[[\"r\",\"1\",[]]]", "expected an integer as key, as the first one, 1, is, found \"1\""),
        ("", "expected the micro-operations of an ok transaction, found nothing"),
        ("{\"txn\":[],\"start_ts\":-1}", "from 0 to 2^64 - 1 as start_ts, found -1"),
    ];
    for (value, problem) in cases {
        let misfit = misfit(Kind::ListAppend, value);
        assert!(misfit.starts_with("event 1: expected"), "{misfit}");
        assert!(misfit.contains(problem), "{misfit} does not say {problem}");
    }
    let list = misfit(Kind::RwRegister, "[[\"r\",1,[2]]]");
    assert!(list.contains("expected one value where a register was read"), "{list}");
    let long = misfit(Kind::ListAppend, &format!("\"{}\"", "\\u001b".repeat(500)));
    assert!(long.len() < 1000 && !long.contains('\u{1b}'), "{long}");
    let open = collected(Kind::ListAppend, &["3 invoke 9"]).expect_err("never completed");
    assert_eq!(open.index, 0);
}
