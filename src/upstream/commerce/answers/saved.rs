//! A card that was saved while it was paid with.

use crate::domain::{
    card::MaskedCard, clock::Timestamp, payment_method::CARD, private::Private, snapshot::PaymentMethodSnapshot,
};
use crate::upstream::commerce::wire::{InvoicePayload, PaidCard};
use crate::upstream::sanitize;

/// The longest token of a saved card, in bytes.
const LONGEST_TOKEN: usize = 255;

/// The longest name on a card, in characters.
const LONGEST_NAME: usize = 100;

/// The century that two digits of a year are of.
const CENTURY: u16 = 2000;

/// The saved card in the payload of an invoice.
pub fn saved_card(payload: InvoicePayload) -> Option<PaymentMethodSnapshot> {
    let token = payload.token?.expose().to_owned();
    let is_token = token.len() <= LONGEST_TOKEN && token.bytes().all(|byte| byte.is_ascii_graphic());
    is_token.then(|| PaymentMethodSnapshot {
        upstream_id: token,
        kind: CARD.to_owned(),
        card: payload.payment_card.and_then(masked),
        created_at: Timestamp::default(),
    })
}

/// The card, when its digits are those of a mask and not of a whole number.
fn masked(card: PaidCard) -> Option<MaskedCard> {
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let holder = card.holder.unwrap_or_default();
    (card.last.len() == 4 && are_digits(&card.last)).then(|| MaskedCard {
        brand: sanitize::code(&card.brand),
        // A BIN has six digits or eight, of which six are kept.
        first6: Some(card.first)
            .filter(|first| matches!(first.len(), 6 | 8) && are_digits(first))
            .map(|first| first.chars().take(6).collect())
            .unwrap_or_default(),
        last4: card.last,
        expiry_month: card.expiry_month,
        expiry_year: if card.expiry_year < 100 { CENTURY + card.expiry_year } else { card.expiry_year },
        holder_name: Private::new(sanitize::bounded(holder.expose(), LONGEST_NAME)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn saved(payload: Value) -> Option<PaymentMethodSnapshot> {
        saved_card(serde_json::from_value(payload).unwrap())
    }

    #[test]
    fn a_saved_card_is_read_masked() {
        let card = json!({"card_id": "card_1", "mask": "411111******1111", "first": "411111", "last": 1111,
            "brand": "VISA", "holder": "JANE DOE", "expiry_month": "03", "expiry_year": 31});
        let saved = saved(json!({"token": "tok_1", "payment_card": card})).unwrap();
        assert_eq!((saved.upstream_id.as_str(), saved.kind.as_str()), ("tok_1", CARD));
        let card = saved.card.unwrap();
        assert_eq!((card.brand.as_str(), card.first6.as_str(), card.last4.as_str()), ("visa", "411111", "1111"));
        assert_eq!((card.expiry_month, card.expiry_year, card.holder_name.expose()), (3, 2031, "JANE DOE"));
    }

    #[test]
    fn a_whole_card_number_is_never_taken_for_a_mask_nor_anything_odd_for_a_token() {
        let number = "4111111111111111";
        let card = |first: &str, last: &str| {
            saved(json!({"token": "t", "payment_card": {"first": first, "last": last}})).unwrap().card
        };
        assert_eq!(card("411111", number), None);
        assert_eq!(card(number, "1111").unwrap().first6, "");
        assert_eq!(card("41111111", "1111").unwrap().first6, "411111");
        for token in [json!(null), json!(""), json!("a b"), json!("x".repeat(LONGEST_TOKEN + 1)), json!([])] {
            assert!(saved(json!({ "token": token })).is_none(), "{token}");
        }
    }
}
