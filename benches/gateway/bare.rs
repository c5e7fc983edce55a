//! The bare proxy: tonic in, one signed reqwest call to the sandbox, tonic out, and nothing else. It keeps nothing,
//! checks nothing and promises nothing; what it costs is what any gateway of this kind costs at least.

use std::{error::Error, net::SocketAddr};

use corefy_gateway::{
    pb,
    pb::{
        event_service_server::EventServiceServer,
        payment_intent_service_server::{PaymentIntentService, PaymentIntentServiceServer},
        refund_service_server::{RefundService, RefundServiceServer},
    },
    upstream::signature::sign_request,
};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tonic::{Request, Response, Status, transport::Server};

use crate::sandbox_keys;

mod events;

use events::Readers;

/// The proxy's services of payments and refunds.
#[derive(Clone)]
struct Bare {
    client: Client,
    base_url: String,
}

/// Serves on `addr`, and takes webhooks on `webhooks`, in front of the sandbox at `base_url` until the process is killed.
pub async fn serve(addr: SocketAddr, webhooks: SocketAddr, base_url: String) -> Result<(), Box<dyn Error>> {
    let bare = Bare { client: Client::builder().build()?, base_url };
    let readers = Readers::default();
    let receiver = events::webhooks(bare.clone(), readers.clone());
    let listener = TcpListener::bind(webhooks).await?;
    tokio::spawn(async move { axum::serve(listener, receiver).await });
    let server = Server::builder()
        .add_service(PaymentIntentServiceServer::new(bare.clone()))
        .add_service(RefundServiceServer::new(bare))
        .add_service(EventServiceServer::new(readers));
    Ok(server.serve(addr).await?)
}

impl Bare {
    async fn call(&self, method: Method, path: &str, body: Vec<u8>) -> Result<pb::PaymentIntent, Status> {
        let answer = self.send(method, path, body).await?;
        Ok(pb::PaymentIntent {
            id: text(&answer, "id"),
            upstream_id: text(&answer, "id"),
            amount: answer["amount"].to_string(),
            currency: text(&answer, "currency"),
            ..Default::default()
        })
    }

    async fn send(&self, method: Method, path: &str, body: Vec<u8>) -> Result<Value, Status> {
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
        serde_json::from_slice(&body).map_err(|error| Status::internal(error.to_string()))
    }
}

fn text(answer: &Value, name: &str) -> String {
    answer[name].as_str().unwrap_or_default().to_owned()
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

    async fn list_attempts(
        &self,
        _: Request<pb::ListAttemptsRequest>,
    ) -> Result<Response<pb::ListAttemptsResponse>, Status> {
        Err(Status::unimplemented("not measured"))
    }

    async fn list_payment_intents(
        &self,
        _: Request<pb::ListPaymentIntentsRequest>,
    ) -> Result<Response<pb::ListPaymentIntentsResponse>, Status> {
        Err(Status::unimplemented("not measured"))
    }

    async fn list_chargebacks(
        &self,
        _: Request<pb::ListChargebacksRequest>,
    ) -> Result<Response<pb::ListChargebacksResponse>, Status> {
        Err(Status::unimplemented("not measured"))
    }

    async fn cancel_payment_intent(
        &self,
        _: Request<pb::CancelPaymentIntentRequest>,
    ) -> Result<Response<pb::CancelPaymentIntentResponse>, Status> {
        Err(Status::unimplemented("not measured"))
    }
}

#[tonic::async_trait]
impl RefundService for Bare {
    async fn create_refund(
        &self,
        request: Request<pb::CreateRefundRequest>,
    ) -> Result<Response<pb::CreateRefundResponse>, Status> {
        let message = request.into_inner();
        let amount = message.amount.as_deref().map(str::parse::<f64>);
        let amount = amount.transpose().map_err(|_| Status::invalid_argument("amount"))?;
        let body = json!({ "payment_id": message.payment_id, "amount": amount });
        let answer = self.send(Method::POST, "/v1/refunds", body.to_string().into_bytes()).await?;
        let refund = pb::Refund {
            id: text(&answer, "id"),
            amount: answer["amount"].to_string(),
            currency: text(&answer, "currency"),
            ..Default::default()
        };
        Ok(Response::new(pb::CreateRefundResponse { refund: Some(refund) }))
    }

    async fn get_refund(&self, _: Request<pb::GetRefundRequest>) -> Result<Response<pb::GetRefundResponse>, Status> {
        Err(Status::unimplemented("not measured"))
    }

    async fn list_refunds(
        &self,
        _: Request<pb::ListRefundsRequest>,
    ) -> Result<Response<pb::ListRefundsResponse>, Status> {
        Err(Status::unimplemented("not measured"))
    }
}
