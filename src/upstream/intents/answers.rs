//! What Corefy answers, in our words. What contradicts the question, or cannot be told in our words, is a mismatch: it
//! proves nothing, neither that the thing was done nor that it was not.

use super::wire;
use crate::domain::card::MaskedCard;
use crate::domain::customer::Customer;
use crate::domain::money::{Currency, Money};
use crate::domain::payment_intent::{NextAction, PaymentError, PaymentIntent};
use crate::domain::payment_method::SupportedPaymentMethod;
use crate::domain::private::Private;
use crate::domain::refund::{Refund, RefundFailure, RefundState};
use crate::domain::snapshot::{
    CustomerSnapshot, PaymentMethodSnapshot, PaymentSnapshot, PaymentStatus, RefundSnapshot,
};
use crate::upstream::text;

/// The longest id of Corefy's that is believed, in characters.
const LONGEST_ID: usize = 100;

/// The most refunds of one payment that are read.
const MOST_REFUNDS: usize = 1000;

/// The longest address that a payer is sent to, in bytes.
const LONGEST_URL: usize = 2048;

/// The code of a failure that Corefy gives none for.
const NO_CODE: &str = "declined";

/// The sentence for a failure that Corefy gives none for.
const NO_MESSAGE: &str = "The payment provider declined the request without giving a reason.";

/// Why an answer is not one to the question.
pub type Mismatch = &'static str;

/// The payment that `intent` asked to be created.
pub fn created(answer: wire::Intent, intent: &PaymentIntent) -> Result<PaymentSnapshot, Mismatch> {
    let is_ours = answer.reference_id.as_deref().is_none_or(|reference| reference == intent.id.as_str());
    let snapshot = payment(answer)?;
    match () {
        () if !is_ours => Err("the answer has another reference"),
        () if snapshot.amount != intent.amount => Err("the answer has another amount"),
        () => Ok(snapshot),
    }
}

/// The payment with Corefy's id `asked` that already has the reference of `intent`.
pub fn existing(answer: wire::Intent, asked: &str, intent: &PaymentIntent) -> Result<PaymentSnapshot, Mismatch> {
    created(about(answer, asked)?, intent)
}

/// The payment with Corefy's id `asked`, which may be the intent's or the payment's.
pub fn read(answer: wire::Intent, asked: &str) -> Result<PaymentSnapshot, Mismatch> {
    payment(about(answer, asked)?)
}

fn about(answer: wire::Intent, asked: &str) -> Result<wire::Intent, Mismatch> {
    let is_asked = answer.id == asked || answer.payment_id.as_deref() == Some(asked);
    if is_asked { Ok(answer) } else { Err("the answer is about another payment") }
}

fn payment(answer: wire::Intent) -> Result<PaymentSnapshot, Mismatch> {
    let amount = money(answer.amount, &answer.currency)?;
    let refunds = answer.refunds.and_then(|refunds| all_refunds(refunds, answer.amount_refunded, amount));
    let status = status(&answer.status, answer.next_action, answer.error);
    Ok(PaymentSnapshot {
        upstream_id: id(answer.id)?,
        upstream_payment_id: answer.payment_id.and_then(|payment| id(payment).ok()),
        received: if status == PaymentStatus::Paid { amount.minor } else { 0 },
        status,
        amount,
        charged_back: 0,
        refunds,
        version: answer.updated_at.map(|moment| moment.0).unwrap_or_default(),
    })
}

/// The refunds of a payment, when every one of them can be read and together they explain what was refunded. From less
/// nothing may be concluded about a refund that is not among them.
fn all_refunds(
    told: Vec<wire::Refund>,
    amount_refunded: Option<wire::Amount>,
    amount: Money,
) -> Option<Vec<RefundSnapshot>> {
    let refunds: Vec<_> = told.into_iter().take(MOST_REFUNDS + 1).map(refund).collect::<Result<_, _>>().ok()?;
    let succeeded = refunds.iter().filter(|refund| refund.state == Some(RefundState::Succeeded));
    let explained: i64 = succeeded.map(|refund| refund.amount.minor).sum();
    let refunded = amount_refunded
        .map_or(Some(0), |refunded| Money::from_major(refunded.0, amount.currency).map(|money| money.minor))?;
    (refunds.len() <= MOST_REFUNDS && explained >= refunded).then_some(refunds)
}

/// A payer who has to act but is not told where cannot; the attempt is then under way for all we can say.
fn status(word: &str, action: Option<wire::NextAction>, error: Option<wire::Failure>) -> PaymentStatus {
    match word {
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
        other => PaymentStatus::Unknown(text::bounded(other, text::LONGEST_CODE)),
    }
}

fn next_action(action: wire::NextAction) -> Option<NextAction> {
    let url = url::Url::parse(&action.url).ok()?;
    let leads_somewhere = matches!(url.scheme(), "http" | "https") && url.has_host();
    (leads_somewhere && action.url.len() <= LONGEST_URL).then(|| NextAction {
        redirect_url: action.url,
        method: "GET".to_owned(),
        params: Default::default(),
    })
}

fn failure(error: Option<wire::Failure>) -> (String, String) {
    let (code, message) = error.map(|error| (error.code, error.message)).unwrap_or_default();
    let or = |text: String, default: &str| if text.is_empty() { default.to_owned() } else { text };
    (or(text::code(&code), NO_CODE), or(text::sentence(&message), NO_MESSAGE))
}

/// The refund that `asked` asked for.
pub fn refunded(answer: wire::Refund, asked: &Refund) -> Result<RefundSnapshot, Mismatch> {
    let snapshot = refund(answer)?;
    match () {
        () if snapshot.reference.as_deref().is_some_and(|reference| reference != asked.id.as_str()) => {
            Err("the answer has another reference")
        }
        () if snapshot.amount != asked.amount => Err("the answer has another amount"),
        () => Ok(snapshot),
    }
}

fn refund(answer: wire::Refund) -> Result<RefundSnapshot, Mismatch> {
    let state = RefundState::parse(&answer.status);
    Ok(RefundSnapshot {
        upstream_id: id(answer.id)?,
        reference: answer.reference_id,
        state,
        amount: money(answer.amount, &answer.currency)?,
        failure: (state == Some(RefundState::Failed)).then(|| {
            let (code, message) = failure(answer.error);
            RefundFailure { code, message }
        }),
    })
}

/// The customer that was asked for; its reference, when the answer has one, is ours.
pub fn customer(answer: wire::Customer, asked: &Customer) -> Result<CustomerSnapshot, Mismatch> {
    if answer.reference_id.is_some_and(|reference| reference != asked.id.as_str()) {
        return Err("the answer has another reference");
    }
    let upstream_id = id(answer.id.ok_or("the answer has no id")?)?;
    Ok(CustomerSnapshot { upstream_id })
}

/// A payment method of the customer with Corefy's id `customer_id`.
pub fn payment_method(answer: wire::PaymentMethod, customer_id: &str) -> Result<PaymentMethodSnapshot, Mismatch> {
    if answer.customer_id.is_some_and(|owner| owner != customer_id) {
        return Err("the answer is about another customer");
    }
    Ok(PaymentMethodSnapshot {
        upstream_id: id(answer.id)?,
        kind: text::bounded(&answer.kind, text::LONGEST_CODE),
        card: answer.card.and_then(masked_card),
        created_at: answer.created_at.map(|moment| moment.0).unwrap_or_default(),
    })
}

/// What is no mask, such as a whole number in the place of its last digits, is not taken over.
fn masked_card(card: wire::SavedCard) -> Option<MaskedCard> {
    let are_digits = |text: &str, count| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    are_digits(&card.last4, 4).then(|| MaskedCard {
        brand: text::code(&card.brand),
        first6: if are_digits(&card.first6, 6) { card.first6 } else { String::new() },
        last4: card.last4,
        expiry_month: card.expiry_month,
        expiry_year: card.expiry_year,
        holder_name: Private::new(text::bounded(&card.holder_name, LONGEST_ID)),
    })
}

/// A kind of payment method.
pub fn supported(answer: wire::SupportedMethod) -> SupportedPaymentMethod {
    SupportedPaymentMethod {
        kind: text::bounded(&answer.kind, text::LONGEST_CODE),
        name: text::sentence(&answer.name),
        currencies: answer.currencies.into_iter().filter(|code| Currency::parse(code).is_some()).collect(),
    }
}

fn money(amount: wire::Amount, currency: &str) -> Result<Money, Mismatch> {
    let currency = Currency::parse_existing(currency).ok_or("the answer has an unknown currency")?;
    let money = Money::from_major(amount.0, currency).ok_or("the answer's amount has too many decimals")?;
    if money.minor < 0 { Err("the answer's amount is negative") } else { Ok(money) }
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

    fn intent(members: serde_json::Value) -> wire::Intent {
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
        assert_eq!((error.code.as_str(), error.message.as_str()), (NO_CODE, NO_MESSAGE));
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
    fn a_payer_is_sent_only_to_a_web_page() {
        let url = |url: &str| {
            status_of(serde_json::json!({"status": "requires_action", "next_action": {"type": "redirect", "url": url}}))
        };
        assert!(matches!(url("https://bank.test/3ds"), PaymentStatus::RequiresAction(action)
            if action.redirect_url == "https://bank.test/3ds" && action.method == "GET"));
        for wrong in ["", "bank.test", "javascript:alert(1)", "data:text/html,x", "file:///etc/passwd"] {
            assert_eq!(url(wrong), PaymentStatus::Processing, "{wrong}");
        }
        assert_eq!(status_of(serde_json::json!({"status": "requires_action"})), PaymentStatus::Processing);
    }

    #[test]
    fn what_cannot_be_told_in_our_words_is_a_mismatch() {
        for members in [
            serde_json::json!({"amount": "10.505"}),
            serde_json::json!({"amount": -1}),
            serde_json::json!({"currency": "XXX"}),
            serde_json::json!({"id": ""}),
            serde_json::json!({"id": "../customers"}),
        ] {
            assert!(payment(intent(members.clone())).is_err(), "{members}");
        }
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
