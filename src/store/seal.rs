//! Sealing: what tells of a person is written to the database only under XChaCha20-Poly1305, so that a copied database
//! tells nothing without the master key.

use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, AeadInOut as _, Payload},
};
use serde::{Serialize, de::DeserializeOwned};

use super::{Error, error::Corruption};

/// The length of the nonce in front of the sealed text, in bytes. Random nonces of this length never meet.
const NONCE_BYTES: usize = 24;

/// Room for most of what is sealed, in bytes, so that it is not moved while it grows.
const ROOM: usize = 1024;

/// Seals values and opens them again.
#[derive(Clone)]
pub struct Sealer(XChaCha20Poly1305);

impl Sealer {
    /// Under `key`.
    pub fn new(key: [u8; 32]) -> Self {
        Self(XChaCha20Poly1305::new(&key.into()))
    }

    /// Seals `value` for one column of the row `owner`: it opens only there, so that nothing can be swapped.
    pub fn seal<T: Serialize>(&self, owner: &str, column: &str, value: &T) -> Result<Vec<u8>, Error> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(|error| Error::corrupt(format!("no randomness: {error}")))?;
        let mut sealed = Vec::with_capacity(ROOM);
        sealed.extend_from_slice(&nonce);
        serde_json::to_writer(&mut sealed, value).map_err(|error| Error::corrupt(error.to_string()))?;
        let text = (&mut sealed[NONCE_BYTES..]).into();
        let tag = self.0.encrypt_inout_detached(&XNonce::from(nonce), &place(owner, column), text);
        sealed.extend_from_slice(&tag.map_err(|_| Error::corrupt("too long".to_owned()))?);
        Ok(sealed)
    }

    /// Opens what [`Self::seal`] sealed for the same column of the same row.
    pub fn open<T: DeserializeOwned>(&self, owner: &str, column: &str, sealed: &[u8]) -> Result<T, Error> {
        let unreadable = || Error::Corrupt(Corruption::Sealed(owner.to_owned()));
        let (nonce, text) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or_else(unreadable)?;
        let payload = Payload { msg: text, aad: &place(owner, column) };
        let text = self.0.decrypt(&XNonce::from(*nonce), payload).map_err(|_| unreadable())?;
        serde_json::from_slice(&text).map_err(|error| Error::corrupt(format!("{owner}: {error}")))
    }
}

/// Where a sealed value belongs: ids and columns have no slash.
fn place(owner: &str, column: &str) -> Vec<u8> {
    format!("{owner}/{column}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_for_its_owner_only() {
        let sealer = Sealer::new([1; 32]);
        let sealed = sealer.seal("cus_1", "details", &"jane@example.com").unwrap();
        assert!(!sealed.windows(4).any(|window| window == b"jane"));
        assert_eq!(sealer.open::<String>("cus_1", "details", &sealed).unwrap(), "jane@example.com");
        assert!(sealer.open::<String>("cus_2", "details", &sealed).is_err());
        assert!(sealer.open::<String>("cus_1", "card", &sealed).is_err());
        assert!(Sealer::new([2; 32]).open::<String>("cus_1", "details", &sealed).is_err());
        assert!(sealer.open::<String>("cus_1", "details", &sealed[..10]).is_err());
    }
}
