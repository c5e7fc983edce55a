//! Payment methods that customers have saved at Corefy, and the kinds that Corefy supports.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    card::MaskedCard,
    clock::Timestamp,
    ids::{CustomerId, PartnerId, PaymentMethodId},
    private::Private,
    risk::subject::SubjectId,
};

/// The type code that a request means when it names none.
pub const CARD: &str = "card";

/// A saved way to pay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentMethod {
    /// Our id.
    pub id: PaymentMethodId,
    /// The partner it belongs to.
    pub partner_id: PartnerId,
    /// The customer it belongs to.
    pub customer_id: CustomerId,
    /// Corefy's id, once known.
    pub upstream_id: Option<String>,
    /// Type code, for example `card`.
    pub kind: String,
    /// The card, masked, when it is one.
    pub card: Option<MaskedCard>,
    /// The card's number as a subject of risk, when the card was given to the gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card_subject: Option<SubjectId>,
    /// How Corefy showed the card last, where that differs from ours: only what changes there after that is news.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card_at_corefy: Option<MaskedCard>,
    /// When the gateway accepted it.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it was deleted here. What is left of it names it in the history of payments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<Timestamp>,
    /// The number of its changes: of two copies, the one with the greater is newer.
    #[serde(default)]
    pub revision: i64,
}

impl PaymentMethod {
    /// Notes that it changed.
    pub fn touch(&mut self, now: Timestamp) {
        self.revision += 1;
        self.updated_at = now;
    }

    /// Takes over what has changed of the card at Corefy. `false`: it shows nothing new.
    pub fn take_over(&mut self, shown: &MaskedCard) -> bool {
        let before = self.card.clone();
        match (&mut self.card, self.card_at_corefy.take().or_else(|| before.clone())) {
            (Some(card), Some(known)) => card.take_over(&known, shown),
            (card, _) => *card = Some(shown.clone()),
        }
        self.card_at_corefy = Some(shown.clone()).filter(|shown| self.card.as_ref() != Some(shown));
        self.card != before
    }

    /// Changes the card as a caller wants. `None`: it is no card. `Some(false)`: that changes nothing.
    pub fn edit(&mut self, edit: &CardEdit) -> Option<bool> {
        let before = self.card.clone()?;
        let CardEdit { expiry_month, expiry_year, holder_name } = edit;
        let card = MaskedCard {
            expiry_month: expiry_month.unwrap_or(before.expiry_month),
            expiry_year: expiry_year.unwrap_or(before.expiry_year),
            holder_name: holder_name.clone().unwrap_or_else(|| before.holder_name.clone()),
            ..before.clone()
        };
        let known = self.card_at_corefy.take().unwrap_or_else(|| before.clone());
        self.card_at_corefy = Some(known).filter(|known| *known != card);
        let has_changed = card != before;
        self.card = Some(card);
        Some(has_changed)
    }

    /// Whether it was deleted here.
    pub fn is_deleted(&self) -> bool {
        self.deleted_at.is_some()
    }

    /// Leaves of it what names it in the history of payments, and nothing of the card.
    pub fn forget(&mut self, now: Timestamp) {
        (self.card, self.card_subject, self.card_at_corefy) = (None, None, None);
        self.deleted_at = Some(now);
        self.touch(now);
    }

    /// Brings back one that was deleted, when the same is saved again as `saved`: at Corefy it is the same.
    pub fn bring_back(&mut self, saved: &Self, now: Timestamp) {
        self.card.clone_from(&saved.card);
        self.card_subject.clone_from(&saved.card_subject);
        self.deleted_at = None;
        self.touch(now);
    }
}

/// The changes that a caller makes to a saved card; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct CardEdit {
    /// 1 to 12.
    pub expiry_month: Option<u8>,
    /// Four digits.
    pub expiry_year: Option<u16>,
    /// Name on the card; may be empty.
    pub holder_name: Option<Private>,
}

/// A payment method that is no card, as a caller describes it. Lives in memory only.
#[derive(Debug)]
pub struct OtherMethod {
    /// Type code.
    pub kind: String,
    /// The method's own fields.
    pub fields: BTreeMap<String, Private>,
}

/// A kind of payment method that the Corefy account accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SupportedPaymentMethod {
    /// Type code.
    pub kind: String,
    /// Name for people.
    pub name: String,
    /// ISO 4217 codes; empty means all of the account's.
    pub currencies: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::Ids;

    fn card(expiry_year: u16, holder: &str) -> MaskedCard {
        MaskedCard {
            brand: "visa".to_owned(),
            first6: "411111".to_owned(),
            last4: "1111".to_owned(),
            expiry_month: 12,
            expiry_year,
            holder_name: Private::new(holder),
        }
    }

    fn method(card: Option<MaskedCard>) -> PaymentMethod {
        PaymentMethod {
            id: PaymentMethodId::generate(&Ids::system()),
            partner_id: PartnerId::parse("acme").unwrap(),
            customer_id: CustomerId::generate(&Ids::system()),
            upstream_id: None,
            kind: CARD.to_owned(),
            card,
            card_subject: SubjectId::parse("card:1"),
            card_at_corefy: None,
            created_at: Timestamp(1),
            updated_at: Timestamp(1),
            deleted_at: None,
            revision: 1,
        }
    }

    #[test]
    fn an_edit_stays_until_the_same_changes_at_corefy() {
        let mut method = method(Some(card(2030, "Jane Doe")));
        let edit = CardEdit { expiry_year: Some(2035), ..CardEdit::default() };
        assert_eq!((method.edit(&edit), method.edit(&edit)), (Some(true), Some(false)));
        assert!(!method.take_over(&card(2030, "Jane Doe")), "Corefy shows what it showed before");
        assert!(method.take_over(&card(2030, "Jane Roe")));
        assert_eq!(method.card, Some(card(2035, "Jane Roe")));
        assert!(method.take_over(&card(2040, "Jane Roe")));
        assert_eq!((&method.card, &method.card_at_corefy), (&Some(card(2040, "Jane Roe")), &None));
        let another = MaskedCard { last4: "0005".to_owned(), ..card(2029, "Jane Roe") };
        method.edit(&edit);
        assert!(method.take_over(&another));
        assert_eq!(method.card, Some(another), "another number is another card");
    }

    #[test]
    fn what_is_no_card_has_nothing_to_edit() {
        assert_eq!(method(None).edit(&CardEdit { expiry_month: Some(1), ..CardEdit::default() }), None);
    }

    #[test]
    fn nothing_of_the_card_is_left_of_a_deleted_method_until_it_is_saved_again() {
        let mut deleted = method(Some(card(2030, "Jane Doe")));
        deleted.edit(&CardEdit { expiry_year: Some(2035), ..CardEdit::default() });
        deleted.forget(Timestamp(7));
        let PaymentMethod { card: left, card_subject, card_at_corefy, deleted_at, revision, .. } = deleted.clone();
        assert_eq!((left, card_subject, card_at_corefy), (None, None, None));
        assert_eq!((deleted_at, revision), (Some(Timestamp(7)), 2));
        let saved = method(Some(card(2031, "Jane Doe")));
        deleted.bring_back(&saved, Timestamp(9));
        assert!(!deleted.is_deleted());
        assert_eq!((&deleted.card, &deleted.card_subject, deleted.revision), (&saved.card, &saved.card_subject, 3));
    }
}
