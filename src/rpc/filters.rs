//! Filters that several lists have.

use std::collections::BTreeMap;

use super::{contacts, fields::Fields, formats};
use crate::domain::{
    list_filters::AmountRange,
    money::{Currency, Money},
    search_term::SearchTerm,
};

/// The longest code of a decline, in characters.
const MAX_CODE: usize = 100;

/// An email address to search by, when there is one.
pub(super) fn email(fields: &mut Fields, field: &str, value: String) -> Option<SearchTerm> {
    let address = fields.normalized(field, value, contacts::email);
    (!address.is_empty()).then(|| SearchTerm::email(&address))
}

/// A card to search by, when there is one: both of its ends.
pub(super) fn card(fields: &mut Fields, first6: &str, last4: &str) -> Option<SearchTerm> {
    if first6.is_empty() && last4.is_empty() {
        return None;
    }
    for (field, value, digits) in [("card_first6", first6, 6), ("card_last4", last4, 4)] {
        if !formats::are_digits(value, digits, digits) {
            fields.refuse(field, format!("must be {digits} digits; card_first6 and card_last4 go together"));
        }
    }
    Some(SearchTerm::card(first6, last4))
}

/// Entries of metadata to search by.
pub(super) fn metadata(fields: &mut Fields, entries: BTreeMap<String, String>) -> Vec<SearchTerm> {
    fields.metadata(entries).iter().map(|(key, value)| SearchTerm::metadata(key, value)).collect()
}

/// The code of a decline to search by, when there is one.
pub(super) fn decline_code(fields: &mut Fields, value: String) -> Option<SearchTerm> {
    let code = fields.optional("decline_code", value, formats::text(MAX_CODE));
    (!code.is_empty()).then_some(SearchTerm::DeclineCode(code))
}

/// The type code of a payment method to search by, when there is one.
pub(super) fn method_type(fields: &mut Fields, value: String) -> Option<SearchTerm> {
    let code = fields.optional("payment_method_type", value, formats::type_code);
    (!code.is_empty()).then_some(SearchTerm::PaymentMethodType(code))
}

/// A currency, and the range of amounts in it.
pub(super) fn money(fields: &mut Fields, currency: &str, from: &str, to: &str) -> (Option<Currency>, AmountRange) {
    let is_bounded = !from.is_empty() || !to.is_empty();
    let currency = match currency {
        "" => {
            if is_bounded {
                fields.refuse("currency", "is required with amount_from and amount_to");
            }
            None
        }
        code => {
            let known = Currency::parse_existing(code);
            if known.is_none() {
                fields.refuse("currency", "must be an ISO 4217 code in upper case such as USD");
            }
            known
        }
    };
    let range = AmountRange {
        from: bound(fields, "amount_from", from, currency),
        to: bound(fields, "amount_to", to, currency),
    };
    if range.from.is_some_and(|from| range.to.is_some_and(|to| from > to)) {
        fields.refuse("amount_from", "must be at most amount_to");
    }
    (currency, range)
}

fn bound(fields: &mut Fields, field: &str, value: &str, currency: Option<Currency>) -> Option<i64> {
    if value.is_empty() {
        return None;
    }
    let verdict = match currency {
        Some(currency) => Money::parse(value, currency).map(|money| Some(money.minor)),
        None => formats::amount(value).map(|()| None),
    };
    verdict.unwrap_or_else(|description| {
        fields.refuse(field, description);
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(read: impl FnOnce(&mut Fields)) -> Vec<String> {
        let mut fields = Fields::default();
        read(&mut fields);
        let error = fields.finish(Some(())).err();
        error.map_or_else(Vec::new, |error| error.violations.iter().map(|wrong| wrong.field.clone()).collect())
    }

    #[test]
    fn a_card_is_searched_by_both_of_its_ends() {
        assert!(wrong(|fields| assert_eq!(card(fields, "", ""), None)).is_empty());
        assert!(wrong(|fields| drop(card(fields, "411111", "1111"))).is_empty());
        assert_eq!(wrong(|fields| drop(card(fields, "411111", ""))), ["card_last4"]);
        assert_eq!(wrong(|fields| drop(card(fields, "41111x", "11111"))), ["card_first6", "card_last4"]);
    }

    #[test]
    fn amounts_are_searched_in_a_currency() {
        let of = |currency: &'static str, from: &'static str, to: &'static str| {
            let mut range = AmountRange::default();
            let found = wrong(|fields| range = money(fields, currency, from, to).1);
            (found, range.from, range.to)
        };
        assert_eq!(of("USD", "1", "2.50"), (vec![], Some(100), Some(250)));
        assert_eq!(of("", "1", ""), (vec!["currency".to_owned()], None, None));
        assert_eq!(of("usd", "", "").0, ["currency"]);
        assert_eq!(of("JPY", "1.5", "x").0, ["amount_from", "amount_to"]);
        assert_eq!(of("USD", "3", "2").0, ["amount_from"]);
        assert_eq!(of("HRK", "", ""), (vec![], None, None), "what was paid in a withdrawn currency is found");
    }

    #[test]
    fn emails_are_searched_however_they_are_written() {
        let mut fields = Fields::default();
        let found = email(&mut fields, "customer_email", "Jane@KÄSE.example".to_owned());
        assert_eq!(found, Some(SearchTerm::email("jane@xn--kse-qla.example")));
        assert_eq!(wrong(|fields| drop(email(fields, "email", "jane".to_owned()))), ["email"]);
    }
}
