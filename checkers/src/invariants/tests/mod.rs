//! Random small histories, judged by the invariants and by definitions that take no short cut.
//!
//! A history is made of steps: each lets one of a few clients invoke, or complete what it has open.
//! What reads answer is made up from a few small numbers, so that every kind of wrong answer
//! occurs; the definitions in `slow` are asked for the same figures.

mod slow;

use super::{Invariant, Options, check};
use crate::history::{Datum, Event, EventType, History, Process};
use crate::verdict::{Judgement, Verdict};
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;

/// One step: which client, and three numbers to make up something from.
pub(super) type Step = (u8, u8, u8, u16);

/// An operation as the definitions look at it.
#[derive(Clone, Debug)]
pub(super) struct Op {
    pub(super) process: u32,
    pub(super) f: &'static str,
    pub(super) argument: Json,
    pub(super) result: Json,
    pub(super) kind: EventType,
    pub(super) invoke: usize,
    /// `usize::MAX` unless `ok` or `fail`.
    pub(super) complete: usize,
}

const NEVER: usize = usize::MAX;

impl Op {
    pub(super) fn list(&self) -> Vec<i64> {
        let list = self.result.as_array().into_iter().flatten();
        list.filter_map(Json::as_i64).collect()
    }
}

/// What clients ask for and what they are answered.
pub(super) trait World {
    fn ask(&mut self, a: u8, b: u16) -> (&'static str, Json);
    fn answer(&mut self, f: &'static str, argument: &Json, a: u8, b: u16) -> Json;
}

/// A history of these steps, in both forms.
pub(super) fn played(steps: &[Step], world: &mut dyn World) -> (History, Vec<Op>) {
    const CLIENTS: u32 = 4;
    let mut history = History::new();
    let mut ops: Vec<Op> = Vec::new();
    let mut open: BTreeMap<u32, usize> = BTreeMap::new();
    let mut processes: Vec<u32> = (0..CLIENTS).collect();
    for &(client, kind, a, b) in steps {
        let index = history.len();
        let client = u32::from(client) % CLIENTS;
        let process = processes[client as usize];
        let (kind, f, value) = if let Some(at) = open.remove(&client) {
            let op = &mut ops[at];
            op.kind = match kind % 8 {
                0 => EventType::Fail,
                1 => EventType::Info,
                _ => EventType::Ok,
            };
            if op.kind == EventType::Ok {
                op.result = world.answer(op.f, &op.argument, a, b);
            }
            if op.kind == EventType::Info {
                processes[client as usize] += CLIENTS;
            } else {
                op.complete = index;
            }
            (op.kind, op.f, op.result.clone())
        } else {
            let (f, argument) = world.ask(a, b);
            open.insert(client, ops.len());
            ops.push(Op {
                process,
                f,
                argument: argument.clone(),
                result: Json::Null,
                kind: EventType::Info,
                invoke: index,
                complete: NEVER,
            });
            (EventType::Invoke, f, argument)
        };
        push(&mut history, process, kind, f, value);
    }
    (history, ops)
}

fn push(history: &mut History, process: u32, kind: EventType, f: &str, value: Json) {
    let value = history.compact(&Datum::from_json(value));
    let event = Event {
        time_ns: history.len() as u64 * 1_000_000,
        value,
        process: Process::client(process),
        f: history.symbols.intern(f),
        key: None,
        node: None,
        error: None,
        kind,
    };
    history.push(event);
}

pub(super) fn judged(history: &History, invariant: Invariant, options: &Options) -> Judgement {
    check("it is so", history, invariant, options)
}

/// A figure as a number; zero if it is not there.
pub(super) fn figure(judgement: &Judgement, name: &str) -> usize {
    let found = judgement.figures.iter().find(|(known, _)| known == name);
    found.map_or(0, |(_, figure)| figure.parse().unwrap())
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(any::<Step>(), 0..40)
}

/// A growing set whose reads are right but for a few.
#[derive(Default)]
struct Adds {
    added: Vec<i64>,
}

impl World for Adds {
    fn ask(&mut self, a: u8, b: u16) -> (&'static str, Json) {
        if a.is_multiple_of(2) { ("read", Json::Null) } else { ("add", json!(b % 6)) }
    }

    fn answer(&mut self, f: &'static str, argument: &Json, a: u8, b: u16) -> Json {
        if f == "add" {
            self.added.extend(argument.as_i64());
            return argument.clone();
        }
        let mut list = self.added.clone();
        list.sort_unstable();
        list.dedup();
        match a % 8 {
            0 => list.retain(|element| (b >> element).is_multiple_of(2)),
            1 => list.push(i64::from(b % 8)),
            _ => {}
        }
        Json::from(list)
    }
}

/// Values that are written once each.
#[derive(Default)]
struct Writes {
    asked: i64,
}

impl World for Writes {
    fn ask(&mut self, a: u8, _: u16) -> (&'static str, Json) {
        if a.is_multiple_of(2) {
            return ("read", Json::Null);
        }
        self.asked += 1;
        ("write", json!(self.asked))
    }

    fn answer(&mut self, f: &'static str, argument: &Json, a: u8, b: u16) -> Json {
        if f == "write" {
            return argument.clone();
        }
        let most = if a.is_multiple_of(8) { self.asked + 1 } else { self.asked };
        let all = (1..=most).filter(|value| a.is_multiple_of(3) || (b >> (value % 16)) & 3 > 0);
        let again = b.is_multiple_of(16).then_some(1);
        Json::from(all.chain(again).collect::<Vec<i64>>())
    }
}

/// A counter read at random, near what it may be.
#[derive(Default)]
struct Counts {
    sum: i64,
}

impl World for Counts {
    fn ask(&mut self, a: u8, b: u16) -> (&'static str, Json) {
        match a % 4 {
            0 => ("read", Json::Null),
            1 => ("read-final", Json::Null),
            _ => ("add", json!(i64::from(b % 11) - 4)),
        }
    }

    fn answer(&mut self, f: &'static str, argument: &Json, a: u8, b: u16) -> Json {
        if f == "add" {
            self.sum += argument.as_i64().unwrap_or(0);
            return argument.clone();
        }
        let off = if a.is_multiple_of(2) { 0 } else { i64::from(b % 7) - 3 };
        json!(self.sum + off)
    }
}

/// Numbers that are inserted and read.
struct Numbers;

impl World for Numbers {
    fn ask(&mut self, a: u8, b: u16) -> (&'static str, Json) {
        if a.is_multiple_of(3) { ("insert", json!(b % 9)) } else { ("read", Json::Null) }
    }

    fn answer(&mut self, f: &'static str, argument: &Json, _: u8, b: u16) -> Json {
        if f == "insert" { argument.clone() } else { json!(b % 9) }
    }
}

/// Two groups of two keys, read without regard to what was written.
struct Groups;

impl World for Groups {
    fn ask(&mut self, a: u8, b: u16) -> (&'static str, Json) {
        let first = b % 2 * 2;
        if a.is_multiple_of(3) {
            ("write", json!([["w", b % 4, 1]]))
        } else {
            ("read", json!([["r", first, null], ["r", first + 1, null]]))
        }
    }

    fn answer(&mut self, f: &'static str, argument: &Json, _: u8, b: u16) -> Json {
        let mut mops = argument.clone();
        if f == "read" {
            for (bit, mop) in mops.as_array_mut().unwrap().iter_mut().enumerate() {
                mop[2] = if (b >> bit).is_multiple_of(2) { Json::Null } else { json!(1) };
            }
        }
        mops
    }
}

/// Four accounts, read with an error now and then.
struct Accounts;

impl World for Accounts {
    fn ask(&mut self, a: u8, b: u16) -> (&'static str, Json) {
        if a.is_multiple_of(4) {
            ("transfer", json!({"from": b % 3, "to": (b + 1) % 3, "amount": b % 5}))
        } else {
            ("read", Json::Null)
        }
    }

    fn answer(&mut self, f: &'static str, argument: &Json, a: u8, b: u16) -> Json {
        if f == "transfer" {
            return argument.clone();
        }
        let (x, y) = (i64::from(b % 7), i64::from(b / 7 % 7));
        let mut balances = json!({"0": x, "1": y, "2": 10 - x - y});
        match a % 16 {
            0 => balances["1"] = Json::Null,
            1 => balances["9"] = json!(0),
            2 => balances["0"] = json!(x + 1),
            _ => {}
        }
        balances
    }
}

struct Ids;

impl World for Ids {
    fn ask(&mut self, _: u8, _: u16) -> (&'static str, Json) {
        ("generate", Json::Null)
    }

    fn answer(&mut self, _: &'static str, _: &Json, a: u8, b: u16) -> Json {
        if a.is_multiple_of(2) { json!([b % 40, 1]) } else { json!(b % 60) }
    }
}

proptest! {
    #[test]
    fn a_set_is_judged_as_its_definition_says(steps in steps()) {
        let (history, ops) = played(&steps, &mut Adds::default());
        let found = judged(&history, Invariant::Set, &Options::default());
        for (name, expected) in slow::set(&ops) {
            prop_assert_eq!(figure(&found, name), expected, "{}: {:#?}", name, ops);
        }
    }

    #[test]
    fn set_full_is_judged_as_its_definition_says(steps in steps(), linearizable: bool) {
        let (history, ops) = played(&steps, &mut Adds::default());
        let options = Options { linearizable, ..Options::default() };
        let found = judged(&history, Invariant::SetFull, &options);
        let expected = slow::set_full(&ops);
        for (name, expected) in expected {
            prop_assert_eq!(figure(&found, name), expected, "{}: {:#?}", name, ops);
        }
    }

    #[test]
    fn causal_reverse_is_judged_as_its_definition_says(steps in steps()) {
        let (history, ops) = played(&steps, &mut Writes::default());
        let found = judged(&history, Invariant::CausalReverse, &Options::default());
        for (name, expected) in slow::causal_reverse(&ops) {
            prop_assert_eq!(figure(&found, name), expected, "{}: {:#?}", name, ops);
        }
    }

    #[test]
    fn a_counter_is_judged_by_all_subsets_of_its_open_adds(steps in steps()) {
        let (history, ops) = played(&steps, &mut Counts::default());
        let found = judged(&history, Invariant::Counter, &Options::default());
        for (name, expected) in slow::counter(&ops) {
            prop_assert_eq!(figure(&found, name), expected, "{}: {:#?}", name, ops);
        }
    }

    #[test]
    fn monotonic_is_judged_by_all_pairs(steps in steps()) {
        let (history, ops) = played(&steps, &mut Numbers);
        let found = judged(&history, Invariant::Monotonic, &Options::default());
        for (name, expected) in slow::monotonic(&ops) {
            prop_assert_eq!(figure(&found, name), expected, "{}: {:#?}", name, ops);
        }
    }

    #[test]
    fn a_long_fork_is_found_where_a_pair_of_reads_has_one(steps in steps()) {
        let (history, ops) = played(&steps, &mut Groups);
        let found = judged(&history, Invariant::LongFork, &Options::default());
        let forked = figure(&found, "forked") > 0;
        prop_assert_eq!(forked, slow::has_long_fork(&ops), "{:#?}", ops);
    }

    #[test]
    fn a_bank_is_judged_as_its_definition_says(steps in steps()) {
        let (history, ops) = played(&steps, &mut Accounts);
        let found = judged(&history, Invariant::Bank, &Options::default());
        for (name, expected) in slow::bank(&ops) {
            prop_assert_eq!(figure(&found, name), expected, "{}: {:#?}", name, ops);
        }
    }

    #[test]
    fn ids_are_compared_each_with_each(steps in steps()) {
        let (history, ops) = played(&steps, &mut Ids);
        let found = judged(&history, Invariant::UniqueIds, &Options::default());
        prop_assert_eq!(figure(&found, "duplicated"), slow::given_again(&ops));
    }

    /// What no client of ours would write: any function with any value.
    #[test]
    fn values_of_any_shape_are_no_reason_to_panic(
            steps in steps(),
            name in 0..Invariant::ALL.len(),
        ) {
        struct Any;
        impl World for Any {
            fn ask(&mut self, a: u8, b: u16) -> (&'static str, Json) {
                const F: [&str; 8] =
                    ["read", "add", "write", "transfer", "generate", "insert", "read-final", "dec"];
                (F[a as usize % 8], odd_value(b))
            }
            fn answer(&mut self, _: &'static str, _: &Json, _: u8, b: u16) -> Json {
                odd_value(b)
            }
        }
        let (history, _) = played(&steps, &mut Any);
        let found = judged(&history, Invariant::ALL[name].1, &Options::default());
        prop_assert!(found.verdict.word() != "valid" || !history.is_empty());
    }
}

/// A property that holds of histories without errors would say nothing.
#[test]
fn the_random_histories_have_every_kind_of_error() {
    type Make = fn() -> Box<dyn World>;
    type Definition = fn(&[Op]) -> slow::Figures;
    let worlds: [(Make, Definition); 6] = [
        (|| Box::new(Adds::default()), slow::set),
        (|| Box::new(Adds::default()), slow::set_full),
        (|| Box::new(Writes::default()), slow::causal_reverse),
        (|| Box::new(Counts::default()), slow::counter),
        (|| Box::new(Numbers), slow::monotonic),
        (|| Box::new(Accounts), slow::bank),
    ];
    let mut number = 1u64;
    for (world, definition) in worlds {
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        let (mut forks, mut again) = (0, 0);
        for _ in 0..500 {
            let mut random = || {
                number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (number >> 33) as u16
            };
            let steps: Vec<Step> = (0..40)
                .map(|_| (random() as u8, random() as u8, random() as u8, random()))
                .collect();
            for (name, count) in definition(&played(&steps, &mut *world()).1) {
                *seen.entry(name).or_default() += count;
            }
            forks += usize::from(slow::has_long_fork(&played(&steps, &mut Groups).1));
            again += slow::given_again(&played(&steps, &mut Ids).1);
        }
        let missing = seen.iter().filter(|(_, count)| **count == 0).map(|(name, _)| *name);
        assert_eq!(missing.collect::<Vec<_>>(), Vec::<&str>::new());
        assert!(forks > 0 && again > 0);
    }
}

fn odd_value(b: u16) -> Json {
    match b % 12 {
        0 => Json::Null,
        1 => json!(i64::MIN),
        2 => json!(i64::MAX),
        3 => json!([[["w", 1, 1]], "r"]),
        4 => json!([["r", 1, null], ["r", 2, 5]]),
        5 => json!({"from": "a", "to": {}, "amount": i64::MIN}),
        6 => json!({"a": i64::MAX, "b": i64::MAX, "c": 1.5}),
        7 => json!({"a": i64::MAX, "b": i64::MAX}),
        8 => json!([1, 2]),
        9 => json!([i64::MAX, -1, "x", [], {}]),
        10 => json!(""),
        _ => json!([["w", 3, b]]),
    }
}

/// An answer that a script below gives: client, function, argument, outcome, result.
type Said = (u32, &'static str, Json, EventType, Json);

/// One operation after the other.
fn said(ops: &[Said]) -> History {
    let mut history = History::new();
    for (process, f, argument, kind, result) in ops {
        push(&mut history, *process, EventType::Invoke, f, argument.clone());
        push(&mut history, *process, *kind, f, result.clone());
    }
    history
}

fn why(judgement: &Judgement) -> &str {
    match &judgement.verdict {
        Verdict::Valid => "valid",
        Verdict::Unknown { why } => why,
        Verdict::Invalid { evidence } => evidence.sentence(),
    }
}

#[test]
fn keys_are_judged_each_alone() {
    let mut history = History::new();
    for (key, element) in [("1", 5), ("2", 6)] {
        for (f, argument, result) in
            [("add", json!(element), json!(element)), ("read", Json::Null, json!([element]))]
        {
            push(&mut history, 0, EventType::Invoke, f, argument);
            push(&mut history, 0, EventType::Ok, f, result);
            let key = history.symbols.intern(key);
            let (end, mut again) = (history.len(), History::new());
            for (at, event) in history.events().iter().enumerate() {
                let key = if at + 2 >= end { Some(key) } else { event.key };
                again.push(Event { key, ..*event });
            }
            again.symbols = history.symbols.clone();
            history = again;
        }
    }
    let found = judged(&history, Invariant::Set, &Options::default());
    assert_eq!(why(&found), "valid", "{found:#?}");
}

#[test]
fn a_value_of_the_wrong_shape_is_named_with_its_event() {
    let (ok, nil) = (EventType::Ok, Json::Null);
    for (invariant, f, result, expected) in [
        (Invariant::Set, "read", json!(3), "event 1: expected a list of elements, found 3"),
        (
            Invariant::SetFull,
            "read",
            nil.clone(),
            "event 1: expected a list of elements, found nil",
        ),
        (Invariant::Counter, "read", json!("x"), "event 1: expected a whole number, found \"x\""),
        (Invariant::UniqueIds, "generate", nil.clone(), "event 1: expected an id, found nil"),
        (
            Invariant::Bank,
            "read",
            json!({"0": "all"}),
            "event 1: expected balances that are whole numbers or nil, found {\"0\":\"all\"}",
        ),
        (Invariant::CausalReverse, "read", json!(1), "event 1: expected a list of values, found 1"),
        (
            Invariant::LongFork,
            "read",
            json!([["x", 1, 2]]),
            "event 1: expected one write or the reads of a group, found [[\"x\",1,2]]",
        ),
        (
            Invariant::Monotonic,
            "read",
            json!({}),
            "event 1: expected a whole number, or a list of them, found {}",
        ),
    ] {
        let history = said(&[(0, f, nil.clone(), ok, result)]);
        let found = judged(&history, invariant, &Options::default());
        assert_eq!(why(&found), expected, "{}", invariant.name());
    }
}

#[test]
fn nothing_to_judge_is_unknown() {
    for &(name, invariant, _) in Invariant::ALL {
        let found = judged(&History::new(), invariant, &Options::default());
        assert_eq!(found.verdict.word(), "unknown", "{name}");
    }
}
