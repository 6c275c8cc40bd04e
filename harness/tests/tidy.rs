//! The house rules that a machine can check: the arrows between the rooms, the size of files and
//! functions, a purpose at the head of every file, and no clock or random-state map in pure crates.

use proc_macro2::Span;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

const FILE_LINES_MAX: usize = 800;
const FUNCTION_LINES_MAX: usize = 70;
const COLUMNS_MAX: usize = 100;

/// The only arrows that are allowed.
const ARROWS: &[(&str, &[&str])] = &[
    ("checkers", &[]),
    ("reports", &["checkers"]),
    ("targets", &["checkers"]),
    ("nemesis", &["targets"]),
    ("workloads", &["checkers", "targets"]),
    ("harness", &["checkers", "reports", "targets", "nemesis", "workloads"]),
];

/// Crates, and folders of other crates, whose code sees neither clock nor random state.
const PURE: &[&str] = &[
    "checkers/src",
    "reports/src",
    "workloads/src",
    "nemesis/src/plan.rs",
    "targets/src/raft",
    "targets/src/links",
    "targets/src/sim",
    "targets/src/protocol.rs",
    "targets/src/seed.rs",
    "harness/src/runner/scheduler.rs",
    "harness/src/runner/script.rs",
    "harness/src/shrink/ddmin.rs",
];

/// What pure code must not say, and what to say instead.
const BANNED_IN_PURE: &[(&str, &str)] = &[
    ("Instant::now", "take the time as an argument"),
    ("SystemTime", "take the time as an argument"),
    ("std::collections::HashMap", "rustc_hash::FxHashMap or BTreeMap"),
    ("std::collections::HashSet", "rustc_hash::FxHashSet or BTreeSet"),
    ("RandomState", "a fixed hasher"),
    ("thread_rng", "a named stream of the seed"),
    ("std::fs::", "leave files to the caller"),
    ("std::net::", "leave sockets to the caller"),
];

/// The only files with `unsafe` in them: the system-call modules.
const UNSAFE_ALLOWED: &[&str] = &["/sys.rs", "/sys/"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a crate lies in the workspace").into()
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.filter_map(Result::ok) {
        let path = entry.path();
        if path.is_dir() && !path.ends_with("target") {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Every Rust file of the workspace, as (path below the root, text).
fn files() -> Vec<(String, String)> {
    let root = root();
    let mut paths = Vec::new();
    for (room, _) in ARROWS {
        sources(&root.join(room), &mut paths);
    }
    paths.sort();
    assert!(paths.len() > 20, "the sources were not found below {}", root.display());
    let name = |path: &Path| {
        path.strip_prefix(&root).expect("below the root").to_string_lossy().into_owned()
    };
    let text = |path: &Path| fs::read_to_string(path).expect("sources are UTF-8");
    paths.iter().map(|path| (name(path), text(path))).collect()
}

fn assert_none(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn rooms_depend_on_one_another_only_along_the_arrows() {
    let mut complaints = Vec::new();
    let rooms: Vec<&str> = ARROWS.iter().map(|(room, _)| *room).collect();
    for (room, allowed) in ARROWS {
        let text = fs::read_to_string(root().join(room).join("Cargo.toml")).unwrap();
        let manifest: toml::Table = text.parse().unwrap();
        for table in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let Some(table) = manifest.get(table).and_then(toml::Value::as_table) else { continue };
            for name in table.keys().filter(|name| rooms.contains(&name.as_str())) {
                if !allowed.contains(&name.as_str()) {
                    complaints.push(format!("{room} must not depend on {name}"));
                }
            }
            let pure = ["checkers", "reports", "workloads"].contains(room);
            if pure && table.contains_key("tokio") {
                complaints.push(format!("{room} is pure and must not see tokio"));
            }
        }
    }
    assert_none(&complaints);
}

#[test]
fn every_dependency_says_why_it_is_there() {
    let mut complaints = Vec::new();
    for (room, _) in ARROWS {
        let text = fs::read_to_string(root().join(room).join("Cargo.toml")).unwrap();
        let mut reasons: BTreeMap<&str, bool> = BTreeMap::new();
        let section = text.split("[dependencies]").nth(1).unwrap_or_default();
        let section = section.split("\n[").next().unwrap_or_default();
        let mut before = "";
        for line in section.lines() {
            if line.contains('=') && !line.starts_with('#') {
                let name = line.split(['=', '.']).next().unwrap_or_default().trim();
                reasons.insert(name, line.contains('#') || before.starts_with('#'));
            }
            before = line;
        }
        for (name, reason) in reasons {
            let own = ARROWS.iter().any(|(room, _)| *room == name);
            let plain = ["rand_core", "serde", "thiserror"].contains(&name);
            if !reason && !own && !plain {
                complaints.push(format!("{room}/Cargo.toml: {name} has no reason beside it"));
            }
        }
    }
    assert_none(&complaints);
}

#[test]
fn files_say_their_purpose_and_stay_small() {
    let mut complaints = Vec::new();
    for (name, text) in files() {
        if !text.starts_with("//!") {
            complaints.push(format!("{name}: does not open with its purpose (//!)"));
        }
        let lines = text.lines().count();
        if lines > FILE_LINES_MAX {
            complaints.push(format!("{name}: {lines} lines, more than {FILE_LINES_MAX}"));
        }
        // Drawings keep their shape, and rustfmt breaks no string.
        let mut drawing = false;
        for (number, line) in text.lines().enumerate() {
            drawing ^= line.contains("// ```") || line.contains("//! ```");
            let columns = line.chars().count();
            if columns > COLUMNS_MAX && !drawing && !line.contains('"') {
                complaints.push(format!("{name}:{}: {columns} columns", number + 1));
            }
        }
    }
    assert_none(&complaints);
}

/// Collects functions that are too long.
#[derive(Default)]
struct Long(Vec<(String, usize)>);

impl Long {
    fn note(&mut self, name: &syn::Ident, whole: Span) {
        let lines = whole.end().line - whole.start().line + 1;
        if lines > FUNCTION_LINES_MAX {
            self.0.push((name.to_string(), lines));
        }
    }
}

impl<'ast> Visit<'ast> for Long {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.note(&item.sig.ident, item.sig.span().join(item.block.span()).unwrap_or(item.span()));
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.note(&item.sig.ident, item.sig.span().join(item.block.span()).unwrap_or(item.span()));
        visit::visit_impl_item_fn(self, item);
    }
}

#[test]
fn functions_fit_on_a_screen() {
    let mut complaints = Vec::new();
    for (name, text) in files() {
        let file = syn::parse_file(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut long = Long::default();
        long.visit_file(&file);
        for (function, lines) in long.0 {
            complaints.push(format!("{name}: {function} has {lines} lines"));
        }
    }
    assert_none(&complaints);
}

/// The part of a file before its unit tests, without comments.
fn product_code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .take_while(|line| line.trim() != "#[cfg(test)]")
        .enumerate()
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .map(|(number, line)| (number + 1, line))
}

#[test]
fn pure_code_sees_no_clock_no_files_and_no_random_state() {
    let mut complaints = Vec::new();
    for (name, text) in files() {
        let pure = PURE.iter().any(|place| name.starts_with(place));
        if !pure || name.ends_with("tests.rs") {
            continue;
        }
        for (number, line) in product_code(&text) {
            for (banned, instead) in BANNED_IN_PURE {
                if line.contains(banned) {
                    complaints.push(format!("{name}:{number}: {banned}; {instead}"));
                }
            }
        }
    }
    assert_none(&complaints);
}

#[test]
fn unsafe_and_unwrap_keep_to_their_places() {
    let mut complaints = Vec::new();
    for (name, text) in files() {
        if !name.contains("/src/") {
            continue;
        }
        let system_calls = UNSAFE_ALLOWED.iter().any(|place| name.contains(place));
        for (number, line) in product_code(&text) {
            if !system_calls && line.contains("unsafe ") && !line.contains("\"unsafe ") {
                complaints.push(format!("{name}:{number}: unsafe outside a system-call module"));
            }
            let of_tests = name.ends_with("tests.rs") || name.contains("/tests/");
            if line.contains(".unwrap()") && !of_tests {
                complaints.push(format!("{name}:{number}: unwrap outside tests"));
            }
        }
    }
    assert_none(&complaints);
}

#[test]
fn the_rules_bite() {
    let long = format!("fn long() {{\n{}}}\n", "    let _ = 1;\n".repeat(80));
    let mut found = Long::default();
    found.visit_file(&syn::parse_file(&long).unwrap());
    assert_eq!(found.0.len(), 1);
    let commented = "// Instant::now\nlet x = Instant::now();\n#[cfg(test)]\nInstant::now()";
    let hits = product_code(commented).filter(|(_, line)| line.contains("Instant::now")).count();
    assert_eq!(hits, 1);
}
