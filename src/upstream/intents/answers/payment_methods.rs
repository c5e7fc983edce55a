//! Payment methods: those that a customer has saved, and the kinds that the account accepts.

use crate::domain::card::MaskedCard;
use crate::domain::money::Currency;
use crate::domain::payment_method::SupportedPaymentMethod;
use crate::domain::private::Private;
use crate::domain::snapshot::{PaymentMethodSnapshot, PaymentMethodsSnapshot};
use crate::upstream::intents::wire::{self, LONGEST_LIST};
use crate::upstream::reading::{LONGEST_ID, Mismatch, id};
use crate::upstream::{amounts::upper, sanitize};

/// A payment method of the customer with Corefy's id `customer_id`.
pub fn payment_method(answer: wire::WirePaymentMethod, customer_id: &str) -> Result<PaymentMethodSnapshot, Mismatch> {
    if answer.customer_id.is_some_and(|owner| owner != customer_id) {
        return Err("the answer is about another customer");
    }
    Ok(PaymentMethodSnapshot {
        upstream_id: id(answer.id)?,
        kind: sanitize::bounded(&answer.kind, sanitize::LONGEST_CODE),
        card: answer.card.and_then(masked_card),
        created_at: answer.created_at.map(|moment| moment.0).unwrap_or_default(),
    })
}

/// The payment methods of the customer with Corefy's id `customer_id`. One that cannot be read hides no other.
pub fn payment_methods(answer: wire::List<wire::WirePaymentMethod>, customer_id: &str) -> PaymentMethodsSnapshot {
    let wire::Entries { read, left_out } = answer.data;
    let count = read.len() + left_out;
    let read = read.into_iter().take(LONGEST_LIST).map(|method| payment_method(method, customer_id));
    let methods: Vec<_> = read.filter_map(Result::ok).collect();
    let is_complete = methods.iter().filter(|method| !method.kind.is_empty()).count() == count;
    PaymentMethodsSnapshot { methods, is_complete }
}

/// A value that is no mask, such as a whole number in place of the last digits, is not used.
pub fn masked_card(card: wire::SavedCard) -> Option<MaskedCard> {
    let are_digits = |text: &str, count| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    are_digits(&card.last4, 4).then(|| MaskedCard {
        brand: sanitize::code(&card.brand),
        first6: if are_digits(&card.first6, 6) { card.first6 } else { String::new() },
        last4: card.last4,
        expiry_month: card.expiry_month,
        expiry_year: card.expiry_year,
        holder_name: Private::new(sanitize::bounded(&card.holder_name, LONGEST_ID)),
    })
}

/// A supported type of payment method. `None` without a type, or when none of its currencies can be read: without
/// currencies it would be valid for all of them.
pub fn supported(answer: wire::SupportedMethod) -> Option<SupportedPaymentMethod> {
    let told = answer.currencies;
    let read = told.read.iter().filter_map(|code| Currency::parse(&upper(code)));
    let currencies: Vec<_> = read.map(|currency| currency.code().to_owned()).collect();
    let is_for_all = told.read.is_empty() && told.left_out == 0;
    let kind = sanitize::bounded(&answer.kind, sanitize::LONGEST_CODE);
    let can_be_told = !kind.is_empty() && (is_for_all || !currencies.is_empty());
    can_be_told.then(|| SupportedPaymentMethod { kind, name: sanitize::sentence(&answer.name), currencies })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_kind_is_offered_for_the_currencies_that_it_names() {
        let currencies = |told: serde_json::Value| {
            let kind = serde_json::from_value(json!({"type": "card", "name": null, "currencies": told})).unwrap();
            supported(kind).map(|kind| kind.currencies.join(","))
        };
        for (told, expected) in [
            (json!(["USD", "EUR"]), Some("USD,EUR")),
            (json!(["usd", null, 978, "USDT"]), Some("USD")),
            (json!("EUR"), Some("EUR")),
            (json!([]), Some("")),
            (json!(null), Some("")),
            (json!(["USDT"]), None),
            (json!([null]), None),
            (json!({"USD": true}), None),
        ] {
            assert_eq!(currencies(told.clone()).as_deref(), expected, "{told}");
        }
        assert!(supported(serde_json::from_value(json!({"currencies": ["USD"]})).unwrap()).is_none());
    }

    #[test]
    fn a_saved_card_is_read_member_by_member() {
        let card = json!({"brand": null, "first6": 411_111, "last4": "1111", "expiry_month": "03", "expiry_year": 2031,
            "holder_name": null, "token": []});
        let body = json!({"id": 9, "type": "card", "card": card, "customer_id": null, "created_at": "soon"});
        let method = payment_method(serde_json::from_value(body).unwrap(), "cust_1").unwrap();
        assert_eq!((method.upstream_id.as_str(), method.kind.as_str()), ("9", "card"));
        let card = method.card.unwrap();
        assert_eq!((card.first6.as_str(), card.last4.as_str()), ("411111", "1111"));
        assert_eq!((card.expiry_month, card.expiry_year), (3, 2031));
    }

    #[test]
    fn a_whole_card_number_is_never_taken_for_a_mask() {
        let card = |first6: &str, last4: &str| {
            let body = serde_json::json!({"first6": first6, "last4": last4});
            masked_card(serde_json::from_value(body).unwrap())
        };
        assert!(card("411111", "4111111111111111").is_none());
        assert_eq!(card("4111111111111111", "1111").unwrap().first6, "");
        assert_eq!(card("411111", "1111").unwrap().first6, "411111");
    }
}
