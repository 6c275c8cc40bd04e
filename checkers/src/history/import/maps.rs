//! Events as maps, in EDN or JSON: a vector or a list of them, or one after another.
//!
//! ```text
//!   [{:process 4, :type :invoke, :f :cas, :value [1 2]} ...]
//!   #jepsen.history.Op{:index 0, :type :info, :process :nemesis, :f :start, :value nil} ...
//!   [{"type":"invoke","f":"txn","value":[["w","x",2]],"process":0,"index":1}, ...]
//! ```
//!
//! Fields that no rule needs are skipped, and so is a field that is nil. An `error` that is no word
//! is kept as its JSON text.

use super::rules::{At, Draft, Rules};
use crate::history::edn::{Bracket, Dialect, Fallible, Fault, Forms, Place, Token};
use crate::history::{Event, EventType, Process};
use std::io::BufRead;

#[derive(Debug)]
pub(super) struct MapEvents<R> {
    forms: Forms<R>,
    draft: Draft,
    spare: String,
    within: Within,
    pub(super) rules: Rules,
}

/// What the events stand in.
#[derive(Clone, Copy, Debug)]
enum Within {
    /// The first token is still to come.
    Beginning,
    Nothing,
    Collection(Bracket),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Type,
    Process,
    F,
    Time,
    Index,
    Value,
    Key,
    Node,
    Error,
    Other,
}

impl Field {
    fn named(name: &[u8]) -> Self {
        match name {
            b"type" => Self::Type,
            b"process" => Self::Process,
            b"f" => Self::F,
            b"time" => Self::Time,
            b"index" => Self::Index,
            b"value" => Self::Value,
            b"key" => Self::Key,
            b"node" => Self::Node,
            b"error" => Self::Error,
            _ => Self::Other,
        }
    }
}

impl<R: BufRead> MapEvents<R> {
    pub(super) fn new(reader: R, dialect: Dialect, rules: Rules) -> Self {
        let forms = Forms::new(reader, dialect);
        let (draft, spare) = (Draft::new(), String::new());
        Self { forms, draft, spare, within: Within::Beginning, rules }
    }

    pub(super) fn next_event(&mut self) -> Fallible<Option<Event>> {
        let mut token = self.forms.next()?;
        if matches!(self.within, Within::Beginning) {
            self.within = Within::Nothing;
            match token {
                Token::Open(bracket @ (Bracket::Vector | Bracket::List)) => {
                    self.within = Within::Collection(bracket);
                    token = self.forms.next()?;
                }
                Token::End => {
                    let problem = "expected events, found an empty file";
                    return Err(Fault::wrong(Place { line: 1, column: 1 }, problem));
                }
                _ => {}
            }
        }
        match (self.within, token) {
            (_, Token::Open(Bracket::Map)) => self.event().map(Some),
            (Within::Collection(bracket), token) if token == bracket.close() => self.close(),
            (Within::Nothing, Token::End) => Ok(None),
            (Within::Collection(_), Token::End) => {
                Err(self.forms.unexpected("expected another event or the end of the history"))
            }
            _ => Err(self.forms.unexpected("expected an event as a map")),
        }
    }

    fn close(&mut self) -> Fallible<Option<Event>> {
        if self.rules.count() == 0 {
            let problem = "expected events, found an empty history";
            return Err(Fault::wrong(self.forms.place(), problem));
        }
        match self.forms.next()? {
            Token::End => Ok(None),
            _ => Err(self.forms.unexpected("expected nothing behind the history")),
        }
    }

    /// The event behind its opening brace.
    fn event(&mut self) -> Fallible<Event> {
        self.draft.begin(self.forms.place());
        let mut seen = 0u16;
        loop {
            let token = self.forms.next()?;
            if token == Token::Close(b'}') {
                break;
            }
            let field = self.field(token)?;
            let bit = if field == Field::Other { 0 } else { 1 << field as u16 };
            if seen & bit != 0 {
                return Err(self.forms.unexpected("expected each field once"));
            }
            seen |= bit;
            let token = self.forms.value_of_key()?;
            if field == Field::Other {
                self.forms.skip(token)?;
            } else if !self.forms.is_nil(token) {
                self.take(field, token)?;
            }
        }
        self.rules.admit(&self.draft)
    }

    fn field(&mut self, token: Token) -> Fallible<Field> {
        match token {
            Token::Keyword | Token::Str { .. } => {}
            _ if self.forms.dialect() == Dialect::Json => {
                return Err(self.forms.unexpected("expected a key in quotes"));
            }
            _ => return self.forms.skip(token).map(|()| Field::Other),
        }
        match self.forms.plain_name(token) {
            Some(name) => Ok(Field::named(name)),
            None => self.forms.name(token).map(|name| Field::named(name.as_bytes())),
        }
    }

    fn take(&mut self, field: Field, token: Token) -> Fallible<()> {
        let Self { forms, draft, spare, rules, .. } = self;
        let place = forms.place();
        match field {
            Field::Type => draft.kind = Some(At { is: kind(forms, token)?, place }),
            Field::Process => draft.process = Some(At { is: process(forms, token)?, place }),
            Field::F => draft.f = Some(rules.symbols.intern(word(forms, token, "expected an f")?)),
            Field::Time => draft.time_ns = time_ns(forms)?.map(|is| At { is, place }),
            Field::Index => {
                let index = forms.small_number().and_then(|index| u64::try_from(index).ok());
                let is = index.ok_or_else(|| forms.unexpected("expected an index"))?;
                draft.index = Some(At { is, place });
            }
            Field::Value => {
                draft.value = At { is: forms.shape(token, &mut draft.value_text)?, place };
            }
            Field::Key => {
                spare.clear();
                forms.json(token, spare)?;
                draft.key = Some(rules.symbols.intern(spare));
            }
            Field::Node | Field::Error => {
                spare.clear();
                match token {
                    Token::Keyword | Token::Str { .. } => spare.push_str(forms.name(token)?),
                    _ => forms.json(token, spare)?,
                }
                let symbol = Some(rules.symbols.intern(spare));
                if field == Field::Node { draft.node = symbol } else { draft.error = symbol }
            }
            Field::Other => unreachable!("other fields are skipped"),
        }
        Ok(())
    }
}

/// A keyword, or in JSON a string.
pub(super) fn word<'a, R: BufRead>(
    forms: &'a mut Forms<R>,
    token: Token,
    expected: &str,
) -> Fallible<&'a str> {
    if !matches!(token, Token::Keyword | Token::Symbol | Token::Str { .. }) {
        return Err(forms.unexpected(expected));
    }
    forms.name(token)
}

pub(super) fn kind<R: BufRead>(forms: &Forms<R>, token: Token) -> Fallible<EventType> {
    match forms.plain_name(token) {
        Some(b"invoke") => Ok(EventType::Invoke),
        Some(b"ok") => Ok(EventType::Ok),
        Some(b"fail") => Ok(EventType::Fail),
        Some(b"info") => Ok(EventType::Info),
        _ => Err(forms.unexpected("expected the type invoke, ok, fail or info")),
    }
}

pub(super) fn process<R: BufRead>(forms: &Forms<R>, token: Token) -> Fallible<Process> {
    let expected = "expected a process number below 2^31 or nemesis";
    if token == Token::Number {
        let number = forms.small_number().and_then(|number| i32::try_from(number).ok());
        return match number {
            Some(number @ 0..) => Ok(Process::client(number.unsigned_abs())),
            _ => Err(forms.unexpected(expected)),
        };
    }
    match forms.plain_name(token) {
        Some(b"nemesis") => Ok(Process::NEMESIS),
        _ => Err(forms.unexpected(expected)),
    }
}

/// Jepsen writes -1 for an event that was made without a clock.
fn time_ns<R: BufRead>(forms: &Forms<R>) -> Fallible<Option<u64>> {
    match forms.small_number() {
        Some(-1) => Ok(None),
        Some(time_ns @ 0..) => Ok(Some(time_ns.unsigned_abs())),
        _ => Err(forms.unexpected("expected a time in whole nanoseconds, of at most 18 digits")),
    }
}
