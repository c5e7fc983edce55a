//! The bare proxy: tonic in, one signed reqwest call to the sandbox, tonic out, and nothing else. It keeps nothing,
//! checks nothing and promises nothing; what it costs is what any gateway of this kind costs at least.

use std::net::SocketAddr;

use corefy_gateway::{
    pb,
    pb::payment_intent_service_server::{PaymentIntentService, PaymentIntentServiceServer},
    upstream::signature::sign_request,
};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tonic::{Request, Response, Status, transport::Server};

use crate::sandbox_keys;

/// The proxy's one service.
struct Bare {
    client: Client,
    base_url: String,
}

/// Serves on `addr` in front of the sandbox at `base_url` until the process is killed.
pub async fn serve(addr: SocketAddr, base_url: String) -> Result<(), Box<dyn std::error::Error>> {
    // Fails only when there is one already, which then serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let service = PaymentIntentServiceServer::new(Bare { client: Client::builder().build()?, base_url });
    Ok(Server::builder().add_service(service).serve(addr).await?)
}

impl Bare {
    async fn call(&self, method: Method, path: &str, body: Vec<u8>) -> Result<pb::PaymentIntent, Status> {
        let seconds = std::time::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs()).cast_signed();
        let keys = sandbox_keys();
        let signature = sign_request(&keys.secret_key, method.as_str(), path, &body, seconds);
        let request = self
            .client
            .request(method, format!("{}{path}", self.base_url))
            .header("content-type", "application/json")
            .header("authorization", keys.bearer())
            .header("x-api-key", keys.api_key)
            .header("x-client-key", keys.client_key)
            .header("x-timestamp", seconds)
            .header("x-signature", signature)
            .body(body);
        let failed = |error: reqwest::Error| Status::unavailable(error.to_string());
        let response = request.send().await.map_err(failed)?;
        let (status, body) = (response.status(), response.bytes().await.map_err(failed)?);
        if !status.is_success() {
            return Err(Status::internal(status.to_string()));
        }
        let answer: Value = serde_json::from_slice(&body).map_err(|error| Status::internal(error.to_string()))?;
        let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
        Ok(pb::PaymentIntent {
            id: text("id"),
            amount: answer["amount"].to_string(),
            currency: text("currency"),
            ..Default::default()
        })
    }
}

#[tonic::async_trait]
impl PaymentIntentService for Bare {
    async fn create_payment_intent(
        &self,
        request: Request<pb::CreatePaymentIntentRequest>,
    ) -> Result<Response<pb::CreatePaymentIntentResponse>, Status> {
        let message = request.into_inner();
        let amount: f64 = message.amount.parse().map_err(|_| Status::invalid_argument("amount"))?;
        let body = json!({ "amount": amount, "currency": message.currency, "payment_method": "card",
            "description": message.description });
        let intent = self.call(Method::POST, "/v1/payment-intents", body.to_string().into_bytes()).await?;
        Ok(Response::new(pb::CreatePaymentIntentResponse { payment_intent: Some(intent) }))
    }

    async fn confirm_payment_intent(
        &self,
        request: Request<pb::ConfirmPaymentIntentRequest>,
    ) -> Result<Response<pb::ConfirmPaymentIntentResponse>, Status> {
        use pb::confirm_payment_intent_request::Source;
        let message = request.into_inner();
        let Some(Source::Card(card)) = message.source else { return Err(Status::invalid_argument("card")) };
        let body = json!({ "card_number": card.number, "card_cvv": card.cvv, "card_holder_name": card.holder_name,
            "card_expiry_month": format!("{:02}", card.expiry_month), "card_expiry_year": card.expiry_year.to_string() });
        let path = format!("/v1/payment-intents/{}/confirm", message.payment_intent_id);
        let intent = self.call(Method::POST, &path, body.to_string().into_bytes()).await?;
        Ok(Response::new(pb::ConfirmPaymentIntentResponse { payment_intent: Some(intent) }))
    }

    async fn get_payment_intent(
        &self,
        request: Request<pb::GetPaymentIntentRequest>,
    ) -> Result<Response<pb::GetPaymentIntentResponse>, Status> {
        let path = format!("/v1/payments/{}", request.into_inner().id);
        let intent = self.call(Method::GET, &path, Vec::new()).await?;
        Ok(Response::new(pb::GetPaymentIntentResponse { payment_intent: Some(intent) }))
    }

    async fn list_payment_intents(
        &self,
        _: Request<pb::ListPaymentIntentsRequest>,
    ) -> Result<Response<pb::ListPaymentIntentsResponse>, Status> {
        Err(Status::unimplemented("not measured"))
    }

    async fn cancel_payment_intent(
        &self,
        _: Request<pb::CancelPaymentIntentRequest>,
    ) -> Result<Response<pb::CancelPaymentIntentResponse>, Status> {
        Err(Status::unimplemented("not measured"))
    }
}
