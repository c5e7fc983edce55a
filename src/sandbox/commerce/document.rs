//! An invoice as the dialect shows it.

use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::{
    card_tokens,
    invoice::{Invoice, UsedCard, session_id},
    network_references,
    services::{is_for_cards, method_of, parts_of},
    status::resolution_word,
    switches::RefundModel,
    wire::{number, php_object},
};
use crate::{
    domain::{clock::Timestamp, money::Money},
    sandbox::{
        answer::{Done, SandboxOutcome, SandboxRefusal},
        faults::{ShownRefunds, ShownTime, Switches},
        payment::{SandboxPayment, SandboxStatus},
        records::{RefundRecord, RefundStatus},
        state::State,
    },
};

/// Members of a JSON object, of which those that are `null` say that something is not there.
type Members = Map<String, Value>;

impl State {
    /// Answers with the invoice of this id, as reads show it.
    pub(super) fn answer_with_invoice(&self, status: u16, id: &str, switches: &Switches) -> SandboxOutcome {
        let payment = self.kept.intents.get(id);
        let shown = payment.and_then(|payment| Some(self.document(payment, self.show_invoice(payment, switches)?)));
        Ok(Done::new(status, &shown.ok_or_else(|| SandboxRefusal::not_found("payment invoice"))?))
    }

    /// The document of one invoice.
    pub(super) fn document(&self, payment: &SandboxPayment, shown: Value) -> Value {
        let included: Vec<Value> = payment.invoice.iter().filter_map(|invoice| self.show_customer(invoice)).collect();
        json!({"data": shown, "included": included})
    }

    /// The invoice with all that the switches make of it; `None` when the payment is of another dialect.
    pub(super) fn show_invoice(&self, payment: &SandboxPayment, switches: &Switches) -> Option<Value> {
        let mut shown = self.true_invoice(payment, switches)?;
        let attributes = shown["attributes"].as_object_mut()?;
        switches.distort_invoice(attributes);
        attributes.extend(switches.shown_payment(payment).and_then(Value::as_object).cloned().unwrap_or_default());
        attributes.retain(|name, _| !switches.commerce.lost_attributes.contains(name));
        Some(shown)
    }

    /// The invoice as it is, in the form that the account has.
    pub(super) fn true_invoice(&self, payment: &SandboxPayment, switches: &Switches) -> Option<Value> {
        let invoice = payment.invoice.as_deref()?;
        let mut attributes = self.amounts(payment, invoice);
        attributes.extend(self.progress(payment, invoice, switches));
        attributes.extend(self.terms(payment, invoice));
        if switches.commerce.refunds == RefundModel::New {
            let refunds: Value = self.refunds_of(payment).map(|refund| Value::Object(refund_members(refund))).collect();
            attributes.insert("refunds".to_owned(), refunds);
        }
        Some(json!({
            "type": "payment-invoices",
            "id": payment.id,
            "attributes": attributes,
            "relationships": php_object(self.relationships(payment, invoice)),
            "links": {"self": format!("/api/payment-invoices/{}", payment.id)},
        }))
    }

    fn amounts(&self, payment: &SandboxPayment, invoice: &Invoice) -> Members {
        let amount = number(payment.amount.major());
        let told = |minor| (minor > 0).then(|| number(Money::new(minor, payment.amount.currency).major()));
        let processed = invoice.paid_at.map(|_| amount.clone());
        let mut members = Members::new();
        for name in ["amount", "payment_amount", "service_amount", "payment_service_amount", "deposit"] {
            members.insert(name.to_owned(), amount.clone());
        }
        let currency = payment.amount.currency.code();
        members.extend(members_of(json!({
            "currency": currency, "service_currency": currency, "exchange_rate": 1, "fee": 0,
            "processed_amount": processed, "processed_deposit": processed,
            "processed_fee": processed.as_ref().map(|_| 0),
            "refunded_amount": told(self.refunded(payment)),
            "refunded_fee": null,
            "charged_back_amount": told(payment.charged_back),
            "reserved_amount": null,
        })));
        members
    }

    /// How far it has come.
    fn progress(&self, payment: &SandboxPayment, invoice: &Invoice, switches: &Switches) -> Members {
        let changed = payment.updated_at.seconds();
        let is_failed = matches!(payment.status, SandboxStatus::Failed(_));
        let mut members = members_of(json!({
            "status": self.status_word(payment, invoice, switches),
            "resolution": resolution_word(payment, invoice),
            "resolution_message": null,
            "moderation_required": false,
            "created": payment.created_at.seconds(),
            "updated": changed,
            "processed": invoice.paid_at.map(Timestamp::seconds),
            "refunded": (self.refunded(payment) > 0).then_some(changed),
            "charged_back": (payment.charged_back > 0).then_some(changed),
            "failed": is_failed.then_some(changed),
            "payload": php_object(payload(invoice)),
            "original_data": [],
            "callback_logs": [],
            "reserve_expires": null, "unreserved": null,
        }));
        let references = network_references::members(payment, invoice);
        members.extend(references.map(|(name, reference)| (name.to_owned(), reference)));
        members
    }

    /// The terms that it was made with, and where the payer goes.
    fn terms(&self, payment: &SandboxPayment, invoice: &Invoice) -> Members {
        let base = self.base_url.as_str().trim_end_matches('/');
        let links = &invoice.return_urls;
        let return_urls = members_of(json!({"success": links.success, "pending": links.pending, "fail": links.fail}));
        let has_links = return_urls.values().any(|link| !link.is_null());
        let flow = invoice.service.as_deref().and_then(parts_of).map_or("hpp", |(_, _, flow)| flow);
        members_of(json!({
            "serial_number": payment.id.split_once('_').map(|(_, rest)| rest),
            "reference_id": payment.reference,
            "test_mode": invoice.test_mode,
            "description": payment.description,
            "descriptor": invoice.descriptor,
            "metadata": php_object(invoice.metadata.as_object().cloned().unwrap_or_default()),
            "flow": flow,
            "payment_flow": "charge",
            "flow_data": php_object(self.flow_data(payment, invoice)),
            "hpp_url": format!("{base}/redirect/hpp/?cpi={}", payment.id),
            "callback_url": invoice.notify_url.as_ref().map(url::Url::as_str),
            "return_url": invoice.return_url,
            "return_urls": php_object(if has_links { return_urls } else { Members::new() }),
            "source": "merchant_api",
        }))
    }

    /// The payer's next step, while there is one, with the token that opens the card gate.
    fn flow_data(&self, payment: &SandboxPayment, invoice: &Invoice) -> Members {
        if !matches!(payment.status, SandboxStatus::RequiresConfirmation | SandboxStatus::RequiresAction) {
            return Members::new();
        }
        let session = session_id(&payment.id);
        let mut metadata = members_of(json!({"sid": session}));
        if invoice.service.as_deref().is_some_and(is_for_cards) && invoice.saved.is_none() {
            let token = card_tokens::issue(&self.commerce.api_key, &session, payment.created_at);
            metadata.insert("token".to_owned(), token.into());
        }
        let base = self.base_url.as_str().trim_end_matches('/');
        let action = format!("{base}/hpp/{session}");
        members_of(json!({"action": action, "method": "GET", "params": [], "metadata": metadata}))
    }

    fn relationships(&self, payment: &SandboxPayment, invoice: &Invoice) -> Members {
        let to = |kind: &str, id: &str| json!({"data": {"type": kind, "id": id}});
        let mut members = Members::new();
        if let Some(service) = &invoice.service {
            members.insert("payment-service".to_owned(), to("payment-services", service));
            let method = method_of(service).unwrap_or_default();
            members.insert("payment-method".to_owned(), to("payment-methods", method));
        }
        if invoice.card.is_some() {
            members.insert("active-payment".to_owned(), to("payments", &payment.payment_id));
        }
        if let Some(customer) = self.show_customer(invoice) {
            members.insert("customer".to_owned(), to("customers", customer["id"].as_str().unwrap_or_default()));
        }
        members
    }

    /// The customer of an invoice.
    fn show_customer(&self, invoice: &Invoice) -> Option<Value> {
        let id = self.kept.vault.customer_id(invoice.customer_reference()?)?;
        Some(json!({"type": "customers", "id": id, "attributes": invoice.customer}))
    }
}

/// A refund, as invoices list it.
pub(super) fn refund_members(refund: &RefundRecord) -> Members {
    let status = match refund.state {
        RefundStatus::Pending => "process_pending",
        RefundStatus::Succeeded => "processed",
        RefundStatus::Failed(_) => "process_failed",
    };
    members_of(json!({
        "id": refund.id,
        "reference_id": refund.reference,
        "original_id": null,
        "description": refund.reason,
        "status": status,
        "amount": number(refund.amount.major()),
        "fee": 0,
        "currency": refund.amount.currency.code(),
        "created": refund.created_at.seconds(),
    }))
}

/// The card that was used, masked.
fn payload(invoice: &Invoice) -> Members {
    let Some(card) = &invoice.card else { return Members::new() };
    members_of(json!({
        "token": invoice.saved_as,
        "auth_type": "card",
        "client_ip": card.client_ip,
        "payment_card": shown_card(card),
    }))
}

fn shown_card(card: &UsedCard) -> Value {
    let masked = &card.masked;
    let verification =
        if card.is_3ds { json!([{"type": "3ds", "details": {"eci": "05", "version": "2"}}]) } else { json!([]) };
    json!({
        "card_id": card.id,
        "mask": format!("{}******{}", masked.first6, masked.last4),
        "first": masked.first6,
        "last": masked.last4,
        "brand": masked.brand.to_uppercase(),
        "type": "credit",
        "network": masked.brand,
        "holder": masked.holder_name.expose(),
        "expiry_month": format!("{:02}", masked.expiry_month),
        "expiry_year": masked.expiry_year.to_string(),
        "issuer_name": null,
        "issuer_country": null,
        "verification": verification,
    })
}

fn members_of(object: Value) -> Members {
    match object {
        Value::Object(members) => members,
        _ => Members::new(),
    }
}

impl Switches {
    /// Whether reads do not find a payment that is there.
    pub(super) fn hides(&self, payment: &SandboxPayment) -> bool {
        self.hide_payments || self.shown_payment(payment).is_some_and(Value::is_null)
    }

    /// Makes an invoice look as the switches have it.
    fn distort_invoice(&self, shown: &mut Members) {
        let mut put = |name: &str, value: Value| shown.insert(name.to_owned(), value);
        if self.show_unknown_status {
            put("status", "on_hold".into());
        }
        if self.shown_time == ShownTime::Missing {
            put("updated", Value::Null);
        }
        match self.shown_refunds {
            ShownRefunds::All => {}
            ShownRefunds::SumOnly => drop(shown.remove("refunds")),
            ShownRefunds::SumAndEmptyList => drop(put("refunds", json!([]))),
            ShownRefunds::None => {
                put("refunds", json!([]));
                put("refunded_amount", number(Decimal::ZERO));
                if shown["status"].as_str().is_some_and(|status| status.contains("refund")) {
                    shown.insert("status".to_owned(), "processed".into());
                }
            }
            ShownRefunds::WithoutReferences => {
                let refunds = shown.get_mut("refunds").and_then(Value::as_array_mut);
                refunds.into_iter().flatten().for_each(|refund| refund["reference_id"] = Value::Null);
            }
        }
    }
}
