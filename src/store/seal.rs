//! Sealing: personal data is written to the database only under XChaCha20-Poly1305, so that a copied database shows none
//! without the master key.
//!
//! A sealed value is an envelope: the version of its format in one byte, the nonce, and JSON under AEAD. The JSON may have
//! members that this version does not know, which are ignored, and may lack those that are optional or have a default: rows
//! of earlier versions open by that.

use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, AeadInOut as _, Payload},
};
use serde::{Serialize, de::DeserializeOwned};

use super::{Error, error::Corruption};
use crate::domain::randomness::Randomness;

/// The length of the nonce in front of the sealed text, in bytes. Random nonces of this length never meet.
const NONCE_BYTES: usize = 24;

/// The format of what is sealed from now on: this byte, the nonce, JSON under XChaCha20-Poly1305. Another format gets another
/// number, and this one is opened for as long as there may be rows of it.
const FORMAT: u8 = 1;

/// Room for most of what is sealed, in bytes, so that it is not moved while it grows.
const ROOM: usize = 1024;

/// Seals values and opens them again.
#[derive(Clone)]
pub struct Sealer {
    cipher: XChaCha20Poly1305,
    /// Opens what was sealed under another master key, while that is being changed.
    other: Option<XChaCha20Poly1305>,
    randomness: Randomness,
}

impl Sealer {
    /// Under `key`, with nonces of this randomness.
    pub fn new(key: [u8; 32], randomness: Randomness) -> Self {
        Self { cipher: XChaCha20Poly1305::new(&key.into()), other: None, randomness }
    }

    /// The same that opens what was sealed under another key, too.
    pub fn and_open(self, other: Option<[u8; 32]>) -> Self {
        Self { other: other.map(|key| XChaCha20Poly1305::new(&key.into())), ..self }
    }

    /// Seals `value` for one column of the row `owner`: it opens only there, so that nothing can be swapped.
    pub fn seal<T: Serialize>(&self, owner: &str, column: &str, value: &T) -> Result<Vec<u8>, Error> {
        let to = |sealed: &mut Vec<u8>| serde_json::to_writer(sealed, value);
        self.seal_written(owner, column, to)
    }

    /// Seals what is JSON already.
    pub(super) fn seal_json(&self, owner: &str, column: &str, json: &[u8]) -> Result<Vec<u8>, Error> {
        self.seal_written(owner, column, |sealed| {
            sealed.extend_from_slice(json);
            Ok(())
        })
    }

    fn seal_written(
        &self,
        owner: &str,
        column: &str,
        write: impl FnOnce(&mut Vec<u8>) -> serde_json::Result<()>,
    ) -> Result<Vec<u8>, Error> {
        let mut nonce = [0; NONCE_BYTES];
        self.randomness.fill(&mut nonce);
        let mut sealed = Vec::with_capacity(ROOM);
        sealed.push(FORMAT);
        sealed.extend_from_slice(&nonce);
        write(&mut sealed).map_err(|error| Error::corrupt(error.to_string()))?;
        let text = (&mut sealed[1 + NONCE_BYTES..]).into();
        let tag = self.cipher.encrypt_inout_detached(&XNonce::from(nonce), &place(owner, column), text);
        sealed.extend_from_slice(&tag.map_err(|_| Error::corrupt("too long".to_owned()))?);
        Ok(sealed)
    }

    /// Opens what [`Self::seal`] sealed for the same column of the same row.
    pub fn open<T: DeserializeOwned>(&self, owner: &str, column: &str, sealed: &[u8]) -> Result<T, Error> {
        let text = self.opened(owner, column, sealed)?;
        serde_json::from_slice(&text.json).map_err(|error| {
            Error::Corrupt(Corruption::Shape { owner: owner.to_owned(), column: column.to_owned(), why: shape(&error) })
        })
    }

    /// Whether the value was sealed under the key that seals now, and not under the other.
    pub(super) fn is_current(&self, owner: &str, column: &str, sealed: &[u8]) -> bool {
        self.opened(owner, column, sealed).is_ok_and(|opened| opened.is_current)
    }

    /// The same value under the key that seals now; `None` when it is.
    pub(super) fn seal_again(&self, owner: &str, column: &str, sealed: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let opened = self.opened(owner, column, sealed)?;
        if opened.is_current { Ok(None) } else { self.seal_json(owner, column, &opened.json).map(Some) }
    }

    fn opened(&self, owner: &str, column: &str, sealed: &[u8]) -> Result<Opened, Error> {
        let unreadable = || Error::Corrupt(Corruption::Sealed(owner.to_owned()));
        let (format, rest) = sealed.split_first().ok_or_else(unreadable)?;
        if *format != FORMAT {
            return Err(Error::Corrupt(Corruption::Format { owner: owner.to_owned(), format: *format }));
        }
        let (nonce, text) = rest.split_first_chunk::<NONCE_BYTES>().ok_or_else(unreadable)?;
        let (nonce, place) = (XNonce::from(*nonce), place(owner, column));
        let under = |cipher: &XChaCha20Poly1305| cipher.decrypt(&nonce, Payload { msg: text, aad: &place }).ok();
        if let Some(json) = under(&self.cipher) {
            return Ok(Opened { json, is_current: true });
        }
        let json = self.other.as_ref().and_then(under).ok_or_else(unreadable)?;
        Ok(Opened { json, is_current: false })
    }
}

/// A value that was opened.
struct Opened {
    json: Vec<u8>,
    /// Whether it is sealed under the key that seals now.
    is_current: bool,
}

/// Where a sealed value belongs, and in which format: ids and columns have no slash.
fn place(owner: &str, column: &str) -> Vec<u8> {
    format!("{FORMAT}/{owner}/{column}").into_bytes()
}

/// Why JSON does not fit. The library's own words may quote a value, which may be personal: only those are kept that name a
/// member or an enum's word.
fn shape(error: &serde_json::Error) -> String {
    let told = error.to_string();
    let names_no_value = ["missing field", "unknown variant"].iter().any(|words| told.starts_with(words));
    if names_no_value { told } else { format!("a value of another kind in column {}", error.column()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_for_its_owner_only() {
        let sealer = Sealer::new([1; 32], Randomness::system());
        let sealed = sealer.seal("cus_1", "details", &"jane@example.com").unwrap();
        assert!(!sealed.windows(4).any(|window| window == b"jane"));
        assert_eq!(sealer.open::<String>("cus_1", "details", &sealed).unwrap(), "jane@example.com");
        assert!(sealer.open::<String>("cus_2", "details", &sealed).is_err());
        assert!(sealer.open::<String>("cus_1", "card", &sealed).is_err());
        assert!(Sealer::new([2; 32], Randomness::system()).open::<String>("cus_1", "details", &sealed).is_err());
        assert!(sealer.open::<String>("cus_1", "details", &sealed[..10]).is_err());
    }

    #[derive(Debug, PartialEq, Serialize, serde::Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Word {
        Known,
        Newer,
    }

    #[derive(Debug, PartialEq, Serialize, serde::Deserialize)]
    struct Newer {
        name: String,
        word: Word,
        added: i64,
    }

    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Older {
        name: String,
    }

    fn why<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn members_that_a_later_version_added_are_ignored() {
        let sealer = Sealer::new([1; 32], Randomness::system());
        let sealed = sealer.seal("pi_1", "details", &Newer { name: "n".into(), word: Word::Known, added: 7 }).unwrap();
        assert_eq!(sealer.open::<Older>("pi_1", "details", &sealed).unwrap(), Older { name: "n".into() });
    }

    #[test]
    fn a_word_that_a_later_version_added_is_the_typed_fault_of_its_row() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(rename_all = "snake_case")]
        enum Today {
            Known,
        }
        let sealer = Sealer::new([1; 32], Randomness::system());
        let opened = |word| sealer.open::<Today>("pi_1", "details", &sealer.seal("pi_1", "details", &word).unwrap());
        assert!(matches!(opened(Word::Known).unwrap(), Today::Known));
        let refused = opened(Word::Newer);
        assert!(matches!(refused, Err(Error::Corrupt(Corruption::Shape { .. }))), "{refused:?}");
        assert!(why(refused).contains("details of pi_1 was written by another version: unknown variant `newer`"));
    }

    #[test]
    fn what_does_not_fit_is_named_without_its_value() {
        let sealer = Sealer::new([1; 32], Randomness::system());
        let sealed = sealer.seal("cus_1", "details", &"jane@example.com").unwrap();
        let said = why(sealer.open::<i64>("cus_1", "details", &sealed));
        assert!(said.contains("details of cus_1") && !said.contains("jane"), "{said}");
        let sealed = sealer.seal("cus_1", "details", &std::collections::BTreeMap::from([("email", 1)])).unwrap();
        assert!(why(sealer.open::<Older>("cus_1", "details", &sealed)).contains("missing field `name`"));
    }

    #[test]
    fn an_envelope_of_another_format_says_so() {
        let sealer = Sealer::new([1; 32], Randomness::system());
        let mut sealed = sealer.seal("pi_1", "details", &1).unwrap();
        assert_eq!(sealed[0], FORMAT);
        sealed[0] = 2;
        let refused = sealer.open::<i64>("pi_1", "details", &sealed);
        assert!(matches!(refused, Err(Error::Corrupt(Corruption::Format { format: 2, .. }))), "{refused:?}");
        assert!(sealer.open::<i64>("pi_1", "details", &[]).is_err());
    }
}
