//! Any model while events come: a frontier per part.

use super::super::model::Model;
use super::super::semantics::{Open, Semantics};
use super::lag::{End, Lag, Stuck};
use super::{At, Judge, Stop, call, misfit, no_order, too_large};
use crate::history::{Datum, EventType, Symbol, Symbols};
use rustc_hash::FxHashMap;

/// An open operation: what the queue calls it, and what it does in which part if it happens.
type Acting<Op> = (u32, Option<(Op, u32)>);

/// An object of this model.
pub(super) struct Stream<M: Model> {
    model: M,
    open: Open,
    /// Nothing any more once it could not be decided.
    lag: Option<Lag<M>>,
    numbers: FxHashMap<Option<Datum>, u32>,
    /// Of the parts, as JSON text.
    names: Vec<Option<String>>,
    keys: FxHashMap<Symbol, Datum>,
    /// By the slot of the operation.
    acting: Vec<Option<Acting<M::Op>>>,
    bytes_max: u64,
}

impl<M: Model> Stream<M> {
    pub(super) fn new(model: M, semantics: &Semantics, bytes_max: u64) -> Self {
        let lag = Some(Lag::new(model.initial()));
        Self {
            model,
            open: semantics.open,
            lag,
            numbers: FxHashMap::default(),
            names: Vec::new(),
            keys: FxHashMap::default(),
            acting: Vec::new(),
            bytes_max,
        }
    }

    /// What an operation does, and in which part.
    fn read(
        &mut self,
        at: At<'_>,
        end: Option<At<'_>>,
        symbols: &Symbols,
    ) -> Result<Option<(M::Op, u32)>, Stop> {
        let keys = &mut self.keys;
        let key = at.event.key.map(|symbol| {
            &*keys.entry(symbol).or_insert_with(|| Datum::from_json_text(symbols.text(symbol)))
        });
        let call = call(at, end, key, symbols);
        let op = self.model.read(&call).map_err(|m| misfit(at, symbols, &m))?;
        Ok(op.map(|op| {
            let names = &mut self.names;
            let part = self.model.part(&call, &op);
            let number = *self.numbers.entry(part).or_insert_with_key(|part| {
                names.push(part.as_ref().map(|part| part.to_json().to_string()));
                (names.len() - 1) as u32
            });
            (op, number)
        }))
    }

    fn end(
        &mut self,
        tag: u32,
        kind: EventType,
        said: Option<(M::Op, u32)>,
        ret: u32,
    ) -> Result<(), Stop> {
        let Some(lag) = &mut self.lag else { return Ok(()) };
        let end = match (kind, said) {
            (EventType::Ok | EventType::Fail, Some((op, part))) => End::Happened { op, ret, part },
            (EventType::Info, Some((op, part))) if self.open == Open::MayHaveHappened => {
                End::Maybe { op, part }
            }
            _ => End::Void,
        };
        lag.end(tag, end);
        match lag.advance(&self.model, self.bytes_max) {
            Ok(()) if lag.bytes() <= self.bytes_max => Ok(()),
            Ok(()) | Err(Stuck::Exhausted) => {
                self.lag = None;
                Err(Stop::Undecided(too_large(None, self.bytes_max)))
            }
            Err(Stuck::Dead { op, ret, part }) => {
                let sentence = no_order(&self.model.op_text(&op), ret);
                Err(Stop::Violation { key: self.names[part as usize].clone(), sentence })
            }
        }
    }
}

impl<M: Model + Send> Judge for Stream<M> {
    fn invoke(&mut self, slot: usize, at: At<'_>, symbols: &Symbols) -> Result<(), Stop> {
        let said = self.read(at, None, symbols)?;
        let Some(lag) = &mut self.lag else { return Ok(()) };
        if slot >= self.acting.len() {
            self.acting.resize_with(slot + 1, || None);
        }
        self.acting[slot] = Some((lag.invoke(), said));
        Ok(())
    }

    fn complete(
        &mut self,
        slot: usize,
        at: At<'_>,
        end: At<'_>,
        symbols: &Symbols,
    ) -> Result<(), Stop> {
        let Some((tag, maybe)) = self.acting.get_mut(slot).and_then(Option::take) else {
            return Ok(());
        };
        let kind = end.event.kind;
        let said = if kind == EventType::Info { maybe } else { self.read(at, Some(end), symbols)? };
        self.end(tag, kind, said, end.index as u32)
    }

    fn finish(&mut self) -> Result<(), Stop> {
        for slot in 0..self.acting.len() {
            if let Some((tag, maybe)) = self.acting[slot].take() {
                self.end(tag, EventType::Info, maybe, 0)?;
            }
        }
        Ok(())
    }

    fn bytes(&self) -> u64 {
        let acting = self.acting.capacity() * size_of::<Option<Acting<M::Op>>>();
        self.lag.as_ref().map_or(0, Lag::bytes) + acting as u64
    }
}
