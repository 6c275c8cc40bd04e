//! Whatever the bytes: no reader panics, hangs or fills the memory, and what it accepts is sound.
//!
//! The seeds are those of the fuzz targets, in `fuzz/corpus`. Here they are cut at every byte and
//! changed at random, on stable; `fuzz/` searches longer.

#[path = "support/survive.rs"]
mod survive;

use checkers::history::import::{self, Format, ImportOptions};
use std::path::Path;

const FORMATS: [(&str, Format); 4] = [
    ("jsonl", Format::Jsonl),
    ("edn", Format::Edn),
    ("json", Format::Json),
    ("jepsen_log", Format::JepsenLog),
];

const MUTATIONS: usize = 1_000;

/// Bytes that mean something in one of the formats.
const SIGNS: &[u8] = b"{}[]()\"\\:;#_,\n 0123789-+.eNMu/\0\xc3\xff";

/// The seeds with their formats, in order.
fn seeds() -> Vec<(String, Format, Vec<u8>)> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    let mut seeds = Vec::new();
    for (folder, format) in FORMATS {
        let entries = std::fs::read_dir(corpus.join(folder)).expect("the seeds of this format");
        let mut paths: Vec<_> = entries.map(|entry| entry.expect("a seed").path()).collect();
        paths.sort();
        for path in paths {
            let bytes = std::fs::read(&path).expect("a seed");
            seeds.push((path.display().to_string(), format, bytes));
        }
    }
    seeds
}

/// A portable source of numbers (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % limit as u64) as usize
    }
}

#[test]
fn every_seed_is_a_history_of_its_format() {
    for (name, format, bytes) in seeds() {
        assert_eq!(import::detect(&bytes), Some(format), "{name}");
        let reading = import::read(bytes.as_slice(), &name, format, ImportOptions::default());
        let reading = reading.unwrap_or_else(|error| panic!("{error}"));
        assert!(reading.history.len() > 1 && reading.torn.is_none(), "{name}");
    }
}

#[test]
fn a_seed_cut_at_any_byte_is_survived_by_every_reader() {
    for (_, _, bytes) in seeds() {
        for cut in 0..bytes.len() {
            import::detect(&bytes[..cut]);
            for (_, format) in FORMATS {
                survive::format(&bytes[..cut], format);
            }
        }
    }
}

#[test]
fn a_seed_changed_at_random_is_survived_by_every_reader() {
    let seeds = seeds();
    let mut random = Random(4);
    let mut accepted = 0;
    for (_, own, bytes) in &seeds {
        for _ in 0..MUTATIONS {
            let mut changed = bytes.clone();
            for _ in 0..1 + random.below(4) {
                change(&mut changed, &seeds, &mut random);
            }
            for (_, format) in FORMATS {
                let events = survive::format(&changed, format);
                accepted += usize::from(format == *own && events.is_some());
            }
        }
    }
    // Else all that was tried is how the readers refuse.
    assert!(accepted > MUTATIONS, "{accepted} changed histories were accepted");
}

/// One byte another, a piece gone, a piece twice, or a piece of any seed put in.
fn change(bytes: &mut Vec<u8>, seeds: &[(String, Format, Vec<u8>)], random: &mut Random) {
    if bytes.is_empty() {
        return;
    }
    let at = random.below(bytes.len());
    let end = at + random.below((bytes.len() - at).min(40)) + 1;
    match random.below(6) {
        0 => bytes[at] = random.below(256) as u8,
        1 => bytes[at] = SIGNS[random.below(SIGNS.len())],
        2 => drop(bytes.drain(at..end)),
        3 => {
            let piece = bytes[at..end].to_vec();
            bytes.splice(at..at, piece);
        }
        4 => {
            let other = &seeds[random.below(seeds.len())].2;
            let from = random.below(other.len());
            let to = from + random.below((other.len() - from).min(40)) + 1;
            bytes.splice(at..at, other[from..to].iter().copied());
        }
        _ => bytes.insert(at, SIGNS[random.below(SIGNS.len())]),
    }
}
