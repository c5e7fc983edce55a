//! Subjects: the cards, addresses and people whose attempts are counted. Cards, emails and IP addresses are known by keyed
//! hashes only (PCI DSS 3.5.1.1), each kind under a key of its own.

use std::{fmt, net::IpAddr};

use serde::{Deserialize, Serialize};

use crate::domain::{
    hash_key::{HashKey, Purpose, keyed_hash},
    ids::CustomerId,
    network::of_customer,
    words::words,
};

words! {
    /// The kinds of subjects, by which velocities are asked for.
    Dimension {
        /// A card number.
        Card => "card",
        /// The payer's IP address; of IPv6 its network of 64 bits, which is what one line has.
        Ip => "ip",
        /// The payer's email address.
        Email => "email",
        /// A customer.
        Customer => "customer",
        /// The first six digits of a card number.
        Bin => "bin",
    }
}

impl Dimension {
    /// The kinds of which each subject has a row of its own. BINs, which are those of many payers, have counters.
    pub const OF_ROWS: [Self; 4] = [Self::Card, Self::Ip, Self::Email, Self::Customer];
}

/// A subject: its dimension, a colon, and a keyed hash, a customer's id or a BIN: `ip:3f…`. At most 80 characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SubjectId(String);

/// The bytes of a hash that are kept: enough that no two subjects meet, and less than the whole.
const HASH_LENGTH: usize = 16;

impl SubjectId {
    /// The customer as a subject.
    pub fn of_customer(id: &CustomerId) -> Self {
        Self::new(Dimension::Customer, id.as_str())
    }

    /// The BIN as a subject.
    pub fn of_bin(bin: &str) -> Self {
        Self::new(Dimension::Bin, bin)
    }

    /// Reads one from a row.
    pub fn parse(text: &str) -> Option<Self> {
        let (dimension, rest) = text.split_once(':')?;
        (Dimension::parse(dimension).is_some() && !rest.is_empty()).then(|| Self(text.to_owned()))
    }

    fn new(dimension: Dimension, rest: &str) -> Self {
        Self(format!("{}:{rest}", dimension.as_str()))
    }

    /// The subject as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its dimension.
    pub fn dimension(&self) -> Option<Dimension> {
        self.0.split_once(':').and_then(|(dimension, _)| Dimension::parse(dimension))
    }
}

impl fmt::Display for SubjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for SubjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Makes subjects of what must not be kept. Has no `Debug`: it holds keys.
#[derive(Clone)]
pub struct SubjectHasher {
    card: [u8; 32],
    email: [u8; 32],
    ip: [u8; 32],
}

impl SubjectHasher {
    /// With the keys that are derived from the hash key.
    pub fn new(hash_key: &HashKey) -> Self {
        Self {
            card: hash_key.derive(Purpose::RiskCard),
            email: hash_key.derive(Purpose::RiskEmail),
            ip: hash_key.derive(Purpose::RiskIp),
        }
    }

    /// The card with this number, digits alone.
    pub fn card(&self, number: &str) -> SubjectId {
        hashed(Dimension::Card, &self.card, number)
    }

    /// The email address, in lower case and without what follows a `+` in its local part.
    pub fn email(&self, address: &str) -> SubjectId {
        hashed(Dimension::Email, &self.email, &normalized_email(address))
    }

    /// The IP address; an IPv4 address in IPv6 form is the IPv4 address.
    pub fn ip(&self, address: IpAddr) -> SubjectId {
        hashed(Dimension::Ip, &self.ip, &of_customer(address).to_string())
    }
}

fn hashed(dimension: Dimension, key: &[u8; 32], value: &str) -> SubjectId {
    let hash = keyed_hash(key, &[value.as_bytes()]);
    SubjectId::new(dimension, &base16ct::lower::encode_string(&hash[..HASH_LENGTH]))
}

fn normalized_email(address: &str) -> String {
    let address = address.trim().to_lowercase();
    let Some((local, domain)) = address.rsplit_once('@') else { return address };
    let local = local.split_once('+').map_or(local, |(before, _)| before);
    format!("{local}@{domain}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hasher() -> SubjectHasher {
        SubjectHasher::new(&HashKey::new("0123456789abcdef0123456789abcdef".into()))
    }

    #[test]
    fn a_subject_shows_nothing_of_what_it_was_made_of() {
        let hasher = hasher();
        for (subject, dimension) in [
            (hasher.card("4111111111111111"), Dimension::Card),
            (hasher.email("jane@example.com"), Dimension::Email),
            (hasher.ip("203.0.113.7".parse().unwrap()), Dimension::Ip),
        ] {
            assert_eq!(subject.dimension(), Some(dimension));
            assert_eq!(SubjectId::parse(subject.as_str()), Some(subject.clone()));
            let hash = subject.as_str().split_once(':').unwrap().1;
            assert!(hash.len() == 32 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()), "{subject}");
        }
    }

    #[test]
    fn one_payer_is_one_subject_however_the_address_is_written() {
        let hasher = hasher();
        assert_eq!(hasher.email("Jane+shop@Example.com"), hasher.email("jane@example.com"));
        assert_ne!(hasher.email("jane@example.com"), hasher.email("jane@example.org"));
        let ip = |text: &str| hasher.ip(text.parse().unwrap());
        assert_eq!(ip("2001:db8:1:2::1"), ip("2001:db8:1:2:ffff::9"));
        assert_ne!(ip("2001:db8:1:2::1"), ip("2001:db8:1:3::1"));
        assert_eq!(ip("::ffff:203.0.113.7"), ip("203.0.113.7"));
        assert_ne!(ip("203.0.113.8"), ip("203.0.113.7"));
    }

    #[test]
    fn the_same_value_is_another_subject_under_another_key() {
        let other = SubjectHasher::new(&HashKey::new("another key, of 32 characters or more".into()));
        assert_ne!(hasher().card("4111111111111111"), other.card("4111111111111111"));
    }
}
