//! `tribunal check` on transactions and on workloads with an invariant.

mod support;

use std::path::Path;
use support::tribunal;

/// One transaction appends to two keys; another one sees the first append and not the second.
fn jsonl() -> String {
    let line = |index: usize, process: usize, kind: &str, value: &str| {
        format!(
            "{{\"index\":{index},\"time\":{index},\"process\":{process},\"type\":\"{kind}\",\
             \"f\":\"txn\",\"value\":{value}}}\n"
        )
    };
    [
        line(0, 0, "invoke", r#"[["append",1,7],["append",2,8]]"#),
        line(1, 1, "invoke", r#"[["r",1,null],["r",2,null]]"#),
        line(2, 0, "ok", r#"[["append",1,7],["append",2,8]]"#),
        line(3, 1, "ok", r#"[["r",1,[7]],["r",2,null]]"#),
    ]
    .concat()
}

fn edn() -> String {
    let map = |process: usize, kind: &str, value: &str| {
        format!("{{:process {process}, :type :{kind}, :f :txn, :value {value}}}\n")
    };
    [
        map(0, "invoke", "[[:append 1 7] [:append 2 8]]"),
        map(1, "invoke", "[[:r 1 nil] [:r 2 nil]]"),
        map(0, "ok", "[[:append 1 7] [:append 2 8]]"),
        map(1, "ok", "[[:r 1 [7]] [:r 2 nil]]"),
    ]
    .concat()
}

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).expect("a file");
}

#[test]
fn the_anomaly_of_one_history_has_one_name_in_every_format() {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), "a.jsonl", &jsonl());
    write(folder.path(), "b.edn", &edn());
    for input in ["a.jsonl", "b.edn"] {
        let (code, text) = tribunal(folder.path(), &["check", "-m", "list-append", input]);
        assert_eq!(code, 1, "{input}: {text}");
        assert!(text.contains("T2 -wr 1-> T3 -rw 2-> T2"), "{input}: {text}");
        assert!(text.contains("broken: ") && text.contains("may still hold: "), "{text}");
        let weak = ["check", "-m", "list-append", "-c", "read-committed", input];
        let (code, text) = tribunal(folder.path(), &weak);
        assert_eq!(code, 0, "{input}: {text}");
    }
}

#[test]
fn a_kept_promise_says_that_it_is_proved() {
    let folder = tempfile::tempdir().expect("a folder");
    write(
        folder.path(),
        "a.jsonl",
        &jsonl().replace(r#"[["r",1,[7]],["r",2,null]]"#, r#"[["r",1,[7]],["r",2,[8]]]"#),
    );
    let (code, text) = tribunal(folder.path(), &["check", "-m", "list-append", "a.jsonl"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("proved") && !text.contains("not proved"), "{text}");
}

#[test]
fn what_is_no_transaction_is_named_with_its_line() {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), "good.jsonl", &jsonl());
    let bad = [
        (jsonl().replace(r#"["r",1,[7]]"#, r#"["cas",1,[7]]"#), "bad.jsonl:4:"),
        (jsonl().replace(r#"["r",1,[7]]"#, r#"["r",1]"#), "bad.jsonl:4:"),
        (jsonl().replace(r#"["append",2,8]"#, r#"["append","x",8]"#), "bad.jsonl:"),
    ];
    for (text, place) in bad {
        write(folder.path(), "bad.jsonl", &text);
        let inputs = ["check", "-m", "list-append", "bad.jsonl", "good.jsonl", "-c", "PL-2"];
        let (code, text) = tribunal(folder.path(), &inputs);
        assert_eq!(code, 64, "{text}");
        assert!(text.contains(place) && text.contains("valid"), "{text}");
    }
}

#[test]
fn each_anomaly_is_written_to_the_folder_that_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), "a.jsonl", &jsonl());
    let ask = ["check", "-m", "list-append", "a.jsonl", "--directory", "out"];
    let (code, text) = tribunal(folder.path(), &ask);
    assert_eq!(code, 1, "{text}");
    let read = |name: &str| std::fs::read_to_string(folder.path().join("out").join(name));
    assert!(read("G-single-item-1.svg").expect("a drawing").contains("<svg"));
    assert!(read("G-single-item-1.txt").expect("a text").contains("T3 read key 2 as empty"));
    let (_, text) = tribunal(folder.path(), &[&ask[..], &["-p", "dot"]].concat());
    assert!(read("anomalies.dot").expect("a graph").contains("digraph"), "{text}");
    let small = [&ask[..], &["--max-plot-bytes", "10"]].concat();
    let (_, text) = tribunal(folder.path(), &small);
    assert!(text.contains("--max-plot-bytes"), "{text}");
}

#[test]
fn what_cannot_be_held_against_transactions_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), "a.jsonl", &jsonl());
    let wrong: [(&[&str], &str); 4] = [
        (&["-m", "list-apend"], "did you mean \"list-append\"?"),
        (&["-m", "list-append", "-c", "serialisable"], "did you mean \"serializable\"?"),
        (&["-m", "list-append", "-c", "monotonic-reads"], "strict-serializable"),
        (&["-m", "list-append", "-a", "G-singel"], "did you mean \"G-single\"?"),
    ];
    for (flags, hint) in wrong {
        let arguments: Vec<&str> = ["check", "a.jsonl"].iter().chain(flags).copied().collect();
        let (code, text) = tribunal(folder.path(), &arguments);
        assert_eq!(code, 64, "{flags:?}: {text}");
        assert!(text.contains(hint), "{flags:?}: {text}");
    }
}

#[test]
fn a_workload_is_held_against_its_invariant() {
    let folder = tempfile::tempdir().expect("a folder");
    let line = |index: usize, kind: &str, f: &str, value: &str| {
        format!(
            "{{\"index\":{index},\"time\":{index},\"process\":0,\"type\":\"{kind}\",\
             \"f\":\"{f}\",\"value\":{value}}}\n"
        )
    };
    let adds = [line(0, "invoke", "add", "1"), line(1, "ok", "add", "1")].concat();
    let lost = [line(2, "invoke", "read", "null"), line(3, "ok", "read", "[]")].concat();
    write(folder.path(), "set.jsonl", &(adds + &lost));
    let ask = ["check", "-m", "set", "-c", "invariant", "set.jsonl"];
    let (code, text) = tribunal(folder.path(), &ask);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("is not in it") && text.contains("invariant set"), "{text}");
    let (code, text) = tribunal(folder.path(), &["check", "-m", "set", "set.jsonl"]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("linearizable set"), "{text}");
}
