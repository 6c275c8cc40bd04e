//! Transactions of a simulated store, strictly serializable by construction, and anomalies that
//! are planted among them.
//!
//! ```text
//!   client 3   invoke ---------- takes effect ------ ok        each step one client moves on
//!   client 7        invoke --- takes effect --- ok             effects happen one at a time
//!
//!   planted    A invoke .. B invoke .. A ok .. B ok            between the others' events
//! ```
//!
//! What is planted are transactions on keys of their own, at a place of the history that the seed
//! chooses; only real time connects them with the others. A plant says which name is expected, and
//! which others come with it whatever one does.

use checkers::budget::Budget;
use checkers::history::{Event, EventType, History, Process, Symbol, Value};
use checkers::transactions::collect::{Collector, Kind};
use checkers::transactions::lattice::{self, Anomalies, Anomaly, Model};
use checkers::transactions::{Options, Sources, Table, check_table};
use checkers::verdict::{Evidence, Judgement, Verdict};
use std::collections::BTreeMap;
use std::fmt::Write as _;

#[path = "random.rs"]
mod random;
use random::Random;

/// What a history is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) kind: Kind,
    pub(crate) transactions: usize,
    pub(crate) clients: u32,
    /// Keys in use at a time.
    pub(crate) keys: usize,
    /// After so many writes another key takes its place.
    pub(crate) writes_per_key: usize,
    /// A transaction has from one to so many micro-operations.
    pub(crate) length_max: usize,
    /// Of a thousand transactions, how many fail, and of how many the outcome stays unknown.
    pub(crate) fail_per_mille: usize,
    pub(crate) info_per_mille: usize,
}

/// An event with its value as JSON text.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    process: u32,
    kind: EventType,
    text: String,
}

/// A step of a transaction that is to be done: a read of a key, or a write of a new value.
#[derive(Clone, Copy)]
enum Step {
    Read(usize),
    Write(usize, usize),
}

enum Client {
    Idle,
    Invoked(Vec<Step>),
    Done(EventType, String),
}

struct Store {
    kind: Kind,
    /// By key, what was written to it; of a register, the last counts.
    values: Vec<Vec<usize>>,
    /// By key, how many writes of it were asked for: the next value.
    asked: Vec<usize>,
    /// The keys in use.
    active: Vec<usize>,
}

/// The events of a history of this shape.
pub(crate) fn simulate(shape: &Shape, seed: u64) -> Vec<Row> {
    let mut random = Random(seed);
    let mut store = Store {
        kind: shape.kind,
        values: vec![Vec::new(); shape.keys],
        asked: vec![0; shape.keys],
        active: (0..shape.keys).collect(),
    };
    let mut clients: Vec<(u32, Client)> = (0..shape.clients).map(|n| (n, Client::Idle)).collect();
    let mut rows = Vec::with_capacity(2 * shape.transactions);
    let mut begun = 0;
    while !clients.is_empty() {
        let at = random.below(clients.len());
        let process = clients[at].0;
        let state = std::mem::replace(&mut clients[at].1, Client::Idle);
        clients[at].1 = match state {
            Client::Idle if begun == shape.transactions => {
                clients.swap_remove(at);
                continue;
            }
            Client::Idle => {
                begun += 1;
                let steps = store.invent(shape, &mut random);
                let text = store.text(&steps, false);
                rows.push(Row { process, kind: EventType::Invoke, text });
                Client::Invoked(steps)
            }
            Client::Invoked(steps) => {
                let luck = random.below(1000);
                let outcome = match luck {
                    luck if luck < shape.fail_per_mille => EventType::Fail,
                    luck if luck < shape.fail_per_mille + shape.info_per_mille => EventType::Info,
                    _ => EventType::Ok,
                };
                let happens = match outcome {
                    EventType::Ok => true,
                    EventType::Fail => false,
                    _ => random.below(2) == 0,
                };
                let text = if happens { store.apply(&steps) } else { store.text(&steps, false) };
                let known = outcome == EventType::Ok;
                Client::Done(outcome, if known { text } else { store.text(&steps, false) })
            }
            Client::Done(kind, text) => {
                rows.push(Row { process, kind, text });
                // Who lost track goes on under another number.
                clients[at].0 += if kind == EventType::Info { shape.clients } else { 0 };
                Client::Idle
            }
        };
    }
    rows
}

impl Store {
    fn invent(&mut self, shape: &Shape, random: &mut Random) -> Vec<Step> {
        let length = 1 + random.below(shape.length_max);
        let mut steps = Vec::with_capacity(length);
        for _ in 0..length {
            let place = random.below(self.active.len());
            let key = self.active[place];
            if random.below(2) == 0 {
                steps.push(Step::Read(key));
                continue;
            }
            self.asked[key] += 1;
            steps.push(Step::Write(key, self.asked[key]));
            if self.asked[key] == shape.writes_per_key {
                self.active[place] = self.asked.len();
                self.asked.push(0);
                self.values.push(Vec::new());
            }
        }
        steps
    }

    /// Does all steps at once; gives the value of the completion.
    fn apply(&mut self, steps: &[Step]) -> String {
        let mut text = String::from("[");
        for step in steps {
            if let Step::Write(key, value) = *step {
                self.values[key].push(value);
            }
            self.step(&mut text, *step, true);
        }
        text.push(']');
        text
    }

    fn text(&self, steps: &[Step], answered: bool) -> String {
        let mut text = String::from("[");
        for step in steps {
            self.step(&mut text, *step, answered);
        }
        text.push(']');
        text
    }

    fn step(&self, text: &mut String, step: Step, answered: bool) {
        if text.len() > 1 {
            text.push(',');
        }
        let written = match (step, self.kind) {
            (Step::Write(key, value), Kind::ListAppend) => {
                write!(text, r#"["append",{key},{value}]"#)
            }
            (Step::Write(key, value), _) => write!(text, r#"["w",{key},{value}]"#),
            (Step::Read(key), Kind::ListAppend) if answered => {
                write!(text, r#"["r",{key},{:?}]"#, self.values[key]).map(|()| {
                    text.retain(|character| character != ' ');
                })
            }
            (Step::Read(key), Kind::RwRegister) if answered && !self.values[key].is_empty() => {
                write!(text, r#"["r",{key},{}]"#, self.values[key][self.values[key].len() - 1])
            }
            (Step::Read(key), _) => write!(text, r#"["r",{key},null]"#),
        };
        written.expect("a string takes everything");
    }
}

/// An anomaly, and the transactions that have it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plant {
    pub(crate) kind: Kind,
    pub(crate) anomaly: Anomaly,
    /// What comes with it.
    pub(crate) also: &'static [Anomaly],
    /// What is promised.
    pub(crate) model: Model,
    /// What is assumed of the keys of registers.
    pub(crate) assumes: Assumes,
    /// Capital letters invoke, small ones complete.
    schedule: &'static str,
    /// `A p: append x 1, r y [1]`, one transaction a line: its letter, its process, and `fail` if
    /// it fails.
    txns: &'static str,
}

/// What is assumed of the keys of registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Assumes {
    Nothing,
    WritesFollowReads,
    SequentialKeys,
}

/// The first key of planted transactions: no simulation gets so far.
const KEY_FIRST: usize = 1_000_000_000;

/// The first process of planted transactions.
const PROCESS_FIRST: u32 = 1_000_000_000;

impl Plant {
    /// What is asked of the checker.
    pub(crate) fn options(&self) -> Options {
        let sources = Sources {
            writes_follow_reads: self.assumes == Assumes::WritesFollowReads,
            sequential_keys: self.assumes == Assumes::SequentialKeys,
            ..Sources::default()
        };
        let models = [self.model].into_iter().collect();
        Options { models, sources, ..Options::default() }
    }

    /// Its events, in order.
    fn rows(&self) -> Vec<Row> {
        let txns: BTreeMap<char, (u32, bool, Vec<&str>)> = self
            .txns
            .lines()
            .map(|line| {
                let (who, steps) = line.split_once(": ").expect("who: what");
                let mut who = who.split_whitespace().map(|word| (word, word.as_bytes()[0]));
                let (_, letter) = who.next().expect("a letter");
                let (_, process) = who.next().expect("a process");
                let process = PROCESS_FIRST + u32::from(process);
                let steps = steps.split(", ").collect();
                (char::from(letter), (process, who.next().is_some(), steps))
            })
            .collect();
        let mut rows = Vec::new();
        for letter in self.schedule.chars() {
            let (process, fails, steps) = &txns[&letter.to_ascii_uppercase()];
            let kind = match (letter.is_ascii_uppercase(), fails) {
                (true, _) => EventType::Invoke,
                (false, true) => EventType::Fail,
                (false, false) => EventType::Ok,
            };
            let steps: Vec<String> = steps.iter().map(|step| json(step, kind)).collect();
            rows.push(Row { process: *process, kind, text: format!("[{}]", steps.join(",")) });
        }
        rows
    }
}

fn json(step: &str, kind: EventType) -> String {
    let mut words = step.splitn(3, ' ');
    let [f, key, value] = [(); 3].map(|()| words.next().expect("three words"));
    let key = KEY_FIRST + usize::from(key.as_bytes()[0]);
    let value = match (f, value) {
        ("r", _) if kind != EventType::Ok => "null".to_owned(),
        (_, "nil") => "null".to_owned(),
        (_, value) => value.replace(' ', ","),
    };
    format!(r#"["{f}",{key},{value}]"#)
}

/// The table of these events, with a plant among them whose events have gaps as the seed says.
pub(crate) fn table(kind: Kind, rows: &[Row], plant: Option<&Plant>, seed: u64) -> Table {
    let mut random = Random(seed);
    let mut collector = Collector::new(kind);
    let txn = History::new().symbols.intern("txn");
    let planted = plant.map(Plant::rows).unwrap_or_default();
    let mut planted = planted.iter().peekable();
    let mut next = random.below(rows.len());
    let mut index = 0;
    for (at, row) in rows.iter().enumerate() {
        while at == next
            && let Some(row) = planted.next()
        {
            take(&mut collector, txn, &mut index, row);
            next += random.below(3);
        }
        take(&mut collector, txn, &mut index, row);
    }
    for row in planted {
        take(&mut collector, txn, &mut index, row);
    }
    collector.finish().expect("what is simulated are transactions")
}

fn take(collector: &mut Collector, f: Symbol, index: &mut usize, row: &Row) {
    let event = Event {
        time_ns: *index as u64 * 1000,
        value: Value::Nil,
        process: Process::client(row.process),
        f,
        key: None,
        node: None,
        error: None,
        kind: row.kind,
    };
    let taken = collector.event(*index, &event, "txn", &row.text);
    taken.expect("what is simulated are transactions");
    *index += 1;
}

/// What the checker says of the plant: nothing if it is found and named right.
pub(crate) fn judge(table: &Table, plant: &Plant) -> Result<(), String> {
    let judged = check_table("", table, plant.kind, &plant.options(), &Budget::default());
    let types = types(&judged).ok_or_else(|| format!("{:?}", judged.verdict))?;
    let one = Anomalies::default().with(plant.anomaly);
    let mut allowed = one.union(plant.also.iter().copied().collect());
    allowed = lattice::implied(allowed);
    let right = types.has(plant.anomaly) && types.without(allowed).is_empty();
    let names = || types.iter().map(Anomaly::name).collect::<Vec<_>>().join(" ");
    if right { Ok(()) } else { Err(names()) }
}

/// The anomalies that a judgement reports; nothing if it accuses nobody.
pub(crate) fn types(judgement: &Judgement) -> Option<Anomalies> {
    let Verdict::Invalid { evidence } = &judgement.verdict else { return None };
    let Evidence::Anomalies(evidence) = &**evidence else { return None };
    let named = |name: &String| Anomaly::from_name(name).expect("a name of the lattice");
    Some(evidence.types.iter().map(named).collect())
}

const fn lists(
    anomaly: Anomaly,
    also: &'static [Anomaly],
    schedule: &'static str,
    txns: &'static str,
) -> Plant {
    let (model, assumes) = (Model::StrictSerializable, Assumes::Nothing);
    Plant { kind: Kind::ListAppend, anomaly, also, model, assumes, schedule, txns }
}

const fn registers(
    anomaly: Anomaly,
    also: &'static [Anomaly],
    schedule: &'static str,
    txns: &'static str,
) -> Plant {
    Plant { kind: Kind::RwRegister, ..lists(anomaly, also, schedule, txns) }
}

impl Plant {
    const fn under(self, model: Model) -> Self {
        Self { model, ..self }
    }

    const fn assuming(self, assumes: Assumes) -> Self {
        Self { assumes, ..self }
    }
}

use Anomaly::{
    CyclicVersions, DirtyUpdate, DuplicateElements, FracturedRead, FutureRead, G0, G0Process,
    G0Realtime, G1a, G1b, G1c, G1cProcess, G1cRealtime, G2Item, G2ItemProcess, G2ItemRealtime,
    GCursor, GMonotonic, GNonadjacentItem, GNonadjacentItemProcess, GNonadjacentItemRealtime, GSIb,
    GSingleItem, GSingleItemProcess, GSingleItemRealtime, GarbageRead, IncompatibleOrder, Internal,
    LongFork, LostUpdate, WriteSkew,
};

const SESSIONS: Model = Model::StrongSessionSerializable;

/// Each anomaly of lists.
pub(crate) const LISTS: &[Plant] = &[
    lists(Internal, &[], "AaRr", "A p: append x 1, r x []\nR q: r x [1]"),
    lists(G1a, &[], "AaBb", "A p fail: append x 1\nB q: r x [1]"),
    lists(
        G1b,
        &[GSingleItem, GSIb, FracturedRead],
        "ABabRr",
        "A p: append x 1, append x 2\nB q: r x [1]\nR r: r x [1 2]",
    ),
    lists(G1c, &[], "ABab", "A p: append x 1, r y [1]\nB q: append y 1, r x [1]"),
    lists(DirtyUpdate, &[G1a], "ABabRr", "A p fail: append x 1\nB q: append x 2\nR r: r x [1 2]"),
    lists(DuplicateElements, &[], "AaBb", "A p: append x 1\nB q: r x [1 1]"),
    lists(GarbageRead, &[], "ABba", "A p: r x [7]\nB q: append y 1"),
    lists(
        IncompatibleOrder,
        &[],
        "ABCDabcd",
        "A p: append x 1\nB q: append x 2\nC r: r x [1 2]\nD s: r x [2 1]",
    ),
    lists(
        LostUpdate,
        &[GSingleItem, GSIb, GCursor],
        "ABabRr",
        "A p: r x [], append x 1\nB q: r x [], append x 2\nR r: r x [1 2]",
    ),
    lists(FutureRead, &[], "AaRr", "A p: r x [1], append x 1\nR q: r x [1]"),
    lists(
        FracturedRead,
        &[GSingleItem, GSIb],
        "ABabRr",
        "A p: append x 1, append y 1\nB q: r x [], r y [1]\nR r: r x [1]",
    ),
    lists(
        G0,
        &[],
        "ABabRr",
        "A p: append x 1, append y 1\nB q: append x 2, append y 2\nR r: r x [1 2], r y [2 1]",
    ),
    lists(
        GSingleItem,
        &[GSIb],
        "ABCabcRr",
        "A p: append x 1\nB q: r x [1], append y 1\nC r: r x [], r y [1]\nR s: r x [1]",
    ),
    lists(
        GNonadjacentItem,
        &[LongFork],
        "ABCDabcdRr",
        "A p: append x 1\nB q: append y 1\nC r: r x [1], r y []\nD s: r y [1], r x []\n\
         R t: r x [1], r y [1]",
    ),
    lists(
        G2Item,
        &[WriteSkew],
        "ABabRr",
        "A p: r x [], append y 1\nB q: r y [], append x 1\nR r: r x [1], r y [1]",
    ),
    lists(G0Realtime, &[], "AaBbRr", "A p: append x 1\nB q: append x 2\nR r: r x [2 1]"),
    lists(G1cRealtime, &[], "AaBb", "A p: r x [1]\nB q: append x 1"),
    lists(GSingleItemRealtime, &[], "AaBbRr", "A p: append x 1\nB q: r x []\nR r: r x [1]"),
    lists(
        GNonadjacentItemRealtime,
        &[],
        "BCDdAabcRr",
        "A p: r x []\nB q: append x 1\nC r: r x [1], r y []\nD s: append y 1\nR t: r y [1]",
    ),
    lists(
        G2ItemRealtime,
        &[],
        "BCcAabRr",
        "A p: r x []\nB q: append x 1, r y []\nC r: append y 1\nR s: r x [1], r y [1]",
    ),
    lists(G0Process, &[], "AaBbRr", "A p: append x 1\nB p: append x 2\nR r: r x [2 1]")
        .under(SESSIONS),
    lists(G1cProcess, &[], "AaBb", "A p: r x [1]\nB p: append x 1").under(SESSIONS),
    lists(GSingleItemProcess, &[], "AaBbRr", "A p: append x 1\nB p: r x []\nR r: r x [1]")
        .under(SESSIONS),
    lists(
        GNonadjacentItemProcess,
        &[],
        "BCDdAabcRr",
        "A p: r x []\nB q: append x 1\nC r: r x [1], r y []\nD p: append y 1\nR t: r y [1]",
    )
    .under(SESSIONS),
    lists(
        G2ItemProcess,
        &[],
        "BCcAabRr",
        "A p: r x []\nB q: append x 1, r y []\nC p: append y 1\nR s: r x [1], r y [1]",
    )
    .under(SESSIONS),
];

/// Each anomaly of registers. Without assumptions on keys only the initial state has a known place
/// among the versions, so most of these read it.
pub(crate) const REGISTERS: &[Plant] = &[
    registers(Internal, &[], "Aa", "A p: w x 1, r x nil"),
    registers(G1a, &[], "AaBb", "A p fail: w x 1\nB q: r x 1"),
    registers(G1b, &[GSingleItem], "ABab", "A p: w x 1, w x 2\nB q: r x 1"),
    registers(G1c, &[], "ABab", "A p: w x 1, r y 1\nB q: w y 1, r x 1"),
    registers(GarbageRead, &[], "ABba", "A p: r x 7\nB q: w y 1"),
    registers(
        LostUpdate,
        &[WriteSkew, GCursor],
        "ABab",
        "A p: r x nil, w x 1\nB q: r x nil, w x 2",
    ),
    registers(FutureRead, &[], "Aa", "A p: r x 1, w x 1"),
    registers(
        FracturedRead,
        &[GSingleItem, GSIb],
        "ABab",
        "A p: w x 1, w y 1\nB q: r x nil, r y 1",
    ),
    registers(CyclicVersions, &[G1c], "ABab", "A p: r x 1, w x 2\nB q: r x 2, w x 1")
        .assuming(Assumes::WritesFollowReads),
    registers(
        G0,
        &[GSingleItem, GSIb, FracturedRead, GMonotonic],
        "ABabCcDdEeFf",
        "A p: w x 1, w y 1\nB q: w x 2, w y 2\nC r: r x 1\nD r: r x 2\nE s: r y 2\nF s: r y 1",
    )
    .under(Model::Serializable)
    .assuming(Assumes::SequentialKeys),
    registers(GSingleItem, &[GSIb], "ABCabc", "A p: w x 1\nB q: r x 1, w y 1\nC r: r x nil, r y 1"),
    registers(
        GNonadjacentItem,
        &[LongFork],
        "ABCDabcd",
        "A p: w x 1\nB q: w y 1\nC r: r x 1, r y nil\nD s: r y 1, r x nil",
    ),
    registers(G2Item, &[WriteSkew], "ABab", "A p: r x nil, w y 1\nB q: r y nil, w x 1"),
    registers(G1cRealtime, &[], "AaBb", "A p: r x 1\nB q: w x 1"),
    registers(GSingleItemRealtime, &[], "AaBb", "A p: w x 1\nB q: r x nil"),
    registers(
        GNonadjacentItemRealtime,
        &[],
        "BCDdAabc",
        "A p: r x nil\nB q: w x 1\nC r: r x 1, r y nil\nD s: w y 1",
    ),
    registers(G2ItemRealtime, &[], "BCcAab", "A p: r x nil\nB q: w x 1, r y nil\nC r: w y 1"),
    registers(G1cProcess, &[], "AaBb", "A p: r x 1\nB p: w x 1").under(SESSIONS),
    registers(GSingleItemProcess, &[], "AaBb", "A p: w x 1\nB p: r x nil").under(SESSIONS),
    registers(
        GNonadjacentItemProcess,
        &[],
        "BCDdAabc",
        "A p: r x nil\nB q: w x 1\nC r: r x 1, r y nil\nD p: w y 1",
    )
    .under(SESSIONS),
    registers(G2ItemProcess, &[], "BCcAab", "A p: r x nil\nB q: w x 1, r y nil\nC p: w y 1")
        .under(SESSIONS),
];
