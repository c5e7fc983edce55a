//! Calls a gateway, and shows each request and answer.

use std::error::Error;
use std::time::Duration;

use secrecy::ExposeSecret;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Request, Response, Status};

use super::show;
use crate::config::client::{ClientConfig, Trust};
use crate::domain::ids::Ids;
use crate::pb::{
    Card, ConfirmPaymentIntentRequest, CreatePaymentIntentRequest, CreateRefundRequest, GetPaymentIntentRequest,
    GetRefundRequest, PaymentIntent, Refund, TestConnectionRequest, TestConnectionResponse,
    confirm_payment_intent_request::Source, gateway_service_client::GatewayServiceClient,
    payment_intent_service_client::PaymentIntentServiceClient, refund_service_client::RefundServiceClient,
};

/// How long to wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long one call may take: longer than the gateway waits for Corefy by default.
const CALL_TIMEOUT: Duration = Duration::from_secs(45);

/// A connection to a gateway, with the key that every call carries.
#[derive(Clone)]
pub struct TestedGateway {
    channel: Channel,
    authorization: MetadataValue<Ascii>,
}

impl TestedGateway {
    /// Connects. The error is a sentence.
    pub async fn connect(config: &ClientConfig) -> Result<Self, String> {
        let target = config.target.as_str().trim_end_matches('/');
        let endpoint = Endpoint::from_shared(target.to_owned()).map_err(|error| error.to_string())?;
        let mut endpoint = endpoint.connect_timeout(CONNECT_TIMEOUT).timeout(CALL_TIMEOUT);
        if let Some(trust) = &config.trust {
            endpoint =
                endpoint.tls_config(tls(trust)).map_err(|error| format!("GATEWAY_TARGET_CA: {}", cause(&error)))?;
        }
        let no_answer = |error| match config.trust {
            Some(_) => {
                format!("no gateway that can be trusted answers at {target}: {}{}", cause(&error), tls_advice(&error))
            }
            None => format!("no gateway answers at {target}; start one by `make dev` in another terminal"),
        };
        let channel = endpoint.connect().await.map_err(no_answer)?;
        let bearer = format!("Bearer {}", config.api_key.expose_secret());
        let mut authorization: MetadataValue<Ascii> =
            bearer.parse().map_err(|_| "the API key does not fit into a header".to_owned())?;
        authorization.set_sensitive(true);
        anstream::println!("{}", show::title(target));
        Ok(Self { channel, authorization })
    }

    /// Whether the gateway reaches Corefy.
    pub async fn test_connection(&self) -> Result<TestConnectionResponse, Status> {
        show::request("TestConnection", &[]);
        let mut client = GatewayServiceClient::new(self.channel.clone());
        let answer = shown(client.test_connection(self.reading(TestConnectionRequest {})).await)?.into_inner();
        show::connection(&answer);
        Ok(answer)
    }

    /// Creates an intent; also returns whether the answer is the replay of an earlier one.
    pub async fn create_payment_intent(
        &self,
        request: CreatePaymentIntentRequest,
        key: &str,
    ) -> Result<(PaymentIntent, bool), Status> {
        show::request(
            "CreatePaymentIntent",
            &[
                ("amount", &request.amount),
                ("currency", &request.currency),
                ("customer_email", &request.customer_email),
                ("country", request.billing_address.as_ref().map_or("", |address| &address.country)),
                ("idempotency-key", key),
            ],
        );
        let mut client = PaymentIntentServiceClient::new(self.channel.clone());
        let response = shown(client.create_payment_intent(self.changing(request, key)).await)?;
        let replayed = response.metadata().get("idempotent-replayed").is_some_and(|value| value == "true");
        Ok((intent(response.into_inner().payment_intent)?, replayed))
    }

    /// Confirms an intent by card.
    pub async fn confirm_payment_intent(&self, id: &str, card: Card) -> Result<PaymentIntent, Status> {
        let expiry = format!("{}/{}", card.expiry_month, card.expiry_year);
        let (card_number, key) = (show::masked(&card.number), new_key());
        let fields =
            [("payment_intent_id", id), ("card", &card_number), ("expires", &expiry), ("idempotency-key", &key)];
        show::request("ConfirmPaymentIntent", &fields);
        let request = ConfirmPaymentIntentRequest {
            payment_intent_id: id.to_owned(),
            source: Some(Source::Card(card)),
            ..Default::default()
        };
        let mut client = PaymentIntentServiceClient::new(self.channel.clone());
        let response = shown(client.confirm_payment_intent(self.changing(request, &key)).await)?;
        intent(response.into_inner().payment_intent)
    }

    /// Reads an intent.
    pub async fn get_payment_intent(&self, id: &str) -> Result<PaymentIntent, Status> {
        show::request("GetPaymentIntent", &[("id", id)]);
        let mut client = PaymentIntentServiceClient::new(self.channel.clone());
        let response =
            shown(client.get_payment_intent(self.reading(GetPaymentIntentRequest { id: id.to_owned() })).await)?;
        intent(response.into_inner().payment_intent)
    }

    /// Refunds `amount` of a payment.
    pub async fn create_refund(&self, payment_id: &str, amount: &str) -> Result<Refund, Status> {
        let key = new_key();
        show::request("CreateRefund", &[("payment_id", payment_id), ("amount", amount), ("idempotency-key", &key)]);
        let request = CreateRefundRequest {
            payment_id: payment_id.to_owned(),
            amount: Some(amount.to_owned()),
            reason: "corefy-gateway try".to_owned(),
            ..Default::default()
        };
        let mut client = RefundServiceClient::new(self.channel.clone());
        let response = shown(client.create_refund(self.changing(request, &key)).await)?;
        refund(response.into_inner().refund)
    }

    /// Reads a refund.
    pub async fn get_refund(&self, id: &str) -> Result<Refund, Status> {
        show::request("GetRefund", &[("id", id)]);
        let mut client = RefundServiceClient::new(self.channel.clone());
        let response = shown(client.get_refund(self.reading(GetRefundRequest { id: id.to_owned() })).await)?;
        refund(response.into_inner().refund)
    }

    /// The connection, for calls that are not shown one by one.
    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// A request with the key.
    pub fn reading<M>(&self, message: M) -> Request<M> {
        let mut request = Request::new(message);
        request.metadata_mut().insert("authorization", self.authorization.clone());
        request
    }

    /// A request with the key and an idempotency key.
    pub fn changing<M>(&self, message: M, key: &str) -> Request<M> {
        let mut request = self.reading(message);
        if let Ok(key) = key.parse() {
            request.metadata_mut().insert("idempotency-key", key);
        }
        request
    }
}

fn tls(trust: &Trust) -> ClientTlsConfig {
    let tls = match &trust.authorities {
        Some(authorities) => ClientTlsConfig::new().ca_certificate(Certificate::from_pem(authorities)),
        None => ClientTlsConfig::new().with_native_roots(),
    };
    match &trust.name {
        Some(name) => tls.domain_name(name),
        None => tls,
    }
}

/// The innermost cause, which says what is wrong.
fn cause(error: &tonic::transport::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// The advice when the other end does not answer as TLS wants it: rustls then reports a message that is not TLS.
fn tls_advice(error: &tonic::transport::Error) -> &'static str {
    match cause(error).contains("InvalidContentType") {
        true => "; it seems to speak no TLS: begin the address with http://",
        false => "",
    }
}

/// A new idempotency key.
pub fn new_key() -> String {
    format!("try-{}", Ids::system().uuid().simple())
}

/// Shows the error when the call failed.
fn shown<M>(answer: Result<Response<M>, Status>) -> Result<Response<M>, Status> {
    answer.inspect_err(show::error)
}

fn intent(intent: Option<PaymentIntent>) -> Result<PaymentIntent, Status> {
    let intent = intent.ok_or_else(|| Status::internal("the answer has no payment_intent"))?;
    show::intent(&intent);
    Ok(intent)
}

fn refund(refund: Option<Refund>) -> Result<Refund, Status> {
    let refund = refund.ok_or_else(|| Status::internal("the answer has no refund"))?;
    show::refund(&refund);
    Ok(refund)
}
