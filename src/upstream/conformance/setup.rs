//! Credentials, secrets, refusals and the connection test.

use super::{Dialect, Scene, by_card, refund, rejection};
use crate::upstream::{
    Upstream as _,
    scripted::{answer, nowhere},
};

pub async fn a_refusal_names_our_fields_and_no_card<D: Dialect>() {
    let mut scene = Scene::<D>::new(D::card_refused("4111 1111 1111 1111")).await;
    scene.begin_attempt();
    let told = rejection(scene.corefy.payment_intent_confirm(scene.call(), &scene.context(), &by_card()).await);
    assert!(!told.is_about_credentials());
    let fields: Vec<_> = told.fields.iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!(fields, ["card.number"], "{told:?}");
    let printed = format!("{told:?}").replace(' ', "");
    assert!(!printed.contains("411111111111"), "{printed}");
}

pub async fn refused_credentials_are_told_from_a_refused_request<D: Dialect>() {
    let scene = Scene::<D>::new(D::credentials_refused()).await;
    let refund = refund(&scene.intent);
    let created = rejection(scene.corefy.payment_intent_create(scene.call(), &scene.context()).await);
    let refunded = rejection(scene.corefy.refund_create(scene.call(), &scene.context(), &refund).await);
    assert!(created.is_about_credentials() && refunded.is_about_credentials(), "{created:?} {refunded:?}");
}

pub async fn a_connection_test_tells_reach_from_authentication<D: Dialect>() {
    let reached = async |script| {
        let scene = Scene::<D>::new(script).await;
        let tested = scene.corefy.test_connection().await;
        assert_eq!(scene.server.seen().len(), 1, "it is one call, and not repeated");
        (tested.is_reachable, tested.is_authenticated)
    };
    assert_eq!(reached(D::connected()).await, (true, true));
    assert_eq!(reached(D::credentials_refused()).await, (true, false));
    assert_eq!(reached(vec![answer(200, "<html>welcome</html>")]).await, (true, false));
    assert_eq!(reached(vec![answer(503, "")]).await, (true, false));
    let away = D::corefy(nowhere()).test_connection().await;
    assert_eq!((away.is_reachable, away.is_authenticated, away.http_status), (false, false, 0));
}

pub async fn secrets_neither_print_nor_travel<D: Dialect>() {
    let scene = Scene::<D>::answered(D::created).await;
    let printed = format!("{:?}", scene.corefy);
    scene.corefy.payment_intent_create(scene.call(), &scene.context()).await.unwrap();
    let seen = scene.server.seen();
    for secret in D::SECRETS {
        assert!(!printed.contains(secret), "{printed}");
        for request in &seen {
            let is_there = request.path.contains(secret) || String::from_utf8_lossy(&request.body).contains(secret);
            assert!(!is_there, "neither addresses nor bodies carry a secret: {}", request.path);
        }
    }
}
