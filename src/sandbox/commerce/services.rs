//! Services: ways to pay, of one method in one currency.

/// A method that the sandbox's account has, and where.
pub(super) struct ServiceMethod {
    pub code: &'static str,
    pub name: &'static str,
    /// ISO 4217 codes.
    pub currencies: &'static [&'static str],
    pub fields: &'static [ServiceField],
}

/// A field that a payer has to fill in.
pub(super) struct ServiceField {
    pub key: &'static str,
    pub label: &'static str,
    pub regexp: &'static str,
    /// Whether a value matches `regexp`.
    pub is_right: fn(&str) -> bool,
}

/// The method of cards.
pub(super) const CARD_METHOD: &str = "payment_card";
/// The only kind of page that the services of the account have.
const FLOW: &str = "hpp";

/// The methods of the account.
pub(super) const METHODS: &[ServiceMethod] = &[
    method(CARD_METHOD, "Card", &["USD", "EUR", "GBP", "KES", "NGN", "ZAR", "GHS", "JPY", "KWD"], &[]),
    method("applepay", "Apple Pay", &["USD", "EUR", "GBP"], &[]),
    method("googlepay", "Google Pay", &["USD", "EUR", "GBP"], &[]),
    method("ideal", "iDEAL", &["EUR"], &[]),
    method("bank_transfer", "Bank transfer", &["USD", "EUR", "GBP", "NGN", "ZAR"], &[]),
    method("mb_way", "MB WAY", &["EUR"], &[PHONE]),
    method("mobile_money", "Mobile money", &["KES", "GHS"], &[PHONE]),
    method("blik", "BLIK", &["PLN", "EUR"], &[BLIK_CODE]),
];

const PHONE: ServiceField = ServiceField {
    key: "phone",
    label: "Phone",
    regexp: r"^\d{9,15}$",
    is_right: |text| (9..=15).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit()),
};
const BLIK_CODE: ServiceField = ServiceField {
    key: "code",
    label: "BLIK code",
    regexp: r"^\d{6}$",
    is_right: |text| text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit()),
};

const fn method(
    code: &'static str,
    name: &'static str,
    currencies: &'static [&'static str],
    fields: &'static [ServiceField],
) -> ServiceMethod {
    ServiceMethod { code, name, currencies, fields }
}

/// The code of a method's service in a currency.
pub(super) fn service_code(method: &str, currency: &str) -> String {
    format!("{method}_{}_{FLOW}", currency.to_lowercase())
}

/// Method, currency in lower case and flow of a service's code; `None` when it is none.
pub(super) fn parts_of(code: &str) -> Option<(&str, &str, &str)> {
    let (rest, flow) = code.rsplit_once('_')?;
    let (method, currency) = rest.rsplit_once('_')?;
    let is_currency = currency.len() == 3 && currency.bytes().all(|byte| byte.is_ascii_lowercase());
    (is_currency && !method.is_empty() && !flow.is_empty()).then_some((method, currency, flow))
}

/// The method of a service that may not be among the account's own: any is accepted, for hosted pages work alike.
pub(super) fn method_of(code: &str) -> Option<&str> {
    parts_of(code).map(|(method, ..)| method)
}

/// The fields that a service asks for.
pub(super) fn fields_of(code: &str) -> &'static [ServiceField] {
    let method = method_of(code).and_then(|code| METHODS.iter().find(|method| method.code == code));
    method.map_or(&[], |method| method.fields)
}

/// Whether the service takes cards.
pub(super) fn is_for_cards(code: &str) -> bool {
    method_of(code) == Some(CARD_METHOD)
}
