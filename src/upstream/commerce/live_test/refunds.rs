//! A refund of a part, and the way in which its invoice shows it.

use rust_decimal::Decimal;

use super::{creation::TestInvoice, walk::AccountWalk};
use crate::domain::money::Money;
use crate::upstream::{
    commerce::wire::{ObjectBody, RefundAnswer, RefundInvoiceBody, RequestBody, WireInvoice},
    values::Amount,
};

impl AccountWalk {
    /// Gives half of the paid invoice back.
    pub(super) async fn give_back(&mut self, paid: &TestInvoice) {
        const NAME: &str = "refund_address";
        let reference = self.reference("refund");
        let Money { minor, currency } = self.plan.amount;
        let amount = Money { minor: minor / 2, currency }.major();
        let attributes = RefundInvoiceBody {
            invoice_id: paid.id.clone(),
            amount: Amount(amount),
            reference_id: reference.clone(),
            description: Some("Test of a connection".to_owned()),
        };
        let body = RequestBody { data: ObjectBody { kind: "refund", id: Some(paid.id.clone()), attributes } };
        let answer = match self.post_refund(&paid.id, &body).await {
            Ok(answer) => answer,
            Err(why) => return self.findings.untested(NAME, why),
        };
        let read = answer.success::<RefundAnswer>();
        self.findings.judge(
            NAME,
            match read {
                Some(RefundAnswer::Refund(_)) => Ok(format!("{}, by the new model", answer.words())),
                Some(RefundAnswer::Invoice(_)) => Ok(format!("{}, by the old model", answer.words())),
                None => Err(answer.words()),
            },
        );
        if answer.status.is_success() {
            self.judge_listing(&paid.id, &reference, amount).await;
        }
    }

    async fn judge_listing(&mut self, id: &str, reference: &str, amount: Decimal) {
        const NAME: &str = "refund_list";
        let shows = |invoice: &WireInvoice| is_listed(invoice, reference) || is_summed(invoice, amount);
        let Some(invoice) = self.watch(id, self.plan.outcome_patience, shows).await else {
            return self.findings.untested(NAME, "the invoice could not be read");
        };
        self.findings.judge(
            NAME,
            match (is_listed(&invoice, reference), is_summed(&invoice, amount)) {
                (true, _) => Ok("it is listed with its reference".to_owned()),
                (false, true) => Ok("the sum of the refunds is told".to_owned()),
                (false, false) => Err(format!("it shows neither within {} s", self.plan.outcome_patience.as_secs())),
            },
        );
    }
}

fn is_listed(invoice: &WireInvoice, reference: &str) -> bool {
    let refunds = invoice.attributes.refunds.as_ref();
    refunds.is_some_and(|list| list.read.iter().any(|refund| refund.reference_id.as_deref() == Some(reference)))
}

fn is_summed(invoice: &WireInvoice, amount: Decimal) -> bool {
    invoice.attributes.refunded_amount.is_some_and(|told| told.0 == amount)
}
