//! Attempts to pay: their outcomes, and what is refused before anything is sent.

use super::{Attempt, Dialect, Scene, by, by_card, method, refund, rejection};
use crate::{
    domain::{
        capability::Capability,
        confirmation::{Confirmation, Initiator, PaymentSource, StorageReason, StoredCredential, ThreeDSecure},
        payment_intent::PaymentIntent,
        payment_method::{OtherMethod, PaymentMethod},
        snapshot::{PaymentSnapshot, PaymentStatus},
    },
    upstream::{Error, Upstream as _, scripted::answer},
};

/// Whether the payment stands as an attempt with this outcome leaves it.
pub(super) fn stands(snapshot: &PaymentSnapshot, attempt: Attempt) -> bool {
    match attempt {
        Attempt::Paid => snapshot.status == PaymentStatus::Paid && snapshot.received == 1050,
        Attempt::Declined => {
            matches!(&snapshot.status, PaymentStatus::Failed(error) if error.code == "insufficient_funds")
        }
        Attempt::Challenged => matches!(snapshot.status, PaymentStatus::RequiresAction(_)),
        Attempt::Processing => snapshot.status == PaymentStatus::Processing,
    }
}

pub async fn an_attempt_gives_what_corefy_says_of_it<D: Dialect>() {
    for attempt in Attempt::ALL {
        let mut scene = Scene::<D>::answered(|intent| D::attempted(intent, attempt)).await;
        scene.begin_attempt();
        let outcome = scene.corefy.payment_intent_confirm(scene.call(), &scene.context(), &by_card()).await.unwrap();
        assert!(stands(&outcome, attempt), "{attempt:?}: {outcome:?}");
        assert_eq!(scene.moves(), 1, "{attempt:?}: money is moved once");
    }
}

pub async fn an_attempt_never_goes_to_another_payment<D: Dialect>() {
    let other = |intent: &PaymentIntent| {
        let id = intent.upstream_id.as_deref().map(|id| format!("{id}2"));
        PaymentIntent { upstream_id: id, ..intent.clone() }
    };
    let mut scene = Scene::<D>::answered(|intent| D::attempted(&other(intent), Attempt::Paid)).await;
    scene.begin_attempt();
    let outcome = scene.corefy.payment_intent_confirm(scene.call(), &scene.context(), &by_card()).await;
    assert!(matches!(outcome, Err(Error::Unknown(_))), "{outcome:?}");
    assert_eq!(scene.moves(), 1);
}

/// A confirmation that needs this, when a confirmation can.
fn needing(capability: Capability) -> Option<Confirmation<PaymentMethod>> {
    let other = OtherMethod { kind: "ewallet".to_owned(), fields: Default::default() };
    Some(match capability {
        Capability::RawCards => by_card(),
        Capability::CreatePaymentMethod => return None,
        Capability::ConfirmOther => by(PaymentSource::Other(other)),
        Capability::HostedPage => by(PaymentSource::HostedPage),
        Capability::ExternalThreeDSecure => {
            let secure = ThreeDSecure {
                version: "2.2.0".to_owned(),
                eci: "05".to_owned(),
                cavv: "AAAB".into(),
                xid: String::new(),
                ds_transaction_id: String::new(),
            };
            Confirmation { three_d_secure: Some(secure), ..by_card() }
        }
        Capability::SavePaymentMethod => Confirmation { save_payment_method: true, ..by_card() },
        Capability::StoredCredential => {
            let stored = StoredCredential {
                initiator: Initiator::Merchant,
                reason: StorageReason::Recurring,
                network_transaction_id: String::new(),
            };
            Confirmation { stored_credential: Some(stored), ..by_card() }
        }
    })
}

pub async fn what_the_dialect_lacks_is_refused_unsent<D: Dialect>() {
    for capability in Capability::ALL {
        let mut scene = Scene::<D>::answered(|intent| D::attempted(intent, Attempt::Paid)).await;
        scene.begin_attempt();
        let (Some(confirmation), false) = (needing(capability), scene.corefy.capabilities().contains(&capability))
        else {
            continue;
        };
        assert!(confirmation.needs().any(|needed| needed == capability), "{capability:?} is asked for");
        let outcome = scene.corefy.payment_intent_confirm(scene.call(), &scene.context(), &confirmation).await;
        // Most are refused before the dialect is asked; it must not drop silently what it cannot send.
        assert!(
            matches!(outcome, Err(Error::Unsupported(lacking)) if lacking == capability),
            "{capability:?}: {outcome:?}"
        );
        assert!(scene.server.seen().is_empty(), "{capability:?}");
    }
}

pub async fn what_corefy_does_not_know_is_refused_unsent<D: Dialect>() {
    let mut scene = Scene::<D>::new([answer(500, "")]).await;
    scene.begin_attempt();
    let unknown = by(PaymentSource::Saved(method(&scene.customer, None)));
    rejection(scene.corefy.payment_intent_confirm(scene.call(), &scene.context(), &unknown).await);
    scene.intent.upstream_id = None;
    let refund = refund(&scene.intent);
    rejection(scene.corefy.payment_intent_confirm(scene.call(), &scene.context(), &by_card()).await);
    rejection(scene.corefy.refund_create(scene.call(), &scene.context(), &refund).await);
    assert_eq!(scene.corefy.payment_find(&scene.context(), super::ASKED).await.unwrap(), None);
    assert!(scene.server.seen().is_empty());
}
