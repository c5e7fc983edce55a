//! Refunds: the one that was asked for, and all of a payment.

use super::failures::failure;
use crate::domain::money::Money;
use crate::domain::refund::{Refund, RefundFailure, RefundState};
use crate::domain::snapshot::RefundSnapshot;
use crate::upstream::{
    amounts::{amount_that_counts, sum, whole},
    intents::wire,
    reading::{Mismatch, id},
};

/// The most refunds of one payment that are read.
const MOST_REFUNDS: usize = 1000;

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

/// The refunds of a payment, when every one of them can be read and together they explain what was refunded. From less
/// nothing may be concluded about a refund that is not among them.
pub(super) fn all_refunds(
    told: wire::Entries<wire::WireRefund>,
    amount_refunded: Option<wire::Amount>,
    amount: Money,
) -> Option<Vec<RefundSnapshot>> {
    let is_whole = told.left_out == 0 && told.read.len() <= MOST_REFUNDS;
    let refunds: Vec<_> = told.read.into_iter().take(MOST_REFUNDS).map(listed_refund).collect::<Result<_, _>>().ok()?;
    let succeeded = refunds.iter().filter(|refund| refund.state == Some(RefundState::Succeeded));
    let explained = sum(succeeded.filter_map(|refund| refund.amount).map(|amount| amount.minor));
    let refunded =
        amount_refunded.map_or(Some(0), |refunded| whole(refunded.0, amount.currency).map(|money| money.minor))?;
    (is_whole && explained >= refunded).then_some(refunds)
}

/// A refund in a list. Its amount helps to tell it from the others, unless the refund came to nothing.
fn listed_refund(answer: wire::WireRefund) -> Result<RefundSnapshot, Mismatch> {
    let refund = refund(answer)?;
    if refund.amount.is_none() && !refund.came_to_nothing() { Err("a refund has no amount") } else { Ok(refund) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::intents::answers::payments::payment;
    use serde_json::json;

    fn listed(members: serde_json::Value) -> Option<Vec<RefundSnapshot>> {
        let mut body = json!({"id": "in_1", "status": "succeeded", "amount": "10.50", "currency": "USD"});
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        payment(serde_json::from_value(body).unwrap()).unwrap().refunds
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
        let with = |entry: serde_json::Value| listed(json!({"status": "succeeded", "refunds": [entry]}));
        assert!(with(json!({"id": "rf_1", "status": "failed", "amount": null})).is_some());
        assert_eq!(with(json!({"id": "rf_1", "status": "pending", "amount": null, "currency": "USD"})), None);
        assert_eq!(with(json!(null)), None, "a list with an odd entry is not the whole list");
        assert_eq!(with(json!("rf_1")), None);
    }

    #[test]
    fn refunds_count_only_when_all_of_them_are_told() {
        let refunds = |members: serde_json::Value| listed(members).map(|refunds| refunds.len());
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
    fn a_refund_keeps_its_state_only_when_the_word_is_known() {
        for (word, state) in [("succeeded", Some(RefundState::Succeeded)), ("bounced", None)] {
            let body = serde_json::json!({"id": "rf_1", "status": word, "amount": 1, "currency": "JPY"});
            assert_eq!(refund(serde_json::from_value(body).unwrap()).unwrap().state, state, "{word}");
        }
    }
}
