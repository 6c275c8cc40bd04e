//! Operations and outcomes as clients see them, before they become rows.

use std::borrow::Cow;

/// A value in full. The common shapes need no allocation.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub enum Datum {
    /// Nothing.
    #[default]
    Nil,
    /// A number.
    Int(i64),
    /// Two numbers: the `[from, to]` of a compare-and-set.
    Pair(i64, i64),
    /// Anything else.
    Json(Box<serde_json::Value>),
}

impl Datum {
    /// Reads the canonical form of a JSON value; text that is no JSON stands for itself.
    pub fn from_json_text(text: &str) -> Self {
        match serde_json::from_str(text) {
            Ok(json) => Self::from_json(json),
            Err(_) => Self::Json(Box::new(serde_json::Value::String(text.to_owned()))),
        }
    }

    /// The canonical form of a JSON value: what fits a small shape takes it.
    pub fn from_json(json: serde_json::Value) -> Self {
        if json.is_null() {
            return Self::Nil;
        }
        if let Some(number) = json.as_i64() {
            return Self::Int(number);
        }
        if let Some([from, to]) = json.as_array().map(Vec::as_slice)
            && let (Some(from), Some(to)) = (from.as_i64(), to.as_i64())
        {
            return Self::Pair(from, to);
        }
        Self::Json(Box::new(json))
    }

    /// The value as JSON.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Nil => serde_json::Value::Null,
            Self::Int(number) => (*number).into(),
            Self::Pair(from, to) => vec![*from, *to].into(),
            Self::Json(json) => (**json).clone(),
        }
    }
}

impl std::fmt::Display for Datum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Nil => f.write_str("nil"),
            Self::Int(number) => write!(f, "{number}"),
            Self::Pair(from, to) => write!(f, "[{from} {to}]"),
            Self::Json(json) => write!(f, "{json}"),
        }
    }
}

/// What a client is asked to do: no process, node or time yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Op {
    /// The function, one of the interface's: `read`, `write`, `cas`, ...
    pub f: &'static str,
    /// The key, for objects that have one.
    pub key: Option<i64>,
    /// The argument.
    pub value: Datum,
}

/// What became of an operation. To call an open outcome a `Fail` makes false accusations: a
/// time-out of anything but a pure read is `Info`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It happened, with this result.
    Ok(Datum),
    /// It certainly did not happen.
    Fail(Cow<'static, str>),
    /// Nobody knows.
    Info(Cow<'static, str>),
}
