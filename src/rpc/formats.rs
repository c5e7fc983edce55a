//! The formats of texts in requests. A rule says what the text must be and never repeats it, for it may be secret.

use std::net::IpAddr;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use crate::domain::{card_number, plain_text::check_unmistakable};

/// The longest type code, in characters.
const MAX_TYPE_CODE: usize = 50;
/// The longest language tag, in characters.
const MAX_LANGUAGE: usize = 35;
/// The longest cardholder authentication value, in characters.
const MAX_CAVV: usize = 64;
/// The longest amount, in characters; what is longer is no amount that could be paid.
const MAX_AMOUNT: usize = 20;
/// Whether a text fits, and if not, what it must be.
pub(super) type FormatVerdict = Result<(), String>;

/// The verdict `description`, unless `fits`.
pub(super) fn must(fits: bool, description: &str) -> FormatVerdict {
    if fits { Ok(()) } else { Err(description.to_owned()) }
}

/// Text of at most `max_chars` characters.
pub(super) fn text(max_chars: usize) -> impl Fn(&str) -> FormatVerdict {
    move |value| {
        must(value.chars().count() <= max_chars, &format!("must have at most {max_chars} characters"))?;
        must(!value.chars().any(char::is_control), "must not contain control characters")
    }
}

/// Text of at most `max_chars` characters in the caller's own words, which are kept and shown: without card numbers.
pub(super) fn words(max_chars: usize) -> impl Fn(&str) -> FormatVerdict {
    move |value| {
        text(max_chars)(value)?;
        no_card_number(value)
    }
}

/// Such words, which may have lines and tabs.
pub(super) fn prose(max_chars: usize) -> impl Fn(&str) -> FormatVerdict {
    move |value| {
        must(value.chars().count() <= max_chars, &format!("must have at most {max_chars} characters"))?;
        let is_layout = |c: char| matches!(c, '\n' | '\r' | '\t');
        must(
            !value.contains(|c: char| c.is_control() && !is_layout(c)),
            "must not contain control characters but tabs and line breaks",
        )?;
        no_card_number(value)
    }
}

/// Text without card numbers.
pub(super) fn no_card_number(value: &str) -> FormatVerdict {
    must(
        !card_number::is_written_in(value),
        "must not contain a card number; put a letter right before a number of your own that could be one",
    )
}

/// A reference of at most `max_chars` characters that no other looks like.
pub(super) fn reference(max_chars: usize) -> impl Fn(&str) -> FormatVerdict {
    move |value| {
        words(max_chars)(value)?;
        check_unmistakable(value)
    }
}

/// A country.
pub(super) fn country(value: &str) -> FormatVerdict {
    // Kosovo has no code of ISO 3166; banks, SWIFT and the European Union use this one, which ISO leaves to users.
    const KOSOVO: &str = "XK";
    must(
        value == KOSOVO || rust_iso3166::from_alpha2(value).is_some(),
        "must be an ISO 3166-1 alpha-2 code in upper case such as US",
    )
}

/// The type code of a payment method.
pub(super) fn type_code(value: &str) -> FormatVerdict {
    let fits = value.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    must(fits, "must be a type code of a-z, 0-9 and _ such as card")?;
    words(MAX_TYPE_CODE)(value)
}

/// The look of an amount, for when its currency is not known.
pub(super) fn amount(value: &str) -> FormatVerdict {
    let fits = value.len() <= MAX_AMOUNT && value.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    must(fits, "must be a decimal number such as 100.00")
}

/// A language tag.
pub(super) fn language(value: &str) -> FormatVerdict {
    text(MAX_LANGUAGE)(value)?;
    let subtag = |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric());
    must(value.split('-').all(subtag), "must be a BCP 47 tag such as en-US")
}

/// An IP address.
pub(super) fn ip(value: &str) -> FormatVerdict {
    must(value.parse::<IpAddr>().is_ok(), "must be an IPv4 or IPv6 address")
}

/// An electronic commerce indicator.
pub(super) fn eci(value: &str) -> FormatVerdict {
    must(are_digits(value, 2, 2), "must be two digits")
}

/// A cardholder authentication value.
pub(super) fn cavv(value: &str) -> FormatVerdict {
    text(MAX_CAVV)(value)?;
    must(STANDARD.decode(value).map(Zeroizing::new).is_ok(), "must be base64")
}

/// Whether `value` is `min` to `max` ASCII digits.
pub(super) fn are_digits(value: &str, min: usize, max: usize) -> bool {
    (min..=max).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_digit())
}

/// The text of a header, when it is 1 to `max` visible ASCII characters.
pub(super) fn visible_ascii(value: &[u8], max: usize) -> Option<&str> {
    let fits = (1..=max).contains(&value.len()) && value.iter().all(u8::is_ascii_graphic);
    std::str::from_utf8(value).ok().filter(|_| fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(rule: impl Fn(&str) -> FormatVerdict, fitting: &[&str], wrong: &[&str]) {
        for value in fitting {
            assert_eq!(rule(value), Ok(()), "{value}");
        }
        for value in wrong {
            let description = rule(value).expect_err(value);
            assert!(value.is_empty() || !description.contains(&format!(" {value} ")), "{description}");
        }
    }

    #[test]
    fn texts_are_counted_in_characters_and_have_no_control_characters() {
        judge(text(3), &["", "äöü", "a b"], &["äöüß", "a\nb", "\u{0}", "\u{85}"]);
    }

    #[test]
    fn prose_has_lines_and_tabs_but_no_other_control_characters() {
        judge(prose(5), &["", "a\nb", "a\r\nb", "\ta"], &["a\nb\nc\n", "a\0", "\u{1b}[2J", "a\u{85}b", "\u{7f}"]);
    }

    #[test]
    fn words_that_are_kept_have_no_card_number() {
        let numbers = ["4111111111111111", "card 4111 1111 1111 1111", "378282246310005"];
        judge(words(40), &["order 4111111111111112", "A4111111111111111"], &numbers);
        judge(prose(40), &["order 4111111111111112", "A4111111111111111"], &numbers);
        judge(reference(40), &["4111111111111112", "A4111111111111111"], &numbers);
        judge(type_code, &["p4111111111111111"], &["4111111111111111"]);
    }

    #[test]
    fn references_are_bounded_and_unmistakable() {
        judge(reference(3), &["", "a-1", "ä ß"], &["abcd", "a\n", "a ", " ", "a\u{200b}", "a\u{308}"]);
    }

    #[test]
    fn codes_have_one_form() {
        judge(country, &["US", "DE", "XK"], &["us", "USA", "XX", "", "U", "xk", "XI", "EU", "UK", "AN", "ZZ", "QM"]);
        judge(type_code, &["card", "apple_pay", "p24"], &["Card", "apple-pay", "käse", &"a".repeat(51)]);
        judge(language, &["en", "en-US", "zh-Hant-TW"], &["en_US", "-", "en-", "abcdefghi"]);
        judge(ip, &["192.0.2.1", "2001:db8::1"], &["localhost", "192.0.2", "192.0.2.1/32"]);
        judge(eci, &["05"], &["5", "005", "ab"]);
        judge(cavv, &["AAABBEg0VhI0VniQEjRWAAAAAAA="], &["not base64!", &"AAAA".repeat(17)]);
        judge(amount, &["100.00", "1"], &["1e3", "-1", "1,5", &"1".repeat(21)]);
    }

    #[test]
    fn headers_are_bounded_visible_ascii() {
        assert_eq!(visible_ascii(b"a-1", 3), Some("a-1"));
        for wrong in [&b""[..], b"abcd", b"a b", b"a\t", "ä".as_bytes(), b"\xff"] {
            assert_eq!(visible_ascii(wrong, 3), None, "{wrong:?}");
        }
    }
}
