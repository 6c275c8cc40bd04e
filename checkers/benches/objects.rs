//! What judging an object's history costs: medians of a few rounds, printed as a table.
//!
//! Histories are simulated: clients without think time, so that each always has an operation open;
//! every operation takes effect at one moment between its invocation and its completion. The second
//! row of an object has one wrong answer in the middle.
//!
//! `cargo bench -p checkers --bench objects`

#[path = "../tests/support/mod.rs"]
#[allow(dead_code, reason = "registers have a bench of their own")]
mod support;

use checkers::budget::Budget;
use checkers::history::{Datum, Event, EventType, History, Process};
use checkers::linearizable::objects::container::{Container, Discipline};
use checkers::linearizable::objects::counter::Counter;
use checkers::linearizable::objects::leader::Leader;
use checkers::linearizable::objects::lock::{FencedLock, ReentrantMutex, Semaphore};
use checkers::linearizable::objects::log::Log;
use checkers::linearizable::objects::max_register::MaxRegister;
use checkers::linearizable::objects::set::Set;
use checkers::linearizable::{Model, Semantics, check_model};
use std::collections::{BTreeSet, VecDeque};
use std::time::Instant;
use support::Random;

const ROUNDS: usize = 3;

const OPERATIONS: usize = 1_000_000;

/// An object that clients use.
trait Simulated {
    /// What this client asks for next: a function and its argument.
    fn ask(&mut self, random: &mut Random, client: usize) -> (&'static str, Datum);

    /// Whether others wait for what this client does next, so that it has to do it even at the end.
    fn is_waited_for(&self, client: usize) -> bool {
        let _ = client;
        false
    }

    /// The operation takes effect: the result; nothing if it has to wait. The result is to be a
    /// wrong one if `wrong` says so, and if the state allows it: then `wrong` is cleared.
    fn apply(
        &mut self,
        client: usize,
        f: &'static str,
        argument: &Datum,
        wrong: &mut bool,
    ) -> Option<Datum>;
}

/// A container: puts and takes, as many of the one as of the other. Every value is put once.
struct Values {
    discipline: Discipline,
    held: VecDeque<i64>,
    /// Priority queues hold theirs in order.
    sorted: BTreeSet<i64>,
    puts: i64,
}

impl Values {
    fn new(discipline: Discipline) -> Self {
        Self { discipline, held: VecDeque::new(), sorted: BTreeSet::new(), puts: 0 }
    }

    /// A wrong answer overtakes this many values, more than can be put at the same time.
    const OVERTAKEN: usize = 100;

    fn take(&mut self, wrong: &mut bool) -> Option<i64> {
        let held = self.held.len().max(self.sorted.len());
        if *wrong && held > 2 * Self::OVERTAKEN {
            *wrong = false;
            return self.take_wrong(held);
        }
        match self.discipline {
            Discipline::Fifo | Discipline::Unordered => self.held.pop_front(),
            Discipline::Lifo => self.held.pop_back(),
            Discipline::LeastFirst => self.sorted.pop_first(),
            Discipline::GreatestFirst => self.sorted.pop_last(),
        }
    }

    fn take_wrong(&mut self, held: usize) -> Option<i64> {
        match self.discipline {
            Discipline::Unordered => None,
            Discipline::Fifo => self.held.remove(Self::OVERTAKEN),
            Discipline::Lifo => self.held.remove(held - Self::OVERTAKEN),
            Discipline::LeastFirst | Discipline::GreatestFirst => {
                let value = *self.sorted.iter().nth(held / 2)?;
                self.sorted.take(&value)
            }
        }
    }

    /// A permutation of the numbers up to 2^31, so that priorities come in no order.
    fn value(&self, number: i64) -> i64 {
        (number * 1_103_515_245 + 12_345) & 0x7fff_ffff
    }
}

impl Simulated for Values {
    fn ask(&mut self, random: &mut Random, _: usize) -> (&'static str, Datum) {
        let [put, take] = match self.discipline {
            Discipline::Fifo | Discipline::Unordered => ["enqueue", "dequeue"],
            Discipline::Lifo => ["push", "pop"],
            Discipline::LeastFirst | Discipline::GreatestFirst => ["insert", "poll"],
        };
        if random.below(2) == 0 {
            return (take, Datum::Nil);
        }
        self.puts += 1;
        (put, Datum::Int(self.value(self.puts)))
    }

    fn apply(
        &mut self,
        _: usize,
        _: &'static str,
        argument: &Datum,
        wrong: &mut bool,
    ) -> Option<Datum> {
        if let Datum::Int(value) = *argument {
            match self.discipline {
                Discipline::LeastFirst | Discipline::GreatestFirst => {
                    self.sorted.insert(value);
                }
                _ => self.held.push_back(value),
            }
            return Some(Datum::Nil);
        }
        Some(self.take(wrong).map_or(Datum::Nil, Datum::Int))
    }
}

/// A set: each element is added once and removed once, and looked for in between.
#[derive(Default)]
struct Elements {
    held: BTreeSet<i64>,
    adds: usize,
    removes: usize,
    /// Instead of removes and looks there are reads of everything.
    growing: bool,
    /// Only so many elements, again and again, if not zero.
    few: usize,
}

impl Simulated for Elements {
    fn ask(&mut self, random: &mut Random, _: usize) -> (&'static str, Datum) {
        /// So many elements are there, about; a growing set is read so seldom.
        const HELD: usize = 100;
        const READS: usize = 100_000;
        if self.growing && random.below(READS) == 0 {
            return ("read", Datum::Nil);
        }
        if self.few > 0 {
            let f = ["add", "remove", "contains"][random.below(3)];
            return (f, Datum::Int(random.below(self.few) as i64));
        }
        let kind = if self.growing { 0 } else { random.below(4) };
        match kind {
            0 => {
                self.adds += 1;
                ("add", Datum::Int(self.adds as i64))
            }
            1 if self.removes + HELD < self.adds => {
                self.removes += 1;
                ("remove", Datum::Int(self.removes as i64))
            }
            _ => {
                let element = self.removes + 1 + random.below(HELD);
                ("contains", Datum::Int(element as i64))
            }
        }
    }

    fn apply(
        &mut self,
        _: usize,
        f: &'static str,
        argument: &Datum,
        wrong: &mut bool,
    ) -> Option<Datum> {
        let element = if let Datum::Int(element) = *argument { element } else { 0 };
        match f {
            "add" => {
                self.held.insert(element);
            }
            "remove" => {
                self.held.remove(&element);
            }
            "contains" => {
                let found = self.held.contains(&element) != std::mem::take(wrong);
                return Some(Datum::Json(Box::new(found.into())));
            }
            _ => {
                let missing = std::mem::take(wrong).then(|| self.adds as i64 / 2);
                let listed = self.held.iter().filter(|&&element| Some(element) != missing);
                let listed: Vec<i64> = listed.copied().collect();
                return Some(Datum::from_json(listed.into()));
            }
        }
        Some(Datum::Nil)
    }
}

/// A lock of so many permits; each acquire is answered with a token. A wrong answer is one permit
/// too many.
struct Permits {
    permits: usize,
    holders: Vec<usize>,
    token: i64,
}

impl Permits {
    fn new(permits: usize) -> Self {
        Self { permits, holders: Vec::new(), token: 0 }
    }
}

impl Simulated for Permits {
    fn ask(&mut self, _: &mut Random, client: usize) -> (&'static str, Datum) {
        (if self.is_waited_for(client) { "release" } else { "acquire" }, Datum::Nil)
    }

    fn is_waited_for(&self, client: usize) -> bool {
        self.holders.contains(&client)
    }

    fn apply(
        &mut self,
        client: usize,
        f: &'static str,
        _: &Datum,
        wrong: &mut bool,
    ) -> Option<Datum> {
        if f == "release" {
            self.holders.retain(|&holder| holder != client);
            return Some(Datum::Nil);
        }
        let is_free = self.holders.len() < self.permits;
        if !is_free && !std::mem::take(wrong) {
            return None;
        }
        self.holders.push(client);
        self.token += 1;
        Some(Datum::Int(self.token))
    }
}

/// A counter that is read every other time, or a max-register: a wrong answer is an old one.
#[derive(Default)]
struct Rising {
    is_counter: bool,
    number: i64,
    asked: i64,
}

impl Simulated for Rising {
    fn ask(&mut self, random: &mut Random, _: usize) -> (&'static str, Datum) {
        self.asked += 1;
        match (random.below(2), self.is_counter) {
            (0, _) => ("read", Datum::Nil),
            (_, true) => ("add", Datum::Int(1)),
            (_, false) => ("write", Datum::Int(self.asked)),
        }
    }

    fn apply(
        &mut self,
        _: usize,
        _: &'static str,
        argument: &Datum,
        wrong: &mut bool,
    ) -> Option<Datum> {
        let Datum::Int(number) = *argument else {
            let late = if std::mem::take(wrong) { 100 } else { 0 };
            return Some(Datum::Int(self.number - late));
        };
        self.number = if self.is_counter { self.number + number } else { self.number.max(number) };
        Some(Datum::Nil)
    }
}

/// A log whose last entries are polled, or elections of ten votes a term.
#[derive(Default)]
struct Entries {
    is_log: bool,
    values: Vec<i64>,
    asked: i64,
}

impl Simulated for Entries {
    fn ask(&mut self, random: &mut Random, _: usize) -> (&'static str, Datum) {
        self.asked += 1;
        match (self.is_log, random.below(2)) {
            (false, _) => ("elect", Datum::Int(self.asked / 10)),
            (true, 0) => ("append", Datum::Int(self.asked)),
            (true, _) => ("poll", Datum::Int((self.values.len() as i64 - 3).max(0))),
        }
    }

    fn apply(
        &mut self,
        _: usize,
        f: &'static str,
        argument: &Datum,
        wrong: &mut bool,
    ) -> Option<Datum> {
        let Datum::Int(number) = *argument else { return None };
        match f {
            "elect" => {
                let node = number % 5 + i64::from(std::mem::take(wrong));
                Some(Datum::Pair(number, node))
            }
            "append" => {
                self.values.push(number);
                Some(Datum::Int(self.values.len() as i64 - 1))
            }
            _ => {
                let mut polled = self.values[number as usize..].to_vec();
                polled.truncate(3);
                if polled.len() == 3 && std::mem::take(wrong) {
                    polled.swap(0, 1);
                }
                Some(Datum::from_json(polled.into()))
            }
        }
    }
}

enum Client {
    Idle,
    Invoked(&'static str, Datum),
    Applied(&'static str, Datum),
}

/// A history of so many operations; a wrong answer in the middle if asked for.
fn simulate(object: &mut dyn Simulated, operations: usize, clients: usize, wrong: bool) -> History {
    let mut random = Random(1);
    let mut history = History::new();
    let mut doing: Vec<Client> = (0..clients).map(|_| Client::Idle).collect();
    let (mut begun, mut ended) = (0, 0);
    let mut wrong_left = wrong;
    while ended < begun.max(operations) {
        let client = random.below(clients);
        let (kind, f, value) = match std::mem::replace(&mut doing[client], Client::Idle) {
            Client::Idle if begun >= operations && !object.is_waited_for(client) => continue,
            Client::Idle => {
                begun += 1;
                let (f, argument) = object.ask(&mut random, client);
                doing[client] = Client::Invoked(f, argument.clone());
                (EventType::Invoke, f, argument)
            }
            Client::Invoked(f, argument) => {
                let mut now = wrong_left && begun > operations / 2;
                let asked = now;
                let result = object.apply(client, f, &argument, &mut now);
                wrong_left &= !(asked && !now);
                doing[client] = match result {
                    Some(result) => Client::Applied(f, result),
                    None => Client::Invoked(f, argument),
                };
                continue;
            }
            Client::Applied(f, result) => {
                ended += 1;
                (EventType::Ok, f, result)
            }
        };
        let event = Event {
            time_ns: history.len() as u64,
            value: history.compact(&value),
            process: Process::client(client as u32),
            f: history.symbols.intern(f),
            key: None,
            node: None,
            error: None,
            kind,
        };
        history.push(event);
    }
    history
}

/// Two rows of the table: a legal history and one with a wrong answer.
fn rows<M: Model, S: Simulated>(name: &str, model: &M, clients: usize, object: impl Fn() -> S) {
    for wrong in [false, true] {
        let history = simulate(&mut object(), OPERATIONS, clients, wrong);
        let mut seconds = Vec::new();
        let mut said = String::new();
        for _ in 0..ROUNDS {
            let start = Instant::now();
            let semantics = &Semantics::JEPSEN;
            let judgement = check_model("", &history, model, semantics, &Budget::default());
            seconds.push(start.elapsed().as_secs_f64());
            let by = judgement.figures.iter().find(|(figure, _)| figure == "decided by");
            let by = by.map_or("", |(_, by)| by);
            said = format!("{:<8} {by}", judgement.verdict.word());
        }
        seconds.sort_by(f64::total_cmp);
        let second = seconds[ROUNDS / 2];
        println!("{name:<22} {OPERATIONS:>10} {clients:>7} {second:>8.3} {said}");
    }
}

fn main() {
    println!("{:<22} {:>10} {:>7} {:>8} verdict", "object", "operations", "clients", "seconds");
    let semantics = &Semantics::JEPSEN;
    for (name, discipline) in [
        ("fifo-queue", Discipline::Fifo),
        ("unordered-queue", Discipline::Unordered),
        ("stack", Discipline::Lifo),
        ("priority-queue", Discipline::LeastFirst),
        ("max-priority-queue", Discipline::GreatestFirst),
    ] {
        let model = Container::new(discipline, semantics);
        rows(name, &model, 20, || Values::new(discipline));
    }
    let growing = || Elements { growing: true, ..Elements::default() };
    rows("set", &Set::new(semantics), 20, Elements::default);
    rows("set, whole reads", &Set::new(semantics), 20, growing);
    let few = || Elements { few: 10_000, ..Elements::default() };
    rows("set, 10 000 elements", &Set::new(semantics), 20, few);
    rows("multiset", &Set::multiset(semantics), 20, Elements::default);
    let whole = "initially nil is a whole number";
    let counter = || Rising { is_counter: true, ..Rising::default() };
    rows("counter", &Counter::new(semantics).expect(whole), 20, counter);
    rows("max-register", &MaxRegister::new(semantics).expect(whole), 20, Rising::default);
    rows("mutex", &Semaphore::MUTEX, 20, || Permits::new(1));
    rows("semaphore of 5", &Semaphore { permits: 5 }, 20, || Permits::new(5));
    rows("reentrant-mutex", &ReentrantMutex, 20, || Permits::new(1));
    rows("fenced-lock", &FencedLock, 20, || Permits::new(1));
    rows("leader", &Leader, 20, Entries::default);
    let log = || Entries { is_log: true, ..Entries::default() };
    rows("log", &Log::new(semantics).expect(whole), 20, log);
}
