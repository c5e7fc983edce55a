//! The card that was saved while it paid, and a charge of it without its payer.

use secrecy::SecretString;

use super::{
    answer::{has_ended, is_paid},
    creation::{InvoiceWish, TestInvoice},
    walk::AccountWalk,
};

impl AccountWalk {
    /// Charges the card that the invoice was paid with.
    pub(super) async fn charge_saved_card(&mut self, paid: &TestInvoice) {
        const NAME: &str = "instant";
        let Some(token) = self.saved_card(paid).await else {
            return self.findings.untested(NAME, "there is no saved card");
        };
        let wish = InvoiceWish { suffix: "instant", charges: Some(token), ..Default::default() };
        let invoice = match self.further_invoice(wish).await {
            Ok(invoice) => invoice,
            Err(why) => return self.findings.disproved(NAME, why),
        };
        let ended = self.watch(&invoice.id, self.plan.outcome_patience, has_ended).await;
        self.findings.judge(
            NAME,
            match ended {
                Some(invoice) if is_paid(&invoice) => Ok("the creation charged it".to_owned()),
                Some(invoice) => Err(format!("the invoice is {:?}", invoice.attributes.status)),
                None => Err("the invoice could not be read".to_owned()),
            },
        );
    }

    async fn saved_card(&mut self, paid: &TestInvoice) -> Option<SecretString> {
        const NAME: &str = "token_after_tokenize";
        let shown = self.watch(&paid.id, self.plan.outcome_patience, |invoice| {
            invoice.attributes.payload.as_ref().is_some_and(|payload| payload.token.is_some())
        });
        let payload = shown.await.and_then(|invoice| invoice.attributes.payload);
        let token = payload.and_then(|payload| payload.token).map(|token| token.expose().into());
        self.findings.judge(
            NAME,
            match token {
                Some(_) => Ok("it is there".to_owned()),
                None => {
                    Err(format!("it is not there within {} s of the payment", self.plan.outcome_patience.as_secs()))
                }
            },
        );
        token
    }
}
