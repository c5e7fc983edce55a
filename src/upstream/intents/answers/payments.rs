//! Payments: the one that was asked for, how it stands, and what was received of it and taken back.

use super::failures::failure;
use super::refunds::all_refunds;
use crate::domain::decline::PaymentError;
use crate::domain::money::Money;
use crate::domain::network_references::NetworkReferences;
use crate::domain::payment_intent::PaymentIntent;
use crate::domain::snapshot::{PaymentSnapshot, PaymentStatus};
use crate::upstream::intents::{next_action::next_action, wire};
use crate::upstream::reading::{Mismatch, id};
use crate::upstream::{
    amounts::{amount_that_counts, money},
    sanitize,
};

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

pub(super) fn payment(answer: wire::WireIntent) -> Result<PaymentSnapshot, Mismatch> {
    let status = status(&answer.status, answer.next_action, answer.error);
    let is_paid = status == PaymentStatus::Paid;
    let amount = amount_that_counts(is_paid, answer.amount, &answer.currency)?;
    let paid = amount.filter(|_| is_paid);
    let charged_back = paid.map_or(0, |amount| charged_back(answer.amount_charged_back, amount));
    let refunds = answer.refunds.and_then(|refunds| all_refunds(refunds, answer.amount_refunded, amount?));
    Ok(PaymentSnapshot {
        upstream_id: id(answer.id)?,
        upstream_payment_id: answer.payment_id.and_then(|payment| id(payment).ok()),
        received: paid.map_or(0, |amount| amount.minor),
        status,
        amount,
        charged_back,
        // This API tells none.
        network_references: NetworkReferences::default(),
        refunds,
        version: answer.updated_at.map(|moment| moment.0).unwrap_or_default(),
        state: None,
        saved: None,
    })
}

/// The amount that the payer's bank has taken back of a payment, in minor units. Anything beyond the payment's amount
/// is not the payer's money.
fn charged_back(told: Option<wire::Amount>, amount: Money) -> i64 {
    money(told, amount.currency.code()).map_or(0, |told| told.minor.min(amount.minor))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::decline::DECLINED;
    use crate::upstream::reading::NO_MESSAGE;
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
    fn a_paid_payment_tells_what_was_charged_back() {
        let charged_back = |status: &str, told: serde_json::Value| {
            payment(intent(json!({"status": status, "amount_charged_back": told}))).unwrap().charged_back
        };
        for (told, minor) in [(json!("4.50"), 450), (json!(10.5), 1050), (json!("10.51"), 1050), (json!(0), 0)] {
            assert_eq!(charged_back("succeeded", told.clone()), minor, "{told}");
        }
        for odd in [json!(null), json!(-1), json!("4.505"), json!([]), json!("all")] {
            assert_eq!(charged_back("succeeded", odd.clone()), 0, "{odd}");
        }
        assert_eq!(charged_back("processing", json!("4.50")), 0);
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
}
