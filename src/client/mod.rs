//! A client of the gateway, for programs in Rust: every service, with the key, a deadline, an idempotency key and the
//! repetitions that are safe.
//!
//! ```no_run
//! # use corefy_gateway::{client::{GatewayError, connect}, pb::CreatePaymentIntentRequest};
//! # async fn run() -> Result<(), GatewayError> {
//! let gateway = connect("https://gateway.example:50051", "pk_…:sk_…")?;
//! let order = CreatePaymentIntentRequest { amount: "100.00".into(), currency: "USD".into(), ..Default::default() };
//! let created = gateway.payment_intents().create_payment_intent(order).await?.into_inner();
//! # Ok(())
//! # }
//! ```

mod calls;
pub mod constants;
mod error;
mod events;
mod lists;
mod methods;
mod repetition;

use std::{fmt::Display, time::Duration};

use tonic::{
    Status,
    transport::{Channel, ClientTlsConfig, Endpoint},
};

pub use self::{
    calls::Calls,
    error::GatewayError,
    events::Events,
    lists::{PagedList, PagedLists},
};
use crate::pb::{
    StreamEventsRequest, customer_service_client::CustomerServiceClient, event_service_client::EventServiceClient,
    export_service_client::ExportServiceClient, gateway_service_client::GatewayServiceClient,
    payment_intent_service_client::PaymentIntentServiceClient,
    payment_method_service_client::PaymentMethodServiceClient, refund_service_client::RefundServiceClient,
    risk_service_client::RiskServiceClient,
};

/// For a call with all its repetitions: longer than the gateway waits for Corefy by default.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(45);
/// For one attempt to reach the gateway's machine.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Silence on a connection after which the gateway is asked whether it is still there.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(30);
/// How long it may take to say so.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// The options of [`connect_with`].
#[derive(Clone, Debug)]
pub struct Options {
    /// For a call with all its repetitions, unless its request has a timeout of its own. Streams have none.
    pub timeout: Duration,
    /// The authorities to trust, and a certificate to present where the gateway requires one. The default: the
    /// authorities of the machine.
    pub tls: Option<ClientTlsConfig>,
}

impl Default for Options {
    fn default() -> Self {
        Self { timeout: DEFAULT_TIMEOUT, tls: None }
    }
}

/// Gives a gateway's services, within a runtime of tokio. The connection is made by the first call, and made again when
/// it breaks.
///
/// `target` is `https://host:port`, or `host:port` for the same; only `http://host:port` goes without TLS.
///
/// # Errors
///
/// `INVALID_ARGUMENT`, when the target or the key cannot be one.
pub fn connect(target: &str, api_key: &str) -> Result<Gateway, GatewayError> {
    connect_with(target, api_key, Options::default())
}

/// [`connect`], with a timeout or a certificate authority of the caller's.
///
/// # Errors
///
/// The errors of [`connect`].
pub fn connect_with(target: &str, api_key: &str, options: Options) -> Result<Gateway, GatewayError> {
    let authorization = format!("Bearer {api_key}").parse().map_err(|_| refused("the key cannot be sent"))?;
    let target = if target.contains("://") { target.to_owned() } else { format!("https://{target}") };
    let mut endpoint = Endpoint::from_shared(target.clone()).map_err(refused)?;
    endpoint = match endpoint.uri().scheme_str() {
        Some("https") => endpoint.tls_config(options.tls.unwrap_or_default().with_enabled_roots()).map_err(refused)?,
        Some("http") if options.tls.is_none() => endpoint,
        Some("http") => return Err(refused("TLS needs https://")),
        _ => return Err(refused(format!("{target} is not like https://gateway.example:50051"))),
    };
    let endpoint = endpoint
        .connect_timeout(CONNECT_TIMEOUT)
        .http2_keep_alive_interval(KEEPALIVE_AFTER)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT);
    Ok(Gateway { calls: Calls::new(endpoint.connect_lazy(), authorization, options.timeout) })
}

fn refused(problem: impl Display) -> GatewayError {
    Status::invalid_argument(problem.to_string()).into()
}

/// The services of a gateway. Its clones share one connection.
#[derive(Clone, Debug)]
pub struct Gateway {
    calls: Calls<Channel>,
}

impl Gateway {
    /// Payments.
    pub fn payment_intents(&self) -> PaymentIntentServiceClient<Calls> {
        PaymentIntentServiceClient::new(self.calls.clone())
    }

    /// Money given back.
    pub fn refunds(&self) -> RefundServiceClient<Calls> {
        RefundServiceClient::new(self.calls.clone())
    }

    /// The payers that are stored.
    pub fn customers(&self) -> CustomerServiceClient<Calls> {
        CustomerServiceClient::new(self.calls.clone())
    }

    /// Saved cards, and what the account accepts.
    pub fn payment_methods(&self) -> PaymentMethodServiceClient<Calls> {
        PaymentMethodServiceClient::new(self.calls.clone())
    }

    /// The books.
    pub fn exports(&self) -> ExportServiceClient<Calls> {
        ExportServiceClient::new(self.calls.clone())
    }

    /// The rules of the gateway, and the reviews of payments; for keys with the scope `risk`.
    pub fn risk(&self) -> RiskServiceClient<Calls> {
        RiskServiceClient::new(self.calls.clone())
    }

    /// The events.
    pub fn events(&self) -> EventServiceClient<Calls> {
        EventServiceClient::new(self.calls.clone())
    }

    /// The gateway itself.
    pub fn gateway(&self) -> GatewayServiceClient<Calls> {
        GatewayServiceClient::new(self.calls.clone())
    }

    /// The entries of lists, page after page: `gateway.all().refunds(request)`.
    pub fn all(&self) -> PagedLists {
        PagedLists::new(self.calls.clone())
    }

    /// The events that `request` asks for (the default: all, from the oldest that is kept), and then each as it happens,
    /// without an end. The default view has no personal data.
    ///
    /// After a break it goes on after the last event that was taken in. Keep the `id` of each event once it is dealt
    /// with, and begin with it after a restart of your own.
    pub fn follow_events(&self, request: StreamEventsRequest) -> Events {
        Events::new(self.events(), request)
    }
}
