//! The history file: what is written is read back, what a kill tears off is reported, and
//! whatever is no history is refused with its place.

use checkers::history::jsonl::{self, ReadError, Writer};
use checkers::history::{Datum, Event, EventType, History, Process, Value, pairing};
use proptest::prelude::*;

const ROUND: &str = r#"{"index":0,"time":1,"process":0,"type":"invoke","f":"write","key":7}
{"index":1,"time":2,"process":"nemesis","type":"info","f":"phase","value":"main"}
{"index":2,"time":2,"process":1,"type":"invoke","f":"cas","key":7,"value":[12,-3],"node":"n"}
{"index":3,"time":5,"process":0,"type":"info","f":"write","key":7,"error":"\"no\"\nanswer"}
{"index":4,"time":9,"process":1,"type":"ok","f":"cas","key":7,"value":[12,-3]}
{"index":5,"time":10,"process":2,"type":"invoke","f":"read","key":"ключ"}
{"index":6,"time":11,"process":2,"type":"ok","f":"read","key":"ключ","value":{"a":[1,"\u0001"]}}
"#;

fn read(text: &[u8]) -> Result<jsonl::Reading, ReadError> {
    jsonl::read(text, "h.jsonl")
}

fn write(history: &History) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new());
    for (index, event) in history.events().iter().enumerate() {
        writer.event(index, event, &history.symbols).expect("a vector takes everything");
    }
    writer.into_inner()
}

#[test]
fn what_is_read_is_written_as_it_was() {
    let reading = read(ROUND.as_bytes()).unwrap();
    assert_eq!(reading.torn, None);
    assert_eq!(String::from_utf8(write(&reading.history)).unwrap(), ROUND);
    let events = reading.history.events();
    assert_eq!(events[2].value, Value::Pair(12, -3));
    assert_eq!(events[1].process, Process::NEMESIS);
    assert_eq!(events[3].error.map(|e| reading.history.text(e)), Some("\"no\"\nanswer"));
}

#[test]
fn operations_are_paired_and_the_nemesis_is_skipped() {
    let history = read(ROUND.as_bytes()).unwrap().history;
    let paired: Vec<_> = pairing::operations(&history)
        .iter()
        .map(|op| (op.invoke_index(), op.complete_index(), op.outcome(&history)))
        .collect();
    assert_eq!(
        paired,
        [(0, Some(3), EventType::Info), (2, Some(4), EventType::Ok), (5, Some(6), EventType::Ok)]
    );
    let open = read(&ROUND.as_bytes()[..ROUND.find("{\"index\":1").unwrap()]).unwrap().history;
    let op = pairing::operations(&open)[0];
    assert_eq!((op.complete_index(), op.outcome(&open)), (None, EventType::Info));
}

#[test]
fn a_file_cut_at_any_byte_reads_as_a_prefix() {
    let whole = read(ROUND.as_bytes()).unwrap().history;
    for cut in 1..ROUND.len() {
        let reading =
            read(&ROUND.as_bytes()[..cut]).unwrap_or_else(|e| panic!("cut at {cut}: {e}"));
        let text = write(&reading.history);
        assert!(ROUND.as_bytes().starts_with(&text), "cut at {cut}");
        let complete = ROUND.as_bytes()[..cut].iter().filter(|&&byte| byte == b'\n').count();
        let lost_the_break_only = ROUND.as_bytes()[cut] == b'\n';
        assert_eq!(reading.history.len(), complete + usize::from(lost_the_break_only));
        let torn = reading.torn.map_or(0, |torn| torn.dropped_bytes as usize);
        assert_eq!(text.len() + torn, cut + usize::from(lost_the_break_only), "cut at {cut}");
    }
    assert_eq!(whole.len(), 7);
}

#[test]
fn a_tail_of_junk_is_torn_even_with_line_breaks_in_it() {
    let junk: [&[u8]; 4] = [&[0; 512], b"\0\0\n\0\n", b"\xff\xfe\n{\"index\":\n", b"{\"ind"];
    for junk in junk {
        let reading = read(&[ROUND.as_bytes(), junk].concat()).unwrap();
        assert_eq!(reading.history.len(), 7);
        let torn = reading.torn.unwrap();
        assert_eq!((torn.line, torn.offset_bytes), (8, ROUND.len() as u64));
        assert_eq!(torn.dropped_bytes, junk.len() as u64);
    }
}

#[test]
fn junk_in_the_middle_is_an_error() {
    let first = ROUND.find("\n{\"index\":4").unwrap() + 1;
    let damaged = [&ROUND.as_bytes()[..first], b"\0\0\0\n", &ROUND.as_bytes()[first..]].concat();
    assert_eq!(
        read(&damaged).unwrap_err().to_string(),
        "h.jsonl:5:1: expected JSON text, found a binary file"
    );
}

#[test]
fn bad_input_is_named_with_line_and_column() {
    let first = r#"{"index":0,"time":7,"process":0,"type":"invoke","f":"read"}"#;
    let cases: [(&str, &str); 14] = [
        ("", "1:1: expected events, found an empty file"),
        ("\u{89}PNG\r\n\u{1a}\n\0\0", "1:1: expected an event as a JSON object, found \\u{89}PNG"),
        ("GIF\0", "1:4: expected JSON text, found a binary file"),
        ("[1,2]\n", "1:1: expected an event as a JSON object, found [1,2]"),
        ("{\"index\":0}\n", "1:11: expected an event as a JSON object: missing field `time`"),
        ("A\n{\"index\":5,\"ti\nB", "2:15: expected an event as a JSON object: "),
        ("A\n{\"index\":2,\"time\":8,T}\n", "2:10: expected index 1, found 2"),
        ("A\n{\"index\":1,\"time\":6,T}\n", "2:19: expected a time >= 7, found 6"),
        ("A\n{\"index\":1,\"time\":8,P}", "2:31: expected a process number below 2^31"),
        ("A\n{\"index\":1,\"time\":8,K}", "2:40: expected type \"invoke\", \"ok\", \"fail\""),
        ("A\n{\"index\":1,\"time\":8,O}", "2:40: expected a completion, since the process has"),
        ("A\n{\"index\":1,\"time\":8,N}", "2:40: expected an invoke, since the process has no"),
        ("A\n{\"index\":1,\"time\":8,F}", "2:40: expected the same f as in the invocation"),
        ("A\n{\"index\":1,\"time\":8,S}", "2:53: expected a string, found 5"),
    ];
    for (text, message) in cases {
        let text = text
            .replace('A', first)
            .replace("T}", r#""process":1,"type":"invoke","f":"read"}"#)
            .replace("P}", r#""process":-1,"type":"invoke","f":"read"}"#)
            .replace("K}", r#""process":1,"type":"begin","f":"read"}"#)
            .replace("O}", r#""process":0,"type":"invoke","f":"read"}"#)
            .replace("N}", r#""process":1,"type":"ok","f":"read"}"#)
            .replace("F}", r#""process":0,"type":"ok","f":"cas"}"#)
            .replace("S}", r#""process":1,"type":"invoke","f":5}"#);
        let error = read(text.as_bytes()).expect_err(&text).to_string();
        assert!(error.starts_with(&format!("h.jsonl:{message}")), "{text}: {error}");
    }
}

#[test]
fn a_process_is_gone_after_its_info() {
    let text = [
        r#"{"index":0,"time":7,"process":0,"type":"invoke","f":"read"}"#,
        r#"{"index":1,"time":7,"process":0,"type":"info","f":"read"}"#,
        r#"{"index":2,"time":7,"process":0,"type":"invoke","f":"read"}"#,
    ]
    .join("\n");
    let error = read(text.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("expected nothing more of this process after its `info`"), "{error}");
}

#[test]
fn text_that_is_no_json_stands_for_itself_as_a_key() {
    let mut history = History::new();
    let f = history.symbols.intern("read");
    for key in ["a\"b", "007", "[1,\n2]", "-", ""] {
        let key = Some(history.symbols.intern(key));
        let process = Process::client(history.len() as u32);
        history.push(Event {
            time_ns: 0,
            value: Value::Nil,
            process,
            f,
            key,
            node: None,
            error: None,
            kind: EventType::Invoke,
        });
    }
    let again = read(&write(&history)).unwrap().history;
    let keys: Vec<_> = again.events().iter().map(|e| again.text(e.key.unwrap())).collect();
    assert_eq!(keys, [r#""a\"b""#, r#""007""#, "[1,2]", r#""-""#, r#""""#]);
}

/// The same lines, each with a space that no writer of ours puts there, so that all of them go the
/// long way.
fn the_long_way(text: &[u8]) -> Vec<u8> {
    let mut spaced = Vec::new();
    for line in text.split_inclusive(|&byte| byte == b'\n') {
        match line.strip_prefix(b"{") {
            Some(rest) => spaced.extend_from_slice(&[b"{ ", rest].concat()),
            None => spaced.extend_from_slice(line),
        }
    }
    spaced
}

/// Reads a file both ways; what is read, or what is wrong, is the same.
fn same_both_ways(text: &[u8]) -> Option<usize> {
    let problem = |error: ReadError| match error {
        ReadError::Malformed { line, problem, .. } => (line, problem),
        ReadError::Io { source, .. } => panic!("{source}"),
    };
    let (short, long) = (read(text), read(&the_long_way(text)));
    match (short, long) {
        (Ok(short), Ok(long)) => {
            assert_eq!(short.history.events(), long.history.events());
            assert_eq!(write(&short.history), write(&long.history));
            assert_eq!(short.torn.map(|torn| torn.line), long.torn.map(|torn| torn.line));
            Some(short.history.len())
        }
        (short, long) => {
            let (short, long) = (short.map(|r| r.history.len()), long.map(|r| r.history.len()));
            assert_eq!(short.map_err(problem), long.map_err(problem));
            None
        }
    }
}

#[test]
fn the_short_cut_takes_what_the_long_way_takes() {
    assert_eq!(same_both_ways(ROUND.as_bytes()), Some(7));
    // Every value that has a short cut, and their neighbours that have none.
    let values = [
        "0",
        "-0",
        "-1",
        "01",
        "1.0",
        "1e3",
        "999999999999999999",
        "9999999999999999999",
        "18446744073709551616",
        "null",
        "true",
        "tru",
        "\"a\"",
        "\"\\u0061\"",
        "\"a\\n\"",
        "\"\u{1}\"",
        "[]",
        "[1]",
        "[1,2]",
        "[1, 2]",
        "[1,2147483648]",
        "[1,2,3]",
        "[-0,1]",
        "[1.5,2]",
        "[1,\"b\"]",
        "[null,[true,[false,\"x\",[[-7]]]]]",
        "[{}]",
        "[1,]",
        "[,1]",
        "[1 2]",
        "[\"a\"x]",
        "{}",
        "{\"b\":1,\"a\":2}",
        "\"é\"",
        "\"\u{7f}\"",
        "[\"\\u00e9\"]",
        "",
        "-",
        "\"",
        "[",
        "[1",
        "[9223372036854775807,-9223372036854775808]",
        "[1e1,1]",
        "[01]",
        "[tru]",
        "[nul,1]",
    ];
    let deep = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    let deep = [deep(31), deep(33), deep(127), deep(128), "[".repeat(100_000)];
    for value in values.iter().copied().chain(deep.iter().map(String::as_str)) {
        for field in ["key", "value", "node", "error"] {
            let line = format!(
                "{{\"index\":0,\"time\":3,\"process\":0,\"type\":\"invoke\",\"f\":\"w\",\
                 \"{field}\":{value}}}\n"
            );
            same_both_ways(line.as_bytes());
        }
    }
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<u64>().prop_map(Into::into),
        any::<String>().prop_map(Into::into),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Into::into),
            prop::collection::btree_map(any::<String>(), inner, 0..3)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_value_name_and_error_survives_the_file(
        rows in prop::collection::vec((json(), json(), any::<String>(), any::<String>()), 1..8)
    ) {
        let mut history = History::new();
        for (index, (value, key, f, error)) in rows.iter().enumerate() {
            let value = history.compact(&Datum::from_json(value.clone()));
            let key = Some(history.symbols.intern(&key.to_string())).filter(|_| !key.is_null());
            let event = Event {
                time_ns: index as u64,
                value,
                process: Process::client(index as u32),
                f: history.symbols.intern(f),
                key,
                node: None,
                error: Some(history.symbols.intern(error)),
                kind: EventType::Invoke,
            };
            history.push(event);
        }
        prop_assert_eq!(same_both_ways(&write(&history)), Some(rows.len()));
        let again = read(&write(&history)).unwrap().history;
        for (event, (value, key, f, error)) in again.events().iter().zip(&rows) {
            prop_assert_eq!(again.datum(event.value), Datum::from_json(value.clone()));
            let key = Some(key.to_string()).filter(|_| !key.is_null());
            prop_assert_eq!(event.key.map(|key| again.text(key).to_owned()), key);
            prop_assert_eq!(again.text(event.f), f);
            prop_assert_eq!(again.text(event.error.unwrap()), error);
        }
    }

    #[test]
    fn a_damaged_file_reads_the_same_both_ways(
        damage in prop::collection::vec((0..ROUND.len(), any::<u8>(), 0u8..3), 1..4)
    ) {
        let mut text = ROUND.as_bytes().to_vec();
        for (at, byte, how) in damage {
            let at = at.min(text.len() - 1);
            match how {
                0 => text[at] = byte,
                1 => drop(text.remove(at)),
                _ => text.insert(at, b"0123456789\",:-[]{}\\ \n"[usize::from(byte) % 21]),
            }
        }
        same_both_ways(&text);
    }
}

#[test]
fn a_whole_number_is_kept_to_its_last_digit_or_refused() {
    let line = |value: &str| {
        let head = r#"{"index":0,"time":1,"process":0,"type":"invoke","f":"write","value":"#;
        format!("{head}{value}}}\n")
    };
    let kept = |value: &str| {
        let history = read(line(value).as_bytes()).expect(value).history;
        history.datum(history.events()[0].value).to_string()
    };
    for value in ["18446744073709551615", "-9223372036854775808", "[1,18446744073709551614]"] {
        assert_eq!(kept(value), value);
    }
    assert_eq!(kept(r#""18446744073709551616""#), r#""18446744073709551616""#);
    for value in ["18446744073709551616", "-9223372036854775809", "[1,99999999999999999999]"] {
        let error = read(line(value).as_bytes()).expect_err(value).to_string();
        assert!(
            error.contains("h.jsonl:1:69: expected whole numbers of at most 64 bits"),
            "{error}"
        );
    }
}
