//! Refunds: money that goes back, once, and not another amount.

use super::{Dialect, Scene, refund, usd};
use crate::{
    domain::refund::RefundState,
    upstream::{Error, Upstream as _},
};

pub async fn a_refund_gives_its_amount_and_reference<D: Dialect>() {
    let mut scene = Scene::<D>::new([]).await;
    let refund = refund(&scene.intent);
    scene.follow(D::refunded(&scene.intent, &refund, 250));
    let snapshot = scene.corefy.refund_create(scene.call(), &scene.context(), &refund).await.unwrap();
    assert!(matches!(snapshot.state, Some(RefundState::Pending | RefundState::Succeeded)), "{snapshot:?}");
    assert!(snapshot.amount.is_none_or(|amount| amount == usd(250)), "{snapshot:?}");
    let seen = scene.server.seen();
    let sent: Vec<_> = seen.iter().filter(|request| D::moves_money(request)).collect();
    let [sent] = &sent[..] else { panic!("money is moved once: {seen:?}") };
    let body = String::from_utf8_lossy(&sent.body);
    assert!(body.contains(refund.id.as_str()), "Corefy can be asked for it by our id: {body}");
    assert!(body.contains("2.5"), "its amount is always told: {body}");
}

pub async fn a_refund_of_another_amount_is_unclear<D: Dialect>() {
    let mut scene = Scene::<D>::new([]).await;
    let refund = refund(&scene.intent);
    scene.follow(D::refunded(&scene.intent, &refund, 1050));
    let outcome = scene.corefy.refund_create(scene.call(), &scene.context(), &refund).await;
    assert!(matches!(outcome, Err(Error::Unknown(_))), "{outcome:?}");
    assert_eq!(scene.moves(), 1);
}
