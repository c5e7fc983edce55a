//! Entries of lists: what is kept of each, and how a value is read that a person gives.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{
    lists::ListKind,
    subject::{Dimension, SubjectHasher, SubjectId},
};
use crate::domain::{card, clock::Timestamp, ids::CustomerId};

/// An entry of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListEntry {
    /// The list.
    pub list: String,
    /// A subject, a text or a network, as lists have it in memory.
    pub value: String,
    /// The moment from which it does not count any more.
    pub expires_at: Option<Timestamp>,
    /// Why it is on the list.
    pub reason: String,
    /// The operator, or the public half of the key, that added it.
    pub added_by: String,
    /// When it was added last.
    pub added_at: Timestamp,
}

/// A list, as people see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListInfo {
    /// Its name.
    pub name: String,
    /// The kind of its entries.
    pub kind: ListKind,
    /// The number of its entries, expired ones included that are not pruned yet.
    pub entries: u64,
}

/// The digits of a BIN.
const BIN_DIGITS: usize = 6;
/// The digits of card numbers.
const CARD_DIGITS: std::ops::RangeInclusive<usize> = 12..=19;
/// The longest prefix of a network of IPv6: more is one line, which an address stands for.
const LONGEST_V6_PREFIX: u8 = 64;
/// The longest value, in bytes.
const LONGEST_VALUE: usize = 320;

/// Reads a value for a list of this kind into the form in which it is kept. Cards, emails and IP addresses become subjects, or
/// are given as the subjects that decisions show. The error says what the value must be, and does not repeat it.
pub fn read_value(kind: ListKind, text: &str, hasher: &SubjectHasher) -> Result<String, String> {
    let text = text.trim();
    let read = if text.len() > LONGEST_VALUE { None } else { read_kind(kind, text, hasher) };
    read.ok_or_else(|| must_be(kind).to_owned())
}

fn read_kind(kind: ListKind, text: &str, hasher: &SubjectHasher) -> Option<String> {
    let subject = |dimension| subject(text, dimension);
    match kind {
        ListKind::Card => subject(Dimension::Card).or_else(|| card_number(text, hasher)),
        ListKind::Bin => (text.len() == BIN_DIGITS && are_digits(text)).then(|| text.to_owned()),
        ListKind::Email => subject(Dimension::Email).or_else(|| email(text, hasher)),
        ListKind::Domain => domain(text),
        ListKind::Ip => subject(Dimension::Ip).or_else(|| address(text, hasher)).or_else(|| network(text, hasher)),
        ListKind::Country => country(text),
        ListKind::Customer => CustomerId::parse(text).map(|id| id.to_string()),
    }
}

fn must_be(kind: ListKind) -> &'static str {
    match kind {
        ListKind::Card => "must be a card number, or a card as decisions show it, card:…",
        ListKind::Bin => "must be a BIN of six digits",
        ListKind::Email => "must be an email address, or one as decisions show it, email:…",
        ListKind::Domain => "must be a domain such as example.com",
        ListKind::Ip => {
            "must be an IP address, a network such as 203.0.113.0/24 (of IPv6 of at most 64 bits), or an address as decisions \
             show it, ip:…"
        }
        ListKind::Country => "must be an ISO 3166-1 alpha-2 code in upper case such as US",
        ListKind::Customer => "must be an id of a customer, cus_…",
    }
}

fn are_digits(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

/// A subject that was given as such.
fn subject(text: &str, dimension: Dimension) -> Option<String> {
    const HASH_DIGITS: usize = 32;
    let hash = text.strip_prefix(dimension.as_str())?.strip_prefix(':')?;
    let is_hash = hash.len() == HASH_DIGITS && hash.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    SubjectId::parse(text).filter(|_| is_hash).map(|subject| subject.to_string())
}

fn card_number(text: &str, hasher: &SubjectHasher) -> Option<String> {
    let digits = zeroize::Zeroizing::new(text.replace([' ', '-'], ""));
    let fits = CARD_DIGITS.contains(&digits.len()) && are_digits(&digits) && card::satisfies_luhn(&digits);
    fits.then(|| hasher.card(&digits).to_string())
}

fn email(text: &str, hasher: &SubjectHasher) -> Option<String> {
    let (local, of) = text.rsplit_once('@')?;
    let of = domain(of)?;
    (!local.is_empty()).then(|| hasher.email(&format!("{local}@{of}")).to_string())
}

fn domain(text: &str) -> Option<String> {
    let ascii = idna::domain_to_ascii(text).ok()?.to_lowercase();
    let is_label = |label: &str| !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    (ascii.contains('.') && ascii.split('.').all(is_label)).then_some(ascii)
}

fn address(text: &str, hasher: &SubjectHasher) -> Option<String> {
    text.parse::<IpAddr>().ok().map(|address| hasher.ip(address).to_string())
}

fn network(text: &str, hasher: &SubjectHasher) -> Option<String> {
    match text.parse::<IpNet>().ok()? {
        IpNet::V4(one) if one.prefix_len() == one.max_prefix_len() => Some(hasher.ip(one.addr().into()).to_string()),
        IpNet::V6(network) if network.prefix_len() > LONGEST_V6_PREFIX => None,
        network => Some(network.trunc().to_string()),
    }
}

fn country(text: &str) -> Option<String> {
    const KOSOVO: &str = "XK";
    let is_known = text == KOSOVO || rust_iso3166::from_alpha2(text).is_some();
    is_known.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::hash_key::HashKey;

    fn hasher() -> SubjectHasher {
        SubjectHasher::new(&HashKey::new("0123456789abcdef0123456789abcdef".into()))
    }

    fn read(kind: ListKind, text: &str) -> Result<String, String> {
        read_value(kind, text, &hasher())
    }

    #[test]
    fn values_come_into_the_form_that_attempts_are_looked_up_by() {
        let hasher = hasher();
        let card = hasher.card("4111111111111111").to_string();
        let email = hasher.email("jane@example.com").to_string();
        let ip = hasher.ip("203.0.113.7".parse().unwrap()).to_string();
        let customer = format!("cus_{}", "0".repeat(32));
        for (kind, text, kept) in [
            (ListKind::Card, "4111 1111-1111 1111", card.as_str()),
            (ListKind::Card, &card, &card),
            (ListKind::Bin, " 411111 ", "411111"),
            (ListKind::Email, "Jane+spam@Example.com", &email),
            (ListKind::Email, &email, &email),
            (ListKind::Domain, "Käse.Example", "xn--kse-qla.example"),
            (ListKind::Ip, "203.0.113.7", &ip),
            (ListKind::Ip, "203.0.113.7/32", &ip),
            (ListKind::Ip, &ip, &ip),
            (ListKind::Ip, "203.0.113.7/24", "203.0.113.0/24"),
            (ListKind::Ip, "2001:db8::1/48", "2001:db8::/48"),
            (ListKind::Country, "XK", "XK"),
            (ListKind::Customer, &customer, &customer),
        ] {
            assert_eq!(read(kind, text).as_deref(), Ok(kept), "{text}");
        }
    }

    #[test]
    fn what_fits_no_list_is_refused_without_being_repeated() {
        let card = hasher().card("4111111111111111").to_string();
        for (kind, text) in [
            (ListKind::Card, "4111111111111112"),
            (ListKind::Card, "card:123"),
            (ListKind::Card, "email:00000000000000000000000000000000"),
            (ListKind::Bin, "41111"),
            (ListKind::Bin, "41111111"),
            (ListKind::Email, "@example.com"),
            (ListKind::Email, &card),
            (ListKind::Domain, "localhost"),
            (ListKind::Domain, "a b.example"),
            (ListKind::Ip, "198.51.100"),
            (ListKind::Ip, "2001:db8::/65"),
            (ListKind::Country, "fr"),
            (ListKind::Country, "ZZ"),
            (ListKind::Customer, "cus_1"),
        ] {
            let refusal = read(kind, text).expect_err(text);
            assert!(refusal.starts_with("must be ") && !refusal.contains(text), "{refusal}");
        }
        assert!(read(ListKind::Domain, &format!("{}.example", "a".repeat(320))).is_err());
    }
}
