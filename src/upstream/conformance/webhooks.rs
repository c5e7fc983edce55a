//! Webhooks: genuine ones alone, as hints, without the payer.

use super::{Dialect, Scene, customer, intent};
use crate::upstream::{About, Upstream as _, scripted::nowhere};

const PAYER: &str = "Canary Bird";

pub async fn a_webhook_counts_only_as_it_was_signed<D: Dialect>() {
    let corefy = D::corefy(nowhere());
    let genuine = D::webhook(&intent(&customer()), PAYER);
    assert_eq!(corefy.webhook_signature_header(), corefy.webhook_signature_header().to_lowercase());
    corefy.webhook_verify(Some(&genuine.signature), &genuine.body).unwrap();
    let mut changed = genuine.body.clone();
    changed.push(b' ');
    let mut cut = genuine.signature.clone();
    cut.pop();
    for (signature, body) in [
        (Some(genuine.signature.as_str()), &changed),
        (Some(cut.as_str()), &genuine.body),
        (Some(""), &genuine.body),
        (Some("no signature"), &genuine.body),
        (None, &genuine.body),
    ] {
        assert!(corefy.webhook_verify(signature, body).is_err(), "{signature:?}");
    }
}

pub async fn a_webhook_names_its_payment_and_keeps_nothing_of_the_payer<D: Dialect>() {
    let scene = Scene::<D>::new([]).await;
    let body = D::webhook(&scene.intent, PAYER).body;
    assert!(String::from_utf8_lossy(&body).contains(PAYER), "the webhook names the payer");
    let kept = scene.corefy.webhook_redact(&body).unwrap();
    assert!(!kept.contains(PAYER), "{kept}");
    let notice = scene.corefy.webhook_read(&kept).unwrap();
    let About::Payment { upstream_ids, reference, .. } = notice.about else { panic!("{notice:?}") };
    assert_eq!(upstream_ids.first(), scene.intent.upstream_id.as_ref());
    assert_eq!(reference.as_deref(), Some(scene.intent.id.as_str()));
    for odd in ["", "[]", "7", "null", "{", "<html>"] {
        assert_eq!(scene.corefy.webhook_redact(odd.as_bytes()), None, "{odd}");
    }
    assert!(scene.server.seen().is_empty(), "nothing is asked");
}
