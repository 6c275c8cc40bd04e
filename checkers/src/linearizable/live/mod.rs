//! Judging while events come: what is decided is forgotten, and a violation is said at once.

use super::object::Object;
use super::semantics::Semantics;
use crate::history::{Event, Symbols};

/// A checker that takes events as they come.
#[derive(Debug)]
pub struct Live {}

/// What was found while events still came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The index of the event with which it became certain.
    pub index: usize,
    /// The key, as JSON text.
    pub key: Option<String>,
    /// One sentence saying what contradicts what.
    pub sentence: String,
}

/// What is known when no more events come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Everything is explained.
    Valid,
    /// It could not be decided within bounded memory, and why.
    Unknown(String),
    /// It is not linearizable.
    Invalid(Violation),
}

impl Live {
    /// A checker that holds at most so many bytes, as far as it can count them.
    pub fn new(object: &Object, semantics: &Semantics, bytes_max: u64) -> Self {
        let _ = (object, semantics, bytes_max);
        Self {}
    }

    /// Takes the next event; events come in order of their index. A violation is given once.
    pub fn event(&mut self, index: usize, event: &Event, symbols: &Symbols) -> Option<Violation> {
        let _ = (index, event, symbols);
        None
    }

    /// No more events come: what is open stays open.
    pub fn finish(self) -> Ending {
        Ending::Unknown("nothing was judged".to_owned())
    }

    /// The bytes that are held now, as far as they are counted.
    pub fn bytes(&self) -> u64 {
        0
    }
}
