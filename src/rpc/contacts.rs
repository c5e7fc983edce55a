//! How a person is reached: email addresses and phone numbers.

use email_address::{EmailAddress, Options};

use super::formats::{FormatVerdict, must, text, words};

/// The longest email address, in characters (RFC 5321).
const MAX_EMAIL: usize = 254;
/// The longest phone number, in characters.
const MAX_PHONE: usize = 20;
/// The longest label of a domain, in characters (RFC 1035).
const MAX_LABEL: usize = 63;
/// The longest domain, in characters (RFC 1035).
const MAX_DOMAIN: usize = 253;
/// No comment, no quoted domain, no `Name <address>`, and a domain that could be in the public DNS.
const EMAIL: Options = Options { minimum_sub_domains: 2, allow_domain_literal: false, allow_display_text: false };

/// An email address, with its domain in ASCII: that of `jane@käse.example` is `xn--kse-qla.example`, and names the same
/// mailbox everywhere. A domain that is ASCII stays as it is written.
pub fn email(value: &str) -> Result<String, String> {
    let refused = || "must be an email address such as jane@example.com".to_owned();
    words(MAX_EMAIL)(value)?;
    if EmailAddress::parse_with_options(value, EMAIL).is_err() {
        return Err(refused());
    }
    let (mailbox, domain) = value.rsplit_once('@').ok_or_else(refused)?;
    let domain =
        if domain.is_ascii() { domain.to_owned() } else { idna::domain_to_ascii(domain).map_err(|_| refused())? };
    if !is_host_name(&domain) {
        return Err(refused());
    }
    let address = format!("{mailbox}@{domain}");
    text(MAX_EMAIL)(&address)?;
    Ok(address)
}

/// Whether this is a name of two or more labels as the DNS has them for hosts (RFC 1123), and no IPv4 address.
fn is_host_name(domain: &str) -> bool {
    let is_label = |label: &str| {
        (1..=MAX_LABEL).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let top = domain.rsplit('.').next().unwrap_or_default();
    domain.len() <= MAX_DOMAIN
        && domain.contains('.')
        && domain.split('.').all(is_label)
        && !top.bytes().all(|b| b.is_ascii_digit())
}

/// A phone number as people write it. Its form is judged before its length: a text for the extension is wrong, however short.
pub(super) fn phone(value: &str) -> FormatVerdict {
    let fits = value.chars().all(|c| c.is_ascii_digit() || "+ -().".contains(c));
    must(
        fits && value.contains(|c: char| c.is_ascii_digit()),
        "must be a phone number of digits, +, spaces, dashes, dots and parentheses, without an extension",
    )?;
    text(MAX_PHONE)(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emails_are_bare_addresses_in_the_public_dns() {
        let label = "a".repeat(MAX_LABEL);
        for address in [
            "jane@example.com",
            "j.d+tag@mail.example.co.uk",
            "o'neil@example.com",
            "Jane@Example.COM",
            "a@b-c.de",
            "a@1and1.com",
            "a@xn--kse-qla.example",
            "a!b#c@example.com",
            "jane@e-mail.x1",
            &format!("a@{label}.com"),
        ] {
            assert_eq!(email(address).as_deref(), Ok(address));
        }
        let long = format!("{}@example.com", "a".repeat(250));
        for address in [
            "jane",
            "jane@",
            "@example.com",
            "jane@localhost",
            &long,
            "Jane <jane@example.com>",
            "jane@[127.0.0.1]",
            "jane@example.com\n",
            "a b@example.com",
            "user@exam!ple.com",
            "user@example.com/x",
            "user@example.com#frag",
            "user@example.com?x",
            "user@192.0.2.1",
            "user@example.1",
            "a@b.c_d",
            "a@b_c.de",
            "a@-b.de",
            "a@b-.de",
            "a@b..de",
            "a@.de",
            "a@b.de.",
            "a@b.de:25",
            "a@b@c.de",
            "user@[IPv6:2001:db8::1]",
            &format!("a@{label}a.com"),
            "a@ex\u{200b}ample.com ",
        ] {
            assert!(email(address).is_err(), "{address}");
        }
    }

    #[test]
    fn the_domain_of_an_email_is_handed_on_in_ascii() {
        assert_eq!(email("jane@käse.example").as_deref(), Ok("jane@xn--kse-qla.example"));
        assert_eq!(email("jane@KÄSE.example").as_deref(), Ok("jane@xn--kse-qla.example"));
        assert_eq!(email("jane@例え.テスト").as_deref(), Ok("jane@xn--r8jz45g.xn--zckzah"));
    }

    #[test]
    fn phones_have_digits_and_their_punctuation() {
        for number in ["+1 (415) 555-26.71", "112", "+1-415-555-2671"] {
            assert_eq!(phone(number), Ok(()));
        }
        for number in ["+", "call me", "٣٣٣", "+1 415 555 2671 ext. 22", "415-555-2671 x22", "+1-415-555-2671;ext=22"]
        {
            assert!(phone(number).unwrap_err().ends_with("without an extension"), "{number}");
        }
        assert_eq!(phone("+1 415 555 2671 12345678"), Err("must have at most 20 characters".to_owned()));
    }
}
