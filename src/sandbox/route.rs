//! The calls of the contracts, and what is noted of each request.

use std::collections::{BTreeMap, VecDeque};

use axum::body::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    commerce::{invoice::invoice_id, route::CommerceRoute},
    dialect::SandboxDialect,
    payment::intent_id_of,
    seen_body,
};
use crate::domain::clock::Timestamp;

/// One call of the contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    IntentCreate,
    IntentConfirm(String),
    PaymentRead(String),
    RefundCreate,
    CustomerCreate,
    CustomerRead(String),
    PaymentMethodCreate,
    PaymentMethodsOf(String),
    SupportedMethods,
    /// A call of the `commerce` dialect.
    Commerce(CommerceRoute),
}

/// An authenticated request.
pub(super) struct SandboxCall {
    pub route: Route,
    pub path: String,
    pub idempotency_key: Option<String>,
    pub traceparent: Option<String>,
    pub tracestate: Option<String>,
    pub body: Bytes,
    /// The session at the card gate that the caller's token opens.
    pub session: Option<String>,
    /// Stands for the body where it must not be kept, for it may hold a card.
    pub fingerprint: String,
}

impl Route {
    /// The call that `method` and `path` make.
    pub fn find(method: &str, path: &str, query: Option<&str>) -> Option<Self> {
        if SandboxDialect::of_path(path) == SandboxDialect::Commerce {
            return CommerceRoute::find(method, path, query).map(Self::Commerce);
        }
        let segments: Vec<&str> = path.strip_prefix("/v1/")?.split('/').collect();
        Some(match (method, segments.as_slice()) {
            ("POST", ["payment-intents"]) => Self::IntentCreate,
            ("POST", ["payment-intents", id, "confirm"]) => Self::IntentConfirm((*id).to_owned()),
            ("GET", ["payments", id]) => Self::PaymentRead((*id).to_owned()),
            ("POST", ["refunds"]) => Self::RefundCreate,
            ("POST", ["customers"]) => Self::CustomerCreate,
            ("GET", ["customers", id]) => Self::CustomerRead((*id).to_owned()),
            ("POST", ["payment-methods"]) => Self::PaymentMethodCreate,
            ("GET", ["customers", id, "payment-methods"]) => Self::PaymentMethodsOf((*id).to_owned()),
            ("GET", ["payment-methods", "supported"]) => Self::SupportedMethods,
            _ => return None,
        })
    }

    /// Its method, and its path with `{id}` where an id stands.
    pub fn template(&self) -> (&'static str, &'static str) {
        match self {
            Self::IntentCreate => ("POST", "/v1/payment-intents"),
            Self::IntentConfirm(_) => ("POST", "/v1/payment-intents/{id}/confirm"),
            Self::PaymentRead(_) => ("GET", "/v1/payments/{id}"),
            Self::RefundCreate => ("POST", "/v1/refunds"),
            Self::CustomerCreate => ("POST", "/v1/customers"),
            Self::CustomerRead(_) => ("GET", "/v1/customers/{id}"),
            Self::PaymentMethodCreate => ("POST", "/v1/payment-methods"),
            Self::PaymentMethodsOf(_) => ("GET", "/v1/customers/{id}/payment-methods"),
            Self::SupportedMethods => ("GET", "/v1/payment-methods/supported"),
            Self::Commerce(route) => route.template(),
        }
    }

    /// Whether it changes something.
    pub fn creates(&self) -> bool {
        self.template().0 == "POST"
    }

    /// Whether a repeated `Idempotency-Key` gets the first answer.
    pub fn takes_key(&self) -> bool {
        self.creates() && self.dialect() == SandboxDialect::Intents
    }

    /// The dialect that it is of.
    pub fn dialect(&self) -> SandboxDialect {
        match self {
            Self::Commerce(_) => SandboxDialect::Commerce,
            _ => SandboxDialect::Intents,
        }
    }
}

impl SandboxCall {
    /// The sandbox's id of the payment that it is about: in the path, by the session, or as `payment_id` in the body.
    fn payment(&self) -> Option<String> {
        #[derive(Deserialize)]
        struct Paid {
            payment_id: String,
        }
        match &self.route {
            Route::IntentConfirm(id) | Route::PaymentRead(id) => Some(intent_id_of(id)),
            Route::Commerce(CommerceRoute::InvoiceRead(id) | CommerceRoute::InvoiceRefund(id)) => Some(id.clone()),
            Route::Commerce(CommerceRoute::Sale) => self.session.as_deref().map(invoice_id),
            Route::RefundCreate => {
                let paid: Paid = serde_json::from_slice(&self.body).ok()?;
                Some(intent_id_of(&paid.payment_id))
            }
            _ => None,
        }
    }
}

/// The record of an authenticated request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SeenRequest {
    /// When it came.
    pub at: Timestamp,
    /// `GET` or `POST`.
    pub method: String,
    /// Its path.
    pub path: String,
    /// Its `Idempotency-Key`.
    pub idempotency_key: Option<String>,
    /// Its `traceparent`.
    pub traceparent: Option<String>,
    /// Its `tracestate`.
    pub tracestate: Option<String>,
    /// Its `reference_id`, wherever its dialect has it.
    pub reference: Option<String>,
    /// The sandbox's id of the payment that it is about, where the request names it.
    pub payment: Option<String>,
    /// Its body, of which only what tells of nobody is shown; of older requests none.
    pub body: Option<Value>,
}

/// How many requests are remembered one by one; of older ones only the count stays.
pub const MAX_SEEN_REQUESTS: usize = 10_000;

/// Of how many of them the body is remembered, too.
pub const MAX_SEEN_BODIES: usize = 500;

/// The requests that came.
#[derive(Debug, Default)]
pub(super) struct Journal {
    pub seen: VecDeque<SeenRequest>,
    pub counts: BTreeMap<(&'static str, &'static str), u64>,
}

impl Journal {
    pub fn note(&mut self, at: Timestamp, call: &SandboxCall) {
        let (method, template) = call.route.template();
        *self.counts.entry((method, template)).or_default() += 1;
        if self.seen.len() == MAX_SEEN_REQUESTS {
            self.seen.pop_front();
        }
        if let Some(older) = self.seen.len().checked_sub(MAX_SEEN_BODIES) {
            self.seen[older].body = None;
        }
        self.seen.push_back(SeenRequest {
            at,
            method: method.to_owned(),
            path: call.path.clone(),
            idempotency_key: call.idempotency_key.clone(),
            traceparent: call.traceparent.clone(),
            tracestate: call.tracestate.clone(),
            reference: reference_in(&call.body),
            payment: call.payment(),
            body: seen_body::seen(&call.body),
        });
    }
}

/// The `reference_id` of a request: at the top, or among the attributes of its object.
fn reference_in(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Named {
        reference_id: Option<String>,
        data: Option<NamedObject>,
    }
    #[derive(Deserialize)]
    struct NamedObject {
        attributes: Option<Attributes>,
    }
    #[derive(Deserialize)]
    struct Attributes {
        reference_id: Option<String>,
    }
    let named: Named = serde_json::from_slice(body).ok()?;
    named.reference_id.or_else(|| named.data?.attributes?.reference_id)
}
