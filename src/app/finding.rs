//! Finds what a text is the name of, for operators, across partners.

use std::collections::HashSet;

use super::payments::idempotency_hash;
use crate::{
    domain::{
        clock::Timestamp,
        ids::{PartnerId, PaymentIntentId},
        list_filters::{ListOrder, PaymentIntentFilter},
        payment_intent::PaymentIntent,
        search_term::{SearchTerm, SearchedKind},
    },
    error::Error,
    store::{FoundRow, MOST_FOUND, Store},
};

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The name that the text is of it: its `id`, its `reference`.
    pub by: &'static str,
    /// The row.
    pub row: FoundRow,
}

/// Finds things.
pub struct Finder {
    store: Store,
}

impl Finder {
    /// Looks in `store`, by keyed hashes where values are sealed.
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// All that `text` is a name of: an id of ours or of Corefy's, a reference, a request id, an idempotency key, an email
    /// address, or the ends of a card. At most [`MOST_FOUND`] of each kind, the newest.
    pub async fn find(&self, text: &str) -> Result<Vec<Finding>, Error> {
        // A payment has the number of its intent.
        let id = PaymentIntentId::parse_any(text).map_or_else(|| text.to_owned(), |intent| intent.to_string());
        let mut session = self.store.read().await?;
        let mut found = named("id", session.find_id(&id).await?);
        found.extend(named("id at Corefy", session.find_upstream_id(text).await?));
        found.extend(named("reference", session.find_reference(text).await?));
        found.extend(named("request id", session.find_request(text).await?));
        let partners = session.partners().await?;
        drop(session);
        for partner in &partners {
            found.extend(self.keyed(partner, text).await?);
            if let Some((by, term)) = term(text) {
                for kind in [SearchedKind::Customer, SearchedKind::PaymentIntent] {
                    found.extend(self.of_term(partner, kind, by, &term).await?);
                }
            }
        }
        let mut known = HashSet::new();
        found.retain(|finding| known.insert((finding.by, finding.row.id.clone())));
        Ok(found)
    }

    /// The operation that the partner began under this idempotency key.
    async fn keyed(&self, partner: &PartnerId, key: &str) -> Result<Option<Finding>, Error> {
        let hash = idempotency_hash(self.store.hash_key(), partner, key);
        let record = self.store.read().await?.operation_keyed(partner, &hash).await?;
        Ok(record.map(|record| {
            let row = FoundRow {
                id: record.operation.id.to_string(),
                partner: Some(partner.to_string()),
                about: Some(record.operation.subject_id),
                made_at: record.operation.sent_at,
            };
            Finding { by: "idempotency key", row }
        }))
    }

    async fn of_term(
        &self,
        partner: &PartnerId,
        kind: SearchedKind,
        by: &'static str,
        term: &SearchTerm,
    ) -> Result<Vec<Finding>, Error> {
        let places = self.store.ids_by_term(partner, kind, term, None, MOST_FOUND).await?;
        let row =
            |id: String, made_at: Timestamp| FoundRow { id, partner: Some(partner.to_string()), about: None, made_at };
        Ok(places.into_iter().map(|place| Finding { by, row: row(place.id, place.moment) }).collect())
    }
}

fn named(by: &'static str, rows: Vec<FoundRow>) -> Vec<Finding> {
    rows.into_iter().map(|row| Finding { by, row }).collect()
}

/// The term that a text is, when it is an email address, or the first six and the last four digits of a card with something
/// other than digits between them.
fn term(text: &str) -> Option<(&'static str, SearchTerm)> {
    if text.contains('@') {
        return Some(("email address", SearchTerm::email(text)));
    }
    let (first6, last4) = card_ends(text)?;
    Some(("card", SearchTerm::card(first6, last4)))
}

/// The first six and the last four digits of a card, as `411111-1111`, `411111****1111` or `411111 1111`.
pub fn card_ends(text: &str) -> Option<(&str, &str)> {
    let are_digits = |part: &str, count| part.len() == count && part.bytes().all(|byte| byte.is_ascii_digit());
    let between = text.find(|letter: char| !letter.is_ascii_digit())?;
    let (first6, rest) = text.split_at(between);
    let last4 = rest.trim_start_matches(|letter: char| !letter.is_ascii_digit());
    (are_digits(first6, 6) && are_digits(last4, 4)).then_some((first6, last4))
}

/// The payments of these partners that the filter shows, in its order, at most `limit`.
pub async fn list_payments(
    store: &Store,
    partners: &[PartnerId],
    filter: &PaymentIntentFilter,
    limit: u32,
) -> Result<Vec<PaymentIntent>, Error> {
    let mut listed = Vec::new();
    for partner in partners {
        let (mut of_partner, mut after) = (Vec::new(), None);
        loop {
            let found = store.read().await?.payment_intents(partner, filter, after, limit).await?;
            let is_whole = found.items.len() == limit as usize;
            of_partner.extend(found.items);
            after = found.rest.filter(|_| !is_whole && of_partner.len() < limit as usize);
            if after.is_none() {
                break;
            }
        }
        of_partner.truncate(limit as usize);
        listed.extend(of_partner);
    }
    match filter.order() {
        ListOrder::Creation => listed.sort_by(|a, b| (b.created_at, &b.id).cmp(&(a.created_at, &a.id))),
        ListOrder::Change => listed.sort_by(|a, b| (a.updated_at, &a.id).cmp(&(b.updated_at, &b.id))),
        ListOrder::Reference => {}
    }
    listed.truncate(limit as usize);
    Ok(listed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_a_card_are_parted_by_no_digit() {
        for text in ["411111-1111", "411111****1111", "411111 1111", "411111…1111", "411111xxxxxx1111"] {
            assert_eq!(card_ends(text), Some(("411111", "1111")), "{text}");
        }
        for text in ["4111111111", "4111111111111111", "41111-1111", "411111-111", "411111-1111-1", "", "-", "411111-"]
        {
            assert_eq!(card_ends(text), None, "{text}");
        }
    }
}
