//! Sets and multisets.
//!
//! ```text
//!   add v       v is there (once more, in a multiset)      answered nil or v
//!   remove v    v is not there (once less)                 answered nil or v
//!   contains v  whether it is there                        true, or [v, true]
//!   count v     how often: multisets only                  n, or [v, n]
//!   read        all there is, in any order                 [v, w, ...]
//! ```
//!
//! `add` and `remove` say nothing of what they found: a second `add` to a set, and a `remove` of
//! what is not there, change nothing. A `fail` did not happen. A set is a multiset in which nothing
//! is there twice; one model serves both.
//!
//! All operations are one part, since a `read` is about every element. Where there is none, the
//! monitor judges element by element.

mod bounds;
mod element;
mod growing;
mod monitor;
#[cfg(test)]
mod tests;

use super::datum_order;
use crate::history::Datum;
use crate::linearizable::model::{Answer, Call, Misfit, Model, Monitored, Part};
use crate::linearizable::semantics::{NilRead, Semantics};
use std::sync::Arc;

/// What an operation asks of a set or a multiset, with its result.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SetOp {
    /// Put this element in.
    Add(Datum),
    /// Took this element out, if it was there.
    Remove(Datum),
    /// Found this element, or not.
    Contains(Datum, bool),
    /// Found this element so many times.
    Count(Datum, u64),
    /// Found exactly these elements, each so many times; in order, each once.
    Read(Arc<[(Datum, u64)]>),
}

/// A set or a multiset.
#[derive(Clone, Debug)]
pub struct Set {
    /// How often an element can be there.
    count_max: u64,
    nil_read: NilRead,
}

/// At most so many elements of a state or a read are written out.
const ELEMENTS_SHOWN_MAX: usize = 20;

impl Set {
    /// An empty set. Of the semantics it matters what a read says that was answered with nil.
    pub fn new(semantics: &Semantics) -> Self {
        Self { count_max: 1, nil_read: semantics.nil_read }
    }

    /// An empty multiset.
    pub fn multiset(semantics: &Semantics) -> Self {
        Self { count_max: u64::MAX, nil_read: semantics.nil_read }
    }

    fn is_multiset(&self) -> bool {
        self.count_max > 1
    }

    fn functions(&self) -> &'static str {
        if self.is_multiset() {
            "add, remove, contains, count and read"
        } else {
            "add, remove, contains and read"
        }
    }

    /// What a read found; nothing if it says nothing.
    fn found(&self, f: &str, element: &Datum, answer: &Datum) -> Result<Option<SetOp>, Misfit> {
        if *answer == Datum::Nil && self.nil_read == NilRead::Unconstrained {
            return Ok(None);
        }
        let op =
            match (f, answer) {
                ("read", Datum::Nil) => Some(SetOp::Read(Arc::default())),
                ("read", answer) => list(answer).map(|elements| SetOp::Read(counted(elements))),
                ("contains", answer) => truth(&about(element, answer))
                    .map(|found| SetOp::Contains(element.clone(), found)),
                (_, answer) => number(&about(element, answer))
                    .map(|count| SetOp::Count(element.clone(), count)),
            };
        op.map(Some).ok_or(Misfit::Shape(match f {
            "read" => "the list of all elements as the answer of read",
            "contains" => "true or false, or [element, true or false], as the answer of contains",
            _ => "how often it is there, or [element, how often], as the answer of count",
        }))
    }
}

/// The answer without the element that it is about, if that is repeated in it.
fn about(element: &Datum, answer: &Datum) -> Datum {
    match list(answer).as_deref() {
        Some([about, answer]) if about == element => answer.clone(),
        _ => answer.clone(),
    }
}

fn truth(answer: &Datum) -> Option<bool> {
    match answer {
        Datum::Json(json) => json.as_bool(),
        _ => None,
    }
}

fn number(answer: &Datum) -> Option<u64> {
    match answer {
        Datum::Int(number) => u64::try_from(*number).ok(),
        _ => None,
    }
}

fn list(answer: &Datum) -> Option<Vec<Datum>> {
    match answer {
        Datum::Pair(a, b) => Some(vec![Datum::Int(*a), Datum::Int(*b)]),
        Datum::Json(json) => {
            let list = json.as_array()?;
            Some(list.iter().cloned().map(Datum::from_json).collect())
        }
        Datum::Nil | Datum::Int(_) => None,
    }
}

/// In order, each with how often it is there.
fn counted(mut elements: Vec<Datum>) -> Arc<[(Datum, u64)]> {
    elements.sort_by(datum_order::compare);
    let mut counted: Vec<(Datum, u64)> = Vec::with_capacity(elements.len());
    for element in elements {
        match counted.last_mut() {
            Some((last, count)) if *last == element => *count += 1,
            _ => counted.push((element, 1)),
        }
    }
    counted.into()
}

/// Where an element is in a state, or would be.
fn place(state: &[(Datum, u64)], element: &Datum) -> Result<usize, usize> {
    state.binary_search_by(|(other, _)| datum_order::compare(other, element))
}

impl Model for Set {
    type Op = SetOp;
    /// In order, each element with how often it is there: at least once.
    type State = Vec<(Datum, u64)>;

    fn read(&self, call: &Call<'_>) -> Result<Option<SetOp>, Misfit> {
        let argument = &call.argument;
        let known = ["add", "remove", "contains", "read"].contains(&call.f)
            || call.f == "count" && self.is_multiset();
        if !known {
            return Err(Misfit::Function(self.functions()));
        }
        let changes = matches!(call.f, "add" | "remove");
        match &call.answer {
            Answer::Fail(_) => return Ok(None),
            Answer::Unknown if !changes => return Ok(None),
            Answer::Ok(_) | Answer::Unknown => {}
        }
        if call.f != "read" && *argument == Datum::Nil {
            return Err(Misfit::Shape("an element as the argument"));
        }
        match (&call.answer, call.f) {
            (Answer::Ok(answer), "contains" | "count" | "read") => {
                return self.found(call.f, argument, answer);
            }
            (Answer::Ok(answer), _) if *answer != Datum::Nil && answer != argument => {
                return Err(Misfit::Shape("nil or the element itself as the answer"));
            }
            _ => {}
        }
        let op = if call.f == "add" { SetOp::Add } else { SetOp::Remove };
        Ok(Some(op(argument.clone())))
    }

    fn initial(&self) -> Self::State {
        Vec::new()
    }

    fn step(&self, state: &Self::State, op: &SetOp, next: &mut Vec<Self::State>) {
        let count = |element| place(state, element).map_or(0, |place| state[place].1);
        let legal = match op {
            SetOp::Add(element) => {
                let mut state = state.clone();
                match place(&state, element) {
                    Ok(place) => state[place].1 = self.count_max.min(state[place].1 + 1),
                    Err(place) => state.insert(place, (element.clone(), 1)),
                }
                return next.push(state);
            }
            SetOp::Remove(element) => {
                let mut state = state.clone();
                if let Ok(place) = place(&state, element) {
                    state[place].1 -= 1;
                    state.retain(|(_, count)| *count > 0);
                }
                return next.push(state);
            }
            SetOp::Contains(element, found) => (count(element) > 0) == *found,
            SetOp::Count(element, found) => count(element) == *found,
            SetOp::Read(elements) => **elements == **state,
        };
        if legal {
            next.push(state.clone());
        }
    }

    fn observes_only(&self, op: &SetOp) -> bool {
        matches!(op, SetOp::Contains(..) | SetOp::Count(..) | SetOp::Read(_))
    }

    // There are no groups. What concerns one element cannot be taken out as long as a read lists
    // it: take out `add 1` and `read -> [1]` is impossible.

    fn monitor(&self, part: &Part<SetOp>) -> Monitored {
        monitor::decide(self, part)
    }

    fn state_heap_bytes(&self, state: &Self::State) -> u64 {
        size_of_val(state.as_slice()) as u64
    }

    fn op_text(&self, op: &SetOp) -> String {
        let text = super::container::value_text;
        match op {
            SetOp::Add(element) => format!("add {}", text(element)),
            SetOp::Remove(element) => format!("remove {}", text(element)),
            SetOp::Contains(element, found) => format!("contains {} -> {found}", text(element)),
            SetOp::Count(element, found) => format!("count {} -> {found}", text(element)),
            SetOp::Read(elements) => format!("read -> {}", self.elements_text(elements)),
        }
    }

    fn state_text(&self, state: &Self::State) -> String {
        self.elements_text(state)
    }
}

impl Set {
    /// `{1 2 (twice) 3}`.
    fn elements_text(&self, elements: &[(Datum, u64)]) -> String {
        let text = |(element, count): &(Datum, u64)| {
            let element = super::container::value_text(element);
            match count {
                1 => element,
                2 => format!("{element} (twice)"),
                count => format!("{element} ({count} times)"),
            }
        };
        let shown: Vec<String> = elements.iter().take(ELEMENTS_SHOWN_MAX).map(text).collect();
        let more = elements.len() - shown.len();
        let rest = if more == 0 { String::new() } else { format!(" and {more} more") };
        format!("{{{}{rest}}}", shown.join(" "))
    }
}
