//! What survives which crash: every cut, every damaged byte, every step of a checkpoint.

use super::{Batch, DiskProbe, DiskStep, FILE_HEAD, LOG, Recovery, Wal, WalError};
use std::io;
use std::path::Path;
use std::sync::Arc;

fn open(directory: &Path) -> Result<(Wal, Recovery<String>), WalError> {
    Wal::open(directory, None)
}

fn records(directory: &Path) -> Vec<String> {
    open(directory).unwrap().1.records
}

fn batch(first_sequence: u64, records: &[&str]) -> Batch {
    let mut batch = Batch::default();
    for (sequence, record) in (first_sequence..).zip(records) {
        batch.push(sequence, record).unwrap();
    }
    batch
}

fn checkpoint(sequence: u64, records: &[&str]) -> Batch {
    let mut replacing = Batch::default();
    replacing.begin_checkpoint();
    replacing.absorb(&mut batch(sequence, records));
    replacing
}

/// A directory with a log of two batches, and where the second begins.
fn two_batches() -> (tempfile::TempDir, usize) {
    let directory = tempfile::tempdir().unwrap();
    let (mut wal, _) = open(directory.path()).unwrap();
    wal.commit(&batch(0, &["a", "b"])).unwrap();
    let second = std::fs::read(directory.path().join(LOG)).unwrap().len();
    wal.commit(&batch(2, &["c", "d"])).unwrap();
    (directory, second)
}

#[test]
fn records_come_back_in_order_and_boots_are_counted() {
    let (directory, _) = two_batches();
    let (wal, recovery) = open(directory.path()).unwrap();
    assert_eq!(recovery.records, ["a", "b", "c", "d"]);
    assert_eq!((recovery.next_sequence, recovery.boot, recovery.torn_bytes), (4, 2, 0));
    drop(wal);
    assert_eq!(open(directory.path()).unwrap().1.boot, 3);
}

#[test]
fn records_that_were_put_off_return_to_their_place() {
    let directory = tempfile::tempdir().unwrap();
    let (mut wal, _) = open(directory.path()).unwrap();
    wal.commit(&batch(1, &["second"])).unwrap();
    wal.commit(&batch(0, &["first"])).unwrap();
    drop(wal);
    assert_eq!(records(directory.path()), ["first", "second"]);
}

#[test]
fn a_tail_torn_at_any_byte_is_cut_off_and_the_log_goes_on() {
    let (directory, second) = two_batches();
    let path = directory.path().join(LOG);
    let whole = std::fs::read(&path).unwrap();
    for cut in second..whole.len() {
        std::fs::write(&path, &whole[..cut]).unwrap();
        let (mut wal, recovery) = open(directory.path()).unwrap();
        assert_eq!(recovery.records, ["a", "b"], "cut at {cut}");
        assert_eq!(recovery.torn_bytes, (cut - second) as u64);
        wal.commit(&batch(2, &["e"])).unwrap();
        drop(wal);
        assert_eq!(records(directory.path()), ["a", "b", "e"], "cut at {cut}");
    }
}

#[test]
fn a_tail_whose_first_page_never_reached_the_disk_is_torn_too() {
    let (directory, second) = two_batches();
    let path = directory.path().join(LOG);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[second..second + 8].fill(0);
    bytes.extend([0; 100]);
    std::fs::write(&path, &bytes).unwrap();
    let (_, recovery) = open(directory.path()).unwrap();
    assert_eq!(recovery.records, ["a", "b"]);
    assert_eq!(recovery.torn_bytes, (bytes.len() - second) as u64);
}

#[test]
fn damage_before_a_whole_batch_is_an_error_at_every_bit() {
    let (directory, second) = two_batches();
    let path = directory.path().join(LOG);
    let whole = std::fs::read(&path).unwrap();
    for bit in 0..second * 8 {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        std::fs::write(&path, &bytes).unwrap();
        let expected = if bit / 8 < FILE_HEAD.len() { 0 } else { FILE_HEAD.len() as u64 };
        match open(directory.path()) {
            Err(WalError::Corrupt { path: named, offset, .. }) => {
                assert_eq!((named, offset), (path.clone(), expected), "bit {bit}");
            }
            other => panic!("bit {bit} went unnoticed: {:?}", other.map(|(_, recovery)| recovery)),
        }
    }
}

#[test]
fn records_of_another_shape_are_an_error_and_not_a_torn_tail() {
    let (directory, _) = two_batches();
    let error = Wal::open::<Vec<bool>>(directory.path(), None).map(|_| ()).unwrap_err();
    assert!(matches!(error, WalError::Corrupt { offset: 8, .. }), "{error}");
}

#[test]
fn a_second_process_is_refused_until_the_first_is_gone() {
    let directory = tempfile::tempdir().unwrap();
    let (first, _) = open(directory.path()).unwrap();
    let error = open(directory.path()).map(|_| ()).unwrap_err();
    assert!(matches!(error, WalError::InUse { .. }), "{error}");
    drop(first);
    assert!(open(directory.path()).is_ok());
}

/// A probe that fails one step of the next commit.
fn failing(at: DiskStep) -> DiskProbe {
    Arc::new(move |step| if step == at { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) })
}

#[test]
fn a_checkpoint_that_dies_on_its_way_leaves_the_old_log() {
    for step in [DiskStep::Write { records: 1 }, DiskStep::Sync, DiskStep::Rename] {
        let (directory, _) = two_batches();
        let (mut wal, _) = Wal::open::<String>(directory.path(), Some(failing(step))).unwrap();
        let error = wal.commit(&checkpoint(4, &["all"])).unwrap_err();
        assert!(matches!(error, WalError::Disk { .. }), "{error}");
        drop(wal);
        let leftover = directory.path().join("log.new").exists();
        assert_eq!(leftover, !matches!(step, DiskStep::Write { .. }), "{step:?}");
        assert_eq!(records(directory.path()), ["a", "b", "c", "d"], "{step:?}");
    }
}

#[test]
fn a_half_written_checkpoint_does_not_count() {
    let (directory, second) = two_batches();
    let whole = std::fs::read(directory.path().join(LOG)).unwrap();
    std::fs::write(directory.path().join("log.new"), &whole[..second]).unwrap();
    assert_eq!(records(directory.path()), ["a", "b", "c", "d"]);
}

#[test]
fn a_checkpoint_that_was_renamed_is_the_log_and_takes_more() {
    let (directory, _) = two_batches();
    let probe = failing(DiskStep::Durable);
    let (mut wal, _) = Wal::open::<String>(directory.path(), Some(probe)).unwrap();
    assert!(wal.commit(&checkpoint(4, &["all"])).is_err());
    drop(wal);
    let (mut wal, recovery) = open(directory.path()).unwrap();
    assert_eq!((recovery.records, recovery.next_sequence), (vec!["all".to_owned()], 5));
    wal.commit(&checkpoint(5, &["all 2"])).unwrap();
    wal.commit(&batch(6, &["e"])).unwrap();
    drop(wal);
    assert_eq!(records(directory.path()), ["all 2", "e"]);
}

#[test]
fn errors_name_the_file_and_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let (mut wal, _) =
        Wal::open::<String>(directory.path(), Some(failing(DiskStep::Sync))).unwrap();
    let text = wal.commit(&batch(0, &["a"])).unwrap_err().to_string();
    let path = directory.path().join(LOG);
    assert!(
        text.starts_with(&format!("cannot sync {}: no storage space", path.display())),
        "{text}"
    );
    assert!(text.ends_with("the node stops, since the disk cannot be trusted"), "{text}");
}
