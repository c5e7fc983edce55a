//! The abilities of the account: the types of payment methods, and the fields that a service wants.

use std::collections::BTreeMap;

use regex::RegexBuilder;

use crate::domain::{money::Currency, payment_method::SupportedPaymentMethod, private::Private};
use crate::upstream::commerce::{
    settings::CommerceSettings,
    wire::{LONGEST_LIST, OfferedService, PrerequestDocument, WantedField},
};
use crate::upstream::sanitize;

/// The largest form of a pattern that is checked, in bytes: a larger one is left to Corefy.
const LARGEST_PATTERN: usize = 1024 * 1024;

/// The longest name of a field that is told, in characters.
const LONGEST_KEY: usize = 64;

/// The fields of a method that lack or do not fit, by our field paths, each with its reason.
pub fn check_fields(service: &OfferedService, given: &BTreeMap<String, Private>) -> Vec<(String, String)> {
    let path = |field: &WantedField| format!("other.fields.{}", sanitize::bounded(&field.key, LONGEST_KEY));
    let wanted = service.fields.read.iter().filter(|field| !field.key.is_empty());
    wanted.filter_map(|field| Some((path(field), wrong(field, given.get(&field.key))?.to_owned()))).collect()
}

fn wrong(field: &WantedField, given: Option<&Private>) -> Option<&'static str> {
    match given.filter(|given| !given.is_empty()) {
        None => field.required.then_some("is required"),
        Some(given) => {
            (!fits(&field.regexp, given.expose())).then_some("does not have the form that the service wants")
        }
    }
}

/// Whether a value has the form of a pattern. A pattern that we cannot read is Corefy's to check.
fn fits(pattern: &str, value: &str) -> bool {
    // Some have the delimiters of PHP.
    let bare = pattern.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')).unwrap_or(pattern);
    let read = RegexBuilder::new(bare).size_limit(LARGEST_PATTERN).build();
    bare.is_empty() || read.map_or(true, |read| read.is_match(value))
}

/// The types of payment methods that the services of each currency serve. A service that the settings name for one of our types
/// is of that type, any other of its method at Corefy.
pub fn supported(
    offers: Vec<(Currency, PrerequestDocument)>,
    settings: &CommerceSettings,
) -> Vec<SupportedPaymentMethod> {
    let mut supported = BTreeMap::<String, SupportedPaymentMethod>::new();
    for (currency, offer) in offers {
        for (code, service) in offer.services {
            let kind = settings.kind_of(&code, currency).unwrap_or(&service.method);
            let kind = sanitize::bounded(kind, sanitize::LONGEST_CODE);
            let name = offer.method_names.get(&service.method).map(|name| sanitize::sentence(name));
            let method = supported.entry(kind.clone()).or_insert_with(|| SupportedPaymentMethod {
                name: name.unwrap_or_else(|| kind.clone()),
                kind,
                currencies: Vec::new(),
            });
            if !method.currencies.iter().any(|known| known == currency.code()) {
                method.currencies.push(currency.code().to_owned());
            }
        }
    }
    supported.into_values().filter(|method| !method.kind.is_empty()).take(LONGEST_LIST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_field_lacks_or_does_not_fit_as_the_service_has_it() {
        let service: OfferedService = serde_json::from_value(json!({"method": "upi", "fields": [
            {"key": "phone", "required": true, "regexp": "^\\d{9,15}$"},
            {"key": "vpa", "required": 1, "regexp": "/^\\S+@\\S+$/"},
            {"key": "note", "required": false, "regexp": "^(?=x)"},
            {"key": "code", "regexp": null},
        ]}))
        .unwrap();
        let check = |given: &[(&str, &str)]| {
            let given = given.iter().map(|(key, value)| ((*key).to_owned(), Private::new(*value))).collect();
            check_fields(&service, &given).into_iter().map(|(field, _)| field).collect::<Vec<_>>()
        };
        assert_eq!(check(&[]), ["other.fields.phone", "other.fields.vpa"]);
        assert_eq!(check(&[("phone", "34600000000"), ("vpa", "a@b"), ("note", "y"), ("code", "")]), [""; 0]);
        assert_eq!(check(&[("phone", "+34"), ("vpa", "")]), ["other.fields.phone", "other.fields.vpa"]);
    }
}
