//! `tribunal check` on files of every kind, good and bad.

mod support;

use std::path::Path;
use support::tribunal;

/// A stale read: 1 after 2 had been written, in the words of four formats.
const STALE: [(&str, &str, usize); 3] = [("write", "1", 0), ("write", "2", 0), ("read", "1", 1)];

fn jsonl() -> String {
    let mut lines = String::new();
    for (at, (f, value, process)) in STALE.iter().enumerate() {
        for (step, kind) in ["invoke", "ok"].iter().enumerate() {
            let index = 2 * at + step;
            let value = if *f == "read" && step == 0 { "null" } else { value };
            lines.push_str(&format!(
                "{{\"index\":{index},\"time\":{index},\"process\":{process},\"type\":\"{kind}\",\
                 \"f\":\"{f}\",\"value\":{value}}}\n"
            ));
        }
    }
    lines
}

fn maps(map: impl Fn(usize, &str, &str, &str) -> String) -> Vec<String> {
    let mut maps = Vec::new();
    for (f, value, process) in STALE {
        maps.push(map(process, "invoke", f, if f == "read" { "nil" } else { value }));
        maps.push(map(process, "ok", f, value));
    }
    maps
}

fn edn() -> String {
    let map = |process, kind: &str, f: &str, value: &str| {
        format!("{{:process {process}, :type :{kind}, :f :{f}, :value {value}}}")
    };
    format!("[{}]\n", maps(map).join("\n "))
}

fn json() -> String {
    let map = |process, kind: &str, f: &str, value: &str| {
        let value = value.replace("nil", "null");
        format!("{{\"process\":{process},\"type\":\"{kind}\",\"f\":\"{f}\",\"value\":{value}}}")
    };
    format!("[{}]\n", maps(map).join(",\n"))
}

fn log() -> String {
    let map = |process, kind: &str, f: &str, value: &str| {
        format!("INFO  jepsen.util - {process}\t:{kind}\t:{f}\t{value}\n")
    };
    maps(map).concat()
}

fn write(folder: &Path, name: &str, bytes: impl AsRef<[u8]>) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    std::fs::write(path, bytes).expect("a file");
}

#[test]
fn one_history_in_every_format_gets_one_verdict() {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), "a.jsonl", jsonl());
    write(folder.path(), "b.edn", edn());
    write(folder.path(), "c.json", json());
    write(folder.path(), "d.log", log());
    let packed = zstd::encode_all(jsonl().as_bytes(), 3).expect("compressed");
    write(folder.path(), "e.jsonl.zst", packed);
    write(folder.path(), "test/20261121/history.edn", edn());
    for input in ["a.jsonl", "b.edn", "c.json", "d.log", "e.jsonl.zst", "test/20261121"] {
        let (code, text) = tribunal(folder.path(), &["check", input, "--explain"]);
        assert_eq!(code, 1, "{input}: {text}");
        assert!(text.contains("older value 1") && text.contains("longest legal order"), "{text}");
    }
    let all = ["check", "a.jsonl", "b.edn", "c.json", "d.log", "--json"];
    let (code, text) = tribunal(folder.path(), &all);
    assert_eq!(code, 1, "{text}");
    assert_eq!(text.matches("\"verdict\": \"invalid\"").count(), 2 * 4, "{text}");
}

#[test]
fn what_is_bad_is_named_with_its_place_and_the_others_are_judged_all_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let good = &edn().replace(":f :read, :value 1", ":f :read, :value 2");
    write(folder.path(), "good.edn", good);
    let completion = "{:process 1, :type :ok, :f :read, :value 1}\n";
    let twice = "{:process 1, :type :invoke, :f :read}\n{:process 1, :type :invoke, :f :read}\n";
    let back = "{:process 1, :type :invoke, :f :read, :time 11000000001}\n{:process 2, \
                :type :invoke, :f :read, :time 1}\n";
    let bad: [(&str, Vec<u8>, &str); 8] = [
        ("completion.edn", completion.into(), "completion.edn:1:"),
        ("twice.edn", twice.into(), "twice.edn:2:"),
        ("back.edn", back.into(), "back.edn:2:"),
        ("type.edn", "{:process 1, :type :maybe, :f :read}".into(), "type.edn:1:"),
        ("shape.edn", good.replace(":f :write", ":f :cas").into(), "shape.edn:1:"),
        ("empty.edn", Vec::new(), "empty.edn is empty"),
        ("binary.edn", vec![0x7f, b'E', b'L', b'F', 0, 0, 1, 2], "binary.edn is no history"),
        ("cut.edn", edn().as_bytes()[..100].into(), "cut.edn:"),
    ];
    for (name, bytes, place) in bad {
        write(folder.path(), name, bytes);
        let (code, text) =
            tribunal(folder.path(), &["check", name, "good.edn", "--semantics", "strict"]);
        assert_eq!(code, 64, "{name}: {text}");
        assert!(text.contains(place), "{name}: {text}");
        assert!(text.contains("good.edn │ valid") || text.contains("valid"), "{name}: {text}");
    }
    let (code, text) = tribunal(folder.path(), &["check", "nowhere.edn", "good.edn"]);
    assert_eq!(code, 64, "{text}");
    assert!(text.contains("nowhere.edn"), "{text}");
}

#[test]
fn flags_that_mean_nothing_are_refused_with_the_nearest_that_do() {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), "a.jsonl", jsonl());
    let wrong: [(&[&str], &str); 6] = [
        (&["--model", "cas-regster"], "did you mean \"cas-register\"?"),
        (&["--consistency", "sequentiel"], "did you mean \"sequential\"?"),
        (&["--model", "mutex", "--permits", "2"], "--permits"),
        (&["--initial", "{"], "--initial"),
        (&["--mem", "lots"], "512MiB"),
        (&["--model", "stack", "--consistency", "causal"], "registers"),
    ];
    for (flags, hint) in wrong {
        let arguments: Vec<&str> = ["check", "a.jsonl"].iter().chain(flags).copied().collect();
        let (code, text) = tribunal(folder.path(), &arguments);
        assert_eq!(code, 64, "{flags:?}: {text}");
        assert!(text.contains(hint), "{flags:?}: {text}");
    }
}

#[test]
fn semantics_decide_what_a_nil_and_a_failed_cas_say() {
    let folder = tempfile::tempdir().expect("a folder");
    let read_nil = edn().replace(":ok, :f :read, :value 1", ":ok, :f :read, :value nil");
    write(folder.path(), "nil.edn", read_nil);
    let failed = "{:process 0, :type :invoke, :f :write, :value 1}\n\
                  {:process 0, :type :ok, :f :write, :value 1}\n\
                  {:process 1, :type :invoke, :f :cas, :value [1 2]}\n\
                  {:process 1, :type :fail, :f :cas, :value [1 2]}\n";
    write(folder.path(), "failed.edn", failed);
    let said = |file, flags: &[&str]| {
        let arguments: Vec<&str> = ["check", file].iter().chain(flags).copied().collect();
        tribunal(folder.path(), &arguments).0
    };
    assert_eq!(said("nil.edn", &[]), 0, "to Jepsen a nil read says nothing");
    assert_eq!(said("nil.edn", &["--semantics", "strict"]), 1);
    assert_eq!(said("nil.edn", &["--nil-read", "found"]), 1);
    assert_eq!(said("failed.edn", &["--semantics", "strict"]), 0, "it did not happen");
    assert_eq!(said("failed.edn", &["--semantics", "porcupine"]), 1, "it saw another value than 1");
    assert_eq!(said("failed.edn", &["--failed-cas", "found-another"]), 1);
}

#[test]
fn a_stream_is_judged_while_it_is_read() {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), "a.jsonl", jsonl());
    let strict = ["--stream", "--semantics", "strict"];
    let arguments: Vec<&str> = ["check", "a.jsonl"].iter().chain(&strict).copied().collect();
    let (code, text) = tribunal(folder.path(), &arguments);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("INVALID") && text.contains("certain at event"), "{text}");
    let valid: String = jsonl().lines().take(4).map(|line| format!("{line}\n")).collect();
    write(folder.path(), "b.jsonl", valid);
    let arguments: Vec<&str> = ["check", "b.jsonl"].iter().chain(&strict).copied().collect();
    let (code, text) = tribunal(folder.path(), &arguments);
    assert_eq!(code, 0, "{text}");
    write(folder.path(), "c.edn", edn());
    let (code, text) = tribunal(folder.path(), &["check", "c.edn", "--stream"]);
    assert_eq!(code, 1, "{text}");
}
