//! The comparison with what Corefy says now, payment by payment.

use tokio::task::JoinSet;

use super::run::Run;
use crate::{
    app::reconciliation::CompareError,
    cli::{failure::CommandFailure, progress::share_of_time},
    domain::{payment_intent::PaymentIntent, reconciliation::Difference},
};

/// How many payments Corefy is asked about at the same time.
const AT_ONCE: usize = 8;
/// How many payments in a row may have no answer before the comparison ends: then it is Corefy, and not a payment.
const UNANSWERED_IN_A_ROW: u32 = 16;

type Answer = Result<Vec<Difference>, CompareError>;

impl Run {
    /// Compares every payment of the range with Corefy's answer about it.
    pub(super) async fn against_corefy(&mut self) -> Result<(), CommandFailure> {
        let mut unanswered = 0;
        for (partner, place, count) in self.partners().await? {
            loop {
                let page = self.page(&partner).await?;
                let Some(last) = page.last() else { break };
                for group in page.chunks(AT_ONCE) {
                    for (intent, answer) in group.iter().zip(self.ask(group).await?) {
                        self.take(intent, answer, &mut unanswered).await?;
                    }
                }
                let share = share_of_partners(self.share_of_time(last), place, count);
                self.done_until(last, share)?;
            }
        }
        self.checkpoint(1.0)
    }

    /// The differences of each of these payments, in their order.
    async fn ask(&self, group: &[PaymentIntent]) -> Result<Vec<Answer>, CommandFailure> {
        let mut asking = JoinSet::new();
        for (place, intent) in group.iter().cloned().enumerate() {
            let reconciliation = self.reconciliation.clone();
            asking.spawn(async move { (place, reconciliation.compare_with_corefy(&intent).await) });
        }
        let mut answers = Vec::with_capacity(group.len());
        while let Some(answer) = asking.join_next().await {
            answers.push(answer.map_err(|error| CommandFailure::Failed(error.to_string()))?);
        }
        answers.sort_by_key(|(place, _)| *place);
        Ok(answers.into_iter().map(|(_, answer)| answer).collect())
    }

    async fn take(
        &mut self,
        intent: &PaymentIntent,
        answer: Answer,
        unanswered: &mut u32,
    ) -> Result<(), CommandFailure> {
        match answer {
            Ok(differences) => {
                *unanswered = 0;
                self.compared(intent, &differences).await
            }
            Err(CompareError::Unanswered(_)) if *unanswered + 1 < UNANSWERED_IN_A_ROW => {
                *unanswered += 1;
                self.not_compared(intent, "Corefy gave no answer that can be read");
                Ok(())
            }
            Err(error) => Err(CommandFailure::Failed(format!("{}: {error}", intent.id))),
        }
    }

    /// The share of the range that lies before this payment.
    pub(super) fn share_of_time(&self, intent: &PaymentIntent) -> f64 {
        let from = self.plan.created.from.unwrap_or_default();
        share_of_time((from, self.cursor.to), intent.created_at)
    }
}

/// The share of all partners' payments, when this share of one partner's is done.
#[expect(clippy::cast_precision_loss, reason = "for a bar on a terminal")]
pub(super) fn share_of_partners(share: f64, place: usize, count: usize) -> f64 {
    (place as f64 + share) / count.max(1) as f64
}
