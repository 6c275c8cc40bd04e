//! Registers while events come: zones per key as long as its values are unambiguous, from then on
//! the frontier.

use super::super::model::Model;
use super::super::semantics::{Open, Semantics};
use super::lag::{End, Lag, Stuck};
use super::model::{Access, Register};
use super::zones::{Ambiguous, Carried, Handle, Zones};
use super::{At, Judge, Stop, call, misfit, no_order, too_large};
use crate::history::{EventType, Symbol, Symbols};
use rustc_hash::FxHashMap;

/// An open operation.
#[derive(Debug)]
struct Acting {
    key: u32,
    /// Its index, plus one.
    invoke: u64,
    /// What it does if it happens; nothing is known of a read.
    access: Option<Access>,
    /// What its engine calls it.
    name: Name,
}

#[derive(Clone, Copy, Debug)]
enum Name {
    Read,
    Write(Handle),
    Cas(Handle),
    Queued(u32),
    /// The frontier need not know: its value was forgotten before.
    Forgotten,
}

#[derive(Debug)]
enum Engine {
    Zones(Zones),
    Lag(Lag<Register>),
    /// It could not be decided.
    GivenUp,
}

#[derive(Debug)]
struct Key {
    /// The key as JSON text.
    name: Option<String>,
    engine: Engine,
    bytes: u64,
}

/// A register per key.
#[derive(Debug)]
pub(super) struct Registers {
    model: Register,
    numbers: FxHashMap<Option<Symbol>, u32>,
    keys: Vec<Key>,
    keys_bytes: u64,
    /// By the slot of the operation.
    acting: Vec<Option<Acting>>,
    bytes_max: u64,
}

impl Registers {
    pub(super) fn new(semantics: &Semantics, with_cas: bool, bytes_max: u64) -> Self {
        Self {
            model: Register { semantics: semantics.clone(), with_cas },
            numbers: FxHashMap::default(),
            keys: Vec::new(),
            keys_bytes: 0,
            acting: Vec::new(),
            bytes_max,
        }
    }

    fn key(&mut self, symbol: Option<Symbol>, symbols: &Symbols) -> u32 {
        let keys = &mut self.keys;
        *self.numbers.entry(symbol).or_insert_with(|| {
            let engine = Engine::Zones(Zones::new(self.model.semantics.initial.clone()));
            let name = symbol.map(|symbol| symbols.text(symbol).to_owned());
            keys.push(Key { name, engine, bytes: 0 });
            (keys.len() - 1) as u32
        })
    }

    fn violation(&self, key: u32, sentence: String) -> Stop {
        Stop::Violation { key: self.keys[key as usize].name.clone(), sentence }
    }

    /// Nobody judges this key any more.
    fn give_up(&mut self, key: u32) -> Stop {
        let given_up = &mut self.keys[key as usize];
        given_up.engine = Engine::GivenUp;
        self.keys_bytes -= std::mem::take(&mut given_up.bytes);
        Stop::Undecided(too_large(given_up.name.as_deref(), self.bytes_max))
    }

    /// Counts the bytes of a key again.
    fn weigh(&mut self, key: u32) -> Result<(), Stop> {
        let weighed = &mut self.keys[key as usize];
        let bytes = match &weighed.engine {
            Engine::Zones(zones) => zones.bytes(),
            Engine::Lag(lag) => lag.bytes(),
            Engine::GivenUp => 0,
        };
        self.keys_bytes = self.keys_bytes - weighed.bytes + bytes;
        weighed.bytes = bytes;
        if self.keys_bytes > self.bytes_max { Err(self.give_up(key)) } else { Ok(()) }
    }

    fn advance(&mut self, key: u32) -> Result<(), Stop> {
        let bytes_max = self.bytes_max.saturating_sub(self.keys_bytes);
        let advanced = &mut self.keys[key as usize];
        let Engine::Lag(lag) = &mut advanced.engine else { return Ok(()) };
        match lag.advance(&self.model, bytes_max + advanced.bytes) {
            Ok(()) => self.weigh(key),
            Err(Stuck::Dead { op, ret, .. }) => {
                Err(self.violation(key, no_order(&self.model.op_text(&op), ret)))
            }
            Err(Stuck::Exhausted) => Err(self.give_up(key)),
        }
    }

    /// From now on the frontier judges this key.
    fn change_over(&mut self, key: u32, now: u64) {
        let Engine::Zones(zones) = &self.keys[key as usize].engine else { return };
        let (initial, carried) = zones.carry(now);
        let mut lag = Lag::new(initial);
        // In order of time; at the same time invocations, then returns: that forbids least.
        let mut steps: Vec<(u64, bool, usize)> = Vec::new();
        for (at, carried) in carried.iter().enumerate() {
            steps.push((carried.invoke, false, at));
            steps.extend(carried.ret.map(|ret| (ret, true, at)));
        }
        let open = self.acting.iter().enumerate().filter_map(|(slot, acting)| {
            let acting = acting.as_ref().filter(|acting| acting.key == key)?;
            Some((acting.invoke, false, carried.len() + slot))
        });
        steps.extend(open);
        steps.sort_by_key(|(time, returns, _)| (*time, *returns));
        let mut tags = vec![0; carried.len()];
        for (_, returns, at) in steps {
            let Some(Carried { op, ret, .. }) = carried.get(at) else {
                let acting = self.acting[at - carried.len()].as_mut().expect("it is open");
                let forgotten = match acting.name {
                    Name::Write(handle) | Name::Cas(handle) => zones.is_forgotten(handle),
                    _ => false,
                };
                acting.name = if forgotten { Name::Forgotten } else { Name::Queued(lag.invoke()) };
                continue;
            };
            if !returns {
                tags[at] = lag.invoke();
            }
            let (op, part) = (op.clone(), 0);
            match ret {
                None => lag.end(tags[at], End::Maybe { op, part }),
                Some(ret) if returns => {
                    lag.end(tags[at], End::Happened { op, ret: (*ret - 1) as u32, part });
                }
                Some(_) => {}
            }
        }
        self.keys[key as usize].engine = Engine::Lag(lag);
    }
}

impl Judge for Registers {
    fn invoke(&mut self, slot: usize, at: At<'_>, symbols: &Symbols) -> Result<(), Stop> {
        let access =
            self.model.read(&call(at, None, None, symbols)).map_err(|m| misfit(at, symbols, &m))?;
        let key = self.key(at.event.key, symbols);
        let invoke = at.index as u64 + 1;
        let begun = match (&mut self.keys[key as usize].engine, &access) {
            (Engine::GivenUp, _) => return Ok(()),
            (Engine::Lag(_), _) => Err(Ambiguous),
            (Engine::Zones(zones), Some(Access::Write(to))) => {
                zones.begin_write(to.clone(), invoke).map(Name::Write)
            }
            (Engine::Zones(zones), Some(Access::Cas(from, to))) => {
                zones.begin_cas(from.clone(), to.clone(), invoke).map(Name::Cas)
            }
            (Engine::Zones(zones), _) => {
                zones.begin_read(invoke);
                Ok(Name::Read)
            }
        };
        let name = begun.unwrap_or_else(|Ambiguous| {
            self.change_over(key, invoke);
            match &mut self.keys[key as usize].engine {
                Engine::Lag(lag) => Name::Queued(lag.invoke()),
                _ => unreachable!("it changed over"),
            }
        });
        if slot >= self.acting.len() {
            self.acting.resize_with(slot + 1, || None);
        }
        self.acting[slot] = Some(Acting { key, invoke, access, name });
        self.weigh(key)
    }

    fn complete(
        &mut self,
        slot: usize,
        at: At<'_>,
        end: At<'_>,
        symbols: &Symbols,
    ) -> Result<(), Stop> {
        let Some(key) = self.acting[slot].as_ref().map(|acting| acting.key) else {
            return Ok(());
        };
        let said = self
            .model
            .read(&call(at, Some(end), None, symbols))
            .map_err(|m| misfit(at, symbols, &m))?;
        let now = end.index as u64 + 1;
        if let Some(Access::Miss(_)) = said {
            self.change_over(key, now);
        }
        let acting = self.acting[slot].take().expect("it was there");
        self.end(&acting, end.event.kind, said, now)
    }

    fn finish(&mut self) -> Result<(), Stop> {
        let now = u64::from(u32::MAX);
        for slot in 0..self.acting.len() {
            if let Some(acting) = self.acting[slot].take() {
                let said = acting.access.clone();
                self.end(&acting, EventType::Info, said, now)?;
            }
        }
        Ok(())
    }

    fn bytes(&self) -> u64 {
        let acting = self.acting.capacity() * size_of::<Option<Acting>>();
        let keys = self.keys.capacity() * size_of::<Key>();
        self.keys_bytes + (acting + keys) as u64
    }
}

impl Registers {
    /// An operation ends, and says this.
    fn end(
        &mut self,
        acting: &Acting,
        kind: EventType,
        said: Option<Access>,
        now: u64,
    ) -> Result<(), Stop> {
        let Acting { key, invoke, name, .. } = *acting;
        let may = kind == EventType::Info && self.model.semantics.open == Open::MayHaveHappened;
        match (&mut self.keys[key as usize].engine, name) {
            (Engine::Zones(zones), name) => {
                let judged = match (name, kind, said) {
                    (Name::Read, EventType::Ok, Some(Access::Read(found))) => {
                        zones.found(&found, invoke, now)
                    }
                    (Name::Write(handle) | Name::Cas(handle), EventType::Ok, _) => {
                        zones.happened(handle, now)
                    }
                    (Name::Write(handle) | Name::Cas(handle), ..) if may => {
                        zones.lost(handle);
                        Ok(())
                    }
                    (Name::Write(handle) | Name::Cas(handle), ..) => zones.failed(handle),
                    _ => Ok(()),
                };
                if let Err(sentence) = judged {
                    return Err(self.violation(key, sentence));
                }
                if let Name::Read | Name::Cas(_) = name {
                    zones.close(invoke);
                }
                zones.tidy();
                self.weigh(key)
            }
            (Engine::Lag(lag), Name::Queued(tag)) => {
                let end = match (kind, said) {
                    (EventType::Ok | EventType::Fail, Some(op)) => {
                        End::Happened { op, ret: (now - 1) as u32, part: 0 }
                    }
                    (EventType::Info, Some(op)) if may => End::Maybe { op, part: 0 },
                    _ => End::Void,
                };
                lag.end(tag, end);
                self.advance(key)
            }
            (Engine::Lag(_), Name::Forgotten) if kind != EventType::Ok && !may => {
                let sentence = "a value was found, but what set it says that it did not happen";
                Err(self.violation(key, sentence.to_owned()))
            }
            _ => Ok(()),
        }
    }
}
