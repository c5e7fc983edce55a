//! Reads: what Corefy shows of a payment, and what is not believed.

use super::attempts::stands;
use super::{ASKED, Attempt, Dialect, Scene, by_card, refund, rejection, usd};
use crate::{
    domain::{
        operation::NO_BASELINE,
        payment_intent::PaymentIntent,
        refund::{Refund, RefundState},
        snapshot::{Evidence, PaymentStatus},
    },
    upstream::{
        Error, Upstream as _,
        scripted::{ScriptedStep, answer},
    },
};

pub async fn a_payment_is_shown_as_it_stands<D: Dialect>() {
    let scene = Scene::<D>::answered(|intent| D::shown(intent, None, None)).await;
    let shown = scene.corefy.payment_find(&scene.context(), ASKED).await.unwrap().unwrap();
    assert_eq!(shown.status, PaymentStatus::AwaitingConfirmation);
    for attempt in Attempt::ALL {
        let mut scene = attempted::<D>(attempt).await;
        scene.follow(D::shown(&scene.intent, Some(attempt), None));
        let shown = scene.corefy.payment_find(&scene.context(), ASKED).await.unwrap().unwrap();
        assert!(stands(&shown, attempt), "{attempt:?}: {shown:?}");
        assert_eq!(Some(&shown.upstream_id), scene.intent.upstream_id.as_ref());
        assert!(scene.server.seen().iter().all(|request| request.method == "GET"), "nothing is changed by a read");
    }
    let mut scene = attempted::<D>(Attempt::Paid).await;
    let made = Refund { state: RefundState::Succeeded, ..refund(&scene.intent) };
    scene.follow(D::shown(&scene.intent, Some(Attempt::Paid), Some(&made)));
    let shown = scene.corefy.payment_find(&scene.context(), ASKED).await.unwrap().unwrap();
    let refunds = shown.refunds.unwrap_or_default();
    assert!(shown.received == 1050, "a refund takes nothing from what was received");
    assert!(
        refunds.iter().any(|refund| refund.reference.as_deref() == Some(made.id.as_str())
            && refund.state == Some(RefundState::Succeeded)
            && refund.amount == Some(usd(250))),
        "{refunds:?}"
    );
}

/// A payment after an attempt with this outcome, which was answered.
async fn attempted<D: Dialect>(attempt: Attempt) -> Scene<D> {
    let mut scene = Scene::<D>::answered(|intent| D::attempted(intent, attempt)).await;
    scene.begin_attempt();
    let answer = scene.corefy.payment_intent_confirm(scene.call(), &scene.context(), &by_card()).await.unwrap();
    scene.merge(&answer);
    scene.server.seen();
    scene
}

pub async fn an_attempt_whose_answer_is_missing_is_found_out<D: Dialect>() {
    for attempt in Attempt::ALL {
        let mut scene = Scene::<D>::answered(|intent| D::shown_in_doubt(intent, Some(attempt))).await;
        scene.begin_attempt();
        let found = scene.corefy.payment_find(&scene.context(), ASKED).await.unwrap().unwrap();
        // The bank's page may have been in the answer alone.
        let is_under_way = attempt == Attempt::Challenged && found.status == PaymentStatus::Processing;
        assert!(is_under_way || stands(&found, attempt), "{attempt:?}: {found:?}");
        assert_eq!(found.evidence_of_attempt_since(NO_BASELINE), Evidence::Outcome, "{attempt:?}");
        assert_eq!(scene.moves(), 0, "{attempt:?}: it is not made again");
        scene.merge(&found);
    }
    let mut scene = Scene::<D>::answered(|intent| D::shown_in_doubt(intent, None)).await;
    scene.begin_attempt();
    let found = scene.corefy.payment_find(&scene.context(), ASKED).await.unwrap().unwrap();
    assert_ne!(found.evidence_of_attempt_since(NO_BASELINE), Evidence::Outcome, "{found:?}");
}

pub async fn a_payment_that_is_not_there_is_none<D: Dialect>() {
    let scene = Scene::<D>::new(D::absent()).await;
    assert_eq!(scene.corefy.payment_find(&scene.context(), ASKED).await.unwrap(), None);
}

pub async fn another_payment_is_not_believed<D: Dialect>() {
    let scene = Scene::<D>::answered(|intent| {
        let id = intent.upstream_id.as_deref().map(|id| format!("{id}2"));
        D::shown(&PaymentIntent { upstream_id: id, ..intent.clone() }, Some(Attempt::Paid), None)
    })
    .await;
    let outcome = scene.corefy.payment_find(&scene.context(), ASKED).await;
    assert!(matches!(outcome, Err(Error::Protocol(_))), "{outcome:?}");
}

pub async fn a_read_that_is_refused_or_unreadable_says_so<D: Dialect>() {
    let foreign = D::NOT_COREFYS.iter().flat_map(|body| [answer(404, body), answer(403, body)]);
    let unreadable = ["", "<html>", "[]", "7"].map(|body| answer(200, body));
    for step in foreign.chain(unreadable).chain([ScriptedStep::BreakOff]) {
        let scene = Scene::<D>::new([step.clone()]).await;
        let outcome = scene.corefy.payment_find(&scene.context(), ASKED).await;
        assert!(matches!(outcome, Err(Error::Protocol(_))), "{step:?}: {outcome:?}");
    }
    let scene = Scene::<D>::new(D::credentials_refused()).await;
    assert!(rejection(scene.corefy.payment_find(&scene.context(), ASKED).await).is_about_credentials());
}
