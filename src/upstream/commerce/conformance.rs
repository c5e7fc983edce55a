//! The dialect in the suite that all pass: how Corefy answers in it.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use sha1::{Digest as _, Sha1};
use tokio::sync::watch;
use url::Url;

use super::notes::{CurrentInvoice, Notes};
use super::{Commerce, CommerceSettings, Credentials, REDACT, refusals};
use crate::{
    domain::{
        clock::Timestamp, customer::Customer, money::Money, payment_intent::PaymentIntent, private::Private,
        refund::Refund, upstream_state::UpstreamState,
    },
    upstream::{
        conformance::{Attempt, Dialect, Signed, conformance},
        scripted::{ScriptedRequest, ScriptedStep, answer, environment, settings, transport_of},
        transport::TransportSettings,
    },
};

const SECRETS: [&str; 3] = ["ak_0123456789", "sk_live_0123456789", "sk_test_0123456789"];

/// The token of the invoice that every intent here was made with; its claims say that it ends at [`TOKEN_ENDS`].
pub const TOKEN: &str = "e30.eyJzaWQiOiJjZ2lfMSIsImV4cCI6MTcwMDAwMzYwMH0.c2lnbmF0dXJl";

/// An hour after invoices are made here, in unix seconds.
pub const TOKEN_ENDS: i64 = 1_700_003_600;

/// When invoices are made here, in unix seconds: the time of the clock that stands still.
pub const MADE: i64 = 1_700_000_000;

/// The dialect in the suite that all pass.
pub struct InCommerce;

conformance!(InCommerce);

impl Dialect for InCommerce {
    type Corefy = Commerce;
    const SECRETS: &'static [&'static str] = &SECRETS;
    const NOT_COREFYS: &'static [&'static str] = &refusals::NOT_COREFYS;

    fn corefy(url: Url) -> Commerce {
        corefy_with(url, |_| {})
    }

    fn created(intent: &PaymentIntent) -> Vec<ScriptedStep> {
        vec![answer(201, invoice(intent, json!({})))]
    }

    fn taken_by(shown: &PaymentIntent) -> Vec<ScriptedStep> {
        vec![
            answer(422, errors("422", "reference id has already been taken")),
            answer(200, list([shown_in_list(shown)])),
        ]
    }

    fn looked_up(shown: &PaymentIntent, is_there: bool) -> Vec<ScriptedStep> {
        if is_there {
            return vec![answer(200, list([shown_in_list(shown)]))];
        }
        vec![answer(200, list([])), answer(201, invoice(shown, json!({})))]
    }

    fn notes(intent: &PaymentIntent) -> UpstreamState {
        Notes::begin(first_invoice(intent)).to_state()
    }

    fn customer_made(_: &Customer) -> Vec<ScriptedStep> {
        vec![answer(500, "")]
    }

    fn attempted(intent: &PaymentIntent, attempt: Attempt) -> Vec<ScriptedStep> {
        let sale = match attempt {
            Attempt::Paid => json!({"status": "processed"}),
            Attempt::Declined => json!({"status": "process_failed", "resolution": "insufficient_funds"}),
            Attempt::Challenged => challenge(),
            Attempt::Processing => json!({"status": "process_pending"}),
        };
        vec![answer(201, sale), answer(200, invoice(intent, after(attempt)))]
    }

    fn shown(intent: &PaymentIntent, attempt: Option<Attempt>, refund: Option<&Refund>) -> Vec<ScriptedStep> {
        let mut members = attempt.map_or_else(|| json!({}), after);
        if let Some(refund) = refund {
            members["refunds"] = json!([{"id": "ref_1", "status": "processed", "amount": amount(refund.amount.minor),
                "currency": "USD", "reference_id": refund.id.as_str()}]);
            members["status"] = json!("partially_refunded");
        }
        vec![answer(200, invoice(intent, members))]
    }

    fn shown_in_doubt(intent: &PaymentIntent, attempt: Option<Attempt>) -> Vec<ScriptedStep> {
        let shown = Self::shown(intent, attempt, None);
        [answer(200, list([]))].into_iter().chain(shown).collect()
    }

    fn absent() -> Vec<ScriptedStep> {
        vec![answer(404, errors("404", "Not found"))]
    }

    fn refunded(_: &PaymentIntent, refund: &Refund, minor: i64) -> Vec<ScriptedStep> {
        let attributes = json!({"reference_id": refund.id.as_str(), "status": "processed", "amount": amount(minor),
            "currency": "USD", "fee": 0, "created": MADE});
        vec![answer(200, json!({"data": {"type": "refunds", "id": "ref_1", "attributes": attributes}}))]
    }

    fn card_refused(number: &str) -> Vec<ScriptedStep> {
        let error = json!({"status": 422, "title": "Unprocessable Content", "detail": format!("card {number} is invalid"),
            "source": {"pointer": "/data/attributes/card_number"}});
        vec![answer(422, json!({"errors": [error]}))]
    }

    fn credentials_refused() -> Vec<ScriptedStep> {
        vec![answer(401, errors("401", "Unauthorized"))]
    }

    fn connected() -> Vec<ScriptedStep> {
        vec![answer(200, json!({"data": {"type": "account", "id": "coma_1", "attributes": {"currency_accounts": []}}}))]
    }

    fn moves_money(request: &ScriptedRequest) -> bool {
        request.method == "POST" && (request.path == "/payment/sale" || request.path.ends_with("/refund"))
    }

    fn webhook(intent: &PaymentIntent, payer: &str) -> Signed {
        let mut body = invoice(intent, json!({"status": "processed", "processed_amount": 10.5}));
        body["data"]["attributes"]["customer"] = json!({"name": payer});
        let body = body.to_string().replace('/', "\\/").into_bytes();
        let (secret, mut hash) = (SECRETS[2], Sha1::new());
        hash.update([secret.as_bytes(), &body, secret.as_bytes()].concat());
        Signed { body, signature: STANDARD.encode(hash.finalize()) }
    }
}

/// The dialect with other settings.
pub fn corefy_with(url: Url, set: impl FnOnce(&mut CommerceSettings)) -> Commerce {
    let [api_key, _, test] = SECRETS;
    let credentials = Credentials {
        account_id: "coma_1".to_owned(),
        api_key: api_key.into(),
        webhook_secrets: vec![test.into()],
        public_key: Some("pk_test_1".to_owned()),
    };
    let mut commerce = CommerceSettings {
        card_gate_url: Some(url.clone()),
        public_url: None,
        callback_url: None,
        test_mode: true,
        services: Default::default(),
    };
    set(&mut commerce);
    // A lookup that fails is not repeated, so that the suite does not wait for it.
    let transport = transport_of(REDACT, TransportSettings { retries: 0, ..settings(url) });
    Commerce::new(transport, watch::channel(credentials).1, commerce, environment().clock).unwrap()
}

/// The invoice that the intent was made with, as the dialect notes it.
pub fn first_invoice(intent: &PaymentIntent) -> CurrentInvoice {
    CurrentInvoice {
        id: intent.upstream_id.clone().unwrap(),
        service: Some("payment_card_usd_hpp".to_owned()),
        token: Private::new(TOKEN),
        token_ends: Timestamp::from_seconds(TOKEN_ENDS),
        status: "created".to_owned(),
        updated: Timestamp::from_seconds(MADE),
        ..CurrentInvoice::default()
    }
}

/// An invoice with all that a new one has, as it came from a real account, and with these members.
pub fn invoice(intent: &PaymentIntent, members: Value) -> Value {
    let mut attributes = json!({"serial_number": "in_1", "status": "created", "resolution": "ok", "resolution_message": null,
        "moderation_required": false, "amount": 10.5, "payment_amount": 10.5, "currency": "USD", "service_amount": 10.5,
        "reference_id": intent.id.as_str(), "test_mode": true, "fee": 0, "deposit": 10.5, "processed": null,
        "processed_amount": null, "refunded_amount": null, "metadata": [], "flow": "hpp", "payment_flow": "charge",
        "flow_data": {"action": "https://checkout.test/hpp/cgi_1", "method": "GET", "params": [],
            "metadata": {"sid": "cgi_1", "token": TOKEN}},
        "created": MADE, "updated": MADE, "payload": [], "description": null, "return_urls": [], "original_data": [],
        "charged_back_amount": null, "hpp_url": "https://api.test/redirect/hpp/?cpi=in_1"});
    attributes.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    json!({"data": {"type": "payment-invoices", "id": intent.upstream_id, "attributes": attributes, "relationships": [],
        "links": {"self": "/api/payment-invoices/in_1"}}, "included": []})
}

/// The same in a list.
pub fn shown_in_list(intent: &PaymentIntent) -> Value {
    invoice(intent, json!({}))["data"].clone()
}

/// A list of invoices.
pub fn list(invoices: impl IntoIterator<Item = Value>) -> Value {
    json!({"data": invoices.into_iter().collect::<Vec<_>>(), "included": []})
}

/// A refusal in Corefy's own words.
pub fn errors(status: &str, detail: &str) -> Value {
    json!({"errors": [{"status": status, "title": detail, "detail": detail}]})
}

/// The answer of the Card Gate that sends the payer to the bank.
pub fn challenge() -> Value {
    json!({"status": "process_pending", "auth_mode": "3ds", "auth_payload": {"action": "https://acs.test/pareq",
        "method": "POST", "params": {"MD": "cGF5XzE=", "PaReq": "", "TermUrl": "https://checkout.test/auth?pid=pay_1"}}})
}

/// An amount as PHP writes it: whole where it can be.
pub fn amount(minor: i64) -> Value {
    let major = Money::new(minor, crate::upstream::conformance::usd(0).currency).major();
    serde_json::from_str(&major.normalize().to_string()).unwrap()
}

fn after(attempt: Attempt) -> Value {
    let later = MADE + 5;
    match attempt {
        Attempt::Paid => json!({"status": "processed", "processed_amount": 10.5, "processed": later, "updated": later}),
        Attempt::Declined => json!({"status": "process_failed", "resolution": "insufficient_funds", "updated": later}),
        Attempt::Challenged => {
            json!({"status": "process_pending", "resolution": "auth_3ds_required", "updated": later})
        }
        Attempt::Processing => json!({"status": "processing", "updated": later}),
    }
}
