//! A message in a few words.
//!
//! Texts of a trace are how Rust prints a value for debugging, and most of it is grammar:
//!
//! ```text
//!   RaftMessage { term: 3, body: Append { stamp: Stamp { sequence: 5, sent_ns: 17931204000 },
//!                 previous: Position { index: 17, term: 2 }, commit: 16, entries: [Entry { .. }] } }
//!   Append entries ×1 term 3 commit 16 previous 17/2
//! ```
//!
//! Wrappers go, what a list holds comes first and is only counted, then simple fields, and pairs
//! become `17/2`. Times of some clock are left out, and stamps that hold one. What is no such text
//! comes out nearly as it went in.

use crate::text::bounded;

/// Longer texts are not read at all.
const BYTES_MAX: usize = 4_096;

/// Deeper values are not looked into.
const DEPTH_MAX: usize = 12;

/// Numbers from here on are times, not terms, places or values.
const TIMES_FROM: u64 = 1_000_000;

/// A value as it was printed.
#[derive(Debug)]
enum Printed<'a> {
    Leaf(&'a str),
    List(usize),
    Compound { name: &'a str, fields: Vec<(&'a str, Printed<'a>)> },
}

/// The text in a few words.
pub(super) fn gist(text: &str) -> String {
    if text.len() > BYTES_MAX {
        return bounded(text, 80);
    }
    let mut reader = Reader { rest: text };
    let printed = reader.value(0);
    if !reader.rest.trim().is_empty() {
        return text.to_owned();
    }
    let words = words(&printed);
    if words.is_empty() { text.to_owned() } else { words }
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn skip(&mut self, token: char) -> bool {
        self.rest = self.rest.trim_start();
        let found = self.rest.strip_prefix(token);
        self.rest = found.unwrap_or(self.rest);
        found.is_some()
    }

    /// Up to a character of the grammar.
    fn word(&mut self) -> &'a str {
        self.rest = self.rest.trim_start();
        let end = if self.rest.starts_with('"') {
            string_end(self.rest)
        } else {
            self.rest.find(['{', '(', '[', ',', ')', ']', '}', ':']).unwrap_or(self.rest.len())
        };
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word.trim_end()
    }

    /// A value; the end of the text ends everything that is open, for texts are cut.
    fn value(&mut self, depth: usize) -> Printed<'a> {
        let name = self.word();
        if depth == DEPTH_MAX {
            return Printed::Leaf(name);
        }
        if self.skip('[') {
            return Printed::List(self.fields(']', depth).len());
        }
        let close = match (self.skip('{'), self.skip('(')) {
            (true, _) => '}',
            (_, true) => ')',
            _ => return Printed::Leaf(name),
        };
        Printed::Compound { name, fields: self.fields(close, depth) }
    }

    fn fields(&mut self, close: char, depth: usize) -> Vec<(&'a str, Printed<'a>)> {
        let mut fields = Vec::new();
        while !self.rest.trim_start().is_empty() && !self.skip(close) {
            let before = self.rest;
            let label = self.word();
            if self.skip(':') {
                fields.push((label, self.value(depth + 1)));
            } else {
                self.rest = before;
                fields.push(("", self.value(depth + 1)));
            }
            if !self.skip(',') && self.rest.len() == before.len() {
                // No grammar that is known here: nothing was read, and nothing will be.
                break;
            }
        }
        fields
    }
}

/// Behind the closing quotation mark.
fn string_end(text: &str) -> usize {
    let mut escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn words(printed: &Printed<'_>) -> String {
    match printed {
        Printed::Leaf(leaf) => (*leaf).to_owned(),
        Printed::List(length) => format!("×{length}"),
        Printed::Compound { name, fields } => compound(name, fields),
    }
}

fn compound(name: &str, fields: &[(&str, Printed<'_>)]) -> String {
    if let [("", inner @ Printed::Compound { name: inner_name, .. })] = fields
        && (name == "Some" || *inner_name != "Some")
    {
        return words(inner);
    }
    let body = fields.iter().position(|(label, value)| {
        matches!(*label, "body" | "message" | "payload") && !matches!(value, Printed::List(_))
    });
    let (name, inner): (&str, &[_]) = match body.map(|at| &fields[at].1) {
        Some(Printed::Compound { name, fields }) => (name, fields),
        Some(Printed::Leaf(name)) => (name, &[]),
        _ => (name, &[]),
    };
    let outer = fields.iter().enumerate().filter(|(at, _)| Some(*at) != body);
    let mut all: Vec<_> = outer.map(|(_, field)| field).chain(inner).collect();
    all.sort_by_key(|(_, value)| match value {
        Printed::List(_) => 0,
        Printed::Leaf(_) => 1,
        Printed::Compound { .. } => 2,
    });
    let mut out = name.to_owned();
    for (label, value) in all {
        let value = short(value);
        let said = match (*label, value.as_str()) {
            (_, "") | (_, "None") => continue,
            ("", value) => value.to_owned(),
            (label, "true") => label.to_owned(),
            (label, "false") => format!("not {label}"),
            (label, value) => format!("{label} {value}"),
        };
        out.push(' ');
        out.push_str(&said);
    }
    out.trim_start().to_owned()
}

/// A value inside of another: `17/2`, `×3`, a name; nothing for a time.
fn short(printed: &Printed<'_>) -> String {
    match printed {
        Printed::Leaf(_) if is_time(printed) => String::new(),
        Printed::Leaf(leaf) => (*leaf).to_owned(),
        Printed::List(0) => String::new(),
        Printed::List(length) => format!("×{length}"),
        Printed::Compound { fields, .. } if fields.iter().any(|(_, value)| is_time(value)) => {
            String::new()
        }
        Printed::Compound { name, fields } => {
            let parts = fields.iter().map(|(_, value)| short(value));
            let parts: Vec<String> = parts.filter(|part| !part.is_empty()).collect();
            match (fields.as_slice(), parts.len()) {
                // `Accepted { up_to: 17 }` says more than 17, `Some(17)` does not.
                ([(label, _)], 1) if !label.is_empty() => format!("{name} {}", parts[0]),
                (_, 1..=2) => parts.join("/"),
                _ => (*name).to_owned(),
            }
        }
    }
}

fn is_time(printed: &Printed<'_>) -> bool {
    matches!(printed, Printed::Leaf(leaf)
        if leaf.parse::<u64>().is_ok_and(|number| number >= TIMES_FROM))
}

#[cfg(test)]
mod tests {
    use super::gist;
    use proptest::prelude::*;

    #[test]
    fn a_printed_message_loses_its_grammar_and_keeps_what_it_says() {
        let append = "RaftMessage { term: 3, body: Append { stamp: Stamp { sequence: 5, sent_ns: \
                      17931204000 }, previous: Position { index: 17, term: 2 }, commit: 16, \
                      entries: [Entry { index: 18, term: 3, command: Noop }] } }";
        assert_eq!(gist(append), "Append entries ×1 term 3 commit 16 previous 17/2");
        let refused = "RaftMessage { term: 4, body: VoteReply { granted: false } }";
        assert_eq!(gist(refused), "VoteReply term 4 not granted");
        assert_eq!(gist("Kv(Write { key: 3, value: 4 })"), "Write key 3 value 4");
        assert_eq!(gist("Value(Some(3))"), "Value 3");
        assert_eq!(gist("NotLeader { hint: Some(NodeId(1)) }"), "NotLeader hint 1");
        let reply = "AppendReply { outcome: Accepted { up_to: 17 } }";
        assert_eq!(gist(reply), "AppendReply outcome Accepted 17");
        assert_eq!(gist("Done"), "Done");
        assert_eq!(gist("connection refused"), "connection refused");
    }

    #[test]
    fn a_text_that_was_cut_or_is_no_grammar_at_all_still_says_something() {
        assert_eq!(gist("Append { entries: [Entry { index: 1, te…"), "Append entries ×1");
        assert_eq!(gist("a } b"), "a } b");
        assert_eq!(gist("\"un { closed"), "\"un { closed");
        assert_eq!(gist(""), "");
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in "[a-zA-Z0-9{}\\[\\](),:\" .…]{0,80}") {
            prop_assert!(gist(&text).len() <= 3 * text.len() + 8);
        }
    }
}
