//! Answers that prove nothing: what moves money stays open, and is not sent again.

use super::{Dialect, Scene, by_card, refund};
use crate::upstream::{
    Error, Upstream as _,
    scripted::{ScriptedStep, answer, nowhere},
};

/// Asserts that the outcomes of a creation, an attempt and a refund are open when Corefy answers so, and that each was sent once.
async fn assert_open<D: Dialect>(step: ScriptedStep) {
    let mut scene = Scene::<D>::new([step.clone()]).await;
    let refund = refund(&scene.intent);
    let created = scene.corefy.payment_intent_create(scene.call(), &scene.context()).await;
    assert!(matches!(created, Err(Error::Unknown(_))), "{step:?}: {created:?}");
    let posts = scene.server.seen().iter().filter(|request| request.method == "POST").count();
    assert_eq!(posts, 1, "{step:?}: a creation is sent once");
    scene.begin_attempt();
    let paid = scene.corefy.payment_intent_confirm(scene.call(), &scene.context(), &by_card()).await;
    assert!(matches!(paid, Err(Error::Unknown(_))), "{step:?}: {paid:?}");
    assert_eq!(scene.moves(), 1, "{step:?}: an attempt is made once");
    let refunded = scene.corefy.refund_create(scene.call(), &scene.context(), &refund).await;
    assert!(matches!(refunded, Err(Error::Unknown(_))), "{step:?}: {refunded:?}");
    assert_eq!(scene.moves(), 1, "{step:?}: a refund is made once");
}

pub async fn an_answer_that_proves_nothing_leaves_what_moves_money_open<D: Dialect>() {
    for status in [200, 201, 301, 302, 429, 500, 502, 503, 504] {
        for body in ["", "<html>", "[]", "{}", "7"] {
            assert_open::<D>(answer(status, body)).await;
        }
    }
    assert_open::<D>(ScriptedStep::BreakOff).await;
}

pub async fn only_corefy_s_own_refusal_proves_that_nothing_was_done<D: Dialect>() {
    for body in D::NOT_COREFYS {
        for status in [400, 401, 403, 404, 409, 422] {
            assert_open::<D>(answer(status, body)).await;
        }
    }
}

pub async fn where_nobody_listens_nothing_was_sent<D: Dialect>() {
    let mut scene = Scene::<D>::new([]).await;
    scene.corefy = D::corefy(nowhere());
    let refund = refund(&scene.intent);
    let created = scene.corefy.payment_intent_create(scene.call(), &scene.context()).await;
    assert!(matches!(created, Err(Error::NotSent { .. })), "{created:?}");
    scene.begin_attempt();
    let paid = scene.corefy.payment_intent_confirm(scene.call(), &scene.context(), &by_card()).await;
    assert!(matches!(paid, Err(Error::NotSent { .. })), "{paid:?}");
    let refunded = scene.corefy.refund_create(scene.call(), &scene.context(), &refund).await;
    assert!(matches!(refunded, Err(Error::NotSent { .. })), "{refunded:?}");
    let found = scene.corefy.payment_find(&scene.context(), super::ASKED).await;
    assert!(matches!(found, Err(Error::NotSent { .. } | Error::Protocol(_))), "{found:?}");
}
