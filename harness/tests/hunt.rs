//! Hunts and matrices as their users meet them: what is found is stored and can be played again,
//! what was done is not done twice, and what cannot be hunted is refused.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn tribunal(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tribunal"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    command
}

/// The exit code, standard output and standard error.
fn said(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output: Output = tribunal(folder, arguments).output().expect("the program starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let code = output.status.code().expect("it exits by itself");
    (code, text(&output.stdout), text(&output.stderr))
}

fn json(folder: &Path, arguments: &[&str]) -> (i32, serde_json::Value) {
    let (code, out, error) = said(folder, &[arguments, &["--json"]].concat());
    let document = serde_json::from_str(&out);
    (code, document.unwrap_or_else(|_| panic!("one JSON document: {out}{error}")))
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

/// Short and quiet runs: what is tested here is the hunt.
const SMALL: &[&str] = &["--run-time", "3s", "--rate", "60", "--progress", "none"];

fn hunt<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    [&["hunt", "raft"], arguments, SMALL].concat()
}

#[test]
fn a_finding_is_stored_and_its_commands_work() {
    let folder = folder();
    let words = hunt(&["--bug", "stale-read", "--seed", "1", "--seeds", "50"]);
    let (code, out, error) = said(folder.path(), &words);
    assert_eq!(code, 1, "{out}{error}");
    assert!(
        out.contains("FOUND in case") && out.contains("raft claims a linearizable kv"),
        "{out}"
    );
    let replay = out.lines().find_map(|line| line.trim().strip_prefix("replay"));
    let replay: Vec<&str> = replay.expect("how to replay it").split_whitespace().skip(1).collect();
    assert!(out.contains("tribunal shrink raft-register/"), "{out}");
    let (code, out, error) = said(folder.path(), &replay);
    assert_eq!(code, 1, "the replay finds it too: {out}{error}");

    // The same command again has nothing left to do, and says what was found.
    let (code, document) = json(folder.path(), &words);
    assert_eq!((code, &document["ended"]), (1, &"found".into()));
    assert!(document["findings"][0]["run"].is_string());
}

#[test]
fn a_finding_whose_run_cannot_be_stored_is_announced_and_stored_by_the_next_hunt() {
    let folder = folder();
    let blocked = folder.path().join("store/raft-register");
    std::fs::create_dir(folder.path().join("store")).expect("a folder");
    std::fs::write(&blocked, "in the way").expect("a file");
    let words = hunt(&["--bug", "stale-read", "--seed", "1", "--seeds", "50"]);
    for _ in 0..2 {
        let (code, out, error) = said(folder.path(), &words);
        assert_eq!(code, 1, "{out}{error}");
        for part in ["FOUND in case", "linearizable kv", "damage", "cannot be made", "repeat"] {
            assert!(out.contains(part), "no {part}: {out}");
        }
        assert!(out.contains("tribunal run raft --on sim --seed"), "{out}");
    }
    std::fs::remove_file(&blocked).expect("it was there");
    let (code, document) = json(folder.path(), &words);
    assert_eq!(code, 1);
    let finding = &document["findings"][0];
    assert!(finding["run"].is_string() && finding["damage"].is_null(), "{finding}");
}

#[test]
fn a_hunt_that_has_nothing_new_to_try_says_so_until_another_build_asks() {
    let folder = folder();
    let words = hunt(&["--seed", "5", "--seeds", "2"]);
    said(folder.path(), &words);
    let (known, out, error) = said(folder.path(), &words);
    assert!(out.contains("nothing new was tried: all 2 cases"), "{out}{error}");
    assert!(out.contains("--fresh begins anew, --seeds MORE goes on"), "{out}");
    let (code, document) = json(folder.path(), &hunt(&["--seed", "5", "--seeds", "3"]));
    assert_eq!((&document["tally"]["cases"], &document["notes"]), (&3.into(), &[""; 0][..].into()));

    // As if another build had written it.
    let journal = folder.path().join("store/hunts/raft-5/hunt.jsonl");
    let text = std::fs::read_to_string(&journal).expect("it is there");
    std::fs::write(&journal, text.replacen("\"build\":\"", "\"build\":\"x", 1)).expect("written");
    let (anew, document) = json(folder.path(), &words);
    assert_eq!((&document["tally"]["cases"], known, code), (&2.into(), anew, anew));
    assert!(document["notes"][0].as_str().is_some_and(|note| note.contains("another build")));
    assert!(journal.with_file_name("before-1.jsonl").exists());
}

#[test]
fn a_matrix_that_is_interrupted_says_how_far_it_came_and_leaves_the_page() {
    let folder = folder();
    let page = folder.path().join("detection.md");
    std::fs::write(&page, "# By hand\n").expect("a file");
    // More hunts than anybody waits for.
    let words = "matrix raft --bug stale-read --hunts 10000 --write detection.md --progress plain";
    let words: Vec<&str> = words.split(' ').collect();
    let mut child = tribunal(folder.path(), &words)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    // A line of progress says that it listens.
    let mut progress = BufReader::new(child.stderr.take().expect("it was asked for"));
    progress.read_line(&mut String::new()).expect("a line");
    let id = child.id().to_string();
    let kill = Command::new("kill").args(["-INT", &id]).status().expect("it starts");
    assert!(kill.success());
    progress.read_to_string(&mut String::new()).expect("the rest");
    let output = child.wait_with_output().expect("it ends");
    let out = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(13), "{out}");
    assert!(out.contains("interrupted: ") && out.contains("of 10000 hunts"), "{out}");
    assert!(!out.contains("Every planted bug was found"), "{out}");
    assert_eq!(std::fs::read_to_string(&page).expect("it is there"), "# By hand\n");
}

#[test]
fn shards_and_threads_change_nothing_about_the_cases() {
    let folder = folder();
    let mut together = [0; 2];
    let asked = ["--bug", "early-ack", "--seed", "4", "--seeds", "12", "--keep-going"];
    let (_, whole) = json(folder.path(), &hunt(&[&asked[..], &["--threads", "2"]].concat()));
    for shard in ["1/3", "2/3", "3/3"] {
        let words = hunt(&[&asked[..], &["--shard", shard, "--threads", "1"]].concat());
        let (_, part) = json(folder.path(), &words);
        together[0] += part["tally"]["simulated_ns"].as_u64().expect("a number");
        together[1] += part["tally"]["findings"].as_u64().expect("a number");
    }
    let of = |what: &str| whole["tally"][what].as_u64().expect("a number");
    assert_eq!(together, [of("simulated_ns"), of("findings")]);
    assert_eq!(of("cases"), 12);
}

#[test]
fn a_hunt_that_was_killed_goes_on_and_comes_to_the_same() {
    let folder = folder();
    let asked = ["--bug", "early-ack", "--seed", "9", "--seeds", "150", "--keep-going"];
    let words = hunt(&asked);
    let journal = folder.path().join("store/hunts/raft-9-early-ack/hunt.jsonl");
    let mut child =
        tribunal(folder.path(), &words).stdout(Stdio::null()).spawn().expect("it starts");
    // Killed as soon as something is found; a hunt that is over before proves the same.
    while !std::fs::read_to_string(&journal).unwrap_or_default().contains("\"found\"") {
        if child.try_wait().expect("it is ours").is_some() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    let _ = child.kill();
    let _ = child.wait();
    let (code, resumed) = json(
        folder.path(),
        &[&["hunt", "raft", "--resume"], &words[2..4], &["--seeds", "150", "--keep-going"], SMALL]
            .concat(),
    );
    assert_eq!(code, 1);
    let elsewhere = self::folder();
    let (_, whole) = json(elsewhere.path(), &words);
    assert_eq!(resumed["tally"], whole["tally"]);
    let seeds = |document: &serde_json::Value| -> Vec<u64> {
        let findings = document["findings"].as_array().expect("a list");
        findings.iter().filter_map(|finding| finding["seed"].as_u64()).collect()
    };
    assert_eq!(seeds(&resumed), seeds(&whole));
}

#[test]
fn the_correct_raft_is_not_accused_and_places_that_were_not_reached_are_named() {
    let folder = folder();
    let words = hunt(&["--seed", "3", "--seeds", "20", "--faults", "partition,kill"]);
    let (code, out, error) = said(folder.path(), &words);
    assert_eq!(code, 0, "{out}{error}");
    assert!(out.contains("NOTHING FOUND against raft in 20 runs"), "{out}");
    assert!(out.contains("election-won") && out.contains("never"), "{out}");
}

#[test]
fn what_cannot_be_hunted_is_refused_with_what_to_do() {
    let folder = folder();
    for (arguments, parts) in [
        (&["hunt", "rafft"][..], ["\"raft\"", "tribunal list targets"]),
        (&["hunt", "raft", "--bug", "forget-votes"], ["\"forget-vote\"", "tribunal show raft"]),
        (&["hunt", "raft", "--faults", "kil"], ["\"kill\"", "tribunal list faults"]),
        (&["hunt", "raft", "--set", "red=lease"], ["\"reads\"", "tribunal show raft"]),
        (&["hunt", "raft", "--reads", "leas"], ["\"lease\"", "tribunal show raft"]),
        (&["hunt", "raft", "--shard", "9/8"], ["--shard", "such as 3/8"]),
        (&["hunt", "raft", "--shard", "0/8"], ["--shard", "such as 3/8"]),
        (&["hunt", "raft", "--time", "0s"], ["--time 0s", "at least 1s"]),
        (&["hunt", "raft", "--seeds", "0"], ["--seeds", "0"]),
        (&["hunt", "raft", "--run-time", "0s"], ["--run-time 0", "no time"]),
        // Case 0 of this seed has no faults, and later ones have.
        (&["hunt", "raft", "--seed", "6", "--run-time", "500ms"], ["--run-time 500ms", "1000ms"]),
        (&["hunt", "raft", "--faults", "none", "--run-time", "0s"], ["--run-time 0", "1ms"]),
        (&["hunt", "raft", "--seeds", "2", "--shard", "3/3"], ["--seeds", "more seeds"]),
        (&["hunt", "raft", "--threads", "0"], ["--threads", "0"]),
        (&["matrix", "rafft"], ["\"raft\"", "tribunal list targets"]),
        (&["matrix", "raft", "--bug", "x-fsync"], ["\"no-fsync\"", "tribunal show raft"]),
        (&["matrix", "--bug", "no-fsync"], ["--bug", "tribunal matrix raft"]),
        (&["matrix", "raft", "--time", "0s"], ["--time 0s", "at least 1s"]),
        (&["matrix", "raft", "--hunts", "0"], ["--hunts", "0"]),
        (&["matrix", "--on", "local", "--time", "9s"], ["--time means", "only with --on sim"]),
        (&["matrix", "--on", "local", "--seed", "2"], ["--seed means", "only with --on sim"]),
        (&["matrix", "--on", "local", "--shrink", "0"], ["--shrink means", "only with --on sim"]),
        (&["matrix", "--on", "local", "--threads", "2"], ["--threads means", "only with --on sim"]),
        (&["matrix", "raft", "--write", "no/x.md"], ["--write no/x.md", "no such folder"]),
    ] {
        let (code, _, error) = said(folder.path(), arguments);
        assert_eq!(code, 64, "{arguments:?}: {error}");
        for part in parts {
            assert!(error.contains(part), "{arguments:?} does not say {part}: {error}");
        }
    }
    let (code, _, error) = said(folder.path(), &["hunt", "raft", "--resume"]);
    assert_eq!(code, 3, "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).expect("it is there").count(), 0);
}

#[test]
fn another_hunt_in_the_same_folder_is_refused() {
    let folder = folder();
    let words = hunt(&["--seed", "5", "--seeds", "1"]);
    said(folder.path(), &words);
    let (code, _, error) = said(folder.path(), &[&words[..], &["--nodes", "3"]].concat());
    assert_eq!(code, 64, "{error}");
    assert!(error.contains("--nodes 3") && error.contains("--fresh"), "{error}");
}

#[test]
fn a_matrix_says_what_was_found_and_keeps_the_page_around_it() {
    let folder = folder();
    let page = folder.path().join("detection.md");
    std::fs::write(&page, "# By hand\n").expect("a file");
    let (code, out, error) =
        said(
            folder.path(),
            &[
                &[
                    "matrix",
                    "raft",
                    "--bug",
                    "stale-read,early-ack",
                    "--hunts",
                    "2",
                    "--shrink",
                    "0",
                ][..],
                &["--write", "detection.md", "--progress", "none"],
            ]
            .concat(),
        );
    assert_eq!(code, 0, "{out}{error}");
    assert!(out.contains("2 of 2"), "{out}");
    let text = std::fs::read_to_string(&page).expect("it is there");
    assert!(text.starts_with("# By hand") && text.contains("raft stale-read | 2 of 2"), "{text}");
    let figures = std::fs::read(folder.path().join("detection.sim.json")).expect("it is there");
    let figures: serde_json::Value = serde_json::from_slice(&figures).expect("JSON");
    assert_eq!(figures["rows"][1]["hunts"][1]["caught"]["checker"], "linearizable");
}
