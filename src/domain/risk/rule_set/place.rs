//! Places: from an offset within a condition to a line and a column of the file that has it.

use std::ops::Range;

/// The line and the column, both from 1, of an offset in bytes.
pub(super) fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = &text[..text.floor_char_boundary(offset)];
    let line = before.rsplit('\n').next().unwrap_or_default();
    (before.matches('\n').count() + 1, line.chars().count() + 1)
}

/// The offset in the file of an offset within a string that stands at `span`, quotes included. Escapes are as long as they are
/// written.
pub(super) fn within_string(text: &str, span: &Range<usize>, offset: usize) -> usize {
    let written = text.get(span.clone()).unwrap_or_default();
    let (quotes, has_escapes) = match written {
        written if written.starts_with("\"\"\"") => (3, true),
        written if written.starts_with("'''") => (3, false),
        written => (1, written.starts_with('"')),
    };
    let body = &written[quotes.min(written.len())..];
    let newline = if quotes == 3 { body.len() - after_newline(body).len() } else { 0 };
    let body = &body[newline..];
    span.start + quotes + newline + if has_escapes { written_length(body, offset) } else { offset.min(body.len()) }
}

/// The text after a newline that opens a string of several lines: the newline is no part of it.
fn after_newline(body: &str) -> &str {
    body.strip_prefix("\r\n").or_else(|| body.strip_prefix('\n')).unwrap_or(body)
}

/// The bytes that are written for the first `offset` bytes of a string with escapes.
fn written_length(body: &str, offset: usize) -> usize {
    let (mut read, mut written) = (0, 0);
    while read < offset && written < body.len() {
        let (made, length) = next(&body[written..]);
        read += made;
        written += length;
    }
    written.min(body.len())
}

/// The bytes that the first character or escape makes, and those that are written for it.
fn next(rest: &str) -> (usize, usize) {
    let mut characters = rest.chars();
    let first = characters.next().map_or(1, char::len_utf8);
    if !rest.starts_with('\\') {
        return (first, first);
    }
    let hex = |digits: usize| {
        let number = rest.get(2..2 + digits).and_then(|hex| u32::from_str_radix(hex, 16).ok());
        (number.and_then(char::from_u32).map_or(1, char::len_utf8), 2 + digits)
    };
    match characters.next() {
        Some('x') => hex(2),
        Some('u') => hex(4),
        Some('U') => hex(8),
        Some(' ' | '\t' | '\r' | '\n') => (0, rest.len() - rest[1..].trim_start().len()),
        Some(other) => (1, 1 + other.len_utf8()),
        None => (1, 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_are_those_of_an_editor() {
        for (offset, place) in [(0, (1, 1)), (1, (1, 2)), (2, (2, 1)), (3, (2, 2)), (5, (2, 3)), (99, (2, 4))] {
            assert_eq!(line_and_column("a\nbéc", offset), place, "{offset}");
        }
    }

    #[test]
    fn a_place_within_a_string_is_found_in_the_file() {
        for written in [
            r"'a && b'",
            r#""a && b""#,
            r#""\u0061 \u0026& b""#,
            r#""a\t\x26& b""#,
            "'''\na && b'''",
            "\"\"\"\r\na \\\n   && b\"\"\"",
        ] {
            let text = format!("x = {written}");
            let value = toml::de::DeTable::parse(&text).unwrap();
            let value = value.get_ref().get("x").unwrap();
            let read = value.get_ref().as_str().unwrap();
            let place = within_string(&text, &value.span(), read.find('b').unwrap());
            assert_eq!(text[place..].chars().next(), Some('b'), "{written}");
        }
    }
}
