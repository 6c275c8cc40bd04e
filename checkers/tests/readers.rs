//! The readers of all formats: what files say, and how they are refused.
//!
//! Each file in `readers/` is read as its ending says. Beside it, in a file that ends in `.golden`,
//! stands what was read, as our own lines, or why it was refused. `UPDATE_GOLDENFILES=1` writes
//! them anew. A file whose name begins with `independent` is read with keys in its values.

#[path = "support/survive.rs"]
mod survive;

use checkers::history::import::{self, Format, ImportOptions};
use checkers::history::jsonl::ReadError;
use checkers::history::{Datum, History};
use proptest::prelude::*;
use std::io::BufReader;
use std::path::{Path, PathBuf};

fn format(path: &Path) -> Format {
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("edn") => Format::Edn,
        Some("json") => Format::Json,
        Some("log") => Format::JepsenLog,
        other => panic!("a file of the ending {other:?}"),
    }
}

/// What a golden file says of this one.
fn account(path: &Path) -> String {
    let name = path.file_name().and_then(|name| name.to_str()).expect("a name that is text");
    let bytes = std::fs::read(path).expect("a file");
    let options = ImportOptions { independent: name.starts_with("independent") };
    assert_eq!(import::detect(&bytes), Some(format(path)), "{name}");
    survive::format(&bytes, format(path));
    match import::read(bytes.as_slice(), name, format(path), options) {
        Err(error) => format!("{error}\n"),
        Ok(reading) => {
            assert_eq!(reading.torn, None);
            let lines = String::from_utf8(survive::lines(&reading.history)).expect("text");
            reading.remarks.iter().map(|remark| format!("{remark}\n")).collect::<String>() + &lines
        }
    }
}

#[test]
fn every_file_is_read_or_refused_as_it_was() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/readers");
    let entries = std::fs::read_dir(&folder).expect("the files");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a file").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending != "golden"));
    paths.sort();
    assert!(paths.len() > 20);
    for path in paths {
        let account = account(&path);
        let golden = PathBuf::from(format!("{}.golden", path.display()));
        if std::env::var_os("UPDATE_GOLDENFILES").is_some() {
            std::fs::write(&golden, &account).expect("a golden file");
        }
        let expected = std::fs::read_to_string(&golden).unwrap_or_default();
        assert_eq!(account, expected, "{}", path.display());
    }
}

fn edn(text: &str) -> Result<History, ReadError> {
    let options = ImportOptions::default();
    import::read(text.as_bytes(), "h", Format::Edn, options).map(|reading| reading.history)
}

#[test]
fn a_file_without_events_is_refused_by_every_reader() {
    for format in [Format::Jsonl, Format::Edn, Format::Json, Format::JepsenLog] {
        for text in ["", "\u{89}PNG\r\n\u{1a}\n\0\0\0\rIHDR", "\0\0\0\0", "hello\n"] {
            let read = import::read(text.as_bytes(), "h", format, ImportOptions::default());
            let error = read.map(|reading| reading.history.len()).expect_err(text).to_string();
            assert!(error.starts_with("h:1:"), "{format:?}: {error}");
        }
    }
    let error = edn("\u{89}PNG\r\n\u{1a}\n\0\0\0\rIHDR").unwrap_err().to_string();
    assert_eq!(error, "h:1:1: expected an event as a map, found \\u{89}PNG");
    let error = edn("\0\0\0").unwrap_err().to_string();
    assert_eq!(error, "h:1:1: expected an event as a map, found a binary file");
}

#[test]
fn formats_are_told_apart_by_how_they_begin() {
    let cases: [(&str, Option<Format>); 16] = [
        ("{\"index\":0,\"time\":1,", Some(Format::Jsonl)),
        ("{ \"index\": 0, \"time\": 1,", Some(Format::Jsonl)),
        ("{\"index\":0,\"type\":\"ok\"", Some(Format::Json)),
        ("[{\"index\":0,\"time\":1,", Some(Format::Json)),
        ("\n [ {\n\"type\"", Some(Format::Json)),
        ("{:index 0", Some(Format::Edn)),
        ("[{:type", Some(Format::Edn)),
        ("({:type", Some(Format::Edn)),
        ("; why\n[{:type", Some(Format::Edn)),
        ("#jepsen.history.Op{", Some(Format::Edn)),
        ("INFO  jepsen.util - 0\t:invoke", Some(Format::JepsenLog)),
        ("2026-11-21 10:00:00,1{GMT}\tINFO\t[main] jepsen.cli: Test", Some(Format::JepsenLog)),
        ("hello", None),
        ("", None),
        ("\u{89}PNG\r\n", None),
        ("{\0", None),
    ];
    for (text, format) in cases {
        assert_eq!(import::detect(text.as_bytes()), format, "{text}");
    }
}

/// The window of the lexer has 128 KiB: whatever stands at its end must read the same.
#[test]
fn where_the_window_ends_makes_no_difference() {
    let tail = "{:process 1, :type :invoke, :f :cas, \
                :value [1 #{2 \"a\nb\\n\" \\( 3N}]} #_ ; x\n #tag x\n \
                {:process 1, :type :ok, :f :other}";
    let whole = edn(&format!("{{:process 0, :type :invoke, :f :read}}\n{tail}")).unwrap_err();
    assert_eq!(
        whole.to_string(),
        "h:5:21: expected the same f as in the invocation, found other of process 1"
    );
    let head = "{:process 0, :type :invoke, :f :read}";
    for end in (1..=tail.len()).step_by(if cfg!(debug_assertions) { 3 } else { 1 }) {
        let padding = " ".repeat((128 << 10) - head.len() - 1 - end);
        let error = edn(&format!("{head}{padding}\n{tail}")).unwrap_err();
        assert_eq!(error.to_string(), whole.to_string(), "the window ends {end} bytes further");
    }
}

#[test]
fn how_the_bytes_arrive_makes_no_difference() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/readers");
    for name in
        ["every_kind_of_value.edn", "an_array_of_maps.json", "operations_among_other_lines.log"]
    {
        let path = folder.join(name);
        let bytes = std::fs::read(&path).unwrap();
        let options = ImportOptions::default();
        let whole = import::read(bytes.as_slice(), name, format(&path), options).unwrap();
        let drops = BufReader::with_capacity(1, bytes.as_slice());
        let dripped = import::read(drops, name, format(&path), options).unwrap();
        assert_eq!(whole.history.events(), dripped.history.events(), "{name}");
    }
}

#[test]
fn events_come_one_by_one_as_they_are_read_whole() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    let files = [
        ("jsonl/any_values", Format::Jsonl),
        ("edn/any_values", Format::Edn),
        ("jepsen_log/etcd", Format::JepsenLog),
    ];
    for (name, format) in files {
        let bytes = std::fs::read(seeds.join(name)).unwrap();
        let options = ImportOptions::default();
        let reading = import::read(bytes.as_slice(), name, format, options).unwrap();
        let mut events = import::Events::new(bytes.as_slice(), name, format, options);
        let mut streamed = Vec::new();
        while let Some((index, event)) = events.next_event().unwrap() {
            assert_eq!(index, streamed.len());
            let f = events.symbols().text(event.f);
            assert_eq!(f, reading.history.text(event.f));
            streamed.push(event);
        }
        assert!(events.next_event().unwrap().is_none());
        assert_eq!(streamed, reading.history.events());
        assert_eq!(events.remarks(), reading.remarks);
    }
}

#[test]
fn nothing_comes_after_an_error() {
    let text = "{:process 0 :type :invoke :f :a} 5 {:process 1 :type :invoke :f :a}".as_bytes();
    let mut events = import::Events::new(text, "h", Format::Edn, ImportOptions::default());
    assert!(events.next_event().unwrap().is_some());
    assert_eq!(
        events.next_event().unwrap_err().to_string(),
        "h:1:34: expected an event as a map, found 5"
    );
    assert!(events.next_event().unwrap().is_none());
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        (-9i64..9).prop_map(Into::into),
        any::<u64>().prop_map(Into::into),
        any::<f64>().prop_filter("JSON has no infinity", |f| f.is_finite()).prop_map(Into::into),
        any::<String>().prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::btree_map(any::<String>(), inner, 0..4)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

/// The value in EDN, with something to skip wherever there may be, and maps from their last key to
/// their first.
fn spelled(value: &serde_json::Value, out: &mut String) {
    match value {
        serde_json::Value::Null => out.push_str("nil"),
        serde_json::Value::Bool(_) | serde_json::Value::Number(_) => {
            out.push_str(&value.to_string());
        }
        serde_json::Value::String(text) => {
            // A raw line break is allowed in a string.
            out.push_str(
                &value.to_string().replace("\\n", if text.len() % 2 == 0 { "\n" } else { "\\n" }),
            );
        }
        serde_json::Value::Array(values) => {
            out.push_str("#a/tag [ ");
            for value in values {
                spelled(value, out);
                out.push_str(", #_(no #{one} \"sees\") ");
            }
            out.push(']');
        }
        serde_json::Value::Object(map) => {
            out.push('{');
            for (key, value) in map.iter().rev() {
                out.push_str(&serde_json::Value::from(key.as_str()).to_string());
                out.push_str(" ; what is it?\n");
                spelled(value, out);
                out.push(' ');
            }
            out.push('}');
        }
    }
}

proptest! {
    /// Whatever way a value is written, it becomes the one canonical form that our lines have.
    #[test]
    fn a_value_is_the_same_in_every_spelling(value in json()) {
        let mut text = "{:process 0 :type :invoke :f :f :value ".to_owned();
        // A backslash before an `n` would make the line break of `spelled` another text.
        prop_assume!(!value.to_string().contains("\\\\n"));
        spelled(&value, &mut text);
        text.push('}');
        let map = serde_json::json!({"process": 0, "type": "invoke", "f": "f", "value": value});
        let mut line = map.clone();
        (line["index"], line["time"]) = (0.into(), 0.into());
        let texts = [
            (text, Format::Edn),
            (map.to_string(), Format::Json),
            (line.to_string(), Format::Jsonl),
        ];
        for (text, format) in texts {
            let reading = import::read(text.as_bytes(), "h", format, ImportOptions::default());
            let history = reading.unwrap_or_else(|error| panic!("{error}: {text}")).history;
            let [event] = history.events() else { panic!("{text}") };
            let datum = Datum::from_json(value.clone());
            prop_assert_eq!(history.datum(event.value), datum, "{}", text);
            let mut fresh = History::new();
            fresh.symbols.intern("f");
            if let checkers::history::Value::Interned(symbol) = event.value {
                prop_assert_eq!(history.text(symbol), value.to_string());
            } else {
                prop_assert_eq!(event.value, fresh.compact(&Datum::from_json(value.clone())));
            }
        }
    }
}
