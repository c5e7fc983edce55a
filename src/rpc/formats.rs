//! What texts of a request must look like. A rule says what the text must be and never repeats it, for it may be secret.

use std::net::IpAddr;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use email_address::{EmailAddress, Options};
use url::Url;
use zeroize::Zeroizing;

/// The longest email address, in characters (RFC 5321).
const MAX_EMAIL: usize = 254;
/// The longest phone number, in characters.
const MAX_PHONE: usize = 20;
/// The longest URL, in characters.
const MAX_URL: usize = 2048;
/// The longest type code, in characters.
const MAX_TYPE_CODE: usize = 50;
/// The longest language tag, in characters.
const MAX_LANGUAGE: usize = 35;
/// The longest cardholder authentication value, in characters.
const MAX_CAVV: usize = 64;
/// The longest amount, in characters; what is longer is no amount that could be paid.
const MAX_AMOUNT: usize = 20;
/// No comment, no quoted domain, no `Name <address>`, and a domain that could be in the public DNS.
const EMAIL: Options = Options { minimum_sub_domains: 2, allow_domain_literal: false, allow_display_text: false };

/// Whether a text fits, and if not, what it must be.
pub(super) type Verdict = Result<(), String>;

/// The verdict `description`, unless `fits`.
pub(super) fn must(fits: bool, description: &str) -> Verdict {
    if fits { Ok(()) } else { Err(description.to_owned()) }
}

/// Text of at most `max_chars` characters.
pub(super) fn text(max_chars: usize) -> impl Fn(&str) -> Verdict {
    move |value| {
        must(value.chars().count() <= max_chars, &format!("must have at most {max_chars} characters"))?;
        must(!value.chars().any(char::is_control), "must not contain control characters")
    }
}

/// An email address.
pub(super) fn email(value: &str) -> Verdict {
    text(MAX_EMAIL)(value)?;
    must(EmailAddress::parse_with_options(value, EMAIL).is_ok(), "must be an email address")
}

/// A phone number as people write it.
pub(super) fn phone(value: &str) -> Verdict {
    text(MAX_PHONE)(value)?;
    let fits = value.chars().all(|c| c.is_ascii_digit() || "+ -().".contains(c));
    must(
        fits && value.contains(|c: char| c.is_ascii_digit()),
        "must be a phone number of digits, +, spaces, dashes, dots and parentheses",
    )
}

/// An absolute http or https URL.
pub(super) fn url(value: &str) -> Verdict {
    text(MAX_URL)(value)?;
    let fits = Url::parse(value).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    must(fits && !value.contains(char::is_whitespace), "must be an http or https URL")
}

/// A country.
pub(super) fn country(value: &str) -> Verdict {
    must(rust_iso3166::from_alpha2(value).is_some(), "must be an ISO 3166-1 alpha-2 code in upper case such as US")
}

/// The type code of a payment method.
pub(super) fn type_code(value: &str) -> Verdict {
    let fits = value.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    must(fits, "must be a type code of a-z, 0-9 and _ such as card")?;
    text(MAX_TYPE_CODE)(value)
}

/// The look of an amount, for when its currency is not known.
pub(super) fn amount(value: &str) -> Verdict {
    let fits = value.len() <= MAX_AMOUNT && value.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    must(fits, "must be a decimal number such as 100.00")
}

/// A language tag.
pub(super) fn language(value: &str) -> Verdict {
    text(MAX_LANGUAGE)(value)?;
    let subtag = |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric());
    must(value.split('-').all(subtag), "must be a BCP 47 tag such as en-US")
}

/// An IP address.
pub(super) fn ip(value: &str) -> Verdict {
    must(value.parse::<IpAddr>().is_ok(), "must be an IPv4 or IPv6 address")
}

/// An electronic commerce indicator.
pub(super) fn eci(value: &str) -> Verdict {
    must(are_digits(value, 2, 2), "must be two digits")
}

/// A cardholder authentication value.
pub(super) fn cavv(value: &str) -> Verdict {
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

    fn judge(rule: impl Fn(&str) -> Verdict, fitting: &[&str], wrong: &[&str]) {
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
    fn emails_are_bare_addresses_in_the_public_dns() {
        let long = format!("{}@example.com", "a".repeat(250));
        judge(email, &["jane@example.com", "j.d+tag@mail.example.co.uk"], &["jane", "jane@", "jane@localhost", &long]);
        judge(email, &[], &["Jane <jane@example.com>", "jane@[127.0.0.1]", "jane@example.com\n", "a b@example.com"]);
    }

    #[test]
    fn phones_have_digits_and_their_punctuation() {
        judge(phone, &["+1 (415) 555-26.71", "112"], &["+", "call me", "+1 415 555 2671 12345678", "٣٣٣"]);
    }

    #[test]
    fn urls_are_absolute_http() {
        let long = format!("https://shop.example/{}", "a".repeat(MAX_URL));
        judge(url, &["https://shop.example/return?x=1", "http://localhost:8080"], &["shop.example", "/return", &long]);
        judge(
            url,
            &[],
            &["javascript:alert(1)", "ftp://shop.example", "https://", " https://shop.example", "https://a b"],
        );
    }

    #[test]
    fn codes_have_one_form() {
        judge(country, &["US", "DE"], &["us", "USA", "XX", "", "U"]);
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
