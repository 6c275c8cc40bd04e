//! Files that are made to be expensive: deep, wide, long, or endless words. Each reader answers,
//! and needs no more memory than a small multiple of the file. One test in a process of its own,
//! since the figure is that of the process.

#[path = "support/survive.rs"]
mod survive;

use checkers::history::import::Format;

/// Of most bombs; the brackets get four times as much.
const BYTES: usize = 256 << 10;

/// For the largest file here, of a MiB: the window, the text and its symbol, each up to twice as
/// large, and each once again when it grows.
const MEMORY_KIB_MAX: u64 = 32 << 10;

/// The most memory that this process ever had, where the system says it.
fn peak_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

#[test]
fn bombs_are_answered_in_little_memory() {
    let before = peak_kib();
    let pieces = [
        "[",
        "{",
        "(",
        "#{",
        "{:a ",
        "{\"a\":",
        "[[",
        "\"",
        "\\",
        "1",
        "a",
        ":",
        "#",
        "#_",
        "#a ",
        "#_[",
        ";",
        "\n",
        " ",
        "\0",
        "\u{ff}",
        "-",
        "\\\"",
        "{} ",
        "[],",
        "{\"index\":0,",
        "INFO  jepsen.util - ",
        "INFO  jepsen.util - 0 :ok :read [",
    ];
    let all = [Format::Jsonl, Format::Edn, Format::Json, Format::JepsenLog];
    let beginnings: [(&str, &[Format]); 5] = [
        ("", &all),
        ("{:process 0, :type :invoke, :f :read, :value ", &[Format::Edn]),
        ("[{\"process\":0,\"type\":\"invoke\",\"f\":\"read\",\"value\":", &[Format::Json]),
        (
            "{\"index\":0,\"time\":0,\"process\":0,\"type\":\"invoke\",\"f\":\"read\",\"value\":",
            &[Format::Jsonl],
        ),
        ("INFO  jepsen.util - 0 :invoke :read ", &[Format::JepsenLog]),
    ];
    for piece in pieces {
        for (beginning, formats) in beginnings {
            let mut bomb = beginning.as_bytes().to_vec();
            let bytes = if piece == "[" { BYTES * 4 } else { BYTES };
            while bomb.len() < bytes {
                bomb.extend_from_slice(piece.as_bytes());
            }
            for &format in formats {
                survive::format(&bomb, format);
            }
        }
    }
    if let (Some(before), Some(after)) = (before, peak_kib()) {
        let used = after - before;
        println!("{used} KiB");
        assert!(used < MEMORY_KIB_MAX, "{used} KiB for files of at most a MiB");
    }
}
