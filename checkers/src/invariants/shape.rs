//! Values as the invariants look at them: lists, maps and what stands in them, straight from the
//! canonical JSON text, without building a tree.
//!
//! ```text
//!   Value     Pair(1, 2)          Interned "[1,[2,3],\"x\"]"       Interned "{\"0\":10}"
//!   items     Int 1, Int 2        Int 1, Pair 2 3, Text "\"x\""    none: it is no list
//!   fields    none                none                             ("0", Int 10)
//! ```
//!
//! A list of two small numbers is a `Pair`, be it the value of a read or an element: both are the
//! same value, so both are the same [`Item`]. What is no canonical JSON (only a history that was
//! made by hand has it) becomes some text or other, never a panic.

use crate::history::jsonl::{parse_i64, parse_pair};
use crate::history::{History, Value};

/// A value that can be compared and hashed: equal if what it stands for is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Item<'a> {
    /// Nothing.
    Nil,
    /// A whole number.
    Int(i64),
    /// A list of two small numbers.
    Pair(i32, i32),
    /// Anything else, as canonical JSON text.
    Text(&'a str),
}

impl<'a> Item<'a> {
    /// A value of this history.
    pub(super) fn of(history: &'a History, value: Value) -> Self {
        match value {
            Value::Nil => Self::Nil,
            Value::Int(number) => Self::Int(number),
            Value::Pair(a, b) => Self::Pair(a, b),
            Value::Interned(symbol) => Self::of_text(history.text(symbol)),
        }
    }

    /// What this canonical JSON text says.
    pub(super) fn of_text(text: &'a str) -> Self {
        match text.as_bytes().first() {
            Some(b'-' | b'0'..=b'9') => parse_i64(text).map_or(Self::Text(text), Self::Int),
            Some(b'[') => parse_pair(text).map_or(Self::Text(text), |(a, b)| Self::Pair(a, b)),
            Some(b'n') if text == "null" => Self::Nil,
            _ => Self::Text(text),
        }
    }

    /// What stands in the list; nothing if it is no list.
    pub(super) fn items(self) -> Option<Items<'a>> {
        match self {
            Self::Pair(a, b) => Some(Items::Pair(Some(a), Some(b))),
            Self::Text(text) => Some(Items::Text(text.strip_prefix('[')?.strip_suffix(']')?)),
            Self::Nil | Self::Int(_) => None,
        }
    }

    /// Name and value of each field of the map, a name without its quotes; nothing if it is none.
    pub(super) fn fields(self) -> Option<Fields<'a>> {
        let Self::Text(text) = self else { return None };
        Some(Fields(text.strip_prefix('{')?.strip_suffix('}')?))
    }

    /// The number, if it is one.
    pub(super) fn int(self) -> Option<i64> {
        if let Self::Int(number) = self { Some(number) } else { None }
    }

    /// The JSON text.
    pub(super) fn text(self) -> String {
        match self {
            Self::Nil => "nil".to_owned(),
            Self::Int(number) => number.to_string(),
            Self::Pair(a, b) => format!("[{a},{b}]"),
            Self::Text(text) => text.to_owned(),
        }
    }
}

/// The elements of a list.
#[derive(Clone, Copy, Debug)]
pub(super) enum Items<'a> {
    Pair(Option<i32>, Option<i32>),
    /// What is left between the brackets.
    Text(&'a str),
}

impl<'a> Iterator for Items<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        match self {
            Self::Pair(a, b) => {
                a.take().or_else(|| b.take()).map(|number| Item::Int(number.into()))
            }
            Self::Text("") => None,
            Self::Text(rest) => {
                if let Some((number, length)) = small(rest.as_bytes()) {
                    *rest = &rest[length..];
                    return Some(Item::Int(number));
                }
                Some(Item::of_text(cut(rest)))
            }
        }
    }
}

/// The fields of a map.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'a>(&'a str);

impl<'a> Iterator for Fields<'a> {
    type Item = (&'a str, Item<'a>);

    fn next(&mut self) -> Option<(&'a str, Item<'a>)> {
        if self.0.is_empty() {
            return None;
        }
        let end = string_end(self.0.as_bytes());
        let (name, rest) = self.0.split_at_checked(end).unwrap_or((self.0, ""));
        let name = name.strip_prefix('"').unwrap_or(name);
        let name = name.strip_suffix('"').unwrap_or(name);
        self.0 = rest.strip_prefix(':').unwrap_or(rest);
        if let Some((number, length)) = small(self.0.as_bytes()) {
            self.0 = &self.0[length..];
            return Some((name, Item::Int(number)));
        }
        Some((name, Item::of_text(cut(&mut self.0))))
    }
}

/// So many digits always fit.
const DIGITS_MAX: usize = 18;

/// The number without sign at the beginning, if a comma or the end follows it, and its length with
/// the comma: nearly everything that stands in long lists.
#[inline]
fn small(bytes: &[u8]) -> Option<(i64, usize)> {
    let mut number = 0;
    let mut length = 0;
    while let Some(digit @ b'0'..=b'9') = bytes.get(length).copied() {
        if length == DIGITS_MAX {
            return None;
        }
        number = number * 10 + i64::from(digit - b'0');
        length += 1;
    }
    // Canonical JSON has no leading zeros.
    if length == 0 || (length > 1 && bytes[0] == b'0') {
        return None;
    }
    match bytes.get(length) {
        None => Some((number, length)),
        Some(b',') => Some((number, length + 1)),
        Some(_) => None,
    }
}

/// Cuts off the value at the beginning and the comma behind it.
fn cut<'a>(rest: &mut &'a str) -> &'a str {
    let bytes = rest.as_bytes();
    let (mut at, mut depth) = (0, 0usize);
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => {
                at += string_end(&bytes[at..]);
                continue;
            }
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => break,
            _ => {}
        }
        at += 1;
    }
    // All bytes looked for are ASCII, so that both ends are ends of characters.
    let (value, behind) = rest.split_at(at);
    *rest = behind.strip_prefix(',').unwrap_or("");
    value
}

/// The length of the string at the beginning with its quotes, or of everything.
fn string_end(bytes: &[u8]) -> usize {
    let mut at = 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Datum;
    use proptest::prelude::*;
    use serde_json::{Value as Json, json};

    fn any_json() -> impl Strategy<Value = Json> {
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::from),
            any::<i64>().prop_map(Json::from),
            (0i64..100).prop_map(Json::from),
            "[a-z\"\\\\,\\[\\]{}:\u{e4}\n]{0,5}".prop_map(Json::from),
        ];
        leaf.prop_recursive(3, 20, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
                prop::collection::hash_map("[a-z\"\\\\,:]{0,3}", inner, 0..4)
                    .prop_map(|fields| Json::Object(fields.into_iter().collect())),
            ]
        })
    }

    fn value_of(history: &mut History, json: &Json) -> Value {
        history.compact(&Datum::from_json(json.clone()))
    }

    proptest! {
        /// The slow way is to read the text into a tree.
        #[test]
        fn lists_and_maps_are_cut_as_a_parser_does_it(json in any_json()) {
            let mut history = History::new();
            let value = value_of(&mut history, &json);
            let item = Item::of(&history, value);
            let items: Option<Vec<String>> = item.items().map(|items| items.map(text).collect());
            let list = json.as_array();
            let expected = list.map(|list| list.iter().map(Json::to_string).collect::<Vec<_>>());
            prop_assert_eq!(items, expected);
            let fields: Option<Vec<(String, String)>> = item.fields().map(|fields| {
                fields.map(|(name, item)| (format!("\"{name}\""), text(item))).collect()
            });
            let expected = json.as_object().map(|map| {
                map.iter()
                    .map(|(name, value)| (Json::from(name.as_str()).to_string(), value.to_string()))
                    .collect::<Vec<_>>()
            });
            prop_assert_eq!(fields, expected);
        }

        #[test]
        fn text_that_is_no_json_is_cut_without_a_panic(text in ".{0,20}") {
            for text in [format!("[{text}]"), format!("{{{text}}}")] {
                let item = Item::of_text(&text);
                let _ = item.items().map(Iterator::count);
                let _ = item.fields().map(Iterator::count);
            }
        }
    }

    fn text(item: Item<'_>) -> String {
        if item == Item::Nil { "null".to_owned() } else { item.text() }
    }

    #[test]
    fn a_pair_is_the_same_item_as_a_value_and_as_an_element() {
        let mut history = History::new();
        let alone = value_of(&mut history, &json!([1, -2]));
        let within = value_of(&mut history, &json!([[1, -2], 3, 4]));
        assert_eq!(alone, Value::Pair(1, -2));
        let mut items = Item::of(&history, within).items().unwrap();
        assert_eq!(items.next(), Some(Item::of(&history, alone)));
    }
}
