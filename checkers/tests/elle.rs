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
use checkers::history::{Event, EventType, History, Process, Value};
use checkers::transactions::collect::{Collector, Kind};
use checkers::transactions::finding::{Inferred, Reasons};
use checkers::transactions::lattice::{self, Anomalies, Anomaly, Model};
use checkers::transactions::report::{Analysis, Outcome};
use checkers::transactions::{Options, Sources, Table, analyse, append, register};
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
    kind: Option<Kind>,
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
            "list-append" => Some(Kind::ListAppend),
            "rw-register" => Some(Kind::RwRegister),
            _ => None,
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
    let txn = History::new().symbols.intern("txn");
    let mut collector = Collector::new(kind);
    for event in history["history"].as_array().expect("events") {
        let kind: EventType = serde_json::from_value(event["type"].clone()).expect("a type");
        let index = event["index"].as_u64().expect("an index") as usize;
        let process = event["process"].as_u64().map_or(Process::NEMESIS, |process| {
            Process::client(u32::try_from(process).expect("a small number"))
        });
        let row = Event {
            time_ns: 0,
            value: Value::Nil,
            process,
            f: txn,
            key: None,
            node: None,
            error: None,
            kind,
        };
        let value = event["value"].to_string();
        collector.event(index, &row, "txn", &value).map_err(|misfit| misfit.to_string())?;
    }
    collector.finish().map_err(|misfit| misfit.to_string())
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

#[test]
fn verdicts_are_those_that_elle_gave() {
    let Some(folder) = corpus("elle") else { return };
    let mut tables: BTreeMap<(String, bool), Result<Table, String>> = BTreeMap::new();
    let (mut judged, mut differ) = (0, 0);
    for file in ["verdicts.tsv", "rand-verdicts.tsv", "planted-verdicts.tsv"] {
        for row in rows(&folder, file) {
            let (Some(kind), Some(options)) = (row.kind, options(&row.opts)) else { continue };
            judged += 1;
            let table = tables
                .entry((row.id.clone(), kind == Kind::ListAppend))
                .or_insert_with(|| table(&folder, &row.id, kind));
            let line = match table {
                Ok(table) => {
                    let analysis = analysis(table, kind, &options);
                    let ours = in_elles_words(&analysis);
                    if ours == row.elle {
                        continue;
                    }
                    let names: Vec<_> = analysis.reported.iter().map(Anomaly::name).collect();
                    format!("{ours}\n  {names:?} {:?}", analysis.outcome)
                }
                Err(why) => why.clone(),
            };
            differ += 1;
            println!("{} {}\n  Elle {} {}\n  ours {line}", row.id, row.opts, row.elle, row.message);
        }
    }
    println!("{judged} verdicts, {differ} differ");
    assert!(judged > 8000 && differ == 0);
}
