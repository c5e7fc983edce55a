//! A webhook is verified if it was signed over exactly its bytes, and never else; and nothing that it has of a card is kept.

use std::collections::BTreeSet;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use corefy_gateway::{
    domain::card_number,
    upstream::{commerce::Commerce, intents::Intents},
};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::{Digest as _, Sha1};
use sha2::Sha256;

use super::{
    choices::changed,
    corefy::{EchoingCorefy, TriedDialect},
};

/// The secrets that are known; the empty one is none, because anybody could sign with it.
const SECRETS: [&str; 3] = ["sk_test_current", "sk_test_previous", ""];

/// A dialect that lets webhooks in, in each mode that tells them apart.
struct Gates<D> {
    modes: Vec<EchoingCorefy<D>>,
    sign: fn(secret: &str, body: &[u8]) -> String,
}

thread_local! {
    static COMMERCE: Gates<Commerce> = Gates {
        modes: [true, false].map(|test_mode| EchoingCorefy::new(&SECRETS, test_mode)).into(),
        sign: |secret, body| STANDARD.encode(Sha1::new().chain_update(secret).chain_update(body).chain_update(secret).finalize()),
    };
    static INTENTS: Gates<Intents> = Gates {
        modes: vec![EchoingCorefy::new(&SECRETS, true)],
        sign: |secret, body| {
            let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length will do");
            mac.chain_update(body).finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
        },
    };
}

/// Takes any bytes for a place, a change of the byte there, and a body; then for a signature and a body: of the commerce dialect.
pub fn only_what_was_signed_is_verified_by_commerce(bytes: &[u8]) {
    COMMERCE.with(|gates| gates.let_only_signed_in(bytes));
}

/// The same of the intents dialect.
pub fn only_what_was_signed_is_verified_by_intents(bytes: &[u8]) {
    INTENTS.with(|gates| gates.let_only_signed_in(bytes));
}

impl<D: TriedDialect> Gates<D> {
    /// How many of the modes let a webhook in.
    fn letting_in(&self, signature: &str, body: &[u8]) -> usize {
        let lets_in = |corefy: &&EchoingCorefy<D>| corefy.dialect.webhook_verify(Some(signature), body).is_ok();
        self.modes.iter().filter(lets_in).count()
    }

    fn let_only_signed_in(&self, bytes: &[u8]) {
        let Some(([low, high, change], body)) = bytes.split_first_chunk::<3>() else { return };
        let place = usize::from(u16::from_le_bytes([*low, *high]));
        for secret in SECRETS {
            let signature = (self.sign)(secret, body);
            let expected = usize::from(!secret.is_empty());
            assert_eq!(self.letting_in(&signature, body), expected, "signed, and let in by just one mode");
            let changed = changed(body, place, *change);
            assert_eq!(self.letting_in(&signature, &changed), 0, "let in with another byte at {place}");
            let other = (self.sign)("sk_test_other", body);
            assert_eq!(self.letting_in(&other, body), 0, "let in by another secret");
        }
        self.is_no_signature(bytes);
        self.keep_no_card(body);
    }

    /// Bytes that nobody signed, cut into a signature and a body wherever they have a line's end.
    fn is_no_signature(&self, bytes: &[u8]) {
        let mut parts = bytes.splitn(2, |byte| *byte == b'\n');
        let signature = String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
        let body = parts.next().unwrap_or_default();
        let is_signed =
            |secret: &&str| !secret.is_empty() && (self.sign)(secret, body).eq_ignore_ascii_case(&signature);
        assert!(self.letting_in(&signature, body) <= usize::from(SECRETS.iter().any(is_signed)), "{signature:?}");
    }

    /// Redacts the body and reads what is left: no number of a card is, and to be read again changes nothing.
    fn keep_no_card(&self, body: &[u8]) {
        let dialect = &self.modes[0].dialect;
        let Some(kept) = dialect.webhook_redact(body) else { return };
        let cards = cards_in(&String::from_utf8_lossy(body));
        let of_them: Vec<_> = cards_in(&kept).into_iter().filter(|card| cards.contains(card)).collect();
        assert!(of_them.is_empty(), "a number is kept: {kept}");
        let (read, again) = (dialect.webhook_read(&kept), dialect.webhook_redact(kept.as_bytes()));
        assert_eq!(again.map(|again| dialect.webhook_read(&again)), Some(read), "{kept}");
    }
}

/// The numbers of cards that stand in a text as words of their own, digits alone.
pub fn cards_in(text: &str) -> BTreeSet<String> {
    let places = card_number::places(text).filter(|place| card_number::is_written_in(&text[place.clone()]));
    let is_of_word = |letter: Option<char>| letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_');
    let words = places.filter(|place| {
        !is_of_word(text[..place.start].chars().next_back()) && !is_of_word(text[place.end..].chars().next())
    });
    words.map(|place| text[place].chars().filter(char::is_ascii_digit).collect()).collect()
}
