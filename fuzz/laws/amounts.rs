//! Amounts are exact both ways, in whatever form a number is written: none goes through a binary fraction.

use corefy_gateway::{
    domain::{
        money::{Currency, Money},
        snapshot::PaymentStatus,
    },
    upstream::{Upstream as _, commerce::Commerce},
};
use reqwest::StatusCode;
use serde_json::Value;

use super::{
    corefy::{EchoingCorefy, scheduling},
    scenes::{Scene, invoice},
};

/// The currencies that are tried, each with its decimals.
const CURRENCIES: [(&str, usize); 3] = [("EUR", 2), ("JPY", 0), ("KWD", 3)];

/// The greatest amount that is tried, in minor units: more than the gateway takes from anybody, and more than a float holds exactly.
const MOST: i64 = 999_999_999_999_999_999;

thread_local! {
    static COREFY: EchoingCorefy<Commerce> = EchoingCorefy::new(&["sk_test_1"], true);
}

/// A number that came to be, its currency, and the form that it is written in.
#[derive(Clone, Copy, Debug)]
pub struct WrittenAmount {
    /// In minor units; brought below the greatest that is tried.
    pub minor: u64,
    /// One of those that are tried.
    pub currency: u8,
    /// The way of writing it.
    pub form: u8,
}

impl WrittenAmount {
    /// Made of any bytes: eight of the number, one of the currency, one of the form.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let (number, [currency, form, ..]) = bytes.split_first_chunk::<8>()? else { return None };
        Some(Self { minor: u64::from_le_bytes(*number), currency: *currency, form: *form })
    }

    fn money(self) -> (Money, usize) {
        let (code, decimals) = CURRENCIES[usize::from(self.currency) % CURRENCIES.len()];
        let minor = i64::try_from(self.minor % MOST.unsigned_abs()).expect("it is below the greatest") + 1;
        (Money::new(minor, Currency::parse(code).expect("it is a currency")), decimals)
    }

    /// As JSON: a decimal fraction, one with zeros at its end, with the noise of binary fractions, a power of ten, or text.
    fn literal(self) -> String {
        let (money, decimals) = self.money();
        let major = major(money.minor, decimals);
        match self.form % 7 {
            0 => major,
            1 if decimals > 0 => format!("{major}0000"),
            2 if decimals > 0 => format!("{major}0000000001"),
            3 => format!("{}e-{decimals}", money.minor),
            4 => format!("\"{major}\""),
            5 => format!("\" {major}\""),
            _ => format!("{}E-{}", i128::from(money.minor) * 100, decimals + 2),
        }
    }
}

/// Minor units in major ones, by moving the point alone.
fn major(minor: i64, decimals: usize) -> String {
    let digits = format!("{minor:0>width$}", width = decimals + 1);
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") }
}

/// A number without what does not change it.
fn plain(literal: &str) -> &str {
    if literal.contains('.') { literal.trim_end_matches('0').trim_end_matches('.') } else { literal }
}

/// Asks for an amount, has Corefy say that it was paid, and wants exactly that in the request and from the answer.
pub fn an_amount_stays_what_it_is(amount: WrittenAmount) {
    let (money, decimals) = amount.money();
    COREFY.with(|corefy| {
        let mut scene = Scene::new(corefy, money);
        let code = money.currency.code();
        let paid = format!(
            r#""status":"processed","amount":{0},"processed_amount":{0},"refunded_amount":{0},"currency":"{code}""#,
            amount.literal()
        );
        let made = invoice(&format!(r#""status":"created","amount":{},"currency":"{code}""#, amount.literal()));
        corefy.answer(StatusCode::CREATED, made.as_bytes());
        let made = corefy.outcome(corefy.dialect.payment_intent_create(corefy.call(), &scene.context()));
        made.unwrap_or_else(|error| panic!("{error}: {amount:?}")).note_in(&mut scene.intent);
        let sent: Value = serde_json::from_slice(&corefy.sender.sent()).expect("it is JSON");
        let sent = sent["data"]["attributes"]["amount"].to_string();
        assert_eq!(plain(&sent), plain(&major(money.minor, decimals)), "what was sent of {amount:?}");

        corefy.answer(StatusCode::OK, invoice(&paid).as_bytes());
        let found = corefy.outcome(corefy.dialect.payment_find(&scene.context(), scheduling()));
        let found = found.unwrap_or_else(|error| panic!("{error}: {amount:?}")).expect("it is there");
        assert_eq!(
            (&found.status, found.received),
            (&PaymentStatus::Paid, money.minor),
            "what was received of {amount:?}"
        );
        assert_eq!(found.amount, Some(money), "the amount of {amount:?}");
    });
}

/// The same of any bytes.
pub fn any_amount_stays_what_it_is(bytes: &[u8]) {
    WrittenAmount::of(bytes).into_iter().for_each(an_amount_stays_what_it_is);
}
