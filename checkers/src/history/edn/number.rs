//! Numbers in either spelling, as JSON text.

use super::Dialect;
use crate::history::jsonl::parse_i64;
use std::fmt::Write as _;

/// Appends a number; nothing is appended, and nothing given, if the text is no number.
///
/// What JSON cannot hold exactly becomes a string: two integers of 30 digits that differ in the
/// last one are two values, and a reader that made one of them a fraction would make them equal.
pub(super) fn push(text: &str, dialect: Dialect, out: &mut String) -> Option<()> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if dialect == Dialect::Json && text.starts_with('+') {
        return None;
    }
    let whole = if dialect == Dialect::Edn { digits.strip_suffix('N') } else { None };
    let whole = whole.unwrap_or(digits);
    if is_digits(whole) {
        if whole.len() > 1 && whole.starts_with('0') {
            return None;
        }
        integer(whole, text.starts_with('-'), out);
        return Some(());
    }
    match dialect {
        // Not in EDN, but Clojure prints the address of an object like this.
        Dialect::Edn if digits.starts_with("0x") => {
            // Rust's parser would take a sign here.
            let hex = digits[2..].bytes().all(|byte| byte.is_ascii_hexdigit());
            let value = u64::from_str_radix(&digits[2..], 16).ok().filter(|_| hex)?;
            integer(itoa::Buffer::new().format(value), text.starts_with('-'), out);
            Some(())
        }
        Dialect::Json => {
            let number: serde_json::Number = serde_json::from_str(text).ok()?;
            write!(out, "{number}").ok()
        }
        Dialect::Edn => edn_fraction(text, digits, out),
    }
}

/// The number, if it is one of at most 18 digits in its plainest spelling.
pub(super) fn small(text: &[u8]) -> Option<i64> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    if digits.is_empty() || digits.len() > 18 || digits.len() > 1 && digits[0] == b'0' {
        return None;
    }
    let mut number = 0;
    for &digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        number = number * 10 + i64::from(digit - b'0');
    }
    Some(if digits.len() < text.len() { -number } else { number })
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn integer(digits: &str, negative: bool, out: &mut String) {
    let start = out.len();
    out.push_str(if negative && digits != "0" { "-" } else { "" });
    out.push_str(digits);
    // An unsigned number of 64 bits is exact in JSON, too.
    if parse_i64(&out[start..]).is_none() && out[start..].parse::<u64>().is_err() {
        out.insert(start, '"');
        out.push('"');
    }
}

fn edn_fraction(text: &str, digits: &str, out: &mut String) -> Option<()> {
    let ratio = digits.split_once('/').is_some_and(|(a, b)| is_digits(a) && is_digits(b));
    let float = digits.strip_suffix('M').unwrap_or(digits);
    let written = float.starts_with(|first: char| first.is_ascii_digit())
        && float.bytes().all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte));
    let value = float.parse::<f64>().ok().filter(|_| written);
    if value.is_none() && !ratio {
        return None;
    }
    let exact = value.filter(|_| !digits.ends_with('M')).and_then(serde_json::Number::from_f64);
    match exact {
        Some(number) if !text.starts_with('-') => write!(out, "{number}").ok(),
        Some(number) => write!(out, "-{number}").ok(),
        None => write!(out, "\"{text}\"").ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str, dialect: Dialect) -> Option<String> {
        let mut out = String::new();
        push(text, dialect, &mut out).map(|()| out)
    }

    #[test]
    fn numbers_keep_their_value_or_become_strings() {
        let edn = [
            ("0", "0"),
            ("-0", "0"),
            ("+12", "12"),
            ("12N", "12"),
            ("9223372036854775807", "9223372036854775807"),
            ("-9223372036854775808", "-9223372036854775808"),
            ("18446744073709551615", "18446744073709551615"),
            ("18446744073709551616", "\"18446744073709551616\""),
            ("-9223372036854775809N", "\"-9223372036854775809\""),
            ("1.50", "1.5"),
            ("-1e3", "-1000.0"),
            ("-0.0", "-0.0"),
            ("1e999", "\"1e999\""),
            ("1.5M", "\"1.5M\""),
            ("7M", "\"7M\""),
            ("-1/3", "\"-1/3\""),
            ("0x1F", "31"),
        ];
        for (text, expected) in edn {
            assert_eq!(json(text, Dialect::Edn).as_deref(), Some(expected), "{text}");
        }
        for text in [
            "007",
            "0x",
            "0xG",
            "0x10000000000000000",
            "1/",
            "/2",
            "1.2.3",
            "1e",
            "12a",
            "1/2/3",
            "--1",
            "1NN",
        ] {
            assert_eq!(json(text, Dialect::Edn), None, "{text}");
        }
    }

    #[test]
    fn json_is_stricter() {
        assert_eq!(json("1.50", Dialect::Json).as_deref(), Some("1.5"));
        assert_eq!(json("-7", Dialect::Json).as_deref(), Some("-7"));
        for text in ["+1", "1N", "1M", "1/2", "01", "1.", "1e999", "-"] {
            assert_eq!(json(text, Dialect::Json), None, "{text}");
        }
    }
}
