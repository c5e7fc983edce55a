//! A key is taken in the one form that it was made in, comes back as it was given, and no other text passes for it.

use corefy_gateway::domain::{
    ids::PartnerId,
    key_pair::{KeyPair, PublicKey, SecretKey},
    randomness::Randomness,
};
use secrecy::ExposeSecret as _;

use super::choices::{Choices, changed};

/// The pepper of hashes.
const PEPPER: &[u8] = b"pepper";

/// Reads any text as a key; then makes one from a seed, and changes a byte of it.
pub fn a_key_comes_back_as_it_was_given(bytes: &[u8]) {
    let text = &*String::from_utf8_lossy(bytes);
    if let Some(pair) = KeyPair::parse(text) {
        assert_eq!(pair.expose().expose_secret(), text);
    }
    if let Some(public) = PublicKey::parse(text) {
        assert_eq!(public.as_str(), text);
    }
    let mut choices = Choices::new(bytes);
    let randomness = Randomness::from_seed(choices.number());
    let partner = PartnerId::from_name(&choices.text()).or_else(|| PartnerId::parse("shop")).expect("it is an id");
    let pair = KeyPair::generate(&partner, &randomness);
    let shown = pair.expose().expose_secret().to_owned();
    let read = KeyPair::parse(&shown).unwrap_or_else(|| panic!("a new key of {partner} cannot be read"));
    assert_eq!((&read.public, read.secret.hash(PEPPER)), (&pair.public, pair.secret.hash(PEPPER)));
    let other = changed(shown.as_bytes(), choices.place(shown.len()), choices.byte());
    let other = String::from_utf8_lossy(&other);
    assert!(KeyPair::parse(&other).is_none(), "a changed key has the form of one");
    assert!(SecretKey::parse(&shown).is_none() && PublicKey::parse(&shown).is_none(), "a pair passes for a half");
}
