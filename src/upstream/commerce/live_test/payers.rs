//! The pages that a payer acts on: Corefy's own, and that of the bank. Whoever runs the test is the payer.

use std::time::Duration;

use super::{
    answer::{RawAnswer, has_ended, is_paid},
    cards::{CHALLENGED, CHARGED, bank_page},
    creation::{InvoiceWish, TestInvoice},
    plan::LiveTestNotice,
    walk::{AccountWalk, WalkStopped},
};
use crate::domain::next_action::NextAction;

impl AccountWalk {
    /// Has someone pay on Corefy's page and approve on the bank's; answers whether the first invoice is paid, by a card or here.
    pub(super) async fn pay_on_pages(&mut self, first: &TestInvoice, is_paid: bool) -> Result<bool, WalkStopped> {
        let challenged = if is_paid { self.begin_challenge().await } else { None };
        let further = if is_paid { Some(self.invoice_to_pay_on_page().await?) } else { None };
        let page = further.as_ref().unwrap_or(first);
        let patience = self.plan.page_patience;
        if patience.is_zero() {
            for name in ["hosted_page_address", "challenge_verbatim"] {
                self.findings.untested(name, "nobody was to act on pages");
            }
            return Ok(is_paid);
        }
        if let Some(page) = &page.page {
            let task = "Pay on Corefy's page";
            (self.tell)(LiveTestNotice::Page { task, page, card: Some(CHARGED) });
        }
        if let Some((_, page)) = &challenged {
            (self.tell)(LiveTestNotice::Page { task: "Approve on the bank's page", page, card: None });
        }
        let is_paid_there = page.page.is_some() && self.judge_page("hosted_page_address", &page.id, patience).await;
        if let Some((id, _)) = challenged {
            self.judge_page("challenge_verbatim", &id, patience).await;
        }
        Ok(is_paid || is_paid_there)
    }

    /// Makes an invoice for the payer to pay on Corefy's page.
    async fn invoice_to_pay_on_page(&mut self) -> Result<TestInvoice, WalkStopped> {
        self.further_invoice(InvoiceWish { suffix: "page", ..Default::default() }).await.map_err(WalkStopped)
    }

    /// Sells a card whose bank asks its payer; answers with the invoice and the bank's page.
    async fn begin_challenge(&mut self) -> Option<(String, NextAction)> {
        const NAME: &str = "challenge_verbatim";
        let asked = async {
            let invoice = self.further_invoice(InvoiceWish { suffix: "bank", ..Default::default() }).await?;
            let token = invoice.token.ok_or("there is no token for the Card Gate")?;
            Ok::<(String, RawAnswer), String>((invoice.id, self.post_sale(&token, &self.sale(CHALLENGED)).await?))
        };
        match asked.await {
            Ok((id, answer)) => match bank_page(&answer) {
                Some(page) => Some((id, page)),
                None => {
                    self.findings.disproved(NAME, format!("{}, without a page that can be passed on", answer.words()));
                    None
                }
            },
            Err(why) => {
                self.findings.untested(NAME, why);
                None
            }
        }
    }

    /// Waits until an invoice has ended after its payer acted on a page; answers whether it is paid.
    async fn judge_page(&mut self, name: &str, id: &str, patience: Duration) -> bool {
        match self.watch(id, patience, has_ended).await {
            Some(invoice) if is_paid(&invoice) => {
                self.findings.proved(name, "the payment was made there");
                true
            }
            Some(invoice) if has_ended(&invoice) => {
                let why = format!("the payment ended as {:?}", invoice.attributes.status);
                self.findings.disproved(name, why);
                false
            }
            _ => {
                self.findings.untested(name, format!("nobody acted on the page within {} s", patience.as_secs()));
                false
            }
        }
    }
}
