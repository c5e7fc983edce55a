//! The dialect in the suite that all pass: how Corefy answers in it.

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::sync::watch;
use url::Url;

use super::{Credentials, Intents, refusals};
use crate::{
    domain::{customer::Customer, money::Money, payment_intent::PaymentIntent, refund::Refund},
    upstream::{
        conformance::{Attempt, Dialect, Signed, conformance},
        scripted::{ScriptedRequest, ScriptedStep, answer, environment, settings, transport},
    },
};

pub const SECRET_KEY: &str = "sk_upstream_0123456789";

const SECRETS: [&str; 4] = ["ak_0123456789", "ck_0123456789", SECRET_KEY, "whsec_test_secret"];

/// The dialect in the suite that all pass.
pub struct InIntents;

conformance!(InIntents);

impl Dialect for InIntents {
    type Corefy = Intents;
    const SECRETS: &'static [&'static str] = &SECRETS;
    const NOT_COREFYS: &'static [&'static str] = &refusals::NOT_COREFYS;

    fn corefy(url: Url) -> Intents {
        let [api_key, client_key, secret_key, webhook_secret] = SECRETS.map(Into::into);
        let credentials = Credentials { api_key, secret_key, client_key, webhook_secrets: vec![webhook_secret] };
        Intents::new(transport(settings(url)), watch::channel(credentials).1, environment().clock).unwrap()
    }

    fn created(intent: &PaymentIntent) -> Vec<ScriptedStep> {
        vec![answer(201, payment(intent, "requires_confirmation"))]
    }

    fn taken_by(shown: &PaymentIntent) -> Vec<ScriptedStep> {
        let taken = json!({"message": "", "error_code": "duplicate_reference", "id": shown.upstream_id});
        vec![answer(409, taken), answer(200, payment(shown, "requires_confirmation"))]
    }

    fn looked_up(shown: &PaymentIntent, is_there: bool) -> Vec<ScriptedStep> {
        if is_there { Self::taken_by(shown) } else { Self::created(shown) }
    }

    fn customer_made(_: &Customer) -> Vec<ScriptedStep> {
        vec![answer(201, json!({"id": "cust_1"}))]
    }

    fn attempted(intent: &PaymentIntent, attempt: Attempt) -> Vec<ScriptedStep> {
        vec![answer(200, after(intent, Some(attempt)))]
    }

    fn shown(intent: &PaymentIntent, attempt: Option<Attempt>, refund: Option<&Refund>) -> Vec<ScriptedStep> {
        let mut body = after(intent, attempt);
        if let Some(refund) = refund {
            body["refunds"] = json!([{"id": "rf_1", "status": refund.state.as_str(), "amount": refund.amount.to_string(),
                "currency": "USD", "reference_id": refund.id.as_str()}]);
        }
        vec![answer(200, body)]
    }

    fn absent() -> Vec<ScriptedStep> {
        vec![answer(404, json!({"message": "", "error_code": "not_found"}))]
    }

    fn refunded(_: &PaymentIntent, refund: &Refund, minor: i64) -> Vec<ScriptedStep> {
        let amount = Money::new(minor, refund.amount.currency).to_string();
        let reference = refund.id.as_str();
        let body =
            json!({"id": "rf_1", "status": "pending", "amount": amount, "currency": "USD", "reference_id": reference});
        vec![answer(201, body)]
    }

    fn card_refused(number: &str) -> Vec<ScriptedStep> {
        let told = format!("card {number} is invalid");
        let errors = json!({"card_number": [told]});
        vec![answer(422, json!({"message": told, "error_code": "validation_error", "errors": errors}))]
    }

    fn credentials_refused() -> Vec<ScriptedStep> {
        vec![answer(401, json!({"message": "No.", "error_code": "invalid_api_key"}))]
    }

    fn connected() -> Vec<ScriptedStep> {
        vec![answer(200, "[]")]
    }

    fn moves_money(request: &ScriptedRequest) -> bool {
        request.method == "POST" && (request.path.ends_with("/confirm") || request.path == "/v1/refunds")
    }

    fn webhook(intent: &PaymentIntent, payer: &str) -> Signed {
        let body = json!({"event_id": "evt_1", "event_type": "payment.succeeded", "payment_intent_id": intent.upstream_id,
            "reference_id": intent.id.as_str(), "customer_name": payer, "status": "succeeded"});
        let body = body.to_string().into_bytes();
        let mut mac = Hmac::<Sha256>::new_from_slice(SECRETS[3].as_bytes()).unwrap();
        mac.update(&body);
        let signature = base16ct::lower::encode_string(&mac.finalize().into_bytes());
        Signed { body, signature }
    }
}

/// The payment as Corefy shows it after an attempt with this outcome.
fn after(intent: &PaymentIntent, attempt: Option<Attempt>) -> Value {
    let mut body = payment(
        intent,
        match attempt {
            None => "requires_confirmation",
            Some(Attempt::Paid) => "succeeded",
            Some(Attempt::Declined) => "failed",
            Some(Attempt::Challenged) => "requires_action",
            Some(Attempt::Processing) => "processing",
        },
    );
    match attempt {
        Some(Attempt::Declined) => body["error"] = json!({"code": "insufficient_funds", "message": "No."}),
        Some(Attempt::Challenged) => {
            body["next_action"] = json!({"type": "redirect", "url": "https://acs.test/challenge"})
        }
        _ => {}
    }
    body
}

fn payment(intent: &PaymentIntent, status: &str) -> Value {
    json!({"id": intent.upstream_id, "payment_id": "pay_1", "status": status, "amount": 10.50, "currency": "USD",
        "reference_id": intent.id.as_str(), "updated_at": "2026-11-23T10:00:00Z"})
}
