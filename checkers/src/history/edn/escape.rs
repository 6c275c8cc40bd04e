//! Escapes of strings, and the names of characters.

use super::Dialect;

/// Appends what the inside of a string says; nothing is given if an escape is not known.
pub(super) fn unescape(inside: &str, dialect: Dialect, out: &mut String) -> Option<()> {
    let mut rest = inside;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let mut chars = rest[at + 1..].chars();
        let (character, used) = match chars.next()? {
            escape @ ('"' | '\\') => (escape, 1),
            '/' if dialect == Dialect::Json => ('/', 1),
            'n' => ('\n', 1),
            'r' => ('\r', 1),
            't' => ('\t', 1),
            'b' => ('\u{8}', 1),
            'f' => ('\u{c}', 1),
            'u' => utf16(&rest[at + 2..]).map(|(character, used)| (character, used + 1))?,
            'o' if dialect == Dialect::Edn => {
                octal(&rest[at + 2..]).map(|(character, used)| (character, used + 1))?
            }
            _ => return None,
        };
        out.push(character);
        rest = &rest[at + 1 + used..];
    }
    out.push_str(rest);
    Some(())
}

/// Four digits, and for characters beyond the first 65 536 a second `\u` with four more.
fn utf16(text: &str) -> Option<(char, usize)> {
    let first = unit(text)?;
    if let Some(character) = char::from_u32(first.into()) {
        return Some((character, 4));
    }
    let second = unit(text[4..].strip_prefix("\\u")?)?;
    let mut decoded = char::decode_utf16([first, second]);
    Some((decoded.next()?.ok()?, 10))
}

fn unit(text: &str) -> Option<u16> {
    let digits = text.get(..4)?;
    let plain = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if plain { u16::from_str_radix(digits, 16).ok() } else { None }
}

fn octal(text: &str) -> Option<(char, usize)> {
    let used = text.bytes().take(3).take_while(|byte| (b'0'..=b'7').contains(byte)).count();
    let number = u32::from_str_radix(&text[..used], 8).ok()?;
    char::from_u32(number).filter(|_| number <= 0o377).map(|character| (character, used))
}

/// The character of this name: itself, a word, or four digits.
pub(super) fn character(name: &str) -> Option<&str> {
    Some(match name {
        "newline" => "\n",
        "return" => "\r",
        "space" => " ",
        "tab" => "\t",
        "backspace" => "\u{8}",
        "formfeed" => "\u{c}",
        _ if name.chars().count() == 1 => name,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(inside: &str, dialect: Dialect) -> Option<String> {
        let mut out = String::new();
        unescape(inside, dialect, &mut out).map(|()| out)
    }

    #[test]
    fn escapes_say_what_they_stand_for() {
        let both = |inside: &str| {
            assert_eq!(text(inside, Dialect::Edn), text(inside, Dialect::Json));
            text(inside, Dialect::Edn)
        };
        assert_eq!(both(r#"a\n\"\\\t"#).as_deref(), Some("a\n\"\\\t"));
        assert_eq!(both("\\u00e9\\ud83d\\ude00!").as_deref(), Some("é😀!"));
        for broken in ["\\x", "\\u12", "\\u+123", "\\ud83d", "\\ude00", "\\ud83dx", "\\"] {
            assert_eq!(both(broken), None, "{broken}");
        }
        assert_eq!(text("\\/", Dialect::Json).as_deref(), Some("/"));
        assert_eq!(text("\\/", Dialect::Edn), None);
        assert_eq!(text("\\o1018", Dialect::Edn).as_deref(), Some("A8"));
        assert_eq!(text("\\o777", Dialect::Edn), None);
        assert_eq!(text("\\o9", Dialect::Edn), None);
    }

    #[test]
    fn characters_have_names() {
        assert_eq!(character("newline"), Some("\n"));
        assert_eq!(character("é"), Some("é"));
        assert_eq!(character("newlines"), None);
        assert_eq!(character(""), None);
    }
}
