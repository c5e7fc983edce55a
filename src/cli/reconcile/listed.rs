//! The comparison with a file of Corefy's books: first each row of it with the payment here, then the payments here that no row
//! was about.

use std::collections::HashSet;

use sha2::{Digest as _, Sha256};

use super::{
    books::share_of_partners,
    run::Run,
    their_file::{TheirFile, TheirRow},
};
use crate::{
    cli::failure::CommandFailure,
    domain::{
        clock::Timestamp,
        payment_intent::PaymentIntent,
        reconciliation::{Shown, missing_here},
    },
};

/// How many rows are compared between two checkpoints.
const ROWS_A_STEP: u64 = 500;

/// The payments that the file has: 16 bytes of each, whatever its row has.
#[derive(Default)]
struct Listed(HashSet<u128>);

impl Listed {
    /// Notes a row. `false`: an earlier one was about the same payment.
    fn add(&mut self, row: &TheirRow) -> bool {
        let reference = || row.reference.as_deref().map(|reference| key("reference", reference));
        row.id.as_deref().map(|id| key("id", id)).or_else(reference).is_none_or(|key| self.0.insert(key))
    }

    /// Whether a row was about this payment.
    fn has(&self, intent: &PaymentIntent) -> bool {
        let ids = [&intent.upstream_id, &intent.upstream_payment_id];
        let mut keys = ids.into_iter().flatten().map(|id| key("id", id)).chain([key("reference", intent.id.as_str())]);
        keys.any(|key| self.0.contains(&key))
    }
}

fn key(kind: &str, text: &str) -> u128 {
    let digest = Sha256::new().chain_update(kind).chain_update([0]).chain_update(text).finalize();
    digest.iter().take(16).fold(0, |key, byte| (key << 8) | u128::from(*byte))
}

impl Run {
    /// Compares the file with the payments of the range.
    pub(super) async fn against_file(&mut self, mut file: TheirFile) -> Result<(), CommandFailure> {
        let listed = self.rows(&mut file).await?;
        for (partner, place, count) in self.partners().await? {
            loop {
                let page = self.page(&partner).await?;
                let Some(last) = page.last() else { break };
                for intent in page.iter().filter(|intent| !listed.has(intent)) {
                    let found = self.reconciliation.compare(intent, Shown::NotListed, file.as_of).await?;
                    self.compared(intent, &found).await?;
                }
                let share = share_of_partners(self.share_of_time(last), place, count);
                self.done_until(last, 0.5 + share / 2.0)?;
            }
        }
        self.checkpoint(1.0)
    }

    /// Compares each row that was not compared before the comparison was stopped, and notes all.
    async fn rows(&mut self, file: &mut TheirFile) -> Result<Listed, CommandFailure> {
        let (mut listed, mut number) = (Listed::default(), 0_u64);
        while let Some(row) = file.next_row()? {
            number += 1;
            let is_new = listed.add(&row);
            if number <= self.cursor.rows {
                continue;
            }
            if is_new && self.is_in_range(row.created_at) {
                self.row(&row, file.as_of).await?;
            }
            self.cursor.rows = number;
            if number.is_multiple_of(ROWS_A_STEP) {
                self.checkpoint(file.share() / 2.0)?;
            }
        }
        Ok(listed)
    }

    async fn row(&mut self, row: &TheirRow, as_of: Timestamp) -> Result<(), CommandFailure> {
        let theirs = row.payment();
        let ours = self.reconciliation.payment_named(row.id.as_deref(), row.payment_intent_id.as_ref()).await?;
        let Some(intent) = ours else {
            let name = row.id.as_deref().or(row.reference.as_deref()).unwrap_or_default();
            return match missing_here(&theirs, self.reconciliation.patience(as_of)) {
                Some(difference) => self.missing_here(name, &difference),
                None => Ok(()),
            };
        };
        let is_wanted = self.plan.partner.as_ref().is_none_or(|partner| *partner == intent.partner_id);
        if !is_wanted || !self.is_in_range(Some(intent.created_at)) {
            return Ok(());
        }
        let found = self.reconciliation.compare(&intent, Shown::Payment(theirs), as_of).await?;
        self.compared(&intent, &found).await
    }

    /// Whether what was created then is compared; what does not say is.
    fn is_in_range(&self, created_at: Option<Timestamp>) -> bool {
        let range = self.plan.created;
        created_at.is_none_or(|at| range.from.is_none_or(|from| from <= at) && range.before.is_none_or(|end| at < end))
    }
}
