//! Ten thousand verdicts that Elle gave, against ours: from beside the repository or from the
//! folder that `TRIBUNAL_CORPUS` names; `skipped` where they are not.
//!
//! ```text
//!   history + options --> Elle: valid?, anomaly types, weakest models broken
//!                    \--> ours: the same, or the difference stands below with its reason
//! ```
//!
//! Anomalies that Elle never reports (garbage reads, and kinds of cycles by their own name) are
//! left out where the types are compared.

use checkers::budget::Budget;
use checkers::history::import::{self, ImportOptions};
use checkers::history::{Event, EventType, History, Process, Value};
use checkers::transactions::collect::{Collector, Kind};
use checkers::transactions::finding::{Inferred, Reasons};
use checkers::transactions::lattice::{self, Anomalies, Anomaly, Model};
use checkers::transactions::report::{Analysis, Outcome};
use checkers::transactions::{
    Options, Table, analyse, append, check, check_table, predicate, register,
};
use checkers::verdict::{Evidence, Verdict};
use rayon::prelude::*;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What Elle never reports.
const OURS: [Anomaly; 9] = [
    Anomaly::GarbageRead,
    Anomaly::FracturedRead,
    Anomaly::LongFork,
    Anomaly::WriteSkew,
    Anomaly::GCursor,
    Anomaly::GMonotonic,
    Anomaly::GSIa,
    Anomaly::GSIb,
    Anomaly::GSI,
];

fn corpus(name: &str) -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus");
    let folder = std::env::var_os("TRIBUNAL_CORPUS").map_or_else(beside, PathBuf::from).join(name);
    if !folder.exists() {
        println!("skipped: {} is not there", folder.display());
        return None;
    }
    Some(folder)
}

/// A verdict: Elle's, or ours in Elle's words.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Answer {
    /// `true`, `false`, `unknown`, or `exception` where Elle threw.
    valid: String,
    types: BTreeSet<String>,
    not: BTreeSet<String>,
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {:?} not {:?}", self.valid, self.types, self.not)
    }
}

/// A line of a file of verdicts.
struct Row {
    id: String,
    kind: Kind,
    opts: String,
    elle: Answer,
    message: String,
}

fn rows(folder: &Path, file: &str) -> Vec<Row> {
    let text = std::fs::read_to_string(folder.join(file)).expect("the verdicts");
    let set =
        |cell: &str| cell.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
    let row = |line: &str| {
        let mut cells = line.split('\t');
        let mut cell = || cells.next().unwrap_or_default();
        let (id, workload, _test, opts) = (cell(), cell(), cell(), cell());
        let elle = Answer { valid: cell().to_owned(), types: set(cell()), not: set(cell()) };
        let kind = match workload {
            "list-append" => Kind::ListAppend,
            "rw-register" => Kind::RwRegister,
            "closed-predicate" => Kind::ClosedPredicate,
            other => panic!("the workload {other} is not known"),
        };
        let _also_not = cell();
        let message = cell().to_owned();
        Row { id: id.to_owned(), kind, opts: opts.to_owned(), elle, message }
    };
    text.lines().skip(1).map(row).collect()
}

/// The transactions of a history; or why they are none.
fn table(folder: &Path, id: &str, kind: Kind) -> Result<Table, String> {
    let path = folder.join("histories").join(format!("{id}.json"));
    let text = std::fs::read_to_string(&path).expect("a history of the corpus");
    let history: Json = serde_json::from_str(&text).expect("a history is JSON");
    let mut collector = Collector::new(kind);
    // A unit test has one process do five things at once: what cannot be told apart is no pair.
    let mut open = BTreeSet::new();
    for line in history["history"].as_array().expect("events") {
        let kind: EventType = serde_json::from_value(line["type"].clone()).expect("a type");
        let index = line["index"].as_u64().expect("an index") as usize;
        let process = line["process"].as_u64().map_or(Process::NEMESIS, |process| {
            Process::client(u32::try_from(process).expect("a small number"))
        });
        let pairs = match kind {
            EventType::Invoke => open.insert(process),
            _ => {
                open.remove(&process);
                true
            }
        };
        if !pairs {
            continue;
        }
        let value = with_every_result(&line["value"]).to_string();
        collector
            .event(index, &event(kind, process), "txn", &value)
            .map_err(|misfit| misfit.to_string())?;
    }
    collector.finish().map_err(|misfit| misfit.to_string())
}

/// An event of a transaction.
fn event(kind: EventType, process: Process) -> Event {
    Event {
        time_ns: 0,
        value: Value::Nil,
        process,
        f: History::new().symbols.intern("txn"),
        key: None,
        node: None,
        error: None,
        kind,
    }
}

/// The unit tests leave the result of a read away where it is nil (`[:r :x]`), which the product
/// refuses in a transaction that is `ok`.
fn with_every_result(value: &Json) -> Json {
    let Some(mops) = value.as_array() else { return value.clone() };
    let whole = |mop: &Json| match mop.as_array() {
        Some(mop) if mop.len() == 2 && mop[0] == "r" => {
            Json::from([&mop[..], &[Json::Null]].concat())
        }
        _ => mop.clone(),
    };
    mops.iter().map(whole).collect()
}

/// Elle's options in ours; nothing for one that ours has not.
fn options(text: &str) -> Option<Options> {
    let given: Json = serde_json::from_str(text).expect("options are JSON");
    let mut options = Options::default();
    let names = |list: &Json| -> Vec<String> {
        let list = list.as_array().expect("a list");
        list.iter().map(|name| name.as_str().expect("a name").to_owned()).collect()
    };
    for (name, value) in given.as_object().expect("an object") {
        let flag = || value.as_bool().expect("a flag");
        match name.as_str() {
            "consistency-models" if value.is_null() => options.models = Default::default(),
            "consistency-models" => {
                let model = |name: &String| Model::from_name(name).expect("a model");
                options.models = names(value).iter().map(model).collect();
            }
            "anomalies" => {
                let anomaly = |name: &String| Anomaly::from_name(name).expect("an anomaly");
                options.anomalies = names(value).iter().map(anomaly).collect();
            }
            "wfr-keys?" => options.sources.writes_follow_reads = flag(),
            "sequential-keys?" => options.sources.sequential_keys = flag(),
            "linearizable-keys?" => options.sources.linearizable_keys = flag(),
            "transaction-order" => return None,
            other => panic!("the option {other} is not known"),
        }
    }
    Some(options)
}

fn analysis(table: &Table, kind: Kind, options: &Options) -> Analysis {
    let budget = Budget::default();
    let judge = |inferred: Inferred, reasons: &dyn Reasons| {
        analyse(table, inferred, reasons, options, &budget)
    };
    match kind {
        Kind::ListAppend => {
            let (inferred, reasons) = append::infer(table);
            judge(inferred, &reasons)
        }
        Kind::RwRegister => {
            let (inferred, reasons) = register::infer(table, options.sources);
            judge(inferred, &reasons)
        }
        Kind::ClosedPredicate => {
            let (inferred, reasons) = predicate::infer(table);
            judge(inferred, &reasons)
        }
    }
}

/// Our verdict in Elle's words, without what Elle never reports.
fn in_elles_words(analysis: &Analysis) -> Answer {
    let ours: Anomalies = OURS.into_iter().collect();
    let valid = match &analysis.outcome {
        Outcome::Proved(_) | Outcome::NothingFound(_) => "true",
        Outcome::Unknown(_) => "unknown",
        Outcome::Broken => "false",
    };
    let mut answer =
        Answer { valid: valid.to_owned(), types: Default::default(), not: Default::default() };
    if valid != "true" {
        let types = analysis.reported.without(ours);
        answer.types = types.iter().map(|anomaly| anomaly.name().to_owned()).collect();
        if analysis.empty {
            answer.types.insert("empty-transaction-graph".to_owned());
        }
        let boundary = lattice::boundary(analysis.anomalies.without(ours));
        answer.not = boundary.not.iter().map(|model| model.name().to_owned()).collect();
    }
    answer
}

/// A reason why a verdict is not Elle's; `docs/elle-differences.md` argues each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Why {
    /// A read of what nobody wrote: Elle passes over it, or stops.
    Garbage,
    /// A fractured read or a lost update of a cursor, which Elle never reports.
    Kind,
    /// A cycle that Elle's search does not come to, or that it gives another name.
    Search,
    /// A predicate read that does not see what its own transaction wrote.
    OwnWrite,
    /// A transaction's appends that were seen in another order than it made them.
    ProgramOrder,
    /// Elle stopped for a reason that does not concern ours.
    Stopped,
}

/// Every history with a difference, and why it may differ.
const DIFFERENCES: [(Why, &str); 6] = [
    (
        Why::Garbage,
        "cp-003 la-026 la-030 la-037 la-054 la-057 la-075 la-083 la-095 la-098 la-099 la-117 la-119 \
         rw-004 rw-005 rw-008 rw-013 rw-019 rw-031 rw-032 rw-039 rw-046 rw-063 rw-087 rw-093 \
         rw-102 rw-103 rw-104 rw-106 rw-126",
    ),
    (Why::Kind, "la-105 rw-086 planted-la-017 planted-rw-032 rand-la-125 rand-la-208 rand-la-353"),
    (Why::Search, "la-036 la-067 la-084 la-091 rand-rw-202"),
    (Why::OwnWrite, "cp-001 cp-042"),
    (Why::ProgramOrder, "la-016"),
    (Why::Stopped, "rw-086"),
];

impl Why {
    /// Whether this reason explains how the two differ.
    fn explains(self, elle: &Answer, ours: &Answer, reported: Anomalies) -> bool {
        let anomalies = |answer: &Answer| -> Anomalies {
            answer.types.iter().filter_map(|name| Anomaly::from_name(name)).collect()
        };
        let (his, mine) = (anomalies(elle), anomalies(ours));
        let names = |anomaly: &Anomaly| !anomaly.says_cycle_exists();
        match self {
            Self::Garbage => {
                let named: Anomalies = his.iter().filter(names).collect();
                reported.has(Anomaly::GarbageRead)
                    && named.without(mine).is_empty()
                    && (elle.valid != "false" || named == mine)
            }
            Self::Kind => elle.valid == "true" && ours.valid == "false" && ours.types.is_empty(),
            Self::Search => {
                let broken = |anomalies| lattice::impossible(anomalies).iter().collect::<Vec<_>>();
                let implied = lattice::implied(mine);
                let same = (&elle.valid, &elle.not) == (&ours.valid, &ours.not);
                let explained = his.iter().filter(names).all(|anomaly| implied.has(anomaly));
                same && explained && broken(his.union(mine)) == broken(mine)
            }
            Self::OwnWrite => {
                let named: Anomalies = his.iter().filter(names).collect();
                reported.has(Anomaly::Internal) && named.without(mine).is_empty()
            }
            Self::ProgramOrder => {
                reported.has(Anomaly::IncompatibleOrder) && his.without(mine).is_empty()
            }
            Self::Stopped => elle.valid == "exception" && ours.valid != "true",
        }
    }
}

/// How one verdict compares: nothing if it agrees, the reason why it differs, or both verdicts.
fn compare(row: &Row, table: &Table) -> Option<Result<(Why, String), String>> {
    let options = options(&row.opts)?;
    let analysis = analysis(table, row.kind, &options);
    let ours = in_elles_words(&analysis);
    // The door may ask others first, who say more of some models; never otherwise.
    let door = check_table(&row.id, table, row.kind, &options, &Budget::default());
    let invalid = door.verdict.word() == "invalid";
    assert_eq!(invalid, ours.valid == "false", "{} {}: {door:?}", row.id, row.opts);
    let duplicates = row.message == ":duplicate-appends" && ours.valid == "unknown";
    if ours == row.elle || duplicates {
        return None;
    }
    let why = DIFFERENCES.iter().find(|(why, ids)| {
        ids.split(' ').any(|id| id == row.id) && why.explains(&row.elle, &ours, analysis.reported)
    });
    Some(why.map(|(why, _)| (*why, row.id.clone())).ok_or_else(|| {
        let names: Vec<_> = analysis.reported.iter().map(Anomaly::name).collect();
        let outcome = &analysis.outcome;
        let Row { id, opts, elle, message, .. } = row;
        format!("{id} {opts}\n  Elle {elle} {message}\n  ours {ours}\n  {names:?} {outcome:?}")
    }))
}

#[test]
fn verdicts_are_those_that_elle_gave_or_differ_for_a_reason() {
    let Some(folder) = corpus("elle") else { return };
    let files = ["verdicts.tsv", "rand-verdicts.tsv", "planted-verdicts.tsv"];
    let rows: Vec<Row> = files.iter().flat_map(|file| rows(&folder, file)).collect();
    let mut tables: BTreeMap<&str, Table> = BTreeMap::new();
    for row in &rows {
        let read = || table(&folder, &row.id, row.kind);
        tables
            .entry(&row.id)
            .or_insert_with(|| read().unwrap_or_else(|why| panic!("{}: {why}", row.id)));
    }
    let compared: Vec<_> =
        rows.par_iter().filter_map(|row| compare(row, &tables[row.id.as_str()])).collect();
    let unexplained: Vec<_> = compared.iter().filter_map(|one| one.as_ref().err()).collect();
    unexplained.iter().for_each(|both| println!("{both}"));
    assert!(unexplained.is_empty(), "{} of {} differ", unexplained.len(), rows.len());
    let explained: BTreeSet<_> = compared.into_iter().flatten().collect();
    for (why, ids) in DIFFERENCES {
        for id in ids.split(' ') {
            assert!(explained.contains(&(why, id.to_owned())), "{id} does not differ: {why:?}");
        }
    }
    assert!(rows.len() > 8000, "{} verdicts", rows.len());
}

/// The histories of the page that argues the differences are judged as it says.
#[test]
fn the_histories_of_the_page_about_differences_are_judged_as_it_says() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/elle-differences.md");
    let page = std::fs::read_to_string(page).expect("the page");
    let mut judged = 0;
    for block in page.split("```text\n").skip(1) {
        let block = block.split("```").next().expect("a split has a first part");
        let (head, events) = block.split_once('\n').expect("a head and events");
        let (asked, expected) = head.split_once(": invalid, ").expect("what is expected");
        let (kind, model) = asked.split_once(' ').expect("a kind and a model");
        let kind = match kind {
            "list-append" => Kind::ListAppend,
            "rw-register" => Kind::RwRegister,
            "closed-predicate" => Kind::ClosedPredicate,
            _ => panic!("{head}"),
        };
        let mut collector = Collector::new(kind);
        for (index, line) in events.lines().enumerate() {
            let [word, process, value] = *line.splitn(3, ' ').collect::<Vec<_>>() else {
                panic!("{line}");
            };
            let word = serde_json::from_value(word.into()).expect("a type");
            let process = Process::client(process.parse().expect("a number"));
            collector.event(index, &event(word, process), "txn", value).expect("a transaction");
        }
        let table = collector.finish().expect("transactions");
        let model = Model::from_name(model).expect("a model");
        let options = Options { models: [model].into_iter().collect(), ..Options::default() };
        let analysis = analysis(&table, kind, &options);
        let labels = [Anomaly::GMonotonic, Anomaly::LongFork, Anomaly::GSIb, Anomaly::WriteSkew];
        let shown = analysis.reported.without(labels.into_iter().collect());
        let shown: Vec<_> = shown.iter().map(Anomaly::name).collect();
        assert_eq!((&analysis.outcome, shown.join(" ").as_str()), (&Outcome::Broken, expected));
        judged += 1;
    }
    assert!(judged >= 7, "{judged} histories");
}

/// Files as elle-cli's users have them, through the product's readers. Its two register files hold
/// a read of a value that nobody wrote, which Elle passes over.
#[test]
fn elle_cli_files_of_transactions_are_judged_as_elle_cli_judges_them() {
    let Some(folder) = corpus("elle-cli") else { return };
    let text = std::fs::read_to_string(folder.join("verdicts.tsv")).expect("the verdicts");
    let mut judged = 0;
    for line in text.lines().skip(1) {
        let mut cells = line.split('\t');
        let mut cell = || cells.next().unwrap_or_default();
        let (path, model, elle) = (cell(), cell(), cell());
        let mut words = model.split(' ');
        let kind = match words.next() {
            Some("list-append") => Kind::ListAppend,
            Some("rw-register") => Kind::RwRegister,
            _ => continue,
        };
        let mut options = Options::default();
        if words.next() == Some("--consistency-models") {
            let model = words.next().and_then(Model::from_name).expect("a model");
            options.models = [model].into_iter().collect();
        }
        let judgement = check(path, &read(&folder.join(path)), kind, &options, &Budget::default());
        let garbage = kind == Kind::RwRegister;
        assert_eq!(judgement.verdict.word(), if garbage { "invalid" } else { elle }, "{path}");
        let Verdict::Invalid { evidence } = &judgement.verdict else { continue };
        let Evidence::Anomalies(evidence) = &**evidence else { panic!("{path}: {evidence:?}") };
        println!("{path}: {:?} {}", evidence.types, evidence.sentence);
        assert!(!garbage || evidence.types == ["garbage-read"], "{path}: {:?}", evidence.types);
        judged += 1;
    }
    assert!(judged >= 5, "{judged} histories");
}

fn read(path: &Path) -> History {
    let bytes = std::fs::read(path).expect("a file of the corpus");
    let format = import::detect(&bytes[..bytes.len().min(4096)]).expect("a known format");
    let options = ImportOptions::default();
    match import::read(&*bytes, &path.display().to_string(), format, options) {
        Ok(reading) => reading.history,
        Err(error) => panic!("{error}"),
    }
}
