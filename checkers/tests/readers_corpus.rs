//! Every recorded history beside the repository (or in the folder that `TRIBUNAL_CORPUS` names) is
//! recognised and read; `skipped` where they are not.

use checkers::history::History;
use checkers::history::import::{self, Format, ImportOptions};
use checkers::history::jsonl::Writer;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.expect("an entry of the folder").path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|ending| ending != "tsv") {
            found.push(path);
        }
    }
}

fn written(history: &History) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new());
    for (index, event) in history.events().iter().enumerate() {
        writer.event(index, event, &history.symbols).expect("a vector takes everything");
    }
    writer.into_inner()
}

#[test]
fn every_history_is_read_and_survives_our_own_format() {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus");
    let corpus = std::env::var_os("TRIBUNAL_CORPUS").map_or_else(beside, PathBuf::from);
    let mut found = Vec::new();
    for name in ["knossos", "elle-cli", "porcupine"] {
        files(&corpus.join(name), &mut found);
    }
    if found.is_empty() {
        println!("skipped: {} is not there", corpus.display());
        return;
    }
    found.sort();
    let mut read = BTreeMap::new();
    let mut lines = BTreeMap::new();
    for path in &found {
        let name = path.display().to_string();
        let bytes = std::fs::read(path).unwrap();
        let format = import::detect(&bytes).unwrap_or_else(|| panic!("{name}: which format?"));
        let options = ImportOptions::default();
        let reading = import::read(bytes.as_slice(), &name, format, options)
            .unwrap_or_else(|error| panic!("{error}"));
        for remark in &reading.remarks {
            println!("{name}: {remark}");
        }
        let again = import::read(
            written(&reading.history).as_slice(),
            &name,
            Format::Jsonl,
            ImportOptions::default(),
        )
        .unwrap_or_else(|error| panic!("written again: {error}"));
        assert_eq!(written(&again.history), written(&reading.history), "{name}");
        lines.insert(path.clone(), written(&reading.history));
        *read.entry(format!("{format:?}")).or_insert(0) += 1;
    }
    println!("{read:?}");
    let mut twins = 0;
    for (path, json) in lines.iter().filter(|(path, _)| path.extension().unwrap() == "json") {
        let Some(edn) = lines.get(&path.with_extension("edn")) else { continue };
        let (json, edn) = (String::from_utf8_lossy(json), String::from_utf8_lossy(edn));
        let differ = json.lines().zip(edn.lines()).find(|(json, edn)| json != edn);
        assert_eq!(differ, None, "{}", path.display());
        assert_eq!(json.len(), edn.len(), "{}", path.display());
        twins += 1;
    }
    assert!(twins >= 6, "{twins} files in both spellings");
    assert!(read.values().sum::<usize>() > 100, "{read:?}");
}
