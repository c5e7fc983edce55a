//! The payer's pages: Corefy's for an invoice, and the bank's for 3-D Secure, from which the browser comes back to Corefy.

use std::sync::Arc;

use axum::{
    Form, Router,
    extract::{Path, Query, State},
    http::StatusCode,
    response::Response,
    routing::{get, post},
};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;

use super::{
    hosted::return_link,
    invoice::{Invoice, invoice_id, session_id},
    services::is_for_cards,
    wire::SaleRequest,
};
use crate::sandbox::{
    page::{escape, go_to, page},
    payment::{SandboxPayment, SandboxStatus},
    shared::SandboxInner,
};

/// The word with which the bank says that the payer approved.
const APPROVED: &str = "approve";

pub(in crate::sandbox) fn router() -> Router<Arc<SandboxInner>> {
    Router::new()
        .route("/redirect/hpp/", get(enter))
        .route("/redirect/hpp", get(enter))
        .route("/hpp/", get(enter))
        .route("/hpp/{session}", get(show).post(decide))
        .route("/acs/auth", post(ask))
        .route("/complete-auth", post(come_back))
}

#[derive(Deserialize)]
struct Entrance {
    cpi: String,
}

/// The choices of the payer on the hosted page.
#[derive(Deserialize)]
struct HostedForm {
    decision: HostedDecision,
    #[serde(default)]
    card_number: SecretString,
    #[serde(default)]
    card_holder: SecretString,
    #[serde(default)]
    cvv: SecretString,
    #[serde(default)]
    exp_month: String,
    #[serde(default)]
    exp_year: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum HostedDecision {
    /// Pay by the card in the form.
    Card,
    /// Pay by the saved card, or elsewhere.
    Approve,
    Decline,
}

/// The form that brings the payer to the bank.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct BankForm {
    #[serde(rename = "MD")]
    md: String,
    #[serde(rename = "PaReq")]
    request: String,
    term_url: String,
}

#[derive(Deserialize)]
struct Return {
    pid: String,
}

/// The form that brings the payer back from the bank.
#[derive(Deserialize)]
struct BankAnswer {
    #[serde(rename = "PaRes")]
    answer: String,
}

async fn enter(Query(Entrance { cpi }): Query<Entrance>) -> Response {
    go_to(&format!("/hpp/{}", escape(&session_id(&cpi))))
}

async fn show(State(shared): State<Arc<SandboxInner>>, Path(session): Path<String>) -> Response {
    let content = shared.with_state(|state| {
        let payment = state.kept.intents.get(&invoice_id(&session))?;
        let invoice = payment.invoice.as_deref()?;
        let amount = format!("{} {}", payment.amount, payment.amount.currency.code());
        Some(match payment.status {
            SandboxStatus::RequiresConfirmation => choices(&amount, payment, invoice),
            SandboxStatus::RequiresAction => way_to_bank(&amount, &state.acs_form(payment)),
            status => result(&amount, status),
        })
    });
    match content {
        Some(content) => page(StatusCode::OK, &content),
        None => page(StatusCode::NOT_FOUND, "<h1>No such payment</h1>"),
    }
}

async fn decide(
    State(shared): State<Arc<SandboxInner>>,
    Path(session): Path<String>,
    Form(form): Form<HostedForm>,
) -> Response {
    let id = invoice_id(&session);
    let decision = form.decision;
    let request = SaleRequest {
        card_number: form.card_number,
        card_holder: form.card_holder,
        cvv: form.cvv,
        exp_month: form.exp_month,
        exp_year: form.exp_year,
        browser_info: Value::Null,
    };
    let is_right = shared.with_state(|state| match decision {
        HostedDecision::Card => state.used_card(&request).map(|card| state.try_on_page(&id, card)).is_ok(),
        _ => {
            state.complete_action(&id, decision == HostedDecision::Approve);
            true
        }
    });
    if is_right { leave(&shared, &id) } else { page(StatusCode::UNPROCESSABLE_ENTITY, "<h1>Check your card</h1>") }
}

/// The bank's question.
async fn ask(State(shared): State<Arc<SandboxInner>>, Form(form): Form<BankForm>) -> Response {
    let is_ours = shared.with_state(|state| form.term_url.starts_with(state.base_url.as_str()));
    if !is_ours || form.request.is_empty() {
        return page(StatusCode::BAD_REQUEST, "<h1>Not a request of Corefy's</h1>");
    }
    let content = format!(
        "<h1>Confirm your payment</h1><p>Your bank asks whether it is you who pays.</p>\
         <form method=post action=\"{}\"><input type=hidden name=MD value=\"{}\">\
         <button name=PaRes value={APPROVED}>Approve</button>\
         <button class=quiet name=PaRes value=decline>Decline</button></form>",
        escape(&form.term_url),
        escape(&form.md),
    );
    page(StatusCode::OK, &content)
}

async fn come_back(
    State(shared): State<Arc<SandboxInner>>,
    Query(Return { pid }): Query<Return>,
    Form(BankAnswer { answer }): Form<BankAnswer>,
) -> Response {
    let id = invoice_id(&pid);
    shared.with_state(|state| {
        let awaits = state.kept.intents.get(&id).is_some_and(|payment| payment.status == SandboxStatus::RequiresAction);
        awaits && state.complete_action(&id, answer == APPROVED)
    });
    leave(&shared, &id)
}

/// Sends the payer on: to the merchant when there is an outcome, else back to the page.
fn leave(shared: &SandboxInner, id: &str) -> Response {
    let link = shared.with_state(|state| {
        let payment = state.kept.intents.get(id)?;
        let has_more = matches!(payment.status, SandboxStatus::RequiresConfirmation | SandboxStatus::RequiresAction);
        let link = payment.invoice.as_deref().filter(|_| !has_more).and_then(|invoice| return_link(payment, invoice));
        link.map(str::to_owned)
    });
    go_to(&link.unwrap_or_else(|| format!("/hpp/{}", escape(&session_id(id)))))
}

/// The ways to pay an invoice that is open.
fn choices(amount: &str, payment: &SandboxPayment, invoice: &Invoice) -> String {
    let about = escape(payment.description.as_deref().unwrap_or("No description"));
    let declined = if invoice.last_decline.is_some() { "<p role=alert>Declined. Try again.</p>" } else { "" };
    let takes_cards = invoice.saved.is_none() && invoice.service.as_deref().is_none_or(is_for_cards);
    let card = if takes_cards { CARD_FORM } else { "" };
    let pay = match (&invoice.saved, takes_cards) {
        (Some(card), _) => format!("Pay with the card that ends in {}", card.masked.last4),
        (None, true) => "Pay another way".to_owned(),
        (None, false) => "Pay".to_owned(),
    };
    format!(
        "<h1>Make your payment</h1><p class=amount>{amount}</p><p>{about}</p>{declined}{card}\
         <form method=post><button name=decision value=approve>{pay}</button>\
         <button class=quiet name=decision value=decline>Do not pay</button></form>\
         <p class=note>This is Corefy's sandbox. No money moves.</p>"
    )
}

const CARD_FORM: &str = "<form method=post style=\"flex-wrap:wrap\">\
    <input name=card_number placeholder=\"Card number\" inputmode=numeric autocomplete=cc-number required>\
    <input name=exp_month placeholder=MM size=2 required><input name=exp_year placeholder=YY size=2 required>\
    <input name=cvv placeholder=CVV size=4 required><input name=card_holder placeholder=\"Name on the card\">\
    <button name=decision value=card>Pay by card</button></form>";

/// The form that takes the payer to the bank.
fn way_to_bank(amount: &str, form: &Value) -> String {
    let text = |value: &Value| escape(value.as_str().unwrap_or_default());
    let params = form["params"].as_object().into_iter().flatten();
    let fields =
        params.map(|(name, value)| format!("<input type=hidden name={} value=\"{}\">", escape(name), text(value)));
    format!(
        "<h1>Your bank asks you</h1><p class=amount>{amount}</p><form method=post action=\"{}\">{}\
         <button>Continue to your bank</button></form>",
        text(&form["action"]),
        fields.collect::<String>(),
    )
}

fn result(amount: &str, status: SandboxStatus) -> String {
    let word = status.word().replace('_', " ");
    format!("<h1>Nothing to pay</h1><p class=amount>{amount}</p><p role=status>The payment is {word}.</p>")
}
