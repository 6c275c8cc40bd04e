//! A register that is simulated, so that its histories are linearizable by construction, and a
//! planted bug, so that they are not.
//!
//! Each step one client moves on: it invokes, its operation takes effect, or it completes. Some
//! operations are given up half-way: they end as `info`, and take effect later or never.

use checkers::history::{Event, EventType, History, Process, Symbol, Value};

/// What a history is made of.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Shape {
    /// Operations over all keys.
    pub(crate) operations: usize,
    /// Registers.
    pub(crate) keys: usize,
    /// Clients of each key.
    pub(crate) clients: usize,
    /// Writes take their values from so many; zero means that each value is written once.
    pub(crate) values: i32,
    /// Operations of each key that end as `info`.
    pub(crate) infos: usize,
    /// Whether a third of the operations is a cas.
    pub(crate) cas: bool,
    /// From this operation of each key on, one read in twenty answers what the register held a
    /// while ago.
    pub(crate) stale_from: Option<usize>,
    /// Whether every client always has an operation open: it invokes the next one at once.
    pub(crate) busy: bool,
}

#[derive(Clone, Copy)]
enum Kind {
    Read,
    Write(i32),
    Cas(i32, i32),
}

#[derive(Clone, Copy)]
enum Client {
    Idle,
    Invoked(Kind, usize),
    Applied(Kind, Value, EventType),
}

struct Register {
    key: Symbol,
    clients: Vec<(u32, Client)>,
    held: Vec<Option<i32>>,
    begun: usize,
    lost: Vec<Kind>,
    infos: usize,
    /// The client that has to act next.
    next: Option<usize>,
}

/// A portable source of numbers (SplitMix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// A number below this one.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % limit as u64) as usize
    }
}

/// A history of this shape.
pub(crate) fn simulate(shape: &Shape, seed: u64) -> History {
    let mut random = Random(seed);
    let mut history = History::new();
    let node = history.symbols.intern("n1");
    let functions = ["read", "write", "cas"].map(|f| history.symbols.intern(f));
    let each = shape.operations / shape.keys;
    let mut registers: Vec<Register> = (0..shape.keys)
        .map(|key| Register {
            key: history.symbols.intern(&key.to_string()),
            clients: (0..shape.clients)
                .map(|client| ((key * shape.clients + client) as u32, Client::Idle))
                .collect(),
            held: vec![None],
            begun: 0,
            lost: Vec::new(),
            infos: 0,
            next: None,
        })
        .collect();
    let total_clients = (shape.keys * shape.clients) as u32;
    let mut alive: Vec<usize> = (0..shape.keys).collect();
    while !alive.is_empty() {
        let at = random.below(alive.len());
        let register = &mut registers[alive[at]];
        let events = register.step(shape, each, total_clients, &mut random);
        if let Some((process, kind, f, value)) = events {
            history.push(Event {
                time_ns: history.len() as u64 * 1000,
                value,
                process: Process::client(process),
                f: functions[f],
                key: Some(register.key),
                node: Some(node),
                error: None,
                kind,
            });
        }
        let busy = register.clients.iter().any(|(_, client)| !matches!(client, Client::Idle));
        if register.begun == each && !busy {
            alive.swap_remove(at);
        }
    }
    history
}

impl Register {
    fn step(
        &mut self,
        shape: &Shape,
        each: usize,
        reborn: u32,
        random: &mut Random,
    ) -> Option<(u32, EventType, usize, Value)> {
        if !self.lost.is_empty() && random.below(50) == 0 {
            let lost = random.below(self.lost.len());
            let kind = self.lost.swap_remove(lost);
            self.apply(kind);
        }
        let at = self.next.take().unwrap_or_else(|| random.below(self.clients.len()));
        let (process, client) = self.clients[at];
        match client {
            Client::Idle if self.begun == each => None,
            Client::Idle => {
                let kind = self.invent(shape, random);
                self.begun += 1;
                self.clients[at].1 = Client::Invoked(kind, self.begun);
                Some((process, EventType::Invoke, f(kind), argument(kind)))
            }
            Client::Invoked(kind, number) => {
                let due = each / (shape.infos + 1) * (self.infos + 1);
                if shape.infos > self.infos && number >= due && !matches!(kind, Kind::Read) {
                    self.infos += 1;
                    self.lost.push(kind);
                    self.next = shape.busy.then_some(at);
                    self.clients[at] = (process + reborn, Client::Idle);
                    return Some((process, EventType::Info, f(kind), Value::Nil));
                }
                let (mut value, outcome) = self.apply(kind);
                let stale = shape.stale_from.is_some_and(|from| number > from);
                if stale && matches!(kind, Kind::Read) && random.below(20) == 0 {
                    let back = self.held.len().saturating_sub(1 + shape.clients * 2);
                    value = self.held[back].map_or(Value::Nil, |v| Value::Int(v.into()));
                }
                self.clients[at].1 = Client::Applied(kind, value, outcome);
                None
            }
            Client::Applied(kind, value, outcome) => {
                self.clients[at].1 = Client::Idle;
                self.next = shape.busy.then_some(at);
                Some((process, outcome, f(kind), value))
            }
        }
    }

    fn invent(&self, shape: &Shape, random: &mut Random) -> Kind {
        let unique = self.begun as i32 + 1;
        let mut value =
            || if shape.values == 0 { unique } else { random.below(shape.values as usize) as i32 };
        let (to, from) = (value(), value());
        match random.below(if shape.cas { 3 } else { 2 }) {
            0 => Kind::Read,
            1 => Kind::Write(to),
            // With unique values only a cas from what is there now has a chance.
            _ if shape.values == 0 => Kind::Cas(self.held[self.held.len() - 1].unwrap_or(0), to),
            _ => Kind::Cas(from, to),
        }
    }

    fn apply(&mut self, kind: Kind) -> (Value, EventType) {
        let now = self.held[self.held.len() - 1];
        match kind {
            Kind::Read => (now.map_or(Value::Nil, |v| Value::Int(v.into())), EventType::Ok),
            Kind::Cas(from, _) if now != Some(from) => (argument(kind), EventType::Fail),
            Kind::Write(to) | Kind::Cas(_, to) => {
                self.held.push(Some(to));
                (argument(kind), EventType::Ok)
            }
        }
    }
}

fn f(kind: Kind) -> usize {
    match kind {
        Kind::Read => 0,
        Kind::Write(_) => 1,
        Kind::Cas(..) => 2,
    }
}

fn argument(kind: Kind) -> Value {
    match kind {
        Kind::Read => Value::Nil,
        Kind::Write(to) => Value::Int(to.into()),
        Kind::Cas(from, to) => Value::Pair(from, to),
    }
}
