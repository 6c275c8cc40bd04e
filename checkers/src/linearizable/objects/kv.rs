//! Keys with values: get, put, append, delete, compare-and-set; each key alone.
//!
//! ```text
//!   get                                  what the key holds: nil if it is absent
//!   put v, delete (put nil), cas [u, v]
//!   append p   text and text             one behind the other     "ab" + "c" = "abc"
//!              a list and anything       one element more         [1, 2] + 3 = [1, 2, 3]
//!              nil and text              the text; a list of it if the initial value is a list
//!              nil and anything else     a list of it
//!              anything else             impossible
//! ```
//!
//! Nil, the empty text and the empty list are one value, since clients differ in what they answer
//! for an absent key (Porcupine's kv says `""`, Jepsen's nil) and a history does not tell which. If
//! the semantics name an initial value that is none of these, absence is not what keys
//! begin with, and they are three values.
//!
//! The procedure of its own ([`chain`]): keys without append, and keys where one can see of every
//! value how it came about, are registers. For the others, [`seen`] leaves few states to search.

mod chain;
mod seen;

use super::super::engine::{Found, Limits, Outcome};
use super::super::frontier;
use super::super::model::{Answer, Call, Misfit, Model, Monitored, Part};
use super::super::register;
use super::super::semantics::{FailedCas, NilRead, Semantics};
use crate::history::Datum;
use chain::Chain;
use seen::Seen;
use std::sync::Arc;

/// A procedure has no limits of its own; this much is little beside a search.
const CONFIGURATIONS_MIN: u64 = 100_000;
const CONFIGURATIONS_PER_OP: u64 = 20;
const BYTES_MAX: u64 = 256 << 20;

const NO_ORDER: &str = "no order of these operations gives every read the value that it found";

/// A text longer than this is shown by its ends.
const SHOWN_CHARS_MAX: usize = 60;

/// What a key holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Content {
    /// Nothing: the key is absent.
    Nil,
    /// A text.
    Text(Arc<str>),
    /// A list.
    List(Arc<[Datum]>),
    /// Anything else.
    Other(Datum),
}

/// What an operation asks of a key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum KvOp {
    /// Found this.
    Get(Content),
    /// Sets this; to delete is to set nil.
    Put(Content),
    /// Adds this at the end.
    Append(Datum),
    /// Found the first and set the second.
    Cas(Content, Content),
    /// Found something else than this: a compare-and-set that failed, where that says so.
    Miss(Content),
}

/// The specification.
#[derive(Clone, Debug)]
pub struct Kv {
    initial: Content,
    /// Whether nil, the empty text and the empty list are one value.
    empty_is_nil: bool,
    /// Whether a key that gets its first element becomes a list, even if that is a text.
    lists: bool,
    nil_read: NilRead,
    failed_cas: FailedCas,
}

impl Kv {
    /// Keys under these semantics.
    pub fn new(semantics: &Semantics) -> Self {
        let exact = Content::new(&semantics.initial, false);
        let empty_is_nil = exact.is_empty();
        Self {
            initial: Content::new(&semantics.initial, empty_is_nil),
            empty_is_nil,
            lists: matches!(exact, Content::List(_)),
            nil_read: semantics.nil_read,
            failed_cas: semantics.failed_cas,
        }
    }

    fn content(&self, datum: &Datum) -> Content {
        Content::new(datum, self.empty_is_nil)
    }

    fn pair(&self, datum: &Datum) -> Option<(Content, Content)> {
        match Content::new(datum, false) {
            Content::List(pair) => match &*pair {
                [from, to] => Some((self.content(from), self.content(to))),
                _ => None,
            },
            _ => None,
        }
    }

    /// What it holds after a piece was added.
    fn appended(&self, content: &Content, piece: &Datum) -> Option<Content> {
        match (content, text_of(piece)) {
            (Content::Nil, Some(piece)) if !self.lists => {
                Some(Content::Text(piece.into()).or_nil(self.empty_is_nil))
            }
            (Content::Nil, _) => Some(Content::List([piece.clone()].into())),
            (Content::Text(text), Some(piece)) => {
                Some(Content::Text([&**text, piece].concat().into()))
            }
            (Content::List(list), _) => {
                Some(Content::List(list.iter().chain([piece]).cloned().collect()))
            }
            (Content::Text(_) | Content::Other(_), _) => None,
        }
    }
}

impl Content {
    fn new(datum: &Datum, empty_is_nil: bool) -> Self {
        let content = match datum {
            Datum::Nil => Self::Nil,
            Datum::Int(_) => Self::Other(datum.clone()),
            Datum::Pair(one, two) => Self::List([Datum::Int(*one), Datum::Int(*two)].into()),
            Datum::Json(json) => match &**json {
                serde_json::Value::String(text) => Self::Text(text.as_str().into()),
                serde_json::Value::Array(list) => {
                    Self::List(list.iter().cloned().map(Datum::from_json).collect())
                }
                _ => Self::Other(datum.clone()),
            },
        };
        content.or_nil(empty_is_nil)
    }

    fn or_nil(self, empty_is_nil: bool) -> Self {
        if empty_is_nil && self.is_empty() { Self::Nil } else { self }
    }

    fn is_empty(&self) -> bool {
        !matches!(self, Self::Other(_)) && self.len() == 0
    }

    /// The bytes of a text, the elements of a list.
    fn len(&self) -> usize {
        match self {
            Self::Nil | Self::Other(_) => 0,
            Self::Text(text) => text.len(),
            Self::List(list) => list.len(),
        }
    }

    fn heap_bytes(&self) -> u64 {
        let bytes = match self {
            Self::Text(text) => text.len(),
            Self::List(list) => size_of_val(&**list),
            Self::Nil | Self::Other(_) => 0,
        };
        bytes as u64
    }
}

impl std::fmt::Display for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Nil => f.write_str("nil"),
            Self::Text(text) => f.write_str(&shown(&format!("{text:?}"))),
            Self::List(list) => {
                let elements: Vec<_> = list.iter().map(Datum::to_string).collect();
                f.write_str(&shown(&format!("[{}]", elements.join(" "))))
            }
            Self::Other(datum) => f.write_str(&shown(&datum.to_string())),
        }
    }
}

/// A text, or its two ends if it is long.
fn shown(text: &str) -> String {
    let chars = text.chars().count();
    if chars <= SHOWN_CHARS_MAX {
        return text.to_owned();
    }
    let end = SHOWN_CHARS_MAX / 2;
    let first: String = text.chars().take(end).collect();
    let last: String = text.chars().skip(chars - end).collect();
    format!("{first} ... {last} ({chars} characters)")
}

/// What a procedure says that did not refute.
fn at_most(found: &Found, unfit: String) -> Monitored {
    match found.outcome {
        Outcome::Legal => Monitored::Legal,
        _ => Monitored::Unfit(unfit),
    }
}

fn text_of(datum: &Datum) -> Option<&str> {
    match datum {
        Datum::Json(json) => json.as_str(),
        _ => None,
    }
}

impl Model for Kv {
    type Op = KvOp;
    type State = Content;

    fn read(&self, call: &Call<'_>) -> Result<Option<KvOp>, Misfit> {
        let op = match (call.f, &call.answer) {
            ("cas", answer) => {
                let pair = self.pair(&call.argument);
                let (from, to) = pair.ok_or(Misfit::Shape("[from, to] as the value of a cas"))?;
                match answer {
                    Answer::Fail(_) if self.failed_cas == FailedCas::DidNotHappen => {
                        return Ok(None);
                    }
                    Answer::Fail(_) => KvOp::Miss(from),
                    Answer::Ok(_) | Answer::Unknown => KvOp::Cas(from, to),
                }
            }
            ("get" | "read", Answer::Ok(Datum::Nil)) if self.nil_read == NilRead::Unconstrained => {
                return Ok(None);
            }
            ("get" | "read", Answer::Ok(found)) => KvOp::Get(self.content(found)),
            ("get" | "read", Answer::Unknown) => return Ok(None),
            ("get" | "read" | "put" | "write" | "append" | "delete", Answer::Fail(_)) => {
                return Ok(None);
            }
            ("put" | "write", _) => KvOp::Put(self.content(&call.argument)),
            ("append", _) => KvOp::Append(call.argument.clone()),
            ("delete", _) => KvOp::Put(Content::Nil),
            _ => return Err(Misfit::Function("get, read, put, write, append, delete, cas")),
        };
        Ok(Some(op))
    }

    fn initial(&self) -> Content {
        self.initial.clone()
    }

    fn step(&self, state: &Content, op: &KvOp, next: &mut Vec<Content>) {
        match op {
            KvOp::Get(found) if found == state => next.push(state.clone()),
            KvOp::Miss(from) if from != state => next.push(state.clone()),
            KvOp::Get(_) | KvOp::Miss(_) => {}
            KvOp::Put(content) => next.push(content.clone()),
            KvOp::Append(piece) => next.extend(self.appended(state, piece)),
            KvOp::Cas(from, to) if from == state => next.push(to.clone()),
            KvOp::Cas(..) => {}
        }
    }

    fn observes_only(&self, op: &KvOp) -> bool {
        matches!(op, KvOp::Get(_) | KvOp::Miss(_))
    }

    fn monitor(&self, part: &Part<KvOp>) -> Monitored {
        let limits = Limits {
            configurations_max: CONFIGURATIONS_MIN + CONFIGURATIONS_PER_OP * part.ops.len() as u64,
            bytes_max: BYTES_MAX,
            stop: None,
            order: false,
        };
        match Chain::of(self, part) {
            Chain::Register { ops, values } => match register::decide(&ops, values, &limits) {
                Found { outcome: Outcome::Illegal, .. } => Monitored::Illegal {
                    culprits: chain::culprits(part, &ops, values, &limits),
                    sentence: NO_ORDER.to_owned(),
                },
                found => at_most(&found, "as a register it needs a longer search".to_owned()),
            },
            Chain::Impossible { culprits, sentence } => Monitored::Illegal { culprits, sentence },
            Chain::Unfit(why) => {
                let seen = Seen::of(self, part);
                match frontier::search(&seen, part, &[seen.initial()], &limits) {
                    Found { outcome: Outcome::Illegal, .. } => Monitored::Illegal {
                        culprits: (0..part.ops.len() as u32).collect(),
                        sentence: NO_ORDER.to_owned(),
                    },
                    found => at_most(&found, format!("{why}, and it needs a longer search")),
                }
            }
        }
    }

    fn state_heap_bytes(&self, state: &Content) -> u64 {
        state.heap_bytes()
    }

    fn op_text(&self, op: &KvOp) -> String {
        match op {
            KvOp::Get(found) => format!("get -> {found}"),
            KvOp::Put(Content::Nil) => "delete".to_owned(),
            KvOp::Put(content) => format!("put {content}"),
            KvOp::Append(piece) => format!("append {}", shown(&piece.to_string())),
            KvOp::Cas(from, to) => format!("cas {from} to {to}"),
            KvOp::Miss(from) => format!("cas from {from} -> found another value"),
        }
    }

    fn state_text(&self, state: &Content) -> String {
        state.to_string()
    }
}

#[cfg(test)]
mod tests;
