//! What the tests share: generators written as expressions, and schedules written as text.
//!
//! ```text
//!   (limit 4 (stagger 10 (cycle a b)))       lengths of time in milliseconds, operations as letters
//! ```

// Each test binary compiles this file and uses its own part of it.
#![allow(dead_code)]

use checkers::history::{Datum, Op, Outcome};
use std::fmt::Write as _;
use std::time::Duration;
use targets::seed::Seed;
use workloads::generator::{
    BoxGenerator, GeneratorExt, any, concat, each_thread, from_fn, mix, mix_weighted, once, ops,
    phases, repeat, reserve, sleep,
};
use workloads::simulate::Schedule;

const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

/// An operation of this name.
pub(crate) fn op(name: &str) -> Op {
    let f = NAMES.into_iter().find(|known| *known == name);
    let f = f.unwrap_or_else(|| panic!("{name} is no operation: give one of {NAMES:?}"));
    Op { f, key: None, value: Datum::Nil }
}

enum Expression {
    Word(String),
    List(Vec<Expression>),
}

/// The generator that an expression describes.
pub(crate) fn build(text: &str, seed: Seed) -> BoxGenerator {
    let spaced = text.replace('(', " ( ").replace(')', " ) ");
    let mut words = spaced.split_whitespace();
    let expression = parse(words.next().expect("an expression"), &mut words);
    assert!(words.next().is_none(), "one expression at a time: {text}");
    Builder { seed, streams: 0 }.generator(&expression)
}

fn parse<'a>(word: &str, words: &mut impl Iterator<Item = &'a str>) -> Expression {
    if word != "(" {
        return Expression::Word(word.to_owned());
    }
    let mut list = Vec::new();
    loop {
        match words.next().expect("a closing parenthesis") {
            ")" => return Expression::List(list),
            word => list.push(parse(word, words)),
        }
    }
}

struct Builder {
    seed: Seed,
    /// Every random combinator has a stream of its own.
    streams: u32,
}

impl Builder {
    fn stream(&mut self) -> targets::seed::Stream {
        self.streams += 1;
        self.seed.stream(&format!("test {}", self.streams))
    }

    fn generators(&mut self, list: &[Expression]) -> Vec<BoxGenerator> {
        list.iter().map(|item| self.generator(item)).collect()
    }

    fn weighted(&mut self, list: &[Expression]) -> Vec<(u32, BoxGenerator)> {
        let pair = |pair: &[Expression]| (number(&pair[0]) as u32, self.generator(&pair[1]));
        list.chunks(2).map(pair).collect()
    }

    fn generator(&mut self, expression: &Expression) -> BoxGenerator {
        let Expression::List(list) = expression else {
            panic!("a generator stands in parentheses");
        };
        let (head, rest) = list.split_first().expect("a generator has a name");
        let last = rest.len().saturating_sub(1);
        match word(head) {
            "ops" => ops(names(rest)).boxed(),
            "once" => once(op(word(&rest[0]))).boxed(),
            "repeat" => repeat(op(word(&rest[0]))).boxed(),
            "cycle" => ops(names(rest)).cycle().boxed(),
            "draw" => {
                let names = names(rest);
                from_fn(self.stream(), move |stream| stream.pick(&names).cloned()).boxed()
            }
            "each-thread" => {
                let names = names(rest);
                each_thread(move |_| ops(names.clone())).boxed()
            }
            "sleep" => sleep(milliseconds(&rest[0])).boxed(),
            "mix" => {
                let stream = self.stream();
                mix(self.generators(rest), stream).boxed()
            }
            "mix-weighted" => {
                let stream = self.stream();
                mix_weighted(self.weighted(rest), stream).boxed()
            }
            "any" => any(self.generators(rest)).boxed(),
            "concat" => concat(self.generators(rest)).boxed(),
            "phases" => phases(self.generators(rest)).boxed(),
            "reserve" => {
                let default = self.generator(&rest[last]);
                reserve(self.weighted(&rest[..last]), default).boxed()
            }
            "then" => {
                let second = self.generator(&rest[1]);
                self.generator(&rest[0]).then(second).boxed()
            }
            name => {
                let child = self.generator(&rest[last]);
                self.adaptor(name, &rest[..last], child)
            }
        }
    }

    fn adaptor(
        &mut self,
        name: &str,
        arguments: &[Expression],
        child: BoxGenerator,
    ) -> BoxGenerator {
        let argument = |index: usize| &arguments[index];
        match name {
            "limit" => child.limit(number(argument(0))).boxed(),
            "time-limit" => child.time_limit(milliseconds(argument(0))).boxed(),
            "stagger" => child.stagger(milliseconds(argument(0)), self.stream()).boxed(),
            "delay" => child.delay(milliseconds(argument(0))).boxed(),
            "until-ok" => child.until_ok().boxed(),
            "filter" => {
                let kept = op(word(argument(0)));
                child.filter(move |op| *op == kept).boxed()
            }
            "map" => {
                let (from, to) = (op(word(argument(0))), op(word(argument(1))));
                child.map(move |op| if op == from { to.clone() } else { op }).boxed()
            }
            "on-threads" => {
                let range = number(argument(0)) as u32..number(argument(1)) as u32;
                child.on_threads(range).boxed()
            }
            "synchronize" => child.synchronize().boxed(),
            name => panic!("there is no generator {name}"),
        }
    }
}

fn word(expression: &Expression) -> &str {
    match expression {
        Expression::Word(word) => word,
        Expression::List(_) => panic!("a word stands without parentheses"),
    }
}

fn names(list: &[Expression]) -> Vec<Op> {
    list.iter().map(|name| op(word(name))).collect()
}

fn number(expression: &Expression) -> u64 {
    word(expression).parse().expect("a number")
}

fn milliseconds(expression: &Expression) -> Duration {
    Duration::from_millis(number(expression))
}

/// A schedule, one event a line.
pub(crate) fn show(schedule: &Schedule) -> String {
    let mut text = String::new();
    for step in &schedule.steps {
        let word = match step.outcome {
            None => "invoke",
            Some(Outcome::Ok(_)) => "ok",
            Some(Outcome::Fail(_)) => "fail",
            Some(Outcome::Info(_)) => "info",
        };
        let time_ms = step.time_ns as f64 / 1e6;
        write!(text, "{time_ms:>7.1} ms  thread {}  {word:<6} {}", step.thread, step.op.f)
            .expect("a string takes everything");
        if let Some(key) = step.op.key {
            write!(text, " key {key}").expect("a string takes everything");
        }
        if step.op.value != Datum::Nil {
            write!(text, " {}", step.op.value).expect("a string takes everything");
        }
        if let Some(Outcome::Ok(value)) = &step.outcome
            && *value != Datum::Nil
        {
            write!(text, " -> {value}").expect("a string takes everything");
        }
        text.push('\n');
    }
    let end_ms = schedule.end_ns as f64 / 1e6;
    writeln!(text, "{end_ms:>7.1} ms  {:?}", schedule.end).expect("a string takes everything");
    text
}

/// The invocations of a schedule.
pub(crate) fn invocations(schedule: &Schedule) -> impl Iterator<Item = &workloads::simulate::Step> {
    schedule.steps.iter().filter(|step| step.outcome.is_none())
}

/// Registers that hold what was last written: every operation takes effect when it is invoked.
#[derive(Debug, Default)]
pub(crate) struct Registers(std::collections::BTreeMap<i64, i64>);

impl Registers {
    /// Does this operation.
    pub(crate) fn apply(&mut self, op: &Op) -> Outcome {
        let key = op.key.expect("a register has a key");
        match (op.f, &op.value) {
            ("read", _) => {
                Outcome::Ok(self.0.get(&key).map_or(Datum::Nil, |value| Datum::Int(*value)))
            }
            ("write", Datum::Int(value)) => {
                self.0.insert(key, *value);
                Outcome::Ok(Datum::Nil)
            }
            ("cas", Datum::Pair(from, to)) if self.0.get(&key) == Some(from) => {
                self.0.insert(key, *to);
                Outcome::Ok(Datum::Nil)
            }
            ("cas", _) => Outcome::Fail("another value".into()),
            _ => panic!("registers cannot do {op:?}"),
        }
    }
}
