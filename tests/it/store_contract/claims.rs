//! Claims: many workers take what is due; each thing is taken by one of them.

use std::collections::HashSet;

use corefy_gateway::{
    domain::{
        ids::{Ids, PaymentIntentId},
        operation::{Operation, OperationKind, OperationState},
    },
    store::{Change, Store},
};
use tokio::task::JoinSet;

use super::objects::{
    NOW, acme, after, arrival, commit, new_intent, operation, payment_intent, reservation, save_operation, webhook,
};
use crate::{on_three, support::database::TestDatabase};

on_three![
    eight_claimers_take_every_due_operation_once,
    eight_claimers_take_every_due_webhook_once,
    eight_claimers_take_every_due_poll_once,
    a_claim_takes_no_more_than_its_limit_and_those_that_wait_longest,
    a_lease_keeps_others_away_until_it_ends,
    an_operation_that_needs_an_operator_is_claimed_only_for_its_subject,
    a_claim_for_a_subject_takes_everything_on_its_money,
];

/// How much is due.
const DUE: usize = 200;
/// How many claim at the same time.
const CLAIMERS: usize = 8;
/// How much each takes at a time.
const BATCH: u32 = 7;

/// The kinds of claims.
#[derive(Clone, Copy)]
enum Claim {
    Operations,
    Webhooks,
    Polls,
}

impl Claim {
    /// Takes a batch; the ids of what was taken.
    async fn take(self, store: &Store) -> Vec<String> {
        let (now, until) = (after(60), after(120));
        match self {
            Self::Operations => ids(store.claim_due_operations(now, until, BATCH).await.unwrap()),
            Self::Webhooks => {
                let claimed = store.claim_due_webhooks(now, until, BATCH).await.unwrap();
                claimed.into_iter().map(|webhook| webhook.id.to_string()).collect()
            }
            Self::Polls => {
                let claimed = store.claim_polls(now, until, BATCH).await.unwrap();
                claimed.iter().map(ToString::to_string).collect()
            }
        }
    }

    /// Claims until nothing is left; the ids of all that was taken.
    async fn take_all(self, store: Store) -> Vec<String> {
        let mut taken = Vec::new();
        loop {
            let batch = self.take(&store).await;
            assert!(batch.len() <= BATCH as usize, "more than the limit was taken");
            if batch.is_empty() {
                return taken;
            }
            taken.extend(batch);
        }
    }
}

fn ids(operations: Vec<Operation>) -> Vec<String> {
    operations.into_iter().map(|operation| operation.id.to_string()).collect()
}

/// Lets [`CLAIMERS`] take until nothing is left, and checks that [`DUE`] things were taken, none twice.
async fn all_are_taken_once(store: &Store, claim: Claim) {
    let claimers: JoinSet<_> = (0..CLAIMERS).map(|_| claim.take_all(store.clone())).collect();
    let taken: Vec<_> = claimers.join_all().await.into_iter().flatten().collect();
    assert_eq!(taken.len(), DUE);
    assert_eq!(taken.iter().collect::<HashSet<_>>().len(), DUE, "one was taken twice");
}

async fn eight_claimers_take_every_due_operation_once(database: TestDatabase) {
    let store = database.store().await;
    let due = (0..DUE).map(|_| reservation(&operation(OperationKind::CreateCustomer, "cus_1", None), None));
    commit(&store, due).await.unwrap();
    all_are_taken_once(&store, Claim::Operations).await;
}

async fn eight_claimers_take_every_due_webhook_once(database: TestDatabase) {
    let store = database.store().await;
    commit(&store, (0..DUE).map(|number| arrival(&webhook(&number.to_string())))).await.unwrap();
    all_are_taken_once(&store, Claim::Webhooks).await;
}

async fn eight_claimers_take_every_due_poll_once(database: TestDatabase) {
    let store = database.store().await;
    let intents: Vec<_> = (0..DUE).map(|_| payment_intent(acme(), None)).collect();
    commit(&store, intents.iter().map(new_intent)).await.unwrap();
    let mut due = Vec::new();
    for intent in &intents {
        let mut tracked = store.payment_intent_tracked(&intent.id).await.unwrap().unwrap();
        tracked.require_unchanged();
        due.push(Change::PaymentIntent(Box::new(tracked), Some(NOW)));
    }
    commit(&store, due).await.unwrap();
    all_are_taken_once(&store, Claim::Polls).await;
}

async fn a_claim_takes_no_more_than_its_limit_and_those_that_wait_longest(database: TestDatabase) {
    let store = database.store().await;
    let mut expected = Vec::new();
    for second in [30, 10, 20, 0] {
        let sent_at = after(second);
        let written = Operation { sent_at, ..operation(OperationKind::CreateCustomer, "cus_1", None) };
        save_operation(&store, &Operation { lease_until: sent_at, ..written.clone() }).await;
        expected.push((second, written.id.to_string()));
    }
    expected.sort();
    let taken = ids(store.claim_due_operations(after(60), after(120), 2).await.unwrap());
    let wanted: HashSet<_> = expected[..2].iter().map(|(_, id)| id.clone()).collect();
    assert_eq!(HashSet::from_iter(taken), wanted);
}

async fn a_lease_keeps_others_away_until_it_ends(database: TestDatabase) {
    let store = database.store().await;
    let held = operation(OperationKind::CreateCustomer, "cus_1", None);
    save_operation(&store, &held).await;
    assert!(
        ids(store.claim_due_operations(after(9), after(69), 9).await.unwrap()).is_empty(),
        "its first holder has it"
    );
    assert!(ids(store.claim_operations_for("cus_1", after(9), after(69)).await.unwrap()).is_empty());
    assert_eq!(ids(store.claim_due_operations(after(10), after(70), 9).await.unwrap()), [held.id.to_string()]);
    assert!(ids(store.claim_operations_for("cus_1", after(69), after(129)).await.unwrap()).is_empty());
    let claimed = store.claim_operations_for("cus_1", after(70), after(130)).await.unwrap().remove(0);
    assert_eq!((claimed.epoch, claimed.lease_until), (3, after(130)));
}

async fn an_operation_that_needs_an_operator_is_claimed_only_for_its_subject(database: TestDatabase) {
    let store = database.store().await;
    let written =
        Operation { state: OperationState::NeedsOperator, ..operation(OperationKind::CreateCustomer, "cus_1", None) };
    save_operation(&store, &written).await;
    assert!(store.claim_due_operations(after(60), after(120), 9).await.unwrap().is_empty());
    assert_eq!(
        ids(store.claim_operations_for("cus_1", after(60), after(120)).await.unwrap()),
        [written.id.to_string()]
    );
}

async fn a_claim_for_a_subject_takes_everything_on_its_money(database: TestDatabase) {
    let store = database.store().await;
    let payment = PaymentIntentId::generate(&Ids::system());
    let confirmation = operation(OperationKind::ConfirmPaymentIntent, payment.as_str(), Some(&payment));
    let refund = operation(OperationKind::CreateRefund, "re_1", Some(&payment));
    let stranger = operation(OperationKind::CreateRefund, "re_2", Some(&PaymentIntentId::generate(&Ids::system())));
    for operation in [&confirmation, &refund, &stranger] {
        save_operation(&store, operation).await;
    }
    let claim = async |subject: &str, now: i64| {
        let claimed = store.claim_operations_for(subject, after(now), after(now + 60)).await.unwrap();
        ids(claimed).into_iter().collect::<HashSet<_>>()
    };
    let both = HashSet::from([confirmation.id.to_string(), refund.id.to_string()]);
    assert_eq!(claim(payment.as_str(), 60).await, both);
    assert_eq!(claim("re_1", 60).await, HashSet::new(), "it is held");
    assert_eq!(claim("re_1", 120).await, HashSet::from([refund.id.to_string()]));
}
