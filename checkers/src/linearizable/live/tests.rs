//! Live against the batch checker: it agrees in the end, accuses with the first event that makes
//! the history illegal, and forgets.

use super::super::{Object, check, check_model};
use super::model::Register;
use super::{Ending, Live, Violation};
use crate::budget::Budget;
use crate::history::{Event, EventType, History, Process, Symbol, Value};
use crate::linearizable::semantics::{FailedCas, NilRead, Open, Semantics};
use crate::verdict::Verdict;
use proptest::prelude::*;

const BYTES_MAX: u64 = 64 << 20;

#[derive(Clone, Copy, Debug)]
struct Shape {
    operations: usize,
    clients: usize,
    /// Zero: each value is written once, and once more much later.
    values: u64,
    cas: bool,
    /// One operation in so many ends as `info`, or fails.
    lost_one_in: u64,
    /// The operation that writes a value that was just written: the values become ambiguous.
    twice_at: usize,
    /// From this operation on, one read in so many answers what was there before, and one failed
    /// cas in so many claims to have happened.
    wrong_from: usize,
    wrong_one_in: u64,
    /// Whether the last operations stay open.
    cut_off: bool,
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }
}

#[derive(Clone, Copy)]
enum Op {
    Read,
    Write(i32),
    Cas(i32, i32),
}

#[derive(Clone, Copy)]
enum Client {
    Idle,
    Open(Op),
    Done(Op, Value, EventType),
}

struct World {
    history: History,
    functions: [Symbol; 3],
    random: Random,
    held: Vec<Option<i32>>,
    lost: Vec<Op>,
    begun: usize,
    processes: u32,
}

impl World {
    fn record(&mut self, process: u32, kind: EventType, op: Op, value: Value) {
        let f = self.functions[match op {
            Op::Read => 0,
            Op::Write(_) => 1,
            Op::Cas(..) => 2,
        }];
        let process = Process::client(process);
        let time_ns = self.history.len() as u64;
        let (key, node, error) = (None, None, None);
        self.history.push(Event { time_ns, value, process, f, key, node, error, kind });
    }

    fn invent(&mut self, shape: &Shape) -> Op {
        let now = self.held.last().copied().flatten().unwrap_or(0);
        let reuse = self.begun > 60 && self.random.below(8) == 0;
        let to = match shape.values {
            0 if reuse => self.begun as i32 - 60,
            0 => self.begun as i32,
            values => self.random.below(values) as i32,
        };
        if self.begun == shape.twice_at {
            return Op::Write(now);
        }
        match self.random.below(if shape.cas { 3 } else { 2 }) {
            0 => Op::Read,
            1 => Op::Write(to),
            _ => Op::Cas(now, to),
        }
    }

    fn apply(&mut self, op: Op) -> (Value, EventType) {
        let now = self.held.last().copied().flatten();
        match op {
            Op::Read => (now.map_or(Value::Nil, |v| Value::Int(v.into())), EventType::Ok),
            Op::Cas(from, _) if now != Some(from) => (argument(op), EventType::Fail),
            Op::Write(to) | Op::Cas(_, to) => {
                self.held.push(Some(to));
                (argument(op), EventType::Ok)
            }
        }
    }

    fn step(&mut self, shape: &Shape, client: &mut (u32, Client)) {
        if !self.lost.is_empty() && self.random.below(20) == 0 {
            let at = self.random.below(self.lost.len() as u64) as usize;
            let op = self.lost.swap_remove(at);
            self.apply(op);
        }
        match client.1 {
            Client::Idle if self.begun < shape.operations => {
                self.begun += 1;
                let op = self.invent(shape);
                client.1 = Client::Open(op);
                self.record(client.0, EventType::Invoke, op, argument(op));
            }
            Client::Idle => {}
            Client::Open(op) if self.random.below(shape.lost_one_in) == 0 => {
                let kind =
                    if self.random.below(3) == 0 { EventType::Fail } else { EventType::Info };
                self.record(client.0, kind, op, Value::Nil);
                *client = (client.0, Client::Idle);
                if kind == EventType::Info {
                    self.lost.push(op);
                    client.0 = self.processes;
                    self.processes += 1;
                }
            }
            Client::Open(op) => {
                let (mut value, mut kind) = self.apply(op);
                if self.begun >= shape.wrong_from && self.random.below(shape.wrong_one_in) == 0 {
                    let back = 1 + self.random.below(6) as usize;
                    let old = self.held[self.held.len().saturating_sub(back)];
                    match op {
                        Op::Read => value = old.map_or(Value::Nil, |v| Value::Int(v.into())),
                        Op::Write(_) => {}
                        Op::Cas(..) => kind = EventType::Ok,
                    }
                }
                client.1 = Client::Done(op, value, kind);
            }
            Client::Done(op, value, kind) => {
                client.1 = Client::Idle;
                self.record(client.0, kind, op, value);
            }
        }
    }
}

fn argument(op: Op) -> Value {
    match op {
        Op::Read => Value::Nil,
        Op::Write(to) => Value::Int(to.into()),
        Op::Cas(from, to) => Value::Pair(from, to),
    }
}

fn simulate(shape: &Shape, seed: u64) -> History {
    let mut history = History::new();
    let functions = ["read", "write", "cas"].map(|f| history.symbols.intern(f));
    let mut world = World {
        history,
        functions,
        random: Random(seed),
        held: vec![None],
        lost: Vec::new(),
        begun: 0,
        processes: shape.clients as u32,
    };
    let mut clients: Vec<_> = (0..shape.clients as u32).map(|n| (n, Client::Idle)).collect();
    loop {
        let at = world.random.below(clients.len() as u64) as usize;
        world.step(shape, &mut clients[at]);
        let idle = clients.iter().all(|(_, client)| matches!(client, Client::Idle));
        if world.begun == shape.operations && (idle || shape.cut_off) {
            return world.history;
        }
    }
}

/// What a stream says of a history.
fn stream(history: &History, mut live: Live) -> (Option<Violation>, Ending) {
    let mut found = None;
    for (index, event) in history.events().iter().enumerate() {
        let violation = live.event(index, event, &history.symbols);
        assert!(violation.is_none() || found.is_none(), "a violation is given once");
        found = found.or(violation);
    }
    (found, live.finish())
}

fn prefix(history: &History, events: usize) -> History {
    let mut prefix = History::new();
    prefix.symbols = history.symbols.clone();
    for event in &history.events()[..events] {
        prefix.push(*event);
    }
    prefix
}

fn is_valid(history: &History, semantics: &Semantics) -> bool {
    // A history without a judgeable operation is none for the batch checker.
    let invoked = history.events().iter().any(|event| event.kind == EventType::Invoke);
    let budget = Budget::default();
    match check("", history, Object::CasRegister, semantics, &budget).verdict {
        Verdict::Valid => true,
        Verdict::Invalid { .. } => false,
        Verdict::Unknown { why } => {
            assert!(!invoked, "{why}");
            true
        }
    }
}

fn shape() -> impl Strategy<Value = Shape> {
    let values = prop_oneof![6 => Just(0), 1 => Just(4_u64), 1 => Just(12), 1 => Just(30)];
    let faults = (prop_oneof![Just(8_u64), Just(1_000)], 3..30_u64, any::<bool>());
    let places = (0..180_usize, 0..90_usize);
    ((10..90_usize, 1..6_usize, values, any::<bool>()), faults, places).prop_map(
        |((operations, clients, values, cas), (lost_one_in, wrong_one_in, cut_off), places)| {
            Shape {
                operations: if values == 0 { operations } else { operations.min(40) },
                clients,
                values,
                cas,
                lost_one_in,
                twice_at: places.0,
                wrong_from: places.1,
                wrong_one_in,
                cut_off,
            }
        },
    )
}

fn semantics() -> impl Strategy<Value = Semantics> {
    (any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(found, missed, never)| Semantics {
        nil_read: if found { NilRead::Found } else { NilRead::Unconstrained },
        failed_cas: if missed { FailedCas::FoundAnother } else { FailedCas::DidNotHappen },
        open: if never { Open::NeverHappened } else { Open::MayHaveHappened },
        ..Semantics::STRICT
    })
}

/// Both engines say what the batch checker says, and never earlier than it is true.
fn agrees(history: &History, semantics: &Semantics, live: Live) -> Option<usize> {
    let (found, ending) = stream(history, live);
    if let Some(violation) = &found {
        let so_far = prefix(history, violation.index + 1);
        assert!(!is_valid(&so_far, semantics), "{violation:?}");
        assert_eq!(ending, Ending::Invalid(violation.clone()));
    }
    let expected = is_valid(history, semantics);
    assert_eq!(matches!(ending, Ending::Valid), expected, "{ending:?}");
    assert!(!matches!(ending, Ending::Unknown(_)), "{ending:?}");
    found.map(|violation| violation.index)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

    #[test]
    fn a_stream_of_registers_agrees_with_the_batch(
        shape in shape(), seed in any::<u64>(), semantics in semantics(),
    ) {
        let history = simulate(&shape, seed);
        let live = Live::new(&Object::CasRegister, &semantics, BYTES_MAX);
        let found = agrees(&history, &semantics, live);
        let at_once = shape.values == 0
            && semantics.failed_cas == FailedCas::DidNotHappen
            && shape.operations <= 60.min(shape.twice_at)
            && semantics.open == Open::MayHaveHappened;
        if let (Some(index), true) = (found, at_once) {
            prop_assert!(is_valid(&prefix(&history, index), &semantics), "said too late");
        }
    }

    #[test]
    fn a_stream_of_any_model_agrees_with_the_batch(
        shape in shape(), seed in any::<u64>(), semantics in semantics(),
    ) {
        let history = simulate(&Shape { operations: shape.operations.min(30), ..shape }, seed);
        let model = Register { semantics: semantics.clone(), with_cas: true };
        let judged = check_model("", &history, &model, &semantics, &Budget::default());
        let live = Live::of_model(model, &semantics, BYTES_MAX);
        let (_, ending) = stream(&history, live);
        match judged.verdict {
            Verdict::Valid => prop_assert_eq!(ending, Ending::Valid),
            Verdict::Invalid { .. } => prop_assert!(matches!(ending, Ending::Invalid(_))),
            // Nothing that says anything.
            Verdict::Unknown { .. } => prop_assert_eq!(ending, Ending::Valid),
        }
    }
}

/// Events as (process, kind, function, value).
fn history(events: &[(u32, EventType, &str, i64)]) -> History {
    let mut history = History::new();
    for &(process, kind, f, value) in events {
        let (f, value, time_ns) = (history.symbols.intern(f), Value::Int(value), 0);
        let (key, node, error, process) = (None, None, None, Process::client(process));
        history.push(Event { time_ns, value, process, f, key, node, error, kind });
    }
    history
}

#[test]
fn a_write_that_was_found_forgotten_and_then_fails_is_a_violation() {
    use EventType::{Fail, Invoke, Ok};
    let overwritten = [
        (0, Invoke, "write", 1),
        (1, Invoke, "read", 0),
        (1, Ok, "read", 1),
        (1, Invoke, "write", 2),
        (1, Ok, "write", 2),
        (1, Invoke, "read", 0),
        (1, Ok, "read", 2),
    ];
    // The same value again: from here on the frontier judges.
    let again = [(1, Invoke, "write", 2), (1, Ok, "write", 2)];
    for between in [&again[..], &[]] {
        for (kind, legal) in [(Ok, true), (Fail, false)] {
            let events = [&overwritten, between, &[(0, kind, "write", 1)]].concat();
            let history = history(&events);
            let live = Live::new(&Object::Register, &Semantics::STRICT, BYTES_MAX);
            let (found, ending) = stream(&history, live);
            assert_eq!(found.is_none(), legal, "{ending:?}");
            assert_eq!(is_valid(&history, &Semantics::STRICT), legal);
        }
    }
}

#[test]
fn every_object_is_judged_while_events_come() {
    use EventType::{Invoke, Ok};
    let queue = |first: i64| {
        let done = [(0, "enqueue", 1), (0, "enqueue", 2), (1, "dequeue", first)];
        done.map(|(process, f, value)| [(process, Invoke, f, value), (process, Ok, f, value)])
            .concat()
    };
    let sum = |found: i64| {
        let adds = [(0, Invoke, "add", 3), (1, Invoke, "add", 4), (0, Ok, "add", 3)];
        [&adds[..], &[(2, Invoke, "read", 0), (2, Ok, "read", found), (1, Ok, "add", 4)]].concat()
    };
    let semantics = Semantics { initial: crate::history::Datum::Int(0), ..Semantics::STRICT };
    let cases = [
        (Object::FifoQueue, Semantics::STRICT, queue(1), true),
        (Object::FifoQueue, Semantics::STRICT, queue(2), false),
        (Object::UnorderedQueue, Semantics::STRICT, queue(2), true),
        (Object::UnorderedQueue, Semantics::STRICT, queue(3), false),
        (Object::Counter, semantics.clone(), sum(7), true),
        (Object::Counter, semantics, sum(4), false),
    ];
    for (object, semantics, events, legal) in cases {
        let history = history(&events);
        let (found, ending) = stream(&history, Live::new(&object, &semantics, BYTES_MAX));
        assert_eq!(ending == Ending::Valid, legal, "{object:?} {events:?}: {ending:?}");
        assert_eq!(found.is_none(), legal);
        let judged = check("", &history, object, &semantics, &Budget::default());
        assert_eq!(judged.verdict == Verdict::Valid, legal, "{:?}", judged.verdict);
    }
}
