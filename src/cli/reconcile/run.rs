//! A comparison under way: what it is at, and what it has found.

use super::{
    cursor::{Cursor, Place},
    report::{Found, Report},
};
use crate::{
    app::reconciliation::{Reconciliation, ReconciliationRun},
    cli::{failure::CommandFailure, progress::Progress},
    domain::{
        ids::PartnerId,
        payment_intent::PaymentIntent,
        reconciliation::{Difference, Totals},
    },
};

/// The comparison.
pub(super) struct Run {
    pub(super) reconciliation: Reconciliation,
    pub(super) plan: ReconciliationRun,
    pub(super) cursor: Cursor,
    report: Report,
    progress: Progress,
}

impl Run {
    /// Goes on from `cursor`.
    pub(super) fn new(
        reconciliation: Reconciliation,
        plan: ReconciliationRun,
        report: Report,
        cursor: Cursor,
        is_quiet: bool,
    ) -> Self {
        let progress = Progress::new(cursor.totals.compared, is_quiet);
        Self { reconciliation, plan, cursor, report, progress }
    }

    /// The sums of all that was found.
    pub(super) fn totals(&self) -> &Totals {
        &self.cursor.totals
    }

    /// The partners whose payments are not done, with the place of each among all, which are in order.
    pub(super) async fn partners(&self) -> Result<Vec<(PartnerId, usize, usize)>, CommandFailure> {
        let mut partners = match &self.plan.partner {
            Some(partner) => vec![partner.clone()],
            None => self.reconciliation.partners().await?,
        };
        partners.sort();
        let count = partners.len();
        let places = partners.into_iter().enumerate().map(|(place, partner)| (partner, place, count));
        Ok(places.filter(|(partner, ..)| !self.cursor.is_past(partner)).collect())
    }

    /// The partner's next payments.
    pub(super) async fn page(&self, partner: &PartnerId) -> Result<Vec<PaymentIntent>, CommandFailure> {
        let after = self.cursor.position(partner);
        Ok(self.reconciliation.payments(partner, self.plan.created, after.as_ref()).await?)
    }

    /// Notes the differences of a payment, which may be none, and settles it if that is asked for.
    pub(super) async fn compared(
        &mut self,
        intent: &PaymentIntent,
        differences: &[Difference],
    ) -> Result<(), CommandFailure> {
        self.cursor.totals.compared += 1;
        for difference in differences {
            self.cursor.totals.add(difference);
            self.report.write(Found::of(intent, difference))?;
        }
        if self.plan.applies && self.reconciliation.apply(intent, differences).await? {
            self.cursor.settled += 1;
        }
        Ok(())
    }

    /// Notes a payment of Corefy's that is not here.
    pub(super) fn missing_here(&mut self, upstream_id: &str, difference: &Difference) -> Result<(), CommandFailure> {
        self.cursor.totals.compared += 1;
        self.cursor.totals.add(difference);
        self.report.write(Found::elsewhere(upstream_id, difference))
    }

    /// Notes a payment that could not be compared.
    pub(super) fn not_compared(&mut self, intent: &PaymentIntent, why: &str) {
        self.cursor.totals.not_compared += 1;
        anstream::eprintln!("{} could not be compared: {why}", intent.id);
    }

    /// Notes that all is done up to this payment.
    pub(super) fn done_until(&mut self, intent: &PaymentIntent, share: f64) -> Result<(), CommandFailure> {
        let (partner, created_at) = (intent.partner_id.clone(), intent.created_at);
        self.cursor.payment = Some(Place { partner, created_at, id: intent.id.to_string() });
        self.checkpoint(share)
    }

    /// Makes durable what was found so far.
    pub(super) fn checkpoint(&mut self, share: f64) -> Result<(), CommandFailure> {
        self.report.checkpoint(&self.cursor)?;
        self.progress.advance(share, self.cursor.totals.compared);
        Ok(())
    }

    /// Ends the report, and says what was found.
    pub(super) fn finish(self) -> Result<(), CommandFailure> {
        self.progress.finish();
        let (totals, settled) = (&self.cursor.totals, self.cursor.settled);
        self.report.finish(totals)?;
        let sentence = sentence(totals, self.plan.applies.then_some(settled));
        match (totals.not_compared, totals.real()) {
            (0, 0) => {
                anstream::eprintln!("{sentence}");
                Ok(())
            }
            (0, _) => Err(CommandFailure::Differences(sentence)),
            _ => Err(CommandFailure::Failed(sentence)),
        }
    }
}

fn sentence(totals: &Totals, settled: Option<u64>) -> String {
    let mut sentence = format!(
        "{} payments compared: {} differences, and {} of what is under way",
        totals.compared,
        totals.real(),
        totals.pending()
    );
    if totals.not_compared > 0 {
        sentence += &format!("; {} could not be compared", totals.not_compared);
    }
    if let Some(settled) = settled {
        sentence += &format!("; {settled} of them settled by Corefy's word");
    }
    sentence
}
