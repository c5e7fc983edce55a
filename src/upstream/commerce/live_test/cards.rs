//! Cards at the Card Gate: one that is refused, one that is charged, and one more for an invoice that is paid.

use secrecy::SecretString;
use serde_json::Value;

use super::{
    answer::{RawAnswer, has_ended, is_paid, standing_of},
    creation::TestInvoice,
    walk::AccountWalk,
};
use crate::domain::{clock::Timestamp, network_references::NetworkReferences};
use crate::upstream::{
    commerce::{
        answers::{InvoiceStanding, network_references, standing},
        wire::{BrowserBody, InvoiceAttributes, RequestBody, SaleAnswer, SaleBody},
    },
    lenient::{self, Lenient as _},
    values::Secret,
};

/// Corefy's public test card that is charged without a question.
pub(super) const CHARGED: &str = "5519283812030000";
/// Corefy's public test card that is charged once the payer has approved at the bank.
pub(super) const CHALLENGED: &str = "5123817234060000";
/// No card: its last digit, which checks the others, is wrong.
const MISTYPED: &str = "5519283812030001";
/// A security code; test cards take any.
const CVV: &str = "123";

impl AccountWalk {
    /// Pays the invoice by a card; answers whether it was paid.
    pub(super) async fn pay_by_card(&mut self, invoice: &TestInvoice) -> bool {
        let skipped = match (&self.account.settings.card_gate_url, &invoice.token) {
            (Some(_), Some(token)) => return self.try_cards(invoice, &token.clone()).await,
            (None, _) => "COREFY_CARD_GATE_URL is not set",
            (_, None) => "there is no token for the Card Gate",
        };
        for name in [
            "sale",
            "sale_refused_before_it_is_made",
            "challenge_verbatim",
            "one_success_an_invoice",
            "network_references",
        ] {
            self.findings.untested(name, skipped);
        }
        false
    }

    async fn try_cards(&mut self, invoice: &TestInvoice, token: &SecretString) -> bool {
        self.judge_refusal(invoice, token).await;
        let answer = match self.post_sale(token, &self.sale(CHARGED)).await {
            Ok(answer) => answer,
            Err(why) => {
                self.findings.untested("sale", why);
                return false;
            }
        };
        self.judge_sale(&answer);
        let ended = self.watch(&invoice.id, self.plan.outcome_patience, has_ended).await;
        let Some(paid) = ended.as_ref().filter(|ended| is_paid(ended)) else {
            let word = ended.map(|invoice| invoice.attributes.status).unwrap_or_default();
            self.findings.disproved("sale", format!("{}, after which the invoice is {word:?}", answer.words()));
            return false;
        };
        self.judge_references(&paid.attributes);
        self.judge_second_sale(invoice, token).await;
        true
    }

    fn judge_sale(&mut self, answer: &RawAnswer) {
        let is_read = answer.status.is_success() && SaleAnswer::lenient(answer.body.clone()).is_some();
        let is_flat = answer.body.get("status").is_some_and(Value::is_string);
        self.findings.judge(
            "sale",
            match (is_read, is_flat) {
                (true, true) => Ok(answer.words()),
                (true, false) => Err(format!("{}, and the status is wrapped", answer.words())),
                (false, _) => Err(format!("{}, without a status", answer.words())),
            },
        );
    }

    /// Looks at the references of card networks. A test connection may have none.
    fn judge_references(&mut self, paid: &InvoiceAttributes) {
        const NAME: &str = "network_references";
        let NetworkReferences { retrieval_reference_number, approval_code, acquirer_reference_number } =
            network_references(paid);
        let members = [
            ("rrn", &paid.rrn, retrieval_reference_number),
            ("approval_code", &paid.approval_code, approval_code),
            ("arn", &paid.arn, acquirer_reference_number),
        ];
        let told: Vec<_> = members.into_iter().filter(|(_, told, _)| told.is_some()).collect();
        let names = |of: &[_]| of.iter().map(|(name, ..): &(&str, _, _)| *name).collect::<Vec<_>>().join(", ");
        if told.is_empty() {
            return self.findings.untested(NAME, "a payment of this account's test connection has none");
        }
        let odd: Vec<_> = told.iter().filter(|(_, _, read)| read.is_none()).cloned().collect();
        let shown = if odd.is_empty() { Ok(names(&told)) } else { Err(format!("of another form: {}", names(&odd))) };
        self.findings.judge(NAME, shown);
    }

    /// Sells a card with a mistyped number: a refusal has to leave the invoice as it was.
    async fn judge_refusal(&mut self, invoice: &TestInvoice, token: &SecretString) {
        const NAME: &str = "sale_refused_before_it_is_made";
        let answer = match self.post_sale(token, &self.sale(MISTYPED)).await {
            Ok(answer) => answer,
            Err(why) => return self.findings.untested(NAME, why),
        };
        if !answer.status.is_client_error() {
            let why = format!("a mistyped number was not refused: {}", answer.words());
            return self.findings.untested(NAME, why);
        }
        let read = self.read_invoice(&invoice.id).await.ok().and_then(|answer| answer.invoice());
        let Some(shown) = read else { return self.findings.untested(NAME, "the invoice could not be read") };
        let is_tried = shown.relationships.as_ref().is_some_and(|related| related.has_active_payment());
        self.findings.judge(
            NAME,
            match standing_of(&shown) == InvoiceStanding::Waiting && !is_tried {
                true => Ok(answer.words()),
                false => Err(format!("{}, after which the invoice is {:?}", answer.words(), shown.attributes.status)),
            },
        );
    }

    /// Sells a card for the invoice that is paid: it must not be paid twice.
    async fn judge_second_sale(&mut self, invoice: &TestInvoice, token: &SecretString) {
        const NAME: &str = "one_success_an_invoice";
        let answer = match self.post_sale(token, &self.sale(CHARGED)).await {
            Ok(answer) => answer,
            Err(why) => return self.findings.untested(NAME, why),
        };
        let read = self.read_invoice(&invoice.id).await.ok().and_then(|answer| answer.invoice());
        let Some(shown) = read else { return self.findings.untested(NAME, "the invoice could not be read") };
        let asked = self.plan.amount.major();
        let received = shown.attributes.processed_amount.map_or(asked, |amount| amount.0);
        let is_taken = answer.status.is_success() && !is_failure(&answer);
        self.findings.judge(
            NAME,
            match received == asked && !is_taken {
                true => Ok(format!("a second card is not charged: {}", answer.words())),
                false => Err(format!("a second card is answered {}, and {received} was received", answer.words())),
            },
        );
    }

    /// A sale by this test card.
    pub(super) fn sale(&self, number: &str) -> RequestBody<SaleBody> {
        let secret = |text: &str| Secret(text.into());
        let browser = BrowserBody {
            browser_accept_header: Some("text/html".to_owned()),
            browser_language: Some("en".to_owned()),
            browser_user_agent: Some("Mozilla/5.0".to_owned()),
            ..BrowserBody::default()
        };
        let attributes = SaleBody {
            card_number: secret(number),
            card_holder: Some(secret("TEST CARD")),
            cvv: Some(secret(CVV)),
            exp_month: secret("12"),
            exp_year: secret(&expiry_year(self.account.clock.now())),
            browser_info: Some(browser),
        };
        RequestBody::new("sale-operation", attributes)
    }
}

/// Whether an answer of the Card Gate tells of an attempt that failed.
fn is_failure(answer: &RawAnswer) -> bool {
    let status = SaleAnswer::lenient(answer.body.clone()).map(|answer| answer.status).unwrap_or_default();
    matches!(standing(status.trim(), "", ""), InvoiceStanding::Failed(_))
}

/// The last two digits of a year to come: the year of the day after three years.
fn expiry_year(now: Timestamp) -> String {
    const THREE_YEARS: std::time::Duration = std::time::Duration::from_secs(3 * 365 * 24 * 3600);
    (now + THREE_YEARS).to_string().chars().skip(2).take(2).collect()
}

/// The bank's page, as the Card Gate's answer names it.
pub(super) fn bank_page(answer: &RawAnswer) -> Option<crate::domain::next_action::NextAction> {
    let read = lenient::json(&answer.bytes).ok().and_then(SaleAnswer::lenient)?;
    crate::upstream::commerce::next_action::bank_step(read.auth_payload?)
}
