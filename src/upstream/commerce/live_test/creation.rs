//! The creation of invoices: how they begin, and that a reference belongs to one.

use secrecy::SecretString;
use serde_json::Value;

use super::{
    answer::RawAnswer,
    calls::scheduling,
    walk::{AccountWalk, WalkStopped},
};
use crate::domain::{next_action::NextAction, payment_method::CARD, private::Private};
use crate::upstream::{
    commerce::{
        next_action,
        notes::token_end,
        wire::{
            CardGateFlags, CreateInvoiceBody, GatewayFlags, INVOICES, InvoiceCustomer, InvoiceList, RequestBody,
            WireInvoice,
        },
    },
    transport::HttpRequest,
    values::{Amount, Secret},
};

/// An invoice of the test.
pub(super) struct TestInvoice {
    pub id: String,
    /// The pass to the Card Gate.
    pub token: Option<SecretString>,
    /// Where its payer goes.
    pub page: Option<NextAction>,
}

/// A wish for an invoice beside the plain one.
#[derive(Default)]
pub(super) struct InvoiceWish {
    /// Ends the reference.
    pub suffix: &'static str,
    /// To save the card.
    pub saves: bool,
    /// A saved card, which is to be charged at once.
    pub charges: Option<SecretString>,
}

impl AccountWalk {
    /// Makes the first invoice, with a card to be saved, and looks at all that a creation shows.
    pub(super) async fn first_invoice(&mut self) -> Result<TestInvoice, WalkStopped> {
        let wish = || InvoiceWish { suffix: "1", saves: true, ..Default::default() };
        let answer = self.post_invoice(&self.body(wish())).await.map_err(WalkStopped)?;
        let invoice = self.made(&answer).map_err(WalkStopped)?;
        self.findings.judge(
            "created_with_201",
            match answer.status.as_u16() {
                201 => Ok(answer.words()),
                _ => Err(answer.words()),
            },
        );
        self.judge_token(&invoice, &answer);
        let page = invoice.page.is_some();
        if !page {
            self.findings.disproved("hosted_page_address", "the invoice has no `hpp_url` that is a page's");
        }
        self.judge_beginning(&invoice, &answer).await;
        self.judge_reference(&invoice, wish()).await;
        self.judge_lookup(&invoice, &self.reference("1")).await;
        Ok(invoice)
    }

    /// Makes a further invoice.
    pub(super) async fn further_invoice(&mut self, wish: InvoiceWish) -> Result<TestInvoice, String> {
        let answer = self.post_invoice(&self.body(wish)).await?;
        self.made(&answer)
    }

    /// The invoice of an answer. Anything but an invoice in test mode is an error, after which nothing is paid.
    fn made(&mut self, answer: &RawAnswer) -> Result<TestInvoice, String> {
        let Some(WireInvoice { id, attributes, .. }) = answer.invoice().filter(|invoice| !invoice.id.is_empty()) else {
            return Err(format!("no invoice was made: {}", answer.words()));
        };
        if answer.attribute("test_mode").and_then(Value::as_bool) != Some(true) {
            return Err("the invoice that was made is not shown as a test: nothing is paid".to_owned());
        }
        self.has_invoice = true;
        self.note_change(&id, answer);
        let token = attributes.flow_data.and_then(|flow| flow.metadata?.token);
        let page = next_action::page(attributes.hpp_url.as_ref());
        Ok(TestInvoice { id, token: token.map(|token| token.expose().into()), page })
    }

    fn judge_token(&mut self, invoice: &TestInvoice, answer: &RawAnswer) {
        const NAME: &str = "card_token_in_flow_data";
        let place = "/data/attributes/flow_data/metadata/token";
        let Some(token) = answer.body.pointer(place).and_then(Value::as_str).filter(|_| invoice.token.is_some()) else {
            return self.findings.disproved(NAME, "there is none");
        };
        self.findings.proved(NAME, "it has");
        let end = token_end(&Private::new(token)).map(|end| end.since(self.account.clock.now()));
        self.findings.judge(
            "card_token_lives_an_hour",
            match end {
                Some(left) => Ok(format!("by its `exp` it lives for {} minutes", left.as_secs().div_ceil(60))),
                None => Err("it is no JWT with an `exp`".to_owned()),
            },
        );
    }

    async fn judge_beginning(&mut self, invoice: &TestInvoice, answer: &RawAnswer) {
        const NAME: &str = "status_after_creation";
        let word = answer.attribute("status").and_then(Value::as_str).unwrap_or_default().to_owned();
        if !matches!(word.as_str(), "created" | "process_pending") {
            return self.findings.disproved(NAME, format!("it is {word:?}"));
        }
        match self.read_invoice(&invoice.id).await {
            Ok(read) if read.attribute("updated").is_none() => self.findings.disproved(NAME, "it has no `updated`"),
            Ok(read) => self.findings.judge(
                NAME,
                match read.attribute("updated") == answer.attribute("updated") {
                    true => Ok(format!("it is `{word}`")),
                    false => Err("`updated` changed although nothing happened".to_owned()),
                },
            ),
            Err(why) => self.findings.untested(NAME, why),
        }
    }

    /// Makes the same invoice again.
    async fn judge_reference(&mut self, invoice: &TestInvoice, same: InvoiceWish) {
        let answer = match self.post_invoice(&self.body(same)).await {
            Ok(answer) => answer,
            Err(why) => return self.findings.untested("reference_is_unique", why),
        };
        let words = answer.words();
        match answer.invoice() {
            Some(other) if other.id != invoice.id => {
                self.findings.disproved("reference_is_unique", format!("{words}, with another invoice"));
                self.findings.disproved("duplicate_reference_status", words);
            }
            _ if matches!(answer.status.as_u16(), 409 | 422 | 429) => {
                self.findings.proved("reference_is_unique", words.clone());
                self.findings.proved("duplicate_reference_status", words);
            }
            _ => {
                self.findings.proved("reference_is_unique", "no other invoice was made");
                self.findings.disproved("duplicate_reference_status", words);
            }
        }
    }

    async fn judge_lookup(&mut self, invoice: &TestInvoice, reference: &str) {
        const NAME: &str = "lookup_by_reference";
        let request = HttpRequest::read("payment.find_by_reference", "/payment-invoices/", scheduling());
        let answer = match self.ask(request.with_query("filter[reference_id]", reference)).await {
            Ok(answer) => answer,
            Err(why) => return self.findings.untested(NAME, why),
        };
        let list = answer.success::<InvoiceList>();
        let ids: Vec<_> = list.into_iter().flat_map(|InvoiceList(list)| list.read).map(|entry| entry.id).collect();
        self.findings.judge(
            NAME,
            match ids.contains(&invoice.id) {
                true => Ok("it lists the invoice".to_owned()),
                false => Err(format!("{}, without the invoice", answer.words())),
            },
        );
        if ids.len() > 1 {
            self.findings.disproved(NAME, "it lists others too");
        }
    }

    pub(super) fn reference(&self, suffix: &str) -> String {
        format!("{}-{suffix}", self.plan.name)
    }

    fn body(&self, wish: InvoiceWish) -> RequestBody<CreateInvoiceBody> {
        let (settings, amount) = (&self.account.settings, self.plan.amount);
        let flags = CardGateFlags { tokenize: wish.saves, instant: wish.charges.is_some() };
        RequestBody::new(
            INVOICES,
            CreateInvoiceBody {
                reference_id: self.reference(wish.suffix),
                amount: Amount(amount.major()),
                currency: amount.currency.code().to_owned(),
                service: settings.service(CARD, amount.currency),
                service_fields: Default::default(),
                test_mode: true,
                description: Some("Test of a connection".to_owned()),
                customer: Some(InvoiceCustomer::known_by(self.plan.name.clone())),
                metadata: Default::default(),
                return_urls: None,
                callback_url: self.callback_url().map(String::from),
                token: wish.charges.map(Secret),
                gateway_options: (flags.tokenize || flags.instant).then_some(GatewayFlags { cardgate: flags }),
            },
        )
    }
}
