//! The operator of a run: says of what is in doubt what Corefy's own pages show.

use std::sync::atomic::Ordering;

use corefy_gateway::{
    app::operations::{OperationAdmin, Resolution},
    domain::{
        environment::Environment, list_filters::OperationFilter, operation::OperationKind, resolution::StatedOutcome,
    },
};

use super::{threshold::DayTime, world::World};
use crate::support::{app::START, operator::jane};

/// Operations that an operator looks at.
const IN_DOUBT: u32 = 20;

impl World {
    /// An operator says of everything that is in doubt what Corefy's own pages show, once nothing can arrive any more.
    pub async fn resolve(&self) {
        let environment = Environment::from_seed(START, self.circumstances.seed);
        DayTime::new(environment.clock.clone(), self.circumstances.time.clone()).follow();
        let operators = OperationAdmin::new(self.judge.store.clone(), environment);
        if self.network.under_way.load(Ordering::Relaxed) > 0 {
            return;
        }
        let ledger = self.network.corefy.ledger();
        for stored in operators.list(&OperationFilter::default(), IN_DOUBT).await.unwrap() {
            let operation = stored.operation;
            let moved = match (operation.kind, &operation.payment_intent_id) {
                (OperationKind::ConfirmPaymentIntent, Some(id))
                    if !self.shows(id.as_str(), &["processing", "requires_action"]) =>
                {
                    ledger.charged(id.as_str()) > 0
                }
                (OperationKind::CreateRefund, _) => {
                    let subject = Some(operation.subject_id.as_str());
                    ledger.entries.iter().any(|entry| entry.refund_reference.as_deref() == subject)
                }
                _ => continue,
            };
            let outcome = if moved { StatedOutcome::Succeeded } else { StatedOutcome::Failed };
            let reason = "seen at Corefy".to_owned();
            let resolution = Resolution { outcome, received: None, reason, operator: jane() };
            let resolved = operators.resolve(&operation.id, resolution).await;
            self.judge.note(|| format!("an operator says that {} has {outcome:?}: {resolved:?}", operation.id));
        }
    }

    /// Whether Corefy shows a payment of the intent with one of these states.
    pub fn shows(&self, intent: &str, words: &[&str]) -> bool {
        let payments = self.network.corefy.payments();
        let mut of_it =
            payments.iter().filter(|shown| shown.reference_id.as_deref().is_some_and(|own| own.starts_with(intent)));
        of_it.any(|shown| words.contains(&shown.status.as_str()))
    }
}
