//! The names that conditions know, with their types and with what has to be asked before one is used.

use time::OffsetDateTime;

use crate::domain::{
    currency::Currency,
    risk::{
        inputs::RiskInputs,
        lists::ListKind,
        subject::{Dimension, SubjectId},
    },
};

/// A name of an attempt's inputs.
#[derive(Debug)]
pub struct Field {
    /// The name, such as `card.country`.
    pub path: &'static str,
    /// Its meaning.
    pub about: &'static str,
    /// When it is there.
    pub presence: Presence,
    /// Its type and how it is read.
    pub read: Read,
}

/// When a field is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Always.
    Always,
    /// With its group: `has` of any field of the group is enough.
    With(Group),
    /// By itself; within its group, if it has one.
    Alone(Option<Group>),
}

/// Fields that are there together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// The amount and its currency.
    Amount,
    /// The card.
    Card,
    /// The payer's IP address.
    Ip,
    /// The payer's email address.
    Email,
    /// The customer.
    Customer,
}

/// The type of a field, and how it is read. Each gives `None` where the field is missing.
#[derive(Clone, Copy, Debug)]
pub enum Read {
    /// True or false.
    Flag(fn(&RiskInputs) -> Option<bool>),
    /// A whole number.
    Number(Unit, fn(&RiskInputs) -> Option<i64>),
    /// A text.
    Text(Form, fn(&RiskInputs) -> Option<&str>),
}

/// The unit of a number. Numbers of different units are neither compared nor added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Anything that is not money.
    Count,
    /// Minor units of the payment's currency.
    Amount,
    /// Minor units of the base currency.
    BaseAmount,
}

/// The form of a text. Texts of different forms are not compared, apart from [`Form::Free`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Any text.
    Free,
    /// A type code of a payment method.
    MethodType,
    /// A partner's id.
    Partner,
    /// An ISO 4217 code.
    Currency,
    /// An ISO 3166-1 alpha-2 code in upper case.
    Country,
    /// Six digits.
    Bin,
    /// A card's brand in lower case.
    Brand,
    /// How a card is funded.
    Funding,
    /// A card as a subject.
    Card,
    /// An IP address as a subject.
    Ip,
    /// An email address as a subject.
    Email,
    /// A domain in lower case.
    Domain,
    /// An autonomous system, such as `AS64496`.
    Network,
    /// A customer's id.
    Customer,
}

/// The name before the keys of an intent's metadata.
pub const METADATA: &str = "metadata";

const fn always(path: &'static str, read: Read, about: &'static str) -> Field {
    Field { path, about, presence: Presence::Always, read }
}

const fn with(group: Group, path: &'static str, read: Read, about: &'static str) -> Field {
    Field { path, about, presence: Presence::With(group), read }
}

const fn alone(group: Option<Group>, path: &'static str, read: Read, about: &'static str) -> Field {
    Field { path, about, presence: Presence::Alone(group), read }
}

macro_rules! of {
    ($part:ident, |$name:ident| $value:expr) => {
        |inputs| inputs.$part.as_ref().map(|$name| $value)
    };
    ($part:ident?, |$name:ident| $value:expr) => {
        |inputs| inputs.$part.as_ref().and_then(|$name| $value)
    };
}

use Form as F;
use Group as G;
use Read::{Flag, Number, Text};

/// Every name, in the order of the reference page.
#[rustfmt::skip]
pub static FIELDS: &[Field] = &[
    always("payment.method_type", Text(F::MethodType, |inputs| Some(&inputs.payment_method_type)), "Type code of the payment method, such as `card`"),
    always("payment.attempt", Number(Unit::Count, |inputs| Some(inputs.attempt.into())), "Number of the attempt among those of the payment, from 1"),
    always("payment.partner", Text(F::Partner, |inputs| Some(inputs.partner_id.as_str())), "Id of the partner"),
    always("payment.is_sandbox", Flag(|inputs| Some(inputs.is_sandbox)), "Whether no money can move"),
    always("payment.is_authenticated", Flag(|inputs| Some(inputs.is_authenticated)), "Whether the caller brought a 3-D Secure authentication"),
    with(G::Amount, "payment.amount", Number(Unit::Amount, of!(amount, |amount| amount.minor)), "The amount; missing where a card is saved without a payment"),
    with(G::Amount, "payment.currency", Text(F::Currency, of!(amount, |amount| amount.currency.code())), "Its currency, as ISO 4217"),
    alone(None, "payment.base_amount", Number(Unit::BaseAmount, of!(base_amount, |amount| amount.minor)), "The amount in the base currency; missing without a rate (`GATEWAY_RISK_RATES`)"),
    with(G::Card, "card.bin", Text(F::Bin, of!(card, |card| card.bin.as_str())), "The first six digits of the card's number"),
    with(G::Card, "card.brand", Text(F::Brand, of!(card, |card| card.brand.as_str())), "Brand in lower case, such as `visa`"),
    alone(Some(G::Card), "card.subject", Text(F::Card, of!(card?, |card| card.subject.as_ref().map(SubjectId::as_str))), "The card's number as a keyed hash; missing for a method that was saved elsewhere"),
    alone(Some(G::Card), "card.country", Text(F::Country, of!(card?, |card| card.country.as_deref())), "Country of the issuer (`GATEWAY_RISK_BIN_TABLE`)"),
    alone(Some(G::Card), "card.funding", Text(F::Funding, of!(card?, |card| card.funding.as_deref())), "`credit`, `debit` or `prepaid` (`GATEWAY_RISK_BIN_TABLE`)"),
    alone(Some(G::Card), "card.issuer", Text(F::Free, of!(card?, |card| card.issuer.as_deref())), "Name of the issuer (`GATEWAY_RISK_BIN_TABLE`)"),
    with(G::Ip, "ip.subject", Text(F::Ip, of!(ip, |ip| ip.subject.as_str())), "The payer's IP address as a keyed hash"),
    alone(Some(G::Ip), "ip.country", Text(F::Country, of!(ip?, |ip| ip.country.as_deref())), "Country of the address (`GATEWAY_RISK_IP_DATABASE`)"),
    alone(Some(G::Ip), "ip.network", Text(F::Network, of!(ip?, |ip| ip.network.as_deref())), "Autonomous system of the address, such as `AS64496` (`GATEWAY_RISK_IP_DATABASE`)"),
    with(G::Email, "email.subject", Text(F::Email, of!(email, |email| email.subject.as_str())), "The payer's email address as a keyed hash"),
    with(G::Email, "email.domain", Text(F::Domain, of!(email, |email| email.domain.as_str())), "Its domain in lower case"),
    with(G::Email, "email.is_disposable", Flag(of!(email, |email| email.is_disposable)), "Whether the domain gives disposable addresses (`GATEWAY_RISK_DISPOSABLE_DOMAINS`)"),
    alone(None, "billing.country", Text(F::Country, |inputs| inputs.billing_country.as_deref()), "Country of the billing address"),
    with(G::Customer, "customer.id", Text(F::Customer, of!(customer, |customer| customer.id.as_str())), "Id of the customer"),
    with(G::Customer, "customer.age_days", Number(Unit::Count, of!(customer, |customer| customer.age_days)), "Whole days since the customer was created"),
    with(G::Customer, "customer.successes", Number(Unit::Count, of!(customer, |customer| customer.successes)), "Payments of the customer that succeeded"),
    with(G::Customer, "customer.declines", Number(Unit::Count, of!(customer, |customer| customer.declines)), "Attempts of the customer that the issuer declined"),
    with(G::Customer, "customer.chargebacks", Number(Unit::Count, of!(customer, |customer| customer.chargebacks)), "Payments of the customer that were charged back"),
    always("time.hour", Number(Unit::Count, |inputs| utc(inputs).map(|at| at.hour().into())), "Hour of the day in UTC, 0 to 23"),
    always("time.weekday", Number(Unit::Count, |inputs| utc(inputs).map(|at| at.weekday().number_from_monday().into())), "Day of the week in UTC, from 1 (Monday) to 7 (Sunday)"),
    always("time.day", Number(Unit::Count, |inputs| utc(inputs).map(|at| at.day().into())), "Day of the month in UTC, 1 to 31"),
];

fn utc(inputs: &RiskInputs) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp(inputs.at.seconds()).ok()
}

/// The field of this name.
pub fn field(path: &str) -> Option<&'static Field> {
    FIELDS.iter().find(|field| field.path == path)
}

/// The field that has to be there for a velocity of this dimension.
pub fn counted_field(dimension: Dimension) -> &'static str {
    match dimension {
        Dimension::Card => "card.subject",
        Dimension::Ip => "ip.subject",
        Dimension::Email => "email.subject",
        Dimension::Customer => "customer.id",
        Dimension::Bin => "card.bin",
    }
}

impl Field {
    /// Whether the attempt has it.
    pub fn is_there(&self, inputs: &RiskInputs) -> bool {
        match self.read {
            Flag(read) => read(inputs).is_some(),
            Number(_, read) => read(inputs).is_some(),
            Text(_, read) => read(inputs).is_some(),
        }
    }

    /// Its type in words.
    pub fn kind(&self) -> &'static str {
        match self.read {
            Flag(_) => "true or false",
            Number(unit, _) => unit.in_words(),
            Text(form, _) => form.in_words(),
        }
    }
}

impl Unit {
    /// The unit in words.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Count => "a whole number",
            Self::Amount => "an amount, as `money('10.00')`",
            Self::BaseAmount => "an amount in the base currency, as `base_money('10.00')`",
        }
    }
}

impl Form {
    /// The form in words.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Free => "a text",
            Self::MethodType => "a type code of a payment method, as `'card'`",
            Self::Partner => "a partner's id",
            Self::Currency => "a currency, as `'EUR'`",
            Self::Country => "a country, as `'DE'`",
            Self::Bin => "a BIN of six digits, as `'411111'`",
            Self::Brand => "a card's brand in lower case, as `'visa'`",
            Self::Funding => "one of `'credit'`, `'debit'` and `'prepaid'`",
            Self::Card => "a card's keyed hash",
            Self::Ip => "an IP address's keyed hash",
            Self::Email => "an email address's keyed hash",
            Self::Domain => "a domain in lower case, as `'example.com'`",
            Self::Network => "an autonomous system, as `'AS64496'`",
            Self::Customer => "a customer's id",
        }
    }

    /// Whether a text that a rule gives can be of this form: one that cannot would never be equal.
    pub fn fits(self, text: &str) -> bool {
        let is_lower = || !text.is_empty() && !text.contains(|c: char| c.is_uppercase() || c.is_whitespace());
        match self {
            Self::Free | Self::Partner => true,
            Self::MethodType | Self::Brand | Self::Domain => is_lower(),
            Self::Currency => Currency::parse_existing(text).is_some_and(|currency| currency.code() == text),
            Self::Country => text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase()),
            Self::Bin => text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit()),
            Self::Funding => ["credit", "debit", "prepaid"].contains(&text),
            Self::Card => text.starts_with("card:"),
            Self::Ip => text.starts_with("ip:"),
            Self::Email => text.starts_with("email:"),
            Self::Network => text.strip_prefix("AS").is_some_and(|number| number.parse::<u32>().is_ok()),
            Self::Customer => text.starts_with("cus_"),
        }
    }

    /// The kind of the lists that can have a text of this form.
    pub fn list_kind(self) -> Option<ListKind> {
        match self {
            Self::Card => Some(ListKind::Card),
            Self::Bin => Some(ListKind::Bin),
            Self::Email => Some(ListKind::Email),
            Self::Domain => Some(ListKind::Domain),
            Self::Ip => Some(ListKind::Ip),
            Self::Country => Some(ListKind::Country),
            Self::Customer => Some(ListKind::Customer),
            Self::Free
            | Self::MethodType
            | Self::Partner
            | Self::Currency
            | Self::Brand
            | Self::Funding
            | Self::Network => None,
        }
    }
}
