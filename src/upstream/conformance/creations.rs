//! Creations: sent once, and found again when their answers are lost.

use super::{Dialect, Scene, intent, usd};
use crate::{
    domain::{payment_intent::PaymentIntent, snapshot::PaymentStatus},
    upstream::{Error, Upstream as _, scripted::answer},
};

pub async fn a_creation_gives_the_payment_and_is_sent_once<D: Dialect>() {
    let scene = Scene::<D>::answered(D::created).await;
    let snapshot = scene.corefy.payment_intent_create(scene.call(), &scene.context()).await.unwrap();
    assert_eq!(Some(&snapshot.upstream_id), scene.intent.upstream_id.as_ref());
    assert_eq!(snapshot.status, PaymentStatus::AwaitingConfirmation);
    assert!(snapshot.amount.is_none_or(|amount| amount == usd(1050)), "{snapshot:?}");
    let seen = scene.server.seen();
    let [request] = &seen[..] else { panic!("one request makes it: {seen:?}") };
    assert_eq!(request.method, "POST");
    let told =
        request.body.windows(scene.intent.id.as_str().len()).any(|part| part == scene.intent.id.as_str().as_bytes());
    assert!(told, "Corefy can be asked for it by our id: {request:?}");
}

pub async fn a_creation_whose_reference_is_taken_has_made_what_has_it<D: Dialect>() {
    let scene = Scene::<D>::answered(D::taken_by).await;
    let made = scene.corefy.payment_intent_create(scene.call(), &scene.context()).await.unwrap();
    assert_eq!(Some(&made.upstream_id), scene.intent.upstream_id.as_ref());
}

pub async fn a_creation_whose_reference_another_payment_has_is_not_believed<D: Dialect>() {
    let other = |intent: &PaymentIntent| PaymentIntent { id: another().id, ..intent.clone() };
    let scene = Scene::<D>::answered(|intent| D::taken_by(&other(intent))).await;
    let created = scene.corefy.payment_intent_create(scene.call(), &scene.context()).await;
    assert!(matches!(created, Err(Error::Unknown(_))), "{created:?}");
    let scene = Scene::<D>::answered(|intent| D::looked_up(&other(intent), true)).await;
    let recovered = scene.corefy.payment_intent_recover(scene.call(), &scene.context()).await;
    assert!(matches!(recovered, Err(Error::Unknown(_) | Error::Protocol(_))), "{recovered:?}");
}

pub async fn a_lost_creation_is_found_or_made<D: Dialect>() {
    for is_there in [true, false] {
        let scene = Scene::<D>::answered(|intent| D::looked_up(intent, is_there)).await;
        let found = scene.corefy.payment_intent_recover(scene.call(), &scene.context()).await.unwrap();
        // A dialect may also say that Corefy knows nothing of it; not that another payment is it.
        assert!(found.is_none_or(|found| Some(found.upstream_id) == scene.intent.upstream_id));
    }
    let scene = Scene::<D>::answered(|intent| D::looked_up(intent, true)).await;
    let found = scene.corefy.payment_intent_recover(scene.call(), &scene.context()).await.unwrap();
    assert_eq!(found.map(|found| found.upstream_id), scene.intent.upstream_id, "what is there is found");
    let scene = Scene::<D>::new([answer(502, "")]).await;
    let unanswered = scene.corefy.payment_intent_recover(scene.call(), &scene.context()).await;
    assert!(matches!(unanswered, Err(Error::Unknown(_) | Error::Protocol(_))), "{unanswered:?}");
}

pub async fn a_customer_is_made_once<D: Dialect>() {
    let scene = Scene::<D>::new(D::customer_made(&super::customer())).await;
    let made = scene.corefy.customer_create(scene.call(), &scene.customer).await.unwrap();
    assert!(scene.server.seen().len() <= 1, "a dialect without customers sends nothing");
    let found = scene.corefy.customer_recover(scene.call(), &scene.customer).await.unwrap();
    assert_eq!(found.map(|found| found.upstream_id), Some(made.upstream_id));
}

fn another() -> PaymentIntent {
    intent(&super::customer())
}
