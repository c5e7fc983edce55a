//! Reads the fields of a request and collects everything that is wrong with them, so that the caller learns it all at
//! once.

use std::{collections::BTreeMap, ops::RangeInclusive};

use crate::{
    app::paging::{DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE, Page},
    domain::{
        amount_limits::AmountLimits,
        customer::Metadata,
        ids::PaymentIntentId,
        money::{Currency, Money},
    },
    error::{Error, Reason, Violation},
};

use super::formats::{self, FormatVerdict};

/// The longest reference of a caller, in characters.
pub(super) const MAX_REFERENCE: usize = 100;
/// The most entries of a map.
pub(super) const MAX_ENTRIES: usize = 20;
/// The longest key of a map, in characters.
pub(super) const MAX_KEY: usize = 40;
/// The longest value of a map, in characters.
pub(super) const MAX_VALUE: usize = 500;
/// The longest page token, in bytes. Ours are shorter, also with the longest reference in them.
const MAX_PAGE_TOKEN: usize = 600;

/// The violations found so far. Methods return a usable value even for a wrong field: [`Fields::finish`] refuses it.
#[derive(Debug, Default)]
pub(super) struct Fields {
    /// The path of the message being read, with its dot, or empty.
    prefix: String,
    violations: Vec<Violation>,
}

impl Fields {
    /// Notes that `field` is wrong; `description` says what it must be.
    pub(super) fn refuse(&mut self, field: &str, description: impl Into<String>) {
        let field = format!("{}{field}", self.prefix);
        self.violations.push(Violation { field, description: description.into() });
    }

    /// The value, when every field was right.
    pub(super) fn finish<T>(self, value: Option<T>) -> Result<T, Error> {
        if !self.violations.is_empty() {
            return Err(Error::fields(self.violations));
        }
        value.ok_or_else(|| Error::new(Reason::Internal, "the gateway could not read the request"))
    }

    /// Reads the message in `field`, so that its fields are named by their whole path.
    pub(super) fn within<T>(&mut self, field: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        let outer = self.prefix.len();
        self.prefix.push_str(field);
        self.prefix.push('.');
        let value = read(self);
        self.prefix.truncate(outer);
        value
    }

    /// A text that follows `rule`, or is empty.
    pub(super) fn optional(&mut self, field: &str, value: String, rule: impl FnOnce(&str) -> FormatVerdict) -> String {
        if !value.is_empty()
            && let Err(description) = rule(&value)
        {
            self.refuse(field, description);
        }
        value
    }

    /// A text that follows `rule`.
    pub(super) fn required(&mut self, field: &str, value: String, rule: impl FnOnce(&str) -> FormatVerdict) -> String {
        if value.is_empty() {
            self.refuse(field, "is required");
        }
        self.optional(field, value, rule)
    }

    /// A text in the form that `read` gives it, or an empty one.
    pub(super) fn normalized(
        &mut self,
        field: &str,
        value: String,
        read: impl FnOnce(&str) -> Result<String, String>,
    ) -> String {
        if value.is_empty() {
            return value;
        }
        read(&value).unwrap_or_else(|description| {
            self.refuse(field, description);
            value
        })
    }

    /// A reference of the caller for something new, when there is one.
    pub(super) fn reference(&mut self, value: String) -> Option<String> {
        self.reference_by(value, formats::reference(MAX_REFERENCE))
    }

    /// A reference to search by, when there is one. It may be one that would not be taken any more.
    pub(super) fn known_reference(&mut self, value: String) -> Option<String> {
        self.reference_by(value, formats::text(MAX_REFERENCE))
    }

    /// The beginning of references to search by, when there is one.
    pub(super) fn reference_prefix(&mut self, value: String) -> Option<String> {
        let prefix = self.optional("reference_prefix", value, formats::text(MAX_REFERENCE));
        (!prefix.is_empty()).then_some(prefix)
    }

    fn reference_by(&mut self, value: String, rule: impl FnOnce(&str) -> FormatVerdict) -> Option<String> {
        let reference = self.optional("reference_id", value, rule);
        (!reference.is_empty()).then_some(reference)
    }

    /// An id that `parse` reads; `form` says which, as in "of a refund, re_…".
    pub(super) fn id<T>(&mut self, field: &str, value: &str, parse: fn(&str) -> Option<T>, form: &str) -> Option<T> {
        let id = parse(value);
        if id.is_none() {
            self.refuse(field, format!("must be an id {form}"));
        }
        id
    }

    /// Such an id, when there is one.
    pub(super) fn optional_id<T>(
        &mut self,
        field: &str,
        value: &str,
        parse: fn(&str) -> Option<T>,
        form: &str,
    ) -> Option<T> {
        if value.is_empty() { None } else { self.id(field, value, parse, form) }
    }

    /// The id of a payment intent, in either of its forms.
    pub(super) fn payment_intent_id(&mut self, field: &str, value: &str) -> Option<PaymentIntentId> {
        self.id(field, value, PaymentIntentId::parse_any, PAYMENT_INTENT_ID)
    }

    /// Such an id, when there is one.
    pub(super) fn optional_payment_intent_id(&mut self, field: &str, value: &str) -> Option<PaymentIntentId> {
        self.optional_id(field, value, PaymentIntentId::parse_any, PAYMENT_INTENT_ID)
    }

    /// A currency that payments can be made in.
    pub(super) fn currency(&mut self, value: &str) -> Option<Currency> {
        let currency = Currency::parse_payable(value);
        currency.map_err(|description| self.refuse("currency", description)).ok()
    }

    /// The amount of a payment in `currency`, within its limit. Without a currency only its look can be judged.
    pub(super) fn amount(&mut self, value: &str, currency: Option<Currency>, limits: &AmountLimits) -> Option<Money> {
        let verdict = match currency {
            _ if value.is_empty() => Err("is required".to_owned()),
            Some(currency) => Money::parse(value, currency).and_then(|money| limits.check(money).map(|()| Some(money))),
            None => formats::amount(value).map(|()| None),
        };
        verdict.unwrap_or_else(|description| {
            self.refuse("amount", description);
            None
        })
    }

    /// A whole number.
    pub(super) fn number<T>(&mut self, field: &str, value: i32, range: RangeInclusive<i32>) -> T
    where
        T: TryFrom<i32> + Default,
    {
        if !range.contains(&value) {
            self.refuse(field, format!("must be {} to {}", range.start(), range.end()));
        }
        T::try_from(value).unwrap_or_default()
    }

    /// A whole number, when there is one.
    pub(super) fn optional_number<T>(
        &mut self,
        field: &str,
        value: Option<i32>,
        range: RangeInclusive<i32>,
    ) -> Option<T>
    where
        T: TryFrom<i32> + Default,
    {
        value.map(|value| self.number(field, value, range))
    }

    /// The caller's own notes.
    pub(super) fn metadata(&mut self, entries: BTreeMap<String, String>) -> Metadata {
        self.entries("metadata", entries, formats::prose(MAX_VALUE))
    }

    /// A map of texts of one line.
    pub(super) fn map(&mut self, field: &str, entries: BTreeMap<String, String>) -> Metadata {
        self.entries(field, entries, formats::text(MAX_VALUE))
    }

    /// A map whose values follow `rule`. An entry is named by its key, unless the key itself is wrong.
    fn entries(
        &mut self,
        field: &str,
        entries: BTreeMap<String, String>,
        rule: impl Fn(&str) -> FormatVerdict,
    ) -> Metadata {
        if entries.len() > MAX_ENTRIES {
            self.refuse(field, format!("must have at most {MAX_ENTRIES} entries"));
            return Metadata::new();
        }
        for (key, value) in &entries {
            if key.is_empty() || formats::words(MAX_KEY)(key).is_err() {
                self.refuse(
                    field,
                    format!("must have keys of 1 to {MAX_KEY} characters, none of them a control character, without card numbers"),
                );
            } else if let Err(description) = rule(value) {
                self.refuse(&format!("{field}[{key:?}]"), description);
            }
        }
        entries
    }

    /// Which page of a list is wanted.
    pub(super) fn page(&mut self, size: i32, token: String) -> Page {
        let size = match size {
            0 => DEFAULT_PAGE_SIZE,
            size => self.number("page_size", size, 1..=MAX_PAGE_SIZE.cast_signed()),
        };
        let token =
            self.token("page_token", token, "must be the next_page_token of the same list with the same filters");
        Page { size, token }
    }

    /// A token that the gateway made, or an empty one.
    pub(super) fn token(&mut self, field: &str, token: String, description: &'static str) -> String {
        let fits = |token: &str| formats::visible_ascii(token.as_bytes(), MAX_PAGE_TOKEN).is_some();
        self.optional(field, token, |token| formats::must(fits(token), description))
    }
}

/// The form of a payment intent's id, for people.
const PAYMENT_INTENT_ID: &str = "of a payment intent, pi_… or pay_…";

#[cfg(test)]
mod tests {
    use super::*;

    /// The violations that `read` finds: the paths, and what each must be.
    fn wrong(read: impl FnOnce(&mut Fields)) -> Vec<(String, String)> {
        let mut fields = Fields::default();
        read(&mut fields);
        fields.violations.into_iter().map(|violation| (violation.field, violation.description)).collect()
    }

    #[test]
    fn every_wrong_field_is_named_by_its_path_and_none_by_its_value() {
        let found = wrong(|fields| {
            fields.required("email", String::new(), formats::text(1));
            fields.within("billing_address", |fields| {
                fields.optional("country", "Utopia".to_owned(), formats::country);
                fields.optional("city", "c".repeat(51), formats::text(50));
            });
            fields.optional("description", String::new(), formats::text(1));
            fields.reference("r".repeat(101));
        });
        let paths: Vec<_> = found.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(paths, ["email", "billing_address.country", "billing_address.city", "reference_id"]);
        assert_eq!(found[0].1, "is required");
        assert!(found.iter().all(|(_, description)| !description.contains("Utopia")));
    }

    #[test]
    fn a_request_without_faults_gives_its_value() {
        assert_eq!(Fields::default().finish(Some(1)).unwrap(), 1);
        let mut fields = Fields::default();
        fields.refuse("a", "must be b");
        let error = fields.finish(Some(1)).unwrap_err();
        assert_eq!(error.reason, Reason::FieldsInvalid);
        assert_eq!(error.violations.len(), 1);
    }

    #[test]
    fn maps_are_bounded_in_entries_keys_and_values() {
        let of = |key: String, value: String| wrong(|fields| drop(fields.map("metadata", [(key, value)].into())));
        assert!(of("k".repeat(40), "ü".repeat(500)).is_empty());
        assert_eq!(of("order".to_owned(), "v".repeat(501))[0].0, "metadata[\"order\"]");
        assert_eq!(of("k".repeat(41), String::new())[0].0, "metadata");
        assert_eq!(of(String::new(), String::new())[0].0, "metadata");
        let many: BTreeMap<_, _> = (0..21).map(|n| (n.to_string(), String::new())).collect();
        assert_eq!(wrong(|fields| drop(fields.map("metadata", many)))[0].1, "must have at most 20 entries");
    }

    #[test]
    fn amounts_are_judged_by_their_currency_and_without_one_by_their_look() {
        let of = |value: &'static str, code: &'static str| {
            wrong(|fields| {
                let currency = fields.currency(code);
                fields.amount(value, currency, &AmountLimits::default());
            })
        };
        assert!(of("100.00", "USD").is_empty());
        assert!(of("1500000", "VND").is_empty());
        assert_eq!(of("1000000.01", "USD"), [("amount".to_owned(), "must be at most 1000000 USD".to_owned())]);
        assert_eq!(of("1.5", "JPY"), [("amount".to_owned(), "must have at most 0 decimals in JPY".to_owned())]);
        assert_eq!(of("", "USD")[0].1, "is required");
        let both: Vec<_> = of("ten", "usd").into_iter().map(|(path, _)| path).collect();
        assert_eq!(both, ["currency", "amount"]);
    }

    #[test]
    fn pages_have_a_default_and_a_bound() {
        let mut fields = Fields::default();
        assert_eq!(fields.page(0, String::new()).size, 20);
        assert_eq!(fields.page(100, "token".to_owned()).size, 100);
        assert!(fields.violations.is_empty());
        for size in [-1, 101, i32::MAX] {
            assert_eq!(wrong(|fields| drop(fields.page(size, String::new())))[0].1, "must be 1 to 100");
        }
        assert_eq!(wrong(|fields| drop(fields.page(0, "t".repeat(601))))[0].0, "page_token");
    }

    #[test]
    fn ids_of_another_kind_are_refused_with_the_form_they_must_have() {
        let found = wrong(|fields| {
            fields.payment_intent_id("payment_id", "re_0");
            fields.optional_payment_intent_id("payment_id", "");
        });
        assert_eq!(found, [("payment_id".into(), "must be an id of a payment intent, pi_… or pay_…".into())]);
    }
}
