//! Reads: what Corefy shows of a payment, and what is not believed.

use super::attempts::stands;
use super::{ASKED, Attempt, Dialect, Scene, refund, rejection, usd};
use crate::{
    domain::{
        payment_intent::PaymentIntent,
        refund::{Refund, RefundState},
        snapshot::PaymentStatus,
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
        let scene = Scene::<D>::answered(|intent| D::shown(intent, Some(attempt), None)).await;
        let shown = scene.corefy.payment_find(&scene.context(), ASKED).await.unwrap().unwrap();
        assert!(stands(&shown, attempt), "{attempt:?}: {shown:?}");
        assert_eq!(Some(&shown.upstream_id), scene.intent.upstream_id.as_ref());
        assert!(scene.server.seen().iter().all(|request| request.method == "GET"), "nothing is changed by a read");
    }
    let given_back = |intent: &PaymentIntent| Refund { state: RefundState::Succeeded, ..refund(intent) };
    let made = std::sync::Mutex::new(None);
    let scene = Scene::<D>::answered(|intent| {
        let refund = made.lock().unwrap().insert(given_back(intent)).clone();
        D::shown(intent, Some(Attempt::Paid), Some(&refund))
    })
    .await;
    let shown = scene.corefy.payment_find(&scene.context(), ASKED).await.unwrap().unwrap();
    let made = made.into_inner().unwrap().unwrap();
    let refunds = shown.refunds.unwrap_or_default();
    assert!(shown.received == 1050, "a refund takes nothing from what was received");
    assert!(
        refunds.iter().any(|refund| refund.reference.as_deref() == Some(made.id.as_str())
            && refund.state == Some(RefundState::Succeeded)
            && refund.amount == Some(usd(250))),
        "{refunds:?}"
    );
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
