//! The two halves of an API key as a caller presents them: `pk_{partner}_{kid}{crc}:sk_{secret}{crc}`.
//!
//! Both halves end in a CRC-32 of what stands before it, so a typo or a cut-off copy is found without the database, and
//! a scanner for leaked secrets has few false alarms.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing};

use super::{ids::PartnerId, randomness::Randomness};

/// Hexadecimal digits of the checksum at the end of each half.
const CHECKSUM_DIGITS: usize = 8;
/// Random bytes in a public key: enough that no two of a partner are ever the same.
const KID_BYTES: usize = 8;
/// Random bytes in a secret: 256 bits.
const SECRET_BYTES: usize = 32;

/// The stored form of a secret: its HMAC-SHA256 under the pepper.
pub type SecretHash = [u8; 32];

/// The public half, `pk_acme_0123456789abcdef89abcdef`: names the key, may be logged.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PublicKey(String);

impl PublicKey {
    /// The beginning of every public key.
    pub const PREFIX: &'static str = "pk_";

    /// A new public key of `partner`.
    pub fn generate(partner: &PartnerId, randomness: &Randomness) -> Self {
        let kid = random_hex::<KID_BYTES>(randomness);
        Self(with_checksum(&format!("{}{partner}_{}", Self::PREFIX, kid.as_str())))
    }

    /// Reads a public key; `None` when its form or checksum is wrong.
    pub fn parse(text: &str) -> Option<Self> {
        let (partner, kid) = without_checksum(text)?.strip_prefix(Self::PREFIX)?.split_once('_')?;
        PartnerId::parse(partner)?;
        is_hex(kid, KID_BYTES * 2).then(|| Self(text.to_owned()))
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The secret half, `sk_…`: shown once, stored only as a hash. No `Debug`; wiped when dropped.
pub struct SecretKey(SecretString);

impl SecretKey {
    /// A new secret of 256 random bits.
    pub fn generate(randomness: &Randomness) -> Self {
        let digits = random_hex::<SECRET_BYTES>(randomness);
        let unchecked = Zeroizing::new(format!("sk_{}", digits.as_str()));
        Self(with_checksum(&unchecked).into())
    }

    /// Reads a secret; `None` when its form or checksum is wrong.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = without_checksum(text)?.strip_prefix("sk_")?;
        is_hex(digits, SECRET_BYTES * 2).then(|| Self(text.into()))
    }

    /// The hash under `pepper`, which is kept outside the database.
    pub fn hash(&self, pepper: &[u8]) -> SecretHash {
        let mut mac = Hmac::<Sha256>::new_from_slice(pepper).expect("HMAC takes keys of every length");
        mac.update(self.0.expose_secret().as_bytes());
        mac.finalize().into_bytes().into()
    }
}

/// Both halves, as a caller presents them.
pub struct KeyPair {
    /// Names the key.
    pub public: PublicKey,
    /// Proves that the caller holds it.
    pub secret: SecretKey,
}

impl KeyPair {
    /// A new pair of `partner`.
    pub fn generate(partner: &PartnerId, randomness: &Randomness) -> Self {
        Self { public: PublicKey::generate(partner, randomness), secret: SecretKey::generate(randomness) }
    }

    /// Reads `pk_…:sk_…`; `None` when the form or a checksum is wrong.
    pub fn parse(text: &str) -> Option<Self> {
        let (public, secret) = text.split_once(':')?;
        Some(Self { public: PublicKey::parse(public)?, secret: SecretKey::parse(secret)? })
    }

    /// `pk_…:sk_…`, to be shown once, to the operator that made the key.
    pub fn expose(&self) -> SecretString {
        format!("{}:{}", self.public, self.secret.0.expose_secret()).into()
    }
}

/// `N` random bytes in hexadecimal, wiped when dropped.
fn random_hex<const N: usize>(randomness: &Randomness) -> Zeroizing<String> {
    let mut bytes = [0; N];
    randomness.fill(&mut bytes);
    let digits = Zeroizing::new(base16ct::lower::encode_string(&bytes));
    bytes.zeroize();
    digits
}

fn checksum(text: &str) -> String {
    format!("{:08x}", crc32fast::hash(text.as_bytes()))
}

fn with_checksum(text: &str) -> String {
    [text, &checksum(text)].concat()
}

/// The text before the checksum, when that is right.
fn without_checksum(text: &str) -> Option<&str> {
    let (before, sum) = text.split_at_checked(text.len().checked_sub(CHECKSUM_DIGITS)?)?;
    (checksum(before) == sum).then_some(before)
}

/// Whether `text` is `length` hexadecimal digits in lower case.
fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A pair that never changes, so that the form of keys cannot change unnoticed.
    const PAIR: &str = "pk_acme_0123456789abcdefe1d22e49:\
        sk_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef65a14590";

    fn acme() -> PartnerId {
        PartnerId::parse("acme").unwrap()
    }

    #[test]
    fn a_generated_pair_reads_back_the_same() {
        let pair = KeyPair::generate(&acme(), &Randomness::system());
        let read = KeyPair::parse(pair.expose().expose_secret()).unwrap();
        assert_eq!(read.public, pair.public);
        assert_eq!(read.secret.hash(b"pepper"), pair.secret.hash(b"pepper"));
        assert_eq!(pair.public.as_str().len(), "pk_acme_".len() + 16 + 8);
        assert_eq!(pair.secret.0.expose_secret().len(), "sk_".len() + 64 + 8);
    }

    #[test]
    fn no_two_pairs_are_the_same() {
        let (one, other) =
            (KeyPair::generate(&acme(), &Randomness::system()), KeyPair::generate(&acme(), &Randomness::system()));
        assert_ne!(one.public, other.public);
        assert_ne!(one.secret.hash(b"pepper"), other.secret.hash(b"pepper"));
    }

    #[test]
    fn the_form_of_keys_and_of_their_hashes_stays() {
        let pair = KeyPair::parse(PAIR).unwrap();
        assert_eq!(
            base16ct::lower::encode_string(&pair.secret.hash(b"pepper")),
            "eebe1c4eb8fe88a73f56e3f12508f15f0994e842a90589a5b680c50b64b55e1c"
        );
        assert_ne!(pair.secret.hash(b"pepper"), pair.secret.hash(b"another pepper"));
    }

    #[test]
    fn halves_that_are_missing_swapped_or_of_another_form_are_refused() {
        let (public, secret) = PAIR.split_once(':').unwrap();
        for text in ["", ":", public, secret, &format!("{secret}:{public}"), &format!(" {PAIR}"), &format!("{PAIR}\n")]
        {
            assert!(KeyPair::parse(text).is_none(), "{text}");
        }
        for unchecked in ["pk_ACME_0123456789abcdef", "pk__0123456789abcdef", "pk_acme_0123456789abcde", "sk_00"] {
            let text = with_checksum(unchecked);
            assert!(PublicKey::parse(&text).is_none() && SecretKey::parse(&text).is_none(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_change_of_one_character_is_refused(at in 0..PAIR.len(), other in any::<char>()) {
            prop_assume!(!PAIR[at..].starts_with(other));
            let changed = format!("{}{other}{}", &PAIR[..at], &PAIR[at + 1..]);
            prop_assert!(KeyPair::parse(&changed).is_none());
        }

        #[test]
        fn any_truncation_is_refused(length in 0..PAIR.len()) {
            prop_assert!(KeyPair::parse(&PAIR[..length]).is_none());
        }

        #[test]
        fn any_text_is_read_without_panic(text in ".*") {
            prop_assert!(KeyPair::parse(&text).is_none());
        }
    }
}
