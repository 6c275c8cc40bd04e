//! Tests of the journal: what is on disk is enough to go on.

use super::{Began, Journal, LENGTH_BYTES_MAX};
use crate::hunt::swarm::Pinned;
use crate::hunt::tally::Tally;
use crate::hunt::{Finding, HuntSpec, Reach, Shard};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::Duration;
use targets::catalogue::target;

fn spec() -> HuntSpec {
    HuntSpec {
        target: target("raft").expect("it is bundled"),
        bug: None,
        base_seed: 7,
        shard: Shard::ALL,
        pinned: Pinned::default(),
        cases_max: None,
        wall: None,
        threads: 1,
        keep_going: true,
    }
}

fn finding(index: u64) -> Finding {
    Finding {
        index,
        seed: index * 10,
        checker: "linearizable".to_owned(),
        claim: "it is linearizable".to_owned(),
        sentence: "no order works".to_owned(),
        evidence_ops: 3,
        harness_panicked: false,
        words: vec!["tribunal".to_owned()],
    }
}

fn reach(position: u64) -> Reach {
    Reach { position, tally: Tally { cases: position, valid: position, ..Tally::default() } }
}

fn open(store: &Path) -> Journal {
    Journal::open(store, Began::of(&spec(), "b1"), false).expect("a journal")
}

fn file(store: &Path) -> std::path::PathBuf {
    store.join("hunts/raft-7/hunt.jsonl")
}

#[test]
fn a_hunt_goes_on_where_it_was_and_a_torn_line_is_dropped_with_a_note() {
    let store = tempfile::tempdir().expect("a folder");
    let mut journal = open(store.path());
    journal.progress(&reach(12), Duration::from_secs(3)).expect("written");
    assert!(journal.found(&finding(12)).expect("written"));
    assert!(!journal.found(&finding(12)).expect("written"), "it is known");
    journal.stored(12, "raft-register/x").expect("written");
    assert!(journal.found(&finding(13)).expect("written"));
    drop(journal);
    let mut torn = fs::OpenOptions::new().append(true).open(file(store.path())).expect("there");
    torn.write_all(b"{\"line\":\"progress\",\"wall").expect("written");
    drop(torn);

    let journal = open(store.path());
    assert!(journal.note.as_ref().is_some_and(|note| note.contains("torn")));
    assert_eq!(journal.reach(), &reach(12));
    assert_eq!(journal.wall(), Duration::from_secs(3));
    let runs: Vec<_> = journal.findings().map(|kept| kept.run.as_deref()).collect();
    assert_eq!(runs, [Some("raft-register/x"), None]);
    drop(journal);
    assert_eq!(open(store.path()).note, None, "what was torn is gone");
}

#[test]
fn every_cut_of_a_journal_can_be_gone_on_from() {
    let store = tempfile::tempdir().expect("a folder");
    let mut journal = open(store.path());
    journal.progress(&reach(1), Duration::from_secs(1)).expect("written");
    journal.found(&finding(1)).expect("written");
    journal.progress(&reach(2), Duration::from_secs(2)).expect("written");
    drop(journal);
    let bytes = fs::read(file(store.path())).expect("there");
    for length in 0..=bytes.len() {
        fs::write(file(store.path()), &bytes[..length]).expect("written");
        let journal = open(store.path());
        // A position is never ahead of what was found below it.
        assert!(journal.reach().position < 2 || journal.findings().count() == 1, "{length}");
    }
}

#[test]
fn another_hunt_in_the_same_folder_is_refused_and_fresh_begins_anew() {
    let store = tempfile::tempdir().expect("a folder");
    let mut journal = open(store.path());
    journal.progress(&reach(5), Duration::from_secs(3)).expect("written");
    drop(journal);
    let pinned = Pinned { nodes: Some(3), ..Pinned::default() };
    let other = Began::of(&HuntSpec { pinned, ..spec() }, "b1");
    let refused = Journal::open(store.path(), other.clone(), false).expect_err("another hunt");
    let text = refused.to_string();
    assert!(text.contains("--nodes 3") && text.contains("--fresh"), "{text}");
    assert_eq!(refused.code(), 64);
    let fresh = Journal::open(store.path(), other, true).expect("anew");
    assert_eq!(fresh.reach(), &Reach::default());
}

#[test]
fn another_build_begins_anew_and_what_the_first_found_is_set_aside() {
    let store = tempfile::tempdir().expect("a folder");
    let mut journal = open(store.path());
    journal.found(&finding(3)).expect("written");
    journal.progress(&reach(5), Duration::from_secs(3)).expect("written");
    drop(journal);
    for number in 1..3 {
        let before = fs::read(file(store.path())).expect("there");
        let began = Began::of(&spec(), &format!("another {number}"));
        let mut journal = Journal::open(store.path(), began.clone(), false).expect("anew");
        assert_eq!((journal.reach(), journal.findings().count()), (&Reach::default(), 0));
        let aside = format!("before-{number}.jsonl");
        assert!(journal.note.as_ref().is_some_and(|note| note.contains(&aside)));
        assert_eq!(fs::read(store.path().join("hunts/raft-7").join(aside)).expect("kept"), before);
        journal.progress(&reach(2), Duration::from_secs(1)).expect("written");
        drop(journal);
        let again = Journal::open(store.path(), began, false).expect("it goes on");
        assert_eq!((again.reach(), &again.note), (&reach(2), &None));
    }
    // Another hunt is refused, whichever build asks; nothing is set aside for it.
    let pinned = Pinned { nodes: Some(3), ..Pinned::default() };
    let other = Began::of(&HuntSpec { pinned, ..spec() }, "b9");
    Journal::open(store.path(), other, false).expect_err("another hunt");
    assert!(!store.path().join("hunts/raft-7/before-3.jsonl").exists());
}

#[test]
fn a_journal_from_before_builds_were_written_down_is_one_of_another_build() {
    let store = tempfile::tempdir().expect("a folder");
    drop(open(store.path()));
    let text = fs::read_to_string(file(store.path())).expect("there");
    fs::write(file(store.path()), text.replace("\"build\":\"b1\",", "")).expect("written");
    assert!(open(store.path()).note.is_some_and(|note| note.contains("another build")));
}

#[test]
fn two_hunters_do_not_share_a_folder() {
    let store = tempfile::tempdir().expect("a folder");
    let _held = open(store.path());
    let refused = Journal::open(store.path(), Began::of(&spec(), "b1"), false);
    assert!(refused.expect_err("it is held").to_string().contains("somebody else"));
}

#[test]
fn a_journal_that_has_grown_is_written_anew_and_says_the_same() {
    let store = tempfile::tempdir().expect("a folder");
    let mut journal = open(store.path());
    journal.found(&finding(3)).expect("written");
    journal.stored(3, "raft-register/x").expect("written");
    let mut long = reach(9);
    long.tally.reasons.insert("x".repeat(100_000), 1);
    for _ in 0..LENGTH_BYTES_MAX / 100_000 + 2 {
        journal.progress(&long, Duration::from_secs(1)).expect("written");
    }
    drop(journal);
    assert!(fs::metadata(file(store.path())).expect("there").len() < LENGTH_BYTES_MAX);
    let journal = open(store.path());
    assert_eq!(journal.reach(), &long);
    assert_eq!(journal.findings().filter(|kept| kept.run.is_some()).count(), 1);
}

#[test]
fn the_latest_hunt_of_a_target_and_bug_is_found_by_its_folder() {
    let store = tempfile::tempdir().expect("a folder");
    drop(open(store.path()));
    let seeds = Journal::seeds(store.path(), &Began::of(&spec(), "b1"));
    assert_eq!(seeds, [7]);
    let shard = Shard { part: 2, of: 8 };
    let part = Began::of(&HuntSpec { shard, ..spec() }, "b1");
    assert_eq!(part.folder(), "raft-7-shard-3-of-8");
    assert!(Journal::seeds(store.path(), &part).is_empty());
}
