//! Search terms: the values by which an object is found that are sealed in its row. Kept as keyed hashes, of which nobody can
//! tell the value without the master key.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::{
    card::MaskedCard,
    customer::{Customer, Metadata},
    hash_key::{HashKey, Purpose},
    ids::{CustomerId, PartnerId, PaymentIntentId, RefundId},
    payment_intent::PaymentIntent,
    private::Private,
    refund::Refund,
};

/// A value that objects are found by, in the form in which two are the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SearchTerm {
    /// An email address, in lower case.
    Email(Private),
    /// A card.
    Card {
        /// The first six digits.
        first6: Private,
        /// The last four.
        last4: Private,
    },
    /// An entry of metadata, as it is written.
    Metadata {
        /// The key.
        key: Private,
        /// The value.
        value: Private,
    },
    /// The code of a decline.
    DeclineCode(String),
    /// The type code of a payment method.
    PaymentMethodType(String),
}

impl SearchTerm {
    /// An email address, however it is written.
    pub fn email(address: &str) -> Self {
        Self::Email(Private::new(address.trim().to_lowercase()))
    }

    /// A card by what may be shown of it.
    pub fn card(first6: &str, last4: &str) -> Self {
        Self::Card { first6: Private::new(first6), last4: Private::new(last4) }
    }

    /// An entry of metadata.
    pub fn metadata(key: &str, value: &str) -> Self {
        Self::Metadata { key: Private::new(key), value: Private::new(value) }
    }

    /// The number of its kind, and its parts.
    fn parts(&self) -> (u8, [&str; 2]) {
        match self {
            Self::Email(address) => (1, [address.expose(), ""]),
            Self::Card { first6, last4 } => (2, [first6.expose(), last4.expose()]),
            Self::Metadata { key, value } => (3, [key.expose(), value.expose()]),
            Self::DeclineCode(code) => (4, [code, ""]),
            Self::PaymentMethodType(code) => (5, [code, ""]),
        }
    }
}

/// The kinds of objects that are found by terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SearchedKind {
    /// Payment intents.
    PaymentIntent,
    /// Refunds.
    Refund,
    /// Customers.
    Customer,
}

impl SearchedKind {
    fn prefix(self) -> &'static str {
        match self {
            Self::PaymentIntent => PaymentIntentId::PREFIX,
            Self::Refund => RefundId::PREFIX,
            Self::Customer => CustomerId::PREFIX,
        }
    }
}

/// A term as it is kept.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TermHash([u8; TERM_BYTES]);

/// The length of a term as it is kept, in bytes: so many that no two values meet.
const TERM_BYTES: usize = 16;

impl TermHash {
    /// Reads one from a row.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Reads one as it is printed.
    pub fn parse(digits: &str) -> Option<Self> {
        let mut bytes = [0; TERM_BYTES];
        base16ct::lower::decode(digits, &mut bytes).ok().filter(|read| read.len() == TERM_BYTES)?;
        Some(Self(bytes))
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for TermHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base16ct::lower::encode_string(&self.0))
    }
}

/// Hashes terms.
#[derive(Clone)]
pub struct TermHasher(Hmac<Sha256>);

impl TermHasher {
    /// Under the hash key's key for this.
    pub fn new(hash_key: &HashKey) -> Self {
        let key = hash_key.derive(Purpose::SearchTerm);
        Self(Hmac::new_from_slice(&key).expect("HMAC takes a key of any length"))
    }

    /// The term as it is kept for the partner's objects of this kind.
    pub fn hash(&self, partner: &PartnerId, kind: SearchedKind, term: &SearchTerm) -> TermHash {
        let (number, [first, second]) = term.parts();
        let mut mac = self.0.clone();
        // The length in front of each keeps one from passing for another.
        for part in [partner.as_str(), kind.prefix(), first, second] {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        mac.update(&[number]);
        let mut hash = [0; TERM_BYTES];
        hash.copy_from_slice(&mac.finalize().into_bytes()[..TERM_BYTES]);
        TermHash(hash)
    }
}

impl PaymentIntent {
    /// The terms that it is found by: what is shown of it, and set.
    pub fn search_terms(&self) -> Vec<SearchTerm> {
        let card = self.progress.attempt.as_ref().and_then(|attempt| attempt.card.as_ref());
        let decline = self.progress.last_error.as_ref();
        let method = Some(&self.details.payment_method_type).filter(|code| !code.is_empty());
        email(&self.details.customer_email)
            .chain(card.map(MaskedCard::search_term))
            .chain(entries(&self.details.metadata))
            .chain(decline.map(|error| SearchTerm::DeclineCode(error.code.clone())))
            .chain(method.map(|code| SearchTerm::PaymentMethodType(code.clone())))
            .collect()
    }
}

impl Refund {
    /// The terms that it is found by.
    pub fn search_terms(&self) -> Vec<SearchTerm> {
        entries(&self.details.metadata).collect()
    }
}

impl Customer {
    /// The terms that it is found by.
    pub fn search_terms(&self) -> Vec<SearchTerm> {
        email(&self.details.email).chain(entries(&self.details.metadata)).collect()
    }
}

impl MaskedCard {
    fn search_term(&self) -> SearchTerm {
        SearchTerm::card(&self.first6, &self.last4)
    }
}

fn email(address: &Private) -> impl Iterator<Item = SearchTerm> {
    Some(address).filter(|address| !address.is_empty()).map(|address| SearchTerm::email(address.expose())).into_iter()
}

fn entries(metadata: &Metadata) -> impl Iterator<Item = SearchTerm> {
    metadata.iter().map(|(key, value)| SearchTerm::metadata(key, value))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn hasher() -> TermHasher {
        TermHasher::new(&HashKey::new("0123456789abcdef0123456789abcdef".into()))
    }

    fn partner(name: &str) -> PartnerId {
        PartnerId::parse(name).unwrap()
    }

    #[test]
    fn an_email_address_is_the_same_however_it_is_written() {
        assert_eq!(SearchTerm::email(" Jane@Example.COM"), SearchTerm::email("jane@example.com"));
        assert_ne!(SearchTerm::email("jane+1@example.com"), SearchTerm::email("jane@example.com"));
    }

    #[test]
    fn terms_of_another_partner_kind_or_value_are_other_terms() {
        let (hasher, acme, other) = (hasher(), partner("acme"), partner("other"));
        let term = SearchTerm::metadata("order", "7");
        let all = [
            hasher.hash(&acme, SearchedKind::PaymentIntent, &term),
            hasher.hash(&other, SearchedKind::PaymentIntent, &term),
            hasher.hash(&acme, SearchedKind::Refund, &term),
            hasher.hash(&acme, SearchedKind::Customer, &term),
            hasher.hash(&acme, SearchedKind::PaymentIntent, &SearchTerm::metadata("order7", "")),
            hasher.hash(&acme, SearchedKind::PaymentIntent, &SearchTerm::metadata("", "order7")),
            hasher.hash(&acme, SearchedKind::PaymentIntent, &SearchTerm::DeclineCode("order".to_owned())),
            hasher.hash(&acme, SearchedKind::PaymentIntent, &SearchTerm::PaymentMethodType("order".to_owned())),
            hasher.hash(&acme, SearchedKind::PaymentIntent, &SearchTerm::email("order")),
        ];
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
    }

    #[test]
    fn a_term_prints_nothing_of_its_value() {
        let terms = [
            SearchTerm::email("jane@example.com"),
            SearchTerm::card("jane11", "jane"),
            SearchTerm::metadata("jane", "jane"),
        ];
        assert!(!format!("{terms:?}").contains("jane"));
    }
}
