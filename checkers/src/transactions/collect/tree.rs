//! The long way: any JSON, and every mistake named.

use super::{Kind, QUOTED_CHARS_MAX, Reads, Rows};
use crate::transactions::atom::Atom;
use crate::transactions::table::{KeyId, List, Mop, Timestamps};
use crate::words::quoted;
use serde_json::Value as Json;

impl Rows {
    /// Adds the micro-operations of a value.
    ///
    /// # Errors
    /// What was expected, and what was found.
    pub(super) fn tree(&mut self, text: &str, reads: Reads) -> Result<Timestamps, String> {
        let json = serde_json::from_str::<Json>(text)
            .map_err(|_| expected("JSON nested less than 128 levels deep", text))?;
        let timestamp = |name| match json.get(name) {
            None | Some(Json::Null) => Ok(None),
            Some(number) => number.as_u64().map(Some).ok_or_else(|| {
                expected(&format!("a whole number from 0 to 2^64 - 1 as {name}"), number)
            }),
        };
        let (txn, timestamps) = match json.get("txn") {
            Some(txn) => {
                let (start, commit) = (timestamp("start_ts")?, timestamp("commit_ts")?);
                (txn, Timestamps { start, commit })
            }
            None => (&json, Timestamps::default()),
        };
        let mops = txn.as_array().ok_or_else(|| expected(self.kind.array(), txn))?;
        for mop in mops {
            let mop = self.branch(mop, reads)?;
            self.table.mops.push(mop);
        }
        Ok(timestamps)
    }

    fn branch(&mut self, mop: &Json, reads: Reads) -> Result<Mop, String> {
        let wrong = |what: &str| Err(expected(what, mop));
        let parts = mop.as_array().map_or(&[][..], Vec::as_slice);
        let name = parts.first().and_then(Json::as_str);
        let (Some(name), Some(key)) = (name, parts.get(1)) else {
            return wrong(self.kind.micro());
        };
        let is_write = name == self.kind.write();
        if !is_write && name != "r" || parts.len() > 3 {
            return wrong(self.kind.micro());
        }
        let key = self.tree_key(key)?;
        match (parts.get(2), self.kind) {
            (None, _) if is_write => wrong("a value in the write"),
            (Some(element), Kind::ListAppend) if is_write => {
                Ok(Mop::Append(key, self.tree_atom(element)))
            }
            (Some(Json::Null), _) if is_write => {
                wrong("a value other than null, which stands for a key that was never written")
            }
            (Some(value), Kind::RwRegister | Kind::ClosedPredicate) if is_write => {
                Ok(Mop::Write(key, self.tree_atom(value)))
            }
            (None, _) if reads == Reads::Answered => {
                wrong("what the read of an ok transaction saw")
            }
            (None | Some(Json::Null), _) if reads != Reads::Answered => Ok(Mop::Unknown(key)),
            (Some(Json::Null), Kind::ListAppend) => Ok(Mop::List(key, List::prefix(0))),
            (Some(Json::Array(elements)), Kind::ListAppend) => self.tree_list(key, elements, reads),
            (_, Kind::ListAppend) => wrong("a list where a list was read"),
            (Some(Json::Array(_) | Json::Object(_)), Kind::RwRegister | Kind::ClosedPredicate) => {
                wrong("one value where a register was read")
            }
            (value, Kind::RwRegister | Kind::ClosedPredicate) => {
                let value = self.tree_atom(value.unwrap_or(&Json::Null));
                let unknown = reads == Reads::Unknown;
                Ok(if unknown { Mop::Unknown(key) } else { Mop::Read(key, value) })
            }
        }
    }

    fn tree_list(&mut self, key: KeyId, elements: &[Json], reads: Reads) -> Result<Mop, String> {
        self.elements.clear();
        for element in elements {
            let element = self.tree_atom(element);
            self.elements.push(element);
        }
        Ok(if reads == Reads::Unknown { Mop::Unknown(key) } else { self.list(key) })
    }

    fn tree_key(&mut self, name: &Json) -> Result<KeyId, String> {
        let key = self.tree_atom(name);
        self.key(key).ok_or_else(|| {
            let first = self.table.key_text(KeyId(0));
            let first = quoted(&first, QUOTED_CHARS_MAX);
            let what = if self.table.atoms.is_int(key) { "no integer" } else { "an integer" };
            expected(&format!("{what} as key, as the first one, {first}, is"), name)
        })
    }

    fn tree_atom(&mut self, value: &Json) -> Atom {
        match value.as_i64() {
            Some(number) => self.table.atoms.int(number),
            None => self.table.atoms.json(&value.to_string()),
        }
    }
}

impl Kind {
    pub(super) fn array(self) -> &'static str {
        match self {
            Self::ListAppend => "an array of micro-operations [\"append\",k,v] and [\"r\",k,[...]]",
            Self::RwRegister => "an array of micro-operations [\"w\",k,v] and [\"r\",k,v]",
            Self::ClosedPredicate => {
                "an array of micro-operations [\"insert\",k,v], [\"w\",k,v], [\"delete\",k], \
                 [\"r\",k,v], [\"rp\",predicate,{..}] and [\"count\",predicate,n]"
            }
        }
    }

    pub(super) fn micro(self) -> &'static str {
        match self {
            Self::ListAppend => "a micro-operation [\"append\",k,v] or [\"r\",k,[...]]",
            Self::RwRegister => "a micro-operation [\"w\",k,v] or [\"r\",k,v]",
            Self::ClosedPredicate => {
                "a micro-operation [\"insert\",k,v], [\"w\",k,v], [\"delete\",k], [\"r\",k,v], \
                 [\"rp\",predicate,{..}] or [\"count\",predicate,n]"
            }
        }
    }

    fn write(self) -> &'static str {
        match self {
            Self::ListAppend => "append",
            Self::RwRegister | Self::ClosedPredicate => "w",
        }
    }
}

pub(super) fn expected(what: &str, found: impl std::fmt::Display) -> String {
    format!("expected {what}, found {}", quoted(&found.to_string(), QUOTED_CHARS_MAX))
}
