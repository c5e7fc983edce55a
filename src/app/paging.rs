//! Pages of lists: bounded, and continued by opaque tokens that are valid only for the list they were made for.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::call::Caller;
use crate::{
    domain::{
        clock::Timestamp,
        hash_key::{HashKey, Purpose},
        ids::PartnerId,
        list_filters::ListOrder,
    },
    error::Error,
    store::{Found, ListPosition},
};

/// The largest page.
pub const MAX_PAGE_SIZE: u32 = 100;
/// The size of a page where the caller names none.
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

/// The members of an object that it has its place in a list by.
pub(super) struct Listed<'a> {
    pub(super) id: &'a str,
    pub(super) reference_id: Option<&'a str>,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
}

impl<'a> Listed<'a> {
    fn place(self, order: ListOrder) -> (Timestamp, &'a str) {
        match order {
            ListOrder::Creation => (self.created_at, self.id),
            ListOrder::Change => (self.updated_at, self.id),
            ListOrder::Reference => (Timestamp::default(), self.reference_id.unwrap_or_default()),
        }
    }
}

/// Makes the tokens of all lists. Cloned freely.
#[derive(Clone)]
pub(super) struct PageTokens([u8; 32]);

impl PageTokens {
    pub(super) fn new(hash_key: &HashKey) -> Self {
        Self(hash_key.derive(Purpose::PageToken))
    }

    /// The tokens of the caller's list that `list` tells from all others.
    pub(super) fn of(&self, caller: &Caller, list: impl std::fmt::Debug) -> Tokens {
        self.of_partner(&caller.partner_id, list)
    }

    /// The same of the partner's list.
    pub(super) fn of_partner(&self, partner: &PartnerId, list: impl std::fmt::Debug) -> Tokens {
        Tokens::new(&self.0, &(partner, list))
    }
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
        self.open(token).map(Some).ok_or_else(wrong_token)
    }

    /// The text in a token that [`Self::write`] made for this list.
    pub(super) fn open(&self, token: &str) -> Option<String> {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (tag, text) = bytes.split_at_checked(TAG_BYTES)?;
        self.mac.clone().chain_update(text).verify_truncated_left(tag).ok()?;
        String::from_utf8(text.to_vec()).ok()
    }

    /// Cuts `items`, of which one more than `size` was asked for, to a page.
    pub(super) fn page<T>(&self, items: Vec<T>, size: u32, id: impl Fn(&T) -> &str) -> Paged<T> {
        self.page_by(items, size, |item| id(item).to_owned())
    }

    /// The same for a list that goes on after something else than an id.
    pub(super) fn page_by<T>(&self, mut items: Vec<T>, size: u32, place: impl Fn(&T) -> String) -> Paged<T> {
        let size = size as usize;
        let has_more = items.len() > size;
        items.truncate(size);
        let last = items.last().filter(|_| has_more);
        let next_page_token = last.map_or_else(String::new, |item| self.write(&place(item)));
        Paged { items, next_page_token }
    }

    /// The object after which a page of a list by creation begins; `None` for the first page.
    pub(super) fn read_position(&self, token: &str) -> Result<Option<ListPosition>, Error> {
        let place = self.read(token)?;
        let position = |place: String| {
            let (moment, id) = place.split_once(' ')?;
            Some(ListPosition { moment: Timestamp(moment.parse().ok()?), id: id.to_owned() })
        };
        place.map(|place| position(place).ok_or_else(wrong_token)).transpose()
    }

    /// Cuts `items` of a list by creation to a page.
    pub(super) fn page_by_creation<T>(
        &self,
        items: Vec<T>,
        size: u32,
        position: impl Fn(&T) -> (Timestamp, &str),
    ) -> Paged<T> {
        self.page_by(items, size, |item| {
            let (moment, id) = position(item);
            place(moment, id)
        })
    }

    /// Cuts what a search has found to a page. One that has found less than a page, but was not at its end, goes on behind what
    /// it has examined.
    pub(super) fn page_found<T>(
        &self,
        found: Found<T>,
        size: u32,
        order: ListOrder,
        listed: impl Fn(&T) -> Listed<'_>,
    ) -> Paged<T> {
        let mut page = self.page_by_creation(found.items, size, |item| listed(item).place(order));
        if let (true, Some(rest)) = (page.next_page_token.is_empty(), found.rest) {
            page.next_page_token = self.write(&place(rest.moment, &rest.id));
        }
        page
    }

    /// A token with this text.
    pub(super) fn write(&self, id: &str) -> String {
        let tag = self.mac.clone().chain_update(id).finalize().into_bytes();
        URL_SAFE_NO_PAD.encode([&tag[..TAG_BYTES], id.as_bytes()].concat())
    }
}

/// A place in a list of what was by creation, as a token carries it.
fn place(Timestamp(moment): Timestamp, id: &str) -> String {
    format!("{moment} {id}")
}

fn wrong_token() -> Error {
    Error::field("page_token", "must be the next_page_token of the same list with the same filters")
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
    fn a_list_of_what_was_by_creation_goes_on_after_a_moment_and_an_id() {
        let tokens = Tokens::new(b"key", &());
        let made = [(Timestamp(9), "b"), (Timestamp(9), "a"), (Timestamp(-1), "c")];
        let page = tokens.page_by_creation(made.to_vec(), 2, |item| *item);
        let position = ListPosition { moment: Timestamp(9), id: "a".to_owned() };
        assert_eq!(tokens.read_position(&page.next_page_token).unwrap(), Some(position));
        assert_eq!(tokens.read_position("").unwrap(), None);
        let of_ids = tokens.page(vec!["a", "b"], 1, |id| id).next_page_token;
        assert!(tokens.read_position(&of_ids).is_err());
    }

    #[test]
    fn a_page_that_is_short_goes_on_behind_what_was_examined() {
        let tokens = Tokens::new(b"key", &());
        let rest = ListPosition { moment: Timestamp(3), id: "c".to_owned() };
        let page = |items: &[&'static str], rest: Option<&ListPosition>, order| {
            let found = Found { items: items.to_vec(), rest: rest.cloned() };
            let (created_at, updated_at) = (Timestamp(9), Timestamp(10));
            let reference_id = Some("my order 7");
            let page = tokens.page_found(found, 1, order, |id| Listed { id, reference_id, created_at, updated_at });
            (page.items.len(), tokens.read_position(&page.next_page_token).unwrap())
        };
        assert_eq!(page(&["a"], Some(&rest), ListOrder::Creation), (1, Some(rest.clone())));
        assert_eq!(page(&["a"], None, ListOrder::Creation), (1, None));
        let full = |created_at, id: &str| (1, Some(ListPosition { moment: created_at, id: id.to_owned() }));
        assert_eq!(page(&["a", "b"], Some(&rest), ListOrder::Creation), full(Timestamp(9), "a"));
        assert_eq!(page(&["a", "b"], Some(&rest), ListOrder::Change), full(Timestamp(10), "a"));
        assert_eq!(page(&["a", "b"], Some(&rest), ListOrder::Reference), full(Timestamp(0), "my order 7"));
    }

    #[test]
    fn the_last_page_has_no_token() {
        let tokens = Tokens::new(b"key", &());
        assert_eq!(tokens.page(vec!["a", "b"], 2, |id| id).next_page_token, "");
        assert_eq!(tokens.read("").unwrap(), None);
    }
}
