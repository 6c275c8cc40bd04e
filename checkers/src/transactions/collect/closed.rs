//! Transactions with predicates: inserts, deletes, and reads of everything that matches.
//!
//! ```text
//!   init  {"x":1,"y":2}                       what there is at first
//!   txn   [["insert",k,v],["w",k,v],["delete",k],["r",k,v],
//!          ["rp",PREDICATE,{"x":1}],["count",PREDICATE,1]]
//!   PREDICATE   "true" | ["=",v] | ["mod",m,r]
//! ```
//!
//! A predicate is kept as a key of its own, named after it, and what it matched as that key's
//! value; so that whoever shows a transaction shows it, too. A deletion is a write of null. Keys
//! are the same if their texts are: the keys of a JSON object are always strings.

use super::tree::expected;
use super::{Kind, Reads, Rows};
use crate::history::jsonl::parse_i64;
use crate::transactions::atom::Atom;
use crate::transactions::predicate::{Predicate, Test};
use crate::transactions::table::{KeyId, Mop, Timestamps, TxnId};
use serde_json::Value as Json;

impl Rows {
    /// Adds the micro-operations of a value, or of the initial state.
    ///
    /// # Errors
    /// What was expected, and what was found.
    pub(super) fn closed(&mut self, text: &str, reads: Reads) -> Result<Timestamps, String> {
        let json = serde_json::from_str::<Json>(text)
            .map_err(|_| expected("JSON nested less than 128 levels deep", text))?;
        match &json {
            Json::Array(mops) => {
                for mop in mops {
                    let mop = self.closed_mop(mop, reads)?;
                    self.table.mops.push(mop);
                }
            }
            Json::Object(state) => {
                let txn = u32::try_from(self.table.txns.len());
                self.table.closed.init.push(TxnId(txn.expect("rows are counted in 32 bits")));
                for (key, value) in state {
                    let key = self.named(key)?;
                    let value = self.value(value)?;
                    self.table.mops.push(Mop::Write(key, value));
                }
            }
            other => return Err(expected(Kind::ClosedPredicate.array(), other)),
        }
        Ok(Timestamps::default())
    }

    fn closed_mop(&mut self, mop: &Json, reads: Reads) -> Result<Mop, String> {
        let parts = mop.as_array().map_or(&[][..], Vec::as_slice);
        let wrong = |what: &str| expected(what, mop);
        let (Some(name), Some(subject)) = (parts.first().and_then(Json::as_str), parts.get(1))
        else {
            return Err(wrong(Kind::ClosedPredicate.micro()));
        };
        let value = parts.get(2).unwrap_or(&Json::Null);
        match name {
            "insert" | "w" => {
                let key = self.subject(subject)?;
                let value = self.value(value).map_err(|_| wrong("a value other than null"))?;
                Ok(Mop::Write(key, value))
            }
            "delete" => Ok(Mop::Write(self.subject(subject)?, Atom::NIL)),
            "r" => {
                let key = self.subject(subject)?;
                let known = reads == Reads::Answered || reads == Reads::Perhaps && !value.is_null();
                Ok(if known { Mop::Read(key, self.any(value)) } else { Mop::Unknown(key) })
            }
            "rp" | "count" => {
                let count = name == "count";
                let key = self.predicate(subject, count)?;
                if reads != Reads::Answered {
                    return Ok(Mop::Unknown(key));
                }
                let result = match value {
                    Json::Object(matched) if !count => self.matched(matched)?,
                    Json::Number(number) if count && number.is_u64() => self.any(value),
                    _ if count => return Err(wrong("how many there were")),
                    _ => return Err(wrong("an object of the keys and values that matched")),
                };
                Ok(Mop::Read(key, result))
            }
            _ => Err(wrong(Kind::ClosedPredicate.micro())),
        }
    }

    /// What a predicate read saw, as a value that stands for all of it.
    fn matched(&mut self, matched: &serde_json::Map<String, Json>) -> Result<Atom, String> {
        let text = serde_json::to_string(matched).expect("a map of JSON is JSON");
        let atom = self.table.atoms.json(&text);
        if !self.table.closed.matched.contains_key(&atom) {
            let mut seen = Vec::with_capacity(matched.len());
            for (key, value) in matched {
                seen.push((self.named(key)?, self.value(value)?));
            }
            seen.sort_unstable();
            self.table.closed.matched.insert(atom, seen.into());
        }
        Ok(atom)
    }

    fn predicate(&mut self, text: &Json, count: bool) -> Result<KeyId, String> {
        let name = format!("{} {text}", if count { "count" } else { "rp" });
        let name = self.table.atoms.json(&Json::String(name).to_string());
        if let Some(key) = self.keys.get(&name) {
            return match self.table.closed.predicates.contains_key(key) {
                true => Ok(*key),
                false => Err(expected("a key that is named unlike a predicate", text)),
            };
        }
        let test = self.test(text).ok_or_else(|| {
            expected("a predicate, \"true\", [\"=\",v] or [\"mod\",m,r] with m > 0", text)
        })?;
        let key = self.new_key(name);
        self.table.closed.predicates.insert(key, Predicate { test, count });
        Ok(key)
    }

    fn test(&mut self, text: &Json) -> Option<Test> {
        if text.as_str() == Some("true") || text.as_bool() == Some(true) {
            return Some(Test::Anything);
        }
        let parts = text.as_array()?;
        match (parts.first()?.as_str()?, &parts[1..]) {
            ("=", [value]) if !value.is_null() => Some(Test::Equals(self.any(value))),
            ("mod", [modulus, rest]) => {
                let modulus = modulus.as_i64().filter(|modulus| *modulus > 0)?;
                Some(Test::Modulo(modulus, rest.as_i64()?))
            }
            _ => None,
        }
    }

    fn subject(&mut self, name: &Json) -> Result<KeyId, String> {
        match name {
            Json::String(text) => self.named(text),
            other => self.named(&other.to_string()),
        }
    }

    fn named(&mut self, text: &str) -> Result<KeyId, String> {
        let atoms = &mut self.table.atoms;
        let name = match parse_i64(text) {
            Some(number) => atoms.int(number),
            None => atoms.json(&Json::from(text).to_string()),
        };
        match self.keys.get(&name) {
            Some(key) if self.table.closed.predicates.contains_key(key) => {
                Err(expected("a key that is named unlike a predicate", text))
            }
            Some(key) => Ok(*key),
            None => Ok(self.new_key(name)),
        }
    }

    fn value(&mut self, value: &Json) -> Result<Atom, String> {
        if value.is_null() {
            return Err(expected("a value other than null, which stands for nothing", value));
        }
        Ok(self.any(value))
    }

    fn any(&mut self, value: &Json) -> Atom {
        match value.as_i64() {
            Some(number) => self.table.atoms.int(number),
            None => self.table.atoms.json(&value.to_string()),
        }
    }
}
