//! Texts for the page: bounded, visible, and with units.
//!
//! Whatever a system under test wrote may be hostile. The templates escape markup; this module
//! takes care of what escaping leaves alone: length, control characters, and the marks that turn
//! the direction of writing around (`user<U+202E>nimda` reads as another word).

/// No text of a system under test takes more characters than this.
pub(crate) const TEXT_CHARS_MAX: usize = 400;

/// A narrow no-break space: groups digits without looking like two numbers.
const GROUP: char = '\u{202f}';

/// The text with at most [`TEXT_CHARS_MAX`] characters, and no invisible ones.
pub(crate) fn plain(text: &str) -> String {
    bounded(text, TEXT_CHARS_MAX)
}

/// A sentence of a checker: longer than other texts, but no book.
pub(crate) fn plain_long(text: &str) -> String {
    bounded(text, 3 * TEXT_CHARS_MAX)
}

/// The text with at most `chars_max` characters and no invisible ones; an ellipsis says that
/// something was left out.
pub(crate) fn bounded(text: &str, chars_max: usize) -> String {
    let mut out = String::with_capacity(text.len().min(chars_max * 2));
    for (position, character) in text.chars().enumerate() {
        if position == chars_max {
            out.push('…');
            break;
        }
        match character {
            '\n' | '\t' => out.push(' '),
            hidden if is_hidden(hidden) => out.extend(hidden.escape_unicode()),
            visible => out.push(visible),
        }
    }
    out
}

/// Control characters, marks of direction, and separators that break a line or a script.
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

/// An operation in words, with a real arrow.
pub(crate) fn operation(text: &str) -> String {
    plain(text).replace("->", "→")
}

/// A length of time with a unit a person would choose: `850 µs`, `3.2 ms`, `12.3 s`, `4 min 10 s`.
pub(crate) fn duration(ns: u64) -> String {
    let (value, unit) = match ns {
        0..1_000 => return format!("{ns} ns"),
        1_000..1_000_000 => (ns as f64 / 1e3, "µs"),
        1_000_000..1_000_000_000 => (ns as f64 / 1e6, "ms"),
        1_000_000_000..120_000_000_000 => (ns as f64 / 1e9, "s"),
        _ => {
            let seconds = ns / 1_000_000_000;
            return match seconds % 60 {
                0 => format!("{} min", seconds / 60),
                rest => format!("{} min {rest} s", seconds / 60),
            };
        }
    };
    let decimals = if value >= 99.95 { 0 } else { 1 };
    let number = format!("{value:.decimals$}");
    format!("{} {unit}", number.strip_suffix(".0").unwrap_or(&number))
}

/// A point in time, counted from the start of the run, to the millisecond.
pub(crate) fn moment(ns: u64) -> String {
    format!("{}.{:03} s", ns / 1_000_000_000, ns / 1_000_000 % 1_000)
}

/// A point in time to the microsecond, for operations that lie close together.
pub(crate) fn fine_moment(ns: u64) -> String {
    format!("{}.{:06} s", ns / 1_000_000_000, ns / 1_000 % 1_000_000)
}

/// A number with its digits in groups of three.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3 * GROUP.len_utf8());
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            out.push(GROUP);
        }
        out.push(digit);
    }
    out
}

/// A share in percent: `12 %`, `0.4 %`; a dash for a share of nothing.
pub(crate) fn share(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "–".to_owned();
    }
    let percent = part as f64 * 100.0 / whole as f64;
    if part == 0 {
        "0 %".to_owned()
    } else if percent < 0.05 {
        "< 0.1 %".to_owned()
    } else if percent < 9.95 {
        format!("{percent:.1} %")
    } else {
        format!("{percent:.0} %")
    }
}

/// A rate per second: `1 240 /s`, `3.4 /s`.
pub(crate) fn rate(per_second: f64) -> String {
    if per_second >= 10.0 || per_second == 0.0 {
        format!("{} /s", count(per_second.round() as u64))
    } else {
        format!("{per_second:.1} /s")
    }
}

/// A number of bytes: `412 KiB`, `1.1 MiB`.
pub(crate) fn bytes(number: usize) -> String {
    let mebibytes = number as f64 / f64::from(1u32 << 20);
    if mebibytes >= 1.0 {
        let text = format!("{mebibytes:.1}");
        format!("{} MiB", text.strip_suffix(".0").unwrap_or(&text))
    } else {
        format!("{} KiB", number.div_ceil(1 << 10))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_carry_the_unit_a_person_would_choose() {
        let said: Vec<String> =
            [0, 999, 1_500, 850_000, 3_240_000, 250_000_000, 12_300_000_000, 250_000_000_000]
                .map(duration)
                .into();
        assert_eq!(
            said,
            ["0 ns", "999 ns", "1.5 µs", "850 µs", "3.2 ms", "250 ms", "12.3 s", "4 min 10 s"]
        );
    }

    #[test]
    fn hidden_characters_become_visible_and_long_texts_end() {
        assert_eq!(plain("a\u{202e}b\u{0}\nc"), "a\\u{202e}b\\u{0} c");
        assert_eq!(plain("שלום"), "שלום", "right-to-left letters are letters");
        assert_eq!(bounded("abcdef", 3), "abc…");
        assert_eq!(bounded("abc", 3), "abc");
    }

    #[test]
    fn numbers_are_grouped_and_shares_never_round_something_to_nothing() {
        assert_eq!(count(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(count(999), "999");
        assert_eq!(share(1, 100_000), "< 0.1 %");
        assert_eq!(share(0, 10), "0 %");
        assert_eq!(share(1, 0), "–");
        assert_eq!(bytes(8 << 20), "8 MiB");
    }
}
