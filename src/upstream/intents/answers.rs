//! Translates Corefy's answers into our types. An answer that contradicts the request, or has no equivalent, is a
//! mismatch. A mismatch proves nothing: neither that the thing was done nor that it was not.

use rust_decimal::Decimal;

use super::next_action::next_action;
use super::{LONGEST_LIST, wire};
use crate::domain::card::MaskedCard;
use crate::domain::customer::{Contact, Customer};
use crate::domain::decline::{DECLINED, PaymentError};
use crate::domain::money::{Currency, Money};
use crate::domain::payment_intent::PaymentIntent;
use crate::domain::payment_method::SupportedPaymentMethod;
use crate::domain::private::Private;
use crate::domain::refund::{Refund, RefundFailure, RefundState};
use crate::domain::snapshot::{
    CustomerSnapshot, PaymentMethodSnapshot, PaymentMethodsSnapshot, PaymentSnapshot, PaymentStatus, RefundSnapshot,
};
use crate::upstream::sanitize;

/// The longest id of Corefy's that is believed, in characters.
const LONGEST_ID: usize = 100;

/// The most refunds of one payment that are read.
const MOST_REFUNDS: usize = 1000;

/// The part of a minor unit by which an amount may differ from a whole number of them: less is the noise of a sender
/// that calculates in binary fractions, never money.
const NOISE: Decimal = Decimal::from_parts(1, 0, 0, false, 3);

/// The sentence for a failure that Corefy gives none for.
const NO_MESSAGE: &str = "The payment provider declined the request without giving a reason.";

/// The longest email address (RFC 5321), name and phone number of a customer that are taken over, in characters.
const LONGEST_EMAIL: usize = 254;
const LONGEST_NAME: usize = 100;
const LONGEST_PHONE: usize = 20;

/// Why an answer is not one to the question.
pub type Mismatch = &'static str;

/// The payment that `intent` asked to be created. A missing state is taken to be as requested.
pub fn created(answer: wire::WireIntent, intent: &PaymentIntent) -> Result<PaymentSnapshot, Mismatch> {
    let has_no_status = answer.status.is_empty();
    let snapshot = fitting(answer, intent)?;
    let status = if has_no_status { PaymentStatus::AwaitingConfirmation } else { snapshot.status };
    Ok(PaymentSnapshot { status, ..snapshot })
}

/// The payment with Corefy's id `asked` that already has the reference of `intent`.
pub fn existing(answer: wire::WireIntent, asked: &str, intent: &PaymentIntent) -> Result<PaymentSnapshot, Mismatch> {
    fitting(about(answer, asked)?, intent)
}

fn fitting(answer: wire::WireIntent, intent: &PaymentIntent) -> Result<PaymentSnapshot, Mismatch> {
    let is_ours = answer.reference_id.as_deref().is_none_or(|reference| reference == intent.id.as_str());
    let snapshot = payment(answer)?;
    match () {
        () if !is_ours => Err("the answer has another reference"),
        () if snapshot.amount.is_some_and(|amount| amount != intent.amount) => Err("the answer has another amount"),
        () => Ok(snapshot),
    }
}

/// The payment with Corefy's id `asked`, which may be the intent's or the payment's.
pub fn read(answer: wire::WireIntent, asked: &str) -> Result<PaymentSnapshot, Mismatch> {
    payment(about(answer, asked)?)
}

fn about(answer: wire::WireIntent, asked: &str) -> Result<wire::WireIntent, Mismatch> {
    let is_asked = answer.id == asked || answer.payment_id.as_deref() == Some(asked);
    if is_asked { Ok(answer) } else { Err("the answer is about another payment") }
}

fn payment(answer: wire::WireIntent) -> Result<PaymentSnapshot, Mismatch> {
    let status = status(&answer.status, answer.next_action, answer.error);
    let is_paid = status == PaymentStatus::Paid;
    let amount = amount_that_counts(is_paid, answer.amount, &answer.currency)?;
    let refunds = answer.refunds.and_then(|refunds| all_refunds(refunds, answer.amount_refunded, amount?));
    Ok(PaymentSnapshot {
        upstream_id: id(answer.id)?,
        upstream_payment_id: answer.payment_id.and_then(|payment| id(payment).ok()),
        received: amount.filter(|_| is_paid).map_or(0, |amount| amount.minor),
        status,
        amount,
        charged_back: 0,
        refunds,
        version: answer.updated_at.map(|moment| moment.0).unwrap_or_default(),
    })
}

/// The amount of a payment or refund. It is required where money `has_moved`; before that, and where no money will
/// move, an amount that is zero, missing or unreadable says nothing.
fn amount_that_counts(
    has_moved: bool,
    amount: Option<wire::Amount>,
    currency: &str,
) -> Result<Option<Money>, Mismatch> {
    match (money(amount, currency), has_moved) {
        (Ok(amount), _) if amount.minor > 0 => Ok(Some(amount)),
        (Ok(_), true) => Err("the answer's amount is zero though money moved"),
        (Err(mismatch), true) => Err(mismatch),
        (Ok(_) | Err(_), false) => Ok(None),
    }
}

/// The refunds of a payment, when every one of them can be read and together they explain what was refunded. From less
/// nothing may be concluded about a refund that is not among them.
fn all_refunds(
    told: wire::Entries<wire::WireRefund>,
    amount_refunded: Option<wire::Amount>,
    amount: Money,
) -> Option<Vec<RefundSnapshot>> {
    let is_whole = told.left_out == 0 && told.read.len() <= MOST_REFUNDS;
    let refunds: Vec<_> = told.read.into_iter().take(MOST_REFUNDS).map(listed_refund).collect::<Result<_, _>>().ok()?;
    let succeeded = refunds.iter().filter(|refund| refund.state == Some(RefundState::Succeeded));
    let explained: i64 = succeeded.filter_map(|refund| refund.amount).map(|amount| amount.minor).sum();
    let refunded =
        amount_refunded.map_or(Some(0), |refunded| whole(refunded.0, amount.currency).map(|money| money.minor))?;
    (is_whole && explained >= refunded).then_some(refunds)
}

/// A refund in a list. Its amount helps to tell it from the others, unless the refund came to nothing.
fn listed_refund(answer: wire::WireRefund) -> Result<RefundSnapshot, Mismatch> {
    let refund = refund(answer)?;
    if refund.amount.is_none() && !refund.came_to_nothing() { Err("a refund has no amount") } else { Ok(refund) }
}

/// A payer cannot act without instructions; the attempt is then under way for all we can say.
fn status(word: &str, action: Option<wire::WireNextAction>, error: Option<wire::WireFailure>) -> PaymentStatus {
    match word.trim().to_ascii_lowercase().as_str() {
        "requires_confirmation" => PaymentStatus::AwaitingConfirmation,
        "requires_action" => {
            action.and_then(next_action).map_or(PaymentStatus::Processing, PaymentStatus::RequiresAction)
        }
        "processing" => PaymentStatus::Processing,
        "succeeded" => PaymentStatus::Paid,
        "failed" => {
            let (code, message) = failure(error);
            PaymentStatus::Failed(PaymentError { code, message })
        }
        "canceled" => PaymentStatus::Canceled,
        other => PaymentStatus::Unknown(sanitize::bounded(other, sanitize::LONGEST_CODE)),
    }
}

/// Whether this word, in lower case, is one of the contract's.
pub fn is_known_status(word: &str) -> bool {
    !matches!(status(word, None, None), PaymentStatus::Unknown(_))
}

fn failure(error: Option<wire::WireFailure>) -> (String, String) {
    let (code, message) = error.map(|error| (error.code, error.message)).unwrap_or_default();
    let or = |text: String, default: &str| if text.is_empty() { default.to_owned() } else { text };
    (or(sanitize::code(&code), DECLINED), or(sanitize::sentence(&message), NO_MESSAGE))
}

/// The refund that `asked` asked for.
pub fn refunded(answer: wire::WireRefund, asked: &Refund) -> Result<RefundSnapshot, Mismatch> {
    let snapshot = refund(answer)?;
    match () {
        () if snapshot.reference.as_deref().is_some_and(|reference| reference != asked.id.as_str()) => {
            Err("the answer has another reference")
        }
        () if snapshot.amount.is_some_and(|amount| amount != asked.amount) && !snapshot.came_to_nothing() => {
            Err("the answer has another amount")
        }
        () => Ok(snapshot),
    }
}

fn refund(answer: wire::WireRefund) -> Result<RefundSnapshot, Mismatch> {
    let state = refund_state(&answer.status);
    let has_moved = state == Some(RefundState::Succeeded);
    Ok(RefundSnapshot {
        upstream_id: id(answer.id)?,
        reference: answer.reference_id,
        state,
        amount: amount_that_counts(has_moved, answer.amount, &answer.currency)?,
        failure: (state == Some(RefundState::Failed)).then(|| {
            let (code, message) = failure(answer.error);
            RefundFailure { code, message }
        }),
    })
}

/// The state that a refund's word stands for.
pub fn refund_state(word: &str) -> Option<RefundState> {
    RefundState::parse(&word.trim().to_ascii_lowercase())
}

/// The customer that was asked for; its reference, when the answer has one, is ours.
pub fn customer(answer: wire::CustomerAnswer, asked: &Customer) -> Result<CustomerSnapshot, Mismatch> {
    if answer.reference_id.is_some_and(|reference| reference != asked.id.as_str()) {
        return Err("the answer has another reference");
    }
    let upstream_id = id(answer.id.ok_or("the answer has no id")?)?;
    Ok(CustomerSnapshot { upstream_id, contact: Contact::default() })
}

/// The customer with Corefy's id `upstream_id`, with how it is reached. `None`: it was made with another reference than
/// ours, so that it is not ours to follow.
pub fn customer_shown(
    answer: wire::CustomerAnswer,
    asked: &Customer,
    upstream_id: &str,
) -> Result<Option<CustomerSnapshot>, Mismatch> {
    if answer.reference_id.as_ref().is_some_and(|reference| reference != asked.id.as_str()) {
        return Ok(None);
    }
    let contact = contact(&answer);
    let shown = customer(answer, asked)?;
    if shown.upstream_id != upstream_id {
        return Err("the answer is about another customer");
    }
    Ok(Some(CustomerSnapshot { contact, ..shown }))
}

/// How a customer is reached, as far as it has a form that we keep.
pub fn contact(answer: &wire::CustomerAnswer) -> Contact {
    let name = |name: &Private| Private::new(sanitize::bounded(name.expose(), LONGEST_NAME));
    Contact {
        email: answer.email.clone().filter(|email| is_email(email.expose())),
        name: answer.name.as_ref().map(name).filter(|name| !name.is_empty()),
        phone: answer.phone.clone().filter(|phone| is_phone(phone.expose())),
    }
}

fn is_email(text: &str) -> bool {
    let is_plain = text.chars().all(|letter| !letter.is_whitespace() && !letter.is_control());
    let parts = text.rsplit_once('@');
    is_plain && text.len() <= LONGEST_EMAIL && parts.is_some_and(|(box_, host)| !box_.is_empty() && host.contains('.'))
}

fn is_phone(text: &str) -> bool {
    let is_sign = |letter: char| letter.is_ascii_digit() || "+ -().".contains(letter);
    text.len() <= LONGEST_PHONE && text.chars().all(is_sign) && text.contains(|letter: char| letter.is_ascii_digit())
}

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

/// The money that an answer states.
pub fn money(amount: Option<wire::Amount>, code: &str) -> Result<Money, Mismatch> {
    let currency = Currency::parse_existing(&upper(code)).ok_or("the answer has an unknown currency")?;
    let amount = amount.ok_or("the answer has no amount that can be read")?;
    let money = whole(amount.0, currency).ok_or("the answer's amount has too many decimals")?;
    if money.minor < 0 { Err("the answer's amount is negative") } else { Ok(money) }
}

/// A currency's code, which may come in letters of either case.
fn upper(code: &str) -> String {
    code.trim().to_ascii_uppercase()
}

/// An amount in major units as whole minor units, when it differs from them by no more than [`NOISE`].
fn whole(major: Decimal, currency: Currency) -> Option<Money> {
    let minor = major.checked_mul(Decimal::from(10_i64.pow(currency.decimals())))?;
    let nearest = minor.round();
    let money = i64::try_from(nearest).ok().map(|minor| Money::new(minor, currency));
    money.filter(|_| (minor - nearest).abs() < NOISE)
}

/// An id becomes a part of paths, so only what cannot change a path's meaning is one.
pub fn id(text: String) -> Result<String, Mismatch> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b':');
    let fits = (1..=LONGEST_ID).contains(&text.len()) && text.bytes().all(is_plain);
    if fits { Ok(text) } else { Err("the answer's id is no id") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn intent(members: serde_json::Value) -> wire::WireIntent {
        let mut body = serde_json::json!({"id": "in_1", "status": "processing", "amount": "10.50", "currency": "USD"});
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        serde_json::from_value(body).unwrap()
    }

    fn status_of(members: serde_json::Value) -> PaymentStatus {
        payment(intent(members)).unwrap().status
    }

    #[test]
    fn every_status_word_has_its_meaning() {
        let word = |word: &str| status_of(serde_json::json!({ "status": word }));
        assert_eq!(word("requires_confirmation"), PaymentStatus::AwaitingConfirmation);
        assert_eq!(word("processing"), PaymentStatus::Processing);
        assert_eq!(word("succeeded"), PaymentStatus::Paid);
        assert_eq!(word("canceled"), PaymentStatus::Canceled);
        assert_eq!(word("on_hold"), PaymentStatus::Unknown("on_hold".to_owned()));
        let PaymentStatus::Failed(error) = word("failed") else { panic!("not failed") };
        assert_eq!((error.code.as_str(), error.message.as_str()), (DECLINED, NO_MESSAGE));
    }

    #[test]
    fn only_a_paid_payment_has_received_its_amount() {
        assert_eq!(payment(intent(serde_json::json!({"status": "succeeded"}))).unwrap().received, 1050);
        assert_eq!(payment(intent(serde_json::json!({"status": "processing"}))).unwrap().received, 0);
    }

    #[test]
    fn a_failure_is_told_without_card_numbers() {
        let error = serde_json::json!({"code": "CardDeclined", "message": "4111111111111111 was declined"});
        let PaymentStatus::Failed(error) = status_of(serde_json::json!({"status": "failed", "error": error})) else {
            panic!("not failed")
        };
        assert_eq!((error.code.as_str(), error.message.as_str()), ("card_declined", "************1111 was declined"));
    }

    #[test]
    fn what_cannot_be_told_in_our_words_is_a_mismatch() {
        for members in [
            serde_json::json!({"status": "succeeded", "amount": "10.505"}),
            serde_json::json!({"status": "succeeded", "amount": -1}),
            serde_json::json!({"status": "succeeded", "amount": 0}),
            serde_json::json!({"status": "succeeded", "amount": null}),
            serde_json::json!({"status": "succeeded", "currency": "XXX"}),
            serde_json::json!({"id": ""}),
            serde_json::json!({"id": "../customers"}),
        ] {
            assert!(payment(intent(members.clone())).is_err(), "{members}");
        }
    }

    #[test]
    fn an_amount_matters_only_where_money_moved() {
        for word in ["failed", "canceled", "processing", "requires_confirmation"] {
            for odd in [json!(""), json!(null), json!(0), json!("abc"), json!([]), json!("10.505")] {
                let snapshot = payment(intent(json!({"status": word, "amount": odd, "currency": null}))).unwrap();
                assert_eq!((snapshot.amount, snapshot.received), (None, 0), "{word} {odd}");
            }
        }
        let body = json!({"id": "in_1", "status": "failed", "error": {"code": "lost_card"}});
        assert!(payment(serde_json::from_value(body).unwrap()).is_ok());
    }

    #[test]
    fn an_amount_may_differ_by_the_noise_of_binary_fractions() {
        let received = |amount: &str| {
            payment(intent(json!({"status": "SUCCEEDED", "amount": amount, "currency": "usd"})))
                .map(|paid| paid.received)
        };
        for noisy in [
            "10.50",
            "10.50000000000001",
            "10.499999999999998",
            "10.500009",
            "10.5000000000000000000000000000000000001",
            "1.05e1",
            " 10.5 ",
        ] {
            assert_eq!(received(noisy), Ok(1050), "{noisy}");
        }
        for other in ["10.50001", "10.49999", "10.505", "10.5.0", "ten"] {
            assert!(received(other).is_err(), "{other}");
        }
    }

    #[test]
    fn a_reason_is_read_member_by_member() {
        let reason = |error: serde_json::Value| match status_of(json!({"status": "failed", "error": error})) {
            PaymentStatus::Failed(error) => (error.code, error.message),
            other => panic!("{other:?}"),
        };
        let told = |code: &str, message: &str| (code.to_owned(), message.to_owned());
        assert_eq!(reason(json!({"code": "lost_card", "message": null})), told("lost_card", NO_MESSAGE));
        assert_eq!(reason(json!({"code": 51, "message": ["x"]})), told("51", NO_MESSAGE));
        assert_eq!(reason(json!({"code": [], "message": "Bad card."})), told(DECLINED, "Bad card."));
        assert_eq!(reason(json!("lost_card")), told("lost_card", NO_MESSAGE));
        assert_eq!(reason(json!("The card is lost.")), told(DECLINED, "The card is lost."));
        for nothing in [json!([]), json!(null), json!(["lost_card", "Lost."])] {
            assert_eq!(reason(nothing), told(DECLINED, NO_MESSAGE));
        }
    }

    #[test]
    fn a_payment_is_known_by_ids_that_are_numbers() {
        let body = json!({"id": 17, "payment_id": 18, "status": "succeeded", "amount": 10.5, "currency": "USD"});
        let answer = || serde_json::from_value(body.clone()).unwrap();
        assert_eq!(read(answer(), "17").unwrap().upstream_payment_id.as_deref(), Some("18"));
        assert!(read(answer(), "18").is_ok());
    }

    #[test]
    fn a_refund_that_came_to_nothing_needs_no_amount() {
        let told = |status: &str, amount: serde_json::Value| {
            refund(
                serde_json::from_value(json!({"id": "rf_1", "status": status, "amount": amount, "currency": "USD"}))
                    .unwrap(),
            )
        };
        assert_eq!(told("Failed", json!(null)).unwrap().state, Some(RefundState::Failed));
        assert_eq!(told("pending", json!(0)).unwrap().amount, None);
        assert!(told("succeeded", json!(0)).is_err());
        let with = |entry: serde_json::Value| {
            payment(intent(json!({"status": "succeeded", "refunds": [entry]}))).unwrap().refunds
        };
        assert!(with(json!({"id": "rf_1", "status": "failed", "amount": null})).is_some());
        assert_eq!(with(json!({"id": "rf_1", "status": "pending", "amount": null, "currency": "USD"})), None);
        assert_eq!(with(json!(null)), None, "a list with an odd entry is not the whole list");
        assert_eq!(with(json!("rf_1")), None);
    }

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
    fn refunds_count_only_when_all_of_them_are_told() {
        let refunds =
            |members: serde_json::Value| payment(intent(members)).unwrap().refunds.map(|refunds| refunds.len());
        let told = serde_json::json!({"id": "rf_1", "status": "succeeded", "amount": 1, "currency": "USD"});
        assert_eq!(refunds(serde_json::json!({"refunds": [told], "amount_refunded": 1})), Some(1));
        assert_eq!(refunds(serde_json::json!({"refunds": []})), Some(0));
        assert_eq!(refunds(serde_json::json!({})), None);
        assert_eq!(refunds(serde_json::json!({"refunds": null})), None);
        assert_eq!(refunds(serde_json::json!({"refunds": [told], "amount_refunded": 2})), None);
        let unreadable = serde_json::json!({"id": "rf_1", "status": "pending", "amount": 1, "currency": "?"});
        assert_eq!(refunds(serde_json::json!({"refunds": [told, unreadable]})), None);
    }

    #[test]
    fn a_side_issue_in_another_form_does_not_hide_the_outcome() {
        let odd = serde_json::json!({
            "status": "succeeded", "updated_at": "2026-01-01 10:00:00", "created_at": 1700000000.5,
            "next_action": {"type": "none"}, "error": "none", "refunds": null, "payment_id": 7, "description": []
        });
        assert_eq!(payment(intent(odd)).unwrap().status, PaymentStatus::Paid);
    }

    #[test]
    fn a_payment_is_the_one_asked_for_by_either_of_its_ids() {
        let answer = || intent(serde_json::json!({"payment_id": "pay_9"}));
        assert!(read(answer(), "in_1").is_ok());
        assert!(read(answer(), "pay_9").is_ok());
        assert_eq!(read(answer(), "in_2"), Err("the answer is about another payment"));
    }

    #[test]
    fn a_refund_keeps_its_state_only_when_the_word_is_known() {
        for (word, state) in [("succeeded", Some(RefundState::Succeeded)), ("bounced", None)] {
            let body = serde_json::json!({"id": "rf_1", "status": word, "amount": 1, "currency": "JPY"});
            assert_eq!(refund(serde_json::from_value(body).unwrap()).unwrap().state, state, "{word}");
        }
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
