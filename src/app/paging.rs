//! Pages of lists: bounded, and continued by opaque tokens that are valid only for the list they were made for.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::error::Error;

/// The largest page.
pub const MAX_PAGE_SIZE: u32 = 100;
/// The page a caller gets who names no size.
pub const DEFAULT_PAGE_SIZE: u32 = 20;
/// How much of the HMAC a token carries, in bytes: enough to tell a token of another list.
const TAG_BYTES: usize = 12;

/// Which page a caller wants.
#[derive(Clone, Debug)]
pub struct Page {
    /// 1 to [`MAX_PAGE_SIZE`].
    pub size: u32,
    /// Token of the page, or empty for the first.
    pub token: String,
}

/// One page of a list.
#[derive(Clone, Debug)]
pub struct Paged<T> {
    /// The items.
    pub items: Vec<T>,
    /// Token of the next page; empty on the last.
    pub next_page_token: String,
}

/// Makes and reads the tokens of one list: its name, its partner and its filters.
pub(super) struct Tokens {
    mac: Hmac<Sha256>,
}

impl Tokens {
    /// For the list that `list` describes, with everything that tells it from others.
    pub(super) fn new(key: &[u8], list: &impl std::fmt::Debug) -> Self {
        let mut mac = Hmac::new_from_slice(key).expect("HMAC takes a key of any length");
        mac.update(format!("{list:?}").as_bytes());
        Self { mac }
    }

    /// The id after which a page begins; `None` for the first page.
    pub(super) fn read(&self, token: &str) -> Result<Option<String>, Error> {
        if token.is_empty() {
            return Ok(None);
        }
        let wrong = || Error::field("page_token", "must be the next_page_token of the same list with the same filters");
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| wrong())?;
        let (tag, id) = bytes.split_at_checked(TAG_BYTES).ok_or_else(wrong)?;
        self.mac.clone().chain_update(id).verify_truncated_left(tag).map_err(|_| wrong())?;
        String::from_utf8(id.to_vec()).map(Some).map_err(|_| wrong())
    }

    /// Cuts `items`, of which one more than `size` was asked for, to a page.
    pub(super) fn page<T>(&self, mut items: Vec<T>, size: u32, id: impl Fn(&T) -> &str) -> Paged<T> {
        let size = size as usize;
        let has_more = items.len() > size;
        items.truncate(size);
        let last = items.last().filter(|_| has_more);
        let next_page_token = last.map_or_else(String::new, |item| self.write(id(item)));
        Paged { items, next_page_token }
    }

    fn write(&self, id: &str) -> String {
        let tag = self.mac.clone().chain_update(id).finalize().into_bytes();
        URL_SAFE_NO_PAD.encode([&tag[..TAG_BYTES], id.as_bytes()].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_leads_on_in_its_own_list_only() {
        let tokens = Tokens::new(b"key", &("acme", "refunds", "pi_1"));
        let page = tokens.page(vec!["a", "b", "c"], 2, |id| id);
        assert_eq!(page.items, ["a", "b"]);
        assert_eq!(tokens.read(&page.next_page_token).unwrap().as_deref(), Some("b"));

        let other = Tokens::new(b"key", &("acme", "refunds", "pi_2"));
        assert!(other.read(&page.next_page_token).is_err());
        assert!(tokens.read("not a token").is_err());
        assert!(tokens.read("YQ").is_err());
    }

    #[test]
    fn the_last_page_has_no_token() {
        let tokens = Tokens::new(b"key", &());
        assert_eq!(tokens.page(vec!["a", "b"], 2, |id| id).next_page_token, "");
        assert_eq!(tokens.read("").unwrap(), None);
    }
}
