//! A register without bug, under clients that never pause.

use super::{EventType, Value};
use std::collections::BTreeMap;

/// What a history is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) operations: usize,
    pub(crate) clients: usize,
    /// Operations that end as `info`, evenly spread.
    pub(crate) infos: usize,
    /// Writes take their values from so many; zero means that each value is written once.
    pub(crate) values: usize,
    /// Whether a third of the operations is a cas.
    pub(crate) cas: bool,
    pub(crate) plant: Plant,
}

/// What is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plant {
    None,
    /// One read in the middle answers another value.
    Stale,
    /// One read in the middle answers a value that nobody ever wrote.
    Phantom,
    /// From the middle on one read in three answers what was there a while ago.
    Many,
}

/// An event.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    pub(crate) process: u32,
    pub(crate) function: usize,
    pub(crate) kind: EventType,
    pub(crate) value: Value,
}

impl Call {
    pub(crate) fn is_answered_read(&self) -> bool {
        self.function == 0 && self.kind == EventType::Ok
    }
}

#[derive(Clone, Copy)]
enum State {
    Idle,
    Invoked,
    Applied(EventType, Value),
}

struct Client {
    process: u32,
    function: usize,
    argument: Value,
    state: State,
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

/// The answers that are worth a try for this read.
pub(crate) fn wrong_values(shape: &Shape, calls: &[Call], at: usize) -> Vec<Value> {
    match shape.plant {
        Plant::None | Plant::Many => Vec::new(),
        Plant::Phantom => vec![Value::Int(i64::from(i32::MAX))],
        Plant::Stale if shape.values > 0 => {
            let excused = being_set(&calls[..at]);
            let values = (0..shape.values as i64).map(Value::Int);
            values.filter(|v| *v != calls[at].value && !excused.contains(v)).collect()
        }
        Plant::Stale => {
            let before = calls[..at - shape.clients * 8].iter().rev();
            before.filter(|call| call.is_answered_read()).take(1).map(|call| call.value).collect()
        }
    }
}

/// What the operations set that are open behind these events.
fn being_set(calls: &[Call]) -> Vec<Value> {
    let mut open: BTreeMap<u32, Value> = BTreeMap::new();
    for call in calls {
        match (call.kind, call.function, call.value) {
            (EventType::Invoke, 1, value) => drop(open.insert(call.process, value)),
            (EventType::Invoke, 2, Value::Pair(_, to)) => {
                open.insert(call.process, Value::Int(i64::from(to)));
            }
            // It may take effect whenever it likes.
            (EventType::Info, ..) => {}
            _ => drop(open.remove(&call.process)),
        }
    }
    open.into_values().collect()
}

/// The events of a linearizable history, but for many stale reads if those are wanted.
pub(crate) fn simulate(shape: &Shape, seed: u64) -> Vec<Call> {
    let mut random = Random(seed);
    let mut calls = Vec::with_capacity(shape.operations * 2);
    let mut held = vec![Value::Nil];
    let mut lost: Vec<(usize, Value)> = Vec::new();
    let (mut begun, mut infos, mut open) = (0, 0, 0);
    let mut clients: Vec<Client> = (0..shape.clients as u32)
        .map(|process| Client { process, function: 0, argument: Value::Nil, state: State::Idle })
        .collect();
    while begun < shape.operations || open > 0 {
        if !lost.is_empty() && random.below(200) == 0 {
            let (function, argument) = lost.swap_remove(random.below(lost.len()));
            apply(&mut held, function, argument);
        }
        let at = random.below(clients.len());
        let client = &mut clients[at];
        if let State::Invoked = client.state {
            let due = shape.operations / (shape.infos + 1) * (infos + 1);
            if infos < shape.infos && begun >= due && client.function > 0 {
                infos += 1;
                lost.push((client.function, client.argument));
                client.state = State::Applied(EventType::Info, Value::Nil);
            } else {
                let (kind, mut value) = apply(&mut held, client.function, client.argument);
                let stale = shape.plant == Plant::Many && begun > shape.operations / 2;
                if stale && client.function == 0 && random.below(3) == 0 {
                    value = held[held.len().saturating_sub(1 + 2 * shape.clients)];
                }
                client.state = State::Applied(kind, value);
            }
            continue;
        }
        if let State::Applied(kind, value) = client.state {
            open -= 1;
            calls.push(Call { process: client.process, function: client.function, kind, value });
            if kind == EventType::Info {
                client.process += shape.clients as u32;
            }
            client.state = State::Idle;
        }
        if begun < shape.operations {
            begun += 1;
            open += 1;
            let now = held[held.len() - 1];
            (client.function, client.argument) = invent(shape, begun, now, &mut random);
            client.state = State::Invoked;
            let (function, value) = (client.function, client.argument);
            calls.push(Call { process: client.process, function, kind: EventType::Invoke, value });
        }
    }
    calls
}

fn invent(shape: &Shape, number: usize, now: Value, random: &mut Random) -> (usize, Value) {
    let mut value = || if shape.values == 0 { number } else { random.below(shape.values) } as i32;
    let (from, to) = (value(), value());
    match random.below(if shape.cas { 3 } else { 2 }) {
        0 => (0, Value::Nil),
        1 => (1, Value::Int(i64::from(to))),
        // With unique values only a cas from what is there now has a chance.
        _ => match now {
            Value::Int(now) if shape.values == 0 => (2, Value::Pair(now as i32, to)),
            _ => (2, Value::Pair(from, to)),
        },
    }
}

fn apply(held: &mut Vec<Value>, function: usize, argument: Value) -> (EventType, Value) {
    let now = held[held.len() - 1];
    match (function, argument) {
        (0, _) => (EventType::Ok, now),
        (2, Value::Pair(from, to)) if now == Value::Int(i64::from(from)) => {
            held.push(Value::Int(i64::from(to)));
            (EventType::Ok, argument)
        }
        (2, _) => (EventType::Fail, argument),
        _ => {
            held.push(argument);
            (EventType::Ok, argument)
        }
    }
}
