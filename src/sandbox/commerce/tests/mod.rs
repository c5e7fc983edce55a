//! The dialect through real HTTP, as the gateway sees it.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use url::form_urlencoded;

use crate::sandbox::{
    SandboxAccount,
    tests::{Bench, SandboxAnswer, answer},
};

mod access;
mod callbacks;
mod hosted;
mod invoices;
mod ledgers;
mod refunds;
mod sales;
mod scripts;
mod tokens;

const INVOICES: &str = "/payment-invoices";
const FORM: &str = "application/x-www-form-urlencoded";
const SALE: &str = "/payment/sale";
const APPROVED: &str = "4111111111111111";
const ASKED_BY_BANK: &str = "4000000000003220";

impl Bench {
    fn basic(&self, method: &str, path: &str, body: &Value) -> reqwest::RequestBuilder {
        let account = SandboxAccount::default();
        let credentials = STANDARD.encode(format!("{}:{}", account.account_id, account.api_key.expose_secret()));
        let request = self.http.request(method.parse().unwrap(), self.url(path)).timeout(self.patience);
        request.header("authorization", format!("Basic {credentials}")).body(body.to_string())
    }

    async fn read(&self, path: &str) -> (u16, Value) {
        answer(self.basic("GET", path, &Value::Null)).await.unwrap()
    }

    pub(in crate::sandbox) async fn send(&self, path: &str, body: &Value) -> (u16, Value) {
        answer(self.basic("POST", path, body)).await.unwrap()
    }

    /// Makes an invoice; answers with its object.
    pub(in crate::sandbox) async fn invoice(&self, attributes: Value) -> Value {
        let (status, made) = self.send(INVOICES, &invoice(attributes)).await;
        assert_eq!(status, 201, "{made}");
        made["data"].clone()
    }

    /// Makes an invoice of 100.00 USD that is paid by card.
    async fn card_invoice(&self, reference: &str) -> Value {
        self.invoice(json!({"reference_id": reference})).await
    }

    /// Pays an invoice at the card gate.
    pub(in crate::sandbox) async fn sell(&self, invoice: &Value, number: &str, expiry: (&str, &str)) -> SandboxAnswer {
        let token = invoice["attributes"]["flow_data"]["metadata"]["token"].as_str().unwrap();
        self.sell_with(token, number, expiry).await
    }

    async fn sell_with(&self, token: &str, number: &str, (month, year): (&str, &str)) -> SandboxAnswer {
        let card = json!({
            "card_number": number, "card_holder": "JANE DOE", "cvv": "123", "exp_month": month, "exp_year": year,
            "browser_info": {"browser_ip": "203.0.113.7"},
        });
        let body = json!({"data": {"type": "sale-operation", "attributes": card}});
        let request = self.http.post(self.url(SALE)).timeout(self.patience).bearer_auth(token);
        answer(request.body(body.to_string())).await
    }

    /// A paid invoice, as it is shown afterwards.
    pub(in crate::sandbox) async fn paid_invoice(&self, attributes: Value) -> Value {
        let made = self.invoice(attributes).await;
        let sold = self.sell(&made, APPROVED, ("12", "30")).await.unwrap();
        assert_eq!(sold, (201, json!({"status": "processed"})));
        self.shown(&made).await
    }

    /// The attributes of an invoice as it stands.
    async fn shown(&self, invoice: &Value) -> Value {
        let (status, shown) = self.read(&format!("{INVOICES}/{}", invoice["id"].as_str().unwrap())).await;
        assert_eq!(status, 200);
        shown["data"].clone()
    }

    /// Status and resolution of an invoice as it stands.
    async fn state_of(&self, invoice: &Value) -> (String, String) {
        let shown = self.shown(invoice).await;
        let text = |name: &str| shown["attributes"][name].as_str().unwrap().to_owned();
        (text("status"), text("resolution"))
    }

    /// Posts a form as a browser does; answers with status, `Location` and page.
    async fn submit(&self, path: &str, fields: &[(&str, &str)]) -> (u16, String, String) {
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let response = self.http.post(self.url(path)).header("content-type", FORM).body(form).send().await.unwrap();
        let location = response.headers().get("location").map(|value| value.to_str().unwrap().to_owned());
        (response.status().as_u16(), location.unwrap_or_default(), response.text().await.unwrap())
    }

    async fn page(&self, path: &str) -> String {
        self.http.get(self.url(path)).send().await.unwrap().text().await.unwrap()
    }
}

/// The request for an invoice of 100.00 USD by card, with these attributes over its own.
fn invoice(attributes: Value) -> Value {
    let mut own = json!({"amount": 100, "currency": "USD", "service": "payment_card_usd_hpp"});
    own.as_object_mut().unwrap().extend(attributes.as_object().unwrap().clone());
    json!({"data": {"type": "payment-invoices", "attributes": own}})
}

fn state(status: &str, resolution: &str) -> (String, String) {
    (status.to_owned(), resolution.to_owned())
}
